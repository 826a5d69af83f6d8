/* Who holds which prepared statements, counted over all workers. */
#include "stage.h"

/* What was told of; at most these two statements. */
struct listing {
	unsigned rows, clients[2], servers[2];
	uint64_t digests[2];
	bool is_short, is_done;
};

static void
add(void *arg, const struct statement_info *info)
{
	struct listing *list = arg;
	unsigned i;

	if (info == NULL) {
		list->is_short = true;
		return;
	}
	i = info->types == 7 ? 0 : 1;
	assert_string_equal(info->database, "a");
	assert_string_equal(info->user, "u");
	assert_int_equal(info->length, i == 0 ? 0 : 3);
	list->rows++;
	list->clients[i] += info->clients;
	list->servers[i] += info->servers;
	list->digests[i] = info->digest;
}

static void
done(void *arg)
{
	struct listing *list = arg;

	list->is_done = true;
}

static void
list_now(struct listing *list)
{
	*list = (struct listing){ 0 };
	assert_true(core_each_statement(stage.core, add, done, list));
	settle();
	assert_true(list->is_done);
}

/* A client counts once, by however many names; a server is not a client. */
static void
counted_once(void **state)
{
	struct listing list;
	int a, b, server;

	(void)state;
	open_stage(2, "");
	list_now(&list);
	assert_int_equal(list.rows, 0);
	a = first_login("a", "", &server);
	b = login_as("a", "");
	list_now(&list);
	assert_int_equal(list.rows, 2);
	assert_int_equal(list.clients[0], 2);
	assert_int_equal(list.servers[0], 1);
	assert_int_equal(list.clients[1], 2);
	assert_int_equal(list.servers[1], 0);
	assert_int_equal(list.digests[1], 0xd2);
	assert_false(list.is_short);
	close(b);
	settle();
	list_now(&list);
	assert_int_equal(list.clients[0], 1);
	close(a);
	close(server);
	close_stage();
}

static void
add_state(void *arg, const struct state_info *info)
{
	struct listing *list = arg;

	assert_non_null(info);
	assert_string_equal(info->words, "a=1, b");
	assert_int_equal(info->id, 5);
	list->rows++;
	list->clients[0] = info->clients;
	list->servers[0] = info->servers;
}

/* States are counted the same way; none where a client keeps its server. */
static void
states_counted(void **state)
{
	static const char *const settings[] = { "", "pool_mode = session\n" };

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(settings); i++) {
		struct listing list = { 0 };
		int a, b, server;

		open_stage(2, settings[i]);
		a = first_login("a", "", &server);
		b = login_as("a", "");
		assert_true(
			core_each_state(stage.core, add_state, done, &list));
		settle();
		assert_true(list.is_done);
		assert_int_equal(list.rows, i == 0 ? 1 : 0);
		assert_int_equal(list.clients[0], i == 0 ? 2 : 0);
		assert_int_equal(list.servers[0], i == 0 ? 1 : 0);
		close(a);
		close(b);
		close(server);
		close_stage();
	}
}

#define CROWD 140 /* more than one round looks at */

/* Rounds go on until all were seen; the stop of the workers ends them. */
static void
many_rounds(void **state)
{
	struct listing list = { 0 };
	int clients[CROWD], server;

	(void)state;
	open_stage(1, "max_client_conn = 200\n");
	clients[0] = first_login("a", "", &server);
	for (unsigned i = 1; i < CROWD; i++)
		clients[i] = login_as("a", "");
	list_now(&list);
	assert_int_equal(list.rows, 2);
	assert_int_equal(list.clients[0], CROWD);
	assert_int_equal(list.servers[0], 1);
	list = (struct listing){ 0 };
	assert_true(core_each_statement(stage.core, add, done, &list));
	for (unsigned i = 0; i < CROWD; i++)
		close(clients[i]);
	close(server);
	close_stage();
	assert_true(list.is_done);
	assert_true(list.is_short || list.clients[0] == CROWD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counted_once),
		cmocka_unit_test(states_counted),
		cmocka_unit_test(many_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
