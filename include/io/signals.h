/*
 * Signals as events of one loop, by signalfd(2): no handler runs, so nothing
 * of the program is ever interrupted.
 */
#ifndef CARPOOL_IO_SIGNALS_H
#define CARPOOL_IO_SIGNALS_H

#include <stddef.h>

struct loop;
struct signals; /* owns its descriptor; belongs to the loop's thread */

/*
 * Blocks the count signals in the calling thread, and so in every thread that
 * it starts from then on, and has on_signal(arg, number) called on the loop
 * for each that comes.  One that comes again before it was read counts once.
 * arg is borrowed until signals_free.  NULL: memory or descriptors.
 */
struct signals *signals_new(struct loop *loop, const int *numbers, size_t count,
			    void (*on_signal)(void *arg, int number),
			    void *arg);

/* Watches no more; the signals stay blocked.  NULL is allowed. */
void signals_free(struct signals *s);

#endif
