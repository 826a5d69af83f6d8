/*
 * The resolver over a getaddrinfo of the test's own: caching, one question in
 * flight, shuffled answers, failures that keep the last good answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/helper.h"
#include "io/resolve.h"

/* What the fake answers; set while no lookup is out. */
static _Atomic(const char *) fake_answer; /* "1.1.1.1 ::1", "" = not found */
static atomic_int fake_calls;
static atomic_int fake_delay_msec;

int
getaddrinfo(const char *restrict node, const char *restrict service,
	    const struct addrinfo *restrict hints,
	    struct addrinfo **restrict result)
{
	const char *text = atomic_load(&fake_answer);
	struct timespec delay = {
		.tv_nsec = atomic_load(&fake_delay_msec) * 1000000L,
	};
	char word[64];
	int used;

	(void)node, (void)service, (void)hints;
	atomic_fetch_add(&fake_calls, 1);
	nanosleep(&delay, NULL);
	*result = NULL;
	while (sscanf(text, "%63s%n", word, &used) == 1) {
		struct addrinfo *ai = mem_must_zalloc(sizeof(*ai));
		struct addr *a = mem_must_zalloc(sizeof(*a));

		assert_true(addr_parse_ip(word, 99, a));
		ai->ai_family = a->sa.sa_family;
		ai->ai_addrlen = a->len;
		ai->ai_addr = &a->sa;
		ai->ai_canonname = (char *)a;
		*result = ai;
		result = &ai->ai_next;
		text += used;
	}
	return text == atomic_load(&fake_answer) ? EAI_NONAME : 0;
}

void
freeaddrinfo(struct addrinfo *ai)
{
	while (ai != NULL) {
		struct addrinfo *next = ai->ai_next;

		mem_free(ai->ai_canonname);
		mem_free(ai);
		ai = next;
	}
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
	b->resolver = resolver_new(b->loop, b->helpers);
	atomic_store(&fake_calls, 0);
	atomic_store(&fake_delay_msec, 0);
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
	expect(b, "nowhere", "");
	expect(b, "nowhere", "");
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

	resolver_configure(b->resolver, 0, 0);
	atomic_store(&fake_answer, "1.1.1.1 2.2.2.2");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	atomic_store(&fake_answer, "2.2.2.2 1.1.1.1");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	atomic_store(&fake_answer, "");
	expect(b, "db", "1.1.1.1 2.2.2.2");
	atomic_store(&fake_answer, "3.3.3.3");
	expect(b, "db", "3.3.3.3");
	assert_int_equal(atomic_load(&fake_calls), 4);
}

static void
many_addresses_are_cut(void **state)
{
	char text[512], out[512];
	struct bench *b = *state;
	struct ask a;
	size_t n = 0;

	for (int i = 1; i <= RESOLVE_ADDRS_MAX + 4; i++)
		n += text_format(text + n, sizeof(text) - n, "10.0.0.%d ", i);
	atomic_store(&fake_answer, text);
	ask(b, &a, "db");
	wait_all(b);
	assert_int_equal(a.query.count, RESOLVE_ADDRS_MAX);
	assert_memory_equal(addrs_text(&a, out, sizeof(out)), text, 100);
	atomic_store(&fake_answer, "");
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
	expect(b, "gone", "");
	resolver_each(b->resolver, count_row, &rows);
	assert_int_equal(rows, 2);
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
		CASE(asked_from_another_thread),
		CASE(freed_while_a_lookup_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
