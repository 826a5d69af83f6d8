/*
 * What the server owes: the queue by itself, and random pipelines through
 * carpool compared with the same pipelines sent directly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model.h"

/* ---- the queue ---- */

static void
queue_grows_and_shrinks(void **state)
{
	struct pg_owed_queue q;
	bool is_over;
	uint32_t at;

	(void)state;
	pg_owed_init(&q);
	for (unsigned i = 0; i < OWED_MAX; i++) {
		assert_true(pg_owed_reserve(&q, 1));
		pg_owed_push(&q, (struct pg_owed){ .kind = OWED_SYNC });
	}
	assert_false(pg_owed_reserve(&q, 1));
	assert_int_equal(pg_owed_ends(&q), OWED_MAX);
	for (unsigned i = 0; i < OWED_MAX; i++) {
		assert_int_equal(pg_owed_match(&q, 'Z', &at), OWED_FITS);
		pg_owed_answer(&q, 'Z', at, &is_over);
	}
	assert_ptr_equal(q.ring, q.small);
	assert_true(pg_owed_is_sane(&q));
	assert_int_equal(pg_owed_match(&q, 'Z', &at), OWED_SURPRISE);
	assert_int_equal(sizeof(struct pg_owed), 24);
	pg_owed_fini(&q);
}

static void
types_fit_their_requests(void **state)
{
	static const struct row {
		enum pg_owed_kind kind;
		const char *fits;
	} rows[] = {
		{ OWED_QUERY, "CDEGHITZcd" },
		{ OWED_FUNCTION, "EVZ" },
		{ OWED_SYNC, "EZ" },
		{ OWED_PARSE, "1E" },
		{ OWED_BIND, "2E" },
		{ OWED_DESCRIBE_STATEMENT, "ETnt" },
		{ OWED_DESCRIBE_PORTAL, "ETn" },
		{ OWED_EXECUTE, "CDEGHIcds" },
		{ OWED_CLOSE, "3E" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (unsigned type = 0; type < 256; type++) {
			struct pg_owed_queue q;
			bool fits = type != 0 &&
				    strchr(rows[i].fits, (int)type) != NULL;
			uint32_t at;

			pg_owed_init(&q);
			pg_owed_push(&q,
				     (struct pg_owed){
					     .kind = (uint8_t)rows[i].kind });
			assert_int_equal(pg_owed_match(&q, (uint8_t)type, &at),
					 fits ? OWED_FITS : OWED_SURPRISE);
		}
	}
}

/* A COPY that waits for data can only fail, or end once these are complete. */
static void
copies_end_or_fail(void **state)
{
	static const char *const fits[] = { "E", "CE" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		enum pg_owed_kind kind = i < 2 ? OWED_QUERY : OWED_EXECUTE;
		struct pg_owed_queue q;
		bool is_over;
		uint32_t at;

		pg_owed_init(&q);
		pg_owed_push(&q, (struct pg_owed){ .kind = (uint8_t)kind });
		assert_int_equal(pg_owed_match(&q, 'G', &at), OWED_FITS);
		(void)pg_owed_answer(&q, 'G', at, &is_over);
		if (i % 2 == 1)
			pg_owed_push(&q,
				     (struct pg_owed){ .kind = OWED_COPY_END });
		for (uint8_t type = 1; type < 128; type++) {
			bool is_one = strchr(fits[i % 2], type) != NULL;

			assert_int_equal(pg_owed_match(&q, type, &at),
					 is_one ? OWED_FITS : OWED_SURPRISE);
			assert_false(pg_owed_is_row(&q, type));
		}
		pg_owed_fini(&q);
	}
}

/* ---- pipelines ---- */

#define MESSAGES 30

struct totals {
	unsigned whole;    /* pipelines that came to their end */
	unsigned lost;     /* where the server itself gave up */
	unsigned given_up; /* where carpool did */
};

static bool
has_failed(const struct drive *d)
{
	return strstr(str_text(&d->log), "server:") != NULL;
}

/* One random pipeline, direct and through carpool. */
static void
pipeline(unsigned seed, enum drive_cut cut, struct totals *totals)
{
	struct str script = { 0 }, direct = { 0 }, through = { 0 };
	struct model alone, behind;
	struct drive d;
	unsigned s = seed;

	drive_init(&d, POOL_TRANSACTION, cut);
	d.seed = seed;
	model_init(&alone);
	model_init(&behind);
	for (unsigned i = 0; i < 1 + seed % MESSAGES; i++) {
		const char *request = model_request(&s);

		str_printf(&script, "%s%s", i > 0 ? "|" : "", request);
		drive_parse(&alone.in, request, false);
		d.has_waiters = seed % 5 == 0 || rand_r(&s) % 4 == 0;
		drive_client(&d, request);
		if (rand_r(&s) % 3 != 0)
			model_let_work(&d, &behind, (unsigned)rand_r(&s) % 8);
	}
	for (unsigned i = 0; i < 400; i++)
		model_let_work(&d, &behind, 1 + seed % 7);
	model_let_work(&d, &behind, UINT32_MAX);
	model_let_work(&d, &behind, UINT32_MAX);
	model_work(&alone, UINT32_MAX);
	drive_show(&direct, (uint8_t *)alone.out.data, alone.out.len, true);
	drive_show(&through, (uint8_t *)d.to_client.data, d.to_client.len,
		   true);
	if (has_failed(&d)) {
		/* A prefix of the truth, never something else. */
		totals->given_up++;
		assert_non_null(strstr(str_text(&script), MODEL_DOUBT));
		assert_true(strncmp(str_text(&direct), str_text(&through),
				    through.len) == 0);
	} else {
		struct pg_back *b = d.back;
		bool is_open = behind.tx != 'I' || behind.is_skipping ||
			       behind.copy != COPY_NONE || b->is_group_open;

		totals->lost += behind.is_dead;
		totals->whole += !behind.is_dead;
		if (strcmp(str_text(&direct), str_text(&through)) != 0)
			print_message("seed %u cut %d: %s\ndirect  %s\n"
				      "through %s\n%s\n",
				      seed, (int)cut, str_text(&script),
				      str_text(&direct), str_text(&through),
				      str_text(&d.log));
		assert_string_equal(str_text(&direct), str_text(&through));
		if (!behind.is_dead) {
			if (b->owed.count != (behind.copy != COPY_NONE) &&
			    !is_open)
				print_message("seed %u cut %d: %s\n", seed,
					      (int)cut, str_text(&script));
			assert_true(is_open || b->owed.count == 0);
			assert_true(is_open || !d.is_linked);
		}
	}
	str_fini(&script);
	str_fini(&direct);
	str_fini(&through);
	model_fini(&alone);
	model_fini(&behind);
	drive_fini(&d);
}

static void
pipelines_are_transparent(void **state)
{
	struct totals totals = { 0 };

	(void)state;
	for (unsigned seed = 1; seed <= 4000; seed++)
		pipeline(seed, (enum drive_cut)(seed % CUTS), &totals);
	print_message("%u whole, %u lost by the server, %u given up\n",
		      totals.whole, totals.lost, totals.given_up);
	assert_true(totals.whole > 1000);
}

/* ---- COPYs that fail, and what a client sends then ---- */

#define GROUPS 3

/* What is sent before the failure is seen, in parts. */
static const char *const heads[][GROUPS] = {
	{ "P::copy|B::|E:|S|d:bad" },
	{ "P::copy|B::|E:|S", "d:bad" },
	{ "P::copy|B::|E:|S", "d:x", "S|d:bad|S" },
	{ "P::copy|B::|E:|S|S|d:bad|S|S" },
	{ "P::copy|B::|E:|H", "d:bad|S" },
	{ "P::copy|B::|E:|H", "d:bad" },
	{ "P::copy|B::|E:|S|d:bad|c|S" },
	{ "P::copy|B::|E:|S|d:bad|c" },
	{ "P::copy|B::|E:|S|f:no" },
	{ "P::trigger|B::|E:|S" },
	{ "P::trigger|B::|E:|S|S|d:x" },
	{ "P::trigger|B::|E:|S|d:x|S|c" },
	{ "Q:copy", "S|d:bad|S" },
	{ "Q:trigger", "S|d:x|S" },
};

/* What is sent when it was seen. */
static const char *const tails[][GROUPS] = {
	{ "P:a:sel|S" },
	{ "P:a:sel|CS:a|S" },
	{ "P:a:sel", "S" },
	{ "CS:a|S" },
	{ "P::sel|B::|E:|S" },
	{ "P::sel|B::|E:|S|Q:sel" },
	{ "Q:sel", "S" },
	{ "Q:sel|S|Q:sel|S" },
	{ "F", "S" },
	{ "d:late|c|Q:ins", "S|S" },
	{ "H", "P:a:sel|H", "S" },
	{ "c|S", "P:a:sel|S" },
	{ "S", "S", "Q:sel" },
};

struct failure {
	struct drive d;
	struct model alone, behind;
};

static void
let_all_work(struct failure *f)
{
	for (unsigned i = 0; i < 8; i++)
		model_let_work(&f->d, &f->behind, UINT32_MAX);
	model_work(&f->alone, UINT32_MAX);
}

static void
say_in_parts(struct failure *f, const char *const *parts)
{
	for (unsigned i = 0; i < GROUPS && parts[i] != NULL; i++) {
		drive_parse(&f->alone.in, parts[i], false);
		drive_client(&f->d, parts[i]);
		let_all_work(f);
	}
}

/* The server tells the error, and has not looked at what stands behind. */
static void
fail_slowly(struct failure *f, const char *const *parts)
{
	for (unsigned i = 0; i < GROUPS && parts[i] != NULL; i++) {
		drive_parse(&f->alone.in, parts[i], false);
		drive_client(&f->d, parts[i]);
		do
			model_let_work(&f->d, &f->behind,
				       f->behind.is_skipping ? 0 : 1);
		while (!f->behind.is_skipping &&
		       f->behind.read < f->behind.in.len);
	}
}

static bool
is_same(const struct failure *f)
{
	const struct str *a = &f->alone.out, *b = &f->d.to_client;

	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void
assert_same(const struct failure *f, unsigned round)
{
	struct str direct = { 0 }, through = { 0 };

	if (is_same(f))
		return;
	drive_show(&direct, (uint8_t *)f->alone.out.data, f->alone.out.len,
		   true);
	drive_show(&through, (uint8_t *)f->d.to_client.data, f->d.to_client.len,
		   true);
	print_message("round %u\n%s\n%s\n%s\n", round, str_text(&direct),
		      str_text(&through), str_text(&f->d.log));
	fail();
}

/* Nothing is left of it for the next request and the next client. */
static void
assert_free(struct failure *f)
{
	static const char *const end[GROUPS] = { "S", "Q:commit", "Q:sel" };
	struct pg_back *b = f->d.back;

	say_in_parts(f, end);
	assert_int_equal(b->owed.count, 0);
	assert_false(b->owed.is_asked || b->owed.is_ended);
	assert_false(b->is_group_open);
	assert_true(f->d.policy.mode == POOL_SESSION || !f->d.is_linked);
}

static void
fail_once(size_t head, size_t tail, unsigned round)
{
	static const char *const begin[GROUPS] = { "Q:begin" };
	struct failure f;

	drive_init(&f.d, round & 1 ? POOL_SESSION : POOL_TRANSACTION,
		   (enum drive_cut)(round / 16));
	f.d.seed = round;
	f.d.is_strict = true;
	f.d.has_waiters = (round & 2) != 0;
	model_init(&f.alone);
	model_init(&f.behind);
	if (round & 4)
		say_in_parts(&f, begin);
	if (round & 8)
		fail_slowly(&f, heads[head]);
	else
		say_in_parts(&f, heads[head]);
	say_in_parts(&f, tails[tail]);
	if (!is_same(&f))
		print_message("head %zu tail %zu\n", head, tail);
	assert_same(&f, round);
	assert_free(&f);
	assert_same(&f, round);
	model_fini(&f.alone);
	model_fini(&f.behind);
	drive_fini(&f.d);
}

/* Which Syncs a COPY has read that failed, whatever the client sends then. */
static void
failed_copies_leave_no_doubt(void **state)
{
	(void)state;
	for (size_t head = 0; head < COUNT_OF(heads); head++) {
		for (size_t tail = 0; tail < COUNT_OF(tails); tail++) {
			for (unsigned r = 0; r < 16 * CUTS; r++)
				fail_once(head, tail, r);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_grows_and_shrinks),
		cmocka_unit_test(types_fit_their_requests),
		cmocka_unit_test(copies_end_or_fail),
		cmocka_unit_test(pipelines_are_transparent),
		cmocka_unit_test(failed_copies_leave_no_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
