/*
 * A server's statements: chained buckets by the statements' hashes, and a list
 * by their use.
 */
#include "my_loaded.h"

#include <string.h>

#include "base/mem.h"

#define BUCKETS_MIN 16u

void
my_loads_init(struct my_loads *t)
{
	memset(t, 0, sizeof(*t));
	list_init(&t->by_use);
}

static struct my_load *
load_of(struct list_node *node)
{
	return LIST_ENTRY(node, struct my_load, node);
}

static struct my_load **
bucket_of(const struct my_loads *t, const struct statement *s)
{
	return &t->buckets[s->hash & (t->room - 1)];
}

struct my_load *
my_loads_find(const struct my_loads *t, const struct statement *statement,
	      uint32_t id)
{
	struct my_load *l, *found = NULL;

	if (t->room == 0)
		return NULL;
	for (l = *bucket_of(t, statement); l != NULL; l = l->next) {
		if (!statement_is_equal(l->statement, statement) || !l->is_done)
			continue;
		if (l->holder == id)
			return l;
		if (l->holder == 0)
			found = l;
	}
	return found;
}

struct my_load *
my_loads_held(const struct my_loads *t, uint32_t id)
{
	struct list_node *node, *next;

	LIST_FOREACH (node, next, &t->by_use) {
		if (load_of(node)->holder == id)
			return load_of(node);
	}
	return NULL;
}

static bool
grow(struct my_loads *t)
{
	uint32_t room = t->room > 0 ? 2 * t->room : BUCKETS_MIN;
	struct my_load **buckets, **old = t->buckets;
	uint32_t old_room = t->room;

	if (t->count < t->room)
		return true;
	buckets = mem_zalloc(room * sizeof(struct my_load *));
	if (buckets == NULL)
		return old_room > 0;
	t->buckets = buckets;
	t->room = room;
	for (uint32_t i = 0; i < old_room; i++) {
		struct my_load *l, *next;

		for (l = old[i]; l != NULL; l = next) {
			struct my_load **to = bucket_of(t, l->statement);

			next = l->next;
			l->next = *to;
			*to = l;
		}
	}
	mem_free(old);
	return true;
}

struct my_load *
my_loads_add(struct my_loads *t, struct statement *statement)
{
	struct my_load *l, **at;

	if (!grow(t))
		return NULL;
	l = mem_zalloc(sizeof(*l));
	if (l == NULL)
		return NULL;
	l->statement = statement_ref(statement);
	at = bucket_of(t, statement);
	l->next = *at;
	*at = l;
	list_push_front(&t->by_use, &l->node);
	t->count++;
	return l;
}

void
my_loads_touch(struct my_loads *t, struct my_load *l)
{
	if (list_first(&t->by_use) == &l->node)
		return;
	list_remove(&l->node);
	list_push_front(&t->by_use, &l->node);
}

void
my_load_set_types(struct my_load *l, struct statement *types)
{
	if (l->types == types)
		return;
	statement_unref(l->types);
	l->types = statement_ref(types);
}

void
my_loads_remove(struct my_loads *t, struct my_load *l)
{
	struct my_load **at = bucket_of(t, l->statement);

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	list_remove(&l->node);
	t->count--;
	statement_unref(l->statement);
	statement_unref(l->types);
	mem_free(l);
}

struct my_load *
my_loads_victim(const struct my_loads *t, uint32_t max)
{
	struct list_node *node;

	if (t->count < max)
		return NULL;
	for (node = t->by_use.head.prev; node != &t->by_use.head;
	     node = node->prev) {
		struct my_load *l = load_of(node);

		if (l->is_done && l->holder == 0)
			return l;
	}
	return NULL;
}

void
my_loads_clear(struct my_loads *t)
{
	struct list_node *node;

	while ((node = list_first(&t->by_use)) != NULL)
		my_loads_remove(t, load_of(node));
}

void
my_loads_fini(struct my_loads *t)
{
	my_loads_clear(t);
	mem_free(t->buckets);
	my_loads_init(t);
}
