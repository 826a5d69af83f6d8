/* Keys that are kept: by whom they are found, and when they go. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/key_cache.h"

static const uint8_t salt[] = "salt of 16 bytes";

static struct key_source
source(const char *user, const char *secret)
{
	return (struct key_source){ .user = user,
				    .secret = secret,
				    .salt = salt,
				    .salt_len = 16,
				    .iterations = 10 };
}

static void
keep(struct key_cache *c, struct key_source from, uint8_t mark)
{
	struct scram_keys keys;

	memset(&keys, mark, sizeof(keys));
	key_cache_keep(c, &from, &keys);
}

/* The mark of the keys that are found, 0 = none. */
static uint8_t
find(struct key_cache *c, struct key_source from)
{
	struct scram_keys keys = { .client_key = { 0 } };

	return key_cache_find(c, &from, &keys) ? keys.server_key[31] : 0;
}

static void
test_every_part_counts(void **state)
{
	struct key_cache *c = key_cache_new(100);
	struct key_source from = source("joe", "pw"), other;

	(void)state;
	assert_int_equal(find(c, from), 0);
	keep(c, from, 7);
	assert_int_equal(find(c, from), 7);
	assert_int_equal(find(c, source("joe", "pw2")), 0);
	assert_int_equal(find(c, source("jo", "epw")), 0);
	assert_int_equal(find(c, source("ann", "pw")), 0);
	assert_int_equal(find(c, source("", "")), 0);
	other = from;
	other.iterations = 11;
	assert_int_equal(find(c, other), 0);
	other = from;
	other.salt_len = 15;
	assert_int_equal(find(c, other), 0);
	other.salt = (const uint8_t *)"salt of 16 bytez";
	other.salt_len = 16;
	assert_int_equal(find(c, other), 0);
	keep(c, from, 8);
	assert_int_equal(find(c, from), 8);
	assert_int_equal(key_cache_count(c), 1);
	key_cache_free(c);
}

static void
test_derived_keys_are_those_of_scram(void **state)
{
	struct key_source from = source("joe", "pw");
	uint8_t salted[SCRAM_KEY_BYTES];
	struct scram_keys want, got;

	(void)state;
	assert_true(scram_salted_password("pw", salt, 16, 10, salted));
	assert_true(scram_keys_derive(salted, &want));
	assert_true(key_source_derive(&from, &got));
	assert_memory_equal(&want, &got, sizeof(want));
	from.iterations = 0;
	assert_false(key_source_derive(&from, &got));
}

static void
test_no_cache_and_no_room(void **state)
{
	struct key_source from = source("joe", "pw");
	uint8_t big[SCRAM_SALT_MAX + 1] = { 0 };
	struct key_cache *c;

	(void)state;
	keep(NULL, from, 1);
	assert_int_equal(find(NULL, from), 0);
	key_cache_mark(NULL, "joe", "pw");
	key_cache_sweep(NULL);
	key_cache_free(NULL);
	c = key_cache_new(0);
	keep(c, from, 1);
	assert_int_equal(key_cache_count(c), 0);
	key_cache_free(c);
	c = key_cache_new(1);
	from.salt = big;
	from.salt_len = sizeof(big);
	keep(c, from, 1);
	assert_int_equal(key_cache_count(c), 0);
	assert_int_equal(find(c, from), 0);
	key_cache_free(c);
}

/* Whoever was not asked for longest goes. */
static void
test_bound(void **state)
{
	struct key_cache *c = key_cache_new(50);
	char user[20];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(user, sizeof(user), "u%u", i);
		keep(c, source(user, "pw"), (uint8_t)(1 + i % 200));
		assert_int_equal(find(c, source("u0", "pw")), 1);
		assert_int_equal(key_cache_count(c), i < 50 ? i + 1 : 50);
	}
	assert_int_equal(find(c, source("u199", "pw")), 200);
	assert_int_equal(find(c, source("u151", "pw")), 152);
	assert_int_equal(find(c, source("u150", "pw")), 0);
	key_cache_free(c);
}

/* A server with ever new salts displaces only keys of its own user. */
static void
test_salts_of_one_secret(void **state)
{
	struct key_cache *c = key_cache_new(1000);
	uint32_t many;
	struct key_source from = source("joe", "pw");

	(void)state;
	keep(c, source("ann", "pw"), 9);
	for (many = 0; many < 500; many++) {
		from.salt = (const uint8_t *)&many;
		from.salt_len = sizeof(many);
		keep(c, from, 5);
		assert_int_equal(find(c, from), 5);
	}
	assert_int_equal(key_cache_count(c), 1 + KEY_CACHE_SALTS);
	many = 500 - KEY_CACHE_SALTS;
	assert_int_equal(find(c, from), 5);
	many--;
	assert_int_equal(find(c, from), 0);
	assert_int_equal(find(c, source("ann", "pw")), 9);
	key_cache_free(c);
}

/* A reload: what is still named stays, all else goes, also what was used. */
static void
test_sweep(void **state)
{
	struct key_cache *c = key_cache_new(1000);
	struct key_source other = source("joe", "pw");

	(void)state;
	other.iterations = 20;
	keep(c, source("joe", "pw"), 1);
	keep(c, other, 2);
	keep(c, source("ann", "old"), 3);
	keep(c, source("tom", "pw"), 4);
	assert_int_equal(find(c, source("ann", "old")), 3);
	key_cache_mark(c, "joe", "pw");
	key_cache_mark(c, "ann", "new");
	key_cache_mark(c, "tim", "unseen");
	key_cache_sweep(c);
	assert_int_equal(find(c, source("joe", "pw")), 1);
	assert_int_equal(find(c, other), 2);
	assert_int_equal(find(c, source("ann", "old")), 0);
	assert_int_equal(find(c, source("tom", "pw")), 0);
	assert_int_equal(key_cache_count(c), 2);
	key_cache_sweep(c);
	assert_int_equal(key_cache_count(c), 0);
	key_cache_free(c);
}

static void *
busy(void *arg)
{
	struct key_cache *c = arg;
	char user[20];

	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(user, sizeof(user), "u%u", i % 40);
		if (find(c, source(user, "pw")) == 0)
			keep(c, source(user, "pw"), 1);
		if (i % 50 == 0) {
			key_cache_mark(c, "u1", "pw");
			key_cache_sweep(c);
		}
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct key_cache *c = key_cache_new(30);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, busy, c), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_in_range(key_cache_count(c), 0, 30);
	key_cache_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_part_counts),
		cmocka_unit_test(test_derived_keys_are_those_of_scram),
		cmocka_unit_test(test_no_cache_and_no_room),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_salts_of_one_secret),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
