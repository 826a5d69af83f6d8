/*
 * One row of an answer, filled cell by cell, and answers put together.  Pure;
 * any thread.
 */
#ifndef CARPOOL_ADMIN_ROW_H
#define CARPOOL_ADMIN_ROW_H

#include "base/clock.h"
#include "base/rowset.h"

#define ROW_CELLS_MAX 32
#define ROW_TEXT_MAX 48

struct row {
	const char *cells[ROW_CELLS_MAX]; /* borrow until row_end */
	char texts[ROW_CELLS_MAX][ROW_TEXT_MAX];
	size_t count;
};

/* Begins a row anew. */
void row_begin(struct row *row);

/* Each adds the next cell.  Texts are borrowed until row_end; NULL = NULL. */
void row_text(struct row *row, const char *text);
void row_number(struct row *row, uint64_t value);
/* For int4 columns: what is larger is shown as their largest number. */
void row_int4(struct row *row, uint64_t value);
/* "0x55d0c0de", or "" for 0. */
void row_mark(struct row *row, uint64_t mark);
/* A wall time as "2026-01-31 13:05:59 UTC", or "" for 0. */
void row_time(struct row *row, usec_t wall);

/*
 * Adds the row to the answer; all cells must have been given.  Rows that do not
 * fit memory are left out: the answer is then shorter, never wrong.
 */
void row_end(struct row *row, struct rowset *rows);

/* Moves the rows of one answer behind those of another of equal columns, and
 * frees the first; NULL is allowed. */
void rows_take(struct rowset *into, struct rowset *from);

#endif
