/*
 * See my_trackers.h.
 */
#include "my_trackers.h"

#include <string.h>

#include "base/mem.h"
#include "my_caps.h"
#include "my_follow.h"
#include "sql/my_classify.h"

/* In the order of ASK. */
static const char *const names[] = {
	"session_track_system_variables",
	"session_track_schema",
	"session_track_state_change",
	"session_track_transaction_info",
};

#define ASK                                                                    \
	"SELECT @@session_track_system_variables,@@session_track_schema,"      \
	"@@session_track_state_change,@@session_track_transaction_info"        \
	" LIMIT 1" /* sql_select_limit may be 0 */

/* ---- what the client asked for ---- */

/* What it set itself, or NULL. */
static const char *
own_value(const struct my_front *f, const char *name)
{
	struct my_session own = { .own = f->session.own };

	return my_session_find(&own, name);
}

/* Switches a kind on or off, if the client did. */
static void
take_switch(struct my_wish *wish, unsigned kind, const char *value)
{
	if (value == NULL)
		return;
	wish->kinds &= ~kind;
	if (strcmp(value, "1") == 0 || strcmp(value, "ON") == 0)
		wish->kinds |= kind;
}

static struct my_wish
wish_of(const struct my_front *f)
{
	const char *list = own_value(f, names[0]);
	const char *info = own_value(f, names[3]);
	struct my_wish wish = my_wish_default;

	if ((f->caps & MY_CLIENT_SESSION_TRACK) == 0)
		return (struct my_wish){ 0 };
	if (list != NULL)
		wish.variables = list;
	take_switch(&wish, MY_WISH_SCHEMA, own_value(f, names[1]));
	take_switch(&wish, MY_WISH_STATE, own_value(f, names[2]));
	if (info != NULL && strcmp(info, "OFF") != 0)
		wish.kinds |= MY_WISH_TRANSACTION;
	if (info != NULL && strcmp(info, "CHARACTERISTICS") == 0)
		wish.kinds |= MY_WISH_CHARACTERISTICS;
	return wish;
}

size_t
my_trackers_tell(uint8_t *out, const struct my_ok *ok, const struct my_front *f)
{
	struct my_wish wish = { 0 };

	if (ok->trackers.len > 0)
		wish = wish_of(f);
	return my_ok_rewrite(out, ok, &wish);
}

/* ---- a SET of them ---- */

bool
my_trackers_is_list(uint64_t flags)
{
	const uint64_t more = MY_SQL_GLOBAL | MY_SQL_ONCE | MY_SQL_FOR |
			      MY_SQL_ROLE | MY_SQL_SEVERAL | MY_SQL_DOUBT;

	return (flags & MY_SQL_TRACKER_LIST) != 0 && (flags & more) == 0;
}

bool
my_trackers_begin(struct my_back *b, const struct my_front *f, struct buf *out)
{
	struct str sql = { 0 };
	bool done;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		my_state_put(&sql, names[i], own_value(f, names[i]));
	done = !sql.failed && my_back_ask(b, out, MY_OWED_OWN, MY_COM_QUERY,
					  str_text(&sql), sql.len);
	str_fini(&sql);
	b->is_client_tracked = done;
	return done;
}

/* Carpool's own again. */
static bool
set_back(struct my_back *b, struct turn *t)
{
	const char *sql = my_back_with(b) != 0
				  ? MY_STATE_TRACKERS_ALONE("OFF")
				  : MY_STATE_TRACKERS_ALONE("CHARACTERISTICS");

	return my_back_ask(b, t->out, MY_OWED_TRACK, MY_COM_QUERY, sql,
			   strlen(sql));
}

bool
my_trackers_end(struct my_back *b, struct turn *t, unsigned error)
{
	const uint64_t untold = MY_SQL_TRACKER_LIST | MY_SQL_SEVERAL;
	bool was_begun = b->is_client_tracked;
	bool is_asked = my_trackers_has_begun(b);

	/* A server that answered half a command is closed. */
	if (((b->flags & MY_SQL_TRACKERS) == 0 && !was_begun) ||
	    my_back_is_between(b, t))
		return true;
	b->is_client_tracked = false;
	/* One statement that fails has set nothing. */
	if (!is_asked && (was_begun || (b->flags & untold) != 0) &&
	    (error == 0 || (b->flags & MY_SQL_SEVERAL) != 0))
		my_follow_blind(b);
	if (is_asked && error == 0 &&
	    !my_back_ask(b, t->out, MY_OWED_TRACKERS, MY_COM_QUERY, ASK,
			 sizeof(ASK) - 1))
		return false;
	return set_back(b, t);
}

bool
my_trackers_reads(const struct my_back *b)
{
	return b->owed.count > 0 &&
	       b->owed.entries[b->owed.first].task == MY_OWED_TRACKERS;
}

static bool
take_row(struct my_back *b, struct turn *t, struct my_bytes at)
{
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct my_text name = { names[i], strlen(names[i]) };
		struct my_text value = { 0 };

		/* NULL is an empty list. */
		if (at.left > 0 && *at.at == 0xfb)
			(void)my_read_u8(&at);
		else
			value.data = my_read_text(&at, &value.len);
		if (at.has_failed)
			break;
		if (my_session_set(t->shared, &b->session, name, value) ==
		    MY_CHANGE_NO_MEMORY)
			return false;
	}
	if (t->peer != NULL)
		my_session_copy(&((struct my_front *)t->peer)->session,
				&b->session);
	return true;
}

bool
my_trackers_keep(struct my_back *b, struct turn *t, enum my_packet_kind kind,
		 const uint8_t *payload, size_t len)
{
	return kind != MY_PACKET_ROW || take_row(b, t, my_bytes(payload, len));
}
