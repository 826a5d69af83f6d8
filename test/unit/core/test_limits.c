/*
 * The limits: a table of small stories, random operations against a model that
 * looks at everything after each step, and four threads at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "core/limits.h"

#define SHARES 6
#define BUDGETS 3

/* Shares of three databases and three users, in every way they can overlap. */
struct field {
	struct limits limits;
	struct budget db[BUDGETS], user[BUDGETS];
	struct share share[SHARES];
};

static void
field_open(struct field *f)
{
	static const unsigned user_of[SHARES] = { 0, 1, 1, 2, 2, 0 };

	memset(f, 0, sizeof(*f));
	limits_init(&f->limits);
	for (unsigned i = 0; i < SHARES; i++) {
		f->share[i].db = &f->db[i / 2];
		f->share[i].user = &f->user[user_of[i]];
	}
}

static void
field_close(struct field *f)
{
	for (unsigned i = 0; i < SHARES; i++)
		(void)limits_content(&f->limits, &f->share[i]);
	limits_fini(&f->limits);
}

static bool
is_hungry(const struct share *s)
{
	return list_is_linked(&s->hungry);
}

static enum take
take(struct field *f, unsigned i, uint32_t ceiling, usec_t since)
{
	return limits_take(&f->limits, &f->share[i], ceiling, since);
}

/* Gives a place of share i; the number of the share that has it now, or -1. */
static int
give(struct field *f, unsigned i, bool *post)
{
	struct share *next = limits_give(&f->limits, &f->share[i], post);

	return next == NULL ? -1 : (int)(next - f->share);
}

/* ------------------------------------------------------------------------
 * Stories
 */

static void
takes_up_to_each_limit(void **state)
{
	struct {
		uint32_t ceiling, db, user;
		unsigned places;
		enum take then;
	} cases[] = {
		{ 3, 0, 0, 3, TAKE_FULL_POOL },
		{ 0, 2, 0, 2, TAKE_FULL_SHARED },
		{ 0, 0, 1, 1, TAKE_FULL_SHARED },
		{ 4, 3, 2, 2, TAKE_FULL_SHARED },
		{ 2, 3, 4, 2, TAKE_FULL_POOL },
		{ 2, 2, 2, 2, TAKE_FULL_POOL },
		{ 0, 0, 0, 50, TAKE_OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct field f;
		bool post;

		field_open(&f);
		f.db[0].max = cases[i].db;
		f.user[0].max = cases[i].user;
		for (unsigned n = 0; n < cases[i].places; n++)
			assert_int_equal(take(&f, 0, cases[i].ceiling, 1),
					 TAKE_OK);
		assert_int_equal(take(&f, 0, cases[i].ceiling, 1),
				 cases[i].then);
		assert_int_equal(is_hungry(&f.share[0]),
				 cases[i].then != TAKE_OK);
		/* Refused means: nothing was counted, in no budget. */
		if (cases[i].then != TAKE_OK) {
			assert_int_equal(f.share[0].used, cases[i].places);
			assert_int_equal(f.db[0].used, cases[i].places);
			assert_int_equal(f.user[0].used, cases[i].places);
			assert_int_equal(f.limits.servers, cases[i].places);
		}
		(void)limits_content(&f.limits, &f.share[0]);
		while (f.share[0].used > 0)
			assert_int_equal(give(&f, 0, &post), -1);
		assert_int_equal(f.limits.servers, 0);
		assert_int_equal(f.db[0].used + f.user[0].used, 0);
		field_close(&f);
	}
}

static void
the_oldest_hungry_pool_is_fed_first(void **state)
{
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	f.db[0].max = 1;
	f.share[2].db = f.share[3].db = &f.db[0];
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 1, 0, 30), TAKE_FULL_SHARED);
	assert_int_equal(take(&f, 2, 0, 10), TAKE_FULL_SHARED);
	assert_int_equal(take(&f, 3, 0, 20), TAKE_FULL_SHARED);
	assert_int_equal(f.limits.hungry_count, 3);
	assert_int_equal(give(&f, 0, &post), 2);
	assert_true(post);
	assert_false(is_hungry(&f.share[2]));
	assert_int_equal(give(&f, 2, &post), 3);
	assert_int_equal(give(&f, 3, &post), 1);
	assert_int_equal(give(&f, 1, &post), -1);
	assert_false(post);
	assert_int_equal(f.limits.hungry_count, 0);
	field_close(&f);
}

/* Asked again, a hungry pool keeps its place in the line. */
static void
asking_again_keeps_the_place(void **state)
{
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	f.db[0].max = 1;
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	f.share[2].db = &f.db[0];
	assert_int_equal(take(&f, 1, 0, 10), TAKE_FULL_SHARED);
	assert_int_equal(take(&f, 2, 0, 20), TAKE_FULL_SHARED);
	assert_int_equal(take(&f, 1, 0, 90), TAKE_FULL_SHARED);
	assert_int_equal(f.limits.hungry_count, 2);
	assert_int_equal(give(&f, 0, &post), 1);
	field_close(&f);
}

/* A token is posted once, and counts what was given meanwhile. */
static void
tokens_are_collected_at_once(void **state)
{
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	f.db[0].max = 2;
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 1, 0, 2), TAKE_FULL_SHARED);
	assert_int_equal(give(&f, 0, &post), 1);
	assert_true(post);
	assert_int_equal(take(&f, 1, 0, 3), TAKE_FULL_SHARED);
	assert_int_equal(give(&f, 0, &post), 1);
	assert_false(post);
	assert_false(limits_content(&f.limits, &f.share[1]));
	assert_int_equal(limits_collect(&f.limits, &f.share[1]), 2);
	assert_int_equal(limits_collect(&f.limits, &f.share[1]), 0);
	assert_true(limits_content(&f.limits, &f.share[1]));
	assert_int_equal(f.share[1].used, 2);
	assert_int_equal(f.db[0].used, 2);
	field_close(&f);
}

/* Who does not fit is passed over and stays hungry. */
static void
a_place_goes_to_the_oldest_that_fits(void **state)
{
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	/* 0: db 0, user 0; 1: db 0, user 1; 2: db 1, user 1 */
	f.db[0].max = 2;
	f.user[1].max = 1;
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 2, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 1, 0, 5), TAKE_FULL_SHARED);
	assert_int_equal(take(&f, 0, 0, 5), TAKE_OK);
	assert_int_equal(take(&f, 0, 0, 9), TAKE_FULL_SHARED);
	/* Share 1 is older but its user is full. */
	assert_int_equal(give(&f, 0, &post), 0);
	assert_true(is_hungry(&f.share[1]));
	assert_int_equal(give(&f, 0, &post), -1);
	assert_int_equal(give(&f, 2, &post), 1);
	field_close(&f);
}

/* One place given back may be free for two: each lacked one half of it. */
static void
one_place_may_feed_two_pools(void **state)
{
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	/* 0: db 0, user 0; 1: db 0, user 1; 5: db 2, user 0 */
	f.db[0].max = 1;
	f.user[0].max = 1;
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 1, 0, 2), TAKE_FULL_SHARED);
	assert_int_equal(take(&f, 5, 0, 3), TAKE_FULL_SHARED);
	assert_int_equal(give(&f, 0, &post), 1);
	assert_ptr_equal(limits_feed(&f.limits, &post), &f.share[5]);
	assert_true(post);
	assert_null(limits_feed(&f.limits, &post));
	assert_false(post);
	field_close(&f);
}

static void
a_raised_maximum_feeds(void **state)
{
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	f.db[0].max = 1;
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 1, 0, 2), TAKE_FULL_SHARED);
	limits_set_max(&f.limits, &f.db[0], 3);
	assert_int_equal(limits_read(&f.limits, &f.db[0]).max, 3);
	assert_ptr_equal(limits_feed(&f.limits, &post), &f.share[1]);
	assert_true(post);
	assert_null(limits_feed(&f.limits, &post));
	field_close(&f);
}

/* A lowered maximum takes nothing away, but nothing is added above it. */
static void
a_lowered_maximum_only_shrinks(void **state)
{
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	for (int i = 0; i < 4; i++)
		assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	limits_set_max(&f.limits, &f.db[0], 2);
	assert_int_equal(take(&f, 1, 0, 2), TAKE_FULL_SHARED);
	assert_int_equal(give(&f, 0, &post), -1);
	assert_int_equal(give(&f, 0, &post), -1);
	assert_int_equal(f.db[0].used, 2);
	assert_int_equal(give(&f, 0, &post), 1);
	assert_int_equal(f.db[0].used, 2);
	field_close(&f);
}

/* Two pools under one budget come to have as much, and then are at rest. */
static void
the_richer_pool_gives(void **state)
{
	struct share *given, *rich, *poor;
	struct field f;
	bool post;

	(void)state;
	field_open(&f);
	rich = &f.share[0];
	poor = &f.share[1];
	f.db[0].max = 5;
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 0, 0, 1), TAKE_FULL_SHARED);
	assert_int_equal(take(&f, 1, 0, 10), TAKE_FULL_SHARED);
	for (uint32_t has = 0; has < 2; has++) {
		/* Though the rich one's own waiters are older. */
		assert_true(limits_must_give(&f.limits, rich, 0));
		given = limits_give(&f.limits, rich, &post);
		assert_ptr_equal(given, poor);
		(void)limits_collect(&f.limits, poor);
		assert_int_equal(poor->used, has + 1);
		assert_int_equal(take(&f, 1, 0, 10), TAKE_FULL_SHARED);
	}
	/* Three and two: neither gives, busy or not. */
	assert_false(limits_must_give(&f.limits, rich, UINT64_MAX));
	assert_false(limits_must_give(&f.limits, poor, UINT64_MAX));
	assert_false(limits_is_due(&f.limits, poor, rich));
	assert_false(limits_is_due(&f.limits, rich, poor));
	/* The older one of two that have as few, but not if it is the giver. */
	given = limits_give(&f.limits, rich, &post);
	assert_ptr_equal(given, poor);
	(void)limits_collect(&f.limits, poor);
	field_close(&f);
}

/* Whose place is wanted: only if giving it up would help somebody older. */
static void
wanted_only_where_it_helps(void **state)
{
	struct field f;

	(void)state;
	field_open(&f);
	/* 0: db 0, user 0; 1: db 0, user 1; 2: db 1, user 1; 3: db 1, user 2 */
	f.user[1].max = 1;
	assert_int_equal(take(&f, 0, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 2, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 3, 0, 1), TAKE_OK);
	assert_int_equal(take(&f, 1, 0, 10), TAKE_FULL_SHARED);
	/* It lacks its user's place: the database's would not help. */
	assert_false(limits_must_give(&f.limits, &f.share[0], 99));
	assert_false(limits_would_help(&f.limits, &f.share[1], &f.share[0]));
	assert_true(limits_must_give(&f.limits, &f.share[2], 99));
	assert_true(limits_would_help(&f.limits, &f.share[1], &f.share[2]));
	assert_false(limits_must_give(&f.limits, &f.share[3], 99));
	/* It has nothing: its due, however long others' servers are idle. */
	assert_true(limits_is_due(&f.limits, &f.share[1], &f.share[2]));
	/* Not for one who is younger, nor for the pool itself. */
	assert_false(limits_must_give(&f.limits, &f.share[2], 10));
	assert_false(limits_must_give(&f.limits, &f.share[1], 99));
	/* A pool that is full by itself wants nobody's place. */
	(void)limits_content(&f.limits, &f.share[1]);
	assert_int_equal(take(&f, 2, 1, 10), TAKE_FULL_POOL);
	assert_false(limits_must_give(&f.limits, &f.share[3], 99));
	field_close(&f);
}

static void
clients_all_or_nothing(void **state)
{
	struct limits l;
	struct budget db = { .max = 2 }, user = { .max = 3 };
	struct budget other = { 0 };

	(void)state;
	limits_init(&l);
	l.clients.max = 4;
	assert_int_equal(limits_take_client(&l, &db, &user), REASON_NONE);
	assert_int_equal(limits_take_client(&l, &db, &user), REASON_NONE);
	assert_int_equal(limits_take_client(&l, &db, &user),
			 REASON_MAX_DB_CLIENTS);
	assert_int_equal(limits_take_client(&l, &other, &user), REASON_NONE);
	assert_int_equal(limits_take_client(&l, &other, &user),
			 REASON_MAX_USER_CLIENTS);
	assert_int_equal(limits_take_client(&l, &other, &other), REASON_NONE);
	assert_int_equal(limits_take_client(&l, &other, &other),
			 REASON_MAX_CLIENTS);
	assert_int_equal(l.clients.used, 4);
	assert_int_equal(db.used, 2);
	assert_int_equal(user.used, 3);
	limits_give_client(&l, &db, &user);
	assert_int_equal(limits_take_client(&l, &db, &user), REASON_NONE);
	limits_fini(&l);
}

/* ------------------------------------------------------------------------
 * Random operations
 */

static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static bool
model_fits(const struct share *s)
{
	return (s->ceiling == 0 || s->used < s->ceiling) &&
	       (s->db->max == 0 || s->db->used < s->db->max) &&
	       (s->user->max == 0 || s->user->used < s->user->max);
}

/* Sums, order, and nobody hungry who could be fed. */
static void
check(struct field *f)
{
	uint32_t db[BUDGETS] = { 0 }, user[BUDGETS] = { 0 }, all = 0;
	uint32_t hungry = 0;
	struct list_node *n, *tmp;
	usec_t last = 0;

	for (unsigned i = 0; i < SHARES; i++) {
		const struct share *s = &f->share[i];

		db[s->db - f->db] += s->used;
		user[s->user - f->user] += s->used;
		all += s->used;
		assert_true(s->tokens <= s->used);
		assert_true(s->tokens == 0 || s->is_posted);
		if (is_hungry(s))
			assert_false(model_fits(s));
	}
	for (unsigned i = 0; i < BUDGETS; i++) {
		assert_int_equal(db[i], f->db[i].used);
		assert_int_equal(user[i], f->user[i].used);
	}
	assert_int_equal(all, f->limits.servers);
	LIST_FOREACH (n, tmp, &f->limits.hungry) {
		const struct share *s = LIST_ENTRY(n, struct share, hungry);

		assert_true(s->since >= last);
		last = s->since;
		hungry++;
	}
	assert_int_equal(hungry, f->limits.hungry_count);
}

static void
feed_all(struct field *f)
{
	bool post;

	while (limits_feed(&f->limits, &post) != NULL)
		;
}

static void
take_as_the_model(struct field *f, struct share *s, uint32_t ceiling,
		  usec_t since)
{
	struct share before = *s;
	enum take expect = TAKE_OK, got;

	before.ceiling = ceiling;
	if (!model_fits(&before))
		expect = ceiling != 0 && s->used >= ceiling ? TAKE_FULL_POOL
							    : TAKE_FULL_SHARED;
	got = limits_take(&f->limits, s, ceiling, since);
	assert_int_equal(got, expect);
	assert_int_equal(s->used, before.used + (got == TAKE_OK));
	assert_int_equal(is_hungry(s), got != TAKE_OK);
}

/* The one with the fewest that fits must have it, the oldest of these, but not
 * the giver if another one has as few. */
static void
give_as_the_model(struct field *f, struct share *s)
{
	struct share *expect = NULL, *got;
	struct list_node *n, *tmp;
	bool post, was_posted = false;

	s->used--;
	s->db->used--;
	s->user->used--;
	LIST_FOREACH (n, tmp, &f->limits.hungry) {
		struct share *h = LIST_ENTRY(n, struct share, hungry);

		if (model_fits(h) &&
		    (expect == NULL || h->used < expect->used ||
		     (expect == s && h->used == expect->used)))
			expect = h;
	}
	s->used++;
	s->db->used++;
	s->user->used++;
	if (expect != NULL)
		was_posted = expect->is_posted;
	got = limits_give(&f->limits, s, &post);
	assert_ptr_equal(got, expect);
	assert_int_equal(post, got != NULL && !was_posted);
	feed_all(f);
}

static void
random_step(struct field *f, uint64_t *seed, usec_t now)
{
	struct share *s = &f->share[next_random(seed) % SHARES];
	uint64_t what = next_random(seed) % 100, age = next_random(seed) % 50;

	if (what < 45) {
		/* A ceiling is the pool's: it stays, mostly. */
		uint32_t ceiling = s->ceiling;

		if (next_random(seed) % 20 == 0)
			ceiling = (uint32_t)(next_random(seed) % 6);
		/* A hungry share's own ceiling is raised only by asking. */
		take_as_the_model(f, s, ceiling, now > age ? now - age : 1);
		feed_all(f);
	} else if (what < 85) {
		if (s->used > s->tokens)
			give_as_the_model(f, s);
	} else if (what < 93) {
		uint32_t tokens = s->tokens;

		assert_int_equal(limits_collect(&f->limits, s), tokens);
		assert_int_equal(s->tokens, 0);
	} else if (what < 97) {
		(void)limits_content(&f->limits, s);
		assert_false(is_hungry(s));
	} else {
		struct budget *b = what == 97 ? s->db : s->user;

		limits_set_max(&f->limits, b,
			       (uint32_t)(next_random(seed) % 8));
		feed_all(f);
	}
}

static void
random_operations(void **state)
{
	static const uint64_t seeds[] = { 1, 77, 4242, 0x9e3779b97f4a7c15 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(seeds); i++) {
		uint64_t seed = seeds[i];
		struct field f;

		field_open(&f);
		f.db[1].max = 3;
		f.user[1].max = 4;
		for (usec_t now = 1; now < 20000; now++) {
			uint32_t over[2 * BUDGETS];

			for (unsigned b = 0; b < BUDGETS; b++) {
				over[b] = f.db[b].used;
				over[BUDGETS + b] = f.user[b].used;
			}
			random_step(&f, &seed, now);
			/* Above its maximum a budget only shrinks. */
			for (unsigned b = 0; b < BUDGETS; b++) {
				if (f.db[b].max != 0 &&
				    f.db[b].used > f.db[b].max)
					assert_true(f.db[b].used <= over[b]);
				if (f.user[b].max != 0 &&
				    f.user[b].used > f.user[b].max)
					assert_true(f.user[b].used <=
						    over[BUDGETS + b]);
			}
			check(&f);
		}
		field_close(&f);
	}
}

/* ------------------------------------------------------------------------
 * Four threads
 */

#define THREADS 4
#define ROUNDS 20000

struct hammer {
	struct field field;
	_Atomic uint32_t tokens[SHARES]; /* collected by no thread yet */
};

struct hammer_thread {
	struct hammer *hammer;
	uint64_t seed;
	uint32_t held[SHARES];
	pthread_t thread;
};

/* As the pools do: a posted token is collected by whoever is asked to. */
static void
collect(struct hammer_thread *t, struct share *s)
{
	struct field *f = &t->hammer->field;

	t->held[s - f->share] += limits_collect(&f->limits, s);
}

static void
hand_back(struct hammer_thread *t, unsigned i)
{
	struct field *f = &t->hammer->field;
	struct share *next;
	bool post;

	t->held[i]--;
	next = limits_give(&f->limits, &f->share[i], &post);
	while (next != NULL) {
		if (post)
			collect(t, next);
		next = limits_feed(&f->limits, &post);
	}
}

/* One look at everything under the lock: what the invariants say. */
static void
look(struct field *f)
{
	lock_take(&f->limits.lock);
	for (unsigned b = 0; b < BUDGETS; b++) {
		ASSERT(f->db[b].max == 0 || f->db[b].used <= f->db[b].max);
		ASSERT(f->user[b].max == 0 ||
		       f->user[b].used <= f->user[b].max);
	}
	lock_give(&f->limits.lock);
}

static void *
hammer_main(void *arg)
{
	struct hammer_thread *t = arg;
	struct field *f = &t->hammer->field;

	for (usec_t now = 1; now <= ROUNDS; now++) {
		unsigned i = (unsigned)(next_random(&t->seed) % SHARES);

		if (next_random(&t->seed) % 2 == 0) {
			if (limits_take(&f->limits, &f->share[i], 5, now) ==
			    TAKE_OK)
				t->held[i]++;
		} else if (t->held[i] > 0) {
			hand_back(t, i);
		}
		if (now % 16 == 0)
			look(f);
		(void)limits_must_give(&f->limits, &f->share[i], now);
	}
	return NULL;
}

static void
four_threads_never_exceed(void **state)
{
	struct hammer hammer = { 0 };
	struct field *f = &hammer.field;
	struct hammer_thread threads[THREADS] = { 0 };

	(void)state;
	field_open(f);
	for (unsigned b = 0; b < BUDGETS; b++) {
		f->db[b].max = 4 + b;
		f->user[b].max = 6 - b;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].hammer = &hammer;
		threads[i].seed = 1000 + i;
		assert_int_equal(pthread_create(&threads[i].thread, NULL,
						hammer_main, &threads[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
	for (unsigned i = 0; i < SHARES; i++) {
		uint32_t held = 0;

		for (unsigned t = 0; t < THREADS; t++)
			held += threads[t].held[i];
		assert_int_equal(held, f->share[i].used);
		assert_int_equal(f->share[i].tokens, 0);
	}
	check(f);
	/* All given back, nothing is left. */
	for (unsigned i = 0; i < SHARES; i++)
		(void)limits_content(&f->limits, &f->share[i]);
	for (unsigned t = 0; t < THREADS; t++)
		for (unsigned i = 0; i < SHARES; i++)
			while (threads[t].held[i] > 0)
				hand_back(&threads[t], i);
	check(f);
	assert_int_equal(f->limits.servers, 0);
	field_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_up_to_each_limit),
		cmocka_unit_test(the_oldest_hungry_pool_is_fed_first),
		cmocka_unit_test(asking_again_keeps_the_place),
		cmocka_unit_test(tokens_are_collected_at_once),
		cmocka_unit_test(a_place_goes_to_the_oldest_that_fits),
		cmocka_unit_test(one_place_may_feed_two_pools),
		cmocka_unit_test(a_raised_maximum_feeds),
		cmocka_unit_test(a_lowered_maximum_only_shrinks),
		cmocka_unit_test(the_richer_pool_gives),
		cmocka_unit_test(wanted_only_where_it_helps),
		cmocka_unit_test(clients_all_or_nothing),
		cmocka_unit_test(random_operations),
		cmocka_unit_test(four_threads_never_exceed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
