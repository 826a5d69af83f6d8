/*
 * MariaDB's login by client_ed25519, as the client.
 *
 * The response is an Ed25519 signature of the server's scramble.  The private
 * key is made from the SHA-512 of the password itself, of any length, and not
 * from a seed of 32 bytes; so the signature is put together here from the
 * curve's own operations (libsodium).  What a server knows of a password is a
 * public key: nothing with which anybody could log in elsewhere, so there is no
 * other direction.
 *
 * Pure, any thread.  RFC 8032, section 5.1.6; MariaDB, "Authentication Plugin -
 * ed25519".
 */
#ifndef CARPOOL_AUTH_MY_ED25519_H
#define CARPOOL_AUTH_MY_ED25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MY_ED25519_PLUGIN "client_ed25519"
#define MY_ED25519_SCRAMBLE 32u /* bytes that the server sends */
#define MY_ED25519_BYTES 64u    /* of a response */

/* The response to a scramble by a password (NUL-terminated).  False, response
 * wiped: the library failed. */
bool my_ed25519_respond(const char *password,
			const uint8_t scramble[MY_ED25519_SCRAMBLE],
			uint8_t response[MY_ED25519_BYTES]);

#endif
