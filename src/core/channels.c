/*
 * Messages between the workers' clients that listen and the control thread,
 * which hears for them; and the place of its connection under the limits.
 */
#include "core/channels.h"

#include <string.h>

#include "base/mem.h"
#include "core/hearer.h"
#include "core/notifier.h"
#include "core/pool.h"
#include "core/pool_inner.h"
#include "core/shared.h"
#include "core/worker.h"

void
channel_request_free(struct channel_request *r)
{
	if (r == NULL)
		return;
	pool_unref(r->pool);
	mem_free(r->text);
	mem_free(r);
}

static void
answer_delivered(struct mail *mail)
{
	struct channel_request *r = (struct channel_request *)mail;
	struct core *core = r->carrier;

	hearer_answered(core->workers[r->worker], r);
	channel_request_free(r);
}

void
channels_answer(struct core *core, struct channel_request *r)
{
	r->mail.deliver = answer_delivered;
	r->carrier = core;
	loop_post(core->workers[r->worker]->loop, &r->mail);
}

/* ------------------------------------------------------------------------
 * What was heard
 */

struct news {
	struct mail mail;
	struct worker *worker; /* borrows */
	struct pool *pool;     /* refs */
	struct note *note;     /* refs, or NULL: event */
	enum channels_event event;
};

static void
news_delivered(struct mail *mail)
{
	struct news *news = (struct news *)mail;

	if (news->note != NULL) {
		hearer_tell(news->worker, news->pool, news->note);
		note_unref(news->note);
	} else {
		hearer_event(news->worker, news->pool, news->event);
	}
	pool_unref(news->pool);
	mem_free(news);
}

static void
post_news(struct core *core, struct pool *pool, unsigned worker,
	  struct note *note, enum channels_event event)
{
	struct news *news = mem_must_zalloc(sizeof(*news));

	news->mail.deliver = news_delivered;
	news->worker = core->workers[worker];
	news->pool = pool;
	pool_ref(pool);
	news->note = note;
	if (note != NULL)
		atomic_fetch_add(&note->refs, 1);
	news->event = event;
	loop_post(news->worker->loop, &news->mail);
}

void
channels_tell(struct core *core, struct pool *pool, const bool *workers,
	      const char *server, const struct notification *n)
{
	struct note *note;

	mem_must_begin();
	note = note_new(notifier_client(core, server, n->pid), n->channel,
			n->payload);
	mem_must_end();
	for (unsigned i = 0; i < core->worker_count; i++)
		if (workers[i])
			post_news(core, pool, i, note, CHANNELS_LOST);
	note_unref(note);
}

void
channels_event(struct core *core, struct pool *pool, unsigned worker,
	       enum channels_event event)
{
	post_news(core, pool, worker, NULL, event);
}

/* ------------------------------------------------------------------------
 * The connection's place
 */

enum channels_place
channels_take_place(struct pool *p)
{
	switch (limits_take(&p->core->limits, &p->ear_share, 0, clock_now())) {
	case TAKE_OK:
		return PLACE_TAKEN;
	case TAKE_FULL_POOL:
		return PLACE_NEVER;
	case TAKE_FULL_SHARED:
		break;
	}
	return PLACE_LATER;
}

void
channels_leave_queue(struct pool *p)
{
	(void)limits_content(&p->core->limits, &p->ear_share);
}

void
channels_give_place(struct pool *p)
{
	pool_give_share(p, &p->ear_share);
}

void
channels_claim_place(struct pool *p)
{
	core_claim_idle(p->core, &p->ear_share, clock_now());
}

/* On the control thread: a place has become free, and is taken. */
void
channels_place_delivered(struct mail *mail)
{
	struct pool *p = LIST_ENTRY(mail, struct pool, ear_mail);
	uint32_t n = limits_collect(&p->core->limits, &p->ear_share);

	/* Who no longer waits, or has one, gives it back. */
	for (uint32_t i = 0; i < n; i++)
		if (!p->core->channel_place(p->core->channel_arg, p))
			channels_give_place(p);
	pool_unref(p);
}

/* ------------------------------------------------------------------------
 * Pools, for those who only know that there are some
 */

void
channels_pool_ref(struct pool *pool)
{
	pool_ref(pool);
}

void
channels_pool_unref(struct pool *pool)
{
	pool_unref(pool);
}

const char *
channels_database(const struct pool *pool)
{
	return pool->database;
}

const char *
channels_user(const struct pool *pool)
{
	return pool->user;
}

uint16_t
channels_default_port(const struct pool *pool)
{
	return pool->back->default_port;
}

uint64_t
channels_epoch(struct pool *pool)
{
	return pool_epoch(pool);
}
