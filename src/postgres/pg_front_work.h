/*
 * What a client's login costs in CPU, for a helper thread: PBKDF2.
 *
 * The work owns copies of all that it needs, so the client may vanish
 * meanwhile.  Private to pg_front_login.c.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_FRONT_WORK_H
#define CARPOOL_SRC_POSTGRES_PG_FRONT_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/entropy.h"
#include "auth/secret.h"

struct pg_login_work {
	char *secret;   /* owns; NULL = a mock */
	char *user;     /* owns */
	char *password; /* owns: what the client sent, or NULL for SCRAM */
	struct auth_mock mock;
	uint32_t iterations;
	bool ok;
	struct scram_verifier verifier;
	uint8_t *message; /* owns: client-first that waits for the verifier */
	size_t message_len;
};

/* HELPER THREAD.  Does the password open the secret?  Sets ok. */
void pg_login_work_password(void *arg);

/* HELPER THREAD.  Makes the verifier of a clear-text secret.  Sets ok. */
void pg_login_work_verifier(void *arg);

/* Wipes and frees. */
void pg_login_work_drop(void *arg);

#endif
