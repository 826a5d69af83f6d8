/*
 * The mutex behind struct lock.  Owns nothing; runs on every thread.  A call
 * that fails means a broken program (a lock given twice, or never set up), so
 * results are asserted rather than returned.
 */
#include "base/lock.h"

#include "base/mem.h"

void
lock_init(struct lock *l)
{
	ASSERT(pthread_mutex_init(&l->mutex, NULL) == 0);
}

void
lock_fini(struct lock *l)
{
	ASSERT(pthread_mutex_destroy(&l->mutex) == 0);
}

void
lock_take(struct lock *l) NO_ANALYSIS
{
	ASSERT(pthread_mutex_lock(&l->mutex) == 0);
}

void
lock_give(struct lock *l) NO_ANALYSIS
{
	ASSERT(pthread_mutex_unlock(&l->mutex) == 0);
}
