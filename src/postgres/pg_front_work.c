/*
 * The costly part of a client's login; see pg_front_work.h.  For a user that
 * is not known the same work is done on a mock.  Runs on a helper thread and
 * touches nothing but its argument and the cache of keys; pg_login_try_kept
 * runs on the worker too.
 */
#include "pg_front_work.h"

#include <string.h>

#include "auth/key_cache.h"
#include "base/mem.h"

void
pg_login_work_drop(void *arg)
{
	struct pg_login_work *w = arg;

	mem_wipe_str(w->secret);
	mem_wipe_free(w->message, w->size);
	mem_free(w->user);
	mem_wipe_free(w, sizeof(*w));
}

bool
pg_login_is_usable(enum auth_method method, const char *secret)
{
	enum secret_kind kind = secret_kind(secret);

	switch (method) {
	case AUTH_TRUST:
	case AUTH_ANY:
	case AUTH_REJECT:
	case AUTH_CERT:
	case AUTH_PEER:
	case AUTH_HBA:
		return secret != NULL;
	case AUTH_PLAIN:
		return kind != SECRET_NONE;
	case AUTH_MD5:
		return kind == SECRET_CLEAR || kind == SECRET_MD5 ||
		       kind == SECRET_SCRAM;
	case AUTH_SCRAM:
		return kind == SECRET_CLEAR || kind == SECRET_SCRAM;
	}
	return false;
}

bool
pg_login_verifier(const char *user, const char *secret, const struct turn *t,
		  struct scram_verifier *v)
{
	struct auth_mock mock;

	if (scram_verifier_parse(secret, v))
		return true;
	memcpy(mock.secret, t->mock_secret, sizeof(mock.secret));
	return scram_verifier_mock(v, &mock, user, t->policy->scram_iterations);
}

struct pg_login_work *
pg_login_work_new(const struct pg_login_proof *proof,
		  const struct scram_server *scram, const struct turn *t)
{
	struct pg_login_work *w = mem_zalloc(sizeof(*w));

	if (w == NULL) {
		mem_wipe_free(proof->message, proof->size);
		return NULL;
	}
	w->message = (char *)proof->message;
	w->size = proof->size;
	w->user = mem_strdup(proof->user);
	if (proof->secret != NULL)
		w->secret = mem_strdup(proof->secret);
	memcpy(w->mock.secret, t->mock_secret, sizeof(w->mock.secret));
	w->iterations = t->policy->scram_iterations;
	w->keys = proof->keys;
	if (scram != NULL)
		w->scram = *scram;
	if (w->user != NULL && (proof->secret == NULL || w->secret != NULL))
		return w;
	pg_login_work_drop(w);
	return NULL;
}

void
pg_login_work_password(void *arg)
{
	struct pg_login_work *w = arg;
	struct scram_verifier mock;

	if (w->secret != NULL) {
		w->ok = secret_accepts(w->secret, w->user, w->message);
	} else if (scram_verifier_mock(&mock, &w->mock, w->user,
				       w->iterations)) {
		w->ok = scram_verifier_accepts(&mock, w->message);
		scram_verifier_fini(&mock);
	}
}

/* A user who is not known has a secret whose keys are never kept. */
static struct key_source
source_of(const struct scram_server *scram, const char *user,
	  const char *secret)
{
	return (struct key_source){
		.user = user,
		.secret = secret == NULL ? "-" : secret,
		.salt = scram->verifier.salt,
		.salt_len = scram->verifier.salt_len,
		.iterations = scram->verifier.iterations,
	};
}

/* Where no keys are kept the same is done with keys that fit nobody. */
enum scram_status
pg_login_try_kept(const struct pg_login_proof *proof,
		  struct scram_server *scram, struct scram_message *reply)
{
	struct key_source from = source_of(scram, proof->user, proof->secret);
	struct scram_server trial = *scram;
	enum scram_status status = SCRAM_CRYPTO;
	struct scram_keys kept = { .client_key = { 0 } };

	trial.verifier.is_mock = !key_cache_find(proof->keys, &from, &kept);
	if (scram_server_rekey(&trial, &kept))
		status = scram_server_final(&trial, proof->message, proof->size,
					    reply);
	if (status == SCRAM_OK)
		*scram = trial;
	scram_server_fini(&trial);
	mem_wipe(&kept, sizeof(kept));
	return status;
}

/*
 * Somebody else may have made the keys since the worker looked.  But a proof
 * that is wrong costs the whole work, whether keys are kept or not and whether
 * there is such a user or not: so none of these shows.
 */
void
pg_login_work_proof(void *arg)
{
	struct pg_login_work *w = arg;
	struct key_source from = source_of(&w->scram, w->user, w->secret);
	struct pg_login_proof proof = {
		.keys = w->keys,
		.user = w->user,
		.secret = w->secret,
		.message = (uint8_t *)w->message,
		.size = w->size,
	};
	struct scram_keys keys;

	w->status = pg_login_try_kept(&proof, &w->scram, &w->reply);
	if (w->status != SCRAM_WRONG_PROOF)
		return;
	w->status = SCRAM_CRYPTO;
	w->scram.verifier.is_mock = w->secret == NULL;
	if (key_source_derive(&from, &keys) &&
	    scram_server_rekey(&w->scram, &keys))
		w->status = scram_server_final(&w->scram, w->message, w->size,
					       &w->reply);
	if (w->status == SCRAM_OK)
		key_cache_keep(w->keys, &from, &keys);
	mem_wipe(&keys, sizeof(keys));
}
