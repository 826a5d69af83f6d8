/*
 * Streams over socket pairs and loopback TCP: what edges may hide, half-closes
 * with data, resets, full sockets, kicks, and the move to another thread.
 * Connecting and socket options have their own file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/stream.h"
#include "io/timer.h"

enum kind { UNIX_PAIR, TCP_PAIR };

/* Ends a turn-bound test that would otherwise hang. */
#define TURNS_MAX 100000

struct peer {
	struct stream stream; /* first */
	int calls;            /* of on_ready */
	bool reads;           /* on_ready reads until it must wait */
	size_t max;           /* of one fill; 0 = a block */
	size_t got;
	enum fill last_fill;
	bool closes_at_end; /* stops the loop at EOF or error */
	size_t stop_at;     /* stops the loop when so much came */
	unsigned char sum;
};

static int
nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* A connected pair; fds[0] does not block. */
static void
make_pair(enum kind kind, int fds[2])
{
	struct addr a;
	int listener;

	if (kind == UNIX_PAIR) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		nonblocking(fds[0]);
		return;
	}
	assert_true(addr_parse_ip("127.0.0.1", 0, &a));
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, &a.sa, a.len), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_true(addr_of_self(listener, &a));
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], &a.sa, a.len), 0);
	fds[0] = nonblocking(accept(listener, NULL, NULL));
	close(listener);
}

static int
family_of(int fd)
{
	int family = 0;
	socklen_t len = sizeof(family);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len),
			 0);
	return family;
}

static void
take_input(struct peer *p)
{
	uint8_t one;

	while (p->stream.in.len > 0) {
		buf_copy_out(&p->stream.in, 0, &one, 1);
		p->sum = (unsigned char)(p->sum * 31 + one);
		buf_drop(&p->stream.in, 1);
		p->got++;
	}
}

static void
on_ready(struct stream *s)
{
	struct peer *p = LIST_ENTRY(s, struct peer, stream);

	p->calls++;
	if (!p->reads)
		return;
	do {
		p->last_fill =
			stream_fill(s, p->max != 0 ? p->max : BUF_BLOCK_BYTES);
		take_input(p);
	} while (p->last_fill == FILL_SOME && s->readable && p->max == 0);
	if (p->max != 0 && s->readable)
		stream_kick(s);
	if ((p->closes_at_end &&
	     (p->last_fill == FILL_EOF || p->last_fill == FILL_ERROR)) ||
	    (p->stop_at != 0 && p->got >= p->stop_at))
		loop_stop(s->loop);
}

/* Runs a few turns that do not sleep. */
static void
run_turns(struct loop *loop, int turns)
{
	while (turns-- > 0) {
		loop_stop(loop);
		loop_run(loop, NULL, NULL);
	}
}

static void
open_peer(struct peer *p, struct loop *loop, int fd)
{
	stream_init(&p->stream, on_ready);
	assert_true(stream_open(&p->stream, loop, fd, family_of(fd)));
}

static unsigned char
sum_of(const unsigned char *bytes, size_t n)
{
	unsigned char sum = 0;

	while (n-- > 0)
		sum = (unsigned char)(sum * 31 + *bytes++);
	return sum;
}

static void
read_and_write(enum kind kind)
{
	struct loop *loop = loop_new();
	struct peer p = { .reads = true, .stop_at = 5 };
	char answer[8];
	int fds[2];

	make_pair(kind, fds);
	open_peer(&p, loop, fds[0]);
	assert_int_equal(p.stream.is_unix, kind == UNIX_PAIR);
	assert_int_equal(stream_fill(&p.stream, 100), FILL_NONE);
	assert_int_equal(write(fds[1], "hello", 5), 5);
	loop_run(loop, NULL, NULL);
	assert_int_equal(p.got, 5);
	/* A short read: nothing more is expected until the next edge. */
	assert_false(p.stream.readable);
	assert_int_equal(loop_blocks(loop)->used_blocks, 0);
	assert_int_equal(stream_flush(&p.stream), FLUSH_DONE);
	assert_true(buf_append(&p.stream.out, "world", 5));
	assert_int_equal(stream_flush(&p.stream), FLUSH_DONE);
	assert_int_equal(read(fds[1], answer, sizeof(answer)), 5);
	stream_close(&p.stream, STREAM_FIN);
	assert_int_equal(read(fds[1], answer, sizeof(answer)), 0);
	/* Everything is harmless after close. */
	stream_close(&p.stream, STREAM_FIN);
	stream_kick(&p.stream);
	stream_shutdown(&p.stream);
	assert_int_equal(stream_flush(&p.stream), FLUSH_ERROR);
	close(fds[1]);
	loop_free(loop);
}

/* Data and FIN in one edge: the data, then the end, without another edge. */
static void
half_close_with_data(enum kind kind)
{
	struct loop *loop = loop_new();
	struct peer p = { .reads = true, .closes_at_end = true };
	char answer[8];
	int fds[2];

	make_pair(kind, fds);
	assert_int_equal(write(fds[1], "last words", 10), 10);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	open_peer(&p, loop, fds[0]);
	loop_run(loop, NULL, NULL);
	assert_int_equal(p.got, 10);
	assert_int_equal(p.last_fill, FILL_EOF);
	assert_true(p.stream.hung_up && p.stream.eof);
	assert_int_equal(stream_fill(&p.stream, 100), FILL_EOF);
	/* It is a half-close: the answer still goes out. */
	assert_true(buf_append(&p.stream.out, "answer", 6));
	stream_shutdown(&p.stream);
	assert_int_equal(stream_flush(&p.stream), FLUSH_DONE);
	assert_int_equal(read(fds[1], answer, sizeof(answer)), 6);
	assert_int_equal(read(fds[1], answer, sizeof(answer)), 0);
	stream_close(&p.stream, STREAM_FIN);
	close(fds[1]);
	loop_free(loop);
}

static void
reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void
reset_by_peer(void **state)
{
	struct loop *loop = loop_new();
	struct peer p = { .reads = true, .closes_at_end = true };
	int fds[2];

	(void)state;
	make_pair(TCP_PAIR, fds);
	open_peer(&p, loop, fds[0]);
	run_turns(loop, 3);
	reset(fds[1]);
	loop_run(loop, NULL, NULL);
	assert_int_equal(p.last_fill, FILL_ERROR);
	assert_int_equal(p.stream.error, ECONNRESET);
	assert_int_equal(stream_fill(&p.stream, 100), FILL_ERROR);
	assert_int_equal(stream_flush(&p.stream), FLUSH_ERROR);
	stream_close(&p.stream, STREAM_FIN);
	loop_free(loop);
}

/*
 * Data and reset come in one edge: a short read must not be taken for the end
 * of the news, for no further edge comes.
 */
static void
reset_hidden_behind_data(void **state)
{
	struct loop *loop = loop_new();
	struct peer p = { .reads = true, .closes_at_end = true };
	usec_t start = clock_now();
	int fds[2];

	(void)state;
	make_pair(TCP_PAIR, fds);
	open_peer(&p, loop, fds[0]);
	run_turns(loop, 3);
	assert_int_equal(write(fds[1], "half a mess", 11), 11);
	reset(fds[1]);
	loop_run(loop, NULL, NULL);
	assert_int_equal(p.got, 11);
	assert_int_equal(p.last_fill, FILL_ERROR);
	assert_true(clock_now() - start < 3 * USEC_PER_SEC);
	stream_close(&p.stream, STREAM_FIN);
	loop_free(loop);
}

struct couple {
	struct stream stream; /* first */
	struct couple *other;
	int calls;
};

static void
close_other(struct stream *s)
{
	struct couple *c = LIST_ENTRY(s, struct couple, stream);

	c->calls++;
	stream_close(&c->other->stream, STREAM_FIN);
}

/* One wake-up brings news of both; the first closes the second. */
static void
closed_in_the_same_turn(void **state)
{
	struct loop *loop = loop_new();
	struct couple c[2];
	int fds[2], ends[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		make_pair(TCP_PAIR, fds);
		ends[i] = fds[1];
		c[i] = (struct couple){ .other = &c[1 - i] };
		stream_init(&c[i].stream, close_other);
		assert_true(stream_open(&c[i].stream, loop, fds[0], AF_INET));
	}
	run_turns(loop, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(write(ends[i], "x", 1), 1);
	while (c[0].calls + c[1].calls == 0)
		run_turns(loop, 1);
	run_turns(loop, 3);
	assert_int_equal(c[0].calls + c[1].calls, 1);
	for (int i = 0; i < 2; i++) {
		stream_close(&c[i].stream, STREAM_FIN);
		close(ends[i]);
	}
	loop_free(loop);
}

/* Fills the socket, then drains it at the other end. */
static void
full_socket(enum kind kind)
{
	static unsigned char bytes[5000], drained[65536];
	struct loop *loop = loop_new();
	struct peer p = { .reads = false };
	size_t sent = 0, got = 0;
	unsigned char want = 0, sum = 0;
	int fds[2], turns = 0;

	make_pair(kind, fds);
	nonblocking(fds[1]);
	open_peer(&p, loop, fds[0]);
	run_turns(loop, 3);
	assert_int_equal(p.calls, 0); /* room is no news */
	assert_false(p.stream.wants_write);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	do {
		assert_true(buf_append(&p.stream.out, bytes, sizeof(bytes)));
		sent += sizeof(bytes);
		for (size_t i = 0; i < sizeof(bytes); i++)
			want = (unsigned char)(want * 31 + bytes[i]);
	} while (stream_flush(&p.stream) == FLUSH_DONE);
	assert_true(p.stream.blocked);
	assert_int_equal(stream_flush(&p.stream), FLUSH_BLOCKED);
	p.calls = 0;
	while (got < sent && turns++ < TURNS_MAX) {
		ssize_t n = read(fds[1], drained, sizeof(drained));

		for (ssize_t i = 0; i < n; i++)
			sum = (unsigned char)(sum * 31 + drained[i]);
		got += n > 0 ? (size_t)n : 0;
		run_turns(loop, 1);
		if (!p.stream.blocked)
			stream_flush(&p.stream);
	}
	assert_int_equal(got, sent);
	assert_int_equal(sum, want);
	assert_true(p.calls > 0);
	/* TCP goes on to ask for it, a unix socket does not. */
	assert_int_equal(p.stream.wants_write, kind == TCP_PAIR);
	assert_int_equal(p.stream.out.len, 0);
	stream_close(&p.stream, STREAM_FIN);
	close(fds[1]);
	loop_free(loop);
}

/* More pieces than one write takes: two writes in one flush. */
static void
many_pieces(void **state)
{
	static unsigned char chunk[BUF_BLOCK_BYTES];
	struct loop *loop = loop_new();
	struct peer p = { .reads = false };
	struct buf from;
	size_t sent = 0;
	int fds[2];

	(void)state;
	make_pair(TCP_PAIR, fds);
	open_peer(&p, loop, fds[0]);
	buf_init(&from, loop_blocks(loop));
	for (int i = 0; i < 100; i++) {
		assert_true(buf_append(&from, chunk, BUF_MOVE_MIN + 1));
		assert_true(buf_move(&p.stream.out, &from, BUF_MOVE_MIN));
		buf_clear(&from);
		sent += BUF_MOVE_MIN;
	}
	assert_int_equal(stream_flush(&p.stream), FLUSH_DONE);
	while (sent > 0) {
		ssize_t n = read(fds[1], chunk, sizeof(chunk));

		assert_true(n > 0);
		sent -= (size_t)n;
	}
	stream_close(&p.stream, STREAM_FIN);
	close(fds[1]);
	loop_free(loop);
}

/* Large transfers, which are read into several blocks at once. */
static void
bulk(enum kind kind)
{
	static unsigned char bytes[1000003];
	struct loop *loop = loop_new();
	struct peer p = { .reads = true,
			  .max = 65536,
			  .stop_at = sizeof(bytes) };
	struct peer q = { .reads = false };
	int fds[2];

	make_pair(kind, fds);
	nonblocking(fds[1]);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 11 + i / 1000);
	open_peer(&p, loop, fds[0]);
	open_peer(&q, loop, fds[1]);
	assert_true(buf_append(&q.stream.out, bytes, sizeof(bytes)));
	while (p.got < sizeof(bytes)) {
		assert_int_not_equal(stream_flush(&q.stream), FLUSH_ERROR);
		run_turns(loop, 1);
	}
	assert_int_equal(p.sum, sum_of(bytes, sizeof(bytes)));
	stream_close(&p.stream, STREAM_FIN);
	stream_close(&q.stream, STREAM_FIN);
	assert_int_equal(loop_blocks(loop)->used_blocks, 0);
	loop_free(loop);
}

/* A quota a turn: kicks go on without a further edge, nothing is lost. */
static void
quota_and_kicks(enum kind kind)
{
	static unsigned char bytes[100000];
	struct loop *loop = loop_new();
	struct peer p = { .reads = true, .max = 100, .stop_at = 50000 };
	int fds[2];

	make_pair(kind, fds);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 13);
	assert_int_equal(write(fds[1], bytes, 50000), 50000);
	open_peer(&p, loop, fds[0]);
	loop_run(loop, NULL, NULL);
	assert_int_equal(p.got, 50000);
	assert_int_equal(p.sum, sum_of(bytes, 50000));
	assert_true(p.calls >= 500);
	stream_close(&p.stream, STREAM_FIN);
	close(fds[1]);
	loop_free(loop);
}

/* A stream that travels between two threads, one byte a stay. */
struct mover {
	struct mail mail; /* first */
	struct stream stream;
	struct loop *loops[2];
	int at, moves, total;
};

static void
deliver_stream(struct mail *mail)
{
	struct mover *m = LIST_ENTRY(mail, struct mover, mail);

	m->at = !m->at;
	assert_true(stream_attach(&m->stream, m->loops[m->at]));
	assert_true(m->stream.readable);
	stream_kick(&m->stream);
}

static void
on_stay(struct stream *s)
{
	struct mover *m = LIST_ENTRY(s, struct mover, stream);
	enum fill fill = stream_fill(s, 1);
	uint8_t byte;

	if (fill == FILL_NONE)
		return;
	if (fill == FILL_EOF) {
		stream_close(s, STREAM_FIN);
		loop_stop(m->loops[0]);
		loop_stop(m->loops[1]);
		return;
	}
	assert_int_equal(fill, FILL_SOME);
	buf_copy_out(&s->in, 0, &byte, 1);
	assert_int_equal(byte, m->total % 256);
	buf_drop(&s->in, 1);
	m->total++;
	assert_true(buf_append(&s->out, &byte, 1));
	assert_int_equal(stream_flush(s), FLUSH_DONE);
	m->moves++;
	stream_detach(s);
	loop_post(m->loops[!m->at], &m->mail);
}

static void *
run_loop(void *arg)
{
	loop_run(arg, NULL, NULL);
	return NULL;
}

static void
moves_between_threads(enum kind kind)
{
	struct mover m = { .loops = { loop_new(), loop_new() } };
	pthread_t threads[2];
	uint8_t bytes[10], echo[10];
	int fds[2];

	make_pair(kind, fds);
	m.mail.deliver = deliver_stream;
	stream_init(&m.stream, on_stay);
	assert_true(
		stream_open(&m.stream, m.loops[0], fds[0], family_of(fds[0])));
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, run_loop, m.loops[i]),
			0);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 10; i++)
			bytes[i] = (uint8_t)(round * 10 + i);
		assert_int_equal(write(fds[1], bytes, 10), 10);
		assert_int_equal(recv(fds[1], echo, 10, MSG_WAITALL), 10);
		assert_memory_equal(bytes, echo, 10);
	}
	shutdown(fds[1], SHUT_WR);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(m.total, 1000);
	close(fds[1]);
	loop_free(m.loops[0]);
	loop_free(m.loops[1]);
}

/* A reader at one end of a pair, and a writer's descriptor. */
struct flow {
	struct loop *loop;
	struct peer p;
	int fds[2];
	size_t sent;
};

static void
flow_open(struct flow *f, enum kind kind)
{
	*f = (struct flow){ .loop = loop_new(), .p = { .reads = true } };
	make_pair(kind, f->fds);
	open_peer(&f->p, f->loop, f->fds[0]);
	run_turns(f->loop, 3);
}

static void
flow_close(struct flow *f)
{
	stream_close(&f->p.stream, STREAM_FIN);
	close(f->fds[1]);
	loop_free(f->loop);
}

/* Sends n bytes in pieces and reads until they are there. */
static void
flow_send(struct flow *f, size_t n)
{
	static const char piece[8192];

	while (n > 0) {
		size_t part = n < sizeof(piece) ? n : sizeof(piece);

		assert_int_equal(write(f->fds[1], piece, part), part);
		f->sent += part;
		n -= part;
		f->p.stop_at = f->sent;
		loop_run(f->loop, NULL, NULL);
		assert_int_equal(f->p.got, f->sent);
	}
}

static int
low_water(const struct flow *f)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	assert_int_equal(
		getsockopt(f->fds[0], SOL_SOCKET, SO_RCVLOWAT, &bytes, &len),
		0);
	return bytes;
}

/* Sends until it is worth waiting for more. */
static void
flow_make_patient(struct flow *f)
{
	for (int i = 0; i < 1000 && low_water(f) == 1; i++)
		flow_send(f, 8192);
	assert_true(low_water(f) > 1);
	assert_true(f->sent >= 1 << 20);
}

/* All comes, with nothing behind it; and what is slow is not waited for. */
static void
patience_ends_by_itself(void **state)
{
	struct flow f;

	(void)state;
	flow_open(&f, TCP_PAIR);
	flow_make_patient(&f);
	flow_send(&f, 1);
	assert_int_equal(low_water(&f), 1);
	flow_send(&f, 100000);
	assert_int_equal(low_water(&f), 1);
	flow_make_patient(&f);
	/* Nothing comes at all. */
	while (low_water(&f) > 1)
		run_turns(f.loop, 1);
	flow_send(&f, 1);
	flow_close(&f);
}

/* While it waits, a small piece gives no edge, a large one does. */
static void
patience_waits_for_much(void **state)
{
	static char much[4 << 20];
	struct flow f;
	int calls;

	(void)state;
	flow_open(&f, TCP_PAIR);
	flow_make_patient(&f);
	calls = f.p.calls;
	assert_int_equal(write(f.fds[1], "x", 1), 1);
	run_turns(f.loop, 1);
	/* Unless this took so long that it was read all the same. */
	assert_true(f.p.calls == calls || low_water(&f) == 1);
	f.sent++;
	nonblocking(f.fds[1]);
	for (size_t left = sizeof(much); left > 0;) {
		ssize_t n = write(f.fds[1], much, left);

		if (n > 0) {
			left -= (size_t)n;
			f.sent += (size_t)n;
		}
		run_turns(f.loop, 1);
	}
	f.p.stop_at = f.sent;
	if (f.p.got < f.sent)
		loop_run(f.loop, NULL, NULL);
	assert_int_equal(f.p.got, f.sent);
	flow_close(&f);
}

/* Whoever answers waits for the next word, not for a flood. */
static void
patience_ends_with_a_write(void **state)
{
	struct flow f;
	char byte;

	(void)state;
	flow_open(&f, TCP_PAIR);
	flow_make_patient(&f);
	assert_true(buf_append(&f.p.stream.out, "?", 1));
	assert_int_equal(stream_flush(&f.p.stream), FLUSH_DONE);
	assert_int_equal(read(f.fds[1], &byte, 1), 1);
	assert_int_equal(low_water(&f), 1);
	/* What was read before it counts for nothing. */
	flow_send(&f, 8192);
	assert_int_equal(low_water(&f), 1);
	flow_close(&f);
}

static void
patience_ends_with_the_stream(void **state)
{
	struct flow f;
	int calls;

	(void)state;
	flow_open(&f, TCP_PAIR);
	flow_make_patient(&f);
	stream_detach(&f.p.stream);
	assert_int_equal(low_water(&f), 1);
	assert_true(stream_attach(&f.p.stream, f.loop));
	flow_make_patient(&f);
	/* The end comes at once, with what was before it. */
	assert_int_equal(write(f.fds[1], "x", 1), 1);
	assert_int_equal(shutdown(f.fds[1], SHUT_WR), 0);
	f.p.closes_at_end = true;
	loop_run(f.loop, NULL, NULL);
	assert_int_equal(f.p.got, f.sent + 1);
	assert_int_equal(f.p.last_fill, FILL_EOF);
	flow_close(&f);
	/* One that is closed while it waits is not called. */
	flow_open(&f, TCP_PAIR);
	flow_make_patient(&f);
	stream_close(&f.p.stream, STREAM_FIN);
	calls = f.p.calls;
	for (usec_t start = clock_now();
	     clock_now() < start + 3 * LOOP_PATIENCE;)
		run_turns(f.loop, 1);
	assert_int_equal(f.p.calls, calls);
	flow_close(&f);
}

/* The mark means nothing to a unix socket. */
static void
unix_has_no_patience(void **state)
{
	struct flow f;

	(void)state;
	flow_open(&f, UNIX_PAIR);
	flow_send(&f, 4 << 20);
	assert_int_equal(low_water(&f), 1);
	flow_close(&f);
}

#define BOTH_KINDS(f)                                                          \
	static void f##_unix(void **state)                                     \
	{                                                                      \
		(void)state;                                                   \
		f(UNIX_PAIR);                                                  \
	}                                                                      \
	static void f##_tcp(void **state)                                      \
	{                                                                      \
		(void)state;                                                   \
		f(TCP_PAIR);                                                   \
	}

BOTH_KINDS(read_and_write)
BOTH_KINDS(half_close_with_data)
BOTH_KINDS(full_socket)
BOTH_KINDS(quota_and_kicks)
BOTH_KINDS(bulk)
BOTH_KINDS(moves_between_threads)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_and_write_unix),
		cmocka_unit_test(read_and_write_tcp),
		cmocka_unit_test(half_close_with_data_unix),
		cmocka_unit_test(half_close_with_data_tcp),
		cmocka_unit_test(reset_by_peer),
		cmocka_unit_test(reset_hidden_behind_data),
		cmocka_unit_test(closed_in_the_same_turn),
		cmocka_unit_test(full_socket_unix),
		cmocka_unit_test(full_socket_tcp),
		cmocka_unit_test(many_pieces),
		cmocka_unit_test(quota_and_kicks_unix),
		cmocka_unit_test(quota_and_kicks_tcp),
		cmocka_unit_test(bulk_unix),
		cmocka_unit_test(bulk_tcp),
		cmocka_unit_test(moves_between_threads_unix),
		cmocka_unit_test(moves_between_threads_tcp),
		cmocka_unit_test(patience_ends_by_itself),
		cmocka_unit_test(patience_waits_for_much),
		cmocka_unit_test(patience_ends_with_a_write),
		cmocka_unit_test(patience_ends_with_the_stream),
		cmocka_unit_test(unix_has_no_patience),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
