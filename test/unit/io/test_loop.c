/* The loop: mail from many threads, the ready list, stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/mem.h"
#include "io/loop.h"

#define SENDERS 4
#define LETTERS 5000

struct letter {
	struct mail mail;
	struct office *office;
	int sender, number;
};

struct office {
	struct loop *loop;
	int next[SENDERS];
	int total;
};

struct sender {
	struct office *office;
	int id;
};

static void
deliver_letter(struct mail *mail)
{
	struct letter *l = LIST_ENTRY(mail, struct letter, mail);

	/* In order of each sender's posting. */
	assert_int_equal(l->number, l->office->next[l->sender]++);
	if (++l->office->total == SENDERS * LETTERS)
		loop_stop(l->office->loop);
	mem_free(l);
}

static void
post_letter(struct office *office, int sender, int number)
{
	struct letter *l = mem_must_zalloc(sizeof(*l));

	l->mail.deliver = deliver_letter;
	l->office = office;
	l->sender = sender;
	l->number = number;
	loop_post(office->loop, &l->mail);
}

static void *
send_letters(void *arg)
{
	const struct sender *s = arg;

	for (int i = 0; i < LETTERS; i++)
		post_letter(s->office, s->id, i);
	return NULL;
}

static void
mail_from_many_threads(void **state)
{
	struct office office = { .loop = loop_new() };
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];

	(void)state;
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ &office, i };
		assert_int_equal(pthread_create(&threads[i], NULL, send_letters,
						&senders[i]),
				 0);
	}
	loop_run(office.loop, NULL, NULL);
	assert_int_equal(office.total, SENDERS * LETTERS);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	loop_free(office.loop);
}

static void
undelivered_mail_is_delivered_by_free(void **state)
{
	struct office office = { .loop = loop_new() };

	(void)state;
	for (int i = 0; i < 10; i++)
		post_letter(&office, 0, i);
	loop_free(office.loop);
	assert_int_equal(office.total, 10);
}

struct chain {
	struct mail mail;
	struct loop *loop;
	int left;
};

static void
deliver_chain(struct mail *mail)
{
	struct chain *c = LIST_ENTRY(mail, struct chain, mail);

	if (c->left-- == 0)
		loop_stop(c->loop);
	else
		loop_post(c->loop, mail);
}

static void
mail_to_oneself(void **state)
{
	struct chain c = { .loop = loop_new(), .left = 100 };

	(void)state;
	c.mail.deliver = deliver_chain;
	loop_post(c.loop, &c.mail);
	loop_run(c.loop, NULL, NULL);
	assert_int_equal(c.left, -1);
	loop_free(c.loop);
}

struct worker {
	struct watch watch;
	struct loop *loop;
	struct worker *other; /* made unready when this one runs */
	int runs, turns_seen, want;
	int *turns;
};

static void
run_worker(struct watch *watch, uint32_t events)
{
	struct worker *w = LIST_ENTRY(watch, struct worker, watch);

	assert_int_equal(events, 0);
	/* One that readies itself runs in the next turn, not in this. */
	if (w->runs > 0)
		assert_true(*w->turns > w->turns_seen);
	w->turns_seen = *w->turns;
	if (w->other != NULL)
		loop_unready(&w->other->watch);
	if (++w->runs < w->want)
		loop_ready(w->loop, watch);
	else
		loop_stop(w->loop);
}

static void
count_turn(void *arg)
{
	int *turns = arg;

	++*turns;
}

static void
ready_tasks(void **state)
{
	struct loop *loop = loop_new();
	int turns = 0;
	struct worker b = { .loop = loop, .want = 1, .turns = &turns };
	struct worker a = {
		.loop = loop, .want = 5, .turns = &turns, .other = &b
	};

	(void)state;
	a.watch.fire = b.watch.fire = run_worker;
	loop_ready(loop, &a.watch);
	loop_ready(loop, &a.watch);
	loop_ready(loop, &b.watch);
	loop_run(loop, count_turn, &turns);
	assert_int_equal(a.runs, 5);
	assert_int_equal(b.runs, 0);
	assert_true(turns >= 5);
	loop_unready(&a.watch);
	loop_free(loop);
}

static void *
stop_it(void *arg)
{
	loop_stop(arg);
	return NULL;
}

static void
stop_from_another_thread(void **state)
{
	struct loop *loop = loop_new();
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(pthread_create(&thread, NULL, stop_it, loop),
				 0);
		loop_run(loop, NULL, NULL);
		pthread_join(thread, NULL);
	}
	loop_free(loop);
	loop_free(NULL);
}

struct waiter {
	struct watch watch; /* first */
	struct loop *loop;
	usec_t since;
	int *order, place; /* counts those that were fired */
	uint32_t events;
	bool is_again; /* is late once more */
};

static void
on_late(struct watch *watch, uint32_t events)
{
	struct waiter *w = LIST_ENTRY(watch, struct waiter, watch);

	assert_true(clock_now() >= w->since + LOOP_PATIENCE);
	w->place = ++*w->order;
	w->events = events;
	if (w->is_again) {
		w->is_again = false;
		w->since = clock_now();
		assert_true(loop_late(w->loop, watch));
	} else {
		loop_stop(w->loop);
	}
}

/* Fired in their order, without any event; who left is not. */
static void
late_ones(void **state)
{
	struct waiter w[80] = { 0 };
	struct loop *loop = loop_new();
	int order = 0, taken = 0;

	(void)state;
	for (int i = 0; i < 80; i++) {
		w[i] = (struct waiter){ .loop = loop,
					.order = &order,
					.watch.fire = on_late,
					.since = clock_now() };
		taken += loop_late(loop, &w[i].watch);
	}
	/* There is an end to it, and those in the middle make no room. */
	assert_in_range(taken, 8, 79);
	assert_false(loop_late(loop, &w[79].watch));
	for (int i = 1; i < taken - 1; i++)
		loop_unlate(loop, &w[i].watch);
	loop_unlate(loop, &w[79].watch);
	w[0].is_again = true;
	loop_run(loop, NULL, NULL);
	assert_int_equal(w[taken - 1].place, 2);
	assert_int_equal(w[taken - 1].events, LOOP_READABLE);
	if (order == 2)
		loop_run(loop, NULL, NULL);
	assert_int_equal(w[0].place, 3);
	assert_int_equal(w[1].place, 0);
	/* The ring has gone round. */
	for (int i = 0; i < 200; i++) {
		assert_true(loop_late(loop, &w[i % 80].watch));
		loop_unlate(loop, &w[i % 80].watch);
	}
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_from_many_threads),
		cmocka_unit_test(undelivered_mail_is_delivered_by_free),
		cmocka_unit_test(mail_to_oneself),
		cmocka_unit_test(ready_tasks),
		cmocka_unit_test(stop_from_another_thread),
		cmocka_unit_test(late_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
