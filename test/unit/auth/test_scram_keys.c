/* Keys and verifiers from passwords, and for unknown users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "auth/base64.h"
#include "auth/scram.h"
#include "base/mem.h"
#include "vectors.h"

static const uint8_t zero[sizeof(struct scram_verifier)];

/* What PostgreSQL stored is what we make of the same password and salt. */
static void
test_made_by_postgres(void **state)
{
	struct scram_verifier v, made;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(made_verifiers); i++) {
		const struct made_verifier *m = &made_verifiers[i];

		assert_true(scram_verifier_parse(m->verifier, &v));
		assert_int_equal(v.salt_len, SCRAM_SALT_BYTES);
		assert_true(scram_verifier_from_password(
			&made, m->password, v.salt, v.salt_len, v.iterations));
		if (memcmp(made.stored_key, v.stored_key, 32) != 0 ||
		    memcmp(made.server_key, v.server_key, 32) != 0)
			fail_msg("verifier %zu differs", i);
		assert_memory_equal(made.salt, v.salt, v.salt_len);
		assert_int_equal(made.salt_len, v.salt_len);
		assert_int_equal(made.iterations, 4096);
		assert_false(made.is_mock);
		assert_true(scram_verifier_accepts(&v, m->password));
		assert_false(scram_verifier_accepts(&v, "another"));
	}
}

/* Other spellings that prepare to the same text open the same secret. */
static void
test_equivalent(void **state)
{
	struct scram_verifier v;

	(void)state;
	assert_true(scram_verifier_parse(made_verifiers[1].verifier, &v));
	assert_true(scram_verifier_accepts(&v, "IX"));
	assert_true(scram_verifier_parse(made_verifiers[5].verifier, &v));
	assert_true(scram_verifier_accepts(&v, "\xc5\x81o\xcc\x81"
					       "dz\xcc\x81\xe3\x80\x80"
					       "fi"));
}

/* RFC 7677: the keys of its example, through the verifier they make. */
static void
test_rfc_keys(void **state)
{
	uint8_t salt[16], salted[32];
	struct scram_keys keys;
	struct scram_verifier v;
	size_t len;

	(void)state;
	assert_true(base64_decode(RFC_SALT, strlen(RFC_SALT), salt,
				  sizeof(salt), &len));
	assert_true(
		scram_salted_password(RFC_PASSWORD, salt, len, 4096, salted));
	assert_true(scram_keys_derive(salted, &keys));
	assert_true(scram_verifier_from_password(&v, RFC_PASSWORD, salt, len,
						 4096));
	assert_memory_equal(v.server_key, keys.server_key, 32);
	assert_true(scram_verifier_accepts(&v, RFC_PASSWORD));
}

static void
test_bounds(void **state)
{
	static const uint8_t salt[SCRAM_SALT_MAX + 1] = { 1 };
	static const struct {
		size_t salt_len;
		uint32_t iterations;
		int is_allowed;
	} cases[] = {
		{ 1, 1, 1 },           { SCRAM_SALT_MAX, 1, 1 },
		{ 0, 1, 0 },           { SCRAM_SALT_MAX + 1, 1, 0 },
		{ 16, 0, 0 },          { 16, 0x80000000u, 0 },
		{ 16, UINT32_MAX, 0 },
	};
	struct scram_verifier v;
	uint8_t out[32];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		memset(out, 7, sizeof(out));
		memset(&v, 7, sizeof(v));
		if (scram_salted_password("pw", salt, cases[i].salt_len,
					  cases[i].iterations,
					  out) != (cases[i].is_allowed != 0))
			fail_msg("case %zu", i);
		assert_int_equal(scram_verifier_from_password(
					 &v, "pw", salt, cases[i].salt_len,
					 cases[i].iterations),
				 cases[i].is_allowed);
		if (!cases[i].is_allowed) {
			assert_memory_equal(out, zero, sizeof(out));
			assert_memory_equal(&v, zero, sizeof(v));
		}
	}
}

/* Lengths around HMAC's block, none, and far above. */
static void
test_lengths(void **state)
{
	static const size_t lengths[] = { 0,   1,   55,   63,   64,    65,
					  127, 128, 1024, 4096, 65535, 65536 };
	static const uint8_t salt[16] = { 9 };
	char *password = mem_zalloc(65537);
	struct scram_verifier v;

	(void)state;
	assert_non_null(password);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		size_t n = lengths[i];

		memset(password, 'p', n);
		password[n] = '\0';
		assert_true(scram_verifier_from_password(&v, password, salt, 16,
							 10));
		assert_true(scram_verifier_accepts(&v, password));
		password[n] = 'q';
		password[n + (n < 65536)] = '\0';
		if (n < 65536)
			assert_false(scram_verifier_accepts(&v, password));
		if (n > 0) {
			password[n - 1] = '\0';
			assert_false(scram_verifier_accepts(&v, password));
		}
	}
	mem_free(password);
}

/* Long and not ASCII: taken raw, and still told apart by its last byte. */
static void
test_long_raw(void **state)
{
	static const uint8_t salt[16] = { 9 };
	char *password = mem_zalloc(65537);
	struct scram_verifier v;

	(void)state;
	assert_non_null(password);
	for (size_t i = 0; i < 65536; i += 2)
		memcpy(password + i, "\xc3\xa9", 2);
	assert_true(scram_verifier_from_password(&v, password, salt, 16, 10));
	assert_true(scram_verifier_accepts(&v, password));
	password[65535] = '\xaa';
	assert_false(scram_verifier_accepts(&v, password));
	mem_free(password);
}

static void
test_mock(void **state)
{
	struct auth_mock mock, other;
	struct scram_verifier a, b;
	uint8_t salt[SCRAM_SALT_BYTES];

	(void)state;
	memset(mock.secret, 1, sizeof(mock.secret));
	memset(other.secret, 2, sizeof(other.secret));
	assert_true(scram_verifier_mock(&a, &mock, "alice", 4096));
	assert_true(scram_verifier_mock(&b, &mock, "alice", 4096));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.is_mock);
	assert_int_equal(a.iterations, 4096);
	assert_int_equal(a.salt_len, SCRAM_SALT_BYTES);
	assert_true(scram_user_salt(&mock, "alice", salt));
	assert_memory_equal(a.salt, salt, sizeof(salt));

	assert_true(scram_verifier_mock(&b, &mock, "bob", 4096));
	assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_BYTES);
	assert_memory_not_equal(a.stored_key, b.stored_key, 32);
	assert_true(scram_verifier_mock(&b, &other, "alice", 4096));
	assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_BYTES);
	assert_true(scram_verifier_mock(&b, &mock, "", 4096));
	assert_false(scram_verifier_mock(&b, &mock, "alice", 0));
}

/* Even with the password's own keys in it, a mock stays shut. */
static void
test_mock_accepts_nothing(void **state)
{
	struct scram_verifier v;

	(void)state;
	assert_true(scram_verifier_parse(made_verifiers[0].verifier, &v));
	assert_true(scram_verifier_accepts(&v, "pencil"));
	v.is_mock = true;
	assert_false(scram_verifier_accepts(&v, "pencil"));
}

static void
test_library_failure(void **state)
{
	static const struct auth_mock mock = { { 1 } };
	static const uint8_t salt[16] = { 9 };
	struct scram_verifier v;
	struct scram_keys keys;
	uint8_t out[32];

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "no=where"), 1);
	memset(&v, 7, sizeof(v));
	assert_false(scram_verifier_mock(&v, &mock, "alice", 4096));
	assert_memory_equal(&v, zero, sizeof(v));
	assert_false(scram_verifier_from_password(&v, "pw", salt, 16, 1));
	assert_memory_equal(&v, zero, sizeof(v));
	memset(out, 7, sizeof(out));
	assert_false(scram_user_salt(&mock, "alice", out));
	assert_memory_equal(out, zero, SCRAM_SALT_BYTES);
	memset(out, 7, sizeof(out));
	assert_false(scram_keys_derive(out, &keys));
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_by_postgres),
		cmocka_unit_test(test_equivalent),
		cmocka_unit_test(test_rfc_keys),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_long_raw),
		cmocka_unit_test(test_mock),
		cmocka_unit_test(test_mock_accepts_nothing),
		cmocka_unit_test(test_library_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
