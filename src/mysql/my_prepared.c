/*
 * Prepared statements of clients: numbers of carpool's own, and whatever server
 * there is.
 *
 * A PREPARE goes to a server as it came; in its answer the number changes.  An
 * EXECUTE needs a server that has the statement (my_loading.h), gets that
 * server's number, and the types of its parameters where the client leaves
 * them out, as it may from the second time on, and the server heard others
 * last.  What is then left of a client in a server, a cursor or part of a
 * parameter, keeps it there.  The text's flags were read at PREPARE; what it
 * does to the session is done at each EXECUTE.
 */
#include "my_prepared.h"

#include <string.h>

#include "base/mem.h"
#include "my_back.h"
#include "my_error.h"
#include "my_form.h"
#include "my_loading.h"
#include "my_own.h"
#include "my_pin.h"
#include "my_said.h"
#include "sql/my_classify.h"

/* A longer text is not kept: the statement stays on its server. */
#define TEXT_MAX 65536u

#define MY_ER_NO_CURSOR 1421u

#define FLAGS_AT 5u /* in an EXECUTE */
#define EXECUTE_CURSOR 0x3u

bool
my_prepared_is_it(const struct my_front *f, const struct turn *t,
		  const struct command *c)
{
	const struct my_back *b = t->peer;

	if (!c->info->has_statement && c->first[0] != MY_COM_STMT_PREPARE)
		return false;
	if (f->names != NULL)
		return true;
	/* Those that were prepared in another mode are the server's. */
	if (b != NULL && b->statements > 0)
		return false;
	return t->policy->mode != POOL_SESSION &&
	       t->policy->max_prepared_statements > 0;
}

void
my_prepared_forget(struct my_front *f)
{
	/* Servers go on counting as well. */
	if (f->names != NULL)
		f->numbers = f->names->last_id;
	my_names_free(f->names);
	f->names = NULL;
	f->wanted = NULL;
	f->view.statements = 0;
}

/* ---- going on ---- */

/* Answered without the server, which may be given up now. */
static void
settle(struct my_back *b)
{
	if (b == NULL || b->owed.count > 0)
		return;
	b->is_boundary_due = true;
	my_back_count(b);
}

static struct order
relay(const struct command *c)
{
	return order_bytes(ORDER_RELAY, MY_HEADER + (size_t)c->head.len);
}

struct order
my_prepared_go_on(struct my_front *f)
{
	struct order o = order_bytes(ORDER_RELAY, f->rest);

	f->rest = 0;
	return o;
}

/* With the server's number in the place of the client's. */
static struct order
relay_as(struct turn *t, const struct command *c, const struct my_load *l)
{
	uint8_t id[4];

	my_set_u32(id, l->id);
	buf_patch(t->in, MY_HEADER + 1, id, sizeof(id));
	return relay(c);
}

/* ---- PREPARE ---- */

/* The statement of the text, which is whole, with a reference; or NULL. */
static struct statement *
intern(struct my_front *f, struct turn *t, const struct command *c)
{
	struct statement_key key = { .kind = STATEMENT_PARSED,
				     .len = c->head.len - 1u };
	uint8_t *scratch = mem_zalloc(key.len + 1);
	struct statement *s = NULL;
	bool is_new;

	key.context =
		my_names_context(f->names, t->shared, &f->session, f->server);
	if (scratch != NULL && key.context != NULL) {
		buf_copy_out(t->in, MY_HEADER + 1, scratch, key.len);
		key.data = scratch;
		s = statements_get(t->shared, &key, &is_new);
		if (s != NULL && is_new)
			s->my_flags = my_classify_text(s->data, s->len,
						       my_front_reads(f));
	}
	mem_free(scratch);
	return s;
}

static struct order
send_prepare(struct my_front *f, struct turn *t, const struct command *c,
	     struct statement *s)
{
	struct my_back *b = t->peer;

	if (!my_names_send(f->names, s) ||
	    !my_load_begin(b, t->peer_out, t->policy, s))
		return my_front_no_memory();
	(void)my_parts_take(&f->parts, c->head.len);
	b->flags = 0;
	f->seq = 1;
	my_back_push(b, c->first, c->head.len);
	return s->kind == STATEMENT_LOST ? my_front_send_long(f, t, c)
					 : relay(c);
}

static struct order
prepare(struct my_front *f, struct turn *t, const struct command *c)
{
	bool is_long = c->head.len > TEXT_MAX;
	struct statement *s;
	struct order o;

	if (!is_long && t->in->len < MY_HEADER + (size_t)c->head.len)
		return order_bytes(ORDER_NEED_MORE, MY_HEADER + c->head.len);
	if (f->names == NULL && (f->names = my_names_new()) != NULL)
		f->names->last_id = f->numbers;
	if (f->names == NULL)
		return my_front_no_memory();
	if (!my_names_have_room(f->names, c->head.len))
		return my_front_error(
			f, t, c, my_reason_code(REASON_TOO_MANY_STATEMENTS),
			my_reason_text(REASON_TOO_MANY_STATEMENTS));
	f->flags = 0;
	if (t->peer == NULL)
		return my_front_need_server(f, t);
	s = is_long ? statement_lost(0) : intern(f, t, c);
	if (s == NULL)
		return my_front_no_memory();
	o = send_prepare(f, t, c, s);
	statement_unref(s);
	return o;
}

/* ---- EXECUTE ---- */

/* A user variable that gets a constant goes with the client. */
static bool
keep_set(struct my_front *f, const struct my_named *n)
{
	const struct statement *s = n->statement;

	return !my_said_matters(s->my_flags) || s->kind == STATEMENT_LOST ||
	       my_front_keep(f, MY_KEPT_SET, s->data, s->len);
}

static void
push(struct my_front *f, struct my_back *b, const struct command *c,
     struct my_load *l, uint32_t id)
{
	(void)my_parts_take(&f->parts, c->head.len);
	my_loads_touch(&b->loads, l);
	f->seq = 1;
	if (c->first[0] == MY_COM_STMT_SEND_LONG_DATA) {
		l->holder = id;
		l->has_data = true;
		my_load_count_pins(b);
		my_back_tell(b, c->first);
		return;
	}
	if (c->first[0] == MY_COM_STMT_EXECUTE &&
	    (c->first[FLAGS_AT] & EXECUTE_CURSOR) != 0)
		l->holder = id;
	b->running = l;
	my_back_push(b, c->first, c->head.len);
}

static struct order
send(struct my_front *f, struct turn *t, const struct command *c,
     struct my_named *n, struct my_load *l, const struct my_form *form)
{
	struct my_back *b = t->peer;
	bool is_put = my_form_is_untyped(form, n, l);

	if (is_put && c->head.len + my_types_size(n) >= MY_PAYLOAD_MAX) {
		settle(b);
		return my_front_error(f, t, c, MY_ER_WRONG_ARGUMENTS,
				      "parameters of 16 MiB need their types "
				      "with them each time");
	}
	if (!keep_set(f, n) ||
	    (is_put && !my_form_put(form, t, c, l->id, n->types)))
		return my_front_no_memory();
	if (!form->is_bare)
		my_load_set_types(l, n->types);
	b->flags = n->statement->my_flags;
	if (my_pins_may_begin(b->flags))
		b->view.digest = my_load_digest(n->statement);
	if (c->first[0] != MY_COM_STMT_SEND_LONG_DATA)
		b->view.binds++;
	push(f, b, c, l, n->id);
	if (!is_put)
		return relay_as(t, c, l);
	f->rest = c->head.len - (uint32_t)form->at;
	return order_bytes(ORDER_DISCARD, MY_HEADER + form->at);
}

/* No server could be given the statement: the client gets its error. */
static struct order
load_failed(struct my_front *f, struct turn *t, const struct command *c)
{
	struct my_back *b = t->peer;

	b->has_load_failed = false;
	settle(b);
	if (c->first[0] == MY_COM_STMT_SEND_LONG_DATA)
		return my_front_drop(f, &c->head);
	f->seq = 1;
	if (b->error == NULL)
		return my_front_no_memory();
	return my_packet_put(t->out, &f->seq, b->error, b->error_len)
		       ? my_front_drop(f, &c->head)
		       : my_front_no_memory();
}

static struct order
load(struct my_front *f, struct turn *t, const struct command *c,
     const struct my_named *n)
{
	struct my_back *b = t->peer;

	if (b->has_load_failed)
		return load_failed(f, t, c);
	switch (my_load_ask(b, t, t->peer_out, f, n)) {
	case MY_LOADING_SENT:
		return order_plain(ORDER_WAIT);
	case MY_LOADING_NO_WAY:
		settle(b);
		if (c->first[0] == MY_COM_STMT_SEND_LONG_DATA)
			return my_front_drop(f, &c->head);
		return my_front_error(f, t, c, MY_ER_NO_DB,
				      "No database selected");
	case MY_LOADING_NO_MEMORY:
		break;
	}
	return my_front_no_memory();
}

/* May the client run it?  False: *o says what to do. */
static bool
may_run(struct my_front *f, struct turn *t, const struct command *c,
	const struct my_named *n, struct order *o)
{
	const struct statement *s = n->statement;
	enum reason reason;

	if (s->my_flags == 0 || c->first[0] == MY_COM_STMT_SEND_LONG_DATA)
		return true;
	if ((s->my_flags & (MY_SQL_KILL | MY_SQL_SEVERAL)) == MY_SQL_KILL) {
		*o = my_own_kill(
			f, t, &c->head,
			my_classify_kill(s->data, s->len, my_front_reads(f)));
		return false;
	}
	reason = my_front_refusal(s->my_flags, t->policy);
	if (reason == REASON_NONE)
		return true;
	f->seq = 1;
	*o = order_fail(FAIL_STATEMENT, reason);
	return false;
}

/* EXECUTE, or what leads to one. */
static struct order
run(struct my_front *f, struct turn *t, const struct command *c,
    struct my_named *n)
{
	struct my_back *b = t->peer;
	struct my_form form;
	struct my_load *l;
	struct order o;

	if (!my_form_read(f, t, c, n, &form, &o) || !may_run(f, t, c, n, &o))
		return o;
	f->flags = n->statement->my_flags;
	f->wanted = n;
	f->is_silent = c->info->answer == MY_ANSWER_NONE;
	if (b == NULL)
		return my_front_need_server(f, t);
	if (!f->is_silent && my_link_is_id_due(b, f))
		return my_link_set_id(b, f, t->peer_out)
			       ? order_plain(ORDER_WAIT)
			       : my_front_no_memory();
	l = my_loads_find(&b->loads, n->statement, n->id);
	return l == NULL ? load(f, t, c, n) : send(f, t, c, n, l, &form);
}

/* ---- the other commands ---- */

static bool
is_maria(const struct my_front *f)
{
	return (f->server.bits & MY_LEXER_MARIADB) != 0;
}

static struct order
fetch(struct my_front *f, struct turn *t, const struct command *c,
      const struct my_named *n, struct my_load *held)
{
	char text[60];

	if (held != NULL && held->has_cursor) {
		struct my_back *b = t->peer;

		b->flags = 0;
		push(f, b, c, held, n->id);
		return relay_as(t, c, held);
	}
	(void)text_format(text, sizeof(text),
			  "The statement (%u) has no open cursor%s", n->id,
			  is_maria(f) ? "" : ".");
	return my_front_error(f, t, c, MY_ER_NO_CURSOR, text);
}

static struct order
reset(struct my_front *f, struct turn *t, const struct command *c,
      const struct my_named *n, struct my_load *held)
{
	struct my_back *b = t->peer;

	if (held == NULL)
		return my_front_ok(f, t, c);
	b->flags = 0;
	push(f, b, c, held, n->id);
	return relay_as(t, c, held);
}

static struct order
forget(struct my_front *f, struct turn *t, const struct command *c,
       struct my_named *n, struct my_load *held)
{
	if (held != NULL) {
		if (!my_load_close(t->peer, t->peer_out, held))
			return my_front_no_memory();
		my_load_count_pins(t->peer);
		settle(t->peer);
	}
	my_names_remove(f->names, n);
	f->view.statements = (uint16_t)f->names->count;
	return my_front_drop(f, &c->head);
}

static struct order
unknown(struct my_front *f, struct turn *t, const struct command *c,
	uint32_t id)
{
	const char *name = "mysqld_stmt_execute";
	char text[100];

	if (c->info->answer == MY_ANSWER_NONE)
		return my_front_drop(f, &c->head);
	if (c->first[0] == MY_COM_STMT_RESET)
		name = "mysqld_stmt_reset";
	else if (c->first[0] == MY_COM_STMT_FETCH)
		name = "mysqld_stmt_fetch";
	else if (c->first[0] == MY_COM_STMT_BULK_EXECUTE)
		name = "mysqld_stmt_bulk_execute";
	(void)text_format(text, sizeof(text),
			  "Unknown prepared statement handler (%u) given to %s",
			  id, name);
	return my_front_error(f, t, c, MY_ER_UNKNOWN_STMT, text);
}

static struct my_named *
find(const struct my_front *f, uint32_t id)
{
	if (f->names == NULL)
		return NULL;
	if (id == MY_STATEMENT_LAST && is_maria(f))
		id = f->names->last;
	return id == 0 ? NULL : my_names_find(f->names, id);
}

/* What of the client is left in its server, or NULL. */
static struct my_load *
held_of(const struct turn *t, const struct my_named *n)
{
	const uint32_t pins =
		MY_PIN_BIT(MY_PIN_CURSOR) | MY_PIN_BIT(MY_PIN_LONG_DATA);
	struct my_back *b = t->peer;

	if (b == NULL || ((b->pins & pins) == 0 && b->statements == 0))
		return NULL;
	return my_loads_held(&b->loads, n->id);
}

struct order
my_prepared_step(struct my_front *f, struct turn *t, const struct command *c)
{
	struct my_named *n;
	uint32_t id;

	if (c->first[0] == MY_COM_STMT_PREPARE)
		return prepare(f, t, c);
	id = my_get_u32(c->first + 1);
	n = find(f, id);
	if (n == NULL)
		return unknown(f, t, c, id);
	switch (c->first[0]) {
	case MY_COM_STMT_FETCH:
		return fetch(f, t, c, n, held_of(t, n));
	case MY_COM_STMT_RESET:
		return reset(f, t, c, n, held_of(t, n));
	case MY_COM_STMT_CLOSE:
		return forget(f, t, c, n, held_of(t, n));
	default:
		return run(f, t, c, n);
	}
}
