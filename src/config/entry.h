/*
 * Entries: what stands behind a name in [databases], [users] and [peers], as
 * keys with values, each kind of entry with its table of keys.
 */
#ifndef CARPOOL_CONFIG_ENTRY_H
#define CARPOOL_CONFIG_ENTRY_H

#include "config/pile.h"
#include "config/report.h"
#include "config/value.h"

/* Numbers that mean "as if the key were not there", as in PgBouncer. */
enum entry_unset {
	UNSET_NEVER,
	UNSET_MINUS_ONE,         /* -1 */
	UNSET_MINUS_ONE_AND_ZERO /* -1 and 0 */
};

struct entry_key {
	const char *name;
	const struct value_type *type;
	size_t at; /* offset in the draft */
	uint64_t max;
	enum entry_unset unset;
	enum support support;
	const char *alias; /* an older name, or NULL */
};

/* One entry and what was given for it. */
struct entry {
	const char *kind; /* "database", "user", "peer"; static */
	const char *name; /* borrows from the pile */
	struct place at;
	const struct entry_key *keys; /* borrows static */
	size_t key_count;             /* at most 64 */
	void *draft;                  /* borrows; the keys' values */
	uint64_t given;               /* bit i: keys[i] was given */
};

/*
 * Reads the `key=value` list in text into the entry's draft, whose members the
 * caller has set to "not given".  Texts go to pile, problems into report.
 */
void entry_read(struct entry *e, const char *text, struct pile *pile,
		struct config_report *report);

/*
 * Gives a key a value from elsewhere (a URL), which must live as long as the
 * entry; "" changes nothing.
 */
void entry_give(struct entry *e, const char *key, const char *value,
		struct config_report *report);

/* True where the key was given. */
bool entry_has(const struct entry *e, const char *key);

/*
 * Appends the given keys as a `key=value` list; secrets as SECRET_SHOWN.
 */
void entry_print(const struct entry *e, struct str *out);

/* Do both give the same keys the same values, secrets included? */
bool entry_is_equal(const struct entry *a, const struct entry *b);

/* Appends a name as it must be written before '=', in quotes where needed. */
void entry_print_name(const char *name, struct str *out);

#endif
