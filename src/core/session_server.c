/*
 * The session's other half: servers that have no client (logging in, idle,
 * resetting, abandoned) carry their back's orders out by themselves.  Whatever
 * the back would relay is dropped.
 */
#include "core/session.h"
#include "core/work.h"

#define READS_PER_TURN 4

static bool
carry_server(struct server *s, const struct order *o)
{
	switch (o->kind) {
	case ORDER_DISCARD:
	case ORDER_RELAY:
		s->discard_left = (uint32_t)o->bytes;
		return true;
	case ORDER_NEED_MORE:
	case ORDER_WAIT:
		if (stream_has_ended(&s->stream))
			server_lost(s);
		return false;
	case ORDER_BOUNDARY:
		server_boundary(s, o->residue);
		return s->state != SERVER_CLOSED &&
		       s->state != SERVER_CLOSING && s->client == NULL &&
		       s->state != SERVER_MOVING && s->state != SERVER_IDLE;
	case ORDER_READY:
		server_ready(s);
		return false;
	case ORDER_WORK:
		work_start_server(s, &o->job);
		return false;
	case ORDER_START_TLS:
		server_start_tls(s);
		return false;
	case ORDER_FAIL:
		server_failed(s, o);
		return false;
	case ORDER_CLOSE:
	case ORDER_LISTEN:
	case ORDER_NEED_SERVER:
	case ORDER_NEED_FACTS:
	case ORDER_ROUTE:
	case ORDER_CLASS:
	case ORDER_VERIFY:
	case ORDER_CANCEL:
	case ORDER_QUERY:
		break;
	}
	server_close(s, REASON_SERVER_PROTOCOL);
	return false;
}

static bool
is_stepping(const struct server *s)
{
	return s->client == NULL && s->job == NULL &&
	       s->state != SERVER_CLOSED && s->state != SERVER_CLOSING &&
	       s->state != SERVER_MOVING && s->state != SERVER_RESOLVING &&
	       s->stream.state == STREAM_OPEN;
}

void
session_server_step(struct server *s, const struct answer *answer)
{
	while (is_stepping(s)) {
		struct turn t;
		struct order o;

		if (s->discard_left > 0) {
			size_t n = s->discard_left < s->stream.in.len
					   ? s->discard_left
					   : s->stream.in.len;

			buf_drop(&s->stream.in, n);
			s->discard_left -= (uint32_t)n;
			s->drained += n;
			if (s->state == SERVER_ABANDONED &&
			    s->drained > SERVER_DRAIN_MAX) {
				server_close(s, REASON_CLIENT_LOST_QUERY);
				return;
			}
			if (s->discard_left > 0) {
				if (stream_has_ended(&s->stream))
					server_lost(s);
				return;
			}
			continue;
		}
		server_turn(s, &t);
		if (answer != NULL)
			t.answer = *answer;
		answer = NULL;
		o = s->ops->step(&t);
		if (!carry_server(s, &o))
			return;
	}
}

void
session_server_turn(struct server *s)
{
	bool more = true;

	if (s->state == SERVER_CLOSING) {
		server_see_end(s);
		return;
	}
	if (s->stream.state == STREAM_CONNECTING && !server_connected(s))
		return;
	for (int i = 0; i < READS_PER_TURN && more && is_stepping(s); i++) {
		more = session_read_server(s, 0);
		session_server_step(s, NULL);
	}
	if (!is_stepping(s))
		return;
	server_cancel_last(s);
	if (stream_flush(&s->stream) == FLUSH_ERROR) {
		s->stream.readable = true;
		stream_kick(&s->stream);
		return;
	}
	server_watch(s);
	if (s->stream.readable)
		stream_kick(&s->stream);
}
