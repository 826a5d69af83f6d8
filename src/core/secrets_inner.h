/*
 * Asking for a client's secret; see core/secrets.h.  Runs on its worker.
 */
#ifndef CARPOOL_SRC_CORE_SECRETS_INNER_H
#define CARPOOL_SRC_CORE_SECRETS_INNER_H

#include "core/client.h"
#include "core/secrets.h"

/*
 * Is the client's secret still to be asked for, by the configuration in force?
 * Then it waits for login_answer_verify, or was refused.
 */
bool secrets_ask(struct client *c);

/* The client goes: nobody waits for its question any more. */
void secrets_forget(struct client *c);

#endif
