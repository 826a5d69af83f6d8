/*
 * Helper threads: one queue, taken first in, first out.
 *
 * Owns the threads and the queue; the jobs belong to the queue from the post
 * until their answer is posted.  The lock covers the queue and the flag; jobs
 * run and answers are posted without it.  Knows nothing of what jobs do.
 */
#include "io/helper.h"

#include <pthread.h>
#include <signal.h>

#include "base/lock.h"
#include "base/mem.h"

struct helpers {
	struct lock lock;
	pthread_cond_t wake;
	struct mail *first;  /* owns; jobs by their mail */
	struct mail **last;  /* where the next one is linked */
	bool is_ending;      /* threads leave when the queue is empty */
	unsigned count;      /* threads that run */
	pthread_t threads[]; /* owns */
};

/* The next job, or NULL when the thread is to end. */
static struct helper_job *
next_job(struct helpers *h)
{
	struct mail *mail;

	lock_take(&h->lock);
	while (h->first == NULL && !h->is_ending)
		pthread_cond_wait(&h->wake, &h->lock.mutex);
	mail = h->first;
	if (mail != NULL) {
		h->first = mail->next;
		if (h->first == NULL)
			h->last = &h->first;
	}
	lock_give(&h->lock);
	return mail != NULL ? LIST_ENTRY(mail, struct helper_job, mail) : NULL;
}

static void *
helper_main(void *arg)
{
	struct helpers *h = arg;
	struct helper_job *job;

	while ((job = next_job(h)) != NULL) {
		job->run(job);
		loop_post(job->home, &job->mail);
	}
	return NULL;
}

struct helpers *
helpers_new(unsigned count)
{
	struct helpers *h =
		mem_zalloc(sizeof(*h) + count * sizeof(h->threads[0]));
	sigset_t all, old;

	if (h == NULL)
		return NULL;
	lock_init(&h->lock);
	ASSERT(pthread_cond_init(&h->wake, NULL) == 0);
	h->last = &h->first;
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (h->count < count &&
	       pthread_create(&h->threads[h->count], NULL, helper_main, h) == 0)
		h->count++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (h->count > 0)
		return h;
	helpers_free(h);
	return NULL;
}

void
helpers_free(struct helpers *h)
{
	if (h == NULL)
		return;
	lock_take(&h->lock);
	h->is_ending = true;
	pthread_cond_broadcast(&h->wake);
	lock_give(&h->lock);
	for (unsigned i = 0; i < h->count; i++)
		pthread_join(h->threads[i], NULL);
	pthread_cond_destroy(&h->wake);
	lock_fini(&h->lock);
	mem_free(h);
}

void
helpers_post(struct helpers *h, struct helper_job *job)
{
	job->mail.next = NULL;
	lock_take(&h->lock);
	*h->last = &job->mail;
	h->last = &job->mail.next;
	pthread_cond_signal(&h->wake);
	lock_give(&h->lock);
}
