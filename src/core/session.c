/*
 * The session: carries out the orders of front and back.
 *
 * A turn reads what is there, steps both sides until both wait, and writes once
 * for each socket.  What a client and its server owe each other in bytes is
 * kept in relay_left and discard_left of the side that the bytes come from; all
 * else that survives a turn is in the protocols' states.
 *
 * Backpressure: nothing moves into an output buffer that holds SESSION_OUT_MAX,
 * and a stream is not read while its input holds IN_MAX, so a slow reader costs
 * a fixed amount and the kernel's window does the rest.  The two directions
 * stop independently.
 *
 * Whatever is called here may close the client: after each order its state is
 * looked at again.  Closed objects are freed at the end of the turn.
 */
#include "core/session.h"

#include "base/mem.h"
#include "core/front.h"
#include "core/hearer.h"
#include "core/login.h"
#include "core/pins.h"
#include "core/proxied.h"
#include "core/request.h"
#include "core/session_inner.h"
#include "core/shared.h"
#include "core/work.h"
#include "core/worker.h"

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
client_turn(struct client *c, struct turn *t)
{
	struct server *s = c->state == CLIENT_ACTIVE ? c->server : NULL;

	*t = (struct turn){
		.self = c->front,
		.peer = s == NULL ? NULL : s->back,
		.in = &c->stream.in,
		.out = &c->stream.out,
		.peer_out = s == NULL ? NULL : &s->stream.out,
		.now = loop_now(c->worker->loop),
		.entropy = worker_entropy,
		.entropy_arg = c->worker,
		.mock_secret = c->worker->core->mock_secret,
		.keys = c->worker->core->keys,
		.rsa = c->worker->core->rsa,
		.shared = c->worker->shared[c->protocol],
		.peer_eof = c->stream.eof,
		.out_busy = s != NULL && s->relay_left > 0,
		.has_waiters = s != NULL && s->pool->waiting > s->pool->bound,
	};
	t->policy = c->pool != NULL ? worker_policy(c->worker, c->pool)
				    : &c->worker->login_policy;
}

void
session_client_turn(struct client *c, struct session_turn *st)
{
	client_turn(c, &st->turn);
	st->turn.words = st->words;
	if (!c->is_login)
		return;
	st->turn.transport = &c->stream;
	st->facts = *server_facts(&c->stream);
	st->facts.has_alpn = stream_has_alpn(&c->stream);
	/* The address costs a system call: only where it is used. */
	if (st->turn.policy->add_host)
		login_stream_facts(c, &st->facts, st->addr);
	st->turn.stream = &st->facts;
	cancel_key_of(c, st->key);
	st->turn.cancel_key = st->key;
	st->turn.client_id = c->id;
}

/* ------------------------------------------------------------------------
 * Moving bytes that nobody looks at
 */

/* Moves or drops what an earlier order covers; false: nothing was possible. */
static bool
move_bytes(struct buf *in, struct buf *out, uint32_t *relay_left,
	   uint32_t *discard_left, bool *failed)
{
	size_t n;

	*failed = false;
	if (*discard_left > 0) {
		n = min_size(*discard_left, in->len);
		buf_drop(in, n);
		*discard_left -= (uint32_t)n;
		return n > 0;
	}
	if (out->len >= SESSION_OUT_MAX)
		return false;
	n = min_size(*relay_left, in->len);
	if (n == 0)
		return false;
	if (!buf_move(out, in, n)) {
		*failed = true;
		return false;
	}
	*relay_left -= (uint32_t)n;
	return true;
}

/* ------------------------------------------------------------------------
 * The server's side
 */

struct server *
session_unlink(struct client *c)
{
	struct server *s = c->server;

	c->server = NULL;
	if (s != NULL) {
		s->client = NULL;
		s->ops->unlink(s->back);
	}
	return s;
}

static void
give_up(struct client *c, enum residue residue)
{
	struct server *s = session_unlink(c);

	client_drop_tenure(c);
	client_set_state(c, CLIENT_IDLE);
	server_release(s, residue);
	if (c->close_needed)
		client_refuse_reason(c, (enum reason)c->close_reason);
}

void
session_end_fence(struct client *c, enum residue residue)
{
	if (!c->is_fenced)
		return;
	c->is_fenced = false;
	if (!session_is_alive(c) || c->server == NULL)
		return;
	give_up(c, residue);
	if (session_is_alive(c))
		stream_kick(&c->stream);
}

/* The server stands at a transaction boundary; true: it was given up. */
static bool
on_boundary(struct client *c, struct server *s, const struct order *o)
{
	if (c->state == CLIENT_LINKING) {
		if (s->state == SERVER_CHECKING &&
		    o->residue == RESIDUE_CLOSE) {
			server_hold_openings(s, "server_check_query failed");
			client_server_failed(c, REASON_SERVER_DIRTY);
			return true;
		}
		if (s->state == SERVER_CHECKING)
			s->state = SERVER_ACTIVE; /* start_link goes on */
		return false;
	}
	client_tally(c, loop_now(c->worker->loop));
	if (c->relay_left > 0)
		return false;
	if (o->hold == HOLD_PINNED || session_is_kept(c)) {
		if (!c->close_needed && !s->close_now) {
			pins_set(c, session_is_kept(c) ? 0 : o->pins);
			return false;
		}
		/* Ends the client too: a session is not moved. */
		client_refuse_reason(c, c->close_needed
						? (enum reason)c->close_reason
						: REASON_KILLED);
		return true;
	}
	if (!c->close_needed && !s->close_now &&
	    s->ops->view(s->back)->has_notified &&
	    hearer_fences(c, s, o->residue))
		return false;
	give_up(c, o->residue);
	return true;
}

/*
 * The server cannot be made to look like the client's session, of which the
 * client's statement is to know; what it was sent for that is taken away.
 */
static void
refuse_link(struct client *c, const struct refusal *refusal)
{
	struct session_turn st;

	session_client_turn(c, &st);
	client_front(c)->refuse(&st.turn, refusal);
	give_up(c, RESIDUE_RESET);
	if (session_is_alive(c))
		stream_kick(&c->stream);
}

static void
on_back_failed(struct client *c, struct server *s, const struct order *o)
{
	struct refusal refusal = { .scope = FAIL_CONNECTION,
				   .reason = o->reason };
	char text[256];

	switch ((int)o->reason) {
	case REASON_STATEMENT_MODE_TX:
		client_refuse_reason(c, o->reason);
		return;
	case REASON_SERVER_SETTING:
		refusal.server_error = s->ops->last_error(
			s->back, &refusal.server_error_len, text, sizeof(text));
		refusal.scope = o->scope;
		if (o->scope == FAIL_STATEMENT)
			refuse_link(c, &refusal);
		else
			client_refuse(c, &refusal);
		return;
	default:
		client_server_failed(c, o->reason);
		return;
	}
}

/* What an order may have changed since the turn was made. */
static void
renew_back_turn(struct client *c, struct server *s, struct turn *t)
{
	bool is_linked = c->state == CLIENT_ACTIVE || !c->link_pending;

	t->out_busy = c->relay_left > 0;
	t->has_waiters = s->pool->waiting > s->pool->bound;
	t->has_news = c->is_hearer && hearer_has_news(c);
	t->peer = is_linked ? c->front : NULL;
	t->peer_out = is_linked ? &c->stream.out : NULL;
}

/* One order of the back; true: step again. */
static bool
carry_back(struct client *c, struct server *s, const struct order *o)
{
	switch (o->kind) {
	case ORDER_RELAY:
		s->relay_left = (uint32_t)o->bytes;
		return true;
	case ORDER_DISCARD:
		s->discard_left = (uint32_t)o->bytes;
		return true;
	case ORDER_BOUNDARY:
		return !on_boundary(c, s, o);
	case ORDER_LISTEN:
		return hearer_on_order(c, s, o);
	case ORDER_FAIL:
		on_back_failed(c, s, o);
		return false;
	case ORDER_NEED_MORE:
	case ORDER_WAIT:
		if (stream_has_ended(&s->stream))
			client_server_failed(c, REASON_SERVER_LOST);
		return false;
	case ORDER_CLOSE:
		client_server_failed(c, REASON_SERVER_LOST);
		return false;
	case ORDER_NEED_SERVER:
	case ORDER_NEED_FACTS:
	case ORDER_ROUTE:
	case ORDER_CLASS:
	case ORDER_START_TLS:
	case ORDER_VERIFY:
	case ORDER_WORK:
	case ORDER_READY:
	case ORDER_CANCEL:
	case ORDER_QUERY:
		break;
	}
	client_server_failed(c, REASON_INTERNAL);
	return false;
}

/* A step of this server's back could do nothing. */
static bool
has_nothing(struct server *s)
{
	return s->stream.in.len == 0 && !s->stream.eof &&
	       s->stream.error == 0 && !s->ops->view(s->back)->wants_step;
}

/* Moves on what was ordered before; false: nothing was possible. */
static bool
relay_back(struct client *c, struct server *s)
{
	bool failed;

	if (move_bytes(&s->stream.in, &c->stream.out, &s->relay_left,
		       &s->discard_left, &failed))
		return true;
	if (failed)
		client_close(c, REASON_NO_MEMORY);
	else if (s->stream.in.len == 0 && stream_has_ended(&s->stream))
		client_server_failed(c, REASON_SERVER_LOST);
	return false;
}

/* Steps the back of the client's server until it waits or is another's. */
static void
run_back(struct client *c)
{
	struct server *s = c->server;
	struct turn t;

	if (has_nothing(s))
		return;
	server_turn(s, &t);
	do {
		struct order o;

		if (s->relay_left > 0 || s->discard_left > 0) {
			if (!relay_back(c, s))
				return;
			continue;
		}
		if (session_is_full(&c->stream) || has_nothing(s))
			return;
		renew_back_turn(c, s, &t);
		o = s->ops->step(&t);
		if (!carry_back(c, s, &o))
			return;
		/* The link goes on behind the check of the server. */
		if (o.kind == ORDER_BOUNDARY && c->state == CLIENT_LINKING)
			return;
	} while (session_is_alive(c) && c->server == s);
}

/* ------------------------------------------------------------------------
 * The client's side
 */

static void
submit_query(struct client *c, const struct order *o)
{
	struct console_request *r = mem_zalloc(sizeof(*r));

	if (r != NULL) {
		r->client = client_handle(c);
		/* A reload may have taken it away since the login. */
		r->right = login_console_right(c);
		r->user = mem_strdup(c->login->user);
		r->text = mem_strdup(o->query.text);
		r->protocol = c->protocol;
		r->is_describe = o->query.describe_only;
	}
	if (r == NULL || r->user == NULL || r->text == NULL) {
		console_request_free(r);
		client_refuse_reason(c, REASON_NO_MEMORY);
		return;
	}
	c->back_to = c->state;
	client_set_state(c, CLIENT_ASKING);
	c->login->asked = r;
	c->worker->core->console_submit(c->worker->core->console_arg, r);
}

static void
on_front_failed(struct client *c, const struct order *o)
{
	struct refusal refusal = { .scope = o->scope,
				   .reason = o->reason,
				   .text = o->fail.text,
				   .detail = o->fail.detail };
	struct session_turn st;

	if (o->scope != FAIL_STATEMENT) {
		client_refuse(c, &refusal);
		return;
	}
	session_client_turn(c, &st);
	client_front(c)->refuse(&st.turn, &refusal);
}

/* What it has been told before goes in clear. */
static bool
start_tls(struct client *c)
{
	struct tls_context *context = snapshot_client_tls(c->worker->snapshot);

	/* A reload may have taken it away since it was offered. */
	if (context == NULL || !c->is_login || c->stream.tls != NULL ||
	    !stream_accept_tls(&c->stream, context))
		client_close(c, REASON_TLS);
	else
		stream_kick(&c->stream);
	return false;
}

/*
 * One order of the front; true: step again, with the answer in *answer when
 * one was asked for that is known at once.
 */
static bool
carry_front(struct client *c, const struct order *o, struct answer *answer)
{
	switch (o->kind) {
	case ORDER_RELAY:
		c->relay_left = (uint32_t)o->bytes;
		return true;
	case ORDER_DISCARD:
		c->discard_left = (uint32_t)o->bytes;
		client_count_answered(c);
		return true;
	case ORDER_NEED_MORE:
		/* It may still read what it is owed: not a plain close. */
		if (c->stream.eof)
			client_end(c, REASON_CLIENT_GONE);
		return false;
	case ORDER_WAIT:
		return false;
	case ORDER_NEED_SERVER:
		return session_want_server(c);
	case ORDER_NEED_FACTS:
		return login_facts(c, o->words, answer);
	case ORDER_ROUTE:
		if (!c->is_login && !login_again(c))
			return false;
		login_route(c, &o->route, answer);
		return session_is_alive(c);
	case ORDER_CLASS:
		return login_class(c, o->words);
	case ORDER_VERIFY:
		return login_verify(c, answer);
	case ORDER_WORK:
		work_start_client(c, &o->job);
		return false;
	case ORDER_READY:
		login_done(c);
		return session_is_alive(c);
	case ORDER_CANCEL:
		cancel_request(c, o->cancel.key, o->cancel.len, o->cancel.what);
		return false;
	case ORDER_QUERY:
		submit_query(c, o);
		return false;
	case ORDER_CLOSE:
		client_end(c, o->reason == REASON_NONE ? REASON_CLIENT_TERMINATE
						       : o->reason);
		return false;
	case ORDER_FAIL:
		on_front_failed(c, o);
		return session_is_alive(c) && o->scope == FAIL_STATEMENT;
	case ORDER_START_TLS:
		return start_tls(c);
	case ORDER_BOUNDARY:
	case ORDER_LISTEN:
		break;
	}
	client_refuse_reason(c, REASON_INTERNAL);
	return false;
}

static bool
may_step(struct client *c)
{
	switch ((enum client_state)c->state) {
	case CLIENT_LOGIN:
	case CLIENT_IDLE:
	case CLIENT_CONSOLE:
		/* Answers made here must not pile up for one who never reads */
		return c->stream.out.len < SESSION_OUT_MAX;
	case CLIENT_ACTIVE:
		return !c->is_fenced;
	case CLIENT_ASKING:
	case CLIENT_WAITING:
	case CLIENT_LINKING:
	case CLIENT_LINGERING:
	case CLIENT_CLOSED:
	case CLIENT_STATES:
		break;
	}
	return false;
}

static bool
relay_front(struct client *c)
{
	bool failed;

	if (c->relay_left > 0 && c->server == NULL)
		return false;
	if (move_bytes(&c->stream.in,
		       c->server == NULL ? &c->stream.out
					 : &c->server->stream.out,
		       &c->relay_left, &c->discard_left, &failed))
		return true;
	if (failed)
		client_close(c, REASON_NO_MEMORY);
	else if (c->stream.eof && c->stream.in.len == 0)
		client_close(c, REASON_CLIENT_GONE);
	return false;
}

/* Nothing can have changed for a client at rest. */
static inline bool
is_at_rest(const struct client *c)
{
	return c->stream.in.len == 0 && !c->stream.eof && !c->is_login;
}

/* Does something stand in front of what it says to the front? */
static inline bool
must_begin(const struct client *c)
{
	return c->is_login && c->login->wants_proxy && c->stream.in.len > 0;
}

/* Steps the front, which comes to an answer or to bytes, until it waits. */
static bool
step_front(struct client *c, const struct answer *first)
{
	const struct answer none = { 0 };
	struct answer answer = first != NULL ? *first : none;
	bool progress = false;
	struct session_turn st;
	struct order o;

	while (session_is_alive(c) && may_step(c)) {
		if (c->relay_left > 0 || c->discard_left > 0) {
			if (!relay_front(c))
				return progress;
			progress = true;
			continue;
		}
		if (c->server != NULL && session_is_full(&c->server->stream))
			return progress;
		if (is_at_rest(c) && answer.kind == ANSWER_NONE)
			return progress;
		/* An answer is not lost on what is half there. */
		if (answer.kind == ANSWER_NONE && must_begin(c) &&
		    !proxied_begin(c))
			return progress;
		session_client_turn(c, &st);
		st.turn.answer = answer;
		answer = none;
		o = client_front(c)->step(&st.turn);
		if (!carry_front(c, &o, &answer))
			return progress;
		progress = true;
		if (c->state == CLIENT_LINKING)
			return true;
	}
	return progress;
}

static inline bool
run_front(struct client *c, const struct answer *first)
{
	if (first == NULL && is_at_rest(c))
		return false;
	return step_front(c, first);
}

/* ------------------------------------------------------------------------
 * The console's answers
 */

#define ROWS_PER_STEP 100

static void
run_rows(struct client *c)
{
	const struct front_ops *front = client_front(c);
	struct console_request *r = c->login->request;
	struct session_turn st;
	struct answer answer = { .kind = ANSWER_ROWS };
	enum rows_result result;
	bool closing;

	do {
		if (c->stream.out.len >= SESSION_OUT_MAX)
			return;
		session_client_turn(c, &st);
		result = front->rows(&st.turn, r->result, &c->login->rows_next,
				     ROWS_PER_STEP);
	} while (result == ROWS_MORE);
	closing = r->result->is_closing;
	c->login->request = NULL;
	console_request_free(r);
	if (result == ROWS_NO_MEMORY) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return;
	}
	client_set_state(c, c->back_to);
	(void)run_front(c, &answer);
	if (closing && session_is_alive(c))
		client_end(c, REASON_CLIENT_TERMINATE);
}

void
session_step(struct client *c, const struct answer *answer)
{
	bool moved;

	if (c->login != NULL && c->login->request != NULL)
		run_rows(c);
	do {
		moved = false;
		if (c->server != NULL && session_is_alive(c))
			run_back(c);
		if (c->state == CLIENT_LINKING && c->server != NULL)
			moved = session_link(c);
		moved |= run_front(c, answer);
		answer = NULL;
		/* The back has waited last: only what came after is news. */
	} while (moved && c->server != NULL && session_is_alive(c));
}
