/*
 * The Postgres protocol, version 3.0, as the two tables of the contract in
 * proto/protocol.h.  PostgreSQL manual, chapter "Frontend/Backend Protocol".
 *
 * Pure: the steps read bytes, change their own state and return one order.
 * Nothing here knows a socket, a pool, a thread, a clock or the configuration.
 * A state is touched only by the worker that owns its connection; the facts
 * object is immutable and may be shared by all threads.
 */
#ifndef CARPOOL_POSTGRES_PGWIRE_H
#define CARPOOL_POSTGRES_PGWIRE_H

#include "proto/protocol.h"

extern const struct front_ops pg_front_ops;
extern const struct back_ops pg_back_ops;

#endif
