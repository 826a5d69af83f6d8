/*
 * What the files of the session share with each other and with nobody else.
 */
#ifndef CARPOOL_CORE_SESSION_INNER_H
#define CARPOOL_CORE_SESSION_INNER_H

#include "core/session.h"
#include "core/worker.h"

/* Nothing is moved into an output that holds as much. */
#define SESSION_OUT_MAX (4 * (size_t)BUF_BLOCK_BYTES)

static inline bool
session_is_full(const struct stream *s)
{
	return s->out.len >= SESSION_OUT_MAX;
}

static inline bool
session_is_alive(const struct client *c)
{
	return c->state < CLIENT_LINGERING &&
	       c->stream.loop != NULL; /* else it leaves for another worker */
}

/* Session mode: does it keep its server from one transaction to the next? */
static inline bool
session_is_kept(const struct client *c)
{
	return worker_policy(c->worker, c->pool)->mode == POOL_SESSION;
}

/* Has both sides step until they wait; answer (or NULL) is the front's. */
void session_step(struct client *c, const struct answer *answer);

/* A client that is being linked: goes on as soon as nothing hidden is owed.
 * True: something happened. */
bool session_link(struct client *c);

#endif
