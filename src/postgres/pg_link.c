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
#include "pg_listen.h"

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

/* Who one is and whose objects one sees: never without the server's word. */
static bool
is_grave(const char *name)
{
	return pg_in_list(name, "role,session_authorization,search_path");
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

	if (change->is_own && is_grave(change->name))
		return false;
	if (change->value == NULL ||
	    text_equal_nocase(change->name, "application_name"))
		return true;
	if (change->is_own)
		return was_accepted(b,
				    pg_param_hash(change->name, change->value));
	asked = pg_params_find(f->start, change->name);
	return asked == NULL || strcmp(asked, change->value) != 0 ||
	       was_accepted(b, pg_param_hash(change->name, change->value));
}

/* ---- differences, in the order in which they are made ---- */

/* How the server is to change: what it reports, and what was set besides. */
struct sides {
	const struct pg_params *from, *to;
	const struct pg_params *own_from, *own_to;
	const struct policy *policy;
};

/*
 * The roles go back first and are set last, so that all else is set by the
 * user who logged in.
 */
enum stage { ROLES_BACK, REPORTED, OWN, ROLES_SET, STAGES };

struct link_walk {
	enum stage stage;
	unsigned role; /* the next one */
	struct pg_walk at;
};

static const char *const roles[] = { "session_authorization", "role" };

static bool
is_role(const char *name)
{
	return text_equal_nocase(name, roles[0]) ||
	       text_equal_nocase(name, roles[1]);
}

static bool
next_role(const struct sides *s, struct link_walk *w, struct pg_change *change)
{
	bool is_back = w->stage == ROLES_BACK;

	while (w->role < COUNT_OF(roles)) {
		const char *name = roles[w->role++];
		const char *value =
			pg_params_find(is_back ? s->own_from : s->own_to, name);

		if (value == NULL)
			continue;
		*change = (struct pg_change){ .name = name,
					      .value = is_back ? NULL : value,
					      .is_own = true };
		return true;
	}
	return false;
}

static bool
next_in_stage(const struct sides *s, struct link_walk *w,
	      struct pg_change *change)
{
	if (w->stage == REPORTED)
		return pg_params_change(s->from, s->to, s->policy, &w->at,
					change);
	if (pg_params_equal(s->own_from, s->own_to))
		return false;
	if (w->stage != OWN)
		return next_role(s, w, change);
	while (pg_params_own_change(s->own_from, s->own_to, &w->at, change)) {
		if (!is_role(change->name))
			return true;
	}
	return false;
}

static bool
next_change(const struct sides *s, struct link_walk *w,
	    struct pg_change *change)
{
	while (w->stage < STAGES) {
		if (next_in_stage(s, w, change))
			return true;
		*w = (struct link_walk){ .stage = w->stage + 1 };
	}
	return false;
}

/* What the batch on its way makes of what there was. */
static struct sides
batch_sides(const struct pg_back *b, const struct policy *policy)
{
	return (struct sides){ .from = b->before,
			       .to = b->wanted,
			       .own_from = b->own_before,
			       .own_to = b->own_wanted,
			       .policy = policy };
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

/* The same for a set of what clients set besides; none is NULL. */
static bool
change_own(struct pg_params **slot, const char *name, const char *value)
{
	struct pg_params *next = value != NULL
					 ? pg_params_insert(*slot, name, value)
					 : pg_params_without(*slot, name);

	if (next == NULL)
		return false;
	pg_params_put(slot, next);
	if (pg_params_size(next) == 0)
		pg_params_put(slot, NULL);
	return true;
}

static void
forget_batch(struct pg_back *b)
{
	pg_params_put(&b->wanted, NULL);
	pg_params_put(&b->before, NULL);
	pg_params_put(&b->own_wanted, NULL);
	pg_params_put(&b->own_before, NULL);
	b->must_wait = false;
}

/* The client takes over the server's set. */
static void
share_set(struct pg_front *f, const struct pg_back *b)
{
	pg_params_put(&f->params, pg_params_ref(b->params));
	pg_front_params_changed(f);
}

/* Writes the batch that makes what the client has of what the server has. */
static bool
send_batch(struct pg_back *b, const struct pg_front *f, struct buf *out,
	   const struct sides *sides)
{
	struct link_walk walk = { 0 };
	struct pg_change change;
	struct str sql = { 0 };
	bool ok;

	while (next_change(sides, &walk, &change)) {
		if (sql.len > 0)
			str_putc(&sql, ';');
		pg_change_sql(&sql, &change);
	}
	ok = !sql.failed &&
	     pg_back_query(b, out, str_text(&sql), TASK_SETTINGS);
	str_fini(&sql);
	if (!ok)
		return false;
	pg_params_put(&b->wanted, pg_params_ref(f->params));
	pg_params_put(&b->before, pg_params_ref(b->params));
	pg_params_put(&b->own_wanted, pg_params_ref(f->own));
	pg_params_put(&b->own_before, pg_params_ref(b->own));
	return true;
}

/*
 * A batch that fails leaves what an earlier client set, so where anything of
 * that must go, what comes in its place is waited for.
 */
static bool
may_go(const struct pg_back *b, const struct pg_front *f,
       const struct sides *sides, bool *has_change)
{
	struct link_walk walk = { 0 };
	struct pg_change change;
	bool is_good = true, takes = false, sets = false;

	*has_change = false;
	while (next_change(sides, &walk, &change)) {
		*has_change = true;
		is_good &= is_proven(b, f, &change);
		takes |= change.is_own &&
			 pg_params_find(b->own, change.name) != NULL;
		sets |= change.value != NULL;
	}
	return is_good && !(takes && sets);
}

/* True: both have the same, and of each set one copy is kept. */
static bool
unite(struct pg_back *b, struct pg_front *f)
{
	bool is_own_same = pg_params_unite(&f->own, &b->own);
	const struct pg_params *kept = f->params;

	if (!pg_params_unite(&f->params, &b->params))
		return false;
	/* One of them is gone, and its view looked into it. */
	if (f->params != kept)
		pg_front_params_changed(f);
	else
		pg_back_params_changed(b);
	return is_own_same;
}

enum link_result
pg_settings_apply(struct pg_back *b, struct pg_front *f, struct buf *out,
		  const struct policy *policy)
{
	struct sides sides;
	bool has_change, is_good;

	f->must_reapply = false;
	if (f->params == b->params && f->own == b->own)
		return LINK_GO;
	if (unite(b, f))
		return LINK_GO;
	sides = (struct sides){ .from = b->params,
				.to = f->params,
				.own_from = b->own,
				.own_to = f->own,
				.policy = policy };
	is_good = may_go(b, f, &sides, &has_change);
	if (!has_change) {
		/* Only what cannot be set differs: the server is right. */
		share_set(f, b);
		return LINK_GO;
	}
	if (!send_batch(b, f, out, &sides))
		return LINK_FAIL;
	b->must_wait = !is_good;
	return is_good ? LINK_GO : LINK_WAIT;
}

/* ---- the batch's end ---- */

/* What was set but not reported has the value that was asked for. */
static bool
take_batch(struct pg_back *b, const struct policy *policy)
{
	struct sides sides = batch_sides(b, policy);
	struct link_walk walk = { 0 };
	struct pg_change change;
	bool ok = true;

	while (ok && next_change(&sides, &walk, &change)) {
		const char *old = pg_params_find(b->before, change.name);
		const char *now = pg_params_find(b->params, change.name);

		if (change.value != NULL)
			note_accepted(b, &change);
		if (change.is_own)
			continue;
		if (now != NULL && (old == NULL || strcmp(old, now) != 0))
			continue;
		ok = change_set(&b->params, &change) &&
		     change_set(&b->acked, &change);
	}
	pg_params_put(&b->own, pg_params_ref(b->own_wanted));
	pg_back_params_changed(b);
	return ok;
}

/* Which change was refused; false: none. */
static bool
find_refused(const struct pg_back *b, const struct policy *policy,
	     unsigned statements_done, struct pg_change *change)
{
	struct sides sides = batch_sides(b, policy);
	struct link_walk walk = { 0 };

	do {
		if (!next_change(&sides, &walk, change))
			return false;
	} while (statements_done-- > 0);
	return true;
}

/*
 * Must the client be refused because this value was?  What it asked for at its
 * start it would not have been let in with, and what decides about whose
 * objects it sees must not be another.
 */
static bool
is_fatal_refusal(const struct pg_back *b, const struct pg_front *f,
		 const struct policy *policy, unsigned statements_done)
{
	struct pg_change change;

	return f == NULL ||
	       !find_refused(b, policy, statements_done, &change) ||
	       !change.is_own || change.value == NULL ||
	       is_grave(change.name) ||
	       pg_params_find(f->own_start, change.name) != NULL;
}

/* Was it refused to take back what an earlier client had set? */
static bool
is_removal(const struct pg_back *b, const struct policy *policy,
	   unsigned statements_done)
{
	struct pg_change change;

	return find_refused(b, policy, statements_done, &change) &&
	       change.is_own && change.value == NULL;
}

/*
 * The client lives with the server's value, is told once, and it is not tried
 * again.
 */
static bool
fall_back(struct pg_back *b, struct turn *turn, unsigned statements_done)
{
	struct pg_front *f = turn->peer;
	struct pg_change change;
	struct str s = { 0 }, text = { 0 };
	bool ok;

	if (!find_refused(b, turn->policy, statements_done, &change))
		return true;
	if (change.is_own) {
		ok = change_own(&f->own, change.name, NULL) &&
		     change_own(&f->own_start, change.name, NULL);
	} else {
		change.value = pg_params_find(b->params, change.name);
		ok = change_set(&f->params, &change);
		if (change.value != NULL)
			pg_put_report(&s, change.name, change.value);
	}
	pg_front_params_changed(f);
	f->must_reapply = true;
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

/* The batch is tried again without the value that was refused. */
static bool
go_without(struct pg_back *b, struct turn *turn, unsigned statements_done)
{
	if (!fall_back(b, turn, statements_done))
		return false;
	forget_batch(b);
	return pg_settings_apply(b, turn->peer, turn->out, turn->policy) !=
	       LINK_FAIL;
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
	} else if (b->must_wait &&
		   !is_fatal_refusal(b, f, turn->policy, statements_done)) {
		return go_without(b, turn, statements_done);
	} else if (b->must_wait) {
		/* What an earlier client set would still be there. */
		b->must_close |= is_removal(b, turn->policy, statements_done);
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

/* RESET ALL leaves the roles alone. */
static bool
restore_own(struct pg_back *b, enum pg_restored what)
{
	struct pg_params *kept = NULL;
	bool ok = true;

	for (unsigned i = 0; i < COUNT_OF(roles) && what == RESTORED_PLAIN;
	     i++) {
		const char *value = pg_params_find(b->own, roles[i]);

		if (value != NULL)
			ok &= change_own(&kept, roles[i], value);
	}
	pg_params_put(&b->own, kept);
	return ok;
}

bool
pg_settings_restored(struct pg_back *b, enum pg_restored what)
{
	struct pg_param at = { 0 };
	bool ok = restore_own(b, what);

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
	/* Without settings of its own on the server all were discarded. */
	if (b->own == NULL && f->own != f->own_start) {
		pg_params_put(&f->own, pg_params_ref(f->own_start));
		f->must_reapply = true;
	}
	while (ok && pg_params_next(f->start, &own)) {
		struct pg_change change = { .name = own.name,
					    .value = own.value };

		if (!is_lost(b, f, &own))
			continue;
		f->must_reapply = true;
		pg_put_report(&s, own.name, own.value);
		ok = change_set(&f->params, &change);
	}
	pg_front_params_changed(f);
	if (!ok) {
		str_fini(&s);
		return false;
	}
	return pg_put_flush(&s, turn->peer_out);
}

/* ---- what the server was asked for ---- */

/* Adds the pairs of more that *slot lacks; true: there were some. */
static bool
add_missing(struct pg_params **slot, const struct pg_params *more, bool *ok)
{
	struct pg_param at = { 0 };
	bool found = false;

	while (*ok && pg_params_next(more, &at)) {
		if (pg_params_find(*slot, at.name) != NULL)
			continue;
		*ok = change_own(slot, at.name, at.value);
		found = true;
	}
	return found;
}

static bool
add_found(struct pg_back *b, struct pg_front *f, const struct pg_params *found)
{
	struct pg_param at = { 0 };
	bool ok = true;

	while (ok && pg_params_next(found, &at))
		ok = change_own(&b->own, at.name, at.value) &&
		     change_own(&f->own, at.name, at.value);
	return ok;
}

bool
pg_settings_found(struct pg_back *b, struct pg_front *f,
		  struct pg_params *found, enum pg_found kind)
{
	struct pg_param at = { 0 };
	bool ok = true;

	/* The server has taken these values. */
	while (pg_params_next(found, &at))
		note_accepted(b, &(struct pg_change){ .name = at.name,
						      .value = at.value });
	if (kind == FOUND_ONE) {
		ok = add_found(b, f, found);
	} else {
		pg_params_put(&b->own, pg_params_ref(found));
		pg_params_put(&f->own, pg_params_ref(found));
		/* What it asked for at its start is what RESET goes back to. */
		if (add_missing(&f->own, f->own_start, &ok))
			f->must_reapply = true;
	}
	(void)pg_params_unite(&f->own, &b->own);
	pg_front_params_changed(f);
	return ok;
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

	b->dirt = b->soiled = b->view.pins = 0;
	b->is_unsure = false;
	pg_params_put(&b->customs, NULL);
	b->named[0] = '\0';
	b->was_asked = false;
	pg_listen_free(b->listen);
	b->listen = NULL;
	b->view.digest = 0;
	b->view.has_notified = false;
	b->retries = 0;
	b->was_used = true;
	b->was_reset = false;
	b->is_boundary_due = false;
	b->pending_fail = REASON_NONE;
	pg_back_unlink(b);
	b->names = ((struct pg_front *)turn->peer)->names;
	return pg_settings_apply(b, turn->peer, turn->out, turn->policy);
}

bool
pg_back_suits(const void *back, const void *front)
{
	const struct pg_back *b = back;
	const struct pg_front *f = front;

	return pg_params_equal(b->params, f->params) &&
	       pg_params_equal(b->own, f->own);
}
