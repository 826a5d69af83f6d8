/* The configuration in effect as a file, and what a reload changes. */
#include "built.h"

#include "base/mem.h"

static const char text[] =
	"[carpool]\n"
	"auth_type = any\n"
	"listen_addr = *\n"
	"auth_ldap_options = ldapbindpasswd=geheim\n"
	"query_wait_timeout = 1.5\n"
	"[databases]\n"
	"a = host=h1,h2 port=1,2 user=u password='ge heim' pool_size=3 "
	"connect_query='select ''x''' dbname=d\n"
	"\"odd \"\"name\" = postgresql://u:geheim@h/d"
	"?load_balance_hosts=disable\n"
	"* = user=u\n"
	"[users]\n"
	"u = pool_mode=session query_timeout=1.5\n";

static void
test_print(void **state)
{
	struct str out = { 0 };
	struct built b;
	size_t i;

	(void)state;
	built_text(&b, text);
	snapshot_print(b.s, &out);
	assert_null(strstr(str_text(&out), "heim"));
	assert_non_null(strstr(str_text(&out), "\nquery_wait_timeout = 1.5\n"));
	assert_non_null(strstr(str_text(&out), "\nlogfile =\n"));
	assert_non_null(strstr(
		str_text(&out),
		"\na = host=h1,h2 port=1,2 dbname=d user=u password=******** "
		"pool_size=3 connect_query='select ''x'''\n"));
	assert_non_null(
		strstr(str_text(&out),
		       "\n\"odd \"\"name\" = host=h dbname=d user=u "
		       "password=******** load_balance_hosts=disable\n"));
	assert_non_null(strstr(str_text(&out),
			       "\nu = pool_mode=session query_timeout=1.5\n"));
	for (i = 0; i < settings_count; i++)
		assert_non_null(strstr(str_text(&out), settings_table[i].name));
	built_close(&b);
	str_fini(&out);
}

/* What is printed is a configuration: it prints the same again. */
static void
test_round_trip(void **state)
{
	struct str first = { 0 }, second = { 0 };
	struct built b;

	(void)state;
	built_text(&b, text);
	snapshot_print(b.s, &first);
	scratch_file(&b.scratch, "a.ini", str_text(&first));
	built_build(&b);
	report_show(&b.report);
	assert_non_null(b.s);
	snapshot_print(b.s, &second);
	assert_string_equal(str_text(&first), str_text(&second));
	built_close(&b);
	str_fini(&first);
	str_fini(&second);
}

static void
test_diff(void **state)
{
	struct str out = { 0 };
	struct snapshot *old;
	struct built b;

	(void)state;
	built_open(&b, "[carpool]\nauth_type=any\nlisten_addr=*\n"
		       "auth_ldap_options=one\n"
		       "[databases]\na = host=h user=u password=geheim1\n"
		       "b = host=h user=u\nc = host=h user=u\n"
		       "same = host=h user=u\n[users]\nu = pool_size=1\n");
	built_build(&b);
	old = snapshot_ref(b.s);
	snapshot_diff(old, b.s, &out);
	assert_string_equal(str_text(&out), "");
	scratch_file(&b.scratch, "a.ini",
		     "[carpool]\nauth_type=any\nlisten_addr=*\n"
		     "auth_ldap_options=two\nlisten_port=6433\n"
		     "default_pool_size=30\n"
		     "[databases]\nsame = host=h user=u\n"
		     "a = host=h user=u password=geheim2\n"
		     "b = host=i user=u\nd = host=h user=u\n"
		     "[users]\nu = pool_size=2\nv = pool_size=1\n");
	built_build(&b);
	snapshot_diff(old, b.s, &out);
	assert_string_equal(
		str_text(&out),
		"auth_ldap_options: changed\n"
		"default_pool_size: 20 -> 30\n"
		"listen_port: 6432 -> 6433 (takes effect at the next start)\n"
		"database c removed\n"
		"database a: password changed\n"
		"database b: host=h user=u -> host=i user=u\n"
		"database d added\n"
		"user u: pool_size=1 -> pool_size=2\n"
		"user v added\n");
	snapshot_unref(old);
	built_close(&b);
	str_fini(&out);
}

static void
test_diff_secrets(void **state)
{
	struct str out = { 0 }, ini = { 0 };
	struct snapshot *old;
	struct built b;
	const char *users;

	(void)state;
	built_open(&b, NULL);
	users = scratch_file(&b.scratch, "users",
			     "\"a\" \"geheim1\"\n\"b\" \"x\"\n\"c\" \"x\"\n");
	str_printf(&ini, "%sauth_file=%s\n", BASE, users);
	b.source.file = scratch_file(&b.scratch, "b.ini", str_text(&ini));
	built_build(&b);
	old = snapshot_ref(b.s);
	scratch_file(&b.scratch, "users",
		     "\"a\" \"geheim2\"\n\"b\" \"x\"\n\"d\" \"x\"\n");
	built_build(&b);
	snapshot_diff(old, b.s, &out);
	assert_string_equal(str_text(&out), "user c removed\n"
					    "user a has another secret\n"
					    "user d added\n");
	snapshot_unref(old);
	built_close(&b);
	str_fini(&out);
	str_fini(&ini);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
