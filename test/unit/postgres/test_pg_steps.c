/*
 * Several statements of one Query that name prepared ones: what the server gets
 * for them, what each tag commits, and what an end in the middle leaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "postgres/pg_steps.h"
#include "scenario.h"

#define GO "link:go "
#define NONE "boundary:none "

static const struct scenario scenarios[] = {
	{
		.name = "each tag commits its own",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x;prepare a as x;y;prepare b as y" },
			   { SERVER, "C:X|C:PREPARE|C:Y" },
			   { SERVER, "E:ERROR:XX000:no|Z:I" },
			   { CLIENT, "Q:execute a;x" },
			   { SERVER, "C:X|C:X|Z:I" },
			   { CLIENT, "Q:execute b;x" },
			   { SERVER, "E:ERROR:26000:\"carpool_0\" is not|"
				     "Z:I" } },
		.to_client = "C:X|C:PREPARE|C:Y|E:ERROR:XX000:no|Z:I|"
			     "C:X|C:X|Z:I|E:ERROR:26000:\"b\" is not|Z:I",
		.to_server = "Q:x;prepare carpool_1 as x;y;"
			     "prepare carpool_2 as y|"
			     "Q:execute carpool_1;x|Q:execute carpool_0;x",
		.log = GO NONE GO NONE GO "boundary:none",
	},
	{
		.name = "a spare is taken, what is loaded stays",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:prepare a as x" },
			   { SERVER, "C:PREPARE|Z:I" },
			   { CLIENT, "Q:x;deallocate a" },
			   { SERVER, "3|1|Z:I|C:X|C:DEALLOCATE|Z:I" },
			   { CLIENT, "Q:prepare b as x" } },
		.to_client = "C:PREPARE|Z:I|C:X|C:DEALLOCATE|Z:I|"
			     "C:PREPARE|Z:I",
		.to_server = "Q:prepare carpool_1 as x|C|P|S|"
			     "Q:x;deallocate carpool_00",
		.log = GO NONE GO NONE GO "boundary:none",
	},
	{
		.name = "a taken name finds a spare in its way",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:prepare a as x" },
			   { SERVER, "C:PREPARE|Z:I" },
			   { CLIENT, "Q:x;prepare a as y" },
			   { SERVER, "3|1|Z:I|C:X|"
				     "E:ERROR:42P05:\"carpool_00\" is|Z:I" } },
		.to_client = "C:PREPARE|Z:I|C:X|E:ERROR:42P05:\"a\" is|Z:I",
		.to_server = "Q:prepare carpool_1 as x|C|P|S|"
			     "Q:x;prepare carpool_00 as y",
		.log = GO NONE GO "boundary:none",
	},
	{
		.name = "what goes again is closed by nobody else",
		.mode = POOL_TRANSACTION,
		.max_prepared = 1,
		.moves = { { CLIENT, "Q:prepare a as x;y;deallocate a" },
			   { SERVER, "C:PREPARE" },
			   { CLIENT, "P:b:y|S" },
			   { SERVER, "C:Y|C:DEALLOCATE|Z:I|1|Z:I" } },
		.to_client = "C:PREPARE|C:Y|C:DEALLOCATE|Z:I|1|Z:I",
		.to_server = "Q:prepare carpool_1 as x;y;"
			     "deallocate carpool_1|P|S",
		.log = GO "boundary:none",
	},
	{
		.name = "an error before it goes: it stays until it is closed",
		.mode = POOL_TRANSACTION,
		.max_prepared = 1,
		.moves = { { CLIENT, "Q:prepare a as x;y;deallocate a" },
			   { SERVER, "C:PREPARE|E:ERROR:XX000:no|Z:I" },
			   { CLIENT, "Q:x;execute a" },
			   { SERVER, "3|C:PREPARE|Z:I|C:X|C:X|Z:I" } },
		.to_client = "C:PREPARE|E:ERROR:XX000:no|Z:I|C:X|C:X|Z:I",
		.to_server = "Q:prepare carpool_1 as x;y;"
			     "deallocate carpool_1|C|"
			     "Q:PREPARE carpool_2 as x|Q:x;execute carpool_2",
		.log = GO NONE GO "boundary:none",
	},
	{
		.name = "what follows waits until all names are gone",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P:a:x|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "Q:x;deallocate all|B::a|E:|S" },
			   { SERVER, "C:X" },
			   { SERVER, "C:DEALLOCATE ALL|Z:I" },
			   { SERVER, "E:ERROR:26000:no|Z:I" } },
		.to_client = "1|Z:I|C:X|C:DEALLOCATE ALL|Z:I|"
			     "E:ERROR:26000:no|Z:I",
		.to_server = "P|S|Q:x;deallocate ALL|B|E|S",
		.log = GO NONE GO NONE GO "boundary:none",
	},
	{
		.name = "a setting in the text: what it prepares is its own",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:set timezone = 'CET';prepare a as x" },
			   { SERVER, "C:SET|C:PREPARE|S:TimeZone:CET|Z:I" },
			   { CLIENT, "Q:execute a" },
			   { SERVER, "3|C:PREPARE|Z:I|C:X|Z:I" } },
		.to_client = "C:SET|C:PREPARE|S:TimeZone:CET|Z:I|C:X|Z:I",
		.to_server = "Q:set timezone = 'CET';prepare carpool_1 as x|C|"
			     "Q:PREPARE carpool_2 as x|Q:execute carpool_2",
		.log = GO NONE GO "boundary:none",
	},
	{
		.name = "the client goes in the middle: the load is for all",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:x;prepare a as x;deallocate a;y" },
			   { SERVER, "C:X|C:PREPARE" },
			   { GONE, "" },
			   { SERVER, "C:DEALLOCATE|C:Y|Z:I" } },
		.to_client = "C:X|C:PREPARE",
		.to_server = "Q:x;prepare carpool_1 as x;"
			     "deallocate carpool_1;y",
		.log = GO "abandon:cancel boundary:none",
	},
	{
		.name = "in a group that goes on nothing can be loaded apart",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "P::x|Q:execute carpool_1" },
			   { SERVER, "1|E:ERROR:42601:syntax|Z:I" } },
		.to_client = "1|E:ERROR:0A000:the prepared statements that "
			     "this query names cannot be followed in this "
			     "pool_mode|Z:I",
		.to_server = "P|Q:carpool refuses a statement here",
		.log = GO "boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* ---- errors ---- */

static struct pg_steps *
steps_of(const struct pg_step *list, size_t count)
{
	struct pg_steps *t = pg_steps_new(count);

	assert_non_null(t);
	memcpy(t->list, list, count * sizeof(*list));
	return t;
}

/* "execute a; execute bcd; execute e", the names one, ten and one long. */
static void
places_are_the_clients(void **state)
{
	static const struct pg_step list[] = {
		{ .at = 8, .growth = 8 },
		{ .at = 19, .growth = 7 },
		{ .at = 32, .growth = -2 },
	};
	static const uint32_t rows[][2] = {
		{ 1, 1 },   { 9, 9 },        { 18, 10 }, { 20 + 8, 20 },
		{ 31, 16 }, { 33 + 15, 33 }, { 49, 36 },
	};
	struct pg_steps *t = steps_of(list, COUNT_OF(list));

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(pg_steps_place(t, rows[i][0]), rows[i][1]);
	mem_free(t);
}

/* Of two names of one load the error is about the one not yet completed. */
static void
names_are_the_clients(void **state)
{
	struct pg_names *names = pg_names_new();
	struct pg_step list[3] = {
		{ .ordinal = 1, .own = "carpool_7" },
		{ .ordinal = 3, .own = "carpool_7" },
		{ .ordinal = 4, .own = "carpool_0" },
	};
	struct pg_steps *t;

	(void)state;
	assert_non_null(names);
	list[0].name = pg_names_add(names, "a");
	list[1].name = pg_names_add(names, "b");
	list[2].name = pg_names_add(names, "c");
	t = steps_of(list, COUNT_OF(list));
	assert_string_equal(pg_steps_name(t, 0, "carpool_7", 9), "a");
	assert_string_equal(pg_steps_name(t, 2, "carpool_7", 9), "b");
	assert_string_equal(pg_steps_name(t, 0, "carpool_0", 9), "c");
	assert_null(pg_steps_name(t, 0, "carpool_77", 10));
	assert_null(pg_steps_name(t, 0, "carpool_7", 8));
	mem_free(t);
	pg_names_free(names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(places_are_the_clients),
		cmocka_unit_test(names_are_the_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
