/*
 * Packets of the MySQL protocol: finding their edges in a buffer, writing
 * small ones.
 *
 * A packet is a header (the payload's length in 3 bytes, a number in 1) and its
 * payload.  A payload of MY_PAYLOAD_MAX bytes goes on in the next packet, so
 * one that ends just there is followed by an empty one.  The numbers of the
 * packets of a command and of its answer follow each other, modulo 256.  Owns
 * nothing; any thread.  MySQL Internals, "MySQL Packets".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_PACKET_H
#define CARPOOL_SRC_MYSQL_MY_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"
#include "my_bytes.h"

#define MY_HEADER 4u /* length and number */

/* The longest payload of one packet; a longer one goes on in the next. */
#define MY_PAYLOAD_MAX 0xffffffu

struct my_head {
	uint32_t len; /* of the payload, 0 to MY_PAYLOAD_MAX */
	uint8_t seq;
};

/*
 * Reads the buffer's bytes in order with few seeks: remembers the contiguous
 * run in which it read last.  Valid until the buffer changes.
 */
struct my_scan {
	const struct buf *in; /* borrows */
	const uint8_t *run;   /* borrows from in */
	size_t from;          /* offset of run */
	size_t len;           /* of run */
};

static inline struct my_scan
my_scan(const struct buf *in)
{
	return (struct my_scan){ .in = in };
}

/* my_scan_view for bytes that do not lie in the run. */
const uint8_t *my_scan_seek(struct my_scan *s, size_t at, size_t n,
			    uint8_t *scratch);

/*
 * n bytes from offset at (at + n <= the buffer's length), contiguous; scratch
 * has room for n and is used where they are cut.
 */
static inline const uint8_t *
my_scan_view(struct my_scan *s, size_t at, size_t n, uint8_t *scratch)
{
	/* Before the run the difference is larger than any length. */
	if (at - s->from < s->len && n <= s->len - (at - s->from))
		return s->run + (at - s->from);
	return my_scan_seek(s, at, n, scratch);
}

/* The header at offset at (<= the buffer's length); false: it is not in. */
static inline bool
my_head_scan(struct my_scan *s, size_t at, struct my_head *out)
{
	uint8_t scratch[MY_HEADER];
	const uint8_t *p;

	if (s->in->len - at < MY_HEADER)
		return false;
	p = my_scan_view(s, at, MY_HEADER, scratch);
	out->len = my_get_u24(p);
	out->seq = p[3];
	return true;
}

/* The same for one look. */
bool my_head_peek(const struct buf *in, size_t at, struct my_head *out);

/* Is the whole packet at offset at in the buffer? */
static inline bool
my_packet_is_in(const struct buf *in, size_t at, const struct my_head *head)
{
	return in->len - at >= MY_HEADER + (size_t)head->len;
}

/*
 * Appends a payload as a packet numbered *seq, or as so many as it needs, and
 * moves *seq behind them.  False when memory is out: nothing was added, *seq is
 * as it was.
 */
bool my_packet_put(struct buf *out, uint8_t *seq, const void *payload,
		   size_t len) __attribute__((warn_unused_result));

/*
 * The same of a payload that was written with my_put_*; frees s.  False also
 * when s had failed.
 */
bool my_packet_flush(struct str *s, struct buf *out, uint8_t *seq)
	__attribute__((warn_unused_result));

/* Appends the packet of an EOF in the old style. */
bool my_packet_put_eof(struct buf *out, uint8_t *seq, uint16_t status,
		       uint16_t warnings) __attribute__((warn_unused_result));

#endif
