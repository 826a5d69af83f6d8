/*
 * The machine of my_response.h.
 *
 * A result set begins with the number of its columns.  The definitions follow,
 * in the old style an EOF, then rows up to an EOF, or to an OK whose first byte
 * is that of an EOF; each OK and EOF says whether another result follows.  An
 * ERR ends everything at any place.  A row may begin with 0xFE when its first
 * value takes 16 MiB or more, so the packet that ends the rows is told by its
 * length.  A row of 16 MiB goes on in the next packet, and what goes on is
 * data, whatever it begins with; nothing but rows becomes as long.
 *
 * MariaDB sends the new form of the end also where COM_FIELD_LIST, COM_DEBUG
 * and COM_SET_OPTION had an EOF, MySQL does not everywhere: both are taken.
 */
#include "my_response.h"

#include "base/mem.h"

#define EOF_SIZE 5u
#define OK_MIN 7u /* number, two numbers of a byte, status, warnings */
#define PREPARED_MIN 12u
#define ERROR_PROGRESS 0xffffu

void
my_response_begin(struct my_response *r, enum my_answer answer, unsigned with)
{
	static const uint8_t first[] = {
		[MY_ANSWER_RESULT] = MY_STATE_BEGIN,
		[MY_ANSWER_PREPARE] = MY_STATE_BEGIN,
		[MY_ANSWER_FETCH] = MY_STATE_ROWS,
		[MY_ANSWER_FIELDS] = MY_STATE_LISTED,
		[MY_ANSWER_SHORT] = MY_STATE_BEGIN,
		[MY_ANSWER_TEXT] = MY_STATE_BEGIN,
		[MY_ANSWER_AUTH] = MY_STATE_BEGIN,
		[MY_ANSWER_NONE] = MY_STATE_OVER,
	};

	ASSERT((unsigned)answer < COUNT_OF(first));
	*r = (struct my_response){
		.answer = (uint8_t)answer,
		.state = first[answer],
		.with = (uint8_t)with,
		.is_over = answer == MY_ANSWER_NONE,
	};
}

static enum my_packet_kind
bad(struct my_response *r)
{
	r->state = MY_STATE_BAD;
	r->is_over = true;
	return MY_PACKET_BAD;
}

static enum my_packet_kind
end(struct my_response *r, enum my_packet_kind kind)
{
	r->state = MY_STATE_OVER;
	r->is_over = true;
	return kind;
}

/* A result is complete: another one, or the end. */
static enum my_packet_kind
end_result(struct my_response *r, enum my_packet_kind kind)
{
	if ((r->status & MY_STATUS_MORE_RESULTS) == 0 ||
	    r->answer != MY_ANSWER_RESULT)
		return end(r, kind);
	r->state = MY_STATE_BEGIN;
	return kind;
}

static void
take_warnings(struct my_response *r, struct my_bytes *b)
{
	r->warnings = my_read_u16(b);
	r->has_warned |= r->warnings > 0;
}

/* What an OK says, in either form; false when it is cut off. */
static bool
read_ok(struct my_response *r, struct my_bytes b)
{
	(void)my_read_u8(&b);
	r->affected = my_read_lenenc(&b);
	r->insert_id = my_read_lenenc(&b);
	r->status = my_read_u16(&b);
	take_warnings(r, &b);
	r->has_status = !b.has_failed;
	return !b.has_failed;
}

static void
read_eof(struct my_response *r, struct my_bytes b)
{
	(void)my_read_u8(&b);
	take_warnings(r, &b);
	r->status = my_read_u16(&b);
	r->has_status = true;
}

/*
 * A packet that begins with 0xFE and is no row: the end of a result, where
 * those who agreed on it may see an OK in its place.
 */
static enum my_packet_kind
take_end(struct my_response *r, struct my_bytes b)
{
	if (b.left == EOF_SIZE) {
		read_eof(r, b);
		return end_result(r, MY_PACKET_EOF);
	}
	if ((r->with & MY_WITH_EOF) != 0 || b.left < OK_MIN || !read_ok(r, b))
		return bad(r);
	return end_result(r, MY_PACKET_END);
}

static enum my_packet_kind
take_error(struct my_response *r, struct my_bytes b)
{
	uint16_t error;

	(void)my_read_u8(&b);
	error = my_read_u16(&b);
	if (b.has_failed)
		return bad(r);
	if (error == ERROR_PROGRESS)
		return MY_PACKET_PROGRESS;
	r->error = error;
	return end(r, MY_PACKET_ERR);
}

static enum my_packet_kind
take_prepared(struct my_response *r, struct my_bytes b)
{
	if (b.left < PREPARED_MIN)
		return bad(r);
	(void)my_read_u8(&b);
	r->statement = my_read_u32(&b);
	r->columns = my_read_u16(&b);
	r->params = my_read_u16(&b);
	(void)my_read_u8(&b);
	take_warnings(r, &b);
	r->left = r->params > 0 ? r->params : r->columns;
	if (r->left == 0)
		return end(r, MY_PACKET_PREPARED);
	r->state = r->params > 0 ? MY_STATE_PARAMS : MY_STATE_COLUMNS;
	return MY_PACKET_PREPARED;
}

/* The definitions are complete, or the server leaves them out. */
static void
end_fields(struct my_response *r)
{
	r->state = (r->with & MY_WITH_EOF) != 0 ? MY_STATE_FIELDS_EOF
						: MY_STATE_ROWS;
}

static enum my_packet_kind
take_count(struct my_response *r, struct my_bytes b)
{
	uint64_t columns = my_read_lenenc(&b);
	uint8_t follow = 1;

	if ((r->with & MY_WITH_CACHE) != 0)
		follow = my_read_u8(&b);
	if (b.has_failed || b.left > 0 || columns == 0 || columns > UINT16_MAX)
		return bad(r);
	r->left = (uint32_t)columns;
	r->has_rows = true;
	r->state = MY_STATE_FIELDS;
	if (follow == 0)
		end_fields(r);
	return MY_PACKET_COUNT;
}

/* The first packet of an answer to a statement, or of a further result. */
static enum my_packet_kind
take_result(struct my_response *r, struct my_bytes b)
{
	switch (b.at[0]) {
	case 0x00:
		return read_ok(r, b) ? end_result(r, MY_PACKET_OK) : bad(r);
	case 0xfb:
		r->state = MY_STATE_AFTER_FILE;
		return MY_PACKET_FILE;
	case 0xfe:
		return bad(r);
	default:
		return take_count(r, b);
	}
}

/* The one packet, or the first of the few, that are no result set. */
static enum my_packet_kind
take_short(struct my_response *r, struct my_bytes b)
{
	uint8_t first = b.at[0];

	if (first == 0x00 && r->answer == MY_ANSWER_PREPARE)
		return take_prepared(r, b);
	if (first == 0x00)
		return read_ok(r, b) ? end_result(r, MY_PACKET_OK) : bad(r);
	if (r->answer == MY_ANSWER_SHORT && first == 0xfe)
		return take_end(r, b);
	if (r->answer == MY_ANSWER_AUTH && (first == 0x01 || first == 0xfe))
		return MY_PACKET_AUTH;
	return bad(r);
}

static enum my_packet_kind
take_row(struct my_response *r, struct my_bytes b, size_t len)
{
	/* A value of 16 MiB fills its packet; the end never does. */
	if (b.at[0] != 0xfe || len == MY_PAYLOAD_MAX ||
	    ((r->with & MY_WITH_EOF) != 0 && len > 8))
		return MY_PACKET_ROW;
	return take_end(r, b);
}

/* The old style's EOF behind definitions; next: what follows it. */
static enum my_packet_kind
take_eof(struct my_response *r, struct my_bytes b, enum my_response_state next)
{
	if (b.at[0] != 0xfe || b.left != EOF_SIZE)
		return bad(r);
	read_eof(r, b);
	if (next == MY_STATE_OVER)
		return end(r, MY_PACKET_EOF);
	r->state = (uint8_t)next;
	return MY_PACKET_EOF;
}

/* The parameters are described; columns follow, or nothing. */
static enum my_response_state
after_params(struct my_response *r)
{
	r->left = r->columns;
	return r->columns > 0 ? MY_STATE_COLUMNS : MY_STATE_OVER;
}

/* A definition, of which there are some left. */
static enum my_packet_kind
take_field(struct my_response *r)
{
	enum my_response_state next;

	if (--r->left > 0)
		return MY_PACKET_FIELD;
	if (r->state == MY_STATE_FIELDS) {
		end_fields(r);
		return MY_PACKET_FIELD;
	}
	if ((r->with & MY_WITH_EOF) != 0) {
		r->state = r->state == MY_STATE_PARAMS ? MY_STATE_PARAMS_EOF
						       : MY_STATE_COLUMNS_EOF;
		return MY_PACKET_FIELD;
	}
	next = r->state == MY_STATE_PARAMS ? after_params(r) : MY_STATE_OVER;
	if (next == MY_STATE_OVER)
		return end(r, MY_PACKET_FIELD);
	r->state = (uint8_t)next;
	return MY_PACKET_FIELD;
}

/* The end of the definitions in a result set; a cursor keeps its rows. */
static enum my_packet_kind
take_fields_eof(struct my_response *r, struct my_bytes b)
{
	enum my_packet_kind kind = take_eof(r, b, MY_STATE_ROWS);

	if (kind == MY_PACKET_EOF && (r->with & MY_WITH_CURSOR) != 0 &&
	    (r->status & MY_STATUS_CURSOR_EXISTS) != 0)
		return end_result(r, kind);
	return kind;
}

static enum my_packet_kind
take_in_state(struct my_response *r, struct my_bytes b, size_t len)
{
	switch ((enum my_response_state)r->state) {
	case MY_STATE_BEGIN:
		return r->answer == MY_ANSWER_RESULT ? take_result(r, b)
						     : take_short(r, b);
	case MY_STATE_AFTER_FILE:
		return take_short(r, b);
	case MY_STATE_FIELDS:
	case MY_STATE_PARAMS:
	case MY_STATE_COLUMNS:
		return b.at[0] == 0xfe ? bad(r) : take_field(r);
	case MY_STATE_LISTED:
		return b.at[0] == 0xfe ? take_end(r, b) : MY_PACKET_FIELD;
	case MY_STATE_FIELDS_EOF:
		return take_fields_eof(r, b);
	case MY_STATE_PARAMS_EOF:
		return take_eof(r, b, after_params(r));
	case MY_STATE_COLUMNS_EOF:
		return take_eof(r, b, MY_STATE_OVER);
	case MY_STATE_ROWS:
		return take_row(r, b, len);
	case MY_STATE_OVER:
	case MY_STATE_BAD:
		break;
	}
	return bad(r);
}

enum my_packet_kind
my_response_take(struct my_response *r, const uint8_t *head, size_t len)
{
	struct my_bytes seen = my_bytes(head, len < MY_HEAD ? len : MY_HEAD);
	enum my_packet_kind kind;

	if (r->is_cut) {
		r->is_cut = len == MY_PAYLOAD_MAX;
		return MY_PACKET_MORE;
	}
	if (r->answer == MY_ANSWER_TEXT && !r->is_over && len < MY_PAYLOAD_MAX)
		return end(r, MY_PACKET_TEXT);
	if (len == 0 || r->is_over)
		return bad(r);
	/* Nothing but a row is as long, and no row begins so. */
	if (len == MY_PAYLOAD_MAX &&
	    (r->state != MY_STATE_ROWS || head[0] == 0xff))
		return bad(r);
	if (head[0] == 0xff)
		return take_error(r, seen);
	kind = take_in_state(r, seen, len);
	r->is_cut = len == MY_PAYLOAD_MAX;
	return kind;
}

size_t
my_response_take_rows(struct my_response *r, struct my_scan *s, size_t at,
		      uint8_t *seq)
{
	size_t from = at;
	struct my_head h;
	uint8_t first;

	if (r->state != MY_STATE_ROWS)
		return 0;
	while (at <= s->in->len && my_head_scan(s, at, &h)) {
		if (!r->is_cut) {
			if (h.len == 0 || s->in->len - at <= MY_HEADER)
				break;
			first = *my_scan_view(s, at + MY_HEADER, 1, &first);
			if (first >= 0xfe)
				break;
		}
		r->is_cut = h.len == MY_PAYLOAD_MAX;
		*seq = h.seq;
		at += MY_HEADER + (size_t)h.len;
	}
	return at - from;
}
