/*
 * Statements of the extended protocol whose text names others.
 *
 * Their Parse goes out as it is, but what it makes is never run, since it has
 * the client's names.  A Bind or Describe gets a Parse of its own in front, of
 * the text with carpool's names in it, under a name that is closed behind it;
 * what it executes is loaded before.  PREPARE and DEALLOCATE happen at Execute:
 * PREPARE is a load, DEALLOCATE a change of the client's names alone, and their
 * tags are carpool's own, in their turn.  pg_sql.c does the same for simple
 * Queries.  Runs on the client's worker.  PostgreSQL manual, "PREPARE",
 * "Message Flow".
 */
#include "pg_naming.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "pg_extended.h"
#include "sql/classify.h"

#define PORTALS_MAX 64u
#define ENTRIES 24u /* more than one message takes, loads among them */

/* A statement and what it names. */
struct naming {
	const struct statement *s; /* borrows */
	size_t len;                /* of its text */
	struct prepared found;
};

/* ---- portals ---- */

static void
free_portal(struct pg_portal *p)
{
	statement_unref(p->statement);
	mem_free(p);
}

void
pg_portals_clear(struct pg_back *b)
{
	while (b->portals != NULL) {
		struct pg_portal *p = b->portals;

		b->portals = p->next;
		free_portal(p);
	}
}

static struct pg_portal *
find_portal(const struct pg_back *b, const char *name)
{
	struct pg_portal *p = b->portals;

	while (p != NULL && strcmp(p->name, name) != 0)
		p = p->next;
	return p;
}

void
pg_portals_drop(struct pg_back *b, const char *name)
{
	struct pg_portal **at = &b->portals, *p = find_portal(b, name);

	if (p == NULL)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free_portal(p);
}

static bool
have_room_for_portal(const struct pg_back *b)
{
	unsigned n = 0;

	for (const struct pg_portal *p = b->portals; p != NULL; p = p->next)
		n++;
	return n < PORTALS_MAX;
}

static bool
add_portal(struct pg_back *b, const char *name, struct statement *s,
	   int16_t shift)
{
	size_t len = strlen(name);
	struct pg_portal *p = mem_zalloc(sizeof(*p) + len + 1);

	if (p == NULL)
		return false;
	memcpy(p->name, name, len);
	p->statement = statement_ref(s);
	p->shift = shift;
	p->next = b->portals;
	b->portals = p;
	return true;
}

/* ---- texts ---- */

static bool
begins_with(const char *at, size_t left, const char *word)
{
	size_t len = strlen(word);

	return left > len && strncasecmp(at, word, len) == 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == ';';
}

/* The words that begin such a text: others cost no second look. */
bool
pg_naming_may_be(const uint8_t *text, size_t left)
{
	const char *at = (const char *)text;

	while (left > 0 && is_blank(*at)) {
		at++;
		left--;
	}
	if (left == 0)
		return false;
	switch (text_lower(*at)) {
	case 'p':
		return begins_with(at, left, "prepare");
	case 'e':
		return begins_with(at, left, "execute") ||
		       begins_with(at, left, "explain");
	case 'd':
		return begins_with(at, left, "deallocate");
	case 'c':
		return begins_with(at, left, "create");
	case '/': /* a comment may hide anything */
	case '-':
		return true;
	default:
		return false;
	}
}

static bool
find_names(const struct pg_front *f, const char *text, size_t len,
	   struct prepared *p)
{
	prepared_find(p, text, len, f->lexer);
	return p->count == 1 && p->statements == 1 && !p->is_full &&
	       !p->is_lost;
}

bool
pg_naming_is(const struct pg_front *f, const char *text, size_t len)
{
	struct prepared p;

	return pg_naming_may_be((const uint8_t *)text, len) &&
	       find_names(f, text, len, &p);
}

bool
pg_naming_is_cut(const struct pg_front *f, const uint8_t *text, size_t left)
{
	struct prepared p;

	if (!pg_naming_may_be(text, left))
		return false;
	prepared_find(&p, (const char *)text, left, f->lexer);
	return p.count > 0;
}

/* False: under the settings of now it names nothing. */
static bool
read_naming(const struct pg_front *f, const struct statement *s,
	    struct naming *q)
{
	q->s = s;
	q->len = strnlen(s->data, s->len);
	return find_names(f, s->data, q->len, &q->found);
}

int
pg_count_characters(const char *text, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((uint8_t)text[i] & 0xc0) != 0x80;
	return n;
}

/* What the text up to the end of the name grows by. */
static int16_t
growth(const struct naming *q, size_t from, const char *own)
{
	const struct prepared_ref *ref = &q->found.refs[0];
	int n = (int)strlen(own) -
		pg_count_characters(q->s->data + from,
				    ref->at + ref->len - from);

	return n < INT16_MIN ? 0 : (int16_t)n;
}

/* ---- what is written ---- */

static bool
write_named(struct buf *out, uint8_t type, char kind, const char *name)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, (char)type);

	str_putc(&s, kind);
	pg_put_text(&s, name);
	pg_put_end(&s, mark);
	return pg_put_flush(&s, out);
}

static bool
push_hidden(struct pg_front *f, struct turn *turn, enum pg_owed_kind kind)
{
	enum pg_owed_action action = kind == OWED_CLOSE ? OWED_HIDE : OWED_LOAD;

	return pg_command_push(f, turn,
			       (struct pg_owed){ .kind = (uint8_t)kind,
						 .action = (uint8_t)action });
}

/* An earlier one may stand there still, where an error kept its Close back. */
static bool
close_run(struct pg_front *f, struct turn *turn)
{
	return write_named(turn->peer_out, 'C', 'S', PG_RUN_NAME) &&
	       push_hidden(f, turn, OWED_CLOSE);
}

/* A Parse of the text, with own in place of the name; NULL: as it is. */
static bool
parse_run(struct pg_front *f, struct turn *turn, const struct naming *q,
	  const char *own)
{
	const struct prepared_ref *ref = &q->found.refs[0];
	const char *text = q->s->data;
	size_t from = own != NULL ? ref->at + ref->len : 0;
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 'P');

	pg_put_text(&s, PG_RUN_NAME);
	if (own != NULL) {
		str_add(&s, text, ref->at);
		str_puts(&s, own);
	}
	str_add(&s, text + from, q->s->len - from);
	pg_put_end(&s, mark);
	return pg_put_flush(&s, turn->peer_out) &&
	       push_hidden(f, turn, OWED_PARSE);
}

/* ---- Bind and Describe ---- */

/*
 * What the text calls its name here; NULL: it stays as it is.  False: *order
 * says what must happen first.
 */
static bool
own_name(struct pg_front *f, struct turn *turn, struct pg_command *m,
	 const struct naming *q, const char **own, struct order *order)
{
	const struct prepared_ref *ref = &q->found.refs[0];
	struct pg_name *n = pg_names_find(f->names, ref->name);
	struct pg_back *b = turn->peer;
	struct pg_load *l;

	/* Neither of these is run. */
	*own = NULL;
	if (ref->kind == PREPARED_DEALLOCATE)
		*own = PG_NO_SUCH_NAME;
	if (ref->kind != PREPARED_EXECUTE)
		return pg_may_add(turn, m, order);
	*own = PG_NO_SUCH_NAME;
	if (n != NULL && pg_slot_is_unsure(&n->slot, b->group))
		return pg_stop_plain(order, ORDER_WAIT);
	if (n == NULL || pg_slot_now(&n->slot) == NULL)
		return pg_may_add(turn, m, order);
	if (pg_slot_now(&n->slot)->is_naming)
		return pg_command_refuse(f, turn, m, REASON_PREPARE_NOT_ALONE,
					 order);
	if (!pg_have_load(f, turn, m, n, LOAD_IN_GROUP, &l, order))
		return false;
	*own = l->name;
	return true;
}

static bool
use(struct pg_front *f, struct turn *turn, struct pg_command *m, size_t at,
    size_t name_len, const struct naming *q, const char *own,
    struct order *order)
{
	const char *client_name = (const char *)m->body + at;
	struct pg_name *n = pg_names_add(f->names, client_name);
	struct pg_owed entry = { .kind = m->frame.type == 'B'
						 ? OWED_BIND
						 : OWED_DESCRIBE_STATEMENT };

	if (n == NULL || !close_run(f, turn) || !parse_run(f, turn, q, own))
		return pg_fail_memory(turn->peer, m, order);
	entry.name = pg_name_ref(n);
	(void)pg_command_push(f, turn, entry);
	if (!pg_command_replace(f, turn, m, at, name_len, PG_RUN_NAME,
				sizeof(PG_RUN_NAME), order))
		return false;
	return close_run(f, turn) || pg_fail_memory(turn->peer, m, order);
}

bool
pg_naming_use(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      size_t at, size_t name_len, struct statement *s,
	      struct order *order)
{
	struct pg_back *b = turn->peer;
	bool is_bind = m->frame.type == 'B';
	const char *own, *portal = (const char *)m->body;
	enum reason refusal = pg_state_refusal(s->flags, turn->policy);
	struct naming q;
	int16_t shift = 0;

	/* Such a text has no parameters, so this could only fail. */
	if (m->frame.total > PG_WHOLE_MAX || !read_naming(f, s, &q))
		refusal = REASON_PREPARE_NOT_ALONE;
	if (is_bind && !have_room_for_portal(b))
		refusal = REASON_TOO_MANY_STATEMENTS;
	if (refusal != REASON_NONE)
		return pg_command_refuse(f, turn, m, refusal, order);
	if (!pg_owed_reserve(&b->owed, ENTRIES))
		return pg_stop_plain(order, ORDER_WAIT);
	if (!own_name(f, turn, m, &q, &own, order))
		return false;
	pg_text_runs(f, b, s->flags & ~(unsigned)CLASSIFY_PREPARE, s->data,
		     q.len);
	if (own != NULL)
		shift = growth(&q, q.found.refs[0].at, own);
	if (is_bind && !add_portal(b, portal, s, shift))
		return pg_fail_memory(b, m, order);
	b->view.binds += is_bind && m->body[at] != '\0';
	return use(f, turn, m, at, name_len, &q, own, order);
}

/* ---- Execute ---- */

/* Does the portal exist?  The server says so where it does not. */
static bool
check_portal(struct pg_front *f, struct turn *turn, const char *portal)
{
	return write_named(turn->peer_out, 'D', 'P', portal) &&
	       push_hidden(f, turn, OWED_DESCRIBE_PORTAL);
}

/*
 * The Execute is answered in its turn, and its portal is gone: it must never
 * run.
 */
static bool
answer(struct pg_front *f, struct turn *turn, struct pg_command *m,
       struct pg_owed entry, struct order *order)
{
	static const uint8_t flush[] = { 'H', 0, 0, 0, 4 };
	struct pg_back *b = turn->peer;
	bool ok;

	entry.kind = OWED_EXECUTE;
	entry.action = OWED_FAKE;
	(void)pg_command_push(f, turn, entry);
	m->copied = m->frame.at + m->frame.total;
	ok = write_named(turn->peer_out, 'C', 'P', (const char *)m->body) &&
	     push_hidden(f, turn, OWED_CLOSE);
	/* What follows waits until all names are gone. */
	b->is_clearing |= entry.is_clear;
	if (ok && entry.is_clear)
		ok = buf_append(turn->peer_out, flush, sizeof(flush));
	return ok || pg_fail_memory(b, m, order);
}

/* The name is taken: the server is to say so, under the name that it knows. */
static bool
prepare_again(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      const struct statement *s, struct pg_owed failing,
	      struct order *order)
{
	struct pg_load *l;

	if (!pg_have_load(f, turn, m, failing.name, LOAD_IN_GROUP, &l, order))
		return false;
	if (!check_portal(f, turn, (const char *)m->body))
		return pg_fail_memory(turn->peer, m, order);
	(void)pg_name_ref(failing.name);
	failing.shift = (int16_t)(failing.shift + l->name_len - 1);
	if (!pg_run_prepare(f, turn, l->name, s, failing))
		return pg_fail_memory(turn->peer, m, order);
	return answer(f, turn, m, (struct pg_owed){ .done = 0 }, order);
}

static bool
prepare_new(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    struct statement *s, struct pg_owed making, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_name *n = making.name;
	struct pg_load *l = pg_loads_find(&b->loads, s);
	struct pg_owed done = { .is_change = true };

	if (l != NULL && l->state == LOAD_SENT && l->group != b->group)
		return pg_stop_plain(order, ORDER_WAIT);
	if (!(l != NULL ? pg_may_add(turn, m, order)
			: pg_may_load(turn, m, order)))
		return false;
	pg_name_begin(n, pg_change_now(b));
	if (!check_portal(f, turn, (const char *)m->body))
		return pg_fail_memory(b, m, order);
	if (l == NULL || pg_load_is_outdated(n, l)) {
		if (l != NULL)
			pg_loads_spoil(&b->loads, l);
		l = pg_new_load(f, turn, s, n);
		making.has_load = true;
		making.load = l;
		if (l == NULL)
			return pg_fail_memory(b, m, order);
		making.name = pg_name_ref(n);
		making.shift = (int16_t)(making.shift + l->name_len - 1);
		if (!pg_run_prepare(f, turn, l->name, s, making))
			return pg_fail_memory(b, m, order);
	}
	pg_loads_touch(&b->loads, l, b->group);
	done.name = pg_name_ref(n);
	done.statement = statement_ref(s);
	return answer(f, turn, m, done, order);
}

static bool
prepare(struct pg_front *f, struct turn *turn, struct pg_command *m,
	const struct naming *q, struct pg_name *n, struct order *order)
{
	const struct prepared_ref *ref = &q->found.refs[0];
	size_t from = ref->at + ref->len;
	bool is_taken = pg_slot_now(&n->slot) != NULL, is_done;
	struct statement *s;
	struct pg_owed run = {
		.kind = OWED_EXECUTE,
		.action = OWED_LOAD,
		.name = n,
		.shift = growth(q, 0, "PREPARE "),
	};

	if (!is_taken && !pg_names_have_room(f->names, q->len))
		return pg_command_refuse(f, turn, m, REASON_TOO_MANY_STATEMENTS,
					 order);
	s = pg_intern(f, turn, STATEMENT_SQL, q->s->data + from,
		      ref->end - from);
	if (s == NULL)
		return pg_fail_memory(turn->peer, m, order);
	is_done = is_taken ? prepare_again(f, turn, m, s, run, order)
			   : prepare_new(f, turn, m, s, run, order);
	statement_unref(s);
	return is_done;
}

static bool
deallocate(struct pg_front *f, struct turn *turn, struct pg_command *m,
	   struct pg_name *n, struct order *order)
{
	struct pg_owed entry = { .is_clear = n == NULL,
				 .is_change = n != NULL };

	if (!pg_may_add(turn, m, order))
		return false;
	if (!check_portal(f, turn, (const char *)m->body))
		return pg_fail_memory(turn->peer, m, order);
	if (n != NULL)
		entry.name = pg_name_ref(n);
	return answer(f, turn, m, entry, order);
}

/* As it stands; errors are told with the client's name. */
static bool
go(struct pg_front *f, struct turn *turn, struct pg_name *n, int16_t shift)
{
	return pg_command_push(f, turn,
			       (struct pg_owed){ .kind = OWED_EXECUTE,
						 .name = pg_name_ref(n),
						 .shift = shift });
}

static bool
execute(struct pg_front *f, struct turn *turn, struct pg_command *m,
	const struct pg_portal *p, const struct naming *q, struct order *order)
{
	const struct prepared_ref *ref = &q->found.refs[0];
	struct pg_back *b = turn->peer;
	bool is_all = ref->kind == PREPARED_DEALLOCATE_ALL;
	struct pg_name *n = is_all ? NULL : pg_names_add(f->names, ref->name);
	bool is_done;

	if (!is_all && n == NULL)
		return pg_fail_memory(b, m, order);
	if (ref->kind == PREPARED_EXECUTE)
		return go(f, turn, n, p->shift);
	if (!pg_owed_reserve(&b->owed, ENTRIES) || pg_command_ends(b) > 0 ||
	    (n != NULL && pg_slot_is_unsure(&n->slot, b->group)))
		is_done = pg_stop_plain(order, ORDER_WAIT);
	else if (b->view.tx == TX_FAILED)
		is_done = pg_command_push(
			f, turn, (struct pg_owed){ .kind = OWED_EXECUTE });
	else if (ref->kind == PREPARED_PREPARE)
		is_done = prepare(f, turn, m, q, n, order);
	else if (is_all || pg_slot_now(&n->slot) != NULL)
		is_done = deallocate(f, turn, m, n, order);
	else
		is_done = go(f, turn, n, p->shift);
	if (n != NULL)
		pg_names_tidy(f->names, n);
	return is_done;
}

bool
pg_naming_execute(struct pg_front *f, struct turn *turn, struct pg_command *m,
		  struct order *order, bool *is_handled)
{
	struct pg_body at = { .at = m->body, .left = m->len };
	const char *name = pg_body_text(&at);
	const struct pg_portal *p = NULL;
	struct naming q;

	if (name != NULL)
		p = find_portal(turn->peer, name);
	*is_handled = p != NULL && read_naming(f, p->statement, &q);
	if (!*is_handled)
		return false;
	return execute(f, turn, m, p, &q, order);
}
