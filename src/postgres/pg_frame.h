/*
 * Messages of the Postgres protocol: finding their edges, writing small ones.
 * Owns nothing; any thread.  PostgreSQL manual, "Message Formats".
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_FRAME_H
#define CARPOOL_SRC_POSTGRES_PG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

#define PG_HEADER 5u /* type and length */

/* Messages up to this size are waited for whole before they are handled. */
#define PG_WHOLE_MAX 8192u

/* Messages of which carpool reads everything are no larger than this. */
#define PG_INSPECT_MAX 65536u

struct pg_frame {
	uint8_t type;
	size_t at;    /* where its header stands in the buffer */
	size_t total; /* bytes with the header */
};

enum pg_frame_status {
	PG_FRAME_OK,      /* the header is in; the body need not be */
	PG_FRAME_PARTIAL, /* not even the header */
	PG_FRAME_SHORT,   /* a length below 4 */
	PG_FRAME_LARGE,   /* larger than allowed */
};

/*
 * Reads the buffer's bytes in order with few seeks: remembers the contiguous
 * run in which it read last.  Valid until the buffer changes.
 */
struct pg_scan {
	const struct buf *in; /* borrows */
	const uint8_t *run;   /* borrows from in */
	size_t from;          /* offset of run */
	size_t len;           /* of run */
};

static inline struct pg_scan
pg_scan(const struct buf *in)
{
	return (struct pg_scan){ .in = in };
}

/* The same for bytes that do not lie in the run. */
const uint8_t *pg_scan_seek(struct pg_scan *s, size_t at, size_t n,
			    uint8_t *scratch);

/*
 * n bytes from offset at (at + n <= the buffer's length), contiguous; scratch
 * has room for n and is used where they are cut.
 */
static inline const uint8_t *
pg_scan_view(struct pg_scan *s, size_t at, size_t n, uint8_t *scratch)
{
	/* Before the run the difference is larger than any length. */
	if (at - s->from < s->len && n <= s->len - (at - s->from))
		return s->run + (at - s->from);
	return pg_scan_seek(s, at, n, scratch);
}

/* Is the whole message in the buffer? */
static inline bool
pg_frame_is_whole(const struct pg_scan *s, const struct pg_frame *f)
{
	return s->in->len - f->at >= f->total;
}

static inline uint32_t
pg_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline void
pg_set_u32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

/*
 * The header at offset at.  max: the largest body with its length field that
 * is accepted.
 */
static inline enum pg_frame_status
pg_frame_peek(struct pg_scan *s, size_t at, uint32_t max, struct pg_frame *f)
{
	uint8_t scratch[PG_HEADER];
	const uint8_t *p;
	uint32_t len;

	if (s->in->len - at < PG_HEADER)
		return PG_FRAME_PARTIAL;
	p = pg_scan_view(s, at, PG_HEADER, scratch);
	len = pg_get_u32(p + 1);
	f->type = p[0];
	f->at = at;
	f->total = (size_t)len + 1;
	if (len < 4)
		return PG_FRAME_SHORT;
	if (len > max)
		return PG_FRAME_LARGE;
	return PG_FRAME_OK;
}

static inline uint16_t
pg_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* A cursor over a message's body that is contiguous in memory. */
struct pg_body {
	const uint8_t *at; /* borrows */
	size_t left;
};

/*
 * The NUL-terminated text at the cursor, which moves behind it; NULL when no
 * NUL follows.
 */
const char *pg_body_text(struct pg_body *b);

/* Moves n bytes on and returns where it stood; NULL when fewer are left. */
const uint8_t *pg_body_bytes(struct pg_body *b, size_t n);

/* ---- writing ---- */

/* Begins a message of this type (0: none, as at startup); for pg_put_end. */
size_t pg_put_begin(struct str *s, char type);
/* Writes the length of the message that began at mark. */
void pg_put_end(struct str *s, size_t mark);
void pg_put_u32(struct str *s, uint32_t value);
void pg_put_u16(struct str *s, uint16_t value);
/* The text and its NUL. */
void pg_put_text(struct str *s, const char *text);

/* A whole message that has this text, NUL-terminated, for its body. */
void pg_put_message(struct str *s, char type, const char *text);

/* A ParameterStatus. */
void pg_put_report(struct str *s, const char *name, const char *value);

/*
 * Moves what was written to the end of out and frees s.  False when memory
 * was out: nothing was added.
 */
bool pg_put_flush(struct str *s, struct buf *out)
	__attribute__((warn_unused_result));

#endif
