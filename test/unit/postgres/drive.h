/*
 * A small core for the tests of the protocol: one client, one server, both
 * steps, no sockets.
 *
 * Messages are written and shown in a notation of one line: tokens between
 * bars, a type and its fields between colons.
 *
 *	client	Q:text  P:name:text  B:portal:statement  DS:name  DP:name
 *		E:portal  CS:name  CP:name  S  H  X  F  d:data  c  f:text
 *	server	C:tag  Z:I  T  T:a,b (columns)  D:data
 *		D:@a,b,c (columns)  D:=a (one column)  1  2  3  n  t  s
 *		A:channel:payload
 *		I  V  A  W
 *		G  H  d:data  c  N:text  S:name:value  E:severity:state:text
 *		O (the error of an outdated plan)
 *		K  R:0
 *
 * Everything is put in at once, byte by byte, or at random cuts; what comes
 * out must be the same.  Orders that move bytes are checked for conservation
 * by the drive itself.
 */
#ifndef CARPOOL_TEST_UNIT_POSTGRES_DRIVE_H
#define CARPOOL_TEST_UNIT_POSTGRES_DRIVE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "postgres/pg_back.h"
#include "postgres/pg_front.h"

enum drive_cut { CUT_NONE, CUT_BYTES, CUT_RANDOM, CUTS };

struct drive {
	struct block_pool blocks;
	struct buf c_in, c_out, s_in, s_out;
	void *front; /* owns */
	void *back;  /* owns */
	struct policy policy;
	struct stream_facts stream;
	uint8_t key[CANCEL_KEY_BYTES];
	uint8_t mock[MOCK_SECRET_BYTES];
	usec_t now;
	bool is_linked;
	bool is_linking;
	bool has_client;
	char words[TURN_WORDS];
	bool has_waiters;
	bool has_news;
	bool peer_eof;
	bool holds_server; /* NEED_SERVER is not granted */
	bool is_over;      /* the client's connection */
	bool is_server_over;
	bool is_strict; /* a step that waits is called twice */
	size_t steps;   /* of both sides */
	size_t c_relay, c_discard, s_relay, s_discard;
	unsigned back_orders; /* steps of the back that moved bytes */
	enum drive_cut cut;
	unsigned seed;
	struct str log; /* orders that move no bytes */
	struct str to_client, to_server;
	struct answer answer;
	struct job job;
	bool has_job;
	unsigned back_jobs;     /* that the back had done */
	struct key_cache *keys; /* borrows, or NULL */
	void *shared;           /* owns */
	_Atomic uint64_t changes;
};

static inline void
drive_entropy(void *arg, void *out, size_t len)
{
	(void)arg;
	memset(out, 7, len);
}

__attribute__((format(printf, 2, 3))) static inline void
drive_log(struct drive *d, const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (d->log.len > 0)
		str_putc(&d->log, ' ');
	str_puts(&d->log, text);
}

static inline struct turn
drive_turn(struct drive *d, bool is_back)
{
	bool has_peer = d->is_linked || (is_back && d->is_linking);

	return (struct turn){
		.self = is_back ? d->back : d->front,
		.peer = !has_peer ? NULL
			: is_back ? d->front
				  : d->back,
		.in = is_back ? &d->s_in : &d->c_in,
		.out = is_back ? &d->s_out : &d->c_out,
		.peer_out = !has_peer ? NULL
			    : is_back ? &d->c_out
				      : &d->s_out,
		.now = d->now,
		.policy = &d->policy,
		.stream = &d->stream,
		.entropy = drive_entropy,
		.mock_secret = d->mock,
		.keys = d->keys,
		.changes = &d->changes,
		.shared = d->shared,
		.cancel_key = d->key,
		.words = d->words,
		.has_waiters = d->has_waiters,
		.has_news = is_back && d->has_news,
		.out_busy = is_back && d->c_relay > 0,
		.peer_eof = !is_back && d->peer_eof,
	};
}

/* ---- notation ---- */

static inline void
drive_put_raw(struct str *s, char type, const char *body, size_t len)
{
	size_t mark = pg_put_begin(s, type);

	str_add(s, body, len);
	pg_put_end(s, mark);
}

static inline void
drive_put_row(struct str *s, const char *columns)
{
	pg_put_u16(s, 3);
	for (unsigned i = 0; i < 3; i++) {
		size_t n = strcspn(columns, i < 2 ? "," : "");

		pg_put_u32(s, (uint32_t)n);
		str_add(s, columns, n);
		columns += n + (columns[n] == ',');
	}
}

static inline void
drive_put_columns(struct str *s, const char *columns)
{
	uint16_t count = 1;

	for (const char *c = columns; *c != '\0'; c++)
		count = (uint16_t)(count + (*c == ','));
	pg_put_u16(s, count);
	for (; count > 0; count--) {
		size_t n = strcspn(columns, ",");

		str_add(s, columns, n);
		str_putc(s, '\0');
		for (unsigned i = 0; i < 9; i++)
			pg_put_u16(s, 0);
		columns += n + (columns[n] == ',');
	}
}

static inline void
drive_put_outdated(struct str *s)
{
	static const char fields[] = "SERROR\0VERROR\0C0A000\0Mcached\0"
				     "RRevalidateCachedQuery\0";

	str_add(s, fields, sizeof(fields));
}

/* One token of either side; fields are cut out in place. */
static inline void
drive_put_token(struct str *s, char *token, bool is_server)
{
	char *field[4] = { token, NULL, NULL, NULL };
	size_t n = 1, mark, limit = 4;
	char type = token[0];

	if (type == 'Q' || type == 'd' || type == 'f' || type == 'C' ||
	    type == 'N' || (type == 'D' && is_server))
		limit = 2;
	if (type == 'P' || (type == 'S' && is_server))
		limit = 3;
	for (char *c = token; *c != '\0' && n < limit; c++) {
		if (*c == ':') {
			*c = '\0';
			field[n++] = c + 1;
		}
	}
	for (; n < 4; n++)
		field[n] = (char *)(uintptr_t) "";
	mark = pg_put_begin(s, type == 'O' ? 'E' : type);
	if (type == 'O') {
		drive_put_outdated(s);
	} else if (type == 'T' && field[1][0] != '\0') {
		drive_put_columns(s, field[1]);
	} else if (!is_server && (type == 'C' || type == 'D')) {
		str_putc(s, token[1]);
		pg_put_text(s, field[1]);
	} else if (!is_server && type == 'E') {
		pg_put_text(s, field[1]);
		pg_put_u32(s, 0);
	} else if (!is_server && type == 'B') {
		pg_put_text(s, field[1]);
		pg_put_text(s, field[2]);
		str_add(s, "\0\0\0\0\0\0", 6);
	} else if (!is_server && type == 'P') {
		pg_put_text(s, field[1]);
		pg_put_text(s, field[2]);
		pg_put_u16(s, 0);
	} else if (!is_server && (type == 'Q' || type == 'f')) {
		pg_put_text(s, field[1]);
	} else if (type == 'D' && field[1][0] == '@') {
		drive_put_row(s, field[1] + 1);
	} else if (type == 'D' && field[1][0] == '=') {
		pg_put_u16(s, 1);
		pg_put_u32(s, (uint32_t)strlen(field[1] + 1));
		str_puts(s, field[1] + 1);
	} else if (is_server && type == 'A' && field[1][0] != '\0') {
		pg_put_u32(s, 7);
		pg_put_text(s, field[1]);
		pg_put_text(s, field[2]);
	} else if (type == 'd' || type == 'D') {
		str_puts(s, field[1]);
	} else if (is_server && type == 'S') {
		pg_put_text(s, field[1]);
		pg_put_text(s, field[2]);
	} else if (is_server && type == 'C') {
		pg_put_text(s, field[1]);
	} else if (is_server && type == 'Z') {
		str_putc(s, field[1][0]);
	} else if (is_server && type == 'N') {
		str_puts(s, "SNOTICE");
		str_putc(s, '\0');
		str_putc(s, 'M');
		pg_put_text(s, field[1]);
		str_putc(s, '\0');
	} else if (is_server && type == 'E') {
		str_putc(s, 'S');
		pg_put_text(s, field[1]);
		str_putc(s, 'V');
		pg_put_text(s, field[1]);
		str_putc(s, 'C');
		pg_put_text(s, field[2]);
		str_putc(s, 'M');
		pg_put_text(s, field[3]);
		str_putc(s, '\0');
	} else if (is_server && (type == 'G' || type == 'W' || type == 'T')) {
		str_add(s, "\0\0\0", 3);
	} else if (is_server && type == 'R') {
		pg_put_u32(s, (uint32_t)strtoul(field[1], NULL, 10));
	} else if (is_server && type == 'K') {
		str_add(s, "\0\0\0\5abcd", 8);
	}
	pg_put_end(s, mark);
}

static inline void
drive_parse(struct str *s, const char *script, bool is_server)
{
	while (*script != '\0') {
		size_t n = strcspn(script, "|");
		char *token = mem_strndup(script, n);

		drive_put_token(s, token, is_server);
		mem_free(token);
		script += n;
		if (*script == '|')
			script++;
	}
}

static inline void
drive_show_text(struct str *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && p[i] != 0; i++)
		str_putc(out, (char)p[i]);
}

/* Shows what a side received, in the notation. */
static inline void
drive_show(struct str *out, const uint8_t *p, size_t len, bool from_server)
{
	bool first = out->len == 0;

	while (len >= PG_HEADER) {
		size_t total = (size_t)pg_get_u32(p + 1) + 1;
		const uint8_t *body = p + PG_HEADER;
		size_t n;

		if (total > len || total < PG_HEADER) {
			str_puts(out, "|BROKEN");
			return;
		}
		n = total - PG_HEADER;
		if (!first)
			str_putc(out, '|');
		first = false;
		str_putc(out, (char)p[0]);
		if (p[0] == 'E' && from_server) {
			static const char codes[] = "SCM";

			for (const char *c = codes; *c != '\0'; c++) {
				const char *t = pg_error_field(body, n, *c);

				str_putc(out, ':');
				str_puts(out, t != NULL ? t : "-");
			}
		} else if (p[0] == 'N' && from_server) {
			const char *t = pg_error_field(body, n, 'M');

			str_putc(out, ':');
			str_puts(out, t != NULL ? t : "-");
		} else if (strchr("ZCQ", p[0]) != NULL &&
			   (from_server || p[0] == 'Q')) {
			str_putc(out, ':');
			drive_show_text(out, body, n);
		} else if (p[0] == 'S' && from_server) {
			struct pg_body at = { .at = body, .left = n };
			const char *name = pg_body_text(&at);
			const char *value = pg_body_text(&at);

			str_printf(out, ":%s:%s", name, value);
		} else if (!from_server && p[0] == 'D') {
			drive_show_text(out, body, n);
		}
		p += total;
		len -= total;
	}
	if (len > 0)
		str_puts(out, "|PARTIAL");
}

/* Takes what stands in an output buffer to the bytes of that side. */
static inline void
drive_drain(struct buf *b, struct str *to)
{
	while (b->len > 0) {
		size_t n;
		const uint8_t *p = buf_run(b, 0, &n);

		str_add(to, (const char *)p, n);
		buf_drop(b, n);
	}
}

/* ---- carrying orders out ---- */

/* Carries an unfinished move on; true: something moved. */
static inline bool
drive_move(struct buf *in, struct buf *out, size_t *relay, size_t *discard)
{
	size_t n;

	if (*discard > 0) {
		n = *discard < in->len ? *discard : in->len;
		buf_drop(in, n);
		*discard -= n;
		return n > 0;
	}
	n = *relay < in->len ? *relay : in->len;
	if (n == 0)
		return false;
	ASSERT(buf_move(out, in, n));
	*relay -= n;
	return true;
}

static inline void drive_link(struct drive *d);

static const char *const drive_residues[] = { "none", "reset", "close" };

static inline void
drive_boundary(struct drive *d, const struct order *o)
{
	struct turn t;

	drive_log(d, "boundary:%s",
		  o->pins != 0 ? "pinned" : drive_residues[o->residue]);
	if (o->hold == HOLD_PINNED)
		return;
	if (d->is_linked) {
		d->is_linked = false;
		pg_back_ops.unlink(d->back);
	}
	t = drive_turn(d, true);
	if (pg_back_view(d->back)->tx != TX_IDLE) {
		enum abandon_result r = pg_back_ops.abandon(&t, false);

		drive_log(d, r == ABANDON_DRAIN ? "drain" : "close");
	} else if (o->residue == RESIDUE_RESET) {
		ASSERT(pg_back_ops.reset(&t));
	} else if (o->residue == RESIDUE_CLOSE) {
		d->is_server_over = true;
	}
}

static inline void
drive_log_names(struct drive *d, const char *sign, const char *at, size_t len)
{
	const char *end = at + len;

	for (; at < end; at += strlen(at) + 1)
		str_printf(&d->log, "%s%s,", sign, at);
}

/* What the client listens to is kept by nobody; see drive_in_place. */
static inline void
drive_listen(struct drive *d, const struct order *o)
{
	const struct listen_change *l = &o->listen;

	if (l->told != NULL) {
		drive_log(d, "told:%u,%s,%s", l->told->pid, l->told->channel,
			  l->told->payload);
		d->s_discard = o->bytes;
		return;
	}
	drive_log(d, "listen:");
	if (l->drops_all)
		str_puts(&d->log, "-*,");
	if (l->drop_len > 0)
		drive_log_names(d, "-", l->drop, l->drop_len);
	if (l->add_len > 0)
		drive_log_names(d, "+", l->add, l->add_len);
	str_puts(&d->log, l->has_notified ? "notified,"
			  : d->has_news   ? "news,"
					  : "");
	str_puts(&d->log, l->is_waiting ? "waits" : "goes");
}

/* A step that waited has changed nothing, so it says the same again, and both
 * sides are as they were. */
static inline void
drive_wait_again(struct drive *d, bool is_back, const struct order *was)
{
	struct turn t = drive_turn(d, is_back);
	size_t c_out = d->c_out.len, s_out = d->s_out.len;
	const size_t front = sizeof(struct pg_front);
	const size_t back = sizeof(struct pg_back);
	uint8_t before[sizeof(struct pg_front) + sizeof(struct pg_back)];
	struct order o;

	if (d->front != NULL)
		memcpy(before, d->front, front);
	memcpy(before + front, d->back, back);
	o = is_back ? pg_back_ops.step(&t) : pg_front_ops.step(&t);
	ASSERT(o.kind == was->kind && o.bytes == was->bytes);
	ASSERT(c_out == d->c_out.len && s_out == d->s_out.len);
	ASSERT(d->front == NULL || memcmp(before, d->front, front) == 0);
	ASSERT(memcmp(before + front, d->back, back) == 0);
}

static inline bool
drive_back(struct drive *d)
{
	struct turn t;
	struct order o;
	size_t in, out, peer;

	if (d->is_server_over)
		return false;
	if (d->s_relay > 0 || d->s_discard > 0)
		return drive_move(&d->s_in, &d->c_out, &d->s_relay,
				  &d->s_discard);
	t = drive_turn(d, true);
	in = d->s_in.len;
	out = d->s_out.len;
	peer = d->c_out.len;
	o = pg_back_ops.step(&t);
	d->steps++;
	ASSERT(d->s_in.len == in);
	ASSERT(pg_owed_is_sane(&((struct pg_back *)d->back)->owed));
	if (o.kind == ORDER_NEED_MORE || o.kind == ORDER_WAIT) {
		ASSERT(peer == d->c_out.len);
		ASSERT(o.kind == ORDER_WAIT || o.bytes > in);
		if (d->is_strict)
			drive_wait_again(d, true, &o);
		return out != d->s_out.len;
	}
	switch ((int)o.kind) {
	case ORDER_RELAY:
		ASSERT(t.peer_out != NULL && o.bytes > 0);
		d->s_relay = o.bytes;
		d->back_orders++;
		return true;
	case ORDER_DISCARD:
		d->s_discard = o.bytes;
		d->back_orders++;
		return true;
	case ORDER_BOUNDARY:
		drive_boundary(d, &o);
		return true;
	case ORDER_LISTEN:
		drive_listen(d, &o);
		return true;
	case ORDER_READY:
		drive_log(d, "ready");
		return true;
	case ORDER_WORK:
		o.job.run(o.job.arg);
		d->back_jobs++;
		d->job = o.job;
		t = drive_turn(d, true);
		t.answer.kind = ANSWER_JOB;
		t.answer.job = o.job.arg;
		o = pg_back_ops.step(&t);
		ASSERT(o.kind == ORDER_DISCARD || o.kind == ORDER_FAIL);
		d->s_discard = o.kind == ORDER_DISCARD ? o.bytes : 0;
		d->job.drop(d->job.arg);
		return true;
	default:
		drive_log(d, "server:%s:%d", reason_info(o.reason)->name,
			  (int)o.scope);
		if (o.reason == REASON_SERVER_SETTING ||
		    o.reason == REASON_STATEMENT_MODE_TX) {
			/* The client is refused, the server is kept. */
			d->is_over = true;
			d->is_linked = d->is_linking = false;
			t = drive_turn(d, true);
			drive_log(d, "abandon:%d",
				  (int)pg_back_ops.abandon(&t, false));
			return true;
		}
		d->is_server_over = true;
		return false;
	}
}

static inline void
drive_link(struct drive *d)
{
	static const char *const names[] = { "go", "wait", "fail" };
	struct turn t;
	enum link_result r;

	d->is_linking = true;
	t = drive_turn(d, true);
	t.peer_out = NULL;
	r = pg_back_ops.link(&t);
	drive_log(d, "link:%s", names[r]);
	if (r == LINK_GO) {
		d->is_linked = true;
		d->is_linking = false;
	}
}

static inline bool
drive_front_order(struct drive *d, const struct order *o)
{
	switch ((int)o->kind) {
	case ORDER_RELAY:
		ASSERT(d->is_linked && o->bytes > 0);
		d->c_relay = o->bytes;
		return true;
	case ORDER_DISCARD:
		d->c_discard = o->bytes;
		return true;
	case ORDER_NEED_SERVER:
		ASSERT(!d->is_linked);
		if (d->holds_server)
			return false;
		drive_link(d);
		return true;
	case ORDER_CLOSE:
		drive_log(d, "close:%s", reason_info(o->reason)->name);
		d->is_over = true;
		return false;
	case ORDER_FAIL:
		drive_log(d, "client:%s", reason_info(o->reason)->name);
		if (o->fail.text != NULL)
			drive_log(d, "\"%s\"", o->fail.text);
		d->is_over = true;
		return false;
	default:
		drive_log(d, "order:%d", (int)o->kind);
		d->is_over = true;
		return false;
	}
}

static inline bool
drive_front(struct drive *d)
{
	struct turn t;
	struct order o;
	size_t in, out, peer;

	if (d->is_over || !d->has_client)
		return false;
	if (d->is_linking) {
		if (pg_back_view(d->back)->owed_hidden > 0)
			return false;
		d->is_linking = false;
		d->is_linked = true;
	}
	if (d->c_relay > 0 || d->c_discard > 0)
		return drive_move(&d->c_in, &d->s_out, &d->c_relay,
				  &d->c_discard);
	if (d->c_in.len == 0 && !d->peer_eof)
		return false;
	t = drive_turn(d, false);
	in = d->c_in.len;
	out = d->c_out.len;
	peer = d->s_out.len;
	o = pg_front_ops.step(&t);
	d->steps++;
	ASSERT(d->c_in.len == in);
	if (o.kind == ORDER_NEED_MORE || o.kind == ORDER_WAIT) {
		ASSERT(out == d->c_out.len && peer == d->s_out.len);
		ASSERT(o.kind == ORDER_WAIT || o.bytes > in);
		if (d->is_strict)
			drive_wait_again(d, false, &o);
		return false;
	}
	return drive_front_order(d, &o);
}

static inline void
drive_pump(struct drive *d)
{
	bool moved;
	unsigned rounds = 0;

	do {
		ASSERT(rounds++ < 1000000);
		moved = false;
		while (drive_back(d)) {
			moved = true;
			if (d->is_linking &&
			    pg_back_view(d->back)->owed_hidden == 0)
				break;
		}
		while (drive_front(d))
			moved = true;
	} while (moved);
	drive_drain(&d->c_out, &d->to_client);
	drive_drain(&d->s_out, &d->to_server);
}

/* Puts bytes in on one side, cut as the drive is told to. */
static inline void
drive_feed(struct drive *d, struct buf *in, const char *data, size_t len)
{
	while (len > 0) {
		size_t n = len;

		if (d->cut == CUT_BYTES)
			n = 1;
		else if (d->cut == CUT_RANDOM)
			n = 1 + (size_t)(rand_r(&d->seed) % 13);
		if (n > len)
			n = len;
		ASSERT(buf_append(in, data, n));
		data += n;
		len -= n;
		drive_pump(d);
	}
}

static inline void
drive_client(struct drive *d, const char *script)
{
	struct str s = { 0 };

	drive_parse(&s, script, false);
	drive_feed(d, &d->c_in, str_text(&s), s.len);
	str_fini(&s);
}

static inline void
drive_server(struct drive *d, const char *script)
{
	struct str s = { 0 };

	drive_parse(&s, script, true);
	drive_feed(d, &d->s_in, str_text(&s), s.len);
	str_fini(&s);
}

/* What the client waits for is in place, and it is told so. */
static inline void
drive_in_place(struct drive *d)
{
	struct turn t = drive_turn(d, false);

	d->has_news = false;
	ASSERT(pg_front_ops.subscribed(&t));
	drive_pump(d);
}

/* ---- a pair that is logged in ---- */

static inline struct pg_params *
drive_facts(void)
{
	static const char *const pairs[][2] = {
		{ "in_hot_standby", "off" },
		{ "integer_datetimes", "on" },
		{ "TimeZone", "UTC" },
		{ "IntervalStyle", "postgres" },
		{ "is_superuser", "off" },
		{ "application_name", "" },
		{ "DateStyle", "ISO, MDY" },
		{ "standard_conforming_strings", "on" },
		{ "client_encoding", "UTF8" },
		{ "server_version", "15.0" },
	};
	struct pg_params *p = NULL;

	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		pg_params_put(&p, pg_params_with(p, pairs[i][0], pairs[i][1]));
	return p;
}

static inline void
drive_init(struct drive *d, enum pool_mode mode, enum drive_cut cut)
{
	struct credential cred = { .user = "u", .secret = "" };
	struct pg_front *f;
	struct pg_back *b;

	memset(d, 0, sizeof(*d));
	block_pool_init(&d->blocks, 16);
	buf_init(&d->c_in, &d->blocks);
	buf_init(&d->c_out, &d->blocks);
	buf_init(&d->s_in, &d->blocks);
	buf_init(&d->s_out, &d->blocks);
	d->shared = pg_front_ops.share_open(1);
	d->policy = (struct policy){
		.mode = mode,
		.max_prepared_statements = 200,
		.listen_channels = 3,
		.max_packet_bytes = INT32_MAX,
		.scram_iterations = 4096,
		.reset_query = "DISCARD ALL",
		.check_query = "",
		.connect_query = "",
		.ignore_startup = "",
		.extra_tracked = "IntervalStyle",
		.client_encoding = "",
		.datestyle = "",
		.timezone = "",
		.application_name = "",
	};
	d->stream.peer_addr = "127.0.0.1";
	d->stream.peer_port = 1234;
	memcpy(d->key, "\0\0\0\7wxyz", CANCEL_KEY_BYTES);
	d->cut = cut;
	d->now = 1;
	d->seed = 1;
	d->has_client = true;
	d->front = pg_front_ops.open();
	d->back = pg_back_ops.open(&cred, "db", (struct startup_words){ 0 },
				   &d->policy);
	f = d->front;
	b = d->back;
	ASSERT(f != NULL && b != NULL);
	pg_front_login_free(f->login);
	f->login = NULL;
	f->view.is_at_rest = true;
	pg_back_login_free(b->login);
	b->login = NULL;
	b->params = drive_facts();
	b->facts = pg_params_ref(b->params);
	f->params = pg_params_ref(b->params);
	pg_front_params_changed(f);
	pg_back_params_changed(b);
	pg_back_count(b);
}

/* LISTEN is emulated. */
static inline void
drive_hears(struct drive *d)
{
	struct pg_front *f = d->front;
	struct pg_back *b = d->back;

	d->policy.on_state[STATE_LISTEN] = STATE_EMULATE;
	pg_params_put(&f->params,
		      pg_params_with(f->params, "server_encoding", "UTF8"));
	pg_params_put(&b->params, pg_params_ref(f->params));
	pg_params_put(&b->facts, pg_params_ref(f->params));
	pg_front_params_changed(f);
	pg_back_params_changed(b);
}

/* Gives the client a startup value of its own, as its login would. */
static inline void
drive_start_value(struct drive *d, const char *name, const char *value)
{
	struct pg_front *f = d->front;

	pg_params_put(&f->params, pg_params_with(f->params, name, value));
	pg_params_put(&f->start, pg_params_with(f->start, name, value));
	pg_front_params_changed(f);
}

static inline void
drive_fini(struct drive *d)
{
	buf_clear(&d->c_in);
	buf_clear(&d->c_out);
	buf_clear(&d->s_in);
	buf_clear(&d->s_out);
	if (d->back != NULL)
		pg_back_ops.unlink(d->back);
	if (d->front != NULL)
		pg_front_ops.close(d->front);
	if (d->back != NULL)
		pg_back_ops.close(d->back);
	pg_front_ops.share_close(d->shared);
	block_pool_fini(&d->blocks);
	str_fini(&d->log);
	str_fini(&d->to_client);
	str_fini(&d->to_server);
}

/* The client is gone in the middle of things. */
static inline void
drive_abandon(struct drive *d)
{
	static const char *const names[] = { "done", "drain", "cancel",
					     "close" };
	bool half_sent = d->c_relay > 0;
	enum abandon_result r;
	struct turn t;

	d->is_linked = d->is_linking = d->has_client = false;
	pg_back_ops.unlink(d->back);
	pg_front_ops.close(d->front);
	d->front = NULL;
	t = drive_turn(d, true);
	if (d->s_relay > 0) {
		/* What the client was to get is for nobody now. */
		d->s_discard = d->s_relay;
		d->s_relay = 0;
	}
	r = pg_back_ops.abandon(&t, half_sent);
	drive_log(d, "abandon:%s", names[r]);
	if (r == ABANDON_CLOSE)
		d->is_server_over = true;
	drive_pump(d);
}

#endif
