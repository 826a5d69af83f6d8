/*
 * SHA-crypt.  Pure, any thread.
 */
#include "auth/sha_crypt.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "auth/digest.h"
#include "base/mem.h"

#define BYTES DIGEST_SHA256_BYTES
#define SALT_MAX 64u

/* What the rounds work on; the algorithm's own names stand behind. */
struct crypt {
	EVP_MD *md;      /* owns: looked up once for all rounds */
	EVP_MD_CTX *ctx; /* owns */
	bool ok;         /* no call failed so far */
	const char *password;
	size_t len;
	const uint8_t *salt;
	size_t salt_len;
	uint8_t key[SHA_CRYPT_PASSWORD_MAX]; /* P: of the password, as long */
	uint8_t grain[SALT_MAX];             /* S: of the salt, as long */
	uint8_t digest[BYTES];               /* A, B and what follows */
};

static void
begin(struct crypt *c)
{
	c->ok = c->ok && EVP_DigestInit_ex(c->ctx, c->md, NULL) == 1;
}

static void
add(struct crypt *c, const void *data, size_t len)
{
	c->ok = c->ok && EVP_DigestUpdate(c->ctx, data, len) == 1;
}

static void
end(struct crypt *c)
{
	c->ok = c->ok && EVP_DigestFinal_ex(c->ctx, c->digest, NULL) == 1;
}

/* Spreads the digest over len bytes. */
static void
spread(const struct crypt *c, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = c->digest[i % BYTES];
}

static void
first_digest(struct crypt *c)
{
	begin(c);
	add(c, c->password, c->len);
	add(c, c->salt, c->salt_len);
	add(c, c->password, c->len);
	end(c);
}

/* The digest goes in as long as the password, then by the length's bits. */
static void
second_digest(struct crypt *c)
{
	uint8_t first[BYTES];
	size_t left = c->len;

	memcpy(first, c->digest, BYTES);
	begin(c);
	add(c, c->password, c->len);
	add(c, c->salt, c->salt_len);
	for (; left > BYTES; left -= BYTES)
		add(c, first, BYTES);
	add(c, first, left);
	for (size_t bits = c->len; bits > 0; bits >>= 1) {
		if (bits & 1)
			add(c, first, BYTES);
		else
			add(c, c->password, c->len);
	}
	end(c);
	mem_wipe(first, sizeof(first));
}

/* What the rounds take in the place of password and salt. */
static void
make_grains(struct crypt *c)
{
	uint8_t second[BYTES];

	memcpy(second, c->digest, BYTES);
	begin(c);
	for (size_t i = 0; i < c->len; i++)
		add(c, c->password, c->len);
	end(c);
	spread(c, c->key, c->len);
	begin(c);
	for (size_t i = 0; i < 16u + second[0]; i++)
		add(c, c->salt, c->salt_len);
	end(c);
	spread(c, c->grain, c->salt_len);
	memcpy(c->digest, second, BYTES);
	mem_wipe(second, sizeof(second));
}

static void
one_round(struct crypt *c, uint32_t round)
{
	begin(c);
	if (round & 1)
		add(c, c->key, c->len);
	else
		add(c, c->digest, BYTES);
	if (round % 3 != 0)
		add(c, c->grain, c->salt_len);
	if (round % 7 != 0)
		add(c, c->key, c->len);
	if (round & 1)
		add(c, c->digest, BYTES);
	else
		add(c, c->key, c->len);
	end(c);
}

/* n signs of 24 bits, the lowest six first. */
static char *
put_signs(char *to, uint32_t bits, size_t n)
{
	static const char signs[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz";

	for (; n > 0; n--, bits >>= 6)
		*to++ = signs[bits & 0x3f];
	return to;
}

/* The bytes go out in threes; each step takes the places before turned by one:
 * 0 10 20, 21 1 11, 12 22 2, ... */
static void
write_text(const uint8_t d[BYTES], char out[SHA_CRYPT_TEXT])
{
	unsigned a = 0, b = 10, c = 20;

	for (unsigned i = 0; i < 10; i++) {
		unsigned next = c + 1;

		out = put_signs(
			out, (uint32_t)d[a] << 16 | (uint32_t)d[b] << 8 | d[c],
			4);
		c = b + 1;
		b = a + 1;
		a = next;
	}
	(void)put_signs(out, (uint32_t)d[31] << 8 | d[30], 3);
}

static void
run(struct crypt *c, uint32_t rounds)
{
	first_digest(c);
	second_digest(c);
	make_grains(c);
	for (uint32_t i = 0; c->ok && i < rounds; i++)
		one_round(c, i);
}

bool
sha_crypt(const char *password, const uint8_t *salt, size_t salt_len,
	  uint32_t rounds, char out[SHA_CRYPT_TEXT])
{
	struct crypt c = {
		.md = EVP_MD_fetch(NULL, "SHA256", NULL),
		.ctx = EVP_MD_CTX_new(),
		.password = password,
		.len = strlen(password),
		.salt = salt,
		.salt_len = salt_len,
	};
	bool ok;

	c.ok = c.md != NULL && c.ctx != NULL && rounds > 0 &&
	       c.len <= SHA_CRYPT_PASSWORD_MAX && salt_len <= SALT_MAX;
	if (c.ok)
		run(&c, rounds);
	if (c.ok)
		write_text(c.digest, out);
	else
		mem_wipe(out, SHA_CRYPT_TEXT);
	EVP_MD_CTX_free(c.ctx);
	EVP_MD_free(c.md);
	ERR_clear_error();
	ok = c.ok;
	mem_wipe(&c, sizeof(c));
	return ok;
}
