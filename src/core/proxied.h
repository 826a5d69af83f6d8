/*
 * Clients who come by way of a proxy that says whom it speaks for.  Runs on the
 * client's worker.
 */
#ifndef CARPOOL_CORE_PROXIED_H
#define CARPOOL_CORE_PROXIED_H

#include "core/client.h"

/*
 * Looks for the header that a client of a listed network begins with, and drops
 * it; called as long as c->login->wants_proxy and something has come.  False:
 * more must come, or the client was refused.
 */
bool proxied_begin(struct client *c);

/* Whose client it is: the header's address, or that of the socket; false: not
 * known. */
bool client_peer_addr(const struct client *c, struct addr *out);

/* Its address goes with it to another worker: off the one, on to the other
 * (false: memory is out). */
void proxied_leave(struct client *c);
bool proxied_arrive(struct client *c);

/* The client goes. */
void proxied_end(struct client *c);

#endif
