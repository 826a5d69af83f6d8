/*
 * Objects of one size in chunks of about 16 KiB.  Chunks live until the slab
 * ends: the numbers of objects follow the number of clients, which comes back.
 *
 * Owns the chunks; runs on the thread of the slab's owner.
 */
#include "base/slab.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||     \
	__has_feature(memory_sanitizer)
#define SLAB_PASS_THROUGH 1
#endif
#endif
#if !defined(SLAB_PASS_THROUGH) &&                                             \
	(defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define SLAB_PASS_THROUGH 1
#endif

#define CHUNK_BYTES ((size_t)16384)

struct slab_obj {
	struct slab_obj *next; /* owns: the next free object */
};

struct slab_chunk {
	struct slab_chunk *next; /* owns */
	alignas(max_align_t) unsigned char bytes[];
};

void
slab_init(struct slab *s, size_t size)
{
	size_t align = alignof(max_align_t);

	*s = (struct slab){ .size = (size + align - 1) / align * align };
	if (s->size == 0)
		s->size = align;
}

void
slab_fini(struct slab *s)
{
	ASSERT(s->used == 0);
	while (s->chunks != NULL) {
		struct slab_chunk *next = s->chunks->next;

		mem_free(s->chunks);
		s->chunks = next;
	}
	s->free = NULL;
	s->total = 0;
}

#ifdef SLAB_PASS_THROUGH

void *
slab_new(struct slab *s)
{
	void *object = mem_zalloc(s->size);

	if (object == NULL)
		return NULL;
	s->used++;
	s->total++;
	return object;
}

void
slab_free(struct slab *s, void *object)
{
	if (object == NULL)
		return;
	ASSERT(s->used > 0);
	s->used--;
	s->total--;
	mem_free(object);
}

#else

/* Adds one chunk of free objects; without memory the list stays empty. */
static void
add_chunk(struct slab *s)
{
	size_t count = (CHUNK_BYTES - sizeof(struct slab_chunk)) / s->size;
	struct slab_chunk *chunk;

	if (count == 0)
		count = 1;
	chunk = mem_zalloc(sizeof(*chunk) + count * s->size);
	if (chunk == NULL)
		return;
	chunk->next = s->chunks;
	s->chunks = chunk;
	s->total += count;
	/* The lowest address is handed out first. */
	for (size_t i = count; i-- > 0;) {
		struct slab_obj *o = (void *)(chunk->bytes + i * s->size);

		o->next = s->free;
		s->free = o;
	}
}

void *
slab_new(struct slab *s)
{
	struct slab_obj *o;

	if (s->free == NULL)
		add_chunk(s);
	o = s->free;
	if (o == NULL)
		return NULL;
	s->free = o->next;
	s->used++;
	memset(o, 0, s->size);
	return o;
}

void
slab_free(struct slab *s, void *object)
{
	struct slab_obj *o = object;

	if (o == NULL)
		return;
	ASSERT(s->used > 0);
	s->used--;
	o->next = s->free;
	s->free = o;
}

#endif
