/*
 * The statements that a server holds for all clients, under names of carpool's
 * own, the one that was used longest ago first to go.
 *
 * What the server has said is the truth: loaded is what ParseComplete
 * confirmed, gone what CloseComplete did.  Owned by the back; the worker that
 * owns the server.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_LOADED_H
#define CARPOOL_SRC_POSTGRES_PG_LOADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "pg_shape.h"
#include "sql/statement.h"

/* Its names: this, and a number. */
#define PG_LOAD_PREFIX "carpool_"
/* What is parsed for one use; it is closed at once. */
#define PG_RUN_NAME PG_LOAD_PREFIX "run"
#define PG_LOAD_NAME_MAX (sizeof(PG_LOAD_PREFIX) + 10)

enum pg_load_state {
	LOAD_SENT,    /* its Parse is on its way */
	LOAD_DONE,    /* the server has it */
	LOAD_CLOSING, /* its Close is on its way */
	LOAD_GONE,    /* so is this one's, but the server has lost it */
};

struct pg_load {
	struct list_node node;       /* on the list by use */
	struct pg_load *next;        /* borrows: of the same bucket */
	struct statement *statement; /* refs */
	struct pg_shape shape;       /* what the server said of it */
	uint64_t changes;            /* it has seen so many (pg_change_now) */
	uint32_t group;              /* in which it was used last */
	uint8_t state;               /* enum pg_load_state */
	bool is_stale;    /* not to be used any more, and closed soon */
	uint8_t name_len; /* with its NUL */
	char name[PG_LOAD_NAME_MAX]; /* on the server */
};

struct pg_loads {
	struct pg_load **buckets; /* owns; NULL while there are none */
	struct list by_use;       /* the latest first */
	uint32_t room;            /* of buckets, a power of two */
	uint32_t count;
	uint32_t last_number;
	uint32_t stale;   /* of count */
	uint32_t closing; /* of count, those that are gone among them */
};

void pg_loads_init(struct pg_loads *t);
void pg_loads_fini(struct pg_loads *t);

/* The newest load of this statement that may be used, or NULL. */
struct pg_load *pg_loads_find(const struct pg_loads *t,
			      const struct statement *statement);

/* A new one in state SENT; NULL: memory is out. */
struct pg_load *pg_loads_add(struct pg_loads *t, struct statement *statement);

/* It was used in this group. */
void pg_loads_touch(struct pg_loads *t, struct pg_load *l, uint32_t group);

/* The server has it no more, or never got it. */
void pg_loads_remove(struct pg_loads *t, struct pg_load *l);

void pg_loads_set(struct pg_loads *t, struct pg_load *l,
		  enum pg_load_state state);

/* It is not to be used again. */
void pg_loads_spoil(struct pg_loads *t, struct pg_load *l);

/* Nor are all that the server has now. */
void pg_loads_outdate(struct pg_loads *t);

/*
 * One that should be closed before another is added, so that there are at most
 * max then; never one used in this group.  NULL: none.
 */
struct pg_load *pg_loads_victim(const struct pg_loads *t, uint32_t max,
				uint32_t group);

/*
 * Is there no room, nor a victim, until answers have come about what was loaded
 * for groups before this one?
 */
bool pg_loads_must_wait(const struct pg_loads *t, uint32_t max, uint32_t group);

/* The Close of one will not be answered: the server has it still, if it had. */
void pg_loads_keep(struct pg_loads *t, struct pg_load *l);

/* The server dropped all that it had. */
void pg_loads_clear(struct pg_loads *t);

#endif
