/*
 * What the configuration asks of the protocols, as a plain struct: borrowed by
 * every turn, never stored.  Built by config/, read by the steps.
 */
#ifndef CARPOOL_PROTO_POLICY_H
#define CARPOOL_PROTO_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pool_mode { POOL_SESSION, POOL_TRANSACTION, POOL_STATEMENT };

#define POLICY_NAMES_MAX 16

struct policy {
	enum pool_mode mode;
	uint32_t max_packet_bytes; /* largest message accepted from a client */
	uint32_t scram_iterations; /* for secrets stored in clear text */
	bool simple_query_off;     /* disable_pqexec */
	bool add_host;             /* application_name_add_host */
	bool reset_always;         /* server_reset_query_always */
	/* All strings are borrowed, NUL-terminated, never NULL. */
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
