/*
 * Servers without a client: what is reset, and what follows a reset; what an
 * abandoned one still does.
 */
#include "script.h"

static void
test_reset(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "trackers and connect_query stand behind it, "
				"in "
				"one write",
			.mode = POOL_TRANSACTION,
			.connect_query = "set @here=1",
			.on = { [STATE_UNKNOWN_SET] = STATE_RESET },
			.moves = { { CLIENT, "q:set @a:=(select 1)|q:do 1" },
				   { SERVER, "ok changed" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[set @a:=(select 1)] 0:reset "
				     "0:trackers 0:[set @here=1] 0:[do 1]",
			.log = "link:0 boundary:0,1 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "one of them fails: the server is not used",
			.mode = POOL_TRANSACTION,
			.on = { [STATE_UNKNOWN_SET] = STATE_RESET },
			.moves = { { CLIENT, "q:set @a:=(select 1)|q:do 1" },
				   { SERVER, "ok changed" },
				   { SERVER, "ok" },
				   { SERVER, "err 1193" } },
			.to_client = "1:ok",
			.to_server =
				"0:[set @a:=(select 1)] 0:reset 0:trackers",
			.log = "link:0 boundary:0,1 boundary:0,2 ",
		},
		{
			.name = "it keeps the schema and nothing else",
			.mode = POOL_TRANSACTION,
			.schema = "a",
			.on = { [STATE_UNKNOWN_SET] = STATE_RESET },
			.moves = { { CLIENT, "i:b|q:set time_zone='+01:00'|"
					     "q:set @a:=(select 1)" },
				   { SERVER, "ok schema=b" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { SERVER, "ok changed" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,changes 1:ok,changes 1:ok 1:ok",
			.to_server =
				"0:use:b 0:[set time_zone='+01:00'] 0:[set "
				"@a:=(select 1)] 0:reset 0:trackers 0:[SET "
				"@@session.time_zone='+01:00'] 0:[do 1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:0 "
			       "boundary:0,1 boundary:0,0 link:1 boundary:0,0 "
			       "boundary:0,0 ",
		},
		{
			.name = "the client resets what keeps it",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select get_lock('a',1)" },
				   { SERVER, "raw \001|col|row 1|end" },
				   { CLIENT, "r|q:do 1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:data 2:data 3:data 4:end 1:ok 1:ok",
			.to_server = "0:[select get_lock('a',1)] 0:reset "
				     "0:trackers 0:[do 1]",
			.log = "link:0 boundary:1,1 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "a client without a schema leaves none",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "i:a" },
				   { SERVER, "ok schema=a" },
				   { GONE, "" } },
			.to_client = "1:ok,changes",
			.to_server = "0:use:a",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "a short timeout is taken back, once",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set wait_timeout=5" },
				   { SERVER, "ok var=wait_timeout:5" },
				   { SERVER, "ok" },
				   { CLIENT, "q:set a=1" },
				   { SERVER, "ok var=a:1" },
				   { CLIENT, "q:set wait_timeout=6000" },
				   { SERVER, "ok var=wait_timeout:6000" } },
			.to_client = "1:ok 1:ok 1:ok",
			.to_server = "0:[set wait_timeout=5] 0:[SET "
				     "@@session.wait_timeout=DEFAULT] 0:[set "
				     "a=1] 0:[set wait_timeout=6000]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "but in session mode",
			.mode = POOL_SESSION,
			.moves = { { CLIENT, "q:set wait_timeout=5" },
				   { SERVER, "ok var=wait_timeout:5" } },
			.to_client = "1:ok",
			.to_server = "0:[set wait_timeout=5]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "trackers that the client changes are set back",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:set session_track_schema=off|q:do 1" },
				   { SERVER,
				     "ok var=session_track_schema:OFF" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server =
				"0:[set session_track_schema=off] 0:[SET "
				"session_track_system_variables='*',session_"
				"track_schema=ON,session_track_state_change=ON,"
				"session_track_transaction_info='"
				"CHARACTERISTICS'] 0:[do 1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

static void
test_abandoned(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "a transaction that cannot be undone",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin" },
				   { SERVER, "ok tx" },
				   { GONE, "" },
				   { SERVER, "ok tx" } },
			.to_client = "1:ok,tx",
			.to_server = "0:[begin] "
				     "0:[ROLLBACK AND NO CHAIN NO RELEASE]",
			.log = "link:0 abandon:1 boundary:0,2 abandon:3 ",
		},
		{
			.name = "idle in a transaction, with a temporary "
				"table: "
				"rolled back, then reset",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:create temporary table t (a int)|"
				     "q:begin" },
				   { SERVER, "ok changed" },
				   { SERVER, "ok tx" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok,tx 1:ok",
			.to_server = "0:[create temporary table t (a int)] "
				     "0:[begin] 0:[ROLLBACK AND NO CHAIN NO "
				     "RELEASE] 0:reset "
				     "0:trackers 0:[do 1]",
			.log = "link:0 boundary:1,1 abandon:1 boundary:1,1 "
			       "boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "the rollback fails: the server is not used",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin" },
				   { SERVER, "ok tx" },
				   { GONE, "" },
				   { SERVER, "err 1105" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" } },
			.to_client = "1:ok,tx",
			.to_server = "0:[begin] 0:[ROLLBACK AND NO CHAIN NO "
				     "RELEASE]",
			.log = "link:0 abandon:1 boundary:0,2 abandon:3 ",
		},
		{
			.name = "pinned, and it leaves while its server works",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select get_lock('a',1)" },
				   { GONE, "" },
				   { SERVER, "raw \001|col|row 1|end" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok",
			.to_server = "0:[select get_lock('a',1)] 0:reset "
				     "0:trackers 0:[do 1]",
			.log = "link:0 abandon:2 boundary:1,1 boundary:0,0 "
			       "link:0 boundary:0,0 ",
		},
		{
			.name = "a good-bye in a transaction takes it back",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin|x" },
				   { SERVER, "ok tx" },
				   { GONE, "" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx",
			.to_server = "0:[begin] 0:[ROLLBACK AND NO CHAIN NO "
				     "RELEASE]",
			.log = "link:0 client:13,0,0 abandon:1 boundary:0,0 ",
		},
		{
			.name = "what warned is known to have",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1/0" },
				   { GONE, "" },
				   { SERVER, "ok warn=1" },
				   { NEXT, "" },
				   { CLIENT, "q:show warnings" },
				   { SERVER, "raw \001|col|row 1|end" },
				   { SERVER, "raw \003|col|col|col|end" } },
			.to_client = "1:data 2:data 3:data 4:data 5:end",
			.to_server = "0:[do 1/0] 0:[SELECT 1 FROM (SELECT 1) "
				     "AS t] 0:[show warnings]",
			.log = "link:0 abandon:2 boundary:0,0 link:1 "
			       "boundary:0,0 ",
		},
		{
			.name = "so is a number that it made",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:insert into t values ()" },
				   { GONE, "" },
				   { SERVER, "ok id=5" },
				   { NEXT, "" },
				   { CLIENT, "q:select last_insert_id()" },
				   { SERVER, "ok" },
				   { SERVER, "raw \001|col|row 0|end" } },
			.to_client = "1:data 2:data 3:data 4:end",
			.to_server =
				"0:[insert into t values ()] 0:[SET "
				"last_insert_id=0] 0:[select last_insert_id()]",
			.log = "link:0 abandon:2 boundary:0,0 link:1 "
			       "boundary:0,0 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

/* What keeps a client ends with it. */
static void
test_left(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "tables are locked no more",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:lock tables t write" },
				   { SERVER, "ok lock" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[lock tables t write] 0:reset "
				     "0:trackers 0:[do 1]",
			.log = "link:0 boundary:1,1 abandon:1 boundary:1,1 "
			       "boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "what the next transaction was to be is "
				"nobody's",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set transaction read only" },
				   { SERVER, "ok once=SET" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[set transaction read only] 0:reset "
				     "0:trackers 0:[do 1]",
			.log = "link:0 boundary:1,1 abandon:1 boundary:1,1 "
			       "boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "so is a savepoint",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:savepoint a" },
				   { SERVER, "ok" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server =
				"0:[savepoint a] 0:reset 0:trackers 0:[do 1]",
			.log = "link:0 boundary:1,1 abandon:1 boundary:1,1 "
			       "boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "so is a prepared XA transaction",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:xa start 'a'|q:xa end 'a'|q:xa "
					     "prepare 'a'" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 1:ok,tx 1:ok 1:ok",
			.to_server = "0:[xa start 'a'] 0:[xa end 'a'] 0:[xa "
				     "prepare 'a'] 0:reset 0:trackers 0:[do 1]",
			.log = "link:0 boundary:1,1 abandon:1 boundary:1,1 "
			       "boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "rows that were counted are nobody's, and keep "
				"nobody",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:select sql_calc_found_rows a from t" },
				   { SERVER, "raw \001|col|row a|end" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:data 2:data 3:data 4:end 1:ok",
			.to_server = "0:[select sql_calc_found_rows a from t] "
				     "0:[do 1]",
			.log = "link:0 boundary:1,0 abandon:0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "who was kept by its wish keeps nobody else",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:/* pool: session */ do 1" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[/* pool: session */ do 1] 0:[do 2]",
			.log = "link:0 boundary:1,0 abandon:0 link:0 "
			       "boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
