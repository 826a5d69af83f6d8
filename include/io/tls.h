/*
 * TLS for streams: what a side shows and accepts, made once from files and
 * shared by all threads, see stream_accept_tls.
 *
 * A context never changes: a reload makes a new one, and connections keep the
 * one that they began with.  Its tickets can be resumed on every thread, and
 * under every context of the same keys.
 *
 * RFC 8446, RFC 5246; OpenSSL manual, "ssl(7)".
 */
#ifndef CARPOOL_IO_TLS_H
#define CARPOOL_IO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct tls_context;

#define TLS_TICKET_KEY 80

/* The name of Postgres' protocol, ten letters, for clients that name theirs
 * (PostgreSQL manual, "SSL Session Encryption"). */
#define TLS_ALPN "postgresql"

enum tls_verify {
	TLS_VERIFY_NONE, /* no certificate is asked for */
	TLS_VERIFY_MAY,  /* one is asked for; if it is shown it must be good */
	TLS_VERIFY_MUST, /* one must be shown, and be good */
};

/* Texts are borrowed for the call; NULL and "" alike: the library's own. */
struct tls_options {
	const char *cert_file; /* PEM, with the chain behind it */
	const char *key_file;  /* PEM */
	const char *ca_file;   /* PEM: who may vouch for the other side */
	/* "secure" (1.2 and 1.3), "all", "legacy", or a list with ',' or ':'
	 * of tlsv1.0, tlsv1.1, tlsv1.2, tlsv1.3 */
	const char *protocols;
	/* "default", "secure", "compat", "normal", "legacy", "all", "fast", or
	 * a list as OpenSSL reads it; up to TLS 1.2 */
	const char *ciphers;
	const char *tls13_ciphers; /* a list with ':' */
	const char *curve;         /* "auto", or names with ':' */
	enum tls_verify verify;
	/* Of the process, 0s: made anew for this context. */
	uint8_t ticket_key[TLS_TICKET_KEY];
};

/*
 * For the side that accepts; NULL, with why in error (owned by the caller, a
 * clause that names the setting's part: "certificate x: ..."), where a file
 * cannot be read or does not fit.  Any thread.
 */
struct tls_context *tls_accepting(const struct tls_options *options,
				  struct str *error);

/*
 * For the side that connects: cert_file and key_file may be empty, ca_file too,
 * or "system" for the authorities that this machine trusts; ticket_key is not
 * used.  With TLS_VERIFY_MUST the other side's certificate must be vouched for.
 */
struct tls_context *tls_connecting(const struct tls_options *options,
				   struct str *error);

/* A key for the tickets of a process; 0s where there is no entropy. */
void tls_ticket_key(uint8_t key[TLS_TICKET_KEY]);

struct tls_context *tls_context_ref(struct tls_context *t);
/* NULL is allowed. */
void tls_context_unref(struct tls_context *t);

#endif
