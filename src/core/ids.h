/*
 * Numbers that clients are told before anybody knows where they will stand:
 * those of a protocol whose greeting has one, which other clients may name
 * later.  A client may move to another thread in between, and then its number
 * leads there.
 *
 * A number is a place in a table and how often the place was taken before, so
 * that one which was given back is not soon somebody else's.
 */
#ifndef CARPOOL_CORE_IDS_H
#define CARPOOL_CORE_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "core/client.h"

/* One for each client, so it is small: the handle in pieces. */
struct id_entry {
	uint32_t slot; /* of the client; of a free place the next free one */
	uint32_t generation;
	uint16_t worker;
	uint8_t uses; /* how often the place was given back */
	bool is_taken;
};

struct ids {
	struct lock lock;
	struct id_entry *entries; /* owns; under lock, as what follows */
	uint32_t count, free;
};

/* Zeroes and sets up; ids_fini undoes it when no thread uses it any more. */
void ids_init(struct ids *ids);
void ids_fini(struct ids *ids);

/*
 * The client is to be found under *id from now on; 0: under a new number,
 * which is put there.  False: memory is out.  Any thread, as the others.
 */
bool ids_put(struct ids *ids, struct client_handle client, uint32_t *id);

/* Gives a number back; 0: there is none. */
void ids_give(struct ids *ids, uint32_t id);

/* Where the client of this number stands; false: there is none. */
bool ids_find(struct ids *ids, uint32_t id, struct client_handle *client);

#endif
