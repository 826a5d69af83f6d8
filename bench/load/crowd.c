/*
 * Many clients that all want their turn at few servers.  All log in first;
 * then each asks, and asks again when it has its answer.  The first turn of
 * each is a queue that begins empty, so its waits grow from nothing to the
 * whole length; the later turns find the queue as long as it stays.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, EVENTS = 512 };

struct asker {
	int fd;
	unsigned turns; /* answers that it has had */
	double asked;
	struct tail tail;
};

struct crowd {
	struct asker *askers; /* owns */
	double *waits;        /* owns: by turn and client, us */
	unsigned long clients, turns, open_turns;
	const char *sql; /* borrows */
	int ep;
};

static void
ask(struct crowd *c, struct asker *a)
{
	a->asked = now();
	client_query(a->fd, c->sql);
}

/* Takes what has come for one client. */
static void
hear(struct crowd *c, struct asker *a)
{
	char buf[4096];
	ssize_t n = recv(a->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("a client was cut off after %u turns", a->turns);
	if (buf[0] == 'E')
		die("error: %.*s", (int)(n - 5), buf + 5);
	if (!tail_ends(&a->tail, buf, (size_t)n))
		return;
	c->waits[a->turns * c->clients + (size_t)(a - c->askers)] =
		(now() - a->asked) * 1e6;
	memset(&a->tail, 0, sizeof(a->tail));
	c->open_turns--;
	if (++a->turns < c->turns)
		ask(c, a);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_waits(const char *name, double *waits, unsigned long n)
{
	qsort(waits, n, sizeof(*waits), by_value);
	printf("%s_median %.1f\n%s_p99 %.1f\n%s_slowest %.1f\n", name,
	       waits[n / 2], name, waits[n - 1 - n / 100], name, waits[n - 1]);
}

static void
log_all_in(struct crowd *c, const struct target *t)
{
	struct scram_cache cache = { 0 };

	for (unsigned long i = 0; i < c->clients; i++) {
		struct asker *a = &c->askers[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = a };

		a->fd = client_open(t, &cache);
		if (epoll_ctl(c->ep, EPOLL_CTL_ADD, a->fd, &e) != 0)
			die("epoll_ctl: %s", strerror(errno));
	}
}

static void
run_turns(struct crowd *c)
{
	struct epoll_event events[EVENTS];

	for (unsigned long i = 0; i < c->clients; i++)
		ask(c, &c->askers[i]);
	while (c->open_turns > 0) {
		int n = epoll_wait(c->ep, events, EVENTS, PATIENCE_MS);

		if (n == 0)
			die("%lu turns never came", c->open_turns);
		for (int i = 0; i < n; i++)
			hear(c, events[i].data.ptr);
	}
}

void
load_crowd(const struct target *t, int count, char **words)
{
	struct crowd c = { .clients = number(words[0]),
			   .turns = number(words[1]),
			   .sql = words[2],
			   .ep = epoll_create1(EPOLL_CLOEXEC) };
	unsigned long all = c.clients * c.turns;
	double began;

	(void)count;
	c.askers = calloc(c.clients, sizeof(*c.askers));
	c.waits = calloc(all, sizeof(*c.waits));
	if (c.askers == NULL || c.waits == NULL)
		die("no memory");
	c.open_turns = all;
	log_all_in(&c, t);
	began = now();
	run_turns(&c);
	printf("seconds %.6f\nqueries %lu\n", now() - began, all);
	print_waits("first", c.waits, c.clients);
	if (c.turns > 1)
		print_waits("later", c.waits + c.clients, all - c.clients);
	for (unsigned long i = 0; i < c.clients; i++)
		close(c.askers[i].fd);
	free(c.askers);
	free(c.waits);
}
