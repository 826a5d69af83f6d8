/*
 * Streams: sockets under edge-triggered epoll.
 *
 * A hang-up or a reset may come in one edge with the peer's last bytes.  So
 * after such an edge a short read does not end the reading, and only then is
 * one made that finds nothing.
 *
 * Owns each stream's descriptor and buffers.  Runs on the loop's thread.  Knows
 * no protocol and no session.
 */
#include "io/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop_inner.h"
#include "tls_inner.h"

#define FLUSH_PIECES 64
/* Less room than this at the end of a block is not worth a read of its own. */
#define FILL_ROOM_MIN ((size_t)4096)
#define FILL_BLOCKS 4
/* After so many bytes one way, in their haste, more is waited for. */
#define PATIENT_AFTER ((uint32_t)1 << 20)
#define PATIENT_BYTES ((int)(FILL_BLOCKS * BUF_BLOCK_BYTES))
#define HANG_UPS ((uint32_t)(EPOLLRDHUP | EPOLLHUP | EPOLLERR))

static void on_event(struct watch *watch, uint32_t events);

void
stream_init(struct stream *s, void (*on_ready)(struct stream *s))
{
	*s = (struct stream){
		.watch.fire = on_event,
		.on_ready = on_ready,
		.fd = -1,
		.state = STREAM_CLOSED,
	};
}

void
stream_kick(struct stream *s)
{
	if (s->state == STREAM_CLOSED || s->loop == NULL)
		return;
	loop_ready(s->loop, &s->watch);
}

/*
 * What the descriptor is registered for.  EPOLLOUT only once a write met a full
 * socket, for an accepted one would tell of its room at once, and most never
 * run out of it.  TCP keeps it then; a unix socket reports it whenever its peer
 * reads, and so asks for it only while it is blocked.
 */
static uint32_t
wanted_events(const struct stream *s)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | (uint32_t)EPOLLET;

	return s->wants_write ? events | EPOLLOUT : events;
}

static bool
watch(struct stream *s)
{
	return loop_watch(s->loop, &s->watch, s->fd, wanted_events(s)) == 0;
}

/* Changes the registration. */
static void
watch_again(struct stream *s)
{
	int error =
		loop_watch_again(s->loop, &s->watch, s->fd, wanted_events(s));

	if (error == 0)
		return;
	s->error = error;
	stream_kick(s);
}

/*
 * Patience: a stream that brings much, and one way, is woken for much.  Its
 * low-water mark is raised, so that the kernel tells of PATIENT_BYTES, or of
 * the end; what has come by LOOP_PATIENCE after a read is read in any case.  So
 * nothing waits for longer, whoever sends it.  Measured on loopback, a server
 * with a core to itself wakes carpool for each 8 KiB otherwise, a third of what
 * a large result costs.
 */
static bool
set_low_water(const struct stream *s, int bytes)
{
	return setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes,
			  sizeof(bytes)) == 0;
}

static void
lose_patience(struct stream *s)
{
	s->run = 0;
	if (!s->is_patient)
		return;
	s->is_patient = false;
	loop_unlate(s->loop, &s->watch);
	/* What has come meanwhile gives an edge now. */
	(void)set_low_water(s, 1);
}

/* Counts a read of n bytes: shall the next one wait for many? */
static void
gain_patience(struct stream *s, size_t n)
{
	if (s->is_unix)
		return;
	s->run += n < PATIENT_AFTER ? (uint32_t)n : PATIENT_AFTER;
	if (s->run >= PATIENT_AFTER)
		s->is_patient = set_low_water(s, PATIENT_BYTES);
}

/* After a read of n bytes; was_full: it took what the one before it left. */
static void
judge_pace(struct stream *s, size_t n, bool was_full)
{
	if (!s->is_patient)
		gain_patience(s, n);
	else if (n < BUF_BLOCK_BYTES && !s->readable && !was_full)
		lose_patience(s); /* it waited in vain */
	if (s->is_patient && !s->readable && !loop_late(s->loop, &s->watch))
		lose_patience(s); /* too many others wait */
}

static void
on_writable(struct stream *s)
{
	s->blocked = false;
	/* A handshake goes on where it is read. */
	s->readable |= s->tls != NULL && s->tls->is_stuck;
	if (!s->is_unix || !s->wants_write)
		return;
	s->wants_write = false;
	watch_again(s);
}

static void
on_event(struct watch *watch, uint32_t events)
{
	struct stream *s = LIST_ENTRY(watch, struct stream, watch);
	bool was_blocked = s->blocked;

	if ((events & (EPOLLIN | HANG_UPS)) != 0) {
		s->readable = true;
		if (s->is_patient)
			loop_unlate(s->loop, watch);
	}
	if ((events & HANG_UPS) != 0)
		s->hung_up = true;
	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		on_writable(s);
	/* TCP reports EPOLLOUT with every edge; alone it is no news. */
	if (s->state == STREAM_OPEN && events == EPOLLOUT && !was_blocked &&
	    s->out.len == 0)
		return;
	loop_unready(&s->watch);
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
	s->state = (uint8_t)state;
	s->error = 0;
	s->readable = s->blocked = s->hung_up = s->eof = false;
	s->has_failed_write = s->is_patient = false;
	s->run = 0;
	s->ends_after_out = s->is_bulk = false;
	s->tls = NULL;
	return true;
}

bool
stream_open(struct stream *s, struct loop *loop, int fd, int family)
{
	ASSERT(s->state == STREAM_CLOSED);
	s->is_unix = family == AF_UNIX;
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
	s->wants_write = !s->is_unix; /* which tells that it is connected */
	fd = socket(to->sa.sa_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	error = stream_set_options(fd, to->sa.sa_family, options);
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

static enum flush
flush_blocked(struct stream *s)
{
	s->blocked = true;
	if (!s->wants_write) {
		s->wants_write = true;
		watch_again(s);
	}
	return FLUSH_BLOCKED;
}

/* Room for one read at the end of in; NULL: memory is out. */
static uint8_t *
reserve(struct stream *s, size_t max, size_t *room)
{
	size_t min = max < FILL_ROOM_MIN ? max : FILL_ROOM_MIN;
	uint8_t *to = buf_reserve(&s->in, min, room);

	if (to != NULL && *room > max)
		*room = max;
	return to;
}

/* One read into room at the end of in. */
static ssize_t
read_block(struct stream *s, size_t max, size_t *room)
{
	uint8_t *to = reserve(s, max, room);
	ssize_t n;

	if (to == NULL)
		return -ENOMEM;
	do
		n = result_of(recv(s->fd, to, *room, 0));
	while (n == -EINTR);
	buf_commit(&s->in, n > 0 ? (size_t)n : 0);
	return n;
}

/*
 * One record, or what there is of it.  A socket that is empty may still have
 * filled TLS's own buffer, so it is TLS that says whether more may follow.
 */
static enum fill
fill_tls(struct stream *s, size_t max)
{
	size_t room;
	uint8_t *to = reserve(s, max, &room);
	bool was_done = s->tls->is_done, more;
	ssize_t n;

	if (to == NULL)
		return fill_failed(s, ENOMEM);
	n = tls_read(s->tls, to, room, &more);
	buf_commit(&s->in, n > 0 ? (size_t)n : 0);
	if (n < 0 && n != -EAGAIN)
		return fill_failed(s, (int)-n);
	s->readable = n != 0 && !s->tls->is_dry && (more || s->hung_up);
	/* What waits for the handshake's end may go now. */
	if (!was_done && s->tls->is_done && s->out.len > 0)
		stream_kick(s);
	if (s->tls->is_stuck)
		(void)flush_blocked(s);
	if (n > 0)
		return FILL_SOME;
	if (n < 0)
		return FILL_NONE;
	s->eof = true;
	return FILL_EOF;
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
		buf_init(&parts[i], &s->loop->blocks);
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
	bool was_full = s->is_bulk;
	size_t room;
	ssize_t n;

	/* After a failed write there may still be something to read. */
	if (s->error != 0 && !s->has_failed_write)
		return FILL_ERROR;
	if (s->eof) {
		/* Behind the end of TLS that of the socket is another edge. */
		s->readable = false;
		return FILL_EOF;
	}
	if (!s->readable || s->state != STREAM_OPEN || max == 0)
		return FILL_NONE;
	if (s->tls != NULL)
		return fill_tls(s, max);
	if ((s->is_bulk || s->is_patient) && max >= 2 * BUF_BLOCK_BYTES)
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
		judge_pace(s, (size_t)n, was_full);
		return FILL_SOME;
	}
	s->readable = s->is_bulk = false;
	judge_pace(s, 0, was_full);
	if (n < 0)
		return FILL_NONE;
	s->eof = true;
	return FILL_EOF;
}

/* One write of at most FLUSH_PIECES pieces, which are *tried bytes. */
static ssize_t
send_pieces(const struct stream *s, size_t *tried)
{
	struct iovec iov[FLUSH_PIECES];
	struct msghdr msg = { .msg_iov = iov };
	int count = buf_iov(&s->out, iov, FLUSH_PIECES);
	ssize_t n;

	msg.msg_iovlen = (size_t)count;
	*tried = 0;
	for (int i = 0; i < count; i++)
		*tried += iov[i].iov_len;
	do
		n = result_of(sendmsg(s->fd, &msg, MSG_NOSIGNAL));
	while (n == -EINTR);
	return n;
}

/*
 * One record, made as large as what there is: each costs the other side a
 * decryption, and both a header.  What met a full socket is tried again with
 * the same bytes, since nothing but more of them is ever put behind.
 */
static ssize_t
send_record(const struct stream *s, size_t *tried)
{
	uint8_t record[TLS_RECORD_MAX];
	const uint8_t *from = buf_run(&s->out, 0, tried);

	if (*tried < s->out.len && *tried < sizeof(record)) {
		*tried = s->out.len < sizeof(record) ? s->out.len
						     : sizeof(record);
		buf_copy_out(&s->out, 0, record, *tried);
		from = record;
	}
	if (*tried > sizeof(record))
		*tried = sizeof(record);
	return tls_write(s->tls, from, *tried);
}

/* One write, of which *tried are the bytes. */
static ssize_t
send_once(const struct stream *s, size_t *tried)
{
	const uint8_t *from = buf_run(&s->out, 0, tried);
	ssize_t n;

	if (s->tls != NULL)
		return send_record(s, tried);

	/* What is in one piece needs no list. */
	if (*tried < s->out.len)
		return send_pieces(s, tried);
	do
		n = result_of(send(s->fd, from, *tried, MSG_NOSIGNAL));
	while (n == -EINTR);
	return n;
}

static void
end_sending(struct stream *s)
{
	if (s->tls != NULL)
		tls_shutdown(s->tls);
	shutdown(s->fd, SHUT_WR);
}

enum flush
stream_flush(struct stream *s)
{
	if (s->error != 0 || s->state == STREAM_CLOSED)
		return FLUSH_ERROR;
	if (s->blocked || (s->state == STREAM_CONNECTING && s->out.len > 0))
		return FLUSH_BLOCKED;
	/* Until the other side has said its part nothing can go. */
	if (s->tls != NULL && !s->tls->is_done && s->out.len > 0)
		return FLUSH_BLOCKED;
	if (s->out.len > 0)
		lose_patience(s);
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
		/* The kernel took what it had room for and will signal; TLS
		 * takes a record, which may be smaller than they usually are.
		 */
		if ((size_t)n < tried && s->tls == NULL)
			return flush_blocked(s);
	}
	if (s->ends_after_out) {
		s->ends_after_out = false;
		end_sending(s);
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
		end_sending(s);
}

/* ---- TLS ---- */

static bool
begin_tls(struct stream *s, struct tls_context *context, enum tls_side side)
{
	ASSERT(s->tls == NULL);
	if (stream_flush(s) != FLUSH_DONE)
		return false;
	lose_patience(s);
	s->tls = tls_new(context, s->fd, &s->in, side);
	if (s->tls == NULL)
		return false;
	buf_init(&s->in, &s->loop->blocks);
	/* Its beginning may be there already, without another edge. */
	s->readable = true;
	return true;
}

bool
stream_accept_tls(struct stream *s, struct tls_context *context)
{
	return begin_tls(s, context, TLS_ACCEPTS);
}

bool
stream_connect_tls(struct stream *s, struct tls_context *context,
		   const char *host, enum stream_check check)
{
	if (!begin_tls(s, context, TLS_CONNECTS) ||
	    !tls_name(s->tls, host, check))
		return false;
	/* Its first words go with the next fill. */
	stream_kick(s);
	return true;
}

bool
stream_is_tls(const struct stream *s)
{
	return s->tls != NULL && s->tls->is_done;
}

bool
stream_has_alpn(const struct stream *s)
{
	return stream_is_tls(s) && tls_has_alpn(s->tls);
}

void
stream_tls_text(const struct stream *s, char *buf, size_t size)
{
	buf[0] = '\0';
	if (stream_is_tls(s))
		tls_text(s->tls, buf, size);
}

void
stream_tls_error(const struct stream *s, char *buf, size_t size)
{
	buf[0] = '\0';
	if (s->tls != NULL)
		tls_error_text(s->tls, buf, size);
}

void
stream_close(struct stream *s, enum stream_end end)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->state == STREAM_CLOSED)
		return;
	s->state = STREAM_CLOSED;
	if (s->loop != NULL) {
		loop_unlate(s->loop, &s->watch);
		loop_forget(s->loop, &s->watch);
		loop_unready(&s->watch);
	}
	if (s->tls != NULL && end == STREAM_FIN)
		tls_shutdown(s->tls);
	tls_free(s->tls);
	s->tls = NULL;
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
	lose_patience(s);
	loop_unwatch(s->loop, &s->watch, s->fd);
	loop_unready(&s->watch);
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
