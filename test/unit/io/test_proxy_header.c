/* The header of the PROXY protocol: what it says, in pieces too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/proxy_header.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define NOBODY "-"
#define TEXT(s) s, sizeof(s) - 1

/* NULL: it is bad. */
static const struct {
	const char *bytes;
	size_t len;
	const char *source;
} rows[] = {
	{ TEXT("PROXY TCP4 10.1.2.3 10.0.0.1 40000 6432\r\n"),
	  "10.1.2.3:40000" },
	{ TEXT("PROXY TCP6 fd00::1 ::1 65535 6432\r\n"), "fd00::1:65535" },
	{ TEXT("PROXY UNKNOWN\r\n"), NOBODY },
	{ TEXT("PROXY UNKNOWN ffff:f...f:ffff x\r\n"), NOBODY },
	{ TEXT("PROXY TCP4 10.1.2.3 10.0.0.1 40000\r\n"), NULL },
	{ TEXT("PROXY TCP4 10.1.2.3 10.0.0.1 40000 6432 7\r\n"), NULL },
	{ TEXT("PROXY TCP4  10.1.2.3 10.0.0.1 40000 6432\r\n"), NULL },
	{ TEXT("PROXY TCP4 10.1.2.3 10.0.0.1 65536 6432\r\n"), NULL },
	{ TEXT("PROXY TCP4 10.1.2.3 10.0.0.1 040000 6432\r\n"), NULL },
	{ TEXT("PROXY TCP4 10.1.2.3 10.0.0.1 -1 6432\r\n"), NULL },
	{ TEXT("PROXY TCP4 fd00::1 10.0.0.1 40000 6432\r\n"), NULL },
	{ TEXT("PROXY TCP6 10.1.2.3 10.0.0.1 40000 6432\r\n"), NULL },
	{ TEXT("PROXY TCP6 fe80::1%lo ::1 40000 6432\r\n"), NULL },
	{ TEXT("PROXY UDP4 10.1.2.3 10.0.0.1 40000 6432\r\n"), NULL },
	{ TEXT("PROXY TCP4 10.1.2.3\0 10.0.0.1 40000 6432\r\n"), NULL },
	{ TEXT("PROXY \r\n"), NULL },
	/* 12 bytes of addresses, IPv4. */
	{ TEXT(V2 "\x21\x11\0\x0c\x0a\x01\x02\x03\x0a\0\0\x01\x9c\x40\x19\x20"),
	  "10.1.2.3:40000" },
	/* With a name of a host behind it. */
	{ TEXT(V2 "\x21\x11\0\x11\x0a\x01\x02\x03\x0a\0\0\x01\x9c\x40\x19\x20"
		  "\x02\0\x02"
		  "ab"),
	  "10.1.2.3:40000" },
	{ TEXT(V2 "\x21\x21\0\x24"
		  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
		  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x9c\x40\x19\x20"),
	  "fd00::1:40000" },
	/* The proxy itself, of a family that says nothing, and a datagram. */
	{ TEXT(V2 "\x20\0\0\0"), NOBODY },
	{ TEXT(V2 "\x20\x11\0\x0c............"), NOBODY },
	{ TEXT(V2 "\x21\0\0\0"), NOBODY },
	{ TEXT(V2 "\x21\x12\0\x0c............"), NOBODY },
	/* A right sum, then a wrong one. */
	{ TEXT(V2 "\x21\x11\0\x13\x0a\x01\x02\x03\x0a\0\0\x01\x9c\x40\x19\x20"
		  "\x03\0\x04\x2a\x7d\xae\x0a"),
	  "10.1.2.3:40000" },
	{ TEXT(V2 "\x21\x11\0\x13\x0a\x01\x02\x03\x0a\0\0\x01\x9c\x40\x19\x20"
		  "\x03\0\x04"
		  "abcd"),
	  NULL },
	{ TEXT(V2 "\x21\x11\0\x0b..........."), NULL },
	{ TEXT(V2 "\x21\x11\0\x0e\x0a\x01\x02\x03\x0a\0\0\x01\x9c\x40\x19\x20"
		  "\x02\0"),
	  NULL },
	{ TEXT(V2 "\x21\x11\0\x0f\x0a\x01\x02\x03\x0a\0\0\x01\x9c\x40\x19\x20"
		  "\x02\0\x01"),
	  NULL },
	{ TEXT(V2 "\x11\x11\0\0"), NULL },
	{ TEXT(V2 "\x22\x11\0\0"), NULL },
	{ TEXT(V2 "\x21\x41\0\0"), NULL },
	{ TEXT(V2 "\x21\x13\0\0"), NULL },
	{ TEXT(V2 "\x21\x11\xff\xff"), NULL },
};

static const char *
source_of(const struct proxy_header *h)
{
	static char text[ADDR_TEXT_MAX + 8];
	char host[ADDR_TEXT_MAX];

	if (!h->has_source)
		return NOBODY;
	(void)text_format(text, sizeof(text), "%s:%u",
			  addr_host(&h->source, host), addr_port(&h->source));
	return text;
}

static void
what_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t data[256];
		struct proxy_header h;
		enum proxy_result result;

		memcpy(data, rows[i].bytes, rows[i].len);
		memset(data + rows[i].len, 'x', sizeof(data) - rows[i].len);
		/* No part of it says anything else. */
		for (size_t n = 0; n < rows[i].len; n++) {
			result = proxy_header_read(data, n, &h);
			if (result != PROXY_MORE &&
			    !(rows[i].source == NULL && result == PROXY_BAD))
				fail_msg("row %zu cut at %zu", i, n);
		}
		/* And what follows it is not its own. */
		result = proxy_header_read(data, rows[i].len + 20, &h);
		if (rows[i].source == NULL) {
			if (result != PROXY_BAD)
				fail_msg("row %zu is not bad", i);
			continue;
		}
		assert_int_equal(result, PROXY_READ);
		assert_int_equal(h.used, rows[i].len);
		assert_string_equal(source_of(&h), rows[i].source);
	}
}

static void
no_headers(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} others[] = {
		{ TEXT("\0\0\0\x08\x04\xd2\x16\x2f") },
		{ TEXT("\x16\x03\x01") },
		{ TEXT("PROX:") },
		{ TEXT("PROXYTCP4") },
		{ TEXT("\r\n\r\n\0\r\nQUIX\n") },
		{ TEXT("GET / HTTP/1.1\r\n") },
	};
	struct proxy_header h;
	char line[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_int_equal(
			proxy_header_read((const uint8_t *)others[i].bytes,
					  others[i].len, &h),
			PROXY_NONE);
	/* 107 bytes are the most that a line may have. */
	memset(line, '1', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(
		proxy_header_read((const uint8_t *)line, sizeof(line), &h),
		PROXY_READ);
	memset(line + 105, '1', 1);
	memcpy(line + 106, "\r\n", 2);
	assert_int_equal(
		proxy_header_read((const uint8_t *)line, sizeof(line), &h),
		PROXY_BAD);
	assert_int_equal(proxy_header_read((const uint8_t *)line, 106, &h),
			 PROXY_MORE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(no_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
