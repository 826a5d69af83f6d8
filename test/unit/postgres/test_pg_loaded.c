/*
 * A server's statements: the one used longest ago goes first, never one of the
 * group at hand, and who must wait for room does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "postgres/pg_loaded.h"

#define COUNT 40u

struct stage {
	struct statements *table;
	struct statement *s[COUNT];
	struct pg_loads loads;
};

static void
stage_init(struct stage *t)
{
	t->table = statements_new(1);
	pg_loads_init(&t->loads);
	for (unsigned i = 0; i < COUNT; i++) {
		char text[32];
		struct statement_key key = { .data = text };
		bool is_new;

		text_format(text, sizeof(text), "SELECT %u", i);
		key.len = strlen(text);
		t->s[i] = statements_get(t->table, &key, &is_new);
	}
}

static void
stage_fini(struct stage *t)
{
	pg_loads_fini(&t->loads);
	for (unsigned i = 0; i < COUNT; i++)
		statement_unref(t->s[i]);
	statements_free(t->table);
}

static struct pg_load *
load(struct stage *t, unsigned n, uint32_t group, enum pg_load_state as)
{
	struct pg_load *l = pg_loads_add(&t->loads, t->s[n]);

	assert_non_null(l);
	l->group = group;
	pg_loads_set(&t->loads, l, as);
	return l;
}

static void
the_longest_unused_goes_first(void **state)
{
	struct stage t;
	struct pg_load *a, *b, *c;

	(void)state;
	stage_init(&t);
	a = load(&t, 0, 1, LOAD_DONE);
	b = load(&t, 1, 1, LOAD_DONE);
	c = load(&t, 2, 1, LOAD_DONE);
	assert_null(pg_loads_victim(&t.loads, 4, 2));
	assert_ptr_equal(pg_loads_victim(&t.loads, 3, 2), a);
	pg_loads_touch(&t.loads, a, 2);
	assert_ptr_equal(pg_loads_victim(&t.loads, 3, 3), b);
	pg_loads_set(&t.loads, b, LOAD_CLOSING);
	assert_null(pg_loads_find(&t.loads, t.s[1]));
	assert_null(pg_loads_victim(&t.loads, 3, 3));
	assert_ptr_equal(pg_loads_victim(&t.loads, 2, 3), c);
	/* Its Close was dropped: the server has it still. */
	pg_loads_set(&t.loads, b, LOAD_DONE);
	assert_ptr_equal(pg_loads_find(&t.loads, t.s[1]), b);
	pg_loads_remove(&t.loads, c);
	assert_int_equal(t.loads.count, 2);
	stage_fini(&t);
}

static void
no_victim_of_this_group_nor_on_its_way(void **state)
{
	struct stage t;
	struct pg_load *a;

	(void)state;
	stage_init(&t);
	a = load(&t, 0, 7, LOAD_DONE);
	load(&t, 1, 6, LOAD_SENT);
	assert_null(pg_loads_victim(&t.loads, 1, 7));
	assert_true(pg_loads_must_wait(&t.loads, 2, 7));
	assert_true(pg_loads_must_wait(&t.loads, 1, 7));
	assert_false(pg_loads_must_wait(&t.loads, 3, 7));
	assert_false(pg_loads_must_wait(&t.loads, 1, 8));
	assert_ptr_equal(pg_loads_victim(&t.loads, 1, 8), a);
	/* All are of this group: nothing to wait for. */
	pg_loads_touch(&t.loads, pg_loads_find(&t.loads, t.s[1]), 7);
	assert_false(pg_loads_must_wait(&t.loads, 1, 7));
	stage_fini(&t);
}

static void
stale_ones_go_and_are_not_found(void **state)
{
	struct stage t;
	struct pg_load *a, *fresh;

	(void)state;
	stage_init(&t);
	a = load(&t, 0, 1, LOAD_DONE);
	load(&t, 1, 1, LOAD_DONE);
	pg_loads_spoil(&t.loads, a);
	pg_loads_spoil(&t.loads, a);
	assert_int_equal(t.loads.stale, 1);
	assert_null(pg_loads_find(&t.loads, t.s[0]));
	fresh = load(&t, 0, 2, LOAD_DONE);
	assert_ptr_equal(pg_loads_find(&t.loads, t.s[0]), fresh);
	assert_string_not_equal(a->name, fresh->name);
	/* With room for many, too. */
	assert_ptr_equal(pg_loads_victim(&t.loads, 100, 3), a);
	pg_loads_remove(&t.loads, a);
	assert_int_equal(t.loads.stale, 0);
	assert_null(pg_loads_victim(&t.loads, 100, 3));
	stage_fini(&t);
}

static void
clear_leaves_what_is_on_its_way(void **state)
{
	struct stage t;

	(void)state;
	stage_init(&t);
	for (unsigned i = 0; i < COUNT; i++)
		load(&t, i, 1,
		     i == 3   ? LOAD_SENT
		     : i == 4 ? LOAD_CLOSING
			      : LOAD_DONE);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(pg_loads_find(&t.loads, t.s[i]) != NULL,
				 i != 4);
	pg_loads_clear(&t.loads);
	assert_int_equal(t.loads.count, 2);
	assert_int_equal(t.loads.closing, 1);
	assert_non_null(pg_loads_find(&t.loads, t.s[3]));
	stage_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_unused_goes_first),
		cmocka_unit_test(no_victim_of_this_group_nor_on_its_way),
		cmocka_unit_test(stale_ones_go_and_are_not_found),
		cmocka_unit_test(clear_leaves_what_is_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
