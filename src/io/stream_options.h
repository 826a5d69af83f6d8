/*
 * Socket options of streams, private to io/.
 */
#ifndef CARPOOL_IO_STREAM_OPTIONS_H
#define CARPOOL_IO_STREAM_OPTIONS_H

#include "io/stream.h"

/* AF_INET, AF_INET6 or AF_UNIX; 0 when it cannot be told. */
int socket_family(int fd);

/*
 * Sets the options of a TCP socket, or of a unix one (AF_UNIX) what it has;
 * an errno or 0.
 */
int socket_set_options(int fd, int family, const struct stream_options *o);

#endif
