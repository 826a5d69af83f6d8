/*
 * Socket addresses as values.  Any thread.
 */
#ifndef CARPOOL_IO_ADDR_H
#define CARPOOL_IO_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
		struct sockaddr_un un;
	};
};

#define ADDR_TEXT_MAX 128

/* Parses a numeric IPv4 or IPv6 address; false when it is a name. */
bool addr_parse_ip(const char *text, uint16_t port, struct addr *out);
/* A unix address of a path, or "@name" for the abstract space; false when it
 * does not fit. */
bool addr_set_unix(const char *path, struct addr *out);
bool addr_is_unix(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* Sets the port of an IPv4 or IPv6 address. */
void addr_set_port(struct addr *a, uint16_t port);
/* The host part as text ("127.0.0.1", "unix"); returns out. */
const char *addr_host(const struct addr *a, char out[ADDR_TEXT_MAX]);
/* The port, 0 for unix sockets. */
uint16_t addr_port(const struct addr *a);
/* The addresses of both ends of a socket; false on failure. */
bool addr_of_peer(int fd, struct addr *out);
bool addr_of_self(int fd, struct addr *out);
/* The user id at the other end of a unix socket; -1 when it is not known. */
int64_t addr_peer_uid(int fd);

#endif
