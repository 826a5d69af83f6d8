/*
 * Secrets of users who are in no file: asked of whoever knows them, on behalf
 * of clients that log in.
 *
 * The core puts the question and waits; who answers is not its business (the
 * control thread does, by auth_query).
 */
#ifndef CARPOOL_CORE_SECRETS_H
#define CARPOOL_CORE_SECRETS_H

#include <stdbool.h>

#include "base/list.h"
#include "io/loop.h"
#include "proto/policy.h"

struct client;

enum secret_result {
	SECRET_UNKNOWN, /* nobody of this name may log in */
	SECRET_FOUND,
	SECRET_FAILED, /* it could not be asked */
};

/*
 * A question on its way.  Owned by the receiver from submit() on, until it is
 * given back with secret_answer; database and user do not change.
 */
struct secret_request {
	struct mail mail;      /* first */
	struct list_node node; /* the receiver's */
	void *carrier;         /* borrows: whose mail it is just now */
	struct loop *home;     /* borrows: where the client is */
	struct client *client; /* borrows: waits for it, or NULL; home's */
	enum protocol protocol;
	char *database; /* owns: where the client wants to go; "" = console */
	char *user;     /* owns */
	enum secret_result result;
	char *secret; /* owns: FOUND */
};

/* Gives it back, with result and secret set.  Any thread, once. */
void secret_answer(struct secret_request *r);

#endif
