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
 * Owns the login's state, which is wiped and freed at READY.  PostgreSQL
 * manual, "Message Flow", "Start-up" and "SASL Authentication".
 */
#include <string.h>

#include "auth/scram.h"
#include "base/mem.h"
#include "pg_front.h"
#include "pg_front_inner.h"
#include "pg_startup.h"
#include "postgres/pgwire.h"

#define ANSWER_MORE 192u /* of the login's answer, beside its parameters */

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

struct order
pg_login_fail_words(struct pg_front_login *l, enum reason reason,
		    const char *words)
{
	struct order o = order_fail(FAIL_CONNECTION, reason);

	if (words != NULL && words[0] != '\0') {
		if (words != l->words)
			(void)text_copy(l->words, sizeof(l->words), words);
		o.fail.text = l->words;
	}
	return o;
}

struct order
pg_login_fail(struct pg_front_login *l, enum reason reason)
{
	struct str text = { 0 };
	struct order o;

	pg_front_login_words(l, reason, &text);
	o = pg_login_fail_words(l, reason, str_text(&text));
	str_fini(&text);
	return o;
}

struct order
pg_login_next(struct pg_front_login *l, enum login_state state, struct order o)
{
	l->state = state;
	return o;
}

/* ------------------------------------------------------------------------
 * Startup
 */

static struct order
on_message(struct pg_front_login *l, struct turn *t)
{
	struct order o = { .kind = ORDER_ROUTE };

	if (turn_misses_tls(t))
		return pg_login_fail(l, REASON_TLS_REQUIRED);
	/* Else what speaks another protocol could be led here. */
	if (l->is_direct && !t->stream->has_alpn)
		return pg_login_fail_words(
			l, REASON_PROTOCOL,
			"received direct SSL connection request "
			"without ALPN protocol negotiation "
			"extension");
	if (!pg_startup_negotiate(&l->startup, t->out))
		return pg_login_fail(l, REASON_NO_MEMORY);
	o.route.database = l->startup.database;
	o.route.user = l->startup.user;
	o.route.kind = ROUTE_NORMAL;
	if (l->startup.is_replication)
		return pg_login_fail(l, REASON_REPLICATION);
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
		return pg_login_fail_words(
			l, REASON_PROTOCOL,
			seen == PG_SEEN_SSL ? "received unencrypted data after "
					      "SSL request"
					    : "received unencrypted data after "
					      "GSSAPI encryption request");
	if (!buf_append(t->out, is_tls ? "S" : "N", 1))
		return pg_login_fail(l, REASON_NO_MEMORY);
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
		return pg_login_fail_words(l, l->startup.reason,
					   l->startup.text);
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

static struct order
on_routed(struct pg_front_login *l, struct turn *t)
{
	if (t->answer.kind != ANSWER_ROUTE)
		return order_plain(ORDER_WAIT);
	l->doomed = t->answer.reason;
	l->is_console = t->answer.is_console;
	l->mode = t->answer.mode;
	return pg_login_next(l, LOGIN_VERIFIED, order_plain(ORDER_VERIFY));
}

/* ------------------------------------------------------------------------
 * After the proof
 */

static struct order
unsupported(struct pg_front_login *l)
{
	char name[64];

	if (l->startup.has_odd_options)
		return pg_login_fail_words(
			l, REASON_STARTUP_PARAMETER,
			"unsupported startup parameter: options "
			"holds more than -c name=value and "
			"--name=value");
	(void)text_format(
		l->words, sizeof(l->words), "unsupported startup parameter: %s",
		pg_safe_name(l->startup.unsupported, name, sizeof(name)));
	return pg_login_fail_words(l, REASON_STARTUP_PARAMETER, l->words);
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
		return pg_login_fail(f->login, REASON_NO_MEMORY);
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
		return pg_login_fail(f->login, REASON_NO_MEMORY);
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
		return pg_login_fail(l, l->doomed);
	if (l->is_console)
		return start_console(f, t);
	if (l->mode == POOL_SESSION)
		pg_startup_words(&l->startup, t->policy, &l->own);
	else if (l->startup.unsupported != NULL || l->startup.has_odd_options)
		return unsupported(l);
	if (l->own.failed)
		return pg_login_fail(l, REASON_NO_MEMORY);
	l->has_keys = true; /* for SCRAM pass-through */
	return pg_login_next(l, LOGIN_FACTS, need_facts(l));
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
		return pg_login_fail(f->login, REASON_NO_MEMORY);
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
		return pg_login_on_verified(l, t);
	case LOGIN_PASSWORD:
		return pg_login_on_password(l, t);
	case LOGIN_SASL_INITIAL:
	case LOGIN_SASL_FIRST:
		return pg_login_on_client_first(l, t);
	case LOGIN_SASL_FINAL:
		return pg_login_on_client_final(l, t);
	case LOGIN_WORKING:
		return pg_login_on_work_done(l, t);
	case LOGIN_PROVEN:
		return on_proven(f, t);
	case LOGIN_FACTS:
		return on_facts(f, t);
	}
	return pg_login_fail(l, REASON_INTERNAL);
}
