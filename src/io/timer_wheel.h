/*
 * The timer wheel of a loop: eight levels of 64 slots.  A timer stands at the
 * level of the highest six-bit digit in which its tick differs from the
 * wheel's, so levels never overlap and every time that a usec_t can hold has
 * its slot.  Private to io/; tests drive it with a time of their own.
 */
#ifndef CARPOOL_IO_TIMER_WHEEL_H
#define CARPOOL_IO_TIMER_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

#define WHEEL_BITS 6
#define WHEEL_SLOTS 64
#define WHEEL_LEVELS 8
#define WHEEL_NEVER UINT64_MAX

struct loop;

struct wheel {
	uint64_t tick;   /* everything due up to here has fired */
	size_t count;    /* armed timers */
	uint64_t wake;   /* the tick at which the loop is to be woken */
	uint64_t wanted; /* the earliest tick set since wake was chosen */
	/* A bit is set where a slot may hold timers, clear where it does not.
	 */
	uint64_t occupied[WHEEL_LEVELS];
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, usec_t now);

/* The tick of the next slot that has something to do, or WHEEL_NEVER. */
uint64_t wheel_next(struct wheel *w);

/* Fires everything due at the time now. */
void timer_advance(struct loop *loop, usec_t now);

#endif
