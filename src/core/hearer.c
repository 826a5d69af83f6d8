/*
 * Clients that listen; see hearer.h.
 *
 * A subscription begins when the control thread's connection has listened for
 * it: until then its ticket is set and nothing is told.  What is told waits in
 * the client's queue until the client is between transactions and has room in
 * its output; the queue is bounded, and who lets it grow beyond that is closed,
 * for a gap would be worse than an end.
 *
 * Notifications are shared between the queues, and each client is only marked
 * for a turn, so that a burst to ten thousand clients costs each one write.
 */
#include "core/hearer.h"

#include <string.h>

#include "base/mem.h"
#include "core/client.h"
#include "core/front.h"
#include "core/notifier.h"
#include "core/pool.h"
#include "core/server.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

#define NAME_MAX_BYTES 1024u
#define OUT_ENOUGH (4 * (size_t)BUF_BLOCK_BYTES)

struct channel {
	struct list subs;             /* borrows struct sub, by .of_channel */
	struct channel_request *drop; /* owns: for when the last one leaves */
	bool is_busy;                 /* its list is being walked */
	size_t key_len;
	char key[]; /* the pool's pointer, then the name */
};

struct sub {
	struct list_node of_hearer, of_channel;
	struct channel *channel; /* borrows */
	struct hearer *hearer;   /* borrows */
	uint64_t ticket;         /* 0: it is in place */
};

struct told {
	struct told *next; /* owns */
	struct note *note; /* refs */
};

/* ------------------------------------------------------------------------
 * Notes
 */

struct note *
note_new(uint32_t pid, const char *channel, const char *payload)
{
	size_t head = channel != NULL ? strlen(channel) + 1 : 0;
	size_t body = strlen(payload) + 1;
	struct note *note = mem_zalloc(sizeof(*note) + head + body);

	if (note == NULL)
		return NULL;
	note->refs = 1;
	note->pid = pid;
	note->size = sizeof(*note) + head + body;
	if (head > 0)
		memcpy(note->text, channel, head);
	memcpy(note->text + head, payload, body);
	note->channel = channel != NULL ? note->text : NULL;
	note->payload = note->text + head;
	return note;
}

void
note_unref(struct note *note)
{
	if (atomic_fetch_sub(&note->refs, 1) == 1)
		mem_free(note);
}

/* ------------------------------------------------------------------------
 * The table
 */

static struct ears *
ears_of(struct worker *w)
{
	struct ears *e = w->ears;

	if (e != NULL)
		return e;
	e = mem_zalloc(sizeof(*e));
	if (e == NULL)
		return NULL;
	e->channels = map_new();
	e->by_client = map_new();
	if (e->channels == NULL || e->by_client == NULL) {
		map_free(e->channels);
		map_free(e->by_client);
		mem_free(e);
		return NULL;
	}
	list_init(&e->hearers);
	slab_init(&e->told, sizeof(struct told));
	slab_init(&e->subs, sizeof(struct sub));
	w->ears = e;
	return e;
}

void
ears_free(struct ears *e)
{
	if (e == NULL)
		return;
	ASSERT(list_is_empty(&e->hearers) && map_count(e->channels) == 0);
	slab_fini(&e->told);
	slab_fini(&e->subs);
	map_free(e->channels);
	map_free(e->by_client);
	mem_free(e);
}

/* A client's part, or NULL: few have one, so it stands in a table. */
static struct hearer *
find_hearer(const struct client *c)
{
	return !c->is_hearer
		       ? NULL
		       : map_find(c->worker->ears->by_client, &c, sizeof(c));
}

/* The key of a channel; 0 where the name is too long for one. */
static size_t
key_of(const struct pool *p, const char *name, char key[NAME_MAX_BYTES])
{
	size_t len = strlen(name);

	if (len > NAME_MAX_BYTES - sizeof(p))
		return 0;
	memcpy(key, &p, sizeof(p));
	memcpy(key + sizeof(p), name, len);
	return sizeof(p) + len;
}

static struct channel *
find_channel(const struct worker *w, const struct pool *p, const char *name)
{
	char key[NAME_MAX_BYTES];
	size_t len = key_of(p, name, key);

	return w->ears == NULL || len == 0
		       ? NULL
		       : map_find(w->ears->channels, key, len);
}

static struct channel_request *
new_request(struct client *c, enum channel_want want, const char *names,
	    size_t len)
{
	struct channel_request *r = mem_zalloc(sizeof(*r) + len);

	if (r == NULL)
		return NULL;
	r->pool = c->pool;
	pool_ref(r->pool);
	r->worker = c->worker->id;
	r->want = want;
	r->client = client_handle(c);
	r->len = len;
	if (len > 0)
		memcpy(r->names, names, len);
	return r;
}

static void
submit(struct worker *w, struct channel_request *r)
{
	w->core->channel_submit(w->core->channel_arg, r);
}

static struct channel *
new_channel(struct client *c, const char *name)
{
	char key[NAME_MAX_BYTES];
	size_t len = key_of(c->pool, name, key);
	struct channel *ch = NULL;

	if (len > 0)
		ch = mem_zalloc(sizeof(*ch) + len);
	if (ch == NULL)
		return NULL;
	list_init(&ch->subs);
	ch->key_len = len;
	memcpy(ch->key, key, len);
	ch->drop = new_request(c, CHANNEL_DROP, name, strlen(name) + 1);
	if (ch->drop != NULL &&
	    map_put(c->worker->ears->channels, key, len, ch)) {
		atomic_fetch_add(&c->pool->ears, 1);
		return ch;
	}
	channel_request_free(ch->drop);
	mem_free(ch);
	return NULL;
}

/* The last one has left: nobody here wants it any more. */
static void
settle_channel(struct worker *w, struct channel *ch)
{
	if (ch->is_busy || !list_is_empty(&ch->subs))
		return;
	(void)map_remove(w->ears->channels, ch->key, ch->key_len);
	atomic_fetch_sub(&ch->drop->pool->ears, 1);
	submit(w, ch->drop);
	mem_free(ch);
}

/* ------------------------------------------------------------------------
 * One client's subscriptions
 */

static struct sub *
find_sub(const struct client *c, const char *name)
{
	struct channel *ch = find_channel(c->worker, c->pool, name);
	struct hearer *h = find_hearer(c);
	struct list_node *n, *tmp;

	if (ch == NULL || h == NULL)
		return NULL;
	/* One of the two lists is short, but nobody knows which. */
	LIST_FOREACH (n, tmp, &h->subs) {
		struct sub *s = LIST_ENTRY(n, struct sub, of_hearer);

		if (s->channel == ch)
			return s;
	}
	return NULL;
}

static void
remove_sub(struct worker *w, struct sub *s)
{
	struct channel *ch = s->channel;

	s->hearer->channels--;
	list_remove(&s->of_hearer);
	list_remove(&s->of_channel);
	slab_free(&w->ears->subs, s);
	settle_channel(w, ch);
}

static void
drop_queue(struct worker *w, struct hearer *h)
{
	struct told *t;

	while ((t = h->first) != NULL) {
		h->first = t->next;
		note_unref(t->note);
		slab_free(&w->ears->told, t);
	}
	h->last = NULL;
	h->queued = 0;
}

static void
drop_all(struct worker *w, struct hearer *h)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &h->subs)
		remove_sub(w, LIST_ENTRY(n, struct sub, of_hearer));
}

/* Who listens to nothing and has read all needs no part any more. */
static void
settle_hearer(struct client *c)
{
	struct hearer *h = find_hearer(c);

	if (h == NULL || !list_is_empty(&h->subs) || h->first != NULL ||
	    h->ticket != 0 || h->fence != 0 || h->is_due)
		return;
	c->is_hearer = false;
	(void)map_remove(c->worker->ears->by_client, &c, sizeof(c));
	list_remove(&h->node);
	mem_free(h);
}

void
hearer_end(struct client *c)
{
	struct hearer *h = find_hearer(c);

	if (h == NULL)
		return;
	drop_all(c->worker, h);
	drop_queue(c->worker, h);
	h->ticket = h->fence = 0;
	h->is_due = false;
	settle_hearer(c);
}

bool
hearer_has_news(const struct client *c)
{
	const struct hearer *h = find_hearer(c);

	return h != NULL && h->first != NULL;
}

static struct hearer *
hearer_of(struct client *c)
{
	struct hearer *h = find_hearer(c);
	struct ears *e = ears_of(c->worker);

	if (h != NULL || e == NULL)
		return h;
	h = mem_zalloc(sizeof(*h));
	if (h == NULL || !map_put(e->by_client, &c, sizeof(c), h)) {
		mem_free(h);
		return NULL;
	}
	h->client = c;
	list_init(&h->subs);
	list_push_back(&e->hearers, &h->node);
	c->is_hearer = true;
	return h;
}

static bool
add_sub(struct hearer *h, const char *name, uint64_t ticket)
{
	struct client *c = h->client;
	struct ears *e = c->worker->ears;
	struct channel *ch = find_channel(c->worker, c->pool, name);
	struct sub *s = slab_new(&e->subs);

	if (s != NULL && ch == NULL)
		ch = new_channel(c, name);
	if (s == NULL || ch == NULL) {
		if (s != NULL)
			slab_free(&e->subs, s);
		return false;
	}
	s->channel = ch;
	s->hearer = h;
	s->ticket = ticket;
	h->channels++;
	list_push_back(&h->subs, &s->of_hearer);
	list_push_back(&ch->subs, &s->of_channel);
	return true;
}

/* ------------------------------------------------------------------------
 * Orders
 */

/* What it asked for is in place; hearer_flush says so. */
static void
set_due(struct hearer *h)
{
	h->is_due = true;
	stream_kick(&h->client->stream);
}

/*
 * Those of the order's channels that are new; the answer begins them.  Where
 * there are none, but the client told something itself, the answer to a request
 * for nothing comes behind that.
 */
static bool
add_all(struct client *c, const struct listen_change *change)
{
	const char *at = change->add, *end = at + change->add_len;
	const struct settings *set = snapshot_settings(c->worker->snapshot);
	struct hearer *h = hearer_of(c);
	struct channel_request *r;
	uint64_t ticket;
	size_t added = 0, len;

	if (h == NULL)
		return false;
	ticket = ++c->worker->ears->tickets;
	for (; at < end; at += strlen(at) + 1) {
		if (find_sub(c, at) != NULL)
			continue;
		if (!add_sub(h, at, ticket))
			return false;
		added++;
	}
	if (h->channels > set->listen_channels) {
		client_refuse_reason(c, REASON_LISTEN_CHANNELS);
		return true;
	}
	if (added == 0 && (!change->has_notified || list_is_empty(&h->subs))) {
		set_due(h);
		return true;
	}
	len = added > 0 ? change->add_len : 0;
	r = new_request(c, CHANNEL_ADD, change->add, len);
	if (r == NULL)
		return false;
	r->ticket = h->ticket = ticket;
	submit(c->worker, r);
	return true;
}

bool
hearer_fences(struct client *c, struct server *s, enum residue residue)
{
	struct channel_request *r;
	struct hearer *h;

	s->ops->view(s->back)->has_notified = false;
	if (atomic_load(&c->pool->ears) == 0)
		return false;
	h = hearer_of(c);
	if (h == NULL)
		return false;
	h->fence = h->ticket;
	if (h->fence == 0) {
		r = new_request(c, CHANNEL_ADD, NULL, 0);
		if (r == NULL) {
			settle_hearer(c);
			return false;
		}
		r->ticket = h->fence = ++c->worker->ears->tickets;
		submit(c->worker, r);
	}
	h->residue = residue;
	c->is_fenced = true;
	return true;
}

static void
drop_some(struct client *c, const struct listen_change *change)
{
	const char *at = change->drop, *end = at + change->drop_len;
	struct hearer *h = find_hearer(c);

	if (h == NULL)
		return;
	if (change->drops_all)
		drop_all(c->worker, h);
	for (; at < end; at += strlen(at) + 1) {
		struct sub *s = find_sub(c, at);

		if (s != NULL)
			remove_sub(c->worker, s);
	}
	settle_hearer(c);
}

/* ------------------------------------------------------------------------
 * Telling
 */

/* Between two messages and two transactions? */
static bool
may_tell(const struct client *c)
{
	const struct server *s = c->server;

	if (c->stream.loop == NULL || c->stream.out.len >= OUT_ENOUGH)
		return false;
	if (c->state == CLIENT_IDLE || c->state == CLIENT_WAITING)
		return true;
	return c->state == CLIENT_ACTIVE && s->relay_left == 0 &&
	       s->ops->view(s->back)->is_resettable;
}

static bool
write_note(struct client *c, const struct note *note)
{
	const struct front_ops *front = client_front(c);
	struct notification n = { .pid = note->pid,
				  .channel = note->channel,
				  .payload = note->payload };
	struct session_turn st;

	session_client_turn(c, &st);
	if (note->channel != NULL)
		return front->notify(&st.turn, &n);
	front->notice(&st.turn, note->payload);
	return true;
}

/* What was asked for is said to be in place, and the client goes on. */
static void
say_in_place(struct hearer *h)
{
	struct client *c = h->client;
	struct session_turn st;

	h->is_due = false;
	session_client_turn(c, &st);
	if (!client_front(c)->subscribed(&st.turn)) {
		client_close(c, REASON_NO_MEMORY);
		return;
	}
	stream_kick(&c->stream);
	if (c->close_needed)
		client_close_if_at_rest(c);
}

/* What may be told now goes to the output. */
static void
write_queue(struct hearer *h)
{
	struct client *c = h->client;
	struct told *t;

	while ((t = h->first) != NULL && may_tell(c)) {
		if (!write_note(c, t->note)) {
			client_close(c, REASON_NO_MEMORY);
			return;
		}
		h->first = t->next;
		h->queued -= t->note->size;
		note_unref(t->note);
		slab_free(&c->worker->ears->told, t);
	}
	if (h->first == NULL)
		h->last = NULL;
}

void
hearer_flush(struct client *c)
{
	struct hearer *h = find_hearer(c);

	if (h == NULL)
		return;
	write_queue(h);
	if (c->state >= CLIENT_LINGERING || h->first != NULL)
		return;
	if (h->is_due && may_tell(c))
		say_in_place(h);
	if (c->state < CLIENT_LINGERING)
		settle_hearer(c);
}

/*
 * Is there room for another note?  A burst comes before the client has its
 * turn, so what it could have read by now is written first.
 */
static bool
has_room(struct hearer *h, const struct note *note)
{
	struct client *c = h->client;
	const struct settings *set = snapshot_settings(c->worker->snapshot);
	size_t had;

	do {
		if (h->queued + note->size <= set->listen_queue)
			return true;
		had = h->queued;
		write_queue(h);
		if (c->state < CLIENT_LINGERING)
			(void)stream_flush(&c->stream);
	} while (c->state < CLIENT_LINGERING && h->queued < had);
	return false;
}

/* Puts it at the end of the client's queue, or ends the client. */
static void
enqueue(struct hearer *h, struct note *note)
{
	struct client *c = h->client;
	struct told *t;

	if (!has_room(h, note)) {
		client_refuse_reason(c, REASON_LISTEN_QUEUE);
		return;
	}
	t = slab_new(&c->worker->ears->told);
	if (t == NULL) {
		client_refuse_reason(c, REASON_NO_MEMORY);
		return;
	}
	atomic_fetch_add(&note->refs, 1);
	t->note = note;
	if (h->last != NULL)
		h->last->next = t;
	else
		h->first = t;
	h->last = t;
	h->queued += note->size;
	stream_kick(&c->stream);
}

/*
 * What a server tells whose LISTEN the client has just committed is the
 * client's, unless it hears of it by a subscription.
 */
static bool
tell_own(struct client *c, struct server *s, const struct notification *n)
{
	const struct sub *sub = find_sub(c, n->channel);
	struct note *note;
	struct hearer *h;
	char at[NOTIFIER_SERVER_MAX];

	if (sub != NULL && sub->ticket == 0)
		return true;
	h = hearer_of(c);
	if (h == NULL)
		return false;
	notifier_server(s->host, s->port, at);
	note = note_new(notifier_client(c->worker->core, at, n->pid),
			n->channel, n->payload);
	if (note == NULL)
		return false;
	enqueue(h, note);
	note_unref(note);
	return true;
}

bool
hearer_on_order(struct client *c, struct server *s, const struct order *o)
{
	const struct listen_change *change = &o->listen;
	bool ok = true;

	if (change->told != NULL) {
		s->discard_left = (uint32_t)o->bytes;
		ok = tell_own(c, s, change->told);
	} else {
		drop_some(c, change);
		if (change->is_waiting)
			ok = add_all(c, change);
	}
	if (!ok && c->state < CLIENT_LINGERING)
		client_refuse_reason(c, REASON_NO_MEMORY);
	return c->state < CLIENT_LINGERING;
}

/* ------------------------------------------------------------------------
 * News from the control thread
 */

static void
begin_subs(struct hearer *h, uint64_t ticket)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &h->subs) {
		struct sub *s = LIST_ENTRY(n, struct sub, of_hearer);

		if (s->ticket == ticket)
			s->ticket = 0;
	}
	h->ticket = 0;
}

void
hearer_answered(struct worker *w, struct channel_request *r)
{
	struct client *c = worker_client(w, r->client);
	struct hearer *h = c == NULL ? NULL : find_hearer(c);
	struct refusal refusal = { .scope = FAIL_CONNECTION,
				   .reason = r->result,
				   .detail = r->text };

	if (h == NULL)
		return;
	if (h->fence == r->ticket) {
		h->fence = 0;
		session_end_fence(c, h->residue);
		h = find_hearer(c);
	}
	if (h == NULL)
		return;
	if (h->ticket != r->ticket) {
		settle_hearer(c);
		return;
	}
	begin_subs(h, r->ticket);
	if (r->result != REASON_NONE && r->len > 0)
		client_refuse(c, &refusal);
	else
		set_due(h);
}

void
hearer_tell(struct worker *w, const struct pool *p, struct note *note)
{
	struct channel *ch = find_channel(w, p, note->channel);
	struct list_node *n, *tmp;

	if (ch == NULL)
		return;
	/* Who is closed for it takes its own subscription off the list. */
	ch->is_busy = true;
	LIST_FOREACH (n, tmp, &ch->subs) {
		const struct sub *s = LIST_ENTRY(n, struct sub, of_channel);

		if (s->ticket == 0)
			enqueue(s->hearer, note);
	}
	ch->is_busy = false;
	settle_channel(w, ch);
}

static struct note *
event_note(enum channels_event event)
{
	return note_new(0, NULL,
			event == CHANNELS_LOST
				? "the connection on which carpool listens "
				  "was lost, notifications may be missed "
				  "(listen_lost)"
				: "carpool listens again, notifications may "
				  "have been missed (listen_lost)");
}

static bool
has_live(const struct hearer *h)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &h->subs)
		if (LIST_ENTRY(n, struct sub, of_hearer)->ticket == 0)
			return true;
	return false;
}

void
hearer_event(struct worker *w, const struct pool *p, enum channels_event event)
{
	bool closes = snapshot_settings(w->snapshot)->listen_lost ==
		      LISTEN_LOST_CLOSE;
	struct note *note = closes ? NULL : event_note(event);
	struct list_node *n, *tmp;

	if (w->ears == NULL || (closes && event == CHANNELS_BACK)) {
		if (note != NULL)
			note_unref(note);
		return;
	}
	LIST_FOREACH (n, tmp, &w->ears->hearers) {
		struct hearer *h = LIST_ENTRY(n, struct hearer, node);

		if (h->client->pool != p || !has_live(h))
			continue;
		if (closes)
			client_refuse_reason(h->client, REASON_LISTEN_LOST);
		else if (note != NULL)
			enqueue(h, note);
		else
			client_refuse_reason(h->client, REASON_NO_MEMORY);
	}
	if (note != NULL)
		note_unref(note);
}
