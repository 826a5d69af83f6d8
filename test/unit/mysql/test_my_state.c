/* Session states: what is remembered, and how one becomes another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_response.h"
#include "mysql/my_state.h"

#define STEPS 4u

static struct my_text
text_of(const char *text)
{
	return (struct my_text){ .data = text,
				 .len = text != NULL ? strlen(text) : 0 };
}

/* "name=value", "use schema", "use" for no schema; NULL ends a list. */
static enum my_change
play(struct statements *t, struct my_session *s, const char *step)
{
	const char *sign = strchr(step, '=');

	if (strcmp(step, "use") == 0)
		return my_session_use(t, s, text_of(NULL));
	if (strncmp(step, "use ", 4) == 0)
		return my_session_use(t, s, text_of(step + 4));
	return my_session_set(
		t, s,
		(struct my_text){ .data = step, .len = (size_t)(sign - step) },
		text_of(sign + 1));
}

/* What logins have here. */
static void
learn_base(struct statements *t, struct my_session *s)
{
	static const char *const base[][2] = {
		{ "autocommit", "ON" },
		{ "sql_mode", "STRICT_TRANS_TABLES" },
		{ "time_zone", "SYSTEM" },
		{ "character_set_client", "utf8mb4" },
		{ "character_set_results", "utf8mb4" },
		{ "character_set_connection", "utf8mb4" },
		{ "collation_connection", "utf8mb4_general_ci" },
		{ "wait_timeout", "28800" },
	};

	for (size_t i = 0; i < COUNT_OF(base); i++)
		assert_int_equal(my_session_learn(t, s, text_of(base[i][0]),
						  text_of(base[i][1])),
				 MY_CHANGE_DONE);
	assert_int_equal(my_session_learn_schema(t, s, text_of("app")),
			 MY_CHANGE_DONE);
}

static const struct row {
	const char *from[STEPS]; /* the server's */
	const char *to[STEPS];   /* the client's */
	enum my_move move;
	const char *schema; /* NULL: stays */
	const char *sql;
} rows[] = {
	{ { NULL }, { NULL }, MY_MOVE_NONE, NULL, "" },
	{ { "a=1" }, { "a=1" }, MY_MOVE_NONE, NULL, "" },
	{ { "a=1", "b=2" }, { "b=2", "a=1" }, MY_MOVE_NONE, NULL, "" },
	{ { "A=1" }, { "a=1" }, MY_MOVE_NONE, NULL, "" },
	{ { "a=1", "a=2" }, { "a=2" }, MY_MOVE_NONE, NULL, "" },
	/* back to the base is nothing of its own */
	{ { "autocommit=OFF", "autocommit=ON" },
	  { NULL },
	  MY_MOVE_NONE,
	  NULL,
	  "" },
	{ { NULL },
	  { "autocommit=OFF" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.autocommit='OFF'" },
	{ { "autocommit=OFF" },
	  { NULL },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.autocommit='ON'" },
	{ { "other=1" },
	  { NULL },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.other=DEFAULT" },
	{ { "b=1", "c=3" },
	  { "a=1", "b=2" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.a=1,@@session.b=2,@@session.c=DEFAULT" },
	/* values */
	{ { NULL },
	  { "a=-1", "b=0.500000", "c=18446744073709551615", "d=" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.a=-1,@@session.b=0.500000,"
	  "@@session.c=18446744073709551615,@@session.d=''" },
	{ { NULL },
	  { "a=1e5", "b=1.", "c=-", "d=x y,z" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.a='1e5',@@session.b='1.',@@session.c='-',"
	  "@@session.d='x y,z'" },
	{ { NULL },
	  { "a=\\", "b='", "c=\"", "d=\xc3\xa9" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.a=_utf8mb4 x'5C',@@session.b=_utf8mb4 x'27',"
	  "@@session.c='\"',@@session.d=_utf8mb4 x'C3A9'" },
	{ { NULL },
	  { "character_set_results=" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.character_set_results=NULL" },
	/* two names for one thing */
	{ { NULL },
	  { "character_set_connection=utf8mb4" },
	  MY_MOVE_NONE,
	  NULL,
	  "" },
	{ { NULL },
	  { "character_set_connection=latin1",
	    "collation_connection=utf8mb4_general_ci" },
	  MY_MOVE_NONE,
	  NULL,
	  "" },
	{ { "collation_connection=utf8mb4_bin" },
	  { "character_set_connection=latin1" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.character_set_connection='latin1'" },
	{ { "character_set_connection=latin1" },
	  { "collation_connection=latin1_bin" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.collation_connection='latin1_bin'" },
	{ { "character_set_connection=latin1", "character_set_client=latin1" },
	  { NULL },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.character_set_client='utf8mb4',"
	  "@@session.character_set_connection='utf8mb4'" },
	{ { "storage_engine=MyISAM" },
	  { NULL },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.storage_engine=DEFAULT" },
	{ { "tx_isolation=SERIALIZABLE" },
	  { "transaction_isolation=SERIALIZABLE" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.transaction_isolation='SERIALIZABLE'" },
	/* schemas */
	{ { "use b" }, { "use b" }, MY_MOVE_NONE, NULL, "" },
	{ { "use b", "use app" }, { NULL }, MY_MOVE_NONE, NULL, "" },
	{ { NULL }, { "use b" }, MY_MOVE_MADE, "b", "" },
	{ { "use b" }, { NULL }, MY_MOVE_MADE, "app", "" },
	{ { "use" }, { "use b" }, MY_MOVE_MADE, "b", "" },
	{ { "use" }, { NULL }, MY_MOVE_MADE, "app", "" },
	{ { NULL }, { "use" }, MY_MOVE_NO_WAY, NULL, "" },
	{ { "use" }, { "use" }, MY_MOVE_NONE, NULL, "" },
	{ { "use" }, { "use " }, MY_MOVE_NONE, NULL, "" },
	{ { "use b" },
	  { "use c", "a=1" },
	  MY_MOVE_MADE,
	  "c",
	  "SET @@session.a=1" },
	/* a change of schema puts these back */
	{ { NULL },
	  { "collation_database=latin1_bin", "use b", "use app" },
	  MY_MOVE_NONE,
	  NULL,
	  "" },
	{ { "use b", "collation_database=latin1_bin" },
	  { "collation_database=latin1_bin" },
	  MY_MOVE_MADE,
	  "app",
	  "SET @@session.collation_database='latin1_bin'" },
	{ { "use b", "collation_database=latin1_bin" },
	  { NULL },
	  MY_MOVE_MADE,
	  "app",
	  "" },
	/* the client's alone */
	{ { NULL }, { "wait_timeout=5" }, MY_MOVE_NONE, NULL, "" },
	{ { "wait_timeout=5" }, { "wait_timeout=5" }, MY_MOVE_NONE, NULL, "" },
	{ { "wait_timeout=5" },
	  { NULL },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.wait_timeout=28800" },
	{ { "wait_timeout=5" },
	  { "wait_timeout=2147483" },
	  MY_MOVE_MADE,
	  NULL,
	  "SET @@session.wait_timeout=2147483" },
	/* Taken back when the client had set it: carpool needs its own. */
	{ { "session_track_schema=OFF" }, { NULL }, MY_MOVE_NONE, NULL, "" },
	{ { NULL }, { "session_track_schema=OFF" }, MY_MOVE_NONE, NULL, "" },
};

static void
play_all(struct statements *t, struct my_session *s, const char *const *steps)
{
	for (size_t i = 0; i < STEPS && steps[i] != NULL; i++)
		assert_int_equal(play(t, s, steps[i]), MY_CHANGE_DONE);
}

/* Client and server may be of two threads, which have a table each. */
static void
check_row(const struct row *r, struct statements *t, struct statements *u)
{
	struct my_session from = { .base = NULL }, to = { .base = NULL };
	struct str sql = { 0 };
	const char *schema;
	enum my_move move;

	learn_base(t, &from);
	learn_base(u, &to);
	play_all(t, &from, r->from);
	play_all(u, &to, r->to);
	move = my_state_move(&sql, &schema, &from, &to);
	if (move != r->move || strcmp(str_text(&sql), r->sql) != 0)
		fail_msg("%s: %d %s", r->sql, move, str_text(&sql));
	if (r->schema == NULL)
		assert_null(schema);
	else
		assert_string_equal(schema, r->schema);
	str_fini(&sql);
	if (move != MY_MOVE_NO_WAY) {
		my_session_copy(&from, &to);
		assert_int_equal(my_state_move(&sql, &schema, &from, &to),
				 MY_MOVE_NONE);
		assert_string_equal(str_text(&sql), "");
	}
	str_fini(&sql);
	my_session_fini(&from);
	my_session_fini(&to);
}

static void
one_state_becomes_another(void **state)
{
	struct statements *t = statements_new(1), *u = statements_new(1);

	(void)state;
	assert_non_null(t);
	assert_non_null(u);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row(&rows[i], t, t);
		check_row(&rows[i], t, u);
	}
	statements_free(t);
	statements_free(u);
}

/* The server's login had another time zone than the client's. */
static void
logins_may_differ(void **state)
{
	struct statements *t = statements_new(1);
	struct my_session from = { .base = NULL }, to = { .base = NULL };
	struct str sql = { 0 };
	const char *schema;

	(void)state;
	learn_base(t, &from);
	learn_base(t, &to);
	assert_int_equal(my_session_learn(t, &from, text_of("time_zone"),
					  text_of("+02:00")),
			 MY_CHANGE_DONE);
	assert_false(my_session_is_equal(&from, &to));
	assert_int_equal(my_state_move(&sql, &schema, &from, &to),
			 MY_MOVE_MADE);
	assert_string_equal(str_text(&sql), "SET @@session.time_zone='SYSTEM'");
	str_fini(&sql);
	my_session_fini(&from);
	my_session_fini(&to);
	statements_free(t);
}

static void
equal_states_are_one(void **state)
{
	static const char *const a[] = { "a=1", "b=2", "use x", NULL };
	static const char *const b[] = { "use x", "b=3", "b=2", "a=1" };
	struct statements *t = statements_new(1);
	struct my_session one = { .base = NULL }, two = { .base = NULL };

	(void)state;
	learn_base(t, &one);
	my_session_copy(&two, &one);
	assert_ptr_equal(one.base, two.base);
	assert_null(one.own);
	play_all(t, &one, a);
	play_all(t, &two, b);
	assert_non_null(one.own);
	assert_ptr_equal(one.own, two.own);
	assert_string_equal(my_session_find(&one, "a"), "1");
	assert_string_equal(my_session_find(&one, "autocommit"), "ON");
	assert_null(my_session_find(&one, "c"));
	assert_string_equal(my_session_schema(&one), "x");
	(void)play(t, &one, "collation_connection=utf8mb4_bin");
	assert_null(my_session_find(&one, "character_set_connection"));
	my_session_fini(&one);
	my_session_fini(&two);
	statements_free(t);
}

/* What is the client's alone is brought to no server. */
static void
servers_keep_their_timeouts(void **state)
{
	static const char *const steps[] = { "wait_timeout=5", "a=1",
					     "session_track_schema=OFF", NULL };
	struct statements *t = statements_new(1);
	struct my_session client = { .base = NULL }, server = { .base = NULL };
	struct str sql = { 0 };
	const char *schema;

	(void)state;
	learn_base(t, &client);
	my_session_copy(&server, &client);
	play_all(t, &client, steps);
	assert_int_equal(my_state_move(&sql, &schema, &server, &client),
			 MY_MOVE_MADE);
	assert_string_equal(str_text(&sql), "SET @@session.a=1");
	str_fini(&sql);
	my_session_fini(&client);
	my_session_fini(&server);
	statements_free(t);
}

static void
some_changes_are_not_carried(void **state)
{
	static const struct {
		const char *step;
		enum my_change change;
	} changes[] = {
		{ "timestamp=1.000000", MY_CHANGE_PINS },
		{ "INSERT_ID=5", MY_CHANGE_PINS },
		{ "pseudo_thread_id=5", MY_CHANGE_PINS },
		{ "a b=5", MY_CHANGE_PINS },
		{ "=5", MY_CHANGE_PINS },
		{ "last_insert_id=5", MY_CHANGE_RESULT },
		{ "identity=5", MY_CHANGE_RESULT },
		{ "Wsrep_OSU_method=RSU", MY_CHANGE_DONE },
	};
	static char large[MY_STATE_MAX];
	struct statements *t = statements_new(1);
	struct my_session s = { .base = NULL };
	struct my_text nul = { .data = "a\0b", .len = 3 };
	const struct statement *own;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(changes); i++)
		assert_int_equal(play(t, &s, changes[i].step),
				 changes[i].change);
	assert_string_equal(my_session_find(&s, "wsrep_osu_method"), "RSU");
	own = s.own;
	assert_int_equal(my_session_set(t, &s, text_of("a"), nul),
			 MY_CHANGE_PINS);
	assert_int_equal(my_session_use(t, &s, nul), MY_CHANGE_PINS);
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(my_session_set(t, &s, text_of("a"), text_of(large)),
			 MY_CHANGE_PINS);
	assert_ptr_equal(s.own, own);
	my_session_fini(&s);
	statements_free(t);
}

static void
nothing_is_a_state_too(void **state)
{
	struct my_session a = { .base = NULL }, b = { .base = NULL };
	struct my_setting at = { 0 };

	(void)state;
	assert_true(my_session_is_equal(&a, &b));
	assert_false(my_state_next(a.own, &at));
	assert_null(my_session_schema(&a));
	assert_null(my_session_find(&a, "autocommit"));
	my_session_fini(&a);
}

static void
texts_are_read_as_the_session_says(void **state)
{
	const unsigned foreign = MY_LEXER_TRAIL_BYTES | MY_LEXER_HIGH_BYTES;
	struct my_lexer_options maria = { .bits = MY_LEXER_MARIADB };
	struct my_lexer_options mysql = { .version = 80036 };
	struct statements *t = statements_new(1);
	struct my_session s = { .base = NULL };

	(void)state;
	assert_int_equal(my_session_reads(&s, maria, 0).bits,
			 maria.bits | foreign);
	learn_base(t, &s);
	assert_int_equal(my_session_reads(&s, maria, 0).bits, maria.bits);
	assert_int_equal(
		my_session_reads(&s, maria,
				 MY_STATUS_ANSI_QUOTES | MY_STATUS_NO_BACKSLASH)
			.bits,
		maria.bits | MY_LEXER_ANSI_QUOTES | MY_LEXER_NO_BACKSLASH);
	assert_int_equal(
		my_session_reads(&s, mysql, MY_STATUS_ANSI_QUOTES).bits, 0);
	(void)play(t, &s, "sql_mode=ANSI_QUOTES,STRICT_TRANS_TABLES");
	(void)play(t, &s, "character_set_client=latin1");
	assert_int_equal(my_session_reads(&s, mysql, 0).bits,
			 MY_LEXER_ANSI_QUOTES | MY_LEXER_HIGH_BYTES);
	assert_int_equal(my_session_reads(&s, mysql, 0).version, 80036);
	my_session_fini(&s);
	statements_free(t);
}

static void
logins_are_asked_what_they_have(void **state)
{
	struct my_lexer_options maria = { .bits = MY_LEXER_MARIADB };
	struct my_lexer_options mysql = { .bits = 0 };
	struct str a = { 0 }, b = { 0 };
	static const char begins[] = "SET @@session.autocommit="
				     "@@session.autocommit,@@session.sql_mode=";

	(void)state;
	my_state_baseline(&a, maria);
	my_state_baseline(&b, mysql);
	assert_memory_equal(str_text(&a), begins, sizeof(begins) - 1);
	assert_memory_equal(str_text(&b), begins, sizeof(begins) - 1);
	assert_non_null(strstr(str_text(&a), ",@@session.tx_isolation="));
	assert_non_null(
		strstr(str_text(&b), ",@@session.transaction_isolation="));
	str_fini(&a);
	str_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_state_becomes_another),
		cmocka_unit_test(logins_may_differ),
		cmocka_unit_test(equal_states_are_one),
		cmocka_unit_test(servers_keep_their_timeouts),
		cmocka_unit_test(some_changes_are_not_carried),
		cmocka_unit_test(nothing_is_a_state_too),
		cmocka_unit_test(texts_are_read_as_the_session_says),
		cmocka_unit_test(logins_are_asked_what_they_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
