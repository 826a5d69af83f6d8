/*
 * Socket addresses as values.  Owns nothing; any thread.  Numeric texts only:
 * names are the resolver's.
 */
#include "io/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"

/* Splits a zone ("%eth0", "%2") off an IPv6 text; false when it is unknown. */
static bool
parse_zone(const char *zone, uint32_t *scope)
{
	uint64_t number;

	*scope = if_nametoindex(zone);
	if (*scope != 0)
		return true;
	if (!text_to_u64(zone, 10, &number) || number > UINT32_MAX)
		return false;
	*scope = (uint32_t)number;
	return true;
}

static bool
parse_ip6(const char *text, uint16_t port, struct addr *out)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char host[INET6_ADDRSTRLEN];
	const char *zone = strchr(text, '%');
	size_t len = zone != NULL ? (size_t)(zone - text) : strlen(text);

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return false;
	if (zone != NULL && !parse_zone(zone + 1, &in6.sin6_scope_id))
		return false;
	in6.sin6_port = htons(port);
	memcpy(&out->storage, &in6, sizeof(in6));
	out->len = sizeof(in6);
	return true;
}

bool
addr_parse_ip(const char *text, uint16_t port, struct addr *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
		return parse_ip6(text, port, out);
	in.sin_port = htons(port);
	memcpy(&out->storage, &in, sizeof(in));
	out->len = sizeof(in);
	return true;
}

bool
addr_set_unix(const char *path, struct addr *out)
{
	size_t len = strlen(path);
	bool is_abstract = path[0] == '@';

	memset(out, 0, sizeof(*out));
	if (len == 0 || len >= sizeof(out->un.sun_path))
		return false;
	out->un.sun_family = AF_UNIX;
	memcpy(out->un.sun_path, path, len);
	if (is_abstract)
		out->un.sun_path[0] = '\0';
	/* An abstract name is all of its bytes; a path ends with a NUL. */
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
			       (is_abstract ? 0 : 1));
	return true;
}

bool
addr_is_unix(const struct addr *a)
{
	return a->sa.sa_family == AF_UNIX;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return a->len == b->len &&
	       memcmp(&a->storage, &b->storage, a->len) == 0;
}

void
addr_set_port(struct addr *a, uint16_t port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->sa.sa_family == AF_INET) {
		memcpy(&in, &a->storage, sizeof(in));
		in.sin_port = htons(port);
		memcpy(&a->storage, &in, sizeof(in));
	} else if (a->sa.sa_family == AF_INET6) {
		memcpy(&in6, &a->storage, sizeof(in6));
		in6.sin6_port = htons(port);
		memcpy(&a->storage, &in6, sizeof(in6));
	}
}

const char *
addr_host(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	size_t n;

	switch (a->sa.sa_family) {
	case AF_INET:
		memcpy(&in, &a->storage, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, out, ADDR_TEXT_MAX);
		break;
	case AF_INET6:
		memcpy(&in6, &a->storage, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, out, ADDR_TEXT_MAX);
		n = strlen(out);
		if (in6.sin6_scope_id != 0)
			text_format(out + n, ADDR_TEXT_MAX - n, "%%%u",
				    in6.sin6_scope_id);
		break;
	case AF_UNIX:
		text_copy(out, ADDR_TEXT_MAX, "unix");
		break;
	default:
		text_copy(out, ADDR_TEXT_MAX, "unknown");
		break;
	}
	return out;
}

uint16_t
addr_port(const struct addr *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->sa.sa_family == AF_INET) {
		memcpy(&in, &a->storage, sizeof(in));
		return ntohs(in.sin_port);
	}
	if (a->sa.sa_family == AF_INET6) {
		memcpy(&in6, &a->storage, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	return 0;
}

bool
addr_of_peer(int fd, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	out->len = sizeof(out->storage);
	return getpeername(fd, &out->sa, &out->len) == 0;
}

bool
addr_of_self(int fd, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	out->len = sizeof(out->storage);
	return getsockname(fd, &out->sa, &out->len) == 0;
}

int64_t
addr_peer_uid(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return -1;
	return (int64_t)cred.uid;
}
