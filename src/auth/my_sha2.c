/*
 * caching_sha2_password.  Pure, any thread.
 */
#include "auth/my_sha2.h"

#include <string.h>

#include "auth/digest.h"
#include "auth/secret.h"
#include "auth/sha_crypt.h"
#include "base/mem.h"
#include "base/text.h"

#define ROUNDS_DEFAULT 5000u

static bool
hash(const void *data, size_t len, uint8_t out[MY_SHA2_BYTES])
{
	return digest_sha256(data, len, out);
}

bool
my_sha2_stage1(const char *password, uint8_t stage1[MY_SHA2_BYTES])
{
	return hash(password, strlen(password), stage1);
}

bool
my_sha2_respond(const uint8_t stage1[MY_SHA2_BYTES],
		const uint8_t scramble[MY_SCRAMBLE_BYTES],
		uint8_t response[MY_SHA2_BYTES])
{
	uint8_t stage2[MY_SHA2_BYTES];
	struct digest_part parts[] = { { stage2, sizeof(stage2) },
				       { scramble, MY_SCRAMBLE_BYTES } };
	bool ok = hash(stage1, MY_SHA2_BYTES, stage2) &&
		  digest_sha256_parts(parts, COUNT_OF(parts), response);

	for (size_t i = 0; ok && i < MY_SHA2_BYTES; i++)
		response[i] ^= stage1[i];
	mem_wipe(stage2, sizeof(stage2));
	return ok;
}

bool
my_sha2_verify(const uint8_t *stage1, const uint8_t scramble[MY_SCRAMBLE_BYTES],
	       const void *response, size_t len)
{
	static const uint8_t nobody[MY_SHA2_BYTES];
	uint8_t right[MY_SHA2_BYTES];
	bool ok;

	if (!my_sha2_respond(stage1 == NULL ? nobody : stage1, scramble, right))
		return false;
	ok = len == sizeof(right) &&
	     text_equal_secret(right, response, sizeof(right)) &&
	     stage1 != NULL;
	mem_wipe(right, sizeof(right));
	return ok;
}

bool
my_sha2_accepts(const char *secret, const char *password)
{
	struct my_sha2_secret s = { .rounds = ROUNDS_DEFAULT };
	char made[SHA_CRYPT_TEXT];
	bool is_known = my_sha2_secret_parse(secret, &s);
	bool ok;

	ok = sha_crypt(password, s.salt, sizeof(s.salt), s.rounds, made) &&
	     text_equal_secret(made, s.digest, sizeof(made)) && is_known;
	mem_wipe(made, sizeof(made));
	return ok;
}

void
my_sha2_mask(uint8_t *password, size_t len,
	     const uint8_t scramble[MY_SCRAMBLE_BYTES])
{
	for (size_t i = 0; i < len; i++)
		password[i] ^= scramble[i % MY_SCRAMBLE_BYTES];
}
