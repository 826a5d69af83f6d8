/*
 * How a client proves who it is; see my_front_login.c.
 *
 * A secret in clear text or as *HEX, and one of caching_sha2_password whose
 * password came before, cost some digests.  Others need the password itself,
 * over RSA, TLS or a unix socket, and a helper thread.
 *
 * MySQL Internals, "Authentication Method".
 */
#include <string.h>

#include "base/mem.h"
#include "my_facts.h"
#include "my_front.h"
#include "my_front_inner.h"
#include "my_front_work.h"
#include "my_greeting.h"
#include "my_packet.h"

#define PROOF_MAX 1024u /* bytes of a packet with a proof */

/* ------------------------------------------------------------------------
 * Proofs
 */

/* Somebody whose secret cannot be proven hears what a stranger hears; the
 * detail is for the log. */
static struct order
fail_proof(struct my_front_login *l)
{
	struct order o = my_login_fail(l, REASON_AUTH_FAILED);

	if (l->is_foreign)
		o.fail.detail = "the user's secret is of a kind that clients "
				"of this protocol cannot prove";
	return o;
}

static bool
put_more(struct str *s, uint8_t what)
{
	my_put_u8(s, MY_MORE_BYTE);
	my_put_u8(s, what);
	return !s->failed;
}

static struct order
proven(struct my_front_login *l, size_t used)
{
	return my_login_next(l, LOGIN_PROVEN, order_bytes(ORDER_DISCARD, used));
}

/* The plugin of a client that sent a proof waits to hear that it was right. */
static struct order
fast_ok(struct my_front *f, struct turn *t, size_t used)
{
	struct str s = { 0 };

	(void)put_more(&s, MY_SHA2_FAST_OK);
	return my_login_answer(f, t, LOGIN_PROVEN, &s, used);
}

static struct order
trusted(struct my_front *f, struct turn *t)
{
	if (f->login->plugin == PLUGIN_SHA2 && my_login_has_password(f->login))
		return fast_ok(f, t, 0);
	return proven(f->login, 0);
}

static void
keep_keys(struct my_front_login *l, uint8_t is_for, const uint8_t *stage1,
	  size_t len)
{
	l->has_keys = true;
	l->is_for = is_for;
	memcpy(l->keys, stage1, len);
}

/* By what the client must prove itself. */
static enum plugin
wanted_plugin(const struct my_front *f)
{
	const struct my_front_login *l = f->login;

	if (l->kind == SECRET_MY_SHA2)
		return PLUGIN_SHA2;
	if (l->kind == SECRET_MY_NATIVE ||
	    (f->caps & MY_CLIENT_PLUGIN_AUTH) == 0)
		return PLUGIN_NATIVE;
	return l->plugin != PLUGIN_OTHER ? l->plugin : l->by_default;
}

static struct order
judge_native(struct my_front *f, size_t used)
{
	struct my_front_login *l = f->login;
	uint8_t stage1[MY_NATIVE_BYTES];

	if (!my_native_verify(l->secret, l->scramble, l->auth, l->auth_len,
			      stage1))
		return fail_proof(l);
	keep_keys(l, KEYS_NATIVE, stage1, sizeof(stage1));
	mem_wipe(stage1, sizeof(stage1));
	return proven(l, used);
}

static struct order
ask_password(struct my_front *f, struct turn *t, size_t used)
{
	struct str s = { 0 };

	(void)put_more(&s, MY_SHA2_FULL);
	return my_login_answer(f, t, LOGIN_FULL, &s, used);
}

static struct order
judge_sha2(struct my_front *f, struct turn *t, size_t used)
{
	struct my_front_login *l = f->login;
	uint8_t stage1[MY_SHA2_BYTES] = { 0 };
	bool is_known, ok;

	is_known = my_login_stage1(t->keys, l->user, l->secret, stage1);
	ok = my_sha2_verify(is_known ? stage1 : NULL, l->scramble, l->auth,
			    l->auth_len);
	if (ok)
		keep_keys(l, KEYS_SHA2, stage1, sizeof(stage1));
	mem_wipe(stage1, sizeof(stage1));
	if (ok)
		return fast_ok(f, t, used);
	/* Who sends no password does not wait for a question, either. */
	if (l->kind == SECRET_MY_SHA2 && my_login_has_password(l))
		return ask_password(f, t, used);
	return fail_proof(l);
}

static struct order
judge(struct my_front *f, struct turn *t, size_t used)
{
	return f->login->plugin == PLUGIN_SHA2 ? judge_sha2(f, t, used)
					       : judge_native(f, used);
}

static struct order
begin_proof(struct my_front *f, struct turn *t)
{
	struct my_front_login *l = f->login;
	enum plugin wanted = wanted_plugin(f);
	struct my_switch w = { .plugin = my_login_plugin_name(wanted),
			       .data = l->scramble,
			       .len = sizeof(l->scramble) };
	struct str s = { 0 };

	if (wanted == l->plugin && !l->is_change)
		return judge(f, t, 0);
	f->is_switched |= !l->is_change;
	if (!my_login_make_scramble(f, t))
		return my_login_fail(l, REASON_NO_MEMORY);
	/* Only of this plugin servers take a change's first proof. */
	if (wanted == l->plugin && wanted == PLUGIN_NATIVE)
		return judge(f, t, 0);
	if ((f->caps & MY_CLIENT_PLUGIN_AUTH) == 0)
		return my_login_fail(l, REASON_AUTH_METHOD);
	l->plugin = wanted;
	my_switch_write(&s, &w);
	return my_login_answer(f, t, LOGIN_SWITCHED, &s, 0);
}

/* Can a client prove that it knows this secret? */
static bool
is_provable(enum auth_method method, enum secret_kind kind)
{
	switch (method) {
	case AUTH_TRUST:
	case AUTH_ANY:
	case AUTH_REJECT:
	case AUTH_CERT:
	case AUTH_PEER:
	case AUTH_HBA:
		return true;
	case AUTH_PLAIN:
	case AUTH_MD5:
	case AUTH_SCRAM:
		break;
	}
	return kind == SECRET_CLEAR || kind == SECRET_MY_NATIVE ||
	       kind == SECRET_MY_SHA2;
}

/* Keeps the secret, or remembers what it would be like. */
static bool
keep_secret(struct my_front_login *l, const struct answer *a)
{
	const char *like = a->decoy;

	l->method = a->method;
	if (a->secret != NULL &&
	    is_provable(a->method, secret_kind(a->secret))) {
		like = a->secret;
		l->secret = mem_strdup(like);
		if (l->secret == NULL)
			return false;
	}
	l->is_foreign = l->secret == NULL && a->secret != NULL;
	l->kind = secret_kind(like);
	return true;
}

struct order
my_login_on_verified(struct my_front *f, struct turn *t)
{
	struct my_front_login *l = f->login;

	if (t->answer.kind != ANSWER_VERIFY)
		return order_plain(ORDER_WAIT);
	if (!keep_secret(l, &t->answer))
		return my_login_fail(l, REASON_NO_MEMORY);
	switch (l->method) {
	case AUTH_TRUST:
		return l->secret != NULL ? trusted(f, t)
					 : my_login_fail(l, REASON_AUTH_FAILED);
	case AUTH_ANY:
		return trusted(f, t);
	case AUTH_REJECT:
	case AUTH_CERT:
	case AUTH_PEER:
	case AUTH_HBA:
		return my_login_fail_words(l, t->answer.reason,
					   t->answer.words);
	case AUTH_PLAIN:
	case AUTH_MD5:
	case AUTH_SCRAM:
		break;
	}
	return begin_proof(f, t);
}

struct order
my_login_on_switched(struct my_front *f, struct turn *t)
{
	struct order o;
	size_t len;
	uint8_t *payload = my_login_take_packet(f, t, PROOF_MAX, &len, &o);

	if (payload == NULL)
		return o;
	my_login_keep_auth(f->login, payload, len);
	mem_wipe_free(payload, len);
	return judge(f, t, MY_HEADER + len);
}

/* ------------------------------------------------------------------------
 * The password itself
 */

static struct order
start_work(struct my_front *f, const struct turn *t, enum login_state state,
	   const uint8_t *payload, size_t len)
{
	struct my_front_login *l = f->login;
	struct order o = { .kind = ORDER_WORK };
	struct my_login_proof proof = { .keys = t->keys,
					.user = l->user,
					.secret = l->secret,
					.message = payload,
					.len = len };
	bool is_safe = t->stream->is_unix || t->stream->is_tls;

	/* Whoever asked for our key encrypts, though it need not. */
	if (state == LOGIN_KEY || l->has_key || !is_safe)
		proof.rsa = t->rsa;
	memcpy(proof.scramble, l->scramble, sizeof(proof.scramble));
	o.job.run =
		state == LOGIN_KEY ? my_login_work_key : my_login_work_password;
	o.job.drop = my_login_work_drop;
	o.job.arg = my_login_work_new(&proof);
	if (o.job.arg == NULL)
		return my_login_fail(l, REASON_NO_MEMORY);
	return my_login_next(l, state, o);
}

static struct order
send_key(struct my_front *f, struct turn *t, size_t used)
{
	struct str s = { 0 };

	my_put_u8(&s, MY_MORE_BYTE);
	str_puts(&s, rsa_key_public(t->rsa));
	f->login->has_key = true;
	return my_login_answer(f, t, LOGIN_FULL, &s, used);
}

/* Without RSA the password may only come where nobody else can read it. */
static struct order
on_password(struct my_front *f, struct turn *t, const uint8_t *payload,
	    size_t len)
{
	struct my_front_login *l = f->login;
	bool wants_key = len == 1 && payload[0] == MY_SHA2_ASK_KEY;
	bool is_safe = t->stream->is_unix || t->stream->is_tls;

	if (t->rsa == NULL && (wants_key || !is_safe))
		return my_login_fail(l, REASON_AUTH_METHOD);
	if (len == 0 || len > RSA_PASSWORD_MAX || (wants_key && l->has_key))
		return fail_proof(l);
	if (wants_key && rsa_key_public(t->rsa) != NULL)
		return send_key(f, t, MY_HEADER + len);
	return start_work(f, t, wants_key ? LOGIN_KEY : LOGIN_WORKING, payload,
			  len);
}

struct order
my_login_on_full(struct my_front *f, struct turn *t)
{
	struct order o;
	size_t len;
	uint8_t *payload = my_login_take_packet(f, t, PROOF_MAX, &len, &o);

	if (payload == NULL)
		return o;
	o = on_password(f, t, payload, len);
	mem_wipe_free(payload, len);
	return o;
}

/* Bytes of the packet that the work was for, which is still at the head. */
static size_t
head_bytes(const struct turn *t)
{
	struct my_head head;

	return my_head_peek(t->in, 0, &head) ? MY_HEADER + (size_t)head.len : 0;
}

struct order
my_login_on_key_made(struct my_front *f, struct turn *t)
{
	if (t->answer.kind != ANSWER_JOB)
		return order_plain(ORDER_WAIT);
	if (!my_login_work_ok(t->answer.job, NULL))
		return my_login_fail(f->login, REASON_INTERNAL);
	return send_key(f, t, head_bytes(t));
}

struct order
my_login_on_work_done(struct my_front *f, struct turn *t)
{
	struct my_front_login *l = f->login;
	uint8_t stage1[MY_SHA2_BYTES];

	if (t->answer.kind != ANSWER_JOB)
		return order_plain(ORDER_WAIT);
	if (!my_login_work_ok(t->answer.job, stage1))
		return fail_proof(l);
	keep_keys(l, KEYS_SHA2, stage1, sizeof(stage1));
	mem_wipe(stage1, sizeof(stage1));
	return proven(l, head_bytes(t));
}
