/*
 * Listening sockets.
 *
 * Level-triggered, one a loop and address, so that the kernel spreads TCP
 * connections.  SO_REUSEPORT would also let a second daemon of the same user
 * take a share unseen; so, unless sharing is wanted, a socket without it must
 * be able to bind first, and a name in the abstract unix space (which leaves
 * no file behind) is held as the lock.
 *
 * Owns descriptors, locks and socket files.  listen_open and listen_close run
 * on the start-up thread, a listener on its loop; a loop touches only its own
 * column of the set.  Knows nothing of what becomes of a connection.
 */
#include "io/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop_inner.h"

#define ACCEPT_BATCH 64
#define SINGLE_TURNS 6u
#define PAUSE_USEC (100 * USEC_PER_MSEC)
#define DEFER_ACCEPT_SEC 45

/* One address of the set. */
struct place {
	struct addr addr;
	unsigned tag;
	int lock_fd;   /* owns; -1 = none */
	bool has_file; /* a socket file of ours, to be removed */
	dev_t dev;     /* which file that is */
	ino_t ino;
	int *fds; /* owns; one a loop, -1 = none */
};

struct listen_set {
	size_t count;
	unsigned loops;
	struct place *places; /* owns */
};

/* One place's descriptor on one loop. */
struct door {
	struct watch watch;
	struct listener *listener; /* borrows: whose this is */
	unsigned tag;              /* the place's */
	int fd;                    /* borrows the set's; -1 = none */
	unsigned streak;           /* turns since it was found empty */
};

struct listener {
	struct listen_set *set; /* borrows, until listener_stop */
	struct loop *loop;      /* borrows, for the thread's life */
	unsigned index;
	void (*accepted)(void *arg, int fd, const struct addr *peer,
			 unsigned tag);
	void *arg; /* borrows, until listener_stop */
	struct timer pause;
	bool is_accepting; /* a callback of accepted may be on the stack */
	bool is_stopped;
	struct door doors[]; /* one a place */
};

/* Where an error text goes. */
struct complaint {
	char *text; /* borrows, for the call */
	size_t size;
};

static bool
is_abstract(const struct addr *a)
{
	return addr_is_unix(a) && a->un.sun_path[0] == '\0';
}

/* "127.0.0.1:6432", "[::1]:6432", a path, "@name". */
static void
describe(const struct addr *a, char *out, size_t size)
{
	char host[ADDR_TEXT_MAX];

	if (is_abstract(a)) {
		size_t len =
			a->len - offsetof(struct sockaddr_un, sun_path) - 1;

		text_format(out, size, "@%.*s", (int)len, a->un.sun_path + 1);
	} else if (addr_is_unix(a)) {
		text_copy(out, size, a->un.sun_path);
	} else if (a->sa.sa_family == AF_INET6) {
		text_format(out, size, "[%s]:%u", addr_host(a, host),
			    addr_port(a));
	} else {
		text_format(out, size, "%s:%u", addr_host(a, host),
			    addr_port(a));
	}
}

static bool
complain(const struct complaint *c, const struct addr *a, const char *why)
{
	char name[ADDR_TEXT_MAX];

	describe(a, name, sizeof(name));
	text_format(c->text, c->size, "cannot listen on %s: %s", name, why);
	return false;
}

static bool
complain_errno(const struct complaint *c, const struct addr *a, int error)
{
	char buf[128];

	return complain(c, a, strerror_r(error, buf, sizeof(buf)));
}

static bool
switch_on(int fd, int level, int name)
{
	int on = 1;

	return setsockopt(fd, level, name, &on, sizeof(on)) == 0;
}

/*
 * The lock's name.  A path may mean different files in different mount
 * namespaces, so its directory goes by device and inode.
 */
static void
lock_name(const struct addr *a, char *out, size_t size)
{
	char dir[sizeof(a->un.sun_path)];
	const char *base;
	struct stat st;

	if (!addr_is_unix(a)) {
		out += text_copy(out, size, "@carpool/tcp/");
		describe(a, out, size - sizeof("@carpool/tcp/") + 1);
		return;
	}
	text_copy(dir, sizeof(dir), a->un.sun_path);
	base = strrchr(a->un.sun_path, '/');
	if (base == NULL) {
		text_copy(dir, sizeof(dir), ".");
		base = a->un.sun_path;
	} else {
		base++;
		dir[base - a->un.sun_path] = '\0';
	}
	memset(&st, 0, sizeof(st));
	(void)stat(dir, &st);
	text_format(out, size, "@carpool/unix/%llx:%llx/%s",
		    (unsigned long long)st.st_dev,
		    (unsigned long long)st.st_ino, base);
}

static bool
take_lock(struct place *p, const struct complaint *c)
{
	char name[sizeof(p->addr.un.sun_path)];
	struct addr lock;
	int error;

	lock_name(&p->addr, name, sizeof(name));
	ASSERT(addr_set_unix(name, &lock));
	p->lock_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->lock_fd < 0)
		return complain_errno(c, &p->addr, errno);
	if (bind(p->lock_fd, &lock.sa, lock.len) == 0)
		return true;
	error = errno;
	if (error == EADDRINUSE)
		return complain(c, &p->addr, "another carpool listens there");
	return complain_errno(c, &p->addr, error);
}

static int
new_tcp_socket(const struct addr *a)
{
	int fd = socket(a->sa.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* "*" listens on both families with a socket each. */
	if (switch_on(fd, SOL_SOCKET, SO_REUSEADDR) &&
	    (a->sa.sa_family != AF_INET6 ||
	     switch_on(fd, IPPROTO_IPV6, IPV6_V6ONLY)))
		return fd;
	close(fd);
	return -1;
}

/* Sees whether anybody else listens there, also on a wildcard address. */
static bool
probe(const struct addr *a, const struct complaint *c)
{
	int fd = new_tcp_socket(a), error = 0;

	if (fd < 0)
		return complain_errno(c, a, errno);
	if (bind(fd, &a->sa, a->len) < 0)
		error = errno;
	close(fd);
	return error == 0 || complain_errno(c, a, error);
}

static int
open_tcp(const struct listen_spec *spec)
{
	int fd = new_tcp_socket(&spec->addr), defer = DEFER_ACCEPT_SEC;

	if (fd < 0)
		return -1;
	if (switch_on(fd, SOL_SOCKET, SO_REUSEPORT) &&
	    (!spec->defer_accept ||
	     setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer,
			sizeof(defer)) == 0) &&
	    bind(fd, &spec->addr.sa, spec->addr.len) == 0 &&
	    listen(fd, spec->backlog) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
open_tcp_place(struct place *p, const struct listen_spec *spec, unsigned loops,
	       const struct complaint *c)
{
	if (!spec->share && (!take_lock(p, c) || !probe(&p->addr, c)))
		return false;
	for (unsigned i = 0; i < loops; i++) {
		p->fds[i] = open_tcp(spec);
		if (p->fds[i] < 0)
			return complain_errno(c, &p->addr, errno);
	}
	return true;
}

/* Removes the socket file of a daemon that is gone; false where one lives. */
static bool
remove_stale(const struct addr *a, const struct complaint *c)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return complain_errno(c, a, errno);
	if (connect(fd, &a->sa, a->len) < 0)
		error = errno;
	close(fd);
	switch (error) {
	case ENOENT:
		return true;
	case ECONNREFUSED:
		/* Connecting to a plain file is refused in the same way. */
		if (lstat(a->un.sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
			return complain(c, a, "the file there is no socket");
		if (unlink(a->un.sun_path) == 0 || errno == ENOENT)
			return true;
		return complain_errno(c, a, errno);
	case 0:
	case EAGAIN:
		return complain(c, a, "another program listens there");
	default:
		return complain_errno(c, a, error);
	}
}

/* The id of a group by name or number; false when there is none. */
static bool
find_group(const char *name, gid_t *gid)
{
	const struct group *group = getgrnam(name);
	uint64_t number;

	if (group != NULL) {
		*gid = group->gr_gid;
		return true;
	}
	if (!text_to_u64(name, 10, &number) || number >= UINT32_MAX)
		return false;
	*gid = (gid_t)number;
	return true;
}

/* Sets mode and group while nobody can connect yet. */
static bool
set_access(struct place *p, const struct listen_spec *spec,
	   const struct complaint *c)
{
	const char *path = p->addr.un.sun_path;
	struct stat st;
	gid_t gid;

	if (stat(path, &st) < 0)
		return complain_errno(c, &p->addr, errno);
	p->has_file = true;
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	if (spec->unix_group != NULL && spec->unix_group[0] != '\0') {
		if (!find_group(spec->unix_group, &gid))
			return complain(c, &p->addr,
					"unknown group (unix_socket_group)");
		if (chown(path, (uid_t)-1, gid) < 0)
			return complain_errno(c, &p->addr, errno);
	}
	if (chmod(path, (mode_t)spec->unix_mode) < 0)
		return complain_errno(c, &p->addr, errno);
	return true;
}

static bool
open_unix_place(struct place *p, const struct listen_spec *spec,
		const struct complaint *c)
{
	const struct addr *a = &p->addr;
	bool is_file = !is_abstract(a);

	if (is_file && (!take_lock(p, c) || !remove_stale(a, c)))
		return false;
	p->fds[0] =
		socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fds[0] < 0 || bind(p->fds[0], &a->sa, a->len) < 0)
		return complain_errno(c, a, errno);
	if (is_file && !set_access(p, spec, c))
		return false;
	if (listen(p->fds[0], spec->backlog) < 0)
		return complain_errno(c, a, errno);
	return true;
}

static struct listen_set *
new_set(const struct listen_spec *specs, size_t count, unsigned loops)
{
	struct listen_set *set = mem_must_zalloc(sizeof(*set));

	set->count = count;
	set->loops = loops;
	set->places = mem_must_zalloc(count * sizeof(set->places[0]));
	for (size_t i = 0; i < count; i++) {
		struct place *p = &set->places[i];

		p->addr = specs[i].addr;
		p->tag = specs[i].tag;
		p->lock_fd = -1;
		p->fds = mem_must_zalloc(loops * sizeof(p->fds[0]));
		for (unsigned k = 0; k < loops; k++)
			p->fds[k] = -1;
	}
	return set;
}

struct listen_set *
listen_open(const struct listen_spec *specs, size_t count, unsigned loops,
	    char *error, size_t error_size)
{
	struct listen_set *set = new_set(specs, count, loops);
	struct complaint c = { error, error_size };

	for (size_t i = 0; i < count; i++) {
		struct place *p = &set->places[i];
		bool is_open;

		if (addr_is_unix(&p->addr))
			is_open = open_unix_place(p, &specs[i], &c);
		else
			is_open = open_tcp_place(p, &specs[i], loops, &c);
		if (!is_open) {
			listen_close(set);
			return NULL;
		}
	}
	return set;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Removes our socket file, unless another has taken its place. */
static void
remove_file(const struct place *p)
{
	struct stat st;

	if (p->has_file && stat(p->addr.un.sun_path, &st) == 0 &&
	    st.st_dev == p->dev && st.st_ino == p->ino)
		unlink(p->addr.un.sun_path);
}

void
listen_close(struct listen_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++) {
		struct place *p = &set->places[i];

		remove_file(p);
		for (unsigned k = 0; k < set->loops; k++)
			close_fd(&p->fds[k]);
		close_fd(&p->lock_fd);
		mem_free(p->fds);
	}
	mem_free(set->places);
	mem_free(set);
}

/* Watches all descriptors; false without memory. */
static bool
resume(struct listener *l)
{
	for (size_t i = 0; i < l->set->count; i++) {
		struct door *d = &l->doors[i];
		int error = d->fd < 0 ? 0
				      : loop_watch(l->loop, &d->watch, d->fd,
						   EPOLLIN);

		if (error != 0 && error != EEXIST)
			return false;
	}
	return true;
}

static void
suspend(struct listener *l)
{
	for (size_t i = 0; i < l->set->count; i++)
		if (l->doors[i].fd >= 0)
			loop_unwatch(l->loop, &l->doors[i].watch,
				     l->doors[i].fd);
}

static void
pause_accepting(struct listener *l, int error)
{
	static struct log_rate rate = LOG_RATE(1);
	char buf[128], quoted[LOG_QUOTE_MAX];

	suspend(l);
	timer_set(l->loop, &l->pause, loop_now(l->loop) + PAUSE_USEC);
	if (log_allow(&rate))
		log_event(
			LOG_WARNING, "accept_paused", "error=%s",
			log_quote(strerror_r(error, buf, sizeof(buf)), quoted));
}

static void
on_pause_over(struct timer *timer)
{
	struct listener *l = LIST_ENTRY(timer, struct listener, pause);

	if (!resume(l))
		timer_set(l->loop, timer, loop_now(l->loop) + PAUSE_USEC);
}

/*
 * True for the errors of one connection that is gone already; accept(2) on
 * Linux also reports what happened on its network.
 */
static bool
is_passing(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
	case EPERM:
		return true;
	default:
		return false;
	}
}

/*
 * How many connections to take in this turn.  A try that finds none costs the
 * kernel nearly as much as a connection, and one that is left behind comes with
 * the next turn's events; so one at a time, until there is one in many turns.
 */
static unsigned
quota(const struct door *d)
{
	if (d->streak < SINGLE_TURNS)
		return 1;
	return d->streak == SINGLE_TURNS ? ACCEPT_BATCH / 8 : ACCEPT_BATCH;
}

static void
accept_some(struct listener *l, struct door *d)
{
	for (unsigned left = quota(d); left > 0 && !l->is_stopped; left--) {
		struct addr peer = { .len = sizeof(peer.storage) };
		int fd = accept4(d->fd, &peer.sa, &peer.len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			l->accepted(l->arg, fd, &peer, d->tag);
		} else if (errno == EAGAIN) {
			d->streak = 0;
			return;
		} else if (!is_passing(errno)) {
			pause_accepting(l, errno);
			return;
		}
	}
	d->streak++;
}

static void
on_readable(struct watch *watch, uint32_t events)
{
	struct door *d = LIST_ENTRY(watch, struct door, watch);
	struct listener *l = d->listener;

	(void)events;
	l->is_accepting = true;
	accept_some(l, d);
	l->is_accepting = false;
	if (l->is_stopped)
		mem_free(l);
}

struct listener *
listener_start(struct listen_set *set, unsigned index, struct loop *loop,
	       void (*accepted)(void *arg, int fd, const struct addr *peer,
				unsigned tag),
	       void *arg)
{
	struct listener *l =
		mem_zalloc(sizeof(*l) + set->count * sizeof(l->doors[0]));

	ASSERT(index < set->loops);
	if (l == NULL)
		return NULL;
	l->set = set;
	l->loop = loop;
	l->index = index;
	l->accepted = accepted;
	l->arg = arg;
	l->pause.fire = on_pause_over;
	for (size_t i = 0; i < set->count; i++)
		l->doors[i] = (struct door){ .watch.fire = on_readable,
					     .listener = l,
					     .tag = set->places[i].tag,
					     .fd = set->places[i].fds[index] };
	if (resume(l))
		return l;
	suspend(l);
	mem_free(l);
	return NULL;
}

bool
listener_set_options(struct listener *l, const struct stream_options *options)
{
	for (size_t i = 0; i < l->set->count; i++) {
		const struct addr *a = &l->set->places[i].addr;

		if (l->doors[i].fd >= 0 && !addr_is_unix(a) &&
		    stream_bequeath(l->doors[i].fd, a->sa.sa_family, options) !=
			    0)
			return false;
	}
	return true;
}

void
listener_stop(struct listener *l)
{
	if (l == NULL || l->is_stopped)
		return;
	suspend(l);
	timer_clear(l->loop, &l->pause);
	for (size_t i = 0; i < l->set->count; i++)
		close_fd(&l->set->places[i].fds[l->index]);
	l->is_stopped = true;
	if (!l->is_accepting)
		mem_free(l);
}
