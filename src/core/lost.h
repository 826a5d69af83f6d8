/*
 * Addresses that names of hosts have lost, so that the servers there can be
 * retired wherever they are: on a worker, where a sweep finds them, or between
 * two, where they look for themselves when they arrive.
 */
#ifndef CARPOOL_CORE_LOST_H
#define CARPOOL_CORE_LOST_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/lock.h"
#include "io/addr.h"

/* So many are remembered: a server is held against all after each. */
#define LOST_MAX 64

struct lost_address {
	struct addr addr; /* port 0 */
	char host[256];   /* lower case */
};

struct lost {
	struct lock lock; /* of the ring */
	struct lost_address ring[LOST_MAX];
	atomic_uint count; /* of all losses; grows under the lock */
};

void lost_init(struct lost *lost);
void lost_fini(struct lost *lost);

/* One thread alone; the others from any. */
void lost_add(struct lost *lost, const char *host, const struct addr *addr);
/* For a server that asks for its address after this call. */
unsigned lost_now(struct lost *lost);
/* Did the name lose the address (whatever its port) after *seen?  Moves *seen
 * on. */
bool lost_check(struct lost *lost, unsigned *seen, const char *host,
		const struct addr *addr);

#endif
