/*
 * Clients' logins: every method, known and unknown users, and messages that are
 * not due; whole and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/key_cache.h"
#include "auth/pg_md5.h"
#include "auth/scram.h"
#include "door.h"

static void
password(struct door *o, const char *text, size_t len)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'p');

	str_add(&s, text, len);
	pg_put_end(&s, mark);
	knock(o, s.data, s.len);
	str_fini(&s);
}

/* The last authentication request: its code and data. */
static uint32_t
last_request(struct door *o, const uint8_t **data, size_t *len)
{
	const uint8_t *p = (uint8_t *)o->d.to_client.data;
	size_t left = o->d.to_client.len;
	uint32_t code = UINT32_MAX;

	while (left >= PG_HEADER) {
		size_t total = (size_t)pg_get_u32(p + 1) + 1;

		if (p[0] == 'R') {
			code = pg_get_u32(p + PG_HEADER);
			*data = p + PG_HEADER + 4;
			*len = total - PG_HEADER - 4;
		}
		p += total;
		left -= total;
	}
	return code;
}

static const uint8_t nonce[SCRAM_NONCE_RAW] = { 1, 2, 3 };

/* A client's whole SCRAM exchange with this password. */
static void
scram(struct door *o, const char *text)
{
	struct scram_client c;
	struct scram_message m;
	struct scram_keys keys;
	uint8_t salted[SCRAM_KEY_BYTES];
	struct str s = { 0 };
	const uint8_t *data = NULL;
	size_t len = 0;

	assert_int_equal(last_request(o, &data, &len), 10);
	scram_client_begin(&c, nonce, NULL, &m);
	pg_put_text(&s, SCRAM_MECHANISM);
	pg_put_u32(&s, (uint32_t)m.len);
	str_add(&s, m.text, m.len);
	password(o, s.data, s.len);
	str_fini(&s);
	assert_int_equal(last_request(o, &data, &len), 11);
	assert_int_equal(scram_client_challenge(&c, data, len, 100000),
			 SCRAM_OK);
	assert_true(scram_salted_password(text, c.salt, c.salt_len,
					  c.iterations, salted));
	assert_true(scram_keys_derive(salted, &keys));
	assert_int_equal(scram_client_answer(&c, &keys, &m), SCRAM_OK);
	password(o, m.text, m.len);
	if (o->is_ready) {
		const uint8_t *p = (uint8_t *)o->d.to_client.data;

		while (p[0] != 'R' || pg_get_u32(p + 5) != 12)
			p += pg_get_u32(p + 1) + 1;
		assert_int_equal(
			scram_client_finish(&c, p + 9, pg_get_u32(p + 1) - 8),
			SCRAM_OK);
	}
}

#define WRONG "auth_failed: password authentication failed for user \"joe\""

static void
trust_and_any(void **state)
{
	struct door o;

	(void)state;
	for (unsigned cut = 0; cut < 2; cut++) {
		struct str client = { 0 };

		open_door(&o, (enum drive_cut)cut);
		hello(&o);
		assert_true(o.is_ready);
		assert_string_equal(o.user, "joe");
		assert_string_equal(o.database, "joe");
		assert_true(pg_front_view(o.d.front)->is_at_rest);
		drive_show(&client, (uint8_t *)o.d.to_client.data,
			   o.d.to_client.len, true);
		assert_string_equal(
			str_text(&client),
			"R|S:in_hot_standby:off|S:integer_datetimes:on|"
			"S:TimeZone:UTC|S:IntervalStyle:postgres|"
			"S:is_superuser:off|S:application_name:|"
			"S:DateStyle:ISO, MDY|S:standard_conforming_strings:on|"
			"S:client_encoding:UTF8|S:server_version:15.0|K|Z:I");
		assert_ptr_equal(((struct pg_front *)o.d.front)->params,
				 ((struct pg_back *)o.d.back)->params);
		str_fini(&client);
		close_door(&o);
		open_door(&o, (enum drive_cut)cut);
		o.secret = NULL;
		hello(&o);
		assert_string_equal(str_text(&o.failure), WRONG);
		close_door(&o);
		open_door(&o, (enum drive_cut)cut);
		o.secret = NULL;
		o.method = AUTH_ANY;
		hello(&o);
		assert_true(o.is_ready);
		close_door(&o);
	}
}

#define MY_NATIVE "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
#define MY_SHA2                                                                \
	"0x24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34" \
	"504B5A424679354856336868686F52485A736E4A733368786E427575516C73446469" \
	"496537"

static void
passwords(void **state)
{
	static const struct row {
		enum auth_method method;
		const char *secret;
		const char *password;
		bool ok;
	} rows[] = {
		{ AUTH_PLAIN, "secret", "secret", true },
		{ AUTH_PLAIN, "secret", "wrong", false },
		{ AUTH_PLAIN, NULL, "secret", false },
		{ AUTH_PLAIN, "md551a7ed06a09e0cd3379f6bffdd0ac556", "x",
		  false },
		{ AUTH_MD5, "secret", "secret", true },
		{ AUTH_MD5, "secret", "wrong", false },
		{ AUTH_MD5, NULL, "secret", false },
		{ AUTH_SCRAM, "secret", "secret", true },
		{ AUTH_SCRAM, "secret", "wrong", false },
		{ AUTH_SCRAM, NULL, "secret", false },
		/* MySQL's secrets check a password, and are none themselves. */
		{ AUTH_PLAIN, MY_NATIVE, "password", true },
		{ AUTH_PLAIN, MY_NATIVE, MY_NATIVE, false },
		{ AUTH_PLAIN, MY_SHA2, "foobar", true },
		{ AUTH_PLAIN, MY_SHA2, MY_SHA2, false },
		{ AUTH_MD5, MY_NATIVE, "password", false },
		{ AUTH_SCRAM, MY_NATIVE, MY_NATIVE, false },
		{ AUTH_SCRAM, "md551a7ed06a09e0cd3379f6bffdd0ac556", "x",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const struct row *r = &rows[i / 2];
		const uint8_t *data = NULL;
		char md5[PG_MD5_ROOM];
		struct door o;
		size_t len = 0;

		open_door(&o, (enum drive_cut)(i % 2));
		o.method = r->method;
		o.secret = r->secret;
		hello(&o);
		if (r->method == AUTH_PLAIN) {
			assert_int_equal(last_request(&o, &data, &len), 3);
			password(&o, r->password, strlen(r->password) + 1);
		} else if (r->method == AUTH_MD5) {
			assert_int_equal(last_request(&o, &data, &len), 5);
			assert_true(
				pg_md5_response(r->password, "joe", data, md5));
			password(&o, md5, sizeof(md5));
		} else {
			scram(&o, r->password);
		}
		assert_int_equal(o.is_ready, r->ok);
		if (!r->ok)
			assert_string_equal(str_text(&o.failure), WRONG);
		close_door(&o);
	}
}

/* The stored verifier decides; the client's keys may be used for servers. */
static void
verifiers(void **state)
{
	static const uint8_t salt[16] = { 9 };
	struct scram_verifier v;
	struct door o;
	char text[200] = "SCRAM-SHA-256$4096:CQAAAAAAAAAAAAAAAAAAAA==$";

	(void)state;
	assert_true(scram_verifier_from_password(&v, "pw", salt, 16, 4096));
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *key = i == 0 ? v.stored_key : v.server_key;
		static const char digits[] =
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789+/";
		size_t n = strlen(text);

		for (unsigned k = 0; k < 33; k += 3) {
			uint32_t w = (uint32_t)key[k] << 16 |
				     (uint32_t)key[k + 1] << 8 |
				     (k + 2 < 32 ? key[k + 2] : 0);

			for (int shift = 18; shift >= 0; shift -= 6)
				text[n++] = digits[w >> shift & 63];
		}
		text[n - 1] = '=';
		if (i == 0)
			text[n++] = ':';
		text[n] = '\0';
	}
	assert_int_equal(secret_kind(text), SECRET_SCRAM);
	for (unsigned method = 0; method < 3; method++) {
		static const enum auth_method methods[] = { AUTH_SCRAM,
							    AUTH_MD5,
							    AUTH_PLAIN };

		open_door(&o, CUT_NONE);
		o.method = methods[method];
		o.secret = text;
		hello(&o);
		if (method < 2)
			scram(&o, "pw");
		else
			password(&o, "pw", 3);
		assert_true(o.is_ready);
		assert_int_equal(o.jobs, method == 2);
		assert_int_equal(o.has_keys, method < 2);
		if (method < 2)
			assert_memory_equal(o.server_key, v.server_key, 32);
		close_door(&o);
	}
}

/*
 * PBKDF2 is done once for those who know their password, and every time for
 * all others, whatever is kept and whoever they say they are.
 */
static void
kept_keys(void **state)
{
	static const struct row {
		const char *secret;
		const char *decoy;
		const char *password;
		unsigned jobs;
		bool ok;
	} rows[] = {
		{ "secret", NULL, "wrong", 1, false }, /* nothing is kept yet */
		{ NULL, "secret", "wrong", 1, false },
		{ "secret", NULL, "secret", 1, true },
		{ "secret", NULL, "secret", 0, true },
		{ "secret", NULL, "wrong", 1, false },
		{ NULL, "secret", "wrong", 1, false },
		{ NULL, "secret", "secret", 1, false },
		{ NULL, "secret", "-", 1, false },
		{ "secret", NULL, "secret", 0, true },
		{ "changed", NULL, "secret", 1, false },
		{ "changed", NULL, "changed", 1, true },
		{ "changed", NULL, "changed", 0, true },
		/* Who has no usable secret is like those who do not exist. */
		{ "", "secret", "wrong", 1, false },
		{ "", "secret", "", 1, false },
		{ "md551a7ed06a09e0cd3379f6bffdd0ac556", "secret", "x", 1,
		  false },
	};
	struct key_cache *keys = key_cache_new(100);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct door o;

		open_door(&o, (enum drive_cut)(i % 2));
		o.d.keys = keys;
		o.method = AUTH_SCRAM;
		o.secret = rows[i].secret;
		o.decoy = rows[i].decoy;
		hello(&o);
		scram(&o, rows[i].password);
		assert_int_equal(o.is_ready, rows[i].ok);
		assert_int_equal(o.jobs, rows[i].jobs);
		if (!rows[i].ok)
			assert_string_equal(str_text(&o.failure), WRONG);
		close_door(&o);
	}
	assert_int_equal(key_cache_count(keys), 2);
	key_cache_free(keys);
}

/* What is wrong with the form of client-final needs no work to see. */
static void
malformed_proofs_cost_nothing(void **state)
{
	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		struct scram_message m;
		struct scram_client c;
		struct str s = { 0 };
		struct door o;

		open_door(&o, CUT_NONE);
		o.method = AUTH_SCRAM;
		o.secret = known ? "secret" : NULL;
		o.decoy = "secret";
		hello(&o);
		scram_client_begin(&c, nonce, NULL, &m);
		pg_put_text(&s, SCRAM_MECHANISM);
		pg_put_u32(&s, (uint32_t)m.len);
		str_add(&s, m.text, m.len);
		password(&o, s.data, s.len);
		str_fini(&s);
		password(&o, "c=biws,r=other,p=", 17);
		assert_int_equal(o.jobs, 0);
		assert_string_equal(str_text(&o.failure),
				    "protocol_violation: malformed SCRAM "
				    "message");
		close_door(&o);
	}
}

/* Whoever cannot prove who he is learns nothing. */
static void
route_failures_come_last(void **state)
{
	struct door o;

	(void)state;
	open_door(&o, CUT_NONE);
	o.method = AUTH_PLAIN;
	o.route_reason = REASON_NO_DATABASE;
	hello(&o);
	assert_int_equal(o.failure.len, 0);
	password(&o, "wrong", 6);
	assert_string_equal(str_text(&o.failure), WRONG);
	close_door(&o);
	open_door(&o, CUT_NONE);
	o.method = AUTH_PLAIN;
	o.route_reason = REASON_NO_DATABASE;
	hello(&o);
	password(&o, "secret", 7);
	assert_string_equal(str_text(&o.failure),
			    "no_database: database \"joe\" does not exist");
	close_door(&o);
}

static void
only_the_due_message(void **state)
{
	struct door o;

	(void)state;
	open_door(&o, CUT_NONE);
	o.method = AUTH_PLAIN;
	hello(&o);
	knock(&o, "Q\0\0\0\6x", 7);
	assert_memory_equal(str_text(&o.failure), "protocol_violation", 18);
	close_door(&o);
	open_door(&o, CUT_NONE);
	o.method = AUTH_PLAIN;
	hello(&o);
	knock(&o, "p\0\1\0\0", 5);
	assert_memory_equal(str_text(&o.failure), "protocol_violation", 18);
	close_door(&o);
	open_door(&o, CUT_NONE);
	o.method = AUTH_SCRAM;
	hello(&o);
	password(&o, "SCRAM-SHA-256-PLUS\0\0\0\0\0", 23);
	assert_memory_equal(str_text(&o.failure), "protocol_violation", 18);
	close_door(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trust_and_any),
		cmocka_unit_test(passwords),
		cmocka_unit_test(verifiers),
		cmocka_unit_test(kept_keys),
		cmocka_unit_test(malformed_proofs_cost_nothing),
		cmocka_unit_test(route_failures_come_last),
		cmocka_unit_test(only_the_due_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
