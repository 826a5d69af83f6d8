/*
 * Reads secrets.  Pure but secret_accepts, which may run PBKDF2; any thread.
 */
#include "auth/secret.h"

#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/my_native.h"
#include "auth/my_sha2.h"
#include "auth/pg_md5.h"
#include "auth/scram.h"
#include "base/mem.h"
#include "base/text.h"

#define SCHEME SCRAM_MECHANISM "$"

/* MySQL's: "$A$005$", salt and digest. */
#define SHA2_PREFIX "$A$"
#define SHA2_HEAD 7u
#define SHA2_BYTES (SHA2_HEAD + MY_SHA2_SALT_BYTES + MY_SHA2_DIGEST_SIGNS)

/* The fields of a verifier's text. */
struct verifier_text {
	const char *salt; /* borrows from the text, as all three */
	size_t salt_len;
	const char *stored_key;
	size_t stored_len;
	const char *server_key;
	size_t server_len;
	uint64_t iterations;
};

static bool
is_md5(const char *text)
{
	return strncmp(text, "md5", 3) == 0 &&
	       strlen(text) == PG_MD5_TEXT_BYTES &&
	       strspn(text + 3, "0123456789abcdef") == PG_MD5_TEXT_BYTES - 3;
}

/* Digits up to a colon; false when there are none or they pass int64. */
static bool
read_iterations(const char **at, uint64_t *value)
{
	const char *p = *at;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (v > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (p == *at || *p != ':')
		return false;
	*value = v;
	*at = p + 1;
	return true;
}

static bool
is_key(const char *text, size_t len)
{
	size_t bytes;

	return base64_measure(text, len, &bytes) && bytes == SCRAM_KEY_BYTES;
}

/* Cuts a text into the fields of a verifier; false: it has not the shape. */
static bool
split(const char *text, struct verifier_text *f)
{
	const char *at = text;
	size_t bytes;

	if (strncmp(at, SCHEME, sizeof(SCHEME) - 1) != 0)
		return false;
	at += sizeof(SCHEME) - 1;
	if (!read_iterations(&at, &f->iterations))
		return false;
	f->salt = at;
	f->salt_len = strcspn(at, "$");
	at += f->salt_len;
	if (*at++ != '$')
		return false;
	f->stored_key = at;
	f->stored_len = strcspn(at, ":");
	at += f->stored_len;
	if (*at++ != ':')
		return false;
	f->server_key = at;
	f->server_len = strlen(at);
	return base64_measure(f->salt, f->salt_len, &bytes) && bytes > 0 &&
	       is_key(f->stored_key, f->stored_len) &&
	       is_key(f->server_key, f->server_len);
}

static bool
is_native(const char *text)
{
	return text[0] == '*' && strlen(text) == 1 + 2 * MY_NATIVE_BYTES &&
	       strspn(text + 1, "0123456789abcdefABCDEF") ==
		       2 * MY_NATIVE_BYTES;
}

/* The value of a hex digit, computed without a branch on it; 16: it is none. */
static unsigned
hex_value(char c)
{
	unsigned u = (unsigned char)c;
	unsigned digit = u - '0', letter = (u | 0x20) - 'a';
	/* 1 where it is below: what is below 0 has its highest bit set. */
	unsigned is_digit = ((digit - 10) & ~digit) >> 31;
	unsigned is_letter = ((letter - 6) & ~letter) >> 31;

	return is_digit * digit + is_letter * (letter + 10) +
	       (1 - is_digit - is_letter) * 16;
}

bool
secret_unhex(const char *text, uint8_t *out, size_t len)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned high = text[0] == '\0' ? 16 : hex_value(text[0]);
		unsigned low = high == 16 ? 16 : hex_value(text[1]);

		wrong |= (high | low) & 16;
		if (wrong)
			break;
		out[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (wrong)
		mem_wipe(out, len);
	return wrong == 0;
}

static bool
read_sha2(const char *from, struct my_sha2_secret *s)
{
	uint64_t thousands;
	char count[4] = { 0 };

	if (memcmp(from, SHA2_PREFIX, sizeof(SHA2_PREFIX) - 1) != 0 ||
	    from[SHA2_HEAD - 1] != '$')
		return false;
	memcpy(count, from + sizeof(SHA2_PREFIX) - 1, 3);
	if (strspn(count, "0123456789abcdefABCDEF") != 3 ||
	    !text_to_u64(count, 16, &thousands) || thousands == 0)
		return false;
	s->rounds = (uint32_t)thousands * 1000;
	memcpy(s->salt, from + SHA2_HEAD, sizeof(s->salt));
	memcpy(s->digest, from + SHA2_HEAD + sizeof(s->salt),
	       sizeof(s->digest));
	return strspn(from + SHA2_HEAD + sizeof(s->salt),
		      "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "abcdefghijklmnopqrstuvwxyz") >= sizeof(s->digest);
}

bool
my_sha2_secret_parse(const char *text, struct my_sha2_secret *s)
{
	struct my_sha2_secret r;
	char raw[SHA2_BYTES + 1] = { 0 };
	size_t len = text == NULL ? 0 : strlen(text);

	if (len == SHA2_BYTES)
		memcpy(raw, text, SHA2_BYTES);
	else if (len != 2 + 2 * SHA2_BYTES || text[0] != '0' ||
		 text[1] != 'x' ||
		 !secret_unhex(text + 2, (uint8_t *)raw, SHA2_BYTES))
		return false;
	if (!read_sha2(raw, &r))
		return false;
	*s = r;
	return true;
}

enum secret_kind
secret_kind(const char *text)
{
	struct verifier_text f;
	struct my_sha2_secret s;

	if (text == NULL || *text == '\0')
		return SECRET_NONE;
	if (is_md5(text))
		return SECRET_MD5;
	if (is_native(text))
		return SECRET_MY_NATIVE;
	if (my_sha2_secret_parse(text, &s))
		return SECRET_MY_SHA2;
	return split(text, &f) ? SECRET_SCRAM : SECRET_CLEAR;
}

bool
scram_verifier_parse(const char *text, struct scram_verifier *v)
{
	struct scram_verifier r = { .is_mock = false };
	struct verifier_text f;
	size_t bytes;

	if (text == NULL || !split(text, &f))
		return false;
	if (f.iterations == 0 || f.iterations > SCRAM_ITERATIONS_MAX)
		return false;
	r.iterations = (uint32_t)f.iterations;
	if (!base64_decode(f.salt, f.salt_len, r.salt, sizeof(r.salt),
			   &r.salt_len) ||
	    !base64_decode(f.stored_key, f.stored_len, r.stored_key,
			   sizeof(r.stored_key), &bytes) ||
	    !base64_decode(f.server_key, f.server_len, r.server_key,
			   sizeof(r.server_key), &bytes))
		return false;
	*v = r;
	mem_wipe(&r, sizeof(r));
	return true;
}

void
scram_verifier_fini(struct scram_verifier *v)
{
	mem_wipe(v, sizeof(*v));
}

/* By digests, so that the time does not tell how much of it was right. */
static bool
equal_clear(const char *secret, const char *password)
{
	uint8_t a[DIGEST_SHA256_BYTES];
	uint8_t b[DIGEST_SHA256_BYTES];
	bool ok;

	ok = digest_sha256(secret, strlen(secret), a) &&
	     digest_sha256(password, strlen(password), b) &&
	     text_equal_secret(a, b, sizeof(a));
	mem_wipe(a, sizeof(a));
	mem_wipe(b, sizeof(b));
	return ok;
}

static bool
accepts_md5(const char *secret, const char *user, const char *password)
{
	char made[PG_MD5_ROOM];
	bool ok;

	ok = pg_md5_secret(password, user, made) &&
	     text_equal_secret(made, secret, PG_MD5_TEXT_BYTES);
	mem_wipe(made, sizeof(made));
	return ok;
}

static bool
accepts_scram(const char *secret, const char *password)
{
	struct scram_verifier v;
	bool ok;

	if (!scram_verifier_parse(secret, &v))
		return false;
	ok = scram_verifier_accepts(&v, password);
	scram_verifier_fini(&v);
	return ok;
}

static bool
accepts_native(const char *secret, const char *password)
{
	uint8_t want[MY_NATIVE_BYTES], made[MY_NATIVE_BYTES];
	bool ok;

	ok = my_native_secret(secret, want) &&
	     my_native_stage1(password, made) && my_native_stage2(made, made) &&
	     text_equal_secret(want, made, sizeof(want));
	mem_wipe(want, sizeof(want));
	mem_wipe(made, sizeof(made));
	return ok;
}

bool
secret_accepts(const char *secret, const char *user, const char *password)
{
	switch (secret_kind(secret)) {
	case SECRET_NONE:
		return false;
	case SECRET_CLEAR:
		return equal_clear(secret, password);
	case SECRET_MD5:
		return accepts_md5(secret, user, password);
	case SECRET_SCRAM:
		return accepts_scram(secret, password);
	case SECRET_MY_NATIVE:
		return accepts_native(secret, password);
	case SECRET_MY_SHA2:
		return my_sha2_accepts(secret, password);
	}
	return false;
}
