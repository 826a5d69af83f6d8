/* Rows of the console's answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "admin/row.h"

static const struct rowset_column columns[] = {
	{ "a", COLUMN_TEXT }, { "b", COLUMN_NUMERIC }, { "c", COLUMN_INT4 },
	{ "d", COLUMN_TEXT }, { "e", COLUMN_TEXT },
};

static void
cells_are_text(void **state)
{
	struct rowset *rows = rowset_new(columns, 5, "SHOW");
	struct row row;

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	row_begin(&row);
	row_text(&row, NULL);
	row_number(&row, UINT64_MAX);
	row_int4(&row, UINT64_C(5000000000));
	row_mark(&row, 0xabc);
	row_time(&row, UINT64_C(1769864759123456));
	row_end(&row, rows);
	row_text(&row, "x");
	row_number(&row, 0);
	row_int4(&row, INT32_MAX);
	row_mark(&row, 0);
	row_time(&row, 0);
	row_end(&row, rows);
	assert_int_equal(rows->row_count, 2);
	assert_null(rows->cells[0]);
	assert_string_equal(rows->cells[1], "18446744073709551615");
	assert_string_equal(rows->cells[2], "2147483647");
	assert_string_equal(rows->cells[3], "0xabc");
	assert_string_equal(rows->cells[4], "2026-01-31 13:05:59 UTC");
	assert_string_equal(rows->cells[5], "x");
	assert_string_equal(rows->cells[6], "0");
	assert_string_equal(rows->cells[7], "2147483647");
	assert_string_equal(rows->cells[8], "");
	assert_string_equal(rows->cells[9], "");
	rowset_free(rows);
}

static struct rowset *
numbers(uint64_t from, uint64_t count)
{
	struct rowset *rows = rowset_new(columns + 1, 1, "SHOW");
	struct row row;

	row_begin(&row);
	for (uint64_t i = from; i < from + count; i++) {
		row_number(&row, i);
		row_end(&row, rows);
	}
	return rows;
}

static void
answers_are_put_together(void **state)
{
	struct rowset *all = numbers(0, 3);
	struct row row;

	(void)state;
	rows_take(all, numbers(3, 40));
	rows_take(all, numbers(0, 0));
	rows_take(all, NULL);
	rows_take(all, numbers(43, 1));
	row_begin(&row);
	row_number(&row, 44);
	row_end(&row, all);
	assert_int_equal(all->row_count, 45);
	for (size_t i = 0; i < all->row_count; i++)
		assert_int_equal(strtoul(all->cells[i], NULL, 10), i);
	rowset_free(all);

	all = numbers(0, 0);
	rows_take(all, numbers(0, 0));
	assert_int_equal(all->row_count, 0);
	rows_take(all, numbers(0, 2));
	assert_int_equal(all->row_count, 2);
	rowset_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_are_text),
		cmocka_unit_test(answers_are_put_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
