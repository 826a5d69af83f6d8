/*
 * Console results as answers of the MySQL protocol, some rows at a time.
 *
 * A result with columns is a text result set, one with a notice a set of the
 * notice's lines, one with neither an OK; a failure is an ERR, whose hint
 * stands behind the message, for it has no place of its own.  Owns nothing.
 * MySQL Internals, "Text Resultset"; MariaDB, "Result Set Packets".
 */
#include <string.h>

#include "base/mem.h"
#include "my_caps.h"
#include "my_console.h"
#include "my_error.h"
#include "my_response.h"

#define UTF8MB4 45u /* utf8mb4_general_ci: for who named no collation */
#define BINARY 63u  /* the collation of numbers */
#define NULL_CELL 0xfbu
#define FIXED_BYTES 0x0cu /* of a definition, behind its texts */
#define METADATA_FOLLOWS 1u

static const struct type_row {
	uint8_t type;   /* MYSQL_TYPE_* */
	uint32_t width; /* characters shown at most */
	bool is_number;
} types[] = {
	[COLUMN_TEXT] = { 0xfd, 1024, false },
	[COLUMN_INT4] = { 0x03, 11, true },
	[COLUMN_INT8] = { 0x08, 20, true },
	[COLUMN_NUMERIC] = { 0xf6, 66, true },
	[COLUMN_BYTEA] = { 0xfd, 1024, false },
};

/* What the console's errors (errand_end_error, command_decide) are here. */
static const struct {
	char sqlstate[6];
	uint16_t code;
} codes[] = {
	{ "0A000", 1235 }, /* not supported */
	{ "22023", 1231 }, /* a value that cannot be */
	{ "22P02", 1231 },        { "3D000", 1049 }, /* no such database */
	{ "42501", 1227 },                           /* no right */
	{ "42601", MY_ER_PARSE }, { "42704", 1193 }, /* nothing of this name */
	{ "53200", 1041 },                           /* out of memory */
	{ "55P02", 1238 },                           /* read only */
	{ "57014", 1317 },                           /* canceled */
	{ "57P01", 1053 },                           /* shutdown */
};

static unsigned
code_of(const char *sqlstate)
{
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (strcmp(codes[i].sqlstate, sqlstate) == 0)
			return codes[i].code;
	return MY_ER_UNKNOWN;
}

static bool
put_error(struct my_front *f, struct buf *out, const struct rowset *r)
{
	struct str text = { 0 };
	bool done;

	str_puts(&text, r->error);
	if (r->hint != NULL)
		str_printf(&text, " (%s)", r->hint);
	done = !text.failed && my_put_error(out, &f->seq, code_of(r->sqlstate),
					    str_text(&text));
	str_fini(&text);
	return done;
}

/* ---- definitions ---- */

static bool
put_count(struct my_front *f, struct buf *out, size_t count)
{
	struct str s = { 0 };

	my_put_lenenc(&s, count);
	if ((f->ext & MY_MARIADB_CACHE_METADATA) != 0)
		my_put_u8(&s, METADATA_FOLLOWS);
	return my_packet_flush(&s, out, &f->seq);
}

static bool
put_definition(struct my_front *f, struct buf *out,
	       const struct rowset_column *column)
{
	const struct type_row *type = &types[column->type];
	uint16_t text = f->collation != 0 ? f->collation : UTF8MB4;
	struct str s = { 0 };

	my_put_text(&s, "def", 3);
	my_put_lenenc(&s, 0); /* schema */
	my_put_lenenc(&s, 0); /* table, as in the query and by itself */
	my_put_lenenc(&s, 0);
	my_put_text(&s, column->name, strlen(column->name));
	my_put_lenenc(&s, 0); /* the column's own name */
	if ((f->ext & MY_MARIADB_EXTENDED_METADATA) != 0)
		my_put_lenenc(&s, 0);
	my_put_lenenc(&s, FIXED_BYTES);
	my_put_u16(&s, type->is_number ? BINARY : text);
	my_put_u32(&s, type->width);
	my_put_u8(&s, type->type);
	my_put_u16(&s, 0); /* flags */
	my_put_u8(&s, 0);  /* decimals */
	my_put_u16(&s, 0);
	return my_packet_flush(&s, out, &f->seq);
}

static bool
put_definitions(struct my_front *f, struct buf *out,
		const struct rowset_column *columns, size_t count)
{
	if (!put_count(f, out, count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!put_definition(f, out, &columns[i]))
			return false;
	return (f->caps & MY_CLIENT_DEPRECATE_EOF) != 0 ||
	       my_packet_put_eof(out, &f->seq, MY_STATUS_AUTOCOMMIT, 0);
}

/* ---- rows ---- */

static bool
put_row(struct my_front *f, struct buf *out, char *const *cells, size_t count)
{
	struct str s = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (cells[i] == NULL)
			my_put_u8(&s, NULL_CELL);
		else
			my_put_text(&s, cells[i], strlen(cells[i]));
	}
	return my_packet_flush(&s, out, &f->seq);
}

static bool
put_end(struct my_front *f, struct buf *out)
{
	return my_end_put(out, &f->seq, f->caps, MY_STATUS_AUTOCOMMIT, 0);
}

/* Who has no place for notices gets their lines as rows. */
static bool
put_notice(struct my_front *f, struct buf *out, const char *text)
{
	static const struct rowset_column column = { "notice", COLUMN_TEXT };

	if (!put_definitions(f, out, &column, 1))
		return false;
	while (*text != '\0') {
		struct str s = { 0 };
		size_t len;

		/* Clients in batch mode write a tab as two signs. */
		text += strspn(text, "\t");
		len = strcspn(text, "\n");
		my_put_text(&s, text, len);
		if (!my_packet_flush(&s, out, &f->seq))
			return false;
		text += len;
		text += *text == '\n';
	}
	return put_end(f, out);
}

static bool
put_plain(struct my_front *f, struct buf *out, const struct rowset *r)
{
	struct my_ok ok = { .status = MY_STATUS_AUTOCOMMIT };

	if (r->sqlstate[0] != '\0')
		return put_error(f, out, r);
	if (r->notice != NULL)
		return put_notice(f, out, r->notice);
	return my_ok_put(out, &f->seq, &ok);
}

enum rows_result
my_rows_put(struct my_front *f, struct buf *out, const struct rowset *r,
	    bool *is_begun, size_t *next, size_t budget)
{
	if (r->sqlstate[0] != '\0' || r->column_count == 0)
		return put_plain(f, out, r) ? ROWS_DONE : ROWS_NO_MEMORY;
	if (!*is_begun && !put_definitions(f, out, r->columns, r->column_count))
		return ROWS_NO_MEMORY;
	*is_begun = true;
	for (; *next < r->row_count && budget > 0; (*next)++, budget--)
		if (!put_row(f, out, r->cells + *next * r->column_count,
			     r->column_count))
			return ROWS_NO_MEMORY;
	if (*next < r->row_count)
		return ROWS_MORE;
	return put_end(f, out) ? ROWS_DONE : ROWS_NO_MEMORY;
}

enum rows_result
my_front_rows(struct turn *t, const struct rowset *r, size_t *next,
	      size_t budget)
{
	struct my_front *f = t->self;

	return my_rows_put(f, t->out, r, &f->console->is_begun, next, budget);
}
