/*
 * A table of derived keys; see auth/key_cache.h.
 *
 * Lock: key_cache.lock covers the table, the list of use and the entries.
 * Digests are made and memory is taken and given back outside of it.
 */
#include "auth/key_cache.h"

#include <string.h>

#include "auth/digest.h"
#include "auth/entropy.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/mem.h"

#define BUCKETS 1024u /* a power of two */

/* What an entry is found by. */
struct key_id {
	uint8_t tag[DIGEST_SHA256_BYTES]; /* of user and secret */
	uint8_t salt[SCRAM_SALT_MAX];
	size_t salt_len;
	uint32_t iterations;
};

struct key_entry {
	struct list_node use;   /* most recent first */
	struct key_entry *next; /* owns: in the same bucket, the newer first */
	struct key_id id;
	struct scram_keys keys;
	bool is_marked; /* the next sweep spares it */
};

struct key_cache {
	/* constant */
	uint8_t tag_key[DIGEST_SHA256_BYTES];
	size_t max;

	struct lock lock;
	/* under lock */
	struct list used;
	size_t count;
	struct key_entry *buckets[BUCKETS]; /* owns; by the tag alone */
};

struct key_cache *
key_cache_new(size_t max)
{
	struct key_cache *c = mem_zalloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	auth_random(c->tag_key, sizeof(c->tag_key));
	c->max = max;
	lock_init(&c->lock);
	list_init(&c->used);
	return c;
}

static void
free_chain(struct key_entry *e)
{
	struct key_entry *next;

	for (; e != NULL; e = next) {
		next = e->next;
		mem_wipe_free(e, sizeof(*e));
	}
}

void
key_cache_free(struct key_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		free_chain(c->buckets[i]);
	lock_fini(&c->lock);
	mem_wipe_free(c, sizeof(*c));
}

static bool
make_tag(const struct key_cache *c, const char *user, const char *secret,
	 uint8_t tag[DIGEST_SHA256_BYTES])
{
	uint8_t key[DIGEST_SHA256_BYTES];
	bool ok = digest_hmac(c->tag_key, user, strlen(user), key) &&
		  digest_hmac(key, secret, strlen(secret), tag);

	mem_wipe(key, sizeof(key));
	return ok;
}

static bool
make_id(const struct key_cache *c, const struct key_source *from,
	struct key_id *id)
{
	*id = (struct key_id){ .salt_len = from->salt_len,
			       .iterations = from->iterations };
	if (from->salt_len > sizeof(id->salt) ||
	    !make_tag(c, from->user, from->secret, id->tag))
		return false;
	memcpy(id->salt, from->salt, from->salt_len);
	return true;
}

static bool
is_of(const struct key_entry *e, const uint8_t tag[DIGEST_SHA256_BYTES])
{
	return memcmp(e->id.tag, tag, DIGEST_SHA256_BYTES) == 0;
}

static bool
is_same(const struct key_id *a, const struct key_id *b)
{
	return memcmp(a->tag, b->tag, sizeof(a->tag)) == 0 &&
	       a->iterations == b->iterations && a->salt_len == b->salt_len &&
	       memcmp(a->salt, b->salt, a->salt_len) == 0;
}

static struct key_entry **
bucket_of(struct key_cache *c, const uint8_t tag[DIGEST_SHA256_BYTES])
{
	return &c->buckets[(tag[0] | (unsigned)tag[1] << 8) & (BUCKETS - 1)];
}

/* The place that points to the entry of this id, or to NULL. */
static struct key_entry **
find_locked(struct key_cache *c, const struct key_id *id)
{
	struct key_entry **at = bucket_of(c, id->tag);

	while (*at != NULL && !is_same(&(*at)->id, id))
		at = &(*at)->next;
	return at;
}

/* Takes an entry out of the table; the caller frees it. */
static struct key_entry *
take_locked(struct key_cache *c, struct key_entry **at)
{
	struct key_entry *e = *at;

	*at = e->next;
	e->next = NULL;
	list_remove(&e->use);
	c->count--;
	return e;
}

bool
key_cache_find(struct key_cache *c, const struct key_source *from,
	       struct scram_keys *keys)
{
	struct key_entry *e;
	struct key_id id;

	if (c == NULL || !make_id(c, from, &id))
		return false;
	lock_take(&c->lock);
	e = *find_locked(c, &id);
	if (e != NULL) {
		*keys = e->keys;
		list_remove(&e->use);
		list_push_front(&c->used, &e->use);
	}
	lock_give(&c->lock);
	return e != NULL;
}

/* The oldest entry of this tag where there are too many, or NULL. */
static struct key_entry **
surplus_locked(struct key_cache *c, const uint8_t tag[DIGEST_SHA256_BYTES])
{
	struct key_entry **last = NULL;
	size_t n = 0;

	for (struct key_entry **at = bucket_of(c, tag); *at != NULL;
	     at = &(*at)->next) {
		if (!is_of(*at, tag))
			continue;
		last = at;
		n++;
	}
	return n < KEY_CACHE_SALTS ? NULL : last;
}

/* Puts an entry in; returns the one that had to go for it, or NULL. */
static struct key_entry *
put_locked(struct key_cache *c, struct key_entry *e)
{
	struct key_entry **at = find_locked(c, &e->id), *gone = NULL;

	if (*at == NULL)
		at = surplus_locked(c, e->id.tag);
	if (at == NULL && c->count >= c->max) {
		gone = LIST_ENTRY(list_last(&c->used), struct key_entry, use);
		at = find_locked(c, &gone->id);
	}
	if (at != NULL)
		gone = take_locked(c, at);
	at = bucket_of(c, e->id.tag);
	e->next = *at;
	*at = e;
	list_push_front(&c->used, &e->use);
	c->count++;
	return gone;
}

void
key_cache_keep(struct key_cache *c, const struct key_source *from,
	       const struct scram_keys *keys)
{
	struct key_entry *e, *gone;

	if (c == NULL || c->max == 0)
		return;
	e = mem_zalloc(sizeof(*e));
	if (e == NULL)
		return;
	if (!make_id(c, from, &e->id)) {
		mem_free(e);
		return;
	}
	e->keys = *keys;
	lock_take(&c->lock);
	gone = put_locked(c, e);
	lock_give(&c->lock);
	mem_wipe_free(gone, sizeof(*gone));
}

bool
key_source_derive(const struct key_source *from, struct scram_keys *keys)
{
	uint8_t salted[SCRAM_KEY_BYTES];
	bool ok;

	ok = scram_salted_password(from->secret, from->salt, from->salt_len,
				   from->iterations, salted) &&
	     scram_keys_derive(salted, keys);
	mem_wipe(salted, sizeof(salted));
	if (!ok)
		mem_wipe(keys, sizeof(*keys));
	return ok;
}

void
key_cache_mark(struct key_cache *c, const char *user, const char *secret)
{
	uint8_t tag[DIGEST_SHA256_BYTES];

	if (c == NULL || !make_tag(c, user, secret, tag))
		return;
	lock_take(&c->lock);
	for (struct key_entry *e = *bucket_of(c, tag); e != NULL; e = e->next)
		e->is_marked |= is_of(e, tag);
	lock_give(&c->lock);
}

/* Takes what was not marked out of one bucket; a chain for the caller. */
static struct key_entry *
sweep_locked(struct key_cache *c, struct key_entry **at)
{
	struct key_entry *gone = NULL, *e;

	while (*at != NULL) {
		if ((*at)->is_marked) {
			(*at)->is_marked = false;
			at = &(*at)->next;
			continue;
		}
		e = take_locked(c, at);
		e->next = gone;
		gone = e;
	}
	return gone;
}

void
key_cache_sweep(struct key_cache *c)
{
	struct key_entry *gone;

	if (c == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		lock_take(&c->lock);
		gone = sweep_locked(c, &c->buckets[i]);
		lock_give(&c->lock);
		free_chain(gone);
	}
}

size_t
key_cache_count(struct key_cache *c)
{
	size_t n;

	lock_take(&c->lock);
	n = c->count;
	lock_give(&c->lock);
	return n;
}
