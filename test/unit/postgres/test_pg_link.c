/*
 * Settings that follow a client from server to server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scenario.h"

static const struct scenario scenarios[] = {
	{
		.name = "application_name goes with the first message",
		.mode = POOL_TRANSACTION,
		.start = { "application_name", "o'brien\\x" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER,
			     "C:SET|S:application_name:o'brien\\x|Z:I" },
			   { SERVER, "C:X|Z:I" },
			   { CLIENT, "Q:y" },
			   { SERVER, "C:Y|Z:I" } },
		.to_client = "C:X|Z:I|C:Y|Z:I",
		.to_server = "Q:SET application_name=E'o''brien\\\\x'|Q:x|Q:y",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "a value that no server took before is waited for",
		.mode = POOL_TRANSACTION,
		.start = { "DateStyle", "german" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "C:SET" },
			   { SERVER, "S:DateStyle:German, DMY|Z:I" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "S:DateStyle:German, DMY|C:X|Z:I",
		.to_server = "Q:SET DateStyle='german'|Q:x",
		.log = "link:wait boundary:none",
	},
	{
		.name = "no report: the completion is the truth",
		.mode = POOL_TRANSACTION,
		.start = { "TimeZone", "utc" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "C:SET|Z:I" },
			   { SERVER, "C:X|Z:I" },
			   { CLIENT, "Q:y" },
			   { SERVER, "C:Y|Z:I" } },
		.to_client = "C:X|Z:I|C:Y|Z:I",
		.to_server = "Q:SET TimeZone='utc'|Q:x|Q:y",
		.log = "link:wait boundary:none link:go boundary:none",
	},
	{
		.name = "a refused startup value refuses the client",
		.mode = POOL_TRANSACTION,
		.start = { "TimeZone", "nowhere" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "E:ERROR:22023:invalid value|Z:I" } },
		.to_client = "",
		.to_server = "Q:SET TimeZone='nowhere'",
		.log = "link:wait server:server_setting_refused:1 abandon:0",
	},
	{
		.name = "a late cancel hits the settings: once more",
		.mode = POOL_TRANSACTION,
		.start = { "TimeZone", "CET" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "E:ERROR:57014:canceled|Z:I" },
			   { SERVER, "C:SET|S:TimeZone:CET|Z:I" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "C:X|Z:I",
		.to_server = "Q:SET TimeZone='CET'|Q:SET TimeZone='CET'|Q:x",
		.log = "link:wait boundary:none",
	},
	{
		.name = "a late cancel of settings that were not waited for",
		.mode = POOL_TRANSACTION,
		.start = { "application_name", "a" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "E:ERROR:57014:canceled|Z:I|C:X|Z:I" },
			   { CLIENT, "Q:y" },
			   { SERVER,
			     "C:SET|S:application_name:a|Z:I|C:Y|Z:I" } },
		.to_client = "C:X|Z:I|C:Y|Z:I",
		.to_server = "Q:SET application_name='a'|Q:x|"
			     "Q:SET application_name='a'|Q:y",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "settings that fail behind the client's back",
		.mode = POOL_TRANSACTION,
		.start = { "application_name", "a" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "E:ERROR:22023:no|Z:I|C:X|Z:I" },
			   { CLIENT, "Q:y" },
			   { SERVER, "C:Y|Z:I" } },
		.to_client =
			"S:application_name:|N:server refused the session's "
			"value of \"application_name\"|C:X|Z:I|C:Y|Z:I",
		.to_server = "Q:SET application_name='a'|Q:x|Q:y",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "RESET ALL gives the client its own values back",
		.mode = POOL_TRANSACTION,
		.start = { "application_name", "a" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "C:SET|S:application_name:a|Z:I|C:X|Z:I" },
			   { CLIENT, "Q:reset all" },
			   { SERVER, "C:RESET|S:application_name:|Z:I" },
			   { CLIENT, "Q:y" },
			   { SERVER,
			     "C:SET|S:application_name:a|Z:I|C:Y|Z:I" } },
		.to_client = "C:X|Z:I|C:RESET|S:application_name:|"
			     "S:application_name:a|Z:I|C:Y|Z:I",
		.to_server = "Q:SET application_name='a'|Q:x|Q:reset all|"
			     "Q:SET application_name='a'|Q:y",
		.log = "link:go boundary:none link:go boundary:none link:go "
		       "boundary:none",
	},
	{
		.name = "RESET ALL in session mode: before the next request",
		.mode = POOL_SESSION,
		.start = { "application_name", "a" },
		.moves = { { CLIENT, "Q:x" },
			   { SERVER, "C:SET|S:application_name:a|Z:I|C:X|Z:I" },
			   { CLIENT, "Q:reset all" },
			   { SERVER, "C:RESET|S:application_name:|Z:I" },
			   { CLIENT, "Q:y" },
			   { SERVER,
			     "C:SET|S:application_name:a|Z:I|C:Y|Z:I" } },
		.to_client = "C:X|Z:I|C:RESET|S:application_name:|"
			     "S:application_name:a|Z:I|C:Y|Z:I",
		.to_server = "Q:SET application_name='a'|Q:x|Q:reset all|"
			     "Q:SET application_name='a'|Q:y",
		.log = "link:go boundary:none boundary:none boundary:none",
	},
	{
		.name = "a SET that is rolled back",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:begin;set timezone='CET'" },
			   { SERVER, "C:BEGIN|C:SET|S:TimeZone:CET|Z:T" },
			   { CLIENT, "Q:rollback" },
			   { SERVER, "C:ROLLBACK|S:TimeZone:UTC|Z:I" },
			   { CLIENT, "Q:x" },
			   { SERVER, "C:X|Z:I" } },
		.to_client = "C:BEGIN|C:SET|S:TimeZone:CET|Z:T|C:ROLLBACK|"
			     "S:TimeZone:UTC|Z:I|C:X|Z:I",
		.to_server = "Q:begin;set timezone='CET'|Q:rollback|Q:x",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "gone while its settings are made",
		.mode = POOL_TRANSACTION,
		.start = { "TimeZone", "CET" },
		.moves = { { CLIENT, "Q:x" },
			   { GONE, "" },
			   { SERVER, "C:SET|S:TimeZone:CET|Z:I" } },
		.to_client = "",
		.to_server = "Q:SET TimeZone='CET'",
		.log = "link:wait abandon:drain boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* A second client with other settings, on the first one's server. */
static void
settings_follow(void **state)
{
	struct drive d;
	struct pg_back *b;
	struct pg_front *f;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	b = d.back;
	drive_client(&d, "Q:set timezone='CET'");
	drive_server(&d, "C:SET|S:TimeZone:CET|Z:I");
	f = d.front;
	assert_ptr_equal(f->params, b->params);
	assert_true(pg_back_ops.suits(b, f));
	/* Equal sets become one again, and what is shown stands in that. */
	pg_params_put(&f->params,
		      pg_params_with(f->params, "application_name", "other"));
	pg_params_put(
		&f->params,
		pg_params_with(f->params, "application_name",
			       pg_params_find(b->params, "application_name")));
	pg_front_params_changed(f);
	assert_ptr_not_equal(f->params, b->params);
	drive_client(&d, "Q:x");
	assert_ptr_equal(f->params, b->params);
	assert_ptr_equal(pg_front_ops.view(f)->application_name,
			 pg_params_find(f->params, "application_name"));
	assert_ptr_equal(pg_back_ops.view(b)->application_name,
			 pg_params_find(b->params, "application_name"));
	drive_server(&d, "C:X|Z:I");
	pg_front_ops.close(d.front);
	d.front = pg_front_ops.open();
	f = d.front;
	pg_front_login_free(f->login);
	f->login = NULL;
	f->params = pg_params_ref(b->facts);
	pg_front_params_changed(f);
	assert_false(pg_back_ops.suits(b, f));
	str_fini(&d.to_server);
	drive_client(&d, "Q:x");
	drive_server(&d, "C:SET|S:TimeZone:UTC|Z:I|C:X|Z:I");
	assert_true(pg_params_equal(f->params, b->params));
	drive_fini(&d);
}

/* What is tracked but not reported by this server goes back to its default. */
static void
unreported_settings_are_reset(void **state)
{
	struct drive d;
	struct pg_back *b;
	struct pg_front *f;
	struct str server = { 0 };

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_BYTES);
	d.policy.extra_tracked = "IntervalStyle, search_path, my.var";
	b = d.back;
	drive_start_value(&d, "search_path", "a, \"b\"");
	drive_start_value(&d, "my.var", "1");
	drive_client(&d, "Q:x");
	drive_server(&d, "T|D:x|C:SELECT 1|C:SET|Z:I|C:X|Z:I");
	assert_string_equal(pg_params_find(b->params, "my.var"), "1");
	f = d.front;
	pg_params_put(&f->params, pg_params_ref(b->facts));
	pg_front_params_changed(f);
	drive_client(&d, "Q:y");
	drive_server(&d, "C:RESET|C:RESET|Z:I|C:Y|Z:I");
	assert_null(pg_params_find(b->params, "my.var"));
	drive_show(&server, (uint8_t *)d.to_server.data, d.to_server.len,
		   false);
	assert_string_equal(
		str_text(&server),
		"Q:SELECT pg_catalog.set_config('search_path','a, \"b\"',"
		"false);SET my.var='1'|Q:x|"
		"Q:RESET search_path;RESET my.var|Q:y");
	str_fini(&server);
	drive_fini(&d);
}

/* A pooler-made reset takes unreported settings with it. */
static void
discard_all_restores(void **state)
{
	struct drive d;
	struct pg_back *b;

	(void)state;
	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	b = d.back;
	drive_start_value(&d, "TimeZone", "utc");
	drive_client(&d, "Q:x");
	drive_server(&d, "C:SET|Z:I");
	assert_string_equal(pg_params_find(b->params, "TimeZone"), "utc");
	drive_server(&d, "C:X|Z:I");
	d.policy.on_state[STATE_UNKNOWN_SET] = STATE_RESET;
	drive_client(&d, "Q:call p()");
	drive_server(&d, "C:CALL|Z:I");
	drive_server(&d, "T|D:@4,,|C:SELECT 1|Z:I|C:DISCARD ALL|Z:I");
	assert_string_equal(pg_params_find(b->params, "TimeZone"), "UTC");
	assert_null(b->acked);
	drive_fini(&d);
}

/* Sets that are equal become one; the names that views show stay theirs. */
static void
equal_sets_are_united(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pg_params *made[2] = { NULL, NULL };
		struct pg_front *f;
		struct pg_back *b;
		struct drive d;

		drive_init(&d, POOL_TRANSACTION, CUT_NONE);
		f = d.front;
		b = d.back;
		for (unsigned k = 0; k < 2; k++)
			made[k] = pg_params_with(b->params, "application_name",
						 "mine");
		assert_ptr_not_equal(made[0], made[1]);
		pg_params_put(&f->params, made[i]);
		pg_params_put(&b->params, made[1 - i]);
		pg_front_params_changed(f);
		pg_back_params_changed(b);
		drive_client(&d, "Q:x");
		assert_string_equal(str_text(&d.log), "link:go");
		assert_ptr_equal(f->params, b->params);
		assert_string_equal(f->view.application_name, "mine");
		assert_string_equal(b->view.application_name, "mine");
		drive_fini(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(settings_follow),
		cmocka_unit_test(unreported_settings_are_reset),
		cmocka_unit_test(discard_all_restores),
		cmocka_unit_test(equal_sets_are_united),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
