/*
 * The channels that clients listen to: one worker's table, each client's part
 * of it, and what waits to be told.  Runs on the clients' worker; see
 * core/channels.h for where notifications come from.
 */
#ifndef CARPOOL_CORE_HEARER_H
#define CARPOOL_CORE_HEARER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "core/channels.h"
#include "proto/order.h"

struct client;
struct server;
struct worker;

/* One notification, shared by all who are to be told. */
struct note {
	_Atomic uint32_t refs;
	uint32_t pid;        /* as clients know it */
	size_t size;         /* of the whole */
	const char *channel; /* into text; NULL: a notice to the client */
	const char *payload; /* into text */
	char text[];
};

/* NULL: memory is out. */
struct note *note_new(uint32_t pid, const char *channel, const char *payload);
void note_unref(struct note *note);

/* One client's part. */
struct hearer {
	struct list_node node; /* on ears.hearers */
	struct client *client; /* borrows: whose it is */
	struct list subs;      /* owns struct sub, by .of_hearer */
	struct told *first;    /* owns: what is still to be written */
	struct told *last;     /* borrows */
	size_t queued;         /* bytes of these */
	uint32_t channels;     /* in subs */
	uint64_t ticket;       /* of the ADD that it waits for, or 0 */
	uint64_t fence;        /* of the ADD that its server waits for */
	enum residue residue;  /* of that server */
	bool is_due;           /* that is in place: to be said */
};

/* One worker's table. */
struct ears {
	struct map *channels;  /* owns; pool and name to struct channel */
	struct map *by_client; /* owns; the client's pointer to struct hearer */
	struct list hearers;   /* owns them */
	struct slab told, subs;
	uint64_t tickets;
};

/*
 * Carries out an ORDER_LISTEN of the client's back.  False: the client is
 * closed.
 */
bool hearer_on_order(struct client *c, struct server *s, const struct order *o);

/* Does something wait to be told? */
bool hearer_has_news(const struct client *c);

/*
 * The client is about to give up a server on which it has notified: must it
 * keep it until that has been heard?  Then nobody else's notifications come
 * from that process before, and the client's are known to be its own.  True:
 * it is fenced, until session_end_fence.
 */
bool hearer_fences(struct client *c, struct server *s, enum residue residue);

/* Writes what waits, where the client may be told just now. */
void hearer_flush(struct client *c);

/* The client is gone. */
void hearer_end(struct client *c);

/* What the control thread sends. */
void hearer_answered(struct worker *w, struct channel_request *r);
void hearer_tell(struct worker *w, const struct pool *p, struct note *note);
void hearer_event(struct worker *w, const struct pool *p,
		  enum channels_event event);

void ears_free(struct ears *ears);

#endif
