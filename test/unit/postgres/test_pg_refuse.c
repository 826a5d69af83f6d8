/* Errors in the protocol's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "drive.h"

/* The fields of the message that was written, "S=.. V=.." and so on. */
static void
fields(struct drive *d, struct str *out)
{
	struct pg_body b;

	drive_drain(&d->c_out, &d->to_client);
	assert_int_equal(pg_get_u32((uint8_t *)d->to_client.data + 1) + 1,
			 d->to_client.len);
	str_putc(out, d->to_client.data[0]);
	b.at = (uint8_t *)d->to_client.data + PG_HEADER;
	b.left = d->to_client.len - PG_HEADER;
	while (b.left > 1) {
		char code = (char)*b.at;

		(void)pg_body_bytes(&b, 1);
		str_printf(out, " %c=%s", code, pg_body_text(&b));
	}
	assert_int_equal(b.left, 1);
	assert_int_equal(*b.at, 0);
}

static void
refusals(void **state)
{
	static const uint8_t server[] =
		"SERREUR\0VERROR\0C3D000\0Mbase inconnue \xe9\0Dd\0";
	static const struct row {
		struct refusal refusal;
		const char *fields;
	} rows[] = {
		{ { .scope = FAIL_CONNECTION, .reason = REASON_SHUTDOWN },
		  "E S=FATAL V=FATAL C=57P01 M=terminating connection due to "
		  "administrator command H=The pooler is shutting down." },
		{ { .scope = FAIL_STATEMENT, .reason = REASON_CANCELED },
		  "E S=ERROR V=ERROR C=57014 M=canceling statement due to "
		  "user request" },
		{ { .scope = FAIL_CONNECTION,
		    .reason = REASON_NO_DATABASE,
		    .text = "no \"caf\xc3\xa9\"\n",
		    .detail = "why" },
		  "E S=FATAL V=FATAL C=3D000 M=no \"caf??\"? D=why H=Add it to "
		  "the [databases] section, or a \"*\" entry." },
		{ { .scope = FAIL_CONNECTION,
		    .reason = REASON_SERVER_LOGIN,
		    .server_error = server,
		    .server_error_len = sizeof(server) },
		  "E S=FATAL V=FATAL C=3D000 M=base inconnue ? D=d" },
		{ { .scope = FAIL_STATEMENT,
		    .reason = REASON_SERVER_LOGIN,
		    .server_error = server,
		    .server_error_len = sizeof(server) },
		  "E S=ERREUR V=ERROR C=3D000 M=base inconnue ? D=d" },
		{ { .scope = FAIL_CONNECTION,
		    .reason = REASON_SERVER_LOGIN,
		    .server_error = (const uint8_t *)"SERROR",
		    .server_error_len = 6 },
		  "E" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str text = { 0 };
		struct drive d;
		struct turn t;

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		t = drive_turn(&d, false);
		pg_front_ops.refuse(&t, &rows[i].refusal);
		fields(&d, &text);
		assert_string_equal(str_text(&text), rows[i].fields);
		str_fini(&text);
		drive_fini(&d);
	}
}

static void
notices(void **state)
{
	struct str text = { 0 };
	struct drive d;
	struct turn t;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	t = drive_turn(&d, false);
	pg_front_ops.notice(&t, "No server connection available yet");
	fields(&d, &text);
	assert_string_equal(str_text(&text),
			    "N S=NOTICE V=NOTICE C=00000 M=No server "
			    "connection available yet");
	str_fini(&text);
	drive_fini(&d);
}

/* Protocol 2 knows no fields. */
static void
old_clients(void **state)
{
	struct refusal refusal = { .scope = FAIL_CONNECTION,
				   .reason = REASON_UNSUPPORTED_PROTOCOL };
	struct drive d;
	struct turn t;
	struct order o;
	static const char want[] =
		"EFATAL:  unsupported frontend protocol 2.0: server supports "
		"3.0 to 3.0\n";

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	pg_front_ops.close(d.front);
	d.front = pg_front_ops.open();
	assert_true(buf_append(&d.c_in, "\0\0\0\10\0\2\0\0", 8));
	t = drive_turn(&d, false);
	o = pg_front_ops.step(&t);
	assert_int_equal(o.kind, ORDER_FAIL);
	refusal.text = o.fail.text;
	pg_front_ops.refuse(&t, &refusal);
	drive_drain(&d.c_out, &d.to_client);
	assert_int_equal(d.to_client.len, sizeof(want));
	assert_memory_equal(d.to_client.data, want, sizeof(want));
	drive_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(notices),
		cmocka_unit_test(old_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
