/*
 * Figures for the console: what the workers have, told row by row on their own
 * threads, and sums over all of them.  Changes nothing.
 */
#include <string.h>

#include "base/mem.h"
#include "core/client.h"
#include "core/core.h"
#include "core/front.h"
#include "core/pins.h"
#include "core/pool.h"
#include "core/proxied.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

/* An opaque mark that says which two belong together, not where they are. */
static uint64_t
mark_of(const void *object)
{
	return (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);
}

static usec_t
wall_of(usec_t at, usec_t now)
{
	return at == 0 ? 0 : clock_wall() - (now - at);
}

/* peer: NULL = not known. */
static void
fill_addresses(const struct stream *s, const struct addr *peer,
	       struct client_info *info)
{
	struct addr self;

	info->is_unix = s->is_unix;
	if (peer != NULL) {
		(void)addr_host(peer, info->addr);
		info->port = addr_port(peer);
	}
	if (addr_of_self(s->fd, &self)) {
		(void)addr_host(&self, info->local_addr);
		info->local_port = addr_port(&self);
	}
	stream_tls_text(s, info->tls, sizeof(info->tls));
	info->recv_pending = s->in.len;
	info->send_pending = s->out.len;
}

/* When its last request came, as far as that is known. */
static usec_t
request_at(const struct client *c)
{
	return c->tenure == NULL || c->tenure->granted_at == 0
		       ? c->last_active
		       : c->tenure->granted_at;
}

static void
fill_client(const struct client *c, struct client_info *info)
{
	const struct worker *w = c->worker;
	const struct front_view *v = client_front(c)->view(c->front);
	usec_t now = loop_now(w->loop);
	struct addr peer;

	*info = (struct client_info){
		.protocol = c->protocol,
		.database = c->is_console ? c->login->database : "",
		.user = c->login == NULL || c->login->user == NULL
				? ""
				: c->login->user,
		.state = client_state_names[c->state],
		.application_name = v->application_name,
		.connect_wall = wall_of(c->connected * CLIENT_TENTH, now),
		.request_wall = wall_of(request_at(c), now),
		.wait = c->state == CLIENT_WAITING
				? now - c->tenure->ticket.since
				: 0,
		.close_needed = c->close_needed,
		.is_console = c->is_console,
		.is_login = c->is_login,
		.id = c->id,
		.ptr = mark_of(c),
		.link = c->server == NULL ? 0 : mark_of(c->server),
		.statements = v->statements,
	};
	if (c->pool != NULL) {
		info->database = c->pool->database;
		info->pool_user = c->pool->user;
		info->user = c->account->name;
	}
	if (c->server != NULL)
		info->remote_pid =
			c->server->ops->view(c->server->back)->remote_pid;
	fill_addresses(&c->stream, client_peer_addr(c, &peer) ? &peer : NULL,
		       info);
}

void
worker_each_client(struct worker *w,
		   void (*row)(void *arg, const struct client_info *info),
		   void *arg)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients) {
		const struct client *c = LIST_ENTRY(n, struct client, node);
		struct client_info info;

		if (c->state == CLIENT_LINGERING)
			continue;
		fill_client(c, &info);
		row(arg, &info);
	}
}

static void
each_pin(const struct client *c,
	 void (*row)(void *arg, const struct pin_info *info), void *arg)
{
	const struct pins *pins = c->tenure->pins;
	usec_t now = loop_now(c->worker->loop);
	struct client_info client;

	fill_client(c, &client);
	for (unsigned i = 0; i < PIN_KINDS; i++) {
		struct pin_info info = {
			.client = &client,
			.kind = i,
			.since_wall = wall_of(pins->list[i].since, now),
			.age = now - pins->list[i].since,
			.digest = pins->list[i].digest,
		};

		if ((pins->held & BIT(i)) != 0)
			row(arg, &info);
	}
}

void
worker_each_pin(struct worker *w,
		void (*row)(void *arg, const struct pin_info *info), void *arg)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients) {
		const struct client *c = LIST_ENTRY(n, struct client, node);

		if (c->tenure != NULL && c->tenure->pins != NULL)
			each_pin(c, row, arg);
	}
}

void
core_explain(struct core *core, enum protocol protocol, const char *text,
	     const struct policy *policy,
	     void (*row)(void *arg, const struct explain_row *row), void *arg)
{
	core->fronts[protocol]->back->explain(text, policy, row, arg);
}

static const char *
server_state_text(const struct server *s)
{
	if (s->canceler != NULL)
		return s->client == NULL ? "being_canceled" : "active_cancel";
	return server_state_names[s->state];
}

void
worker_each_server(struct worker *w,
		   void (*row)(void *arg, const struct client_info *info),
		   void *arg)
{
	struct list_node *n, *tmp;
	usec_t now = loop_now(w->loop);

	LIST_FOREACH (n, tmp, &w->servers) {
		const struct server *s = LIST_ENTRY(n, struct server, owned);
		const struct back_view *v =
			s->back == NULL ? NULL : s->ops->view(s->back);
		struct client_info info = {
			.protocol = s->pool->protocol,
			.user = s->pool->user,
			.database = s->pool->database,
			.pool_user = s->pool->user,
			.state = server_state_text(s),
			.application_name =
				v == NULL ? "" : v->application_name,
			.connect_wall = wall_of(s->created, now),
			.request_wall = wall_of(s->granted_at, now),
			.close_needed = s->close_needed,
			.is_login = !s->is_logged_in,
			.id = s->id,
			.ptr = mark_of(s),
			.link = s->client == NULL ? 0 : mark_of(s->client),
			.remote_pid = v == NULL ? 0 : v->remote_pid,
			.statements = v == NULL ? 0 : v->statements,
		};
		struct addr peer;

		fill_addresses(&s->stream,
			       addr_of_peer(s->stream.fd, &peer) ? &peer : NULL,
			       &info);
		row(arg, &info);
	}
}

/* ------------------------------------------------------------------------
 * Pools
 */

enum {
	N_CL_ACTIVE,
	N_CL_WAITING,
	N_CL_ACTIVE_CANCEL,
	N_SV_ACTIVE,
	N_SV_ACTIVE_CANCEL,
	N_SV_BEING_CANCELED,
	N_SV_IDLE,
	N_SV_USED,
	N_SV_TESTED,
	N_SV_LOGIN,
	N_COUNT
};

struct pool_count {
	_Atomic uint32_t n[N_COUNT];
	_Atomic uint64_t oldest; /* ticket's arrival, 0 = none */
};

struct pool_survey {
	struct core *core;
	struct pool **pools; /* owns, with references */
	size_t count;
	struct pool_count *counts; /* owns, one for each pool */
	struct map *index;         /* owns; pool pointer to count */
	void (*each)(void *arg, const struct pool_info *info);
	void (*done)(void *arg);
	void *arg;
};

static struct pool_count *
count_of(const struct pool_survey *s, const struct pool *p)
{
	return p == NULL ? NULL : map_find(s->index, &p, sizeof(const void *));
}

static void
note_oldest(struct pool_count *count, usec_t since)
{
	uint64_t was = count->oldest;

	while ((was == 0 || since < was) &&
	       !atomic_compare_exchange_weak(&count->oldest, &was, since))
		continue;
}

static void
survey_clients(const struct pool_survey *survey, struct worker *w)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients) {
		const struct client *c = LIST_ENTRY(n, struct client, node);
		struct pool_count *count = count_of(survey, c->pool);

		if (count == NULL || c->state == CLIENT_LINGERING)
			continue;
		if (c->state == CLIENT_WAITING) {
			count->n[N_CL_WAITING]++;
			note_oldest(count, c->tenure->ticket.since);
		} else if (!c->is_login) {
			count->n[N_CL_ACTIVE]++;
		}
	}
}

static int
server_column(const struct server *s)
{
	switch (s->state) {
	case SERVER_RESOLVING:
	case SERVER_LOGIN:
		return N_SV_LOGIN;
	case SERVER_IDLE:
	case SERVER_MOVING:
		return N_SV_IDLE;
	case SERVER_CHECKING:
	case SERVER_RESETTING:
		return N_SV_TESTED;
	case SERVER_HELD:
		return s->canceler != NULL ? N_SV_BEING_CANCELED : N_SV_IDLE;
	case SERVER_ACTIVE:
	case SERVER_ABANDONED:
		return N_SV_ACTIVE;
	case SERVER_CLOSING:
		return N_SV_USED;
	case SERVER_CLOSED:
	case SERVER_STATES:
		break;
	}
	return N_SV_IDLE;
}

static void
survey_servers(const struct pool_survey *survey, struct worker *w)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->servers) {
		const struct server *s = LIST_ENTRY(n, struct server, owned);
		struct pool_count *count = count_of(survey, s->pool);

		if (count == NULL)
			continue;
		count->n[server_column(s)]++;
		if (s->canceler != NULL) {
			count->n[N_SV_ACTIVE_CANCEL]++;
			count->n[N_CL_ACTIVE_CANCEL]++;
		}
	}
}

static void
survey_worker(void *arg, struct worker *w)
{
	survey_clients(arg, w);
	survey_servers(arg, w);
}

static void
report_pool(const struct pool_survey *s, struct pool *p,
	    const struct pool_count *count)
{
	const struct config_database *entry =
		snapshot_database(s->core->snapshot, p->protocol, p->database);
	usec_t oldest = count->oldest, now = clock_now();
	struct pool_info info = {
		.protocol = p->protocol,
		.database = p->database,
		.user = p->user,
		.cl_active = count->n[N_CL_ACTIVE],
		.cl_waiting = count->n[N_CL_WAITING],
		.cl_active_cancel = count->n[N_CL_ACTIVE_CANCEL],
		.sv_active = count->n[N_SV_ACTIVE],
		.sv_active_cancel = count->n[N_SV_ACTIVE_CANCEL],
		.sv_being_canceled = count->n[N_SV_BEING_CANCELED],
		.sv_idle = count->n[N_SV_IDLE],
		.sv_used = count->n[N_SV_USED],
		.sv_tested = count->n[N_SV_TESTED],
		.sv_login = count->n[N_SV_LOGIN],
		.maxwait = oldest == 0 || oldest > now ? 0 : now - oldest,
		.mode = pool_mode_now(p),
		.balance = entry == NULL ? LOAD_BALANCE_ROUND_ROBIN
					 : entry->balance,
	};

	for (unsigned i = 0; i < s->core->worker_count; i++)
		pins_sum(&p->parts[i], info.pins_now, info.pins_begun);
	s->each(s->arg, &info);
}

static void
survey_free(struct pool_survey *s)
{
	route_pools_free(s->pools, s->count);
	map_free(s->index);
	mem_free(s->counts);
	mem_free(s);
}

static void
survey_done(void *arg)
{
	struct pool_survey *s = arg;

	for (size_t i = 0; i < s->count; i++)
		report_pool(s, s->pools[i], &s->counts[i]);
	s->done(s->arg);
	survey_free(s);
}

/* Notes which count is which pool's. */
static bool
index_pools(struct pool_survey *s)
{
	bool ok = s->counts != NULL && s->index != NULL;

	for (size_t i = 0; ok && i < s->count; i++)
		ok = map_put(s->index, &s->pools[i], sizeof(const void *),
			     &s->counts[i]);
	return ok;
}

bool
core_each_pool(struct core *core,
	       void (*each)(void *arg, const struct pool_info *info),
	       void (*done)(void *arg), void *arg)
{
	struct pool_survey *s = mem_zalloc(sizeof(*s));

	if (s == NULL)
		return false;
	s->core = core;
	s->each = each;
	s->done = done;
	s->arg = arg;
	s->pools = route_pools(core, NULL, &s->count);
	s->counts = mem_zalloc((s->count + 1) * sizeof(s->counts[0]));
	s->index = map_new();
	if (index_pools(s) &&
	    core_broadcast(core, survey_worker, survey_done, s, core->control))
		return true;
	survey_free(s);
	return false;
}

/* ------------------------------------------------------------------------
 * Databases and users
 */

static void
fill_database(struct core *core, const struct db_state *db,
	      struct database_info *out)
{
	*out = (struct database_info){
		.protocol = db->protocol,
		.name = db->name,
		.server_connections =
			limits_read(&core->limits, &db->servers).used,
		.client_connections =
			limits_read(&core->limits, &db->clients).used,
		.is_paused = db->is_paused,
		.is_disabled = db->is_disabled,
	};
	for (unsigned i = 0; i < core->worker_count; i++)
		stats_sum(&db->stats[i], out->stats);
}

void
core_each_database(struct core *core,
		   void (*each)(void *arg, const struct database_info *info),
		   void *arg)
{
	struct db_state *db = NULL;
	struct database_info info;

	while ((db = route_next_database(core, db)) != NULL) {
		fill_database(core, db, &info);
		each(arg, &info);
	}
}

void
core_database_info(struct core *core, enum protocol protocol, const char *name,
		   struct database_info *out)
{
	const struct db_state *db = route_find_database(core, protocol, name);

	*out = (struct database_info){ .protocol = protocol,
				       .name = name,
				       .is_paused = core->is_paused };
	if (db != NULL)
		fill_database(core, db, out);
}

static void
fill_user(struct core *core, const struct user_state *user,
	  struct user_info *out)
{
	*out = (struct user_info){
		.name = user->name,
		.server_connections =
			limits_read(&core->limits, &user->servers).used,
		.client_connections =
			limits_read(&core->limits, &user->clients).used,
	};
}

void
core_each_user(struct core *core,
	       void (*each)(void *arg, const struct user_info *info), void *arg)
{
	struct user_state *user = NULL;
	struct user_info info;

	while ((user = route_next_user(core, user)) != NULL) {
		fill_user(core, user, &info);
		each(arg, &info);
	}
}

void
core_user_info(struct core *core, const char *name, struct user_info *out)
{
	const struct user_state *user = route_find_user(core, name);

	*out = (struct user_info){ .name = name };
	if (user != NULL)
		fill_user(core, user, out);
}

/* ------------------------------------------------------------------------
 * Totals
 */

struct totals_survey {
	_Atomic uint32_t clients, logins, servers, idle;
	_Atomic size_t blocks_used, blocks_free;
	struct core *core;
	void (*done)(void *arg, const struct core_totals *totals);
	void *arg;
};

static void
totals_worker(void *arg, struct worker *w)
{
	struct totals_survey *t = arg;
	const struct block_pool *blocks = loop_blocks(w->loop);
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients) {
		if (LIST_ENTRY(n, struct client, node)->is_login)
			t->logins++;
		else
			t->clients++;
	}
	LIST_FOREACH (n, tmp, &w->servers) {
		if (LIST_ENTRY(n, struct server, owned)->state == SERVER_IDLE)
			t->idle++;
		else
			t->servers++;
	}
	t->blocks_used += blocks->used_blocks;
	t->blocks_free += blocks->free_blocks;
}

static void
totals_done(void *arg)
{
	struct totals_survey *t = arg;
	struct core_totals out = {
		.clients_used = t->clients,
		.clients_login = t->logins,
		.servers_used = t->servers,
		.servers_idle = t->idle,
		.client_size = sizeof(struct client),
		.server_size = sizeof(struct server),
		.block_size = BUF_BLOCK_BYTES,
		.blocks_used = t->blocks_used,
		.blocks_free = t->blocks_free,
	};
	size_t count;
	struct pool **pools = route_pools(t->core, NULL, &count);

	route_pools_free(pools, count);
	out.pools = (uint32_t)count;
	t->done(t->arg, &out);
	mem_free(t);
}

void
core_totals(struct core *core,
	    void (*done)(void *arg, const struct core_totals *totals),
	    void *arg)
{
	struct totals_survey *t = mem_must_zalloc(sizeof(*t));

	t->core = core;
	t->done = done;
	t->arg = arg;
	core_must_broadcast(core, totals_worker, totals_done, t, core->control);
}
