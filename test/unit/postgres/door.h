/*
 * A client's login for the tests: what the core would answer to each order of
 * the protocol, and what came of it.
 */
#ifndef CARPOOL_TEST_UNIT_POSTGRES_DOOR_H
#define CARPOOL_TEST_UNIT_POSTGRES_DOOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drive.h"

/* What the core would answer, and what came of it. */
struct door {
	struct drive d;
	enum auth_method method;
	const char *secret; /* NULL: unknown user */
	const char *decoy;
	enum reason route_reason;
	bool is_console;
	bool is_ready;
	bool has_keys; /* proven, as taken when facts were asked for */
	uint8_t client_key[32], server_key[32];
	unsigned jobs;
	char database[70], user[130];
	struct str failure; /* reason and words */
	struct str words;   /* of the last NEED_FACTS */
};

static void
open_door(struct door *o, enum drive_cut cut)
{
	memset(o, 0, sizeof(*o));
	drive_init(&o->d, POOL_TRANSACTION, cut);
	pg_front_ops.close(o->d.front);
	o->d.front = pg_front_ops.open();
	o->method = AUTH_TRUST;
	o->secret = "secret";
}

static void
close_door(struct door *o)
{
	str_fini(&o->failure);
	str_fini(&o->words);
	drive_fini(&o->d);
}

/* One order of a login; true: step on, with the answer if one was asked. */
static bool
answer(struct door *o, const struct order *order, struct answer *a)
{
	*a = (struct answer){ 0 };
	switch ((int)order->kind) {
	case ORDER_DISCARD:
		buf_drop(&o->d.c_in, order->bytes);
		return true;
	case ORDER_ROUTE:
		text_copy(o->database, sizeof(o->database),
			  order->route.database);
		text_copy(o->user, sizeof(o->user), order->route.user);
		a->kind = ANSWER_ROUTE;
		a->reason = o->route_reason;
		a->is_console = o->is_console;
		a->mode = o->d.policy.mode;
		return true;
	case ORDER_VERIFY:
		a->kind = ANSWER_VERIFY;
		a->method = o->method;
		a->secret = o->secret;
		a->decoy = o->decoy;
		return true;
	case ORDER_WORK:
		order->job.run(order->job.arg);
		o->jobs++;
		o->d.job = order->job;
		a->kind = ANSWER_JOB;
		a->job = order->job.arg;
		return true;
	case ORDER_NEED_FACTS:
		o->has_keys = pg_front_ops.credential(o->d.front, o->client_key,
						      o->server_key);
		assert_false(pg_front_ops.credential(o->d.front, o->client_key,
						     o->server_key));
		str_fini(&o->words);
		str_add(&o->words, order->words.data, order->words.len);
		a->kind = ANSWER_FACTS;
		a->facts = pg_back_ops.facts(o->d.back);
		return true;
	case ORDER_READY:
		o->is_ready = true;
		return false;
	case ORDER_FAIL:
		str_puts(&o->failure, reason_info(order->reason)->name);
		if (order->fail.text != NULL)
			str_printf(&o->failure, ": %s", order->fail.text);
		return false;
	case ORDER_CANCEL:
		str_printf(&o->failure, "cancel %zu", order->cancel.len);
		return false;
	default:
		return false;
	}
}

static void
knock(struct door *o, const void *data, size_t len)
{
	const uint8_t *p = data;
	struct answer a = { 0 };

	while (len > 0 && o->failure.len == 0 && !o->is_ready) {
		size_t n = o->d.cut == CUT_NONE ? len : 1;
		bool goes_on = true;

		assert_true(buf_append(&o->d.c_in, p, n));
		p += n;
		len -= n;
		while (goes_on) {
			struct turn t = drive_turn(&o->d, false);
			struct order order;

			t.answer = a;
			order = pg_front_ops.step(&t);
			if (o->d.job.drop != NULL) {
				o->d.job.drop(o->d.job.arg);
				o->d.job = (struct job){ 0 };
			}
			goes_on = answer(o, &order, &a);
		}
	}
	drive_drain(&o->d.c_out, &o->d.to_client);
}

/* A startup packet of pairs that end with NULL. */
static void
startup(struct door *o, uint32_t version, const char *const *pairs)
{
	struct str s = { 0 };
	size_t mark = pg_put_begin(&s, 0);

	pg_put_u32(&s, version);
	while (*pairs != NULL)
		pg_put_text(&s, *pairs++);
	str_putc(&s, '\0');
	pg_put_end(&s, mark);
	knock(o, s.data, s.len);
	str_fini(&s);
}

static void
hello(struct door *o)
{
	static const char *const pairs[] = { "user", "joe", NULL };

	startup(o, 3u << 16, pairs);
}

#endif
