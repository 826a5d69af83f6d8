/*
 * The server's side: where an answer ends, what its end means, and when a
 * server is given up, once for each time.
 */
#include "script.h"

static void
test_answers(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "rows, and the boundary behind them",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select a from t|p" },
				   { SERVER, "raw \001|col|row a|row b|end" } },
			.to_client = "1:data 2:data 3:data 4:data 5:end 1:ok",
			.to_server = "0:[select a from t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "rows in the old style",
			.mode = POOL_TRANSACTION,
			.has_eof = true,
			.moves = { { CLIENT, "q:select a from t|p" },
				   { SERVER, "raw \001|col|eof|row a|eof" } },
			.to_client = "1:data 2:data 3:eof 4:data 5:eof 1:ok",
			.to_server = "0:[select a from t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "several results are one answer",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:select 1; delete from t|q:do 1" },
				   { SERVER,
				     "raw \001|col|row a|end more|ok rows=2" },
				   { SERVER, "raw \001|col|row 0|end" },
				   { SERVER, "ok" } },
			.to_client = "1:data 2:data 3:data 4:end 5:ok 1:ok",
			.to_server = "0:[select 1; delete from t] 0:[SELECT "
				     "LAST_INSERT_ID() LIMIT 1] 0:[do 1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "an error amid several results ends them",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select 1; delete from t|p" },
				   { SERVER,
				     "raw \001|col|row a|end more|err 1146" },
				   { SERVER, "ok" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, FORGOTTEN },
				   { SERVER, "raw \001|col|row 0|end" } },
			.to_client =
				"1:data 2:data 3:data 4:end 5:err1146 1:ok",
			.to_server =
				"0:[select 1; delete from t] 0:ping 0:[SHOW "
				"WARNINGS] 0:[SELECT LAST_INSERT_ID() LIMIT 1] "
				"0:[SELECT 1 FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "an error amid rows",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select a from t|p" },
				   { SERVER, "raw \001|col|row a|err 1317" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:data 2:data 3:data 4:err1317 1:ok",
			.to_server = "0:[select a from t] 0:[SHOW WARNINGS] "
				     "0:reset 0:trackers",
			.log = "link:0 boundary:0,1 boundary:0,0 ",
		},
		{
			.name = "a wish for a file that the client may not "
				"give",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:load data local infile 'x' into "
				     "table t|q:do 1" },
				   { SERVER, "raw \373x" },
				   { SERVER, "ok" },
				   { SERVER, "ok rows=2" } },
			.to_client = "1:err1148 1:ok",
			.to_server = "0:[load data local infile 'x' into table "
				     "t] 2:empty 0:[do 1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "the client is gone when that is answered",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:load data local infile 'x' into "
				     "table t" },
				   { GONE, "" },
				   { SERVER, "raw \373x" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok",
			.to_server = "0:[load data local infile 'x' into table "
				     "t] 2:empty 0:[do 1]",
			.log = "link:0 abandon:2 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "an answer that cannot be ends both",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select a from t|q:do 1" },
				   { SERVER, "raw \376x" },
				   { SERVER, "ok" } },
			.to_client = "1:err1835",
			.to_server = "0:[select a from t]",
			.log = "link:0 server:1,55 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

/* An ERR has no status: where it may matter a ping asks, and nothing runs
 * before that is answered. */
static void
test_look(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "outside of a transaction nothing is asked but "
				"for the warnings",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select nothing|q:select 2" },
				   { SERVER, "err 1054" },
				   { SERVER, "raw \003|col|col|col|end" },
				   { SERVER, FORGOTTEN },
				   { SERVER, "ok" } },
			.to_client = "1:err1054 1:ok",
			.to_server = "0:[select nothing] 0:[SHOW WARNINGS] "
				     "0:[SELECT 1 FROM (SELECT 1) AS t] "
				     "0:[select 2]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "in a transaction, which lives on",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:begin|q:insert into t values (1)|"
				     "q:commit" },
				   { SERVER, "ok tx" },
				   { SERVER, "err 1062" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" },
				   { SERVER, "raw \003|col|col|col|end" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 1:err1062 1:ok",
			.to_server = "0:[begin] 0:[insert into t values (1)] "
				     "0:ping 0:[commit] 0:[SHOW WARNINGS] "
				     "0:reset 0:trackers",
			.log = "link:0 boundary:0,1 boundary:0,0 ",
		},
		{
			.name = "in a transaction that a deadlock has ended",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:begin|q:insert into t values (1)|"
				     "q:commit" },
				   { SERVER, "ok tx" },
				   { SERVER, "err 1213" },
				   { SERVER, "ok" },
				   { SERVER, "raw \003|col|col|col|end" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 1:err1213 1:ok",
			.to_server =
				"0:[begin] 0:[insert into t values (1)] 0:ping "
				"0:[SHOW WARNINGS] 0:reset 0:trackers",
			.log = "link:0 boundary:0,1 boundary:0,0 ",
		},
		{
			.name = "a text of several statements that may have "
				"begun one",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:begin; select nothing|q:rollback" },
				   { SERVER, "ok tx more|err 1054" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" },
				   { SERVER, "raw \003|col|col|col|end" },
				   { SERVER, FORGOTTEN } },
			.to_client = "1:ok,tx 2:err1054 1:ok",
			.to_server = "0:[begin; select nothing] 0:ping "
				     "0:[rollback] 0:[SHOW WARNINGS] 0:[SELECT "
				     "1 FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "the ping fails: the server is not given away",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:begin|q:insert into t values (1)" },
				   { SERVER, "ok tx" },
				   { SERVER, "err 1062" },
				   { SERVER, "err 1105" },
				   { CLIENT, "q:commit" },
				   { SERVER, "ok" },
				   { SERVER, "raw \003|col|col|col|end" } },
			.to_client = "1:ok,tx 1:err1062 1:ok",
			.to_server = "0:[begin] 0:[insert into t values (1)] "
				     "0:ping 0:[commit] 0:[SHOW WARNINGS]",
			.log = "link:0 boundary:0,2 ",
		},
		{
			.name = "the client is gone before it: a rollback",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:begin|q:insert into t values (1)" },
				   { SERVER, "ok tx" },
				   { SERVER, "err 1062" },
				   { GONE, "" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 1:err1062",
			.to_server =
				"0:[begin] 0:[insert into t values (1)] "
				"0:ping 0:[ROLLBACK AND NO CHAIN NO RELEASE] "
				"0:reset 0:trackers",
			.log = "link:0 abandon:1 boundary:0,1 abandon:1 "
			       "boundary:0,1 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

/* Told once, when nothing is owed. */
static void
test_boundaries(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "one for each statement",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1" },
				   { SERVER, "ok" },
				   { CLIENT, "q:do 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[do 1] 0:[do 2]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "with autocommit off, one for each transaction",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set autocommit=0" },
				   { SERVER, "ok var=autocommit:OFF" },
				   { CLIENT, "q:select a from t" },
				   { SERVER, "raw \001|col|row a|end tx" },
				   { CLIENT, "q:select a from t" },
				   { SERVER, "raw \001|col|row a|end tx" },
				   { CLIENT, "q:commit" },
				   { SERVER, "ok" } },
			.to_client =
				"1:ok,changes 1:data 2:data 3:data 4:end,tx "
				"1:data 2:data 3:data 4:end,tx 1:ok",
			.to_server = "0:[set autocommit=0] 0:[select a from t] "
				     "0:[select a from t] 0:[commit]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "a transaction whose client is gone",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin" },
				   { SERVER, "ok tx" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,tx 1:ok",
			.to_server = "0:[begin] 0:[ROLLBACK AND NO CHAIN NO "
				     "RELEASE] 0:[do 1]",
			.log = "link:0 abandon:1 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "a statement whose client is gone is drained, "
				"and what it began taken back",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin" },
				   { GONE, "" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok",
			.to_server = "0:[begin] 0:[ROLLBACK AND NO CHAIN NO "
				     "RELEASE] 0:[do 1]",
			.log = "link:0 abandon:2 boundary:0,0 abandon:1 "
			       "boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "rows whose client is gone reach nobody",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select a from t" },
				   { SERVER, "raw \001|col|row a|row b" },
				   { NEXT, "" },
				   { CLIENT, "q:do 1" } },
			.to_client = "1:data 2:data 3:data 4:data",
			.to_server = "0:[select a from t]",
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
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_boundaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
