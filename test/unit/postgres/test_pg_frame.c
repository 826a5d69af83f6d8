/* Message edges in buffers that are cut anywhere, and writing messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "postgres/pg_frame.h"

static void
headers(void **state)
{
	static const struct row {
		const char *bytes;
		size_t len;
		uint32_t max;
		enum pg_frame_status status;
		size_t total;
	} rows[] = {
		{ "", 0, 100, PG_FRAME_PARTIAL, 0 },
		{ "Q\0\0\0", 4, 100, PG_FRAME_PARTIAL, 0 },
		{ "Q\0\0\0\4", 5, 100, PG_FRAME_OK, 5 },
		{ "Q\0\0\0\3", 5, 100, PG_FRAME_SHORT, 0 },
		{ "Q\0\0\0\0", 5, 100, PG_FRAME_SHORT, 0 },
		{ "Q\0\0\0\144", 5, 100, PG_FRAME_OK, 101 },
		{ "Q\0\0\0\145", 5, 100, PG_FRAME_LARGE, 0 },
		{ "Q\377\377\377\377", 5, 100, PG_FRAME_LARGE, 0 },
		{ "Q\377\377\377\377", 5, UINT32_MAX, PG_FRAME_OK,
		  (size_t)1 << 32 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct block_pool pool;
		struct buf b;
		struct pg_scan s;
		struct pg_frame f = { 0 };

		block_pool_init(&pool, 2);
		buf_init(&b, &pool);
		assert_true(buf_append(&b, rows[i].bytes, rows[i].len));
		s = pg_scan(&b);
		assert_int_equal(pg_frame_peek(&s, 0, rows[i].max, &f),
				 rows[i].status);
		if (rows[i].status == PG_FRAME_OK) {
			assert_int_equal(f.total, rows[i].total);
			assert_int_equal(f.type, 'Q');
			assert_int_equal(pg_frame_is_whole(&s, &f),
					 f.total <= rows[i].len);
		}
		buf_clear(&b);
		block_pool_fini(&pool);
	}
}

/* A header that lies over the edge of two blocks. */
static void
headers_over_edges(void **state)
{
	static char zeros[BUF_BLOCK_BYTES];
	static const char head[] = "D\0\0\0\7ab";

	(void)state;
	for (size_t cut = 0; cut < 7; cut++) {
		struct block_pool pool;
		struct buf b;
		struct pg_scan s;
		struct pg_frame f = { 0 };
		uint8_t scratch[2];

		block_pool_init(&pool, 4);
		buf_init(&b, &pool);
		assert_true(buf_append(&b, zeros, sizeof(zeros) - cut));
		assert_true(buf_append(&b, head, 8));
		s = pg_scan(&b);
		assert_int_equal(
			pg_frame_peek(&s, sizeof(zeros) - cut, 100, &f),
			PG_FRAME_OK);
		assert_int_equal(f.total, 8);
		assert_true(pg_frame_is_whole(&s, &f));
		assert_memory_equal(pg_scan_view(&s, f.at + 5, 2, scratch),
				    "ab", 2);
		buf_clear(&b);
		block_pool_fini(&pool);
	}
}

static void
bodies(void **state)
{
	struct pg_body b = { .at = (const uint8_t *)"ab\0\0cd", .left = 6 };

	(void)state;
	assert_string_equal(pg_body_text(&b), "ab");
	assert_string_equal(pg_body_text(&b), "");
	assert_null(pg_body_text(&b));
	assert_null(pg_body_bytes(&b, 3));
	assert_memory_equal(pg_body_bytes(&b, 2), "cd", 2);
	assert_int_equal(b.left, 0);
	assert_null(pg_body_text(&b));
	assert_non_null(pg_body_bytes(&b, 0));
}

static void
writing(void **state)
{
	struct block_pool pool;
	struct buf b;
	struct str s = { 0 };
	uint8_t out[32];

	(void)state;
	block_pool_init(&pool, 2);
	buf_init(&b, &pool);
	pg_put_message(&s, 'Q', "ab");
	pg_put_end(&s, pg_put_begin(&s, 'S'));
	assert_true(pg_put_flush(&s, &b));
	assert_null(s.data);
	assert_int_equal(b.len, 13);
	buf_copy_out(&b, 0, out, 13);
	assert_memory_equal(out, "Q\0\0\0\7ab\0S\0\0\0\4", 13);
	s.failed = true;
	pg_put_message(&s, 'Q', "ab");
	assert_false(pg_put_flush(&s, &b));
	assert_int_equal(b.len, 13);
	buf_clear(&b);
	block_pool_fini(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(headers_over_edges),
		cmocka_unit_test(bodies),
		cmocka_unit_test(writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
