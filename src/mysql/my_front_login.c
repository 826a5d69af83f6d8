/*
 * A client's login: greeting, response, proof, OK.
 *
 * The server speaks first here, so the greeting tells what all servers have in
 * common; which pool it will be is known only from the response.  The plugin by
 * which a client must prove itself is the one that suits its secret; a client
 * that began with another is switched, with a scramble of its own.  A user that
 * does not exist goes the same way as another one, whose secret stands for all,
 * and whatever is wrong besides the password is told only to those who have
 * proven who they are.
 *
 * MySQL Internals, "Connection Phase".
 */
#include "my_front_login.h"

#include <string.h>

#include "base/mem.h"
#include "my_caps.h"
#include "my_facts.h"
#include "my_front.h"
#include "my_front_inner.h"
#include "my_greeting.h"
#include "my_packet.h"
#include "my_response.h"

#define NAME_MAX_USER 127u
#define NAME_MAX_DATABASE 64u

#define TRACKER_SCHEMA 1u

/* Carpool's own doing, so offered whatever the servers have. */
#define CAPS_OWN                                                               \
	(MY_CLIENT_LONG_FLAG | MY_CLIENT_CONNECT_WITH_DB |                     \
	 MY_CLIENT_PROTOCOL_41 | MY_CLIENT_TRANSACTIONS |                      \
	 MY_CLIENT_SECURE_CONNECTION | MY_CLIENT_PLUGIN_AUTH |                 \
	 MY_CLIENT_CONNECT_ATTRS | MY_CLIENT_LENENC_AUTH)

struct my_front_login *
my_front_login_new(void)
{
	return mem_zalloc(sizeof(struct my_front_login));
}

void
my_front_login_free(struct my_front_login *l)
{
	if (l == NULL)
		return;
	mem_free(l->user);
	mem_free(l->database);
	mem_wipe_str(l->secret);
	my_facts_unref(l->facts);
	mem_wipe_free(l, sizeof(*l));
}

bool
my_front_login_keys(struct my_front_login *l, uint8_t client_key[32],
		    uint8_t server_key[32])
{
	if (l == NULL || !l->has_keys)
		return false;
	l->has_keys = false;
	memcpy(client_key, l->keys, sizeof(l->keys));
	memset(server_key, 0, 32);
	server_key[0] = l->is_for;
	mem_wipe(l->keys, sizeof(l->keys));
	return true;
}

bool
my_front_login_is_console(const struct my_front_login *l)
{
	return l->is_console;
}

enum pool_mode
my_front_login_mode(const struct my_front_login *l)
{
	return l->mode;
}

const struct my_facts *
my_front_login_facts(const struct my_front_login *l)
{
	return l->facts;
}

const char *
my_front_login_database(const struct my_front_login *l)
{
	return l->database;
}

const char *
my_front_login_program(const struct my_front_login *l)
{
	return l->program;
}

/* ------------------------------------------------------------------------
 * Refusals
 */

void
my_front_login_words(const struct my_front_login *l, enum reason reason,
		     struct str *text)
{
	if (l == NULL || l->user == NULL)
		return;
	if (reason == REASON_AUTH_FAILED)
		str_printf(
			text,
			"Access denied for user '%.100s' (using password: %s)",
			l->user, my_login_has_password(l) ? "YES" : "NO");
	else if (reason == REASON_NO_DATABASE && l->database[0] == '\0')
		str_puts(text, "No database selected: say which at login, or "
			       "set mysql_default_database");
	else if (reason == REASON_NO_DATABASE)
		str_printf(text, "Unknown database '%.100s'", l->database);
}

struct order
my_login_fail_words(struct my_front_login *l, enum reason reason,
		    const char *words)
{
	struct order o = order_fail(FAIL_CONNECTION, reason);

	if (words != NULL && words[0] != '\0') {
		(void)text_copy(l->words, sizeof(l->words), words);
		o.fail.text = l->words;
	}
	return o;
}

struct order
my_login_fail(struct my_front_login *l, enum reason reason)
{
	struct str text = { 0 };
	struct order o;

	my_front_login_words(l, reason, &text);
	o = my_login_fail_words(l, reason, str_text(&text));
	str_fini(&text);
	return o;
}

static struct order
bad_handshake(struct my_front_login *l, const char *words)
{
	return my_login_fail_words(l, REASON_UNSUPPORTED_PROTOCOL, words);
}

/* ------------------------------------------------------------------------
 * Packets
 */

struct order
my_login_answer(struct my_front *f, struct turn *t, enum login_state state,
		struct str *s, size_t used)
{
	if (!my_packet_flush(s, t->out, &f->seq))
		return my_login_fail(f->login, REASON_NO_MEMORY);
	return my_login_next(f->login, state, order_bytes(ORDER_DISCARD, used));
}

uint8_t *
my_login_take_packet(struct my_front *f, struct turn *t, size_t max,
		     size_t *len, struct order *o)
{
	struct my_head head;
	uint8_t *payload;

	*o = order_bytes(ORDER_NEED_MORE, MY_HEADER);
	if (!my_head_peek(t->in, 0, &head))
		return NULL;
	if (head.seq != f->seq || head.len > max) {
		bool is_late = head.seq != f->seq;

		/* The refusal is to be read all the same. */
		f->seq = (uint8_t)(head.seq + 1);
		*o = is_late ? my_login_fail(f->login, REASON_PACKET_ORDER)
			     : bad_handshake(f->login, "Bad handshake: the "
						       "packet is too long");
		return NULL;
	}
	if (!my_packet_is_in(t->in, 0, &head)) {
		o->bytes = MY_HEADER + (size_t)head.len;
		return NULL;
	}
	*len = head.len;
	payload = mem_zalloc(*len + 1);
	if (payload == NULL) {
		*o = my_login_fail(f->login, REASON_NO_MEMORY);
		return NULL;
	}
	buf_copy_out(t->in, MY_HEADER, payload, *len);
	f->seq = (uint8_t)(f->seq + 1);
	return payload;
}

bool
my_login_make_scramble(struct my_front *f, const struct turn *t)
{
	return my_scramble_of(t->mock_secret, MOCK_SECRET_BYTES, t->client_id,
			      f->is_switched, f->login->scramble);
}

/* ------------------------------------------------------------------------
 * Greeting
 */

const char *
my_login_plugin_name(enum plugin plugin)
{
	return plugin == PLUGIN_SHA2 ? MY_SHA2_PLUGIN : MY_NATIVE_PLUGIN;
}

static struct order
greet(struct my_front *f, struct turn *t, const struct my_facts *facts)
{
	const struct my_facts_words *w = my_facts_words(facts);
	struct my_front_login *l = f->login;
	const char *version = t->policy->server_version;
	struct my_greeting g = { .version = version[0] != '\0' ? version
							       : w->version,
				 .collation = (uint8_t)w->collation,
				 .status = MY_STATUS_AUTOCOMMIT };
	struct str s = { 0 };

	l->offered = (w->caps & ~MY_CAPS_NEVER) | CAPS_OWN;
	if (turn_offers_tls(t))
		l->offered |= MY_CLIENT_SSL;
	if (!t->policy->local_infile)
		l->offered &= ~MY_CLIENT_LOCAL_FILES;
	if (my_facts_is_mariadb(facts))
		l->offered_ext = w->ext & ~MY_EXT_NEVER;
	l->by_default = w->is_sha2 ? PLUGIN_SHA2 : PLUGIN_NATIVE;
	if (!my_login_make_scramble(f, t))
		return my_login_fail(l, REASON_NO_MEMORY);
	g.plugin = my_login_plugin_name(l->by_default);
	g.thread_id = f->id = my_get_u32(t->cancel_key);
	g.caps = l->offered;
	g.ext = l->offered_ext;
	memcpy(g.scramble, l->scramble, sizeof(g.scramble));
	my_greeting_write(&s, &g);
	f->seq = 0;
	return my_login_answer(f, t, LOGIN_RESPONSE, &s, 0);
}

static struct order
on_begin(struct my_front *f, struct turn *t)
{
	if (t->answer.kind != ANSWER_FACTS)
		return order_plain(ORDER_NEED_FACTS);
	return greet(f, t, t->answer.facts);
}

/* ------------------------------------------------------------------------
 * Response
 */

static enum plugin
plugin_of(const struct my_handshake *h)
{
	if ((h->caps & MY_CLIENT_PLUGIN_AUTH) == 0)
		return PLUGIN_NATIVE;
	if (strcmp(h->plugin, MY_SHA2_PLUGIN) == 0)
		return PLUGIN_SHA2;
	/* Nothing said: the proof is what every client has known for long. */
	return strcmp(h->plugin, MY_NATIVE_PLUGIN) == 0 || h->plugin[0] == '\0'
		       ? PLUGIN_NATIVE
		       : PLUGIN_OTHER;
}

void
my_login_keep_auth(struct my_front_login *l, const uint8_t *auth, size_t len)
{
	l->auth_len = len;
	if (len > 0 && len <= MY_AUTH_MAX)
		memcpy(l->auth, auth, len);
}

static bool
keep_handshake(struct my_front *f, struct my_front_login *l,
	       const struct my_handshake *h)
{
	size_t n = h->program_len < MY_PROGRAM_MAX ? h->program_len
						   : MY_PROGRAM_MAX;

	/* Under TLS all of them say it again, which is no matter of servers. */
	f->caps = h->caps & l->offered & ~MY_CLIENT_SSL;
	if ((h->caps & MY_CLIENT_MYSQL) == 0)
		f->ext = h->ext & l->offered_ext;
	if (h->database[0] == '\0')
		f->caps &= ~MY_CLIENT_CONNECT_WITH_DB;
	f->collation = h->collation;
	l->plugin = plugin_of(h);
	my_login_keep_auth(l, h->auth, h->auth_len);
	if (n > 0)
		memcpy(l->program, h->program, n);
	l->user = mem_strdup(h->user);
	l->database = mem_strdup(h->database);
	return l->user != NULL && l->database != NULL;
}

struct my_front_login *
my_front_login_change(struct my_front *f, const struct my_handshake *h)
{
	struct my_front_login *l = my_front_login_new();
	struct my_handshake again = *h;

	if (l == NULL)
		return NULL;
	again.caps = f->caps | MY_CLIENT_CONNECT_WITH_DB;
	again.ext = f->ext;
	if (again.collation == 0)
		again.collation = f->collation;
	l->offered = again.caps;
	l->offered_ext = again.ext;
	l->by_default = PLUGIN_NATIVE;
	l->is_change = true;
	l->state = LOGIN_ROUTE;
	if (keep_handshake(f, l, &again))
		return l;
	my_front_login_free(l);
	return NULL;
}

static struct order
on_handshake(struct my_front *f, struct turn *t, const struct my_handshake *h,
	     enum my_handshake_kind kind, size_t len)
{
	struct my_front_login *l = f->login;

	switch (kind) {
	case MY_HANDSHAKE_LOGIN:
		break;
	case MY_HANDSHAKE_TLS:
		if (turn_offers_tls(t))
			return my_login_next(
				l, LOGIN_TLS,
				order_bytes(ORDER_DISCARD, MY_HEADER + len));
		return bad_handshake(l, "Bad handshake: TLS is asked for, but "
					"was not offered");
	case MY_HANDSHAKE_OLD:
		return bad_handshake(l, "Bad handshake: the protocol is older "
					"than 4.1");
	case MY_HANDSHAKE_BAD:
		return bad_handshake(l, "Bad handshake");
	}
	if (turn_misses_tls(t))
		return my_login_fail(l, REASON_TLS_REQUIRED);
	if ((h->caps & MY_CLIENT_SECURE_CONNECTION) == 0)
		return my_login_fail_words(
			l, REASON_AUTH_METHOD,
			"Client does not support authentication "
			"protocol requested by server; consider "
			"upgrading the client");
	if (!keep_handshake(f, l, h))
		return my_login_fail(l, REASON_NO_MEMORY);
	return my_login_next(l, LOGIN_ROUTE,
			     order_bytes(ORDER_DISCARD, MY_HEADER + len));
}

static struct order
on_response(struct my_front *f, struct turn *t)
{
	struct my_handshake h;
	enum my_handshake_kind kind;
	struct order o;
	size_t len;
	uint8_t *payload = my_login_take_packet(f, t, MY_LOGIN_MAX, &len, &o);

	if (payload == NULL)
		return o;
	kind = my_handshake_read(&h, payload, len,
				 t->stream->is_tls ? MY_UNDER_TLS
						   : MY_IN_CLEAR);
	o = on_handshake(f, t, &h, kind, len);
	mem_wipe_free(payload, len);
	return o;
}

static struct order
on_route(struct my_front_login *l)
{
	struct order o = { .kind = ORDER_ROUTE };

	/* The anonymous account is nobody's here. */
	if (l->user[0] == '\0')
		return my_login_fail(l, REASON_AUTH_FAILED);
	if (strlen(l->user) > NAME_MAX_USER ||
	    strlen(l->database) > NAME_MAX_DATABASE)
		return my_login_fail(l, REASON_NAME_TOO_LONG);
	o.route.database = l->database;
	o.route.user = l->user;
	o.route.kind = ROUTE_NORMAL;
	return my_login_next(l, LOGIN_ROUTED, o);
}

static struct order
on_routed(struct my_front_login *l, struct turn *t)
{
	struct my_head head;

	if (t->answer.kind != ANSWER_ROUTE)
		return order_plain(ORDER_WAIT);
	l->doomed = t->answer.reason;
	l->is_console = t->answer.is_console;
	l->mode = t->answer.mode;
	/* The command stays up to here, so that the login goes on at once. */
	if (l->is_change && my_head_peek(t->in, 0, &head))
		return my_login_next(l, LOGIN_CHANGED,
				     order_bytes(ORDER_DISCARD,
						 MY_HEADER + (size_t)head.len));
	return my_login_next(l, LOGIN_VERIFIED, order_plain(ORDER_VERIFY));
}

/* ------------------------------------------------------------------------
 * After the proof
 */

/* What a server says of the default database to those who asked for it. */
static void
put_schema(struct str *s, const char *schema)
{
	struct str name = { 0 }, all = { 0 };

	my_put_text(&name, schema, strlen(schema));
	my_put_u8(&all, TRACKER_SCHEMA);
	my_put_text(&all, str_text(&name), name.len);
	my_put_lenenc(s, 0); /* no text for people */
	my_put_text(s, str_text(&all), all.len);
	s->failed |= name.failed || all.failed;
	str_fini(&name);
	str_fini(&all);
}

static struct order
finish(struct my_front *f, struct turn *t, const struct my_facts_words *w)
{
	bool has_schema = w != NULL && w->schema[0] != '\0' &&
			  (f->caps & MY_CLIENT_SESSION_TRACK) != 0 &&
			  (f->caps & MY_CLIENT_CONNECT_WITH_DB) != 0;
	uint32_t status = w != NULL ? w->status : MY_STATUS_AUTOCOMMIT;
	struct str s = { 0 };

	status &= ~MY_STATUS_STATE_CHANGED;
	if (has_schema)
		status |= MY_STATUS_STATE_CHANGED;
	my_put_u8(&s, MY_OK_BYTE);
	my_put_lenenc(&s, 0); /* rows */
	my_put_lenenc(&s, 0); /* insert id */
	my_put_u16(&s, (uint16_t)status);
	my_put_u16(&s, 0); /* warnings */
	if (has_schema)
		put_schema(&s, w->schema);
	return my_login_answer(f, t, LOGIN_DONE, &s, 0);
}

static struct order
need_facts(const struct my_front_login *l)
{
	struct order o = order_plain(ORDER_NEED_FACTS);

	o.words.data = (const char *)l->class;
	o.words.len = sizeof(l->class);
	return o;
}

static struct order
on_proven(struct my_front *f, struct turn *t)
{
	struct my_front_login *l = f->login;

	if (l->doomed != REASON_NONE)
		return my_login_fail(l, l->doomed);
	if (l->is_console)
		return finish(f, t, NULL);
	my_class_put(l->class, f->caps,
		     f->ext | (l->database[0] == '\0' ? MY_EXT_NO_SCHEMA : 0));
	return my_login_next(l, LOGIN_FACTS, need_facts(l));
}

static struct order
on_facts(struct my_front *f, struct turn *t)
{
	if (t->answer.kind != ANSWER_FACTS)
		return need_facts(f->login);
	f->login->facts = my_facts_ref(t->answer.facts);
	return finish(f, t, my_facts_words(t->answer.facts));
}

struct order
my_front_login_step(struct my_front *f, struct turn *t)
{
	struct my_front_login *l = f->login;

	switch (l->state) {
	case LOGIN_BEGIN:
		return on_begin(f, t);
	case LOGIN_TLS:
		f->login->state = LOGIN_RESPONSE;
		return order_plain(ORDER_START_TLS);
	case LOGIN_RESPONSE:
		return on_response(f, t);
	case LOGIN_ROUTE:
		return on_route(l);
	case LOGIN_ROUTED:
		return on_routed(l, t);
	case LOGIN_CHANGED:
		return my_login_next(l, LOGIN_VERIFIED,
				     order_plain(ORDER_VERIFY));
	case LOGIN_VERIFIED:
		return my_login_on_verified(f, t);
	case LOGIN_SWITCHED:
		return my_login_on_switched(f, t);
	case LOGIN_FULL:
		return my_login_on_full(f, t);
	case LOGIN_KEY:
		return my_login_on_key_made(f, t);
	case LOGIN_WORKING:
		return my_login_on_work_done(f, t);
	case LOGIN_PROVEN:
		return on_proven(f, t);
	case LOGIN_FACTS:
		return on_facts(f, t);
	case LOGIN_DONE:
		return order_plain(ORDER_READY);
	}
	return my_login_fail(l, REASON_INTERNAL);
}
