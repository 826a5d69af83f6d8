/* Users from auth_file and [users]. */
#include "built.h"

#include "base/mem.h"

/* Builds with these texts as auth_file and [users] (from line 7). */
static void
build(struct built *b, const char *auth_type, const char *userlist,
      const char *lines)
{
	struct str text = { 0 };

	built_open(b, NULL);
	str_printf(&text,
		   "[databases]\na = host=h user=u\n[carpool]\n"
		   "auth_type=%s\nauth_file=%s\n[users]\n%s\n",
		   auth_type,
		   userlist != NULL
			   ? scratch_file(&b->scratch, "users", userlist)
			   : "/nonexistent",
		   lines);
	b->source.file = scratch_file(&b->scratch, "a.ini", str_text(&text));
	built_build(b);
	str_fini(&text);
}

static void
test_merge(void **state)
{
	const struct config_user *u;
	struct built b;

	(void)state;
	build(&b, "md5", "\"one\" \"p1\"\n\"two\" \"\"\n",
	      "one = pool_mode=statement pool_size=3 query_timeout=1.5\n"
	      "three = max_user_connections=4");
	assert_int_equal(b.report.count, 0);
	assert_int_equal(snapshot_user_count(b.s), 3);
	u = snapshot_user(b.s, "one");
	assert_string_equal(u->secret, "p1");
	assert_true(u->has_mode);
	assert_int_equal(u->mode, POOL_STATEMENT);
	assert_int_equal(u->pool_size, 3);
	assert_int_equal(u->query_timeout, 1500000);
	assert_int_equal(u->max_connections, UNSET_U32);
	u = snapshot_user(b.s, "two");
	assert_string_equal(u->secret, "");
	assert_false(u->has_mode);
	assert_int_equal(u->query_timeout, UNSET_USEC);
	u = snapshot_user(b.s, "three");
	assert_null(u->secret);
	assert_int_equal(u->max_connections, 4);
	assert_null(snapshot_user(b.s, "four"));
	assert_string_equal(snapshot_user_at(b.s, 0)->name, "one");
	built_close(&b);
}

/* Zero and -1 leave most limits to the settings, as in PgBouncer. */
static void
test_unset(void **state)
{
	const struct config_user *u;
	struct built b;

	(void)state;
	build(&b, "md5", "\"u\" \"p\"\n",
	      "u = pool_size=0 reserve_pool_size=-1 max_user_connections=0 "
	      "max_user_client_connections=-1 query_timeout=0 "
	      "idle_transaction_timeout=-1 transaction_timeout=0 "
	      "client_idle_timeout=0 query_wait_timeout=0");
	assert_int_equal(b.report.count, 0);
	u = snapshot_user(b.s, "u");
	assert_int_equal(u->pool_size, 0);
	assert_int_equal(u->reserve_pool_size, UNSET_U32);
	assert_int_equal(u->max_connections, UNSET_U32);
	assert_int_equal(u->max_client_connections, UNSET_U32);
	assert_int_equal(u->query_timeout, UNSET_USEC);
	assert_int_equal(u->idle_transaction_timeout, UNSET_USEC);
	assert_int_equal(u->transaction_timeout, UNSET_USEC);
	assert_int_equal(u->client_idle_timeout, UNSET_USEC);
	assert_int_equal(u->query_wait_timeout, 0);
	built_close(&b);
}

static void
test_twice(void **state)
{
	struct built b;

	(void)state;
	build(&b, "md5", "\"u\" \"p\"\n\"u\" \"q\"\n",
	      "u = pool_size=1\nu = reserve_pool_size=2");
	assert_non_null(report_find(&b.report, 2, "user \"u\" is given twice"));
	assert_non_null(report_find(&b.report, 8, "user \"u\" is given twice"));
	assert_int_equal(b.report.count, 2);
	assert_string_equal(snapshot_user(b.s, "u")->secret, "q");
	assert_int_equal(snapshot_user(b.s, "u")->pool_size, UNSET_U32);
	built_close(&b);
}

static void
test_errors(void **state)
{
	struct built b;

	(void)state;
	build(&b, "md5", "\"u\" geheim\n",
	      "u = pool_size=x\nv = unknown=1\n"
	      "a123456789b123456789c123456789d123456789e123456789f123456789g123"
	      "a123456789b123456789c123456789d123456789e123456789f123456789g123"
	      " = pool_size=1");
	assert_null(b.s);
	assert_true(report_is_about(&b.report, b.scratch.paths[0], 1,
				    "no secret in"));
	assert_non_null(report_find(&b.report, 7, "is not a number"));
	assert_non_null(report_find(&b.report, 8, "unknown key \"unknown\""));
	assert_non_null(report_find(&b.report, 9, "longer than 127"));
	assert_int_equal(b.report.count, 4);
	built_close(&b);
}

/* A file that cannot be read matters unless nobody is asked. */
static void
test_missing_file(void **state)
{
	static const char *const asked[] = { "md5", "scram-sha-256", "plain",
					     "trust" };
	struct built b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(asked); i++) {
		build(&b, asked[i], NULL, "");
		assert_null(b.s);
		assert_non_null(report_find(
			&b.report, 5,
			"auth_file /nonexistent: No such file or directory"));
		built_close(&b);
	}
	build(&b, "any", NULL, "");
	assert_non_null(b.s);
	assert_int_equal(b.report.count, 1);
	built_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_unset),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
