/*
 * What a statement's rows look like: their columns' names and types, as the
 * answer to a Describe of it told them.
 *
 * A client that was told them reads rows without a description.  A server that
 * loads the statement anew, after a table has changed, would send it others; a
 * session of its own says "cached plan must not change result type" there.
 * Owns nothing.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_SHAPE_H
#define CARPOOL_SRC_POSTGRES_PG_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define PG_SHAPE_UNKNOWN ((uint64_t)0)
#define PG_SHAPE_UNREAD ((uint64_t)1) /* told, in too many words to be read */

struct pg_shape {
	uint64_t hash; /* of the columns, or one of the two above */
	usec_t at;     /* when it was told */
};

/*
 * The hash of a RowDescription's body (NULL: not seen) or, with type 'n', of no
 * rows at all.
 */
uint64_t pg_shape_hash(uint8_t type, const uint8_t *body, size_t len);

#endif
