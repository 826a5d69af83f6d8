/*
 * Strict base64 over OpenSSL's block coder.
 *
 * The coder takes white space at both ends and does not say how much of its
 * last group was padding; the checks for both stand here.  Pure, any thread.
 */
#include "auth/base64.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/mem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz"
			       "0123456789+/";

size_t
base64_encode(const void *data, size_t len, char *out)
{
	int n;

	ASSERT(len <= INT_MAX / 4 * 3 - 3);
	n = EVP_EncodeBlock((unsigned char *)out, data, (int)len);
	return (size_t)n;
}

/* The value of a character, or -1. */
static int
value_of(char c)
{
	const char *at = c == '\0' ? NULL : strchr(alphabet, c);

	return at == NULL ? -1 : (int)(at - alphabet);
}

bool
base64_measure(const char *text, size_t len, size_t *bytes)
{
	size_t pad = 0;
	int spare; /* bits of the last character that belong to no byte */

	if (len % 4 != 0)
		return false;
	while (pad < 2 && pad < len && text[len - pad - 1] == '=')
		pad++;
	for (size_t i = 0; i < len - pad; i++) {
		if (value_of(text[i]) < 0)
			return false;
	}
	if (pad > 0) {
		spare = pad == 1 ? 0x3 : 0xf;
		if ((value_of(text[len - pad - 1]) & spare) != 0)
			return false;
	}
	*bytes = len / 4 * 3 - pad;
	return true;
}

bool
base64_decode(const char *text, size_t len, void *out, size_t room,
	      size_t *bytes)
{
	uint8_t group[3];
	uint8_t *to = out;
	size_t total, left;

	if (!base64_measure(text, len, &total) || total > room)
		return false;
	left = total;
	for (size_t i = 0; i < len; i += 4) {
		size_t take = left < sizeof(group) ? left : sizeof(group);

		if (EVP_DecodeBlock(group, (const unsigned char *)text + i,
				    4) != 3)
			return false;
		memcpy(to, group, take);
		to += take;
		left -= take;
	}
	mem_wipe(group, sizeof(group));
	*bytes = total;
	return true;
}
