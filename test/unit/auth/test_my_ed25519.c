/*
 * client_ed25519: the response is a signature that the public key of MariaDB's
 * own documentation checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "auth/base64.h"
#include "auth/my_ed25519.h"
#include "base/mem.h"

/* What PASSWORD("secret") is for the plugin, less its padding. */
#define PUBLIC "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY="

static bool
is_signed(const uint8_t *text, const uint8_t *signature)
{
	uint8_t raw[32];
	size_t len;
	EVP_PKEY *key;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok;

	assert_true(
		base64_decode(PUBLIC, strlen(PUBLIC), raw, sizeof(raw), &len));
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, len);
	assert_int_equal(EVP_DigestVerifyInit(c, NULL, NULL, NULL, key), 1);
	ok = EVP_DigestVerify(c, signature, MY_ED25519_BYTES, text,
			      MY_ED25519_SCRAMBLE) == 1;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	return ok;
}

static void
test_response(void **state)
{
	uint8_t scramble[MY_ED25519_SCRAMBLE], out[MY_ED25519_BYTES];
	uint8_t again[MY_ED25519_BYTES];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		memset(scramble, (int)i, sizeof(scramble));
		scramble[7] = (uint8_t)(255 - i);
		assert_true(my_ed25519_respond("secret", scramble, out));
		assert_true(is_signed(scramble, out));
		assert_true(my_ed25519_respond("secret", scramble, again));
		assert_memory_equal(out, again, sizeof(out));
		assert_true(my_ed25519_respond("secreT", scramble, again));
		assert_false(is_signed(scramble, again));
		scramble[0] ^= 1;
		assert_false(is_signed(scramble, out));
	}
	assert_true(my_ed25519_respond("", scramble, out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
