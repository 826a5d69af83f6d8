/* Console results: rows, NULLs, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/rowset.h"
#include "base/text.h"

static const struct rowset_column columns[] = {
	{ "name", COLUMN_TEXT },
	{ "value", COLUMN_INT4 },
};

static void
rows_are_copied(void **state)
{
	struct rowset *r = rowset_new(columns, 2, "SHOW");
	char text[16];

	(void)state;
	assert_non_null(r);
	for (int i = 0; i < 100; i++) {
		const char *cells[] = { text, i % 2 == 0 ? NULL : "1" };

		text_format(text, sizeof(text), "row%d", i);
		assert_true(rowset_add(r, cells));
	}
	assert_int_equal(r->row_count, 100);
	assert_string_equal(r->cells[0], "row0");
	assert_null(r->cells[1]);
	assert_string_equal(r->cells[198], "row99");
	assert_string_equal(r->cells[199], "1");
	assert_string_equal(r->tag, "SHOW");
	assert_string_equal(r->sqlstate, "");
	rowset_free(r);
	rowset_free(NULL);
}

static void
errors(void **state)
{
	struct rowset *r = rowset_error("42601", "bad command", NULL);

	(void)state;
	assert_non_null(r);
	assert_string_equal(r->sqlstate, "42601");
	assert_string_equal(r->error, "bad command");
	assert_null(r->hint);
	assert_int_equal(r->column_count, 0);
	rowset_free(r);
	r = rowset_error("42501", "no", "ask");
	assert_string_equal(r->hint, "ask");
	rowset_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_copied),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
