/* Strict base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/base64.h"
#include "base/mem.h"

static void
test_known(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "n,,", "biws" },
		{ "\xff\xff\xfe", "///+" },
	};
	char text[32];
	char bytes[32];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t n = strlen(cases[i].bytes);

		assert_int_equal(base64_encode(cases[i].bytes, n, text),
				 BASE64_LEN(n));
		assert_string_equal(text, cases[i].text);
		assert_true(base64_decode(text, strlen(text), bytes, n, &len));
		assert_int_equal(len, n);
		assert_memory_equal(bytes, cases[i].bytes, n);
	}
}

static void
test_malformed(void **state)
{
	static const char *const cases[] = {
		"Z",       "Zg",           "Zg=",      "Zm9vZ",
		"Zg===",   "====",         "=",        "==",
		"Z===",    "Zh==", /* spare bits set */
		"Zm9=",            /* spare bits set */
		" Zm9v",   "Zm9v ",        "Zm9v\n",   "\nZm9",
		"Zm 9",    "Zm9v\t\t\t\t", "Zg==Zg==", "=Zm9",
		"Z=m9",    "Zm=v",         "Zm-v",     "Zm_v",
		"Zm9\x80", "-Zm9",         "Zm9-",     "Zm9v----",
		"    ",    "Zg= ",         "Zm9v,,,,",
	};
	uint8_t out[16];
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t n = strlen(cases[i]);

		if (base64_measure(cases[i], n, &len) ||
		    base64_decode(cases[i], n, out, sizeof(out), &len))
			fail_msg("taken: '%s'", cases[i]);
	}
	assert_false(base64_measure("Zm9\0", 4, &len));
	assert_int_equal(len, 77);
}

static void
test_room(void **state)
{
	uint8_t out[4] = { 1, 2, 3, 4 };
	size_t len = 77;

	(void)state;
	assert_false(base64_decode("Zm9v", 4, out, 2, &len));
	assert_false(base64_decode("Zg==", 4, out, 0, &len));
	assert_int_equal(len, 77);
	assert_int_equal(out[0], 1);
	/* Padding must not spill over the announced bytes. */
	assert_true(base64_decode("Zg==", 4, out, 1, &len));
	assert_int_equal(len, 1);
	assert_int_equal(out[0], 'f');
	assert_int_equal(out[1], 2);
}

static void
test_every_length(void **state)
{
	uint8_t bytes[200], back[200];
	char text[BASE64_LEN(200) + 1];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		size_t chars = base64_encode(bytes, n, text);

		assert_true(base64_decode(text, chars, back, n, &len));
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
		for (size_t cut = 1; cut < 4 && cut <= chars; cut++)
			assert_false(base64_measure(text, chars - cut, &len));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
