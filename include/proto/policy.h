/*
 * What the configuration asks of the protocols, as a plain struct: borrowed by
 * every turn, never stored.  Built by config/, read by the steps.
 */
#ifndef CARPOOL_PROTO_POLICY_H
#define CARPOOL_PROTO_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The protocols that carpool speaks; the core knows them by number alone. */
enum protocol { PROTOCOL_POSTGRES, PROTOCOL_MYSQL, PROTOCOLS };

enum pool_mode { POOL_SESSION, POOL_TRANSACTION, POOL_STATEMENT };

#define POLICY_NAMES_MAX 16

/* What a session can leave on its server and nobody can carry over. */
enum state_kind {
	STATE_TEMP_TABLE,
	STATE_ADVISORY_LOCK,
	STATE_HOLD_CURSOR,
	STATE_LOAD,        /* a library */
	STATE_UNKNOWN_SET, /* a change that the server cannot be asked about */
	STATE_LISTEN,
	STATE_KINDS,
};

/* What else keeps a client on its server, under any policy. */
enum pin_kind {
	PIN_TABLE_LOCK = STATE_KINDS,
	PIN_SERVER_LOCK, /* for a backup, say */
	PIN_XA,
	PIN_TRANSACTION, /* the next one, of which something was said */
	PIN_STATEMENT,   /* prepared, and no other server has it */
	PIN_ASKED,       /* by the client */
	PIN_KINDS,
};

/* What is done about it. */
enum state_policy {
	STATE_PIN,    /* the client keeps its server until it is gone */
	STATE_RESET,  /* it is cleaned away at the boundary */
	STATE_REJECT, /* the statement is refused */
	STATE_ALLOW,  /* it is left to whoever comes next */
	STATE_EMULATE /* LISTEN: carpool does it in the server's place */
};

/* May clients, or must they, ask for TLS? */
enum server_tls {
	SERVER_TLS_NONE,
	SERVER_TLS_MAY,    /* where the server has it */
	SERVER_TLS_MUST,   /* after asking for it in clear */
	SERVER_TLS_DIRECT, /* from the first byte on */
};
/* Is a login tied to the server's certificate? */
enum channel_binding {
	CHANNEL_BINDING_PREFER,
	CHANNEL_BINDING_REQUIRE,
	CHANNEL_BINDING_DISABLE,
};
enum client_tls { CLIENT_TLS_NONE, CLIENT_TLS_MAY, CLIENT_TLS_MUST };

struct policy {
	enum pool_mode mode;
	/* Of this pool as it is configured now: on one thread no other policy
	 * has it, before or after; 0: none. */
	uint64_t id;
	uint32_t max_packet_bytes; /* largest message accepted from a client */
	uint32_t scram_iterations; /* for secrets stored in clear text */
	bool simple_query_off;     /* disable_pqexec */
	bool add_host;             /* application_name_add_host */
	bool reset_always;         /* server_reset_query_always */
	bool pin_notice;           /* tell a client once why it is pinned */
	uint8_t on_state[STATE_KINDS]; /* enum state_policy, by state_kind */
	uint8_t client_tls;            /* enum client_tls, over the network */
	uint8_t server_tls;            /* enum server_tls, over the network */
	uint8_t channel_binding;       /* enum channel_binding, with servers */
	bool local_infile; /* clients may be asked for their files */
	bool cannot_hear;  /* LISTEN pins because it cannot be emulated */
	uint32_t listen_channels; /* of one client, where LISTEN is emulated */
	uint32_t max_prepared_statements; /* of one server; 0 = none shared */
	/* All strings are borrowed, NUL-terminated, never NULL. */
	const char
		*server_version; /* in place of the servers' own, "" = that */
	const char *reset_query; /* server_reset_query, "" = none */
	const char *check_query; /* server_check_query, "" = empty query */
	const char
		*connect_query; /* run once after a server login, "" = none */
	const char *ignore_startup; /* comma list, "*" = all */
	const char *extra_tracked;  /* track_extra_parameters, comma list */
	/* Startup values for servers of this database; "" = not sent. */
	const char *client_encoding;
	const char *datestyle;
	const char *timezone;
	const char *application_name;
};

#endif
