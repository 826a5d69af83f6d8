/*
 * One client: connect, log in, ask, skip the answer, close.  Protocol:
 * PostgreSQL manual, "Message Flow" and "Message Formats".
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ready[TAIL] = { 'Z', 0, 0, 0, 5, 'I' };

void
client_send(int fd, const void *data, size_t size)
{
	for (const char *at = data; size > 0;) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n < 0)
			die("send: %s", strerror(errno));
		at += n;
		size -= (size_t)n;
	}
}

size_t
client_recv(int fd, void *buf, size_t size)
{
	ssize_t n = recv(fd, buf, size, 0);

	if (n < 0)
		die("recv: %s", strerror(errno));
	if (n == 0)
		die("the server closed the connection");
	return (size_t)n;
}

int
tail_ends(struct tail *t, const char *data, size_t size)
{
	if (size >= TAIL) {
		memcpy(t->last, data + size - TAIL, TAIL);
	} else {
		memmove(t->last, t->last + size, TAIL - size);
		memcpy(t->last + TAIL - size, data, size);
	}
	return memcmp(t->last, ready, TAIL) == 0;
}

static size_t
put_message(char *to, char type, const void *body, size_t size)
{
	uint32_t length = htonl((uint32_t)(size + 4));

	to[0] = type;
	memcpy(to + 1, &length, 4);
	memcpy(to + 5, body, size);
	return size + 5;
}

void
client_query(int fd, const char *sql)
{
	char message[1024];

	if (strlen(sql) + 6 > sizeof(message))
		die("the query is too long");
	client_send(fd, message,
		    put_message(message, 'Q', sql, strlen(sql) + 1));
}

uint64_t
client_skip(int fd, void *buf, size_t size)
{
	struct tail tail = { { 0 } };
	uint64_t total = 0;

	for (;;) {
		size_t n = client_recv(fd, buf, size);

		if (total == 0 && *(char *)buf == 'E')
			die("error: %.*s", (int)(n - 5), (char *)buf + 5);
		total += n;
		if (tail_ends(&tail, buf, n))
			return total;
	}
}

static void
send_startup(int fd, const struct target *t)
{
	char packet[512];
	int n = snprintf(packet + 8, sizeof(packet) - 8,
			 "user%c%s%cdatabase%c%s%c", 0, t->user, 0, 0,
			 t->database, 0);
	uint32_t head[2] = { htonl((uint32_t)n + 9), htonl(196608) };

	if (n < 0 || (size_t)n + 9 > sizeof(packet))
		die("the names are too long");
	memcpy(packet, head, sizeof(head));
	packet[8 + n] = '\0';
	client_send(fd, packet, (size_t)n + 9);
}

static void
send_scram_first(int fd)
{
	char body[128], message[160];
	uint32_t length = htonl((uint32_t)strlen(scram_first));
	size_t name = sizeof("SCRAM-SHA-256");

	memcpy(body, "SCRAM-SHA-256", name);
	memcpy(body + name, &length, 4);
	memcpy(body + name + 4, scram_first, strlen(scram_first));
	client_send(fd, message,
		    put_message(message, 'p', body,
				name + 4 + strlen(scram_first)));
}

/* Answers one message of the login; body has a zero byte behind its end. */
static void
answer(int fd, const struct target *t, struct scram_cache *cache, char type,
       const char *body)
{
	char final[512], message[600];
	uint32_t kind;

	if (type == 'E')
		die("login: %s", body + 1);
	if (type != 'R')
		return;
	memcpy(&kind, body, 4);
	kind = ntohl(kind);
	if (kind == 10) {
		send_scram_first(fd);
	} else if (kind == 11) {
		size_t n = scram_final(cache, t->password, body + 4, final,
				       sizeof(final));
		client_send(fd, message, put_message(message, 'p', final, n));
	} else if (kind != 0 && kind != 12) {
		die("login: method %u is not spoken here", kind);
	}
}

/* Reads messages until ReadyForQuery. */
static void
log_in(int fd, const struct target *t, struct scram_cache *cache)
{
	char buf[8192];
	size_t have = 0;

	for (;;) {
		char *at = buf;

		have += client_recv(fd, buf + have, sizeof(buf) - 1 - have);
		while ((size_t)(buf + have - at) >= 5) {
			uint32_t length;
			char after;

			memcpy(&length, at + 1, 4);
			length = ntohl(length);
			if (length + 1 > sizeof(buf) - 1 || length < 4)
				die("login: a message of %u bytes", length);
			if ((size_t)(buf + have - at) < length + 1)
				break;
			if (*at == 'Z')
				return;
			after = at[length + 1];
			at[length + 1] = '\0';
			answer(fd, t, cache, *at, at + 5);
			at[length + 1] = after;
			at += length + 1;
		}
		have = (size_t)(buf + have - at);
		memmove(buf, at, have);
	}
}

int
client_open(const struct target *t, struct scram_cache *cache)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_port = htons(t->port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (void *)&a, sizeof(a)) != 0)
		die("connect: %s", strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	send_startup(fd, t);
	log_in(fd, t, cache);
	return fd;
}

void
client_close(int fd)
{
	static const char terminate[5] = { 'X', 0, 0, 0, 4 };

	client_send(fd, terminate, sizeof(terminate));
	close(fd);
}
