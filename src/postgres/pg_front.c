/*
 * The client's side, once logged in: which message may go to the server now,
 * and what the server will owe for it.
 *
 * Messages that may follow each other are relayed in one run.  A handler that
 * cannot add its message to the run behind others changes nothing: the run
 * goes first and the message is offered again.  Short messages are waited for
 * whole, so that a slow sender does not hold a server.
 *
 * Owns the connection's state; runs on the client's worker.  PostgreSQL
 * manual, "Message Flow" and "Message Formats".
 */
#include "pg_front.h"

#include <string.h>

#include "base/mem.h"
#include "pg_back.h"

/* A client's message, as far as it was looked at. */
struct command {
	struct pg_frame frame;
	bool is_first; /* no run in front of it: an order may be returned */
	const uint8_t *body; /* borrows: the first len bytes */
	size_t len;
	uint8_t scratch[PG_WHOLE_MAX];
};

/*
 * True: the message is relayed with the run, what it makes the server owe is
 * pushed.  False: *order says what to do; only for a first message may it have
 * changed anything.
 */
typedef bool handle_fn(struct pg_front *f, struct turn *turn, struct command *m,
		       struct order *order);

void *
pg_front_open(void)
{
	struct pg_front *f = mem_zalloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	f->view.application_name = "";
	f->login = pg_front_login_new();
	if (f->login == NULL) {
		mem_free(f);
		return NULL;
	}
	return f;
}

void
pg_front_close(void *front)
{
	struct pg_front *f = front;

	pg_front_login_free(f->login);
	pg_console_free(f->console);
	pg_text_free(f->text);
	pg_params_unref(f->params);
	pg_params_unref(f->start);
	mem_free(f);
}

struct front_view *
pg_front_view(void *front)
{
	struct pg_front *f = front;

	return &f->view;
}

bool
pg_front_credential(void *front, uint8_t client_key[32], uint8_t server_key[32])
{
	struct pg_front *f = front;

	return f->login != NULL &&
	       pg_front_login_keys(f->login, client_key, server_key);
}

/* ---- orders ---- */

static bool
stop(struct order *order, struct order what)
{
	*order = what;
	return false;
}

static bool
stop_plain(struct order *order, enum order_kind kind)
{
	return stop(order, order_plain(kind));
}

static bool
stop_fail(struct order *order, enum reason reason)
{
	return stop(order, order_fail(FAIL_CONNECTION, reason));
}

static bool
stop_discard(struct order *order, const struct command *m)
{
	return stop(order, order_bytes(ORDER_DISCARD, m->frame.total));
}

/* A protocol violation told in words that name the message. */
static struct order
fail_type(const struct turn *turn, uint8_t type)
{
	struct order order = order_fail(FAIL_CONNECTION, REASON_PROTOCOL);

	text_format(turn->words, TURN_WORDS, "invalid frontend message type %u",
		    type);
	order.fail.text = turn->words;
	return order;
}

/* ---- the server's side of a request ---- */

static uint32_t
client_ends(const struct pg_back *b)
{
	return pg_owed_ends(&b->owed) - b->owed.hidden_ends;
}

/*
 * Others wait for this server: a new request is held back until all before it
 * are answered, so that the server comes to a boundary.
 */
static bool
must_yield(const struct pg_front *f, const struct pg_back *b,
	   const struct turn *turn)
{
	return turn->has_waiters && turn->policy->mode != POOL_SESSION &&
	       !f->is_group_open && !b->owed.is_copy_in && !b->owed.in_doubt &&
	       client_ends(b) > 0;
}

/* Between two requests, with nothing open on the server. */
static bool
is_settled(const struct pg_back *b)
{
	return b->owed.count == 0 && !b->owed.is_skipping &&
	       !b->is_group_open && b->view.tx == TX_IDLE;
}

/* May a request go to the server now?  False: *order says what first. */
static bool
has_server(struct pg_front *f, struct turn *turn, const struct command *m,
	   struct order *order)
{
	struct pg_back *b = turn->peer;

	if (b == NULL || turn->peer_out == NULL)
		return stop_plain(order, ORDER_NEED_SERVER);
	if (b->must_wait || b->pending_fail != REASON_NONE ||
	    must_yield(f, b, turn) || !pg_owed_reserve(&b->owed, 2))
		return stop_plain(order, ORDER_WAIT);
	if (!f->must_reapply || !is_settled(b))
		return true;
	if (m->is_first &&
	    pg_settings_apply(b, f, turn->peer_out, turn->policy) == LINK_FAIL)
		return stop_fail(order, REASON_NO_MEMORY);
	/* Step again: it may have to be waited for. */
	return stop(order, order_bytes(ORDER_DISCARD, 0));
}

static void
push(struct pg_back *b, enum pg_owed_kind kind)
{
	pg_owed_push(&b->owed, (struct pg_owed){ .kind = (uint8_t)kind });
}

/* A message of the extended protocol is on its way. */
static bool
push_in_group(struct pg_front *f, struct turn *turn, enum pg_owed_kind kind)
{
	struct pg_back *b = turn->peer;

	push(b, kind);
	f->is_group_open = b->is_group_open = true;
	return true;
}

/* ---- refusing one message ---- */

/*
 * An error of ours must undo what an error of the server's would, so the
 * server gets a message that fails there; its error is rewritten.  Without a
 * server there is nothing to undo.
 */
static bool
refuse_message(struct pg_front *f, struct turn *turn, const struct command *m,
	       enum reason reason, struct order *order)
{
	struct pg_owed entry = { .action = OWED_REWRITE,
				 .reason = (uint16_t)reason };
	struct str s = { 0 };
	bool ok;

	if (!m->is_first)
		return false;
	if (turn->peer_out != NULL) {
		ok = pg_back_fail_group(turn->peer, turn->peer_out, entry);
		f->is_group_open = true;
	} else {
		pg_put_reason(&s, reason);
		ok = pg_put_flush(&s, turn->out);
		f->skip = SKIP_GROUP;
	}
	return ok ? stop_discard(order, m) : stop_fail(order, REASON_NO_MEMORY);
}

/* Is the name at offset at of the body another than the unnamed one's? */
static bool
is_named(const struct command *m, size_t at)
{
	return at < m->len && m->body[at] != 0;
}

/*
 * May the client use the server's unnamed statement?  An earlier client's must
 * not be run for this one; whose it is may hang on answers still to come.
 */
static bool
may_use_unnamed(struct pg_front *f, struct turn *turn, const struct command *m,
		struct order *order)
{
	struct pg_back *b = turn->peer;

	if (f->has_parsed || b->unnamed != UNNAMED_FOREIGN)
		return true;
	if (b->owed.unnamed > 0 || b->owed.kinds[OWED_QUERY] > 0)
		return stop_plain(order, ORDER_WAIT);
	return refuse_message(f, turn, m, REASON_NO_UNNAMED, order);
}

/* Named statements stay with one server, so they need one of their own. */
static bool
is_refused_name(const struct turn *turn, const struct command *m, size_t at)
{
	return turn->policy->mode != POOL_SESSION && is_named(m, at);
}

static bool
refuse_name(struct pg_front *f, struct turn *turn, const struct command *m,
	    struct order *order)
{
	if (turn->peer_out != NULL && !has_server(f, turn, m, order))
		return false;
	return refuse_message(f, turn, m, REASON_NAMED_STATEMENT, order);
}

/* ---- texts ---- */

/* The last piece has passed. */
static void
end_text(struct pg_front *f, struct turn *turn)
{
	struct pg_back *b = turn->peer;

	if (pg_text_left(f->text) > 0)
		return;
	b->dirt |= pg_text_end(f->text, b, turn->policy);
	b->is_half_sent = false;
	pg_text_free(f->text);
	f->text = NULL;
}

/*
 * A text too long to wait for: its pieces are looked at as they pass.  The
 * first one goes with this order.
 */
static bool
begin_text(struct pg_front *f, struct turn *turn, const struct command *m,
	   unsigned skip, struct order *order)
{
	struct pg_back *b = turn->peer;
	size_t here = turn->in->len - m->frame.at;

	if (!m->is_first)
		return false;
	f->text = pg_text_new(f, skip, m->frame.total - PG_HEADER);
	if (f->text == NULL)
		return stop_fail(order, REASON_NO_MEMORY);
	if (here > m->frame.total)
		here = m->frame.total;
	pg_text_feed(f->text, b, turn->policy, turn->in, PG_HEADER,
		     here - PG_HEADER);
	b->is_half_sent = true;
	end_text(f, turn);
	return stop(order, order_bytes(ORDER_RELAY, here));
}

/* The next piece of a text that was begun. */
static struct order
go_on_text(struct pg_front *f, struct turn *turn)
{
	struct pg_back *b = turn->peer;
	size_t here = turn->in->len;

	if (b == NULL)
		return order_fail(FAIL_CONNECTION, REASON_SERVER_LOST);
	if (here == 0)
		return order_bytes(ORDER_NEED_MORE, 1);
	if (here > pg_text_left(f->text))
		here = pg_text_left(f->text);
	pg_text_feed(f->text, b, turn->policy, turn->in, 0, here);
	end_text(f, turn);
	return order_bytes(ORDER_RELAY, here);
}

/*
 * Looks at the text of a message, behind skip terminated texts: at once when
 * it is whole.  False: it goes in pieces, by *order.
 */
static bool
look_at_text(struct pg_front *f, struct turn *turn, const struct command *m,
	     unsigned skip, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_body at = { .at = m->body, .left = m->len };
	const uint8_t *end;

	if (m->frame.total > PG_WHOLE_MAX)
		return begin_text(f, turn, m, skip, order);
	while (skip-- > 0)
		(void)pg_body_text(&at);
	end = at.left > 0 ? memchr(at.at, 0, at.left) : NULL;
	b->dirt |= pg_text_flags(f, b, turn->policy, at.at,
				 end != NULL ? (size_t)(end - at.at) : at.left);
	return true;
}

/* ---- messages ---- */

static bool
on_query(struct pg_front *f, struct turn *turn, struct command *m,
	 struct order *order)
{
	struct pg_back *b = turn->peer;
	bool goes_now;

	if (turn->policy->simple_query_off)
		return stop_fail(order, REASON_SIMPLE_QUERY_OFF);
	if (!has_server(f, turn, m, order))
		return false;
	goes_now = look_at_text(f, turn, m, 0, order);
	if (!goes_now && (!m->is_first || order->kind == ORDER_FAIL))
		return false;
	push(b, OWED_QUERY);
	f->is_group_open = b->is_group_open = false;
	f->has_parsed = false;
	return goes_now;
}

static bool
on_function(struct pg_front *f, struct turn *turn, struct command *m,
	    struct order *order)
{
	struct pg_back *b = turn->peer;

	if (!has_server(f, turn, m, order))
		return false;
	push(b, OWED_FUNCTION);
	f->is_group_open = b->is_group_open = false;
	return true;
}

static bool
on_parse(struct pg_front *f, struct turn *turn, struct command *m,
	 struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_owed entry = { .kind = OWED_PARSE };
	bool goes_now;

	if (is_refused_name(turn, m, 0))
		return refuse_name(f, turn, m, order);
	if (!has_server(f, turn, m, order))
		return false;
	goes_now = look_at_text(f, turn, m, 1, order);
	if (!goes_now && (!m->is_first || order->kind == ORDER_FAIL))
		return false;
	entry.is_unnamed = !is_named(m, 0);
	f->has_parsed |= entry.is_unnamed;
	pg_owed_push(&b->owed, entry);
	f->is_group_open = b->is_group_open = true;
	return goes_now;
}

static bool
on_bind(struct pg_front *f, struct turn *turn, struct command *m,
	struct order *order)
{
	struct pg_body at = { .at = m->body, .left = m->len };

	/* The portal's name comes first. */
	if (pg_body_text(&at) == NULL && m->frame.total > PG_WHOLE_MAX)
		return stop_fail(order, REASON_PROTOCOL);
	if (is_refused_name(turn, m, m->len - at.left))
		return refuse_name(f, turn, m, order);
	if (!has_server(f, turn, m, order))
		return false;
	if (!is_named(m, m->len - at.left) &&
	    !may_use_unnamed(f, turn, m, order))
		return false;
	return push_in_group(f, turn, OWED_BIND);
}

static bool
on_describe(struct pg_front *f, struct turn *turn, struct command *m,
	    struct order *order)
{
	bool is_statement = m->len > 0 && m->body[0] == 'S';

	if (is_statement && is_refused_name(turn, m, 1))
		return refuse_name(f, turn, m, order);
	if (!has_server(f, turn, m, order))
		return false;
	if (!is_statement)
		return push_in_group(f, turn, OWED_DESCRIBE_PORTAL);
	if (!is_named(m, 1) && !may_use_unnamed(f, turn, m, order))
		return false;
	return push_in_group(f, turn, OWED_DESCRIBE_STATEMENT);
}

static bool
on_execute(struct pg_front *f, struct turn *turn, struct command *m,
	   struct order *order)
{
	return has_server(f, turn, m, order) &&
	       push_in_group(f, turn, OWED_EXECUTE);
}

static bool
on_close(struct pg_front *f, struct turn *turn, struct command *m,
	 struct order *order)
{
	return has_server(f, turn, m, order) &&
	       push_in_group(f, turn, OWED_CLOSE);
}

/* A Sync of its own needs no server: drivers ping with it. */
static bool
on_sync(struct pg_front *f, struct turn *turn, struct command *m,
	struct order *order)
{
	struct pg_back *b = turn->peer;

	if (turn->peer_out == NULL) {
		if (!m->is_first)
			return false;
		if (!pg_append_ready(turn->out))
			return stop_fail(order, REASON_NO_MEMORY);
		return stop_discard(order, m);
	}
	if (!has_server(f, turn, m, order))
		return false;
	push(b, OWED_SYNC);
	f->is_group_open = b->is_group_open = false;
	f->has_parsed = false;
	return true;
}

static bool
on_flush(struct pg_front *f, struct turn *turn, struct command *m,
	 struct order *order)
{
	(void)f;
	return turn->peer_out != NULL || stop_discard(order, m);
}

/*
 * COPY's data.  What comes late, after its COPY failed, is dropped as the
 * server would, and never gets a server of its own.
 */
static bool
on_copy_data(struct pg_front *f, struct turn *turn, struct command *m,
	     struct order *order)
{
	struct pg_back *b = turn->peer;

	(void)f;
	if (turn->peer_out == NULL || pg_owed_takes_data(&b->owed) == 0)
		return stop_discard(order, m);
	if (m->frame.type == 'd')
		return true;
	if (!pg_owed_reserve(&b->owed, 1))
		return stop_plain(order, ORDER_WAIT);
	push(b, OWED_COPY_END);
	return true;
}

/* The client ends; what it waits for is answered first. */
static struct order
say_good_bye(const struct turn *turn, enum reason reason)
{
	const struct pg_back *b = turn->peer;
	struct order order = order_plain(ORDER_CLOSE);
	bool waits_for_data;

	order.reason = reason;
	if (b == NULL || client_ends(b) == 0)
		return order;
	waits_for_data =
		b->owed.is_copy_in && b->owed.kinds[OWED_COPY_END] == 0;
	return waits_for_data ? order : order_plain(ORDER_WAIT);
}

static bool
on_terminate(struct pg_front *f, struct turn *turn, struct command *m,
	     struct order *order)
{
	(void)f, (void)m;
	return stop(order, say_good_bye(turn, REASON_CLIENT_TERMINATE));
}

static const struct rule {
	handle_fn *handle; /* NULL: no such message */
	bool is_long;      /* may be as large as max_packet_size */
} rules[128] = {
	['B'] = { on_bind, true },       ['C'] = { on_close, false },
	['D'] = { on_describe, false },  ['E'] = { on_execute, false },
	['F'] = { on_function, true },   ['H'] = { on_flush, false },
	['P'] = { on_parse, true },      ['Q'] = { on_query, true },
	['S'] = { on_sync, false },      ['X'] = { on_terminate, false },
	['c'] = { on_copy_data, false }, ['d'] = { on_copy_data, true },
	['f'] = { on_copy_data, false },
};

/* ---- what follows a refused statement ---- */

/* Drops up to the end of the refused request and says when it is over. */
static bool
skip_message(struct pg_front *f, struct turn *turn, const struct command *m,
	     struct order *order)
{
	uint8_t type = m->frame.type;
	bool is_end = type == 'S' ||
		      (f->skip == SKIP_PENDING && (type == 'Q' || type == 'F'));

	if (type == 'X')
		return on_terminate(f, turn, NULL, order);
	if (is_end) {
		if (!pg_append_ready(turn->out))
			return stop_fail(order, REASON_NO_MEMORY);
		f->skip = SKIP_NOTHING;
	} else if (strchr("PBDEC", type) != NULL) {
		f->skip = SKIP_GROUP;
	}
	return stop_discard(order, m);
}

/* ---- the step ---- */

/* Makes what there is of the body visible, at most PG_WHOLE_MAX. */
static bool
see_body(struct pg_scan *s, struct command *m, struct order *order)
{
	size_t want =
		m->frame.total < PG_WHOLE_MAX ? m->frame.total : PG_WHOLE_MAX;
	bool is_data = m->frame.type == 'd';

	m->len = is_data ? 0 : want - PG_HEADER;
	m->body = m->scratch;
	if (is_data)
		return true;
	if (s->in->len - m->frame.at < want)
		return stop(order, order_bytes(ORDER_NEED_MORE, want));
	m->body = pg_scan_view(s, m->frame.at + PG_HEADER, m->len, m->scratch);
	return true;
}

/* Reads the header; false: *order says why not. */
static bool
see_header(const struct turn *turn, struct pg_scan *s, struct command *m,
	   size_t at, struct order *order)
{
	uint32_t most = turn->policy->max_packet_bytes;
	uint8_t scratch, type = *pg_scan_view(s, at, 1, &scratch);

	if (type >= 128 || rules[type].handle == NULL)
		return stop(order, fail_type(turn, type));
	if (!rules[type].is_long && most > PG_INSPECT_MAX)
		most = PG_INSPECT_MAX;
	switch (pg_frame_peek(s, at, most, &m->frame)) {
	case PG_FRAME_OK:
		return true;
	case PG_FRAME_PARTIAL:
		return stop(order, order_bytes(ORDER_NEED_MORE, PG_HEADER));
	case PG_FRAME_SHORT:
		break;
	case PG_FRAME_LARGE:
		return stop_fail(order, rules[type].is_long
						? REASON_PACKET_TOO_LARGE
						: REASON_PROTOCOL);
	}
	return stop_fail(order, REASON_PROTOCOL);
}

static bool
take_message(struct pg_front *f, struct turn *turn, struct pg_scan *s,
	     struct command *m, size_t at, struct order *order)
{
	m->is_first = at == 0;
	if (!see_header(turn, s, m, at, order))
		return false;
	if (f->skip != SKIP_NOTHING)
		return skip_message(f, turn, m, order);
	if (!see_body(s, m, order))
		return false;
	return rules[m->frame.type].handle(f, turn, m, order);
}

static struct order
read_messages(struct pg_front *f, struct turn *turn)
{
	struct pg_scan s = pg_scan(turn->in);
	struct order order = order_bytes(ORDER_NEED_MORE, PG_HEADER);
	struct command m;
	size_t run = 0;

	while (run < turn->in->len) {
		if (!take_message(f, turn, &s, &m, run, &order))
			break;
		run += m.frame.total;
	}
	if (run > 0)
		return order_bytes(ORDER_RELAY, run);
	if (order.kind == ORDER_NEED_MORE && turn->peer_eof)
		return say_good_bye(turn, REASON_CLIENT_GONE);
	return order;
}

struct order
pg_front_step(struct turn *turn)
{
	struct pg_front *f = turn->self;
	struct order order;

	if (f->login != NULL)
		return pg_front_login_step(f, turn);
	if (f->console != NULL)
		return pg_console_step(f, turn);
	order = f->text != NULL ? go_on_text(f, turn) : read_messages(f, turn);
	f->view.is_skipping = f->skip != SKIP_NOTHING;
	f->view.is_at_rest =
		!f->is_group_open && !f->view.is_skipping && f->text == NULL;
	if (turn->peer != NULL)
		pg_back_count(turn->peer);
	return order;
}
