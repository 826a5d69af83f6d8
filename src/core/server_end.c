/*
 * The ends of servers: good-byes, their last moments, and which may not stay
 * after a reload; see server.h.
 */
#include "base/log.h"
#include "base/mem.h"
#include "core/cancel.h"
#include "core/client.h"
#include "core/server.h"
#include "core/server_inner.h"
#include "core/shared.h"
#include "core/work.h"
#include "core/worker.h"

#define CLOSING_TIME (5 * USEC_PER_SEC)

static void
log_server_close(const struct server *s, enum reason reason)
{
	enum log_level level = reason_info(reason)->level;
	static struct log_rate rate = LOG_RATE(50);
	char tag[SERVER_TAG_MAX];

	if (!s->is_logged_in || !log_enabled(level) || !log_allow(&rate))
		return;
	log_event(level, "server_close", "%s reason=%s age_s=%.1f",
		  server_tag(s, tag), reason_info(reason)->name,
		  (double)(server_now(s) - s->created) / (double)USEC_PER_SEC);
}

static void
say_good_bye(struct server *s)
{
	struct turn t;

	/* After half a message a good-bye could complete it, and run it. */
	if (!s->is_logged_in || s->is_half_sent ||
	    s->stream.state != STREAM_OPEN || s->stream.out.len > 0)
		return;
	server_turn(s, &t);
	s->ops->terminate(&t);
	(void)stream_flush(&s->stream);
}

/*
 * Postgres ends a backend some time after the good-bye; until it has closed its
 * side the connection is one of its own, and so its place is not free.
 */
static bool
must_see_its_end(const struct server *s)
{
	return s->is_logged_in && s->stream.state == STREAM_OPEN &&
	       !s->stream.eof && s->stream.error == 0 &&
	       s->state != SERVER_CLOSING && !s->worker->core->is_stopping;
}

/* Nobody may come back to it. */
static void
forget_others(struct server *s)
{
	server_forget_query(s);
	if (s->job != NULL)
		s->job->server = NULL;
	s->job = NULL;
	if (s->canceler != NULL)
		s->canceler->server = NULL;
	s->canceler = NULL;
}

void
server_end(struct server *s)
{
	struct worker *w = s->worker;

	s->state = SERVER_CLOSED;
	timer_clear(w->loop, &s->timer);
	stream_close(&s->stream, STREAM_FIN);
	list_remove(&s->owned);
	list_push_back(&w->server_graves, &s->owned);
	notifier_close(s);
	pool_server_gone(s->pool, w, s, loop_now(w->loop));
}

void
server_see_end(struct server *s)
{
	for (int i = 0; i < 4; i++) {
		enum fill fill = stream_fill(&s->stream, BUF_BLOCK_BYTES);

		buf_clear(&s->stream.in);
		if (fill == FILL_EOF || fill == FILL_ERROR) {
			server_end(s);
			return;
		}
		if (fill == FILL_NONE)
			return;
	}
	stream_kick(&s->stream);
}

void
server_close(struct server *s, enum reason reason)
{
	struct worker *w = s->worker;

	if (s->state == SERVER_CLOSED ||
	    (s->state == SERVER_CLOSING && !w->core->is_stopping))
		return;
	ASSERT(s->client == NULL && s->state != SERVER_MOVING);
	if (s->state == SERVER_IDLE && !pool_withdraw(s->pool, w, s)) {
		s->is_dead = true; /* whoever claimed it will ask for it */
		return;
	}
	log_server_close(s, reason);
	say_good_bye(s);
	forget_others(s);
	if (!must_see_its_end(s)) {
		server_end(s);
		return;
	}
	s->state = SERVER_CLOSING;
	s->deadline = server_now(s) + CLOSING_TIME;
	pool_unbind(s->pool, w, s);
	buf_clear(&s->stream.in);
	buf_clear(&s->stream.out);
	stream_shutdown(&s->stream);
	timer_clear(w->loop, &s->timer);
	server_watch(s);
	stream_kick(&s->stream);
}

void
server_free(struct server *s)
{
	mem_free(s->addresses);
	if (s->back != NULL)
		s->ops->close(s->back);
	pool_class_give(s->pool, s->class);
	pool_unref(s->pool);
	mem_free(s);
}

bool
server_has_lost(struct server *s)
{
	/* Until then it may move on to another address. */
	return s->is_logged_in && lost_check(&s->worker->core->lost,
					     &s->lost_seen, s->host, &s->addr);
}

/* The first idle server that may not stay, or NULL. */
static struct server *
first_outdated(struct worker *w, const struct pool *p)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->servers) {
		struct server *s = LIST_ENTRY(n, struct server, owned);

		if ((p != NULL && s->pool != p) || s->state != SERVER_IDLE ||
		    s->is_dead)
			continue;
		s->close_needed |= server_has_lost(s);
		if (s->close_needed || pool_is_outdated(s->pool, s))
			return s;
	}
	return NULL;
}

/* Does its client keep it between transactions: a session, or a pin? */
static bool
is_kept(const struct server *s)
{
	return s->client != NULL &&
	       (worker_policy(s->worker, s->pool)->mode == POOL_SESSION ||
		s->client->tenure->pins != NULL);
}

/* A server that stays: its times may have changed, or it must go later. */
static void
look_again(struct server *s)
{
	const struct settings *set = snapshot_settings(s->worker->snapshot);

	if (s->is_logged_in)
		server_set_expiry(s);
	if (s->state == SERVER_IDLE)
		server_watch(s);
	if (s->epoch == pool_epoch(s->pool) && !server_has_lost(s))
		return;
	s->close_needed = true;
	if (set->server_fast_close == 0 || !is_kept(s))
		return;
	s->close_now = true;
	client_close_soon(s->client, REASON_SERVER_RECONNECT);
}

void
server_sweep(struct worker *w, struct pool *p)
{
	struct list_node *n, *tmp;
	struct server *s;

	/* Each close may set others moving: the walk begins anew. */
	while ((s = first_outdated(w, p)) != NULL)
		server_close(s, REASON_SERVER_RECONNECT);
	LIST_FOREACH (n, tmp, &w->servers) {
		s = LIST_ENTRY(n, struct server, owned);
		if (p == NULL || s->pool == p)
			look_again(s);
	}
}
