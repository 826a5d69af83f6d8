/*
 * What the next statement may ask about the one before: warnings and
 * LAST_INSERT_ID() are the client's own, on whichever server it runs.
 */
#include "script.h"

#define WARNINGS "raw \003|col|col|col|row a|end"
#define NO_WARNINGS "raw \003|col|col|col|end"
#define ID(n) "raw \001|col|row " #n "|end"

static void
test_warnings(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "asked for before the server is given away, "
				"and answered without one",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1/0" },
				   { SERVER, "ok warn=1" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { BUSY, "" },
				   { CLIENT,
				     "q:show warnings|q:SHOW WARNINGS ;|p" } },
			.to_client = "1:ok,warn=1 1:data 2:data 3:data 4:data "
				     "5:data 6:end 1:data 2:data 3:data 4:data "
				     "5:data 6:end 1:ok",
			.to_server = "0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "of rows in the old style",
			.mode = POOL_TRANSACTION,
			.has_eof = true,
			.moves = { { CLIENT, "q:select 1/0" },
				   { SERVER,
				     "raw \001|col|eof|row a|eof warn=1" },
				   { SERVER,
				     "raw \003|col|col|col|eof|row a|eof" },
				   { SERVER, "raw \001|col|eof|row 1|eof" },
				   { CLIENT, "q:show warnings" } },
			.to_client = "1:data 2:data 3:eof 4:data 5:eof 1:data "
				     "2:data 3:data 4:data 5:eof 6:data 7:eof",
			.to_server = "0:[select 1/0] 0:[SHOW WARNINGS] "
				     "0:[SELECT 1 FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "an error is one of them",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select nothing" },
				   { SERVER, "err 1054" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:show warnings" } },
			.to_client = "1:err1054 1:data 2:data 3:data 4:data "
				     "5:data 6:end",
			.to_server = "0:[select nothing] 0:[SHOW WARNINGS] "
				     "0:[SELECT 1 FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "what can only be counted is refused",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1/0" },
				   { SERVER, "ok warn=1" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:show errors" },
				   { CLIENT, "q:show count(*) warnings" },
				   { CLIENT, "q:select @@warning_count" },
				   { CLIENT, "q:show warnings" } },
			.to_client =
				"1:ok,warn=1 1:err1235 1:err1235 1:err1235 "
				"1:data 2:data 3:data 4:data 5:data 6:end",
			.to_server = "0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "they outlive a SET, and end with a SELECT",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1/0" },
				   { SERVER, "ok warn=1" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { CLIENT, "q:show warnings" },
				   { CLIENT, "q:select a from t" },
				   { SERVER, "ok" },
				   { CLIENT, "q:show warnings" },
				   { SERVER, NO_WARNINGS } },
			.to_client = "1:ok,warn=1 1:ok,changes 1:data 2:data "
				     "3:data 4:data 5:data 6:end 1:ok 1:data "
				     "2:data 3:data 4:data 5:end",
			.to_server =
				"0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 FROM "
				"(SELECT 1) AS t] 0:[set time_zone='+01:00'] "
				"0:[select a from t] 0:[show warnings]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:0 "
			       "boundary:0,0 link:0 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

/* What else happens to them while they are kept. */
static void
test_kept(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "they are told with the status of now",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1/0" },
				   { SERVER, "ok warn=1" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:set autocommit=0" },
				   { SERVER, "ok manual var=autocommit:OFF" },
				   { CLIENT, "q:show warnings" } },
			.to_client = "1:ok,warn=1 1:ok,manual,changes 1:data "
				     "2:data 3:data 4:data 5:data 6:end,manual",
			.to_server =
				"0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 FROM "
				"(SELECT 1) AS t] 0:[set autocommit=0]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "the same in the old style",
			.mode = POOL_TRANSACTION,
			.has_eof = true,
			.moves = { { CLIENT, "q:do 1/0" },
				   { SERVER, "ok warn=1" },
				   { SERVER,
				     "raw \003|col|col|col|eof|row a|eof" },
				   { SERVER, "raw \001|col|eof|row 1|eof" },
				   { CLIENT, "q:set autocommit=0" },
				   { SERVER, "ok manual var=autocommit:OFF" },
				   { CLIENT, "q:show warnings" } },
			.to_client = "1:ok,warn=1 1:ok,manual,changes 1:data "
				     "2:data 3:data 4:data 5:eof,manual 6:data "
				     "7:eof,manual",
			.to_server =
				"0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 FROM "
				"(SELECT 1) AS t] 0:[set autocommit=0]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "another's are taken away before it is asked",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1/0" },
				   { SERVER, "ok warn=1" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { NEXT, "" },
				   { CLIENT, "q:show warnings" },
				   { SERVER, NO_WARNINGS },
				   { CLIENT, "q:show warnings" },
				   { SERVER, NO_WARNINGS } },
			.to_client = "1:ok,warn=1 1:data 2:data 3:data 4:data "
				     "5:end 1:data 2:data 3:data 4:data 5:end",
			.to_server = "0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t] 0:[show warnings] "
				     "0:[show warnings]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 "
			       "link:0 boundary:0,0 ",
		},
		{
			.name = "in a transaction the server has them",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:begin|q:do 1/0|q:show warnings|"
					     "q:commit" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok tx warn=1" },
				   { SERVER, "raw \003|col|col|col|row a|"
					     "end tx" },
				   { SERVER, "ok" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:show warnings" } },
			.to_client = "1:ok,tx 1:ok,tx,warn=1 1:data 2:data "
				     "3:data 4:data 5:data 6:end,tx 1:ok "
				     "1:data 2:data 3:data 4:data 5:data 6:end",
			.to_server = "0:[begin] 0:[do 1/0] 0:[show warnings] "
				     "0:[commit] 0:[SHOW WARNINGS] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "a reset takes them away",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:do 1/0" },
				   { SERVER, "ok warn=1" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "r|q:show warnings" },
				   { SERVER, NO_WARNINGS } },
			.to_client = "1:ok,warn=1 1:ok 1:data 2:data 3:data "
				     "4:data 5:end",
			.to_server = "0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t] 0:[show warnings]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

static void
test_insert_id(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "asked for behind the INSERT, and no more",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:insert into t values ()" },
				   { SERVER, "ok rows=1 id=5" },
				   { SERVER, ID(5) },
				   { CLIENT, "q:select last_insert_id()" },
				   { SERVER, ID(5) } },
			.to_client = "1:ok,id=5 1:data 2:data 3:data 4:end",
			.to_server = "0:[insert into t values ()] 0:[SELECT "
				     "LAST_INSERT_ID() LIMIT 1] 0:[select "
				     "last_insert_id()]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "another client's server is told of it",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:insert into t values ()" },
				   { SERVER, "ok rows=1 id=5" },
				   { SERVER, ID(5) },
				   { NEXT, "" },
				   { CLIENT, "q:select last_insert_id()" },
				   { SERVER, "ok" },
				   { SERVER, ID(0) } },
			.to_client = "1:ok,id=5 1:data 2:data 3:data 4:end",
			.to_server =
				"0:[insert into t values ()] 0:[SELECT "
				"LAST_INSERT_ID() LIMIT 1] 0:[SET "
				"last_insert_id=0] 0:[select last_insert_id()]",
			.log = "link:0 boundary:0,0 link:1 boundary:0,0 "
			       "boundary:0,0 ",
		},
		{
			.name = "who does not ask pays nothing",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:insert into t values ()" },
				   { SERVER, "ok rows=1 id=5" },
				   { SERVER, ID(5) },
				   { NEXT, "" },
				   { CLIENT, "q:select 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,id=5 1:ok",
			.to_server = "0:[insert into t values ()] 0:[SELECT "
				     "LAST_INSERT_ID() LIMIT 1] 0:[select 1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "an explicit value is none: the number before "
				"stays the client's",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:insert into t values (9)" },
				   { SERVER, "ok rows=1 id=9" },
				   { SERVER, ID(0) },
				   { CLIENT, "q:select last_insert_id()" },
				   { SERVER, ID(0) } },
			.to_client = "1:ok,id=9 1:data 2:data 3:data 4:end",
			.to_server = "0:[insert into t values (9)] 0:[SELECT "
				     "LAST_INSERT_ID() LIMIT 1] 0:[select "
				     "last_insert_id()]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "in a transaction it is asked for at the end",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:begin|q:insert into t values ()|"
				     "q:commit" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok tx rows=1 id=5" },
				   { SERVER, "ok" },
				   { SERVER, ID(5) } },
			.to_client = "1:ok,tx 1:ok,tx,id=5 1:ok",
			.to_server = "0:[begin] 0:[insert into t values ()] "
				     "0:[commit] 0:[SELECT LAST_INSERT_ID() "
				     "LIMIT 1]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "of whom left without being asked nothing is "
				"known",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:begin|q:insert into t values ()" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok tx rows=1 id=5" },
				   { NEXT, "" },
				   { SERVER, "ok" },
				   { CLIENT, "q:select last_insert_id()" },
				   { SERVER, "ok" },
				   { SERVER, ID(0) } },
			.to_client = "1:ok,tx 1:ok,tx,id=5 1:data 2:data "
				     "3:data 4:end",
			.to_server = "0:[begin] 0:[insert into t values ()] "
				     "0:[ROLLBACK AND NO CHAIN NO RELEASE] "
				     "0:[SET last_insert_id=0] "
				     "0:[select last_insert_id()]",
			.log = "link:0 abandon:1 boundary:0,0 link:1 "
			       "boundary:0,0 boundary:0,0 ",
		},
		{
			.name = "nor of whom left before it was answered",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:insert into t values ()" },
				   { SERVER, "ok rows=1 id=5" },
				   { NEXT, "" },
				   { SERVER, ID(5) },
				   { CLIENT, "q:select last_insert_id()" },
				   { SERVER, "ok" },
				   { SERVER, ID(0) } },
			.to_client = "1:ok,id=5 1:data 2:data 3:data 4:end",
			.to_server =
				"0:[insert into t values ()] 0:[SELECT "
				"LAST_INSERT_ID() LIMIT 1] 0:[SET "
				"last_insert_id=0] 0:[select last_insert_id()]",
			.log = "link:0 abandon:1 boundary:0,0 link:1 "
			       "boundary:0,0 boundary:0,0 ",
		},
		{
			.name = "SET last_insert_id is the client's, too",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set last_insert_id=7" },
				   { SERVER, "ok var=last_insert_id:7" },
				   { SERVER, ID(7) },
				   { NEXT, "" },
				   { CLIENT, "q:insert into t select "
					     "last_insert_id()" },
				   { SERVER, "ok" },
				   { SERVER, "ok rows=1" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[set last_insert_id=7] 0:[SELECT "
				     "LAST_INSERT_ID() LIMIT 1] 0:[SET "
				     "last_insert_id=0] 0:[insert into t "
				     "select last_insert_id()]",
			.log = "link:0 boundary:0,0 link:1 boundary:0,0 "
			       "boundary:0,0 ",
		},
		{
			.name = "rows that were counted keep the server for a "
				"statement",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:select sql_calc_found_rows a from t" },
				   { SERVER, "raw \001|col|row a|end" },
				   { CLIENT, "q:select found_rows()" },
				   { SERVER, ID(3) } },
			.to_client = "1:data 2:data 3:data 4:end 1:data 2:data "
				     "3:data 4:end",
			.to_server = "0:[select sql_calc_found_rows a from t] "
				     "0:[select found_rows()]",
			.log = "link:0 boundary:1,0 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_insert_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
