/* User variables that a SET gives constants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mysql/my_said.h"
#include "sql/my_classify.h"

static const struct my_lexer_options server = { .version = 101119,
						.bits = MY_LEXER_MARIADB };

static struct my_text
text_of(const char *text)
{
	return (struct my_text){ .data = text, .len = strlen(text) };
}

static enum my_change
run(struct statements *t, struct my_session *s, const char *text)
{
	const uint64_t others = MY_SQL_VARIABLE | MY_SQL_SEVERAL | MY_SQL_LOST;
	struct my_session before = { .base = NULL };
	uint64_t flags = my_classify_text(text, strlen(text), server);
	enum my_change result;

	assert_int_equal(flags & (MY_SQL_LITERAL | others), MY_SQL_LITERAL);
	my_session_copy(&before, s);
	result = my_said_users(t, s, &before, text_of(text), server);
	my_session_fini(&before);
	return result;
}

static void
learn(struct statements *t, struct my_session *s, const char *name,
      const char *value)
{
	assert_int_equal(my_session_learn(t, s, text_of(name), text_of(value)),
			 MY_CHANGE_DONE);
}

static const struct row {
	const char *text;
	const char *sql; /* NULL: it cannot be carried */
} rows[] = {
	{ "set @a = 1", "SET @`a`=1" },
	{ "SET @A := -2.50, @b = 1e3", "SET @`a`=-2.50,@`b`=1e3" },
	{ "set @a = true, @b = False, @c = null", "SET @`a`=1,@`b`=0" },
	{ "set /* x */ @`a.b` /* = */ = /* 2 */ 3;", "SET @`a.b`=3" },
	{ "set @a = 'x y'",
	  "SET @`a`=_utf8mb4'x y' COLLATE 'utf8mb4_general_ci'" },
	{ "set @a = \"x\", sql_mode = 'ANSI', @b = 2",
	  "SET @`a`=_utf8mb4'x' COLLATE 'utf8mb4_general_ci',@`b`=2" },
	{ "set @a = '', names latin1",
	  "SET @`a`=_utf8mb4 x'' COLLATE 'utf8mb4_general_ci'" },
	{ "set @a = 1, b = f(2, @c), @d = 3", "SET @`a`=1,@`d`=3" },
	{ "set @a = 1, @a = 2", "SET @`a`=2" },
	{ "set @a = 1, @a = null", "" },
	/* what might read otherwise elsewhere */
	{ "set @a = 'it''s'", NULL },
	{ "set @a = 'a\\nb'", NULL },
	{ "set @a = \"it's\"", NULL },
	{ "set @a = '\xc3\xa9'", NULL },
	{ "set @a = 0x41", NULL },
	{ "set @a = 1e", NULL },
	{ "set @a = +1", NULL },
	{ "set @`b c` = 1", NULL },
	{ "set @`\xc3\xa9` = 1", NULL },
	{ "set @a = 1, @b = 0x41", NULL },
	{ "set @a = '0123456789012345678901234567890123456789"
	  "0123456789012345678901234567890123456789'",
	  NULL },
};

static void
constants_are_carried(void **state)
{
	struct statements *t = statements_new(1);
	struct my_session none = { .base = NULL };

	(void)state;
	learn(t, &none, "character_set_connection", "utf8mb4");
	learn(t, &none, "collation_connection", "utf8mb4_general_ci");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct my_session s = { .base = NULL };
		struct str sql = { 0 };
		enum my_change change;
		const char *schema;

		my_session_copy(&s, &none);
		change = run(t, &s, rows[i].text);
		if (change !=
		    (rows[i].sql != NULL ? MY_CHANGE_DONE : MY_CHANGE_PINS))
			fail_msg("%s: %d", rows[i].text, change);
		(void)my_state_move(&sql, &schema, &none, &s);
		assert_string_equal(str_text(&sql),
				    rows[i].sql != NULL ? rows[i].sql : "");
		str_fini(&sql);
		my_session_fini(&s);
	}
	my_session_fini(&none);
	statements_free(t);
}

/* They are NULL again for who has not set them. */
static void
others_do_not_see_them(void **state)
{
	struct statements *t = statements_new(1);
	struct my_session one = { .base = NULL }, two = { .base = NULL };
	struct str sql = { 0 };
	const char *schema;

	(void)state;
	assert_int_equal(run(t, &one, "set @a = 1, @b = 2"), MY_CHANGE_DONE);
	assert_int_equal(run(t, &two, "set @c = 3, @b = 2"), MY_CHANGE_DONE);
	assert_int_equal(my_state_move(&sql, &schema, &one, &two),
			 MY_MOVE_MADE);
	assert_string_equal(str_text(&sql), "SET @`c`=3,@`a`=NULL");
	str_fini(&sql);
	my_session_fini(&one);
	my_session_fini(&two);
	statements_free(t);
}

/* A string has the character set and collation of its connection. */
static void
strings_know_their_character_set(void **state)
{
	struct statements *t = statements_new(1);
	struct my_session s = { .base = NULL };

	(void)state;
	assert_int_equal(run(t, &s, "set @a = 'x'"), MY_CHANGE_PINS);
	assert_int_equal(my_session_set(t, &s,
					text_of("character_set_connection"),
					text_of("latin1")),
			 MY_CHANGE_DONE);
	assert_int_equal(run(t, &s, "set @a = 'x'"), MY_CHANGE_DONE);
	assert_string_equal(my_session_find(&s, "@a"), "_latin1'x'");
	assert_int_equal(my_session_set(t, &s, text_of("collation_connection"),
					text_of("utf8mb4_bin")),
			 MY_CHANGE_DONE);
	assert_int_equal(run(t, &s, "set @a = 'x'"), MY_CHANGE_DONE);
	assert_string_equal(my_session_find(&s, "@a"),
			    "_utf8mb4'x' COLLATE 'utf8mb4_bin'");
	my_session_fini(&s);
	statements_free(t);
}

/* What servers do not tell is asked for by name. */
static void
questions_name_what_is_untold(void **state)
{
#define Q(name) "@@session." name "=@@session." name
#define LIST "set session_track_system_variables = '', "
	static const struct {
		const char *text;
		const char *sql; /* NULL: it cannot be asked for */
	} questions[] = {
		{ "set @@a = 1", "SET " Q("a") },
		{ "set /* @@x=1, */ @@`a` := (1, 2), @@local.b = 3",
		  "SET " Q("a") },
		{ "set a = 1, session b = 2, @c = 3, @@d = @@e",
		  "SET " Q("d") },
		{ "set @@hot.key_buffer_size = 1, @@A_1 = 2", "SET " Q("A_1") },
		{ "set @@`a b` = 1", NULL },
		{ "set @@timestamp = 1", NULL },
		{ LIST "a = 1", "SET " Q("a") },
		{ LIST "session_track_schema = 1, @@Session_Track_gtids = ''",
		  "" },
		{ LIST "a = (1, b = 2), session c = 3, local `d` = 4, "
		       "@@session.e = 5, @@f = 6, @g = 7, @@global.h = 8",
		  "SET " Q("a") "," Q("c") "," Q("d") "," Q("e") "," Q("f") },
		{ LIST "names latin1 collate latin1_bin, z = 1",
		  "SET " Q("character_set_client") "," Q(
			  "character_set_"
			  "results") "," Q("collation_connection") "," Q("z") },
		{ LIST "transaction read only", NULL },
		{ LIST "session transaction read only", NULL },
		{ LIST "password = 'x'", NULL },
		{ LIST "a.b = 1", NULL },
		{ LIST "rand_seed1 = 1", NULL },
		{ LIST, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		struct my_text text = text_of(questions[i].text);
		uint64_t flags = my_classify_text(text.data, text.len, server);
		struct str sql = { 0 };
		bool done = my_said_ask(&sql, text, flags, server);

		if (done != (questions[i].sql != NULL) ||
		    (done && strcmp(str_text(&sql), questions[i].sql) != 0))
			fail_msg("%s: %d %s", questions[i].text, done,
				 str_text(&sql));
		str_fini(&sql);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_name_what_is_untold),
		cmocka_unit_test(constants_are_carried),
		cmocka_unit_test(others_do_not_see_them),
		cmocka_unit_test(strings_know_their_character_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
