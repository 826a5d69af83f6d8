/*
 * See my_file.h.  MySQL Internals, "LOCAL INFILE Request".
 */
#include "my_file.h"

#include "my_caps.h"
#include "my_error.h"
#include "my_packet.h"

bool
my_file_may_ask(const struct turn *t)
{
	const struct my_front *f = t->peer;

	return t->policy->local_infile && f != NULL &&
	       (f->caps & MY_CLIENT_LOCAL_FILES) != 0;
}

bool
my_file_refuse(struct my_back *b, struct turn *t, uint8_t seq)
{
	bool is_for_client = my_back_is_for_client(b, t);
	static const uint8_t nothing;
	uint8_t next = (uint8_t)(seq + 1);

	/* It asks before it was told all: there is no place for an answer. */
	if (my_back_is_between(b, t)) {
		b->pending_fail = REASON_SERVER_PROTOCOL;
		return true;
	}
	if (is_for_client &&
	    !my_put_error(t->peer_out, &seq, MY_ER_NOT_ALLOWED,
			  "files of the client are not allowed here "
			  "(local_infile)"))
		return false;
	b->is_muted = is_for_client;
	return my_packet_put(t->out, &next, &nothing, 0);
}

bool
my_file_is_due(const struct my_front *f, const struct turn *t)
{
	const struct my_back *b = t->peer;

	return b != NULL && b->owed.count > b->owed.hidden && !b->is_muted &&
	       b->owed.entries[b->owed.first].task == MY_OWED_CLIENT &&
	       b->response.state == MY_STATE_AFTER_FILE && !f->parts.is_end;
}
