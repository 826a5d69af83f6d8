/*
 * The digests that logins are made of.  Pure, any thread.  Private to auth/.
 *
 * Every function returns false, with out wiped, when the library has no such
 * digest (MD5 under a FIPS provider) or memory is out; OpenSSL's error queue
 * is left empty, since the TLS code of the same thread reads it.
 */
#ifndef CARPOOL_AUTH_DIGEST_H
#define CARPOOL_AUTH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256_BYTES 32u
#define DIGEST_MD5_BYTES 16u
#define DIGEST_SHA1_BYTES 20u
#define DIGEST_SHA512_BYTES 64u

/* One piece of what is digested; borrowed. */
struct digest_part {
	const void *data;
	size_t len;
};

/* SHA-256 of len bytes. */
bool digest_sha256(const void *data, size_t len,
		   uint8_t out[DIGEST_SHA256_BYTES]);

/* HMAC-SHA-256 of len bytes under a key of 32 bytes. */
bool digest_hmac(const uint8_t key[DIGEST_SHA256_BYTES], const void *data,
		 size_t len, uint8_t out[DIGEST_SHA256_BYTES]);

/*
 * PBKDF2 with HMAC-SHA-256 of a NUL-terminated password, one block of output;
 * iterations at least 1.
 */
bool digest_pbkdf2(const char *password, const uint8_t *salt, size_t salt_len,
		   uint32_t iterations, uint8_t out[DIGEST_SHA256_BYTES]);

/* MD5 of the bytes of a followed by those of b. */
bool digest_md5_pair(const void *a, size_t a_len, const void *b, size_t b_len,
		     uint8_t out[DIGEST_MD5_BYTES]);

/* SHA-1 of the pieces, one after the other; and so on. */
bool digest_sha1_parts(const struct digest_part *parts, size_t count,
		       uint8_t out[DIGEST_SHA1_BYTES]);
bool digest_sha256_parts(const struct digest_part *parts, size_t count,
			 uint8_t out[DIGEST_SHA256_BYTES]);
bool digest_sha512_parts(const struct digest_part *parts, size_t count,
			 uint8_t out[DIGEST_SHA512_BYTES]);

#endif
