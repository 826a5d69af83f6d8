/*
 * What the SCRAM targets have in common: a fixed password's keys, and messages
 * that are written with marks in place of what a fuzzer cannot guess.
 */
#ifndef CARPOOL_TEST_FUZZ_FUZZ_SCRAM_H
#define CARPOOL_TEST_FUZZ_FUZZ_SCRAM_H

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/scram.h"
#include "base/mem.h"
#include "base/text.h"
#include "fuzz_main.h"

#define MARK_NONCE 1  /* the whole nonce of the exchange */
#define MARK_PROOF 2  /* the right proof or signature for the text before */
#define MARK_LENGTH 3 /* the next byte, so many times */
#define MARK_ALMOST 4 /* as PROOF, with the bit of the next byte wrong */

static const uint8_t fuzz_nonce[SCRAM_NONCE_RAW] = { 9, 8, 7, 6, 5, 4, 3, 2 };

static inline void
fuzz_hmac(const uint8_t *key, const char *text, size_t len, uint8_t out[32])
{
	unsigned n = 32;

	ASSERT(HMAC(EVP_sha256(), key, 32, (const unsigned char *)text, len,
		    out, &n) != NULL);
}

static inline void
fuzz_sha256(const uint8_t in[32], uint8_t out[32])
{
	ASSERT(EVP_Digest(in, 32, out, NULL, EVP_sha256(), NULL) == 1);
}

/* Writes a key in base64. */
static inline void
fuzz_put_key(struct str *s, const uint8_t key[32])
{
	char text[45];

	(void)EVP_EncodeBlock((unsigned char *)text, key, 32);
	str_add(s, text, 44);
}

/* The first line of the input, which is taken off. */
static inline struct str
fuzz_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t n = end != NULL ? (size_t)(end - *data) : *size;
	struct str line = { 0 };

	str_add(&line, (const char *)*data, n);
	*data += n;
	*size -= n;
	if (end != NULL) {
		(*data)++;
		(*size)--;
	}
	return line;
}

/* Makes the proof for what was written so far. */
typedef void fuzz_proof_fn(void *arg, const struct str *before,
			   uint8_t proof[32]);

static inline struct str
fuzz_fill(const struct str *line, const char *nonce, size_t nonce_len,
	  fuzz_proof_fn *proof, void *arg)
{
	struct str out = { 0 };

	for (size_t i = 0; i < line->len; i++) {
		uint8_t key[32];

		if (line->data[i] == MARK_NONCE) {
			str_add(&out, nonce, nonce_len);
		} else if (line->data[i] == MARK_PROOF) {
			proof(arg, &out, key);
			fuzz_put_key(&out, key);
		} else if (line->data[i] == MARK_ALMOST && i + 1 < line->len) {
			uint8_t bit = (uint8_t)line->data[++i];

			proof(arg, &out, key);
			key[bit / 8] ^= (uint8_t)(1u << bit % 8);
			fuzz_put_key(&out, key);
		} else if (line->data[i] == MARK_LENGTH && i + 2 < line->len) {
			for (unsigned k = (uint8_t)line->data[++i]; k > 0; k--)
				str_putc(&out, line->data[i + 1]);
		} else {
			str_putc(&out, line->data[i]);
		}
	}
	return out;
}

#endif
