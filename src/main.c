/*
 * The program: reads the command line, builds what there is to build, runs the
 * control loop until the end is asked for, and takes everything down again.
 * Wiring alone: what the parts do stands in their own folders.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/console.h"
#include "auth/entropy.h"
#include "auth/key_cache.h"
#include "auth/rsa_key.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "config/cli.h"
#include "config/snapshot.h"
#include "control/control.h"
#include "control/cpus.h"
#include "control/pidfile.h"
#include "control/places.h"
#include "control/process.h"
#include "control/reload.h"
#include "core/core.h"
#include "io/helper.h"
#include "io/listen.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/tls.h"
#include "protocols.h"

#define HELPER_THREADS 4
/* Of their own: names that nobody answers for must not hold up logins. */
#define NAME_THREADS 4
#define ERROR_BYTES 512
/* How long the control thread waits for memory before the program ends. */
#define MEMORY_PATIENCE_MSEC 60000u

/* Everything that lives as long as the process. */
struct program {
	struct cli cli;
	struct config_source source;
	struct config_report report;  /* owns its problems */
	struct snapshot *snapshot;    /* refs */
	struct listen_set *listening; /* owns */
	struct pidfile *pidfile;      /* owns, or NULL */
	struct loop *loop;            /* owns: the control thread's */
	struct helpers *helpers;      /* owns */
	struct helpers *name_helpers; /* owns: the resolver's */
	struct resolver *resolver;    /* owns */
	struct key_cache *keys;       /* owns */
	struct rsa_key *rsa;          /* owns */
	struct control *control;      /* owns */
	struct console *console;      /* owns */
	struct core *core;            /* owns */
	uint8_t ticket_key[TLS_TICKET_KEY];
	int ready_fd;     /* owns: process_detach's; -1 = none */
	unsigned threads; /* workers */
	bool is_started;
};

static bool
complain(const char *what)
{
	fprintf(stderr, "carpool: %s\n", what);
	return false;
}

static void
print_problems(const struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct config_problem *p = &report->problems[i];
		const char *kind =
			p->kind == PROBLEM_ERROR ? "error" : "warning";

		if (p->file[0] != '\0' && p->line > 0)
			fprintf(stderr, "%s:%u: %s: %s\n", p->file, p->line,
				kind, p->text);
		else if (p->file[0] != '\0')
			fprintf(stderr, "%s: %s: %s\n", p->file, kind, p->text);
		else
			fprintf(stderr, "carpool: %s: %s\n", kind, p->text);
	}
}

/* Prints a text that was built for it; the exit status. */
static int
print_text(struct str *text)
{
	int status = fputs(str_text(text), stdout) < 0 || fflush(stdout) != 0;

	str_fini(text);
	return status;
}

/* ------------------------------------------------------------------------
 * Start
 */

static bool
open_listening(struct program *p)
{
	const struct settings *set = snapshot_settings(p->snapshot);
	struct places places = { 0 };
	char error[ERROR_BYTES] = "";

	p->threads = set->threads > 0 ? set->threads : cpus_available();
	if (places_find(&places, p->snapshot, protocols_fronts(), error,
			sizeof(error)))
		p->listening = listen_open(places.specs, places.count,
					   p->threads, error, sizeof(error));
	places_fini(&places);
	return p->listening != NULL || complain(error);
}

/* The socket's file then belongs to the user and can be removed by it, so
 * listening comes first only where it needs root's rights. */
static bool
open_as_user(struct program *p)
{
	const struct settings *set = snapshot_settings(p->snapshot);
	char error[ERROR_BYTES];
	bool is_early =
		places_are_privileged(p->snapshot) && set->user[0] != '\0';

	if (is_early && !open_listening(p))
		return false;
	if (!process_become(set->user, error, sizeof(error)))
		return complain(error);
	return is_early || open_listening(p);
}

static enum log_console
log_console(const struct program *p)
{
	return p->cli.quiet ? LOG_CONSOLE_QUIET : LOG_CONSOLE_USED;
}

static bool
open_files(struct program *p)
{
	const struct settings *set = snapshot_settings(p->snapshot);
	char error[ERROR_BYTES];
	int failed;

	if (p->cli.daemonize && set->logfile[0] == '\0')
		complain("warning: in the background without logfile: nothing "
			 "will be logged");
	if (set->pidfile[0] != '\0') {
		p->pidfile = pidfile_open(set->pidfile, error, sizeof(error));
		if (p->pidfile == NULL)
			return complain(error);
	}
	failed = process_log_open(p->snapshot, log_console(p));
	if (failed == 0)
		return true;
	snprintf(error, sizeof(error), "logfile %s: %s", set->logfile,
		 strerrordesc_np(failed));
	return complain(error);
}

/* The key for clients' passwords: of a file, or one that is made. */
static struct rsa_key *
load_rsa(const char *path)
{
	struct rsa_key *key = NULL;

	if (path[0] == '\0')
		return rsa_key_new(NULL);
	key = rsa_key_load(path);
	if (key == NULL)
		fprintf(stderr,
			"carpool: mysql_rsa_key_file %s: cannot be read, or "
			"holds no private RSA key of %u to %u bits\n",
			path, RSA_KEY_BITS, RSA_KEY_BITS_MAX);
	return key;
}

static bool
build_control(struct program *p)
{
	struct control_config config = {
		.source = &p->source,
		.snapshot = p->snapshot,
		.log_console = log_console(p),
	};

	p->loop = loop_new();
	p->helpers = helpers_new(HELPER_THREADS);
	p->name_helpers = helpers_new(NAME_THREADS);
	p->keys = key_cache_new(KEY_CACHE_MAX);
	p->rsa = load_rsa(snapshot_settings(p->snapshot)->mysql_rsa_key_file);
	if (p->loop == NULL || p->helpers == NULL || p->name_helpers == NULL ||
	    p->keys == NULL || p->rsa == NULL)
		return complain("no memory, descriptors or threads");
	p->resolver = resolver_new(p->loop, p->name_helpers,
				   snapshot_settings(p->snapshot)->resolv_conf);
	config.loop = p->loop;
	config.resolver = p->resolver;
	config.keys = p->keys;
	if (p->resolver != NULL)
		p->control = control_new(&config);
	if (p->control != NULL)
		p->console = console_new(p->control);
	if (p->console == NULL)
		return complain("no memory or descriptors");
	control_set_console(p->control, console_take, p->console);
	return true;
}

static void
log_started(const struct program *p)
{
	const struct settings *set = snapshot_settings(p->snapshot);
	char addr[LOG_QUOTE_MAX], dir[LOG_QUOTE_MAX];

	log_event(LOG_INFO, "started",
		  "version=%s pid=%d threads=%u listen_addr=%s listen_port=%u "
		  "unix_socket_dir=%s",
		  carpool_version(), (int)getpid(), p->threads,
		  log_quote(set->listen_addr, addr), set->listen_port,
		  log_quote(set->unix_socket_dir, dir));
}

static bool
build_core(struct program *p)
{
	struct core_config config = {
		.threads = p->threads,
		.fronts = protocols_fronts(),
		.helpers = p->helpers,
		.resolver = p->resolver,
		.keys = p->keys,
		.rsa = p->rsa,
		.control = p->loop,
		.listening = p->listening,
		.snapshot = p->snapshot,
		.console_submit = control_submit,
		.console_arg = p->control,
		.secret_submit = control_ask_secret,
		.secret_arg = p->control,
		.channel_submit = control_listen,
		.channel_place = control_listen_place,
		.channel_arg = p->control,
	};

	p->core = core_new(&config);
	if (p->core == NULL)
		return complain("the workers cannot be built");
	p->is_started = true;
	if (!core_start(p->core))
		return complain("the workers cannot be started");
	log_started(p);
	return true;
}

static bool
start(struct program *p)
{
	process_prepare();
	if (p->cli.daemonize) {
		p->ready_fd = process_detach();
		if (p->ready_fd < 0)
			return complain(strerrordesc_np(errno));
	}
	if (!open_as_user(p) || !open_files(p))
		return false;
	process_harden(snapshot_settings(p->snapshot));
	reload_log_problems(&p->report);
	config_report_fini(&p->report);
	auth_prepare();
	if (!build_control(p) || !build_core(p))
		return false;
	control_start(p->control, p->core);
	mem_patience(MEMORY_PATIENCE_MSEC);
	if (p->ready_fd >= 0)
		process_ready(p->ready_fd);
	p->ready_fd = -1;
	return true;
}

/* ------------------------------------------------------------------------
 * End
 */

/*
 * The helpers end while all loops still take mail; what they did is delivered
 * before the resolver goes, and answers to the workers before these go.
 */
static void
finish(struct program *p)
{
	if (p->control != NULL)
		control_stop(p->control);
	if (p->core != NULL)
		core_stop(p->core);
	if (p->loop != NULL)
		loop_drain(p->loop);
	helpers_free(p->helpers);
	resolver_cancel(p->resolver);
	helpers_free(p->name_helpers);
	if (p->loop != NULL)
		loop_drain(p->loop);
	if (p->core != NULL)
		core_free(p->core);
	listen_close(p->listening);
	resolver_free(p->resolver);
	console_free(p->console);
	control_free(p->control);
	loop_free(p->loop);
	key_cache_free(p->keys);
	rsa_key_free(p->rsa);
	pidfile_close(p->pidfile);
	if (p->is_started)
		log_event(LOG_INFO, "ended", "pid=%d", (int)getpid());
	log_close();
}

static int
run(struct program *p)
{
	int status = 1;

	p->ready_fd = -1;
	if (start(p)) {
		loop_run(p->loop, NULL, NULL);
		status = 0;
	}
	finish(p);
	return status;
}

static int
print_config(const struct snapshot *s)
{
	struct str text = { 0 };

	snapshot_print(s, &text);
	return print_text(&text);
}

/* With a configuration: looks at it, or runs under it. */
static int
configure(struct program *p)
{
	const struct cli *cli = &p->cli;
	int status = 0;

	tls_ticket_key(p->ticket_key);
	p->source = (struct config_source){
		.file = cli->file,
		.url = cli->url,
		.overrides = cli->overrides,
		.override_count = cli->override_count,
		.environment = environ,
		.ticket_key = p->ticket_key,
	};
	p->snapshot = snapshot_build(&p->source, &p->report);
	if (p->snapshot == NULL || cli->check_file != NULL || cli->print_config)
		print_problems(&p->report);
	if (p->snapshot == NULL)
		status = 1;
	else if (cli->print_config)
		status = print_config(p->snapshot);
	else if (cli->check_file == NULL)
		status = run(p);
	snapshot_unref(p->snapshot);
	config_report_fini(&p->report);
	return status;
}

static int
print_manual(void)
{
	struct str text = { 0 };

	settings_print_man(&text);
	return print_text(&text);
}

int
main(int argc, char *argv[])
{
	struct program program = { 0 };
	struct cli *cli = &program.cli;
	struct str message = { 0 };

	if (cli_parse(cli, argc, argv, getenv("DATABASE_URL"), &message) !=
	    CLI_OK) {
		fprintf(stderr, "%s\n", str_text(&message));
		str_fini(&message);
		return 1;
	}
	str_fini(&message);
	if (cli->show_help)
		return fputs(cli_usage(), stdout) < 0;
	if (cli->show_version)
		return printf("carpool %s\n", carpool_version()) < 0;
	if (cli->print_man)
		return print_manual();
	return configure(&program);
}
