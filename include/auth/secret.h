/*
 * Secrets as they stand in a password file or in pg_authid: clear text, an md5
 * hash, or a SCRAM verifier.
 *
 * A text counts as clear text unless it has exactly the shape of a hash, as
 * PostgreSQL judges it; so a password that merely begins like a hash still
 * works as a password.  Pure functions, any thread; nothing allocates but
 * secret_accepts.  PostgreSQL manual, "pg_authid"; RFC 5803 for the verifier.
 */
#ifndef CARPOOL_AUTH_SECRET_H
#define CARPOOL_AUTH_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRAM_KEY_BYTES 32u
#define SCRAM_SALT_MAX 64u   /* bytes; longer salts are refused */
#define SCRAM_SALT_BYTES 16u /* of the salts that carpool makes */
#define SCRAM_ITERATIONS_DEFAULT 4096u
#define SCRAM_ITERATIONS_MAX 0x7fffffffu /* in a stored verifier */

enum secret_kind {
	SECRET_NONE,  /* NULL or empty: proves nothing */
	SECRET_CLEAR, /* the password itself */
	SECRET_MD5,   /* "md5" and 32 lower-case hex digits */
	SECRET_SCRAM, /* "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey" */
	SECRET_MY_NATIVE, /* "*" and 40 hex digits */
	SECRET_MY_SHA2,   /* "$A$", 3 hex digits, "$", 63 bytes; or as "0x..."
			   */
};

#define MY_SHA2_SALT_BYTES 20u
#define MY_SHA2_DIGEST_SIGNS 43u

/* What MySQL keeps of a password for caching_sha2_password: see my_sha2.h. */
struct my_sha2_secret {
	uint32_t rounds; /* at least 1000 */
	uint8_t salt[MY_SHA2_SALT_BYTES];
	char digest[MY_SHA2_DIGEST_SIGNS]; /* no NUL */
};

/* What a server keeps of a password for SCRAM (RFC 5802, section 3). */
struct scram_verifier {
	uint32_t iterations; /* at least 1 */
	size_t salt_len;     /* 1 to SCRAM_SALT_MAX */
	uint8_t salt[SCRAM_SALT_MAX];
	uint8_t stored_key[SCRAM_KEY_BYTES];
	uint8_t server_key[SCRAM_KEY_BYTES];
	bool is_mock; /* stands for a user without a usable secret: every
		       * proof is refused, after equal work */
};

/*
 * The kind of a secret's text (NUL-terminated, NULL allowed).  SECRET_SCRAM is
 * also the kind of a verifier whose salt or iteration count is out of bounds:
 * it must not turn into a password, though scram_verifier_parse refuses it.
 */
enum secret_kind secret_kind(const char *text);

/*
 * Reads a verifier from its text (NUL-terminated, NULL allowed) into *v.
 * False, with *v untouched, when the text has another kind, an iteration
 * count of 0 or above SCRAM_ITERATIONS_MAX, or a salt above SCRAM_SALT_MAX.
 * Base64 is strict: full length, right padding, nothing else between.
 */
bool scram_verifier_parse(const char *text, struct scram_verifier *v);

/*
 * Reads a SECRET_MY_SHA2 (NUL-terminated, NULL allowed) into *s; false, with
 * *s untouched, when the text has another kind.
 */
bool my_sha2_secret_parse(const char *text, struct my_sha2_secret *s);

/* Reads 2 * len hex digits of either case; false, out wiped, where there are
 * fewer.  In time that tells nothing of the digits. */
bool secret_unhex(const char *text, uint8_t *out, size_t len);

/* Overwrites a verifier. */
void scram_verifier_fini(struct scram_verifier *v);

/*
 * Does this clear-text password open this secret of this user?  For logins in
 * which the client sends the password itself.  All three NUL-terminated;
 * secret may be NULL.  False too when memory is out or a digest is not to be
 * had.  Compares in constant time.  Runs PBKDF2 when the secret is a verifier,
 * thousands of digests when it is a SECRET_MY_SHA2: call it on a helper thread
 * then.
 */
bool secret_accepts(const char *secret, const char *user, const char *password);

#endif
