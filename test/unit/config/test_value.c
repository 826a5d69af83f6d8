/* Kinds of values: what is read, what is printed, what is refused. */
#include "scratch.h"

#include "base/mem.h"
#include "config/value.h"

#define ANY 0, 0

static const struct {
	const struct value_type *type;
	uint64_t min, max;
	const char *text;
	uint64_t number;
	const char *shown;
} good[] = {
	{ &type_switch, ANY, "0", 0, "0" },
	{ &type_switch, ANY, "1", 1, "1" },
	{ &type_switch, ANY, "Yes", 1, "1" },
	{ &type_switch, ANY, "off", 0, "0" },
	{ &type_switch, ANY, "TRUE", 1, "1" },
	{ &type_number, ANY, "0", 0, "0" },
	{ &type_number, ANY, "20", 20, "20" },
	{ &type_number, ANY, "010", 8, "8" },
	{ &type_number, ANY, "0x1F", 31, "31" },
	{ &type_number, 1, 65535, "65535", 65535, "65535" },
	{ &type_number, ANY, "4294967294", 4294967294u, "4294967294" },
	{ &type_octal, ANY, "0777", 511, "0777" },
	{ &type_octal, ANY, "448", 448, "0700" },
	{ &type_seconds, ANY, "0", 0, "0" },
	{ &type_seconds, ANY, "15", 15000000, "15" },
	{ &type_seconds, ANY, "15.0", 15000000, "15" },
	{ &type_seconds, ANY, "0.5", 500000, "0.5" },
	{ &type_seconds, ANY, ".25", 250000, "0.25" },
	{ &type_seconds, ANY, "1.000001", 1000001, "1.000001" },
	{ &type_seconds, ANY, "0.0000001", 1, "0.000001" },
	{ &type_seconds, ANY, "0.000", 0, "0" },
	{ &type_seconds, ANY, "100us", 100, "0.0001" },
	{ &type_seconds, ANY, "250ms", 250000, "0.25" },
	{ &type_seconds, ANY, "5s", 5000000, "5" },
	{ &type_seconds, ANY, "2 m", 120000000, "120" },
	{ &type_seconds, ANY, "1.5h", 5400000000u, "5400" },
	{ &type_seconds, ANY, "1d", 86400000000u, "86400" },
	{ &type_seconds, ANY, "0.5us", 1, "0.000001" },
	{ &type_pool_mode, ANY, "Transaction", POOL_TRANSACTION,
	  "transaction" },
	{ &type_auth_type, ANY, "scram-sha-256", AUTH_SCRAM, "scram-sha-256" },
	{ &type_load_balance, ANY, "disable", LOAD_BALANCE_DISABLE, "disable" },
};

static void
test_good(void **state)
{
	struct value v;
	char why[VALUE_WHY_MAX], out[VALUE_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(good); i++) {
		if (!value_parse(good[i].type, good[i].min, good[i].max,
				 good[i].text, &v, why))
			fail_msg("%s: %s", good[i].text, why);
		assert_int_equal(v.number, good[i].number);
		assert_string_equal(
			value_text(good[i].type, &v, out, sizeof(out)),
			good[i].shown);
	}
}

static const struct {
	const struct value_type *type;
	uint64_t min, max;
	const char *text;
	const char *why;
} bad[] = {
	{ &type_switch, ANY, "", "neither 0 nor 1" },
	{ &type_switch, ANY, "2", "neither 0 nor 1" },
	{ &type_switch, ANY, "maybe", "\"maybe\" is neither 0 nor 1" },
	{ &type_number, ANY, "", "is not a number" },
	{ &type_number, ANY, "beef", "is not a number" },
	{ &type_number, ANY, "20 ", "is not a number" },
	{ &type_number, ANY, "20x", "is not a number" },
	{ &type_number, ANY, "08", "is not a number" },
	{ &type_number, ANY, "1.5", "is not a number" },
	{ &type_number, ANY, "-1", "is negative" },
	{ &type_number, ANY, "4294967295", "is too large" },
	{ &type_number, ANY, "99999999999999999999999", "is not a number" },
	{ &type_number, 1, 65535, "0", "\"0\" is below 1" },
	{ &type_number, 1, 65535, "65536", "\"65536\" is above 65535" },
	{ &type_seconds, ANY, "", "is not a time" },
	{ &type_seconds, ANY, ".", "is not a time" },
	{ &type_seconds, ANY, "5 weeks", "is not a time" },
	{ &type_seconds, ANY, "1e3", "is not a time" },
	{ &type_seconds, ANY, "1..5", "is not a time" },
	{ &type_seconds, ANY, "-5", "is negative" },
	{ &type_seconds, ANY, "99999999999999999999d", "is too large" },
	{ &type_seconds, 0, 60000000, "61", "\"61\" is above 60" },
	{ &type_pool_mode, ANY, "pooled",
	  "\"pooled\" is not one of session, transaction, statement" },
	{ &type_state_policy, ANY, "emulate",
	  "\"emulate\" is not one of pin, reset, reject, allow" },
	{ &type_listen_policy, ANY, "pinned",
	  "\"pinned\" is not one of pin, reset, reject, allow, emulate" },
	{ &type_text, ANY, "a\nb", "has a line break" },
	{ &type_secret, ANY, "a\nb", "the value has a line break" },
};

static void
test_bad(void **state)
{
	struct value v;
	char why[VALUE_WHY_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		if (value_parse(bad[i].type, bad[i].min, bad[i].max,
				bad[i].text, &v, why))
			fail_msg("\"%s\" was taken", bad[i].text);
		if (strstr(why, bad[i].why) == NULL)
			fail_msg("\"%s\": %s", bad[i].text, why);
	}
}

/* What was given by mistake may be a password. */
static void
test_secret(void **state)
{
	struct value v;
	char why[VALUE_WHY_MAX], out[VALUE_TEXT_MAX];

	(void)state;
	assert_false(value_parse(&type_secret, 0, 0, "geheim\n", &v, why));
	assert_null(strstr(why, "geheim"));
	assert_true(value_parse(&type_secret, 0, 0, "geheim", &v, why));
	assert_string_equal(v.text, "geheim");
	assert_string_equal(value_text(&type_secret, &v, out, sizeof(out)),
			    SECRET_SHOWN);
	v.text = "";
	assert_string_equal(value_text(&type_secret, &v, out, sizeof(out)), "");
}

static void
test_store(void **state)
{
	struct settings set = { 0 };
	struct value v = { .number = 42 }, back;

	(void)state;
	value_store(&type_number, &v, &set.listen_port);
	assert_int_equal(set.listen_port, 42);
	v.number = UINT64_C(5000000000);
	value_store(&type_seconds, &v, &set.query_timeout);
	assert_int_equal(set.query_timeout, UINT64_C(5000000000));
	back = value_load(&type_seconds, &set.query_timeout);
	assert_true(value_is_equal(&type_seconds, &v, &back));
	v.text = "x";
	value_store(&type_text, &v, &set.logfile);
	assert_string_equal(set.logfile, "x");
	v.number = POOL_STATEMENT;
	value_store(&type_pool_mode, &v, &set.pool_mode);
	assert_int_equal(set.pool_mode, POOL_STATEMENT);
}

static void
test_support(void **state)
{
	static const struct {
		const struct value_type *type;
		const char *word;
		enum support support;
	} words[] = {
		{ &type_auth_type, "md5", SUPPORT_FULL },
		{ &type_auth_type, "hba", SUPPORT_FULL },
		{ &type_auth_type, "peer", SUPPORT_FULL },
		{ &type_auth_type, "cert", SUPPORT_FULL },
		{ &type_auth_type, "pam", SUPPORT_REFUSED },
		{ &type_auth_type, "ldap", SUPPORT_REFUSED },
		{ &type_client_sslmode, "disable", SUPPORT_FULL },
		{ &type_client_sslmode, "allow", SUPPORT_FULL },
		{ &type_client_sslmode, "prefer", SUPPORT_FULL },
		{ &type_client_sslmode, "require", SUPPORT_FULL },
		{ &type_server_sslmode, "disable", SUPPORT_FULL },
		{ &type_server_sslmode, "prefer", SUPPORT_FULL },
		{ &type_server_sslmode, "require", SUPPORT_FULL },
		{ &type_server_sslmode, "verify-ca", SUPPORT_FULL },
		{ &type_server_sslmode, "verify-full", SUPPORT_FULL },
	};
	struct value v;
	char why[VALUE_WHY_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(words); i++) {
		assert_true(value_parse(words[i].type, 0, 0, words[i].word, &v,
					why));
		assert_int_equal(v.support, words[i].support);
	}
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(auth_method_name(AUTH_SCRAM), "scram-sha-256");
	assert_string_equal(auth_method_name(AUTH_ANY), "any");
	assert_string_equal(auth_method_name(AUTH_REJECT), "reject");
	assert_string_equal(pool_mode_names[POOL_TRANSACTION], "transaction");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_secret),  cmocka_unit_test(test_store),
		cmocka_unit_test(test_support), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
