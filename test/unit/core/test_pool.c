/*
 * The pool: plain ways, and races between workers as scripts; see world.h.
 */
#include "world_check.h"

#define ONE_POOL                                                               \
	"[databases]\n"                                                        \
	"a = host=127.0.0.1 pool_size=%u reserve_pool_size=%u "                \
	"min_pool_size=%u max_db_connections=%u\n" WORLD_SETTINGS              \
	"reserve_pool_timeout = 5\nserver_lifetime = %u\n"                     \
	"server_login_retry = 15\nserver_idle_timeout = 600\n"

struct sizes {
	unsigned size, reserve, min, db_max, lifetime;
};

static const char *
one_pool(struct sizes s)
{
	static char text[1024];

	(void)text_format(text, sizeof(text), ONE_POOL, s.size, s.reserve,
			  s.min, s.db_max, s.lifetime == 0 ? 3600 : s.lifetime);
	return text;
}

static struct pool *
open_one(unsigned workers, unsigned home, struct sizes sizes)
{
	world_open(workers, one_pool(sizes));
	world.on_connect = check_opening;
	return world_pool("a", "u", home);
}

static void
close_one(struct pool *p)
{
	check_pool(p);
	deliver_all();
	check_pool(p);
	check_quiet(p);
	pool_unref(p);
	world_close();
}

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

/* ------------------------------------------------------------------------
 * Failures
 */

/* Backs off 200, 400, 800 ms, then every second; waiters wait. */
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
		pass((backoff[i] - 1) * USEC_PER_MSEC);
		tick(p);
		assert_int_equal(p->opening, 0);
		assert_int_equal(a->state, CLIENT_WAITING);
		pass(USEC_PER_MSEC);
		tick(p);
	}
	all_log_in(p);
	assert_non_null(a->server);
	assert_int_equal(p->failure.reason, REASON_NONE);
	done(a);
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
	assert_null(p->facts);
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

/* ------------------------------------------------------------------------
 * Pools that share a budget
 */

struct pair {
	struct pool *p, *q; /* database a, users u and v */
};

static struct pair
open_pair(unsigned workers, struct sizes sizes)
{
	struct pair pair;

	world_open(workers, one_pool(sizes));
	world.on_connect = check_opening;
	pair.p = world_pool("a", "u", 0);
	pair.q = world_pool("a", "v", workers - 1);
	return pair;
}

static void
close_pair(struct pair *pair)
{
	check_pool(pair->q);
	pool_unref(pair->q);
	close_one(pair->p);
}

static void
a_hungry_pool_gets_the_place(void **state)
{
	struct pair x = open_pair(2, (struct sizes){ .size = 5, .db_max = 1 });
	struct client *a = waiter_wanting(x.p, 0), *b;

	(void)state;
	all_log_in(x.p);
	world.now += USEC_PER_SEC;
	b = waiter_wanting(x.q, 0);
	assert_true(x.q->is_hungry);
	deliver_all();
	assert_int_equal(x.q->held, 0);
	world.now += USEC_PER_SEC;
	/* Nobody waits here, somebody waits there: closed, not shelved. */
	waiter_release(a, RESIDUE_NONE);
	assert_int_equal(x.p->held, 0);
	check_pool(x.p);
	check_pool(x.q);
	assert_int_equal(x.q->share.tokens, 1);
	deliver_all();
	assert_int_equal(x.q->opening, 1);
	assert_false(x.q->is_hungry);
	all_log_in(x.q);
	deliver_all();
	assert_non_null(b->server);
	done(a);
	done(b);
	close_pair(&x);
}

static void
a_hungry_pool_evicts_an_idle_server(void **state)
{
	struct pair x = open_pair(3, (struct sizes){ .size = 5, .db_max = 2 });
	struct client *a = waiter_wanting(x.p, 0), *b = waiter_wanting(x.p, 1);
	struct client *c;
	uint64_t older;

	(void)state;
	all_log_in(x.p);
	deliver_all();
	older = a->server->id;
	done(a);
	world.now += USEC_PER_SEC;
	done(b);
	assert_int_equal(x.p->idle, 2);
	c = waiter_wanting(x.q, 2);
	deliver_all();
	assert_int_equal(x.p->idle, 1);
	for (unsigned i = 0; i < world.server_count; i++)
		assert_int_not_equal(world.servers[i]->id, older);
	all_log_in(x.q);
	deliver_all();
	assert_non_null(c->server);
	check_pool(x.p);
	check_pool(x.q);
	done(c);
	close_pair(&x);
}

/* The token comes when nobody waits any more: the place goes on. */
static void
an_unused_token_goes_on(void **state)
{
	struct pair x = open_pair(2, (struct sizes){ .size = 5, .db_max = 1 });
	struct client *a = waiter_wanting(x.p, 0), *b, *c;

	(void)state;
	all_log_in(x.p);
	world.now += 10;
	b = waiter_wanting(x.q, 1);
	world.now += 10;
	c = waiter_wanting(x.p, 0);
	/* p serves its own waiter; then its server dies and q is older. */
	server_dies(a->server);
	assert_int_equal(x.q->share.tokens, 1);
	waiter_leave(b);
	assert_true(x.p->is_hungry);
	deliver_all();
	assert_int_equal(x.q->share.tokens, 0);
	assert_int_equal(x.p->opening, 1);
	all_log_in(x.p);
	deliver_all();
	assert_non_null(c->server);
	done(a);
	done(b);
	done(c);
	close_pair(&x);
}

/* Its last waiter left: nobody closes servers for it any more. */
static void
hunger_ends_with_the_last_waiter(void **state)
{
	struct pair x = open_pair(2, (struct sizes){ .size = 5, .db_max = 1 });
	struct client *a = waiter_wanting(x.p, 0), *b;

	(void)state;
	all_log_in(x.p);
	world.now += 10;
	b = waiter_wanting(x.q, 1);
	waiter_leave(b);
	assert_false(x.q->is_hungry);
	assert_int_equal(world.core->limits.hungry_count, 0);
	world.now += 10;
	waiter_release(a, RESIDUE_NONE);
	assert_int_equal(x.p->idle, 1);
	done(a);
	done(b);
	close_pair(&x);
}

/* min_pool_size of two pools that cannot both have theirs: no churn. */
static void
spare_servers_evict_nobody(void **state)
{
	struct pair x = open_pair(
		1, (struct sizes){ .size = 5, .min = 2, .db_max = 3 });
	struct client *a = waiter_wanting(x.p, 0), *b;
	unsigned opened;

	(void)state;
	all_log_in(x.p);
	b = waiter_wanting(x.q, 0);
	all_log_in(x.q);
	done(a);
	done(b);
	for (int i = 0; i < 3; i++) {
		tick(x.p);
		tick(x.q);
		deliver_all();
		all_log_in(x.p);
		all_log_in(x.q);
	}
	assert_int_equal(x.p->held + x.q->held, 3);
	opened = world.opened;
	for (int i = 0; i < 5; i++) {
		tick(x.p);
		tick(x.q);
		deliver_all();
		all_log_in(x.p);
		all_log_in(x.q);
	}
	assert_int_equal(world.opened, opened);
	close_pair(&x);
}

/* A place that does not help is not given up: the user's budget is full. */
static void
useless_places_are_kept(void **state)
{
	struct pool *p, *q, *r;
	struct client *a, *b, *c;

	(void)state;
	world_open(1, "[databases]\na = host=127.0.0.1\nb = host=127.0.0.1\n"
		      "[users]\nv = max_user_connections=1\n" WORLD_SETTINGS
		      "max_db_connections = 5\n");
	p = world_pool("a", "u", 0);
	q = world_pool("a", "v", 0);
	r = world_pool("b", "v", 0);
	a = waiter_wanting(p, 0);
	b = waiter_wanting(r, 0);
	all_log_in(p);
	all_log_in(r);
	world.now += 10;
	c = waiter_wanting(q, 0); /* v is full */
	assert_true(q->is_hungry);
	world.now += 10;
	waiter_release(a, RESIDUE_NONE);
	deliver_all();
	assert_int_equal(p->idle, 1);
	assert_int_equal(world.closed, 0);
	waiter_release(b, RESIDUE_NONE); /* this one helps */
	deliver_all();
	assert_int_equal(r->held, 0);
	all_log_in(q);
	assert_non_null(c->server);
	done(a);
	done(b);
	done(c);
	pool_unref(q);
	pool_unref(r);
	close_one(p);
}

/* A pool that nobody uses is forgotten, hungry or not, and can come again. */
static void
hungry_pools_can_be_forgotten(void **state)
{
	struct pair x = open_pair(1, (struct sizes){ .size = 5, .db_max = 1 });
	struct client *a = waiter_wanting(x.p, 0), *b;

	(void)state;
	all_log_in(x.p);
	world.now += 10;
	b = waiter_wanting(x.q, 0);
	done(b);
	enter(0);
	assert_true(limits_content(&world.core->limits, &x.q->share));
	pool_unref(x.q);
	assert_true(route_forget(world.core, x.q));
	list_remove(&x.q->home_node);
	pool_unref(x.q);
	leave();
	done(a);
	close_one(x.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_lends_and_shelves),
		cmocka_unit_test(resets_before_the_shelf),
		cmocka_unit_test(min_size_is_kept_once_used),
		cmocka_unit_test(lifetime_ends_at_checkin),
		cmocka_unit_test(lifetime_zero_serves_once),
		cmocka_unit_test(idle_servers_end_by_their_timer),
		cmocka_unit_test(first_come_first_served),
		cmocka_unit_test(local_waiters_pass_by_a_millisecond),
		cmocka_unit_test(fetches_from_another_worker),
		cmocka_unit_test(waiter_leaves_a_moving_server),
		cmocka_unit_test(a_moving_server_finds_another_waiter),
		cmocka_unit_test(a_claimed_server_dies),
		cmocka_unit_test(a_claimed_server_dies_unwanted),
		cmocka_unit_test(an_unfit_server_does_not_move),
		cmocka_unit_test(an_epoch_begins_during_a_move),
		cmocka_unit_test(pause_during_a_move),
		cmocka_unit_test(failed_connections_are_tried_again),
		cmocka_unit_test(failure_at_once_does_not_loop),
		cmocka_unit_test(a_pool_failure_fails_waiters),
		cmocka_unit_test(a_pool_failure_spares_a_working_pool),
		cmocka_unit_test(a_late_failure_finds_a_recovered_pool),
		cmocka_unit_test(the_reserve_opens_after_its_time),
		cmocka_unit_test(clocks_of_workers_differ),
		cmocka_unit_test(shrinking_closes_at_checkin),
		cmocka_unit_test(growing_serves_who_waits),
		cmocka_unit_test(a_raised_budget_serves_who_waits),
		cmocka_unit_test(a_worker_that_lags_opens_nothing),
		cmocka_unit_test(a_login_across_a_reload),
		cmocka_unit_test(pause_and_resume),
		cmocka_unit_test(a_removed_database_fails_waiters),
		cmocka_unit_test(a_hungry_pool_gets_the_place),
		cmocka_unit_test(a_hungry_pool_evicts_an_idle_server),
		cmocka_unit_test(an_unused_token_goes_on),
		cmocka_unit_test(hunger_ends_with_the_last_waiter),
		cmocka_unit_test(spare_servers_evict_nobody),
		cmocka_unit_test(useless_places_are_kept),
		cmocka_unit_test(hungry_pools_can_be_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
