/*
 * Console results as rows of the Postgres protocol, some at a time.
 *
 * Owns nothing.  PostgreSQL manual, "Message Formats": RowDescription, DataRow.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_console.h"

#define OID_TEXT 25u
#define OID_INT4 23u
#define OID_INT8 20u
#define OID_NUMERIC 1700u
#define OID_BYTEA 17u

static const struct type_row {
	uint32_t oid;
	uint16_t size; /* 0xffff: variable */
} types[] = {
	[COLUMN_TEXT] = { OID_TEXT, 0xffff },
	[COLUMN_INT4] = { OID_INT4, 4 },
	[COLUMN_INT8] = { OID_INT8, 8 },
	[COLUMN_NUMERIC] = { OID_NUMERIC, 0xffff },
	[COLUMN_BYTEA] = { OID_BYTEA, 0xffff },
};

static uint16_t
format_of(const struct pg_console *c, size_t column)
{
	const struct console_portal *p = c->portal;

	if (p == NULL || p->format_count == 0)
		return 0;
	if (p->format_count == 1)
		return p->formats[0];
	return column < p->format_count ? p->formats[column] : 0;
}

static void
put_description(struct str *s, const struct pg_console *c,
		const struct rowset *r)
{
	size_t mark;

	if (c->wait == CONSOLE_DESCRIBE_STATEMENT) {
		mark = pg_put_begin(s, 't');
		pg_put_u16(s, 0);
		pg_put_end(s, mark);
	}
	if (r->column_count == 0) {
		/* A simple Query has no NoData. */
		if (c->wait != CONSOLE_QUERY)
			pg_put_end(s, pg_put_begin(s, 'n'));
		return;
	}
	mark = pg_put_begin(s, 'T');
	pg_put_u16(s, (uint16_t)r->column_count);
	for (size_t i = 0; i < r->column_count; i++) {
		const struct type_row *type = &types[r->columns[i].type];

		pg_put_text(s, r->columns[i].name);
		pg_put_u32(s, 0);
		pg_put_u16(s, 0);
		pg_put_u32(s, type->oid);
		pg_put_u16(s, type->size);
		pg_put_u32(s, UINT32_MAX);
		pg_put_u16(s, format_of(c, i));
	}
	pg_put_end(s, mark);
}

/* A whole number in NUMERIC's binary form: digits to the base of 10000. */
static void
put_numeric(struct str *s, uint64_t value, bool is_negative)
{
	uint16_t digits[5];
	size_t n = 0;

	while (value > 0) {
		digits[n++] = (uint16_t)(value % 10000);
		value /= 10000;
	}
	pg_put_u32(s, (uint32_t)(8 + 2 * n));
	pg_put_u16(s, (uint16_t)n);
	pg_put_u16(s, n == 0 ? 0 : (uint16_t)(n - 1));
	pg_put_u16(s, is_negative ? 0x4000 : 0);
	pg_put_u16(s, 0);
	while (n > 0)
		pg_put_u16(s, digits[--n]);
}

static void
put_binary(struct str *s, enum column_type type, const char *cell)
{
	bool is_negative = cell[0] == '-';
	uint64_t value = 0;

	(void)text_to_u64(cell + is_negative, 10, &value);
	if (type == COLUMN_NUMERIC) {
		put_numeric(s, value, is_negative);
		return;
	}
	if (is_negative)
		value = 0 - value;
	if (type == COLUMN_INT4) {
		pg_put_u32(s, 4);
		pg_put_u32(s, (uint32_t)value);
		return;
	}
	pg_put_u32(s, 8);
	pg_put_u32(s, (uint32_t)(value >> 32));
	pg_put_u32(s, (uint32_t)value);
}

static void
put_cell(struct str *s, enum column_type type, uint16_t format,
	 const char *cell)
{
	size_t len;

	if (cell == NULL) {
		pg_put_u32(s, UINT32_MAX);
		return;
	}
	if (format == 1 && type != COLUMN_TEXT && type != COLUMN_BYTEA) {
		put_binary(s, type, cell);
		return;
	}
	len = strlen(cell);
	pg_put_u32(s, (uint32_t)len);
	str_add(s, cell, len);
}

static void
put_row(struct str *s, const struct pg_console *c, const struct rowset *r,
	size_t row)
{
	size_t mark = pg_put_begin(s, 'D');

	pg_put_u16(s, (uint16_t)r->column_count);
	for (size_t i = 0; i < r->column_count; i++)
		put_cell(s, r->columns[i].type, format_of(c, i),
			 r->cells[row * r->column_count + i]);
	pg_put_end(s, mark);
}

static void
put_tag(struct str *s, const struct rowset *r)
{
	size_t mark = pg_put_begin(s, 'C');

	if (r->column_count > 0 && strcmp(r->tag, "SELECT") == 0) {
		str_printf(s, "SELECT %zu", r->row_count);
		str_putc(s, '\0');
	} else {
		pg_put_text(s, r->tag);
	}
	pg_put_end(s, mark);
}

static bool
is_describe(const struct pg_console *c)
{
	return c->wait == CONSOLE_DESCRIBE_STATEMENT ||
	       c->wait == CONSOLE_DESCRIBE_PORTAL;
}

/* Once: the notice and the columns. */
static void
put_head(struct str *s, struct pg_console *c, const struct rowset *r)
{
	if (c->is_begun)
		return;
	c->is_begun = true;
	if (r->notice != NULL && !is_describe(c))
		pg_put_notice(s, r->notice);
	if (is_describe(c) || (c->wait == CONSOLE_QUERY && r->column_count > 0))
		put_description(s, c, r);
}

/* At most budget rows; true: these were the last, and the tag is written. */
static bool
put_rows(struct str *s, const struct pg_console *c, const struct rowset *r,
	 size_t *next, size_t budget)
{
	for (; *next < r->row_count && budget > 0; budget--)
		put_row(s, c, r, (*next)++);
	if (*next < r->row_count)
		return false;
	put_tag(s, r);
	return true;
}

enum rows_result
pg_front_rows(struct turn *t, const struct rowset *r, size_t *next,
	      size_t budget)
{
	struct pg_front *f = t->self;
	struct pg_console *c = f->console;
	struct str s = { 0 };
	bool is_done = true;

	if (r->sqlstate[0] != '\0') {
		c->has_failed = true;
		pg_put_error(&s,
			     &(struct pg_error_words){ .sqlstate = r->sqlstate,
						       .text = r->error,
						       .hint = r->hint });
	} else {
		put_head(&s, c, r);
		if (!is_describe(c))
			is_done = put_rows(&s, c, r, next, budget);
	}
	if (!pg_put_flush(&s, t->out))
		return ROWS_NO_MEMORY;
	return is_done ? ROWS_DONE : ROWS_MORE;
}
