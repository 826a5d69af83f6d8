/*
 * The server's answers: what the client gets and what is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scenario.h"

static const struct scenario scenarios[] = {
	{
		.name = "notices and reports at any time",
		.mode = POOL_TRANSACTION,
		.moves = { { SERVER, "N:idle|S:TimeZone:CET" },
			   { CLIENT, "Q:x" },
			   { SERVER, "C:SET|S:TimeZone:UTC|Z:I" },
			   { SERVER, "N:one|S:DateStyle:German|A|C:X|Z:I" },
			   { SERVER, "N:idle" } },
		.to_client = "N:one|S:DateStyle:German|C:X|Z:I",
		.to_server = "Q:SET TimeZone='UTC'|Q:x",
		.log = "link:go boundary:none",
	},
	{
		.name = "an unknown message on an idle server",
		.mode = POOL_TRANSACTION,
		.moves = { { SERVER, "C:X" } },
		.to_client = "",
		.to_server = "",
		.log = "server:server_protocol_violation:1",
	},
	{
		.name = "an idle server says good-bye",
		.mode = POOL_TRANSACTION,
		.moves = { { SERVER, "E:FATAL:57P01:terminating" } },
		.to_client = "",
		.to_server = "",
		.log = "server:server_lost:1",
	},
	{
		.name = "FATAL in a transaction is forwarded",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T|E:FATAL:25P03:idle" } },
		.to_client = "C:BEGIN|Z:T|E:FATAL:25P03:idle",
		.to_server = "Q:begin",
		.log = "link:go",
	},
	{
		.name = "an answer that nobody asked for",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x" }, { SERVER, "1" } },
		.to_client = "",
		.to_server = "Q:x",
		.log = "link:go server:server_protocol_violation:1",
	},
	{
		.name = "residue: none after a PREPARE among others, but "
			"after one more than the text has",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x;prepare a as x" },
			   { SERVER, "C:X|C:PREPARE|Z:I" },
			   { CLIENT, "Q:x;prepare b as y" },
			   { SERVER, "C:PREPARE|C:PREPARE|Z:I" },
			   { SERVER, "C:DEALLOCATE ALL|Z:I" } },
		.to_client = "C:X|C:PREPARE|Z:I|C:PREPARE|C:PREPARE|Z:I",
		.to_server = "Q:x;prepare carpool_1 as x|"
			     "Q:x;prepare carpool_2 as y|Q:DEALLOCATE ALL",
		.log = "link:go boundary:none link:go boundary:reset "
		       "boundary:none",
	},
	{
		.name = "residue: none after a tracked SET",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set timezone = 'CET'" },
			   { SERVER, "C:SET|S:TimeZone:CET|Z:I" },
			   { CLIENT, "Q:x" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "C:SET|S:TimeZone:CET|Z:I|C:X|Z:I",
		.to_server = "Q:set timezone = 'CET'|Q:x",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "residue: a tag that the text did not show",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x y" },
			   { SERVER, "C:PREPARE|Z:I" },
			   { SERVER, "C:DEALLOCATE ALL|Z:I" } },
		.to_client = "C:PREPARE|Z:I",
		.to_server = "Q:x y|Q:DEALLOCATE ALL",
		.log = "link:go boundary:reset boundary:none",
	},
	{
		.name = "residue: the client cleans up by itself",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen x" },
			   { SERVER, "C:LISTEN|Z:T" },
			   { CLIENT, "P::discard all|B::|E:|S" },
			   { SERVER, "1|2|C:DISCARD ALL|Z:I" } },
		.to_client = "C:LISTEN|Z:T|1|2|C:DISCARD ALL|Z:I",
		.to_server = "Q:listen x|P|B|E|S",
		.log = "link:go boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* A large result costs a few orders, not one a row. */
static void
rows_go_in_runs(void **state)
{
	struct drive d;
	struct str s = { 0 };

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	drive_client(&d, "Q:select");
	drive_parse(&s, "T", true);
	for (unsigned i = 0; i < 10000; i++)
		drive_parse(&s, "D:0123456789", true);
	drive_parse(&s, "C:SELECT 10000|Z:I", true);
	d.back_orders = 0;
	drive_feed(&d, &d.s_in, s.data, s.len);
	assert_true(d.back_orders <= 2);
	assert_int_equal(d.to_client.len, s.len);
	assert_memory_equal(d.to_client.data, s.data, s.len);
	assert_false(d.is_linked);
	str_fini(&s);
	drive_fini(&d);
}

/* One large row goes on before it has all come. */
static void
large_rows_stream(void **state)
{
	static const uint8_t head[] = { 'D', 0x3f, 0xff, 0xff, 0xff };
	struct drive d;
	char part[1000] = { 0 };

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	drive_client(&d, "Q:select");
	drive_feed(&d, &d.s_in, (const char *)head, sizeof(head));
	for (unsigned i = 0; i < 100; i++)
		drive_feed(&d, &d.s_in, part, sizeof(part));
	assert_int_equal(d.s_in.len, 0);
	assert_int_equal(d.to_client.len, 100005);
	assert_int_equal(d.s_relay, 0x3fffffff + 1 - 100005);
	drive_fini(&d);
}

static void
bad_lengths_close(void **state)
{
	static const char *const bad[] = {
		"D\0\0\0\3",  "D\x80\0\0\0", "Z\0\0\0\4", "Z\0\0\0\6II",
		"Z\0\0\0\5X", "S\0\0\0\6a",  "S\0\1\0\0",
	};
	static const size_t lens[] = { 5, 5, 5, 7, 6, 7, 5 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct drive d;

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		drive_client(&d, "Q:select");
		drive_feed(&d, &d.s_in, bad[i], lens[i]);
		assert_string_equal(str_text(&d.log),
				    "link:go server:"
				    "server_protocol_violation:1");
		drive_fini(&d);
	}
}

/* The server's last words are kept for those who must be refused. */
static void
last_error_is_kept(void **state)
{
	struct drive d;
	char text[80];
	size_t len;
	const uint8_t *error;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_BYTES);
	error = pg_back_ops.last_error(d.back, &len, text, sizeof(text));
	assert_null(error);
	assert_int_equal(len, 0);
	drive_server(&d, "E:FATAL:57P01:going down");
	error = pg_back_ops.last_error(d.back, &len, text, sizeof(text));
	assert_non_null(error);
	assert_string_equal(text, "FATAL: going down");
	assert_string_equal(pg_error_field(error, len, 'C'), "57P01");
	assert_null(pg_error_field(error, len, 'H'));
	drive_fini(&d);
}

static void
small_things(void **state)
{
	struct drive d;
	struct pg_back *b;
	struct turn t;
	uint8_t out[32];
	char path[40];

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	b = d.back;
	assert_int_equal(pg_back_ops.cancel(b, out, sizeof(out)), 0);
	b->key = mem_zalloc(8);
	b->key_len = 8;
	memcpy(b->key, "\0\0\0\5abcd", 8);
	assert_int_equal(pg_back_ops.cancel(b, out, 15), 0);
	assert_int_equal(pg_back_ops.cancel(b, out, sizeof(out)), 16);
	assert_memory_equal(out, "\0\0\0\20\4\322\26.\0\0\0\5abcd", 16);
	t = drive_turn(&d, true);
	pg_back_ops.terminate(&t);
	assert_int_equal(d.s_out.len, 5);
	pg_back_ops.unix_path("/run", 5432, path, sizeof(path));
	assert_string_equal(path, "/run/.s.PGSQL.5432");
	print_message("struct pg_front %zu, struct pg_back %zu bytes\n",
		      sizeof(struct pg_front), sizeof(struct pg_back));
	assert_true(sizeof(struct pg_front) <= 136);
	drive_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(rows_go_in_runs),
		cmocka_unit_test(large_rows_stream),
		cmocka_unit_test(bad_lengths_close),
		cmocka_unit_test(last_error_is_kept),
		cmocka_unit_test(small_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
