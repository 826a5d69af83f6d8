/* Sets of settings: sharing, comparing, and the statements between two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "postgres/pg_params.h"

static struct pg_params *
set_of(const char *const *pairs)
{
	struct pg_params *p = NULL;

	for (; *pairs != NULL; pairs += 2)
		pg_params_put(&p, pg_params_with(p, pairs[0], pairs[1]));
	return p;
}

static void
sets_compare(void **state)
{
	static const char *const one[] = { "TimeZone", "UTC", "x", "", NULL };
	struct pg_params *a = set_of(one), *b = set_of(one), *c;

	(void)state;
	assert_true(pg_params_equal(a, a));
	assert_true(pg_params_equal(a, b));
	assert_false(pg_params_equal(a, NULL));
	assert_true(pg_params_equal(NULL, NULL));
	assert_string_equal(pg_params_find(a, "timezone"), "UTC");
	assert_string_equal(pg_params_find(a, "X"), "");
	assert_null(pg_params_find(a, "y"));
	assert_null(pg_params_find(NULL, "y"));
	/* The spelling stays, the value's letter case counts. */
	c = pg_params_with(a, "TIMEZONE", "utc");
	assert_string_equal(pg_params_find(c, "TimeZone"), "utc");
	assert_false(pg_params_equal(a, c));
	pg_params_put(&c, pg_params_with(c, "timezone", "UTC"));
	assert_true(pg_params_equal(a, c));
	pg_params_put(&c, pg_params_without(c, "TimeZone"));
	assert_null(pg_params_find(c, "TimeZone"));
	assert_string_equal(pg_params_find(c, "x"), "");
	assert_ptr_equal(pg_params_ref(a), a);
	pg_params_unref(a);
	pg_params_unref(a);
	pg_params_unref(b);
	pg_params_unref(c);
	pg_params_unref(NULL);
}

static void
statements_are_quoted(void **state)
{
	static const struct row {
		const char *name, *value, *sql;
	} rows[] = {
		{ "TimeZone", "UTC", "SET TimeZone='UTC'" },
		{ "TimeZone", "", "SET TimeZone=''" },
		{ "a.b", "it's", "SET a.b='it''s'" },
		{ "x", "a\\b'c", "SET x=E'a\\\\b''c'" },
		{ "x", "caf\xc3\xa9\x83\\", "SET x=E'caf???\\\\'" },
		{ "odd name\"", "1", "SET \"odd name\"\"\"='1'" },
		{ "search_path", "\"$user\", public",
		  "SELECT pg_catalog.set_config('search_path',"
		  "'\"$user\", public',false)" },
		{ "TimeZone", NULL, "RESET TimeZone" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct pg_change change = { .name = rows[i].name,
					    .value = rows[i].value };
		struct str s = { 0 };

		pg_change_sql(&s, &change);
		assert_string_equal(str_text(&s), rows[i].sql);
		str_fini(&s);
	}
}

static void
long_values_are_whole(void **state)
{
	char value[5000];
	struct pg_params *p;
	struct pg_change change = { .name = "x", .value = value };
	struct str s = { 0 };

	(void)state;
	memset(value, '\'', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	p = pg_params_with(NULL, "x", value);
	assert_string_equal(pg_params_find(p, "x"), value);
	pg_change_sql(&s, &change);
	assert_int_equal(s.len, 8 + 2 * (sizeof(value) - 1));
	str_fini(&s);
	pg_params_unref(p);
}

static void
differences(void **state)
{
	static const char *const from[] = {
		"server_version",   "15",  "TimeZone", "UTC",
		"DateStyle",        "ISO", "extra",    "1",
		"application_name", "",    NULL,
	};
	static const char *const to[] = {
		"server_version",
		"16",
		"TimeZone",
		"CET",
		"DateStyle",
		"ISO",
		"application_name",
		"me",
		"untracked",
		"x",
		NULL,
	};
	struct policy policy = { .extra_tracked = "other, Extra , role" };
	struct pg_params *a = set_of(from), *b = set_of(to);
	struct pg_walk walk = { 0 };
	struct pg_change change;
	struct str s = { 0 };

	(void)state;
	while (pg_params_change(a, b, &policy, &walk, &change)) {
		pg_change_sql(&s, &change);
		str_putc(&s, ';');
	}
	assert_string_equal(str_text(&s), "SET TimeZone='CET';"
					  "SET application_name='me';"
					  "RESET extra;");
	assert_true(pg_is_tracked("datestyle", &policy));
	assert_true(pg_is_tracked("EXTRA", &policy));
	assert_false(pg_is_tracked("role", &policy));
	assert_false(pg_is_tracked("server_version", &policy));
	str_fini(&s);
	pg_params_unref(a);
	pg_params_unref(b);
}

static void
lists(void **state)
{
	(void)state;
	assert_true(pg_in_list("b", "a,b"));
	assert_true(pg_in_list("B", " a , b "));
	assert_true(pg_in_list("anything", "*"));
	assert_false(pg_in_list("b", ""));
	assert_false(pg_in_list("", "a,,b"));
	assert_false(pg_in_list("ab", "a,b"));
	assert_false(pg_in_list("a,b", "a,b"));
	assert_false(pg_in_list("a", "ab,*a, ba ,"));
	assert_true(pg_in_list("a", "b,\t*"));
	assert_true(pg_in_list("a", "ab ,A"));
	assert_int_not_equal(pg_param_hash("a", "b"), pg_param_hash("ab", ""));
	assert_int_equal(pg_param_hash("A", "b"), pg_param_hash("a", "b"));
}

static void
spellings(void **state)
{
	static const struct row {
		const char *name, *asked, *has;
		bool same;
	} rows[] = {
		{ "client_encoding", "utf-8", "UTF8", true },
		{ "client_encoding", "'utf-8'", "UTF8", true },
		{ "client_encoding", "", "UTF8", false },
		/* The server goes on to call it so. */
		{ "client_encoding", "UNICODE", "UTF8", false },
		{ "client_encoding", "LATIN1", "UTF8", false },
		{ "datestyle", "iso", "ISO, MDY", true },
		{ "datestyle", "ISO, DMY", "ISO, MDY", false },
		{ "datestyle", "IS", "ISO, MDY", false },
		{ "application_name", "A", "a", false },
		{ "TimeZone", "UTC", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(pg_is_same_value(rows[i].name, rows[i].asked,
						  rows[i].has),
				 rows[i].same);
	assert_true(pg_is_same_encoding("unicode", "UTF8"));
	assert_true(pg_is_same_encoding("UTF8", "UNICODE"));
	assert_true(pg_is_same_encoding("'latin-1'", "LATIN1"));
	assert_false(pg_is_same_encoding("LATIN1", "LATIN10"));
	assert_false(pg_is_same_encoding("UNICODE", "SQL_ASCII"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_compare),
		cmocka_unit_test(statements_are_quoted),
		cmocka_unit_test(long_values_are_whole),
		cmocka_unit_test(differences),
		cmocka_unit_test(lists),
		cmocka_unit_test(spellings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
