/*
 * Strict base64.  OpenSSL's block coder writes it; reading is our own, for its
 * takes white space at both ends and does not say how much of the last group
 * was padding.  Pure, any thread.
 */
#include "auth/base64.h"

#include <limits.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/mem.h"

/* One more than a character stands for; 0: it is none of base64's. */
static const uint8_t values[256] = {
	['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
	['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

size_t
base64_encode(const void *data, size_t len, char *out)
{
	int n;

	ASSERT(len <= INT_MAX / 4 * 3 - 3);
	n = EVP_EncodeBlock((unsigned char *)out, data, (int)len);
	return (size_t)n;
}

static uint8_t
value_at(const char *text, size_t i)
{
	return values[(uint8_t)text[i]];
}

bool
base64_measure(const char *text, size_t len, size_t *bytes)
{
	size_t pad = 0;
	unsigned spare; /* bits of the last character that belong to no byte */

	if (len % 4 != 0)
		return false;
	while (pad < 2 && pad < len && text[len - pad - 1] == '=')
		pad++;
	for (size_t i = 0; i < len - pad; i++) {
		if (value_at(text, i) == 0)
			return false;
	}
	if (pad > 0) {
		spare = pad == 1 ? 0x3 : 0xf;
		if (((value_at(text, len - pad - 1) - 1u) & spare) != 0)
			return false;
	}
	*bytes = len / 4 * 3 - pad;
	return true;
}

bool
base64_decode(const char *text, size_t len, void *out, size_t room,
	      size_t *bytes)
{
	uint8_t *to = out;
	size_t total, at = 0;
	uint32_t bits = 0;

	if (!base64_measure(text, len, &total) || total > room)
		return false;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 6 | ((value_at(text, i) - 1u) & 0x3f);
		if (i % 4 != 3)
			continue;
		/* What is padding stands for no byte. */
		for (int shift = 16; shift >= 0 && at < total; shift -= 8)
			to[at++] = (uint8_t)(bits >> shift);
	}
	*bytes = total;
	return true;
}
