/*
 * Every setting, once.  Constant; any thread.  Names, defaults and meanings are
 * those of PgBouncer 1.25; core_dumps, listen_channels, listen_lost,
 * listen_queue, memory_limit, on_temp_table and the like, pin_notice,
 * server_login_limit, shutdown_timeout, threads and what begins with mysql_ are
 * carpool's own, login_notify_message and pool_idle_timeout PgBouncer's next.
 * A row says what its text means; who follows a value is no business of it.
 */
#include "config/settings.h"

#include "base/mem.h"
#include "config/value.h"

/* What a signed 32-bit number, and a time of as many seconds, can hold. */
#define COUNT_MAX INT32_MAX
#define TIME_MAX (COUNT_MAX * USEC_PER_SEC)

/* The member of struct settings has the setting's name. */
#define ROW(member, kind, text)                                                \
	.name = #member, .type = &type_##kind,                                 \
	.at = offsetof(struct settings, member), .def = (text)

/* What is done about one kind of state; a database and a user may differ. */
#define STATE_ROW(setting, kind, words, text)                                  \
	.name = #setting, .type = &type_##words,                               \
	.at = offsetof(struct settings, on_state[kind]), .def = (text),        \
	.scopes = SCOPE_GLOBAL | SCOPE_DATABASE | SCOPE_USER

/* No code follows the value: only its text is kept. */
#define KEPT_ROW(setting, kind, text)                                          \
	.name = #setting, .type = &type_##kind, .at = SETTING_NO_MEMBER,       \
	.def = (text)

const struct setting settings_table[] = {
	{
		ROW(admin_users, list, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Users who may give every command on the console.",
	},
	{
		ROW(application_name_add_host, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.help = "Adds the client's address and port to "
			"application_name.",
	},
	{
		ROW(auth_dbname, text, ""),
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE,
		.help = "Database in which auth_query runs; empty = the "
			"client's own.",
	},
	{
		ROW(auth_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "File of users and their secrets; read again at each "
			"reload.",
	},
	{
		ROW(auth_hba_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "File of rules that say who may log in, and how.",
	},
	{
		ROW(auth_ident_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "File that maps system users to database users.",
	},
	{
		KEPT_ROW(auth_ldap_options, secret, ""),
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Options of auth_type ldap.",
	},
	{
		ROW(auth_query, text,
		    "SELECT rolname, CASE WHEN rolvaliduntil < now() "
		    "THEN NULL ELSE rolpassword END FROM pg_authid "
		    "WHERE rolname=$1 AND rolcanlogin"),
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE,
		.help = "Query that returns the name and the secret of user "
			"$1.",
	},
	{
		ROW(auth_query_ttl, seconds, "5"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Time for which an answer of auth_query is kept; 0 = "
			"not at all.",
	},
	{
		ROW(auth_type, auth_type, "md5"),
		.scopes = SCOPE_GLOBAL,
		.help = "How clients prove who they are.",
	},
	{
		ROW(auth_user, text, ""),
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE,
		.help = "User who runs auth_query; empty = it does not run.",
	},
	{
		ROW(autodb_idle_timeout, seconds, "3600"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Forgets an unused database that came from the entry "
			"\"*\".",
	},
	{
		ROW(cancel_wait_timeout, seconds, "10"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Longest wait of a cancel request for a connection.",
	},
	{
		ROW(client_idle_timeout, seconds, "0"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_USER,
		.help = "Closes clients that send nothing for so long.",
	},
	{
		ROW(client_login_timeout, seconds, "60"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Time in which a client must have logged in.",
	},
	{
		ROW(client_tls13_ciphers, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Cipher suites of TLS 1.3 towards clients.",
	},
	{
		ROW(client_tls_ca_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Authorities that vouch for the certificates of "
			"clients.",
	},
	{
		ROW(client_tls_cert_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Certificate that is shown to clients.",
	},
	{
		ROW(client_tls_ciphers, text, "default"),
		.scopes = SCOPE_GLOBAL,
		.help = "Ciphers up to TLS 1.2 towards clients.",
	},
	{
		KEPT_ROW(client_tls_dheparams, text, "auto"),
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Parameters of DHE key exchange with clients.",
	},
	{
		ROW(client_tls_ecdhcurve, text, "auto"),
		.scopes = SCOPE_GLOBAL,
		.help = "Curve of ECDHE key exchange with clients.",
	},
	{
		ROW(client_tls_key_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Private key of the certificate shown to clients.",
	},
	{
		ROW(client_tls_protocols, text, "secure"),
		.scopes = SCOPE_GLOBAL,
		.help = "Versions of TLS towards clients.",
	},
	{
		ROW(client_tls_sslmode, client_sslmode, "disable"),
		.scopes = SCOPE_GLOBAL,
		.help = "How far connections of clients must be encrypted.",
	},
	{
		KEPT_ROW(conffile, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "The configuration file, as named at the start.",
	},
	{
		ROW(core_dumps, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Lets a core dump be written, which holds secrets.",
	},
	{
		ROW(default_pool_size, number, "20"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE | SCOPE_USER,
		.help = "Servers of a pool (database and user); 0 = no limit.",
	},
	{
		ROW(disable_pqexec, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Refuses the simple query protocol.",
	},
	{
		ROW(dns_max_ttl, seconds, "15"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Longest time for which a name is kept; its records "
			"may say less.",
	},
	{
		ROW(dns_nxdomain_ttl, seconds, "15"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Time for which a failed resolution is kept.",
	},
	{
		ROW(dns_zone_check_period, seconds, "0"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Time between looks whether DNS zones changed; 0 = "
			"none.",
	},
	{
		ROW(idle_transaction_timeout, seconds, "0"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_USER,
		.help = "Closes clients idle in a transaction for so long.",
	},
	{
		ROW(ignore_startup_parameters, list, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Startup parameters that are accepted and dropped.",
	},
	{
		KEPT_ROW(job_name, text, "pgbouncer"),
		.alias = "service_name",
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Name of the service; used on Windows alone.",
	},
	{
		ROW(listen_addr, list, ""),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Addresses to listen on; * = all, empty = unix socket "
			"only.",
	},
	{
		ROW(listen_backlog, number, "128"),
		.min = 1,
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Connections that may wait to be accepted.",
	},
	{
		ROW(listen_channels, number, "1000"),
		.min = 1,
		.max = 1000000,
		.scopes = SCOPE_GLOBAL,
		.help = "Channels that one client may listen to where carpool "
			"hears for it.",
	},
	{
		ROW(listen_lost, listen_lost, "notice"),
		.scopes = SCOPE_GLOBAL,
		.help = "What listening clients get when notifications may be "
			"missed.",
	},
	{
		ROW(listen_port, number, "6432"),
		.min = 1,
		.max = 65535,
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Port to listen on; it names the unix socket as well.",
	},
	{
		ROW(listen_queue, number, "1048576"),
		.min = 16384,
		.max = INT32_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Bytes of notifications that may wait for one client.",
	},
	{
		ROW(local_infile, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.help = "Lets MySQL servers ask their clients for files (LOAD "
			"DATA LOCAL).",
	},
	{
		ROW(log_connections, switch, "1"),
		.scopes = SCOPE_GLOBAL,
		.help = "Logs every login.",
	},
	{
		ROW(log_disconnections, switch, "1"),
		.scopes = SCOPE_GLOBAL,
		.help = "Logs every close of a connection, and why.",
	},
	{
		ROW(log_pooler_errors, switch, "1"),
		.scopes = SCOPE_GLOBAL,
		.help = "Logs the errors that carpool itself sends to clients.",
	},
	{
		ROW(log_stats, switch, "1"),
		.scopes = SCOPE_GLOBAL,
		.help = "Logs a line of figures every stats_period.",
	},
	{
		ROW(logfile, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "File to log to; empty = standard error.",
	},
	{
		KEPT_ROW(login_notify_message, text, ""),
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Notice that clients get at login.",
	},
	{
		ROW(max_client_conn, number, "100"),
		.min = 1,
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Clients in total.",
	},
	{
		ROW(max_db_client_connections, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE,
		.help = "Clients of a database; 0 = no limit.",
	},
	{
		ROW(max_db_connections, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE,
		.help = "Servers of a database over all users; 0 = no limit.",
	},
	{
		ROW(max_packet_size, number, "2147483647"),
		.min = 64,
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Largest message accepted from a client, in bytes.",
	},
	{
		ROW(max_prepared_statements, number, "200"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Named statements kept on a server; 0 = refused in "
			"pooling.",
	},
	{
		ROW(max_user_client_connections, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_USER,
		.help = "Clients of a user; 0 = no limit.",
	},
	{
		ROW(max_user_connections, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_USER,
		.help = "Servers of a user over all databases; 0 = no limit.",
	},
	{
		ROW(memory_limit, memory, "0"),
		.scopes = SCOPE_GLOBAL,
		.help = "Memory from which on new clients are refused; 0 = no "
			"limit.",
	},
	{
		ROW(min_pool_size, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE,
		.help = "Servers that a pool keeps open.",
	},
	{
		ROW(mysql_default_database, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "The entry for MySQL clients that name no database.",
	},
	{
		ROW(mysql_listen_port, number, "6033"),
		.min = 1,
		.max = 65535,
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Port for MySQL clients, where [mysql_databases] "
			"has entries.",
	},
	{
		ROW(mysql_rsa_key_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "PEM file of the RSA key for MySQL passwords; empty = "
			"one is made.",
	},
	{
		ROW(mysql_server_version, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Version told to new MySQL clients; empty = the "
			"servers' own.",
	},
	{
		STATE_ROW(on_advisory_lock, STATE_ADVISORY_LOCK, state_policy,
			  "pin"),
		.help = "What is done where a client holds session advisory "
			"locks.",
	},
	{
		STATE_ROW(on_hold_cursor, STATE_HOLD_CURSOR, state_policy,
			  "pin"),
		.help = "What is done where a client holds cursors WITH HOLD.",
	},
	{
		STATE_ROW(on_listen, STATE_LISTEN, listen_policy, "emulate"),
		.help = "What is done where a client listens to channels.",
	},
	{
		STATE_ROW(on_load, STATE_LOAD, state_policy, "pin"),
		.help = "What is done where a client loads a library.",
	},
	{
		STATE_ROW(on_temp_table, STATE_TEMP_TABLE, state_policy, "pin"),
		.help = "What is done where a client has temporary tables.",
	},
	{
		STATE_ROW(on_unknown_set, STATE_UNKNOWN_SET, state_policy,
			  "pin"),
		.help = "What is done where a change cannot be followed.",
	},
	{
		KEPT_ROW(peer_id, number, "0"),
		.max = 16383,
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Own number among peers that share cancel requests.",
	},
	{
		ROW(pidfile, text, ""),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "File that the process id is written to; empty = none.",
	},
	{
		ROW(pin_notice, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.help = "Tells a client once for each reason that it keeps its "
			"server.",
	},
	{
		ROW(pkt_buf, number, "4096"),
		.min = 1,
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Accepted as is; carpool sizes this by itself.",
	},
	{
		KEPT_ROW(pool_idle_timeout, seconds, "0"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Forgets pools that are empty for so long.",
	},
	{
		ROW(pool_mode, pool_mode, "session"),
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE | SCOPE_USER,
		.help = "When a server goes back to its pool.",
	},
	{
		ROW(proxy_protocol_networks, list, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Networks of proxies that say by the PROXY protocol "
			"who comes.",
	},
	{
		ROW(query_timeout, seconds, "0"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_USER,
		.help = "Cancels queries that run for so long.",
	},
	{
		ROW(query_wait_notify, seconds, "5"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Tells a waiting client so after this time.",
	},
	{
		ROW(query_wait_timeout, seconds, "120"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE | SCOPE_USER,
		.help = "Longest wait for a server.",
	},
	{
		ROW(reserve_pool_size, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE | SCOPE_USER,
		.help = "More servers for a pool whose clients wait too long.",
	},
	{
		ROW(reserve_pool_timeout, seconds, "5"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "The wait that opens the reserve; 0 = never.",
	},
	{
		ROW(resolv_conf, text, ""),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Another file than /etc/resolv.conf; its name servers "
			"may have ports.",
	},
	{
		ROW(sbuf_loopcnt, number, "5"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Accepted as is; carpool sizes this by itself.",
	},
	{
		ROW(scram_iterations, number, "4096"),
		.min = 1,
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Rounds of SCRAM for secrets kept in clear text.",
	},
	{
		ROW(server_check_delay, seconds, "30"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Idle time after which a server is checked before use.",
	},
	{
		ROW(server_check_query, text, "<empty>"),
		.scopes = SCOPE_GLOBAL,
		.help = "Query of that check; <empty> = an empty one, empty = "
			"none.",
	},
	{
		ROW(server_connect_timeout, seconds, "15"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Time in which a connection to a server must stand, "
			"for "
			"each address.",
	},
	{
		ROW(server_fast_close, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.help = "Closes outdated servers of sessions at once, not "
			"at their end.",
	},
	{
		ROW(server_idle_timeout, seconds, "600"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Closes servers unused for so long; 0 = never.",
	},
	{
		ROW(server_lifetime, seconds, "3600"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_DATABASE,
		.help = "Closes servers of this age when free; 0 = after one "
			"use.",
	},
	{
		ROW(server_login_limit, number, "5"),
		.min = 1,
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Logins to servers that a pool runs at a time; one "
			"after a "
			"failure.",
	},
	{
		ROW(server_login_retry, seconds, "15"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Longest pause after a failed login to a server.",
	},
	{
		ROW(server_reset_query, text, "DISCARD ALL"),
		.scopes = SCOPE_GLOBAL,
		.help = "Sent to a server before its session is used again.",
	},
	{
		ROW(server_reset_query_always, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.help = "Sends server_reset_query in every pool mode.",
	},
	{
		ROW(server_round_robin, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.help = "Takes the server unused longest instead of the last "
			"used.",
	},
	{
		ROW(server_tls13_ciphers, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Cipher suites of TLS 1.3 towards servers.",
	},
	{
		ROW(server_tls_ca_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Authorities that vouch for the certificates of "
			"servers.",
	},
	{
		ROW(server_tls_cert_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Certificate that is shown to servers.",
	},
	{
		ROW(server_tls_ciphers, text, "default"),
		.scopes = SCOPE_GLOBAL,
		.help = "Ciphers up to TLS 1.2 towards servers.",
	},
	{
		ROW(server_tls_key_file, text, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Private key of the certificate shown to servers.",
	},
	{
		ROW(server_tls_protocols, text, "secure"),
		.scopes = SCOPE_GLOBAL,
		.help = "Versions of TLS towards servers.",
	},
	{
		ROW(server_tls_sslmode, server_sslmode, "prefer"),
		.scopes = SCOPE_GLOBAL,
		.help = "How far connections to servers must be encrypted.",
	},
	{
		ROW(shutdown_timeout, seconds, "30"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Time that SIGTERM leaves for transactions to end.",
	},
	{
		ROW(so_reuseport, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Lets several processes listen on one port.",
	},
	{
		ROW(stats_period, seconds, "60"),
		.min = USEC_PER_SEC / 10,
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Time over which averages are taken.",
	},
	{
		ROW(stats_users, list, ""),
		.scopes = SCOPE_GLOBAL,
		.help = "Users who may read, but not change, on the console.",
	},
	{
		KEPT_ROW(suspend_timeout, seconds, "10"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Longest wait of SUSPEND and of a restart by -R.",
	},
	{
		KEPT_ROW(syslog, switch, "0"),
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Logs to syslog.",
	},
	{
		KEPT_ROW(syslog_facility, text, "daemon"),
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Facility of lines sent to syslog.",
	},
	{
		KEPT_ROW(syslog_ident, text, "pgbouncer"),
		.scopes = SCOPE_GLOBAL,
		.support = SUPPORT_LATER,
		.help = "Name of the program in lines sent to syslog.",
	},
	{
		ROW(tcp_defer_accept, number, "1"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Accepts a client once it has sent something; in "
			"seconds.",
	},
	{
		ROW(tcp_keepalive, switch, "1"),
		.scopes = SCOPE_GLOBAL,
		.help = "Has the kernel probe connections that are silent.",
	},
	{
		ROW(tcp_keepcnt, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Probes without an answer that end a connection; 0 = "
			"default.",
	},
	{
		ROW(tcp_keepidle, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Silent seconds before the first probe; 0 = default.",
	},
	{
		ROW(tcp_keepintvl, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Seconds between probes; 0 = default.",
	},
	{
		ROW(tcp_socket_buffer, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Bytes of the kernel's socket buffers; 0 = default.",
	},
	{
		ROW(tcp_user_timeout, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "Milliseconds that sent data may stay unconfirmed; 0 = "
			"default.",
	},
	{
		ROW(threads, number, "0"),
		.max = 128,
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Threads that carry traffic; 0 = one a usable CPU.",
	},
	{
		ROW(track_extra_parameters, list, "IntervalStyle"),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "More reported parameters that follow a client.",
	},
	{
		ROW(transaction_timeout, seconds, "0"),
		.max = TIME_MAX,
		.scopes = SCOPE_GLOBAL | SCOPE_USER,
		.help = "Closes clients whose transaction lasts so long.",
	},
	{
		ROW(unix_socket_dir, text, "/tmp"),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Directory of the unix socket; @ = abstract, empty = "
			"none.",
	},
	{
		ROW(unix_socket_group, text, ""),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Group that owns the unix socket.",
	},
	{
		ROW(unix_socket_mode, octal, "0777"),
		.max = 0777,
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "Access rights of the unix socket.",
	},
	{
		ROW(user, text, ""),
		.scopes = SCOPE_GLOBAL,
		.effect = EFFECT_RESTART,
		.help = "User that the process becomes when started as root.",
	},
	{
		ROW(verbose, number, "0"),
		.max = COUNT_MAX,
		.scopes = SCOPE_GLOBAL,
		.help = "How much is logged: 1 = debug lines too.",
	},
};

const size_t settings_count = COUNT_OF(settings_table);
