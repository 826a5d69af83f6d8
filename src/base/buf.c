/*
 * Chains of segments on reference-counted blocks.
 *
 * Two segments never share a byte, so a block can be written through any of
 * them (buf_patch); room behind a segment is used only while the segment holds
 * its block alone.  A block's payload is an allocation of its own: with its
 * head in front it would fall into the allocator's next size class.
 *
 * Owns the blocks and segments of the pool's thread, which alone runs it.
 */
#include "base/buf.h"

#include <string.h>

#include "base/mem.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUF_FREE_AT_ONCE 1
#endif
#endif
#if !defined(BUF_FREE_AT_ONCE) && defined(__SANITIZE_ADDRESS__)
#define BUF_FREE_AT_ONCE 1
#endif
#ifndef BUF_FREE_AT_ONCE
#define BUF_FREE_AT_ONCE 0
#endif

/* Free segments that a pool keeps; they are small. */
#define KEEP_SEGMENTS 4096u

struct block {
	struct block *next; /* owns: the next free block, while it is free */
	uint8_t *data;      /* owns BUF_BLOCK_BYTES */
	struct block_pool *pool; /* borrows: where it belongs */
	uint32_t refs;           /* segments on it */
};

struct segment {
	struct segment *next; /* owns; the last one's is the first, borrowed */
	struct block *block;  /* refs */
	uint32_t off;         /* first byte in the block */
	uint32_t len;         /* > 0, but for one that is reserved */
};

void
block_pool_init(struct block_pool *p, size_t keep_blocks)
{
	*p = (struct block_pool){ .keep_blocks = keep_blocks };
}

static void
destroy_block(struct block *k)
{
	mem_free(k->data);
	mem_free(k);
}

void
block_pool_fini(struct block_pool *p)
{
	ASSERT(p->used_blocks == 0);
	while (p->free != NULL) {
		struct block *next = p->free->next;

		destroy_block(p->free);
		p->free = next;
	}
	while (p->segs != NULL) {
		struct segment *next = p->segs->next;

		mem_free(p->segs);
		p->segs = next;
	}
	p->free_blocks = p->free_segs = 0;
}

static struct block *
create_block(void)
{
	struct block *k = mem_zalloc(sizeof(*k));

	if (k == NULL)
		return NULL;
	/* Not zeroed: every byte is written before it is read. */
	k->data = mem_realloc(NULL, BUF_BLOCK_BYTES);
	if (k->data == NULL) {
		mem_free(k);
		return NULL;
	}
	return k;
}

/* A block with one reference, or NULL. */
static struct block *
take_block(struct block_pool *p)
{
	struct block *k = p->free;

	if (k != NULL) {
		p->free = k->next;
		p->free_blocks--;
	} else {
		k = create_block();
		if (k == NULL)
			return NULL;
	}
	k->pool = p;
	k->refs = 1;
	p->used_blocks++;
	return k;
}

static void
unref_block(struct block_pool *p, struct block *k)
{
	if (--k->refs > 0)
		return;
	p->used_blocks--;
	if (BUF_FREE_AT_ONCE || p->free_blocks >= p->keep_blocks) {
		destroy_block(k);
		return;
	}
	k->next = p->free;
	p->free = k;
	p->free_blocks++;
}

static struct segment *
take_segment(struct block_pool *p)
{
	struct segment *s = p->segs;

	if (s == NULL)
		return mem_zalloc(sizeof(*s));
	p->segs = s->next;
	p->free_segs--;
	return s;
}

static void
give_segment(struct block_pool *p, struct segment *s)
{
	if (BUF_FREE_AT_ONCE || p->free_segs >= KEEP_SEGMENTS) {
		mem_free(s);
		return;
	}
	s->next = p->segs;
	p->segs = s;
	p->free_segs++;
}

/* A segment of no bytes on a block of its own, or NULL. */
static struct segment *
fresh_segment(struct block_pool *p)
{
	struct segment *s = take_segment(p);

	if (s == NULL)
		return NULL;
	s->block = take_block(p);
	if (s->block == NULL) {
		give_segment(p, s);
		return NULL;
	}
	s->next = NULL;
	s->off = s->len = 0;
	return s;
}

static void
free_segment(struct segment *s)
{
	struct block_pool *p = s->block->pool;

	unref_block(p, s->block);
	give_segment(p, s);
}

static uint8_t *
segment_data(const struct segment *s)
{
	return s->block->data + s->off;
}

static struct block_pool *
pool_of(const struct buf *b)
{
	return b->is_chained ? b->last->block->pool : b->pool;
}

/* The first segment, or NULL. */
static struct segment *
first_of(const struct buf *b)
{
	return b->is_chained ? b->last->next : NULL;
}

/* The first segment of a buffer that has bytes. */
static struct segment *
head_of(const struct buf *b)
{
	return b->last->next;
}

/* The segment behind s, or NULL. */
static struct segment *
next_of(const struct buf *b, const struct segment *s)
{
	return s == b->last ? NULL : s->next;
}

/* Bytes that may be added behind the last segment. */
static size_t
last_room(const struct buf *b)
{
	const struct segment *s;

	if (!b->is_chained)
		return 0;
	s = b->last;
	return s->block->refs != 1 ? 0 : BUF_BLOCK_BYTES - s->off - s->len;
}

static void
link_last(struct buf *b, struct segment *s)
{
	if (b->is_chained) {
		s->next = b->last->next;
		b->last->next = s;
	} else {
		s->next = s;
		b->is_chained = true;
	}
	b->last = s;
}

/* Takes the segment behind `before` off; the pool stays known. */
static struct segment *
unlink_next(struct buf *b, struct segment *before)
{
	struct segment *s = before->next;

	if (s == before) {
		b->is_chained = false;
		b->pool = s->block->pool;
		return s;
	}
	before->next = s->next;
	if (b->last == s)
		b->last = before;
	return s;
}

static struct segment *
unlink_first(struct buf *b)
{
	return unlink_next(b, b->last);
}

void
buf_init(struct buf *b, struct block_pool *pool)
{
	*b = (struct buf){ .pool = pool };
}

void
buf_clear(struct buf *b)
{
	while (b->is_chained)
		free_segment(unlink_first(b));
	b->len = 0;
}

void
buf_rehome(struct buf *b, struct block_pool *pool)
{
	ASSERT(!b->is_chained);
	b->pool = pool;
}

/* Copies into room that is known to be there. */
static void
add_to_last(struct buf *b, const void *data, size_t len)
{
	struct segment *s = b->last;

	memcpy(segment_data(s) + s->len, data, len);
	s->len += (uint32_t)len;
	b->len += (uint32_t)len;
}

/* Joins the chain of more, which is not empty, to the end of b's. */
static void
join(struct buf *b, struct buf *more)
{
	struct segment *first = more->last->next;

	if (b->is_chained) {
		more->last->next = b->last->next;
		b->last->next = first;
	}
	b->last = more->last;
	b->is_chained = true;
	b->len += more->len;
}

/* Links fresh segments for len bytes behind the last; false adds none. */
static bool
append_fresh(struct buf *b, const uint8_t *data, size_t len)
{
	struct block_pool *pool = pool_of(b);
	struct buf more = { .pool = pool };

	if (len > UINT32_MAX - b->len)
		return false;
	while (len > 0) {
		struct segment *s = fresh_segment(pool);
		size_t n = len < BUF_BLOCK_BYTES ? len : BUF_BLOCK_BYTES;

		if (s == NULL) {
			buf_clear(&more);
			return false;
		}
		link_last(&more, s);
		add_to_last(&more, data, n);
		data += n;
		len -= n;
	}
	join(b, &more);
	return true;
}

bool
buf_append(struct buf *b, const void *data, size_t len)
{
	size_t room = last_room(b);
	struct segment *last = room > 0 ? b->last : NULL;
	const uint8_t *p = data;

	if (len == 0)
		return true;
	if (len <= room) {
		add_to_last(b, p, len);
		return true;
	}
	/* The blocks first, so that a failure leaves nothing behind. */
	if (!append_fresh(b, p + room, len - room))
		return false;
	if (room > 0) {
		memcpy(segment_data(last) + last->len, p, room);
		last->len += (uint32_t)room;
		b->len += (uint32_t)room;
	}
	return true;
}

/* The bytes at s directly follow dst's last ones in the same block. */
static bool
is_continuation(const struct buf *dst, const struct segment *s)
{
	const struct segment *last = dst->is_chained ? dst->last : NULL;

	return last != NULL && last->block == s->block &&
	       last->off + last->len == s->off;
}

/* Moves src's whole first segment; cannot fail. */
static void
move_whole(struct buf *dst, struct buf *src)
{
	struct segment *s = unlink_first(src);
	uint32_t len = s->len;

	src->len -= len;
	if (is_continuation(dst, s)) {
		dst->last->len += len;
		dst->len += len;
		free_segment(s);
	} else if (len < BUF_MOVE_MIN && len <= last_room(dst)) {
		add_to_last(dst, segment_data(s), len);
		free_segment(s);
	} else if (len < BUF_MOVE_MIN && s->block->refs > 1 &&
		   append_fresh(dst, segment_data(s), len)) {
		/* A crumb must not keep a block that it shares. */
		free_segment(s);
	} else {
		link_last(dst, s);
		dst->len += len;
	}
}

/*
 * Moves the first n bytes of src's first segment, which has more; uses the
 * spare segment or gives it back, so it cannot fail.
 */
static void
move_part(struct buf *dst, struct buf *src, uint32_t n, struct segment *spare)
{
	struct segment *s = head_of(src);

	if (is_continuation(dst, s)) {
		dst->last->len += n;
		dst->len += n;
	} else if (n < BUF_MOVE_MIN && n <= last_room(dst)) {
		add_to_last(dst, segment_data(s), n);
	} else if (n >= BUF_MOVE_MIN ||
		   !append_fresh(dst, segment_data(s), n)) {
		spare->block = s->block;
		spare->block->refs++;
		spare->off = s->off;
		spare->len = n;
		link_last(dst, spare);
		dst->len += n;
		spare = NULL;
	}
	if (spare != NULL)
		give_segment(pool_of(src), spare);
	s->off += n;
	s->len -= n;
	src->len -= n;
}

/* True when n bytes do not end where one of b's segments ends. */
static bool
splits_segment(const struct buf *b, size_t n)
{
	const struct segment *s = n > 0 ? head_of(b) : NULL;

	while (n > 0 && n >= s->len) {
		n -= s->len;
		s = s->next; /* n bytes are there: no further than the first */
	}
	return n > 0;
}

bool
buf_move(struct buf *dst, struct buf *src, size_t n)
{
	struct segment *spare = NULL;

	ASSERT(n <= src->len && pool_of(dst) == pool_of(src));
	if (splits_segment(src, n)) {
		spare = take_segment(pool_of(src));
		if (spare == NULL)
			return false;
	}
	while (n > 0 && n >= head_of(src)->len) {
		n -= head_of(src)->len;
		move_whole(dst, src);
	}
	if (n > 0)
		move_part(dst, src, (uint32_t)n, spare);
	return true;
}

void
buf_drop(struct buf *b, size_t n)
{
	ASSERT(n <= b->len);
	b->len -= (uint32_t)n;
	while (n > 0) {
		struct segment *s = head_of(b);

		if (n < s->len) {
			s->off += (uint32_t)n;
			s->len -= (uint32_t)n;
			return;
		}
		n -= s->len;
		free_segment(unlink_first(b));
	}
}

/* The segment that holds offset *at (< len); *at becomes the offset in it. */
static const struct segment *
seek(const struct buf *b, size_t *at)
{
	const struct segment *s = head_of(b);

	while (*at >= s->len) {
		*at -= s->len;
		s = s->next;
	}
	return s;
}

void
buf_copy_out(const struct buf *b, size_t at, void *out, size_t n)
{
	const struct segment *s;
	uint8_t *to = out;

	ASSERT(at <= b->len && n <= b->len - at);
	if (n == 0)
		return;
	for (s = seek(b, &at); n > 0; s = s->next, at = 0) {
		size_t part = s->len - at < n ? s->len - at : n;

		memcpy(to, segment_data(s) + at, part);
		to += part;
		n -= part;
	}
}

const uint8_t *
buf_view(const struct buf *b, size_t at, size_t n, uint8_t *scratch)
{
	const struct segment *s;
	size_t in = at;

	ASSERT(at <= b->len && n <= b->len - at);
	if (n == 0)
		return scratch;
	s = head_of(b);
	if (in >= s->len)
		s = seek(b, &in);
	if (n <= s->len - in)
		return segment_data(s) + in;
	buf_copy_out(b, at, scratch, n);
	return scratch;
}

const uint8_t *
buf_run(const struct buf *b, size_t at, size_t *len)
{
	const struct segment *s;

	ASSERT(at < b->len);
	s = seek(b, &at);
	*len = s->len - at;
	return segment_data(s) + at;
}

void
buf_patch(struct buf *b, size_t at, const void *data, size_t n)
{
	const struct segment *s;
	const uint8_t *from = data;

	ASSERT(at <= b->len && n <= b->len - at);
	if (n == 0)
		return;
	for (s = seek(b, &at); n > 0; s = s->next, at = 0) {
		size_t part = s->len - at < n ? s->len - at : n;

		memcpy(segment_data(s) + at, from, part);
		from += part;
		n -= part;
	}
}

uint8_t *
buf_reserve(struct buf *b, size_t min, size_t *room)
{
	size_t have = last_room(b);
	struct segment *s;

	ASSERT(min <= BUF_BLOCK_BYTES);
	if (have == 0 || have < min) {
		s = fresh_segment(pool_of(b));
		if (s == NULL)
			return NULL;
		link_last(b, s);
		have = BUF_BLOCK_BYTES;
	}
	*room = have;
	return segment_data(b->last) + b->last->len;
}

/* Takes the last segment, which has no bytes, off the chain. */
static void
drop_last(struct buf *b)
{
	struct segment *before = b->last;

	while (before->next != b->last)
		before = before->next;
	free_segment(unlink_next(b, before));
}

void
buf_commit(struct buf *b, size_t n)
{
	ASSERT(n <= last_room(b));
	if (!b->is_chained)
		return;
	b->last->len += (uint32_t)n;
	b->len += (uint32_t)n;
	if (b->last->len == 0)
		drop_last(b);
}

int
buf_iov(const struct buf *b, struct iovec *iov, int max)
{
	int n = 0;

	for (const struct segment *s = first_of(b); s != NULL && n < max;
	     s = next_of(b, s)) {
		iov[n].iov_base = segment_data(s);
		iov[n].iov_len = s->len;
		n++;
	}
	return n;
}

bool
buf_is_sane(const struct buf *b)
{
	const struct block_pool *pool = pool_of(b);
	size_t len = 0;

	for (const struct segment *s = first_of(b); s != NULL;
	     s = next_of(b, s)) {
		if (s->len == 0 || s->off > BUF_BLOCK_BYTES ||
		    s->len > BUF_BLOCK_BYTES - s->off || s->block->refs == 0 ||
		    s->block->pool != pool)
			return false;
		len += s->len;
	}
	return len == b->len;
}
