/*
 * The inside of a loop, for the files of io/ that share it.
 */
#ifndef CARPOOL_IO_LOOP_INNER_H
#define CARPOOL_IO_LOOP_INNER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/lock.h"
#include "io/libevent.h"
#include "io/loop.h"
#include "io/timer.h"
#include "timer_wheel.h"

struct loop {
	struct event_base *base; /* owns */
	usec_t now;              /* of this turn */
	bool is_timely;          /* now was read since the loop slept */
	struct list ready;       /* borrows tasks */
	struct block_pool blocks;
	struct wheel wheel;
	int wake_fd; /* timerfd: the wheel's next wake-up */
	struct event wake_event;
	struct list suspects; /* borrows streams that may hide an error */
	struct timer suspect_timer;
	atomic_bool is_stopping;
	int mail_fd; /* eventfd: there is mail, or the loop is to stop */
	struct event mail_event;
	struct lock mail_lock;   /* covers the two below */
	struct mail *mail_first; /* owns */
	struct mail **mail_last; /* where the next one is linked */
};

/* To be called first by every event callback: reads the time of the turn. */
static inline void
loop_enter(struct loop *loop)
{
	if (loop->is_timely)
		return;
	loop->now = clock_now();
	loop->is_timely = true;
}

#endif
