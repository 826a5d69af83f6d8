/*
 * The queue and the server's own rules for dropping requests.
 */
#include "pg_owed.h"

#include <string.h>

#include "base/mem.h"

void
pg_owed_init(struct pg_owed_queue *q)
{
	memset(q, 0, sizeof(*q));
	q->ring = q->small;
	q->room = OWED_SMALL;
}

struct pg_owed *
pg_owed_at(struct pg_owed_queue *q, uint32_t at)
{
	return &q->ring[(q->head + at) & (q->room - 1)];
}

static void
drop_entry(struct pg_owed_queue *q, struct pg_owed *e)
{
	if (q->drop != NULL)
		q->drop(q->owner, e);
}

void
pg_owed_fini(struct pg_owed_queue *q)
{
	for (uint32_t i = 0; i < q->count; i++)
		drop_entry(q, pg_owed_at(q, i));
	if (q->ring != q->small)
		mem_free(q->ring);
	pg_owed_init(q);
}

static const struct pg_owed *
peek_at(const struct pg_owed_queue *q, uint32_t at)
{
	return &q->ring[(q->head + at) & (q->room - 1)];
}

bool
pg_owed_grow(struct pg_owed_queue *q)
{
	struct pg_owed *ring;

	if (q->room >= OWED_MAX)
		return false;
	ring = mem_zalloc(2 * q->room * sizeof(*ring));
	if (ring == NULL)
		return false;
	for (uint32_t i = 0; i < q->count; i++)
		ring[i] = *peek_at(q, i);
	if (q->ring != q->small)
		mem_free(q->ring);
	q->ring = ring;
	q->head = 0;
	q->room *= 2;
	return true;
}

static bool
is_end(const struct pg_owed *e)
{
	return e->kind <= OWED_SYNC;
}

static bool
is_fake_query(const struct pg_owed *e)
{
	return (e->kind == OWED_QUERY || e->kind == OWED_EXECUTE) &&
	       e->action == OWED_FAKE;
}

static void
count_in(struct pg_owed_queue *q, const struct pg_owed *e)
{
	q->kinds[e->kind]++;
	q->hidden_ends += is_end(e) && e->action == OWED_HIDE;
	q->fake_queries += is_fake_query(e);
}

static void
count_out(struct pg_owed_queue *q, const struct pg_owed *e)
{
	q->kinds[e->kind]--;
	q->hidden_ends -= is_end(e) && e->action == OWED_HIDE;
	q->fake_queries -= is_fake_query(e);
}

/* A long pipeline is over: an idle server keeps nothing of it. */
static void
shrink(struct pg_owed_queue *q)
{
	if (q->count > 0 || q->ring == q->small)
		return;
	mem_free(q->ring);
	q->ring = q->small;
	q->room = OWED_SMALL;
	q->head = 0;
}

static void
pop(struct pg_owed_queue *q)
{
	count_out(q, peek_at(q, 0));
	q->head = (q->head + 1) & (q->room - 1);
	q->count--;
	shrink(q);
}

void
pg_owed_push(struct pg_owed_queue *q, struct pg_owed entry)
{
	if (q->is_skipping && entry.kind != OWED_SYNC) {
		drop_entry(q, &entry);
		return;
	}
	if (entry.kind == OWED_COPY_END && pg_owed_takes_data(q) == 0)
		return;
	if (entry.kind == OWED_SYNC) {
		q->is_skipping = false;
		entry.is_maybe = q->is_copy_in && q->kinds[OWED_COPY_END] == 0;
	}
	ASSERT(q->count < q->room);
	*pg_owed_at(q, q->count) = entry;
	q->count++;
	count_in(q, &entry);
}

#define ANY_END (BIT(OWED_QUERY) | BIT(OWED_FUNCTION) | BIT(OWED_SYNC))
#define ANY_KIND (BIT(OWED_COPY_END) - 1)
#define ROWS (BIT(OWED_QUERY) | BIT(OWED_EXECUTE))
#define DESCRIBES (BIT(OWED_DESCRIBE_STATEMENT) | BIT(OWED_DESCRIBE_PORTAL))

/* Which requests a message may answer; 0: none, ever. */
static const uint16_t answered_by[128] = {
	['1'] = BIT(OWED_PARSE),
	['2'] = BIT(OWED_BIND),
	['3'] = BIT(OWED_CLOSE),
	['C'] = ROWS,
	['D'] = ROWS,
	['E'] = ANY_KIND,
	['G'] = ROWS,
	['H'] = ROWS,
	['I'] = ROWS,
	['T'] = BIT(OWED_QUERY) | DESCRIBES,
	['V'] = BIT(OWED_FUNCTION),
	['Z'] = ANY_END,
	['c'] = ROWS,
	['d'] = ROWS,
	['n'] = DESCRIBES,
	['s'] = BIT(OWED_EXECUTE),
	['t'] = BIT(OWED_DESCRIBE_STATEMENT),
};

/* Messages that end the request which they answer. */
static const uint16_t ended_by[128] = {
	['1'] = BIT(OWED_PARSE),   ['2'] = BIT(OWED_BIND),
	['3'] = BIT(OWED_CLOSE),   ['C'] = BIT(OWED_EXECUTE),
	['I'] = BIT(OWED_EXECUTE), ['T'] = DESCRIBES,
	['Z'] = ANY_END,           ['n'] = DESCRIBES,
	['s'] = BIT(OWED_EXECUTE),
};

static bool
is_marker(const struct pg_owed *e)
{
	return e->kind == OWED_COPY_END;
}

/* The first entry from place at on that is surely owed; count when none. */
static uint32_t
first_certain(const struct pg_owed_queue *q, uint32_t at)
{
	while (at < q->count &&
	       (peek_at(q, at)->is_maybe || is_marker(peek_at(q, at))))
		at++;
	return at;
}

/*
 * ReadyForQuery right after a COPY failed: either it answers the Sync that was
 * perhaps dropped, or that was dropped and so was all up to the next one.  With
 * other requests between the two Syncs both would go on differently.
 */
static enum pg_owed_fit
match_ready(const struct pg_owed_queue *q, uint32_t *at)
{
	uint32_t certain;

	while (*at < q->count && is_marker(peek_at(q, *at)))
		++*at;
	if (*at == q->count || !is_end(peek_at(q, *at)))
		return OWED_SURPRISE;
	if (!peek_at(q, *at)->is_maybe || !q->in_doubt)
		return OWED_FITS;
	certain = first_certain(q, *at);
	if (certain < q->count && peek_at(q, certain)->kind != OWED_SYNC)
		return OWED_UNKNOWN;
	return OWED_FITS;
}

enum pg_owed_fit
pg_owed_match(const struct pg_owed_queue *q, uint8_t type, uint32_t *at)
{
	*at = 0;
	if (type >= 128 || answered_by[type] == 0)
		return OWED_SURPRISE;
	/* Until its data are complete a COPY only fails. */
	if (q->is_copy_in && type != 'C' && type != 'E')
		return OWED_SURPRISE;
	if (type == 'Z')
		return match_ready(q, at);
	*at = first_certain(q, 0);
	if (*at == q->count || q->in_doubt)
		return OWED_SURPRISE;
	if (type == 'C' && q->is_copy_in && q->kinds[OWED_COPY_END] == 0)
		return OWED_SURPRISE;
	if ((answered_by[type] & BIT(peek_at(q, *at)->kind)) == 0)
		return OWED_SURPRISE;
	/* Once a request failed, only its end can follow. */
	if (peek_at(q, *at)->has_failed)
		return OWED_SURPRISE;
	return OWED_FITS;
}

/* Takes out the entries at places from to to - 1. */
static void
drop_range(struct pg_owed_queue *q, uint32_t from, uint32_t to)
{
	uint32_t n = to - from;

	for (uint32_t i = from; i < to; i++) {
		count_out(q, peek_at(q, i));
		drop_entry(q, pg_owed_at(q, i));
	}
	for (uint32_t i = to; i < q->count; i++)
		*pg_owed_at(q, i - n) = *peek_at(q, i);
	q->count -= n;
	shrink(q);
}

/* The data of a COPY is complete: what the server read up to its end. */
static void
end_copy(struct pg_owed_queue *q)
{
	uint32_t at = 1;

	bool has_dropped = false;

	q->is_copy_in = false;
	while (at < q->count && !is_marker(peek_at(q, at))) {
		if (peek_at(q, at)->is_maybe) {
			drop_range(q, at, at + 1);
			has_dropped = true;
		} else {
			at++;
		}
	}
	if (at < q->count)
		drop_range(q, at, at + 1);
	q->is_reopened = has_dropped && q->kinds[OWED_SYNC] == 0 &&
			 peek_at(q, 0)->kind == OWED_EXECUTE;
}

/* COPY IN begins: Syncs that were sent before the data's end are dropped. */
static void
begin_copy(struct pg_owed_queue *q)
{
	q->is_copy_in = true;
	for (uint32_t at = 1; at < q->count && !is_marker(peek_at(q, at));
	     at++) {
		if (peek_at(q, at)->kind == OWED_SYNC)
			pg_owed_at(q, at)->is_maybe = true;
	}
}

/*
 * The head failed: what the server drops because of it.  True: the head is
 * among it, and its own references are the caller's.
 */
static bool
fail_head(struct pg_owed_queue *q)
{
	uint32_t to = 0;

	if (q->is_copy_in) {
		q->is_copy_in = false;
		for (uint32_t i = 1; i < q->count; i++)
			q->in_doubt |= peek_at(q, i)->is_maybe;
	}
	if (is_end(peek_at(q, 0))) {
		pg_owed_at(q, 0)->has_failed = true;
		return false;
	}
	while (to < q->count && peek_at(q, to)->kind != OWED_SYNC)
		to++;
	if (to == q->count)
		q->is_skipping = true;
	pop(q);
	drop_range(q, 0, to - 1);
	return true;
}

/* The server has passed over the first entry. */
static void
pass_over(struct pg_owed_queue *q)
{
	drop_entry(q, pg_owed_at(q, 0));
	pop(q);
}

/*
 * A ReadyForQuery that may belong to a Sync in doubt or to the certain one
 * behind it: one of both stays, in doubt.
 */
static void
take_ready(struct pg_owed_queue *q)
{
	uint32_t certain;

	q->in_doubt = false;
	if (peek_at(q, 0)->is_maybe) {
		q->is_ended = false;
		certain = first_certain(q, 0);
		if (certain < q->count &&
		    peek_at(q, certain)->kind == OWED_SYNC)
			pg_owed_at(q, certain)->is_maybe = true;
	}
	pop(q);
}

struct pg_owed
pg_owed_answer(struct pg_owed_queue *q, uint8_t type, uint32_t at,
	       bool *is_over)
{
	struct pg_owed entry;

	while (at-- > 0)
		pass_over(q);
	entry = *peek_at(q, 0);
	*is_over = false;
	if (type == 'E') {
		*is_over = fail_head(q);
	} else if (type == 'Z') {
		take_ready(q);
		q->is_asked &= entry.task != TASK_PROBE;
		*is_over = true;
	} else if (type == 'G') {
		begin_copy(q);
	} else {
		if (type == 'C' && q->is_copy_in)
			end_copy(q);
		if (ended_by[type] & BIT(entry.kind)) {
			pop(q);
			*is_over = true;
		}
	}
	pg_owed_settle(q);
	return entry;
}

struct pg_owed
pg_owed_take_fake(struct pg_owed_queue *q)
{
	struct pg_owed entry = *peek_at(q, 0);

	ASSERT(entry.action == OWED_FAKE);
	pop(q);
	pg_owed_settle(q);
	return entry;
}

void
pg_owed_settle(struct pg_owed_queue *q)
{
	while (q->count > 0 && is_marker(peek_at(q, 0)))
		pop(q);
}

bool
pg_owed_is_row(const struct pg_owed_queue *q, uint8_t type)
{
	const struct pg_owed *e = peek_at(q, 0);
	unsigned kinds = type == 'D' || type == 'd' ? ROWS
			 : type == 'T'              ? BIT(OWED_QUERY)
						    : 0;

	return q->count > 0 && (kinds & BIT(e->kind)) != 0 && !e->is_maybe &&
	       !e->has_failed && e->action == OWED_FORWARD && !q->in_doubt &&
	       !q->is_copy_in;
}

bool
pg_owed_wants_probe(const struct pg_owed_queue *q)
{
	return q->count > 0 && !q->in_doubt && first_certain(q, 0) == q->count;
}

bool
pg_owed_wants_sync(const struct pg_owed_queue *q)
{
	if (!q->in_doubt)
		return q->is_skipping;
	for (uint32_t i = 0; i < q->count; i++) {
		const struct pg_owed *e = peek_at(q, i);

		if (e->has_failed || (e->kind == OWED_SYNC && !e->is_maybe))
			return false;
	}
	return true;
}

enum pg_doubt
pg_owed_doubt(const struct pg_owed_queue *q)
{
	uint32_t certain;

	if (!q->in_doubt || !peek_at(q, 0)->is_maybe)
		return DOUBT_NONE;
	certain = first_certain(q, 0);
	if (certain == q->count)
		return DOUBT_ASK;
	return peek_at(q, certain)->kind == OWED_SYNC ? DOUBT_NONE : DOUBT_LOST;
}

void
pg_owed_ask(struct pg_owed_queue *q)
{
	struct pg_owed *first = pg_owed_at(q, 0);
	struct pg_owed *last = pg_owed_at(q, q->count - 1);
	uint8_t action = first->action;

	ASSERT(first->is_maybe && last->kind == OWED_SYNC);
	first->action = last->action;
	first->is_maybe = false;
	last->action = action;
	last->is_maybe = true;
	q->is_asked = q->is_ended = true;
}

void
pg_owed_hide_all(struct pg_owed_queue *q)
{
	for (uint32_t i = 0; i < q->count; i++) {
		struct pg_owed *e = pg_owed_at(q, i);

		if (e->action == OWED_FAKE)
			continue;
		if (is_end(e) && e->action != OWED_HIDE)
			q->hidden_ends++;
		e->action = OWED_HIDE;
	}
}

bool
pg_owed_is_sane(const struct pg_owed_queue *q)
{
	struct pg_owed_queue sum;

	pg_owed_init(&sum);
	for (uint32_t i = 0; i < q->count; i++)
		count_in(&sum, peek_at(q, i));
	return q->count <= q->room && sum.hidden_ends == q->hidden_ends &&
	       sum.fake_queries == q->fake_queries &&
	       memcmp(sum.kinds, q->kinds, sizeof(sum.kinds)) == 0;
}
