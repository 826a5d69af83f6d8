/*
 * Listening sockets: one level-triggered socket for each address and loop
 * (SO_REUSEPORT for TCP), unix sockets on one loop only.  Running out of
 * descriptors pauses accepting for a moment.  A lock file for each TCP address
 * and unix path keeps a second daemon from sharing it unless so_reuseport = 1.
 */
#ifndef CARPOOL_IO_LISTEN_H
#define CARPOOL_IO_LISTEN_H

#include "io/addr.h"
#include "io/loop.h"
#include "io/stream.h"

/* What to listen on; borrowed for the call. */
struct listen_spec {
	struct addr addr;
	unsigned tag; /* handed to accepted() */
	int backlog;
	bool share;             /* so_reuseport: other daemons may too */
	bool defer_accept;      /* tcp_defer_accept */
	unsigned unix_mode;     /* permissions of a unix socket */
	const char *unix_group; /* "" = leave */
};

struct listen_set; /* owns descriptors and locks for all loops */

/*
 * Binds and listens once for each of count loops (unix: once).  NULL when that
 * fails; why is put into error.  Start-up thread.
 */
struct listen_set *listen_open(const struct listen_spec *specs, size_t count,
			       unsigned loops, char *error, size_t error_size);

/* Removes unix socket files and locks; closes what is left. */
void listen_close(struct listen_set *set);

struct listener; /* one loop's share of a set */

/*
 * Starts accepting on a loop; accepted() owns fd.  tag: the spec's.  index:
 * which loop (0..). Loop's own thread (or before it runs).  NULL when out of
 * memory.
 */
struct listener *
listener_start(struct listen_set *set, unsigned index, struct loop *loop,
	       void (*accepted)(void *arg, int fd, const struct addr *peer,
				unsigned tag),
	       void *arg);
/*
 * Sets what the TCP sockets accepted from now on have from the beginning, but
 * for the sizes of their buffers; false: some may lack it.
 */
bool listener_set_options(struct listener *l,
			  const struct stream_options *options);
/* Stops accepting and closes this loop's sockets. */
void listener_stop(struct listener *l);

#endif
