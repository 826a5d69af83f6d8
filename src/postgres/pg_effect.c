/*
 * The changes that entries carry, carried out.
 */
#include "pg_effect.h"

#include <string.h>

#include "base/mem.h"
#include "pg_front.h"
#include "pg_steps.h"

/* What the entry's slots get. */
static struct statement *
value_of(const struct pg_owed *e)
{
	return e->has_load ? e->load->statement : e->statement;
}

/* A simple Query drops the unnamed statement, whatever else it does. */
static struct statement *
unnamed_of(const struct pg_owed *e)
{
	return e->kind == OWED_PARSE ? value_of(e) : NULL;
}

void
pg_effect_send(struct pg_back *b, const struct pg_owed *e)
{
	if (e->is_change)
		pg_slot_send(&e->name->slot, value_of(e), b->group);
	if (e->has_steps)
		pg_steps_send(b, e->steps);
	if (!e->is_unnamed)
		return;
	pg_slot_send(&b->unnamed, unnamed_of(e), b->group);
	b->unnamed_parsed = pg_change_now(b);
}

static void
release(struct pg_back *b, struct pg_owed *e)
{
	if (e->is_clear)
		b->is_clearing = false;
	if (e->has_steps)
		pg_steps_end(b, e->steps);
	else if (!e->has_load)
		statement_unref(e->statement);
	e->statement = NULL;
	e->has_load = e->has_steps = false;
	if (e->name == NULL)
		return;
	if (b->names != NULL)
		pg_names_tidy(b->names, e->name);
	pg_name_unref(e->name);
	e->name = NULL;
}

void
pg_effect_done(struct pg_back *b, struct pg_owed *e)
{
	if (e->is_change)
		pg_slot_commit(&e->name->slot, value_of(e));
	if (e->is_clear && b->names != NULL)
		pg_names_clear(b->names);
	if (e->is_unnamed)
		pg_slot_commit(&b->unnamed, unnamed_of(e));
	if (e->has_load && e->kind == OWED_CLOSE)
		pg_loads_remove(&b->loads, e->load);
	else if (e->has_load)
		pg_loads_set(&b->loads, e->load, LOAD_DONE);
	release(b, e);
}

/* What was to be loaded is not, and what was to be closed is as it was. */
static void
forget_load(struct pg_back *b, const struct pg_owed *e)
{
	if (!e->has_load)
		return;
	if (e->kind == OWED_CLOSE)
		pg_loads_keep(&b->loads, e->load);
	else
		pg_loads_remove(&b->loads, e->load);
}

/* The server drops its unnamed statement before it reads a new one. */
void
pg_effect_failed(struct pg_back *b, struct pg_owed *e)
{
	if (e->is_change && e->is_unnamed)
		pg_slot_commit(&e->name->slot, NULL);
	else if (e->is_change)
		pg_slot_drop(&e->name->slot);
	if (e->is_unnamed)
		pg_slot_commit(&b->unnamed, NULL);
	forget_load(b, e);
	release(b, e);
}

void
pg_effect_dropped(void *owner, struct pg_owed *e)
{
	struct pg_back *b = owner;

	if (e->is_change)
		pg_slot_drop(&e->name->slot);
	if (e->is_unnamed) {
		pg_slot_drop(&b->unnamed);
		/* Of an older one nobody knows it. */
		if (b->unnamed.pending == 0)
			b->unnamed_parsed = 0;
	}
	forget_load(b, e);
	release(b, e);
}

void
pg_effect_described(struct pg_back *b, const struct pg_owed *e, uint64_t hash,
		    usec_t now)
{
	struct pg_shape shape = { .hash = hash, .at = now };
	struct pg_load *l = pg_loads_find(&b->loads, e->statement);
	struct statement *s =
		e->name != NULL ? pg_slot_now(&e->name->slot) : NULL;

	/* One that is still on its way is not what was described. */
	if (l != NULL && l->state == LOAD_DONE)
		l->shape = shape;
	/* The name may stand for another by now. */
	if (e->action == OWED_FORWARD && s != NULL &&
	    statement_is_equal(s, e->statement))
		e->name->shape = shape;
}

void
pg_effect_forget_names(struct pg_back *b)
{
	for (uint32_t i = 0; i < b->owed.count; i++) {
		struct pg_owed *e = pg_owed_at(&b->owed, i);

		if (e->is_change)
			pg_slot_drop(&e->name->slot);
		e->is_change = false;
		if (e->has_steps)
			pg_steps_forget(b, e->steps);
		if (e->name == NULL)
			continue;
		if (b->names != NULL)
			pg_names_tidy(b->names, e->name);
		pg_name_unref(e->name);
		e->name = NULL;
	}
}

/* ---- errors ---- */

/* Where one of carpool's names stands in a text, quoted; its length. */
static const char *
find_own_name(const char *text, size_t *len)
{
	static const char start[] = "\"" PG_LOAD_PREFIX, run[] = PG_RUN_NAME;
	const char *at = text;

	while ((at = strstr(at, start)) != NULL) {
		const char *digits = at + sizeof(start) - 1;
		size_t n = strspn(digits, "0123456789");

		if (strncmp(at + 1, run, sizeof(run) - 1) == 0)
			n = sizeof(run) - sizeof(PG_LOAD_PREFIX);
		if (n > 0 && digits[n] == '"') {
			*len = sizeof(start) - 2 + n;
			return at + 1;
		}
		at = digits;
	}
	return NULL;
}

/* No load that the entry used is used again; own as in pg_steps_spoil. */
static bool
spoil(struct pg_back *b, const struct pg_owed *e, const char *own, size_t len)
{
	struct statement *s =
		e->name != NULL ? pg_slot_now(&e->name->slot) : NULL;
	struct pg_load *l = s != NULL ? pg_loads_find(&b->loads, s) : NULL;

	if (e->has_steps)
		return pg_steps_spoil(b, e->steps, own, len);
	if (l == NULL)
		return false;
	pg_loads_spoil(&b->loads, l);
	return l->changes >= pg_change_now(b);
}

/*
 * A changed table that makes a kept plan useless is told apart by the name of
 * the server's function, which no translation changes.
 */
void
pg_effect_judge_error(struct pg_back *b, const struct pg_owed *e,
		      const uint8_t *body, size_t len)
{
	const char *state = pg_error_field(body, len, 'C');
	const char *routine = pg_error_field(body, len, 'R');
	const char *text = pg_error_field(body, len, 'M'), *own;
	size_t n = 0;

	if (state == NULL)
		return;
	if (strcmp(state, "0A000") == 0 && routine != NULL &&
	    strcmp(routine, PG_ROUTINE_REVALIDATE) == 0) {
		/* A change that nobody has seen: it is counted now. */
		if (spoil(b, e, NULL, 0))
			pg_change_count(b);
	} else if (strcmp(state, "26000") == 0) {
		own = text != NULL ? find_own_name(text, &n) : NULL;
		(void)spoil(b, e, own != NULL ? own : "", n);
	}
}

/* Does it know which names and places of the text are not the client's? */
static bool
has_changes(const struct pg_owed *e)
{
	return e->name != NULL || e->has_steps;
}

static const char *
client_name(const struct pg_owed *e, const char *own, size_t len)
{
	const char *name = NULL;

	if (e->has_steps)
		name = pg_steps_name(e->steps, e->done, own, len);
	else if (e->name != NULL)
		name = e->name->text;
	return name;
}

bool
pg_effect_is_renamed(const struct pg_owed *e, const uint8_t *body, size_t len)
{
	const char *text = pg_error_field(body, len, 'M');
	size_t n;

	if (!has_changes(e) || text == NULL)
		return false;
	return find_own_name(text, &n) != NULL ||
	       ((e->has_steps || e->shift != 0) &&
		pg_error_field(body, len, 'P') != NULL);
}

/* A place in the text, as it was before it grew. */
static void
put_position(struct str *s, const char *text, const struct pg_owed *e)
{
	uint64_t at;

	if (!text_to_u64(text, 10, &at) || at > INT32_MAX) {
		pg_put_text(s, text);
		return;
	}
	if (e->has_steps)
		at = pg_steps_place(e->steps, (uint32_t)at);
	else if ((int64_t)at > e->shift)
		at = (uint64_t)((int64_t)at - e->shift);
	str_printf(s, "%u", (unsigned)at);
	str_putc(s, '\0');
}

void
pg_effect_put_error(struct str *s, const struct pg_owed *e, const uint8_t *body,
		    size_t len)
{
	struct pg_body at = { .at = body, .left = len };
	size_t mark = pg_put_begin(s, 'E');

	while (at.left > 0 && *at.at != 0) {
		char code = (char)*at.at;
		const char *text, *own, *name;
		size_t n;

		(void)pg_body_bytes(&at, 1);
		text = pg_body_text(&at);
		if (text == NULL)
			break;
		str_putc(s, code);
		if (code == 'P') {
			put_position(s, text, e);
			continue;
		}
		own = code == 'M' ? find_own_name(text, &n) : NULL;
		name = own != NULL ? client_name(e, own, n) : NULL;
		if (name != NULL) {
			str_add(s, text, (size_t)(own - text));
			str_puts(s, name);
			text = own + n;
		}
		pg_put_text(s, text);
	}
	str_putc(s, '\0');
	pg_put_end(s, mark);
}

/* ---- fakes ---- */

/* SQL's PREPARE and DEALLOCATE, see pg_naming.c. */
static bool
put_tag(const struct pg_owed *e, struct buf *out)
{
	struct str s = { 0 };

	pg_put_message(&s, 'C',
		       e->is_clear            ? "DEALLOCATE ALL"
		       : e->statement != NULL ? "PREPARE"
					      : "DEALLOCATE");
	return pg_put_flush(&s, out);
}

static bool
put_fake(const struct pg_back *b, const struct pg_owed *e, struct buf *out)
{
	static const uint8_t parsed[] = { '1', 0, 0, 0, 4 };
	static const uint8_t closed[] = { '3', 0, 0, 0, 4 };

	(void)b;
	if (e->kind == OWED_EXECUTE)
		return put_tag(e, out);
	return buf_append(out, e->kind == OWED_PARSE ? parsed : closed,
			  sizeof(parsed));
}

bool
pg_effect_fakes(struct pg_back *b, struct buf *out)
{
	while (pg_owed_is_fake_due(&b->owed)) {
		struct pg_owed e;

		if (out != NULL && !put_fake(b, pg_owed_at(&b->owed, 0), out))
			return false;
		e = pg_owed_take_fake(&b->owed);
		pg_effect_done(b, &e);
	}
	return true;
}
