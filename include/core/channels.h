/*
 * LISTEN in the servers' place, as the control thread sees it: what the workers
 * want heard, and the way back.
 *
 * Each worker knows its own clients' subscriptions; it tells the control thread
 * which channels of a pool it wants (the first client that subscribes) and no
 * longer wants (the last one that leaves).  The control thread has one
 * connection a pool on which it listens to them, and gives each notification
 * once to each worker that wants its channel.
 *
 * An ADD is answered when the connection has listened for it: what is heard
 * afterwards, and nothing that was heard before, is for the client that asked.
 * An ADD of no channels asks for nothing but this order: what was told before
 * it was sent is heard before it is answered, if anything hears at all.
 * Mail from one thread to another keeps its order, which is all that this
 * takes.
 *
 * Control thread, unless said otherwise.
 */
#ifndef CARPOOL_CORE_CHANNELS_H
#define CARPOOL_CORE_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "core/core.h"

enum channel_want { CHANNEL_ADD, CHANNEL_DROP };

/* Owned by the control thread from the submit on; an ADD is given back by
 * channels_answer, a DROP freed. */
struct channel_request {
	struct mail mail;      /* first */
	struct list_node node; /* the control thread's */
	void *carrier;         /* borrows: whose mail it is just now */
	struct pool *pool;     /* refs */
	unsigned worker;       /* that wants the channels */
	enum channel_want want;
	struct client_handle client; /* ADD: who waits */
	uint64_t ticket;             /* ADD: the client's mark */
	usec_t deadline;             /* the control thread's */
	enum reason result;          /* ADD: REASON_NONE = in place */
	char *text;                  /* owns: why not, or NULL */
	size_t len;                  /* of names */
	char names[];                /* channels, each with its NUL */
};

void channel_request_free(struct channel_request *r);

/* Gives an ADD back to its worker. */
void channels_answer(struct core *core, struct channel_request *r);

/* Gives a notification to the subscribers of those workers for which workers[]
 * is set.  server: "host:port", where it came from. */
void channels_tell(struct core *core, struct pool *pool, const bool *workers,
		   const char *server, const struct notification *n);

enum channels_event {
	CHANNELS_LOST, /* nothing is heard from now on */
	CHANNELS_BACK, /* it is again; what came in between is gone */
};
/* Tells one worker's subscribers of a pool. */
void channels_event(struct core *core, struct pool *pool, unsigned worker,
		    enum channels_event event);

/*
 * A place for the listening connection under the limits of database and user.
 * LATER: core_config.channel_place is called when there is one; NEVER: the
 * limits have no room for it beside a server.
 */
enum channels_place { PLACE_TAKEN, PLACE_LATER, PLACE_NEVER };
enum channels_place channels_take_place(struct pool *pool);
/* Gives up waiting. */
void channels_leave_queue(struct pool *pool);
void channels_give_place(struct pool *pool);
/* While it waits: has a server that is idle closed. */
void channels_claim_place(struct pool *pool);

void channels_pool_ref(struct pool *pool);
void channels_pool_unref(struct pool *pool);
const char *channels_database(const struct pool *pool);
const char *channels_user(const struct pool *pool);
uint16_t channels_default_port(const struct pool *pool);
/* Changes when servers are to be opened anew: RECONNECT, another address. */
uint64_t channels_epoch(struct pool *pool);

#endif
