/*
 * Making a server's session the one that a client has.
 *
 * Equal sessions cost nothing.  Otherwise one command for the schema and one
 * for all variables go out, and the client's own waits for their answers: a
 * statement must not run under settings that are not its own.  What such a
 * command fails with is the client's to know.  Where its schema is gone it has
 * none from then on, so that it can choose another.
 */
#include <string.h>

#include "my_back.h"
#include "my_error.h"
#include "my_front.h"
#include "my_loading.h"
#include "my_results.h"
#include "my_trackers.h"
#include "sql/my_classify.h"

/*
 * Would LAST_INSERT_ID() give another client's number?  Where the server's is
 * not known, or the client stays on it, it is set before a change of rows, so
 * that what a statement makes of it can be told.
 */
static bool
is_id_due(const struct my_back *b, const struct my_front *f, bool stays)
{
	uint64_t wants = MY_SQL_ASKS_ID | MY_SQL_DOUBT;

	if (b->insert_id == f->insert_id)
		return false;
	if (my_session_null_asks_id(&f->session))
		wants |= MY_SQL_READ | MY_SQL_WRITE;
	if (stays || b->insert_id == MY_ID_UNKNOWN)
		wants |= MY_SQL_WRITE;
	return (f->flags & wants) != 0;
}

/* Before the first statement of a transaction that goes on behind it? */
static bool
is_id_due_first(const struct my_back *b, const struct my_front *f)
{
	return is_id_due(b, f, (f->status & MY_STATUS_AUTOCOMMIT) == 0);
}

bool
my_link_is_id_due(const struct my_back *b, const struct my_front *f)
{
	/* What its own statements made of it here is its own. */
	return (b->results_due & MY_RESULT_ID) == 0 && is_id_due(b, f, true);
}

bool
my_link_set_id(struct my_back *b, const struct my_front *f, struct buf *out)
{
	char sql[64];
	size_t len = text_format(sql, sizeof(sql), "SET last_insert_id=%llu",
				 (unsigned long long)f->insert_id);

	b->insert_id = f->insert_id;
	return my_back_ask(b, out, MY_OWED_OWN, MY_COM_QUERY, sql, len);
}

/* Must a statement be prepared before the client's command? */
static bool
is_load_due(const struct my_back *b, const struct my_front *f)
{
	return f->wanted != NULL && !f->wanted->is_private &&
	       my_loads_find(&b->loads, f->wanted->statement, f->wanted->id) ==
		       NULL;
}

bool
my_back_suits(const void *back, const void *front)
{
	const struct my_back *b = back;
	const struct my_front *f = front;

	return my_session_is_equal(&b->session, &f->session) &&
	       !is_id_due_first(b, f) && !b->has_warnings &&
	       !is_load_due(b, f) && !my_trackers_must_begin(b, f);
}

static bool
ask_all(struct my_back *b, struct buf *out, const char *schema, struct str *sql)
{
	if (schema != NULL &&
	    !my_back_ask(b, out, MY_OWED_SCHEMA, MY_COM_INIT_DB, schema,
			 strlen(schema)))
		return false;
	return sql->len == 0 || my_back_ask(b, out, MY_OWED_SET, MY_COM_QUERY,
					    str_text(sql), sql->len);
}

/* In the same write, behind what makes its session the client's. */
static bool
ask_load(struct my_back *b, struct turn *t, struct my_front *f)
{
	return !is_load_due(b, f) ||
	       my_load_ask(b, t, t->out, f, f->wanted) != MY_LOADING_NO_MEMORY;
}

/* So that it need not wait for that again. */
static bool
ask_trackers(struct my_back *b, struct turn *t, const struct my_front *f)
{
	return !my_trackers_must_begin(b, f) || my_trackers_begin(b, f, t->out);
}

enum link_result
my_back_link(struct turn *t)
{
	struct my_back *b = t->self;
	struct my_front *f = t->peer;
	enum link_result result = LINK_FAIL;
	const char *schema = NULL;
	struct str sql = { 0 };
	enum my_move move;

	b->flags = 0;
	b->view.digest = 0;
	b->has_link_failed = b->has_no_schema = false;
	b->has_load_failed = false;
	move = my_state_move(&sql, &schema, &b->session, &f->session);
	/* What is the client's alone counts as the server's, too: the client
	 * gets its session from there. */
	if (move == MY_MOVE_NONE)
		my_session_copy(&b->session, &f->session);
	switch (move) {
	case MY_MOVE_NONE:
	case MY_MOVE_MADE:
		if (is_id_due_first(b, f)) {
			str_printf(&sql, "%slast_insert_id=%llu",
				   sql.len == 0 ? "SET " : ",",
				   (unsigned long long)f->insert_id);
			b->insert_id = f->insert_id;
		}
		if (!sql.failed && ask_all(b, t->out, schema, &sql) &&
		    (!b->has_warnings || my_results_clear(b, t->out)) &&
		    ask_load(b, t, f) && ask_trackers(b, t, f))
			result = b->owed.count > 0 ? LINK_WAIT : LINK_GO;
		break;
	case MY_MOVE_NO_WAY:
		b->pending_fail = REASON_SERVER_DIRTY;
		result = LINK_WAIT;
		break;
	case MY_MOVE_NO_MEMORY:
		break;
	}
	/* A part of it may have been written. */
	b->must_close |= result == LINK_FAIL;
	if (b->owed.count > 0)
		my_session_copy(&b->arriving, &f->session);
	str_fini(&sql);
	my_back_count(b);
	return result;
}

/* Is another command of the link's own owed? */
static bool
is_going_on(struct my_back *b)
{
	uint8_t task;

	if (b->owed.count == 0)
		return false;
	task = my_owed_head(&b->owed)->task;
	return task == MY_OWED_SCHEMA || task == MY_OWED_SET;
}

void
my_link_done(struct my_back *b, unsigned error)
{
	bool is_gone = error == MY_ER_BAD_DB || error == MY_ER_DB_DENIED;

	b->has_link_failed |= error != 0;
	b->has_no_schema |= is_gone;
	b->must_close |= error != 0 && !is_gone;
	if (!is_going_on(b) && !b->has_link_failed)
		/* Also where the client is gone: the server has it now. */
		my_session_copy(&b->session, &b->arriving);
}

void
my_back_unlink(void *back)
{
	struct my_back *b = back;

	my_results_leave(b);
	my_load_unlink(b);
	b->flags = 0;
	b->pins = 0;
	b->statements = 0;
	my_back_count(b);
}
