/*
 * The resolver over time: addresses that are lost, zones, resolv.conf, servers
 * that never answer, other threads, an end with questions out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "name_server.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
