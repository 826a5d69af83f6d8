/*
 * FNV-1a, 64 bits: a quick hash that goes on from any number of pieces.  It is
 * not keyed: where strangers could aim at one bucket of others, base/map.h.
 */
#ifndef CARPOOL_BASE_HASH_H
#define CARPOOL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t
hash_byte(uint64_t h, uint8_t byte)
{
	return (h ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint64_t
hash_bytes(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = hash_byte(h, p[i]);
	return h;
}

/* For tables of less than 2^32 buckets. */
static inline uint32_t
hash_fold(uint64_t h)
{
	return (uint32_t)(h ^ h >> 32);
}

#endif
