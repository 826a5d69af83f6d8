/*
 * Reads secrets.  Pure but secret_accepts, which may run PBKDF2; any thread.
 */
#include "auth/secret.h"

#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/pg_md5.h"
#include "auth/scram.h"
#include "base/mem.h"
#include "base/text.h"

#define SCHEME SCRAM_MECHANISM "$"

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

enum secret_kind
secret_kind(const char *text)
{
	struct verifier_text f;

	if (text == NULL || *text == '\0')
		return SECRET_NONE;
	if (is_md5(text))
		return SECRET_MD5;
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
	}
	return false;
}
