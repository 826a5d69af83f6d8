/*
 * Packet edges.  What is written goes to the buffer in one piece, so that a
 * lack of memory leaves no half packet there.
 */
#include "my_packet.h"

#include <string.h>

#include "base/mem.h"

/* Packets up to this size are composed without a call for memory. */
#define SMALL_MAX 256u

const uint8_t *
my_scan_seek(struct my_scan *s, size_t at, size_t n, uint8_t *scratch)
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

bool
my_head_peek(const struct buf *in, size_t at, struct my_head *out)
{
	struct my_scan s = my_scan(in);

	return my_head_scan(&s, at, out);
}

static void
set_header(uint8_t header[MY_HEADER], size_t len, uint8_t seq)
{
	my_set_u24(header, (uint32_t)len);
	header[3] = seq;
}

static bool
put_small(struct buf *out, uint8_t *seq, const void *payload, size_t len)
{
	uint8_t packet[MY_HEADER + SMALL_MAX];

	set_header(packet, len, *seq);
	if (len > 0)
		memcpy(packet + MY_HEADER, payload, len);
	if (!buf_append(out, packet, MY_HEADER + len))
		return false;
	*seq = (uint8_t)(*seq + 1);
	return true;
}

static bool
put_large(struct buf *out, uint8_t *seq, const char *payload, size_t len)
{
	struct str s = { 0 };
	uint8_t header[MY_HEADER], next = *seq;
	size_t n;
	bool ok;

	str_reserve(&s, len + (len / MY_PAYLOAD_MAX + 1) * MY_HEADER);
	do {
		n = len < MY_PAYLOAD_MAX ? len : MY_PAYLOAD_MAX;
		set_header(header, n, next);
		next = (uint8_t)(next + 1);
		str_add(&s, (const char *)header, MY_HEADER);
		if (n > 0)
			str_add(&s, payload, n);
		payload += n;
		len -= n;
	} while (n == MY_PAYLOAD_MAX);
	ok = !s.failed && buf_append(out, s.data, s.len);
	str_fini(&s);
	if (ok)
		*seq = next;
	return ok;
}

bool
my_packet_put(struct buf *out, uint8_t *seq, const void *payload, size_t len)
{
	if (len <= SMALL_MAX)
		return put_small(out, seq, payload, len);
	return put_large(out, seq, payload, len);
}

bool
my_packet_flush(struct str *s, struct buf *out, uint8_t *seq)
{
	bool ok = !s->failed && my_packet_put(out, seq, str_text(s), s->len);

	str_fini(s);
	return ok;
}

bool
my_packet_put_eof(struct buf *out, uint8_t *seq, uint16_t status,
		  uint16_t warnings)
{
	uint8_t payload[5] = { 0xfe };

	my_set_u16(payload + 1, warnings);
	my_set_u16(payload + 3, status);
	return my_packet_put(out, seq, payload, sizeof(payload));
}
