/*
 * The client's side, once logged in: who carries a command out, and when it
 * may go to the server.
 *
 * Commands are taken one at a time, in their order: the next one waits until
 * the server has answered, so that each finds the session that the one before
 * left, and a pipeline of them shares servers as single ones do.  What needs no
 * server is answered here.
 *
 * Owns the connection's state; runs on the client's worker.  MySQL Internals,
 * "Command Phase".
 */
#include "my_front_command.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "my_back.h"
#include "my_caps.h"
#include "my_collation.h"
#include "my_error.h"
#include "my_file.h"
#include "my_front_login.h"
#include "my_memo.h"
#include "my_own.h"
#include "my_pin.h"
#include "my_prepared.h"
#include "my_probe.h"
#include "my_results.h"
#include "my_said.h"
#include "my_trackers.h"
#include "sql/digest.h"
#include "sql/statement.h"

/* ---- life ---- */

void *
my_share_open(uint64_t seed)
{
	struct statements *t = statements_new(seed);

	if (t != NULL && !my_memo_open(t)) {
		statements_free(t);
		return NULL;
	}
	return t;
}

void
my_share_close(void *shared)
{
	statements_free(shared);
}

/* There are thousands of them, and most do nothing. */
_Static_assert(sizeof(struct my_front) <= 160, "the allocator's next size");

void *
my_front_open(void)
{
	struct my_front *f = mem_zalloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	f->view.application_name = "";
	f->login = my_front_login_new();
	if (f->login == NULL) {
		mem_free(f);
		return NULL;
	}
	return f;
}

void
my_front_close(void *front)
{
	struct my_front *f = front;

	my_front_login_free(f->login);
	if (f->is_console)
		my_console_free(f->console);
	else
		my_names_free(f->names);
	my_session_fini(&f->session);
	my_session_fini(&f->start);
	my_results_free(f->results);
	mem_free(f->kept);
	mem_free(f->text);
	mem_free(f);
}

bool
my_front_keep(struct my_front *f, enum my_kept why, const void *text,
	      size_t len)
{
	my_front_drop_kept(f);
	f->kept = mem_strndup(text, len);
	f->kept_len = (uint32_t)len;
	f->keeps = why;
	return f->kept != NULL;
}

void
my_front_drop_kept(struct my_front *f)
{
	if (f->kept != NULL)
		mem_free(f->kept);
	f->kept = NULL;
}

struct front_view *
my_front_view(void *front)
{
	struct my_front *f = front;

	return &f->view;
}

/* ---- answers of our own ---- */

struct order
my_front_drop(struct my_front *f, const struct my_head *head)
{
	(void)my_parts_take(&f->parts, head->len);
	f->is_judged = false;
	f->is_dropping = f->parts.is_cut;
	f->seq = 1; /* should it be refused before it says more */
	return order_bytes(ORDER_DISCARD, MY_HEADER + (size_t)head->len);
}

static struct order
drop(struct my_front *f, const struct command *c)
{
	return my_front_drop(f, &c->head);
}

struct order
my_front_ok(struct my_front *f, struct turn *t, const struct command *c)
{
	struct my_ok ok = { .status = f->status };

	f->seq = (uint8_t)(c->head.seq + 1);
	return my_ok_put(t->out, &f->seq, &ok) ? drop(f, c)
					       : my_front_no_memory();
}

struct order
my_front_error(struct my_front *f, struct turn *t, const struct command *c,
	       unsigned code, const char *text)
{
	f->seq = (uint8_t)(c->head.seq + 1);
	return my_put_error(t->out, &f->seq, code, text) ? drop(f, c)
							 : my_front_no_memory();
}

void
my_front_refuse(struct turn *t, const struct refusal *refusal)
{
	struct my_front *f = t->self;
	const char *text = refusal->text;
	struct str named = { 0 };
	bool done;

	if (refusal->scope == FAIL_STATEMENT) {
		f->is_refused = f->view.is_skipping = true;
		my_own_refused(f, t, refusal);
		if (f->is_silent)
			return;
	}
	if (refusal->server_error_len > 0) {
		done = my_packet_put(t->out, &f->seq, refusal->server_error,
				     refusal->server_error_len);
	} else {
		if (text == NULL && f->login != NULL) {
			my_front_login_words(f->login, refusal->reason, &named);
			text = named.len > 0 ? str_text(&named) : NULL;
		}
		done = my_put_reason(t->out, &f->seq, refusal->reason, text);
	}
	str_fini(&named);
	/* Without memory the client sees the connection's end alone: the next
	 * answer would pass for this one. */
	f->is_untold = !done;
	if (refusal->scope == FAIL_STATEMENT)
		f->seq = 1; /* that answer is whole */
}

/* ---- commands ---- */

static struct order
out_of_order(struct my_front *f, const struct command *c)
{
	f->seq = (uint8_t)(c->head.seq + 1);
	return order_fail(FAIL_CONNECTION, REASON_PACKET_ORDER);
}

/* False: *o says what to do. */
static bool
read_command(struct my_front *f, struct turn *t, struct command *c,
	     struct order *o)
{
	struct my_scan s = my_scan(t->in);
	size_t need;

	if (!my_head_scan(&s, 0, &c->head)) {
		*o = order_bytes(ORDER_NEED_MORE, MY_HEADER);
		return false;
	}
	need = c->head.len < MY_COMMAND_HEAD ? c->head.len : MY_COMMAND_HEAD;
	if (t->in->len < MY_HEADER + need) {
		*o = order_bytes(ORDER_NEED_MORE, MY_HEADER + need);
		return false;
	}
	buf_copy_out(t->in, MY_HEADER, c->first, need);
	c->info = my_command_info(c->first[0]);
	if (c->head.seq == 0 && need > 0)
		return true;
	*o = c->head.seq != 0 ? out_of_order(f, c)
			      : my_front_error(f, t, c, MY_ER_UNKNOWN_COM,
					       "Unknown command");
	return false;
}

struct my_lexer_options
my_front_reads(const struct my_front *f)
{
	return my_session_reads(&f->session, f->server, f->status);
}

/* A text too long to wait for, which is looked at as it passes. */
struct my_long {
	struct my_classify classify;
	uint32_t left; /* of the packet that is passing */
};

/* The text is complete: it runs, or is only prepared. */
static void
set_flags(struct my_front *f, struct my_back *b, uint64_t flags)
{
	if (f->names != NULL && f->names->pending != NULL)
		f->names->pending->statement->my_flags = flags;
	else
		b->flags = flags;
	/* Too long to be kept until here. */
	if (my_pins_may_begin(b->flags))
		b->view.digest = 0;
}

/* Takes what has come of the packet; it may go. */
static struct order
pass_piece(struct my_front *f, struct turn *t, size_t skip)
{
	struct my_long *l = f->text;
	struct my_back *b = t->peer;
	size_t n = t->in->len - skip, at = skip, len;
	uint64_t flags;

	if (n > l->left)
		n = l->left;
	for (size_t rest = n; rest > 0; rest -= len, at += len) {
		const uint8_t *run = buf_run(t->in, at, &len);

		if (len > rest)
			len = rest;
		my_classify_feed(&l->classify, run, len);
	}
	l->left -= (uint32_t)n;
	if (l->left > 0 || f->parts.is_cut)
		return order_bytes(ORDER_RELAY, skip + n);
	flags = my_classify_end(&l->classify);
	mem_free(l);
	f->text = NULL;
	/* Its number would be taken for one of the server's own, which must not
	 * get the rest. */
	if ((flags & MY_SQL_KILL) != 0)
		return order_fail(FAIL_CONNECTION, REASON_STATEMENT_TOO_LONG);
	set_flags(f, b, flags);
	return order_bytes(ORDER_RELAY, skip + n);
}

/* The next packet of a command or of a file that is on its way. */
static struct order
go_on(struct my_front *f, struct turn *t)
{
	struct my_head head;
	struct order o;

	/* Its server answered before it had it all, and was given up. */
	if (t->peer == NULL && !f->is_dropping) {
		o = order_bytes(ORDER_DISCARD,
				f->text == NULL ? 0 : f->text->left);
		mem_free(f->text);
		f->text = NULL;
		f->is_dropping = true;
		if (o.bytes > 0)
			return o;
	}
	if (f->text != NULL && f->text->left > 0) {
		if (t->in->len == 0)
			return order_bytes(ORDER_NEED_MORE, 1);
		return pass_piece(f, t, 0);
	}
	if (!my_head_peek(t->in, 0, &head))
		return order_bytes(ORDER_NEED_MORE, MY_HEADER);
	(void)my_parts_take(&f->parts, head.len);
	if (f->text == NULL)
		return order_bytes(f->is_dropping ? ORDER_DISCARD : ORDER_RELAY,
				   MY_HEADER + (size_t)head.len);
	f->text->left = head.len;
	return pass_piece(f, t, MY_HEADER);
}

struct order
my_front_send_long(struct my_front *f, struct turn *t, const struct command *c)
{
	struct my_long *l = mem_zalloc(sizeof(*l));

	if (l == NULL)
		return my_front_no_memory();
	my_classify_init(&l->classify, my_front_reads(f));
	/* The command's byte is none of the text. */
	l->left = c->head.len - 1;
	f->text = l;
	return pass_piece(f, t, MY_HEADER + 1);
}

/*
 * The text of a whole command where it lies, or a copy in *scratch, for the
 * caller to free; NULL: no memory.
 */
static const void *
text_at(const struct turn *t, size_t len, void **scratch)
{
	size_t n = 0;
	const void *run = "";

	*scratch = NULL;
	if (len > 0)
		run = buf_run(t->in, MY_HEADER + 1, &n);
	if (n >= len)
		return run;
	*scratch = mem_zalloc(len);
	if (*scratch != NULL)
		buf_copy_out(t->in, MY_HEADER + 1, *scratch, len);
	return *scratch;
}

/* The flags of a text that is whole; false: *o says what to do. */
static bool
read_text(struct my_front *f, struct turn *t, const struct command *c,
	  uint64_t *flags, struct order *o)
{
	size_t len = c->head.len - 1u;
	bool done = true;
	const void *text;
	void *scratch;

	if (t->in->len < MY_HEADER + (size_t)c->head.len) {
		*o = order_bytes(ORDER_NEED_MORE, MY_HEADER + c->head.len);
		return false;
	}
	text = text_at(t, len, &scratch);
	if (text == NULL) {
		*o = my_front_no_memory();
		return false;
	}
	*flags = my_classify_text(text, len, my_front_reads(f));
	if (my_said_matters(*flags))
		done = my_front_keep(f, MY_KEPT_SET, text, len);
	mem_free(scratch);
	if (!done)
		*o = my_front_no_memory();
	return done;
}

enum reason
my_front_refusal(uint64_t flags, const struct policy *policy)
{
	uint32_t pins = my_pins_begun(flags);

	for (unsigned i = 0; pins != 0 && i < MY_PINS; i++) {
		enum state_kind kind = my_pin_rules[i].kind;

		if ((pins & MY_PIN_BIT(i)) != 0 && kind != STATE_KINDS &&
		    policy->mode != POOL_SESSION &&
		    policy->on_state[kind] == STATE_REJECT)
			return REASON_TEMP_TABLE + (enum reason)kind;
	}
	return REASON_NONE;
}

struct order
my_front_need_server(struct my_front *f, struct turn *t)
{
	struct order o;

	return my_own_class(f, t, &o) ? o : order_plain(ORDER_NEED_SERVER);
}

/* A text that no server may see, or need see: true, and *o answers it. */
static bool
is_own(struct my_front *f, struct turn *t, const struct my_head *head,
       uint64_t flags, struct order *o)
{
	const uint64_t thread = MY_SQL_ASKS_THREAD | MY_SQL_BARE;

	if ((flags & MY_SQL_KILL) != 0) {
		*o = my_own_kill_text(f, t, head, flags);
		return true;
	}
	return ((flags & thread) == thread && my_own_thread(f, t, head, o)) ||
	       (t->peer == NULL && t->policy->mode != POOL_SESSION &&
		(flags & (MY_SQL_END | MY_SQL_SEVERAL)) == MY_SQL_END &&
		my_own_end(f, t, head, o)) ||
	       ((flags & MY_SQL_ASKS_WARNINGS) != 0 &&
		my_results_answer(f, t, head, flags, o));
}

/* A text was answered here, as *o says, or is to be asked for again. */
static bool
answered(struct my_front *f, const struct order *o)
{
	if (o->kind != ORDER_DISCARD)
		return false;
	f->view.queries++;
	if ((f->status & MY_STATUS_IN_TRANS) == 0)
		f->view.xacts++;
	return false;
}

/* Is it one for a server?  False: *o says what to do. */
static bool
judge(struct my_front *f, struct turn *t, const struct command *c,
      struct order *o)
{
	bool is_long = c->head.len > TEXT_WAIT;
	uint64_t flags = 0;
	enum reason reason;

	if (c->first[0] == MY_COM_QUERY && !is_long &&
	    !read_text(f, t, c, &flags, o))
		return false;
	if (c->first[0] == MY_COM_STMT_PREPARE && !is_long &&
	    t->in->len < MY_HEADER + (size_t)c->head.len) {
		*o = order_bytes(ORDER_NEED_MORE, MY_HEADER + c->head.len);
		return false;
	}
	/* As USE does: that its state changed is no news. */
	if (c->first[0] == MY_COM_INIT_DB)
		flags = MY_SQL_SET | MY_SQL_USE;
	/* A text that is looked at as it passes may ask for all there is. */
	f->flags = is_long ? MY_SQL_ASKS_ID | MY_SQL_ASKS_WARNINGS : flags;
	if (is_own(f, t, &c->head, flags, o))
		return answered(f, o);
	reason = my_front_refusal(flags, t->policy);
	if (reason != REASON_NONE) {
		f->seq = 1;
		*o = order_fail(FAIL_STATEMENT, reason);
		return false;
	}
	if (t->peer == NULL && (my_memo_answer(f, t, &c->head, flags, o) ||
				my_probe_answer(f, t, &c->head, flags, o)))
		return answered(f, o);
	return true;
}

/* Of the text that goes out; without memory it is not known. */
static void
note_digest(struct my_back *b, const struct turn *t, size_t len)
{
	void *scratch;
	const void *text = text_at(t, len, &scratch);

	b->view.digest = text == NULL ? 0 : sql_digest(text, len, 0);
	mem_free(scratch);
}

/*
 * A statement that only its client's server knows is run unseen, and all that
 * it does goes with a reset, but for this.
 */
static void
note_prepared(struct my_front *f, const struct turn *t, size_t len)
{
	struct my_back *b = t->peer;
	void *scratch;
	const void *text = text_at(t, len, &scratch);
	uint64_t flags = MY_SQL_DOUBT;

	if (text != NULL)
		flags = my_classify_text(text, len, my_front_reads(f));
	b->dirt |= my_pins_lasting(my_pins_begun(flags));
	mem_free(scratch);
}

/* To the server that it is linked to. */
static struct order
send(struct my_front *f, struct turn *t, const struct command *c)
{
	bool is_long = c->head.len > TEXT_WAIT;
	struct my_back *b = t->peer;

	b->flags = is_long ? 0 : f->flags;
	if (c->first[0] == MY_COM_QUERY && my_pins_may_begin(b->flags))
		note_digest(b, t, c->head.len - 1u);
	if (c->first[0] == MY_COM_STMT_PREPARE && !is_long)
		note_prepared(f, t, c->head.len - 1u);
	my_memo_begin(f, t, &c->head, b->flags);
	my_probe_begin(f, t, &c->head, b->flags);
	(void)my_parts_take(&f->parts, c->head.len);
	f->is_dropping = false;
	f->seq = 1;
	if (c->info->answer != MY_ANSWER_NONE)
		my_back_push(b, c->first, c->head.len);
	else
		my_back_tell(b, c->first);
	if (c->first[0] == MY_COM_QUERY && is_long)
		return my_front_send_long(f, t, c);
	return order_bytes(ORDER_RELAY, MY_HEADER + (size_t)c->head.len);
}

/* Must the linked server be told more before it runs? */
static bool
is_more_due(const struct my_front *f, const struct my_back *b)
{
	return my_trackers_must_begin(b, f) || my_link_is_id_due(b, f);
}

static bool
ask_more(struct my_front *f, struct turn *t)
{
	return (!my_trackers_must_begin(t->peer, f) ||
		my_trackers_begin(t->peer, f, t->peer_out)) &&
	       (!my_link_is_id_due(t->peer, f) ||
		my_link_set_id(t->peer, f, t->peer_out));
}

/* To the server: linked, or to be.  It comes by twice then, and what was found
 * out of it the first time holds. */
static struct order
forward(struct my_front *f, struct turn *t, const struct command *c)
{
	struct order o;

	if (!f->is_judged && !judge(f, t, c, &o))
		return o;
	f->is_judged = t->peer == NULL || is_more_due(f, t->peer);
	if (t->peer == NULL)
		return my_front_need_server(f, t);
	if (f->is_judged)
		return ask_more(f, t) ? order_plain(ORDER_WAIT)
				      : my_front_no_memory();
	return send(f, t, c);
}

bool
my_front_restart(struct my_front *f, struct turn *t)
{
	struct my_session fresh = { 0 };
	const char *name = my_session_schema(&f->session);
	struct my_text schema = { name, name == NULL ? 0 : strlen(name) };
	enum my_change change;

	my_session_copy(&fresh, &f->start);
	/* MariaDB goes back to the login's character set as well. */
	if ((f->server.bits & MY_LEXER_MARIADB) == 0)
		my_session_copy(&fresh,
				&(struct my_session){ .base = f->start.base });
	change = my_session_use(t->shared, &fresh, schema);
	my_session_copy(&f->session, &fresh);
	my_session_fini(&fresh);
	f->insert_id = 0;
	f->status = f->start_status;
	my_results_forget(f);
	my_prepared_forget(f);
	return change != MY_CHANGE_NO_MEMORY;
}

/* One that carpool carries out itself. */
static struct order
carry_out(struct my_front *f, struct turn *t, const struct command *c)
{
	uint8_t command = c->first[0];

	if (command == MY_COM_QUIT)
		return order_plain(ORDER_CLOSE);
	if (command == MY_COM_PING)
		return my_front_ok(f, t, c);
	if (command == MY_COM_PROCESS_KILL)
		return my_own_kill(
			f, t, &c->head,
			(struct my_kill){ .id = my_get_u32(c->first + 1),
					  .kind = MY_KILL_CONNECTION });
	if (command == MY_COM_CHANGE_USER)
		return my_own_change_user(f, t, &c->head);
	if (command == MY_COM_SET_OPTION && t->peer == NULL)
		return my_own_set_option(f, t, &c->head,
					 my_get_u16(c->first + 1));
	if (command == MY_COM_RESET_CONNECTION && t->peer == NULL)
		return my_front_restart(f, t) ? my_front_ok(f, t, c)
					      : my_front_no_memory();
	return forward(f, t, c);
}

/* Nothing is known of the command that is next. */
static void
begin_command(struct my_front *f)
{
	f->wanted = NULL;
	f->is_silent = false;
	my_front_drop_kept(f);
}

/* What became of a KILL. */
static struct order
on_killed(struct my_front *f, struct turn *t)
{
	struct order o = order_plain(ORDER_WAIT);

	if (t->answer.kind == ANSWER_CANCEL) {
		o = my_own_killed(f, t);
		(void)answered(f, &o);
	}
	return o;
}

static struct order
on_command(struct my_front *f, struct turn *t)
{
	const struct my_back *b = t->peer;
	struct command c;
	struct order o;

	/* One at a time: its answer, or the end of it, may be on its way, and
	 * what the server has to say of the link or of a boundary comes before
	 * the next one. */
	if (b != NULL &&
	    (b->owed.count > 0 || b->view.wants_step || t->out_busy))
		return order_plain(ORDER_WAIT);
	if (!f->is_judged)
		begin_command(f);
	if (!read_command(f, t, &c, &o))
		return o;
	if (f->is_untold)
		return my_front_no_memory();
	if (f->is_refused) {
		f->is_refused = f->view.is_skipping = false;
		return drop(f, &c);
	}
	if (c.head.len < c.info->size_min)
		return my_front_error(f, t, &c, MY_ER_MALFORMED,
				      "Malformed communication packet");
	if (my_prepared_is_it(f, t, &c))
		return my_prepared_step(f, t, &c);
	switch (c.info->use) {
	case MY_USE_UNKNOWN:
		return my_front_error(f, t, &c, MY_ER_UNKNOWN_COM,
				      "Unknown command");
	case MY_USE_REFUSE:
		return my_front_error(f, t, &c, MY_ER_UNKNOWN_COM,
				      "This command is not for a pooled "
				      "connection");
	case MY_USE_OWN:
		return carry_out(f, t, &c);
	case MY_USE_SERVER:
		break;
	}
	return forward(f, t, &c);
}

static bool
set(struct my_front *f, struct statements *t, const char *name,
    const char *value, size_t len)
{
	return my_session_set(
		       t, &f->session, (struct my_text){ name, strlen(name) },
		       (struct my_text){ value, len }) != MY_CHANGE_NO_MEMORY;
}

/* The collation that the client named at its login, as a server takes it. */
static bool
take_collation(struct my_front *f, struct statements *t)
{
	static const char *const charsets[] = { "character_set_client",
						"character_set_connection",
						"character_set_results" };
	const struct my_collation *c = my_collation_find(f->collation);

	if (c == NULL)
		return true;
	for (size_t i = 0; i < COUNT_OF(charsets); i++)
		if (!set(f, t, charsets[i], c->name, my_collation_charset(c)))
			return false;
	return set(f, t, "collation_connection", c->name, strlen(c->name));
}

/* What the login learnt becomes the session. */
static bool
begin_session(struct my_front *f, struct turn *t)
{
	const struct my_facts *facts = my_front_login_facts(f->login);
	const char *schema = my_front_login_database(f->login);
	struct my_facts_variable at = { 0 };
	enum my_change change = MY_CHANGE_DONE;

	if (facts == NULL)
		return true;
	f->status = f->start_status = my_facts_words(facts)->status;
	f->server = my_lexer_server(my_facts_words(facts)->version);
	if (schema[0] != '\0')
		schema = my_facts_words(facts)->schema;
	if (schema[0] != '\0')
		change = my_session_learn_schema(
			t->shared, &f->session,
			(struct my_text){ schema, strlen(schema) });
	while (change != MY_CHANGE_NO_MEMORY && my_facts_next(facts, &at))
		change = my_session_learn(
			t->shared, &f->session,
			(struct my_text){ at.name, strlen(at.name) },
			(struct my_text){ at.value, strlen(at.value) });
	if (change == MY_CHANGE_NO_MEMORY || !take_collation(f, t->shared))
		return false;
	/* As it said at the login, by which its class was chosen. */
	f->is_bare = my_front_login_database(f->login)[0] == '\0';
	f->is_multi = (f->caps & MY_CLIENT_MULTI_STATEMENTS) != 0;
	my_session_copy(&f->start, &f->session);
	return true;
}

static struct order
on_login(struct my_front *f, struct turn *t)
{
	struct order o = my_front_login_step(f, t);

	if (o.kind != ORDER_READY)
		return o;
	if (!begin_session(f, t))
		return my_front_no_memory();
	if (my_front_login_is_console(f->login)) {
		my_names_free(f->names);
		f->console = my_console_new();
		f->is_console = f->console != NULL;
		if (!f->is_console)
			return my_front_no_memory();
	}
	my_front_login_free(f->login);
	f->login = NULL;
	f->seq = 1;
	f->view.is_at_rest = true;
	return o;
}

struct order
my_front_step(struct turn *t)
{
	struct my_front *f = t->self;
	struct my_back *b = t->peer;
	struct order o;

	if (f->login != NULL)
		return on_login(f, t);
	if (f->is_console)
		return my_console_step(f, t);
	if (f->is_asking)
		o = on_killed(f, t);
	else if (f->rest > 0)
		o = my_prepared_go_on(f);
	else if (f->text != NULL || f->parts.is_cut || my_file_is_due(f, t))
		o = go_on(f, t);
	else
		o = on_command(f, t);
	/* A command that fails on its way is owed an answer, and never sent. */
	if (b != NULL)
		b->is_half_sent = my_front_is_between(f) ||
				  (o.kind == ORDER_FAIL &&
				   b->owed.count > b->owed.hidden);
	/* Whether a server is at work for it is the back's to say. */
	f->view.is_at_rest = f->text == NULL && !f->parts.is_cut &&
			     f->login == NULL && !f->is_refused &&
			     !f->is_asking;
	return o;
}
