/*
 * See my_loading.h.  COM_STMT_CLOSE is not answered, so what is closed is gone
 * at once.
 */
#include "my_loading.h"

#include <string.h>

#include "my_front.h"
#include "my_pin.h"
#include "my_prepared.h"
#include "sql/digest.h"

/* ---- closing ---- */

static bool
close_id(struct buf *out, uint32_t id)
{
	uint8_t payload[5] = { MY_COM_STMT_CLOSE }, seq = 0;

	my_set_u32(payload + 1, id);
	return my_packet_put(out, &seq, payload, sizeof(payload));
}

bool
my_load_close(struct my_back *b, struct buf *out, struct my_load *l)
{
	bool done = close_id(out, l->id);

	if (l->is_private)
		b->statements--;
	my_loads_remove(&b->loads, l);
	b->view.statements = (uint16_t)b->loads.count;
	return done;
}

static bool
make_room(struct my_back *b, struct buf *out, const struct policy *policy)
{
	struct my_load *l;

	while ((l = my_loads_victim(&b->loads,
				    policy->max_prepared_statements)) != NULL)
		if (!my_load_close(b, out, l))
			return false;
	return true;
}

/* ---- what holds its client ---- */

uint64_t
my_load_digest(const struct statement *s)
{
	return s->kind == STATEMENT_LOST ? 0 : sql_digest(s->data, s->len, 0);
}

void
my_load_count_pins(struct my_back *b)
{
	const uint32_t cursor = MY_PIN_BIT(MY_PIN_CURSOR);
	const uint32_t data = MY_PIN_BIT(MY_PIN_LONG_DATA);
	struct list_node *node, *next;
	uint32_t before = b->pins;

	b->pins &= ~(cursor | data);
	LIST_FOREACH (node, next, &b->loads.by_use) {
		const struct my_load *l =
			LIST_ENTRY(node, struct my_load, node);

		b->pins |= l->has_cursor ? cursor : 0;
		b->pins |= l->has_data ? data : 0;
		if ((b->pins & ~before) == 0)
			continue;
		b->view.digest = my_load_digest(l->statement);
		before |= b->pins;
	}
}

/* The client has, or has not, something in this one. */
static void
settle_holder(struct my_back *b, struct my_load *l)
{
	if (l->holder == 0)
		return;
	if (!l->has_cursor && !l->has_data && !l->is_private)
		l->holder = 0;
	my_load_count_pins(b);
}

void
my_load_unlink(struct my_back *b)
{
	struct list_node *node, *next;

	b->has_load_failed = false;
	if (b->pins == 0 && b->statements == 0)
		return;
	LIST_FOREACH (node, next, &b->loads.by_use) {
		struct my_load *l = LIST_ENTRY(node, struct my_load, node);

		l->holder = 0;
		l->has_cursor = l->has_data = l->is_private = false;
	}
}

/* ---- asking ---- */

/* From one session to another and, later, back. */
static bool
ask_move(struct my_back *b, struct buf *out, enum my_owed_task task,
	 const struct my_session *from, const struct my_session *to)
{
	const char *schema = NULL;
	struct str sql = { 0 };
	enum my_move move = my_state_move(&sql, &schema, from, to);
	bool done = move == MY_MOVE_NONE || move == MY_MOVE_MADE;

	if (done && schema != NULL)
		done = my_back_ask(b, out, task, MY_COM_INIT_DB, schema,
				   strlen(schema));
	if (done && sql.len > 0)
		done = my_back_ask(b, out, task, MY_COM_QUERY, str_text(&sql),
				   sql.len);
	str_fini(&sql);
	return done && !sql.failed;
}

static bool
ask_prepare(struct my_back *b, struct buf *out, struct statement *s)
{
	struct my_load *l = my_loads_add(&b->loads, s);

	if (l == NULL)
		return false;
	b->loading = l;
	b->is_load_astray = false;
	b->view.server_parses++;
	b->view.statements = (uint16_t)b->loads.count;
	return my_back_ask(b, out, MY_OWED_LOAD, MY_COM_STMT_PREPARE, s->data,
			   s->len);
}

/* Under the settings of the session there, which is not the client's. */
static enum my_loading
ask_there(struct my_back *b, struct turn *t, struct buf *out,
	  const struct my_front *f, struct statement *s)
{
	struct my_session there = { 0 };
	enum my_loading result = MY_LOADING_NO_MEMORY;

	my_session_copy(&there, &f->session);
	if (my_context_enter(t->shared, s->context, &there) ==
	    MY_CHANGE_NO_MEMORY)
		result = MY_LOADING_NO_MEMORY;
	else if (my_session_schema(&f->session) == NULL &&
		 my_session_schema(&there) != NULL)
		result = MY_LOADING_NO_WAY;
	else if (ask_move(b, out, MY_OWED_CONTEXT, &f->session, &there) &&
		 ask_prepare(b, out, s) &&
		 ask_move(b, out, MY_OWED_RETURN, &there, &f->session))
		result = MY_LOADING_SENT;
	my_session_fini(&there);
	return result;
}

enum my_loading
my_load_ask(struct my_back *b, struct turn *t, struct buf *out,
	    struct my_front *f, const struct my_named *n)
{
	struct statement *s = n->statement;
	struct statement *here =
		my_names_context(f->names, t->shared, &f->session, f->server);
	enum my_loading result = MY_LOADING_NO_MEMORY;

	if (here != NULL && make_room(b, out, t->policy)) {
		if (!statement_is_equal(here, s->context))
			result = ask_there(b, t, out, f, s);
		else if (ask_prepare(b, out, s))
			result = MY_LOADING_SENT;
	}
	/* Nothing is known of a server that got half of it. */
	b->must_close |= result == MY_LOADING_NO_MEMORY;
	return result;
}

bool
my_load_begin(struct my_back *b, struct buf *out, const struct policy *policy,
	      struct statement *s)
{
	/* One that nobody holds is prepared anew in its place. */
	struct my_load *l = my_loads_find(&b->loads, s, 0);

	if (l == NULL && make_room(b, out, policy))
		l = my_loads_add(&b->loads, s);
	if (l == NULL)
		return false;
	my_loads_touch(&b->loads, l);
	b->loading = l;
	b->view.client_parses++;
	b->view.server_parses++;
	b->view.statements = (uint16_t)b->loads.count;
	return true;
}

/* ---- answers ---- */

void
my_load_rename(const struct my_back *b, struct turn *t, size_t at)
{
	const struct my_front *f = t->peer;
	uint8_t id[4];

	if (b->loading == NULL || f == NULL || f->names == NULL ||
	    f->names->pending == NULL)
		return;
	my_set_u32(id, f->names->pending->id);
	buf_patch(t->in, at + MY_HEADER + 1, id, sizeof(id));
}

static void
remove_loading(struct my_back *b)
{
	my_loads_remove(&b->loads, b->loading);
	b->loading = NULL;
	b->view.statements = (uint16_t)b->loads.count;
}

static void
set_loaded(struct my_back *b, uint32_t id)
{
	b->loading->id = id;
	b->loading->is_done = true;
	my_load_set_types(b->loading, NULL);
	b->loading = NULL;
}

/* A hidden PREPARE was answered. */
static bool
loaded(struct my_back *b, struct turn *t, const struct my_response *r)
{
	bool is_astray = b->is_load_astray || b->has_link_failed;
	bool done = true;

	if (r->error == 0 && !is_astray) {
		set_loaded(b, r->statement);
		return true;
	}
	if (r->error == 0)
		done = close_id(t->out, r->statement);
	remove_loading(b);
	b->has_load_failed = true;
	return done;
}

bool
my_load_done(struct my_back *b, struct turn *t, enum my_owed_task task,
	     const struct my_response *r)
{
	if (task == MY_OWED_LOAD)
		return loaded(b, t, r);
	if (r->error == 0)
		return true;
	if (task == MY_OWED_CONTEXT) {
		b->is_load_astray = true;
		return true;
	}
	b->must_close = true;
	b->pending_fail = REASON_SERVER_SETTING;
	return true;
}

/* It serves this client alone, and the client this server. */
static void
make_private(struct my_back *b, struct my_load *l, struct my_named *n)
{
	n->is_private = l->is_private = true;
	l->holder = n->id;
	b->statements++;
	b->dirt |= MY_PIN_BIT(MY_PIN_PREPARE);
}

/* A PREPARE of the client itself was answered. */
static bool
prepared(struct my_back *b, struct turn *t, const struct my_response *r)
{
	struct my_front *f = t->peer;
	struct my_load *l = b->loading;
	bool is_lost = l->statement->kind == STATEMENT_LOST;
	struct my_named *n;

	if (r->error != 0) {
		if (f != NULL && f->names != NULL)
			my_names_drop(f->names);
		if (l->is_done)
			b->loading = NULL;
		else
			remove_loading(b);
		return true;
	}
	if (l->is_done && !close_id(t->out, l->id))
		return false;
	set_loaded(b, r->statement);
	if (f == NULL || f->names == NULL || f->names->pending == NULL)
		return !is_lost || my_load_close(b, t->out, l);
	n = my_names_commit(f->names, r->params);
	f->view.statements = (uint16_t)f->names->count;
	if (is_lost || n->params > MY_PARAMS_MAX)
		make_private(b, l, n);
	return true;
}

static void
ran(struct my_back *b, uint8_t command, const struct my_response *r)
{
	struct my_load *l = b->running;
	bool is_error = r->error != 0;

	b->running = NULL;
	if (command == MY_COM_STMT_RESET) {
		l->has_cursor = l->has_data = is_error;
	} else if (command == MY_COM_STMT_FETCH) {
		if ((r->status & MY_STATUS_LAST_ROW_SENT) != 0)
			l->has_cursor = false;
	} else {
		/* Which types the server has now, nobody knows. */
		if (is_error)
			my_load_set_types(l, NULL);
		l->has_data = false;
		l->has_cursor =
			!is_error && (r->status & MY_STATUS_CURSOR_EXISTS) != 0;
	}
	settle_holder(b, l);
}

bool
my_load_answered(struct my_back *b, struct turn *t, uint8_t command,
		 const struct my_response *r)
{
	if (b->running != NULL)
		ran(b, command, r);
	if (command != MY_COM_STMT_PREPARE)
		return true;
	if (b->loading != NULL)
		return prepared(b, t, r);
	/* Its number is the server's own: the client stays. */
	if (r->error == 0) {
		b->statements++;
		b->dirt |= MY_PIN_BIT(MY_PIN_PREPARE);
	}
	return true;
}
