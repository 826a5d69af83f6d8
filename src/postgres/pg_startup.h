/*
 * The startup packet: what a client says before it is asked who it is.
 * Pure; the packet's text is copied once and owned by the result.
 * PostgreSQL manual, "Message Formats": StartupMessage, CancelRequest,
 * SSLRequest, GSSENCRequest; "Message Flow": NegotiateProtocolVersion.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_STARTUP_H
#define CARPOOL_SRC_POSTGRES_PG_STARTUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reason.h"
#include "base/text.h"
#include "proto/policy.h"

#define PG_STARTUP_MAX 10000u /* bytes of a packet, as in PostgreSQL */
#define PG_STARTUP_SETTINGS 64u
#define PG_CANCEL_KEY_MAX 260u /* process id and key */

enum pg_startup_kind {
	PG_STARTUP_PARTIAL, /* need bytes */
	PG_STARTUP_BAD,     /* reason and text say why */
	PG_STARTUP_SSL,
	PG_STARTUP_GSSENC,
	PG_STARTUP_CANCEL,
	PG_STARTUP_MESSAGE,
};

struct pg_setting {
	const char *name; /* borrows from the packet's copy */
	const char *value;
};

struct pg_startup {
	enum pg_startup_kind kind;
	size_t total; /* bytes of the packet, or needed for PARTIAL */
	enum reason reason;
	char text[192];                 /* BAD: the message, ASCII */
	uint8_t key[PG_CANCEL_KEY_MAX]; /* CANCEL */
	size_t key_len;
	/* MESSAGE */
	char *packet; /* owns: the parameters' text */
	size_t packet_len;
	char *options; /* owns: the settings out of `options`, unescaped */
	const char *user, *database; /* borrow from packet */
	bool is_replication;
	bool has_odd_options; /* more than settings stands in `options` */
	uint16_t minor;       /* of protocol 3.minor */
	struct pg_setting settings[PG_STARTUP_SETTINGS]; /* tracked ones */
	size_t setting_count;
	const char *unsupported; /* the first name that is not taken, or NULL */
	const char *extensions[16]; /* unknown "_pq_." names; borrow */
	size_t extension_count;
};

/*
 * Reads the packet at the head of in, which is not consumed.  seen_ssl,
 * seen_gss: these requests were answered before.  s is zeroed before and freed
 * with pg_startup_fini.
 */
enum pg_startup_seen { PG_SEEN_NONE = 0, PG_SEEN_SSL = 1, PG_SEEN_GSS = 2 };
void pg_startup_read(struct pg_startup *s, const struct buf *in, unsigned seen,
		     const struct policy *policy);

/* Appends NegotiateProtocolVersion if the client asked for more than 3.0;
 * false: out of memory. */
bool pg_startup_negotiate(const struct pg_startup *s, struct buf *out);

/*
 * Adds what a server of this client's own is told at its start: all that the
 * client said, as it said it, but for what is carpool's to say and for what
 * ignore_startup_parameters drops.
 */
void pg_startup_words(const struct pg_startup *s, const struct policy *policy,
		      struct str *out);

void pg_startup_fini(struct pg_startup *s);

/*
 * Copies a name that a stranger chose into out so that it is valid in every
 * client encoding: other bytes than printable ASCII become '?'.
 */
const char *pg_safe_name(const char *name, char *out, size_t size);

/* Does TLS begin here, without a request?  No packet's length begins so. */
bool pg_startup_is_tls(const struct buf *in);

#endif
