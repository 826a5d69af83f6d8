/*
 * Following a session: what the texts of its commands and the answers to them
 * say of it.
 *
 * Runs on the worker that owns the server.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FOLLOW_H
#define CARPOOL_SRC_MYSQL_MY_FOLLOW_H

#include <stdbool.h>

#include "my_back.h"
#include "my_ok.h"
#include "proto/turn.h"
#include "sql/my_classify.h"

struct statements;

/* The session's changes that an OK reports; false: memory is out. */
bool my_follow_ok(struct my_back *b, struct statements *t,
		  const struct my_ok *ok);

/* An EOF says that something changed; what it was never comes. */
void my_follow_blind(struct my_back *b);

/* Is the row that comes the answer to SELECT of a lock's function, no more? */
static inline bool
my_follow_reads(const struct my_back *b)
{
	const uint64_t locks = MY_SQL_USER_LOCK | MY_SQL_USER_UNLOCK;

	return (b->flags & locks) != 0 && (b->flags & MY_SQL_BARE) != 0;
}

/* The first bytes of that row's payload of len, up to MY_HEAD; in the form of
 * an EXECUTE's answer or of a text's. */
void my_follow_row(struct my_back *b, const uint8_t *row, size_t len);

/*
 * The client's command, of b->flags, was answered; error: the number of an ERR,
 * with which at least the last of its statements did nothing, or 0.
 */
void my_follow_done(struct my_back *b, unsigned error);

/* The session is as after a login, but for its schema. */
void my_follow_reset(struct my_back *b);

/* The state kinds (1u << enum state_kind) of what keeps the client on its
 * server, of which some have none; is_held: anything does. */
uint32_t my_follow_kinds(const struct my_back *b, const struct policy *policy,
			 bool *is_held);

/* What must happen before another client gets the server. */
enum residue my_follow_residue(const struct my_back *b,
			       const struct policy *policy);

#endif
