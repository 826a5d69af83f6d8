/*
 * SQL's PREPARE, EXECUTE and DEALLOCATE where servers are shared, wherever they
 * stand in a simple Query: the names in the text become carpool's, and what the
 * server lacks is loaded in front.
 *
 * They have the same names as the protocol's messages (pg_extended.c).  A text
 * waits until all that was sent before it is answered, so what client and
 * server hold is certain; and since an error ends the whole text, so is what
 * they will hold when each of its statements has its turn.  What each changes
 * rides with the Query and is committed by its tag (pg_steps.h).  One alone
 * that needs no server is answered without one.  Runs on the client's worker.
 * PostgreSQL manual, "PREPARE", "Multiple Statements in a Simple Query".
 */
#include <string.h>

#include "base/mem.h"
#include "pg_extended.h"
#include "pg_listen.h"
#include "pg_naming.h"
#include "pg_steps.h"
#include "sql/classify.h"
#include "sql/prepared.h"

/* A Query on its way through this file. */
struct sql {
	const char *text; /* borrows, or own */
	size_t len;       /* without the NUL */
	char *copy;       /* owns: of a text that does not lie in one piece */
	struct prepared found;
};

/* Texts of middling length are looked at when all of them is here. */
static bool
is_middling(const struct pg_command *m)
{
	return m->frame.total > PG_WHOLE_MAX &&
	       m->frame.total <= PG_INSPECT_MAX;
}

bool
pg_sql_is_meant(const struct turn *turn, const struct pg_command *m)
{
	return turn->policy->mode != POOL_SESSION &&
	       turn->policy->max_prepared_statements > 0 &&
	       (is_middling(m) || pg_naming_may_be(m->body, m->len) ||
		prepared_may_follow((const char *)m->body, m->len));
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
	if (pg_naming_may_be((const uint8_t *)q->text, q->len) ||
	    prepared_may_follow(q->text, q->len))
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

/* Is it one statement, and no more? */
static bool
is_alone(const struct sql *q)
{
	return q->found.count == 1 && q->found.statements == 1 &&
	       !q->found.is_full && !q->found.is_lost;
}

/* A DEALLOCATE that stands alone, of what is there. */
static bool
is_deallocation(const struct pg_front *f, const struct sql *q)
{
	const struct prepared_ref *ref = &q->found.refs[0];

	if (!is_alone(q))
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

/* Gives an answered name its statement; nothing is on its way. */
static void
set_name(struct pg_front *f, struct pg_name *n, struct statement *s)
{
	n->slot.committed = statement_ref(s);
	pg_names_tidy(f->names, n);
}

/* The data of a statement: all behind its name. */
static struct statement *
intern_sql(struct pg_front *f, struct turn *turn, const struct sql *q,
	   const struct prepared_ref *ref)
{
	size_t from = ref->at + ref->len;

	return pg_intern(f, turn, STATEMENT_SQL, q->text + from,
			 ref->end - from);
}

/* A load of it for this name that the server has, or has been sent. */
static struct pg_load *
good_load(struct pg_back *b, const struct pg_name *n, const struct statement *s)
{
	struct pg_load *l = pg_loads_find(&b->loads, s);

	if (l == NULL || !pg_load_is_outdated(n, l))
		return l;
	pg_loads_spoil(&b->loads, l);
	return NULL;
}

/* A PREPARE that stands alone, of what the server has: the name gets it. */
static bool
take_prepared(struct pg_front *f, struct turn *turn, const struct sql *q)
{
	const struct prepared_ref *ref = &q->found.refs[0];
	struct pg_back *b = turn->peer;
	struct statement *s;
	struct pg_name *n;

	if (!is_alone(q) || ref->kind != PREPARED_PREPARE ||
	    b->view.tx == TX_FAILED || name_of(f, ref) != NULL ||
	    !pg_names_have_room(f->names, q->len))
		return false;
	s = intern_sql(f, turn, q, ref);
	if (s == NULL)
		return false;
	n = pg_names_add(f->names, ref->name);
	if (n != NULL) {
		pg_name_begin(n, pg_change_now(b));
		if (good_load(b, n, s) != NULL)
			set_name(f, n, s);
		pg_names_tidy(f->names, n);
	}
	statement_unref(s);
	return name_of(f, ref) != NULL;
}

/* ---- what each statement does ---- */

/* One Query's way to the server. */
struct plan {
	struct pg_front *f;
	struct turn *turn;
	struct pg_command *m;
	const struct sql *q;
	struct pg_steps *steps; /* owns, until it is sent */
	unsigned flags;         /* of the text, but for its PREPAREs */
	struct order *order;
};

/*
 * What the server has must stay for others, or may not be there: a DEALLOCATE
 * takes a spare that is made for it, and a PREPARE of a name that is taken
 * finds one in its way.  Its name is none of a load's.
 */
#define SPARE_PREFIX PG_NO_SUCH_NAME

static void
name_spare(struct pg_step *s, size_t i)
{
	s->has_spare = true;
	(void)text_format(s->own, sizeof(s->own), SPARE_PREFIX "%u",
			  (unsigned)i);
}

/* What the name stands for when the step's turn comes; NULL: nothing. */
static struct statement *
meant_by(struct plan *p, size_t i)
{
	struct pg_step *s = &p->steps->list[i];
	const struct pg_step *made = pg_steps_before(p->steps, i, s->name);

	if (made == NULL)
		return pg_slot_now(&s->name->slot);
	if (made->kind != PREPARED_PREPARE)
		return NULL;
	s->maker = (int8_t)(made - p->steps->list);
	return made->statement;
}

/* Loading one must not close those before it, though each has a group. */
static void
touch_loads(struct plan *p)
{
	struct pg_back *b = p->turn->peer;

	for (size_t i = 0; i < p->steps->count; i++) {
		if (p->steps->list[i].load != NULL)
			pg_loads_touch(&b->loads, p->steps->list[i].load,
				       b->group);
	}
}

/* The server has it before the text comes. */
static bool
have_before(struct plan *p, struct pg_step *s)
{
	if (!pg_have_load(p->f, p->turn, p->m, s->name, LOAD_APART, &s->load,
			  p->order))
		return false;
	text_copy(s->own, sizeof(s->own), s->load->name);
	s->statement = statement_ref(pg_slot_now(&s->name->slot));
	touch_loads(p);
	return true;
}

static bool
refuse(const struct plan *p, enum reason reason)
{
	return pg_refuse_query(p->f, p->turn, p->m, reason, p->order);
}

/* What this text has made runs. */
static bool
use_made(struct plan *p, struct pg_step *s, struct statement *what)
{
	enum reason refusal = pg_state_refusal(what->flags, p->turn->policy);

	s->statement = statement_ref(what);
	if (refusal != REASON_NONE)
		return refuse(p, refusal);
	pg_ask_arguments(p->turn->peer, what, p->m);
	return pg_statement_runs(p->turn->peer, p->f, what) ||
	       pg_fail_memory(p->turn->peer, p->m, p->order);
}

static bool
execute(struct plan *p, struct pg_step *s, struct statement *what)
{
	if (what->is_naming)
		return refuse(p, REASON_PREPARE_NOT_ALONE);
	return s->maker >= 0 ? use_made(p, s, what) : have_before(p, s);
}

static bool
prepare(struct plan *p, struct pg_step *s, const struct prepared_ref *ref)
{
	if (!pg_names_have_room(p->f->names, p->q->len))
		return refuse(p, REASON_TOO_MANY_STATEMENTS);
	s->is_change = true;
	s->statement = intern_sql(p->f, p->turn, p->q, ref);
	return s->statement != NULL ||
	       pg_fail_memory(p->turn->peer, p->m, p->order);
}

/*
 * Each statement's turn comes only when all before it have come to pass, so
 * what its name stands for then is known now.  False: *order says what must
 * happen first.
 */
static bool
plan_step(struct plan *p, size_t i)
{
	const struct prepared_ref *ref = &p->q->found.refs[i];
	struct pg_step *s = &p->steps->list[i];
	struct statement *what;

	s->kind = (uint8_t)ref->kind;
	s->ordinal = (uint32_t)ref->statement;
	s->is_change = ref->kind == PREPARED_DEALLOCATE_ALL;
	if (s->is_change) {
		text_copy(s->own, sizeof(s->own), "ALL");
		return true;
	}
	s->name = pg_names_add(p->f->names, ref->name);
	if (s->name == NULL)
		return pg_fail_memory(p->turn->peer, p->m, p->order);
	(void)pg_name_ref(s->name);
	what = meant_by(p, i);
	if (what == NULL && ref->kind == PREPARED_PREPARE)
		return prepare(p, s, ref);
	/* The server will say that there is no such statement. */
	text_copy(s->own, sizeof(s->own), PG_NO_SUCH_NAME);
	if (what == NULL)
		return true;
	if (ref->kind == PREPARED_EXECUTE)
		return execute(p, s, what);
	s->is_change = ref->kind == PREPARED_DEALLOCATE;
	if (s->maker < 0)
		name_spare(s, i);
	else
		p->steps->list[s->maker].is_brief |= s->is_change;
	return true;
}

/* ---- what is made for them ---- */

static bool
put_spares(struct plan *p)
{
	struct pg_back *b = p->turn->peer;
	struct pg_owed hidden = { .action = OWED_HIDE };
	struct str s = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < p->steps->count; i++) {
		const struct pg_step *step = &p->steps->list[i];

		if (!step->has_spare)
			continue;
		count++;
		pg_put_spare(&s, step->own);
	}
	if (count == 0)
		return true;
	pg_put_end(&s, pg_put_begin(&s, 'S'));
	if (!pg_put_flush(&s, p->turn->peer_out))
		return false;
	while (count-- > 0) {
		hidden.kind = OWED_CLOSE;
		pg_back_push(b, hidden);
		hidden.kind = OWED_PARSE;
		pg_back_push(b, hidden);
	}
	hidden.kind = OWED_SYNC;
	hidden.task = TASK_LOAD;
	pg_back_push(b, hidden);
	return true;
}

/*
 * Other statements of the text, or a transaction that is undone in it, may have
 * changed what it means, so it is for this text alone; so is one that is there
 * already, and one that does not last.
 */
static bool
is_private(const struct plan *p, const struct pg_step *s)
{
	struct pg_back *b = p->turn->peer;
	return s->is_brief || good_load(b, s->name, s->statement) != NULL ||
	       (p->q->found.statements > 1 &&
		(p->flags != 0 || b->view.tx != TX_IDLE));
}

static bool
make_load(struct plan *p, struct pg_step *s)
{
	struct pg_back *b = p->turn->peer;
	bool is_own = is_private(p, s);

	s->load = pg_new_load(p->f, p->turn, s->statement, s->name);
	if (s->load == NULL)
		return false;
	text_copy(s->own, sizeof(s->own), s->load->name);
	if (is_own)
		pg_loads_spoil(&b->loads, s->load);
	return true;
}

/* All names that the server is to read. */
static bool
make_loads(struct plan *p)
{
	for (size_t i = 0; i < p->steps->count; i++) {
		struct pg_step *s = &p->steps->list[i];
		struct pg_step *made =
			s->maker >= 0 ? &p->steps->list[s->maker] : NULL;

		if (s->kind == PREPARED_PREPARE && s->is_change) {
			if (!make_load(p, s))
				return false;
		} else {
			/* It may be gone before the text has ended. */
			s->load = NULL;
		}
		if (made == NULL)
			continue;
		memcpy(s->own, made->own, sizeof(s->own));
		if (s->kind == PREPARED_DEALLOCATE)
			s->load = made->load;
	}
	return true;
}

/* ---- the text ---- */

/* Writes the Query with the names of the server's. */
static bool
send_text(struct plan *p)
{
	const struct sql *q = p->q;
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'Q'), from = 0;
	uint32_t at = 0;

	for (size_t i = 0; i < p->steps->count; i++) {
		const struct prepared_ref *ref = &q->found.refs[i];
		struct pg_step *step = &p->steps->list[i];
		int len = pg_count_characters(q->text + ref->at, ref->len);

		str_add(&s, q->text + from, ref->at - from);
		str_puts(&s, step->own);
		at += (uint32_t)pg_count_characters(q->text + from,
						    ref->at - from);
		step->at = at;
		step->growth = (int16_t)((int)strlen(step->own) - len);
		at += (uint32_t)len;
		from = ref->at + ref->len;
	}
	str_add(&s, q->text + from, q->len - from);
	str_putc(&s, '\0');
	pg_put_end(&s, mark);
	if (!pg_put_flush(&s, p->turn->peer_out))
		return false;
	p->m->copied = p->m->frame.at + p->m->frame.total;
	return true;
}

static bool
push_query(struct plan *p)
{
	struct pg_front *f = p->f;
	struct pg_back *b = p->turn->peer;
	struct pg_owed entry = { .kind = OWED_QUERY,
				 .is_unnamed = true,
				 .has_steps = true,
				 .steps = p->steps };

	p->steps = NULL;
	pg_slot_fini(&pg_names_unnamed(f->names)->slot);
	pg_back_push(b, entry);
	f->is_group_open = b->is_group_open = false;
	return true;
}

/* Entries that a step may take: two Closes and its own. */
#define STEP_ENTRIES 3u

static bool
send(struct plan *p)
{
	const uint8_t *text = (const uint8_t *)p->q->text;
	struct pg_back *b = p->turn->peer;

	if (!pg_owed_reserve(&b->owed, STEP_ENTRIES * p->steps->count + 2))
		return pg_stop_plain(p->order, ORDER_WAIT);
	pg_text_runs(p->f, b, p->flags, text, p->q->len);
	if (!pg_listen_text(b, p->f, text, p->q->len) || !put_spares(p))
		return pg_fail_memory(b, p->m, p->order);
	touch_loads(p);
	if (!make_loads(p) || !send_text(p))
		return pg_fail_memory(b, p->m, p->order);
	return push_query(p);
}

/* The names in the text become the server's, and what it lacks comes first. */
static bool
translate(struct pg_front *f, struct turn *turn, struct pg_command *m,
	  const struct sql *q, struct order *order)
{
	struct plan p = {
		.f = f, .turn = turn, .m = m, .q = q, .order = order
	};
	const uint8_t *text = (const uint8_t *)q->text;
	bool is_done = true;

	/* That it prepares is known; its arguments may do anything. */
	p.flags = pg_text_query(f, turn->peer, turn->policy, text, q->len) &
		  ~(unsigned)CLASSIFY_PREPARE;
	if (q->found.statements > 1 &&
	    pg_state_refusal(p.flags, turn->policy) != REASON_NONE)
		return refuse(&p, pg_state_refusal(p.flags, turn->policy));
	p.steps = pg_steps_new(q->found.count);
	if (p.steps == NULL)
		return pg_fail_memory(turn->peer, m, order);
	for (size_t i = 0; i < q->found.count && is_done; i++)
		is_done = plan_step(&p, i);
	is_done = is_done && send(&p);
	if (p.steps != NULL)
		pg_steps_free(turn->peer, p.steps);
	return is_done;
}

static bool
with_server(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    struct sql *q, struct order *order)
{
	struct pg_back *b = turn->peer;

	if (!m->is_first)
		return false;
	/* Nothing is on its way, so all is certain. */
	if (b->owed.count > 0)
		return pg_stop_plain(order, ORDER_WAIT);
	if (!pg_owed_reserve(&b->owed, OWED_SMALL))
		return pg_stop_plain(order, ORDER_WAIT);
	if (pg_names_of(f, turn) == NULL)
		return pg_fail_memory(b, m, order);
	if (q->found.is_lost || q->found.is_full)
		return pg_refuse_query(f, turn, m,
				       q->found.is_lost
					       ? REASON_PREPARE_NOT_ALONE
					       : REASON_TOO_MANY_NAMES,
				       order);
	if ((b->view.tx != TX_FAILED && is_deallocation(f, q)) ||
	    take_prepared(f, turn, q))
		return answer(f, turn, m, &q->found.refs[0], order);
	return translate(f, turn, m, q, order);
}

/* Has a group failed whose Sync is still to come?  The server passes it over.
 */
static bool
is_passed_over(const struct pg_back *b)
{
	return b != NULL && b->owed.is_skipping;
}

/* In a group nothing can be loaded apart, and what the text names must not be
 * taken for carpool's. */
static bool
is_in_group(const struct turn *turn)
{
	return turn->peer_out != NULL &&
	       ((const struct pg_back *)turn->peer)->is_group_open;
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
	if (q.found.count == 0 || is_passed_over(turn->peer))
		*is_handled = false;
	else if (is_in_group(turn))
		is_done = pg_command_has_server(f, turn, m, order) &&
			  pg_refuse_query(f, turn, m, REASON_PREPARE_NOT_ALONE,
					  order);
	else if (turn->peer_out == NULL && is_deallocation(f, &q))
		is_done = m->is_first &&
			  answer(f, turn, m, &q.found.refs[0], order);
	else if (pg_command_has_server(f, turn, m, order))
		is_done = with_server(f, turn, m, &q, order);
	mem_free(q.copy);
	return is_done;
}
