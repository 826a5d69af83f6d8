/*
 * Byte queues: chains of segments on fixed blocks.
 *
 * A buffer is a chain of (block, offset, length).  Blocks come from the free
 * list of the thread that owns the buffer and go back to it when they are
 * empty, so an idle connection holds none.  A block may be shared by segments
 * of several buffers of the same thread (a reference count, not atomic), which
 * is how a large piece moves from input to output without a copy.
 *
 * Not thread-safe.  A buffer must be empty before its owner moves to another
 * thread.
 *
 * Invariants: len is the sum of the segments' lengths; no segment is empty;
 * only the last segment's block has room to append, and only when nobody else
 * holds the block.
 */
#ifndef CARPOOL_BASE_BUF_H
#define CARPOOL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define BUF_BLOCK_BYTES 16384u /* payload of one block */
#define BUF_MOVE_MIN 1024u     /* pieces of this size and more are not copied */

struct block; /* a fixed block with its reference count */

/* The free blocks and segments of one thread. */
struct block_pool {
	struct block *free;   /* owns; LIFO, so that blocks stay warm */
	struct segment *segs; /* owns; free segments */
	size_t free_blocks;
	size_t free_segs;
	size_t used_blocks; /* handed out now */
	size_t keep_blocks; /* free ones above this go back to the allocator */
};

/*
 * Two of these stand in every connection, so the word that holds the chain
 * holds the pool while there is none.
 */
struct buf {
	union {
		struct segment *last;    /* is_chained: owns the chain, a ring
					  * whose last links to its first */
		struct block_pool *pool; /* else: borrows, for the thread's
					  * life */
	};
	uint32_t len; /* bytes queued */
	bool is_chained;
};

void block_pool_init(struct block_pool *p, size_t keep_blocks);
/* All buffers of the pool must be empty. */
void block_pool_fini(struct block_pool *p);

void buf_init(struct buf *b, struct block_pool *pool);
/* Drops what is queued and gives all blocks back. */
void buf_clear(struct buf *b);
/* An empty buffer may be put under another thread's pool. */
void buf_rehome(struct buf *b, struct block_pool *pool);

/* Copies len bytes to the end; false when memory is out (nothing added). */
bool buf_append(struct buf *b, const void *data, size_t len)
	__attribute__((warn_unused_result));

/*
 * Moves the first n (<= src->len) bytes of src to the end of dst, by reference
 * where a piece is large, by copy where it is small.  Both of one pool.
 * False when memory is out: nothing moved.
 */
bool buf_move(struct buf *dst, struct buf *src, size_t n)
	__attribute__((warn_unused_result));

/* Drops the first n (<= len) bytes. */
void buf_drop(struct buf *b, size_t n);

/* Copies n bytes from offset at (at + n <= len) into out, consuming nothing. */
void buf_copy_out(const struct buf *b, size_t at, void *out, size_t n);

/*
 * A contiguous view of n bytes from offset at (at + n <= len).  Points into
 * the chain where the bytes are contiguous there, otherwise they are copied
 * into scratch (n bytes).  Borrowed until the next call that changes b.
 */
const uint8_t *buf_view(const struct buf *b, size_t at, size_t n,
			uint8_t *scratch);

/* The contiguous run that starts at offset at (< len): its start and length. */
const uint8_t *buf_run(const struct buf *b, size_t at, size_t *len);

/* Overwrites n bytes at offset at in place (MySQL's sequence ids). */
void buf_patch(struct buf *b, size_t at, const void *data, size_t n);

/*
 * Room to read into: a pointer to at least min (<= BUF_BLOCK_BYTES) free bytes
 * at the end and their number in *room; NULL when memory is out.  Follow with
 * buf_commit of what was read (0 gives an untouched fresh block back).
 */
uint8_t *buf_reserve(struct buf *b, size_t min, size_t *room);
void buf_commit(struct buf *b, size_t n);

/* Fills at most max iovecs with the queue's front; returns their number. */
int buf_iov(const struct buf *b, struct iovec *iov, int max);

/* Checks every invariant (for tests). */
bool buf_is_sane(const struct buf *b);

#endif
