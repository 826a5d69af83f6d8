/*
 * Addresses that names have lost: each loss counts for the servers that were
 * opened before it, and for them once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/lost.h"

static struct addr
addr_at(const char *host, uint16_t port)
{
	struct addr a;

	assert_true(addr_parse_ip(host, port, &a));
	return a;
}

static bool
check(struct lost *lost, unsigned *seen, const char *host, const char *ip)
{
	struct addr a = addr_at(ip, 5432);

	return lost_check(lost, seen, host, &a);
}

static void
lose(struct lost *lost, const char *host, const char *ip)
{
	struct addr a = addr_at(ip, 0);

	lost_add(lost, host, &a);
}

static int
set_up(void **state)
{
	struct lost *lost = mem_must_zalloc(sizeof(*lost));

	lost_init(lost);
	*state = lost;
	return 0;
}

static int
tear_down(void **state)
{
	lost_fini(*state);
	mem_free(*state);
	return 0;
}

static void
name_and_address_must_match(void **state)
{
	struct lost *lost = *state;
	unsigned a = lost_now(lost), b = a, c = a, d = a;

	assert_false(check(lost, &a, "db.test", "10.0.0.1"));
	lose(lost, "db.test", "10.0.0.1");
	lose(lost, "db.test", "::1");
	assert_true(check(lost, &a, "DB.test", "10.0.0.1"));
	assert_true(check(lost, &b, "db.test", "::1"));
	assert_false(check(lost, &c, "other.test", "10.0.0.1"));
	assert_false(check(lost, &d, "db.test", "10.0.0.2"));
	/* Once. */
	assert_false(check(lost, &a, "db.test", "10.0.0.1"));
}

/* The address came back before the server was opened. */
static void
earlier_losses_do_not_count(void **state)
{
	struct lost *lost = *state;
	unsigned seen;

	lose(lost, "db.test", "10.0.0.1");
	seen = lost_now(lost);
	lose(lost, "db.test", "10.0.0.2");
	assert_false(check(lost, &seen, "db.test", "10.0.0.1"));
	lose(lost, "db.test", "10.0.0.1");
	assert_true(check(lost, &seen, "db.test", "10.0.0.1"));
}

static void
the_last_ones_are_remembered(void **state)
{
	struct lost *lost = *state;
	unsigned first = lost_now(lost), second = first;
	char ip[32];

	for (int i = 0; i < LOST_MAX + 1; i++) {
		text_format(ip, sizeof(ip), "10.0.1.%d", i);
		lose(lost, "db.test", ip);
	}
	assert_true(check(lost, &first, "db.test", "10.0.1.1"));
	assert_false(check(lost, &second, "db.test", "10.0.1.0"));
	assert_int_equal(first, LOST_MAX + 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(name_and_address_must_match),
		CASE(earlier_losses_do_not_count),
		CASE(the_last_ones_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
