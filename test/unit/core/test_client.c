/*
 * Clients that vanish in each state, and their timeouts; see stage.h.
 */
#include "flood.h"

/* ------------------------------------------------------------------------
 * Clients that vanish
 */

static void
client_dies_in_login(void **state)
{
	uint8_t bytes[256];
	size_t len = client_bytes(bytes);

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		int client;

		open_stage(1, "");
		client = dial();
		if (cut > 0)
			send_bytes(client, bytes, cut);
		if (cut % 2 == 0)
			settle();
		close(client);
		settle();
		pass(800 * USEC_PER_MSEC);
		assert_int_equal(client_count(), 0);
		assert_int_equal(stage.core->logins, 0);
		close_stage();
	}
}

static void
client_dies_in_the_queue(void **state)
{
	struct pair p = in_transaction("");
	int b = login_as("a", "");

	(void)state;
	say(b, 'Q', "two");
	settle();
	assert_int_equal(stage_pool("a")->waiting, 1);
	close(b);
	settle();
	pass(800 * USEC_PER_MSEC); /* it might only have shut down */
	assert_int_equal(stage_pool("a")->waiting, 0);
	assert_int_equal(client_count(), 1);
	end_pair(&p);
}

/* Its transaction is rolled back before anybody else has the server. */
static void
client_dies_in_a_transaction(void **state)
{
	struct pair p = in_transaction("");
	int b = login_as("a", "");

	(void)state;
	say(b, 'Q', "two");
	close(p.client);
	settle();
	expect(p.server, 'O', "");
	expect_nothing(p.server);
	say(p.server, 'Z', "I");
	settle();
	expect(p.server, 'Q', "two");
	say(p.server, 'Z', "I");
	settle();
	expect(b, 'Z', "I");
	p.client = b;
	end_pair(&p);
}

/* A half-sent message can never be completed: the server is closed. */
static void
client_dies_half_way(void **state)
{
	struct pair p = in_transaction("");

	(void)state;
	send_bytes(p.client, "U\0\050half", 7);
	settle();
	close(p.client);
	settle();
	expect_bytes(p.server, "U\0\050half", 7);
	expect_end(p.server);
	close(p.server);
	settle();
	assert_at_rest("a", 0);
	p.server = -1;
	p.client = dial();
	end_pair(&p);
}

/* A query runs: it is canceled, its answer is nobody's. */
static void
client_dies_with_a_query(void **state)
{
	struct pair p = in_transaction("");
	int cancel;

	(void)state;
	say(p.client, 'Q', "long");
	settle();
	expect(p.server, 'Q', "long");
	say(p.server, 'D', "half of it");
	close(p.client);
	settle();
	cancel = accept_server();
	expect(cancel, 'K', "keykeyke");
	say(p.server, 'D', "more");
	say(p.server, 'Z', "T");
	settle();
	/* Held: the cancel might still come. */
	expect_nothing(p.server);
	assert_int_equal(stage_pool("a")->in_use, 1);
	close(cancel);
	settle();
	expect(p.server, 'O', "");
	say(p.server, 'Z', "I");
	settle();
	assert_at_rest("a", 1);
	p.client = dial();
	end_pair(&p);
}

static void
client_dies_while_linking(void **state)
{
	int a, server;

	(void)state;
	open_stage(1, "");
	a = first_login("a", "wait", &server);
	say(a, 'Q', "one");
	settle();
	expect(server, 'V', "");
	close(a);
	settle();
	pass(800 * USEC_PER_MSEC); /* it might only have shut down */
	assert_int_equal(client_count(), 0);
	assert_int_equal(stage_pool("a")->in_use, 1);
	say(server, 'Z', "I");
	settle();
	assert_at_rest("a", 1);
	close(server);
	settle();
	close_stage();
}

/* In the midst of a large message to it: the rest is dropped. */
static void
client_dies_in_an_answer(void **state)
{
	static struct flood f;
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	say(client, 'Q', "much");
	settle();
	expect(server, 'Q', "much");
	flood_init(&f, 'D', 50000);
	flood(&f, server, f.size * 3 + 100);
	close(client);
	settle();
	close(accept_server());
	settle();
	flood(&f, server, f.size * 4);
	say(server, 'Z', "I");
	settle();
	assert_at_rest("a", 1);
	assert_int_equal(blocks_used(), 0);
	close(server);
	settle();
	close_stage();
}

/* Half-closed with a query running: the answer may come for a moment. */
static void
client_shuts_down_and_reads(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	say(client, 'Q', "one");
	shutdown(client, SHUT_WR);
	settle();
	expect(server, 'Q', "one");
	say(server, 'Z', "I");
	settle();
	expect(client, 'Z', "I");
	settle();
	expect_end(client);
	assert_at_rest("a", 1);
	close(client);
	close(server);
	settle();
	close_stage();
}

/* ------------------------------------------------------------------------
 * Timeouts
 */

static void
timeouts_of_waiting(void **state)
{
	uint64_t sent;
	struct pair p = in_transaction("query_wait_timeout = 10\n"
				       "query_wait_notify = 3\n");
	int b = login_as("a", "");

	(void)state;
	say(b, 'Q', "two");
	settle();
	sent = stage_count("a", STAT_SENT);
	pass(4 * USEC_PER_SEC);
	assert_true(stage_count("a", STAT_SENT) > sent + TINY_HEADER);
	expect(b, 'N', NULL);
	expect_nothing(b);
	pass(5 * USEC_PER_SEC);
	expect_nothing(b);
	pass(2 * USEC_PER_SEC);
	expect(b, 'E', NULL);
	expect_end(b);
	assert_int_equal(stage_pool("a")->waiting, 0);
	close(b);
	end_pair(&p);
}

static void
timeouts_of_clients(void **state)
{
	static const struct {
		const char *setting;
		enum { IDLE, LOGIN, RUNNING, TX } what;
	} cases[] = {
		{ "client_idle_timeout = 10\n", IDLE },
		{ "client_login_timeout = 10\n", LOGIN },
		{ "query_timeout = 10\n", RUNNING },
		{ "idle_transaction_timeout = 10\n", TX },
		{ "transaction_timeout = 10\n", TX },
		{ "transaction_timeout = 10\n", RUNNING },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pair p = in_transaction(cases[i].setting);
		int fd = p.client;

		if (cases[i].what == IDLE) {
			say(fd, 'C', "");
			settle();
			say(p.server, 'Z', "I");
			settle();
			expect(fd, 'Z', "I");
		} else if (cases[i].what == LOGIN) {
			fd = dial();
			settle();
		} else if (cases[i].what == RUNNING) {
			say(fd, 'Q', "long");
			settle();
		}
		pass(9 * USEC_PER_SEC);
		expect_nothing(fd);
		pass(1200 * USEC_PER_MSEC);
		expect(fd, 'E', NULL);
		expect_end(fd);
		if (fd != p.client)
			close(fd);
		end_pair(&p);
	}
}

/* Who was told good-bye and does not go is closed after a moment. */
static void
lingering_ends(void **state)
{
	int client;

	(void)state;
	open_stage(1, "");
	client = dial();
	send_login(client, 'L', "nowhere", "");
	settle();
	expect(client, 'E', NULL);
	expect_end(client);
	assert_int_equal(client_count(), 1);
	say(client, 'Q', "deaf");
	settle();
	pass(3 * USEC_PER_SEC);
	assert_int_equal(client_count(), 0);
	close(client);
	close_stage();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_dies_in_login),
		cmocka_unit_test(client_dies_in_the_queue),
		cmocka_unit_test(client_dies_in_a_transaction),
		cmocka_unit_test(client_dies_half_way),
		cmocka_unit_test(client_dies_with_a_query),
		cmocka_unit_test(client_dies_while_linking),
		cmocka_unit_test(client_dies_in_an_answer),
		cmocka_unit_test(client_shuts_down_and_reads),
		cmocka_unit_test(timeouts_of_waiting),
		cmocka_unit_test(timeouts_of_clients),
		cmocka_unit_test(lingering_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
