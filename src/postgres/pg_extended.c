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
#include <string.h>

#include "base/mem.h"
#include "pg_command.h"
#include "sql/statement.h"

/* No server has a statement of this number. */
#define NO_SUCH_NAME PG_LOAD_PREFIX "0"

#define VICTIMS_MAX 4u /* closed for one that is loaded */

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

/* The client's names, made when they are first needed; NULL: no memory. */
static struct pg_names *
names_of(struct pg_front *f, struct turn *turn)
{
	struct pg_back *b = turn->peer;

	if (f->names == NULL)
		f->names = pg_names_new();
	if (b != NULL)
		b->names = f->names;
	return f->names;
}

/* ---- statements ---- */

/* Settings that change no parse; all others do, for all that is known. */
static bool
is_harmless(const char *name)
{
	static const char names[] =
		"application_name,client_min_messages,statement_timeout,"
		"lock_timeout,idle_in_transaction_session_timeout,"
		"idle_session_timeout,transaction_timeout,work_mem,"
		"default_transaction_read_only,default_transaction_isolation,"
		"default_transaction_deferrable,extra_float_digits,"
		"bytea_output,in_hot_standby,is_superuser,server_version";

	return pg_in_list(name, names);
}

static void
put_context(struct str *text, const struct pg_params *params)
{
	struct pg_param at = { 0 };

	while (pg_params_next(params, &at)) {
		if (is_harmless(at.name))
			continue;
		str_add(text, at.name, strlen(at.name) + 1);
		str_add(text, at.value, strlen(at.value) + 1);
	}
	str_putc(text, '\0');
}

static struct statement *
make_context(struct pg_front *f, struct turn *turn)
{
	struct statement_key key = { .kind = STATEMENT_CONTEXT };
	struct statement *s = NULL;
	struct str text = { 0 };
	bool is_new;

	put_context(&text, f->params);
	put_context(&text, f->own);
	key.data = str_text(&text);
	key.len = text.len;
	if (!text.failed)
		s = statements_get(turn->shared, &key, &is_new);
	str_fini(&text);
	return s;
}

/* The context in which the client's texts are parsed now; NULL: no memory. */
static struct statement *
context_of(struct pg_front *f, struct turn *turn)
{
	struct statement **context = pg_names_context(f->names);

	if (*context == NULL)
		*context = make_context(f, turn);
	return *context;
}

/* The statement of these bytes of a Parse; NULL: memory is out. */
static struct statement *
intern(struct pg_front *f, struct turn *turn, const char *data, size_t len)
{
	struct statement_key key = { .kind = STATEMENT_PARSED,
				     .data = data,
				     .len = len,
				     .context = context_of(f, turn) };
	struct statement *s;
	bool is_new;

	if (key.context == NULL)
		return NULL;
	s = statements_get(turn->shared, &key, &is_new);
	if (s != NULL && is_new)
		s->flags = pg_text_flags(f, turn->peer, turn->policy,
					 (const uint8_t *)data, strlen(data));
	return s;
}

/*
 * What the slot holds, as it would be parsed under the settings of now: they
 * may have changed since.  Borrowed; NULL: memory is out.
 */
static struct statement *
refresh(struct pg_front *f, struct turn *turn, struct pg_slot *slot)
{
	struct statement *now = pg_slot_now(slot), *s;

	if (now->kind == STATEMENT_LOST || now->context == context_of(f, turn))
		return now;
	s = intern(f, turn, now->data, now->len);
	if (s == NULL)
		return NULL;
	if (slot->pending > 0) {
		statement_unref(slot->latest);
		slot->latest = s;
	} else {
		statement_unref(slot->committed);
		slot->committed = s;
	}
	return s;
}

/* ---- what is written in front of a message ---- */

static bool
fail_memory(struct pg_back *b, struct pg_command *m, struct order *order)
{
	/* Part of it may be written: the server is lost with the client. */
	b->is_half_sent = true;
	m->has_failed = true;
	return pg_stop_fail(order, REASON_NO_MEMORY);
}

/* Writes a Parse of a statement under a name with its NUL. */
static bool
write_parse(struct buf *out, const char *name, size_t name_len,
	    const struct statement *s)
{
	uint8_t head[PG_HEADER + PG_LOAD_NAME_MAX];
	uint32_t len = (uint32_t)(4 + name_len + s->len);

	head[0] = 'P';
	pg_set_u32(head + 1, len);
	memcpy(head + PG_HEADER, name, name_len);
	return buf_append(out, head, PG_HEADER + name_len) &&
	       buf_append(out, s->data, s->len);
}

static bool
write_close(struct buf *out, const struct pg_load *l)
{
	uint8_t message[PG_HEADER + 1 + PG_LOAD_NAME_MAX];

	message[0] = 'C';
	pg_set_u32(message + 1, (uint32_t)(4 + 1 + l->name_len));
	message[PG_HEADER] = 'S';
	memcpy(message + PG_HEADER + 1, l->name, l->name_len);
	return buf_append(out, message, PG_HEADER + 1 + l->name_len);
}

/* Closes what has to go before one more is loaded. */
static bool
make_room(struct pg_front *f, struct turn *turn)
{
	struct pg_back *b = turn->peer;
	uint32_t max = turn->policy->max_prepared_statements;

	for (unsigned i = 0; i < VICTIMS_MAX; i++) {
		struct pg_load *l = pg_loads_victim(&b->loads, max, b->group);

		if (l == NULL)
			break;
		if (!write_close(turn->peer_out, l))
			return false;
		pg_loads_set(&b->loads, l, LOAD_CLOSING);
		(void)pg_command_push(f, turn,
				      (struct pg_owed){ .kind = OWED_CLOSE,
							.action = OWED_HIDE,
							.has_load = true,
							.load = l });
	}
	return true;
}

/* A new load of a statement, for a Parse that is about to be written. */
static struct pg_load *
new_load(struct pg_front *f, struct turn *turn, struct statement *s)
{
	struct pg_back *b = turn->peer;
	struct pg_load *l;

	if (!make_room(f, turn))
		return NULL;
	l = pg_loads_add(&b->loads, s);
	if (l != NULL)
		l->group = b->group;
	return l;
}

/* May messages of carpool's own stand here?  False: *order says what first. */
static bool
may_add(struct turn *turn, struct pg_command *m, struct order *order)
{
	struct pg_back *b = turn->peer;

	if (!pg_owed_is_certain(&b->owed) ||
	    !pg_owed_reserve(&b->owed, 3 + VICTIMS_MAX))
		return pg_stop_plain(order, ORDER_WAIT);
	return pg_command_begin(turn, m, order);
}

/*
 * The server has the statement, or gets it by what is written here; name: for
 * whose message.  False: *order says what must happen first.
 */
static bool
have_load(struct pg_front *f, struct turn *turn, struct pg_command *m,
	  struct pg_name *name, struct pg_load **load, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct statement *s = refresh(f, turn, &name->slot);
	struct pg_load *l;

	if (s == NULL)
		return fail_memory(b, m, order);
	l = pg_loads_find(&b->loads, s);
	if (l != NULL && l->state == LOAD_SENT && l->group != b->group)
		return pg_stop_plain(order, ORDER_WAIT);
	*load = l;
	if (l == NULL) {
		if (!may_add(turn, m, order))
			return false;
		l = new_load(f, turn, s);
		if (l == NULL ||
		    !write_parse(turn->peer_out, l->name, l->name_len, s))
			return fail_memory(b, m, order);
		*load = l;
		(void)pg_command_push(
			f, turn,
			(struct pg_owed){ .kind = OWED_PARSE,
					  .action = OWED_LOAD,
					  .has_load = true,
					  .load = l,
					  .name = pg_name_ref(name) });
	}
	pg_loads_touch(&b->loads, l, b->group);
	b->dirt |= s->flags;
	return pg_command_begin(turn, m, order);
}

/* ---- the unnamed statement ---- */

/* Whatever comes of what was sent, do both hold the same afterwards? */
static bool
agree(const struct pg_slot *a, const struct pg_slot *b)
{
	return a->pending == b->pending && a->group == b->group &&
	       statement_is_equal(a->committed, b->committed) &&
	       statement_is_equal(a->latest, b->latest);
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

	if ((pg_slot_is_unsure(&name->slot, b->group) ||
	     pg_slot_is_unsure(&b->unnamed, b->group)) &&
	    !agree(&name->slot, &b->unnamed))
		return pg_stop_plain(order, ORDER_WAIT);
	if (s == NULL && pg_slot_now(&b->unnamed) == NULL)
		return true;
	if (s == NULL ||
	    (s->kind == STATEMENT_LOST && s != pg_slot_now(&b->unnamed)))
		return pg_command_refuse(f, turn, m, REASON_NO_UNNAMED, order);
	b->dirt |= s->flags;
	if (statement_is_equal(s, pg_slot_now(&b->unnamed)))
		return true;
	if (!may_add(turn, m, order))
		return false;
	if (!write_parse(turn->peer_out, "", 1, s))
		return fail_memory(b, m, order);
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
	entry->is_change = true;
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

static bool
parse_unnamed(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      struct order *order)
{
	struct pg_owed entry = { .kind = OWED_PARSE,
				 .is_unnamed = true,
				 .is_change = true };
	struct parse p = { 0 };
	bool goes_now = true;

	if (m->frame.total > PG_WHOLE_MAX) {
		goes_now = pg_command_look(f, turn, m, 1, order);
		if (!goes_now && (!m->is_first || order->kind == ORDER_FAIL))
			return false;
		entry.statement = statement_lost(0);
	} else if (!read_parse(m, m->body, &p)) {
		return push_plain(f, turn, OWED_PARSE);
	} else {
		entry.statement = intern(f, turn, p.data, p.len);
	}
	if (entry.statement == NULL)
		return fail_memory(turn->peer, m, order);
	entry.name = pg_name_ref(pg_names_unnamed(f->names));
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

/* The name is taken: the server says so, under the name that it knows. */
static bool
parse_again(struct pg_front *f, struct turn *turn, struct pg_command *m,
	    const struct parse *p, struct pg_name *n, struct order *order)
{
	struct pg_load *l;

	if (!have_load(f, turn, m, n, &l, order))
		return false;
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
	struct statement *s = intern(f, turn, p->data, p->len);
	struct pg_load *l = s != NULL ? pg_loads_find(&b->loads, s) : NULL;
	struct pg_name *n = s != NULL ? pg_names_add(f->names, p->name) : NULL;
	bool is_done = false;

	if (n == NULL) {
		(void)fail_memory(b, m, order);
	} else if (l != NULL && pg_command_ends(b) > 0) {
		(void)pg_stop_plain(order, ORDER_WAIT);
	} else if (l != NULL && may_fake(b)) {
		entry.name = pg_name_ref(n);
		entry.statement = statement_ref(s);
		pg_loads_touch(&b->loads, l, b->group);
		is_done = fake(f, turn, m, entry, order);
	} else if (may_add(turn, m, order)) {
		l = new_load(f, turn, s);
		if (l == NULL) {
			(void)fail_memory(b, m, order);
		} else {
			entry.name = pg_name_ref(n);
			entry.has_load = true;
			entry.load = l;
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
	else if (names_of(f, turn) == NULL)
		is_done = fail_memory(turn->peer, m, order);
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
		if (names_of(f, turn) == NULL)
			return fail_memory(turn->peer, m, order);
		return parse_unnamed(f, turn, m, order);
	}
	goes_now = pg_command_look(f, turn, m, 1, order);
	if (!goes_now && (!m->is_first || order->kind == ORDER_FAIL))
		return false;
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
		return fail_memory(turn->peer, m, order);
	entry.name = pg_name_ref(n);
	(void)pg_command_push(f, turn, entry);
	return pg_command_replace(f, turn, m, at, strlen(text) + 1,
				  NO_SUCH_NAME, sizeof(NO_SUCH_NAME), order);
}

static bool
use_named(struct pg_front *f, struct turn *turn, struct pg_command *m,
	  size_t at, const char *text, struct pg_owed entry,
	  struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_name *n = pg_names_find(f->names, text);
	struct pg_load *l;

	if (m->frame.total > PG_WHOLE_MAX && !m->is_first)
		return false;
	if (n != NULL && pg_slot_is_unsure(&n->slot, b->group))
		return pg_stop_plain(order, ORDER_WAIT);
	if (n == NULL || pg_slot_now(&n->slot) == NULL)
		return use_unknown(f, turn, m, at, text, entry, order);
	if (!have_load(f, turn, m, n, &l, order))
		return false;
	entry.name = pg_name_ref(n);
	(void)pg_command_push(f, turn, entry);
	return pg_command_replace(f, turn, m, at, strlen(text) + 1, l->name,
				  l->name_len, order);
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
	if (names_of(f, turn) == NULL)
		return fail_memory(turn->peer, m, order);
	if (text[0] != '\0')
		return use_named(f, turn, m, at, text, entry, order);
	return have_unnamed(f, turn, m, order) &&
	       pg_command_push(f, turn, entry);
}

bool
pg_on_bind(struct pg_front *f, struct turn *turn, struct pg_command *m,
	   struct order *order)
{
	struct pg_body at = { .at = m->body, .left = m->len };

	/* The portal's name comes first. */
	if (pg_body_text(&at) == NULL && m->frame.total > PG_WHOLE_MAX)
		return pg_stop_fail(order, REASON_PROTOCOL);
	return use_statement(f, turn, m, m->len - at.left, OWED_BIND, order);
}

bool
pg_on_describe(struct pg_front *f, struct turn *turn, struct pg_command *m,
	       struct order *order)
{
	if (m->len > 0 && m->body[0] == 'S')
		return use_statement(f, turn, m, 1, OWED_DESCRIBE_STATEMENT,
				     order);
	return pg_command_has_server(f, turn, m, order) &&
	       push_plain(f, turn, OWED_DESCRIBE_PORTAL);
}

bool
pg_on_execute(struct pg_front *f, struct turn *turn, struct pg_command *m,
	      struct order *order)
{
	return pg_command_has_server(f, turn, m, order) &&
	       push_plain(f, turn, OWED_EXECUTE);
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
	return pg_command_has_server(f, turn, m, order) &&
	       push_plain(f, turn, OWED_CLOSE);
}
