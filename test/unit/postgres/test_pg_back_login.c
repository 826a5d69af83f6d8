/*
 * Logging in to servers: every method, errors, and servers that ask for too
 * much; whole and byte by byte.
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
#include "drive.h"

/* A drive whose server is still to be logged in to. */
static void
open_server(struct drive *d, enum drive_cut cut, struct credential cred,
	    const char *connect_query)
{
	drive_init(d, POOL_TRANSACTION, cut);
	d->has_client = false;
	d->policy.connect_query = connect_query;
	d->policy.timezone = "UTC";
	pg_back_ops.close(d->back);
	cred.user = "joe";
	d->back = pg_back_ops.open(&cred, "db", (struct startup_words){ 0 },
				   &d->policy);
	assert_non_null(d->back);
	drive_pump(d);
	assert_memory_equal(d->to_server.data,
			    "\0\0\0\53\0\3\0\0user\0joe\0database\0db\0"
			    "timezone\0UTC\0",
			    43);
	str_fini(&d->to_server);
}

/* An authentication request. */
static void
request(struct drive *d, uint32_t code, const void *data, size_t len)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'R');

	pg_put_u32(&s, code);
	str_add(&s, data, len);
	pg_put_end(&s, mark);
	drive_feed(d, &d->s_in, s.data, s.len);
	str_fini(&s);
}

/* The body of the message that was sent to the server. */
static const char *
sent(struct drive *d, size_t *len)
{
	assert_true(d->to_server.len >= PG_HEADER);
	assert_int_equal(d->to_server.data[0], 'p');
	*len = d->to_server.len - PG_HEADER;
	assert_int_equal(pg_get_u32((uint8_t *)d->to_server.data + 1),
			 *len + 4);
	return d->to_server.data + PG_HEADER;
}

static void
passwords_are_sent(void **state)
{
	static const char md5[] = "md551a7ed06a09e0cd3379f6bffdd0ac556";

	(void)state;
	for (unsigned cut = 0; cut < 2; cut++) {
		struct drive d;
		char want[PG_MD5_ROOM];
		const char *body;
		size_t len;

		open_server(&d, (enum drive_cut)cut,
			    (struct credential){ .secret = "pw" }, "");
		request(&d, 3, "", 0);
		body = sent(&d, &len);
		assert_int_equal(len, 3);
		assert_string_equal(body, "pw");
		drive_server(&d, "R:0|S:TimeZone:UTC|N:hi|K|Z:I");
		assert_string_equal(str_text(&d.log), "ready");
		assert_int_equal(pg_back_view(d.back)->remote_pid, 5);
		assert_string_equal(
			pg_params_find(pg_back_ops.facts(d.back), "timezone"),
			"UTC");
		drive_fini(&d);
		for (unsigned i = 0; i < 2; i++) {
			const char *secret = i == 0 ? "pw" : md5;

			open_server(&d, (enum drive_cut)cut,
				    (struct credential){ .secret = secret },
				    "");
			request(&d, 5, "salt", 4);
			assert_true(pg_md5_response(
				secret, "joe", (const uint8_t *)"salt", want));
			body = sent(&d, &len);
			assert_string_equal(body, want);
			drive_fini(&d);
		}
	}
}

static void
what_cannot_be_answered(void **state)
{
	static const char scram[] =
		"SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	static const struct row {
		const char *secret;
		uint32_t code;
		const char *data;
		size_t len;
	} rows[] = {
		{ scram, 3, "", 0 },
		{ scram, 5, "salt", 4 },
		{ scram, 10, "SCRAM-SHA-256\0", 15 },
		{ "pw", 10, "OTHER\0", 7 },
		{ "pw", 7, "", 0 },
		{ "pw", 9, "", 0 },
		{ "pw", 2, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const struct row *r = &rows[i / 2];
		struct drive d;

		open_server(&d, (enum drive_cut)(i % 2),
			    (struct credential){ .secret = r->secret }, "");
		request(&d, r->code, r->data, r->len);
		assert_memory_equal(str_text(&d.log),
				    "server:server_auth_method", 25);
		drive_fini(&d);
	}
}

static const uint8_t salt[16] = { 3 };
static const uint8_t nonce[SCRAM_NONCE_RAW] = { 4 };

/* The server's half of SCRAM up to the proof, which it judges into *reply. */
static void
server_scram(struct drive *d, const struct scram_verifier *v,
	     struct scram_message *reply, enum scram_status want)
{
	struct scram_server server;
	const char *body;
	size_t len;

	request(d, 10, "SCRAM-SHA-256\0", 15);
	body = sent(d, &len);
	assert_string_equal(body, "SCRAM-SHA-256");
	scram_server_begin(&server, v, nonce);
	assert_int_equal(
		scram_server_first(&server, body + 18, len - 18, reply),
		SCRAM_OK);
	str_fini(&d->to_server);
	request(d, 11, reply->text, reply->len);
	body = sent(d, &len);
	assert_int_equal(scram_server_final(&server, body, len, reply), want);
	scram_server_fini(&server);
}

/* The other side of SCRAM, with the auth layer's own server role. */
static void
scram_works(void **state)
{
	struct scram_verifier v;
	struct scram_keys keys;
	uint8_t salted[SCRAM_KEY_BYTES];

	(void)state;
	assert_true(scram_verifier_from_password(&v, "pw", salt, 16, 4096));
	assert_true(scram_salted_password("pw", salt, 16, 4096, salted));
	assert_true(scram_keys_derive(salted, &keys));
	for (unsigned i = 0; i < 8; i++) {
		struct credential cred = { .secret = "pw" };
		struct scram_message reply;
		struct drive d;
		bool is_wrong = i & 4;

		if (i & 2) {
			cred.secret = "";
			cred.client_key = keys.client_key;
			cred.server_key = keys.server_key;
		}
		open_server(&d, (enum drive_cut)(i & 1), cred, "");
		server_scram(&d, &v, &reply, SCRAM_OK);
		if (is_wrong)
			reply.text[5] ^= 1;
		request(&d, 12, reply.text, reply.len);
		drive_server(&d, "R:0|Z:I");
		if (is_wrong)
			assert_memory_equal(str_text(&d.log), "server:", 7);
		else
			assert_string_equal(str_text(&d.log), "ready");
		drive_fini(&d);
	}
}

/* One derivation for all logins with this password to this server. */
static void
keys_are_kept(void **state)
{
	static const struct row {
		const char *secret;
		uint8_t salt;
		unsigned jobs;
		enum scram_status status;
	} rows[] = {
		{ "pw", 3, 1, SCRAM_OK }, { "pw", 3, 0, SCRAM_OK },
		{ "pw", 4, 1, SCRAM_OK }, /* another server, or set anew */
		{ "pw", 3, 0, SCRAM_OK }, { "other", 3, 1, SCRAM_WRONG_PROOF },
		{ "pw", 4, 0, SCRAM_OK },
	};
	struct key_cache *keys = key_cache_new(100);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct credential cred = { .secret = rows[i].secret };
		uint8_t of_server[16] = { rows[i].salt };
		struct scram_verifier v;
		struct scram_message reply;
		struct drive d;

		assert_true(scram_verifier_from_password(&v, "pw", of_server,
							 16, 4096));
		open_server(&d, (enum drive_cut)(i & 1), cred, "");
		d.keys = keys;
		server_scram(&d, &v, &reply, rows[i].status);
		assert_int_equal(d.back_jobs, rows[i].jobs);
		drive_fini(&d);
	}
	key_cache_free(keys);
}

/* No signature, no trust; and no endless work. */
static void
servers_that_cheat(void **state)
{
	static const char *const scripts[] = { "R:0|Z:I", "R:3", "R:12", "Z:I",
					       "S:a:b" };
	struct drive d;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(scripts); i++) {
		open_server(&d, CUT_NONE, (struct credential){ .secret = "pw" },
			    "");
		request(&d, 10, "SCRAM-SHA-256\0", 15);
		drive_server(&d, scripts[i]);
		assert_memory_equal(str_text(&d.log), "server:", 7);
		drive_fini(&d);
	}
	open_server(&d, CUT_NONE, (struct credential){ .secret = "pw" }, "");
	request(&d, 10, "SCRAM-SHA-256\0", 15);
	{
		struct str s = { 0 };

		/* Its own nonce begins with the client's, at the end. */
		str_puts(&s, "r=");
		str_puts(&s,
			 strstr(d.to_server.data + PG_HEADER + 18, "r=") + 2);
		str_puts(&s, "x,s=c2FsdA==,i=2000000000");
		request(&d, 11, s.data, s.len);
		str_fini(&s);
	}
	assert_memory_equal(str_text(&d.log), "server:", 7);
	drive_fini(&d);
}

/* What a client said at its start is told, before what it left open is. */
static void
startup_words_are_said(void **state)
{
	static const struct row {
		const char *words;
		size_t len;
		const char *pairs;
		size_t pairs_len;
	} rows[] = {
#define ROW(w, p) { w, sizeof(w) - 1, p, sizeof(p) }
		ROW("", "timezone\0UTC\0application_name\0a\0"),
		ROW("geqo\0off\0",
		    "timezone\0UTC\0application_name\0a\0geqo\0off\0"),
		ROW("TimeZone\0CET\0", "application_name\0a\0TimeZone\0CET\0"),
		ROW("options\0-c timezone=CET\0application_name\0\0",
		    "options\0-c timezone=CET\0application_name\0\0"),
#undef ROW
	};
	struct credential cred = { .user = "joe", .secret = "pw" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *r = &rows[i];
		struct startup_words words = { r->words, r->len };
		struct drive d;

		drive_init(&d, POOL_SESSION, CUT_NONE);
		d.has_client = false;
		d.policy.timezone = "UTC";
		d.policy.application_name = "a";
		pg_back_ops.close(d.back);
		d.back = pg_back_ops.open(&cred, "db", words, &d.policy);
		drive_pump(&d);
		assert_int_equal(d.to_server.len, 29 + r->pairs_len);
		assert_memory_equal(d.to_server.data + 29, r->pairs,
				    r->pairs_len);
		drive_fini(&d);
	}
}

/* Only with words of a client's may they be what the server refuses. */
static void
refused_words_concern_who_said_them(void **state)
{
	static const struct row {
		const char *words;
		const char *script;
		const char *log;
	} rows[] = {
		{ "a", "R:0|E:FATAL:22023:no", "server:server_login_failed:3" },
		{ "a", "R:0|E:FATAL:42704:no", "server:server_login_failed:3" },
		{ "a", "R:0|E:FATAL:42501:no", "server:server_login_failed:3" },
		{ "a", "R:0|E:FATAL:55P02:no", "server:server_login_failed:3" },
		{ "a", "R:0|E:FATAL:28000:no", "server:server_login_failed:2" },
		{ "a", "R:0|E:FATAL:53300:no", "server:server_login_failed:1" },
		{ "a", "E:FATAL:22023:no", "server:server_login_failed:1" },
		{ "", "R:0|E:FATAL:22023:no", "server:server_login_failed:1" },
	};
	struct credential cred = { .user = "joe", .secret = "pw" };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const struct row *r = &rows[i / 2];
		struct startup_words words = { "a\0b",
					       r->words[0] == '\0' ? 0 : 4 };
		struct drive d;

		drive_init(&d, POOL_SESSION, (enum drive_cut)(i % 2));
		d.has_client = false;
		pg_back_ops.close(d.back);
		d.back = pg_back_ops.open(&cred, "db", words, &d.policy);
		drive_pump(&d);
		drive_server(&d, r->script);
		assert_string_equal(str_text(&d.log), r->log);
		drive_fini(&d);
	}
}

static void
errors_say_whom_they_concern(void **state)
{
	static const struct row {
		const char *script;
		const char *log;
	} rows[] = {
		{ "E:FATAL:28P01:no", "server:server_login_failed:2" },
		{ "E:FATAL:3D000:no", "server:server_login_failed:2" },
		{ "E:FATAL:53300:no", "server:server_login_failed:1" },
		{ "E:FATAL:57P03:no", "server:server_login_failed:1" },
		{ "R:0|N:x|E:FATAL:57P01:no", "server:server_login_failed:1" },
		{ "R:0|D:x", "server:server_protocol_violation:1" },
		{ "R:0|C:x", "server:server_protocol_violation:1" },
		{ "R:0|R:0", "server:server_protocol_violation:1" },
		{ "v|N:x|R:0|K|Z:I", "ready" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		const struct row *r = &rows[i / 2];
		struct drive d;

		open_server(&d, (enum drive_cut)(i % 2),
			    (struct credential){ .secret = "pw" }, "");
		drive_server(&d, r->script);
		assert_string_equal(str_text(&d.log), r->log);
		drive_fini(&d);
	}
}

static void
connect_query_runs_first(void **state)
{
	static const char *const answers[] = {
		"T|D:x|C:SELECT 1|S:TimeZone:CET|Z:I",
		"S:TimeZone:CET|E:ERROR:42601:bad|Z:I",
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct drive d;
		struct str server = { 0 };

		open_server(&d, (enum drive_cut)(i % 2),
			    (struct credential){ .secret = "pw" },
			    "select f()");
		drive_server(&d, "R:0|S:TimeZone:UTC|Z:I");
		assert_int_equal(d.log.len, 0);
		drive_show(&server, (uint8_t *)d.to_server.data,
			   d.to_server.len, false);
		assert_string_equal(str_text(&server), "Q:select f()");
		drive_server(&d, answers[i / 2]);
		assert_string_equal(str_text(&d.log), "ready");
		assert_string_equal(
			pg_params_find(pg_back_ops.facts(d.back), "TimeZone"),
			"CET");
		str_fini(&server);
		drive_fini(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_sent),
		cmocka_unit_test(what_cannot_be_answered),
		cmocka_unit_test(scram_works),
		cmocka_unit_test(keys_are_kept),
		cmocka_unit_test(servers_that_cheat),
		cmocka_unit_test(errors_say_whom_they_concern),
		cmocka_unit_test(startup_words_are_said),
		cmocka_unit_test(refused_words_concern_who_said_them),
		cmocka_unit_test(connect_query_runs_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
