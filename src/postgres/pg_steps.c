/*
 * The steps of a simple Query: sent, committed one by one, taken back.
 */
#include "pg_steps.h"

#include <string.h>

#include "base/mem.h"

struct pg_steps *
pg_steps_new(size_t count)
{
	struct pg_steps *t = mem_zalloc(sizeof(*t) + count * sizeof(*t->list));

	if (t == NULL)
		return NULL;
	t->count = (uint16_t)count;
	for (size_t i = 0; i < count; i++)
		t->list[i].maker = -1;
	return t;
}

static void
release_name(struct pg_back *b, struct pg_step *s)
{
	if (s->name == NULL)
		return;
	if (b->names != NULL)
		pg_names_tidy(b->names, s->name);
	pg_name_unref(s->name);
	s->name = NULL;
}

void
pg_steps_free(struct pg_back *b, struct pg_steps *t)
{
	for (size_t i = 0; i < t->count; i++) {
		release_name(b, &t->list[i]);
		statement_unref(t->list[i].statement);
	}
	mem_free(t);
}

const struct pg_step *
pg_steps_before(const struct pg_steps *t, size_t i, const struct pg_name *name)
{
	while (i-- > 0) {
		const struct pg_step *s = &t->list[i];

		if (s->is_change && (s->name == name || s->name == NULL))
			return s;
	}
	return NULL;
}

/* Does it change the one name, and is there still a client to have it? */
static bool
has_slot(const struct pg_step *s)
{
	return s->is_change && s->name != NULL;
}

/* What the name has after it. */
static struct statement *
value_of(const struct pg_step *s)
{
	return s->kind == PREPARED_PREPARE ? s->statement : NULL;
}

void
pg_steps_send(struct pg_back *b, const struct pg_steps *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct pg_step *s = &t->list[i];

		if (has_slot(s))
			pg_slot_send(&s->name->slot, value_of(s), b->group);
		b->is_clearing |= s->kind == PREPARED_DEALLOCATE_ALL;
	}
}

/* ---- what came to pass ---- */

static void
commit(struct pg_back *b, struct pg_step *s)
{
	if (has_slot(s) && s->kind == PREPARED_PREPARE)
		pg_name_begin(s->name, s->load->changes);
	if (has_slot(s))
		pg_slot_commit(&s->name->slot, value_of(s));
	if (s->load == NULL)
		return;
	if (s->kind == PREPARED_DEALLOCATE)
		pg_loads_remove(&b->loads, s->load);
	else
		pg_loads_set(&b->loads, s->load,
			     s->is_brief ? LOAD_CLOSING : LOAD_DONE);
	s->load = NULL;
}

static const char *
tag_of(const struct pg_step *s)
{
	return s->kind == PREPARED_PREPARE      ? "PREPARE"
	       : s->kind == PREPARED_DEALLOCATE ? "DEALLOCATE"
						: "DEALLOCATE ALL";
}

bool
pg_steps_take(struct pg_back *b, struct pg_steps *t, const char *tag)
{
	size_t i = t->next;

	while (i < t->count && !t->list[i].is_change)
		i++;
	if (i == t->count || strcmp(tag, tag_of(&t->list[i])) != 0)
		return false;
	commit(b, &t->list[i]);
	t->next = (uint16_t)(i + 1);
	return true;
}

/* ---- what did not ---- */

/* The server never made it, so no step behind can take it away. */
static void
drop_load(struct pg_back *b, struct pg_steps *t, size_t i)
{
	struct pg_load *l = t->list[i].load;

	for (size_t k = i; k < t->count; k++) {
		if (t->list[k].load == l)
			t->list[k].load = NULL;
	}
	pg_loads_remove(&b->loads, l);
}

static void
drop(struct pg_back *b, struct pg_steps *t, size_t i)
{
	struct pg_step *s = &t->list[i];

	if (has_slot(s))
		pg_slot_drop(&s->name->slot);
	if (s->load == NULL)
		return;
	if (s->kind == PREPARED_DEALLOCATE)
		pg_loads_keep(&b->loads, s->load);
	else
		drop_load(b, t, i);
}

void
pg_steps_end(struct pg_back *b, struct pg_steps *t)
{
	for (size_t i = t->next; i < t->count; i++)
		drop(b, t, i);
	for (size_t i = 0; i < t->count; i++) {
		if (t->list[i].kind == PREPARED_DEALLOCATE_ALL)
			b->is_clearing = false;
	}
	pg_steps_free(b, t);
}

void
pg_steps_forget(struct pg_back *b, struct pg_steps *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct pg_step *s = &t->list[i];

		if (i >= t->next && has_slot(s))
			pg_slot_drop(&s->name->slot);
		release_name(b, s);
	}
}

/* ---- errors ---- */

static bool
is_own(const struct pg_step *s, const char *own, size_t len)
{
	return strlen(s->own) == len && memcmp(s->own, own, len) == 0;
}

/* Two names may stand for one load: the one that was not completed. */
const char *
pg_steps_name(const struct pg_steps *t, unsigned done, const char *own,
	      size_t len)
{
	const char *found = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct pg_step *s = &t->list[i];

		if (s->name != NULL && is_own(s, own, len) &&
		    (found == NULL || s->ordinal <= done + 1))
			found = s->name->text;
	}
	return found;
}

uint32_t
pg_steps_place(const struct pg_steps *t, uint32_t place)
{
	int64_t grown = 0, at = place;

	for (size_t i = 0; i < t->count; i++) {
		const struct pg_step *s = &t->list[i];

		/* From 1 on, so one at the name's start is not behind it. */
		if (at <= (int64_t)s->at + grown + 1)
			break;
		grown += s->growth;
	}
	return (uint32_t)(at - grown);
}

bool
pg_steps_spoil(struct pg_back *b, const struct pg_steps *t, const char *own,
	       size_t len)
{
	bool is_new = false;

	for (size_t i = 0; i < t->count; i++) {
		struct statement *s = t->list[i].statement;
		struct pg_load *l =
			s != NULL ? pg_loads_find(&b->loads, s) : NULL;

		if (l == NULL || t->list[i].is_change ||
		    (own != NULL && !is_own(&t->list[i], own, len)))
			continue;
		is_new |= l->changes >= pg_change_now(b);
		pg_loads_spoil(&b->loads, l);
	}
	return is_new;
}
