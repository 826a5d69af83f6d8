/*
 * Time.  Everything that measures or waits uses the monotonic clock in
 * microseconds, so a step of the wall clock changes nothing; the wall clock is
 * for display alone.  Any thread.
 */
#ifndef CARPOOL_BASE_CLOCK_H
#define CARPOOL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)

/* Microseconds of the monotonic clock; never 0, never goes back. */
usec_t clock_now(void);

/* Microseconds since 1970 by the wall clock, for display alone. */
usec_t clock_wall(void);

#define CLOCK_TEXT_MAX 40

/*
 * Writes a wall time as "2026-01-31 13:05:59.123 UTC" (local zone) and a NUL
 * into out, CLOCK_TEXT_MAX bytes; returns out.
 */
const char *clock_text(usec_t wall, char out[CLOCK_TEXT_MAX]);

#endif
