/*
 * Statements: immutable texts that many clients and servers refer to.
 *
 * A table belongs to one thread; it finds a statement by its bytes, so equal
 * ones are the same pointer there and a text is classified once.  Whoever holds
 * a statement holds a reference, which any thread may give back: servers move
 * from thread to thread.  What only the table still refers to stays for a
 * while, since texts come again, and goes when there is too much of it.
 */
#ifndef CARPOOL_SQL_STATEMENT_H
#define CARPOOL_SQL_STATEMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum statement_kind {
	STATEMENT_PARSED,  /* data as the protocol's Parse has it */
	STATEMENT_SQL,     /* data as SQL's PREPARE has it, behind the name */
	STATEMENT_CONTEXT, /* settings that change what a parse means */
	STATEMENT_STATE,   /* the state of a session */
	STATEMENT_TYPES,   /* of a statement's parameters */
	STATEMENT_LOST,    /* a text too long to be kept: equal to no other */
};

struct statement {
	atomic_uint refs;
	uint32_t flags; /* enum classify_flag of its text; else its maker's */
	uint64_t my_flags;         /* MY_SQL_* of it, where that is MySQL's */
	uint64_t hash;             /* of data, kind and context */
	struct statement *context; /* refs, or NULL */
	struct statement *next;    /* the table's: borrows */
	uint32_t len;              /* of data */
	uint8_t kind;              /* enum statement_kind */
	bool is_naming; /* its text names others; set as the flags are */
	char data[];    /* opaque; a NUL follows */
};

struct statements; /* a thread's table */

/* What a statement is found by; all borrowed. */
struct statement_key {
	enum statement_kind kind;
	const void *data;
	size_t len; /* below 4 GiB */
	struct statement *context;
};

/* A new table, or NULL; seed: unpredictable, so that nobody can aim. */
struct statements *statements_new(uint64_t seed);

/* What the table's thread keeps beside it; the table ends it with `end`. */
void statements_keep(struct statements *t, void *beside, void (*end)(void *));
/* That, or NULL. */
void *statements_kept(const struct statements *t);

/* Gives the table's own references back; NULL is allowed. */
void statements_free(struct statements *t);

/*
 * The statement of this key with a reference for the caller, or NULL when
 * memory is out.  *is_new: it was made now, and the caller sets its flags
 * before anybody else can see it.
 */
struct statement *statements_get(struct statements *t,
				 const struct statement_key *key, bool *is_new);

/* Statements in the table, and their bytes (for tests and SHOW). */
size_t statements_count(const struct statements *t);
size_t statements_bytes(const struct statements *t);

/* A statement that no table knows, of kind LOST; NULL: memory is out. */
struct statement *statement_lost(uint32_t flags);

/*
 * Of the same kind, data and context?  Equal statements of one table are the
 * same pointer, of two tables they are not.
 */
bool statement_is_equal(const struct statement *a, const struct statement *b);

/* One more reference; s may be NULL.  Returns s.  Any thread. */
struct statement *statement_ref(struct statement *s);
/* One reference less; NULL is allowed.  Any thread. */
void statement_unref(struct statement *s);

#endif
