/* EXPLAIN PIN: what is said of which statement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "postgres/pgwire.h"

/* The rows as text: "statement|effect|kind", one a line. */
static void
add(void *arg, const struct explain_row *row)
{
	str_printf(arg, "%.*s|%d|%d\n", (int)row->len, row->statement,
		   (int)row->effect, row->has_kind ? (int)row->kind : -1);
	assert_non_null(row->why);
}

static void
check(const char *text, const struct policy *policy, const char *want)
{
	struct str s = { 0 };

	pg_back_ops.explain(text, policy, add, &s);
	assert_string_equal(str_text(&s), want);
	str_fini(&s);
}

static void
statements(void **state)
{
	struct policy p = {
		.mode = POOL_TRANSACTION,
		.on_state = { [STATE_LISTEN] = STATE_EMULATE,
			      [STATE_LOAD] = STATE_REJECT,
			      [STATE_HOLD_CURSOR] = STATE_RESET,
			      [STATE_ADVISORY_LOCK] = STATE_ALLOW },
		.extra_tracked = "",
	};

	(void)state;
	check("", &p, "");
	check(" ; -- nothing", &p, "");
	check("select 1", &p, "select 1|0|-1\n");
	check("select ';' ; select 2;", &p, "select ';'|0|-1\nselect 2|0|-1\n");
	check("set work_mem = 1", &p, "set work_mem = 1|1|-1\n");
	check("set timezone = 'UTC'", &p, "set timezone = 'UTC'|1|-1\n");
	check("discard all", &p, "discard all|1|-1\n");
	check("prepare a as select 1", &p, "prepare a as select 1|1|-1\n");
	check("do $$ begin ; end $$", &p, "do $$ begin ; end $$|2|-1\n");
	check("create temp table t ()", &p, "create temp table t ()|3|0\n");
	check("declare c cursor with hold for select 1", &p,
	      "declare c cursor with hold for select 1|4|2\n");
	check("load 'x'", &p, "load 'x'|5|3\n");
	check("select pg_advisory_lock(1)", &p,
	      "select pg_advisory_lock(1)|6|1\n");
	check("listen a", &p, "listen a|7|5\n");
	check("create temp table t as select pg_advisory_lock(1)", &p,
	      "create temp table t as select pg_advisory_lock(1)|3|0\n"
	      "create temp table t as select pg_advisory_lock(1)|6|1\n");
}

static void
sessions(void **state)
{
	struct policy p = { .mode = POOL_SESSION, .extra_tracked = "" };

	(void)state;
	check("listen a; select 1", &p, "listen a|0|-1\nselect 1|0|-1\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements),
		cmocka_unit_test(sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
