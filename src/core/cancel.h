/*
 * Cancel requests.
 *
 * The key that a client is given says where it is (worker and slot) and holds
 * 32 unpredictable bits, as PostgreSQL's own does; so finding the client needs
 * no map and no lock: the request goes to that worker, which compares the
 * whole key.  There the link is checked again and the hold on the server is
 * taken before connecting.  The held server is neither shared nor moved until
 * the cancel connection was closed by the server (which proves that the signal
 * was sent), or it is closed on timeout.  So a late cancel can never hit a
 * stranger.
 */
#ifndef CARPOOL_CORE_CANCEL_H
#define CARPOOL_CORE_CANCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "core/core.h"
#include "core/server.h"
#include "io/stream.h"
#include "io/timer.h"

struct client;
struct server;

/* For the place that the client has just taken: a fresh secret, or the number
 * that it keeps.  False: memory is out. */
bool cancel_make_key(struct client *c);
/* The key that names this client: its place and its secret, or its number. */
void cancel_key_of(const struct client *c, uint8_t key[CANCEL_KEY_BYTES]);

/* A cancel connection to a server; owned by its worker. */
struct canceler {
	struct stream stream;
	struct timer timer;
	struct list_node node; /* on worker.cancelers or its graves */
	struct worker *worker; /* borrows */
	struct server *server; /* borrows: held until this is over; NULL then */
	struct client_handle asker;       /* told when it is over */
	const struct user_state *account; /* borrows: see cancel_request */
	bool has_asker;
	/* Of the server, which may end before this. */
	const struct back_ops *ops; /* borrows */
	enum protocol protocol;
	void *back; /* owns: its login, where a cancel takes one, or NULL */
	struct tls_context *tls; /* refs, or NULL */
	char host[256];          /* for that: whom it is to be */
	enum stream_check check; /* ... and whether he must be it */
	bool is_sent;
	uint8_t request[300];
	size_t request_len;
};

/*
 * A cancel request for `key` came on connection c, which is closed when the
 * request was carried out (or at once when there is nothing to cancel).
 */
void cancel_request(struct client *c, const uint8_t *key, size_t len,
		    enum cancel_what what);

/*
 * Cancels what runs on a server of this worker, for nobody but carpool itself
 * or for the asker.  False: nothing was started (no budget, no key).
 */
bool cancel_server(struct server *s, const struct client_handle *asker,
		   const struct user_state *account);

/*
 * A cancel that came while carpool's own requests ran on the client's server
 * waits, or it would hit these: goes on when nothing hidden is owed, or when
 * that server was lost and the client queues for another one.
 */
void cancel_go_on(struct client *c);
/* The client leaves: whoever asked is told. */
void cancel_drop(struct client *c);

/* Frees what was closed; the worker's reaper. */
void canceler_free(struct canceler *x);
/* Closes at the worker's end. */
void canceler_close(struct canceler *x, enum cancel_end end);

#endif
