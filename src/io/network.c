/*
 * Networks as values.  Owns nothing; any thread.  Everything goes by bytes:
 * four or sixteen, in network order.
 */
#include "io/network.h"

#include <netinet/in.h>
#include <string.h>

#include "base/text.h"

#define TEXT_MAX 64u

static size_t
bytes_of(sa_family_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* The bytes of an address; its family, or AF_UNSPEC. */
static sa_family_t
read_bytes(const struct sockaddr *a, uint8_t out[16])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(out, 0, 16);
	if (a->sa_family == AF_INET) {
		memcpy(&in, a, sizeof(in));
		memcpy(out, &in.sin_addr, 4);
		return AF_INET;
	}
	if (a->sa_family != AF_INET6)
		return AF_UNSPEC;
	memcpy(&in6, a, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		memcpy(out, (const uint8_t *)&in6.sin6_addr + 12, 4);
		return AF_INET;
	}
	memcpy(out, &in6.sin6_addr, 16);
	return AF_INET6;
}

static void
drop_rest(struct network *n)
{
	for (size_t i = 0; i < sizeof(n->bytes); i++)
		n->bytes[i] &= n->mask[i];
}

static void
set_prefix(struct network *n, uint64_t bits)
{
	memset(n->mask, 0, sizeof(n->mask));
	for (size_t i = 0; i < bits; i++)
		n->mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	drop_rest(n);
}

static bool
parse_address(const char *text, sa_family_t *family, uint8_t bytes[16])
{
	struct addr a;

	/* A zone is a matter of links, not of addresses. */
	if (strchr(text, '%') != NULL || !addr_parse_ip(text, 0, &a))
		return false;
	*family = read_bytes(&a.sa, bytes);
	/* Mapped IPv4 has other prefixes than it seems to. */
	return *family == a.sa.sa_family;
}

bool
network_parse(const char *text, struct network *out)
{
	const char *slash = strchr(text, '/');
	char address[TEXT_MAX];
	uint64_t bits;
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (!parse_address(address, &out->family, out->bytes))
		return false;
	bits = 8 * bytes_of(out->family);
	if (slash != NULL && (!text_to_u64(slash + 1, 10, &bits) ||
			      bits > 8 * bytes_of(out->family)))
		return false;
	set_prefix(out, bits);
	return true;
}

bool
network_parse_masked(const char *address, const char *mask, struct network *out)
{
	sa_family_t family;

	if (!parse_address(address, &out->family, out->bytes) ||
	    !parse_address(mask, &family, out->mask) || family != out->family)
		return false;
	drop_rest(out);
	return true;
}

bool
network_of(const struct sockaddr *address, const struct sockaddr *mask,
	   struct network *out)
{
	out->family = read_bytes(address, out->bytes);
	if (out->family == AF_UNSPEC || mask->sa_family != address->sa_family ||
	    read_bytes(mask, out->mask) != out->family)
		return false;
	drop_rest(out);
	return true;
}

bool
network_host(const struct sockaddr *address, struct network *out)
{
	out->family = read_bytes(address, out->bytes);
	if (out->family == AF_UNSPEC)
		return false;
	set_prefix(out, 8 * bytes_of(out->family));
	return true;
}

bool
network_has(const struct network *n, const struct addr *a)
{
	uint8_t bytes[16];

	if (read_bytes(&a->sa, bytes) != n->family)
		return false;
	for (size_t i = 0; i < bytes_of(n->family); i++)
		if ((bytes[i] & n->mask[i]) != n->bytes[i])
			return false;
	return true;
}
