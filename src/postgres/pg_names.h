/*
 * The statements of a client, by name; the unnamed one is the one named "".
 *
 * A slot has what the server has answered (committed) and, while changes are
 * on their way, the last of them.  A change is sent by an entry of the owed
 * queue; its answer commits it, and where the server drops the entry, or it
 * fails, it is taken back.  Within the group of messages in which it was sent a
 * change counts as done, since an error there skips both; who comes in a later
 * group waits.
 *
 * Owned by the client's front; the worker that owns the client.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_NAMES_H
#define CARPOOL_SRC_POSTGRES_PG_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "pg_shape.h"
#include "sql/statement.h"

struct pg_slot {
	struct statement *committed; /* refs, or NULL */
	struct statement *latest; /* refs, or NULL; counts while pending > 0 */
	uint32_t pending;         /* changes on their way */
	uint32_t group;           /* in which the last one was sent */
};

/* What the slot holds once all that was sent has come to pass. */
static inline struct statement *
pg_slot_now(const struct pg_slot *s)
{
	return s->pending > 0 ? s->latest : s->committed;
}

/* Does what it holds hang on answers to groups before this one? */
static inline bool
pg_slot_is_unsure(const struct pg_slot *s, uint32_t group)
{
	return s->pending > 0 && s->group != group;
}

/* A change was sent in this group; statement is borrowed, NULL empties. */
void pg_slot_send(struct pg_slot *s, struct statement *statement,
		  uint32_t group);
/* A change that was sent has been answered. */
void pg_slot_commit(struct pg_slot *s, struct statement *statement);
/* A change that was sent will not be. */
void pg_slot_drop(struct pg_slot *s);
void pg_slot_fini(struct pg_slot *s);

struct pg_name {
	struct pg_slot slot;
	struct pg_name *next; /* borrows: of the same bucket */
	uint32_t refs;        /* the table's, and of entries that name it */
	uint32_t hash;
	struct pg_shape shape; /* what the client was told of it */
	uint64_t changes;      /* pg_change_now when it got its statement */
	size_t size;           /* counted for it in the table's bytes */
	char text[];           /* NUL-terminated */
};

/* Bounds of what one client may make carpool keep. */
#define PG_NAMES_MAX 16384u
#define PG_NAMES_BYTES_MAX ((size_t)16 << 20) /* of the statements' texts */

struct pg_names; /* a client's table */

struct pg_names *pg_names_new(void);
/* Names that entries still refer to live on until they are put. */
void pg_names_free(struct pg_names *t);

/* The name, or NULL; no reference is taken. */
struct pg_name *pg_names_find(const struct pg_names *t, const char *text);

/*
 * The name, made when there is none; no reference is taken, so that the next
 * pg_names_tidy may take an empty one away.  NULL: memory is out.
 */
struct pg_name *pg_names_add(struct pg_names *t, const char *text);

/* The name of the unnamed statement; never NULL. */
struct pg_name *pg_names_unnamed(struct pg_names *t);

/* A statement is about to be prepared under it, behind so many changes. */
static inline void
pg_name_begin(struct pg_name *n, uint64_t changes)
{
	n->shape = (struct pg_shape){ 0 };
	n->changes = changes;
}

static inline struct pg_name *
pg_name_ref(struct pg_name *n)
{
	n->refs++;
	return n;
}
/* Gives a reference back; one that left its table is freed with the last. */
void pg_name_unref(struct pg_name *n);

/* n's slot has changed: counts it, or takes it out when it holds nothing. */
void pg_names_tidy(struct pg_names *t, struct pg_name *n);

/*
 * Empties the named ones, as DEALLOCATE ALL does; changes that are on their way
 * come to pass after it.
 */
void pg_names_clear(struct pg_names *t);

/* Could a statement of len bytes more be kept under a new name? */
bool pg_names_have_room(const struct pg_names *t, size_t len);

/* Statements it holds, the unnamed one not among them. */
uint32_t pg_names_count(const struct pg_names *t);

/* The context of texts parsed now: refs, or NULL when it must be made anew. */
struct statement **pg_names_context(struct pg_names *t);

/* Walks the named ones; *cursor is NULL at first. */
struct pg_name *pg_names_next(const struct pg_names *t, struct pg_name *cursor);

#endif
