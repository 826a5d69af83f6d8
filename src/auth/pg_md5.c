/*
 * PostgreSQL's md5 login.  Pure, any thread.
 */
#include "auth/pg_md5.h"

#include <string.h>

#include "auth/digest.h"
#include "auth/secret.h"
#include "base/mem.h"
#include "base/text.h"

#define PREFIX_BYTES 3u

/* Writes "md5" and the hex digest of a followed by b. */
static bool
write_pair(const void *a, size_t a_len, const void *b, size_t b_len,
	   char out[PG_MD5_ROOM])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t digest[DIGEST_MD5_BYTES];
	char *to = out;

	*to = '\0';
	if (!digest_md5_pair(a, a_len, b, b_len, digest))
		return false;
	memcpy(to, "md5", PREFIX_BYTES);
	to += PREFIX_BYTES;
	for (size_t i = 0; i < sizeof(digest); i++) {
		*to++ = hex[digest[i] >> 4];
		*to++ = hex[digest[i] & 0xf];
	}
	*to = '\0';
	mem_wipe(digest, sizeof(digest));
	return true;
}

bool
pg_md5_secret(const char *password, const char *user, char out[PG_MD5_ROOM])
{
	return write_pair(password, strlen(password), user, strlen(user), out);
}

/* The salted answer from a stored md5 secret. */
static bool
salt_stored(const char stored[PG_MD5_ROOM],
	    const uint8_t salt[PG_MD5_SALT_BYTES], char out[PG_MD5_ROOM])
{
	return write_pair(stored + PREFIX_BYTES,
			  PG_MD5_TEXT_BYTES - PREFIX_BYTES, salt,
			  PG_MD5_SALT_BYTES, out);
}

bool
pg_md5_response(const char *secret, const char *user,
		const uint8_t salt[PG_MD5_SALT_BYTES], char out[PG_MD5_ROOM])
{
	char stored[PG_MD5_ROOM];
	bool ok;

	out[0] = '\0';
	switch (secret_kind(secret)) {
	case SECRET_CLEAR:
		if (!pg_md5_secret(secret, user, stored))
			return false;
		break;
	case SECRET_MD5:
		memcpy(stored, secret, sizeof(stored));
		break;
	case SECRET_NONE:
	case SECRET_SCRAM:
	case SECRET_MY_NATIVE:
	case SECRET_MY_SHA2:
		return false;
	}
	ok = salt_stored(stored, salt, out);
	mem_wipe(stored, sizeof(stored));
	return ok;
}

bool
pg_md5_verify(const char *secret, const char *user,
	      const uint8_t salt[PG_MD5_SALT_BYTES], const void *response,
	      size_t len)
{
	char right[PG_MD5_ROOM];
	bool is_known = pg_md5_response(secret, user, salt, right);
	bool ok = false;

	/* Somebody without a secret costs what somebody with one costs. */
	if (!is_known && !pg_md5_response("x", user, salt, right))
		return false;
	if (len == PG_MD5_TEXT_BYTES)
		ok = text_equal_secret(right, response, PG_MD5_TEXT_BYTES);
	mem_wipe(right, sizeof(right));
	return ok && is_known;
}
