/*
 * Unpredictable bytes from OpenSSL's private generator.  Any thread.
 */
#include "auth/entropy.h"

#include <limits.h>

#include <openssl/rand.h>

#include "auth/digest.h"
#include "base/log.h"
#include "base/mem.h"

void
auth_random(void *out, size_t len)
{
	ASSERT(len <= INT_MAX);
	if (RAND_bytes(out, (int)len) == 1)
		return;
	log_event(LOG_ERROR, "entropy_failed",
		  "reason=\"the random number generator gives no bytes\"");
	mem_assert_failed("the random number generator gives bytes "
			  "(RAND_bytes)",
			  __FILE__, __LINE__);
}

void
auth_prepare(void)
{
	uint8_t key[DIGEST_SHA256_BYTES], out[DIGEST_SHA512_BYTES];
	struct digest_part part = { key, sizeof(key) };

	auth_random(key, sizeof(key));
	/* What OpenSSL may not or cannot do, a login is refused for. */
	(void)digest_sha256(key, sizeof(key), out);
	(void)digest_hmac(key, "", 0, out);
	(void)digest_pbkdf2("", key, sizeof(key), 1, out);
	(void)digest_md5_pair("", 0, "", 0, out);
	(void)digest_sha1_parts(&part, 1, out);
	(void)digest_sha512_parts(&part, 1, out);
}

void
auth_mock_init(struct auth_mock *mock)
{
	auth_random(mock->secret, sizeof(mock->secret));
}

void
auth_mock_fini(struct auth_mock *mock)
{
	mem_wipe(mock, sizeof(*mock));
}
