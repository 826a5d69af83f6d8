/*
 * OK packets: reading them, the changes of the session's state that stand in
 * them, writing them anew for a client that wants less, making our own.
 *
 * A server tells carpool of every change (SESSION_TRACK and the session_track_*
 * settings).  A client must see no more than it would see of the server itself,
 * so each OK with changes is written anew for it: what it did not ask for is
 * left out, and with it the bit that announces it.  The text in an OK has a
 * length in front of it for every client, whatever was agreed on: so servers
 * do, and so clients read it.  Owns nothing; any thread.  MySQL Internals,
 * "OK_Packet"; MariaDB, "OK_Packet".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_OK_H
#define CARPOOL_SRC_MYSQL_MY_OK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "my_bytes.h"

/* Bytes that lie elsewhere, without a NUL. */
struct my_text {
	const char *data; /* borrows */
	size_t len;
};

struct my_ok {
	uint8_t first; /* 0x00, or 0xFE in the place of an EOF */
	uint16_t status;
	uint16_t warnings;
	uint64_t affected;
	uint64_t insert_id;
	struct my_text info;
	struct my_text trackers; /* what my_tracker_next reads */
};

/*
 * Reads an OK's payload, in either form, of a server with which SESSION_TRACK
 * was agreed on; ok borrows from it.  False: it is malformed, changes
 * included; once it is true, my_tracker_next and its kind cannot fail.
 */
bool my_ok_parse(struct my_ok *ok, const uint8_t *payload, size_t len);

/* ---- changes of the session's state ---- */

enum my_tracker_type {
	MY_TRACKER_VARIABLES = 0,
	MY_TRACKER_SCHEMA = 1,
	MY_TRACKER_STATE = 2, /* that something changed */
	MY_TRACKER_GTIDS = 3,
	MY_TRACKER_CHARACTERISTICS = 4, /* statements that would make the
					 * transaction's; may be empty */
	MY_TRACKER_TRANSACTION = 5,     /* eight letters, '_' = not so */
};

struct my_tracker {
	uint8_t type;        /* enum my_tracker_type, or one not known */
	struct my_text data; /* in the type's own form */
};

/* The next change; false: there is none. */
bool my_tracker_next(struct my_bytes *at, struct my_tracker *t);

static inline struct my_bytes
my_trackers(const struct my_ok *ok)
{
	return my_bytes(ok->trackers.data, ok->trackers.len);
}

/* VARIABLES: the next name and value; false: there is none.  at begins as
 * my_bytes(t.data.data, t.data.len).  MariaDB tells of a NULL as of ''. */
bool my_tracker_variable(struct my_bytes *at, struct my_text *name,
			 struct my_text *value);

/* SCHEMA, CHARACTERISTICS and TRANSACTION: their text; a schema's is empty
 * where there is none any more. */
struct my_text my_tracker_text(const struct my_tracker *t);

/* ---- for a client ---- */

/* What a client asked to be told. */
#define MY_WISH_VARIABLES 0x01u
#define MY_WISH_SCHEMA 0x02u
#define MY_WISH_STATE 0x04u
#define MY_WISH_GTIDS 0x08u
#define MY_WISH_TRANSACTION 0x10u /* session_track_transaction_info=STATE */
#define MY_WISH_CHARACTERISTICS                                                \
	0x20u /* the same = CHARACTERISTICS; with                              \
	       * MY_WISH_TRANSACTION */

struct my_wish {
	unsigned kinds;        /* MY_WISH_*; 0 also where SESSION_TRACK was not
				* agreed on */
	const char *variables; /* borrows: names, with commas; "*" = all */
};

/* What servers tell before anybody has asked for anything. */
extern const struct my_wish my_wish_default;

/*
 * Writes the OK for a client of this wish and returns its length, which is
 * never more than that of the payload that was read; out has room for as much,
 * and may be the payload's own memory.  What ok says is written, so its status
 * may have been changed.
 */
size_t my_ok_rewrite(uint8_t *out, const struct my_ok *ok,
		     const struct my_wish *wish);

/* The status in an EOF for a client: there the changes never come. */
static inline uint16_t
my_status_in_eof(uint16_t status)
{
	return (uint16_t)(status & ~0x4000u);
}

/* ---- our own ---- */

/* Appends the packet of an OK, changes included. */
bool my_ok_put(struct buf *out, uint8_t *seq, const struct my_ok *ok)
	__attribute__((warn_unused_result));

/* Appends the end of rows or definitions for a client of these capabilities:
 * an EOF, or an OK in its place. */
bool my_end_put(struct buf *out, uint8_t *seq, uint32_t caps, uint16_t status,
		uint16_t warnings) __attribute__((warn_unused_result));

/* Writes a change of one variable, or of the schema, for ok->trackers. */
void my_put_variable(struct str *s, const char *name, const char *value);
void my_put_schema(struct str *s, const char *schema);

#endif
