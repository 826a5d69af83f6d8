/* Objects of one size: zeroed, aligned, distinct, reused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/slab.h"

#define OBJECTS 500

static void
check_size(size_t size)
{
	static unsigned char *objects[OBJECTS];
	struct slab s;

	slab_init(&s, size);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < OBJECTS; i++) {
			unsigned char *p = slab_new(&s);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % alignof(max_align_t),
					 0);
			for (size_t k = 0; k < size; k++)
				assert_int_equal(p[k], 0);
			memset(p, i % 255 + 1, size);
			objects[i] = p;
		}
		assert_int_equal(s.used, OBJECTS);
		assert_true(s.total >= OBJECTS);
		for (int i = 0; i < OBJECTS; i++) {
			assert_int_equal(objects[i][0], i % 255 + 1);
			assert_int_equal(objects[i][size - 1], i % 255 + 1);
			slab_free(&s, objects[i]);
		}
	}
	assert_int_equal(s.used, 0);
	slab_free(&s, NULL);
	slab_fini(&s);
}

static void
sizes(void **state)
{
	static const size_t cases[] = { 1, 8, 24, 336, 4000, 20000 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_size(cases[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
