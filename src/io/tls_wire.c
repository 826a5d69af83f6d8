/*
 * One connection's TLS: OpenSSL's reads and writes on the stream's socket.
 *
 * The socket is read in one call for as many records as fit (read-ahead), and
 * OpenSSL gives its buffers back when they are empty, so that an idle
 * connection costs its state alone.  No signal, no error queue and no errno of
 * one connection may be seen by another: the queue is cleared before each call.
 */
#include "tls_inner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/text.h"

/* ---- the library's side ---- */

static int
on_write(BIO *bio, const char *from, int len)
{
	struct tls *t = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = send(t->fd, from, (size_t)len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return (int)n;
	if (errno == EAGAIN)
		BIO_set_retry_write(bio);
	else
		t->os_error = errno;
	return -1;
}

/* What came before the handshake was asked for is the beginning of it. */
static int
read_early(struct tls *t, char *to, int len)
{
	size_t n = t->early.len < (size_t)len ? t->early.len : (size_t)len;

	buf_copy_out(&t->early, 0, to, n);
	buf_drop(&t->early, n);
	t->was_short = false;
	return (int)n;
}

static int
on_read(BIO *bio, char *to, int len)
{
	struct tls *t = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (t->early.len > 0)
		return read_early(t, to, len);
	do
		n = recv(t->fd, to, (size_t)len, 0);
	while (n < 0 && errno == EINTR);
	t->was_short = n < len;
	t->is_dry = n < 0 && errno == EAGAIN;
	if (n > 0)
		return (int)n;
	if (n == 0)
		t->has_ended = true;
	else if (errno == EAGAIN)
		BIO_set_retry_read(bio);
	else
		t->os_error = errno;
	return n == 0 ? 0 : -1;
}

static long
on_ctrl(BIO *bio, int command, long number, void *data)
{
	(void)bio;
	(void)number;
	(void)data;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *
tls_wire_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");

	if (m == NULL)
		return NULL;
	if (BIO_meth_set_write(m, on_write) != 1 ||
	    BIO_meth_set_read(m, on_read) != 1 ||
	    BIO_meth_set_ctrl(m, on_ctrl) != 1) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* ---- our side ---- */

struct tls *
tls_new(struct tls_context *context, int fd, struct buf *early,
	enum tls_side side)
{
	struct tls *t = mem_zalloc(sizeof(*t));
	BIO *bio;

	if (t == NULL)
		return NULL;
	t->fd = fd;
	t->context = tls_context_ref(context);
	t->ssl = SSL_new(context->ctx);
	bio = BIO_new(context->wire);
	if (t->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		tls_free(t);
		return NULL;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	if (side == TLS_ACCEPTS)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	t->early = *early;
	return t;
}

bool
tls_name(struct tls *t, const char *host, enum stream_check check)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	unsigned char address[sizeof(struct in6_addr)];
	bool is_address = inet_pton(AF_INET, host, address) == 1 ||
			  inet_pton(AF_INET6, host, address) == 1;

	ERR_clear_error();
	if (!is_address && host[0] != '/' && host[0] != '@' &&
	    SSL_ctrl(t->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
		     TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) != 1)
		return false;
	if (check == STREAM_CHECK_NONE)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	buf_clear(&t->early);
	tls_context_unref(t->context);
	mem_free(t);
}

/* What a call that got no bytes says, as an errno. */
static ssize_t
failed(struct tls *t, int result)
{
	int why = SSL_get_error(t->ssl, result);

	t->is_stuck = why == SSL_ERROR_WANT_WRITE;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (t->os_error != 0)
		return -(ssize_t)t->os_error;
	t->error = ERR_peek_last_error();
	/* Cut off, as after a crash: what follows is nobody's. */
	if (t->has_ended)
		return t->is_done ? 0 : -ECONNRESET;
	return -EPROTO;
}

/* 1 where the handshake is through, or as failed. */
static ssize_t
shake(struct tls *t)
{
	int n;

	if (t->is_done)
		return 1;
	n = SSL_do_handshake(t->ssl);
	if (n != 1)
		return failed(t, n);
	t->is_done = true;
	return 1;
}

ssize_t
tls_read(struct tls *t, void *to, size_t room, bool *more)
{
	size_t n = 0;
	ssize_t result;

	ERR_clear_error();
	t->was_short = t->is_stuck = t->is_dry = false;
	result = shake(t);
	if (result == 1) {
		int done = SSL_read_ex(t->ssl, to, room, &n);

		result = done == 1 ? (ssize_t)n : failed(t, done);
	}
	*more = !t->was_short || SSL_has_pending(t->ssl) == 1;
	return result;
}

ssize_t
tls_write(struct tls *t, const void *from, size_t len)
{
	size_t n = 0;
	ssize_t result;
	int done;

	ERR_clear_error();
	t->is_stuck = false;
	result = shake(t);
	if (result != 1)
		return result == 0 ? -ECONNRESET : result;
	done = SSL_write_ex(t->ssl, from, len, &n);
	if (done == 1)
		return (ssize_t)n;
	result = failed(t, done);
	return result == 0 ? -EPIPE : result;
}

bool
tls_has_alpn(const struct tls *t)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(t->ssl, &name, &len);
	return len > 0;
}

void
tls_text(const struct tls *t, char *buf, size_t size)
{
	(void)text_format(buf, size, "%s/%s", SSL_get_version(t->ssl),
			  SSL_get_cipher_name(t->ssl));
}

void
tls_error_text(const struct tls *t, char *buf, size_t size)
{
	long verdict = SSL_get_verify_result(t->ssl);
	const char *why = NULL;

	if (t->error != 0)
		why = ERR_reason_error_string(t->error);
	/* What the certificate lacks says more than that it lacks something. */
	if (t->error != 0 && !t->is_done && verdict != X509_V_OK)
		why = X509_verify_cert_error_string(verdict);
	(void)text_format(buf, size, "%s", why == NULL ? "" : why);
}

void
tls_shutdown(struct tls *t)
{
	ERR_clear_error();
	if (t->is_done)
		(void)SSL_shutdown(t->ssl);
}
