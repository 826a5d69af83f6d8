/*
 * The digests that logins are made of, over OpenSSL's libcrypto.
 *
 * The library looks an algorithm up by its name whenever a digest begins, which
 * costs more than the digest of a login's texts; so that is done once a call,
 * and HMAC (RFC 2104), which begins two, is spelled out.
 * Pure, any thread; no state between calls.
 */
#include "auth/digest.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/mem.h"

#define HMAC_BLOCK 64u /* bytes: SHA-256 works on as many */

static bool
fail(uint8_t *out, size_t len)
{
	mem_wipe(out, len);
	ERR_clear_error();
	return false;
}

/* SHA-256, looked up, and room to compute in. */
struct hasher {
	EVP_MD *md;      /* owns */
	EVP_MD_CTX *ctx; /* owns */
};

static bool
hasher_open(struct hasher *h)
{
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	return h->md != NULL && h->ctx != NULL;
}

static void
hasher_close(struct hasher *h)
{
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
}

/* Of the bytes of a followed by those of b. */
static bool
hash_pair(const struct hasher *h, const uint8_t a[HMAC_BLOCK], const void *b,
	  size_t b_len, uint8_t out[DIGEST_SHA256_BYTES])
{
	return EVP_DigestInit_ex(h->ctx, h->md, NULL) == 1 &&
	       EVP_DigestUpdate(h->ctx, a, HMAC_BLOCK) == 1 &&
	       EVP_DigestUpdate(h->ctx, b, b_len) == 1 &&
	       EVP_DigestFinal_ex(h->ctx, out, NULL) == 1;
}

static void
pad_key(const uint8_t key[DIGEST_SHA256_BYTES], uint8_t with,
	uint8_t out[HMAC_BLOCK])
{
	memset(out, with, HMAC_BLOCK);
	for (size_t i = 0; i < DIGEST_SHA256_BYTES; i++)
		out[i] ^= key[i];
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
	uint8_t inner[HMAC_BLOCK], outer[HMAC_BLOCK];
	struct hasher h;
	bool ok;

	pad_key(key, 0x36, inner);
	pad_key(key, 0x5c, outer);
	ok = hasher_open(&h) && hash_pair(&h, inner, data, len, out) &&
	     hash_pair(&h, outer, out, DIGEST_SHA256_BYTES, out);
	hasher_close(&h);
	mem_wipe(inner, sizeof(inner));
	mem_wipe(outer, sizeof(outer));
	return ok ? true : fail(out, DIGEST_SHA256_BYTES);
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

static bool
hash_parts(const EVP_MD *kind, const struct digest_part *parts, size_t count,
	   uint8_t *out, size_t len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md != NULL && EVP_DigestInit_ex(md, kind, NULL) == 1;

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(md, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok ? true : fail(out, len);
}

bool
digest_sha1_parts(const struct digest_part *parts, size_t count,
		  uint8_t out[DIGEST_SHA1_BYTES])
{
	return hash_parts(EVP_sha1(), parts, count, out, DIGEST_SHA1_BYTES);
}

bool
digest_sha256_parts(const struct digest_part *parts, size_t count,
		    uint8_t out[DIGEST_SHA256_BYTES])
{
	return hash_parts(EVP_sha256(), parts, count, out, DIGEST_SHA256_BYTES);
}

bool
digest_sha512_parts(const struct digest_part *parts, size_t count,
		    uint8_t out[DIGEST_SHA512_BYTES])
{
	return hash_parts(EVP_sha512(), parts, count, out, DIGEST_SHA512_BYTES);
}
