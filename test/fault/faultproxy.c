/*
 * faultproxy: a TCP relay that makes bad networks, for tests.
 *
 *     cc -std=c11 -D_GNU_SOURCE -O2 -o faultproxy faultproxy.c
 *
 * Prints "control PORT", takes line commands there and ends when its standard
 * input does.  One thread, one poll loop; knows no protocol.  Everything lives
 * in one fixed table, so that a test's pressure cannot make it fail oddly.
 *
 *     listen PORT TARGET     forward PORT (0 = any) of 127.0.0.1 to TARGET;
 *                            answers "ok ID PORT"
 *     delay ID WAY MS        each byte MS milliseconds later
 *     split ID WAY N         writes of at most N bytes, each its own segment
 *     reset-after ID WAY N   RST on both sides after N bytes; -1 = never
 *     stall ID WAY           stop reading that way
 *     blackhole ID           accept, then nothing
 *     drop ID                the client's packets vanish unacknowledged
 *     refuse ID              reset new connections
 *     resume ID              all of the above undone
 *     close ID, reset ID     end all connections
 *     count ID               "ok OPEN TOTAL UP-BYTES DOWN-BYTES"
 *
 * WAY: up (client to target), down, both.  All answers are one line, "ok ..."
 * or "error ...".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_LINKS = 16,
	MAX_PAIRS = 2048,
	MAX_CONTROLS = 4,
	RING_BYTES = 32768,
	MAX_MARKS = 128,
	LINE_BYTES = 256,
};

enum way { WAY_UP, WAY_DOWN, WAYS };

enum admission { ADMIT, BLACKHOLE, REFUSE };

/* How one direction of a link misbehaves. */
struct fault {
	int64_t delay_ms;
	int64_t split;       /* 0 = off */
	int64_t reset_after; /* bytes; -1 = off */
	bool stalled;
};

struct link {
	int fd; /* -1 = free */
	uint16_t target;
	enum admission admission;
	struct fault fault[WAYS];
	int64_t total;
	int64_t bytes[WAYS];
};

/* The bytes up to stream offset `end` may leave at `due_ms`. */
struct mark {
	int64_t end;
	int64_t due_ms;
};

/* One direction of a connection. */
struct flow {
	unsigned char ring[RING_BYTES];
	int64_t in, out; /* stream offsets: read so far, written so far */
	struct mark marks[MAX_MARKS];
	unsigned first_mark, mark_count;
	bool read_end; /* the reading side sent FIN */
	bool fin_sent;
};

/* fd[WAY_UP] is read for the way up (the client), fd[WAY_DOWN] for down. */
struct pair {
	struct link *link; /* borrows; NULL = free */
	int fd[WAYS];      /* the target is -1 while black-holed */
	bool connecting;
	struct flow flow[WAYS];
};

struct control {
	int fd; /* -1 = free */
	char line[LINE_BYTES];
	size_t used;
};

struct proxy {
	int control_fd;
	bool ended;
	struct link links[MAX_LINKS];
	struct control controls[MAX_CONTROLS];
	struct pair pairs[MAX_PAIRS];
	int pair_top; /* one past the highest pair ever used */
	struct pollfd polls[2 + MAX_LINKS + MAX_CONTROLS + 2 * MAX_PAIRS];
	nfds_t poll_count;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
set_socket(int fd)
{
	int on = 1;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static struct sockaddr_in
loopback(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(port);
	return a;
}

static uint16_t
local_port(int fd)
{
	struct sockaddr_in a;
	socklen_t size = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &size);
	return ntohs(a.sin_port);
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 1024) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
close_reset(int fd)
{
	struct linger hard = { .l_onoff = 1 };

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static void
pair_close(struct pair *p)
{
	for (int w = 0; w < WAYS; w++)
		if (p->fd[w] >= 0)
			close(p->fd[w]);
	p->link = NULL;
}

static void
pair_reset(struct pair *p)
{
	close_reset(p->fd[WAY_UP]);
	close_reset(p->fd[WAY_DOWN]);
	p->link = NULL;
}

static void
pair_connect(struct pair *p)
{
	struct sockaddr_in a = loopback(p->link->target);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 &&
		       errno != EINPROGRESS)) {
		if (fd >= 0)
			close(fd);
		pair_reset(p);
		return;
	}
	set_socket(fd);
	p->fd[WAY_DOWN] = fd;
	p->connecting = true;
}

static struct pair *
pair_find_free(struct proxy *x)
{
	for (int i = 0; i < MAX_PAIRS; i++)
		if (!x->pairs[i].link) {
			if (i >= x->pair_top)
				x->pair_top = i + 1;
			return &x->pairs[i];
		}
	return NULL;
}

static void
link_accept(struct proxy *x, struct link *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct pair *p = pair_find_free(x);

		l->total++;
		if (!p || l->admission == REFUSE) {
			close_reset(fd);
			continue;
		}
		set_socket(fd);
		p->link = l;
		p->fd[WAY_UP] = fd;
		p->fd[WAY_DOWN] = -1;
		p->connecting = false;
		for (int w = 0; w < WAYS; w++) {
			struct flow *f = &p->flow[w];

			f->in = f->out = 0;
			f->first_mark = f->mark_count = 0;
			f->read_end = f->fin_sent = false;
		}
		if (l->admission == ADMIT)
			pair_connect(p);
	}
}

static bool
flow_wants_read(const struct flow *f, const struct fault *x)
{
	return !x->stalled && !f->read_end && f->in - f->out < RING_BYTES &&
	       f->mark_count < MAX_MARKS;
}

/* Bytes of the ring that may leave now; next = when more may, or -1. */
static int64_t
flow_due(struct flow *f, int64_t now, int64_t *next)
{
	int64_t end = f->out;

	*next = -1;
	for (unsigned i = 0; i < f->mark_count; i++) {
		struct mark *m = &f->marks[(f->first_mark + i) % MAX_MARKS];

		if (m->due_ms > now) {
			*next = m->due_ms;
			break;
		}
		end = m->end;
	}
	return end - f->out;
}

static void
flow_mark(struct flow *f, int64_t due)
{
	unsigned at = (f->first_mark + f->mark_count++) % MAX_MARKS;

	f->marks[at].end = f->in;
	f->marks[at].due_ms = due;
}

static void
flow_forget_marks(struct flow *f)
{
	while (f->mark_count > 0 && f->marks[f->first_mark].end <= f->out) {
		f->first_mark = (f->first_mark + 1) % MAX_MARKS;
		f->mark_count--;
	}
}

/* Read what is there; false when the connection is gone. */
static bool
flow_read(struct flow *f, const struct fault *x, int fd, int64_t now)
{
	size_t at = (size_t)(f->in % RING_BYTES);
	size_t room = (size_t)(RING_BYTES - (f->in - f->out));
	ssize_t n;

	if (room > RING_BYTES - at)
		room = RING_BYTES - at;
	n = read(fd, f->ring + at, room);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0) {
		f->read_end = true;
		return true;
	}
	f->in += n;
	flow_mark(f, now + x->delay_ms);
	return true;
}

/*
 * Write what is due; false when the connection is to be reset.  With a split
 * of n, each write is at most n bytes and, with TCP_NODELAY, its own segment.
 */
static bool
flow_write(struct flow *f, struct link *l, enum way w, int fd, int64_t now)
{
	const struct fault *x = &l->fault[w];
	int64_t next, due = flow_due(f, now, &next);

	while (due > 0) {
		size_t at = (size_t)(f->out % RING_BYTES);
		int64_t n = due;
		ssize_t done;

		if (n > (int64_t)(RING_BYTES - at))
			n = (int64_t)(RING_BYTES - at);
		if (x->split > 0 && n > x->split)
			n = x->split;
		if (x->reset_after >= 0 && f->out + n > x->reset_after)
			n = x->reset_after - f->out;
		if (n <= 0)
			return false;
		done = write(fd, f->ring + at, (size_t)n);
		if (done < 0)
			return errno == EAGAIN || errno == EINTR;
		f->out += done;
		due -= done;
		l->bytes[w] += done;
	}
	flow_forget_marks(f);
	if (x->reset_after >= 0 && f->out >= x->reset_after)
		return false;
	if (f->read_end && f->in == f->out && !f->fin_sent) {
		shutdown(fd, SHUT_WR);
		f->fin_sent = true;
	}
	return true;
}

static void
pair_work(struct pair *p, short up, short down, int64_t now)
{
	short events[WAYS] = { up, down };

	if (p->connecting) {
		if (!(down & (POLLOUT | POLLERR | POLLHUP)))
			return;
		if (down & (POLLERR | POLLHUP)) {
			pair_reset(p);
			return;
		}
		p->connecting = false;
	}
	for (int w = 0; w < WAYS; w++) {
		struct flow *f = &p->flow[w];
		struct fault *x = &p->link->fault[w];
		int from = p->fd[w], to = p->fd[!w];

		if (to < 0)
			continue;
		if ((events[w] & (POLLIN | POLLHUP | POLLERR)) &&
		    flow_wants_read(f, x) && !flow_read(f, x, from, now)) {
			pair_reset(p);
			return;
		}
		if (!flow_write(f, p->link, (enum way)w, to, now)) {
			pair_reset(p);
			return;
		}
	}
	if (p->flow[WAY_UP].fin_sent && p->flow[WAY_DOWN].fin_sent)
		pair_close(p);
}

/* Commands */

static void
answer(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return;
}

static void
cmd_listen(struct proxy *x, int fd, int64_t port, int64_t target)
{
	char text[64];

	for (int i = 0; i < MAX_LINKS; i++) {
		struct link *l = &x->links[i];

		if (l->fd >= 0)
			continue;
		memset(l, 0, sizeof(*l));
		l->fault[WAY_UP].reset_after = -1;
		l->fault[WAY_DOWN].reset_after = -1;
		l->target = (uint16_t)target;
		l->fd = listen_on((uint16_t)port);
		if (l->fd < 0) {
			answer(fd, "error cannot listen\n");
			return;
		}
		snprintf(text, sizeof(text), "ok %d %d\n", i,
			 (int)local_port(l->fd));
		answer(fd, text);
		return;
	}
	answer(fd, "error too many listeners\n");
}

static void
link_end_pairs(struct proxy *x, const struct link *l,
	       void (*end)(struct pair *p))
{
	for (int i = 0; i < x->pair_top; i++)
		if (x->pairs[i].link == l)
			end(&x->pairs[i]);
}

/*
 * A socket filter that takes nothing: the kernel then drops what comes for the
 * socket before it acknowledges it, which needs no rights, as a firewall would.
 */
static void
drop_packets(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &nothing };

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void
take_packets(int fd)
{
	int unused = 0;

	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

/* New connections inherit the listener's filter. */
static void
link_filter(struct proxy *x, const struct link *l, void (*act)(int fd))
{
	act(l->fd);
	for (int i = 0; i < x->pair_top; i++)
		if (x->pairs[i].link == l)
			act(x->pairs[i].fd[WAY_UP]);
}

static void
link_drop(struct proxy *x, struct link *l)
{
	link_filter(x, l, drop_packets);
	l->fault[WAY_UP].stalled = l->fault[WAY_DOWN].stalled = true;
}

static void
link_resume(struct proxy *x, struct link *l)
{
	struct fault plain = { .reset_after = -1 };

	link_filter(x, l, take_packets);
	l->admission = ADMIT;
	l->fault[WAY_UP] = l->fault[WAY_DOWN] = plain;
	for (int i = 0; i < x->pair_top; i++)
		if (x->pairs[i].link == l && x->pairs[i].fd[WAY_DOWN] < 0)
			pair_connect(&x->pairs[i]);
}

static void
cmd_count(struct proxy *x, int fd, const struct link *l)
{
	char text[128];
	int open = 0;

	for (int i = 0; i < x->pair_top; i++)
		open += x->pairs[i].link == l;
	snprintf(text, sizeof(text),
		 "ok %d %" PRId64 " %" PRId64 " %" PRId64 "\n", open, l->total,
		 l->bytes[WAY_UP], l->bytes[WAY_DOWN]);
	answer(fd, text);
}

static bool
set_fault(struct fault *f, const char *word, int64_t n)
{
	if (strcmp(word, "delay") == 0)
		f->delay_ms = n;
	else if (strcmp(word, "split") == 0)
		f->split = n;
	else if (strcmp(word, "reset-after") == 0)
		f->reset_after = n;
	else if (strcmp(word, "stall") == 0)
		f->stalled = true;
	else
		return false;
	return true;
}

static bool
cmd_fault(struct link *l, const char *word, const char *way, int64_t n)
{
	bool known = false;

	if (strcmp(way, "down") != 0)
		known = set_fault(&l->fault[WAY_UP], word, n);
	if (strcmp(way, "up") != 0)
		known = set_fault(&l->fault[WAY_DOWN], word, n);
	return known;
}

static bool
cmd_link(struct proxy *x, struct link *l, const char *word, const char *way,
	 int64_t n)
{
	if (strcmp(word, "blackhole") == 0)
		l->admission = BLACKHOLE;
	else if (strcmp(word, "drop") == 0)
		link_drop(x, l);
	else if (strcmp(word, "refuse") == 0)
		l->admission = REFUSE;
	else if (strcmp(word, "resume") == 0)
		link_resume(x, l);
	else if (strcmp(word, "close") == 0)
		link_end_pairs(x, l, pair_close);
	else if (strcmp(word, "reset") == 0)
		link_end_pairs(x, l, pair_reset);
	else
		return cmd_fault(l, word, way, n);
	return true;
}

static void
run_command(struct proxy *x, int fd, const char *line)
{
	char word[32] = "", way[32] = "";
	int64_t a = -1, n = 0;
	struct link *l;

	if (sscanf(line, "listen %" SCNd64 " %" SCNd64, &a, &n) == 2) {
		cmd_listen(x, fd, a, n);
		return;
	}
	if (sscanf(line, "%31s %" SCNd64 " %31s %" SCNd64, word, &a, way, &n) <
		    2 ||
	    a < 0 || a >= MAX_LINKS || x->links[a].fd < 0) {
		answer(fd, "error no such listener\n");
		return;
	}
	l = &x->links[a];
	if (strcmp(word, "count") == 0)
		cmd_count(x, fd, l);
	else if (cmd_link(x, l, word, way, n))
		answer(fd, "ok\n");
	else
		answer(fd, "error unknown command\n");
}

static void
control_read(struct proxy *x, struct control *c)
{
	ssize_t n = read(c->fd, c->line + c->used, LINE_BYTES - 1 - c->used);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(c->fd);
		c->fd = -1;
		return;
	}
	c->used += (size_t)n;
	c->line[c->used] = '\0';
	while ((end = strchr(c->line, '\n')) != NULL) {
		*end++ = '\0';
		run_command(x, c->fd, c->line);
		c->used -= (size_t)(end - c->line);
		memmove(c->line, end, c->used + 1);
	}
	if (c->used == LINE_BYTES - 1)
		c->used = 0;
}

static void
control_accept(struct proxy *x)
{
	int fd = accept4(x->control_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (int i = 0; i < MAX_CONTROLS; i++)
		if (x->controls[i].fd < 0) {
			set_socket(fd);
			x->controls[i].fd = fd;
			x->controls[i].used = 0;
			return;
		}
	close(fd);
}

/* The loop */

static nfds_t
add_poll(struct proxy *x, int fd, short events)
{
	struct pollfd *p = &x->polls[x->poll_count];

	p->fd = fd;
	p->events = events;
	p->revents = 0;
	return x->poll_count++;
}

static void
note_time(int64_t *best, int64_t t)
{
	if (t >= 0 && (*best < 0 || t < *best))
		*best = t;
}

/* What a pair waits for: one entry for each descriptor. */
static void
add_pair(struct proxy *x, struct pair *p, int64_t now, int64_t *wake)
{
	short events[WAYS] = { 0, 0 };

	for (int w = 0; w < WAYS; w++) {
		struct flow *f = &p->flow[w];
		int64_t next;

		if (p->fd[WAY_DOWN] < 0)
			break;
		if (!p->connecting && flow_wants_read(f, &p->link->fault[w]))
			events[w] |= POLLIN;
		if (flow_due(f, now, &next) > 0)
			events[!w] |= POLLOUT;
		note_time(wake, next);
	}
	if (p->connecting)
		events[WAY_DOWN] = POLLOUT;
	/* poll reports a hang-up without being asked: a descriptor that we do
	 * not want to hear of is left out */
	add_poll(x, events[WAY_UP] ? p->fd[WAY_UP] : -1, events[WAY_UP]);
	add_poll(x, events[WAY_DOWN] ? p->fd[WAY_DOWN] : -1, events[WAY_DOWN]);
}

static int
prepare_polls(struct proxy *x, int64_t now)
{
	int64_t wake = -1;

	x->poll_count = 0;
	add_poll(x, STDIN_FILENO, POLLIN);
	add_poll(x, x->control_fd, POLLIN);
	for (int i = 0; i < MAX_LINKS; i++)
		add_poll(x, x->links[i].fd, POLLIN);
	for (int i = 0; i < MAX_CONTROLS; i++)
		add_poll(x, x->controls[i].fd, POLLIN);
	for (int i = 0; i < x->pair_top; i++) {
		if (x->pairs[i].link) {
			add_pair(x, &x->pairs[i], now, &wake);
		} else {
			add_poll(x, -1, 0);
			add_poll(x, -1, 0);
		}
	}
	if (wake < 0)
		return -1;
	return wake > now ? (int)(wake - now) : 0;
}

static void
handle_polls(struct proxy *x)
{
	const struct pollfd *p = x->polls;
	nfds_t pairs = 2 + MAX_LINKS + MAX_CONTROLS;
	int top = x->pair_top;
	char byte;

	if (p[0].revents && read(STDIN_FILENO, &byte, 1) <= 0)
		x->ended = true;
	/* pairs first: commands and accepts change the table */
	for (int i = 0; i < top; i++) {
		struct pair *pair = &x->pairs[i];

		if (pair->link && pair->fd[WAY_DOWN] >= 0)
			pair_work(pair, p[pairs + 2 * (nfds_t)i].revents,
				  p[pairs + 2 * (nfds_t)i + 1].revents,
				  now_ms());
	}
	for (int i = 0; i < MAX_CONTROLS; i++)
		if (p[2 + MAX_LINKS + i].revents)
			control_read(x, &x->controls[i]);
	for (int i = 0; i < MAX_LINKS; i++)
		if (p[2 + i].revents)
			link_accept(x, &x->links[i]);
	if (p[1].revents)
		control_accept(x);
}

static void
raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

int
main(void)
{
	static struct proxy x;

	/* Who is written to may be gone. */
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	for (int i = 0; i < MAX_LINKS; i++)
		x.links[i].fd = -1;
	for (int i = 0; i < MAX_CONTROLS; i++)
		x.controls[i].fd = -1;
	x.control_fd = listen_on(0);
	if (x.control_fd < 0) {
		perror("faultproxy");
		return EXIT_FAILURE;
	}
	printf("control %d\n", (int)local_port(x.control_fd));
	fflush(stdout);
	while (!x.ended) {
		int wait = prepare_polls(&x, now_ms());

		if (poll(x.polls, x.poll_count, wait) < 0 && errno != EINTR)
			return EXIT_FAILURE;
		handle_polls(&x);
	}
	return EXIT_SUCCESS;
}
