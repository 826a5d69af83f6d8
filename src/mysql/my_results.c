/*
 * See my_results.h.  Runs on the worker that owns the connection.  MySQL
 * manual, "SHOW WARNINGS Statement", "LAST_INSERT_ID()".
 */
#include "my_results.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "my_error.h"
#include "my_follow.h"
#include "sql/my_classify.h"

#define ASK_WARNINGS "SHOW WARNINGS"
/* LIMIT: sql_select_limit may be 0. */
#define ASK_ID "SELECT LAST_INSERT_ID() LIMIT 1"
/* Has a table, so it takes warnings away, and none to lock or to read. */
#define CLEAR "SELECT 1 FROM (SELECT 1) AS t"

/* The answer to SHOW WARNINGS, as it came. */
struct my_results {
	struct str packets; /* owns */
	/* Where a status lies in them: of the definitions' end, the rows'. */
	size_t status_at[2];
	uint8_t statuses;
	bool is_too_long; /* it is not kept */
};

void
my_results_free(struct my_results *r)
{
	if (r == NULL)
		return;
	str_fini(&r->packets);
	mem_free(r);
}

void
my_results_forget(struct my_front *f)
{
	my_results_free(f->results);
	f->results = NULL;
}

/* ---- the server's side ---- */

static void
note_warnings(struct my_back *b, struct my_front *f,
	      const struct my_response *r)
{
	if ((b->flags & (MY_SQL_ASKS_WARNINGS | MY_SQL_SEVERAL)) ==
	    MY_SQL_ASKS_WARNINGS)
		return;
	if (r->has_warned || r->error != 0) {
		b->results_due |= MY_RESULT_WARNINGS;
	} else if ((b->flags & (MY_SQL_READ | MY_SQL_WRITE)) != 0) {
		b->results_due &= (uint8_t)~MY_RESULT_WARNINGS;
	} else {
		return;
	}
	if (f != NULL)
		my_results_forget(f);
}

void
my_results_note(struct my_back *b, struct my_front *f,
		const struct my_response *r)
{
	const uint64_t several = MY_SQL_SEVERAL | MY_SQL_WRITE;
	const uint64_t either = MY_SQL_READ | MY_SQL_WRITE;
	/* RETURNING and ANALYZE: the end of rows tells no number. */
	bool is_untold = r->has_rows && (b->flags & either) == MY_SQL_WRITE;

	note_warnings(b, f, r);
	if ((b->flags & (MY_SQL_MAKES_ID | MY_SQL_DOUBT)) != 0 ||
	    (b->flags & several) == several || is_untold ||
	    (r->insert_id != 0 && r->insert_id == b->insert_id))
		b->results_due |= MY_RESULT_ID | MY_RESULT_SAME;
	else if (r->insert_id != 0)
		b->results_due |= MY_RESULT_ID;
}

void
my_results_leave(struct my_back *b)
{
	if ((b->results_due & MY_RESULT_ID) != 0)
		b->insert_id = MY_ID_UNKNOWN;
	b->results_due = 0;
}

static bool
ask(struct my_back *b, struct buf *out, enum my_owed_task task,
    const char *text)
{
	return my_back_ask(b, out, task, MY_COM_QUERY, text, strlen(text));
}

bool
my_results_ask(struct my_back *b, struct turn *t)
{
	unsigned due = b->results_due;
	bool is_held, is_forgotten;

	if ((due == 0 && !b->has_warnings) || t->peer == NULL ||
	    b->owed.count > 0 || b->has_link_failed ||
	    (b->status & MY_STATUS_IN_TRANS) != 0 ||
	    t->policy->mode == POOL_SESSION)
		return true;
	(void)my_follow_kinds(b, t->policy, &is_held);
	if (is_held)
		return true;
	/* A reset does it as well. */
	is_forgotten = b->has_warnings &&
		       my_follow_residue(b, t->policy) == RESIDUE_NONE;
	b->results_due = 0;
	b->is_id_new = (due & MY_RESULT_SAME) != 0;
	return ((due & MY_RESULT_WARNINGS) == 0 ||
		ask(b, t->out, MY_OWED_WARNINGS, ASK_WARNINGS)) &&
	       ((due & MY_RESULT_ID) == 0 ||
		ask(b, t->out, MY_OWED_ID, ASK_ID)) &&
	       (!is_forgotten || ask(b, t->out, MY_OWED_FORGET, CLEAR));
}

bool
my_results_is_kept(const struct my_back *b)
{
	uint8_t task = b->owed.entries[b->owed.first].task;

	return b->owed.count > 0 &&
	       (task == MY_OWED_WARNINGS || task == MY_OWED_ID);
}

/* A packet is kept, whose payload comes next. */
static void
note_status(struct my_results *r, enum my_packet_kind kind,
	    const uint8_t *payload)
{
	bool is_end = kind == MY_PACKET_EOF ||
		      (kind == MY_PACKET_END && payload[1] + payload[2] == 0);

	/* Behind the first byte, and two numbers of a byte or of both. */
	if (is_end && r->statuses < COUNT_OF(r->status_at))
		r->status_at[r->statuses++] = r->packets.len + 3;
}

static bool
keep_warnings(struct my_front *f, enum my_packet_kind kind,
	      const struct my_head *head, const uint8_t *payload)
{
	uint8_t header[MY_HEADER];

	if (f->results == NULL)
		f->results = mem_zalloc(sizeof(*f->results));
	if (f->results == NULL)
		return false;
	if (f->results->packets.len + head->len > MY_RESULTS_MAX) {
		str_fini(&f->results->packets);
		f->results->is_too_long = true;
	}
	if (f->results->is_too_long)
		return true;
	my_set_u24(header, head->len);
	header[3] = head->seq;
	str_add(&f->results->packets, (const char *)header, sizeof(header));
	note_status(f->results, kind, payload);
	str_add(&f->results->packets, (const char *)payload, head->len);
	return !f->results->packets.failed;
}

/* The one row of ASK_ID. */
static void
keep_id(struct my_back *b, struct my_front *f, const uint8_t *payload,
	size_t len)
{
	struct my_bytes at = my_bytes(payload, len);
	size_t digits;
	const char *text = my_read_text(&at, &digits);
	uint64_t id = 0;

	for (size_t i = 0; i < digits; i++)
		id = id * 10 + ((uint8_t)text[i] - '0') % 10u;
	if (id != b->insert_id || b->is_id_new)
		f->insert_id = id;
	b->insert_id = id;
}

bool
my_results_keep(struct my_back *b, struct turn *t, enum my_packet_kind kind,
		const struct my_head *head, const uint8_t *payload)
{
	enum my_owed_task task =
		(enum my_owed_task)my_owed_head(&b->owed)->task;
	struct my_front *f = t->peer;

	if (f == NULL || kind == MY_PACKET_ERR) {
		if (task == MY_OWED_ID)
			b->insert_id = MY_ID_UNKNOWN;
		return true;
	}
	if (task == MY_OWED_WARNINGS)
		return keep_warnings(f, kind, head, payload);
	if (kind == MY_PACKET_ROW)
		keep_id(b, f, payload, head->len);
	return true;
}

bool
my_results_clear(struct my_back *b, struct buf *out)
{
	return ask(b, out, MY_OWED_CLEAR, CLEAR);
}

bool
my_results_prepare(struct my_back *b, struct turn *t)
{
	const uint64_t asks =
		MY_SQL_ASKS_WARNINGS | MY_SQL_DOUBT | MY_SQL_SEVERAL;
	const struct my_front *f = t->peer;

	if (!b->has_warnings || (b->results_due & MY_RESULT_WARNINGS) != 0 ||
	    b->owed.count > 0 || f == NULL || (f->flags & asks) == 0 ||
	    b->has_link_failed || b->must_close || my_back_is_between(b, t))
		return true;
	return my_results_clear(b, t->out);
}

/* ---- the client's side ---- */

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r\n\f\v");
}

/* Is it SHOW WARNINGS and no more? */
static bool
is_all(const char *text)
{
	static const char *const words[] = { "show", "warnings" };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		text = skip_blanks(text);
		if (strncasecmp(text, words[i], strlen(words[i])) != 0)
			return false;
		text += strlen(words[i]);
	}
	text = skip_blanks(text);
	if (*text == ';')
		text = skip_blanks(text + 1);
	return *text == '\0';
}

/* What a status tells of the session is what the client was told last: it
 * quotes texts by it. */
static void
renew_statuses(struct my_front *f)
{
	const unsigned lasting = MY_STATUS_IN_TRANS | MY_STATUS_AUTOCOMMIT |
				 MY_STATUS_NO_BACKSLASH | MY_STATUS_ANSI_QUOTES;
	struct my_results *r = f->results;

	for (unsigned i = 0; i < r->statuses; i++) {
		uint8_t *at = (uint8_t *)r->packets.data + r->status_at[i];

		my_set_u16(at, (uint16_t)((my_get_u16(at) & ~lasting) |
					  (f->status & lasting)));
	}
}

static bool
put_answer(struct my_front *f, struct turn *t, const struct my_head *head,
	   bool is_known)
{
	const struct str *packets = &f->results->packets;

	f->seq = (uint8_t)(head->seq + 1);
	if (is_known) {
		renew_statuses(f);
		return buf_append(t->out, str_text(packets), packets->len);
	}
	return my_put_error(t->out, &f->seq, MY_ER_NOT_SUPPORTED,
			    "The warnings of a statement that is over are kept "
			    "for SHOW WARNINGS alone");
}

bool
my_results_answer(struct my_front *f, struct turn *t,
		  const struct my_head *head, uint64_t flags, struct order *o)
{
	size_t len = head->len - 1u;
	uint8_t *text;
	bool is_known;

	if (f->results == NULL || t->peer != NULL ||
	    (flags & (MY_SQL_ASKS_WARNINGS | MY_SQL_SEVERAL)) !=
		    MY_SQL_ASKS_WARNINGS)
		return false;
	text = mem_zalloc(len + 1);
	if (text != NULL) {
		buf_copy_out(t->in, MY_HEADER + 1, text, len);
		is_known = !f->results->is_too_long &&
			   strlen((const char *)text) == len &&
			   is_all((const char *)text);
		*o = put_answer(f, t, head, is_known)
			     ? my_front_drop(f, head)
			     : order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
	} else {
		*o = order_fail(FAIL_CONNECTION, REASON_NO_MEMORY);
	}
	mem_free(text);
	return true;
}
