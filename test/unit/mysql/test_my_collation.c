/* Numbers of collations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "mysql/my_collation.h"

static void
test_known(void **state)
{
	static const struct {
		uint16_t id;
		const char *name;
		size_t charset;
	} rows[] = {
		{ 1, "big5_chinese_ci", 4 },
		{ 8, "latin1_swedish_ci", 6 },
		{ 28, "gbk_chinese_ci", 3 },
		{ 33, "utf8mb3_general_ci", 7 },
		{ 45, "utf8mb4_general_ci", 7 },
		{ 46, "utf8mb4_bin", 7 },
		{ 63, "binary", 6 },
		{ 224, "utf8mb4_unicode_ci", 7 },
		{ 255, "utf8mb4_0900_ai_ci", 7 },
		{ 309, "utf8mb4_0900_bin", 7 },
		{ 610, "utf8mb4_thai_520_w2", 7 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct my_collation *c = my_collation_find(rows[i].id);

		assert_non_null(c);
		assert_int_equal(c->id, rows[i].id);
		assert_string_equal(c->name, rows[i].name);
		assert_int_equal(my_collation_charset(c), rows[i].charset);
	}
}

/* All that is in the table is found, and in order; nothing else is. */
static void
test_all(void **state)
{
	unsigned found = 0;

	(void)state;
	for (unsigned id = 0; id < 65536; id++)
		found += my_collation_find((uint16_t)id) != NULL;
	assert_int_equal(found, 151);
	assert_null(my_collation_find(0));
	assert_null(my_collation_find(35)); /* ucs2 */
	assert_null(my_collation_find(65535));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
