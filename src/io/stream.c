/*
 * Streams: sockets under edge-triggered epoll.
 *
 * libevent reports an error like plain readiness.  Where the peer's reset came
 * together with its last bytes, a short read would clear `readable` and no
 * further edge would ever come.  Reading again after each short read would cost
 * a system call a query; instead every stream that had an edge without a
 * hang-up is looked at once within about a second, many in one poll(2).
 *
 * Owns each stream's descriptor and buffers.  Runs on the loop's thread.  Knows
 * no protocol and no session.
 */
#include "io/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop_inner.h"
#include "stream_options.h"

#define FLUSH_PIECES 64
/* Less room than this at the end of a block is not worth a read of its own. */
#define FILL_ROOM_MIN ((size_t)4096)
#define FILL_BLOCKS 4
#define SUSPECT_USEC USEC_PER_SEC
#define SUSPECT_BATCH 128
#define SUSPECT_BATCHES 8

static struct stream *
stream_of_task(struct task *task)
{
	return LIST_ENTRY(task, struct stream, task);
}

static void suspect(struct stream *s);

static void
run_task(struct task *task)
{
	struct stream *s = stream_of_task(task);

	/* The kick took it off the list of suspects, unchecked. */
	if (s->state == STREAM_OPEN && !s->hung_up)
		suspect(s);
	s->on_ready(s);
}

void
stream_init(struct stream *s, void (*on_ready)(struct stream *s))
{
	*s = (struct stream){
		.task.run = run_task,
		.on_ready = on_ready,
		.fd = -1,
		.state = STREAM_CLOSED,
	};
}

/* Takes the stream off the ready list or off the list of suspects. */
static void
unlist(struct stream *s)
{
	loop_unready(&s->task);
	s->is_suspect = false;
}

void
stream_kick(struct stream *s)
{
	if (s->state == STREAM_CLOSED || s->loop == NULL)
		return;
	if (s->is_suspect)
		unlist(s);
	loop_ready(s->loop, &s->task);
}

/* Looks at the streams of one batch; kicks those that hide an error. */
static void
check_batch(struct loop *loop)
{
	struct pollfd fds[SUSPECT_BATCH];
	struct stream *streams[SUSPECT_BATCH];
	struct list_node *n;
	nfds_t count = 0;

	while (count < SUSPECT_BATCH &&
	       (n = list_pop_front(&loop->suspects)) != NULL) {
		struct task *task = LIST_ENTRY(n, struct task, node);

		streams[count] = stream_of_task(task);
		streams[count]->is_suspect = false;
		/* Errors and hang-ups are reported without being asked for. */
		fds[count] = (struct pollfd){ .fd = streams[count]->fd };
		count++;
	}
	if (poll(fds, count, 0) <= 0)
		return;
	for (nfds_t i = 0; i < count; i++) {
		if (fds[i].revents == 0)
			continue;
		streams[i]->readable = streams[i]->hung_up = true;
		stream_kick(streams[i]);
	}
}

static void
check_suspects(struct timer *timer)
{
	struct loop *loop = LIST_ENTRY(timer, struct loop, suspect_timer);

	for (int i = 0; i < SUSPECT_BATCHES; i++) {
		if (list_is_empty(&loop->suspects))
			return;
		check_batch(loop);
	}
	/* Many are left: in pieces, so that nobody waits for the rest. */
	if (!list_is_empty(&loop->suspects))
		timer_set(loop, timer, loop->now + TIMER_TICK);
}

static void
suspect(struct stream *s)
{
	struct loop *loop = s->loop;

	if (list_is_linked(&s->task.node))
		return;
	s->is_suspect = true;
	list_push_back(&loop->suspects, &s->task.node);
	if (loop->suspect_timer.at != 0)
		return;
	loop->suspect_timer.fire = check_suspects;
	timer_set(loop, &loop->suspect_timer, loop->now + SUSPECT_USEC);
}

static void on_event(evutil_socket_t fd, short what, void *arg);

/*
 * Registers the descriptor.  A unix socket reports WRITE whenever its peer
 * reads, so it asks for that only while it is blocked.
 */
static bool
watch(struct stream *s)
{
	short what = EV_READ | EV_CLOSED | EV_ET | EV_PERSIST;

	if (!s->is_unix || s->wants_write)
		what |= EV_WRITE;
	return event_assign(&s->event, s->loop->base, s->fd, what, on_event,
			    s) == 0 &&
	       event_add(&s->event, NULL) == 0;
}

/* Changes a unix socket's registration; without memory the stream breaks. */
static void
watch_again(struct stream *s)
{
	event_del(&s->event);
	if (watch(s))
		return;
	s->error = ENOMEM;
	stream_kick(s);
}

static void
on_writable(struct stream *s)
{
	s->blocked = false;
	if (!s->wants_write)
		return;
	s->wants_write = false;
	watch_again(s);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	bool was_blocked = s->blocked;

	(void)fd;
	loop_enter(s->loop);
	if ((what & (EV_READ | EV_CLOSED)) != 0)
		s->readable = true;
	if ((what & EV_CLOSED) != 0)
		s->hung_up = true;
	if ((what & EV_WRITE) != 0)
		on_writable(s);
	if (s->state == STREAM_OPEN) {
		/* TCP reports WRITE with the first edge; that is no news. */
		if ((what & (EV_READ | EV_CLOSED)) == 0 && !was_blocked &&
		    s->out.len == 0)
			return;
		unlist(s);
		if (!s->hung_up)
			suspect(s);
	}
	s->on_ready(s);
}

/* Puts a descriptor on a loop; false when memory is out. */
static bool
start(struct stream *s, struct loop *loop, int fd, enum stream_state state)
{
	s->loop = loop;
	s->fd = fd;
	if (!watch(s)) {
		s->loop = NULL;
		s->fd = -1;
		return false;
	}
	buf_init(&s->in, &loop->blocks);
	buf_init(&s->out, &loop->blocks);
	s->state = state;
	s->error = 0;
	s->readable = s->blocked = s->hung_up = s->eof = false;
	s->has_failed_write = false;
	s->ends_after_out = s->is_bulk = false;
	return true;
}

bool
stream_open(struct stream *s, struct loop *loop, int fd)
{
	ASSERT(s->state == STREAM_CLOSED);
	s->is_unix = socket_family(fd) == AF_UNIX;
	s->wants_write = false;
	return start(s, loop, fd, STREAM_OPEN);
}

int
stream_connect(struct stream *s, struct loop *loop, const struct addr *to,
	       const struct stream_options *options)
{
	int fd, error;

	ASSERT(s->state == STREAM_CLOSED);
	s->is_unix = addr_is_unix(to);
	s->wants_write = false;
	fd = socket(to->sa.sa_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	error = socket_set_options(fd, to->sa.sa_family, options);
	if (error != 0)
		goto fail;
	if (connect(fd, &to->sa, to->len) < 0 && errno != EINPROGRESS) {
		error = errno;
		goto fail;
	}
	if (!start(s, loop, fd, STREAM_CONNECTING)) {
		error = ENOMEM;
		goto fail;
	}
	/* What is decided already may give no edge. */
	if (s->is_unix)
		stream_kick(s);
	return 0;
fail:
	close(fd);
	return error;
}

int
stream_connected(struct stream *s)
{
	struct addr peer;
	int error = 0;
	socklen_t len = sizeof(error);

	if (s->error != 0 || s->state == STREAM_OPEN)
		return s->error;
	if (s->state == STREAM_CLOSED)
		return ENOTCONN;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error != 0) {
		s->error = error;
		return error;
	}
	if (!addr_of_peer(s->fd, &peer))
		return EINPROGRESS;
	s->state = STREAM_OPEN;
	return 0;
}

static enum fill
fill_failed(struct stream *s, int error)
{
	s->error = error;
	s->readable = false;
	return FILL_ERROR;
}

/* The result of a read or write: bytes, or the errno as a negative number. */
static ssize_t
result_of(ssize_t n)
{
	return n < 0 ? -(ssize_t)errno : n;
}

/* One read into room at the end of in. */
static ssize_t
read_block(struct stream *s, size_t max, size_t *room)
{
	size_t min = max < FILL_ROOM_MIN ? max : FILL_ROOM_MIN;
	uint8_t *to = buf_reserve(&s->in, min, room);
	ssize_t n;

	if (to == NULL)
		return -ENOMEM;
	if (*room > max)
		*room = max;
	do
		n = result_of(recv(s->fd, to, *room, 0));
	while (n == -EINTR);
	buf_commit(&s->in, n > 0 ? (size_t)n : 0);
	return n;
}

/*
 * One read into up to FILL_BLOCKS fresh blocks.  Measured on loopback, a
 * relay of large results takes a sixth less CPU than block by block.
 */
static ssize_t
read_blocks(struct stream *s, size_t max, size_t *room)
{
	struct buf parts[FILL_BLOCKS];
	struct iovec iov[FILL_BLOCKS];
	size_t count = max / BUF_BLOCK_BYTES, left;
	ssize_t n;

	if (count > FILL_BLOCKS)
		count = FILL_BLOCKS;
	*room = 0;
	for (size_t i = 0; i < count; i++) {
		buf_init(&parts[i], s->in.pool);
		iov[i].iov_base = buf_reserve(&parts[i], BUF_BLOCK_BYTES,
					      &iov[i].iov_len);
		if (iov[i].iov_base == NULL)
			count = i;
		else
			*room += iov[i].iov_len;
	}
	if (count == 0)
		return -ENOMEM;
	do
		n = result_of(readv(s->fd, iov, (int)count));
	while (n == -EINTR);
	left = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < count; i++) {
		size_t part = left < iov[i].iov_len ? left : iov[i].iov_len;

		buf_commit(&parts[i], part);
		left -= part;
		/* A whole segment moves without memory. */
		ASSERT(buf_move(&s->in, &parts[i], part));
	}
	return n;
}

enum fill
stream_fill(struct stream *s, size_t max)
{
	size_t room;
	ssize_t n;

	/* After a failed write there may still be something to read. */
	if (s->error != 0 && !s->has_failed_write)
		return FILL_ERROR;
	if (s->eof)
		return FILL_EOF;
	if (!s->readable || s->state != STREAM_OPEN || max == 0)
		return FILL_NONE;
	if (s->is_bulk && max >= 2 * BUF_BLOCK_BYTES)
		n = read_blocks(s, max, &room);
	else
		n = read_block(s, max, &room);
	if (n < 0 && n != -EAGAIN)
		return fill_failed(s, (int)-n);
	if (n > 0) {
		bool is_full = (size_t)n == room;

		s->is_bulk = is_full && room >= FILL_ROOM_MIN;
		if (!is_full && !s->hung_up)
			s->readable = false;
		return FILL_SOME;
	}
	s->readable = s->is_bulk = false;
	if (n < 0)
		return FILL_NONE;
	s->eof = true;
	return FILL_EOF;
}

/* One write of at most FLUSH_PIECES pieces, which are *tried bytes. */
static ssize_t
send_once(const struct stream *s, size_t *tried)
{
	struct iovec iov[FLUSH_PIECES];
	struct msghdr msg = { .msg_iov = iov };
	int count = buf_iov(&s->out, iov, FLUSH_PIECES);
	ssize_t n;

	msg.msg_iovlen = (size_t)count;
	*tried = 0;
	for (int i = 0; i < count; i++)
		*tried += iov[i].iov_len;
	do {
		if (count == 1)
			n = result_of(send(s->fd, iov[0].iov_base,
					   iov[0].iov_len, MSG_NOSIGNAL));
		else
			n = result_of(sendmsg(s->fd, &msg, MSG_NOSIGNAL));
	} while (n == -EINTR);
	return n;
}

static enum flush
flush_blocked(struct stream *s)
{
	s->blocked = true;
	if (s->is_unix && !s->wants_write) {
		s->wants_write = true;
		watch_again(s);
	}
	return FLUSH_BLOCKED;
}

enum flush
stream_flush(struct stream *s)
{
	if (s->error != 0 || s->state == STREAM_CLOSED)
		return FLUSH_ERROR;
	if (s->blocked || (s->state == STREAM_CONNECTING && s->out.len > 0))
		return FLUSH_BLOCKED;
	while (s->out.len > 0) {
		size_t tried;
		ssize_t n = send_once(s, &tried);

		if (n == -EAGAIN)
			return flush_blocked(s);
		if (n < 0) {
			s->has_failed_write = true;
			s->error = (int)-n;
			return FLUSH_ERROR;
		}
		buf_drop(&s->out, (size_t)n);
		/* The kernel took what it had room for and will signal. */
		if ((size_t)n < tried)
			return flush_blocked(s);
	}
	if (s->ends_after_out) {
		s->ends_after_out = false;
		shutdown(s->fd, SHUT_WR);
	}
	return FLUSH_DONE;
}

void
stream_shutdown(struct stream *s)
{
	if (s->state != STREAM_OPEN)
		return;
	if (s->out.len > 0)
		s->ends_after_out = true;
	else
		shutdown(s->fd, SHUT_WR);
}

void
stream_close(struct stream *s, enum stream_end end)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->state == STREAM_CLOSED)
		return;
	s->state = STREAM_CLOSED;
	if (s->loop != NULL) {
		event_del(&s->event);
		unlist(s);
	}
	buf_clear(&s->in);
	buf_clear(&s->out);
	if (end == STREAM_RESET)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(s->fd);
	s->fd = -1;
	s->loop = NULL;
	s->readable = false;
}

void
stream_detach(struct stream *s)
{
	ASSERT(s->loop != NULL && s->in.len == 0 && s->out.len == 0);
	event_del(&s->event);
	unlist(s);
	s->loop = NULL;
}

bool
stream_attach(struct stream *s, struct loop *loop)
{
	ASSERT(s->loop == NULL && s->state != STREAM_CLOSED);
	s->loop = loop;
	s->wants_write = false;
	if (!watch(s)) {
		s->loop = NULL;
		return false;
	}
	buf_rehome(&s->in, &loop->blocks);
	buf_rehome(&s->out, &loop->blocks);
	s->blocked = false;
	s->readable = true;
	return true;
}
