/*
 * The times of a client: when something must happen to it, and what.
 *
 * Its one timer stands at the earliest of them or before; activity only stores
 * a time, and what is due is worked out anew when the timer fires.
 */
#include "base/mem.h"
#include "core/client_inner.h"
#include "core/front.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

/* A client that half-closed may still read what its last query answers; one
 * that vanished looks the same.  Its query is canceled after this. */
#define EOF_GRACE (600 * USEC_PER_MSEC)

static bool
is_in_transaction(const struct client *c)
{
	const struct server *s = c->server;

	return s != NULL && (c->state == CLIENT_ACTIVE) &&
	       s->ops->view(s->back)->tx != TX_IDLE;
}

/* A time that runs. */
struct deadline {
	usec_t at;
	enum reason
		reason; /* how the client ends then; NONE: query_wait_notify */
};

/* All that run for a client, in the order in which they are looked at. */
struct deadlines {
	struct deadline v[6];
	unsigned count;
};

static void
add(struct deadlines *d, usec_t since, usec_t span, enum reason reason)
{
	if (since == 0 || span == 0)
		return;
	ASSERT(d->count < COUNT_OF(d->v));
	d->v[d->count++] = (struct deadline){ since + span, reason };
}

/* The times that it follows: its own user's, also where the database forces
 * another one for the servers. */
static const struct pool_config *
times_of(const struct client *c, struct pool_config *own)
{
	const struct snapshot *snap = c->worker->snapshot;
	const struct config_database *db;

	(void)worker_policy(c->worker,
			    c->pool); /* brings the copy up to date */
	if (c->account == c->pool->account)
		return &c->pool->parts[c->worker->id].config;
	db = snapshot_database(snap, c->protocol, c->pool->database);
	if (db == NULL)
		return &c->pool->parts[c->worker->id].config;
	snapshot_pool_config(snap, db, snapshot_user(snap, c->account->name),
			     own);
	return own;
}

static void
add_of_active(const struct client *c, const struct pool_config *times,
	      struct deadlines *d)
{
	const struct tenure *t = c->tenure;

	add(d, t->query_since, times->query_timeout, REASON_QUERY_TIMEOUT);
	if (is_in_transaction(c))
		add(d, t->xact_since, times->transaction_timeout,
		    REASON_TRANSACTION_TIMEOUT);
	if (t->query_since != 0)
		return;
	if (is_in_transaction(c))
		add(d, c->last_active, times->idle_transaction_timeout,
		    REASON_IDLE_TRANSACTION);
	else
		add(d, c->last_active, times->client_idle_timeout,
		    REASON_CLIENT_IDLE);
}

static void
add_of_pool(const struct client *c, const struct settings *set,
	    struct deadlines *d)
{
	struct pool_config own;
	const struct pool_config *times = times_of(c, &own);
	const struct tenure *t = c->tenure;

	switch ((enum client_state)c->state) {
	case CLIENT_WAITING:
		add(d, t->ticket.since, times->query_wait_timeout,
		    REASON_QUERY_WAIT);
		if (!c->was_notified)
			add(d, t->ticket.since, set->query_wait_notify,
			    REASON_NONE);
		break;
	case CLIENT_IDLE:
		add(d, c->last_active, times->client_idle_timeout,
		    REASON_CLIENT_IDLE);
		break;
	case CLIENT_ACTIVE:
		add_of_active(c, times, d);
		break;
	case CLIENT_LINKING:
		add(d, t->granted_at, CLIENT_LINK_TIME, REASON_QUERY_WAIT);
		break;
	case CLIENT_LOGIN:
	case CLIENT_ASKING:
	case CLIENT_CONSOLE:
	case CLIENT_LINGERING:
	case CLIENT_CLOSED:
	case CLIENT_STATES:
		break;
	}
}

static void
list_deadlines(const struct client *c, struct deadlines *d)
{
	const struct settings *set = snapshot_settings(c->worker->snapshot);

	d->count = 0;
	if (c->eof_since != 0)
		add(d, c->eof_since * CLIENT_TENTH, EOF_GRACE,
		    REASON_CLIENT_GONE);
	if (c->is_login)
		add(d, c->login->since, set->client_login_timeout,
		    REASON_LOGIN_TIMEOUT);
	if (c->pool != NULL && c->state != CLIENT_LINGERING)
		add_of_pool(c, set, d);
}

/* When something must happen to this client, 0 = never. */
static usec_t
first_deadline(const struct client *c)
{
	struct deadlines d;
	usec_t at = 0;

	list_deadlines(c, &d);
	for (unsigned i = 0; i < d.count; i++)
		if (at == 0 || d.v[i].at < at)
			at = d.v[i].at;
	return at;
}

/* Which is over, or NULL. */
static const struct deadline *
find_expired(const struct deadlines *d, usec_t now)
{
	for (unsigned i = 0; i < d->count; i++)
		if (now >= d->v[i].at)
			return &d->v[i];
	return NULL;
}

static void
notify_waiting(struct client *c)
{
	struct session_turn st;

	c->was_notified = true;
	if (c->is_login)
		return;
	session_client_turn(c, &st);
	client_front(c)->notice(
		&st.turn, "no server connection available, client being queued "
			  "(query_wait_notify)");
	(void)client_flush(c);
}

/* A place in the queue ran out: says why servers did not come, if known. */
static void
refuse_waiting(struct client *c)
{
	struct refusal refusal = { .scope = FAIL_CONNECTION,
				   .reason = REASON_QUERY_WAIT };
	struct pool_failure failure;

	pool_failure_copy(c->pool, c->class, loop_now(c->worker->loop),
			  &failure);
	if (failure.reason != REASON_NONE && failure.text[0] != '\0')
		refusal.detail = failure.text;
	client_refuse(c, &refusal);
	mem_free(failure.error);
}

static void
expire(struct client *c, enum reason reason)
{
	switch ((int)reason) {
	case REASON_NONE:
		notify_waiting(c);
		break;
	case REASON_CLIENT_GONE:
		client_close(c, reason);
		break;
	case REASON_QUERY_WAIT:
		refuse_waiting(c);
		break;
	default:
		client_refuse_reason(c, reason);
		break;
	}
}

void
client_on_timer(struct timer *timer)
{
	struct client *c = LIST_ENTRY(timer, struct client, timer);
	const struct deadline *over;
	struct deadlines d;
	usec_t at;

	if (c->state == CLIENT_LINGERING) {
		client_close(c, REASON_NONE);
		return;
	}
	list_deadlines(c, &d);
	over = find_expired(&d, loop_now(c->worker->loop));
	if (over != NULL)
		expire(c, over->reason);
	if (over != NULL && over->reason != REASON_NONE)
		return;
	at = first_deadline(c);
	if (at != 0)
		timer_set(c->worker->loop, &c->timer, at);
}

void
client_arm(struct client *c)
{
	usec_t at = first_deadline(c);

	if (at != 0)
		timer_set_earlier(c->worker->loop, &c->timer, at);
}

/*
 * A time that begins now ends no sooner than the shortest one: a timer that
 * fires before need not be set, and looks at what is due when it does.
 */
static bool
is_armed(const struct client *c, usec_t now)
{
	const struct pool *p = c->pool;

	return c->timer.at != 0 && p != NULL && c->account == p->account &&
	       !c->is_login && c->eof_since == 0 &&
	       c->timer.at <= now + p->parts[c->worker->id].shortest;
}

void
client_arm_if_due(struct client *c, usec_t now)
{
	if (!is_armed(c, now))
		client_arm(c);
}
