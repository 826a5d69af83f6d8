/*
 * What must hold of a pool at any time, for the tests of the pool.
 */
#ifndef TEST_CORE_WORLD_CHECK_H
#define TEST_CORE_WORLD_CHECK_H

#include "core/pool_inner.h"
#include "world.h"

static inline void
check_queue(struct pool *p)
{
	uint32_t waiting = 0, bound = 0, local = 0;
	struct list_node *n, *tmp;
	usec_t last = 0;

	LIST_FOREACH (n, tmp, &p->queue) {
		struct ticket *t = LIST_ENTRY(n, struct ticket, global);

		waiting++;
		assert_true(t->since >= last);
		last = t->since;
		assert_int_not_equal(t->state, TICKET_NONE);
		if (t->state == TICKET_BOUND) {
			bound++;
			assert_ptr_equal(t->server->ticket, t);
			assert_ptr_equal(t->server->pool, p);
		} else {
			assert_null(t->server);
		}
	}
	for (unsigned i = 0; i < world.core->worker_count; i++) {
		last = 0;
		LIST_FOREACH (n, tmp, &p->parts[i].queue) {
			struct ticket *t = LIST_ENTRY(n, struct ticket, local);

			local++;
			assert_int_equal(t->worker->id, i);
			assert_true(t->since >= last);
			last = t->since;
		}
	}
	assert_int_equal(waiting, p->waiting);
	assert_int_equal(local, p->waiting);
	assert_int_equal(bound, p->bound);
}

/* A class's queue and shelf, and what it is listed for. */
static inline void
check_lists(struct pool *p, const struct pool_class *class)
{
	uint32_t waiting = 0, idle = 0, shelved = 0;
	struct list_node *n, *tmp;
	usec_t last = 0;

	LIST_FOREACH (n, tmp, &class->queue) {
		struct ticket *t = LIST_ENTRY(n, struct ticket, same);

		assert_int_equal(t->state, TICKET_QUEUED);
		assert_ptr_equal(t->class, class);
		assert_true(t->since >= last);
		last = t->since;
		waiting++;
	}
	LIST_FOREACH (n, tmp, &class->shelf) {
		struct server *s = LIST_ENTRY(n, struct server, same);

		assert_true(s->is_shelved);
		idle++;
	}
	for (unsigned i = 0; i < world.server_count; i++)
		shelved += world.servers[i]->class == class &&
			   world.servers[i]->is_shelved;
	assert_int_equal(waiting, class->waiting);
	assert_int_equal(idle, shelved);
	assert_int_equal(list_is_linked(&class->matched),
			 waiting > 0 && idle > 0);
	if (pool_class_is_refused(class, world.now))
		assert_true(list_is_linked(&class->refused));
	(void)p;
}

/* A class's counts against the tickets and servers that are really there. */
static inline void
check_class(struct pool *p, struct pool_class *class)
{
	uint32_t waiting = 0, opening = 0, servers = 0;
	struct list_node *n, *tmp;

	LIST_FOREACH (n, tmp, &p->queue) {
		struct ticket *t = LIST_ENTRY(n, struct ticket, global);

		waiting += t->class == class && t->state == TICKET_QUEUED;
	}
	for (unsigned i = 0; i < world.server_count; i++) {
		struct server *s = world.servers[i];

		servers += s->class == class;
		opening += s->class == class && !s->is_logged_in;
	}
	assert_int_equal(class->waiting, waiting);
	assert_int_equal(class->opening, opening);
	if (class != &p->neutral)
		assert_true(class->refs >= servers && class->refs > 0);
	check_lists(p, class);
}

static inline uint32_t
lacks(const struct pool_class *class)
{
	return class->waiting > class->opening ? class->waiting - class->opening
					       : 0;
}

static inline void
check_classes(struct pool *p)
{
	uint32_t evicted = 0, lacking = lacks(&p->neutral);
	uint32_t decided = p->neutral.opening;
	struct list_node *n, *tmp;

	check_class(p, &p->neutral);
	LIST_FOREACH (n, tmp, &p->classes) {
		struct pool_class *class =
			LIST_ENTRY(n, struct pool_class, node);

		check_class(p, class);
		lacking += lacks(class);
		decided += class->opening;
	}
	assert_int_equal(p->lacking, lacking);
	assert_int_equal(p->decided, decided);
	for (unsigned i = 0; i < world.server_count; i++)
		evicted += world.servers[i]->pool == p &&
			   world.servers[i]->is_evicted;
	assert_int_equal(p->evicted, evicted);
}

/* The pool's counts against the servers that are really there. */
static inline void
check_servers(struct pool *p)
{
	uint32_t opening = 0, idle = 0, in_use = 0, outdated = 0, shelf = 0;
	struct list_node *n, *tmp;

	for (unsigned i = 0; i < world.server_count; i++) {
		const struct server *s = world.servers[i];

		if (s->pool != p)
			continue;
		opening += !s->is_logged_in;
		idle += s->is_shelved;
		in_use += s->is_logged_in && !s->is_shelved;
		outdated += s->epoch != p->epoch;
		if (s->is_shelved) {
			assert_int_equal(s->state, SERVER_IDLE);
			assert_null(s->ticket);
			assert_null(s->client);
		}
		if (s->ticket != NULL)
			assert_ptr_equal(s->ticket->server, s);
	}
	for (unsigned i = 0; i < world.core->worker_count; i++) {
		uint32_t here = 0;

		LIST_FOREACH (n, tmp, &p->parts[i].shelf) {
			struct server *s = LIST_ENTRY(n, struct server, node);

			assert_int_equal(s->worker->id, i);
			assert_true(s->is_shelved);
			here++;
		}
		assert_int_equal(here, p->parts[i].idle);
		shelf += here;
	}
	assert_int_equal(shelf, p->idle);
	assert_int_equal(opening, p->opening);
	assert_int_equal(idle, p->idle);
	assert_int_equal(in_use, p->in_use);
	assert_int_equal(p->opening + p->idle + p->in_use, p->held);
	assert_int_equal(outdated, p->held - p->current);
	assert_int_equal(p->share.used, p->held + p->share.tokens);
}

static inline bool
has_room(const struct budget *b)
{
	return b->max == 0 || b->used < b->max;
}

static inline bool
share_fits(const struct share *s)
{
	return (s->ceiling == 0 || s->used < s->ceiling) && has_room(s->db) &&
	       has_room(s->user);
}

static inline void
check_hunger(struct pool *p)
{
	bool listed = list_is_linked(&p->share.hungry);

	if (listed)
		assert_false(share_fits(&p->share));
	/* Hungry means: listed, or its token is on the way. */
	if (p->is_hungry)
		assert_true(listed || p->share.is_posted);
	if (p->is_refused)
		assert_true(p->is_hungry && listed);
	assert_true(p->share.tokens == 0 || p->share.is_posted);
}

static inline void
check_pool(struct pool *p)
{
	check_queue(p);
	check_servers(p);
	check_classes(p);
	check_hunger(p);
}

/* When all mail was delivered nobody waits for what is there. */
static inline void
check_quiet(struct pool *p)
{
	uint32_t unbound = p->waiting - p->bound, size = p->config.size;
	usec_t now = world.now;

	assert_int_equal(p->bound, 0);
	assert_int_equal(p->share.tokens, 0);
	if (p->is_paused || unbound == 0)
		return;
	for (unsigned i = 0; i < world.server_count; i++)
		if (world.servers[i]->is_shelved && world.servers[i]->pool == p)
			assert_int_equal(world.servers[i]->class->waiting, 0);
	if (p->is_removed || pool_missing_locked(p, now) == 0 ||
	    now < p->failure.retry_at)
		return;
	/* What is idle does not stand in the way of those that wait. */
	if (p->is_hungry || (size != 0 && p->held >= size))
		assert_true(p->idle == 0 ||
			    p->evicted >= pool_missing_locked(p, now) ||
			    p->held < size + p->config.reserve_size);
	if (p->opening >= p->core->login_limit ||
	    (p->failure.reason != REASON_NONE && p->opening > 0) ||
	    (size != 0 && p->held >= size))
		return;
	/* Room in the pool: then a shared budget is full and will tell. */
	assert_true(p->is_hungry);
	assert_true(list_is_linked(&p->share.hungry));
}

/* No opening above the pool's size, nor above its reserve too early. */
static inline void
check_opening(struct server *s)
{
	const struct pool *p = s->pool;
	const struct ticket *oldest;

	if (p->config.size == 0 || p->held <= p->config.size)
		return;
	assert_true(p->held <= p->config.size + p->config.reserve_size);
	ASSERT(!list_is_empty(&p->queue));
	oldest = LIST_ENTRY(list_first(&p->queue), struct ticket, global);
	assert_true(world.now >= oldest->since + p->config.reserve_timeout);
}

static const struct order fail_connection = { .kind = ORDER_FAIL,
					      .scope = FAIL_CONNECTION,
					      .reason = REASON_SERVER_LOGIN };
static const struct order fail_pool = { .kind = ORDER_FAIL,
					.scope = FAIL_POOL,
					.reason = REASON_SERVER_LOGIN };

static const struct order fail_startup = { .kind = ORDER_FAIL,
					   .scope = FAIL_STARTUP,
					   .reason = REASON_SERVER_LOGIN };

/* Ends a client that waits or is served; its server goes back. */
static inline void
done(struct client *c)
{
	if (c->server != NULL)
		waiter_release(c, RESIDUE_NONE);
	else if (c->state == CLIENT_WAITING)
		waiter_leave(c);
	client_free(c);
}

#endif
