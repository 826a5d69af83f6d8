/* The log: format, escaping, rate, rotation, disks and pipes that are full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static char path[64], moved[80];

static void
make_paths(void)
{
	text_format(path, sizeof(path), "/tmp/carpool_test_log.%d",
		    (int)getpid());
	text_format(moved, sizeof(moved), "%s.old", path);
}

/* The file's text, owned by the caller. */
static char *
read_file(const char *name)
{
	struct str s = { 0 };
	char buf[4096];
	ssize_t n;
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		str_add(&s, buf, (size_t)n);
	close(fd);
	return str_take(&s);
}

/* Waits until the writer has opened and written the file. */
static void
wait_for_bytes(const char *name)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	struct stat st = { 0 };

	for (int i = 0; i < 5000 && st.st_size == 0; i++) {
		nanosleep(&pause, NULL);
		assert_int_equal(stat(name, &st), 0);
	}
	assert_true(st.st_size > 0);
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void
open_log(const char *file, enum log_level level)
{
	struct log_target target = { .file = file, .level = level };

	assert_int_equal(log_open(&target), 0);
}

static void
line_format(void **state)
{
	char q[LOG_QUOTE_MAX], when[32], zone[16], level[16], rest[128];
	char *text;
	int pid;

	(void)state;
	open_log(path, LOG_INFO);
	assert_true(log_enabled(LOG_INFO));
	assert_false(log_enabled(LOG_DEBUG));
	log_event(LOG_DEBUG, "hidden", "x=%d", 1);
	log_event(LOG_WARNING, "client_login", "user=%s db=%s n=%d",
		  log_quote("bob", q), "postgres", 5);
	log_event(LOG_INFO, "bare", "%s", "");
	log_close();
	text = read_file(path);
	assert_int_equal(count_lines(text), 2);
	assert_int_equal(sscanf(text, "%23[-0-9: .] %15s [%d] %15s %127[^\n]",
				when, zone, &pid, level, rest),
			 5);
	assert_int_equal(strlen(when), 23);
	assert_int_equal(pid, getpid());
	assert_string_equal(level, "WARNING");
	assert_string_equal(rest, "client_login user=bob db=postgres n=5");
	assert_non_null(strstr(text, "INFO bare\n"));
	mem_free(text);
	unlink(path);
}

static void
lines_cannot_be_forged(void **state)
{
	char *text;

	(void)state;
	open_log(path, LOG_INFO);
	log_event(LOG_INFO, "evil", "name=%s", "a\n2026 [1] ERROR x\r\t\x1b[m");
	log_close();
	text = read_file(path);
	assert_int_equal(count_lines(text), 1);
	assert_non_null(
		strstr(text, "a\\x0a2026 [1] ERROR x\\x0d\\x09\\x1b[m"));
	mem_free(text);
	unlink(path);
}

static void
quoting(void **state)
{
	static const struct {
		const char *value, *quoted;
	} cases[] = {
		{ "plain", "plain" },
		{ "a.b-c_d/e:1", "a.b-c_d/e:1" },
		{ "", "\"\"" },
		{ "two words", "\"two words\"" },
		{ "a=b", "\"a=b\"" },
		{ "say \"x\"", "\"say \\\"x\\\"\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "nl\n", "\"nl\\x0a\"" },
		{ "\xc3\xa9", "\"\\xc3\\xa9\"" },
	};
	char out[LOG_QUOTE_MAX], longer[400];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(log_quote(cases[i].value, out),
				    cases[i].quoted);
	for (size_t len = LOG_QUOTE_MAX - 12; len < sizeof(longer); len++) {
		for (int c = 0; c < 2; c++) {
			memset(longer, c == 0 ? 'x' : 1, len);
			longer[len - 1] = '\0';
			assert_true(strlen(log_quote(longer, out)) <
				    LOG_QUOTE_MAX);
			if (len > LOG_QUOTE_MAX)
				assert_non_null(strstr(out, "...\""));
		}
	}
}

static void
rate_limit_reports_what_it_held(void **state)
{
	struct log_rate rate = LOG_RATE(3);
	int allowed = 0;
	char *text;

	(void)state;
	open_log(path, LOG_INFO);
	/* As if a second had just begun, and 17 were too many in the last. */
	rate.held = 17;
	for (int i = 0; i < 3; i++) {
		if (log_allow(&rate)) {
			log_event(LOG_INFO, "often", "i=%d", i);
			allowed++;
		}
	}
	assert_true(allowed == 3);
	for (int i = 0; i < 5; i++)
		allowed += log_allow(&rate);
	/* The clock may pass into the next second once. */
	assert_true(allowed <= 6);
	log_close();
	text = read_file(path);
	assert_non_null(strstr(text, "often i=0 suppressed=17\n"));
	assert_non_null(strstr(text, "often i=1\n"));
	mem_free(text);
	unlink(path);
}

static void
rotation(void **state)
{
	char *old_text, *new_text;

	(void)state;
	open_log(path, LOG_INFO);
	log_event(LOG_INFO, "before", "n=%d", 1);
	wait_for_bytes(path);
	assert_int_equal(rename(path, moved), 0);
	log_event(LOG_INFO, "before", "n=%d", 2);
	assert_int_equal(log_reopen(), 0);
	log_event(LOG_INFO, "after", "n=%d", 3);
	log_close();
	old_text = read_file(moved);
	new_text = read_file(path);
	assert_int_equal(count_lines(old_text), 2);
	assert_int_equal(count_lines(new_text), 1);
	assert_null(strstr(old_text, "after"));
	assert_non_null(strstr(new_text, "after n=3"));
	mem_free(old_text);
	mem_free(new_text);
	unlink(path);
	unlink(moved);
}

static void
bad_target_keeps_the_old(void **state)
{
	struct log_target bad = { .file = "/nonexistent/dir/log" };
	char *text;

	(void)state;
	open_log(path, LOG_INFO);
	assert_int_equal(log_open(&bad), ENOENT);
	log_event(LOG_INFO, "still_here", "n=%d", 1);
	log_close();
	text = read_file(path);
	assert_non_null(strstr(text, "still_here"));
	mem_free(text);
	unlink(path);
}

static void
full_disk_drops_and_goes_on(void **state)
{
	uint64_t before = log_dropped();
	char *text;

	(void)state;
	open_log("/dev/full", LOG_INFO);
	for (int i = 0; i < 1000; i++)
		log_event(LOG_INFO, "lost", "n=%d", i);
	log_close();
	open_log(path, LOG_INFO);
	log_event(LOG_INFO, "found", "n=%d", 1);
	log_close();
	assert_int_equal(log_dropped() - before, 1000);
	text = read_file(path);
	assert_non_null(strstr(text, "found n=1"));
	assert_non_null(strstr(text, "log_dropped lines=1000"));
	mem_free(text);
	unlink(path);
}

/* A pipe that nobody reads: the callers go on, the queue stays bounded. */
static void
stuck_pipe_blocks_nobody(void **state)
{
	char filler[1000];
	uint64_t before = log_dropped();
	usec_t start;
	int reader;

	(void)state;
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	open_log(path, LOG_INFO);
	start = clock_now();
	for (int i = 0; i < 3000; i++)
		log_event(LOG_INFO, "much", "f=%s", filler);
	assert_true(clock_now() - start < 5 * USEC_PER_SEC);
	assert_true(log_dropped() > before);
	/* Closing the reader makes each write fail at once. */
	close(reader);
	log_close();
	unlink(path);
}

static void *
log_much(void *arg)
{
	int id = *(const int *)arg;

	for (int i = 0; i < 500; i++)
		log_event(LOG_INFO, "thread", "id=%d n=%d", id, i);
	return NULL;
}

static void
many_threads(void **state)
{
	pthread_t threads[4];
	int ids[4] = { 0, 1, 2, 3 }, found = 0;
	char *text;

	(void)state;
	open_log(path, LOG_INFO);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, log_much, &ids[i]),
			0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(log_reopen(), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	log_close();
	text = read_file(path);
	/* The count of lines lost before may be among them. */
	for (const char *p = text; (p = strstr(p, " thread id=")) != NULL; p++)
		found++;
	assert_int_equal(found, 2000);
	mem_free(text);
	unlink(path);
}

/* Before log_open and after log_close lines go to standard error. */
static void
standard_error(void **state)
{
	struct log_target target = { .to_stderr = true, .level = LOG_INFO };
	int saved = dup(STDERR_FILENO);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	char *text;

	(void)state;
	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, STDERR_FILENO);
	log_event(LOG_INFO, "early", "n=%d", 1);
	assert_int_equal(log_open(&target), 0);
	log_event(LOG_INFO, "middle", "n=%d", 2);
	log_close();
	log_close();
	log_event(LOG_INFO, "late", "n=%d", 3);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd);
	text = read_file(path);
	assert_int_equal(count_lines(text), 3);
	assert_true(strstr(text, "early") < strstr(text, "middle"));
	assert_true(strstr(text, "middle") < strstr(text, "late"));
	mem_free(text);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_format),
		cmocka_unit_test(lines_cannot_be_forged),
		cmocka_unit_test(quoting),
		cmocka_unit_test(rate_limit_reports_what_it_held),
		cmocka_unit_test(rotation),
		cmocka_unit_test(bad_target_keeps_the_old),
		cmocka_unit_test(full_disk_drops_and_goes_on),
		cmocka_unit_test(stuck_pipe_blocks_nobody),
		cmocka_unit_test(many_threads),
		cmocka_unit_test(standard_error),
	};

	make_paths();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
