/*
 * Reasons: every way in which carpool refuses or closes, once.  The protocols
 * turn a reason into their own error message, the log prints its name, the
 * counters are indexed by it.  A row's text keeps the words that dashboards
 * and retry code look for (the setting's name stands in the message).
 */
#ifndef CARPOOL_BASE_REASON_H
#define CARPOOL_BASE_REASON_H

#include "base/log.h"

enum reason {
	REASON_NONE, /* no failure */
	/* the client's side */
	REASON_PROTOCOL,             /* 08P01 malformed or unexpected message */
	REASON_PACKET_ORDER,         /* 08P01 a wrong number, of MySQL */
	REASON_PACKET_TOO_LARGE,     /* 08P01 max_packet_size */
	REASON_UNSUPPORTED_PROTOCOL, /* 0A000 protocol version */
	REASON_STARTUP_PARAMETER,    /* 0A000 ignore_startup_parameters */
	REASON_NO_USER_NAME,         /* 28000 startup packet names no user */
	REASON_NAME_TOO_LONG,        /* 08P01 user or database name too long */
	REASON_REPLICATION,          /* 0A000 replication is not supported */
	REASON_AUTH_FAILED,          /* 28P01 password authentication failed */
	REASON_AUTH_METHOD,          /* 28000 no usable method for this user */
	REASON_NO_DATABASE,          /* 3D000 no such database */
	REASON_DATABASE_DISABLED,    /* 57P03 DISABLE */
	REASON_CONSOLE_DENIED,   /* 42501 not in admin_users or stats_users */
	REASON_LOGIN_TIMEOUT,    /* 57P05 client_login_timeout */
	REASON_CLIENT_IDLE,      /* 57P05 client_idle_timeout */
	REASON_CLIENT_GONE,      /* the client closed its connection */
	REASON_CLIENT_TERMINATE, /* the client said good-bye */
	REASON_MAX_CLIENTS,      /* 53300 max_client_conn */
	REASON_MAX_DB_CLIENTS,   /* 53300 max_db_client_connections */
	REASON_MAX_USER_CLIENTS, /* 53300 max_user_client_connections */
	REASON_QUERY_WAIT,       /* 53300 query_wait_timeout */
	REASON_QUERY_TIMEOUT,    /* 57014 query_timeout */
	REASON_IDLE_TRANSACTION, /* 25P03 idle_transaction_timeout */
	REASON_TRANSACTION_TIMEOUT, /* 25P04 transaction_timeout */
	REASON_CANCELED, /* 57014 canceling statement due to user request */
	REASON_NAMED_STATEMENT, /* 0A000 named statement, transaction pooling */
	REASON_TOO_MANY_STATEMENTS, /* 53400 one client prepared too many */
	REASON_PREPARE_NOT_ALONE,   /* 0A000 names that cannot be followed */
	REASON_TOO_MANY_NAMES,      /* 54000 one text names too many */
	REASON_PLAN_CHANGED,        /* 0A000 cached plan must not change ... */
	REASON_STATEMENT_TOO_LONG,  /* 54000 prepared, over 64 kB */
	/* What on_temp_table and the like reject, by enum state_kind. */
	REASON_TEMP_TABLE,        /* 0A000 on_temp_table */
	REASON_ADVISORY_LOCK,     /* 0A000 on_advisory_lock */
	REASON_HOLD_CURSOR,       /* 0A000 on_hold_cursor */
	REASON_LOAD,              /* 0A000 on_load */
	REASON_UNKNOWN_SET,       /* 0A000 on_unknown_set */
	REASON_LISTEN,            /* 0A000 on_listen */
	REASON_STATEMENT_MODE_TX, /* 0A000 transaction block, statement pooling
				   */
	REASON_SIMPLE_QUERY_OFF,  /* 0A000 disable_pqexec */
	REASON_LISTEN_FAILED,     /* 08001 the listening connection failed */
	REASON_LISTEN_LOST,       /* 08006 listen_lost = close */
	REASON_LISTEN_QUEUE,      /* 54000 listen_queue */
	REASON_LISTEN_CHANNELS,   /* 54000 listen_channels */
	REASON_SHUTDOWN,          /* 57P01 SHUTDOWN, SIGTERM */
	REASON_KILLED,            /* 57P01 KILL, KILL_CLIENT */
	REASON_DATABASE_REMOVED,  /* 57P01 entry left the configuration */
	REASON_NO_MEMORY,         /* 53200 */
	REASON_MEMORY_LIMIT,      /* 53200 memory_limit */
	REASON_DESCRIPTORS,       /* 53300 limit of open files */
	REASON_INTERNAL,          /* XX000 a failure of carpool itself */
	/* the servers' side */
	REASON_SERVER_LOST,     /* 08006 server closed the connection */
	REASON_SERVER_LOGIN,    /* 08001 the server refused the login */
	REASON_SERVER_CONNECT,  /* 08001 no connection to the server */
	REASON_SERVER_TIMEOUT,  /* 08001 server_connect_timeout */
	REASON_SERVER_PROTOCOL, /* 08P01 the server broke the protocol */
	REASON_SERVER_AUTH,     /* 08001 the server wants a login we can't do */
	REASON_SERVER_SETTING,  /* 22023 a tracked setting was refused */
	REASON_SERVER_DNS,      /* 08001 the host's name cannot be resolved */
	REASON_SERVER_IDLE,     /* server_idle_timeout */
	REASON_SERVER_LIFETIME, /* server_lifetime */
	REASON_SERVER_DIRTY,    /* state not known: closed, not reused */
	REASON_SERVER_RECONNECT, /* RECONNECT, configuration or DNS changed */
	REASON_SERVER_SURPLUS, /* pool shrunk, PAUSE, place given to another */
	REASON_CANCEL_TIMEOUT, /* cancel_wait_timeout */
	REASON_CLIENT_LOST_QUERY, /* client left with its query in progress */
	REASON_TLS,               /* 08006 the handshake of TLS failed */
	REASON_TLS_REQUIRED,      /* 28000 client_tls_sslmode */
	REASON_SERVER_TLS,        /* 08001 no TLS with the server */
	REASON_ACCESS,            /* 28000 the rules of access deny it */
	REASON_AUTH_QUERY,        /* 08001 auth_query could not be asked */
	REASON_PROXY_HEADER, /* no header of the PROXY protocol, or wrong */
	REASON_COUNT,
};

struct reason_info {
	const char *name;     /* stable, for logs and counters */
	const char *sqlstate; /* five bytes */
	const char *text;     /* the message for the client */
	const char *hint;     /* names the setting; NULL when there is none */
	enum log_level level; /* at which a close for it is logged */
	unsigned short mysql; /* MySQL's error number */
};

/* The row of a reason; never NULL. */
const struct reason_info *reason_info(enum reason reason);

#endif
