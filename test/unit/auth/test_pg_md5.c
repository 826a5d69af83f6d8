/* PostgreSQL's md5 login. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "auth/pg_md5.h"
#include "base/mem.h"
#include "vectors.h"

static const uint8_t salt[PG_MD5_SALT_BYTES] = { 0x01, 0x00, 0xff, 0x7e };

/* md5(secret's digits, salt), computed with another tool. */
#define ANSWER_OF_M1 "md5e8c2204e4dd40311847d9e252c20d652"

static void
test_secret(void **state)
{
	char out[PG_MD5_ROOM];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(made_md5s); i++) {
		assert_true(pg_md5_secret(made_md5s[i].password,
					  made_md5s[i].user, out));
		assert_string_equal(out, made_md5s[i].secret);
	}
	/* md5 of the user's name alone, and of nothing */
	assert_true(pg_md5_secret("", "abc", out));
	assert_string_equal(out, "md5900150983cd24fb0d6963f7d28e17f72");
	assert_true(pg_md5_secret("", "", out));
	assert_string_equal(out, "md5d41d8cd98f00b204e9800998ecf8427e");
}

static void
test_response(void **state)
{
	char clear[PG_MD5_ROOM], stored[PG_MD5_ROOM];

	(void)state;
	assert_true(pg_md5_response("pencil", "m1", salt, clear));
	assert_true(pg_md5_response(made_md5s[0].secret, "m1", salt, stored));
	assert_string_equal(clear, ANSWER_OF_M1);
	assert_string_equal(stored, ANSWER_OF_M1);
	/* a stored secret does not depend on the name any more */
	assert_true(pg_md5_response(made_md5s[0].secret, "x", salt, stored));
	assert_string_equal(stored, ANSWER_OF_M1);
}

static void
test_no_answer(void **state)
{
	static const char *const cases[] = { NULL, "" };
	char out[PG_MD5_ROOM];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		memset(out, 'x', sizeof(out));
		assert_false(pg_md5_response(cases[i], "m1", salt, out));
		assert_string_equal(out, "");
	}
	assert_false(
		pg_md5_response(made_verifiers[0].verifier, "m1", salt, out));
	assert_string_equal(out, "");
}

static void
test_verify(void **state)
{
	static const char right[] = ANSWER_OF_M1;
	static const char *const none[] = { NULL, "", "nothing" };
	char bad[PG_MD5_ROOM];
	const uint8_t other[PG_MD5_SALT_BYTES] = { 1, 0, 0xff, 0x7f };

	(void)state;
	assert_true(pg_md5_verify("pencil", "m1", salt, right, 35));
	assert_true(pg_md5_verify(made_md5s[0].secret, "m1", salt, right, 35));
	assert_false(pg_md5_verify("pencil", "m2", salt, right, 35));
	assert_false(pg_md5_verify("pencil", "m1", other, right, 35));
	assert_false(pg_md5_verify("pencil", "m1", salt, right, 36));
	for (size_t len = 0; len < 35; len++)
		assert_false(pg_md5_verify("pencil", "m1", salt, right, len));
	for (size_t i = 0; i < 35; i++) {
		memcpy(bad, right, sizeof(bad));
		bad[i] ^= 1;
		assert_false(pg_md5_verify("pencil", "m1", salt, bad, 35));
	}
	for (size_t i = 0; i < COUNT_OF(none); i++)
		assert_false(pg_md5_verify(none[i], "m1", salt, right, 35));
	assert_false(pg_md5_verify(made_verifiers[0].verifier, "m1", salt,
				   right, 35));
	/* what stands in for an unknown user is no back door */
	assert_true(pg_md5_response("x", "m1", salt, bad));
	assert_false(pg_md5_verify(NULL, "m1", salt, bad, 35));
}

static void
test_long(void **state)
{
	char *password = mem_zalloc(65537);
	char stored[PG_MD5_ROOM], out[PG_MD5_ROOM];

	(void)state;
	assert_non_null(password);
	memset(password, 'p', 65536);
	assert_true(pg_md5_secret(password, "u", stored));
	assert_true(pg_md5_response(stored, "u", salt, out));
	assert_true(pg_md5_verify(password, "u", salt, out, 35));
	password[65535] = 'q';
	assert_false(pg_md5_verify(password, "u", salt, out, 35));
	mem_free(password);
}

static void
test_without_md5(void **state)
{
	char out[PG_MD5_ROOM] = "x";

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "fips=yes"), 1);
	assert_false(pg_md5_secret("pencil", "m1", out));
	assert_string_equal(out, "");
	assert_false(pg_md5_response("pencil", "m1", salt, out));
	assert_string_equal(out, "");
	assert_false(pg_md5_verify("pencil", "m1", salt, ANSWER_OF_M1, 35));
	assert_false(pg_md5_verify("pencil", "m1", salt, "", 0));
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_without_md5),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
