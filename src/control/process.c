/*
 * The process: user, descriptors, background, log target.  Main thread at the
 * start; the log and the descriptors again at each reload.
 */
#include "control/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CARPOOL_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CARPOOL_SANITIZED 1
#endif

/* Log, listening sockets, event loops and a little air. */
#define DESCRIPTORS_SPARE 64u

enum core_file { CORE_NONE, CORE_WHOLE };

/* How large a core file may be: nothing, or what the hard limit lets. */
static void
allow_core(enum core_file core)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) != 0)
		return;
	limit.rlim_cur = core == CORE_NONE ? 0 : limit.rlim_max;
	(void)setrlimit(RLIMIT_CORE, &limit);
}

void
process_prepare(void)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	/* Memory holds secrets, from before the configuration is read. */
	allow_core(CORE_NONE);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void
process_harden(const struct settings *set)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (set->core_dumps != 0)
		allow_core(CORE_WHOLE);
#ifndef CARPOOL_SANITIZED
	/* A leak check traces its own process, which this forbids. */
	if (set->core_dumps == 0)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* The most servers of a database, as far as the settings bound them. */
static uint64_t
servers_of(const struct snapshot *s, const struct config_database *db)
{
	uint64_t users = snapshot_user_count(s);

	if (db->max_connections > 0)
		return db->max_connections;
	if (db->user != NULL || users == 0)
		users = 1;
	return users * ((uint64_t)db->pool_size + db->reserve_pool_size);
}

void
process_check_descriptors(const struct snapshot *s)
{
	uint64_t need = snapshot_settings(s)->max_client_conn;
	struct rlimit limit;

	need += DESCRIPTORS_SPARE;
	for (size_t i = 0; i < snapshot_database_count(s); i++)
		need += servers_of(s, snapshot_database_at(s, i));
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || need <= limit.rlim_cur)
		return;
	log_event(LOG_WARNING, "few_descriptors",
		  "limit=%llu wanted=%llu hint=\"raise the limit of open files "
		  "(ulimit -Hn, LimitNOFILE=) or lower max_client_conn\"",
		  (unsigned long long)limit.rlim_cur, (unsigned long long)need);
}

int
process_log_open(const struct snapshot *s, enum log_console console)
{
	const struct settings *set = snapshot_settings(s);
	bool has_file = set->logfile[0] != '\0';
	bool is_quiet = console == LOG_CONSOLE_QUIET;
	struct log_target target = {
		/* Without a file the log would fall back to stderr. */
		.file = is_quiet && !has_file ? "/dev/null" : set->logfile,
		.to_stderr = !is_quiet,
		.level = set->verbose > 0 ? LOG_DEBUG : LOG_INFO,
	};

	return log_open(&target);
}

/* Somebody who is not root stays who it is, whatever the setting says. */
static bool
keep_user(const char *user)
{
	const struct passwd *pw = user[0] != '\0' ? getpwnam(user) : NULL;
	char quoted[LOG_QUOTE_MAX];

	if (user[0] != '\0' && (pw == NULL || pw->pw_uid != geteuid()))
		log_event(LOG_WARNING, "user_ignored",
			  "user=%s hint=\"only root can become another user\"",
			  log_quote(user, quoted));
	return true;
}

bool
process_become(const char *user, char *error, size_t error_size)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return keep_user(user);
	if (user[0] == '\0') {
		text_format(error, error_size,
			    "must not run as root: name another user with the "
			    "setting `user` or with -u");
		return false;
	}
	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL) {
		text_format(error, error_size, "user: there is no user \"%s\"",
			    user);
		return false;
	}
	if (pw->pw_uid == 0) {
		text_format(error, error_size,
			    "user: must not run as root, which \"%s\" is",
			    user);
		return false;
	}
	if (initgroups(pw->pw_name, pw->pw_gid) == 0 &&
	    setgid(pw->pw_gid) == 0 && setuid(pw->pw_uid) == 0)
		return true;
	text_format(error, error_size, "user: cannot become \"%s\": %s", user,
		    strerrordesc_np(errno));
	return false;
}

/* The old process: ends as the new one's start went. */
static _Noreturn void
wait_for_ready(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

int
process_detach(void)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0) {
		close(fds[1]);
		wait_for_ready(fds[0]);
	}
	close(fds[0]);
	(void)setsid();
	return fds[1];
}

void
process_ready(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	char byte = 0;

	if (null >= 0) {
		for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
			(void)dup2(null, i);
		close(null);
	}
	(void)!write(fd, &byte, 1);
	close(fd);
}
