/* EXPLAIN PIN for MySQL, and the table of pins behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_explain.h"
#include "mysql/my_pin.h"
#include "sql/my_classify.h"

/* The rows as text: "statement|effect|kind", one a line. */
static void
add(void *arg, const struct explain_row *row)
{
	str_printf(arg, "%.*s|%d|%d\n", (int)row->len, row->statement,
		   (int)row->effect, row->has_kind ? (int)row->kind : -1);
	assert_non_null(row->why);
}

static void
statements_are_explained(void **state)
{
	static const struct {
		const char *text;
		const char *rows;
	} texts[] = {
		{ "", "" },
		{ " ; -- nothing", "" },
		{ "select 1", "select 1|0|-1\n" },
		{ "select ';' ; select 2;",
		  "select ';'|0|-1\nselect 2|0|-1\n" },
		{ "set autocommit = 0", "set autocommit = 0|1|-1\n" },
		{ "use a", "use a|1|-1\n" },
		{ "set names latin1 collate latin1_bin",
		  "set names latin1 collate latin1_bin|1|-1\n"
		  "set names latin1 collate latin1_bin|2|-1\n" },
		{ "create temporary table t (a int)",
		  "create temporary table t (a int)|4|0\n" },
		{ "select get_lock('a', 1)", "select get_lock('a', 1)|6|1\n" },
		{ "lock tables t read", "lock tables t read|3|-1\n" },
		{ "call p()", "call p()|5|4\n" },
		{ "set @a = now()", "set @a = now()|5|4\n" },
		{ "set @a = 1", "set @a = 1|1|-1\n" },
		{ "/* pool: nopin */ call p()",
		  "/* pool: nopin */ call p()|0|-1\n" },
		{ "/* pool: session */ select 1",
		  "/* pool: session */ select 1|3|-1\n" },
		{ "kill 5", "kill 5|7|-1\n" },
		{ "set global a = 1", "set global a = 1|0|-1\n" },
	};
	struct policy p = {
		.mode = POOL_TRANSACTION,
		.on_state = { [STATE_TEMP_TABLE] = STATE_RESET,
			      [STATE_ADVISORY_LOCK] = STATE_ALLOW,
			      [STATE_UNKNOWN_SET] = STATE_REJECT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct str s = { 0 };

		my_explain(texts[i].text, &p, add, &s);
		assert_string_equal(str_text(&s), texts[i].rows);
		str_fini(&s);
	}
}

static void
sessions_keep_their_server(void **state)
{
	struct policy p = { .mode = POOL_SESSION };
	struct str s = { 0 };

	(void)state;
	my_explain("set @a = 1", &p, add, &s);
	assert_string_equal(str_text(&s), "set @a = 1|0|-1\n");
	str_fini(&s);
}

/* Every pin has a name, a reason, and an end that can be seen. */
static void
every_pin_has_an_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MY_PINS; i++) {
		const struct my_pin_rule *r = &my_pin_rules[i];
		bool needs_statement =
			r->end == MY_PIN_STATEMENT || r->end == MY_PIN_COUNTED;

		assert_non_null(r->name);
		assert_non_null(r->why);
		if (needs_statement)
			assert_true(r->ends != 0);
		assert_int_equal(my_pins_begun(r->begins) & MY_PIN_BIT(i),
				 r->begins != 0 ? MY_PIN_BIT(i) : 0);
		assert_int_equal(my_pins_ended(r->ends) & MY_PIN_BIT(i),
				 r->ends != 0 ? MY_PIN_BIT(i) : 0);
	}
	assert_int_equal(my_pins_begun(MY_SQL_READ | MY_SQL_SET | MY_SQL_USE),
			 0);
	assert_int_equal(my_pins_dirty(MY_PIN_BIT(MY_PIN_TEMP) |
				       MY_PIN_BIT(MY_PIN_LOCK_TABLES)),
			 MY_PIN_BIT(MY_PIN_TEMP));
}

/* What only a comment asks for is given, but no transaction is torn. */
static void
hints_are_followed(void **state)
{
	uint64_t hint = MY_SQL_HINT_NOPIN;

	(void)state;
	assert_int_equal(my_pins_begun(hint | MY_SQL_VARIABLE | MY_SQL_ANY), 0);
	assert_int_equal(my_pins_begun(hint | MY_SQL_XA | MY_SQL_LOST),
			 MY_PIN_BIT(MY_PIN_XA) | MY_PIN_BIT(MY_PIN_UNKNOWN));
	assert_int_equal(my_pins_carried(MY_SQL_LITERAL | MY_SQL_SET),
			 MY_SQL_SET);
	assert_int_equal(my_pins_carried(MY_SQL_LITERAL | MY_SQL_VARIABLE),
			 MY_SQL_LITERAL | MY_SQL_VARIABLE);
	assert_int_equal(my_pins_begun(MY_SQL_HINT_SESSION),
			 MY_PIN_BIT(MY_PIN_ASKED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_explained),
		cmocka_unit_test(sessions_keep_their_server),
		cmocka_unit_test(every_pin_has_an_end),
		cmocka_unit_test(hints_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
