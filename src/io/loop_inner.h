/*
 * The inside of a loop, for the files of io/ that share it.
 */
#ifndef CARPOOL_IO_LOOP_INNER_H
#define CARPOOL_IO_LOOP_INNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "base/lock.h"
#include "io/loop.h"
#include "io/timer.h"
#include "timer_wheel.h"

/* Events taken from the kernel at a time. */
#define LOOP_BATCH 128

/* Watches that may wait for more at a time. */
#define LOOP_LATE 64u

/* One that waits for more, or one that no longer does (NULL). */
struct late {
	struct watch *watch; /* borrows */
	usec_t due;
};

struct loop {
	int epoll_fd;                  /* owns */
	int batch_at, batch_end;       /* of batch: what is not yet told */
	usec_t now;                    /* of this turn */
	struct list ready;             /* borrows watches */
	struct late late[LOOP_LATE];   /* a ring, the first to come due first */
	uint32_t late_head, late_tail; /* count up; equal = empty */
	struct block_pool blocks;
	struct wheel wheel;
	int wake_fd; /* timerfd: the wheel's next wake-up */
	struct watch wake_watch;
	atomic_bool is_stopping;
	int mail_fd; /* eventfd: there is mail, or the loop is to stop */
	struct watch mail_watch;
	struct lock mail_lock;                /* covers the two below */
	struct mail *mail_first;              /* owns */
	struct mail **mail_last;              /* where the next one is linked */
	struct epoll_event batch[LOOP_BATCH]; /* of this turn */
};

/* Until the first late one comes due, from now: 0 = it has, -1 = none waits. */
int64_t loop_late_wait(struct loop *loop);
/* Fires those that have come due. */
void loop_late_fire(struct loop *loop);

#endif
