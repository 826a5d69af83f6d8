/*
 * Unpredictable bytes, and the secret behind answers to unknown users.
 *
 * Any thread.  OpenSSL's generator for private use; it reseeds itself, also
 * after a fork.
 */
#ifndef CARPOOL_AUTH_ENTROPY_H
#define CARPOOL_AUTH_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/*
 * A secret of this process from which the salts of unknown users are made, so
 * that one name always meets one salt, as it would if the user existed.
 * Created once at start-up and handed down by reference; it lives as long as
 * the process, over reloads.
 */
struct auth_mock {
	uint8_t secret[32];
};

/*
 * Fills out with len unpredictable bytes.  Never returns without them: when
 * the generator fails the program logs why and ends, since every nonce and
 * cancel key would be guessable.
 */
void auth_random(void *out, size_t len);

/*
 * Lets OpenSSL set up at start-up what logins need.  Its first use of a digest
 * takes thousands of allocations; one that fails there leaves its table of
 * names wrong for good, and leaks.
 */
void auth_prepare(void);

/* Draws a new secret. */
void auth_mock_init(struct auth_mock *mock);

/* Overwrites the secret. */
void auth_mock_fini(struct auth_mock *mock);

#endif
