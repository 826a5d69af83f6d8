/* What MySQL's statements leave behind, at every cut of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "sql/my_classify.h"

#define SET (MY_SQL_SET | MY_SQL_SESSION)
#define PLAIN (SET | MY_SQL_PLAIN)
#define GLOBAL (MY_SQL_SET | MY_SQL_GLOBAL)
#define ONCE (MY_SQL_SET | MY_SQL_ONCE)
#define SYNTAX (PLAIN | MY_SQL_SYNTAX)
#define COLLATION (SYNTAX | MY_SQL_COLLATION)
#define USER (MY_SQL_SET | MY_SQL_VARIABLE)
#define LITERAL (MY_SQL_SET | MY_SQL_LITERAL | MY_SQL_PLAIN)
#define SEVERAL MY_SQL_SEVERAL
#define READ MY_SQL_READ
#define WRITE MY_SQL_WRITE
#define BARE (READ | MY_SQL_BARE)
#define ROUTINE MY_SQL_ROUTINE
#define RUN_ANY (ROUTINE | SEVERAL | MY_SQL_ANY)

static const struct row {
	const char *text;
	uint64_t flags;
} rows[] = {
	{ "select 1", READ },
	{ "(select 1) union (select 2)", READ },
	{ "with a as (select 1) select * from a", READ | WRITE },
	{ "analyze table t", 0 },
	{ "analyze local tables t", 0 },
	{ "analyze insert into t values (1)", WRITE },
	{ "analyze format=json replace into t values (1)", WRITE },
	{ "analyze select 1", READ },
	{ "analyze format = json with a as (select 1) select * from a",
	  READ | WRITE },
	{ "set profiling = 1",
	  SET | MY_SQL_SESSION | MY_SQL_PLAIN | MY_SQL_TRACES },
	{ "set @@optimizer_trace = 'enabled=on'",
	  SET | MY_SQL_UNTOLD | MY_SQL_TRACES },
	{ "set global profiling = 1", MY_SQL_SET | MY_SQL_GLOBAL },
	{ "set statement optimizer_trace = 'enabled=on' for select 1",
	  MY_SQL_SET | READ | MY_SQL_FOR | MY_SQL_TRACES },
	{ "set sql_mode = (select replace(@@sql_mode, 'A', ''))",
	  SET | MY_SQL_SESSION | MY_SQL_SYNTAX },
	{ "set time_zone = f()", SET | MY_SQL_SESSION | MY_SQL_ANY },
	{ "set time_zone = `concat`('a')", SET | MY_SQL_SESSION | MY_SQL_ANY },
	{ "set time_zone = s.f()", SET | MY_SQL_SESSION | MY_SQL_ANY },
	{ "set time_zone = s.now()", SET | MY_SQL_SESSION | MY_SQL_ANY },
	{ "set sql_mode = sys.list_add(@@sql_mode, 'ANSI')",
	  SET | MY_SQL_SESSION | MY_SQL_SYNTAX },
	{ "set sql_mode = trim(both ',' from 'a')",
	  SET | MY_SQL_SESSION | MY_SQL_SYNTAX },
	{ "set a = 1 not in (2) and (3)", SET | MY_SQL_SESSION },
	{ "set a = (table v)", SET | MY_SQL_SESSION | MY_SQL_ANY },
	{ "set time_zone = (select a from v)",
	  SET | MY_SQL_SESSION | MY_SQL_ANY },
	{ "insert into t values (1)", WRITE },
	{ "", MY_SQL_EMPTY },
	{ " -- nothing\n/* at */ # all", MY_SQL_EMPTY },
	{ ";", MY_SQL_EMPTY },
	{ "select 1;", READ },
	{ "select 1; select 2", READ | SEVERAL },
	{ "select 'a; set @x = 1'", READ },
	{ "select 1 /* ; set @x = 1 */", READ },
	{ "frobnicate", MY_SQL_ANY },
	{ "l: loop leave l; end loop", MY_SQL_ANY | SEVERAL },
	{ "'select'", MY_SQL_ANY },
	/* variables of the session */
	{ "set autocommit=0", PLAIN },
	{ "SET AutoCommit = 1;", PLAIN },
	{ "set session time_zone = '+00:00', @@session.wait_timeout = 5",
	  PLAIN },
	/* which MariaDB tells nothing of */
	{ "set session time_zone = '+00:00', @@wait_timeout = 5",
	  SET | MY_SQL_UNTOLD },
	{ "set @@`sql_mode` := ''", SET | MY_SQL_UNTOLD | MY_SQL_SYNTAX },
	{ "set @@tx_read_only = 1", ONCE },
	/* names are the same in quotes, and no other words */
	{ "set `sql_mode` = ''", SYNTAX },
	{ "set `global` = 1, session `transaction` = 1", PLAIN },
	{ "set session `Session_Track_System_Variables` = ''",
	  MY_SQL_SET | MY_SQL_TRACKERS | MY_SQL_TRACKER_LIST | MY_SQL_PLAIN },
	{ "set @@session_track_schema = 0",
	  MY_SQL_SET | MY_SQL_TRACKERS | MY_SQL_TRACKER_LIST | MY_SQL_PLAIN },
	{ "set local a = on, @@session.b = -1, @@local.`c` = +2.5", PLAIN },
	{ "set a := 'x'", PLAIN },
	{ "set a = default", SET },
	{ "set a = 'x' 'y'", SET },
	{ "set a = concat(@@a, 'x')", SET },
	{ "set a = @@b", SET },
	{ "set a = @b", SET },
	{ "set a = ?", SET },
	{ "set a = (1)", SET },
	{ "set a = 1, b = mod(1, 2), c = 3", SET },
	{ "set a", MY_SQL_SET },
	{ "set a =", SET },
	{ "set", MY_SQL_SET },
	{ "/*!40101 SET SQL_NOTES=0 */;", PLAIN },
	{ "/*!40101 SET NAMES utf8mb4 */", SYNTAX },
	{ "/*!999999 SET a = 1 */", MY_SQL_EMPTY },
	{ "se/**/t a = 1", MY_SQL_ANY },
	{ "set sql_mode = 'ANSI_QUOTES'", SYNTAX },
	{ "set @@session.character_set_client = latin1", SYNTAX },
	{ "set sql_mode = ''; select \"a\"",
	  SET | MY_SQL_SYNTAX | READ | SEVERAL | MY_SQL_LOST },
	{ "update t set a = 1, b = 2", WRITE },
	/* what carpool sets as well */
	{ "set session_track_schema = on, @@session.Session_Track_gtids = ''",
	  MY_SQL_SET | MY_SQL_TRACKERS | MY_SQL_PLAIN },
	{ "set session_track_schema = on, a = 1", PLAIN | MY_SQL_TRACKERS },
	{ "set global session_track_schema = on", GLOBAL },
	{ "set Session_Track_System_Variables = 'a', session_track_schema = 0",
	  MY_SQL_SET | MY_SQL_TRACKERS | MY_SQL_TRACKER_LIST | MY_SQL_PLAIN },
	{ "set @@session.session_track_system_variables = '', a = 1",
	  PLAIN | MY_SQL_TRACKERS | MY_SQL_TRACKER_LIST },
	{ "set session_track_system_variables_ = ''",
	  MY_SQL_SET | MY_SQL_TRACKERS | MY_SQL_PLAIN },
	{ "set global session_track_system_variables = ''", GLOBAL },
	/* SET NAMES */
	{ "set names utf8mb4", SYNTAX },
	{ "set names 'utf8mb4' collate 'utf8mb4_bin'", COLLATION },
	{ "set names utf8mb4, autocommit = 0", SYNTAX },
	{ "set names default", SET | MY_SQL_SYNTAX },
	{ "set character set latin1", COLLATION },
	{ "set charset 'latin1'", COLLATION },
	{ "set character set default", SET | MY_SQL_SYNTAX | MY_SQL_COLLATION },
	/* GLOBAL */
	{ "set global a = 1", GLOBAL },
	{ "set @@global.a = 1", GLOBAL },
	{ "set persist a = 1", GLOBAL },
	{ "set @@persist_only.a = 1", GLOBAL },
	{ "set global a = 1, b = 2", GLOBAL | MY_SQL_SESSION },
	{ "set @@global.a = 1, b = 2", GLOBAL | MY_SQL_SESSION },
	{ "set global a = 1, session b = 2", GLOBAL | MY_SQL_SESSION },
	{ "set global hot.key_buffer_size = 8", GLOBAL },
	/* transactions */
	{ "set transaction read only", ONCE },
	{ "set transaction isolation level read committed, read only", ONCE },
	{ "set session transaction isolation level serializable", PLAIN },
	{ "set global transaction read only", GLOBAL },
	{ "set @@tx_isolation = 'serializable'", ONCE },
	{ "set tx_isolation = 'serializable'", PLAIN },
	{ "set @@session.transaction_read_only = 1", PLAIN },
	{ "begin", MY_SQL_BEGIN },
	{ "begin work", MY_SQL_BEGIN },
	{ "begin not atomic set @a = 1; end",
	  MY_SQL_BEGIN | MY_SQL_ANY | SEVERAL },
	{ "begin select 1; end", MY_SQL_BEGIN | MY_SQL_ANY | SEVERAL },
	{ "start transaction with consistent snapshot", MY_SQL_BEGIN },
	{ "start slave", 0 },
	{ "commit", MY_SQL_END },
	{ "rollback and chain", MY_SQL_END },
	{ "rollback to savepoint a", 0 },
	{ "rollback work to a", 0 },
	{ "savepoint a", MY_SQL_SAVEPOINT },
	{ "release savepoint a", 0 },
	{ "begin; insert into t values (1); bad; commit",
	  MY_SQL_BEGIN | WRITE | SEVERAL | MY_SQL_ANY | MY_SQL_END },
	/* other kinds of SET */
	{ "set role r", MY_SQL_SET | MY_SQL_ROLE },
	{ "set default role r for u", MY_SQL_SET },
	{ "set password = password('x')", MY_SQL_SET },
	{ "set password for u@h = 'x', @a = 1", MY_SQL_SET | MY_SQL_LITERAL },
	{ "set resource group g", MY_SQL_SET | MY_SQL_ANY },
	{ "set statement max_statement_time = 1 for select 1",
	  MY_SQL_SET | MY_SQL_FOR | READ },
	{ "set statement a = (select 1 from t for update) for set @b = f()",
	  MY_SQL_FOR | USER | MY_SQL_ANY },
	{ "set statement a = 1 for /* x */ set b = 2",
	  MY_SQL_FOR | SET | MY_SQL_ANY },
	/* user variables */
	{ "set @a = 1", LITERAL },
	{ "set @a = 'x', @`b c` := null, @d = -1, @e = true", LITERAL },
	{ "set @a = now()", USER },
	{ "set @a = 1, @b = @a", USER | MY_SQL_LITERAL },
	{ "set @a = x", USER },
	{ "set @a = 1, sql_mode = ''", SYNTAX | MY_SQL_LITERAL },
	{ "set @a = @@sql_mode, sql_mode = ''", USER | SET | MY_SQL_SYNTAX },
	{ "set a = @b := 2", USER | SET },
	{ "select @a := 1", READ | MY_SQL_VARIABLE },
	{ "select @a:=@a+1 from t", READ | MY_SQL_VARIABLE },
	{ "select 1 into @a", READ | MY_SQL_VARIABLE },
	{ "select a, b into /* x */ @a, @b from t", READ | MY_SQL_VARIABLE },
	{ "select @a, @@b", READ },
	{ "insert into t values (@a)", WRITE },
	{ "create user joe@localhost", 0 },
	{ "get diagnostics @n = number",
	  MY_SQL_ASKS_WARNINGS | MY_SQL_VARIABLE },
	{ "load data infile 'x' into table t (@a) set b = @a",
	  WRITE | MY_SQL_VARIABLE },
	/* schema */
	{ "use app", MY_SQL_SET | MY_SQL_USE | MY_SQL_PLAIN },
	{ "use `app`; select 1", MY_SQL_SET | MY_SQL_USE | READ | SEVERAL },
	/* temporary tables: trap 9's spellings */
	{ "create temporary table t (a int)", MY_SQL_TEMP },
	{ "CREATE\n\tTEMPORARY\nTABLE t (a int)", MY_SQL_TEMP },
	{ "create or replace temporary table t (a int)", MY_SQL_TEMP },
	{ "create /* x */ temporary /* y */ table t (a int)", MY_SQL_TEMP },
	{ "create -- x\n temporary # y\n table t (a int)", MY_SQL_TEMP },
	{ "/*!50003 create */ /*!32302 temporary */ table t (a int)",
	  MY_SQL_TEMP },
	{ "create temporary sequence s", MY_SQL_TEMP },
	{ "create temporary table t as select 1", MY_SQL_TEMP },
	{ "create table temporary (a int)", 0 },
	{ "create table t (temporary int)", 0 },
	{ "drop temporary table t", MY_SQL_DROP | MY_SQL_DROP_TEMP },
	{ "drop /* x */ temporary table `if`, t",
	  MY_SQL_DROP | MY_SQL_DROP_TEMP },
	{ "drop temporary table if exists t", MY_SQL_DROP },
	{ "drop table if exists t", MY_SQL_DROP },
	{ "drop database x", 0 },
	/* locks */
	{ "lock tables t read", MY_SQL_LOCK_TABLES },
	{ "lock table t write", MY_SQL_LOCK_TABLES },
	{ "lock instance for backup", MY_SQL_GLOBAL_LOCK },
	{ "unlock tables", MY_SQL_UNLOCK_TABLES | MY_SQL_GLOBAL_UNLOCK },
	{ "unlock instance", MY_SQL_GLOBAL_UNLOCK },
	{ "flush tables with read lock", MY_SQL_GLOBAL_LOCK },
	{ "flush local tables t with read lock", MY_SQL_GLOBAL_LOCK },
	{ "flush tables t for export", MY_SQL_GLOBAL_LOCK },
	{ "flush tables", 0 },
	{ "flush tables `read`", 0 },
	{ "backup stage start", MY_SQL_GLOBAL_LOCK },
	{ "backup stage end", MY_SQL_GLOBAL_UNLOCK },
	{ "backup lock t", MY_SQL_GLOBAL_LOCK },
	{ "backup unlock", MY_SQL_GLOBAL_UNLOCK },
	{ "handler t open as x", MY_SQL_HANDLER },
	{ "handler db.t open", MY_SQL_HANDLER },
	{ "handler open open", MY_SQL_HANDLER },
	{ "handler handler open", MY_SQL_HANDLER },
	{ "handler t read first", 0 },
	{ "handler t close", MY_SQL_HANDLER_CLOSE },
	{ "xa start 'x'", MY_SQL_XA },
	{ "xa begin 'x'", MY_SQL_XA },
	{ "xa end 'x'", MY_SQL_XA },
	{ "xa prepare 'x'", MY_SQL_XA },
	{ "xa commit 'x' one phase", MY_SQL_XA_END },
	{ "xa rollback 'x'", MY_SQL_XA_END },
	/* trap 11's spellings */
	{ "select get_lock('a', 1)", BARE | MY_SQL_USER_LOCK },
	{ "SELECT GET_LOCK ( 'a' , -1 )", BARE | MY_SQL_USER_LOCK },
	{ "select get_lock/* x */('a', ?) as got", BARE | MY_SQL_USER_LOCK },
	{ "select `get_lock`('a', 1) `got`;", BARE | MY_SQL_USER_LOCK },
	{ "select get_lock(f('a'), 1)", READ | MY_SQL_USER_LOCK },
	{ "select get_lock('a', 1), 2", READ | MY_SQL_USER_LOCK },
	{ "select get_lock('a', 1) from t", READ | MY_SQL_USER_LOCK },
	{ "select get_lock('a', 1) + 1", READ | MY_SQL_USER_LOCK },
	{ "do get_lock('a', 1)", MY_SQL_USER_LOCK },
	{ "select release_lock('a')", BARE | MY_SQL_USER_UNLOCK },
	{ "select service_get_read_locks('a', 'b', 1)",
	  READ | MY_SQL_USER_LOCK },
	{ "select `service_release_locks`('a')", READ | MY_SQL_USER_UNLOCK },
	{ "insert into t values (get_lock('a', 1))", WRITE | MY_SQL_USER_LOCK },
	{ "select is_free_lock('a'), is_used_lock('a')", READ },
	{ "select get_lock from t", READ },
	{ "select 'get_lock(1)'", READ },
	{ "select release_lock('a')", BARE | MY_SQL_USER_UNLOCK },
	{ "do release_all_locks()", MY_SQL_USER_UNLOCK },
	/* statements prepared by text, code */
	{ "prepare p from 'select 1'", MY_SQL_PREPARE },
	{ "execute p using @a", MY_SQL_ANY },
	{ "execute immediate 'set @a = 1'", MY_SQL_ANY },
	{ "deallocate prepare p", MY_SQL_DEALLOCATE },
	{ "drop prepare p", MY_SQL_DEALLOCATE },
	{ "call p(@a)", MY_SQL_ANY },
	{ "do sleep(1)", 0 },
	{ "binlog 'AAAA'", MY_SQL_ANY },
	{ "create procedure p() set @a = 1", ROUTINE },
	{ "create definer=`a`@`b` procedure p() begin set @a = 1; end",
	  RUN_ANY },
	{ "create function f() returns int return get_lock('a', 1)",
	  ROUTINE | MY_SQL_ANY },
	{ "create or replace trigger t before insert on t for each row set "
	  "@a = 1",
	  ROUTINE },
	{ "create event e on schedule every 1 day do call p()", ROUTINE },
	{ "alter event e do set @a = 1", ROUTINE },
	{ "create view v as select a from b", 0 },
	{ "create table t (a int) select last_insert_id()", MY_SQL_ASKS_ID },
	/* what earlier statements left */
	{ "select last_insert_id()", BARE | MY_SQL_ASKS_ID },
	{ "select last_insert_id() as `id` from dual", READ | MY_SQL_ASKS_ID },
	{ "insert into t values (last_insert_id())", WRITE | MY_SQL_ASKS_ID },
	{ "select LAST_INSERT_ID( 5 )", BARE | MY_SQL_MAKES_ID },
	{ "update t set a = last_insert_id(a + 1)", WRITE | MY_SQL_MAKES_ID },
	{ "insert into t values (last_insert_id( /* x */ )) on duplicate key "
	  "update a = `last_insert_id`(a)",
	  WRITE | MY_SQL_ASKS_ID | MY_SQL_MAKES_ID },
	{ "select @@identity", READ | MY_SQL_ASKS_ID },
	{ "select @@session.last_insert_id", READ | MY_SQL_ASKS_ID },
	{ "select identity, last_insert_id from t", READ },
	{ "select found_rows()", BARE | MY_SQL_ASKS_ROWS },
	{ "select row_count()", BARE | MY_SQL_ASKS_ROWS },
	{ "select sql_calc_found_rows * from t limit 1",
	  READ | MY_SQL_COUNTS_ROWS },
	{ "select next value for s", READ | MY_SQL_SEQUENCE },
	{ "select lastval(s), s.nextval", READ | MY_SQL_SEQUENCE },
	{ "select previous value for s", READ | MY_SQL_SEQUENCE },
	{ "show warnings limit 1", READ | MY_SQL_ASKS_WARNINGS },
	{ "show errors", READ | MY_SQL_ASKS_WARNINGS },
	{ "show count(*) warnings", READ | MY_SQL_ASKS_WARNINGS },
	{ "show tables", READ },
	{ "show create table warnings", READ },
	{ "select @@warning_count", READ | MY_SQL_ASKS_WARNINGS },
	{ "select connection_id()", BARE | MY_SQL_ASKS_THREAD },
	{ "select @@pseudo_thread_id", READ | MY_SQL_ASKS_THREAD },
	/* the rest */
	{ "kill 5", MY_SQL_KILL },
	{ "load data local infile 'x' into table t", WRITE | MY_SQL_LOCAL },
	{ "load xml low_priority local infile 'x' into table t",
	  WRITE | MY_SQL_LOCAL },
	{ "load data infile 'local' into table t", WRITE },
	{ "select /* pool: nopin */ 1", READ | MY_SQL_HINT_NOPIN },
	{ "select /* poo*l: nopin */ 1", READ },
	{ "select /** pool: nopin */ 1", READ },
	{ "select /* pool: nopin **/ 1", READ },
	{ "/*pool:session*/ select 1", READ | MY_SQL_HINT_SESSION },
	{ "/* Pool:  Session */ select 1", READ | MY_SQL_HINT_SESSION },
	{ "select 'pool: session' /* pool: sessions */", READ },
};

static const struct my_lexer_options server = { .version = 101119,
						.bits = MY_LEXER_MARIADB };

static uint64_t
classify(const char *text, size_t piece, struct my_classify *c)
{
	size_t left = strlen(text);

	my_classify_init(c, server);
	while (left > 0) {
		size_t n = left < piece ? left : piece;

		my_classify_feed(c, text, n);
		text += n;
		left -= n;
	}
	return my_classify_end(c);
}

static void
texts_are_classified(void **state)
{
	struct my_classify c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t piece = 1; piece < 70; piece++) {
			uint64_t flags = classify(rows[i].text, piece, &c);

			if (flags != rows[i].flags)
				fail_msg("%s in %zu: %" PRIx64 ", not %" PRIx64,
					 rows[i].text, piece, flags,
					 rows[i].flags);
		}
	}
}

static void
whole_texts_are_classified(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t flags = my_classify_text(rows[i].text,
						  strlen(rows[i].text), server);

		if (flags != rows[i].flags)
			fail_msg("%s: %" PRIx64 ", not %" PRIx64, rows[i].text,
				 flags, rows[i].flags);
	}
}

static void
kills_name_their_victim(void **state)
{
	static const struct {
		const char *text;
		struct my_kill kill;
	} kills[] = {
		{ "kill 5", { .id = 5, .kind = MY_KILL_CONNECTION } },
		{ "KILL CONNECTION 6;",
		  { .id = 6, .kind = MY_KILL_CONNECTION } },
		{ "kill query 4294967295",
		  { .id = 4294967295, .kind = MY_KILL_QUERY } },
		{ "kill hard query 7", { .id = 7, .kind = MY_KILL_QUERY } },
		{ "/*! kill soft */ 8",
		  { .id = 8, .kind = MY_KILL_CONNECTION } },
		{ "kill query id 9", { .kind = MY_KILL_OTHER } },
		{ "kill user joe", { .kind = MY_KILL_OTHER } },
		{ "kill 1 + 1", { .id = 1, .kind = MY_KILL_OTHER } },
		{ "kill @a", { .kind = MY_KILL_OTHER } },
		{ "kill ?", { .kind = MY_KILL_OTHER } },
		{ "kill", { .kind = MY_KILL_OTHER } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(kills); i++) {
		const char *text = kills[i].text;
		struct my_kill k = my_classify_kill(text, strlen(text), server);
		struct my_classify c;

		if (k.kind != kills[i].kill.kind)
			fail_msg("%s: %d", text, k.kind);
		if (k.kind != MY_KILL_OTHER)
			assert_int_equal(k.id, kills[i].kill.id);
		(void)classify(text, 1, &c);
		assert_int_equal(c.kill.kind, k.kind);
		assert_int_equal(c.kill.id, k.id);
	}
}

static void
collations_are_told(void **state)
{
	static const struct {
		const char *text;
		const char *name; /* NULL: not told */
	} names[] = {
		{ "set names utf8mb4 collate utf8mb4_bin", "utf8mb4_bin" },
		{ "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', a = 1",
		  NULL },
		{ "set a = 1, names latin1 collate \"latin1_bin\"",
		  "latin1_bin" },
		{ "set names latin1 collate default", NULL },
		{ "set names latin1", NULL },
		{ "set names a collate b, names c", NULL },
		{ "set character set latin1", NULL },
		{ "set names utf8mb4 collate ?", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char name[MY_LEXER_WORD_MAX + 1] = "";
		const char *text = names[i].text;
		bool is_told =
			my_classify_collation(text, strlen(text), server, name);

		if (is_told != (names[i].name != NULL))
			fail_msg("%s: %s", text, name);
		if (is_told)
			assert_string_equal(name, names[i].name);
	}
}

static void
sizes_stay_small(void **state)
{
	(void)state;
	print_message("struct my_lexer %zu, struct my_classify %zu bytes\n",
		      sizeof(struct my_lexer), sizeof(struct my_classify));
	assert_true(sizeof(struct my_lexer) <= 112);
	assert_true(sizeof(struct my_classify) <= 256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_classified),
		cmocka_unit_test(whole_texts_are_classified),
		cmocka_unit_test(kills_name_their_victim),
		cmocka_unit_test(collations_are_told),
		cmocka_unit_test(sizes_stay_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
