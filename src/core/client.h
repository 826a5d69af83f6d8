/*
 * A client connection.  All functions run on the worker that owns the client;
 * other threads name it by its handle.
 */
#ifndef CARPOOL_CORE_CLIENT_H
#define CARPOOL_CORE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/core.h"
#include "core/pool.h"
#include "io/stream.h"
#include "io/timer.h"
#include "proto/protocol.h"

struct cancel_mail;
struct pins;
struct job_run;
struct server;
struct worker;

enum client_state {
	CLIENT_LOGIN,     /* its front's login runs */
	CLIENT_ASKING,    /* waits for an answer: job, cancel */
	CLIENT_IDLE,      /* logged in, no server */
	CLIENT_WAITING,   /* in the pool's queue */
	CLIENT_LINKING,   /* has a server that is made ready for it */
	CLIENT_ACTIVE,    /* linked */
	CLIENT_CONSOLE,   /* logged in on the console; the last of the living */
	CLIENT_LINGERING, /* said good-bye to; reads what still comes */
	CLIENT_CLOSED,    /* on the graveyard */
	CLIENT_STATES,
};

extern const char *const client_state_names[CLIENT_STATES];

/* Connections that may log in at a time beside the clients allowed. */
#define LOGINS_SPARE 100u

/* A server that does not take the client's settings in this time is stuck. */
#define CLIENT_LINK_TIME (15 * USEC_PER_SEC)

/* Bytes of a cancel key that nobody can know; the others say where the client
 * is. */
#define CANCEL_SECRET_BYTES 4

/* What a client needs while it logs in. */
struct client_login {
	struct mail mail;      /* for its one move */
	struct client *client; /* borrows: whose this is */
	char *user;            /* owns; as it said, or NULL before */
	char *database;        /* owns; as it said, or NULL before */
	const void *facts;     /* refs, or NULL */
	struct addr *proxied;  /* owns: on its way to a worker */
	char *denial;          /* owns: why it is rejected, or NULL */
	char *system_name;     /* owns: who is at the unix socket, or
				* NULL: nobody asked */
	char *secret; /* owns: his by auth_query; NULL = there is none */
	struct secret_request *secret_request; /* borrows: is out, or NULL */
	struct job_run *job;             /* borrows: work under way, or NULL */
	struct console_request *request; /* owns: the console's answer that is
					  * being written, or NULL */
	size_t rows_next;                /* of it: the next row to write */
	usec_t since;                    /* when it began */
	uint64_t received, sent;         /* bytes, until its pool is known */
	/* borrows: a command under way, or NULL; only this worker frees it */
	struct console_request *asked;
	bool has_moved;      /* stands on one of its pool's home workers */
	bool wants_facts;    /* queued for what servers say of themselves */
	bool has_asked;      /* auth_query was asked for secret */
	bool wants_proxy;    /* a header of the PROXY protocol may come */
	bool wants_greeting; /* the same before it said anything */
};

/*
 * What a client needs from when it asks for a server until it has given it up:
 * most clients are idle.
 */
struct tenure {
	struct ticket ticket;
	struct cancel_mail *cancel; /* owns: a cancel that waits until nothing
				     * hidden is owed, or NULL */
	struct pins *pins;          /* owns: what keeps it on its server between
				     * transactions, or NULL: nothing */
	usec_t query_since;         /* a query runs since; 0 = none */
	usec_t xact_since;          /* a transaction runs since; 0 = none */
	usec_t granted_at;
	usec_t last_wait;
	uint32_t seen_queries, seen_xacts; /* the back's, at the last look */
	uint32_t seen_client_parses, seen_server_parses, seen_binds;
};

/* Times that need not be exact, in tenths of a second: 32 bits hold 13 years.
 */
#define CLIENT_TENTH (USEC_PER_SEC / 10)

static inline uint32_t
client_tenths(usec_t time)
{
	return (uint32_t)(time / CLIENT_TENTH);
}

struct client {
	struct stream stream;
	struct timer timer;
	struct list_node node;      /* on worker.clients, leavers or graves */
	struct worker *worker;      /* borrows */
	void *front;                /* owns */
	struct pool *pool;          /* refs, or NULL */
	struct user_state *account; /* borrows: as whom it logged in */
	struct pool_class *class;   /* refs: its servers are of it; NULL = any
				     * that was told nothing */
	struct server *server;      /* borrows: linked, or NULL */
	struct client_login *login; /* owns: until logged in; the console's
				     * for good */
	struct tenure *tenure; /* owns, from worker.tenures; NULL when it has
				* no server and waits for none */
	uint32_t relay_left;   /* bytes to move to the server unseen */
	uint32_t discard_left; /* bytes to drop unseen */
	uint64_t id;
	usec_t last_active;    /* last bytes from or to it */
	uint32_t connected;    /* in tenths, see client_tenths */
	uint32_t eof_since;    /* it sends nothing more since, in tenths; 0 = it
				* does */
	uint32_t slot : 24;    /* of its handle */
	uint32_t protocol : 7; /* enum protocol: of the front */
	uint32_t is_proxied : 1; /* its address is on worker.proxied */
	uint32_t generation;     /* of its handle */
	union {
		uint8_t secret[CANCEL_SECRET_BYTES]; /* of its cancel key */
		/* Of the core's ids, where it is told before any login; 0 =
		 * none. */
		uint32_t number;
	};
	uint8_t state : 4;     /* enum client_state, set by client_set_state */
	uint8_t back_to : 4;   /* enum client_state: where ASKING, WAITING began
				*/
	uint8_t pins_told : 6; /* bits of enum state_kind: by pin_notice */
	bool is_hearer : 1;    /* listens to channels, see hearer.h */
	bool is_fenced : 1;    /* its server waits, see hearer_fences */
	uint8_t close_reason;  /* enum reason, with close_needed */
	bool is_counted : 1;   /* holds places in the client budgets */
	bool is_keyed : 1;     /* logged in to a pool: its key works */
	bool is_console : 1;
	bool is_login : 1;     /* counted in core.logins */
	bool link_pending : 1; /* LINKING: link() was not called yet */
	bool is_shut : 1;      /* LINGERING: our side is closed */
	bool was_notified : 1; /* query_wait_notify was sent */
	bool close_needed : 1; /* drain, KILL: close at the next boundary */
};

/* A new client of this protocol on an accepted descriptor, which it owns. */
void client_accept(struct worker *w, int fd, const struct addr *peer,
		   unsigned protocol);

void client_set_state(struct client *c, enum client_state state);
struct client_handle client_handle(const struct client *c);

/*
 * Ends the client.  client_close: at once, with the buffers dropped.
 * client_refuse: with an error in its own protocol where one can be written,
 * then flush, half-close, linger briefly, close.  client_end: as refuse, with
 * no error.  The server it holds is abandoned.
 */
void client_close(struct client *c, enum reason reason);
void client_refuse(struct client *c, const struct refusal *refusal);
void client_refuse_reason(struct client *c, enum reason reason);
void client_end(struct client *c, enum reason reason);

/* A server is the client's now: taken off the queue, or at once. */
void client_granted(struct client *c, struct server *s);
/* Frees the tenure; its ticket stands in no queue any more. */
void client_drop_tenure(struct client *c);
/* Its pool cannot give servers: refused with the pool's failure. */
void client_pool_failed(struct client *c);
/* The server it is linked to died or misbehaved. */
void client_server_failed(struct client *c, enum reason reason);

/* Goes on with a good-bye: flushes, reads what still comes, closes. */
void client_linger(struct client *c);

/* One write of what it is to be told; the bytes are counted. */
enum flush client_flush(struct client *c);

/* Counts bytes that came from it (STAT_RECEIVED) or went to it (STAT_SENT). */
void client_count_bytes(struct client *c, enum counter which, size_t bytes);

/* Counts what its front says that it has answered itself. */
void client_count_answered(struct client *c);

/* Counters: queries ended since the last time; a cancel that waited for them
 * goes on. */
void client_tally(struct client *c, usec_t now);
/* The end of a turn: counts, and arms the timer. */
void client_account(struct client *c, usec_t now);

/* Moves it to another worker, once, at the end of the turn; until then only
 * its detached stream tells.  False: it cannot go now. */
bool client_move(struct client *c, struct worker *to);

/*
 * After a reload or when a drain began: clients at rest that may not stay are
 * refused, the others marked for their next boundary.
 */
void client_sweep(struct worker *w);
/* Marks a client for its end, at once or at its next boundary. */
void client_close_soon(struct client *c, enum reason reason);
/* Ends a client that is marked, unless it is in the middle of something. */
void client_close_if_at_rest(struct client *c);

void client_free(struct client *c);

#endif
