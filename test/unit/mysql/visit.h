/*
 * A small core for the tests of logins: one side's step, its orders carried
 * out, no sockets.
 *
 * What is fed comes at once or byte by byte; a step that waits is called twice
 * and must say the same, with nothing written.  Work is done at once.
 */
#ifndef CARPOOL_TEST_UNIT_MYSQL_VISIT_H
#define CARPOOL_TEST_UNIT_MYSQL_VISIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_back.h"
#include "mysql/my_caps.h"
#include "mysql/my_front.h"
#include "mysql/my_greeting.h"
#include "mysql/my_packet.h"

enum visit_cut { CUT_NONE, CUT_BYTES, CUTS };

struct visit {
	struct block_pool blocks;
	struct buf in, out;
	void *self; /* borrows */
	struct order (*step)(struct visit *v, struct turn *t);
	enum visit_cut cut;
	struct policy policy;
	struct stream_facts stream;
	uint8_t key[CANCEL_KEY_BYTES];
	struct key_cache *keys; /* borrows, or NULL */
	struct rsa_key *rsa;    /* borrows, or NULL */
	/* Answers of the core. */
	const struct my_facts *common; /* borrows: of all servers */
	const struct my_facts *own;    /* borrows: of the client's pool */
	struct answer route, verify;
	struct answer answer;
	uint8_t class[MY_CLASS_BYTES]; /* what NEED_FACTS said */
	unsigned jobs;
	unsigned drawn; /* entropy was asked for so often */
	size_t discard; /* of bytes that have not come yet */
	bool is_over;
	struct str log;  /* orders that move no bytes */
	struct str sent; /* what the step wrote */
	size_t read_at;  /* of that, already looked at */
};

static const uint8_t visit_secret[MOCK_SECRET_BYTES] = { 1, 2, 3 };

static inline void
visit_entropy(void *arg, void *out, size_t len)
{
	struct visit *v = arg;

	memset(out, (int)(++v->drawn), len);
}

__attribute__((format(printf, 2, 3))) static inline void
visit_log(struct visit *v, const char *format, ...)
{
	va_list args;

	if (v->log.len > 0)
		str_putc(&v->log, ' ');
	va_start(args, format);
	str_vprintf(&v->log, format, args);
	va_end(args);
}

static inline void
visit_init(struct visit *v, void *self,
	   struct order (*step)(struct visit *v, struct turn *t),
	   enum visit_cut cut)
{
	*v = (struct visit){ .self = self, .step = step, .cut = cut };
	block_pool_init(&v->blocks, 4);
	buf_init(&v->in, &v->blocks);
	buf_init(&v->out, &v->blocks);
	v->policy.connect_query = "";
	v->policy.server_version = "";
	v->stream.peer_addr = "";
	memcpy(v->key,
	       "\x2a\0\0\x80"
	       "abcd",
	       sizeof(v->key));
	v->route.kind = ANSWER_ROUTE;
	v->verify.kind = ANSWER_VERIFY;
}

static inline void
visit_fini(struct visit *v)
{
	buf_clear(&v->in);
	buf_clear(&v->out);
	block_pool_fini(&v->blocks);
	str_fini(&v->log);
	str_fini(&v->sent);
}

static inline struct order
visit_step(struct visit *v)
{
	struct turn t = {
		.self = v->self,
		.in = &v->in,
		.out = &v->out,
		.policy = &v->policy,
		.stream = &v->stream,
		.entropy = visit_entropy,
		.entropy_arg = v,
		.mock_secret = visit_secret,
		.client_id = 7,
		.keys = v->keys,
		.rsa = v->rsa,
		.cancel_key = v->key,
		.answer = v->answer,
	};
	size_t before = v->in.len;
	struct order o = v->step(v, &t);

	ASSERT(v->in.len == before);
	v->answer = (struct answer){ .kind = ANSWER_NONE };
	return o;
}

static inline void
visit_drain(struct visit *v)
{
	while (v->out.len > 0) {
		size_t n;
		const uint8_t *p = buf_run(&v->out, 0, &n);

		str_add(&v->sent, (const char *)p, n);
		buf_drop(&v->out, n);
	}
}

static inline void
visit_drop(struct visit *v)
{
	size_t n = v->discard < v->in.len ? v->discard : v->in.len;

	buf_drop(&v->in, n);
	v->discard -= n;
}

static inline void
visit_facts(struct visit *v, const struct order *o)
{
	v->answer.kind = ANSWER_FACTS;
	v->answer.facts = o->words.len == 0 ? v->common : v->own;
	if (o->words.len > 0) {
		ASSERT(o->words.len == MY_CLASS_BYTES);
		memcpy(v->class, o->words.data, sizeof(v->class));
	}
}

static inline void
visit_fail(struct visit *v, const struct order *o)
{
	static const char *const scopes[] = { "statement", "connection", "pool",
					      "startup" };

	visit_log(v, "%s:%s", scopes[o->scope], reason_info(o->reason)->name);
	if (o->fail.text != NULL)
		visit_log(v, "(%s)", o->fail.text);
	if (o->fail.detail != NULL)
		visit_log(v, "[%s]", o->fail.detail);
	v->is_over = true;
}

/* True: step again. */
static inline bool
visit_carry(struct visit *v, const struct order *o)
{
	switch (o->kind) {
	case ORDER_NEED_FACTS:
		visit_facts(v, o);
		return true;
	case ORDER_ROUTE:
		visit_log(v, "route:%s,%s", o->route.database, o->route.user);
		v->answer = v->route;
		return true;
	case ORDER_VERIFY:
		v->answer = v->verify;
		return true;
	case ORDER_WORK:
		v->jobs++;
		o->job.run(o->job.arg);
		v->answer.kind = ANSWER_JOB;
		v->answer.job = o->job.arg;
		{
			struct order next = visit_step(v);
			bool again;

			visit_drain(v);
			again = visit_carry(v, &next);
			o->job.drop(o->job.arg);
			return again;
		}
	case ORDER_DISCARD:
		v->discard += o->bytes;
		visit_drop(v);
		return v->discard == 0;
	case ORDER_FAIL:
		visit_fail(v, o);
		return false;
	case ORDER_READY:
		visit_log(v, "ready");
		v->is_over = true;
		return false;
	case ORDER_NEED_MORE:
		/* It has what it asked for, and says the same again. */
		ASSERT(o->bytes > v->in.len);
		{
			struct order again = visit_step(v);

			ASSERT(again.kind == ORDER_NEED_MORE &&
			       again.bytes == o->bytes && v->out.len == 0);
		}
		return false;
	case ORDER_WAIT:
	case ORDER_RELAY:
	case ORDER_NEED_SERVER:
	case ORDER_BOUNDARY:
	case ORDER_CANCEL:
	case ORDER_QUERY:
	case ORDER_CLOSE:
	case ORDER_LISTEN:
	case ORDER_CLASS:
	case ORDER_START_TLS:
		break;
	}
	visit_log(v, "order:%d", o->kind);
	v->is_over = true;
	return false;
}

static inline void
visit_pump(struct visit *v)
{
	bool again = !v->is_over;

	while (again) {
		struct order o;

		visit_drop(v);
		if (v->discard > 0)
			return;
		o = visit_step(v);
		visit_drain(v);
		again = visit_carry(v, &o);
	}
}

static inline void
visit_feed(struct visit *v, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t piece = v->cut == CUT_NONE ? len : 1;

	for (size_t at = 0; at < len; at += piece) {
		ASSERT(buf_append(&v->in, p + at, piece));
		visit_pump(v);
	}
}

/* One packet. */
static inline void
visit_packet(struct visit *v, uint8_t seq, const void *payload, size_t len)
{
	struct str s = { 0 };

	my_put_uint(&s, len, 3);
	my_put_u8(&s, seq);
	if (len > 0)
		str_add(&s, payload, len);
	visit_feed(v, s.data, s.len);
	str_fini(&s);
}

/* The next packet that the step wrote: its payload and *len, and its number in
 * *seq; NULL: there is none. */
static inline const uint8_t *
visit_next(struct visit *v, size_t *len, uint8_t *seq)
{
	const uint8_t *p = (const uint8_t *)str_text(&v->sent) + v->read_at;

	if (v->sent.len - v->read_at < MY_HEADER)
		return NULL;
	*len = my_get_u24(p);
	*seq = p[3];
	ASSERT(v->sent.len - v->read_at >= MY_HEADER + *len);
	v->read_at += MY_HEADER + *len;
	return p + MY_HEADER;
}

#endif
