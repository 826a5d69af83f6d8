/*
 * Fixed-size objects of one thread, from chunks that are never moved.  In
 * sanitizer builds every object comes from the allocator by itself, so that a
 * use after free is seen.  Not thread-safe.
 */
#ifndef CARPOOL_BASE_SLAB_H
#define CARPOOL_BASE_SLAB_H

#include <stddef.h>

struct slab {
	size_t size;               /* bytes of one object */
	size_t used;               /* handed out now */
	size_t total;              /* in all chunks */
	struct slab_obj *free;     /* owns */
	struct slab_chunk *chunks; /* owns */
};

void slab_init(struct slab *s, size_t size);
/* All objects must have been given back. */
void slab_fini(struct slab *s);
/* A zeroed object, or NULL (may fail). */
void *slab_new(struct slab *s) __attribute__((warn_unused_result));
void slab_free(struct slab *s, void *object);

#endif
