/* The columns of SHOW, as the tools of PgBouncer 1.25's users expect them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "base/mem.h"
#include "base/text.h"

#define CONNECTION                                                             \
	"ssssssisissiiississii",                                               \
		"type user database replication state addr port "              \
		"local_addr local_port connect_time request_time wait "        \
		"wait_us close_needed ptr link remote_pid tls "                \
		"application_name prepared_statements id"

#define SOCKET                                                                 \
	"ssssssisissiiississii"                                                \
	"iiiiiii",                                                             \
		"type user database replication state addr port "              \
		"local_addr local_port connect_time request_time wait "        \
		"wait_us close_needed ptr link remote_pid tls "                \
		"application_name prepared_statements id "                     \
		"recv_pos pkt_pos pkt_remain send_pos send_remain "            \
		"pkt_avail send_avail"

/* One letter a type: s text, i int4, q int8, N numeric. */
static const struct {
	const char *show, *types, *names;
} tables[] = {
	{ "POOLS", "ssiiiiiiiiiiiiiss",
	  "database user cl_active cl_waiting cl_active_cancel_req "
	  "cl_waiting_cancel_req sv_active sv_active_cancel "
	  "sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait "
	  "maxwait_us pool_mode load_balance_hosts" },
	{ "PINS", "sssissiissiiss",
	  "database user addr port ptr link remote_pid id reason since age "
	  "age_us digest protocol" },
	{ "PIN_COUNTS", "sssiNs", "database user reason now begun protocol" },
	{ "PREPARED_STATEMENTS", "sssiiiis",
	  "database user digest length parameters clients servers protocol" },
	{ "STATES", "sssiiss",
	  "database user state clients servers settings protocol" },
	{ "CLIENTS", CONNECTION },
	{ "SERVERS", CONNECTION },
	{ "SOCKETS", SOCKET },
	{ "ACTIVE_SOCKETS", SOCKET },
	{ "DATABASES", "ssissiiiissiiiiii",
	  "name host port database force_user pool_size min_pool_size "
	  "reserve_pool_size server_lifetime pool_mode load_balance_hosts "
	  "max_connections current_connections max_client_connections "
	  "current_client_connections paused disabled" },
	{ "STATS", "sNNNNNNNNNNNNNNNNNNNNNN",
	  "database total_server_assignment_count total_xact_count "
	  "total_query_count total_received total_sent total_xact_time "
	  "total_query_time total_wait_time total_client_parse_count "
	  "total_server_parse_count total_bind_count "
	  "avg_server_assignment_count avg_xact_count avg_query_count "
	  "avg_recv avg_sent avg_xact_time avg_query_time avg_wait_time "
	  "avg_client_parse_count avg_server_parse_count avg_bind_count" },
	{ "STATS_TOTALS", "sNNNNNNNNNNN",
	  "database server_assignment_count xact_count query_count "
	  "bytes_received bytes_sent xact_time query_time wait_time "
	  "client_parse_count server_parse_count bind_count" },
	{ "STATS_AVERAGES", "sNNNNNNNNNNN",
	  "database server_assignment_count xact_count query_count "
	  "bytes_received bytes_sent xact_time query_time wait_time "
	  "avg_client_parse_count avg_server_parse_count avg_bind_count" },
	{ "TOTALS", "sN", "name value" },
	{ "USERS", "ssssiiii",
	  "name pool_size reserve_pool_size pool_mode max_user_connections "
	  "current_connections max_user_client_connections "
	  "current_client_connections" },
	{ "LISTS", "si", "list items" },
	{ "CONFIG", "ssss", "key value default changeable" },
	{ "VERSION", "s", "version" },
	{ "STATE", "ss", "key value" },
	{ "MEM", "siiii", "name size used free memtotal" },
	{ "DNS_HOSTS", "sqs", "hostname ttl addrs" },
	{ "LISTENERS", "ssssiqqqss",
	  "database user state server remote_pid channels heard lost error "
	  "protocol" },
	{ "DNS_ZONES", "sqi", "zonename serial count" },
	{ "PEERS", "isii", "peer_id host port pool_size" },
	{ "PEER_POOLS", "iiiii",
	  "peer_id cl_active_cancel_req cl_waiting_cancel_req "
	  "sv_active_cancel sv_login" },
};

static const struct columns *
columns_of(const char *name)
{
	for (size_t i = 0; i < shows_count; i++)
		if (strcmp(shows_table[i].name, name) == 0)
			return shows_table[i].columns;
	fail_msg("no SHOW %s", name);
	abort();
}

static void
columns_are_those_of_the_reference(void **state)
{
	static const char letters[] = {
		[COLUMN_TEXT] = 's',  [COLUMN_INT4] = 'i',
		[COLUMN_INT8] = 'q',  [COLUMN_NUMERIC] = 'N',
		[COLUMN_BYTEA] = 'b',
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		const struct columns *columns = columns_of(tables[i].show);
		struct str types = { 0 }, names = { 0 };

		assert_non_null(columns);
		for (size_t k = 0; k < columns->count; k++) {
			const struct rowset_column *c = &columns->list[k];

			str_putc(&types, letters[c->type]);
			str_printf(&names, "%s%s", k > 0 ? " " : "", c->name);
		}
		assert_string_equal(str_text(&types), tables[i].types);
		assert_string_equal(str_text(&names), tables[i].names);
		str_fini(&types);
		str_fini(&names);
	}
}

/* What drivers ask has one column that bears the parameter's name. */
static void
parameters_have_their_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < shows_count; i++) {
		const struct show *show = &shows_table[i];

		if (show->fixed == NULL)
			continue;
		assert_int_equal(show->columns->count, 1);
		assert_int_equal(show->columns->list[0].name[0],
				 tolower(show->name[0]));
		assert_int_equal(show->columns->list[0].type, COLUMN_TEXT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_those_of_the_reference),
		cmocka_unit_test(parameters_have_their_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
