/*
 * A client's names and their slots: what was sent counts at once in its own
 * group, what was answered for good, what was dropped never.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "postgres/pg_names.h"

static struct statement *
made(struct statements *t, unsigned n)
{
	char text[32];
	struct statement_key key = { .data = text };
	bool is_new;

	text_format(text, sizeof(text), "SELECT %u", n);
	key.len = strlen(text);
	return statements_get(t, &key, &is_new);
}

static void
slot_follows_its_answers(void **state)
{
	struct statements *t = statements_new(1);
	struct statement *a = made(t, 1), *b = made(t, 2);
	struct pg_slot s = { 0 };

	(void)state;
	assert_null(pg_slot_now(&s));
	pg_slot_send(&s, a, 5);
	assert_ptr_equal(pg_slot_now(&s), a);
	assert_false(pg_slot_is_unsure(&s, 5));
	assert_true(pg_slot_is_unsure(&s, 6));
	pg_slot_send(&s, NULL, 5);
	assert_null(pg_slot_now(&s));
	pg_slot_send(&s, b, 5);
	assert_ptr_equal(pg_slot_now(&s), b);
	pg_slot_commit(&s, a);
	assert_ptr_equal(pg_slot_now(&s), b);
	/* An error drops the rest. */
	pg_slot_drop(&s);
	pg_slot_drop(&s);
	assert_ptr_equal(pg_slot_now(&s), a);
	assert_false(pg_slot_is_unsure(&s, 6));
	pg_slot_send(&s, b, 7);
	pg_slot_fini(&s);
	assert_null(pg_slot_now(&s));
	statement_unref(a);
	statement_unref(b);
	statements_free(t);
}

static void
clear_spares_the_unnamed_and_the_pending(void **state)
{
	struct statements *t = statements_new(1);
	struct pg_names *names = pg_names_new();
	struct statement *s = made(t, 1);
	struct pg_name *u = pg_names_unnamed(names), *n, *late;

	(void)state;
	assert_ptr_equal(pg_names_find(names, ""), u);
	assert_ptr_equal(pg_names_add(names, ""), u);
	n = pg_names_add(names, "n");
	late = pg_names_add(names, "late");
	pg_slot_send(&u->slot, s, 1);
	pg_slot_commit(&u->slot, s);
	pg_slot_send(&n->slot, s, 1);
	pg_slot_commit(&n->slot, s);
	pg_slot_send(&late->slot, s, 2);
	pg_names_clear(names);
	assert_ptr_equal(pg_slot_now(&u->slot), s);
	assert_null(pg_names_find(names, "n"));
	assert_ptr_equal(pg_names_find(names, "late"), late);
	pg_slot_drop(&late->slot);
	pg_names_tidy(names, late);
	assert_int_equal(pg_names_count(names), 0);
	statement_unref(s);
	pg_names_free(names);
	statements_free(t);
}

static void
bounds_hold(void **state)
{
	struct pg_names *names = pg_names_new();
	char text[32];

	(void)state;
	assert_true(pg_names_have_room(names, PG_NAMES_BYTES_MAX));
	assert_false(pg_names_have_room(names, PG_NAMES_BYTES_MAX + 1));
	for (unsigned i = 0; i < PG_NAMES_MAX; i++) {
		assert_true(pg_names_have_room(names, 1));
		text_format(text, sizeof(text), "n%u", i);
		assert_non_null(pg_names_add(names, text));
	}
	assert_false(pg_names_have_room(names, 1));
	pg_names_free(names);
}

#define NAMES 12u
#define FLIGHT 6u

/* The model: what is there, and the changes on their way, oldest first. */
struct modeled {
	struct statement *committed; /* borrows */
	struct statement *sent[FLIGHT];
	unsigned count;
};

static void
answer(struct modeled *m, struct pg_names *t, struct pg_name *n, bool is_done)
{
	if (is_done) {
		m->committed = m->sent[0];
		pg_slot_commit(&n->slot, m->sent[0]);
	} else {
		pg_slot_drop(&n->slot);
	}
	m->count--;
	memmove(m->sent, m->sent + 1, sizeof(m->sent) - sizeof(m->sent[0]));
	pg_names_tidy(t, n);
	pg_name_unref(n);
}

static void
random_changes_match_a_model(void **state)
{
	struct statements *t = statements_new(1);
	struct pg_names *names = pg_names_new();
	struct modeled model[NAMES] = { 0 };
	struct pg_name *flying[NAMES] = { NULL };
	struct statement *texts[5];
	unsigned seed = 3;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		texts[i] = made(t, i);
	for (unsigned step = 0; step < 50000; step++) {
		unsigned i = (unsigned)rand_r(&seed) % NAMES;
		unsigned pick = (unsigned)rand_r(&seed) % 6;
		struct modeled *m = &model[i];
		struct pg_name *n;
		char text[16];
		uint32_t there = 0;

		text_format(text, sizeof(text), "name %u", i);
		if (rand_r(&seed) % 2 == 0 && m->count < FLIGHT) {
			struct statement *s = pick < 5 ? texts[pick] : NULL;

			flying[i] = pg_name_ref(pg_names_add(names, text));
			m->sent[m->count++] = s;
			pg_slot_send(&flying[i]->slot, s, step);
		} else if (m->count > 0) {
			/* A drop takes all that is behind it. */
			if (pick == 0) {
				while (m->count > 0)
					answer(m, names, flying[i], false);
			} else {
				answer(m, names, flying[i], true);
			}
		}
		n = pg_names_find(names, text);
		assert_ptr_equal(n != NULL ? pg_slot_now(&n->slot) : NULL,
				 m->count > 0 ? m->sent[m->count - 1]
					      : m->committed);
		for (unsigned k = 0; k < NAMES; k++)
			there += model[k].count > 0 ||
				 model[k].committed != NULL;
		assert_int_equal(pg_names_count(names), there);
	}
	for (unsigned i = 0; i < NAMES; i++) {
		while (model[i].count > 0)
			answer(&model[i], names, flying[i], false);
	}
	for (unsigned i = 0; i < 5; i++)
		statement_unref(texts[i]);
	pg_names_free(names);
	statements_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_follows_its_answers),
		cmocka_unit_test(clear_spares_the_unnamed_and_the_pending),
		cmocka_unit_test(bounds_hold),
		cmocka_unit_test(random_changes_match_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
