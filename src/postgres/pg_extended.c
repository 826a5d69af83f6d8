/*
 * The extended protocol's messages that name statements, where servers are
 * shared: the client's names become carpool's names on the server, and what the
 * server lacks is loaded in front of the message that needs it.
 *
 * Nothing here decides what came to pass: each message pushes an entry with the
 * change that its answer will commit (pg_effect.c).  A message whose meaning
 * hangs on answers to an earlier group waits for them.  Errors that carpool
 * could tell by itself are left to the server to make, so that they undo what
 * an error undoes.  In session mode all goes out as it is.  Runs on the
 * client's worker.  PostgreSQL manual, "Message Flow", "Extended Query".
 */
#include "pg_extended.h"

#include <string.h>

#include "base/mem.h"
#include "pg_naming.h"
#include "sql/classify.h"
#include "sql/statement.h"

static bool
is_shared(const struct turn *turn)
{
	return turn->policy->mode != POOL_SESSION;
}

static bool
push_plain(struct pg_front *f, struct turn *turn, enum pg_owed_kind kind)
{
	return pg_command_push(f, turn,
			       (struct pg_owed){ .kind = (uint8_t)kind });
}

/*
 * Does the server not look at this message, because a group has failed or
 * because it reads the data of a COPY?  Then it goes as it is.
 */
static bool
is_ignored(const struct pg_back *b)
{
	return b->owed.is_skipping ||
	       (b->owed.is_copy_in && b->owed.kinds[OWED_COPY_END] == 0);
}

/* ---- the unnamed statement ---- */

/*
 * Whatever comes of what was sent, do the client's and the server's hold the
 * same afterwards?  An error may come between changes of one of them alone.
 */
static bool
agree(struct pg_back *b, const struct pg_slot *own)
{
	const struct pg_slot *its = &b->unnamed;

	for (uint32_t i = 0; i < b->owed.count; i++) {
		const struct pg_owed *e = pg_owed_at(&b->owed, i);
		bool is_own = e->is_change && e->name->text[0] == '\0';

		if (is_own != e->is_unnamed)
			return false;
	}
	return own->pending == its->pending && own->group == its->group &&
	       statement_is_equal(own->committed, its->committed) &&
	       statement_is_equal(own->latest, its->latest);
}

/* The server has somebody else's: it is to have none, and to say so. */
static bool
drop_unnamed(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     struct order *order)
{
	static const uint8_t close[] = { 'C', 0, 0, 0, 6, 'S', 0 };

	if (!pg_may_add(turn, m, order))
		return false;
	if (!buf_append(turn->peer_out, close, sizeof(close)))
		return pg_fail_memory(turn->peer, m, order);
	return pg_command_push(f, turn,
			       (struct pg_owed){ .kind = OWED_CLOSE,
						 .action = OWED_HIDE,
						 .is_unnamed = true });
}

/*
 * The server's unnamed statement is the client's, or becomes it by what is
 * written here.  False: *order says what must happen first.
 */
static bool
have_unnamed(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_name *name = pg_names_unnamed(f->names);
	struct statement *s = pg_slot_now(&name->slot);
	enum reason refusal;
	bool has_failed;

	if ((pg_slot_is_unsure(&name->slot, b->group) ||
	     pg_slot_is_unsure(&b->unnamed, b->group)) &&
	    !agree(b, &name->slot))
		return pg_stop_plain(order, ORDER_WAIT);
	if (s == NULL && pg_slot_now(&b->unnamed) == NULL)
		return true;
	if (s == NULL ||
	    (s->kind == STATEMENT_LOST && s != pg_slot_now(&b->unnamed)))
		return drop_unnamed(f, turn, m, order);
	refusal = pg_state_refusal(s->flags, turn->policy);
	if (refusal != REASON_NONE)
		return pg_command_refuse(f, turn, m, refusal, order);
	pg_ask_arguments(b, s, m);
	if (!pg_statement_runs(b, f, s))
		return pg_stop_fail(order, REASON_NO_MEMORY);
	/* In a failed transaction no Parse makes it newer. */
	has_failed = b->view.tx == TX_FAILED && pg_command_ends(b) == 0;
	if (statement_is_equal(s, pg_slot_now(&b->unnamed)) &&
	    (b->unnamed_parsed >= name->changes || has_failed))
		return true;
	if (!pg_may_add(turn, m, order))
		return false;
	if (!pg_write_parse(turn->peer_out, "", 1, s))
		return pg_fail_memory(b, m, order);
	return pg_command_push(
		f, turn,
		(struct pg_owed){ .kind = OWED_PARSE,
				  .action = OWED_LOAD,
				  .is_unnamed = true,
				  .name = pg_name_ref(name),
				  .statement = statement_ref(s) });
}

void
pg_query_drops_unnamed(const struct pg_front *f, const struct pg_back *b,
		       struct pg_owed *entry)
{
	struct pg_name *n;

	entry->is_unnamed =
		b->unnamed.pending > 0 || b->unnamed.committed != NULL;
	if (f->names == NULL)
		return;
	n = pg_names_unnamed(f->names);
	if (n->slot.pending == 0 && n->slot.committed == NULL)
		return;
	entry->is_change = entry->is_unnamed = true;
	entry->name = pg_name_ref(n);
}

/* ---- Parse ---- */

/* A Parse's body, taken apart. */
struct parse {
	const char *name;
	size_t name_len;  /* with its NUL */
	const char *data; /* all behind the name */
	size_t len;
	char *copy; /* owns: of a body that does not lie in one piece */
};

/* False: the message is not what it should be, and the server will say so. */
static bool
read_parse(const struct pg_command *m, const uint8_t *body, struct parse *p)
{
	size_t len = m->frame.total - PG_HEADER;
	struct pg_body at = { .at = body, .left = len };

	p->name = pg_body_text(&at);
	p->name_len = len - at.left;
	p->data = (const char *)at.at;
	p->len = at.left;
	return p->name != NULL && pg_body_text(&at) != NULL && at.left >= 2;
}

/* Makes the whole body visible, which may be longer than others are. */
static bool
see_parse(struct turn *turn, const struct pg_command *m, struct parse *p,
	  bool *is_good, struct order *order)
{
	size_t len = m->frame.total - PG_HEADER;

	if (m->frame.total <= PG_WHOLE_MAX) {
		*is_good = read_parse(m, m->body, p);
		return true;
	}
	if (!m->is_first)
		return false;
	if (turn->in->len < m->frame.total)
		return pg_stop(order,
			       order_bytes(ORDER_NEED_MORE, m->frame.total));
	p->copy = mem_zalloc(len);
	if (p->copy == NULL)
		return pg_stop_fail(order, REASON_NO_MEMORY);
	buf_copy_out(turn->in, PG_HEADER, p->copy, len);
	*is_good = read_parse(m, (const uint8_t *)p->copy, p);
	return true;
}

/* Is it to be seen whole, because it may name others? */
static bool
is_long_naming(const struct pg_command *m)
{
	return m->frame.total > PG_WHOLE_MAX &&
	       m->frame.total <= PG_INSPECT_MAX &&
	       pg_naming_may_be(m->body + 1, m->len - 1);
}

/* Its names cannot be turned into carpool's, and must not be taken for them. */
static bool
is_cut_naming(const struct pg_front *f, const struct pg_command *m)
{
	return m->frame.total > PG_INSPECT_MAX &&
	       pg_naming_is_cut(f, m->body + 1, m->len - 1);
}

static bool
parse_unnamed(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      struct order *order)
{
	struct pg_owed entry = { .kind = OWED_PARSE,
				 .is_unnamed = true,
				 .is_change = true };
	struct parse p = { 0 };
	bool goes_now = true, is_good = false;

	if (is_cut_naming(f, m))
		return pg_command_refuse(f, turn, m, REASON_STATEMENT_TOO_LONG,
					 order);
	if (is_long_naming(m)) {
		if (!see_parse(turn, m, &p, &is_good, order))
			return false;
		entry.statement = is_good ? pg_intern(f, turn, STATEMENT_PARSED,
						      p.data, p.len)
					  : statement_lost(0);
		mem_free(p.copy);
	} else if (m->frame.total > PG_WHOLE_MAX) {
		goes_now = pg_command_look(f, turn, m, 1, order);
		if (!goes_now && (!m->is_first || order->kind != ORDER_RELAY))
			return false;
		entry.statement = statement_lost(0);
	} else if (!read_parse(m, m->body, &p)) {
		return push_plain(f, turn, OWED_PARSE);
	} else {
		entry.statement =
			pg_intern(f, turn, STATEMENT_PARSED, p.data, p.len);
	}
	if (entry.statement == NULL)
		return pg_fail_memory(turn->peer, m, order);
	entry.name = pg_name_ref(pg_names_unnamed(f->names));
	entry.name->changes = pg_change_now(turn->peer);
	(void)pg_command_push(f, turn, entry);
	return goes_now;
}

/*
 * The server has this text, so its Parse needs no trip: but only where the
 * transaction is known not to have failed.
 */
static bool
may_fake(const struct pg_back *b)
{
	return b->view.tx != TX_FAILED;
}

static bool
fake(struct pg_front *f, struct turn *turn, struct pg_command *m,
     struct pg_owed entry, struct order *order)
{
	if (!pg_command_begin(turn, m, order)) {
		if (entry.name != NULL)
			pg_name_unref(entry.name);
		statement_unref(entry.statement);
		return false;
	}
	m->copied = m->frame.at + m->frame.total;
	entry.action = OWED_FAKE;
	return pg_command_push(f, turn, entry);
}

static void
count_parse(const struct turn *turn)
{
	struct pg_back *b = turn->peer;

	b->view.client_parses++;
}

/* The name is taken: the server says so, under the name that it knows. */
static bool
parse_again(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    const struct parse *p, struct pg_name *n, struct order *order)
{
	struct pg_load *l;

	if (!pg_have_load(f, turn, m, n, LOAD_IN_GROUP, &l, order))
		return false;
	count_parse(turn);
	(void)pg_command_push(
		f, turn,
		(struct pg_owed){ .kind = OWED_PARSE, .name = pg_name_ref(n) });
	return pg_command_replace(f, turn, m, 0, p->name_len, l->name,
				  l->name_len, order);
}

static bool
parse_new(struct pg_front *f, struct turn *turn, struct pg_command *m,
	  const struct parse *p, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_owed entry = { .kind = OWED_PARSE, .is_change = true };
	struct statement *s =
		pg_intern(f, turn, STATEMENT_PARSED, p->data, p->len);
	struct pg_load *l = s != NULL ? pg_loads_find(&b->loads, s) : NULL;
	struct pg_name *n = s != NULL ? pg_names_add(f->names, p->name) : NULL;
	bool is_done = false;

	if (n != NULL)
		pg_name_begin(n, pg_change_now(b));
	if (n != NULL && l != NULL && pg_load_is_outdated(n, l)) {
		pg_loads_spoil(&b->loads, l);
		l = NULL;
	}
	if (n == NULL) {
		(void)pg_fail_memory(b, m, order);
	} else if (l != NULL && pg_command_ends(b) > 0) {
		(void)pg_stop_plain(order, ORDER_WAIT);
	} else if (l != NULL && may_fake(b)) {
		entry.name = pg_name_ref(n);
		entry.statement = statement_ref(s);
		pg_loads_touch(&b->loads, l, b->group);
		is_done = fake(f, turn, m, entry, order);
		if (is_done)
			count_parse(turn);
	} else if (pg_may_load(turn, m, order)) {
		l = pg_new_load(f, turn, s, n);
		if (l == NULL) {
			(void)pg_fail_memory(b, m, order);
		} else {
			entry.name = pg_name_ref(n);
			entry.has_load = true;
			entry.load = l;
			count_parse(turn);
			(void)pg_command_push(f, turn, entry);
			is_done =
				pg_command_replace(f, turn, m, 0, p->name_len,
						   l->name, l->name_len, order);
		}
	}
	if (n != NULL)
		pg_names_tidy(f->names, n);
	statement_unref(s);
	return is_done;
}

static bool
parse_named(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    const struct parse *p, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_name *n = pg_names_find(f->names, p->name);

	if (n != NULL && pg_slot_is_unsure(&n->slot, b->group))
		return pg_stop_plain(order, ORDER_WAIT);
	if (n != NULL && pg_slot_now(&n->slot) != NULL)
		return parse_again(f, turn, m, p, n, order);
	if (!pg_names_have_room(f->names, p->len))
		return pg_command_refuse(f, turn, m, REASON_TOO_MANY_STATEMENTS,
					 order);
	return parse_new(f, turn, m, p, order);
}

static bool
parse_shared(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     struct order *order)
{
	struct parse p = { 0 };
	bool is_good = false, is_done;

	if (m->frame.total > PG_INSPECT_MAX)
		return pg_command_refuse(f, turn, m, REASON_STATEMENT_TOO_LONG,
					 order);
	if (!see_parse(turn, m, &p, &is_good, order))
		return false;
	/* It may have to be waited for: no server is held for it. */
	if (!pg_command_has_server(f, turn, m, order))
		is_done = false;
	else if (pg_names_of(f, turn) == NULL)
		is_done = pg_fail_memory(turn->peer, m, order);
	else if (!is_good || is_ignored(turn->peer))
		is_done = push_plain(f, turn, OWED_PARSE);
	else
		is_done = parse_named(f, turn, m, &p, order);
	mem_free(p.copy);
	return is_done;
}

/* Named statements need max_prepared_statements. */
static bool
refuse_name(struct pg_front *f, struct turn *turn, const struct pg_command *m,
	    struct order *order)
{
	if (turn->peer_out != NULL && !pg_command_has_server(f, turn, m, order))
		return false;
	return pg_command_refuse(f, turn, m, REASON_NAMED_STATEMENT, order);
}

static bool
is_refused(const struct turn *turn)
{
	return turn->policy->max_prepared_statements == 0;
}

bool
pg_on_parse(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    struct order *order)
{
	bool is_named = m->len > 0 && m->body[0] != 0, goes_now;

	if (is_shared(turn) && is_named)
		return is_refused(turn) ? refuse_name(f, turn, m, order)
					: parse_shared(f, turn, m, order);
	if (!pg_command_has_server(f, turn, m, order))
		return false;
	if (is_shared(turn) && !is_ignored(turn->peer)) {
		if (pg_names_of(f, turn) == NULL)
			return pg_fail_memory(turn->peer, m, order);
		return parse_unnamed(f, turn, m, order);
	}
	goes_now = pg_command_look(f, turn, m, 1, order);
	if (!goes_now && (!m->is_first || order->kind != ORDER_RELAY))
		return false;
	/* Nobody keeps count of it: it must go before the server is shared. */
	if (!is_shared(turn))
		((struct pg_back *)turn->peer)->dirt |= CLASSIFY_PREPARE;
	(void)push_plain(f, turn, OWED_PARSE);
	return goes_now;
}

/* ---- messages that use a statement ---- */

/*
 * No server may have a statement of a name that this client has not: if it is
 * one of carpool's own the message asks for one that there is not, and the
 * error is told with the client's name.
 */
static bool
use_unknown(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    size_t at, const char *text, struct pg_owed entry,
	    struct order *order)
{
	size_t prefix = sizeof(PG_LOAD_PREFIX) - 1;
	struct pg_name *n;

	if (strncmp(text, PG_LOAD_PREFIX, prefix) != 0)
		return pg_command_push(f, turn, entry);
	if (!pg_command_begin(turn, m, order))
		return false;
	n = pg_names_add(f->names, text);
	if (n == NULL)
		return pg_fail_memory(turn->peer, m, order);
	entry.name = pg_name_ref(n);
	(void)pg_command_push(f, turn, entry);
	return pg_command_replace(f, turn, m, at, strlen(text) + 1,
				  PG_NO_SUCH_NAME, sizeof(PG_NO_SUCH_NAME),
				  order);
}

static bool
use_named(struct pg_front *f, struct turn *turn, struct pg_command *m,
	  size_t at, const char *text, struct pg_owed entry,
	  struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_name *n = pg_names_find(f->names, text);
	bool is_told = false;
	struct pg_load *l;

	if (m->frame.total > PG_WHOLE_MAX && !m->is_first)
		return false;
	if (n != NULL && pg_slot_is_unsure(&n->slot, b->group))
		return pg_stop_plain(order, ORDER_WAIT);
	if (n == NULL || pg_slot_now(&n->slot) == NULL)
		return use_unknown(f, turn, m, at, text, entry, order);
	if (pg_slot_now(&n->slot)->is_naming)
		return pg_naming_use(f, turn, m, at, strlen(text) + 1,
				     pg_slot_now(&n->slot), order);
	if (entry.kind == OWED_BIND &&
	    !pg_shape_follows(turn, m, n, &is_told, order))
		return false;
	if (!pg_have_load(f, turn, m, n, LOAD_IN_GROUP, &l, order))
		return false;
	if (entry.kind == OWED_BIND && !is_told &&
	    !pg_has_shape(f, turn, m, n, l, order))
		return false;
	if (entry.kind == OWED_BIND)
		entry.portal = pg_shape_portal((const char *)m->body);
	entry.name = pg_name_ref(n);
	b->view.binds += entry.kind == OWED_BIND;
	if (entry.kind == OWED_DESCRIBE_STATEMENT)
		entry.statement = statement_ref(l->statement);
	(void)pg_command_push(f, turn, entry);
	return pg_command_replace(f, turn, m, at, strlen(text) + 1, l->name,
				  l->name_len, order);
}

static bool
is_unnamed_naming(const struct pg_front *f)
{
	const struct statement *s =
		pg_slot_now(&pg_names_unnamed(f->names)->slot);

	return s != NULL && s->is_naming;
}

/* A message with the name of a statement at offset at of its body. */
static bool
use_statement(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      size_t at, enum pg_owed_kind kind, struct order *order)
{
	struct pg_owed entry = { .kind = (uint8_t)kind };
	struct pg_body body = { .at = m->body + at, .left = m->len - at };
	const char *text = pg_body_text(&body);

	if (is_shared(turn) && text != NULL && text[0] != '\0' &&
	    is_refused(turn))
		return refuse_name(f, turn, m, order);
	if (!pg_command_has_server(f, turn, m, order))
		return false;
	if (!is_shared(turn) || text == NULL || is_ignored(turn->peer))
		return pg_command_push(f, turn, entry);
	if (pg_names_of(f, turn) == NULL)
		return pg_fail_memory(turn->peer, m, order);
	if (text[0] != '\0' || is_unnamed_naming(f))
		return use_named(f, turn, m, at, text, entry, order);
	return have_unnamed(f, turn, m, order) &&
	       pg_command_push(f, turn, entry);
}

/* What had this name of a portal is no more, if this message comes to pass. */
static void
drop_portal(struct pg_back *b, const uint8_t *body, size_t len)
{
	struct pg_body at = { .at = body, .left = len };
	const char *name = b->portals != NULL ? pg_body_text(&at) : NULL;

	if (name != NULL)
		pg_portals_drop(b, name);
}

bool
pg_on_bind(struct pg_front *f, struct turn *turn, struct pg_command *m,
	   struct order *order)
{
	struct pg_body at = { .at = m->body, .left = m->len };

	/* The portal's name comes first. */
	if (pg_body_text(&at) == NULL && m->frame.total > PG_WHOLE_MAX)
		return pg_stop_fail(order, REASON_PROTOCOL);
	if (turn->peer_out != NULL)
		drop_portal(turn->peer, m->body, m->len);
	return use_statement(f, turn, m, m->len - at.left, OWED_BIND, order);
}

bool
pg_on_describe(struct pg_front *f, struct turn *turn, struct pg_command *m,
	       struct order *order)
{
	struct pg_owed entry = { .kind = OWED_DESCRIBE_PORTAL };
	struct pg_body at = { .at = m->body, .left = m->len };

	if (m->len > 0 && m->body[0] == 'S')
		return use_statement(f, turn, m, 1, OWED_DESCRIBE_STATEMENT,
				     order);
	if (!pg_command_has_server(f, turn, m, order))
		return false;
	if (is_shared(turn) && pg_body_text(&at) != NULL)
		pg_shape_tells(turn->peer, (const char *)m->body + 1, &entry);
	return pg_command_push(f, turn, entry);
}

bool
pg_on_execute(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      struct order *order)
{
	const struct pg_back *b = turn->peer;
	bool is_handled, is_done;

	if (!pg_command_has_server(f, turn, m, order))
		return false;
	if (b->portals != NULL && !is_ignored(b)) {
		is_done = pg_naming_execute(f, turn, m, order, &is_handled);
		if (is_handled)
			return is_done;
	}
	return push_plain(f, turn, OWED_EXECUTE);
}

/* ---- Close ---- */

/* Without a server nothing is on its way: the name goes at once. */
static bool
close_here(struct pg_front *f, struct turn *turn, const struct pg_command *m,
	   struct pg_name *n, struct order *order)
{
	static const uint8_t closed[] = { '3', 0, 0, 0, 4 };

	if (!m->is_first)
		return false;
	if (!buf_append(turn->out, closed, sizeof(closed)))
		return pg_stop_fail(order, REASON_NO_MEMORY);
	if (n != NULL) {
		pg_slot_fini(&n->slot);
		pg_names_tidy(f->names, n);
	}
	return pg_stop_discard(order, m);
}

/* The client has the statement no more; the server keeps it for others. */
static bool
close_statement(struct pg_front *f, struct turn *turn, struct pg_command *m,
		const char *text, struct order *order)
{
	struct pg_owed entry = { .kind = OWED_CLOSE };
	struct pg_back *b = turn->peer;
	struct pg_name *n =
		f->names != NULL ? pg_names_find(f->names, text) : NULL;

	if (turn->peer_out == NULL)
		return close_here(f, turn, m, n, order);
	if (!pg_command_has_server(f, turn, m, order))
		return false;
	if (is_ignored(b))
		return pg_command_push(f, turn, entry);
	if (!pg_owed_is_certain(&b->owed))
		return pg_stop_plain(order, ORDER_WAIT);
	if (n != NULL && pg_slot_is_unsure(&n->slot, b->group))
		return pg_stop_plain(order, ORDER_WAIT);
	if (n != NULL) {
		entry.name = pg_name_ref(n);
		entry.is_change = true;
	}
	b->names = f->names;
	return fake(f, turn, m, entry, order);
}

bool
pg_on_close(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    struct order *order)
{
	struct pg_body at = { .at = m->body, .left = m->len };
	const uint8_t *kind = pg_body_bytes(&at, 1);
	const char *text = pg_body_text(&at);

	if (is_shared(turn) && kind != NULL && *kind == 'S' && text != NULL)
		return close_statement(f, turn, m, text, order);
	if (!pg_command_has_server(f, turn, m, order))
		return false;
	if (kind != NULL && *kind == 'P')
		drop_portal(turn->peer, m->body + 1, m->len - 1);
	return push_plain(f, turn, OWED_CLOSE);
}
