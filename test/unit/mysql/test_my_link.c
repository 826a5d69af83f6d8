/*
 * The link: what makes a server's session the client's goes out in one write
 * and is confirmed before the client's command runs; what it fails with is the
 * client's to know.
 */
#include "script.h"

static void
test_batch(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "equal sessions cost nothing",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select 1" },
				   { SERVER, "ok" },
				   { CLIENT, "q:select 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[select 1] 0:[select 2]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "a setting is there before the command is",
			.mode = POOL_TRANSACTION,
			.start = { "time_zone", "+01:00" },
			.moves = { { CLIENT, "q:select 1" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { SERVER, "ok rows=1" },
				   { CLIENT, "q:select 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[SET @@session.time_zone='+01:00'] "
				     "0:[select 1] 0:[select 2]",
			.log = "link:1 boundary:0,0 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "no command before the whole batch is "
				"confirmed",
			.mode = POOL_TRANSACTION,
			.schema = "a",
			.start = { "time_zone", "+01:00" },
			.moves = { { CLIENT, "i:b|q:set sql_mode=''" },
				   { SERVER, "ok" },
				   { SERVER, "ok schema=b" },
				   { SERVER, "ok var=sql_mode:" },
				   { NEXT, "" },
				   { CLIENT, "q:select 1" },
				   { SERVER, "ok schema=a" },
				   { SERVER, "ok" },
				   { SERVER, "ok rows=1" } },
			.to_client = "1:ok,changes 1:ok 1:ok",
			.to_server =
				"0:[SET @@session.time_zone='+01:00'] 0:use:b "
				"0:[set sql_mode=''] 0:use:a 0:[SET "
				"@@session.sql_mode=DEFAULT] 0:[select 1]",
			.log = "link:1 boundary:0,0 boundary:0,0 link:0 "
			       "boundary:0,0 link:1 boundary:0,0 boundary:0,0 ",
		},
		{
			.name = "what the one client set goes, what the other "
				"has comes",
			.mode = POOL_TRANSACTION,
			.start = { "sql_mode", "ANSI" },
			.moves = { { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { NEXT, "" },
				   { CLIENT, "q:select 1" },
				   { SERVER, "ok" },
				   { SERVER, "ok rows=1" } },
			.to_client = "1:ok,changes 1:ok",
			.to_server =
				"0:[SET @@session.sql_mode='ANSI'] 0:[set "
				"time_zone='+01:00'] 0:[SET "
				"@@session.time_zone=DEFAULT] 0:[select 1]",
			.log = "link:1 boundary:0,0 boundary:0,0 link:1 "
			       "boundary:0,0 boundary:0,0 ",
		},
		{
			.name = "user variables with constants go with it",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set @a=1" },
				   { SERVER, "ok changed" },
				   { NEXT, "" },
				   { CLIENT, "q:select 1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server =
				"0:[set @a=1] 0:[SET @`a`=NULL] 0:[select 1]",
			.log = "link:0 boundary:0,0 link:1 boundary:0,0 "
			       "boundary:0,0 ",
		},
		{
			.name = "the client leaves amid the batch: the server "
				"has what it was told",
			.mode = POOL_TRANSACTION,
			.start = { "time_zone", "+01:00" },
			.moves = { { CLIENT, "q:select 1" },
				   { GONE, "" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { NEXT, "" },
				   { CLIENT, "q:select 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok",
			.to_server = "0:[SET @@session.time_zone='+01:00'] "
				     "0:[select 2]",
			.log = "link:1 abandon:1 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "whose statement is refused keeps its settings",
			.mode = POOL_TRANSACTION,
			.start = { "time_zone", "+01:00" },
			.on = { [STATE_TEMP_TABLE] = STATE_REJECT },
			.moves = { { CLIENT,
				     "q:create temporary table t (a int)|"
				     "q:select 1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:err1235 1:ok",
			.to_server = "0:[SET @@session.time_zone='+01:00'] "
				     "0:[select 1]",
			.log = "client:14,0,32 link:1 boundary:0,0 "
			       "boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

static void
test_failed(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "a setting is refused: both connections end",
			.mode = POOL_TRANSACTION,
			.start = { "time_zone", "Nowhere" },
			.moves = { { CLIENT, "q:select 1|q:select 2" },
				   { SERVER, "err 1298" } },
			.to_client = "1:err1298",
			.to_server = "0:[SET @@session.time_zone='Nowhere']",
			.log = "link:1 server:1,57 ",
		},
		{
			/* Without memory it keeps the schema, and hears of it
			 * again. */
			.name = "the schema is gone: the statement's error, "
				"and "
				"the server is reset",
			.mode = POOL_TRANSACTION,
			.may_differ = true,
			.schema = "a",
			.moves = { { CLIENT, "i:b" },
				   { SERVER, "ok schema=b" },
				   { NEXT, "" },
				   { CLIENT, "q:select 1|p" },
				   { SERVER, "err 1049" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,changes 1:err1049 1:ok",
			.to_server = "0:use:b 0:use:a 0:reset 0:trackers",
			.log = "link:0 boundary:0,0 link:1 server:0,57 "
			       "boundary:0,0 ",
		},
		{
			.name = "no command leaves a schema",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "i:a" },
				   { SERVER, "ok schema=a" },
				   { NEXT, "" },
				   { CLIENT, "q:select 1" } },
			.to_client = "1:ok,changes 1:err1158",
			.to_server = "0:use:a",
			.log = "link:0 boundary:0,0 link:1 server:1,61 ",
		},
		{
			/* Nor does it hear of an older error. */
			.name = "another error before it",
			.mode = POOL_TRANSACTION,
			.schema = "a",
			.moves = { { CLIENT, "i:b|q:select nothing" },
				   { SERVER, "ok schema=b" },
				   { SERVER, "err 1054" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, FORGOTTEN },
				   { NEXT, "" },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "err 1049" } },
			.to_client = "1:ok,changes 1:err1054 1:err1049",
			.to_server = "0:use:b 0:[select nothing] 0:[SHOW "
				     "WARNINGS] 0:[SELECT 1 FROM (SELECT 1) AS "
				     "t] 0:use:a 0:reset 0:trackers",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:1 "
			       "server:0,57 ",
		},
		{
			.name = "the schema is gone and the settings fail, too",
			.mode = POOL_TRANSACTION,
			.schema = "a",
			.moves = { { CLIENT, "i:b|q:set time_zone='+01:00'" },
				   { SERVER, "ok schema=b" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { NEXT, "" },
				   { CLIENT, "q:select 1|p" },
				   { SERVER, "err 1049" },
				   { SERVER, "err 1298" } },
			.to_client = "1:ok,changes 1:ok,changes 1:err1298",
			.to_server =
				"0:use:b 0:[set time_zone='+01:00'] 0:use:a "
				"0:[SET @@session.time_zone=DEFAULT]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:1 "
			       "server:1,57 ",
		},
		{
			.name = "an answer nobody asked for",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select 1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { CLIENT, "p|q:select 2" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[select 1]",
			.log = "link:0 boundary:0,0 server:1,51 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
