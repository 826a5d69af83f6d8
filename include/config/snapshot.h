/*
 * A snapshot: one whole, checked, immutable configuration.
 *
 * Built by snapshot_build from files, environment and flags; published whole
 * or not at all.  Reference-counted (atomic): the control thread holds the
 * current one, each worker holds the one it runs under.  Everything that a
 * function here returns is borrowed from the snapshot.
 */
#ifndef CARPOOL_CONFIG_SNAPSHOT_H
#define CARPOOL_CONFIG_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "io/addr.h"
#include "proto/policy.h"

#define DATABASE_NAME_MAX 63
#define USER_NAME_MAX 127

enum load_balance { LOAD_BALANCE_ROUND_ROBIN, LOAD_BALANCE_DISABLE };

/* One server address of a database. */
struct config_host {
	const char *name; /* name, address, "/dir" or "@abstract" */
	uint16_t port;
};

#define UNSET_U32 UINT32_MAX
#define UNSET_USEC UINT64_MAX

/* An entry of [databases] or [mysql_databases]; values not given are taken from
 * the settings. */
struct config_database {
	enum protocol protocol;
	const char *name;   /* as clients say it; "*" for the fallback */
	const char *dbname; /* on the server; NULL = as the client says it */
	const struct config_host *hosts;
	size_t host_count; /* at least 1 */
	enum load_balance balance;
	const char *user;     /* forced server user, or NULL */
	const char *password; /* forced secret, or NULL */
	enum pool_mode mode;  /* after defaults */
	bool has_mode;        /* given by the entry itself */
	/* All after defaults; 0 = unlimited for sizes and limits. */
	uint32_t pool_size;
	uint32_t min_pool_size;
	uint32_t reserve_pool_size;
	uint32_t max_connections;                /* max_db_connections */
	uint32_t max_client_connections;         /* max_db_client_connections */
	enum state_policy on_state[STATE_KINDS]; /* after defaults */
	usec_t server_lifetime;
	usec_t query_wait_timeout;
	const char *connect_query;   /* "" = none */
	const char *client_encoding; /* "" = not sent */
	const char *datestyle;
	const char *timezone;
	const char *application_name;
	/* After defaults: */
	const char *auth_user, *auth_dbname; /* "" = none */
	const char *auth_query;
	enum ssl_mode ssl_mode;
	bool ssl_is_direct; /* without asking: sslnegotiation=direct */
	/* What it is made from, for libraries that make their own; "" = none.
	 */
	const char *ssl_ca, *ssl_cert, *ssl_key;
	enum channel_binding channel_binding;
	struct tls_context *tls; /* refs of the snapshot; NULL: never */
	const char *file;        /* where it stands, for messages */
	unsigned line;
};

/* A user of auth_file and/or [users]; UNSET_* where not given. */
struct config_user {
	const char *name;
	const char
		*secret; /* NULL = not in auth_file; "" = no password known */
	bool has_mode;
	enum pool_mode mode;
	uint32_t pool_size;
	uint32_t reserve_pool_size;
	uint32_t max_connections;
	uint32_t max_client_connections;
	uint32_t on_state[STATE_KINDS]; /* enum state_policy, or UNSET_U32 */
	usec_t query_timeout;
	usec_t idle_transaction_timeout;
	usec_t transaction_timeout;
	usec_t client_idle_timeout;
	usec_t query_wait_timeout;
};

struct snapshot; /* refs */

/* What the command line adds; all borrowed for the call. */
struct config_source {
	const char *file; /* path, or NULL when url is given */
	const char *url;  /* --url or DATABASE_URL, or NULL */
	/* pairs "name=value" that win over environment and file: -v, -q, -u,
	 * and SET until the next reload */
	const char *const *overrides;
	size_t override_count;
	char *const *environment; /* environ; CARPOOL_<NAME>; NULL = none */
	/* TLS_TICKET_KEY unpredictable bytes of the process, by which tickets
	 * outlive reloads; NULL: each snapshot has its own */
	const uint8_t *ticket_key;
};

/* One finding; file may be "" (environment, flags, url). */
struct config_problem {
	enum { PROBLEM_ERROR, PROBLEM_WARNING } kind;
	char *file; /* owns */
	unsigned line;
	char *text; /* owns */
};

struct config_report {
	struct config_problem *problems; /* owns */
	size_t count;
	size_t errors;
};

void config_report_fini(struct config_report *r);

/*
 * Reads and checks everything.  Returns a snapshot with one reference, or NULL
 * when there was any error; report (zero-initialised by the caller) then has
 * all of them, with file and line, and warnings in either case.  Blocking file
 * reads: start-up or control thread only.
 */
struct snapshot *snapshot_build(const struct config_source *source,
				struct config_report *report);

struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

/* 1 for the first snapshot of the process, then ever higher; set by publish. */
uint64_t snapshot_generation(const struct snapshot *s);
void snapshot_set_generation(struct snapshot *s, uint64_t generation);

const struct settings *snapshot_settings(const struct snapshot *s);

/* The value of any table row as text, as SHOW CONFIG prints it, into out. */
const char *snapshot_setting_text(const struct snapshot *s,
				  const struct setting *row, char *out,
				  size_t size);

/* The protocol's entry of exactly this name, else that of "*", else NULL. */
const struct config_database *snapshot_database(const struct snapshot *s,
						enum protocol protocol,
						const char *name);
/* The user of this name, or NULL. */
const struct config_user *snapshot_user(const struct snapshot *s,
					const char *name);

/* The same under whatever protocol there is one, a true name before "*". */
const struct config_database *snapshot_any_database(const struct snapshot *s,
						    const char *name);
/*
 * The entry for clients that name no database: mysql_default_database, or the
 * protocol's only one; NULL: there is none.
 */
const struct config_database *
snapshot_default_database(const struct snapshot *s, enum protocol protocol);

/* Is there any entry of the protocol? */
bool snapshot_has_protocol(const struct snapshot *s, enum protocol protocol);

/*
 * Are clients of the protocol heard, and on which port?  Those of Postgres are
 * in any case, for the console; others where there are entries.
 */
bool snapshot_listens(const struct snapshot *s, enum protocol protocol,
		      uint16_t *port);

size_t snapshot_database_count(const struct snapshot *s);
const struct config_database *snapshot_database_at(const struct snapshot *s,
						   size_t i);
size_t snapshot_user_count(const struct snapshot *s);
const struct config_user *snapshot_user_at(const struct snapshot *s, size_t i);

/* Everything that one pool (database entry, user) follows, after defaults. */
struct pool_config {
	enum pool_mode mode;
	uint32_t size; /* 0 = unlimited */
	uint32_t min_size;
	uint32_t reserve_size;
	usec_t reserve_timeout;
	uint32_t max_db_connections;   /* 0 = unlimited */
	uint32_t max_user_connections; /* of the server's user */
	usec_t query_wait_timeout;
	usec_t query_timeout;
	usec_t idle_transaction_timeout;
	usec_t transaction_timeout;
	usec_t client_idle_timeout;
	usec_t server_lifetime;
	usec_t server_idle_timeout;
	usec_t server_check_delay; /* UNSET_USEC = servers are never checked */
	uint32_t max_db_client_connections;   /* 0 = unlimited */
	uint32_t max_user_client_connections; /* of the user given */
	uint8_t on_state[STATE_KINDS];        /* enum state_policy */
};

/*
 * Resolves the values for a database entry and a user (NULL = unknown).  What
 * the user's entry gives comes before the database's, that before the global.
 */
void snapshot_pool_config(const struct snapshot *s,
			  const struct config_database *db,
			  const struct config_user *user,
			  struct pool_config *out);

/* Where auth_query is asked; all borrowed from the snapshot, but database. */
struct auth_source {
	const struct config_database *db;
	const char *database; /* as it is called there if the entry has no
			       * dbname; borrows the name asked for */
	const char *user;     /* auth_user */
	const char *password; /* "" = none is known in clear text */
	const char *query;
};

/*
 * Where are users asked for who log in to this database (NULL: the console)?
 * False: nowhere.
 */
bool snapshot_auth_source(const struct snapshot *s, enum protocol protocol,
			  const char *name, struct auth_source *out);

/* Is the address in proxy_protocol_networks? */
bool snapshot_is_proxy(const struct snapshot *s, const struct addr *peer);

/* Fills the protocols' policy for a pool; strings borrowed from s. */
void snapshot_policy(const struct snapshot *s, const struct config_database *db,
		     const struct pool_config *pool, struct policy *out);

/*
 * The password in clear text with which carpool may log in as a server user
 * (the entry's own, or that of auth_file); "" = none is known, NULL = all that
 * is known is a hash.
 */
const char *snapshot_clear_password(const struct snapshot *s,
				    const struct config_database *db,
				    const char *user);

/* What clients are shown under TLS; borrowed from the snapshot, NULL: none. */
struct tls_context;
struct tls_context *snapshot_client_tls(const struct snapshot *s);

/* The policy before anybody knows which pool it will be; borrowed from s. */
void snapshot_login_policy(const struct snapshot *s, struct policy *out);

enum console_right { CONSOLE_NONE, CONSOLE_STATS, CONSOLE_ADMIN };
/* What the user may do on the console by admin_users and stats_users. */
enum console_right snapshot_console_right(const struct snapshot *s,
					  const char *user);

/* Prints the whole effective configuration as an ini file (--print-config);
 * secrets are shown as "********". */
void snapshot_print(const struct snapshot *s, struct str *out);

/* The settings part of carpool.ini(5) in man(7) format. */
void settings_print_man(struct str *out);

/*
 * What differs from an older snapshot, one line each ("default_pool_size: 20 ->
 * 30", "database app added"), and which need a restart; secrets never shown.
 */
void snapshot_diff(const struct snapshot *old, const struct snapshot *now,
		   struct str *out);

#endif
