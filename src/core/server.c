/*
 * Servers: from opening to the graveyard; see server.h and pool.h.
 *
 * A server that leaves a client passes through at most: abandoned (getting back
 * to a boundary), held (a cancel is on its way), resetting, and is then checked
 * in.  Each of these has a deadline and ends in a close when anything does not
 * go as it should: doubt costs a connection, never a wrong answer.
 */
#include "core/server.h"

#include "base/text.h"
#include "core/cancel.h"
#include "core/client.h"
#include "core/server_inner.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

#define CLEANUP_TIME (5 * USEC_PER_SEC)

const char *const server_state_names[SERVER_STATES] = {
	[SERVER_RESOLVING] = "new",       [SERVER_LOGIN] = "new",
	[SERVER_IDLE] = "idle",           [SERVER_MOVING] = "idle",
	[SERVER_CHECKING] = "tested",     [SERVER_ACTIVE] = "active",
	[SERVER_ABANDONED] = "active",    [SERVER_RESETTING] = "tested",
	[SERVER_HELD] = "being_canceled", [SERVER_CLOSING] = "used",
	[SERVER_CLOSED] = "closed",
};

void
server_on_ready(struct stream *stream)
{
	struct server *s = LIST_ENTRY(stream, struct server, stream);

	if (s->client != NULL)
		session_turn(s->client);
	else
		session_server_turn(s);
}

static size_t
binding_of(const void *transport, uint8_t out[BINDING_MAX])
{
	_Static_assert(BINDING_MAX == STREAM_BINDING_MAX, "the same bytes");

	return stream_tls_binding(transport, out);
}

const struct stream_facts *
server_facts(const struct stream *s)
{
	static const struct stream_facts facts[] = {
		{ .peer_addr = "" },
		{ .peer_addr = "", .is_unix = true },
		{ .peer_addr = "", .is_tls = true, .binding = binding_of },
	};

	if (stream_is_tls(s))
		return &facts[2];
	return &facts[s->is_unix ? 1 : 0];
}

void
server_turn(struct server *s, struct turn *t)
{

	*t = (struct turn){
		.self = s->back,
		.in = &s->stream.in,
		.out = &s->stream.out,
		.now = server_now(s),
		.policy = worker_policy(s->worker, s->pool),
		.entropy = worker_entropy,
		.entropy_arg = s->worker,
		.keys = s->worker->core->keys,
		.stream = server_facts(&s->stream),
		.transport = &s->stream,
		.changes = s->changes,
		.shared = s->worker->shared[s->pool->protocol],
	};
}

/* ------------------------------------------------------------------------
 * Timer
 */

static usec_t
idle_deadline(const struct server *s)
{
	const struct pool_config *config =
		&s->pool->parts[s->worker->id].config;
	usec_t at = s->expires;

	if (config->server_idle_timeout != 0 &&
	    (at == 0 || s->idle_since + config->server_idle_timeout < at))
		at = s->idle_since + config->server_idle_timeout;
	return at;
}

void
server_watch(struct server *s)
{
	usec_t at = s->state == SERVER_IDLE ? idle_deadline(s) : s->deadline;

	if (at != 0)
		timer_set_earlier(s->worker->loop, &s->timer, at);
}

static void
on_idle_timer(struct server *s, usec_t now)
{
	const struct pool_config *config =
		&s->pool->parts[s->worker->id].config;

	if (s->expires != 0 && now >= s->expires) {
		server_close(s, REASON_SERVER_LIFETIME);
		return;
	}
	if (config->server_idle_timeout != 0 &&
	    now >= s->idle_since + config->server_idle_timeout &&
	    pool_may_shrink(s->pool)) {
		server_close(s, REASON_SERVER_IDLE);
		return;
	}
	if (idle_deadline(s) == 0)
		return;
	timer_set(s->worker->loop, &s->timer,
		  idle_deadline(s) > now ? idle_deadline(s)
					 : now + USEC_PER_SEC);
}

void
server_on_timer(struct timer *timer)
{
	struct server *s = LIST_ENTRY(timer, struct server, timer);
	usec_t now = server_now(s);

	if (s->state == SERVER_IDLE) {
		on_idle_timer(s, now);
		return;
	}
	if (s->deadline == 0 || now < s->deadline) {
		server_watch(s);
		return;
	}
	switch (s->state) {
	case SERVER_RESOLVING:
	case SERVER_LOGIN:
		server_open_late(s);
		break;
	case SERVER_CHECKING:
		client_server_failed(s->client, REASON_SERVER_DIRTY);
		break;
	case SERVER_ABANDONED:
	case SERVER_RESETTING:
		server_close(s, REASON_SERVER_DIRTY);
		break;
	case SERVER_CLOSING:
		server_end(s);
		break;
	case SERVER_IDLE:
	case SERVER_MOVING:
	case SERVER_ACTIVE:
	case SERVER_HELD:
	case SERVER_CLOSED:
	case SERVER_STATES:
		break;
	}
}

/* ------------------------------------------------------------------------
 * Back to the pool
 */

/* Clean and at a boundary: what came in after it must be harmless. */
static void
finish(struct server *s)
{
	s->deadline = 0;
	s->residue = RESIDUE_NONE;
	s->at_boundary = false;
	if (s->stream.in.len > 0) {
		s->state = SERVER_HELD;
		session_server_step(s, NULL);
		if (s->state != SERVER_HELD)
			return;
	}
	if (s->stream.out.len > 0 && stream_flush(&s->stream) != FLUSH_DONE) {
		server_close(s, REASON_SERVER_DIRTY);
		return;
	}
	pool_checkin(s->pool, s->worker, s, server_now(s));
}

static void
start_reset(struct server *s)
{
	struct turn t;

	s->state = SERVER_RESETTING;
	s->deadline = server_now(s) + CLEANUP_TIME;
	server_turn(s, &t);
	if (!s->ops->reset(&t)) {
		server_close(s, REASON_NO_MEMORY);
		return;
	}
	/* Nothing written: there was nothing to do. */
	if (s->ops->view(s->back)->owed == 0) {
		finish(s);
		return;
	}
	server_watch(s);
	stream_kick(&s->stream);
}

void
server_release(struct server *s, enum residue residue)
{
	if (residue > s->residue)
		s->residue = residue;
	if (s->residue == RESIDUE_CLOSE) {
		server_close(s, REASON_SERVER_DIRTY);
	} else if (s->canceler != NULL) {
		s->state = SERVER_HELD;
	} else if (s->close_needed || s->close_now) {
		server_close(s, REASON_SERVER_RECONNECT);
	} else if (s->residue == RESIDUE_RESET) {
		start_reset(s);
	} else {
		finish(s);
	}
}

/*
 * Does nothing run behind the request that a cancel would hit?  What was sent
 * behind it would be done all the same, without what it was to follow: a
 * transaction without its BEGIN, a query without the client's settings.
 */
static bool
may_cancel(const struct server *s)
{
	return s->ops->view(s->back)->owed_ends <= 1;
}

void
server_cancel_last(struct server *s)
{
	if (s->state != SERVER_ABANDONED || !s->cancel_due || !may_cancel(s))
		return;
	s->cancel_due = false;
	s->deadline = server_now(s) + CLEANUP_TIME;
	(void)cancel_server(s, NULL, NULL);
}

static void
abandon_step(struct server *s, enum sent sent)
{
	struct turn t;

	server_turn(s, &t);
	switch (s->ops->abandon(&t, sent)) {
	case ABANDON_DONE:
		server_release(s, s->residue);
		return;
	case ABANDON_CANCEL:
		s->cancel_due = true;
		server_cancel_last(s);
		break;
	case ABANDON_DRAIN:
		break;
	case ABANDON_CLOSE:
		s->is_half_sent = true;
		if (s->ops->view(s->back)->owed > 0 && may_cancel(s))
			(void)cancel_server(s, NULL, NULL);
		server_close(s, REASON_CLIENT_LOST_QUERY);
		return;
	}
	server_watch(s);
	stream_kick(&s->stream);
}

void
server_abandon(struct server *s, enum sent sent)
{
	s->is_half_sent = sent == SENT_HALF;
	s->cancel_due = false;
	s->drained = 0;
	s->deadline = server_now(s) + CLEANUP_TIME;
	if (worker_policy(s->worker, s->pool)->mode == POOL_SESSION)
		s->residue = RESIDUE_RESET;
	if (s->state == SERVER_CHECKING) {
		/* Its check goes on; what follows is as after any boundary. */
		s->state = SERVER_ABANDONED;
		server_watch(s);
		stream_kick(&s->stream);
		return;
	}
	/* The rest of a message that the client was being sent. */
	if (s->relay_left > 0) {
		s->discard_left = s->relay_left;
		s->relay_left = 0;
	}
	s->state = SERVER_ABANDONED;
	s->at_boundary = false;
	abandon_step(s, sent);
}

static void
abandoned_boundary(struct server *s)
{
	s->cancel_due = false;
	if (s->canceler != NULL) {
		s->at_boundary = true;
		return;
	}
	s->at_boundary = false;
	if (s->ops->view(s->back)->tx == TX_IDLE)
		server_release(s, s->residue);
	else
		abandon_step(s, SENT_WHOLE);
}

void
server_boundary(struct server *s, enum residue residue)
{
	switch (s->state) {
	case SERVER_ABANDONED:
		if (residue > s->residue)
			s->residue = residue;
		abandoned_boundary(s);
		break;
	case SERVER_RESETTING:
		if (residue == RESIDUE_NONE)
			finish(s);
		else
			server_close(s, REASON_SERVER_DIRTY);
		break;
	case SERVER_IDLE:
	case SERVER_HELD:
	case SERVER_RESOLVING:
	case SERVER_LOGIN:
	case SERVER_MOVING:
	case SERVER_CHECKING:
	case SERVER_ACTIVE:
	case SERVER_CLOSING:
	case SERVER_CLOSED:
	case SERVER_STATES:
		break;
	}
}

void
server_cancel_done(struct server *s, enum cancel_end end)
{
	s->canceler = NULL;
	if (end == CANCEL_UNSURE)
		s->close_needed = true;
	if (s->state == SERVER_HELD)
		server_release(s, s->residue);
	else if (s->state == SERVER_ABANDONED && s->at_boundary)
		abandoned_boundary(s);
}

void
server_hold_openings(struct server *s, const char *text)
{
	struct pool_failure why = { .reason = REASON_SERVER_DIRTY,
				    .scope = FAIL_CONNECTION,
				    .host = s->host_turn };

	(void)text_copy(why.text, sizeof(why.text), text);
	pool_open_failed(s->pool, s->worker, &why, server_now(s));
}

bool
server_check(struct server *s, usec_t now)
{
	const struct settings *set = snapshot_settings(s->worker->snapshot);
	struct turn t;

	if (set->server_check_query[0] == '\0' || s->idle_since == 0 ||
	    now < s->idle_since + set->server_check_delay)
		return false;
	server_turn(s, &t);
	if (!s->ops->check(&t))
		return false;
	s->idle_since = 0; /* once a grant */
	s->state = SERVER_CHECKING;
	s->deadline = now + CLEANUP_TIME;
	server_watch(s);
	return true;
}

/* ------------------------------------------------------------------------
 * Between workers
 */

static void
arrived(struct mail *mail)
{
	struct server *s = LIST_ENTRY(mail, struct server, mail);
	struct client *c;

	list_push_back(&s->worker->servers, &s->owned);
	/* A sweep may have missed it on its way. */
	s->close_needed |= server_has_lost(s);
	if (!stream_attach(&s->stream, s->worker->loop)) {
		s->state = SERVER_HELD;
		server_close(s, REASON_NO_MEMORY);
		return;
	}
	c = pool_arrive(s->pool, s);
	if (c != NULL) {
		client_granted(c, s);
		return;
	}
	s->state = SERVER_HELD;
	pool_checkin(s->pool, s->worker, s, server_now(s));
}

/* What may be there on the socket of a server that is about to move. */
static bool
is_fit_to_move(struct server *s)
{
	return !s->is_dead && s->stream.error == 0 && !s->stream.eof &&
	       !s->stream.hung_up && s->stream.in.len == 0 &&
	       s->stream.out.len == 0;
}

void
server_send(struct server *s)
{
	struct worker *to = pool_destination(s->pool, s);
	struct client *c;

	s->state = SERVER_HELD;
	if (s->is_dead || (to != s->worker && !is_fit_to_move(s))) {
		server_close(s, REASON_SERVER_LOST);
		return;
	}
	if (to == NULL) {
		pool_checkin(s->pool, s->worker, s, server_now(s));
		return;
	}
	if (to == s->worker) {
		c = pool_arrive(s->pool, s);
		if (c != NULL)
			client_granted(c, s);
		else
			pool_checkin(s->pool, s->worker, s, server_now(s));
		return;
	}
	timer_clear(s->worker->loop, &s->timer);
	stream_detach(&s->stream);
	list_remove(&s->owned);
	list_push_back(&s->worker->server_leavers, &s->owned);
	s->state = SERVER_MOVING;
	s->worker = to;
	s->mail.deliver = arrived;
}
