/*
 * Units of one transaction that leave nothing behind: queries, the extended
 * protocol in its ways, COPY, function calls.
 */
#include <inttypes.h>
#include <string.h>

#include "unit_pieces.h"

void
make_simple(struct unit *u)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	SQL(u, "SELECT '%s' AS \"%s\"", text, text);
	want(u, 'T', RULE_NAME, tag, NULL);
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "I");
	end_step(u);
}

void
make_multi(struct unit *u, struct dice *d)
{
	char a[TAG_BYTES], b[TAG_BYTES], c[TAG_BYTES];
	uint32_t tag_a = new_tag(u, a), tag_b = new_tag(u, b);
	uint32_t tag_c = new_tag(u, c);
	bool fails = dice_roll(d, 3) == 0;

	SQL(u,
	    "SELECT '%s'; SELECT %s'x%s'%s; SELECT '%s' WHERE false;"
	    "SELECT '%s' FROM generate_series(1, 3)",
	    a, fails ? "(" : "substr(", b, fails ? "||'')::int" : ", 2)", b, c);
	want_types(u, "T");
	want(u, 'D', RULE_TAG, tag_a, NULL);
	want_done(u, "SELECT 1");
	if (fails) {
		want(u, 'E', RULE_TAGGED, tag_b, "22P02");
	} else {
		want_types(u, "T");
		want(u, 'D', RULE_TAG, tag_b, NULL);
		want_done(u, "SELECT 1");
		want_types(u, "T");
		want_done(u, "SELECT 0");
		want_types(u, "T");
		want_many(u, 'D', RULE_TAG, tag_c, 3);
		want_done(u, "SELECT 3");
	}
	want_ready(u, "I");
	end_step(u);
}

void
make_queries(struct unit *u, struct dice *d)
{
	uint32_t n = 2 + dice_roll(d, 4);

	while (n-- > 0) {
		char text[TAG_BYTES];
		uint32_t tag = new_tag(u, text);

		if (dice_roll(d, 5) == 0) {
			SQL(u, "SELECT ('x%s'||'')::int", text);
			want(u, 'E', RULE_TAGGED, tag, "22P02");
		} else {
			SQL(u, "SELECT '%s'", text);
			want_types(u, "T");
			want(u, 'D', RULE_TAG, tag, NULL);
			want_done(u, "SELECT 1");
		}
		want_ready(u, "I");
	}
	end_step(u);
}

void
make_extended(struct unit *u)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	PARSE(u, "SELECT $1::text AS \"%s\"", text);
	ask_bind(u, text);
	wire_describe(&u->out, 'P', "");
	want(u, 'T', RULE_NAME, tag, NULL);
	wire_execute(&u->out, "", 0);
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	ask_sync(u, "I");
	end_step(u);
}

/* Errors at Parse, at Bind, and in the middle of rows. */
void
make_error(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	switch (dice_roll(d, 3)) {
	case 0:
		SQL(u,
		    "SELECT '%s/'||g||left((1/(5-g))::text, 0)"
		    " FROM generate_series(1, 9) g",
		    text);
		want_types(u, "T");
		want_many(u, 'D', RULE_NUMBERED, tag, 4);
		want(u, 'E', RULE_ERROR, tag, "22012");
		want_ready(u, "I");
		break;
	case 1:
		wire_parse(&u->out, "SELEC");
		wire_bind(&u->out, "", text);
		wire_execute(&u->out, "", 0);
		want(u, 'E', RULE_ERROR, tag, "42601");
		ask_sync(u, "I");
		break;
	default:
		PARSE(u, "SELECT ('x'||$1::text)::int");
		wire_bind(&u->out, "", text);
		wire_describe(&u->out, 'P', "");
		wire_execute(&u->out, "", 0);
		want(u, 'E', RULE_TAGGED, tag, "22P02");
		ask_sync(u, "I");
		break;
	}
	end_step(u);
}

/* One statement of a group: SELECT of the tag, or one that fails. */
static bool
add_statement(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	if (dice_roll(d, 12) == 0) {
		PARSE(u, "SELECT ('x'||$1::text)::int");
		wire_bind(&u->out, "", text);
		wire_execute(&u->out, "", 0);
		want(u, 'E', RULE_TAGGED, tag, "22P02");
		return false;
	}
	PARSE(u, "SELECT $1::text");
	ask_bind(u, text);
	wire_execute(&u->out, "", 0);
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	return true;
}

/* After an error the server skips to the Sync: nothing answers these. */
static void
add_skipped(struct unit *u)
{
	char text[TAG_BYTES];

	(void)new_tag(u, text);
	wire_parse(&u->out, "SELECT $1::text");
	wire_bind(&u->out, "", text);
	wire_execute(&u->out, "", 0);
}

void
make_pipeline(struct unit *u, struct dice *d)
{
	uint32_t groups = 2 + dice_roll(d, 8);

	while (groups-- > 0) {
		uint32_t n = dice_roll(d, 4);
		bool goes_on = true;

		while (n-- > 0) {
			if (goes_on)
				goes_on = add_statement(u, d);
			else
				add_skipped(u);
		}
		ask_sync(u, "I");
	}
	end_step(u);
}

/* A group in pieces: the answers so far are waited for by Flush. */
void
make_flush(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	PARSE(u, "SELECT $1::text AS \"%s\"", text);
	wire_describe(&u->out, 'S', "");
	want_types(u, "t");
	want(u, 'T', RULE_NAME, tag, NULL);
	wire_plain(&u->out, 'H');
	end_open_step(u);
	ask_bind(u, text);
	wire_plain(&u->out, 'H');
	end_open_step(u);
	wire_execute(&u->out, "", 0);
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	if (dice_roll(d, 2) == 0) {
		wire_plain(&u->out, 'H');
		end_open_step(u);
	}
	ask_sync(u, "I");
	end_step(u);
}

/* Row limits: the portal is suspended, and goes on. */
void
make_limit(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);
	uint32_t rows = 3 + dice_roll(d, 20), limit = 1 + dice_roll(d, 5);
	uint32_t at = 0;
	bool is_stepwise = dice_roll(d, 2) == 0;
	bool is_left = dice_roll(d, 4) == 0; /* suspended for good */

	PARSE(u,
	      "SELECT $1::text||'/'||g FROM generate_series(1, %" PRIu32 ") g",
	      rows);
	wire_bind(&u->out, "p", text);
	want_types(u, "2");
	while (at < rows) {
		uint32_t n = rows - at <= limit ? rows - at : limit;

		wire_execute(&u->out, "p", limit);
		want_many(u, 'D', RULE_NUMBERED, tag, n);
		u->wants[u->want_count - 1].at = at;
		at += n;
		/* A portal whose last row came with the limit is not done. */
		want_types(u, n == limit ? "s" : "C");
		if (is_left && at > limit)
			break;
		if (at == rows && n == limit) {
			wire_execute(&u->out, "p", limit);
			want_types(u, "C");
		}
		if (is_stepwise && u->step_count < 8) {
			wire_plain(&u->out, 'H');
			end_open_step(u);
		}
	}
	ask_sync(u, "I");
	end_step(u);
}

static void
add_copy_rows(struct unit *u, const char *text, uint32_t rows)
{
	for (uint32_t i = 1; i <= rows; i++) {
		char line[TAG_BYTES * 2];
		size_t begin = wire_begin(&u->out, 'd');
		int n = snprintf(line, sizeof(line), "%s\t%" PRIu32 "\n", text,
				 i);

		wire_bytes(&u->out, line, (size_t)n);
		wire_end(&u->out, begin);
	}
}

/* COPY IN that works, is failed by the client, or has a bad row. */
void
make_copy_in(struct unit *u, struct dice *d)
{
	static const char sql[] = "COPY iso_rows FROM STDIN";
	char text[TAG_BYTES], line[TAG_BYTES * 3];
	uint32_t tag = new_tag(u, text), rows = 1 + dice_roll(d, 30);
	uint32_t how = dice_roll(d, 4);
	bool is_extended = dice_roll(d, 2) == 0;
	size_t begin;

	u->row_tag = tag;
	u->row_count = u->row_most = how < 2 ? rows : 0;
	if (is_extended) {
		PARSE(u, "%s", sql);
		ask_bind(u, NULL);
		wire_execute(&u->out, "", 0);
		wire_plain(&u->out, 'H');
	} else {
		wire_query(&u->out, sql);
	}
	want_types(u, "G");
	end_step(u)->leaves = is_extended ? LEAVES_GROUP : LEAVES_COPY;
	add_copy_rows(u, text, rows);
	if (how == 2) {
		begin = wire_begin(&u->out, 'f');
		wire_text(&u->out, text);
		wire_end(&u->out, begin);
		want(u, 'E', RULE_COPYFAIL, tag, "57014");
	} else if (how == 3) {
		begin = wire_begin(&u->out, 'd');
		snprintf(line, sizeof(line), "%s\tx%s\n", text, text);
		wire_bytes(&u->out, line, strlen(line));
		wire_end(&u->out, begin);
		add_copy_rows(u, text, rows);
		wire_plain(&u->out, 'c');
		want(u, 'E', RULE_TAGGED, tag, "22P02");
	} else {
		wire_plain(&u->out, 'c');
		want_done_count(u, "COPY ", rows);
	}
	if (is_extended)
		ask_sync(u, "I");
	else
		want_ready(u, "I");
	end_step(u);
}

void
make_copy_out(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text), rows = 1 + dice_roll(d, 60);

	SQL(u,
	    "COPY (SELECT '%s/'||g FROM generate_series(1, %" PRIu32
	    ") g) TO STDOUT",
	    text, rows);
	want_types(u, "H");
	want_many(u, 'd', RULE_COPY, tag, rows);
	want_types(u, "c");
	want_done_count(u, "COPY ", rows);
	want_ready(u, "I");
	end_step(u);
}

void
make_function(struct unit *u, struct dice *d)
{
	enum { TEXTCAT = 1258 };
	uint32_t n = 1 + dice_roll(d, 3);

	while (n-- > 0) {
		char text[TAG_BYTES];
		uint32_t tag = new_tag(u, text);
		size_t begin = wire_begin(&u->out, 'F');

		wire_u32(&u->out, TEXTCAT);
		wire_u16(&u->out, 0);
		wire_u16(&u->out, 2);
		wire_u32(&u->out, (uint32_t)strlen(text));
		wire_bytes(&u->out, text, strlen(text));
		wire_u32(&u->out, 2);
		wire_bytes(&u->out, "-f", 2);
		wire_u16(&u->out, 0);
		wire_end(&u->out, begin);
		want(u, 'V', RULE_FUNCTION, tag, NULL);
		want_ready(u, "I");
	}
	end_step(u);
}
