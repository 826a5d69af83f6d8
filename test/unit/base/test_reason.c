/* The table of reasons is complete and keeps the words people search for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/reason.h"

static bool
is_snake_case(const char *name)
{
	if (name[0] < 'a' || name[0] > 'z')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
	       strlen(name);
}

static void
rows_are_complete(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		const struct reason_info *r = reason_info((enum reason)i);

		assert_non_null(r->name);
		assert_true(is_snake_case(r->name));
		assert_non_null(r->sqlstate);
		assert_int_equal(strlen(r->sqlstate), 5);
		assert_int_equal(strspn(r->sqlstate,
					"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
				 5);
		assert_non_null(r->text);
		assert_true(strlen(r->text) > 0);
		assert_true(r->text[strlen(r->text) - 1] != '.');
		if (r->hint != NULL)
			assert_int_equal(r->hint[strlen(r->hint) - 1], '.');
		assert_true(r->level <= LOG_DEBUG);
		if (strcmp(r->sqlstate, "00000") != 0)
			assert_true(r->mysql >= 1000 &&
				    (r->mysql < 2000 || r->mysql >= 3000));
	}
}

static void
names_are_unique(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
				reason_info((enum reason)i)->name,
				reason_info((enum reason)k)->name);
}

static void
texts_name_their_setting(void **state)
{
	static const struct {
		enum reason reason;
		const char *sqlstate, *word;
	} cases[] = {
		{ REASON_PACKET_TOO_LARGE, "08P01", "max_packet_size" },
		{ REASON_NO_DATABASE, "3D000", "no such database" },
		{ REASON_STARTUP_PARAMETER, "0A000",
		  "unsupported startup parameter" },
		{ REASON_LOGIN_TIMEOUT, "57P05", "client_login_timeout" },
		{ REASON_CLIENT_IDLE, "57P05", "client_idle_timeout" },
		{ REASON_MAX_CLIENTS, "53300", "max_client_conn" },
		{ REASON_MAX_DB_CLIENTS, "53300", "max_db_client_connections" },
		{ REASON_MAX_USER_CLIENTS, "53300",
		  "max_user_client_connections" },
		{ REASON_QUERY_WAIT, "53300", "query_wait_timeout" },
		{ REASON_QUERY_TIMEOUT, "57014", "query_timeout" },
		{ REASON_IDLE_TRANSACTION, "25P03",
		  "idle_transaction_timeout" },
		{ REASON_TRANSACTION_TIMEOUT, "25P04", "transaction timeout" },
		{ REASON_SERVER_LOGIN, "08001", "server_login_retry" },
		{ REASON_SERVER_CONNECT, "08001", "server_login_retry" },
		{ REASON_SERVER_TIMEOUT, "08001", "server_connect_timeout" },
		{ REASON_SERVER_IDLE, "57P05", "server idle timeout" },
		{ REASON_SERVER_LIFETIME, "57P05", "server_lifetime" },
		{ REASON_SERVER_DIRTY, "08006", "got dirty" },
		{ REASON_SERVER_RECONNECT, "57P01",
		  "database configuration changed" },
		{ REASON_CANCELED, "57014",
		  "canceling statement due to user request" },
		{ REASON_SHUTDOWN, "57P01",
		  "terminating connection due to administrator command" },
		{ REASON_KILLED, "57P01",
		  "terminating connection due to administrator command" },
		{ REASON_AUTH_FAILED, "28P01",
		  "password authentication failed" },
		{ REASON_TOO_MANY_STATEMENTS, "53400",
		  "too many prepared statements on this connection" },
		{ REASON_PLAN_CHANGED, "0A000",
		  "cached plan must not change result type" },
		{ REASON_CLIENT_LOST_QUERY, "08006",
		  "client disconnected with query in progress" },
		{ REASON_CANCEL_TIMEOUT, "57014", "cancel_wait_timeout" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct reason_info *r = reason_info(cases[i].reason);

		assert_string_equal(r->sqlstate, cases[i].sqlstate);
		assert_non_null(strstr(r->text, cases[i].word));
	}
	assert_non_null(strstr(reason_info(REASON_SHUTDOWN)->hint,
			       "pooler is shutting down"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(texts_name_their_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
