/*
 * What a client's statements left on its server: asked for, carried, pinned
 * and cleaned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scenario.h"

#define ASK_ALL                                                                \
	"Q:SELECT CASE WHEN context OPERATOR(pg_catalog.=) 'superuser' THEN "  \
	"'u' ELSE 's' END,name,pg_catalog.current_setting(name) FROM "         \
	"pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) "          \
	"'session' UNION ALL SELECT 's','role',"                               \
	"pg_catalog.current_setting('role') UNION ALL SELECT 's',"             \
	"'session_authorization',session_user::pg_catalog.text"
#define CUSTOM(name)                                                           \
	" UNION ALL SELECT 's','" name                                         \
	"',COALESCE(pg_catalog.current_setting('" name "',true),'')"
#define ASK_LOCKS                                                              \
	"Q:SELECT '1','','' WHERE EXISTS(SELECT 1 FROM pg_catalog.pg_locks "   \
	"WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND pid "            \
	"OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())"
#define ASK_PATH                                                               \
	"Q:SELECT 's','search_path',pg_catalog.current_setting('search_path')"
#define NOTHING "T|C:SELECT 0|Z:I"

static const struct scenario scenarios[] = {
	{
		.name = "one SET: its value alone is asked for",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set Search_Path = a" },
			   { SERVER, "C:SET|Z:I" },
			   { SERVER, "T|D:@s,search_path,a|C:SELECT 1|Z:I" },
			   { CLIENT, "Q:x" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "C:SET|Z:I|C:X|Z:I",
		.to_server = "Q:set Search_Path = a|" ASK_PATH "|Q:x",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "SET in a transaction: all are asked for",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin|Q:set search_path = a" },
			   { SERVER, "C:BEGIN|Z:T|C:SET|Z:T" },
			   { CLIENT, "Q:rollback" },
			   { SERVER, "C:ROLLBACK|Z:I" },
			   { SERVER, "T|D:@s,role,none|C:SELECT 1|Z:I" } },
		.to_client = "C:BEGIN|Z:T|C:SET|Z:T|C:ROLLBACK|Z:I",
		.to_server =
			"Q:begin|Q:set search_path = a|Q:rollback|" ASK_ALL,
		.log = "link:go boundary:none",
	},
	{
		.name = "names with a dot are listed nowhere",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:select set_config('A.b', f(), false)" },
			   { SERVER, "T|D:x|C:SELECT 1|Z:I" },
			   { SERVER, "T|D:@s,a.b,v|C:SELECT 1|Z:I" },
			   { CLIENT, "Q:reset all" },
			   { SERVER, "C:RESET|Z:I" },
			   { SERVER, "T|D:@s,a.b,|C:SELECT 1|Z:I" } },
		.to_client = "T|D|C:SELECT 1|Z:I|C:RESET|Z:I",
		.to_server = "Q:select set_config('A.b', f(), false)|" ASK_ALL
			CUSTOM("a.b") "|Q:reset all|" ASK_ALL CUSTOM("a.b"),
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "one SET that failed",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set a = b" },
			   { SERVER, "E:ERROR:42704:no|Z:I" },
			   { SERVER, NOTHING } },
		.to_client = "E:ERROR:42704:no|Z:I",
		.to_server = "Q:set a = b|" ASK_ALL,
		.log = "link:go boundary:none",
	},
	{
		.name = "what ends with its transaction is not asked for",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set local a = b" },
			   { SERVER, "C:SET|Z:I" },
			   { CLIENT, "Q:select set_config('a', 'b', true)" },
			   { SERVER, "T|D:x|C:SELECT 1|Z:I" },
			   { CLIENT, "Q:declare c cursor for select 1" },
			   { SERVER, "C:DECLARE CURSOR|Z:I" },
			   { CLIENT, "Q:set transaction read only" },
			   { SERVER, "C:SET|Z:I" } },
		.to_client = "C:SET|Z:I|T|D|C:SELECT 1|Z:I|"
			     "C:DECLARE CURSOR|Z:I|C:SET|Z:I",
		.to_server = "Q:set local a = b|"
			     "Q:select set_config('a', 'b', true)|"
			     "Q:declare c cursor for select 1|"
			     "Q:set transaction read only",
		.log = "link:go boundary:none link:go boundary:none "
		       "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "a lock pins until it is gone",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:select pg_advisory_lock(1)" },
			   { SERVER, "T|D:x|C:SELECT 1|Z:I" },
			   { SERVER, "T|D:@1,,|C:SELECT 1|Z:I" },
			   { CLIENT, "Q:x" },
			   { SERVER, "C:X|Z:I" },
			   { CLIENT, "Q:select pg_advisory_unlock(1)" },
			   { SERVER, "T|D:x|C:SELECT 1|Z:I" },
			   { SERVER, NOTHING } },
		.to_client = "T|D|C:SELECT 1|Z:I|C:X|Z:I|T|D|C:SELECT 1|Z:I",
		.to_server = "Q:select pg_advisory_lock(1)|" ASK_LOCKS "|Q:x|"
			     "Q:select pg_advisory_unlock(1)|" ASK_LOCKS,
		.log = "link:go boundary:pinned boundary:pinned boundary:none",
	},
	{
		.name = "a pinned client that leaves: the lock goes with it",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:select pg_advisory_lock(1)" },
			   { SERVER, "T|D:x|C:SELECT 1|Z:I" },
			   { SERVER, "T|D:@1,,|C:SELECT 1|Z:I" },
			   { GONE, "" },
			   { SERVER, "T|D:x|C:SELECT 1|Z:I" } },
		.to_client = "T|D|C:SELECT 1|Z:I",
		.to_server = "Q:select pg_advisory_lock(1)|" ASK_LOCKS "|"
			     "Q:SELECT pg_catalog.pg_advisory_unlock_all()",
		.log = "link:go boundary:pinned abandon:drain boundary:reset "
		       "boundary:none",
	},
	{
		.name = "gone while the server is asked",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set search_path = a" },
			   { SERVER, "C:SET|Z:I" },
			   { GONE, "" },
			   { SERVER, "T|D:@s,search_path,a|C:SELECT 1|Z:I" },
			   { SERVER, "C:RESET|C:RESET|C:RESET|Z:I" } },
		.to_client = "C:SET|Z:I",
		.to_server = "Q:set search_path = a|" ASK_PATH "|"
			     "Q:RESET SESSION AUTHORIZATION;RESET ROLE;"
			     "RESET ALL",
		.log = "link:go abandon:drain boundary:reset boundary:none",
	},
	{
		.name = "a late cancel hits the question: once more, in full",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set search_path = a" },
			   { SERVER, "C:SET|Z:I" },
			   { SERVER, "E:ERROR:57014:canceled|Z:I" },
			   { SERVER, "T|D:@s,search_path,a|C:SELECT 1|Z:I" } },
		.to_client = "C:SET|Z:I",
		.to_server = "Q:set search_path = a|" ASK_PATH "|" ASK_ALL,
		.log = "link:go boundary:none",
	},
	{
		.name = "a question that fails: the client keeps its server",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set search_path = a" },
			   { SERVER, "C:SET|Z:I" },
			   { SERVER, "E:ERROR:42501:denied|Z:I" },
			   { CLIENT, "Q:discard all" },
			   { SERVER, "C:DISCARD ALL|Z:I" } },
		.to_client = "C:SET|Z:I|C:DISCARD ALL|Z:I",
		.to_server = "Q:set search_path = a|" ASK_PATH "|Q:discard all",
		.log = "link:go boundary:pinned boundary:none",
	},
	{
		.name = "what the client sends while the server is asked",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set search_path = a" },
			   { SERVER, "C:SET|Z:I" },
			   { CLIENT, "Q:x" },
			   { SERVER, "T|D:@s,search_path,a|C:SELECT 1|Z:I" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "C:SET|Z:I|C:X|Z:I",
		.to_server = "Q:set search_path = a|" ASK_PATH "|Q:x",
		.log = "link:go boundary:none",
	},
	{
		.name = "a library stays",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:load 'x'" },
			   { SERVER, "C:LOAD|Z:I" },
			   { GONE, "" } },
		.to_client = "C:LOAD|Z:I",
		.to_server = "Q:load 'x'",
		.log = "link:go boundary:pinned abandon:drain boundary:close",
	},
	{
		.name = "session mode asks nothing",
		.mode = POOL_SESSION,
		.moves = { { CLIENT, "Q:set search_path = a" },
			   { SERVER, "C:SET|Z:I" } },
		.to_client = "C:SET|Z:I",
		.to_server = "Q:set search_path = a",
		.log = "link:go boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* Another client on the server that is left, and the first one elsewhere. */
static void
what_was_set_is_carried(void **state)
{
	struct str server = { 0 };
	struct drive d;
	struct pg_back *b;
	struct pg_front *f;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_BYTES);
	b = d.back;
	f = d.front;
	drive_client(&d, "Q:set role joe; set a.b = 'c'");
	drive_server(&d, "C:SET|C:SET|Z:I");
	drive_server(&d, "T|D:@s,role,joe|D:@s,a.b,c|D:@s,DateStyle,x|"
			 "D:@s,seed,1|C:SELECT 4|Z:I");
	assert_ptr_equal(f->own, b->own);
	assert_string_equal(pg_params_find(f->own, "role"), "joe");
	assert_string_equal(pg_params_find(f->own, "a.b"), "c");
	assert_null(pg_params_find(f->own, "datestyle"));
	assert_null(pg_params_find(f->own, "seed"));
	assert_true(pg_back_ops.suits(b, f));
	/* As a server and a client that never met would stand. */
	pg_params_put(&b->own, pg_params_insert(NULL, "d", "e"));
	assert_false(pg_back_ops.suits(b, f));
	drive_client(&d, "Q:x");
	drive_server(&d, "C:RESET|T|D:x|C:SELECT 1|T|D:x|C:SELECT 1|Z:I");
	assert_ptr_equal(f->own, b->own);
	drive_server(&d, "C:X|Z:I");
	pg_params_put(&f->own, NULL);
	drive_client(&d, "Q:y");
	drive_server(&d, "C:RESET|C:RESET|Z:I|C:Y|Z:I");
	assert_null(b->own);
	drive_show(&server, (uint8_t *)d.to_server.data, d.to_server.len,
		   false);
	assert_non_null(strstr(
		str_text(&server),
		"|Q:RESET d;SELECT pg_catalog.set_config('a.b','c',false);"
		"SELECT pg_catalog.set_config('role','joe',false)|Q:x|"
		"Q:RESET role;RESET a.b|Q:y"));
	str_fini(&server);
	drive_fini(&d);
}

/* A value that one server has and the next one has not. */
static void
refused_values(void **state)
{
	static const struct {
		const char *name;
		bool is_refused;
	} rows[] = { { "some.thing", false }, { "search_path", true } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct drive d;
		struct pg_front *f;

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		f = d.front;
		pg_params_put(&f->own,
			      pg_params_insert(NULL, rows[i].name, "v"));
		drive_client(&d, "Q:x");
		drive_server(&d, "E:ERROR:22023:no|Z:I");
		assert_int_equal(d.is_over, rows[i].is_refused);
		if (!rows[i].is_refused) {
			struct str client = { 0 };

			drive_server(&d, "C:X|Z:I");
			drive_show(&client, (uint8_t *)d.to_client.data,
				   d.to_client.len, true);
			assert_string_equal(str_text(&client),
					    "N:server refused the session's "
					    "value of \"some.thing\"|C:X|Z:I");
			str_fini(&client);
			assert_null(f->own);
		}
		drive_fini(&d);
	}
}

/* What cannot be carried keeps the client where it is. */
static void
values_that_cannot_be_carried(void **state)
{
	static const char *const rows[] = { "D:@s,a.b,\xc3\xa4", NULL };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct str row = { 0 };
		struct drive d;

		drive_init(&d, POOL_TRANSACTION, CUT_RANDOM);
		drive_client(&d, "Q:set a.b = 'x'");
		drive_server(&d, "C:SET|Z:I");
		if (rows[i] != NULL) {
			str_puts(&row, rows[i]);
		} else {
			str_puts(&row, "D:@s,a.b,");
			for (unsigned k = 0; k < PG_WHOLE_MAX; k++)
				str_putc(&row, 'x');
		}
		str_puts(&row, "|C:SELECT 1|Z:I");
		drive_server(&d, str_text(&row));
		assert_non_null(strstr(str_text(&d.log), "boundary:pinned"));
		assert_int_equal(pg_back_view(d.back)->pins,
				 1u << STATE_UNKNOWN_SET);
		/* Once it is gone nothing holds it. */
		drive_client(&d, "Q:reset a.b");
		drive_server(&d, "C:RESET|Z:I");
		drive_server(&d, "T|C:SELECT 0|Z:I");
		assert_int_equal(pg_back_view(d.back)->pins, 0);
		assert_false(d.is_linked);
		str_fini(&row);
		drive_fini(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(what_was_set_is_carried),
		cmocka_unit_test(refused_values),
		cmocka_unit_test(values_that_cannot_be_carried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
