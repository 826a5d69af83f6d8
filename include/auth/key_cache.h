/*
 * Keys derived from clear-text secrets, kept so that they are derived once.
 *
 * SCRAM's PBKDF2 takes about as much CPU as a hundred queries.  Its result
 * depends on the secret, the salt and the iterations alone, and for one user
 * these stay the same: on the client's side the salt is made from the name and
 * a secret of the process, on the server's side it is that of the server's own
 * verifier.  So both sides keep their keys here.
 *
 * A user's secret is known here by a digest under a random key of this process,
 * not by its text: whoever asks must bring the secret, and one that has changed
 * finds nothing.  What the configuration no longer names is dropped at each
 * reload (mark what is there, then sweep).  Besides, the number is bounded and
 * whoever was not asked for longest goes first; and a server that shows another
 * salt at each login displaces only keys of the same secret.  Keys are wiped
 * when they go.
 *
 * Whether a secret's keys are here must not show to a stranger: a login that
 * fails does the whole work in any case (see pg_front_login.c).
 *
 * Any thread; everything is behind one lock of its own, held for some compares
 * and copies.  Nothing is ever waited for.  A NULL cache keeps nothing.
 */
#ifndef CARPOOL_AUTH_KEY_CACHE_H
#define CARPOOL_AUTH_KEY_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/scram.h"

#define KEY_CACHE_MAX 16384u /* entries; about 250 bytes each, as used */
#define KEY_CACHE_SALTS 64u  /* entries of one user's secret */

struct key_cache;

/* What keys are derived from; all borrowed for the call. */
struct key_source {
	const char *user;   /* NUL-terminated, as the next */
	const char *secret; /* clear text */
	const uint8_t *salt;
	size_t salt_len; /* at most SCRAM_SALT_MAX, else nothing is kept */
	uint32_t iterations;
};

/* A new cache for max entries; NULL when memory is out. */
struct key_cache *key_cache_new(size_t max);

/* Wipes and frees; nobody may use it any more.  NULL is allowed. */
void key_cache_free(struct key_cache *c);

/* Copies the keys; false, *keys untouched, when they are not here. */
bool key_cache_find(struct key_cache *c, const struct key_source *from,
		    struct scram_keys *keys);

/* Keeps a copy; silently not where memory or a digest is not to be had. */
void key_cache_keep(struct key_cache *c, const struct key_source *from,
		    const struct scram_keys *keys);

/* Derives the keys.  HELPER THREAD: PBKDF2.  False, *keys wiped, as
 * scram_salted_password. */
bool key_source_derive(const struct key_source *from, struct scram_keys *keys);

/* This secret is still this user's: the next sweep spares what came of it. */
void key_cache_mark(struct key_cache *c, const char *user, const char *secret);

/* Drops what was not marked since the last sweep. */
void key_cache_sweep(struct key_cache *c);

/* Entries, for tests. */
size_t key_cache_count(struct key_cache *c);

#endif
