/* The mutex: two threads count together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/lock.h"

#define ROUNDS 20000

struct counter {
	struct lock lock;
	int value;
};

static void *
count_up(void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		lock_take(&c->lock);
		c->value++;
		lock_give(&c->lock);
	}
	return NULL;
}

static void
excludes(void **state)
{
	struct counter c = { .value = 0 };
	pthread_t other;

	(void)state;
	lock_init(&c.lock);
	assert_int_equal(pthread_create(&other, NULL, count_up, &c), 0);
	count_up(&c);
	pthread_join(other, NULL);
	assert_int_equal(c.value, 2 * ROUNDS);
	lock_fini(&c.lock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(excludes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
