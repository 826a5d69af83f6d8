/*
 * The console's protocol, simple and extended, and its rows: whole, byte by
 * byte and at random cuts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "drive.h"

static const struct rowset_column columns[] = {
	{ "name", COLUMN_TEXT },
	{ "n", COLUMN_INT4 },
	{ "big", COLUMN_INT8 },
	{ "sum", COLUMN_NUMERIC },
};

/* What the admin layer would answer to a command. */
static struct rowset *
answer_to(const char *text)
{
	static const char *const row[] = { "a", "-7", "123456789012",
					   "100020003" };
	static const char *const nulls[] = { NULL, NULL, NULL, NULL };
	struct rowset *r;

	if (strcmp(text, "show x") == 0) {
		r = rowset_new(columns, 4, "SHOW");
		for (unsigned i = 0; r != NULL && i < 3; i++)
			assert_true(rowset_add(r, i == 2 ? nulls : row));
		return r;
	}
	if (strcmp(text, "show help") == 0) {
		r = rowset_new(NULL, 0, "SHOW");
		r->notice = mem_strdup("help");
		return r;
	}
	if (strcmp(text, "pause") == 0)
		return rowset_new(NULL, 0, "PAUSE");
	return rowset_error("42601", "unknown command", NULL);
}

static void
step_all(struct drive *d)
{
	struct answer a = { 0 };
	struct pg_front *f = d->front;

	for (;;) {
		struct turn t = drive_turn(d, false);
		size_t in = d->c_in.len, out = d->c_out.len, next = 0;
		struct rowset *r;
		struct order o;

		t.answer = a;
		a = (struct answer){ 0 };
		if (in == 0 && t.answer.kind == ANSWER_NONE)
			break;
		o = pg_front_ops.step(&t);
		assert_int_equal(d->c_in.len, in);
		if (o.kind == ORDER_DISCARD) {
			assert_true(o.bytes <= in);
			buf_drop(&d->c_in, o.bytes);
			continue;
		}
		if (o.kind == ORDER_NEED_MORE) {
			assert_int_equal(d->c_out.len, out);
			break;
		}
		if (o.kind != ORDER_QUERY) {
			drive_log(d, "order:%d", (int)o.kind);
			break;
		}
		drive_log(d, "%s%s", o.query.describe_only ? "describe:" : "",
			  o.query.text);
		r = answer_to(o.query.text);
		while (pg_front_ops.rows(&t, r, &next, 1) == ROWS_MORE)
			;
		rowset_free(r);
		a.kind = ANSWER_ROWS;
	}
	(void)f;
	drive_drain(&d->c_out, &d->to_client);
}

static void
put_in(struct drive *d, const struct str *s)
{
	size_t at = 0;

	while (at < s->len) {
		size_t n = s->len - at;

		if (d->cut == CUT_BYTES)
			n = 1;
		else if (d->cut == CUT_RANDOM && n > 3)
			n = 1 + (size_t)rand_r(&d->seed) % 3;
		assert_true(buf_append(&d->c_in, s->data + at, n));
		at += n;
		step_all(d);
	}
}

static void
open_console(struct drive *d, enum drive_cut cut)
{
	struct pg_front *f;

	drive_init(d, POOL_TRANSACTION, cut);
	f = d->front;
	f->console = pg_console_new();
	assert_non_null(f->console);
}

static void
exchanges(void **state)
{
	static const struct row {
		const char *client, *shown, *log;
	} rows[] = {
		{ "Q:show x", "T|D|D|D|C:SHOW|Z:I", "show x" },
		{ "Q:pause", "C:PAUSE|Z:I", "pause" },
		{ "Q:show help", "N:help|C:SHOW|Z:I", "show help" },
		{ "Q:oops|Q:pause",
		  "E:ERROR:42601:unknown command|Z:I|C:PAUSE|Z:I",
		  "oops pause" },
		{ "Q: ;", "I|Z:I", "" },
		{ "P::show x|DS:|B::|DP:|E:|S", "1|t|T|2|T|D|D|D|C:SHOW|Z:I",
		  "describe:show x describe:show x show x" },
		{ "P:n:pause|S|DS:n|B:p:n|E:p|CP:p|CS:n|H|S",
		  "1|Z:I|t|n|2|C:PAUSE|3|3|Z:I", "describe:pause pause" },
		{ "P::oops|B::|E:|P::pause|S|S",
		  "1|2|E:ERROR:42601:unknown command|Z:I|Z:I", "oops" },
		{ "B::n|S",
		  "E:ERROR:26000:prepared statement does not exist|Z:I", "" },
		{ "E:p|S|X", "E:ERROR:34000:portal does not exist|Z:I",
		  "order:13" },
		{ "P::|B::|E:|S", "1|2|I|Z:I", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (unsigned cut = 0; cut < CUTS; cut++) {
			struct str client = { 0 }, s = { 0 };
			struct drive d;

			open_console(&d, (enum drive_cut)cut);
			drive_parse(&s, rows[i].client, false);
			put_in(&d, &s);
			drive_show(&client, (uint8_t *)d.to_client.data,
				   d.to_client.len, true);
			assert_string_equal(str_text(&client), rows[i].shown);
			assert_string_equal(str_text(&d.log), rows[i].log);
			str_fini(&client);
			str_fini(&s);
			drive_fini(&d);
		}
	}
}

/* Drivers that read binary get it where we know how. */
static void
binary_rows(void **state)
{
	static const char want[] =
		"D\0\0\0\61\0\4\0\0\0\1a\0\0\0\4\377\377\377\371"
		"\0\0\0\10\0\0\0\34\276\231\32\24"
		"\0\0\0\16\0\3\0\2\0\0\0\0\0\1\0\2\0\3";
	struct drive d;
	struct str s = { 0 };
	size_t mark;

	(void)state;
	open_console(&d, CUT_BYTES);
	drive_parse(&s, "P::show x", false);
	mark = pg_put_begin(&s, 'B');
	str_add(&s, "\0\0\0\0\0\0\0\1\0\1", 10);
	pg_put_end(&s, mark);
	drive_parse(&s, "E:|S", false);
	put_in(&d, &s);
	assert_memory_equal(d.to_client.data + 10, want, sizeof(want) - 1);
	str_fini(&s);
	drive_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges),
		cmocka_unit_test(binary_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
