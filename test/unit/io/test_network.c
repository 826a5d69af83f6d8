/* Networks: what they are read from, and who is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/network.h"

static const struct {
	const char *network;
	const char *inside, *outside; /* NULL: none */
} rows[] = {
	{ "10.0.0.0/8", "10.255.0.1", "11.0.0.1" },
	{ "10.1.2.3/8", "10.255.0.1", "11.0.0.1" },
	{ "192.168.1.128/25", "192.168.1.128", "192.168.1.127" },
	{ "192.168.1.7", "192.168.1.7", "192.168.1.6" },
	{ "192.168.1.7/32", "192.168.1.7", "192.168.1.6" },
	{ "0.0.0.0/0", "255.255.255.255", "::1" },
	{ "::/0", "::1", "1.2.3.4" },
	{ "::1", "::1", "::2" },
	{ "fd00::/8", "fd12::1", "fe80::1" },
	{ "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1" },
	{ "::/0", NULL, "::ffff:10.0.0.1" },
};

static struct addr
address(const char *text)
{
	struct addr a;

	assert_true(addr_parse_ip(text, 5432, &a));
	return a;
}

static void
who_is_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct network n;
		struct addr a;

		assert_true(network_parse(rows[i].network, &n));
		a = address(rows[i].outside);
		assert_false(network_has(&n, &a));
		if (rows[i].inside == NULL)
			continue;
		a = address(rows[i].inside);
		assert_true(network_has(&n, &a));
	}
}

static void
no_networks(void **state)
{
	static const char *const texts[] = {
		"",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"::/129",
		"10.0.0/8",
		"host",
		"10.0.0.0/8x",
		"10.0.0.0/-1",
		"fe80::1%1",
		"::ffff:10.0.0.1/104",
	};
	struct network n;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_false(network_parse(texts[i], &n));
}

static void
masks(void **state)
{
	struct network n;
	struct addr in = address("10.7.3.4"), out = address("10.8.3.4");

	(void)state;
	assert_true(network_parse_masked("10.7.0.0", "255.255.0.0", &n));
	assert_true(network_has(&n, &in));
	assert_false(network_has(&n, &out));
	/* A mask need not be a prefix. */
	assert_true(network_parse_masked("10.7.0.4", "255.255.0.255", &n));
	assert_true(network_has(&n, &in));
	assert_false(network_parse_masked("10.7.0.0", "ffff::", &n));
	assert_false(network_parse_masked("10.7.0.0", "255.255", &n));
	assert_false(network_parse_masked("x", "255.255.0.0", &n));
}

static void
own_networks(void **state)
{
	struct addr a = address("10.7.3.4"), mask = address("255.255.0.0");
	struct addr near = address("10.7.0.1"), six = address("::1"), where;
	struct network n;

	(void)state;
	assert_true(network_of(&a.sa, &mask.sa, &n));
	assert_true(network_has(&n, &near));
	assert_true(network_host(&a.sa, &n));
	assert_false(network_has(&n, &near));
	assert_true(network_has(&n, &a));
	assert_false(network_of(&a.sa, &six.sa, &n));
	assert_true(addr_set_unix("/tmp/x", &where));
	assert_false(network_of(&where.sa, &where.sa, &n));
	assert_true(network_parse("0.0.0.0/0", &n));
	assert_false(network_has(&n, &where));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_in),
		cmocka_unit_test(no_networks),
		cmocka_unit_test(masks),
		cmocka_unit_test(own_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
