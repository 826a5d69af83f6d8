/*
 * What clients set when they connect, answered without a server: learnt from
 * one client, told to others of the same state and pool, and forgotten.
 *
 * Without memory a text is not remembered and goes to a server, so what follows
 * may differ.
 */
#include "script.h"

static void
test_memo(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "learnt from one, told to another, and there "
				"when it needs a server",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { BUSY, "" },
				   { CLIENT, "q:select 1" },
				   { SERVER, "ok rows=1" } },
			.to_client = "1:ok,changes 1:ok,changes 1:ok",
			.to_server = "0:[set time_zone='+01:00'] 0:[select 1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "one behind the other, in a pipeline",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:set autocommit=0|q:set "
					     "sql_mode='ANSI'" },
				   { SERVER, "ok var=autocommit:OFF" },
				   { SERVER, "ok var=sql_mode:ANSI" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:set autocommit=0|q:set "
					     "sql_mode='ANSI'" } },
			.to_client = "1:ok,changes 1:ok 1:ok,changes 1:ok",
			.to_server =
				"0:[set autocommit=0] 0:[set sql_mode='ANSI']",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "in another state it is another",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:set autocommit=0|q:set "
					     "sql_mode='ANSI'" },
				   { SERVER, "ok var=autocommit:OFF" },
				   { SERVER, "ok var=sql_mode:ANSI" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:set sql_mode='ANSI'" } },
			.to_client = "1:ok,changes 1:ok",
			.to_server =
				"0:[set autocommit=0] 0:[set sql_mode='ANSI']",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "a reload forgets it",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { RELOAD, "" },
				   { CLIENT, "q:set time_zone='+01:00'" } },
			.to_client = "1:ok,changes",
			.to_server = "0:[set time_zone='+01:00']",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "in session mode nothing is remembered",
			.mode = POOL_SESSION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:set time_zone='+01:00'" } },
			.to_client = "1:ok,changes",
			.to_server = "0:[set time_zone='+01:00']",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "what is not remembered: with warnings, "
				"DEFAULT, SET CHARACTER SET",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:set sql_mode='ANSI'" },
				   { SERVER, "ok var=sql_mode:ANSI warn=1" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:set time_zone=default" },
				   { SERVER, "ok var=time_zone:SYSTEM" },
				   { CLIENT, "q:set character set latin1" },
				   { SERVER,
				     "ok var=character_set_client:latin1" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:set sql_mode='ANSI'" },
				   { CANCELED, "" },
				   { CLIENT, "q:set time_zone=default" },
				   { CANCELED, "" },
				   { CLIENT, "q:set character set latin1" },
				   { CANCELED, "" },
				   { CLIENT, "p" } },
			.to_client = "1:ok,warn=1 1:ok,changes 1:ok,changes "
				     "1:err1317 1:err1317 1:err1317 1:ok",
			.to_server = "0:[set sql_mode='ANSI'] 0:[SHOW "
				     "WARNINGS] 0:[SELECT 1 FROM (SELECT 1) AS "
				     "t] 0:[set time_zone=default] 0:[set "
				     "character set latin1] 0:[SET "
				     "@@session.collation_connection=@@session."
				     "collation_connection]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "amid a transaction nothing is learnt",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:begin|q:set sql_mode='ANSI'|"
					     "q:commit" },
				   { SERVER, "ok tx" },
				   { SERVER, "ok tx var=sql_mode:ANSI" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:set sql_mode='ANSI'" } },
			.to_client = "1:ok,tx 1:ok,tx 1:ok",
			.to_server =
				"0:[begin] 0:[set sql_mode='ANSI'] 0:[commit]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "a failed one is none",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:set sql_mode='NONE'" },
				   { SERVER, "err 1231" },
				   { SERVER, "ok" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, FORGOTTEN },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:set sql_mode='NONE'" } },
			.to_client = "1:err1231",
			.to_server =
				"0:[set sql_mode='NONE'] 0:ping 0:[SHOW "
				"WARNINGS] 0:[SELECT 1 FROM (SELECT 1) AS t]",
			.log = "link:0 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
