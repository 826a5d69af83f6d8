/*
 * Changes to what statements mean: tables, views, functions and what else their
 * texts name.
 *
 * A statement that was loaded before a change still means what it meant then,
 * or fails; who prepares it behind the change is to get what its text means
 * now.  So changes are counted, for all servers of a database, and a name needs
 * a load that is not older than itself.  What is behind whoever prepares must
 * have been counted: it is, before the answer that tells of it goes out.  In
 * doubt it is counted once more, for that costs a Parse, while one that is
 * missed costs an error.  Runs on the worker that owns the server.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_back.h"
#include "sql/classify.h"

uint64_t
pg_change_now(const struct pg_back *b)
{
	return b->changes != NULL ? atomic_load(b->changes) : 0;
}

void
pg_change_count(struct pg_back *b)
{
	if (b->changes != NULL)
		(void)atomic_fetch_add(b->changes, 1);
}

static bool
begins_with(const char *tag, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(tag, words[i], strlen(words[i])) == 0)
			return true;
	}
	return false;
}

/* Objects that no statement names, or that change nothing of its meaning. */
static bool
is_quiet(const char *object)
{
	static const char *const objects[] = {
		"ACCESS METHOD", "DATABASE",     "DEFAULT",    "EVENT TRIGGER",
		"INDEX",         "LARGE OBJECT", "POLICY",     "PUBLICATION",
		"ROLE",          "SERVER",       "STATISTICS", "SUBSCRIPTION",
		"SYSTEM",        "TABLESPACE",   "TRIGGER",    "USER MAPPING",
	};

	return begins_with(object, objects, COUNT_OF(objects));
}

/* Objects that may be the session's own, and last as long as it. */
static bool
is_temporary(const struct pg_back *b, const char *object)
{
	static const char *const objects[] = { "TABLE", "VIEW", "SEQUENCE" };

	return (b->dirt & CLASSIFY_TEMP ||
		b->view.pins & 1u << STATE_TEMP_TABLE) &&
	       begins_with(object, objects, COUNT_OF(objects));
}

static enum pg_reach
reach_of(const struct pg_back *b, const char *tag)
{
	static const char *const verbs[] = { "ALTER ", "CREATE ", "DROP " };
	const char *object = strchr(tag, ' ');

	/* Code that may do anything, as migrations have it. */
	if (strcmp(tag, "DO") == 0)
		return REACH_DATABASE;
	if (strcmp(tag, "DISCARD TEMP") == 0)
		return REACH_SERVER;
	if (!begins_with(tag, verbs, COUNT_OF(verbs)) || is_quiet(object + 1))
		return REACH_NOTHING;
	/* Where it was not, an error will tell. */
	if (tag[0] != 'A' && is_temporary(b, object + 1))
		return REACH_SERVER;
	return REACH_DATABASE;
}

static void
tell(struct pg_back *b, enum pg_reach change)
{
	if (change == REACH_SERVER)
		pg_loads_outdate(&b->loads);
	else if (change == REACH_DATABASE)
		pg_change_count(b);
}

void
pg_change_tag(struct pg_back *b, const char *tag)
{
	enum pg_reach change;

	if (strchr("ACDR", tag[0]) == NULL)
		return;
	/* Also a ROLLBACK TO, and whether or not the transaction goes on: what
	 * was loaded within it may be of what is not there any more. */
	if (strcmp(tag, "COMMIT") == 0 || strcmp(tag, "ROLLBACK") == 0) {
		tell(b, b->changed);
		return;
	}
	change = reach_of(b, tag);
	tell(b, change);
	if (b->changed < change)
		b->changed = change;
}

void
pg_change_end(struct pg_back *b)
{
	/* A temporary table's tag may be that of the SELECT that fills it. */
	if (b->changed == REACH_NOTHING && b->dirt & CLASSIFY_TEMP)
		b->changed = REACH_SERVER;
	tell(b, b->changed);
	b->changed = REACH_NOTHING;
}
