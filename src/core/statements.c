/*
 * Who holds which prepared statements, and who is in which session state, for
 * the console: counted on the workers,
 * in rounds that each look at a few clients, and put together on the control
 * thread.  Owns what it counts, and references to the pools.
 */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "core/client.h"
#include "core/core.h"
#include "core/front.h"
#include "core/pool.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

#define ROUND_MAX 500u /* statements and clients of one round */

struct holding {
	uint64_t key[2];   /* the pool's address and the statement's id */
	struct pool *pool; /* refs */
	uint64_t digest;
	size_t length;
	uint32_t types;
	char *words; /* owns: of a state; NULL: a statement */
	uint32_t clients, servers;
	uint64_t last; /* id of who was counted last: once, by many names */
};

/* One worker's. */
struct statement_part {
	struct map *map;    /* owns its struct holding */
	uint32_t next_slot; /* of the next client to look at */
	uint32_t seen;      /* in this round */
	bool has_servers;   /* they were counted */
	bool is_over;
	bool has_failed; /* memory was out */
};

struct statement_survey {
	struct core *core;
	/* One of the two. */
	void (*each)(void *arg, const struct statement_info *info);
	void (*each_state)(void *arg, const struct state_info *info);
	void (*done)(void *arg);
	void *arg;
	struct statement_part parts[];
};

/* Where one connection's statements are counted. */
struct counting {
	struct statement_part *part;
	struct pool *pool; /* borrows */
	uint64_t id;       /* of the connection */
	bool is_client;
};

static void
holding_free(struct holding *h)
{
	pool_unref(h->pool);
	mem_free(h->words);
	mem_free(h);
}

/* What is counted under this number; new ones have no pool yet.  NULL: memory
 * is out. */
static struct holding *
holding_of(struct counting *c, uint64_t id)
{
	const uint64_t key[] = { (uintptr_t)c->pool, id };
	struct holding *h = map_find(c->part->map, key, sizeof(key));

	c->part->seen++;
	if (h != NULL)
		return h;
	h = mem_zalloc(sizeof(*h));
	if (h == NULL)
		return NULL;
	memcpy(h->key, key, sizeof(key));
	if (map_put(c->part->map, key, sizeof(key), h))
		return h;
	mem_free(h);
	return NULL;
}

/* One connection more holds it. */
static void
count(struct counting *c, struct holding *h)
{
	if (h->pool == NULL) {
		pool_ref(c->pool);
		h->pool = c->pool;
	}
	if (h->last == c->id)
		return;
	h->last = c->id;
	h->clients += c->is_client;
	h->servers += !c->is_client;
}

static void
count_statement(void *arg, const struct statement_view *s)
{
	struct counting *c = arg;
	struct holding *h = holding_of(c, s->id);

	if (h == NULL) {
		c->part->has_failed = true;
		return;
	}
	if (h->pool == NULL) {
		h->digest = s->digest(s);
		h->length = s->length;
		h->types = s->types;
	}
	count(c, h);
}

static void
count_state(struct counting *c, const struct state_view *s)
{
	struct holding *h = holding_of(c, s->id);
	struct str words = { 0 };

	if (h != NULL && h->words == NULL) {
		str_puts(&words, "");
		s->words(s, &words);
		h->words = words.failed ? NULL : mem_strdup(str_text(&words));
		str_fini(&words);
	}
	if (h == NULL || h->words == NULL)
		c->part->has_failed = true;
	if (h != NULL)
		count(c, h);
}

/* NULL: those of its pool share no servers. */
static const struct policy *
shared_policy(struct worker *w, struct pool *pool)
{
	const struct policy *policy = worker_policy(w, pool);

	return policy->mode == POOL_SESSION ? NULL : policy;
}

static void
count_server(struct worker *w, const struct statement_survey *survey,
	     const struct server *s, struct counting *c)
{
	struct state_view view = { .policy = shared_policy(w, s->pool) };

	if (survey->each_state == NULL) {
		s->ops->statements(s->back, count_statement, c);
	} else if (view.policy != NULL) {
		s->ops->state(s->back, &view);
		count_state(c, &view);
	}
}

static void
count_client(struct worker *w, const struct statement_survey *survey,
	     const struct client *client, struct counting *c)
{
	const struct front_ops *ops = client_front(client);
	struct state_view view = { .policy = shared_policy(w, client->pool) };

	if (survey->each_state == NULL) {
		ops->statements(client->front, count_statement, c);
	} else if (view.policy != NULL && !client->is_login) {
		ops->state(client->front, &view);
		count_state(c, &view);
	}
}

static void
count_servers(struct worker *w, const struct statement_survey *survey,
	      struct statement_part *part)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->servers) {
		const struct server *s = LIST_ENTRY(n, struct server, owned);
		struct counting c = { .part = part,
				      .pool = s->pool,
				      .id = s->id };

		if (s->back != NULL && s->is_logged_in)
			count_server(w, survey, s, &c);
	}
	part->has_servers = true;
}

static void
count_clients(struct worker *w, const struct statement_survey *survey,
	      struct statement_part *part)
{
	while (part->next_slot < w->slot_count && part->seen < ROUND_MAX) {
		const struct client *client =
			w->slots[part->next_slot++].client;
		struct counting c = { .part = part, .is_client = true };

		part->seen++;
		if (client == NULL || client->pool == NULL)
			continue;
		c.pool = client->pool;
		c.id = client->id;
		count_client(w, survey, client, &c);
	}
	part->is_over = part->next_slot >= w->slot_count;
}

static void
count_on_worker(void *arg, struct worker *w)
{
	struct statement_survey *survey = arg;
	struct statement_part *part = &survey->parts[w->id];

	if (part->is_over)
		return;
	part->seen = 0;
	if (!part->has_servers)
		count_servers(w, survey, part);
	count_clients(w, survey, part);
}

/* Puts what one worker counted to what the first one did. */
static void
merge(struct statement_survey *survey, struct statement_part *part)
{
	struct statement_part *into = &survey->parts[0];
	size_t cursor = 0;
	struct holding *h, *sum;

	while ((h = map_next(part->map, &cursor, NULL, NULL)) != NULL) {
		sum = map_find(into->map, h->key, sizeof(h->key));
		if (sum == NULL &&
		    map_put(into->map, h->key, sizeof(h->key), h))
			continue;
		into->has_failed |= sum == NULL;
		if (sum != NULL) {
			sum->clients += h->clients;
			sum->servers += h->servers;
		}
		holding_free(h);
	}
	into->has_failed |= part->has_failed;
	map_free(part->map);
	part->map = NULL;
}

static void
report_statement(const struct statement_survey *survey, const struct holding *h)
{
	struct statement_info info = {
		.protocol = h->pool->protocol,
		.database = h->pool->database,
		.user = h->pool->user,
		.digest = h->digest,
		.length = h->length,
		.types = h->types,
		.clients = h->clients,
		.servers = h->servers,
	};

	survey->each(survey->arg, &info);
}

static void
report_state(const struct statement_survey *survey, const struct holding *h)
{
	struct state_info info = {
		.protocol = h->pool->protocol,
		.database = h->pool->database,
		.user = h->pool->user,
		.id = h->key[1],
		.words = h->words != NULL ? h->words : "",
		.clients = h->clients,
		.servers = h->servers,
	};

	survey->each_state(survey->arg, &info);
}

static void
report(const struct statement_survey *survey)
{
	const struct map *map = survey->parts[0].map;
	bool has_failed = survey->parts[0].has_failed;
	size_t cursor = 0;
	struct holding *h;

	while ((h = map_next(map, &cursor, NULL, NULL)) != NULL) {
		if (survey->each_state != NULL)
			report_state(survey, h);
		else
			report_statement(survey, h);
	}
	if (has_failed && survey->each_state != NULL)
		survey->each_state(survey->arg, NULL);
	else if (has_failed)
		survey->each(survey->arg, NULL);
}

static void
survey_free(struct statement_survey *survey)
{
	for (unsigned i = 0; i < survey->core->worker_count; i++) {
		struct map *map = survey->parts[i].map;
		size_t cursor = 0;
		struct holding *h;

		while (map != NULL &&
		       (h = map_next(map, &cursor, NULL, NULL)) != NULL)
			holding_free(h);
		map_free(map);
	}
	mem_free(survey);
}

static bool
is_over(const struct statement_survey *survey)
{
	for (unsigned i = 0; i < survey->core->worker_count; i++) {
		if (!survey->parts[i].is_over)
			return false;
	}
	return true;
}

static void
round_done(void *arg)
{
	struct statement_survey *survey = arg;
	struct core *core = survey->core;

	if (!is_over(survey)) {
		/* Workers that have stopped do not answer. */
		if (!core->is_stopping &&
		    core_broadcast(core, count_on_worker, round_done, survey,
				   core->control))
			return;
		survey->parts[0].has_failed = true;
	}
	for (unsigned i = 1; i < core->worker_count; i++)
		merge(survey, &survey->parts[i]);
	report(survey);
	survey->done(survey->arg);
	survey_free(survey);
}

/* Like these; false: memory is out. */
static bool
begin(const struct statement_survey *like)
{
	struct core *core = like->core;
	struct statement_survey *survey =
		mem_zalloc(sizeof(*survey) +
			   core->worker_count * sizeof(survey->parts[0]));
	bool ok = survey != NULL;

	if (!ok)
		return false;
	*survey = *like;
	for (unsigned i = 0; i < core->worker_count; i++) {
		survey->parts[i].map = map_new();
		ok = ok && survey->parts[i].map != NULL;
	}
	if (ok && core_broadcast(core, count_on_worker, round_done, survey,
				 core->control))
		return true;
	survey_free(survey);
	return false;
}

bool
core_each_statement(struct core *core,
		    void (*each)(void *arg, const struct statement_info *info),
		    void (*done)(void *arg), void *arg)
{
	return begin(&(struct statement_survey){
		.core = core, .each = each, .done = done, .arg = arg });
}

bool
core_each_state(struct core *core,
		void (*each)(void *arg, const struct state_info *info),
		void (*done)(void *arg), void *arg)
{
	return begin(&(struct statement_survey){
		.core = core, .each_state = each, .done = done, .arg = arg });
}
