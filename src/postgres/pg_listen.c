/*
 * LISTEN and UNLISTEN, and what servers tell; see pg_listen.h.
 */
#include "pg_listen.h"

#include <string.h>

#include "base/mem.h"
#include "pg_back.h"
#include "pg_front.h"
#include "sql/classify.h"
#include "sql/lexer.h"

#define DROPPED_MAX (256u << 10)

static const char question[] =
	"SELECT pg_catalog.pg_listening_channels();UNLISTEN *";

void
pg_listen_free(struct pg_listen *l)
{
	if (l == NULL)
		return;
	str_fini(&l->channels);
	str_fini(&l->dropped);
	str_fini(&l->sent);
	str_fini(&l->told);
	mem_free(l);
}

static struct pg_listen *
listen_of(struct pg_back *b)
{
	if (b->listen == NULL)
		b->listen = mem_zalloc(sizeof(*b->listen));
	return b->listen;
}

/*
 * Texts come in the client's encoding and carpool hears in the server's, so
 * only where they are the same can it hear for the client.
 */
static bool
is_emulated(const struct pg_back *b, const struct policy *policy)
{
	const char *client = pg_params_find(b->params, "client_encoding");
	const char *server = pg_params_find(b->params, "server_encoding");

	return policy->mode != POOL_SESSION &&
	       policy->on_state[STATE_LISTEN] == STATE_EMULATE &&
	       client != NULL && server != NULL &&
	       pg_is_same_encoding(client, server);
}

/* ---- texts ---- */

enum step { STEP_START, STEP_UNLISTEN, STEP_REST };

/* The name as the server folds it: plain identifiers in lower case. */
static void
add_name(struct str *out, const struct lexer *lx, enum lexer_token token)
{
	for (size_t i = 0; i < lx->len; i++)
		str_putc(out, token == LEXER_WORD ? text_lower(lx->text[i])
						  : lx->text[i]);
	str_putc(out, '\0');
}

static bool
is_word(const struct lexer *lx, enum lexer_token token, const char *word)
{
	size_t len = strlen(word), i = 0;

	if (token != LEXER_WORD || lx->len != len)
		return false;
	while (i < len && text_lower(lx->text[i]) == word[i])
		i++;
	return i == len;
}

static enum step
take_token(struct pg_listen *l, const struct lexer *lx, enum lexer_token token,
	   enum step step)
{
	if (token == LEXER_SIGN && lx->sign == ';')
		return STEP_START;
	if (step == STEP_START)
		return is_word(lx, token, "unlisten") ? STEP_UNLISTEN
						      : STEP_REST;
	if (step == STEP_UNLISTEN) {
		if ((token == LEXER_WORD || token == LEXER_NAME) &&
		    l->dropped.len < DROPPED_MAX)
			add_name(&l->dropped, lx, token);
		else if (token == LEXER_SIGN && lx->sign == '*')
			l->drops_all = true;
	}
	l->has_notified |= is_word(lx, token, "pg_notify");
	return STEP_REST;
}

/* A glance, since most texts of clients that do not listen have no such word.
 */
static bool
may_notify(const uint8_t *text, size_t len)
{
	static const char word[] = "pg_notify";
	const size_t n = sizeof(word) - 1;
	const uint8_t *end = text + len, *at = text;

	while ((size_t)(end - at) >= n &&
	       (at = memchr(at, '_', (size_t)(end - at))) != NULL) {
		size_t i = 0;

		/* Two letters stand in front of it. */
		while (at - text >= 2 && (size_t)(end - at) + 2 >= n && i < n &&
		       text_lower((char)at[i - 2]) == word[i])
			i++;
		if (i == n)
			return true;
		at++;
	}
	return false;
}

bool
pg_listen_text(struct pg_back *b, const struct pg_front *f, const uint8_t *text,
	       size_t len)
{
	struct pg_listen *l;
	const uint8_t *end = text + len;
	enum step step = STEP_START;
	enum lexer_token token;
	struct lexer lx;

	if (!f->is_listening) {
		b->view.has_notified |=
			b->view.is_heard && may_notify(text, len);
		return true;
	}
	l = listen_of(b);
	if (l == NULL)
		return false;
	lexer_init(&lx, f->lexer);
	while ((token = lexer_next(&lx, &text, end)) != LEXER_MORE)
		step = take_token(l, &lx, token, step);
	token = lexer_end(&lx);
	if (token != LEXER_MORE)
		(void)take_token(l, &lx, token, step);
	b->view.has_notified |= l->has_notified;
	return !l->dropped.failed;
}

/* ---- what is completed ---- */

/* What the texts said does not count. */
static void
forget_drops(struct pg_listen *l)
{
	str_fini(&l->dropped);
	l->drops_all = l->has_unlisten = false;
}

bool
pg_listen_tag(struct pg_back *b, const char *tag)
{
	bool is_discard = strcmp(tag, "DISCARD ALL") == 0;
	bool is_unlisten_tag = strcmp(tag, "UNLISTEN") == 0;
	struct pg_listen *l = b->listen;

	if (strcmp(tag, "ROLLBACK") == 0) {
		if (l != NULL)
			forget_drops(l);
		return true;
	}
	if (strcmp(tag, "NOTIFY") == 0) {
		b->view.has_notified = true;
		if (l != NULL)
			l->has_notified = true;
	}
	if (!is_discard && !is_unlisten_tag && strcmp(tag, "LISTEN") != 0)
		return true;
	l = listen_of(b);
	if (l == NULL)
		return false;
	l->must_ask |= strcmp(tag, "LISTEN") == 0;
	l->has_unlisten |= is_discard || is_unlisten_tag;
	l->drops_all |= is_discard;
	return true;
}

void
pg_listen_error(struct pg_back *b)
{
	if (b->listen != NULL && b->view.tx == TX_IDLE)
		forget_drops(b->listen);
}

/* ---- the question ---- */

bool
pg_listen_holds(const struct pg_back *b, const struct turn *turn)
{
	const struct pg_listen *l = b->listen;
	const struct pg_front *f = turn->peer;

	if (l == NULL || b->is_half_sent || b->is_group_open ||
	    !is_emulated(b, turn->policy))
		return false;
	return l->must_ask ||
	       (f->is_listening && (turn->has_news || l->has_notified));
}

static bool
send_question(struct pg_back *b, struct turn *turn)
{
	struct pg_listen *l = b->listen;

	str_fini(&l->channels);
	l->count = 0;
	return pg_back_query(b, turn->out, question, TASK_CHANNELS);
}

bool
pg_listen_end(struct pg_back *b, struct turn *turn, enum pg_ready ready)
{
	struct pg_listen *l = b->listen;
	struct pg_front *f = turn->peer;

	/* A text said LISTEN, but none was completed. */
	if ((b->dirt & CLASSIFY_LISTEN) && b->owed.count == 0 &&
	    !b->is_group_open && is_emulated(b, turn->policy) &&
	    (l == NULL || !l->must_ask))
		b->dirt &= ~(uint32_t)CLASSIFY_LISTEN;
	if (l == NULL)
		return true;
	if (!l->has_unlisten)
		forget_drops(l);
	if (ready == READY_PASSES) {
		l->has_notified = false;
		l->is_due = l->has_unlisten && f != NULL && f->is_listening;
		return true;
	}
	l->is_held = true;
	f->is_held = true;
	f->view.is_at_rest = false;
	str_fini(&l->channels);
	l->is_due = !l->must_ask;
	if (l->is_due)
		return true;
	l->must_ask = false;
	return send_question(b, turn);
}

bool
pg_listen_row(struct pg_back *b, const struct turn *turn, const uint8_t *body,
	      size_t len)
{
	struct pg_listen *l = b->listen;
	struct pg_body at = { .at = body, .left = len };
	const uint8_t *head = body == NULL ? NULL : pg_body_bytes(&at, 6);
	const uint8_t *name;
	size_t size;

	size = head == NULL ? 0 : pg_get_u32(head + 2);
	name = pg_body_bytes(&at, size);
	if (l == NULL || head == NULL || pg_get_u16(head) != 1 ||
	    name == NULL || memchr(name, 0, size) != NULL) {
		b->pending_fail = REASON_SERVER_PROTOCOL;
		return true;
	}
	if (l->count > turn->policy->listen_channels)
		return true;
	l->count++;
	str_add(&l->channels, (const char *)name, size);
	str_putc(&l->channels, '\0');
	return !l->channels.failed;
}

/* The client goes on at once: it listens to nothing. */
static bool
release(struct pg_listen *l, struct pg_front *f, struct turn *turn)
{
	l->is_held = false;
	f->is_held = false;
	f->view.is_at_rest = !f->is_group_open && f->skip == SKIP_NOTHING;
	return pg_append_ready(turn->peer_out);
}

bool
pg_listen_done(struct pg_back *b, struct turn *turn)
{
	struct pg_listen *l = b->listen;
	struct pg_front *f = turn->peer;

	if (l == NULL)
		return true;
	if (b->has_own_error) {
		if (f != NULL && b->was_canceled && b->retries++ < PG_RETRIES)
			return send_question(b, turn);
		b->must_close = true;
		if (f != NULL)
			b->pending_fail = REASON_LISTEN_FAILED;
		return true;
	}
	if (f == NULL)
		return true;
	b->dirt &= ~(uint32_t)CLASSIFY_LISTEN;
	b->view.pins &= ~BIT(STATE_LISTEN);
	l->is_due = l->channels.len > 0 || l->has_unlisten || f->is_listening;
	return l->is_due || release(l, f, turn);
}

struct order
pg_listen_order(struct pg_back *b, struct turn *turn)
{
	struct pg_listen *l = b->listen;
	struct pg_front *f = turn->peer;
	struct order order = order_plain(ORDER_LISTEN);
	bool adds = l->is_held && l->channels.len > 0;

	/* The order borrows the names: they stay as long as it may. */
	str_fini(&l->sent);
	l->sent = l->dropped;
	l->dropped = (struct str){ 0 };
	order.listen = (struct listen_change){
		.drops_all = l->drops_all,
		.drop = l->sent.data,
		.drop_len = l->sent.len,
		.add = adds ? l->channels.data : NULL,
		.add_len = adds ? l->channels.len : 0,
		.is_waiting = l->is_held,
		.has_notified = l->has_notified,
	};
	f->is_listening = adds || (f->is_listening && !l->drops_all);
	l->is_due = l->drops_all = l->has_unlisten = false;
	l->is_held = l->has_notified = false;
	return order;
}

bool
pg_listen_blocks(const struct pg_back *b, const struct pg_front *f,
		 const struct policy *policy)
{
	return (f->is_listening || (b->dirt & CLASSIFY_LISTEN)) &&
	       is_emulated(b, policy);
}

/* ---- what the server tells ---- */

enum pg_heard
pg_listen_heard(const struct pg_back *b, const struct turn *turn)
{
	if (turn->peer_out == NULL)
		return HEARD_DROP;
	if (turn->policy->mode == POOL_SESSION ||
	    turn->policy->on_state[STATE_LISTEN] == STATE_ALLOW ||
	    (b->view.pins & BIT(STATE_LISTEN)))
		return HEARD_PASS;
	if ((b->dirt & CLASSIFY_LISTEN) == 0)
		return HEARD_DROP;
	return is_emulated(b, turn->policy) ? HEARD_OWN : HEARD_PASS;
}

bool
pg_listen_told(struct pg_back *b, const uint8_t *body, size_t len,
	       struct order *order)
{
	struct pg_listen *l = listen_of(b);
	struct pg_body at = { .at = body, .left = len };
	const uint8_t *pid = pg_body_bytes(&at, 4);
	const char *channel = pg_body_text(&at);
	const char *payload = pg_body_text(&at);
	size_t head;

	if (l == NULL || pid == NULL || channel == NULL || payload == NULL)
		return false;
	head = strlen(channel) + 1;
	str_fini(&l->told);
	str_add(&l->told, channel, head);
	str_add(&l->told, payload, strlen(payload) + 1);
	if (l->told.failed)
		return false;
	l->notification = (struct notification){
		.pid = pg_get_u32(pid),
		.channel = l->told.data,
		.payload = l->told.data + head,
	};
	*order = order_plain(ORDER_LISTEN);
	order->listen = (struct listen_change){ .told = &l->notification };
	return true;
}

/* ---- what the client is told ---- */

bool
pg_front_notify(struct turn *turn, const struct notification *n)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'A');

	pg_put_u32(&s, n->pid);
	pg_put_text(&s, n->channel);
	pg_put_text(&s, n->payload);
	pg_put_end(&s, mark);
	return pg_put_flush(&s, turn->out);
}

bool
pg_front_subscribed(struct turn *turn)
{
	struct pg_front *f = turn->self;

	if (!f->is_held)
		return true;
	f->is_held = false;
	f->view.is_at_rest = !f->is_group_open && f->skip == SKIP_NOTHING;
	return pg_append_ready(turn->out);
}
