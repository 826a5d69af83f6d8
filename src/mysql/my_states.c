/*
 * What makes sessions differ, as the console tells of it.  Changes nothing;
 * runs on the worker that owns the connection.
 */
#include <string.h>

#include "base/hash.h"
#include "my_back.h"
#include "my_front.h"

static void
put_schema(const struct my_session *s, struct str *out)
{
	struct my_session login = { .base = s->base };
	const char *usual = my_session_schema(&login);
	const char *schema = my_session_schema(s);

	if (schema == NULL && usual != NULL)
		state_word(out, "schema", NULL);
	else if (schema != NULL &&
		 (usual == NULL || strcmp(schema, usual) != 0))
		state_word(out, "schema", schema);
}

/* A user variable's value is the client's own business. */
static void
words(const struct state_view *view, struct str *out)
{
	const struct my_session *s = view->self;
	struct my_setting at = { 0 };

	put_schema(s, out);
	while (my_state_next(s->own, &at))
		state_word(out, at.name, at.name[0] == '@' ? NULL : at.value);
}

static void
look(const struct my_session *s, struct state_view *view)
{
	uint64_t hashes[] = { s->own != NULL ? s->own->hash : 0,
			      s->base != NULL ? s->base->hash : 0 };

	view->id = hash_bytes(HASH_START, hashes, sizeof(hashes));
	view->words = words;
	view->self = s;
}

void
my_front_state(const void *front, struct state_view *view)
{
	const struct my_front *f = front;

	look(&f->session, view);
}

void
my_back_state(const void *back, struct state_view *view)
{
	const struct my_back *b = back;

	look(&b->session, view);
}
