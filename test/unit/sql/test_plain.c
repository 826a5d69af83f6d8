/* Texts that leave nothing behind: told quickly, and never wrongly. */
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
#include "sql/plain.h"

/* Whatever the lexer makes of it, cut as it comes on the wire. */
static unsigned
slowly(const char *text, size_t len)
{
	struct classify_options options = { 0 };
	struct classify c;

	classify_init(&c, &options);
	classify_feed(&c, text, len);
	return classify_end(&c);
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
		"select pg_tempo() from pg_attribute where temps = 1",
		"select my_set_conf(), advisory from pg_locks_advisory",
		"/**/select 1",
		"e",
		"create table t (a int)",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		bool is_own = strstr(texts[i], "pg_tempo") != NULL;

		assert_int_equal(slowly(texts[i], strlen(texts[i])) != 0,
				 is_own);
		if (sql_is_plain(texts[i], strlen(texts[i])) == is_own)
			fail_msg("%s", texts[i]);
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
		";",
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
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (sql_is_plain(texts[i], strlen(texts[i])))
			fail_msg("%s", texts[i]);
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
				assert_false(sql_is_plain(text, n));
				assert_int_not_equal(slowly(text, n), 0);
			}
		}
	}
}

/* Texts put together by chance: what is plain has no flag. */
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
		"SELECT",
	};
	unsigned seed = 17, plain = 0;
	char text[512];

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		size_t len = 0;
		unsigned flags;

		for (int i = rand_r(&seed) % 24; i >= 0; i--) {
			const char *part =
				parts[(size_t)rand_r(&seed) % COUNT_OF(parts)];

			memcpy(text + len, part, strlen(part));
			len += strlen(part);
		}
		if (!sql_is_plain(text, len))
			continue;
		plain++;
		flags = slowly(text, len) & ~(unsigned)CLASSIFY_LOST;
		if (flags != 0)
			fail_msg("%x: %.*s", flags, (int)len, text);
	}
	assert_true(plain > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_are_plain),
		cmocka_unit_test(some_are_not),
		cmocka_unit_test(seen_at_every_place),
		cmocka_unit_test(never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
