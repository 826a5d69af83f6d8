/*
 * What a client's login costs in CPU: PBKDF2, on a helper thread.
 *
 * The work owns copies of all that it needs, so the client may vanish
 * meanwhile.  Private to pg_front_proof.c.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_FRONT_WORK_H
#define CARPOOL_SRC_POSTGRES_PG_FRONT_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/entropy.h"
#include "auth/scram.h"
#include "auth/secret.h"
#include "proto/turn.h"

struct pg_login_work {
	char *secret;  /* owns; NULL = a mock */
	char *user;    /* owns */
	char *message; /* owns: the password or client-final, with a NUL */
	size_t size;   /* bytes of message, less the NUL that was added */
	bool ok;       /* a password: does it open the secret? */
	uint32_t iterations;
	struct auth_mock mock;
	/* client-final */
	struct key_cache *keys;    /* borrows: outlives the helpers */
	struct scram_server scram; /* the exchange, up to it */
	enum scram_status status;
	struct scram_message reply;
};

/* A password or client-final, and whose it is said to be; borrows all. */
struct pg_login_proof {
	struct key_cache *keys; /* or NULL */
	const char *user;
	const char *secret; /* NULL = a mock */
	uint8_t *message;   /* with a NUL behind it */
	size_t size;        /* less the NUL */
};

/* Can the method prove this secret?  A user for whom it cannot is treated as
 * one who does not exist. */
bool pg_login_is_usable(enum auth_method method, const char *secret);

/* What the challenge is made from: the verifier, or a mock where the secret is
 * another one or NULL.  False: the library failed. */
bool pg_login_verifier(const char *user, const char *secret,
		       const struct turn *t, struct scram_verifier *v);

/*
 * Work for this proof, whose message it takes over (also where it fails), in
 * an exchange that has come as far as *scram (NULL: there is none).  NULL: out
 * of memory.
 */
struct pg_login_work *pg_login_work_new(const struct pg_login_proof *proof,
					const struct scram_server *scram,
					const struct turn *t);

/*
 * Judges client-final by the keys that are kept of this secret.  On SCRAM_OK
 * *scram has gone on and reply is the answer; otherwise *scram is as it was,
 * and after SCRAM_WRONG_PROOF, which it also says where no keys are kept, the
 * whole work is due.  No PBKDF2; any thread.
 */
enum scram_status pg_login_try_kept(const struct pg_login_proof *proof,
				    struct scram_server *scram,
				    struct scram_message *reply);

/* HELPER THREAD.  Does the password open the secret?  Sets ok. */
void pg_login_work_password(void *arg);

/* HELPER THREAD.  Judges client-final.  Sets status, scram and reply. */
void pg_login_work_proof(void *arg);

/* Wipes and frees. */
void pg_login_work_drop(void *arg);

#endif
