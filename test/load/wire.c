/*
 * Messages as bytes; see wire.h.
 */
#include "wire.h"

#include <string.h>

void
wire_bytes(struct wire *w, const void *data, size_t n)
{
	if (w->is_full || n > w->room - w->len) {
		w->is_full = true;
		return;
	}
	memcpy(w->data + w->len, data, n);
	w->len += n;
}

void
wire_text(struct wire *w, const char *text)
{
	wire_bytes(w, text, strlen(text) + 1);
}

void
wire_u16(struct wire *w, uint16_t n)
{
	uint8_t b[2] = { (uint8_t)(n >> 8), (uint8_t)n };

	wire_bytes(w, b, sizeof(b));
}

static void
put_u32(uint8_t *at, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(n >> (24 - 8 * i));
}

void
wire_u32(struct wire *w, uint32_t n)
{
	uint8_t b[4];

	put_u32(b, n);
	wire_bytes(w, b, sizeof(b));
}

uint32_t
wire_read_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

size_t
wire_begin(struct wire *w, char type)
{
	size_t begin;

	if (type != 0)
		wire_bytes(w, &type, 1);
	begin = w->len;
	wire_u32(w, 0);
	return begin;
}

void
wire_end(struct wire *w, size_t begin)
{
	if (!w->is_full)
		put_u32(w->data + begin, (uint32_t)(w->len - begin));
}

void
wire_query(struct wire *w, const char *sql)
{
	size_t begin = wire_begin(w, 'Q');

	wire_text(w, sql);
	wire_end(w, begin);
}

void
wire_parse(struct wire *w, const char *sql)
{
	size_t begin = wire_begin(w, 'P');

	wire_text(w, "");
	wire_text(w, sql);
	wire_u16(w, 0);
	wire_end(w, begin);
}

void
wire_bind(struct wire *w, const char *portal, const char *value)
{
	size_t begin = wire_begin(w, 'B');

	wire_text(w, portal);
	wire_text(w, "");
	wire_u16(w, 0);
	wire_u16(w, value != NULL);
	if (value != NULL) {
		wire_u32(w, (uint32_t)strlen(value));
		wire_bytes(w, value, strlen(value));
	}
	wire_u16(w, 0);
	wire_end(w, begin);
}

void
wire_describe(struct wire *w, char what, const char *name)
{
	size_t begin = wire_begin(w, 'D');

	wire_bytes(w, &what, 1);
	wire_text(w, name);
	wire_end(w, begin);
}

void
wire_execute(struct wire *w, const char *portal, uint32_t rows)
{
	size_t begin = wire_begin(w, 'E');

	wire_text(w, portal);
	wire_u32(w, rows);
	wire_end(w, begin);
}

void
wire_plain(struct wire *w, char type)
{
	wire_end(w, wire_begin(w, type));
}

long
wire_message(const uint8_t *data, size_t len, struct message *m)
{
	uint32_t n;

	if (len < HEADER)
		return 0;
	n = wire_read_u32(data + 1);
	if (n < 4 || n > 1u << 30)
		return -1;
	m->type = (char)data[0];
	m->body = data + HEADER;
	m->len = n - 4;
	return len > n ? (long)n + 1 : 0;
}

int
wire_row(const struct message *m, struct column *columns)
{
	size_t at = 2;
	int count;

	if (m->len < 2)
		return -1;
	count = m->body[0] << 8 | m->body[1];
	if (count > COLUMNS_MAX)
		return -1;
	for (int i = 0; i < count; i++) {
		uint32_t n;

		if (m->len - at < 4)
			return -1;
		n = wire_read_u32(m->body + at);
		at += 4;
		columns[i].text = NULL;
		columns[i].len = 0;
		if (n == UINT32_MAX)
			continue;
		if (n > m->len - at)
			return -1;
		columns[i].text = (const char *)m->body + at;
		columns[i].len = n;
		at += n;
	}
	return at == m->len ? count : -1;
}

const char *
wire_field(const struct message *m, char code)
{
	size_t at = 0;

	while (at < m->len && m->body[at] != 0) {
		const char *text = (const char *)m->body + at + 1;
		const uint8_t *end = memchr(m->body + at, 0, m->len - at);

		if (end == NULL)
			return NULL;
		if ((char)m->body[at] == code)
			return text;
		at = (size_t)(end - m->body) + 1;
	}
	return NULL;
}
