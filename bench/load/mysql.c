/*
 * Clients of MySQL that ask SELECT 1, by its text or prepared once, each again
 * as soon as it has its answer, which is looked at.  Protocol: MySQL Internals,
 * "Connection Phase", "Command Phase".  The account has no password.
 */
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 4, EVENTS = 512, PATIENCE_MS = 60000, ANSWER_MAX = 1024 };

enum {
	CONNECT_WITH_DB = 1u << 3,
	PROTOCOL_41 = 1u << 9,
	TRANSACTIONS = 1u << 13,
	SECURE_CONNECTION = 1u << 15,
	PLUGIN_AUTH = 1u << 19,
	DEPRECATE_EOF = 1u << 24,
};

enum { COM_QUERY = 0x03, COM_STMT_PREPARE = 0x16, COM_STMT_EXECUTE = 0x17 };

static const char text[] = "SELECT 1";

/* What came and is not used up yet. */
struct input {
	unsigned char bytes[ANSWER_MAX];
	size_t len;
};

struct asker {
	int fd;
	struct input in;
	unsigned char command[HEADER + 10];
	size_t len; /* of the command */
	unsigned long left;
};

struct crowd {
	struct asker *askers; /* owns */
	unsigned long clients, running, done;
	int is_prepared;
	double end;
	int ep;
};

/* The payload of the next whole packet and its length, or NULL. */
static const unsigned char *
next_packet(const struct input *in, size_t *at, size_t *len)
{
	const unsigned char *head = in->bytes + *at;

	if (in->len - *at < HEADER)
		return NULL;
	*len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
	if (*len > ANSWER_MAX - HEADER)
		die("a packet of %zu bytes", *len);
	if (in->len - *at < HEADER + *len)
		return NULL;
	*at += HEADER + *len;
	if (*len > 3 && head[HEADER] == 0xff)
		die("error: %.*s", (int)*len - 3, (const char *)head + 7);
	return head + HEADER;
}

static void
drop(struct input *in, size_t n)
{
	in->len -= n;
	memmove(in->bytes, in->bytes + n, in->len);
}

/* Waits for so many packets; returns the first one's payload, up to the next
 * call. */
static const unsigned char *
wait_packets(struct asker *a, unsigned count)
{
	static unsigned char first[ANSWER_MAX];

	for (;;) {
		size_t at = 0, len;
		unsigned found = 0;
		const unsigned char *p;

		while (found < count &&
		       (p = next_packet(&a->in, &at, &len)) != NULL)
			if (found++ == 0)
				memcpy(first, p, len);
		if (found == count) {
			drop(&a->in, at);
			return first;
		}
		a->in.len += client_recv(a->fd, a->in.bytes + a->in.len,
					 sizeof(a->in.bytes) - a->in.len);
	}
}

static size_t
put_packet(unsigned char *to, unsigned char seq, const void *body, size_t len)
{
	to[0] = (unsigned char)len;
	to[1] = (unsigned char)(len >> 8);
	to[2] = 0;
	to[3] = seq;
	memcpy(to + HEADER, body, len);
	return HEADER + len;
}

static void
log_in(struct asker *a, const struct target *t)
{
	static const char plugin[] = "mysql_native_password";
	const uint32_t caps = CONNECT_WITH_DB | PROTOCOL_41 | TRANSACTIONS |
			      SECURE_CONNECTION | PLUGIN_AUTH | DEPRECATE_EOF;
	unsigned char body[512] = { 0 }, packet[sizeof(body) + HEADER];
	size_t n = 32;

	(void)wait_packets(a, 1);
	memcpy(body, &caps, sizeof(caps));
	body[7] = 1;  /* packets of 16 MiB */
	body[8] = 45; /* utf8mb4_general_ci */
	n += (size_t)snprintf((char *)body + n, 100, "%s", t->user) + 1;
	body[n++] = 0; /* no proof */
	n += (size_t)snprintf((char *)body + n, 100, "%s", t->database) + 1;
	memcpy(body + n, plugin, sizeof(plugin));
	client_send(a->fd, packet,
		    put_packet(packet, 1, body, n + sizeof(plugin)));
	if (wait_packets(a, 1)[0] != 0)
		die("login: more than a name is asked for");
}

static void
prepare(struct asker *a)
{
	unsigned char body[1 + sizeof(text)] = { COM_STMT_PREPARE };
	unsigned char packet[sizeof(body) + HEADER], execute[10] = { 0 };

	memcpy(body + 1, text, sizeof(text) - 1);
	client_send(a->fd, packet, put_packet(packet, 0, body, sizeof(text)));
	/* Its number stands behind the first byte. */
	execute[0] = COM_STMT_EXECUTE;
	memcpy(execute + 1, wait_packets(a, 2) + 1, 4);
	execute[6] = 1;
	a->len = put_packet(a->command, 0, execute, sizeof(execute));
}

static void
open_asker(struct crowd *c, struct asker *a, const struct target *t)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(t->port) };
	unsigned char body[sizeof(text)] = { COM_QUERY };
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = a };
	int one = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0 || connect(a->fd, (void *)&addr, sizeof(addr)) != 0)
		die("connect: %s", strerror(errno));
	(void)setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	log_in(a, t);
	memcpy(body + 1, text, sizeof(text) - 1);
	a->len = put_packet(a->command, 0, body, sizeof(body));
	if (c->is_prepared)
		prepare(a);
	if (epoll_ctl(c->ep, EPOLL_CTL_ADD, a->fd, &e) != 0)
		die("epoll_ctl: %s", strerror(errno));
}

/* Is this the packet that stands there, of an answer of one row, 1? */
static int
is_right(const struct crowd *c, unsigned place, const unsigned char *p,
	 size_t len)
{
	static const unsigned char zeroes[8];

	switch (place) {
	case 0: /* the number of columns */
		return len == 1 && p[0] == 1;
	case 2:
		if (!c->is_prepared)
			return len == 2 && memcmp(p, "\0011", 2) == 0;
		/* A zero, no NULL, a number of four or eight bytes. */
		return (len == 6 || len == 10) && p[0] == 0 && p[1] == 0 &&
		       p[2] == 1 && memcmp(p + 3, zeroes, len - 3) == 0;
	case 3: /* the end */
		return p[0] == 0xfe;
	default:
		return 1;
	}
}

/* Is the answer whole?  Count, definition, row and end. */
static int
is_answered(struct crowd *c, struct asker *a)
{
	size_t at = 0, len;
	const unsigned char *p;

	for (unsigned i = 0; i < 4; i++) {
		p = next_packet(&a->in, &at, &len);
		if (p == NULL)
			return 0;
		if (len == 0 || !is_right(c, i, p, len))
			die("packet %u of an answer is wrong", i);
	}
	if (a->in.len > at)
		die("more came than was asked for");
	drop(&a->in, at);
	return 1;
}

static void
hear(struct crowd *c, struct asker *a)
{
	a->in.len += client_recv(a->fd, a->in.bytes + a->in.len,
				 sizeof(a->in.bytes) - a->in.len);
	if (!is_answered(c, a))
		return;
	c->done++;
	a->left--;
	if (a->left == 0 || now() >= c->end) {
		c->running--;
		return;
	}
	client_send(a->fd, a->command, a->len);
}

void
load_mysql(const struct target *t, int count, char **words)
{
	struct crowd c = { .clients = number(words[0]),
			   .is_prepared = strcmp(words[1], "prepared") == 0,
			   .ep = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event events[EVENTS];
	double began;

	(void)count;
	c.running = c.clients;
	c.askers = calloc(c.clients, sizeof(*c.askers));
	if (c.askers == NULL)
		die("no memory");
	for (unsigned long i = 0; i < c.clients; i++) {
		open_asker(&c, &c.askers[i], t);
		c.askers[i].left = number(words[3]);
	}
	began = now();
	c.end = began + (double)number(words[2]);
	for (unsigned long i = 0; i < c.clients; i++)
		client_send(c.askers[i].fd, c.askers[i].command,
			    c.askers[i].len);
	while (c.running > 0) {
		int n = epoll_wait(c.ep, events, EVENTS, PATIENCE_MS);

		if (n == 0)
			die("%lu answers never came", c.running);
		for (int i = 0; i < n; i++)
			hear(&c, events[i].data.ptr);
	}
	printf("count %lu\nseconds %.6f\n", c.done, now() - began);
	for (unsigned long i = 0; i < c.clients; i++)
		close(c.askers[i].fd);
	free(c.askers);
}
