/*
 * caching_sha2_password; the vectors of the fast way were computed with another
 * tool, the secrets were made by MySQL 8 servers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/my_sha2.h"
#include "auth/secret.h"
#include "auth/sha_crypt.h"
#include "base/mem.h"

static const struct {
	const char *password, *secret;
} made[] = {
	{ "foobar",
	  "0x24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34"
	  "504B5A424679354856336868686F52485A736E4A733368786E427575516C73446469"
	  "496537" },
	{ "testpassword123",
	  "0x24412430303524393D02673221785B414A4E5F02073711301659116B446B767533"
	  "45617A4D7530635548526D3678746F6B75564835553334346932572E332F704C4856"
	  "477131" },
};

static const uint8_t scramble[] = "ABCDEFGHIJKLMNOPQRST";
static const uint8_t answer[MY_SHA2_BYTES] = {
	0x2f, 0xeb, 0xee, 0xbc, 0xec, 0xa0, 0x97, 0x51, 0x44, 0x83, 0xc2,
	0x4d, 0xef, 0x11, 0x73, 0xc5, 0xcd, 0xf6, 0x0e, 0x1e, 0x7b, 0x38,
	0x94, 0xe0, 0x6f, 0xcf, 0xf5, 0x89, 0x03, 0x5f, 0x0c, 0x84
};

static void
test_fast(void **state)
{
	uint8_t stage1[MY_SHA2_BYTES], out[MY_SHA2_BYTES];

	(void)state;
	assert_true(my_sha2_stage1("password", stage1));
	assert_true(my_sha2_respond(stage1, scramble, out));
	assert_memory_equal(out, answer, sizeof(answer));
	assert_true(my_sha2_verify(stage1, scramble, out, sizeof(out)));
	assert_false(my_sha2_verify(stage1, scramble, out, sizeof(out) - 1));
	assert_false(my_sha2_verify(stage1, scramble, "", 0));
	assert_false(my_sha2_verify(NULL, scramble, out, sizeof(out)));
	for (size_t at = 0; at < sizeof(out); at++) {
		out[at] ^= 1;
		assert_false(
			my_sha2_verify(stage1, scramble, out, sizeof(out)));
		out[at] ^= 1;
	}
	memset(stage1, 0, sizeof(stage1));
	/* Nobody's stage 1 is not that of zeros, either. */
	assert_true(my_sha2_respond(stage1, scramble, out));
	assert_false(my_sha2_verify(NULL, scramble, out, sizeof(out)));
}

static void
test_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(made); i++) {
		assert_int_equal(secret_kind(made[i].secret), SECRET_MY_SHA2);
		assert_true(my_sha2_accepts(made[i].secret, made[i].password));
		assert_true(secret_accepts(made[i].secret, "any",
					   made[i].password));
		assert_false(
			my_sha2_accepts(made[i].secret, made[1 - i].password));
		assert_false(my_sha2_accepts(made[i].secret, ""));
		assert_false(my_sha2_accepts(made[i].secret, made[i].secret));
		assert_false(my_sha2_accepts(NULL, made[i].password));
	}
}

/* As crypt(3) of the C library has it, which takes salts of 16 bytes at most
 * and 1000 rounds at least. */
static void
test_crypt(void **state)
{
	static const struct {
		const char *password, *salt;
		uint32_t rounds;
		const char *text;
	} rows[] = {
		{ "Hello world!", "saltstring", 5000,
		  "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5" },
		{ "Hello world!", "saltstringsaltst", 10000,
		  "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA" },
		{ "This is just a test", "toolongsaltstrin", 5000,
		  "Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5" },
		{ "a very much longer text to encrypt.  This one even "
		  "stretches over morethan one line.",
		  "anotherlongsalts", 1400,
		  "Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1" },
		{ "we have a short salt string but not a short password",
		  "short", 77777,
		  "JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/" },
		{ "a short string", "asaltof16chars..", 123456,
		  "gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD" },
	};
	char out[SHA_CRYPT_TEXT], longest[SHA_CRYPT_PASSWORD_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_true(sha_crypt(
			rows[i].password, (const uint8_t *)rows[i].salt,
			strlen(rows[i].salt), rows[i].rounds, out));
		assert_memory_equal(out, rows[i].text, sizeof(out));
	}
	memset(longest, 'x', sizeof(longest));
	longest[SHA_CRYPT_PASSWORD_MAX] = '\0';
	assert_true(sha_crypt(longest, scramble, 20, 1, out));
	longest[SHA_CRYPT_PASSWORD_MAX] = 'x';
	longest[SHA_CRYPT_PASSWORD_MAX + 1] = '\0';
	assert_false(sha_crypt(longest, scramble, 20, 1, out));
	assert_false(sha_crypt("x", scramble, 20, 0, out));
	assert_true(sha_crypt("", scramble, 0, 1, out));
}

static void
test_mask(void **state)
{
	uint8_t text[45] = "the password, longer than a scramble is long";

	(void)state;
	my_sha2_mask(text, sizeof(text), scramble);
	assert_int_equal(text[0], 't' ^ 'A');
	assert_int_equal(text[20], ' ' ^ 'A');
	assert_int_equal(text[44], '\0' ^ 'E');
	my_sha2_mask(text, sizeof(text), scramble);
	assert_string_equal((char *)text,
			    "the password, longer than a scramble is long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fast),
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_crypt),
		cmocka_unit_test(test_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
