/*
 * Who is late: streams that wait a moment for more than what has come, so that
 * one read takes much of it.  All wait equally long, so a ring keeps them in
 * order; who leaves early leaves a gap.
 *
 * Owns the loop's ring, not the watches.  Runs on the loop's thread.
 */
#include "loop_inner.h"

static struct late *
late_at(struct loop *loop, uint32_t place)
{
	return &loop->late[place % LOOP_LATE];
}

bool
loop_late(struct loop *loop, struct watch *watch)
{
	if (loop->late_tail - loop->late_head == LOOP_LATE)
		return false;
	*late_at(loop, loop->late_tail++) = (struct late){
		.watch = watch,
		.due = clock_now() + LOOP_PATIENCE,
	};
	return true;
}

/* Gaps at the front are nobody's. */
static void
drop_gaps(struct loop *loop)
{
	while (loop->late_head != loop->late_tail &&
	       late_at(loop, loop->late_head)->watch == NULL)
		loop->late_head++;
}

void
loop_unlate(struct loop *loop, const struct watch *watch)
{
	for (uint32_t i = loop->late_head; i != loop->late_tail; i++)
		if (late_at(loop, i)->watch == watch)
			late_at(loop, i)->watch = NULL;
	drop_gaps(loop);
}

int64_t
loop_late_wait(struct loop *loop)
{
	usec_t now, due;

	if (loop->late_head == loop->late_tail)
		return -1;
	now = clock_now();
	due = late_at(loop, loop->late_head)->due;
	return due > now ? (int64_t)(due - now) : 0;
}

void
loop_late_fire(struct loop *loop)
{
	while (loop->late_head != loop->late_tail &&
	       late_at(loop, loop->late_head)->due <= loop->now) {
		struct watch *watch = late_at(loop, loop->late_head++)->watch;

		drop_gaps(loop);
		if (watch != NULL)
			watch->fire(watch, LOOP_READABLE);
	}
}
