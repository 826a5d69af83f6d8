/* Where to listen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "control/places.h"

static void
test_path(const char *host, uint16_t port, char *out, size_t size)
{
	text_format(out, size, "%s/sock.%u", host, port);
}

static const struct front_ops first = { .listen_path = test_path };
static const struct front_ops second = { .listen_path = test_path,
					 .speaks_first = true };
static const struct front_ops *const fronts[PROTOCOLS] = { &first, &second };

/* What places.c asks of a snapshot. */
struct snapshot {
	struct settings set;
	bool has_mysql;
};

const struct settings *
snapshot_settings(const struct snapshot *s)
{
	return &s->set;
}

bool
snapshot_listens(const struct snapshot *s, enum protocol protocol,
		 uint16_t *port)
{
	*port = (uint16_t)(protocol == PROTOCOL_POSTGRES
				   ? s->set.listen_port
				   : s->set.mysql_listen_port);
	return protocol == PROTOCOL_POSTGRES || s->has_mysql;
}

/* "127.0.0.1:6432 unix ..." */
static void
write_places(const struct places *places, struct str *out)
{
	char host[ADDR_TEXT_MAX];

	for (size_t i = 0; i < places->count; i++) {
		const struct addr *a = &places->specs[i].addr;

		if (addr_is_unix(a))
			str_printf(out, "%s%s", i > 0 ? " " : "",
				   a->un.sun_path);
		else
			str_printf(out, "%s%s:%u", i > 0 ? " " : "",
				   addr_host(a, host), addr_port(a));
	}
}

static void
lists_become_addresses(void **state)
{
	static const struct {
		const char *list, *dir, *places;
	} cases[] = {
		{ "127.0.0.1", "", "127.0.0.1:6432" },
		{ "127.0.0.1, 10.0.0.1 ,::1", "",
		  "127.0.0.1:6432 10.0.0.1:6432 ::1:6432" },
		{ "127.0.0.1,127.0.0.1", "", "127.0.0.1:6432" },
		{ "", "/tmp", "/tmp/sock.6432" },
		{ "127.0.0.1", "/tmp", "127.0.0.1:6432 /tmp/sock.6432" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct snapshot snap = { .set = {
						 .listen_addr = cases[i].list,
						 .unix_socket_dir =
							 cases[i].dir,
						 .unix_socket_group = "",
						 .listen_port = 6432,
						 .listen_backlog = 5,
						 .so_reuseport = 1,
						 .unix_socket_mode = 0700,
					 } };
		struct places places = { 0 };
		struct str text = { 0 };
		char error[256] = "";

		assert_true(places_find(&places, &snap, fronts, error,
					sizeof(error)));
		write_places(&places, &text);
		assert_string_equal(str_text(&text), cases[i].places);
		assert_int_equal(places.specs[0].backlog, 5);
		assert_int_equal(places.specs[0].unix_mode, 0700);
		assert_true(places.specs[0].share);
		str_fini(&text);
		places_fini(&places);
	}
}

static void
the_star_is_every_address(void **state)
{
	struct snapshot snap = { .set = {
					 .listen_addr = "*",
					 .unix_socket_dir = "",
					 .unix_socket_group = "",
					 .listen_port = 1234,
				 } };
	struct places places = { 0 };
	struct str text = { 0 };
	char error[256] = "";

	(void)state;
	assert_true(places_find(&places, &snap, fronts, error, sizeof(error)));
	write_places(&places, &text);
	assert_int_equal(strncmp(str_text(&text), "0.0.0.0:1234", 12), 0);
	str_fini(&text);
	places_fini(&places);
}

static void
errors_name_the_setting(void **state)
{
	char long_dir[200], long_name[100];
	const struct {
		const char *list, *dir, *setting;
	} cases[] = {
		{ "", "", "listen_addr" },
		{ long_name, "", "listen_addr" },
		{ "", long_dir, "unix_socket_dir" },
	};

	(void)state;
	/* No name server is asked for a name that cannot be. */
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	memset(long_dir, 'x', sizeof(long_dir) - 1);
	long_dir[sizeof(long_dir) - 1] = '\0';
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct snapshot snap = { .set = {
						 .listen_addr = cases[i].list,
						 .unix_socket_dir =
							 cases[i].dir,
						 .unix_socket_group = "",
						 .listen_port = 6432,
					 } };
		struct places places = { 0 };
		char error[512] = "";

		assert_false(places_find(&places, &snap, fronts, error,
					 sizeof(error)));
		assert_non_null(strstr(error, cases[i].setting));
		places_fini(&places);
	}
}

static void
low_ports_are_privileged(void **state)
{
	struct snapshot snap = { .set = { .listen_addr = "*",
					  .listen_port = 1023,
					  .mysql_listen_port = 80 } };

	(void)state;
	assert_true(places_are_privileged(&snap));
	snap.set.listen_port = 1024;
	assert_false(places_are_privileged(&snap));
	snap.has_mysql = true;
	assert_true(places_are_privileged(&snap));
	snap.set.listen_port = 5;
	snap.set.listen_addr = "";
	assert_false(places_are_privileged(&snap));
}

static void
each_protocol_has_places(void **state)
{
	struct snapshot snap = { .set = { .listen_addr = "127.0.0.1",
					  .unix_socket_dir = "/tmp",
					  .unix_socket_group = "",
					  .tcp_defer_accept = 1,
					  .listen_port = 6432,
					  .mysql_listen_port = 6033 },
				 .has_mysql = true };
	struct places places = { 0 };
	struct str text = { 0 };
	char error[256] = "";

	(void)state;
	assert_true(places_find(&places, &snap, fronts, error, sizeof(error)));
	write_places(&places, &text);
	assert_string_equal(str_text(&text),
			    "127.0.0.1:6432 /tmp/sock.6432 127.0.0.1:6033 "
			    "/tmp/sock.6033");
	assert_int_equal(places.specs[0].tag, PROTOCOL_POSTGRES);
	assert_int_equal(places.specs[3].tag, PROTOCOL_MYSQL);
	assert_true(places.specs[0].defer_accept);
	/* Who is greeted would wait for it in vain. */
	assert_false(places.specs[2].defer_accept);
	str_fini(&text);
	places_fini(&places);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_become_addresses),
		cmocka_unit_test(the_star_is_every_address),
		cmocka_unit_test(errors_name_the_setting),
		cmocka_unit_test(low_ports_are_privileged),
		cmocka_unit_test(each_protocol_has_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
