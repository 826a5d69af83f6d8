/*
 * What the files of the server share with each other and with nobody else.
 */
#ifndef CARPOOL_CORE_SERVER_INNER_H
#define CARPOOL_CORE_SERVER_INNER_H

#include "base/log.h"
#include "core/server.h"
#include "core/worker.h"

#define SERVER_TAG_MAX (2 * LOG_QUOTE_MAX + 64)

/* How log lines name it, written into out: id, database, user. */
const char *server_tag(const struct server *s, char out[SERVER_TAG_MAX]);

/* The callbacks of its stream and its timer. */
void server_on_ready(struct stream *stream);
void server_on_timer(struct timer *timer);

/* An opening came to nothing; text says why, unless the server itself did. */
void server_open_failed(struct server *s, enum reason reason,
			enum fail_scope scope, const char *text);

/* It is over: closes the connection and gives its place back. */
void server_end(struct server *s);

static inline usec_t
server_now(const struct server *s)
{
	return loop_now(s->worker->loop);
}

/* server_connect_timeout is over: the next address, or the end. */
void server_open_late(struct server *s);

/* The end of its life by server_lifetime, less its share of jitter. */
void server_set_expiry(struct server *s);

/* The address that it asked for is not wanted any more. */
void server_forget_query(struct server *s);

/* As whom carpool logs in to a server; wiped by the caller. */
struct server_secret {
	struct credential cred; /* borrows from the two keys, too */
	uint8_t client_key[32], server_key[32];
	char *asked; /* owns: by auth_query, or NULL */
};

/* Given back with server_secret_fini. */
void server_credential(const struct server *s, const struct config_database *db,
		       struct server_secret *out);

void server_secret_fini(struct server_secret *secret);

/* Sets x->back to the state of a connection that cancels what runs on s, see
 * cancel_open, and how it is to be made; NULL: there is none, memory is out, or
 * its entry is gone. */
struct canceler;
void server_cancel_back(struct server *s, struct canceler *x);

#endif
