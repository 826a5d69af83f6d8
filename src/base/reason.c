/*
 * The table of reasons.  Owns constant text; any thread.  Knows no protocol:
 * MySQL's numbers and SQLSTATEs are only columns here.
 *
 * The texts keep the name of the setting, because dashboards and retry code
 * search for it.  MySQL's numbers are those that a server itself sends: client
 * libraries keep 2xxx for themselves and misread them in an error packet.
 * SQLSTATEs: PostgreSQL manual, appendix "PostgreSQL Error Codes".  Numbers:
 * MySQL 8.0 Error Message Reference, and MariaDB's for 1927.
 */
#include "base/reason.h"

#include "base/mem.h"

static const struct reason_info table[REASON_COUNT] = {
	[REASON_NONE] = {
		.name = "none",
		.sqlstate = "00000",
		.text = "successful completion",
		.level = LOG_DEBUG,
		.mysql = 0,
	},
	[REASON_PROTOCOL] = {
		.name = "protocol_violation",
		.sqlstate = "08P01",
		.text = "protocol violation: malformed or unexpected message",
		.hint = "The client library sent something that the protocol "
			"does not allow here.",
		.level = LOG_INFO,
		.mysql = 1835,
	},
	[REASON_PACKET_ORDER] = {
		.name = "packets_out_of_order",
		.sqlstate = "08P01",
		.text = "protocol violation: packets out of order",
		.hint = "The client library numbered its packets wrongly, or "
			"two threads use one connection.",
		.level = LOG_INFO,
		.mysql = 1156,
	},
	[REASON_PACKET_TOO_LARGE] = {
		.name = "packet_too_large",
		.sqlstate = "08P01",
		.text = "message is larger than max_packet_size",
		.hint = "Raise max_packet_size, or send less at once.",
		.level = LOG_INFO,
		.mysql = 1153,
	},
	[REASON_UNSUPPORTED_PROTOCOL] = {
		.name = "unsupported_protocol",
		.sqlstate = "0A000",
		.text = "unsupported frontend protocol version",
		.level = LOG_INFO,
		.mysql = 1043,
	},
	[REASON_STARTUP_PARAMETER] = {
		.name = "startup_parameter",
		.sqlstate = "0A000",
		.text = "unsupported startup parameter",
		.hint = "Add its name to ignore_startup_parameters to have it "
			"accepted and dropped.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_NO_USER_NAME] = {
		.name = "no_user_name",
		.sqlstate = "28000",
		.text = "no PostgreSQL user name specified in startup packet",
		.level = LOG_INFO,
		.mysql = 1045,
	},
	[REASON_NAME_TOO_LONG] = {
		.name = "name_too_long",
		.sqlstate = "08P01",
		.text = "user or database name is too long",
		.level = LOG_INFO,
		.mysql = 1470,
	},
	[REASON_REPLICATION] = {
		.name = "replication",
		.sqlstate = "0A000",
		.text = "replication connections are not supported",
		.hint = "Connect to the server directly for replication.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_AUTH_FAILED] = {
		.name = "auth_failed",
		.sqlstate = "28P01",
		.text = "password authentication failed",
		.level = LOG_WARNING,
		.mysql = 1045,
	},
	[REASON_TLS] = {
		.name = "tls",
		.sqlstate = "08006",
		.text = "the TLS handshake failed",
		.level = LOG_INFO,
		.mysql = 1043,
	},
	[REASON_TLS_REQUIRED] = {
		.name = "tls_required",
		.sqlstate = "28000",
		.text = "SSL required",
		.hint = "Connect with sslmode=require (MySQL: ssl-mode="
			"REQUIRED); client_tls_sslmode asks for it.",
		.level = LOG_WARNING,
		.mysql = 3159,
	},
	[REASON_SERVER_TLS] = {
		.name = "server_tls",
		.sqlstate = "08001",
		.text = "no TLS with the server",
		.hint = "See server_tls_sslmode and the database's own "
			"sslmode.",
		.level = LOG_WARNING,
		.mysql = 1429,
	},
	[REASON_ACCESS] = {
		.name = "access",
		.sqlstate = "28000",
		.text = "access is denied",
		.level = LOG_WARNING,
		.mysql = 1045,
	},
	[REASON_AUTH_QUERY] = {
		.name = "auth_query",
		.sqlstate = "08001",
		.text = "the user's secret cannot be asked for at the moment",
		.hint = "See auth_query and auth_user, and the log.",
		.level = LOG_WARNING,
		.mysql = 1429,
	},
	[REASON_PROXY_HEADER] = {
		.name = "proxy_header",
		.sqlstate = "08P01",
		.text = "no right header of the PROXY protocol came from a "
			"network of proxy_protocol_networks",
		.level = LOG_WARNING,
		.mysql = 1043,
	},
	[REASON_AUTH_METHOD] = {
		.name = "auth_method",
		.sqlstate = "28000",
		.text = "no usable authentication method for this user",
		.hint = "Check auth_type, auth_hba_file and the form of the "
			"user's secret in auth_file.",
		.level = LOG_WARNING,
		.mysql = 1251,
	},
	[REASON_NO_DATABASE] = {
		.name = "no_database",
		.sqlstate = "3D000",
		.text = "no such database",
		.hint = "Add it to the [databases] section, or a \"*\" entry.",
		.level = LOG_WARNING,
		.mysql = 1049,
	},
	[REASON_DATABASE_DISABLED] = {
		.name = "database_disabled",
		.sqlstate = "57P03",
		.text = "database is disabled",
		.hint = "It was taken out of service with DISABLE; ENABLE on "
			"the console brings it back.",
		.level = LOG_INFO,
		.mysql = 3032,
	},
	[REASON_CONSOLE_DENIED] = {
		.name = "console_denied",
		.sqlstate = "42501",
		.text = "permission denied for the admin console",
		.hint = "Add the user to admin_users or stats_users.",
		.level = LOG_WARNING,
		.mysql = 1227,
	},
	[REASON_LOGIN_TIMEOUT] = {
		.name = "client_login_timeout",
		.sqlstate = "57P05",
		.text = "login took too long (client_login_timeout)",
		.hint = "Raise client_login_timeout if the server is slow to "
			"answer during login.",
		.level = LOG_INFO,
		.mysql = 1159,
	},
	[REASON_CLIENT_IDLE] = {
		.name = "client_idle_timeout",
		.sqlstate = "57P05",
		.text = "terminating connection due to client_idle_timeout",
		.hint = "Raise client_idle_timeout, or let the application "
			"close connections that it does not use.",
		.level = LOG_INFO,
		.mysql = 1159,
	},
	[REASON_CLIENT_GONE] = {
		.name = "client_gone",
		.sqlstate = "08006",
		.text = "client closed the connection unexpectedly",
		.level = LOG_INFO,
		.mysql = 1158,
	},
	[REASON_CLIENT_TERMINATE] = {
		.name = "client_close_request",
		.sqlstate = "00000",
		.text = "client close request",
		.level = LOG_INFO,
		.mysql = 0,
	},
	[REASON_MAX_CLIENTS] = {
		.name = "max_client_conn",
		.sqlstate = "53300",
		.text = "no more connections allowed (max_client_conn)",
		.hint = "Raise max_client_conn, or have fewer clients connect.",
		.level = LOG_WARNING,
		.mysql = 1040,
	},
	[REASON_MAX_DB_CLIENTS] = {
		.name = "max_db_client_connections",
		.sqlstate = "53300",
		.text = "no more connections allowed to this database "
			"(max_db_client_connections)",
		.hint = "Raise max_db_client_connections, or have fewer "
			"clients connect.",
		.level = LOG_WARNING,
		.mysql = 1040,
	},
	[REASON_MAX_USER_CLIENTS] = {
		.name = "max_user_client_connections",
		.sqlstate = "53300",
		.text = "no more connections allowed for this user "
			"(max_user_client_connections)",
		.hint = "Raise max_user_client_connections, or have fewer "
			"clients connect.",
		.level = LOG_WARNING,
		.mysql = 1226,
	},
	[REASON_QUERY_WAIT] = {
		.name = "query_wait_timeout",
		.sqlstate = "53300",
		.text = "no server connection became free in time "
			"(query_wait_timeout)",
		.hint = "All server connections were busy: look for long "
			"transactions, then consider default_pool_size or "
			"query_wait_timeout.",
		.level = LOG_WARNING,
		.mysql = 1205,
	},
	[REASON_QUERY_TIMEOUT] = {
		.name = "query_timeout",
		.sqlstate = "57014",
		.text = "canceling statement due to query_timeout",
		.hint = "Raise query_timeout if this query may take longer.",
		.level = LOG_WARNING,
		.mysql = 3024,
	},
	[REASON_IDLE_TRANSACTION] = {
		.name = "idle_transaction_timeout",
		.sqlstate = "25P03",
		.text = "terminating connection due to idle transaction "
			"timeout (idle_transaction_timeout)",
		.hint = "The transaction was open and nothing was sent; raise "
			"idle_transaction_timeout if that is intended.",
		.level = LOG_WARNING,
		.mysql = 1927,
	},
	[REASON_TRANSACTION_TIMEOUT] = {
		.name = "transaction_timeout",
		.sqlstate = "25P04",
		.text = "terminating connection due to transaction timeout "
			"(transaction_timeout)",
		.hint = "Raise transaction_timeout if transactions may take "
			"longer.",
		.level = LOG_WARNING,
		.mysql = 1927,
	},
	[REASON_CANCELED] = {
		.name = "canceled",
		.sqlstate = "57014",
		.text = "canceling statement due to user request",
		.level = LOG_INFO,
		.mysql = 1317,
	},
	[REASON_NAMED_STATEMENT] = {
		.name = "named_statement",
		.sqlstate = "0A000",
		.text = "named prepared statements are not available in this "
			"pool_mode (max_prepared_statements is 0)",
		.hint = "Set max_prepared_statements above 0, or use "
			"pool_mode = session.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_TOO_MANY_STATEMENTS] = {
		.name = "too_many_statements",
		.sqlstate = "53400",
		.text = "too many prepared statements on this connection",
		.hint = "Close statements that are not used any more, or use "
			"pool_mode = session.",
		.level = LOG_INFO,
		.mysql = 1461,
	},
	[REASON_PREPARE_NOT_ALONE] = {
		.name = "prepare_not_alone",
		.sqlstate = "0A000",
		.text = "the prepared statements that this query names cannot "
			"be followed in this pool_mode",
		.hint = "Send PREPARE, EXECUTE and DEALLOCATE in queries of "
			"their own, or use pool_mode = session.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_TOO_MANY_NAMES] = {
		.name = "too_many_names",
		.sqlstate = "54000",
		.text = "a query may have at most 32 of PREPARE, EXECUTE and "
			"DEALLOCATE in this pool_mode",
		.hint = "Send them in several queries, or use "
			"pool_mode = session.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_PLAN_CHANGED] = {
		.name = "plan_changed",
		.sqlstate = "0A000",
		.text = "cached plan must not change result type",
		.level = LOG_INFO,
		.mysql = 1615,
	},
	[REASON_STATEMENT_TOO_LONG] = {
		.name = "statement_too_long",
		.sqlstate = "54000",
		.text = "a text that makes or names prepared statements is "
			"longer than 64 kB",
		.hint = "Use the unnamed statement for it, or "
			"pool_mode = session.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_TEMP_TABLE] = {
		.name = "temp_table_rejected",
		.sqlstate = "0A000",
		.text = "temporary objects are not allowed in transaction pooling",
		.hint = "Use a table of the database's own, or set on_temp_table.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_ADVISORY_LOCK] = {
		.name = "advisory_lock_rejected",
		.sqlstate = "0A000",
		.text = "session-level advisory locks are not allowed in transaction pooling",
		.hint = "Use pg_advisory_xact_lock(), which ends with the transaction, or set on_advisory_lock.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_HOLD_CURSOR] = {
		.name = "hold_cursor_rejected",
		.sqlstate = "0A000",
		.text = "cursors WITH HOLD are not allowed in transaction pooling",
		.hint = "Use a cursor within a transaction, or set on_hold_cursor.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_LOAD] = {
		.name = "load_rejected",
		.sqlstate = "0A000",
		.text = "LOAD is not allowed in transaction pooling",
		.hint = "Use session_preload_libraries on the server, or set on_load.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_UNKNOWN_SET] = {
		.name = "unknown_set_rejected",
		.sqlstate = "0A000",
		.text = "a statement that cannot be followed is not allowed in transaction pooling",
		.hint = "Use shorter dollar quotes, or set on_unknown_set.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_LISTEN] = {
		.name = "listen_rejected",
		.sqlstate = "0A000",
		.text = "LISTEN is not allowed in transaction pooling",
		.hint = "Use pool_mode = session for this database or user, or set on_listen.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_STATEMENT_MODE_TX] = {
		.name = "statement_mode_transaction",
		.sqlstate = "0A000",
		.text = "transaction blocks are not allowed in statement "
			"pooling mode",
		.hint = "Use pool_mode = transaction for this database or "
			"user.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_SIMPLE_QUERY_OFF] = {
		.name = "simple_query_off",
		.sqlstate = "0A000",
		.text = "simple query protocol is disabled (disable_pqexec)",
		.hint = "Send the statement with the extended query protocol, "
			"or set disable_pqexec = 0.",
		.level = LOG_INFO,
		.mysql = 1235,
	},
	[REASON_LISTEN_FAILED] = {
		.name = "listen_failed",
		.sqlstate = "08001",
		.text = "no connection to listen on for this session",
		.hint = "Set on_listen = pin to have LISTEN keep the session's "
			"own server.",
		.level = LOG_WARNING,
		.mysql = 1429,
	},
	[REASON_LISTEN_LOST] = {
		.name = "listen_lost",
		.sqlstate = "08006",
		.text = "the connection on which notifications are heard was "
			"lost (listen_lost)",
		.hint = "Notifications may have been missed: listen again, "
			"then look.",
		.level = LOG_WARNING,
		.mysql = 1429,
	},
	[REASON_LISTEN_QUEUE] = {
		.name = "listen_queue",
		.sqlstate = "54000",
		.text = "too many notifications wait for this session "
			"(listen_queue)",
		.hint = "Read notifications sooner, end transactions sooner, "
			"or raise listen_queue.",
		.level = LOG_WARNING,
		.mysql = 1235,
	},
	[REASON_LISTEN_CHANNELS] = {
		.name = "listen_channels",
		.sqlstate = "54000",
		.text = "this session listens to too many channels "
			"(listen_channels)",
		.hint = "UNLISTEN what is no longer wanted, tell by payload "
			"instead of channel, or raise listen_channels.",
		.level = LOG_WARNING,
		.mysql = 1235,
	},
	[REASON_SHUTDOWN] = {
		.name = "shutdown",
		.sqlstate = "57P01",
		.text = "terminating connection due to administrator command",
		.hint = "The pooler is shutting down.",
		.level = LOG_INFO,
		.mysql = 1053,
	},
	[REASON_KILLED] = {
		.name = "killed",
		.sqlstate = "57P01",
		.text = "terminating connection due to administrator command",
		.hint = "An administrator ended it with KILL.",
		.level = LOG_INFO,
		.mysql = 1927,
	},
	[REASON_DATABASE_REMOVED] = {
		.name = "database_removed",
		.sqlstate = "57P01",
		.text = "terminating connection because the database was "
			"removed from the pooler's configuration",
		.level = LOG_INFO,
		.mysql = 1927,
	},
	[REASON_NO_MEMORY] = {
		.name = "no_memory",
		.sqlstate = "53200",
		.text = "out of memory",
		.hint = "The pooler itself is out of memory.",
		.level = LOG_ERROR,
		.mysql = 1041,
	},
	[REASON_MEMORY_LIMIT] = {
		.name = "memory_limit",
		.sqlstate = "53200",
		.text = "no more connections allowed (memory_limit)",
		.hint = "Raise memory_limit, or have fewer clients connect.",
		.level = LOG_WARNING,
		.mysql = 1041,
	},
	[REASON_DESCRIPTORS] = {
		.name = "open_files",
		.sqlstate = "53300",
		.text = "no more connections allowed (limit of open files)",
		.hint = "Raise the pooler's limit of open files (LimitNOFILE=, "
			"ulimit -n), or have fewer clients connect.",
		.level = LOG_WARNING,
		.mysql = 1040,
	},
	[REASON_INTERNAL] = {
		.name = "internal_error",
		.sqlstate = "XX000",
		.text = "internal error of the pooler",
		.hint = "The pooler's log tells more.",
		.level = LOG_ERROR,
		.mysql = 1815,
	},
	[REASON_SERVER_LOST] = {
		.name = "server_lost",
		.sqlstate = "08006",
		.text = "server closed the connection unexpectedly",
		.hint = "What the statement in progress did is not known.",
		.level = LOG_WARNING,
		.mysql = 1158,
	},
	[REASON_SERVER_LOGIN] = {
		.name = "server_login_failed",
		.sqlstate = "08001",
		.text = "server login has been failing (server_login_retry)",
		.hint = "The server's own error stands in the log; the next "
			"try comes after server_login_retry.",
		.level = LOG_ERROR,
		.mysql = 1429,
	},
	[REASON_SERVER_CONNECT] = {
		.name = "server_connect_failed",
		.sqlstate = "08001",
		.text = "cannot connect to the server (server_login_retry)",
		.hint = "Check host and port of the database entry; the next "
			"try comes after server_login_retry.",
		.level = LOG_ERROR,
		.mysql = 1429,
	},
	[REASON_SERVER_TIMEOUT] = {
		.name = "server_connect_timeout",
		.sqlstate = "08001",
		.text = "connecting to the server took too long "
			"(server_connect_timeout)",
		.hint = "Check that the server is reachable, or raise "
			"server_connect_timeout.",
		.level = LOG_ERROR,
		.mysql = 1429,
	},
	[REASON_SERVER_PROTOCOL] = {
		.name = "server_protocol_violation",
		.sqlstate = "08P01",
		.text = "server broke the protocol",
		.level = LOG_ERROR,
		.mysql = 1835,
	},
	[REASON_SERVER_AUTH] = {
		.name = "server_auth_method",
		.sqlstate = "08001",
		.text = "server asks for an authentication method that the "
			"pooler cannot answer for this user",
		.hint = "Give the pooler a password or SCRAM keys for the user "
			"(auth_file, or password= in the database entry).",
		.level = LOG_ERROR,
		.mysql = 1429,
	},
	[REASON_SERVER_SETTING] = {
		.name = "server_setting_refused",
		.sqlstate = "22023",
		.text = "server refused a setting of this session",
		.level = LOG_WARNING,
		.mysql = 1231,
	},
	[REASON_SERVER_DNS] = {
		.name = "server_dns",
		.sqlstate = "08001",
		.text = "server host name cannot be resolved",
		.hint = "Check host of the database entry and the resolver; "
			"the answer is kept for dns_nxdomain_ttl.",
		.level = LOG_ERROR,
		.mysql = 1429,
	},
	[REASON_SERVER_IDLE] = {
		.name = "server_idle_timeout",
		.sqlstate = "57P05",
		.text = "server idle timeout (server_idle_timeout)",
		.level = LOG_INFO,
		.mysql = 1159,
	},
	[REASON_SERVER_LIFETIME] = {
		.name = "server_lifetime",
		.sqlstate = "57P05",
		.text = "server lifetime over (server_lifetime)",
		.level = LOG_INFO,
		.mysql = 1159,
	},
	[REASON_SERVER_DIRTY] = {
		.name = "server_dirty",
		.sqlstate = "08006",
		.text = "server got dirty: its state is not known, so it is "
			"not used again",
		.level = LOG_INFO,
		.mysql = 1158,
	},
	[REASON_SERVER_RECONNECT] = {
		.name = "server_reconnect",
		.sqlstate = "57P01",
		.text = "database configuration changed",
		.level = LOG_INFO,
		.mysql = 1158,
	},
	[REASON_SERVER_SURPLUS] = {
		.name = "server_surplus",
		.sqlstate = "57P01",
		.text = "server connection is no longer needed",
		.level = LOG_INFO,
		.mysql = 1158,
	},
	[REASON_CANCEL_TIMEOUT] = {
		.name = "cancel_wait_timeout",
		.sqlstate = "57014",
		.text = "cancel request waited too long (cancel_wait_timeout)",
		.hint = "Raise cancel_wait_timeout.",
		.level = LOG_WARNING,
		.mysql = 1205,
	},
	[REASON_CLIENT_LOST_QUERY] = {
		.name = "client_lost_query",
		.sqlstate = "08006",
		.text = "client disconnected with query in progress",
		.level = LOG_INFO,
		.mysql = 1158,
	},
};

const struct reason_info *
reason_info(enum reason reason)
{
	ASSERT((unsigned)reason < REASON_COUNT);
	return &table[reason];
}
