/*
 * A small core for the tests of sessions: one client, one server, both logged
 * in, both steps, no sockets.
 *
 * What a side says is put in packet by packet: at once, byte by byte, or at
 * random cuts, and what comes out must be the same.  The laws are checked at
 * every order: a step takes nothing itself, one that waits has changed nothing,
 * a command runs when nothing hidden is owed, a boundary is told when nothing
 * is owed and no command is half-way.
 */
#ifndef CARPOOL_TEST_UNIT_MYSQL_DRIVE_H
#define CARPOOL_TEST_UNIT_MYSQL_DRIVE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_back.h"
#include "mysql/my_back_login.h"
#include "mysql/my_caps.h"
#include "mysql/my_front.h"
#include "mysql/my_front_login.h"

enum drive_cut {
	DRIVE_WHOLE,
	DRIVE_BYTES,
	DRIVE_RANDOM,
	DRIVE_CUTS,
	DRIVE_ONCE = DRIVE_CUTS, /* each piece of more than seed bytes, there */
};

struct drive {
	struct block_pool blocks;
	struct buf c_in, c_out, s_in, s_out;
	struct my_front *front; /* owns; NULL: the client is gone */
	struct my_back *back;   /* owns */
	struct policy policy;
	struct stream_facts stream;
	uint8_t key[CANCEL_KEY_BYTES];
	char words[TURN_WORDS];
	void *shared; /* owns */
	_Atomic uint64_t changes;
	struct answer answer;
	bool is_linked, is_linking, is_waiting;
	bool is_over;        /* the client's connection */
	bool is_server_over; /* the server's */
	bool has_waiters;
	bool is_busy; /* no server is free */
	size_t steps;
	size_t c_relay, c_discard, s_relay, s_discard;
	enum drive_cut cut;
	unsigned seed;
	/* Before and after all that carpool does; NULL: nothing. */
	void (*around)(bool is_in);
	/* Refusals are written, and who is refused leaves its server. */
	bool tells;
	struct str log; /* orders that move no bytes */
	struct str to_client, to_server;
};

static const uint8_t drive_secret[MOCK_SECRET_BYTES] = { 1, 2, 3 };

static inline struct turn
drive_turn(struct drive *d, bool is_back)
{
	bool has_peer = d->is_linked || (is_back && d->is_linking);
	void *peer = is_back ? (void *)d->front : (void *)d->back;

	return (struct turn){
		.self = is_back ? (void *)d->back : (void *)d->front,
		.peer = has_peer ? peer : NULL,
		.in = is_back ? &d->s_in : &d->c_in,
		.out = is_back ? &d->s_out : &d->c_out,
		.peer_out = !has_peer ? NULL
			    : is_back ? &d->c_out
				      : &d->s_out,
		.now = 1,
		.policy = &d->policy,
		.stream = &d->stream,
		.changes = &d->changes,
		.shared = d->shared,
		.cancel_key = d->key,
		.mock_secret = drive_secret,
		.words = d->words,
		.has_waiters = d->has_waiters,
		.out_busy = is_back ? d->c_relay > 0 : d->s_relay > 0,
	};
}

static inline void
drive_around(const struct drive *d, bool is_in)
{
	if (d->around != NULL)
		d->around(is_in);
}

static inline struct order
drive_step(struct drive *d, struct turn *t, bool is_back)
{
	struct order o;

	drive_around(d, true);
	o = is_back ? my_back_step(t) : my_front_step(t);
	drive_around(d, false);
	return o;
}

static inline void
drive_refuse(struct drive *d, const struct refusal *refusal)
{
	struct turn t = drive_turn(d, false);

	drive_around(d, true);
	my_front_refuse(&t, refusal);
	drive_around(d, false);
}

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

static inline bool
drive_move(struct buf *in, struct buf *out, size_t *relay, size_t *discard)
{
	size_t *left = *discard > 0 ? discard : relay;
	size_t n = *left < in->len ? *left : in->len;

	if (n == 0)
		return false;
	if (left == discard)
		buf_drop(in, n);
	else
		ASSERT(buf_move(out, in, n));
	*left -= n;
	return true;
}

/* ---- the server's side ---- */

static inline void
drive_give_up(struct drive *d, enum residue residue)
{
	struct turn t;
	bool done;

	d->is_linked = d->is_linking = false;
	my_back_unlink(d->back);
	t = drive_turn(d, true);
	if (residue == RESIDUE_CLOSE) {
		d->is_server_over = true;
	} else if (residue == RESIDUE_RESET) {
		ASSERT(d->back->view.is_resettable);
		drive_around(d, true);
		done = my_back_reset(&t);
		drive_around(d, false);
		ASSERT(done || d->around != NULL);
		d->is_server_over |= !done;
	}
}

static inline void
drive_leave(struct drive *d, enum sent sent)
{
	struct turn t = drive_turn(d, true);
	enum abandon_result r;

	drive_around(d, true);
	r = my_back_abandon(&t, sent);
	drive_around(d, false);
	str_printf(&d->log, "abandon:%d ", (int)r);
	if (r == ABANDON_CLOSE)
		d->is_server_over = true;
}

/* Without a client a reset that is over is a boundary, too. */
static inline void
drive_boundary(struct drive *d, const struct order *o)
{
	struct my_back *b = d->back;

	ASSERT(b->owed.count == 0 && d->c_relay == 0);
	ASSERT(!b->is_half_sent || o->residue == RESIDUE_CLOSE);
	str_printf(&d->log, "boundary:%d,%d ", (int)o->hold, (int)o->residue);
	if (d->is_linking)
		return;
	if (b->view.tx != TX_IDLE) {
		ASSERT(!d->is_linked);
		drive_leave(d, SENT_WHOLE);
	} else if (o->hold == HOLD_NONE || !d->is_linked) {
		drive_give_up(d, o->residue);
	}
}

/* The client has no server any more, in the middle of things: what it left is
 * the server's still, which is no boundary. */
static inline void
drive_part(struct drive *d)
{
	enum sent sent = d->c_relay > 0 ? SENT_HALF : SENT_WHOLE;
	bool had_server = d->is_linked || d->is_linking;

	d->is_linked = d->is_linking = d->is_waiting = false;
	d->s_discard += d->s_relay;
	d->s_relay = d->c_relay = d->c_discard = 0;
	if (had_server && !d->is_server_over)
		drive_leave(d, sent);
}

/* The client's connection ends. */
static inline void
drive_over(struct drive *d, const struct refusal *refusal)
{
	if (d->tells && !d->is_over) {
		if (d->s_relay == 0)
			drive_refuse(d, refusal);
		drive_part(d);
	}
	d->is_over = true;
}

static inline void
drive_back_failed(struct drive *d, const struct order *o)
{
	struct refusal refusal = { .scope = o->scope, .reason = o->reason };

	str_printf(&d->log, "server:%d,%d ", (int)o->scope, (int)o->reason);
	if (d->is_linking && o->reason == REASON_SERVER_SETTING &&
	    o->scope == FAIL_STATEMENT) {
		refusal.server_error = d->back->error;
		refusal.server_error_len = d->back->error_len;
		drive_refuse(d, &refusal);
		drive_give_up(d, RESIDUE_RESET);
		return;
	}
	if (d->is_linking && o->reason == REASON_SERVER_SETTING) {
		refusal.server_error = d->back->error;
		refusal.server_error_len = d->back->error_len;
	}
	d->is_server_over |= !d->tells || o->reason != REASON_STATEMENT_MODE_TX;
	if (d->is_linked || d->is_linking)
		drive_over(d, &refusal);
}

/* A step that waited has changed nothing, so it says the same again. */
static inline void
drive_wait_again(struct drive *d, bool is_back, const struct order *was)
{
	struct turn t = drive_turn(d, is_back);
	size_t c_out = d->c_out.len, s_out = d->s_out.len;
	struct my_back back = *d->back;
	struct order o = is_back ? my_back_step(&t) : my_front_step(&t);

	ASSERT(o.kind == was->kind && o.bytes == was->bytes);
	ASSERT(c_out == d->c_out.len && s_out == d->s_out.len);
	ASSERT(memcmp(&back, d->back, sizeof(back)) == 0);
}

static inline bool
drive_back(struct drive *d)
{
	size_t in = d->s_in.len, out = d->s_out.len, peer = d->c_out.len;
	struct turn t;
	struct order o;

	if (d->is_server_over)
		return false;
	if (d->s_relay > 0 || d->s_discard > 0)
		return drive_move(&d->s_in, &d->c_out, &d->s_relay,
				  &d->s_discard);
	t = drive_turn(d, true);
	o = drive_step(d, &t, true);
	d->steps++;
	ASSERT(d->s_in.len == in);
	/* What is appended behind half a command would be a part of it. */
	ASSERT(d->s_out.len == out ||
	       (d->c_relay == 0 && !d->back->is_half_sent));
	switch ((int)o.kind) {
	case ORDER_NEED_MORE:
	case ORDER_WAIT:
		ASSERT(d->s_out.len == out && d->c_out.len == peer);
		ASSERT(o.kind == ORDER_WAIT || o.bytes > in);
		drive_wait_again(d, true, &o);
		return false;
	case ORDER_RELAY:
		ASSERT(t.peer_out != NULL && o.bytes > 0);
		d->s_relay = o.bytes;
		return true;
	case ORDER_DISCARD:
		ASSERT(o.bytes > 0);
		d->s_discard = o.bytes;
		return true;
	case ORDER_BOUNDARY:
		drive_boundary(d, &o);
		return true;
	default:
		ASSERT(o.kind == ORDER_FAIL);
		drive_back_failed(d, &o);
		return true;
	}
}

/* ---- the client's side ---- */

static inline void
drive_link(struct drive *d)
{
	struct turn t;
	enum link_result r;

	d->is_waiting = false;
	d->is_linking = true;
	t = drive_turn(d, true);
	t.peer_out = NULL;
	drive_around(d, true);
	r = my_back_link(&t);
	drive_around(d, false);
	str_printf(&d->log, "link:%d ", (int)r);
	if (r == LINK_FAIL) {
		drive_over(d, &(struct refusal){ .scope = FAIL_CONNECTION,
						 .reason = REASON_NO_MEMORY });
		return;
	}
	if (r == LINK_GO) {
		d->is_linked = true;
		d->is_linking = false;
	}
}

static inline bool
drive_may_link(const struct drive *d)
{
	return !d->is_busy && !d->is_server_over && d->back->owed.count == 0 &&
	       !d->back->view.wants_step && d->back->view.is_resettable;
}

static inline bool
drive_front_order(struct drive *d, const struct order *o)
{
	struct refusal refusal = { .scope = o->scope, .reason = o->reason };

	switch ((int)o->kind) {
	case ORDER_RELAY:
		ASSERT(d->is_linked && o->bytes > 0);
		ASSERT(d->back->owed.hidden == 0);
		d->c_relay = o->bytes;
		return true;
	case ORDER_DISCARD:
		ASSERT(o->bytes > 0);
		d->c_discard = o->bytes;
		return true;
	case ORDER_NEED_SERVER:
		ASSERT(!d->is_linked);
		d->is_waiting = true;
		return true;
	case ORDER_CLASS:
	case ORDER_START_TLS:
		str_puts(&d->log, "class ");
		return true;
	case ORDER_CANCEL:
		str_puts(&d->log, "cancel ");
		d->answer.kind = ANSWER_CANCEL;
		return true;
	default:
		str_printf(&d->log, "client:%d,%d,%d ", (int)o->kind,
			   (int)o->scope, (int)o->reason);
		if (o->kind == ORDER_FAIL && o->scope == FAIL_STATEMENT) {
			drive_refuse(d, &refusal);
			return true;
		}
		if (o->kind == ORDER_FAIL)
			drive_over(d, &refusal);
		d->is_over = true;
		return false;
	}
}

static inline bool
drive_front(struct drive *d)
{
	size_t in = d->c_in.len, out = d->c_out.len, peer = d->s_out.len;
	struct turn t;
	struct order o;

	if (d->is_over || d->front == NULL)
		return false;
	if (d->is_waiting) {
		if (!drive_may_link(d))
			return false;
		drive_link(d);
		return true;
	}
	if (d->is_linking) {
		if (d->back->owed.hidden > 0)
			return false;
		d->is_linking = false;
		d->is_linked = true;
	}
	if (d->c_relay > 0 || d->c_discard > 0)
		return drive_move(&d->c_in, &d->s_out, &d->c_relay,
				  &d->c_discard);
	if (d->c_in.len == 0)
		return false;
	t = drive_turn(d, false);
	t.answer = d->answer;
	d->answer = (struct answer){ .kind = ANSWER_NONE };
	o = drive_step(d, &t, false);
	d->steps++;
	ASSERT(d->c_in.len == in);
	if (o.kind == ORDER_NEED_MORE || o.kind == ORDER_WAIT) {
		/* But for carpool's own commands, which are waited for. */
		ASSERT(out == d->c_out.len &&
		       (peer == d->s_out.len || d->back->owed.hidden > 0));
		ASSERT(o.kind == ORDER_WAIT || o.bytes > in);
		drive_wait_again(d, false, &o);
		return false;
	}
	return drive_front_order(d, &o);
}

static inline void
drive_pump(struct drive *d)
{
	bool moved;

	do {
		moved = false;
		while (drive_back(d))
			moved = true;
		while (drive_front(d))
			moved = true;
	} while (moved);
	drive_drain(&d->c_out, &d->to_client);
	drive_drain(&d->s_out, &d->to_server);
}

/* Puts bytes in on one side, cut as the drive is told to. */
static inline void
drive_feed(struct drive *d, struct buf *in, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		size_t n = len;

		if (d->cut == DRIVE_BYTES)
			n = 1;
		else if (d->cut == DRIVE_RANDOM)
			n = 1 + (size_t)(rand_r(&d->seed) % 13);
		else if (d->cut == DRIVE_ONCE && at == data)
			n = d->seed;
		if (n > len)
			n = len;
		ASSERT(buf_append(in, at, n));
		at += n;
		len -= n;
		drive_pump(d);
	}
}

/* A packet of one side, with its header. */
static inline void
drive_packet(struct drive *d, struct buf *in, uint8_t seq, const void *payload,
	     size_t len)
{
	struct str s = { 0 };
	uint8_t header[MY_HEADER];

	my_set_u24(header, (uint32_t)len);
	header[3] = seq;
	str_add(&s, (const char *)header, sizeof(header));
	str_add(&s, payload, len);
	drive_feed(d, in, str_text(&s), s.len);
	str_fini(&s);
}

/* The client is gone in the middle of things. */
static inline void
drive_abandon(struct drive *d)
{
	struct my_front *gone = d->front;

	d->front = NULL;
	drive_part(d);
	my_front_close(gone);
	drive_pump(d);
}

/* ---- a pair that is logged in ---- */

static inline void
drive_init(struct drive *d, enum pool_mode mode, enum drive_cut cut,
	   uint32_t caps)
{
	static const struct my_facts_words words = {
		.version = "5.5.5-10.11.19-MariaDB",
		.schema = "",
		.caps = 0x81fff7fe,
		.status = MY_STATUS_AUTOCOMMIT,
	};
	struct credential cred = { .user = "u", .secret = "" };

	memset(d, 0, sizeof(*d));
	block_pool_init(&d->blocks, 16);
	buf_init(&d->c_in, &d->blocks);
	buf_init(&d->c_out, &d->blocks);
	buf_init(&d->s_in, &d->blocks);
	buf_init(&d->s_out, &d->blocks);
	d->policy = (struct policy){ .mode = mode,
				     .check_query = "",
				     .connect_query = "" };
	d->stream.peer_addr = "127.0.0.1";
	d->cut = cut;
	d->seed = 1;
	d->shared = my_share_open(1);
	d->front = my_front_open();
	d->back = my_back_open(&cred, "", (struct startup_words){ 0 },
			       &d->policy);
	ASSERT(d->shared != NULL && d->front != NULL && d->back != NULL);
	my_front_login_free(d->front->login);
	d->front->login = NULL;
	d->front->seq = 1;
	d->front->caps = d->back->caps = caps;
	d->front->is_bare = true;
	d->front->is_multi = (caps & MY_CLIENT_MULTI_STATEMENTS) != 0;
	d->front->status = d->back->status = MY_STATUS_AUTOCOMMIT;
	d->front->view.is_at_rest = true;
	my_back_login_free(d->back->login);
	d->back->login = NULL;
	d->back->facts = my_facts_new(&words);
	d->back->thread_id = 7;
	my_back_count(d->back);
}

/* The client has set this, which no server has. */
static inline void
drive_start_value(struct drive *d, const char *name, const char *value)
{
	ASSERT(my_session_set(d->shared, &d->front->session,
			      (struct my_text){ name, strlen(name) },
			      (struct my_text){ value, strlen(value) }) !=
	       MY_CHANGE_NO_MEMORY);
}

static inline void
drive_fini(struct drive *d)
{
	buf_clear(&d->c_in);
	buf_clear(&d->c_out);
	buf_clear(&d->s_in);
	buf_clear(&d->s_out);
	if (d->front != NULL) {
		if (d->is_linked || d->is_linking)
			my_back_unlink(d->back);
		my_front_close(d->front);
	}
	my_back_close(d->back);
	my_share_close(d->shared);
	block_pool_fini(&d->blocks);
	str_fini(&d->log);
	str_fini(&d->to_client);
	str_fini(&d->to_server);
}

#endif
