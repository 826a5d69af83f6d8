/*
 * What an answer, an error or a dropped request does to what client and server
 * are known to hold; the errors that tell a client's name for carpool's; the
 * answers that carpool gives itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "postgres/pg_effect.h"
#include "scenario.h"

/* ---- with a client and a server ---- */

static const struct scenario scenarios[] = {
	{
		.name = "what DISCARD ALL took is not there again when the "
			"Close behind it is dropped",
		.mode = POOL_TRANSACTION,
		.max_prepared = 1,
		.moves = { { CLIENT, "P:a:one|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "Q:discard all|B::no|P:b:two|S" },
			   { SERVER, "C:DISCARD ALL|Z:I" },
			   { SERVER, "E:ERROR:26000:no|Z:I" },
			   { CLIENT, "P:c:one|S" },
			   { SERVER, "1|Z:I" } },
		.to_client =
			"1|Z:I|C:DISCARD ALL|Z:I|E:ERROR:26000:no|Z:I|1|Z:I",
		.to_server = "P|S|Q:discard all|B|C|P|S|P|S",
		.log = "link:go boundary:none link:go boundary:none "
		       "link:go boundary:none",
	},
	{
		.name = "nor when it came in a Parse",
		.mode = POOL_TRANSACTION,
		.max_prepared = 1,
		.moves = { { CLIENT, "P:a:one|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "P::discard all|B::|E:|S|"
				     "B::no|P:b:two|S" },
			   { SERVER, "1|2|C:DISCARD ALL|Z:I" },
			   { SERVER, "E:ERROR:26000:no|Z:I" },
			   { CLIENT, "P:c:one|S" },
			   { SERVER, "1|Z:I" } },
		.to_client = "1|Z:I|1|2|C:DISCARD ALL|Z:I|"
			     "E:ERROR:26000:no|Z:I|1|Z:I",
		.to_server = "P|S|P|B|E|S|B|C|P|S|P|S",
		.log = "link:go boundary:none link:go boundary:none "
		       "link:go boundary:none",
	},
	{
		.name = "a dropped Close leaves what it was about",
		.mode = POOL_TRANSACTION,
		.max_prepared = 1,
		.moves = { { CLIENT, "P:a:one|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "B::no|P:b:two|S" },
			   { SERVER, "E:ERROR:26000:no|Z:I" },
			   { CLIENT, "P:c:one|S" },
			   { SERVER, "Z:I" } },
		.to_client = "1|Z:I|E:ERROR:26000:no|Z:I|1|Z:I",
		.to_server = "P|S|B|C|P|S|S",
		.log = "link:go boundary:none link:go boundary:none "
		       "link:go boundary:none",
	},
	{
		.name = "a PREPARE that carpool answers drops the unnamed one",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:prepare a as x" },
			   { SERVER, "C:PREPARE|Z:I" },
			   { CLIENT, "P::one|S" },
			   { SERVER, "1|Z:I" },
			   { CLIENT, "Q:prepare b as x" },
			   { CLIENT, "B::|E:|S" },
			   { SERVER, "3|E:ERROR:26000:no|Z:I" } },
		.to_client = "C:PREPARE|Z:I|1|Z:I|C:PREPARE|Z:I|"
			     "E:ERROR:26000:no|Z:I",
		.to_server = "Q:prepare carpool_1 as x|P|S|C|B|E|S",
		.log = "link:go boundary:none link:go boundary:none "
		       "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "in a transaction such a PREPARE keeps the server",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:prepare a as x" },
			   { SERVER, "C:PREPARE|Z:I" },
			   { CLIENT, "Q:begin" },
			   { SERVER, "C:BEGIN|Z:T" },
			   { CLIENT, "Q:prepare b as x|Q:commit" },
			   { SERVER, "C:COMMIT|Z:I" } },
		.to_client = "C:PREPARE|Z:I|C:BEGIN|Z:T|C:PREPARE|Z:T|"
			     "C:COMMIT|Z:I",
		.to_server = "Q:prepare carpool_1 as x|Q:begin|Q:commit",
		.log = "link:go boundary:none link:go boundary:none",
	},
	{
		.name = "a failed group passes over what carpool would answer",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "B::no|Q:one" },
			   { SERVER, "E:ERROR:26000:no" },
			   { CLIENT, "Q:deallocate all|Q:prepare a as x" },
			   { CLIENT, "Q:execute a|S" },
			   { SERVER, "Z:I" },
			   { SERVER, "C:DEALLOCATE ALL|Z:I" } },
		.to_client = "E:ERROR:26000:no|Z:I",
		.to_server = "B|Q:one|Q:deallocate all|Q:prepare a as x|"
			     "Q:execute a|S|Q:DEALLOCATE ALL",
		.log = "link:go boundary:reset boundary:none",
	},
	{
		.name = "an unnamed one that was passed over says nothing of "
			"the one sent behind it",
		.mode = POOL_TRANSACTION,
		.moves = { { CLIENT, "Q:create view v as x" },
			   { SERVER, "C:CREATE VIEW|Z:I" },
			   { CLIENT, "B::no|P::one|S|B::no|P::two|S" },
			   { SERVER, "E:ERROR:26000:no|Z:I" },
			   { CLIENT, "B::|E:|S" },
			   { SERVER, "E:ERROR:26000:no|Z:I" },
			   { SERVER, "E:ERROR:26000:no|Z:I" } },
		.to_client = "C:CREATE VIEW|Z:I|E:ERROR:26000:no|Z:I|"
			     "E:ERROR:26000:no|Z:I|E:ERROR:26000:no|Z:I",
		.to_server = "Q:create view v as x|B|P|S|B|P|S|B|E|S",
		.log = "link:go boundary:none link:go boundary:none",
	},
};

static void
scenarios_hold(void **state)
{
	(void)state;
	scenarios_run(scenarios, COUNT_OF(scenarios));
}

/* ---- entries by hand ---- */

struct bench {
	struct drive d;
	struct pg_back *b;
	struct pg_names *names;
	struct pg_name *name;
	struct statement *one, *two; /* refs */
};

static struct statement *
make(struct bench *k, const char *text)
{
	struct statement_key key = { .kind = STATEMENT_PARSED,
				     .data = text,
				     .len = strlen(text) + 1 };
	bool is_new;

	return statements_get(k->d.shared, &key, &is_new);
}

static void
bench_init(struct bench *k)
{
	struct pg_front *f;

	drive_init(&k->d, POOL_TRANSACTION, CUT_NONE);
	f = k->d.front;
	k->b = k->d.back;
	k->names = f->names = pg_names_new();
	k->b->names = k->names;
	k->b->changes = &k->d.changes;
	k->one = make(k, "one");
	k->two = make(k, "two");
	k->name = pg_names_add(k->names, "a");
}

static void
bench_fini(struct bench *k)
{
	statement_unref(k->one);
	statement_unref(k->two);
	drive_fini(&k->d);
}

/* What becomes of an entry. */
enum end { DONE, FAILED, DROPPED };

static void
come_to(struct bench *k, struct pg_owed *e, enum end end)
{
	if (end == DONE)
		pg_effect_done(k->b, e);
	else if (end == FAILED)
		pg_effect_failed(k->b, e);
	else
		pg_effect_dropped(k->b, e);
	/* What it referred to was given back, once. */
	assert_null(e->name);
	assert_null(e->statement);
	assert_false(e->has_load);
}

/* A Parse or Close of the client's: before its end, and after each. */
static void
names_follow_answers(void **state)
{
	(void)state;
	for (unsigned had = 0; had < 2; had++) {
		for (unsigned gets = 0; gets < 2; gets++) {
			for (enum end end = DONE; end <= DROPPED; end++) {
				struct statement *before, *after, *want;
				struct pg_owed e = { .is_change = true };
				struct bench k;

				bench_init(&k);
				before = had ? k.one : NULL;
				after = gets ? k.two : NULL;
				k.name->slot.committed = statement_ref(before);
				e.kind = gets ? OWED_PARSE : OWED_CLOSE;
				e.name = pg_name_ref(k.name);
				e.statement = statement_ref(after);
				pg_effect_send(k.b, &e);
				assert_ptr_equal(pg_slot_now(&k.name->slot),
						 after);
				assert_ptr_equal(k.name->slot.committed,
						 before);
				come_to(&k, &e, end);
				want = end == DONE ? after : before;
				k.name = pg_names_find(k.names, "a");
				/* A name of nothing is forgotten. */
				if (want == NULL)
					assert_null(k.name);
				else
					assert_ptr_equal(
						pg_slot_now(&k.name->slot),
						want);
				bench_fini(&k);
			}
		}
	}
}

/* The unnamed one is gone when its Parse fails, and not when that is dropped;
 * client and server agree. */
static void
unnamed_follows_answers(void **state)
{
	(void)state;
	for (enum end end = DONE; end <= DROPPED; end++) {
		struct pg_owed e = { .kind = OWED_PARSE,
				     .is_change = true,
				     .is_unnamed = true };
		struct statement *want;
		struct bench k;

		bench_init(&k);
		k.name = pg_names_unnamed(k.names);
		k.name->slot.committed = statement_ref(k.one);
		k.b->unnamed.committed = statement_ref(k.one);
		e.name = pg_name_ref(k.name);
		e.statement = statement_ref(k.two);
		pg_effect_send(k.b, &e);
		assert_ptr_equal(pg_slot_now(&k.b->unnamed), k.two);
		come_to(&k, &e, end);
		want = end == DONE ? k.two : end == FAILED ? NULL : k.one;
		assert_ptr_equal(pg_slot_now(&k.name->slot), want);
		assert_ptr_equal(pg_slot_now(&k.b->unnamed), want);
		bench_fini(&k);
	}
}

/* A simple Query takes the unnamed one whatever becomes of it, unless the
 * server never looked at it. */
static void
queries_take_the_unnamed(void **state)
{
	(void)state;
	for (enum end end = DONE; end <= DROPPED; end++) {
		struct pg_owed e = { .kind = OWED_QUERY, .is_unnamed = true };
		struct bench k;

		bench_init(&k);
		k.b->unnamed.committed = statement_ref(k.one);
		pg_effect_send(k.b, &e);
		assert_null(pg_slot_now(&k.b->unnamed));
		come_to(&k, &e, end);
		assert_ptr_equal(pg_slot_now(&k.b->unnamed),
				 end == DROPPED ? k.one : NULL);
		bench_fini(&k);
	}
}

/* Loads: there when the Parse was answered, gone when the Close was. */
static void
loads_follow_answers(void **state)
{
	static const struct {
		enum pg_owed_kind kind;
		enum pg_load_state before;
		enum end end;
		bool is_there;
	} rows[] = {
		{ OWED_PARSE, LOAD_SENT, DONE, true },
		{ OWED_PARSE, LOAD_SENT, FAILED, false },
		{ OWED_PARSE, LOAD_SENT, DROPPED, false },
		{ OWED_QUERY, LOAD_SENT, DONE, true },
		{ OWED_QUERY, LOAD_SENT, FAILED, false },
		{ OWED_EXECUTE, LOAD_SENT, DONE, true },
		{ OWED_CLOSE, LOAD_CLOSING, DONE, false },
		{ OWED_CLOSE, LOAD_CLOSING, FAILED, true },
		{ OWED_CLOSE, LOAD_CLOSING, DROPPED, true },
		{ OWED_CLOSE, LOAD_GONE, DONE, false },
		{ OWED_CLOSE, LOAD_GONE, FAILED, false },
		{ OWED_CLOSE, LOAD_GONE, DROPPED, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct pg_owed e = { .kind = (uint8_t)rows[i].kind,
				     .action = OWED_HIDE,
				     .has_load = true };
		struct pg_load *l;
		struct bench k;

		bench_init(&k);
		l = e.load = pg_loads_add(&k.b->loads, k.one);
		pg_loads_set(&k.b->loads, l, rows[i].before);
		pg_effect_send(k.b, &e);
		come_to(&k, &e, rows[i].end);
		assert_ptr_equal(pg_loads_find(&k.b->loads, k.one),
				 rows[i].is_there ? l : NULL);
		assert_int_equal(k.b->loads.count, rows[i].is_there);
		assert_int_equal(k.b->loads.closing, 0);
		if (rows[i].is_there)
			assert_int_equal(l->state, LOAD_DONE);
		bench_fini(&k);
	}
}

/* A client that leaves takes its names along, and no others' loads. */
static void
names_leave_with_their_client(void **state)
{
	struct pg_owed e = { .kind = OWED_PARSE,
			     .is_change = true,
			     .has_load = true };
	struct bench k;

	(void)state;
	bench_init(&k);
	e.name = pg_name_ref(k.name);
	e.load = pg_loads_add(&k.b->loads, k.one);
	pg_back_push(k.b, e);
	assert_ptr_equal(pg_slot_now(&k.name->slot), k.one);
	pg_effect_forget_client(k.b);
	assert_null(k.b->names);
	assert_null(pg_names_find(k.names, "a"));
	/* The server's answer still counts. */
	e = *pg_owed_at(&k.b->owed, 0);
	assert_null(e.name);
	assert_false(e.is_change);
	pg_effect_done(k.b, &e);
	assert_non_null(pg_loads_find(&k.b->loads, k.one));
	k.b->owed.count = 0;
	bench_fini(&k);
}

/* ---- fakes ---- */

static struct pg_owed
fake_of(struct bench *k, enum pg_owed_kind kind, struct statement *s)
{
	return (struct pg_owed){ .kind = (uint8_t)kind,
				 .action = OWED_FAKE,
				 .is_change = true,
				 .name = pg_name_ref(k->name),
				 .statement = statement_ref(s) };
}

/* Fakes come out in their turn, up to the first that the server answers. */
static void
fakes_wait_for_their_turn(void **state)
{
	struct str told = { 0 };
	struct pg_owed e;
	struct bench k;
	bool is_over;

	(void)state;
	bench_init(&k);
	pg_back_push(k.b, fake_of(&k, OWED_PARSE, k.one));
	pg_back_push(k.b, fake_of(&k, OWED_CLOSE, NULL));
	pg_back_push(k.b, (struct pg_owed){ .kind = OWED_BIND });
	pg_back_push(k.b, fake_of(&k, OWED_PARSE, k.two));
	assert_int_equal(k.name->slot.pending, 3);
	assert_true(pg_effect_fakes(k.b, &k.d.c_out));
	assert_int_equal(k.b->owed.count, 2);
	assert_int_equal(k.name->slot.pending, 1);
	assert_null(k.name->slot.committed);
	e = pg_owed_answer(&k.b->owed, '2', 0, &is_over);
	assert_int_equal(e.kind, OWED_BIND);
	/* For nobody: what it changes comes to pass all the same. */
	assert_true(pg_effect_fakes(k.b, NULL));
	assert_ptr_equal(k.name->slot.committed, k.two);
	drive_drain(&k.d.c_out, &k.d.to_client);
	drive_show(&told, (uint8_t *)k.d.to_client.data, k.d.to_client.len,
		   true);
	assert_string_equal(str_text(&told), "1|3");
	str_fini(&told);
	bench_fini(&k);
}

/* ---- errors ---- */

/* An error's body, from fields that stand as "Ccode" with bars between. */
static size_t
error_body(uint8_t *body, const char *fields)
{
	size_t n = strlen(fields);

	memcpy(body, fields, n);
	for (size_t i = 0; i < n; i++)
		body[i] = body[i] == '|' ? 0 : body[i];
	body[n] = body[n + 1] = 0;
	return n + 2;
}

static void
errors_tell_the_clients_name(void **state)
{
	static const struct {
		const char *from;
		int16_t shift;
		const char *to; /* NULL: passed on as it is */
	} rows[] = {
		{ "SERROR|C26000|Mstatement \"carpool_12\" is missing", 0,
		  "SERROR|C26000|Mstatement \"a\" is missing" },
		{ "M\"carpool_1\"", 0, "M\"a\"" },
		/* Only in the message itself, and only a name of carpool's. */
		{ "Dstatement \"carpool_12\"", 0, NULL },
		{ "Mcarpool_12", 0, NULL },
		{ "M\"carpool_\"", 0, NULL },
		{ "M\"carpool_x1\"", 0, NULL },
		{ "M\"carpool_1x\"", 0, NULL },
		{ "M\"carpool_x\" \"carpool_7\"", 0, "M\"carpool_x\" \"a\"" },
		/* Places in a text that grew. */
		{ "Mno|P20", 0, NULL },
		{ "Mno|P20", 8, "Mno|P12" },
		{ "Mno|P20", -3, "Mno|P23" },
		{ "Mno|P8", 8, "Mno|P8" },
		{ "Mno|Px", 8, "Mno|Px" },
		{ "Mno|P99999999999", 8, "Mno|P99999999999" },
		{ "Mno", 8, NULL },
		{ "P9|M\"carpool_1\"|H", 8, "P1|M\"a\"|H" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct pg_owed e = { .kind = OWED_PARSE };
		uint8_t body[200], want[200];
		size_t len = error_body(body, rows[i].from), n;
		struct str s = { 0 };
		struct bench k;

		bench_init(&k);
		assert_false(pg_effect_is_renamed(&e, body, len));
		e.name = k.name;
		e.shift = rows[i].shift;
		assert_int_equal(pg_effect_is_renamed(&e, body, len),
				 rows[i].to != NULL);
		if (rows[i].to != NULL) {
			n = error_body(want, rows[i].to);
			pg_effect_put_error(&s, &e, body, len);
			assert_int_equal(s.len, PG_HEADER + n);
			assert_int_equal(s.data[0], 'E');
			assert_int_equal(pg_get_u32((uint8_t *)s.data + 1),
					 n + 4);
			assert_memory_equal(s.data + PG_HEADER, want, n);
		}
		str_fini(&s);
		bench_fini(&k);
	}
}

/* Which errors say that what the server has is of no use any more. */
static void
errors_spoil_loads(void **state)
{
	static const struct {
		const char *fields;
		bool is_spoilt, is_outdated;
	} rows[] = {
		{ "C26000|Mmissing", true, false },
		{ "C0A000|Mcached|RRevalidateCachedQuery", true, true },
		{ "C0A000|Mcached|Rother", false, false },
		{ "C0A000|Mcached", false, false },
		{ "C42P01|RRevalidateCachedQuery", false, false },
		{ "Mno code", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct pg_owed e = { .kind = OWED_BIND };
		uint8_t body[200];
		size_t len = error_body(body, rows[i].fields);
		struct pg_load *l;
		uint64_t changes;
		struct bench k;

		bench_init(&k);
		k.name->slot.committed = statement_ref(k.one);
		l = pg_loads_add(&k.b->loads, k.one);
		pg_loads_set(&k.b->loads, l, LOAD_DONE);
		changes = pg_change_now(k.b);
		l->changes = changes;
		pg_effect_judge_error(k.b, &e, body, len);
		assert_false(l->is_stale);
		e.name = k.name;
		pg_effect_judge_error(k.b, &e, body, len);
		assert_int_equal(l->is_stale, rows[i].is_spoilt);
		assert_int_equal(pg_change_now(k.b),
				 changes + rows[i].is_outdated);
		bench_fini(&k);
	}
}

/* A shape is the name's only while that stands for the statement. */
static void
shapes_are_noted(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct pg_owed e = { .kind = OWED_DESCRIBE_STATEMENT };
		struct pg_load *l;
		struct bench k;

		bench_init(&k);
		e.action = i == 1 ? OWED_LOAD : OWED_FORWARD;
		e.statement = k.one;
		e.name = k.name;
		k.name->slot.committed = statement_ref(i == 2 ? k.two : k.one);
		l = pg_loads_add(&k.b->loads, k.one);
		pg_loads_set(&k.b->loads, l, LOAD_DONE);
		pg_effect_described(k.b, &e, 77, 5);
		assert_int_equal(l->shape.hash, 77);
		assert_int_equal(l->shape.at, 5);
		assert_int_equal(k.name->shape.hash, i == 0 ? 77 : 0);
		bench_fini(&k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenarios_hold),
		cmocka_unit_test(names_follow_answers),
		cmocka_unit_test(unnamed_follows_answers),
		cmocka_unit_test(queries_take_the_unnamed),
		cmocka_unit_test(loads_follow_answers),
		cmocka_unit_test(names_leave_with_their_client),
		cmocka_unit_test(fakes_wait_for_their_turn),
		cmocka_unit_test(errors_tell_the_clients_name),
		cmocka_unit_test(errors_spoil_loads),
		cmocka_unit_test(shapes_are_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
