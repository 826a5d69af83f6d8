/* Whole configurations: who wins, what is refused, what is said. */
#include "built.h"

#include "base/mem.h"

#define DATA "test/unit/config/data/"

static void
test_defaults(void **state)
{
	const struct settings *set;
	struct built b;

	(void)state;
	built_text(&b, BASE);
	assert_int_equal(b.report.count, 0);
	assert_non_null(b.s);
	set = snapshot_settings(b.s);
	assert_int_equal(set->listen_port, 6432);
	assert_int_equal(set->pool_mode, POOL_SESSION);
	assert_int_equal(set->default_pool_size, 20);
	assert_int_equal(set->unix_socket_mode, 0777);
	assert_int_equal(set->server_lifetime, 3600 * USEC_PER_SEC);
	assert_int_equal(set->shutdown_timeout, 30 * USEC_PER_SEC);
	assert_int_equal(set->auth_type, AUTH_ANY);
	assert_string_equal(set->server_reset_query, "DISCARD ALL");
	assert_string_equal(set->logfile, "");
	assert_string_equal(set->unix_socket_dir, "/tmp");
	built_close(&b);
}

/* flag > environment > file > default */
static void
test_precedence(void **state)
{
	static char one[] = "CARPOOL_DEFAULT_POOL_SIZE=31";
	static char two[] = "CARPOOL_LISTEN_PORT=6433";
	static char lower[] = "CARPOOL_pool_mode=statement";
	char *environment[] = { one, two, lower, NULL };
	const char *overrides[] = { "listen_port=6434", "verbose=2" };
	struct built b;

	(void)state;
	built_open(&b, BASE "default_pool_size = 30\nmin_pool_size = 3\n");
	built_build(&b);
	assert_int_equal(snapshot_settings(b.s)->default_pool_size, 30);
	b.source.environment = environment;
	built_build(&b);
	assert_int_equal(snapshot_settings(b.s)->default_pool_size, 31);
	assert_int_equal(snapshot_settings(b.s)->listen_port, 6433);
	assert_int_equal(snapshot_settings(b.s)->min_pool_size, 3);
	assert_int_equal(snapshot_settings(b.s)->pool_mode, POOL_STATEMENT);
	b.source.overrides = overrides;
	b.source.override_count = 2;
	built_build(&b);
	assert_int_equal(snapshot_settings(b.s)->listen_port, 6434);
	assert_int_equal(snapshot_settings(b.s)->verbose, 2);
	assert_int_equal(b.report.count, 0);
	built_close(&b);
}

static void
test_environment_errors(void **state)
{
	static char one[] = "CARPOOL_LISTEN_PORT=many";
	static char two[] = "CARPOOL_LISTENPORT=6433";
	static char kube[] = "CARPOOL_PORT_6432_TCP=tcp://10.0.0.1:6432";
	static char service[] = "CARPOOL_SERVICE_HOST=10.0.0.1";
	static char line[] = "CARPOOL_LOGFILE=a\nb";
	static char hba[] = "CARPOOL_AUTH_TYPE=ldap";
	char *environment[] = { one, two, kube, service, line, hba, NULL };
	const char *overrides[] = { "pool_size=6434" };
	struct built b;

	(void)state;
	built_open(&b, BASE);
	b.source.environment = environment;
	b.source.overrides = overrides;
	b.source.override_count = 1;
	built_build(&b);
	assert_null(b.s);
	assert_non_null(report_find(
		&b.report, 0,
		"environment variable CARPOOL_LISTEN_PORT: \"many\" is not"));
	assert_non_null(report_find(&b.report, 0, "CARPOOL_LISTENPORT names"));
	assert_non_null(report_find(&b.report, 0, "LOGFILE: \"a\nb\" has a"));
	assert_non_null(
		report_find(&b.report, 0, "auth_type = ldap is refused"));
	assert_non_null(report_find(&b.report, 0,
				    "option unknown setting \"pool_size\""));
	assert_int_equal(b.report.errors, 4);
	built_close(&b);
}

static const struct {
	const char *line; /* after BASE, hence line 6 */
	const char *words;
} refused[] = {
	{ "auth_type = hba", "auth_type hba needs auth_hba_file" },
	{ "auth_type = cert", "auth_type cert needs client_tls_sslmode" },
	{ "auth_type = pam", "refused" },
	{ "auth_type = ldap", "refused" },
	{ "client_tls_sslmode = allow", "needs client_tls_cert_file" },
	{ "client_tls_sslmode = prefer", "needs client_tls_cert_file" },
	{ "client_tls_sslmode = require", "needs client_tls_cert_file" },
	{ "client_tls_sslmode = verify-ca", "needs client_tls_cert_file" },
	{ "client_tls_sslmode = verify-full", "needs client_tls_cert_file" },
	{ "server_tls_sslmode = verify-ca", "nobody is named who vouches" },
	{ "server_tls_sslmode = verify-full", "nobody is named who vouches" },
	{ "auth_type = none", "is not one of any, trust" },
	{ "server_tls_sslmode = on", "is not one of disable" },
	{ "listen_port = 0", "listen_port: \"0\" is below 1" },
	{ "listen_port = 70000", "is above 65535" },
	{ "max_client_conn = 0", "is below 1" },
	{ "default_pool_size = -1", "is negative" },
	{ "query_timeout = soon", "is not a time" },
	{ "pool_size = 5", "unknown setting \"pool_size\"" },
	{ "nonsense = 5", "unknown setting \"nonsense\"" },
	{ "unix_socket_dir = /"
	  "0123456789012345678901234567890123456789012345678901234567890123456"
	  "789012345678901234567890123456789",
	  "too long for a unix socket" },
	{ "track_extra_parameters = a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
	  "names more than 16" },
};

static void
test_refused(void **state)
{
	const struct config_problem *p;
	struct str text = { 0 };
	struct built b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(refused); i++) {
		str_printf(&text, BASE "%s\n", refused[i].line);
		built_text(&b, str_text(&text));
		p = report_find(&b.report, 6, refused[i].words);
		if (b.s != NULL || p == NULL) {
			report_show(&b.report);
			fail_msg("%s", refused[i].line);
		} else {
			assert_int_equal(b.report.errors, 1);
			assert_string_equal(p->file, b.source.file);
		}
		built_close(&b);
		str_fini(&text);
	}
}

static const struct {
	const char *line;
	const char *words; /* NULL: no word about it */
} accepted[] = {
	{ "syslog = 1", "syslog has no effect" },
	{ "syslog = 0", NULL },
	{ "syslog_ident = x", "syslog_ident has no effect" },
	{ "peer_id = 5", "peer_id has no effect" },
	{ "auth_user = pooler", NULL },
	{ "auth_dbname = x", NULL },
	{ "auth_query = SELECT 1", NULL },
	{ "auth_ident_file = x", NULL },
	{ "auth_hba_file = x", NULL },
	{ "auth_ldap_options = ldapbindpasswd=x", "auth_ldap_options has no" },
	{ "resolv_conf = x", NULL },
	{ "dns_zone_check_period = 5", NULL },
	{ "suspend_timeout = 5", "suspend_timeout has no effect" },
	{ "max_prepared_statements = 100", NULL },
	{ "max_prepared_statements = 200", NULL },
	{ "client_tls_sslmode = disable", NULL },
	{ "client_tls_key_file = x", NULL },
	{ "server_tls_sslmode = disable", NULL },
	{ "server_tls_sslmode = allow", NULL },
	{ "server_tls_sslmode = prefer", NULL },
	{ "server_tls_sslmode = require", NULL },
	{ "auth_query = SELECT rolname, CASE WHEN rolvaliduntil < now() THEN "
	  "NULL ELSE rolpassword END FROM pg_authid WHERE rolname=$1 AND "
	  "rolcanlogin",
	  NULL },
	{ "auth_hba_file =", NULL },
	{ "job_name = x", NULL },
	{ "service_name = x", NULL },
	{ "query_wait_timeout = 1.5", NULL },
	{ "log_connections = yes", NULL },
	{ "LISTEN_PORT = 5", NULL },
	{ "listen_addr = *", "listen_addr is given twice" },
	{ "min_pool_size = 30", "min_pool_size 30 is above" },
	{ "admin_users = *", "\"*\" is a user of that name" },
};

static void
test_accepted(void **state)
{
	const struct config_problem *p;
	struct str text = { 0 };
	struct built b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(accepted); i++) {
		str_printf(&text, BASE "%s\n", accepted[i].line);
		built_text(&b, str_text(&text));
		if (b.report.count != (accepted[i].words != NULL ? 1 : 0))
			report_show(&b.report);
		assert_non_null(b.s);
		assert_int_equal(b.report.count,
				 accepted[i].words != NULL ? 1 : 0);
		p = accepted[i].words != NULL
			    ? report_find(&b.report, 6, accepted[i].words)
			    : NULL;
		assert_true((p != NULL) == (accepted[i].words != NULL));
		if (p != NULL) {
			assert_int_equal(p->kind, PROBLEM_WARNING);
			assert_string_equal(p->file, b.source.file);
		}
		built_close(&b);
		str_fini(&text);
	}
}

/* A refused value that a stronger word replaces does no harm. */
static void
test_overruled(void **state)
{
	static char any[] = "CARPOOL_AUTH_TYPE=any";
	char *environment[] = { any, NULL };
	struct built b;

	(void)state;
	built_open(&b, "[databases]\na = user=u\n[carpool]\nauth_type = hba\n");
	built_build(&b);
	assert_null(b.s);
	b.source.environment = environment;
	built_build(&b);
	assert_non_null(b.s);
	built_close(&b);
}

/* One run shows everything that is wrong. */
static void
test_all_errors(void **state)
{
	struct built b;

	(void)state;
	built_text(&b, "[carpool]\n"
		       "listen_port = x\n"
		       "word\n"
		       "auth_file = /nonexistent/users\n"
		       "listen_addr =\n"
		       "unix_socket_dir =\n"
		       "[databases]\n"
		       "a = host=h port=0\n"
		       "pgbouncer = host=h\n"
		       "b = hosst=h\n"
		       "[users]\n"
		       "u = pool_mode=x\n"
		       "[peers]\n"
		       "x = host=h\n"
		       "[nowhere]\n");
	assert_null(b.s);
	assert_non_null(report_find(&b.report, 2, "is not a number"));
	assert_non_null(report_find(&b.report, 3, "neither a comment"));
	assert_non_null(report_find(&b.report, 4, "No such file"));
	assert_non_null(report_find(&b.report, 5, "nowhere to listen"));
	assert_non_null(report_find(&b.report, 8, "no port: \"0\""));
	assert_non_null(report_find(&b.report, 9, "reserved"));
	assert_non_null(report_find(&b.report, 10, "unknown key \"hosst\""));
	assert_non_null(report_find(&b.report, 12, "is not one of"));
	assert_non_null(report_find(&b.report, 14, "no number from 1"));
	assert_non_null(report_find(&b.report, 15, "unknown section"));
	/* without its mistyped host, b has none */
	assert_non_null(report_find(&b.report, 10, "neither a host nor"));
	assert_int_equal(b.report.errors, 11);
	built_close(&b);
}

/* Where one listens the other would not, and its clients wait for nothing. */
static void
test_two_protocols_on_one_port(void **state)
{
	static const struct {
		const char *text;
		bool is_right;
	} cases[] = {
		{ BASE "listen_port = 7000\nmysql_listen_port = 7000\n"
		       "[mysql_databases]\nm = host=h\n",
		  false },
		{ BASE "listen_port = 6033\n[mysql_databases]\nm = host=h\n",
		  false },
		{ BASE "listen_port = 7000\nmysql_listen_port = 7001\n"
		       "[mysql_databases]\nm = host=h\n",
		  true },
		/* without its entries MySQL has no port */
		{ BASE "listen_port = 7000\nmysql_listen_port = 7000\n", true },
		/* and files are named for their protocol */
		{ BASE "listen_addr =\nunix_socket_dir = /tmp\n"
		       "listen_port = 7000\nmysql_listen_port = 7000\n"
		       "[mysql_databases]\nm = host=h\n",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct built b;

		built_text(&b, cases[i].text);
		assert_int_equal(b.s != NULL, cases[i].is_right);
		if (!cases[i].is_right)
			assert_string_equal(
				b.report.problems[0].text,
				i == 0 ? "listen_port and mysql_listen_port "
					 "are both 7000"
				       : "listen_port and mysql_listen_port "
					 "are both 6033");
		built_close(&b);
	}
}

static void
test_lists(void **state)
{
	struct built b;

	(void)state;
	built_text(&b, BASE "admin_users = a  b,c , d\n"
			    "stats_users = x, y\n"
			    "ignore_startup_parameters = e f\n");
	assert_string_equal(snapshot_settings(b.s)->admin_users, "a,b,c,d");
	assert_string_equal(snapshot_settings(b.s)->stats_users, "x, y");
	assert_string_equal(snapshot_settings(b.s)->ignore_startup_parameters,
			    "e,f");
	built_close(&b);
}

static void
test_stock(void **state)
{
	struct built b;
	size_t i;

	(void)state;
	built_open(&b, NULL);
	b.source.file = DATA "pgbouncer-stock.ini";
	built_build(&b);
	for (i = 0; i < b.report.count; i++)
		if (strstr(b.report.problems[i].text,
			   "service_name is given") == NULL &&
		    strstr(b.report.problems[i].text, "auth_file is not") ==
			    NULL)
			fail_msg("%s", b.report.problems[i].text);
	assert_non_null(b.s);
	assert_int_equal(snapshot_database_count(b.s), 6);
	assert_int_equal(snapshot_user_count(b.s), 2);
	for (i = 0; i < settings_count; i++) {
		const struct setting *row = &settings_table[i];
		char out[64];

		if (strcmp(row->name, "conffile") != 0)
			assert_string_equal(snapshot_setting_text(b.s, row, out,
								  sizeof(out)),
					    row->def);
	}
	built_close(&b);
}

/* What is shipped must work as it is, but for the path of auth_file. */
static void
test_example(void **state)
{
	const char *overrides[1];
	char option[160];
	struct built b;

	(void)state;
	built_open(&b, NULL);
	text_format(option, sizeof(option), "auth_file=%s",
		    scratch_file(&b.scratch, "userlist.txt",
				 "\"app\" \"secret\"\n"));
	overrides[0] = option;
	b.source.file = "etc/carpool.ini";
	b.source.overrides = overrides;
	b.source.override_count = 1;
	built_build(&b);
	report_show(&b.report);
	assert_int_equal(b.report.count, 0);
	assert_int_equal(snapshot_settings(b.s)->pool_mode, POOL_TRANSACTION);
	assert_int_equal(snapshot_settings(b.s)->auth_type, AUTH_SCRAM);
	built_close(&b);
}

static void
test_url_mode(void **state)
{
	static char port[] = "CARPOOL_LISTEN_PORT=7000";
	static char mode[] = "CARPOOL_POOL_MODE=session";
	char *environment[] = { port, mode, NULL };
	const struct config_database *db;
	const struct settings *set;
	struct built b;

	(void)state;
	built_open(&b, NULL);
	b.source.url = "postgresql://app:s%20ecret@db:5433/shop?pgbouncer=true";
	built_build(&b);
	report_show(&b.report);
	assert_int_equal(b.report.count, 0);
	set = snapshot_settings(b.s);
	assert_string_equal(set->listen_addr, "127.0.0.1");
	assert_string_equal(set->unix_socket_dir, "");
	assert_int_equal(set->listen_port, 6432);
	assert_int_equal(set->pool_mode, POOL_TRANSACTION);
	assert_int_equal(set->auth_type, AUTH_SCRAM);
	assert_string_equal(snapshot_user(b.s, "app")->secret, "s ecret");
	assert_null(snapshot_user(b.s, "other"));
	db = snapshot_database(b.s, PROTOCOL_POSTGRES, "shop");
	assert_string_equal(db->dbname, "shop");
	assert_string_equal(db->hosts[0].name, "db");
	assert_int_equal(db->hosts[0].port, 5433);
	assert_string_equal(db->user, "app");
	assert_string_equal(db->password, "s ecret");
	assert_int_equal(db->mode, POOL_TRANSACTION);
	db = snapshot_database(b.s, PROTOCOL_POSTGRES, "another");
	assert_string_equal(db->name, "*");
	assert_null(db->dbname);
	assert_string_equal(db->user, "app");
	assert_int_equal(snapshot_console_right(b.s, "app"), CONSOLE_ADMIN);
	b.source.environment = environment;
	built_build(&b);
	assert_int_equal(snapshot_settings(b.s)->listen_port, 7000);
	assert_int_equal(snapshot_settings(b.s)->pool_mode, POOL_SESSION);
	assert_int_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "shop")->mode,
		POOL_SESSION);
	built_close(&b);
}

static void
test_url_mode_errors(void **state)
{
	static const struct {
		const char *url;
		const char *words;
	} cases[] = {
		{ "redis://u:p@h/d", "none of postgresql://" },
		{ "postgresql://h/d", "names no user" },
		{ "postgresql://u@h/d", "has no password" },
		{ "postgresql://u:p@h/d?sslmode=verify-full",
		  "nobody is named who vouches" },
		{ "postgresql://u:p@h/pgbouncer", "reserved" },
		{ "postgresql://u:p@h:0/d", "no port: \"0\"" },
	};
	static char trust[] = "CARPOOL_AUTH_TYPE=trust";
	char *environment[] = { trust, NULL };
	struct built b;
	size_t i;

	(void)state;
	built_open(&b, NULL);
	for (i = 0; i < COUNT_OF(cases); i++) {
		b.source.url = cases[i].url;
		built_build(&b);
		assert_null(b.s);
		assert_non_null(report_find(&b.report, 0, cases[i].words));
	}
	/* the database of the user's name, without a password to ask for */
	b.source.url = "postgresql://u@h";
	b.source.environment = environment;
	built_build(&b);
	assert_non_null(b.s);
	assert_string_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "u")->name, "u");
	b.source.url = NULL;
	built_build(&b);
	assert_null(b.s);
	assert_non_null(report_find(&b.report, 0, "neither a configuration"));
	built_close(&b);
}

static void
test_include_place(void **state)
{
	struct str text = { 0 };
	struct built b;
	const char *inner;

	(void)state;
	built_open(&b, NULL);
	inner = scratch_file(&b.scratch, "inner.ini",
			     "default_pool_size = 5\nlisten_port = x\n");
	str_printf(&text, BASE "%%include %s\n", inner);
	b.source.file = scratch_file(&b.scratch, "a.ini", str_text(&text));
	built_build(&b);
	assert_null(b.s);
	assert_int_equal(b.report.errors, 1);
	assert_true(report_is_about(&b.report, inner, 2, "is not a number"));
	built_close(&b);
	str_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_environment_errors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_overruled),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_two_protocols_on_one_port),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_stock),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_url_mode),
		cmocka_unit_test(test_url_mode_errors),
		cmocka_unit_test(test_include_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
