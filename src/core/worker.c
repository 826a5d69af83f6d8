/*
 * Workers: threads, handles, policies, the reaper and the periodic look.
 */
#include "core/worker.h"

#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "core/client.h"
#include "core/hearer.h"
#include "core/pool.h"
#include "core/server.h"
#include "core/shared.h"

#define TICK_TIME (333 * USEC_PER_MSEC)
#define NO_SLOT UINT32_MAX
/* As many as a client's number and a cancel key have room for. */
#define SLOTS_MAX (1u << 23)

/* ------------------------------------------------------------------------
 * Handles
 */

static bool
grow_slots(struct worker *w)
{
	uint32_t count = w->slot_count == 0 ? 256 : w->slot_count * 2;
	struct slot *slots;

	if (count > SLOTS_MAX)
		return false;
	slots = mem_realloc(w->slots, count * sizeof(w->slots[0]));
	if (slots == NULL)
		return false;
	for (uint32_t i = w->slot_count; i < count; i++)
		slots[i] =
			(struct slot){ .generation = 1,
				       .next_free = i + 1 < count ? i + 1
								  : NO_SLOT };
	w->free_slot = w->slot_count;
	w->slots = slots;
	w->slot_count = count;
	return true;
}

static void
count_client(struct worker *w, int by)
{
	w->client_count += (uint32_t)by;
	atomic_store_explicit(&w->load, w->client_count, memory_order_relaxed);
}

bool
worker_add_client(struct worker *w, struct client *c)
{
	struct slot *slot;

	if (w->free_slot == NO_SLOT && !grow_slots(w))
		return false;
	c->slot = w->free_slot & 0xffffffu; /* < SLOTS_MAX */
	slot = &w->slots[c->slot];
	w->free_slot = slot->next_free;
	slot->client = c;
	c->generation = slot->generation;
	list_push_back(&w->clients, &c->node);
	count_client(w, 1);
	if (cancel_make_key(c))
		return true;
	list_remove(&c->node);
	worker_remove_client(w, c);
	return false;
}

void
worker_remove_client(struct worker *w, struct client *c)
{
	struct slot *slot = &w->slots[c->slot];

	ASSERT(slot->client == c);
	slot->client = NULL;
	slot->generation++;
	slot->next_free = w->free_slot;
	w->free_slot = c->slot;
	count_client(w, -1);
}

struct client *
worker_client(struct worker *w, struct client_handle h)
{
	if (h.slot >= w->slot_count ||
	    w->slots[h.slot].generation != h.generation)
		return NULL;
	return w->slots[h.slot].client;
}

/* ------------------------------------------------------------------------
 * Policies
 */

static void
shorten(usec_t *shortest, usec_t span)
{
	if (span != 0 && span < *shortest)
		*shortest = span;
}

/* The shortest of the times after which something happens to a client. */
static usec_t
shortest_time(const struct settings *set, const struct pool_config *config)
{
	usec_t shortest = CLIENT_LINK_TIME;

	shorten(&shortest, set->query_wait_notify);
	shorten(&shortest, config->query_wait_timeout);
	shorten(&shortest, config->query_timeout);
	shorten(&shortest, config->transaction_timeout);
	shorten(&shortest, config->idle_transaction_timeout);
	shorten(&shortest, config->client_idle_timeout);
	return shortest;
}

/* Can a connection of carpool's own listen for this pool's clients? */
static bool
can_hear(const struct snapshot *s, const struct config_database *db,
	 const struct pool_config *config, const struct pool *p)
{
	return config->max_db_connections != 1 &&
	       config->max_user_connections != 1 &&
	       snapshot_clear_password(s, db, p->user) != NULL;
}

static void
stop_hearing(struct policy *policy)
{
	if (policy->on_state[STATE_LISTEN] != STATE_EMULATE)
		return;
	policy->on_state[STATE_LISTEN] = STATE_PIN;
	policy->cannot_hear = true;
}

void
worker_refresh_policy(struct worker *w, struct pool *p)
{
	struct pool_part *part = &p->parts[w->id];
	const struct config_database *db;
	struct pool_config config;

	db = snapshot_database(w->snapshot, p->protocol, p->database);
	if (db == NULL) {
		/* Gone: what is left of it goes on under plain defaults. */
		struct policy *policy = &part->policy;
		enum pool_mode mode = policy->mode;
		bool had = part->policy_generation != 0;

		snapshot_login_policy(w->snapshot, policy);
		if (had)
			policy->mode = mode;
	} else {
		snapshot_pool_config(w->snapshot, db,
				     snapshot_user(w->snapshot, p->user),
				     &config);
		snapshot_policy(w->snapshot, db, &config, &part->policy);
		if (!can_hear(w->snapshot, db, &config, p))
			stop_hearing(&part->policy);
		part->config = config;
	}
	part->shortest =
		shortest_time(snapshot_settings(w->snapshot), &part->config);
	part->policy.id = ++w->policies;
	part->policy_generation = w->generation;
}

void
worker_entropy(void *arg, void *out, size_t len)
{
	struct worker *w = arg;

	ASSERT(len <= sizeof(w->random));
	if (w->random_left < len) {
		core_entropy(w->random, sizeof(w->random));
		w->random_left = sizeof(w->random);
	}
	w->random_left -= len;
	memcpy(out, w->random + w->random_left, len);
	mem_wipe(w->random + w->random_left, len);
}

/* ------------------------------------------------------------------------
 * The thread
 */

void
worker_end_turn(void *arg)
{
	struct worker *w = arg;
	struct list_node *n;

	while ((n = list_pop_front(&w->client_leavers)) != NULL) {
		struct client *c = LIST_ENTRY(n, struct client, node);

		loop_post(c->worker->loop, &c->login->mail);
	}
	while ((n = list_pop_front(&w->server_leavers)) != NULL) {
		struct server *s = LIST_ENTRY(n, struct server, owned);

		loop_post(s->worker->loop, &s->mail);
	}
	while ((n = list_pop_front(&w->client_graves)) != NULL)
		client_free(LIST_ENTRY(n, struct client, node));
	while ((n = list_pop_front(&w->canceler_graves)) != NULL)
		canceler_free(LIST_ENTRY(n, struct canceler, node));
	while ((n = list_pop_front(&w->server_graves)) != NULL)
		server_free(LIST_ENTRY(n, struct server, owned));
}

/* A pool that nobody has used for long is forgotten; its totals stay. */
static bool
forget_if_unused(struct worker *w, struct pool *p, usec_t now)
{
	usec_t idle = snapshot_settings(w->snapshot)->autodb_idle_timeout;

	if (idle == 0 || p->refs != 1 || now < p->made + idle ||
	    now < p->last_used + idle ||
	    !limits_content(&w->core->limits, &p->share) ||
	    !route_forget(w->core, p))
		return false;
	list_remove(&p->home_node);
	pool_unref(p);
	return true;
}

static void
on_tick(struct timer *timer)
{
	struct worker *w = LIST_ENTRY(timer, struct worker, tick);
	usec_t now = loop_now(w->loop);
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->pools) {
		struct pool *p = LIST_ENTRY(n, struct pool, home_node);

		if (!forget_if_unused(w, p, now))
			pool_tick(p, w, now);
	}
	timer_set(w->loop, &w->tick, now + TICK_TIME);
}

static void
on_accepted(void *arg, int fd, const struct addr *peer, unsigned tag)
{
	client_accept(arg, fd, peer, tag);
}

static void
close_everything(struct worker *w)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients)
		client_close(LIST_ENTRY(n, struct client, node),
			     REASON_SHUTDOWN);
	LIST_FOREACH (n, tmp, &w->cancelers)
		canceler_close(LIST_ENTRY(n, struct canceler, node),
			       CANCEL_UNSURE);
	LIST_FOREACH (n, tmp, &w->servers)
		server_close(LIST_ENTRY(n, struct server, owned),
			     REASON_SHUTDOWN);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	timer_set(w->loop, &w->tick, clock_now() + TICK_TIME);
	loop_run(w->loop, worker_end_turn, w);
	return NULL;
}

static void
read_options(struct worker *w)
{
	const struct settings *set = snapshot_settings(w->snapshot);

	w->options = (struct stream_options){
		.keepalive = set->tcp_keepalive != 0,
		.keepcnt = set->tcp_keepcnt,
		.keepidle_sec = set->tcp_keepidle,
		.keepintvl_sec = set->tcp_keepintvl,
		.socket_buffer_bytes = set->tcp_socket_buffer,
		.user_timeout_msec = set->tcp_user_timeout,
	};
}

static void
bequeath_options(struct worker *w)
{
	if (w->listener != NULL)
		w->bequeaths = listener_set_options(w->listener, &w->options);
}

void
worker_set_snapshot(struct worker *w, struct snapshot *snapshot)
{
	struct snapshot *old = w->snapshot;

	w->snapshot = snapshot_ref(snapshot);
	w->generation = snapshot_generation(snapshot);
	snapshot_login_policy(snapshot, &w->login_policy);
	read_options(w);
	bequeath_options(w);
	if (old != NULL)
		snapshot_unref(old);
}

static bool
open_shares(struct worker *w)
{
	const struct front_ops *front;

	for (unsigned i = 0; i < PROTOCOLS; i++) {
		front = w->core->fronts[i];
		w->shared[i] = front->share_open(w->core->share_seed);
		if (w->shared[i] == NULL)
			return false;
	}
	return true;
}

static void
close_shares(struct worker *w)
{
	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (w->shared[i] != NULL)
			w->core->fronts[i]->share_close(w->shared[i]);
}

struct worker *
worker_new(struct core *core, unsigned id)
{
	struct worker *w = mem_zalloc(sizeof(*w));

	if (w == NULL)
		return NULL;
	w->core = core;
	w->loop = loop_new();
	if (w->loop == NULL || !open_shares(w)) {
		close_shares(w);
		loop_free(w->loop);
		mem_free(w);
		return NULL;
	}
	w->id = id;
	w->free_slot = NO_SLOT;
	w->tick.fire = on_tick;
	slab_init(&w->tenures, sizeof(struct tenure));
	list_init(&w->clients);
	list_init(&w->servers);
	list_init(&w->cancelers);
	list_init(&w->client_graves);
	list_init(&w->server_graves);
	list_init(&w->canceler_graves);
	list_init(&w->client_leavers);
	list_init(&w->server_leavers);
	list_init(&w->pools);
	worker_set_snapshot(w, core->snapshot);
	return w;
}

bool
worker_start(struct worker *w)
{
	if (w->core->listening != NULL) {
		w->listener = listener_start(w->core->listening, w->id, w->loop,
					     on_accepted, w);
		if (w->listener == NULL)
			return false;
		bequeath_options(w);
	}
	w->is_started = pthread_create(&w->thread, NULL, worker_main, w) == 0;
	return w->is_started;
}

void
worker_stop_listening(struct worker *w)
{
	if (w->listener != NULL)
		listener_stop(w->listener);
	w->listener = NULL;
}

/* On the worker's own thread: the last thing that it does. */
static void
stop_delivered(struct mail *mail)
{
	struct worker *w = LIST_ENTRY(mail, struct worker, stop_mail);

	worker_stop_listening(w);
	close_everything(w);
	timer_clear(w->loop, &w->tick);
	loop_stop(w->loop);
}

void
worker_stop(struct worker *w)
{
	if (!w->is_started)
		return;
	w->stop_mail.deliver = stop_delivered;
	loop_post(w->loop, &w->stop_mail);
	pthread_join(w->thread, NULL);
	w->is_started = false;
}

void
worker_settle(struct worker *w)
{
	loop_drain(w->loop);
	close_everything(w);
	worker_end_turn(w);
}

void
worker_free(struct worker *w)
{
	struct list_node *n;

	while ((n = list_pop_front(&w->pools)) != NULL) {
		struct pool *p = LIST_ENTRY(n, struct pool, home_node);

		(void)route_forget(w->core, p);
		pool_unref(p);
	}
	worker_stop_listening(w);
	loop_free(w->loop);
	snapshot_unref(w->snapshot);
	slab_fini(&w->tenures);
	ears_free(w->ears);
	map_free(w->proxied);
	close_shares(w);
	mem_free(w->slots);
	mem_free(w);
}
