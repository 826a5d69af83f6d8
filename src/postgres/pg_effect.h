/*
 * What the answers of a server do to what client and server are known to hold:
 * the changes that entries of the owed queue carry.  Runs on the worker that
 * owns the server.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_EFFECT_H
#define CARPOOL_SRC_POSTGRES_PG_EFFECT_H

#include "pg_back.h"
#include "pg_naming.h"

/* Notes in the slots what an entry changes, when it is pushed. */
void pg_effect_send(struct pg_back *b, const struct pg_owed *e);

/* The entry was answered, has failed, or was dropped by the server (a drop
 * hook of the queue; owner: the back).  Its references are given back. */
void pg_effect_done(struct pg_back *b, struct pg_owed *e);
void pg_effect_failed(struct pg_back *b, struct pg_owed *e);
void pg_effect_dropped(void *owner, struct pg_owed *e);

/* Most entries change nothing and refer to nothing: they need no end. */
static inline bool
pg_effect_is_plain(const struct pg_owed *e)
{
	return e->name == NULL && e->statement == NULL && !e->is_unnamed;
}

/* The answer to a Describe of a statement, or its portal, told this shape. */
void pg_effect_described(struct pg_back *b, const struct pg_owed *e,
			 uint64_t hash, usec_t now);

/* The client leaves: nothing that is still owed is about its names. */
void pg_effect_forget_names(struct pg_back *b);

static inline void
pg_effect_forget_client(struct pg_back *b)
{
	if (b->owed.count > 0)
		pg_effect_forget_names(b);
	if (b->portals != NULL)
		pg_portals_clear(b);
	b->names = NULL;
}

/*
 * An error that tells that a statement of the server's cannot be used any more:
 * it is not.  e: the entry that failed.
 */
void pg_effect_judge_error(struct pg_back *b, const struct pg_owed *e,
			   const uint8_t *body, size_t len);

/*
 * Does an error name a statement by carpool's name?  If so pg_effect_put_error
 * writes it with the client's.
 */
bool pg_effect_is_renamed(const struct pg_owed *e, const uint8_t *body,
			  size_t len);
void pg_effect_put_error(struct str *s, const struct pg_owed *e,
			 const uint8_t *body, size_t len);

/*
 * Answers the fakes whose turn it is; out NULL: for nobody.  False: memory is
 * out.
 */
bool pg_effect_fakes(struct pg_back *b, struct buf *out);

#endif
