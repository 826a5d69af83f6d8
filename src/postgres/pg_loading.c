/*
 * What the linked server lacks is loaded: hidden messages in front of the one
 * that needs them.
 *
 * In a group of the client's a Parse alone, or what runs a PREPARE, without a
 * Sync; in front of a simple Query a request of its own.  Loaded is what the
 * server confirms (pg_effect.c).  Runs on the client's worker.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_extended.h"
#include "pg_listen.h"
#include "pg_naming.h"
#include "sql/classify.h"
#include "sql/statement.h"

#define VICTIMS_MAX 2u  /* closed for one that is loaded */
#define LOAD_ENTRIES 6u /* that loading one may take */

struct pg_names *
pg_names_of(struct pg_front *f, struct turn *turn)
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

struct statement *
pg_intern(struct pg_front *f, struct turn *turn, enum statement_kind kind,
	  const char *data, size_t len)
{
	struct statement_key key = { .kind = kind,
				     .data = data,
				     .len = len,
				     .context = context_of(f, turn) };
	struct statement *s;
	bool is_new;

	if (key.context == NULL)
		return NULL;
	s = statements_get(turn->shared, &key, &is_new);
	if (s == NULL || !is_new)
		return s;
	len = strnlen(data, len);
	s->flags = pg_text_flags(f, turn->peer, turn->policy,
				 (const uint8_t *)data, len);
	s->is_naming = kind == STATEMENT_PARSED && pg_naming_is(f, data, len);
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
	s = pg_intern(f, turn, (enum statement_kind)now->kind, now->data,
		      now->len);
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

bool
pg_fail_memory(struct pg_back *b, struct pg_command *m, struct order *order)
{
	/* Part of it may be written: the server is lost with the client. */
	b->is_half_sent = true;
	m->has_failed = true;
	return pg_stop_fail(order, REASON_NO_MEMORY);
}

/* Writes a Parse of a statement under a name with its NUL. */
bool
pg_write_parse(struct buf *out, const char *name, size_t name_len,
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

bool
pg_write_about(struct buf *out, uint8_t type, const struct pg_load *l)
{
	uint8_t message[PG_HEADER + 1 + PG_LOAD_NAME_MAX];

	message[0] = type;
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
		if (!pg_write_about(turn->peer_out, 'C', l))
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

struct pg_load *
pg_new_load(struct pg_front *f, struct turn *turn, struct statement *s,
	    const struct pg_name *name)
{
	struct pg_back *b = turn->peer;
	struct pg_load *l;

	if (!make_room(f, turn))
		return NULL;
	l = pg_loads_add(&b->loads, s);
	if (l == NULL)
		return NULL;
	l->group = b->group;
	b->view.server_parses++;
	/* The name may have been given where others are counted. */
	l->changes = pg_change_now(b);
	if (l->changes < name->changes)
		l->changes = name->changes;
	return l;
}

/* May messages of carpool's own stand here?  False: *order says what first. */
bool
pg_may_add(struct turn *turn, struct pg_command *m, struct order *order)
{
	struct pg_back *b = turn->peer;

	if (!pg_owed_is_certain(&b->owed) ||
	    !pg_owed_reserve(&b->owed, LOAD_ENTRIES + VICTIMS_MAX + 1))
		return pg_stop_plain(order, ORDER_WAIT);
	return pg_command_begin(turn, m, order);
}

bool
pg_may_load(struct turn *turn, struct pg_command *m, struct order *order)
{
	struct pg_back *b = turn->peer;
	uint32_t max = turn->policy->max_prepared_statements;

	if (pg_loads_must_wait(&b->loads, max, b->group))
		return pg_stop_plain(order, ORDER_WAIT);
	return pg_may_add(turn, m, order);
}

/* ---- loading ---- */

/* Pushes an entry that loads l, in the way that its place asks for. */
static void
push_load(struct pg_front *f, struct turn *turn, enum pg_owed_kind kind,
	  struct pg_load *l, struct pg_name *name)
{
	struct pg_owed entry = { .kind = (uint8_t)kind,
				 .action = OWED_LOAD,
				 .has_load = true,
				 .load = l,
				 .name = pg_name_ref(name) };

	(void)pg_command_push(f, turn, entry);
}

/*
 * In front of a simple Query it has a group of its own.  Its error is hidden:
 * the Query then fails for the lack of it.
 */
static bool
load_parsed(struct pg_front *f, struct turn *turn, struct pg_load *l,
	    struct pg_name *name, enum pg_load_place place)
{
	static const uint8_t sync[] = { 'S', 0, 0, 0, 4 };
	struct pg_back *b = turn->peer;

	if (!pg_write_parse(turn->peer_out, l->name, l->name_len, l->statement))
		return false;
	if (place == LOAD_IN_GROUP) {
		push_load(f, turn, OWED_PARSE, l, name);
		return true;
	}
	pg_back_push(b, (struct pg_owed){ .kind = OWED_PARSE,
					  .action = OWED_HIDE,
					  .has_load = true,
					  .load = l });
	pg_back_push(b, (struct pg_owed){ .kind = OWED_SYNC,
					  .action = OWED_HIDE,
					  .task = TASK_LOAD });
	return buf_append(turn->peer_out, sync, sizeof(sync));
}

static void
put_close(struct str *s, char kind, const char *name)
{
	size_t mark = pg_put_begin(s, 'C');

	str_putc(s, kind);
	pg_put_text(s, name);
	pg_put_end(s, mark);
}

void
pg_put_spare(struct str *s, const char *name)
{
	size_t mark;

	put_close(s, 'S', name);
	mark = pg_put_begin(s, 'P');
	pg_put_text(s, name);
	pg_put_text(s, "");
	pg_put_u16(s, 0);
	pg_put_end(s, mark);
}

/* The messages that run a text inside a group, by names that are freed. */
static void
put_run(struct str *s, const char *sql)
{
	static const char own[] = PG_RUN_NAME;
	size_t mark;

	/* An error may have kept the last Close back. */
	put_close(s, 'S', own);
	mark = pg_put_begin(s, 'P');
	pg_put_text(s, own);
	pg_put_text(s, sql);
	pg_put_u16(s, 0);
	pg_put_end(s, mark);
	mark = pg_put_begin(s, 'B');
	pg_put_text(s, own);
	pg_put_text(s, own);
	pg_put_u16(s, 0);
	pg_put_u16(s, 0);
	pg_put_u16(s, 0);
	pg_put_end(s, mark);
	mark = pg_put_begin(s, 'E');
	pg_put_text(s, own);
	pg_put_u32(s, 0);
	pg_put_end(s, mark);
	put_close(s, 'P', own);
	put_close(s, 'S', own);
}

static void
put_prepare(struct str *sql, const char *name, const struct statement *s)
{
	str_printf(sql, "PREPARE %s", name);
	str_add(sql, s->data, s->len);
}

bool
pg_run_prepare(struct pg_front *f, struct turn *turn, const char *name,
	       const struct statement *statement, struct pg_owed entry)
{
	struct pg_owed close = { .kind = OWED_CLOSE, .action = OWED_HIDE };
	struct str sql = { 0 }, s = { 0 };
	bool ok;

	put_prepare(&sql, name, statement);
	put_run(&s, str_text(&sql));
	ok = !sql.failed;
	str_fini(&sql);
	if (!pg_put_flush(&s, turn->peer_out) || !ok)
		return false;
	(void)pg_command_push(f, turn, close);
	(void)pg_command_push(
		f, turn,
		(struct pg_owed){ .kind = OWED_PARSE, .action = OWED_LOAD });
	(void)pg_command_push(
		f, turn,
		(struct pg_owed){ .kind = OWED_BIND, .action = OWED_LOAD });
	(void)pg_command_push(f, turn, entry);
	(void)pg_command_push(f, turn, close);
	return pg_command_push(f, turn, close);
}

/* What SQL's PREPARE made is made by it again. */
static bool
load_sql(struct pg_front *f, struct turn *turn, struct pg_load *l,
	 struct pg_name *name, enum pg_load_place place)
{
	struct pg_owed hidden = { .kind = OWED_QUERY,
				  .action = OWED_HIDE,
				  .task = TASK_LOAD,
				  .is_unnamed = true,
				  .has_load = true,
				  .load = l };
	struct pg_owed entry = { .kind = OWED_EXECUTE,
				 .action = OWED_LOAD,
				 .has_load = true,
				 .load = l };
	struct str sql = { 0 }, s = { 0 };
	bool ok;

	if (place == LOAD_IN_GROUP) {
		entry.name = pg_name_ref(name);
		return pg_run_prepare(f, turn, l->name, l->statement, entry);
	}
	put_prepare(&sql, l->name, l->statement);
	pg_put_message(&s, 'Q', str_text(&sql));
	ok = !sql.failed;
	str_fini(&sql);
	if (!pg_put_flush(&s, turn->peer_out) || !ok)
		return false;
	pg_back_push(turn->peer, hidden);
	return true;
}

bool
pg_statement_runs(struct pg_back *b, const struct pg_front *f,
		  const struct statement *s)
{
	const uint8_t *text = (const uint8_t *)s->data;
	size_t len;

	if (s->flags == 0 && !f->is_listening && !b->view.is_heard)
		return true;
	len = strnlen(s->data, s->len);
	if (s->flags != 0)
		pg_text_runs(f, b, s->flags, text, len);
	return pg_listen_text(b, f, text, len);
}

bool
pg_have_load(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     struct pg_name *name, enum pg_load_place place,
	     struct pg_load **load, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct statement *s = refresh(f, turn, &name->slot);
	struct pg_load *l;
	enum reason refusal;
	bool ok = true;

	if (s == NULL)
		return pg_fail_memory(b, m, order);
	refusal = pg_state_refusal(s->flags, turn->policy);
	if (refusal != REASON_NONE)
		return m->frame.type == 'Q'
			       ? pg_refuse_query(f, turn, m, refusal, order)
			       : pg_command_refuse(f, turn, m, refusal, order);
	/* What was sent may make the server forget all that it has. */
	if (b->dirt & CLASSIFY_DISCARD_ALL && pg_command_ends(b) > 0)
		return pg_stop_plain(order, ORDER_WAIT);
	l = pg_loads_find(&b->loads, s);
	if (l != NULL && l->state == LOAD_SENT && l->group != b->group)
		return pg_stop_plain(order, ORDER_WAIT);
	if (l == NULL || pg_load_is_outdated(name, l)) {
		if (!pg_may_load(turn, m, order))
			return false;
		if (l != NULL)
			pg_loads_spoil(&b->loads, l);
		l = pg_new_load(f, turn, s, name);
		ok = l != NULL &&
		     (s->kind == STATEMENT_SQL
			      ? load_sql(f, turn, l, name, place)
			      : load_parsed(f, turn, l, name, place));
	}
	if (!ok)
		return pg_fail_memory(b, m, order);
	*load = l;
	pg_loads_touch(&b->loads, l, b->group);
	pg_ask_arguments(b, s, m);
	if (!pg_statement_runs(b, f, s))
		return pg_fail_memory(b, m, order);
	return pg_command_begin(turn, m, order);
}
