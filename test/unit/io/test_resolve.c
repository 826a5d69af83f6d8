/*
 * The resolver over a name server of the test's own on 127.0.0.1: caching and
 * times to live, one question in flight, shuffled answers, failures that keep
 * the last good answer, zones, and servers that never answer.
 */
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

static void
numeric_hosts_ask_nobody(void **state)
{
	expect(*state, "10.1.2.3", "10.1.2.3");
	expect(*state, "::1", "::1");
	expect(*state, "127.1", "127.0.0.1");
	assert_int_equal(atomic_load(&fake_calls), 0);
}

static void
answers_are_cached(void **state)
{
	struct bench *b = *state;

	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2 1.1.1.1 ::5");
	expect(b, "Db.Example", "1.1.1.1 2.2.2.2 ::5");
	expect(b, "db.example", "1.1.1.1 2.2.2.2 ::5");
	assert_int_equal(atomic_load(&fake_calls), 1);
	expect(b, "other", "1.1.1.1 2.2.2.2 ::5");
	assert_int_equal(atomic_load(&fake_calls), 2);
	/* Not found is cached as well. */
	atomic_store(&fake_answer, "");
	expect(b, "nowhere.", "");
	expect(b, "nowhere.", "");
	assert_int_equal(atomic_load(&fake_calls), 3);
}

static void
one_question_in_flight(void **state)
{
	struct bench *b = *state;
	struct ask asks[50];

	atomic_store(&fake_answer, "1.1.1.1");
	atomic_store(&fake_delay_msec, 30);
	for (int i = 0; i < 50; i++)
		ask(b, &asks[i], "db");
	wait_all(b);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(asks[i].count_done, 1);
		assert_int_equal(asks[i].query.count, 1);
	}
	assert_int_equal(atomic_load(&fake_calls), 1);
}

/* While a name server takes its time the loop goes on, and so do others. */
static void
a_slow_answer_holds_nobody_up(void **state)
{
	struct bench *b = *state;
	struct ask slow, quick;

	atomic_store(&fake_answer, "1.1.1.1");
	expect(b, "db", "1.1.1.1");
	atomic_store(&fake_delay_msec, 500);
	ask(b, &slow, "slow");
	b->waiting = 0; /* of those to wait for now */
	ask(b, &quick, "db");
	wait_all(b);
	assert_int_equal(quick.count_done, 1);
	assert_int_equal(slow.count_done, 0);
	b->waiting = 1;
	wait_all(b);
	assert_int_equal(slow.count_done, 1);
}

static void
answers_are_sets_and_failures_keep_the_last(void **state)
{
	struct bench *b = *state;

	resolver_configure(b->resolver, 0, 0, 0);
	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	atomic_store(&fake_answer, "2.2.2.2 1.1.1.1");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	assert_int_equal(atomic_load(&fake_calls), 2);
	atomic_store(&fake_answer, "");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	atomic_store(&fake_answer, "3.3.3.3");
	expect(b, "db", "3.3.3.3");
}

/* A text that the name server may read at any time. */
static const char many_addrs[] =
	"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 "
	"10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9 10.0.0.10 "
	"10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14 10.0.0.15 "
	"10.0.0.16 10.0.0.17 10.0.0.18 10.0.0.19 10.0.0.20 ";

static void
many_addresses_are_cut(void **state)
{
	char out[512];
	struct bench *b = *state;
	struct ask a;

	atomic_store(&fake_answer, many_addrs);
	ask(b, &a, "db");
	wait_all(b);
	assert_int_equal(a.query.count, RESOLVE_ADDRS_MAX);
	assert_memory_equal(addrs_text(&a, out, sizeof(out)), many_addrs, 100);
}

static void
count_row(void *arg, const struct resolver_row *row)
{
	int *rows = arg;

	++*rows;
	if (strcmp(row->host, "db") == 0)
		assert_string_equal(row->addrs, "1.1.1.1,::5");
	else
		assert_string_equal(row->addrs, "");
	assert_true(row->ttl_sec >= 13 && row->ttl_sec <= 15);
}

static void
rows_for_the_console(void **state)
{
	struct bench *b = *state;
	int rows = 0;

	atomic_store(&fake_answer, "1.1.1.1 ::5");
	expect(b, "db", "1.1.1.1 ::5");
	atomic_store(&fake_answer, "");
	expect(b, "gone.", "");
	resolver_each(b->resolver, count_row, &rows);
	assert_int_equal(rows, 2);
}

/* ------------------------------------------------------------------------
 * Times to live
 */

struct sought {
	const char *host;
	int64_t ttl_sec;
};

static void
take_ttl(void *arg, const struct resolver_row *row)
{
	struct sought *sought = arg;

	if (strcmp(row->host, sought->host) == 0)
		sought->ttl_sec = row->ttl_sec;
}

/* A second may have passed, and what is left is rounded down. */
static void
expect_ttl(struct bench *b, const char *host, int64_t ttl_sec)
{
	struct sought sought = { .host = host, .ttl_sec = -1 };
	struct ask a;

	ask(b, &a, host);
	wait_all(b);
	assert_true(a.query.count > 0);
	resolver_each(b->resolver, take_ttl, &sought);
	assert_in_range(sought.ttl_sec, ttl_sec > 1 ? ttl_sec - 2 : 0, ttl_sec);
}

static void
records_say_how_long_they_hold(void **state)
{
	struct bench *b = *state;

	resolver_configure(b->resolver, 100 * USEC_PER_SEC, 0, 0);
	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2");
	atomic_store(&fake_ttl, 40);
	expect_ttl(b, "forty.test", 40);
	atomic_store(&fake_ttl, 4000);
	expect_ttl(b, "long.test", 100);
	/* An alias counts as its addresses do. */
	atomic_store(&fake_alias_ttl, 20);
	expect_ttl(b, "alias.test", 20);
	/* The highest bit set means 0. */
	atomic_store(&fake_alias_ttl, 0);
	atomic_store(&fake_ttl, 0x80000005);
	expect_ttl(b, "strange.test", 1);
	/* The hosts file has none. */
	atomic_store(&fake_calls, 0);
	expect_ttl(b, "localhost", 100);
	assert_int_equal(atomic_load(&fake_calls), 0);
}

/* Records that may not be kept: a burst of openings asks once. */
static void
a_ttl_of_nothing_lives_for_a_second(void **state)
{
	struct timespec over = { .tv_sec = 1, .tv_nsec = 100000000 };
	struct bench *b = *state;

	atomic_store(&fake_answer, "1.1.1.1");
	atomic_store(&fake_ttl, 0);
	for (int i = 0; i < 5; i++)
		expect(b, "db.test", "1.1.1.1");
	assert_int_equal(atomic_load(&fake_calls), 1);
	nanosleep(&over, NULL);
	atomic_store(&fake_answer, "2.2.2.2");
	expect(b, "db.test", "2.2.2.2");
	assert_int_equal(atomic_load(&fake_calls), 2);
}

/* ------------------------------------------------------------------------
 * Lost addresses and zones
 */

static void
note_lost(void *arg, const char *host, const struct addr *addrs, size_t count)
{
	struct str *out = arg;
	char text[ADDR_TEXT_MAX];

	str_printf(out, "%s:", host);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(addr_port(&addrs[i]), 0);
		str_printf(out, " %s", addr_host(&addrs[i], text));
	}
	str_putc(out, '\n');
}

static void
lost_addresses_are_told(void **state)
{
	struct bench *b = *state;
	struct str out = { 0 };

	resolver_configure(b->resolver, 0, 0, 0);
	resolver_watch(b->resolver, note_lost, &out);
	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2 3.3.3.3");
	expect(b, "Db.Test", "1.1.1.1 2.2.2.2 3.3.3.3");
	atomic_store(&fake_answer, "");
	expect(b, "db.test", "1.1.1.1 2.2.2.2 3.3.3.3");
	atomic_store(&fake_answer, "3.3.3.3 2.2.2.2 1.1.1.1 4.4.4.4");
	expect(b, "db.test", "3.3.3.3 2.2.2.2 1.1.1.1 4.4.4.4");
	assert_string_equal(str_text(&out), "");
	atomic_store(&fake_answer, "4.4.4.4 2.2.2.2");
	expect(b, "db.test", "4.4.4.4 2.2.2.2");
	assert_string_equal(str_text(&out), "db.test: 3.3.3.3 1.1.1.1\n");
	/* An answer that was cut may have the missing ones. */
	atomic_store(&fake_answer, many_addrs);
	for (int i = 0; i < 2; i++) {
		struct ask a;

		ask(b, &a, "db.test");
		wait_all(b);
		assert_int_equal(a.query.count, RESOLVE_ADDRS_MAX);
	}
	assert_string_equal(str_text(&out), "db.test: 3.3.3.3 1.1.1.1\n");
	atomic_store(&fake_answer, "");
	str_fini(&out);
}

static void
note_zone(void *arg, const struct resolver_zone *zone)
{
	str_printf(arg, "%s %u %zu\n", zone->name, zone->serial, zone->count);
}

static bool
until_zone_calls(void *arg)
{
	return atomic_load(&fake_zone_calls) >= *(const int *)arg;
}

struct condition {
	struct bench *bench;
	struct timer timer;
	bool (*is_over)(void *arg);
	void *arg;
};

static void
look(struct timer *timer)
{
	struct condition *w = LIST_ENTRY(timer, struct condition, timer);

	if (w->is_over(w->arg))
		loop_stop(w->bench->loop);
	else
		timer_set(w->bench->loop, timer,
			  loop_now(w->bench->loop) + TIMER_TICK);
}

static void
run_until(struct bench *b, bool (*is_over)(void *arg), void *arg)
{
	struct condition w = { .bench = b, .is_over = is_over, .arg = arg };

	w.timer.fire = look;
	timer_set(b->loop, &w.timer, loop_now(b->loop) + TIMER_TICK);
	loop_run(b->loop, NULL, NULL);
	timer_clear(b->loop, &w.timer);
}

static bool
until_calls(void *arg)
{
	return atomic_load(&fake_calls) >= *(const int *)arg;
}

static bool
until_lost(void *arg)
{
	return ((const struct str *)arg)->len > 0;
}

/* The serial number of a zone changes: its names are asked for before their
 * time. */
static void
zones_are_watched(void **state)
{
	struct bench *b = *state;
	struct str out = { 0 }, lost = { 0 };
	struct resolver_counts counts;
	int calls = 1;

	resolver_watch(b->resolver, note_lost, &lost);
	atomic_store(&fake_answer, "1.1.1.1");
	expect(b, "a.zone.test", "1.1.1.1");
	expect(b, "b.zone.test", "1.1.1.1");
	expect(b, "db", "1.1.1.1");
	resolver_each_zone(b->resolver, note_zone, &out);
	assert_string_equal(str_text(&out), "zone.test 0 2\n");
	resolver_counts(b->resolver, &counts);
	assert_int_equal(counts.names, 3);
	assert_int_equal(counts.zones, 1);
	assert_int_equal(counts.lookups, 0);
	assert_int_equal(atomic_load(&fake_zone_calls), 0);

	/* No such zone: nothing follows from it. */
	resolver_configure(b->resolver, 15 * USEC_PER_SEC, 0, TIMER_TICK);
	run_until(b, until_zone_calls, &calls);
	assert_int_equal(atomic_load(&fake_calls), 3);

	/* The first number is news, the same one again is not. */
	atomic_store(&fake_serial, 7);
	calls = 5;
	run_until(b, until_calls, &calls);
	calls = atomic_load(&fake_zone_calls) + 3;
	run_until(b, until_zone_calls, &calls);
	assert_int_equal(atomic_load(&fake_calls), 5);
	str_fini(&out);
	resolver_each_zone(b->resolver, note_zone, &out);
	assert_string_equal(str_text(&out), "zone.test 7 2\n");

	atomic_store(&fake_answer, "2.2.2.2");
	atomic_store(&fake_serial, 8);
	run_until(b, until_lost, &lost);
	assert_non_null(strstr(str_text(&lost), ".zone.test: 1.1.1.1\n"));
	resolver_configure(b->resolver, 15 * USEC_PER_SEC, 0, 0);
	str_fini(&out);
	str_fini(&lost);
}

/* ------------------------------------------------------------------------
 * resolv.conf
 */

static void
own_resolv_conf(void **state)
{
	static const char *const befores[] = {
		"nameserver [127.0.0.1]:",
		"nameserver \t 127.0.0.1:",
		"nameserver none\nnameserver\nnameserver 127.0.0.1:",
	};
	struct bench *b = *state;
	struct ask a;

	resolver_configure(b->resolver, 0, 0, 0);
	atomic_store(&fake_answer, "1.1.1.1");
	for (size_t i = 0; i < COUNT_OF(befores); i++) {
		atomic_store(&fake_calls, 0);
		write_conf(befores[i], "  ");
		expect(b, "db.test", "1.1.1.1");
		assert_int_equal(atomic_load(&fake_calls), 1);
	}
	unlink(fake_conf);
	ask(b, &a, "other.test");
	wait_all(b);
	assert_int_equal(a.query.count, 0);
	assert_string_equal(a.query.error,
			    "resolv_conf: No such file or directory");
}

/* With a timeout of 20 s: the end must not wait for it, and not for the
 * questions that have no helper yet either. */
static void
no_answer_holds_up_the_end(void **state)
{
	struct bench *b = *state;
	struct ask asks[6];
	usec_t start = clock_now();
	char host[32];

	atomic_store(&fake_is_mute, true);
	for (int i = 0; i < 6; i++) {
		text_format(host, sizeof(host), "host%d.test", i);
		ask(b, &asks[i], host);
	}
	/* One turn carries the questions to the resolver. */
	loop_stop(b->loop);
	loop_run(b->loop, NULL, NULL);
	resolver_cancel(b->resolver);
	helpers_free(b->helpers);
	b->helpers = NULL;
	wait_all(b);
	for (int i = 0; i < 6; i++)
		assert_int_equal(asks[i].query.count, 0);
	assert_true(clock_now() - start < 15 * USEC_PER_SEC);
}

/* A name server that says nothing is given up in time. */
static void
silence_is_a_failure(void **state)
{
	struct bench *b = *state;
	struct ask a;

	atomic_store(&fake_is_mute, true);
	write_conf("nameserver 127.0.0.1:", "\noptions timeout:1");
	ask(b, &a, "db.test");
	wait_all(b);
	assert_int_equal(a.query.count, 0);
	assert_non_null(strstr(a.query.error, "Timeout"));
}

/* Asking from a thread with a loop of its own: done() runs there. */
static void *
ask_from_afar(void *arg)
{
	struct bench *mine = arg;
	struct ask asks[20];
	char host[32];

	for (int i = 0; i < 20; i++) {
		text_format(host, sizeof(host), "host%d", i % 4);
		ask(mine, &asks[i], host);
	}
	wait_all(mine);
	for (int i = 0; i < 20; i++)
		assert_int_equal(asks[i].query.count, 1);
	loop_stop(mine->resolver_loop);
	return NULL;
}

static void
asked_from_another_thread(void **state)
{
	struct bench *b = *state, afar = *b;
	pthread_t thread;

	afar.loop = loop_new();
	afar.resolver_loop = b->loop;
	atomic_store(&fake_answer, "1.1.1.1");
	assert_int_equal(pthread_create(&thread, NULL, ask_from_afar, &afar),
			 0);
	loop_run(b->loop, NULL, NULL);
	pthread_join(thread, NULL);
	loop_free(afar.loop);
	assert_int_equal(atomic_load(&fake_calls), 4);
}

/* The resolver goes while a helper is out: its waiters are refused. */
static void
freed_while_a_lookup_is_out(void **state)
{
	struct bench *b = *state;
	struct ask a;

	atomic_store(&fake_answer, "1.1.1.1");
	atomic_store(&fake_delay_msec, 50);
	ask(b, &a, "db");
	/* One turn carries the question to the resolver. */
	loop_stop(b->loop);
	loop_run(b->loop, NULL, NULL);
	resolver_free(b->resolver);
	b->resolver = NULL;
	wait_all(b);
	assert_int_equal(a.count_done, 1);
	assert_int_equal(a.query.count, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(numeric_hosts_ask_nobody),
		CASE(answers_are_cached),
		CASE(one_question_in_flight),
		CASE(a_slow_answer_holds_nobody_up),
		CASE(answers_are_sets_and_failures_keep_the_last),
		CASE(many_addresses_are_cut),
		CASE(rows_for_the_console),
		CASE(records_say_how_long_they_hold),
		CASE(a_ttl_of_nothing_lives_for_a_second),
		CASE(lost_addresses_are_told),
		CASE(zones_are_watched),
		CASE(own_resolv_conf),
		CASE(no_answer_holds_up_the_end),
		CASE(silence_is_a_failure),
		CASE(asked_from_another_thread),
		CASE(freed_while_a_lookup_is_out),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
