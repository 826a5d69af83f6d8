/*
 * Counters of one database on one worker.  Relaxed atomics with one writer, on
 * cache lines of their own; whoever wants a sum reads all workers' blocks.
 * They live as long as the process: totals never go back.
 */
#ifndef CARPOOL_CORE_STATS_H
#define CARPOOL_CORE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
	STAT_ASSIGNMENTS, /* servers handed to clients */
	STAT_XACTS,
	STAT_QUERIES,
	STAT_RECEIVED,  /* bytes from clients */
	STAT_SENT,      /* bytes to clients */
	STAT_XACT_TIME, /* microseconds, as all times here */
	STAT_QUERY_TIME,
	STAT_WAIT_TIME,
	STAT_CLIENT_PARSE,
	STAT_SERVER_PARSE,
	STAT_BIND,
	STAT_LOGINS, /* client logins */
	STAT_COUNT,
};

struct stats {
	_Alignas(64) _Atomic uint64_t v[STAT_COUNT];
};

/* Adds n; the block's own worker only. */
static inline void
stats_add(struct stats *s, enum counter which, uint64_t n)
{
	uint64_t was = atomic_load_explicit(&s->v[which], memory_order_relaxed);

	atomic_store_explicit(&s->v[which], was + n, memory_order_relaxed);
}

/* Adds a block's figures to sum[STAT_COUNT]; any thread. */
static inline void
stats_sum(const struct stats *s, uint64_t sum[STAT_COUNT])
{
	for (int i = 0; i < STAT_COUNT; i++)
		sum[i] += atomic_load_explicit(&s->v[i], memory_order_relaxed);
}

#endif
