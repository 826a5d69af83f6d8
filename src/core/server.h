/*
 * A server connection: opening and login, idle on a shelf, moving between
 * workers, linked to a client, resetting, abandoned by its client, held for a
 * cancel.  See pool.h for who owns it when.  All functions run on the worker
 * that owns the server.
 */
#ifndef CARPOOL_CORE_SERVER_H
#define CARPOOL_CORE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/notifier.h"
#include "core/pool.h"
#include "io/resolve.h"
#include "io/stream.h"
#include "io/timer.h"
#include "proto/protocol.h"

enum cancel_end {
	CANCEL_OVER,   /* no signal can come any more */
	CANCEL_UNSURE, /* one may still come */
};

struct canceler;
struct client;
struct job_run;
struct worker;

enum server_state {
	SERVER_RESOLVING, /* waits for its host's address */
	SERVER_LOGIN,     /* connecting and logging in */
	SERVER_IDLE,      /* on a shelf, or claimed there for a waiter */
	SERVER_MOVING,    /* detached, on its way to another worker */
	SERVER_CHECKING,  /* granted, its check query runs first */
	SERVER_ACTIVE,    /* linked */
	SERVER_ABANDONED, /* its client left; getting back to a boundary */
	SERVER_RESETTING, /* being made fit for anyone */
	SERVER_HELD,      /* free but for a cancel on its way */
	SERVER_CLOSING,   /* said good-bye, its own end is still to be seen */
	SERVER_CLOSED,    /* on the graveyard */
	SERVER_STATES,
};

extern const char *const server_state_names[SERVER_STATES];

/* Bytes of a lost client's result that are read to keep the server. */
#define SERVER_DRAIN_MAX ((size_t)16 << 20)

struct server {
	struct stream stream;
	struct timer timer;
	struct mail mail;          /* for moving between workers */
	struct list_node node;     /* on a shelf or an action list; pool.lock */
	struct list_node same;     /* on its class's shelf; pool.lock */
	struct notifier notifier;  /* whose notifications it sends */
	struct list_node owned;    /* on worker.servers, leavers or graves */
	struct pool *pool;         /* refs */
	struct pool_class *class;  /* refs */
	struct worker *worker;     /* borrows: the owner */
	struct client *client;     /* borrows: linked, or NULL */
	struct ticket *ticket;     /* the waiter it moves to; pool.lock */
	struct canceler *canceler; /* borrows: a cancel on its way, or NULL */
	struct job_run *job;       /* borrows: work under way, or NULL */
	const struct back_ops *ops;
	void *back;                      /* owns */
	_Atomic uint64_t *changes;       /* borrows: changes_of */
	struct resolve_query *query;     /* owns while RESOLVING, else NULL */
	struct resolve_query *addresses; /* owns: of its host's name, or NULL */
	uint32_t tried;                  /* of these */
	uint32_t host_turn;              /* pool_next_host's answer */
	uint16_t jitter;                 /* of its lifetime */
	struct addr addr;
	unsigned lost_seen;    /* losses that it was held against */
	uint32_t relay_left;   /* bytes to move to the client unseen */
	uint32_t discard_left; /* bytes to drop unseen */
	uint64_t id;
	uint64_t epoch; /* of the pool when it was opened */
	usec_t created; /* connect started */
	usec_t expires; /* server_lifetime with jitter; 0 = never */
	usec_t idle_since;
	usec_t granted_at; /* last assignment, for SHOW's request_time */
	size_t drained;    /* bytes dropped since it was abandoned */
	usec_t deadline;   /* of login, check, reset, abandon; 0 = none */
	enum server_state state;
	enum residue residue; /* to clean before anybody else may have it */
	uint16_t port;
	bool close_now;    /* server_fast_close: also its session ends */
	bool is_shelved;   /* on a shelf and not claimed; pool.lock */
	bool is_evicted;   /* goes to make room for others; pool.lock */
	bool is_dead;      /* claimed while it was dying */
	bool at_boundary;  /* ABANDONED: waits for its cancel to be over */
	bool cancel_due;   /* ABANDONED: cancel the last of what it owes */
	bool close_needed; /* RECONNECT, DNS: not for another client */
	bool is_logged_in;
	bool is_half_sent; /* a message to it was cut: say nothing more */
	char host[256];    /* as configured */
};

/* Starts opening a server for the pool, whose place is already taken. */
void server_open(struct pool *p, struct worker *w);

/*
 * Closes a server in any state but MOVING, gives its place back and wakes who
 * waits for one.  A linked client must have been unlinked before.
 */
void server_close(struct server *s, enum reason reason);

/*
 * The client does not hold it any more and it is at a boundary: cleans it
 * where needed, then checks it in.
 */
void server_release(struct server *s, enum residue residue);

/* Its client is gone in the middle of something. */
void server_abandon(struct server *s, enum sent sent);

/* An abandoned server has answered something: is the rest to be canceled? */
void server_cancel_last(struct server *s);

/* Runs the check query before a grant; false: none is due. */
bool server_check(struct server *s, usec_t now);

/* It logged in well but failed before its client's work: servers are opened
 * with a pause from now, for the next one may be no better. */
void server_hold_openings(struct server *s, const char *text);

/* The bytes of a turn for the back step; peer fields as the client's. */
/* What a step is told of a server's stream. */
const struct stream_facts *server_facts(const struct stream *s);
void server_turn(struct server *s, struct turn *turn);

/* A cancel that held it is over, or hung: then it must be closed. */
void server_cancel_done(struct server *s, enum cancel_end end);

/* Hands a claimed or free server over to the waiter it is bound to. */
void server_send(struct server *s);

/* Arms its timer for what it waits for now. */
void server_watch(struct server *s);

/* What the session tells of a server without a client: the connect was decided
 * (false: it failed or is not), the login is done, it stands at a boundary, the
 * back failed it, the connection ended. */
bool server_connected(struct server *s);
void server_ready(struct server *s);
void server_boundary(struct server *s, enum residue residue);
void server_failed(struct server *s, const struct order *o);
/* The handshake begins, as its database's entry says. */
void server_start_tls(struct server *s);
void server_lost(struct server *s);

/* Closes the idle servers of this worker that may not stay: outdated ones, or
 * all of a pool that is paused.  p NULL = of all pools. */
void server_sweep(struct worker *w, struct pool *p);

/* Has the name of its host lost its address since the last call? */
bool server_has_lost(struct server *s);

/* A CLOSING server's socket changed: reads on to its end. */
void server_see_end(struct server *s);

/* Frees what the close marked; the worker's reaper. */
void server_free(struct server *s);

#endif
