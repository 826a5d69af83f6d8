/* What statements leave behind, at every cut of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sql/classify.h"

#define SET CLASSIFY_SET
#define TRACKED (CLASSIFY_SET | CLASSIFY_SET_TRACKED)
#define OTHERS (CLASSIFY_SET | CLASSIFY_SET_OTHER)
#define NAMED (OTHERS | CLASSIFY_NAMED)
#define ROLE (OTHERS | CLASSIFY_ROLE)
#define RESET (CLASSIFY_RESET | CLASSIFY_RELEASE)

static const struct row {
	const char *text;
	unsigned flags;
} rows[] = {
	{ "select 1", 0 },
	{ "", CLASSIFY_EMPTY },
	{ " -- nothing\n/* at all */", CLASSIFY_EMPTY },
	{ ";;", 0 },
	{ "select 'set x = 1; listen y'", 0 },
	{ "select $$ ; listen y $$", 0 },
	/* SET */
	{ "set timezone = 'UTC'", TRACKED },
	{ "SET TimeZone TO 'UTC'", TRACKED },
	{ "set session timezone='x'", TRACKED },
	{ "set \"timezone\" = 1", TRACKED },
	{ "set time zone 'UTC'", TRACKED },
	{ "set time zone local", TRACKED | CLASSIFY_RESET },
	{ "set names 'utf8'", TRACKED },
	{ "set names", TRACKED },
	{ "set search_path = a", NAMED },
	{ "set search_path to default", NAMED | CLASSIFY_RESET },
	{ "set search_path to a, b", NAMED },
	{ "set schema 'a'", OTHERS },
	{ "set timezone = default", TRACKED | CLASSIFY_RESET },
	{ "set my.var = 1", TRACKED },
	{ "set my . \"var\" = 1", TRACKED },
	{ "set my.other = 1", NAMED },
	{ "set local search_path = a", SET },
	{ "set transaction isolation level serializable", SET },
	{ "set constraints all deferred", SET },
	{ "set session characteristics as transaction read only", OTHERS },
	{ "set session authorization joe", ROLE },
	{ "set role joe", ROLE | CLASSIFY_NAMED },
	{ "set role 'joe'", ROLE | CLASSIFY_NAMED },
	{ "set local role joe", SET },
	{ "set session role joe", ROLE | CLASSIFY_NAMED },
	{ "set xml option document", OTHERS },
	{ "set standard_conforming_strings = off", NAMED | CLASSIFY_SYNTAX },
	{ "begin; set x = 1; commit", NAMED },
	{ "/* c */ set /* d */ x = 1", NAMED },
	{ "set", SET },
	{ "update t set x = 1", 0 },
	{ "alter role joe set search_path = a", 0 },
	{ "create function f() returns int set search_path = a as 'x'", 0 },
	/* RESET, DISCARD */
	{ "reset all", RESET | CLASSIFY_RESET_ALL },
	{ "reset search_path", RESET },
	{ "reset role", RESET | CLASSIFY_SET_OTHER | CLASSIFY_ROLE },
	{ "reset session authorization",
	  RESET | CLASSIFY_SET_OTHER | CLASSIFY_ROLE },
	{ "discard all", CLASSIFY_DISCARD_ALL | CLASSIFY_RELEASE },
	{ "discard temp", CLASSIFY_RELEASE },
	/* the rest by their first word */
	{ "prepare a as select 1", CLASSIFY_PREPARE },
	{ "prepare transaction 'x'", 0 },
	{ "listen x", CLASSIFY_LISTEN },
	{ "notify x", 0 },
	{ "declare c cursor for select 1", CLASSIFY_CURSOR },
	{ "declare c scroll cursor with hold for select 1",
	  CLASSIFY_CURSOR | CLASSIFY_DECLARE },
	{ "declare c cursor without hold for select hold", CLASSIFY_CURSOR },
	{ "close c", CLASSIFY_RELEASE },
	{ "drop table t", CLASSIFY_RELEASE },
	{ "unlisten x", CLASSIFY_RELEASE },
	{ "deallocate x", CLASSIFY_RELEASE },
	{ "call p()", CLASSIFY_DO },
	{ "load 'x'", CLASSIFY_LOAD },
	{ "do $$ begin end $$", CLASSIFY_DO },
	{ "insert into t values (1) on conflict do nothing", 0 },
	{ "select load, listen, prepare from declare", 0 },
	/* temporary objects */
	{ "create temp table t (a int)", CLASSIFY_TEMP },
	{ "create temporary sequence s", CLASSIFY_TEMP },
	{ "create local temp table t (a int)", CLASSIFY_TEMP },
	{ "create global temporary table t (a int)", CLASSIFY_TEMP },
	{ "create or replace temp view v as select 1", CLASSIFY_TEMP },
	{ "select 1 into temp t", CLASSIFY_TEMP },
	{ "select 1 into temporary table t", CLASSIFY_TEMP },
	{ "with x as (select 1) select * into temp t from x", CLASSIFY_TEMP },
	{ "explain analyze create temp table t as select 1", CLASSIFY_TEMP },
	{ "create table pg_temp.t (a int)", CLASSIFY_TEMP },
	{ "create table \"pg_temp_3\".t (a int)", CLASSIFY_TEMP },
	{ "insert into temp values (1)", 0 },
	{ "select temp, temporary from weather", 0 },
	{ "create table t (temp int)", 0 },
	/* functions */
	{ "select set_config('a', 'b', false)", CLASSIFY_SET_CONFIG },
	{ "select pg_catalog . SET_CONFIG ( 'a' , $1 , true )", 0 },
	{ "select set_config('a', f(1, 2), true), 1", 0 },
	{ "select set_config('a', 'b', not true)", CLASSIFY_SET_CONFIG },
	{ "select set_config('a', 'b', true::bool)", CLASSIFY_SET_CONFIG },
	{ "select set_config('a', true)", CLASSIFY_SET_CONFIG },
	{ "select set_config('a', 'b', \"true\")", CLASSIFY_SET_CONFIG },
	{ "select set_config('a', set_config('c','d',false), true)",
	  CLASSIFY_SET_CONFIG },
	{ "select set_config('a', 'b', true", CLASSIFY_SET_CONFIG },
	{ "select \"set_config\"('a', 'b', false)", CLASSIFY_SET_CONFIG },
	{ "select set_config from t", 0 },
	{ "select pg_advisory_lock(1)", CLASSIFY_ADVISORY },
	{ "select pg_try_advisory_lock_shared(1)", CLASSIFY_ADVISORY },
	{ "select pg_advisory_xact_lock(1)", 0 },
	{ "select pg_advisory_unlock_all()", CLASSIFY_RELEASE },
	{ "select pg_advisory_unlock(1)", CLASSIFY_RELEASE },
	/* what a connection pool of a driver sends */
	{ "select pg_advisory_unlock_all(); close all; unlisten *; reset all",
	  RESET | CLASSIFY_RESET_ALL },
};

static bool
is_tracked(const void *context, const char *name)
{
	assert_string_equal(context, "ctx");
	return text_equal_nocase(name, "timezone") ||
	       text_equal_nocase(name, "client_encoding") ||
	       text_equal_nocase(name, "my.var");
}

static unsigned
classify(const char *text, size_t piece)
{
	struct classify_options options = { .is_tracked = is_tracked,
					    .context = "ctx" };
	struct classify c;
	size_t left = strlen(text);

	classify_init(&c, &options);
	while (left > 0) {
		size_t n = left < piece ? left : piece;

		classify_feed(&c, text, n);
		text += n;
		left -= n;
	}
	return classify_end(&c);
}

static void
texts_are_classified(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t piece = 1; piece < 70; piece++) {
			if (classify(rows[i].text, piece) != rows[i].flags)
				print_message("%s in %zu\n", rows[i].text,
					      piece);
			assert_int_equal(classify(rows[i].text, piece),
					 rows[i].flags);
		}
	}
}

/* The quick way comes to the same. */
static void
whole_texts_are_classified(void **state)
{
	struct classify_options options = { .is_tracked = is_tracked,
					    .context = "ctx" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(classify_text(rows[i].text,
					       strlen(rows[i].text), &options) |
					 (rows[i].flags & CLASSIFY_LOST),
				 rows[i].flags);
}

static const struct naming {
	const char *text;
	bool is_own;
} namings[] = {
	{ "execute own_1", true },
	{ "select 1; EXECUTE OWN_1(2); select 3", true },
	{ "execute \"own_1\"", true },
	{ "execute/**/own_1;", true },
	{ "execute -- '\n own_1", true },
	{ "explain (analyze) execute own_1", true },
	{ "create table t as execute own_1", true },
	{ "prepare own_1 as select 1", true },
	{ "deallocate own_1", true },
	{ "deallocate prepare own_1", true },
	{ "execute u&\"\\006fwn_1\"", true },
	{ "select e'\\'' ; execute own_1", true },
	{ "", false },
	{ "execute own", false },
	{ "execute owner_1", false },
	{ "execute u(1); select 1 & 2", false },
	{ "deallocate all; select own_1", false },
	{ "select '; execute own_1'", false },
	{ "select $a$; execute own_1; $$ $a$", false },
	{ "select 1 /* ; /* */ execute own_1 */", false },
	{ "select 1 -- ; execute own_1", false },
	{ "select 1 as \"; execute own_1\"", false },
	{ "create trigger t after insert on x execute function own_1()",
	  false },
	{ "prepare transaction 'own_1'", false },
};

static void
own_names_are_found(void **state)
{
	struct classify_options options = { .own_names = "own_" };
	struct classify c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(namings); i++) {
		const char *text = namings[i].text;
		size_t len = strlen(text);

		for (size_t piece = 1; piece <= len + 1; piece++) {
			classify_init(&c, &options);
			for (size_t at = 0; at < len; at += piece)
				classify_feed(&c, text + at,
					      len - at < piece ? len - at
							       : piece);
			(void)classify_end(&c);
			if (c.has_own_name != namings[i].is_own)
				print_message("%s in %zu\n", text, piece);
			assert_true(c.has_own_name == namings[i].is_own);
		}
	}
}

static void
sizes_stay_small(void **state)
{
	(void)state;
	print_message("struct lexer %zu, struct classify %zu bytes\n",
		      sizeof(struct lexer), sizeof(struct classify));
	assert_true(sizeof(struct lexer) <= 96);
	assert_true(sizeof(struct classify) <= 256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_classified),
		cmocka_unit_test(whole_texts_are_classified),
		cmocka_unit_test(own_names_are_found),
		cmocka_unit_test(sizes_stay_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
