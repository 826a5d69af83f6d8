/*
 * RSA for passwords that must not go in clear over a connection without TLS:
 * our own key, with which clients encrypt for us, and encryption for a server
 * that showed us its key.
 *
 * Our key is made when somebody first asks for it (tens of milliseconds and
 * more of CPU), unless it was given.  It lives as long as the process, so that
 * clients may keep it.  OAEP with SHA-1, as MySQL has it.
 *
 * Any thread, but HELPER THREAD where it says so.
 */
#ifndef CARPOOL_AUTH_RSA_KEY_H
#define CARPOOL_AUTH_RSA_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RSA_KEY_BITS 2048u     /* of a key made here */
#define RSA_KEY_BITS_MAX 4096u /* of a key that is given or shown to us */
#define RSA_CIPHER_MAX (RSA_KEY_BITS_MAX / 8)
#define RSA_PEM_MAX 2048u     /* bytes of a public key's text */
#define RSA_PASSWORD_MAX 512u /* bytes of what is encrypted */

struct rsa_key;

/*
 * A key.  pem: a private key's text to use (NUL-terminated), NULL: one is made
 * when it is needed.  NULL when memory is out or the text is no RSA key of
 * 2048 to RSA_KEY_BITS_MAX bits.
 */
struct rsa_key *rsa_key_new(const char *pem);

/* The same of a file with the text; NULL also when it cannot be read. */
struct rsa_key *rsa_key_load(const char *path);

/* Wipes and frees; nobody may use it any more.  NULL is allowed. */
void rsa_key_free(struct rsa_key *key);

/* The public key's text, if the key is there; borrowed for the key's life.
 * NULL: rsa_key_prepare is due. */
const char *rsa_key_public(struct rsa_key *key);

/* HELPER THREAD.  Makes the key if it is not there.  False: it failed. */
bool rsa_key_prepare(struct rsa_key *key);

/*
 * HELPER THREAD.  Decrypts a client's len bytes into out, at most
 * RSA_PASSWORD_MAX, and sets *out_len.  False, out wiped: they were not
 * encrypted for this key.
 */
bool rsa_key_decrypt(struct rsa_key *key, const uint8_t *in, size_t len,
		     uint8_t out[RSA_PASSWORD_MAX], size_t *out_len);

/*
 * HELPER THREAD.  Encrypts len bytes under the public key whose text (pem_len
 * bytes) a server showed.  False: it is no RSA key of 1024 to RSA_KEY_BITS_MAX
 * bits, len does not fit, or the library failed.
 */
bool rsa_encrypt_for(const char *pem, size_t pem_len, const uint8_t *in,
		     size_t len, uint8_t out[RSA_CIPHER_MAX], size_t *out_len);

#endif
