/*
 * The shared pool's life, its queue, and what clients ask of it: see pool.h for
 * the ownership and the lock.
 *
 * Counts, all under the lock: held = opening + idle + in_use.  A server that
 * moves counts as in use.  waiting counts queued tickets, bound ones included.
 */
#include "core/pool.h"

#include <stddef.h>

#include "base/map.h"
#include "base/mem.h"
#include "core/client.h"
#include "core/pool_inner.h"
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
	p->protocol = db->protocol;
	p->back = core->fronts[p->protocol]->back;
	p->db = db;
	p->account = account;
	p->refs = 1;
	pool_classes_init(p);
	p->share.db = &db->servers;
	p->share.user = &account->servers;
	p->ear_share.db = &db->servers;
	p->ear_share.user = &account->servers;
	p->ear_share.is_ear = true;
	p->ear_mail.deliver = channels_place_delivered;
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
	(void)limits_content(&p->core->limits, &p->ear_share);
	if (p->recent != NULL)
		pool_class_give(p, p->recent);
	ASSERT(list_is_empty(&p->classes));
	map_free(p->by_words);
	if (p->neutral.facts != NULL)
		p->back->facts_unref(p->neutral.facts);
	mem_free(p->neutral.error);
	mem_wipe(p->client_key, sizeof(p->client_key));
	mem_wipe_str(p->asked_secret);
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

struct ticket *
pool_next_waiter_locked(struct pool *p, const struct worker *w,
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

void
pool_bind_locked(struct pool *p, struct ticket *t, struct server *s)
{
	t->state = TICKET_BOUND;
	t->server = s;
	s->ticket = t;
	pool_class_unqueue_locked(p, t);
	p->bound++;
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
