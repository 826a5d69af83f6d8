/*
 * What a client and its server are told to hold, and the counters of prepared
 * statements.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scenario.h"

static void
add(void *arg, const struct statement_view *s)
{
	struct str *list = arg;

	assert_int_equal(strlen(s->text), s->length);
	str_printf(list, "%s/%u ", s->text, s->types);
}

static void
assert_held(struct drive *d, const char *client, const char *server)
{
	struct str list = { 0 };

	pg_front_ops.statements(d->front, add, &list);
	assert_string_equal(str_text(&list), client);
	str_fini(&list);
	pg_back_ops.statements(d->back, add, &list);
	assert_string_equal(str_text(&list), server);
	str_fini(&list);
}

static void
assert_counted(struct drive *d, unsigned client, unsigned server,
	       unsigned binds)
{
	const struct back_view *v = pg_back_view(d->back);

	assert_int_equal(v->client_parses, client);
	assert_int_equal(v->server_parses, server);
	assert_int_equal(v->binds, binds);
}

static void
what_is_held(void **state)
{
	struct drive d;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	assert_held(&d, "", "");
	drive_client(&d, "P:a:one|S");
	/* Only what was answered counts. */
	assert_held(&d, "", "");
	drive_server(&d, "1|Z:I");
	assert_held(&d, "one/0 ", "one/0 ");
	assert_int_equal(pg_front_view(d.front)->statements, 1);
	assert_int_equal(pg_back_view(d.back)->statements, 1);
	/* The unnamed one is not among them, a second name is. */
	drive_client(&d, "P::two|P:b:one|S");
	drive_server(&d, "1|Z:I");
	assert_held(&d, "one/0 one/0 ", "one/0 ");
	drive_client(&d, "CS:a|CS:b|S");
	drive_server(&d, "Z:I");
	assert_held(&d, "", "one/0 ");
	assert_int_equal(pg_front_view(d.front)->statements, 0);
	drive_fini(&d);
}

static void
what_is_counted(void **state)
{
	struct drive d;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	drive_client(&d, "P:a:one|B::a|E:|S");
	assert_counted(&d, 1, 1, 1);
	drive_server(&d, "1|2|C:X|Z:I");
	/* The server has it: nothing is sent. */
	drive_client(&d, "P:b:one|B::b|E:|B::a|E:|S");
	drive_server(&d, "2|C:X|2|C:X|Z:I");
	assert_counted(&d, 2, 1, 3);
	/* Neither unnamed ones nor simple queries. */
	drive_client(&d, "P::one|B::|E:|S");
	drive_server(&d, "1|2|C:X|Z:I");
	drive_client(&d, "Q:x");
	drive_server(&d, "C:X|Z:I");
	assert_counted(&d, 2, 1, 3);
	drive_fini(&d);
}

/* In session mode nothing is looked at. */
static void
not_of_sessions(void **state)
{
	struct drive d;

	(void)state;
	drive_init(&d, POOL_SESSION, CUT_NONE);
	drive_client(&d, "P:a:one|B::a|E:|S");
	drive_server(&d, "1|2|C:X|Z:I");
	assert_held(&d, "", "");
	assert_counted(&d, 0, 0, 0);
	drive_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_held),
		cmocka_unit_test(what_is_counted),
		cmocka_unit_test(not_of_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
