/*
 * Servers that were told different things at their start; see world.h.
 */
#include "world_check.h"

#include <time.h>

static struct pool *
open_pool(unsigned workers, unsigned size, unsigned db_max, unsigned min)
{
	static char text[512];

	(void)text_format(text, sizeof(text),
			  "[databases]\na = host=127.0.0.1 pool_size=%u "
			  "max_db_connections=%u min_pool_size=%u "
			  "pool_mode=session\n" WORLD_SETTINGS,
			  size, db_max, min);
	world_open(workers, text);
	return world_pool("a", "u", 0);
}

static void
close_pool(struct pool *p)
{
	deliver_all();
	check_pool(p);
	check_quiet(p);
	pool_unref(p);
	world_close();
}

static struct client *
wanting(struct pool *p, unsigned worker, const char *words)
{
	struct client *c = waiter_of_class(p, worker, words);

	(void)waiter_want(c);
	return c;
}

static void
same_words_make_one_class(void **state)
{
	struct pool *p = open_pool(1, 5, 0, 0);
	struct client *a = waiter_of_class(p, 0, "x"), *b, *c;

	(void)state;
	b = waiter_of_class(p, 0, "x");
	c = waiter_of_class(p, 0, "xy");
	assert_ptr_equal(a->class, b->class);
	assert_ptr_not_equal(a->class, c->class);
	assert_int_equal(a->class->refs, 2);
	done(a);
	done(b);
	done(c);
	assert_true(list_is_empty(&p->classes));
	close_pool(p);
}

static void
a_server_serves_its_class_alone(void **state)
{
	struct pool *p = open_pool(2, 5, 0, 0);
	struct client *a = wanting(p, 0, "x"), *b, *c;
	struct server *first;

	(void)state;
	all_log_in(p);
	assert_non_null(a->server);
	first = a->server;
	done(a);
	b = wanting(p, 1, "y");
	assert_null(b->server);
	assert_int_equal(p->opening, 1);
	assert_int_equal(p->idle, 1);
	c = wanting(p, 0, "x");
	assert_ptr_equal(c->server, first);
	all_log_in(p);
	deliver_all();
	assert_non_null(b->server);
	done(b);
	done(c);
	close_pool(p);
}

/* The pool is full of idle servers of other classes. */
static void
an_idle_server_makes_room(void **state)
{
	struct pool *p = open_pool(2, 2, 0, 0);
	struct client *a = wanting(p, 0, "x"), *b = wanting(p, 1, "y"), *c;

	(void)state;
	all_log_in(p);
	deliver_all();
	done(a);
	world.now += USEC_PER_SEC;
	done(b);
	assert_int_equal(p->idle, 2);
	c = wanting(p, 1, "z");
	deliver_all();
	assert_int_equal(p->held, 2);
	assert_int_equal(p->idle, 1);
	all_log_in(p);
	deliver_all();
	assert_non_null(c->server);
	done(c);
	/* The one that was idle longest went. */
	a = wanting(p, 1, "y");
	assert_non_null(a->server);
	done(a);
	close_pool(p);
}

/* Where servers take turns, the one idle longest stands first. */
static void
the_oldest_makes_room_under_round_robin(void **state)
{
	struct pool *p;
	struct client *a, *b, *c;
	struct server *younger;

	(void)state;
	world_open(1, "[databases]\na = host=127.0.0.1 pool_size=2 "
		      "pool_mode=session\n" WORLD_SETTINGS
		      "server_round_robin = 1\n");
	p = world_pool("a", "u", 0);
	a = wanting(p, 0, "x");
	b = wanting(p, 0, "y");
	all_log_in(p);
	younger = b->server;
	done(a);
	world.now += USEC_PER_SEC;
	done(b);
	c = wanting(p, 0, "z");
	deliver_all();
	assert_int_equal(p->idle, 1);
	assert_ptr_equal(list_first(&p->parts[0].shelf), &younger->node);
	all_log_in(p);
	assert_non_null(c->server);
	done(c);
	close_pool(p);
}

/* As before, where a shared budget is full, not the pool. */
static void
an_idle_server_makes_room_in_a_budget(void **state)
{
	struct pool *p = open_pool(1, 5, 1, 0);
	struct client *a = wanting(p, 0, "x"), *b;

	(void)state;
	all_log_in(p);
	done(a);
	b = wanting(p, 0, "y");
	deliver_all();
	assert_int_equal(p->held, 1);
	all_log_in(p);
	assert_non_null(b->server);
	done(b);
	close_pool(p);
}

/* One place is missing: it comes by a token, and nobody else goes for it. */
static void
one_idle_server_is_enough_in_a_budget(void **state)
{
	struct pool *p = open_pool(1, 5, 2, 0);
	struct client *a = wanting(p, 0, "x"), *b = wanting(p, 0, "y"), *c;

	(void)state;
	all_log_in(p);
	done(a);
	done(b);
	assert_int_equal(p->idle, 2);
	c = wanting(p, 0, "z");
	deliver_all();
	assert_int_equal(p->idle, 1);
	assert_int_equal(p->opening, 1);
	all_log_in(p);
	assert_non_null(c->server);
	done(c);
	close_pool(p);
}

/* While one worker asks the limits another one looks: there may be room. */
static void
nobody_goes_while_the_limits_are_asked(void **state)
{
	struct pool *p = open_pool(2, 5, 5, 0);
	struct client *a = wanting(p, 0, "x"), *b, *c;
	struct worker *w;
	uint32_t n, ceiling;
	usec_t since;

	(void)state;
	all_log_in(p);
	done(a);
	world.core->login_limit = 1;
	pool_pause(p);
	b = wanting(p, 0, "y");
	c = wanting(p, 0, "z");
	p->is_paused = false;
	lock_take(&p->lock);
	n = pool_plan_locked(p, worker_of(0), world.now, &ceiling, &since);
	lock_give(&p->lock);
	assert_int_equal(n, 1);
	w = enter(1);
	pool_dispatch(p, w, world.now);
	leave();
	assert_int_equal(p->idle, 1);
	w = enter(0);
	assert_int_equal(pool_open_planned(p, w, n, ceiling, since), TAKE_OK);
	leave();
	all_log_in(p);
	assert_non_null(b->server);
	assert_non_null(c->server);
	done(b);
	done(c);
	close_pool(p);
}

/* A server that comes free while another class waits goes at once. */
static void
a_freed_server_makes_room(void **state)
{
	struct pool *p = open_pool(1, 1, 0, 0);
	struct client *a = wanting(p, 0, "x"), *b;

	(void)state;
	all_log_in(p);
	b = wanting(p, 0, "y");
	assert_null(b->server);
	done(a);
	deliver_all();
	all_log_in(p);
	assert_non_null(b->server);
	assert_int_equal(p->held, 1);
	done(b);
	close_pool(p);
}

/* A pool whose waiters cannot be helped by what is idle gives that away. */
static void
an_idle_server_goes_to_a_pool_that_needs_the_place(void **state)
{
	struct pool *p = open_pool(1, 5, 2, 0), *q, *r;
	struct client *a = wanting(p, 0, "x"), *b, *c, *d;

	(void)state;
	q = world_pool("a", "v", 0);
	r = world_pool("a", "w", 0);
	all_log_in(p);
	done(a);
	b = wanting(p, 0, "y");
	for (unsigned i = world.server_count; i-- > 0;)
		if (world.servers[i]->class == b->class)
			server_says(world.servers[i], fail_connection);
	assert_int_equal(b->state, CLIENT_WAITING);
	assert_int_equal(p->idle, 1);
	c = wanting(r, 0, "x");
	all_log_in(r);
	assert_non_null(c->server);
	d = wanting(q, 0, "x");
	deliver_all();
	assert_int_equal(p->idle, 0);
	all_log_in(q);
	assert_non_null(d->server);
	done(b);
	done(c);
	done(d);
	deliver_all();
	check_pool(q);
	check_pool(r);
	pool_unref(q);
	pool_unref(r);
	close_pool(p);
}

/* Of its own class it gets the one that has its state, or else the first. */
static void
state_is_compared_within_the_class(void **state)
{
	static const char fronts[3];
	struct pool *p = open_pool(1, 5, 0, 0);
	struct client *c[3] = { wanting(p, 0, "x"), wanting(p, 0, "x"),
				wanting(p, 0, "y") };
	struct server *s[3];
	unsigned expected[] = { 0, 1, 1 };

	(void)state;
	all_log_in(p);
	for (unsigned i = 0; i < 3; i++) {
		s[i] = c[i]->server;
		((struct world_back *)s[i]->back)->like = &fronts[i];
		done(c[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct client *d = waiter_of_class(p, 0, "x");

		d->front = (void *)(uintptr_t)&fronts[i];
		assert_true(waiter_want(d));
		assert_ptr_equal(d->server, s[expected[i]]);
		done(d);
		if (i == 0) { /* back to the order of before */
			d = waiter_of_class(p, 0, "x");
			d->front = (void *)(uintptr_t)&fronts[1];
			assert_true(waiter_want(d));
			done(d);
		}
	}
	close_pool(p);
}

/* What the server refuses to one class is no matter of the others'. */
static void
a_refusal_concerns_its_class(void **state)
{
	struct pool *p = open_pool(2, 5, 0, 0);
	struct client *a = wanting(p, 0, "bad"), *b = wanting(p, 1, "bad");
	struct client *c = wanting(p, 0, "good");

	(void)state;
	for (unsigned i = world.server_count; i-- > 0;)
		if (world.servers[i]->class == a->class)
			server_says(world.servers[i], fail_startup);
	deliver_all();
	assert_int_equal(world.pool_failed, 2);
	assert_int_equal(a->state, CLIENT_CLOSED);
	assert_int_equal(b->state, CLIENT_CLOSED);
	all_log_in(p);
	deliver_all();
	assert_non_null(c->server);
	assert_int_equal(p->failure.reason, REASON_NONE);
	done(a);
	done(b);
	a = wanting(p, 0, "bad"); /* the server is asked again */
	assert_int_equal(a->state, CLIENT_WAITING);
	assert_int_equal(p->opening, 1);
	all_log_in(p);
	assert_non_null(a->server);
	done(a);
	done(c);
	close_pool(p);
}

/* Who is refused later, for another reason, is not told of it. */
static void
an_old_refusal_is_forgotten(void **state)
{
	struct pool *p = open_pool(1, 5, 0, 0);
	struct client *a = wanting(p, 0, "bad");
	struct pool_failure failure;

	(void)state;
	server_says(server_opening(p), fail_startup);
	deliver_all();
	assert_int_equal(a->state, CLIENT_CLOSED);
	pool_failure_copy(p, a->class, world.now, &failure);
	assert_int_equal(failure.reason, REASON_SERVER_LOGIN);
	mem_free(failure.error);
	pass(2 * USEC_PER_SEC);
	pool_failure_copy(p, a->class, world.now, &failure);
	assert_int_equal(failure.reason, REASON_NONE);
	mem_free(failure.error);
	done(a);
	close_pool(p);
}

static void
facts_are_of_a_class(void **state)
{
	struct pool *p = open_pool(1, 5, 0, 0);
	struct client *a = wanting(p, 0, "x"), *b;

	(void)state;
	b = waiter_of_class(p, 0, "y");
	all_log_in(p);
	assert_non_null(pool_facts_ref(p, a->class));
	assert_null(pool_facts_ref(p, b->class));
	assert_null(pool_facts_ref(p, NULL));
	pool_new_epoch(p, 0);
	assert_null(pool_facts_ref(p, a->class));
	done(a);
	done(b);
	close_pool(p);
}

static void
spare_servers_are_of_the_last_class(void **state)
{
	struct pool *p = open_pool(1, 5, 0, 2);
	struct client *a = wanting(p, 0, "x"), *b;

	(void)state;
	all_log_in(p);
	tick(p);
	all_log_in(p);
	assert_int_equal(p->held, 2);
	b = wanting(p, 0, "x");
	assert_non_null(b->server);
	done(a);
	done(b);
	close_pool(p);
}

static usec_t
cpu_time(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

/* So many clients, each of a class of its own, come to a pool of two servers
 * and are all served; a second one is of each class and only looks on. */
static usec_t
cost_of_classes(unsigned n)
{
	struct pool *p = open_pool(2, 2, 0, 0);
	struct client **c = mem_must_zalloc(2 * n * sizeof(struct client *));
	usec_t began = cpu_time(), cost;

	for (unsigned i = 0; i < n; i++) {
		char words[32];

		(void)text_format(words, sizeof(words), "options=%u", i);
		c[n + i] = waiter_of_class(p, i % 2, words);
		c[i] = wanting(p, i % 2, words);
	}
	for (unsigned i = 0; i < n; i++) {
		all_log_in(p);
		deliver_all();
		assert_non_null(c[i]->server);
		done(c[i]);
	}
	cost = cpu_time() - began;
	for (unsigned i = 0; i < n; i++)
		done(c[n + i]);
	mem_free(c);
	close_pool(p);
	return cost;
}

/* What a client costs does not grow with the number of others' classes. */
static void
thousands_of_classes(void **state)
{
	usec_t few = cost_of_classes(500), many = cost_of_classes(5000);

	(void)state;
	print_message("500 classes %llu us, 5000 classes %llu us\n",
		      (unsigned long long)few, (unsigned long long)many);
	assert_true(many < 30 * few + 20 * USEC_PER_MSEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_words_make_one_class),
		cmocka_unit_test(a_server_serves_its_class_alone),
		cmocka_unit_test(an_idle_server_makes_room),
		cmocka_unit_test(the_oldest_makes_room_under_round_robin),
		cmocka_unit_test(an_idle_server_makes_room_in_a_budget),
		cmocka_unit_test(one_idle_server_is_enough_in_a_budget),
		cmocka_unit_test(nobody_goes_while_the_limits_are_asked),
		cmocka_unit_test(
			an_idle_server_goes_to_a_pool_that_needs_the_place),
		cmocka_unit_test(state_is_compared_within_the_class),
		cmocka_unit_test(a_freed_server_makes_room),
		cmocka_unit_test(a_refusal_concerns_its_class),
		cmocka_unit_test(an_old_refusal_is_forgotten),
		cmocka_unit_test(facts_are_of_a_class),
		cmocka_unit_test(spare_servers_are_of_the_last_class),
		cmocka_unit_test(thousands_of_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
