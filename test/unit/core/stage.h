/*
 * A stage for the tests of the session: a real core with one or more workers
 * whose loops the test turns by hand, clients at the ends of socket pairs, and
 * a server that is played by the test itself on a loopback port.  They speak
 * the tiny protocol.  Time stands still until it is moved.
 */
#ifndef TEST_CORE_STAGE_H
#define TEST_CORE_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../fake/tiny.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/client.h"
#include "core/server.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"
#include "io/loop_inner.h"
#include "snapshot_of.h"

struct stage {
	usec_t now;
	struct core *core;
	struct loop *control;
	struct helpers *helpers;
	struct snapshot *snapshot;
	int listening; /* the server's */
	uint16_t port;
	unsigned fronts, backs; /* open before, by a test that failed */
};

static struct stage stage;

usec_t
clock_now(void)
{
	return stage.now;
}

usec_t
clock_wall(void)
{
	return stage.now;
}

const char *
clock_text(usec_t wall, char out[CLOCK_TEXT_MAX])
{
	(void)text_format(out, CLOCK_TEXT_MAX, "%llu",
			  (unsigned long long)wall);
	return out;
}

/* ------------------------------------------------------------------------
 * Turning
 */

static inline struct worker *
stage_worker(unsigned i)
{
	return stage.core->workers[i];
}

/* Does a loop sleep for less than long?  Then that time passes in a turn. */
static inline bool
is_somebody_late(void)
{
	for (unsigned i = 0; i < stage.core->worker_count; i++)
		if (loop_late_wait(stage_worker(i)->loop) >= 0)
			return true;
	return false;
}

/* One turn of every loop, without sleeping. */
static inline void
turn(void)
{
	for (unsigned i = 0; i < stage.core->worker_count; i++) {
		struct worker *w = stage_worker(i);

		loop_stop(w->loop);
		loop_run(w->loop, worker_end_turn, w);
	}
	loop_stop(stage.control);
	loop_run(stage.control, NULL, NULL);
	if (is_somebody_late())
		stage.now += LOOP_PATIENCE;
}

static inline bool
wants_to_turn(void)
{
	for (unsigned i = 0; i < stage.core->worker_count; i++)
		if (!list_is_empty(&stage_worker(i)->loop->ready))
			return true;
	return is_somebody_late();
}

/* Turns until nothing is left to do: in the end every loop would sleep. */
static inline void
settle(void)
{
	for (int i = 0; i < 12 || (wants_to_turn() && i < 500); i++)
		turn();
	assert_false(wants_to_turn());
}

/* Time passes: timers fire. */
static inline void
pass(usec_t span)
{
	stage.now += span;
	for (unsigned i = 0; i < stage.core->worker_count; i++) {
		struct loop *loop = stage_worker(i)->loop;

		loop->now = stage.now;
		timer_advance(loop, stage.now);
		worker_end_turn(stage_worker(i));
	}
	settle();
}

/* ------------------------------------------------------------------------
 * Beginning and end
 */

/* Settings in force unless `more` says otherwise. */
static inline const char *
stage_text(const char *more)
{
	static char text[2048];

	(void)text_format(
		text, sizeof(text),
		"[databases]\na = host=127.0.0.1 port=%u\n"
		"b = host=127.0.0.1 port=%u pool_mode=session\n"
		"[carpool]\nlisten_addr = 127.0.0.1\nauth_type = any\n"
		"server_check_query =\npool_mode = transaction\n"
		"default_pool_size = 1\n%s",
		stage.port, stage.port, more);
	return text;
}

static inline void
listen_as_server(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	stage.listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(stage.listening >= 0);
	assert_int_equal(bind(stage.listening, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(stage.listening, 64), 0);
	assert_int_equal(
		getsockname(stage.listening, (struct sockaddr *)&at, &len), 0);
	stage.port = ntohs(at.sin_port);
}

static inline void
open_stage(unsigned workers, const char *more)
{
	struct core_config config = { .threads = workers,
				      .fronts = tiny_fronts };

	(void)log_open(&(struct log_target){ .file = "/dev/null",
					     .level = LOG_ERROR });
	memset(&stage, 0, sizeof(stage));
	/* Far from the kernel's time, whose timers then never fire by it. */
	stage.now = 1000000 * USEC_PER_SEC;
	stage.fronts = tiny_fronts_open();
	stage.backs = tiny_backs_open();
	listen_as_server();
	stage.snapshot = snapshot_of(stage_text(more));
	stage.control = loop_new();
	stage.helpers = helpers_new(1);
	assert_non_null(stage.helpers);
	config.control = stage.control;
	config.helpers = stage.helpers;
	config.snapshot = stage.snapshot;
	stage.core = core_new(&config);
	assert_non_null(stage.core);
	for (unsigned i = 0; i < workers; i++)
		timer_set(stage_worker(i)->loop, &stage_worker(i)->tick,
			  stage.now + 333 * USEC_PER_MSEC);
}

/* Everything was closed and freed, once; the pools hold nothing. */
static inline void
close_stage(void)
{
	helpers_free(stage.helpers);
	stage.core->is_stopping = true;
	core_free(stage.core);
	snapshot_unref(stage.snapshot);
	loop_free(stage.control);
	close(stage.listening);
	assert_int_equal(tiny_fronts_open(), stage.fronts);
	assert_int_equal(tiny_backs_open(), stage.backs);
}

static inline void
stage_reload(const char *more)
{
	struct snapshot *now = snapshot_of(stage_text(more));

	core_publish(stage.core, now, NULL, NULL);
	snapshot_unref(stage.snapshot);
	stage.snapshot = now;
	settle();
}

/* The pool of a database, which somebody has used; borrowed. */
static inline struct pool *
stage_pool(const char *database)
{
	size_t count;
	struct pool **pools = route_pools(stage.core, database, &count);
	struct pool *p;

	ASSERT(count == 1);
	p = pools[0];
	route_pools_free(pools, count);
	return p;
}

/* What all workers counted of a database. */
static inline uint64_t
stage_count(const char *database, enum counter which)
{
	uint64_t sum[STAT_COUNT] = { 0 };

	for (unsigned i = 0; i < stage.core->worker_count; i++)
		stats_sum(stage_pool(database)->parts[i].stats, sum);
	return sum[which];
}

/* Nothing is lent out, nobody waits, and the counts say so. */
static inline void
assert_at_rest(const char *database, uint32_t idle)
{
	struct pool *p = stage_pool(database);

	assert_int_equal(p->waiting, 0);
	assert_int_equal(p->opening, 0);
	assert_int_equal(p->in_use, 0);
	assert_int_equal(p->idle, idle);
	assert_int_equal(p->held, idle);
	assert_int_equal(p->share.used, idle);
}

static inline unsigned
client_count(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < stage.core->worker_count; i++)
		n += stage_worker(i)->client_count;
	return n;
}

/* ------------------------------------------------------------------------
 * Both ends
 */

static inline void
send_bytes(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* One message: its type and its payload as text. */
static inline void
say(int fd, char type, const char *payload)
{
	uint8_t message[512];
	size_t len = strlen(payload);

	assert_true(len < sizeof(message) - TINY_HEADER);
	message[0] = (uint8_t)type;
	message[1] = (uint8_t)(len >> 8);
	message[2] = (uint8_t)len;
	memcpy(message + TINY_HEADER, payload, len);
	send_bytes(fd, message, TINY_HEADER + len);
}

/* Something must have come, and is exactly this message. */
static inline void
expect(int fd, char type, const char *payload)
{
	uint8_t head[TINY_HEADER];
	char text[512] = { 0 };
	size_t len;

	assert_int_equal(recv(fd, head, TINY_HEADER, MSG_DONTWAIT),
			 TINY_HEADER);
	assert_int_equal(head[0], type);
	len = (size_t)head[1] * 256 + head[2];
	assert_true(len < sizeof(text));
	if (len > 0)
		assert_int_equal(recv(fd, text, len, MSG_DONTWAIT), len);
	if (payload != NULL)
		assert_string_equal(text, payload);
}

static inline void
expect_nothing(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

/* The other side closed, after all that it said was read. */
static inline void
expect_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
}

/* A client's end of a new connection to a worker. */
static inline int
dial_worker(unsigned worker)
{
	int fds[2];
	struct addr peer;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_true(addr_set_unix("/tmp/x", &peer));
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	client_accept(stage_worker(worker), fds[1], &peer, PROTOCOL_POSTGRES);
	return fds[0];
}

static inline int
dial(void)
{
	return dial_worker(0);
}

/* The server accepts the next connection; -1 when there is none. */
static inline int
accept_one(void)
{
	return accept(stage.listening, NULL, NULL);
}

static inline int
accept_server(void)
{
	int fd = accept_one(), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	return fd;
}

static inline void
expect_no_server(void)
{
	assert_int_equal(accept_one(), -1);
}

/* A server logs in, and what it is asked for first may follow. */
static inline int
serve(void)
{
	int fd = accept_server();

	expect(fd, 'S', "u");
	say(fd, 'A', "keykeyke");
	settle();
	return fd;
}

static inline void
send_login(int fd, char type, const char *database, const char *mode)
{
	uint8_t message[128] = { (uint8_t)type };
	size_t len = text_format((char *)message + TINY_HEADER, 100, "u");

	len++;
	len += text_format((char *)message + TINY_HEADER + len, 100 - len, "%s",
			   database) +
	       1;
	len += text_format((char *)message + TINY_HEADER + len, 100 - len, "%s",
			   mode) +
	       1;
	message[2] = (uint8_t)len;
	send_bytes(fd, message, TINY_HEADER + len);
}

/* A client that is logged in; its key into key unless that is NULL. */
static inline void
expect_login(int fd, uint8_t key[CANCEL_KEY_BYTES])
{
	uint8_t reply[TINY_HEADER + CANCEL_KEY_BYTES];

	assert_int_equal(recv(fd, reply, sizeof(reply), MSG_DONTWAIT),
			 sizeof(reply));
	assert_int_equal(reply[0], 'R');
	if (key != NULL)
		memcpy(key, reply + TINY_HEADER, CANCEL_KEY_BYTES);
}

static inline int
login_as(const char *database, const char *mode)
{
	int fd = dial();

	send_login(fd, 'L', database, mode);
	settle();
	expect_login(fd, NULL);
	return fd;
}

/* The first client of a database: its login opens the first server. */
static inline int
first_login(const char *database, const char *mode, int *server)
{
	int fd = dial();

	send_login(fd, 'L', database, mode);
	settle();
	*server = serve();
	expect_login(fd, NULL);
	return fd;
}

static inline void
expect_bytes(int fd, const void *data, size_t len)
{
	uint8_t got[512];

	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), len);
	assert_memory_equal(got, data, len);
}

/* All that a client sends in a short life, and what a server answers. */
static inline size_t
client_bytes(uint8_t *out)
{
	static const char text[] = "L\0\005u\0a\0\0"
				   "Q\0\003one"
				   "B\0\0"
				   "U\0\004copy"
				   "C\0\001c"
				   "Q\0\003two";

	memcpy(out, text, sizeof(text) - 1);
	return sizeof(text) - 1;
}

/* One query and its answer. */
static inline void
query(int client, int server)
{
	say(client, 'Q', "one");
	settle();
	expect(server, 'Q', "one");
	say(server, 'D', "row");
	say(server, 'Z', "I");
	settle();
	expect(client, 'D', "row");
	expect(client, 'Z', "I");
}

struct pair {
	int client, server;
};

/* A client with an open transaction. */
static inline struct pair
in_transaction(const char *more)
{
	struct pair p;

	open_stage(1, more);
	p.client = first_login("a", "", &p.server);
	say(p.client, 'B', "");
	settle();
	expect(p.server, 'B', "");
	say(p.server, 'Z', "T");
	settle();
	expect(p.client, 'Z', "T");
	return p;
}

static inline void
end_pair(struct pair *p)
{
	close(p->client);
	close(p->server);
	settle();
	assert_int_equal(client_count(), 0);
	assert_at_rest("a", 0);
	close_stage();
}

#endif
