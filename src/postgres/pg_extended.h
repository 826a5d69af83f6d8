/*
 * Loading statements on the linked server, for the messages of the extended
 * protocol and for SQL that names statements.  Private to postgres/.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_EXTENDED_H
#define CARPOOL_SRC_POSTGRES_PG_EXTENDED_H

#include "pg_command.h"

/* No server has a statement of this name. */
#define PG_NO_SUCH_NAME PG_LOAD_PREFIX "0"

/* Where a statement is loaded. */
enum pg_load_place {
	LOAD_IN_GROUP, /* inside the client's group, which goes on */
	LOAD_APART,    /* in front of a simple Query */
};

/* The client's names, made when they are first needed; NULL: no memory. */
struct pg_names *pg_names_of(struct pg_front *f, struct turn *turn);

/*
 * The statement of these bytes in the client's context, with its flags, and a
 * reference for the caller; NULL: memory is out.
 */
struct statement *pg_intern(struct pg_front *f, struct turn *turn,
			    enum statement_kind kind, const char *data,
			    size_t len);

/* Memory is out and part of something may be written: false, and *order. */
bool pg_fail_memory(struct pg_back *b, struct pg_command *m,
		    struct order *order);

/*
 * A new load of a statement, for a message about this name that is about to be
 * written, with room made for it; NULL: no memory.  Entries must be reserved.
 */
struct pg_load *pg_new_load(struct pg_front *f, struct turn *turn,
			    struct statement *s, const struct pg_name *name);

/*
 * The server has the name's statement, or gets it by what is written here.
 * False: *order says what must happen first.
 */
bool pg_have_load(struct pg_front *f, struct turn *turn, struct pg_command *m,
		  struct pg_name *name, enum pg_load_place place,
		  struct pg_load **load, struct order *order);

/* pg_shape.c: is the load older than what the client knows of the name? */
bool pg_load_is_outdated(const struct pg_name *name, const struct pg_load *l);

/*
 * Are the rows of a Bind what the client was told, if it was?  The load is the
 * name's, and in its place.  False: *order says what must happen first.
 */
bool pg_has_shape(struct pg_front *f, struct turn *turn, struct pg_command *m,
		  struct pg_name *name, struct pg_load *l, struct order *order);

/*
 * Does the message behind this Bind of the name tell the client what its rows
 * are, and do they depend on it?  Then it runs on a load that has seen all
 * changes, whatever the client was told before.  False: *order says what must
 * happen first.
 */
bool pg_shape_follows(struct turn *turn, const struct pg_command *m,
		      const struct pg_name *name, bool *is_told,
		      struct order *order);

/* The place of a portal's name in the entry of its Bind. */
uint16_t pg_shape_portal(const char *portal);

/*
 * A Describe of this portal is about to be pushed: if its Bind was pushed last,
 * and told the shape of a statement that is not known, the entry says of which.
 */
void pg_shape_tells(struct pg_back *b, const char *portal,
		    struct pg_owed *entry);

/* May messages of carpool's own stand here?  False: *order says what first. */
bool pg_may_add(struct turn *turn, struct pg_command *m, struct order *order);

/*
 * Runs SQL's PREPARE of a statement under a name of carpool's inside the
 * client's group; entry, whose references it takes over, is its Execute's.
 * Entries must be reserved.  False: no memory.
 */
bool pg_run_prepare(struct pg_front *f, struct turn *turn, const char *name,
		    const struct statement *statement, struct pg_owed entry);

/* Characters of a text in UTF-8, as an error's place counts them. */
int pg_count_characters(const char *text, size_t len);

/* The same for a load, which needs room among the server's statements. */
bool pg_may_load(struct turn *turn, struct pg_command *m, struct order *order);

/* Writes a Parse of a statement under a name of name_len bytes with its NUL. */
bool pg_write_parse(struct buf *out, const char *name, size_t name_len,
		    const struct statement *s);

/* Adds what makes a statement of no text under this name, in place of what had
 * it; neither can fail, also where a transaction has failed. */
void pg_put_spare(struct str *s, const char *name);

/* Writes a Close ('C') or a Describe ('D') of what is loaded. */
bool pg_write_about(struct buf *out, uint8_t type, const struct pg_load *l);

/*
 * A statement is about to be run: what its text may leave behind counts from
 * now on.  False: no memory.
 */
bool pg_statement_runs(struct pg_back *b, const struct pg_front *f,
		       const struct statement *s);

/* pg_sql.c: may this Query name statements? */
bool pg_sql_is_meant(const struct turn *turn, const struct pg_command *m);

/* ... and carries it out; *is_handled false: it is to go as any other. */
bool pg_on_sql(struct pg_front *f, struct turn *turn, struct pg_command *m,
	       struct order *order, bool *is_handled);

/* A simple Query is refused so that the server's transaction fails with it. */
bool pg_refuse_query(struct pg_front *f, struct turn *turn,
		     const struct pg_command *m, enum reason reason,
		     struct order *order);

#endif
