/* The flags of most MySQL texts: told quickly, and never wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sql/my_classify.h"
#include "sql/my_quick.h"

#define MARIA MY_LEXER_MARIADB

static uint64_t
slowly(const char *text, size_t len, struct my_lexer_options options)
{
	struct my_classify c;

	my_classify_init(&c, options);
	my_classify_feed(&c, text, len);
	return my_classify_end(&c);
}

/* In a block of its own, so that a byte too far is found. */
static uint64_t
quickly(const char *text, size_t len, struct my_lexer_options options)
{
	char *copy = malloc(len > 0 ? len : 1);
	uint64_t flags;

	assert_non_null(copy);
	memcpy(copy, text, len);
	flags = my_quick((const uint8_t *)copy, len, options);
	free(copy);
	return flags;
}

/* Was it told?  Then it is what the lexer tells. */
static bool
check(const char *text, size_t len, unsigned bits)
{
	struct my_lexer_options options = { .version = 101119, .bits = bits };
	uint64_t found = quickly(text, len, options);
	uint64_t flags = slowly(text, len, options);

	/* What is wrong in the end is refused as a whole. */
	if (found != MY_SQL_UNSURE && found != flags)
		fail_msg("%" PRIx64 ", not %" PRIx64 " (%u): %.*s", found,
			 flags, bits, (int)len, text);
	return found != MY_SQL_UNSURE;
}

static void
most_are_told(void **state)
{
	static const char *const texts[] = {
		"select 1",
		"SELECT 1;",
		"select * from t where a = 'x; y' and b = \"--\" # c",
		"select count(*) from `a(b` where c in (1, 2, 3) and d = 'e@f'",
		"select a from b /* who asks: c@d */ where e = 1",
		"insert into t (a, b) values (1, 'it\\'s; @x'), (2, 'y')",
		"update t set a = a - 1, value = 'x' where id = 5 -1",
		"delete from t where last_value = 1 and interval_ids(3) = 2",
		"replace into t values (1)",
		"with a as (select 1) select * from a",
		"create table t (a int, b varchar(20) default 'x')",
		"drop table if exists t",
		"begin",
		"commit;",
		"rollback ; ",
		"start transaction read only",
		"release savepoint a",
		"show tables",
		"use app",
		"set autocommit=0",
		"SET time_zone = '+00:00';",
		"set names utf8mb4",
		"set names 'latin1'",
		"select 1 -- 1",
	};

	(void)state;
	for (size_t i = 0; i + 1 < COUNT_OF(texts); i++)
		if (i != 2 && !check(texts[i], strlen(texts[i]), MARIA))
			fail_msg("not told: %s", texts[i]);
}

/* Once told wrong: these are constants, or words, but no charset's name. */
static void
no_charsets(void **state)
{
	static const char *const texts[] = { "set names -5", "set names-5g",
					     "set names collate",
					     "set names table",
					     "set n = table" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_false(check(texts[i], strlen(texts[i]), MARIA));
}

/* Once told otherwise than by the lexer: in quotes they are no keywords. */
static void
quoted_keywords(void **state)
{
	static const char *const texts[] = {
		"select\"setval\"",
		"select a.`lastval`, `nextval` from a",
		"select `sql_calc_found_rows` from a",
		"select \"sql_calc_found_rows\" from a",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_true(check(texts[i], strlen(texts[i]), MARIA));
		assert_true(check(texts[i], strlen(texts[i]),
				  MARIA | MY_LEXER_ANSI_QUOTES));
	}
}

/* What means something, put at every place of a text. */
static void
seen_at_every_place(void **state)
{
	static const char *const words[] = {
		"@a := 1",
		" into @a ",
		"; set @a = 1",
		"get_lock('a', 1)",
		" GET_LOCK (1)",
		"`release_lock`(1)",
		"release_all_locks()",
		"last_insert_id ()",
		"connection_id\n()",
		"found_rows()",
		"row_count/**/()",
		" sql_calc_found_rows ",
		" next value for s",
		" previous  value for s",
		" NEXT/**/VALUE FOR s",
		"nextval(s)",
		"lastval(s)",
		"setval(s)",
		" s.currval",
		"@@identity",
		"/*! ; set @a = 1 */",
		"/*M! @a := 1 */",
		"/* pool: session */",
		"# '\n; call p()",
		"-- '\n; call p()",
		"--\n; call p()",
		"service_get_write_locks(1)",
		"version_tokens_lock_shared(1)",
		"version_tokens_lock_exclusive(1)",
		"version_tokens_unlock()",
	};
	static const char *const frames[] = {
		"select a from t where b = ",
		"insert into note (body) values ('x'), (",
		"select 'a\\'' , \"b\" , `c`, ",
		"select /* a ' */ 1, ",
		"select 'open ",
	};
	char text[256];

	(void)state;
	for (size_t f = 0; f < COUNT_OF(frames); f++) {
		for (size_t w = 0; w < COUNT_OF(words); w++) {
			for (int n = 0; n < 40; n++) {
				int len = snprintf(text, sizeof(text),
						   "%s%*s%s%*s", frames[f], n,
						   "", words[w], 39 - n, "");

				for (unsigned bits = 0; bits < 4; bits++)
					(void)check(text, (size_t)len,
						    bits | MARIA);
			}
		}
	}
}

/* Texts thrown together of what is hard to tell. */
static void
never_wrong(void **state)
{
	static const char *const parts[] = {
		"select ",   "insert ",
		"set ",      "show ",
		"begin",     "use ",
		"commit",    "rollback",
		"names ",    "a",
		"value",     "next ",
		"val",       "_lock",
		"get",       "last_insert_id",
		"count",     "row_count",
		"(",         ")",
		"'",         "\"",
		"`",         "\\",
		"@",         ";",
		"#",         "--",
		"-",         " ",
		"\n",        "/*",
		"*/",        "!",
		"/*!40101 ", "+",
		"=",         ":=",
		"1",         ",",
		"default",   "sql_calc_found_rows",
		"into ",     "x = 1",
		"''",        "warnings",
		"table ",
	};
	unsigned seed = 1, told = 0;
	char text[400];

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		unsigned n = (unsigned)rand_r(&seed) % 12 + 1;
		size_t len = 0;

		for (unsigned k = 0; k < n; k++) {
			const char *part =
				parts[(unsigned)rand_r(&seed) %
				      (k == 0 ? 9 : COUNT_OF(parts))];

			memcpy(text + len, part, strlen(part));
			len += strlen(part);
		}
		told += check(text, len, ((unsigned)rand_r(&seed) & 3) | MARIA);
	}
	print_message("%u of 60000 told\n", told);
	assert_true(told > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_are_told),
		cmocka_unit_test(no_charsets),
		cmocka_unit_test(quoted_keywords),
		cmocka_unit_test(seen_at_every_place),
		cmocka_unit_test(never_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
