/*
 * Counts of changes to what statements mean, which servers of all workers and
 * pools share that are of the same database: what one of them was told to
 * change, statements of the others may depend on.
 *
 * A database is known by its entry's hosts and its name there, so that entries
 * that lead to the same one have the same count.  The table is fixed; two
 * databases may fall on one place, which costs them work but nothing else.
 */
#ifndef CARPOOL_CORE_CHANGES_H
#define CARPOOL_CORE_CHANGES_H

#include <stdatomic.h>
#include <stdint.h>

#include "config/snapshot.h"

#define CHANGES_COUNT 1024u

struct changes {
	uint8_t key[16]; /* constant: of the hash */
	_Atomic uint64_t counts[CHANGES_COUNT];
};

void changes_init(struct changes *c, uint64_t seed);

/*
 * The count of the database to which an entry leads clients that ask for this
 * name; lives as long as the table.  Any thread.
 */
_Atomic uint64_t *changes_of(struct changes *c,
			     const struct config_database *db,
			     const char *name);

#endif
