/*
 * Looking at the text of a client's message before it goes, or, where it is too
 * long to wait for, while it goes: then a piece that says too much ends the
 * connection, since the server has the pieces before it.  Runs on the client's
 * worker.
 */
#include <string.h>

#include "pg_command.h"
#include "pg_extended.h"
#include "pg_listen.h"
#include "sql/classify.h"

/*
 * A piece was looked at and may go.  False: the text names a statement of
 * carpool's, and the server, which runs nothing before it has all, must not get
 * the rest.
 */
static bool
pass_piece(struct pg_front *f, struct turn *turn)
{
	struct pg_back *b = turn->peer;
	unsigned flags;

	if (pg_text_left(f->text) > 0)
		return !pg_text_is_naming(f->text);
	flags = pg_text_end(f->text, b, turn->policy);
	if (pg_text_is_naming(f->text))
		return false;
	b->dirt |= flags;
	/* Its names were not looked at. */
	b->is_unsure |= (b->dirt & CLASSIFY_SETTINGS) != 0;
	b->is_half_sent = false;
	pg_text_free(f->text);
	f->text = NULL;
	return true;
}

/* Such a text of which nothing was sent yet. */
static bool
refuse_naming(struct pg_front *f, struct turn *turn, const struct pg_command *m,
	      struct order *order)
{
	enum reason reason = REASON_STATEMENT_TOO_LONG;

	pg_text_free(f->text);
	f->text = NULL;
	return m->frame.type == 'Q'
		       ? pg_refuse_query(f, turn, m, reason, order)
		       : pg_command_refuse(f, turn, m, reason, order);
}

/*
 * A text too long to wait for: its pieces are looked at as they pass.  The
 * first one goes with this order.  What the bytes say that are always waited
 * for is an error of the statement, whatever else has come; what stands behind
 * them ends the connection.
 */
static bool
begin_text(struct pg_front *f, struct turn *turn, const struct pg_command *m,
	   unsigned skip, struct order *order)
{
	struct pg_back *b = turn->peer;
	size_t here = turn->in->len - m->frame.at;

	if (!m->is_first)
		return false;
	f->text =
		pg_text_new(f, turn->policy, skip, m->frame.total - PG_HEADER);
	if (f->text == NULL)
		return pg_stop_fail(order, REASON_NO_MEMORY);
	if (here > m->frame.total)
		here = m->frame.total;
	pg_text_feed(f->text, b, turn->policy, turn->in, PG_HEADER, m->len);
	if (pg_text_is_naming(f->text))
		return refuse_naming(f, turn, m, order);
	pg_text_feed(f->text, b, turn->policy, turn->in, PG_HEADER + m->len,
		     here - PG_HEADER - m->len);
	b->is_half_sent = true;
	if (!pass_piece(f, turn))
		return pg_stop_fail(order, REASON_STATEMENT_TOO_LONG);
	return pg_stop(order, order_bytes(ORDER_RELAY, here));
}

struct order
pg_look_go_on(struct pg_front *f, struct turn *turn)
{
	struct pg_back *b = turn->peer;
	size_t here = turn->in->len;

	if (b == NULL)
		return order_fail(FAIL_CONNECTION, REASON_SERVER_LOST);
	if (here == 0)
		return order_bytes(ORDER_NEED_MORE, 1);
	if (here > pg_text_left(f->text))
		here = pg_text_left(f->text);
	pg_text_feed(f->text, b, turn->policy, turn->in, 0, here);
	if (!pass_piece(f, turn))
		return order_fail(FAIL_CONNECTION, REASON_STATEMENT_TOO_LONG);
	return order_bytes(ORDER_RELAY, here);
}

/*
 * Looks at the text of a message, behind skip terminated texts: at once when
 * it is whole.  False: it goes in pieces, by *order.
 */
bool
pg_command_look(struct pg_front *f, struct turn *turn,
		const struct pg_command *m, unsigned skip, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_body at = { .at = m->body, .left = m->len };
	const uint8_t *end;
	enum reason refusal = REASON_NONE;
	unsigned flags;
	size_t len;

	if (m->frame.total > PG_WHOLE_MAX)
		return begin_text(f, turn, m, skip, order);
	for (unsigned i = 0; i < skip; i++)
		(void)pg_body_text(&at);
	end = at.left > 0 ? memchr(at.at, 0, at.left) : NULL;
	len = end != NULL ? (size_t)(end - at.at) : at.left;
	flags = skip == 0 ? pg_text_query(f, b, turn->policy, at.at, len)
			  : pg_text_flags(f, b, turn->policy, at.at, len);
	if (skip == 0)
		refusal = pg_state_refusal(flags, turn->policy);
	if (refusal != REASON_NONE)
		return pg_refuse_query(f, turn, m, refusal, order);
	pg_text_runs(f, b, flags, at.at, len);
	if (!pg_listen_text(b, f, at.at, len))
		return pg_stop_fail(order, REASON_NO_MEMORY);
	return true;
}
