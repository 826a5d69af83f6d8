/*
 * See my_front_work.h.  For a user that is not known the same work is done on a
 * mock.  Runs on a helper thread and touches nothing but its argument, the key
 * and the cache; my_login_stage1 runs on the worker.
 */
#include "my_front_work.h"

#include <string.h>

#include "auth/secret.h"
#include "base/mem.h"

struct my_login_work {
	struct key_cache *keys; /* borrows: outlives the helpers */
	struct rsa_key *rsa;    /* borrows: the same; NULL = in clear */
	char *user;             /* owns */
	char *secret;           /* owns; NULL = a mock */
	size_t len;             /* of message */
	uint8_t scramble[MY_SCRAMBLE_BYTES];
	uint8_t message[RSA_PASSWORD_MAX + 1]; /* and a NUL */
	uint8_t stage1[MY_SHA2_BYTES];
	bool ok;
};

/* Stage 1 is kept as a key of the secret under this salt, which no verifier of
 * SCRAM has. */
static struct key_source
source_of(const char *user, const char *secret)
{
	static const uint8_t salt[] = MY_SHA2_PLUGIN;

	return (struct key_source){ .user = user,
				    .secret = secret,
				    .salt = salt,
				    .salt_len = sizeof(salt),
				    .iterations = 1 };
}

bool
my_login_stage1(struct key_cache *keys, const char *user, const char *secret,
		uint8_t stage1[MY_SHA2_BYTES])
{
	struct key_source from = source_of(user, secret);
	struct scram_keys kept;

	switch (secret_kind(secret)) {
	case SECRET_CLEAR:
		return my_sha2_stage1(secret, stage1);
	case SECRET_MY_SHA2:
		break;
	case SECRET_NONE:
	case SECRET_MD5:
	case SECRET_SCRAM:
	case SECRET_MY_NATIVE:
		return false;
	}
	if (!key_cache_find(keys, &from, &kept))
		return false;
	memcpy(stage1, kept.client_key, MY_SHA2_BYTES);
	mem_wipe(&kept, sizeof(kept));
	return true;
}

struct my_login_work *
my_login_work_new(const struct my_login_proof *proof)
{
	struct my_login_work *w = mem_zalloc(sizeof(*w));

	if (w == NULL || proof->len > RSA_PASSWORD_MAX) {
		mem_free(w);
		return NULL;
	}
	w->keys = proof->keys;
	w->rsa = proof->rsa;
	w->user = mem_strdup(proof->user);
	if (proof->secret != NULL)
		w->secret = mem_strdup(proof->secret);
	w->len = proof->len;
	if (proof->len > 0)
		memcpy(w->message, proof->message, proof->len);
	memcpy(w->scramble, proof->scramble, sizeof(w->scramble));
	if (w->user != NULL && (proof->secret == NULL || w->secret != NULL))
		return w;
	my_login_work_drop(w);
	return NULL;
}

void
my_login_work_drop(void *arg)
{
	struct my_login_work *w = arg;

	mem_free(w->user);
	mem_wipe_str(w->secret);
	mem_wipe_free(w, sizeof(*w));
}

bool
my_login_work_ok(const struct my_login_work *w, uint8_t stage1[MY_SHA2_BYTES])
{
	if (w->ok && stage1 != NULL)
		memcpy(stage1, w->stage1, MY_SHA2_BYTES);
	return w->ok;
}

void
my_login_work_key(void *arg)
{
	struct my_login_work *w = arg;

	w->ok = rsa_key_prepare(w->rsa);
}

/* The message is what was encrypted for our key: puts the password there. */
static bool
decrypt(struct my_login_work *w)
{
	uint8_t out[RSA_PASSWORD_MAX];
	size_t len;

	if (!rsa_key_prepare(w->rsa) ||
	    !rsa_key_decrypt(w->rsa, w->message, w->len, out, &len))
		return false;
	my_sha2_mask(out, len, w->scramble);
	memcpy(w->message, out, len);
	w->message[len] = '\0';
	w->len = len;
	mem_wipe(out, sizeof(out));
	return true;
}

void
my_login_work_password(void *arg)
{
	struct my_login_work *w = arg;
	const char *password = (const char *)w->message;
	struct key_source from;
	struct scram_keys keys = { .client_key = { 0 } };

	if (w->rsa != NULL && !decrypt(w))
		w->len = 0;
	/* With its own NUL at the end, and no other.  What is malformed is
	 * compared all the same. */
	w->ok = my_sha2_accepts(w->secret, password) && w->len > 0 &&
		strlen(password) == w->len - 1 &&
		my_sha2_stage1(password, w->stage1);
	if (!w->ok)
		return;
	from = source_of(w->user, w->secret);
	memcpy(keys.client_key, w->stage1, MY_SHA2_BYTES);
	key_cache_keep(w->keys, &from, &keys);
	mem_wipe(&keys, sizeof(keys));
}
