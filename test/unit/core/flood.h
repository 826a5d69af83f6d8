/*
 * Much data through the stage, with a look at the memory that it takes.
 */
#ifndef TEST_CORE_FLOOD_H
#define TEST_CORE_FLOOD_H

#include "stage.h"

/* What is queued for one connection, at most: what out and in may hold, and
 * blocks that are not full. */
#define BLOCKS_MOST 40u

static inline size_t
blocks_used(void)
{
	return loop_blocks(stage_worker(0)->loop)->used_blocks;
}

struct flood {
	uint8_t message[TINY_HEADER + 60000];
	size_t size; /* of the message */
	size_t at;   /* of it sent */
	size_t sent; /* in all */
};

static inline void
flood_init(struct flood *f, char type, size_t payload)
{
	*f = (struct flood){ .size = TINY_HEADER + payload };
	f->message[0] = (uint8_t)type;
	f->message[1] = (uint8_t)(payload >> 8);
	f->message[2] = (uint8_t)payload;
	for (size_t i = TINY_HEADER; i < f->size; i++)
		f->message[i] = (uint8_t)(i * 7);
}

/* Sends up to total bytes as long as they are taken. */
static inline void
flood(struct flood *f, int fd, size_t total)
{
	unsigned idle = 0;

	while (f->sent < total && idle < 20) {
		ssize_t n = send(fd, f->message + f->at, f->size - f->at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0) {
			turn();
			assert_true(blocks_used() <= BLOCKS_MOST);
			idle++;
			continue;
		}
		idle = 0;
		f->sent += (size_t)n;
		f->at = (f->at + (size_t)n) % f->size;
		if (f->sent % 16 == 0)
			turn();
		assert_true(blocks_used() <= BLOCKS_MOST);
	}
}

/* Reads and checks until all has come; the sender goes on meanwhile. */
static inline void
drain(struct flood *f, int from, int to, size_t total)
{
	static uint8_t got[65536];
	size_t came = 0;
	unsigned idle = 0;

	while (came < total) {
		ssize_t n = recv(to, got, sizeof(got), MSG_DONTWAIT);

		flood(f, from, total);
		turn();
		assert_true(blocks_used() <= BLOCKS_MOST);
		if (n <= 0) {
			assert_true(++idle < 200); /* it stalled */
			continue;
		}
		idle = 0;
		for (ssize_t i = 0; i < n; i++, came++)
			assert_int_equal(got[i], f->message[came % f->size]);
	}
	assert_int_equal(came, total);
}

#endif
