/*
 * client_ed25519.  Pure, any thread; the only file that knows libsodium, whose
 * functions here need no initialisation.
 */
#include "auth/my_ed25519.h"

#include <string.h>

#include <sodium.h>

#include "auth/digest.h"
#include "base/mem.h"

#define SCALAR crypto_core_ed25519_SCALARBYTES
#define POINT crypto_core_ed25519_BYTES

/* The secret scalar, and what makes each signature's nonce. */
struct key {
	uint8_t hash[DIGEST_SHA512_BYTES]; /* scalar, then prefix */
	uint8_t point[POINT];              /* the public key */
};

static bool
make_key(const char *password, struct key *k)
{
	struct digest_part part = { password, strlen(password) };

	if (!digest_sha512_parts(&part, 1, k->hash))
		return false;
	k->hash[0] &= 248;
	k->hash[31] &= 63;
	k->hash[31] |= 64;
	return crypto_scalarmult_ed25519_base_noclamp(k->point, k->hash) == 0;
}

/* SHA-512 of the parts as a number modulo the group's order. */
static bool
hash_scalar(const struct digest_part *parts, size_t count, uint8_t out[SCALAR])
{
	uint8_t wide[DIGEST_SHA512_BYTES];
	bool ok = digest_sha512_parts(parts, count, wide);

	if (ok)
		crypto_core_ed25519_scalar_reduce(out, wide);
	mem_wipe(wide, sizeof(wide));
	return ok;
}

static bool
sign(const struct key *k, const uint8_t *text, size_t len,
     uint8_t out[MY_ED25519_BYTES])
{
	struct digest_part nonce_of[] = { { k->hash + SCALAR, SCALAR },
					  { text, len } };
	struct digest_part hash_of[] = { { out, POINT },
					 { k->point, POINT },
					 { text, len } };
	uint8_t nonce[SCALAR], hash[SCALAR], product[SCALAR];
	bool ok;

	ok = hash_scalar(nonce_of, COUNT_OF(nonce_of), nonce) &&
	     crypto_scalarmult_ed25519_base_noclamp(out, nonce) == 0 &&
	     hash_scalar(hash_of, COUNT_OF(hash_of), hash);
	if (ok) {
		crypto_core_ed25519_scalar_mul(product, hash, k->hash);
		crypto_core_ed25519_scalar_add(out + POINT, product, nonce);
	}
	mem_wipe(nonce, sizeof(nonce));
	mem_wipe(product, sizeof(product));
	return ok;
}

bool
my_ed25519_respond(const char *password,
		   const uint8_t scramble[MY_ED25519_SCRAMBLE],
		   uint8_t response[MY_ED25519_BYTES])
{
	struct key k;
	bool ok = make_key(password, &k) &&
		  sign(&k, scramble, MY_ED25519_SCRAMBLE, response);

	mem_wipe(&k, sizeof(k));
	if (!ok)
		mem_wipe(response, MY_ED25519_BYTES);
	return ok;
}
