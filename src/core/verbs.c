/*
 * The administrator's verbs, as far as they are the core's: flags of databases
 * and pools, and messages to the workers.  Runs on the control thread, but for
 * the functions that a broadcast runs on each worker.
 */
#include <string.h>

#include "base/mem.h"
#include "core/client.h"
#include "core/core.h"
#include "core/pool.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

/* A database that the configuration or the past knows; "*" entries count only
 * once somebody used them. */
static bool
is_known(struct core *core, enum protocol protocol, const char *database)
{
	const struct config_database *entry;

	if (route_find_database(core, protocol, database) != NULL)
		return true;
	entry = snapshot_database(core->snapshot, protocol, database);
	return entry != NULL && strcmp(entry->name, database) == 0;
}

/* The state, made if the configuration knows the name. */
static struct db_state *
state_of(struct core *core, enum protocol protocol, const char *database)
{
	const struct config_database *entry =
		snapshot_database(core->snapshot, protocol, database);

	if (!is_known(core, protocol, database) || entry == NULL)
		return route_find_database(core, protocol, database);
	return route_database(core, core->snapshot, entry, database);
}

struct sweep {
	struct core *core;
	char *database; /* owns, or NULL = all */
};

static struct sweep *
sweep_new(struct core *core, const char *database)
{
	struct sweep *s = mem_must_zalloc(sizeof(*s));

	s->core = core;
	if (database != NULL)
		s->database = mem_must_strdup(database);
	return s;
}

static void
sweep_done(void *arg)
{
	struct sweep *s = arg;

	mem_free(s->database);
	mem_free(s);
}

static void
start_sweep(struct core *core, const char *database,
	    void (*run)(void *arg, struct worker *w))
{
	core_must_broadcast(core, run, sweep_done, sweep_new(core, database),
			    NULL);
}

static void
sweep_servers(void *arg, struct worker *w)
{
	(void)arg;
	server_sweep(w, NULL);
}

static void
for_each_pool(struct core *core, const char *database,
	      void (*run)(struct pool *p))
{
	size_t count;
	struct pool **pools = route_pools(core, database, &count);

	for (size_t i = 0; i < count; i++)
		run(pools[i]);
	route_pools_free(pools, count);
}

enum pause { PAUSE_OFF, PAUSE_ON };

static void
set_all(struct core *core, enum pause paused)
{
	struct db_state *db = NULL;

	core->is_paused = paused == PAUSE_ON;
	while ((db = route_next_database(core, db)) != NULL)
		db->is_paused = paused == PAUSE_ON;
}

/* The databases of this name, one a protocol. */
static enum verb_result
set_paused(struct core *core, const char *database, enum pause paused)
{
	enum verb_result result = VERB_NO_DATABASE;
	struct db_state *db;

	for (unsigned i = 0; i < PROTOCOLS; i++) {
		db = state_of(core, i, database);
		if (db == NULL)
			continue;
		if (db->is_paused != (paused == PAUSE_ON))
			result = VERB_OK;
		else if (result == VERB_NO_DATABASE)
			result = VERB_ALREADY;
		db->is_paused = paused == PAUSE_ON;
	}
	return result;
}

enum verb_result
core_pause(struct core *core, const char *database)
{
	enum verb_result result;

	if (database == NULL) {
		if (core->is_paused)
			return VERB_ALREADY;
		set_all(core, PAUSE_ON);
	} else {
		result = set_paused(core, database, PAUSE_ON);
		if (result != VERB_OK)
			return result;
	}
	for_each_pool(core, database, pool_pause);
	start_sweep(core, database, sweep_servers);
	return VERB_OK;
}

enum verb_result
core_resume(struct core *core, const char *database)
{
	struct db_state *db = NULL;
	bool any = core->is_paused;
	enum verb_result result;

	if (database == NULL) {
		while ((db = route_next_database(core, db)) != NULL)
			any |= db->is_paused;
		if (!any)
			return VERB_ALREADY;
		set_all(core, PAUSE_OFF);
	} else {
		result = set_paused(core, database, PAUSE_OFF);
		if (result != VERB_OK)
			return result;
	}
	for_each_pool(core, database, pool_resume);
	return VERB_OK;
}

static unsigned
sum_pools(struct core *core, const char *database,
	  uint32_t (*count_of)(struct pool *pool))
{
	size_t count;
	unsigned sum = 0;
	struct pool **pools = route_pools(core, database, &count);

	for (size_t i = 0; i < count; i++)
		sum += count_of(pools[i]);
	route_pools_free(pools, count);
	return sum;
}

unsigned
core_pause_pending(struct core *core, const char *database)
{
	return sum_pools(core, database, pool_held);
}

bool
core_is_paused(const struct core *core)
{
	return core->is_paused;
}

static enum verb_result
set_disabled(struct core *core, const char *database, bool disabled)
{
	enum verb_result result = VERB_NO_DATABASE;
	struct db_state *db;

	for (unsigned i = 0; i < PROTOCOLS; i++) {
		db = state_of(core, i, database);
		if (db == NULL)
			continue;
		db->is_disabled = disabled;
		result = VERB_OK;
	}
	return result;
}

/* Under any protocol. */
static bool
is_known_name(struct core *core, const char *database)
{
	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (is_known(core, i, database))
			return true;
	return false;
}

enum verb_result
core_disable(struct core *core, const char *database)
{
	return set_disabled(core, database, true);
}

enum verb_result
core_enable(struct core *core, const char *database)
{
	return set_disabled(core, database, false);
}

static void
renew_pool(struct pool *p)
{
	pool_new_epoch(p, 0);
	pool_wake(p);
}

enum verb_result
core_reconnect(struct core *core, const char *database)
{
	if (database != NULL && !is_known_name(core, database))
		return VERB_NO_DATABASE;
	for_each_pool(core, database, renew_pool);
	start_sweep(core, database, sweep_servers);
	return VERB_OK;
}

void
core_lose_addresses(struct core *core, const char *host,
		    const struct addr *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		lost_add(&core->lost, host, &addrs[i]);
	start_sweep(core, NULL, sweep_servers);
}

unsigned
core_close_pending(struct core *core, const char *database)
{
	return sum_pools(core, database, pool_outdated);
}

static void
kill_on_worker(void *arg, struct worker *w)
{
	struct sweep *s = arg;
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients) {
		struct client *c = LIST_ENTRY(n, struct client, node);

		if (c->pool == NULL || c->is_console ||
		    (s->database != NULL &&
		     strcmp(c->pool->database, s->database) != 0))
			continue;
		client_refuse_reason(c, REASON_KILLED);
	}
	LIST_FOREACH (n, tmp, &w->servers) {
		struct server *sv = LIST_ENTRY(n, struct server, owned);

		if (s->database != NULL &&
		    strcmp(sv->pool->database, s->database) != 0)
			continue;
		if (sv->client == NULL)
			server_close(sv, REASON_KILLED);
	}
}

enum verb_result
core_kill(struct core *core, const char *database)
{
	enum verb_result result = core_pause(core, database);

	if (result == VERB_NO_DATABASE)
		return result;
	start_sweep(core, database, kill_on_worker);
	return VERB_OK;
}

struct kill_client {
	uint64_t id;
	_Atomic bool found;
	void (*done)(void *arg, bool found);
	void *arg;
};

static void
kill_one_on_worker(void *arg, struct worker *w)
{
	struct kill_client *k = arg;
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients) {
		struct client *c = LIST_ENTRY(n, struct client, node);

		if (c->id != k->id)
			continue;
		k->found = true;
		client_refuse_reason(c, REASON_KILLED);
		return;
	}
}

static void
kill_one_done(void *arg)
{
	struct kill_client *k = arg;

	k->done(k->arg, k->found);
	mem_free(k);
}

void
core_kill_client(struct core *core, uint64_t id,
		 void (*done)(void *arg, bool found), void *arg)
{
	struct kill_client *k = mem_must_zalloc(sizeof(*k));

	k->id = id;
	k->done = done;
	k->arg = arg;
	core_must_broadcast(core, kill_one_on_worker, kill_one_done, k,
			    core->control);
}

void
core_set_memory(struct core *core, enum memory_state state)
{
	core->is_memory_short = state == MEMORY_SHORT;
}

/* ------------------------------------------------------------------------
 * Drain
 */

static void
drain_on_worker(void *arg, struct worker *w)
{
	struct sweep *s = arg;

	worker_stop_listening(w);
	if (s->core->drain == DRAIN_CLIENTS + 1)
		return;
	client_sweep(w);
}

void
core_drain(struct core *core, enum drain how)
{
	core->drain = (int)how + 1;
	start_sweep(core, NULL, drain_on_worker);
}

unsigned
core_drain_pending(struct core *core)
{
	size_t count;
	unsigned left = 0;
	struct pool **pools;

	if (core->drain != DRAIN_SERVERS + 1) {
		for (unsigned i = 0; i < core->worker_count; i++)
			left += core->workers[i]->pool_clients;
		return left;
	}
	pools = route_pools(core, NULL, &count);
	for (size_t i = 0; i < count; i++)
		left += pool_busy(pools[i]);
	route_pools_free(pools, count);
	return left;
}
