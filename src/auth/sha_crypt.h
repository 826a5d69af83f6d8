/*
 * SHA-crypt with SHA-256 (the "$5$" of crypt(3)), as MySQL uses it: with salts
 * of 20 bytes and without the clamping of rounds.  Private to auth/.
 * U. Drepper, "Unix crypt using SHA-256 and SHA-512".
 */
#ifndef CARPOOL_SRC_AUTH_SHA_CRYPT_H
#define CARPOOL_SRC_AUTH_SHA_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA_CRYPT_TEXT 43u /* signs of the digest; no NUL */

/* Longer passwords are refused: the work grows with them, too. */
#define SHA_CRYPT_PASSWORD_MAX 256u

/*
 * The digest of a password (NUL-terminated).  HELPER THREAD: two hashes a
 * round.  False, out wiped: the password is too long, rounds is 0, the library
 * failed, or memory is out.
 */
bool sha_crypt(const char *password, const uint8_t *salt, size_t salt_len,
	       uint32_t rounds, char out[SHA_CRYPT_TEXT]);

#endif
