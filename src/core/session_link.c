/*
 * How a client comes by a server: it queues at the pool, and what it is granted
 * is made to look like its session before its bytes may follow.
 */
#include "core/login.h"
#include "core/session_inner.h"

/* A server that rested longer than this may have ended meanwhile. */
#define NEWS_AFTER (5 * USEC_PER_MSEC)

/* Makes a granted server look like the client's session. */
static void
start_link(struct client *c)
{
	struct server *s = c->server;
	usec_t now = loop_now(c->worker->loop);
	struct turn t;

	if (s->state == SERVER_CHECKING)
		return;
	if (server_check(s, now))
		return;
	notifier_link(s, c);
	server_turn(s, &t);
	t.peer = c->front;
	switch (s->ops->link(&t)) {
	case LINK_GO:
		c->link_pending = false;
		client_set_state(c, CLIENT_ACTIVE);
		return;
	case LINK_WAIT:
		c->link_pending = false;
		return;
	case LINK_FAIL:
		client_refuse_reason(c, REASON_NO_MEMORY);
		return;
	}
}

/*
 * Did the server say something while it was idle, or end, that no event has
 * told of yet?  The client's query would be lost with it.  Costs a read, but
 * none where servers are busy.
 */
static bool
has_news(struct server *s, usec_t now)
{
	if (s->state == SERVER_CHECKING || s->idle_since == 0 ||
	    now < s->idle_since + NEWS_AFTER)
		return false;
	s->stream.readable = true;
	return session_read_server(s, 0);
}

bool
session_link(struct client *c)
{
	if (c->login != NULL && c->login->wants_facts) {
		struct server *s = session_unlink(c);

		client_drop_tenure(c);
		client_set_state(c, CLIENT_LOGIN);
		server_release(s, RESIDUE_NONE);
		return session_is_alive(c);
	}
	if (c->link_pending && has_news(c->server, loop_now(c->worker->loop))) {
		if (!session_is_full(&c->stream))
			return true; /* the back looks, without the client */
		client_server_failed(c, REASON_SERVER_LOST);
		return session_is_alive(c);
	}
	if (c->link_pending)
		start_link(c);
	if (c->state != CLIENT_LINKING)
		return session_is_alive(c);
	if (!c->link_pending &&
	    c->server->ops->view(c->server->back)->owed_hidden == 0)
		client_set_state(c, CLIENT_ACTIVE);
	return c->state == CLIENT_ACTIVE;
}

bool
session_want_server(struct client *c)
{
	usec_t now = loop_now(c->worker->loop);
	struct server *s;
	bool failed;

	c->back_to = c->state;
	if (c->tenure == NULL)
		c->tenure = slab_new(&c->worker->tenures);
	if (c->tenure == NULL) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return false;
	}
	c->tenure->ticket.client = c;
	/* Facts are asked of the class that the login was routed by, also when
	 * a reload has changed the mode since. */
	c->tenure->ticket.class =
		c->is_login || session_is_kept(c) || c->pool->back->keeps_class
			? c->class
			: NULL;
	s = pool_checkout(c->pool, c->worker, &c->tenure->ticket, now, &failed);
	if (failed) {
		client_pool_failed(c);
		return false;
	}
	if (s != NULL) {
		client_granted(c, s);
		return true;
	}
	if (c->state == c->back_to) /* else it was granted meanwhile */
		client_set_state(c, CLIENT_WAITING);
	return false;
}
