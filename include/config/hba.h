/*
 * The rules of auth_hba_file and auth_ident_file: who may log in from where,
 * and how he proves who he is.
 *
 * Read with the rest of a configuration, constant afterwards and part of its
 * snapshot.  Everything here is borrowed from it; any thread.
 *
 * PostgreSQL manual, "The pg_hba.conf File", "User Name Maps"; PgBouncer's
 * config manual, "HBA file format".
 */
#ifndef CARPOOL_CONFIG_HBA_H
#define CARPOOL_CONFIG_HBA_H

#include <stdbool.h>
#include <stddef.h>

#include "io/addr.h"
#include "proto/turn.h"

struct snapshot;

enum hba_way { HBA_UNIX, HBA_CLEAR, HBA_TLS };

/* A client before its login; all borrowed. */
struct hba_client {
	enum hba_way way;
	const struct addr *peer; /* NULL: not known, or a unix socket */
	const char *database;
	const char *user;
};

/* What a client must show beside what the method asks for. */
enum hba_cert {
	HBA_CERT_NONE,
	HBA_CERT_CA,   /* a certificate that is vouched for */
	HBA_CERT_NAME, /* one that is in the user's name */
};

struct hba_rule {
	enum auth_method method;
	enum hba_cert cert;
	const char *map;  /* of auth_ident_file; "" = none */
	const char *file; /* where it stands */
	unsigned line;
};

/* The first rule that fits the client, or NULL. */
const struct hba_rule *snapshot_hba_rule(const struct snapshot *s,
					 const struct hba_client *client);

/* Does any rule look at certificates? */
bool snapshot_hba_has_certs(const struct snapshot *s);

/*
 * May somebody whom the system (or a certificate) calls `name` log in as this
 * user?  map "": only under the same name; else as the map of that name says.
 */
bool snapshot_ident_allows(const struct snapshot *s, const char *map,
			   const char *name, const char *user);

#endif
