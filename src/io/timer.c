/*
 * Timers on the wheel of their loop.
 *
 * Only loop_run tells the kernel when to wake (once a turn, when the earliest
 * timer became earlier); clearing leaves a wake-up behind that finds nothing.
 *
 * Owns nothing but the wheel's order; runs on the loop's thread.
 */
#include "io/timer.h"

#include "base/mem.h"
#include "loop_inner.h"

void
wheel_init(struct wheel *w, usec_t now)
{
	*w = (struct wheel){
		.tick = now / TIMER_TICK,
		.wake = WHEEL_NEVER,
		.wanted = WHEEL_NEVER,
	};
	for (size_t l = 0; l < WHEEL_LEVELS; l++)
		for (size_t s = 0; s < WHEEL_SLOTS; s++)
			list_init(&w->slots[l][s]);
}

static unsigned
digit(uint64_t tick, unsigned level)
{
	return (unsigned)(tick >> (WHEEL_BITS * level)) & (WHEEL_SLOTS - 1);
}

/* The tick at which a timer is due; never one that has been passed. */
static uint64_t
due_tick(const struct wheel *w, usec_t at)
{
	uint64_t due = at / TIMER_TICK + (at % TIMER_TICK != 0);

	return due > w->tick ? due : w->tick + 1;
}

/* Puts a timer into the slot of its tick, which is not before the wheel's. */
static void
place(struct wheel *w, struct timer *timer, uint64_t due)
{
	uint64_t differs = due ^ w->tick;
	unsigned level = 0, slot;

	if (differs != 0)
		level = (63u - (unsigned)__builtin_clzll(differs)) / WHEEL_BITS;
	slot = digit(due, level);
	w->occupied[level] |= UINT64_C(1) << slot;
	list_push_back(&w->slots[level][slot], &timer->node);
}

void
timer_set(struct loop *loop, struct timer *timer, usec_t at)
{
	struct wheel *w = &loop->wheel;
	uint64_t due;

	ASSERT(at > 0);
	timer_clear(loop, timer);
	/* An empty wheel has stood still; nothing was due meanwhile. */
	if (w->count == 0 && loop->now / TIMER_TICK > w->tick)
		w->tick = loop->now / TIMER_TICK;
	due = due_tick(w, at);
	timer->at = at;
	place(w, timer, due);
	w->count++;
	if (due < w->wanted)
		w->wanted = due;
}

void
timer_set_earlier(struct loop *loop, struct timer *timer, usec_t at)
{
	if (timer->at == 0 || at < timer->at)
		timer_set(loop, timer, at);
}

void
timer_clear(struct loop *loop, struct timer *timer)
{
	if (timer->at == 0)
		return;
	list_remove(&timer->node);
	timer->at = 0;
	loop->wheel.count--;
}

uint64_t
wheel_next(struct wheel *w)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned here = digit(w->tick, level), slot;
		unsigned shift = WHEEL_BITS * level;
		/* Shifted twice, because a shift by 64 is not defined. */
		uint64_t later = ~UINT64_C(0) << here << 1;

		while ((w->occupied[level] & later) != 0) {
			slot = (unsigned)__builtin_ctzll(w->occupied[level] &
							 later);
			if (!list_is_empty(&w->slots[level][slot]))
				return ((w->tick >> shift) - here + slot)
				       << shift;
			w->occupied[level] &= ~(UINT64_C(1) << slot);
		}
	}
	return WHEEL_NEVER;
}

/* Takes all nodes of a slot into an empty list of the caller's. */
static void
take_slot(struct wheel *w, unsigned level, struct list *out)
{
	unsigned slot = digit(w->tick, level);
	struct list_node *n;

	list_init(out);
	while ((n = list_pop_front(&w->slots[level][slot])) != NULL)
		list_push_back(out, n);
	w->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* The wheel came to a new tick: what stood for its range moves down. */
static void
cascade(struct wheel *w)
{
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		uint64_t below = (UINT64_C(1) << (WHEEL_BITS * level)) - 1;
		struct list_node *n;
		struct list moved;

		if ((w->tick & below) != 0)
			continue;
		take_slot(w, level, &moved);
		while ((n = list_pop_front(&moved)) != NULL) {
			struct timer *t = LIST_ENTRY(n, struct timer, node);
			uint64_t due =
				t->at / TIMER_TICK + (t->at % TIMER_TICK != 0);

			place(w, t, due > w->tick ? due : w->tick);
		}
	}
}

static void
fire_slot(struct loop *loop)
{
	struct list_node *n;
	struct list due;

	take_slot(&loop->wheel, 0, &due);
	/* A timer may clear another one of this list, or set it again. */
	while ((n = list_pop_front(&due)) != NULL) {
		struct timer *t = LIST_ENTRY(n, struct timer, node);

		t->at = 0;
		loop->wheel.count--;
		t->fire(t);
	}
}

void
timer_advance(struct loop *loop, usec_t now)
{
	struct wheel *w = &loop->wheel;
	uint64_t target = now / TIMER_TICK, next;

	while ((next = wheel_next(w)) <= target) {
		w->tick = next;
		cascade(w);
		fire_slot(loop);
	}
	if (target > w->tick)
		w->tick = target;
}
