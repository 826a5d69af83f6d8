/*
 * The prepared statements of a client, by the numbers that it was told.
 *
 * A number is a client's own: servers have others, which the back knows
 * (my_loaded.h).  What a statement means is its text and the settings under
 * which it was prepared; equal ones are the same for all clients of a thread.
 *
 * Owned by the client's front; the worker that owns the client.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_NAMED_H
#define CARPOOL_SRC_MYSQL_MY_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "my_state.h"
#include "sql/statement.h"

struct my_named {
	struct my_named *next;       /* borrows: of the same bucket */
	struct statement *statement; /* refs */
	/* refs: the types of its parameters, as it sent them last; or NULL */
	struct statement *types;
	uint32_t id;     /* never 0, nor MY_STATEMENT_LAST */
	uint16_t params; /* how many it has */
	bool is_private; /* its server alone can have it */
};

/* Bounds of what one client may make carpool keep. */
#define MY_NAMES_MAX 16384u
#define MY_NAMES_BYTES_MAX ((size_t)16 << 20) /* of texts and types */

/* A client's table. */
struct my_names {
	struct my_named **buckets;    /* owns */
	struct my_named *pending;     /* owns: on its way, or NULL */
	struct statement *context;    /* refs: of texts prepared now, or NULL */
	struct my_session context_of; /* the session that has it */
	size_t bytes;                 /* of texts and types */
	uint32_t room;                /* of buckets, a power of two */
	uint32_t count;
	uint32_t last_id;
	uint32_t last; /* the last one prepared, if that succeeded; else 0 */
};

struct my_names *my_names_new(void);
void my_names_free(struct my_names *t);

/* The statement of this number, or NULL. */
struct my_named *my_names_find(const struct my_names *t, uint32_t id);

/* Could a statement of len bytes more be kept? */
bool my_names_have_room(const struct my_names *t, size_t len);

/*
 * A statement was sent to be prepared; it gets a number, and takes the place
 * of one that was pending.  False: memory is out.
 */
bool my_names_send(struct my_names *t, struct statement *statement);

/* The pending one is prepared, with so many parameters; it is returned. */
struct my_named *my_names_commit(struct my_names *t, uint16_t params);

/* It failed. */
void my_names_drop(struct my_names *t);

/* The client closes one. */
void my_names_remove(struct my_names *t, struct my_named *n);

/* Walks the table; NULL is before the first and behind the last. */
struct my_named *my_names_next(const struct my_names *t,
			       const struct my_named *n);

/* ---- what a text means ---- */

/*
 * All that decides what a text means which this session prepares, on servers
 * that read texts so; borrowed until the next call.  NULL: memory is out.
 */
struct statement *my_names_context(struct my_names *t, struct statements *table,
				   const struct my_session *s,
				   struct my_lexer_options server);

/*
 * Makes *to, a copy of the client's session, one in which texts mean what they
 * did in this context.
 */
enum my_change my_context_enter(struct statements *table,
				const struct statement *context,
				struct my_session *to);

#endif
