/*
 * Questions about settings that are answered from memory: which they are, and
 * that an answer is that of the same state, and whole.
 */
#include "mysql/my_probe.h"
#include "script.h"

static void
test_texts(void **state)
{
	static const struct {
		const char *text;
		bool is_it;
	} rows[] = {
		{ "SELECT @@version_comment LIMIT 1", true },
		{ "select\t@@session.tx_isolation ;\n", true },
		{ "SELECT @@local.autocommit AS a,@@Time_Zone b2", false },
		{ "SELECT @@local.autocommit AS a,@@Time_Zone as b2", true },
		{ "/* a driver */ SELECT @@wait_timeout", true },
		{ "/*!50000 SELECT @@wait_timeout */", false },
		{ "/*M! SELECT */ SELECT @@wait_timeout", false },
		{ "/* a driver SELECT @@wait_timeout", false },
		{ "SELECT @@global.wait_timeout", false },
		{ "SELECT @@wait_timeout.a", false },
		{ "SELECT @@session.", false },
		{ "SELECT @@", false },
		{ "SELECT @", false },
		{ "SELECT ", false },
		{ "SELECT @wait_timeout", false },
		{ "SELECT @@ wait_timeout", false },
		{ "SELECT @@wait_timeout_", false },
		{ "SELECT @@hostname", false },
		{ "SELECT @@init_connect", false },
		{ "SELECT @@query_cache_size", false },
		{ "SELECT @@wait_timeout,", false },
		{ "SELECT @@wait_timeout, 1", false },
		{ "SELECT @@wait_timeout + 1", false },
		{ "SELECT @@wait_timeout FROM t", false },
		{ "SELECT @@wait_timeout LIMIT 10", false },
		{ "SELECT @@wait_timeout LIMIT", false },
		{ "SELECT @@wait_timeout AS", false },
		{ "SELECT @@wait_timeout AS limit 1", false },
		{ "SELECT @@wait_timeout; SELECT 1", false },
		{ "SELECTS @@wait_timeout", false },
		{ "SET @@wait_timeout = 1", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t len = strlen(rows[i].text);
		/* In a block of its own, so that a byte too far is found. */
		char *copy = mem_strndup(rows[i].text, len);
		char *bare = mem_zalloc(len);

		assert_non_null(copy);
		assert_non_null(bare);
		memcpy(bare, copy, len);
		if (my_probe_is(bare, len) != rows[i].is_it)
			fail_msg("%s", rows[i].text);
		mem_free(copy);
		mem_free(bare);
	}
}

static void
test_probes(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "learnt from one, told to another",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:select @@version" },
				   { SERVER, "raw \001|col|row a|end" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:select @@version" },
				   { CLIENT, "p" } },
			.to_client = "1:data 2:data 3:data 4:end 1:data 2:data "
				     "3:data 4:end 1:ok",
			.to_server = "0:[select @@version]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "the same with the old ends of rows",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.has_eof = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:select @@version" },
				   { SERVER, "raw \001|col|eof|row a|eof" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { CLIENT, "q:select @@version" },
				   { CLIENT, "p" } },
			.to_client = "1:data 2:data 3:eof 4:data 5:eof 1:data "
				     "2:data 3:eof 4:data 5:eof 1:ok",
			.to_server = "0:[select @@version]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "not in another state",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:select @@version" },
				   { SERVER, "raw \001|col|row a|end" },
				   { CLIENT, "q:set time_zone='+01:00'" },
				   { SERVER, "ok var=time_zone:+01:00" },
				   { BUSY, "" },
				   { CLIENT, "q:select @@version" },
				   { CANCELED, "" },
				   { CLIENT, "p" } },
			.to_client = "1:data 2:data 3:data 4:end 1:ok,changes "
				     "1:err1317 1:ok",
			.to_server = "0:[select @@version] "
				     "0:[set time_zone='+01:00']",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "a reload forgets it",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:select @@version" },
				   { SERVER, "raw \001|col|row a|end" },
				   { NEXT, "" },
				   { BUSY, "" },
				   { RELOAD, "" },
				   { CLIENT, "q:select @@version" } },
			.to_client = "1:data 2:data 3:data 4:end",
			.to_server = "0:[select @@version]",
			.log = "link:0 boundary:0,0 ",
		},
		{
			.name = "neither errors, nor warnings, nor amid a "
				"transaction, nor what changed the session",
			.mode = POOL_TRANSACTION,
			.has_memo = true,
			.may_differ = true,
			.moves = { { CLIENT, "q:select @@version" },
				   { SERVER, "err 1054" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, FORGOTTEN },
				   { CLIENT, "q:select @@version" },
				   { SERVER, "raw \001|col|row a|end tx" },
				   { CLIENT, "q:select @@version" },
				   { SERVER, "raw \001|col|row a|end" },
				   { CLIENT, "q:select @@autocommit" },
				   { SERVER, "raw \001|col|row a|end "
					     "var=time_zone:+01:00" },
				   { BUSY, "" },
				   { CLIENT, "q:select @@version" },
				   { CANCELED, "" },
				   { CLIENT, "q:select @@autocommit" },
				   { CANCELED, "" },
				   { CLIENT, "p" } },
			.to_client =
				"1:err1054 1:data 2:data 3:data 4:end,tx "
				"1:data 2:data 3:data 4:end 1:data 2:data "
				"3:data 4:end,changes 1:err1317 1:err1317 1:ok",
			.to_server = "0:[select @@version] 0:[SHOW WARNINGS] "
				     "0:[SELECT 1 FROM (SELECT 1) AS t] "
				     "0:[select @@version] 0:[select "
				     "@@version] 0:[select @@autocommit]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
