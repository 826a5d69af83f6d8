/* The flags of most texts: told quickly, and never wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sql/classify.h"
#include "sql/quick.h"

/* Names that begin with an odd letter are tracked. */
static bool
is_tracked(const void *context, const char *name)
{
	(void)context;
	return (name[0] & 1) != 0;
}

/* Beside enum lexer_option: nobody asks what is tracked. */
#define UNTRACKED 4u

static struct classify_options
options_of(unsigned lexer)
{
	return (struct classify_options){
		.lexer = lexer & ~UNTRACKED,
		.is_tracked = lexer & UNTRACKED ? NULL : is_tracked,
	};
}

/* Whatever the lexer makes of it, cut as it comes on the wire. */
static unsigned
slowly(const char *text, size_t len, unsigned lexer, char *name)
{
	struct classify_options options = options_of(lexer);
	struct classify c;
	unsigned flags;

	classify_init(&c, &options);
	classify_feed(&c, text, len);
	flags = classify_end(&c);
	memcpy(name, c.name, sizeof(c.name));
	return flags;
}

/* In a block of its own, so that a byte too far is found. */
static unsigned
quickly(const char *text, size_t len, unsigned lexer, char *name)
{
	struct classify_options options = options_of(lexer);
	char *copy = malloc(len > 0 ? len : 1);
	unsigned flags;

	assert_non_null(copy);
	memcpy(copy, text, len);
	flags = sql_quick(copy, len, &options, name);
	assert_int_equal(sql_quick(copy, len, &options, NULL), flags);
	free(copy);
	return flags;
}

/* The flags of a text; where they are told quickly, they are the same. */
static unsigned
compare(const char *text, size_t len, unsigned lexer, bool *is_quick)
{
	char name[LEXER_WORD_MAX + 1], expected[LEXER_WORD_MAX + 1];
	unsigned flags = slowly(text, len, lexer, expected);
	unsigned found = quickly(text, len, lexer, name);

	*is_quick = found != SQL_UNSURE;
	if (*is_quick && found != (flags & ~(unsigned)CLASSIFY_LOST))
		fail_msg("%x, not %x: %.*s", found, flags, (int)len, text);
	if (*is_quick && (found & CLASSIFY_NAMED) &&
	    strcmp(name, expected) != 0)
		fail_msg("%s, not %s: %.*s", name, expected, (int)len, text);
	return flags;
}

static unsigned
check(const char *text, size_t len, unsigned lexer, bool *is_quick)
{
	compare(text, len, lexer | UNTRACKED, is_quick);
	return compare(text, len, lexer, is_quick);
}

static void
most_are_plain(void **state)
{
	static const char *const texts[] = {
		"select 1",
		"SELECT 1;",
		"begin",
		"COMMIT",
		"rollback ; ",
		"(select 1) union select 2",
		"/* who asks */ select id from customer where id = $1",
		"-- a line\nselect 1 -- another\n",
		"insert into note (body) values ('listen; he said')",
		"select attempts, template, contemporary, temperature from job",
		"update a_line set issued_on = $1, _content = 'x', temp1 = 2",
		"select x from stamp where a = 'it is; select it' and t_up = 1",
		"select 1; select 2; with x as (select 3) select * from x;",
		"select my_set_conf(), advisory from pg_locks_advisory",
		"/**/select 1",
		"e",
		"create table t (a int)",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		bool is_quick;

		if (check(texts[i], strlen(texts[i]), 0, &is_quick) != 0 ||
		    !is_quick)
			fail_msg("%s", texts[i]);
	}
}

/* What a text that is not plain leaves behind is told without the lexer. */
static void
most_others_are_told(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"/* nothing */",
		"-- nothing",
		"set x = 1",
		"SET SESSION statement_timeout TO '2s'",
		"/* a */ set x = 1",
		"-- a\rset x = 1",
		"set local a.b = 'c'; select 1",
		"set a.b.c to default; set x = local",
		"set role joe",
		"set time zone 'UTC'",
		"set names 'utf8'",
		"set session characteristics as transaction read only",
		"set session authorization joe",
		"set standard_conforming_strings = off",
		"reset all",
		"reset role",
		"reset statement_timeout",
		"discard all",
		"discard temp",
		"deallocate all",
		"listen a; unlisten *; close b; drop table c",
		"load 'x'",
		"call f()",
		"do $$ begin perform 1; end $$",
		"prepare a as select 1",
		"set search_path  to  a, b",
		"set application_name='a'",
		"set session x to local",
		"set a.b = default",
		"declare c1 cursor with hold for select id from t",
		"declare c1 cursor  without  hold for select hold",
		"declare c no scroll cursor without hold for select hold",
		"/* a *//* b */ reset all",
		"declare c scroll cursor with hold for select 1",
		"declare c cursor without hold for select hold",
		"select 1; listen y",
		"select 1;do",
		"select 1; discard all",
		"select 'a;b' as \"c;d\" -- e;f\n; discard all",
		"select $a$; listen b $a$ || $$ $$; listen c",
		"create temp table t (a int)",
		"create local temporary table t ()",
		"select a into temp b from c",
		"select * from pg_temp.t",
		"select * from PG_TEMP_3.t where a = '; listen y'",
		"select pg_tempo() from pg_attribute where temps = 1",
		"select set_config('a', 'b', false)",
		"select set_config ( $1 , $2 , true ) from t",
		"pg_temp.f()",
		"select pg_advisory_lock(1)",
		"select '', pg_try_advisory_lock_shared(1)",
		"select pg_advisory_unlock_all()",
		"select pg_advisory_unlock(1) where a = $1",
		"select set_config('a.b', $1, true)",
		"select set_config('a.b', '', false), 'temp', 1 as b",
		"select set_config('a.name_of_more_than_16', 'b', FALSE)",
		"select 1 % 2, pg_advisory_lock(3)",
		"select set_config('a.b',  $12,  false) from template",
		"declare hold cursor for select 1",
		"declare a_name_of_20_letters cursor with hold for select 1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		bool is_quick;

		if (check(texts[i], strlen(texts[i]), 0, &is_quick) == 0 &&
		    strstr(texts[i], "true") == NULL)
			fail_msg("%s leaves nothing", texts[i]);
		if (!is_quick)
			fail_msg("%s is not told", texts[i]);
	}
}

static void
some_are_not(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"/* nothing */",
		"-- nothing",
		"set x = 1",
		"/* a */ set x = 1",
		"-- a\rset x = 1",
		"select 1; listen y",
		"select 1;do",
		"select 1; /* b */ discard all",
		"/* a /* b */ select 1 */ listen y",
		"/*/ select 1 */ listen y",
		"create temp table t (a int)",
		"create temporary table t ()",
		"select * from pg_temp.t",
		"select * from PG_TEMP_3.t",
		"select set_config('a', 'b', false)",
		"pg_temp.f()",
		"select pg_advisory_lock(1)",
		"select \"pg_advisory_lock\"(1)",
		"select a into temp from b",
		"\"set\" x",
		"'a' listen y",
		"e'a' listen y",
		"1 listen y",
		"select 1;'a' listen y",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		bool is_quick;

		if (check(texts[i], strlen(texts[i]), 0, &is_quick) == 0 &&
		    is_quick)
			fail_msg("%s", texts[i]);
	}
}

/* Wherever a word of interest stands among others, in any letter case. */
static void
seen_at_every_place(void **state)
{
	static const char *const words[] = {
		"into temp b",
		"into temporary b",
		"pg_temp_1.t",
		"pg_try_advisory_lock(1)",
		"set_config('a','b',false)",
		"; listen y",
		"; do",
		";set x=1",
		"\xc3\xa9 pg_temp.t",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t len = strlen(words[i]);

		for (size_t before = 0; before < 90; before++) {
			for (size_t after = 0; after < 40; after++) {
				size_t n = 7 + before + 1 + len;
				bool is_quick;

				memset(text, 'x', sizeof(text));
				memcpy(text, "select ", 7);
				text[7 + before] = ' ';
				memcpy(text + n - len, words[i], len);
				if (after % 2 == 1)
					for (size_t k = 0; k < n; k++)
						text[k] = (char)toupper(
							(unsigned char)text[k]);
				if (after > 0)
					text[n] = ' ';
				n += after;
				assert_int_not_equal(
					check(text, n, 0, &is_quick), 0);
			}
		}
	}
}

/* Texts put together by chance. */
static void
never_wrong(void **state)
{
	static const char *const parts[] = {
		"select",     "set",
		"temp",       "temporary",
		"pg_temp",    "pg_",
		"_temp",      "create",
		"into",       ";",
		";;",         "'",
		"''",         "\"",
		"$$",         "$a$",
		"$",          "--",
		"\n",         "\r",
		"/*",         "*/",
		"/",          "*",
		"e'",         "\\",
		"x",          "1",
		"set_config", "(",
		")",          ",",
		"true",       "pg_advisory_lock",
		"listen",     "do",
		"\xc3\xa9",   " ",
		" ",          " ",
		" ",          "TEMP",
		"SELECT",     "role",
		"session",    "local",
		"default",    "=",
		"to",         ".",
		"reset",      "all",
		"declare",    "hold",
		"for",        "without",
		"prepare",    "discard",
		"deallocate", "insert",
		"_lock",      "pg_try_advisory_unlock",
		"-",          "temp",
		"set",        " ",
		"\x7f",       "%",
	};
	unsigned seed = 17, plain = 0, told = 0;
	char text[512];

	(void)state;
	for (unsigned round = 0; round < 400000; round++) {
		unsigned flags;
		size_t len = 0;
		bool is_quick;

		for (int i = rand_r(&seed) % 24; i >= 0; i--) {
			const char *part =
				parts[(size_t)rand_r(&seed) % COUNT_OF(parts)];

			memcpy(text + len, part, strlen(part));
			len += strlen(part);
		}
		flags = check(text, len, (unsigned)rand_r(&seed) % 4,
			      &is_quick);
		plain += is_quick && flags == 0;
		told += is_quick && flags != 0;
	}
	print_message("%u plain, %u told\n", plain, told);
	assert_true(plain > 1000 && told > 1000);
}

/* Statements whose words are read, with anything between these. */
static void
rules_are_never_wrong(void **state)
{
	static const char *const begins[] = {
		"declare ",
		"DECLARE c1 cursor ",
		"set ",
		"SET session ",
		"declare for cursor ",
		"declare hold cursor ",
		"reset ",
		"discard ",
		"prepare ",
		"deallocate ",
		"set a",
		"select 1;set ",
		"set local ",
		"/* a */ set ",
	};
	static const char *const parts[] = {
		" ",     " ",       " ",      "  ",       "\t",
		"\n",    "c1",      "5",      "_a",       "$",
		"\"a\"", "'a'",     "e'a'",   "--",       "/* a */",
		"(",     ";",       ".",      "=",        "to",
		"TO ",   "hold",    "HOLD ",  "for",      "FOR ",
		"with",  "without", "\x01",   "\xc3\xa9", "default",
		"local", "names",   "time",   "zone",     "session",
		"role",  "cursor ", "select", "all",      "scroll ",
		"to d",  "= l",     "search", "_path",    "with hold for ",
	};
	unsigned seed = 23, told = 0;
	char text[512];

	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		const char *begin =
			begins[(size_t)rand_r(&seed) % COUNT_OF(begins)];
		size_t len = strlen(begin);
		bool is_quick;

		memcpy(text, begin, len);
		for (int i = rand_r(&seed) % 16; i >= 0; i--) {
			const char *part =
				parts[(size_t)rand_r(&seed) % COUNT_OF(parts)];

			memcpy(text + len, part, strlen(part));
			len += strlen(part);
			if (rand_r(&seed) % 2 == 0)
				text[len++] = ' ';
		}
		if (rand_r(&seed) % 8 == 0)
			text[(size_t)rand_r(&seed) % len] = '\0';
		told += check(text, len, (unsigned)rand_r(&seed) % 4,
			      &is_quick) != 0 &&
			is_quick;
	}
	print_message("%u told\n", told);
	assert_true(told > 10000);
}

/* Calls of functions, in the usual form and nearly so. */
static void
calls_are_never_wrong(void **state)
{
	static const char *const names[] = {
		"set_config(",
		"SET_CONFIG(",
		"set_config (",
		"xset_config(",
		"1set_config(",
		"set_config\x7f(",
		"set\x7f"
		"config(",
		"pg_advisory_lock(",
		"PG_ADVISORY_UNLOCK(",
		"g_advisory_lock(",
		"pg\x7f"
		"advisory_lock(",
	};
	static const char *const parts[] = {
		"'a'",   "'app.user'", "''",        "'a''b'",      "$1",
		"$12",   "$$",         "'\\'",      "'0123456789", "1",
		"true",  "TRUE)",      "true)",     "true )",      "truex)",
		"false", "False)",     "false)",    ", ",          ", ",
		",",     ",  ",        " ",         ")",           ", true)",
		"(",     ", false)",   "e'a'",      "x",           ";",
		"; ",    "'a', 'b', ", "'a', $1, ",
	};
	unsigned seed = 29, told = 0;
	char text[512];

	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		const char *name =
			names[(size_t)rand_r(&seed) % COUNT_OF(names)];
		size_t len = 0;
		bool is_quick;

		if (rand_r(&seed) % 4 != 0) {
			memcpy(text, "select ", 7);
			len = 7;
		}
		memcpy(text + len, name, strlen(name));
		len += strlen(name);
		for (int i = rand_r(&seed) % 9; i >= 0; i--) {
			const char *part =
				parts[(size_t)rand_r(&seed) % COUNT_OF(parts)];

			memcpy(text + len, part, strlen(part));
			len += strlen(part);
		}
		told += check(text, len, (unsigned)rand_r(&seed) % 4,
			      &is_quick) != 0 &&
			is_quick;
	}
	print_message("%u told\n", told);
	assert_true(told > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_are_plain),
		cmocka_unit_test(most_others_are_told),
		cmocka_unit_test(some_are_not),
		cmocka_unit_test(seen_at_every_place),
		cmocka_unit_test(never_wrong),
		cmocka_unit_test(rules_are_never_wrong),
		cmocka_unit_test(calls_are_never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
