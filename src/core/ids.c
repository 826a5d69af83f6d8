/*
 * The numbers of clients; see ids.h.
 */
#include "core/ids.h"

#include <string.h>

#include "base/mem.h"

/* Of a number, from the lowest bit on: the place, and how often it was taken.
 */
#define PLACE_BITS 24
#define PLACES_MAX ((1u << PLACE_BITS) - 1)
#define NO_PLACE UINT32_MAX

void
ids_init(struct ids *ids)
{
	memset(ids, 0, sizeof(*ids));
	lock_init(&ids->lock);
	ids->free = NO_PLACE;
}

void
ids_fini(struct ids *ids)
{
	mem_free(ids->entries);
	lock_fini(&ids->lock);
}

/* False: memory is out, or there are no more numbers. */
static bool
grow_locked(struct ids *ids) REQUIRES(ids->lock)
{
	uint32_t count = ids->count == 0 ? 256 : ids->count * 2;
	struct id_entry *entries;

	if (count > PLACES_MAX)
		return false;
	entries = mem_realloc(ids->entries, count * sizeof(entries[0]));
	if (entries == NULL)
		return false;
	for (uint32_t i = ids->count; i < count; i++)
		entries[i] = (struct id_entry){
			.slot = i + 1 < count ? i + 1 : NO_PLACE,
		};
	ids->free = ids->count;
	ids->entries = entries;
	ids->count = count;
	return true;
}

/* Never 0: the first place is 1. */
static uint32_t
id_of(const struct ids *ids, const struct id_entry *e) REQUIRES(ids->lock)
{
	return (uint32_t)e->uses << PLACE_BITS |
	       (uint32_t)(e - ids->entries + 1);
}

/* The entry of a number that is taken, or NULL. */
static struct id_entry *
find_locked(struct ids *ids, uint32_t id) REQUIRES(ids->lock)
{
	uint32_t place = id & PLACES_MAX;
	struct id_entry *e;

	if (place == 0 || place > ids->count)
		return NULL;
	e = &ids->entries[place - 1];
	return e->is_taken && id_of(ids, e) == id ? e : NULL;
}

static struct id_entry *
take_locked(struct ids *ids) REQUIRES(ids->lock)
{
	struct id_entry *e;

	if (ids->free == NO_PLACE && !grow_locked(ids))
		return NULL;
	e = &ids->entries[ids->free];
	ids->free = e->slot;
	e->is_taken = true;
	return e;
}

bool
ids_put(struct ids *ids, struct client_handle client, uint32_t *id)
{
	struct id_entry *e;

	lock_take(&ids->lock);
	e = *id == 0 ? take_locked(ids) : find_locked(ids, *id);
	if (e != NULL) {
		e->worker = client.worker;
		e->slot = client.slot;
		e->generation = client.generation;
		*id = id_of(ids, e);
	}
	lock_give(&ids->lock);
	return e != NULL;
}

void
ids_give(struct ids *ids, uint32_t id)
{
	struct id_entry *e;

	lock_take(&ids->lock);
	e = find_locked(ids, id);
	if (e != NULL) {
		e->is_taken = false;
		e->uses++;
		e->slot = ids->free;
		ids->free = (id & PLACES_MAX) - 1;
	}
	lock_give(&ids->lock);
}

bool
ids_find(struct ids *ids, uint32_t id, struct client_handle *client)
{
	struct id_entry *e;

	lock_take(&ids->lock);
	e = find_locked(ids, id);
	if (e != NULL)
		*client = (struct client_handle){
			.worker = e->worker,
			.slot = e->slot,
			.generation = e->generation,
		};
	lock_give(&ids->lock);
	return e != NULL;
}
