/*
 * The settings that make sessions differ, as the console tells of them.
 * Changes nothing; runs on the worker that owns the connection.
 */
#include <string.h>

#include "base/hash.h"
#include "pg_back.h"
#include "pg_front.h"

/* Of a connection; borrowed. */
struct settings {
	const struct pg_params *params; /* as servers report them */
	const struct pg_params *own;    /* what a client set besides */
};

static struct settings
settings_of(const struct state_view *view)
{
	const struct pg_front *f = view->self;
	const struct pg_back *b = view->self;

	if (view->is_client)
		return (struct settings){ f->params, f->own };
	return (struct settings){ b->params, b->own };
}

/* Names with a dot are the clients' own, and so is what they mean. */
static void
words(const struct state_view *view, struct str *out)
{
	struct settings s = settings_of(view);
	struct pg_param at = { 0 }, own = { 0 };

	while (pg_params_next(s.params, &at))
		if (pg_is_tracked(at.name, view->policy) &&
		    pg_params_find(s.own, at.name) == NULL)
			state_word(out, at.name, at.value);
	while (pg_params_next(s.own, &own))
		state_word(out, own.name,
			   strchr(own.name, '.') != NULL ? NULL : own.value);
}

/* In whatever order the settings stand. */
static uint64_t
hash_of(const struct pg_param *at)
{
	uint64_t h = HASH_START;

	for (const char *c = at->name; *c != '\0'; c++)
		h = hash_byte(h, (uint8_t)text_lower(*c));
	h = hash_byte(h, 0);
	return hash_bytes(h, at->value, strlen(at->value));
}

static void
look(struct state_view *view)
{
	struct settings s = settings_of(view);
	struct pg_param at = { 0 }, own = { 0 };

	while (pg_params_next(s.params, &at))
		if (pg_is_tracked(at.name, view->policy) &&
		    pg_params_find(s.own, at.name) == NULL)
			view->id += hash_of(&at);
	while (pg_params_next(s.own, &own))
		view->id += hash_of(&own);
	view->words = words;
}

void
pg_front_state(const void *front, struct state_view *view)
{
	view->self = front;
	view->is_client = true;
	look(view);
}

void
pg_back_state(const void *back, struct state_view *view)
{
	view->self = back;
	view->is_client = false;
	look(view);
}
