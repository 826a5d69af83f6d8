/*
 * How a server gets fit for the next client: resets and checks, and the way
 * back from whatever a vanished client left half done.
 *
 * A group whose Sync never came must not be committed by a Sync of ours: a
 * message that fails goes in front of it.  Runs on the worker that owns the
 * connection.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_back.h"
#include "pg_effect.h"
#include "sql/classify.h"

static const char discard_all[] = "DISCARD ALL";

/* What is taken away by a command of its own. */
static const char *const commands[STATE_KINDS] = {
	[STATE_TEMP_TABLE] = "DISCARD TEMP",
	[STATE_ADVISORY_LOCK] = "SELECT pg_catalog.pg_advisory_unlock_all()",
	[STATE_HOLD_CURSOR] = "CLOSE ALL",
	[STATE_LISTEN] = "UNLISTEN *",
};

#define KIND(k) (1u << (k))
/* Changes of settings; they are known or not, whatever the policy. */
#define SETTINGS KIND(STATE_UNKNOWN_SET)

/* What stands on the server that must not be shared. */
static uint32_t
kinds_left(const struct pg_back *b, const struct policy *policy)
{
	uint32_t left = b->soiled | b->view.pins, allowed;

	/* Asked at every boundary, nearly always for nothing. */
	if ((b->dirt & CLASSIFY_DIRT) == 0)
		return left;
	allowed = pg_state_under(policy, KIND(STATE_ALLOW));
	return left | (pg_state_kinds(b->dirt) & ~(allowed & ~SETTINGS));
}

/* Is there something left that only DISCARD ALL is sure to take away? */
static bool
is_unknown(const struct pg_back *b)
{
	return ((b->soiled | b->view.pins) & SETTINGS) ||
	       (b->dirt & CLASSIFY_DOUBT);
}

static void
put_command(struct str *s, const char *command)
{
	if (s->len > 0)
		str_putc(s, ';');
	str_puts(s, command);
}

/* The smallest batch that takes away what is left; nothing: none is. */
static void
put_clean(struct str *s, const struct pg_back *b, const struct policy *policy)
{
	uint32_t left = kinds_left(b, policy);

	if (is_unknown(b)) {
		str_puts(s, discard_all);
		return;
	}
	if (left & SETTINGS)
		put_command(s, "RESET SESSION AUTHORIZATION;RESET ROLE;"
			       "RESET ALL");
	for (unsigned k = 0; k < STATE_KINDS; k++) {
		if ((left & KIND(k)) && commands[k] != NULL)
			put_command(s, commands[k]);
	}
	if (b->dirt & CLASSIFY_PREPARE)
		put_command(s, "DEALLOCATE ALL");
}

/* Writes the text that makes this server fit for anyone; "": nothing to do. */
static void
put_reset(struct str *s, const struct pg_back *b, const struct policy *policy)
{
	bool is_session = policy->mode == POOL_SESSION;

	if (!is_session)
		put_clean(s, b, policy);
	if (s->len == 0 && b->was_used && (is_session || policy->reset_always))
		str_puts(s, policy->reset_query);
}

static bool
needs_reset(const struct pg_back *b, const struct policy *policy)
{
	bool is_session = policy->mode == POOL_SESSION;

	if (!is_session &&
	    (kinds_left(b, policy) != 0 || (b->dirt & CLASSIFY_PREPARE)))
		return true;
	return b->was_used && (is_session || policy->reset_always) &&
	       policy->reset_query[0] != '\0';
}

enum residue
pg_clean_residue(const struct pg_back *b, const struct policy *policy,
		 const struct pg_front *client)
{
	if (b->must_close || b->is_lost)
		return RESIDUE_CLOSE;
	if (client != NULL && policy->mode == POOL_SESSION)
		return RESIDUE_NONE;
	/* Nothing unloads a library. */
	if (policy->mode != POOL_SESSION &&
	    (kinds_left(b, policy) & KIND(STATE_LOAD)))
		return RESIDUE_CLOSE;
	return needs_reset(b, policy) ? RESIDUE_RESET : RESIDUE_NONE;
}

/* Does the text restore every setting? */
static bool
restores_all(const char *text)
{
	struct classify_options options = { 0 };
	struct classify c;

	classify_init(&c, &options);
	classify_feed(&c, text, strlen(text));
	return classify_end(&c) & (CLASSIFY_RESET_ALL | CLASSIFY_DISCARD_ALL);
}

/* The server is fit for anyone. */
static void
be_clean(struct pg_back *b)
{
	b->dirt = b->soiled = b->view.pins = 0;
	b->was_used = b->is_unsure = false;
	pg_params_put(&b->customs, NULL);
}

static bool
send_reset(struct pg_back *b, struct turn *turn)
{
	struct str s = { 0 };
	bool ok;

	put_reset(&s, b, turn->policy);
	if (s.len == 0 && !s.failed) {
		be_clean(b);
		b->is_boundary_due = true;
		return true;
	}
	b->is_restoring = restores_all(str_text(&s));
	ok = !s.failed && pg_back_query(b, turn->out, str_text(&s), TASK_RESET);
	str_fini(&s);
	return ok;
}

bool
pg_back_reset(struct turn *turn)
{
	struct pg_back *b = turn->self;

	b->retries = 0;
	return send_reset(b, turn);
}

bool
pg_back_check(struct turn *turn)
{
	struct pg_back *b = turn->self;

	return pg_back_query(b, turn->out, turn->policy->check_query,
			     TASK_CHECK);
}

/* A late cancel hit our own request: it goes out again, a few times. */
static bool
repeat_task(struct pg_back *b, struct turn *turn, enum pg_owed_task task)
{
	b->retries++;
	return task == TASK_RESET ? send_reset(b, turn) : pg_back_check(turn);
}

bool
pg_clean_done(struct pg_back *b, struct turn *turn, enum pg_owed_task task)
{
	if (task != TASK_RESET && task != TASK_CHECK)
		return true;
	if (b->has_own_error && b->was_canceled && b->retries < PG_RETRIES)
		return repeat_task(b, turn, task);
	if (b->has_own_error)
		b->must_close = true;
	if (task == TASK_RESET) {
		/* The batch put back the roles as well. */
		if (pg_state_kinds(b->dirt) & SETTINGS)
			pg_params_put(&b->own, NULL);
		be_clean(b);
		b->is_restoring = false;
	}
	return true;
}

/* ---- a client that is gone ---- */

static bool
append_sync(struct pg_back *b, struct buf *out, enum pg_owed_task task)
{
	static const uint8_t message[] = { 'S', 0, 0, 0, 4 };

	if (!buf_append(out, message, sizeof(message)))
		return false;
	pg_back_push(b, (struct pg_owed){ .kind = OWED_SYNC,
					  .action = OWED_HIDE,
					  .task = (uint8_t)task });
	b->is_group_open = false;
	return true;
}

bool
pg_clean_group(struct pg_back *b, struct buf *out)
{
	struct pg_owed entry = { .action = OWED_HIDE, .task = TASK_BREAK };
	bool is_failed = pg_owed_wants_sync(&b->owed);

	if (!b->is_group_open && !is_failed)
		return true;
	return pg_owed_reserve(&b->owed, 2) &&
	       (is_failed || pg_back_fail_group(b, out, entry)) &&
	       append_sync(b, out, TASK_NONE);
}

/* A Query would do, but the unnamed statement ends with it. */
bool
pg_clean_probe(struct pg_back *b, struct buf *out)
{
	static const char message[] = "C\0\0\0\037Scarpool_no_such_statement";
	struct pg_owed entry = { .kind = OWED_CLOSE, .action = OWED_HIDE };

	/* The array's own NUL ends the name. */
	if (!pg_owed_reserve(&b->owed, 2) ||
	    !buf_append(out, message, sizeof(message)))
		return false;
	pg_back_push(b, entry);
	return append_sync(b, out, TASK_PROBE);
}

/* ReadyForQuery comes once more than Syncs of the client's were left to be
 * read, and the probe's answer says that these were all. */
bool
pg_clean_doubt(struct pg_back *b, struct buf *out)
{
	if (!pg_owed_reserve(&b->owed, 3) || !append_sync(b, out, TASK_NONE))
		return false;
	pg_owed_ask(&b->owed);
	return pg_clean_probe(b, out);
}

/*
 * The failing CopyFail ends the statement, and in a group the server then
 * skips to a Sync; those that came before it were swallowed as data's.
 */
bool
pg_clean_copy(struct pg_back *b, struct buf *out)
{
	static const char text[] = "the client has gone away";
	struct pg_owed end = { .kind = OWED_COPY_END, .action = OWED_HIDE };
	bool is_group = pg_owed_at(&b->owed, 0)->kind == OWED_EXECUTE;
	struct str s = { 0 };

	if (b->owed.kinds[OWED_COPY_END] > 0)
		return true;
	pg_put_message(&s, 'f', text);
	if (!pg_owed_reserve(&b->owed, 2)) {
		str_fini(&s);
		return false;
	}
	if (!pg_put_flush(&s, out))
		return false;
	pg_back_push(b, end);
	return !is_group || append_sync(b, out, TASK_NONE);
}

/* At a boundary of the server, with a transaction open or not. */
static enum abandon_result
abandon_at_boundary(struct pg_back *b, struct turn *turn)
{
	enum residue residue = pg_clean_residue(b, turn->policy, NULL);

	if (b->view.tx == TX_IDLE) {
		b->is_boundary_due = residue != RESIDUE_NONE;
		return residue == RESIDUE_NONE ? ABANDON_DONE : ABANDON_DRAIN;
	}
	if (b->retries++ >= PG_RETRIES ||
	    !pg_back_query(b, turn->out, "ROLLBACK", TASK_ROLLBACK))
		return ABANDON_CLOSE;
	return ABANDON_DRAIN;
}

enum abandon_result
pg_back_abandon(struct turn *turn, enum sent sent)
{
	struct pg_back *b = turn->self;
	uint32_t ends = pg_owed_ends(&b->owed) - b->owed.hidden_ends;
	bool is_running = ends > 0 || (b->is_group_open && b->owed.count > 0);
	bool ok;

	pg_effect_forget_client(b);
	if (sent == SENT_HALF || b->is_half_sent || b->login != NULL ||
	    b->must_close || b->is_lost)
		return ABANDON_CLOSE;
	pg_owed_hide_all(&b->owed);
	pg_ask_forget(b);
	b->pending_fail = REASON_NONE;
	b->was_reset = false;
	b->must_wait = false;
	if (b->owed.count == 0 && !b->is_group_open && !b->owed.is_skipping)
		return abandon_at_boundary(b, turn);
	if (b->owed.is_copy_in)
		ok = pg_clean_copy(b, turn->out) &&
		     pg_clean_group(b, turn->out);
	else
		ok = pg_clean_group(b, turn->out);
	pg_back_count(b);
	if (!ok)
		return ABANDON_CLOSE;
	return is_running ? ABANDON_CANCEL : ABANDON_DRAIN;
}
