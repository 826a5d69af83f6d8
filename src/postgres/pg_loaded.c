/*
 * A server's statements: chained buckets by the statements' hashes, and a list
 * by their use.
 */
#include "pg_loaded.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define BUCKETS_MIN 16u

void
pg_loads_init(struct pg_loads *t)
{
	memset(t, 0, sizeof(*t));
	list_init(&t->by_use);
}

static struct pg_load *
load_of(struct list_node *node)
{
	return LIST_ENTRY(node, struct pg_load, node);
}

static struct pg_load **
bucket_of(const struct pg_loads *t, const struct statement *s)
{
	return &t->buckets[s->hash & (t->room - 1)];
}

static bool
is_closing(const struct pg_load *l)
{
	return l->state == LOAD_CLOSING || l->state == LOAD_GONE;
}

struct pg_load *
pg_loads_find(const struct pg_loads *t, const struct statement *statement)
{
	struct pg_load *l;

	if (t->room == 0)
		return NULL;
	for (l = *bucket_of(t, statement); l != NULL; l = l->next) {
		if (statement_is_equal(l->statement, statement) &&
		    !is_closing(l) && !l->is_stale)
			return l;
	}
	return NULL;
}

static bool
grow(struct pg_loads *t)
{
	uint32_t room = t->room > 0 ? 2 * t->room : BUCKETS_MIN;
	struct pg_load **buckets, **old = t->buckets;
	uint32_t old_room = t->room;

	if (t->count < t->room)
		return true;
	buckets = mem_zalloc(room * sizeof(struct pg_load *));
	if (buckets == NULL)
		return old_room > 0;
	t->buckets = buckets;
	t->room = room;
	for (uint32_t i = 0; i < old_room; i++) {
		struct pg_load *l, *next;

		for (l = old[i]; l != NULL; l = next) {
			struct pg_load **to = bucket_of(t, l->statement);

			next = l->next;
			l->next = *to;
			*to = l;
		}
	}
	mem_free(old);
	return true;
}

struct pg_load *
pg_loads_add(struct pg_loads *t, struct statement *statement)
{
	struct pg_load *l, **at;

	if (!grow(t))
		return NULL;
	l = mem_zalloc(sizeof(*l));
	if (l == NULL)
		return NULL;
	l->statement = statement_ref(statement);
	l->name_len = (uint8_t)(1 + text_format(l->name, sizeof(l->name),
						PG_LOAD_PREFIX "%u",
						++t->last_number));
	l->state = LOAD_SENT;
	at = bucket_of(t, statement);
	l->next = *at;
	*at = l;
	list_push_front(&t->by_use, &l->node);
	t->count++;
	return l;
}

void
pg_loads_touch(struct pg_loads *t, struct pg_load *l, uint32_t group)
{
	l->group = group;
	if (list_first(&t->by_use) == &l->node)
		return;
	list_remove(&l->node);
	list_push_front(&t->by_use, &l->node);
}

void
pg_loads_remove(struct pg_loads *t, struct pg_load *l)
{
	struct pg_load **at = bucket_of(t, l->statement);

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	list_remove(&l->node);
	t->count--;
	t->stale -= l->is_stale;
	t->closing -= is_closing(l);
	statement_unref(l->statement);
	mem_free(l);
}

void
pg_loads_set(struct pg_loads *t, struct pg_load *l, enum pg_load_state state)
{
	t->closing -= is_closing(l);
	l->state = (uint8_t)state;
	t->closing += is_closing(l);
}

void
pg_loads_keep(struct pg_loads *t, struct pg_load *l)
{
	if (l->state == LOAD_GONE)
		pg_loads_remove(t, l);
	else
		pg_loads_set(t, l, LOAD_DONE);
}

void
pg_loads_spoil(struct pg_loads *t, struct pg_load *l)
{
	t->stale += !l->is_stale;
	l->is_stale = true;
}

void
pg_loads_outdate(struct pg_loads *t)
{
	struct list_node *node, *next;

	LIST_FOREACH (node, next, &t->by_use) {
		/* What is on its way comes behind what happened now. */
		if (load_of(node)->state == LOAD_DONE)
			pg_loads_spoil(t, load_of(node));
	}
}

static bool
is_full(const struct pg_loads *t, uint32_t max)
{
	return t->count - t->closing >= max;
}

struct pg_load *
pg_loads_victim(const struct pg_loads *t, uint32_t max, uint32_t group)
{
	bool has_no_room = is_full(t, max);
	struct list_node *node;

	if (!has_no_room && t->stale == 0)
		return NULL;
	for (node = t->by_use.head.prev; node != &t->by_use.head;
	     node = node->prev) {
		struct pg_load *l = load_of(node);

		if (l->state == LOAD_DONE && l->group != group &&
		    (l->is_stale || has_no_room))
			return l;
	}
	return NULL;
}

bool
pg_loads_must_wait(const struct pg_loads *t, uint32_t max, uint32_t group)
{
	struct list_node *node;
	bool is_owed = false;

	if (!is_full(t, max))
		return false;
	for (node = t->by_use.head.prev; node != &t->by_use.head;
	     node = node->prev) {
		const struct pg_load *l = load_of(node);

		if (l->group == group)
			continue;
		if (l->state == LOAD_DONE)
			return false;
		is_owed |= l->state == LOAD_SENT;
	}
	return is_owed;
}

void
pg_loads_clear(struct pg_loads *t)
{
	struct list_node *node, *next;

	LIST_FOREACH (node, next, &t->by_use) {
		struct pg_load *l = load_of(node);

		/* The answers to the others are still to come. */
		if (l->state == LOAD_DONE)
			pg_loads_remove(t, l);
		else if (l->state == LOAD_CLOSING)
			pg_loads_set(t, l, LOAD_GONE);
	}
}

void
pg_loads_fini(struct pg_loads *t)
{
	struct list_node *node;

	while ((node = list_first(&t->by_use)) != NULL)
		pg_loads_remove(t, load_of(node));
	mem_free(t->buckets);
	pg_loads_init(t);
}
