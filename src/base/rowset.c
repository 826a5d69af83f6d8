/*
 * Results of console commands.  Owns the copies of the cells; runs on whatever
 * thread holds the result.  Knows no wire protocol and no command.
 */
#include "base/rowset.h"

#include "base/mem.h"
#include "base/text.h"

struct rowset *
rowset_new(const struct rowset_column *columns, size_t count, const char *tag)
{
	struct rowset *r = mem_zalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->columns = columns;
	r->column_count = count;
	r->tag = tag;
	return r;
}

void
rowset_free(struct rowset *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->row_count * r->column_count; i++)
		mem_free(r->cells[i]);
	mem_free(r->cells);
	mem_free(r->notice);
	mem_free(r->error);
	mem_free(r->hint);
	mem_free(r);
}

/* Makes room for one more row; false when memory is out. */
static bool
make_room(struct rowset *r)
{
	size_t rows = r->row_room > 0 ? r->row_room * 2 : 16;
	char **cells;

	if (r->row_count < r->row_room)
		return true;
	cells = mem_realloc(r->cells, rows * r->column_count * sizeof(*cells));
	if (cells == NULL)
		return false;
	r->cells = cells;
	r->row_room = rows;
	return true;
}

bool
rowset_add(struct rowset *r, const char *const *cells)
{
	char **row;
	size_t i;

	ASSERT(r->column_count > 0);
	if (!make_room(r)) {
		r->is_torn = true;
		return false;
	}
	row = r->cells + r->row_count * r->column_count;
	for (i = 0; i < r->column_count; i++) {
		row[i] = cells[i] != NULL ? mem_strdup(cells[i]) : NULL;
		if (row[i] == NULL && cells[i] != NULL)
			goto fail;
	}
	r->row_count++;
	return true;
fail:
	while (i-- > 0)
		mem_free(row[i]);
	r->is_torn = true;
	return false;
}

struct rowset *
rowset_error(const char *sqlstate, const char *message, const char *hint)
{
	struct rowset *r = rowset_new(NULL, 0, "");

	if (r == NULL)
		return NULL;
	text_copy(r->sqlstate, sizeof(r->sqlstate), sqlstate);
	r->error = mem_strdup(message);
	r->hint = hint != NULL ? mem_strdup(hint) : NULL;
	if (r->error == NULL || (r->hint == NULL && hint != NULL)) {
		rowset_free(r);
		return NULL;
	}
	return r;
}
