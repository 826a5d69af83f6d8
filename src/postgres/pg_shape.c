/*
 * Shapes: told by servers, compared in front of a Bind.
 *
 * The client was told a shape, by a Describe of the statement or of its portal,
 * and the server's own load of the statement has another: whichever is older is
 * out of date.  A client that asks again behind its Bind is told anew.  Of a
 * load whose shape nobody asked for yet the server is asked, hidden, before the
 * Bind is sent.  Runs on the client's worker.  PostgreSQL manual, "Message
 * Formats", RowDescription.
 */
#include "pg_shape.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "pg_extended.h"

/* Behind a column's name: table, column, type, length, modifier, format. */
#define COLUMN_BYTES 18u
#define TYPE_AT 6u
#define MODIFIER_AT 12u

#define HASH_NO_ROWS 2u

/*
 * Of each column what says how to read it; its table may change its OID.  The
 * server makes the descriptions, nobody aims at one of them.
 */
static uint64_t
hash_columns(struct pg_body at, unsigned columns)
{
	uint64_t h = HASH_START;

	for (unsigned i = 0; i < columns; i++) {
		const char *name = pg_body_text(&at);
		const uint8_t *rest =
			name != NULL ? pg_body_bytes(&at, COLUMN_BYTES) : NULL;

		if (rest == NULL)
			return PG_SHAPE_UNREAD;
		h = hash_bytes(h, name, strlen(name) + 1);
		h = hash_bytes(h, rest + TYPE_AT, sizeof(uint32_t));
		h = hash_bytes(h, rest + MODIFIER_AT, sizeof(uint32_t));
	}
	return h > HASH_NO_ROWS ? h : HASH_START;
}

uint64_t
pg_shape_hash(uint8_t type, const uint8_t *body, size_t len)
{
	struct pg_body at = { .at = body, .left = len };
	const uint8_t *count;

	if (type == 'n')
		return HASH_NO_ROWS;
	count = body != NULL ? pg_body_bytes(&at, sizeof(uint16_t)) : NULL;
	return count != NULL ? hash_columns(at, pg_get_u16(count))
			     : PG_SHAPE_UNREAD;
}

/* ---- before a Bind ---- */

static bool
is_known(const struct pg_shape *s)
{
	return s->hash > PG_SHAPE_UNREAD;
}

static bool
differ(const struct pg_name *name, const struct pg_load *l)
{
	return is_known(&name->shape) && is_known(&l->shape) &&
	       name->shape.hash != l->shape.hash;
}

bool
pg_load_is_outdated(const struct pg_name *name, const struct pg_load *l)
{
	return l->changes < name->changes ||
	       (differ(name, l) && l->shape.at < name->shape.at);
}

enum telling {
	TELLING_NOTHING,
	TELLING_CLIENT, /* in this group, so that a Bind fails with it */
	TELLING_US,     /* or the client, by a group of its own */
};

/* Is a Describe of this statement on its way? */
static enum telling
telling_of(struct pg_back *b, const struct pg_name *name,
	   const struct statement *s)
{
	bool is_group = true;

	if (b->owed.kinds[OWED_DESCRIBE_STATEMENT] == 0)
		return TELLING_NOTHING;
	for (uint32_t i = b->owed.count; i-- > 0;) {
		const struct pg_owed *e = pg_owed_at(&b->owed, i);

		if (e->kind <= OWED_SYNC)
			is_group = false;
		if (e->kind != OWED_DESCRIBE_STATEMENT ||
		    e->statement == NULL ||
		    !statement_is_equal(e->statement, s))
			continue;
		if (!is_group || e->action != OWED_FORWARD)
			return TELLING_US;
		if (e->name == name)
			return TELLING_CLIENT;
	}
	return TELLING_NOTHING;
}

static bool
write_describe(struct buf *out, const struct pg_load *l)
{
	static const uint8_t flush[] = { 'H', 0, 0, 0, 4 };

	return pg_write_about(out, 'D', l) &&
	       buf_append(out, flush, sizeof(flush));
}

/*
 * In a failed transaction the question would fail before the Bind can, and in
 * other words.  It is known to have failed where all groups are answered and
 * this one has run nothing, which might have ended it.
 */
static bool
has_failed(const struct pg_back *b)
{
	return b->view.tx == TX_FAILED && pg_command_ends(b) == 0 &&
	       b->owed.kinds[OWED_EXECUTE] == 0;
}

/*
 * The Bind is offered again, and waits for the answer.  The entry's room was
 * reserved for the Bind's own.
 */
static bool
ask(struct pg_front *f, struct turn *turn, struct pg_command *m,
    struct pg_name *name, const struct pg_load *l, struct order *order)
{
	const struct pg_back *b = turn->peer;

	if (!pg_owed_is_certain(&b->owed) || pg_command_ends(b) > 0)
		return pg_stop_plain(order, ORDER_WAIT);
	if (!write_describe(turn->peer_out, l))
		return pg_fail_memory(turn->peer, m, order);
	(void)pg_command_push(
		f, turn,
		(struct pg_owed){ .kind = OWED_DESCRIBE_STATEMENT,
				  .action = OWED_LOAD,
				  .name = pg_name_ref(name),
				  .statement = statement_ref(l->statement) });
	return m->is_first ? pg_stop(order, order_bytes(ORDER_DISCARD, 0))
			   : false;
}

/*
 * The client reads rows by a description that they do not have any more.  Where
 * no change explains it, one went by unseen, and other servers may still have
 * the statement of before; this load is of after it.
 */
static bool
refuse(struct pg_front *f, struct turn *turn, struct pg_command *m,
       const struct pg_name *name, struct pg_load *l, struct order *order)
{
	struct pg_back *b = turn->peer;

	/* The server has something else to say. */
	if (b->view.tx == TX_FAILED && b->owed.count == 0)
		return true;
	if (m->is_first && name->changes == pg_change_now(b)) {
		pg_change_count(b);
		l->changes = pg_change_now(b);
	}
	return pg_command_refuse(f, turn, m, REASON_PLAN_CHANGED, order);
}

bool
pg_has_shape(struct pg_front *f, struct turn *turn, struct pg_command *m,
	     struct pg_name *name, struct pg_load *l, struct order *order)
{
	if (differ(name, l))
		return refuse(f, turn, m, name, l, order);
	if (!is_known(&name->shape) || l->shape.hash != PG_SHAPE_UNKNOWN ||
	    has_failed(turn->peer))
		return true;
	switch (telling_of(turn->peer, name, l->statement)) {
	case TELLING_NOTHING:
		break;
	case TELLING_CLIENT:
		return true;
	case TELLING_US:
		return pg_stop_plain(order, ORDER_WAIT);
	}
	return ask(f, turn, m, name, l, order);
}

/* ---- portals ---- */

uint16_t
pg_shape_portal(const char *portal)
{
	uint32_t h = hash_fold(hash_bytes(HASH_START, portal, strlen(portal)));

	return (uint16_t)(h ^ h >> 16);
}

void
pg_shape_tells(struct pg_back *b, const char *portal, struct pg_owed *entry)
{
	const struct pg_owed *bind;
	const struct pg_load *l;
	struct statement *s;

	if (b->owed.count == 0)
		return;
	bind = pg_owed_at(&b->owed, b->owed.count - 1);
	if (bind->kind != OWED_BIND || bind->name == NULL ||
	    bind->portal != pg_shape_portal(portal))
		return;
	s = pg_slot_now(&bind->name->slot);
	l = s != NULL ? pg_loads_find(&b->loads, s) : NULL;
	if (l == NULL || (l->shape.hash != PG_SHAPE_UNKNOWN &&
			  l->shape.hash == bind->name->shape.hash))
		return;
	entry->name = pg_name_ref(bind->name);
	entry->statement = statement_ref(s);
}

enum following {
	FOLLOWING_UNSEEN, /* it has not come yet */
	FOLLOWING_TELLS,
	FOLLOWING_OTHER,
};

#define PORTAL_MAX 64u /* longer names are taken to be others */

/* What comes behind a Bind; *need: bytes of input that tell. */
static enum following
following(const struct turn *turn, const struct pg_command *m, size_t *need)
{
	const char *portal = (const char *)m->body;
	size_t at = m->frame.at + m->frame.total, len = strlen(portal) + 1;
	uint8_t head[PG_HEADER], body[1 + PORTAL_MAX];

	if (m->frame.total > PG_WHOLE_MAX || len > PORTAL_MAX)
		return FOLLOWING_OTHER;
	*need = at + PG_HEADER;
	if (turn->in->len < *need)
		return FOLLOWING_UNSEEN;
	buf_copy_out(turn->in, at, head, PG_HEADER);
	if (head[0] != 'D' || pg_get_u32(head + 1) != 4 + 1 + len)
		return FOLLOWING_OTHER;
	*need += 1 + len;
	if (turn->in->len < *need)
		return FOLLOWING_UNSEEN;
	buf_copy_out(turn->in, at + PG_HEADER, body, 1 + len);
	return body[0] == 'P' && memcmp(body + 1, portal, len) == 0
		       ? FOLLOWING_TELLS
		       : FOLLOWING_OTHER;
}

/* Would the server, or carpool, perhaps refuse what the client has? */
static bool
is_doubtful(const struct pg_back *b, const struct pg_name *name,
	    const struct pg_load *l)
{
	if (l == NULL)
		return is_known(&name->shape);
	return l->changes < pg_change_now(b) ||
	       (is_known(&name->shape) && l->shape.hash != name->shape.hash);
}

bool
pg_shape_follows(struct turn *turn, const struct pg_command *m,
		 const struct pg_name *name, bool *is_told, struct order *order)
{
	struct pg_back *b = turn->peer;
	struct pg_load *l = pg_loads_find(&b->loads, pg_slot_now(&name->slot));
	size_t need = 0;

	*is_told = false;
	if (!is_doubtful(b, name, l))
		return true;
	switch (following(turn, m, &need)) {
	case FOLLOWING_OTHER:
		break;
	case FOLLOWING_UNSEEN:
		return m->is_first &&
		       pg_stop(order, order_bytes(ORDER_NEED_MORE, need));
	case FOLLOWING_TELLS:
		*is_told = true;
		if (l != NULL && l->changes < pg_change_now(b))
			pg_loads_spoil(&b->loads, l);
		break;
	}
	return true;
}
