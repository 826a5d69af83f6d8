/*
 * One tap: the connection on which carpool listens for the clients of one pool,
 * what it listens to and who wants it.  Private to control/taps.c and tap.c.
 *
 *   PLACE     waits for a place under the limits of database and user
 *   RESOLVE   waits for its host's address
 *   LOGIN     connects and logs in
 *   SETUP     makes the session's settings
 *   UP        listens
 *   PAUSE     failed or lost: begins again at retry_at
 *
 * A command is under way or none is (is_busy); what was asked meanwhile goes
 * with the next one, so ten thousand clients that listen at once cost a few.
 * Control thread.
 */
#ifndef CARPOOL_CONTROL_TAP_H
#define CARPOOL_CONTROL_TAP_H

#include "base/list.h"
#include "base/map.h"
#include "base/text.h"
#include "core/channels.h"
#include "io/resolve.h"
#include "query_pg.h"

enum tap_state {
	TAP_PLACE,
	TAP_RESOLVE,
	TAP_LOGIN,
	TAP_SETUP,
	TAP_UP,
	TAP_PAUSE,
};

extern const char *const tap_state_names[];

struct control;

struct tap {
	struct list_node node;   /* on taps.list */
	struct control *control; /* borrows */
	struct pool *pool;       /* refs */
	struct map *channels;    /* owns; name to struct tap_channel */
	struct list waiting;     /* owns requests not yet in a command */
	struct list under_way;   /* owns those of the running command */
	struct str leave;        /* channels to UNLISTEN, each with its NUL */
	struct query_pg *conn;   /* owns, or NULL */
	struct tap_query *query; /* owns while RESOLVE, else NULL */
	uint64_t epoch;          /* the pool's at the login */
	usec_t retry_at;         /* PAUSE */
	usec_t backoff;          /* of the next failure */
	usec_t deadline;         /* RESOLVE to SETUP */
	usec_t unused_since;     /* nobody wants a channel; 0 = somebody does */
	usec_t since;            /* of its state */
	uint64_t heard, lost;    /* notifications; connections */
	enum tap_state state;
	uint32_t host_turn;
	char server[280]; /* "host:port" */
	bool has_place;
	bool is_busy;   /* a command is under way */
	bool must_back; /* clients were told that it is lost */
	char error[256];
};

/* NULL: out of memory. */
struct tap *tap_new(struct control *c, struct pool *pool);
/* Takes a request over. */
void tap_take(struct tap *t, struct channel_request *r);
/* Its place has come; false: it waits for none. */
bool tap_place(struct tap *t);
/* The periodic look; false: nobody needs it any more. */
bool tap_look(struct tap *t, usec_t now);
/* Ends it; who waits is told. */
void tap_free(struct tap *t);
/* The numbers of channels. */
size_t tap_channels(const struct tap *t);

#endif
