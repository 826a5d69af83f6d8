/*
 * What a client is told of changes, as it asked by session_track_*.
 *
 * Servers tell carpool of everything, by trackers that are carpool's; a
 * client's own values are part of its session, and what servers tell is
 * filtered by them. A SET of them runs on a server all the same, which knows
 * what is right, and is followed by carpool's own again.  Where it sets the
 * list of variables the server tells no more what else it set.  So before such
 * a SET the server gets the client's values, which the SET may be made of;
 * after it is asked for them, and for what else the text set (my_said.h).  What
 * cannot be asked for keeps the server for its client.
 *
 * Runs on the worker that owns both.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_TRACKERS_H
#define CARPOOL_SRC_MYSQL_MY_TRACKERS_H

#include "my_back.h"
#include "my_front.h"

/* Does such a text set the list, and nothing that cannot be asked for? */
bool my_trackers_is_list(uint64_t flags);

/* Writes the OK as the client shall see it: see my_ok_rewrite. */
size_t my_trackers_tell(uint8_t *out, const struct my_ok *ok,
			const struct my_front *f);

/* Must the server have the client's own before the text of f->flags runs? */
static inline bool
my_trackers_must_begin(const struct my_back *b, const struct my_front *f)
{
	return (f->flags & MY_SQL_TRACKER_LIST) != 0 && !b->is_client_tracked &&
	       my_trackers_is_list(f->flags);
}

/* Does the text that is answered run so? */
static inline bool
my_trackers_has_begun(const struct my_back *b)
{
	return b->is_client_tracked && my_trackers_is_list(b->flags);
}

/* Sends them; false: memory is out. */
bool my_trackers_begin(struct my_back *b, const struct my_front *f,
		       struct buf *out);

/*
 * A command with b->flags was answered, with an error or with 0, and it may
 * have set some; false: memory is out.
 */
bool my_trackers_end(struct my_back *b, struct turn *turn, unsigned error);

/* Is the answer that comes one that is read here? */
bool my_trackers_reads(const struct my_back *b);

/* Takes a packet of it; false: memory is out. */
bool my_trackers_keep(struct my_back *b, struct turn *turn,
		      enum my_packet_kind kind, const uint8_t *payload,
		      size_t len);

#endif
