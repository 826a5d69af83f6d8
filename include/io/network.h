/*
 * Networks as values: which addresses belong to them.  Any thread.
 *
 * RFC 4632 (CIDR), RFC 4291, 2.3; the form with a mask is that of
 * pg_hba.conf (PostgreSQL manual, "The pg_hba.conf File").
 */
#ifndef CARPOOL_IO_NETWORK_H
#define CARPOOL_IO_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/addr.h"

struct network {
	sa_family_t family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];  /* 4 or 16 that count, no bit outside of mask */
	uint8_t mask[16];
};

/*
 * Reads "10.0.0.0/8", "fd00::/8", or an address alone, which is a network of
 * one.  False, with *out undefined, for anything else; bits behind the prefix
 * are dropped.
 */
bool network_parse(const char *text, struct network *out);

/* The same from an address and a mask that is one, too ("255.0.0.0"); any bits
 * may stand in a mask. */
bool network_parse_masked(const char *address, const char *mask,
			  struct network *out);

/* The network of one of this machine's own addresses: prefix as its mask says;
 * false where either is neither IPv4 nor IPv6. */
bool network_of(const struct sockaddr *address, const struct sockaddr *mask,
		struct network *out);

/* The network of this address alone; false as above. */
bool network_host(const struct sockaddr *address, struct network *out);

/* Is the address in it?  IPv4 in IPv6 (::ffff:10.0.0.1) counts as IPv4; a unix
 * socket is in none. */
bool network_has(const struct network *n, const struct addr *a);

#endif
