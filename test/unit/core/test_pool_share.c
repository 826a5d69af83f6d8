/*
 * Pools that share a budget: who gets a place, and whose is taken; see world.h.
 */
#include "pool_one.h"

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

/* Where servers take turns, the one idle longest stands first. */
static void
eviction_with_round_robin_takes_the_oldest(void **state)
{
	char text[1024];
	struct pool *p, *q;
	struct client *a, *b, *c;
	struct server *younger;

	(void)state;
	(void)text_format(text, sizeof(text), "%s%s",
			  one_pool((struct sizes){ .size = 5, .db_max = 2 }),
			  "server_round_robin = 1\n");
	world_open(1, text);
	p = world_pool("a", "u", 0);
	q = world_pool("a", "v", 0);
	a = waiter_wanting(p, 0);
	b = waiter_wanting(p, 0);
	all_log_in(p);
	younger = b->server;
	done(a);
	world.now += USEC_PER_SEC;
	done(b);
	c = waiter_wanting(q, 0);
	deliver_all();
	assert_int_equal(p->idle, 1);
	assert_ptr_equal(list_first(&p->parts[0].shelf), &younger->node);
	all_log_in(q);
	deliver_all();
	assert_non_null(c->server);
	done(c);
	check_pool(q);
	pool_unref(q);
	close_one(p);
}

static struct pair race;
static struct client *claimer, *hungry;

/* Two more ask when the server has just been shelved, another worker's first.
 * It is looked for with the lock of the pool given: wait until it is there. */
static void
ask_when_shelved(struct lock *l)
{
	if (l != &race.p->lock || race.p->idle == 0) {
		world_on_unlock = ask_when_shelved;
		return;
	}
	assert_false(waiter_want(claimer));
	assert_false(waiter_want(hungry));
}

/* A free server that was claimed for its own pool is not closed for another. */
static void
a_claimed_server_is_not_given_up(void **state)
{
	struct client *a;
	struct server *s;

	(void)state;
	race = open_pair(2, (struct sizes){ .size = 5, .db_max = 1 });
	a = waiter_wanting(race.p, 0);
	all_log_in(race.p);
	s = a->server;
	claimer = waiter_new(race.p, 1);
	hungry = waiter_new(race.q, 1);
	world_on_unlock = ask_when_shelved;
	waiter_release(a, RESIDUE_NONE);
	assert_ptr_equal(claimer->tenure->ticket.server, s);
	assert_true(race.q->is_hungry);
	deliver_all();
	assert_ptr_equal(claimer->server, s);
	/* Its next place is given all the same. */
	waiter_release(claimer, RESIDUE_NONE);
	deliver_all();
	all_log_in(race.q);
	assert_non_null(hungry->server);
	done(a);
	done(claimer);
	done(hungry);
	close_pair(&race);
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
		cmocka_unit_test(a_hungry_pool_gets_the_place),
		cmocka_unit_test(a_hungry_pool_evicts_an_idle_server),
		cmocka_unit_test(eviction_with_round_robin_takes_the_oldest),
		cmocka_unit_test(a_claimed_server_is_not_given_up),
		cmocka_unit_test(an_unused_token_goes_on),
		cmocka_unit_test(hunger_ends_with_the_last_waiter),
		cmocka_unit_test(spare_servers_evict_nobody),
		cmocka_unit_test(useless_places_are_kept),
		cmocka_unit_test(hungry_pools_can_be_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
