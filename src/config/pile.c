/*
 * Memory that lives and dies together, in chunks of which the front is given
 * out piece by piece.  Runs on the thread that builds or drops a snapshot;
 * knows nothing of what the bytes mean.
 */
#include "config/pile.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_BYTES 16384u
#define ALIGN_BYTES _Alignof(max_align_t)

struct pile_chunk {
	struct pile_chunk *next; /* owns */
	size_t used;
	size_t size; /* of bytes */
	_Alignas(max_align_t) unsigned char bytes[];
};

static struct pile_chunk *
chunk_new(size_t size, struct pile_chunk *next)
{
	struct pile_chunk *c;

	ASSERT(size < SIZE_MAX / 2);
	c = mem_must_zalloc(sizeof(*c) + size);
	c->size = size;
	c->next = next;
	return c;
}

void *
pile_alloc(struct pile *p, size_t size)
{
	struct pile_chunk *c = p->chunks;
	void *at;

	ASSERT(size < SIZE_MAX / 4);
	size = (size + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
	if (c == NULL || c->size - c->used < size) {
		c = chunk_new(size > CHUNK_BYTES ? size : CHUNK_BYTES, c);
		p->chunks = c;
	}
	at = c->bytes + c->used;
	c->used += size;
	return at;
}

const char *
pile_text(struct pile *p, const char *text, size_t len)
{
	char *copy = pile_alloc(p, len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}

void
pile_fini(struct pile *p)
{
	struct pile_chunk *c = p->chunks, *next;

	for (; c != NULL; c = next) {
		next = c->next;
		mem_wipe_free(c, sizeof(*c) + c->size);
	}
	p->chunks = NULL;
}

void *
pile_grow(struct pile *p, void *array, size_t count, size_t *room,
	  size_t element_size)
{
	void *bigger;

	if (count < *room)
		return array;
	*room = *room > 0 ? *room * 2 : 16;
	ASSERT(*room < SIZE_MAX / 4 / element_size);
	bigger = pile_alloc(p, *room * element_size);
	if (count > 0)
		memcpy(bigger, array, count * element_size);
	return bigger;
}
