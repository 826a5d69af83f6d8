/*
 * PREPARE, EXECUTE and DEALLOCATE inside the extended protocol: what the server
 * gets for them, and what the client is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scenario.h"

#define PREPARE "P::prepare a as select 1|B::|E:|S"
#define MADE "P|C|P|B|C|DP|C|P|B|E|C|C|C|S"
#define FAKED "P|C|P|B|C|DP|C|S"
#define RUN "link:go boundary:none"
#define PREPARED "1|3|1|2|3|n|3|1|2|C:PREPARE|3|3|3|Z:I"

static const struct scenario scenarios[] = {
	{
		.name = "prepared by a load, run by carpool's name",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, PREPARE },
			   { SERVER, PREPARED },
			   { CLIENT, "P::execute a|B::|E:|S" },
			   { SERVER, "1|3|1|2|3|C:SELECT 1|Z:I" } },
		.to_client = "1|2|C:PREPARE|Z:I|1|2|C:SELECT 1|Z:I",
		.to_server = MADE "|P|C|P|B|C|E|S",
		.log = RUN " " RUN,
	},
	{
		.name = "deallocated without the server's knowledge",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, PREPARE },
			   { SERVER, PREPARED },
			   { CLIENT, "P::deallocate a|B::|E:|S" },
			   { SERVER, "1|3|1|2|3|n|3|Z:I" },
			   { CLIENT, "P::deallocate all|B::|E:|S" },
			   /* The Sync is not sent before. */
			   { SERVER, "1|3|1|2|3|n|3" },
			   { SERVER, "Z:I" },
			   { CLIENT, PREPARE },
			   { SERVER, "1|3|1|2|3|n|3|Z:I" } },
		.to_client = "1|2|C:PREPARE|Z:I|1|2|C:DEALLOCATE|Z:I|"
			     "1|2|C:DEALLOCATE ALL|Z:I|1|2|C:PREPARE|Z:I",
		.to_server = MADE "|" FAKED "|P|C|P|B|C|DP|C|H|S|" FAKED,
		.log = RUN " " RUN " " RUN " " RUN,
	},
	{
		.name = "an error in front of it: nothing has come to pass",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::x|B::|E:|P::prepare a as select 1|"
				     "B::|E:|S" },
			   { SERVER, "1|2|E:ERROR:XX000:no|Z:I" },
			   { CLIENT, "P::execute a|B::|E:|S" },
			   { SERVER, "1|3|1|2|3|"
				     "E:ERROR:26000:\"carpool_0\" is not|"
				     "Z:I" } },
		.to_client = "1|2|E:ERROR:XX000:no|Z:I|1|2|"
			     "E:ERROR:26000:\"a\" is not|Z:I",
		.to_server = "P|B|E|P|C|P|B|C|DP|C|P|B|E|C|C|C|S|P|C|P|B|C|E|S",
		.log = RUN " " RUN,
	},
	{
		.name = "the client goes while its names are cleared",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::deallocate all|B::|E:|P:b:x" },
			   { SERVER, "1|3|1" },
			   { GONE, "" },
			   { SERVER, "2|3|n|3|E:ERROR:26000:no|Z:I" } },
		.to_client = "1",
		.to_server = "P|C|P|B|C|DP|C|H|"
			     "DScarpool_no_such_statement|S",
		.log = "link:go abandon:cancel boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
