/*
 * All taps; see taps.h.  Requests come from the workers by mail, in order; a
 * timer looks at each tap ten times a second while there are any.
 */
#include "taps.h"

#include "base/mem.h"
#include "inner.h"
#include "io/loop.h"
#include "tap.h"

#define LOOK_TIME TIMER_TICK

struct taps {
	struct control *control; /* borrows */
	struct list list;        /* owns struct tap */
	struct timer timer;
	bool is_stopped;
};

static struct tap *
find_tap(struct taps *taps, const struct pool *pool)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &taps->list) {
		struct tap *t = LIST_ENTRY(n, struct tap, node);

		if (t->pool == pool)
			return t;
	}
	return NULL;
}

static void
remove_tap(struct tap *t)
{
	list_remove(&t->node);
	tap_free(t);
}

static void
on_timer(struct timer *timer)
{
	struct taps *taps = LIST_ENTRY(timer, struct taps, timer);
	usec_t now = loop_now(taps->control->loop);
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &taps->list) {
		struct tap *t = LIST_ENTRY(n, struct tap, node);

		if (!tap_look(t, now))
			remove_tap(t);
	}
	if (!list_is_empty(&taps->list))
		timer_set(taps->control->loop, &taps->timer, now + LOOK_TIME);
}

static void
take(struct taps *taps, struct channel_request *r)
{
	struct tap *t = find_tap(taps, r->pool);
	usec_t now = loop_now(taps->control->loop);

	if (t == NULL && (taps->is_stopped || r->want == CHANNEL_DROP)) {
		channel_request_free(r);
		return;
	}
	if (t == NULL && r->len == 0) {
		channels_answer(taps->control->core, r);
		return;
	}
	if (t == NULL) {
		t = tap_new(taps->control, r->pool);
		list_push_back(&taps->list, &t->node);
		timer_set_earlier(taps->control->loop, &taps->timer,
				  now + LOOK_TIME);
		tap_take(t, r);
		(void)tap_look(t, now);
		return;
	}
	tap_take(t, r);
}

static void
request_delivered(struct mail *mail)
{
	struct channel_request *r = (struct channel_request *)mail;
	struct control *c = r->carrier;

	take(c->taps, r);
}

void
control_listen(void *control, struct channel_request *r)
{
	struct control *c = control;

	r->mail.deliver = request_delivered;
	r->carrier = c;
	loop_post(c->loop, &r->mail);
}

bool
control_listen_place(void *control, struct pool *pool)
{
	struct control *c = control;
	struct tap *t = find_tap(c->taps, pool);

	return t != NULL && tap_place(t);
}

void
control_each_listener(struct control *c,
		      void (*each)(void *arg, const struct control_listener *l),
		      void *arg)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &c->taps->list) {
		const struct tap *t = LIST_ENTRY(n, struct tap, node);
		struct control_listener l = {
			.protocol = PROTOCOL_POSTGRES, /* alone has them */
			.database = channels_database(t->pool),
			.user = channels_user(t->pool),
			.state = tap_state_names[t->state],
			.server = t->server,
			.error = t->error,
			.remote_pid =
				t->conn != NULL ? query_pg_pid(t->conn) : 0,
			.channels = tap_channels(t),
			.heard = t->heard,
			.lost = t->lost,
		};

		each(arg, &l);
	}
}

struct taps *
taps_new(struct control *c)
{
	struct taps *taps = mem_zalloc(sizeof(*taps));

	if (taps == NULL)
		return NULL;
	taps->control = c;
	list_init(&taps->list);
	taps->timer.fire = on_timer;
	return taps;
}

void
taps_stop(struct taps *taps)
{
	struct list_node *n;

	taps->is_stopped = true;
	timer_clear(taps->control->loop, &taps->timer);
	while ((n = list_first(&taps->list)) != NULL)
		remove_tap(LIST_ENTRY(n, struct tap, node));
}

void
taps_free(struct taps *taps)
{
	mem_free(taps);
}
