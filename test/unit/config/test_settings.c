/* The settings table, the manual's part that comes from it, the examples. */
#include "scratch.h"

#include "base/mem.h"
#include "config/settings.h"
#include "config/value.h"

/* All of PgBouncer 1.25, in order. */
static const char *const pgbouncer[] = {
	"admin_users",
	"application_name_add_host",
	"auth_dbname",
	"auth_file",
	"auth_hba_file",
	"auth_ident_file",
	"auth_ldap_options",
	"auth_query",
	"auth_type",
	"auth_user",
	"autodb_idle_timeout",
	"cancel_wait_timeout",
	"client_idle_timeout",
	"client_login_timeout",
	"client_tls13_ciphers",
	"client_tls_ca_file",
	"client_tls_cert_file",
	"client_tls_ciphers",
	"client_tls_dheparams",
	"client_tls_ecdhcurve",
	"client_tls_key_file",
	"client_tls_protocols",
	"client_tls_sslmode",
	"conffile",
	"default_pool_size",
	"disable_pqexec",
	"dns_max_ttl",
	"dns_nxdomain_ttl",
	"dns_zone_check_period",
	"idle_transaction_timeout",
	"ignore_startup_parameters",
	"job_name",
	"listen_addr",
	"listen_backlog",
	"listen_port",
	"log_connections",
	"log_disconnections",
	"log_pooler_errors",
	"log_stats",
	"logfile",
	"max_client_conn",
	"max_db_client_connections",
	"max_db_connections",
	"max_packet_size",
	"max_prepared_statements",
	"max_user_client_connections",
	"max_user_connections",
	"min_pool_size",
	"peer_id",
	"pidfile",
	"pkt_buf",
	"pool_mode",
	"query_timeout",
	"query_wait_notify",
	"query_wait_timeout",
	"reserve_pool_size",
	"reserve_pool_timeout",
	"resolv_conf",
	"sbuf_loopcnt",
	"scram_iterations",
	"server_check_delay",
	"server_check_query",
	"server_connect_timeout",
	"server_fast_close",
	"server_idle_timeout",
	"server_lifetime",
	"server_login_retry",
	"server_reset_query",
	"server_reset_query_always",
	"server_round_robin",
	"server_tls13_ciphers",
	"server_tls_ca_file",
	"server_tls_cert_file",
	"server_tls_ciphers",
	"server_tls_key_file",
	"server_tls_protocols",
	"server_tls_sslmode",
	"so_reuseport",
	"stats_period",
	"stats_users",
	"suspend_timeout",
	"syslog",
	"syslog_facility",
	"syslog_ident",
	"tcp_defer_accept",
	"tcp_keepalive",
	"tcp_keepcnt",
	"tcp_keepidle",
	"tcp_keepintvl",
	"tcp_socket_buffer",
	"tcp_user_timeout",
	"track_extra_parameters",
	"transaction_timeout",
	"unix_socket_dir",
	"unix_socket_group",
	"unix_socket_mode",
	"user",
	"verbose",
};

static void
test_complete(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(COUNT_OF(pgbouncer), 98);
	for (i = 0; i < COUNT_OF(pgbouncer); i++)
		if (settings_find(pgbouncer[i]) == NULL)
			fail_msg("%s", pgbouncer[i]);
	assert_ptr_equal(settings_find("service_name"),
			 settings_find("job_name"));
}

static void
test_sorted(void **state)
{
	size_t i;

	(void)state;
	for (i = 1; i < settings_count; i++)
		if (strcmp(settings_table[i - 1].name,
			   settings_table[i].name) >= 0)
			fail_msg("%s", settings_table[i].name);
}

static void
test_defaults(void **state)
{
	const struct setting *row;
	struct value v;
	char why[VALUE_WHY_MAX], out[VALUE_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < settings_count; i++) {
		row = &settings_table[i];
		if (!value_parse(row->type, row->min, row->max, row->def, &v,
				 why))
			fail_msg("%s: %s", row->name, why);
		assert_int_equal(v.support, SUPPORT_FULL);
		/* printed as it is written */
		assert_string_equal(value_text(row->type, &v, out, sizeof(out)),
				    row->def);
		assert_true(row->max == 0 || row->max >= row->min);
	}
}

static size_t
store_size(const struct value_type *type)
{
	switch (type->store) {
	case STORE_U32:
		return sizeof(uint32_t);
	case STORE_USEC:
		return sizeof(usec_t);
	case STORE_TEXT:
		return sizeof(const char *);
	}
	return 0;
}

/* Each member of struct settings is stored by exactly one row. */
static void
test_members(void **state)
{
	unsigned char used[sizeof(struct settings)] = { 0 };
	const struct setting *row;
	size_t i, n, size, total = 0;

	(void)state;
	for (i = 0; i < settings_count; i++) {
		row = &settings_table[i];
		if (row->at == SETTING_NO_MEMBER)
			continue;
		size = store_size(row->type);
		assert_true(row->at + size <= sizeof(struct settings));
		assert_int_equal(row->at % size, 0);
		for (n = 0; n < size; n++) {
			if (used[row->at + n])
				fail_msg("%s shares its member", row->name);
			used[row->at + n] = 1;
		}
		total += size;
	}
	/* what is left over is padding: less than 4 bytes a member */
	for (i = 0, n = 0; i < sizeof(used); i++) {
		n = used[i] ? 0 : n + 1;
		assert_true(n <= 4);
	}
	assert_true(total > 400);
}

static void
test_words(void **state)
{
	const struct setting *row;
	size_t i, len;

	(void)state;
	for (i = 0; i < settings_count; i++) {
		row = &settings_table[i];
		len = strlen(row->help);
		if (len > 70 || row->help[len - 1] != '.')
			fail_msg("help of %s", row->name);
		assert_true((row->scopes & SCOPE_GLOBAL) != 0);
		assert_true(row->name[strspn(row->name, "abcdefghijklmnopqrst"
							"uvwxyz0123456789_")] ==
			    '\0');
	}
}

static void
test_find(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < settings_count; i++)
		assert_ptr_equal(settings_find(settings_table[i].name),
				 &settings_table[i]);
	assert_ptr_equal(settings_find("Pool_MODE"),
			 settings_find("pool_mode"));
	assert_null(settings_find(""));
	assert_null(settings_find("pool_mod"));
	assert_null(settings_find("pool_mode "));
	assert_null(settings_find("zzz"));
	assert_null(settings_find("a_name_that_is_far_longer_than_that_of_any_"
				  "setting_that_there_is_or_will_be"));
}

static void
test_effect(void **state)
{
	static const char *const restart[] = {
		"core_dumps",        "disable_pqexec",
		"job_name",          "listen_addr",
		"listen_backlog",    "listen_port",
		"mysql_listen_port", "mysql_rsa_key_file",
		"pidfile",           "pkt_buf",
		"resolv_conf",       "so_reuseport",
		"threads",           "track_extra_parameters",
		"unix_socket_dir",   "unix_socket_group",
		"unix_socket_mode",  "user",
	};
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < COUNT_OF(restart); i++)
		assert_int_equal(settings_find(restart[i])->effect,
				 EFFECT_RESTART);
	for (i = 0; i < settings_count; i++)
		n += settings_table[i].effect == EFFECT_RESTART ? 1 : 0;
	assert_int_equal(n, COUNT_OF(restart));
}

static void
test_manual(void **state)
{
	struct str man = { 0 };
	char head[80];
	size_t i;

	(void)state;
	settings_print_man(&man);
	for (i = 0; i < settings_count; i++) {
		text_format(head, sizeof(head), ".TP\n.B %s\n(",
			    settings_table[i].name);
		if (strstr(str_text(&man), head) == NULL)
			fail_msg("%s", settings_table[i].name);
		assert_non_null(strstr(str_text(&man), "refused yet"));
	}
	assert_null(strstr(str_text(&man), "\n'"));
	assert_false(man.failed);
	str_fini(&man);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete), cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_members),
		cmocka_unit_test(test_words),    cmocka_unit_test(test_find),
		cmocka_unit_test(test_effect),   cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
