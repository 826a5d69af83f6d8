/*
 * What keeps a client on its server, by texts and by what the server tells, how
 * that ends, and what must be cleaned away behind it.
 */
#include "script.h"

static void
test_texts(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "a temporary table pins, and leaves a server "
				"to be reset",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:create temporary table t (a int)" },
				   { SERVER, "ok changed" },
				   { CLIENT, "q:select 1" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { CLIENT, "q:select 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok 1:ok",
			.to_server =
				"0:[create temporary table t (a int)] "
				"0:[select 1] 0:reset 0:trackers 0:[select 2]",
			.log = "link:0 boundary:1,1 boundary:1,1 abandon:1 "
			       "boundary:1,1 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "a failed one does not",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:create temporary table t (a int)" },
				   { SERVER, "err 1050" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, FORGOTTEN } },
			.to_client = "1:err1050",
			.to_server =
				"0:[create temporary table t (a int)] 0:[SHOW "
				"WARNINGS] 0:[SELECT 1 FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "allowed: it leaks, and nobody is kept",
			.mode = POOL_TRANSACTION,
			.on = { [STATE_TEMP_TABLE] = STATE_ALLOW },
			.moves = { { CLIENT,
				     "q:create temporary table t (a int)" },
				   { SERVER, "ok changed" } },
			.to_client = "1:ok",
			.to_server = "0:[create temporary table t (a int)]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "reset: nobody is kept, and it is cleaned",
			.mode = POOL_TRANSACTION,
			.on = { [STATE_TEMP_TABLE] = STATE_RESET },
			.moves = { { CLIENT,
				     "q:create temporary table t (a int)" },
				   { SERVER, "ok changed" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok",
			.to_server = "0:[create temporary table t (a int)] "
				     "0:reset 0:trackers",
			.log = "link:0 boundary:0,1 boundary:0,0 ",
		},
		{
			.name = "of several statements those before the error "
				"have run",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:create temporary table t (a int);"
				     " select nothing" },
				   { SERVER, "ok more|err 1054" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 2:err1054",
			.to_server = "0:[create temporary table t (a int); "
				     "select nothing] 0:ping",
			.log = "link:0 boundary:1,1 ",
		},
		{
			.name = "XA from its start to its end",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:xa start 'a'|q:xa end 'a'|q:xa "
					     "prepare 'a'|q:xa commit 'a'" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok 1:ok 1:ok",
			.to_server = "0:[xa start 'a'] 0:[xa end 'a'] 0:[xa "
				     "prepare 'a'] 0:[xa commit 'a']",
			.log = "link:0 boundary:1,1 boundary:1,1 boundary:1,1 "
			       "boundary:0,0 ",
		},
		{
			.name = "a savepoint outside of a transaction, up to "
				"its end",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:savepoint a|q:rollback" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[savepoint a] 0:[rollback]",
			.log = "link:0 boundary:1,1 boundary:0,0 ",
		},
		{
			.name = "a lock of the server, released",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:flush tables with read lock" },
				   { SERVER, "ok" },
				   { CLIENT, "q:unlock tables" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[flush tables with read lock] "
				     "0:[unlock tables] 0:reset 0:trackers",
			.log = "link:0 boundary:1,1 boundary:0,1 boundary:0,0 ",
		},
		{
			.name = "stored code may do anything",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:call p()" },
				   { SERVER, "ok" },
				   { SERVER, "raw \001|col|row 0|end" } },
			.to_client = "1:ok 1:err1158",
			.to_server = "0:[call p()]",
			.log = "link:0 boundary:1,1 server:1,51 ",
		},
		{
			.name = "a hint keeps the server, another lets it go",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:/* pool: nopin */ select "
					     "get_lock('a',1)" },
				   { SERVER, "ok" },
				   { CLIENT, "q:/* pool: session */ do 1" },
				   { SERVER, "ok" },
				   { CLIENT, "r" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok 1:ok",
			.to_server = "0:[/* pool: nopin */ select "
				     "get_lock('a',1)] 0:[/* pool: session */ "
				     "do 1] 0:reset 0:trackers",
			.log = "link:0 boundary:0,0 link:0 boundary:1,0 "
			       "boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

static void
test_told(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "a change that nothing explains pins",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:select f()" },
				   { SERVER,
				     "raw \001|col|row a|end changed" } },
			.to_client = "1:data 2:data 3:data 4:end",
			.to_server = "0:[select f()]",
			.log = "link:0 boundary:1,1 ",
		},
		{
			.name = "the same with EOF packets, of which the "
				"client hears nothing",
			.mode = POOL_TRANSACTION,
			.has_eof = true,
			.moves = { { CLIENT, "q:select f()" },
				   { SERVER,
				     "raw \001|col|eof|row a|eof changed" } },
			.to_client = "1:data 2:data 3:eof 4:data 5:eof",
			.to_server = "0:[select f()]",
			.log = "link:0 boundary:1,1 ",
		},
		{
			.name = "what the next transaction is to be",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set transaction read only" },
				   { SERVER, "ok once=SET" },
				   { CLIENT, "q:begin|q:commit" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok once=" } },
			.to_client = "1:ok 1:ok,tx 1:ok",
			.to_server = "0:[set transaction read only] 0:[begin] "
				     "0:[commit]",
			.log = "link:0 boundary:1,1 boundary:0,0 ",
		},
		{
			.name = "locked tables, until they are no more",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:lock tables t read" },
				   { SERVER, "ok lock" },
				   { CLIENT, "q:unlock tables" },
				   { SERVER, "ok unlock" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[lock tables t read] 0:[unlock tables]",
			.log = "link:0 boundary:1,1 boundary:0,0 ",
		},
		{
			.name = "in the old style texts alone say so",
			.mode = POOL_TRANSACTION,
			.has_eof = true,
			.moves = { { CLIENT, "q:lock tables t read" },
				   { SERVER, "ok" },
				   { CLIENT, "q:unlock tables" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[lock tables t read] 0:[unlock tables]",
			.log = "link:0 boundary:1,1 boundary:0,0 ",
		},
		{
			.name = "SET STATEMENT changes nothing that lasts",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:set statement time_zone='+01:00' "
				     "for select 1" },
				   { SERVER,
				     "ok var=time_zone:+01:00 changed" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:select 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok,changes 1:ok",
			.to_server = "0:[set statement time_zone='+01:00' for "
				     "select 1] 0:reset 0:trackers "
				     "0:[select 2]",
			.log = "link:0 boundary:0,1 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "what MariaDB does not tell it is made to",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:set @@time_zone='+01:00', session b = "
				     "2, @@`sql_mode` := '', @@hot.key = 3, "
				     "@c = 4" },
				   { SERVER, "ok var=b:2" },
				   { SERVER,
				     "ok var=time_zone:+01:00 var=sql_mode:" },
				   { CLIENT, "q:set @@e=@@e" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server =
				"0:[set @@time_zone='+01:00', session b = 2, "
				"@@`sql_mode` := '', @@hot.key = 3, @c = 4] "
				"0:[SET @@session.time_zone="
				"@@session.time_zone,@@session.sql_mode="
				"@@session.sql_mode] 0:[set @@e=@@e] "
				"0:[SET @@session.e=@@session.e]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "in several statements, or where no SET "
				"restores "
				"it, it is not known",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set @@a=1;x" },
				   { SERVER, "ok more|err 1064" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { CLIENT, "q:set @@rand_seed1=1" },
				   { SERVER, "ok" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 2:err1064 1:ok",
			.to_server = "0:[set @@a=1;x] 0:ping 0:reset "
				     "0:trackers 0:[set @@rand_seed1=1] "
				     "0:reset 0:trackers",
			.log = "link:0 boundary:1,1 abandon:1 boundary:1,1 "
			       "boundary:0,0 link:0 boundary:1,1 abandon:1 "
			       "boundary:1,1 boundary:0,0 ",
		},
		{
			.name = "a setting that no SET restores",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set rand_seed1=1" },
				   { SERVER, "ok var=rand_seed1:1" } },
			.to_client = "1:ok",
			.to_server = "0:[set rand_seed1=1]",
			.log = "link:0 boundary:1,1 ",
		},
		{
			.name = "the client is told what it asked for alone",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set sql_mode='ANSI'" },
				   { SERVER, "ok var=sql_mode:ANSI" },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { CLIENT, "q:select f()" },
				   { SERVER,
				     "raw \001|col|row a|end changed" } },
			.to_client =
				"1:ok 1:ok,changes 1:data 2:data 3:data 4:end",
			.to_server = "0:[set sql_mode='ANSI'] 0:[set "
				     "time_zone='+01:00'] 0:[select f()]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:0 "
			       "boundary:1,1 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
