/*
 * How carpool proves to a server who it is; see my_back_login.c.
 *
 * The password itself goes out only over TLS, a unix socket, or encrypted for
 * a key that the server shows, and only where the server's plugin is one that
 * is known here.  MySQL Internals, "Authentication Method".
 */
#include <string.h>

#include "auth/my_ed25519.h"
#include "auth/rsa_key.h"
#include "base/mem.h"
#include "my_back.h"
#include "my_back_inner.h"
#include "my_greeting.h"
#include "my_packet.h"

/* ------------------------------------------------------------------------
 * Proofs
 */

enum plugin
my_back_proof_plugin(const char *name)
{
	static const struct {
		const char *name;
		enum plugin plugin;
	} known[] = {
		{ MY_NATIVE_PLUGIN, PLUGIN_NATIVE },
		{ MY_SHA2_PLUGIN, PLUGIN_SHA2 },
		{ MY_ED25519_PLUGIN, PLUGIN_ED25519 },
		{ "mysql_clear_password", PLUGIN_CLEAR },
	};

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].plugin;
	return PLUGIN_OTHER;
}

static bool
has_nothing(const struct my_back_login *l)
{
	return l->secret[0] == '\0' && l->keys_for == KEYS_NONE;
}

static void
make_native(const struct my_back_login *l, struct my_back_proof *p)
{
	uint8_t stage1[MY_NATIVE_BYTES];
	bool ok = true;

	if (my_back_login_is_clear(l))
		ok = my_native_stage1(l->secret, stage1);
	else if (l->keys_for == KEYS_NATIVE)
		memcpy(stage1, l->keys, sizeof(stage1));
	else
		p->missing = "the server wants mysql_native_password, but "
			     "neither the password nor a hash that a client "
			     "proved by the same plugin is known";
	if (p->missing == NULL &&
	    (!ok || !my_native_respond(stage1, l->scramble, p->bytes)))
		p->missing = "there is no SHA-1 here";
	p->len = MY_NATIVE_BYTES;
	mem_wipe(stage1, sizeof(stage1));
}

static void
make_sha2(const struct my_back_login *l, struct my_back_proof *p)
{
	uint8_t stage1[MY_SHA2_BYTES];
	bool ok = true;

	if (my_back_login_is_clear(l))
		ok = my_sha2_stage1(l->secret, stage1);
	else if (l->keys_for == KEYS_SHA2)
		memcpy(stage1, l->keys, sizeof(stage1));
	else
		p->missing = "the server wants caching_sha2_password, but "
			     "neither the password nor a hash that a client "
			     "proved by the same plugin is known";
	if (p->missing == NULL &&
	    (!ok || !my_sha2_respond(stage1, l->scramble, p->bytes)))
		p->missing = "there is no SHA-256 here";
	p->len = MY_SHA2_BYTES;
	mem_wipe(stage1, sizeof(stage1));
}

void
my_back_proof_make(const struct my_back_login *l, struct my_back_proof *p)
{
	*p = (struct my_back_proof){ .len = 0 };
	if (has_nothing(l))
		return;
	switch (l->plugin) {
	case PLUGIN_NATIVE:
		make_native(l, p);
		break;
	case PLUGIN_SHA2:
		make_sha2(l, p);
		break;
	case PLUGIN_ED25519:
	case PLUGIN_CLEAR:
	case PLUGIN_OTHER:
		break;
	}
}

/* ------------------------------------------------------------------------
 * Dialogue
 */

static struct order
send_ed25519(struct my_back *b, struct turn *t, const struct my_switch *s,
	     size_t used)
{
	struct my_back_login *l = b->login;
	uint8_t response[MY_ED25519_BYTES];
	struct order o;

	if (s->len < MY_ED25519_SCRAMBLE)
		return my_back_login_broken(l);
	if (!my_back_login_is_clear(l))
		return my_back_login_cannot(
			l, "the server wants client_ed25519, which "
			   "needs the password itself, but it is not "
			   "known");
	if (!my_ed25519_respond(l->secret, s->data, response))
		return my_back_login_fail(l, REASON_INTERNAL, FAIL_CONNECTION,
					  NULL);
	o = my_back_login_answer(b, t, BACK_AUTH, response, sizeof(response),
				 used);
	mem_wipe(response, sizeof(response));
	return o;
}

/* The password, with its NUL; where others may read along, never. */
static struct order
send_clear(struct my_back *b, struct turn *t, size_t used)
{
	struct my_back_login *l = b->login;

	return my_back_login_answer(b, t, BACK_AUTH, l->secret,
				    strlen(l->secret) + 1, used);
}

static bool
is_safe(const struct turn *t)
{
	return t->stream != NULL && (t->stream->is_tls || t->stream->is_unix);
}

static struct order
on_clear(struct my_back *b, struct turn *t, size_t used)
{
	struct my_back_login *l = b->login;

	if (t->stream == NULL || !t->stream->is_tls)
		return my_back_login_cannot(
			l, "the server wants mysql_clear_password, but "
			   "the connection is not encrypted");
	if (!my_back_login_is_clear(l))
		return my_back_login_cannot(
			l, "the server wants a clear-text password, but "
			   "only a hash of it is known");
	return send_clear(b, t, used);
}

/* A plugin of which nothing is known here. */
static struct order
on_unknown(struct my_back_login *l, const char *plugin)
{
	char words[160], name[64];
	size_t n = text_copy(name, sizeof(name), plugin);

	for (size_t i = 0; i < n; i++)
		if (name[i] < ' ' || name[i] > '~')
			name[i] = '?';
	(void)text_format(words, sizeof(words),
			  "the server wants the authentication plugin %s, "
			  "which is not supported",
			  name);
	return my_back_login_cannot(l, words);
}

struct order
my_back_proof_on_switch(struct my_back *b, struct turn *t,
			const uint8_t *payload, size_t len, size_t used)
{
	struct my_back_login *l = b->login;
	struct my_switch s;
	struct my_back_proof p;
	struct order o;

	if (len == 1)
		return my_back_login_cannot(
			l, "the server wants a password as before "
			   "MySQL 4.1");
	if (!my_switch_read(&s, payload, len))
		return my_back_login_broken(l);
	l->plugin = my_back_proof_plugin(s.plugin);
	if (l->plugin == PLUGIN_ED25519)
		return send_ed25519(b, t, &s, used);
	if (l->plugin == PLUGIN_CLEAR)
		return on_clear(b, t, used);
	if (l->plugin == PLUGIN_OTHER)
		return on_unknown(l, s.plugin);
	if (s.len < MY_SCRAMBLE_BYTES)
		return my_back_login_broken(l);
	memcpy(l->scramble, s.data, sizeof(l->scramble));
	my_back_proof_make(l, &p);
	if (p.missing != NULL)
		return my_back_login_cannot(l, p.missing);
	o = my_back_login_answer(b, t, BACK_AUTH, p.bytes, p.len, used);
	mem_wipe(&p, sizeof(p));
	return o;
}

/* The server has not our password at hand, so it wants to see it. */
static struct order
on_full(struct my_back *b, struct turn *t, size_t used)
{
	static const uint8_t ask = MY_SHA2_ASK_KEY;
	struct my_back_login *l = b->login;

	if (!my_back_login_is_clear(l))
		return my_back_login_cannot(
			l, "the server wants the password itself "
			   "(caching_sha2_password), but only a hash of "
			   "it is known; it is content with that once "
			   "somebody has logged in by password");
	if (is_safe(t))
		return send_clear(b, t, used);
	return my_back_login_answer(b, t, BACK_KEY, &ask, 1, used);
}

struct order
my_back_proof_on_more(struct my_back *b, struct turn *t, const uint8_t *payload,
		      size_t len, size_t used)
{
	struct my_back_login *l = b->login;

	if (l->plugin != PLUGIN_SHA2 || len != 2)
		return my_back_login_broken(l);
	if (payload[1] == MY_SHA2_FAST_OK)
		return order_bytes(ORDER_DISCARD, used);
	return payload[1] == MY_SHA2_FULL ? on_full(b, t, used)
					  : my_back_login_broken(l);
}

/* ------------------------------------------------------------------------
 * RSA, for the server's key
 */

struct key_work {
	char pem[RSA_PEM_MAX]; /* no NUL */
	size_t pem_len;
	uint8_t password[RSA_PASSWORD_MAX]; /* masked */
	size_t len;
	uint8_t cipher[RSA_CIPHER_MAX];
	size_t cipher_len;
	bool ok;
};

static void
key_work_run(void *arg)
{
	struct key_work *w = arg;

	w->ok = rsa_encrypt_for(w->pem, w->pem_len, w->password, w->len,
				w->cipher, &w->cipher_len);
}

static void
key_work_drop(void *arg)
{
	mem_wipe_free(arg, sizeof(struct key_work));
}

struct order
my_back_proof_on_key(struct my_back *b, const uint8_t *payload, size_t len)
{
	struct my_back_login *l = b->login;
	size_t size = strlen(l->secret) + 1;
	struct order o = { .kind = ORDER_WORK };
	struct key_work *w;

	if (payload[0] != MY_MORE_BYTE || len - 1 > RSA_PEM_MAX)
		return my_back_login_broken(l);
	if (size > RSA_PASSWORD_MAX)
		return my_back_login_cannot(l,
					    "the password is too long for RSA");
	w = mem_zalloc(sizeof(*w));
	if (w == NULL)
		return my_back_login_no_memory(l);
	w->pem_len = len - 1;
	memcpy(w->pem, payload + 1, w->pem_len);
	w->len = size;
	memcpy(w->password, l->secret, size);
	my_sha2_mask(w->password, size, l->scramble);
	o.job.run = key_work_run;
	o.job.drop = key_work_drop;
	o.job.arg = w;
	l->state = BACK_WORKING;
	return o;
}

/* The packet that the work was for is still at the head. */
struct order
my_back_proof_on_encrypted(struct my_back *b, struct turn *t)
{
	const struct key_work *w = t->answer.job;
	struct my_head head;

	if (t->answer.kind != ANSWER_JOB)
		return order_plain(ORDER_WAIT);
	if (!w->ok || !my_head_peek(t->in, 0, &head))
		return my_back_login_fail(
			b->login, REASON_SERVER_AUTH, FAIL_CONNECTION,
			"the server's public key is of no use");
	return my_back_login_answer(b, t, BACK_AUTH, w->cipher, w->cipher_len,
				    MY_HEADER + (size_t)head.len);
}
