/*
 * Servers that come free, arrive, or are gone; the lock's rules stand in
 * pool.h.
 */
#include <stddef.h>

#include "base/mem.h"
#include "core/client.h"
#include "core/pool.h"
#include "core/pool_inner.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

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
	t = pool_next_waiter_locked(p, w, s->class);
	if (t == NULL) {
		shelve_locked(p, w, s);
		to.is_in_way = p->waiting > p->bound;
	} else if (t->worker == w) {
		to.client = t->client;
		pool_unqueue_locked(p, t);
	} else {
		pool_bind_locked(p, t, s);
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
