/* The map against a plain array, and SipHash against its published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#define KEYS 600

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void
siphash_vectors(void **state)
{
	/* Of the inputs 00, 00 01, 00 01 02, ... by length. */
	static const struct {
		size_t len;
		uint64_t hash;
	} cases[] = {
		{ 0, UINT64_C(0x726fdb47dd0e0e31) },
		{ 1, UINT64_C(0x74f839c593dc67fd) },
		{ 7, UINT64_C(0xab0200f58b01d137) },
		{ 8, UINT64_C(0x93f5f5799a932462) },
		{ 15, UINT64_C(0xa129ca6149be45e5) },
	};
	uint8_t key[16], data[16];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = data[i] = i;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(map_siphash(key, data, cases[i].len),
				 cases[i].hash);
}

static void
finds_what_was_put(void **state)
{
	struct map *m = map_new();
	int one = 1, two = 2;

	(void)state;
	assert_non_null(m);
	assert_null(map_find(m, "a", 1));
	assert_null(map_remove(m, "a", 1));
	assert_true(map_put(m, "a", 1, &one));
	assert_true(map_put(m, "", 0, &two));
	assert_ptr_equal(map_find(m, "a", 1), &one);
	assert_ptr_equal(map_find(m, "", 0), &two);
	assert_null(map_find(m, "a\0", 2));
	assert_true(map_put(m, "a", 1, &two));
	assert_ptr_equal(map_find(m, "a", 1), &two);
	assert_int_equal(map_count(m), 2);
	assert_ptr_equal(map_remove(m, "", 0), &two);
	assert_int_equal(map_count(m), 1);
	map_free(m);
	map_free(NULL);
}

static size_t
make_key(unsigned i, char out[32])
{
	/* Binary keys of many lengths, some with NULs inside. */
	size_t n = text_format(out, 32, "k%u", i);

	if (i % 3 == 0) {
		out[n] = '\0';
		out[n + 1] = (char)i;
		n += 2;
	}
	return n;
}

static void
check_walk(const struct map *m, int *const *want)
{
	size_t cursor = 0, seen = 0, len, key_len;
	const void *key;
	char expected[32];
	int *value;

	while ((value = map_next(m, &cursor, &key, &len)) != NULL) {
		unsigned i = (unsigned)*value;

		assert_ptr_equal(want[i], value);
		key_len = make_key(i, expected);
		assert_int_equal(len, key_len);
		assert_memory_equal(key, expected, len);
		seen++;
	}
	assert_int_equal(seen, map_count(m));
}

static void
random_operations(void **state)
{
	static int values[KEYS];
	int *want[KEYS] = { 0 };
	struct map *m = map_new();
	uint32_t seed = 42;
	size_t count = 0;
	char key[32];

	(void)state;
	for (int i = 0; i < KEYS; i++)
		values[i] = i;
	for (int step = 0; step < 60000; step++) {
		/* Waves of growing and shrinking. */
		unsigned bias = step / 5000 % 2 == 0 ? 3 : 1;
		unsigned i = next_random(&seed) % KEYS;
		size_t len = make_key(i, key);

		if (next_random(&seed) % 4 < bias) {
			count += want[i] == NULL;
			assert_true(map_put(m, key, len, &values[i]));
			want[i] = &values[i];
		} else {
			count -= want[i] != NULL;
			assert_ptr_equal(map_remove(m, key, len), want[i]);
			want[i] = NULL;
		}
		assert_int_equal(map_count(m), count);
		i = next_random(&seed) % KEYS;
		len = make_key(i, key);
		assert_ptr_equal(map_find(m, key, len), want[i]);
		if (step % 2500 == 0)
			check_walk(m, want);
	}
	map_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(finds_what_was_put),
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
