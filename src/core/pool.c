/*
 * The shared pool: see pool.h for the ownership and the lock.
 *
 * Counts, all under the lock: held = opening + idle + in_use.  A server that
 * moves counts as in use.  waiting counts queued tickets, bound ones included.
 */
#include "core/pool.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "core/client.h"
#include "core/pool_inner.h"
#include "core/route.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

/* So many idle servers are looked at for one that has the client's state. */
#define SUITS_MAX 4

/* A waiter of the server's own worker may go before an older one of another
 * worker by at most this, which spares a move and keeps the order fair. */
#define LOCAL_PREFERENCE USEC_PER_MSEC

struct pool *
pool_new(struct core *core, const char *database, const char *user,
	 struct db_state *db, struct user_state *account,
	 const struct pool_config *config)
{
	unsigned workers = core->worker_count;
	struct pool *p = mem_zalloc(sizeof(*p) + workers * sizeof(p->parts[0]));

	if (p == NULL)
		return NULL;
	p->database = mem_strdup(database);
	p->user = mem_strdup(user);
	if (p->database == NULL || p->user == NULL) {
		mem_free(p->database);
		mem_free(p->user);
		mem_free(p);
		return NULL;
	}
	p->core = core;
	p->back = core->front->back;
	p->db = db;
	p->account = account;
	p->refs = 1;
	pool_classes_init(p);
	p->share.db = &db->servers;
	p->share.user = &account->servers;
	p->token_mail.deliver = pool_token_delivered;
	p->wake_mail.deliver = pool_wake_delivered;
	lock_init(&p->lock);
	list_init(&p->queue);
	p->config = *config;
	p->epoch = 1;
	p->made = clock_now();
	for (unsigned i = 0; i < workers; i++) {
		list_init(&p->parts[i].shelf);
		list_init(&p->parts[i].queue);
		p->parts[i].stats = &db->stats[i];
	}
	/* Few servers are best kept together: see design, "The shared pool". */
	p->home_first = (unsigned)(core_random() % workers);
	p->home = core->workers[p->home_first];
	pool_configure(p, config);
	return p;
}

void
pool_ref(struct pool *p)
{
	atomic_fetch_add(&p->refs, 1);
}

void
pool_unref(struct pool *p)
{
	if (atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	ASSERT(p->held == 0 && p->waiting == 0);
	(void)limits_content(&p->core->limits, &p->share);
	if (p->recent != NULL)
		pool_class_give(p, p->recent);
	ASSERT(list_is_empty(&p->classes));
	map_free(p->by_words);
	if (p->neutral.facts != NULL)
		p->back->facts_unref(p->neutral.facts);
	mem_free(p->neutral.error);
	mem_wipe(p->client_key, sizeof(p->client_key));
	mem_wipe(p->server_key, sizeof(p->server_key));
	mem_wipe_str(p->keys_secret);
	mem_free(p->failure.error);
	lock_fini(&p->lock);
	mem_free(p->database);
	mem_free(p->user);
	mem_free(p);
}

uint32_t
pool_ceiling_locked(const struct pool *p, usec_t now)
{
	const struct ticket *oldest;
	uint32_t size = p->config.size;

	if (size == 0 || p->config.reserve_size == 0 ||
	    p->config.reserve_timeout == 0 || list_is_empty(&p->queue))
		return size;
	oldest = LIST_ENTRY(list_first(&p->queue), struct ticket, global);
	/* It may have queued by a clock that is ahead of this worker's. */
	if (now >= oldest->since + p->config.reserve_timeout)
		size += p->config.reserve_size;
	return size;
}

void
pool_unqueue_locked(struct pool *p, struct ticket *t)
{
	list_remove(&t->global);
	list_remove(&t->local);
	p->waiting--;
	if (t->state == TICKET_BOUND) {
		p->bound--;
		t->server->ticket = NULL;
		t->server = NULL;
	} else {
		pool_class_unqueue_locked(p, t);
	}
	t->state = TICKET_NONE;
}

static void
enqueue_locked(struct pool *p, struct worker *w, struct ticket *t, usec_t now)
{
	struct list_node *at;

	/* A waiter that lost its server on the way keeps its place. */
	if (t->since == 0)
		t->since = now;
	for (at = p->queue.head.prev; at != &p->queue.head; at = at->prev)
		if (LIST_ENTRY(at, struct ticket, global)->since <= t->since)
			break;
	list_insert_after(at, &t->global);
	for (at = p->parts[w->id].queue.head.prev;
	     at != &p->parts[w->id].queue.head; at = at->prev)
		if (LIST_ENTRY(at, struct ticket, local)->since <= t->since)
			break;
	list_insert_after(at, &t->local);
	t->worker = w;
	t->state = TICKET_QUEUED;
	pool_class_queue_locked(p, t);
	p->waiting++;
}

struct ticket *
pool_first_unbound(const struct list *queue, size_t offset)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, queue) {
		struct ticket *t = (void *)((char *)n - offset);

		if (t->state == TICKET_QUEUED)
			return t;
	}
	return NULL;
}

/* The oldest waiter of worker w for this class that came by `latest`. */
static struct ticket *
local_waiter_locked(struct pool *p, const struct worker *w,
		    const struct pool_class *class, usec_t latest)
{
	struct list_node *n, *tmp;
	struct ticket *t;

	if (pool_is_neutral_locked(p)) {
		t = pool_first_unbound(&p->parts[w->id].queue,
				       offsetof(struct ticket, local));
		return t != NULL && t->since <= latest ? t : NULL;
	}
	LIST_FOREACH (n, tmp, &class->queue) {
		t = LIST_ENTRY(n, struct ticket, same);
		if (t->since > latest)
			return NULL;
		if (t->worker == w)
			return t;
	}
	return NULL;
}

/* Whose turn it is for a server of this class that stands on worker w. */
static struct ticket *
next_waiter_locked(struct pool *p, const struct worker *w,
		   const struct pool_class *class)
{
	struct ticket *head, *local;

	if (list_is_empty(&class->queue))
		return NULL;
	head = LIST_ENTRY(class->queue.head.next, struct ticket, same);
	local = local_waiter_locked(p, w, class,
				    head->since + LOCAL_PREFERENCE);
	return local != NULL ? local : head;
}

void
pool_unshelve_locked(struct pool *p, struct server *s)
{
	list_remove(&s->node);
	pool_class_unshelve_locked(p, s);
	s->is_shelved = false;
	p->parts[s->worker->id].idle--;
	p->idle--;
	p->in_use++;
}

/* The first idle server of a class on a worker, or NULL. */
static struct server *
idle_on_locked(struct pool *p, const struct worker *w,
	       const struct pool_class *class)
{
	const struct list *shelf = &p->parts[w->id].shelf;
	struct list_node *n, *tmp;

	if (pool_is_neutral_locked(p))
		return list_is_empty(shelf) ? NULL
					    : LIST_ENTRY(list_first(shelf),
							 struct server, node);
	LIST_FOREACH (n, tmp, &class->shelf) {
		struct server *s = LIST_ENTRY(n, struct server, same);

		if (s->worker == w)
			return s;
	}
	return NULL;
}

/* One for which somebody waits, or NULL: of the caller, else of who waits
 * longest for its class, else any. */
static struct server *
wanted_locked(struct pool *p, const struct worker *w)
{
	const struct pool_class *class;
	const struct ticket *head;
	struct server *s;

	if (list_is_empty(&p->matched))
		return NULL;
	class = LIST_ENTRY(p->matched.head.next, struct pool_class, matched);
	head = LIST_ENTRY(class->queue.head.next, struct ticket, same);
	s = idle_on_locked(p, w, class);
	if (s == NULL)
		s = idle_on_locked(p, head->worker, class);
	if (s == NULL)
		s = LIST_ENTRY(class->shelf.head.next, struct server, same);
	return s;
}

static void
bind_locked(struct pool *p, struct ticket *t, struct server *s)
{
	t->state = TICKET_BOUND;
	t->server = s;
	s->ticket = t;
	pool_class_unqueue_locked(p, t);
	p->bound++;
}

/* Gives idle servers to waiters; what is to be done stands on out. */
static void
match_locked(struct pool *p, const struct worker *w, struct list *out)
{
	struct server *s;
	struct ticket *t;

	while (p->waiting > p->bound && !p->is_paused &&
	       !p->core->is_stopping && (s = wanted_locked(p, w)) != NULL) {
		t = next_waiter_locked(p, s->worker, s->class);
		ASSERT(t != NULL);
		pool_unshelve_locked(p, s);
		bind_locked(p, t, s);
		list_push_back(out, &s->node);
	}
}

/* The server that was idle longest, or NULL. */
static struct server *
oldest_idle_locked(struct pool *p)
{
	struct server *oldest = NULL;

	for (unsigned i = 0; i < p->core->worker_count; i++) {
		struct server *s = pool_longest_idle_locked(&p->parts[i].shelf);

		if (s != NULL &&
		    (oldest == NULL || s->idle_since < oldest->idle_since))
			oldest = s;
	}
	return oldest;
}

/*
 * What is idle still is of classes for which nobody waits.  Where there is no
 * room for others it goes, one for each server that is missing.
 */
static void
evict_locked(struct pool *p, const struct worker *w, usec_t now,
	     struct list *out)
{
	uint32_t ceiling;

	if (p->waiting == p->bound || p->idle == 0 ||
	    !pool_may_open_locked(p, w, now))
		return;
	ceiling = pool_ceiling_locked(p, now);
	if (!p->is_refused && (ceiling == 0 || p->held < ceiling))
		return;
	while (p->idle > 0 && pool_missing_locked(p, now) > p->evicted) {
		struct server *s = oldest_idle_locked(p);

		ASSERT(s != NULL);
		pool_unshelve_locked(p, s);
		s->is_evicted = true;
		p->evicted++;
		list_push_back(out, &s->node);
	}
}

static void
move_delivered(struct mail *mail)
{
	struct server *s = LIST_ENTRY(mail, struct server, mail);

	server_send(s);
}

/* Carries match's decisions out, with the lock released. */
static void
act(struct worker *w, struct list *out)
{
	struct list_node *n;

	while ((n = list_pop_front(out)) != NULL) {
		struct server *s = LIST_ENTRY(n, struct server, node);

		if (s->worker == w) {
			server_send(s);
		} else {
			s->mail.deliver = move_delivered;
			loop_post(s->worker->loop, &s->mail);
		}
	}
}

/* The shared places are all taken, one of them by an idle server of another
 * class?  False: it is other pools' turn to give one. */
static bool
evict_own(struct pool *p, struct worker *w, usec_t now)
{
	struct list out;
	bool any;

	list_init(&out);
	lock_take(&p->lock);
	evict_locked(p, w, now, &out);
	lock_give(&p->lock);
	any = !list_is_empty(&out);
	act(w, &out);
	return any;
}

void
pool_dispatch(struct pool *p, struct worker *w, usec_t now)
{
	struct list out;
	uint32_t n, ceiling;
	usec_t since = now;
	enum take take = TAKE_OK;

	do {
		list_init(&out);
		lock_take(&p->lock);
		match_locked(p, w, &out);
		evict_locked(p, w, now, &out);
		n = pool_plan_locked(p, w, now, &ceiling, &since);
		lock_give(&p->lock);
		act(w, &out);
		if (n > 0)
			take = pool_open_planned(p, w, n, ceiling, since);
	} while (n > 0 && take == TAKE_OK);
	if (take == TAKE_FULL_SHARED && !evict_own(p, w, now))
		core_claim_idle(p->core, p, now);
}

static bool
has_room_locked(const struct pool *p, usec_t now)
{
	uint32_t ceiling = pool_ceiling_locked(p, now);

	return ceiling == 0 || p->held < ceiling;
}

/*
 * The server to take off a shelf of the caller's worker: of those of the
 * waiter's class the one whose turn it is, unless one of the next few needs no
 * hidden batch for this client.  NULL: none is of its class.
 */
static struct server *
suitable_locked(struct pool *p, const struct worker *w,
		const struct ticket *ticket)
{
	bool is_neutral = pool_is_neutral_locked(p);
	const struct list *shelf =
		is_neutral ? &p->parts[w->id].shelf : &ticket->class->shelf;
	struct list_node *n, *tmp;
	struct server *first = NULL;
	unsigned looked = 0;

	LIST_FOREACH (n, tmp, shelf) {
		struct server *s = is_neutral
					   ? LIST_ENTRY(n, struct server, node)
					   : LIST_ENTRY(n, struct server, same);

		if (s->worker != w)
			continue;
		if (first == NULL)
			first = s;
		if (ticket->client->is_login || looked++ == SUITS_MAX)
			break;
		if (p->back->suits(s->back, ticket->client->front))
			return s;
	}
	return first;
}

struct server *
pool_checkout(struct pool *p, struct worker *w, struct ticket *ticket,
	      usec_t now, bool *failed)
{
	struct server *s = NULL;
	bool has_room = false;

	if (ticket->class == NULL)
		ticket->class = &p->neutral;
	lock_take(&p->lock);
	p->last_used = now;
	*failed = p->is_removed || pool_class_is_refused(ticket->class, now) ||
		  (p->failure.scope == FAIL_POOL && now < p->failure.retry_at &&
		   p->held == p->opening);
	if (*failed) {
		lock_give(&p->lock);
		return NULL;
	}
	if (p->waiting == 0 && !p->is_paused)
		s = suitable_locked(p, w, ticket);
	if (s != NULL) {
		pool_unshelve_locked(p, s);
	} else {
		enqueue_locked(p, w, ticket, now);
		has_room = p->idle > 0 || has_room_locked(p, now);
	}
	lock_give(&p->lock);
	/* A full pool has nothing to give: its servers come back by checkin. */
	if (has_room)
		pool_dispatch(p, w, now);
	return s;
}

void
pool_leave(struct pool *p, struct worker *w, struct ticket *ticket)
{
	bool is_sated;

	lock_take(&p->lock);
	if (ticket->state != TICKET_NONE)
		pool_unqueue_locked(p, ticket);
	is_sated = p->is_hungry && p->waiting == 0;
	lock_give(&p->lock);
	ticket->since = 0;
	/* Nobody waits any more: others need not give places up for it. */
	if (is_sated)
		pool_stop_hunger(p, w, loop_now(w->loop));
}

/* Shall a free server be closed rather than kept? */
static enum reason
unfit_locked(const struct pool *p, const struct server *s, usec_t now,
	     bool is_wanted)
{
	uint32_t most = pool_ceiling_locked(p, now);

	if (p->is_removed || s->epoch != p->epoch || s->close_needed)
		return REASON_SERVER_RECONNECT;
	if (s->is_evicted || p->core->is_stopping || p->is_paused ||
	    (most != 0 && p->held > most))
		return REASON_SERVER_SURPLUS;
	if ((s->expires != 0 && now >= s->expires) ||
	    (p->config.server_lifetime == 0 && s->granted_at != 0))
		return REASON_SERVER_LIFETIME;
	if (is_wanted)
		return REASON_SERVER_SURPLUS;
	return REASON_NONE;
}

/*
 * Does another pool need a place of this one's more?  One that has clearly
 * less; or one that has nothing and waits while nobody waits here, or clearly
 * longer than who waits here, for each hand-over costs a close and a login.
 */
static bool
is_wanted_elsewhere(struct pool *p)
{
	usec_t before = UINT64_MAX;
	const struct ticket *t;

	if (p->core->limits.hungry_count == 0)
		return false;
	lock_take(&p->lock);
	t = pool_first_unbound(&p->queue, offsetof(struct ticket, global));
	if (t != NULL)
		before = t->since > HUNGER_SLACK ? t->since - HUNGER_SLACK : 0;
	lock_give(&p->lock);
	return limits_must_give(&p->core->limits, &p->share, before);
}

static void
shelve_locked(struct pool *p, struct worker *w, struct server *s)
{
	struct pool_part *part = &p->parts[w->id];

	if (p->core->round_robin)
		list_push_back(&part->shelf, &s->node);
	else
		list_push_front(&part->shelf, &s->node);
	pool_class_shelve_locked(p, s);
	s->is_shelved = true;
	part->idle++;
	p->idle++;
	p->in_use--;
}

/* Where a free server goes; on its shelf unless one of the first three. */
struct placement {
	enum reason unfit;     /* NONE, or why it is closed */
	struct client *client; /* whose it is now: of its own worker */
	bool is_bound;         /* to a waiter of another worker */
	bool is_in_way;        /* shelved, and others wait for other classes */
};

static struct placement
place_locked(struct pool *p, struct worker *w, struct server *s,
	     enum reason unfit)
{
	struct placement to = { .unfit = unfit };
	struct ticket *t;

	if (unfit != REASON_NONE)
		return to;
	t = next_waiter_locked(p, w, s->class);
	if (t == NULL) {
		shelve_locked(p, w, s);
		to.is_in_way = p->waiting > p->bound;
	} else if (t->worker == w) {
		to.client = t->client;
		pool_unqueue_locked(p, t);
	} else {
		bind_locked(p, t, s);
		to.is_bound = true;
	}
	return to;
}

/* Who became hungry meanwhile did not see it on the shelf; who claimed it did,
 * and keeps it. */
static void
rest(struct pool *p, struct worker *w, struct server *s)
{
	s->state = SERVER_IDLE;
	if (!is_wanted_elsewhere(p)) {
		server_watch(s);
	} else if (pool_withdraw(p, w, s)) {
		s->state = SERVER_HELD;
		server_close(s, REASON_SERVER_SURPLUS);
	} else {
		limits_keep(&p->core->limits, &p->share);
	}
}

void
pool_checkin(struct pool *p, struct worker *w, struct server *s, usec_t now)
{
	bool is_wanted = is_wanted_elsewhere(p);
	struct placement to;

	s->state = SERVER_HELD;
	s->idle_since = now;
	lock_take(&p->lock);
	to = place_locked(p, w, s, unfit_locked(p, s, now, is_wanted));
	lock_give(&p->lock);
	if (to.unfit != REASON_NONE)
		server_close(s, to.unfit);
	else if (to.client != NULL)
		client_granted(to.client, s);
	else if (to.is_bound)
		server_send(s);
	else
		rest(p, w, s);
	if (to.is_in_way)
		pool_dispatch(p, w, now);
}

bool
pool_withdraw(struct pool *p, struct worker *w, struct server *s)
{
	bool ok;

	(void)w;
	lock_take(&p->lock);
	ok = s->is_shelved;
	if (ok)
		pool_unshelve_locked(p, s);
	lock_give(&p->lock);
	return ok;
}

struct client *
pool_arrive(struct pool *p, struct server *s)
{
	struct client *c = NULL;

	lock_take(&p->lock);
	if (s->ticket != NULL) {
		struct ticket *t = s->ticket;

		c = t->client;
		pool_unqueue_locked(p, t);
	}
	lock_give(&p->lock);
	return c;
}

/* It died on its way: the waiter keeps its place. */
static bool
unbind_locked(struct pool *p, struct server *s)
{
	if (s->ticket == NULL)
		return false;
	s->ticket->state = TICKET_QUEUED;
	pool_class_queue_locked(p, s->ticket);
	s->ticket->server = NULL;
	s->ticket = NULL;
	p->bound--;
	return true;
}

void
pool_unbind(struct pool *p, struct worker *w, struct server *s)
{
	bool was_bound;

	lock_take(&p->lock);
	was_bound = unbind_locked(p, s);
	lock_give(&p->lock);
	if (was_bound)
		pool_dispatch(p, w, loop_now(w->loop));
}

void
pool_server_gone(struct pool *p, struct worker *w, struct server *s, usec_t now)
{
	lock_take(&p->lock);
	ASSERT(p->held > 0);
	p->held--;
	if (s->epoch == p->epoch)
		p->current--;
	if (s->is_logged_in) {
		p->in_use--;
	} else {
		p->opening--;
		pool_class_count_opening_locked(p, s->class, -1);
	}
	if (s->is_evicted)
		p->evicted--;
	(void)unbind_locked(p, s);
	lock_give(&p->lock);
	pool_give_place(p);
	pool_dispatch(p, w, now);
}
