/*
 * What a statement's completion tag tells of the state that it left behind or
 * took away.  Runs on the worker that owns the server.
 */
#include <string.h>

#include "pg_back.h"
#include "pg_listen.h"
#include "pg_steps.h"
#include "sql/classify.h"

/* Tags of statements that leave something behind. */
static unsigned
tag_dirt(const struct pg_back *b, const char *tag)
{
	if (strcmp(tag, "SET") == 0)
		return b->dirt & CLASSIFY_SET ? 0 : CLASSIFY_SET_OTHER;
	if (strcmp(tag, "PREPARE") == 0)
		return CLASSIFY_PREPARE;
	if (strcmp(tag, "LISTEN") == 0)
		return CLASSIFY_LISTEN;
	if (strcmp(tag, "DECLARE CURSOR") == 0)
		return b->dirt & CLASSIFY_CURSOR ? 0 : CLASSIFY_DECLARE;
	if (strcmp(tag, "LOAD") == 0)
		return CLASSIFY_LOADED;
	return 0;
}

/* More than the one SET ran: what it left must be asked in full. */
static void
note_tag(struct pg_back *b, const char *tag)
{
	if (tag == NULL || strcmp(tag, "SET") != 0 || ++b->named_tags > 1)
		b->named[0] = '\0';
}

static void
forget_names(struct pg_back *b, bool is_client)
{
	if (is_client && b->names != NULL)
		pg_names_clear(b->names);
}

/* Everything is gone, but what the client sent after it may be there again. */
static bool
take_discard(struct pg_back *b, uint32_t behind, bool is_client)
{
	if (is_client && behind == b->owed.kinds[OWED_SYNC]) {
		b->dirt = b->soiled = 0;
		b->is_unsure = false;
		b->view.pins &= 1u << STATE_LOAD;
	}
	b->was_reset |= is_client;
	forget_names(b, is_client);
	pg_statements_lost(b);
	return pg_settings_restored(b, RESTORED_ALL);
}

/* Does it begin like one of those that mean something here?  Most do not. */
static bool
may_matter(const char *tag)
{
	switch (tag[0]) {
	case 'S':
		return strncmp(tag, "SELECT", 6) != 0;
	case 'D':
	case 'L':
	case 'N':
	case 'P':
	case 'R':
	case 'U':
		return true;
	default:
		return false;
	}
}

bool
pg_tag_take(struct pg_back *b, const char *tag, uint32_t at)
{
	struct pg_owed *e = pg_owed_at(&b->owed, at);
	bool is_client = e->action != OWED_HIDE;

	e->done++;
	if (e->task == TASK_SETTINGS || e->task == TASK_ASK)
		return true;
	if (b->named[0] != '\0')
		note_tag(b, tag);
	if (tag == NULL) {
		b->dirt |= CLASSIFY_LOST;
		return true;
	}
	pg_change_tag(b, tag);
	if (!may_matter(tag))
		return true;
	if (is_client && !pg_listen_tag(b, tag))
		return false;
	/* A statement of carpool's own name is known, and stays. */
	if (!e->has_load && !(e->has_steps && pg_steps_take(b, e->steps, tag)))
		b->dirt |= tag_dirt(b, tag);
	if (strcmp(tag, "DISCARD ALL") == 0)
		return take_discard(b, b->owed.count - at - 1, is_client);
	if (strcmp(tag, "DEALLOCATE ALL") == 0) {
		forget_names(b, is_client);
		pg_statements_lost(b);
	}
	if (strcmp(tag, "RESET") == 0) {
		b->was_reset |= is_client;
		return !b->is_restoring ||
		       pg_settings_restored(b, RESTORED_PLAIN);
	}
	return true;
}
