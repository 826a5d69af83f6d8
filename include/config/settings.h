/*
 * Settings: the values of section [carpool]/[pgbouncer], and the one table that
 * names each of them.  Parsing, defaults, SHOW CONFIG, SET, the reload report,
 * --print-config, environment variables and the manual page all read the
 * table.  Any thread: the table is constant, the values belong to a snapshot.
 */
#ifndef CARPOOL_CONFIG_SETTINGS_H
#define CARPOOL_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/policy.h"
#include "proto/turn.h"

/* What clients that listen are told when the connection that hears for them is
 * lost. */
enum listen_lost {
	LISTEN_LOST_NOTICE, /* a NOTICE, and another one when it is back */
	LISTEN_LOST_CLOSE,  /* they are closed */
};

/* sslmode, in the order of how much it asks for. */
enum ssl_negotiation { SSL_NEGOTIATION_POSTGRES, SSL_NEGOTIATION_DIRECT };

enum ssl_mode {
	SSL_MODE_DISABLE,
	SSL_MODE_ALLOW,
	SSL_MODE_PREFER,
	SSL_MODE_REQUIRE,
	SSL_MODE_VERIFY_CA,
	SSL_MODE_VERIFY_FULL,
};

/* Values, in the table's order.  Texts are owned by the snapshot, never NULL;
 * times are microseconds, 0 = off unless the manual says otherwise. */
struct settings {
	/* listening */
	const char *listen_addr;
	uint32_t listen_port;
	uint32_t listen_backlog;
	const char *unix_socket_dir;
	uint32_t unix_socket_mode;
	const char *unix_socket_group;
	uint32_t so_reuseport;
	uint32_t tcp_defer_accept;
	uint32_t tcp_keepalive;
	uint32_t tcp_keepcnt;
	uint32_t tcp_keepidle;
	uint32_t tcp_keepintvl;
	uint32_t tcp_socket_buffer;
	uint32_t tcp_user_timeout; /* milliseconds */
	uint32_t threads;          /* 0 = the CPUs the process may use */
	/* process */
	uint64_t memory_limit; /* bytes; up to MEMORY_PERCENT percent of what
				* there is; 0 = none */
	uint32_t core_dumps;
	const char *pidfile;
	const char *user;
	const char *logfile;
	uint32_t verbose;
	uint32_t log_connections;
	uint32_t log_disconnections;
	uint32_t log_pooler_errors;
	uint32_t log_stats;
	usec_t stats_period;
	/* who may come in */
	enum auth_method auth_type;
	const char *auth_file;
	const char *auth_hba_file;
	const char *auth_ident_file;
	const char *auth_dbname;
	const char *auth_query;
	const char *auth_user;
	usec_t auth_query_ttl;
	const char *proxy_protocol_networks;
	const char *admin_users;
	const char *stats_users;
	uint32_t scram_iterations;
	const char *ignore_startup_parameters;
	/* TLS towards clients; "" = the library's own */
	enum ssl_mode client_tls_sslmode;
	const char *client_tls_cert_file;
	const char *client_tls_key_file;
	const char *client_tls_ca_file;
	const char *client_tls_protocols;
	const char *client_tls_ciphers;
	const char *client_tls13_ciphers;
	const char *client_tls_ecdhcurve;
	/* TLS towards servers; a database may have its own */
	enum ssl_mode server_tls_sslmode;
	const char *server_tls_cert_file;
	const char *server_tls_key_file;
	const char *server_tls_ca_file;
	const char *server_tls_protocols;
	const char *server_tls_ciphers;
	const char *server_tls13_ciphers;
	/* pools */
	enum pool_mode pool_mode;
	uint32_t default_pool_size; /* 0 = unlimited, as in PgBouncer */
	uint32_t min_pool_size;
	const char *mysql_default_database;
	uint32_t mysql_listen_port;
	const char *mysql_rsa_key_file; /* "" = a key is made */
	const char *mysql_server_version;
	uint32_t local_infile;
	uint32_t reserve_pool_size;
	usec_t reserve_pool_timeout;
	uint32_t max_client_conn;
	uint32_t max_db_connections;
	uint32_t max_user_connections;
	uint32_t max_db_client_connections;
	uint32_t max_user_client_connections;
	usec_t autodb_idle_timeout;
	/* times */
	usec_t query_wait_timeout;
	usec_t query_wait_notify;
	usec_t server_idle_timeout;
	usec_t server_lifetime; /* 0 = a server serves once */
	usec_t client_idle_timeout;
	usec_t idle_transaction_timeout;
	usec_t transaction_timeout;
	usec_t query_timeout;
	usec_t server_connect_timeout;
	usec_t server_login_retry;
	usec_t client_login_timeout;
	usec_t cancel_wait_timeout;
	usec_t shutdown_timeout; /* carpool's: deadline of SIGTERM's drain */
	/* servers */
	const char *server_reset_query;
	uint32_t server_reset_query_always;
	const char *server_check_query; /* "" = never check; "<empty>" = the
					 * empty query */
	usec_t server_check_delay;
	uint32_t server_round_robin;
	uint32_t server_fast_close;
	uint32_t server_login_limit; /* carpool's: logins in flight a pool */
	/* protocol */
	uint32_t max_packet_size;
	uint32_t pkt_buf;
	uint32_t sbuf_loopcnt;
	uint32_t disable_pqexec;
	uint32_t application_name_add_host;
	const char *track_extra_parameters;
	uint32_t max_prepared_statements;
	/* what a session would leave behind */
	enum state_policy on_state[STATE_KINDS]; /* on_temp_table, ... */
	uint32_t pin_notice;
	enum listen_lost listen_lost;
	uint32_t listen_queue;    /* bytes for each client */
	uint32_t listen_channels; /* of each client */
	/* names */
	usec_t dns_max_ttl;
	usec_t dns_nxdomain_ttl;
	usec_t dns_zone_check_period;
	const char *resolv_conf;
	/* settings that the table knows and that have no member here are kept
	 * as text by the snapshot */
};

enum takes_effect {
	EFFECT_RELOAD,  /* at once after a reload */
	EFFECT_RESTART, /* at the next start */
};

/* What a setting's absence from this version means. */
enum support {
	SUPPORT_FULL,
	SUPPORT_LATER,   /* other values than the default get one warning */
	SUPPORT_REFUSED, /* other values than the default are refused: their
			  * absence would weaken security */
};

enum {
	SCOPE_GLOBAL = 1,
	SCOPE_DATABASE = 2,
	SCOPE_USER = 4,
};

struct value_type; /* parse, print and compare one value; private */

struct setting {
	const char *name;
	const char *alias; /* an older name, or NULL */
	const struct value_type *type;
	size_t at;         /* offset in struct settings, or SETTING_NO_MEMBER */
	const char *def;   /* text, parsed like the file's */
	uint64_t min, max; /* inclusive, in the type's unit; max 0 = none */
	unsigned scopes;   /* SCOPE_* where it may stand */
	enum takes_effect effect;
	enum support support;
	const char *help; /* one sentence of at most 70 bytes with full stop */
};

#define SETTING_NO_MEMBER SIZE_MAX
#define MEMORY_PERCENT 100u

/* The table, sorted by name, and its length. */
extern const struct setting settings_table[];
extern const size_t settings_count;

/* The row of a name or alias (letter case ignored), or NULL. */
const struct setting *settings_find(const char *name);

/* The setting's words, by enum pool_mode. */
extern const char *const pool_mode_names[3];
/* "temp_table", ...: a setting's name without "on_"; by enum state_kind. */
extern const char *const state_kind_names[STATE_KINDS];
/* The same, and then "table_lock", ...: by enum pin_kind. */
extern const char *const pin_kind_names[PIN_KINDS];
/* "pin", ...; by enum state_policy. */
extern const char *const state_policy_names[STATE_EMULATE + 1];
/* The setting's word for a method: "scram-sha-256", ...; never NULL. */
const char *auth_method_name(enum auth_method method);

#endif
