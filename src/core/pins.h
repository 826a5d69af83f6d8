/*
 * Pins: what keeps a client on its server between transactions where servers
 * are shared, as the protocol tells at a boundary.  Runs on the client's
 * worker.
 */
#ifndef CARPOOL_CORE_PINS_H
#define CARPOOL_CORE_PINS_H

#include <stdint.h>

#include "core/client.h"

struct pin {
	usec_t since;
	uint64_t digest; /* of the statement, 0 = not known */
};

/* All of one client; made with the first, freed with the last. */
struct pins {
	uint32_t held; /* bits of enum state_kind and pin_kind; not 0 */
	struct pin list[PIN_KINDS];
};

/*
 * The client, linked at a boundary, is held for this (bits 1u << enum
 * state_kind or pin_kind) and nothing else: counts, remembers since when, and
 * tells the client where pin_notice asks for it.  0: it is held no more.
 */
void pins_set(struct client *c, uint32_t held);

/* Adds the figures of one worker's part of a pool; any thread. */
void pins_sum(const struct pool_part *part, uint32_t now[PIN_KINDS],
	      uint64_t begun[PIN_KINDS]);

#endif
