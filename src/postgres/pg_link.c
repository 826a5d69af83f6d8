/*
 * The client's settings on the server: what differs is set in one hidden batch
 * in front of the client's first message, and what the server reports is kept
 * on both sides.
 *
 * A batch is one simple Query, so an error undoes all of it.  Its completion
 * is the truth, not the reports: a server reports only what changed.  Runs on
 * the worker that owns both connections.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_back.h"
#include "pg_effect.h"
#include "pg_front.h"

/* ---- known values ---- */

static bool
was_accepted(const struct pg_back *b, uint32_t hash)
{
	for (size_t i = 0; i < PG_ACCEPTED; i++) {
		if (b->accepted[i] == hash)
			return true;
	}
	return false;
}

static void
note_accepted(struct pg_back *b, const struct pg_change *change)
{
	uint32_t hash = pg_param_hash(change->name, change->value);

	if (was_accepted(b, hash))
		return;
	b->accepted[b->accepted_next] = hash;
	b->accepted_next = (uint16_t)((b->accepted_next + 1) % PG_ACCEPTED);
}

/*
 * May a value be set without waiting for the server's word?  One that a server
 * reported is good; one from a startup packet may be anything.
 */
static bool
is_proven(const struct pg_back *b, const struct pg_front *f,
	  const struct pg_change *change)
{
	const char *asked;

	if (change->value == NULL ||
	    text_equal_nocase(change->name, "application_name"))
		return true;
	asked = pg_params_find(f->start, change->name);
	return asked == NULL || strcmp(asked, change->value) != 0 ||
	       was_accepted(b, pg_param_hash(change->name, change->value));
}

/* ---- the batch ---- */

/* Replaces *slot by a set with the change; false: memory is out. */
static bool
change_set(struct pg_params **slot, const struct pg_change *change)
{
	struct pg_params *next =
		change->value != NULL
			? pg_params_with(*slot, change->name, change->value)
			: pg_params_without(*slot, change->name);

	if (next == NULL)
		return false;
	pg_params_put(slot, next);
	return true;
}

static void
forget_batch(struct pg_back *b)
{
	pg_params_put(&b->wanted, NULL);
	pg_params_put(&b->before, NULL);
	b->must_wait = false;
}

/* The client takes over the server's set. */
static void
share_set(struct pg_front *f, const struct pg_back *b)
{
	pg_params_put(&f->params, pg_params_ref(b->params));
	pg_front_params_changed(f);
}

/* Writes the batch that makes `wanted` of what the server has. */
static bool
send_batch(struct pg_back *b, struct pg_params *wanted, struct buf *out,
	   const struct policy *policy)
{
	struct pg_walk walk = { 0 };
	struct pg_change change;
	struct str sql = { 0 };
	bool ok;

	while (pg_params_change(b->params, wanted, policy, &walk, &change)) {
		if (sql.len > 0)
			str_putc(&sql, ';');
		pg_change_sql(&sql, &change);
	}
	ok = !sql.failed &&
	     pg_back_query(b, out, str_text(&sql), TASK_SETTINGS);
	str_fini(&sql);
	if (!ok)
		return false;
	pg_params_put(&b->wanted, pg_params_ref(wanted));
	pg_params_put(&b->before, pg_params_ref(b->params));
	return true;
}

enum link_result
pg_settings_apply(struct pg_back *b, struct pg_front *f, struct buf *out,
		  const struct policy *policy)
{
	struct pg_walk walk = { 0 };
	struct pg_change change;
	bool has_change = false, is_good = true;

	f->must_reapply = false;
	if (f->params == b->params)
		return LINK_GO;
	if (pg_params_unite(&f->params, &b->params)) {
		/* One of them is gone, and its view looked into it. */
		pg_front_params_changed(f);
		pg_back_params_changed(b);
		return LINK_GO;
	}
	while (pg_params_change(b->params, f->params, policy, &walk, &change)) {
		has_change = true;
		is_good &= is_proven(b, f, &change);
	}
	if (!has_change) {
		/* Only what cannot be set differs: the server is right. */
		share_set(f, b);
		return LINK_GO;
	}
	if (!send_batch(b, f->params, out, policy))
		return LINK_FAIL;
	b->must_wait = !is_good;
	return is_good ? LINK_GO : LINK_WAIT;
}

/* ---- the batch's end ---- */

/* What was set but not reported has the value that was asked for. */
static bool
take_batch(struct pg_back *b, const struct policy *policy)
{
	struct pg_walk walk = { 0 };
	struct pg_change change;
	struct pg_params *before = pg_params_ref(b->before);
	bool ok = true;

	while (ok &&
	       pg_params_change(before, b->wanted, policy, &walk, &change)) {
		const char *old = pg_params_find(before, change.name);
		const char *now = pg_params_find(b->params, change.name);

		if (change.value != NULL)
			note_accepted(b, &change);
		if (now != NULL && (old == NULL || strcmp(old, now) != 0))
			continue;
		ok = change_set(&b->params, &change) &&
		     change_set(&b->acked, &change);
	}
	pg_params_unref(before);
	pg_back_params_changed(b);
	return ok;
}

/* Adds a ParameterStatus. */
static void
put_report(struct str *s, const char *name, const char *value)
{
	size_t mark = pg_put_begin(s, 'S');

	pg_put_text(s, name);
	pg_put_text(s, value);
	pg_put_end(s, mark);
}

/*
 * The client's first statement is already on its way, so it lives with the
 * server's value, is told once, and is not asked again.
 */
static bool
fall_back(struct pg_back *b, struct turn *turn, unsigned statements_done)
{
	struct pg_front *f = turn->peer;
	struct pg_walk walk = { 0 };
	struct pg_change change;
	struct str s = { 0 }, text = { 0 };
	bool ok;

	do {
		if (!pg_params_change(b->before, b->wanted, turn->policy, &walk,
				      &change))
			return true;
	} while (statements_done-- > 0);
	change.value = pg_params_find(b->params, change.name);
	ok = change_set(&f->params, &change);
	pg_front_params_changed(f);
	f->must_reapply = true;
	if (change.value != NULL)
		put_report(&s, change.name, change.value);
	str_printf(&text, "server refused the session's value of \"%s\"",
		   change.name);
	pg_put_warning(&s, str_text(&text));
	ok = ok && !text.failed;
	str_fini(&text);
	if (!ok) {
		str_fini(&s);
		return false;
	}
	return pg_put_flush(&s, turn->peer_out);
}

/* A late cancel hit the batch: nothing of it is done. */
static bool
repeat_batch(struct pg_back *b, struct turn *turn)
{
	struct pg_front *f = turn->peer;

	if (!b->must_wait) {
		f->must_reapply = true;
		forget_batch(b);
		return true;
	}
	b->retries++;
	return pg_settings_apply(b, f, turn->out, turn->policy) != LINK_FAIL;
}

bool
pg_settings_done(struct pg_back *b, struct turn *turn, unsigned statements_done)
{
	struct pg_front *f = turn->peer;
	bool ok = true;

	if (!b->has_own_error) {
		ok = take_batch(b, turn->policy);
		if (f != NULL && pg_params_equal(f->params, b->params))
			share_set(f, b);
	} else if (f != NULL && b->was_canceled && b->retries < PG_RETRIES) {
		return repeat_batch(b, turn);
	} else if (b->must_wait) {
		b->pending_fail = REASON_SERVER_SETTING;
	} else if (f != NULL) {
		ok = fall_back(b, turn, statements_done);
	}
	forget_batch(b);
	return ok;
}

/* ---- reports ---- */

bool
pg_settings_is_news(const struct pg_front *f, const char *name,
		    const char *value)
{
	const char *told = pg_params_find(f->params, name);

	return told == NULL || strcmp(told, value) != 0;
}

/* Gives *slot the value, sharing the server's set where they were shared. */
static bool
report_to(struct pg_params **slot, const struct pg_params *old,
	  struct pg_params *now, const struct pg_change *change)
{
	if (*slot == now)
		return true;
	if (*slot == old && old != NULL) {
		pg_params_put(slot, pg_params_ref(now));
		return true;
	}
	return change_set(slot, change);
}

bool
pg_settings_report(struct pg_back *b, struct pg_front *f, const char *name,
		   const char *value)
{
	struct pg_change change = { .name = name, .value = value };
	struct pg_params *old = pg_params_ref(b->params);
	bool is_default, ok;

	/* With no client's work in between it is how the server starts. */
	is_default = f == NULL && (b->owed.count == 0 || b->is_restoring);
	ok = change_set(&b->params, &change);
	pg_back_params_changed(b);
	if (ok && pg_params_find(b->acked, name) != NULL) {
		change.value = NULL;
		ok = change_set(&b->acked, &change);
		change.value = value;
	}
	if (ok && f != NULL && pg_settings_is_news(f, name, value)) {
		ok = report_to(&f->params, old, b->params, &change);
		pg_front_params_changed(f);
	}
	if (ok && is_default)
		ok = report_to(&b->facts, old, b->params, &change);
	pg_params_unref(old);
	return ok;
}

bool
pg_settings_restored(struct pg_back *b)
{
	struct pg_param at = { 0 };
	bool ok = true;

	while (ok && pg_params_next(b->acked, &at)) {
		struct pg_change change = {
			.name = at.name,
			.value = pg_params_find(b->facts, at.name),
		};

		ok = change_set(&b->params, &change);
	}
	pg_params_put(&b->acked, NULL);
	pg_back_params_changed(b);
	return ok;
}

/* Has the client's own startup value been lost to the server's default? */
static bool
is_lost(const struct pg_back *b, const struct pg_front *f,
	const struct pg_param *own)
{
	const char *now = pg_params_find(b->params, own->name);
	const char *start = pg_params_find(b->facts, own->name);

	if (now == NULL || start == NULL)
		return now == start;
	return strcmp(now, start) == 0 &&
	       pg_settings_is_news(f, own->name, own->value);
}

bool
pg_settings_restart(struct pg_back *b, struct turn *turn)
{
	struct pg_front *f = turn->peer;
	struct pg_param own = { 0 };
	struct str s = { 0 };
	bool ok = true;

	b->was_reset = false;
	while (ok && pg_params_next(f->start, &own)) {
		struct pg_change change = { .name = own.name,
					    .value = own.value };

		if (!is_lost(b, f, &own))
			continue;
		f->must_reapply = true;
		put_report(&s, own.name, own.value);
		ok = change_set(&f->params, &change);
	}
	pg_front_params_changed(f);
	if (!ok) {
		str_fini(&s);
		return false;
	}
	return pg_put_flush(&s, turn->peer_out);
}

/* ---- the table's functions ---- */

void
pg_back_unlink(void *back)
{
	struct pg_back *b = back;

	pg_effect_forget_client(b);
	b->was_reset = false;
}

enum link_result
pg_back_link(struct turn *turn)
{
	struct pg_back *b = turn->self;

	b->dirt = 0;
	b->retries = 0;
	b->was_used = true;
	b->was_reset = false;
	b->is_boundary_due = false;
	b->pending_fail = REASON_NONE;
	pg_back_unlink(b);
	return pg_settings_apply(b, turn->peer, turn->out, turn->policy);
}

bool
pg_back_suits(const void *back, const void *front)
{
	const struct pg_back *b = back;
	const struct pg_front *f = front;

	return pg_params_equal(b->params, f->params);
}
