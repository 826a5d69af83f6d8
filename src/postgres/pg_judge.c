/*
 * Judging a server's message: what it answers, and whether the client sees it,
 * from what is owed.  Nothing is changed by it: what cannot be judged yet is
 * judged again when more has come.  PostgreSQL manual, "Message Flow".
 */
#include "pg_judge.h"

#include "base/mem.h"
#include "pg_effect.h"
#include "pg_front.h"

/* Larger tags and errors are passed on unseen. */
#define TAG_MAX 256u
#define ERROR_MAX PG_WHOLE_MAX

/* Makes the body visible; false when it has not all come. */
static bool
see_body(struct pg_scan *s, struct pg_answer *v)
{
	ASSERT(v->frame.total <= sizeof(v->scratch));
	if (!pg_frame_is_whole(s, &v->frame))
		return false;
	v->len = v->frame.total - PG_HEADER;
	v->body = pg_scan_view(s, v->frame.at + PG_HEADER, v->len, v->scratch);
	return true;
}

static bool
is_head_hidden(const struct pg_back *b)
{
	uint8_t action = b->owed.ring[b->owed.head].action;

	return b->owed.count > 0 &&
	       (action == OWED_HIDE || action == OWED_LOAD);
}

/* A report inside our own requests is passed on only when it is news. */
static enum pg_fate
judge_report(const struct pg_back *b, const struct turn *turn,
	     struct pg_scan *s, struct pg_answer *v)
{
	struct pg_body at;
	const char *name, *value;

	if (v->frame.total > PG_WHOLE_MAX)
		return FATE_FAIL;
	if (!see_body(s, v))
		return FATE_MORE;
	at = (struct pg_body){ .at = v->body, .left = v->len };
	name = pg_body_text(&at);
	value = pg_body_text(&at);
	if (name == NULL || value == NULL || at.left != 0 ||
	    pg_params_size(b->params) + v->len > PG_PARAMS_MAX)
		return FATE_FAIL;
	if (turn->peer_out == NULL)
		return FATE_DROP;
	if (is_head_hidden(b) && !pg_settings_is_news(turn->peer, name, value))
		return FATE_DROP;
	return FATE_PASS;
}

static enum pg_fate
judge_ready(struct pg_back *b, const struct turn *turn, struct pg_scan *s,
	    struct pg_answer *v)
{
	const struct pg_owed *e = pg_owed_at(&b->owed, v->at);
	uint8_t status;

	if (v->frame.total != PG_HEADER + 1)
		return FATE_FAIL;
	if (!see_body(s, v))
		return FATE_MORE;
	status = v->body[0];
	if (status != 'I' && status != 'T' && status != 'E')
		return FATE_FAIL;
	if (turn->peer_out == NULL || e->action == OWED_HIDE)
		return FATE_DROP;
	/* The client is refused instead. */
	if (turn->policy->mode == POOL_STATEMENT && status != 'I')
		return FATE_DROP;
	if (status == 'I' && b->owed.count == v->at + 1 && !turn->out_busy &&
	    pg_listen_holds(b, turn))
		v->ready = READY_WAITS;
	return v->ready == READY_WAITS ? FATE_DROP : FATE_PASS;
}

static enum pg_fate
judge_notification(const struct pg_back *b, const struct turn *turn,
		   struct pg_scan *s, struct pg_answer *v)
{
	enum pg_heard heard = pg_listen_heard(b, turn);

	if (heard != HEARD_OWN)
		return heard == HEARD_PASS ? FATE_PASS : FATE_DROP;
	if (v->frame.total > PG_WHOLE_MAX)
		return FATE_FAIL;
	return see_body(s, v) ? FATE_TELL : FATE_MORE;
}

static enum pg_fate
judge_error(struct pg_back *b, const struct turn *turn, struct pg_scan *s,
	    struct pg_answer *v)
{
	const struct pg_owed *e;
	bool is_seen = v->frame.total <= ERROR_MAX;

	if (is_seen && !see_body(s, v))
		return FATE_MORE;
	if (!v->is_matched) {
		/* On its way out a server may say why at any time. */
		if (!is_seen || turn->peer_out == NULL ||
		    !pg_error_is_fatal(v->body, v->len))
			return FATE_FAIL;
		return FATE_PASS;
	}
	e = pg_owed_at(&b->owed, v->at);
	if (turn->peer_out == NULL || e->action == OWED_HIDE)
		return FATE_DROP;
	return e->action == OWED_REWRITE ||
			       (is_seen &&
				pg_effect_is_renamed(e, v->body, v->len))
		       ? FATE_REWRITE
		       : FATE_PASS;
}

bool
pg_judge_is_description(const struct pg_owed *e)
{
	return (e->kind == OWED_DESCRIBE_STATEMENT ||
		e->kind == OWED_DESCRIBE_PORTAL) &&
	       e->statement != NULL;
}

enum pg_fate
pg_judge(struct pg_back *b, const struct turn *turn, struct pg_scan *s,
	 struct pg_answer *v)
{
	bool is_linked = turn->peer_out != NULL;
	const struct pg_owed *e;

	v->body = NULL;
	v->len = 0;
	v->ready = READY_PASSES;
	if (v->frame.type == 'A')
		return judge_notification(b, turn, s, v);
	if (v->frame.type == 'N')
		return is_linked && !is_head_hidden(b) ? FATE_PASS : FATE_DROP;
	if (v->frame.type == 'S')
		return judge_report(b, turn, s, v);
	v->is_matched =
		pg_owed_match(&b->owed, v->frame.type, &v->at) == OWED_FITS;
	if (v->frame.type == 'E')
		return judge_error(b, turn, s, v);
	if (!v->is_matched)
		return FATE_FAIL;
	if (v->frame.type == 'Z')
		return judge_ready(b, turn, s, v);
	e = pg_owed_at(&b->owed, v->at);
	if (e->action == OWED_REWRITE)
		return FATE_FAIL;
	if (v->frame.type == 'C' && v->frame.total <= TAG_MAX &&
	    !see_body(s, v))
		return FATE_MORE;
	if (v->frame.type == 'D' &&
	    (e->task == TASK_ASK || e->task == TASK_CHANNELS) &&
	    v->frame.total <= sizeof(v->scratch) && !see_body(s, v))
		return FATE_MORE;
	if (v->frame.type == 'T' && pg_judge_is_description(e) &&
	    v->frame.total <= sizeof(v->scratch) && !see_body(s, v))
		return FATE_MORE;
	return is_linked && e->action == OWED_FORWARD ? FATE_PASS : FATE_DROP;
}
