/*
 * What clients set when they connect, answered without a server.
 *
 * A SET of constants does to a session what it did when another client of the
 * same pool ran it in the same state: so a worker remembers the latest of them,
 * with the OK that came and the state behind it.  An entry is found by the
 * pool's policy, which no reload leaves as it was, by the state, whose base is
 * what a server reported at its login, and by the text.  What needs more than
 * these, or did more than change settings that go with the client, is not
 * remembered: SET CHARACTER SET (the schema's, which may change), collations
 * that no tracker tells, warnings, DEFAULT.  In session mode nothing is.
 *
 * Owns the entries; belongs to the thread of the table beside which it is.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_MEMO_H
#define CARPOOL_SRC_MYSQL_MY_MEMO_H

#include "my_back.h"
#include "my_front.h"

struct statements;

#define MY_MEMO_ENTRIES 64u
#define MY_MEMO_TEXT 256u /* bytes; longer texts are not remembered */
#define MY_MEMO_OK 512u   /* of the answer's payload */

/* Puts an empty one beside a new table; false: no memory. */
bool my_memo_open(struct statements *t);

/*
 * A text with these flags comes while the client has no server.  True: it was
 * answered, with *o.
 */
bool my_memo_answer(struct my_front *f, struct turn *turn,
		    const struct my_head *head, uint64_t flags,
		    struct order *o);

/* The text goes to the linked server: it may be remembered. */
void my_memo_begin(struct my_front *f, struct turn *turn,
		   const struct my_head *head, uint64_t flags);

/* Its OK came: the server's session is the one behind it, the client's still
 * the one before.  Without memory nothing is remembered. */
void my_memo_learn(const struct my_back *b, struct my_front *f,
		   const struct turn *turn, const struct my_ok *ok,
		   const uint8_t *payload, size_t len);

struct my_probes;

/* Where a table that has one keeps its probes: see my_probe.h. */
struct my_probes **my_memo_probes(struct statements *t);

#endif
