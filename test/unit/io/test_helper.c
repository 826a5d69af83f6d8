/* Helper threads: jobs run elsewhere and come home. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "io/helper.h"

#define JOBS 200

struct square {
	struct helper_job job;
	int value;
	pthread_t home_thread;
	struct tally *tally;
};

struct tally {
	struct loop *loop;
	int done, sum;
};

static void
run_square(struct helper_job *job)
{
	struct square *s = LIST_ENTRY(job, struct square, job);

	assert_false(pthread_equal(pthread_self(), s->home_thread));
	s->value *= s->value;
}

static void
deliver_square(struct mail *mail)
{
	struct helper_job *job = LIST_ENTRY(mail, struct helper_job, mail);
	struct square *s = LIST_ENTRY(job, struct square, job);

	assert_true(pthread_equal(pthread_self(), s->home_thread));
	s->tally->sum += s->value;
	if (++s->tally->done == JOBS)
		loop_stop(s->tally->loop);
	mem_free(s);
}

static void
post_squares(struct helpers *h, struct tally *tally)
{
	for (int i = 0; i < JOBS; i++) {
		struct square *s = mem_must_zalloc(sizeof(*s));

		s->job.home = tally->loop;
		s->job.run = run_square;
		s->job.mail.deliver = deliver_square;
		s->value = i;
		s->home_thread = pthread_self();
		s->tally = tally;
		helpers_post(h, &s->job);
	}
}

static void
jobs_come_home(void **state)
{
	struct tally tally = { .loop = loop_new() };
	struct helpers *h = helpers_new(3);

	(void)state;
	assert_non_null(h);
	post_squares(h, &tally);
	loop_run(tally.loop, NULL, NULL);
	assert_int_equal(tally.sum, 2646700);
	helpers_free(h);
	loop_free(tally.loop);
}

static void
free_finishes_what_is_queued(void **state)
{
	struct tally tally = { .loop = loop_new() };
	struct helpers *h = helpers_new(1);

	(void)state;
	post_squares(h, &tally);
	helpers_free(h);
	loop_free(tally.loop);
	assert_int_equal(tally.done, JOBS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_come_home),
		cmocka_unit_test(free_finishes_what_is_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
