/*
 * The client's side: one command at a time, in order; what needs no server is
 * answered at once; what is refused is refused whole.
 */
#include "script.h"

/* Commands go out one by one, each behind the answer to the one before. */
static void
test_order(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "a pipeline shares servers as single ones do",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select 1|q:select 2|p" },
				   { SERVER, "ok rows=1" },
				   { SERVER, "ok rows=2" } },
			.to_client = "1:ok 1:ok 1:ok",
			.to_server = "0:[select 1] 0:[select 2]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "a ping behind a statement waits for its end",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select 1|p|q:select 2" },
				   { SERVER, "ok more|ok more|ok" },
				   { SERVER, "ok rows=2" } },
			.to_client = "1:ok 2:ok 3:ok 1:ok 1:ok",
			.to_server = "0:[select 1] 0:[select 2]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "a transaction keeps its server",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin|q:delete from t" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok tx rows=3" },
				   { CLIENT, "q:commit" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 1:ok,tx 1:ok",
			.to_server = "0:[begin] 0:[delete from t] 0:[commit]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "a text that is looked at as it passes",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "z:20000,create temporary table t" },
				   { SERVER, "ok" },
				   { CLIENT, "p" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[create temporary table t]",
			.log = "link:0 boundary:1,1 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

/* What no server need see. */
static void
test_own(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "a ping, an unknown command, one for replicas",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "p|n:40|n:18|p|x" } },
			.to_client = "1:ok 1:err1047 1:err1047 1:ok",
			.to_server = "",
			.log = "client:13,0,0 ",
		},
		{
			/* Without memory a server may answer them. */
			.name = "an end of no transaction, with no server free",
			.mode = POOL_TRANSACTION,
			.may_differ = true,
			.moves = { { BUSY, "" },
				   { CLIENT, "q:rollback|q: COMMIT WORK ;" },
				   { CLIENT, "q:commit and chain" },
				   { CLIENT, "p" },
				   { BUSY, "" },
				   { SERVER, "ok tx" } },
			.to_client = "1:ok 1:ok 1:ok,tx 1:ok,tx",
			.to_server = "0:[commit and chain]",
			.log = "link:0 ",
		},
		{
			.name = "KILL, by number and by text",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "k:9|q:kill query 9|q:kill 9" } },
			.to_client = "1:ok 1:ok 1:ok",
			.to_server = "",
			.log = "cancel cancel cancel ",
		},
		{
			.name = "a KILL among others, a computed one, a long "
				"one: no server sees its number",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select 1; kill 7" },
				   { CLIENT, "q:kill query id 7" },
				   { CLIENT, "q:kill @a" },
				   { CLIENT, "z:9000,kill 7" } },
			.to_client = "1:err1235 1:err1094 1:err1094 1:err1235",
			.to_server = NULL,
			.log = "link:0 client:14,1,31 abandon:3 ",
		},
		{
			.name = "several statements are the client's wish",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "o:1|q:select 1" },
				   { SERVER, "ok" },
				   { CLIENT, "o:7|o:0|p" } },
			.to_client = "1:eof 1:ok 1:err1047 1:eof 1:ok",
			.to_server = "0:[select 1]",
			.log = "class link:0 boundary:0,0 ",
		},
		{
			.name = "a reset without a server takes settings away",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { CLIENT, "r|q:select 1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,changes 1:ok 1:ok",
			.to_server =
				"0:[set time_zone='+01:00'] 0:[SET "
				"@@session.time_zone=DEFAULT] 0:[select 1]",
			.log = "link:0 boundary:0,0 link:1 boundary:0,0 "
			       "boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

static void
test_refusals(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "canceled while it waits, then refused: both "
				"errors are answers of one packet",
			.mode = POOL_TRANSACTION,
			.moves = { { BUSY, "" },
				   { CLIENT, "q:select 1" },
				   { CANCELED, "" },
				   { REFUSED, "" } },
			.to_client = "1:err1317 1:err1927",
			.to_server = "",
			.log = "",
		},
		{
			.name = "canceled while it waits, then the next one",
			.mode = POOL_TRANSACTION,
			.moves = { { BUSY, "" },
				   { CLIENT, "q:select 1|q:select 2" },
				   { CANCELED, "" },
				   { BUSY, "" },
				   { SERVER, "ok rows=2" },
				   { REFUSED, "" } },
			.to_client = "1:err1317 1:ok 1:err1927",
			.to_server = "0:[select 2]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "refused by policy, and the next one is not",
			.mode = POOL_TRANSACTION,
			.on = { [STATE_TEMP_TABLE] = STATE_REJECT },
			.moves = { { CLIENT,
				     "q:create temporary table t (a int)|"
				     "q:select 2" },
				   { SERVER, "ok" } },
			.to_client = "1:err1235 1:ok",
			.to_server = "0:[select 2]",
			.log = "client:14,0,32 link:0 boundary:0,0 ",
		},
		{
			.name = "the same behind an open transaction",
			.mode = POOL_TRANSACTION,
			.on = { [STATE_TEMP_TABLE] = STATE_REJECT },
			.moves = { { CLIENT,
				     "q:begin|q:create temporary table t "
				     "(a int)|q:commit" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 1:err1235 1:ok",
			.to_server = "0:[begin] 0:[commit]",
			.log = "link:0 client:14,0,32 boundary:0,0 ",
		},
		{
			.name = "a packet out of order ends the connection",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin|@1q:select 1" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 2:err1156",
			.to_server = "0:[begin] 0:[ROLLBACK AND NO CHAIN NO "
				     "RELEASE]",
			.log = "link:0 client:14,1,2 abandon:1 boundary:0,0 ",
		},
		{
			.name = "statement mode has no transactions",
			.mode = POOL_STATEMENT,
			.moves = { { CLIENT, "q:begin|q:select 1" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" } },
			.to_client = "1:err1235",
			.to_server = "0:[begin]",
			.log = "link:0 server:1,38 abandon:3 ",
		},
		{
			.name = "refused amid an answer: numbered behind it",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select 1" },
				   { SERVER, "raw \001|col|row a" },
				   { REFUSED, "" } },
			.to_client = "1:data 2:data 3:data 4:err1927",
			.to_server = "0:[select 1]",
			.log = "link:0 abandon:2 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
