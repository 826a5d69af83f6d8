/*
 * What the server still owes: one entry for each message that it will answer,
 * in the order of the wire.
 *
 * Whoever writes a request pushes its entry in the same call; only the back's
 * step takes entries off, by telling the queue which message came.  The queue
 * knows which requests the server drops by its own rules: after an error all
 * up to the next Sync; inside COPY IN every Sync up to the end of the data.
 * Where that cannot be known (an error inside COPY IN after a Sync), the Sync
 * is a `maybe` until the answers tell.  Its place in the stream says nothing:
 * a trigger may fail before any data are read.  So carpool asks: by a Sync of
 * its own, whose answer counts as the first, and a probe, in front of whose
 * answer all others have come.
 *
 * An entry may carry a change to what the client or the server is known to
 * have; whoever takes the entry carries it out, and an entry that the server
 * drops is handed to the queue's owner, who takes it back.  Fakes are entries
 * that carpool answers itself, when their turn has come.
 *
 * Owned by a back; the worker that owns the connection runs it.  Knows no
 * buffer and no bytes but the types of messages.  PostgreSQL manual, "Message
 * Flow".
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_OWED_H
#define CARPOOL_SRC_POSTGRES_PG_OWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pg_owed_kind {
	OWED_QUERY, /* the first three end with ReadyForQuery */
	OWED_FUNCTION,
	OWED_SYNC,
	OWED_PARSE,
	OWED_BIND,
	OWED_DESCRIBE_STATEMENT,
	OWED_DESCRIBE_PORTAL,
	OWED_EXECUTE,
	OWED_CLOSE,
	OWED_COPY_END, /* a marker: CopyDone or CopyFail, not answered */
	OWED_KINDS,
};

enum pg_owed_action {
	OWED_FORWARD, /* the client's */
	OWED_HIDE,    /* carpool's own, or the client is gone */
	OWED_REWRITE, /* must fail: the client gets the entry's reason */
	OWED_LOAD,    /* carpool's own; an error of it is the client's */
	OWED_FAKE,    /* the client's; the server never saw it */
};

/* What carpool's own requests are for. */
enum pg_owed_task {
	TASK_NONE,
	TASK_SETTINGS, /* the client's settings, at link */
	TASK_RESET,
	TASK_PROBE, /* its answer tells which Syncs were dropped */
	TASK_ROLLBACK,
	TASK_CHECK,
	TASK_LOAD,     /* a statement that the next request needs */
	TASK_BREAK,    /* fails, so that a group is not committed */
	TASK_ASK,      /* what the client's statements left behind */
	TASK_CHANNELS, /* to which channels the server listens */
};

struct pg_name;
struct pg_load;
struct pg_steps;
struct statement;

struct pg_owed {
	uint8_t kind;
	uint8_t action;
	uint8_t task;
	bool is_maybe : 1;   /* a Sync that was perhaps dropped */
	bool has_failed : 1; /* its error has come, the end is due */
	bool is_unnamed : 1; /* changes the server's unnamed statement */
	bool is_change : 1;  /* changes what the client has under name */
	bool has_load : 1;   /* load is meant, not statement */
	bool is_clear : 1;   /* the client has no names after it */
	bool has_steps : 1;  /* steps is meant, not statement */
	union {
		uint16_t reason; /* REWRITE: enum reason */
		int16_t shift;   /* else characters that its text grew by */
	};
	union {
		uint16_t done;   /* statements of it that were completed */
		uint16_t portal; /* BIND: of the portal's name, a hash */
	};
	struct pg_name *name; /* refs: the client's name that it is about */
	union {
		struct statement *statement; /* refs: what it changes to */
		struct pg_load *load;   /* borrows: what it loads or closes */
		struct pg_steps *steps; /* owns: what its statements do */
	};
};

#define OWED_SMALL 8u
#define OWED_MAX 16384u /* entries; a client with more has to wait */

struct pg_owed_queue {
	struct pg_owed *ring; /* owns, unless it is small */
	uint32_t head;
	uint32_t count;
	uint32_t room;              /* a power of two */
	uint32_t kinds[OWED_KINDS]; /* entries of each kind */
	uint32_t hidden_ends;
	uint32_t fake_queries;
	bool is_skipping; /* the server drops all up to the next Sync */
	bool is_copy_in;  /* the head's COPY waits for data */
	bool in_doubt;    /* a COPY failed: a Sync was perhaps dropped */
	bool is_reopened; /* a COPY in a group swallowed the group's Sync */
	bool is_asked;    /* carpool's Sync and probe are to end the doubt */
	bool is_ended;    /* no other Sync has ended the group that failed */
	/* Takes back what an entry that the server dropped would have changed;
	 * NULL: nothing to do. */
	void (*drop)(void *owner, struct pg_owed *entry);
	void *owner; /* borrows */
	struct pg_owed small[OWED_SMALL];
};

/* What a message from the server means to the queue. */
enum pg_owed_fit {
	OWED_FITS,
	OWED_SURPRISE, /* the server owes no such message */
	OWED_UNKNOWN,  /* two readings would be possible: give up */
};

void pg_owed_init(struct pg_owed_queue *q);
/* Drops what is left in it. */
void pg_owed_fini(struct pg_owed_queue *q);

/* More room; false: see pg_owed_reserve. */
bool pg_owed_grow(struct pg_owed_queue *q);

/*
 * Makes sure that n entries can be pushed; false when the queue is as long as
 * it may be or memory is out: try again later.
 */
static inline bool
pg_owed_reserve(struct pg_owed_queue *q, uint32_t n)
{
	while (q->room - q->count < n) {
		if (!pg_owed_grow(q))
			return false;
	}
	return true;
}

/*
 * Puts an entry at the end; room was reserved.  Entries that the server will
 * drop by its own rules are dropped here.
 */
void pg_owed_push(struct pg_owed_queue *q, struct pg_owed entry);

/*
 * The entry that a message of this type answers, without changing anything:
 * FITS with *at its place in the queue.
 */
enum pg_owed_fit pg_owed_match(const struct pg_owed_queue *q, uint8_t type,
			       uint32_t *at);

/* The entry at place at (< count). */
struct pg_owed *pg_owed_at(struct pg_owed_queue *q, uint32_t at);

/*
 * Takes what a message of this type, matched at place at, ends or drops.
 * Returns a copy of the matched entry.  *is_over: it was taken, and what it
 * refers to is the caller's now.
 */
struct pg_owed pg_owed_answer(struct pg_owed_queue *q, uint8_t type,
			      uint32_t at, bool *is_over);

/* Is it a fake's turn? */
static inline bool
pg_owed_is_fake_due(const struct pg_owed_queue *q)
{
	return q->count > 0 &&
	       q->ring[q->head & (q->room - 1)].action == OWED_FAKE;
}

/* Takes the first entry, a fake; what it refers to is the caller's. */
struct pg_owed pg_owed_take_fake(struct pg_owed_queue *q);

/* Entries that end with ReadyForQuery. */
static inline uint32_t
pg_owed_ends(const struct pg_owed_queue *q)
{
	return q->kinds[OWED_QUERY] + q->kinds[OWED_FUNCTION] +
	       q->kinds[OWED_SYNC];
}

/* Requests that may take CopyData. */
static inline uint32_t
pg_owed_takes_data(const struct pg_owed_queue *q)
{
	return q->kinds[OWED_QUERY] + q->kinds[OWED_EXECUTE] - q->fake_queries;
}

/* Nothing is left but Syncs of which nobody knows whether they are owed. */
bool pg_owed_wants_probe(const struct pg_owed_queue *q);

/*
 * Is it the client's, and does a message of this type that answers the first
 * entry change nothing?  Rows and what describes them: most of all messages.
 */
bool pg_owed_is_row(const struct pg_owed_queue *q, uint8_t type);

/* The server drops everything, and no Sync that would end this is on its way.
 */
bool pg_owed_wants_sync(const struct pg_owed_queue *q);

/*
 * Is it known whether the server looks at what is sent next?  NONE: it is, or
 * a Sync on its way will tell.  ASK: not before it is asked.  LOST: something
 * was sent, and what it answers would not tell what became of it.
 */
enum pg_doubt { DOUBT_NONE, DOUBT_ASK, DOUBT_LOST };
enum pg_doubt pg_owed_doubt(const struct pg_owed_queue *q);

/*
 * In doubt a hidden Sync was pushed, as the last: the first ReadyForQuery
 * counts as its answer, since it has one for sure, whatever became of the
 * client's.  A probe follows.
 */
void pg_owed_ask(struct pg_owed_queue *q);

/* The client is gone: its answers are for nobody. */
void pg_owed_hide_all(struct pg_owed_queue *q);

/*
 * Is it known which Syncs the server has dropped?  Else a fake might get a
 * place that nobody can tell.
 */
static inline bool
pg_owed_is_certain(const struct pg_owed_queue *q)
{
	return !q->is_copy_in && !q->in_doubt;
}

/* Drops markers at the head that belong to no COPY. */
void pg_owed_settle(struct pg_owed_queue *q);

/* Recounts everything (for tests). */
bool pg_owed_is_sane(const struct pg_owed_queue *q);

#endif
