/*
 * What a client may ask about its statement before: warnings, and
 * LAST_INSERT_ID().
 *
 * Both stay on the server when that is given to others, so carpool asks for
 * them first, hidden: SHOW WARNINGS where the answer told of some or was an
 * error, LAST_INSERT_ID() where it told of a number, since that is not always
 * the function's (an explicit value of an AUTO_INCREMENT column is not).  In a
 * transaction, and where the client keeps its server, nothing is asked.  The
 * warnings' packets are kept as they came and answer the client's own SHOW
 * WARNINGS; the number is set on whatever server runs the text that asks for
 * it.  An explicit value leaves the number as it was, and that may be another
 * client's: so the client's own stays where the server's has not changed and
 * no answer told that very number.
 *
 * A server's warnings outlive statements without tables; so one that may have
 * some is made to forget them before it is given away, or, where its client
 * just left, before the next one's command.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_RESULTS_H
#define CARPOOL_SRC_MYSQL_MY_RESULTS_H

#include "my_back.h"
#include "my_front.h"
#include "my_response.h"

/* What a server is to be asked before it is given away; bits. */
#define MY_RESULT_WARNINGS 0x01u
#define MY_RESULT_ID 0x02u
#define MY_RESULT_SAME 0x04u /* with it: the number may be the one before */

/* No LAST_INSERT_ID() is that: the server's is not known. */
#define MY_ID_UNKNOWN UINT64_MAX

/* Warnings longer than this are not kept. */
#define MY_RESULTS_MAX (64u * 1024)

void my_results_free(struct my_results *r);

/* A statement of the client's ended that has none. */
void my_results_forget(struct my_front *f);

/* ---- the server's side ---- */

/* The client's command was answered; its flags are b->flags, and f is NULL when
 * it is gone. */
void my_results_note(struct my_back *b, struct my_front *f,
		     const struct my_response *r);

/* The client left, or the server was reset. */
void my_results_leave(struct my_back *b);

/*
 * Asks what is to be asked before the server is given away; held: the client
 * keeps it.  False: memory is out.
 */
bool my_results_ask(struct my_back *b, struct turn *turn);

/* Is the answer that comes one that is kept? */
bool my_results_is_kept(const struct my_back *b);

/* Keeps a packet of it for the client; false: memory is out. */
bool my_results_keep(struct my_back *b, struct turn *turn,
		     enum my_packet_kind kind, const struct my_head *head,
		     const uint8_t *payload);

/* Has others' warnings taken away before a client's command runs; false: memory
 * is out. */
bool my_results_clear(struct my_back *b, struct buf *out);

/*
 * A hidden command before the client's was answered, which may have told of
 * warnings.  They are taken away where the client's may ask; else that has time
 * until the server is given away.  False: memory is out.
 */
bool my_results_prepare(struct my_back *b, struct turn *turn);

/* ---- the client's side ---- */

/*
 * A text with these flags comes while the client has no server.  True: it was
 * answered from what is kept, with *o.
 */
bool my_results_answer(struct my_front *f, struct turn *turn,
		       const struct my_head *head, uint64_t flags,
		       struct order *o);

#endif
