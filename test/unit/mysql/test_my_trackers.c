/*
 * What a client is told of changes, and what it does to its server when it
 * says so itself.
 */
#include "script.h"

/* What the server says to the question, of a list without state changes. */
#define TOLD(list) "raw \004|col|col|col|col|raw " list "\0011\0010\003OFF|end"
#define ASK                                                                    \
	" 0:[SELECT @@session_track_system_variables,@@session_track_schema,"  \
	"@@session_track_state_change,@@session_track_transaction_info LIMIT " \
	"1]"
#define BACK " 0:[" MY_STATE_TRACKERS_ALONE("CHARACTERISTICS") "]"
#define OTHERS                                                                 \
	"@@session.session_track_schema=DEFAULT,"                              \
	"@@session.session_track_state_change=DEFAULT,"                        \
	"@@session.session_track_transaction_info=DEFAULT] "
#define WARNINGS "raw \003|col|col|col|row a|end"
#define NONE_SET "[SET @@session.session_track_system_variables=DEFAULT," OTHERS
#define LIST "set session_track_system_variables="

static void
test_list(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "alone: the server has the client's before it, "
				"is asked behind it, and has carpool's again",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:" LIST "'sql_mode'" },
				   { SERVER, "ok" },
				   { SERVER, "ok changed" },
				   { SERVER, TOLD("\010sql_mode") },
				   { SERVER, "ok" },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { CLIENT, "q:set sql_mode=''" },
				   { SERVER, "ok var=sql_mode:" } },
			.to_client = "1:ok 1:ok 1:ok,changes",
			.to_server =
				"0:" NONE_SET "0:[" LIST "'sql_mode']" ASK BACK
				" 0:[set time_zone='+01:00'] "
				"0:[set sql_mode='']",
			.log = "link:1 boundary:0,0 link:0 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "made of what the client has",
			.mode = POOL_TRANSACTION,
			.start = { "session_track_system_variables", "a" },
			.moves = { { CLIENT, "q:" LIST "concat()" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, TOLD("\001*") },
				   { SERVER, "ok" },
				   { CLIENT, "q:set b=1" },
				   { SERVER, "ok var=b:1" } },
			.to_client = "1:ok 1:ok,changes",
			.to_server = "0:[SET @@session.session_track_system_"
				     "variables='a'," OTHERS "0:[" LIST
				     "concat()]" ASK BACK " 0:[set b=1]",
			.log = "link:1 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "refused",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:" LIST "'x'" },
				   { SERVER, "ok" },
				   { SERVER, "err 1193" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" } },
			.to_client = "1:err1193 1:ok,changes",
			.to_server = "0:" NONE_SET "0:[" LIST "'x']" BACK
				     " 0:ping 0:[SHOW WARNINGS] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t] "
				     "0:[set time_zone='+01:00']",
			.log = "link:1 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "an empty list, and NULL in its place",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:" LIST "null" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, TOLD("\373") },
				   { SERVER, "ok" },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:" NONE_SET "0:[" LIST "null]" ASK BACK
				     " 0:[set time_zone='+01:00']",
			.log = "link:1 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "its client goes before all is told",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:" LIST "''" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { GONE, "" },
				   { SERVER, TOLD("") },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" } },
			.to_client = "1:ok 1:ok,changes",
			.to_server = "0:" NONE_SET "0:[" LIST "'']" ASK BACK
				     " 0:[set time_zone='+01:00']",
			.log = "link:1 abandon:1 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

/* The list, and more in the same SET. */
static void
test_list_and_more(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "with others, as Connector/J does: they are "
				"asked for as soon as all is told again",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:set autocommit=1, "
				     "session_track_system_variables="
				     "concat('a',if(locate('*',"
				     "@@session_track_system_variables)>0,"
				     "',b','')), session_track_schema=1, "
				     "@@session.time_zone='+01:00', names "
				     "latin1, @c=4" },
				   { SERVER, "ok" },
				   { SERVER, "ok changed" },
				   { SERVER, TOLD("\001a") },
				   { SERVER, "ok" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server =
				"0:" NONE_SET "0:[set autocommit=1, "
				"session_track_system_variables="
				"concat('a',if(locate('*',"
				"@@session_track_system_variables)>0,"
				"',b','')), session_track_schema=1, "
				"@@session.time_zone='+01:00', names latin1, "
				"@c=4]" ASK BACK " 0:[SET @@session.autocommit="
				"@@session.autocommit,@@session.time_zone="
				"@@session.time_zone,"
				"@@session.character_set_client="
				"@@session.character_set_client,"
				"@@session.character_set_results="
				"@@session.character_set_results,"
				"@@session.collation_connection="
				"@@session.collation_connection] 0:[do 1]",
			.log = "link:1 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "with what cannot be asked for: nobody else "
				"gets the server before it is reset",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:" LIST "'',global a=1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:do 2" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok 1:ok",
			.to_server = "0:[" LIST "'',global a=1]" BACK
				     " 0:[do 1] 0:reset 0:trackers 0:[do 2]",
			.log = "link:0 boundary:1,1 boundary:1,1 abandon:1 "
			       "boundary:1,1 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "with a variable that no SET restores",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:" LIST "'',timestamp=1" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, TOLD("") },
				   { SERVER, "ok" } },
			.to_client = "1:ok",
			.to_server = "0:" NONE_SET "0:[" LIST
				     "'',timestamp=1]" ASK BACK,
			.log = "link:1 boundary:1,1 ",
		},
		{
			.name = "refused with another variable: nothing is set",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:" LIST "'',a=1" },
				   { SERVER, "ok" },
				   { SERVER, "err 1193" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, WARNINGS },
				   { SERVER, FORGOTTEN } },
			.to_client = "1:err1193",
			.to_server = "0:" NONE_SET "0:[" LIST "'',a=1]" BACK
				     " 0:ping 0:[SHOW WARNINGS] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t]",
			.log = "link:1 boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

static void
test_others(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "they are told of themselves",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set session_track_schema=0,"
					     "session_track_state_change=1" },
				   { SERVER,
				     "ok var=session_track_schema:OFF "
				     "var=session_track_state_change:ON" },
				   { SERVER, "ok" },
				   { CLIENT, "i:a" },
				   { SERVER, "ok schema=a" },
				   { CLIENT, "q:set a=1" },
				   { SERVER, "ok var=a:1 changed" } },
			.to_client = "1:ok 1:ok 1:ok,changes",
			.to_server = "0:[set session_track_schema=0,session_"
				     "track_state_change=1]" BACK
				     " 0:use:a 0:[set a=1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 class "
			       "link:0 boundary:0,0 ",
		},
		{
			.name = "the kind of a transaction",
			.mode = POOL_TRANSACTION,
			.start = { "session_track_transaction_info",
				   "CHARACTERISTICS" },
			.moves = { { CLIENT, "q:set transaction read only" },
				   { SERVER, "ok once=X" },
				   { CLIENT, "q:commit" },
				   { SERVER, "ok once=" } },
			.to_client = "1:ok,changes 1:ok,changes",
			.to_server = "0:[set transaction read only] 0:[commit]",
			.log = "link:0 boundary:1,1 boundary:0,0 ",
		},
		{
			.name = "with more statements in the text",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:set session_track_schema=0;x" },
				   { SERVER, "ok more|err 1064" },
				   { SERVER, "ok" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 2:err1064",
			.to_server = "0:[set session_track_schema=0;x]" BACK
				     " 0:ping",
			.log = "link:0 boundary:1,1 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_and_more),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
