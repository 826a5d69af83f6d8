/*
 * The two tables of the Postgres protocol; nothing else.
 */
#include "pgwire.h"

const struct back_ops pg_back_ops = {
	.name = "postgres",
	.default_port = 5432,
	.unix_path = pg_back_unix_path,
	.open = pg_back_open,
	.close = pg_back_close,
	.view = pg_back_view,
	.step = pg_back_step,
	.link = pg_back_link,
	.unlink = pg_back_unlink,
	.reset = pg_back_reset,
	.check = pg_back_check,
	.abandon = pg_back_abandon,
	.terminate = pg_back_terminate,
	.cancel = pg_back_cancel,
	.cancel_open = pg_back_cancel_open,
	.facts = pg_back_facts,
	.facts_ref = pg_facts_ref,
	.facts_unref = pg_facts_unref,
	.last_error = pg_back_last_error,
	.suits = pg_back_suits,
	.explain = pg_explain,
	.state = pg_back_state,
	.statements = pg_back_statements,
};

const struct front_ops pg_front_ops = {
	.name = "postgres",
	.back = &pg_back_ops,
	.listen_path = pg_back_unix_path,
	.share_open = pg_share_open,
	.share_close = pg_share_close,
	.open = pg_front_open,
	.close = pg_front_close,
	.view = pg_front_view,
	.step = pg_front_step,
	.refuse = pg_front_refuse,
	.notice = pg_front_notice,
	.notify = pg_front_notify,
	.subscribed = pg_front_subscribed,
	.rows = pg_front_rows,
	.credential = pg_front_credential,
	.state = pg_front_state,
	.statements = pg_front_statements,
};
