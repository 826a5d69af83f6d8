/*
 * A client's names: chained buckets that grow.  Most clients have none, many
 * have a few, and the unnamed one stands apart since it is used most.
 */
#include "pg_names.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define BUCKETS_MIN 8u

struct pg_names {
	struct pg_name *unnamed;   /* refs */
	struct pg_name **buckets;  /* owns; NULL while there are no names */
	struct statement *context; /* refs, or NULL */
	uint32_t room;             /* of buckets, a power of two */
	uint32_t count;            /* of names in them */
	size_t bytes;              /* of statements that are committed */
};

/* ---- slots ---- */

void
pg_slot_send(struct pg_slot *s, struct statement *statement, uint32_t group)
{
	struct statement *old = s->pending > 0 ? s->latest : NULL;

	s->latest = statement_ref(statement);
	s->pending++;
	s->group = group;
	statement_unref(old);
}

static void
answered(struct pg_slot *s)
{
	ASSERT(s->pending > 0);
	if (--s->pending > 0)
		return;
	statement_unref(s->latest);
	s->latest = NULL;
}

void
pg_slot_commit(struct pg_slot *s, struct statement *statement)
{
	struct statement *old = s->committed;

	s->committed = statement_ref(statement);
	statement_unref(old);
	answered(s);
}

void
pg_slot_drop(struct pg_slot *s)
{
	answered(s);
}

void
pg_slot_fini(struct pg_slot *s)
{
	statement_unref(s->committed);
	if (s->pending > 0)
		statement_unref(s->latest);
	*s = (struct pg_slot){ 0 };
}

/* ---- names ---- */

/* A client that aims at one bucket slows itself down alone. */
static uint32_t
hash_text(const char *text)
{
	return hash_fold(hash_bytes(HASH_START, text, strlen(text)));
}

static struct pg_name *
name_new(const char *text, uint32_t hash)
{
	size_t len = strlen(text);
	struct pg_name *n = mem_zalloc(sizeof(*n) + len + 1);

	if (n == NULL)
		return NULL;
	n->refs = 1;
	n->hash = hash;
	memcpy(n->text, text, len);
	return n;
}

void
pg_name_unref(struct pg_name *n)
{
	if (--n->refs > 0)
		return;
	pg_slot_fini(&n->slot);
	mem_free(n);
}

struct pg_names *
pg_names_new(void)
{
	struct pg_names *t = mem_zalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->unnamed = name_new("", 0);
	if (t->unnamed == NULL) {
		mem_free(t);
		return NULL;
	}
	return t;
}

void
pg_names_free(struct pg_names *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->room; i++) {
		struct pg_name *n, *next;

		for (n = t->buckets[i]; n != NULL; n = next) {
			next = n->next;
			pg_name_unref(n);
		}
	}
	pg_name_unref(t->unnamed);
	statement_unref(t->context);
	mem_free(t->buckets);
	mem_free(t);
}

struct pg_name *
pg_names_unnamed(struct pg_names *t)
{
	return t->unnamed;
}

struct statement **
pg_names_context(struct pg_names *t)
{
	return &t->context;
}

uint32_t
pg_names_count(const struct pg_names *t)
{
	return t->count;
}

static struct pg_name *
find(const struct pg_names *t, const char *text, uint32_t hash)
{
	struct pg_name *n;

	if (t->room == 0)
		return NULL;
	for (n = t->buckets[hash & (t->room - 1)]; n != NULL; n = n->next) {
		if (n->hash == hash && strcmp(n->text, text) == 0)
			return n;
	}
	return NULL;
}

struct pg_name *
pg_names_find(const struct pg_names *t, const char *text)
{
	if (text[0] == '\0')
		return t->unnamed;
	return find(t, text, hash_text(text));
}

static bool
grow(struct pg_names *t)
{
	uint32_t room = t->room > 0 ? 2 * t->room : BUCKETS_MIN;
	struct pg_name **buckets;

	if (t->count < t->room)
		return true;
	buckets = mem_zalloc(room * sizeof(struct pg_name *));
	if (buckets == NULL)
		return t->room > 0;
	for (uint32_t i = 0; i < t->room; i++) {
		struct pg_name *n, *next;

		for (n = t->buckets[i]; n != NULL; n = next) {
			struct pg_name **to = &buckets[n->hash & (room - 1)];

			next = n->next;
			n->next = *to;
			*to = n;
		}
	}
	mem_free(t->buckets);
	t->buckets = buckets;
	t->room = room;
	return true;
}

struct pg_name *
pg_names_add(struct pg_names *t, const char *text)
{
	uint32_t hash = hash_text(text);
	struct pg_name **at, *n;

	if (text[0] == '\0')
		return t->unnamed;
	n = find(t, text, hash);
	if (n != NULL)
		return n;
	if (!grow(t))
		return NULL;
	n = name_new(text, hash);
	if (n == NULL)
		return NULL;
	at = &t->buckets[hash & (t->room - 1)];
	n->next = *at;
	*at = n;
	t->count++;
	return n;
}

static void
count_size(struct pg_names *t, struct pg_name *n, size_t size)
{
	t->bytes = t->bytes - n->size + size;
	n->size = size;
}

void
pg_names_tidy(struct pg_names *t, struct pg_name *n)
{
	struct statement *s = n->slot.committed;
	struct pg_name **at;

	count_size(t, n, s != NULL ? s->len : 0);
	if (s != NULL || n->slot.pending > 0 || n == t->unnamed)
		return;
	for (at = &t->buckets[n->hash & (t->room - 1)]; *at != NULL;
	     at = &(*at)->next) {
		if (*at != n)
			continue;
		*at = n->next;
		t->count--;
		pg_name_unref(n);
		return;
	}
}

struct pg_name *
pg_names_next(const struct pg_names *t, struct pg_name *cursor)
{
	uint32_t i = 0;

	if (cursor != NULL && cursor->next != NULL)
		return cursor->next;
	if (cursor != NULL)
		i = (cursor->hash & (t->room - 1)) + 1;
	for (; i < t->room; i++) {
		if (t->buckets[i] != NULL)
			return t->buckets[i];
	}
	return NULL;
}

static void
empty(struct pg_slot *s)
{
	statement_unref(s->committed);
	s->committed = NULL;
}

void
pg_names_clear(struct pg_names *t)
{
	struct pg_name *n = pg_names_next(t, NULL);

	while (n != NULL) {
		struct pg_name *next = pg_names_next(t, n);

		empty(&n->slot);
		pg_names_tidy(t, n);
		n = next;
	}
}

bool
pg_names_have_room(const struct pg_names *t, size_t len)
{
	return t->count < PG_NAMES_MAX && t->bytes + len <= PG_NAMES_BYTES_MAX;
}
