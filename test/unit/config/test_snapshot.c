/* Looking things up: what a pool follows, who may use the console. */
#include "built.h"

#include "base/mem.h"

static const char text[] =
	"[carpool]\n"
	"auth_type = any\n"
	"listen_addr = *\n"
	"default_pool_size = 20\nmin_pool_size = 2\nreserve_pool_size = 3\n"
	"reserve_pool_timeout = 4\nmax_db_connections = 50\n"
	"max_user_connections = 60\nmax_user_client_connections = 70\n"
	"max_db_client_connections = 80\nquery_wait_timeout = 5\n"
	"query_timeout = 6\nidle_transaction_timeout = 7\n"
	"transaction_timeout = 8\nclient_idle_timeout = 9\n"
	"server_lifetime = 10\nserver_idle_timeout = 11\n"
	"server_check_delay = 12\npool_mode = transaction\n"
	"admin_users = root, dba\nstats_users = monitor watch\n"
	"scram_iterations = 5000\nserver_reset_query_always = 1\n"
	"disable_pqexec = 1\napplication_name_add_host = 1\n"
	"max_packet_size = 1000\nignore_startup_parameters = x\n"
	"[databases]\n"
	"plain = host=h user=u\n"
	"own = host=h user=u pool_size=1 min_pool_size=0 reserve_pool_size=0 "
	"max_db_connections=5 server_lifetime=100 query_wait_timeout=50 "
	"pool_mode=session connect_query='select 1' timezone=utc\n"
	"[users]\n"
	"strong = pool_size=0 reserve_pool_size=9 pool_mode=statement "
	"max_user_connections=6 max_user_client_connections=7 query_timeout=60 "
	"idle_transaction_timeout=70 transaction_timeout=80 "
	"client_idle_timeout=90 query_wait_timeout=500\n";

static void
test_pool_global(void **state)
{
	struct pool_config p;
	struct built b;

	(void)state;
	built_text(&b, text);
	assert_int_equal(b.report.count, 0);
	snapshot_pool_config(b.s,
			     snapshot_database(b.s, PROTOCOL_POSTGRES, "plain"),
			     NULL, &p);
	assert_int_equal(p.mode, POOL_TRANSACTION);
	assert_int_equal(p.size, 20);
	assert_int_equal(p.min_size, 2);
	assert_int_equal(p.reserve_size, 3);
	assert_int_equal(p.reserve_timeout, 4 * USEC_PER_SEC);
	assert_int_equal(p.max_db_connections, 50);
	assert_int_equal(p.max_user_connections, 60);
	assert_int_equal(p.max_user_client_connections, 70);
	assert_int_equal(p.max_db_client_connections, 80);
	assert_int_equal(p.query_wait_timeout, 5 * USEC_PER_SEC);
	assert_int_equal(p.query_timeout, 6 * USEC_PER_SEC);
	assert_int_equal(p.idle_transaction_timeout, 7 * USEC_PER_SEC);
	assert_int_equal(p.transaction_timeout, 8 * USEC_PER_SEC);
	assert_int_equal(p.client_idle_timeout, 9 * USEC_PER_SEC);
	assert_int_equal(p.server_lifetime, 10 * USEC_PER_SEC);
	assert_int_equal(p.server_idle_timeout, 11 * USEC_PER_SEC);
	assert_int_equal(p.server_check_delay, 12 * USEC_PER_SEC);
	built_close(&b);
}

/* The user's own before the database's own. */
static void
test_pool_own(void **state)
{
	const struct config_database *db;
	struct pool_config p;
	struct built b;

	(void)state;
	built_text(&b, text);
	db = snapshot_database(b.s, PROTOCOL_POSTGRES, "own");
	snapshot_pool_config(b.s, db, NULL, &p);
	assert_int_equal(p.mode, POOL_SESSION);
	assert_int_equal(p.size, 1);
	assert_int_equal(p.min_size, 0);
	assert_int_equal(p.reserve_size, 0);
	assert_int_equal(p.max_db_connections, 5);
	assert_int_equal(p.server_lifetime, 100 * USEC_PER_SEC);
	assert_int_equal(p.query_wait_timeout, 50 * USEC_PER_SEC);
	snapshot_pool_config(b.s, db, snapshot_user(b.s, "strong"), &p);
	assert_int_equal(p.mode, POOL_STATEMENT);
	assert_int_equal(p.size, 0);
	assert_int_equal(p.min_size, 0);
	assert_int_equal(p.reserve_size, 9);
	assert_int_equal(p.max_db_connections, 5);
	assert_int_equal(p.max_user_connections, 6);
	assert_int_equal(p.max_user_client_connections, 7);
	assert_int_equal(p.query_timeout, 60 * USEC_PER_SEC);
	assert_int_equal(p.idle_transaction_timeout, 70 * USEC_PER_SEC);
	assert_int_equal(p.transaction_timeout, 80 * USEC_PER_SEC);
	assert_int_equal(p.client_idle_timeout, 90 * USEC_PER_SEC);
	assert_int_equal(p.query_wait_timeout, 500 * USEC_PER_SEC);
	built_close(&b);
}

static void
test_policy(void **state)
{
	const struct config_database *db;
	struct pool_config pool;
	struct policy p;
	struct built b;

	(void)state;
	built_text(&b, text);
	db = snapshot_database(b.s, PROTOCOL_POSTGRES, "own");
	snapshot_pool_config(b.s, db, NULL, &pool);
	snapshot_policy(b.s, db, &pool, &p);
	assert_int_equal(p.mode, POOL_SESSION);
	assert_int_equal(p.max_packet_bytes, 1000);
	assert_int_equal(p.scram_iterations, 5000);
	assert_true(p.simple_query_off);
	assert_true(p.add_host);
	assert_true(p.reset_always);
	assert_string_equal(p.reset_query, "DISCARD ALL");
	assert_string_equal(p.check_query, "");
	assert_string_equal(p.connect_query, "select 1");
	assert_string_equal(p.ignore_startup, "x");
	assert_string_equal(p.extra_tracked, "IntervalStyle");
	assert_string_equal(p.client_encoding, "");
	assert_string_equal(p.datestyle, "");
	assert_string_equal(p.timezone, "utc");
	assert_string_equal(p.application_name, "");
	built_close(&b);
}

/* What is done about state: the user's word, the database's, the global one. */
static void
test_state(void **state)
{
	static const char lines[] =
		BASE "on_listen = reset\non_load = reject\npin_notice = 1\n"
		     "on_temp_table = allow\n[databases]\nd = host=h user=u "
		     "on_temp_table=reset on_load=allow\n"
		     "[users]\nu = on_temp_table=reject on_listen=emulate\n";
	struct pool_config pool;
	struct policy p;
	struct built b;

	(void)state;
	built_text(&b, lines);
	snapshot_login_policy(b.s, &p);
	assert_true(p.pin_notice);
	assert_int_equal(p.on_state[STATE_LISTEN], STATE_RESET);
	assert_int_equal(p.on_state[STATE_TEMP_TABLE], STATE_ALLOW);
	snapshot_pool_config(b.s,
			     snapshot_database(b.s, PROTOCOL_POSTGRES, "d"),
			     NULL, &pool);
	snapshot_policy(b.s, snapshot_database(b.s, PROTOCOL_POSTGRES, "d"),
			&pool, &p);
	assert_true(p.pin_notice);
	assert_int_equal(p.on_state[STATE_TEMP_TABLE], STATE_RESET);
	assert_int_equal(p.on_state[STATE_LOAD], STATE_ALLOW);
	assert_int_equal(p.on_state[STATE_LISTEN], STATE_RESET);
	assert_int_equal(p.on_state[STATE_HOLD_CURSOR], STATE_PIN);
	snapshot_pool_config(b.s,
			     snapshot_database(b.s, PROTOCOL_POSTGRES, "d"),
			     snapshot_user(b.s, "u"), &pool);
	snapshot_policy(b.s, snapshot_database(b.s, PROTOCOL_POSTGRES, "d"),
			&pool, &p);
	assert_int_equal(p.on_state[STATE_TEMP_TABLE], STATE_REJECT);
	assert_int_equal(p.on_state[STATE_LOAD], STATE_ALLOW);
	assert_int_equal(p.on_state[STATE_LISTEN], STATE_EMULATE);
	built_close(&b);
	built_text(&b, BASE);
	snapshot_login_policy(b.s, &p);
	assert_false(p.pin_notice);
	assert_int_equal(p.on_state[STATE_UNKNOWN_SET], STATE_PIN);
	assert_int_equal(p.on_state[STATE_ADVISORY_LOCK], STATE_PIN);
	assert_int_equal(p.on_state[STATE_LISTEN], STATE_EMULATE);
	built_close(&b);
}

/* Only LISTEN can be emulated; the error says where it stands. */
static void
test_state_refused(void **state)
{
	static const char what[] =
		"\"emulate\" is not one of pin, reset, reject, allow";
	struct built b;

	(void)state;
	built_text(&b, "[carpool]\nauth_type = trust\non_load = emulate\n"
		       "[databases]\nd = on_temp_table=emulate\n[users]\n"
		       "u = on_hold_cursor=emulate\n");
	assert_null(b.s);
	assert_non_null(report_find(&b.report, 3, what));
	assert_non_null(report_find(&b.report, 5, what));
	assert_non_null(report_find(&b.report, 7, what));
	built_close(&b);
}

static void
test_check_query(void **state)
{
	struct pool_config pool;
	struct policy p;
	struct built b;

	(void)state;
	built_text(&b, BASE "server_check_query = select 1\n");
	snapshot_pool_config(b.s,
			     snapshot_database(b.s, PROTOCOL_POSTGRES, "app"),
			     NULL, &pool);
	snapshot_policy(b.s, snapshot_database(b.s, PROTOCOL_POSTGRES, "app"),
			&pool, &p);
	assert_string_equal(p.check_query, "select 1");
	assert_int_equal(pool.server_check_delay, 30 * USEC_PER_SEC);
	built_close(&b);
	built_text(&b, BASE "server_check_query =\n");
	snapshot_pool_config(b.s,
			     snapshot_database(b.s, PROTOCOL_POSTGRES, "app"),
			     NULL, &pool);
	assert_int_equal(pool.server_check_delay, UNSET_USEC);
	built_close(&b);
}

static void
test_rights(void **state)
{
	static const struct {
		const char *user;
		enum console_right right;
	} users[] = {
		{ "root", CONSOLE_ADMIN },    { "dba", CONSOLE_ADMIN },
		{ "monitor", CONSOLE_STATS }, { "watch", CONSOLE_STATS },
		{ "roo", CONSOLE_NONE },      { "roots", CONSOLE_NONE },
		{ "", CONSOLE_NONE },         { "Root", CONSOLE_NONE },
		{ ",", CONSOLE_NONE },        { "root, dba", CONSOLE_NONE },
	};
	struct built b;
	size_t i;

	(void)state;
	built_text(&b, text);
	for (i = 0; i < COUNT_OF(users); i++)
		assert_int_equal(snapshot_console_right(b.s, users[i].user),
				 users[i].right);
	built_close(&b);
	built_text(&b, BASE "admin_users = *\n");
	assert_int_equal(snapshot_console_right(b.s, "app"), CONSOLE_NONE);
	assert_int_equal(snapshot_console_right(b.s, "*"), CONSOLE_ADMIN);
	built_close(&b);
}

static void
test_setting_text(void **state)
{
	static const struct {
		const char *name;
		const char *text;
	} rows[] = {
		{ "query_wait_timeout", "5" },
		{ "pool_mode", "transaction" },
		{ "auth_type", "any" },
		{ "unix_socket_mode", "0777" },
		{ "disable_pqexec", "1" },
		{ "admin_users", "root, dba" },
		{ "server_check_query", "<empty>" },
		{ "syslog_ident", "pgbouncer" },
	};
	char out[16];
	struct built b;
	size_t i;

	(void)state;
	built_text(&b, text);
	for (i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(
			snapshot_setting_text(b.s, settings_find(rows[i].name),
					      out, sizeof(out)),
			rows[i].text);
	assert_string_equal(snapshot_setting_text(b.s,
						  settings_find("conffile"),
						  out, sizeof(out)),
			    b.source.file);
	built_close(&b);
}

static void
test_references(void **state)
{
	struct snapshot *s;
	struct built b;

	(void)state;
	built_text(&b, BASE);
	s = snapshot_ref(b.s);
	snapshot_set_generation(s, 7);
	built_close(&b);
	assert_int_equal(snapshot_generation(s), 7);
	assert_int_equal(snapshot_settings(s)->listen_port, 6432);
	snapshot_unref(s);
	snapshot_unref(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool_global),
		cmocka_unit_test(test_pool_own),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_state_refused),
		cmocka_unit_test(test_check_query),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_setting_text),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
