/*
 * SQL's PREPARE, EXECUTE and DEALLOCATE where servers are shared: the names in
 * the text become carpool's, and what the server lacks is loaded in front.
 *
 * They have the same names as the protocol's messages (pg_extended.c).  Each
 * waits until all that was sent before it is answered, so what client and
 * server hold is certain.  What needs no server is answered without one.  Runs
 * on the client's worker.  PostgreSQL manual, "PREPARE".
 */
#include <string.h>

#include "base/mem.h"
#include "pg_extended.h"
#include "pg_naming.h"
#include "sql/classify.h"
#include "sql/prepared.h"

/* A Query on its way through this file. */
struct sql {
	const char *text; /* borrows, or own */
	size_t len;       /* without the NUL */
	char *copy;       /* owns: of a text that does not lie in one piece */
	struct prepared found;
};

/* May a statement name one that stands behind another? */
static bool
may_be_behind(const struct pg_command *m)
{
	const uint8_t *at = m->body, *end = m->body + m->len;

	while ((at = memchr(at, ';', (size_t)(end - at))) != NULL) {
		at++;
		if (pg_naming_may_be(at, (size_t)(end - at)))
			return true;
	}
	return false;
}

/*
 * Perhaps several statements.  A longer text is waited for where the client has
 * names to execute; else it is enough that it executes none of carpool's.
 */
static bool
may_be_among(const struct pg_front *f, const struct pg_command *m)
{
	bool has_names = f->names != NULL && pg_names_count(f->names) > 0;

	if (has_names && m->frame.total > PG_WHOLE_MAX &&
	    m->frame.total <= PG_INSPECT_MAX)
		return true;
	return may_be_behind(m);
}

bool
pg_sql_is_meant(const struct pg_front *f, const struct turn *turn,
		const struct pg_command *m)
{
	return turn->policy->mode != POOL_SESSION &&
	       turn->policy->max_prepared_statements > 0 &&
	       (pg_naming_may_be(m->body, m->len) || may_be_among(f, m));
}

/* Makes the whole text visible; false: *order says what must happen first. */
static bool
see_text(const struct pg_front *f, const struct turn *turn,
	 const struct pg_command *m, struct sql *q, struct order *order)
{
	size_t len = m->frame.total - PG_HEADER;
	const void *end;

	q->text = (const char *)m->body;
	if (m->frame.total > PG_WHOLE_MAX) {
		if (!m->is_first)
			return false;
		if (turn->in->len < m->frame.total)
			return pg_stop(order, order_bytes(ORDER_NEED_MORE,
							  m->frame.total));
		q->copy = mem_zalloc(len);
		if (q->copy == NULL)
			return pg_stop_fail(order, REASON_NO_MEMORY);
		buf_copy_out(turn->in, PG_HEADER, q->copy, len);
		q->text = q->copy;
	}
	end = memchr(q->text, 0, len);
	q->len = end != NULL ? (size_t)((const char *)end - q->text) : len;
	prepared_find(&q->found, q->text, q->len, f->lexer);
	return true;
}

/* ---- answers without the server ---- */

static struct pg_name *
name_of(const struct pg_front *f, const struct prepared_ref *ref)
{
	struct pg_name *n =
		f->names != NULL ? pg_names_find(f->names, ref->name) : NULL;

	return n != NULL && pg_slot_now(&n->slot) != NULL ? n : NULL;
}

/* A DEALLOCATE that stands alone, of what is there. */
static bool
is_deallocation(const struct pg_front *f, const struct sql *q)
{
	const struct prepared_ref *ref = &q->found.refs[0];

	if (q->found.is_lost || q->found.count != 1 || q->found.statements != 1)
		return false;
	return ref->kind == PREPARED_DEALLOCATE_ALL ||
	       (ref->kind == PREPARED_DEALLOCATE && name_of(f, ref) != NULL);
}

/* What an answer takes from the client: the unnamed one, as any simple Query
 * does, and what it deallocates. */
static void
forget(struct pg_front *f, const struct prepared_ref *ref)
{
	struct pg_name *n;

	if (f->names == NULL)
		return;
	pg_slot_fini(&pg_names_unnamed(f->names)->slot);
	if (ref->kind == PREPARED_PREPARE)
		return;
	if (ref->kind == PREPARED_DEALLOCATE_ALL) {
		pg_names_clear(f->names);
		return;
	}
	n = name_of(f, ref);
	if (n == NULL)
		return;
	pg_slot_fini(&n->slot);
	pg_names_tidy(f->names, n);
}

static const char *
tag_of(const struct prepared_ref *ref)
{
	return ref->kind == PREPARED_DEALLOCATE_ALL ? "DEALLOCATE ALL"
	       : ref->kind == PREPARED_DEALLOCATE   ? "DEALLOCATE"
						    : "PREPARE";
}

/* Nothing is owed, so the answer can be written at once. */
static bool
answer(struct pg_front *f, struct turn *turn, const struct pg_command *m,
       const struct prepared_ref *ref, struct order *order)
{
	struct pg_back *b = turn->peer_out != NULL ? turn->peer : NULL;
	bool is_open = b != NULL && b->view.tx == TX_OPEN;
	struct str s = { 0 };
	size_t mark;

	pg_put_message(&s, 'C', tag_of(ref));
	mark = pg_put_begin(&s, 'Z');
	str_putc(&s, is_open ? 'T' : 'I');
	pg_put_end(&s, mark);
	if (!pg_put_flush(&s, turn->out))
		return pg_stop_fail(order, REASON_NO_MEMORY);
	forget(f, ref);
	/* It was linked to look, or before: nothing will come to free it. */
	if (b != NULL)
		b->is_boundary_due = true;
	return pg_stop_discard(order, m);
}

/* ---- texts with other names ---- */

/* What stands in a place of the text. */
struct change {
	const struct prepared_ref *ref;
	const char *name; /* in its place; borrowed */
};

/* What a change makes the text longer by. */
static int16_t
shift_of(const struct sql *q, const struct change *change)
{
	return (int16_t)((int)strlen(change->name) -
			 pg_count_characters(q->text + change->ref->at,
					     change->ref->len));
}

/* Sends the Query with the changes made, in the order of their places. */
static bool
send_text(struct turn *turn, struct pg_command *m, const struct sql *q,
	  const struct change *changes, size_t count)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'Q'), from = 0;

	for (size_t i = 0; i < count; i++) {
		const struct prepared_ref *ref = changes[i].ref;

		str_add(&s, q->text + from, ref->at - from);
		str_puts(&s, changes[i].name);
		from = ref->at + ref->len;
	}
	str_add(&s, q->text + from, q->len - from);
	str_putc(&s, '\0');
	pg_put_end(&s, mark);
	if (!pg_put_flush(&s, turn->peer_out))
		return false;
	m->copied = m->frame.at + m->frame.total;
	return true;
}

static bool
push_query(struct pg_front *f, struct turn *turn, const struct sql *q,
	   struct pg_owed entry)
{
	const uint8_t *text = (const uint8_t *)q->text;
	struct pg_back *b = turn->peer;
	unsigned flags;

	/* That it prepares is known; its arguments may do anything. */
	flags = pg_text_query(f, b, turn->policy, text, q->len) &
		~(unsigned)CLASSIFY_PREPARE;
	pg_text_runs(f, b, flags, text, q->len);
	entry.kind = OWED_QUERY;
	entry.is_unnamed = true;
	if (f->names != NULL)
		pg_slot_fini(&pg_names_unnamed(f->names)->slot);
	pg_back_push(b, entry);
	f->is_group_open = b->is_group_open = false;
	return true;
}

/* The server will say that there is no such statement. */
static bool
send_unknown(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     const struct sql *q, const struct prepared_ref *ref,
	     struct order *order)
{
	struct change change = { .ref = ref, .name = PG_NO_SUCH_NAME };
	struct pg_name *n = pg_names_add(f->names, ref->name);

	if (n == NULL || !send_text(turn, m, q, &change, 1))
		return pg_fail_memory(turn->peer, m, order);
	return push_query(f, turn, q,
			  (struct pg_owed){ .name = pg_name_ref(n) });
}

/* The name is taken, and the server says so. */
static bool
prepare_again(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      const struct sql *q, struct pg_name *n, struct order *order)
{
	struct change change = { .ref = &q->found.refs[0] };
	struct pg_load *l;

	if (!pg_have_load(f, turn, m, n, LOAD_APART, &l, order))
		return false;
	change.name = l->name;
	if (!send_text(turn, m, q, &change, 1))
		return pg_fail_memory(turn->peer, m, order);
	return push_query(f, turn, q,
			  (struct pg_owed){ .name = pg_name_ref(n) });
}

/* The data of a statement: all behind its name. */
static struct statement *
intern_sql(struct pg_front *f, struct turn *turn, const struct sql *q)
{
	const struct prepared_ref *ref = &q->found.refs[0];
	size_t from = ref->at + ref->len;

	return pg_intern(f, turn, STATEMENT_SQL, q->text + from,
			 q->found.end - from);
}

/* Gives an answered name its statement; nothing is on its way. */
static void
set_name(struct pg_front *f, struct pg_name *n, struct statement *s)
{
	n->slot.committed = statement_ref(s);
	pg_names_tidy(f->names, n);
}

static bool
prepare_new(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    const struct sql *q, struct statement *s, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct change change = { .ref = &q->found.refs[0] };
	struct pg_owed entry = { .is_change = true, .has_load = true };
	struct pg_name *n = pg_names_add(f->names, change.ref->name);
	struct pg_load *l = pg_loads_find(&b->loads, s);

	if (n == NULL)
		return pg_fail_memory(b, m, order);
	pg_name_begin(n, pg_change_now(b));
	if (l != NULL && pg_load_is_outdated(n, l)) {
		pg_loads_spoil(&b->loads, l);
		l = NULL;
	}
	if (l != NULL && b->view.tx != TX_FAILED) {
		set_name(f, n, s);
		return answer(f, turn, m, change.ref, order);
	}
	l = pg_new_load(f, turn, s, n);
	change.name = l != NULL ? l->name : NULL;
	if (l == NULL || !send_text(turn, m, q, &change, 1))
		return pg_fail_memory(b, m, order);
	entry.name = pg_name_ref(n);
	entry.shift = shift_of(q, &change);
	entry.load = l;
	return push_query(f, turn, q, entry);
}

static bool
prepare(struct pg_front *f, struct turn *turn, struct pg_command *m,
	const struct sql *q, struct order *order)
{
	struct pg_name *n = name_of(f, &q->found.refs[0]);
	struct statement *s;
	bool is_done;

	if (n != NULL)
		return prepare_again(f, turn, m, q, n, order);
	if (!pg_names_have_room(f->names, q->len))
		return pg_refuse_query(f, turn, m, REASON_TOO_MANY_STATEMENTS,
				       order);
	s = intern_sql(f, turn, q);
	if (s == NULL)
		return pg_fail_memory(turn->peer, m, order);
	is_done = prepare_new(f, turn, m, q, s, order);
	statement_unref(s);
	return is_done;
}

/* EXECUTE, once or several times, perhaps with other statements around. */
static bool
execute(struct pg_front *f, struct turn *turn, struct pg_command *m,
	const struct sql *q, struct order *order)
{
	struct change changes[PREPARED_REFS];
	struct pg_load *loads[PREPARED_REFS];
	struct pg_back *b = turn->peer;
	struct pg_name *n = NULL;

	for (size_t i = 0; i < q->found.count; i++) {
		const struct prepared_ref *ref = &q->found.refs[i];

		n = name_of(f, ref);
		if (n == NULL)
			return send_unknown(f, turn, m, q, ref, order);
		if (pg_slot_now(&n->slot)->is_naming)
			return pg_refuse_query(f, turn, m,
					       REASON_PREPARE_NOT_ALONE, order);
		if (!pg_have_load(f, turn, m, n, LOAD_APART, &loads[i], order))
			return false;
		changes[i].ref = ref;
		changes[i].name = loads[i]->name;
		/* Each has a group of its own, but the next makes no room of
		 * those before it. */
		for (size_t k = 0; k < i; k++)
			pg_loads_touch(&b->loads, loads[k], b->group);
	}
	if (!send_text(turn, m, q, changes, q->found.count))
		return pg_fail_memory(turn->peer, m, order);
	/* Of several changes an error's place may be behind the first alone. */
	return push_query(f, turn, q,
			  (struct pg_owed){ .name = pg_name_ref(n),
					    .shift = shift_of(q, changes) });
}

/* Several statements: only what changes no name can be followed. */
static bool
is_only_execute(const struct sql *q)
{
	for (size_t i = 0; i < q->found.count; i++) {
		if (q->found.refs[i].kind != PREPARED_EXECUTE)
			return false;
	}
	return !q->found.is_lost;
}

static bool
with_server(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    struct sql *q, struct order *order)
{
	struct pg_back *b = turn->peer;
	const struct prepared_ref *ref = &q->found.refs[0];

	if (!m->is_first)
		return false;
	/* Nothing is on its way, so all is certain. */
	if (b->owed.count > 0)
		return pg_stop_plain(order, ORDER_WAIT);
	if (!pg_owed_reserve(&b->owed, OWED_SMALL))
		return pg_stop_plain(order, ORDER_WAIT);
	if (pg_names_of(f, turn) == NULL)
		return pg_fail_memory(b, m, order);
	if (is_only_execute(q))
		return execute(f, turn, m, q, order);
	if (q->found.is_lost || q->found.statements > 1)
		return pg_refuse_query(f, turn, m, REASON_PREPARE_NOT_ALONE,
				       order);
	if (ref->kind == PREPARED_PREPARE)
		return prepare(f, turn, m, q, order);
	if (b->view.tx != TX_FAILED && is_deallocation(f, q))
		return answer(f, turn, m, ref, order);
	return send_unknown(f, turn, m, q, ref, order);
}

/* Is a group open, or has one failed whose Sync is still to come? */
static bool
is_in_group(const struct pg_back *b)
{
	return b != NULL && (b->is_group_open || b->owed.is_skipping);
}

/* Its names cannot be turned into carpool's, and must not be taken for them. */
static bool
refuse_long(struct pg_front *f, struct turn *turn, const struct pg_command *m,
	    struct order *order, bool *is_handled)
{
	*is_handled = pg_naming_is_cut(f, m->body, m->len);
	if (!*is_handled || (turn->peer_out != NULL &&
			     !pg_command_has_server(f, turn, m, order)))
		return false;
	return pg_refuse_query(f, turn, m, REASON_STATEMENT_TOO_LONG, order);
}

bool
pg_on_sql(struct pg_front *f, struct turn *turn, struct pg_command *m,
	  struct order *order, bool *is_handled)
{
	struct sql q = { 0 };
	bool is_done = false;

	*is_handled = true;
	if (m->frame.total > PG_INSPECT_MAX)
		return refuse_long(f, turn, m, order, is_handled);
	if (!see_text(f, turn, m, &q, order)) {
		mem_free(q.copy);
		return false;
	}
	if (q.found.count == 0 || is_in_group(turn->peer))
		*is_handled = false;
	else if (turn->peer_out == NULL && is_deallocation(f, &q))
		is_done = m->is_first &&
			  answer(f, turn, m, &q.found.refs[0], order);
	else if (pg_command_has_server(f, turn, m, order))
		is_done = with_server(f, turn, m, &q, order);
	mem_free(q.copy);
	return is_done;
}
