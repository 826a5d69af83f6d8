/*
 * Headers of the PROXY protocol: what is not whole stays MORE until it is, or
 * turns out bad, and what follows a header changes nothing of it.
 */
#include <string.h>

#include "base/mem.h"
#include "fuzz_main.h"
#include "io/proxy_header.h"

static void
fuzz_one(const uint8_t *data, size_t size)
{
	struct proxy_header whole, part;
	enum proxy_result result = proxy_header_read(data, size, &whole);

	if (result == PROXY_READ)
		ASSERT(whole.used > 0 && whole.used <= size &&
		       whole.used <= PROXY_HEADER_MAX);
	for (size_t n = 0; n < size && n < 300; n++) {
		enum proxy_result early = proxy_header_read(data, n, &part);

		/* Said once, it stays so. */
		if (early == PROXY_MORE)
			continue;
		ASSERT(early == result);
		if (early == PROXY_READ)
			ASSERT(part.used == whole.used &&
			       part.has_source == whole.has_source &&
			       memcmp(&part.source, &whole.source,
				      sizeof(part.source)) == 0);
	}
}
