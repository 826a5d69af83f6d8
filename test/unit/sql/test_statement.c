/*
 * The table of statements: found by all that makes a meaning, kept while used,
 * swept when not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "sql/statement.h"

static struct statement *
get(struct statements *t, const char *text, enum statement_kind kind,
    struct statement *context, bool *is_new)
{
	struct statement_key key = { .kind = kind,
				     .data = text,
				     .len = strlen(text),
				     .context = context };
	struct statement *s = statements_get(t, &key, is_new);

	assert_non_null(s);
	return s;
}

/* Text, kind and context: each of them makes another one. */
static void
found_by_all_that_counts(void **state)
{
	struct statements *t = statements_new(7), *u = statements_new(8);
	struct statement *c, *s[5], *other;
	bool is_new;

	(void)state;
	c = get(t, "DateStyle", STATEMENT_CONTEXT, NULL, &is_new);
	s[0] = get(t, "SELECT 1", STATEMENT_PARSED, c, &is_new);
	assert_true(is_new);
	s[1] = get(t, "SELECT 2", STATEMENT_PARSED, c, &is_new);
	s[2] = get(t, "SELECT 1", STATEMENT_SQL, c, &is_new);
	assert_true(is_new);
	s[3] = get(t, "SELECT 1", STATEMENT_PARSED, NULL, &is_new);
	assert_true(is_new);
	s[4] = get(t, "SELECT 1", STATEMENT_PARSED, c, &is_new);
	assert_false(is_new);
	assert_ptr_equal(s[0], s[4]);
	assert_int_equal(statements_count(t), 5);
	for (size_t i = 1; i < 4; i++)
		assert_false(statement_is_equal(s[0], s[i]));
	/* Of two tables of one seed equal ones are equal, if not the same. */
	statements_free(u);
	u = statements_new(7);
	other = get(u, "DateStyle", STATEMENT_CONTEXT, NULL, &is_new);
	statement_unref(c);
	c = other;
	other = get(u, "SELECT 1", STATEMENT_PARSED, c, &is_new);
	assert_ptr_not_equal(s[0], other);
	assert_true(statement_is_equal(s[0], other));
	statement_unref(other);
	statement_unref(c);
	for (size_t i = 0; i < 5; i++)
		statement_unref(s[i]);
	statements_free(t);
	statements_free(u);
}

/* What nobody kept is like nothing but itself. */
static void
lost_ones_are_alone(void **state)
{
	struct statement *a = statement_lost(3), *b = statement_lost(3);

	(void)state;
	assert_int_equal(a->flags, 3);
	assert_false(statement_is_equal(a, b));
	assert_true(statement_is_equal(a, a));
	assert_false(statement_is_equal(a, NULL));
	assert_true(statement_is_equal(NULL, NULL));
	statement_unref(a);
	statement_unref(b);
	statement_unref(NULL);
}

#define USED 100u

/* Used ones stay through any number of others, which are bounded. */
static void
sweep_keeps_used_ones(void **state)
{
	struct statements *t = statements_new(1);
	struct statement *used[USED], *s;
	char text[32];
	bool is_new;

	(void)state;
	for (unsigned i = 0; i < USED; i++) {
		text_format(text, sizeof(text), "used %u", i);
		used[i] = get(t, text, STATEMENT_PARSED, NULL, &is_new);
	}
	for (unsigned i = 0; i < 50000; i++) {
		text_format(text, sizeof(text), "other %u", i);
		s = get(t, text, STATEMENT_PARSED, NULL, &is_new);
		assert_true(is_new);
		statement_unref(s);
		assert_true(statements_count(t) <= 1024 + 1);
	}
	for (unsigned i = 0; i < USED; i++) {
		text_format(text, sizeof(text), "used %u", i);
		s = get(t, text, STATEMENT_PARSED, NULL, &is_new);
		assert_ptr_equal(s, used[i]);
		assert_false(is_new);
		statement_unref(s);
		statement_unref(used[i]);
	}
	statements_free(t);
}

/* The bytes of what is not used are bounded too. */
static void
sweep_bounds_bytes(void **state)
{
	static char text[60000];
	struct statements *t = statements_new(1);

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct statement_key key = { .data = text,
					     .len = sizeof(text) };
		bool is_new;

		memcpy(text, &i, sizeof(i));
		statement_unref(statements_get(t, &key, &is_new));
		assert_true(statements_bytes(t) <=
			    ((size_t)4 << 20) + 2 * sizeof(text));
	}
	statements_free(t);
}

/* One that is in use lives on behind its table. */
static void
outlives_its_table(void **state)
{
	struct statements *t = statements_new(1);
	struct statement *c, *s;
	bool is_new;

	(void)state;
	c = get(t, "context", STATEMENT_CONTEXT, NULL, &is_new);
	s = get(t, "text", STATEMENT_PARSED, c, &is_new);
	statement_unref(c);
	statements_free(t);
	assert_string_equal(s->data, "text");
	assert_string_equal(s->context->data, "context");
	statement_unref(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_all_that_counts),
		cmocka_unit_test(lost_ones_are_alone),
		cmocka_unit_test(sweep_keeps_used_ones),
		cmocka_unit_test(sweep_bounds_bytes),
		cmocka_unit_test(outlives_its_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
