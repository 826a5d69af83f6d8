/*
 * See my_bytes.h.  Lengths come from outside: they are compared with what is
 * left before anything is moved.
 */
#include "my_bytes.h"

#include <string.h>

const uint8_t *
my_read(struct my_bytes *b, size_t n)
{
	const uint8_t *at = b->at;

	if (n > b->left) {
		b->has_failed = true;
		b->left = 0;
		return NULL;
	}
	b->at += n;
	b->left -= n;
	return at;
}

uint64_t
my_read_uint(struct my_bytes *b, size_t n)
{
	const uint8_t *p = my_read(b, n);
	uint64_t value = 0;

	if (p == NULL)
		return 0;
	while (n-- > 0)
		value = value << 8 | p[n];
	return value;
}

static void
fail(struct my_bytes *b)
{
	b->has_failed = true;
	b->left = 0;
}

uint64_t
my_read_lenenc(struct my_bytes *b)
{
	uint8_t first = my_read_u8(b);

	switch (first) {
	case 0xfb:
	case 0xff:
		fail(b);
		return 0;
	case 0xfc:
		return my_read_uint(b, 2);
	case 0xfd:
		return my_read_uint(b, 3);
	case 0xfe:
		return my_read_uint(b, 8);
	default:
		return first;
	}
}

const char *
my_read_text(struct my_bytes *b, size_t *len)
{
	uint64_t n = my_read_lenenc(b);

	*len = 0;
	if (b->has_failed)
		return NULL;
	if (n > b->left) {
		fail(b);
		return NULL;
	}
	*len = (size_t)n;
	return (const char *)my_read(b, *len);
}

const char *
my_read_cstr(struct my_bytes *b)
{
	const uint8_t *end = b->left > 0 ? memchr(b->at, 0, b->left) : NULL;

	if (end == NULL) {
		fail(b);
		return NULL;
	}
	return (const char *)my_read(b, (size_t)(end - b->at) + 1);
}

void
my_put_uint(struct str *s, uint64_t value, size_t n)
{
	char bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(value >> 8 * i & 0xff);
	str_add(s, bytes, n);
}

size_t
my_lenenc_size(uint64_t value)
{
	if (value < 0xfb)
		return 1;
	if (value <= 0xffff)
		return 3;
	return value <= 0xffffff ? 4 : 9;
}

void
my_put_lenenc(struct str *s, uint64_t value)
{
	size_t size = my_lenenc_size(value);

	if (size > 1)
		my_put_u8(s, size == 3 ? 0xfc : size == 4 ? 0xfd : 0xfe);
	my_put_uint(s, value, size > 1 ? size - 1 : 1);
}

void
my_put_text(struct str *s, const void *text, size_t len)
{
	my_put_lenenc(s, len);
	if (len > 0)
		str_add(s, text, len);
}

void
my_put_cstr(struct str *s, const char *text)
{
	str_add(s, text, strlen(text) + 1);
}
