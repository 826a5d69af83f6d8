/*
 * The server's side, once logged in: which packet answers what, and whether
 * the client sees it.
 *
 * A client's command is sent when nothing else is owed, and the next one when
 * it is answered, so at most one answer is the client's and it is the last.
 * Packets that need no look inside are passed on in runs; an OK is looked at
 * when it says that the session has changed, and written anew then, since the
 * client sees only the changes that it asked for.  An ERR has no status: where
 * it may have ended or begun a transaction, the server is asked by a ping
 * before anybody relies on it.
 *
 * Owns the connection's state; runs on the worker that owns the connection.
 * MySQL Internals, "Command Phase".
 */
#include "my_back.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "my_back_login.h"
#include "my_caps.h"
#include "my_error.h"
#include "my_file.h"
#include "my_follow.h"
#include "my_front.h"
#include "my_loading.h"
#include "my_memo.h"
#include "my_pin.h"
#include "my_probe.h"
#include "my_results.h"
#include "my_trackers.h"

/* The longest OK or ERR that is read whole; longer ones end the connection. */
#define WHOLE_MAX (64u * 1024)

/* ---- life ---- */

void *
my_back_open(const struct credential *cred, const char *database,
	     struct startup_words words, const struct policy *policy)
{
	struct my_back *b = mem_zalloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	b->view.application_name = "";
	my_loads_init(&b->loads);
	b->login = my_back_login_new(cred, database, words, policy);
	if (b->login == NULL) {
		mem_free(b);
		return NULL;
	}
	b->is_bare = my_class_is_bare(words.data, words.len);
	b->view.wants_step = true;
	return b;
}

void
my_back_close(void *back)
{
	struct my_back *b = back;

	my_back_login_free(b->login);
	my_session_fini(&b->session);
	my_session_fini(&b->arriving);
	my_facts_unref(b->facts);
	my_loads_fini(&b->loads);
	mem_free(b->error);
	mem_free(b);
}

struct back_view *
my_back_view(void *back)
{
	struct my_back *b = back;

	return &b->view;
}

static enum tx_state
tx_of(const struct my_back *b)
{
	return (b->status & MY_STATUS_IN_TRANS) != 0 ? TX_OPEN : TX_IDLE;
}

void
my_back_count(struct my_back *b)
{
	b->view.tx = tx_of(b);
	b->view.owed = b->owed.count;
	b->view.owed_ends = b->owed.count;
	b->view.owed_hidden = b->owed.hidden;
	b->view.is_resettable = b->login == NULL && b->owed.count == 0;
	b->view.wants_step = b->login != NULL || b->is_boundary_due ||
			     b->pending_fail != REASON_NONE;
	b->view.remote_pid = b->thread_id;
}

unsigned
my_back_with(const struct my_back *b)
{
	return (b->caps & MY_CLIENT_DEPRECATE_EOF) != 0 ? 0 : MY_WITH_EOF;
}

void
my_back_keep_error(struct my_back *b, const uint8_t *payload, size_t len)
{
	uint8_t *copy = mem_zalloc(len + 1);

	/* Without memory there is none, and not the one before. */
	if (copy != NULL)
		memcpy(copy, payload, len);
	mem_free(b->error);
	b->error = copy;
	b->error_len = copy != NULL ? len : 0;
}

/* ---- what it owes ---- */

/* The answer to the entry that is now the first begins. */
static void
begin_answer(struct my_back *b)
{
	const struct my_owed *e;

	if (b->owed.count == 0)
		return;
	e = my_owed_head(&b->owed);
	my_command_begin(&b->response, e->head, e->len, my_back_with(b));
}

static void
push(struct my_back *b, enum my_owed_task task, const uint8_t *head, size_t len)
{
	struct my_owed entry = { .task = (uint8_t)task, .len = (uint32_t)len };

	memcpy(entry.head, head,
	       len < sizeof(entry.head) ? len : sizeof(entry.head));
	my_owed_push(&b->owed, entry);
	if (b->owed.count == 1)
		begin_answer(b);
	my_back_count(b);
}

void
my_back_push(struct my_back *b, const uint8_t *head, size_t len)
{
	push(b, MY_OWED_CLIENT, head, len);
}

void
my_back_tell(struct my_back *b, const uint8_t *head)
{
	if (head[0] == MY_COM_STMT_CLOSE && b->statements > 0)
		b->statements--;
	b->is_boundary_due = (b->status & MY_STATUS_IN_TRANS) == 0;
	my_back_count(b);
}

bool
my_back_ask(struct my_back *b, struct buf *out, enum my_owed_task task,
	    uint8_t command, const void *argument, size_t len)
{
	struct str s = { 0 };
	uint8_t seq = 0, head[MY_COMMAND_HEAD] = { command };

	str_putc(&s, (char)command);
	if (len > 0)
		str_add(&s, argument, len);
	if (!my_packet_flush(&s, out, &seq))
		return false;
	if (len > 0)
		memcpy(head + 1, argument,
		       len < sizeof(head) - 1 ? len : sizeof(head) - 1);
	push(b, task, head, len + 1);
	return true;
}

/* ---- answers ---- */

/* A packet, as far as it was looked at. */
struct look {
	struct my_head head;
	enum my_packet_kind kind;
	struct my_response after; /* the answer behind it */
	uint8_t first[MY_HEAD];
};

enum fate {
	FATE_PASS,
	FATE_WHOLE, /* it must be read whole */
	FATE_MORE,  /* not enough of it has come */
	FATE_FAIL,
};

static bool
must_be_read(const struct look *l)
{
	switch (l->kind) {
	case MY_PACKET_OK:
	case MY_PACKET_END:
	case MY_PACKET_EOF:
		return (l->after.status & MY_STATUS_STATE_CHANGED) != 0;
	case MY_PACKET_ERR:
	case MY_PACKET_FILE:
		return true;
	case MY_PACKET_COUNT:
	case MY_PACKET_PREPARED:
	case MY_PACKET_FIELD:
	case MY_PACKET_ROW:
	case MY_PACKET_TEXT:
	case MY_PACKET_AUTH:
	case MY_PACKET_PROGRESS:
	case MY_PACKET_MORE:
	case MY_PACKET_BAD:
		break;
	}
	return false;
}

bool
my_back_is_for_client(const struct my_back *b, const struct turn *t)
{
	return b->owed.count > 0 && t->peer != NULL && t->peer_out != NULL &&
	       !b->is_muted &&
	       b->owed.entries[b->owed.first].task == MY_OWED_CLIENT;
}

/* The end of an answer for which the client is refused: see on_whole. */
static bool
is_left_open(const struct my_back *b, const struct turn *t,
	     const struct look *l)
{
	return t->policy->mode == POOL_STATEMENT && l->after.is_over &&
	       l->after.has_status &&
	       (l->after.status & MY_STATUS_IN_TRANS) != 0 &&
	       my_back_is_for_client(b, t);
}

/* The end of an answer to carpool itself: what follows from it must not come
 * before all of it has. */
static bool
is_own_end(const struct my_back *b, const struct look *l)
{
	return b->owed.entries[b->owed.first].task != MY_OWED_CLIENT &&
	       l->after.is_over &&
	       (l->kind == MY_PACKET_OK || l->kind == MY_PACKET_END);
}

/* Is it one that is kept for those who ask the same? */
static bool
is_probed(const struct my_back *b, const struct turn *t)
{
	return t->peer != NULL && my_probe_reads(t->peer) &&
	       my_back_is_for_client(b, t);
}

/* Is the answer that comes one of which each packet is taken? */
static bool
is_kept(const struct my_back *b)
{
	return my_results_is_kept(b) || my_trackers_reads(b);
}

/* Looks at the packet at offset at, changing nothing. */
static enum fate
look_at(const struct my_back *b, const struct turn *t, struct my_scan *s,
	size_t at, struct look *l)
{
	uint8_t scratch[MY_HEAD];
	size_t need;

	if (!my_head_scan(s, at, &l->head))
		return FATE_MORE;
	need = l->head.len < MY_HEAD ? l->head.len : MY_HEAD;
	if (s->in->len - at < MY_HEADER + need)
		return FATE_MORE;
	memcpy(l->first, my_scan_view(s, at + MY_HEADER, need, scratch), need);
	l->after = b->response;
	l->kind = my_response_take(&l->after, l->first, l->head.len);
	if (l->kind == MY_PACKET_BAD)
		return FATE_FAIL;
	if (!must_be_read(l) && !is_kept(b) && !is_probed(b, t) &&
	    !is_left_open(b, t, l) && !is_own_end(b, l))
		return FATE_PASS;
	if (l->head.len > WHOLE_MAX)
		return FATE_FAIL;
	return FATE_WHOLE;
}

static struct order
fail(struct my_back *b, enum reason reason)
{
	b->must_close = true;
	return order_fail(FAIL_CONNECTION, reason);
}

/* Is nothing owed, and no transaction of the client's open? */
static bool
is_edge(const struct my_back *b, const struct turn *t)
{
	return b->owed.count == 0 && (t->peer == NULL || b->has_link_failed ||
				      (b->status & MY_STATUS_IN_TRANS) == 0);
}

/* The answer to the first entry is complete; false: memory is out. */
static bool
answer_over(struct my_back *b, struct turn *t)
{
	enum my_owed_task task =
		(enum my_owed_task)my_owed_head(&b->owed)->task;
	struct my_response response = b->response;
	struct my_owed entry = *my_owed_head(&b->owed);
	bool is_error = response.error != 0, done = true;

	b->has_warnings |= response.has_warned || is_error;
	my_owed_pop(&b->owed);
	b->is_muted = false;
	begin_answer(b);
	switch (task) {
	case MY_OWED_CLIENT:
		done = my_back_done(b, t, &response, entry.head);
		break;
	case MY_OWED_LOOK:
		b->must_close |= is_error;
		if (t->peer != NULL)
			my_back_give(b, t->peer);
		if ((b->status & MY_STATUS_IN_TRANS) == 0)
			b->view.xacts++;
		else if (t->policy->mode == POOL_STATEMENT && t->peer != NULL)
			b->pending_fail = REASON_STATEMENT_MODE_TX;
		break;
	case MY_OWED_WARNINGS:
	case MY_OWED_ID:
	case MY_OWED_TRACKERS:
		break;
	case MY_OWED_FORGET:
		b->has_warnings = is_error;
		b->must_close |= is_error;
		break;
	case MY_OWED_SCHEMA:
	case MY_OWED_SET:
		my_link_done(b, response.error);
		done = my_results_prepare(b, t);
		b->is_boundary_due = is_edge(b, t);
		return done;
	case MY_OWED_CONTEXT:
	case MY_OWED_LOAD:
	case MY_OWED_RETURN:
		/* The client's command comes next. */
		b->is_boundary_due = b->owed.count == 0 &&
				     (t->peer == NULL || b->has_link_failed);
		return my_load_done(b, t, task, &response) &&
		       my_results_prepare(b, t);
	case MY_OWED_CLEAR:
		b->has_warnings = is_error;
		b->must_close |= is_error;
		b->is_boundary_due = b->owed.count == 0 &&
				     (t->peer == NULL || b->has_link_failed);
		return true;
	case MY_OWED_OWN:
		b->must_close |= is_error;
		b->is_boundary_due = b->owed.count == 0 &&
				     (t->peer == NULL || b->has_link_failed);
		return my_results_prepare(b, t);
	case MY_OWED_RESET:
	case MY_OWED_TRACK:
	case MY_OWED_CONNECT:
	case MY_OWED_CHECK:
	case MY_OWED_KILL:
	case MY_OWED_UNDO:
		done = my_clean_done(b, t, task, response.error);
		break;
	}
	done = done && (my_back_is_between(b, t) || my_results_ask(b, t));
	b->is_boundary_due = is_edge(b, t);
	return done;
}

/* Takes over what was seen of a packet; false: memory is out. */
static bool
commit(struct my_back *b, struct turn *t, const struct look *l)
{
	b->response = l->after;
	if (b->response.has_status)
		b->status = b->response.status;
	return !b->response.is_over || answer_over(b, t);
}

/* ---- the step ---- */

/* What carpool's own commands change is known when they are answered. */
static bool
is_followed(const struct my_back *b)
{
	uint8_t task = b->owed.entries[b->owed.first].task;

	return task == MY_OWED_CLIENT || task == MY_OWED_LOOK;
}

/* Passes an OK or EOF on as the client shall see it; false: no memory. */
static bool
tell_ok(struct my_back *b, struct turn *t, const struct look *l,
	uint8_t *payload)
{
	bool is_told = my_back_is_for_client(b, t) && !is_left_open(b, t, l);
	struct my_front *f = is_told ? t->peer : NULL;
	uint8_t seq = l->head.seq;
	struct my_ok ok;
	size_t len;

	if (l->kind == MY_PACKET_EOF) {
		if (is_followed(b) && b->response.answer != MY_ANSWER_PREPARE)
			my_follow_blind(b);
		return f == NULL ||
		       my_packet_put_eof(t->peer_out, &seq,
					 my_status_in_eof(l->after.status),
					 l->after.warnings);
	}
	if (!my_ok_parse(&ok, payload, l->head.len)) {
		b->pending_fail = REASON_SERVER_PROTOCOL;
		b->must_close = true;
		return true;
	}
	if (is_followed(b) && !my_follow_ok(b, t->shared, &ok))
		return false;
	if (f != NULL && my_probe_reads(f))
		my_front_drop_kept(f); /* it did more than answer */
	if (f == NULL)
		return true;
	my_memo_learn(b, f, t, &ok, payload, l->head.len);
	len = my_trackers_tell(payload, &ok, f);
	return my_packet_put(t->peer_out, &seq, payload, len);
}

/* What fails since something else failed before is not worth telling. */
static void
keep_error(struct my_back *b, const uint8_t *payload, size_t len)
{
	bool is_after = b->is_load_astray || b->has_link_failed;

	if (!is_after || my_owed_head(&b->owed)->task != MY_OWED_LOAD)
		my_back_keep_error(b, payload, len);
}

/* What the client is told next has this number, should it be an error. */
static void
await_more(struct my_front *f, uint8_t seq, bool is_over)
{
	f->seq = is_over ? 1 : (uint8_t)(seq + 1);
}

/* The packet at the beginning is one that is read whole. */
static struct order
on_whole(struct my_back *b, struct turn *t, const struct look *l)
{
	size_t total = MY_HEADER + (size_t)l->head.len;
	bool is_passed = my_back_is_for_client(b, t) &&
			 (l->kind == MY_PACKET_ERR ||
			  (l->kind == MY_PACKET_FILE && my_file_may_ask(t)));
	bool is_as_it_is =
		is_probed(b, t) && !must_be_read(l) && !is_left_open(b, t, l);
	bool done = true;
	uint8_t *payload;

	if (t->in->len < total)
		return order_bytes(ORDER_NEED_MORE, total);
	payload = mem_zalloc((size_t)l->head.len + 1);
	if (payload == NULL)
		return fail(b, REASON_NO_MEMORY);
	buf_copy_out(t->in, MY_HEADER, payload, l->head.len);
	if (my_results_is_kept(b))
		done = my_results_keep(b, t, l->kind, &l->head, payload);
	else if (my_trackers_reads(b))
		done = my_trackers_keep(b, t, l->kind, payload, l->head.len);
	else if (is_as_it_is)
		my_probe_keep(t->peer, &l->head, payload);
	else if (l->kind == MY_PACKET_ERR)
		keep_error(b, payload, l->head.len);
	else if (l->kind == MY_PACKET_FILE)
		done = is_passed || my_file_refuse(b, t, l->head.seq);
	else
		done = tell_ok(b, t, l, payload);
	mem_free(payload);
	if (my_back_is_for_client(b, t))
		await_more(t->peer, l->head.seq, l->after.is_over);
	if (is_left_open(b, t, l)) {
		/* In its place it is told that there are no transactions. */
		((struct my_front *)t->peer)->seq = l->head.seq;
		b->pending_fail = REASON_STATEMENT_MODE_TX;
	}
	if (!done || !commit(b, t, l))
		return fail(b, REASON_NO_MEMORY);
	return order_bytes(
		is_passed || is_as_it_is ? ORDER_RELAY : ORDER_DISCARD, total);
}

/* What a server says when nobody asked: its last words. */
static struct order
on_unasked(struct my_back *b, const struct turn *t)
{
	struct my_head head;
	uint8_t *payload;

	if (!my_head_peek(t->in, 0, &head))
		return order_bytes(ORDER_NEED_MORE, MY_HEADER);
	if (head.len == 0 || head.len > WHOLE_MAX)
		return fail(b, REASON_SERVER_PROTOCOL);
	if (!my_packet_is_in(t->in, 0, &head))
		return order_bytes(ORDER_NEED_MORE, MY_HEADER + head.len);
	payload = mem_zalloc((size_t)head.len + 1);
	if (payload == NULL)
		return fail(b, REASON_NO_MEMORY);
	buf_copy_out(t->in, MY_HEADER, payload, head.len);
	if (payload[0] == 0xff)
		my_back_keep_error(b, payload, head.len);
	mem_free(payload);
	return fail(b, REASON_SERVER_LOST);
}

/*
 * Goes on over packets that need no look inside, up to the end of an answer;
 * *fate: why it stopped.  Returns the bytes that may move, which may be more
 * than have come.
 */
static size_t
run_over(struct my_back *b, struct turn *t, enum fate *fate, struct look *l,
	 uint8_t *seq)
{
	struct my_scan s = my_scan(t->in);
	size_t at = 0;

	*fate = FATE_PASS;
	while (at < t->in->len) {
		if (b->response.state == MY_STATE_ROWS && !is_kept(b) &&
		    !my_follow_reads(b) && !is_probed(b, t)) {
			at += my_response_take_rows(&b->response, &s, at, seq);
			if (at >= t->in->len)
				break;
		}
		*fate = look_at(b, t, &s, at, l);
		if (*fate != FATE_PASS)
			break;
		if (l->kind == MY_PACKET_PREPARED &&
		    my_back_is_for_client(b, t))
			my_load_rename(b, t, at);
		if (l->kind == MY_PACKET_ROW && my_follow_reads(b))
			my_follow_row(b, l->first, l->head.len);
		at += MY_HEADER + (size_t)l->head.len;
		*seq = l->head.seq;
		b->response = l->after;
		if (b->response.has_status)
			b->status = b->response.status;
		if (b->response.is_over)
			break;
	}
	return at;
}

static struct order
on_answers(struct my_back *b, struct turn *t)
{
	bool is_passed = my_back_is_for_client(b, t);
	enum fate fate;
	struct look l;
	uint8_t seq = 0;
	size_t n = run_over(b, t, &fate, &l, &seq);

	if (n > 0) {
		if (is_passed)
			await_more(t->peer, seq, b->response.is_over);
		if (b->response.is_over && !answer_over(b, t))
			return fail(b, REASON_NO_MEMORY);
		return order_bytes(is_passed ? ORDER_RELAY : ORDER_DISCARD, n);
	}
	switch (fate) {
	case FATE_WHOLE:
		return on_whole(b, t, &l);
	case FATE_MORE:
		return order_bytes(ORDER_NEED_MORE, t->in->len + 1);
	case FATE_PASS:
	case FATE_FAIL:
		break;
	}
	return fail(b, REASON_SERVER_PROTOCOL);
}

/* Such a connection is logged in, or has its answer. */
static struct order
step_kill(struct my_back *b, struct turn *t)
{
	char sql[40];
	size_t len;

	if (b->is_boundary_due) {
		my_back_terminate(t);
		return order_plain(ORDER_CLOSE);
	}
	if (b->owed.count > 0)
		return t->in->len == 0 ? order_bytes(ORDER_NEED_MORE, 1)
				       : on_answers(b, t);
	len = text_format(sql, sizeof(sql), "KILL QUERY %u", b->kills);
	return my_back_ask(b, t->out, MY_OWED_KILL, MY_COM_QUERY, sql, len)
		       ? order_plain(ORDER_WAIT)
		       : fail(b, REASON_NO_MEMORY);
}

/* Nothing is owed: what the core may do with the server now. */
static struct order
on_boundary(struct my_back *b, const struct turn *t)
{
	struct order o = order_plain(ORDER_BOUNDARY);
	bool is_held;

	b->is_boundary_due = false;
	if (b->has_link_failed) {
		b->has_link_failed = false;
		return order_fail(b->has_no_schema && !b->must_close
					  ? FAIL_STATEMENT
					  : FAIL_CONNECTION,
				  REASON_SERVER_SETTING);
	}
	o.pins = my_follow_kinds(b, t->policy, &is_held);
	if (t->policy->mode == POOL_SESSION)
		o.pins = 0;
	else if (is_held)
		o.hold = HOLD_PINNED;
	o.residue = my_follow_residue(b, t->policy);
	/* Of a client that is gone it was told for the last time. */
	if (t->peer == NULL && (b->status & MY_STATUS_IN_TRANS) == 0)
		my_back_unlink(b);
	return o;
}

struct order
my_back_step(struct turn *t)
{
	struct my_back *b = t->self;
	struct order o;

	if (b->login != NULL) {
		o = my_back_login_step(b, t);
	} else if (b->kills != 0) {
		o = step_kill(b, t);
	} else if (b->pending_fail == REASON_STATEMENT_MODE_TX) {
		/* The transaction is taken back. */
		o = order_fail(FAIL_CONNECTION, b->pending_fail);
	} else if (b->pending_fail != REASON_NONE) {
		o = fail(b, b->pending_fail);
	} else if (t->out_busy && b->owed.count == 0) {
		o = order_plain(ORDER_WAIT);
	} else if (b->is_boundary_due) {
		o = on_boundary(b, t);
	} else if (t->in->len == 0) {
		o = order_bytes(ORDER_NEED_MORE, 1);
	} else if (b->owed.count == 0) {
		o = on_unasked(b, t);
	} else {
		o = on_answers(b, t);
	}
	my_back_count(b);
	return o;
}

/*
 * A connection that has the server stop another one's statement.  It needs no
 * schema, and no class.
 */
void *
my_back_cancel_open(void *back, const struct credential *cred,
		    const struct policy *policy)
{
	const struct my_back *victim = back;
	struct startup_words none = { 0 };
	struct my_back *b;

	if (victim->thread_id == 0)
		return NULL;
	b = my_back_open(cred, "", none, policy);
	if (b != NULL)
		b->kills = victim->thread_id;
	return b;
}
