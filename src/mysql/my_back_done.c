/*
 * The end of a client's command: what it made of the server's session goes to
 * the client's, and what a shared server must not keep, or has not told, is
 * taken back or asked for, in the same write.  Runs on the worker that owns the
 * connection.
 */
#include <string.h>

#include "base/mem.h"
#include "my_back.h"
#include "my_follow.h"
#include "my_front.h"
#include "my_loading.h"
#include "my_own.h"
#include "my_probe.h"
#include "my_results.h"
#include "my_said.h"
#include "my_trackers.h"
#include "sql/my_classify.h"

/*
 * An ERR has no status.  Where a transaction was open it may be so no more, and
 * where there was none only some texts may have begun one.
 */
static bool
is_doubtful(const struct my_back *b)
{
	const uint64_t doubt = MY_SQL_DOUBT | MY_SQL_SEVERAL | MY_SQL_BEGIN |
			       MY_SQL_END | MY_SQL_XA | MY_SQL_XA_END |
			       MY_SQL_SET;

	return (b->status & MY_STATUS_IN_TRANS) != 0 ||
	       (b->status & MY_STATUS_AUTOCOMMIT) == 0 ||
	       (b->flags & doubt) != 0;
}

/*
 * A status tells by the settings of SET STATEMENT, or of stored code, which are
 * over.  So it is asked for where it tells of quotes what nothing explains.
 */
static bool
is_quoting_new(const struct my_back *b, const struct my_front *f)
{
	const unsigned quoting = MY_STATUS_NO_BACKSLASH | MY_STATUS_ANSI_QUOTES;

	return f != NULL && ((f->status ^ b->status) & quoting) != 0 &&
	       ((b->flags & MY_SQL_SYNTAX) == 0 ||
		(b->flags & (MY_SQL_FOR | MY_SQL_SEVERAL)) != 0);
}

void
my_back_give(const struct my_back *b, struct my_front *f)
{
	f->status = b->status;
	if (f->session.base != b->session.base ||
	    f->session.own != b->session.own)
		my_session_copy(&f->session, &b->session);
}

/* User variables that got constants go with the client. */
static bool
take_constants(struct my_back *b, struct turn *t)
{
	struct my_front *f = t->peer;
	enum my_change change;

	if (f->kept == NULL || f->keeps != MY_KEPT_SET)
		return true;
	change = my_said_users(t->shared, &b->session, &f->session,
			       (struct my_text){ f->kept, f->kept_len },
			       my_front_reads(f));
	if (change == MY_CHANGE_DONE)
		b->flags = my_pins_carried(b->flags);
	return change != MY_CHANGE_NO_MEMORY;
}

/* A server that waits in the pool shall not end sooner than others. */
static bool
take_back_timeouts(struct my_back *b, struct turn *t)
{
	const struct my_front *f = t->peer;
	struct my_session before = { .own = NULL };
	struct str sql = { 0 };
	bool done = true;

	if (t->policy->mode == POOL_SESSION || b->session.own == NULL ||
	    my_back_is_between(b, t) ||
	    (f != NULL && b->session.own == f->session.own))
		return true;
	if (f != NULL)
		before = f->session;
	my_state_put_short(&sql, &b->session, &before);
	if (sql.len > 0)
		done = !sql.failed &&
		       my_back_ask(b, t->out, MY_OWED_TRACK, MY_COM_QUERY,
				   str_text(&sql), sql.len);
	str_fini(&sql);
	return done;
}

/*
 * Composes what makes the server tell of what the text has set untold; where it
 * cannot be made, what that was stays unknown.
 */
static void
put_questions(struct str *sql, struct my_back *b, const struct my_front *f)
{
	static const char collation[] = "SET @@session.collation_connection="
					"@@session.collation_connection";
	bool is_untold = (b->flags & MY_SQL_UNTOLD) != 0 &&
			 my_facts_is_mariadb(b->facts);

	if ((b->flags & MY_SQL_COLLATION) != 0)
		str_puts(sql, collation);
	if (!is_untold && !my_trackers_has_begun(b))
		return;
	if (f == NULL || f->kept == NULL || f->keeps != MY_KEPT_SET ||
	    !my_said_ask(sql, (struct my_text){ f->kept, f->kept_len },
			 b->flags, my_front_reads(f)))
		my_follow_blind(b);
}

/* All but that; the questions are asked when carpool is told again. */
static bool
end_command(struct my_back *b, struct turn *t, const struct my_response *r,
	    const uint8_t *head, const struct str *questions)
{
	bool is_error = r->error != 0, is_asked = questions->len > 0;
	bool is_reset = head[0] == MY_COM_RESET_CONNECTION && !is_error;
	bool is_doubted = is_error ? is_doubtful(b)
				   : !is_reset && is_quoting_new(b, t->peer);

	if (!is_error && t->peer != NULL)
		my_probe_learn(b, t->peer, t);
	if (t->peer != NULL)
		my_front_drop_kept(t->peer);
	/* What is only prepared ends nothing. */
	if (r->answer != MY_ANSWER_PREPARE)
		my_follow_done(b, r->error);
	if (!my_load_answered(b, t, head[0], r))
		return false;
	if (head[0] == MY_COM_SET_OPTION && !is_error) {
		/* It is of another class now than it was told to be. */
		b->must_close = true;
		if (t->peer != NULL)
			my_own_option_set(t->peer, my_get_u16(head + 1));
	}
	if (is_reset) {
		b->must_close |= my_pins_lasting(b->dirt) != 0;
		if (!my_clean_restore(b, t) ||
		    (t->peer != NULL && !my_front_restart(t->peer, t)))
			return false;
		if (t->peer != NULL)
			((struct my_front *)t->peer)->status = b->status;
	} else {
		if (!take_back_timeouts(b, t))
			return false;
		if (t->peer != NULL)
			my_back_give(b, t->peer);
		my_results_note(b, t->peer, r);
	}
	if (r->answer != MY_ANSWER_PREPARE && !my_trackers_end(b, t, r->error))
		return false;
	b->view.queries++;
	if (is_asked && !my_back_ask(b, t->out, MY_OWED_LOOK, MY_COM_QUERY,
				     str_text(questions), questions->len))
		return false;
	if (is_doubted && !is_asked && !my_back_is_between(b, t))
		return my_back_ask(b, t->out, MY_OWED_LOOK, MY_COM_PING, NULL,
				   0);
	/* Else it is counted then. */
	if (!is_asked && (b->status & MY_STATUS_IN_TRANS) == 0)
		b->view.xacts++;
	return true;
}

bool
my_back_done(struct my_back *b, struct turn *t, const struct my_response *r,
	     const uint8_t *head)
{
	/* Of several statements those before an error have run. */
	bool has_run = (r->error == 0 || (b->flags & MY_SQL_SEVERAL) != 0) &&
		       r->answer != MY_ANSWER_PREPARE;
	struct str questions = { 0 };
	bool done;

	/* What still comes of the command would be read as others. */
	b->must_close |= my_back_is_between(b, t);
	if (r->error == 0 && t->peer != NULL && !take_constants(b, t))
		return false;
	if (has_run && !my_back_is_between(b, t))
		put_questions(&questions, b, t->peer);
	done = !questions.failed && end_command(b, t, r, head, &questions);
	str_fini(&questions);
	return done;
}
