/* Packet edges in buffers that are cut anywhere, and writing packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mysql/my_caps.h"
#include "mysql/my_packet.h"

static void
headers(void **state)
{
	static const struct row {
		const char *bytes;
		size_t len;
		size_t at;
		bool is_in;
		uint32_t payload;
		uint8_t seq;
	} rows[] = {
		{ "", 0, 0, false, 0, 0 },
		{ "\1\0\0", 3, 0, false, 0, 0 },
		{ "\1\0\0\7", 4, 0, true, 1, 7 },
		{ "\1\0\0\7", 4, 1, false, 0, 0 },
		{ "\1\0\0\7", 4, 4, false, 0, 0 },
		{ "\0\0\0\377", 4, 0, true, 0, 255 },
		{ "\1\2\3\4", 4, 0, true, 0x30201, 4 },
		{ "\377\377\377\0", 4, 0, true, MY_PAYLOAD_MAX, 0 },
		{ "x\2\0\0\1ab", 7, 1, true, 2, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct block_pool pool;
		struct my_head h = { 0 };
		struct buf b;

		block_pool_init(&pool, 2);
		buf_init(&b, &pool);
		assert_true(buf_append(&b, rows[i].bytes, rows[i].len));
		assert_int_equal(my_head_peek(&b, rows[i].at, &h),
				 rows[i].is_in);
		assert_int_equal(h.len, rows[i].payload);
		assert_int_equal(h.seq, rows[i].seq);
		if (rows[i].is_in)
			assert_int_equal(my_packet_is_in(&b, rows[i].at, &h),
					 rows[i].at + MY_HEADER + h.len <=
						 rows[i].len);
		buf_clear(&b);
		block_pool_fini(&pool);
	}
}

/* A header and its payload's begin that lie over the edge of two blocks. */
static void
headers_over_edges(void **state)
{
	static char zeros[BUF_BLOCK_BYTES];
	static const char packet[] = "\3\0\0\5abc";

	(void)state;
	for (size_t cut = 0; cut < 8; cut++) {
		struct block_pool pool;
		struct my_head h = { 0 };
		struct my_scan s;
		struct buf b;
		uint8_t scratch[3];
		size_t at = sizeof(zeros) - cut;

		block_pool_init(&pool, 4);
		buf_init(&b, &pool);
		assert_true(buf_append(&b, zeros, at));
		assert_true(buf_append(&b, packet, 7));
		s = my_scan(&b);
		assert_true(my_head_scan(&s, 0, &h));
		assert_true(my_head_scan(&s, at, &h));
		assert_int_equal(h.len, 3);
		assert_int_equal(h.seq, 5);
		assert_true(my_packet_is_in(&b, at, &h));
		assert_memory_equal(my_scan_view(&s, at + 4, 3, scratch), "abc",
				    3);
		/* And back again. */
		assert_true(my_head_scan(&s, 0, &h));
		assert_int_equal(h.len, 0);
		buf_clear(&b);
		block_pool_fini(&pool);
	}
}

/* The payload of what my_packet_put wrote, put together again. */
static void
check_written(const struct buf *b, const char *payload, size_t len, uint8_t seq)
{
	size_t at = 0, got = 0;
	struct my_head h = { 0 };
	char *copy;

	do {
		assert_true(my_head_peek(b, at, &h));
		assert_int_equal(h.seq, seq);
		assert_true(my_packet_is_in(b, at, &h));
		assert_true(h.len <= len - got);
		copy = mem_zalloc(h.len + 1u);
		buf_copy_out(b, at + MY_HEADER, copy, h.len);
		assert_memory_equal(copy, payload + got, h.len);
		mem_free(copy);
		at += MY_HEADER + h.len;
		got += h.len;
		seq = (uint8_t)(seq + 1);
	} while (h.len == MY_PAYLOAD_MAX);
	assert_int_equal(got, len);
	assert_int_equal(at, b->len);
}

static void
written(void **state)
{
	static const struct row {
		size_t len;
		uint8_t seq, next;
	} rows[] = {
		{ 0, 0, 1 },
		{ 1, 255, 0 },
		{ 256, 3, 4 },
		{ 257, 3, 4 },
		{ 70000, 3, 4 },
		{ MY_PAYLOAD_MAX - 1, 1, 2 },
		{ MY_PAYLOAD_MAX, 1, 3 },
		{ MY_PAYLOAD_MAX + 1, 255, 1 },
		{ 2 * (size_t)MY_PAYLOAD_MAX, 9, 12 },
	};
	char *payload = mem_zalloc(2 * (size_t)MY_PAYLOAD_MAX);

	(void)state;
	assert_non_null(payload);
	for (size_t i = 0; i < 2 * (size_t)MY_PAYLOAD_MAX; i++)
		payload[i] = (char)(i * 7 + (i >> 16));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct block_pool pool;
		uint8_t seq = rows[i].seq;
		struct buf b;

		block_pool_init(&pool, 2);
		buf_init(&b, &pool);
		assert_true(my_packet_put(&b, &seq, payload, rows[i].len));
		assert_int_equal(seq, rows[i].next);
		check_written(&b, payload, rows[i].len, rows[i].seq);
		buf_clear(&b);
		block_pool_fini(&pool);
	}
	mem_free(payload);
}

static void
composed(void **state)
{
	struct block_pool pool;
	struct str s = { 0 };
	uint8_t seq = 2, out[32];
	struct buf b;

	(void)state;
	block_pool_init(&pool, 2);
	buf_init(&b, &pool);
	my_put_u8(&s, 0);
	my_put_text(&s, "ab", 2);
	assert_true(my_packet_flush(&s, &b, &seq));
	assert_null(s.data);
	assert_true(my_packet_put_eof(&b, &seq, 0x8002, 0x102));
	assert_int_equal(seq, 4);
	assert_int_equal(b.len, 17);
	buf_copy_out(&b, 0, out, 17);
	assert_memory_equal(out,
			    "\4\0\0\2\0\2ab"
			    "\5\0\0\3\xfe\2\1\2\x80",
			    17);
	/* What memory was out for adds nothing and takes no number. */
	str_add(&s, "x", SIZE_MAX / 2);
	assert_true(s.failed);
	assert_false(my_packet_flush(&s, &b, &seq));
	assert_int_equal(seq, 4);
	assert_int_equal(b.len, 17);
	buf_clear(&b);
	block_pool_fini(&pool);
}

/* What no class may have, and that every bit has its one place. */
static void
classes(void **state)
{
	uint8_t words[MY_CLASS_BYTES];

	(void)state;
	assert_int_equal(MY_CAPS_CLASS & MY_CAPS_NEVER, 0);
	assert_int_equal(MY_CAPS_CLASS & MY_CAPS_ALWAYS, 0);
	assert_int_equal(MY_CAPS_ALWAYS & MY_CAPS_NEVER, 0);
	assert_int_equal(MY_EXT_CLASS & MY_EXT_NEVER, 0);
	assert_int_equal(MY_EXT_CLASS & MY_EXT_ALWAYS, 0);
	assert_int_equal(MY_EXT_ALWAYS & MY_EXT_NEVER, 0);
	assert_int_equal(MY_CAPS_NEEDED & ~MY_CAPS_ALWAYS, 0);
	my_class_put(words, UINT32_MAX, UINT32_MAX);
	assert_true(my_class_caps(words) == MY_CAPS_CLASS);
	assert_true(my_class_ext(words) == (MY_EXT_CLASS | MY_EXT_NO_SCHEMA));
	assert_true(my_class_is_bare((const char *)words, sizeof(words)));
	my_class_put(words, UINT32_MAX, ~MY_EXT_NO_SCHEMA);
	assert_false(my_class_is_bare((const char *)words, sizeof(words)));
	my_class_put(words, MY_CLIENT_FOUND_ROWS | MY_CLIENT_ODBC,
		     MY_MARIADB_CACHE_METADATA);
	assert_memory_equal(words, "\2\0\0\0\0\0\0\0", 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers), cmocka_unit_test(headers_over_edges),
		cmocka_unit_test(written), cmocka_unit_test(composed),
		cmocka_unit_test(classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
