/*
 * Openings of a pool: failures, reserve, new sizes, reload, pause; see world.h.
 */
#include "pool_one.h"

/* ------------------------------------------------------------------------
 * Failures
 */

/* Backs off 200, 400, 800 ms, then every second, less up to a quarter; waiters
 * wait. */
static void
failed_connections_are_tried_again(void **state)
{
	static const unsigned backoff[] = { 200, 400, 800, 1000, 1000 };
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 3 });
	struct client *a = waiter_wanting(p, 0);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(backoff); i++) {
		assert_int_equal(p->opening, 1);
		server_says(server_opening(p), fail_connection);
		assert_int_equal(p->held, 0);
		check_pool(p);
		pass((backoff[i] / 4 * 3 - 1) * USEC_PER_MSEC);
		tick(p);
		assert_int_equal(p->opening, 0);
		assert_int_equal(a->state, CLIENT_WAITING);
		pass((backoff[i] / 4 + 1) * USEC_PER_MSEC);
		tick(p);
	}
	all_log_in(p);
	assert_non_null(a->server);
	assert_int_equal(p->failure.reason, REASON_NONE);
	done(a);
	close_one(p);
}

/* Pools that fail together try again apart from each other. */
static void
retries_are_spread(void **state)
{
	usec_t at[16], low = UINT64_MAX, high = 0;
	struct pool *p;
	struct client *c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		p = open_one(1, 0, (struct sizes){ .size = 1 });
		c = waiter_wanting(p, 0);
		server_says(server_opening(p), fail_connection);
		at[i] = p->failure.retry_at - world.now;
		low = at[i] < low ? at[i] : low;
		high = at[i] > high ? at[i] : high;
		done(c);
		close_one(p);
	}
	assert_in_range(low, 150 * USEC_PER_MSEC, 170 * USEC_PER_MSEC);
	assert_in_range(high, 180 * USEC_PER_MSEC, 200 * USEC_PER_MSEC);
}

/* After a failure one login finds out whether it works again. */
static void
one_login_tries_again(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 8, .min = 6 });
	struct client *w[8];
	struct server *s;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		w[i] = waiter_wanting(p, 0);
	assert_int_equal(p->opening, 5);
	while ((s = server_opening(p)) != NULL)
		server_says(s, fail_connection);
	for (unsigned i = 0; i < 3; i++) {
		pass(USEC_PER_SEC);
		tick(p);
		assert_int_equal(p->opening, 1);
		server_says(server_opening(p), fail_connection);
		assert_int_equal(p->opening, 0);
	}
	pass(USEC_PER_SEC);
	tick(p);
	server_logs_in(server_opening(p));
	assert_int_equal(p->opening, 5);
	all_log_in(p);
	for (unsigned i = 0; i < 8; i++) {
		assert_non_null(w[i]->server);
		done(w[i]);
	}
	close_one(p);
}

/* As many logins at a time as allowed: the next begins when one ends. */
static void
a_finished_login_makes_room_for_the_next(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 8 });
	struct client *w[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		w[i] = waiter_wanting(p, 0);
	assert_int_equal(p->opening, 5);
	server_logs_in(server_opening(p));
	assert_int_equal(p->opening, 5);
	assert_int_equal(p->held, 6);
	all_log_in(p);
	for (unsigned i = 0; i < 8; i++) {
		assert_non_null(w[i]->server);
		done(w[i]);
	}
	close_one(p);
}

/* A connect that fails at once must not loop, whatever the settings say. */
static void
failure_at_once_does_not_loop(void **state)
{
	struct pool *p;
	struct client *a;

	(void)state;
	world_open(
		1,
		"[databases]\na = host=127.0.0.1 pool_size=1\n" WORLD_SETTINGS
		"server_login_retry = 0\n");
	p = world_pool("a", "u", 0);
	world.connect_error = ECONNREFUSED;
	a = waiter_wanting(p, 0);
	assert_int_equal(p->held, 0);
	tick(p);
	world.connect_error = 0;
	pass(USEC_PER_SEC);
	tick(p);
	all_log_in(p);
	assert_non_null(a->server);
	done(a);
	close_one(p);
}

static void
a_pool_failure_fails_waiters(void **state)
{
	struct pool *p = open_one(3, 0, (struct sizes){ .size = 1 });
	struct client *w[3], *late;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		w[i] = waiter_wanting(p, i);
	server_says(server_opening(p), fail_pool);
	check_pool(p);
	deliver_all();
	assert_int_equal(world.pool_failed, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(w[i]->state, CLIENT_CLOSED);
	/* Refused at once until the next try is due. */
	late = waiter_wanting(p, 1);
	assert_int_equal(world.pool_failed, 4);
	pass(16 * USEC_PER_SEC);
	(void)waiter_want(late);
	assert_int_equal(p->opening, 1);
	all_log_in(p);
	deliver_all();
	assert_non_null(late->server);
	done(late);
	for (unsigned i = 0; i < 3; i++)
		client_free(w[i]);
	close_one(p);
}

/* While a server of the pool lives its waiters wait for that. */
static void
a_pool_failure_spares_a_working_pool(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 2 });
	struct client *a = waiter_wanting(p, 0), *b;

	(void)state;
	all_log_in(p);
	b = waiter_wanting(p, 0);
	server_says(server_opening(p), fail_pool);
	deliver_all();
	assert_int_equal(b->state, CLIENT_WAITING);
	waiter_release(a, RESIDUE_NONE);
	assert_non_null(b->server);
	done(a);
	done(b);
	close_one(p);
}

/* The failure is posted to a worker whose waiter came after it recovered. */
static void
a_late_failure_finds_a_recovered_pool(void **state)
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = 1 });
	struct client *a = waiter_wanting(p, 1), *b;

	(void)state;
	server_says(server_opening(p), fail_pool);
	assert_true(deliver_to(0));
	pass(16 * USEC_PER_SEC);
	tick(p);
	server_logs_in(server_opening(p));
	b = waiter_wanting(p, 1);
	deliver_all();
	assert_int_equal(world.pool_failed, 0);
	assert_non_null(a->server);
	done(a);
	deliver_all();
	assert_non_null(b->server);
	done(b);
	close_one(p);
}

/* ------------------------------------------------------------------------
 * Reserve, reload, pause
 */

static void
the_reserve_opens_after_its_time(void **state)
{
	struct pool *p =
		open_one(1, 0, (struct sizes){ .size = 1, .reserve = 1 });
	struct client *a = waiter_wanting(p, 0), *b, *c;

	(void)state;
	all_log_in(p);
	b = waiter_wanting(p, 0);
	c = waiter_wanting(p, 0);
	pass(4 * USEC_PER_SEC);
	tick(p);
	assert_int_equal(p->held, 1);
	pass(USEC_PER_SEC);
	tick(p);
	assert_int_equal(p->held, 2);
	all_log_in(p);
	assert_non_null(b->server);
	assert_null(c->server);
	/* With nobody waiting the reserve goes again. */
	waiter_leave(c);
	waiter_release(b, RESIDUE_NONE);
	assert_int_equal(p->held, 1);
	done(a);
	done(b);
	done(c);
	close_one(p);
}

static struct pool *spare;
static struct client *asks[2];

static void
ask_meanwhile(struct lock *l)
{
	if (l != &spare->lock || spare->opening == 0) {
		world_on_unlock = ask_meanwhile;
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		(void)waiter_want(asks[i]);
}

/* Two come while the limits are asked for a spare server: no turn is lost. */
static void
who_comes_while_a_spare_opens_is_seen(void **state)
{
	struct client *a;

	(void)state;
	spare = open_one(2, 0, (struct sizes){ .size = 5, .min = 1 });
	a = waiter_wanting(spare, 0);
	all_log_in(spare);
	server_dies(a->server);
	assert_int_equal(spare->held, 0);
	for (unsigned i = 0; i < 2; i++)
		asks[i] = waiter_new(spare, 1);
	world_on_unlock = ask_meanwhile;
	tick(spare);
	assert_int_equal(spare->waiting, 2);
	assert_int_equal(spare->opening, 2);
	all_log_in(spare);
	deliver_all();
	for (unsigned i = 0; i < 2; i++) {
		assert_non_null(asks[i]->server);
		done(asks[i]);
	}
	done(a);
	close_one(spare);
}

/* A waiter whose worker's clock is ahead does not open the reserve. */
static void
clocks_of_workers_differ(void **state)
{
	struct pool *p =
		open_one(2, 0, (struct sizes){ .size = 1, .reserve = 1 });
	struct client *a = waiter_wanting(p, 0), *b;
	usec_t now;

	(void)state;
	all_log_in(p);
	now = world.now;
	world.now += 300;
	b = waiter_wanting(p, 1);
	world.now = now;
	tick(p);
	assert_int_equal(p->held, 1);
	done(a);
	deliver_all();
	done(b);
	close_one(p);
}

static void
shrinking_closes_at_checkin(void **state)
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = 4 });
	struct client *w[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		w[i] = waiter_wanting(p, i % 2);
	all_log_in(p);
	deliver_all();
	waiter_release(w[3], RESIDUE_NONE);
	world_reload(one_pool((struct sizes){ .size = 2 }));
	deliver_all();
	assert_int_equal(p->held, 3); /* the idle one went in the sweep */
	waiter_release(w[2], RESIDUE_NONE);
	assert_int_equal(p->held, 2);
	waiter_release(w[1], RESIDUE_NONE);
	assert_int_equal(p->held, 2);
	check_pool(p);
	for (unsigned i = 0; i < 4; i++)
		done(w[i]);
	close_one(p);
}

static void
growing_serves_who_waits(void **state)
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = 1 });
	struct client *w[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		w[i] = waiter_wanting(p, 1);
	all_log_in(p);
	deliver_all();
	world_reload(one_pool((struct sizes){ .size = 3 }));
	deliver_all();
	assert_int_equal(p->held, 3);
	all_log_in(p);
	deliver_all();
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(w[i]->server);
	for (unsigned i = 0; i < 3; i++)
		done(w[i]);
	close_one(p);
}

/* A raised max_db_connections serves the pool that is hungry for it. */
static void
a_raised_budget_serves_who_waits(void **state)
{
	struct pool *p =
		open_one(2, 0, (struct sizes){ .size = 5, .db_max = 1 });
	struct client *a = waiter_wanting(p, 0), *b;

	(void)state;
	all_log_in(p);
	b = waiter_wanting(p, 1);
	assert_true(p->is_hungry);
	world_reload(one_pool((struct sizes){ .size = 5, .db_max = 2 }));
	deliver_all();
	all_log_in(p);
	deliver_all();
	assert_non_null(b->server);
	done(a);
	done(b);
	close_one(p);
}

/* The first of two reloads ends when the second is in force already. */
static void
a_reload_behind_another_brings_nothing_back(void **state)
{
	struct pool *p =
		open_one(2, 0, (struct sizes){ .size = 5, .db_max = 1 });
	struct client *a = waiter_wanting(p, 0), *b;

	(void)state;
	all_log_in(p);
	b = waiter_wanting(p, 1);
	world_reload(one_pool((struct sizes){ .size = 5, .db_max = 2 }));
	world_reload(one_pool((struct sizes){ .size = 5, .db_max = 1 }));
	/* The hungry one was told of the place, and has it. */
	while (deliver_any())
		assert_int_equal(p->db->servers.max, 1);
	all_log_in(p);
	deliver_all();
	done(a);
	assert_non_null(b->server);
	done(b);
	close_one(p);
}

/* Nothing is opened at the new address by who still has the old snapshot. */
static void
a_worker_that_lags_opens_nothing(void **state)
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = 2 });
	struct client *a = waiter_wanting(p, 1), *b;

	(void)state;
	all_log_in(p);
	deliver_all();
	world_reload(
		"[databases]\na = host=127.0.0.2 pool_size=2\n" WORLD_SETTINGS);
	assert_int_equal(core_close_pending(world.core, "a"), 1);
	b = waiter_wanting(p, 1); /* before worker 1 swapped */
	assert_int_equal(p->opening, 0);
	deliver_all();
	tick(p);
	assert_int_equal(p->opening, 1);
	assert_string_equal(server_opening(p)->host, "127.0.0.2");
	all_log_in(p);
	deliver_all();
	assert_non_null(b->server);
	done(a);
	assert_int_equal(core_close_pending(world.core, "a"), 0);
	done(b);
	close_one(p);
}

/* A server that logs in across a reload is not taken for a current one. */
static void
a_login_across_a_reload(void **state)
{
	struct pool *p = open_one(1, 0, (struct sizes){ .size = 1 });
	struct client *a = waiter_wanting(p, 0);
	struct server *old = server_opening(p);

	(void)state;
	world_reload(
		"[databases]\na = host=127.0.0.2 pool_size=1\n" WORLD_SETTINGS);
	deliver_all();
	server_logs_in(old);
	deliver_all();
	assert_null(a->server);
	assert_null(pool_facts_ref(p, NULL));
	all_log_in(p);
	assert_non_null(a->server);
	assert_string_equal(a->server->host, "127.0.0.2");
	done(a);
	close_one(p);
}

static void
pause_and_resume(void **state)
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = 2 });
	struct client *a = waiter_wanting(p, 0), *b = waiter_wanting(p, 1);
	struct client *c;

	(void)state;
	all_log_in(p);
	deliver_all();
	waiter_release(b, RESIDUE_NONE);
	assert_int_equal(core_pause(world.core, "a"), VERB_OK);
	assert_int_equal(core_pause(world.core, "a"), VERB_ALREADY);
	deliver_all();
	assert_int_equal(p->idle, 0); /* swept */
	assert_int_equal(core_pause_pending(world.core, "a"), 1);
	c = waiter_wanting(p, 0);
	tick(p);
	assert_int_equal(p->opening, 0);
	waiter_release(a, RESIDUE_NONE);
	assert_int_equal(p->held, 0);
	assert_int_equal(core_pause_pending(world.core, "a"), 0);
	check_pool(p);
	assert_int_equal(core_resume(world.core, "a"), VERB_OK);
	deliver_all();
	assert_int_equal(p->opening, 1);
	all_log_in(p);
	assert_non_null(c->server);
	done(a);
	done(b);
	done(c);
	close_one(p);
}

static void
a_removed_database_fails_waiters(void **state)
{
	struct pool *p = open_one(2, 0, (struct sizes){ .size = 1 });
	struct client *a = waiter_wanting(p, 0), *b;

	(void)state;
	all_log_in(p);
	b = waiter_wanting(p, 1);
	world_reload("[databases]\nother = host=127.0.0.1\n" WORLD_SETTINGS);
	deliver_all();
	assert_int_equal(b->state, CLIENT_CLOSED);
	waiter_release(a, RESIDUE_NONE);
	assert_int_equal(p->held, 0);
	/* It comes back. */
	world_reload(one_pool((struct sizes){ .size = 1 }));
	deliver_all();
	(void)waiter_want(a);
	all_log_in(p);
	deliver_all();
	assert_non_null(a->server);
	done(a);
	done(b);
	close_one(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_connections_are_tried_again),
		cmocka_unit_test(retries_are_spread),
		cmocka_unit_test(one_login_tries_again),
		cmocka_unit_test(a_finished_login_makes_room_for_the_next),
		cmocka_unit_test(failure_at_once_does_not_loop),
		cmocka_unit_test(a_pool_failure_fails_waiters),
		cmocka_unit_test(a_pool_failure_spares_a_working_pool),
		cmocka_unit_test(a_late_failure_finds_a_recovered_pool),
		cmocka_unit_test(the_reserve_opens_after_its_time),
		cmocka_unit_test(who_comes_while_a_spare_opens_is_seen),
		cmocka_unit_test(clocks_of_workers_differ),
		cmocka_unit_test(shrinking_closes_at_checkin),
		cmocka_unit_test(growing_serves_who_waits),
		cmocka_unit_test(a_raised_budget_serves_who_waits),
		cmocka_unit_test(a_reload_behind_another_brings_nothing_back),
		cmocka_unit_test(a_worker_that_lags_opens_nothing),
		cmocka_unit_test(a_login_across_a_reload),
		cmocka_unit_test(pause_and_resume),
		cmocka_unit_test(a_removed_database_fails_waiters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
