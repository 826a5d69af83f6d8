/* The table of commands: complete, and what it says of answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mysql/my_command.h"

/* Which commands are answered how, and by whom: once more, by hand. */
static void
every_byte(void **state)
{
	static const struct row {
		const char *commands; /* their bytes */
		size_t count;
		enum my_use use;
		enum my_answer answer;
	} rows[] = {
		{ "\x02\x05\x06\x07\x1a", 5, MY_USE_SERVER, MY_ANSWER_SHORT },
		{ "\x03\x0a\x17\xfa", 4, MY_USE_SERVER, MY_ANSWER_RESULT },
		{ "\x04", 1, MY_USE_SERVER, MY_ANSWER_FIELDS },
		{ "\x09", 1, MY_USE_SERVER, MY_ANSWER_TEXT },
		{ "\x16", 1, MY_USE_SERVER, MY_ANSWER_PREPARE },
		{ "\x1c", 1, MY_USE_SERVER, MY_ANSWER_FETCH },
		{ "\x18", 1, MY_USE_SERVER, MY_ANSWER_NONE },
		{ "\x01\x19", 2, MY_USE_OWN, MY_ANSWER_NONE },
		{ "\x0c\x0e\x1b\x1f", 4, MY_USE_OWN, MY_ANSWER_SHORT },
		{ "\x11", 1, MY_USE_OWN, MY_ANSWER_AUTH },
		{ "\x08\x0d\x12\x13\x15\x1e\x20", 7, MY_USE_REFUSE,
		  MY_ANSWER_SHORT },
	};
	bool has_row[256] = { false };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t n = 0; n < rows[i].count; n++) {
			uint8_t c = (uint8_t)rows[i].commands[n];
			const struct my_command_info *info = my_command_info(c);

			assert_false(has_row[c]);
			has_row[c] = true;
			assert_int_equal(info->use, rows[i].use);
			assert_int_equal(info->answer, rows[i].answer);
			assert_int_equal(strncmp(info->name, "COM_", 4), 0);
		}
	for (unsigned c = 0; c < 256; c++) {
		const struct my_command_info *info =
			my_command_info((uint8_t)c);

		assert_non_null(info->name);
		assert_true(info->size_min >= (info->has_statement ? 5 : 1));
		if (!has_row[c])
			assert_int_equal(info->use, MY_USE_UNKNOWN);
	}
}

static void
statements(void **state)
{
	static const char with[] = "\x17\x18\x19\x1a\x1c\xfa";

	(void)state;
	for (unsigned c = 1; c < 256; c++)
		assert_int_equal(my_command_info((uint8_t)c)->has_statement,
				 strchr(with, (int)c) != NULL);
}

static void
answers(void **state)
{
	static const struct row {
		const char *head;
		size_t len;
		enum my_answer answer;
		unsigned with;
	} rows[] = {
		{ "\x03select", 900, MY_ANSWER_RESULT, MY_WITH_EOF },
		{ "\x03", 1, MY_ANSWER_RESULT, MY_WITH_EOF },
		{ "\x17\1\0\0\0\0", 10, MY_ANSWER_RESULT, MY_WITH_EOF },
		{ "\x17\1\0\0\0\1", 10, MY_ANSWER_RESULT,
		  MY_WITH_EOF | MY_WITH_CURSOR },
		{ "\x17\1\0\0\0\2", 10, MY_ANSWER_RESULT,
		  MY_WITH_EOF | MY_WITH_CURSOR },
		/* Scrolling alone, and MySQL's bit of a count: no cursor. */
		{ "\x17\1\0\0\0\4", 10, MY_ANSWER_RESULT, MY_WITH_EOF },
		{ "\x17\1\0\0\0\x8", 10, MY_ANSWER_RESULT, MY_WITH_EOF },
		{ "\xfa\1\0\0\0\1\0", 7, MY_ANSWER_RESULT, MY_WITH_EOF },
		{ "\x1c\1\0\0\0\1", 9, MY_ANSWER_FETCH, MY_WITH_EOF },
		{ "\x77", 1, MY_ANSWER_SHORT, MY_WITH_EOF },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct my_response r;

		my_command_begin(&r, (const uint8_t *)rows[i].head, rows[i].len,
				 MY_WITH_EOF);
		assert_int_equal(r.answer, rows[i].answer);
		assert_int_equal(r.with, rows[i].with);
		assert_false(r.is_over);
	}
}

static void
parts(void **state)
{
	struct my_parts p = { 0 };

	(void)state;
	assert_true(my_parts_take(&p, 10));
	assert_false(p.is_end);
	assert_true(my_parts_take(&p, MY_PAYLOAD_MAX));
	assert_false(my_parts_take(&p, MY_PAYLOAD_MAX));
	/* Empty, but the rest of what came before. */
	assert_false(my_parts_take(&p, 0));
	assert_false(p.is_end);
	assert_true(my_parts_take(&p, 0));
	assert_true(p.is_end);
	assert_true(my_parts_take(&p, 1));
	assert_false(p.is_end);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte),
		cmocka_unit_test(statements),
		cmocka_unit_test(answers),
		cmocka_unit_test(parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
