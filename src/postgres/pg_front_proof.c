/*
 * How a client proves who it is; see pg_front_login.c.
 *
 * Against a secret in clear text the challenge needs no work, and a right proof
 * none but once: its keys are kept.  Any other proof costs PBKDF2 on a helper
 * thread, kept keys or not, such a user or not: the time tells nothing.
 *
 * PostgreSQL manual, "Message Flow", "SASL Authentication".
 */
#include <string.h>

#include "auth/secret.h"
#include "base/mem.h"
#include "pg_front_inner.h"
#include "pg_front_work.h"
#include "postgres/pgwire.h"

#define PASSWORD_MAX 65535u /* bytes of a password message */
#define SASL_MAX 2048u      /* of one of SASL, with room for its mechanism */

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

/* A message of len bytes proved it. */
static struct order
proven(struct pg_front_login *l, size_t len)
{
	return pg_login_next(l, LOGIN_PROVEN,
			     order_bytes(ORDER_DISCARD, len + PG_HEADER));
}

static struct order
trusted(struct pg_front_login *l)
{
	return pg_login_next(l, LOGIN_PROVEN, order_bytes(ORDER_DISCARD, 0));
}

static struct order
ask(struct pg_front_login *l, struct turn *t, enum login_state state,
    uint32_t code, const void *data, size_t len)
{
	if (!put_request(t->out, code, data, len))
		return pg_login_fail(l, REASON_NO_MEMORY);
	return pg_login_next(l, state, order_bytes(ORDER_DISCARD, 0));
}

/* Where a login can be tied to our certificate, that is offered first. */
static struct order
ask_sasl(struct pg_front_login *l, struct turn *t)
{
	static const char plain[] = SCRAM_MECHANISM "\0";
	static const char both[] =
		SCRAM_MECHANISM_PLUS "\0" SCRAM_MECHANISM "\0";

	l->binding.len = turn_binding(t, l->binding.data);
	if (l->binding.len > 0)
		l->binding.plus = SCRAM_PLUS_OFFERED;
	l->scram = mem_zalloc(sizeof(*l->scram));
	if (l->scram == NULL)
		return pg_login_fail(l, REASON_NO_MEMORY);
	if (l->binding.len > 0)
		return ask(l, t, LOGIN_SASL_INITIAL, 10, both, sizeof(both));
	return ask(l, t, LOGIN_SASL_INITIAL, 10, plain, sizeof(plain));
}

static struct order
begin_proof(struct pg_front_login *l, struct turn *t, enum secret_kind kind)
{
	switch (l->method) {
	case AUTH_TRUST:
		return l->secret != NULL ? trusted(l)
					 : pg_login_fail(l, REASON_AUTH_FAILED);
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
	return pg_login_fail_words(l, t->answer.reason, t->answer.words);
}

struct order
pg_login_on_verified(struct pg_front_login *l, struct turn *t)
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
			return pg_login_fail(l, REASON_NO_MEMORY);
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
		*o = pg_login_fail_words(l, REASON_PROTOCOL, l->words);
		return NULL;
	}
	switch (pg_frame_peek(
		&scan, 0, l->state == LOGIN_PASSWORD ? PASSWORD_MAX : SASL_MAX,
		&f)) {
	case PG_FRAME_PARTIAL:
		return NULL;
	case PG_FRAME_SHORT:
	case PG_FRAME_LARGE:
		*o = pg_login_fail_words(l, REASON_PROTOCOL,
					 "invalid message length");
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
		*o = pg_login_fail(l, REASON_NO_MEMORY);
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
		return pg_login_fail(l, REASON_NO_MEMORY);
	l->worked_from = l->state;
	return pg_login_next(l, LOGIN_WORKING, o);
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

struct order
pg_login_on_password(struct pg_front_login *l, struct turn *t)
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
		return pg_login_fail_words(l, REASON_PROTOCOL,
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
	return ok ? proven(l, len) : pg_login_fail(l, REASON_AUTH_FAILED);
}

/* ------------------------------------------------------------------------
 * SASL
 */

static struct order
sasl_failed(struct pg_front_login *l, enum scram_status status)
{
	struct order o;

	if (status == SCRAM_WRONG_PROOF)
		return pg_login_fail(l, REASON_AUTH_FAILED);
	o = pg_login_fail_words(l, REASON_PROTOCOL, "malformed SCRAM message");
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
	scram_server_bind(l->scram, &l->binding);
	status = scram_server_first(l->scram, msg, len, &reply);
	if (status != SCRAM_OK)
		return sasl_failed(l, status);
	return ask(l, t, LOGIN_SASL_FINAL, 11, reply.text, reply.len);
}

/* Is it one of those that were offered?  Then the exchange is of that. */
static bool
choose_mechanism(struct pg_front_login *l, const char *mechanism)
{
	if (l->binding.len > 0 &&
	    strcmp(mechanism, SCRAM_MECHANISM_PLUS) == 0) {
		l->binding.plus = SCRAM_PLUS_CHOSEN;
		return true;
	}
	return strcmp(mechanism, SCRAM_MECHANISM) == 0;
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
	    !choose_mechanism(l, mechanism)) {
		*o = pg_login_fail_words(l, REASON_PROTOCOL,
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
		*o = pg_login_fail_words(l, REASON_PROTOCOL,
					 "invalid message format");
		return NULL;
	}
	*len = b.left;
	return b.at;
}

struct order
pg_login_on_client_first(struct pg_front_login *l, struct turn *t)
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
				return pg_login_fail(l, REASON_NO_MEMORY);
			return o;
		}
	}
	if (!pg_login_verifier(l->startup.user, l->secret, t, &v)) {
		mem_free(body);
		return pg_login_fail(l, REASON_INTERNAL);
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

struct order
pg_login_on_client_final(struct pg_front_login *l, struct turn *t)
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
struct order
pg_login_on_work_done(struct pg_front_login *l, struct turn *t)
{
	struct pg_login_work *w = t->answer.job;

	if (t->answer.kind != ANSWER_JOB)
		return order_plain(ORDER_WAIT);
	if (l->worked_from == LOGIN_SASL_FINAL) {
		*l->scram = w->scram;
		return answer_final(l, t, w->status, &w->reply, w->size);
	}
	return w->ok ? proven(l, w->size)
		     : pg_login_fail(l, REASON_AUTH_FAILED);
}
