/* Averages over a period. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "control/averages.h"

/* The engine, as far as averages look at it: some databases' counters. */
static struct database_info databases[2];
static size_t database_count;

void
core_each_database(struct core *core,
		   void (*each)(void *arg, const struct database_info *info),
		   void *arg)
{
	(void)core;
	for (size_t i = 0; i < database_count; i++)
		each(arg, &databases[i]);
}

static void
figures_are_right(void **state)
{
	static const struct {
		enum counter which;
		uint64_t old, now, xacts, queries;
		usec_t time;
		uint64_t average;
	} cases[] = {
		{ STAT_XACTS, 10, 30, 20, 0, 2 * USEC_PER_SEC, 10 },
		{ STAT_XACTS, 10, 11, 1, 0, 2 * USEC_PER_SEC, 0 },
		{ STAT_RECEIVED, 0, 5000, 0, 0, USEC_PER_SEC / 2, 10000 },
		{ STAT_WAIT_TIME, 0, 3000000, 9, 9, 60 * USEC_PER_SEC, 50000 },
		{ STAT_XACT_TIME, 1000, 9000, 4, 0, 60 * USEC_PER_SEC, 2000 },
		{ STAT_XACT_TIME, 1000, 9000, 0, 0, 60 * USEC_PER_SEC, 0 },
		{ STAT_QUERY_TIME, 0, 900, 0, 3, 60 * USEC_PER_SEC, 300 },
		{ STAT_QUERY_TIME, 0, 900, 3, 0, 60 * USEC_PER_SEC, 0 },
		{ STAT_SENT, 0, 900, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t old[STAT_COUNT] = { 0 }, now[STAT_COUNT] = { 0 };
		uint64_t out[STAT_COUNT];

		now[STAT_XACTS] = cases[i].xacts;
		now[STAT_QUERIES] = cases[i].queries;
		old[cases[i].which] = cases[i].old;
		now[cases[i].which] = cases[i].now;
		averages_of(old, now, cases[i].time, out);
		assert_int_equal(out[cases[i].which], cases[i].average);
	}
}

static uint64_t
queries_of(const struct averages *a, const char *name)
{
	uint64_t out[STAT_COUNT];

	averages_find(a, PROTOCOL_POSTGRES, name, out);
	return out[STAT_QUERIES];
}

/* Of each protocol there may be an entry of one name. */
static void
names_of_two_protocols(void **state)
{
	struct averages *a = averages_new();
	uint64_t out[STAT_COUNT];

	(void)state;
	assert_non_null(a);
	databases[0] = (struct database_info){ .name = "one" };
	databases[1] = (struct database_info){ .protocol = PROTOCOL_MYSQL,
					       .name = "one" };
	database_count = 2;
	averages_collect(a, NULL, 0, 5 * USEC_PER_SEC);
	databases[0].stats[STAT_QUERIES] = 100;
	databases[1].stats[STAT_QUERIES] = 30;
	averages_collect(a, NULL, 0, 15 * USEC_PER_SEC);
	assert_int_equal(queries_of(a, "one"), 10);
	averages_find(a, PROTOCOL_MYSQL, "one", out);
	assert_int_equal(out[STAT_QUERIES], 3);
	averages_sum(a, out);
	assert_int_equal(out[STAT_QUERIES], 13);
	averages_free(a);
}

static void
periods_follow_each_other(void **state)
{
	struct averages *a = averages_new();
	uint64_t sum[STAT_COUNT];

	(void)state;
	assert_non_null(a);
	databases[0] = (struct database_info){ .name = "one" };
	databases[1] = (struct database_info){ .name = "two" };
	database_count = 1;
	assert_int_equal(queries_of(a, "one"), 0);

	averages_collect(a, NULL, 0, 5 * USEC_PER_SEC);
	databases[0].stats[STAT_QUERIES] = 100;
	assert_int_equal(queries_of(a, "one"), 0);

	averages_collect(a, NULL, 20, 15 * USEC_PER_SEC);
	assert_int_equal(queries_of(a, "one"), 10);
	assert_int_equal(queries_of(a, "pgbouncer"), 2);
	assert_int_equal(queries_of(a, "two"), 0);

	/* One that is new counts from nothing. */
	database_count = 2;
	databases[1].stats[STAT_QUERIES] = 50;
	averages_collect(a, NULL, 20, 25 * USEC_PER_SEC);
	assert_int_equal(queries_of(a, "one"), 0);
	assert_int_equal(queries_of(a, "two"), 5);
	assert_int_equal(queries_of(a, "pgbouncer"), 0);
	averages_sum(a, sum);
	assert_int_equal(sum[STAT_QUERIES], 5);
	averages_free(a);
	averages_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_right),
		cmocka_unit_test(names_of_two_protocols),
		cmocka_unit_test(periods_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
