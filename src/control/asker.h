/*
 * Asks servers for the secrets of users, by auth_query: one connection for each
 * entry that answers, one question in flight for each user, answers kept for a
 * while.  Control thread.
 */
#ifndef CARPOOL_CONTROL_ASKER_H
#define CARPOOL_CONTROL_ASKER_H

#include "control/control.h"
#include "core/secrets.h"

struct asker;

/* NULL: out of memory. */
struct asker *asker_new(struct control *c);
/* The configuration has changed: nothing that is kept counts any more. */
void asker_reload(struct asker *a);
/* No more connections; whoever waits is told. */
void asker_stop(struct asker *a);
/* After the core has ended.  NULL is allowed. */
void asker_free(struct asker *a);

#endif
