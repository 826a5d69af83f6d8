/*
 * Logging in to servers: every plugin, errors, and servers that break off, ask
 * for too much, or are something else; whole and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/my_ed25519.h"
#include "auth/my_sha2.h"
#include "auth/rsa_key.h"
#include "mysql/my_back_login.h"
#include "mysql/my_state.h"
#include "visit.h"

#define SCRAMBLE "ABCDEFGHIJKLMNOPQRST"
#define OTHER_SCRAMBLE "abcdefghijklmnopqrst"
#define OK "\0\0\0\x02\0\0\0"
#define CLASS (MY_CLIENT_FOUND_ROWS | MY_CLIENT_MULTI_RESULTS)

struct hall {
	struct visit v;
	struct my_back b;
	uint8_t seq;
};

static struct order
back_step(struct visit *v, struct turn *t)
{
	return my_back_login_step(v->self, t);
}

/* Before the greeting. */
static void
hall_open(struct hall *h, enum visit_cut cut, struct credential cred,
	  uint32_t class_caps, uint32_t class_ext)
{
	uint8_t words[MY_CLASS_BYTES];

	memset(h, 0, sizeof(*h));
	visit_init(&h->v, &h->b, back_step, cut);
	my_class_put(words, class_caps, class_ext);
	cred.user = "joe";
	h->b.login = my_back_login_new(
		&cred, "db",
		(struct startup_words){ (const char *)words, sizeof(words) },
		&h->v.policy);
	assert_non_null(h->b.login);
	visit_pump(&h->v);
	assert_int_equal(h->v.sent.len, 0);
}

static void
hall_close(struct hall *h)
{
	my_back_login_free(h->b.login);
	my_facts_unref(h->b.facts);
	mem_free(h->b.error);
	visit_fini(&h->v);
}

static void
say(struct hall *h, const void *payload, size_t len)
{
	visit_packet(&h->v, h->seq++, payload, len);
}

static void
greet(struct hall *h, const char *plugin, uint32_t caps, uint32_t ext)
{
	struct my_greeting g = { .version = "8.4.3",
				 .plugin = plugin,
				 .thread_id = 0x01020304,
				 .caps = caps,
				 .ext = ext,
				 .collation = 255,
				 .status = 2 };
	struct str s = { 0 };

	memcpy(g.scramble, SCRAMBLE, MY_SCRAMBLE_BYTES);
	my_greeting_write(&s, &g);
	say(h, s.data, s.len);
	str_fini(&s);
}

/* What was sent next, for the server; its number must be the next one. */
static const uint8_t *
hear(struct hall *h, size_t *len)
{
	uint8_t seq;
	const uint8_t *p = visit_next(&h->v, len, &seq);

	if (p != NULL)
		assert_int_equal(seq, h->seq++);
	return p;
}

/* The response to the greeting. */
static struct my_handshake
hear_response(struct hall *h, uint8_t **copy)
{
	struct my_handshake r;
	size_t len;
	const uint8_t *p = hear(h, &len);

	assert_non_null(p);
	*copy = mem_zalloc(len + 1);
	memcpy(*copy, p, len);
	assert_int_equal(my_handshake_read(&r, *copy, len, MY_UNDER_TLS),
			 MY_HANDSHAKE_LOGIN);
	return r;
}

static void
ask_switch(struct hall *h, const char *plugin, const void *data, size_t len)
{
	struct my_switch w = { .plugin = plugin, .data = data, .len = len };
	struct str s = { 0 };

	my_switch_write(&s, &w);
	say(h, s.data, s.len);
	str_fini(&s);
}

static void
expect_proof(const char *plugin, const char *scramble, const uint8_t *p,
	     size_t len)
{
	uint8_t stage1[MY_SHA2_BYTES], right[MY_SHA2_BYTES];

	if (strcmp(plugin, MY_SHA2_PLUGIN) == 0) {
		assert_int_equal(len, MY_SHA2_BYTES);
		assert_true(my_sha2_stage1("secret", stage1));
		assert_true(my_sha2_respond(stage1, (const uint8_t *)scramble,
					    right));
	} else {
		assert_int_equal(len, MY_NATIVE_BYTES);
		assert_true(my_native_stage1("secret", stage1));
		assert_true(my_native_respond(stage1, (const uint8_t *)scramble,
					      right));
	}
	assert_memory_equal(p, right, len);
}

/* What the two SETs tell: with a login's own, and a name that a value of NULs
 * cannot have. */
#define TOLD                                                                   \
	"\0\0\0\x02\x40\0\0\0\x18"                                             \
	"\0\x0d\x08"                                                           \
	"sql_mode\3abc"                                                        \
	"\2\1"                                                                 \
	"1"                                                                    \
	"\0\4\1"                                                               \
	"x\1\0"

/* The two commands that follow an OK, in one write; then the first's answer. */
static void
hear_set_up(struct hall *h, const char *payload, size_t payload_len)
{
	const char *trackers = (h->b.caps & MY_CLIENT_DEPRECATE_EOF) != 0
				       ? MY_STATE_TRACKERS
				       : MY_STATE_TRACKERS_BLIND;
	size_t len;
	const uint8_t *p;

	h->seq = 0;
	p = hear(h, &len);
	assert_non_null(p);
	assert_int_equal(len, strlen(trackers) + 1);
	assert_int_equal(p[0], 3);
	assert_memory_equal(p + 1, trackers, len - 1);
	h->seq = 0;
	p = hear(h, &len);
	assert_non_null(p);
	assert_memory_equal(p, "\3SET @@session.autocommit=", 26);
	assert_null(hear(h, &len));
	say(h, payload, payload_len);
	h->seq = 1;
}

/* OK, the SETs, and their OKs. */
static void
finish(struct hall *h)
{
	say(h, OK, sizeof(OK) - 1);
	hear_set_up(h, TOLD, sizeof(TOLD) - 1);
	assert_string_equal(str_text(&h->v.log), "");
	say(h, OK, sizeof(OK) - 1);
}

#define ALL_CAPS (0xdfffffffu)

/* By the plugin that the greeting names, and by one that is asked for then;
 * with the password, and with what a client proved. */
static void
test_plugins(void **state)
{
	static const struct {
		bool with_keys;
		uint8_t keys_for;
		const char *greeted, *began, *switched;
	} rows[] = {
		{ false, 0, MY_NATIVE_PLUGIN, MY_NATIVE_PLUGIN, NULL },
		{ false, 0, MY_SHA2_PLUGIN, MY_SHA2_PLUGIN, NULL },
		{ false, 0, "unknown", MY_NATIVE_PLUGIN, NULL },
		{ false, 0, "", MY_NATIVE_PLUGIN, NULL },
		{ false, 0, MY_SHA2_PLUGIN, MY_SHA2_PLUGIN, MY_NATIVE_PLUGIN },
		{ false, 0, MY_NATIVE_PLUGIN, MY_NATIVE_PLUGIN,
		  MY_SHA2_PLUGIN },
		{ false, 0, MY_NATIVE_PLUGIN, MY_NATIVE_PLUGIN,
		  MY_NATIVE_PLUGIN },
		{ true, 1, MY_NATIVE_PLUGIN, MY_NATIVE_PLUGIN, NULL },
		{ true, 1, MY_SHA2_PLUGIN, MY_NATIVE_PLUGIN, NULL },
		{ true, 1, MY_SHA2_PLUGIN, MY_NATIVE_PLUGIN, MY_NATIVE_PLUGIN },
		{ true, 2, MY_NATIVE_PLUGIN, MY_SHA2_PLUGIN, NULL },
		{ true, 2, MY_SHA2_PLUGIN, MY_SHA2_PLUGIN, MY_SHA2_PLUGIN },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		uint8_t client_key[32] = { 0 }, server_key[32] = { 0 };
		struct credential cred = { .secret = "secret" };
		size_t n = i / 2, len;
		struct my_handshake r;
		struct hall h;
		uint8_t *copy;
		const uint8_t *p;

		if (rows[n].with_keys) {
			cred.secret = "*AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				      "AAA";
			cred.client_key = client_key;
			cred.server_key = server_key;
			server_key[0] = rows[n].keys_for;
			if (server_key[0] == 1)
				assert_true(
					my_native_stage1("secret", client_key));
			else
				assert_true(
					my_sha2_stage1("secret", client_key));
		}
		hall_open(&h, (enum visit_cut)(i % 2), cred, CLASS, 0);
		greet(&h, rows[n].greeted, ALL_CAPS, 0);
		r = hear_response(&h, &copy);
		assert_string_equal(r.user, "joe");
		assert_string_equal(r.database, "db");
		assert_string_equal(r.plugin, rows[n].began);
		assert_int_equal(r.collation, MY_LOGIN_COLLATION);
		assert_int_equal(r.program_len, 7);
		expect_proof(rows[n].began, SCRAMBLE, r.auth, r.auth_len);
		mem_free(copy);
		if (rows[n].switched != NULL) {
			ask_switch(&h, rows[n].switched, OTHER_SCRAMBLE, 20);
			p = hear(&h, &len);
			assert_non_null(p);
			expect_proof(rows[n].switched, OTHER_SCRAMBLE, p, len);
			if (rows[n].switched[0] == 'c')
				say(&h, "\x01\x03", 2);
		}
		finish(&h);
		assert_string_equal(str_text(&h.v.log), "ready");
		assert_null(h.b.login);
		hall_close(&h);
	}
}

/* What the server said of itself, and what was agreed on. */
static void
test_facts(void **state)
{
	static const struct {
		uint32_t caps, ext, class_caps, class_ext;
		const char *log;
		uint32_t got_ext;
	} rows[] = {
		{ ALL_CAPS, 0xff, CLASS, 0, "ready", 0 },
		{ ALL_CAPS, 0xff, MY_CLIENT_DEPRECATE_EOF, 0, "ready", 0 },
		{ ALL_CAPS & ~1u, 0x1d, CLASS, MY_MARIADB_EXTENDED_METADATA,
		  "ready", 0x0c },
		{ ALL_CAPS & ~1u, 0x1d, CLASS, 0, "ready", 0x04 },
		{ ALL_CAPS & ~1u, 0x15, CLASS, MY_MARIADB_EXTENDED_METADATA,
		  "startup:server_protocol_violation (the server lacks a "
		  "capability that its clients were offered)",
		  0 },
		{ ALL_CAPS & ~MY_CLIENT_DEPRECATE_EOF, 0,
		  MY_CLIENT_DEPRECATE_EOF, 0,
		  "startup:server_protocol_violation (the server lacks a "
		  "capability that its clients were offered)",
		  0 },
		{ ALL_CAPS & ~MY_CLIENT_PROTOCOL_41, 0, CLASS, 0,
		  "pool:server_protocol_violation (the server is older than "
		  "MySQL 4.1)",
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct my_facts_words *w;
		struct my_handshake r;
		struct hall h;
		uint8_t *copy;

		hall_open(&h, CUT_NONE, (struct credential){ .secret = "x" },
			  rows[i].class_caps, rows[i].class_ext);
		greet(&h, MY_SHA2_PLUGIN, rows[i].caps, rows[i].ext);
		if (strcmp(rows[i].log, "ready") != 0) {
			assert_string_equal(str_text(&h.v.log), rows[i].log);
			hall_close(&h);
			continue;
		}
		r = hear_response(&h, &copy);
		assert_int_equal(r.caps & MY_CAPS_NEVER, 0);
		assert_int_equal(r.caps & MY_CAPS_CLASS, rows[i].class_caps);
		assert_int_equal(r.caps, h.b.caps);
		assert_int_equal(r.ext, rows[i].got_ext);
		assert_int_equal(h.b.ext, rows[i].got_ext);
		mem_free(copy);
		finish(&h);
		assert_string_equal(str_text(&h.v.log), rows[i].log);
		assert_int_equal(h.b.thread_id, 0x01020304);
		assert_int_equal(h.b.view.remote_pid, 0x01020304);
		w = my_facts_words(h.b.facts);
		assert_string_equal(w->version, "8.4.3");
		assert_string_equal(w->schema, "db");
		assert_int_equal(w->caps, rows[i].caps);
		assert_int_equal(w->ext, rows[i].caps & 1 ? 0 : rows[i].ext);
		assert_int_equal(w->collation, 255);
		assert_int_equal(w->status, 2);
		assert_true(w->is_sha2);
		assert_true(w->is_tracked);
		assert_int_equal(w->variables_len, 13);
		assert_memory_equal(w->variables, "sql_mode\0abc\0", 13);
		hall_close(&h);
	}
}

/* The password itself: over a unix socket or TLS as it is, else for the key
 * that the server shows. */
static void
test_full(void **state)
{
	struct rsa_key *key = rsa_key_new(NULL);
	struct str pem = { 0 };

	(void)state;
	assert_true(rsa_key_prepare(key));
	my_put_u8(&pem, MY_MORE_BYTE);
	str_puts(&pem, rsa_key_public(key));
	for (unsigned i = 0; i < 6; i++) {
		uint8_t out[RSA_PASSWORD_MAX];
		struct hall h;
		uint8_t *copy;
		const uint8_t *p;
		size_t len;

		hall_open(&h, (enum visit_cut)(i % 2),
			  (struct credential){ .secret = "secret" }, CLASS, 0);
		h.v.stream.is_unix = i / 2 == 1;
		h.v.stream.is_tls = i / 2 == 2;
		greet(&h, MY_SHA2_PLUGIN, ALL_CAPS, 0);
		(void)hear_response(&h, &copy);
		mem_free(copy);
		say(&h, "\x01\x04", 2);
		p = hear(&h, &len);
		assert_non_null(p);
		if (i / 2 > 0) {
			assert_int_equal(len, 7);
			assert_memory_equal(p, "secret\0", 7);
		} else {
			assert_int_equal(len, 1);
			assert_int_equal(p[0], MY_SHA2_ASK_KEY);
			say(&h, pem.data, pem.len);
			assert_int_equal(h.v.jobs, 1);
			p = hear(&h, &len);
			assert_non_null(p);
			assert_true(rsa_key_decrypt(key, p, len, out, &len));
			my_sha2_mask(out, len, (const uint8_t *)SCRAMBLE);
			assert_int_equal(len, 7);
			assert_memory_equal(out, "secret\0", 7);
		}
		finish(&h);
		assert_string_equal(str_text(&h.v.log), "ready");
		hall_close(&h);
	}
	str_fini(&pem);
	rsa_key_free(key);
}

static void
test_ed25519(void **state)
{
	/* It may end with a NUL of its own. */
	static const uint8_t scramble[MY_ED25519_SCRAMBLE] = "0123456789";

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint8_t right[MY_ED25519_BYTES];
		struct hall h;
		uint8_t *copy;
		const uint8_t *p;
		size_t len;

		hall_open(&h, (enum visit_cut)i,
			  (struct credential){ .secret = "secret" }, CLASS, 0);
		greet(&h, MY_NATIVE_PLUGIN, ALL_CAPS & ~1u, 0x1d);
		(void)hear_response(&h, &copy);
		mem_free(copy);
		ask_switch(&h, MY_ED25519_PLUGIN, scramble, sizeof(scramble));
		p = hear(&h, &len);
		assert_non_null(p);
		assert_int_equal(len, MY_ED25519_BYTES);
		assert_true(my_ed25519_respond("secret", scramble, right));
		assert_memory_equal(p, right, len);
		finish(&h);
		assert_string_equal(str_text(&h.v.log), "ready");
		hall_close(&h);
	}
}

#define NATIVE_ONLY "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"

/* Proofs that are not to be had, or not to be shown: nothing is sent, and all
 * who wait for the pool hear why. */
static void
test_impossible(void **state)
{
	static const struct {
		const char *secret;
		uint8_t keys_for;
		const char *plugin; /* that is asked for; NULL: at once */
		const char *log;
	} rows[] = {
		{ NATIVE_ONLY, 0, NULL, "the server wants mysql_native" },
		{ "md57474753e4b2f9e23953d5977773aabb0", 0, NULL,
		  "the server wants mysql_native" },
		{ NATIVE_ONLY, 1, MY_SHA2_PLUGIN,
		  "the server wants caching_sha2_password" },
		{ NATIVE_ONLY, 2, MY_NATIVE_PLUGIN,
		  "the server wants mysql_native_password" },
		{ NATIVE_ONLY, 1, MY_ED25519_PLUGIN,
		  "the server wants client_ed25519" },
		{ "secret", 0, "mysql_clear_password",
		  "the server wants mysql_clear_password, but the connection "
		  "is not encrypted" },
		{ "secret", 0, "dialog",
		  "the server wants the authentication plugin dialog, which" },
		{ "secret", 0, "a\nb", "plugin a?b, which" },
		{ "secret", 0, "parsec", "plugin parsec, which" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		uint8_t client_key[32] = { 1 }, server_key[32] = { 0 };
		struct credential cred = { .secret = rows[i / 2].secret };
		struct hall h;
		uint8_t *copy;
		size_t len;

		server_key[0] = rows[i / 2].keys_for;
		if (server_key[0] != 0) {
			cred.client_key = client_key;
			cred.server_key = server_key;
		}
		hall_open(&h, (enum visit_cut)(i % 2), cred, CLASS, 0);
		greet(&h, MY_NATIVE_PLUGIN, ALL_CAPS, 0);
		if (rows[i / 2].plugin != NULL) {
			(void)hear_response(&h, &copy);
			mem_free(copy);
			ask_switch(&h, rows[i / 2].plugin,
				   SCRAMBLE OTHER_SCRAMBLE, 40);
		}
		assert_null(hear(&h, &len));
		assert_memory_equal(str_text(&h.v.log),
				    "pool:server_auth_method (", 25);
		assert_non_null(strstr(str_text(&h.v.log), rows[i / 2].log));
		hall_close(&h);
	}
}

/* A hash that a client proved does not do where the password is wanted. */
static void
test_full_needs_password(void **state)
{
	uint8_t client_key[32] = { 1 }, server_key[32] = { 2 };
	struct credential cred = { .secret = "$A$", .client_key = client_key };
	struct hall h;
	uint8_t *copy;

	(void)state;
	cred.secret = NATIVE_ONLY;
	cred.server_key = server_key;
	hall_open(&h, CUT_NONE, cred, CLASS, 0);
	h.v.stream.is_unix = true;
	greet(&h, MY_SHA2_PLUGIN, ALL_CAPS, 0);
	(void)hear_response(&h, &copy);
	mem_free(copy);
	say(&h, "\x01\x04", 2);
	assert_non_null(strstr(str_text(&h.v.log),
			       "the server wants the password itself"));
	hall_close(&h);
}

/* An account without a password. */
static void
test_no_password(void **state)
{
	struct my_handshake r;
	struct hall h;
	uint8_t *copy;
	size_t len;

	(void)state;
	hall_open(&h, CUT_NONE, (struct credential){ .secret = "" }, CLASS, 0);
	greet(&h, MY_SHA2_PLUGIN, ALL_CAPS, 0);
	r = hear_response(&h, &copy);
	assert_int_equal(r.auth_len, 0);
	mem_free(copy);
	ask_switch(&h, MY_NATIVE_PLUGIN, SCRAMBLE, 20);
	assert_non_null(hear(&h, &len));
	assert_int_equal(len, 0);
	finish(&h);
	assert_string_equal(str_text(&h.v.log), "ready");
	hall_close(&h);
}

/* Where an error ends the login, and whom it concerns. */
static void
test_errors(void **state)
{
	static const struct {
		const char *payload;
		size_t len;
		const char *log;
	} rows[] = {
#define ROW(payload, log) { payload, sizeof(payload) - 1, log }
		ROW("\xff\x15\x04#28000Access denied",
		    "pool:server_login_failed"),
		ROW("\xff\x14\x04#42000Access denied",
		    "pool:server_login_failed"),
		ROW("\xff\x19\x04#42000Unknown database",
		    "pool:server_login_failed"),
		ROW("\xff\xa2\x06#28000Access denied",
		    "pool:server_login_failed"),
		ROW("\xff\x37\x10#HY000locked", "pool:server_login_failed"),
		ROW("\xff\x6a\x04Host is not allowed",
		    "pool:server_login_failed"),
		ROW("\xff\x10\x04Too many connections",
		    "connection:server_login_failed"),
		ROW("\xff\x1d\x04#08S01Server shutdown in progress",
		    "connection:server_login_failed"),
		ROW("\xff\xca\x04#42000too many of this user",
		    "connection:server_login_failed"),
		ROW("\xff", "connection:server_protocol_violation (the server "
			    "broke the protocol during login)"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < 4 * COUNT_OF(rows); i++) {
		bool is_greeted = i % 4 >= 2;
		struct hall h;
		uint8_t *copy;

		hall_open(&h, (enum visit_cut)(i % 2),
			  (struct credential){ .secret = "x" }, CLASS, 0);
		if (is_greeted) {
			greet(&h, MY_NATIVE_PLUGIN, ALL_CAPS, 0);
			(void)hear_response(&h, &copy);
			mem_free(copy);
		}
		say(&h, rows[i / 4].payload, rows[i / 4].len);
		assert_string_equal(str_text(&h.v.log), rows[i / 4].log);
		if (rows[i / 4].len > 1) {
			assert_int_equal(h.b.error_len, rows[i / 4].len);
			assert_memory_equal(h.b.error, rows[i / 4].payload,
					    rows[i / 4].len);
		}
		hall_close(&h);
	}
}

/* What is not MySQL, or not at its turn. */
static void
test_broken(void **state)
{
	static const struct {
		const char *plugin; /* greeted; NULL = not */
		const char *payload;
		size_t len;
	} rows[] = {
#define ROW(plugin, payload) { plugin, payload, sizeof(payload) - 1 }
		ROW(NULL, ""),
		ROW(NULL, "\x09too old"),
		ROW(NULL, "\x0a"),
		ROW(NULL, "\x0a"
			  "8.4.3\0abcd"),
		ROW(NULL, "R\0\0\0"),
		ROW(MY_NATIVE_PLUGIN, ""),
		ROW(MY_NATIVE_PLUGIN, "\0"),
		ROW(MY_NATIVE_PLUGIN, "\0\0\0\x02"),
		ROW(MY_NATIVE_PLUGIN, "\x01\x03"),
		ROW(MY_NATIVE_PLUGIN, "\x05"),
		ROW(MY_NATIVE_PLUGIN, "\xfemysql_native_password"),
		ROW(MY_NATIVE_PLUGIN, "\xfemysql_native_password\0too short"),
		ROW(MY_NATIVE_PLUGIN, "\xfe"
				      "client_ed25519\0too short"),
		ROW(MY_NATIVE_PLUGIN, "\xfb/etc/passwd"),
		ROW(MY_SHA2_PLUGIN, "\x01"),
		ROW(MY_SHA2_PLUGIN, "\x01\x05"),
		ROW(MY_SHA2_PLUGIN, "\x01\x04\x04"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		struct hall h;
		uint8_t *copy;

		hall_open(&h, (enum visit_cut)(i % 2),
			  (struct credential){ .secret = "x" }, CLASS, 0);
		if (rows[i / 2].plugin != NULL) {
			greet(&h, rows[i / 2].plugin, ALL_CAPS, 0);
			(void)hear_response(&h, &copy);
			mem_free(copy);
		}
		say(&h, rows[i / 2].payload, rows[i / 2].len);
		assert_memory_equal(str_text(&h.v.log),
				    "connection:server_protocol_violation (",
				    38);
		hall_close(&h);
	}
	/* A Postgres server's error, or anything that long. */
	{
		struct hall h;

		hall_open(&h, CUT_BYTES, (struct credential){ .secret = "x" },
			  CLASS, 0);
		visit_feed(&h.v, "HTTP/1.1 400 Bad Request", 24);
		assert_memory_equal(str_text(&h.v.log),
				    "connection:server_protocol_violation (",
				    38);
		hall_close(&h);
	}
}

/* Keys that are none, and a server that gives up meanwhile. */
static void
test_bad_keys(void **state)
{
	static const struct {
		const char *payload;
		size_t len;
		const char *log;
	} rows[] = {
#define ROW(payload, log) { payload, sizeof(payload) - 1, log }
		ROW("\x01no key", "connection:server_auth_method (the "
				  "server's public key is of no use)"),
		ROW("\x01", "connection:server_auth_method (the server's "
			    "public key is of no use)"),
		ROW("\0\0\0\x02\0\0\0",
		    "connection:server_protocol_violation (the server broke "
		    "the protocol during login)"),
		ROW("\xfemysql_native_password\0" SCRAMBLE,
		    "connection:server_protocol_violation (the server broke "
		    "the protocol during login)"),
		ROW("\xff\x15\x04#28000No", "pool:server_login_failed"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hall h;
		uint8_t *copy;
		size_t len;

		hall_open(&h, CUT_NONE, (struct credential){ .secret = "x" },
			  CLASS, 0);
		greet(&h, MY_SHA2_PLUGIN, ALL_CAPS, 0);
		(void)hear_response(&h, &copy);
		mem_free(copy);
		say(&h, "\x01\x04", 2);
		assert_non_null(hear(&h, &len));
		say(&h, rows[i].payload, rows[i].len);
		assert_string_equal(str_text(&h.v.log), rows[i].log);
		hall_close(&h);
	}
}

#define ERR "\xff\xc9\x04#HY000Unknown system variable"

/* A server without trackers serves, and says so; the connect_query's results
 * are for nobody, and it need not succeed. */
static void
test_after_login(void **state)
{
	static const struct {
		bool has_trackers, has_eof;
		const char *payloads[6]; /* of the connect_query's answer */
		size_t lens[6];
	} rows[] = {
		{ true, true, { OK }, { 7 } },
		{ false, true, { ERR }, { sizeof(ERR) - 1 } },
		{ true,
		  true,
		  { "\1", "\3def", "\xfe\0\0\2\0", "\1x", "\xfe\0\0\2\0" },
		  { 1, 4, 5, 2, 5 } },
		{ true,
		  false,
		  { "\1", "\3def", "\1x", "\xfe\0\0\x0a\0\0\0", OK },
		  { 1, 4, 2, 7, 7 } },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		size_t n = i / 2, len;
		struct my_handshake r;
		struct hall h;
		uint8_t *copy;
		const uint8_t *p;

		memset(&h, 0, sizeof(h));
		visit_init(&h.v, &h.b, back_step, (enum visit_cut)(i % 2));
		h.v.policy.connect_query = "SELECT 1; SELECT 2";
		h.b.login = my_back_login_new(
			&(struct credential){ .user = "joe", .secret = "" }, "",
			(struct startup_words){ 0 }, &h.v.policy);
		greet(&h, MY_NATIVE_PLUGIN,
		      rows[n].has_eof ? ALL_CAPS & ~MY_CLIENT_DEPRECATE_EOF
				      : ALL_CAPS,
		      0);
		r = hear_response(&h, &copy);
		assert_int_equal(r.caps & MY_CAPS_CLASS, 0);
		assert_string_equal(r.database, "");
		mem_free(copy);
		/* The class is without it, so it is asked for here. */
		if (!rows[n].has_eof)
			h.b.caps |= MY_CLIENT_DEPRECATE_EOF;
		say(&h, OK, 7);
		if (rows[n].has_trackers)
			hear_set_up(&h, OK, 7);
		else
			hear_set_up(&h, ERR, sizeof(ERR) - 1);
		if (rows[n].has_trackers)
			say(&h, OK, 7);
		else
			say(&h, ERR, sizeof(ERR) - 1);
		h.seq = 0;
		p = hear(&h, &len);
		assert_non_null(p);
		assert_int_equal(len, 19);
		assert_memory_equal(p, "\3SELECT 1; SELECT 2", 19);
		for (size_t k = 0; k < 6 && rows[n].lens[k] > 0; k++) {
			assert_string_equal(str_text(&h.v.log), "");
			say(&h, rows[n].payloads[k], rows[n].lens[k]);
		}
		assert_string_equal(str_text(&h.v.log), "ready");
		assert_int_equal(my_facts_words(h.b.facts)->is_tracked,
				 rows[n].has_trackers);
		assert_int_equal(h.v.in.len, 0);
		assert_null(h.b.error);
		hall_close(&h);
	}
}

/* The login's OK has the schema in the server's own letters; what is malformed
 * there is no login. */
static void
test_login_ok(void **state)
{
	static const char with_schema[] = "\0\0\0\x02\x40\0\0\0\x05\x01\x03\x02"
					  "DB";
	static const char cut[] = "\0\0\0\x02\x40\0\0\0\x05\x01\x03\x03"
				  "DB";

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct hall h;
		uint8_t *copy;

		hall_open(&h, CUT_BYTES, (struct credential){ .secret = "x" },
			  CLASS, 0);
		greet(&h, MY_NATIVE_PLUGIN, ALL_CAPS, 0);
		(void)hear_response(&h, &copy);
		mem_free(copy);
		say(&h, i == 0 ? with_schema : cut, sizeof(cut) - 1);
		if (i == 0) {
			hear_set_up(&h, OK, 7);
			say(&h, OK, 7);
			assert_string_equal(str_text(&h.v.log), "ready");
			assert_string_equal(my_facts_words(h.b.facts)->schema,
					    "DB");
			assert_int_equal(my_facts_words(h.b.facts)->status, 2);
		} else {
			assert_memory_equal(str_text(&h.v.log),
					    "connection:", 11);
		}
		hall_close(&h);
	}
}

/* A long row is dropped as it comes, nowhere kept. */
static void
test_long_row(void **state)
{
	const char row[1000] = { 1 };
	struct hall h;
	uint8_t *copy;
	size_t len;

	(void)state;
	memset(&h, 0, sizeof(h));
	visit_init(&h.v, &h.b, back_step, CUT_NONE);
	h.v.policy.connect_query = "SELECT 1";
	h.b.login = my_back_login_new(
		&(struct credential){ .user = "joe", .secret = "" }, "",
		(struct startup_words){ 0 }, &h.v.policy);
	greet(&h, MY_NATIVE_PLUGIN, ALL_CAPS, 0);
	(void)hear_response(&h, &copy);
	mem_free(copy);
	say(&h, OK, 7);
	hear_set_up(&h, OK, 7);
	say(&h, OK, 7);
	h.seq = 0;
	assert_non_null(hear(&h, &len));
	say(&h, "\1", 1);
	say(&h, "\3def", 4);
	say(&h, "\xfe\0\0\2\0", 5);
	visit_feed(&h.v, "\0\0\x40\4", 4); /* 4 MiB */
	for (size_t i = 0; i < 0x400000; i += sizeof(row)) {
		size_t n =
			0x400000 - i < sizeof(row) ? 0x400000 - i : sizeof(row);

		visit_feed(&h.v, row, n);
		assert_true(h.v.in.len < 64);
	}
	h.seq = 5;
	say(&h, "\xfe\0\0\2\0", 5);
	assert_string_equal(str_text(&h.v.log), "ready");
	hall_close(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_ed25519),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_full_needs_password),
		cmocka_unit_test(test_no_password),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_after_login),
		cmocka_unit_test(test_login_ok),
		cmocka_unit_test(test_long_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
