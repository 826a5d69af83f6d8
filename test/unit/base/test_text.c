/* Text: growing, cutting, numbers, lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static void
str_grows(void **state)
{
	struct str s = { 0 };
	char *taken;

	(void)state;
	assert_string_equal(str_text(&s), "");
	str_puts(&s, "ab");
	str_putc(&s, 'c');
	str_add(&s, "de", 1);
	str_add(&s, NULL, 0);
	str_printf(&s, "%d-%s", 42, "xyz");
	assert_string_equal(str_text(&s), "abcd42-xyz");
	assert_int_equal(s.len, 10);
	for (int i = 0; i < 1000; i++)
		str_printf(&s, "%04d", i);
	assert_int_equal(s.len, 4010);
	assert_memory_equal(s.data + 4006, "0999", 5);
	taken = str_take(&s);
	assert_null(s.data);
	assert_int_equal(strlen(taken), 4010);
	mem_free(taken);
	taken = str_take(&s);
	assert_string_equal(taken, "");
	mem_free(taken);
	str_puts(&s, "again");
	str_fini(&s);
	assert_int_equal(s.len, 0);
}

static void
str_refuses_what_cannot_fit(void **state)
{
	struct str s = { 0 };

	(void)state;
	str_puts(&s, "ab");
	str_add(&s, "x", SIZE_MAX / 2);
	assert_true(s.failed);
	str_puts(&s, "cd");
	assert_string_equal(str_text(&s), "ab");
	str_fini(&s);
}

static void
format_cuts(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(text_format(out, sizeof(out), "%s", "abc"), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(text_format(out, sizeof(out), "%s", "abcdefghij"), 7);
	assert_string_equal(out, "abcdefg");
	assert_int_equal(text_copy(out, sizeof(out), "0123456789"), 7);
	assert_string_equal(out, "0123456");
	assert_int_equal(text_copy(out, 1, "x"), 0);
	assert_string_equal(out, "");
}

static void
numbers_are_strict(void **state)
{
	static const struct {
		const char *text;
		int base;
		bool is_ok;
		uint64_t value;
	} cases[] = {
		{ "0", 10, true, 0 },
		{ "42", 10, true, 42 },
		{ "18446744073709551615", 10, true, UINT64_MAX },
		{ "18446744073709551616", 10, false, 0 },
		{ "", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ "1x", 10, false, 0 },
		{ "x", 10, false, 0 },
		{ "ff", 16, true, 255 },
		{ "0777", 0, true, 511 },
		{ "0x1F", 0, true, 31 },
		{ "0777", 8, true, 511 },
		{ "8", 8, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t v = 7;

		assert_int_equal(text_to_u64(cases[i].text, cases[i].base, &v),
				 cases[i].is_ok);
		assert_int_equal(v, cases[i].is_ok ? cases[i].value : 7);
	}
}

static void
equality(void **state)
{
	(void)state;
	assert_true(text_equal_nocase("SeLect", "sELECT"));
	assert_true(text_equal_nocase("", ""));
	assert_false(text_equal_nocase("a", "ab"));
	assert_false(text_equal_nocase("ab", "a"));
	assert_false(text_equal_nocase("[", "{"));
	assert_int_equal(text_lower('Z'), 'z');
	assert_int_equal(text_lower('['), '[');
	assert_int_equal(text_lower((char)0xc4), (char)0xc4);
	assert_true(text_equal_secret("abc", "abd", 2));
	assert_false(text_equal_secret("abc", "abd", 3));
	assert_true(text_equal_secret("", "", 0));
}

static void
lists(void **state)
{
	static const struct {
		const char *name, *list;
		bool is_in;
	} cases[] = {
		{ "bob", "alice, bob", true },
		{ "bob", "bob", true },
		{ "bob", " bob\t,x", true },
		{ "bob", "bobby", false },
		{ "bob", "", false },
		{ "bob", ",,", false },
		{ "", "", false },
		{ "", "a,,b", false },
		{ "anyone", "a, *", true },
		{ "anyone", "a*", false },
		{ "a b", "x, a b ,y", true },
		{ "Bob", "bob", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(text_in_list(cases[i].name, cases[i].list),
				 cases[i].is_in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(str_grows),
		cmocka_unit_test(str_refuses_what_cannot_fit),
		cmocka_unit_test(format_cuts),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(equality),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
