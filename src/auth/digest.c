/*
 * The digests that logins are made of, over OpenSSL's libcrypto.
 * Pure, any thread; no state between calls.
 */
#include "auth/digest.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"

static bool
fail(uint8_t *out, size_t len)
{
	mem_wipe(out, len);
	ERR_clear_error();
	return false;
}

bool
digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_SHA256_BYTES])
{
	if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) != 1)
		return fail(out, DIGEST_SHA256_BYTES);
	return true;
}

bool
digest_hmac(const uint8_t key[DIGEST_SHA256_BYTES], const void *data,
	    size_t len, uint8_t out[DIGEST_SHA256_BYTES])
{
	if (HMAC(EVP_sha256(), key, DIGEST_SHA256_BYTES, data, len, out,
		 NULL) == NULL)
		return fail(out, DIGEST_SHA256_BYTES);
	return true;
}

bool
digest_pbkdf2(const char *password, const uint8_t *salt, size_t salt_len,
	      uint32_t iterations, uint8_t out[DIGEST_SHA256_BYTES])
{
	size_t password_len = strlen(password);

	if (password_len > INT_MAX || salt_len > INT_MAX || iterations == 0 ||
	    iterations > INT_MAX)
		return fail(out, DIGEST_SHA256_BYTES);
	if (PKCS5_PBKDF2_HMAC(password, (int)password_len, salt, (int)salt_len,
			      (int)iterations, EVP_sha256(),
			      DIGEST_SHA256_BYTES, out) != 1)
		return fail(out, DIGEST_SHA256_BYTES);
	return true;
}

bool
digest_md5_pair(const void *a, size_t a_len, const void *b, size_t b_len,
		uint8_t out[DIGEST_MD5_BYTES])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;

	ok = md != NULL && EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1 &&
	     EVP_DigestUpdate(md, a, a_len) == 1 &&
	     EVP_DigestUpdate(md, b, b_len) == 1 &&
	     EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok ? true : fail(out, DIGEST_MD5_BYTES);
}
