/*
 * What the statements of a simple Query do to names: one step for each of
 * SQL's PREPARE, EXECUTE and DEALLOCATE in it, in the order of the text.
 *
 * The list rides with the Query's entry of the owed queue.  Each completion
 * tag commits the step that it is about; an error, or whatever else ends the
 * Query, drops those that are left.  Errors are told with the client's names
 * and the places of the client's text.  Owned by the entry; the worker that
 * owns the server.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_STEPS_H
#define CARPOOL_SRC_POSTGRES_PG_STEPS_H

#include "pg_back.h"
#include "sql/prepared.h"

struct pg_step {
	uint8_t kind;     /* enum prepared_kind */
	bool is_change;   /* of what the client has: it sees to no error */
	bool is_brief;    /* PREPARE: a later step takes its load away */
	bool has_spare;   /* its name is made on the server before */
	int8_t maker;     /* DEALLOCATE and what uses a name: the step that
			   * prepared it, or -1: none of this text */
	int16_t growth;   /* characters that its text grew by */
	uint32_t ordinal; /* of the statement in the text, from 1 on */
	uint32_t at;      /* of the name in the client's text, in characters */
	struct pg_name *name;        /* refs; NULL: all of them, or nobody's */
	struct statement *statement; /* refs: what the name stands for */
	struct pg_load *load;        /* borrows: PREPARE, until it is done: what
				      * it makes; DEALLOCATE: what it takes */
	char own[PG_LOAD_NAME_MAX];  /* what the server's text has */
};

struct pg_steps {
	uint16_t count;
	uint16_t next; /* those before it are done */
	struct pg_step list[];
};

/* Room for count of them; NULL: memory is out. */
struct pg_steps *pg_steps_new(size_t count);

/* Frees them; what they would have changed is not touched. */
void pg_steps_free(struct pg_back *b, struct pg_steps *t);

/*
 * The last step before place i that changes what the client has under this
 * name; NULL: none.
 */
const struct pg_step *pg_steps_before(const struct pg_steps *t, size_t i,
				      const struct pg_name *name);

/* The Query is on its way: notes in the slots what it changes. */
void pg_steps_send(struct pg_back *b, const struct pg_steps *t);

/* A statement of it is complete: does a step explain its tag? */
bool pg_steps_take(struct pg_back *b, struct pg_steps *t, const char *tag);

/* The Query has ended or never ran: takes back what is left, and frees. */
void pg_steps_end(struct pg_back *b, struct pg_steps *t);

/* The client leaves: names are nobody's. */
void pg_steps_forget(struct pg_back *b, struct pg_steps *t);

/*
 * The client's name for one of carpool's, of len bytes, in an error behind so
 * many statements that were completed; NULL: none.
 */
const char *pg_steps_name(const struct pg_steps *t, unsigned done,
			  const char *own, size_t len);

/* The place in the client's text of one, from 1 on, in the server's. */
uint32_t pg_steps_place(const struct pg_steps *t, uint32_t place);

/*
 * An error has told that what the Query used is of no use any more: what has
 * this name of carpool's, of len bytes, or (NULL) all of it.  True: one of
 * these has seen all changes.
 */
bool pg_steps_spoil(struct pg_back *b, const struct pg_steps *t,
		    const char *own, size_t len);

#endif
