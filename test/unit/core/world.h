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

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/client.h"
#include "core/pool.h"
#include "core/route.h"
#include "core/server.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"
#include "io/loop_inner.h"

#define WORLD_LOOPS 6 /* five workers and control */
#define WORLD_SERVERS 512

struct world_queue {
	struct mail *first;
	struct mail **last;
};

/* What a back does at its next step. */
struct world_back {
	struct back_view view;
	struct order next;
	bool has_next;
	bool resets;      /* reset() needs an answer */
	const void *like; /* the front whose state it has */
};

struct world {
	struct loop loops[WORLD_LOOPS];
	unsigned loop_count;
	unsigned current; /* whose thread it is now */
	struct world_queue mail[WORLD_LOOPS][WORLD_LOOPS]; /* [from][to] */
	usec_t now;
	uint64_t seed;
	struct server *servers[WORLD_SERVERS]; /* with a stream */
	unsigned server_count;
	unsigned opened, closed; /* streams, ever */
	int connect_error;       /* of the next connects; 0 = they work */
	enum stream_state connect_state; /* OPEN, or CONNECTING for a while */
	int connected_error;             /* what a CONNECTING one comes to */
	unsigned pool_failed;            /* calls of client_pool_failed */
	void (*on_address)(const struct addr *to); /* sees each connect */
	void (*on_connect)(struct server *s);      /* looks at each opening */
	void (*on_granted)(struct client *c, struct server *s);
	struct core *core;
	struct snapshot *snapshot;
};

static struct world world;

/* Called once when a lock was given: what others do just then.  The log has a
 * thread of its own, which is not meant. */
static _Thread_local void (*world_on_unlock)(struct lock *l);

static inline uint64_t
world_random(void)
{
	world.seed ^= world.seed << 13;
	world.seed ^= world.seed >> 7;
	world.seed ^= world.seed << 17;
	return world.seed;
}

/* The same everything for the same seed. */
ssize_t
getrandom(void *out, size_t len, unsigned flags)
{
	uint8_t *at = out;

	(void)flags;
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(world_random() >> 24);
	return (ssize_t)len;
}

/* ------------------------------------------------------------------------
 * Time and loops
 */

usec_t
clock_now(void)
{
	return world.now;
}

usec_t
clock_wall(void)
{
	return world.now;
}

const char *
clock_text(usec_t wall, char out[CLOCK_TEXT_MAX])
{
	(void)text_format(out, CLOCK_TEXT_MAX, "%llu",
			  (unsigned long long)wall);
	return out;
}

void
lock_init(struct lock *l)
{
	ASSERT(pthread_mutex_init(&l->mutex, NULL) == 0);
}

void
lock_fini(struct lock *l)
{
	ASSERT(pthread_mutex_destroy(&l->mutex) == 0);
}

void
lock_take(struct lock *l) NO_ANALYSIS
{
	ASSERT(pthread_mutex_lock(&l->mutex) == 0);
}

void
lock_give(struct lock *l) NO_ANALYSIS
{
	void (*then)(struct lock * l) = world_on_unlock;
	unsigned before;

	ASSERT(pthread_mutex_unlock(&l->mutex) == 0);
	if (then == NULL)
		return;
	world_on_unlock = NULL;
	before = world.current;
	then(l);
	world.current = before;
}

struct loop *
loop_new(void)
{
	struct loop *loop = &world.loops[world.loop_count++];

	ASSERT(world.loop_count <= WORLD_LOOPS);
	memset(loop, 0, sizeof(*loop));
	loop->now = world.now;
	list_init(&loop->ready);
	block_pool_init(&loop->blocks, 0);
	wheel_init(&loop->wheel, loop->now);
	return loop;
}

static inline bool
world_deliver_from(unsigned from, unsigned to)
{
	struct world_queue *q = &world.mail[from][to];
	struct mail *mail = q->first;
	unsigned before = world.current;

	if (mail == NULL)
		return false;
	q->first = mail->next;
	if (q->first == NULL)
		q->last = &q->first;
	world.current = to;
	mail->deliver(mail);
	if (world.core != NULL && to < world.core->worker_count)
		worker_end_turn(world.core->workers[to]);
	world.current = before;
	return true;
}

void
loop_drain(struct loop *loop)
{
	unsigned to = (unsigned)(loop - world.loops);
	bool any = true;

	while (any) {
		any = false;
		for (unsigned from = 0; from < WORLD_LOOPS; from++)
			any |= world_deliver_from(from, to);
	}
}

void
loop_free(struct loop *loop)
{
	loop_drain(loop);
	block_pool_fini(&loop->blocks);
}

void
loop_run(struct loop *loop, void (*after_turn)(void *arg), void *arg)
{
	(void)loop, (void)after_turn, (void)arg;
	abort();
}

void
loop_stop(struct loop *loop)
{
	(void)loop;
}

void
loop_post(struct loop *loop, struct mail *mail)
{
	struct world_queue *q = &world.mail[world.current][loop - world.loops];

	mail->next = NULL;
	if (q->first == NULL)
		q->last = &q->first;
	*q->last = mail;
	q->last = &mail->next;
}

void
loop_ready(struct loop *loop, struct watch *watch)
{
	if (!list_is_linked(&watch->ready))
		list_push_back(&loop->ready, &watch->ready);
}

void
loop_unready(struct watch *watch)
{
	list_remove(&watch->ready);
}

usec_t
loop_now(const struct loop *loop)
{
	return loop->now;
}

struct block_pool *
loop_blocks(struct loop *loop)
{
	return &loop->blocks;
}

int
loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
	(void)loop, (void)watch, (void)fd, (void)events;
	return 0;
}

void
loop_unwatch(struct loop *loop, struct watch *watch, int fd)
{
	(void)loop, (void)watch, (void)fd;
}

/* ------------------------------------------------------------------------
 * Streams: servers' ones only, without bytes
 */

static inline struct server *
world_server_of(struct stream *s)
{
	return LIST_ENTRY(s, struct server, stream);
}

int
stream_set_options(int fd, int family, const struct stream_options *options)
{
	(void)fd, (void)family, (void)options;
	return 0;
}

void
stream_init(struct stream *s, void (*on_ready)(struct stream *s))
{
	*s = (struct stream){ .on_ready = on_ready, .fd = -1 };
}

bool
stream_open(struct stream *s, struct loop *loop, int fd, int family)
{
	(void)s, (void)loop, (void)fd, (void)family;
	return false;
}

int
stream_connect(struct stream *s, struct loop *loop, const struct addr *to,
	       const struct stream_options *options)
{
	(void)options;
	if (world.on_address != NULL)
		world.on_address(to);
	if (world.connect_error != 0)
		return world.connect_error;
	ASSERT(world.server_count < WORLD_SERVERS);
	world.servers[world.server_count++] = world_server_of(s);
	world.opened++;
	s->state = (uint8_t)world.connect_state;
	s->loop = loop;
	buf_init(&s->in, &loop->blocks);
	buf_init(&s->out, &loop->blocks);
	if (world.on_connect != NULL)
		world.on_connect(world_server_of(s));
	return 0;
}

int
stream_connected(struct stream *s)
{
	if (world.connected_error == 0)
		s->state = STREAM_OPEN;
	return world.connected_error;
}

enum fill
stream_fill(struct stream *s, size_t max)
{
	(void)max;
	return s->eof ? FILL_EOF : FILL_NONE;
}

enum flush
stream_flush(struct stream *s)
{
	(void)s;
	return FLUSH_DONE;
}

void
stream_kick(struct stream *s)
{
	/* A closing server: the other side has closed, too. */
	if (s->eof && world_server_of(s)->state == SERVER_CLOSING)
		server_see_end(world_server_of(s));
}

void
stream_shutdown(struct stream *s)
{
	s->eof = true;
}

void
stream_close(struct stream *s, enum stream_end end)
{
	(void)end;
	if (s->state == STREAM_CLOSED)
		return;
	s->state = STREAM_CLOSED;
	s->loop = NULL;
	world.closed++;
	for (unsigned i = 0; i < world.server_count; i++) {
		if (world.servers[i] != world_server_of(s))
			continue;
		world.servers[i] = world.servers[--world.server_count];
		return;
	}
	abort();
}

void
stream_detach(struct stream *s)
{
	ASSERT(s->loop == &world.loops[world.current]);
	s->loop = NULL;
}

bool
stream_attach(struct stream *s, struct loop *loop)
{
	ASSERT(s->loop == NULL && loop == &world.loops[world.current]);
	s->loop = loop;
	return true;
}

/* ------------------------------------------------------------------------
 * Clients: waiters that remember what they were told
 */

const char *const client_state_names[CLIENT_STATES] = { "" };

void
client_granted(struct client *c, struct server *s)
{
	ASSERT(c->server == NULL && s->client == NULL);
	ASSERT(c->worker == s->worker && c->worker->id == world.current);
	ASSERT(s->state != SERVER_CLOSED && !s->is_shelved);
	ASSERT(s->class == (c->class != NULL ? c->class : &c->pool->neutral));
	if (world.on_granted != NULL)
		world.on_granted(c, s);
	c->server = s;
	s->client = c;
	s->state = SERVER_ACTIVE;
	s->granted_at = loop_now(c->worker->loop);
	c->tenure->ticket.since = 0;
	c->state = CLIENT_ACTIVE;
}

void
client_pool_failed(struct client *c)
{
	ASSERT(c->server == NULL && c->worker->id == world.current);
	c->state = CLIENT_CLOSED;
	c->tenure->ticket.since = 0;
	world.pool_failed++;
}

void
client_server_failed(struct client *c, enum reason reason)
{
	struct server *s = c->server;

	c->server = NULL;
	s->client = NULL;
	c->state = CLIENT_CLOSED;
	server_close(s, reason);
}

void
client_close_soon(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
}

void
client_free(struct client *c)
{
	if (c->class != NULL)
		pool_class_give(c->pool, c->class);
	mem_free(c->tenure);
	mem_free(c);
}

void
client_drop_tenure(struct client *c)
{
	(void)c;
	abort();
}

struct client_handle
client_handle(const struct client *c)
{
	(void)c;
	return (struct client_handle){ 0 };
}

/* Never called in this world. */
void
client_accept(struct worker *w, int fd, const struct addr *peer)
{
	(void)w, (void)fd, (void)peer;
	abort();
}

void
client_set_state(struct client *c, enum client_state state)
{
	(void)c, (void)state;
	abort();
}

void
client_close(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
	abort();
}

void
client_refuse(struct client *c, const struct refusal *refusal)
{
	(void)c, (void)refusal;
	abort();
}

void
client_refuse_reason(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
	abort();
}

void
client_end(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
	abort();
}

void
client_linger(struct client *c)
{
	(void)c;
	abort();
}

enum flush
client_flush(struct client *c)
{
	(void)c;
	abort();
}

void
client_count_bytes(struct client *c, enum counter which, size_t bytes)
{
	(void)c, (void)which, (void)bytes;
}

void
client_account(struct client *c, usec_t now)
{
	(void)c, (void)now;
	abort();
}

bool
client_move(struct client *c, struct worker *to)
{
	(void)c, (void)to;
	abort();
}

void
client_sweep(struct worker *w)
{
	(void)w;
}

void
client_close_if_at_rest(struct client *c)
{
	(void)c;
	abort();
}

/* ------------------------------------------------------------------------
 * A back whose steps the test decides
 */

static inline void *
world_back_open(const struct credential *cred, const char *database,
		struct startup_words words, const struct policy *policy)
{
	(void)cred, (void)database, (void)words, (void)policy;
	return mem_must_zalloc(sizeof(struct world_back));
}

static inline struct back_view *
world_back_view(void *back)
{
	return &((struct world_back *)back)->view;
}

static inline struct order
world_back_step(struct turn *turn)
{
	struct world_back *b = turn->self;

	if (!b->has_next)
		return order_plain(ORDER_WAIT);
	b->has_next = false;
	return b->next;
}

static inline void
world_back_unlink(void *back)
{
	(void)back;
}

static inline bool
world_back_reset(struct turn *turn)
{
	struct world_back *b = turn->self;

	b->view.owed = b->resets ? 1 : 0;
	return true;
}

static inline void
world_back_terminate(struct turn *turn)
{
	(void)turn;
}

static const int world_facts_object;

static inline const void *
world_facts(void *back)
{
	(void)back;
	return &world_facts_object;
}

static inline const void *
world_facts_ref(const void *facts)
{
	return facts;
}

static inline void
world_facts_unref(const void *facts)
{
	(void)facts;
}

static inline const uint8_t *
world_last_error(void *back, size_t *len, char *text, size_t size)
{
	(void)back, (void)text, (void)size;
	*len = 0;
	return NULL;
}

static inline bool
world_suits(const void *back, const void *front)
{
	return ((const struct world_back *)back)->like == front;
}

static const struct back_ops world_back_ops = {
	.name = "world",
	.open = world_back_open,
	.close = mem_free,
	.view = world_back_view,
	.step = world_back_step,
	.unlink = world_back_unlink,
	.reset = world_back_reset,
	.check = world_back_reset,
	.terminate = world_back_terminate,
	.facts = world_facts,
	.facts_ref = world_facts_ref,
	.facts_unref = world_facts_unref,
	.last_error = world_last_error,
	.suits = world_suits,
};

static void *
world_share_open(uint64_t seed)
{
	(void)seed;
	return mem_zalloc(1);
}

static const struct front_ops world_front_ops = {
	.name = "world",
	.share_open = world_share_open,
	.share_close = mem_free,
	.back = &world_back_ops,
};

/* ------------------------------------------------------------------------
 * The world's own
 */

#define CONTROL (WORLD_LOOPS - 1)

/* A snapshot of a file of this text. */
static inline struct snapshot *
world_build(const char *text)
{
	char path[] = "/tmp/carpool-core-XXXXXX";
	int fd = mkstemp(path);
	struct config_source source = { .file = path };
	struct config_report report = { 0 };
	struct snapshot *s;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	s = snapshot_build(&source, &report);
	for (size_t i = 0; i < report.count && s == NULL; i++)
		print_message("%u: %s\n", report.problems[i].line,
			      report.problems[i].text);
	config_report_fini(&report);
	unlink(path);
	assert_non_null(s);
	return s;
}

#define WORLD_SETTINGS                                                         \
	"[carpool]\nlisten_addr = 127.0.0.1\nauth_type = any\n"                \
	"pool_mode = transaction\n"

static inline void
world_open(unsigned workers, const char *text)
{
	struct core_config config = { .threads = workers,
				      .front = &world_front_ops };
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
	world.snapshot = world_build(text);
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
		snapshot_database(world.snapshot, database);
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
	struct snapshot *now = world_build(text);

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
