/*
 * One connection's TLS, for stream.c alone.  Loop's own thread.
 */
#ifndef CARPOOL_SRC_IO_TLS_INNER_H
#define CARPOOL_SRC_IO_TLS_INNER_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/buf.h"
#include "io/stream.h"
#include "io/tls.h"

/* Of plain text in one record: RFC 8446, 5.1. */
#define TLS_RECORD_MAX 16384u

struct tls_context {
	struct ssl_ctx_st *ctx; /* owns */
	/* owns: reads and writes of a struct tls */
	struct bio_method_st *wire;
	_Atomic uint32_t refs;
};

enum tls_side { TLS_ACCEPTS, TLS_CONNECTS };

struct tls {
	struct ssl_st *ssl;          /* owns */
	struct tls_context *context; /* refs */
	struct buf early; /* bytes of the handshake that were read before it */
	unsigned long error; /* OpenSSL's, that broke it; 0 = none */
	int fd;              /* borrows */
	int os_error;        /* errno of the last read or write; 0 = none */
	bool is_done;        /* the handshake */
	bool was_short;      /* the last read left nothing behind */
	bool is_dry;         /* it met an empty socket */
	bool is_stuck;       /* the last call waits for room in the socket */
	bool has_ended;      /* the other side said that it is over */
};

/* The reads and writes of a struct tls; NULL: memory is out. */
struct bio_method_st *tls_wire_new(void);

/* NULL: memory is out.  Takes what early holds; else that is as it was. */
struct tls *tls_new(struct tls_context *context, int fd, struct buf *early,
		    enum tls_side side);
/* Before the handshake: see stream_connect_tls.  False: memory is out. */
bool tls_name(struct tls *t, const char *host, enum stream_check check);

/* NULL is allowed. */
void tls_free(struct tls *t);

/*
 * Bytes, 0: the other side ended, or the errno as a negative number: -EAGAIN
 * where nothing is to be read now, -EPROTO what is no TLS or not to our taste.
 * The handshake goes on with either; *more: there may be more to be read.
 */
ssize_t tls_read(struct tls *t, void *to, size_t room, bool *more);
ssize_t tls_write(struct tls *t, const void *from, size_t len);

bool tls_has_alpn(const struct tls *t);

/* See stream_tls_text and stream_tls_error. */
void tls_text(const struct tls *t, char *buf, size_t size);
void tls_error_text(const struct tls *t, char *buf, size_t size);

/* Says that nothing more follows, as far as there is room. */
void tls_shutdown(struct tls *t);

#endif
