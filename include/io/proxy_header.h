/*
 * The header of the PROXY protocol, versions 1 and 2: what a proxy in front
 * says of whom it speaks for.  Pure; any thread.
 *
 * "The PROXY protocol", versions 1 & 2 (HAProxy's proxy-protocol.txt).
 */
#ifndef CARPOOL_IO_PROXY_HEADER_H
#define CARPOOL_IO_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/addr.h"

/* Longer ones are refused; a version 1 has 107 bytes at most. */
#define PROXY_HEADER_MAX 2048u

enum proxy_result {
	PROXY_MORE, /* so far it may be one */
	PROXY_NONE, /* this is no header */
	PROXY_BAD,  /* it begins as one, and is wrong */
	PROXY_READ,
};

struct proxy_header {
	size_t used;     /* bytes of it */
	bool has_source; /* else the proxy speaks for itself, or for somebody
			  * whom it does not name */
	struct addr source;
};

/* Reads the header at the beginning of len bytes; *h is set where READ. */
enum proxy_result proxy_header_read(const uint8_t *data, size_t len,
				    struct proxy_header *h);

#endif
