/*
 * Where to listen: from the settings to addresses.  Main thread, at the start;
 * names are looked up there and then.
 */
#ifndef CARPOOL_CONTROL_PLACES_H
#define CARPOOL_CONTROL_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/snapshot.h"
#include "io/listen.h"
#include "proto/protocol.h"

struct places {
	struct listen_spec *specs; /* owns; their texts borrow the settings' */
	size_t count;
};

/*
 * listen_addr (a list of addresses, names and "*") and unix_socket_dir, for
 * each protocol that has entries; fronts, by enum protocol, know how a socket
 * file is named.  A spec's tag is its protocol.  False with why in error.
 * places must be zero-initialised and is ended with places_fini in either case.
 */
bool places_find(struct places *places, const struct snapshot *s,
		 const struct front_ops *const *fronts, char *error,
		 size_t error_size);
void places_fini(struct places *places);

/* May listening need root's rights (a port below 1024)? */
bool places_are_privileged(const struct snapshot *s);

#endif
