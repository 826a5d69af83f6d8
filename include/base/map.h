/*
 * Hash map with byte-string keys and pointer values.  Keys are copied; values
 * are borrowed (the map never frees them).  Keyed hashing (SipHash with a
 * random seed per map), so that names chosen by strangers cannot make it slow.
 * Not thread-safe: the owner of the map serialises.
 */
#ifndef CARPOOL_BASE_MAP_H
#define CARPOOL_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map; /* owns its table and copies of the keys */

/* A new empty map, or NULL (may fail). */
struct map *map_new(void) __attribute__((warn_unused_result));

/* Frees the map and its keys, not the values; NULL is allowed. */
void map_free(struct map *m);

/* The value under the key of len bytes, or NULL. */
void *map_find(const struct map *m, const void *key, size_t len);

/*
 * Puts value (not NULL) under the key, replacing what was there.
 * False when memory is out: the map is as it was.
 */
bool map_put(struct map *m, const void *key, size_t len, void *value)
	__attribute__((warn_unused_result));

/* Takes the key out; returns its value, or NULL when there was none. */
void *map_remove(struct map *m, const void *key, size_t len);

/* Number of keys. */
size_t map_count(const struct map *m);

/*
 * Walks in no order: start with *cursor = 0; returns each value in turn, then
 * NULL.  key and len (may be NULL) receive the borrowed key.  The map must not
 * change during a walk.
 */
void *map_next(const struct map *m, size_t *cursor, const void **key,
	       size_t *len);

/* SipHash-2-4 of len bytes under a 16-byte key. */
uint64_t map_siphash(const uint8_t key[16], const void *data, size_t len);

#endif
