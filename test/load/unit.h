/*
 * Units: what an asker asks at one time, and every message that it wants in
 * answer, in order.  Each text that goes out has a tag in it that nobody else
 * has, and comes back with it.
 */
#ifndef LOAD_UNIT_H
#define LOAD_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum {
	OUT_BYTES = 192 << 10,
	WANTS_MAX = 1024,
	STEPS_MAX = 64,
	TAG_BYTES = 32,
};

enum kind {
	KIND_SIMPLE,
	KIND_MULTI,
	KIND_QUERIES, /* several in one write */
	KIND_EXTENDED,
	KIND_ERROR,
	KIND_PIPELINE,
	KIND_FLUSH,
	KIND_LIMIT,
	KIND_COPY_IN,
	KIND_COPY_OUT,
	KIND_FUNCTION,
	KIND_TRANSACTION,
	KIND_TX_PIPELINE,
	KIND_BIG_ROW,
	KIND_BIG_BIND,
	KIND_ROWS,
	KIND_NOTICE,
	KIND_SETTING,
	KIND_STATE,   /* looks at the session's state */
	KIND_DIRT,    /* leaves state that carpool has to take away */
	KIND_PREPARE, /* statements by SQL */
	KIND_SLEEP,
	KIND_RECOVER, /* what comes after an own cancel */
	KINDS,
};

extern const char *const kind_names[KINDS];

/* How a message is compared. */
enum rule {
	RULE_TYPE,     /* its type alone */
	RULE_TEXT,     /* body = text */
	RULE_COUNT,    /* body = text and the number count */
	RULE_NAME,     /* first column's name = tag */
	RULE_TAG,      /* one column = tag; count rows */
	RULE_NUMBERED, /* one column = tag/1, tag/2 ...; count rows from at on
			*/
	RULE_PID,      /* tag and the server's process id, same in the unit */
	RULE_BIG,      /* one column: tag, comma, count times */
	RULE_COPY,     /* copy data tag/1 ... newline; count rows */
	RULE_NOTICE,   /* "told tag" */
	RULE_ERROR,    /* SQLSTATE text */
	RULE_TAGGED,   /* SQLSTATE text, and "xTAG" in the message */
	RULE_COPYFAIL, /* the words of the CopyFail: the tag */
	RULE_SETTING,  /* application_name = tag, which is ours from now on */
	RULE_SETTING_BACK, /* application_name is again as before the unit */
	RULE_STATE,    /* tag, application_name, TimeZone and untracked state */
	RULE_FUNCTION, /* value = tag-f */
};

struct want {
	char type;
	uint8_t rule; /* enum rule */
	bool is_answer;
	uint32_t tag;
	uint32_t count, at;
	const char *text; /* borrows: a literal */
};

/* What a step's end leaves to be done before a ReadyForQuery comes. */
enum leaves {
	LEAVES_NOTHING,
	LEAVES_GROUP, /* a Sync */
	LEAVES_COPY,  /* the end of the data; an error brings it too */
};

/* Goes out in one write once all that the steps before it want is there. */
struct step {
	size_t bytes;      /* of the unit, up to this step's end */
	unsigned wants;    /* the same */
	unsigned pause_us; /* before it */
	enum leaves leaves;
};

/* Who asks. */
struct self {
	int id;
	uint32_t tag;            /* the last one used */
	char app[TAG_BYTES];     /* application_name of the session */
	char app_old[TAG_BYTES]; /* when the unit began */
	const char *zone; /* borrows: TimeZone of the session, a literal */
	uint32_t pid;     /* of the server within a unit, or 0 */
};

struct unit {
	enum kind kind;
	struct self *self; /* borrows: for good */
	uint32_t first;    /* the last tag before it */
	struct want wants[WANTS_MAX];
	unsigned want_count, want_at;
	struct step steps[STEPS_MAX];
	unsigned step_count, step_at;
	bool is_full;
	/* Rows that it leaves in the table; and that it may leave when an own
	 * cancel took something else out of it. */
	uint32_t row_tag, row_count, row_most;
	struct wire out;
	uint8_t bytes[OUT_BYTES];
};

/* Randomness that a seed repeats. */
struct dice {
	uint64_t state;
};

uint32_t dice_roll(struct dice *d, uint32_t sides); /* 0 .. sides - 1 */

void tag_text(char out[TAG_BYTES], int id, uint32_t tag);

/* Makes the unit; big: about how many bytes the large ones have. */
void unit_make(struct unit *u, enum kind kind, struct dice *d, uint32_t big);
enum kind unit_choose(struct dice *d);

/* One that lasts, so that a cancel finds something. */
void unit_make_long(struct unit *u, struct dice *d);

/* Ends the transaction that an own cancel left failed. */
void unit_recover(struct unit *u);

/* NULL: the message is what is wanted (and taken), else what is wrong. */
const char *unit_check(struct unit *u, const struct message *m);

/*
 * After an own cancel, where only some of what was wanted comes: NULL, or what
 * makes the message a foreign one.
 */
const char *unit_check_loosely(struct unit *u, const struct message *m);

#endif
