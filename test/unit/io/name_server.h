/*
 * A name server of the test's own on 127.0.0.1, with a thread; and a resolver
 * that asks it, on the test's loop.
 */
#ifndef CARPOOL_TEST_UNIT_IO_NAME_SERVER_H
#define CARPOOL_TEST_UNIT_IO_NAME_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/helper.h"
#include "io/resolve.h"
#include "io/timer.h"

/* What the name server answers; changed while no question is out. */
static _Atomic(const char *) fake_answer;    /* "1.1.1.1 ::1", "" = not found */
static atomic_uint fake_ttl, fake_alias_ttl; /* of an alias; 0 = none */
static atomic_uint fake_serial;              /* 0 = no such zone */
static atomic_int fake_calls, fake_zone_calls;
static atomic_int fake_delay_msec;
static atomic_bool fake_is_mute;
static int fake_socket = -1;
static pthread_t fake_thread;
static char fake_conf[64]; /* the resolv.conf that names it */

/* A text that the name server may read at any time. */
static const char many_addrs[] =
	"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 "
	"10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9 10.0.0.10 "
	"10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14 10.0.0.15 "
	"10.0.0.16 10.0.0.17 10.0.0.18 10.0.0.19 10.0.0.20 ";

struct packet {
	uint8_t data[512];
	size_t len;
	size_t question; /* where the question ends */
};

static void
put(struct packet *p, uint32_t value, size_t bytes)
{
	while (bytes-- > 0)
		p->data[p->len++] = (uint8_t)(value >> 8 * bytes);
}

/* owner: where in the packet its name stands. */
static void
put_record(struct packet *p, size_t owner, unsigned type, unsigned ttl,
	   unsigned len)
{
	put(p, 0xc000 | (uint32_t)owner, 2);
	put(p, type, 2);
	put(p, ns_c_in, 2);
	put(p, ttl, 4);
	put(p, len, 2);
}

static void
count_answers(struct packet *p, unsigned count)
{
	p->data[7] = (uint8_t)count;
}

static void
answer_addrs(struct packet *p, unsigned type)
{
	const char *text = atomic_load(&fake_answer);
	size_t owner = NS_HFIXEDSZ;
	unsigned count = 0;
	char word[64];
	int used;

	if (text[0] == '\0')
		p->data[3] |= ns_r_nxdomain;
	if (text[0] != '\0' && atomic_load(&fake_alias_ttl) != 0) {
		put_record(p, owner, ns_t_cname, atomic_load(&fake_alias_ttl),
			   4);
		owner = p->len;
		memcpy(p->data + p->len, "\002x1", 4);
		p->len += 4;
		count++;
	}
	for (; sscanf(text, "%63s%n", word, &used) == 1; text += used) {
		struct addr a;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;

		assert_true(addr_parse_ip(word, 0, &a));
		if (type == ns_t_a && a.sa.sa_family == AF_INET) {
			memcpy(&in, &a.storage, sizeof(in));
			put_record(p, owner, type, atomic_load(&fake_ttl), 4);
			memcpy(p->data + p->len, &in.sin_addr, 4);
			p->len += 4;
		} else if (type == ns_t_aaaa && a.sa.sa_family == AF_INET6) {
			memcpy(&in6, &a.storage, sizeof(in6));
			put_record(p, owner, type, atomic_load(&fake_ttl), 16);
			memcpy(p->data + p->len, &in6.sin6_addr, 16);
			p->len += 16;
		} else {
			continue;
		}
		count++;
	}
	count_answers(p, count);
}

static void
answer_serial(struct packet *p)
{
	atomic_fetch_add(&fake_zone_calls, 1);
	if (atomic_load(&fake_serial) == 0) {
		p->data[3] |= ns_r_nxdomain;
		return;
	}
	put_record(p, NS_HFIXEDSZ, ns_t_soa, 60, 22);
	put(p, 0, 2); /* two names: the root */
	put(p, atomic_load(&fake_serial), 4);
	for (int i = 0; i < 4; i++)
		put(p, 60, 4);
	count_answers(p, 1);
}

static void
answer_packet(struct packet *p)
{
	size_t at = NS_HFIXEDSZ;
	unsigned type;

	while (p->data[at] != 0)
		at += p->data[at] + 1u;
	type = (unsigned)p->data[at + 1] << 8 | p->data[at + 2];
	p->len = at + 1 + NS_QFIXEDSZ; /* what follows is no business of ours */
	memset(p->data + 8, 0, 4);
	p->data[2] |= 0x80;
	p->data[3] = 0x80;
	if (type == ns_t_soa) {
		answer_serial(p);
		return;
	}
	if (type == ns_t_a) {
		struct timespec delay = {
			.tv_nsec = atomic_load(&fake_delay_msec) * 1000000L,
		};

		atomic_fetch_add(&fake_calls, 1);
		nanosleep(&delay, NULL);
	}
	answer_addrs(p, type);
}

/* Until a packet of one byte comes. */
static void *
serve_names(void *arg)
{
	struct sockaddr_in from;
	struct packet p;

	(void)arg;
	for (;;) {
		socklen_t from_len = sizeof(from);
		ssize_t got = recvfrom(fake_socket, p.data, sizeof(p.data), 0,
				       (struct sockaddr *)&from, &from_len);

		if (got == 1)
			return NULL;
		if (got <= NS_HFIXEDSZ || atomic_load(&fake_is_mute))
			continue;
		answer_packet(&p);
		(void)sendto(fake_socket, p.data, p.len, 0,
			     (struct sockaddr *)&from, from_len);
	}
}

/* With the port between the two. */
static void
write_conf(const char *before, const char *after)
{
	FILE *file = fopen(fake_conf, "w");
	struct addr a;

	assert_non_null(file);
	assert_true(addr_of_self(fake_socket, &a));
	fprintf(file, "# a comment\noptions timeout:20 attempts:1\n%s%u%s\n",
		before, addr_port(&a), after);
	assert_int_equal(fclose(file), 0);
}

static int
start_server(void **state)
{
	struct addr a;
	int fd;

	(void)state;
	text_copy(fake_conf, sizeof(fake_conf), "/tmp/carpool-names-XXXXXX");
	fd = mkstemp(fake_conf);
	assert_true(fd >= 0);
	close(fd);
	assert_true(addr_parse_ip("127.0.0.1", 0, &a));
	fake_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fake_socket, &a.sa, a.len), 0);
	return pthread_create(&fake_thread, NULL, serve_names, NULL);
}

static int
stop_server(void **state)
{
	struct addr a;

	(void)state;
	assert_true(addr_of_self(fake_socket, &a));
	assert_int_equal(sendto(fake_socket, "", 1, 0, &a.sa, a.len), 1);
	pthread_join(fake_thread, NULL);
	close(fake_socket);
	unlink(fake_conf);
	return 0;
}

struct bench {
	struct loop *loop;
	struct helpers *helpers;
	struct resolver *resolver;
	struct loop *resolver_loop; /* where it is another */
	int waiting;
};

struct ask {
	struct resolve_query query; /* first */
	struct bench *bench;
	int count_done;
};

static void
on_done(struct resolve_query *query)
{
	struct ask *a = LIST_ENTRY(query, struct ask, query);

	a->count_done++;
	if (--a->bench->waiting == 0)
		loop_stop(a->bench->loop);
}

static void
ask(struct bench *b, struct ask *a, const char *host)
{
	*a = (struct ask){ .bench = b };
	a->query.home = b->loop;
	a->query.port = 5432;
	a->query.done = on_done;
	text_copy(a->query.host, sizeof(a->query.host), host);
	b->waiting++;
	resolver_ask(b->resolver, &a->query);
	assert_int_equal(a->count_done, 0);
}

static void
wait_all(struct bench *b)
{
	if (b->waiting > 0)
		loop_run(b->loop, NULL, NULL);
	assert_int_equal(b->waiting, 0);
}

/* The addresses of an answer, in order. */
static const char *
addrs_text(const struct ask *a, char *out, size_t size)
{
	char host[ADDR_TEXT_MAX];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < a->query.count; i++) {
		assert_int_equal(addr_port(&a->query.addrs[i]), 5432);
		n += text_format(out + n, size - n, "%s%s", i > 0 ? " " : "",
				 addr_host(&a->query.addrs[i], host));
	}
	return out;
}

static void
expect(struct bench *b, const char *host, const char *addrs)
{
	char out[512];
	struct ask a;

	ask(b, &a, host);
	wait_all(b);
	assert_int_equal(a.count_done, 1);
	assert_string_equal(addrs_text(&a, out, sizeof(out)), addrs);
	if (a.query.count == 0)
		assert_true(strlen(a.query.error) > 0);
	else
		assert_string_equal(a.query.error, "");
}

static int
set_up(void **state)
{
	struct bench *b = mem_must_zalloc(sizeof(*b));

	b->loop = loop_new();
	b->helpers = helpers_new(2);
	write_conf("nameserver 127.0.0.1:", "");
	b->resolver = resolver_new(b->loop, b->helpers, fake_conf);
	assert_non_null(b->resolver);
	atomic_store(&fake_answer, "");
	atomic_store(&fake_calls, 0);
	atomic_store(&fake_zone_calls, 0);
	atomic_store(&fake_delay_msec, 0);
	atomic_store(&fake_ttl, 3600);
	atomic_store(&fake_alias_ttl, 0);
	atomic_store(&fake_serial, 0);
	atomic_store(&fake_is_mute, false);
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	helpers_free(b->helpers);
	resolver_free(b->resolver);
	loop_free(b->loop);
	mem_free(b);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
