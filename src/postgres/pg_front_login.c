/*
 * A client's login: from the startup packet to the first ReadyForQuery.
 *
 * Which message is legal stands in the state: a startup packet in STARTUP, a
 * password message ('p') in PASSWORD and the SASL states, nothing anywhere
 * else.  Who the client is, is written once, by the startup packet.  A user
 * that does not exist goes the same way as one that does, against a mock, and
 * whatever is wrong besides the password (no such database, an unsupported
 * setting) is told only to those who have proven who they are.
 *
 * Against a secret in clear text the challenge needs no work, and a right proof
 * none but once: its keys are kept.  Any other proof costs PBKDF2 on a helper
 * thread, kept keys or not, such a user or not: the time tells nothing.
 *
 * Owns the login's state, which is wiped and freed at READY.  PostgreSQL
 * manual, "Message Flow", "Start-up" and "SASL Authentication".
 */
#include <string.h>

#include "auth/pg_md5.h"
#include "auth/scram.h"
#include "auth/secret.h"
#include "base/mem.h"
#include "pg_front.h"
#include "pg_front_work.h"
#include "pg_startup.h"
#include "postgres/pgwire.h"

#define PASSWORD_MAX 65535u /* bytes of a password message */
#define SASL_MAX 2048u      /* of one of SASL, with room for its mechanism */
#define ANSWER_MORE 192u    /* of the login's answer, beside its parameters */

enum login_state {
	LOGIN_STARTUP,
	LOGIN_ROUTED,   /* the answer to ROUTE is due */
	LOGIN_VERIFIED, /* the answer to VERIFY is due */
	LOGIN_PASSWORD,
	LOGIN_SASL_INITIAL,
	LOGIN_SASL_FIRST, /* as INITIAL, which came without data */
	LOGIN_SASL_FINAL,
	LOGIN_WORKING, /* a helper thread computes */
	LOGIN_PROVEN,
	LOGIN_FACTS, /* the answer to NEED_FACTS is due */
};

struct pg_front_login {
	enum login_state state;
	enum login_state worked_from; /* WORKING: what the work is for */
	unsigned seen;                /* PG_SEEN_* */
	struct pg_startup startup;
	struct str own; /* owns: what its servers are told; session mode */
	enum pool_mode mode;
	enum reason doomed; /* told after the proof */
	enum auth_method method;
	bool starts_tls; /* the request is answered, and dropped */
	bool is_direct;  /* it began with TLS, without a request */
	bool is_console;
	bool has_keys;  /* the client proved them, nobody took them yet */
	bool is_old;    /* speaks protocol 2 */
	bool is_costly; /* PBKDF2 for him, or for one who is taken for him */
	char *secret;   /* owns: NULL = a mock */
	uint8_t salt[PG_MD5_SALT_BYTES];
	struct scram_server *scram; /* owns: once SASL has begun, or NULL */
	char words[256];            /* of the refusal */
};

struct pg_front_login *
pg_front_login_new(void)
{
	return mem_zalloc(sizeof(struct pg_front_login));
}

void
pg_front_login_free(struct pg_front_login *l)
{
	if (l == NULL)
		return;
	pg_startup_fini(&l->startup);
	str_fini(&l->own);
	if (l->scram != NULL)
		scram_server_fini(l->scram);
	mem_free(l->scram);
	mem_wipe_str(l->secret);
	mem_wipe_free(l, sizeof(*l));
}

bool
pg_front_login_is_old(const struct pg_front_login *l)
{
	return l != NULL && l->is_old;
}

void
pg_front_login_words(const struct pg_front_login *l, enum reason reason,
		     struct str *text)
{
	char name[160];

	if (l == NULL)
		return;
	if (reason == REASON_AUTH_FAILED && l->startup.user != NULL)
		str_printf(text,
			   "password authentication failed for user "
			   "\"%s\"",
			   pg_safe_name(l->startup.user, name, sizeof(name)));
	else if (reason == REASON_NO_DATABASE && l->startup.database != NULL)
		str_printf(
			text, "database \"%s\" does not exist",
			pg_safe_name(l->startup.database, name, sizeof(name)));
}

static struct order
fail_words(struct pg_front_login *l, enum reason reason, const char *words)
{
	struct order o = order_fail(FAIL_CONNECTION, reason);

	if (words != NULL && words[0] != '\0') {
		if (words != l->words)
			(void)text_copy(l->words, sizeof(l->words), words);
		o.fail.text = l->words;
	}
	return o;
}

static struct order
fail(struct pg_front_login *l, enum reason reason)
{
	struct str text = { 0 };
	struct order o;

	pg_front_login_words(l, reason, &text);
	o = fail_words(l, reason, str_text(&text));
	str_fini(&text);
	return o;
}

static struct order
next(struct pg_front_login *l, enum login_state state, struct order o)
{
	l->state = state;
	return o;
}

/* An authentication request: code, then data. */
static bool
put_request(struct buf *out, uint32_t code, const void *data, size_t len)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'R');

	pg_put_u32(&s, code);
	str_add(&s, data, len);
	pg_put_end(&s, mark);
	return pg_put_flush(&s, out);
}

/* ------------------------------------------------------------------------
 * Startup
 */

static struct order
on_message(struct pg_front_login *l, struct turn *t)
{
	struct order o = { .kind = ORDER_ROUTE };

	if (turn_misses_tls(t))
		return fail(l, REASON_TLS_REQUIRED);
	/* Else what speaks another protocol could be led here. */
	if (l->is_direct && !t->stream->has_alpn)
		return fail_words(l, REASON_PROTOCOL,
				  "received direct SSL connection request "
				  "without ALPN protocol negotiation "
				  "extension");
	if (!pg_startup_negotiate(&l->startup, t->out))
		return fail(l, REASON_NO_MEMORY);
	o.route.database = l->startup.database;
	o.route.user = l->startup.user;
	o.route.kind = ROUTE_NORMAL;
	if (l->startup.is_replication)
		return fail(l, REASON_REPLICATION);
	l->state = LOGIN_ROUTED;
	return o;
}

/* A request that is answered with a letter. */
static struct order
on_request(struct pg_front_login *l, struct turn *t, unsigned seen)
{
	bool is_tls = seen == PG_SEEN_SSL && turn_offers_tls(t);
	size_t total = l->startup.total;

	l->seen |= seen;
	pg_startup_fini(&l->startup);
	/* Whatever came with the request was not meant to be read in clear. */
	if (t->in->len > total)
		return fail_words(l, REASON_PROTOCOL,
				  seen == PG_SEEN_SSL
					  ? "received unencrypted data after "
					    "SSL request"
					  : "received unencrypted data after "
					    "GSSAPI encryption request");
	if (!buf_append(t->out, is_tls ? "S" : "N", 1))
		return fail(l, REASON_NO_MEMORY);
	l->starts_tls = is_tls;
	return order_bytes(ORDER_DISCARD, total);
}

static struct order
on_startup(struct pg_front_login *l, struct turn *t)
{
	struct order o;

	if (!l->starts_tls && l->seen == PG_SEEN_NONE && turn_offers_tls(t) &&
	    pg_startup_is_tls(t->in))
		l->starts_tls = l->is_direct = true;
	if (l->starts_tls) {
		l->starts_tls = false;
		return order_plain(ORDER_START_TLS);
	}
	/* Its packet was dropped by the last order, now it is looked at. */
	if (l->startup.kind == PG_STARTUP_MESSAGE)
		return on_message(l, t);
	pg_startup_read(&l->startup, t->in, l->seen, t->policy);
	switch (l->startup.kind) {
	case PG_STARTUP_PARTIAL:
		return order_bytes(ORDER_NEED_MORE, l->startup.total);
	case PG_STARTUP_BAD:
		/* Version 2 packets begin with a length too. */
		l->is_old = l->startup.reason == REASON_UNSUPPORTED_PROTOCOL &&
			    strstr(l->startup.text, " 2.") != NULL;
		return fail_words(l, l->startup.reason, l->startup.text);
	case PG_STARTUP_SSL:
		return on_request(l, t, PG_SEEN_SSL);
	case PG_STARTUP_GSSENC:
		return on_request(l, t, PG_SEEN_GSS);
	case PG_STARTUP_CANCEL:
		o = order_plain(ORDER_CANCEL);
		o.cancel.key = l->startup.key;
		o.cancel.len = l->startup.key_len;
		return o;
	case PG_STARTUP_MESSAGE:
		break;
	}
	return order_bytes(ORDER_DISCARD, l->startup.total);
}

/* ------------------------------------------------------------------------
 * Proofs
 */

static struct order
on_routed(struct pg_front_login *l, struct turn *t)
{
	if (t->answer.kind != ANSWER_ROUTE)
		return order_plain(ORDER_WAIT);
	l->doomed = t->answer.reason;
	l->is_console = t->answer.is_console;
	l->mode = t->answer.mode;
	return next(l, LOGIN_VERIFIED, order_plain(ORDER_VERIFY));
}

/* A message of len bytes proved it. */
static struct order
proven(struct pg_front_login *l, size_t len)
{
	return next(l, LOGIN_PROVEN,
		    order_bytes(ORDER_DISCARD, len + PG_HEADER));
}

static struct order
trusted(struct pg_front_login *l)
{
	return next(l, LOGIN_PROVEN, order_bytes(ORDER_DISCARD, 0));
}

static struct order
ask(struct pg_front_login *l, struct turn *t, enum login_state state,
    uint32_t code, const void *data, size_t len)
{
	if (!put_request(t->out, code, data, len))
		return fail(l, REASON_NO_MEMORY);
	return next(l, state, order_bytes(ORDER_DISCARD, 0));
}

static struct order
ask_sasl(struct pg_front_login *l, struct turn *t)
{
	static const char mechanisms[] = SCRAM_MECHANISM "\0";

	l->scram = mem_zalloc(sizeof(*l->scram));
	if (l->scram == NULL)
		return fail(l, REASON_NO_MEMORY);
	return ask(l, t, LOGIN_SASL_INITIAL, 10, mechanisms,
		   sizeof(mechanisms));
}

static struct order
begin_proof(struct pg_front_login *l, struct turn *t, enum secret_kind kind)
{
	switch (l->method) {
	case AUTH_TRUST:
		return l->secret != NULL ? trusted(l)
					 : fail(l, REASON_AUTH_FAILED);
	case AUTH_ANY:
		return trusted(l);
	case AUTH_PLAIN:
		l->is_costly = kind == SECRET_SCRAM || kind == SECRET_MY_SHA2;
		return ask(l, t, LOGIN_PASSWORD, 3, "", 0);
	case AUTH_MD5:
		if (kind == SECRET_SCRAM)
			return ask_sasl(l, t);
		t->entropy(t->entropy_arg, l->salt, sizeof(l->salt));
		return ask(l, t, LOGIN_PASSWORD, 5, l->salt, sizeof(l->salt));
	case AUTH_SCRAM:
		l->is_costly = kind == SECRET_CLEAR;
		return ask_sasl(l, t);
	case AUTH_REJECT:
	case AUTH_CERT:
	case AUTH_PEER:
	case AUTH_HBA:
		break;
	}
	return fail_words(l, t->answer.reason, t->answer.words);
}

static struct order
on_verified(struct pg_front_login *l, struct turn *t)
{
	const char *like;

	if (t->answer.kind != ANSWER_VERIFY)
		return order_plain(ORDER_WAIT);
	l->method = t->answer.method;
	like = t->answer.decoy;
	if (pg_login_is_usable(l->method, t->answer.secret)) {
		like = t->answer.secret;
		l->secret = mem_strdup(like);
		if (l->secret == NULL)
			return fail(l, REASON_NO_MEMORY);
	}
	return begin_proof(l, t, secret_kind(like));
}

/* The password message at the head, whole; NULL: *o says what to do. */
static uint8_t *
take_message(struct pg_front_login *l, struct turn *t, size_t *len,
	     struct order *o)
{
	struct pg_scan scan = pg_scan(t->in);
	struct pg_frame f;
	uint8_t *body;
	uint8_t type;

	*o = order_bytes(ORDER_NEED_MORE, PG_HEADER);
	if (t->in->len == 0)
		return NULL;
	buf_copy_out(t->in, 0, &type, 1);
	if (type != 'p') {
		(void)text_format(l->words, sizeof(l->words),
				  "expected password response, got message "
				  "type %u",
				  type);
		*o = fail_words(l, REASON_PROTOCOL, l->words);
		return NULL;
	}
	switch (pg_frame_peek(
		&scan, 0, l->state == LOGIN_PASSWORD ? PASSWORD_MAX : SASL_MAX,
		&f)) {
	case PG_FRAME_PARTIAL:
		return NULL;
	case PG_FRAME_SHORT:
	case PG_FRAME_LARGE:
		*o = fail_words(l, REASON_PROTOCOL, "invalid message length");
		return NULL;
	case PG_FRAME_OK:
		break;
	}
	if (!pg_frame_is_whole(&scan, &f)) {
		o->bytes = f.total;
		return NULL;
	}
	*len = f.total - PG_HEADER;
	body = mem_zalloc(*len + 1);
	if (body == NULL)
		*o = fail(l, REASON_NO_MEMORY);
	else
		buf_copy_out(t->in, PG_HEADER, body, *len);
	return body;
}

/* ------------------------------------------------------------------------
 * Work for a helper: PBKDF2
 */

/* The message is taken over. */
static struct order
start_work(struct pg_front_login *l, const struct turn *t,
	   void (*run)(void *arg), const struct pg_login_proof *proof)
{
	struct order o = { .kind = ORDER_WORK };

	o.job.run = run;
	o.job.drop = pg_login_work_drop;
	o.job.arg = pg_login_work_new(proof, l->scram, t);
	if (o.job.arg == NULL)
		return fail(l, REASON_NO_MEMORY);
	l->worked_from = l->state;
	return next(l, LOGIN_WORKING, o);
}

/* What a message says about who the client is. */
static struct pg_login_proof
proof_of(const struct pg_front_login *l, const struct turn *t, uint8_t *message,
	 size_t size)
{
	return (struct pg_login_proof){
		.keys = t->keys,
		.user = l->startup.user,
		.secret = l->secret,
		.message = message,
		.size = size,
	};
}

/* ------------------------------------------------------------------------
 * Passwords
 */

static struct order
on_password(struct pg_front_login *l, struct turn *t)
{
	struct order o;
	size_t len;
	uint8_t *body = take_message(l, t, &len, &o);
	struct pg_login_proof proof;
	bool ok;

	if (body == NULL)
		return o;
	if (len == 0 || memchr(body, '\0', len) != body + len - 1) {
		mem_wipe_free(body, len);
		return fail_words(l, REASON_PROTOCOL,
				  "invalid password packet size");
	}
	proof = proof_of(l, t, body, len);
	if (l->is_costly)
		return start_work(l, t, pg_login_work_password, &proof);
	if (l->method == AUTH_MD5)
		ok = pg_md5_verify(l->secret, l->startup.user, l->salt, body,
				   len - 1);
	else
		ok = secret_accepts(l->secret, l->startup.user,
				    (const char *)body);
	mem_wipe_free(body, len);
	return ok ? proven(l, len) : fail(l, REASON_AUTH_FAILED);
}

/* ------------------------------------------------------------------------
 * SASL
 */

static struct order
sasl_failed(struct pg_front_login *l, enum scram_status status)
{
	struct order o;

	if (status == SCRAM_WRONG_PROOF)
		return fail(l, REASON_AUTH_FAILED);
	o = fail_words(l, REASON_PROTOCOL, "malformed SCRAM message");
	o.fail.detail = scram_status_text(status);
	return o;
}

/* client-first is there, and the verifier: answers it. */
static struct order
answer_first(struct pg_front_login *l, struct turn *t,
	     const struct scram_verifier *v, const uint8_t *msg, size_t len)
{
	uint8_t nonce[SCRAM_NONCE_RAW];
	struct scram_message reply;
	enum scram_status status;

	t->entropy(t->entropy_arg, nonce, sizeof(nonce));
	scram_server_begin(l->scram, v, nonce);
	status = scram_server_first(l->scram, msg, len, &reply);
	if (status != SCRAM_OK)
		return sasl_failed(l, status);
	return ask(l, t, LOGIN_SASL_FINAL, 11, reply.text, reply.len);
}

/* The data of SASLInitialResponse; NULL: *o says why not. */
static const uint8_t *
initial_data(struct pg_front_login *l, uint8_t *body, size_t *len,
	     struct order *o)
{
	struct pg_body b = { .at = body, .left = *len };
	const char *mechanism = pg_body_text(&b);
	const uint8_t *size = pg_body_bytes(&b, 4);

	if (mechanism == NULL || size == NULL ||
	    strcmp(mechanism, SCRAM_MECHANISM) != 0) {
		*o = fail_words(l, REASON_PROTOCOL,
				"client selected an invalid SASL "
				"authentication mechanism");
		return NULL;
	}
	if (pg_get_u32(size) == UINT32_MAX && b.left == 0) {
		l->state = LOGIN_SASL_FIRST;
		*o = order_bytes(ORDER_DISCARD, *len + PG_HEADER);
		return NULL;
	}
	if (pg_get_u32(size) != b.left) {
		*o = fail_words(l, REASON_PROTOCOL, "invalid message format");
		return NULL;
	}
	*len = b.left;
	return b.at;
}

static struct order
on_client_first(struct pg_front_login *l, struct turn *t)
{
	struct scram_verifier v;
	struct order o;
	size_t len, total;
	uint8_t *body = take_message(l, t, &len, &o);
	const uint8_t *data = body;

	if (body == NULL)
		return o;
	total = len + PG_HEADER;
	if (l->state == LOGIN_SASL_INITIAL) {
		data = initial_data(l, body, &len, &o);
		if (data == NULL) {
			mem_free(body);
			/* No data came with it: an empty challenge asks. */
			if (o.kind == ORDER_DISCARD &&
			    !put_request(t->out, 11, "", 0))
				return fail(l, REASON_NO_MEMORY);
			return o;
		}
	}
	if (!pg_login_verifier(l->startup.user, l->secret, t, &v)) {
		mem_free(body);
		return fail(l, REASON_INTERNAL);
	}
	o = answer_first(l, t, &v, data, len);
	scram_verifier_fini(&v);
	mem_free(body);
	if (o.kind == ORDER_DISCARD)
		o.bytes = total;
	return o;
}

/* client-final, of len bytes, was judged. */
static struct order
answer_final(struct pg_front_login *l, struct turn *t, enum scram_status status,
	     const struct scram_message *reply, size_t len)
{
	struct order o;

	if (status != SCRAM_OK)
		return sasl_failed(l, status);
	o = ask(l, t, LOGIN_PROVEN, 12, reply->text, reply->len);
	if (o.kind == ORDER_DISCARD)
		o.bytes = len + PG_HEADER;
	return o;
}

static struct order
on_client_final(struct pg_front_login *l, struct turn *t)
{
	struct scram_message reply;
	enum scram_status status;
	struct order o;
	size_t len;
	uint8_t *body = take_message(l, t, &len, &o);
	struct pg_login_proof proof;

	if (body == NULL)
		return o;
	proof = proof_of(l, t, body, len);
	if (l->is_costly)
		status = pg_login_try_kept(&proof, l->scram, &reply);
	else
		status = scram_server_final(l->scram, body, len, &reply);
	if (l->is_costly && status == SCRAM_WRONG_PROOF)
		return start_work(l, t, pg_login_work_proof, &proof);
	mem_wipe_free(body, len);
	return answer_final(l, t, status, &reply, len);
}

/* The bytes of the message that the work was for are dropped only now. */
static struct order
on_work_done(struct pg_front_login *l, struct turn *t)
{
	struct pg_login_work *w = t->answer.job;

	if (t->answer.kind != ANSWER_JOB)
		return order_plain(ORDER_WAIT);
	if (l->worked_from == LOGIN_SASL_FINAL) {
		*l->scram = w->scram;
		return answer_final(l, t, w->status, &w->reply, w->size);
	}
	return w->ok ? proven(l, w->size) : fail(l, REASON_AUTH_FAILED);
}

/* ------------------------------------------------------------------------
 * After the proof
 */

static struct order
unsupported(struct pg_front_login *l)
{
	char name[64];

	if (l->startup.has_odd_options)
		return fail_words(l, REASON_STARTUP_PARAMETER,
				  "unsupported startup parameter: options "
				  "holds more than -c name=value and "
				  "--name=value");
	(void)text_format(
		l->words, sizeof(l->words), "unsupported startup parameter: %s",
		pg_safe_name(l->startup.unsupported, name, sizeof(name)));
	return fail_words(l, REASON_STARTUP_PARAMETER, l->words);
}

bool
pg_front_login_keys(struct pg_front_login *l, uint8_t client_key[32],
		    uint8_t server_key[32])
{
	struct scram_keys keys;

	if (!l->has_keys || l->scram == NULL ||
	    !scram_server_keys(l->scram, &keys))
		return false;
	l->has_keys = false;
	memcpy(client_key, keys.client_key, SCRAM_KEY_BYTES);
	memcpy(server_key, keys.server_key, SCRAM_KEY_BYTES);
	mem_wipe(&keys, sizeof(keys));
	return true;
}

/* A set has its pairs as they go out, each text with its NUL. */
static void
put_parameters(struct str *s, const struct pg_params *params)
{
	struct pg_param at = { 0 };
	size_t from = 0;

	for (; pg_params_next(params, &at); from = at.next) {
		uint8_t head[PG_HEADER] = { 'S' };

		pg_set_u32(head + 1, (uint32_t)(at.next - from + 4));
		str_add(s, (const char *)head, sizeof(head));
		str_add(s, at.name, at.next - from);
	}
}

/* AuthenticationOk comes before the parameters, ReadyForQuery after them. */
static void
put_ok(struct str *s)
{
	size_t mark = pg_put_begin(s, 'R');

	pg_put_u32(s, 0);
	pg_put_end(s, mark);
}

static void
put_ready(struct str *s)
{
	size_t mark = pg_put_begin(s, 'Z');

	str_putc(s, 'I');
	pg_put_end(s, mark);
}

static struct order
finish(struct pg_front *f, struct turn *t, struct str *s)
{
	put_ready(s);
	if (!pg_put_flush(s, t->out))
		return fail(f->login, REASON_NO_MEMORY);
	pg_front_login_free(f->login);
	f->login = NULL;
	f->view.is_at_rest = true;
	return order_plain(ORDER_READY);
}

static struct order
start_console(struct pg_front *f, struct turn *t)
{
	static const struct pg_setting told[] = {
		{ "server_version", "1.25.2/carpool" },
		{ "client_encoding", "UTF8" },
		{ "server_encoding", "UTF8" },
		{ "DateStyle", "ISO" },
		{ "TimeZone", "GMT" },
		{ "standard_conforming_strings", "on" },
		{ "integer_datetimes", "on" },
		{ "is_superuser", "on" },
	};
	struct str s = { 0 };
	size_t mark;

	f->console = pg_console_new();
	if (f->console == NULL)
		return fail(f->login, REASON_NO_MEMORY);
	put_ok(&s);
	for (size_t i = 0; i < COUNT_OF(told); i++)
		pg_put_report(&s, told[i].name, told[i].value);
	mark = pg_put_begin(&s, 'K');
	str_add(&s, (const char *)t->cancel_key, CANCEL_KEY_BYTES);
	pg_put_end(&s, mark);
	return finish(f, t, &s);
}

static struct order
need_facts(const struct pg_front_login *l)
{
	struct order o = order_plain(ORDER_NEED_FACTS);

	o.words.data = l->own.data;
	o.words.len = l->own.len;
	return o;
}

static struct order
on_proven(struct pg_front *f, struct turn *t)
{
	struct pg_front_login *l = f->login;

	if (l->doomed != REASON_NONE)
		return fail(l, l->doomed);
	if (l->is_console)
		return start_console(f, t);
	if (l->mode == POOL_SESSION)
		pg_startup_words(&l->startup, t->policy, &l->own);
	else if (l->startup.unsupported != NULL || l->startup.has_odd_options)
		return unsupported(l);
	if (l->own.failed)
		return fail(l, REASON_NO_MEMORY);
	l->has_keys = true; /* for SCRAM pass-through */
	return next(l, LOGIN_FACTS, need_facts(l));
}

/* ------------------------------------------------------------------------
 * Facts
 */

static struct order
on_facts(struct pg_front *f, struct turn *t)
{
	struct str s = { 0 };
	size_t mark;

	if (t->answer.kind != ANSWER_FACTS)
		return need_facts(f->login);
	if (!pg_front_take_facts(f, t, &f->login->startup, f->login->mode))
		return fail(f->login, REASON_NO_MEMORY);
	str_reserve(&s, pg_params_size(f->params) + ANSWER_MORE);
	put_ok(&s);
	put_parameters(&s, f->params);
	mark = pg_put_begin(&s, 'K');
	str_add(&s, (const char *)t->cancel_key, CANCEL_KEY_BYTES);
	pg_put_end(&s, mark);
	return finish(f, t, &s);
}

struct order
pg_front_login_step(struct pg_front *f, struct turn *t)
{
	struct pg_front_login *l = f->login;

	switch (l->state) {
	case LOGIN_STARTUP:
		return on_startup(l, t);
	case LOGIN_ROUTED:
		return on_routed(l, t);
	case LOGIN_VERIFIED:
		return on_verified(l, t);
	case LOGIN_PASSWORD:
		return on_password(l, t);
	case LOGIN_SASL_INITIAL:
	case LOGIN_SASL_FIRST:
		return on_client_first(l, t);
	case LOGIN_SASL_FINAL:
		return on_client_final(l, t);
	case LOGIN_WORKING:
		return on_work_done(l, t);
	case LOGIN_PROVEN:
		return on_proven(f, t);
	case LOGIN_FACTS:
		return on_facts(f, t);
	}
	return fail(l, REASON_INTERNAL);
}
