/*
 * Cancel requests.
 *
 * The map from the key that a client was given to its handle is shared by all
 * threads under one lock.  A cancel runs on the worker of the client that it
 * is for: it checks the link again and takes the hold on the server before it
 * connects.  The held server is neither shared nor moved until the cancel
 * connection was closed by the server (which proves that the signal was sent),
 * or it is closed on timeout.  So a late cancel can never hit a stranger.
 */
#ifndef CARPOOL_CORE_CANCEL_H
#define CARPOOL_CORE_CANCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "core/core.h"
#include "io/stream.h"
#include "io/timer.h"

struct client;
struct server;

struct cancel_map {
	struct lock lock;
	struct map *keys; /* owns; key bytes to struct client_handle (owns) */
};

bool cancel_map_init(struct cancel_map *m);
void cancel_map_fini(struct cancel_map *m);
/* Registers a client's key; false: out of memory.  Any thread. */
bool cancel_map_put(struct cancel_map *m, const uint8_t *key, size_t len,
		    struct client_handle handle);
void cancel_map_remove(struct cancel_map *m, const uint8_t *key, size_t len);
bool cancel_map_find(struct cancel_map *m, const uint8_t *key, size_t len,
		     struct client_handle *handle);

/* A cancel connection to a server; owned by its worker. */
struct canceler {
	struct stream stream;
	struct timer timer;
	struct list_node node;  /* on worker.cancelers or worker.graves */
	struct worker *worker;  /* borrows */
	struct server *server;  /* borrows: held until this is over; NULL then */
	struct client_handle asker; /* told when it is over */
	bool has_asker;
	bool is_sent;
	uint8_t request[300];
	size_t request_len;
};

/*
 * A cancel request for `key` came on connection c, which is closed when the
 * request was carried out (or at once when there is nothing to cancel).
 */
void cancel_request(struct client *c, const uint8_t *key, size_t len);

/*
 * Cancels what runs on a server of this worker, for nobody but carpool itself
 * or for the asker.  False: nothing was started (no budget, no key).
 */
bool cancel_server(struct server *s, const struct client_handle *asker);

/* Frees what was closed; the worker's reaper. */
void canceler_free(struct canceler *x);
/* Closes at the worker's end. */
void canceler_close(struct canceler *x, bool ok);

#endif
