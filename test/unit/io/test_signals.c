/* Signals as events of a loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/loop.h"
#include "io/signals.h"

struct seen {
	struct loop *loop;
	int numbers[4];
	size_t count;
};

static void
on_signal(void *arg, int number)
{
	struct seen *seen = arg;

	assert_true(seen->count < COUNT_OF(seen->numbers));
	seen->numbers[seen->count++] = number;
	if (number == SIGUSR2)
		loop_stop(seen->loop);
}

static void
each_signal_comes_once(void **state)
{
	static const int numbers[] = { SIGUSR1, SIGUSR2 };
	struct seen seen = { .loop = loop_new() };
	struct signals *s;

	(void)state;
	assert_non_null(seen.loop);
	s = signals_new(seen.loop, numbers, COUNT_OF(numbers), on_signal,
			&seen);
	assert_non_null(s);
	/* Blocked: they wait for the loop. */
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	loop_run(seen.loop, NULL, NULL);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.numbers[0], SIGUSR1);
	assert_int_equal(seen.numbers[1], SIGUSR2);
	kill(getpid(), SIGUSR2);
	loop_run(seen.loop, NULL, NULL);
	assert_int_equal(seen.count, 3);
	signals_free(s);
	signals_free(NULL);
	loop_free(seen.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_signal_comes_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
