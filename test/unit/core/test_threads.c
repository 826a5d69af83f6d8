/*
 * The whole core on four threads: clients that work, vanish and cancel, while
 * the configuration is reloaded and databases are paused.  Each answer must be
 * the one to the client's own query.  Made for the thread sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../fake/tiny.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/client.h"
#include "core/shared.h"
#include "core/worker.h"
#include "snapshot_of.h"

#define WORKERS 4u
#define CLIENTS 12u
#define LIVES 25 /* of each client */
#define CONNECTIONS 256u

struct theatre {
	struct core *core;
	struct loop *control;
	uint16_t port;
	int listening;
	atomic_bool is_over;
	_Atomic uint32_t answers, refused, cancels, dialled;
};

static struct snapshot *
build(const struct theatre *t, unsigned size)
{
	char text[1024];

	text_format(text, sizeof(text),
		    "[databases]\na = host=127.0.0.1 port=%u pool_size=%u "
		    "max_db_connections=6\nb = host=127.0.0.1 port=%u "
		    "pool_mode=session\n[carpool]\nlisten_addr = 127.0.0.1\n"
		    "auth_type = any\npool_mode = transaction\n"
		    "default_pool_size = 2\nserver_lifetime = 1\n"
		    "server_check_query =\nmax_user_connections = 7\n",
		    t->port, size, t->port);
	return snapshot_of(text);
}

/* ------------------------------------------------------------------------
 * The server: one thread; what it is asked it says again
 */

struct connection {
	int fd;
	size_t len;
	uint8_t in[512];
};

static void
reply(int fd, char type, const void *payload, size_t len)
{
	uint8_t out[TINY_HEADER + 512] = { (uint8_t)type, (uint8_t)(len >> 8),
					   (uint8_t)len };

	memcpy(out + TINY_HEADER, payload, len);
	(void)!send(fd, out, TINY_HEADER + len, MSG_NOSIGNAL);
}

/* Answers one message; false: the connection ends. */
static bool
answer(struct connection *c, char type, const uint8_t *payload, size_t len)
{
	static const char in_tx = 'T', idle = 'I';

	switch (type) {
	case 'S':
		reply(c->fd, 'A', "keykeyke", 8);
		return true;
	case 'Q':
		reply(c->fd, 'D', payload, len);
		/* A query inside a transaction says so. */
		reply(c->fd, 'Z', len > 0 && payload[0] == '+' ? &in_tx : &idle,
		      1);
		return true;
	case 'B':
		reply(c->fd, 'Z', &in_tx, 1);
		return true;
	case 'C':
	case 'O':
	case 'R':
	case 'V':
	case 'H':
		reply(c->fd, 'Z', &idle, 1);
		return true;
	default:
		return false;
	}
}

static bool
serve(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);

	if (n <= 0)
		return false;
	c->len += (size_t)n;
	while (c->len >= TINY_HEADER) {
		size_t payload = (size_t)c->in[1] * 256 + c->in[2];
		size_t size = TINY_HEADER + payload;

		if (c->len < size)
			break;
		if (!answer(c, (char)c->in[0], c->in + TINY_HEADER, payload))
			return false;
		c->len -= size;
		memmove(c->in, c->in + size, c->len);
	}
	return true;
}

static void *
server_main(void *arg)
{
	struct theatre *t = arg;
	static struct connection all[CONNECTIONS];
	struct pollfd fds[CONNECTIONS + 1];
	unsigned count = 0;
	int on = 1;

	while (!t->is_over) {
		fds[0] = (struct pollfd){ t->listening, POLLIN, 0 };
		for (unsigned i = 0; i < count; i++)
			fds[i + 1] = (struct pollfd){ all[i].fd, POLLIN, 0 };
		(void)poll(fds, count + 1, 20);
		for (unsigned i = count; i > 0; i--) {
			if (fds[i].revents == 0 || serve(&all[i - 1]))
				continue;
			close(all[i - 1].fd);
			all[i - 1] = all[--count];
		}
		if (fds[0].revents != 0 && count < CONNECTIONS) {
			all[count] =
				(struct connection){ .fd = accept(t->listening,
								  NULL, NULL) };
			if (all[count].fd >= 0)
				(void)setsockopt(all[count++].fd, IPPROTO_TCP,
						 TCP_NODELAY, &on, sizeof(on));
		}
	}
	while (count > 0)
		close(all[--count].fd);
	return NULL;
}

/* ------------------------------------------------------------------------
 * The clients: a thread each
 */

struct entrance {
	struct mail mail; /* first */
	struct worker *worker;
	int fd;
};

static void
enter(struct mail *mail)
{
	struct entrance *e = (struct entrance *)mail;
	struct addr peer;

	ASSERT(addr_set_unix("/tmp/x", &peer));
	ASSERT(fcntl(e->fd, F_SETFL, O_NONBLOCK) == 0);
	client_accept(e->worker, e->fd, &peer, PROTOCOL_POSTGRES);
	mem_free(e);
}

static int
dial(struct theatre *t)
{
	struct entrance *e = mem_must_zalloc(sizeof(*e));
	struct timeval most = { .tv_sec = 20 };
	int fds[2];

	ASSERT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	ASSERT(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &most,
			  sizeof(most)) == 0);
	e->mail.deliver = enter;
	e->worker = t->core->workers[t->dialled++ % WORKERS];
	e->fd = fds[1];
	loop_post(e->worker->loop, &e->mail);
	return fds[0];
}

struct actor {
	struct theatre *theatre;
	unsigned id;
	uint64_t seed;
	uint8_t key[CANCEL_KEY_BYTES];
	pthread_t thread;
};

static unsigned
pick(struct actor *a, unsigned n)
{
	a->seed ^= a->seed << 13;
	a->seed ^= a->seed >> 7;
	a->seed ^= a->seed << 17;
	return (unsigned)((a->seed >> 16) % n);
}

/* One message; false: the connection has ended. */
static bool
receive(int fd, char *type, char text[512])
{
	uint8_t head[TINY_HEADER];
	size_t len;

	if (recv(fd, head, sizeof(head), MSG_WAITALL) != TINY_HEADER)
		return false;
	len = (size_t)head[1] * 256 + head[2];
	ASSERT(len < 512);
	if (len > 0 && recv(fd, text, len, MSG_WAITALL) != (ssize_t)len)
		return false;
	text[len] = '\0';
	*type = (char)head[0];
	return true;
}

/* Another connection asks to cancel, perhaps what runs no more. */
static void
cancel(struct actor *a)
{
	int fd = dial(a->theatre);
	char byte;

	reply(fd, 'K', a->key, sizeof(a->key));
	ASSERT(recv(fd, &byte, 1, 0) == 0);
	close(fd);
	a->theatre->cancels++;
}

/* The next message but notices; false: the connection has ended. */
static bool
receive_answer(int fd, char *type, char text[512])
{
	do {
		if (!receive(fd, type, text))
			return false;
	} while (*type == 'N');
	return true;
}

/* Asks and checks the answer; false: refused or ended. */
static bool
ask(struct actor *a, int fd, char type, const char *text)
{
	char got_type, got[512];

	reply(fd, type, text, strlen(text));
	if (pick(a, 30) == 0)
		cancel(a);
	if (!receive_answer(fd, &got_type, got))
		return false;
	/* Canceled in the queue: it lives on. */
	if (got_type == 'E' && got[0] == 's') {
		a->theatre->refused++;
		return true;
	}
	if (type == 'Q') {
		ASSERT(got_type == 'E' || got_type == 'D');
		if (got_type == 'E')
			return false;
		ASSERT(strcmp(got, text) == 0);
		if (!receive_answer(fd, &got_type, got))
			return false;
	}
	if (got_type == 'E')
		return false;
	ASSERT(got_type == 'Z');
	a->theatre->answers++;
	return true;
}

static bool
log_in(struct actor *a, int fd)
{
	static const char *const logins[] = { "u\0a\0\0", "u\0a\0go\0",
					      "v\0a\0wait\0", "u\0b\0\0" };
	static const size_t lengths[] = { 5, 7, 9, 5 };
	char type, text[512];
	unsigned which = pick(a, 4);

	reply(fd, pick(a, 4) == 0 ? 'J' : 'L', logins[which], lengths[which]);
	if (!receive(fd, &type, text) || type != 'R')
		return false;
	memcpy(a->key, text, sizeof(a->key));
	return true;
}

static bool
work(struct actor *a, int fd, int i)
{
	char text[64];

	(void)text_format(text, sizeof(text), "query %u.%d", a->id, i);
	if (pick(a, 3) != 0)
		return ask(a, fd, 'Q', text);
	if (!ask(a, fd, 'B', ""))
		return false;
	text[0] = '+';
	if (!ask(a, fd, 'Q', text))
		return false;
	return ask(a, fd, 'C', "");
}

static void
live(struct actor *a)
{
	int fd = dial(a->theatre);
	bool ok = log_in(a, fd);

	for (int i = 0; ok && i < 20; i++)
		ok = work(a, fd, i);
	switch (pick(a, 4)) {
	case 0: /* in the midst of a transaction */
		reply(fd, 'B', "", 0);
		break;
	case 1: /* of a query */
		reply(fd, 'Q', "unheard", 7);
		break;
	case 2: /* of a message */
		(void)!send(fd, "Q\0\040half", 7, MSG_NOSIGNAL);
		break;
	default:
		reply(fd, 'X', "", 0);
		break;
	}
	close(fd);
}

static void *
actor_main(void *arg)
{
	struct actor *a = arg;

	for (int i = 0; i < LIVES; i++)
		live(a);
	return NULL;
}

/* ------------------------------------------------------------------------
 * The administrator
 */

static void
turn_control(struct theatre *t)
{
	struct timespec moment = { .tv_nsec = 5000000 };

	loop_stop(t->control);
	loop_run(t->control, NULL, NULL);
	(void)nanosleep(&moment, NULL);
}

static void *
control_main(void *arg)
{
	struct theatre *t = arg;

	for (unsigned round = 0; !t->is_over; round++) {
		struct snapshot *s;

		turn_control(t);
		if (round % 8 == 0) {
			s = build(t, 1 + round / 8 % 4);
			core_publish(t->core, s, NULL, NULL);
			snapshot_unref(s);
		} else if (round % 8 == 3) {
			(void)core_pause(t->core, "a");
		} else if (round % 8 == 4) {
			(void)core_resume(t->core, NULL);
		} else if (round % 8 == 6) {
			(void)core_reconnect(t->core, NULL);
		}
	}
	(void)core_resume(t->core, NULL);
	return NULL;
}

static void
listen_for_servers(struct theatre *t)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	t->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(t->listening >= 0);
	assert_int_equal(bind(t->listening, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(t->listening, 64), 0);
	assert_int_equal(
		getsockname(t->listening, (struct sockaddr *)&at, &len), 0);
	t->port = ntohs(at.sin_port);
}

static void
check_pools(const struct theatre *t)
{
	size_t count;
	struct pool **pools = route_pools(t->core, NULL, &count);

	for (size_t i = 0; i < count; i++) {
		const struct pool *p = pools[i];

		assert_int_equal(p->waiting, 0);
		assert_int_equal(p->held, p->opening + p->idle + p->in_use);
		assert_int_equal(p->share.used, p->held + p->share.tokens);
	}
	route_pools_free(pools, count);
}

static void
everybody_at_once(void **state)
{
	static struct theatre t;
	static struct actor actors[CLIENTS];
	struct core_config config = { .threads = WORKERS,
				      .fronts = tiny_fronts };
	pthread_t server, control;
	struct helpers *helpers = helpers_new(2);
	struct snapshot *s;

	(void)state;
	(void)log_open(&(struct log_target){ .file = "/dev/null",
					     .level = LOG_ERROR });
	listen_for_servers(&t);
	t.control = loop_new();
	s = build(&t, 2);
	config.control = t.control;
	config.helpers = helpers;
	config.snapshot = s;
	t.core = core_new(&config);
	assert_true(core_start(t.core));
	assert_int_equal(pthread_create(&server, NULL, server_main, &t), 0);
	assert_int_equal(pthread_create(&control, NULL, control_main, &t), 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		actors[i].theatre = &t;
		actors[i].id = i;
		actors[i].seed = 1 + i;
		assert_int_equal(pthread_create(&actors[i].thread, NULL,
						actor_main, &actors[i]),
				 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		assert_int_equal(pthread_join(actors[i].thread, NULL), 0);
	t.is_over = true;
	assert_int_equal(pthread_join(control, NULL), 0);
	core_stop(t.core);
	helpers_free(helpers);
	check_pools(&t);
	core_free(t.core);
	assert_int_equal(pthread_join(server, NULL), 0);
	snapshot_unref(s);
	loop_free(t.control);
	close(t.listening);
	print_message("%u answers, %u canceled, %u cancels\n", t.answers,
		      t.refused, t.cancels);
	assert_true(t.answers > 2000);
	assert_int_equal(tiny_fronts_open(), 0);
	assert_int_equal(tiny_backs_open(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
