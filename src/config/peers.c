/*
 * The entries of [peers]: checked as PgBouncer checks them, and then left,
 * since this version has no peering.  Runs on the thread that builds.
 */
#include "base/mem.h"
#include "config/build.h"

#define AT(member) offsetof(struct peer_draft, member)

struct peer_draft {
	const char *host;
	uint32_t port;
	uint32_t pool_size;
};

static const struct entry_key peer_keys[] = {
	{ "host", &type_text, AT(host) },
	{ "port", &type_number, AT(port), UINT16_MAX },
	{ "pool_size", &type_number, AT(pool_size), INT32_MAX,
	  UNSET_MINUS_ONE },
};

static void
take_entry(struct build *b, const struct ini_entry *ini)
{
	struct peer_draft draft = { .host = "" };
	struct entry e = {
		.kind = "peer",
		.name = ini->key,
		.at = ini->at,
		.keys = peer_keys,
		.key_count = COUNT_OF(peer_keys),
		.draft = &draft,
	};
	uint64_t number;

	if (!text_to_u64(ini->key, 10, &number) || number < 1 ||
	    number > UINT16_MAX)
		report_error(b->report, ini->at,
			     "peer \"%.60s\": its name is no number from 1 to "
			     "65535",
			     ini->key);
	entry_read(&e, ini->value, &b->ini.pile, b->report);
	if (!entry_has(&e, "host"))
		report_error(b->report, ini->at, "peer \"%.60s\": has no host",
			     ini->key);
}

void
build_peers(struct build *b)
{
	const struct ini_entry *e;
	bool is_said = false;
	size_t i;

	for (i = 0; i < b->ini.count; i++) {
		e = &b->ini.entries[i];
		if (e->section != section_peers)
			continue;
		if (!is_said)
			report_warning(b->report, e->at,
				       "[peers] has no effect in this version");
		is_said = true;
		take_entry(b, e);
	}
}
