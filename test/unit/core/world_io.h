/*
 * Of the tests' world (world.h): its state, time, locks, loops and streams.
 */
#ifndef TEST_CORE_WORLD_IO_H
#define TEST_CORE_WORLD_IO_H

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

int
stream_bequeath(int fd, int family, const struct stream_options *options)
{
	(void)fd, (void)family, (void)options;
	return 0;
}

int
stream_set_buffers(int fd, const struct stream_options *options)
{
	(void)fd, (void)options;
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

bool
stream_accept_tls(struct stream *s, struct tls_context *context)
{
	(void)s;
	(void)context;
	return false;
}

bool
stream_connect_tls(struct stream *s, struct tls_context *context,
		   const char *host, enum stream_check check)
{
	(void)s;
	(void)context;
	(void)host;
	(void)check;
	return false;
}

bool
stream_is_tls(const struct stream *s)
{
	(void)s;
	return false;
}

bool
stream_has_alpn(const struct stream *s)
{
	(void)s;
	return false;
}

bool
stream_has_tls_cert(const struct stream *s)
{
	(void)s;
	return false;
}

bool
stream_tls_name(const struct stream *s, char *buf, size_t size)
{
	(void)s;
	(void)size;
	buf[0] = '\0';
	return false;
}

size_t
stream_tls_binding(const struct stream *s, uint8_t out[STREAM_BINDING_MAX])
{
	(void)s;
	(void)out;
	return 0;
}

void
stream_tls_text(const struct stream *s, char *buf, size_t size)
{
	(void)s;
	(void)text_format(buf, size, "%s", "");
}

void
stream_tls_error(const struct stream *s, char *buf, size_t size)
{
	(void)s;
	(void)text_format(buf, size, "%s", "");
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

#endif
