/*
 * LISTEN where servers are shared.
 *
 * A client's LISTEN runs on its server like any other statement, so that all
 * about it (transactions, errors, tags) is the server's own work.  When the
 * transaction is over the server is asked, hidden, to which channels it listens
 * now, and is rid of them; the client's ReadyForQuery waits until carpool hears
 * these channels for it (ORDER_LISTEN).  UNLISTEN concerns channels of which
 * the server knows nothing any more: their names are read in the text, and hold
 * when the transaction has committed.
 *
 * What a client that listens is told comes before the ReadyForQuery of the
 * transaction during which it came, as a server has it.  So this waits where
 * something is there to be told, or the transaction has notified.
 *
 * All this where the policy is to emulate and the client's encoding is the
 * server's; else what pg_ask.c finds decides.
 *
 * Of more than listen_channels as many are kept as it takes to refuse them, and
 * of the names in the UNLISTENs of one transaction 256 KiB.
 *
 * What is not seen: UNLISTEN and NOTIFY inside a function, or in a text of more
 * than PG_WHOLE_MAX bytes; after a ROLLBACK TO the UNLISTENs of the transaction
 * do not count.  In doubt a client hears more than it wants, never less.
 *
 * Runs on the worker that owns both connections.  PostgreSQL manual, LISTEN,
 * UNLISTEN, NOTIFY.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_LISTEN_H
#define CARPOOL_SRC_POSTGRES_PG_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "proto/order.h"
#include "proto/turn.h"

struct pg_back;
struct pg_front;

/* Of a server whose client listens or did in this link; made on first use. */
struct pg_listen {
	struct str channels; /* the server's answer, each with its NUL */
	struct str dropped;  /* what the texts say is unlistened, likewise */
	struct str sent;     /* what was dropped by the last order */
	struct str told;     /* the notification of an order */
	struct notification notification;
	uint32_t count;    /* of channels */
	bool drops_all;    /* UNLISTEN *, DISCARD ALL */
	bool has_unlisten; /* an UNLISTEN was completed */
	bool must_ask;     /* a statement was completed that may change it */
	bool has_notified; /* NOTIFY, or the word pg_notify */
	bool is_held;      /* the client's ReadyForQuery waits for the answer */
	bool is_due;       /* an order is to be given */
};

/* Looks for UNLISTEN and pg_notify in a text that goes to the server, where the
 * client listens, or others do; false: no memory. */
bool pg_listen_text(struct pg_back *b, const struct pg_front *f,
		    const uint8_t *text, size_t len);

/* A statement with this tag was completed; false: no memory. */
bool pg_listen_tag(struct pg_back *b, const char *tag);

/* An error came. */
void pg_listen_error(struct pg_back *b);

/*
 * A transaction of the linked client ends with this ReadyForQuery, with nothing
 * behind it: must it wait?
 */
bool pg_listen_holds(const struct pg_back *b, const struct turn *turn);

/* It has ended; where it waits the server is asked.  False: no memory. */
enum pg_ready { READY_PASSES, READY_WAITS };
bool pg_listen_end(struct pg_back *b, struct turn *turn, enum pg_ready ready);

/* A row of the answer; the answer's end.  False: no memory. */
bool pg_listen_row(struct pg_back *b, const struct turn *turn,
		   const uint8_t *body, size_t len);
bool pg_listen_done(struct pg_back *b, struct turn *turn);

/* May nothing new be sent to the server behind what is on its way? */
bool pg_listen_blocks(const struct pg_back *b, const struct pg_front *f,
		      const struct policy *policy);

/* What becomes of a notification that this server tells. */
enum pg_heard {
	HEARD_DROP,
	HEARD_PASS,
	HEARD_OWN, /* the client's, who is to be told by pg_listen_told */
};
enum pg_heard pg_listen_heard(const struct pg_back *b, const struct turn *turn);
/* The order that tells; false: no memory, or nonsense. */
bool pg_listen_told(struct pg_back *b, const uint8_t *body, size_t len,
		    struct order *order);

/* The order that is due; only where it is. */
struct order pg_listen_order(struct pg_back *b, struct turn *turn);

/* Another client's turn begins. */
void pg_listen_free(struct pg_listen *l);

#endif
