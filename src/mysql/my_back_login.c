/*
 * Logging in to a server: greeting, proof, trackers, connect_query.
 *
 * Owns the login's state with its secrets, which is wiped and freed at READY.
 *
 * MySQL Internals, "Connection Phase"; MariaDB, "Connecting".
 */
#include "my_back_login.h"

#include <string.h>

#include "base/mem.h"
#include "my_back.h"
#include "my_back_inner.h"
#include "my_caps.h"
#include "my_greeting.h"
#include "my_ok.h"
#include "my_packet.h"
#include "my_state.h"

#define INSPECT_MAX (64u * 1024) /* of a packet of the dialogue */
#define VARIABLES_MAX 16384u     /* bytes of all that is told of them */
#define COM_QUERY 3u

struct my_back_login *
my_back_login_new(const struct credential *cred, const char *database,
		  struct startup_words words, const struct policy *policy)
{
	struct my_back_login *l = mem_zalloc(sizeof(*l));

	if (l == NULL)
		return NULL;
	l->user = mem_strdup(cred->user);
	l->secret = mem_strdup(cred->secret);
	l->database = mem_strdup(
		my_class_is_bare(words.data, words.len) ? "" : database);
	l->tls = policy->server_tls;
	l->connect_query = mem_strdup(policy->connect_query);
	if (words.len == MY_CLASS_BYTES) {
		l->class_caps = my_class_caps((const uint8_t *)words.data);
		l->class_ext = my_class_ext((const uint8_t *)words.data) &
			       MY_EXT_CLASS;
	}
	if (cred->client_key != NULL && cred->server_key != NULL) {
		l->keys_for = cred->server_key[0];
		memcpy(l->keys, cred->client_key, sizeof(l->keys));
	}
	if (l->user == NULL || l->secret == NULL || l->database == NULL ||
	    l->connect_query == NULL) {
		my_back_login_free(l);
		return NULL;
	}
	return l;
}

void
my_back_login_free(struct my_back_login *l)
{
	if (l == NULL)
		return;
	mem_free(l->user);
	mem_wipe_str(l->secret);
	mem_free(l->database);
	mem_free(l->connect_query);
	mem_free((void *)(uintptr_t)l->facts.version);
	str_fini(&l->variables);
	mem_wipe_free(l, sizeof(*l));
}

/* ------------------------------------------------------------------------
 * Refusals
 */

struct order
my_back_login_fail(struct my_back_login *l, enum reason reason,
		   enum fail_scope scope, const char *words)
{
	struct order o = order_fail(scope, reason);

	if (words != NULL) {
		(void)text_copy(l->words, sizeof(l->words), words);
		o.fail.text = l->words;
	}
	return o;
}

struct order
my_back_login_no_memory(struct my_back_login *l)
{
	return my_back_login_fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
}

struct order
my_back_login_broken(struct my_back_login *l)
{
	return my_back_login_fail(l, REASON_SERVER_PROTOCOL, FAIL_CONNECTION,
				  "the server broke the protocol during login");
}

struct order
my_back_login_cannot(struct my_back_login *l, const char *words)
{
	return my_back_login_fail(l, REASON_SERVER_AUTH, FAIL_POOL, words);
}

/*
 * Errors about who we are, where we come from or about the database concern all
 * who wait for this pool; others (too many connections, a shutdown) may be over
 * at the next try.
 */
static enum fail_scope
scope_of(unsigned code)
{
	static const uint16_t of_pool[] = {
		1044, /* access denied to the database */
		1045, /* access denied */
		1049, /* unknown database */
		1129, /* host is blocked */
		1130, /* host is not allowed */
		1251, /* the client has no such authentication */
		1275, /* the account has an old password */
		1524, /* plugin is not loaded */
		1698, /* access denied, no password asked */
		1820, /* password must be changed */
		1862, /* password has expired */
		3118, /* account is locked: MySQL */
		3159, /* insecure transport is prohibited */
		3955, /* account is blocked after failures */
		4151, /* account is locked: MariaDB */
	};

	for (size_t i = 0; i < COUNT_OF(of_pool); i++)
		if (of_pool[i] == code)
			return FAIL_POOL;
	return FAIL_CONNECTION;
}

static struct order
on_error(struct my_back *b, const uint8_t *payload, size_t len)
{
	struct my_bytes at = my_bytes(payload + 1, len - 1);
	unsigned code = my_read_u16(&at);

	if (at.has_failed)
		return my_back_login_broken(b->login);
	my_back_keep_error(b, payload, len);
	return my_back_login_fail(b->login, REASON_SERVER_LOGIN, scope_of(code),
				  NULL);
}

struct order
my_back_login_answer(struct my_back *b, struct turn *t,
		     enum back_login_state state, const void *payload,
		     size_t len, size_t used)
{
	if (!my_packet_put(t->out, &b->seq, payload, len))
		return my_back_login_no_memory(b->login);
	b->login->state = state;
	return order_bytes(ORDER_DISCARD, used);
}

/* ------------------------------------------------------------------------
 * Greeting
 */

/* The bits for this server; false: it cannot do what the class needs. */
static bool
choose_caps(struct my_back *b, const struct my_greeting *g)
{
	const struct my_back_login *l = b->login;

	b->caps = (MY_CAPS_ALWAYS | l->class_caps) & g->caps;
	b->ext = (MY_EXT_ALWAYS | l->class_ext) & g->ext;
	if (l->database[0] != '\0')
		b->caps |= MY_CLIENT_CONNECT_WITH_DB;
	return (b->caps & l->class_caps) == l->class_caps &&
	       (b->ext & l->class_ext) == l->class_ext;
}

static bool
keep_facts(struct my_back *b, const struct my_greeting *g)
{
	struct my_back_login *l = b->login;

	b->thread_id = g->thread_id;
	b->view.remote_pid = g->thread_id;
	l->facts.version = mem_strdup(g->version);
	l->facts.caps = g->caps;
	l->facts.ext = g->ext;
	l->facts.collation = g->collation;
	l->facts.is_sha2 = strcmp(g->plugin, MY_SHA2_PLUGIN) == 0;
	memcpy(l->scramble, g->scramble, sizeof(l->scramble));
	return l->facts.version != NULL;
}

/*
 * The plugin to begin with: that of the keys where there is nothing else, then
 * the one that the greeting names.  For an account that has another the server
 * asks again.
 */
static enum plugin
first_plugin(const struct my_back_login *l, const struct my_greeting *g)
{
	if (!my_back_login_is_clear(l) && l->keys_for != KEYS_NONE)
		return l->keys_for == KEYS_SHA2 ? PLUGIN_SHA2 : PLUGIN_NATIVE;
	return my_back_proof_plugin(g->plugin) == PLUGIN_SHA2 ? PLUGIN_SHA2
							      : PLUGIN_NATIVE;
}

static struct order
respond(struct my_back *b, struct turn *t, size_t used)
{
	struct my_back_login *l = b->login;
	bool is_tls = t->stream != NULL && t->stream->is_tls;
	struct my_handshake h = {
		.user = l->user,
		.database = l->database,
		.caps = b->caps | (is_tls ? MY_CLIENT_SSL : 0),
		.ext = b->ext,
		.collation = MY_LOGIN_COLLATION,
	};
	struct my_back_proof p;
	struct str s = { 0 };

	my_back_proof_make(l, &p);
	if (p.missing != NULL)
		return my_back_login_cannot(l, p.missing);
	h.auth = p.bytes;
	h.auth_len = p.len;
	h.plugin = l->plugin == PLUGIN_SHA2 ? MY_SHA2_PLUGIN : MY_NATIVE_PLUGIN;
	my_handshake_write(&s, &h);
	mem_wipe(&p, sizeof(p));
	if (!my_packet_flush(&s, t->out, &b->seq))
		return my_back_login_no_memory(l);
	l->state = BACK_AUTH;
	return order_bytes(ORDER_DISCARD, used);
}

/* The head of the response, which asks for TLS; nothing may follow the
 * greeting: that would be taken for what came under it. */
static struct order
ask_tls(struct my_back *b, struct turn *t, size_t used)
{
	struct my_handshake h = { .caps = b->caps | MY_CLIENT_SSL,
				  .ext = b->ext,
				  .collation = MY_LOGIN_COLLATION };
	struct str s = { 0 };

	if (t->in->len > used)
		return my_back_login_broken(b->login);
	my_ssl_request_write(&s, &h);
	if (!my_packet_flush(&s, t->out, &b->seq))
		return my_back_login_no_memory(b->login);
	b->login->state = BACK_ASKED;
	return order_bytes(ORDER_DISCARD, used);
}

static struct order
on_greeting(struct my_back *b, struct turn *t, const uint8_t *payload,
	    size_t len, size_t used)
{
	struct my_back_login *l = b->login;
	struct my_greeting g;

	if (len > 0 && payload[0] == MY_ERR_BYTE)
		return on_error(b, payload, len);
	if (!my_greeting_read(&g, payload, len))
		return my_back_login_fail(
			l, REASON_SERVER_PROTOCOL, FAIL_CONNECTION,
			"the server does not greet as MySQL does");
	if ((g.caps & MY_CAPS_NEEDED) != MY_CAPS_NEEDED)
		return my_back_login_fail(l, REASON_SERVER_PROTOCOL, FAIL_POOL,
					  "the server is older than MySQL 4.1");
	if (!choose_caps(b, &g))
		return my_back_login_fail(
			l, REASON_SERVER_PROTOCOL, FAIL_STARTUP,
			"the server lacks a capability that its clients "
			"were offered");
	if (!keep_facts(b, &g))
		return my_back_login_no_memory(l);
	l->plugin = first_plugin(l, &g);
	if (turn_wants_tls(t, l->tls) && (g.caps & MY_CLIENT_SSL) != 0)
		return ask_tls(b, t, used);
	if (turn_wants_tls(t, l->tls) && l->tls != SERVER_TLS_MAY)
		return my_back_login_fail(
			l, REASON_SERVER_TLS, FAIL_POOL,
			"the server has no TLS, but ssl-mode asks for it");
	return respond(b, t, used);
}

/* ------------------------------------------------------------------------
 * After the proof
 */

static void
expect_answer(struct my_back *b, enum back_login_state state)
{
	unsigned with = b->caps & MY_CLIENT_DEPRECATE_EOF ? 0 : MY_WITH_EOF;

	my_response_begin(&b->login->response, MY_ANSWER_RESULT, with);
	b->login->state = state;
}

/* A command of ours, whose answer is for nobody. */
static bool
send_query(struct my_back *b, struct turn *t, const char *text)
{
	struct str s = { 0 };

	my_put_u8(&s, COM_QUERY);
	str_puts(&s, text);
	b->seq = 0;
	return my_packet_flush(&s, t->out, &b->seq);
}

/* Both in one write; a server that refuses the first tells nothing in its
 * answer to the second. */
static struct order
send_set_up(struct my_back *b, struct turn *t, size_t used)
{
	struct my_back_login *l = b->login;
	struct str sql = { 0 };
	bool ok;

	my_state_baseline(&sql, my_lexer_server(l->facts.version));
	ok = !sql.failed &&
	     send_query(b, t,
			(b->caps & MY_CLIENT_DEPRECATE_EOF) != 0
				? MY_STATE_TRACKERS
				: MY_STATE_TRACKERS_BLIND) &&
	     send_query(b, t, str_text(&sql));
	str_fini(&sql);
	if (!ok)
		return my_back_login_no_memory(l);
	l->facts.is_tracked = true;
	expect_answer(b, BACK_TRACKERS);
	return order_bytes(ORDER_DISCARD, used);
}

static void
keep_text(struct str *s, struct my_text text)
{
	str_add(s, text.data, text.len);
	str_putc(s, '\0');
}

/* A value that was told before is told anew behind it: whoever learns them goes
 * by the last. */
static void
keep_variables(struct my_back_login *l, const struct my_tracker *t)
{
	struct my_bytes at = my_bytes(t->data.data, t->data.len);
	struct my_text name, value;

	while (my_tracker_variable(&at, &name, &value)) {
		if (l->variables.len + name.len + value.len > VARIABLES_MAX ||
		    memchr(name.data, 0, name.len) != NULL ||
		    memchr(value.data, 0, value.len) != NULL)
			continue;
		keep_text(&l->variables, name);
		keep_text(&l->variables, value);
	}
}

/* Takes what an OK says of the session; false: malformed, or no memory. */
static bool
learn(struct my_back *b, const uint8_t *payload, size_t len)
{
	struct my_back_login *l = b->login;
	struct my_ok ok;
	struct my_tracker t;
	struct my_bytes at;

	if ((b->caps & MY_CLIENT_SESSION_TRACK) == 0)
		return true;
	if (!my_ok_parse(&ok, payload, len))
		return false;
	at = my_trackers(&ok);
	while (my_tracker_next(&at, &t)) {
		struct my_text text;

		if (t.type == MY_TRACKER_VARIABLES)
			keep_variables(l, &t);
		if (t.type != MY_TRACKER_SCHEMA)
			continue;
		/* The database's own name, in its own letters. */
		text = my_tracker_text(&t);
		mem_free(l->database);
		l->database = mem_strndup(text.data, text.len);
		if (l->database == NULL)
			return false;
	}
	return !l->variables.failed;
}

static struct order
on_ok(struct my_back *b, struct turn *t, const uint8_t *payload, size_t len,
      size_t used)
{
	struct my_back_login *l = b->login;
	struct my_bytes at = my_bytes(payload + 1, len - 1);

	(void)my_read_lenenc(&at);
	(void)my_read_lenenc(&at);
	l->facts.status = my_read_u16(&at) & (uint16_t)~MY_STATUS_STATE_CHANGED;
	if (at.has_failed || !learn(b, payload, len))
		return my_back_login_broken(l);
	return send_set_up(b, t, used);
}

static struct order
on_dialogue(struct my_back *b, struct turn *t, const uint8_t *payload,
	    size_t len, size_t used)
{
	if (len == 0)
		return my_back_login_broken(b->login);
	switch (payload[0]) {
	case MY_OK_BYTE:
		return b->login->state == BACK_AUTH
			       ? on_ok(b, t, payload, len, used)
			       : my_back_login_broken(b->login);
	case MY_ERR_BYTE:
		return on_error(b, payload, len);
	default:
		break;
	}
	if (b->login->state == BACK_KEY)
		return my_back_proof_on_key(b, payload, len);
	switch (payload[0]) {
	case MY_MORE_BYTE:
		return my_back_proof_on_more(b, t, payload, len, used);
	case MY_SWITCH_BYTE:
		return my_back_proof_on_switch(b, t, payload, len, used);
	default:
		return my_back_login_broken(b->login);
	}
}

/* READY consumes nothing: the next step says it. */
static struct order
end_of_command(struct my_back *b, struct turn *t, size_t used)
{
	struct my_back_login *l = b->login;

	if (l->state == BACK_TRACKERS) {
		expect_answer(b, BACK_BASELINE);
	} else if (l->state == BACK_BASELINE && l->connect_query[0] != '\0') {
		if (!send_query(b, t, l->connect_query))
			return my_back_login_no_memory(l);
		expect_answer(b, BACK_CONNECT);
	} else {
		l->state = BACK_DONE;
	}
	return order_bytes(ORDER_DISCARD, used);
}

/*
 * An error of the first SET: a server without such trackers, whose clients are
 * followed by their texts alone.  One of the connect_query: as for other
 * servers, this one serves without it.
 */
static struct order
on_answer(struct my_back *b, struct turn *t, const struct my_head *head)
{
	struct my_back_login *l = b->login;
	uint8_t first[MY_HEAD];
	enum my_packet_kind kind;
	size_t n = head->len < MY_HEAD ? head->len : MY_HEAD;

	if (t->in->len < MY_HEADER + n)
		return order_bytes(ORDER_NEED_MORE, MY_HEADER + n);
	buf_copy_out(t->in, MY_HEADER, first, n);
	kind = my_response_take(&l->response, first, head->len);
	if (kind == MY_PACKET_BAD)
		return my_back_login_broken(l);
	if (kind == MY_PACKET_FILE)
		return my_back_login_fail(l, REASON_SERVER_PROTOCOL, FAIL_POOL,
					  "the connect_query asks for a file");
	if (kind == MY_PACKET_ERR && l->state == BACK_TRACKERS)
		l->facts.is_tracked = false;
	if (l->response.is_over)
		return end_of_command(b, t, MY_HEADER + (size_t)head->len);
	return order_bytes(ORDER_DISCARD, MY_HEADER + (size_t)head->len);
}

/* The answer to one of the SETs, whole: what an OK tells is learnt first. */
static struct order
on_set(struct my_back *b, struct turn *t, const struct my_head *head,
       const uint8_t *payload)
{
	if (head->len > 0 && payload[0] == MY_OK_BYTE &&
	    !learn(b, payload, head->len))
		return my_back_login_broken(b->login);
	return on_answer(b, t, head);
}

static struct order
ready(struct my_back *b)
{
	struct my_back_login *l = b->login;
	const struct my_facts *facts;

	l->facts.schema = l->database;
	l->facts.variables = str_text(&l->variables);
	l->facts.variables_len = l->variables.len;
	facts = my_facts_new(&l->facts);
	if (facts == NULL)
		return my_back_login_no_memory(l);
	my_facts_unref(b->facts);
	b->facts = facts;
	my_back_login_free(l);
	b->login = NULL;
	return order_plain(ORDER_READY);
}

/* The packet at the head, which is whole. */
static struct order
on_packet(struct my_back *b, struct turn *t, const struct my_head *head)
{
	size_t used = MY_HEADER + (size_t)head->len;
	uint8_t *payload = mem_zalloc((size_t)head->len + 1);
	struct order o;

	if (payload == NULL)
		return my_back_login_no_memory(b->login);
	buf_copy_out(t->in, MY_HEADER, payload, head->len);
	b->seq = (uint8_t)(head->seq + 1);
	if (b->login->state == BACK_GREETING)
		o = on_greeting(b, t, payload, head->len, used);
	else if (b->login->state == BACK_TRACKERS ||
		 b->login->state == BACK_BASELINE)
		o = on_set(b, t, head, payload);
	else
		o = on_dialogue(b, t, payload, head->len, used);
	mem_wipe_free(payload, head->len);
	return o;
}

struct order
my_back_login_step(struct my_back *b, struct turn *t)
{
	struct my_back_login *l = b->login;
	struct my_head head;

	if (l->state == BACK_WORKING)
		return my_back_proof_on_encrypted(b, t);
	if (l->state == BACK_DONE)
		return ready(b);
	if (l->state == BACK_ASKED) {
		l->state = BACK_SECURING;
		return order_plain(ORDER_START_TLS);
	}
	if (l->state == BACK_SECURING)
		return t->stream->is_tls ? respond(b, t, 0)
					 : order_plain(ORDER_WAIT);
	if (!my_head_peek(t->in, 0, &head))
		return order_bytes(ORDER_NEED_MORE, MY_HEADER);
	if (l->state == BACK_CONNECT)
		return on_answer(b, t, &head);
	if (head.len > INSPECT_MAX)
		return my_back_login_broken(l);
	if (!my_packet_is_in(t->in, 0, &head))
		return order_bytes(ORDER_NEED_MORE,
				   MY_HEADER + (size_t)head.len);
	return on_packet(b, t, &head);
}
