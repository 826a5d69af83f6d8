/*
 * The pool's look at all that can be done: idle servers go to waiters, make
 * room for those of another class, and new ones are opened.  It decides under
 * the lock, whose rules stand in pool.h, and acts afterwards.
 */
#include "base/mem.h"
#include "core/pool.h"
#include "core/pool_inner.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

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

/* Gives idle servers to waiters; what is to be done stands on out. */
static void
match_locked(struct pool *p, const struct worker *w, struct list *out)
{
	struct server *s;
	struct ticket *t;

	while (p->waiting > p->bound && !p->is_paused &&
	       !p->core->is_stopping && (s = wanted_locked(p, w)) != NULL) {
		t = pool_next_waiter_locked(p, s->worker, s->class);
		ASSERT(t != NULL);
		pool_unshelve_locked(p, s);
		pool_bind_locked(p, t, s);
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
		core_claim_idle(p->core, &p->share, now);
}
