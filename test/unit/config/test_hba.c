/* auth_hba_file and auth_ident_file: how they are read, whom they fit. */
#include "scratch.h"

#include "base/mem.h"
#include "config/hba_lines.h"
#include "config/ident.h"

struct rules {
	struct scratch s;
	struct pile pile;
	struct hba hba;
	struct ident ident;
	struct config_report report;
};

static void
rules_open(struct rules *r)
{
	*r = (struct rules){ 0 };
	scratch_open(&r->s);
}

static void
rules_close(struct rules *r)
{
	ident_fini(&r->ident);
	config_report_fini(&r->report);
	pile_fini(&r->pile);
	scratch_close(&r->s);
}

static void
rules_hba(struct rules *r, const char *text)
{
	assert_int_equal(hba_read(&r->hba, scratch_file(&r->s, "hba", text),
				  &r->pile, &r->report),
			 0);
}

/* The line of the rule for "way user database address"; 0 = none. */
static unsigned
find(const struct rules *r, const char *who)
{
	char way[16], user[64], database[64], address[64];
	struct hba_client c = { .user = user, .database = database };
	const struct hba_rule *rule;
	struct addr peer;

	assert_int_equal(sscanf(who, "%15s %63s %63s %63s", way, user, database,
				address),
			 4);
	c.way = strcmp(way, "unix") == 0  ? HBA_UNIX
		: strcmp(way, "tls") == 0 ? HBA_TLS
					  : HBA_CLEAR;
	if (c.way != HBA_UNIX) {
		assert_true(addr_parse_ip(address, 1, &peer));
		c.peer = &peer;
	}
	rule = hba_find(&r->hba, &c);
	return rule == NULL ? 0 : rule->line;
}

static const struct {
	const char *line; /* behind an empty one */
	const char *fits;
	const char * not ;
} lines[] = {
	{ "local all all trust", "unix u d -", "tcp u d 1.2.3.4" },
	{ "host all all 0.0.0.0/0 md5", "tcp u d 1.2.3.4", "unix u d -" },
	{ "host all all 0.0.0.0/0 md5", "tls u d 1.2.3.4", "tcp u d ::1" },
	{ "host all all all md5", "tcp u d ::1", "unix u d -" },
	{ "hostssl all all all md5", "tls u d ::1", "tcp u d ::1" },
	{ "hostnossl all all all md5", "tcp u d ::1", "tls u d ::1" },
	{ "hostnogssenc all all all md5", "tls u d ::1", "unix u d -" },
	{ "hostgssenc all all all md5", NULL, "tls u d ::1" },
	{ "host all all 10.0.0.0/8 md5", "tcp u d 10.2.3.4",
	  "tcp u d 9.9.9.9" },
	{ "host all all 10.0.0.0 255.0.0.0 md5", "tcp u d 10.2.3.4",
	  "tcp u d 9.9.9.9" },
	{ "host all all ::1/128 md5", "tcp u d ::1", "tcp u d ::2" },
	{ "host all all samehost md5", "tcp u d 127.0.0.1",
	  "tcp u d 127.0.0.2" },
	{ "host all all samenet md5", "tcp u d 127.8.8.8", "tcp u d 9.9.9.9" },
	{ "host a,b,c all all md5", "tcp u b 9.9.9.9", "tcp u d 9.9.9.9" },
	{ "host a, b all all md5", "tcp u b 9.9.9.9", "tcp u a, 9.9.9.9" },
	{ "host all x,y all md5", "tcp y d 9.9.9.9", "tcp u d 9.9.9.9" },
	{ "host sameuser all all md5", "tcp u u 9.9.9.9", "tcp u d 9.9.9.9" },
	{ "host \"sameuser\" all all md5", "tcp u sameuser 9.9.9.9",
	  "tcp u u 9.9.9.9" },
	{ "host all \"all\" all md5", "tcp all d 9.9.9.9", "tcp u d 9.9.9.9" },
	{ "host replication all all md5", NULL, "tcp u replication 9.9.9.9" },
	{ "host \"replication\" all all md5", "tcp u replication 9.9.9.9",
	  "tcp u d 9.9.9.9" },
	{ "host all \"u\"\"v\" all md5", "tcp u\"v d 9.9.9.9",
	  "tcp u d 9.9.9.9" },
	{ "host all @names all md5", "tcp two d 9.9.9.9", "tcp u d 9.9.9.9" },
	{ "host all x,@names all md5", "tcp three d 9.9.9.9",
	  "tcp @names d 9.9.9.9" },
	{ "host all @empty all md5", NULL, "tcp u d 9.9.9.9" },
	{ "host all \\\n all all \\\nmd5 # why", "tcp u d 9.9.9.9",
	  "unix u d -" },
	{ "\thost\tall\tall\tall\tmd5\t", "tcp u d 9.9.9.9", "unix u d -" },
};

static void
who_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct rules r;
		struct str text = { 0 };

		rules_open(&r);
		(void)scratch_file(&r.s, "names", "one two\nthree, four\n");
		(void)scratch_file(&r.s, "empty", "# nobody\n");
		str_printf(&text, "# x\n%s\r\n", lines[i].line);
		rules_hba(&r, str_text(&text));
		if (r.report.count != 0 || r.hba.count != 1)
			fail_msg("%s: %s", lines[i].line,
				 r.report.count != 0 ? r.report.problems[0].text
						     : "no rule");
		if (lines[i].fits != NULL && find(&r, lines[i].fits) != 2)
			fail_msg("%s: not %s", lines[i].line, lines[i].fits);
		if (find(&r, lines[i].not ) != 0)
			fail_msg("%s: %s", lines[i].line, lines[i].not );
		str_fini(&text);
		rules_close(&r);
	}
}

static void
the_first_one_counts(void **state)
{
	struct rules r;

	(void)state;
	rules_open(&r);
	rules_hba(&r, "local all postgres peer\n"
		      "local all all md5\n"
		      "hostssl all all 10.0.0.0/8 cert map=m\n"
		      "host all all 10.0.0.0/8 reject\n"
		      "host all all all scram-sha-256\n");
	assert_int_equal(r.report.count, 0);
	assert_int_equal(find(&r, "unix postgres d -"), 1);
	assert_int_equal(find(&r, "unix u d -"), 2);
	assert_int_equal(find(&r, "tls u d 10.1.1.1"), 3);
	assert_int_equal(find(&r, "tcp u d 10.1.1.1"), 4);
	assert_int_equal(find(&r, "tcp u d 11.1.1.1"), 5);
	assert_int_equal(r.hba.lines[0].rule.method, AUTH_PEER);
	assert_int_equal(r.hba.lines[1].rule.method, AUTH_MD5);
	assert_int_equal(r.hba.lines[2].rule.method, AUTH_CERT);
	assert_string_equal(r.hba.lines[2].rule.map, "m");
	assert_int_equal(r.hba.lines[3].rule.method, AUTH_REJECT);
	assert_int_equal(r.hba.lines[4].rule.method, AUTH_SCRAM);
	rules_close(&r);
}

static const struct {
	const char *line;
	const char *words;
} mistakes[] = {
	{ "hosts all all all md5", "unknown type of connection \"hosts\"" },
	{ "host", "no database" },
	{ "host all", "no user" },
	{ "host all all", "no address" },
	{ "host all all all", "no method" },
	{ "host all all all gss", "carpool has no method \"gss\"" },
	{ "host all all all ident", "only local connections" },
	{ "host all all all peer", "only local connections" },
	{ "host all all all cert", "only hostssl connections" },
	{ "host all all db.example.com md5", "names of hosts" },
	{ "host all all .example.com md5", "names of hosts" },
	{ "host all all 10.0.0.0/33 md5", "this is no network" },
	{ "host all all 10.0.0.1 md5", "this is no mask" },
	{ "host all +group all md5", "memberships of roles" },
	{ "host samerole all all md5", "memberships of roles" },
	{ "host all /^a all md5", "regular expressions" },
	{ "host all all 10.0.0.0/8,11.0.0.0/8 md5", "only be one word" },
	{ "host all all all md5 map=x", "only peer and cert" },
	{ "host all all all md5 radius", "an option is name=value" },
	{ "host all all all md5 x=y", "unknown option" },
	{ "host all all all md5 clientcert=verify-ca", "only hostssl" },
	{ "hostssl all all all md5 clientcert=1", "verify-ca or verify-full" },
	{ "host \"all all all md5", "a quote is not closed" },
	{ "host all @nothing all md5", "cannot read" },
	{ "host all @loop all md5", "too deep" },
};

static void
what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
		struct rules r;
		struct str text = { 0 };

		rules_open(&r);
		(void)scratch_file(&r.s, "loop", "@loop");
		str_printf(&text, "local all all md5\n%s\n", mistakes[i].line);
		rules_hba(&r, str_text(&text));
		if (r.report.errors == 0 || strstr(r.report.problems[0].text,
						   mistakes[i].words) == NULL)
			fail_msg("%s: %s", mistakes[i].line,
				 r.report.errors == 0
					 ? "nothing"
					 : r.report.problems[0].text);
		str_fini(&text);
		rules_close(&r);
	}
}

static void
maps(void **state)
{
	static const char text[] = "# map system user\n"
				   "m root postgres\n"
				   "m root app\n"
				   "m \"two words\" app\n"
				   "m /^(.*)@example\\.com$ \\1\n"
				   "m /^([a-z]+)-x$ pre_\\1_post\n"
				   "n boss all\n"
				   "n /^x\n"
				   "n too\nn a b c d\n"
				   "n a +b\n";
	static const struct {
		const char *map, *name, *user;
		bool is_allowed;
	} rows[] = {
		{ "", "a", "a", true },
		{ "", "a", "b", false },
		{ "m", "root", "postgres", true },
		{ "m", "root", "app", true },
		{ "m", "root", "root", false },
		{ "m", "two words", "app", true },
		{ "m", "joe@example.com", "joe", true },
		{ "m", "joe@example.com", "jo", false },
		{ "m", "joe@example.com", "joes", false },
		{ "m", "joe@example.org", "joe", false },
		{ "m", "@example.com", "", true },
		{ "m", "ab-x", "pre_ab_post", true },
		{ "m", "ab-x", "pre_ab_pos", false },
		{ "m", "ab-x", "pre", false },
		{ "m", "boss", "joe", false },
		{ "n", "boss", "joe", true },
		{ "other", "root", "root", false },
	};
	struct rules r;

	(void)state;
	rules_open(&r);
	assert_int_equal(ident_read(&r.ident, scratch_file(&r.s, "map", text),
				    &r.pile, &r.report),
			 0);
	assert_int_equal(r.report.errors, 4);
	assert_non_null(report_find(&r.report, 8, "a map, a system's user"));
	assert_non_null(report_find(&r.report, 9, "a map, a system's user"));
	assert_non_null(report_find(&r.report, 11, "can stand for users"));
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (ident_allows(&r.ident, rows[i].map, rows[i].name,
				 rows[i].user) != rows[i].is_allowed)
			fail_msg("%s: %s as %s", rows[i].map, rows[i].name,
				 rows[i].user);
	assert_true(ident_has_map(&r.ident, "n"));
	assert_false(ident_has_map(&r.ident, "o"));
	rules_close(&r);
}

static void
a_bad_expression(void **state)
{
	struct rules r;

	(void)state;
	rules_open(&r);
	assert_int_equal(ident_read(&r.ident,
				    scratch_file(&r.s, "map", "m /a( b\n"),
				    &r.pile, &r.report),
			 0);
	assert_non_null(report_find(&r.report, 1, "regular expression"));
	assert_int_equal(r.ident.count, 0);
	rules_close(&r);
}

/* Once a gigabyte: the library doubles what stands before a +. */
static void
a_large_expression(void **state)
{
	struct rules r;

	(void)state;
	rules_open(&r);
	assert_int_equal(
		ident_read(&r.ident,
			   scratch_file(&r.s, "map",
					"m /a++++++++++++++++++++++++++++ b\n"
					"m /(a{9999}){9999} b\n"
					"m /a+b+c+d+e+ b\n"),
			   &r.pile, &r.report),
		0);
	assert_non_null(report_find(&r.report, 1, "more than 5 times a +"));
	assert_non_null(report_find(&r.report, 2, "it has a {"));
	assert_int_equal(r.ident.count, 1);
	rules_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_fits),
		cmocka_unit_test(the_first_one_counts),
		cmocka_unit_test(what_is_wrong),
		cmocka_unit_test(maps),
		cmocka_unit_test(a_bad_expression),
		cmocka_unit_test(a_large_expression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
