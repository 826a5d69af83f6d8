/*
 * The columns of every SHOW: names, order and types as in PgBouncer 1.25, on
 * which its users' tools rely.  Carpool's own are EXPLAIN, LISTENERS, PINS,
 * PIN_COUNTS, PREPARED_STATEMENTS and STATES, each with the protocol as its
 * last column.  Constant; any thread.
 */
#ifndef CARPOOL_ADMIN_COLUMNS_H
#define CARPOOL_ADMIN_COLUMNS_H

#include "base/rowset.h"

struct columns {
	const struct rowset_column *list; /* borrows static */
	size_t count;
};

extern const struct columns columns_pools;
extern const struct columns columns_pins;
extern const struct columns columns_prepared_statements;
extern const struct columns columns_states;
extern const struct columns columns_pin_counts;
extern const struct columns columns_explain;
extern const struct columns columns_clients; /* servers too */
extern const struct columns columns_sockets; /* begins as columns_clients */
extern const struct columns columns_databases;
extern const struct columns columns_stats;
extern const struct columns columns_stats_totals;
extern const struct columns columns_stats_averages;
extern const struct columns columns_totals;
extern const struct columns columns_users;
extern const struct columns columns_lists;
extern const struct columns columns_listeners;
extern const struct columns columns_config;
extern const struct columns columns_version;
extern const struct columns columns_state;
extern const struct columns columns_mem;
extern const struct columns columns_dns_hosts;
extern const struct columns columns_dns_zones;
extern const struct columns columns_peers;
extern const struct columns columns_peer_pools;

#endif
