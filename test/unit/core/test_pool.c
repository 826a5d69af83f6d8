/*
 * The pool: plain ways, the queue, and races between workers as scripts; see
 * world.h.
 */
#include "pool_one.h"

/* ------------------------------------------------------------------------
 * Plain ways
 */

static void
opens_lends_and_shelves(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 2 });
	struct client *a, *b, *c;
	struct server *first;

	(void)state;
	a = waiter_wanting(p, 0);
	assert_int_equal(p->opening, 1);
	b = waiter_wanting(p, 0);
	c = waiter_wanting(p, 0);
	assert_int_equal(p->opening, 2); /* the size, not the waiters */
	all_log_in(p);
	check_pool(p);
	assert_non_null(a->server);
	assert_non_null(b->server);
	assert_null(c->server);
	first = a->server;
	waiter_release(a, RESIDUE_NONE);
	assert_ptr_equal(c->server, first);
	waiter_release(b, RESIDUE_NONE);
	assert_int_equal(p->idle, 1);
	assert_true(waiter_want(a)); /* the short cut */
	assert_int_equal(p->idle, 0);
	check_pool(p);
	done(a);
	done(b);
	done(c);
	assert_int_equal(world.opened, 2);
	assert_int_equal(p->idle, 2);
	close_one(p);
}

static void
resets_before_the_shelf(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 1 });
	struct client *a = waiter_wanting(p, 0), *b;
	struct world_back *back;
	struct server *s;

	(void)state;
	all_log_in(p);
	s = a->server;
	back = s->back;
	back->resets = true;
	waiter_release(a, RESIDUE_RESET);
	assert_int_equal(s->state, SERVER_RESETTING);
	assert_int_equal(p->in_use, 1);
	b = waiter_wanting(p, 0);
	assert_null(b->server);
	check_pool(p);
	back->view.owed = 0;
	server_says(s, order_plain(ORDER_BOUNDARY));
	assert_ptr_equal(b->server, s);
	/* What must not be reused is not, and another one is opened. */
	(void)waiter_want(a);
	waiter_release(b, RESIDUE_CLOSE);
	assert_int_equal(world.closed, 1);
	all_log_in(p);
	assert_non_null(a->server);
	done(a);
	done(b);
	close_one(p);
}

static void
min_size_is_kept_once_used(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 5, .min = 3 });
	struct client *a;

	(void)state;
	tick(p);
	assert_int_equal(p->held, 0); /* nobody ever came */
	a = waiter_wanting(p, 0);
	tick(p);
	assert_int_equal(p->opening, 3);
	all_log_in(p);
	assert_int_equal(p->idle, 2);
	done(a);
	pass(601 * USEC_PER_SEC); /* server_idle_timeout spares them */
	tick(p);
	assert_int_equal(p->held, 3);
	close_one(p);
}

static void
lifetime_ends_at_checkin(void **state)
{
	struct pool *p =
		open_one(1, 0, (struct sizes){ .size = 2, .lifetime = 100 });
	struct client *a = waiter_wanting(p, 0), *b = waiter_wanting(p, 0);

	(void)state;
	all_log_in(p);
	waiter_release(b, RESIDUE_NONE);
	pass(101 * USEC_PER_SEC);
	assert_int_equal(world.closed, 1); /* the idle one, by its timer */
	assert_non_null(a->server);
	waiter_release(a, RESIDUE_NONE);
	assert_int_equal(world.closed, 2);
	assert_int_equal(p->held, 0);
	check_pool(p);
	done(a);
	done(b);
	close_one(p);
}

/* Servers that were opened together end one by one: at most a tenth early, and
 * never more than a few in one second. */
static void
lifetimes_are_spread(void **state)
{
	enum { SERVERS = 200 };
	struct pool *p = open_one(
		2, 0, (struct sizes){ .size = SERVERS, .lifetime = 100 });
	struct client *c[SERVERS];
	unsigned before;

	(void)state;
	for (unsigned i = 0; i < SERVERS; i++)
		c[i] = waiter_wanting(p, 0);
	all_log_in(p);
	for (unsigned i = 0; i < SERVERS; i++)
		done(c[i]);
	assert_int_equal(p->idle, SERVERS);
	pass(89 * USEC_PER_SEC);
	assert_int_equal(world.closed, 0);
	for (unsigned s = 89; s < 101; s++) {
		before = world.closed;
		pass(USEC_PER_SEC);
		assert_in_range(world.closed - before, 0, SERVERS / 5);
	}
	assert_int_equal(world.closed, SERVERS);
	close_one(p);
}

/* A server of lifetime 0 serves once: not never, not twice. */
static void
lifetime_zero_serves_once(void **state)
{
	struct pool *p;
	struct client *a;

	(void)state;
	world_open(
		1,
		"[databases]\na = host=127.0.0.1 pool_size=1\n" WORLD_SETTINGS
		"server_lifetime = 0\n");
	p = world_pool("a", "u", 0);
	a = waiter_wanting(p, 0);
	all_log_in(p);
	assert_non_null(a->server);
	waiter_release(a, RESIDUE_NONE);
	assert_int_equal(world.closed, 1);
	assert_int_equal(p->held, 0);
	(void)waiter_want(a);
	all_log_in(p);
	assert_non_null(a->server);
	done(a);
	close_one(p);
}

static void
idle_servers_end_by_their_timer(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 2 });
	struct client *a = waiter_wanting(p, 0);

	(void)state;
	all_log_in(p);
	done(a);
	pass(300 * USEC_PER_SEC);
	assert_int_equal(p->idle, 1);
	pass(301 * USEC_PER_SEC);
	assert_int_equal(p->held, 0);
	close_one(p);
}

/* ------------------------------------------------------------------------
 * The queue
 */

static void
first_come_first_served(void **state)
{
	struct pool *p = open_one(3, 0, (struct sizes){ .size = 1 });
	struct client *holder = waiter_wanting(p, 0), *w[6];

	(void)state;
	deliver_all();
	all_log_in(p);
	for (unsigned i = 0; i < 6; i++) {
		pass(2 * USEC_PER_MSEC);
		w[i] = waiter_wanting(p, i % 3);
	}
	for (unsigned i = 0; i < 6; i++) {
		struct client *now = i == 0 ? holder : w[i - 1];

		waiter_release(now, RESIDUE_NONE);
		check_pool(p);
		deliver_all();
		assert_non_null(w[i]->server);
		check_pool(p);
	}
	for (unsigned i = 0; i < 6; i++)
		done(w[i]);
	done(holder);
	close_one(p);
}

/* A waiter of the server's worker may pass an older one by 1 ms, not more. */
static void
local_waiters_pass_by_a_millisecond(void **state)
{
	static const struct {
		usec_t apart;
		bool passes;
	} cases[] = { { 0, true },
		      { 900, true },
		      { 1000, true },
		      { 1001, false },
		      { 5000, false } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pool *p = open_one(2, 0, (struct sizes){ .size = 1 });
		struct client *holder = waiter_wanting(p, 0), *far, *near;

		all_log_in(p);
		far = waiter_wanting(p, 1);
		world.now += cases[i].apart;
		near = waiter_wanting(p, 0);
		waiter_release(holder, RESIDUE_NONE);
		deliver_all();
		assert_int_equal(near->server != NULL, cases[i].passes);
		assert_int_equal(far->server != NULL, !cases[i].passes);
		done(near);
		done(far);
		done(holder);
		close_one(p);
	}
}

/* An idle server of another worker is fetched rather than one opened. */
static void
fetches_from_another_worker(void **state)
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = 4 });
	struct client *a = waiter_wanting(p, 0), *b;
	struct server *s;

	(void)state;
	all_log_in(p);
	s = a->server;
	waiter_release(a, RESIDUE_NONE);
	b = waiter_wanting(p, 1);
	assert_null(b->server);
	assert_int_equal(b->tenure->ticket.state, TICKET_BOUND);
	assert_int_equal(s->state, SERVER_IDLE); /* its worker knows nothing */
	check_pool(p);
	assert_true(deliver_to(0));
	assert_int_equal(s->state, SERVER_MOVING);
	check_pool(p);
	assert_true(deliver_to(1));
	assert_ptr_equal(b->server, s);
	assert_int_equal(world.opened, 1);
	done(b);
	done(a);
	assert_int_equal(p->parts[1].idle, 1);
	close_one(p);
}

/* ------------------------------------------------------------------------
 * Which of the idle servers
 */

enum { SHELF = 6 };

/* SHELF idle servers on worker 0, the nth like fronts[n]; the last is next. */
static struct pool *
open_shelf(const char *fronts, struct server *servers[SHELF])
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = SHELF });
	struct client *c[SHELF];

	for (unsigned i = 0; i < SHELF; i++)
		c[i] = waiter_wanting(p, 0);
	for (unsigned i = 0; i < SHELF; i++)
		all_log_in(p);
	for (unsigned i = 0; i < SHELF; i++) {
		servers[i] = c[i]->server;
		((struct world_back *)servers[i]->back)->like = &fronts[i];
		done(c[i]);
	}
	assert_int_equal(p->idle, SHELF);
	return p;
}

static struct client *
waiter_like(struct pool *p, unsigned worker, const char *front)
{
	struct client *c = waiter_new(p, worker);

	c->front = (void *)(uintptr_t)front;
	assert_int_equal(waiter_want(c), worker == 0);
	return c;
}

/* One of the next few that has the client's state goes before its turn. */
static void
a_server_of_equal_state_is_preferred(void **state)
{
	static const char fronts[SHELF + 1];
	struct server *s[SHELF];
	struct pool *p = open_shelf(fronts, s);
	struct client *c;
	static const struct {
		unsigned front, expected;
	} cases[] = {
		{ 5, 5 },               /* the next one, as ever */
		{ 4, 4 },     { 2, 2 }, /* the last that is looked at */
		{ 1, 5 },               /* too far down */
		{ SHELF, 5 },           /* like none */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		c = waiter_like(p, 0, &fronts[cases[i].front]);
		assert_ptr_equal(c->server, s[cases[i].expected]);
		check_pool(p);
		done(c);
		/* Back to the order of before. */
		for (unsigned n = 0; n < SHELF; n++) {
			lock_take(&p->lock);
			list_remove(&s[n]->node);
			list_push_front(&p->parts[0].shelf, &s[n]->node);
			lock_give(&p->lock);
		}
	}
	close_one(p);
}

/* Neither for a login, whose state is not known, nor on another's shelf. */
static void
state_is_compared_only_where_it_is_known(void **state)
{
	static const char fronts[SHELF];
	struct server *s[SHELF];
	struct pool *p = open_shelf(fronts, s);
	struct client *c = waiter_new(p, 0);

	(void)state;
	c->is_login = true;
	c->front = (void *)(uintptr_t)&fronts[3];
	assert_true(waiter_want(c));
	assert_ptr_equal(c->server, s[5]);
	done(c);
	c = waiter_like(p, 1, &fronts[3]);
	deliver_all();
	assert_ptr_equal(c->server, s[5]);
	done(c);
	close_one(p);
}

/* ------------------------------------------------------------------------
 * Races of a moving server
 */

struct move {
	struct pool *p;
	struct client *waiter;
	struct server *s;
};

/* A server idle on worker 0, claimed for a waiter of worker 1. */
static struct move
start_move(struct sizes sizes)
{
	struct move m = { .p = open_one(3, 0, sizes) };
	struct client *a = waiter_wanting(m.p, 0);

	deliver_all();
	all_log_in(m.p);
	m.s = a->server;
	done(a);
	world.now += 10;
	m.waiter = waiter_wanting(m.p, 1);
	assert_ptr_equal(m.waiter->tenure->ticket.server, m.s);
	return m;
}

/* The waiter leaves: before the mail, or while the server is on its way. */
static void
waiter_leaves_a_moving_server(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct move m = start_move((struct sizes){ .size = 1 });

		if (late)
			assert_true(deliver_to(0));
		waiter_leave(m.waiter);
		assert_int_equal(m.waiter->tenure->ticket.state, TICKET_NONE);
		assert_null(m.s->ticket);
		check_pool(m.p);
		deliver_all();
		assert_int_equal(m.s->state, SERVER_IDLE);
		assert_int_equal(m.p->idle, 1);
		assert_int_equal(m.p->parts[late].idle, 1);
		done(m.waiter);
		close_one(m.p);
	}
}

/* The waiter leaves, another one waits elsewhere: it gets the server. */
static void
a_moving_server_finds_another_waiter(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++)
		for (unsigned where = 0; where < 3; where++) {
			struct move m = start_move((struct sizes){ .size = 1 });
			struct client *next = waiter_wanting(m.p, where);

			if (late == 1)
				assert_true(deliver_to(0));
			waiter_leave(m.waiter);
			deliver_all();
			assert_ptr_equal(next->server, m.s);
			assert_int_equal(m.s->worker->id, where);
			check_pool(m.p);
			done(next);
			done(m.waiter);
			close_one(m.p);
		}
}

/* It dies after it was claimed: the waiter keeps its place before others. */
static void
a_claimed_server_dies(void **state)
{
	struct move m = start_move((struct sizes){ .size = 1 });
	usec_t since = m.waiter->tenure->ticket.since;
	struct client *later;

	(void)state;
	world.now += 5 * USEC_PER_MSEC;
	later = waiter_wanting(m.p, 1);
	server_dies(m.s);
	assert_true(m.s->is_dead);
	assert_int_equal(world.closed, 0); /* it will be asked for by mail */
	check_pool(m.p);
	assert_true(deliver_to(0));
	assert_int_equal(world.closed, 1);
	assert_int_equal(m.waiter->tenure->ticket.state, TICKET_QUEUED);
	assert_int_equal(m.waiter->tenure->ticket.since, since);
	check_pool(m.p);
	deliver_all();
	assert_int_equal(m.p->opening, 1);
	all_log_in(m.p);
	deliver_all();
	assert_non_null(m.waiter->server);
	assert_null(later->server);
	done(m.waiter);
	deliver_all();
	assert_non_null(later->server);
	done(later);
	close_one(m.p);
}

/* ... and its waiter had left already: the claim is nobody's. */
static void
a_claimed_server_dies_unwanted(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct move m = start_move((struct sizes){ .size = 1 });

		if (first == 0)
			waiter_leave(m.waiter);
		server_dies(m.s);
		if (first == 1)
			waiter_leave(m.waiter);
		check_pool(m.p);
		deliver_all();
		assert_int_equal(m.p->held, 0);
		assert_int_equal(world.closed, 1);
		done(m.waiter);
		close_one(m.p);
	}
}

/* Data came to it meanwhile: it cannot move, the waiter keeps its place. */
static void
an_unfit_server_does_not_move(void **state)
{
	struct move m = start_move((struct sizes){ .size = 1 });

	(void)state;
	m.s->stream.hung_up = true;
	assert_true(deliver_to(0));
	assert_int_equal(world.closed, 1);
	deliver_all();
	all_log_in(m.p);
	deliver_all();
	assert_non_null(m.waiter->server);
	done(m.waiter);
	close_one(m.p);
}

/* A reload makes it outdated on its way: who waited has it, and only once. */
static void
an_epoch_begins_during_a_move(void **state)
{
	struct move m = start_move((struct sizes){ .size = 1 });

	(void)state;
	assert_int_equal(core_reconnect(world.core, "a"), VERB_OK);
	assert_int_equal(core_close_pending(world.core, "a"), 1);
	deliver_all();
	if (m.waiter->server == NULL) {
		all_log_in(m.p);
		deliver_all();
	}
	assert_non_null(m.waiter->server);
	check_pool(m.p);
	done(m.waiter);
	deliver_all();
	assert_int_equal(core_close_pending(world.core, "a"), 0);
	close_one(m.p);
}

static void
pause_during_a_move(void **state)
{
	struct move m = start_move((struct sizes){ .size = 1 });

	(void)state;
	assert_int_equal(core_pause(world.core, NULL), VERB_OK);
	deliver_all();
	/* Claimed before: it may be served, then nothing is kept. */
	if (m.waiter->server != NULL)
		waiter_release(m.waiter, RESIDUE_NONE);
	deliver_all();
	assert_int_equal(m.p->held, 0);
	assert_int_equal(core_pause_pending(world.core, NULL), 0);
	(void)core_resume(world.core, NULL);
	done(m.waiter);
	close_one(m.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_lends_and_shelves),
		cmocka_unit_test(resets_before_the_shelf),
		cmocka_unit_test(min_size_is_kept_once_used),
		cmocka_unit_test(lifetime_ends_at_checkin),
		cmocka_unit_test(lifetimes_are_spread),
		cmocka_unit_test(lifetime_zero_serves_once),
		cmocka_unit_test(idle_servers_end_by_their_timer),
		cmocka_unit_test(first_come_first_served),
		cmocka_unit_test(local_waiters_pass_by_a_millisecond),
		cmocka_unit_test(a_server_of_equal_state_is_preferred),
		cmocka_unit_test(state_is_compared_only_where_it_is_known),
		cmocka_unit_test(fetches_from_another_worker),
		cmocka_unit_test(waiter_leaves_a_moving_server),
		cmocka_unit_test(a_moving_server_finds_another_waiter),
		cmocka_unit_test(a_claimed_server_dies),
		cmocka_unit_test(a_claimed_server_dies_unwanted),
		cmocka_unit_test(an_unfit_server_does_not_move),
		cmocka_unit_test(an_epoch_begins_during_a_move),
		cmocka_unit_test(pause_during_a_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
