/*
 * A turn of the session: reads what is there, has both sides step until they
 * wait, and writes once for each socket; see session.c.
 */
#include <errno.h>

#include "core/hearer.h"
#include "core/session_inner.h"

#define IN_MAX (8 * (size_t)BUF_BLOCK_BYTES)
#define WAITING_MAX ((size_t)BUF_BLOCK_BYTES) /* read ahead while queued */
#define READS_PER_TURN 4
#define READ_MAX SESSION_OUT_MAX

static bool
may_read_client(const struct client *c)
{
	size_t most = IN_MAX;

	if (!c->stream.readable || c->state == CLIENT_CLOSED)
		return false;
	if (c->state == CLIENT_WAITING || c->state == CLIENT_ASKING)
		most = WAITING_MAX;
	if (c->server != NULL && c->server->stream.out.len >= SESSION_OUT_MAX)
		most = WAITING_MAX;
	return c->stream.in.len < most;
}

static bool
read_client(struct client *c)
{
	size_t had = c->stream.in.len;

	if (!may_read_client(c))
		return false;
	switch (stream_fill(&c->stream, READ_MAX)) {
	case FILL_SOME:
		client_count_bytes(c, STAT_RECEIVED, c->stream.in.len - had);
		c->last_active = loop_now(c->worker->loop);
		return true;
	case FILL_NONE:
		return false;
	case FILL_EOF:
		if (c->eof_since == 0)
			c->eof_since = client_tenths(loop_now(c->worker->loop));
		return true;
	case FILL_ERROR:
		client_close(c, c->stream.error == EPROTO ? REASON_TLS
							  : REASON_CLIENT_GONE);
		return false;
	}
	return false;
}

bool
session_read_server(struct server *s, size_t out_len)
{
	if (s == NULL || !s->stream.readable || out_len >= SESSION_OUT_MAX ||
	    s->stream.in.len >= IN_MAX || s->stream.state != STREAM_OPEN)
		return false;
	return stream_fill(&s->stream, READ_MAX) != FILL_NONE;
}

/* A client that hung up in the queue has its place for the grace only. */
static void
check_hang_up(struct client *c)
{
	if (c->stream.hung_up && c->state == CLIENT_WAITING &&
	    c->eof_since == 0)
		c->eof_since = client_tenths(loop_now(c->worker->loop));
}

static void
flush_both(struct client *c)
{
	struct server *s = c->server;
	size_t had = c->stream.out.len;

	if (s != NULL && stream_flush(&s->stream) == FLUSH_ERROR) {
		/* What it said before it died is read first, as soon as the
		 * client has room for it. */
		s->stream.readable = true;
		if (!session_is_full(&c->stream))
			stream_kick(&s->stream);
	}
	if (c->state == CLIENT_CLOSED || had == 0)
		return;
	if (client_flush(c) == FLUSH_ERROR) {
		client_close(c, REASON_CLIENT_GONE);
		return;
	}
	/* Who reads on has not vanished, though it sends nothing more. */
	if (c->eof_since != 0 && had > c->stream.out.len) {
		c->last_active = loop_now(c->worker->loop);
		c->eof_since = client_tenths(c->last_active);
	}
}

/* Writes; where that made room for what was read already, it goes on soon:
 * each direction by itself, for the other one may be stuck for long. */
static void
flush_and_go_on(struct client *c)
{
	struct server *s = c->server;
	bool client_full = session_is_full(&c->stream);
	bool server_full = s != NULL && session_is_full(&s->stream);

	flush_both(c);
	if (session_is_alive(c) &&
	    ((client_full && !session_is_full(&c->stream)) ||
	     (server_full && !session_is_full(&s->stream))))
		stream_kick(&c->stream);
}

/* Stopped by the quota: go on soon. */
static void
kick_if_more(struct client *c)
{
	struct server *s = c->server;

	if (may_read_client(c) ||
	    (s != NULL && s->stream.readable &&
	     c->stream.out.len < SESSION_OUT_MAX && s->stream.in.len < IN_MAX))
		stream_kick(&c->stream);
}

static void
turn_with(struct client *c, const struct answer *answer)
{
	bool more = true;

	check_hang_up(c);
	for (int i = 0; i < READS_PER_TURN && more && session_is_alive(c);
	     i++) {
		more = read_client(c);
		if (session_is_alive(c))
			more |= session_read_server(c->server,
						    c->stream.out.len);
		if (session_is_alive(c) && (more || i == 0))
			session_step(c, answer);
		answer = NULL;
	}
	check_hang_up(c);
	if (c->stream.loop == NULL) /* closed, or it leaves */
		return;
	if (c->state == CLIENT_LINGERING) {
		client_linger(c);
		return;
	}
	hearer_flush(c);
	flush_and_go_on(c);
	if (!session_is_alive(c))
		return;
	client_account(c, loop_now(c->worker->loop));
	kick_if_more(c);
}

void
session_turn(struct client *c)
{
	turn_with(c, NULL);
}

void
session_answer(struct client *c, const struct answer *answer)
{
	client_set_state(c, c->back_to);
	turn_with(c, answer);
}
