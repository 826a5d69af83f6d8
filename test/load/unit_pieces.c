/*
 * What the makers of units are made of; see unit_pieces.h.
 */
#include "unit_pieces.h"

#include <string.h>

struct want *
want(struct unit *u, char type, enum rule rule, uint32_t tag, const char *text)
{
	struct want *x = &u->wants[u->want_count];

	if (u->want_count + 1 < WANTS_MAX)
		u->want_count++;
	else
		u->is_full = true;
	*x = (struct want){
		.type = type,
		.rule = (uint8_t)rule,
		.tag = tag,
		.count = 1,
		.text = text,
		.is_answer = strchr("CEsV", type) != NULL,
	};
	return x;
}

void
want_types(struct unit *u, const char *types)
{
	for (; *types != '\0'; types++)
		want(u, *types, RULE_TYPE, 0, NULL);
}

void
want_many(struct unit *u, char type, enum rule rule, uint32_t tag, uint32_t n)
{
	want(u, type, rule, tag, NULL)->count = n;
}

void
want_done(struct unit *u, const char *text)
{
	want(u, 'C', RULE_TEXT, 0, text);
}

void
want_done_count(struct unit *u, const char *text, uint32_t n)
{
	want(u, 'C', RULE_COUNT, 0, text)->count = n;
}

void
want_ready(struct unit *u, const char *status)
{
	want(u, 'Z', RULE_TEXT, 0, status);
}

uint32_t
new_tag(struct unit *u, char text[TAG_BYTES])
{
	u->self->tag++;
	tag_text(text, u->self->id, u->self->tag);
	return u->self->tag;
}

/* All that was added since the last one is a step. */
struct step *
end_step(struct unit *u)
{
	struct step *s = &u->steps[u->step_count];

	if (u->step_count + 1 < STEPS_MAX)
		u->step_count++;
	else
		u->is_full = true;
	*s = (struct step){ .bytes = u->out.len, .wants = u->want_count };
	return s;
}

void
end_open_step(struct unit *u)
{
	end_step(u)->leaves = LEAVES_GROUP;
}

void
ask_bind(struct unit *u, const char *value)
{
	wire_bind(&u->out, "", value);
	want_types(u, "2");
}

void
ask_sync(struct unit *u, const char *status)
{
	wire_plain(&u->out, 'S');
	want_ready(u, status);
}
