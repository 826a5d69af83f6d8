/*
 * Limits on servers and clients over all threads; see limits.h.
 *
 * Invariant, asserted under the lock: no take ever lifts a budget above its
 * maximum.  A budget may stand above it after a reload lowered the maximum;
 * then it only shrinks.
 */
#include "core/limits.h"

#include "base/mem.h"

void
limits_init(struct limits *l)
{
	*l = (struct limits){ 0 };
	lock_init(&l->lock);
	list_init(&l->hungry);
}

void
limits_fini(struct limits *l)
{
	lock_fini(&l->lock);
}

static bool
has_room(const struct budget *b)
{
	return b->max == 0 || b->used < b->max;
}

/* A place that is never given back must not be the last one. */
static bool
has_ear_room(const struct budget *b)
{
	return b->max == 0 || b->ears + 1 < b->max;
}

static bool
may_hear(const struct share *s)
{
	return !s->is_ear || (has_ear_room(s->db) && has_ear_room(s->user));
}

static bool
fits(const struct share *s)
{
	return (s->ceiling == 0 || s->used < s->ceiling) && has_room(s->db) &&
	       has_room(s->user) && may_hear(s);
}

/* Would h fit if giver gave one of its places back? */
static bool
would_fit(const struct share *h, const struct share *giver)
{
	struct share left = *h;
	struct budget db = *h->db, user = *h->user;

	left.db = &db;
	left.user = &user;
	if (giver->used > 0 && giver->db == h->db)
		db.used--;
	if (giver->used > 0 && giver->user == h->user)
		user.used--;
	return fits(&left);
}

static void
count_in(struct limits *l, struct share *s)
{
	ASSERT(fits(s));
	s->used++;
	s->db->used++;
	s->user->used++;
	s->db->ears += s->is_ear;
	s->user->ears += s->is_ear;
	l->servers++;
}

static void
stop_hunger(struct limits *l, struct share *s)
{
	if (!list_is_linked(&s->hungry))
		return;
	list_remove(&s->hungry);
	l->hungry_count--;
}

/* Keeps the list ordered by arrival; a newcomer usually stands last. */
static void
start_hunger(struct limits *l, struct share *s, usec_t since)
{
	struct list_node *at;

	if (list_is_linked(&s->hungry))
		return;
	s->since = since;
	for (at = l->hungry.head.prev; at != &l->hungry.head; at = at->prev)
		if (LIST_ENTRY(at, struct share, hungry)->since <= since)
			break;
	list_insert_after(at, &s->hungry);
	l->hungry_count++;
}

enum take
limits_take(struct limits *l, struct share *s, uint32_t ceiling, usec_t since)
{
	enum take result = TAKE_OK;

	lock_take(&l->lock);
	s->ceiling = ceiling;
	if (fits(s)) {
		count_in(l, s);
		stop_hunger(l, s);
	} else if (!may_hear(s)) {
		result = TAKE_FULL_POOL;
	} else {
		result = ceiling != 0 && s->used >= ceiling ? TAKE_FULL_POOL
							    : TAKE_FULL_SHARED;
		start_hunger(l, s, since);
	}
	lock_give(&l->lock);
	return result;
}

static bool
goes_before(const struct share *s, const struct share *other,
	    const struct share *giver)
{
	return s->used < other->used ||
	       (s->used == other->used && other == giver);
}

/*
 * Of the hungry shares that a free place fits, the one with the fewest places
 * gets it; among equals the oldest, but last the one that gave it, or nobody
 * would be helped.
 */
static struct share *
feed_locked(struct limits *l, const struct share *giver, bool *post)
{
	struct share *best = NULL;
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &l->hungry) {
		struct share *s = LIST_ENTRY(n, struct share, hungry);

		if (fits(s) && (best == NULL || goes_before(s, best, giver)))
			best = s;
	}
	if (best == NULL)
		return NULL;
	count_in(l, best);
	stop_hunger(l, best);
	best->tokens++;
	*post = !best->is_posted;
	best->is_posted = true;
	return best;
}

struct share *
limits_give(struct limits *l, struct share *s, bool *post)
{
	struct share *next;

	*post = false;
	lock_take(&l->lock);
	ASSERT(s->used > 0 && s->db->used > 0 && s->user->used > 0);
	s->used--;
	s->db->used--;
	s->user->used--;
	s->db->ears -= s->is_ear;
	s->user->ears -= s->is_ear;
	s->is_giving = false;
	l->servers--;
	next = feed_locked(l, s, post);
	lock_give(&l->lock);
	return next;
}

struct share *
limits_feed(struct limits *l, bool *post)
{
	struct share *next;

	*post = false;
	lock_take(&l->lock);
	next = feed_locked(l, NULL, post);
	lock_give(&l->lock);
	return next;
}

uint32_t
limits_collect(struct limits *l, struct share *s)
{
	uint32_t n;

	lock_take(&l->lock);
	n = s->tokens;
	s->tokens = 0;
	s->is_posted = false;
	lock_give(&l->lock);
	return n;
}

bool
limits_content(struct limits *l, struct share *s)
{
	bool quiet;

	lock_take(&l->lock);
	stop_hunger(l, s);
	quiet = !s->is_posted && s->tokens == 0;
	lock_give(&l->lock);
	return quiet;
}

/* By two at least: a place that is handed over must not come back at once. */
static bool
is_richer(const struct share *s, const struct share *than)
{
	return s->used > than->used + 1;
}

bool
limits_is_due(struct limits *l, const struct share *hungry,
	      const struct share *giver)
{
	bool due;

	lock_take(&l->lock);
	due = hungry->used == 0 || is_richer(giver, hungry);
	lock_give(&l->lock);
	return due;
}

bool
limits_must_give(struct limits *l, struct share *s, usec_t since)
{
	struct list_node *n, *tmp;
	bool wanted = false;

	if (l->hungry_count == 0)
		return false;
	lock_take(&l->lock);
	LIST_FOREACH (n, tmp, &l->hungry) {
		const struct share *h = LIST_ENTRY(n, struct share, hungry);

		if (h == s || !would_fit(h, s))
			continue;
		if (is_richer(s, h) || (h->used == 0 && h->since < since))
			wanted = true;
	}
	wanted = wanted && !s->is_giving;
	s->is_giving |= wanted;
	lock_give(&l->lock);
	return wanted;
}

void
limits_keep(struct limits *l, struct share *s)
{
	lock_take(&l->lock);
	s->is_giving = false;
	lock_give(&l->lock);
}

bool
limits_would_help(struct limits *l, const struct share *hungry,
		  const struct share *giver)
{
	bool helps;

	lock_take(&l->lock);
	helps = would_fit(hungry, giver);
	lock_give(&l->lock);
	return helps;
}

void
limits_set_max(struct limits *l, struct budget *b, uint32_t max)
{
	lock_take(&l->lock);
	b->max = max;
	lock_give(&l->lock);
}

struct budget
limits_read(struct limits *l, const struct budget *b)
{
	struct budget copy;

	lock_take(&l->lock);
	copy = *b;
	lock_give(&l->lock);
	return copy;
}

enum reason
limits_take_client(struct limits *l, struct budget *db, struct budget *user)
{
	enum reason reason = REASON_NONE;

	lock_take(&l->lock);
	if (!has_room(&l->clients)) {
		reason = REASON_MAX_CLIENTS;
	} else if (!has_room(db)) {
		reason = REASON_MAX_DB_CLIENTS;
	} else if (!has_room(user)) {
		reason = REASON_MAX_USER_CLIENTS;
	} else {
		l->clients.used++;
		db->used++;
		user->used++;
	}
	lock_give(&l->lock);
	return reason;
}

void
limits_give_client(struct limits *l, struct budget *db, struct budget *user)
{
	lock_take(&l->lock);
	ASSERT(l->clients.used > 0 && db->used > 0 && user->used > 0);
	l->clients.used--;
	db->used--;
	user->used--;
	lock_give(&l->lock);
}
