/*
 * The integers and texts of the MySQL protocol: reading them from bytes that
 * lie in one piece, writing them to a text that grows.  Numbers have their
 * least significant byte first.  Owns nothing; any thread.  MySQL Internals,
 * "Basic Types".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_BYTES_H
#define CARPOOL_SRC_MYSQL_MY_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* ---- numbers that stand in one piece ---- */

static inline uint16_t
my_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
my_get_u24(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static inline uint32_t
my_get_u32(const uint8_t *p)
{
	return my_get_u24(p) | (uint32_t)p[3] << 24;
}

static inline void
my_set_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline void
my_set_u24(uint8_t *p, uint32_t value)
{
	my_set_u16(p, (uint16_t)value);
	p[2] = (uint8_t)(value >> 16);
}

static inline void
my_set_u32(uint8_t *p, uint32_t value)
{
	my_set_u24(p, value);
	p[3] = (uint8_t)(value >> 24);
}

/* ---- reading ---- */

/*
 * A cursor.  What reads beyond the end gives zeros or NULL, leaves nothing and
 * marks it: one look at has_failed behind the last read is enough.
 */
struct my_bytes {
	const uint8_t *at; /* borrows */
	size_t left;
	bool has_failed;
};

static inline struct my_bytes
my_bytes(const void *at, size_t len)
{
	return (struct my_bytes){ .at = at, .left = len };
}

/* n bytes, and moves behind them; NULL when fewer are left. */
const uint8_t *my_read(struct my_bytes *b, size_t n);

/* A number of n (1 to 8) bytes. */
uint64_t my_read_uint(struct my_bytes *b, size_t n);

static inline uint8_t
my_read_u8(struct my_bytes *b)
{
	return (uint8_t)my_read_uint(b, 1);
}

static inline uint16_t
my_read_u16(struct my_bytes *b)
{
	return (uint16_t)my_read_uint(b, 2);
}

static inline uint32_t
my_read_u32(struct my_bytes *b)
{
	return (uint32_t)my_read_uint(b, 4);
}

/* A length-encoded integer; the NULL of rows (0xFB) and an ERR's first byte
 * (0xFF) are none and fail. */
uint64_t my_read_lenenc(struct my_bytes *b);

/* A length-encoded text: its bytes, which have no NUL, and *len.  NULL, and
 * *len = 0, when it failed. */
const char *my_read_text(struct my_bytes *b, size_t *len);

/* A NUL-terminated text; NULL and failed without a NUL. */
const char *my_read_cstr(struct my_bytes *b);

/* ---- writing: like str_add, a lack of memory shows in s->failed ---- */

/* A number of n (1 to 8) bytes. */
void my_put_uint(struct str *s, uint64_t value, size_t n);

static inline void
my_put_u8(struct str *s, uint8_t value)
{
	my_put_uint(s, value, 1);
}

static inline void
my_put_u16(struct str *s, uint16_t value)
{
	my_put_uint(s, value, 2);
}

static inline void
my_put_u32(struct str *s, uint32_t value)
{
	my_put_uint(s, value, 4);
}

/* A length-encoded integer in its shortest form. */
void my_put_lenenc(struct str *s, uint64_t value);

/* A length-encoded text. */
void my_put_text(struct str *s, const void *text, size_t len);

/* A text and its NUL. */
void my_put_cstr(struct str *s, const char *text);

/* The bytes that a length-encoded integer of this value takes. */
size_t my_lenenc_size(uint64_t value);

#endif
