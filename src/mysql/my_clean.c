/*
 * Servers without a client: reset, check, what an abandoned one still does,
 * good-bye.
 *
 * COM_RESET_CONNECTION takes away everything but the schema, the trackers too;
 * so what makes a new server fit follows it in the same write.
 */
#include <string.h>

#include "my_back.h"
#include "my_follow.h"
#include "my_front.h"
#include "my_results.h"

/* Whatever completion_type the client left. */
#define UNDO "ROLLBACK AND NO CHAIN NO RELEASE"

static bool
ask_text(struct my_back *b, struct buf *out, enum my_owed_task task,
	 const char *text)
{
	return my_back_ask(b, out, task, MY_COM_QUERY, text, strlen(text));
}

/* What makes a server fit that has lost everything. */
static bool
ask_fit(struct my_back *b, struct turn *t)
{
	const char *connect = t->policy->connect_query;

	return ask_text(b, t->out, MY_OWED_TRACK,
			my_back_with(b) != 0 ? MY_STATE_TRACKERS_BLIND
					     : MY_STATE_TRACKERS) &&
	       (connect[0] == '\0' ||
		ask_text(b, t->out, MY_OWED_CONNECT, connect));
}

bool
my_back_reset(struct turn *t)
{
	struct my_back *b = t->self;
	bool ok;

	ok = my_back_ask(b, t->out, MY_OWED_RESET, MY_COM_RESET_CONNECTION,
			 NULL, 0) &&
	     ask_fit(b, t);
	my_back_count(b);
	return ok;
}

bool
my_back_check(struct turn *t)
{
	struct my_back *b = t->self;
	const char *query = t->policy->check_query;
	bool ok;

	ok = query[0] == '\0' ? my_back_ask(b, t->out, MY_OWED_CHECK,
					    MY_COM_PING, NULL, 0)
			      : ask_text(b, t->out, MY_OWED_CHECK, query);
	my_back_count(b);
	return ok;
}

/* The session is as after a login, with the schema that it had. */
static bool
restore(struct my_back *b, struct statements *t)
{
	struct my_facts_variable at = { 0 };
	struct my_session fresh = { 0 };
	const char *schema = my_session_schema(&b->session);
	enum my_change change = MY_CHANGE_DONE;

	if (schema != NULL)
		change = my_session_use(
			t, &fresh, (struct my_text){ schema, strlen(schema) });
	while (change != MY_CHANGE_NO_MEMORY && my_facts_next(b->facts, &at))
		change = my_session_learn(
			t, &fresh, (struct my_text){ at.name, strlen(at.name) },
			(struct my_text){ at.value, strlen(at.value) });
	my_session_fini(&b->session);
	b->session = fresh;
	b->insert_id = 0;
	b->has_warnings = false;
	my_follow_reset(b);
	my_loads_clear(&b->loads);
	b->view.statements = 0;
	b->statements = 0;
	return change != MY_CHANGE_NO_MEMORY;
}

bool
my_clean_restore(struct my_back *b, struct turn *t)
{
	/* Nothing can be asked of a server that has more to read. */
	bool is_between = my_back_is_between(b, t);

	b->must_close |= is_between;
	return restore(b, t->shared) && (is_between || ask_fit(b, t));
}

bool
my_clean_done(struct my_back *b, struct turn *t, enum my_owed_task task,
	      unsigned error)
{
	b->must_close |= error != 0 || (task == MY_OWED_UNDO &&
					(b->status & MY_STATUS_IN_TRANS) != 0);
	if (task != MY_OWED_RESET || error != 0)
		return true;
	return restore(b, t->shared);
}

/* Does the server wait for a file of the client that is gone? */
static bool
waits_for_file(const struct my_back *b)
{
	return b->owed.count > 0 && b->response.state == MY_STATE_AFTER_FILE;
}

enum abandon_result
my_back_abandon(struct turn *t, enum sent sent)
{
	struct my_back *b = t->self;
	bool is_running = b->owed.count > b->owed.hidden;

	if (sent == SENT_HALF || b->is_half_sent || b->login != NULL ||
	    b->must_close || b->has_link_failed ||
	    b->pending_fail != REASON_NONE || waits_for_file(b) ||
	    (b->is_client_tracked && !is_running))
		return ABANDON_CLOSE;
	if (b->owed.count > 0)
		return is_running ? ABANDON_CANCEL : ABANDON_DRAIN;
	if ((b->status & MY_STATUS_IN_TRANS) != 0) {
		if (!ask_text(b, t->out, MY_OWED_UNDO, UNDO))
			return ABANDON_CLOSE;
		my_back_count(b);
		return ABANDON_DRAIN;
	}
	b->is_boundary_due = my_follow_residue(b, t->policy) != RESIDUE_NONE;
	if (!b->is_boundary_due)
		my_back_unlink(b);
	my_back_count(b);
	return b->is_boundary_due ? ABANDON_DRAIN : ABANDON_DONE;
}

void
my_back_terminate(struct turn *t)
{
	uint8_t seq = 0, quit = MY_COM_QUIT;

	(void)!my_packet_put(t->out, &seq, &quit, 1);
}
