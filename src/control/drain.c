/*
 * The end of the program: what is waited for, how long, and when the loop
 * stops.  Runs on the control thread; the core closes the clients.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "inner.h"
#include "io/loop.h"

#define DRAIN_LOOK_TIME TIMER_TICK

/* From slow to fast; a change goes only down this list. */
static const struct {
	const char *name;
	unsigned speed;
	enum drain drain;
} kinds[] = {
	[SHUTDOWN_NONE] = { "none", 0, DRAIN_CLIENTS },
	[SHUTDOWN_CLIENTS] = { "wait_for_clients", 1, DRAIN_CLIENTS },
	[SHUTDOWN_SERVERS] = { "wait_for_servers", 2, DRAIN_SERVERS },
	[SHUTDOWN_POLITE] = { "polite", 3, DRAIN_POLITE },
	[SHUTDOWN_NOW] = { "now", 4, DRAIN_CLIENTS },
};

static void
end(struct control *c, const char *why, unsigned left)
{
	log_event(LOG_INFO, "ending", "why=%s left=%u", why, left);
	loop_stop(c->loop);
}

static void
on_drain_timer(struct timer *timer)
{
	struct control *c = LIST_ENTRY(timer, struct control, drain_timer);
	usec_t now = loop_now(c->loop);
	unsigned left = core_drain_pending(c->core);

	if (c->shutdown == SHUTDOWN_NOW)
		end(c, "asked", left);
	else if (left == 0)
		end(c, "drained", 0);
	else if (c->drain_deadline != 0 && now >= c->drain_deadline)
		end(c, "shutdown_timeout", left);
	else
		timer_set(c->loop, &c->drain_timer, now + DRAIN_LOOK_TIME);
}

void
control_shutdown(struct control *c, enum shutdown how)
{
	usec_t now = loop_now(c->loop);
	usec_t limit = snapshot_settings(c->snapshot)->shutdown_timeout;

	if (kinds[how].speed <= kinds[c->shutdown].speed)
		return;
	log_event(LOG_INFO, "shutdown", "how=%s", kinds[how].name);
	c->shutdown = how;
	c->drain_deadline =
		how == SHUTDOWN_POLITE && limit > 0 ? now + limit : 0;
	if (how != SHUTDOWN_NOW)
		core_drain(c->core, kinds[how].drain);
	/* Even at once is a tick later: the console's answer goes out first. */
	timer_set(c->loop, &c->drain_timer, now + DRAIN_LOOK_TIME);
}

enum shutdown
control_shutdown_state(const struct control *c)
{
	return c->shutdown;
}

void
drain_init(struct control *c)
{
	c->drain_timer.fire = on_drain_timer;
}

void
drain_fini(struct control *c)
{
	timer_clear(c->loop, &c->drain_timer);
}
