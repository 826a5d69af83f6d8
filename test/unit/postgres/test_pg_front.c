/*
 * The client's messages: what goes to the server, what is answered without
 * one, what is refused and how.
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
		.name = "one query",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:select 1" },
			   { SERVER, "T|D:x|C:SELECT 1|Z:I" } },
		.to_client = "T|D|C:SELECT 1|Z:I",
		.to_server = "Q:select 1",
		.log = "link:go boundary:none",
	},
	{
		.name = "a transaction keeps its server",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T" },
			   { CLIENT, "Q:oops" },
			   { SERVER, "E:ERROR:42601:syntax|Z:E" },
			   { CLIENT, "Q:rollback" },
			   { SERVER, "C:ROLLBACK|Z:I" } },
		.to_client =
			"C:BEGIN|Z:T|E:ERROR:42601:syntax|Z:E|C:ROLLBACK|Z:I",
		.to_server = "Q:begin|Q:oops|Q:rollback",
		.log = "link:go boundary:none",
	},
	{
		.name = "a group that had to wait goes when all is answered",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:a:one|B::a|E:|S|B::a|E:|S" },
			   { SERVER, "1|2|C:X|Z:I" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = "1|2|C:X|Z:I|2|C:X|Z:I",
		.to_server = "P|B|E|S|B|E|S",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "a group that had to wait for a COPY's end",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:copy" },
			   { SERVER, "G" },
			   { CLIENT, "c|P:a:one|S" },
			   { SERVER, "C:COPY 1|Z:I" },
			   { SERVER, "1|Z:I" } },
		.to_client = "G|C:COPY 1|Z:I|1|Z:I",
		.to_server = "Q:copy|c|P|S",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "inside a group what waits goes at once",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:a:one|S|P::two|B::a|E:|S" },
			   { SERVER, "1|Z:I|1" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = "1|Z:I|1|2|C:X|Z:I",
		.to_server = "P|S|P|B|E|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "session mode pins",
		.mode = POOL_SESSION,
		.moves = { { CLIENT, "Q:set x = 1|P:name:select 1|S" },
			   { SERVER, "C:SET|Z:I|1|Z:I" } },
		.to_client = "C:SET|Z:I|1|Z:I",
		.to_server = "Q:set x = 1|P|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "statement mode refuses a block",
		.mode = POOL_STATEMENT,
		.moves = { { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T" },
			   { SERVER, "C:ROLLBACK|Z:I" } },
		.to_client = "C:BEGIN",
		.to_server = "Q:begin|Q:ROLLBACK",
		.log = "link:go server:statement_mode_transaction:1 abandon:1 "
		       "boundary:none",
	},
	{
		.name = "extended group",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::select 1|DS:|B::|DP:|E:|CS:|S" },
			   { SERVER, "1|t|T|2|T|D:a|D:b|s|Z:I" } },
		.to_client = "1|t|T|2|T|D|D|s|3|Z:I",
		.to_server = "P|DS|B|DP|E|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "an error skips to the Sync",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::x|B::|E:|S|P::y|B::|E:|S" },
			   { SERVER, "E:ERROR:42601:x|Z:I|1|2|C:OK|Z:I" } },
		.to_client = "E:ERROR:42601:x|Z:I|1|2|C:OK|Z:I",
		.to_server = "P|B|E|S|P|B|E|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "an error drops a Query in the group",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::x|Q:select 1|F|S|Q:select 2" },
			   { SERVER, "E:ERROR:42601:x|Z:I|C:TWO|Z:I" } },
		.to_client = "E:ERROR:42601:x|Z:I|C:TWO|Z:I",
		.to_server = "P|Q:select 1|F|S|Q:select 2",
		.log = "link:go boundary:none",
	},
	{
		.name = "the error comes before the Sync is sent",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::x|H" },
			   { SERVER, "E:ERROR:42601:x" },
			   { CLIENT, "B::|E:|S" },
			   { SERVER, "Z:I" } },
		.to_client = "E:ERROR:42601:x|Z:I",
		.to_server = "P|H|B|E|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "a commit that fails at the Sync",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::x|B::|E:|S" },
			   { SERVER,
			     "1|2|C:INSERT 0 1|E:ERROR:23503:fk|Z:I" } },
		.to_client = "1|2|C:INSERT 0 1|E:ERROR:23503:fk|Z:I",
		.to_server = "P|B|E|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "flush without Sync keeps the server",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::x|DS:|H" },
			   { SERVER, "1|t|n" },
			   { CLIENT, "B::|E:|S" },
			   { SERVER, "2|I|Z:I" } },
		.to_client = "1|t|n|2|I|Z:I",
		.to_server = "P|DS|H|B|E|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "bare Sync, Flush and late copy data need no server",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "S|S|H|d:x|c|f:y|S" } },
		.to_client = "Z:I|Z:I|Z:I",
		.to_server = "",
		.log = "",
	},
	{
		.name = "function call",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "F" }, { SERVER, "V|Z:I" } },
		.to_client = "V|Z:I",
		.to_server = "F",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY in by Query",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:copy t from stdin" },
			   { SERVER, "G" },
			   { CLIENT, "d:1|d:2|c" },
			   { SERVER, "C:COPY 2|Z:I" } },
		.to_client = "G|C:COPY 2|Z:I",
		.to_server = "Q:copy t from stdin|d|d|c",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY fails, late data is dropped",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:copy t from stdin" },
			   { SERVER, "G" },
			   { CLIENT, "d:bad" },
			   { SERVER, "E:ERROR:22P02:bad|Z:I" },
			   { CLIENT, "d:more|d:more|c" } },
		.to_client = "G|E:ERROR:22P02:bad|Z:I",
		.to_server = "Q:copy t from stdin|d",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY by Execute swallows the Sync before its end",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S" },
			   { SERVER, "1|2|G" },
			   { CLIENT, "d:1|c|S" },
			   { SERVER, "C:COPY 1|Z:I" } },
		.to_client = "1|2|G|C:COPY 1|Z:I",
		.to_server = "P|B|E|S|d|c|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "pipelined COPY by Execute, the end sent blindly",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|d:1|c|S" },
			   { SERVER, "1|2|G|C:COPY 1|Z:I" } },
		.to_client = "1|2|G|C:COPY 1|Z:I",
		.to_server = "P|B|E|d|c|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY by Execute fails: a probe finds the dropped Sync",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S" },
			   { SERVER, "1|2|G" },
			   { CLIENT, "d:x" },
			   { SERVER, "E:ERROR:22P02:bad" },
			   { CLIENT, "c|S" },
			   { SERVER, "Z:I|3|Z:I" },
			   { SERVER, "E:ERROR:26000:no such|Z:I" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad|Z:I",
		.to_server = "P|B|E|S|d|S|C|S|DScarpool_no_such_statement|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY by Execute fails: what is passed over",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S" },
			   { SERVER, "1|2|G" },
			   { CLIENT, "d:x" },
			   { SERVER, "E:ERROR:22P02:bad" },
			   { CLIENT, "P:a:one|CS:a" },
			   { SERVER, "Z:I|3|Z:I" },
			   { SERVER, "E:ERROR:26000:no such" },
			   { CLIENT, "P:a:one|Q:two|S" },
			   { SERVER, "Z:I" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad|Z:I",
		.to_server = "P|B|E|S|d|S|C|S|DScarpool_no_such_statement|P|"
			     "P|Q:two|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY by Execute fails: the last Sync was not dropped",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S|S" },
			   { SERVER, "1|2|G" },
			   { CLIENT, "d:x" },
			   { SERVER, "E:ERROR:22P02:bad" },
			   { CLIENT, "P:a:one|S" },
			   { SERVER, "Z:I|Z:I|3|Z:I" },
			   { SERVER, "1|Z:I" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad|Z:I|1|Z:I",
		.to_server = "P|B|E|S|S|d|S|C|S|P|S",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "COPY by Execute fails: a late cancel hits the probe",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S" },
			   { SERVER, "1|2|G" },
			   { CLIENT, "d:x" },
			   { SERVER, "E:ERROR:22P02:bad" },
			   { CLIENT, "CS:a|S" },
			   { SERVER, "Z:I|E:ERROR:57014:canceled|Z:I" },
			   { SERVER, "E:ERROR:26000:no such|Z:I" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad|Z:I",
		.to_server = "P|B|E|S|d|S|C|S|DScarpool_no_such_statement|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY by Execute fails: the Sync was not dropped",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S" },
			   { SERVER, "1|2|G" },
			   { CLIENT, "d:x" },
			   { SERVER, "E:ERROR:22P02:bad" },
			   { CLIENT, "c|S" },
			   { SERVER, "Z:I|Z:I|3|Z:I" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad|Z:I|Z:I",
		.to_server = "P|B|E|S|d|S|C|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "COPY in doubt with requests behind: close",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S|d:x|c|P::y|B::|E:|S" },
			   { SERVER, "1|2|G" },
			   { SERVER, "E:ERROR:22P02:bad|Z:I" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad",
		.to_server = "P|B|E|S|d|c|P|B|E|S",
		.log = "link:go server:server_protocol_violation:1",
	},
	{
		.name = "COPY in doubt with a request behind: close at once",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S|d:x|c|P::y" },
			   { SERVER, "1|2|G" },
			   { SERVER, "E:ERROR:22P02:bad" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad",
		.to_server = "P|B|E|S|d|c|P",
		.log = "link:go server:server_protocol_violation:1",
	},
	{
		.name = "COPY meets a request: the server's last words",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S|Q:one|S" },
			   { SERVER, "1|2|G" },
			   { SERVER, "E:ERROR:08P01:no" },
			   { SERVER, "E:FATAL:08P01:lost" } },
		.to_client = "1|2|G|E:ERROR:08P01:no|E:FATAL:08P01:lost",
		.to_server = "P|B|E|S|Q:one|S",
		.log = "link:go",
	},
	{
		.name = "a named statement is refused, in its group",
		.mode = POOL_TRANSACTION,
		.no_prepared = true,
		.moves = { { CLIENT, "P::insert|B::|E:|P:n:select|B::n|E:|S" },
			   { SERVER,
			     "1|2|C:INSERT 0 1|E:ERROR:26000:no such|Z:I" } },
		.to_client = "1|2|C:INSERT 0 1|E:ERROR:0A000:named prepared "
			     "statements are not available in this pool_mode "
			     "(max_prepared_statements is 0)|Z:I",
		.to_server = "P|B|E|DScarpool_no_such_statement|"
			     "DScarpool_no_such_statement|E|S",
		.log = "link:go boundary:none",
	},
	{
		.name = "a named statement without a server",
		.mode = POOL_TRANSACTION,
		.no_prepared = true,
		.moves = { { CLIENT, "P:n:select|DS:n|B::n|E:|S" } },
		.to_client =
			"E:ERROR:0A000:named prepared statements are not "
			"available in this pool_mode (max_prepared_statements "
			"is 0)|Z:I",
		.to_server = "",
		.log = "",
	},
	{
		.name = "the unnamed statement is there in the next group",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::select 1|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "B::|E:|S" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = "1|Z:I|2|C:X|Z:I",
		.to_server = "P|S|B|E|S",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "a Query drops the unnamed statement",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::select 1|S|Q:x" },
			   { SERVER, "1|Z:I|C:X|Z:I" },
			   { CLIENT, "B::|E:|S" },
			   { SERVER, "E:ERROR:26000:none|Z:I" } },
		.to_client = "1|Z:I|C:X|Z:I|E:ERROR:26000:none|Z:I",
		.to_server = "P|S|Q:x|B|E|S",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "a named statement, used twice, closed without a trip",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:n:select|B::n|E:|S" },
			   { SERVER, "1|2|C:X|Z:I" },
			   { CLIENT, "B::n|E:|S" },
			   { SERVER, "2|C:X|Z:I" },
			   { CLIENT, "CS:n|S|P:m:select|S" },
			   { SERVER, "Z:I" } },
		.to_client = "1|2|C:X|Z:I|2|C:X|Z:I|3|Z:I|1|Z:I",
		.to_server = "P|B|E|S|B|E|S|S",
		.log = "link:go boundary:none link:go boundary:none link:go "
		       "boundary:none",
	},
	{
		.name = "a name that is taken, and one that is not",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:n:select|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "P:n:other|S" },
			   { SERVER, "E:ERROR:42P05:\"carpool_1\" exists|Z:I" },
			   { CLIENT, "B::carpool_1|S" },
			   { SERVER, "E:ERROR:26000:\"carpool_0\" no|Z:I" } },
		.to_client = "1|Z:I|E:ERROR:42P05:\"n\" exists|Z:I|"
			     "E:ERROR:26000:\"carpool_1\" no|Z:I",
		.to_server = "P|S|P|S|B|S",
		.log = "link:go boundary:none link:go boundary:none link:go "
		       "boundary:none",
	},
	{
		.name = "the own unnamed statement, in one transaction",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T" },
			   { CLIENT, "P::select 1|S|B::|E:|S" },
			   { SERVER, "1|Z:T|2|C:X|Z:T" },
			   { CLIENT, "Q:commit" },
			   { SERVER, "C:COMMIT|Z:I" } },
		.to_client = "C:BEGIN|Z:T|1|Z:T|2|C:X|Z:T|C:COMMIT|Z:I",
		.to_server = "Q:begin|P|S|B|E|S|Q:commit",
		.log = "link:go boundary:none",
	},
	{
		.name = "terminate waits for the running query",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x|X" }, { SERVER, "C:X|Z:I" } },
		.to_client = "C:X|Z:I",
		.to_server = "Q:x",
		.log = "link:go boundary:none close:client_close_request",
	},
	{
		.name = "half-closed: what was asked is answered",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x" },
			   { END_OF_CLIENT, "" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "C:X|Z:I",
		.to_server = "Q:x",
		.log = "link:go boundary:none close:client_gone",
	},
	{
		.name = "an unknown message type",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "S|Y" } },
		.to_client = "Z:I",
		.to_server = "",
		.log = "client:protocol_violation \"invalid frontend message "
		       "type "
		       "89\"",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* A text too long to keep passes in pieces and is still looked at. */
static void
long_texts_stream(void **state)
{
	static const char tail[] = "; listen x";

	(void)state;
	for (unsigned cut = 0; cut < CUTS; cut++) {
		for (unsigned is_parse = 0; is_parse < 2; is_parse++) {
			size_t n = PG_INSPECT_MAX + 10000;
			char *text = mem_zalloc(n + sizeof(tail));
			struct str s = { 0 };
			struct drive d;
			size_t mark;

			memset(text, ' ', n);
			memcpy(text, "select 1", 8);
			memcpy(text + n, tail, sizeof(tail));
			drive_init(&d, POOL_TRANSACTION, (enum drive_cut)cut);
			mark = pg_put_begin(&s, is_parse ? 'P' : 'Q');
			if (is_parse)
				pg_put_text(&s, "");
			pg_put_text(&s, text);
			if (is_parse)
				pg_put_u16(&s, 0);
			pg_put_end(&s, mark);
			drive_feed(&d, &d.c_in, s.data, s.len - 1);
			assert_true(((struct pg_back *)d.back)->is_half_sent);
			assert_false(pg_front_view(d.front)->is_at_rest);
			drive_feed(&d, &d.c_in, s.data + s.len - 1, 1);
			assert_false(((struct pg_back *)d.back)->is_half_sent);
			assert_int_equal(d.to_server.len, s.len);
			assert_memory_equal(d.to_server.data, s.data, s.len);
			if (is_parse)
				drive_client(&d, "S");
			drive_server(&d, is_parse ? "1|Z:I" : "C:X|Z:I");
			/* The server is asked for its channels. */
			assert_int_equal(pg_back_view(d.back)->owed_hidden, 1);
			drive_fini(&d);
			str_fini(&s);
			mem_free(text);
		}
	}
}

/* A server with half a message of a client that is gone cannot be saved. */
static void
half_a_text_closes(void **state)
{
	struct drive d;
	struct str s = { 0 };
	char text[PG_INSPECT_MAX + 1000];

	(void)state;
	memset(text, ' ', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	pg_put_message(&s, 'Q', text);
	drive_feed(&d, &d.c_in, s.data, 10000);
	drive_abandon(&d);
	assert_string_equal(str_text(&d.log), "link:go abandon:close");
	str_fini(&s);
	drive_fini(&d);
}

/* Nothing is sent, and no server taken, for part of a short message. */
static void
slow_senders_hold_no_server(void **state)
{
	/* The longer one may name statements at its end. */
	static const size_t lengths[] = { 9, 20000 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct str s = { 0 }, text = { 0 };
		struct drive d;

		str_puts(&text, "select 1");
		while (text.len < lengths[i])
			str_putc(&text, ' ');
		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		pg_put_message(&s, 'Q', str_text(&text));
		drive_feed(&d, &d.c_in, s.data, s.len - 1);
		assert_false(d.is_linked);
		drive_feed(&d, &d.c_in, s.data + s.len - 1, 1);
		assert_true(d.is_linked);
		str_fini(&text);
		str_fini(&s);
		drive_fini(&d);
	}
}

/* A client that is refused in the queue goes on with its next request. */
static void
refused_statements_are_skipped(void **state)
{
	static const struct refusal refusal = { .scope = FAIL_STATEMENT,
						.reason = REASON_CANCELED };
	static const struct row {
		const char *pending;
		const char *after;
	} rows[] = {
		{ "Q:x", "Z:I" },
		{ "F", "Z:I" },
		{ "P::x|B::|E:|S", "Z:I" },
		{ "P::x|Q:x|B::|E:|S", "Z:I" },
		{ "P::x|B::|E:|S|S|S", "Z:I|Z:I|Z:I" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (unsigned cut = 0; cut < CUTS; cut++) {
			struct str client = { 0 };
			struct drive d;
			struct turn t;

			drive_init(&d, POOL_TRANSACTION, (enum drive_cut)cut);
			d.holds_server = true;
			drive_client(&d, rows[i].pending);
			t = drive_turn(&d, false);
			pg_front_ops.refuse(&t, &refusal);
			assert_true(pg_front_view(d.front)->is_skipping);
			drive_pump(&d);
			assert_false(pg_front_view(d.front)->is_skipping);
			assert_int_equal(d.c_in.len, 0);
			drive_show(&client, (uint8_t *)d.to_client.data,
				   d.to_client.len, true);
			assert_memory_equal(
				str_text(&client),
				"E:ERROR:57014:canceling statement due to "
				"user request|",
				strlen("E:ERROR:57014:canceling statement "
				       "due to user request|"));
			assert_string_equal(strrchr(str_text(&client), 't') + 2,
					    rows[i].after);
			str_fini(&client);
			drive_fini(&d);
		}
	}
}

/* While others wait, a pipeline ends at its next request. */
static void
pipelines_yield(void **state)
{
	struct drive d;
	struct str server = { 0 };

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	d.has_waiters = true;
	drive_client(&d, "P::a|B::|E:|S|P::b|B::|E:|S|Q:c");
	drive_show(&server, (uint8_t *)d.to_server.data, d.to_server.len,
		   false);
	assert_string_equal(str_text(&server), "P|B|E|S");
	drive_server(&d, "1|2|I|Z:I");
	drive_server(&d, "1|2|I|Z:I");
	assert_string_equal(str_text(&d.log),
			    "link:go boundary:none link:go boundary:none "
			    "link:go");
	str_fini(&server);
	drive_fini(&d);
}

/* The Sync that ends a failed COPY is not held back: nothing comes before. */
static void
copies_do_not_yield(void **state)
{
	static const char *const answers[][4] = {
		{ "1|2|G|E:ERROR:57014:no more", "P|B|E|S|c|S|C|S", "Z:I|3|Z:I",
		  "P|B|E|S|c|S|C|S|DScarpool_no_such_statement|S" },
		{ "1|2|G|C:COPY 1", "P|B|E|S|c|S", "Z:I", "P|B|E|S|c|S" },
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct str server = { 0 };
		struct drive d;

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		d.has_waiters = true;
		drive_client(&d, "P::copy|B::|E:|S|c|S");
		drive_server(&d, answers[i][0]);
		drive_show(&server, (uint8_t *)d.to_server.data,
			   d.to_server.len, false);
		assert_string_equal(str_text(&server), answers[i][1]);
		assert_true(d.is_linked);
		drive_server(&d, answers[i][2]);
		str_fini(&server);
		drive_show(&server, (uint8_t *)d.to_server.data,
			   d.to_server.len, false);
		assert_string_equal(str_text(&server), answers[i][3]);
		str_fini(&server);
		drive_fini(&d);
	}
}

/* A COPY that swallowed its group's Sync leaves the group open. */
static void
swallowed_syncs_reopen(void **state)
{
	struct str server = { 0 };
	struct drive d;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	drive_client(&d, "P::copy|B::|E:|S");
	drive_server(&d, "1|2|G");
	drive_client(&d, "c");
	drive_server(&d, "C:COPY 1");
	assert_int_equal(pg_back_view(d.back)->owed, 0);
	assert_false(pg_back_view(d.back)->is_resettable);
	assert_false(pg_front_view(d.front)->is_at_rest);
	drive_abandon(&d);
	assert_string_equal(str_text(&d.log), "link:go abandon:drain");
	drive_server(&d, "E:ERROR:26000:no such|Z:I");
	drive_show(&server, (uint8_t *)d.to_server.data, d.to_server.len,
		   false);
	assert_string_equal(str_text(&server),
			    "P|B|E|S|c|DScarpool_no_such_statement|S");
	assert_string_equal(str_text(&d.log),
			    "link:go abandon:drain boundary:none");
	str_fini(&server);
	drive_fini(&d);
}

static void
limits_hold(void **state)
{
	struct drive d;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	d.policy.max_packet_bytes = 1000;
	drive_feed(&d, &d.c_in, "Q\0\0\3\xe9", 5);
	assert_string_equal(str_text(&d.log), "client:packet_too_large");
	drive_fini(&d);
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	drive_feed(&d, &d.c_in, "S\0\0\0\3", 5);
	assert_string_equal(str_text(&d.log), "client:protocol_violation");
	drive_fini(&d);
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	drive_feed(&d, &d.c_in, "E\0\2\0\0", 5);
	assert_string_equal(str_text(&d.log), "client:protocol_violation");
	drive_fini(&d);
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	d.policy.simple_query_off = true;
	drive_client(&d, "Q:x");
	assert_string_equal(str_text(&d.log), "client:simple_query_off");
	drive_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(long_texts_stream),
		cmocka_unit_test(half_a_text_closes),
		cmocka_unit_test(slow_senders_hold_no_server),
		cmocka_unit_test(refused_statements_are_skipped),
		cmocka_unit_test(pipelines_yield),
		cmocka_unit_test(copies_do_not_yield),
		cmocka_unit_test(swallowed_syncs_reopen),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
