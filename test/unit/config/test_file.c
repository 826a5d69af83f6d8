/* Reading files and walking over their lines; the pile. */
#include "scratch.h"

#include <errno.h>

#include "base/mem.h"
#include "config/file.h"
#include "config/pile.h"

static void
test_lines(void **state)
{
	static const struct {
		const char *text;
		const char *shown; /* each line as [number:text] */
	} cases[] = {
		{ "", "" },
		{ "\n", "[1:]" },
		{ "a", "[1:a]" },
		{ "a\n", "[1:a]" },
		{ "a\nb", "[1:a][2:b]" },
		{ "a\r\nb\r\n", "[1:a][2:b]" },
		{ "\n\nc\n", "[1:][2:][3:c]" },
		{ "\xef\xbb\xbf"
		  "a\n",
		  "[1:a]" },
		{ "\xef\xbb\xbf", "" },
		{ "a\rb\n", "[1:a\rb]" },
	};
	struct str shown = { 0 };
	struct scratch s;
	struct file_text f;
	struct file_line line;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		scratch_open(&s);
		assert_int_equal(
			file_read(scratch_file(&s, "f", cases[i].text), &f), 0);
		line = (struct file_line){ 0 };
		while (file_next_line(&f, &line))
			str_printf(&shown, "[%u:%.*s]", line.number,
				   (int)line.len, line.text);
		assert_string_equal(str_text(&shown), cases[i].shown);
		str_fini(&shown);
		file_fini(&f);
		scratch_close(&s);
	}
}

/* Across the growth of the buffer. */
static void
test_sizes(void **state)
{
	static const size_t sizes[] = { 4095, 4096, 4097, 8192, 100000 };
	struct scratch s;
	struct file_text f;
	char *text;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(sizes); i++) {
		scratch_open(&s);
		text = mem_must_zalloc(sizes[i]);
		for (n = 0; n < sizes[i]; n++)
			text[n] = (char)('a' + n % 23);
		assert_int_equal(
			file_read(scratch_bytes(&s, "f", text, sizes[i]), &f),
			0);
		assert_int_equal(f.len, sizes[i]);
		assert_memory_equal(f.data, text, sizes[i]);
		assert_int_equal(f.mode & 0777, 0600);
		mem_free(text);
		file_fini(&f);
		scratch_close(&s);
	}
}

static void
test_failures(void **state)
{
	struct file_text f;

	(void)state;
	assert_int_equal(file_read("/nonexistent", &f), ENOENT);
	assert_null(f.data);
	assert_int_equal(file_read("/tmp", &f), EISDIR);
	assert_null(f.data);
	assert_int_equal(file_read("/dev/null", &f), 0);
	assert_int_equal(f.len, 0);
	file_fini(&f);
}

static void
test_pile(void **state)
{
	struct pile p = { 0 };
	const char *texts[500];
	uint64_t *numbers = NULL;
	size_t i, room = 0;

	(void)state;
	for (i = 0; i < COUNT_OF(texts); i++) {
		texts[i] = pile_text(&p, "0123456789", i % 11);
		numbers = pile_grow(&p, numbers, i, &room, sizeof(*numbers));
		assert_int_equal((uintptr_t)numbers % sizeof(*numbers), 0);
		numbers[i] = i;
	}
	assert_non_null(pile_alloc(&p, 100000));
	for (i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(strlen(texts[i]), i % 11);
		assert_int_equal(numbers[i], i);
	}
	pile_fini(&p);
	pile_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_pile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
