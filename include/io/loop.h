/*
 * The event loop of one thread: an epoll instance, the thread's block pool, its
 * timers, its ready list and its mailbox.
 *
 * Everything here but loop_post and loop_stop is for the loop's own thread.
 */
#ifndef CARPOOL_IO_LOOP_H
#define CARPOOL_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"

struct loop; /* owned by its thread */

/*
 * A message: embedded as the first member of a typed one, owned by whoever
 * holds it.  deliver() runs on the receiving thread and owns it from then on.
 */
struct mail {
	struct mail *next; /* the queue's */
	void (*deliver)(struct mail *mail);
};

/* Names for two of the epoll events, for those who know no epoll. */
enum loop_event { LOOP_READABLE = 0x001, LOOP_WRITABLE = 0x004 };

/*
 * Something that a loop tells news, embedded in its owner: of a descriptor that
 * it is registered for, or that its turn has come by loop_ready.  fire is
 * called with the epoll events (epoll_ctl(2)) that came since the last call, 0
 * for a turn.
 */
struct watch {
	struct list_node ready; /* on the loop's ready list */
	void (*fire)(struct watch *watch, uint32_t events);
};

/* A new loop, or NULL (memory, descriptors).  Call from any thread. */
struct loop *loop_new(void);
/*
 * The loop must not be running, and nobody may still be inside loop_post or
 * loop_stop: join who posts first.  Undelivered mail is delivered first.
 */
void loop_free(struct loop *loop);

/* Runs until loop_stop.  after_turn (may be NULL) is called at the end of every
 * turn, when no callback is on the stack: the place to free closed objects. */
void loop_run(struct loop *loop, void (*after_turn)(void *arg), void *arg);

/* Makes loop_run return after the turn.  Any thread. */
void loop_stop(struct loop *loop);

/*
 * Hands mail to the loop's thread; it is delivered in order of posting by one
 * thread.  Any thread, also the loop's own; never fails, never blocks long.
 */
void loop_post(struct loop *loop, struct mail *mail);

/*
 * Gives it a turn soon; harmless when it waits for one already.  While any does
 * the loop does not sleep.
 */
void loop_ready(struct loop *loop, struct watch *watch);
/* Takes the turn back; harmless when it waits for none. */
void loop_unready(struct watch *watch);

/* How long one that is late waits, at most. */
#define LOOP_PATIENCE ((usec_t)100)

/*
 * Fires it as readable in LOOP_PATIENCE from now, unless loop_unlate is called
 * first.  Not twice for one watch.  False when too many are late already.
 */
bool loop_late(struct loop *loop, struct watch *watch);
/* It is not late any more; harmless when it was not. */
void loop_unlate(struct loop *loop, const struct watch *watch);

/* Delivers what mail there is; only while the loop is not running. */
void loop_drain(struct loop *loop);

/*
 * Registers a descriptor for these epoll events; EPOLLERR and EPOLLHUP come
 * unasked.  Returns 0 or an errno.
 */
int loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events);
/* Changes the events of one that is registered; 0 or an errno. */
int loop_watch_again(struct loop *loop, struct watch *watch, int fd,
		     uint32_t events);
/* Takes it off: fire is not called any more, nor for events of this turn. */
void loop_unwatch(struct loop *loop, struct watch *watch, int fd);
/* The same for a descriptor that is closed next, which takes it off epoll. */
void loop_forget(struct loop *loop, const struct watch *watch);

/* The time of this turn, read once per wake-up. */
usec_t loop_now(const struct loop *loop);

struct block_pool *loop_blocks(struct loop *loop);

#endif
