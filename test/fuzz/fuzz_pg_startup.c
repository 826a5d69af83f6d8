/*
 * What comes from a client before it is known: startup packets and password
 * messages, under every method.  Any cut gives the same output and the same
 * orders, every byte is dropped or still there, and what ends the login is the
 * last order.  First two bytes: the server's answers.
 */
#define FUZZ_PREFIX 2
#include "fuzz_drive.h"

/* Steps of one login besides those for each piece. */
#define STEPS_MAX 64u

/* One order; true: step on, with an answer if one was asked for. */
static bool
carry(struct drive *d, const struct order *o, struct answer *a,
      const uint8_t *data)
{
	static const char *const secrets[] = {
		NULL, "secret", "md551a7ed06a09e0cd3379f6bffdd0ac556",
		"SCRAM-SHA-256$1:c2FsdA==$" /* for a stored key of zeros */
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	};

	*a = (struct answer){ 0 };
	switch ((int)o->kind) {
	case ORDER_DISCARD:
		ASSERT(o->bytes <= d->c_in.len);
		buf_drop(&d->c_in, o->bytes);
		return true;
	case ORDER_ROUTE:
		ASSERT(o->route.user[0] != '\0');
		drive_log(d, "route %s %s", o->route.user, o->route.database);
		a->kind = ANSWER_ROUTE;
		a->reason = data[0] & 8 ? REASON_NO_DATABASE : REASON_NONE;
		a->is_console = (data[0] & 24) == 16;
		a->mode = d->policy.mode;
		return true;
	case ORDER_VERIFY:
		a->kind = ANSWER_VERIFY;
		a->method = (enum auth_method)(data[0] % 6);
		a->secret = secrets[data[1] & 3];
		a->decoy = data[0] & 32 ? secrets[1] : NULL;
		return true;
	case ORDER_WORK:
		o->job.run(o->job.arg);
		d->job = o->job;
		a->kind = ANSWER_JOB;
		a->job = o->job.arg;
		return true;
	case ORDER_NEED_FACTS:
		drive_log(d, "facts %zu", o->words.len);
		a->kind = ANSWER_FACTS;
		a->facts = pg_back_ops.facts(d->back);
		return true;
	case ORDER_READY:
		drive_log(d, "ready");
		d->is_over = true;
		return false;
	case ORDER_FAIL:
		drive_log(d, "%s %s", reason_info(o->reason)->name,
			  o->fail.text != NULL ? o->fail.text : "");
		d->is_over = true;
		return false;
	case ORDER_CANCEL:
		drive_log(d, "cancel %zu", o->cancel.len);
		d->is_over = true;
		return false;
	default:
		ASSERT(o->kind == ORDER_NEED_MORE);
		return false;
	}
}

/* Steps until the login waits for bytes or is over. */
static void
step_all(struct drive *d, const uint8_t *data)
{
	struct answer a = { 0 };
	bool goes_on;

	do {
		struct turn t = drive_turn(d, false);
		size_t had = d->c_out.len, in = d->c_in.len;
		struct order o;

		t.answer = a;
		o = pg_front_ops.step(&t);
		d->steps++;
		ASSERT(d->c_in.len == in);
		if (d->job.drop != NULL)
			d->job.drop(d->job.arg);
		d->job = (struct job){ 0 };
		if (o.kind == ORDER_NEED_MORE) {
			ASSERT(had == d->c_out.len && o.bytes > d->c_in.len);
			drive_wait_again(d, false, &o);
		}
		goes_on = carry(d, &o, &a, data);
	} while (goes_on);
}

/* Requests for encryption, which are fed alone: what comes with one is looked
 * at together with it. */
static size_t
request_bytes(const uint8_t *at, size_t left)
{
	if (left < 8 || memcmp(at + 4, "\4\322\26", 3) != 0)
		return 0;
	return at[7] == 0x2f || at[7] == 0x30 ? pg_get_u32(at) : 0;
}

static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct outcome *out)
{
	struct drive d;
	size_t pieces = 0;

	drive_init(&d, data[1] & 32 ? POOL_SESSION : POOL_TRANSACTION, cut);
	d.policy.scram_iterations = 1;
	d.policy.ignore_startup = data[1] & 4 ? "*" : "";
	d.policy.add_host = (data[1] & 8) != 0;
	pg_front_ops.close(d.front);
	d.front = pg_front_ops.open();
	ASSERT(d.front != NULL);
	for (size_t at = FUZZ_PREFIX; at < size && !d.is_over; pieces++) {
		size_t n = request_bytes(data + at, size - at);

		if (n == 0 || data[1] & 16) {
			n = size - at;
			if (cut == CUT_BYTES)
				n = 1;
			else if (cut == CUT_RANDOM)
				n = 1 + (size_t)(rand_r(&d.seed) % 29);
		}
		if (n > size - at)
			n = size - at;
		ASSERT(buf_append(&d.c_in, data + at, n));
		at += n;
		step_all(&d, data);
	}
	ASSERT(d.steps <= pieces + STEPS_MAX);
	outcome_take(out, &d);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	struct outcome out;

	if (size <= FUZZ_PREFIX || size > 12000)
		return;
	if ((data[1] & 16) == 0) {
		play_all(play, data, size);
		return;
	}
	/* Bytes behind an encryption request, in the same piece. */
	play(data, size, CUT_NONE, &out);
	outcome_fini(&out);
}
