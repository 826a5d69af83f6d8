/* Digests against published vectors, and without their algorithms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "auth/digest.h"
#include "base/mem.h"

static void
assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	static const char digits[] = "0123456789abcdef";

	assert_int_equal(strlen(hex), 2 * len);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(hex[2 * i], digits[bytes[i] >> 4]);
		assert_int_equal(hex[2 * i + 1], digits[bytes[i] & 15]);
	}
}

/* FIPS 180-2, appendix B; RFC 1321, appendix A.5. */
static void
test_plain(void **state)
{
	uint8_t out[DIGEST_SHA256_BYTES];

	(void)state;
	assert_true(digest_sha256("abc", 3, out));
	assert_hex(out, DIGEST_SHA256_BYTES,
		   "ba7816bf8f01cfea414140de5dae2223"
		   "b00361a396177a9cb410ff61f20015ad");
	assert_true(digest_md5_pair("message ", 8, "digest", 6, out));
	assert_hex(out, DIGEST_MD5_BYTES, "f96b697d7cb7938d525a2f31aaf161d0");
	assert_true(digest_md5_pair("", 0, "", 0, out));
	assert_hex(out, DIGEST_MD5_BYTES, "d41d8cd98f00b204e9800998ecf8427e");
}

/* RFC 4231, test case 2, its key padded with zeros as HMAC itself does. */
static void
test_hmac(void **state)
{
	static const uint8_t key[32] = "Jefe";
	static const char text[] = "what do ya want for nothing?";
	uint8_t out[DIGEST_SHA256_BYTES];

	(void)state;
	assert_true(digest_hmac(key, text, strlen(text), out));
	assert_hex(out, sizeof(out),
		   "5bdcc146bf60754e6a042426089575c7"
		   "5a003f089d2739839dec58b964ec3843");
}

/* RFC 7914, section 11 (the first 32 bytes of each). */
static void
test_pbkdf2(void **state)
{
	uint8_t out[DIGEST_SHA256_BYTES];

	(void)state;
	assert_true(
		digest_pbkdf2("passwd", (const uint8_t *)"salt", 4, 1, out));
	assert_hex(out, sizeof(out),
		   "55ac046e56e3089fec1691c22544b605"
		   "f94185216dde0465e68b9d57c20dacbc");
	assert_true(digest_pbkdf2("Password", (const uint8_t *)"NaCl", 4, 80000,
				  out));
	assert_hex(out, sizeof(out),
		   "4ddcd8f60b98be21830cee5ef22701f9"
		   "641a4418d04c0414aeff08876b34ab56");
	assert_false(digest_pbkdf2("x", (const uint8_t *)"salt", 4, 0, out));
	assert_false(digest_pbkdf2("x", (const uint8_t *)"salt", 4, UINT32_MAX,
				   out));
}

static void
test_missing(void **state)
{
	static const uint8_t zero[32];
	uint8_t out[DIGEST_SHA256_BYTES];

	(void)state;
	assert_int_equal(EVP_set_default_properties(NULL, "no=where"), 1);
	memset(out, 1, sizeof(out));
	assert_false(digest_md5_pair("a", 1, "b", 1, out));
	assert_memory_equal(out, zero, DIGEST_MD5_BYTES);
	memset(out, 1, sizeof(out));
	assert_false(digest_sha256("a", 1, out));
	assert_memory_equal(out, zero, sizeof(out));
	memset(out, 1, sizeof(out));
	assert_false(digest_hmac(zero, "a", 1, out));
	assert_memory_equal(out, zero, sizeof(out));
	memset(out, 1, sizeof(out));
	assert_false(digest_pbkdf2("x", zero, 4, 1, out));
	assert_memory_equal(out, zero, sizeof(out));
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(EVP_set_default_properties(NULL, ""), 1);
	assert_true(digest_sha256("a", 1, out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_pbkdf2),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
