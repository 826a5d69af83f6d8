/*
 * Which front a client speaks through.
 */
#ifndef CARPOOL_CORE_FRONT_H
#define CARPOOL_CORE_FRONT_H

#include "core/client.h"
#include "core/shared.h"
#include "core/worker.h"

/* Constant for the client's life. */
static inline const struct front_ops *
client_front(const struct client *c)
{
	return c->worker->core->fronts[c->protocol];
}

#endif
