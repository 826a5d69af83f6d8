/*
 * Several clients with prepared statements on few servers, which keep still
 * fewer of them: each client gets what a server of its own would tell it, and
 * at the end clients and servers hold what they are believed to hold.
 *
 * A small core: who needs a server gets any that is free.  Clients speak, and
 * servers answer, in pieces and at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim.h"

#define CLIENTS 4u
#define SERVERS 2u

struct mate {
	struct pg_front *front; /* owns */
	struct buf in, out;
	size_t relay, discard; /* that an order asked for and is to come */
	struct server *server; /* borrows; NULL: not linked */
	struct str unsent;     /* bytes that it is still to send */
	struct str got;
	struct sim alone; /* the server of its own */
	bool is_linking;
	bool is_waiting; /* for a server */
};

struct server {
	struct pg_back *back; /* owns */
	struct buf in, out;
	size_t relay, discard;
	struct mate *client; /* borrows, or NULL */
	struct str unread;   /* answers that have not come yet */
	struct sim sim;
	bool is_busy; /* with carpool's own work */
};

struct fleet {
	struct block_pool blocks;
	struct policy policy;
	struct stream_facts stream;
	struct mate clients[CLIENTS];
	struct server servers[SERVERS];
	void *shared; /* owns */
	_Atomic uint64_t changes;
	usec_t now;
	unsigned seed;
	unsigned leavers;
	struct str script; /* what the clients said, for a failure's message */
	char words[TURN_WORDS];
	uint8_t zeros[64];
};

static unsigned
dice(struct fleet *t, unsigned sides)
{
	return (unsigned)rand_r(&t->seed) % sides;
}

/* ---- opening and closing ---- */

static void
client_open(struct fleet *t, struct mate *c)
{
	struct pg_front *f = pg_front_ops.open();

	assert_non_null(f);
	pg_front_login_free(f->login);
	f->login = NULL;
	f->view.is_at_rest = true;
	f->params = drive_facts();
	pg_front_params_changed(f);
	*c = (struct mate){ .front = f };
	buf_init(&c->in, &t->blocks);
	buf_init(&c->out, &t->blocks);
	sim_init(&c->alone);
}

static void
client_close(struct mate *c)
{
	pg_front_ops.close(c->front);
	buf_clear(&c->in);
	buf_clear(&c->out);
	str_fini(&c->unsent);
	str_fini(&c->got);
	sim_fini(&c->alone);
}

static void
server_open(struct fleet *t, struct server *s)
{
	struct credential cred = { .user = "u", .secret = "" };
	struct pg_back *b = pg_back_ops.open(
		&cred, "db", (struct startup_words){ 0 }, &t->policy);

	assert_non_null(b);
	pg_back_login_free(b->login);
	b->login = NULL;
	b->params = drive_facts();
	b->facts = pg_params_ref(b->params);
	pg_back_params_changed(b);
	pg_back_count(b);
	*s = (struct server){ .back = b };
	buf_init(&s->in, &t->blocks);
	buf_init(&s->out, &t->blocks);
	sim_init(&s->sim);
}

static void
server_close(struct server *s)
{
	pg_back_ops.close(s->back);
	buf_clear(&s->in);
	buf_clear(&s->out);
	str_fini(&s->unread);
	sim_fini(&s->sim);
}

static void
fleet_init(struct fleet *t, unsigned seed, uint32_t max_prepared)
{
	memset(t, 0, sizeof(*t));
	t->seed = seed;
	t->now = 1;
	t->shared = pg_front_ops.share_open(1);
	block_pool_init(&t->blocks, 16);
	t->policy = (struct policy){
		.mode = POOL_TRANSACTION,
		.max_prepared_statements = max_prepared,
		.max_packet_bytes = INT32_MAX,
		.reset_query = "DISCARD ALL",
		.check_query = "",
		.connect_query = "",
		.ignore_startup = "",
		.extra_tracked = "",
		.client_encoding = "",
		.datestyle = "",
		.timezone = "",
		.application_name = "",
	};
	for (unsigned i = 0; i < CLIENTS; i++)
		client_open(t, &t->clients[i]);
	for (unsigned i = 0; i < SERVERS; i++)
		server_open(t, &t->servers[i]);
}

static void
fleet_fini(struct fleet *t)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		if (t->servers[i].client != NULL)
			pg_back_ops.unlink(t->servers[i].back);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		client_close(&t->clients[i]);
	for (unsigned i = 0; i < SERVERS; i++)
		server_close(&t->servers[i]);
	pg_front_ops.share_close(t->shared);
	block_pool_fini(&t->blocks);
	str_fini(&t->script);
}

/* ---- the core ---- */

static bool
is_wanted(const struct fleet *t)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		if (t->clients[i].is_waiting)
			return true;
	}
	return false;
}

/* One of the two may be NULL; who says whose step it is. */
enum side { CLIENT_SIDE, SERVER_SIDE };

static struct turn
turn_of(struct fleet *t, struct mate *c, struct server *s, enum side side)
{
	bool is_back = side == SERVER_SIDE;
	bool has_peer = c != NULL && s != NULL;

	return (struct turn){
		.self = is_back ? (void *)s->back : (void *)c->front,
		.peer = !has_peer ? NULL
			: is_back ? (void *)c->front
				  : (void *)s->back,
		.in = is_back ? &s->in : &c->in,
		.out = is_back ? &s->out : &c->out,
		.peer_out = !has_peer ? NULL
			    : is_back ? &c->out
				      : &s->out,
		.now = ++t->now,
		.policy = &t->policy,
		.stream = &t->stream,
		.entropy = drive_entropy,
		.mock_secret = t->zeros,
		.cancel_key = t->zeros,
		.shared = t->shared,
		.changes = &t->changes,
		.words = t->words,
		.has_waiters = is_wanted(t),
		.out_busy = is_back && has_peer && c->relay > 0,
	};
}

static void
unlink_pair(struct server *s)
{
	pg_back_ops.unlink(s->back);
	s->client->server = NULL;
	s->client = NULL;
}

/* Nobody is linked to it: what is left undone must be undone. */
static void
abandon(struct fleet *t, struct server *s, enum sent sent)
{
	struct turn turn = turn_of(t, NULL, s, SERVER_SIDE);
	enum abandon_result r = pg_back_ops.abandon(&turn, sent);

	s->is_busy = r != ABANDON_DONE;
	if (r == ABANDON_CLOSE) {
		server_close(s);
		server_open(t, s);
	}
}

static void
on_boundary(struct fleet *t, struct server *s, const struct order *o)
{
	struct turn turn;

	assert_int_equal(o->pins, 0);
	if (s->client != NULL)
		unlink_pair(s);
	if (pg_back_view(s->back)->tx != TX_IDLE) {
		abandon(t, s, SENT_WHOLE);
		return;
	}
	s->is_busy = o->residue != RESIDUE_NONE;
	if (!s->is_busy)
		return;
	assert_int_equal(o->residue, RESIDUE_RESET);
	turn = turn_of(t, NULL, s, SERVER_SIDE);
	assert_true(pg_back_ops.reset(&turn));
}

/* One step of a server's side; false: it waits. */
static bool
server_step(struct fleet *t, struct server *s)
{
	struct turn turn = turn_of(t, s->client, s, SERVER_SIDE);
	size_t had = s->out.len;
	struct order o;

	if (s->relay > 0 || s->discard > 0)
		return drive_move(&s->in, turn.peer_out, &s->relay,
				  &s->discard);
	o = pg_back_ops.step(&turn);
	assert_true(pg_owed_is_sane(&s->back->owed));
	switch ((int)o.kind) {
	case ORDER_NEED_MORE:
	case ORDER_WAIT:
		return s->out.len != had;
	case ORDER_RELAY:
		s->relay = o.bytes;
		return true;
	case ORDER_DISCARD:
		s->discard = o.bytes;
		return true;
	case ORDER_BOUNDARY:
		on_boundary(t, s, &o);
		return true;
	default:
		fail_msg("order %d of a server: %s", (int)o.kind,
			 reason_info(o.reason)->name);
		return false;
	}
}

/* Any server that is free. */
static bool
find_server(struct fleet *t, struct mate *c)
{
	unsigned from = dice(t, SERVERS);
	struct turn turn;

	c->is_waiting = true;
	for (unsigned i = 0; i < SERVERS; i++) {
		struct server *s = &t->servers[(from + i) % SERVERS];
		enum link_result r;

		if (s->client != NULL || s->is_busy)
			continue;
		c->is_waiting = false;
		s->client = c;
		c->server = s;
		turn = turn_of(t, c, s, SERVER_SIDE);
		turn.peer_out = NULL;
		r = pg_back_ops.link(&turn);
		assert_int_not_equal(r, LINK_FAIL);
		c->is_linking = r == LINK_WAIT;
		return true;
	}
	return false;
}

/* One step of a client's side; false: it waits. */
static bool
client_step(struct fleet *t, struct mate *c)
{
	struct turn turn;
	struct order o;

	if (c->is_linking)
		c->is_linking = pg_back_view(c->server->back)->owed_hidden > 0;
	if (c->is_linking || c->in.len == 0)
		return false;
	turn = turn_of(t, c, c->server, CLIENT_SIDE);
	if (c->relay > 0 || c->discard > 0)
		return drive_move(&c->in, turn.peer_out, &c->relay,
				  &c->discard);
	o = pg_front_ops.step(&turn);
	switch ((int)o.kind) {
	case ORDER_NEED_MORE:
	case ORDER_WAIT:
		return false;
	case ORDER_RELAY:
		assert_non_null(c->server);
		c->relay = o.bytes;
		return true;
	case ORDER_DISCARD:
		c->discard = o.bytes;
		return true;
	case ORDER_NEED_SERVER:
		return find_server(t, c);
	default:
		fail_msg("order %d of a client: %s", (int)o.kind,
			 reason_info(o.reason)->name);
		return false;
	}
}

/* Nobody has a server for nothing. */
static void
assert_released(const struct fleet *t)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		const struct server *s = &t->servers[i];
		const struct pg_back *b = s->back;

		if (s->client == NULL || s->client->in.len > 0 ||
		    s->in.len > 0 || b->owed.count > 0 || b->owed.is_skipping ||
		    b->is_group_open || b->view.tx != TX_IDLE)
			continue;
		fail_msg("client %u keeps server %u",
			 (unsigned)(s->client - t->clients), i);
	}
}

static void
pump(struct fleet *t)
{
	bool moved;

	do {
		moved = false;
		for (unsigned i = 0; i < SERVERS; i++) {
			while (server_step(t, &t->servers[i]))
				moved = true;
		}
		for (unsigned i = 0; i < CLIENTS; i++) {
			while (client_step(t, &t->clients[i]))
				moved = true;
		}
	} while (moved);
	assert_released(t);
	for (unsigned i = 0; i < SERVERS; i++)
		drive_drain(&t->servers[i].out, &t->servers[i].sim.in);
	for (unsigned i = 0; i < CLIENTS; i++)
		drive_drain(&t->clients[i].out, &t->clients[i].got);
}

/* ---- what clients say ---- */

static const char *const names[] = { "a", "b", "c" };
static const char *const texts[] = { "sel", "two", "ins",   "sel",
				     "err", "bad", "begin", "commit" };
#define RUNNABLE 5u /* of the texts, what PREPARE takes */

/* What stands under a name once all is answered that was said so far. */
static bool
is_harmless(const struct mate *c, const char *name)
{
	const struct sim_thing *s = sim_statement(&c->alone, name);

	return s == NULL || (!sim_ends(s->text) && strcmp(s->text, "begin"));
}

/*
 * Several statements in one Query.  No server loads what a failed transaction
 * lacks, also where the text begins with its end.
 */
static void
put_several(struct fleet *t, const struct mate *c, struct str *out)
{
	bool has_failed = c->alone.tx == 'E';

	str_puts(out, dice(t, 3) == 0 ? "Q:rollback" : "Q:sel");
	for (unsigned n = 1 + dice(t, 6); n > 0; n--) {
		const char *name = names[dice(t, COUNT_OF(names))];
		const char *run = texts[dice(t, RUNNABLE)];

		switch (dice(t, 10)) {
		case 0:
		case 1:
			str_printf(out, ";PREPARE %s AS %s", name, run);
			break;
		case 2:
		case 3:
		case 4:
			if (!has_failed && is_harmless(c, name))
				str_printf(out, ";EXECUTE %s", name);
			break;
		case 5:
		case 6:
			str_printf(out, ";DEALLOCATE %s", name);
			break;
		case 7:
			str_puts(out, dice(t, 4) == 0   ? ";DISCARD ALL"
				      : dice(t, 3) == 0 ? ";DEALLOCATE ALL"
							: ";ins");
			break;
		case 8:
			str_puts(out, dice(t, 2) == 0 ? ";commit" : ";begin");
			break;
		default:
			str_printf(out, ";%s", run);
			break;
		}
	}
}

static void
put_simple(struct fleet *t, const struct mate *c, struct str *out)
{
	const char *name = names[dice(t, COUNT_OF(names))];
	const char *text = texts[dice(t, COUNT_OF(texts))];
	const char *run = texts[dice(t, RUNNABLE)];

	switch (dice(t, 16)) {
	case 12:
	case 13:
	case 14:
	case 15:
		put_several(t, c, out);
		return;
	case 0:
	case 1:
		str_printf(out, "Q:PREPARE %s AS %s", name, run);
		return;
	case 2:
	case 3:
	case 4:
		/* Some things only the protocol prepares. */
		str_printf(out, "Q:%s%s",
			   is_harmless(c, name) ? "EXECUTE " : "sel",
			   is_harmless(c, name) ? name : "");
		return;
	case 5:
		str_printf(out, "Q:DEALLOCATE %s", name);
		return;
	case 6:
		str_puts(out, dice(t, 3) == 0 ? "Q:DISCARD ALL"
					      : "Q:DEALLOCATE ALL");
		return;
	case 7:
		str_puts(out, dice(t, 2) == 0 ? "Q:ins;err;sel" : "Q:");
		return;
	default:
		str_printf(out, "Q:%s", text);
		return;
	}
}

/*
 * One group.  In a failed transaction no server loads a statement, so nothing
 * is asked that only one that has it could answer.
 */
static void
put_group(struct fleet *t, const struct mate *c, struct str *out)
{
	bool has_failed = c->alone.tx == 'E';

	for (unsigned n = 1 + dice(t, 5); n > 0; n--) {
		const char *name = names[dice(t, COUNT_OF(names))];
		const char *text = texts[dice(t, COUNT_OF(texts))];

		if (has_failed && (sim_ends(text) || text[0] == 'b'))
			text = "sel";
		switch (dice(t, 10)) {
		case 0:
		case 1:
			str_printf(out, "P:%s:%s|", name, text);
			break;
		case 2:
			str_printf(out, "P:%s:%s|B::%s|E:|", name, text, name);
			break;
		case 3:
			str_printf(out, "CS:%s|", name);
			break;
		case 4:
			if (!has_failed)
				str_printf(out, "DS:%s|", name);
			break;
		case 5:
			str_printf(out, "P::%s|B::|E:|", text);
			break;
		case 6:
			str_puts(out, dice(t, 3) == 0 ? "B::|E:|" : "H|");
			break;
		default:
			str_printf(out, "B::%s|E:|", name);
			break;
		}
	}
	str_puts(out, dice(t, 12) == 0 ? "Q:sel" : "S");
}

static void
say(struct fleet *t, struct mate *c, const char *request)
{
	str_printf(&t->script, "%u: %s\n", (unsigned)(c - t->clients), request);
	drive_parse(&c->alone.in, request, false);
	sim_work(&c->alone, UINT32_MAX);
	drive_parse(&c->unsent, request, false);
}

static void
say_something(struct fleet *t, struct mate *c)
{
	struct str s = { 0 };

	if (dice(t, 3) == 0)
		put_simple(t, c, &s);
	else
		put_group(t, c, &s);
	say(t, c, str_text(&s));
	str_fini(&s);
}

/* ---- time passes ---- */

/* Moves a piece from what is to come to what has come. */
static void
move_piece(struct fleet *t, struct str *from, struct buf *to)
{
	size_t n = dice(t, 3) == 0 ? 1 + dice(t, 30) : from->len;

	if (n > from->len)
		n = from->len;
	if (n == 0)
		return;
	assert_true(buf_append(to, from->data, n));
	memmove(from->data, from->data + n, from->len - n);
	from->len -= n;
	pump(t);
}

static void
let_work(struct fleet *t, struct server *s, unsigned messages)
{
	sim_work(&s->sim, messages);
	str_add(&s->unread, str_text(&s->sim.out), s->sim.out.len);
	s->sim.out.len = 0;
	move_piece(t, &s->unread, &s->in);
}

/* What everybody said, for somebody who looks into a failure. */
static void
show_all(struct fleet *t)
{
	(void)fprintf(stderr, "%s", str_text(&t->script));
	for (unsigned i = 0; i < SERVERS; i++) {
		const struct sim *s = &t->servers[i].sim;
		struct str text = { 0 };

		drive_show(&text, (uint8_t *)s->in.data, s->in.len, false);
		(void)fprintf(stderr, "server %u: %s\n", i, str_text(&text));
		str_fini(&text);
	}
}

static bool
is_prefix(const struct str *whole, const struct str *part)
{
	return part->len <= whole->len &&
	       (part->len == 0 ||
		memcmp(whole->data, part->data, part->len) == 0);
}

static void
assert_told(struct fleet *t, struct mate *c)
{
	struct str direct = { 0 }, through = { 0 };

	if (is_prefix(&c->alone.out, &c->got))
		return;
	drive_show(&direct, (uint8_t *)c->alone.out.data, c->alone.out.len,
		   true);
	drive_show(&through, (uint8_t *)c->got.data, c->got.len, true);
	show_all(t);
	(void)fprintf(stderr, "client %u\ndirect  %s\nthrough %s\n",
		      (unsigned)(c - t->clients), str_text(&direct),
		      str_text(&through));
	fail();
}

/* The client is gone, wherever it stands; another takes its place. */
static void
leave(struct fleet *t, struct mate *c)
{
	enum sent sent = c->relay > 0 ? SENT_HALF : SENT_WHOLE;
	struct server *s = c->server;

	str_printf(&t->script, "%u is gone\n", (unsigned)(c - t->clients));
	assert_told(t, c);
	if (s != NULL)
		unlink_pair(s);
	client_close(c);
	client_open(t, c);
	t->leavers++;
	if (s == NULL)
		return;
	/* What the client was to get is for nobody now. */
	s->discard += s->relay;
	s->relay = 0;
	abandon(t, s, sent);
	pump(t);
}

static void
pass_time(struct fleet *t)
{
	struct mate *c = &t->clients[dice(t, CLIENTS)];
	struct server *s = &t->servers[dice(t, SERVERS)];

	if (dice(t, 3) == 0)
		move_piece(t, &c->unsent, &c->in);
	else
		let_work(t, s, 1 + dice(t, 4));
}

static void
come_to_rest(struct fleet *t)
{
	for (unsigned i = 0; i < 60; i++) {
		for (unsigned k = 0; k < CLIENTS; k++) {
			while (t->clients[k].unsent.len > 0)
				move_piece(t, &t->clients[k].unsent,
					   &t->clients[k].in);
		}
		for (unsigned k = 0; k < SERVERS; k++)
			let_work(t, &t->servers[k], UINT32_MAX);
	}
}

/* ---- what is held at the end ---- */

/* Where the texts of statements are counted, that none is missed. */
struct holding {
	const char *who;
	unsigned place;
	const struct sim *sim; /* borrows */
	unsigned count;
	unsigned missing;
};

static void
check_held(void *arg, const struct statement_view *s)
{
	struct holding *h = arg;
	bool is_there = false;

	/* A text of PREPARE begins behind the name: " AS ". */
	for (size_t i = 0; i < SIM_NAMES; i++) {
		const struct sim_thing *n = &h->sim->names[i];
		size_t skip = strncmp(s->text, " AS ", 4) == 0 ? 4 : 0;

		is_there |= n->is_there && n->name[0] != '\0' &&
			    strcmp(n->text, s->text + skip) == 0;
	}
	h->count++;
	h->missing += !is_there;
	if (!is_there)
		(void)fprintf(stderr, "%s %u holds no \"%s\"\n", h->who,
			      h->place, s->text);
}

static void
assert_holding(struct fleet *t, const struct holding *h, unsigned stale)
{
	if (h->missing == 0 && h->count + stale == sim_count(h->sim))
		return;
	show_all(t);
	(void)fprintf(stderr, "%s %u holds %u, not %u\n", h->who, h->place,
		      sim_count(h->sim), h->count + stale);
	for (size_t i = 0; i < SIM_NAMES; i++) {
		if (h->sim->names[i].is_there)
			(void)fprintf(stderr, "\t%s: %s\n",
				      h->sim->names[i].name,
				      h->sim->names[i].text);
	}
	fail();
}

static void
assert_held(struct fleet *t, uint32_t max_prepared)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct mate *c = &t->clients[i];
		struct holding h = { .who = "client",
				     .place = i,
				     .sim = &c->alone };

		assert_told(t, c);
		if (c->got.len != c->alone.out.len)
			fail_msg("client %u misses answers\n%s", i,
				 str_text(&t->script));
		pg_front_ops.statements(c->front, check_held, &h);
		assert_holding(t, &h, 0);
		assert_null(c->server);
	}
	for (unsigned i = 0; i < SERVERS; i++) {
		struct server *s = &t->servers[i];
		struct holding h = { .who = "server",
				     .place = i,
				     .sim = &s->sim };

		pg_back_ops.statements(s->back, check_held, &h);
		assert_holding(t, &h, s->back->loads.stale);
		assert_int_equal(s->back->owed.count, 0);
		assert_int_equal(s->sim.tx, 'I');
		/* A group that uses more by itself goes beyond. */
		assert_true(h.count <= max_prepared + COUNT_OF(names));
	}
}

/* ---- the tests ---- */

static unsigned
play(unsigned seed, unsigned leave_odds)
{
	uint32_t max_prepared = 1 + seed % 4;
	unsigned leavers;
	struct fleet t;

	fleet_init(&t, seed, max_prepared);
	for (unsigned i = 0; i < 40; i++) {
		struct mate *c = &t.clients[dice(&t, CLIENTS)];

		say_something(&t, c);
		for (unsigned k = dice(&t, 12); k > 0; k--)
			pass_time(&t);
		if (leave_odds > 0 && dice(&t, leave_odds) == 0)
			leave(&t, &t.clients[dice(&t, CLIENTS)]);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		say(&t, &t.clients[i], "S|Q:rollback");
	come_to_rest(&t);
	assert_held(&t, max_prepared);
	leavers = t.leavers;
	fleet_fini(&t);
	return leavers;
}

static void
each_has_its_own_statements(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 1500; seed++)
		(void)play(seed, 0);
}

static void
clients_leave_at_any_time(void **state)
{
	unsigned leavers = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 1000; seed++)
		leavers += play(seed, 8);
	print_message("%u left\n", leavers);
	assert_true(leavers > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_own_statements),
		cmocka_unit_test(clients_leave_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
