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
#include "pg_extended.h"
#include "pg_listen.h"

void *
pg_share_open(uint64_t seed)
{
	return statements_new(seed);
}

void
pg_share_close(void *shared)
{
	statements_free(shared);
}

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
	pg_names_free(f->names);
	pg_params_unref(f->params);
	pg_params_unref(f->start);
	pg_params_unref(f->own);
	pg_params_unref(f->own_start);
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

bool
pg_stop(struct order *order, struct order what)
{
	*order = what;
	return false;
}

bool
pg_stop_plain(struct order *order, enum order_kind kind)
{
	return pg_stop(order, order_plain(kind));
}

bool
pg_stop_fail(struct order *order, enum reason reason)
{
	return pg_stop(order, order_fail(FAIL_CONNECTION, reason));
}

bool
pg_stop_discard(struct order *order, const struct pg_command *m)
{
	return pg_stop(order, order_bytes(ORDER_DISCARD, m->frame.total));
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

uint32_t
pg_command_ends(const struct pg_back *b)
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
	       (pg_command_ends(b) > 0 || b->ask != NULL);
}

/* The server is being asked for the client's settings, of which some may have
 * to be made anew: what the client said at its start. */
static bool
must_learn(const struct pg_front *f, const struct pg_back *b)
{
	return b->ask != NULL && f->own_start != NULL && !f->is_group_open &&
	       pg_owed_is_certain(&b->owed);
}

/* Must what is on its way be answered first, so that it is known to what the
 * client listens? */
static bool
must_hear(const struct pg_front *f, const struct pg_back *b,
	  const struct turn *turn)
{
	return !f->is_group_open && !b->owed.is_copy_in && !b->owed.in_doubt &&
	       pg_command_ends(b) > 0 && pg_listen_blocks(b, f, turn->policy);
}

/*
 * A group that had to wait for one answer waits for all of them: a boundary
 * comes before it, however the answers were cut.
 */
static bool
must_end(struct pg_front *f, const struct pg_back *b)
{
	f->awaits_end = f->awaits_end && pg_command_ends(b) > 0;
	return f->awaits_end && !b->owed.is_copy_in && !b->owed.in_doubt;
}

/* Between two requests, with nothing open on the server. */
static bool
is_settled(const struct pg_back *b)
{
	return b->owed.count == 0 && !b->owed.is_skipping &&
	       !b->is_group_open && b->view.tx == TX_IDLE;
}

/* May a request go to the server now?  False: *order says what first. */
bool
pg_command_has_server(struct pg_front *f, struct turn *turn,
		      const struct pg_command *m, struct order *order)
{
	struct pg_back *b = turn->peer;

	if (b == NULL || turn->peer_out == NULL)
		return pg_stop_plain(order, ORDER_NEED_SERVER);
	if (b->must_wait || b->is_clearing || b->pending_fail != REASON_NONE ||
	    must_yield(f, b, turn) || must_hear(f, b, turn) ||
	    must_learn(f, b) || must_end(f, b) || !pg_owed_reserve(&b->owed, 2))
		return pg_stop_plain(order, ORDER_WAIT);
	if (!f->must_reapply || !is_settled(b))
		return true;
	if (m->is_first &&
	    pg_settings_apply(b, f, turn->peer_out, turn->policy) == LINK_FAIL)
		return pg_stop_fail(order, REASON_NO_MEMORY);
	/* Step again: it may have to be waited for. */
	return pg_stop(order, order_bytes(ORDER_DISCARD, 0));
}

static void
push(struct pg_back *b, enum pg_owed_kind kind)
{
	pg_back_push(b, (struct pg_owed){ .kind = (uint8_t)kind });
}

bool
pg_command_push(struct pg_front *f, struct turn *turn, struct pg_owed entry)
{
	struct pg_back *b = turn->peer;

	pg_back_push(b, entry);
	f->is_group_open = b->is_group_open = true;
	return true;
}

/* ---- refusing one message ---- */

/*
 * An error of ours must undo what an error of the server's would, so the
 * server gets a message that fails there; its error is rewritten.  Without a
 * server there is nothing to undo.
 */
bool
pg_command_refuse(struct pg_front *f, struct turn *turn,
		  const struct pg_command *m, enum reason reason,
		  struct order *order)
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
	return ok ? pg_stop_discard(order, m)
		  : pg_stop_fail(order, REASON_NO_MEMORY);
}

bool
pg_refuse_query(struct pg_front *f, struct turn *turn,
		const struct pg_command *m, enum reason reason,
		struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_owed entry = { .kind = OWED_QUERY,
				 .action = OWED_REWRITE,
				 .reason = (uint16_t)reason };
	struct str s = { 0 };
	bool ok;

	if (!m->is_first)
		return false;
	if (turn->peer_out != NULL) {
		/* Any text that is no statement. */
		pg_put_message(&s, 'Q', "carpool refuses a statement here");
		pg_query_drops_unnamed(f, b, &entry);
		ok = pg_put_flush(&s, turn->peer_out);
		if (ok)
			pg_back_push(b, entry);
		f->is_group_open = b->is_group_open = false;
	} else {
		pg_put_reason(&s, reason);
		ok = pg_put_flush(&s, turn->out) && pg_append_ready(turn->out);
	}
	return ok ? pg_stop_discard(order, m)
		  : pg_stop_fail(order, REASON_NO_MEMORY);
}

/* ---- bytes of our own ---- */

/* Longer runs go out by themselves before anything is added behind them. */
#define COPY_MAX 4096u

static bool
copy_run(struct turn *turn, struct pg_command *m, size_t to)
{
	while (m->copied < to) {
		size_t n;
		const uint8_t *piece = buf_run(turn->in, m->copied, &n);

		if (n > to - m->copied)
			n = to - m->copied;
		if (!buf_append(turn->peer_out, piece, n))
			return false;
		m->copied += n;
	}
	return true;
}

bool
pg_command_begin(struct turn *turn, struct pg_command *m, struct order *order)
{
	struct pg_back *b = turn->peer;

	if (m->frame.at - m->copied > COPY_MAX)
		return false;
	if (copy_run(turn, m, m->frame.at))
		return true;
	b->is_half_sent = m->has_failed = true;
	return pg_stop_fail(order, REASON_NO_MEMORY);
}

#define CHANGED_SMALL 256u

/* A message whose bytes from offset at to from of the body are another text. */
struct change {
	size_t at, from, rest; /* rest: of the body, written behind the text */
	const char *text;      /* borrows */
	size_t len;
};

/* What is small goes in one piece. */
static bool
write_changed(struct turn *turn, const struct pg_command *m,
	      const struct change *c)
{
	struct buf *out = turn->peer_out;
	uint8_t small[CHANGED_SMALL];
	size_t front = PG_HEADER + c->at;

	small[0] = m->frame.type;
	pg_set_u32(small + 1,
		   (uint32_t)(m->frame.total - 1 - (c->from - c->at) + c->len));
	if (front + c->len + c->rest > sizeof(small))
		return buf_append(out, small, PG_HEADER) &&
		       buf_append(out, m->body, c->at) &&
		       buf_append(out, c->text, c->len) &&
		       buf_append(out, m->body + c->from, c->rest);
	memcpy(small + PG_HEADER, m->body, c->at);
	memcpy(small + front, c->text, c->len);
	memcpy(small + front + c->len, m->body + c->from, c->rest);
	return buf_append(out, small, front + c->len + c->rest);
}

bool
pg_command_replace(struct pg_front *f, struct turn *turn, struct pg_command *m,
		   size_t at, size_t cut, const char *text, size_t len,
		   struct order *order)
{
	struct pg_back *b = turn->peer;
	size_t from = at + cut, total = m->frame.total;
	bool is_whole = total <= PG_WHOLE_MAX;
	struct change c = { .at = at, .from = from, .text = text, .len = len };

	if (is_whole)
		c.rest = total - PG_HEADER - from;
	if (!write_changed(turn, m, &c)) {
		b->is_half_sent = m->has_failed = true;
		return pg_stop_fail(order, REASON_NO_MEMORY);
	}
	if (is_whole) {
		m->copied = m->frame.at + total;
		return true;
	}
	/* The rest is relayed, though it may not all have come. */
	f->rest = (uint32_t)(total - PG_HEADER - from);
	b->is_half_sent = true;
	return pg_stop(order, order_bytes(ORDER_DISCARD, PG_HEADER + from));
}

/* The rest of a message whose beginning was written anew. */
static struct order
go_on_rest(struct pg_front *f, struct turn *turn)
{
	struct pg_back *b = turn->peer;
	uint32_t rest = f->rest;

	if (b == NULL)
		return order_fail(FAIL_CONNECTION, REASON_SERVER_LOST);
	f->rest = 0;
	b->is_half_sent = false;
	return order_bytes(ORDER_RELAY, rest);
}

/* ---- messages ---- */

static bool
on_query(struct pg_front *f, struct turn *turn, struct pg_command *m,
	 struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_owed entry = { .kind = OWED_QUERY };
	bool goes_now, is_handled;

	if (turn->policy->simple_query_off)
		return pg_stop_fail(order, REASON_SIMPLE_QUERY_OFF);
	if (pg_sql_is_meant(turn, m)) {
		goes_now = pg_on_sql(f, turn, m, order, &is_handled);
		if (is_handled)
			return goes_now;
	}
	if (!pg_command_has_server(f, turn, m, order))
		return false;
	goes_now = pg_command_look(f, turn, m, 0, order);
	if (!goes_now && (!m->is_first || order->kind != ORDER_RELAY))
		return false;
	if (turn->policy->mode != POOL_SESSION)
		pg_query_drops_unnamed(f, b, &entry);
	pg_back_push(b, entry);
	f->is_group_open = b->is_group_open = false;
	return goes_now;
}

static bool
on_function(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    struct order *order)
{
	struct pg_back *b = turn->peer;

	if (!pg_command_has_server(f, turn, m, order))
		return false;
	push(b, OWED_FUNCTION);
	f->is_group_open = b->is_group_open = false;
	return true;
}

/* A Sync of its own needs no server: drivers ping with it. */
static bool
on_sync(struct pg_front *f, struct turn *turn, struct pg_command *m,
	struct order *order)
{
	struct pg_back *b = turn->peer;

	if (turn->peer_out == NULL) {
		if (!m->is_first)
			return false;
		if (!pg_append_ready(turn->out))
			return pg_stop_fail(order, REASON_NO_MEMORY);
		return pg_stop_discard(order, m);
	}
	if (!pg_command_has_server(f, turn, m, order))
		return false;
	push(b, OWED_SYNC);
	f->is_group_open = b->is_group_open = false;
	return true;
}

static bool
on_flush(struct pg_front *f, struct turn *turn, struct pg_command *m,
	 struct order *order)
{
	(void)f;
	return turn->peer_out != NULL || pg_stop_discard(order, m);
}

/*
 * COPY's data.  What comes late, after its COPY failed, is dropped as the
 * server would, and never gets a server of its own.
 */
static bool
on_copy_data(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     struct order *order)
{
	struct pg_back *b = turn->peer;

	(void)f;
	if (turn->peer_out == NULL || pg_owed_takes_data(&b->owed) == 0)
		return pg_stop_discard(order, m);
	if (m->frame.type == 'd')
		return true;
	if (!pg_owed_reserve(&b->owed, 1))
		return pg_stop_plain(order, ORDER_WAIT);
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
	if (b == NULL || pg_command_ends(b) == 0)
		return order;
	waits_for_data =
		b->owed.is_copy_in && b->owed.kinds[OWED_COPY_END] == 0;
	return waits_for_data ? order : order_plain(ORDER_WAIT);
}

static bool
on_terminate(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     struct order *order)
{
	(void)f, (void)m;
	return pg_stop(order, say_good_bye(turn, REASON_CLIENT_TERMINATE));
}

static const struct rule {
	pg_handle_fn *handle; /* NULL: no such message */
	bool is_long;         /* may be as large as max_packet_size */
} rules[128] = {
	['B'] = { pg_on_bind, true },      ['C'] = { pg_on_close, false },
	['D'] = { pg_on_describe, false }, ['E'] = { pg_on_execute, false },
	['F'] = { on_function, true },     ['H'] = { on_flush, false },
	['P'] = { pg_on_parse, true },     ['Q'] = { on_query, true },
	['S'] = { on_sync, false },        ['X'] = { on_terminate, false },
	['c'] = { on_copy_data, false },   ['d'] = { on_copy_data, true },
	['f'] = { on_copy_data, false },
};

/* ---- what follows a refused statement ---- */

/* Drops up to the end of the refused request and says when it is over. */
static bool
skip_message(struct pg_front *f, struct turn *turn, const struct pg_command *m,
	     struct order *order)
{
	uint8_t type = m->frame.type;
	bool is_end = type == 'S' ||
		      (f->skip == SKIP_PENDING && (type == 'Q' || type == 'F'));

	if (type == 'X')
		return on_terminate(f, turn, NULL, order);
	if (is_end) {
		if (!pg_append_ready(turn->out))
			return pg_stop_fail(order, REASON_NO_MEMORY);
		f->skip = SKIP_NOTHING;
	} else if (strchr("PBDEC", type) != NULL) {
		f->skip = SKIP_GROUP;
	}
	return pg_stop_discard(order, m);
}

/* ---- the step ---- */

/* Makes what there is of the body visible, at most PG_WHOLE_MAX. */
static bool
see_body(struct pg_scan *s, struct pg_command *m, struct order *order)
{
	size_t want =
		m->frame.total < PG_WHOLE_MAX ? m->frame.total : PG_WHOLE_MAX;
	bool is_data = m->frame.type == 'd';

	m->len = is_data ? 0 : want - PG_HEADER;
	m->body = m->scratch;
	if (is_data)
		return true;
	if (s->in->len - m->frame.at < want)
		return pg_stop(order, order_bytes(ORDER_NEED_MORE, want));
	m->body = pg_scan_view(s, m->frame.at + PG_HEADER, m->len, m->scratch);
	return true;
}

/* Reads the header; false: *order says why not. */
static bool
see_header(const struct turn *turn, struct pg_scan *s, struct pg_command *m,
	   size_t at, struct order *order)
{
	uint32_t most = turn->policy->max_packet_bytes;
	uint8_t scratch, type = *pg_scan_view(s, at, 1, &scratch);

	if (type >= 128 || rules[type].handle == NULL)
		return pg_stop(order, fail_type(turn, type));
	if (!rules[type].is_long && most > PG_INSPECT_MAX)
		most = PG_INSPECT_MAX;
	switch (pg_frame_peek(s, at, most, &m->frame)) {
	case PG_FRAME_OK:
		return true;
	case PG_FRAME_PARTIAL:
		return pg_stop(order, order_bytes(ORDER_NEED_MORE, PG_HEADER));
	case PG_FRAME_SHORT:
		break;
	case PG_FRAME_LARGE:
		return pg_stop_fail(order, rules[type].is_long
						   ? REASON_PACKET_TOO_LARGE
						   : REASON_PROTOCOL);
	}
	return pg_stop_fail(order, REASON_PROTOCOL);
}

/*
 * Is the server being asked whether it looks at what comes now?  Then nothing
 * goes out, since there may be more to say to it in front.
 */
static bool
is_asking(const struct turn *turn)
{
	return turn->peer_out != NULL &&
	       ((const struct pg_back *)turn->peer)->owed.is_asked;
}

static bool
take_message(struct pg_front *f, struct turn *turn, struct pg_scan *s,
	     struct pg_command *m, size_t at, struct order *order)
{
	m->is_first = at == 0;
	if (!see_header(turn, s, m, at, order))
		return false;
	if (f->skip != SKIP_NOTHING)
		return skip_message(f, turn, m, order);
	if (is_asking(turn))
		return pg_stop_plain(order, ORDER_WAIT);
	/* What is copied must be there. */
	if (m->copied > 0 && !pg_frame_is_whole(s, &m->frame))
		return false;
	if (!see_body(s, m, order))
		return false;
	return rules[m->frame.type].handle(f, turn, m, order);
}

/* A run of which the beginning was copied is copied to its end. */
static struct order
end_copied(struct turn *turn, struct pg_command *m, size_t run)
{
	struct pg_back *b = turn->peer;

	if (copy_run(turn, m, run))
		return order_bytes(ORDER_DISCARD, run);
	b->is_half_sent = true;
	return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
}

static struct order
read_messages(struct pg_front *f, struct turn *turn)
{
	struct pg_scan s = pg_scan(turn->in);
	struct order order = order_bytes(ORDER_NEED_MORE, PG_HEADER);
	struct pg_command m;
	size_t run = 0;

	m.copied = 0;
	m.has_failed = false;
	while (run < turn->in->len) {
		if (!take_message(f, turn, &s, &m, run, &order))
			break;
		run += m.frame.total;
	}
	if (m.has_failed)
		return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
	if (m.copied > 0)
		return end_copied(turn, &m, run);
	if (run > 0)
		return order_bytes(ORDER_RELAY, run);
	f->awaits_end |= order.kind == ORDER_WAIT && !f->is_group_open;
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
	if (f->is_held)
		return order_plain(ORDER_WAIT);
	if (f->rest > 0)
		order = go_on_rest(f, turn);
	else if (f->text != NULL)
		order = pg_look_go_on(f, turn);
	else
		order = read_messages(f, turn);
	if (f->names != NULL)
		f->view.statements = (uint16_t)pg_names_count(f->names);
	f->view.is_skipping = f->skip != SKIP_NOTHING;
	f->view.is_at_rest = !f->is_group_open && !f->view.is_skipping &&
			     f->text == NULL && f->rest == 0;
	if (turn->peer != NULL)
		pg_back_count(turn->peer);
	return order;
}
