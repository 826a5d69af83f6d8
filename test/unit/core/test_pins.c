/* Clients that keep their server between transactions, and who is told. */
#include "stage.h"

#include "core/pins.h"

/* What SHOW PINS would list. */
struct listing {
	unsigned count;
	struct pin_info rows[8];
	char database[8][16];
};

static void
add(void *arg, const struct pin_info *info)
{
	struct listing *list = arg;

	assert_true(list->count < 8);
	assert_string_equal(info->client->user, "u");
	assert_string_equal(info->client->state, "active");
	assert_true(info->client->link != 0);
	(void)text_copy(list->database[list->count], 16,
			info->client->database);
	list->rows[list->count++] = *info;
}

static unsigned
list_pins(struct listing *list)
{
	*list = (struct listing){ 0 };
	for (unsigned i = 0; i < stage.core->worker_count; i++)
		worker_each_pin(stage_worker(i), add, list);
	return list->count;
}

static unsigned
pins_listed(void)
{
	struct listing list;

	return list_pins(&list);
}

static void
assert_counts(enum state_kind kind, uint32_t is, uint64_t were)
{
	uint32_t now[PIN_KINDS] = { 0 };
	uint64_t begun[PIN_KINDS] = { 0 };

	pins_sum(&stage_pool("a")->parts[0], now, begun);
	assert_int_equal(now[kind], is);
	assert_int_equal(begun[kind], were);
}

/* The client's statement ends with this status. */
static void
run(int client, int server, const char *status)
{
	say(client, 'Q', "x");
	settle();
	expect(server, 'Q', "x");
	say(server, 'Z', status);
	settle();
	expect(client, 'Z', status);
}

static void
listed_while_it_lasts(void **state)
{
	struct listing list;
	int client, server;

	(void)state;
	open_stage(1, "on_listen = pin\n");
	client = first_login("a", "", &server);
	run(client, server, "I");
	assert_int_equal(pins_listed(), 0);
	run(client, server, "P");
	pass(3 * USEC_PER_SEC);
	assert_int_equal(list_pins(&list), 1);
	assert_string_equal(list.database[0], "a");
	assert_int_equal(list.rows[0].kind, STATE_TEMP_TABLE);
	assert_int_equal(list.rows[0].digest, TINY_DIGEST);
	assert_int_equal(list.rows[0].age, 3 * USEC_PER_SEC);
	assert_counts(STATE_TEMP_TABLE, 1, 1);
	/* A second reason; the first one's time goes on. */
	run(client, server, "p");
	pass(2 * USEC_PER_SEC);
	assert_int_equal(list_pins(&list), 2);
	assert_int_equal(list.rows[0].age, 5 * USEC_PER_SEC);
	assert_int_equal(list.rows[1].kind, STATE_LISTEN);
	assert_int_equal(list.rows[1].age, 2 * USEC_PER_SEC);
	run(client, server, "P");
	assert_int_equal(pins_listed(), 1);
	assert_counts(STATE_LISTEN, 0, 1);
	assert_counts(STATE_TEMP_TABLE, 1, 1);
	run(client, server, "I");
	assert_int_equal(pins_listed(), 0);
	assert_at_rest("a", 1);
	run(client, server, "P");
	assert_counts(STATE_TEMP_TABLE, 1, 2);
	close(client);
	settle();
	assert_counts(STATE_TEMP_TABLE, 0, 2);
	assert_at_rest("a", 1);
	close(server);
	close_stage();
}

/* A session is not pinned: it has its server anyhow. */
static void
not_of_sessions(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("b", "", &server);
	run(client, server, "P");
	assert_int_equal(pins_listed(), 0);
	close(client);
	close(server);
	close_stage();
}

/* Whoever is pinned hears why, once for each reason, if that is wanted. */
static void
told_once(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	run(client, server, "P");
	expect_nothing(client);
	run(client, server, "I");
	stage_reload("pin_notice = 1\n");
	run(client, server, "P");
	expect(client, 'N',
	       "this session keeps its server connection: it has temporary "
	       "tables (temp_table); others may use it again when they are "
	       "dropped (on_temp_table, pin_notice)");
	run(client, server, "P");
	expect_nothing(client);
	run(client, server, "I");
	run(client, server, "p");
	expect(client, 'N', NULL); /* of the channel */
	expect_nothing(client);
	close(client);
	close(server);
	close_stage();
}

/* RECONNECT leaves the server until the pin ends, then closes it. */
static void
reconnect_waits(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	run(client, server, "P");
	assert_int_equal(core_reconnect(stage.core, "a"), VERB_OK);
	settle();
	assert_int_equal(core_close_pending(stage.core, "a"), 1);
	run(client, server, "P");
	run(client, server, "I");
	expect(server, 'X', "");
	close(server);
	settle();
	assert_int_equal(core_close_pending(stage.core, "a"), 0);
	close(client);
	close_stage();
}

/* With server_fast_close it is as a session: both end, others are spared. */
static void
reconnect_fast(void **state)
{
	int a, b, server, other;

	(void)state;
	open_stage(1, "server_fast_close = 1\ndefault_pool_size = 2\n");
	a = first_login("a", "", &server);
	b = login_as("a", "");
	run(a, server, "P");
	say(b, 'B', "");
	settle();
	other = serve();
	expect(other, 'B', "");
	say(other, 'Z', "T");
	settle();
	expect(b, 'Z', "T");
	assert_int_equal(core_reconnect(stage.core, "a"), VERB_OK);
	settle();
	expect(a, 'E', NULL);
	expect_end(a);
	say(b, 'C', "");
	settle();
	expect(other, 'C', "");
	say(other, 'Z', "I");
	settle();
	expect(b, 'Z', "I");
	expect_nothing(b);
	close(a);
	close(b);
	close(server);
	close(other);
	close_stage();
}

/* PAUSE waits for the pin as for a session, which goes on meanwhile. */
static void
pause_waits(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	run(client, server, "P");
	assert_int_equal(core_pause(stage.core, NULL), VERB_OK);
	settle();
	assert_int_equal(core_pause_pending(stage.core, NULL), 1);
	run(client, server, "P");
	assert_int_equal(core_pause_pending(stage.core, NULL), 1);
	run(client, server, "I");
	expect(server, 'X', "");
	close(server);
	settle();
	assert_int_equal(core_pause_pending(stage.core, NULL), 0);
	close(client);
	close_stage();
}

/* A drain does not wait for a pin: between transactions the client may go. */
static void
drain_ends_it(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	run(client, server, "P");
	core_drain(stage.core, DRAIN_POLITE);
	settle();
	expect(client, 'E', NULL);
	expect_end(client);
	assert_counts(STATE_TEMP_TABLE, 0, 1);
	assert_int_equal(core_drain_pending(stage.core), 0);
	close(client);
	close(server);
	close_stage();
}

/* KILL in the middle of a transaction: it ends at a boundary that is pinned,
 * where the server is not taken for clean. */
static void
closed_at_its_boundary(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	run(client, server, "P");
	say(client, 'Q', "long");
	settle();
	core_drain(stage.core, DRAIN_POLITE);
	settle();
	expect_nothing(client);
	expect(server, 'Q', "long");
	say(server, 'Z', "P");
	settle();
	expect(client, 'Z', "P");
	expect(client, 'E', NULL);
	expect_end(client);
	close(client);
	close(server);
	close_stage();
}

/* The pool's mode becomes session: it is no pin any more, but stays. */
static void
reload_to_sessions(void **state)
{
	int client, server;

	(void)state;
	open_stage(1, "");
	client = first_login("a", "", &server);
	run(client, server, "P");
	stage_reload("pool_mode = session\n");
	run(client, server, "P");
	assert_int_equal(pins_listed(), 0);
	assert_counts(STATE_TEMP_TABLE, 0, 1);
	run(client, server, "I");
	assert_int_equal(stage_pool("a")->in_use, 1);
	close(client);
	close(server);
	close_stage();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listed_while_it_lasts),
		cmocka_unit_test(not_of_sessions),
		cmocka_unit_test(told_once),
		cmocka_unit_test(reconnect_waits),
		cmocka_unit_test(reconnect_fast),
		cmocka_unit_test(pause_waits),
		cmocka_unit_test(drain_ends_it),
		cmocka_unit_test(closed_at_its_boundary),
		cmocka_unit_test(reload_to_sessions),
	};

	return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
