/*
 * Clients: accept, states, counters, and the ways in which they end.
 *
 * A client that ends gives everything back at once (its server is abandoned,
 * its ticket leaves the queue) and is only a socket from then on, which lingers
 * until the peer has read the last words, or is closed.  The reaper frees it.
 */
#include "core/client.h"

#include <unistd.h>

#include "base/mem.h"
#include "core/client_inner.h"
#include "core/front.h"
#include "core/hearer.h"
#include "core/login.h"
#include "core/pins.h"
#include "core/proxied.h"
#include "core/request.h"
#include "core/secrets_inner.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/work.h"
#include "core/worker.h"

#define LINGER_TIME (2 * USEC_PER_SEC)

const char *const client_state_names[CLIENT_STATES] = {
	[CLIENT_LOGIN] = "login",    [CLIENT_ASKING] = "login",
	[CLIENT_IDLE] = "idle",      [CLIENT_WAITING] = "waiting",
	[CLIENT_LINKING] = "active", [CLIENT_ACTIVE] = "active",
	[CLIENT_CONSOLE] = "active", [CLIENT_LINGERING] = "closing",
	[CLIENT_CLOSED] = "closed",
};

void
client_set_state(struct client *c, enum client_state state)
{
	static const unsigned legal[CLIENT_STATES] = {
		[CLIENT_LOGIN] = BIT(CLIENT_ASKING) | BIT(CLIENT_WAITING) |
				 BIT(CLIENT_LINKING) | BIT(CLIENT_IDLE) |
				 BIT(CLIENT_CONSOLE),
		[CLIENT_ASKING] = BIT(CLIENT_LOGIN) | BIT(CLIENT_CONSOLE) |
				  BIT(CLIENT_IDLE) | BIT(CLIENT_ACTIVE),
		[CLIENT_IDLE] = BIT(CLIENT_WAITING) | BIT(CLIENT_LINKING) |
				BIT(CLIENT_ASKING) | BIT(CLIENT_LOGIN),
		[CLIENT_WAITING] = BIT(CLIENT_LINKING) | BIT(CLIENT_IDLE),
		[CLIENT_LINKING] = BIT(CLIENT_ACTIVE) | BIT(CLIENT_LOGIN) |
				   BIT(CLIENT_IDLE),
		[CLIENT_ACTIVE] = BIT(CLIENT_IDLE) | BIT(CLIENT_ASKING) |
				  BIT(CLIENT_LOGIN),
		[CLIENT_CONSOLE] = BIT(CLIENT_ASKING),
		[CLIENT_LINGERING] = 0,
		[CLIENT_CLOSED] = 0,
	};
	const unsigned ends = BIT(CLIENT_LINGERING) | BIT(CLIENT_CLOSED);

	ASSERT(((legal[c->state] | ends) & BIT(state)) != 0);
	c->state = state & 15;
}

struct client_handle
client_handle(const struct client *c)
{
	return (struct client_handle){ .worker = (uint16_t)c->worker->id,
				       .slot = c->slot,
				       .generation = c->generation };
}

static void
on_ready(struct stream *s)
{
	session_turn(LIST_ENTRY(s, struct client, stream));
}

/* ------------------------------------------------------------------------
 * Counters
 */

/* What the back has counted of something since the last look. */
static void
count_more(struct stats *stats, enum counter which, uint32_t now,
	   uint32_t *seen)
{
	if (now == *seen)
		return;
	stats_add(stats, which, now - *seen);
	*seen = now;
}

/* Prepared statements: looked at when queries end, for all do in the end. */
static void
count_statements(struct tenure *t, const struct back_view *v,
		 struct stats *stats)
{
	count_more(stats, STAT_CLIENT_PARSE, v->client_parses,
		   &t->seen_client_parses);
	count_more(stats, STAT_SERVER_PARSE, v->server_parses,
		   &t->seen_server_parses);
	count_more(stats, STAT_BIND, v->binds, &t->seen_binds);
}

/* Queries that the server has ended since the last look. */
static void
count_queries(struct client *c, struct stats *stats, usec_t now)
{
	struct tenure *t = c->tenure;
	const struct back_view *v = c->server->ops->view(c->server->back);
	uint32_t done = v->queries - t->seen_queries;
	bool runs = v->owed > v->owed_hidden;

	if (done > 0) {
		t->seen_queries = v->queries;
		stats_add(stats, STAT_QUERIES, done);
		count_statements(t, v, stats);
		if (t->query_since != 0)
			stats_add(stats, STAT_QUERY_TIME, now - t->query_since);
		t->query_since = runs ? now : 0;
		c->last_active = now;
	} else if (runs && t->query_since == 0) {
		t->query_since = now;
	}
	if (t->xact_since == 0 && (runs || v->tx != TX_IDLE))
		t->xact_since = now;
	if (v->xacts != t->seen_xacts) {
		stats_add(stats, STAT_XACTS, v->xacts - t->seen_xacts);
		t->seen_xacts = v->xacts;
		if (t->xact_since != 0)
			stats_add(stats, STAT_XACT_TIME, now - t->xact_since);
		t->xact_since = runs || v->tx != TX_IDLE ? now : 0;
	}
}

void
client_count_answered(struct client *c)
{
	struct front_view *v = client_front(c)->view(c->front);
	struct stats *stats;

	if (v->queries == 0 || c->pool == NULL)
		return;
	stats = c->pool->parts[c->worker->id].stats;
	stats_add(stats, STAT_QUERIES, v->queries);
	stats_add(stats, STAT_XACTS, v->xacts);
	v->queries = v->xacts = 0;
}

void
client_count_bytes(struct client *c, enum counter which, size_t bytes)
{
	if (c->pool != NULL)
		stats_add(c->pool->parts[c->worker->id].stats, which, bytes);
	else if (c->login == NULL)
		return;
	else if (which == STAT_SENT)
		c->login->sent += bytes;
	else
		c->login->received += bytes;
}

enum flush
client_flush(struct client *c)
{
	size_t had = c->stream.out.len;
	enum flush flush = stream_flush(&c->stream);

	client_count_bytes(c, STAT_SENT, had - c->stream.out.len);
	return flush;
}

void
client_tally(struct client *c, usec_t now)
{
	if (c->tenure == NULL)
		return;
	if (c->server != NULL && c->state == CLIENT_ACTIVE)
		count_queries(c, c->pool->parts[c->worker->id].stats, now);
	if (c->tenure->cancel != NULL)
		cancel_go_on(c);
}

void
client_account(struct client *c, usec_t now)
{
	client_tally(c, now);
	client_arm_if_due(c, now);
}

/* ------------------------------------------------------------------------
 * Beginning
 */

/* What an accepted socket does not have from the listening one. */
static int
set_options(const struct worker *w, int fd, int family)
{
	return w->bequeaths ? stream_set_buffers(fd, &w->options)
			    : stream_set_options(fd, family, &w->options);
}

/* Sent its first bytes already, or else it would not have been accepted. */
static bool
has_spoken(const struct settings *set, const struct client *c)
{
	return set->tcp_defer_accept != 0 && !c->stream.is_unix;
}

/* Most have none, and touch nothing that is shared. */
static void
give_number(const struct client *c)
{
	if (client_front(c)->speaks_first)
		ids_give(&c->worker->core->ids, c->number);
}

void
client_accept(struct worker *w, int fd, const struct addr *peer,
	      unsigned protocol)
{
	struct core *core = w->core;
	const struct front_ops *front = core->fronts[protocol];
	const struct settings *set = snapshot_settings(w->snapshot);
	struct client *c = NULL;

	if (fd < core->fd_close || addr_is_unix(peer))
		c = mem_zalloc(sizeof(*c));
	if (c == NULL || set_options(w, fd, peer->sa.sa_family) != 0)
		goto fail;
	stream_init(&c->stream, on_ready);
	c->worker = w;
	c->timer.fire = client_on_timer;
	c->protocol = protocol & 0x7f;
	c->front = front->open();
	c->login = mem_zalloc(sizeof(*c->login));
	if (c->front == NULL || c->login == NULL || !worker_add_client(w, c))
		goto fail;
	c->login->client = c;
	c->login->wants_proxy = snapshot_is_proxy(w->snapshot, peer);
	if (!stream_open(&c->stream, w->loop, fd, peer->sa.sa_family)) {
		worker_remove_client(w, c);
		list_remove(&c->node);
		goto fail;
	}
	c->id = atomic_fetch_add(&core->next_id, 1) + 1;
	c->last_active = c->login->since = loop_now(w->loop);
	c->connected = client_tenths(c->last_active);
	c->is_login = true;
	/* Strangers may not use up what those who know a password need. */
	if (atomic_fetch_add(&core->logins, 1) >=
	    set->max_client_conn + LOGINS_SPARE) {
		client_refuse_reason(c, REASON_MAX_CLIENTS);
		return;
	}
	client_arm(c);
	/* Else they come with an edge of their own. */
	c->stream.readable = !front->speaks_first && has_spoken(set, c);
	if (c->stream.readable || front->speaks_first)
		stream_kick(&c->stream);
	return;
fail:
	if (c != NULL && c->front != NULL)
		front->close(c->front);
	if (c != NULL) {
		give_number(c);
		mem_free(c->login);
	}
	mem_free(c);
	close(fd);
}

void
client_drop_tenure(struct client *c)
{
	if (c->tenure == NULL)
		return;
	cancel_drop(c);
	pins_set(c, 0);
	slab_free(&c->worker->tenures, c->tenure);
	c->tenure = NULL;
}

/* What the back has counted so far was not for this client. */
static void
see_counts(struct tenure *t, const struct back_view *v)
{
	t->seen_queries = v->queries;
	t->seen_xacts = v->xacts;
	t->seen_client_parses = v->client_parses;
	t->seen_server_parses = v->server_parses;
	t->seen_binds = v->binds;
}

void
client_granted(struct client *c, struct server *s)
{
	struct tenure *t = c->tenure;
	struct stats *stats = c->pool->parts[c->worker->id].stats;
	usec_t now = loop_now(c->worker->loop);

	t->last_wait = t->ticket.since == 0 ? 0 : now - t->ticket.since;
	c->was_notified = false;
	if (c->eof_since != 0)
		c->eof_since = client_tenths(now); /* its query begins now */
	t->granted_at = now;
	c->server = s;
	s->client = c;
	s->state = SERVER_ACTIVE;
	see_counts(t, s->ops->view(s->back));
	c->link_pending = true;
	if (c->login == NULL || !c->login->wants_facts) {
		s->granted_at = now;
		stats_add(stats, STAT_ASSIGNMENTS, 1);
		stats_add(stats, STAT_WAIT_TIME, t->last_wait);
	}
	client_set_state(c, CLIENT_LINKING);
	stream_kick(&c->stream);
}

static void
on_moved(struct mail *mail)
{
	struct client_login *l = LIST_ENTRY(mail, struct client_login, mail);
	struct client *c = l->client;
	struct worker *w = c->worker;

	c->pool->parts[w->id].clients++;
	if (!worker_add_client(w, c)) {
		stream_close(&c->stream, STREAM_RESET);
		login_undo(c);
		client_free(c);
		return;
	}
	if (!proxied_arrive(c) || !stream_attach(&c->stream, w->loop)) {
		client_close(c, REASON_NO_MEMORY);
		return;
	}
	client_arm(c);
	session_turn(c);
}

bool
client_move(struct client *c, struct worker *to)
{
	if (c->server != NULL || c->login->job != NULL ||
	    client_flush(c) != FLUSH_DONE || c->stream.in.len > 0 ||
	    c->stream.eof)
		return false;
	timer_clear(c->worker->loop, &c->timer);
	stream_detach(&c->stream);
	c->pool->parts[c->worker->id].clients--;
	proxied_leave(c);
	worker_remove_client(c->worker, c);
	list_remove(&c->node);
	list_push_back(&c->worker->client_leavers, &c->node);
	c->worker = to;
	c->login->mail.deliver = on_moved;
	return true;
}

/* ------------------------------------------------------------------------
 * Ends
 */

/* Who it is, as far as that is known. */
static const char *
name_of(const char *pool, const char *login, char out[LOG_QUOTE_MAX])
{
	if (pool != NULL)
		return log_quote(pool, out);
	return login != NULL ? log_quote(login, out) : "-";
}

static void
log_end(const struct client *c, enum reason reason)
{
	const struct reason_info *info = reason_info(reason);
	const struct settings *set = snapshot_settings(c->worker->snapshot);
	const struct client_login *l = c->login;
	enum log_level level = info->level;
	static struct log_rate rate = LOG_RATE(50);
	char user[LOG_QUOTE_MAX], database[LOG_QUOTE_MAX];
	char addr[ADDR_TEXT_MAX], tls[128];
	struct stream_facts facts;

	if (level <= LOG_WARNING ? set->log_pooler_errors == 0
				 : set->log_disconnections == 0)
		level = LOG_DEBUG;
	if (!log_enabled(level) || !log_allow(&rate))
		return;
	login_stream_facts(c, &facts, addr);
	stream_tls_error(&c->stream, tls, sizeof(tls));
	log_event(level, "client_close",
		  "client=%llu user=%s database=%s addr=%s reason=%s age_s=%.1f"
		  "%s%s%s",
		  (unsigned long long)c->id,
		  name_of(c->pool == NULL ? NULL : c->account->name,
			  l == NULL ? NULL : l->user, user),
		  name_of(c->pool == NULL ? NULL : c->pool->database,
			  l == NULL ? NULL : l->database, database),
		  facts.peer_addr[0] == '\0' ? "-" : facts.peer_addr,
		  info->name,
		  (double)(loop_now(c->worker->loop) -
			   c->connected * CLIENT_TENTH) /
			  (double)USEC_PER_SEC,
		  tls[0] == '\0' ? "" : " tls_error=\"", tls,
		  tls[0] == '\0' ? "" : "\"");
}

/* Gives back all that it holds of others. */
static void
let_go(struct client *c)
{
	struct server *s = c->server;
	enum sent sent = c->relay_left > 0 ? SENT_HALF : SENT_WHOLE;

	timer_clear(c->worker->loop, &c->timer);
	if (c->login != NULL && c->login->job != NULL) {
		c->login->job->client = NULL;
		c->login->job = NULL;
	}
	secrets_forget(c);
	if (c->login != NULL && c->login->asked != NULL)
		c->login->asked->is_abandoned = true;
	if (c->login != NULL && c->login->request != NULL) {
		console_request_free(c->login->request);
		c->login->request = NULL;
	}
	hearer_end(c);
	if (c->tenure != NULL && s == NULL)
		pool_leave(c->pool, c->worker, &c->tenure->ticket);
	client_drop_tenure(c);
	if (s != NULL) {
		c->server = NULL;
		s->client = NULL;
		server_abandon(s, sent);
	}
	login_undo(c);
}

void
client_close(struct client *c, enum reason reason)
{
	if (c->state == CLIENT_CLOSED)
		return;
	if (c->state != CLIENT_LINGERING) {
		log_end(c, reason);
		client_set_state(c, CLIENT_CLOSED);
		let_go(c);
	} else {
		client_set_state(c, CLIENT_CLOSED);
		timer_clear(c->worker->loop, &c->timer);
	}
	stream_close(&c->stream, STREAM_FIN);
	proxied_end(c);
	worker_note_end(c->worker);
	worker_remove_client(c->worker, c);
	list_remove(&c->node);
	list_push_back(&c->worker->client_graves, &c->node);
}

void
client_linger(struct client *c)
{
	if (stream_flush(&c->stream) == FLUSH_ERROR) {
		client_close(c, REASON_NONE);
		return;
	}
	if (c->stream.out.len > 0)
		return;
	if (!c->is_shut) {
		c->is_shut = true;
		stream_shutdown(&c->stream);
	}
	/* Unread input would turn the close into a reset that eats our words */
	for (int i = 0; i < 4; i++) {
		enum fill fill = stream_fill(&c->stream, BUF_BLOCK_BYTES);

		buf_clear(&c->stream.in);
		if (fill == FILL_SOME)
			continue;
		if (fill != FILL_NONE)
			client_close(c, REASON_NONE);
		return;
	}
	stream_kick(&c->stream);
}

static void
start_linger(struct client *c, enum reason reason)
{
	struct loop *loop = c->worker->loop;

	/* Amid a handshake it cannot be told anything. */
	if (c->stream.tls != NULL && !stream_is_tls(&c->stream)) {
		client_close(c, reason);
		return;
	}
	/* Before its pool is let go. */
	client_count_bytes(c, STAT_SENT, c->stream.out.len);

	log_end(c, reason);
	client_set_state(c, CLIENT_LINGERING);
	let_go(c);
	buf_clear(&c->stream.in);
	c->relay_left = c->discard_left = 0;
	timer_set(loop, &c->timer, loop_now(loop) + LINGER_TIME);
	stream_kick(&c->stream);
}

void
client_end(struct client *c, enum reason reason)
{
	if (c->state == CLIENT_CLOSED || c->state == CLIENT_LINGERING)
		return;
	/* Who said good-bye waits for no last words. */
	if (reason == REASON_CLIENT_TERMINATE && c->stream.out.len == 0)
		client_close(c, reason);
	else
		start_linger(c, reason);
}

/* Why a login fails is told to the client only in part. */
static void
log_detail(const struct client *c, const struct refusal *refusal)
{
	static struct log_rate rate = LOG_RATE(50);
	char quoted[LOG_QUOTE_MAX];

	if (!c->is_login || refusal->detail == NULL ||
	    snapshot_settings(c->worker->snapshot)->log_pooler_errors == 0 ||
	    !log_allow(&rate))
		return;
	log_event(LOG_WARNING, "login_detail", "client=%llu detail=%s",
		  (unsigned long long)c->id,
		  log_quote(refusal->detail, quoted));
}

void
client_refuse(struct client *c, const struct refusal *refusal)
{
	struct session_turn st;

	if (c->state == CLIENT_CLOSED || c->state == CLIENT_LINGERING)
		return;
	log_detail(c, refusal);
	/* In the middle of a relayed message no error can be written. */
	if (c->server == NULL || c->server->relay_left == 0) {
		session_client_turn(c, &st);
		client_front(c)->refuse(&st.turn, refusal);
	}
	start_linger(c, refusal->reason);
}

void
client_refuse_reason(struct client *c, enum reason reason)
{
	struct refusal refusal = { .scope = FAIL_CONNECTION, .reason = reason };

	client_refuse(c, &refusal);
}

void
client_pool_failed(struct client *c)
{
	struct refusal refusal = { .scope = FAIL_CONNECTION };
	struct pool_failure failure;

	pool_failure_copy(c->pool, c->class, loop_now(c->worker->loop),
			  &failure);
	refusal.reason = failure.reason == REASON_NONE ? REASON_SERVER_LOGIN
						       : failure.reason;
	if (failure.error != NULL) {
		refusal.server_error = failure.error;
		refusal.server_error_len = failure.error_len;
	} else if (failure.text[0] != '\0') {
		refusal.detail = failure.text;
	}
	client_refuse(c, &refusal);
	mem_free(failure.error);
}

/* It queues again, as of when it queued first. */
static void
keep_place(struct client *c)
{
	struct loop *loop = c->worker->loop;
	struct tenure *t = c->tenure;

	t->ticket.since = t->granted_at - t->last_wait;
	/* Its wait began long ago: what is due is looked at anew. */
	timer_set_earlier(loop, &c->timer, loop_now(loop));
}

void
client_server_failed(struct client *c, enum reason reason)
{
	struct server *s = c->server;
	bool half_told = s->relay_left > 0;
	char text[256];
	size_t len = 0;

	/* What the server said itself has been forwarded: add nothing. */
	(void)s->ops->last_error(s->back, &len, text, sizeof(text));
	if (s->state == SERVER_CHECKING || c->state == CLIENT_LINKING) {
		/* It died before it saw a byte of the client's: try another. */
		if (!c->link_pending)
			server_hold_openings(s, "the server was lost while it "
						"took a client's settings");
		(void)session_unlink(c);
		client_set_state(c, (enum client_state)c->back_to);
		keep_place(c);
		server_close(s, reason);
		(void)session_want_server(c);
		stream_kick(&c->stream); /* a cancel may wait for this */
		return;
	}
	s->is_half_sent = true; /* perhaps: nothing more is said to it */
	(void)session_unlink(c);
	server_close(s, reason);
	if (half_told || len > 0)
		client_end(c, reason);
	else
		client_refuse_reason(c, reason);
}

static bool
may_stay(const struct client *c)
{
	const struct worker *w = c->worker;

	if (w->core->drain > DRAIN_CLIENTS + 1)
		return false;
	return c->pool == NULL || c->is_console || !c->pool->is_removed;
}

static enum reason
leave_reason(const struct client *c)
{
	return c->worker->core->drain != 0 ? REASON_SHUTDOWN
					   : REASON_DATABASE_REMOVED;
}

void
client_sweep(struct worker *w)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &w->clients) {
		struct client *c = LIST_ENTRY(n, struct client, node);

		client_arm(c);
		if (may_stay(c))
			continue;
		client_close_soon(c, leave_reason(c));
	}
}

void
client_close_soon(struct client *c, enum reason reason)
{
	c->close_needed = true;
	c->close_reason = (uint8_t)reason;
	client_close_if_at_rest(c);
}

void
client_close_if_at_rest(struct client *c)
{
	struct server *s = c->server;
	bool idle = c->state == CLIENT_IDLE || c->state == CLIENT_CONSOLE ||
		    c->is_login;

	/* A session at a boundary, with nothing on its way. */
	if (c->state == CLIENT_ACTIVE && c->relay_left == 0 &&
	    s->relay_left == 0 && s->ops->view(s->back)->owed == 0 &&
	    s->ops->view(s->back)->tx == TX_IDLE)
		idle = true;
	if (!idle ||
	    (!c->is_login && !client_front(c)->view(c->front)->is_at_rest))
		return;
	client_refuse_reason(c, (enum reason)c->close_reason);
}

void
client_free(struct client *c)
{
	client_front(c)->close(c->front);
	give_number(c);
	mem_free(c);
}
