/*
 * A worker: one thread with its loop, its clients, the servers attached to it
 * and the pools whose home it is.  Nobody else touches them.
 */
#ifndef CARPOOL_CORE_WORKER_H
#define CARPOOL_CORE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/slab.h"
#include "core/core.h"
#include "core/pool.h"
#include "io/listen.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/timer.h"

struct client;

/* A client's place in the table that handles name. */
struct slot {
	struct client *client; /* borrows, or NULL */
	uint32_t generation;
	uint32_t next_free;
};

struct worker {
	unsigned id;
	struct core *core;             /* borrows */
	struct loop *loop;             /* owns */
	struct snapshot *snapshot;     /* refs */
	uint64_t generation;           /* the snapshot's */
	uint64_t policies;             /* given out: their ids */
	struct policy login_policy;    /* of clients without a pool; borrows
					* from the snapshot */
	struct listener *listener;     /* owns, or NULL */
	struct stream_options options; /* of all TCP sockets */
	bool bequeaths; /* accepted ones have them from the listening ones */
	struct list clients;
	struct list servers;
	struct list cancelers;
	struct list client_graves, server_graves, canceler_graves;
	/* On their way to another worker: posted at the end of the turn, for
	 * until then callers up the stack may still look at them. */
	struct list client_leavers, server_leavers;
	struct slab tenures; /* of struct tenure */
	struct map *proxied; /* owns: addresses of clients behind proxies, by
			      * their numbers; NULL until one came */
	struct ears *ears;   /* owns; NULL until a client has listened */
	void *shared[PROTOCOLS]; /* owns: what its clients' fronts share */
	struct list pools;       /* whose home this is */
	struct slot *slots;      /* owns */
	uint32_t slot_count, free_slot;
	struct timer tick;
	uint32_t client_count, cancel_count;
	usec_t left[4];                /* when clients closed last, a ring */
	unsigned left_at;              /* the oldest of them */
	_Atomic uint32_t pool_clients; /* of these, logged in to a pool */
	_Atomic uint32_t load;         /* client_count, for others to read */
	uint8_t random[ENTROPY_MAX];   /* prefetched entropy */
	size_t random_left;
	struct mail stop_mail;
	pthread_t thread;
	bool is_started;
};

struct worker *worker_new(struct core *core, unsigned id);
bool worker_start(struct worker *w);
void worker_stop(struct worker *w);
/* After all threads were joined: delivers mail that came late and closes what
 * it brought.  Called on all workers in turn until nothing moves any more. */
void worker_settle(struct worker *w);
void worker_free(struct worker *w);
/* At the end of each turn, when no callback is on the stack: posts what leaves
 * for other workers, frees what was closed.  arg: the worker. */
void worker_end_turn(void *arg);

/* Runs under another snapshot from now on; its own thread, between turns. */
void worker_set_snapshot(struct worker *w, struct snapshot *snapshot);

/* A client closed. */
static inline void
worker_note_end(struct worker *w)
{
	w->left[w->left_at] = loop_now(w->loop);
	w->left_at = (w->left_at + 1) % 4;
}

/* Gives a client a slot; false: out of memory. */
bool worker_add_client(struct worker *w, struct client *c);
void worker_remove_client(struct worker *w, struct client *c);
/* The client of a handle of this worker, or NULL when it is gone. */
struct client *worker_client(struct worker *w, struct client_handle h);

/* Brings a pool's policy and configuration up to date with the snapshot. */
void worker_refresh_policy(struct worker *w, struct pool *p);

/* The policy of a pool under this worker's snapshot; borrowed for the turn. */
static inline const struct policy *
worker_policy(struct worker *w, struct pool *p)
{
	if (p->parts[w->id].policy_generation != w->generation)
		worker_refresh_policy(w, p);
	return &p->parts[w->id].policy;
}

/* len unpredictable bytes, ENTROPY_MAX at most, cheap.  arg: the worker. */
void worker_entropy(void *arg, void *out, size_t len);

/* Starts accepting no more. */
void worker_stop_listening(struct worker *w);

#endif
