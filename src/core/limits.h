/*
 * Limits: every count that is shared by threads, under one mutex, with one
 * all-or-nothing take and one give.
 *
 * A pool that is refused stands in the hungry list, ordered by the arrival of
 * its oldest waiter; a give passes the place on to the hungry pool with the
 * fewest places that now fits, and the caller posts that as a token to the
 * pool's home worker. So a place is never free while somebody who could use it
 * waits.
 *
 * Nothing is called while the lock is held.  Any thread.
 */
#ifndef CARPOOL_CORE_LIMITS_H
#define CARPOOL_CORE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/reason.h"

struct budget {
	uint32_t used;
	uint32_t max;  /* 0 = unlimited */
	uint32_t ears; /* of used: connections that listen */
};

/* A pool's part of the limits; embedded in the pool, guarded by limits.lock. */
struct share {
	struct list_node hungry; /* on limits.hungry while refused */
	struct budget *db;       /* borrows: outlives the pool */
	struct budget *user;     /* borrows: outlives the pool */
	uint32_t used;           /* servers of this pool, opening ones too */
	uint32_t ceiling;        /* what the hungry pool may hold */
	usec_t since;            /* arrival of its oldest waiter */
	uint32_t tokens;         /* places passed on, not yet collected */
	bool is_posted;          /* a token message is on its way */
	bool is_giving;          /* closes a server for a hungry pool */
	bool is_ear; /* constant: of a connection that listens, for good; each
		      * budget keeps a place beside those for servers */
};

struct limits {
	struct lock lock;
	struct list hungry;            /* of share, oldest first */
	_Atomic uint32_t hungry_count; /* a hint that needs no lock */
	struct budget clients;         /* all clients; max_client_conn */
	uint32_t servers;              /* all servers, for SHOW LISTS */
};

void limits_init(struct limits *l);
void limits_fini(struct limits *l);

enum take {
	TAKE_OK,
	TAKE_FULL_POOL, /* also a share that listens, and can never fit */
	TAKE_FULL_SHARED,
};

/*
 * Takes one place for the pool: at most ceiling (0 = unlimited) in the pool,
 * and within its database's and its user's budgets.  When refused the pool is
 * hungry from then on, as of `since`.
 */
enum take limits_take(struct limits *l, struct share *s, uint32_t ceiling,
		      usec_t since);

/*
 * Gives one place back.  Returns the hungry share that has it now (already
 * counted; post its token when *post is set), or NULL.
 */
struct share *limits_give(struct limits *l, struct share *s, bool *post);

/*
 * As limits_give, without a place of one's own: for what became free by a
 * raised maximum, and after each limits_give, because one place may be free for
 * two shares (one lacked the database's, one the user's).  Repeat until NULL.
 */
struct share *limits_feed(struct limits *l, bool *post);

/* Collects the tokens of a share: how many places it was given. */
uint32_t limits_collect(struct limits *l, struct share *s);

/* The pool wants nothing any more; false: a token for it is on its way. */
bool limits_content(struct limits *l, struct share *s);

/*
 * Must s give a place up for a hungry pool that it would suit?  Yes, if that
 * one has clearly less, so that in the end all have about as much; and if it
 * has nothing at all, when it has been hungry since before `since`.  The caller
 * then closes a server; until a place of s came back, which takes as long as
 * the server's end, no other is asked for.
 */
bool limits_must_give(struct limits *l, struct share *s, usec_t since);

/* The place that s was to give up is in use again: none comes back for it. */
void limits_keep(struct limits *l, struct share *s);

/* Is an idle server's place due to the hungry one at once: has it nothing, or
 * clearly less than the giver?  (Nothing is changed.) */
bool limits_is_due(struct limits *l, const struct share *hungry,
		   const struct share *giver);

/* Would a place of giver's suit the hungry one?  (Nothing is changed.) */
bool limits_would_help(struct limits *l, const struct share *hungry,
		       const struct share *giver);

/* Changes a maximum; pass what became free on with limits_feed. */
void limits_set_max(struct limits *l, struct budget *b, uint32_t max);
/* Reads a budget. */
struct budget limits_read(struct limits *l, const struct budget *b);

/* Takes a place for a client in all three budgets, or in none: the reason. */
enum reason limits_take_client(struct limits *l, struct budget *db,
			       struct budget *user);
void limits_give_client(struct limits *l, struct budget *db,
			struct budget *user);

#endif
