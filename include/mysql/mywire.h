/*
 * The protocol of MySQL and MariaDB, version 10, as the two tables of the
 * contract in proto/protocol.h.  MySQL Internals, "Client/Server Protocol";
 * MariaDB knowledge base, "Client/Server Protocol".
 *
 * Pure: the steps read bytes, change their own state and return one order.
 * Nothing here knows a socket, a pool, a thread, a clock or the configuration.
 * A state is touched only by the worker that owns its connection; the facts
 * object is immutable and may be shared by all threads.
 */
#ifndef CARPOOL_MYSQL_MYWIRE_H
#define CARPOOL_MYSQL_MYWIRE_H

#include "proto/protocol.h"

extern const struct front_ops my_front_ops;
extern const struct back_ops my_back_ops;

#endif
