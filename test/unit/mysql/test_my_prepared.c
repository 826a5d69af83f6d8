/*
 * Prepared statements of several clients on several servers, against a model
 * of a server: what a client hears is what it would hear on a server of its
 * own, whatever the others do, however the bytes are cut, and whichever server
 * it gets; and no server holds more statements than it may.
 *
 * The model answers an EXECUTE by an OK whose number of rows depends on the
 * text, the schema in which it was prepared, the types that it heard last, the
 * values and the parts of parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"
#include "mysql/my_back.h"
#include "mysql/my_back_login.h"
#include "mysql/my_caps.h"
#include "mysql/my_front.h"
#include "mysql/my_front_login.h"

#define CLIENTS 3u
#define SERVERS 3u
#define STATEMENTS 12u /* of a client */
#define MODEL_MAX 64u  /* of a server */
#define BOUND 4u

/* ---- the model of a server ---- */

struct prepared {
	bool is_there;
	char text[24];
	char schema[8];
	uint8_t types[8];
	bool has_types;
	uint32_t data; /* a sum of the parts */
};

struct model {
	struct prepared statements[MODEL_MAX];
	char schema[8];
	unsigned prepares, closes;
};

static unsigned
params_of(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '?';
	return n;
}

static uint32_t
mix(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + p[i];
	return sum & 0xffffff;
}

static uint32_t
meaning(const struct prepared *p, const uint8_t *values, size_t len)
{
	unsigned n = params_of(p->text);
	uint32_t sum = mix(7, p->text, strlen(p->text));

	sum = mix(sum, p->schema, strlen(p->schema));
	sum = mix(sum, p->types, 2u * n);
	sum = mix(sum, &p->data, sizeof(p->data));
	return mix(sum, values, len);
}

static void
put_packet(struct buf *out, uint8_t *seq, const void *payload, size_t len)
{
	assert_true(my_packet_put(out, seq, payload, len));
}

static void
answer_ok(struct buf *out, uint32_t rows)
{
	struct my_ok ok = { .affected = rows, .status = MY_STATUS_AUTOCOMMIT };
	uint8_t seq = 1;

	assert_true(my_ok_put(out, &seq, &ok));
}

static void
answer_error(struct buf *out, unsigned code)
{
	uint8_t payload[] = { 0xff, (uint8_t)code, (uint8_t)(code >> 8),
			      '#',  'H',           'Y',
			      '0',  '0',           '0',
			      'x' };
	uint8_t seq = 1;

	put_packet(out, &seq, payload, sizeof(payload));
}

/* There may be more than the bound only where parts of parameters are. */
static void
check_bound(const struct model *m)
{
	unsigned n = 0, with_data = 0;

	for (unsigned i = 0; i < MODEL_MAX; i++) {
		n += m->statements[i].is_there;
		with_data +=
			m->statements[i].is_there && m->statements[i].data != 0;
	}
	/* What is prepared anew is closed when it is prepared. */
	assert_true(n <= BOUND + 1 || n - with_data <= 2);
}

/* The number, then a definition for each parameter. */
static void
model_prepare(struct model *m, struct buf *out, const char *text)
{
	uint8_t payload[12] = { 0 }, seq = 1;
	unsigned i = 0, n = params_of(text);

	m->prepares++;
	check_bound(m);
	if (strcmp(text, "bad") == 0) {
		answer_error(out, 1064);
		return;
	}
	while (m->statements[i].is_there)
		i++;
	assert_true(i < MODEL_MAX);
	m->statements[i] = (struct prepared){ .is_there = true };
	text_copy(m->statements[i].text, sizeof(m->statements[i].text), text);
	text_copy(m->statements[i].schema, sizeof(m->statements[i].schema),
		  m->schema);
	my_set_u32(payload + 1, 100 + i);
	my_set_u16(payload + 7, (uint16_t)n);
	put_packet(out, &seq, payload, sizeof(payload));
	for (i = 0; i < n; i++)
		put_packet(out, &seq,
			   "\x03"
			   "def",
			   4);
}

static struct prepared *
model_find(struct model *m, const uint8_t *p)
{
	uint32_t i = my_get_u32(p + 1) - 100;

	return i < MODEL_MAX && m->statements[i].is_there ? &m->statements[i]
							  : NULL;
}

static void
model_execute(struct prepared *s, struct buf *out, const uint8_t *p, size_t len)
{
	unsigned n = params_of(s->text);
	size_t at = 10 + (n + 7) / 8;

	if (n == 0)
		at = len;
	else if (p[at++] == 1) {
		memcpy(s->types, p + at, 2u * n);
		s->has_types = true;
		at += 2u * n;
	}
	if (n > 0 && !s->has_types)
		answer_error(out, 1210);
	else
		answer_ok(out, meaning(s, p + at, len - at));
	s->data = 0;
}

static void
model_command(struct model *m, struct buf *out, uint8_t *p, size_t len)
{
	struct prepared *s = len >= 5 ? model_find(m, p) : NULL;

	switch (p[0]) {
	case MY_COM_STMT_PREPARE:
		model_prepare(m, out, (char *)p + 1);
		break;
	case MY_COM_STMT_EXECUTE:
		if (s == NULL)
			answer_error(out, 1243);
		else
			model_execute(s, out, p, len);
		break;
	case MY_COM_STMT_SEND_LONG_DATA:
		assert_non_null(s);
		ASSERT(s != NULL);
		s->data = mix(s->data, p + 5, len - 5);
		break;
	case MY_COM_STMT_CLOSE:
		assert_non_null(s);
		ASSERT(s != NULL);
		m->closes++;
		s->is_there = false;
		break;
	case MY_COM_STMT_RESET:
		assert_non_null(s);
		ASSERT(s != NULL);
		s->data = 0;
		answer_ok(out, 0);
		break;
	case MY_COM_INIT_DB:
		text_copy(m->schema, sizeof(m->schema), (char *)p + 1);
		answer_ok(out, 0);
		break;
	case MY_COM_RESET_CONNECTION:
		memset(m->statements, 0, sizeof(m->statements));
		answer_ok(out, 0);
		break;
	default:
		answer_ok(out, 0);
		break;
	}
}

/* ---- carpool between them ---- */

struct client {
	struct my_front *front;
	struct buf in, out;
	size_t relay, discard;
	unsigned server; /* 0: none, or one more than its number */
	bool is_linking;
};

struct server {
	struct my_back *back;
	struct buf in, out;
	size_t relay, discard;
	struct model model;
};

struct stage {
	struct block_pool blocks;
	struct policy policy;
	struct client clients[CLIENTS];
	struct server servers[SERVERS];
	void *shared;
	char words[TURN_WORDS];
	bool is_cut; /* a byte at a time */
};

static void
learn_schema(struct stage *st, struct my_session *s)
{
	assert_int_equal(my_session_learn_schema(st->shared, s,
						 (struct my_text){ "one", 3 }),
			 MY_CHANGE_DONE);
}

static void
open_client(struct stage *st, struct client *c)
{
	c->front = my_front_open();
	my_front_login_free(c->front->login);
	c->front->login = NULL;
	c->front->status = MY_STATUS_AUTOCOMMIT;
	c->front->caps = MY_CLIENT_DEPRECATE_EOF;
	c->front->server = my_lexer_server("5.5.5-10.11.19-MariaDB");
	learn_schema(st, &c->front->session);
	my_session_copy(&c->front->start, &c->front->session);
	buf_init(&c->in, &st->blocks);
	buf_init(&c->out, &st->blocks);
}

static void
open_server(struct stage *st, struct server *s)
{
	const struct credential cred = { .user = "u", .secret = "" };
	const struct startup_words none = { .data = "" };

	s->back = my_back_open(&cred, "one", none, &st->policy);
	my_back_login_free(s->back->login);
	s->back->login = NULL;
	s->back->status = MY_STATUS_AUTOCOMMIT;
	s->back->caps = MY_CLIENT_DEPRECATE_EOF;
	learn_schema(st, &s->back->session);
	text_copy(s->model.schema, sizeof(s->model.schema), "one");
	buf_init(&s->in, &st->blocks);
	buf_init(&s->out, &st->blocks);
}

static void
stage_init(struct stage *st, bool is_cut)
{
	memset(st, 0, sizeof(*st));
	block_pool_init(&st->blocks, 4);
	st->is_cut = is_cut;
	st->shared = my_share_open(5);
	st->policy = (struct policy){ .mode = POOL_TRANSACTION,
				      .max_prepared_statements = BOUND,
				      .connect_query = "",
				      .check_query = "" };
	for (unsigned i = 0; i < CLIENTS; i++)
		open_client(st, &st->clients[i]);
	for (unsigned i = 0; i < SERVERS; i++)
		open_server(st, &st->servers[i]);
}

static void
stage_fini(struct stage *st)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		my_front_close(st->clients[i].front);
		buf_clear(&st->clients[i].in);
		buf_clear(&st->clients[i].out);
	}
	for (unsigned i = 0; i < SERVERS; i++) {
		my_back_close(st->servers[i].back);
		buf_clear(&st->servers[i].in);
		buf_clear(&st->servers[i].out);
	}
	my_share_close(st->shared);
	block_pool_fini(&st->blocks);
}

static bool
move(struct buf *in, struct buf *out, size_t *relay, size_t *discard)
{
	size_t *left = *discard > 0 ? discard : relay;
	size_t n = *left < in->len ? *left : in->len;

	if (*discard > 0)
		buf_drop(in, n);
	else
		assert_true(buf_move(out, in, n));
	*left -= n;
	return n > 0;
}

static struct turn
turn_of(struct stage *st, struct client *c, bool is_back)
{
	struct server *s = c->server > 0 ? &st->servers[c->server - 1] : NULL;
	struct turn t = { .policy = &st->policy,
			  .shared = st->shared,
			  .words = st->words };

	if (is_back) {
		t.self = s->back;
		t.peer = c->front;
		t.in = &s->in;
		t.out = &s->out;
		t.peer_out = &c->out;
		t.out_busy = c->relay > 0;
		return t;
	}
	t.self = c->front;
	t.in = &c->in;
	t.out = &c->out;
	if (s != NULL && !c->is_linking) {
		t.peer = s->back;
		t.peer_out = &s->out;
		t.out_busy = s->relay > 0;
	}
	return t;
}

/* True: something was done. */
static bool
step_back(struct stage *st, struct client *c)
{
	struct server *s = &st->servers[c->server - 1];
	struct turn t = turn_of(st, c, true);
	struct order o;

	if (s->relay > 0 || s->discard > 0)
		return move(&s->in, &c->out, &s->relay, &s->discard);
	if (s->in.len == 0 && !s->back->view.wants_step)
		return false;
	o = my_back_step(&t);
	if (o.kind == ORDER_WAIT || o.kind == ORDER_NEED_MORE)
		return false;
	if (o.kind == ORDER_RELAY) {
		s->relay = o.bytes;
	} else if (o.kind == ORDER_DISCARD) {
		s->discard = o.bytes;
	} else {
		assert_int_equal(o.kind, ORDER_BOUNDARY);
		if (c->is_linking || o.hold != HOLD_NONE)
			return true;
		assert_int_equal(o.residue, RESIDUE_NONE);
		my_back_unlink(s->back);
		c->server = 0;
	}
	return true;
}

static bool
is_taken(const struct stage *st, unsigned server)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		if (st->clients[i].server == server + 1)
			return true;
	return false;
}

static void
link_one(struct stage *st, struct client *c)
{
	unsigned i = (unsigned)rand() % SERVERS;
	struct turn t;

	while (is_taken(st, i))
		i = (i + 1) % SERVERS;
	c->server = i + 1;
	t = turn_of(st, c, true);
	c->is_linking = my_back_link(&t) == LINK_WAIT;
}

static bool
step_front(struct stage *st, struct client *c)
{
	struct turn t = turn_of(st, c, false);
	struct order o;

	if (c->discard > 0 || c->relay > 0)
		return move(&c->in, t.peer_out, &c->relay, &c->discard);
	if (c->in.len == 0 || c->is_linking)
		return false;
	o = my_front_step(&t);
	if (o.kind == ORDER_WAIT || o.kind == ORDER_NEED_MORE)
		return false;
	if (o.kind == ORDER_RELAY) {
		c->relay = o.bytes;
	} else if (o.kind == ORDER_DISCARD) {
		c->discard = o.bytes;
	} else {
		assert_int_equal(o.kind, ORDER_NEED_SERVER);
		link_one(st, c);
	}
	return true;
}

/* The server answers what has come whole; byte by byte, where it is cut. */
static bool
run_model(struct stage *st, struct client *c)
{
	struct server *s = &st->servers[c->server - 1];
	struct my_head head;
	struct buf answer;
	uint8_t payload[512];

	if (!my_head_peek(&s->out, 0, &head) ||
	    !my_packet_is_in(&s->out, 0, &head))
		return false;
	assert_true(head.len < sizeof(payload));
	assert_int_equal(head.seq, 0);
	buf_copy_out(&s->out, MY_HEADER, payload, head.len);
	payload[head.len] = '\0';
	buf_drop(&s->out, MY_HEADER + (size_t)head.len);
	buf_init(&answer, &st->blocks);
	model_command(&s->model, &answer, payload, head.len);
	while (answer.len > 0) {
		assert_true(
			buf_move(&s->in, &answer, st->is_cut ? 1 : answer.len));
		while (c->server > 0 && step_back(st, c))
			continue;
	}
	return true;
}

static void
run(struct stage *st, struct client *c)
{
	bool moved;

	do {
		moved = false;
		while (c->server > 0 && step_back(st, c))
			moved = true;
		if (c->is_linking &&
		    st->servers[c->server - 1].back->view.owed_hidden == 0)
			c->is_linking = false;
		while (step_front(st, c))
			moved = true;
		if (c->server > 0)
			moved |= run_model(st, c);
	} while (moved);
}

/* Sends a command; what comes back is in c->out. */
static void
say(struct stage *st, struct client *c, const void *payload, size_t len)
{
	struct buf whole;
	uint8_t seq = 0;

	buf_init(&whole, &st->blocks);
	put_packet(&whole, &seq, payload, len);
	while (whole.len > 0) {
		assert_true(
			buf_move(&c->in, &whole, st->is_cut ? 1 : whole.len));
		run(st, c);
	}
	assert_int_equal(c->in.len, 0);
}

/* ---- what the clients do ---- */

/* A statement as its client sees it: on a server of its own. */
struct mine {
	uint32_t id;
	struct prepared meant;
};

struct user {
	struct client *c;
	struct mine mine[STATEMENTS];
	char schema[8];
	uint32_t ids;
};

/* The first packet that came; the others are dropped. */
static size_t
take_answer(struct client *c, uint8_t *payload, size_t size)
{
	struct my_head head;
	size_t len;

	assert_true(my_head_peek(&c->out, 0, &head));
	assert_int_equal(head.seq, 1);
	len = head.len;
	assert_true(len <= size);
	buf_copy_out(&c->out, MY_HEADER, payload, len);
	buf_drop(&c->out, c->out.len);
	return len;
}

static unsigned
error_of(struct client *c)
{
	uint8_t payload[128];

	(void)take_answer(c, payload, sizeof(payload));
	return payload[0] == 0xff ? my_get_u16(payload + 1) : 0;
}

static void
do_prepare(struct stage *st, struct user *u)
{
	static const char *const texts[] = {
		"SELECT 1",       "SELECT ?", "SELECT ?, 2",  "SELECT ?, ?",
		"INSERT ?, ?, ?", "SELECT 3", "UPDATE x = ?", "bad",
	};
	const char *text = texts[(unsigned)rand() % COUNT_OF(texts)];
	struct mine *m = &u->mine[(unsigned)rand() % STATEMENTS];
	uint8_t payload[64] = { MY_COM_STMT_PREPARE };

	if (m->id != 0)
		return;
	memcpy(payload + 1, text, strlen(text));
	say(st, u->c, payload, 1 + strlen(text));
	u->ids++;
	if (strcmp(text, "bad") == 0) {
		assert_int_equal(error_of(u->c), 1064);
		return;
	}
	(void)take_answer(u->c, payload, sizeof(payload));
	assert_int_equal(payload[0], 0);
	assert_int_equal(my_get_u32(payload + 1), u->ids);
	*m = (struct mine){ .id = u->ids };
	text_copy(m->meant.text, sizeof(m->meant.text), text);
	text_copy(m->meant.schema, sizeof(m->meant.schema), u->schema);
}

static void
do_execute(struct stage *st, struct user *u, struct mine *m)
{
	uint8_t payload[64] = { MY_COM_STMT_EXECUTE };
	unsigned n = params_of(m->meant.text);
	bool has_types = rand() % 3 == 0;
	size_t at = 10 + (n + 7) / 8, values;
	struct my_bytes b;

	my_set_u32(payload + 1, m->id);
	if (n == 0)
		at = 10;
	else
		payload[at++] = has_types;
	if (n > 0 && has_types) {
		for (unsigned i = 0; i < 2 * n; i++)
			m->meant.types[i] = (uint8_t)(rand() % 3);
		memcpy(payload + at, m->meant.types, 2u * n);
		m->meant.has_types = true;
		at += 2u * n;
	}
	values = at;
	for (unsigned i = 0; i < n; i++)
		payload[at++] = (uint8_t)rand();
	say(st, u->c, payload, at);
	if (n > 0 && !m->meant.has_types) {
		assert_int_equal(error_of(u->c), 1210);
		return;
	}
	uint32_t want = meaning(&m->meant, payload + values, at - values);

	m->meant.data = 0;
	at = take_answer(u->c, payload, sizeof(payload));
	assert_int_equal(payload[0], 0);
	b = my_bytes(payload + 1, at - 1);
	assert_int_equal(my_read_lenenc(&b), want);
}

static void
do_data(struct stage *st, struct user *u, struct mine *m)
{
	uint8_t payload[20] = { MY_COM_STMT_SEND_LONG_DATA };

	if (params_of(m->meant.text) == 0)
		return;
	my_set_u32(payload + 1, m->id);
	for (unsigned i = 7; i < sizeof(payload); i++)
		payload[i] = (uint8_t)rand();
	say(st, u->c, payload, sizeof(payload));
	assert_int_equal(u->c->out.len, 0);
	m->meant.data = mix(m->meant.data, payload + 5, sizeof(payload) - 5);
	assert_true(u->c->server > 0);
}

static void
do_end(struct stage *st, struct user *u, struct mine *m, uint8_t command)
{
	uint8_t payload[5] = { command };

	my_set_u32(payload + 1, m->id);
	say(st, u->c, payload, sizeof(payload));
	if (command == MY_COM_STMT_CLOSE) {
		assert_int_equal(u->c->out.len, 0);
		m->id = 0;
		return;
	}
	assert_int_equal(error_of(u->c), 0);
	m->meant.data = 0;
}

/* A number that is none, and USE, which changes what later texts mean. */
static void
do_other(struct stage *st, struct user *u)
{
	static const char *const schemas[] = { "one", "two", "three" };
	const char *schema = schemas[(unsigned)rand() % COUNT_OF(schemas)];
	uint8_t payload[12] = { MY_COM_STMT_EXECUTE };

	my_set_u32(payload + 1, 50000);
	say(st, u->c, payload, 10);
	assert_int_equal(error_of(u->c), 1243);
	if (u->c->server > 0)
		return;
	/* As a server's tracker would have told. */
	assert_int_equal(
		my_session_use(st->shared, &u->c->front->session,
			       (struct my_text){ schema, strlen(schema) }),
		MY_CHANGE_DONE);
	text_copy(u->schema, sizeof(u->schema), schema);
}

static void
do_something(struct stage *st, struct user *u)
{
	struct mine *m = &u->mine[(unsigned)rand() % STATEMENTS];
	int what = rand() % 20;

	if (m->id == 0 || what == 0)
		do_prepare(st, u);
	else if (what < 13)
		do_execute(st, u, m);
	else if (what < 15)
		do_data(st, u, m);
	else if (what < 17)
		do_end(st, u, m, MY_COM_STMT_RESET);
	else if (what < 18)
		do_end(st, u, m, MY_COM_STMT_CLOSE);
	else
		do_other(st, u);
}

static void
play(unsigned seed, bool is_cut, unsigned rounds)
{
	struct user users[CLIENTS];
	struct stage st;
	unsigned prepares = 0;

	srand(seed);
	stage_init(&st, is_cut);
	memset(users, 0, sizeof(users));
	for (unsigned i = 0; i < CLIENTS; i++) {
		users[i].c = &st.clients[i];
		text_copy(users[i].schema, sizeof(users[i].schema), "one");
	}
	for (unsigned i = 0; i < rounds; i++)
		do_something(&st, &users[(unsigned)rand() % CLIENTS]);
	for (unsigned i = 0; i < SERVERS; i++)
		prepares += st.servers[i].model.prepares;
	assert_true(prepares > 0);
	stage_fini(&st);
}

static void
as_on_a_server_of_its_own(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++)
		play(seed, false, 400);
}

static void
in_single_bytes(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 100; seed++)
		play(seed, true, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_on_a_server_of_its_own),
		cmocka_unit_test(in_single_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
