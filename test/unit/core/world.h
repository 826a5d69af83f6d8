/*
 * A world for the tests of the pool: the real pool, limits, routes, servers and
 * workers on fake loops, streams and clients.
 *
 * Everything runs on one thread.  Mail is kept until the test delivers it: what
 * one worker posts to another stays in order, all else may come in any order,
 * so a race between threads is an order that the test chooses; what another
 * thread does between two locks of a function is done by world_on_unlock.  Time
 * stands still until it is moved.  A connect succeeds or fails as the test
 * says; the login ends when it says so.
 *
 * The fakes take the places of the functions of io/loop.h, io/stream.h and
 * core/client.h in whatever test includes this.
 */
#ifndef TEST_CORE_WORLD_H
#define TEST_CORE_WORLD_H

#include "snapshot_of.h"
#include "world_back.h"
#include "world_client.h"
#include "world_io.h"

#define CONTROL (WORLD_LOOPS - 1)

#define WORLD_SETTINGS                                                         \
	"[carpool]\nlisten_addr = 127.0.0.1\nauth_type = any\n"                \
	"pool_mode = transaction\n"

static inline void
world_open(unsigned workers, const char *text)
{
	struct core_config config = { .threads = workers,
				      .fronts = world_fronts };
	uint64_t seed = world.seed;

	/* What is refused here is meant: only errors are of interest. */
	(void)log_open(&(struct log_target){ .file = "/dev/null",
					     .level = LOG_ERROR });
	memset(&world, 0, sizeof(world));
	world.seed = seed == 0 ? 1 : seed;
	world.now = 1000 * USEC_PER_SEC;
	world.current = CONTROL;
	world.connect_state = STREAM_OPEN;
	world.loops[CONTROL].now = world.now;
	world.snapshot = snapshot_of(text);
	config.control = &world.loops[CONTROL];
	config.snapshot = world.snapshot;
	world.core = core_new(&config);
	assert_non_null(world.core);
}

static inline struct worker *
worker_of(unsigned i)
{
	return world.core->workers[i];
}

/* Something happens on a worker: between this and leave() it is its thread. */
static inline struct worker *
enter(unsigned i)
{
	world.current = i;
	world.loops[i].now = world.now;
	return worker_of(i);
}

static inline void
leave(void)
{
	worker_end_turn(worker_of(world.current));
	world.current = CONTROL;
}

static inline unsigned
mails(void)
{
	unsigned n = 0;

	for (unsigned from = 0; from < WORLD_LOOPS; from++)
		for (unsigned to = 0; to < WORLD_LOOPS; to++)
			for (struct mail *m = world.mail[from][to].first;
			     m != NULL; m = m->next)
				n++;
	return n;
}

/* Delivers one piece of mail that is for worker `to`. */
static inline bool
deliver_to(unsigned to)
{
	for (unsigned from = 0; from < WORLD_LOOPS; from++)
		if (world_deliver_from(from, to))
			return true;
	return false;
}

/* Delivers one of the heads of all queues, any; false: there is no mail. */
static inline bool
deliver_any(void)
{
	unsigned n = WORLD_LOOPS * WORLD_LOOPS;
	unsigned at = (unsigned)(world_random() % n);

	for (unsigned i = 0; i < n; i++, at = (at + 1) % n)
		if (world_deliver_from(at / WORLD_LOOPS, at % WORLD_LOOPS))
			return true;
	return false;
}

static inline void
deliver_all(void)
{
	unsigned rounds = 0;

	while (deliver_any())
		assert_true(++rounds < 100000);
}

/* The pool of a database entry and a user, with a reference; home as wished. */
static inline struct pool *
world_pool(const char *database, const char *user, unsigned home)
{
	const struct config_database *db =
		snapshot_database(world.snapshot, PROTOCOL_POSTGRES, database);
	struct pool *p;

	assert_non_null(db);
	p = route_pool(world.core, world.snapshot, db, database, user);
	assert_non_null(p);
	p->home_first = home;
	p->home = worker_of(home);
	deliver_all();
	return p;
}

static inline void
world_reload(const char *text)
{
	struct snapshot *now = snapshot_of(text);

	world.current = CONTROL;
	core_publish(world.core, now, NULL, NULL);
	snapshot_unref(world.snapshot);
	world.snapshot = now;
}

/* A waiter's life: wants a server of a pool, on a worker. */
static inline struct client *
waiter_new(struct pool *p, unsigned worker)
{
	struct client *c = mem_must_zalloc(sizeof(*c));

	c->pool = p;
	c->worker = worker_of(worker);
	c->tenure = mem_must_zalloc(sizeof(*c->tenure));
	c->tenure->ticket.client = c;
	c->state = CLIENT_IDLE;
	return c;
}

/* Queues; true when it has a server at once. */
static inline bool
waiter_want(struct client *c)
{
	struct worker *w = enter(c->worker->id);
	struct server *s;
	bool failed;

	c->state = CLIENT_WAITING;
	c->tenure->ticket.class = c->class;
	s = pool_checkout(c->pool, w, &c->tenure->ticket, loop_now(w->loop),
			  &failed);
	if (s != NULL)
		client_granted(c, s);
	if (failed)
		client_pool_failed(c);
	leave();
	return c->server != NULL;
}

static inline void
waiter_leave(struct client *c)
{
	struct worker *w = enter(c->worker->id);

	pool_leave(c->pool, w, &c->tenure->ticket);
	c->state = CLIENT_IDLE;
	leave();
}

/* Its transaction ends. */
static inline void
waiter_release(struct client *c, enum residue residue)
{
	struct server *s = c->server;

	assert_non_null(s);
	enter(c->worker->id);
	c->server = NULL;
	s->client = NULL;
	c->state = CLIENT_IDLE;
	server_release(s, residue);
	leave();
}

/* As waiter_new, for servers that were told these words. */
static inline struct client *
waiter_of_class(struct pool *p, unsigned worker, const char *words)
{
	struct client *c = waiter_new(p, worker);

	c->class = pool_class_take(
		p,
		(struct startup_words){ .data = words, .len = strlen(words) });
	assert_non_null(c->class);
	return c;
}

static inline struct client *
waiter_wanting(struct pool *p, unsigned worker)
{
	struct client *c = waiter_new(p, worker);

	(void)waiter_want(c);
	return c;
}

/* The server's back returns this order next; the server takes a step. */
static inline void
server_says(struct server *s, struct order order)
{
	struct world_back *b;

	ASSERT(s != NULL);
	b = s->back;
	enter(s->worker->id);
	b->next = order;
	b->has_next = true;
	session_server_step(s, NULL);
	leave();
}

static inline void
server_logs_in(struct server *s)
{
	ASSERT(s != NULL && s->state == SERVER_LOGIN);
	server_says(s, order_plain(ORDER_READY));
}

/* The connection ends. */
static inline void
server_dies(struct server *s)
{
	enter(s->worker->id);
	s->stream.eof = true;
	if (s->client != NULL)
		client_server_failed(s->client, REASON_SERVER_LOST);
	else
		session_server_step(s, NULL);
	leave();
}

/* The nth of the servers that are logging in for a pool, or NULL. */
static inline struct server *
server_opening(struct pool *p)
{
	for (unsigned i = 0; i < world.server_count; i++)
		if (world.servers[i]->pool == p &&
		    world.servers[i]->state == SERVER_LOGIN)
			return world.servers[i];
	return NULL;
}

/* All logins end well. */
static inline void
all_log_in(struct pool *p)
{
	struct server *s;

	while ((s = server_opening(p)) != NULL)
		server_logs_in(s);
}

static inline void
tick(struct pool *p)
{
	struct worker *w = enter(p->home->id);

	pool_tick(p, w, loop_now(w->loop));
	leave();
}

/* Time passes; timers fire on all workers. */
static inline void
pass(usec_t span)
{
	world.now += span;
	world.loops[CONTROL].now = world.now;
	for (unsigned i = 0; i < world.core->worker_count; i++) {
		struct worker *w = enter(i);

		timer_advance(w->loop, world.now);
		leave();
	}
}

/* Everything is given back; nothing may be left of anything. */
static inline void
world_close(void)
{
	deliver_all();
	world.core->is_stopping = true;
	core_free(world.core);
	assert_int_equal(mails(), 0);
	assert_int_equal(world.server_count, 0);
	snapshot_unref(world.snapshot);
	world.core = NULL;
}

#endif
