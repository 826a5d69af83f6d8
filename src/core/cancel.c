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
#include "core/server.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

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

void
cancel_set_secret(struct client *c)
{
	worker_entropy(c->worker, c->secret, sizeof(c->secret));
}

void
cancel_key_of(const struct client *c, uint8_t key[CANCEL_KEY_BYTES])
{
	put_place(key, c->worker->id, c->slot + 1); /* never process 0 */
	memcpy(key + 4, c->secret, sizeof(c->secret));
}

/* The client of this key on this worker, compared in constant time. */
static struct client *
find_target(struct worker *w, const uint8_t key[CANCEL_KEY_BYTES])
{
	uint32_t slot = (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
	uint8_t its_key[CANCEL_KEY_BYTES];
	struct client *c = NULL;

	if (slot > 0 && slot <= w->slot_count)
		c = w->slots[slot - 1].client;
	if (c == NULL || !c->is_keyed)
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
	uint8_t key[CANCEL_KEY_BYTES]; /* of the target */
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

	if (c != NULL)
		client_end(c, REASON_CLIENT_TERMINATE);
	mem_free(m);
}

static void
tell_asker(struct cancel_mail *m)
{
	m->mail.deliver = asker_told;
	loop_post(worker_of(m->core, m->asker)->loop, &m->mail);
}

static void target_asked(struct mail *mail);

void
cancel_request(struct client *c, const uint8_t *key, size_t len)
{
	struct core *core = c->worker->core;
	struct cancel_mail *m;

	if (len != CANCEL_KEY_BYTES || key[0] >= core->worker_count) {
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
	memcpy(m->key, key, sizeof(m->key));
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
	c->worker->core->front->refuse(&st.turn, &refusal);
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
	if (is_running(c) && cancel_server(c->server, &m->asker)) {
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

static void
target_asked(struct mail *mail)
{
	struct cancel_mail *m = (struct cancel_mail *)mail;
	struct client *c = find_target(m->core->workers[m->key[0]], m->key);

	if (c == NULL) {
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
cancel_server(struct server *s, const struct client_handle *asker)
{
	struct worker *w = s->worker;
	const struct settings *set = snapshot_settings(w->snapshot);
	struct canceler *x;

	if (s->canceler != NULL || w->cancel_count >= CANCELS_MAX)
		return false;
	x = mem_zalloc(sizeof(*x));
	if (x == NULL)
		return false;
	x->request_len =
		s->ops->cancel(s->back, x->request, sizeof(x->request));
	if (x->request_len == 0) {
		mem_free(x);
		return false;
	}
	stream_init(&x->stream, on_ready);
	x->timer.fire = on_timer;
	x->worker = w;
	if (asker != NULL) {
		x->asker = *asker;
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
	mem_wipe_free(x, sizeof(*x));
}
