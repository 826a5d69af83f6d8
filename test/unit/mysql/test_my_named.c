/*
 * A client's statements: numbers that are never given twice, bounds, and
 * contexts that are the same for equal sessions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_command.h"
#include "mysql/my_named.h"

static const struct my_lexer_options server = { .version = 101119,
						.bits = MY_LEXER_MARIADB };

static struct my_text
text_of(const char *text)
{
	return (struct my_text){ .data = text, .len = strlen(text) };
}

static struct statement *
get(struct statements *table, const char *text)
{
	struct statement_key key = { .data = text, .len = strlen(text) };
	bool is_new;

	return statements_get(table, &key, &is_new);
}

static struct my_named *
add(struct my_names *t, struct statements *table, const char *text)
{
	struct statement *s = get(table, text);

	assert_true(my_names_send(t, s));
	statement_unref(s);
	return my_names_commit(t, 0);
}

static void
numbers(void **state)
{
	struct statements *table = statements_new(1);
	struct my_names *t = my_names_new();
	const struct my_named *n = NULL;
	unsigned seen = 0;

	(void)state;
	for (uint32_t id = 1; id <= 100; id++)
		assert_int_equal(add(t, table, "SELECT 1")->id, id);
	assert_int_equal(t->last, 100);
	assert_int_equal(t->count, 100);
	while ((n = my_names_next(t, n)) != NULL)
		seen++;
	assert_int_equal(seen, 100);
	my_names_remove(t, my_names_find(t, 40));
	assert_null(my_names_find(t, 40));
	assert_int_equal(t->last, 100);
	my_names_remove(t, my_names_find(t, 100));
	assert_int_equal(t->last, 0);
	/* Behind the last number come those that are free. */
	t->last_id = MY_STATEMENT_LAST - 2;
	assert_int_equal(add(t, table, "x")->id, MY_STATEMENT_LAST - 1);
	assert_int_equal(add(t, table, "x")->id, 40);
	assert_int_equal(add(t, table, "x")->id, 100);
	my_names_free(t);
	statements_free(table);
}

static void
one_that_fails(void **state)
{
	struct statements *table = statements_new(1);
	struct my_names *t = my_names_new();
	struct statement *s = get(table, "SELECT 2");

	(void)state;
	(void)add(t, table, "SELECT 1");
	assert_true(my_names_send(t, s));
	assert_int_equal(t->last, 0);
	my_names_drop(t);
	assert_null(t->pending);
	assert_int_equal(t->count, 1);
	assert_int_equal(t->last, 0);
	assert_true(my_names_send(t, s));
	my_names_free(t); /* with one on its way */
	statement_unref(s);
	statements_free(table);
}

static void
bounds(void **state)
{
	struct statements *table = statements_new(1);
	struct my_names *t = my_names_new();

	(void)state;
	assert_true(my_names_have_room(t, MY_NAMES_BYTES_MAX));
	assert_false(my_names_have_room(t, MY_NAMES_BYTES_MAX + 1));
	(void)add(t, table, "12345");
	assert_true(my_names_have_room(t, MY_NAMES_BYTES_MAX - 5));
	assert_false(my_names_have_room(t, MY_NAMES_BYTES_MAX - 4));
	/* The types count as well, whether they come or not. */
	assert_true(my_names_send(t, my_names_find(t, 1)->statement));
	my_names_remove(t, my_names_commit(t, 10));
	assert_true(my_names_send(t, my_names_find(t, 1)->statement));
	assert_int_equal(my_names_commit(t, 10)->id, 3);
	assert_true(my_names_have_room(t, MY_NAMES_BYTES_MAX - 30));
	assert_false(my_names_have_room(t, MY_NAMES_BYTES_MAX - 29));
	my_names_remove(t, my_names_find(t, 3));
	for (unsigned i = 1; i < MY_NAMES_MAX; i++)
		(void)add(t, table, "");
	assert_false(my_names_have_room(t, 0));
	my_names_remove(t, my_names_find(t, 1));
	assert_true(my_names_have_room(t, MY_NAMES_BYTES_MAX));
	my_names_free(t);
	statements_free(table);
}

static void
set(struct statements *table, struct my_session *s, const char *name,
    const char *value)
{
	assert_int_equal(
		my_session_set(table, s, text_of(name), text_of(value)),
		MY_CHANGE_DONE);
}

static void
contexts(void **state)
{
	struct statements *table = statements_new(1);
	struct my_names *t = my_names_new();
	struct my_session a = { 0 }, b = { 0 };
	struct my_lexer_options other = server;
	struct statement *c;

	(void)state;
	set(table, &a, "sql_mode", "ANSI_QUOTES");
	(void)my_session_use(table, &a, text_of("here"));
	c = statement_ref(my_names_context(t, table, &a, server));
	/* What does not matter to a text does not matter here. */
	my_session_copy(&b, &a);
	set(table, &b, "time_zone", "+02:00");
	assert_ptr_equal(my_names_context(t, table, &b, server), c);
	set(table, &b, "character_set_client", "latin1");
	assert_ptr_not_equal(my_names_context(t, table, &b, server), c);
	(void)my_session_use(table, &a, text_of("there"));
	assert_ptr_not_equal(my_names_context(t, table, &a, server), c);
	/* Servers of two kinds read a text in two ways. */
	my_names_free(t);
	t = my_names_new();
	(void)my_session_use(table, &a, text_of("here"));
	assert_ptr_equal(my_names_context(t, table, &a, server), c);
	my_names_free(t);
	t = my_names_new();
	other.version++;
	assert_ptr_not_equal(my_names_context(t, table, &a, other), c);
	/* The way there changes only what matters. */
	assert_int_equal(my_context_enter(table, c, &b), MY_CHANGE_DONE);
	assert_string_equal(my_session_find(&b, "sql_mode"), "ANSI_QUOTES");
	assert_string_equal(my_session_schema(&b), "here");
	assert_string_equal(my_session_find(&b, "time_zone"), "+02:00");
	statement_unref(c);
	my_session_fini(&a);
	my_session_fini(&b);
	my_names_free(t);
	statements_free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(one_that_fails),
		cmocka_unit_test(bounds),
		cmocka_unit_test(contexts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
