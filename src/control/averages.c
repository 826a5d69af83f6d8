/*
 * Averages over the last period.  Owns two readings of each database's
 * counters; runs on the control thread.
 */
#include "control/averages.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

/* Two readings of one database. */
struct reading {
	uint64_t old[STAT_COUNT];
	uint64_t now[STAT_COUNT];
};

struct averages {
	struct map *by_name[PROTOCOLS]; /* own struct reading */
	usec_t old_at, now_at;
};

struct averages *
averages_new(void)
{
	struct averages *a = mem_zalloc(sizeof(*a));

	for (unsigned i = 0; a != NULL && i < PROTOCOLS; i++) {
		a->by_name[i] = map_new();
		if (a->by_name[i] == NULL) {
			averages_free(a);
			return NULL;
		}
	}
	return a;
}

/* All readings, one after the other; begin with both zero. */
static struct reading *
next_reading(const struct averages *a, unsigned *protocol, size_t *cursor)
{
	for (; *protocol < PROTOCOLS; (*protocol)++, *cursor = 0) {
		const struct map *map = a->by_name[*protocol];
		struct reading *r = NULL;

		if (map != NULL)
			r = map_next(map, cursor, NULL, NULL);
		if (r != NULL)
			return r;
	}
	return NULL;
}

void
averages_free(struct averages *a)
{
	unsigned protocol = 0;
	size_t cursor = 0;
	struct reading *r;

	if (a == NULL)
		return;
	while ((r = next_reading(a, &protocol, &cursor)) != NULL)
		mem_free(r);
	for (unsigned i = 0; i < PROTOCOLS; i++)
		map_free(a->by_name[i]);
	mem_free(a);
}

/* NULL: out of memory; this period then has no figures for the database. */
static struct reading *
reading_of(struct averages *a, const struct database_info *info)
{
	struct map *map = a->by_name[info->protocol];
	size_t len = strlen(info->name);
	struct reading *r = map_find(map, info->name, len);

	if (r != NULL)
		return r;
	r = mem_zalloc(sizeof(*r));
	if (r == NULL || map_put(map, info->name, len, r))
		return r;
	mem_free(r);
	return NULL;
}

static void
read_database(void *arg, const struct database_info *info)
{
	struct reading *r = reading_of(arg, info);

	if (r == NULL)
		return;
	memcpy(r->old, r->now, sizeof(r->old));
	memcpy(r->now, info->stats, sizeof(r->now));
}

void
averages_collect(struct averages *a, struct core *core, uint64_t commands,
		 usec_t now)
{
	struct database_info console = { .name = "pgbouncer" };

	console.stats[STAT_XACTS] = console.stats[STAT_QUERIES] = commands;
	a->old_at = a->now_at;
	a->now_at = now;
	read_database(a, &console);
	core_each_database(core, read_database, a);
}

void
averages_of(const uint64_t old[STAT_COUNT], const uint64_t now[STAT_COUNT],
	    usec_t time, uint64_t out[STAT_COUNT])
{
	uint64_t grown[STAT_COUNT];

	memset(out, 0, STAT_COUNT * sizeof(out[0]));
	if (time == 0)
		return;
	for (int i = 0; i < STAT_COUNT; i++) {
		grown[i] = now[i] - old[i];
		out[i] = grown[i] * USEC_PER_SEC / time;
	}
	out[STAT_XACT_TIME] = 0;
	out[STAT_QUERY_TIME] = 0;
	if (grown[STAT_XACTS] > 0)
		out[STAT_XACT_TIME] = grown[STAT_XACT_TIME] / grown[STAT_XACTS];
	if (grown[STAT_QUERIES] > 0)
		out[STAT_QUERY_TIME] =
			grown[STAT_QUERY_TIME] / grown[STAT_QUERIES];
}

/* Before two readings there is no period. */
static usec_t
period_time(const struct averages *a)
{
	return a->old_at == 0 ? 0 : a->now_at - a->old_at;
}

void
averages_find(const struct averages *a, enum protocol protocol,
	      const char *database, uint64_t out[STAT_COUNT])
{
	const struct reading *r =
		map_find(a->by_name[protocol], database, strlen(database));
	static const struct reading none;

	if (r == NULL)
		r = &none;
	averages_of(r->old, r->now, period_time(a), out);
}

void
averages_sum(const struct averages *a, uint64_t out[STAT_COUNT])
{
	uint64_t old[STAT_COUNT] = { 0 }, now[STAT_COUNT] = { 0 };
	const struct reading *r;
	unsigned protocol = 0;
	size_t cursor = 0;

	while ((r = next_reading(a, &protocol, &cursor)) != NULL) {
		for (int i = 0; i < STAT_COUNT; i++) {
			old[i] += r->old[i];
			now[i] += r->now[i];
		}
	}
	averages_of(old, now, period_time(a), out);
}

void
averages_log(const struct averages *a)
{
	uint64_t avg[STAT_COUNT];

	averages_sum(a, avg);
	log_event(LOG_INFO, "stats",
		  "xacts_per_sec=%" PRIu64 " queries_per_sec=%" PRIu64
		  " received_per_sec=%" PRIu64 " sent_per_sec=%" PRIu64
		  " xact_usec=%" PRIu64 " query_usec=%" PRIu64
		  " wait_usec_per_sec=%" PRIu64,
		  avg[STAT_XACTS], avg[STAT_QUERIES], avg[STAT_RECEIVED],
		  avg[STAT_SENT], avg[STAT_XACT_TIME], avg[STAT_QUERY_TIME],
		  avg[STAT_WAIT_TIME]);
}
