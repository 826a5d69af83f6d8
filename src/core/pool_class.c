/*
 * The classes of a pool's servers; see pool.h.
 *
 * Owns the list of classes and what the servers of each said of themselves.
 * The lock's rules stand in pool.h.  Knows nothing of what the words mean.
 */
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "core/core.h"
#include "core/pool.h"
#include "core/pool_inner.h"
#include "core/shared.h"

/* Long enough for all waiters to be told; whoever comes later asks the server
 * anew. */
#define REFUSED_TIME USEC_PER_SEC

static struct pool_class *
find_locked(struct pool *p, struct startup_words words)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &p->classes) {
		struct pool_class *class =
			LIST_ENTRY(n, struct pool_class, node);

		if (class->len == words.len &&
		    memcmp(class->words, words.data, words.len) == 0)
			return class;
	}
	return NULL;
}

static void
free_class(struct pool *p, struct pool_class *class)
{
	if (class->facts != NULL)
		p->back->facts_unref(class->facts);
	mem_free(class->error);
	mem_free(class->words);
	mem_free(class);
}

static struct pool_class *
new_class(struct startup_words words)
{
	struct pool_class *class = mem_zalloc(sizeof(*class));

	if (class == NULL)
		return NULL;
	class->words = mem_zalloc(words.len);
	if (class->words == NULL) {
		mem_free(class);
		return NULL;
	}
	memcpy(class->words, words.data, words.len);
	class->len = words.len;
	return class;
}

struct pool_class *
pool_class_take(struct pool *p, struct startup_words words)
{
	struct pool_class *class, *fresh = NULL;

	lock_take(&p->lock);
	class = find_locked(p, words);
	if (class == NULL)
		class = fresh = new_class(words);
	if (fresh != NULL)
		list_push_front(&p->classes, &fresh->node);
	if (class != NULL)
		class->refs++;
	lock_give(&p->lock);
	return class;
}

void
pool_class_give(struct pool *p, struct pool_class *class)
{
	bool is_last;

	if (class == &p->neutral)
		return;
	lock_take(&p->lock);
	is_last = --class->refs == 0;
	if (is_last)
		list_remove(&class->node);
	lock_give(&p->lock);
	if (is_last)
		free_class(p, class);
}

/* Servers that this class lacks, with those that are coming counted. */
static uint32_t
lacks(const struct pool_class *class, usec_t now)
{
	if (class->waiting <= class->opening ||
	    pool_class_is_refused(class, now))
		return 0;
	return class->waiting - class->opening;
}

uint32_t
pool_missing_locked(const struct pool *p, usec_t now)
{
	uint32_t n = lacks(&p->neutral, now);
	uint32_t undecided = p->opening - p->neutral.opening;
	struct list_node *at, *tmp;

	LIST_FOREACH (at, tmp, &p->classes) {
		struct pool_class *class =
			LIST_ENTRY(at, struct pool_class, node);

		n += lacks(class, now);
		undecided -= class->opening;
	}
	return n > undecided ? n - undecided : 0;
}

/* The class of the oldest waiter for whom no server is coming. */
static struct pool_class *
neediest_locked(struct pool *p, usec_t now)
{
	struct list_node *n, *tmp;

	if (list_is_empty(&p->classes))
		return &p->neutral;
	LIST_FOREACH (n, tmp, &p->queue) {
		struct ticket *t = LIST_ENTRY(n, struct ticket, global);

		if (t->state == TICKET_QUEUED && lacks(t->class, now) > 0)
			return t->class;
	}
	/* For nobody yet: as those that came last. */
	if (p->recent != NULL && p->config.mode == POOL_SESSION)
		return p->recent;
	return &p->neutral;
}

struct pool_class *
pool_class_choose(struct pool *p, usec_t now)
{
	struct pool_class *class;

	lock_take(&p->lock);
	class = neediest_locked(p, now);
	class->refused_until = 0; /* the server is asked again */
	class->opening++;
	class->refs++;
	lock_give(&p->lock);
	return class;
}

void
pool_class_refused(struct pool *p, struct pool_class *class,
		   const struct pool_failure *why, usec_t now)
{
	lock_take(&p->lock);
	mem_free(class->error);
	class->error = why->error;
	class->error_len = why->error_len;
	class->refused_until = now + REFUSED_TIME;
	lock_give(&p->lock);
	pool_fail_waiters(p);
}

const void *
pool_facts_ref(struct pool *p, const struct pool_class *class)
{
	const void *facts = NULL;

	if (class == NULL)
		class = &p->neutral;
	lock_take(&p->lock);
	if (class->facts != NULL && class->facts_epoch == p->epoch)
		facts = p->back->facts_ref(class->facts);
	lock_give(&p->lock);
	return facts;
}

/* A copy of an error's body; *len becomes 0 when there is none. */
static uint8_t *
copy_error(const uint8_t *error, size_t *len)
{
	uint8_t *copy = error == NULL ? NULL : mem_zalloc(*len);

	if (copy != NULL)
		memcpy(copy, error, *len);
	else
		*len = 0;
	return copy;
}

void
pool_failure_copy(struct pool *p, const struct pool_class *class, usec_t now,
		  struct pool_failure *out)
{
	lock_take(&p->lock);
	*out = p->failure;
	if (class != NULL && pool_class_is_refused(class, now)) {
		out->reason = REASON_SERVER_LOGIN;
		out->error_len = class->error_len;
		out->error = copy_error(class->error, &out->error_len);
	} else {
		out->error = copy_error(p->failure.error, &out->error_len);
	}
	if (p->is_removed)
		out->reason = REASON_DATABASE_REMOVED;
	lock_give(&p->lock);
}
