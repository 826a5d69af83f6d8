/* mysql_native_password; the vectors were computed with another tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "auth/my_native.h"
#include "base/mem.h"

#define STORED "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"

static const uint8_t scramble[] = "ABCDEFGHIJKLMNOPQRST";
static const uint8_t answer[MY_NATIVE_BYTES] = { 0x6e, 0xa7, 0x51, 0xec, 0x82,
						 0xdd, 0xf5, 0x29, 0xe2, 0xe2,
						 0xf0, 0x92, 0xff, 0x19, 0xcf,
						 0x11, 0x40, 0x11, 0x8e, 0xb0 };

static void
test_answer(void **state)
{
	uint8_t stage1[MY_NATIVE_BYTES], stage2[MY_NATIVE_BYTES];
	uint8_t stored[MY_NATIVE_BYTES], out[MY_NATIVE_BYTES];

	(void)state;
	assert_true(my_native_stage1("password", stage1));
	assert_true(my_native_stage2(stage1, stage2));
	assert_true(my_native_secret(STORED, stored));
	assert_memory_equal(stage2, stored, sizeof(stored));
	assert_true(my_native_secret("password", stored));
	assert_memory_equal(stage2, stored, sizeof(stored));
	assert_true(my_native_respond(stage1, scramble, out));
	assert_memory_equal(out, answer, sizeof(answer));
}

/* Whoever has the hash alone learns from a proof what servers want. */
static void
test_verify(void **state)
{
	static const char *const good[] = { "password", STORED };
	static const char *const bad[] = {
		"passwort", "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E18", NULL,
		"",         "md57474753e4b2f9e23953d5977773aabb0",
	};
	static const uint8_t zero[MY_NATIVE_BYTES];
	uint8_t proved[MY_NATIVE_BYTES], stage1[MY_NATIVE_BYTES];
	uint8_t wrong[MY_NATIVE_BYTES];

	(void)state;
	assert_true(my_native_stage1("password", stage1));
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(my_native_verify(good[i], scramble, answer,
					     sizeof(answer), proved));
		assert_memory_equal(proved, stage1, sizeof(stage1));
		assert_false(my_native_verify(good[i], scramble, answer,
					      sizeof(answer) - 1, proved));
		assert_false(
			my_native_verify(good[i], scramble, "", 0, proved));
		assert_memory_equal(proved, zero, sizeof(zero));
		assert_false(my_native_verify(good[i], (const uint8_t *)STORED,
					      answer, sizeof(answer), proved));
		for (size_t at = 0; at < sizeof(answer); at++) {
			memcpy(wrong, answer, sizeof(wrong));
			wrong[at] ^= 0x10;
			assert_false(my_native_verify(good[i], scramble, wrong,
						      sizeof(wrong), proved));
		}
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		memset(proved, 1, sizeof(proved));
		assert_false(my_native_verify(bad[i], scramble, answer,
					      sizeof(answer), proved));
		assert_memory_equal(proved, zero, sizeof(zero));
	}
}

/* The password that stands for nobody's opens nothing. */
static void
test_nobody(void **state)
{
	uint8_t stage1[MY_NATIVE_BYTES], out[MY_NATIVE_BYTES];

	(void)state;
	for (unsigned c = 1; c < 128; c++) {
		char password[2] = { (char)c, '\0' };

		assert_true(my_native_stage1(password, stage1));
		assert_true(my_native_respond(stage1, scramble, out));
		assert_true(my_native_verify(password, scramble, out,
					     sizeof(out), stage1));
		assert_false(my_native_verify(NULL, scramble, out, sizeof(out),
					      stage1));
	}
}

/* The same each time, and of nothing else. */
static void
test_scramble_of(void **state)
{
	static const struct {
		const char *secret;
		uint64_t id;
		uint8_t nth;
		bool is_same;
	} rows[] = {
		{ "secret", 7, 0, true },           { "Secret", 7, 0, false },
		{ "secret", 7ull << 32, 0, false }, { "secret", 8, 0, false },
		{ "secret", 7, 1, false },
	};
	uint8_t first[MY_SCRAMBLE_BYTES], out[MY_SCRAMBLE_BYTES];

	(void)state;
	assert_true(my_scramble_of("secret", 6, 7, 0, first));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_true(my_scramble_of(rows[i].secret, 6, rows[i].id,
					   rows[i].nth, out));
		assert_int_equal(memcmp(first, out, sizeof(out)) == 0,
				 rows[i].is_same);
	}
}

/* All that entropy can be makes a scramble that every driver can read. */
static void
test_scramble(void **state)
{
	uint8_t entropy[MY_SCRAMBLE_ENTROPY] = { 0 };
	uint8_t out[MY_SCRAMBLE_BYTES];
	bool seen[256] = { false };

	(void)state;
	for (unsigned v = 0; v < 65536; v++) {
		entropy[38] = (uint8_t)(v >> 8);
		entropy[39] = (uint8_t)v;
		my_scramble_make(entropy, out);
		assert_int_equal(out[0], '!');
		seen[out[19]] = true;
	}
	for (unsigned c = 0; c < 256; c++)
		assert_int_equal(seen[c], c > ' ' && c < 127 && c != '$');
}

/* Without SHA-1 nobody is let in. */
static void
test_missing(void **state)
{
	uint8_t out[MY_NATIVE_BYTES];

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "no=where"), 1);
	assert_false(my_native_stage1("password", out));
	assert_false(my_native_verify("password", scramble, answer,
				      sizeof(answer), out));
	assert_false(my_native_verify(STORED, scramble, answer, sizeof(answer),
				      out));
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_true(my_native_verify(STORED, scramble, answer, sizeof(answer),
				     out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_scramble),
		cmocka_unit_test(test_scramble_of),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
