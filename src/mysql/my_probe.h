/*
 * Questions by which clients and their libraries begin, answered from memory:
 * SELECT of some system variables and no more, of those that either no session
 * changes or that are part of its state.
 *
 * An answer is good for clients of the same state and the same form, behind the
 * same entry, for MY_PROBE_TIME: some values change by SET GLOBAL.  Each thread
 * has a table beside its statements; what an answer was is kept with its client
 * while it passes.  Runs on the client's worker.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_PROBE_H
#define CARPOOL_SRC_MYSQL_MY_PROBE_H

#include "base/clock.h"
#include "my_back.h"
#include "my_front.h"
#include "my_packet.h"

#define MY_PROBE_ENTRIES 16u
#define MY_PROBE_TEXT 2048u   /* the longest that is looked at */
#define MY_PROBE_ANSWER 8192u /* the longest that is kept */
#define MY_PROBE_TIME (5 * USEC_PER_SEC)

struct my_probes;

void my_probes_free(struct my_probes *p);

/* Is this text such a question? */
bool my_probe_is(const char *text, size_t len);

/*
 * A text with these flags comes while the client has no server.  True: it was
 * answered, with *o.
 */
bool my_probe_answer(struct my_front *f, struct turn *turn,
		     const struct my_head *head, uint64_t flags,
		     struct order *o);

/* The text goes to the linked server: its answer may be kept. */
void my_probe_begin(struct my_front *f, struct turn *turn,
		    const struct my_head *head, uint64_t flags);

/* Is the answer that comes to the client one that is kept? */
static inline bool
my_probe_reads(const struct my_front *f)
{
	return f->kept != NULL && f->keeps == MY_KEPT_PROBE;
}

/* A packet of it, which is passed on as it is. */
void my_probe_keep(struct my_front *f, const struct my_head *head,
		   const uint8_t *payload);

/* It came to its end without an error, and the session is as it was. */
void my_probe_learn(const struct my_back *b, struct my_front *f,
		    const struct turn *turn);

#endif
