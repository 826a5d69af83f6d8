/*
 * The watch over zones: serial numbers asked for in turn, and the names of a
 * zone that has changed looked up again before their time.
 *
 * One question is out at a time, so that zones never hold more than one helper.
 * The question belongs to the helper while it is out and finds its resolver
 * gone when that was freed.
 */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/dns.h"
#include "resolve_inner.h"

struct zone {
	struct list_node node; /* on resolver.zones */
	uint32_t serial;       /* 0 = not known */
	char name[256];
};

struct zone_question {
	struct helper_job job;     /* first: the job is the question */
	struct resolver *resolver; /* borrows; NULL when it is gone */
	struct dns *dns;           /* refs */
	char name[256];
	uint32_t serial;
	bool is_found;
};

/* What follows the first dot, or NULL. */
static const char *
zone_of(const char *host)
{
	const char *dot = strchr(host, '.');

	return dot != NULL && dot[1] != '\0' ? dot + 1 : NULL;
}

static struct zone *
zone_at(struct list_node *node)
{
	return LIST_ENTRY(node, struct zone, node);
}

static struct zone *
find_zone(struct resolver *r, const char *name)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &r->zones)
		if (strcmp(zone_at(n)->name, name) == 0)
			return zone_at(n);
	return NULL;
}

static bool
is_in_zone(const struct entry *e, const struct zone *z)
{
	const char *zone = zone_of(e->host);

	return zone != NULL && strcmp(zone, z->name) == 0;
}

static size_t
count_names(struct resolver *r, const struct zone *z)
{
	size_t cursor = 0, count = 0;
	const struct entry *e;

	while ((e = map_next(r->entries, &cursor, NULL, NULL)) != NULL)
		count += is_in_zone(e, z) ? 1 : 0;
	return count;
}

static void
refresh_names(struct resolver *r, const struct zone *z)
{
	size_t cursor = 0;
	struct entry *e;

	while ((e = map_next(r->entries, &cursor, NULL, NULL)) != NULL)
		if (is_in_zone(e, z))
			resolve_refresh(e);
}

static void
forget_empty(struct resolver *r)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &r->zones) {
		if (count_names(r, zone_at(n)) > 0)
			continue;
		list_remove(n);
		mem_free(zone_at(n));
	}
}

/* ------------------------------------------------------------------------
 * A round of looks
 */

/* On a helper thread. */
static void
run_question(struct helper_job *job)
{
	struct zone_question *q = LIST_ENTRY(job, struct zone_question, job);

	q->is_found = dns_serial(q->dns, q->name, &q->serial);
}

static void deliver_question(struct mail *mail);

static void
set_timer(struct resolver *r)
{
	if (r->zone_period == 0)
		timer_clear(r->loop, &r->zone_timer);
	else
		timer_set(r->loop, &r->zone_timer,
			  loop_now(r->loop) + r->zone_period);
}

/* Asks for the next zone of the round, or ends the round. */
static void
ask_zone(struct resolver *r, struct list_node *node)
{
	struct zone_question *q = NULL;

	if (node != &r->zones.head && r->zone_period != 0)
		q = mem_zalloc(sizeof(*q));
	if (q == NULL) {
		set_timer(r);
		return;
	}
	q->job.home = r->loop;
	q->job.run = run_question;
	q->job.mail.deliver = deliver_question;
	q->resolver = r;
	q->dns = dns_ref(r->dns);
	text_copy(q->name, sizeof(q->name), zone_at(node)->name);
	r->asking = q;
	r->lookups++;
	helpers_post(r->helpers, &q->job);
}

/* Zones are taken off between rounds alone, so this one is still there. */
static void
take_serial(struct resolver *r, const struct zone_question *q)
{
	struct zone *z = find_zone(r, q->name);

	r->asking = NULL;
	r->lookups--;
	ASSERT(z != NULL);
	if (q->is_found && z->serial != q->serial) {
		z->serial = q->serial;
		refresh_names(r, z);
	}
	ask_zone(r, z->node.next);
}

static void
deliver_question(struct mail *mail)
{
	struct helper_job *job = LIST_ENTRY(mail, struct helper_job, mail);
	struct zone_question *q = LIST_ENTRY(job, struct zone_question, job);

	if (q->resolver != NULL)
		take_serial(q->resolver, q);
	dns_unref(q->dns);
	mem_free(q);
}

static void
on_timer(struct timer *timer)
{
	struct resolver *r = LIST_ENTRY(timer, struct resolver, zone_timer);

	forget_empty(r);
	ask_zone(r, r->zones.head.next);
}

/* ------------------------------------------------------------------------
 * For the resolver
 */

void
zones_init(struct resolver *r)
{
	list_init(&r->zones);
	r->zone_timer.fire = on_timer;
}

void
zones_fini(struct resolver *r)
{
	struct list_node *node;

	timer_clear(r->loop, &r->zone_timer);
	if (r->asking != NULL)
		r->asking->resolver = NULL;
	while ((node = list_pop_front(&r->zones)) != NULL)
		mem_free(zone_at(node));
}

void
zones_configure(struct resolver *r, usec_t period)
{
	if (period == r->zone_period)
		return;
	r->zone_period = period;
	if (r->asking == NULL)
		set_timer(r);
}

void
zones_add(struct resolver *r, const char *host)
{
	const char *name = zone_of(host);
	struct zone *z;

	if (name == NULL || find_zone(r, name) != NULL)
		return;
	z = mem_zalloc(sizeof(*z));
	if (z == NULL)
		return; /* its names are looked up when their time is over */
	text_copy(z->name, sizeof(z->name), name);
	list_push_back(&r->zones, &z->node);
}

size_t
zones_count(struct resolver *r)
{
	struct list_node *n, *tmp;
	size_t count = 0;

	LIST_FOREACH (n, tmp, &r->zones)
		count += count_names(r, zone_at(n)) > 0 ? 1 : 0;
	return count;
}

void
resolver_each_zone(struct resolver *r,
		   void (*row)(void *arg, const struct resolver_zone *row),
		   void *arg)
{
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &r->zones) {
		const struct zone *z = zone_at(n);
		struct resolver_zone shown = {
			.name = z->name,
			.serial = z->serial,
			.count = count_names(r, z),
		};

		if (shown.count > 0)
			row(arg, &shown);
	}
}
