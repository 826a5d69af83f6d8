/* The allocator's door: zeroing, copies, wiping, statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"

static void
zalloc_zeroes(void **state)
{
	unsigned char *p = mem_zalloc(1000);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	p = mem_realloc(p, 5000);
	assert_non_null(p);
	assert_int_equal(p[999], 0);
	mem_free(p);
	mem_free(NULL);
}

static void
empty_sizes_give_memory(void **state)
{
	void *p = mem_zalloc(0);

	(void)state;
	assert_non_null(p);
	p = mem_realloc(p, 0);
	assert_non_null(p);
	mem_free(p);
}

static void
copies_are_terminated(void **state)
{
	char *a = mem_strndup("abcdef", 3), *b = mem_strdup("xyz");
	char *c = mem_must_strdup("");

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "xyz");
	assert_string_equal(c, "");
	mem_wipe_str(a);
	mem_wipe_free(b, 3);
	mem_free(c);
	mem_wipe_str(NULL);
	mem_wipe_free(NULL, 0);
}

static void
wipe_overwrites(void **state)
{
	char secret[] = "secret";

	(void)state;
	mem_wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret", 6);
}

/* Sanitizers replace the allocator and keep no statistics. */
static void
in_use_grows(void **state)
{
	size_t before = mem_in_use(), after;
	void *p = mem_must_zalloc((size_t)8 << 20);

	(void)state;
	after = mem_in_use();
	if (before > 0)
		assert_true(after >= before + ((size_t)8 << 20));
	mem_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zalloc_zeroes),
		cmocka_unit_test(empty_sizes_give_memory),
		cmocka_unit_test(copies_are_terminated),
		cmocka_unit_test(wipe_overwrites),
		cmocka_unit_test(in_use_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
