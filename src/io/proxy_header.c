/*
 * The header of the PROXY protocol; see io/proxy_header.h.  Owns nothing.
 */
#include "io/proxy_header.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define V1_MAX 107u
#define V2_FIXED 16u
#define TLV_CRC32C 0x03u

static const uint8_t v1_mark[] = { 'P', 'R', 'O', 'X', 'Y', ' ' };
static const uint8_t v2_mark[] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
				   0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

/* ---- version 1: a line of text ---- */

/* The port of a decimal number without a leading zero. */
static bool
read_port(const char *text, uint16_t *port)
{
	uint64_t number;

	if (!text_to_u64(text, 10, &number) || number > UINT16_MAX ||
	    (text[0] == '0' && text[1] != '\0'))
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool
read_source(char *words[5], struct addr *out)
{
	sa_family_t family = strcmp(words[0], "TCP4") == 0 ? AF_INET : AF_INET6;
	struct addr to;
	uint16_t from_port, to_port;

	return (family == AF_INET || strcmp(words[0], "TCP6") == 0) &&
	       read_port(words[3], &from_port) &&
	       read_port(words[4], &to_port) && strchr(words[1], '%') == NULL &&
	       addr_parse_ip(words[1], from_port, out) &&
	       addr_parse_ip(words[2], to_port, &to) &&
	       out->sa.sa_family == family && to.sa.sa_family == family;
}

/* Words with one blank between; false: not just so many. */
static bool
cut(char *line, char *words[5])
{
	size_t count = 1;

	words[0] = line;
	for (; *line != '\0'; line++) {
		if (*line != ' ')
			continue;
		if (count == 5)
			return false;
		*line = '\0';
		words[count++] = line + 1;
	}
	return count == 5;
}

static enum proxy_result
read_v1(const uint8_t *data, size_t len, struct proxy_header *h)
{
	size_t most = len < V1_MAX ? len : V1_MAX;
	const uint8_t *end = memmem(data, most, "\r\n", 2);
	char line[V1_MAX + 1], *words[5];
	size_t n;

	if (end == NULL)
		return len < V1_MAX ? PROXY_MORE : PROXY_BAD;
	n = (size_t)(end - data) - sizeof(v1_mark);
	memcpy(line, data + sizeof(v1_mark), n);
	line[n] = '\0';
	h->used = (size_t)(end - data) + 2;
	if (memchr(line, '\0', n) != NULL)
		return PROXY_BAD;
	/* Whatever follows UNKNOWN says nothing. */
	if (strcmp(line, "UNKNOWN") == 0 || strncmp(line, "UNKNOWN ", 8) == 0)
		return PROXY_READ;
	if (!cut(line, words) || !read_source(words, &h->source))
		return PROXY_BAD;
	h->has_source = true;
	return PROXY_READ;
}

/* ---- version 2: binary ---- */

static uint32_t
crc32c(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (unsigned i = 0; i < 8; i++)
		crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
	return crc;
}

/* Over the header with zeros where the sum itself stands. */
static bool
is_sum_right(const uint8_t *data, size_t total, size_t at)
{
	uint32_t crc = UINT32_MAX, told = 0;

	for (size_t i = 0; i < total; i++)
		crc = crc32c(crc, i >= at && i < at + 4 ? 0 : data[i]);
	for (size_t i = 0; i < 4; i++)
		told = told << 8 | data[at + i];
	return ~crc == told;
}

/* What follows the addresses: types, lengths, values. */
static bool
check_rest(const uint8_t *data, size_t total, size_t at)
{
	while (at < total) {
		size_t len;

		if (total - at < 3)
			return false;
		len = (size_t)data[at + 1] << 8 | data[at + 2];
		if (len > total - at - 3)
			return false;
		if (data[at] == TLV_CRC32C &&
		    (len != 4 || !is_sum_right(data, total, at + 3)))
			return false;
		at += 3 + len;
	}
	return true;
}

static void
set_source(struct proxy_header *h, const uint8_t *at, sa_family_t family)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(&h->source, 0, sizeof(h->source));
	h->has_source = true;
	if (family == AF_INET) {
		memcpy(&in.sin_addr, at, 4);
		memcpy(&in.sin_port, at + 8, 2);
		memcpy(&h->source.storage, &in, sizeof(in));
		h->source.len = sizeof(in);
	} else {
		memcpy(&in6.sin6_addr, at, 16);
		memcpy(&in6.sin6_port, at + 32, 2);
		memcpy(&h->source.storage, &in6, sizeof(in6));
		h->source.len = sizeof(in6);
	}
}

static enum proxy_result
read_v2(const uint8_t *data, size_t len, struct proxy_header *h)
{
	static const size_t sizes[] = { 0, 12, 36, 216 };
	size_t rest, family, total;

	if (len < V2_FIXED)
		return PROXY_MORE;
	rest = (size_t)data[14] << 8 | data[15];
	total = V2_FIXED + rest;
	family = data[13] >> 4;
	if (data[12] >> 4 != 2 || (data[12] & 15) > 1 ||
	    family >= COUNT_OF(sizes) || (data[13] & 15) > 2 ||
	    total > PROXY_HEADER_MAX)
		return PROXY_BAD;
	if (len < total)
		return PROXY_MORE;
	h->used = total;
	/* LOCAL: the proxy itself, to see whether we live. */
	if ((data[12] & 15) == 0)
		return PROXY_READ;
	if (rest < sizes[family] ||
	    !check_rest(data, total, V2_FIXED + sizes[family]))
		return PROXY_BAD;
	/* Of datagrams and unix sockets there is nothing to be known. */
	if ((data[13] & 15) == 1 && (family == 1 || family == 2))
		set_source(h, data + V2_FIXED,
			   family == 1 ? AF_INET : AF_INET6);
	return PROXY_READ;
}

/* Does it begin with the mark, as far as it has come? */
static bool
begins(const uint8_t *data, size_t len, const uint8_t *mark, size_t mark_len)
{
	return memcmp(data, mark, len < mark_len ? len : mark_len) == 0;
}

enum proxy_result
proxy_header_read(const uint8_t *data, size_t len, struct proxy_header *h)
{
	*h = (struct proxy_header){ 0 };
	if (len == 0)
		return PROXY_MORE;
	if (begins(data, len, v1_mark, sizeof(v1_mark)))
		return len < sizeof(v1_mark) ? PROXY_MORE
					     : read_v1(data, len, h);
	if (begins(data, len, v2_mark, sizeof(v2_mark)))
		return len < sizeof(v2_mark) ? PROXY_MORE
					     : read_v2(data, len, h);
	return PROXY_NONE;
}
