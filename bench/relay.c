/*
 * The floor: what a proxy costs that only moves bytes.
 *
 *	relay LISTEN_PORT SERVER_PORT       both on 127.0.0.1
 *
 * One thread, edge-triggered epoll, one server socket for each client, one
 * recv and one send for each piece, nothing parsed, nothing pooled.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct side {
	struct pair *pair; /* borrows: what it is part of */
	int fd;
	size_t at, end; /* read here and not yet sent to the other side */
	char buf[16384];
};

struct pair {
	struct side side[2];
	struct pair *next_dead; /* borrows, until the end of the turn */
	int is_dead;
};

static int
socket_on(const char *port, int is_door)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons((in_port_t)strtoul(port, NULL, 10));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (is_door ? bind(fd, (void *)&a, sizeof(a)) || listen(fd, 1024)
		    : connect(fd, (void *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Sends what is left over; 1 when nothing is, 0 when full, -1 at an error. */
static int
flush(struct side *from, struct side *to)
{
	while (from->at < from->end) {
		ssize_t n =
			send(to->fd, from->buf + from->at, from->end - from->at,
			     MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		from->at += (size_t)n;
	}
	return 1;
}

/*
 * Moves all there is from one side to the other; -1 when that side has ended.
 * A short read emptied the socket, unless its end was signalled with it.
 */
static int
pump(struct side *from, struct side *to, int is_ending)
{
	int done = flush(from, to);

	while (done > 0) {
		ssize_t n = recv(from->fd, from->buf, sizeof(from->buf),
				 MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? 0 : -1;
		from->at = 0;
		from->end = (size_t)n;
		done = flush(from, to);
		if (from->end < sizeof(from->buf) && !is_ending)
			break;
	}
	return done;
}

static void
add_client(int ep, int client, int server)
{
	struct pair *p = calloc(1, sizeof(*p));
	int one = 1, fd[2] = { client, server };

	if (p == NULL || client < 0 || server < 0) {
		close(client);
		close(server);
		free(p);
		return;
	}
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (int i = 0; i < 2; i++) {
		struct epoll_event e = { .data.ptr = &p->side[i] };

		e.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
		p->side[i].pair = p;
		p->side[i].fd = fd[i];
		(void)epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &e);
	}
}

static int
on_event(struct side *s, uint32_t events)
{
	struct side *other = &s->pair->side[s == s->pair->side];
	int is_ending = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

	if ((events & EPOLLIN || is_ending) && pump(s, other, is_ending) < 0)
		return -1;
	return other->at < other->end ? pump(other, s, 1) : 0;
}

int
main(int argc, char **argv)
{
	int ep = epoll_create1(0);
	int door = argc == 3 ? socket_on(argv[1], 1) : -1;
	struct epoll_event ev[64], e = { .events = EPOLLIN };

	if (door < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, door, &e) != 0)
		return 1;
	for (;;) {
		struct pair *dead = NULL, *p;
		int n = epoll_wait(ep, ev, 64, -1);

		for (int i = 0; i < n; i++) {
			struct side *s = ev[i].data.ptr;

			if (s == NULL) {
				add_client(ep, accept(door, NULL, NULL),
					   socket_on(argv[2], 0));
			} else if (!s->pair->is_dead &&
				   on_event(s, ev[i].events) < 0) {
				s->pair->is_dead = 1;
				s->pair->next_dead = dead;
				dead = s->pair;
			}
		}
		while ((p = dead) != NULL) {
			dead = p->next_dead;
			close(p->side[0].fd);
			close(p->side[1].fd);
			free(p);
		}
	}
}
