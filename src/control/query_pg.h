/*
 * One connection of the control thread to a Postgres server, by libpq, without
 * blocking: what happens is told by callbacks from the control loop.
 *
 * The only header of control/ behind which libpq stands.  Control thread.
 */
#ifndef CARPOOL_CONTROL_QUERY_PG_H
#define CARPOOL_CONTROL_QUERY_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/addr.h"

struct config_database;
#define QUERY_PG_PORT 5432u

struct loop;
struct query_pg; /* owned by who opened it */

/* Whom to log in as and where; all borrowed for the call. */
struct query_pg_login {
	const char *host;        /* as configured; a folder: a unix socket */
	const struct addr *addr; /* its address; NULL: a unix socket */
	uint16_t port;
	const char *user;
	const char *password; /* "" = none */
	const char *database;
	/* The entry's ssl_mode, ssl_ca, ssl_cert, ssl_key, channel_binding. */
	const struct config_database *tls;
};

/*
 * May be called from within any function but query_pg_open; none is called any
 * more after `lost`, in which the connection may be closed.
 */
struct query_pg_events {
	/* Logged in. */
	void (*ready)(void *arg);
	/* The command ended; error NULL: well.  Borrowed. */
	void (*done)(void *arg, const char *error);
	/* A message on a channel; borrowed. */
	void (*heard)(void *arg, uint32_t pid, const char *channel,
		      const char *payload);
	/* It failed or ended. */
	void (*lost)(void *arg, const char *error);
};

/* Starts to log in; events and arg are borrowed.  NULL: out of memory. */
struct query_pg *query_pg_open(struct loop *loop,
			       const struct query_pg_login *login,
			       const struct query_pg_events *events, void *arg);

/* Sends one command, when the last one is done; its rows are dropped. */
void query_pg_send(struct query_pg *q, const char *sql);

/* The same for a query whose first row is kept, with $1; it must have two
 * columns or more. */
void query_pg_ask(struct query_pg *q, const char *sql, const char *parameter);

/* Name and secret; NULL where the database has NULL. */
struct query_pg_row {
	const char *name, *secret; /* borrowed until the next command */
};
/* What was asked last; false: it had no row. */
bool query_pg_row(const struct query_pg *q, struct query_pg_row *row);

/* What the server says of itself, or NULL; borrowed. */
const char *query_pg_parameter(const struct query_pg *q, const char *name);
/* Its version as libpq has it: 150004. */
int query_pg_version(const struct query_pg *q);
/* Its process there. */
uint32_t query_pg_pid(const struct query_pg *q);

/* Says good-bye and frees; no event follows.  NULL is allowed. */
void query_pg_close(struct query_pg *q);

#endif
