/*
 * Orders: what a protocol step asks the session to do.
 *
 * A step reads the bytes that arrived, changes its own state, may append to its
 * output buffers and returns exactly one order; it is called again until it
 * must wait.  Two laws hold for every step, tested and fuzzed: splitting (any
 * cut of the same input gives the same coalesced orders and output) and
 * conservation (bytes in = relayed + discarded + still buffered; a step that
 * returns NEED_MORE or WAIT has consumed nothing and changed nothing).
 */
#ifndef CARPOOL_PROTO_ORDER_H
#define CARPOOL_PROTO_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

enum order_kind {
	ORDER_NEED_MORE, /* wait for bytes of the own side; nothing consumed */
	ORDER_WAIT,      /* wait for the other side, an answer or an event */
	ORDER_RELAY,     /* move `bytes` to the other side, also those that
			  * have not come yet, without asking again */
	ORDER_DISCARD,   /* drop `bytes` (also those not yet come) */
	ORDER_NEED_SERVER, /* queue at the pool; call again when linked */
	ORDER_NEED_FACTS,  /* what the pool's servers say of themselves */
	ORDER_ROUTE,       /* find the pool of `route`; front, logged in: it
			    * logs in anew, and has nothing any more */
	ORDER_VERIFY,      /* the access method and the user's secret */
	ORDER_WORK,        /* run `job` on a helper thread */
	ORDER_READY,       /* login done, on either side */
	ORDER_BOUNDARY,    /* back only: the server is at a transaction edge */
	ORDER_CANCEL,      /* front only: cancel request with `key`; then close.
			    * With its first bytes alone, of a client that is
			    * logged in and stays: answered */
	ORDER_QUERY,       /* console command in `text` */
	ORDER_CLOSE,       /* flush, half-close, linger, close */
	ORDER_FAIL,        /* refuse and end, see `scope` and `reason` */
	ORDER_LISTEN,      /* back only: the client's subscriptions change, or a
			    * notification is for it; see `listen` */
	ORDER_CLASS,       /* front only: its next servers are told `words` */
	ORDER_START_TLS,   /* at a login: front: what is in and what comes is a
			    * handshake of TLS; back: we begin one */
};

/* Why a server cannot be given up at a boundary. */
enum hold { HOLD_NONE, HOLD_PINNED };

/* What must happen before somebody else may use the server. */
enum residue { RESIDUE_NONE, RESIDUE_RESET, RESIDUE_CLOSE };

/* What a failure ends. */
enum fail_scope {
	FAIL_STATEMENT,  /* the command; the connection lives */
	FAIL_CONNECTION, /* the connection of the side that failed */
	FAIL_POOL,       /* credentials or database: all waiters of the pool */
	FAIL_STARTUP,    /* the startup words: all who want just these */
};

enum route_kind { ROUTE_NORMAL, ROUTE_REPLICATION };

struct route {
	const char *database; /* borrows from the front's state */
	const char *user;
	enum route_kind kind;
};

/*
 * Work for a helper thread.  The step fills it; the session owns it from then
 * on.  run() is called on a helper thread and touches only arg; afterwards the
 * step is called with the job as turn->answer.job, and drop(arg) is called on
 * the worker when that step has returned or when the connection went away.
 */
struct job {
	void (*run)(void *arg);
	void (*drop)(void *arg); /* wipes and frees arg */
	void *arg;
};

/*
 * What a server is told at its start besides user and database, in the back's
 * own format; len 0 = nothing but what the policy says.  Servers that were told
 * the same bytes are alike, others may differ even after a reset.
 */
struct startup_words {
	const char *data;
	size_t len;
};

/* A message on a channel; all borrowed. */
struct notification {
	uint32_t pid; /* of the server process that sent it */
	const char *channel;
	const char *payload;
};

/*
 * What a transaction made of the client's subscriptions: what it drops goes
 * first.  Where the client waits the front's subscribed() follows, when what is
 * added is in place and what was told before has been written; with
 * `has_notified` that is what the transaction told, too.  Or, with `told`, what
 * the linked server said on a channel to which the client listens there;
 * `bytes` of input are dropped.
 */
struct listen_change {
	const char *add; /* borrows: channels, each with its NUL */
	size_t add_len;
	const char *drop; /* borrows: the same */
	size_t drop_len;
	bool drops_all;
	bool is_waiting; /* always with something to add */
	bool has_notified;
	const struct notification *told; /* borrows, or NULL */
};

/* Of the client that a cancel request is about. */
enum cancel_what { CANCEL_STATEMENT, CANCEL_CONNECTION };

struct order {
	enum order_kind kind;
	enum hold hold;        /* BOUNDARY */
	enum residue residue;  /* BOUNDARY; of a server that is held, for the
				* case that it is given up all the same */
	uint32_t pins;         /* BOUNDARY, HOLD_PINNED: what for, as bits
				* 1u << enum state_kind or pin_kind; session
				* mode: 0 */
	enum fail_scope scope; /* FAIL */
	enum reason reason;    /* FAIL, CLOSE */
	size_t bytes;          /* NEED_MORE (at least), RELAY, DISCARD */
	union {
		struct route route;          /* ROUTE */
		struct job job;              /* WORK */
		struct listen_change listen; /* LISTEN */
		/* NEED_FACTS, CLASS: of servers told this; borrowed */
		struct startup_words words;
		struct {
			const uint8_t *key; /* CANCEL: borrowed */
			size_t len;
			enum cancel_what what;
		} cancel;
		struct {
			const char *text;   /* FAIL: in place of the reason's
					     * own; borrowed; NULL = none */
			const char *detail; /* FAIL: borrowed; NULL = none */
		} fail;
		struct {
			const char *text; /* QUERY: borrowed, NUL-terminated */
			bool describe_only;
		} query;
	};
};

static inline struct order
order_plain(enum order_kind kind)
{
	return (struct order){ .kind = kind };
}

static inline struct order
order_bytes(enum order_kind kind, size_t bytes)
{
	return (struct order){ .kind = kind, .bytes = bytes };
}

static inline struct order
order_fail(enum fail_scope scope, enum reason reason)
{
	return (struct order){ .kind = ORDER_FAIL,
			       .scope = scope,
			       .reason = reason };
}

#endif
