/*
 * Addresses that names of hosts have lost: a ring of the last ones.
 *
 * Numbered as they come, so that a server whose address was lost and came back
 * before it was opened is not held against that loss.
 */
#include "core/lost.h"

#include "base/text.h"

void
lost_init(struct lost *lost)
{
	lock_init(&lost->lock);
	atomic_init(&lost->count, 0);
}

void
lost_fini(struct lost *lost)
{
	lock_fini(&lost->lock);
}

void
lost_add(struct lost *lost, const char *host, const struct addr *addr)
{
	unsigned count = atomic_load(&lost->count);
	struct lost_address *place = &lost->ring[count % LOST_MAX];

	lock_take(&lost->lock);
	place->addr = *addr;
	text_copy(place->host, sizeof(place->host), host);
	atomic_store(&lost->count, count + 1);
	lock_give(&lost->lock);
}

unsigned
lost_now(struct lost *lost)
{
	return atomic_load(&lost->count);
}

bool
lost_check(struct lost *lost, unsigned *seen, const char *host,
	   const struct addr *addr)
{
	struct addr bare = *addr;
	unsigned from = *seen, count;
	bool is_lost = false;

	if (from == atomic_load(&lost->count))
		return false;
	addr_set_port(&bare, 0);
	lock_take(&lost->lock);
	count = atomic_load(&lost->count);
	if (count - from > LOST_MAX)
		from = count - LOST_MAX;
	for (; from != count && !is_lost; from++) {
		const struct lost_address *a = &lost->ring[from % LOST_MAX];

		is_lost = addr_equal(&a->addr, &bare) &&
			  text_equal_nocase(a->host, host);
	}
	lock_give(&lost->lock);
	*seen = count;
	return is_lost;
}
