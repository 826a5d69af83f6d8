/* Addresses: parsing, text, equality. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/addr.h"

static void
numeric_addresses(void **state)
{
	static const struct {
		const char *text, *host;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "2001:DB8:0::1", "2001:db8::1" },
		{ "fe80::1%7", "fe80::1%7" },
		{ "localhost", NULL },
		{ "", NULL },
		{ "1.2.3", NULL },
		{ "1.2.3.4.5", NULL },
		{ "::1%nosuchif", NULL },
		{ "::g", NULL },
		{ "127.0.0.1 ", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
		  NULL },
	};
	char out[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool is_ip = addr_parse_ip(cases[i].text, 5432, &a);

		assert_int_equal(is_ip, cases[i].host != NULL);
		if (!is_ip)
			continue;
		assert_string_equal(addr_host(&a, out), cases[i].host);
		assert_int_equal(addr_port(&a), 5432);
		assert_false(addr_is_unix(&a));
	}
}

static void
unix_addresses(void **state)
{
	char out[ADDR_TEXT_MAX], longest[110];
	struct addr a, b;

	(void)state;
	assert_true(addr_set_unix("/tmp/x", &a));
	assert_true(addr_is_unix(&a));
	assert_int_equal(addr_port(&a), 0);
	assert_string_equal(addr_host(&a, out), "unix");
	assert_true(addr_set_unix("@x", &b));
	assert_int_equal(b.un.sun_path[0], '\0');
	assert_false(addr_equal(&a, &b));
	assert_false(addr_set_unix("", &a));
	memset(longest, 'p', sizeof(longest));
	longest[107] = '\0';
	assert_true(addr_set_unix(longest, &a));
	longest[107] = 'p';
	longest[108] = '\0';
	assert_false(addr_set_unix(longest, &a));
}

static void
equality(void **state)
{
	struct addr a, b;

	(void)state;
	assert_true(addr_parse_ip("10.0.0.1", 1, &a));
	assert_true(addr_parse_ip("10.0.0.1", 1, &b));
	assert_true(addr_equal(&a, &b));
	assert_true(addr_parse_ip("10.0.0.1", 2, &b));
	assert_false(addr_equal(&a, &b));
	assert_true(addr_parse_ip("::1", 1, &b));
	assert_false(addr_equal(&a, &b));
}

static void
ends_of_a_socket(void **state)
{
	struct addr want, self, peer;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_true(addr_parse_ip("127.0.0.1", 0, &want));
	assert_int_equal(bind(fd, &want.sa, want.len), 0);
	assert_true(addr_of_self(fd, &self));
	assert_true(addr_port(&self) > 0);
	assert_false(addr_of_peer(fd, &peer));
	close(fd);
	assert_false(addr_of_self(fd, &self));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numeric_addresses),
		cmocka_unit_test(unix_addresses),
		cmocka_unit_test(equality),
		cmocka_unit_test(ends_of_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
