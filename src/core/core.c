/*
 * The engine's frame: workers, broadcasts, snapshots, console answers.
 */
#include "core/core.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/client.h"
#include "core/pool.h"
#include "core/request.h"
#include "core/server.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

#define RESERVE_MAX 1024u

void
core_entropy(void *out, size_t len)
{
	uint8_t *at = out;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0) {
			ASSERT(errno == EINTR);
			continue;
		}
		at += n;
		len -= (size_t)n;
	}
}

uint64_t
core_random(void)
{
	uint64_t bits;

	core_entropy(&bits, sizeof(bits));
	return bits;
}

/* ------------------------------------------------------------------------
 * Broadcasts
 */

struct broadcast;

struct broadcast_part {
	struct mail mail;
	struct broadcast *whole; /* borrows */
	struct worker *worker;   /* borrows */
};

struct broadcast {
	struct mail done_mail;
	void (*run)(void *arg, struct worker *w);
	void (*done)(void *arg);
	void *arg;
	struct loop *home; /* borrows, or NULL */
	_Atomic unsigned left;
	struct broadcast_part parts[];
};

static void
broadcast_done(struct mail *mail)
{
	struct broadcast *b = (struct broadcast *)mail;

	if (b->done != NULL)
		b->done(b->arg);
	mem_free(b);
}

static void
broadcast_part(struct mail *mail)
{
	struct broadcast_part *part = (struct broadcast_part *)mail;
	struct broadcast *b = part->whole;

	b->run(b->arg, part->worker);
	if (atomic_fetch_sub(&b->left, 1) != 1)
		return;
	b->done_mail.deliver = broadcast_done;
	if (b->home != NULL)
		loop_post(b->home, &b->done_mail);
	else
		broadcast_done(&b->done_mail);
}

static size_t
broadcast_bytes(const struct core *core)
{
	return sizeof(struct broadcast) +
	       core->worker_count * sizeof(struct broadcast_part);
}

static void
send_broadcast(struct core *core, struct broadcast *b,
	       void (*run)(void *arg, struct worker *w),
	       void (*done)(void *arg), void *arg, struct loop *home)
{
	unsigned n = core->worker_count;

	b->run = run;
	b->done = done;
	b->arg = arg;
	b->home = home;
	b->left = n;
	for (unsigned i = 0; i < n; i++) {
		b->parts[i].mail.deliver = broadcast_part;
		b->parts[i].whole = b;
		b->parts[i].worker = core->workers[i];
	}
	for (unsigned i = 0; i < n; i++)
		loop_post(core->workers[i]->loop, &b->parts[i].mail);
}

bool
core_broadcast(struct core *core, void (*run)(void *arg, struct worker *w),
	       void (*done)(void *arg), void *arg, struct loop *home)
{
	struct broadcast *b = mem_zalloc(broadcast_bytes(core));

	if (b != NULL)
		send_broadcast(core, b, run, done, arg, home);
	return b != NULL;
}

void
core_must_broadcast(struct core *core, void (*run)(void *arg, struct worker *w),
		    void (*done)(void *arg), void *arg, struct loop *home)
{
	send_broadcast(core, mem_must_zalloc(broadcast_bytes(core)), run, done,
		       arg, home);
}

/* ------------------------------------------------------------------------
 * Snapshots
 */

struct publication {
	struct core *core;
	struct snapshot *snapshot; /* refs */
	struct snapshot *old;      /* refs */
	void (*done)(void *arg);
	void *arg;
};

static void
publish_on_worker(void *arg, struct worker *w)
{
	struct publication *p = arg;
	struct list_node *n, *tmp;

	worker_set_snapshot(w, p->snapshot);
	server_sweep(w, NULL);
	client_sweep(w);
	/* Not before: servers are opened under the snapshot of the worker. */
	LIST_FOREACH (n, tmp, &w->pools)
		pool_dispatch(LIST_ENTRY(n, struct pool, home_node), w,
			      loop_now(w->loop));
}

static void
publish_done(void *arg)
{
	struct publication *p = arg;

	routes_catch_up(p->core, p->old, p->snapshot);
	routes_prepare(p->core, p->snapshot);
	snapshot_unref(p->old);
	snapshot_unref(p->snapshot);
	if (p->done != NULL)
		p->done(p->arg);
	mem_free(p);
}

static void
copy_numbers(struct core *core, const struct snapshot *snapshot)
{
	const struct settings *set = snapshot_settings(snapshot);

	core->login_limit = set->server_login_limit == 0
				    ? UINT32_MAX
				    : set->server_login_limit;
	core->login_retry = set->server_login_retry;
	core->round_robin = set->server_round_robin != 0;
	limits_set_max(&core->limits, &core->limits.clients,
		       set->max_client_conn);
}

void
core_publish(struct core *core, struct snapshot *snapshot,
	     void (*done)(void *arg), void *arg)
{
	struct publication *p = mem_must_zalloc(sizeof(*p));
	struct snapshot *old = core->snapshot;

	snapshot_set_generation(snapshot, snapshot_generation(old) + 1);
	p->core = core;
	p->snapshot = snapshot_ref(snapshot);
	p->done = done;
	p->arg = arg;
	core->snapshot = snapshot_ref(snapshot);
	copy_numbers(core, snapshot);
	routes_apply(core, old, snapshot);
	p->old = old;
	greeting_renew(core);
	core_must_broadcast(core, publish_on_worker, publish_done, p,
			    core->control);
}

/* ------------------------------------------------------------------------
 * Console
 */

void
console_request_free(struct console_request *r)
{
	if (r == NULL)
		return;
	rowset_free(r->result);
	mem_free(r->user);
	mem_free(r->text);
	mem_free(r);
}

static void
answer_delivered(struct mail *mail)
{
	struct console_request *r = (struct console_request *)mail;
	struct core *core = r->carrier;
	struct client *c =
		worker_client(core->workers[r->client.worker], r->client);

	if (c != NULL && c->login != NULL)
		c->login->asked = NULL;
	if (c == NULL || c->state != CLIENT_ASKING ||
	    c->login->request != NULL || r->result == NULL) {
		console_request_free(r);
		if (c != NULL)
			client_refuse_reason(c, REASON_NO_MEMORY);
		return;
	}
	c->login->request = r;
	c->login->rows_next = 0;
	session_turn(c);
}

void
core_console_answer(struct core *core, struct console_request *request)
{
	request->mail.deliver = answer_delivered;
	request->carrier = core;
	loop_post(core->workers[request->client.worker]->loop, &request->mail);
}

/* ------------------------------------------------------------------------
 * Budgets shared by pools
 */

void
core_claim_idle(struct core *core, const struct share *hungry, usec_t now)
{
	struct pool *best = NULL;
	usec_t best_since = UINT64_MAX;
	unsigned best_worker = 0;
	size_t count;
	struct pool **pools = route_pools_try(core, &count);

	for (size_t i = 0; i < count; i++) {
		struct pool *other = pools[i];
		usec_t since = 0;
		unsigned worker = 0;

		if (&other->share == hungry ||
		    !limits_would_help(&core->limits, hungry, &other->share))
			continue;
		if (!pool_oldest_idle(other, &since, &worker) ||
		    (now < since + HUNGER_SLACK &&
		     !limits_is_due(&core->limits, hungry, &other->share)))
			continue;
		if (since < best_since) {
			best = other;
			best_since = since;
			best_worker = worker;
		}
	}
	if (best != NULL)
		pool_evict(best, best_worker);
	route_pools_free(pools, count);
}

/* ------------------------------------------------------------------------
 * Life
 */

unsigned
core_worker_count(const struct core *core)
{
	return core->worker_count;
}

const char *
core_protocol_name(const struct core *core, enum protocol protocol)
{
	return core->fronts[protocol]->name;
}

/* A quarter of the descriptors, at most RESERVE_MAX, is no client's. */
static void
reserve_descriptors(struct core *core)
{
	struct rlimit limit;
	rlim_t most = INT_MAX, reserve;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most)
		most = limit.rlim_cur;
	reserve = most / 4 < RESERVE_MAX ? most / 4 : RESERVE_MAX;
	core->fd_refuse = (int)(most - reserve);
	core->fd_close = (int)(most - reserve / 2);
}

struct core *
core_new(const struct core_config *config)
{
	struct core *core = mem_must_zalloc(sizeof(*core));

	core->fronts = config->fronts;
	core->helpers = config->helpers;
	core->resolver = config->resolver;
	core->keys = config->keys;
	core->rsa = config->rsa;
	core->control = config->control;
	core->listening = config->listening;
	core->console_submit = config->console_submit;
	core->console_arg = config->console_arg;
	core->secret_submit = config->secret_submit;
	core->secret_arg = config->secret_arg;
	core->channel_submit = config->channel_submit;
	core->channel_place = config->channel_place;
	core->channel_arg = config->channel_arg;
	core->snapshot = snapshot_ref(config->snapshot);
	snapshot_set_generation(core->snapshot, 1);
	reserve_descriptors(core);
	core_entropy(core->mock_secret, sizeof(core->mock_secret));
	core->share_seed = core_random();
	changes_init(&core->changes, core->share_seed);
	limits_init(&core->limits);
	notifiers_init(&core->notifiers);
	lost_init(&core->lost);
	ids_init(&core->ids);
	greeting_init(core);
	if (!routes_init(&core->routes))
		mem_assert_failed("memory at start", __FILE__, __LINE__);
	copy_numbers(core, core->snapshot);
	core->workers =
		mem_must_zalloc(config->threads * sizeof(core->workers[0]));
	core->worker_count = config->threads;
	for (unsigned i = 0; i < core->worker_count; i++) {
		core->workers[i] = worker_new(core, i);
		if (core->workers[i] == NULL) {
			log_event(LOG_ERROR, "start_failed",
				  "worker=%u error=no_event_loop", i);
			return NULL;
		}
	}
	return core;
}

bool
core_start(struct core *core)
{
	routes_prepare(core, core->snapshot);
	for (unsigned i = 0; i < core->worker_count; i++) {
		if (!worker_start(core->workers[i])) {
			log_event(LOG_ERROR, "start_failed",
				  "worker=%u error=no_thread", i);
			return false;
		}
	}
	return true;
}

void
core_stop(struct core *core)
{
	core->is_stopping = true;
	for (unsigned i = 0; i < core->worker_count; i++)
		worker_stop(core->workers[i]);
}

void
core_free(struct core *core)
{
	/* Mail between workers that have stopped takes a few rounds. */
	for (int round = 0; round < 4; round++)
		for (unsigned i = 0; i < core->worker_count; i++)
			worker_settle(core->workers[i]);
	loop_drain(core->control);
	greeting_fini(core);
	for (unsigned i = 0; i < core->worker_count; i++)
		worker_free(core->workers[i]);
	mem_free(core->workers);
	lost_fini(&core->lost);
	routes_fini(&core->routes);
	ids_fini(&core->ids);
	notifiers_fini(&core->notifiers);
	limits_fini(&core->limits);
	snapshot_unref(core->snapshot);
	mem_free(core);
}
