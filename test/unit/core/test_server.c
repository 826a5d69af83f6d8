/*
 * Servers that vanish or hang in each state; see stage.h.
 */
#include "stage.h"

/* ------------------------------------------------------------------------
 * Servers that vanish
 */

static void
server_dies_in_login(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = dial();
	send_login(client, 'L', "a", "");
	settle();
	close(accept_server());
	settle();
	assert_int_equal(stage_pool("a")->held, 0);
	expect_nothing(client);
	pass(USEC_PER_SEC); /* and it is tried again */
	server = serve();
	expect_login(client, NULL);
	assert_at_rest("a", 1);
	close(client);
	close(server);
	settle();
	close_stage();
}

static void
server_refuses_login(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = dial();
	send_login(client, 'L', "a", "");
	settle();
	server = accept_server();
	say(server, 'F', "no such role");
	settle();
	expect(client, 'E', NULL);
	expect_end(client);
	close(client);
	close(server);
	settle();
	assert_int_equal(client_count(), 0);
	assert_at_rest("a", 0);
	close_stage();
}

static void
server_login_times_out(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "server_connect_timeout = 5\n"
		      "client_login_timeout = 60\n");
	client = dial();
	send_login(client, 'L', "a", "");
	settle();
	server = accept_server();
	pass(6 * USEC_PER_SEC);
	expect(server, 'S', "u");
	expect_end(server);
	close(server);
	expect_nothing(client);
	pass(USEC_PER_SEC);
	server = serve();
	expect_login(client, NULL);
	close(client);
	close(server);
	settle();
	close_stage();
}

static void
server_dies_idle(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	close(server);
	settle();
	assert_at_rest("a", 0);
	say(client, 'Q', "one");
	settle();
	server = serve();
	expect(server, 'Q', "one");
	close(client);
	close(server);
	settle();
	close_stage();
}

static void
server_dies_in_use(void **state)
{
	(void)state;
	for (int queried = 0; queried < 2; queried++) {
		struct pair p = in_transaction("");

		if (queried) {
			say(p.client, 'Q', "one");
			settle();
		}
		close(p.server);
		settle();
		expect(p.client, 'E', NULL);
		expect_end(p.client);
		assert_at_rest("a", 0);
		p.server = dial();
		end_pair(&p);
	}
}

/* In the midst of a message no error can be written: it just ends. */
static void
server_dies_half_way(void **state)
{
	struct pair p = in_transaction("");

	(void)state;
	say(p.client, 'Q', "one");
	settle();
	expect(p.server, 'Q', "one");
	send_bytes(p.server, "D\0\005ab", 5);
	settle();
	close(p.server);
	settle();
	expect_bytes(p.client, "D\0\005ab", 5);
	expect_end(p.client);
	assert_at_rest("a", 0);
	p.server = dial();
	end_pair(&p);
}

/* Before it saw a byte of the client's: another one is opened instead. */
static void
server_dies_while_linking(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "server_check_query = select 1\n"
		      "server_check_delay = 30\n");
	client = first_login("a", "", &server);
	pass(31 * USEC_PER_SEC);
	say(client, 'Q', "one");
	settle();
	expect(server, 'H', "");
	close(server);
	settle();
	server = serve();
	expect(server, 'Q', "one"); /* fresh: not checked */
	say(server, 'Z', "I");
	settle();
	expect(client, 'Z', "I");
	assert_at_rest("a", 1);
	/* And the check itself. */
	pass(31 * USEC_PER_SEC);
	say(client, 'Q', "two");
	settle();
	expect(server, 'H', "");
	say(server, 'Z', "I");
	settle();
	expect(server, 'Q', "two");
	close(client);
	close(server);
	settle();
	close_stage();
}

static void
server_check_hangs(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "server_check_query = select 1\n"
		      "server_check_delay = 30\n");
	client = first_login("a", "", &server);
	pass(31 * USEC_PER_SEC);
	say(client, 'Q', "one");
	settle();
	expect(server, 'H', "");
	pass(11 * USEC_PER_SEC);
	close(server);
	settle();
	server = serve();
	expect(server, 'Q', "one");
	close(client);
	close(server);
	settle();
	close_stage();
}

static void
server_dies_in_its_prelude(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "wait", &server);
	say(client, 'Q', "one");
	settle();
	expect(server, 'V', "");
	close(server);
	settle();
	/* The query was not sent yet: it goes to another one, after a pause. */
	expect_nothing(client);
	expect_no_server();
	pass(2 * USEC_PER_SEC);
	server = serve();
	expect(server, 'V', "");
	expect_nothing(server);
	say(server, 'Z', "I");
	settle();
	expect(server, 'Q', "one");
	say(server, 'Z', "I");
	settle();
	expect(client, 'Z', "I");
	assert_at_rest("a", 1);
	close(client);
	close(server);
	close_stage();
}

static void
server_dies_resetting_or_abandoned(void **state)
{
	(void)state;
	for (int abandoned = 0; abandoned < 2; abandoned++) {
		int client, server;

		open_stage(1, "");
		client = first_login("a", "", &server);
		say(client, abandoned ? 'B' : 'Q', "");
		settle();
		say(server, 'Z', abandoned ? "T" : "S");
		settle();
		if (abandoned) {
			close(client);
			settle();
			client = dial();
		}
		assert_int_equal(stage_pool("a")->in_use, 1);
		close(server);
		settle();
		assert_at_rest("a", 0);
		close(client);
		settle();
		assert_int_equal(client_count(), 0);
		close_stage();
	}
}

/* A reset or a rollback that is never answered ends the server. */
static void
cleaning_times_out(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	say(client, 'Q', "");
	settle();
	say(server, 'Z', "S");
	settle();
	pass(11 * USEC_PER_SEC);
	close(server);
	settle();
	assert_at_rest("a", 0);
	close(client);
	settle();
	close_stage();
}

/* Its last words reach the client, even where a write to it failed. */
static void
last_words_are_read(void **state)
{
	struct pair p = in_transaction("");

	(void)state;
	say(p.server, 'N', "shutting down");
	close(p.server);
	say(p.client, 'Q', "one");
	settle();
	expect(p.client, 'N', "shutting down");
	expect(p.client, 'E', NULL);
	expect_end(p.client);
	p.server = dial();
	end_pair(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_dies_in_login),
		cmocka_unit_test(server_refuses_login),
		cmocka_unit_test(server_login_times_out),
		cmocka_unit_test(server_dies_idle),
		cmocka_unit_test(server_dies_in_use),
		cmocka_unit_test(server_dies_half_way),
		cmocka_unit_test(server_dies_while_linking),
		cmocka_unit_test(server_check_hangs),
		cmocka_unit_test(server_dies_in_its_prelude),
		cmocka_unit_test(server_dies_resetting_or_abandoned),
		cmocka_unit_test(cleaning_times_out),
		cmocka_unit_test(last_words_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
