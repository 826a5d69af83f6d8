/*
 * MySQL's login by caching_sha2_password: both directions.
 *
 * The fast way: a client proves that it knows SHA256(password), stage 1, whose
 * SHA256 is stage 2: its response is stage 1 XORed with SHA256(stage 2,
 * scramble).  The full way: the password itself goes to the server, which has
 * of it a SHA-crypt of thousands of rounds: `$A$`, the number of thousands in
 * three hex digits, `$`, 20 bytes of salt, 43 of the digest.  Since a salt may
 * hold any byte, the whole may also be written as `0x` and hex digits, as
 * SHOW CREATE USER does with print_identified_with_as_hex.
 *
 * Pure functions, any thread; only my_sha2_accepts burns CPU.  MySQL server
 * documentation, "Caching_sha2_password information".
 */
#ifndef CARPOOL_AUTH_MY_SHA2_H
#define CARPOOL_AUTH_MY_SHA2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/my_native.h"

#define MY_SHA2_PLUGIN "caching_sha2_password"
#define MY_SHA2_BYTES 32u /* of both stages, and of a response */

/* The bytes that follow an AuthMoreData's first. */
#define MY_SHA2_ASK_KEY 2u /* from the client: the server's public key */
#define MY_SHA2_FAST_OK 3u
#define MY_SHA2_FULL 4u

/* Stage 1 of a clear-text password (NUL-terminated). */
bool my_sha2_stage1(const char *password, uint8_t stage1[MY_SHA2_BYTES]);

/* What a client that knows stage 1 answers to a scramble. */
bool my_sha2_respond(const uint8_t stage1[MY_SHA2_BYTES],
		     const uint8_t scramble[MY_SCRAMBLE_BYTES],
		     uint8_t response[MY_SHA2_BYTES]);

/*
 * Is response (len bytes) what somebody who knows stage 1 answers?  NULL: a
 * user of whom it is not known; false then, after the same work.  Compares in
 * constant time.
 */
bool my_sha2_verify(const uint8_t *stage1,
		    const uint8_t scramble[MY_SCRAMBLE_BYTES],
		    const void *response, size_t len);

/*
 * Does the clear-text password open a SECRET_MY_SHA2?  secret NULL, or of
 * another kind: never, after the work that one of 5,000 rounds costs.  HELPER
 * THREAD: takes milliseconds, and a second where the secret asks for the most.
 */
bool my_sha2_accepts(const char *secret, const char *password);

/*
 * Applies the scramble to a password that goes through RSA, in either
 * direction: both XOR it, its NUL included.
 */
void my_sha2_mask(uint8_t *password, size_t len,
		  const uint8_t scramble[MY_SCRAMBLE_BYTES]);

#endif
