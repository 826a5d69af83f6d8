/*
 * Numbers of clients: unique, found while they are taken, and not soon anybody
 * else's; without memory nothing is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/ids.h"

#define MANY 5000u

static struct client_handle
handle(uint32_t n)
{
	return (struct client_handle){ .worker = (uint16_t)(n % 7),
				       .slot = n,
				       .generation = n + 1 };
}

static void
assert_at(struct ids *ids, uint32_t id, uint32_t n)
{
	struct client_handle h = { 0 };

	assert_true(ids_find(ids, id, &h));
	assert_int_equal(h.worker, n % 7);
	assert_int_equal(h.slot, n);
	assert_int_equal(h.generation, n + 1);
}

static void
found_while_taken(void **state)
{
	static uint32_t id[MANY];
	struct client_handle h;
	struct ids ids;

	(void)state;
	ids_init(&ids);
	for (uint32_t i = 0; i < MANY; i++) {
		id[i] = 0;
		assert_true(ids_put(&ids, handle(i), &id[i]));
		assert_int_not_equal(id[i], 0);
	}
	for (uint32_t i = 0; i < MANY; i++)
		assert_at(&ids, id[i], i);
	for (uint32_t i = 0; i < MANY; i += 2)
		ids_give(&ids, id[i]);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(ids_find(&ids, id[i], &h), i % 2);
	assert_false(ids_find(&ids, 0, &h));
	assert_false(ids_find(&ids, UINT32_MAX, &h));
	assert_false(ids_find(&ids, MANY * 4, &h));
	ids_give(&ids, 0);
	ids_fini(&ids);
}

/* A client that moves keeps its number. */
static void
moves(void **state)
{
	struct ids ids;
	uint32_t id = 0, before;

	(void)state;
	ids_init(&ids);
	assert_true(ids_put(&ids, handle(1), &id));
	before = id;
	assert_true(ids_put(&ids, handle(2), &id));
	assert_int_equal(id, before);
	assert_at(&ids, id, 2);
	ids_fini(&ids);
}

static void
not_soon_taken_again(void **state)
{
	uint32_t first = 0, id;
	struct client_handle h;
	struct ids ids;

	(void)state;
	ids_init(&ids);
	assert_true(ids_put(&ids, handle(1), &first));
	ids_give(&ids, first);
	ids_give(&ids, first); /* once more: nothing */
	for (int i = 0; i < 255; i++) {
		id = 0;
		assert_true(ids_put(&ids, handle(2), &id));
		assert_int_not_equal(id, first);
		assert_false(ids_find(&ids, first, &h));
		ids_give(&ids, id);
	}
	ids_fini(&ids);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_while_taken),
		cmocka_unit_test(moves),
		cmocka_unit_test(not_soon_taken_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
