/*
 * What is set on a stream's socket before it is used.  Owns nothing; any
 * thread.  tcp(7), socket(7).
 */
#include "io/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

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
stream_set_buffers(int fd, const struct stream_options *o)
{
	int error = set_unless_zero(fd, SOL_SOCKET, SO_RCVBUF,
				    o->socket_buffer_bytes);

	if (error == 0)
		error = set_unless_zero(fd, SOL_SOCKET, SO_SNDBUF,
					o->socket_buffer_bytes);
	return error;
}

int
stream_set_options(int fd, int family, const struct stream_options *o)
{
	int error = stream_set_buffers(fd, o);

	if (error == 0 && family != AF_UNIX)
		error = set_tcp_options(fd, o);
	return error;
}

/* Sets an option to what it is on a socket that is fresh. */
static int
set_as_on(int fd, int fresh, int level, int name)
{
	int v = 0;
	socklen_t len = sizeof(v);

	if (getsockopt(fresh, level, name, &v, &len) == 0 &&
	    setsockopt(fd, level, name, &v, len) == 0)
		return 0;
	return errno;
}

/* What earlier options have set and these leave to the system. */
static int
set_back(int fd, int fresh)
{
	static const struct {
		int level, name;
	} set[] = {
		{ SOL_SOCKET, SO_KEEPALIVE },
		{ IPPROTO_TCP, TCP_KEEPCNT },
		{ IPPROTO_TCP, TCP_KEEPIDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	};
	int error = 0;

	for (size_t i = 0; i < COUNT_OF(set) && error == 0; i++)
		error = set_as_on(fd, fresh, set[i].level, set[i].name);
	return error;
}

int
stream_bequeath(int fd, int family, const struct stream_options *o)
{
	int fresh = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fresh < 0)
		return errno;
	error = set_back(fd, fresh);
	close(fresh);
	return error != 0 ? error : set_tcp_options(fd, o);
}
