/* Entries of [databases] and [peers]. */
#include "built.h"

#include "base/mem.h"

/* Builds with these lines as [databases], the first being line 4. */
static void
build(struct built *b, const char *settings, const char *lines)
{
	struct str text = { 0 };

	built_open(b, NULL);
	str_printf(&text, "[carpool]\nauth_type=plain\n%s\n[databases]\n%s\n",
		   settings, lines);
	b->source.file = scratch_file(&b->scratch, "a.ini", str_text(&text));
	built_build(b);
	str_fini(&text);
}

static const struct {
	const char *line;
	const char *hosts;                    /* "name:port," of each */
	const char *dbname, *user, *password; /* NULL = none */
} good[] = {
	{ "a = host=h", "h:5432,", NULL, NULL, NULL },
	{ "a = host=h port=6000 dbname=d user=u password=p", "h:6000,", "d",
	  "u", "p" },
	{ "a = host=h1,h2,h3 port=6000", "h1:6000,h2:6000,h3:6000,", NULL, NULL,
	  NULL },
	{ "a = host='h1, h2' port=1,2", "h1:1,h2:2,", NULL, NULL, NULL },
	{ "a = host=/run/pg,@abs,::1", "/run/pg:5432,@abs:5432,::1:5432,", NULL,
	  NULL, NULL },
	{ "a = dbname='my db' user=u password='it''s; a secret'",
	  "/var/run/postgresql:5432,", "my db", "u", "it's; a secret" },
	{ "a =", "/var/run/postgresql:5432,", NULL, NULL, NULL },
	{ "a = postgresql://u:p%20w@h:6000/d", "h:6000,", "d", "u", "p w" },
	{ "a = postgresql://u:p%0Aw@h:6000/d", "h:6000,", "d", "u", "p\nw" },
	{ "a = postgres://u:p@h1:1,h2/d?pgbouncer=true", "h1:1,h2:5432,", "d",
	  "u", "p" },
	{ "a = postgresql://u:p@h/d  dbname=e pool_size=3", "h:5432,", "e", "u",
	  "p" },
	{ "* = host=h", "h:5432,", NULL, NULL, NULL },
	{ "\"a b\" = host=h", "h:5432,", NULL, NULL, NULL },
	{ "'my-app' = host=h", "h:5432,", NULL, NULL, NULL },
};

static void
assert_maybe(const char *is, const char *wanted)
{
	if (is == NULL || wanted == NULL)
		assert_ptr_equal(is, wanted);
	else
		assert_string_equal(is, wanted);
}

static void
test_good(void **state)
{
	const struct config_database *db;
	struct str hosts = { 0 };
	struct built b;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(good); i++) {
		build(&b, "", good[i].line);
		assert_non_null(b.s);
		assert_int_equal(b.report.count, 1); /* no user at all */
		assert_int_equal(snapshot_database_count(b.s), 1);
		db = snapshot_database_at(b.s, 0);
		for (n = 0; n < db->host_count; n++)
			str_printf(&hosts, "%s:%u,", db->hosts[n].name,
				   db->hosts[n].port);
		assert_string_equal(str_text(&hosts), good[i].hosts);
		assert_maybe(db->dbname, good[i].dbname);
		assert_maybe(db->user, good[i].user);
		assert_maybe(db->password, good[i].password);
		assert_int_equal(db->line, 5);
		assert_string_equal(db->file, b.source.file);
		built_close(&b);
		str_fini(&hosts);
	}
}

static const struct {
	const char *line;
	const char *words;
} bad[] = {
	{ "a = host=h secret=geheim", "unknown key \"secret\"" },
	{ "a = host", "a word that is no" },
	{ "a = host=", "a key without a value" },
	{ "a = password='geheim", "closing quote" },
	{ "a = host=h port=x", "this is no port: \"x\"" },
	{ "a = host=h port=65536", "this is no port" },
	{ "a = host=h port=0x10", "this is no port" },
	{ "a = host=h port=1,2", "as many ports as hosts" },
	{ "a = host=h1,h2,h3 port=1,2", "as many ports as hosts" },
	{ "a = host=h pool_mode=x", "pool_mode: \"x\" is not one of" },
	{ "a = host=h pool_size=x", "pool_size: \"x\" is not a number" },
	{ "a = host=h pool_size=-2", "pool_size: \"-2\" is negative" },
	{ "a = host=h server_lifetime=x", "is not a time" },
	{ "a = host=h load_balance_hosts=x", "is not one of" },
	{ "a = host=h auth_user=x auth_dbname=y", "auth_dbname \"y\" is no" },
	{ "a = redis://u:geheim@h/d", "none of postgresql://" },
	{ "a = mysql://u:geheim@h/d", "other section's protocol" },
	{ "a = postgresql://u:geheim@h/d?sslmode=nonsense", "sslmode" },
	{ "a = postgresql://u:geheim@h/d?sslmode=verify-full",
	  "nobody is named who vouches" },
	{ "a = postgresql://u:geheim@h/d?sslmode=require&sslrootcert=/none",
	  "authorities \"/none\"" },
	{ "a = host=h sslnegotiation=direct sslmode=prefer",
	  "sslnegotiation=direct needs" },
	{ "pgbouncer = host=h", "reserved" },
	{ "carpool = host=h", "reserved" },
	{ "a123456789b123456789c123456789d123456789e123456789f123456789g123 "
	  "= host=h",
	  "longer than 63" },
	{ "a = host=/a123456789b123456789c123456789d123456789e123456789f1234567"
	  "89g123456789h123456789i123456789j123456789",
	  "too long for a unix socket" },
	{ "\"a\tb\" = host=h", "control character" },
	{ "a = postgresql://u%0Av:geheim@h/d", "has a line break" },
};

static void
test_bad(void **state)
{
	const struct config_problem *p;
	struct built b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		build(&b, "", bad[i].line);
		p = report_find(&b.report, 5, bad[i].words);
		if (b.s != NULL || p == NULL) {
			report_show(&b.report);
			fail_msg("%s", bad[i].line);
		}
		assert_int_equal(b.report.errors, 1);
		assert_null(report_find(&b.report, 5, "geheim"));
		built_close(&b);
	}
}

static const struct {
	const char *lines;
	const char *words;
	unsigned line;
} warned[] = {
	{ "a = host=h password=x", "no effect without a user", 5 },
	{ "a = host=h host=i", "host is given twice", 5 },
	{ "a = host=h\na = host=i", "database \"a\" is given twice", 6 },
	{ "a = host=h pool_size=2 min_pool_size=3",
	  "min_pool_size 3 is above pool_size 2", 5 },
	{ "a = host=h\n[peers]\n1 = host=p port=6433 pool_size=3",
	  "[peers] has no effect", 7 },
	{ "", "no database is configured", 0 },
};

static void
test_warned(void **state)
{
	const struct config_problem *p;
	struct built b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(warned); i++) {
		build(&b, "", warned[i].lines);
		p = report_find(&b.report, warned[i].line, warned[i].words);
		if (b.s == NULL || p == NULL) {
			report_show(&b.report);
			fail_msg("%s", warned[i].lines);
		}
		assert_int_equal(b.report.count, 2);
		built_close(&b);
	}
}

static void
test_values(void **state)
{
	const struct config_database *db;
	struct built b;

	(void)state;
	build(&b, "default_pool_size=7",
	      "a = pool_mode=transaction pool_size=5 min_pool_size=1 "
	      "reserve_pool=2 max_db_connections=9 max_db_client_connections=8 "
	      "server_lifetime=1.5 query_wait_timeout=0 connect_query='select "
	      "1' "
	      "client_encoding=utf8 datestyle=iso timezone=utc "
	      "application_name=x load_balance_hosts=disable\n"
	      "b = pool_size=-1 min_pool_size=-1 server_lifetime=0 "
	      "max_db_connections=0 query_wait_timeout=-1\n"
	      "c = pool_size=0");
	assert_non_null(b.s);
	db = snapshot_database(b.s, PROTOCOL_POSTGRES, "a");
	assert_true(db->has_mode);
	assert_int_equal(db->mode, POOL_TRANSACTION);
	assert_int_equal(db->pool_size, 5);
	assert_int_equal(db->min_pool_size, 1);
	assert_int_equal(db->reserve_pool_size, 2);
	assert_int_equal(db->max_connections, 9);
	assert_int_equal(db->max_client_connections, 8);
	assert_int_equal(db->server_lifetime, 1500000);
	assert_int_equal(db->query_wait_timeout, 0);
	assert_string_equal(db->connect_query, "select 1");
	assert_string_equal(db->client_encoding, "utf8");
	assert_string_equal(db->datestyle, "iso");
	assert_string_equal(db->timezone, "utc");
	assert_string_equal(db->application_name, "x");
	assert_int_equal(db->balance, LOAD_BALANCE_DISABLE);
	db = snapshot_database(b.s, PROTOCOL_POSTGRES, "b");
	assert_false(db->has_mode);
	assert_int_equal(db->mode, POOL_SESSION);
	assert_int_equal(db->pool_size, 7);
	assert_int_equal(db->min_pool_size, 0);
	assert_int_equal(db->server_lifetime, 3600 * USEC_PER_SEC);
	assert_int_equal(db->query_wait_timeout, 120 * USEC_PER_SEC);
	assert_int_equal(db->max_connections, 0);
	assert_int_equal(db->balance, LOAD_BALANCE_ROUND_ROBIN);
	assert_string_equal(db->connect_query, "");
	assert_int_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "c")->pool_size, 0);
	assert_null(snapshot_database(b.s, PROTOCOL_POSTGRES, "d"));
	built_close(&b);
}

/* Both sections may have a name; each protocol sees its own. */
static void
test_mysql(void **state)
{
	const struct config_database *db;
	struct built b;

	(void)state;
	build(&b, "",
	      "a = host=pg\n"
	      "[mysql_databases]\n"
	      "a = host=my dbname=x\n"
	      "b = mysql://u:p@h/d?charset=utf8mb4 pool_size=3\n"
	      "c = ssl-mode=PREFERRED\n"
	      "* = host=h port=3307");
	assert_non_null(b.s);
	db = snapshot_database(b.s, PROTOCOL_POSTGRES, "a");
	assert_string_equal(db->hosts[0].name, "pg");
	assert_int_equal(db->hosts[0].port, 5432);
	assert_null(snapshot_database(b.s, PROTOCOL_POSTGRES, "b"));
	db = snapshot_database(b.s, PROTOCOL_MYSQL, "a");
	assert_int_equal(db->protocol, PROTOCOL_MYSQL);
	assert_string_equal(db->hosts[0].name, "my");
	assert_int_equal(db->hosts[0].port, 3306);
	db = snapshot_database(b.s, PROTOCOL_MYSQL, "b");
	assert_string_equal(db->user, "u");
	assert_string_equal(db->dbname, "d");
	assert_int_equal(db->pool_size, 3);
	db = snapshot_database(b.s, PROTOCOL_MYSQL, "c");
	assert_string_equal(db->hosts[0].name, "/run/mysqld/mysqld.sock");
	assert_int_equal(
		snapshot_database(b.s, PROTOCOL_MYSQL, "z")->hosts[0].port,
		3307);
	assert_string_equal(snapshot_any_database(b.s, "a")->hosts[0].name,
			    "pg");
	assert_string_equal(snapshot_any_database(b.s, "b")->name, "b");
	assert_true(snapshot_has_protocol(b.s, PROTOCOL_MYSQL));
	built_close(&b);
}

static const char *const bad_mysql[] = {
	"ssl-mode=NONSENSE",    "ssl_mode=VERIFY_CA", "on_listen=pin",
	"client_encoding=utf8", "sslaccept=strict",
};

static void
test_bad_mysql(void **state)
{
	char lines[100];
	struct built b;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad_mysql); i++) {
		text_format(lines, sizeof(lines), "[mysql_databases]\na = %s",
			    bad_mysql[i]);
		build(&b, "", lines);
		assert_null(b.s);
		built_close(&b);
	}
}

/* An entry without host is on the socket that carpool itself would use. */
static void
test_socket_dir(void **state)
{
	struct built b;

	(void)state;
	build(&b, "unix_socket_dir=/run/x", "a = dbname=d");
	assert_string_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "a")->hosts[0].name,
		"/run/x");
	built_close(&b);
	build(&b, "unix_socket_dir=\nlisten_addr=*", "a = dbname=d");
	assert_null(b.s);
	assert_non_null(report_find(&b.report, 6, "neither a host nor"));
	built_close(&b);
}

static void
test_fallback(void **state)
{
	struct built b;

	(void)state;
	build(&b, "", "* = host=any\nb = host=b");
	assert_string_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "b")->hosts[0].name,
		"b");
	assert_string_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "zzz")->hosts[0].name,
		"any");
	assert_string_equal(snapshot_database(b.s, PROTOCOL_POSTGRES, "")->name,
			    "*");
	assert_string_equal(snapshot_database_at(b.s, 1)->name, "b");
	built_close(&b);
}

static void
test_twice(void **state)
{
	struct built b;

	(void)state;
	build(&b, "", "a = host=h user=u pool_size=3\nb = host=b\na = host=i");
	assert_int_equal(snapshot_database_count(b.s), 2);
	assert_string_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "a")->hosts[0].name,
		"i");
	assert_null(snapshot_database(b.s, PROTOCOL_POSTGRES, "a")->user);
	assert_int_equal(
		snapshot_database(b.s, PROTOCOL_POSTGRES, "a")->pool_size, 20);
	built_close(&b);
}

static void
test_many(void **state)
{
	struct str lines = { 0 };
	struct built b;
	char name[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 5000; i++)
		str_printf(&lines, "db%u = host=h%u\n", i, i);
	build(&b, "", str_text(&lines));
	assert_int_equal(snapshot_database_count(b.s), 5000);
	for (i = 0; i < 5000; i++) {
		text_format(name, sizeof(name), "db%u", i);
		assert_string_equal(
			snapshot_database(b.s, PROTOCOL_POSTGRES, name)
					->hosts[0]
					.name +
				1,
			name + 2);
	}
	built_close(&b);
	str_fini(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_warned),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_mysql),
		cmocka_unit_test(test_bad_mysql),
		cmocka_unit_test(test_socket_dir),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
