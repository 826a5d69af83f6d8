/*
 * Averages: what each database's counters grew by in the last full period.
 *
 * Counts become figures a second; times become microseconds for each
 * transaction or query, waiting microseconds a second, as in PgBouncer.
 * Control thread only, but for averages_of, which is pure.
 */
#ifndef CARPOOL_CONTROL_AVERAGES_H
#define CARPOOL_CONTROL_AVERAGES_H

#include "base/clock.h"
#include "core/core.h"

struct averages; /* owns copies of the counters */

/* NULL: out of memory. */
struct averages *averages_new(void);
void averages_free(struct averages *a);

/*
 * Ends a period: reads all counters.  commands is the number of console
 * commands so far, now the monotonic time.
 */
void averages_collect(struct averages *a, struct core *core, uint64_t commands,
		      usec_t now);

/* The averages of a database in the last full period; zeros when there was
 * none.  "pgbouncer" of the first protocol is the console's. */
void averages_find(const struct averages *a, enum protocol protocol,
		   const char *database, uint64_t out[STAT_COUNT]);

/* The same over all databases together. */
void averages_sum(const struct averages *a, uint64_t out[STAT_COUNT]);

/* Writes the sum over all databases to the log. */
void averages_log(const struct averages *a);

/* The averages of counters that went from old to now in time microseconds. */
void averages_of(const uint64_t old[STAT_COUNT], const uint64_t now[STAT_COUNT],
		 usec_t time, uint64_t out[STAT_COUNT]);

#endif
