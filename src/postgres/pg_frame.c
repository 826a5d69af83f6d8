/*
 * Message edges.  Lengths come from outside: they are compared by subtraction
 * before anything is added to them.
 */
#include "pg_frame.h"

#include <string.h>

#include "base/mem.h"

const uint8_t *
pg_scan_seek(struct pg_scan *s, size_t at, size_t n, uint8_t *scratch)
{
	if (n == 0)
		return scratch;
	if (at < s->from || at - s->from >= s->len) {
		s->run = buf_run(s->in, at, &s->len);
		s->from = at;
	}
	if (n <= s->len - (at - s->from))
		return s->run + (at - s->from);
	buf_copy_out(s->in, at, scratch, n);
	return scratch;
}

const char *
pg_body_text(struct pg_body *b)
{
	const uint8_t *text = b->at;
	const uint8_t *nul = b->left > 0 ? memchr(text, 0, b->left) : NULL;

	if (nul == NULL)
		return NULL;
	b->left -= (size_t)(nul - text) + 1;
	b->at = nul + 1;
	return (const char *)text;
}

const uint8_t *
pg_body_bytes(struct pg_body *b, size_t n)
{
	const uint8_t *from = b->at;

	if (n > b->left)
		return NULL;
	b->at += n;
	b->left -= n;
	return from;
}

size_t
pg_put_begin(struct str *s, char type)
{
	size_t mark;

	if (type != 0)
		str_putc(s, type);
	mark = s->len;
	pg_put_u32(s, 0);
	return mark;
}

void
pg_put_end(struct str *s, size_t mark)
{
	size_t len = s->len - mark;

	if (s->failed)
		return;
	for (unsigned i = 0; i < 4; i++)
		s->data[mark + i] = (char)(len >> (24 - 8 * i) & 0xff);
}

void
pg_put_u32(struct str *s, uint32_t value)
{
	pg_put_u16(s, (uint16_t)(value >> 16));
	pg_put_u16(s, (uint16_t)value);
}

void
pg_put_u16(struct str *s, uint16_t value)
{
	char bytes[2] = { (char)(value >> 8), (char)(value & 0xff) };

	str_add(s, bytes, sizeof(bytes));
}

void
pg_put_text(struct str *s, const char *text)
{
	str_add(s, text, strlen(text) + 1);
}

void
pg_put_message(struct str *s, char type, const char *text)
{
	size_t mark = pg_put_begin(s, type);

	pg_put_text(s, text);
	pg_put_end(s, mark);
}

void
pg_put_report(struct str *s, const char *name, const char *value)
{
	size_t mark = pg_put_begin(s, 'S');

	pg_put_text(s, name);
	pg_put_text(s, value);
	pg_put_end(s, mark);
}

bool
pg_put_flush(struct str *s, struct buf *out)
{
	bool ok = !s->failed && buf_append(out, str_text(s), s->len);

	str_fini(s);
	return ok;
}
