/*
 * Helper threads: a small bounded set for whatever blocks or burns CPU.  A job
 * is posted from a loop, run() is called on a helper, and the same job comes
 * back by mail to the loop that posted it.
 */
#ifndef CARPOOL_IO_HELPER_H
#define CARPOOL_IO_HELPER_H

#include "io/loop.h"

struct helpers; /* owns its threads and queue */

struct helper_job {
	struct mail mail;  /* mail.deliver is called on the home loop when the
			    * work is done; it owns the job from then on */
	struct loop *home; /* borrows; outlives the job */
	void (*run)(struct helper_job *job); /* on a helper thread */
};

/* Starts count threads; NULL when none could be started. */
struct helpers *helpers_new(unsigned count);
/* Finishes queued jobs, joins the threads.  Loops must still exist. */
void helpers_free(struct helpers *h);
/* Queues a job (first in, first out).  Any thread. */
void helpers_post(struct helpers *h, struct helper_job *job);

#endif
