/*
 * The hash map: open addressing with linear probing over a table of a power of
 * two, at most three quarters full; removal shifts the run back, so there are
 * no tombstones.  Keys are copied and hashed by SipHash-2-4 under a random
 * seed, so strangers cannot choose names that collide.
 *
 * Owns its table and the keys; runs on the thread that owns the map.
 */
#include "base/map.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"

struct entry {
	uint64_t hash;
	char *key; /* owns; never NULL in a used entry */
	size_t len;
	void *value; /* borrows; NULL = the entry is free */
};

struct map {
	struct entry *table; /* owns; NULL while nothing was ever put */
	size_t size;         /* entries in the table: 0 or a power of two */
	size_t count;
	uint8_t seed[16];
};

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static uint64_t
read_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	if (n == sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		return le64toh(v);
	}
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void
sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t
map_siphash(const uint8_t key[16], const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t k0 = read_le(key, 8), k1 = read_le(key + 8, 8), word;
	uint64_t v[4] = {
		k0 ^ UINT64_C(0x736f6d6570736575),
		k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261),
		k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8) {
		word = read_le(p, 8);
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
	}
	word = (uint64_t)len << 56 | read_le(p, left);
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *
map_new(void)
{
	struct map *m = mem_zalloc(sizeof(*m));

	if (m == NULL)
		return NULL;
	if (getrandom(m->seed, sizeof(m->seed), 0) != sizeof(m->seed)) {
		/* A kernel without getrandom: unknown from afar is enough. */
		uint64_t bits[2] = { clock_wall(), (uintptr_t)m };

		memcpy(m->seed, bits, sizeof(m->seed));
	}
	return m;
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->size; i++)
		mem_free(m->table[i].key);
	mem_free(m->table);
	mem_free(m);
}

/*
 * The entry that holds the key, or the free one where it would go.  The table
 * is never full, so the walk ends.
 */
static struct entry *
locate(const struct map *m, uint64_t hash, const void *key, size_t len)
{
	size_t i = hash & (m->size - 1);

	for (;; i = (i + 1) & (m->size - 1)) {
		struct entry *e = &m->table[i];

		if (e->value == NULL)
			return e;
		if (e->hash == hash && e->len == len &&
		    (len == 0 || memcmp(e->key, key, len) == 0))
			return e;
	}
}

/* Makes room for one more key; false when memory is out. */
static bool
make_room(struct map *m)
{
	struct map bigger = *m;

	if (m->size > 0 && (m->count + 1) * 4 <= m->size * 3)
		return true;
	bigger.size = m->size > 0 ? m->size * 2 : 8;
	bigger.table = mem_zalloc(bigger.size * sizeof(*bigger.table));
	if (bigger.table == NULL)
		return false;
	for (size_t i = 0; i < m->size; i++) {
		const struct entry *e = &m->table[i];

		if (e->value != NULL)
			*locate(&bigger, e->hash, e->key, e->len) = *e;
	}
	mem_free(m->table);
	*m = bigger;
	return true;
}

void *
map_find(const struct map *m, const void *key, size_t len)
{
	if (m->count == 0)
		return NULL;
	return locate(m, map_siphash(m->seed, key, len), key, len)->value;
}

bool
map_put(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = map_siphash(m->seed, key, len);
	struct entry *e;
	char *copy;

	ASSERT(value != NULL);
	if (m->size > 0) {
		e = locate(m, hash, key, len);
		if (e->value != NULL) {
			e->value = value;
			return true;
		}
	}
	copy = mem_strndup(key, len);
	if (copy == NULL)
		return false;
	if (!make_room(m)) {
		mem_free(copy);
		return false;
	}
	e = locate(m, hash, key, len);
	*e = (struct entry){ hash, copy, len, value };
	m->count++;
	return true;
}

/*
 * Closes the gap at index hole: every later entry of the run whose home is not
 * between the hole and itself moves into the hole.
 */
static void
close_gap(struct map *m, size_t hole)
{
	size_t mask = m->size - 1;

	for (size_t i = (hole + 1) & mask; m->table[i].value != NULL;
	     i = (i + 1) & mask) {
		size_t home = m->table[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->table[hole] = m->table[i];
			hole = i;
		}
	}
	m->table[hole] = (struct entry){ 0 };
}

void *
map_remove(struct map *m, const void *key, size_t len)
{
	struct entry *e;
	void *value;

	if (m->count == 0)
		return NULL;
	e = locate(m, map_siphash(m->seed, key, len), key, len);
	value = e->value;
	if (value == NULL)
		return NULL;
	mem_free(e->key);
	m->count--;
	close_gap(m, (size_t)(e - m->table));
	return value;
}

size_t
map_count(const struct map *m)
{
	return m->count;
}

void *
map_next(const struct map *m, size_t *cursor, const void **key, size_t *len)
{
	while (*cursor < m->size) {
		const struct entry *e = &m->table[(*cursor)++];

		if (e->value == NULL)
			continue;
		if (key != NULL)
			*key = e->key;
		if (len != NULL)
			*len = e->len;
		return e->value;
	}
	return NULL;
}
