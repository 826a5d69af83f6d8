/*
 * Logging in to a server: from its greeting until its trackers are on.
 *
 * Owned by a server's back until READY; see my_back_login.c.  Runs on the
 * worker that owns the server.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_BACK_LOGIN_H
#define CARPOOL_SRC_MYSQL_MY_BACK_LOGIN_H

#include <stddef.h>

#include "proto/policy.h"
#include "proto/turn.h"

struct my_back;
struct my_back_login;

/*
 * A login for user cred->user with the bits of a client's class in the words
 * (MY_CLASS_BYTES, or 0 bytes: none of them).  Keys that a client proved are
 * stage 1 of mysql_native_password where the first byte of server_key is 1, of
 * caching_sha2_password where it is 2.  Everything is copied.  NULL: out of
 * memory.
 */
struct my_back_login *my_back_login_new(const struct credential *cred,
					const char *database,
					struct startup_words words,
					const struct policy *policy);

/* Wipes and frees; NULL is allowed. */
void my_back_login_free(struct my_back_login *l);

/*
 * The step.  At READY the back has its facts, caps and ext, and no login any
 * more.  The turn's stream facts say whether a password may go in clear; NULL:
 * it may not.
 */
struct order my_back_login_step(struct my_back *b, struct turn *turn);

#endif
