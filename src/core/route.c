/*
 * The route map; see route.h.  Under its lock nothing is called but the map's
 * own functions and constructors that allocate.
 */
#include "core/route.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/pool.h"
#include "core/shared.h"
#include "core/worker.h"

#define KEY_MAX (DATABASE_NAME_MAX + USER_NAME_MAX + 512)

static size_t
database_key(char *key, enum protocol protocol, const char *name)
{
	key[0] = (char)protocol;
	return 1 + text_copy(key + 1, KEY_MAX - 1, name);
}

bool
routes_init(struct routes *r)
{
	lock_init(&r->lock);
	r->pools = map_new();
	r->databases = map_new();
	r->users = map_new();
	return r->pools != NULL && r->databases != NULL && r->users != NULL;
}

void
routes_fini(struct routes *r)
{
	struct db_state *db;
	struct user_state *user;

	while ((db = r->first_db) != NULL) {
		r->first_db = db->next;
		mem_free(db->stats);
		mem_free(db->name);
		mem_free(db);
	}
	while ((user = r->first_user) != NULL) {
		r->first_user = user->next;
		mem_free(user->name);
		mem_free(user);
	}
	map_free(r->pools);
	map_free(r->databases);
	map_free(r->users);
	lock_fini(&r->lock);
}

static struct db_state *
new_database(struct core *core, enum protocol protocol, const char *name)
{
	struct db_state *db = mem_zalloc(sizeof(*db));

	if (db == NULL)
		return NULL;
	db->protocol = protocol;
	db->name = mem_strdup(name);
	db->stats = mem_zalloc(core->worker_count * sizeof(db->stats[0]));
	if (db->name == NULL || db->stats == NULL) {
		mem_free(db->name);
		mem_free(db->stats);
		mem_free(db);
		return NULL;
	}
	db->is_paused = core->is_paused;
	return db;
}

static struct db_state *
add_database_locked(struct routes *r, struct db_state *fresh)
{
	char key[KEY_MAX];
	size_t len = database_key(key, fresh->protocol, fresh->name);
	struct db_state *db = map_find(r->databases, key, len);

	if (db != NULL)
		return db;
	if (!map_put(r->databases, key, len, fresh))
		return NULL;
	if (r->last_db == NULL)
		r->first_db = fresh;
	else
		r->last_db->next = fresh;
	r->last_db = fresh;
	return fresh;
}

struct db_state *
route_find_database(struct core *core, enum protocol protocol, const char *name)
{
	struct routes *r = &core->routes;
	char key[KEY_MAX];
	size_t len = database_key(key, protocol, name);
	struct db_state *db;

	lock_take(&r->lock);
	db = map_find(r->databases, key, len);
	lock_give(&r->lock);
	return db;
}

struct db_state *
route_database(struct core *core, const struct snapshot *snapshot,
	       const struct config_database *entry, const char *name)
{
	struct routes *r = &core->routes;
	struct db_state *db = route_find_database(core, entry->protocol, name);
	struct db_state *fresh;

	(void)snapshot;
	if (db != NULL)
		return db;
	fresh = new_database(core, entry->protocol, name);
	if (fresh == NULL)
		return NULL;
	fresh->servers.max = entry->max_connections;
	fresh->clients.max = entry->max_client_connections;
	lock_take(&r->lock);
	db = add_database_locked(r, fresh);
	lock_give(&r->lock);
	if (db != fresh) {
		mem_free(fresh->stats);
		mem_free(fresh->name);
		mem_free(fresh);
	}
	return db;
}

struct user_state *
route_find_user(struct core *core, const char *name)
{
	struct routes *r = &core->routes;
	struct user_state *user;

	lock_take(&r->lock);
	user = map_find(r->users, name, strlen(name));
	lock_give(&r->lock);
	return user;
}

static void
user_maxima(const struct snapshot *snapshot, const char *name,
	    uint32_t *servers, uint32_t *clients)
{
	const struct settings *set = snapshot_settings(snapshot);
	const struct config_user *user = snapshot_user(snapshot, name);

	*servers = set->max_user_connections;
	*clients = set->max_user_client_connections;
	if (user != NULL && user->max_connections != UNSET_U32)
		*servers = user->max_connections;
	if (user != NULL && user->max_client_connections != UNSET_U32)
		*clients = user->max_client_connections;
}

static struct user_state *
add_user_locked(struct routes *r, struct user_state *fresh)
{
	size_t len = strlen(fresh->name);
	struct user_state *user = map_find(r->users, fresh->name, len);

	if (user != NULL)
		return user;
	if (!map_put(r->users, fresh->name, len, fresh))
		return NULL;
	if (r->last_user == NULL)
		r->first_user = fresh;
	else
		r->last_user->next = fresh;
	r->last_user = fresh;
	return fresh;
}

struct user_state *
route_user(struct core *core, const struct snapshot *snapshot, const char *name)
{
	struct routes *r = &core->routes;
	struct user_state *user = route_find_user(core, name), *fresh;

	if (user != NULL)
		return user;
	fresh = mem_zalloc(sizeof(*fresh));
	if (fresh == NULL)
		return NULL;
	fresh->name = mem_strdup(name);
	if (fresh->name != NULL) {
		user_maxima(snapshot, name, &fresh->servers.max,
			    &fresh->clients.max);
		lock_take(&r->lock);
		user = add_user_locked(r, fresh);
		lock_give(&r->lock);
	}
	if (user != fresh) {
		mem_free(fresh->name);
		mem_free(fresh);
	}
	return user;
}

static size_t
pool_key(char *key, enum protocol protocol, const char *database,
	 const char *user)
{
	size_t n;

	key[0] = (char)protocol;
	n = 1 + text_copy(key + 1, KEY_MAX / 2, database) + 1;
	return n + text_copy(key + n, KEY_MAX - n, user);
}

/* In the home worker's list, which only it touches. */
static void
adopt(struct mail *mail)
{
	struct pool *p = LIST_ENTRY(mail, struct pool, adopt_mail);

	list_push_back(&p->home->pools, &p->home_node);
	pool_unref(p);
}

static struct pool *
make_pool(struct core *core, const struct snapshot *snapshot,
	  const struct config_database *entry, const char *database,
	  const char *user)
{
	struct db_state *db = route_database(core, snapshot, entry, database);
	struct user_state *account = route_user(core, snapshot, user);
	struct pool_config config;
	struct pool *p;

	if (db == NULL || account == NULL)
		return NULL;
	snapshot_pool_config(snapshot, entry, snapshot_user(snapshot, user),
			     &config);
	p = pool_new(core, database, user, db, account, &config);
	if (p != NULL)
		p->applied = snapshot_generation(snapshot);
	return p;
}

struct pool *
route_pool(struct core *core, const struct snapshot *snapshot,
	   const struct config_database *entry, const char *database,
	   const char *user)
{
	struct routes *r = &core->routes;
	char key[KEY_MAX];
	struct pool *p, *fresh;
	size_t len;

	/* A forced server user: everybody shares its pool. */
	if (entry->user != NULL)
		user = entry->user;
	len = pool_key(key, entry->protocol, database, user);
	lock_take(&r->lock);
	p = map_find(r->pools, key, len);
	if (p != NULL)
		pool_ref(p);
	lock_give(&r->lock);
	if (p != NULL)
		return p;
	fresh = make_pool(core, snapshot, entry, database, user);
	if (fresh == NULL)
		return NULL;
	lock_take(&r->lock);
	p = map_find(r->pools, key, len);
	if (p == NULL && map_put(r->pools, key, len, fresh))
		p = fresh;
	if (p != NULL)
		pool_ref(p);
	lock_give(&r->lock);
	if (p != fresh) {
		pool_unref(fresh);
		return p;
	}
	/* Only now: a PAUSE that began meanwhile did not see it in the map. */
	if (p->db->is_paused)
		pool_pause(p);
	pool_ref(p);
	p->adopt_mail.deliver = adopt;
	loop_post(p->home->loop, &p->adopt_mail);
	return p;
}

/* Room for a few pools more than there are now, or NULL. */
static struct pool **
new_list(struct routes *r, size_t *room, void *(*allocate)(size_t size))
{
	lock_take(&r->lock);
	*room = map_count(r->pools) + 8;
	lock_give(&r->lock);
	return allocate(*room * sizeof(struct pool *));
}

/* False: there are more by now than the list has room for. */
static bool
fill_list(struct routes *r, const char *database, struct pool **pools,
	  size_t room, size_t *count)
{
	size_t cursor = 0;
	struct pool *p;
	bool fits;

	*count = 0;
	lock_take(&r->lock);
	fits = map_count(r->pools) <= room;
	while (fits && (p = map_next(r->pools, &cursor, NULL, NULL)) != NULL) {
		if (database != NULL && strcmp(p->database, database) != 0)
			continue;
		pool_ref(p);
		pools[(*count)++] = p;
	}
	lock_give(&r->lock);
	return fits;
}

static struct pool **
list_pools(struct core *core, const char *database, size_t *count,
	   void *(*allocate)(size_t size))
{
	size_t room;
	struct pool **pools = new_list(&core->routes, &room, allocate);

	*count = 0;
	while (pools != NULL &&
	       !fill_list(&core->routes, database, pools, room, count)) {
		mem_free(pools);
		pools = new_list(&core->routes, &room, allocate);
	}
	return pools;
}

struct pool **
route_pools(struct core *core, const char *database, size_t *count)
{
	return list_pools(core, database, count, mem_must_zalloc);
}

struct pool **
route_pools_try(struct core *core, size_t *count)
{
	return list_pools(core, NULL, count, mem_zalloc);
}

void
route_pools_free(struct pool **pools, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pool_unref(pools[i]);
	mem_free(pools);
}

bool
route_forget(struct core *core, struct pool *p)
{
	struct routes *r = &core->routes;
	char key[KEY_MAX];
	size_t len = pool_key(key, p->protocol, p->database, p->user);
	bool ok;

	lock_take(&r->lock);
	/* One reference is the map's: with no other, none can come back. */
	ok = p->refs == 1;
	if (ok)
		(void)map_remove(r->pools, key, len);
	lock_give(&r->lock);
	return ok;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Do both entries lead to the same servers by the same login? */
static bool
is_same_server(const struct config_database *a, const struct config_database *b)
{
	if (a->host_count != b->host_count ||
	    !same_text(a->dbname, b->dbname) || !same_text(a->user, b->user) ||
	    !same_text(a->password, b->password) ||
	    !same_text(a->connect_query, b->connect_query) ||
	    !same_text(a->client_encoding, b->client_encoding) ||
	    !same_text(a->datestyle, b->datestyle) ||
	    !same_text(a->timezone, b->timezone) ||
	    !same_text(a->application_name, b->application_name))
		return false;
	for (size_t i = 0; i < a->host_count; i++)
		if (a->hosts[i].port != b->hosts[i].port ||
		    strcmp(a->hosts[i].name, b->hosts[i].name) != 0)
			return false;
	return true;
}

static void
apply_to_pool(struct pool *p, const struct snapshot *old,
	      const struct snapshot *now)
{
	const struct config_database *was =
		snapshot_database(old, p->protocol, p->database);
	const struct config_database *is =
		snapshot_database(now, p->protocol, p->database);
	struct pool_config config;

	p->applied = snapshot_generation(now);
	if (is == NULL ||
	    (is->user != NULL && strcmp(is->user, p->user) != 0) ||
	    (is->user == NULL && was != NULL && was->user != NULL)) {
		pool_set_removed(p);
		return;
	}
	snapshot_pool_config(now, is, snapshot_user(now, p->user), &config);
	pool_configure(p, &config);
	if (was == NULL || !is_same_server(was, is))
		pool_new_epoch(p, snapshot_generation(now));
}

static void
apply_budgets(struct core *core, const struct snapshot *now)
{
	struct db_state *db = NULL;
	struct user_state *user = NULL;

	while ((db = route_next_database(core, db)) != NULL) {
		const struct config_database *e =
			snapshot_database(now, db->protocol, db->name);

		if (e == NULL)
			continue;
		limits_set_max(&core->limits, &db->servers, e->max_connections);
		limits_set_max(&core->limits, &db->clients,
			       e->max_client_connections);
	}
	while ((user = route_next_user(core, user)) != NULL) {
		uint32_t servers, clients;

		user_maxima(now, user->name, &servers, &clients);
		limits_set_max(&core->limits, &user->servers, servers);
		limits_set_max(&core->limits, &user->clients, clients);
	}
}

struct db_state *
route_next_database(struct core *core, const struct db_state *db)
{
	struct db_state *next;

	lock_take(&core->routes.lock);
	next = db == NULL ? core->routes.first_db : db->next;
	lock_give(&core->routes.lock);
	return next;
}

struct user_state *
route_next_user(struct core *core, const struct user_state *user)
{
	struct user_state *next;

	lock_take(&core->routes.lock);
	next = user == NULL ? core->routes.first_user : user->next;
	lock_give(&core->routes.lock);
	return next;
}

void
routes_apply(struct core *core, const struct snapshot *old,
	     const struct snapshot *now)
{
	struct pool **pools;
	size_t count;

	apply_budgets(core, now);
	pools = route_pools(core, NULL, &count);
	for (size_t i = 0; i < count; i++)
		apply_to_pool(pools[i], old, now);
	route_pools_free(pools, count);
	pool_feed(core);
}

void
routes_catch_up(struct core *core, const struct snapshot *old,
		const struct snapshot *now)
{
	size_t count;
	struct pool **pools;

	/* A newer snapshot may have come: its maxima stand. */
	apply_budgets(core, core->snapshot);
	pools = route_pools(core, NULL, &count);
	for (size_t i = 0; i < count; i++)
		if (pools[i]->applied < snapshot_generation(now))
			apply_to_pool(pools[i], old, now);
	route_pools_free(pools, count);
	pool_feed(core);
}

void
routes_prepare(struct core *core, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot_database_count(snapshot); i++) {
		const struct config_database *db =
			snapshot_database_at(snapshot, i);
		struct pool *p;

		if (db->user == NULL || db->min_pool_size == 0 ||
		    strcmp(db->name, "*") == 0)
			continue;
		p = route_pool(core, snapshot, db, db->name, db->user);
		if (p == NULL)
			continue;
		p->last_used = clock_now();
		pool_unref(p);
	}
}
