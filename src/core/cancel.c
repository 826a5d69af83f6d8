/*
 * Cancel requests; see cancel.h.
 *
 * Three steps on up to three threads: the asker's worker looks the key up; the
 * target's worker checks what the target does, takes it off the queue or holds
 * its server and connects; when the server has closed the cancel connection,
 * the asker's connection is closed, so whoever waits for that knows that the
 * request was carried out.
 */
#include "core/cancel.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/client.h"
#include "core/front.h"
#include "core/server.h"
#include "core/server_inner.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"
#include "io/tls.h"

/* Cancel connections of one worker; duplicates for a server are dropped. */
#define CANCELS_MAX 256u

/* The first four bytes are shown as a process id, which is positive: 7 bits
 * for the worker, 24 for the slot.  The other four are the secret. */
#define SLOT_BITS 24u

static void
put_place(uint8_t key[4], uint32_t worker, uint32_t slot)
{
	uint32_t place = (worker << SLOT_BITS | slot) & 0x7fffffffu;

	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t)(place >> (24 - 8 * i));
}

/* The same of a number that was told before the client's place was final:
 * lowest byte first. */
static void
put_id(uint8_t key[4], uint32_t id)
{
	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t)(id >> (8 * i));
}

static uint32_t
id_of(const uint8_t key[4])
{
	return key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 |
	       (uint32_t)key[3] << 24;
}

bool
cancel_make_key(struct client *c)
{
	struct worker *w = c->worker;

	if (client_front(c)->speaks_first)
		return ids_put(&w->core->ids, client_handle(c), &c->number);
	worker_entropy(w, c->secret, sizeof(c->secret));
	return true;
}

void
cancel_key_of(const struct client *c, uint8_t key[CANCEL_KEY_BYTES])
{
	memset(key, 0, CANCEL_KEY_BYTES);
	if (client_front(c)->speaks_first) {
		put_id(key, c->number);
		return;
	}
	put_place(key, c->worker->id, c->slot + 1); /* never process 0 */
	memcpy(key + 4, c->secret, sizeof(c->secret));
}

/* The client of this key on this worker, compared in constant time. */
static struct client *
find_by_key(struct worker *w, const uint8_t key[CANCEL_KEY_BYTES])
{
	uint32_t slot = (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
	uint8_t its_key[CANCEL_KEY_BYTES];
	struct client *c = NULL;

	if (slot > 0 && slot <= w->slot_count)
		c = w->slots[slot - 1].client;
	if (c == NULL || !c->is_keyed || client_front(c)->speaks_first)
		return NULL;
	cancel_key_of(c, its_key);
	return text_equal_secret(its_key, key, sizeof(its_key)) ? c : NULL;
}

/* ------------------------------------------------------------------------
 * The asker
 */

struct cancel_mail {
	struct mail mail;
	struct core *core;
	struct client_handle asker;
	const struct user_state *account; /* borrows: the asker's; NULL: it
					   * asked by the whole key */
	enum reason result;
	enum cancel_what what;
	/* The target, by its key or, where that is not whole, its number. */
	uint8_t key[CANCEL_KEY_BYTES];
	struct client_handle target;
};

static struct worker *
worker_of(struct core *core, struct client_handle h)
{
	return core->workers[h.worker];
}

static void
asker_told(struct mail *mail)
{
	struct cancel_mail *m = (struct cancel_mail *)mail;
	struct client *c =
		worker_client(worker_of(m->core, m->asker), m->asker);
	struct answer answer = { .kind = ANSWER_CANCEL, .reason = m->result };
	bool stays = m->account != NULL;

	mem_free(m);
	/* It may have been ended meanwhile, by itself as well. */
	if (c == NULL || c->state != CLIENT_ASKING)
		return;
	if (stays)
		session_answer(c, &answer);
	else
		client_end(c, REASON_CLIENT_TERMINATE);
}

static void
tell_asker(struct cancel_mail *m)
{
	m->mail.deliver = asker_told;
	loop_post(worker_of(m->core, m->asker)->loop, &m->mail);
}

static void target_asked(struct mail *mail);

/* Of somebody who is logged in and asks by a number alone. */
static void
ask_by_id(struct client *c, struct cancel_mail *m, const uint8_t *key,
	  enum cancel_what what)
{
	struct core *core = c->worker->core;

	m->account = c->account;
	m->what = what;
	m->result = REASON_NO_DATABASE;
	if (ids_find(&core->ids, id_of(key), &m->target))
		loop_post(worker_of(core, m->target)->loop, &m->mail);
	else
		tell_asker(m);
}

void
cancel_request(struct client *c, const uint8_t *key, size_t len,
	       enum cancel_what what)
{
	struct core *core = c->worker->core;
	struct cancel_mail *m;
	bool is_whole = c->is_login;
	size_t right = is_whole ? CANCEL_KEY_BYTES : CANCEL_PLACE_BYTES;

	if (len != right || (is_whole && key[0] >= core->worker_count)) {
		client_end(c, REASON_CLIENT_TERMINATE);
		return;
	}
	m = mem_zalloc(sizeof(*m));
	if (m == NULL) {
		client_end(c, REASON_NO_MEMORY);
		return;
	}
	c->back_to = c->state;
	client_set_state(c, CLIENT_ASKING);
	m->mail.deliver = target_asked;
	m->core = core;
	m->asker = client_handle(c);
	if (!is_whole) {
		ask_by_id(c, m, key, what);
		return;
	}
	memcpy(m->key, key, len);
	loop_post(core->workers[key[0]]->loop, &m->mail);
}

/* ------------------------------------------------------------------------
 * The target's worker
 */

static void
cancel_waiting(struct client *c)
{
	struct refusal refusal = { .scope = FAIL_STATEMENT,
				   .reason = REASON_CANCELED };
	struct session_turn st;

	pool_leave(c->pool, c->worker, &c->tenure->ticket);
	client_drop_tenure(c);
	c->was_notified = false;
	client_set_state(c, CLIENT_IDLE);
	session_client_turn(c, &st);
	client_front(c)->refuse(&st.turn, &refusal);
	stream_kick(&c->stream);
}

static const struct back_view *
view_of(const struct client *c)
{
	return c->server == NULL ? NULL : c->server->ops->view(c->server->back);
}

static bool
is_running(const struct client *c)
{
	const struct back_view *v = view_of(c);

	return v != NULL && c->state == CLIENT_ACTIVE &&
	       v->owed > v->owed_hidden;
}

/* Does a request of carpool's own run on its server? */
static bool
owes_hidden(const struct client *c)
{
	const struct back_view *v = view_of(c);

	return v != NULL && v->owed_hidden > 0;
}

static void
carry_out(struct client *c, struct cancel_mail *m)
{
	if (is_running(c) && cancel_server(c->server, &m->asker, m->account)) {
		mem_free(m); /* the asker is told when it is done */
		return;
	}
	if (c->state == CLIENT_WAITING)
		cancel_waiting(c);
	tell_asker(m);
}

void
cancel_go_on(struct client *c)
{
	struct cancel_mail *m = c->tenure->cancel;

	if (c->state == CLIENT_LINKING || owes_hidden(c))
		return;
	c->tenure->cancel = NULL;
	carry_out(c, m);
}

void
cancel_drop(struct client *c)
{
	if (c->tenure->cancel != NULL)
		tell_asker(c->tenure->cancel);
	c->tenure->cancel = NULL;
}

/* Who asks by a number that anybody can guess may stop its own user's. */
static struct client *
find_by_id(struct cancel_mail *m)
{
	struct client *c =
		worker_client(worker_of(m->core, m->target), m->target);

	if (c == NULL || !c->is_keyed)
		return NULL;
	m->result =
		c->account == m->account ? REASON_NONE : REASON_CONSOLE_DENIED;
	return m->result == REASON_NONE ? c : NULL;
}

static void
target_asked(struct mail *mail)
{
	struct cancel_mail *m = (struct cancel_mail *)mail;
	struct client *c =
		m->account != NULL
			? find_by_id(m)
			: find_by_key(m->core->workers[m->key[0]], m->key);

	if (c == NULL) {
		tell_asker(m);
	} else if (m->what == CANCEL_CONNECTION) {
		client_refuse_reason(c, REASON_KILLED);
		tell_asker(m);
	} else if (c->state == CLIENT_LINKING ||
		   (c->state == CLIENT_ACTIVE && owes_hidden(c))) {
		cancel_drop(c); /* one is enough */
		c->tenure->cancel = m;
	} else {
		carry_out(c, m);
	}
}

/* ------------------------------------------------------------------------
 * The connection
 */

void
canceler_close(struct canceler *x, enum cancel_end end)
{
	struct worker *w = x->worker;
	struct server *s = x->server;
	struct cancel_mail *m;

	if (x->stream.state == STREAM_CLOSED && !list_is_linked(&x->node))
		return;
	timer_clear(w->loop, &x->timer);
	stream_close(&x->stream, STREAM_FIN);
	list_remove(&x->node);
	list_push_back(&w->canceler_graves, &x->node);
	w->cancel_count--;
	if (x->has_asker && (m = mem_zalloc(sizeof(*m))) != NULL) {
		m->core = w->core;
		m->asker = x->asker;
		m->account = x->account;
		tell_asker(m);
	}
	x->has_asker = false;
	x->server = NULL;
	if (s != NULL)
		server_cancel_done(s, end);
}

static void
on_timer(struct timer *timer)
{
	struct canceler *x = LIST_ENTRY(timer, struct canceler, timer);

	canceler_close(x, x->is_sent ? CANCEL_UNSURE : CANCEL_OVER);
}

static void
canceler_turn(struct canceler *x, struct turn *t)
{
	struct worker *w = x->worker;
	*t = (struct turn){
		.self = x->back,
		.in = &x->stream.in,
		.out = &x->stream.out,
		.now = loop_now(w->loop),
		.policy = &w->login_policy,
		.entropy = worker_entropy,
		.entropy_arg = w,
		.stream = server_facts(&x->stream),
		.transport = &x->stream,
		.peer_eof = x->stream.eof,
		.keys = w->core->keys,
		.shared = w->shared[x->protocol],
	};
}

/* One step of a cancel that takes a login; false: it waits, or is over. */
static bool
step_login(struct canceler *x)
{
	struct turn t;
	struct order o;

	canceler_turn(x, &t);
	o = x->ops->step(&t);
	switch ((int)o.kind) {
	case ORDER_DISCARD:
		buf_drop(&x->stream.in, o.bytes);
		return true;
	case ORDER_READY:
		x->is_sent = true;
		return true;
	case ORDER_START_TLS:
		if (x->tls == NULL ||
		    !stream_connect_tls(&x->stream, x->tls, x->host, x->check))
			canceler_close(x, CANCEL_OVER);
		return false;
	case ORDER_NEED_MORE:
	case ORDER_WAIT:
		break;
	case ORDER_CLOSE:
		(void)stream_flush(&x->stream);
		canceler_close(x, CANCEL_OVER);
		return false;
	default:
		canceler_close(x, x->is_sent ? CANCEL_UNSURE : CANCEL_OVER);
		return false;
	}
	if (stream_flush(&x->stream) == FLUSH_ERROR ||
	    stream_has_ended(&x->stream))
		canceler_close(x, x->is_sent ? CANCEL_UNSURE : CANCEL_OVER);
	return false;
}

static void
run_login(struct canceler *x)
{
	enum fill fill;

	do {
		fill = FILL_NONE;
		if (x->stream.readable)
			fill = stream_fill(&x->stream, BUF_BLOCK_BYTES);
		/* Also where nothing came: a handshake may be through. */
		while (step_login(x))
			continue;
	} while (x->stream.state != STREAM_CLOSED && fill != FILL_NONE);
}

static void
on_ready(struct stream *stream)
{
	struct canceler *x = LIST_ENTRY(stream, struct canceler, stream);
	int error = stream_connected(stream);

	if (error == EINPROGRESS)
		return;
	if (error != 0) {
		canceler_close(x, CANCEL_OVER); /* nothing was sent */
		return;
	}
	if (x->back != NULL) {
		run_login(x);
		return;
	}
	if (!x->is_sent) {
		x->is_sent = true;
		if (!buf_append(&stream->out, x->request, x->request_len)) {
			canceler_close(x, CANCEL_OVER);
			return;
		}
	}
	if (stream_flush(stream) == FLUSH_ERROR) {
		canceler_close(x, CANCEL_UNSURE);
		return;
	}
	/* Closed by the server: the signal has been sent. */
	while (stream->readable) {
		enum fill fill = stream_fill(stream, BUF_BLOCK_BYTES);

		buf_clear(&stream->in);
		if (fill == FILL_EOF) {
			canceler_close(x, CANCEL_OVER);
			return;
		}
		if (fill == FILL_ERROR) {
			/* A reset after all was said counts as a close. */
			canceler_close(x, stream->out.len == 0 ? CANCEL_OVER
							       : CANCEL_UNSURE);
			return;
		}
		if (fill == FILL_NONE)
			return;
	}
}

bool
cancel_server(struct server *s, const struct client_handle *asker,
	      const struct user_state *account)
{
	struct worker *w = s->worker;
	const struct settings *set = snapshot_settings(w->snapshot);
	struct canceler *x;

	if (s->canceler != NULL || w->cancel_count >= CANCELS_MAX)
		return false;
	x = mem_zalloc(sizeof(*x));
	if (x == NULL)
		return false;
	if (s->ops->cancel_open != NULL)
		server_cancel_back(s, x);
	if (x->back == NULL && s->ops->cancel != NULL)
		x->request_len =
			s->ops->cancel(s->back, x->request, sizeof(x->request));
	if (x->request_len == 0 && x->back == NULL) {
		mem_free(x);
		return false;
	}
	x->ops = s->ops;
	x->protocol = s->pool->protocol;
	stream_init(&x->stream, on_ready);
	x->timer.fire = on_timer;
	x->worker = w;
	if (asker != NULL) {
		x->asker = *asker;
		x->account = account;
		x->has_asker = true;
	}
	/* The hold comes before the connection. */
	x->server = s;
	s->canceler = x;
	w->cancel_count++;
	list_push_back(&w->cancelers, &x->node);
	timer_set(w->loop, &x->timer,
		  loop_now(w->loop) + (set->cancel_wait_timeout == 0
					       ? 10 * USEC_PER_SEC
					       : set->cancel_wait_timeout));
	if (stream_connect(&x->stream, w->loop, &s->addr, &w->options) != 0)
		canceler_close(x, CANCEL_OVER);
	return true;
}

void
canceler_free(struct canceler *x)
{
	if (x->back != NULL)
		x->ops->close(x->back);
	tls_context_unref(x->tls);
	mem_wipe_free(x, sizeof(*x));
}
