/* URLs as clients, ORMs and hosting services write them. */
#include "scratch.h"

#include "base/mem.h"
#include "config/url.h"

struct parsed {
	struct pile pile;
	struct config_report report;
	struct url url;
	bool is_good;
};

static void
parse(struct parsed *p, const char *text)
{
	*p = (struct parsed){ 0 };
	p->is_good = url_parse(text, &p->pile,
			       (struct place){ .file = "f", .line = 7 },
			       &p->report, &p->url);
}

static void
parsed_fini(struct parsed *p)
{
	pile_fini(&p->pile);
	config_report_fini(&p->report);
}

static const struct {
	const char *text;
	const char *host, *port, *dbname, *user, *password;
} good[] = {
	{ "postgresql://u:p@h:5433/d", "h", "5433", "d", "u", "p" },
	{ "postgres://u:p@h/d", "h", "", "d", "u", "p" },
	{ "postgresql://", "", "", "", "", "" },
	{ "postgresql:///d", "", "", "d", "", "" },
	{ "postgresql://u@/d", "", "", "d", "u", "" },
	{ "postgresql://u:p%40%2F%3A%25@h/d%20x", "h", "", "d x", "u",
	  "p@/:%" },
	{ "postgresql://u:p?q@h/d", "h", "", "d", "u", "p?q" },
	{ "postgresql://u:p@a:1,b:2,c/d", "a,b,c", "1,2,", "d", "u", "p" },
	{ "postgresql://u:p@[::1]:5433/d", "::1", "5433", "d", "u", "p" },
	{ "postgresql://%2Fvar%2Frun/d", "/var/run", "", "d", "", "" },
	{ "postgresql:///d?host=/var/run&port=6000&user=u&password=p",
	  "/var/run", "6000", "d", "u", "p" },
	{ "postgresql://name/d?hostaddr=10.0.0.1", "10.0.0.1", "", "d", "",
	  "" },
	{ "postgresql://h/d?sslmode=disable&gssencmode=prefer", "h", "", "d",
	  "", "" },
	{ "postgresql://h/d?sslmode=prefer&channel_binding=prefer", "h", "",
	  "d", "", "" },
	{ "mysql://u:p%40@h:3307/d?charset=utf8mb4&connection_limit=5", "h",
	  "3307", "d", "u", "p@" },
	{ "mariadb://u@localhost/d?socket=/run/m.sock", "/run/m.sock", "", "d",
	  "u", "" },
	{ "mysql://u@h/d?ssl-mode=PREFERRED&sslMode=DISABLED", "h", "", "d",
	  "u", "" },
	/* of other tools */
	{ "postgresql://u:p@h/d?pgbouncer=true&connection_limit=1"
	  "&pool_timeout=0&schema=public",
	  "h", "", "d", "u", "p" },
	{ "postgresql://h/d?statement_cache_size=0&prepared_statements=false"
	  "&supa=base-pooler.x&",
	  "h", "", "d", "", "" },
	{ "postgresql://h/d?sslaccept=accept_invalid_certs&ssl=false", "h", "",
	  "d", "", "" },
};

static void
test_good(void **state)
{
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(good); i++) {
		parse(&p, good[i].text);
		report_show(&p.report);
		assert_true(p.is_good);
		assert_int_equal(p.report.count, 0);
		assert_string_equal(p.url.host, good[i].host);
		assert_string_equal(p.url.port, good[i].port);
		assert_string_equal(p.url.dbname, good[i].dbname);
		assert_string_equal(p.url.user, good[i].user);
		assert_string_equal(p.url.password, good[i].password);
		parsed_fini(&p);
	}
}

static void
test_extras(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "postgresql://h/d?application_name=a%20b&client_encoding=utf8"
		  "&fallback_application_name=c&load_balance_hosts=disable");
	assert_true(p.is_good);
	assert_string_equal(p.url.application_name, "a b");
	assert_string_equal(p.url.client_encoding, "utf8");
	assert_int_equal(p.url.balance, LOAD_BALANCE_DISABLE);
	parsed_fini(&p);
	parse(&p, "postgresql://h/d?fallback_application_name=c"
		  "&client_encoding=auto&load_balance_hosts=random");
	assert_string_equal(p.url.application_name, "c");
	assert_string_equal(p.url.client_encoding, "");
	assert_int_equal(p.url.balance, LOAD_BALANCE_ROUND_ROBIN);
	parsed_fini(&p);
}

/* In the words of the entries' own keys. */
static void
test_ssl(void **state)
{
	static const struct {
		const char *text, *mode, *ca, *cert, *negotiation;
	} urls[] = {
		{ "postgresql://h/d", "", "", "", "" },
		{ "postgresql://h/d?sslmode=require", "require", "", "", "" },
		{ "postgresql://h/d?SSLMODE=verify-full&sslrootcert=/a%20b",
		  "verify-full", "/a b", "", "" },
		{ "postgresql://h/d?sslmode=no-verify&sslcert=c", "require", "",
		  "c", "" },
		{ "postgresql://h/d?ssl=true", "require", "", "", "" },
		{ "postgresql://h/d?ssl=false", "", "", "", "" },
		{ "postgresql://h/d?sslaccept=strict", "verify-full", "system",
		  "", "" },
		{ "postgresql://h/d?sslmode=require&sslaccept=strict"
		  "&sslrootcert=x",
		  "verify-full", "x", "", "" },
		{ "postgresql://h/d?sslrootcert=system", "verify-full",
		  "system", "", "" },
		{ "postgresql://h/d?sslmode=require&sslnegotiation=direct",
		  "require", "", "", "direct" },
		{ "mysql://h/d?ssl-mode=REQUIRED&ssl-cert=c", "REQUIRED", "",
		  "c", "" },
		{ "mysql://h/d?sslMode=VERIFY_CA&ssl-ca=x", "VERIFY_CA", "x",
		  "", "" },
		{ "mysql://h/d?sslaccept=strict", "verify_identity", "system",
		  "", "" },
		{ "mysql://h/d?tls=skip-verify", "required", "", "", "" },
		{ "mysql://h/d?useSSL=true&sslca=x", "required", "x", "", "" },
		{ "mysql://h/d?tls=preferred", "", "", "", "" },
	};
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		parse(&p, urls[i].text);
		if (!p.is_good)
			fail_msg("%s", urls[i].text);
		assert_string_equal(p.url.ssl_mode, urls[i].mode);
		assert_string_equal(p.url.ssl_ca, urls[i].ca);
		assert_string_equal(p.url.ssl_cert, urls[i].cert);
		assert_string_equal(p.url.ssl_negotiation, urls[i].negotiation);
		parsed_fini(&p);
	}
	parse(&p, "postgresql://h/d?channel_binding=require");
	assert_true(p.is_good);
	assert_string_equal(p.url.channel_binding, "require");
	parsed_fini(&p);
}

static const struct {
	const char *text;
	const char *words;
} bad[] = {
	{ "postgresql://u:geheim@h/d?sslnegotiation=x", "refused" },
	{ "mysql://u:geheim@h/d?ssl=%7B%7D", "refused" },
	{ "redis://u:geheim@h/d", "none of postgresql://" },
	{ "mysql://u:geheim@h/d?target_session_attrs=any", "unknown" },
	{ "postgresql:/u:geheim@h/d", "none of postgresql://" },
	{ "postgresql://u:geheim@[::1/d", "not of the form" },
	{ "postgresql://u:geheim%zz@h/d", "not of the form" },
	{ "postgresql://u:geheim@h/d?x=1", "unknown parameter \"x\"" },
	{ "postgresql://u:geheim@h/d?sslmode", "a parameter without '='" },
	{ "postgresql://u:geheim@h/d?gssencmode=require", "refused" },
	{ "postgresql://u:geheim@h/d?require_auth=scram-sha-256", "refused" },
	{ "postgresql://u:geheim@h/d?requirepeer=postgres", "refused" },
	{ "postgresql://u:geheim@h/d?options=-c%20a%3Db", "refused" },
	{ "postgresql://u:geheim@h/d?target_session_attrs=read-write",
	  "refused" },
	{ "postgresql://u:geheim@h/d?service=x", "refused" },
	{ "postgresql://u:geheim@h/d?replication=database", "refused" },
};

/* No message may repeat the password. */
static void
test_bad(void **state)
{
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		parse(&p, bad[i].text);
		if (p.is_good ||
		    report_find(&p.report, 7, bad[i].words) == NULL)
			fail_msg("%s", bad[i].text);
		assert_int_equal(p.report.errors, 1);
		assert_null(report_find(&p.report, 7, "geheim"));
		parsed_fini(&p);
	}
}

static void
test_warned(void **state)
{
	static const char *const texts[] = {
		"postgresql://h/d?connect_timeout=10",
		"postgresql://h/d?sslpassword=x",
		"postgresql://h/d?sslcrl=a.pem",
		"postgresql://h/d?keepalives_idle=10",
	};
	struct parsed p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(texts); i++) {
		parse(&p, texts[i]);
		assert_true(p.is_good);
		assert_int_equal(p.report.count, 1);
		assert_non_null(report_find(&p.report, 7, "has no effect"));
		parsed_fini(&p);
	}
}

static void
test_is_one(void **state)
{
	(void)state;
	assert_true(url_is_one("postgresql://h"));
	assert_true(url_is_one("mysql://h"));
	assert_false(url_is_one("host=h"));
	assert_false(url_is_one("password=a://b"));
	assert_false(url_is_one(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_extras),
		cmocka_unit_test(test_ssl),    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_warned), cmocka_unit_test(test_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
