/*
 * Timers: one wheel a loop with ticks of 100 ms; a timer fires within a tick
 * after its time, never before.  Setting and clearing are O(1) and make no
 * system call.  An object has one timer at its earliest deadline: activity only
 * stores a time in the object, and the expiry computes again.
 * Loop's own thread only.
 */
#ifndef CARPOOL_IO_TIMER_H
#define CARPOOL_IO_TIMER_H

#include "base/clock.h"
#include "base/list.h"

#define TIMER_TICK (100 * USEC_PER_MSEC)

struct loop;

struct timer {
	struct list_node node;
	usec_t at; /* 0 = not armed */
	void (*fire)(struct timer *timer);
};

/* Arms or moves the timer to fire at the monotonic time at (> 0). */
void timer_set(struct loop *loop, struct timer *timer, usec_t at);
/* Arms it only if that is earlier than what it is armed for. */
void timer_set_earlier(struct loop *loop, struct timer *timer, usec_t at);
/* Disarms; harmless when it is not armed. */
void timer_clear(struct loop *loop, struct timer *timer);

#endif
