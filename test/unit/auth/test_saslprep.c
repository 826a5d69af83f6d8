/* SASLprep of passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/saslprep.h"
#include "base/mem.h"

static void
test_table(void **state)
{
	static const struct {
		const char *in;
		enum saslprep_result result;
		const char *out;
	} cases[] = {
		/* RFC 4013, section 3, as far as it is not ASCII */
		{ "I\xc2\xadX", SASLPREP_DONE, "IX" },
		{ "\xc2\xaa", SASLPREP_DONE, "a" },
		{ "\xe2\x85\xa8", SASLPREP_DONE, "IX" },
		{ "\xd8\xa7"
		  "1",
		  SASLPREP_REFUSED, NULL },
		/* ASCII is not looked at, whatever it holds */
		{ "", SASLPREP_UNCHANGED, NULL },
		{ "user", SASLPREP_UNCHANGED, NULL },
		{ "\x07\x7f", SASLPREP_UNCHANGED, NULL },
		/* spaces, and what is mapped to nothing */
		{ "a\xc2\xa0"
		  "b",
		  SASLPREP_DONE, "a b" },
		{ "a\xe3\x80\x80\xe2\x80\x83"
		  "b",
		  SASLPREP_DONE, "a  b" },
		{ "\xe2\x80\x8d"
		  "a\xef\xbb\xbf",
		  SASLPREP_DONE, "a" },
		{ "\xc2\xad", SASLPREP_REFUSED, NULL },
		/* the normal form composes */
		{ "e\xcc\x81", SASLPREP_DONE, "\xc3\xa9" },
		{ "\xef\xac\x81", SASLPREP_DONE, "fi" },
		{ "\xea\xb0\x80", SASLPREP_DONE, "\xea\xb0\x80" },
		{ "\xf0\xaf\xa1\xa8", SASLPREP_DONE, "\xe3\x9b\xbc" },
		{ "\xf0\xaf\xa1\xb4", SASLPREP_DONE, "\xe5\xbd\x93" },
		{ "\xf0\xaf\xa4\x9f", SASLPREP_DONE, "\xf0\xa4\x8e\xab" },
		/* prohibited: control, private use, surrogate's neighbour,
		 * non-character, tag, replacement */
		{ "\xc3\xa9\x01", SASLPREP_REFUSED, NULL },
		{ "\xc2\x85", SASLPREP_REFUSED, NULL },
		{ "\xee\x80\x80", SASLPREP_REFUSED, NULL },
		{ "\xef\xbf\xbe", SASLPREP_REFUSED, NULL },
		{ "\xef\xbf\xbd", SASLPREP_REFUSED, NULL },
		{ "\xf3\xa0\x80\x81", SASLPREP_REFUSED, NULL },
		{ "\xf4\x8f\xbf\xbf", SASLPREP_REFUSED, NULL },
		/* before, not after, the normal form */
		{ "a\xcd\x81"
		  "b",
		  SASLPREP_REFUSED, NULL },
		{ "a\xe2\x84\xb5", SASLPREP_DONE, "a\xd7\x90" },
		/* not assigned in Unicode 3.2 */
		{ "\xc8\xa1", SASLPREP_REFUSED, NULL },
		{ "\xf0\x9f\x94\x91", SASLPREP_REFUSED, NULL },
		/* right to left */
		{ "\xd7\x90\xd7\x91", SASLPREP_DONE, "\xd7\x90\xd7\x91" },
		{ "\xd7\x90"
		  "1\xd7\x91",
		  SASLPREP_DONE,
		  "\xd7\x90"
		  "1\xd7\x91" },
		{ "\xd7\x90"
		  "a\xd7\x91",
		  SASLPREP_REFUSED, NULL },
		{ "1\xd7\x90", SASLPREP_REFUSED, NULL },
		/* not UTF-8: stray, cut, overlong, surrogate, too large */
		{ "\x80", SASLPREP_REFUSED, NULL },
		{ "a\xff", SASLPREP_REFUSED, NULL },
		{ "\xc3", SASLPREP_REFUSED, NULL },
		{ "\xe2\x85", SASLPREP_REFUSED, NULL },
		{ "\xf0\x9f\x94", SASLPREP_REFUSED, NULL },
		{ "\xc0\xaf", SASLPREP_REFUSED, NULL },
		{ "\xe0\x80\xaf", SASLPREP_REFUSED, NULL },
		{ "\xed\xa0\x80", SASLPREP_REFUSED, NULL },
		{ "\xf4\x90\x80\x80", SASLPREP_REFUSED, NULL },
		{ "p\xe4ssword", SASLPREP_REFUSED, NULL }, /* Latin-1 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *out = NULL;

		if (saslprep_password(cases[i].in, &out) != cases[i].result)
			fail_msg("case %zu", i);
		if (cases[i].out == NULL)
			assert_null(out);
		else
			assert_string_equal(out, cases[i].out);
		mem_wipe_str(out);
	}
}

/* The worst case of the normal form is bounded by the input's length. */
static void
test_long(void **state)
{
	static const char *const units[] = {
		"\xcc\x81\xcc\x96",
		"\xef\xb7\xba",
		"\xc3\xa9",
		"\xf0\x9d\x85\xa0",
	};
	char *text = mem_zalloc(70000);
	char *out;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		size_t unit = strlen(units[i]), len = 0;

		for (; len + unit <= 8192; len += unit)
			memcpy(text + len, units[i], unit);
		text[len] = '\0';
		assert_int_equal(saslprep_password(text, &out), SASLPREP_DONE);
		mem_wipe_str(out);
		for (; len + unit <= 65535; len += unit)
			memcpy(text + len, units[i], unit);
		text[len] = '\0';
		assert_int_equal(saslprep_password(text, &out),
				 SASLPREP_REFUSED);
		assert_null(out);
	}
	mem_free(text);
}

/* Whatever the bytes, it returns. */
static void
test_every_pair(void **state)
{
	char text[5] = "";
	char *out;

	(void)state;
	for (unsigned a = 0x80; a <= 0xff; a++) {
		for (unsigned b = 1; b <= 0xff; b++) {
			text[0] = (char)a;
			text[1] = (char)b;
			text[2] = (char)(a ^ b ^ 0x40);
			text[3] = (char)(b | 0x80);
			(void)saslprep_password(text, &out);
			mem_wipe_str(out);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_every_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
