/*
 * The session on real loops and sockets (see stage.h): plain ways, every split,
 * slow readers, two workers, and what the administrator does in the midst.
 */
#include "flood.h"

#include <poll.h>
#include <sys/ioctl.h>

static void
sizes(void **state)
{
	(void)state;
	print_message("struct client %zu, server %zu, stream %zu, timer %zu, "
		      "tenure %zu bytes\n",
		      sizeof(struct client), sizeof(struct server),
		      sizeof(struct stream), sizeof(struct timer),
		      sizeof(struct tenure));
	assert_true(sizeof(struct client) <= 256);
}

/* ------------------------------------------------------------------------
 * Plain ways
 */

static void
logs_in_and_relays(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	assert_at_rest("a", 1);
	for (int i = 0; i < 3; i++) {
		query(client, server);
		assert_at_rest("a", 1);
	}
	say(client, 'X', "");
	settle();
	expect_end(client);
	close(client);
	settle();
	assert_int_equal(client_count(), 0);
	assert_at_rest("a", 1);
	expect_nothing(server);
	close(server);
	settle();
	assert_at_rest("a", 0);
	close_stage();
}

static void
no_such_database(void **state)
{
	int client;

	(void)state;
	open_stage(1, "");
	client = dial();
	send_login(client, 'L', "nowhere", "");
	settle();
	expect(client, 'E', NULL);
	expect_end(client);
	close(client);
	settle();
	assert_int_equal(client_count(), 0);
	close_stage();
}

/* A login that needs a job on a helper thread. */
static void
login_with_a_job(void **state)
{
	int client, server = -1;

	(void)state;
	open_stage(1, "");
	client = dial();
	send_login(client, 'J', "a", "");
	for (int i = 0; i < 2000 && server < 0; i++) {
		settle();
		server = accept_one();
	}
	assert_true(server >= 0);
	settle();
	expect(server, 'S', "u");
	say(server, 'A', "keykeyke");
	settle();
	expect_login(client, NULL);
	/* This one goes before its job is done. */
	close(dial());
	close(client);
	client = dial();
	send_login(client, 'J', "a", "");
	turn();
	close(client);
	settle();
	close(server);
	close_stage();
}

static void
two_clients_take_turns(void **state)
{
	int a, b, server;

	(void)state;
	open_stage(1, "");
	a = first_login("a", "", &server);
	b = login_as("a", "");
	say(a, 'B', "");
	settle();
	expect(server, 'B', "");
	say(server, 'Z', "T");
	settle();
	expect(a, 'Z', "T");
	say(b, 'Q', "two");
	settle();
	expect_nothing(server); /* a's transaction is open */
	assert_int_equal(stage_pool("a")->waiting, 1);
	say(a, 'C', "");
	settle();
	expect(server, 'C', "");
	say(server, 'Z', "I");
	settle();
	expect(a, 'Z', "I");
	expect(server, 'Q', "two");
	say(server, 'Z', "I");
	settle();
	expect(b, 'Z', "I");
	assert_at_rest("a", 1);
	expect_no_server();
	close(a);
	close(b);
	close(server);
	close_stage();
}

static void
preludes_come_first(void **state)
{
	int go, wait, server;

	(void)state;
	open_stage(1, "");
	go = first_login("a", "go", &server);
	wait = login_as("a", "wait");
	say(go, 'Q', "one");
	settle();
	expect(server, 'V', ""); /* in the same write */
	expect(server, 'Q', "one");
	say(server, 'Z', "I");
	say(server, 'Z', "I");
	settle();
	expect(go, 'Z', "I");
	expect_nothing(go);
	say(wait, 'Q', "two");
	settle();
	expect(server, 'V', "");
	expect_nothing(server);
	say(server, 'Z', "I");
	settle();
	expect(server, 'Q', "two");
	say(server, 'Z', "I");
	settle();
	expect(wait, 'Z', "I");
	assert_at_rest("a", 1);
	close(go);
	close(wait);
	close(server);
	close_stage();
}

static void
resets_and_closes(void **state)
{
	int a, server;

	(void)state;
	open_stage(1, "");
	a = first_login("a", "", &server);
	say(a, 'Q', "set");
	settle();
	expect(server, 'Q', "set");
	say(server, 'Z', "S");
	settle();
	expect(a, 'Z', "S");
	expect(server, 'R', "");
	say(a, 'Q', "next"); /* waits for the reset */
	settle();
	expect_nothing(server);
	say(server, 'Z', "I");
	settle();
	expect(server, 'Q', "next");
	say(server, 'Z', "D");
	settle();
	expect(a, 'Z', "D");
	expect(server, 'X', "");
	expect_end(server);
	/* Its place is free when it has gone, not when it was told to. */
	assert_int_equal(stage_pool("a")->held, 1);
	close(server);
	settle();
	assert_at_rest("a", 0);
	close(a);
	close_stage();
}

static void
pinned_stays(void **state)
{
	int a, b, server;

	(void)state;
	open_stage(1, "");
	a = first_login("a", "", &server);
	b = login_as("a", "");
	say(a, 'Q', "listen");
	settle();
	expect(server, 'Q', "listen");
	say(server, 'Z', "P");
	settle();
	expect(a, 'Z', "P");
	say(b, 'Q', "two");
	settle();
	expect_nothing(server);
	say(a, 'Q', "unlisten");
	settle();
	expect(server, 'Q', "unlisten");
	say(server, 'Z', "I");
	settle();
	expect(a, 'Z', "I");
	expect(server, 'Q', "two");
	close(a);
	close(b);
	close(server);
	close_stage();
}

static void
sessions_keep_their_server(void **state)
{
	int a, b, server;

	(void)state;
	open_stage(1, "");
	a = first_login("b", "", &server);
	b = login_as("b", "");
	query(a, server);
	say(b, 'Q', "two");
	settle();
	expect_nothing(server);
	query(a, server);
	say(a, 'X', "");
	settle();
	expect(server, 'R', ""); /* nobody knows what it left */
	say(server, 'Z', "I");
	settle();
	expect(server, 'Q', "two");
	close(a);
	close(b);
	close(server);
	close_stage();
}

/* Notices of an idle server are dropped, anything else ends it. */
static void
idle_servers_may_only_notice(void **state)
{
	int a, server;

	(void)state;
	open_stage(1, "");
	a = first_login("a", "", &server);
	say(server, 'N', "hello");
	settle();
	assert_at_rest("a", 1);
	query(a, server);
	say(server, 'D', "nobody asked");
	settle();
	close(server);
	settle();
	assert_at_rest("a", 0);
	close(a);
	close_stage();
}

/* ------------------------------------------------------------------------
 * Split at every byte
 */

static const char server_reads[] = "Q\0\003one"
				   "B\0\0"
				   "U\0\004copy"
				   "C\0\001c"
				   "Q\0\003two";
static const char server_says[] = "D\0\003row"
				  "Z\0\001I"
				  "N\0\001n"
				  "Z\0\001T"
				  "D\0\0"
				  "Z\0\001I"
				  "Z\0\001S";

static void
split_run(size_t client_at, size_t server_at)
{
	uint8_t bytes[256];
	size_t len = client_bytes(bytes);
	int client, server;

	open_stage(1, "");
	client = dial();
	send_bytes(client, bytes, client_at);
	settle();
	if (len > client_at)
		send_bytes(client, bytes + client_at, len - client_at);
	settle();
	server = serve();
	expect_login(client, NULL);
	/* All of the pipeline is there: one transaction after the other. */
	expect_bytes(server, server_reads, sizeof(server_reads) - 1);
	send_bytes(server, server_says, server_at);
	settle();
	if (server_at < sizeof(server_says) - 1)
		send_bytes(server, server_says + server_at,
			   sizeof(server_says) - 1 - server_at);
	settle();
	expect_bytes(client, server_says, sizeof(server_says) - 1);
	expect(server, 'R', "");
	say(server, 'Z', "I");
	settle();
	assert_at_rest("a", 1);
	close(client);
	close(server);
	settle();
	close_stage();
}

static void
split_at_every_byte(void **state)
{
	uint8_t bytes[256];
	size_t len = client_bytes(bytes);

	(void)state;
	for (size_t i = 1; i <= len; i++)
		split_run(i, 7);
	for (size_t i = 1; i < sizeof(server_says); i++)
		split_run(len, i);
}

/* ------------------------------------------------------------------------
 * Slow readers
 */

static void
a_client_that_does_not_read(void **state)
{
	static const size_t payloads[] = { 0, 5, 100, 4000, 60000 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		static struct flood f;
		int client, server;
		size_t total;

		open_stage(1, "");
		client = first_login("a", "", &server);
		say(client, 'Q', "much");
		settle();
		expect(server, 'Q', "much");
		flood_init(&f, 'D', payloads[i]);
		total = f.size * ((8u << 20) / f.size);
		if (payloads[i] < 100)
			total = f.size * ((1u << 20) / f.size);
		flood(&f, server, total);
		/* It is held up, and nothing spins meanwhile. */
		if (payloads[i] >= 100)
			assert_true(f.sent < total);
		settle();
		drain(&f, server, client, total);
		say(server, 'Z', "I");
		settle();
		expect(client, 'Z', "I");
		assert_at_rest("a", 1);
		assert_int_equal(blocks_used(), 0);
		close(client);
		close(server);
		settle();
		close_stage();
	}
}

static void
a_server_that_does_not_read(void **state)
{
	static const size_t payloads[] = { 5, 100, 4000, 60000 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		static struct flood f;
		int client, server;
		size_t total;

		open_stage(1, "");
		client = first_login("a", "", &server);
		say(client, 'B', "");
		settle();
		expect(server, 'B', "");
		say(server, 'Z', "T");
		settle();
		expect(client, 'Z', "T");
		flood_init(&f, 'U', payloads[i]);
		total = f.size * ((8u << 20) / f.size);
		if (payloads[i] < 100)
			total = f.size * ((1u << 20) / f.size);
		flood(&f, client, total);
		settle();
		drain(&f, client, server, total);
		say(client, 'C', "");
		settle();
		expect(server, 'C', "");
		say(server, 'Z', "I");
		settle();
		expect(client, 'Z', "I");
		assert_at_rest("a", 1);
		assert_int_equal(blocks_used(), 0);
		close(client);
		close(server);
		settle();
		close_stage();
	}
}

/* More than the buffers hold at once, and then nothing more: no rest stays. */
static void
a_burst_comes_through(void **state)
{
	static struct flood f;
	static uint8_t got[256 * 1024];

	(void)state;
	for (size_t kib = 8; kib <= 176; kib += 8) {
		int client, server;
		size_t came = 0;
		ssize_t n;

		open_stage(1, "");
		client = first_login("a", "", &server);
		say(client, 'Q', "much");
		settle();
		expect(server, 'Q', "much");
		flood_init(&f, 'D', 61);
		for (size_t i = 0; i < kib * 1024 / f.size; i++)
			send_bytes(server, f.message, f.size);
		settle();
		while ((n = recv(client, got, sizeof(got), MSG_DONTWAIT)) > 0)
			came += (size_t)n;
		assert_int_equal(came, kib * 1024 / f.size * f.size);
		close(client);
		close(server);
		settle();
		close_stage();
	}
}

/* The same, while nothing can be written to the client. */
static void
a_burst_beside_a_full_direction(void **state)
{
	static struct flood down, up;
	static uint8_t got[256 * 1024];

	(void)state;
	for (size_t kib = 40; kib <= 176; kib += 8) {
		size_t came = 0, want;
		int client, server;
		ssize_t n;

		open_stage(1, "");
		client = first_login("a", "", &server);
		say(client, 'Q', "copy both");
		settle();
		expect(server, 'Q', "copy both");
		flood_init(&down, 'D', 1000);
		flood(&down, server, down.size * 100000);
		settle();
		flood_init(&up, 'U', 61);
		want = kib * 1024 / up.size * up.size;
		for (size_t at = 0; at < want; at += up.size)
			memcpy(got + at, up.message, up.size);
		send_bytes(client, got, want);
		settle();
		while ((n = recv(server, got, sizeof(got), MSG_DONTWAIT)) > 0)
			came += (size_t)n;
		assert_int_equal(came, want);
		close(client);
		close(server);
		settle();
		close_stage();
	}
}

/* Two directions stop independently: neither reads, then both do. */
static void
nobody_reads(void **state)
{
	static struct flood up, down;
	int client, server;
	size_t total = 4u << 20;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	say(client, 'Q', "copy both");
	settle();
	expect(server, 'Q', "copy both");
	flood_init(&up, 'U', 997);
	flood_init(&down, 'D', 1997);
	total = up.size * down.size * 2;
	flood(&up, client, total);
	flood(&down, server, total);
	settle();
	drain(&down, server, client, total);
	drain(&up, client, server, total);
	say(server, 'Z', "I");
	settle();
	expect(client, 'Z', "I");
	assert_at_rest("a", 1);
	close(client);
	close(server);
	settle();
	close_stage();
}

/* How much the client has been sent: read here, on its way, or to be read. */
static size_t
count_to_come(const struct client *c, int fd)
{
	int at_client = 0, at_server = 0;

	assert_int_equal(ioctl(fd, FIONREAD, &at_client), 0);
	assert_int_equal(ioctl(c->server->stream.fd, FIONREAD, &at_server), 0);
	return (size_t)at_client + c->stream.out.len +
	       c->server->stream.in.len + (size_t)at_server;
}

/* What the kernel has sent may take a moment to arrive, a good one where the
 * window was full. */
static ssize_t
read_arrived(int fd, void *to, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)poll(&p, 1, 2000);
	return recv(fd, to, room, MSG_DONTWAIT);
}

/*
 * A server ends in the middle of a message, which a failed write tells before
 * its last bytes were read, since the client has no room for them.
 */
static void
last_words_wait_for_a_slow_reader(void **state)
{
	static uint8_t got[256 * 1024];
	static struct flood f;
	size_t came = 0, want;
	const struct client *c;
	int client, server;
	ssize_t n = -1;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	say(client, 'Q', "copy both");
	settle();
	expect(server, 'Q', "copy both");
	flood_init(&f, 'D', 60000);
	flood(&f, server, f.size * 100);
	c = LIST_ENTRY(list_first(&stage_worker(0)->clients), struct client,
		       node);
	/* Read on until it stands in the middle of a message, all passed on. */
	while (c->server->relay_left == 0 || c->server->stream.in.len > 0 ||
	       c->stream.out.len < 65536) {
		assert_true(read_arrived(client, got, 4096) > 0);
		flood(&f, server, f.size * 100);
	}
	close(server);
	say(client, 'U', "answered by a reset");
	settle();
	want = count_to_come(c, client);
	say(client, 'U', "fails");
	settle();
	for (int i = 0; i < 200 && n != 0; i++) {
		n = read_arrived(client, got, sizeof(got));
		came += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_int_equal(n, 0);
	assert_int_equal(came, want);
	close(client);
	settle();
	assert_at_rest("a", 0);
	close_stage();
}

/* A queued client that sends on is read no further than a block. */
static void
a_queued_client_that_sends(void **state)
{
	static struct flood f;
	int a, b, server;

	(void)state;
	open_stage(1, "");
	a = first_login("a", "", &server);
	b = login_as("a", "");
	say(a, 'B', "");
	settle();
	expect(server, 'B', "");
	say(server, 'Z', "T");
	settle();
	expect(a, 'Z', "T");
	flood_init(&f, 'Q', 2000);
	flood(&f, b, f.size * 2000);
	assert_true(blocks_used() <= 8);
	settle();
	close(b);
	settle();
	pass(800 * USEC_PER_MSEC); /* it might only have shut down */
	assert_int_equal(stage_pool("a")->waiting, 0);
	close(a);
	close(server);
	settle();
	close_stage();
}

/* ------------------------------------------------------------------------
 * Two workers
 */

/* Clients of two workers and one server: it travels. */
static void
the_server_travels(void **state)
{
	int fds[2], server = -1;

	(void)state;
	open_stage(2, "");
	for (unsigned i = 0; i < 2; i++) {
		fds[i] = dial_worker(i);
		send_login(fds[i], 'L', "a", "");
		settle();
		if (i == 0)
			server = serve();
		expect_login(fds[i], NULL);
	}
	/* A pool of one server has one home: both went there. */
	assert_int_equal(client_count(), 2);
	assert_true(stage_worker(0)->client_count == 2 ||
		    stage_worker(1)->client_count == 2);
	for (int round = 0; round < 3; round++)
		for (unsigned i = 0; i < 2; i++)
			query(fds[i], server);
	assert_at_rest("a", 1);
	close(fds[0]);
	close(fds[1]);
	close(server);
	settle();
	assert_int_equal(client_count(), 0);
	close_stage();
}

/* One of the two moves in its login, after it was told something. */
static void
bytes_of_a_move_are_counted(void **state)
{
	int fds[2], server = -1;

	(void)state;
	open_stage(2, "");
	for (unsigned i = 0; i < 2; i++) {
		fds[i] = dial_worker(i);
		send_login(fds[i], 'L', "a", "hello");
		settle();
		if (i == 0)
			server = serve();
		expect(fds[i], 'N', "hello");
		expect_login(fds[i], NULL);
	}
	assert_int_equal(stage_count("a", STAT_SENT),
			 2 * (TINY_HEADER + strlen("hello") + TINY_HEADER +
			      CANCEL_KEY_BYTES));
	close(fds[0]);
	close(fds[1]);
	close(server);
	settle();
	close_stage();
}

static void
a_reload_in_the_midst(void **state)
{
	struct pair p = in_transaction("");
	int b = login_as("a", "");

	(void)state;
	say(b, 'Q', "two");
	settle();
	stage_reload("default_pool_size = 2\n");
	close(b);
	settle();
	pass(800 * USEC_PER_MSEC); /* it might only have shut down */
	close(accept_server());
	settle();
	say(p.client, 'C', "");
	settle();
	expect(p.server, 'C', "");
	say(p.server, 'Z', "I");
	settle();
	expect(p.client, 'Z', "I");
	assert_at_rest("a", 1);
	end_pair(&p);
}

static void
a_drain_ends_politely(void **state)
{
	struct pair p = in_transaction("");
	int b = login_as("a", "");

	(void)state;
	core_drain(stage.core, DRAIN_POLITE);
	settle();
	expect(b, 'E', NULL);
	expect_end(b);
	close(b);
	expect_nothing(p.client);
	assert_int_equal(core_drain_pending(stage.core), 1);
	say(p.client, 'C', "");
	settle();
	expect(p.server, 'C', "");
	say(p.server, 'Z', "I");
	settle();
	expect(p.client, 'Z', "I");
	expect(p.client, 'E', NULL);
	expect_end(p.client);
	assert_int_equal(core_drain_pending(stage.core), 0);
	end_pair(&p);
}

static void
kill_ends_everybody(void **state)
{
	struct pair p = in_transaction("");
	int b = login_as("a", "");

	(void)state;
	say(b, 'Q', "two");
	settle();
	assert_int_equal(core_kill(stage.core, "a"), VERB_OK);
	settle();
	expect(b, 'E', NULL);
	expect_end(b);
	expect(p.client, 'E', NULL);
	expect_end(p.client);
	close(b);
	end_pair(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(logs_in_and_relays),
		cmocka_unit_test(no_such_database),
		cmocka_unit_test(login_with_a_job),
		cmocka_unit_test(two_clients_take_turns),
		cmocka_unit_test(preludes_come_first),
		cmocka_unit_test(resets_and_closes),
		cmocka_unit_test(pinned_stays),
		cmocka_unit_test(sessions_keep_their_server),
		cmocka_unit_test(idle_servers_may_only_notice),
		cmocka_unit_test(split_at_every_byte),
		cmocka_unit_test(a_client_that_does_not_read),
		cmocka_unit_test(a_server_that_does_not_read),
		cmocka_unit_test(a_burst_comes_through),
		cmocka_unit_test(a_burst_beside_a_full_direction),
		cmocka_unit_test(nobody_reads),
		cmocka_unit_test(last_words_wait_for_a_slow_reader),
		cmocka_unit_test(a_queued_client_that_sends),
		cmocka_unit_test(the_server_travels),
		cmocka_unit_test(bytes_of_a_move_are_counted),
		cmocka_unit_test(a_reload_in_the_midst),
		cmocka_unit_test(a_drain_ends_politely),
		cmocka_unit_test(kill_ends_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
