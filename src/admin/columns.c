/*
 * Columns of the console's tables.  Constant.
 */
#include "columns.h"

#include "base/mem.h"

#define COLUMNS(table)                                                         \
	{                                                                      \
		.list = (table), .count = COUNT_OF(table)                      \
	}

/* The sockets' table goes on where the clients' ends. */
static const struct rowset_column sockets[] = {
	{ "type", COLUMN_TEXT },
	{ "user", COLUMN_TEXT },
	{ "database", COLUMN_TEXT },
	{ "replication", COLUMN_TEXT },
	{ "state", COLUMN_TEXT },
	{ "addr", COLUMN_TEXT },
	{ "port", COLUMN_INT4 },
	{ "local_addr", COLUMN_TEXT },
	{ "local_port", COLUMN_INT4 },
	{ "connect_time", COLUMN_TEXT },
	{ "request_time", COLUMN_TEXT },
	{ "wait", COLUMN_INT4 },
	{ "wait_us", COLUMN_INT4 },
	{ "close_needed", COLUMN_INT4 },
	{ "ptr", COLUMN_TEXT },
	{ "link", COLUMN_TEXT },
	{ "remote_pid", COLUMN_INT4 },
	{ "tls", COLUMN_TEXT },
	{ "application_name", COLUMN_TEXT },
	{ "prepared_statements", COLUMN_INT4 },
	{ "id", COLUMN_INT4 },
	{ "recv_pos", COLUMN_INT4 },
	{ "pkt_pos", COLUMN_INT4 },
	{ "pkt_remain", COLUMN_INT4 },
	{ "send_pos", COLUMN_INT4 },
	{ "send_remain", COLUMN_INT4 },
	{ "pkt_avail", COLUMN_INT4 },
	{ "send_avail", COLUMN_INT4 },
};

const struct columns columns_sockets = COLUMNS(sockets);
const struct columns columns_clients = {
	.list = sockets,
	.count = COUNT_OF(sockets) - 7,
};

static const struct rowset_column pools[] = {
	{ "database", COLUMN_TEXT },
	{ "user", COLUMN_TEXT },
	{ "cl_active", COLUMN_INT4 },
	{ "cl_waiting", COLUMN_INT4 },
	{ "cl_active_cancel_req", COLUMN_INT4 },
	{ "cl_waiting_cancel_req", COLUMN_INT4 },
	{ "sv_active", COLUMN_INT4 },
	{ "sv_active_cancel", COLUMN_INT4 },
	{ "sv_being_canceled", COLUMN_INT4 },
	{ "sv_idle", COLUMN_INT4 },
	{ "sv_used", COLUMN_INT4 },
	{ "sv_tested", COLUMN_INT4 },
	{ "sv_login", COLUMN_INT4 },
	{ "maxwait", COLUMN_INT4 },
	{ "maxwait_us", COLUMN_INT4 },
	{ "pool_mode", COLUMN_TEXT },
	{ "load_balance_hosts", COLUMN_TEXT },
};

const struct columns columns_pools = COLUMNS(pools);

static const struct rowset_column pins[] = {
	{ "database", COLUMN_TEXT },   { "user", COLUMN_TEXT },
	{ "addr", COLUMN_TEXT },       { "port", COLUMN_INT4 },
	{ "ptr", COLUMN_TEXT },        { "link", COLUMN_TEXT },
	{ "remote_pid", COLUMN_INT4 }, { "id", COLUMN_INT4 },
	{ "reason", COLUMN_TEXT },     { "since", COLUMN_TEXT },
	{ "age", COLUMN_INT4 },        { "age_us", COLUMN_INT4 },
	{ "digest", COLUMN_TEXT },     { "protocol", COLUMN_TEXT },
};

const struct columns columns_pins = COLUMNS(pins);

static const struct rowset_column pin_counts[] = {
	{ "database", COLUMN_TEXT }, { "user", COLUMN_TEXT },
	{ "reason", COLUMN_TEXT },   { "now", COLUMN_INT4 },
	{ "begun", COLUMN_NUMERIC }, { "protocol", COLUMN_TEXT },
};

const struct columns columns_pin_counts = COLUMNS(pin_counts);

static const struct rowset_column explain[] = {
	{ "statement", COLUMN_TEXT }, { "effect", COLUMN_TEXT },
	{ "kind", COLUMN_TEXT },      { "policy", COLUMN_TEXT },
	{ "reason", COLUMN_TEXT },    { "protocol", COLUMN_TEXT },
};

const struct columns columns_explain = COLUMNS(explain);

static const struct rowset_column prepared_statements[] = {
	{ "database", COLUMN_TEXT },   { "user", COLUMN_TEXT },
	{ "digest", COLUMN_TEXT },     { "length", COLUMN_INT4 },
	{ "parameters", COLUMN_INT4 }, { "clients", COLUMN_INT4 },
	{ "servers", COLUMN_INT4 },    { "protocol", COLUMN_TEXT },
};

const struct columns columns_prepared_statements = COLUMNS(prepared_statements);

static const struct rowset_column states[] = {
	{ "database", COLUMN_TEXT }, { "user", COLUMN_TEXT },
	{ "state", COLUMN_TEXT },    { "clients", COLUMN_INT4 },
	{ "servers", COLUMN_INT4 },  { "settings", COLUMN_TEXT },
	{ "protocol", COLUMN_TEXT },
};

const struct columns columns_states = COLUMNS(states);

static const struct rowset_column databases[] = {
	{ "name", COLUMN_TEXT },
	{ "host", COLUMN_TEXT },
	{ "port", COLUMN_INT4 },
	{ "database", COLUMN_TEXT },
	{ "force_user", COLUMN_TEXT },
	{ "pool_size", COLUMN_INT4 },
	{ "min_pool_size", COLUMN_INT4 },
	{ "reserve_pool_size", COLUMN_INT4 },
	{ "server_lifetime", COLUMN_INT4 },
	{ "pool_mode", COLUMN_TEXT },
	{ "load_balance_hosts", COLUMN_TEXT },
	{ "max_connections", COLUMN_INT4 },
	{ "current_connections", COLUMN_INT4 },
	{ "max_client_connections", COLUMN_INT4 },
	{ "current_client_connections", COLUMN_INT4 },
	{ "paused", COLUMN_INT4 },
	{ "disabled", COLUMN_INT4 },
};

const struct columns columns_databases = COLUMNS(databases);

static const struct rowset_column stats[] = {
	{ "database", COLUMN_TEXT },
	{ "total_server_assignment_count", COLUMN_NUMERIC },
	{ "total_xact_count", COLUMN_NUMERIC },
	{ "total_query_count", COLUMN_NUMERIC },
	{ "total_received", COLUMN_NUMERIC },
	{ "total_sent", COLUMN_NUMERIC },
	{ "total_xact_time", COLUMN_NUMERIC },
	{ "total_query_time", COLUMN_NUMERIC },
	{ "total_wait_time", COLUMN_NUMERIC },
	{ "total_client_parse_count", COLUMN_NUMERIC },
	{ "total_server_parse_count", COLUMN_NUMERIC },
	{ "total_bind_count", COLUMN_NUMERIC },
	{ "avg_server_assignment_count", COLUMN_NUMERIC },
	{ "avg_xact_count", COLUMN_NUMERIC },
	{ "avg_query_count", COLUMN_NUMERIC },
	{ "avg_recv", COLUMN_NUMERIC },
	{ "avg_sent", COLUMN_NUMERIC },
	{ "avg_xact_time", COLUMN_NUMERIC },
	{ "avg_query_time", COLUMN_NUMERIC },
	{ "avg_wait_time", COLUMN_NUMERIC },
	{ "avg_client_parse_count", COLUMN_NUMERIC },
	{ "avg_server_parse_count", COLUMN_NUMERIC },
	{ "avg_bind_count", COLUMN_NUMERIC },
};

const struct columns columns_stats = COLUMNS(stats);

static const struct rowset_column stats_totals[] = {
	{ "database", COLUMN_TEXT },
	{ "server_assignment_count", COLUMN_NUMERIC },
	{ "xact_count", COLUMN_NUMERIC },
	{ "query_count", COLUMN_NUMERIC },
	{ "bytes_received", COLUMN_NUMERIC },
	{ "bytes_sent", COLUMN_NUMERIC },
	{ "xact_time", COLUMN_NUMERIC },
	{ "query_time", COLUMN_NUMERIC },
	{ "wait_time", COLUMN_NUMERIC },
	{ "client_parse_count", COLUMN_NUMERIC },
	{ "server_parse_count", COLUMN_NUMERIC },
	{ "bind_count", COLUMN_NUMERIC },
};

const struct columns columns_stats_totals = COLUMNS(stats_totals);

static const struct rowset_column stats_averages[] = {
	{ "database", COLUMN_TEXT },
	{ "server_assignment_count", COLUMN_NUMERIC },
	{ "xact_count", COLUMN_NUMERIC },
	{ "query_count", COLUMN_NUMERIC },
	{ "bytes_received", COLUMN_NUMERIC },
	{ "bytes_sent", COLUMN_NUMERIC },
	{ "xact_time", COLUMN_NUMERIC },
	{ "query_time", COLUMN_NUMERIC },
	{ "wait_time", COLUMN_NUMERIC },
	{ "avg_client_parse_count", COLUMN_NUMERIC },
	{ "avg_server_parse_count", COLUMN_NUMERIC },
	{ "avg_bind_count", COLUMN_NUMERIC },
};

const struct columns columns_stats_averages = COLUMNS(stats_averages);

static const struct rowset_column totals[] = {
	{ "name", COLUMN_TEXT },
	{ "value", COLUMN_NUMERIC },
};

const struct columns columns_totals = COLUMNS(totals);

static const struct rowset_column users[] = {
	{ "name", COLUMN_TEXT },
	{ "pool_size", COLUMN_TEXT },
	{ "reserve_pool_size", COLUMN_TEXT },
	{ "pool_mode", COLUMN_TEXT },
	{ "max_user_connections", COLUMN_INT4 },
	{ "current_connections", COLUMN_INT4 },
	{ "max_user_client_connections", COLUMN_INT4 },
	{ "current_client_connections", COLUMN_INT4 },
};

const struct columns columns_users = COLUMNS(users);

static const struct rowset_column lists[] = {
	{ "list", COLUMN_TEXT },
	{ "items", COLUMN_INT4 },
};

const struct columns columns_lists = COLUMNS(lists);

static const struct rowset_column config[] = {
	{ "key", COLUMN_TEXT },
	{ "value", COLUMN_TEXT },
	{ "default", COLUMN_TEXT },
	{ "changeable", COLUMN_TEXT },
};

const struct columns columns_config = COLUMNS(config);

static const struct rowset_column version[] = {
	{ "version", COLUMN_TEXT },
};

const struct columns columns_version = COLUMNS(version);

static const struct rowset_column state[] = {
	{ "key", COLUMN_TEXT },
	{ "value", COLUMN_TEXT },
};

const struct columns columns_state = COLUMNS(state);

static const struct rowset_column mem[] = {
	{ "name", COLUMN_TEXT },     { "size", COLUMN_INT4 },
	{ "used", COLUMN_INT4 },     { "free", COLUMN_INT4 },
	{ "memtotal", COLUMN_INT4 },
};

const struct columns columns_mem = COLUMNS(mem);

static const struct rowset_column dns_hosts[] = {
	{ "hostname", COLUMN_TEXT },
	{ "ttl", COLUMN_INT8 },
	{ "addrs", COLUMN_TEXT },
};

const struct columns columns_dns_hosts = COLUMNS(dns_hosts);

/* carpool's own. */
static const struct rowset_column listeners[] = {
	{ "database", COLUMN_TEXT },   { "user", COLUMN_TEXT },
	{ "state", COLUMN_TEXT },      { "server", COLUMN_TEXT },
	{ "remote_pid", COLUMN_INT4 }, { "channels", COLUMN_INT8 },
	{ "heard", COLUMN_INT8 },      { "lost", COLUMN_INT8 },
	{ "error", COLUMN_TEXT },      { "protocol", COLUMN_TEXT },
};

const struct columns columns_listeners = COLUMNS(listeners);

static const struct rowset_column dns_zones[] = {
	{ "zonename", COLUMN_TEXT },
	{ "serial", COLUMN_INT8 },
	{ "count", COLUMN_INT4 },
};

const struct columns columns_dns_zones = COLUMNS(dns_zones);

static const struct rowset_column peers[] = {
	{ "peer_id", COLUMN_INT4 },
	{ "host", COLUMN_TEXT },
	{ "port", COLUMN_INT4 },
	{ "pool_size", COLUMN_INT4 },
};

const struct columns columns_peers = COLUMNS(peers);

static const struct rowset_column peer_pools[] = {
	{ "peer_id", COLUMN_INT4 },
	{ "cl_active_cancel_req", COLUMN_INT4 },
	{ "cl_waiting_cancel_req", COLUMN_INT4 },
	{ "sv_active_cancel", COLUMN_INT4 },
	{ "sv_login", COLUMN_INT4 },
};

const struct columns columns_peer_pools = COLUMNS(peer_pools);
