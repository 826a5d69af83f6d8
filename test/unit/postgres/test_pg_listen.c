/*
 * LISTEN where servers are shared: what the server is asked, what the core is
 * told, and when the client goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "postgres/pg_listen.h"
#include "scenario.h"

#define ASK "Q:SELECT pg_catalog.pg_listening_channels();UNLISTEN *"
#define END "C:SELECT 1|C:UNLISTEN|Z:I"
/* The client listens to a. */
#define BEGIN                                                                  \
	{ CLIENT, "Q:listen a" }, { SERVER, "C:LISTEN|Z:I" },                  \
		{ SERVER, "T|D:=a|" END },                                     \
	{                                                                      \
		IN_PLACE, ""                                                   \
	}
#define BEGUN "C:LISTEN|Z:I|"
#define BEGAN "Q:listen a|" ASK "|"
#define BEGUN_LOG "link:go listen:+a,waits boundary:none"

static const struct scenario scenarios[] = {
	{
		.name = "the client waits until it is heard",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen a|Q:x" },
			   { SERVER, "C:LISTEN|Z:I" },
			   { SERVER, "T|D:=a|D:=b|" END },
			   { IN_PLACE, "" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "C:LISTEN|Z:I|C:X|Z:I",
		.to_server = "Q:listen a|" ASK "|Q:x",
		.log = "link:go listen:+a,+b,waits boundary:none "
		       "link:go boundary:none",
	},
	{
		.name = "nothing was begun: it goes on at once",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin|Q:listen a" },
			   { SERVER, "C:BEGIN|Z:T|C:LISTEN|Z:T" },
			   { CLIENT, "Q:rollback" },
			   { SERVER, "C:ROLLBACK|Z:I" },
			   { SERVER, "T|" END } },
		.to_client = "C:BEGIN|Z:T|C:LISTEN|Z:T|C:ROLLBACK|Z:I",
		.to_server = "Q:begin|Q:listen a|Q:rollback|" ASK,
		.log = "link:go boundary:none",
	},
	{
		.name = "a LISTEN that failed asks for nothing",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen" },
			   { SERVER, "E:ERROR:42601:no|Z:I" } },
		.to_client = "E:ERROR:42601:no|Z:I",
		.to_server = "Q:listen",
		.log = "link:go boundary:none",
	},
	{
		.name = "in extended messages",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::listen a|B|E|S" },
			   { SERVER, "1|2|C:LISTEN|Z:I" },
			   { SERVER, "T|D:=a|" END },
			   { IN_PLACE, "" } },
		.to_client = "1|2|C:LISTEN|Z:I",
		.to_server = "P|B|E|S|" ASK,
		.log = "link:go listen:+a,waits boundary:none",
	},
	{
		.name = "names of UNLISTEN are the server's",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { BEGIN,
			   { CLIENT, "Q:unlisten A; /**/ UnListen \"B c\"" },
			   { SERVER, "C:UNLISTEN|C:UNLISTEN|Z:I" },
			   { CLIENT, "Q:unlisten *" },
			   { SERVER, "C:UNLISTEN|Z:I" },
			   { CLIENT, "Q:unlisten a" },
			   { SERVER, "C:UNLISTEN|Z:I" } },
		.to_client = BEGUN "C:UNLISTEN|C:UNLISTEN|Z:I|"
				   "C:UNLISTEN|Z:I|C:UNLISTEN|Z:I",
		.to_server = BEGAN "Q:unlisten A; /**/ UnListen \"B c\"|"
				   "Q:unlisten *|Q:unlisten a",
		.log = BEGUN_LOG " link:go listen:-a,-B c,goes boundary:none "
				 "link:go listen:-*,goes boundary:none "
				 "link:go boundary:none",
	},
	{
		.name = "UNLISTEN that is rolled back, or fails, is none",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { BEGIN,
			   { CLIENT, "Q:begin; unlisten a; rollback" },
			   { SERVER, "C:BEGIN|C:UNLISTEN|C:ROLLBACK|Z:I" },
			   { CLIENT, "Q:unlisten *; x" },
			   { SERVER, "C:UNLISTEN|E:ERROR:22012:no|Z:I" },
			   { CLIENT, "Q:select 'unlisten a'" },
			   { SERVER, "T|C:SELECT 0|Z:I" } },
		.to_client = BEGUN "C:BEGIN|C:UNLISTEN|C:ROLLBACK|Z:I|"
				   "C:UNLISTEN|E:ERROR:22012:no|Z:I|"
				   "T|C:SELECT 0|Z:I",
		.to_server = BEGAN "Q:begin; unlisten a; rollback|"
				   "Q:unlisten *; x|Q:select 'unlisten a'",
		.log = BEGUN_LOG " link:go boundary:none "
				 "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "what the client tells itself comes first",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { BEGIN,
			   { CLIENT, "Q:notify a" },
			   { SERVER, "C:NOTIFY|Z:I" },
			   { IN_PLACE, "" },
			   { CLIENT, "P::select PG_Notify('a', '')|B|E|S" },
			   { SERVER, "1|2|D:|C:SELECT 1|Z:I" },
			   { IN_PLACE, "" } },
		.to_client = BEGUN "C:NOTIFY|Z:I|1|2|D|C:SELECT 1|Z:I",
		.to_server = BEGAN "Q:notify a|P|B|E|S",
		.log = BEGUN_LOG " link:go listen:notified,waits boundary:none "
				 "link:go listen:notified,waits boundary:none",
	},
	{
		.name = "so does what waits, at the transaction's end alone",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { BEGIN,
			   { NEWS, "" },
			   { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T" },
			   { CLIENT, "Q:commit|Q:x" },
			   { SERVER, "C:COMMIT|Z:I" },
			   { IN_PLACE, "" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = BEGUN "C:BEGIN|Z:T|C:COMMIT|Z:I|C:X|Z:I",
		.to_server = BEGAN "Q:begin|Q:commit|Q:x",
		.log = BEGUN_LOG " link:go listen:news,waits boundary:none "
				 "link:go boundary:none",
	},
	{
		.name = "who does not listen waits for nothing",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { NEWS, "" },
			   { CLIENT, "Q:notify a" },
			   { SERVER, "C:NOTIFY|Z:I" } },
		.to_client = "C:NOTIFY|Z:I",
		.to_server = "Q:notify a",
		.log = "link:go boundary:none",
	},
	{
		.name = "what the server tells before it is rid of the channel",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen a; notify a, 'one'" },
			   { SERVER, "C:LISTEN|C:NOTIFY|A:a:one|Z:I" },
			   { SERVER, "T|D:=a|A:a:two|" END },
			   { IN_PLACE, "" },
			   { CLIENT, "Q:x" },
			   { SERVER, "A:a:stray|C:X|Z:I" } },
		.to_client = "C:LISTEN|C:NOTIFY|Z:I|C:X|Z:I",
		.to_server = "Q:listen a; notify a, 'one'|" ASK "|Q:x",
		.log = "link:go told:7,a,one told:7,a,two "
		       "listen:+a,notified,waits boundary:none "
		       "link:go boundary:none",
	},
	{
		.name = "no more is kept than it takes to refuse it",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen a" },
			   { SERVER, "C:LISTEN|Z:I" },
			   { SERVER, "T|D:=a|D:=b|D:=c|D:=d|D:=e|" END },
			   { IN_PLACE, "" } },
		.to_client = "C:LISTEN|Z:I",
		.to_server = "Q:listen a|" ASK,
		.log = "link:go listen:+a,+b,+c,+d,waits boundary:none",
	},
	{
		.name = "a late cancel hits the question",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen a" },
			   { SERVER, "C:LISTEN|Z:I" },
			   { SERVER, "E:ERROR:57014:canceled|Z:I" },
			   { SERVER, "T|D:=a|" END },
			   { IN_PLACE, "" } },
		.to_client = "C:LISTEN|Z:I",
		.to_server = "Q:listen a|" ASK "|" ASK,
		.log = BEGUN_LOG,
	},
	{
		.name = "the question fails",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen a" },
			   { SERVER, "C:LISTEN|Z:I" },
			   { SERVER, "E:ERROR:53200:no|Z:I" } },
		.to_client = "C:LISTEN",
		.to_server = "Q:listen a|" ASK,
		.log = "link:go server:listen_failed:1",
	},
	{
		.name = "a row that is none",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen a" },
			   { SERVER, "C:LISTEN|Z:I" },
			   { SERVER, "T|D:@a,b,c" } },
		.to_client = "C:LISTEN",
		.to_server = "Q:listen a|" ASK,
		.log = "link:go server:server_protocol_violation:1",
	},
	{
		.name = "the client leaves while it is asked",
		.hears = true,
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:listen a" },
			   { SERVER, "C:LISTEN|Z:I" },
			   { GONE, "" },
			   { SERVER, "T|D:=a|" END },
			   { SERVER, "C:UNLISTEN|Z:I" } },
		.to_client = "C:LISTEN",
		.to_server = "Q:listen a|" ASK "|Q:UNLISTEN *",
		.log = "link:go abandon:drain boundary:reset boundary:none",
	},
	{
		.name = "in session mode bytes pass",
		.hears = true,
		.mode = POOL_SESSION,
		.moves = { { CLIENT, "Q:listen a" },
			   { SERVER, "C:LISTEN|Z:I|A:a:one" } },
		.to_client = "C:LISTEN|Z:I|A",
		.to_server = "Q:listen a",
		.log = "link:go boundary:none",
	},
};

static void
all_scenarios(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* Names of UNLISTEN in one transaction are kept up to a bound. */
static void
names_are_bounded(void **state)
{
	struct drive d;
	struct str text = { 0 };
	struct pg_back *b;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	drive_hears(&d);
	((struct pg_front *)d.front)->is_listening = true;
	drive_client(&d, "Q:begin");
	drive_server(&d, "C:BEGIN|Z:T");
	for (unsigned i = 0; i < 100; i++)
		str_printf(&text, "%sunlisten a%060u", i == 0 ? "Q:" : ";", i);
	for (unsigned i = 0; i < 100; i++) {
		drive_client(&d, str_text(&text));
		drive_server(&d, "C:UNLISTEN|Z:T");
	}
	b = d.back;
	assert_true(b->listen->dropped.len >= 256u << 10);
	assert_true(b->listen->dropped.len < (256u << 10) + 64);
	str_fini(&text);
	drive_fini(&d);
}

/* Which texts may notify, where others listen. */
static void
may_have_notified(void **state)
{
	static const struct {
		const char *client, *server;
		bool heard, noted;
	} rows[] = {
		{ "Q:notify a", "C:NOTIFY|Z:T", false, true },
		{ "Q:select pg_notify('a', '')", "C:SELECT 1|Z:T", true, true },
		{ "Q:select pg_notify('a', '')", "C:SELECT 1|Z:T", false,
		  false },
		{ "P::select f_1(),PG_Notify('a', '')|B|E|S",
		  "1|2|C:SELECT 1|Z:T", true, true },
		{ "Q:select _g_notify, g_notify, pg_notif", "C:SELECT 1|Z:T",
		  true, false },
		{ "Q:_notify", "C:SELECT 1|Z:T", true, false },
		{ "Q:_", "C:SELECT 1|Z:T", true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct drive d;
		struct pg_back *b;

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		b = d.back;
		b->view.is_heard = rows[i].heard;
		drive_client(&d, rows[i].client);
		drive_server(&d, rows[i].server);
		assert_int_equal(b->view.has_notified, rows[i].noted);
		drive_client(&d, "Q:commit");
		drive_server(&d, "C:COMMIT|Z:I");
		/* The next link begins anew. */
		drive_client(&d, "Q:begin");
		assert_false(b->view.has_notified);
		drive_fini(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_scenarios),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(may_have_notified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
