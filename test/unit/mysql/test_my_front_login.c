/*
 * Clients' logins: every kind of secret by every plugin, known and unknown
 * users, and responses that are none; whole and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/key_cache.h"
#include "auth/my_sha2.h"
#include "auth/rsa_key.h"
#include "mysql/my_front_login.h"
#include "visit.h"

#define NATIVE_SECRET "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
/* Both "password" and "testpassword123" are in clear below where they are
 * used: hashes of the two. */
#define SHA2_SECRET                                                            \
	"0x24412430303524393D02673221785B414A4E5F02073711301659116B446B767533" \
	"45617A4D7530635548526D3678746F6B75564835553334346932572E332F704C4856" \
	"477131"
#define SHA2_PASSWORD "testpassword123"
#define MD5_SECRET "md57474753e4b2f9e23953d5977773aabb0"

static const struct my_facts_words maria = {
	.version = "5.5.5-10.11.19-MariaDB-0+deb12u1",
	.schema = "app",
	.caps = 0x81fff7fe,
	.ext = 0x1d,
	.collation = 8,
	.status = 2,
};

static const struct my_facts_words mysql = {
	.version = "8.4.3",
	.schema = "app",
	.caps = 0xdfffffff,
	.collation = 255,
	.status = 2,
	.is_sha2 = true,
};

#define CAPS                                                                   \
	(MY_CLIENT_PROTOCOL_41 | MY_CLIENT_SECURE_CONNECTION |                 \
	 MY_CLIENT_PLUGIN_AUTH | MY_CLIENT_LENENC_AUTH |                       \
	 MY_CLIENT_CONNECT_WITH_DB | MY_CLIENT_MULTI_RESULTS |                 \
	 MY_CLIENT_DEPRECATE_EOF | MY_CLIENT_SESSION_TRACK)

/* One client and its way to log in. */
struct client {
	const char *plugin;
	const char *password; /* "" = none */
	uint32_t caps;        /* 0 = CAPS */
	const char *database; /* NULL = "db" */
	bool asks_for_key;    /* though it need not */
};

struct hall {
	struct visit v;
	struct my_front f;
	struct client c;
	const struct my_facts *facts; /* owns */
	const uint8_t *greeting;      /* borrows */
	size_t greeting_len;
	uint8_t scramble[MY_SCRAMBLE_BYTES];
	uint8_t seq;
	bool is_change;   /* it is logged in */
	struct str heard; /* what the server said, kinds of packets */
	char pem[RSA_PEM_MAX];
};

static struct order
front_step(struct visit *v, struct turn *t)
{
	return my_front_login_step(v->self, t);
}

static void
hall_open(struct hall *h, enum visit_cut cut,
	  const struct my_facts_words *words)
{
	memset(h, 0, sizeof(*h));
	visit_init(&h->v, &h->f, front_step, cut);
	h->facts = my_facts_new(words);
	h->v.common = h->facts;
	h->v.own = h->facts;
	h->f.login = my_front_login_new();
	h->v.verify.method = AUTH_SCRAM;
	assert_non_null(h->f.login);
}

static void
hall_close(struct hall *h)
{
	my_front_login_free(h->f.login);
	my_facts_unref(h->facts);
	str_fini(&h->heard);
	visit_fini(&h->v);
}

static void
say(struct hall *h, const void *payload, size_t len)
{
	visit_packet(&h->v, h->seq++, payload, len);
}

/* A plugin's answer to a scramble. */
static size_t
prove(const char *plugin, const char *password, const uint8_t *scramble,
      uint8_t out[MY_SHA2_BYTES])
{
	uint8_t stage1[MY_SHA2_BYTES];

	if (password[0] == '\0')
		return 0;
	if (strcmp(plugin, MY_SHA2_PLUGIN) == 0) {
		assert_true(my_sha2_stage1(password, stage1));
		assert_true(my_sha2_respond(stage1, scramble, out));
		return MY_SHA2_BYTES;
	}
	assert_true(my_native_stage1(password, stage1));
	assert_true(my_native_respond(stage1, scramble, out));
	return MY_NATIVE_BYTES;
}

static void
respond(struct hall *h)
{
	uint8_t proof[MY_SHA2_BYTES];
	struct my_handshake w = {
		.user = "joe",
		.database = h->c.database == NULL ? "db" : h->c.database,
		.plugin = h->c.plugin,
		.auth = proof,
		.caps = h->c.caps == 0 ? CAPS : h->c.caps,
		.ext = 0xffffffff,
		.collation = 224,
	};
	struct str s = { 0 };

	w.auth_len = prove(h->c.plugin, h->c.password, h->scramble, proof);
	my_handshake_write(&s, &w);
	say(h, s.data, s.len);
	str_fini(&s);
}

static void
send_password(struct hall *h, bool with_rsa)
{
	uint8_t text[RSA_PASSWORD_MAX] = { 0 }, cipher[RSA_CIPHER_MAX];
	size_t len = strlen(h->c.password) + 1, n;

	memcpy(text, h->c.password, len);
	if (!with_rsa) {
		say(h, text, len);
		return;
	}
	my_sha2_mask(text, len, h->scramble);
	assert_true(
		rsa_encrypt_for(h->pem, strlen(h->pem), text, len, cipher, &n));
	say(h, cipher, n);
}

static void
on_more(struct hall *h, const uint8_t *p, size_t len)
{
	static const uint8_t ask = MY_SHA2_ASK_KEY;
	bool is_safe = h->v.stream.is_unix && !h->c.asks_for_key;

	if (len == 2 && p[1] == MY_SHA2_FAST_OK) {
		str_puts(&h->heard, " fast");
		return;
	}
	if (len == 2) {
		assert_int_equal(p[1], MY_SHA2_FULL);
		str_puts(&h->heard, " full");
		if (is_safe)
			send_password(h, false);
		else
			say(h, &ask, 1);
		return;
	}
	str_puts(&h->heard, " key");
	assert_true(len - 1 < sizeof(h->pem));
	memcpy(h->pem, p + 1, len - 1);
	h->pem[len - 1] = '\0';
	send_password(h, true);
}

static void
on_switch(struct hall *h, const uint8_t *p, size_t len)
{
	uint8_t proof[MY_SHA2_BYTES];
	struct my_switch s;

	assert_true(my_switch_read(&s, p, len));
	assert_int_equal(s.len, MY_SCRAMBLE_BYTES + 1);
	/* At a login never the one that was answered before; afterwards always
	 * it, since some clients have no other in mind. */
	assert_int_equal(memcmp(h->scramble, s.data, MY_SCRAMBLE_BYTES) == 0,
			 h->is_change);
	memcpy(h->scramble, s.data, MY_SCRAMBLE_BYTES);
	str_printf(&h->heard, " %s", s.plugin);
	len = prove(s.plugin, h->c.password, h->scramble, proof);
	say(h, proof, len);
}

static void
on_greeting(struct hall *h, const uint8_t *p, size_t len)
{
	struct my_greeting g;

	assert_true(my_greeting_read(&g, p, len));
	assert_string_equal(g.version, my_facts_words(h->facts)->version);
	assert_int_equal(g.thread_id, 0x8000002a);
	memcpy(h->scramble, g.scramble, sizeof(h->scramble));
	respond(h);
}

/* Says what a client says, until nothing more comes. */
static void
converse(struct hall *h, struct client c)
{
	const uint8_t *p;
	uint8_t seq;
	size_t len;

	h->c = c;
	h->seq = 0;
	str_puts(&h->heard, "hello");
	visit_pump(&h->v);
	while ((p = visit_next(&h->v, &len, &seq)) != NULL) {
		/* What is written may move while it is looked at. */
		uint8_t *copy = mem_zalloc(len + 1);
		size_t was = h->seq;

		memcpy(copy, p, len);
		assert_int_equal(seq, h->seq);
		h->seq++;
		if (was == 0)
			on_greeting(h, copy, len);
		else if (copy[0] == MY_MORE_BYTE)
			on_more(h, copy, len);
		else if (copy[0] == MY_SWITCH_BYTE)
			on_switch(h, copy, len);
		else
			str_puts(&h->heard, copy[0] == 0 ? " ok" : " ?");
		mem_free(copy);
	}
}

static struct rsa_key *rsa;

static int
make_rsa(void **state)
{
	(void)state;
	rsa = rsa_key_new(NULL);
	return rsa == NULL ? -1 : 0;
}

static int
free_rsa(void **state)
{
	(void)state;
	rsa_key_free(rsa);
	return 0;
}

#define DENIED                                                                 \
	"route:db,joe connection:auth_failed (Access denied for user 'joe' "   \
	"(using password: YES))"

/* Every kind of secret, by every plugin that a client may begin with. */
static void
test_plugins(void **state)
{
	static const struct {
		const char *secret, *password, *plugin;
		bool is_unix;
		const char *heard, *refused;
		unsigned jobs;
		uint8_t keys;
	} rows[] = {
		{ "password", "password", MY_NATIVE_PLUGIN, false, "hello ok",
		  "hello", 0, 1 },
		{ "password", "password", MY_SHA2_PLUGIN, false,
		  "hello fast ok", "hello", 0, 2 },
		{ "password", "password", "dialog", false,
		  "hello mysql_native_password ok",
		  "hello mysql_native_password", 0, 1 },
		{ "password", "password", "", false, "hello ok", "hello", 0,
		  1 },
		{ NATIVE_SECRET, "password", MY_NATIVE_PLUGIN, false,
		  "hello ok", "hello", 0, 1 },
		{ NATIVE_SECRET, "password", MY_SHA2_PLUGIN, false,
		  "hello mysql_native_password ok",
		  "hello mysql_native_password", 0, 1 },
		{ SHA2_SECRET, SHA2_PASSWORD, MY_SHA2_PLUGIN, false,
		  "hello full key ok", "hello full key", 1, 2 },
		{ SHA2_SECRET, SHA2_PASSWORD, MY_NATIVE_PLUGIN, false,
		  "hello caching_sha2_password full key ok",
		  "hello caching_sha2_password full key", 1, 2 },
		{ SHA2_SECRET, SHA2_PASSWORD, MY_SHA2_PLUGIN, true,
		  "hello full ok", "hello full", 1, 2 },
	};

	(void)state;
	assert_true(rsa_key_prepare(rsa));
	for (size_t i = 0; i < 4 * COUNT_OF(rows); i++) {
		bool is_wrong = i % 4 >= 2;
		size_t n = i / 4;
		uint8_t client_key[32], server_key[32];
		struct hall h;

		hall_open(&h, (enum visit_cut)(i % 2), &maria);
		h.v.rsa = rsa;
		h.v.stream.is_unix = rows[n].is_unix;
		h.v.verify.secret = rows[n].secret;
		converse(&h, (struct client){
				     .plugin = rows[n].plugin,
				     .password = is_wrong ? "Password"
							  : rows[n].password });
		assert_string_equal(str_text(&h.heard),
				    is_wrong ? rows[n].refused : rows[n].heard);
		assert_string_equal(str_text(&h.v.log),
				    is_wrong ? DENIED : "route:db,joe ready");
		assert_int_equal(h.v.jobs, rows[n].jobs);
		assert_int_equal(
			my_front_login_keys(h.f.login, client_key, server_key),
			!is_wrong);
		if (!is_wrong) {
			assert_int_equal(server_key[0], rows[n].keys);
			assert_false(my_front_login_keys(h.f.login, client_key,
							 server_key));
		}
		assert_int_equal(h.v.in.len, is_wrong ? h.v.in.len : 0);
		hall_close(&h);
	}
}

/* The greeting names what servers prefer, and who cannot do more is switched to
 * it. */
static void
test_default_plugin(void **state)
{
	struct hall h;

	(void)state;
	hall_open(&h, CUT_NONE, &mysql);
	h.v.verify.secret = "password";
	converse(&h,
		 (struct client){ .plugin = "dialog", .password = "password" });
	assert_string_equal(str_text(&h.heard),
			    "hello caching_sha2_password fast ok");
	hall_close(&h);
}

/* What a user who is not known hears is what one with the secret that stands
 * for all hears who has the password wrong; and costs the same. */
static void
test_unknown_users(void **state)
{
	static const char *const secrets[] = { "secret", NATIVE_SECRET,
					       SHA2_SECRET, MD5_SECRET, NULL };
	static const char *const plugins[] = { MY_NATIVE_PLUGIN, MY_SHA2_PLUGIN,
					       "dialog" };

	(void)state;
	assert_true(rsa_key_prepare(rsa));
	for (size_t i = 0; i < COUNT_OF(secrets) * COUNT_OF(plugins); i++) {
		struct hall h[2];

		for (unsigned known = 0; known < 2; known++) {
			hall_open(&h[known], CUT_NONE, &maria);
			h[known].v.rsa = rsa;
			h[known].v.verify.decoy = secrets[i / 3];
			if (known)
				h[known].v.verify.secret = secrets[i / 3];
			converse(&h[known],
				 (struct client){ .plugin = plugins[i % 3],
						  .password = "x" });
		}
		assert_string_equal(str_text(&h[0].heard),
				    str_text(&h[1].heard));
		assert_string_equal(str_text(&h[0].v.log), DENIED);
		assert_int_equal(h[0].v.jobs, h[1].v.jobs);
		assert_int_equal(h[0].v.sent.len, h[1].v.sent.len);
		/* The log alone says that the secret is of no use here. */
		if (secrets[i / 3] != NULL && secrets[i / 3][0] == 'm')
			assert_non_null(
				strstr(str_text(&h[1].v.log), "cannot prove]"));
		else
			assert_string_equal(str_text(&h[1].v.log), DENIED);
		hall_close(&h[0]);
		hall_close(&h[1]);
	}
}

/* A password that came whole once is proven fast from then on. */
static void
test_kept(void **state)
{
	static const struct {
		const char *secret, *password, *heard;
		unsigned jobs;
	} rows[] = {
		{ SHA2_SECRET, SHA2_PASSWORD, "hello full key ok", 1 },
		{ SHA2_SECRET, SHA2_PASSWORD, "hello fast ok", 0 },
		{ SHA2_SECRET, "wrong", "hello full key", 1 },
		{ NULL, SHA2_PASSWORD, "hello full key", 1 },
		{ SHA2_SECRET, "", "hello", 0 },
	};
	struct key_cache *keys = key_cache_new(10);

	(void)state;
	assert_true(rsa_key_prepare(rsa));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hall h;

		hall_open(&h, (enum visit_cut)(i % 2), &mysql);
		h.v.rsa = rsa;
		h.v.keys = keys;
		h.v.verify.secret = rows[i].secret;
		h.v.verify.decoy = SHA2_SECRET;
		converse(&h, (struct client){ .plugin = MY_SHA2_PLUGIN,
					      .password = rows[i].password });
		assert_string_equal(str_text(&h.heard), rows[i].heard);
		assert_int_equal(h.v.jobs, rows[i].jobs);
		hall_close(&h);
	}
	key_cache_free(keys);
}

/* The first to ask for our key has it made, on a helper. */
static void
test_key_is_made(void **state)
{
	struct rsa_key *fresh = rsa_key_new(NULL);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct hall h;

		hall_open(&h, (enum visit_cut)i, &mysql);
		h.v.rsa = fresh;
		h.v.stream.is_unix = true; /* and still it may ask */
		h.v.verify.secret = SHA2_SECRET;
		converse(&h, (struct client){ .plugin = MY_SHA2_PLUGIN,
					      .password = SHA2_PASSWORD,
					      .asks_for_key = true });
		assert_string_equal(str_text(&h.heard), "hello full key ok");
		assert_int_equal(h.v.jobs, i == 0 ? 2 : 1);
		hall_close(&h);
	}
	rsa_key_free(fresh);
}

/* Where a password would go in clear, or as garbage. */
static void
test_unsafe_passwords(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool is_unix, has_rsa;
		const char *reason;
	} rows[] = {
		{ SHA2_PASSWORD, sizeof(SHA2_PASSWORD), false, true,
		  "auth_failed" },
		{ SHA2_PASSWORD, sizeof(SHA2_PASSWORD), false, false,
		  "auth_method" },
		{ "\x02", 1, true, false, "auth_method" },
		{ SHA2_PASSWORD, sizeof(SHA2_PASSWORD) - 1, true, true,
		  "auth_failed" },
		{ SHA2_PASSWORD "\0", sizeof(SHA2_PASSWORD) + 1, true, true,
		  "auth_failed" },
		{ "", 0, true, true, "auth_failed" },
		{ "", 1, true, true, "auth_failed" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hall h;

		hall_open(&h, CUT_NONE, &mysql);
		h.v.rsa = rows[i].has_rsa ? rsa : NULL;
		h.v.stream.is_unix = rows[i].is_unix;
		h.v.verify.secret = SHA2_SECRET;
		h.c = (struct client){ .plugin = MY_SHA2_PLUGIN,
				       .password = SHA2_PASSWORD };
		visit_pump(&h.v);
		h.seq = 1;
		memset(h.scramble, 1, sizeof(h.scramble));
		respond(&h);
		h.seq = 3;
		say(&h, rows[i].bytes, rows[i].len);
		assert_non_null(strstr(str_text(&h.v.log), rows[i].reason));
		hall_close(&h);
	}
}

static void
test_methods(void **state)
{
	static const struct {
		enum auth_method method;
		const char *secret, *plugin, *password, *heard, *log;
	} rows[] = {
		{ AUTH_TRUST, "x", MY_NATIVE_PLUGIN, "any", "hello ok",
		  "route:db,joe ready" },
		{ AUTH_TRUST, "", MY_NATIVE_PLUGIN, "any", "hello ok",
		  "route:db,joe ready" },
		{ AUTH_TRUST, MD5_SECRET, "dialog", "any", "hello ok",
		  "route:db,joe ready" },
		{ AUTH_TRUST, "x", MY_SHA2_PLUGIN, "any", "hello fast ok",
		  "route:db,joe ready" },
		{ AUTH_TRUST, "x", MY_SHA2_PLUGIN, "", "hello ok",
		  "route:db,joe ready" },
		{ AUTH_TRUST, NULL, MY_NATIVE_PLUGIN, "any", "hello", DENIED },
		{ AUTH_ANY, NULL, MY_NATIVE_PLUGIN, "any", "hello ok",
		  "route:db,joe ready" },
		{ AUTH_REJECT, "any", MY_NATIVE_PLUGIN, "any", "hello",
		  "route:db,joe connection:access (by rule)" },
		{ AUTH_MD5, "any", MY_NATIVE_PLUGIN, "any", "hello ok",
		  "route:db,joe ready" },
		{ AUTH_PLAIN, "any", MY_SHA2_PLUGIN, "any", "hello fast ok",
		  "route:db,joe ready" },
		/* No secret is no empty password. */
		{ AUTH_MD5, "", MY_NATIVE_PLUGIN, "", "hello",
		  "route:db,joe connection:auth_failed (Access denied for "
		  "user 'joe' (using password: NO)) [the user's secret is of "
		  "a kind that clients of this protocol cannot prove]" },
		{ AUTH_MD5, "secret", MY_SHA2_PLUGIN, "", "hello",
		  "route:db,joe connection:auth_failed (Access denied for "
		  "user 'joe' (using password: NO))" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		struct hall h;

		hall_open(&h, (enum visit_cut)(i % 2), &maria);
		h.v.verify.method = rows[i / 2].method;
		h.v.verify.secret = rows[i / 2].secret;
		h.v.verify.reason = REASON_ACCESS;
		h.v.verify.words = "by rule";
		converse(&h,
			 (struct client){ .plugin = rows[i / 2].plugin,
					  .password = rows[i / 2].password });
		assert_string_equal(str_text(&h.heard), rows[i / 2].heard);
		assert_string_equal(str_text(&h.v.log), rows[i / 2].log);
		hall_close(&h);
	}
}

/* A client without plugins has the scramble's own one, and no other. */
static void
test_no_plugins(void **state)
{
	static const struct {
		const char *secret, *log;
	} rows[] = {
		{ "password", "route:db,joe ready" },
		{ NATIVE_SECRET, "route:db,joe ready" },
		{ SHA2_SECRET, "route:db,joe connection:auth_method" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hall h;

		hall_open(&h, CUT_NONE, &maria);
		h.v.verify.secret = rows[i].secret;
		converse(&h, (struct client){ .plugin = "",
					      .password = "password",
					      .caps = CAPS &
						      ~MY_CLIENT_PLUGIN_AUTH });
		assert_string_equal(str_text(&h.v.log), rows[i].log);
		hall_close(&h);
	}
}

/* What is wrong besides the password is for those who have the right one. */
static void
test_doomed(void **state)
{
	static const struct {
		const char *database, *password, *log;
	} rows[] = {
		{ "nope", "password",
		  "route:nope,joe connection:no_database (Unknown database "
		  "'nope')" },
		{ "nope", "wrong",
		  "route:nope,joe connection:auth_failed (Access denied for "
		  "user 'joe' (using password: YES))" },
		{ "", "password",
		  "route:,joe connection:no_database (No database selected: "
		  "say which at login, or set mysql_default_database)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hall h;

		hall_open(&h, CUT_NONE, &maria);
		h.v.verify.secret = "password";
		h.v.route.reason = REASON_NO_DATABASE;
		converse(&h, (struct client){ .plugin = MY_NATIVE_PLUGIN,
					      .password = rows[i].password,
					      .database = rows[i].database });
		assert_string_equal(str_text(&h.v.log), rows[i].log);
		hall_close(&h);
	}
}

/* What is offered, what becomes of it, and the OK. */
static void
test_capabilities(void **state)
{
	static const char ok[] = "\x07\0\0\x02\0\0\0\x02\0\0\0";
	static const char ok_schema[] = "\x0f\0\0\x02\0\0\0\x02\x40\0\0\0\x06"
					"\x01\x04\x03"
					"app";
	struct my_greeting g;
	struct hall h;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool is_mysql = i & 1, is_small = i & 2;
		uint32_t caps = is_small ? CAPS & ~MY_CLIENT_SESSION_TRACK
					 : CAPS | MY_CLIENT_LOCAL_FILES;
		const char *want = is_small ? ok : ok_schema;
		size_t len = is_small ? sizeof(ok) - 1 : sizeof(ok_schema) - 1;

		hall_open(&h, CUT_NONE, is_mysql ? &mysql : &maria);
		h.v.policy.local_infile = is_mysql;
		h.v.verify.secret = "password";
		converse(&h,
			 (struct client){ .plugin = MY_NATIVE_PLUGIN,
					  .password = "password",
					  .caps = caps | MY_CLIENT_COMPRESS });
		assert_true(my_greeting_read(
			&g, (const uint8_t *)h.v.sent.data + MY_HEADER,
			my_get_u24((const uint8_t *)h.v.sent.data)));
		assert_int_equal(g.caps & MY_CAPS_NEVER, 0);
		assert_int_equal(g.caps & MY_CLIENT_LOCAL_FILES,
				 is_mysql ? MY_CLIENT_LOCAL_FILES : 0);
		assert_int_equal(g.caps & MY_CLIENT_MYSQL, is_mysql);
		assert_int_equal(g.ext, is_mysql ? 0 : 0x0c);
		assert_int_equal(g.status, 2);
		assert_int_equal(g.collation, is_mysql ? 255 : 8);
		assert_string_equal(str_text(&h.v.log), "route:db,joe ready");
		assert_memory_equal(h.v.sent.data + h.v.sent.len - len, want,
				    len);
		assert_int_equal(h.f.caps, caps & g.caps);
		assert_int_equal(h.f.ext, is_mysql ? 0 : 0x0c);
		assert_int_equal(h.f.collation, 224);
		assert_int_equal(my_class_caps(h.v.class),
				 h.f.caps & MY_CAPS_CLASS);
		assert_int_equal(my_class_ext(h.v.class), is_mysql ? 0 : 8);
		hall_close(&h);
	}
}

/* Nobody is offered what his servers lack, and an empty name is none. */
static void
test_common_facts(void **state)
{
	struct my_facts_words w = maria;
	struct hall h;

	(void)state;
	w.caps &= ~(MY_CLIENT_DEPRECATE_EOF | MY_CLIENT_SESSION_TRACK);
	w.status = 0x202;
	hall_open(&h, CUT_NONE, &w);
	h.v.verify.secret = "password";
	converse(&h, (struct client){ .plugin = MY_NATIVE_PLUGIN,
				      .password = "password",
				      .database = "" });
	assert_int_equal(h.f.caps, CAPS & ~(MY_CLIENT_DEPRECATE_EOF |
					    MY_CLIENT_SESSION_TRACK |
					    MY_CLIENT_CONNECT_WITH_DB));
	assert_string_equal(my_front_login_database(h.f.login), "");
	/* How strings are escaped is told from the start. */
	assert_memory_equal(h.v.sent.data + h.v.sent.len - 4, "\x02\x02\0\0",
			    4);
	hall_close(&h);
}

static void
test_console(void **state)
{
	struct hall h;

	(void)state;
	hall_open(&h, CUT_NONE, &maria);
	h.v.own = NULL; /* not asked for */
	h.v.route.is_console = true;
	h.v.route.mode = POOL_SESSION;
	h.v.verify.secret = "password";
	converse(&h, (struct client){ .plugin = MY_NATIVE_PLUGIN,
				      .password = "password",
				      .caps = CAPS | MY_CLIENT_CONNECT_ATTRS,
				      .database = "carpool" });
	assert_string_equal(str_text(&h.v.log), "route:carpool,joe ready");
	assert_true(my_front_login_is_console(h.f.login));
	assert_int_equal(my_front_login_mode(h.f.login), POOL_SESSION);
	assert_string_equal(my_front_login_database(h.f.login), "carpool");
	assert_string_equal(my_front_login_program(h.f.login), "carpool");
	hall_close(&h);
}

/* COM_CHANGE_USER: somebody else, on what was agreed on, and proven anew. */
static void
test_change_user(void **state)
{
	static const struct {
		const char *secret, *plugin, *database, *heard, *log;
		uint16_t collation, want;
	} rows[] = {
		{ "password", MY_NATIVE_PLUGIN, "other", " ok",
		  "route:other,ann ready", 45, 45 },
		{ "password", "", "other", " ok", "route:other,ann ready", 45,
		  45 },
		{ NATIVE_SECRET, MY_SHA2_PLUGIN, "",
		  " mysql_native_password ok", "route:,ann ready", 0, 224 },
		{ "password", MY_SHA2_PLUGIN, "x",
		  " caching_sha2_password fast ok", "route:x,ann ready", 302,
		  302 },
		{ "secret", MY_NATIVE_PLUGIN, "x", "",
		  "route:x,ann connection:auth_failed (Access denied for user "
		  "'ann' (using password: YES))",
		  0, 224 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		uint8_t proof[MY_SHA2_BYTES];
		struct my_handshake r = { .user = "ann",
					  .database = rows[i / 2].database,
					  .plugin = rows[i / 2].plugin,
					  .auth = proof,
					  .collation = rows[i / 2].collation };
		const uint8_t *p;
		struct hall h;
		uint32_t caps;
		uint8_t seq;
		size_t len;

		hall_open(&h, (enum visit_cut)(i % 2), &maria);
		h.v.verify.secret = "password";
		converse(&h, (struct client){ .plugin = MY_NATIVE_PLUGIN,
					      .password = "password" });
		assert_string_equal(str_text(&h.v.log), "route:db,joe ready");
		caps = h.f.caps;
		my_front_login_free(h.f.login);
		str_fini(&h.v.log);
		str_fini(&h.heard);
		h.v.is_over = false;
		h.is_change = true;
		h.v.verify.secret = rows[i / 2].secret;
		r.auth_len =
			prove(r.plugin[0] == '\0' ? MY_NATIVE_PLUGIN : r.plugin,
			      "password", h.scramble, proof);
		r.caps = h.f.caps;
		h.f.login = my_front_login_change(&h.f, &r);
		assert_non_null(h.f.login);
		h.f.seq = 1;
		visit_pump(&h.v);
		/* It proves itself by the scramble of its login. */
		h.seq = 1;
		while ((p = visit_next(&h.v, &len, &seq)) != NULL) {
			uint8_t copy[256] = { 0 };

			assert_true(len < sizeof(copy));
			memcpy(copy, p, len);
			assert_int_equal(seq, h.seq++);
			if (copy[0] == MY_SWITCH_BYTE)
				on_switch(&h, copy, len);
			else
				str_puts(&h.heard, copy[0] == MY_MORE_BYTE
							   ? " fast"
							   : " ok");
		}
		assert_string_equal(str_text(&h.heard), rows[i / 2].heard);
		assert_string_equal(str_text(&h.v.log), rows[i / 2].log);
		assert_int_equal(h.f.collation, rows[i / 2].want);
		assert_int_equal(h.f.caps,
				 r.database[0] != '\0'
					 ? caps
					 : caps & ~MY_CLIENT_CONNECT_WITH_DB);
		assert_int_equal(h.f.ext, 0x0c);
		hall_close(&h);
	}
}

#define FIXED(caps) caps "\0\0\0\1\x2d" ZEROS19 "\0\0\0\0"
#define ZEROS19 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/* Responses that are none: a clear word, with a number that the client takes.
 */
static void
test_bad_responses(void **state)
{
	static const struct {
		uint8_t seq;
		const char *payload;
		size_t len;
		const char *log;
	} rows[] = {
#define ROW(seq, payload, log) { seq, payload, sizeof(payload) - 1, log }
		ROW(1, "", "unsupported_protocol (Bad handshake)"),
		ROW(1, "\0", "unsupported_protocol (Bad handshake)"),
		ROW(1, "\x00\x82", "unsupported_protocol (Bad handshake)"),
		ROW(1, "\x85\x24\0\0\0joe\0secret",
		    "unsupported_protocol (Bad handshake: the protocol is "
		    "older than 4.1)"),
		ROW(1, FIXED("\0\x8a\0\0"),
		    "unsupported_protocol (Bad handshake: TLS is asked for, "
		    "but was not offered)"),
		ROW(1, FIXED("\0\x82\0\0"),
		    "unsupported_protocol (Bad handshake)"),
		ROW(1, FIXED("\0\x82\0\0") "joe",
		    "unsupported_protocol (Bad handshake)"),
		ROW(1, FIXED("\0\x82\0\0") "joe\0\5abc",
		    "unsupported_protocol (Bad handshake)"),
		ROW(1, FIXED("\0\x02\0\0") "joe\0abc\0",
		    "auth_method (Client does not support authentication "
		    "protocol requested by server; consider upgrading the "
		    "client)"),
		ROW(0, FIXED("\0\x82\0\0") "joe\0\0", "packets_out_of_order"),
		ROW(2, FIXED("\0\x82\0\0") "joe\0\0", "packets_out_of_order"),
		ROW(1, FIXED("\0\x82\0\0") "\0\0",
		    "auth_failed (Access denied for user '' (using password: "
		    "NO))"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		struct hall h;

		hall_open(&h, (enum visit_cut)(i % 2), &maria);
		visit_pump(&h.v);
		h.v.sent.len = 0;
		visit_packet(&h.v, rows[i / 2].seq, rows[i / 2].payload,
			     rows[i / 2].len);
		assert_memory_equal(str_text(&h.v.log), "connection:", 11);
		assert_string_equal(str_text(&h.v.log) + 11, rows[i / 2].log);
		assert_int_equal(h.v.sent.len, 0);
		assert_int_equal(h.f.seq, rows[i / 2].seq + 1);
		hall_close(&h);
	}
}

/* A header is enough to refuse what is too long; what fits is taken. */
static void
test_long_responses(void **state)
{
	const char value[250] = "value";
	struct str s = { 0 }, all = { 0 };
	struct hall h;

	(void)state;
	hall_open(&h, CUT_NONE, &maria);
	visit_pump(&h.v);
	visit_feed(&h.v, "\x01\x10\x01\x01", 4);
	assert_string_equal(str_text(&h.v.log),
			    "connection:unsupported_protocol (Bad handshake: "
			    "the packet is too long)");
	hall_close(&h);
	/* 64 KiB of attributes. */
	hall_open(&h, CUT_BYTES, &maria);
	h.v.verify.method = AUTH_ANY;
	visit_pump(&h.v);
	while (all.len < 65000) {
		my_put_text(&all, "key", 3);
		my_put_text(&all, value, sizeof(value));
	}
	str_add(&s, FIXED("\0\x82\x10\0") "joe\0\0", 37);
	my_put_text(&s, all.data, all.len);
	visit_packet(&h.v, 1, s.data, s.len);
	assert_string_equal(str_text(&h.v.log), "route:,joe ready");
	hall_close(&h);
	str_fini(&s);
	str_fini(&all);
	for (size_t len = 64; len < 130; len++) {
		hall_open(&h, CUT_NONE, &maria);
		h.v.verify.method = AUTH_ANY;
		visit_pump(&h.v);
		str_add(&s, FIXED("\x08\x82\0\0"), 32);
		for (size_t i = 0; i < len; i++)
			my_put_u8(&s, 'u');
		str_add(&s, "\0\0db\0", 5);
		visit_packet(&h.v, 1, s.data, s.len);
		assert_int_equal(strstr(str_text(&h.v.log), "ready") != NULL,
				 len <= 127);
		hall_close(&h);
		str_fini(&s);
	}
}

/* Proofs out of turn. */
static void
test_bad_proofs(void **state)
{
	static const struct {
		uint8_t seq;
		size_t len;
		const char *log;
	} rows[] = {
		{ 2, 20, "packets_out_of_order" },
		{ 4, 20, "packets_out_of_order" },
		{ 3, 1025, "the packet is too long" },
		{ 3, 0, "Access denied for user 'joe' (using password: NO)" },
		{ 3, 1, "Access denied" },
		{ 3, 19, "Access denied" },
		{ 3, 20, "Access denied" },
		{ 3, 21, "Access denied" },
		{ 3, 64, "Access denied" },
		{ 3, 65, "Access denied" },
		{ 3, 1024, "Access denied" },
	};
	uint8_t proof[1025] = { 1 };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		struct hall h;

		hall_open(&h, (enum visit_cut)(i % 2), &maria);
		h.v.verify.secret = NATIVE_SECRET;
		h.c = (struct client){ .plugin = MY_SHA2_PLUGIN,
				       .password = "password" };
		visit_pump(&h.v);
		h.seq = 1;
		respond(&h);
		visit_packet(&h.v, rows[i / 2].seq, proof, rows[i / 2].len);
		assert_non_null(strstr(str_text(&h.v.log), rows[i / 2].log));
		hall_close(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_default_plugin),
		cmocka_unit_test(test_unknown_users),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_key_is_made),
		cmocka_unit_test(test_unsafe_passwords),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_no_plugins),
		cmocka_unit_test(test_doomed),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_common_facts),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_change_user),
		cmocka_unit_test(test_bad_responses),
		cmocka_unit_test(test_long_responses),
		cmocka_unit_test(test_bad_proofs),
	};

	return cmocka_run_group_tests(tests, make_rsa, free_rsa);
}
