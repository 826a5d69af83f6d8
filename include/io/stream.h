/*
 * A stream: one connected (or connecting) socket with its input and output
 * buffers, on the loop of the thread that owns it.
 *
 * It is registered with epoll once for its life on a loop, edge-triggered, and
 * once more for EPOLLOUT if its socket is ever full.
 * `readable` is sticky: cleared only by EAGAIN, or by a short read when no
 * hang-up was signalled.  There is one callback, on_ready: something changed
 * (bytes, room, hang-up, connected); the owner then calls stream_fill, works,
 * and calls stream_flush once.  A stream that its owner stops early (quota,
 * backpressure released) is put on the ready list with stream_kick.
 *
 * After stream_close no callback comes.  Loop's own thread only.
 */
#ifndef CARPOOL_IO_STREAM_H
#define CARPOOL_IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "io/addr.h"
#include "io/loop.h"

enum stream_state {
	STREAM_CLOSED,
	STREAM_CONNECTING,
	STREAM_OPEN,
};

struct tls; /* inside of io/ */
struct tls_context;

struct stream {
	struct watch watch; /* ready when kicked */
	struct loop *loop;  /* borrows; NULL while detached */
	struct buf in;      /* read and not yet consumed */
	struct buf out;     /* not yet written */
	void (*on_ready)(struct stream *s);
	struct tls *tls;   /* owns; NULL: it goes in clear */
	int fd;            /* owns; -1 when closed */
	int error;         /* errno that broke it, 0 = none */
	uint32_t run;      /* bytes read since the last write or pause */
	uint8_t state;     /* enum stream_state */
	bool readable : 1; /* more may be there */
	bool blocked : 1;  /* the last write met EAGAIN */
	bool hung_up : 1;  /* the peer closed its sending side, or an error
			    * came (by epoll): read to the end */
	bool eof : 1;      /* read to the end */
	bool has_failed_write : 1; /* error is of a write: reading may go on */
	bool is_unix : 1;
	bool ends_after_out : 1; /* stream_shutdown waits for the last flush */
	bool is_bulk : 1;        /* the last read filled its room */
	bool wants_write : 1;    /* it is registered for WRITE too */
	bool is_patient : 1;     /* its edges come for much only */
};

/* TCP options that are set on every socket of one kind. */
struct stream_options {
	bool keepalive;
	unsigned keepcnt, keepidle_sec, keepintvl_sec; /* 0 = the system's */
	unsigned socket_buffer_bytes;
	unsigned user_timeout_msec;
};

/*
 * Sets the options of a TCP socket, or of a unix one (family AF_UNIX) what it
 * has; an errno or 0.
 */
int stream_set_options(int fd, int family,
		       const struct stream_options *options);

/*
 * The same in two halves.  stream_bequeath: on a listening TCP socket, which
 * hands all but the sizes of the buffers on to what is accepted; others may
 * have been set on it before.  stream_set_buffers: the rest, of any socket.
 */
int stream_bequeath(int fd, int family, const struct stream_options *options);
int stream_set_buffers(int fd, const struct stream_options *options);

/* Initialises a closed stream. */
void stream_init(struct stream *s, void (*on_ready)(struct stream *s));

/*
 * Takes over a connected, non-blocking descriptor of this family (AF_*) on a
 * loop.  False when out of memory: the descriptor stays the caller's.
 */
bool stream_open(struct stream *s, struct loop *loop, int fd, int family);

/*
 * Starts a connect.  Returns 0 or an errno; on_ready comes when it is decided:
 * then call stream_connected.
 */
int stream_connect(struct stream *s, struct loop *loop, const struct addr *to,
		   const struct stream_options *options);

/* EINPROGRESS while undecided, 0 when open, else why it failed. */
int stream_connected(struct stream *s);

/*
 * From here on the other side is expected to begin a handshake of TLS, which
 * goes on with fills and flushes: until it is through nothing comes and nothing
 * goes.  What was written to out before goes in clear first.  context is
 * borrowed for the call.  What in holds is the handshake's beginning.  False:
 * memory is out, or out could not be written.
 */
bool stream_accept_tls(struct stream *s, struct tls_context *context);

/*
 * The same of the side that begins.  host: whom it is, for servers that have
 * several certificates; a numeric address names nobody.  With
 * STREAM_CHECK_NAME the certificate must be his, or the address's.
 */
enum stream_check { STREAM_CHECK_NONE, STREAM_CHECK_NAME };
bool stream_connect_tls(struct stream *s, struct tls_context *context,
			const char *host, enum stream_check check);

/* Is it under TLS, with the handshake behind it? */
bool stream_is_tls(const struct stream *s);

/* ... for which both sides agreed on TLS_ALPN? */
bool stream_has_alpn(const struct stream *s);

#define TLS_TEXT_MAX 64

/* Version and cipher of a stream under TLS in buf, else an empty text; as
 * PgBouncer has it in SHOW CLIENTS, without the curve. */
void stream_tls_text(const struct stream *s, char *buf, size_t size);

/* Has the other side shown a certificate that is vouched for? */
bool stream_has_tls_cert(const struct stream *s);

/*
 * The subject's common name of that certificate, with its NUL in buf.  False,
 * buf empty: there is none, or none that is a text of less than size bytes.
 */
bool stream_tls_name(const struct stream *s, char *buf, size_t size);

/*
 * What ties a login to the server's certificate, ours or theirs: the bytes of
 * tls-server-end-point in out (RFC 5929, section 4).  0: not under TLS, or the
 * certificate's signature has no digest.
 */
#define STREAM_BINDING_MAX 64u
size_t stream_tls_binding(const struct stream *s,
			  uint8_t out[STREAM_BINDING_MAX]);

/*
 * Why TLS broke, as a short text in buf, which is empty where it did not.
 */
void stream_tls_error(const struct stream *s, char *buf, size_t size);

enum fill { FILL_SOME, FILL_NONE, FILL_EOF, FILL_ERROR };
/*
 * One read of at most max bytes into in; one block at first, up to four while
 * each read fills its room.  FILL_SOME: bytes came; `readable`
 * says whether more may follow.  FILL_NONE: nothing to read now.
 */
enum fill stream_fill(struct stream *s, size_t max);

/* It is over, and all that the other side said was read; in may hold some. */
static inline bool
stream_has_ended(const struct stream *s)
{
	return s->eof ||
	       (s->error != 0 && !(s->has_failed_write && s->readable));
}

enum flush { FLUSH_DONE, FLUSH_BLOCKED, FLUSH_ERROR };
/* One write of what is in out (a second one only for more than 64 pieces). */
enum flush stream_flush(struct stream *s);

/* Calls on_ready again in this or the next turn, without sleeping. */
void stream_kick(struct stream *s);

/* Half-closes the sending side after out was written; errors are ignored. */
void stream_shutdown(struct stream *s);

/* Closes with RST instead of FIN where reset is STREAM_RESET. */
enum stream_end { STREAM_FIN, STREAM_RESET };
void stream_close(struct stream *s, enum stream_end end);

/*
 * Takes the stream off its loop for handing it to another thread; in and out
 * must be empty.  stream_attach puts it on the new one; false when out of
 * memory (then close it).  `readable` is assumed true after attaching.
 */
void stream_detach(struct stream *s);
bool stream_attach(struct stream *s, struct loop *loop);

#endif
