/*
 * Openings of a pool: how many, when, and what follows when one fails; places
 * that the limits pass on (tokens).  The lock's rules stand in pool.h.
 */
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "core/client.h"
#include "core/pool.h"
#include "core/pool_inner.h"
#include "core/route.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

#define BACKOFF_FIRST (200 * USEC_PER_MSEC)
#define BACKOFF_MAX USEC_PER_SEC

/* A worker that has not swapped its snapshot yet would go to the old host. */
bool
pool_may_open_locked(const struct pool *p, const struct worker *w, usec_t now)
{
	return !p->is_paused && !p->is_removed && !p->core->is_stopping &&
	       now >= p->failure.retry_at &&
	       snapshot_generation(w->snapshot) >= p->generation;
}

/* How many logins may run at a time: one tries whether it works again. */
static uint32_t
login_limit_locked(const struct pool *p)
{
	return p->failure.reason != REASON_NONE ? 1 : p->core->login_limit;
}

uint32_t
pool_plan_locked(struct pool *p, const struct worker *w, usec_t now,
		 uint32_t *ceiling, usec_t *since)
{
	const struct ticket *head;
	uint32_t n, limit = login_limit_locked(p);

	*ceiling = pool_ceiling_locked(p, now);
	head = pool_first_unbound(&p->queue, offsetof(struct ticket, global));
	if (head == NULL || p->is_hungry || !pool_may_open_locked(p, w, now))
		return 0;
	*since = head->since;
	n = pool_missing_locked(p, now);
	if (n == 0 || p->opening >= limit)
		return 0;
	if (n > limit - p->opening)
		n = limit - p->opening;
	if (*ceiling != 0 && p->held >= *ceiling)
		return 0;
	if (*ceiling != 0 && n > *ceiling - p->held)
		n = *ceiling - p->held;
	/* Set before the limits are asked: a token may come at any time. */
	p->is_hungry = true;
	p->opening += n;
	p->held += n;
	return n;
}

enum take
pool_open_planned(struct pool *p, struct worker *w, uint32_t n,
		  uint32_t ceiling, usec_t since)
{
	enum take take = TAKE_OK;
	uint32_t got = 0;

	while (got < n && take == TAKE_OK) {
		take = limits_take(&p->core->limits, &p->share, ceiling, since);
		if (take == TAKE_OK)
			got++;
	}
	lock_take(&p->lock);
	p->opening -= n - got;
	p->held -= n - got;
	/* A token may have come, and the hunger gone, in the meantime. */
	p->is_refused = take != TAKE_OK && p->is_hungry;
	p->is_hungry = p->is_refused;
	lock_give(&p->lock);
	for (uint32_t i = 0; i < got; i++)
		server_open(p, w);
	return take;
}

void
pool_stop_hunger(struct pool *p, struct worker *w, usec_t now)
{
	/* In this order: who is not listed must not be marked as hungry. */
	(void)limits_content(&p->core->limits, &p->share);
	lock_take(&p->lock);
	p->is_hungry = p->is_refused = false;
	lock_give(&p->lock);
	pool_dispatch(p, w, now);
}

void
pool_opened(struct pool *p, struct server *s, const void *facts)
{
	struct pool_class *class = s->class, *recent = NULL;
	const void *old = NULL;

	lock_take(&p->lock);
	p->opening--;
	pool_class_count_opening_locked(p, class, -1);
	p->in_use++;
	mem_free(p->failure.error);
	p->failure = (struct pool_failure){ 0 };
	pool_class_forgive_locked(class);
	if (s->epoch == p->epoch) {
		class->facts_epoch = p->epoch;
		if (facts != class->facts) {
			old = class->facts;
			class->facts = p->back->facts_ref(facts);
		}
	}
	if (class != p->recent && class != &p->neutral) {
		recent = p->recent;
		p->recent = class;
		class->refs++;
	}
	lock_give(&p->lock);
	if (old != NULL)
		p->back->facts_unref(old);
	if (recent != NULL)
		pool_class_give(p, recent);
}

/* A place is on its way to this share; post: with a token of its own, else one
 * that is under way already brings it. */
static void
pass_place(struct share *share, bool post)
{
	struct pool *p;

	if (share->is_ear) {
		p = LIST_ENTRY(share, struct pool, ear_share);
		if (!post)
			return;
		pool_ref(p);
		loop_post(p->core->control, &p->ear_mail);
		return;
	}
	p = LIST_ENTRY(share, struct pool, share);
	/* None of its idle servers need go for the place that comes. */
	lock_take(&p->lock);
	p->is_refused = false;
	lock_give(&p->lock);
	if (!post)
		return;
	pool_ref(p);
	loop_post(p->home->loop, &p->token_mail);
}

void
pool_feed(struct core *core)
{
	struct share *next;
	bool post;

	while ((next = limits_feed(&core->limits, &post)) != NULL)
		pass_place(next, post);
}

void
pool_give_place(struct pool *p)
{
	pool_give_share(p, &p->share);
}

void
pool_give_share(struct pool *p, struct share *share)
{
	bool post;
	struct share *next = limits_give(&p->core->limits, share, &post);

	if (next != NULL)
		pass_place(next, post);
	/* What suits the one by its database may suit another by its user. */
	if (p->core->limits.hungry_count > 0)
		pool_feed(p->core);
}

/* Places that were passed on: open servers, or pass them on again. */
void
pool_token_delivered(struct mail *mail)
{
	struct pool *p = LIST_ENTRY(mail, struct pool, token_mail);
	struct worker *w = p->home;
	uint32_t n = limits_collect(&p->core->limits, &p->share), use, most;

	lock_take(&p->lock);
	p->is_hungry = p->is_refused = false;
	use = pool_missing_locked(p, loop_now(w->loop));
	if (use > n)
		use = n;
	/* The pool may have shrunk since it asked. */
	most = pool_ceiling_locked(p, loop_now(w->loop));
	if (most != 0 && p->held + use > most)
		use = most > p->held ? most - p->held : 0;
	if (!pool_may_open_locked(p, w, loop_now(w->loop)))
		use = 0;
	p->opening += use;
	p->held += use;
	lock_give(&p->lock);
	for (uint32_t i = 0; i < n; i++) {
		if (i < use)
			server_open(p, w);
		else
			pool_give_place(p);
	}
	pool_dispatch(p, w, loop_now(w->loop));
	pool_unref(p);
}

void
pool_opening_dropped(struct pool *p)
{
	lock_take(&p->lock);
	p->opening--;
	p->held--;
	p->failure.retry_at = clock_now() + BACKOFF_FIRST;
	lock_give(&p->lock);
	pool_give_place(p);
}

/* The waiters of one worker whose pool, or class, cannot work. */
static void
fail_own_waiters(struct pool *p, struct worker *w)
{
	for (;;) {
		struct ticket *t;
		bool failed;

		lock_take(&p->lock);
		failed = p->is_removed || (p->failure.scope == FAIL_POOL &&
					   p->held == p->opening);
		t = failed ? pool_first_unbound(&p->parts[w->id].queue,
						offsetof(struct ticket, local))
			   : pool_class_first_refused_locked(p, w,
							     loop_now(w->loop));
		if (t != NULL)
			pool_unqueue_locked(p, t);
		lock_give(&p->lock);
		if (t == NULL)
			return;
		client_pool_failed(t->client);
	}
}

static void
fail_on_worker(void *arg, struct worker *w)
{
	fail_own_waiters(arg, w);
}

static void
fail_done(void *arg)
{
	pool_unref(arg);
}

/* Tells every worker's waiters; each worker looks after its own. */
void
pool_fail_waiters(struct pool *p)
{
	pool_ref(p);
	/* Without memory they time out instead. */
	if (!core_broadcast(p->core, fail_on_worker, fail_done, p, NULL))
		pool_unref(p);
}

/* Up to a quarter, so that pools that failed together do not come together. */
static usec_t
jittered(usec_t span, uint64_t random)
{
	return span - span / 4 * (random & UINT16_MAX) / UINT16_MAX;
}

void
pool_open_failed(struct pool *p, struct worker *w,
		 const struct pool_failure *why, usec_t now)
{
	struct pool_failure *f = &p->failure;
	usec_t backoff, retry = p->core->login_retry;
	uint64_t random = core_random();
	bool fail_waiters;

	(void)w;
	lock_take(&p->lock);
	backoff = f->backoff == 0 ? BACKOFF_FIRST : f->backoff * 2;
	/* A login that goes well every time says nothing about the check. */
	if (backoff > BACKOFF_MAX || why->reason == REASON_SERVER_DIRTY)
		backoff = BACKOFF_MAX;
	if (backoff > retry || why->scope == FAIL_POOL)
		backoff = retry;
	if (backoff == 0) /* else a refusal that comes at once never ends */
		backoff = BACKOFF_FIRST;
	mem_free(f->error);
	*f = *why;
	f->backoff = backoff;
	f->retry_at = now + jittered(backoff, random);
	fail_waiters = why->scope == FAIL_POOL && p->waiting > 0;
	lock_give(&p->lock);
	if (fail_waiters)
		pool_fail_waiters(p);
}

/* As pool_plan_locked, for min_pool_size; *want: what the pool is to hold. */
static uint32_t
plan_spare_locked(struct pool *p, const struct worker *w, usec_t now,
		  uint32_t *want)
{
	uint32_t n, limit = login_limit_locked(p);

	*want = p->config.min_size;
	if (p->config.size != 0 && *want > p->config.size)
		*want = p->config.size;
	if (p->held >= *want || p->last_used == 0 || p->is_hungry ||
	    !pool_may_open_locked(p, w, now) || p->opening >= limit)
		return 0;
	n = *want - p->held;
	if (n > limit - p->opening)
		n = limit - p->opening;
	p->is_hungry = true;
	p->opening += n;
	p->held += n;
	return n;
}

void
pool_tick(struct pool *p, struct worker *home, usec_t now)
{
	uint32_t n, want;
	bool must_claim;

	pool_dispatch(p, home, now);
	lock_take(&p->lock);
	must_claim = p->is_hungry && p->waiting > p->bound;
	n = plan_spare_locked(p, home, now, &want);
	lock_give(&p->lock);
	/* What became idle since it was refused. */
	if (must_claim)
		core_claim_idle(p->core, &p->share, now);
	if (n == 0)
		return;
	/* Spare servers are worth no hunger: nobody waits for them.  Who came
	 * meanwhile took it for hungry, and left the openings to it. */
	if (pool_open_planned(p, home, n, want, now) == TAKE_OK)
		pool_dispatch(p, home, now);
	else
		pool_stop_hunger(p, home, now);
}
