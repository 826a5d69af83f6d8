/*
 * A client that was told what the rows of a statement look like never gets
 * others without being told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario.h"

/* A statement that the client was told of, and that its server lost. */
#define LOST                                                                   \
	{ CLIENT, "P:s:select|DS:s|S" }, { SERVER, "1|t|T:a|Z:I" },            \
		{ CLIENT, "B::s|E:|S" },                                       \
	{                                                                      \
		SERVER, "E:ERROR:26000:gone|Z:I"                               \
	}
#define LOST_CLIENT "1|t|T|Z:I|E:ERROR:26000:gone|Z:I"
#define LOST_SERVER "P|DScarpool_1|S|B|E|S"
#define LOST_LOG "link:go boundary:none link:go boundary:none"

static const struct scenario scenarios[] = {
	{
		.name = "loaded anew, as it was",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "3|1|t|T:a" },
			   { SERVER, "2|C:X|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = LOST_CLIENT "|2|C:X|Z:I|2|C:X|Z:I",
		.to_server = LOST_SERVER "|C|P|DScarpool_2|H|B|E|S|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "loaded anew, with other rows",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "3|1|t|T:a,b" },
			   { SERVER, "E:ERROR:26000:no|Z:I" },
			   { CLIENT, "CS:s|P:s:select|DS:s|S" },
			   { SERVER, "t|T:a,b|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = LOST_CLIENT
		"|E:ERROR:0A000:cached plan must not change result type|Z:I|"
		"3|1|t|T|Z:I|2|C:X|Z:I",
		.to_server = LOST_SERVER "|C|P|DScarpool_2|H|"
					 "DScarpool_no_such_statement|E|S|"
					 "DScarpool_2|S|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none "
				"link:go boundary:none",
	},
	{
		.name = "rows where there were none",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:s:insert|DS:s|S" },
			   { SERVER, "1|t|n|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "E:ERROR:26000:gone|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "3|1|t|T:a" },
			   { SERVER, "E:ERROR:26000:no|Z:I" } },
		.to_client = "1|t|n|Z:I|E:ERROR:26000:gone|Z:I|E:ERROR:0A000:"
			     "cached plan must not change result type|Z:I",
		.to_server = LOST_SERVER "|C|P|DScarpool_2|H|"
					 "DScarpool_no_such_statement|E|S",
		.log = LOST_LOG " link:go boundary:none",
	},
	{
		.name = "not asked in a failed transaction",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "P:u:select|S" },
			   { SERVER, "3|1|Z:I" },
			   { CLIENT, "Q:begin|Q:bad|B::s|E:|S" },
			   { SERVER, "C:BEGIN|Z:T|E:ERROR:42601:no|Z:E" },
			   { SERVER, "E:ERROR:25P02:no|Z:E" },
			   { CLIENT, "Q:rollback" },
			   { SERVER, "C:ROLLBACK|Z:I" } },
		.to_client =
			LOST_CLIENT "|1|Z:I|C:BEGIN|Z:T|E:ERROR:42601:no|Z:E|"
				    "E:ERROR:25P02:no|Z:E|C:ROLLBACK|Z:I",
		.to_server =
			LOST_SERVER "|C|P|S|Q:begin|Q:bad|B|E|S|Q:rollback",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "asked where a failed transaction may be over",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "P:u:select|S" },
			   { SERVER, "3|1|Z:I" },
			   { CLIENT, "Q:begin|Q:bad" },
			   { SERVER, "C:BEGIN|Z:T|E:ERROR:42601:no|Z:E" },
			   { CLIENT, "P::rollback|B::|E:|B::s|E:|S" },
			   { SERVER, "1|2|C:ROLLBACK|t|T:a" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client =
			LOST_CLIENT "|1|Z:I|C:BEGIN|Z:T|E:ERROR:42601:no|Z:E|"
				    "1|2|C:ROLLBACK|2|C:X|Z:I",
		.to_server = LOST_SERVER "|C|P|S|Q:begin|Q:bad|P|B|E|"
					 "DScarpool_2|H|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "behind others of its group",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "P::x|B::|E:|B::s|E:|S" },
			   { SERVER, "1|2|C:X|3|1|t|T:a" },
			   { SERVER, "2|C:Y|Z:I" } },
		.to_client = LOST_CLIENT "|1|2|C:X|2|C:Y|Z:I",
		.to_server = LOST_SERVER "|P|B|E|C|P|DScarpool_2|H|B|E|S",
		.log = LOST_LOG " link:go boundary:none",
	},
	{
		.name = "behind one that fails",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "P::x|B::|E:|B::s|E:|S" },
			   { SERVER, "E:ERROR:42601:bad" },
			   { SERVER, "Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "3|1|t|T:a" },
			   { SERVER, "2|C:Y|Z:I" } },
		.to_client = LOST_CLIENT "|E:ERROR:42601:bad|Z:I|2|C:Y|Z:I",
		.to_server = LOST_SERVER "|P|B|E|C|P|DScarpool_2|H|B|E|S|"
					 "C|P|DScarpool_3|H|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "the question fails, and is asked again",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "3|1|E:ERROR:57014:canceled" },
			   { SERVER, "Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "t|T:a" },
			   { SERVER, "2|C:Y|Z:I" } },
		.to_client = LOST_CLIENT "|E:ERROR:57014:canceled|Z:I|"
					 "2|C:Y|Z:I",
		.to_server = LOST_SERVER "|C|P|DScarpool_2|H|B|E|S|"
					 "DScarpool_2|H|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "told again in the same group",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "DS:s|B::s|E:|S" },
			   { SERVER, "3|1|t|T:b|2|C:X|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = LOST_CLIENT "|t|T|2|C:X|Z:I|2|C:X|Z:I",
		.to_server = LOST_SERVER "|C|P|DScarpool_2|B|E|S|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "told again by a group in front",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "DS:s|S|B::s|E:|S" },
			   { SERVER, "3|1|t|T:b" },
			   { SERVER, "Z:I" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = LOST_CLIENT "|t|T|Z:I|2|C:X|Z:I",
		.to_server = LOST_SERVER "|C|P|DScarpool_2|S|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "never told, never asked",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:s:select|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "B::s|DP:|E:|S" },
			   { SERVER, "E:ERROR:26000:gone|Z:I" },
			   { CLIENT, "B::s|DP:|E:|S" },
			   { SERVER, "3|1|2|T:b|C:X|Z:I" } },
		.to_client = "1|Z:I|E:ERROR:26000:gone|Z:I|2|T|C:X|Z:I",
		.to_server = "P|S|B|DP|E|S|C|P|B|DP|E|S",
		.log = LOST_LOG " link:go boundary:none",
	},
	{
		.name = "told by a portal",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:s:select|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "B:p:s|DP:p|E:p|S" },
			   { SERVER, "2|T:a|C:X|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "E:ERROR:26000:gone|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "3|1|t|T:a,b" },
			   { SERVER, "E:ERROR:26000:no|Z:I" } },
		.to_client = "1|Z:I|2|T|C:X|Z:I|E:ERROR:26000:gone|Z:I|"
			     "E:ERROR:0A000:"
			     "cached plan must not change result type|Z:I",
		.to_server = "P|S|B|DPp|E|S|B|E|S|C|P|DScarpool_2|H|"
			     "DScarpool_no_such_statement|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "not told by another portal",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:s:select|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "B:p:s|DP:q|E:p|S" },
			   { SERVER, "2|T:a|C:X|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "E:ERROR:26000:gone|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "3|1|2|C:X|Z:I" } },
		.to_client = "1|Z:I|2|T|C:X|Z:I|E:ERROR:26000:gone|Z:I|"
			     "2|C:X|Z:I",
		.to_server = "P|S|B|DPq|E|S|B|E|S|C|P|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "told by what follows",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "B::s|DP:|E:|S" },
			   { SERVER, "3|1|2|T:b|C:X|Z:I" },
			   { CLIENT, "B::s|E:|S" },
			   { SERVER, "2|C:X|Z:I" } },
		.to_client = LOST_CLIENT "|2|T|C:X|Z:I|2|C:X|Z:I",
		.to_server = LOST_SERVER "|C|P|B|DP|E|S|B|E|S",
		.log = LOST_LOG " link:go boundary:none link:go boundary:none",
	},
	{
		.name = "the client leaves while it is asked",
		.mode = POOL_TRANSACTION,
		.moves = { LOST,
			   { CLIENT, "B::s|E:|S" },
			   { GONE, "" },
			   { SERVER, "3|1|t|T:a|E:ERROR:26000:no|Z:I" } },
		.to_client = LOST_CLIENT,
		.to_server = LOST_SERVER "|C|P|DScarpool_2|H|"
					 "DScarpool_no_such_statement|S",
		.log = LOST_LOG " link:go abandon:cancel boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* Answers come later than what they are about. */
static void
one_error_tells_of_all(void **state)
{
	struct drive d;
	struct str server = { 0 };

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_BYTES);
	drive_client(&d, "P:a:select|P:b:other|S");
	drive_server(&d, "1|1|Z:I");
	d.now = 2;
	drive_client(&d, "B::a|S");
	drive_server(&d, "O|Z:I");
	/* What it had before it goes on with; what it prepares is new. */
	d.now = 3;
	drive_client(&d, "B::b|S");
	drive_server(&d, "2|Z:I");
	drive_client(&d, "CS:b|P:b:other|B::b|S");
	drive_server(&d, "3|3|1|2|Z:I");
	drive_client(&d, "CS:b|P:b:other|B::b|S");
	drive_server(&d, "2|Z:I");
	drive_show(&server, (uint8_t *)d.to_server.data, d.to_server.len,
		   false);
	assert_string_equal(str_text(&server), "P|P|S|B|S|B|S|C|C|P|B|S|B|S");
	str_fini(&server);
	drive_fini(&d);
}

static uint64_t
hash_of(const char *token)
{
	struct str s = { 0 };
	uint64_t h;

	drive_parse(&s, token, true);
	h = pg_shape_hash((uint8_t)s.data[0],
			  (const uint8_t *)s.data + PG_HEADER,
			  s.len - PG_HEADER);
	/* No body that ends early is read past its end. */
	for (size_t n = 0; n < s.len - PG_HEADER; n++) {
		uint8_t *cut = mem_zalloc(n + 1);

		memcpy(cut, s.data + PG_HEADER, n);
		(void)pg_shape_hash('T', n > 0 ? cut : NULL, n);
		mem_free(cut);
	}
	str_fini(&s);
	return h;
}

static void
shapes_differ(void **state)
{
	(void)state;
	assert_true(hash_of("T:a") == hash_of("T:a"));
	assert_true(hash_of("T:a") != hash_of("T:b"));
	assert_true(hash_of("T:a") != hash_of("T:a,b"));
	assert_true(hash_of("T:a,b") != hash_of("T:b,a"));
	assert_true(hash_of("n") != hash_of("T"));
	assert_true(hash_of("T") > PG_SHAPE_UNREAD);
	assert_true(pg_shape_hash('T', NULL, 0) == PG_SHAPE_UNREAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(one_error_tells_of_all),
		cmocka_unit_test(shapes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
