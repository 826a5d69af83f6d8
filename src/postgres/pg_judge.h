/*
 * A server's message, and what happens to it.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_JUDGE_H
#define CARPOOL_SRC_POSTGRES_PG_JUDGE_H

#include "pg_back.h"
#include "pg_listen.h"

/* What happens to a message. */
enum pg_fate {
	FATE_PASS,
	FATE_DROP,
	FATE_REWRITE, /* dropped, with an error of our own in its place */
	FATE_TELL,    /* a notification that the core is to tell */
	FATE_MORE,    /* not all that must be seen has come */
	FATE_FAIL,
};

/* A message, as far as it was looked at. */
struct pg_answer {
	struct pg_frame frame;
	const uint8_t *body; /* borrows; NULL unless it had to be seen */
	size_t len;          /* of body */
	uint32_t at;         /* place of the entry that it answers */
	bool is_matched;
	enum pg_ready ready; /* of a ReadyForQuery, see there */
	uint8_t scratch[PG_WHOLE_MAX];
};

/*
 * The fate of the message whose header is in v->frame; what had to be seen of
 * it and what it answers are noted in v.  Changes nothing but v.
 */
enum pg_fate pg_judge(struct pg_back *b, const struct turn *turn,
		      struct pg_scan *s, struct pg_answer *v);

/* Do the rows that a description tells of matter later? */
bool pg_judge_is_description(const struct pg_owed *e);

#endif
