/* Who may do what on the console. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "admin/commands.h"
#include "base/mem.h"
#include "base/text.h"

struct rule {
	const char *command;
	enum console_right right;
};

/* Every command, and the least right that it needs. */
static const struct rule rules[] = {
	{ "SHOW ACTIVE_SOCKETS", CONSOLE_STATS },
	{ "SHOW CLIENTS", CONSOLE_STATS },
	{ "SHOW CONFIG", CONSOLE_STATS },
	{ "SHOW DATABASES", CONSOLE_STATS },
	{ "SHOW DNS_HOSTS", CONSOLE_STATS },
	{ "SHOW LISTENERS", CONSOLE_STATS },
	{ "SHOW DNS_ZONES", CONSOLE_STATS },
	{ "SHOW FDS", CONSOLE_ADMIN },
	{ "SHOW HELP", CONSOLE_STATS },
	{ "SHOW LISTS", CONSOLE_STATS },
	{ "SHOW MEM", CONSOLE_STATS },
	{ "SHOW PEERS", CONSOLE_STATS },
	{ "SHOW PEER_POOLS", CONSOLE_STATS },
	{ "SHOW PINS", CONSOLE_STATS },
	{ "EXPLAIN PIN 'select 1' db user", CONSOLE_STATS },
	{ "SHOW PREPARED_STATEMENTS", CONSOLE_STATS },
	{ "SHOW PIN_COUNTS", CONSOLE_STATS },
	{ "SHOW POOLS", CONSOLE_STATS },
	{ "SHOW SERVERS", CONSOLE_STATS },
	{ "SHOW SOCKETS", CONSOLE_STATS },
	{ "SHOW STATE", CONSOLE_STATS },
	{ "SHOW STATES", CONSOLE_STATS },
	{ "SHOW STATS", CONSOLE_STATS },
	{ "SHOW STATS_AVERAGES", CONSOLE_STATS },
	{ "SHOW STATS_TOTALS", CONSOLE_STATS },
	{ "SHOW TOTALS", CONSOLE_STATS },
	{ "SHOW USERS", CONSOLE_STATS },
	{ "SHOW VERSION", CONSOLE_STATS },
	{ "SHOW CLIENT_ENCODING", CONSOLE_STATS },
	{ "SHOW DATESTYLE", CONSOLE_STATS },
	{ "SHOW DEFAULT_TRANSACTION_ISOLATION", CONSOLE_STATS },
	{ "SHOW STANDARD_CONFORMING_STRINGS", CONSOLE_STATS },
	{ "SHOW TIMEZONE", CONSOLE_STATS },
	{ "SHOW TIME ZONE", CONSOLE_STATS },
	{ "SHOW TRANSACTION ISOLATION LEVEL", CONSOLE_STATS },
	{ "SELECT POOLS", CONSOLE_STATS },
	{ "SELECT FDS", CONSOLE_ADMIN },
	{ "SET datestyle = ISO", CONSOLE_STATS },
	{ "SET datestyle TO 'ISO'", CONSOLE_STATS },
	{ "SET NAMES 'UTF8'", CONSOLE_STATS },
	{ "SET TIME ZONE UTC", CONSOLE_STATS },
	{ "SET extra_float_digits = 3", CONSOLE_STATS },
	{ "SET client_encoding TO UTF8", CONSOLE_STATS },
	{ "SET query_timeout = 3", CONSOLE_ADMIN },
	{ "SET admin_users = 'me'", CONSOLE_ADMIN },
	{ "SET \"datestyle\" = 1", CONSOLE_ADMIN },
	{ "DISABLE db", CONSOLE_ADMIN },
	{ "ENABLE db", CONSOLE_ADMIN },
	{ "KILL", CONSOLE_ADMIN },
	{ "KILL db", CONSOLE_ADMIN },
	{ "KILL_CLIENT 1", CONSOLE_ADMIN },
	{ "PAUSE", CONSOLE_ADMIN },
	{ "PAUSE db", CONSOLE_ADMIN },
	{ "RECONNECT", CONSOLE_ADMIN },
	{ "RECONNECT db", CONSOLE_ADMIN },
	{ "RELOAD", CONSOLE_ADMIN },
	{ "RESUME", CONSOLE_ADMIN },
	{ "RESUME db", CONSOLE_ADMIN },
	{ "SHUTDOWN", CONSOLE_ADMIN },
	{ "SHUTDOWN WAIT_FOR_CLIENTS", CONSOLE_ADMIN },
	{ "SUSPEND", CONSOLE_ADMIN },
	{ "WAIT_CLOSE", CONSOLE_ADMIN },
	{ "WAIT_CLOSE db", CONSOLE_ADMIN },
};

static void
each_command_needs_its_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		for (int right = CONSOLE_NONE; right <= CONSOLE_ADMIN;
		     right++) {
			struct decision d;

			command_decide(&d, rules[i].command,
				       (enum console_right)right);
			if (right >= (int)rules[i].right) {
				assert_null(d.sqlstate);
				assert_non_null(d.command);
			} else {
				assert_string_equal(d.sqlstate, "42501");
				assert_null(d.command);
				assert_null(d.show);
			}
			decision_fini(&d);
		}
	}
}

/* A row that no rule above speaks of would be untested. */
static void
each_row_has_a_rule(void **state)
{
	bool has_command[64] = { false }, has_show[64] = { false };

	(void)state;
	assert_true(commands_count < 64 && shows_count < 64);
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		struct decision d;

		command_decide(&d, rules[i].command, CONSOLE_ADMIN);
		has_command[d.command - commands_table] = true;
		if (d.show != NULL)
			has_show[d.show - shows_table] = true;
		decision_fini(&d);
	}
	for (size_t i = 0; i < commands_count; i++)
		assert_true(has_command[i]);
	for (size_t i = 0; i < shows_count; i++)
		assert_true(has_show[i]);
}

static void
each_row_says_its_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < commands_count; i++)
		assert_int_not_equal(commands_table[i].right, CONSOLE_NONE);
	for (size_t i = 0; i < shows_count; i++) {
		assert_int_not_equal(shows_table[i].right, CONSOLE_NONE);
		assert_non_null(shows_table[i].fill);
	}
}

static void
what_is_not_known_is_refused(void **state)
{
	static const struct {
		const char *command, *sqlstate, *error;
	} cases[] = {
		{ "BEGIN", "42601", "invalid command 'BEGIN'" },
		{ "SELECT 1", "42601", "invalid command" },
		{ "SELECT pg_sleep(1)", "42601", "invalid command" },
		{ "SHOW NOTHING", "42601", "invalid command" },
		{ "SHOW", "42601", "syntax: SHOW" },
		{ "SHOW POOLS now", "42601", "invalid command" },
		{ "SHOW \"POOLS\"", "42601", "invalid command" },
		{ "\"SHOW\" POOLS", "42601", "invalid command" },
		{ "SHOWPOOLS", "42601", "invalid command" },
		{ "PAUSE a b", "42601", "syntax: PAUSE [db]" },
		{ "DISABLE", "42601", "syntax: DISABLE db" },
		{ "KILL_CLIENT", "42601", "syntax: KILL_CLIENT id" },
		{ "RELOAD now", "42601", "syntax: RELOAD" },
		{ "SET a", "42601", "syntax: SET key = value" },
		{ "SHOW POOLS; SHOW POOLS", "42601", "one command" },
		{ "SHOW 'POOLS", "42601", "not closed" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct decision d;

		command_decide(&d, cases[i].command, CONSOLE_ADMIN);
		assert_non_null(d.sqlstate);
		assert_string_equal(d.sqlstate, cases[i].sqlstate);
		assert_non_null(strstr(d.error, cases[i].error));
		assert_non_null(d.hint);
		assert_null(d.command);
		decision_fini(&d);
	}
}

static void
nothing_is_allowed_and_empty(void **state)
{
	static const char *const cases[] = { "", ";", " -- x", "/* */;" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct decision d;

		command_decide(&d, cases[i], CONSOLE_NONE);
		assert_null(d.sqlstate);
		assert_null(d.command);
		decision_fini(&d);
	}
}

static void
long_commands_are_cut_in_errors(void **state)
{
	struct str text = { 0 };
	struct decision d;

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_puts(&text, "x'y'");
	command_decide(&d, str_text(&text), CONSOLE_ADMIN);
	assert_non_null(d.sqlstate);
	assert_true(strlen(d.error) < DECISION_TEXT_MAX);
	decision_fini(&d);
	str_fini(&text);
}

static void
help_names_every_command(void **state)
{
	char *help = commands_help();

	(void)state;
	assert_non_null(help);
	for (size_t i = 0; i < commands_count; i++)
		if (commands_table[i].usage != NULL)
			assert_non_null(strstr(help, commands_table[i].name));
	assert_non_null(strstr(help, "|POOLS|"));
	assert_null(strstr(help, "DATESTYLE"));
	mem_free(help);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_needs_its_right),
		cmocka_unit_test(each_row_has_a_rule),
		cmocka_unit_test(each_row_says_its_right),
		cmocka_unit_test(what_is_not_known_is_refused),
		cmocka_unit_test(nothing_is_allowed_and_empty),
		cmocka_unit_test(long_commands_are_cut_in_errors),
		cmocka_unit_test(help_names_every_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
