/*
 * The table of statements.  Chained buckets; the table holds a reference to
 * each entry, so that nobody but the table's own thread ever frees one that it
 * can still find.  When there are twice as many as were in use at the last
 * look, those that nobody else refers to go, all at once.
 */
#include "sql/statement.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

#define KEEP_COUNT 1024u /* never looked for unused ones below this */
#define KEEP_BYTES (4u << 20)
#define BUCKETS_MIN 256u

struct statements {
	struct statement **buckets; /* owns */
	size_t room;                /* of buckets, a power of two */
	size_t count;
	size_t bytes;
	size_t sweep_count; /* look for unused ones at this many */
	size_t sweep_bytes;
	uint64_t seed;
	void *beside; /* owns, by end */
	void (*end)(void *);
};

struct statements *
statements_new(uint64_t seed)
{
	struct statements *t = mem_zalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->buckets = mem_zalloc(BUCKETS_MIN * sizeof(*t->buckets));
	if (t->buckets == NULL) {
		mem_free(t);
		return NULL;
	}
	t->room = BUCKETS_MIN;
	t->sweep_count = KEEP_COUNT;
	t->sweep_bytes = KEEP_BYTES;
	t->seed = seed;
	return t;
}

void
statements_keep(struct statements *t, void *beside, void (*end)(void *))
{
	t->beside = beside;
	t->end = end;
}

void *
statements_kept(const struct statements *t)
{
	return t->beside;
}

struct statement *
statement_ref(struct statement *s)
{
	if (s != NULL)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
statement_unref(struct statement *s)
{
	if (s == NULL ||
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	statement_unref(s->context);
	mem_free(s);
}

bool
statement_is_equal(const struct statement *a, const struct statement *b)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL || a->hash != b->hash || a->len != b->len ||
	    a->kind != b->kind || a->kind == STATEMENT_LOST)
		return false;
	return memcmp(a->data, b->data, a->len) == 0 &&
	       statement_is_equal(a->context, b->context);
}

static size_t
size_of(const struct statement *s)
{
	return sizeof(*s) + s->len + 1;
}

void
statements_free(struct statements *t)
{
	if (t == NULL)
		return;
	if (t->end != NULL)
		t->end(t->beside);
	for (size_t i = 0; i < t->room; i++) {
		struct statement *s, *next;

		for (s = t->buckets[i]; s != NULL; s = next) {
			next = s->next;
			statement_unref(s);
		}
	}
	mem_free(t->buckets);
	mem_free(t);
}

/* Eight bytes at a time; the seed keeps the buckets unpredictable. */
static uint64_t
hash_key(const struct statements *t, const struct statement_key *key)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
	const char *at = key->data;
	size_t left = key->len;
	uint64_t h = t->seed ^ (key->len + (uint64_t)key->kind) * k;
	uint64_t word;

	if (key->context != NULL)
		h = (h ^ key->context->hash) * k;
	for (; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		h = (h ^ word) * k;
		h ^= h >> 32;
		at += sizeof(word);
	}
	word = 0;
	if (left > 0)
		memcpy(&word, at, left);
	h = (h ^ word) * k;
	return h ^ h >> 29;
}

static bool
is_it(const struct statement *s, const struct statement_key *key, uint64_t hash)
{
	return s->hash == hash && s->len == key->len && s->kind == key->kind &&
	       s->context == key->context &&
	       memcmp(s->data, key->data, key->len) == 0;
}

static struct statement *
make(const struct statement_key *key, uint64_t hash)
{
	struct statement *s;

	if (key->len >= UINT32_MAX)
		return NULL;
	s = mem_zalloc(sizeof(*s) + key->len + 1);
	if (s == NULL)
		return NULL;
	atomic_init(&s->refs, 1);
	s->hash = hash;
	s->kind = (uint8_t)key->kind;
	s->context = statement_ref(key->context);
	s->len = (uint32_t)key->len;
	if (key->len > 0)
		memcpy(s->data, key->data, key->len);
	return s;
}

struct statement *
statement_lost(uint32_t flags)
{
	struct statement_key key = { .kind = STATEMENT_LOST, .data = "" };
	struct statement *s = make(&key, 0);

	if (s != NULL)
		s->flags = flags;
	return s;
}

/* Only the table refers to it, and only the table could lend it. */
static bool
is_unused(struct statement *s)
{
	return atomic_load_explicit(&s->refs, memory_order_acquire) == 1;
}

static void
sweep(struct statements *t)
{
	for (size_t i = 0; i < t->room; i++) {
		struct statement **at = &t->buckets[i];

		while (*at != NULL) {
			struct statement *s = *at;

			if (!is_unused(s)) {
				at = &s->next;
				continue;
			}
			*at = s->next;
			t->count--;
			t->bytes -= size_of(s);
			statement_unref(s);
		}
	}
	t->sweep_count = 2 * t->count > KEEP_COUNT ? 2 * t->count : KEEP_COUNT;
	t->sweep_bytes = 2 * t->bytes > KEEP_BYTES ? 2 * t->bytes : KEEP_BYTES;
}

/* More buckets when they are full; without memory they stay as they are. */
static void
grow(struct statements *t)
{
	size_t room = 2 * t->room;
	struct statement **buckets;

	if (t->count < t->room)
		return;
	buckets = mem_zalloc(room * sizeof(*buckets));
	if (buckets == NULL)
		return;
	for (size_t i = 0; i < t->room; i++) {
		struct statement *s, *next;

		for (s = t->buckets[i]; s != NULL; s = next) {
			struct statement **to = &buckets[s->hash & (room - 1)];

			next = s->next;
			s->next = *to;
			*to = s;
		}
	}
	mem_free(t->buckets);
	t->buckets = buckets;
	t->room = room;
}

struct statement *
statements_get(struct statements *t, const struct statement_key *key,
	       bool *is_new)
{
	uint64_t hash = hash_key(t, key);
	struct statement *s;

	*is_new = false;
	for (s = t->buckets[hash & (t->room - 1)]; s != NULL; s = s->next) {
		if (is_it(s, key, hash))
			return statement_ref(s);
	}
	if (t->count >= t->sweep_count || t->bytes >= t->sweep_bytes)
		sweep(t);
	grow(t);
	s = make(key, hash);
	if (s == NULL)
		return NULL;
	s->next = t->buckets[hash & (t->room - 1)];
	t->buckets[hash & (t->room - 1)] = s;
	t->count++;
	t->bytes += size_of(s);
	*is_new = true;
	return statement_ref(s);
}

size_t
statements_count(const struct statements *t)
{
	return t->count;
}

size_t
statements_bytes(const struct statements *t)
{
	return t->bytes;
}
