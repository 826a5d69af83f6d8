/*
 * Counts of changes, by a hash of where a database is.
 */
#include "core/changes.h"

#include <string.h>

#include "base/map.h"

void
changes_init(struct changes *c, uint64_t seed)
{
	memset(c->key, 0, sizeof(c->key));
	memcpy(c->key, &seed, sizeof(seed));
	for (unsigned i = 0; i < CHANGES_COUNT; i++)
		atomic_init(&c->counts[i], 0);
}

/* The order of what is added counts. */
static uint64_t
add(const struct changes *c, uint64_t hash, const void *data, size_t len)
{
	return hash * 31 + map_siphash(c->key, data, len);
}

_Atomic uint64_t *
changes_of(struct changes *c, const struct config_database *db,
	   const char *name)
{
	const char *dbname = db->dbname != NULL ? db->dbname : name;
	uint64_t hash = add(c, 0, dbname, strlen(dbname));

	for (size_t i = 0; i < db->host_count; i++) {
		const struct config_host *host = &db->hosts[i];

		hash = add(c, hash, host->name, strlen(host->name));
		hash = add(c, hash, &host->port, sizeof(host->port));
	}
	return &c->counts[hash % CHANGES_COUNT];
}
