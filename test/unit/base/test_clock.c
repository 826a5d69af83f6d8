/* The clocks and the text of a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static void
never_goes_back(void **state)
{
	usec_t last = clock_now();

	(void)state;
	assert_true(last > 0);
	for (int i = 0; i < 10000; i++) {
		usec_t now = clock_now();

		assert_true(now >= last);
		last = now;
	}
	/* After 2020, in microseconds. */
	assert_true(clock_wall() > UINT64_C(1577836800) * USEC_PER_SEC);
}

static void
text_of_a_time(void **state)
{
	char out[CLOCK_TEXT_MAX];
	usec_t t = UINT64_C(1769864759) * USEC_PER_SEC + 123999;

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(clock_text(t, out), "2026-01-31 13:05:59.123 UTC");
	setenv("TZ", "XYZ-2", 1);
	tzset();
	assert_string_equal(clock_text(t, out), "2026-01-31 15:05:59.123 XYZ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_goes_back),
		cmocka_unit_test(text_of_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
