/*
 * What comes from a client before it is known: startup packets and password
 * messages, under every method; and what comes from a server that is logged in
 * to.  Any cut gives the same output and the same last order.
 */
#include "fuzz_main.h"

#include "../unit/postgres/drive.h"

/* One order; true: step on, with an answer if one was asked for. */
static bool
carry(struct drive *d, const struct order *o, struct answer *a,
      const uint8_t *data, size_t *consumed)
{
	static const char *const secrets[] = {
		NULL, "secret", "md551a7ed06a09e0cd3379f6bffdd0ac556"
	};

	*a = (struct answer){ 0 };
	switch ((int)o->kind) {
	case ORDER_DISCARD:
		ASSERT(o->bytes <= d->c_in.len);
		buf_drop(&d->c_in, o->bytes);
		*consumed += o->bytes;
		return true;
	case ORDER_ROUTE:
		ASSERT(o->route.user[0] != '\0');
		a->kind = ANSWER_ROUTE;
		a->reason = data[0] & 8 ? REASON_NO_DATABASE : REASON_NONE;
		return true;
	case ORDER_VERIFY:
		a->kind = ANSWER_VERIFY;
		a->method = (enum auth_method)(data[0] % 5);
		a->secret = secrets[data[1] % 3];
		return true;
	case ORDER_WORK:
		o->job.run(o->job.arg);
		d->job = o->job;
		a->kind = ANSWER_JOB;
		a->job = o->job.arg;
		return true;
	case ORDER_NEED_FACTS:
		a->kind = ANSWER_FACTS;
		a->facts = pg_back_ops.facts(d->back);
		return true;
	case ORDER_READY:
		drive_log(d, "ready");
		return false;
	case ORDER_FAIL:
		drive_log(d, "%s %s", reason_info(o->reason)->name,
			  o->fail.text != NULL ? o->fail.text : "");
		return false;
	case ORDER_CANCEL:
		drive_log(d, "cancel %zu", o->cancel.len);
		return false;
	default:
		return false;
	}
}

static void
login(const uint8_t *data, size_t size, size_t piece, struct str *out,
      struct str *log)
{
	struct drive d;
	struct answer a = { 0 };
	size_t consumed = 0, given = 0;

	drive_init(&d, POOL_TRANSACTION, CUT_NONE);
	d.policy.scram_iterations = 1;
	d.policy.ignore_startup = data[1] & 4 ? "*" : "";
	pg_front_ops.close(d.front);
	d.front = pg_front_ops.open();
	ASSERT(d.front != NULL);
	for (size_t at = 2; at < size && d.log.len == 0; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		bool goes_on = true;

		ASSERT(buf_append(&d.c_in, data + at, n));
		given += n;
		while (goes_on) {
			struct turn t = drive_turn(&d, false);
			size_t had = d.c_out.len;
			struct order o;

			t.answer = a;
			o = pg_front_ops.step(&t);
			if (d.job.drop != NULL)
				d.job.drop(d.job.arg);
			d.job = (struct job){ 0 };
			ASSERT(o.kind != ORDER_NEED_MORE ||
			       (had == d.c_out.len && o.bytes > d.c_in.len));
			goes_on = carry(&d, &o, &a, data, &consumed);
		}
		ASSERT(given == consumed + d.c_in.len);
	}
	drive_drain(&d.c_out, out);
	*log = d.log;
	d.log = (struct str){ 0 };
	drive_fini(&d);
}

/* The same bytes as a server's. */
static void
server_login(const uint8_t *data, size_t size, enum drive_cut cut,
	     struct str *out, struct str *log)
{
	struct credential cred = { .user = "u",
				   .secret = data[0] & 1 ? "pw" : "" };
	struct drive d;

	drive_init(&d, POOL_TRANSACTION, cut);
	d.has_client = false;
	d.policy.connect_query = data[0] & 2 ? "select 1" : "";
	pg_back_ops.close(d.back);
	d.back = pg_back_ops.open(&cred, "db", &d.policy);
	ASSERT(d.back != NULL);
	drive_feed(&d, &d.s_in, (const char *)data + 2, size - 2);
	*out = d.to_server;
	*log = d.log;
	d.to_server = d.log = (struct str){ 0 };
	drive_fini(&d);
}

static void
compare(struct str *a, struct str *b)
{
	ASSERT(a->len == b->len);
	ASSERT(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
	str_fini(a);
	str_fini(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str out[2] = { { 0 } }, log[2] = { { 0 } };

	if (size < 3 || size > 12000)
		return 0;
	/* Encryption requests look at what came along with them. */
	if (size < 9 || memcmp(data + 6, "\4\322\26", 3) != 0) {
		login(data, size, size, &out[0], &log[0]);
		login(data, size, 1 + size % 7, &out[1], &log[1]);
		compare(&out[0], &out[1]);
		compare(&log[0], &log[1]);
	} else {
		login(data, size, size, &out[0], &log[0]);
		str_fini(&out[0]);
		str_fini(&log[0]);
	}
	server_login(data, size, CUT_NONE, &out[0], &log[0]);
	server_login(data, size, CUT_BYTES, &out[1], &log[1]);
	compare(&out[0], &out[1]);
	compare(&log[0], &log[1]);
	return 0;
}
