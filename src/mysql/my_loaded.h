/*
 * The statements that a server holds for all clients, under the server's own
 * numbers; the one that was used longest ago is the first to go.
 *
 * A server has one of each, which the clients share: between two commands
 * nothing of a client is left in it but the types of its parameters, which are
 * kept beside it.  Where something else is, a cursor or part of a parameter,
 * it is that client's until that is gone, and a second one is made for whoever
 * needs the same meanwhile.
 *
 * Owned by the back; the worker that owns the server.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_LOADED_H
#define CARPOOL_SRC_MYSQL_MY_LOADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "sql/statement.h"

struct my_load {
	struct list_node node;       /* on the list by use */
	struct my_load *next;        /* borrows: of the same bucket */
	struct statement *statement; /* refs */
	struct statement *types; /* refs: its parameters' last ones, or NULL */
	uint32_t id;             /* on the server */
	uint32_t holder; /* 0, or the client's number of whom it is alone */
	bool is_done;    /* the server has it */
	bool has_cursor; /* of its holder */
	bool has_data;   /* parts of its holder's parameters */
	bool is_private; /* nobody but its holder can ever use it */
};

struct my_loads {
	struct my_load **buckets; /* owns; NULL while there are none */
	struct list by_use;       /* the latest first */
	uint32_t room;            /* of buckets, a power of two */
	uint32_t count;
};

void my_loads_init(struct my_loads *t);
void my_loads_fini(struct my_loads *t);

/* The one that the client with this number may use, or NULL. */
struct my_load *my_loads_find(const struct my_loads *t,
			      const struct statement *statement, uint32_t id);

/* The one that this number holds, or NULL. */
struct my_load *my_loads_held(const struct my_loads *t, uint32_t id);

/* A new one that the server has not got yet; NULL: memory is out. */
struct my_load *my_loads_add(struct my_loads *t, struct statement *statement);

/* It is used now. */
void my_loads_touch(struct my_loads *t, struct my_load *l);

/* The types of its parameters, borrowed; NULL: not known. */
void my_load_set_types(struct my_load *l, struct statement *types);

/* The server has it no more, or never got it. */
void my_loads_remove(struct my_loads *t, struct my_load *l);

/* One to close, so that one more makes at most max; NULL: none. */
struct my_load *my_loads_victim(const struct my_loads *t, uint32_t max);

/* The server dropped all that it had. */
void my_loads_clear(struct my_loads *t);

#endif
