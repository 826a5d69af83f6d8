/* OK packets: read, with what they tell of the session, and written anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mysql/my_caps.h"
#include "mysql/my_ok.h"
#include "mysql/my_packet.h"
#include "recorded.h"

static struct recordings recordings;

static const struct my_wish none = { 0 };
static const struct my_wish all = {
	.kinds = MY_WISH_VARIABLES | MY_WISH_SCHEMA | MY_WISH_STATE |
		 MY_WISH_TRANSACTION | MY_WISH_CHARACTERISTICS,
	.variables = "*",
};

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

/* The payload of a recording's packet. */
static struct my_text
packet(const char *name, size_t index)
{
	const struct recorded *rec = recordings_find(&recordings, name);
	size_t at = 0;

	for (;; index--) {
		const uint8_t *p = (const uint8_t *)rec->wire.data + at;

		assert_true(at + MY_HEADER <= rec->wire.len);
		if (index == 0)
			return (struct my_text){
				.data = (const char *)p + MY_HEADER,
				.len = my_get_u24(p),
			};
		at += MY_HEADER + my_get_u24(p);
	}
}

static bool
parse(struct my_ok *ok, struct my_text payload)
{
	return my_ok_parse(ok, (const uint8_t *)payload.data, payload.len);
}

/* Changes in short: 0 name=value, 1 schema, 2, 4 text, 5 letters; */
static void
show(struct str *s, const struct my_ok *ok)
{
	struct my_bytes at = my_trackers(ok);
	struct my_tracker t;

	while (my_tracker_next(&at, &t)) {
		struct my_bytes b = my_bytes(t.data.data, t.data.len);
		struct my_text name, value;

		str_printf(s, "%u ", t.type);
		if (t.type == MY_TRACKER_STATE) {
			str_add(s, t.data.data, t.data.len);
		} else if (t.type == MY_TRACKER_VARIABLES) {
			while (my_tracker_variable(&b, &name, &value)) {
				str_add(s, name.data, name.len);
				str_putc(s, '=');
				str_add(s, value.data, value.len);
				str_putc(s, ',');
			}
		} else {
			value = my_tracker_text(&t);
			str_add(s, value.data, value.len);
		}
		str_putc(s, ';');
	}
}

static void
recorded_changes(void **state)
{
	static const struct row {
		const char *name, *changes;
		uint16_t status;
	} rows[] = {
		{ "eof track begin", "5 T_______;4 START TRANSACTION;;",
		  0x4003 },
		{ "eof track commit", "5 ________;4 ;", 0x4002 },
		{ "eof track names",
		  "0 character_set_client=latin1,;"
		  "0 character_set_connection=latin1,;"
		  "0 character_set_results=latin1,;2 1;",
		  0x4002 },
		{ "eof track variables",
		  "0 sql_mode=ANSI_QUOTES,;0 time_zone=+02:00,;2 1;", 0xc002 },
		{ "eof track schema", "1 information_schema;2 1;", 0xc002 },
		{ "eof track isolation",
		  "4 SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;;", 0xc002 },
		{ "eof track temporary", "2 1;", 0xc002 },
		{ "eof track insert", "", 0x8002 },
		{ "eof track lock", "5 _______L;", 0xc002 },
		{ "eof track multi", "0 time_zone=+03:00,;2 1;", 0xc00a },
		{ "eof track autocommit", "0 autocommit=OFF,;2 1;", 0xc000 },
		{ "ok track init db", "1 d;2 1;", 0xc000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str s = { 0 };
		struct my_ok ok;

		assert_true(parse(&ok, packet(rows[i].name, 0)));
		show(&s, &ok);
		if (strcmp(str_text(&s), rows[i].changes) != 0 ||
		    ok.status != rows[i].status)
			fail_msg("%s: %#x %s", rows[i].name, ok.status,
				 str_text(&s));
		str_fini(&s);
	}
}

static void
info(void **state)
{
	struct my_ok ok;

	(void)state;
	assert_true(parse(&ok, packet("eof insert", 0)));
	assert_int_equal(ok.affected, 2);
	assert_true(ok.insert_id > 3);
	assert_int_equal(ok.warnings, 0);
	assert_int_equal(ok.info.len, 38);
	assert_memory_equal(ok.info.data, "Records: 2", 10);
	assert_int_equal(ok.trackers.len, 0);
	/* At the end of rows, and with a warning. */
	assert_true(parse(&ok, packet("ok warning", 3)));
	assert_int_equal(ok.first, 0xfe);
	assert_int_equal(ok.warnings, 1);
}

/* Rewrites in place, and to another place; both are the same. */
static size_t
rewrite(uint8_t *out, struct my_text payload, const struct my_wish *wish)
{
	static uint8_t copy[4096];
	struct my_ok ok;
	size_t len;

	assert_true(payload.len <= sizeof(copy));
	memcpy(copy, payload.data, payload.len);
	assert_true(my_ok_parse(&ok, copy, payload.len));
	len = my_ok_rewrite(out, &ok, wish);
	assert_true(len <= payload.len);
	assert_int_equal(my_ok_rewrite(copy, &ok, wish), len);
	assert_memory_equal(copy, out, len);
	return len;
}

/*
 * For a client that wants nothing the OK is the one that the server itself
 * sends to such a client; for one that wants all it is as it was.
 */
static void
rewritten_as_servers_write(void **state)
{
	static const char *const names[] = {
		"begin",    "commit",      "names",     "variables",
		"schema",   "schema back", "isolation", "isolated",
		"rollback", "temporary",   "insert",    "drop",
		"lock",     "unlock",      "multi",     "autocommit",
		"init db",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct my_text from, expected;
		uint8_t out[512];
		char name[64];
		size_t len;

		(void)text_format(name, sizeof(name), "eof track %s", names[i]);
		from = packet(name, 0);
		(void)text_format(name, sizeof(name), "no track %s", names[i]);
		expected = packet(name, 0);
		assert_true(from.len <= sizeof(out));
		len = rewrite(out, from, &none);
		if (len != expected.len || memcmp(out, expected.data, len) != 0)
			fail_msg("%s is not as without", names[i]);
		len = rewrite(out, from, &all);
		if (len != from.len || memcmp(out, from.data, len) != 0)
			fail_msg("%s is not as it was", names[i]);
	}
}

/* Every OK of all recordings comes out as it went in. */
static void
nothing_is_lost(void **state)
{
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < recordings.count; i++) {
		const struct recorded *rec = &recordings.list[i];
		const uint8_t *p = (const uint8_t *)rec->wire.data;
		uint8_t out[512];
		struct my_ok ok;
		uint32_t len;

		for (size_t at = 0; at < rec->wire.len;
		     at += MY_HEADER + len, p += MY_HEADER + len) {
			len = my_get_u24(p);
			if (rec->answer == MY_ANSWER_PREPARE ||
			    len > sizeof(out) || p[4] != 0 ||
			    !my_ok_parse(&ok, p + MY_HEADER, len))
				continue;
			assert_int_equal(my_ok_rewrite(out, &ok, &all), len);
			assert_memory_equal(out, p + MY_HEADER, len);
			count++;
		}
	}
	assert_true(count > 100);
}

static void
wishes(void **state)
{
	static const struct row {
		const char *name;
		unsigned kinds;
		const char *variables, *changes;
	} rows[] = {
		{ "eof track names", MY_WISH_VARIABLES | MY_WISH_SCHEMA,
		  "time_zone, character_set_results ,autocommit",
		  "0 character_set_results=latin1,;" },
		{ "eof track names", MY_WISH_VARIABLES, "character_set", "" },
		{ "eof track names", MY_WISH_VARIABLES, "", "" },
		{ "eof track names", MY_WISH_VARIABLES, NULL, "" },
		{ "eof track names", MY_WISH_SCHEMA | MY_WISH_STATE, "*",
		  "2 1;" },
		{ "eof track schema", MY_WISH_SCHEMA, NULL,
		  "1 information_schema;" },
		{ "eof track begin", MY_WISH_TRANSACTION, NULL, "5 T_______;" },
		{ "eof track begin",
		  MY_WISH_TRANSACTION | MY_WISH_CHARACTERISTICS, NULL,
		  "5 T_______;4 START TRANSACTION;;" },
		{ "eof track begin", MY_WISH_GTIDS, NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct my_wish wish = { rows[i].kinds, rows[i].variables };
		struct str s = { 0 };
		struct my_ok ok;
		uint8_t out[512];
		size_t len = rewrite(out, packet(rows[i].name, 0), &wish);

		assert_true(my_ok_parse(&ok, out, len));
		show(&s, &ok);
		assert_string_equal(str_text(&s), rows[i].changes);
		assert_int_equal((ok.status & 0x4000) != 0, s.len > 0);
		str_fini(&s);
	}
	assert_true(text_in_list("autocommit", my_wish_default.variables));
	assert_true(text_in_list("time_zone", my_wish_default.variables));
	assert_false(text_in_list("sql_mode", my_wish_default.variables));
	assert_int_equal(my_status_in_eof(0xc003), 0x8003);
}

/* Several variables in one change, a type that is not known, odd lengths. */
static void
odd_changes(void **state)
{
	static const char payload[] = "\0\0\0\2\x40\0\0\1i"
				      "\xfc\x1e\0"
				      "\0\xfc\x0d\0\1a\1b\2cc\2dd\1e\0"
				      "\x77\2xy"
				      "\x06\0"
				      "\1\5\xfc\2\0db";
	struct my_text text = { payload, sizeof(payload) - 1 };
	struct my_wish wish = { MY_WISH_VARIABLES | MY_WISH_SCHEMA, "e,cc" };
	struct str s = { 0 };
	struct my_ok ok;
	uint8_t out[512];
	size_t len;

	(void)state;
	assert_true(parse(&ok, text));
	len = rewrite(out, text, &wish);
	assert_true(my_ok_parse(&ok, out, len));
	show(&s, &ok);
	assert_string_equal(str_text(&s), "0 cc=dd,e=,;1 db;");
	str_fini(&s);
	/* A name longer than any is wished only with all. */
	my_put_u8(&s, 0);
	my_put_u16(&s, 0);
	my_put_u32(&s, 0x4002);
	my_put_u8(&s, 0);
	my_put_u8(&s, 74);
	my_put_variable(&s,
			"1234567890123456789012345678901234567890"
			"123456789012345678901234567890",
			"");
	text = (struct my_text){ s.data, s.len };
	assert_int_equal(rewrite(out, text, &all), s.len);
	wish.variables = "a";
	assert_int_equal(rewrite(out, text, &wish), 7);
	str_fini(&s);
	/* The schema was dropped: MariaDB's answer to DROP DATABASE. */
	text = (struct my_text){ "\0\0\0\2\x41\0\0\0\3\1\1\0", 12 };
	assert_true(parse(&ok, text));
	show(&s, &ok);
	assert_string_equal(str_text(&s), "1 ;");
	str_fini(&s);
	/* A name is not cut at a zero byte. */
	text = (struct my_text){ "\0\0\0\2\x40\0\0\0\7\0\5\3a\0b\0", 16 };
	assert_int_equal(rewrite(out, text, &all), 16);
	assert_int_equal(rewrite(out, text, &wish), 7);
}

static void
broken_ones(void **state)
{
	static const struct row {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "", 0 },
		{ "\1\0\0\2\0\0\0", 7 },
		{ "\0\0\0\2\0\0", 6 },
		{ "\0\xfb\0\2\0\0\0", 7 },
		{ "\0\0\0\2\0\0\0\2i", 9 },
		/* Something behind. */
		{ "\0\0\0\2\0\0\0\1ix", 10 },
		{ "\0\0\0\2\x40\0\0\0\3\2\1"
		  "1x",
		  13 },
		/* Changes that are cut off, or whose insides are. */
		{ "\0\0\0\2\x40\0\0\0\4\2\1"
		  "1",
		  12 },
		{ "\0\0\0\2\x40\0\0\0\1\2", 10 },
		{ "\0\0\0\2\x40\0\0\0\2\2\0", 11 },
		{ "\0\0\0\2\x40\0\0\0\3\2\2"
		  "1",
		  12 },
		{ "\0\0\0\2\x40\0\0\0\4\1\2\2d", 13 },
		{ "\0\0\0\2\x40\0\0\0\5\1\3\1dx", 14 },
		{ "\0\0\0\2\x40\0\0\0\4\0\2\1a", 13 },
		{ "\0\0\0\2\x40\0\0\0\5\0\3\1a\1", 14 },
		{ "\0\0\0\2\x40\0\0\0\6\0\4\1a\xfb"
		  "b",
		  15 },
		{ "\0\0\0\2\x40\0\0\0\2\4\0", 11 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		/* Of its own size: what reads beyond it is seen. */
		uint8_t *copy = mem_zalloc(rows[i].len + 1);
		struct my_ok ok;

		memcpy(copy, rows[i].bytes, rows[i].len);
		if (my_ok_parse(&ok, copy, rows[i].len))
			fail_msg("row %zu passed", i);
		mem_free(copy);
	}
}

static void
our_own(void **state)
{
	struct block_pool pool;
	struct str s = { 0 };
	struct my_ok ok = { .status = 2 };
	uint8_t seq = 1, bytes[600];
	struct buf out;

	(void)state;
	block_pool_init(&pool, 2);
	buf_init(&out, &pool);
	assert_true(my_ok_put(&out, &seq, &ok));
	assert_true(my_end_put(&out, &seq, MY_CLIENT_DEPRECATE_EOF, 2, 1));
	assert_true(my_end_put(&out, &seq, 0, 2, 1));
	assert_int_equal(seq, 4);
	assert_int_equal(out.len, 31);
	buf_copy_out(&out, 0, bytes, 31);
	assert_memory_equal(bytes,
			    "\7\0\0\1\0\0\0\2\0\0\0"
			    "\7\0\0\2\xfe\0\0\2\0\1\0"
			    "\5\0\0\3\xfe\1\0\2\0",
			    31);
	buf_clear(&out);
	my_put_variable(&s, "time_zone", "+01:00");
	my_put_schema(&s, "d");
	ok = (struct my_ok){
		.affected = 300,
		.insert_id = UINT64_MAX,
		.status = 0x4002,
		.warnings = 7,
		.info = { "hello", 5 },
		.trackers = { s.data, s.len },
	};
	seq = 1;
	assert_true(my_ok_put(&out, &seq, &ok));
	assert_int_equal(out.len, 4 + 1 + 3 + 9 + 4 + 6 + 1 + s.len);
	buf_copy_out(&out, 4, bytes, out.len - 4);
	str_fini(&s);
	assert_true(my_ok_parse(&ok, bytes, out.len - 4));
	assert_int_equal(ok.affected, 300);
	assert_true(ok.insert_id == UINT64_MAX);
	assert_int_equal(ok.warnings, 7);
	assert_memory_equal(ok.info.data, "hello", 5);
	show(&s, &ok);
	assert_string_equal(str_text(&s), "0 time_zone=+01:00,;1 d;");
	buf_clear(&out);
	/* One that is not small. */
	memset(bytes, 'x', sizeof(bytes));
	ok = (struct my_ok){ .info = { (const char *)bytes, 600 } };
	assert_true(my_ok_put(&out, &seq, &ok));
	assert_int_equal(out.len, 4 + 7 + 3 + 600);
	str_fini(&s);
	buf_clear(&out);
	block_pool_fini(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_changes),
		cmocka_unit_test(info),
		cmocka_unit_test(rewritten_as_servers_write),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(wishes),
		cmocka_unit_test(odd_changes),
		cmocka_unit_test(broken_ones),
		cmocka_unit_test(our_own),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
