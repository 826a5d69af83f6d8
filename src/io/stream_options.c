/*
 * What is set on a stream's socket before it is used.  Owns nothing; any
 * thread.  tcp(7), socket(7).
 */
#include "io/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int
set_option(int fd, int level, int name, unsigned value)
{
	int v = value < INT32_MAX ? (int)value : INT32_MAX;

	return setsockopt(fd, level, name, &v, sizeof(v)) == 0 ? 0 : errno;
}

/* As set_option, but 0 leaves what the system has. */
static int
set_unless_zero(int fd, int level, int name, unsigned value)
{
	return value == 0 ? 0 : set_option(fd, level, name, value);
}

static int
set_keepalive(int fd, const struct stream_options *o)
{
	int error = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);

	if (error == 0)
		error = set_unless_zero(fd, IPPROTO_TCP, TCP_KEEPCNT,
					o->keepcnt);
	if (error == 0)
		error = set_unless_zero(fd, IPPROTO_TCP, TCP_KEEPIDLE,
					o->keepidle_sec);
	if (error == 0)
		error = set_unless_zero(fd, IPPROTO_TCP, TCP_KEEPINTVL,
					o->keepintvl_sec);
	return error;
}

static int
set_tcp_options(int fd, const struct stream_options *o)
{
	int error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	if (error == 0 && o->keepalive)
		error = set_keepalive(fd, o);
	if (error == 0)
		error = set_unless_zero(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
					o->user_timeout_msec);
	return error;
}

int
stream_set_options(int fd, int family, const struct stream_options *o)
{
	int error = set_unless_zero(fd, SOL_SOCKET, SO_RCVBUF,
				    o->socket_buffer_bytes);

	if (error == 0)
		error = set_unless_zero(fd, SOL_SOCKET, SO_SNDBUF,
					o->socket_buffer_bytes);
	if (error == 0 && family != AF_UNIX)
		error = set_tcp_options(fd, o);
	return error;
}
