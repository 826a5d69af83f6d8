/* Integers and texts of the MySQL protocol, read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mysql/my_bytes.h"

static void
fixed_numbers(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const uint64_t values[] = {
		0x1,         0x201,         0x30201,         0x4030201,
		0x504030201, 0x60504030201, 0x7060504030201, 0x807060504030201,
	};
	uint8_t out[4];

	(void)state;
	for (size_t n = 1; n <= COUNT_OF(values); n++) {
		struct my_bytes b = my_bytes(bytes, sizeof(bytes));
		struct str s = { 0 };

		assert_true(my_read_uint(&b, n) == values[n - 1]);
		assert_int_equal(b.left, sizeof(bytes) - n);
		assert_false(b.has_failed);
		my_put_uint(&s, values[n - 1], n);
		assert_int_equal(s.len, n);
		assert_memory_equal(s.data, bytes, n);
		str_fini(&s);
	}
	assert_int_equal(my_get_u16(bytes), 0x201);
	assert_int_equal(my_get_u24(bytes), 0x30201);
	assert_int_equal(my_get_u32(bytes), 0x4030201);
	my_set_u32(out, 0xfffefdfc);
	assert_memory_equal(out, "\xfc\xfd\xfe\xff", 4);
	my_set_u24(out, 0x30201);
	assert_memory_equal(out, "\1\2\3\xff", 4);
	my_set_u16(out, 0x8070);
	assert_memory_equal(out, "\x70\x80\3\xff", 4);
}

static void
lengths(void **state)
{
	static const struct row {
		uint64_t value;
		const char *bytes;
		size_t len;
	} rows[] = {
		{ 0, "\0", 1 },
		{ 0xfa, "\xfa", 1 },
		{ 0xfb, "\xfc\xfb\0", 3 },
		{ 0xff, "\xfc\xff\0", 3 },
		{ 0xffff, "\xfc\xff\xff", 3 },
		{ 0x10000, "\xfd\0\0\1", 4 },
		{ 0xffffff, "\xfd\xff\xff\xff", 4 },
		{ 0x1000000, "\xfe\0\0\0\1\0\0\0\0", 9 },
		{ UINT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 9 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct my_bytes b = my_bytes(rows[i].bytes, rows[i].len);
		struct str s = { 0 };

		assert_true(my_read_lenenc(&b) == rows[i].value);
		assert_false(b.has_failed);
		assert_int_equal(b.left, 0);
		my_put_lenenc(&s, rows[i].value);
		assert_int_equal(s.len, rows[i].len);
		assert_memory_equal(s.data, rows[i].bytes, s.len);
		assert_int_equal(my_lenenc_size(rows[i].value), s.len);
		str_fini(&s);
		/* Cut anywhere it fails, and reads nothing beyond. */
		for (size_t cut = 0; cut < rows[i].len; cut++) {
			b = my_bytes(rows[i].bytes, cut);
			assert_true(my_read_lenenc(&b) == 0);
			assert_true(b.has_failed);
			assert_int_equal(b.left, 0);
		}
	}
}

/* Longer than need be is legal; NULL and an ERR's first byte are no lengths. */
static void
odd_lengths(void **state)
{
	struct my_bytes b = my_bytes("\xfc\5\0\xfe\6\0\0\0\0\0\0\0", 12);

	(void)state;
	assert_true(my_read_lenenc(&b) == 5);
	assert_true(my_read_lenenc(&b) == 6);
	assert_false(b.has_failed);
	b = my_bytes("\xfb\1\1", 3);
	assert_true(my_read_lenenc(&b) == 0);
	assert_true(b.has_failed);
	assert_int_equal(b.left, 0);
	b = my_bytes("\xff\1\1", 3);
	(void)my_read_lenenc(&b);
	assert_true(b.has_failed);
}

static void
texts(void **state)
{
	static const char bytes[] = "\3abc\0name\0rest";
	struct my_bytes b = my_bytes(bytes, sizeof(bytes) - 1);
	const char *text;
	size_t len;

	(void)state;
	text = my_read_text(&b, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "abc", 3);
	assert_non_null(my_read_text(&b, &len));
	assert_int_equal(len, 0);
	assert_string_equal(my_read_cstr(&b), "name");
	assert_memory_equal(my_read(&b, 2), "re", 2);
	assert_int_equal(b.left, 2);
	assert_false(b.has_failed);
	assert_null(my_read_cstr(&b));
	assert_true(b.has_failed);
	assert_int_equal(b.left, 0);
	assert_null(my_read(&b, 1));
	assert_null(my_read_cstr(&b));
	assert_int_equal(my_read_u32(&b), 0);
}

static void
texts_that_lie(void **state)
{
	static const struct row {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "", 0 },
		{ "\4abc", 4 },
		{ "\xfc\4", 2 },
		{ "\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
		  "abc",
		  12 },
		{ "\xfb", 1 },
	};
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct my_bytes b = my_bytes(rows[i].bytes, rows[i].len);

		len = 99;
		assert_null(my_read_text(&b, &len));
		assert_int_equal(len, 0);
		assert_true(b.has_failed);
		assert_int_equal(b.left, 0);
	}
}

static void
texts_written(void **state)
{
	static char large[300];
	struct str s = { 0 };
	struct my_bytes b;
	size_t len;

	(void)state;
	my_put_text(&s, "abc", 3);
	my_put_text(&s, NULL, 0);
	my_put_cstr(&s, "xy");
	my_put_u8(&s, 7);
	my_put_u16(&s, 0x0809);
	my_put_u32(&s, 0x0a0b0c0d);
	assert_int_equal(s.len, 15);
	assert_memory_equal(s.data, "\3abc\0xy\0\7\x09\x08\x0d\x0c\x0b\x0a",
			    15);
	str_fini(&s);
	memset(large, 'x', sizeof(large));
	my_put_text(&s, large, sizeof(large));
	b = my_bytes(s.data, s.len);
	assert_memory_equal(my_read_text(&b, &len), large, sizeof(large));
	assert_int_equal(len, sizeof(large));
	assert_int_equal(b.left, 0);
	str_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_numbers),
		cmocka_unit_test(lengths),
		cmocka_unit_test(odd_lengths),
		cmocka_unit_test(texts),
		cmocka_unit_test(texts_that_lie),
		cmocka_unit_test(texts_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
