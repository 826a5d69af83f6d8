/*
 * The route map: names to databases, users and pools, under one lock.
 *
 * Databases and users live as long as the process (their totals must not go
 * back, their budgets must not be forgotten while in use); they are created
 * only for names that the configuration knows or that logged in.  Pools are
 * reference-counted; the map holds one reference.
 */
#ifndef CARPOOL_CORE_ROUTE_H
#define CARPOOL_CORE_ROUTE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/lock.h"
#include "base/map.h"
#include "config/snapshot.h"
#include "core/limits.h"
#include "core/stats.h"

struct core;
struct pool;

struct db_state {
	enum protocol protocol;
	char *name;            /* owns */
	struct budget servers; /* guarded by limits.lock */
	struct budget clients; /* guarded by limits.lock */
	struct stats *stats;   /* owns: one block for each worker */
	struct db_state *next; /* the map's list, oldest first */
	_Atomic bool is_paused;
	_Atomic bool is_disabled;
};

struct user_state {
	char *name;            /* owns */
	struct budget servers; /* guarded by limits.lock */
	struct budget clients; /* guarded by limits.lock */
	struct user_state *next;
};

struct routes {
	struct lock lock;
	/* Keys begin with a byte for the protocol. */
	struct map *pools;     /* owns; "database\0user" to struct pool */
	struct map *databases; /* owns; name to struct db_state */
	struct map *users;     /* owns; name to struct user_state */
	struct db_state *first_db, *last_db;
	struct user_state *first_user, *last_user;
};

bool routes_init(struct routes *r);
void routes_fini(struct routes *r);

/*
 * The state of a database or user, made on first use with the maxima of the
 * snapshot; NULL: out of memory.
 */
struct db_state *route_database(struct core *core,
				const struct snapshot *snapshot,
				const struct config_database *db,
				const char *name);
struct user_state *route_user(struct core *core,
			      const struct snapshot *snapshot,
			      const char *name);
/* The state if there is one. */
struct db_state *route_find_database(struct core *core, enum protocol protocol,
				     const char *name);
struct user_state *route_find_user(struct core *core, const char *name);

/* The one after (NULL: the first one), in the order of their first use. */
struct db_state *route_next_database(struct core *core,
				     const struct db_state *db);
struct user_state *route_next_user(struct core *core,
				   const struct user_state *user);

/*
 * The pool for a client's database and user under a snapshot, made on first
 * use, with a reference for the caller; NULL: out of memory.
 */
struct pool *route_pool(struct core *core, const struct snapshot *snapshot,
			const struct config_database *db, const char *database,
			const char *user);

/*
 * All pools (of one database, or NULL = all): an array with a reference on
 * each; the caller frees it with route_pools_free.  Control thread: it waits
 * for memory.  The other is for workers: NULL when memory is out.
 */
struct pool **route_pools(struct core *core, const char *database,
			  size_t *count);
struct pool **route_pools_try(struct core *core, size_t *count);
void route_pools_free(struct pool **pools, size_t count);

/* Takes a pool out of the map that nobody uses; false when it is in use. */
bool route_forget(struct core *core, struct pool *p);

/* New maxima and pool numbers from a snapshot; retires what changed. */
void routes_apply(struct core *core, const struct snapshot *old,
		  const struct snapshot *now);
/* The same for pools that a worker made under the old snapshot meanwhile. */
void routes_catch_up(struct core *core, const struct snapshot *old,
		     const struct snapshot *now);
/* Pools of databases with a forced user and a min_pool_size need no client. */
void routes_prepare(struct core *core, const struct snapshot *snapshot);

#endif
