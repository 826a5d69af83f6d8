/*
 * Keys and verifiers of SCRAM, from passwords and for unknown users.
 *
 * The functions that run PBKDF2 are for helper threads; nothing here keeps
 * state.  RFC 5802, section 3.
 */
#include "auth/scram.h"

#include <string.h>

#include "auth/digest.h"
#include "auth/saslprep.h"
#include "base/mem.h"
#include "base/text.h"

bool
scram_user_salt(const struct auth_mock *mock, const char *user,
		uint8_t salt[SCRAM_SALT_BYTES])
{
	uint8_t made[SCRAM_KEY_BYTES];
	bool ok = digest_hmac(mock->secret, user, strlen(user), made);

	memcpy(salt, made, SCRAM_SALT_BYTES);
	return ok;
}

/*
 * One digest, so that a mock costs what reading a real verifier costs.  The
 * keys need not be good ones: is_mock refuses whatever they would accept.
 */
bool
scram_verifier_mock(struct scram_verifier *v, const struct auth_mock *mock,
		    const char *user, uint32_t iterations)
{
	mem_wipe(v, sizeof(*v));
	if (iterations == 0 || iterations > SCRAM_ITERATIONS_MAX ||
	    !digest_hmac(mock->secret, user, strlen(user), v->stored_key))
		return false;
	memcpy(v->salt, v->stored_key, SCRAM_SALT_BYTES);
	memcpy(v->server_key, v->stored_key, SCRAM_KEY_BYTES);
	v->iterations = iterations;
	v->salt_len = SCRAM_SALT_BYTES;
	v->is_mock = true;
	return true;
}

bool
scram_keys_derive(const uint8_t salted[SCRAM_KEY_BYTES],
		  struct scram_keys *keys)
{
	return digest_hmac(salted, "Client Key", 10, keys->client_key) &&
	       digest_hmac(salted, "Server Key", 10, keys->server_key);
}

bool
scram_salted_password(const char *password, const uint8_t *salt,
		      size_t salt_len, uint32_t iterations,
		      uint8_t out[SCRAM_KEY_BYTES])
{
	char *prepared = NULL;
	const char *used = password;
	bool ok = false;

	if (salt_len == 0 || salt_len > SCRAM_SALT_MAX || iterations == 0 ||
	    iterations > SCRAM_ITERATIONS_MAX)
		goto done;
	switch (saslprep_password(password, &prepared)) {
	case SASLPREP_DONE:
		used = prepared;
		break;
	case SASLPREP_UNCHANGED:
	case SASLPREP_REFUSED:
		break;
	case SASLPREP_NO_MEMORY:
		goto done;
	}
	ok = digest_pbkdf2(used, salt, salt_len, iterations, out);
	mem_wipe_str(prepared);
done:
	if (!ok)
		mem_wipe(out, SCRAM_KEY_BYTES);
	return ok;
}

bool
scram_verifier_from_password(struct scram_verifier *v, const char *password,
			     const uint8_t *salt, size_t salt_len,
			     uint32_t iterations)
{
	uint8_t salted[SCRAM_KEY_BYTES];
	struct scram_keys keys;
	bool ok;

	mem_wipe(v, sizeof(*v));
	ok = scram_salted_password(password, salt, salt_len, iterations,
				   salted) &&
	     scram_keys_derive(salted, &keys) &&
	     digest_sha256(keys.client_key, SCRAM_KEY_BYTES, v->stored_key);
	if (ok) {
		memcpy(v->server_key, keys.server_key, SCRAM_KEY_BYTES);
		memcpy(v->salt, salt, salt_len);
		v->salt_len = salt_len;
		v->iterations = iterations;
	}
	mem_wipe(salted, sizeof(salted));
	mem_wipe(&keys, sizeof(keys));
	return ok;
}

bool
scram_verifier_accepts(const struct scram_verifier *v, const char *password)
{
	struct scram_verifier made;
	bool ok;

	ok = scram_verifier_from_password(&made, password, v->salt, v->salt_len,
					  v->iterations) &&
	     text_equal_secret(made.stored_key, v->stored_key, SCRAM_KEY_BYTES);
	scram_verifier_fini(&made);
	return ok && !v->is_mock;
}
