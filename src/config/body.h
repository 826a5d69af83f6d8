/*
 * What a snapshot is made of.  Private to config/: filled by the files that
 * build it, constant once snapshot_build has returned it.
 */
#ifndef CARPOOL_CONFIG_BODY_H
#define CARPOOL_CONFIG_BODY_H

#include "config/entry.h"
#include "config/hba_lines.h"
#include "config/ident.h"
#include "config/pile.h"
#include "config/snapshot.h"
#include "config/value.h"

struct map;

/* The values given for a database, before defaults; "" or UNSET_* = none. */
struct database_draft {
	const char *host; /* comma lists */
	const char *port;
	const char *dbname;
	const char *user;
	const char *password;
	const char *connect_query;
	const char *client_encoding;
	const char *datestyle;
	const char *timezone;
	const char *application_name;
	const char *auth_user;
	const char *auth_dbname;
	const char *auth_query;
	uint32_t ssl;             /* enum ssl_mode */
	uint32_t ssl_begins;      /* enum ssl_negotiation */
	uint32_t channel_binding; /* enum channel_binding */
	const char *ssl_ca;       /* or "system" */
	const char *ssl_cert;
	const char *ssl_key;
	uint32_t mode;
	uint32_t balance;
	uint32_t pool_size;
	uint32_t min_pool_size;
	uint32_t reserve_pool_size;
	uint32_t max_connections;
	uint32_t max_client_connections;
	uint32_t on_state[STATE_KINDS]; /* enum state_policy */
	usec_t server_lifetime;
	usec_t query_wait_timeout;
};

struct database_body {
	struct config_database db;
	struct entry entry; /* over draft */
	struct database_draft draft;
};

/* The values given for a user in [users]. */
struct user_draft {
	uint32_t mode;
	uint32_t pool_size;
	uint32_t reserve_pool_size;
	uint32_t max_connections;
	uint32_t max_client_connections;
	uint32_t on_state[STATE_KINDS]; /* enum state_policy */
	usec_t query_timeout;
	usec_t idle_transaction_timeout;
	usec_t transaction_timeout;
	usec_t client_idle_timeout;
	usec_t query_wait_timeout;
};

struct user_body {
	struct config_user user;
	struct entry entry; /* over draft; no key given: not in [users] */
	struct user_draft draft;
	struct place secret_at; /* in auth_file */
};

struct snapshot {
	_Atomic size_t references;
	uint64_t generation;
	struct pile pile; /* owns everything below but the maps */
	struct settings settings;
	struct value *values; /* of every row of the table, in its order */
	struct database_body **databases;
	size_t database_count;
	size_t database_room;
	struct map *database_by_name[PROTOCOLS]; /* owns; refs the bodies */
	struct user_body **users;
	size_t user_count;
	size_t user_room;
	const struct network *proxies; /* borrows from the pile */
	size_t proxy_count;
	struct hba hba;                 /* empty: auth_type is no hba */
	struct ident ident;             /* its expressions are its own */
	struct tls_context *client_tls; /* refs; NULL: none is offered */
	struct tls_context *server_tls; /* refs; of databases without any
					 * settings of their own; NULL: none
					 * needs it */
	struct map *user_by_name;       /* owns; refs the bodies */
};

#endif
