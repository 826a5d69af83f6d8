/* Where answers end: recorded ones, written ones, broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mysql/my_response.h"
#include "recorded.h"

/* One letter for each kind of packet. */
static const char letters[] = {
	[MY_PACKET_OK] = 'K',       [MY_PACKET_ERR] = 'X',
	[MY_PACKET_EOF] = 'E',      [MY_PACKET_END] = 'N',
	[MY_PACKET_FILE] = 'F',     [MY_PACKET_COUNT] = 'C',
	[MY_PACKET_PREPARED] = 'P', [MY_PACKET_FIELD] = 'd',
	[MY_PACKET_ROW] = 'r',      [MY_PACKET_TEXT] = 't',
	[MY_PACKET_AUTH] = 'a',     [MY_PACKET_PROGRESS] = 'p',
	[MY_PACKET_MORE] = 'm',     [MY_PACKET_BAD] = '!',
};

/* All packets of the bytes but the first `skip`; stops at the answer's end. */
static size_t
take_all(struct my_response *r, const char *data, size_t len, struct str *kinds)
{
	size_t at = 0;

	while (at + MY_HEADER <= len && !r->is_over) {
		const uint8_t *p = (const uint8_t *)data + at;
		uint32_t payload = my_get_u24(p);
		uint8_t head[MY_HEAD];

		/* Of its own size: what reads beyond it is seen. */
		memset(head, 0xee, sizeof(head));
		memcpy(head, p + MY_HEADER,
		       payload < MY_HEAD ? payload : MY_HEAD);
		str_putc(kinds, letters[my_response_take(r, head, payload)]);
		at += MY_HEADER + payload;
	}
	return at;
}

static struct recordings recordings;

static void
recordings_end_where_they_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < recordings.count; i++) {
		const struct recorded *rec = &recordings.list[i];
		struct str kinds = { 0 };
		struct my_response r;

		my_response_begin(&r, rec->answer, rec->with);
		if (take_all(&r, rec->wire.data, rec->wire.len, &kinds) !=
			    rec->wire.len ||
		    !r.is_over || strchr(str_text(&kinds), '!') != NULL)
			fail_msg("%s: %s", rec->name, str_text(&kinds));
		str_fini(&kinds);
	}
}

static void
recordings_are_read_right(void **state)
{
	static const struct row {
		const char *name, *kinds;
		uint16_t status, error;
	} rows[] = {
		{ "eof rows", "CddErrrE", 0x22, 0 },
		{ "ok rows", "CddrrrN", 0x22, 0 },
		{ "eof no rows", "CddEE", 0x2, 0 },
		{ "eof null first", "CddErE", 0x2, 0 },
		{ "ok null only", "CdrN", 0x2, 0 },
		{ "ok empty text", "CdrN", 0x2, 0 },
		{ "eof insert", "K", 0x2, 0 },
		{ "eof begin", "K", 0x3, 0 },
		{ "eof syntax", "X", 0, 1064 },
		{ "eof multi", "CdErEKCddErEKK", 0x22, 0 },
		{ "ok multi", "CdrNKCddrNKK", 0x22, 0 },
		{ "ok multi error", "CdrNCdrNX", 0xa, 1064 },
		{ "eof call", "CdErECdErrrEK", 0x22, 0 },
		{ "ok call error", "CdrNX", 0xa, 1644 },
		{ "ok error in rows", "CddrrX", 0, 1242 },
		{ "eof prepare both", "PddEddE", 0x2, 0 },
		{ "ok prepare both", "Pdddd", 0, 0 },
		{ "eof prepare params", "PdE", 0x2, 0 },
		{ "ok prepare params", "Pd", 0, 0 },
		{ "eof prepare columns", "PddE", 0x2, 0 },
		{ "eof prepare neither", "P", 0, 0 },
		{ "eof prepare syntax", "X", 0, 1064 },
		{ "eof cursor", "CddE", 0x62, 0 },
		{ "ok cursor", "CddN", 0x62, 0 },
		{ "eof fetch", "rrE", 0x42, 0 },
		{ "ok fetch rest", "rrN", 0x82, 0 },
		{ "eof fetch closed", "X", 0, 1421 },
		{ "eof cursor without rows", "K", 0x2, 0 },
		{ "eof cursor empty", "CdE", 0x42, 0 },
		{ "ok out parameters", "CdrNCddrNK", 0x2, 0 },
		{ "eof cache execute", "CErrrrrE", 0x22, 0 },
		{ "ok cache execute", "CrrrrrN", 0x22, 0 },
		{ "eof cache cursor", "CddE", 0x62, 0 },
		{ "eof field list", "dddE", 0x2, 0 },
		{ "ok field list", "dddN", 0x2, 0 },
		{ "eof statistics", "t", 0, 0 },
		{ "eof set option", "E", 0x2, 0 },
		{ "ok set option", "N", 0x2, 0 },
		{ "ok debug", "N", 0x2, 0 },
		{ "eof local file", "FK", 0x2, 0 },
		{ "ok local file and more", "FKCdrN", 0x2, 0 },
		{ "eof local file refused", "X", 0, 1146 },
		{ "ok bulk", "K", 0x2, 0 },
		{ "ok bulk returning", "CdrrN", 0x2, 0 },
		{ "ok bulk duplicate", "X", 0, 1062 },
	};
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct recorded *rec =
			recordings_find(&recordings, rows[i].name);
		struct str kinds = { 0 };
		struct my_response r;

		my_response_begin(&r, rec->answer, rec->with);
		(void)take_all(&r, rec->wire.data, rec->wire.len, &kinds);
		if (strcmp(str_text(&kinds), rows[i].kinds) != 0 ||
		    r.status != rows[i].status || r.error != rows[i].error) {
			print_error("%s: %s, status %#x, error %u\n",
				    rows[i].name, str_text(&kinds), r.status,
				    r.error);
			wrong++;
		}
		str_fini(&kinds);
	}
	assert_int_equal(wrong, 0);
}

/* How far an ALTER TABLE is: said in ERR packets that end nothing. */
static void
progress(void **state)
{
	const struct recorded *rec = recordings_find(&recordings, "progress");
	struct str kinds = { 0 };
	struct my_response r;

	(void)state;
	my_response_begin(&r, rec->answer, rec->with);
	(void)take_all(&r, rec->wire.data, rec->wire.len, &kinds);
	assert_true(kinds.len > 1);
	assert_int_equal(strspn(str_text(&kinds), "p"), kinds.len - 1);
	assert_int_equal(kinds.data[kinds.len - 1], 'K');
	assert_int_equal(r.error, 0);
	assert_int_equal(r.affected, 1500000);
	str_fini(&kinds);
}

static void
numbers(void **state)
{
	const struct recorded *rec = recordings_find(&recordings, "ok insert");
	struct str kinds = { 0 };
	struct my_response r;

	(void)state;
	my_response_begin(&r, rec->answer, rec->with);
	assert_false(r.has_status);
	(void)take_all(&r, rec->wire.data, rec->wire.len, &kinds);
	assert_true(r.has_status);
	assert_int_equal(r.affected, 2);
	assert_true(r.insert_id > 0);
	str_fini(&kinds);
	rec = recordings_find(&recordings, "eof prepare many");
	my_response_begin(&r, rec->answer, rec->with);
	(void)take_all(&r, rec->wire.data, rec->wire.len, &kinds);
	assert_int_equal(r.params, 3);
	assert_int_equal(r.columns, 12);
	assert_true(r.statement > 0);
	str_fini(&kinds);
	rec = recordings_find(&recordings, "ok warning");
	my_response_begin(&r, rec->answer, rec->with);
	(void)take_all(&r, rec->wire.data, rec->wire.len, &kinds);
	assert_int_equal(r.warnings, 1);
	str_fini(&kinds);
}

/* A packet of a script: a length, which may be larger than the bytes. */
struct packet {
	const char *head;
	size_t size; /* of head */
	size_t len;  /* 0: size */
};

#define P(text)                                                                \
	{                                                                      \
		text, sizeof(text) - 1, 0                                      \
	}
#define LONG(text, n)                                                          \
	{                                                                      \
		text, sizeof(text) - 1, n                                      \
	}
#define MAX MY_PAYLOAD_MAX

struct script {
	const char *what;
	enum my_answer answer;
	unsigned with;
	struct packet packets[9];
	const char *kinds;
	bool is_open; /* after all of them */
};

#define DEF P("\3def...")
#define EOF_2 P("\xfe\0\0\2\0")
#define END_2 P("\xfe\0\0\2\0\0\0")
#define OK_2 P("\0\0\0\2\0\0\0")

static const struct script scripts[] = {
	/* Rows as long as a packet can be, and what their pieces look like. */
	{ "a row and an empty piece",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\1"), DEF, EOF_2, LONG("\xfd\xff\xff\xff", MAX), P(""), EOF_2 },
	  "CdErmE",
	  false },
	{ "pieces that look like ends",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\1"), DEF, EOF_2, LONG("\xfe", MAX), EOF_2, LONG("x", MAX),
	    P("\xff\x15\4x"), P("\1x"), EOF_2 },
	  "CdErmrmrE",
	  false },
	{ "long pieces",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\1"), DEF, LONG("\xfe", MAX), LONG("\xff", MAX), LONG("\0", MAX),
	    END_2, P("\xfb"), END_2 },
	  "CdrmmmrN",
	  false },
	{ "FE begins a row by its length alone",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\1"), DEF, EOF_2, LONG("\xfe\0\0\0\1\0\0\0\0", MAX - 1),
	    LONG("\xfe\1\0\0\0\0\0\0\0", 10), LONG("\xfe\1\0\0\0", 9), EOF_2 },
	  "CdErrrE",
	  false },
	{ "without EOFs FE is an end at any length but the largest",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\1"), DEF, LONG("\xfe\0\0\2\0\0\0", MAX - 1) },
	  "CdN",
	  false },
	/* Ends. */
	{ "an EOF where an OK might stand",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\1"), DEF, P("\1x"), EOF_2 },
	  "CdrE",
	  false },
	{ "an OK where the EOF should stand",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\1"), DEF, EOF_2, END_2 },
	  "CdE!",
	  false },
	{ "an EOF with too little in it",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\1"), DEF, EOF_2, P("\xfe") },
	  "CdE!",
	  false },
	{ "rows in place of the EOF behind definitions",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\1"), DEF, P("\1x") },
	  "Cd!",
	  false },
	{ "one definition too few",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\2"), DEF, EOF_2 },
	  "Cd!",
	  false },
	{ "a cursor that nobody asked for",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\1"), DEF, P("\xfe\0\0\x42\0"), P("\1x"), EOF_2 },
	  "CdErE",
	  false },
	{ "a cursor that was asked for and is none",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF | MY_WITH_CURSOR,
	  { P("\1"), DEF, EOF_2, P("\1x"), EOF_2 },
	  "CdErE",
	  false },
	/* Several results. */
	{ "another result is promised",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\0\0\0\x0a\0\0\0") },
	  "K",
	  true },
	{ "an ERR breaks any promise",
	  MY_ANSWER_RESULT,
	  MY_WITH_EOF,
	  { P("\0\0\0\x0a\0\0\0"), P("\xff\x28\4#42000") },
	  "KX",
	  false },
	{ "more is no matter of short answers",
	  MY_ANSWER_SHORT,
	  MY_WITH_EOF,
	  { P("\0\0\0\x0a\0\0\0") },
	  "K",
	  false },
	{ "an ERR among the definitions",
	  MY_ANSWER_PREPARE,
	  0,
	  { P("\0\1\0\0\0\1\0\1\0\0\0\0"), DEF, P("\xff\x28\4#42000") },
	  "PdX",
	  false },
	{ "a file, then a result set",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\xfb"
	      "f"),
	    P("\1") },
	  "F!",
	  false },
	{ "a file, then an error",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\xfb"
	      "f"),
	    P("\xff\x28\4#42000") },
	  "FX",
	  false },
	{ "no file is asked of a short answer",
	  MY_ANSWER_SHORT,
	  0,
	  { P("\xfb"
	      "f") },
	  "!",
	  false },
	/* Other answers. */
	{ "EOFs of a list, as MySQL has them",
	  MY_ANSWER_FIELDS,
	  0,
	  { DEF, EOF_2 },
	  "dE",
	  false },
	{ "an empty list", MY_ANSWER_FIELDS, 0, { END_2 }, "N", false },
	{ "any text", MY_ANSWER_TEXT, 0, { P("\xff\x28\4") }, "t", false },
	{ "no text", MY_ANSWER_TEXT, 0, { P("") }, "t", false },
	{ "a login with another method",
	  MY_ANSWER_AUTH,
	  0,
	  { P("\xfe"
	      "mysql_native_password\0abc"),
	    P("\1\4"), OK_2 },
	  "aaK",
	  false },
	{ "a login refused",
	  MY_ANSWER_AUTH,
	  0,
	  { P("\xff\x15\4#28000") },
	  "X",
	  false },
	{ "a login with a second factor",
	  MY_ANSWER_AUTH,
	  0,
	  { P("\2x") },
	  "!",
	  false },
	/* Broken ones. */
	{ "nothing", MY_ANSWER_RESULT, 0, { P("") }, "!", false },
	{ "an OK cut off",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\0\0\0\2\0\0") },
	  "!",
	  false },
	{ "an OK with a number cut off",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\0\xfc\1") },
	  "!",
	  false },
	{ "an ERR cut off",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\xff\x28") },
	  "!",
	  false },
	{ "no columns", MY_ANSWER_RESULT, 0, { P("\xfc\0\0") }, "!", false },
	{ "too many columns",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\xfd\0\0\1") },
	  "!",
	  false },
	{ "a count cut off", MY_ANSWER_RESULT, 0, { P("\xfc\1") }, "!", false },
	{ "a count with something behind",
	  MY_ANSWER_RESULT,
	  0,
	  { P("\1\1") },
	  "!",
	  false },
	{ "a count without the byte behind",
	  MY_ANSWER_RESULT,
	  MY_WITH_CACHE,
	  { P("\1") },
	  "!",
	  false },
	{ "an EOF for a start", MY_ANSWER_RESULT, 0, { EOF_2 }, "!", false },
	{ "a prepared statement cut off",
	  MY_ANSWER_PREPARE,
	  0,
	  { P("\0\1\0\0\0\0\0\0\0\0\0") },
	  "!",
	  false },
	{ "an empty row", MY_ANSWER_FETCH, 0, { P("") }, "!", false },
	{ "a long OK",
	  MY_ANSWER_RESULT,
	  0,
	  { LONG("\0\0\0\2\0\0\0", MAX) },
	  "!",
	  false },
	{ "a long ERR",
	  MY_ANSWER_FETCH,
	  0,
	  { LONG("\xff\x28\4#", MAX) },
	  "!",
	  false },
	{ "a long text", MY_ANSWER_TEXT, 0, { LONG("x", MAX) }, "!", false },
};

static void
written_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(scripts); i++) {
		const struct script *s = &scripts[i];
		struct str kinds = { 0 };
		struct my_response r;

		my_response_begin(&r, s->answer, s->with);
		for (size_t n = 0; n < strlen(s->kinds); n++) {
			const struct packet *p = &s->packets[n];
			uint8_t head[MY_HEAD] = { 0 };

			assert_true(p->size <= sizeof(head));
			memcpy(head, p->head, p->size);
			if (r.is_over)
				fail_msg("%s: ends after %s", s->what,
					 str_text(&kinds));
			str_putc(&kinds,
				 letters[my_response_take(
					 &r, head,
					 p->len > 0 ? p->len : p->size)]);
		}
		if (strcmp(str_text(&kinds), s->kinds) != 0 ||
		    r.is_over == s->is_open)
			fail_msg("%s: %s", s->what, str_text(&kinds));
		str_fini(&kinds);
	}
}

/* Behind the end, and behind what was bad, everything is bad. */
static void
nothing_comes_behind_the_end(void **state)
{
	static const uint8_t ok[MY_HEAD] = "\0\0\0\2\0\0\0";
	static const uint8_t row[MY_HEAD] = "\1x";
	struct my_response r;

	(void)state;
	my_response_begin(&r, MY_ANSWER_RESULT, 0);
	assert_int_equal(my_response_take(&r, ok, 7), MY_PACKET_OK);
	assert_int_equal(my_response_take(&r, ok, 7), MY_PACKET_BAD);
	assert_int_equal(my_response_take(&r, ok, 7), MY_PACKET_BAD);
	assert_true(r.is_over);
	my_response_begin(&r, MY_ANSWER_TEXT, 0);
	assert_int_equal(my_response_take(&r, row, 2), MY_PACKET_TEXT);
	assert_int_equal(my_response_take(&r, row, 2), MY_PACKET_BAD);
	my_response_begin(&r, MY_ANSWER_NONE, 0);
	assert_true(r.is_over);
	assert_int_equal(my_response_take(&r, ok, 7), MY_PACKET_BAD);
	my_response_begin(&r, MY_ANSWER_RESULT, 0);
	assert_int_equal(my_response_take(&r, (const uint8_t *)"\xfe", 1),
			 MY_PACKET_BAD);
	assert_int_equal(my_response_take(&r, ok, 7), MY_PACKET_BAD);
}

static void
put(struct buf *b, uint8_t seq, const char *payload, size_t len)
{
	assert_true(my_packet_put(b, &seq, payload, len));
}

/* Rows taken at once are those that the machine would have taken one by one,
 * wherever the buffer ends. */
static void
rows_at_once(void **state)
{
	static char large[MY_PAYLOAD_MAX + 10];
	struct block_pool pool;
	struct my_response r, from;
	struct my_scan s;
	struct buf b, part;
	uint8_t seq = 0;
	size_t got, first = 4 + 2 + 4 + 1,
		    rows = first + 4 + MY_PAYLOAD_MAX + 4 + 10 + 4 + 3;

	(void)state;
	memset(large, 'x', sizeof(large));
	large[0] = '\xfd';
	large[MY_PAYLOAD_MAX] = '\xfe';
	block_pool_init(&pool, 4);
	buf_init(&b, &pool);
	put(&b, 254, "\1x", 2);
	put(&b, 255, "\xfb", 1);
	put(&b, 0, large, sizeof(large));
	put(&b, 2, "\0yz", 3);
	put(&b, 3, "\xfe\0\0\2\0", 5);
	my_response_begin(&from, MY_ANSWER_FETCH, MY_WITH_EOF);
	r = from;
	s = my_scan(&b);
	assert_int_equal(my_response_take_rows(&r, &s, 0, &seq), rows);
	assert_int_equal(seq, 2);
	assert_false(r.is_cut);
	assert_false(r.is_over);
	/* Beginning at the large one, which is taken though it is not in. */
	buf_init(&part, &pool);
	for (size_t n = 0; n <= first + 20; n++) {
		char bytes[40];

		buf_copy_out(&b, 0, bytes, n);
		assert_true(buf_append(&part, bytes, n));
		r = from;
		seq = 77;
		s = my_scan(&part);
		got = my_response_take_rows(&r, &s, 0, &seq);
		if (n < 5)
			assert_int_equal(got, 0);
		else if (n < 6 + 5)
			assert_int_equal(got, 6);
		else if (n < first + 5)
			assert_int_equal(got, first);
		else
			assert_int_equal(got, first + 4 + MY_PAYLOAD_MAX);
		assert_int_equal(seq, n < 5           ? 77
				      : n < 11        ? 254
				      : n < first + 5 ? 255
						      : 0);
		assert_int_equal(r.is_cut, n >= first + 5);
		buf_clear(&part);
	}
	/* What goes on is taken by its header alone. */
	assert_true(r.is_cut);
	assert_true(buf_append(&part, "\0\0\0\1", 4));
	s = my_scan(&part);
	assert_int_equal(my_response_take_rows(&r, &s, 0, &seq), 4);
	assert_false(r.is_cut);
	/* Not where no rows are due. */
	my_response_begin(&r, MY_ANSWER_RESULT, MY_WITH_EOF);
	s = my_scan(&b);
	assert_int_equal(my_response_take_rows(&r, &s, 0, &seq), 0);
	buf_clear(&part);
	buf_clear(&b);
	block_pool_fini(&pool);
}

static void
sizes(void **state)
{
	(void)state;
	assert_true(sizeof(struct my_response) <= 40);
}

static int
set_up(void **state)
{
	(void)state;
	recordings_load(&recordings);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	recordings_free(&recordings);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_end_where_they_end),
		cmocka_unit_test(recordings_are_read_right),
		cmocka_unit_test(progress),
		cmocka_unit_test(numbers),
		cmocka_unit_test(written_ones),
		cmocka_unit_test(nothing_comes_behind_the_end),
		cmocka_unit_test(rows_at_once),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
