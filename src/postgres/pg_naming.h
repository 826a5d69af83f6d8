/*
 * Statements of the extended protocol whose text names others: SQL's PREPARE,
 * EXECUTE and DEALLOCATE, where servers are shared.  Private to postgres/.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_NAMING_H
#define CARPOOL_SRC_POSTGRES_PG_NAMING_H

#include "pg_command.h"
#include "sql/prepared.h"

/* A portal of such a statement: what runs it is not the portal alone. */
struct pg_portal {
	struct pg_portal *next;      /* owns: the rest of the list */
	struct statement *statement; /* refs */
	int16_t shift; /* characters that its text grew by, see pg_owed.h */
	char name[];   /* NUL-terminated */
};

/* A transaction's end drops all portals, and so does the client's leaving. */
void pg_portals_clear(struct pg_back *b);

/* The portal of this name is another from now on. */
void pg_portals_drop(struct pg_back *b, const char *name);

/* Does this text, its only statement, name a prepared one? */
bool pg_naming_is(const struct pg_front *f, const char *text, size_t len);

/* May it, by its first word?  Then the whole must be seen. */
bool pg_naming_may_be(const uint8_t *text, size_t left);

/* Of a text that is too long to be seen whole: does its beginning, left bytes,
 * name one? */
bool pg_naming_is_cut(const struct pg_front *f, const uint8_t *text,
		      size_t left);

/*
 * A Bind or Describe of a statement s whose name, of name_len bytes with its
 * NUL, stands at offset at of the body.
 */
bool pg_naming_use(struct pg_front *f, struct turn *turn, struct pg_command *m,
		   size_t at, size_t name_len, struct statement *s,
		   struct order *order);

/*
 * An Execute.  *is_handled false: its portal is as any other, and the message
 * is to go on.
 */
bool pg_naming_execute(struct pg_front *f, struct turn *turn,
		       struct pg_command *m, struct order *order,
		       bool *is_handled);

#endif
