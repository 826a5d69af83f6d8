/*
 * The queue of owed answers: the order on the wire is the order in the queue,
 * hidden ones are counted, and a command of the client's goes out when nothing
 * else is owed.
 */
#include "script.h"

static struct my_owed
entry(enum my_owed_task task)
{
	return (struct my_owed){ .task = (uint8_t)task };
}

static void
test_queue(void **state)
{
	struct my_owed_queue q = { .count = 0 };

	(void)state;
	/* Round and round, so that it wraps at each of its places. */
	for (unsigned start = 0; start < 3 * MY_OWED_MAX; start++) {
		for (unsigned i = 0; i < MY_OWED_MAX; i++) {
			assert_true(my_owed_has_room(&q));
			my_owed_push(&q, entry(i % 3 == 0 ? MY_OWED_CLIENT
							  : MY_OWED_SET));
			my_owed_head(&q)->len += 1;
		}
		assert_false(my_owed_has_room(&q));
		assert_int_equal(my_owed_head(&q)->len, MY_OWED_MAX);
		assert_int_equal(q.hidden, MY_OWED_MAX - (MY_OWED_MAX + 2) / 3);
		for (unsigned i = 0; i < MY_OWED_MAX; i++) {
			assert_int_equal(my_owed_head(&q)->task,
					 i % 3 == 0 ? MY_OWED_CLIENT
						    : MY_OWED_SET);
			my_owed_pop(&q);
		}
		assert_int_equal(q.count + q.hidden, 0);
		my_owed_push(&q, entry(MY_OWED_LOOK));
		my_owed_pop(&q);
	}
}

/* What each entry is owed is answered to whom it concerns, in its turn. */
static void
test_turns(void **state)
{
	static const struct script scripts[] = {
		{
			.name = "all that a link may owe, answers in one piece",
			.mode = POOL_TRANSACTION,
			.schema = "a",
			.start = { "time_zone", "+01:00" },
			.moves = { { CLIENT, "i:b|q:do 1/0|"
					     "q:insert into t values ()" },
				   { SERVER, "ok" },
				   { SERVER, "ok schema=b" },
				   { SERVER, "ok warn=1" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, FORGOTTEN },
				   { SERVER, "ok id=5" },
				   { SERVER, "raw \001|col|row 5|end" },
				   { NEXT, "" },
				   { CLIENT, "q:show warnings|"
					     "q:select last_insert_id()" },
				   { SERVER, "ok schema=a" },
				   { SERVER, "raw \003|col|col|col|end" },
				   { SERVER, "ok" },
				   { SERVER, "raw \001|col|row 0|end" } },
			.to_client = "1:ok,changes 1:ok,warn=1 1:ok,id=5 "
				     "1:data 2:data 3:data 4:data 5:end 1:data "
				     "2:data 3:data 4:end",
			.to_server =
				"0:[SET @@session.time_zone='+01:00'] 0:use:b "
				"0:[do 1/0] 0:[SHOW WARNINGS] 0:[SELECT 1 FROM "
				"(SELECT 1) AS t] 0:[insert into t values ()] "
				"0:[SELECT LAST_INSERT_ID() LIMIT 1] 0:use:a "
				"0:[show warnings] 0:[SET last_insert_id=0] "
				"0:[select last_insert_id()]",
			.log = "link:1 boundary:0,0 boundary:0,0 link:0 "
			       "boundary:0,0 link:0 boundary:0,0 link:1 "
			       "boundary:0,0 boundary:0,0 link:1 boundary:0,0 "
			       "boundary:0,0 ",
		},
		{
			.name = "a ping, then what was left, then the boundary",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT,
				     "q:insert into t values (); delete from u|"
				     "q:do 1" },
				   { SERVER, "ok more id=5|err 1146" },
				   { SERVER, "ok" },
				   { SERVER, "raw \003|col|col|col|row a|end" },
				   { SERVER, "raw \001|col|row 5|end" },
				   { SERVER, FORGOTTEN },
				   { SERVER, "ok" } },
			.to_client = "1:ok,id=5 2:err1146 1:ok",
			.to_server = "0:[insert into t values (); delete from "
				     "u] 0:ping 0:[SHOW WARNINGS] 0:[SELECT "
				     "LAST_INSERT_ID() LIMIT 1] 0:[SELECT 1 "
				     "FROM (SELECT 1) AS t] 0:[do 1]",
			.log = "link:0 boundary:0,0 link:0 boundary:0,0 ",
		},
		{
			.name = "rows for carpool itself reach nobody",
			.mode = POOL_TRANSACTION,
			.on = { [STATE_UNKNOWN_SET] = STATE_RESET },
			.connect_query = "select 1",
			.moves = { { CLIENT, "q:set @a:=(select 1)" },
				   { SERVER, "ok changed" },
				   { SERVER, "ok" },
				   { SERVER, "ok" },
				   { SERVER, "raw \001|col|row a|end" },
				   { CLIENT, "q:do 1" },
				   { SERVER, "ok" } },
			.to_client = "1:ok 1:ok",
			.to_server = "0:[set @a:=(select 1)] 0:reset "
				     "0:trackers 0:[select 1] 0:[do 1]",
			.log = "link:0 boundary:0,1 boundary:0,0 link:0 "
			       "boundary:0,0 ",
		},
		{
			.name = "the client is gone with all of it owed",
			.mode = POOL_TRANSACTION,
			.moves = { { CLIENT, "q:insert into t values (); "
					     "delete from u" },
				   { SERVER, "ok more id=5|err 1146" },
				   { GONE, "" },
				   { SERVER, "ok" },
				   { NEXT, "" },
				   { CLIENT, "q:select last_insert_id()" },
				   { SERVER, "ok" },
				   { SERVER, FORGOTTEN },
				   { SERVER, "raw \001|col|row 0|end" } },
			.to_client = "1:ok,id=5 2:err1146 1:data 2:data 3:data "
				     "4:end",
			.to_server = "0:[insert into t values (); delete from "
				     "u] 0:ping 0:[SET last_insert_id=0] "
				     "0:[SELECT 1 FROM (SELECT 1) AS t] "
				     "0:[select last_insert_id()]",
			.log = "link:0 abandon:1 boundary:0,0 link:1 "
			       "boundary:0,0 ",
		},
	};

	(void)state;
	SCRIPT_CHECK_ALL(scripts);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
