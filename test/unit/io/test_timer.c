/* The wheel under a time of the test's own, and once under the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "io/timer_wheel.h"

#define TIMERS 400

struct probe {
	struct timer timer;
	struct loop *loop;
	usec_t fired_at;
	int count;
	struct timer *victim; /* cleared when this one fires */
	usec_t again;         /* set again for this time when it fires */
};

static usec_t fake_now;

static void
on_fire(struct timer *timer)
{
	struct probe *p = LIST_ENTRY(timer, struct probe, timer);

	assert_int_equal(timer->at, 0);
	p->fired_at = fake_now;
	p->count++;
	if (p->victim != NULL)
		timer_clear(p->loop, p->victim);
	if (p->again != 0) {
		usec_t at = p->again;

		p->again = 0;
		timer_set(p->loop, timer, at);
	}
}

static void
advance(struct loop *loop, usec_t to)
{
	fake_now = to;
	timer_advance(loop, to);
}

static struct probe
new_probe(struct loop *loop)
{
	return (struct probe){ .timer.fire = on_fire, .loop = loop };
}

static void
fires_within_a_tick_and_never_early(void **state)
{
	static const usec_t after[] = {
		1,
		TIMER_TICK - 1,
		TIMER_TICK,
		TIMER_TICK + 1,
		6 * USEC_PER_SEC + 400000,
		6400000,
		63 * TIMER_TICK,
		64 * TIMER_TICK,
		65 * TIMER_TICK,
		4096 * TIMER_TICK - 1,
		4096 * TIMER_TICK,
		3600 * USEC_PER_SEC,
		100000 * USEC_PER_SEC,
	};
	struct loop *loop = loop_new();
	usec_t start = loop_now(loop);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(after); i++) {
		struct probe p = new_probe(loop);
		usec_t at = (start > fake_now ? start : fake_now) + after[i];

		timer_set(loop, &p.timer, at);
		assert_int_equal(p.timer.at, at);
		advance(loop, at - 1);
		assert_int_equal(p.count, 0);
		advance(loop, at + TIMER_TICK);
		assert_int_equal(p.count, 1);
	}
	loop_free(loop);
}

static void
far_and_past_times(void **state)
{
	struct loop *loop = loop_new();
	struct probe far = new_probe(loop), past = new_probe(loop);
	usec_t now = loop_now(loop);

	(void)state;
	timer_set(loop, &far.timer, UINT64_MAX);
	timer_set(loop, &past.timer, 1);
	advance(loop, now + 2 * TIMER_TICK);
	assert_int_equal(past.count, 1);
	assert_int_equal(far.count, 0);
	/* A hundred years at one go. */
	advance(loop, now + UINT64_C(3155760000) * USEC_PER_SEC);
	assert_int_equal(far.count, 0);
	timer_clear(loop, &far.timer);
	timer_clear(loop, &far.timer);
	assert_int_equal(far.timer.at, 0);
	loop_free(loop);
}

static void
earlier_only(void **state)
{
	struct loop *loop = loop_new();
	struct probe p = new_probe(loop);
	usec_t now = loop_now(loop);

	(void)state;
	timer_set_earlier(loop, &p.timer, now + 5000000);
	timer_set_earlier(loop, &p.timer, now + 9000000);
	assert_int_equal(p.timer.at, now + 5000000);
	timer_set_earlier(loop, &p.timer, now + 1000000);
	assert_int_equal(p.timer.at, now + 1000000);
	advance(loop, now + 1200000);
	assert_int_equal(p.count, 1);
	advance(loop, now + 20000000);
	assert_int_equal(p.count, 1);
	loop_free(loop);
}

static void
clear_and_set_inside_fire(void **state)
{
	struct loop *loop = loop_new();
	struct probe a = new_probe(loop), b = new_probe(loop);
	struct probe c = new_probe(loop);
	usec_t now = loop_now(loop);

	(void)state;
	/* One tick: a fires first and clears b; c sets itself again. */
	timer_set(loop, &a.timer, now + 1000000);
	timer_set(loop, &b.timer, now + 1000000);
	timer_set(loop, &c.timer, now + 1000000);
	a.victim = &b.timer;
	c.again = now + 2000000;
	advance(loop, now + 1200000);
	assert_int_equal(a.count, 1);
	assert_int_equal(b.count, 0);
	assert_int_equal(c.count, 1);
	advance(loop, now + 2200000);
	assert_int_equal(c.count, 2);
	/* Set for the past inside fire: once more, a tick later. */
	c.again = 1;
	timer_set(loop, &c.timer, now + 3000000);
	advance(loop, now + 3200000);
	advance(loop, now + 3400000);
	assert_int_equal(c.count, 4);
	loop_free(loop);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* What must have fired has, what must not has not; slack is how late it may. */
static void
check_probe(const struct probe *p, usec_t at, usec_t before)
{
	if (p->count == 0) {
		assert_int_equal(p->timer.at, at);
		assert_true(at + TIMER_TICK > fake_now);
	} else {
		assert_int_equal(p->timer.at, 0);
		assert_true(p->fired_at >= at);
		assert_true(p->fired_at < fake_now || at + TIMER_TICK > before);
	}
}

static void
random_times(void **state)
{
	static struct probe probes[TIMERS];
	static usec_t at[TIMERS];
	struct loop *loop = loop_new();
	uint32_t seed = 3;

	(void)state;
	fake_now = loop_now(loop);
	for (int i = 0; i < TIMERS; i++)
		probes[i] = new_probe(loop);
	for (int step = 0; step < 20000; step++) {
		int i = (int)(next_random(&seed) % TIMERS);
		unsigned bits = next_random(&seed) % 40;
		usec_t before = fake_now;

		if (next_random(&seed) % 4 == 0) {
			timer_clear(loop, &probes[i].timer);
			at[i] = 0;
		} else {
			at[i] = fake_now + 1 +
				(((uint64_t)next_random(&seed) << 16) &
				 ((UINT64_C(1) << bits) - 1));
			timer_set(loop, &probes[i].timer, at[i]);
		}
		probes[i].count = 0;
		if (next_random(&seed) % 8 == 0)
			advance(loop, fake_now + (next_random(&seed) %
						  (1u << bits % 24)));
		for (int k = 0; k < TIMERS && fake_now != before; k++)
			if (at[k] != 0)
				check_probe(&probes[k], at[k], before);
	}
	for (int i = 0; i < TIMERS; i++)
		timer_clear(loop, &probes[i].timer);
	loop_free(loop);
}

static void
stop_loop(struct timer *timer)
{
	struct probe *p = LIST_ENTRY(timer, struct probe, timer);

	p->fired_at = clock_now();
	loop_stop(p->loop);
}

static void
real_time(void **state)
{
	struct loop *loop = loop_new();
	struct probe p = { .timer.fire = stop_loop, .loop = loop };
	struct probe q = new_probe(loop);
	usec_t at = clock_now() + 250 * USEC_PER_MSEC;

	(void)state;
	/* The later one first, so that the wake-up must move forward. */
	timer_set(loop, &q.timer, at + 60 * USEC_PER_SEC);
	timer_set(loop, &p.timer, at);
	loop_run(loop, NULL, NULL);
	assert_true(p.fired_at >= at);
	assert_true(p.fired_at < at + 20 * TIMER_TICK);
	assert_int_equal(q.count, 0);
	timer_clear(loop, &q.timer);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_within_a_tick_and_never_early),
		cmocka_unit_test(far_and_past_times),
		cmocka_unit_test(earlier_only),
		cmocka_unit_test(clear_and_set_inside_fire),
		cmocka_unit_test(random_times),
		cmocka_unit_test(real_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
