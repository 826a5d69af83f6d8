/*
 * What control and the console ask of a pool: new numbers, PAUSE, epochs,
 * eviction, figures.  Any thread; the lock's rules stand in pool.h.
 */
#include <string.h>

#include "base/mem.h"
#include "core/pool.h"
#include "core/pool_inner.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

void
pool_configure(struct pool *p, const struct pool_config *config)
{
	unsigned homes, workers = p->core->worker_count;

	homes = config->size == 0 ? workers : config->size / 4;
	if (homes < 1)
		homes = 1;
	if (homes > workers)
		homes = workers;
	lock_take(&p->lock);
	p->config = *config;
	p->home_count = homes;
	p->is_removed = false;
	/* What failed under the old numbers may work under the new ones. */
	p->failure.retry_at = 0;
	p->failure.scope = FAIL_STATEMENT;
	lock_give(&p->lock);
}

void
pool_pause(struct pool *p)
{
	lock_take(&p->lock);
	p->is_paused = true;
	lock_give(&p->lock);
}

void
pool_resume(struct pool *p)
{
	lock_take(&p->lock);
	p->is_paused = false;
	lock_give(&p->lock);
	pool_wake(p);
}

void
pool_set_removed(struct pool *p)
{
	lock_take(&p->lock);
	p->is_removed = true;
	lock_give(&p->lock);
	pool_fail_waiters(p);
}

void
pool_new_epoch(struct pool *p, uint64_t generation)
{
	lock_take(&p->lock);
	p->epoch++; /* what older servers said of themselves is out of date */
	p->current = 0;
	if (generation != 0)
		p->generation = generation;
	p->failure.retry_at = 0;
	p->failure.scope = FAIL_STATEMENT;
	lock_give(&p->lock);
}

void
pool_wake_delivered(struct mail *mail)
{
	struct pool *p = LIST_ENTRY(mail, struct pool, wake_mail);

	lock_take(&p->lock);
	p->is_waking = false;
	lock_give(&p->lock);
	pool_dispatch(p, p->home, loop_now(p->home->loop));
	pool_unref(p);
}

void
pool_wake(struct pool *p)
{
	bool post;

	lock_take(&p->lock);
	post = !p->is_waking;
	p->is_waking = true;
	lock_give(&p->lock);
	if (!post)
		return;
	pool_ref(p);
	loop_post(p->home->loop, &p->wake_mail);
}

void
pool_keep_keys(struct pool *p, const char *secret, const uint8_t client_key[32],
	       const uint8_t server_key[32])
{
	char *copy = mem_strdup(secret), *old;

	if (copy == NULL)
		return;
	lock_take(&p->lock);
	old = p->keys_secret;
	if (old == NULL || strcmp(old, copy) != 0) {
		/* That these were missing may be why an opening failed. */
		p->failure.retry_at = 0;
		p->failure.scope = FAIL_STATEMENT;
	}
	p->keys_secret = copy;
	memcpy(p->client_key, client_key, 32);
	memcpy(p->server_key, server_key, 32);
	p->has_keys = true;
	lock_give(&p->lock);
	mem_wipe_str(old);
}

void
pool_keep_secret(struct pool *p, const char *secret)
{
	char *copy = mem_strdup(secret), *old;

	if (copy == NULL)
		return;
	lock_take(&p->lock);
	old = p->asked_secret;
	if (old == NULL || strcmp(old, copy) != 0) {
		p->failure.retry_at = 0;
		p->failure.scope = FAIL_STATEMENT;
	}
	p->asked_secret = copy;
	lock_give(&p->lock);
	mem_wipe_str(old);
}

char *
pool_copy_secret(struct pool *p)
{
	char *copy;

	lock_take(&p->lock);
	copy = p->asked_secret != NULL ? mem_strdup(p->asked_secret) : NULL;
	lock_give(&p->lock);
	return copy;
}

uint32_t
pool_busy(struct pool *p)
{
	uint32_t n;

	lock_take(&p->lock);
	n = p->held - p->idle;
	lock_give(&p->lock);
	return n;
}

struct worker *
pool_home(struct pool *p, unsigned n)
{
	unsigned homes;

	lock_take(&p->lock);
	homes = p->home_count;
	lock_give(&p->lock);
	return p->core
		->workers[(p->home_first + n % homes) % p->core->worker_count];
}

unsigned
pool_home_count(struct pool *p)
{
	unsigned homes;

	lock_take(&p->lock);
	homes = p->home_count;
	lock_give(&p->lock);
	return homes;
}

struct worker *
pool_destination(struct pool *p, const struct server *s)
{
	struct worker *to;

	lock_take(&p->lock);
	to = s->ticket == NULL ? NULL : s->ticket->worker;
	lock_give(&p->lock);
	return to;
}

uint64_t
pool_epoch(struct pool *p)
{
	uint64_t epoch;

	lock_take(&p->lock);
	epoch = p->epoch;
	lock_give(&p->lock);
	return epoch;
}

uint64_t
pool_join_epoch(struct pool *p, uint64_t generation)
{
	uint64_t epoch = 0; /* older than any */

	lock_take(&p->lock);
	if (generation >= p->generation) {
		epoch = p->epoch;
		p->current++;
	}
	lock_give(&p->lock);
	return epoch;
}

uint32_t
pool_next_host(struct pool *p, enum load_balance balance)
{
	uint32_t n;

	lock_take(&p->lock);
	/* Others may have failed on the host that was left meanwhile. */
	if (balance == LOAD_BALANCE_ROUND_ROBIN ||
	    (p->failure.reason != REASON_NONE &&
	     p->failure.host == p->next_host))
		p->next_host++;
	n = p->next_host;
	lock_give(&p->lock);
	return n;
}

bool
pool_may_shrink(struct pool *p)
{
	bool ok;

	lock_take(&p->lock);
	ok = p->held > p->config.min_size;
	lock_give(&p->lock);
	return ok;
}

bool
pool_is_outdated(struct pool *p, const struct server *s)
{
	bool outdated;

	lock_take(&p->lock);
	outdated = p->is_removed || p->is_paused || s->epoch != p->epoch ||
		   (p->config.size != 0 &&
		    p->held > p->config.size + (p->waiting > 0
							? p->config.reserve_size
							: 0));
	lock_give(&p->lock);
	return outdated;
}

bool
pool_copy_keys(struct pool *p, const char *secret, uint8_t client_key[32],
	       uint8_t server_key[32])
{
	bool ok;

	lock_take(&p->lock);
	ok = p->has_keys && strcmp(p->keys_secret, secret) == 0;
	if (ok) {
		memcpy(client_key, p->client_key, 32);
		memcpy(server_key, p->server_key, 32);
	}
	lock_give(&p->lock);
	return ok;
}

enum pool_mode
pool_mode_now(struct pool *p)
{
	enum pool_mode mode;

	lock_take(&p->lock);
	mode = p->config.mode;
	lock_give(&p->lock);
	return mode;
}

uint32_t
pool_held(struct pool *p)
{
	uint32_t n;

	lock_take(&p->lock);
	n = p->held;
	lock_give(&p->lock);
	return n;
}

uint32_t
pool_outdated(struct pool *p)
{
	uint32_t n;

	lock_take(&p->lock);
	n = p->held - p->current;
	lock_give(&p->lock);
	return n;
}

/* --- eviction: a place for a hungry pool from one that has servers idle --- */

struct evict_mail {
	struct mail mail;
	struct pool *pool; /* refs */
	struct worker *worker;
};

/* The last one, or the first where servers take turns: a shelf is in order of
 * time in the one direction or the other. */
struct server *
pool_longest_idle_locked(const struct list *shelf)
{
	struct server *first, *last;

	if (list_is_empty(shelf))
		return NULL;
	first = LIST_ENTRY(list_first(shelf), struct server, node);
	last = LIST_ENTRY(list_last(shelf), struct server, node);
	return first->idle_since < last->idle_since ? first : last;
}

static void
evict_delivered(struct mail *mail)
{
	struct evict_mail *m = (struct evict_mail *)mail;
	struct pool *p = m->pool;
	struct server *s;

	lock_take(&p->lock);
	s = pool_longest_idle_locked(&p->parts[m->worker->id].shelf);
	if (s != NULL && s->class->waiting > 0)
		s = NULL;
	if (s != NULL)
		pool_unshelve_locked(p, s);
	lock_give(&p->lock);
	if (s != NULL) {
		s->state = SERVER_HELD;
		server_close(s, REASON_SERVER_SURPLUS);
	}
	pool_unref(p);
	mem_free(m);
}

bool
pool_oldest_idle(struct pool *p, usec_t *since, unsigned *worker)
{
	bool found = false;

	lock_take(&p->lock);
	for (unsigned i = 0; i < p->core->worker_count; i++) {
		const struct server *s =
			pool_longest_idle_locked(&p->parts[i].shelf);

		if (s != NULL && (!found || s->idle_since < *since)) {
			*since = s->idle_since;
			*worker = i;
			found = true;
		}
	}
	lock_give(&p->lock);
	return found;
}

void
pool_evict(struct pool *p, unsigned worker)
{
	struct evict_mail *m = mem_zalloc(sizeof(*m));

	if (m == NULL)
		return;
	pool_ref(p);
	m->mail.deliver = evict_delivered;
	m->pool = p;
	m->worker = p->core->workers[worker];
	loop_post(m->worker->loop, &m->mail);
}
