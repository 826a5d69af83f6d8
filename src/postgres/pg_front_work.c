/*
 * The costly part of a client's login; see pg_front_work.h.  For a user that
 * is not known the same work is done on a mock.  Runs on a helper thread and
 * touches nothing but its argument.
 */
#include "pg_front_work.h"

#include "auth/scram.h"
#include "base/mem.h"

void
pg_login_work_drop(void *arg)
{
	struct pg_login_work *w = arg;

	mem_wipe_str(w->secret);
	mem_wipe_str(w->password);
	mem_free(w->user);
	mem_free(w->message);
	mem_wipe_free(w, sizeof(*w));
}

void
pg_login_work_password(void *arg)
{
	struct pg_login_work *w = arg;
	struct scram_verifier mock;

	if (w->secret != NULL) {
		w->ok = secret_accepts(w->secret, w->user, w->password);
	} else if (scram_verifier_mock(&mock, &w->mock, w->user,
				       w->iterations)) {
		w->ok = scram_verifier_accepts(&mock, w->password);
		scram_verifier_fini(&mock);
	}
}

void
pg_login_work_verifier(void *arg)
{
	struct pg_login_work *w = arg;
	uint8_t salt[SCRAM_SALT_BYTES];

	w->ok = scram_user_salt(&w->mock, w->user, salt) &&
		scram_verifier_from_password(
			&w->verifier, w->secret == NULL ? "-" : w->secret, salt,
			sizeof(salt), w->iterations);
	if (w->secret == NULL)
		w->verifier.is_mock = true;
}
