/*
 * What the files of the pool share with each other and with nobody else.
 */
#ifndef CARPOOL_CORE_POOL_INNER_H
#define CARPOOL_CORE_POOL_INNER_H

#include "core/pool.h"

/* How many servers the pool may hold now, its reserve included; 0 = any. */
uint32_t pool_ceiling_locked(const struct pool *p, usec_t now);
/* Takes a ticket off both queues, and off the server it was bound to. */
void pool_unqueue_locked(struct pool *p, struct ticket *t);
/* The oldest waiter of a queue that is not bound; offset: of its node. */
struct ticket *pool_first_unbound(const struct list *queue, size_t offset);
/* Whose turn it is for a server of this class that stands on worker w. */
struct ticket *pool_next_waiter_locked(struct pool *p, const struct worker *w,
				       const struct pool_class *class);
/* The server goes to this waiter, who keeps its place until it arrives. */
void pool_bind_locked(struct pool *p, struct ticket *t, struct server *s);
/* How many servers are missing, with those that are coming counted. */
uint32_t pool_missing_locked(const struct pool *p, usec_t now);
/* May a server be opened for anybody now? */
bool pool_may_open_locked(const struct pool *p, const struct worker *w,
			  usec_t now);

/*
 * Of the many classes of a pool only those are looked at that are of interest
 * to who asks, for there may be thousands.  So whatever concerns a class is
 * told to it: a ticket that waits for one of its servers or does no longer, a
 * server that is shelved or taken off, one more or less (by) that is opened.
 */
void pool_class_queue_locked(struct pool *p, struct ticket *t);
void pool_class_unqueue_locked(struct pool *p, struct ticket *t);
void pool_class_shelve_locked(struct pool *p, struct server *s);
void pool_class_unshelve_locked(struct pool *p, struct server *s);
void pool_class_count_opening_locked(struct pool *p, struct pool_class *class,
				     int by);
/* The neutral class of a new pool, and its lists of others. */
void pool_classes_init(struct pool *p);
/* Has every server and waiter of the pool been told nothing? */
static inline bool
pool_is_neutral_locked(const struct pool *p)
{
	return list_is_empty(&p->classes);
}
/* One of a worker's waiters whose class cannot work, or NULL. */
struct ticket *pool_class_first_refused_locked(struct pool *p,
					       const struct worker *w,
					       usec_t now);
/* The server may be asked for this class again. */
void pool_class_forgive_locked(struct pool_class *class);
/* Is this class refused by the server? */
static inline bool
pool_class_is_refused(const struct pool_class *class, usec_t now)
{
	return now < class->refused_until;
}
/* The server of a shelf that was idle longest, or NULL. */
struct server *pool_longest_idle_locked(const struct list *shelf);
/* Takes an idle server off its shelf. */
void pool_unshelve_locked(struct pool *p, struct server *s);

/* How many servers should be opened now; counts them as opening and sets
 * is_hungry until pool_open_planned has asked the limits. */
uint32_t pool_plan_locked(struct pool *p, const struct worker *w, usec_t now,
			  uint32_t *ceiling, usec_t *since);
/* Opens n planned servers; TAKE_OK when all places were to be had. */
enum take pool_open_planned(struct pool *p, struct worker *w, uint32_t n,
			    uint32_t ceiling, usec_t since);
/* Takes the pool off the hungry list, then looks anew what it needs. */
void pool_stop_hunger(struct pool *p, struct worker *w, usec_t now);
/* Gives one place back to the limits, and posts the token of who got it. */
void pool_give_place(struct pool *p);
/* Refuses the waiters of all workers, if the pool still cannot work. */
void pool_fail_waiters(struct pool *p);

/* Deliveries of the mails that are embedded in the pool. */
void pool_token_delivered(struct mail *mail);
void pool_wake_delivered(struct mail *mail);
void channels_place_delivered(struct mail *mail);

#endif
