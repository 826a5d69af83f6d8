/*
 * Rows of answers.  Owns nothing beyond the caller's structs; pure.
 */
#include "row.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void
row_begin(struct row *row)
{
	row->count = 0;
}

void
row_text(struct row *row, const char *text)
{
	ASSERT(row->count < ROW_CELLS_MAX);
	row->cells[row->count++] = text;
}

void
row_number(struct row *row, uint64_t value)
{
	char *text = row->texts[row->count];

	text_format(text, ROW_TEXT_MAX, "%" PRIu64, value);
	row_text(row, text);
}

void
row_int4(struct row *row, uint64_t value)
{
	row_number(row, value < INT32_MAX ? value : INT32_MAX);
}

void
row_mark(struct row *row, uint64_t mark)
{
	char *text = row->texts[row->count];

	text[0] = '\0';
	if (mark != 0)
		text_format(text, ROW_TEXT_MAX, "0x%" PRIx64, mark);
	row_text(row, text);
}

void
row_time(struct row *row, usec_t wall)
{
	static const size_t point = sizeof("2026-01-31 13:05:59") - 1;
	static const size_t digits = sizeof(".123") - 1;
	char *text = row->texts[row->count];
	char full[CLOCK_TEXT_MAX];

	text[0] = '\0';
	if (wall != 0) {
		clock_text(wall, full);
		if (strlen(full) > point + digits)
			memmove(full + point, full + point + digits,
				strlen(full + point + digits) + 1);
		text_copy(text, ROW_TEXT_MAX, full);
	}
	row_text(row, text);
}

void
row_end(struct row *row, struct rowset *rows)
{
	ASSERT(row->count == rows->column_count);
	(void)rowset_add(rows, row->cells);
	row->count = 0;
}

void
rows_take(struct rowset *into, struct rowset *from)
{
	size_t total, width = into->column_count;
	char **cells;

	if (from == NULL) {
		into->is_torn = true;
		return;
	}
	ASSERT(from->column_count == width);
	into->is_torn |= from->is_torn;
	total = into->row_count + from->row_count;
	cells = from->row_count == 0
			? NULL
			: mem_realloc(into->cells,
				      total * width * sizeof(*cells));
	if (cells != NULL) {
		memcpy(cells + into->row_count * width, from->cells,
		       from->row_count * width * sizeof(*cells));
		into->cells = cells;
		into->row_count = into->row_room = total;
		from->row_count = 0;
	}
	into->is_torn |= from->row_count > 0;
	rowset_free(from);
}
