/*
 * The packets of the connection phase: as servers and clients of all kinds
 * write them, cut short at every byte, and with every byte damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "mysql/my_caps.h"
#include "mysql/my_greeting.h"

/* As MariaDB 10.11 sends it. */
#define MARIADB                                                                \
	"\x0a"                                                                 \
	"5.5.5-10.11.19-MariaDB-0+deb12u1\0"                                   \
	"\x2a\0\0\0"                                                           \
	"ABCDEFGH\0"                                                           \
	"\xfe\xf7\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0"                 \
	"IJKLMNOPQRST\0"                                                       \
	"mysql_native_password"

/* As MySQL 8 does; the reserved bytes are no second word there. */
#define MYSQL                                                                  \
	"\x0a"                                                                 \
	"8.4.3\0"                                                              \
	"\x01\x02\x03\x04"                                                     \
	"ABCDEFGH\0"                                                           \
	"\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\xff\0\0\0"                 \
	"IJKLMNOPQRST\0"                                                       \
	"caching_sha2_password"

/* A payload as the callers hold it: its bytes and a NUL, on the heap, so that
 * a read beyond shows. */
static uint8_t *
copy(const void *bytes, size_t len)
{
	uint8_t *p = malloc(len + 1);

	if (len > 0)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

static void
test_greetings(void **state)
{
	struct my_greeting g;
	uint8_t *p = copy(MARIADB, sizeof(MARIADB));

	(void)state;
	assert_true(my_greeting_read(&g, p, sizeof(MARIADB)));
	assert_string_equal(g.version, "5.5.5-10.11.19-MariaDB-0+deb12u1");
	assert_int_equal(g.thread_id, 42);
	assert_int_equal(g.caps, 0x81fff7fe);
	assert_int_equal(g.ext, 0x1d);
	assert_int_equal(g.collation, 8);
	assert_int_equal(g.status, 2);
	assert_memory_equal(g.scramble, "ABCDEFGHIJKLMNOPQRST", 20);
	assert_string_equal(g.plugin, "mysql_native_password");
	free(p);
	p = copy(MYSQL, sizeof(MYSQL));
	assert_true(my_greeting_read(&g, p, sizeof(MYSQL)));
	assert_string_equal(g.version, "8.4.3");
	assert_int_equal(g.thread_id, 0x04030201);
	assert_int_equal(g.caps, 0xdfffffff);
	assert_int_equal(g.ext, 0);
	assert_int_equal(g.collation, 255);
	assert_string_equal(g.plugin, "caching_sha2_password");
	free(p);
}

/* What is written is what such a server writes, and reads as it was. */
static void
test_greeting_is_written(void **state)
{
	struct my_greeting g;
	struct str s = { 0 };

	(void)state;
	assert_true(my_greeting_read(&g, (const uint8_t *)MARIADB,
				     sizeof(MARIADB)));
	my_greeting_write(&s, &g);
	assert_int_equal(s.len, sizeof(MARIADB));
	assert_memory_equal(s.data, MARIADB, sizeof(MARIADB));
	str_fini(&s);
}

/* Up to the scramble's end it is no greeting, behind it the plugin may be cut
 * or lack its NUL. */
static void
test_greeting_is_cut(void **state)
{
	const size_t scramble_ends =
		sizeof(MARIADB) - sizeof("mysql_native_password") - 1;

	(void)state;
	for (size_t len = 0; len <= sizeof(MARIADB); len++) {
		uint8_t *p = copy(MARIADB, len);
		struct my_greeting g;
		bool ok = my_greeting_read(&g, p, len);

		assert_int_equal(ok, len >= scramble_ends);
		if (ok && len > scramble_ends)
			assert_int_equal(strlen(g.plugin),
					 len == sizeof(MARIADB)
						 ? 21
						 : len - scramble_ends - 1);
		free(p);
	}
	{
		uint8_t *p = copy(MARIADB, sizeof(MARIADB));
		struct my_greeting g;

		p[0] = 9;
		assert_false(my_greeting_read(&g, p, sizeof(MARIADB)));
		free(p);
	}
}

#define CAPS_MIN (MY_CLIENT_PROTOCOL_41 | MY_CLIENT_SECURE_CONNECTION)

/* A response: 32 bytes, then what the caller adds. */
static void
begin(struct str *s, uint32_t caps, uint32_t ext)
{
	*s = (struct str){ 0 };
	my_put_u32(s, caps);
	my_put_u32(s, 1u << 24);
	my_put_u8(s, 45);
	for (unsigned i = 0; i < 19; i++)
		my_put_u8(s, 0);
	my_put_u32(s, ext);
}

static enum my_handshake_kind
read_and_free(struct my_handshake *h, struct str *s, uint8_t **payload)
{
	*payload = copy(str_text(s), s->len);
	size_t len = s->len;

	str_fini(s);
	return my_handshake_read(h, *payload, len, MY_IN_CLEAR);
}

/* The proof's three forms, names that are there or not. */
static void
test_responses(void **state)
{
	static const struct {
		uint32_t caps;
		const char *rest;
		size_t len;
		size_t auth_len;
		const char *database, *plugin;
	} rows[] = {
#define ROW(caps, rest, ...) { caps, rest, sizeof(rest) - 1, __VA_ARGS__ }
		ROW(CAPS_MIN,
		    "joe\0\x03"
		    "abc",
		    3, "", ""),
		ROW(CAPS_MIN, "joe\0\0", 0, "", ""),
		ROW(CAPS_MIN,
		    "joe\0\x03"
		    "abcdb\0plugin\0",
		    3, "", ""),
		ROW(CAPS_MIN | MY_CLIENT_CONNECT_WITH_DB,
		    "joe\0\x03"
		    "abcdb\0",
		    3, "db", ""),
		ROW(CAPS_MIN | MY_CLIENT_CONNECT_WITH_DB,
		    "joe\0\x03"
		    "abcdb",
		    3, "db", ""),
		ROW(CAPS_MIN | MY_CLIENT_CONNECT_WITH_DB,
		    "joe\0\x03"
		    "abc",
		    3, "", ""),
		ROW(CAPS_MIN | MY_CLIENT_CONNECT_WITH_DB |
			    MY_CLIENT_PLUGIN_AUTH,
		    "joe\0\x03"
		    "abcdb\0plug\0",
		    3, "db", "plug"),
		ROW(CAPS_MIN | MY_CLIENT_CONNECT_WITH_DB |
			    MY_CLIENT_PLUGIN_AUTH,
		    "joe\0\x03"
		    "abcdb\0plug",
		    3, "db", "plug"),
		ROW(CAPS_MIN | MY_CLIENT_PLUGIN_AUTH,
		    "joe\0\x03"
		    "abcplug\0",
		    3, "", "plug"),
		ROW(CAPS_MIN | MY_CLIENT_LENENC_AUTH, "joe\0\xfc\x04\0abcd", 4,
		    "", ""),
		ROW(CAPS_MIN | MY_CLIENT_LENENC_AUTH,
		    "joe\0\xfb"
		    "abcd",
		    SIZE_MAX, NULL, NULL),
		ROW(CAPS_MIN | MY_CLIENT_LENENC_AUTH,
		    "joe\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
		    "abcd",
		    SIZE_MAX, NULL, NULL),
		ROW(CAPS_MIN,
		    "joe\0\x04"
		    "abc",
		    SIZE_MAX, NULL, NULL),
		ROW(CAPS_MIN, "joe", SIZE_MAX, NULL, NULL),
		ROW(CAPS_MIN, "joe\0", SIZE_MAX, NULL, NULL),
		ROW(MY_CLIENT_PROTOCOL_41, "joe\0abc\0", 3, "", ""),
		ROW(MY_CLIENT_PROTOCOL_41, "joe\0abc", SIZE_MAX, NULL, NULL),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct my_handshake h;
		struct str s;
		uint8_t *p;

		begin(&s, rows[i].caps, 0x1f);
		str_add(&s, rows[i].rest, rows[i].len);
		if (rows[i].auth_len == SIZE_MAX) {
			assert_int_equal(read_and_free(&h, &s, &p),
					 MY_HANDSHAKE_BAD);
			free(p);
			continue;
		}
		assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_LOGIN);
		assert_string_equal(h.user, "joe");
		assert_int_equal(h.auth_len, rows[i].auth_len);
		assert_memory_equal(h.auth, "abcd", h.auth_len);
		assert_string_equal(h.database, rows[i].database);
		assert_string_equal(h.plugin, rows[i].plugin);
		assert_int_equal(h.caps, rows[i].caps);
		assert_int_equal(h.ext, 0x1f);
		assert_int_equal(h.collation, 45);
		free(p);
	}
}

static void
test_kinds(void **state)
{
	struct my_handshake h;
	struct str s;
	uint8_t *p;

	(void)state;
	begin(&s, CAPS_MIN | MY_CLIENT_SSL, 0);
	assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_TLS);
	free(p);
	/* The 4.0 form: 16 bits, 24 bits, names. */
	assert_int_equal(my_handshake_read(&h,
					   (const uint8_t *)"\x85\x24\0\0\0"
							    "joe\0secret\0",
					   16, MY_IN_CLEAR),
			 MY_HANDSHAKE_OLD);
	/* MySQL's own have no second word. */
	begin(&s, CAPS_MIN | MY_CLIENT_MYSQL, 0xffffffff);
	str_add(&s, "joe\0\0", 5);
	assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_LOGIN);
	assert_int_equal(h.ext, 0);
	free(p);
	for (size_t len = 0; len < 32; len++) {
		begin(&s, CAPS_MIN, 0);
		s.len = len;
		assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_BAD);
		free(p);
	}
}

/* Up to 64 KiB of them, of which one is looked for. */
static void
test_attributes(void **state)
{
	const uint32_t caps =
		CAPS_MIN | MY_CLIENT_PLUGIN_AUTH | MY_CLIENT_CONNECT_ATTRS;
	const char value[250] = "value";
	struct str s, all = { 0 };
	struct my_handshake h;
	uint8_t *p;

	(void)state;
	my_put_text(&all, "_os", 3);
	my_put_text(&all, "Linux", 5);
	my_put_text(&all, "program_name", 12);
	my_put_text(&all, "app", 3);
	my_put_text(&all, "program_name_", 13);
	my_put_text(&all, "no", 2);
	while (all.len < 60000) {
		my_put_text(&all, "k", 1);
		my_put_text(&all, value, sizeof(value));
	}
	begin(&s, caps, 0);
	str_add(&s, "joe\0\0plug\0", 10);
	my_put_text(&s, all.data, all.len);
	str_fini(&all);
	assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_LOGIN);
	assert_int_equal(h.program_len, 3);
	assert_memory_equal(h.program, "app", 3);
	free(p);
	/* Left out altogether. */
	begin(&s, caps, 0);
	str_add(&s, "joe\0\0plug\0", 10);
	assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_LOGIN);
	assert_null(h.program);
	free(p);
	/* A name without its value, and more than there is. */
	begin(&s, caps, 0);
	str_add(&s, "joe\0\0plug\0\x02\x01k", 13);
	assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_BAD);
	free(p);
	begin(&s, caps, 0);
	str_add(&s, "joe\0\0plug\0\x09\x01k", 13);
	assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_BAD);
	free(p);
}

/* What carpool writes reads as it was meant, whatever was agreed on. */
static void
test_own_response(void **state)
{
	static const uint32_t caps[] = {
		CAPS_MIN,
		CAPS_MIN | MY_CLIENT_LENENC_AUTH | MY_CLIENT_PLUGIN_AUTH,
		CAPS_MIN | MY_CLIENT_PLUGIN_AUTH | MY_CLIENT_CONNECT_ATTRS |
			MY_CLIENT_CONNECT_WITH_DB | MY_CLIENT_LENENC_AUTH,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(caps); i++) {
		struct my_handshake w = { .user = "joe",
					  .database = "db",
					  .plugin = "plug",
					  .auth = (const uint8_t *)"proof",
					  .auth_len = 5,
					  .caps = caps[i],
					  .ext = 4,
					  .collation = 45 };
		struct my_handshake h;
		struct str s = { 0 };
		uint8_t *p;

		my_handshake_write(&s, &w);
		assert_int_equal(read_and_free(&h, &s, &p), MY_HANDSHAKE_LOGIN);
		assert_string_equal(h.user, "joe");
		assert_int_equal(h.auth_len, 5);
		assert_memory_equal(h.auth, "proof", 5);
		assert_string_equal(h.database, i == 2 ? "db" : "");
		assert_string_equal(h.plugin, i > 0 ? "plug" : "");
		assert_int_equal(h.program_len, i == 2 ? 7 : 0);
		assert_int_equal(h.ext, 4);
		free(p);
	}
}

static void
test_change_user(void **state)
{
	static const char full[] = "joe\0\x03"
				   "abcdb\0\x2e\x01plug\0\x08\x03"
				   "key\x03val";
	const uint32_t caps = CAPS_MIN | MY_CLIENT_LENENC_AUTH |
			      MY_CLIENT_PLUGIN_AUTH | MY_CLIENT_CONNECT_ATTRS;
	const size_t names = 4 + 4 + 3;

	(void)state;
	for (size_t len = 0; len < sizeof(full); len++) {
		uint8_t *p = copy(full, len);
		struct my_handshake h;
		bool ok = my_change_user_read(&h, caps, p, len);

		if (len == sizeof(full) - 1) {
			assert_true(ok);
			assert_string_equal(h.user, "joe");
			assert_int_equal(h.auth_len, 3);
			assert_memory_equal(h.auth, "abc", 3);
			assert_string_equal(h.database, "db");
			/* A collation of its own 16 bits. */
			assert_int_equal(h.collation, 302);
			assert_string_equal(h.plugin, "plug");
			assert_int_equal(h.caps, caps);
		}
		/* From the names on, what is missing is taken for empty. */
		if (len < 8)
			assert_false(ok);
		if (len == 8 || len == names || len == names + 2)
			assert_true(ok);
		if (len == names + 1)
			assert_false(ok);
		free(p);
	}
}

static void
test_switch(void **state)
{
	struct my_switch w = { .plugin = "plug",
			       .data = (const uint8_t *)"scramble",
			       .len = 8 };
	struct my_switch r;
	struct str s = { 0 };

	(void)state;
	my_switch_write(&s, &w);
	assert_int_equal(s.len, 1 + 5 + 8 + 1);
	assert_memory_equal(s.data, "\xfeplug\0scramble\0", s.len);
	assert_true(my_switch_read(&r, (const uint8_t *)s.data, s.len));
	assert_string_equal(r.plugin, "plug");
	assert_int_equal(r.len, 9);
	assert_memory_equal(r.data, "scramble", 9);
	for (size_t len = 1; len < 6; len++) {
		uint8_t *p = copy(s.data, len);

		assert_false(my_switch_read(&r, p, len));
		free(p);
	}
	str_fini(&s);
}

/* Any damage is an answer, not a crash; the sanitizers look on. */
static void
test_damage(void **state)
{
	struct my_handshake w = { .user = "joe",
				  .database = "db",
				  .plugin = "plug",
				  .auth = (const uint8_t *)"proof",
				  .auth_len = 5,
				  .caps = CAPS_MIN | MY_CLIENT_PLUGIN_AUTH |
					  MY_CLIENT_CONNECT_ATTRS |
					  MY_CLIENT_CONNECT_WITH_DB |
					  MY_CLIENT_LENENC_AUTH };
	struct str s = { 0 };

	(void)state;
	my_handshake_write(&s, &w);
	for (size_t at = 0; at < s.len; at++) {
		for (unsigned v = 0; v < 256; v++) {
			uint8_t *p = copy(s.data, s.len);
			struct my_handshake h;
			enum my_handshake_kind kind;

			p[at] = (uint8_t)v;
			kind = my_handshake_read(&h, p, s.len, MY_IN_CLEAR);
			if (kind == MY_HANDSHAKE_LOGIN)
				assert_true(
					strlen(h.user) + strlen(h.database) +
						strlen(h.plugin) + h.auth_len <=
					s.len);
			(void)my_change_user_read(&h, h.caps, p, s.len);
			free(p);
		}
	}
	str_fini(&s);
	for (size_t at = 0; at < sizeof(MARIADB); at++) {
		uint8_t *p = copy(MARIADB, sizeof(MARIADB));
		struct my_greeting g;

		p[at] ^= 0x80;
		(void)my_greeting_read(&g, p, sizeof(MARIADB));
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greetings),
		cmocka_unit_test(test_greeting_is_written),
		cmocka_unit_test(test_greeting_is_cut),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_own_response),
		cmocka_unit_test(test_change_user),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
