/* Console commands as words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "admin/words.h"
#include "base/mem.h"
#include "base/text.h"

/* The words between bars; quoted ones in angle brackets. */
static void
write_words(const struct words *words, struct str *out)
{
	for (size_t i = 0; i < words->count; i++) {
		const struct word *w = &words->list[i];

		str_printf(out, w->is_quoted ? "%s<%s>" : "%s%s",
			   i > 0 ? "|" : "", w->text);
	}
}

static void
commands_are_split(void **state)
{
	static const struct {
		const char *command, *words;
	} cases[] = {
		{ "", "" },
		{ " \t\r\n ", "" },
		{ ";", "" },
		{ ";; ;", "" },
		{ "SHOW POOLS", "SHOW|POOLS" },
		{ "show\tpools;", "show|pools" },
		{ "  Show  Pools ; ", "Show|Pools" },
		{ "PAUSE \"My Db\"", "PAUSE|<My Db>" },
		{ "PAUSE \"a\"\"b\"", "PAUSE|<a\"b>" },
		{ "SET a='it''s';", "SET|a|=|<it's>" },
		{ "SET a = b", "SET|a|=|b" },
		{ "SET a TO b", "SET|a|TO|b" },
		{ "SET a==b", "SET|a|=|=|b" },
		{ "SET a='x;y'", "SET|a|=|<x;y>" },
		{ "SET a=''", "SET|a|=|<>" },
		{ "-- hello\nSHOW -- what\n POOLS", "SHOW|POOLS" },
		{ "SHOW/* a /* b */ c */POOLS", "SHOW|POOLS" },
		{ "/**/SHOW--", "SHOW" },
		{ "KILL my-db.x_1", "KILL|my-db.x_1" },
		{ "a'b'", "a|<b>" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct words words;
		struct str out = { 0 };

		assert_int_equal(words_split(&words, cases[i].command),
				 WORDS_OK);
		write_words(&words, &out);
		assert_string_equal(str_text(&out), cases[i].words);
		str_fini(&out);
		words_fini(&words);
	}
}

static void
broken_commands_are_told(void **state)
{
	static const struct {
		const char *command;
		enum words_result result;
	} cases[] = {
		{ "SHOW 'pools", WORDS_OPEN_QUOTE },
		{ "SHOW \"pools", WORDS_OPEN_QUOTE },
		{ "SHOW 'pools''", WORDS_OPEN_QUOTE },
		{ "SHOW /* pools", WORDS_OPEN_QUOTE },
		{ "SHOW /* /* */ pools", WORDS_OPEN_QUOTE },
		{ "SHOW ; /*", WORDS_OPEN_QUOTE },
		{ "SHOW POOLS; SHOW POOLS", WORDS_SECOND },
		{ "; SHOW", WORDS_SECOND },
		{ "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", WORDS_TOO_MANY },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct words words;

		assert_int_equal(words_split(&words, cases[i].command),
				 cases[i].result);
		words_fini(&words);
	}
}

static void
names_are_plain_words(void **state)
{
	struct words words;

	(void)state;
	assert_int_equal(words_split(&words, "Show \"show\""), WORDS_OK);
	assert_true(words_is(&words, 0, "SHOW"));
	assert_false(words_is(&words, 0, "SHO"));
	assert_false(words_is(&words, 1, "SHOW"));
	assert_false(words_is(&words, 2, "SHOW"));
	words_fini(&words);
}

static void
values_go_to_the_end(void **state)
{
	static const struct {
		const char *command, *value;
	} cases[] = {
		{ "SET a = b", "b" },
		{ "SET a = 'b c'", "b c" },
		{ "SET a = 'b''c' ; -- x", "b'c" },
		{ "SET a = ''", "" },
		{ "SET a = b, c;", "b, c" },
		{ "SET a = b 'c'", "b 'c'" },
		{ "SET a = b=c ", "b=c" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct words words;

		assert_int_equal(words_split(&words, cases[i].command),
				 WORDS_OK);
		assert_string_equal(words_value(&words, 3), cases[i].value);
		words_fini(&words);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_split),
		cmocka_unit_test(broken_commands_are_told),
		cmocka_unit_test(names_are_plain_words),
		cmocka_unit_test(values_go_to_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
