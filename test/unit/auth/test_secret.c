/* Kinds of secrets, and verifiers' texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/secret.h"
#include "base/mem.h"
#include "vectors.h"

#define KEY "ZDwtZ4GSYeLeOgNGjOBZ6j3ON0uQSYQWmX9LXFQ2aeo="
#define KEYS KEY ":" KEY
#define SALT_16 "AAAAAAAAAAAAAAAAAAAAAA=="
#define A16 "AAAAAAAAAAAAAAAA"
#define SALT_63 A16 A16 A16 A16 A16 "AAAA"
#define SALT_64 SALT_63 "AA=="
#define SALT_65 SALT_63 "AAA="

static void
test_kinds(void **state)
{
	static const struct {
		const char *text;
		enum secret_kind kind;
		int is_usable; /* as a verifier */
	} cases[] = {
		{ NULL, SECRET_NONE, 0 },
		{ "", SECRET_NONE, 0 },
		{ "pencil", SECRET_CLEAR, 0 },
		{ "md57474753e4b2f9e23953d5977773aabb0", SECRET_MD5, 0 },
		{ "md57474753e4b2f9e23953d5977773aabb", SECRET_CLEAR, 0 },
		{ "md57474753e4b2f9e23953d5977773aabb00", SECRET_CLEAR, 0 },
		{ "md57474753E4B2F9E23953D5977773AABB0", SECRET_CLEAR, 0 },
		{ "md57474753e4b2f9e23953d5977773aabbg", SECRET_CLEAR, 0 },
		{ "MD57474753e4b2f9e23953d5977773aabb0", SECRET_CLEAR, 0 },
		{ "md5", SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:" SALT_16 "$" KEYS, SECRET_SCRAM, 1 },
		{ "SCRAM-SHA-256$1:c2FsdA==$" KEYS, SECRET_SCRAM, 1 },
		{ "SCRAM-SHA-256$2147483647:c2FsdA==$" KEYS, SECRET_SCRAM, 1 },
		{ "SCRAM-SHA-256$04096:c2FsdA==$" KEYS, SECRET_SCRAM, 1 },
		{ "SCRAM-SHA-256$1:" SALT_63 "$" KEYS, SECRET_SCRAM, 1 },
		{ "SCRAM-SHA-256$1:" SALT_64 "$" KEYS, SECRET_SCRAM, 1 },
		/* the right shape, but out of bounds */
		{ "SCRAM-SHA-256$1:" SALT_65 "$" KEYS, SECRET_SCRAM, 0 },
		{ "SCRAM-SHA-256$0:c2FsdA==$" KEYS, SECRET_SCRAM, 0 },
		{ "SCRAM-SHA-256$2147483648:c2FsdA==$" KEYS, SECRET_SCRAM, 0 },
		{ "SCRAM-SHA-256$4294971392:c2FsdA==$" KEYS, SECRET_SCRAM, 0 },
		{ "SCRAM-SHA-256$9223372036854775807:c2FsdA==$" KEYS,
		  SECRET_SCRAM, 0 },
		/* no number at all */
		{ "SCRAM-SHA-256$9223372036854775808:c2FsdA==$" KEYS,
		  SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$99999999999999999999999:c2FsdA==$" KEYS,
		  SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096x:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$-1:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$0x10:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		/* scheme */
		{ "scram-sha-256$4096:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-1$4096:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256-PLUS$4096:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		{ " SCRAM-SHA-256$4096:c2FsdA==$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256", SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$", SECRET_CLEAR, 0 },
		/* salt */
		{ "SCRAM-SHA-256$4096:$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2Fs*A==$" KEYS, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdB==$" KEYS, SECRET_CLEAR, 0 },
		/* keys */
		{ "SCRAM-SHA-256$4096:c2FsdA==$" KEY, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$" KEY ":", SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$:" KEY, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$" KEYS "x", SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$" KEYS ":", SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$" KEYS "\n", SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$" KEY "$" KEY, SECRET_CLEAR, 0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$c2FsdA==:" KEY, SECRET_CLEAR,
		  0 },
		{ "SCRAM-SHA-256$4096:c2FsdA==$" KEY ":" SALT_64, SECRET_CLEAR,
		  0 },
	};
	struct scram_verifier v;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		memset(&v, 'v', sizeof(v));
		if (secret_kind(cases[i].text) != cases[i].kind)
			fail_msg("kind of case %zu", i);
		if (scram_verifier_parse(cases[i].text, &v) !=
		    (cases[i].is_usable != 0))
			fail_msg("verifier of case %zu", i);
		if (!cases[i].is_usable)
			assert_int_equal(v.salt[0], 'v');
	}
}

#define SHA1_HEX "2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
#define SHA2_SALT "abcdefghijklmnopqrst"
#define SHA2_TEXT "./01234567890ABCDEFGHIJKLMNOPQRSTUVWXYZabcd"

/* MySQL's kinds; what is not quite one is somebody's odd password. */
static void
test_mysql_kinds(void **state)
{
	static const struct {
		const char *text;
		enum secret_kind kind;
		uint32_t rounds;
	} cases[] = {
		{ "*" SHA1_HEX, SECRET_MY_NATIVE, 0 },
		{ "*2470c0c06dee42fd1618bb99005adca2ec9d1e19", SECRET_MY_NATIVE,
		  0 },
		{ "*" SHA1_HEX "0", SECRET_CLEAR, 0 },
		{ SHA1_HEX, SECRET_CLEAR, 0 },
		{ "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1G", SECRET_CLEAR,
		  0 },
		{ "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E1", SECRET_CLEAR, 0 },
		{ "*", SECRET_CLEAR, 0 },
		{ "$A$005$" SHA2_SALT SHA2_TEXT, SECRET_MY_SHA2, 5000 },
		{ "$A$FfF$" SHA2_SALT SHA2_TEXT, SECRET_MY_SHA2, 4095000 },
		{ "$A$000$" SHA2_SALT SHA2_TEXT, SECRET_CLEAR, 0 },
		{ "$A$0x5$" SHA2_SALT SHA2_TEXT, SECRET_CLEAR, 0 },
		{ "$B$005$" SHA2_SALT SHA2_TEXT, SECRET_CLEAR, 0 },
		{ "$A$0055" SHA2_SALT SHA2_TEXT, SECRET_CLEAR, 0 },
		{ "$A$005$" SHA2_SALT SHA2_TEXT "a", SECRET_CLEAR, 0 },
		{ "$A$005$" SHA2_SALT
		  "=/01234567890ABCDEFGHIJKLMNOPQRSTUVWXYZab"
		  "cd",
		  SECRET_CLEAR, 0 },
		{ "$A$005$", SECRET_CLEAR, 0 },
		{ "0x24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503"
		  "974624D34504B5A424679354856336868686F52485A736E4A733368786E"
		  "427575516C73446469496537",
		  SECRET_MY_SHA2, 5000 },
		{ "0x24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503"
		  "974624D34504B5A424679354856336868686F52485A736E4A733368786E"
		  "427575516C7344646949653",
		  SECRET_CLEAR, 0 },
		{ "0x24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503"
		  "974624D34504B5A424679354856336868686F52485A736E4A733368786E"
		  "427575516C7344646949653g",
		  SECRET_CLEAR, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct my_sha2_secret s = { 0 };

		assert_int_equal(secret_kind(cases[i].text), cases[i].kind);
		assert_int_equal(my_sha2_secret_parse(cases[i].text, &s),
				 cases[i].kind == SECRET_MY_SHA2);
		assert_int_equal(s.rounds, cases[i].rounds);
	}
}

/* Digits only, whole, and nothing behind the end is looked at. */
static void
test_unhex(void **state)
{
	uint8_t out[2] = { 9, 9 };

	(void)state;
	assert_true(secret_unhex("0aF9", out, 2));
	assert_memory_equal(out, "\x0a\xf9", 2);
	for (unsigned c = 1; c < 256; c++) {
		char text[5] = { '0', (char)c, '0', '0', '\0' };
		bool is_digit = strchr("0123456789abcdefABCDEF", (int)c);

		assert_int_equal(secret_unhex(text, out, 2), is_digit);
	}
	assert_false(secret_unhex("0aF", out, 2));
	assert_false(secret_unhex("", out, 2));
	assert_memory_equal(out, "\0\0", 2);
}

static void
test_fields(void **state)
{
	struct scram_verifier v;

	(void)state;
	assert_true(
		scram_verifier_parse("SCRAM-SHA-256$1234:c2FsdA==$" KEYS, &v));
	assert_int_equal(v.iterations, 1234);
	assert_int_equal(v.salt_len, 4);
	assert_memory_equal(v.salt, "salt", 4);
	assert_memory_equal(v.stored_key, v.server_key, SCRAM_KEY_BYTES);
	assert_int_equal(v.stored_key[0], 0x64);
	assert_int_equal(v.stored_key[31], 0xea);
	assert_false(v.is_mock);
	scram_verifier_fini(&v);
	assert_int_equal(v.stored_key[0], 0);
}

/* No part of a hash is a hash: it is somebody's odd password. */
static void
test_truncations(void **state)
{
	char text[256];
	size_t len = strlen(made_verifiers[0].verifier);

	(void)state;
	for (size_t cut = 1; cut < len; cut++) {
		memcpy(text, made_verifiers[0].verifier, cut);
		text[cut] = '\0';
		assert_int_equal(secret_kind(text), SECRET_CLEAR);
	}
	for (size_t cut = 1; cut < 35; cut++) {
		memcpy(text, made_md5s[0].secret, cut);
		text[cut] = '\0';
		assert_int_equal(secret_kind(text), SECRET_CLEAR);
	}
}

static void
test_accepts(void **state)
{
	const char *verifier = made_verifiers[0].verifier;
	const char *md5 = made_md5s[0].secret;

	(void)state;
	assert_true(secret_accepts("pencil", "m1", "pencil"));
	assert_false(secret_accepts("pencil", "m1", "pencils"));
	assert_false(secret_accepts("pencil", "m1", "penci"));
	assert_false(secret_accepts("pencil", "m1", ""));
	assert_true(secret_accepts(md5, "m1", "pencil"));
	assert_false(secret_accepts(md5, "m2", "pencil"));
	assert_false(secret_accepts(md5, "m1", "pencil2"));
	assert_true(secret_accepts(verifier, "any", "pencil"));
	assert_false(secret_accepts(verifier, "any", "Pencil"));
	assert_true(secret_accepts("*" SHA1_HEX, "any", "password"));
	assert_false(secret_accepts("*" SHA1_HEX, "any", "passwort"));
	assert_false(secret_accepts("*" SHA1_HEX, "any", ""));
	/* a stolen hash is no password */
	assert_false(secret_accepts("*" SHA1_HEX, "any", "*" SHA1_HEX));
	assert_false(secret_accepts(md5, "m1", md5));
	assert_false(secret_accepts(verifier, "m1", verifier));
	assert_false(secret_accepts("SCRAM-SHA-256$0:c2FsdA==$" KEYS, "m1",
				    "SCRAM-SHA-256$0:c2FsdA==$" KEYS));
	/* no secret is no empty password */
	assert_false(secret_accepts(NULL, "m1", ""));
	assert_false(secret_accepts("", "m1", ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_mysql_kinds),
		cmocka_unit_test(test_unhex),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
