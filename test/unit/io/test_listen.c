/* Listening: locks, stale sockets, accepting on several loops, pausing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/listen.h"
#include "io/timer.h"

static char path[80];

struct taker {
	struct loop *loop;
	struct listener *listener;
	int accepted, want;
	const struct stream_options *options; /* borrows: that sockets have */
	struct addr peer;
	unsigned tag;
};

/* A port that was free a moment ago. */
static uint16_t
free_port(const char *host)
{
	struct addr a;
	int fd;

	assert_true(addr_parse_ip(host, 0, &a));
	fd = socket(a.sa.sa_family, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, &a.sa, a.len), 0);
	assert_true(addr_of_self(fd, &a));
	close(fd);
	return addr_port(&a);
}

static struct listen_spec
tcp_spec(const char *host, uint16_t port)
{
	struct listen_spec spec = { .backlog = 128 };

	assert_true(addr_parse_ip(host, port, &spec.addr));
	return spec;
}

static struct listen_spec
unix_spec(const char *name)
{
	struct listen_spec spec = {
		.backlog = 128, .tag = 7, .unix_mode = 0770, .unix_group = ""
	};

	assert_true(addr_set_unix(name, &spec.addr));
	return spec;
}

static int
connect_to(const struct addr *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	if (connect(fd, &a->sa, a->len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
on_accepted(void *arg, int fd, const struct addr *peer, unsigned tag)
{
	struct taker *t = arg;

	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	t->peer = *peer;
	t->tag = tag;
	close(fd);
	if (++t->accepted == t->want)
		loop_stop(t->loop);
}

static struct listen_set *
must_open(const struct listen_spec *specs, size_t count, unsigned loops)
{
	char error[256] = "";
	struct listen_set *set =
		listen_open(specs, count, loops, error, sizeof(error));

	if (set == NULL)
		fail_msg("%s", error);
	return set;
}

static void
must_refuse(const struct listen_spec *spec, const char *words)
{
	char error[256] = "";

	assert_null(listen_open(spec, 1, 1, error, sizeof(error)));
	if (strstr(error, words) == NULL)
		fail_msg("%s", error);
}

static void
accepts(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct listen_spec spec =
			tcp_spec(hosts[i], free_port(hosts[i]));
		struct listen_set *set = must_open(&spec, 1, 1);
		struct taker t = { .loop = loop_new(), .want = 100 };
		char text[ADDR_TEXT_MAX];
		int fds[100];

		t.listener = listener_start(set, 0, t.loop, on_accepted, &t);
		assert_non_null(t.listener);
		for (int k = 0; k < 100; k++)
			assert_true((fds[k] = connect_to(&spec.addr)) >= 0);
		loop_run(t.loop, NULL, NULL);
		assert_int_equal(t.accepted, 100);
		assert_string_equal(addr_host(&t.peer, text), hosts[i]);
		for (int k = 0; k < 100; k++)
			close(fds[k]);
		listener_stop(t.listener);
		assert_int_equal(connect_to(&spec.addr), -1);
		listen_close(set);
		loop_free(t.loop);
	}
}

/* What an accepted socket has of it, and its NODELAY. */
static void
expect_options(int fd, const struct stream_options *o)
{
	static const int names[] = { TCP_NODELAY, TCP_KEEPCNT, TCP_KEEPIDLE,
				     TCP_KEEPINTVL, TCP_USER_TIMEOUT };
	int fresh = socket(AF_INET, SOCK_STREAM, 0), value = 0, want = 0;
	socklen_t len = sizeof(value);

	assert_int_equal(stream_set_options(fresh, AF_INET, o), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		getsockopt(fd, IPPROTO_TCP, names[i], &value, &len);
		getsockopt(fresh, IPPROTO_TCP, names[i], &want, &len);
		assert_int_equal(value, want);
	}
	getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len);
	assert_int_equal(value, o->keepalive);
	close(fresh);
}

static void
on_heir(void *arg, int fd, const struct addr *peer, unsigned tag)
{
	struct taker *t = arg;

	expect_options(fd, t->options);
	on_accepted(arg, fd, peer, tag);
}

static void
bequeaths_options(void **state)
{
	static const struct stream_options options[] = {
		{ .keepalive = true,
		  .keepcnt = 3,
		  .keepidle_sec = 10,
		  .keepintvl_sec = 5,
		  .user_timeout_msec = 10000 },
		{ .keepalive = true, .keepcnt = 4 },
		{ .keepalive = false }, /* all back to the system's */
	};
	struct listen_spec spec = tcp_spec("127.0.0.1", free_port("127.0.0.1"));
	struct stream_options bad = { .keepalive = true, .keepcnt = 1u << 30 };
	struct listen_set *set = must_open(&spec, 1, 1);
	struct taker t = { .loop = loop_new() };

	(void)state;
	t.listener = listener_start(set, 0, t.loop, on_heir, &t);
	for (size_t i = 0; i < COUNT_OF(options); i++) {
		int fd;

		t.options = &options[i];
		t.want = t.accepted + 1;
		assert_true(listener_set_options(t.listener, t.options));
		fd = connect_to(&spec.addr);
		loop_run(t.loop, NULL, NULL);
		close(fd);
	}
	assert_false(listener_set_options(t.listener, &bad));
	listener_stop(t.listener);
	listen_close(set);
	loop_free(t.loop);
}

static void
spreads_over_loops(void **state)
{
	struct listen_spec spec = tcp_spec("127.0.0.1", free_port("127.0.0.1"));
	struct listen_set *set = must_open(&spec, 1, 2);
	struct taker takers[2] = { { 0 }, { 0 } };
	int fds[200];

	(void)state;
	for (int k = 0; k < 200; k++)
		assert_true((fds[k] = connect_to(&spec.addr)) >= 0);
	for (unsigned i = 0; i < 2; i++) {
		takers[i].loop = loop_new();
		takers[i].want = -1;
		takers[i].listener = listener_start(set, i, takers[i].loop,
						    on_accepted, &takers[i]);
	}
	for (int turn = 0; turn < 10; turn++) {
		for (int i = 0; i < 2; i++) {
			loop_stop(takers[i].loop);
			loop_run(takers[i].loop, NULL, NULL);
		}
	}
	assert_int_equal(takers[0].accepted + takers[1].accepted, 200);
	assert_true(takers[0].accepted > 0 && takers[1].accepted > 0);
	for (int k = 0; k < 200; k++)
		close(fds[k]);
	for (int i = 0; i < 2; i++) {
		listener_stop(takers[i].listener);
		loop_free(takers[i].loop);
	}
	listen_close(set);
}

static void
second_daemon_is_refused(void **state)
{
	uint16_t port = free_port("127.0.0.1");
	struct listen_spec spec = tcp_spec("127.0.0.1", port);
	struct listen_spec all = tcp_spec("0.0.0.0", port);
	struct listen_set *set = must_open(&spec, 1, 2), *again;

	(void)state;
	must_refuse(&spec, "another carpool listens there");
	must_refuse(&all, "Address already in use");
	listen_close(set);
	set = must_open(&spec, 1, 1);
	listen_close(set);
	/* Sharing must be wanted by both. */
	spec.share = true;
	set = must_open(&spec, 1, 1);
	again = must_open(&spec, 1, 1);
	spec.share = false;
	must_refuse(&spec, "Address already in use");
	listen_close(again);
	listen_close(set);
}

static void
both_wildcards(void **state)
{
	struct listen_spec specs[2];
	struct listen_set *set;
	uint16_t port = free_port("0.0.0.0");

	(void)state;
	specs[0] = tcp_spec("0.0.0.0", port);
	specs[1] = tcp_spec("::", port);
	specs[1].defer_accept = true;
	set = must_open(specs, 2, 2);
	listen_close(set);
}

static void
unix_socket(void **state)
{
	struct listen_spec spec = unix_spec(path);
	struct listen_set *set = must_open(&spec, 1, 2);
	struct taker t = { .loop = loop_new(), .want = 1 };
	char text[ADDR_TEXT_MAX];
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0770);
	t.listener = listener_start(set, 0, t.loop, on_accepted, &t);
	fd = connect_to(&spec.addr);
	assert_true(fd >= 0);
	loop_run(t.loop, NULL, NULL);
	assert_string_equal(addr_host(&t.peer, text), "unix");
	assert_int_equal(t.tag, 7);
	close(fd);
	must_refuse(&spec, "another carpool listens there");
	listener_stop(t.listener);
	listen_close(set);
	assert_int_equal(stat(path, &st), -1);
	loop_free(t.loop);
}

static void
stale_and_foreign_unix_sockets(void **state)
{
	struct listen_spec spec = unix_spec(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct listen_set *set;
	struct stat st;

	(void)state;
	assert_int_equal(bind(fd, &spec.addr.sa, spec.addr.len), 0);
	assert_int_equal(listen(fd, 5), 0);
	must_refuse(&spec, "another program listens there");
	assert_int_equal(stat(path, &st), 0);
	/* Its owner dies and leaves the file. */
	close(fd);
	set = must_open(&spec, 1, 1);
	/* Somebody replaces our file: it is not ours to remove. */
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, &spec.addr.sa, spec.addr.len), 0);
	listen_close(set);
	assert_int_equal(stat(path, &st), 0);
	close(fd);
	unlink(path);
	/* A file that is no socket is left alone. */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	must_refuse(&spec, "is no socket");
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
}

static void
bad_unix_places(void **state)
{
	struct listen_spec spec = unix_spec("/nonexistent/dir/socket");
	struct stat st;

	(void)state;
	must_refuse(&spec, "No such file or directory");
	spec = unix_spec(path);
	spec.unix_group = "no-such-group";
	must_refuse(&spec, "unix_socket_group");
	assert_int_equal(stat(path, &st), -1);
}

static void
abstract_unix_socket(void **state)
{
	char name[64];
	struct listen_spec spec;
	struct listen_set *set;
	int fd;

	(void)state;
	text_format(name, sizeof(name), "@carpool_test.%d", (int)getpid());
	spec = unix_spec(name);
	set = must_open(&spec, 1, 1);
	fd = connect_to(&spec.addr);
	assert_true(fd >= 0);
	close(fd);
	must_refuse(&spec, name);
	listen_close(set);
}

struct raiser {
	struct timer timer;
	struct rlimit limit;
};

static void
raise_limit(struct timer *timer)
{
	struct raiser *r = LIST_ENTRY(timer, struct raiser, timer);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &r->limit), 0);
}

static void
out_of_descriptors_pauses(void **state)
{
	struct listen_spec spec = tcp_spec("127.0.0.1", free_port("127.0.0.1"));
	struct listen_set *set = must_open(&spec, 1, 1);
	struct taker t = { .loop = loop_new(), .want = 1 };
	struct raiser r = { .timer.fire = raise_limit };
	struct log_target quiet = { .file = "/dev/null", .level = LOG_ERROR };
	struct rlimit low;
	usec_t start;
	int fd, next;

	(void)state;
	assert_int_equal(log_open(&quiet), 0);
	t.listener = listener_start(set, 0, t.loop, on_accepted, &t);
	fd = connect_to(&spec.addr);
	assert_true(fd >= 0);
	next = dup(fd);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r.limit), 0);
	low = r.limit;
	low.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	start = clock_now();
	timer_set(t.loop, &r.timer, start + 250 * USEC_PER_MSEC);
	loop_run(t.loop, NULL, NULL);
	assert_int_equal(t.accepted, 1);
	assert_true(clock_now() - start >= 250 * USEC_PER_MSEC);
	close(fd);
	listener_stop(t.listener);
	listen_close(set);
	loop_free(t.loop);
	log_close();
}

static void
stop_inside(void *arg, int fd, const struct addr *peer, unsigned tag)
{
	struct taker *t = arg;

	(void)peer, (void)tag;
	close(fd);
	t->accepted++;
	listener_stop(t->listener);
	loop_stop(t->loop);
}

static void
stopped_from_inside_the_callback(void **state)
{
	struct listen_spec spec = tcp_spec("127.0.0.1", free_port("127.0.0.1"));
	struct listen_set *set = must_open(&spec, 1, 1);
	struct taker t = { .loop = loop_new() };
	int a = connect_to(&spec.addr), b = connect_to(&spec.addr);

	(void)state;
	t.listener = listener_start(set, 0, t.loop, stop_inside, &t);
	loop_run(t.loop, NULL, NULL);
	assert_int_equal(t.accepted, 1);
	close(a);
	close(b);
	listen_close(set);
	loop_free(t.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(bequeaths_options),
		cmocka_unit_test(spreads_over_loops),
		cmocka_unit_test(second_daemon_is_refused),
		cmocka_unit_test(both_wildcards),
		cmocka_unit_test(unix_socket),
		cmocka_unit_test(stale_and_foreign_unix_sockets),
		cmocka_unit_test(bad_unix_places),
		cmocka_unit_test(abstract_unix_socket),
		cmocka_unit_test(out_of_descriptors_pauses),
		cmocka_unit_test(stopped_from_inside_the_callback),
	};

	text_format(path, sizeof(path), "/tmp/carpool_test_listen.%d",
		    (int)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
