/*
 * The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with the keys kept:
 * thousands of rounds of PBKDF2 at each login would be all that the load does.
 */
#include "load.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char scram_first[] = "n,,n=,r=AAAAAAAAAAAAAAAAAAAAAAAA";
static const char first_bare[] = "n=,r=AAAAAAAAAAAAAAAAAAAAAAAA";

static void
hmac(const unsigned char *key, const char *text, unsigned char *to)
{
	unsigned size = KEY;

	if (HMAC(EVP_sha256(), key, KEY, (const unsigned char *)text,
		 strlen(text), to, &size) == NULL)
		die("HMAC failed");
}

static void
make_keys(struct scram_cache *c, const char *password, const char *salt,
	  unsigned rounds)
{
	unsigned char raw[sizeof(c->salt)], salted[KEY];
	size_t length = strlen(salt);
	int size = length > 0 && length < sizeof(c->salt)
			   ? EVP_DecodeBlock(raw, (const unsigned char *)salt,
					     (int)length)
			   : -1;

	if (size < 0 || password == NULL)
		die("login: no password, or a salt that cannot be read");
	size -= (salt[length - 1] == '=') + (salt[length - 2] == '=');
	if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), raw, size,
			      (int)rounds, EVP_sha256(), KEY, salted) != 1)
		die("PBKDF2 failed");
	hmac(salted, "Client Key", c->client_key);
	EVP_Digest(c->client_key, KEY, c->stored_key, NULL, EVP_sha256(), NULL);
	memcpy(c->salt, salt, length + 1);
	c->rounds = rounds;
}

size_t
scram_final(struct scram_cache *c, const char *password, const char *challenge,
	    char *answer, size_t size)
{
	char nonce[200], salt[200], bare[300], text[900];
	unsigned char proof[KEY], base64[KEY * 2];
	unsigned rounds;
	int n;

	if (sscanf(challenge, "r=%199[^,],s=%199[^,],i=%u", nonce, salt,
		   &rounds) != 3)
		die("login: the challenge cannot be read");
	if (strcmp(salt, c->salt) != 0 || rounds != c->rounds)
		make_keys(c, password, salt, rounds);
	(void)snprintf(bare, sizeof(bare), "c=biws,r=%s", nonce);
	(void)snprintf(text, sizeof(text), "%s,%s,%s", first_bare, challenge,
		       bare);
	hmac(c->stored_key, text, proof);
	for (size_t i = 0; i < KEY; i++)
		proof[i] ^= c->client_key[i];
	EVP_EncodeBlock(base64, proof, KEY);
	n = snprintf(answer, size, "%s,p=%s", bare, (char *)base64);
	if (n < 0 || (size_t)n >= size)
		die("login: the answer is too long");
	return (size_t)n;
}
