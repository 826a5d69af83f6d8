/* Digests: what is the same statement, and what is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "sql/digest.h"
#include "sql/lexer.h"

#define DIGEST_SELECT UINT64_C(0xa35fd1edab769215)
#define DIGEST_TEMP UINT64_C(0xec74fd467d052f48)

static uint64_t
digest(const char *text)
{
	return sql_digest(text, strlen(text), 0);
}

static const struct {
	const char *a, *b;
} same[] = {
	{ "select 1", "SELECT  2 -- two\n" },
	{ "select 1", "/* who */ select 'it''s'" },
	{ "select 1", "select $1;" },
	{ "select 1", "select $tag$ a $$ b $tag$ ; ;" },
	{ "select 1", "select e'a\\'b'" },
	{ "select 1", "select 1.5" },
	{ "select a from b where c in (1)",
	  "SELECT a FROM b WHERE c IN (1, 2,'x' , $4)" },
	{ "insert into t values (1, 'a'), (2, 'b')",
	  "insert into t values ($1,$2),($3,$4)" },
	{ "listen A", "LISTEN a" },
	{ "", "-- nothing" },
	{ "", ";" },
};

static const struct {
	const char *a, *b;
} others[] = {
	{ "select 1", "select a" },
	{ "select a", "select \"a\"" },
	{ "select \"a\"", "select \"A\"" },
	{ "select a b", "select ab" },
	{ "select a", "select a, a" },
	{ "select 1, a", "select 1 a" },
	{ "select 1;select 2", "select 1 select 2" },
	{ "select 1;select 2", "select 1" },
	{ "select 'a', , 'b'", "select 'a', 'b'" },
	{ "select (1)", "select 1" },
	{ "select a <> 1", "select a >< 1" },
};

static void
same_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(same); i++)
		if (digest(same[i].a) != digest(same[i].b))
			fail_msg("%s | %s", same[i].a, same[i].b);
}

static void
other_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (digest(others[i].a) == digest(others[i].b))
			fail_msg("%s | %s", others[i].a, others[i].b);
}

/* Operators compare digests of different days: they may not change. */
static void
they_stay(void **state)
{
	(void)state;
	assert_true(digest("select 1") == DIGEST_SELECT);
	assert_true(digest("create temp table t (a int)") == DIGEST_TEMP);
	/* The lexer's options are heeded. */
	assert_true(sql_digest("select 'a\\', b'", 15, LEXER_BACKSLASHES) ==
		    DIGEST_SELECT);
	assert_true(sql_digest("select 'a\\', b'", 15, 0) != DIGEST_SELECT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_ones),
		cmocka_unit_test(other_ones),
		cmocka_unit_test(they_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
