/*
 * MySQL's login by mysql_native_password: both directions.
 *
 * A password is known to a server by SHA1(SHA1(password)), here stage 2, as
 * `*` and 40 hex digits.  A client proves that it knows SHA1(password), stage
 * 1: its response is that, XORed with SHA1(scramble, stage 2).  So whoever
 * holds stage 2 finds stage 1 in a right response, and with it can log in to
 * any server that has the same stage 2.
 *
 * Pure functions, any thread, nothing is allocated by us.  SHA-1 may be missing
 * (a FIPS provider): every function then fails rather than guess.  MySQL
 * Internals, "Secure Password Authentication".
 */
#ifndef CARPOOL_AUTH_MY_NATIVE_H
#define CARPOOL_AUTH_MY_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MY_NATIVE_PLUGIN "mysql_native_password"
#define MY_SCRAMBLE_BYTES 20u
#define MY_NATIVE_BYTES 20u /* of both stages, and of a response */

/*
 * The nth scramble of a connection: the same each time, of no two connections
 * of a process (id), and not to be guessed by who does not know the process's
 * secret.  False where the digest is not to be had.
 */
bool my_scramble_of(const void *secret, size_t len, uint64_t id, uint8_t nth,
		    uint8_t scramble[MY_SCRAMBLE_BYTES]);

/*
 * What a scramble is made from.  It becomes printable text without blanks and
 * without '$', since drivers exist that lose other bytes.
 */
#define MY_SCRAMBLE_ENTROPY 40u
void my_scramble_make(const uint8_t entropy[MY_SCRAMBLE_ENTROPY],
		      uint8_t scramble[MY_SCRAMBLE_BYTES]);

/* Stage 1 of a clear-text password (NUL-terminated).  False: no SHA-1. */
bool my_native_stage1(const char *password, uint8_t stage1[MY_NATIVE_BYTES]);

/* Stage 2 of stage 1. */
bool my_native_stage2(const uint8_t stage1[MY_NATIVE_BYTES],
		      uint8_t stage2[MY_NATIVE_BYTES]);

/*
 * Stage 2 of a secret, clear text or `*` and hex digits (NUL-terminated, NULL
 * allowed); false, with stage2 wiped, for every other kind.
 */
bool my_native_secret(const char *secret, uint8_t stage2[MY_NATIVE_BYTES]);

/* What a client that knows stage 1 answers to a scramble. */
bool my_native_respond(const uint8_t stage1[MY_NATIVE_BYTES],
		       const uint8_t scramble[MY_SCRAMBLE_BYTES],
		       uint8_t response[MY_NATIVE_BYTES]);

/*
 * Is response (len bytes) the right answer to the scramble?  Then stage1 is
 * what the client proved, otherwise it is wiped.  secret may be NULL or of a
 * kind that proves nothing here, as for an unknown user: false then, after the
 * same work.  Compares in constant time.
 */
bool my_native_verify(const char *secret,
		      const uint8_t scramble[MY_SCRAMBLE_BYTES],
		      const void *response, size_t len,
		      uint8_t stage1[MY_NATIVE_BYTES]);

#endif
