/*
 * Buffers against a reference of plain arrays: every operation at random on
 * four buffers of one pool, every invariant after each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define BUFS 4
#define MODEL_MAX 200000

struct model {
	struct buf buf;
	uint8_t *bytes; /* owns MODEL_MAX */
	size_t len;
};

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Lengths around the limits are as frequent as all others. */
static size_t
random_len(uint32_t *seed, size_t max)
{
	static const size_t edges[] = {
		0,
		1,
		BUF_MOVE_MIN - 1,
		BUF_MOVE_MIN,
		BUF_MOVE_MIN + 1,
		BUF_BLOCK_BYTES - 1,
		BUF_BLOCK_BYTES,
		BUF_BLOCK_BYTES + 1,
		2 * BUF_BLOCK_BYTES,
	};
	uint32_t kind = next_random(seed) % 4;
	size_t n;

	if (kind == 0)
		n = edges[next_random(seed) % COUNT_OF(edges)];
	else if (kind == 1)
		n = next_random(seed) % 40000;
	else
		n = next_random(seed) % 300;
	return n < max ? n : max;
}

static void
fill_random(uint8_t *p, size_t n, uint32_t *seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)next_random(seed);
}

static void
check(const struct model *m)
{
	static uint8_t out[MODEL_MAX];

	assert_true(buf_is_sane(&m->buf));
	assert_int_equal(m->buf.len, m->len);
	buf_copy_out(&m->buf, 0, out, m->len);
	assert_memory_equal(out, m->bytes, m->len);
	if (m->len == 0)
		assert_false(m->buf.is_chained);
}

static void
do_append(struct model *m, uint32_t *seed)
{
	size_t n = random_len(seed, MODEL_MAX - m->len);

	fill_random(m->bytes + m->len, n, seed);
	assert_true(buf_append(&m->buf, m->bytes + m->len, n));
	m->len += n;
}

static void
do_reserve(struct model *m, uint32_t *seed)
{
	size_t min = next_random(seed) % (BUF_BLOCK_BYTES + 1), room, n;
	uint8_t *to;

	if (m->len + BUF_BLOCK_BYTES > MODEL_MAX)
		return;
	to = buf_reserve(&m->buf, min, &room);
	assert_non_null(to);
	assert_true(room >= min && room > 0);
	n = random_len(seed, room);
	fill_random(to, n, seed);
	memcpy(m->bytes + m->len, to, n);
	buf_commit(&m->buf, n);
	m->len += n;
}

static void
do_drop(struct model *m, uint32_t *seed)
{
	size_t n = random_len(seed, m->len);

	buf_drop(&m->buf, n);
	memmove(m->bytes, m->bytes + n, m->len - n);
	m->len -= n;
}

static void
do_move(struct model *to, struct model *from, uint32_t *seed)
{
	size_t n = random_len(seed, from->len);

	if (to == from || to->len + n > MODEL_MAX)
		return;
	assert_true(buf_move(&to->buf, &from->buf, n));
	memcpy(to->bytes + to->len, from->bytes, n);
	to->len += n;
	memmove(from->bytes, from->bytes + n, from->len - n);
	from->len -= n;
	check(from);
}

static void
do_patch(struct model *m, uint32_t *seed)
{
	size_t n = random_len(seed, m->len);
	size_t at = m->len > n ? next_random(seed) % (m->len - n + 1) : 0;

	fill_random(m->bytes + at, n, seed);
	buf_patch(&m->buf, at, m->bytes + at, n);
}

static void
do_view(const struct model *m, uint32_t *seed)
{
	static uint8_t scratch[MODEL_MAX];
	size_t n = random_len(seed, m->len), run;
	size_t at = m->len > n ? next_random(seed) % (m->len - n + 1) : 0;
	const uint8_t *p = buf_view(&m->buf, at, n, scratch);

	assert_memory_equal(p, m->bytes + at, n);
	if (at == m->len)
		return;
	p = buf_run(&m->buf, at, &run);
	assert_true(run > 0 && run <= m->len - at);
	assert_memory_equal(p, m->bytes + at, run);
}

static void
do_iov(const struct model *m)
{
	struct iovec iov[8];
	int count = buf_iov(&m->buf, iov, 8);
	size_t at = 0;

	for (int i = 0; i < count; i++) {
		assert_true(iov[i].iov_len > 0);
		assert_memory_equal(iov[i].iov_base, m->bytes + at,
				    iov[i].iov_len);
		at += iov[i].iov_len;
	}
	assert_true(count == 8 || at == m->len);
}

static void
do_step(struct model *models, uint32_t *seed)
{
	struct model *m = &models[next_random(seed) % BUFS];
	struct model *other = &models[next_random(seed) % BUFS];

	switch (next_random(seed) % 16) {
	case 0:
	case 1:
	case 2:
		do_append(m, seed);
		break;
	case 3:
	case 4:
		do_reserve(m, seed);
		break;
	case 5:
	case 6:
	case 7:
		do_drop(m, seed);
		break;
	case 8:
	case 9:
	case 10:
	case 11:
		do_move(m, other, seed);
		break;
	case 12:
		do_patch(m, seed);
		break;
	case 13:
		do_view(m, seed);
		break;
	case 14:
		do_iov(m);
		break;
	default:
		if (next_random(seed) % 16 == 0) {
			buf_clear(&m->buf);
			m->len = 0;
		}
		break;
	}
	check(m);
}

static void
random_operations(void **state)
{
	struct model models[BUFS];
	struct block_pool pool;
	uint32_t seed = 7;

	(void)state;
	block_pool_init(&pool, 8);
	for (int i = 0; i < BUFS; i++) {
		buf_init(&models[i].buf, &pool);
		models[i].bytes = mem_must_zalloc(MODEL_MAX);
		models[i].len = 0;
	}
	for (int step = 0; step < 4000; step++) {
		do_step(models, &seed);
		assert_true(pool.free_blocks <= pool.keep_blocks);
	}
	for (int i = 0; i < BUFS; i++) {
		buf_clear(&models[i].buf);
		assert_true(buf_is_sane(&models[i].buf));
		mem_free(models[i].bytes);
	}
	assert_int_equal(pool.used_blocks, 0);
	block_pool_fini(&pool);
}

static void
idle_buffer_holds_no_block(void **state)
{
	struct block_pool pool;
	struct buf b;
	size_t room;

	(void)state;
	block_pool_init(&pool, 4);
	buf_init(&b, &pool);
	assert_non_null(buf_reserve(&b, 1, &room));
	assert_int_equal(pool.used_blocks, 1);
	buf_commit(&b, 0);
	assert_int_equal(pool.used_blocks, 0);
	assert_true(buf_append(&b, "abc", 3));
	assert_int_equal(pool.used_blocks, 1);
	assert_non_null(buf_reserve(&b, BUF_BLOCK_BYTES, &room));
	assert_int_equal(room, BUF_BLOCK_BYTES);
	buf_commit(&b, 0);
	assert_int_equal(pool.used_blocks, 1);
	buf_drop(&b, 3);
	assert_int_equal(pool.used_blocks, 0);
	assert_true(buf_is_sane(&b));
	block_pool_fini(&pool);
}

/* What a small query costs: one block in all, passed on without a copy. */
static void
small_message_moves_without_a_new_block(void **state)
{
	struct block_pool pool;
	struct buf in, out;
	const uint8_t *before;
	size_t run;

	(void)state;
	block_pool_init(&pool, 4);
	buf_init(&in, &pool);
	buf_init(&out, &pool);
	assert_true(buf_append(&in, "0123456789", 10));
	before = buf_run(&in, 0, &run);
	assert_true(buf_move(&out, &in, 10));
	assert_ptr_equal(buf_run(&out, 0, &run), before);
	assert_int_equal(pool.used_blocks, 1);
	/* More goes into the same block. */
	assert_true(buf_append(&out, "abc", 3));
	assert_int_equal(pool.used_blocks, 1);
	buf_clear(&out);
	block_pool_fini(&pool);
}

static void
large_pieces_move_by_reference(void **state)
{
	static uint8_t data[3 * BUF_BLOCK_BYTES];
	struct block_pool pool;
	struct buf in, out;
	const uint8_t *before;
	size_t run;

	(void)state;
	block_pool_init(&pool, 4);
	buf_init(&in, &pool);
	buf_init(&out, &pool);
	assert_true(buf_append(&in, data, sizeof(data)));
	before = buf_run(&in, 0, &run);
	assert_true(buf_append(&out, "head", 4));
	assert_true(buf_move(&out, &in, 2000));
	assert_ptr_equal(buf_run(&out, 4, &run), before);
	assert_int_equal(run, 2000);
	/* The next piece of the block only lengthens the segment. */
	assert_true(buf_move(&out, &in, 5));
	assert_ptr_equal(buf_run(&out, 4, &run), before);
	assert_int_equal(run, 2005);
	assert_int_equal(pool.used_blocks, 4);
	buf_clear(&in);
	assert_int_equal(pool.used_blocks, 2);
	buf_clear(&out);
	assert_int_equal(pool.used_blocks, 0);
	block_pool_fini(&pool);
}

static void
empty_buffer_changes_its_pool(void **state)
{
	struct block_pool one, two;
	struct buf b;

	(void)state;
	block_pool_init(&one, 0);
	block_pool_init(&two, 0);
	buf_init(&b, &one);
	assert_true(buf_append(&b, "x", 1));
	buf_drop(&b, 1);
	buf_rehome(&b, &two);
	assert_true(buf_append(&b, "x", 1));
	assert_int_equal(one.used_blocks, 0);
	assert_int_equal(two.used_blocks, 1);
	buf_clear(&b);
	assert_int_equal(two.free_blocks, 0);
	block_pool_fini(&one);
	block_pool_fini(&two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(idle_buffer_holds_no_block),
		cmocka_unit_test(small_message_moves_without_a_new_block),
		cmocka_unit_test(large_pieces_move_by_reference),
		cmocka_unit_test(empty_buffer_changes_its_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
