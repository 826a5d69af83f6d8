/*
 * Cancel requests; see stage.h.
 */
#include "stage.h"

/* ------------------------------------------------------------------------
 * Cancels
 */

static int
send_cancel(const uint8_t key[CANCEL_KEY_BYTES])
{
	uint8_t message[TINY_HEADER + CANCEL_KEY_BYTES] = { 'K', 0, 8 };
	int fd = dial();

	memcpy(message + TINY_HEADER, key, CANCEL_KEY_BYTES);
	send_bytes(fd, message, sizeof(message));
	settle();
	return fd;
}

static void
cancel_of_nobody(void **state)
{
	static const uint8_t key[CANCEL_KEY_BYTES] = "nobody";
	int fd;

	(void)state;
	open_stage(1, "");
	fd = send_cancel(key);
	expect_end(fd);
	close(fd);
	settle();
	assert_int_equal(client_count(), 0);
	close_stage();
}

/* A client that is logged in, with its key. */
static int
login_with_key(uint8_t key[CANCEL_KEY_BYTES])
{
	int fd = dial();

	send_login(fd, 'L', "a", "");
	settle();
	expect_login(fd, key);
	return fd;
}

static void
cancel_in_the_queue(void **state)
{
	struct pair p = in_transaction("");
	uint8_t key[CANCEL_KEY_BYTES];
	int b = login_with_key(key), asker;

	(void)state;
	say(b, 'Q', "two");
	settle();
	asker = send_cancel(key);
	expect_end(asker);
	close(asker);
	expect(b, 'E', "scanceling statement due to user request");
	assert_int_equal(stage_pool("a")->waiting, 0);
	/* It lives, and so does its place in the world. */
	say(b, 'Q', "three");
	settle();
	assert_int_equal(stage_pool("a")->waiting, 1);
	say(p.client, 'C', "");
	settle();
	say(p.server, 'Z', "I");
	settle();
	expect(p.server, 'C', "");
	expect(p.server, 'Q', "three");
	close(b);
	end_pair(&p);
}

struct held {
	struct pair p;
	int cancel, asker, next;
};

/* A query was canceled and has ended; the cancel connection is still there. */
static struct held
start_held(void)
{
	uint8_t key[CANCEL_KEY_BYTES];
	struct held h;

	open_stage(1, "cancel_wait_timeout = 10\n");
	h.p.client = dial();
	send_login(h.p.client, 'L', "a", "");
	settle();
	h.p.server = serve();
	expect_login(h.p.client, key);
	h.next = login_as("a", "");
	say(h.p.client, 'Q', "long");
	settle();
	expect(h.p.server, 'Q', "long");
	h.asker = send_cancel(key);
	h.cancel = accept_server();
	settle();
	expect(h.cancel, 'K', "keykeyke");
	say(h.next, 'Q', "next");
	say(h.p.server, 'Z', "I");
	settle();
	expect(h.p.client, 'Z', "I");
	/* Held: not for the next one, nor for its own client. */
	expect_nothing(h.p.server);
	expect_nothing(h.asker);
	assert_int_equal(stage_pool("a")->in_use, 1);
	assert_int_equal(stage_pool("a")->waiting, 1);
	return h;
}

static void
end_held(struct held *h)
{
	close(h->asker);
	close(h->next);
	end_pair(&h->p);
}

static void
cancel_holds_the_server(void **state)
{
	struct held h = start_held();

	(void)state;
	close(h.cancel);
	settle();
	expect_end(h.asker);
	expect(h.p.server, 'Q', "next");
	say(h.p.server, 'Z', "I");
	settle();
	expect(h.next, 'Z', "I");
	assert_at_rest("a", 1);
	end_held(&h);
}

/* Never closed by the server: nobody may have that server any more. */
static void
cancel_hangs(void **state)
{
	struct held h = start_held();

	(void)state;
	pass(11 * USEC_PER_SEC);
	expect_end(h.asker);
	expect(h.p.server, 'X', "");
	expect_end(h.p.server);
	close(h.p.server);
	close(h.cancel);
	settle();
	h.p.server = serve();
	expect(h.p.server, 'Q', "next");
	end_held(&h);
}

static void
server_dies_while_held(void **state)
{
	struct held h = start_held();

	(void)state;
	close(h.p.server);
	settle();
	h.p.server = serve();
	expect(h.p.server, 'Q', "next");
	close(h.cancel);
	settle();
	expect_end(h.asker);
	end_held(&h);
}

/* Everybody leaves in the midst of it, in every order. */
static void
everybody_leaves_while_held(void **state)
{
	(void)state;
	for (int order = 0; order < 24; order++) {
		struct held h = start_held();
		int fds[4] = { h.p.client, h.asker, h.next, h.cancel };
		int left = 4;

		for (int o = order, n = 4; n > 0; o /= n--) {
			int i = o % n;

			close(fds[i]);
			fds[i] = fds[--left];
			settle();
		}
		close(h.p.server);
		settle();
		/* The next one's query may have opened another server. */
		close_stage();
	}
}

/* A second cancel of the same query is dropped, and told so. */
static void
cancel_twice(void **state)
{
	uint8_t key[CANCEL_KEY_BYTES];
	int client, server, first, second, cancel;

	(void)state;
	open_stage(1, "");
	client = dial();
	send_login(client, 'L', "a", "");
	settle();
	server = serve();
	expect_login(client, key);
	say(client, 'Q', "long");
	settle();
	first = send_cancel(key);
	cancel = accept_server();
	second = send_cancel(key);
	expect_end(second);
	expect_no_server();
	expect_nothing(first);
	close(cancel);
	settle();
	expect_end(first);
	close(first);
	close(second);
	close(client);
	close(server);
	settle();
	close_stage();
}

/* A client whose server is being made ready for its query, and a cancel that
 * waits for that. */
struct linking {
	int client, server, asker;
};

static struct linking
start_linking(const char *more, const char *mode)
{
	uint8_t key[CANCEL_KEY_BYTES];
	struct linking l;

	open_stage(1, more);
	l.client = dial();
	send_login(l.client, 'L', "a", mode);
	settle();
	l.server = serve();
	expect_login(l.client, key);
	pass(31 * USEC_PER_SEC); /* server_check_delay */
	say(l.client, 'Q', "one");
	settle();
	l.asker = send_cancel(key);
	expect_nothing(l.asker);
	return l;
}

/* It queues for another server: that one must not run what was canceled. */
static void
end_linking(struct linking *l)
{
	expect_end(l->asker);
	expect(l->client, 'E', "scanceling statement due to user request");
	expect_nothing(l->client);
	assert_int_equal(stage_pool("a")->waiting, 0);
	close(l->asker);
	close(l->server);
	settle();
	say(l->client, 'Q', "two");
	settle();
	pass(2 * USEC_PER_SEC);
	l->server = serve();
}

static void
cancel_while_linking_to_a_dying_server(void **state)
{
	struct linking l = start_linking("", "wait");

	(void)state;
	expect(l.server, 'V', "");
	close(l.server);
	l.server = -1;
	settle();
	end_linking(&l);
	expect(l.server, 'V', "");
	say(l.server, 'Z', "I");
	settle();
	expect(l.server, 'Q', "two");
	close(l.client);
	close(l.server);
	settle();
	close_stage();
}

/* As before, where it is the time for the check that ends. */
static void
cancel_while_a_check_hangs(void **state)
{
	struct linking l = start_linking("server_check_query = select 1\n"
					 "query_wait_notify = 0\n",
					 "");

	(void)state;
	expect(l.server, 'H', "");
	pass(6 * USEC_PER_SEC);
	end_linking(&l);
	expect(l.server, 'Q', "two");
	close(l.client);
	close(l.server);
	settle();
	close_stage();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cancel_of_nobody),
		cmocka_unit_test(cancel_in_the_queue),
		cmocka_unit_test(cancel_holds_the_server),
		cmocka_unit_test(cancel_hangs),
		cmocka_unit_test(server_dies_while_held),
		cmocka_unit_test(everybody_leaves_while_held),
		cmocka_unit_test(cancel_twice),
		cmocka_unit_test(cancel_while_linking_to_a_dying_server),
		cmocka_unit_test(cancel_while_a_check_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
