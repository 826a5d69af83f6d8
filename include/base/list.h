/*
 * Intrusive doubly linked list.  A node lives inside its object and is on at
 * most one list; unlinking needs no list.  Not thread-safe: the owner of the
 * list (a worker, or whoever holds its lock) is the only one to touch it.
 */
#ifndef CARPOOL_BASE_LIST_H
#define CARPOOL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev; /* borrows; NULL when on no list */
	struct list_node *next;
};

struct list {
	struct list_node head; /* a ring; head is no member */
};

#define LIST_ENTRY(node, type, member)                                         \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Walks a list; n may be removed inside, its successor may not. */
#define LIST_FOREACH(n, tmp, l)                                                \
	for ((n) = (l)->head.next, (tmp) = (n)->next; (n) != &(l)->head;       \
	     (n) = (tmp), (tmp) = (n)->next)

static inline void
list_init(struct list *l)
{
	l->head.prev = l->head.next = &l->head;
}

static inline bool
list_is_empty(const struct list *l)
{
	return l->head.next == &l->head;
}

/* True when the node stands on some list. */
static inline bool
list_is_linked(const struct list_node *n)
{
	return n->next != NULL;
}

static inline void
list_insert_after(struct list_node *at, struct list_node *n)
{
	n->prev = at;
	n->next = at->next;
	at->next->prev = n;
	at->next = n;
}

static inline void
list_push_back(struct list *l, struct list_node *n)
{
	list_insert_after(l->head.prev, n);
}

static inline void
list_push_front(struct list *l, struct list_node *n)
{
	list_insert_after(&l->head, n);
}

/* Takes the node off its list; harmless when it is on none. */
static inline void
list_remove(struct list_node *n)
{
	if (n->next == NULL || n->prev == NULL)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->prev = n->next = NULL;
}

/* The first or last node, or NULL when the list is empty. */
static inline struct list_node *
list_first(const struct list *l)
{
	return list_is_empty(l) ? NULL : l->head.next;
}

static inline struct list_node *
list_last(const struct list *l)
{
	return list_is_empty(l) ? NULL : l->head.prev;
}

/* Takes the first node off the list and returns it, or NULL. */
static inline struct list_node *
list_pop_front(struct list *l)
{
	struct list_node *n = list_first(l);

	if (n != NULL)
		list_remove(n);
	return n;
}

#endif
