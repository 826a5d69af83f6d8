/*
 * Clients that vanish in the middle of things, and resets that fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model.h"
#include "scenario.h"

static const struct scenario scenarios[] = {
	{
		.name = "a failed reset closes",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x y" },
			   { SERVER, "C:PREPARE|Z:I" },
			   { SERVER, "E:ERROR:XX000:no|Z:I" } },
		.to_client = "C:PREPARE|Z:I",
		.to_server = "Q:x y|Q:DEALLOCATE ALL",
		.log = "link:go boundary:reset boundary:close",
	},
	{
		.name = "a late cancel hits the reset",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x y" },
			   { SERVER, "C:PREPARE|Z:I" },
			   { SERVER, "E:ERROR:57014:canceled|Z:I" },
			   { SERVER, "C:DEALLOCATE ALL|Z:I" } },
		.to_client = "C:PREPARE|Z:I",
		.to_server = "Q:x y|Q:DEALLOCATE ALL|Q:DEALLOCATE ALL",
		.log = "link:go boundary:reset boundary:none",
	},
	{
		.name = "gone in a transaction",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T" },
			   { GONE, "" },
			   { SERVER, "C:ROLLBACK|Z:I" } },
		.to_client = "C:BEGIN|Z:T",
		.to_server = "Q:begin|Q:ROLLBACK",
		.log = "link:go abandon:drain boundary:none",
	},
	{
		.name = "gone while a query runs in a transaction",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin|Q:sleep" },
			   { SERVER, "C:BEGIN|Z:T|T|D:x" },
			   { GONE, "" },
			   { SERVER, "D:x|E:ERROR:57014:canceled|Z:E" },
			   { SERVER, "C:ROLLBACK|Z:I" } },
		.to_client = "C:BEGIN|Z:T|T|D",
		.to_server = "Q:begin|Q:sleep|Q:ROLLBACK",
		.log = "link:go abandon:cancel boundary:none drain "
		       "boundary:none",
	},
	{
		.name = "gone in an open group: never committed",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::insert|B::|E:" },
			   { GONE, "" },
			   { SERVER,
			     "1|2|C:INSERT 0 1|E:ERROR:26000:no|Z:I" } },
		.to_client = "",
		.to_server = "P|B|E|DScarpool_no_such_statement|S",
		.log = "link:go abandon:cancel boundary:none",
	},
	{
		.name = "gone in an open group that failed",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::bad|H" },
			   { SERVER, "E:ERROR:42601:x" },
			   { GONE, "" },
			   { SERVER, "Z:I" } },
		.to_client = "E:ERROR:42601:x",
		.to_server = "P|H|S",
		.log = "link:go abandon:drain boundary:none",
	},
	{
		.name = "gone in COPY in, by Query",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:copy" },
			   { SERVER, "G" },
			   { CLIENT, "d:x" },
			   { GONE, "" },
			   { SERVER, "E:ERROR:57014:failed|Z:I" } },
		.to_client = "G",
		.to_server = "Q:copy|d|f",
		.log = "link:go abandon:cancel boundary:none",
	},
	{
		.name = "gone while the server is asked which Syncs it read",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S" },
			   { SERVER, "1|2|G" },
			   { CLIENT, "d:x" },
			   { SERVER, "E:ERROR:22P02:bad|Z:I" },
			   { GONE, "" },
			   { SERVER, "3|Z:I" } },
		.to_client = "1|2|G|E:ERROR:22P02:bad",
		.to_server = "P|B|E|S|d|S|C|S",
		.log = "link:go abandon:cancel boundary:none",
	},
	{
		.name = "gone before COPY in began",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::copy|B::|E:|S" },
			   { GONE, "" },
			   { SERVER, "1|2|G" },
			   { SERVER, "E:ERROR:57014:failed|Z:I" },
			   { SERVER, "3|Z:I" } },
		.to_client = "",
		.to_server = "P|B|E|S|f|S|C|S",
		.log = "link:go abandon:cancel boundary:none",
	},
	{
		.name = "gone at rest in a transaction with residue",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T" },
			   { CLIENT, "Q:listen x" },
			   { SERVER, "C:LISTEN|Z:T" },
			   { GONE, "" },
			   { SERVER, "C:ROLLBACK|Z:I" },
			   { SERVER, "C:UNLISTEN|Z:I" } },
		.to_client = "C:BEGIN|Z:T|C:LISTEN|Z:T",
		.to_server = "Q:begin|Q:listen x|Q:ROLLBACK|Q:UNLISTEN *",
		.log = "link:go abandon:drain boundary:reset boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/*
 * A client vanishes at any place of any pipeline: the server comes back to a
 * boundary, and no more is committed than the client itself had ended.
 */
static void
vanish(unsigned seed, enum drive_cut cut, unsigned *closed)
{
	struct str script = { 0 };
	struct model alone, behind;
	struct drive d;
	unsigned s = seed;

	drive_init(&d, POOL_TRANSACTION, cut);
	d.seed = seed;
	model_init(&alone);
	model_init(&behind);
	for (unsigned i = 0; i < 1 + seed % 4; i++) {
		const char *request = model_request(&s);
		struct str bytes = { 0 };
		size_t len;

		str_printf(&script, "%s%s", i > 0 ? "|" : "", request);
		drive_parse(&bytes, request, false);
		len = bytes.len;
		if (i == seed % 4)
			len = (size_t)rand_r(&s) % (len + 1);
		str_add(&alone.in, bytes.data, len);
		drive_feed(&d, &d.c_in, bytes.data, len);
		str_fini(&bytes);
		if (rand_r(&s) % 3 != 0)
			model_let_work(&d, &behind, (unsigned)rand_r(&s) % 8);
	}
	if (d.is_linked) {
		drive_abandon(&d);
		for (unsigned i = 0; i < 200; i++)
			model_let_work(&d, &behind, 1);
		model_work(&alone, UINT32_MAX);
		if (d.is_server_over || behind.is_dead) {
			++*closed;
		} else {
			if (pg_back_view(d.back)->owed != 0 || behind.tx != 'I')
				print_message("seed %u cut %d %s\n%s\n", seed,
					      (int)cut, str_text(&script),
					      str_text(&d.log));
			assert_int_equal(pg_back_view(d.back)->owed, 0);
			assert_true(pg_back_view(d.back)->is_resettable);
			assert_int_equal(behind.tx, 'I');
			assert_int_equal(behind.copy, COPY_NONE);
			assert_false(behind.is_skipping);
		}
		assert_true(behind.committed <= alone.committed);
	}
	str_fini(&script);
	model_fini(&alone);
	model_fini(&behind);
	drive_fini(&d);
}

static void
servers_come_back(void **state)
{
	unsigned closed = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 4000; seed++)
		vanish(seed, (enum drive_cut)(seed % CUTS), &closed);
	print_message("%u of 4000 had to be closed\n", closed);
	assert_true(closed < 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(servers_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
