/*
 * A result of a console command, independent of any wire protocol: columns,
 * rows of text cells, notices, a completion tag or an error.  Built by admin/,
 * carried by the core, encoded by a front's rows().  Owned by one thread at a
 * time; passed whole through mailboxes.
 */
#ifndef CARPOOL_BASE_ROWSET_H
#define CARPOOL_BASE_ROWSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_type {
	COLUMN_TEXT,    /* oid 25 */
	COLUMN_INT4,    /* oid 23 */
	COLUMN_INT8,    /* oid 20 */
	COLUMN_NUMERIC, /* oid 1700 */
	COLUMN_BYTEA,   /* oid 17 */
};

struct rowset_column {
	const char *name; /* borrows static text */
	enum column_type type;
};

struct rowset {
	const struct rowset_column *columns; /* borrows a static table */
	size_t column_count; /* 0: the command returns no rows */
	char **cells;        /* owns; row after row; NULL = SQL NULL */
	size_t row_count;
	size_t row_room;
	const char *tag;  /* borrows static text, "SHOW" */
	char *notice;     /* owns; NULL = none */
	char sqlstate[6]; /* "" = success */
	char *error;      /* owns; the message when sqlstate is set */
	char *hint;       /* owns; NULL = none */
	bool is_closing;  /* the client is closed after this result */
	bool is_torn;     /* memory was out: rows are missing */
};

/* A new empty result; NULL when memory is out. */
struct rowset *rowset_new(const struct rowset_column *columns, size_t count,
			  const char *tag);
void rowset_free(struct rowset *r);

/*
 * Adds a row of column_count cells, each copied (NULL = SQL NULL); false when
 * memory is out, and the result is torn.
 */
bool rowset_add(struct rowset *r, const char *const *cells);

/* A new result that is an error: SQLSTATE and message, hint may be NULL. */
struct rowset *rowset_error(const char *sqlstate, const char *message,
			    const char *hint);

#endif
