/*
 * Changes to what statements mean are counted from the tags of what ran, when
 * others can see them and as often as may be needed; who prepares behind one
 * gets no statement of before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario.h"

static const struct counted {
	const char *text; /* that ran before: of it the tags are known */
	const char *answer;
	uint64_t changes;
} counted[] = {
	/* At its tag, for what comes behind it in its own transaction, and at
	 * the end, for all. */
	{ "x", "C:ALTER TABLE|Z:I", 2 },
	{ "x", "C:ALTER TABLE|Z:T", 1 },
	{ "x", "C:CREATE TABLE|Z:I", 2 },
	{ "x", "C:CREATE VIEW|Z:I", 2 },
	{ "x", "C:CREATE FUNCTION|Z:I", 2 },
	{ "x", "C:DROP TABLE|Z:I", 2 },
	{ "x", "C:DROP OWNED|Z:I", 2 },
	{ "x", "C:ALTER SEQUENCE|Z:I", 2 },
	{ "x", "C:DO|Z:I", 2 },
	{ "x", "C:BEGIN|C:ALTER TABLE|C:COMMIT|Z:I", 3 },
	{ "x", "C:ALTER TABLE|C:COMMIT|Z:T", 2 },
	{ "x", "C:ALTER TABLE|C:ROLLBACK|Z:T", 2 },
	{ "x", "C:ALTER TABLE|E:ERROR:22012:zero|Z:I", 2 },
	{ "x", "C:ALTER TABLE|C:CREATE INDEX|Z:I", 2 },
	/* No statement means any of these. */
	{ "x", "C:SELECT 1|Z:I", 0 },
	{ "x", "C:INSERT 0 1|Z:I", 0 },
	{ "x", "C:COPY 5|Z:I", 0 },
	{ "x", "C:CALL|Z:I", 0 },
	{ "x", "C:COMMIT|Z:I", 0 },
	{ "x", "C:ROLLBACK|Z:I", 0 },
	{ "x", "C:CREATE INDEX|Z:I", 0 },
	{ "x", "C:DROP INDEX|Z:I", 0 },
	{ "x", "C:ALTER ROLE|Z:I", 0 },
	{ "x", "C:ALTER SYSTEM|Z:I", 0 },
	{ "x", "C:CREATE DATABASE|Z:I", 0 },
	{ "x", "C:DROP USER MAPPING|Z:I", 0 },
	{ "x", "C:ALTER DEFAULT PRIVILEGES|Z:I", 0 },
	{ "x", "C:DISCARD TEMP|Z:I", 0 },
	{ "x", "C:|Z:I", 0 },
	{ "x", "C:A|Z:I", 0 },
	{ "x", "C:DROP|Z:I", 0 },
	/* A temporary table is its server's own. */
	{ "create temp table x (a int)", "C:CREATE TABLE|Z:I", 0 },
	{ "drop table x; create temp table x (a int)",
	  "C:DROP TABLE|C:CREATE TABLE|Z:I", 0 },
	{ "create temp table x (a int); alter table y add b int",
	  "C:CREATE TABLE|C:ALTER TABLE|Z:I", 2 },
	{ "create temp table x (a int); create function y",
	  "C:CREATE TABLE|C:CREATE FUNCTION|Z:I", 2 },
};

static void
tags_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(counted); i++) {
		for (int cut = CUT_NONE; cut <= CUT_BYTES; cut++) {
			struct drive d;
			char query[200];

			drive_init(&d, POOL_TRANSACTION, (enum drive_cut)cut);
			(void)snprintf(query, sizeof(query), "Q:%s",
				       counted[i].text);
			drive_client(&d, query);
			drive_server(&d, counted[i].answer);
			if (d.changes != counted[i].changes)
				print_message("%s: %s\n", counted[i].text,
					      counted[i].answer);
			assert_int_equal(d.changes, counted[i].changes);
			drive_fini(&d);
		}
	}
}

/* What is written to the server while these are said. */
static void
expect_sent(const char *const *says, uint64_t changes, const char *sent)
{
	struct str server = { 0 };
	struct drive d;

	drive_init(&d, POOL_TRANSACTION, CUT_BYTES);
	for (size_t i = 0; says[i] != NULL; i++) {
		if (says[i][0] == '>')
			drive_client(&d, says[i] + 1);
		else if (says[i][0] == '<')
			drive_server(&d, says[i] + 1);
		else
			d.changes += changes;
	}
	drive_show(&server, (uint8_t *)d.to_server.data, d.to_server.len,
		   false);
	assert_string_equal(str_text(&server), sent);
	str_fini(&server);
	drive_fini(&d);
}

static void
loads_are_of_their_time(void **state)
{
	/* A name from before goes on, one from behind it loads anew. */
	static const char *const names[] = {
		">P:s:select|S", "<1|Z:I",
		"elsewhere",     ">B::s|S",
		"<2|Z:I",        ">P:r:select|S",
		"<3|1|Z:I",      ">B::s|B::r|S",
		"<2|2|Z:I",      NULL,
	};
	static const char *const quiet[] = {
		">P:s:select|S", "<1|Z:I",        ">B::s|S",
		"<2|Z:I",        ">P:r:select|S", "<Z:I",
		">B::r|S",       "<2|Z:I",        NULL,
	};
	/* The server's unnamed one was left by somebody of before. */
	static const char *const unnamed[] = {
		">P::select|S", "<1|Z:I", "elsewhere", ">B::|S", "<2|Z:I", NULL,
	};
	/* Behind a temporary table, on this server. */
	static const char *const temporary[] = {
		">P:s:select|S",
		"<1|Z:I",
		">Q:create temp table t (a int)",
		"<C:CREATE TABLE|Z:T",
		">P:r:select|S",
		"<3|1|Z:T",
		NULL,
	};

	(void)state;
	expect_sent(names, 1, "P|S|B|S|C|P|S|B|B|S");
	expect_sent(quiet, 0, "P|S|B|S|S|B|S");
	expect_sent(unnamed, 1, "P|S|B|S");
	expect_sent(temporary, 0, "P|S|Q:create temp table t (a int)|C|P|S");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_counted),
		cmocka_unit_test(loads_are_of_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
