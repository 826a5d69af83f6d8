/*
 * The server's side, once logged in: which message answers what, and whether
 * the client sees it.
 *
 * Messages that need no look inside are passed on in runs that end only where
 * one of another fate begins, at a boundary, or where bytes are missing that
 * must be seen.  Owns the connection's state; runs on the worker that owns the
 * connection.  PostgreSQL manual, "Message Flow".
 */
#include "pg_back.h"

#include <string.h>

#include "base/mem.h"
#include "pg_effect.h"
#include "pg_front.h"
#include "pg_judge.h"
#include "pg_listen.h"

void *
pg_back_open(const struct credential *cred, const char *database,
	     struct startup_words words, const struct policy *policy)
{
	struct pg_back *b = mem_zalloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	pg_owed_init(&b->owed);
	b->owed.drop = pg_effect_dropped;
	b->owed.owner = b;
	pg_loads_init(&b->loads);
	b->view.application_name = "";
	b->login = pg_back_login_new(cred, database, words, policy);
	if (b->login == NULL) {
		mem_free(b);
		return NULL;
	}
	return b;
}

void
pg_back_close(void *back)
{
	struct pg_back *b = back;

	pg_back_login_free(b->login);
	pg_listen_free(b->listen);
	pg_owed_fini(&b->owed);
	pg_loads_fini(&b->loads);
	pg_portals_clear(b);
	pg_slot_fini(&b->unnamed);
	pg_params_unref(b->params);
	pg_params_unref(b->facts);
	pg_params_unref(b->wanted);
	pg_params_unref(b->before);
	pg_params_unref(b->acked);
	pg_params_unref(b->own);
	pg_params_unref(b->customs);
	pg_params_unref(b->own_wanted);
	pg_params_unref(b->own_before);
	pg_ask_free(b);
	mem_free(b->error);
	mem_wipe_free(b->key, b->key_len);
	mem_free(b);
}

struct back_view *
pg_back_view(void *back)
{
	struct pg_back *b = back;

	return &b->view;
}

static bool
wants_syncs(const struct pg_back *b)
{
	return b->is_in_doubt && pg_owed_doubt(&b->owed) == DOUBT_ASK;
}

void
pg_back_count(struct pg_back *b)
{
	b->view.owed = b->owed.count;
	b->view.owed_ends = pg_owed_ends(&b->owed);
	b->view.owed_hidden = b->owed.hidden_ends;
	b->view.is_resettable = b->login == NULL && b->view.tx == TX_IDLE &&
				b->owed.count == 0 && !b->owed.is_skipping &&
				!b->is_group_open;
	b->view.wants_step = b->login != NULL || b->is_boundary_due ||
			     b->pending_fail != REASON_NONE ||
			     (b->listen != NULL && b->listen->is_due) ||
			     pg_owed_is_fake_due(&b->owed) ||
			     pg_owed_wants_probe(&b->owed) || wants_syncs(b);
	b->view.statements = b->loads.count < UINT16_MAX
				     ? (uint16_t)b->loads.count
				     : UINT16_MAX;
}

void
pg_back_params_changed(struct pg_back *b)
{
	const char *name = pg_params_find(b->params, "application_name");

	b->view.application_name = name != NULL ? name : "";
}

/* ---- requests of our own ---- */

void
pg_back_push(struct pg_back *b, struct pg_owed entry)
{
	pg_effect_send(b, &entry);
	if (entry.kind <= OWED_SYNC)
		b->group++;
	pg_owed_push(&b->owed, entry);
}

bool
pg_back_query(struct pg_back *b, struct buf *out, const char *sql,
	      enum pg_owed_task task)
{
	struct pg_owed entry = { .kind = OWED_QUERY,
				 .action = OWED_HIDE,
				 .task = (uint8_t)task,
				 .is_unnamed = true };
	struct str s = { 0 };

	pg_put_message(&s, 'Q', sql);
	if (!pg_owed_reserve(&b->owed, 1)) {
		str_fini(&s);
		return false;
	}
	if (!pg_put_flush(&s, out))
		return false;
	b->has_own_error = b->was_canceled = false;
	pg_back_push(b, entry);
	pg_back_count(b);
	return true;
}

bool
pg_back_fail_group(struct pg_back *b, struct buf *out, struct pg_owed entry)
{
	static const char message[] = "D\0\0\0\037Scarpool_no_such_statement";

	/* The array's own NUL ends the name. */
	if (!buf_append(out, message, sizeof(message)))
		return false;
	entry.kind = OWED_DESCRIBE_STATEMENT;
	pg_back_push(b, entry);
	b->is_group_open = true;
	pg_back_count(b);
	return true;
}

/*
 * The probe's answer tells where the server stands.  Never inside a
 * group of the client's, which it would commit.
 */
static bool
may_probe(const struct pg_back *b, const struct turn *turn)
{
	return pg_owed_wants_probe(&b->owed) && !turn->out_busy &&
	       !b->is_half_sent && !b->is_group_open;
}

/*
 * Whether the server looks at what the client sends next hangs on the Syncs
 * that a failed COPY has read.  Asked at once, not when it must be known, which
 * would hang on how its answers are cut.
 */
static bool
may_ask_syncs(const struct pg_back *b, const struct turn *turn)
{
	return wants_syncs(b) && turn->peer != NULL && !turn->out_busy &&
	       !b->is_half_sent && !b->is_group_open;
}

/* ---- taking a message: the state follows ---- */

void
pg_statements_lost(struct pg_back *b)
{
	/* What is still owed speaks of others: those that are on their way. */
	pg_loads_clear(&b->loads);
}

static bool
take_tag(struct pg_back *b, const struct pg_answer *v)
{
	struct pg_body at = { .at = v->body, .left = v->len };
	const char *tag = v->body != NULL ? pg_body_text(&at) : NULL;

	return pg_tag_take(b, tag, v->at);
}

/*
 * Did a COPY fail, so that nobody knows which Syncs the server has read?  After
 * a violation of the protocol it says good-bye.
 */
static void
judge_doubt(struct pg_back *b, const struct pg_answer *v)
{
	enum pg_doubt doubt = pg_owed_doubt(&b->owed);
	const char *state =
		v->body != NULL ? pg_error_field(v->body, v->len, 'C') : NULL;

	b->is_in_doubt = doubt != DOUBT_NONE &&
			 (state == NULL || strcmp(state, "08P01") != 0);
	if (b->is_in_doubt && doubt == DOUBT_LOST)
		b->pending_fail = REASON_SERVER_PROTOCOL;
}

static void
take_error(struct pg_back *b, const struct turn *turn,
	   const struct pg_answer *v, const struct pg_owed *e)
{
	const char *state;

	if (e->action != OWED_HIDE)
		b->named[0] = '\0';
	pg_listen_error(b);
	judge_doubt(b, v);
	if (v->body != NULL && (e->name != NULL || e->has_steps))
		pg_effect_judge_error(b, e, v->body, v->len);
	if (v->body != NULL && pg_error_is_fatal(v->body, v->len)) {
		/* Its last words, which a linked client has read by now. */
		pg_back_keep_error(b, v->body, v->len);
		b->is_lost = true;
	}
	if (e->action != OWED_HIDE || v->body == NULL)
		return;
	if (e->task != TASK_NONE && e->task != TASK_BREAK &&
	    e->task != TASK_LOAD) {
		state = pg_error_field(v->body, v->len, 'C');
		b->has_own_error = true;
		b->was_canceled = state != NULL && strcmp(state, "57014") == 0;
	}
	if (e->task == TASK_SETTINGS || turn->peer_out == NULL ||
	    pg_error_is_fatal(v->body, v->len))
		pg_back_keep_error(b, v->body, v->len);
}

static bool
end_task(struct pg_back *b, struct turn *turn, const struct pg_owed *e)
{
	if (e->task == TASK_NONE)
		return true;
	if (e->task == TASK_SETTINGS)
		return pg_settings_done(b, turn, e->done);
	if (e->task == TASK_CHANNELS)
		return pg_listen_done(b, turn);
	if (e->task == TASK_ASK)
		return pg_ask_done(b, turn);
	return pg_clean_done(b, turn, (enum pg_owed_task)e->task);
}

static bool
take_ready(struct pg_back *b, struct turn *turn, const struct pg_answer *v,
	   const struct pg_owed *e)
{
	uint8_t status = v->body[0];

	b->view.tx = status == 'I'   ? TX_IDLE
		     : status == 'T' ? TX_OPEN
				     : TX_FAILED;
	if (status == 'I')
		pg_change_end(b);
	if (e->action != OWED_HIDE) {
		b->was_asked = false;
		b->view.queries++;
		b->view.xacts += status == 'I';
		if (status != 'I' && turn->policy->mode == POOL_STATEMENT &&
		    turn->peer_out != NULL)
			b->pending_fail = REASON_STATEMENT_MODE_TX;
		if (status == 'I' && !pg_listen_end(b, turn, v->ready))
			return false;
	}
	/* A client whose settings were made has its request still to send. */
	b->is_boundary_due = e->task != TASK_SETTINGS || turn->peer == NULL;
	return end_task(b, turn, e);
}

static bool
take_report(struct pg_back *b, struct turn *turn, const struct pg_answer *v)
{
	struct pg_body at = { .at = v->body, .left = v->len };
	const char *name = pg_body_text(&at);
	const char *value = pg_body_text(&at);

	return pg_settings_report(b, turn->peer, name, value);
}

/* The Sync that closed the group was taken for COPY's: it is still open. */
static void
reopen_group(struct pg_back *b, struct pg_front *f)
{
	b->owed.is_reopened = false;
	b->is_group_open = true;
	if (f != NULL) {
		f->is_group_open = true;
		f->view.is_at_rest = false;
	}
}

/*
 * The Sync that ended the failed group was carpool's, since COPY has read all
 * of the client's.  It fails again, so that the server passes over what comes
 * up to the client's next one.  False: memory is out.
 */
static bool
fail_again(struct pg_back *b, const struct turn *turn)
{
	struct pg_owed entry = { .action = OWED_HIDE, .task = TASK_BREAK };

	b->owed.is_ended = false;
	if (turn->peer == NULL)
		return true;
	reopen_group(b, turn->peer);
	return pg_owed_reserve(&b->owed, 1) &&
	       pg_back_fail_group(b, turn->out, entry);
}

/* Changes the state as the message says; false: memory is out. */
static bool
take(struct pg_back *b, struct turn *turn, const struct pg_answer *v)
{
	uint8_t type = v->frame.type;
	struct pg_owed e;
	bool is_over, ok = true;

	if (type == 'N' || type == 'A')
		return true;
	if (type == 'S')
		return take_report(b, turn, v);
	if (!v->is_matched) {
		pg_back_keep_error(b, v->body, v->len);
		b->is_lost = true;
		return true;
	}
	if (type == 'D' && pg_owed_at(&b->owed, v->at)->task == TASK_ASK)
		pg_ask_row(b, turn->policy, v->body, v->len);
	if (type == 'D' && pg_owed_at(&b->owed, v->at)->task == TASK_CHANNELS)
		return pg_listen_row(b, turn, v->body, v->len);
	if (type == 'D' || type == 'd')
		return true;
	if (type == 'C' && !take_tag(b, v))
		return false;
	e = pg_owed_answer(&b->owed, type, v->at, &is_over);
	if (b->owed.is_reopened)
		reopen_group(b, turn->peer);
	if (b->owed.is_ended && !b->owed.is_asked && !fail_again(b, turn))
		return false;
	if (type == 'E')
		take_error(b, turn, v, &e);
	else if (type == 'Z')
		ok = take_ready(b, turn, v, &e);
	else if (type == 'G' && turn->peer_out == NULL)
		ok = pg_clean_copy(b, turn->out);
	if (!is_over || pg_effect_is_plain(&e))
		return ok;
	if (type != 'E' && pg_judge_is_description(&e))
		pg_effect_described(b, &e, pg_shape_hash(type, v->body, v->len),
				    turn->now);
	if (type == 'E' || e.has_failed)
		pg_effect_failed(b, &e);
	else
		pg_effect_done(b, &e);
	return ok;
}

/* ---- runs ---- */

/* Consecutive messages of one fate. */
struct run {
	size_t bytes;
	enum pg_fate fate;
};

static struct order
run_order(const struct run *run)
{
	return order_bytes(run->fate == FATE_PASS ? ORDER_RELAY : ORDER_DISCARD,
			   run->bytes);
}

static struct order
fail_protocol(struct pg_back *b, const struct pg_answer *v)
{
	enum reason reason = REASON_SERVER_PROTOCOL;

	if (v != NULL && v->frame.type == 'E' && v->body != NULL) {
		pg_back_keep_error(b, v->body, v->len);
		if (pg_error_is_fatal(v->body, v->len))
			reason = REASON_SERVER_LOST;
	}
	return order_fail(FAIL_CONNECTION, reason);
}

static struct order
fail_memory(void)
{
	return order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
}

/* Replaces the server's error by the reason of the refused message, or
 * carpool's name in it by the client's. */
static struct order
rewrite_error(struct pg_back *b, struct turn *turn, const struct pg_answer *v)
{
	const struct pg_owed *e = pg_owed_at(&b->owed, v->at);
	struct str s = { 0 };

	if (e->action == OWED_REWRITE)
		pg_put_reason(&s, (enum reason)e->reason);
	else
		pg_effect_put_error(&s, e, v->body, v->len);
	if (!pg_put_flush(&s, turn->peer_out))
		return fail_memory();
	(void)take(b, turn, v);
	return order_bytes(ORDER_DISCARD, v->frame.total);
}

static struct order
tell(struct pg_back *b, const struct pg_answer *v)
{
	struct order order;

	if (!pg_listen_told(b, v->body, v->len, &order))
		return fail_protocol(b, NULL);
	order.bytes = v->frame.total;
	return order;
}

/* Does the client get its own startup settings back before this message? */
static bool
is_restart(const struct pg_back *b, const struct turn *turn,
	   const struct pg_answer *v, enum pg_fate fate)
{
	return b->was_reset && turn->peer != NULL && fate == FATE_PASS &&
	       v->frame.type == 'Z' && v->body[0] == 'I';
}

/* Must the run stop before this message? */
static bool
is_apart(const struct pg_back *b, const struct turn *turn,
	 const struct run *run, const struct pg_answer *v, enum pg_fate fate)
{
	if (run->bytes == 0)
		return false;
	if (fate != FATE_PASS && fate != FATE_DROP)
		return true;
	return fate != run->fate || is_restart(b, turn, v, fate);
}

/*
 * Adds the message at the run's end to it.  True when the run may go on; else
 * *order says what to do, unless there is a run, which goes first.
 */
static bool
extend_run(struct pg_back *b, struct turn *turn, struct pg_scan *s,
	   struct run *run, struct pg_answer *v, struct order *order)
{
	enum pg_fate fate = pg_judge(b, turn, s, v);

	if (is_apart(b, turn, run, v, fate))
		return false;
	if (fate == FATE_MORE)
		*order = order_bytes(ORDER_NEED_MORE, v->frame.total);
	else if (fate == FATE_FAIL)
		*order = fail_protocol(b, v);
	else if (fate == FATE_TELL)
		*order = tell(b, v);
	else if (fate == FATE_REWRITE)
		*order = rewrite_error(b, turn, v);
	if (fate != FATE_PASS && fate != FATE_DROP)
		return false;
	if ((is_restart(b, turn, v, fate) && !pg_settings_restart(b, turn)) ||
	    !take(b, turn, v)) {
		*order = fail_memory();
		run->bytes = 0;
		return false;
	}
	run->fate = fate;
	run->bytes += v->frame.total;
	/* Boundaries, doubts and fakes are seen to before what follows. */
	return !pg_owed_is_fake_due(&b->owed) && !wants_syncs(b) &&
	       b->pending_fail == REASON_NONE &&
	       (v->frame.type != 'Z' ||
		(b->owed.count > 0 && !pg_owed_wants_probe(&b->owed)));
}

/* A message of the run that need not be looked at. */
static bool
is_plain(const struct pg_back *b, const struct turn *turn,
	 const struct run *run, uint8_t type)
{
	return turn->peer_out != NULL &&
	       (run->bytes == 0 || run->fate == FATE_PASS) &&
	       pg_owed_is_row(&b->owed, type);
}

/* Where the messages of one type end that begin at offset at: rows come in
 * thousands, and each costs this loop alone. */
static size_t
skip_alike(const struct pg_scan *s, size_t at, uint8_t type)
{
	while (at - s->from < s->len && s->len - (at - s->from) >= PG_HEADER) {
		const uint8_t *p = s->run + (at - s->from);
		uint32_t len = pg_get_u32(p + 1);

		if (p[0] != type || len < 4 || len > INT32_MAX)
			break;
		at += (size_t)len + 1;
	}
	return at;
}

static struct order
read_answers(struct pg_back *b, struct turn *turn)
{
	struct pg_scan s = pg_scan(turn->in);
	struct order other = order_bytes(ORDER_NEED_MORE, PG_HEADER);
	struct run run = { 0 };
	struct pg_answer v;

	while (run.bytes < turn->in->len) {
		enum pg_frame_status status =
			pg_frame_peek(&s, run.bytes, INT32_MAX, &v.frame);

		if (status == PG_FRAME_PARTIAL)
			break;
		if (status != PG_FRAME_OK) {
			other = fail_protocol(b, NULL);
			break;
		}
		if (is_plain(b, turn, &run, v.frame.type)) {
			run.fate = FATE_PASS;
			run.bytes = skip_alike(&s, run.bytes + v.frame.total,
					       v.frame.type);
			continue;
		}
		if (!extend_run(b, turn, &s, &run, &v, &other))
			break;
	}
	return run.bytes > 0 ? run_order(&run) : other;
}

/* ---- boundaries ---- */

static bool
is_quiet(const struct pg_back *b, const struct turn *turn)
{
	return b->owed.count == 0 && !b->owed.is_skipping &&
	       !b->is_group_open &&
	       (b->view.tx == TX_IDLE || turn->peer == NULL);
}

static struct order
boundary(const struct pg_back *b, const struct turn *turn)
{
	bool is_linked = turn->peer != NULL;
	bool is_pinned = is_linked && (turn->policy->mode == POOL_SESSION ||
				       b->view.pins != 0);

	return (struct order){
		.kind = ORDER_BOUNDARY,
		.hold = is_pinned ? HOLD_PINNED : HOLD_NONE,
		.residue = pg_clean_residue(b, turn->policy, turn->peer),
		.pins = is_linked ? b->view.pins : 0,
	};
}

/* The next boundary may be told: nothing is left that must be asked first. */
static struct order
come_to_boundary(struct pg_back *b, struct turn *turn)
{
	bool may_ask = b->dirt != 0 || b->view.pins != 0;
	enum pg_ask_result asked =
		may_ask ? pg_ask_boundary(b, turn) : ASK_NOTHING;

	b->is_boundary_due = false;
	if (b->portals != NULL)
		pg_portals_clear(b);
	if (asked == ASK_FAIL)
		return fail_memory();
	return asked == ASK_SENT ? read_answers(b, turn) : boundary(b, turn);
}

struct order
pg_back_answers(struct pg_back *b, struct turn *turn)
{
	if (b->pending_fail != REASON_NONE) {
		enum reason reason = b->pending_fail;

		b->pending_fail = REASON_NONE;
		return order_fail(FAIL_CONNECTION, reason);
	}
	if (pg_owed_is_fake_due(&b->owed))
		return pg_effect_fakes(b, turn->peer_out)
			       ? order_bytes(ORDER_DISCARD, 0)
			       : fail_memory();
	if (may_probe(b, turn) && !pg_clean_probe(b, turn->out))
		return fail_memory();
	if (may_ask_syncs(b, turn) && !pg_clean_doubt(b, turn->out))
		return fail_memory();
	if (turn->peer != NULL && b->listen != NULL && b->listen->is_due)
		return pg_listen_order(b, turn);
	if (turn->peer == NULL && !pg_clean_group(b, turn->out))
		return fail_memory();
	if (b->is_boundary_due && !is_quiet(b, turn))
		b->is_boundary_due = false;
	if (b->is_boundary_due && !turn->out_busy && !b->is_half_sent)
		return come_to_boundary(b, turn);
	return read_answers(b, turn);
}

struct order
pg_back_step(struct turn *turn)
{
	struct pg_back *b = turn->self;
	struct order order;

	b->changes = turn->changes;
	order = b->login != NULL ? pg_back_login_step(b, turn)
				 : pg_back_answers(b, turn);
	pg_back_count(b);
	return order;
}
