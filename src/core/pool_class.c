/*
 * The classes of a pool's servers; see pool.h.
 *
 * Owns the list of classes and what the servers of each said of themselves.
 * The lock's rules stand in pool.h.  Knows nothing of what the words mean.
 */
#include <stddef.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "core/core.h"
#include "core/pool.h"
#include "core/pool_inner.h"
#include "core/server.h"
#include "core/shared.h"

/* Long enough for all waiters to be told; whoever comes later asks the server
 * anew. */
#define REFUSED_TIME USEC_PER_SEC

/* ------------------------------------------------------------------------
 * What a class is told
 */

static void
init_lists(struct pool_class *class)
{
	list_init(&class->queue);
	list_init(&class->shelf);
}

void
pool_classes_init(struct pool *p)
{
	list_init(&p->classes);
	list_init(&p->matched);
	list_init(&p->refused);
	init_lists(&p->neutral);
}

/* Servers that this class lacks, with those that are coming counted. */
static uint32_t
lacks(const struct pool_class *class)
{
	return class->waiting > class->opening ? class->waiting - class->opening
					       : 0;
}

/* After its queue or its shelf has changed. */
static void
match_again_locked(struct pool *p, struct pool_class *class)
{
	bool matches =
		!list_is_empty(&class->queue) && !list_is_empty(&class->shelf);

	if (!matches)
		list_remove(&class->matched);
	else if (!list_is_linked(&class->matched))
		list_push_back(&p->matched, &class->matched);
}

void
pool_class_queue_locked(struct pool *p, struct ticket *t)
{
	struct pool_class *class = t->class;
	struct list_node *at;

	for (at = class->queue.head.prev; at != &class->queue.head;
	     at = at->prev)
		if (LIST_ENTRY(at, struct ticket, same)->since <= t->since)
			break;
	list_insert_after(at, &t->same);
	p->lacking -= lacks(class);
	class->waiting++;
	p->lacking += lacks(class);
	match_again_locked(p, class);
}

void
pool_class_unqueue_locked(struct pool *p, struct ticket *t)
{
	struct pool_class *class = t->class;

	list_remove(&t->same);
	p->lacking -= lacks(class);
	class->waiting--;
	p->lacking += lacks(class);
	match_again_locked(p, class);
}

void
pool_class_shelve_locked(struct pool *p, struct server *s)
{
	if (p->core->round_robin)
		list_push_back(&s->class->shelf, &s->same);
	else
		list_push_front(&s->class->shelf, &s->same);
	match_again_locked(p, s->class);
}

void
pool_class_unshelve_locked(struct pool *p, struct server *s)
{
	list_remove(&s->same);
	match_again_locked(p, s->class);
}

void
pool_class_count_opening_locked(struct pool *p, struct pool_class *class,
				int by)
{
	p->lacking -= lacks(class);
	class->opening += (uint32_t)by;
	p->decided += (uint32_t)by;
	p->lacking += lacks(class);
}

/* ------------------------------------------------------------------------
 * Classes
 */

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
	init_lists(class);
	return class;
}

/* The class of these words, with no reference of the caller's, or NULL. */
static struct pool_class *
find_or_make_locked(struct pool *p, struct startup_words words)
{
	struct pool_class *class;

	if (p->by_words == NULL)
		p->by_words = map_new();
	if (p->by_words == NULL)
		return NULL;
	class = map_find(p->by_words, words.data, words.len);
	if (class != NULL)
		return class;
	class = new_class(words);
	if (class == NULL)
		return NULL;
	if (!map_put(p->by_words, words.data, words.len, class)) {
		free_class(p, class);
		return NULL;
	}
	list_push_front(&p->classes, &class->node);
	return class;
}

struct pool_class *
pool_class_take(struct pool *p, struct startup_words words)
{
	struct pool_class *class;

	lock_take(&p->lock);
	class = find_or_make_locked(p, words);
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
	if (is_last) {
		list_remove(&class->node);
		list_remove(&class->refused);
		(void)map_remove(p->by_words, class->words, class->len);
	}
	lock_give(&p->lock);
	if (is_last)
		free_class(p, class);
}

uint32_t
pool_missing_locked(const struct pool *p, usec_t now)
{
	uint32_t n = p->lacking, undecided = p->opening - p->decided;
	struct list_node *at, *tmp;

	LIST_FOREACH (at, tmp, &p->refused) {
		const struct pool_class *class =
			LIST_ENTRY(at, struct pool_class, refused);

		if (pool_class_is_refused(class, now))
			n -= lacks(class);
	}
	return n > undecided ? n - undecided : 0;
}

/* The class of the oldest waiter for whom no server is coming. */
static struct pool_class *
neediest_locked(struct pool *p, usec_t now)
{
	struct list_node *n, *tmp;

	if (pool_is_neutral_locked(p))
		return &p->neutral;
	LIST_FOREACH (n, tmp, &p->queue) {
		struct ticket *t = LIST_ENTRY(n, struct ticket, global);

		if (t->state == TICKET_QUEUED && lacks(t->class) > 0 &&
		    !pool_class_is_refused(t->class, now))
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
	pool_class_forgive_locked(class); /* the server is asked again */
	pool_class_count_opening_locked(p, class, 1);
	class->refs++;
	lock_give(&p->lock);
	return class;
}

void
pool_class_forgive_locked(struct pool_class *class)
{
	class->refused_until = 0;
	list_remove(&class->refused);
}

/* Those whose time is over need not be looked at any more. */
static void
forget_refused_locked(struct pool *p, usec_t now)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &p->refused) {
		struct pool_class *class =
			LIST_ENTRY(n, struct pool_class, refused);

		if (!pool_class_is_refused(class, now))
			pool_class_forgive_locked(class);
	}
}

struct ticket *
pool_class_first_refused_locked(struct pool *p, const struct worker *w,
				usec_t now)
{
	struct list_node *n, *m, *tmp, *tmp2;

	LIST_FOREACH (n, tmp, &p->refused) {
		struct pool_class *class =
			LIST_ENTRY(n, struct pool_class, refused);

		if (!pool_class_is_refused(class, now))
			continue;
		LIST_FOREACH (m, tmp2, &class->queue) {
			struct ticket *t = LIST_ENTRY(m, struct ticket, same);

			if (t->worker == w)
				return t;
		}
	}
	return NULL;
}

void
pool_class_refused(struct pool *p, struct pool_class *class,
		   const struct pool_failure *why, usec_t now)
{
	lock_take(&p->lock);
	mem_free(class->error);
	class->error = why->error;
	class->error_len = why->error_len;
	forget_refused_locked(p, now);
	class->refused_until = now + REFUSED_TIME;
	if (!list_is_linked(&class->refused))
		list_push_back(&p->refused, &class->refused);
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
