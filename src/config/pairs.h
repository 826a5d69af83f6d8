/*
 * Lists of `key=value`, as the entries of [databases], [users] and [peers] are
 * written.  Pure; any thread.
 */
#ifndef CARPOOL_CONFIG_PAIRS_H
#define CARPOOL_CONFIG_PAIRS_H

#include <stdbool.h>

#include "config/pile.h"

struct pair {
	const char *key; /* borrows from the pile */
	const char *value;
};

/* A walk over one list; start with at and pile set, the rest zero. */
struct pair_walk {
	const char *at;    /* what is left; borrows */
	struct pile *pile; /* borrows; takes the pairs' texts */
	const char *why;   /* what ended the walk early, or NULL */
};

/*
 * The next pair: blanks may stand around '='; a value in single quotes may hold
 * blanks, and a quote that is doubled.  False at the end, and on failure, which
 * is told by why.
 */
bool pair_next(struct pair_walk *walk, struct pair *out);

#endif
