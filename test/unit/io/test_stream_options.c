/* Connecting, and the options that are set on sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/stream.h"

struct dialer {
	struct stream stream;
	int result;
};

static void
on_dialed(struct stream *s)
{
	struct dialer *d = LIST_ENTRY(s, struct dialer, stream);

	d->result = stream_connected(s);
	if (d->result != EINPROGRESS)
		loop_stop(s->loop);
}

static int
dial(struct loop *loop, struct dialer *d, const struct addr *to)
{
	struct stream_options o = {
		.keepalive = true,
		.keepcnt = 3,
		.keepidle_sec = 10,
		.keepintvl_sec = 5,
		.user_timeout_msec = 10000,
		.socket_buffer_bytes = 65536,
	};
	int error;

	*d = (struct dialer){ .result = -1 };
	stream_init(&d->stream, on_dialed);
	error = stream_connect(&d->stream, loop, to, &o);
	if (error != 0)
		return error;
	assert_int_equal(d->stream.state, STREAM_CONNECTING);
	loop_run(loop, NULL, NULL);
	return d->result;
}

static int
tcp_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	getsockopt(fd, IPPROTO_TCP, name, &value, &len);
	return value;
}

static void
connect_tcp(void **state)
{
	struct loop *loop = loop_new();
	struct dialer d;
	struct addr a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

	(void)state;
	assert_true(addr_parse_ip("127.0.0.1", 0, &a));
	assert_int_equal(bind(listener, &a.sa, a.len), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_true(addr_of_self(listener, &a));
	assert_int_equal(dial(loop, &d, &a), 0);
	assert_int_equal(d.stream.state, STREAM_OPEN);
	fd = d.stream.fd;
	assert_int_equal(tcp_option(fd, TCP_NODELAY), 1);
	assert_int_equal(tcp_option(fd, TCP_KEEPCNT), 3);
	assert_int_equal(tcp_option(fd, TCP_KEEPIDLE), 10);
	assert_int_equal(tcp_option(fd, TCP_KEEPINTVL), 5);
	assert_int_equal(tcp_option(fd, TCP_USER_TIMEOUT), 10000);
	stream_close(&d.stream, STREAM_RESET);
	/* Nobody listens there now. */
	close(listener);
	assert_int_equal(dial(loop, &d, &a), ECONNREFUSED);
	stream_close(&d.stream, STREAM_FIN);
	loop_free(loop);
}

static void
connect_unix(void **state)
{
	struct loop *loop = loop_new();
	struct dialer d;
	struct addr a;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_true(addr_set_unix("@carpool_test_stream", &a));
	assert_int_equal(bind(listener, &a.sa, a.len), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(dial(loop, &d, &a), 0);
	assert_true(d.stream.is_unix);
	stream_close(&d.stream, STREAM_FIN);
	close(listener);
	assert_int_equal(dial(loop, &d, &a), ECONNREFUSED);
	stream_close(&d.stream, STREAM_FIN);
	loop_free(loop);
}

static void
options_of_accepted(void **state)
{
	struct stream_options none = { .keepalive = false };
	int fds[2];

	(void)state;
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(stream_set_options(fds[0], AF_INET, &none), 0);
	assert_int_equal(tcp_option(fds[0], TCP_NODELAY), 1);
	close(fds[0]);
	assert_int_equal(stream_set_options(fds[0], AF_INET, &none), EBADF);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(stream_set_options(fds[1], AF_UNIX, &none), 0);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_tcp),
		cmocka_unit_test(connect_unix),
		cmocka_unit_test(options_of_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
