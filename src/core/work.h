/*
 * Work for helper threads on behalf of a connection: the job goes out, the
 * connection waits, the result comes back to the same worker.  When the
 * connection went away meanwhile the result is dropped.
 */
#ifndef CARPOOL_CORE_WORK_H
#define CARPOOL_CORE_WORK_H

#include "io/helper.h"
#include "proto/order.h"

struct client;
struct server;

struct job_run {
	struct helper_job base; /* first: what the helpers see */
	struct job job;         /* owns job.arg until drop */
	struct client *client;  /* borrows: waits for it, or NULL */
	/* The core's own job of a client: called in place of its step. */
	void (*done)(struct client *c, void *arg);
	struct server *server; /* borrows: waits for it, or NULL */
};

/* Starts a job for a client or a server; the order's job is taken over. */
void work_start_client(struct client *c, const struct job *job);
void work_start_server(struct server *s, const struct job *job);

/* The same for something that the core has to know of a client: done, on the
 * worker, has to answer it; arg is dropped afterwards. */
void work_start_lookup(struct client *c, const struct job *job,
		       void (*done)(struct client *c, void *arg));

#endif
