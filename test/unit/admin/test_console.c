/*
 * The console with control under it, over an engine that only counts what it
 * is asked: answers, waiting, rights, and that describing does nothing.
 */
#include "engine.h"

/* ------------------------------------------------------------------------
 * A console for each test
 */

struct fixture {
	struct config_source source;
	struct snapshot *snapshot;
	struct loop *loop;
	struct resolver *resolver;
	struct control *control;
	struct console *console;
	bool is_stopped;
};

static struct core *
any_core(void)
{
	static int place;

	return (struct core *)(void *)&place;
}

static int
set_up(void **state)
{
	struct fixture *f = mem_must_zalloc(sizeof(*f));
	struct control_config config = { .log_console = LOG_CONSOLE_QUIET };
	struct config_report report = { 0 };

	*state = f;
	f->source.url = "postgresql://me:secret@127.0.0.1/db";
	f->snapshot = snapshot_build(&f->source, &report);
	config_report_fini(&report);
	f->loop = loop_new();
	f->resolver = resolver_new(f->loop, NULL, NULL);
	config.loop = f->loop;
	config.resolver = f->resolver;
	config.source = &f->source;
	config.snapshot = f->snapshot;
	f->control = control_new(&config);
	f->console = console_new(f->control);
	memset(&engine, 0, sizeof(engine));
	engine.loop = f->loop;
	control_set_console(f->control, console_take, f->console);
	control_start(f->control, any_core());
	return 0;
}

static void
forget_answer(void)
{
	struct console_request *r = engine.answered;

	engine.answered = NULL;
	if (r == NULL)
		return;
	rowset_free(r->result);
	mem_free(r->user);
	mem_free(r->text);
	mem_free(r);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	forget_answer();
	if (!f->is_stopped)
		control_stop(f->control);
	console_free(f->console);
	control_free(f->control);
	resolver_free(f->resolver);
	loop_free(f->loop);
	snapshot_unref(f->snapshot);
	snapshot_unref(engine.published);
	engine.published = NULL;
	mem_free(f);
	return 0;
}

static struct console_request *
request_new(const char *text, enum console_right right)
{
	struct console_request *r = mem_must_zalloc(sizeof(*r));

	r->right = right;
	r->user = mem_must_strdup("me");
	r->text = mem_must_strdup(text);
	return r;
}

/* Gives a command as a worker would; the answer may be there or not. */
static void
give(struct fixture *f, const char *text, enum console_right right)
{
	forget_answer();
	control_submit(f->control, request_new(text, right));
	loop_drain(f->loop);
}

static void
describe(struct fixture *f, const char *text, enum console_right right)
{
	struct console_request *r = request_new(text, right);

	forget_answer();
	r->is_describe = true;
	control_submit(f->control, r);
	loop_drain(f->loop);
}

static const struct rowset *
answer(void)
{
	assert_non_null(engine.answered);
	assert_non_null(engine.answered->result);
	return engine.answered->result;
}

static void
assert_refused(const char *sqlstate, const char *text)
{
	assert_string_equal(answer()->sqlstate, sqlstate);
	assert_non_null(strstr(answer()->error, text));
}

static void
assert_done(const char *tag)
{
	assert_string_equal(answer()->sqlstate, "");
	assert_string_equal(answer()->tag, tag);
	assert_int_equal(answer()->column_count, 0);
}

/* ------------------------------------------------------------------------
 * Tests
 */

static void
every_table_is_filled(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < shows_count; i++) {
		const struct show *show = &shows_table[i];
		char text[80];

		if (show->columns == NULL)
			continue;
		text_format(text, sizeof(text), "SHOW %s", show->name);
		give(f, text, show->right);
		assert_string_equal(answer()->tag, "SHOW");
		assert_ptr_equal(answer()->columns, show->columns->list);
		assert_int_equal(answer()->column_count, show->columns->count);
		assert_int_equal(engine.effects, 0);
	}
}

static const char *
cell(const char *column, size_t row)
{
	const struct rowset *r = answer();

	assert_true(row < r->row_count);
	for (size_t i = 0; i < r->column_count; i++)
		if (strcmp(r->columns[i].name, column) == 0)
			return r->cells[row * r->column_count + i];
	fail_msg("no column %s", column);
	return NULL;
}

static void
rows_are_those_of_all_workers(void **state)
{
	struct fixture *f = *state;

	give(f, "SHOW CLIENTS", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 2);
	assert_string_equal(cell("type", 1), "C");
	assert_string_equal(cell("wait", 0), "3");
	assert_string_equal(cell("wait_us", 0), "5");
	give(f, "SHOW SERVERS", CONSOLE_STATS);
	assert_string_equal(cell("type", 0), "S");
	give(f, "SHOW SOCKETS", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 4);
	give(f, "SHOW ACTIVE_SOCKETS", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 2);
	give(f, "SHOW POOLS", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 2);
	assert_string_equal(cell("maxwait", 0), "2");
	assert_string_equal(cell("maxwait_us", 0), "7");
	assert_string_equal(cell("database", 1), "pgbouncer");
	assert_string_equal(cell("pool_mode", 1), "statement");
	give(f, "SHOW PINS", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 4);
	assert_string_equal(cell("id", 0), "17");
	assert_string_equal(cell("reason", 0), "advisory_lock");
	assert_string_equal(cell("age", 0), "3");
	assert_string_equal(cell("digest", 0), "000000000000beef");
	assert_null(cell("digest", 1));
	assert_string_equal(cell("protocol", 0), "mysql");
	give(f, "SHOW PIN_COUNTS", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 1);
	assert_string_equal(cell("reason", 0), "listen");
	assert_string_equal(cell("now", 0), "1");
	assert_string_equal(cell("begun", 0), "3");
	assert_string_equal(cell("protocol", 0), "mysql");
	give(f, "SHOW STATS_TOTALS", CONSOLE_STATS);
	assert_string_equal(cell("database", 1), "db");
	assert_string_equal(cell("query_count", 1), "7");
	assert_string_equal(cell("query_count", 0), "7");
	give(f, "SHOW PREPARED_STATEMENTS", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 1);
	assert_string_equal(cell("user", 0), "app");
	assert_string_equal(cell("digest", 0), "000000000000feed");
	assert_string_equal(cell("length", 0), "8");
	assert_string_equal(cell("parameters", 0), "1");
	assert_string_equal(cell("clients", 0), "3");
	assert_string_equal(cell("servers", 0), "2");
	assert_string_equal(cell("protocol", 0), "mysql");
	give(f, "SHOW STATES", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 1);
	assert_string_equal(cell("state", 0), "000000000000feed");
	assert_string_equal(cell("clients", 0), "3");
	assert_string_equal(cell("servers", 0), "2");
	assert_string_equal(cell("settings", 0), "a=1, b=2");
	assert_string_equal(cell("protocol", 0), "mysql");
	engine.is_short = true;
	give(f, "SHOW PREPARED_STATEMENTS", CONSOLE_STATS);
	assert_null(engine.answered->result);
	give(f, "SHOW STATES", CONSOLE_STATS);
	assert_null(engine.answered->result);
	engine.is_short = false;
}

static void
explains(void **state)
{
	struct fixture *f = *state;

	give(f, "explain pin 'listen a; select 1'", CONSOLE_STATS);
	assert_int_equal(answer()->row_count, 2);
	assert_string_equal(cell("statement", 0), "listen");
	assert_string_equal(cell("effect", 0), "is left behind");
	assert_string_equal(cell("kind", 0), "listen");
	assert_string_equal(cell("policy", 0), "emulate");
	assert_string_equal(cell("reason", 0), "because");
	assert_null(cell("kind", 1));
	assert_null(cell("policy", 1));
	assert_string_equal(cell("protocol", 1), "postgres");
	give(f, "EXPLAIN PIN 'listen a' db somebody", CONSOLE_STATS);
	assert_string_equal(cell("policy", 0), "emulate");
	give(f, "EXPLAIN SELECT 1", CONSOLE_STATS);
	assert_refused("42601", "invalid command");
	give(f, "EXPLAIN PIN", CONSOLE_STATS);
	assert_refused("42601", "syntax: EXPLAIN PIN 'sql' [db [user]]");
	give(f, "EXPLAIN PIN 'listen a'", CONSOLE_NONE);
	assert_refused("42501", "admin access needed");
	describe(f, "EXPLAIN PIN 'listen a'", CONSOLE_STATS);
	assert_int_equal(answer()->column_count, columns_explain.count);
	assert_int_equal(answer()->row_count, 0);
}

static void
describing_does_nothing(void **state)
{
	static const char *const commands[] = {
		"PAUSE",         "RESUME",     "DISABLE db",
		"ENABLE db",     "RECONNECT",  "KILL",
		"KILL_CLIENT 1", "RELOAD",     "SET query_timeout = 5",
		"SHUTDOWN",      "WAIT_CLOSE", "SUSPEND",
		"SHOW HELP",
	};
	struct fixture *f = *state;

	engine.pending = 1000;
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		describe(f, commands[i], CONSOLE_ADMIN);
		assert_string_equal(answer()->sqlstate, "");
		assert_int_equal(answer()->column_count, 0);
		assert_null(answer()->notice);
	}
	describe(f, "SHOW POOLS", CONSOLE_ADMIN);
	assert_int_equal(answer()->column_count, columns_pools.count);
	assert_int_equal(answer()->row_count, 0);
	describe(f, "PAUSE", CONSOLE_STATS);
	assert_refused("42501", "admin access needed");
	describe(f, "nonsense", CONSOLE_ADMIN);
	assert_refused("42601", "invalid command");
	assert_int_equal(engine.effects, 0);
	assert_int_equal(control_commands(f->control), 0);
}

static void
denied_commands_do_nothing(void **state)
{
	static const char *const commands[] = {
		"PAUSE",         "RESUME",     "DISABLE db",
		"ENABLE db",     "RECONNECT",  "KILL",
		"KILL_CLIENT 1", "RELOAD",     "SET query_timeout = 5",
		"SHUTDOWN",      "WAIT_CLOSE", "SUSPEND",
		"SHOW FDS",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		give(f, commands[i], CONSOLE_STATS);
		assert_refused("42501", "admin access needed");
		give(f, commands[i], CONSOLE_NONE);
		assert_refused("42501", "admin access needed");
	}
	assert_int_equal(engine.effects, 0);
}

static void
verbs_reach_the_engine(void **state)
{
	static const struct {
		const char *command, *tag, *argument;
	} cases[] = {
		{ "DISABLE db", "DISABLE", "db" },
		{ "enable \"My Db\";", "ENABLE", "My Db" },
		{ "RECONNECT", "RECONNECT", "(all)" },
		{ "RECONNECT db", "RECONNECT", "db" },
		{ "KILL db", "KILL", "db" },
		{ "RESUME", "RESUME", "(all)" },
		{ "PAUSE db", "PAUSE", "db" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		give(f, cases[i].command, CONSOLE_ADMIN);
		assert_done(cases[i].tag);
		assert_string_equal(engine.argument, cases[i].argument);
		assert_int_equal(engine.effects, i + 1);
	}
}

static void
verbs_may_fail(void **state)
{
	static const struct {
		const char *command;
		enum verb_result verdict;
		const char *sqlstate, *text;
	} cases[] = {
		{ "PAUSE x", VERB_NO_DATABASE, "3D000", "no such database: x" },
		{ "PAUSE x", VERB_ALREADY, "55000", "already paused" },
		{ "PAUSE", VERB_ALREADY, "55000", "already suspended/paused" },
		{ "RESUME x", VERB_ALREADY, "55000", "x is not paused" },
		{ "RESUME", VERB_ALREADY, "55000", "not paused/suspended" },
		{ "KILL x", VERB_NO_DATABASE, "3D000", "no such database: x" },
		{ "RECONNECT x", VERB_NO_DATABASE, "3D000", "no such" },
		{ "DISABLE x", VERB_NO_DATABASE, "3D000", "no such" },
		{ "DISABLE pgbouncer", VERB_OK, "42809", "console" },
		{ "KILL carpool", VERB_OK, "42809", "console" },
		{ "KILL_CLIENT x", VERB_OK, "22P02", "x" },
		{ "KILL_CLIENT 9", VERB_OK, "42704", "client not found: 9" },
		{ "SUSPEND", VERB_OK, "0A000", "SUSPEND" },
		{ "SHOW FDS", VERB_OK, "0A000", "secrets" },
		{ "SHUTDOWN soon", VERB_OK, "42601", "soon" },
		{ "SET query_timeout", VERB_OK, "42601", "syntax" },
		{ "SET query_timeout = ", VERB_OK, "42601", "syntax" },
		{ "SET query_timeout : 3", VERB_OK, "42601", "syntax" },
		{ "SET what = 3", VERB_OK, "42704", "\"what\"" },
		{ "SET listen_port = 3", VERB_OK, "55P02", "restart" },
		{ "SET query_timeout = a", VERB_OK, "22023", "query_timeout" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		engine.verdict = cases[i].verdict;
		give(f, cases[i].command, CONSOLE_ADMIN);
		assert_refused(cases[i].sqlstate, cases[i].text);
	}
}

static void
pause_waits(void **state)
{
	static const char *const commands[] = { "PAUSE", "PAUSE db",
						"WAIT_CLOSE", "WAIT_CLOSE db" };
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		engine.pending = 2;
		give(f, commands[i], CONSOLE_ADMIN);
		assert_null(engine.answered);
		loop_run(f->loop, NULL, NULL);
		assert_string_equal(answer()->sqlstate, "");
		assert_int_equal(engine.pending, 0);
	}
}

static void
resume_ends_a_pause(void **state)
{
	struct fixture *f = *state;

	engine.pending = UINT32_MAX;
	give(f, "PAUSE", CONSOLE_ADMIN);
	assert_null(engine.answered);
	engine.is_paused = false;
	loop_run(f->loop, NULL, NULL);
	assert_refused("57014", "RESUME");
}

/* Nobody waits any more; the pause itself stands. */
static void
a_client_that_left_ends_its_wait(void **state)
{
	struct fixture *f = *state;
	struct console_request *r = request_new("PAUSE", CONSOLE_ADMIN);

	forget_answer();
	engine.pending = UINT32_MAX;
	control_submit(f->control, r);
	loop_drain(f->loop);
	assert_null(engine.answered);
	r->is_abandoned = true;
	loop_run(f->loop, NULL, NULL);
	assert_non_null(engine.answered);
	assert_true(engine.is_paused);
}

static void
the_end_answers_who_waits(void **state)
{
	struct fixture *f = *state;

	engine.pending = UINT32_MAX;
	give(f, "PAUSE", CONSOLE_ADMIN);
	assert_null(engine.answered);
	control_stop(f->control);
	f->is_stopped = true;
	assert_refused("57014", "shutting down");
	give(f, "SHOW VERSION", CONSOLE_ADMIN);
	assert_refused("57P01", "shutting down");
}

static void
shutdown_answers_at_the_end(void **state)
{
	struct fixture *f = *state;

	give(f, "SHUTDOWN WAIT_FOR_CLIENTS", CONSOLE_ADMIN);
	assert_null(engine.answered);
	assert_int_equal(engine.effects, 1);
	assert_int_equal(control_shutdown_state(f->control), SHUTDOWN_CLIENTS);
	engine.pending = 2;
	loop_run(f->loop, NULL, NULL);
	assert_null(engine.answered);
	assert_int_equal(engine.pending, 0);
	control_stop(f->control);
	f->is_stopped = true;
	assert_done("SHUTDOWN");
	assert_true(answer()->is_closing);
}

static void
shutdown_only_gets_faster(void **state)
{
	struct fixture *f = *state;

	control_shutdown(f->control, SHUTDOWN_SERVERS);
	control_shutdown(f->control, SHUTDOWN_CLIENTS);
	assert_int_equal(control_shutdown_state(f->control), SHUTDOWN_SERVERS);
	control_shutdown(f->control, SHUTDOWN_NOW);
	control_shutdown(f->control, SHUTDOWN_POLITE);
	assert_int_equal(control_shutdown_state(f->control), SHUTDOWN_NOW);
	engine.pending = UINT32_MAX;
	loop_run(f->loop, NULL, NULL); /* ends whatever is pending */
}

static const struct settings *
settings_now(const struct fixture *f)
{
	return snapshot_settings(control_snapshot(f->control));
}

static void
set_holds_until_reload(void **state)
{
	struct fixture *f = *state;
	uint32_t before = settings_now(f)->default_pool_size;

	give(f, "SET default_pool_size = 7", CONSOLE_ADMIN);
	assert_done("SET");
	give(f, "SET query_timeout TO '2.5';", CONSOLE_ADMIN);
	assert_done("SET");
	give(f, "SET admin_users = a, b", CONSOLE_ADMIN);
	assert_done("SET");
	assert_int_equal(settings_now(f)->default_pool_size, 7);
	assert_int_equal(settings_now(f)->query_timeout, 2500000);
	assert_string_equal(settings_now(f)->admin_users, "a, b");
	assert_ptr_equal(engine.published, control_snapshot(f->control));
	give(f, "SET default_pool_size = -1", CONSOLE_ADMIN);
	assert_refused("22023", "default_pool_size");
	assert_int_equal(settings_now(f)->default_pool_size, 7);
	give(f, "RELOAD", CONSOLE_ADMIN);
	assert_done("RELOAD");
	assert_int_equal(settings_now(f)->default_pool_size, before);
	assert_int_equal(settings_now(f)->query_timeout, 0);
}

static void
a_bad_reload_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *before;

	give(f, "SET default_pool_size = 7", CONSOLE_ADMIN);
	before = control_snapshot(f->control);
	engine.effects = 0;
	f->source.url = "postgresql://me:secret@127.0.0.1:nowhere/db";
	give(f, "RELOAD", CONSOLE_ADMIN);
	assert_refused("F0000", "RELOAD failed");
	assert_null(strstr(answer()->error, "secret"));
	assert_ptr_equal(control_snapshot(f->control), before);
	assert_int_equal(engine.effects, 0);
	assert_int_equal(settings_now(f)->default_pool_size, 7);
	f->source.url = "postgresql://me:secret@127.0.0.1/db";
}

static void
drivers_parameters_change_nothing(void **state)
{
	struct fixture *f = *state;

	give(f, "SET datestyle TO 'ISO'", CONSOLE_STATS);
	assert_done("SET");
	give(f, "SHOW datestyle", CONSOLE_STATS);
	assert_string_equal(cell("datestyle", 0), "ISO");
	assert_int_equal(engine.effects, 0);
}

static void
an_empty_command_has_an_empty_answer(void **state)
{
	struct fixture *f = *state;

	give(f, " ; ", CONSOLE_STATS);
	assert_done("");
}

static int
open_log(void **state)
{
	const struct log_target target = { .file = "/dev/null" };

	(void)state;
	return log_open(&target);
}

static int
close_log(void **state)
{
	(void)state;
	log_close();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_table_is_filled),
		TEST(rows_are_those_of_all_workers),
		TEST(explains),
		TEST(describing_does_nothing),
		TEST(denied_commands_do_nothing),
		TEST(verbs_reach_the_engine),
		TEST(verbs_may_fail),
		TEST(pause_waits),
		TEST(resume_ends_a_pause),
		TEST(a_client_that_left_ends_its_wait),
		TEST(the_end_answers_who_waits),
		TEST(shutdown_answers_at_the_end),
		TEST(shutdown_only_gets_faster),
		TEST(set_holds_until_reload),
		TEST(a_bad_reload_changes_nothing),
		TEST(drivers_parameters_change_nothing),
		TEST(an_empty_command_has_an_empty_answer),
	};

	return cmocka_run_group_tests(tests, open_log, close_log);
}
