/*
 * What stands in the startup packet, and packets that are none; whole and byte
 * by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "door.h"

/* What its own servers are told, all that it said; session mode. */
static void
startup_words(void **state)
{
	static const struct row {
		const char *pairs[8];
		const char *ignore;
		const char *words;
		size_t len;
	} rows[] = {
#define WORDS(w) w, sizeof(w) - 1
		{ { "user", "joe", "database", "d" }, "", WORDS("") },
		{ { "user", "joe", "TimeZone", "UTC", "geqo", "off" },
		  "",
		  WORDS("TimeZone\0UTC\0geqo\0off\0") },
		{ { "options", "-B 3 -x", "user", "joe", "a.b", "" },
		  "",
		  WORDS("options\0-B 3 -x\0a.b\0\0") },
		{ { "user", "joe", "options", "-c", "geqo", "off" },
		  "options,GEQO",
		  WORDS("") },
		{ { "user", "joe", "geqo", "off", "timezone", "CET" },
		  "*",
		  WORDS("timezone\0CET\0") },
		{ { "user", "joe", "_pq_.x", "1", "replication", "off" },
		  "",
		  WORDS("") },
#undef WORDS
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const struct row *r = &rows[i / 2];
		struct door o;
		struct pg_front *f;

		open_door(&o, (enum drive_cut)(i % 2));
		o.d.policy.mode = POOL_SESSION;
		o.d.policy.ignore_startup = r->ignore;
		startup(&o, 3u << 16, r->pairs);
		assert_true(o.is_ready);
		assert_int_equal(o.words.len, r->len);
		assert_memory_equal(str_text(&o.words), r->words, r->len);
		/* It is told what its servers say, whatever it said. */
		f = o.d.front;
		assert_string_equal(pg_params_find(f->params, "TimeZone"),
				    "UTC");
		close_door(&o);
	}
}

static void
startup_parameters(void **state)
{
	static const struct row {
		const char *pairs[8];
		const char *ignore;
		const char *failure; /* NULL: none */
		const char *timezone, *name;
	} rows[] = {
		{ { "user", "joe", "TimeZone", "CET" }, "", NULL, "CET", "" },
		{ { "user", "joe", "timezone", "a", "timezone", "b" },
		  "",
		  NULL,
		  "b",
		  "" },
		{ { "user", "joe", "options", "-c TimeZone=CET" },
		  "",
		  NULL,
		  "CET",
		  "" },
		{ { "user", "joe", "options",
		    "-capplication-name=a\\ b\\\\c --TimeZone=X" },
		  "",
		  NULL,
		  "X",
		  "a b\\c" },
		{ { "user", "joe", "options", "-c TimeZone=CET", "TimeZone",
		    "EET" },
		  "",
		  NULL,
		  "EET",
		  "" },
		{ { "user", "joe", "options", "-c geqo=off" },
		  "",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "joe", "pgbouncer", "true", "connection_limit",
		    "1" },
		  "",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "joe", "options", "-c is_superuser=on" },
		  "",
		  "startup_parameter: unsupported startup parameter: "
		  "is_superuser",
		  NULL,
		  NULL },
		{ { "user", "joe", "options", "-c geqo=off" },
		  "geqo",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "joe", "options", "-c" },
		  "",
		  "startup_parameter: ",
		  NULL,
		  NULL },
		{ { "user", "joe", "options", "-c =x" },
		  "",
		  "startup_parameter: ",
		  NULL,
		  NULL },
		{ { "user", "joe", "options", "--" },
		  "",
		  "startup_parameter: ",
		  NULL,
		  NULL },
		{ { "user", "joe", "options", "-B 3" },
		  "",
		  "startup_parameter: ",
		  NULL,
		  NULL },
		{ { "user", "joe", "options", "-B 3" },
		  "options",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "joe", "extra_float_digits", "3" },
		  "",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "joe", "extra_float_digits", "3" },
		  "x, extra_float_digits",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "joe", "extra_float_digits", "3" },
		  "*",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "joe", "replication", "true" },
		  "",
		  "replication",
		  NULL,
		  NULL },
		{ { "user", "joe", "replication", "database" },
		  "",
		  "replication",
		  NULL,
		  NULL },
		{ { "user", "joe", "replication", "off" },
		  "",
		  NULL,
		  "UTC",
		  "" },
		{ { "user", "" },
		  "",
		  "no_user_name: no PostgreSQL user name specified in startup "
		  "packet",
		  NULL,
		  NULL },
		{ { "database", "x" }, "", "no_user_name: ", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const struct row *r = &rows[i / 2];
		struct door o;
		struct pg_front *f;

		open_door(&o, (enum drive_cut)(i % 2));
		o.d.policy.ignore_startup = r->ignore;
		startup(&o, 3u << 16, r->pairs);
		if (r->failure != NULL) {
			assert_memory_equal(str_text(&o.failure), r->failure,
					    strlen(r->failure));
		} else {
			f = o.d.front;
			assert_true(o.is_ready);
			assert_string_equal(
				pg_params_find(f->params, "TimeZone"),
				r->timezone);
			assert_string_equal(f->view.application_name, r->name);
		}
		close_door(&o);
	}
}

static void
packets_that_are_wrong(void **state)
{
	static const struct row {
		const char *bytes;
		size_t len;
		const char *failure;
	} rows[] = {
		{ "\0\0\0\7", 4, "protocol_violation: invalid length" },
		{ "\0\0\47\25", 4, "protocol_violation: invalid length" },
		{ "GET / HTTP", 10, "protocol_violation: invalid length" },
		{ "\0\0\0\20\0\3\0\0user\0jo", 16,
		  "protocol_violation: invalid startup packet layout" },
		{ "\0\0\0\23\0\3\0\0user\0joe\0\0x", 19,
		  "protocol_violation: invalid startup packet layout" },
		{ "\0\0\0\16\0\3\0\0user\0\0", 14,
		  "protocol_violation: invalid startup packet layout" },
		{ "\0\0\0\10\0\2\0\0", 8,
		  "unsupported_protocol: unsupported frontend protocol 2.0: "
		  "server supports 3.0 to 3.0" },
		{ "\0\0\0\10\0\4\0\1", 8,
		  "unsupported_protocol: unsupported frontend protocol 4.1: "
		  "server supports 3.0 to 3.0" },
		{ "\0\0\0\20\4\322\26.abcdefgh", 16, "cancel 8" },
		{ "\0\0\0\50\4\322\26.abcdefghabcdefghabcdefghabcdefgh", 40,
		  "cancel 32" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const struct row *r = &rows[i / 2];
		struct door o;

		open_door(&o, (enum drive_cut)(i % 2));
		knock(&o, r->bytes, r->len);
		assert_memory_equal(str_text(&o.failure), r->failure,
				    strlen(r->failure));
		assert_false(o.is_ready);
		close_door(&o);
	}
}

static void
encryption_is_declined(void **state)
{
	static const char ssl[] = "\0\0\0\10\4\322\26/";
	static const char gss[] = "\0\0\0\10\4\322\0260";
	struct door o;

	(void)state;
	open_door(&o, CUT_BYTES);
	knock(&o, gss, 8);
	knock(&o, ssl, 8);
	assert_int_equal(o.d.to_client.len, 2);
	assert_memory_equal(o.d.to_client.data, "NN", 2);
	hello(&o);
	assert_true(o.is_ready);
	close_door(&o);
	open_door(&o, CUT_BYTES);
	knock(&o, ssl, 8);
	knock(&o, ssl, 8);
	assert_int_equal(o.d.to_client.len, 1);
	assert_true(o.failure.len > 0);
	close_door(&o);
}

static void
newer_protocols_are_negotiated(void **state)
{
	static const char *const pairs[] = { "user", "joe", "_pq_.x", "1",
					     NULL };
	static const char want[] = "v\0\0\0\23\0\3\0\0\0\0\0\1_pq_.x";
	struct door o;

	(void)state;
	open_door(&o, CUT_BYTES);
	startup(&o, 3u << 16 | 9999, pairs);
	assert_true(o.is_ready);
	assert_memory_equal(o.d.to_client.data, want, sizeof(want));
	close_door(&o);
}

static void
host_is_added(void **state)
{
	struct door o;

	(void)state;
	open_door(&o, CUT_NONE);
	o.d.policy.add_host = true;
	hello(&o);
	assert_string_equal(pg_front_view(o.d.front)->application_name,
			    "app - 127.0.0.1:1234");
	close_door(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(startup_parameters),
		cmocka_unit_test(startup_words),
		cmocka_unit_test(packets_that_are_wrong),
		cmocka_unit_test(encryption_is_declined),
		cmocka_unit_test(newer_protocols_are_negotiated),
		cmocka_unit_test(host_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
