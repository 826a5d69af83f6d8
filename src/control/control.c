/*
 * The frame of the control thread: its life, signals, console commands on
 * their way, and things that are waited for.
 *
 * Owns struct control; runs on the control thread, but for control_submit.
 * Knows no command and no protocol.
 */
#include "control/control.h"

#include <signal.h>
#include <string.h>

#include "asker.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/averages.h"
#include "inner.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/signals.h"
#include "taps.h"

#define LOOK_TIME TIMER_TICK

/* ------------------------------------------------------------------------
 * Signals
 */

static void
log_verb(const char *verb, enum verb_result result)
{
	log_event(LOG_INFO, "signal_done", "command=%s result=%s", verb,
		  result == VERB_OK ? "ok" : "nothing_to_do");
}

/* The second one means: at once. */
static void
end_by_signal(struct control *c, enum shutdown how)
{
	bool is_first =
		c->shutdown == SHUTDOWN_NONE || c->shutdown == SHUTDOWN_CLIENTS;

	control_shutdown(c, is_first ? how : SHUTDOWN_NOW);
}

static void
on_signal(void *arg, int number)
{
	struct control *c = arg;

	log_event(LOG_INFO, "signal", "number=%d name=SIG%s", number,
		  sigabbrev_np(number));
	switch (number) {
	case SIGHUP:
		(void)control_reload(c, NULL, NULL, NULL);
		break;
	case SIGTERM:
		end_by_signal(c, SHUTDOWN_POLITE);
		break;
	case SIGINT:
		end_by_signal(c, SHUTDOWN_SERVERS);
		break;
	case SIGQUIT:
		control_shutdown(c, SHUTDOWN_NOW);
		break;
	case SIGUSR1:
		log_verb("PAUSE", core_pause(c->core, NULL));
		break;
	case SIGUSR2:
		log_verb("RESUME", core_resume(c->core, NULL));
		break;
	}
}

static struct signals *
watch_signals(struct control *c)
{
	static const int numbers[] = { SIGHUP,  SIGTERM, SIGINT,
				       SIGQUIT, SIGUSR1, SIGUSR2 };

	return signals_new(c->loop, numbers, COUNT_OF(numbers), on_signal, c);
}

/* ------------------------------------------------------------------------
 * Waiting
 */

static void
look_at_all(struct control *c, enum wait_event event)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &c->waits) {
		struct control_wait *wait =
			LIST_ENTRY(n, struct control_wait, node);

		/* Taken off first: look() may free it. */
		list_remove(n);
		if (!wait->look(wait, event))
			list_insert_after(tmp->prev, n);
	}
}

static void
on_wait_timer(struct timer *timer)
{
	struct control *c = LIST_ENTRY(timer, struct control, wait_timer);

	look_at_all(c, WAIT_LOOK);
	if (!list_is_empty(&c->waits))
		timer_set(c->loop, &c->wait_timer,
			  loop_now(c->loop) + LOOK_TIME);
}

void
control_wait(struct control *c, struct control_wait *wait)
{
	list_push_back(&c->waits, &wait->node);
	timer_set_earlier(c->loop, &c->wait_timer,
			  loop_now(c->loop) + LOOK_TIME);
}

/* ------------------------------------------------------------------------
 * The console
 */

static void
command_delivered(struct mail *mail)
{
	struct console_request *request = (struct console_request *)mail;
	struct control *c = request->carrier;

	if (c->is_stopped || c->take == NULL)
		control_answer(c, request,
			       rowset_error("57P01",
					    "the pooler is shutting "
					    "down",
					    NULL));
	else
		c->take(c->take_arg, request);
}

void
control_submit(void *control, struct console_request *request)
{
	struct control *c = control;

	request->mail.deliver = command_delivered;
	request->carrier = c;
	loop_post(c->loop, &request->mail);
}

void
control_set_console(struct control *c,
		    void (*take)(void *arg, struct console_request *r),
		    void *arg)
{
	c->take = take;
	c->take_arg = arg;
}

void
control_answer(struct control *c, struct console_request *request,
	       struct rowset *result)
{
	if (!request->is_describe)
		c->commands++;
	request->result = result;
	core_console_answer(c->core, request);
}

uint64_t
control_commands(const struct control *c)
{
	return c->commands;
}

/* ------------------------------------------------------------------------
 * Averages
 */

static usec_t
period_of(const struct control *c)
{
	usec_t period = snapshot_settings(c->snapshot)->stats_period;

	return period > USEC_PER_SEC ? period : USEC_PER_SEC;
}

static void
on_period(struct timer *timer)
{
	struct control *c = LIST_ENTRY(timer, struct control, period_timer);
	usec_t now = loop_now(c->loop);

	averages_collect(c->averages, c->core, c->commands, now);
	if (snapshot_settings(c->snapshot)->log_stats != 0)
		averages_log(c->averages);
	timer_set(c->loop, &c->period_timer, now + period_of(c));
}

/* ------------------------------------------------------------------------
 * Life
 */

struct control *
control_new(const struct control_config *config)
{
	struct control *c = mem_zalloc(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = config->loop;
	c->resolver = config->resolver;
	c->keys = config->keys;
	c->source = config->source;
	c->snapshot = snapshot_ref(config->snapshot);
	c->log_console = config->log_console;
	list_init(&c->waits);
	c->wait_timer.fire = on_wait_timer;
	c->period_timer.fire = on_period;
	drain_init(c);
	memory_init(c);
	c->averages = averages_new();
	c->signals = watch_signals(c);
	c->taps = taps_new(c);
	c->asker = asker_new(c);
	if (c->averages != NULL && c->signals != NULL && c->taps != NULL &&
	    c->asker != NULL)
		return c;
	control_free(c);
	return NULL;
}

/* A host's name has lost addresses: so have its servers. */
static void
addresses_lost(void *arg, const char *host, const struct addr *addrs,
	       size_t count)
{
	struct control *c = arg;
	char name[LOG_QUOTE_MAX], text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		log_event(LOG_INFO, "address_lost", "host=%s addr=%s",
			  log_quote(host, name), addr_host(&addrs[i], text));
	core_lose_addresses(c->core, host, addrs, count);
}

void
control_start(struct control *c, struct core *core)
{
	c->core = core;
	resolver_watch(c->resolver, addresses_lost, c);
	reload_apply(c);
	averages_collect(c->averages, core, 0, loop_now(c->loop));
	timer_set(c->loop, &c->period_timer, loop_now(c->loop) + period_of(c));
}

void
control_stop(struct control *c)
{
	c->is_stopped = true;
	resolver_watch(c->resolver, NULL, NULL);
	timer_clear(c->loop, &c->wait_timer);
	timer_clear(c->loop, &c->period_timer);
	timer_clear(c->loop, &c->memory_timer);
	drain_fini(c);
	taps_stop(c->taps);
	asker_stop(c->asker);
	look_at_all(c, WAIT_END);
}

void
control_free(struct control *c)
{
	if (c == NULL)
		return;
	memory_fini(c);
	taps_free(c->taps);
	asker_free(c->asker);
	signals_free(c->signals);
	averages_free(c->averages);
	reload_fini(c);
	snapshot_unref(c->snapshot);
	mem_free(c);
}

struct core *
control_core(const struct control *c)
{
	return c->core;
}

struct loop *
control_loop(const struct control *c)
{
	return c->loop;
}

struct snapshot *
control_snapshot(const struct control *c)
{
	return c->snapshot;
}

const struct averages *
control_averages(const struct control *c)
{
	return c->averages;
}

struct host_walk {
	void (*each)(void *arg, const struct control_host *host);
	void *arg;
};

static void
walk_host(void *arg, const struct resolver_row *row)
{
	const struct host_walk *walk = arg;
	struct control_host host = {
		.name = row->host,
		.ttl_sec = row->ttl_sec > 0 ? (uint64_t)row->ttl_sec : 0,
		.addrs = row->addrs,
	};

	walk->each(walk->arg, &host);
}

void
control_each_host(struct control *c,
		  void (*each)(void *arg, const struct control_host *host),
		  void *arg)
{
	struct host_walk walk = { .each = each, .arg = arg };

	resolver_each(c->resolver, walk_host, &walk);
}

struct zone_walk {
	void (*each)(void *arg, const struct control_zone *zone);
	void *arg;
};

static void
walk_zone(void *arg, const struct resolver_zone *row)
{
	const struct zone_walk *walk = arg;
	struct control_zone zone = {
		.name = row->name,
		.serial = row->serial,
		.names = row->count,
	};

	walk->each(walk->arg, &zone);
}

void
control_each_zone(struct control *c,
		  void (*each)(void *arg, const struct control_zone *zone),
		  void *arg)
{
	struct zone_walk walk = { .each = each, .arg = arg };

	resolver_each_zone(c->resolver, walk_zone, &walk);
}

void
control_name_counts(const struct control *c, struct control_names *names)
{
	struct resolver_counts counts;

	resolver_counts(c->resolver, &counts);
	names->names = counts.names;
	names->zones = counts.zones;
	names->questions = counts.lookups;
}
