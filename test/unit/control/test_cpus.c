/* Counting CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "base/mem.h"
#include "control/cpus.h"

static void
quotas_are_read(void **state)
{
	static const struct {
		const char *text;
		unsigned cpus;
	} cases[] = {
		{ "max 100000", 0 },    { "max 100000\n", 0 },
		{ "100000 100000", 1 }, { "100000 100000\n", 1 },
		{ "150000 100000", 2 }, { "50000 100000", 1 },
		{ "1000 100000", 1 },   { "400000 100000", 4 },
		{ "20000 10000", 2 },   { "-1 100000", 0 },
		{ "0 100000", 0 },      { "100000 0", 0 },
		{ "100000", 0 },        { "", 0 },
		{ "a b", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(cpus_of_quota(cases[i].text), cases[i].cpus);
}

static void
affinity_counts(void **state)
{
	cpu_set_t all, one;
	size_t first = 0;

	(void)state;
	assert_true(cpus_available() >= 1);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(cpus_available(), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_true(cpus_available() <= (unsigned)CPU_COUNT(&all));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotas_are_read),
		cmocka_unit_test(affinity_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
