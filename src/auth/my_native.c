/*
 * mysql_native_password.  Pure, any thread.
 */
#include "auth/my_native.h"

#include <string.h>

#include "auth/digest.h"
#include "auth/secret.h"
#include "base/mem.h"
#include "base/text.h"

/* What a scramble may consist of: '!' to '~' less '$'. */
#define SCRAMBLE_SIGNS 93u

void
my_scramble_make(const uint8_t entropy[MY_SCRAMBLE_ENTROPY],
		 uint8_t scramble[MY_SCRAMBLE_BYTES])
{
	for (size_t i = 0; i < MY_SCRAMBLE_BYTES; i++) {
		/* Of 16 bits, so that no sign is noticeably rarer. */
		unsigned pair =
			(unsigned)entropy[2 * i] << 8 | entropy[2 * i + 1];
		unsigned sign = '!' + pair % SCRAMBLE_SIGNS;

		scramble[i] = (uint8_t)(sign >= '$' ? sign + 1 : sign);
	}
}

bool
my_scramble_of(const void *secret, size_t len, uint64_t id, uint8_t nth,
	       uint8_t scramble[MY_SCRAMBLE_BYTES])
{
	static const char use[] = "scramble";
	const struct digest_part parts[] = { { secret, len },
					     { use, sizeof(use) },
					     { &id, sizeof(id) },
					     { &nth, sizeof(nth) } };
	uint8_t entropy[DIGEST_SHA512_BYTES];

	_Static_assert(sizeof(entropy) >= MY_SCRAMBLE_ENTROPY, "of one digest");
	if (!digest_sha512_parts(parts, COUNT_OF(parts), entropy))
		return false;
	my_scramble_make(entropy, scramble);
	return true;
}

static bool
hash(const void *data, size_t len, uint8_t out[MY_NATIVE_BYTES])
{
	struct digest_part part = { data, len };

	return digest_sha1_parts(&part, 1, out);
}

bool
my_native_stage1(const char *password, uint8_t stage1[MY_NATIVE_BYTES])
{
	return hash(password, strlen(password), stage1);
}

bool
my_native_stage2(const uint8_t stage1[MY_NATIVE_BYTES],
		 uint8_t stage2[MY_NATIVE_BYTES])
{
	return hash(stage1, MY_NATIVE_BYTES, stage2);
}

bool
my_native_secret(const char *secret, uint8_t stage2[MY_NATIVE_BYTES])
{
	uint8_t stage1[MY_NATIVE_BYTES];
	bool ok = false;

	switch (secret_kind(secret)) {
	case SECRET_CLEAR:
		ok = my_native_stage1(secret, stage1) &&
		     my_native_stage2(stage1, stage2);
		mem_wipe(stage1, sizeof(stage1));
		break;
	case SECRET_MY_NATIVE:
		ok = secret_unhex(secret + 1, stage2, MY_NATIVE_BYTES);
		break;
	case SECRET_NONE:
	case SECRET_MD5:
	case SECRET_SCRAM:
	case SECRET_MY_SHA2:
		break;
	}
	if (!ok)
		mem_wipe(stage2, MY_NATIVE_BYTES);
	return ok;
}

/* What response and stage 1 are XORed with. */
static bool
make_mask(const uint8_t stage2[MY_NATIVE_BYTES],
	  const uint8_t scramble[MY_SCRAMBLE_BYTES],
	  uint8_t mask[MY_NATIVE_BYTES])
{
	struct digest_part parts[] = { { scramble, MY_SCRAMBLE_BYTES },
				       { stage2, MY_NATIVE_BYTES } };

	return digest_sha1_parts(parts, COUNT_OF(parts), mask);
}

bool
my_native_respond(const uint8_t stage1[MY_NATIVE_BYTES],
		  const uint8_t scramble[MY_SCRAMBLE_BYTES],
		  uint8_t response[MY_NATIVE_BYTES])
{
	uint8_t stage2[MY_NATIVE_BYTES];
	bool ok = my_native_stage2(stage1, stage2) &&
		  make_mask(stage2, scramble, response);

	for (size_t i = 0; ok && i < MY_NATIVE_BYTES; i++)
		response[i] ^= stage1[i];
	mem_wipe(stage2, sizeof(stage2));
	return ok;
}

bool
my_native_verify(const char *secret, const uint8_t scramble[MY_SCRAMBLE_BYTES],
		 const void *response, size_t len,
		 uint8_t stage1[MY_NATIVE_BYTES])
{
	uint8_t stage2[MY_NATIVE_BYTES], shown[MY_NATIVE_BYTES];
	const uint8_t *r = response;
	bool is_known = my_native_secret(secret, stage2);
	bool ok = false;

	/* Somebody without a secret costs what somebody with one costs. */
	if ((is_known || my_native_secret("x", stage2)) &&
	    len == MY_NATIVE_BYTES && make_mask(stage2, scramble, stage1)) {
		for (size_t i = 0; i < MY_NATIVE_BYTES; i++)
			stage1[i] ^= r[i];
		ok = my_native_stage2(stage1, shown) &&
		     text_equal_secret(shown, stage2, sizeof(shown)) &&
		     is_known;
	}
	if (!ok)
		mem_wipe(stage1, MY_NATIVE_BYTES);
	mem_wipe(stage2, sizeof(stage2));
	return ok;
}
