/*
 * A pool: the servers of one (database, user) pair and the clients that wait
 * for one, shared by all workers.
 *
 * Decide under the lock, act by message.  Who owns a server at any time:
 *
 *   opening   its worker, until the login is done and it is checked in
 *   shelf     the pool; its stream stays on the loop of its worker, which alone
 *             may take it off to close it (pool_withdraw)
 *   moving    claimed for a waiter under the lock; its worker detaches it and
 *             posts it to the waiter's worker.  If it died meanwhile, the
 *             waiter keeps its place.
 *   session   the client that it is linked to, on one worker
 *   resetting, abandoned, held for a cancel: its worker
 *
 * A waiter has a ticket, on the pool's queue and on that of its worker, ordered
 * by arrival.  A ticket is touched by other threads only under the pool's lock
 * and only while it is queued; what dispatch does to it is: bind it to a moving
 * server (it keeps its place until that arrives), or take it off because it was
 * granted a server of its own worker's, which happens only on that worker.
 *
 * Servers that were told the same at their start make a class (session mode: a
 * client's own startup parameters; else all are of the one neutral class).  A
 * waiter is served by its own class alone.  Where the pool is full, an idle
 * server for which nobody waits makes room for one for which somebody does.
 *
 * Lock: pool.lock covers what stands below "under lock"; nobody holds it with
 * another lock, or across a system call, a callback or a log line.  So a pool
 * decides first, and asks the limits afterwards.
 */
#ifndef CARPOOL_CORE_POOL_H
#define CARPOOL_CORE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/lock.h"
#include "config/snapshot.h"
#include "core/limits.h"
#include "core/stats.h"
#include "io/loop.h"
#include "proto/protocol.h"

struct client;
struct core;
struct db_state;
struct map;
struct server;
struct user_state;
struct worker;

/*
 * How much longer than its own another pool's waiter must have waited to be
 * given a pool's last place, and how long a pool keeps idle servers that a
 * hungry one, which has as much, could use.
 */
#define HUNGER_SLACK (100 * USEC_PER_MSEC)

enum ticket_state { TICKET_NONE, TICKET_QUEUED, TICKET_BOUND };

/* Servers that were told the same at their start; all under lock. */
struct pool_class {
	struct list_node node;    /* on pool.classes; not the neutral one */
	struct list_node matched; /* on pool.matched: has waiters and idle */
	struct list_node refused; /* on pool.refused: was, not long ago */
	struct list queue;    /* of ticket.same: not bound ones, by arrival */
	struct list shelf;    /* of server.same: idle ones, of all workers */
	uint32_t refs;        /* clients, servers, pool.recent */
	uint32_t waiting;     /* tickets queued and not bound */
	uint32_t opening;     /* servers being opened */
	const void *facts;    /* refs: what these say of themselves, or NULL */
	uint64_t facts_epoch; /* the pool's, when they said it */
	/* The server refused the words; not asked again before this. */
	usec_t refused_until;
	uint8_t *error; /* owns: how it refused, or NULL */
	size_t error_len;
	size_t len;
	char *words; /* owns; constant: len bytes of startup words */
};

/* A client's place in the queue; embedded in its tenure. */
struct ticket {
	struct list_node global;  /* on pool.queue */
	struct list_node local;   /* on the queue of the client's worker */
	struct list_node same;    /* not bound: on the queue of its class */
	usec_t since;             /* when it queued first */
	struct client *client;    /* the owner; read by its worker alone */
	struct server *server;    /* BOUND: the one on its way */
	struct worker *worker;    /* the client's */
	struct pool_class *class; /* borrows: the client's; NULL = neutral */
	enum ticket_state state;
};

/* One worker's part of a pool. */
struct pool_part {
	struct list shelf;   /* idle servers, newest first; under lock */
	struct list queue;   /* of ticket.local; under lock */
	uint32_t idle;       /* under lock */
	struct stats *stats; /* borrows: the database's, of this worker */
	/* The worker's own, without lock: the policy of the generation. */
	uint64_t policy_generation;
	struct policy policy;
	struct pool_config config; /* the copy that goes with it */
	usec_t shortest;           /* no time that ends a client is shorter */
	uint32_t clients; /* clients of this pool here; the worker's own */
	/* Pins, by kind; relaxed, written by the worker alone. */
	_Atomic uint32_t pins_now[PIN_KINDS];
	_Atomic uint64_t pins_begun[PIN_KINDS];
};

/* Why the last opening failed. */
struct pool_failure {
	enum reason reason; /* REASON_NONE: the last one went well */
	enum fail_scope scope;
	uint32_t host;   /* of the list, as pool_next_host counts */
	usec_t retry_at; /* no opening before this */
	usec_t backoff;
	char text[256]; /* what the server or the system said */
	uint8_t *error; /* owns: the server's own error, or NULL */
	size_t error_len;
};

struct pool {
	/* constant */
	enum protocol protocol;
	char *database;              /* owns: as clients say it */
	char *user;                  /* owns: the client's user */
	struct core *core;           /* borrows */
	const struct back_ops *back; /* borrows */
	struct db_state *db;         /* borrows: outlives the pool */
	struct user_state *account;  /* borrows: outlives the pool */
	struct worker *home;         /* borrows: runs its timer and tokens */
	unsigned home_first, home_count; /* workers its clients move to */
	struct list_node home_node;      /* on home's list; home's own */
	struct mail token_mail;          /* one at a time: share.is_posted */
	struct mail adopt_mail;          /* once: to the home worker's list */
	struct mail wake_mail;           /* one at a time: is_waking */

	_Atomic uint32_t refs; /* clients, servers, the route map */
	struct share share;    /* guarded by limits.lock */
	/* Of the connection that listens for its clients, see core/channels.h;
	 * guarded by limits.lock. */
	struct share ear_share;
	struct mail ear_mail; /* one at a time: ear_share.is_posted */
	/* Channels of its clients, of each worker by itself. */
	_Atomic uint32_t ears;

	struct lock lock;
	/* under lock */
	struct pool_config config;
	uint64_t epoch;          /* servers of an older one are not reused */
	uint64_t generation;     /* no opening under an older snapshot */
	bool is_paused;          /* PAUSE: nothing is handed out */
	_Atomic bool is_removed; /* the entry left the configuration */
	bool is_waking;          /* wake_mail is on its way */
	bool is_hungry;          /* asks the limits, or a token will come */
	bool is_refused;         /* hungry: they had no place, and gave none
				  * since; a hint */
	struct list queue;       /* of ticket.global, by arrival */
	/* Written under lock, read as a hint without it. */
	_Atomic uint32_t waiting; /* tickets queued */
	_Atomic uint32_t bound;   /* of these, bound to a moving server */
	uint32_t idle;            /* servers on all shelves */
	uint32_t opening;         /* being opened, or about to be */
	uint32_t held;    /* places held: all servers, opening ones too */
	uint32_t current; /* of held: opened in this epoch */
	uint32_t in_use;  /* of held: not opening, not on a shelf */
	uint32_t evicted; /* of held: they go to make room for another class */
	uint32_t next_host;
	struct pool_failure failure;
	struct pool_class neutral; /* of servers that were told nothing */
	struct list classes;       /* the others */
	struct map *by_words;      /* owns: these, or NULL before the first */
	struct list matched;       /* classes with waiters and idle servers */
	struct list refused;       /* classes that the server refused */
	uint32_t lacking; /* of all classes: waiters above servers coming */
	uint32_t decided; /* of opening: their class was chosen */
	struct pool_class *recent; /* refs: of the last server that came, for
				    * min_pool_size; NULL = neutral */
	bool has_keys;             /* SCRAM keys that a client proved */
	uint8_t client_key[32], server_key[32];
	char *keys_secret;  /* owns: the verifier they belong to */
	char *asked_secret; /* owns: its user's by auth_query, or NULL */
	uint32_t active_cancels, waiting_cancels;
	_Atomic usec_t last_used;
	usec_t made;              /* constant */
	_Atomic uint64_t applied; /* generation that its numbers are of */

	struct pool_part parts[]; /* one for each worker */
};

/* A new pool with one reference, or NULL.  Called by the route map. */
struct pool *pool_new(struct core *core, const char *database, const char *user,
		      struct db_state *db, struct user_state *account,
		      const struct pool_config *config);
void pool_ref(struct pool *p);
void pool_unref(struct pool *p);

/*
 * A client of worker w needs a server.  Returns one that is the client's now
 * (taken off w's own shelf), or NULL: the ticket is queued and the client will
 * be told by client_granted, or by client_pool_failed.
 * *failed is set, and nothing queued, when the pool is known not to work; the
 * caller reads why with pool_failure_copy.
 */
struct server *pool_checkout(struct pool *p, struct worker *w,
			     struct ticket *ticket, usec_t now, bool *failed);

/*
 * Takes a ticket off the queue (the client went away or gave up).  A server on
 * its way to it is given to somebody else when it arrives.
 */
void pool_leave(struct pool *p, struct worker *w, struct ticket *ticket);

/*
 * A server of worker w is free: at a boundary, clean, nothing owed, buffers
 * empty.  It goes to a waiter, on the shelf, or is closed.
 */
void pool_checkin(struct pool *p, struct worker *w, struct server *s,
		  usec_t now);

/*
 * Takes an idle server of worker w off its shelf so that w may close it.
 * False: it is claimed for a waiter and will be asked for by mail.
 */
bool pool_withdraw(struct pool *p, struct worker *w, struct server *s);

/* A moving server arrived at (or died on its way to) its waiter's worker.
 * Returns the ticket's client, whose it is now, or NULL: nobody's. */
struct client *pool_arrive(struct pool *p, struct server *s);

/* An opening ended well: the server becomes one in use (check it in next). */
void pool_opened(struct pool *p, struct server *s, const void *facts);

/* A claimed server is closing: its waiter may have another. */
void pool_unbind(struct pool *p, struct worker *w, struct server *s);

/*
 * A server is gone (any phase); its place goes back to the limits and to
 * whoever waits for one.
 */
void pool_server_gone(struct pool *p, struct worker *w, struct server *s,
		      usec_t now);

/* Why an opening failed; waiters are failed too where scope is FAIL_POOL. */
void pool_open_failed(struct pool *p, struct worker *w,
		      const struct pool_failure *why, usec_t now);

/*
 * The server refused a class's startup words: its waiters are failed, nobody
 * else.  why->error is taken over.
 */
void pool_class_refused(struct pool *p, struct pool_class *class,
			const struct pool_failure *why, usec_t now);

/*
 * Copies the failure of a class (NULL = neutral) that is refused now, or else
 * of the pool; error is a copy too (free it), or NULL.
 */
void pool_failure_copy(struct pool *p, const struct pool_class *class,
		       usec_t now, struct pool_failure *out);

/* The class of these words, made if need be, with a reference; NULL: memory. */
struct pool_class *pool_class_take(struct pool *p, struct startup_words words);
void pool_class_give(struct pool *p, struct pool_class *class);

/* The class that the next server is to be opened for, with a reference; it
 * counts as opening. */
struct pool_class *pool_class_choose(struct pool *p, usec_t now);

/*
 * The one function that looks for all that can be done now: grants, movements,
 * openings.  Runs after every event that may change the answer, but a checkin
 * hands its one server over by itself; w is the calling worker.
 */
void pool_dispatch(struct pool *p, struct worker *w, usec_t now);

/* The home worker's periodic look: reserve, retry, min_pool_size. */
void pool_tick(struct pool *p, struct worker *home, usec_t now);

/* New numbers from a reload, PAUSE and RESUME, RECONNECT; any thread. */
void pool_configure(struct pool *p, const struct pool_config *config);
void pool_pause(struct pool *p);
void pool_resume(struct pool *p);
void pool_set_removed(struct pool *p);
/* generation: of the snapshot that its servers are opened under, 0 = any. */
void pool_new_epoch(struct pool *p, uint64_t generation);
/* Passes places on that became free by a raised maximum; any thread. */
void pool_feed(struct core *core);
/* Gives a place of one of its two shares back; any thread. */
void pool_give_share(struct pool *p, struct share *share);
/* Has its home worker dispatch soon; any thread. */
void pool_wake(struct pool *p);

/* Remembers proven SCRAM keys with the verifier that they belong to. */
void pool_keep_keys(struct pool *p, const char *secret,
		    const uint8_t client_key[32], const uint8_t server_key[32]);

/* Remembers what auth_query said of the user, who is in no file. */
void pool_keep_secret(struct pool *p, const char *secret);
/* A copy of it, wiped and freed by the caller, or NULL. */
char *pool_copy_secret(struct pool *p);

/* The keys, if they belong to this verifier. */
bool pool_copy_keys(struct pool *p, const char *secret, uint8_t client_key[32],
		    uint8_t server_key[32]);

/* What the servers of a class (NULL = neutral) say of themselves, with a
 * reference, or NULL. */
const void *pool_facts_ref(struct pool *p, const struct pool_class *class);

/* The nth of the workers that its clients move to, and their number. */
struct worker *pool_home(struct pool *p, unsigned n);
unsigned pool_home_count(struct pool *p);

/* The worker of the waiter that a server is bound to, or NULL. */
struct worker *pool_destination(struct pool *p, const struct server *s);

uint64_t pool_epoch(struct pool *p);
/* The epoch of a server that is opened under a snapshot of this generation. */
uint64_t pool_join_epoch(struct pool *p, uint64_t generation);
/* Which host to open on: the next one where they rotate, else the same until
 * it fails. */
uint32_t pool_next_host(struct pool *p, enum load_balance balance);
/* May an idle server go without falling below min_pool_size? */
bool pool_may_shrink(struct pool *p);
/* May this idle server not stay: epoch, pause, size? */
bool pool_is_outdated(struct pool *p, const struct server *s);
/* A planned opening that never got an object. */
void pool_opening_dropped(struct pool *p);

/* The server idle longest and its worker; false: none is idle. */
bool pool_oldest_idle(struct pool *p, usec_t *since, unsigned *worker);
/* Has that worker close its longest idle server, unless clients wait. */
void pool_evict(struct pool *p, unsigned worker);

/* The mode that its clients have now. */
enum pool_mode pool_mode_now(struct pool *p);

/* Servers not on a shelf; all servers; those of an older epoch. */
uint32_t pool_busy(struct pool *p);
uint32_t pool_held(struct pool *p);
uint32_t pool_outdated(struct pool *p);

#endif
