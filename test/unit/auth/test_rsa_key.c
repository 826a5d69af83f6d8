/* RSA for passwords: both directions, and keys that are of no use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "auth/rsa_key.h"
#include "base/mem.h"

static const uint8_t text[] = "pass\0word";

static void
test_round_trip(void **state)
{
	struct rsa_key *key = rsa_key_new(NULL);
	uint8_t cipher[RSA_CIPHER_MAX], out[RSA_PASSWORD_MAX];
	const char *pem;
	size_t len, out_len;

	(void)state;
	assert_non_null(key);
	assert_null(rsa_key_public(key));
	assert_false(rsa_key_decrypt(key, cipher, 256, out, &out_len));
	assert_true(rsa_key_prepare(key));
	pem = rsa_key_public(key);
	assert_non_null(pem);
	assert_memory_equal(pem, "-----BEGIN PUBLIC KEY-----\n", 27);
	assert_true(rsa_key_prepare(key));
	assert_ptr_equal(rsa_key_public(key), pem);
	assert_true(rsa_encrypt_for(pem, strlen(pem), text, sizeof(text),
				    cipher, &len));
	assert_int_equal(len, RSA_KEY_BITS / 8);
	assert_true(rsa_key_decrypt(key, cipher, len, out, &out_len));
	assert_int_equal(out_len, sizeof(text));
	assert_memory_equal(out, text, sizeof(text));
	assert_false(rsa_key_decrypt(key, cipher, len - 1, out, &out_len));
	assert_int_equal(out[0], 0);
	cipher[7] ^= 1;
	assert_false(rsa_key_decrypt(key, cipher, len, out, &out_len));
	assert_int_equal(ERR_peek_error(), 0);
	/* More than fits. */
	assert_false(rsa_encrypt_for(pem, strlen(pem), cipher, 215, out, &len));
	assert_true(rsa_encrypt_for(pem, strlen(pem), cipher, 214, out, &len));
	rsa_key_free(key);
	rsa_key_free(NULL);
}

/* The text of a key; with secret, of the private one. */
static char *
pem_of(EVP_PKEY *k, int secret)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *from, *copy;
	long len;

	if (secret)
		assert_int_equal(PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0,
							  NULL, NULL),
				 1);
	else
		assert_int_equal(PEM_write_bio_PUBKEY(b, k), 1);
	len = BIO_get_mem_data(b, &from);
	copy = mem_strndup(from, (size_t)len);
	BIO_free(b);
	EVP_PKEY_free(k);
	return copy;
}

static void
test_given(void **state)
{
	char *pem = pem_of(EVP_RSA_gen(2048), 1);
	char *small = pem_of(EVP_RSA_gen(1024), 1);
	char *curve = pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 1);
	struct rsa_key *key = rsa_key_new(pem);

	(void)state;
	assert_non_null(key);
	assert_non_null(rsa_key_public(key));
	rsa_key_free(key);
	assert_null(rsa_key_new(small));
	assert_null(rsa_key_new(curve));
	assert_null(rsa_key_new(""));
	assert_null(rsa_key_new("-----BEGIN PRIVATE KEY-----\nAAAA\n"
				"-----END PRIVATE KEY-----\n"));
	assert_int_equal(ERR_peek_error(), 0);
	mem_free(pem);
	mem_free(small);
	mem_free(curve);
}

/* A server may show anything. */
static void
test_shown(void **state)
{
	char *good = pem_of(EVP_RSA_gen(1024), 0);
	char *small = pem_of(EVP_RSA_gen(768), 0);
	char *curve = pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0);
	uint8_t out[RSA_CIPHER_MAX];
	size_t len = strlen(good), out_len;

	(void)state;
	assert_true(rsa_encrypt_for(good, len, text, 5, out, &out_len));
	assert_int_equal(out_len, 128);
	for (size_t cut = 0; cut < len - 2; cut++)
		assert_false(
			rsa_encrypt_for(good, cut, text, 5, out, &out_len));
	assert_false(
		rsa_encrypt_for(small, strlen(small), text, 5, out, &out_len));
	assert_false(
		rsa_encrypt_for(curve, strlen(curve), text, 5, out, &out_len));
	assert_int_equal(ERR_peek_error(), 0);
	mem_free(good);
	mem_free(small);
	mem_free(curve);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
