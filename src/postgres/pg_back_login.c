/*
 * Logging in to a server: from the startup packet to ReadyForQuery, and the
 * connect_query after it.
 *
 * Owns the login's state with its secrets, which is wiped and freed at READY.
 * A server is trusted with no more than it proves: the work that it may ask of
 * us is capped, and once SCRAM has begun only a right signature ends it well.
 * PostgreSQL manual, "Message Flow", "Start-up" and "SASL Authentication".
 */
#include <string.h>

#include "auth/key_cache.h"
#include "auth/pg_md5.h"
#include "auth/scram.h"
#include "auth/secret.h"
#include "base/mem.h"
#include "pg_back.h"

enum back_login_state {
	BACK_BEGIN,
	BACK_ASKED,      /* for TLS: a letter is due */
	BACK_GRANTED,    /* it was dropped */
	BACK_SECURING,   /* the handshake is going on */
	BACK_AUTH,       /* an authentication request is due */
	BACK_CHALLENGE,  /* SASL: server-first */
	BACK_WORKING,    /* SASL: a helper thread makes the keys */
	BACK_SIGNATURE,  /* SASL: server-final */
	BACK_SIGNED,     /* SASL: AuthenticationOk */
	BACK_PARAMETERS, /* until ReadyForQuery */
	BACK_CONNECT,    /* until the connect_query's ReadyForQuery */
	BACK_CANCELED,   /* no login: the cancel request was sent */
};

struct pg_back_login {
	enum back_login_state state;
	struct str startup;  /* owns: the packet */
	char *user;          /* owns */
	char *secret;        /* owns */
	char *connect_query; /* owns */
	bool has_keys;
	uint8_t tls;     /* enum server_tls */
	bool is_refused; /* TLS, by a letter */
	bool is_cancel;  /* no login: startup is all that is said */
	bool has_words;  /* a client's startup words */
	bool is_bound;   /* SASL: to the server's certificate */
	bool is_done;    /* ReadyForQuery was taken: READY is next */
	struct scram_keys keys;
	struct scram_client scram;
	char words[256]; /* of a refusal */
};

static void
put_pair(struct str *s, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	pg_put_text(s, name);
	pg_put_text(s, value);
}

/* Do the words set this name, or speak of it among their options? */
static bool
has_word(struct startup_words words, const char *name)
{
	struct pg_body at = { .at = (const uint8_t *)words.data,
			      .left = words.len };

	while (at.left > 0) {
		const char *is = pg_body_text(&at);
		const char *value = is == NULL ? NULL : pg_body_text(&at);

		if (value == NULL)
			break;
		if (text_equal_nocase(is, name) ||
		    (strcmp(is, "options") == 0 &&
		     strcasestr(value, name) != NULL))
			return true;
	}
	return false;
}

/* The database's own value, where the client says nothing of it. */
static void
put_default(struct str *s, struct startup_words words, const char *name,
	    const char *value)
{
	if (!has_word(words, name))
		put_pair(s, name, value);
}

static void
make_startup(struct str *s, const char *user, const char *database,
	     struct startup_words words, const struct policy *policy)
{
	size_t mark = pg_put_begin(s, 0);

	pg_put_u32(s, 3u << 16);
	put_pair(s, "user", user);
	put_pair(s, "database", database);
	put_default(s, words, "client_encoding", policy->client_encoding);
	put_default(s, words, "datestyle", policy->datestyle);
	put_default(s, words, "timezone", policy->timezone);
	put_default(s, words, "application_name", policy->application_name);
	str_add(s, words.data, words.len);
	str_putc(s, '\0');
	pg_put_end(s, mark);
}

struct pg_back_login *
pg_back_login_new(const struct credential *cred, const char *database,
		  struct startup_words words, const struct policy *policy)
{
	struct pg_back_login *l = mem_zalloc(sizeof(*l));

	if (l == NULL)
		return NULL;
	make_startup(&l->startup, cred->user, database, words, policy);
	l->tls = policy->server_tls;
	l->has_words = words.len > 0;
	l->user = mem_strdup(cred->user);
	l->secret = mem_strdup(cred->secret);
	l->connect_query = mem_strdup(policy->connect_query);
	if (cred->client_key != NULL && cred->server_key != NULL) {
		l->has_keys = true;
		memcpy(l->keys.client_key, cred->client_key, SCRAM_KEY_BYTES);
		memcpy(l->keys.server_key, cred->server_key, SCRAM_KEY_BYTES);
	}
	if (l->startup.failed || l->user == NULL || l->secret == NULL ||
	    l->connect_query == NULL) {
		pg_back_login_free(l);
		return NULL;
	}
	return l;
}

struct pg_back_login *
pg_back_login_cancel(const void *request, size_t len,
		     const struct policy *policy)
{
	struct pg_back_login *l = mem_zalloc(sizeof(*l));

	if (l == NULL)
		return NULL;
	str_add(&l->startup, request, len);
	l->is_cancel = true;
	l->tls = policy->server_tls == SERVER_TLS_DIRECT ? SERVER_TLS_DIRECT
							 : SERVER_TLS_MUST;
	if (!l->startup.failed)
		return l;
	pg_back_login_free(l);
	return NULL;
}

void
pg_back_login_free(struct pg_back_login *l)
{
	if (l == NULL)
		return;
	str_fini(&l->startup);
	mem_free(l->user);
	mem_wipe_str(l->secret);
	mem_free(l->connect_query);
	scram_client_fini(&l->scram);
	mem_wipe_free(l, sizeof(*l));
}

static struct order
fail(struct pg_back_login *l, enum reason reason, enum fail_scope scope,
     const char *words)
{
	struct order o = order_fail(scope, reason);

	if (words != NULL) {
		(void)text_copy(l->words, sizeof(l->words), words);
		o.fail.text = l->words;
	}
	return o;
}

static struct order
broken(struct pg_back_login *l)
{
	return fail(l, REASON_SERVER_PROTOCOL, FAIL_CONNECTION,
		    "the server broke the protocol during login");
}

/* The server asks for a proof that is not to be had. */
static struct order
cannot(struct pg_back_login *l, const char *words)
{
	return fail(l, REASON_SERVER_AUTH, FAIL_POOL, words);
}

static bool
must_bind(const struct turn *t)
{
	return t->policy->channel_binding == CHANNEL_BINDING_REQUIRE;
}

static struct order
unbound(struct pg_back_login *l)
{
	return cannot(l, "channel_binding=require, but the server does not "
			 "offer it");
}

/* ------------------------------------------------------------------------
 * Proofs
 */

/* A password message; its text ends with a NUL where with_nul says so. */
static struct order
send_proof(struct pg_back_login *l, struct turn *t, const char *text,
	   size_t len, size_t consumed)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'p');

	str_add(&s, text, len);
	pg_put_end(&s, mark);
	if (!pg_put_flush(&s, t->out))
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	return order_bytes(ORDER_DISCARD, consumed);
}

static struct order
on_clear(struct pg_back_login *l, struct turn *t, size_t total)
{
	if (secret_kind(l->secret) != SECRET_CLEAR)
		return cannot(l, "the server wants a clear-text password, but "
				 "only a hash of it is known");
	return send_proof(l, t, l->secret, strlen(l->secret) + 1, total);
}

static struct order
on_md5(struct pg_back_login *l, struct turn *t, const struct pg_body *data,
       size_t total)
{
	char response[PG_MD5_ROOM];

	if (data->left != PG_MD5_SALT_BYTES)
		return broken(l);
	if (!pg_md5_response(l->secret, l->user, data->at, response))
		return cannot(l, "the server wants an md5 password, but "
				 "neither the password nor its md5 is known");
	return send_proof(l, t, response, sizeof(response), total);
}

/*
 * Chooses of the server's mechanisms, and says what to tie the login to; NULL:
 * there is none for us.  A server without -PLUS hears that we would have it, so
 * that it notices if it was taken from its list.
 */
static const char *
choose_mechanism(const struct turn *t, struct pg_body *data,
		 struct scram_binding *binding)
{
	const char *mechanism, *plain = NULL, *plus = NULL;

	while ((mechanism = pg_body_text(data)) != NULL &&
	       mechanism[0] != '\0') {
		if (strcmp(mechanism, SCRAM_MECHANISM) == 0)
			plain = SCRAM_MECHANISM;
		else if (strcmp(mechanism, SCRAM_MECHANISM_PLUS) == 0)
			plus = SCRAM_MECHANISM_PLUS;
	}
	if (t->policy->channel_binding != CHANNEL_BINDING_DISABLE)
		binding->len = turn_binding(t, binding->data);
	if (binding->len == 0)
		return plain;
	binding->plus = plus != NULL ? SCRAM_PLUS_CHOSEN : SCRAM_PLUS_OFFERED;
	return plus != NULL ? plus : plain;
}

static struct order
on_sasl(struct pg_back_login *l, struct turn *t, struct pg_body *data,
	size_t total)
{
	uint8_t nonce[SCRAM_NONCE_RAW];
	struct scram_binding binding = { 0 };
	struct scram_message first;
	struct str s = { 0 };
	const char *mechanism = choose_mechanism(t, data, &binding);

	if (mechanism == NULL)
		return cannot(l, "the server offers no SASL mechanism that is "
				 "known here");
	l->is_bound = binding.plus == SCRAM_PLUS_CHOSEN;
	if (must_bind(t) && !l->is_bound)
		return unbound(l);
	if (!l->has_keys && secret_kind(l->secret) != SECRET_CLEAR)
		return cannot(l, "the server wants SCRAM, but neither the "
				 "password nor keys that a client proved are "
				 "known");
	t->entropy(t->entropy_arg, nonce, sizeof(nonce));
	scram_client_begin(&l->scram, nonce, &binding, &first);
	str_add(&s, mechanism, strlen(mechanism) + 1);
	pg_put_u32(&s, (uint32_t)first.len);
	str_add(&s, first.text, first.len);
	if (s.failed) {
		str_fini(&s);
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	}
	l->state = BACK_CHALLENGE;
	{
		struct order o = send_proof(l, t, s.data, s.len, total);

		str_fini(&s);
		return o;
	}
}

struct key_work {
	struct key_cache *keys; /* borrows: outlives the helpers */
	char *user;             /* owns */
	char *password;         /* owns */
	uint8_t salt[SCRAM_SALT_MAX];
	size_t salt_len;
	uint32_t iterations;
	bool ok;
	struct scram_keys made;
};

/* Of many servers that log in at once the first derives for all. */
static void
key_work_run(void *arg)
{
	struct key_work *w = arg;
	struct key_source from = {
		.user = w->user,
		.secret = w->password,
		.salt = w->salt,
		.salt_len = w->salt_len,
		.iterations = w->iterations,
	};

	w->ok = key_cache_find(w->keys, &from, &w->made);
	if (w->ok)
		return;
	w->ok = key_source_derive(&from, &w->made);
	if (w->ok)
		key_cache_keep(w->keys, &from, &w->made);
}

static void
key_work_drop(void *arg)
{
	struct key_work *w = arg;

	mem_free(w->user);
	mem_wipe_str(w->password);
	mem_wipe_free(w, sizeof(*w));
}

static struct order
start_key_work(struct pg_back_login *l, struct turn *t)
{
	struct order o = { .kind = ORDER_WORK };
	struct key_work *w = mem_zalloc(sizeof(*w));

	if (w == NULL)
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	w->user = mem_strdup(l->user);
	w->password = mem_strdup(l->secret);
	if (w->user == NULL || w->password == NULL) {
		key_work_drop(w);
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	}
	w->keys = t->keys;
	memcpy(w->salt, l->scram.salt, l->scram.salt_len);
	w->salt_len = l->scram.salt_len;
	w->iterations = l->scram.iterations;
	o.job.run = key_work_run;
	o.job.drop = key_work_drop;
	o.job.arg = w;
	l->state = BACK_WORKING;
	return o;
}

/* The keys of a clear-text password were derived before. */
static bool
find_keys(struct pg_back_login *l, const struct turn *t)
{
	struct key_source from = {
		.user = l->user,
		.secret = l->secret,
		.salt = l->scram.salt,
		.salt_len = l->scram.salt_len,
		.iterations = l->scram.iterations,
	};

	return key_cache_find(t->keys, &from, &l->keys);
}

static struct order
send_answer(struct pg_back_login *l, struct turn *t,
	    const struct scram_keys *keys, size_t total)
{
	struct scram_message final;

	if (scram_client_answer(&l->scram, keys, &final) != SCRAM_OK)
		return fail(l, REASON_INTERNAL, FAIL_CONNECTION, NULL);
	l->state = BACK_SIGNATURE;
	return send_proof(l, t, final.text, final.len, total);
}

static struct order
scram_failed(struct pg_back_login *l, enum scram_status status)
{
	char words[200];

	(void)text_format(words, sizeof(words), "SCRAM with the server: %s",
			  scram_status_text(status));
	return fail(l, REASON_SERVER_AUTH, FAIL_CONNECTION, words);
}

static struct order
on_challenge(struct pg_back_login *l, struct turn *t,
	     const struct pg_body *data, size_t total)
{
	enum scram_status status = scram_client_challenge(
		&l->scram, data->at, data->left, SCRAM_ITERATIONS_CAP);

	if (status != SCRAM_OK)
		return scram_failed(l, status);
	if (secret_kind(l->secret) == SECRET_CLEAR && !find_keys(l, t))
		return start_key_work(l, t);
	return send_answer(l, t, &l->keys, total);
}

/* The message that the work was for is still at the head. */
static struct order
on_keys(struct pg_back_login *l, struct turn *t)
{
	struct key_work *w = t->answer.job;
	struct pg_scan scan = pg_scan(t->in);
	struct pg_frame f;

	if (t->answer.kind != ANSWER_JOB)
		return order_plain(ORDER_WAIT);
	if (!w->ok ||
	    pg_frame_peek(&scan, 0, PG_INSPECT_MAX, &f) != PG_FRAME_OK)
		return fail(l, REASON_INTERNAL, FAIL_CONNECTION, NULL);
	return send_answer(l, t, &w->made, f.total);
}

static struct order
on_signature(struct pg_back_login *l, const struct pg_body *data, size_t total)
{
	enum scram_status status =
		scram_client_finish(&l->scram, data->at, data->left);

	if (status != SCRAM_OK)
		return scram_failed(l, status);
	l->state = BACK_SIGNED;
	return order_bytes(ORDER_DISCARD, total);
}

static struct order
on_request(struct pg_back_login *l, struct turn *t, struct pg_body *data,
	   size_t total)
{
	const uint8_t *code = pg_body_bytes(data, 4);
	char words[80];

	if (code == NULL)
		return broken(l);
	/* Whoever stands between us would ask for anything else. */
	if (must_bind(t) && l->state == BACK_AUTH && pg_get_u32(code) != 10)
		return unbound(l);
	switch (pg_get_u32(code)) {
	case 0:
		if (l->state != BACK_AUTH && l->state != BACK_SIGNED)
			return broken(l);
		l->state = BACK_PARAMETERS;
		return order_bytes(ORDER_DISCARD, total);
	case 3:
		return l->state == BACK_AUTH ? on_clear(l, t, total)
					     : broken(l);
	case 5:
		return l->state == BACK_AUTH ? on_md5(l, t, data, total)
					     : broken(l);
	case 10:
		return l->state == BACK_AUTH ? on_sasl(l, t, data, total)
					     : broken(l);
	case 11:
		return l->state == BACK_CHALLENGE
			       ? on_challenge(l, t, data, total)
			       : broken(l);
	case 12:
		return l->state == BACK_SIGNATURE ? on_signature(l, data, total)
						  : broken(l);
	default:
		break;
	}
	(void)text_format(words, sizeof(words),
			  "the server asks for authentication method %u",
			  pg_get_u32(code));
	return cannot(l, words);
}

/* ------------------------------------------------------------------------
 * After the proof
 */

static struct order
on_parameter(struct pg_back *b, struct pg_body *data, size_t total)
{
	const char *name = pg_body_text(data);
	const char *value = name == NULL ? NULL : pg_body_text(data);
	struct pg_params *p;

	if (value == NULL || pg_params_size(b->params) + total > PG_PARAMS_MAX)
		return broken(b->login);
	p = pg_params_with(b->params, name, value);
	if (p == NULL)
		return fail(b->login, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	pg_params_put(&b->params, p);
	return order_bytes(ORDER_DISCARD, total);
}

static struct order
on_key(struct pg_back *b, const struct pg_body *data, size_t total)
{
	if (data->left < 8 || data->left > 260 || b->key != NULL)
		return broken(b->login);
	b->key = mem_zalloc(data->left);
	if (b->key == NULL)
		return fail(b->login, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	memcpy(b->key, data->at, data->left);
	b->key_len = (uint16_t)data->left;
	b->view.remote_pid = pg_get_u32(data->at);
	return order_bytes(ORDER_DISCARD, total);
}

/*
 * Errors about who we are, or about the database, concern the whole pool; those
 * about a client's startup words, which the server reads after the proof, all
 * that say the same words.
 */
static enum fail_scope
scope_of(const struct pg_back_login *l, const char *state)
{
	if (state == NULL)
		return FAIL_CONNECTION;
	if (strncmp(state, "28", 2) == 0 || strcmp(state, "3D000") == 0)
		return FAIL_POOL;
	if (l->has_words && l->state == BACK_PARAMETERS &&
	    (strncmp(state, "22", 2) == 0 || strncmp(state, "42", 2) == 0 ||
	     strncmp(state, "0A", 2) == 0 || strcmp(state, "55P02") == 0))
		return FAIL_STARTUP;
	return FAIL_CONNECTION;
}

static struct order
on_error(struct pg_back *b, const struct pg_body *data, size_t total)
{
	const char *state = pg_error_field(data->at, data->left, 'C');

	pg_back_keep_error(b, data->at, data->left);
	/* As in PgBouncer, the server serves without it. */
	if (b->login->state == BACK_CONNECT)
		return order_bytes(ORDER_DISCARD, total);
	return fail(b->login, REASON_SERVER_LOGIN, scope_of(b->login, state),
		    NULL);
}

static struct order
ready(struct pg_back *b)
{
	pg_params_put(&b->facts, pg_params_ref(b->params));
	pg_back_login_free(b->login);
	b->login = NULL;
	pg_back_params_changed(b);
	pg_back_count(b);
	return order_plain(ORDER_READY);
}

static struct order
start_connect_query(struct pg_back_login *l, struct turn *t, size_t total)
{
	struct str s = { 0 };

	pg_put_message(&s, 'Q', l->connect_query);
	if (!pg_put_flush(&s, t->out))
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	l->connect_query[0] = '\0';
	l->state = BACK_CONNECT;
	return order_bytes(ORDER_DISCARD, total);
}

/* READY consumes nothing: the message is dropped now, and the next step says
 * READY. */
static struct order
on_ready(struct pg_back *b, struct turn *t, const struct pg_body *data,
	 size_t total)
{
	struct pg_back_login *l = b->login;

	if (l->state != BACK_PARAMETERS && l->state != BACK_CONNECT)
		return broken(l);
	/* Nobody's transaction is to be anybody's beginning. */
	if (data->left != 1 || data->at[0] != 'I')
		return broken(l);
	if (l->connect_query[0] != '\0')
		return start_connect_query(l, t, total);
	l->is_done = true;
	return order_bytes(ORDER_DISCARD, total);
}

static struct order
on_message(struct pg_back *b, struct turn *t, uint8_t type,
	   struct pg_body *data, size_t total)
{
	struct pg_back_login *l = b->login;

	switch (type) {
	case 'R':
		return on_request(l, t, data, total);
	case 'E':
		return on_error(b, data, total);
	case 'N':
	case 'v':
		return order_bytes(ORDER_DISCARD, total);
	default:
		break;
	}
	if (l->state < BACK_PARAMETERS)
		return broken(l);
	switch (type) {
	case 'S':
		return on_parameter(b, data, total);
	case 'K':
		return on_key(b, data, total);
	case 'Z':
		return on_ready(b, t, data, total);
	default:
		break;
	}
	/* The rows and tags of the connect_query are for nobody. */
	return l->state == BACK_CONNECT ? order_bytes(ORDER_DISCARD, total)
					: broken(l);
}

/* ------------------------------------------------------------------------
 * TLS
 */

static struct order
ask_tls(struct pg_back_login *l, struct turn *t)
{
	static const uint8_t request[] = { 0, 0, 0, 8, 4, 210, 22, 47 };

	if (l->tls == SERVER_TLS_DIRECT) {
		l->state = BACK_SECURING;
		return order_plain(ORDER_START_TLS);
	}
	if (!buf_append(t->out, request, sizeof(request)))
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	l->state = BACK_ASKED;
	return order_bytes(ORDER_DISCARD, 0);
}

/* Nothing may follow it: that would be taken for what came under TLS. */
static struct order
on_letter(struct pg_back_login *l, struct turn *t)
{
	uint8_t letter;

	if (t->in->len == 0)
		return order_bytes(ORDER_NEED_MORE, 1);
	buf_copy_out(t->in, 0, &letter, 1);
	if (t->in->len > 1 || (letter != 'S' && letter != 'N'))
		return broken(l);
	if (letter == 'N' && l->tls != SERVER_TLS_MAY)
		return fail(l, REASON_SERVER_TLS, FAIL_POOL,
			    "the server has no TLS, but sslmode asks for it");
	l->is_refused = letter == 'N';
	l->state = letter == 'S' ? BACK_GRANTED : BACK_BEGIN;
	return order_bytes(ORDER_DISCARD, 1);
}

static struct order
begin(struct pg_back_login *l, struct turn *t)
{
	if (turn_wants_tls(t, l->tls) && !l->is_refused)
		return ask_tls(l, t);
	if (!buf_append(t->out, l->startup.data, l->startup.len))
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	l->state = l->is_cancel ? BACK_CANCELED : BACK_AUTH;
	return l->is_cancel ? order_plain(ORDER_READY)
			    : order_bytes(ORDER_DISCARD, 0);
}

struct order
pg_back_login_step(struct pg_back *b, struct turn *t)
{
	struct pg_back_login *l = b->login;
	struct pg_scan scan = pg_scan(t->in);
	struct pg_frame f;
	struct pg_body data;
	uint8_t *body;
	struct order o;

	if (l->state == BACK_SECURING && t->stream->is_tls)
		l->state = BACK_BEGIN;
	switch ((int)l->state) {
	case BACK_BEGIN:
		b->is_secure = t->stream != NULL && t->stream->is_tls;
		return begin(l, t);
	case BACK_ASKED:
		return on_letter(l, t);
	case BACK_GRANTED:
		l->state = BACK_SECURING;
		return order_plain(ORDER_START_TLS);
	case BACK_SECURING:
		return order_plain(ORDER_WAIT);
	case BACK_CANCELED: /* it closes when the signal is sent */
		return t->peer_eof ? order_plain(ORDER_CLOSE)
				   : order_plain(ORDER_WAIT);
	default:
		break;
	}
	if (l->state == BACK_WORKING)
		return on_keys(l, t);
	if (l->is_done)
		return ready(b);
	switch (pg_frame_peek(&scan, 0, PG_INSPECT_MAX, &f)) {
	case PG_FRAME_PARTIAL:
		return order_bytes(ORDER_NEED_MORE, PG_HEADER);
	case PG_FRAME_SHORT:
	case PG_FRAME_LARGE:
		return broken(l);
	case PG_FRAME_OK:
		break;
	}
	if (!pg_frame_is_whole(&scan, &f))
		return order_bytes(ORDER_NEED_MORE, f.total);
	data.left = f.total - PG_HEADER;
	body = mem_zalloc(data.left + 1);
	if (body == NULL)
		return fail(l, REASON_NO_MEMORY, FAIL_CONNECTION, NULL);
	buf_copy_out(t->in, PG_HEADER, body, data.left);
	data.at = body;
	o = on_message(b, t, f.type, &data, f.total);
	mem_wipe_free(body, f.total - PG_HEADER);
	return o;
}
