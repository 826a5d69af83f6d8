/* Errors of servers and our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "mysql/my_error.h"
#include "mysql/my_packet.h"
#include "recorded.h"

static struct block_pool pool;
static struct buf out;

static int
set_up(void **state)
{
	(void)state;
	block_pool_init(&pool, 2);
	buf_init(&out, &pool);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_clear(&out);
	block_pool_fini(&pool);
	return 0;
}

/* Takes the one packet out of the buffer; its payload, NUL behind it. */
static const char *
payload(size_t *len, uint8_t seq)
{
	static char bytes[1024];
	struct my_head h = { 0 };

	assert_true(my_head_peek(&out, 0, &h));
	assert_int_equal(out.len, MY_HEADER + h.len);
	assert_int_equal(h.seq, seq);
	assert_true(h.len < sizeof(bytes));
	buf_copy_out(&out, MY_HEADER, bytes, h.len);
	bytes[h.len] = '\0';
	*len = h.len;
	buf_clear(&out);
	return bytes;
}

/* Every reason has a number that clients take and its SQLSTATE. */
static void
every_reason(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		enum reason reason = (enum reason)i;
		const char *text = my_reason_text(reason);
		unsigned code = my_reason_code(reason);
		struct my_error e;
		uint8_t seq = 3;
		const char *p;
		size_t len;

		assert_true(my_error_is_sendable(code));
		assert_int_equal(code != MY_ER_UNKNOWN,
				 reason_info(reason)->mysql != 0);
		assert_null(strstr(text, "Postgre"));
		assert_null(strstr(text, "pg_"));
		assert_true(strlen(text) <= MY_ERROR_TEXT_MAX);
		assert_true(my_put_reason(&out, &seq, reason, NULL));
		assert_int_equal(seq, 4);
		p = payload(&len, 3);
		assert_true(my_error_parse(&e, (const uint8_t *)p, len));
		assert_int_equal(e.code, code);
		assert_string_equal(e.sqlstate, my_error_sqlstate(code));
		assert_int_equal(e.text_len, strlen(text));
		assert_memory_equal(e.text, text, e.text_len);
	}
}

/*
 * A number that stands in the table of reasons has a row of its own here: an
 * unknown one's HY000 would hide that it was forgotten.
 */
static void
every_number_has_a_state(void **state)
{
	static const uint16_t plain[] = {
		1041, 1105, 1205, 1429, 1470, 1615,
		1815, 1835, 3024, 3032, 3159,
	};

	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		unsigned code = my_reason_code((enum reason)i);
		bool is_plain = false;

		for (size_t n = 0; n < COUNT_OF(plain); n++)
			is_plain = is_plain || plain[n] == code;
		if (is_plain != (strcmp(my_error_sqlstate(code), "HY000") == 0))
			fail_msg("%u", code);
	}
}

static void
what_clients_do_not_take(void **state)
{
	(void)state;
	assert_false(my_error_is_sendable(0));
	assert_false(my_error_is_sendable(999));
	assert_false(my_error_is_sendable(2000));
	assert_false(my_error_is_sendable(2999));
	assert_false(my_error_is_sendable(5000));
	assert_false(my_error_is_sendable(5999));
	assert_false(my_error_is_sendable(0xffff));
	assert_true(my_error_is_sendable(1000));
	assert_true(my_error_is_sendable(1999));
	assert_true(my_error_is_sendable(3024));
	assert_true(my_error_is_sendable(4031));
}

static void
bytes_of_an_error(void **state)
{
	uint8_t seq = 255;
	const char *p;
	size_t len;

	(void)state;
	assert_true(my_put_error(&out, &seq, MY_ER_UNKNOWN_COM, "No"));
	assert_int_equal(seq, 0);
	p = payload(&len, 255);
	assert_int_equal(len, 11);
	assert_memory_equal(p, "\xff\x17\x04#08S01No", 11);
	assert_true(my_put_reason_at(&out, &seq, MY_ERROR_EARLY,
				     REASON_MAX_CLIENTS, "full"));
	p = payload(&len, 0);
	assert_int_equal(len, 7);
	assert_memory_equal(p,
			    "\xff\x10\x04"
			    "full",
			    7);
}

/* A text from anywhere: only what every character set has. */
static void
texts_are_cleaned_and_cut(void **state)
{
	static char large[2000];
	uint8_t seq = 1;
	const char *p;
	size_t len;

	(void)state;
	assert_true(my_put_reason(&out, &seq, REASON_NO_DATABASE,
				  "a\nb\x7f\xc3\xa4"
				  "c~ "));
	p = payload(&len, 1);
	assert_string_equal(p + 9, "a?b???c~ ");
	memset(large, 'x', sizeof(large) - 1);
	assert_true(my_put_reason(&out, &seq, REASON_NO_DATABASE, large));
	(void)payload(&len, 2);
	assert_int_equal(len, 9 + MY_ERROR_TEXT_MAX);
	assert_true(my_put_error(&out, &seq, 1045, ""));
	(void)payload(&len, 3);
	assert_int_equal(len, 9);
}

static void
errors_of_servers(void **state)
{
	static const struct row {
		const char *bytes;
		size_t len;
		bool is_error;
		uint16_t code;
		const char *sqlstate, *text;
	} rows[] = {
		{ "\xff\x10\x04#08004Too many", 17, true, 1040, "08004",
		  "Too many" },
		{ "\xff\x10\x04Too many", 11, true, 1040, "HY000", "Too many" },
		{ "\xff\x10\x04#0800", 8, true, 1040, "HY000", "#0800" },
		{ "\xff\x10\x04#08004", 9, true, 1040, "08004", "" },
		{ "\xff\x10\x04", 3, true, 1040, "HY000", "" },
		{ "\xff\x10", 2, false, 0, NULL, NULL },
		{ "", 0, false, 0, NULL, NULL },
		{ "\0\x10\x04", 3, false, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct my_error e;
		bool is = my_error_parse(&e, (const uint8_t *)rows[i].bytes,
					 rows[i].len);

		assert_int_equal(is, rows[i].is_error);
		if (!is)
			continue;
		assert_int_equal(e.code, rows[i].code);
		assert_string_equal(e.sqlstate, rows[i].sqlstate);
		assert_int_equal(e.text_len, strlen(rows[i].text));
		assert_memory_equal(e.text, rows[i].text, e.text_len);
	}
}

/* The states of the table are those that a server really sends. */
static void
recorded_states(void **state)
{
	static struct recordings all;
	unsigned seen = 0;

	(void)state;
	recordings_load(&all);
	for (size_t i = 0; i < all.count; i++) {
		const struct str *s = &all.list[i].wire;
		struct my_error e;

		if ((uint8_t)s->data[MY_HEADER] != 0xff ||
		    !my_error_parse(&e, (const uint8_t *)s->data + MY_HEADER,
				    my_get_u24((const uint8_t *)s->data)) ||
		    e.code == 0xffff)
			continue;
		assert_true(my_error_is_sendable(e.code));
		if (strcmp(my_error_sqlstate(e.code), "HY000") != 0 ||
		    strcmp(e.sqlstate, "HY000") == 0) {
			assert_string_equal(my_error_sqlstate(e.code),
					    e.sqlstate);
			seen++;
		}
	}
	assert_true(seen > 10);
	recordings_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason),
		cmocka_unit_test(every_number_has_a_state),
		cmocka_unit_test(what_clients_do_not_take),
		cmocka_unit_test(bytes_of_an_error),
		cmocka_unit_test(texts_are_cleaned_and_cut),
		cmocka_unit_test(errors_of_servers),
		cmocka_unit_test(recorded_states),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
