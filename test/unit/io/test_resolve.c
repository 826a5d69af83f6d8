/*
 * The resolver: caching and times to live, one question in flight, answers that
 * are sets, failures that keep the last good answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "name_server.h"

static void
numeric_hosts_ask_nobody(void **state)
{
	expect(*state, "10.1.2.3", "10.1.2.3");
	expect(*state, "::1", "::1");
	expect(*state, "127.1", "127.0.0.1");
	assert_int_equal(atomic_load(&fake_calls), 0);
}

static void
answers_are_cached(void **state)
{
	struct bench *b = *state;

	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2 1.1.1.1 ::5");
	expect(b, "Db.Example", "1.1.1.1 2.2.2.2 ::5");
	expect(b, "db.example", "1.1.1.1 2.2.2.2 ::5");
	assert_int_equal(atomic_load(&fake_calls), 1);
	expect(b, "other", "1.1.1.1 2.2.2.2 ::5");
	assert_int_equal(atomic_load(&fake_calls), 2);
	/* Not found is cached as well. */
	atomic_store(&fake_answer, "");
	expect(b, "nowhere.", "");
	expect(b, "nowhere.", "");
	assert_int_equal(atomic_load(&fake_calls), 3);
}

static void
one_question_in_flight(void **state)
{
	struct bench *b = *state;
	struct ask asks[50];

	atomic_store(&fake_answer, "1.1.1.1");
	atomic_store(&fake_delay_msec, 30);
	for (int i = 0; i < 50; i++)
		ask(b, &asks[i], "db");
	wait_all(b);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(asks[i].count_done, 1);
		assert_int_equal(asks[i].query.count, 1);
	}
	assert_int_equal(atomic_load(&fake_calls), 1);
}

/* While a name server takes its time the loop goes on, and so do others. */
static void
a_slow_answer_holds_nobody_up(void **state)
{
	struct bench *b = *state;
	struct ask slow, quick;

	atomic_store(&fake_answer, "1.1.1.1");
	expect(b, "db", "1.1.1.1");
	atomic_store(&fake_delay_msec, 500);
	ask(b, &slow, "slow");
	b->waiting = 0; /* of those to wait for now */
	ask(b, &quick, "db");
	wait_all(b);
	assert_int_equal(quick.count_done, 1);
	assert_int_equal(slow.count_done, 0);
	b->waiting = 1;
	wait_all(b);
	assert_int_equal(slow.count_done, 1);
}

static void
answers_are_sets_and_failures_keep_the_last(void **state)
{
	struct bench *b = *state;

	resolver_configure(b->resolver, 0, 0, 0);
	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	atomic_store(&fake_answer, "2.2.2.2 1.1.1.1");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	assert_int_equal(atomic_load(&fake_calls), 2);
	atomic_store(&fake_answer, "");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	atomic_store(&fake_answer, "3.3.3.3");
	expect(b, "db", "3.3.3.3");
}

static void
many_addresses_are_cut(void **state)
{
	char out[512];
	struct bench *b = *state;
	struct ask a;

	atomic_store(&fake_answer, many_addrs);
	ask(b, &a, "db");
	wait_all(b);
	assert_int_equal(a.query.count, RESOLVE_ADDRS_MAX);
	assert_memory_equal(addrs_text(&a, out, sizeof(out)), many_addrs, 100);
}

static void
count_row(void *arg, const struct resolver_row *row)
{
	int *rows = arg;

	++*rows;
	if (strcmp(row->host, "db") == 0)
		assert_string_equal(row->addrs, "1.1.1.1,::5");
	else
		assert_string_equal(row->addrs, "");
	assert_true(row->ttl_sec >= 13 && row->ttl_sec <= 15);
}

static void
rows_for_the_console(void **state)
{
	struct bench *b = *state;
	int rows = 0;

	atomic_store(&fake_answer, "1.1.1.1 ::5");
	expect(b, "db", "1.1.1.1 ::5");
	atomic_store(&fake_answer, "");
	expect(b, "gone.", "");
	resolver_each(b->resolver, count_row, &rows);
	assert_int_equal(rows, 2);
}

/* ------------------------------------------------------------------------
 * Times to live
 */

struct sought {
	const char *host;
	int64_t ttl_sec;
};

static void
take_ttl(void *arg, const struct resolver_row *row)
{
	struct sought *sought = arg;

	if (strcmp(row->host, sought->host) == 0)
		sought->ttl_sec = row->ttl_sec;
}

/* A second may have passed, and what is left is rounded down. */
static void
expect_ttl(struct bench *b, const char *host, int64_t ttl_sec)
{
	struct sought sought = { .host = host, .ttl_sec = -1 };
	struct ask a;

	ask(b, &a, host);
	wait_all(b);
	assert_true(a.query.count > 0);
	resolver_each(b->resolver, take_ttl, &sought);
	assert_in_range(sought.ttl_sec, ttl_sec > 1 ? ttl_sec - 2 : 0, ttl_sec);
}

static void
records_say_how_long_they_hold(void **state)
{
	struct bench *b = *state;

	resolver_configure(b->resolver, 100 * USEC_PER_SEC, 0, 0);
	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2");
	atomic_store(&fake_ttl, 40);
	expect_ttl(b, "forty.test", 40);
	atomic_store(&fake_ttl, 4000);
	expect_ttl(b, "long.test", 100);
	/* An alias counts as its addresses do. */
	atomic_store(&fake_alias_ttl, 20);
	expect_ttl(b, "alias.test", 20);
	/* The highest bit set means 0. */
	atomic_store(&fake_alias_ttl, 0);
	atomic_store(&fake_ttl, 0x80000005);
	expect_ttl(b, "strange.test", 1);
	/* The hosts file has none. */
	atomic_store(&fake_calls, 0);
	expect_ttl(b, "localhost", 100);
	assert_int_equal(atomic_load(&fake_calls), 0);
}

/* Records that may not be kept: a burst of openings asks once. */
static void
a_ttl_of_nothing_lives_for_a_second(void **state)
{
	struct timespec over = { .tv_sec = 1, .tv_nsec = 100000000 };
	struct bench *b = *state;

	atomic_store(&fake_answer, "1.1.1.1");
	atomic_store(&fake_ttl, 0);
	for (int i = 0; i < 5; i++)
		expect(b, "db.test", "1.1.1.1");
	assert_int_equal(atomic_load(&fake_calls), 1);
	nanosleep(&over, NULL);
	atomic_store(&fake_answer, "2.2.2.2");
	expect(b, "db.test", "2.2.2.2");
	assert_int_equal(atomic_load(&fake_calls), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(numeric_hosts_ask_nobody),
		CASE(answers_are_cached),
		CASE(one_question_in_flight),
		CASE(a_slow_answer_holds_nobody_up),
		CASE(answers_are_sets_and_failures_keep_the_last),
		CASE(many_addresses_are_cut),
		CASE(rows_for_the_console),
		CASE(records_say_how_long_they_hold),
		CASE(a_ttl_of_nothing_lives_for_a_second),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
