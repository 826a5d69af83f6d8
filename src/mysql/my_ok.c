/*
 * See my_ok.h.
 *
 * An OK is: its first byte, affected rows, insert id, status, warnings; then,
 * if there is any, a text; then, if the status says so, the changes, of which
 * each has a type and a length.  Where there are changes the text stands there
 * though it be empty.
 */
#include "my_ok.h"

#include <string.h>

#include "base/mem.h"
#include "my_caps.h"
#include "my_packet.h"
#include "my_response.h"

#define FIXED_MAX 23u    /* first byte, two numbers, status, warnings */
#define NAME_MAX_LEN 64u /* of a variable; none is longer */
#define SMALL_MAX 256u

const struct my_wish my_wish_default = {
	.kinds = MY_WISH_VARIABLES | MY_WISH_SCHEMA,
	.variables = "autocommit,character_set_client,"
		     "character_set_connection,character_set_results,"
		     "time_zone",
};

/* ---- reading ---- */

static struct my_text
read_text(struct my_bytes *b)
{
	struct my_text text;

	text.data = my_read_text(b, &text.len);
	return text;
}

bool
my_tracker_next(struct my_bytes *at, struct my_tracker *t)
{
	if (at->left == 0)
		return false;
	t->type = my_read_u8(at);
	t->data = read_text(at);
	return !at->has_failed;
}

bool
my_tracker_variable(struct my_bytes *at, struct my_text *name,
		    struct my_text *value)
{
	if (at->left == 0)
		return false;
	*name = read_text(at);
	*value = read_text(at);
	return !at->has_failed;
}

struct my_text
my_tracker_text(const struct my_tracker *t)
{
	struct my_bytes b = my_bytes(t->data.data, t->data.len);

	return read_text(&b);
}

static bool
is_variables_sane(struct my_bytes b)
{
	struct my_text name, value;

	while (my_tracker_variable(&b, &name, &value))
		;
	return !b.has_failed;
}

static bool
is_tracker_sane(const struct my_tracker *t)
{
	struct my_bytes b = my_bytes(t->data.data, t->data.len);

	switch (t->type) {
	case MY_TRACKER_VARIABLES:
		return is_variables_sane(b);
	case MY_TRACKER_SCHEMA:
	case MY_TRACKER_CHARACTERISTICS:
	case MY_TRACKER_TRANSACTION:
		(void)read_text(&b);
		return !b.has_failed && b.left == 0;
	case MY_TRACKER_STATE:
		return b.left > 0;
	default:
		return true; /* passed on or left out as a whole */
	}
}

static bool
is_sane(const struct my_ok *ok)
{
	struct my_bytes at = my_trackers(ok);
	struct my_tracker t;

	while (my_tracker_next(&at, &t))
		if (!is_tracker_sane(&t))
			return false;
	return !at.has_failed;
}

bool
my_ok_parse(struct my_ok *ok, const uint8_t *payload, size_t len)
{
	struct my_bytes b = my_bytes(payload, len);

	*ok = (struct my_ok){ 0 };
	ok->first = my_read_u8(&b);
	ok->affected = my_read_lenenc(&b);
	ok->insert_id = my_read_lenenc(&b);
	ok->status = my_read_u16(&b);
	ok->warnings = my_read_u16(&b);
	if (b.left > 0)
		ok->info = read_text(&b);
	if (b.left > 0 && (ok->status & MY_STATUS_STATE_CHANGED) != 0)
		ok->trackers = read_text(&b);
	if (b.has_failed || b.left > 0)
		return false;
	return (ok->first == 0x00 || ok->first == 0xfe) && is_sane(ok);
}

/* ---- for a client ---- */

static bool
is_wished_name(const struct my_wish *wish, const struct my_text *name)
{
	char copy[NAME_MAX_LEN + 1];

	if (wish->variables == NULL)
		return false;
	if (name->len > NAME_MAX_LEN ||
	    memchr(name->data, '\0', name->len) != NULL)
		return strcmp(wish->variables, "*") == 0;
	memcpy(copy, name->data, name->len);
	copy[name->len] = '\0';
	return text_in_list(copy, wish->variables);
}

/*
 * Copies what is wished of a change's variables to out, unless that is NULL,
 * and returns how much that is.
 */
static size_t
wished_variables(uint8_t *out, const struct my_wish *wish,
		 const struct my_tracker *t)
{
	struct my_bytes at = my_bytes(t->data.data, t->data.len);
	struct my_text name, value;
	const uint8_t *from = at.at;
	size_t n = 0;

	while (my_tracker_variable(&at, &name, &value)) {
		size_t len = (size_t)(at.at - from);

		if (is_wished_name(wish, &name)) {
			if (out != NULL)
				memmove(out + n, from, len);
			n += len;
		}
		from = at.at;
	}
	return n;
}

/* The same of a change of any type; 0: nothing is wished. */
static size_t
wished_data(uint8_t *out, const struct my_wish *wish,
	    const struct my_tracker *t)
{
	static const uint8_t kinds[] = {
		[MY_TRACKER_VARIABLES] = MY_WISH_VARIABLES,
		[MY_TRACKER_SCHEMA] = MY_WISH_SCHEMA,
		[MY_TRACKER_STATE] = MY_WISH_STATE,
		[MY_TRACKER_GTIDS] = MY_WISH_GTIDS,
		[MY_TRACKER_CHARACTERISTICS] = MY_WISH_CHARACTERISTICS,
		[MY_TRACKER_TRANSACTION] = MY_WISH_TRANSACTION,
	};

	if (t->type >= COUNT_OF(kinds) || (wish->kinds & kinds[t->type]) == 0)
		return 0;
	if (t->type == MY_TRACKER_VARIABLES)
		return wished_variables(out, wish, t);
	if (out != NULL)
		memmove(out, t->data.data, t->data.len);
	return t->data.len;
}

static uint8_t *
set_uint(uint8_t *out, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(value >> 8 * i);
	return out + n;
}

static uint8_t *
set_lenenc(uint8_t *out, uint64_t value)
{
	size_t size = my_lenenc_size(value);

	if (size > 1)
		*out++ = size == 3 ? 0xfc : size == 4 ? 0xfd : 0xfe;
	return set_uint(out, value, size > 1 ? size - 1 : 1);
}

static uint8_t *
set_text(uint8_t *out, const struct my_text *text)
{
	/* The text may be overwritten by its own length: first it moves. */
	size_t size = my_lenenc_size(text->len);

	if (text->len > 0)
		memmove(out + size, text->data, text->len);
	return set_lenenc(out, text->len) + text->len;
}

/* All that is wished; returns its length, and writes it unless out is NULL. */
static size_t
wished_trackers(uint8_t *out, const struct my_ok *ok,
		const struct my_wish *wish)
{
	struct my_bytes at = my_trackers(ok);
	struct my_tracker t;
	size_t n = 0;

	while (my_tracker_next(&at, &t)) {
		size_t len = wished_data(NULL, wish, &t);
		size_t head = 1 + my_lenenc_size(len);

		if (len == 0)
			continue;
		if (out != NULL) {
			(void)wished_data(out + n + head, wish, &t);
			out[n] = t.type;
			(void)set_lenenc(out + n + 1, len);
		}
		n += head + len;
	}
	return n;
}

static uint8_t *
set_fixed(uint8_t *out, const struct my_ok *ok, uint16_t status)
{
	*out++ = ok->first;
	out = set_lenenc(out, ok->affected);
	out = set_lenenc(out, ok->insert_id);
	out = set_uint(out, status, 2);
	return set_uint(out, ok->warnings, 2);
}

size_t
my_ok_rewrite(uint8_t *out, const struct my_ok *ok, const struct my_wish *wish)
{
	size_t changes = wished_trackers(NULL, ok, wish);
	unsigned status = ok->status & ~MY_STATUS_STATE_CHANGED;
	uint8_t *at;

	if (changes > 0)
		status |= MY_STATUS_STATE_CHANGED;
	at = set_fixed(out, ok, (uint16_t)status);
	if (changes > 0 || ok->info.len > 0)
		at = set_text(at, &ok->info);
	if (changes > 0) {
		at = set_lenenc(at, changes);
		at += wished_trackers(at, ok, wish);
	}
	return (size_t)(at - out);
}

/* ---- our own ---- */

bool
my_ok_put(struct buf *out, uint8_t *seq, const struct my_ok *ok)
{
	static const struct my_wish all = { .kinds = ~0u, .variables = "*" };
	size_t room = FIXED_MAX + 18 + ok->info.len + ok->trackers.len;
	uint8_t small[SMALL_MAX];
	uint8_t *payload = room <= sizeof(small) ? small : mem_zalloc(room);
	bool is_put;

	if (payload == NULL)
		return false;
	is_put = my_packet_put(out, seq, payload,
			       my_ok_rewrite(payload, ok, &all));
	if (payload != small)
		mem_free(payload);
	return is_put;
}

bool
my_end_put(struct buf *out, uint8_t *seq, uint32_t caps, uint16_t status,
	   uint16_t warnings)
{
	struct my_ok ok = {
		.first = 0xfe,
		.status = status,
		.warnings = warnings,
	};

	if ((caps & MY_CLIENT_DEPRECATE_EOF) == 0)
		return my_packet_put_eof(out, seq, status, warnings);
	return my_ok_put(out, seq, &ok);
}

/* One change whose data is the texts, each with its length. */
static void
put_tracker(struct str *s, enum my_tracker_type type, const char *a,
	    const char *b)
{
	size_t a_len = strlen(a), b_len = b != NULL ? strlen(b) : 0;
	size_t len = my_lenenc_size(a_len) + a_len;

	if (b != NULL)
		len += my_lenenc_size(b_len) + b_len;
	my_put_u8(s, (uint8_t)type);
	my_put_lenenc(s, len);
	my_put_text(s, a, a_len);
	if (b != NULL)
		my_put_text(s, b, b_len);
}

void
my_put_variable(struct str *s, const char *name, const char *value)
{
	put_tracker(s, MY_TRACKER_VARIABLES, name, value);
}

void
my_put_schema(struct str *s, const char *schema)
{
	put_tracker(s, MY_TRACKER_SCHEMA, schema, NULL);
}
