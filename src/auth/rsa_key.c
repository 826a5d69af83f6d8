/*
 * RSA keys over OpenSSL's EVP.
 *
 * The key and its public text are set once, under the lock, and published by
 * the text's pointer: whoever sees that may use both for the key's life.
 */
#include "auth/rsa_key.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/lock.h"
#include "base/mem.h"

#define BITS_MIN_OWN 2048
#define BITS_MIN_SHOWN 1024

struct rsa_key {
	struct lock lock;           /* for the making: one at a time */
	EVP_PKEY *pair;             /* owns; NULL = not made yet */
	_Atomic(const char *) text; /* owns: the public key, or NULL */
};

static bool
is_usable(const EVP_PKEY *k, int bits_min)
{
	return k != NULL && EVP_PKEY_get_base_id(k) == EVP_PKEY_RSA &&
	       EVP_PKEY_get_bits(k) >= bits_min &&
	       EVP_PKEY_get_bits(k) <= (int)RSA_KEY_BITS_MAX;
}

/* The public half as text, owned by the caller; NULL: it failed. */
static char *
public_text(EVP_PKEY *k)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *from = NULL, *text = NULL;
	long len;

	if (b != NULL && PEM_write_bio_PUBKEY(b, k) == 1) {
		len = BIO_get_mem_data(b, &from);
		if (len > 0 && len < (long)RSA_PEM_MAX)
			text = mem_strndup(from, (size_t)len);
	}
	BIO_free(b);
	return text;
}

/* Takes the pair over; false: it is of no use, and gone. */
static bool
set_pair(struct rsa_key *key, EVP_PKEY *pair)
{
	char *text = is_usable(pair, BITS_MIN_OWN) ? public_text(pair) : NULL;

	if (text == NULL) {
		EVP_PKEY_free(pair);
		return false;
	}
	key->pair = pair;
	atomic_store_explicit(&key->text, text, memory_order_release);
	return true;
}

/* An empty pass phrase, or OpenSSL would ask a terminal. */
static int
no_phrase(char *out, int size, int for_writing, void *arg)
{
	(void)out;
	(void)size;
	(void)for_writing;
	(void)arg;
	return 0;
}

/* Takes the source over. */
static EVP_PKEY *
read_private(BIO *b)
{
	EVP_PKEY *k = NULL;

	if (b != NULL)
		k = PEM_read_bio_PrivateKey(b, NULL, no_phrase, NULL);
	BIO_free(b);
	return k;
}

static struct rsa_key *
new_key(void)
{
	struct rsa_key *key = mem_zalloc(sizeof(*key));

	if (key != NULL)
		lock_init(&key->lock);
	return key;
}

/* The key of this pair; NULL: there is none, or it is of no use. */
static struct rsa_key *
key_of(EVP_PKEY *pair)
{
	struct rsa_key *key = new_key();

	if (key == NULL) {
		EVP_PKEY_free(pair);
	} else if (!set_pair(key, pair)) {
		rsa_key_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

struct rsa_key *
rsa_key_new(const char *pem)
{
	return pem == NULL ? new_key()
			   : key_of(read_private(BIO_new_mem_buf(pem, -1)));
}

struct rsa_key *
rsa_key_load(const char *path)
{
	return key_of(read_private(BIO_new_file(path, "r")));
}

void
rsa_key_free(struct rsa_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pair);
	mem_free((void *)(uintptr_t)atomic_load(&key->text));
	lock_fini(&key->lock);
	mem_free(key);
}

const char *
rsa_key_public(struct rsa_key *key)
{
	return atomic_load_explicit(&key->text, memory_order_acquire);
}

bool
rsa_key_prepare(struct rsa_key *key)
{
	bool ok;

	lock_take(&key->lock);
	ok = rsa_key_public(key) != NULL ||
	     set_pair(key, EVP_RSA_gen(RSA_KEY_BITS));
	lock_give(&key->lock);
	ERR_clear_error();
	return ok;
}

/* A context for OAEP with the key; NULL: it failed. */
static EVP_PKEY_CTX *
open_oaep(EVP_PKEY *k, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k, NULL);

	if (c != NULL && init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1)
		return c;
	EVP_PKEY_CTX_free(c);
	return NULL;
}

bool
rsa_key_decrypt(struct rsa_key *key, const uint8_t *in, size_t len,
		uint8_t out[RSA_PASSWORD_MAX], size_t *out_len)
{
	EVP_PKEY_CTX *c = NULL;
	bool ok;

	*out_len = RSA_PASSWORD_MAX;
	if (rsa_key_public(key) != NULL)
		c = open_oaep(key->pair, EVP_PKEY_decrypt_init);
	ok = c != NULL && EVP_PKEY_decrypt(c, out, out_len, in, len) == 1;
	EVP_PKEY_CTX_free(c);
	ERR_clear_error();
	if (!ok)
		mem_wipe(out, RSA_PASSWORD_MAX);
	return ok;
}

static EVP_PKEY *
read_public(const char *pem, size_t len)
{
	BIO *b = NULL;
	EVP_PKEY *k = NULL;

	if (len <= RSA_PEM_MAX)
		b = BIO_new_mem_buf(pem, (int)len);
	if (b != NULL)
		k = PEM_read_bio_PUBKEY(b, NULL, no_phrase, NULL);
	BIO_free(b);
	return k;
}

bool
rsa_encrypt_for(const char *pem, size_t pem_len, const uint8_t *in, size_t len,
		uint8_t out[RSA_CIPHER_MAX], size_t *out_len)
{
	EVP_PKEY *k = read_public(pem, pem_len);
	EVP_PKEY_CTX *c = NULL;
	bool ok;

	*out_len = RSA_CIPHER_MAX;
	if (is_usable(k, BITS_MIN_SHOWN))
		c = open_oaep(k, EVP_PKEY_encrypt_init);
	ok = c != NULL && EVP_PKEY_encrypt(c, out, out_len, in, len) == 1;
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return ok;
}
