/*
 * A server's statements: the one used longest ago goes first, never one that is
 * somebody's, and nobody gets another's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_loaded.h"

#define COUNT 40u

struct stage {
	struct statements *table;
	struct statement *s[COUNT];
	struct my_loads loads;
};

static void
stage_init(struct stage *t)
{
	t->table = statements_new(1);
	my_loads_init(&t->loads);
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
	my_loads_fini(&t->loads);
	for (unsigned i = 0; i < COUNT; i++)
		statement_unref(t->s[i]);
	statements_free(t->table);
}

static struct my_load *
load(struct stage *t, unsigned n)
{
	struct my_load *l = my_loads_add(&t->loads, t->s[n]);

	assert_non_null(l);
	l->id = n + 1;
	l->is_done = true;
	return l;
}

static void
found_when_done(void **state)
{
	struct stage t;
	struct my_load *l;

	(void)state;
	stage_init(&t);
	assert_null(my_loads_find(&t.loads, t.s[0], 1));
	for (unsigned i = 0; i < COUNT; i++)
		(void)load(&t, i);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(my_loads_find(&t.loads, t.s[i], 1)->id, i + 1);
	l = my_loads_find(&t.loads, t.s[7], 1);
	l->is_done = false;
	assert_null(my_loads_find(&t.loads, t.s[7], 1));
	my_loads_remove(&t.loads, l);
	assert_int_equal(t.loads.count, COUNT - 1);
	my_loads_clear(&t.loads);
	assert_int_equal(t.loads.count, 0);
	assert_null(my_loads_find(&t.loads, t.s[8], 1));
	stage_fini(&t);
}

static void
the_oldest_goes(void **state)
{
	struct stage t;
	struct my_load *l[4];

	(void)state;
	stage_init(&t);
	for (unsigned i = 0; i < 4; i++)
		l[i] = load(&t, i);
	assert_null(my_loads_victim(&t.loads, 5));
	assert_ptr_equal(my_loads_victim(&t.loads, 4), l[0]);
	my_loads_touch(&t.loads, l[0]);
	my_loads_touch(&t.loads, l[0]);
	assert_ptr_equal(my_loads_victim(&t.loads, 4), l[1]);
	l[1]->holder = 3;
	l[2]->is_done = false;
	assert_ptr_equal(my_loads_victim(&t.loads, 1), l[3]);
	l[3]->holder = 4;
	assert_ptr_equal(my_loads_victim(&t.loads, 1), l[0]);
	l[0]->holder = 5;
	assert_null(my_loads_victim(&t.loads, 1));
	stage_fini(&t);
}

static void
what_is_held_is_nobody_elses(void **state)
{
	struct stage t;
	struct my_load *mine, *free;

	(void)state;
	stage_init(&t);
	mine = load(&t, 0);
	mine->holder = 5;
	assert_ptr_equal(my_loads_find(&t.loads, t.s[0], 5), mine);
	assert_null(my_loads_find(&t.loads, t.s[0], 6));
	assert_null(my_loads_find(&t.loads, t.s[0], 0));
	free = load(&t, 0);
	assert_ptr_equal(my_loads_find(&t.loads, t.s[0], 5), mine);
	assert_ptr_equal(my_loads_find(&t.loads, t.s[0], 6), free);
	assert_ptr_equal(my_loads_held(&t.loads, 5), mine);
	assert_null(my_loads_held(&t.loads, 6));
	my_load_set_types(mine, t.s[1]);
	my_load_set_types(mine, t.s[1]);
	my_load_set_types(mine, NULL);
	stage_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_when_done),
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(what_is_held_is_nobody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
