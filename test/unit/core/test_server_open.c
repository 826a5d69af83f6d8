/*
 * Which host and which of its addresses a server is opened on; see world.h.
 *
 * The resolver is the test's own: it answers with addresses that the test sets,
 * when the test says so.
 */
#include "pool_one.h"

#include <arpa/inet.h>

#define ADDRESSES 3
#define SEEN_MAX 16

static struct {
	struct resolve_query *query; /* waits for its answer */
	unsigned seen[SEEN_MAX]; /* last byte of each address connected to */
	unsigned count;
} net;

void
resolver_ask(struct resolver *r, struct resolve_query *query)
{
	(void)r;
	ASSERT(net.query == NULL);
	net.query = query;
}

static void
see_address(const struct addr *to)
{
	struct sockaddr_in in;

	ASSERT(net.count < SEEN_MAX);
	memcpy(&in, &to->storage, sizeof(in));
	net.seen[net.count++] = ntohl(in.sin_addr.s_addr) & 0xff;
}

/* The name is known as 10.0.0.1 and so on. */
static void
name_is_resolved(size_t count)
{
	struct resolve_query *q = net.query;
	char text[32];

	assert_non_null(q);
	net.query = NULL;
	q->count = count;
	for (size_t i = 0; i < count; i++) {
		(void)text_format(text, sizeof(text), "10.0.0.%u",
				  (unsigned)i + 1);
		assert_true(addr_parse_ip(text, q->port, &q->addrs[i]));
	}
	enter(0);
	q->done(q);
	leave();
}

static struct pool *
open_named(const char *entry)
{
	char text[512];

	memset(&net, 0, sizeof(net));
	(void)text_format(text, sizeof(text),
			  "[databases]\na = %s pool_size=3\n" WORLD_SETTINGS
			  "server_login_retry = 15\n"
			  "server_connect_timeout = 15\n",
			  entry);
	world_open(1, text);
	world.on_address = see_address;
	return world_pool("a", "u", 0);
}

/* Each address was tried once, in turn. */
static void
check_all_tried(unsigned from)
{
	assert_int_equal(net.count, from + ADDRESSES);
	for (unsigned i = 1; i < ADDRESSES; i++)
		assert_int_equal(net.seen[from + i],
				 net.seen[from + i - 1] % ADDRESSES + 1);
}

/* The connect in flight comes to its end. */
static void
connect_ends(struct pool *p, int error)
{
	struct server *s = server_opening(p);

	assert_non_null(s);
	world.connected_error = error;
	enter(0);
	session_server_turn(s);
	leave();
}

static void
all_addresses_are_tried_at_once(void **state)
{
	struct pool *p = open_named("host=db.example");
	struct client *c = waiter_wanting(p, 0);

	(void)state;
	world.connect_error = ENETUNREACH;
	name_is_resolved(ADDRESSES);
	check_all_tried(0);
	assert_int_equal(p->failure.reason, REASON_SERVER_CONNECT);
	assert_int_equal(p->held, 0);
	assert_int_equal(c->state, CLIENT_WAITING);
	done(c);
	close_one(p);
}

static void
all_addresses_are_tried_when_refused(void **state)
{
	struct pool *p = open_named("host=db.example");
	struct client *c = waiter_wanting(p, 0);

	(void)state;
	world.connect_state = STREAM_CONNECTING;
	name_is_resolved(ADDRESSES);
	connect_ends(p, EINPROGRESS); /* a wake-up too early */
	assert_int_equal(net.count, 1);
	connect_ends(p, ECONNREFUSED);
	connect_ends(p, ECONNREFUSED);
	assert_int_equal(p->failure.reason, REASON_NONE);
	check_all_tried(0);
	connect_ends(p, 0);
	all_log_in(p);
	assert_non_null(c->server);
	check_pool(p);
	done(c);
	close_one(p);
}

/* An address that swallows all packets costs server_connect_timeout. */
static void
an_address_that_hangs_is_left(void **state)
{
	struct pool *p = open_named("host=db.example");
	struct client *c = waiter_wanting(p, 0);

	(void)state;
	world.connect_state = STREAM_CONNECTING;
	name_is_resolved(ADDRESSES);
	pass(14 * USEC_PER_SEC);
	assert_int_equal(net.count, 1);
	pass(2 * USEC_PER_SEC);
	assert_int_equal(net.count, 2);
	assert_int_equal(p->opening, 1);
	pass(16 * USEC_PER_SEC);
	check_all_tried(0);
	pass(16 * USEC_PER_SEC); /* the last one hangs, too */
	assert_int_equal(p->failure.reason, REASON_SERVER_TIMEOUT);
	assert_int_equal(p->held, 0);
	check_pool(p);
	done(c);
	close_one(p);
}

/* One that answered and then says nothing is not a matter of addresses. */
static void
a_login_that_hangs_is_given_up(void **state)
{
	struct pool *p = open_named("host=db.example");
	struct client *c = waiter_wanting(p, 0);

	(void)state;
	name_is_resolved(ADDRESSES);
	pass(16 * USEC_PER_SEC);
	assert_int_equal(net.count, 1);
	assert_int_equal(p->failure.reason, REASON_SERVER_TIMEOUT);
	done(c);
	close_one(p);
}

static void
a_name_without_addresses_fails(void **state)
{
	struct pool *p = open_named("host=db.example");
	struct client *c = waiter_wanting(p, 0);

	(void)state;
	name_is_resolved(0);
	assert_int_equal(p->failure.reason, REASON_SERVER_DNS);
	assert_int_equal(c->state, CLIENT_WAITING);
	done(c);
	close_one(p);
}

/* Closed while its name is looked up: the answer finds nobody. */
static void
an_answer_may_come_too_late(void **state)
{
	struct pool *p = open_named("host=db.example");
	struct client *c = waiter_wanting(p, 0);

	(void)state;
	pass(16 * USEC_PER_SEC);
	assert_int_equal(p->failure.reason, REASON_SERVER_TIMEOUT);
	assert_int_equal(p->held, 0);
	name_is_resolved(ADDRESSES);
	assert_int_equal(net.count, 0);
	done(c);
	close_one(p);
}

/* load_balance_hosts = disable: the first host until it fails, then the next;
 * those who fail on the old one later change nothing. */
static void
the_first_host_that_answers(void **state)
{
	struct pool *p = open_named("host=10.0.0.1,10.0.0.2 "
				    "load_balance_hosts=disable");
	struct client *w[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		w[i] = waiter_wanting(p, 0);
	assert_int_equal(p->opening, 3);
	server_says(server_opening(p), fail_connection);
	pass(USEC_PER_SEC);
	tick(p);
	assert_int_equal(net.count, 3); /* two are still on their way */
	server_says(server_opening(p), fail_connection);
	server_says(server_opening(p), fail_connection);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(net.seen[i], 1);
	pass(USEC_PER_SEC);
	tick(p);
	all_log_in(p);
	assert_int_equal(net.count, 6);
	for (unsigned i = 3; i < 6; i++)
		assert_int_equal(net.seen[i], 2);
	for (unsigned i = 0; i < 3; i++)
		done(w[i]);
	close_one(p);
}

static void
a_late_failure_on_the_old_host(void **state)
{
	struct pool *p = open_named("host=10.0.0.1,10.0.0.2 "
				    "load_balance_hosts=disable");
	struct pool_failure why = { .reason = REASON_SERVER_CONNECT,
				    .scope = FAIL_CONNECTION };
	struct client *c = waiter_wanting(p, 0), *d;

	(void)state;
	server_says(server_opening(p), fail_connection);
	pass(USEC_PER_SEC);
	tick(p);
	all_log_in(p);
	assert_int_equal(net.seen[net.count - 1], 2);
	enter(0);
	pool_open_failed(p, worker_of(0), &why, world.now);
	leave();
	pass(USEC_PER_SEC);
	d = waiter_wanting(p, 0);
	assert_int_equal(net.seen[net.count - 1], 2);
	all_log_in(p);
	done(c);
	done(d);
	close_one(p);
}

static void
hosts_take_turns(void **state)
{
	struct pool *p = open_named("host=10.0.0.1,10.0.0.2,10.0.0.3");
	struct client *w[3];
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		w[i] = waiter_wanting(p, 0);
	for (unsigned i = 0; i < 3; i++)
		seen |= 1u << net.seen[i];
	assert_int_equal(seen, 0xe);
	all_log_in(p);
	for (unsigned i = 0; i < 3; i++)
		done(w[i]);
	close_one(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_addresses_are_tried_at_once),
		cmocka_unit_test(all_addresses_are_tried_when_refused),
		cmocka_unit_test(an_address_that_hangs_is_left),
		cmocka_unit_test(a_login_that_hangs_is_given_up),
		cmocka_unit_test(a_name_without_addresses_fails),
		cmocka_unit_test(an_answer_may_come_too_late),
		cmocka_unit_test(the_first_host_that_answers),
		cmocka_unit_test(a_late_failure_on_the_old_host),
		cmocka_unit_test(hosts_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
