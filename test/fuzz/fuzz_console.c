/*
 * The console: commands as texts, and its protocol with the tables behind it.
 * Who has no right gets nothing done, whatever he writes; any cut of the input
 * gives the same output and the same orders.  First byte: whose right, and
 * whether the rest is a text or messages.
 */
#define FUZZ_PREFIX 1
#include "fuzz_drive.h"

#include "admin/commands.h"
#include "postgres/pg_console.h"

static enum console_right
right_of(const uint8_t *data)
{
	return (enum console_right)(data[0] % 3);
}

static void
check(const struct decision *d, enum console_right right)
{
	ASSERT(d->words.count <= WORDS_MAX);
	ASSERT(d->sqlstate == NULL || d->command == NULL);
	ASSERT(d->sqlstate == NULL || d->error[0] != '\0');
	if (d->command != NULL) {
		ASSERT(right != CONSOLE_NONE && right >= d->command->right);
		ASSERT(d->words.count > d->command->min_args);
		ASSERT(d->command->run != NULL || d->show != NULL);
	}
	if (d->show != NULL)
		ASSERT(right >= d->show->right);
}

/* The answer to a command, without carrying it out. */
static struct rowset *
answer(const char *text, enum console_right right)
{
	static const char *const row[] = { "1", NULL, "-7", "", "12345678901" };
	const char *cells[64];
	struct decision d;
	struct rowset *r;

	command_decide(&d, text, right);
	check(&d, right);
	if (d.sqlstate != NULL)
		r = rowset_error(d.sqlstate, d.error, d.hint);
	else if (d.show != NULL && d.show->columns != NULL)
		r = rowset_new(d.show->columns->list, d.show->columns->count,
			       "SHOW");
	else
		r = rowset_new(NULL, 0, d.command ? d.command->name : "");
	ASSERT(r != NULL && r->column_count <= COUNT_OF(cells));
	for (size_t i = 0; i < r->column_count; i++)
		cells[i] = row[i % COUNT_OF(row)];
	for (unsigned n = 0; r->column_count > 0 && n < 3; n++)
		ASSERT(rowset_add(r, cells));
	decision_fini(&d);
	return r;
}

/* One order; true: step on. */
static bool
carry(struct drive *d, struct turn *t, const struct order *o, struct answer *a,
      enum console_right right)
{
	struct rowset *r;
	size_t next = 0;

	switch ((int)o->kind) {
	case ORDER_DISCARD:
		ASSERT(o->bytes <= d->c_in.len && o->bytes > 0);
		buf_drop(&d->c_in, o->bytes);
		return d->c_in.len > 0;
	case ORDER_QUERY:
		ASSERT(strlen(o->query.text) < PG_INSPECT_MAX);
		r = answer(o->query.text, right);
		while (pg_front_ops.rows(t, r, &next, 1) == ROWS_MORE)
			ASSERT(next <= r->row_count);
		rowset_free(r);
		a->kind = ANSWER_ROWS;
		return true;
	case ORDER_FAIL:
	case ORDER_CLOSE:
		drive_log(d, "end %s", reason_info(o->reason)->name);
		d->is_over = true;
		return false;
	default:
		ASSERT(o->kind == ORDER_NEED_MORE);
		return false;
	}
}

static void
step_all(struct drive *d, enum console_right right)
{
	struct answer a = { 0 };
	bool goes_on = !d->is_over;

	while (goes_on) {
		struct turn t = drive_turn(d, false);
		size_t in = d->c_in.len, out = d->c_out.len;
		struct order o;

		t.answer = a;
		a = (struct answer){ 0 };
		o = pg_front_ops.step(&t);
		d->steps++;
		ASSERT(d->c_in.len == in);
		if (o.kind == ORDER_NEED_MORE) {
			ASSERT(d->c_out.len == out && o.bytes > in);
			drive_wait_again(d, false, &o);
		}
		goes_on = carry(d, &t, &o, &a, right);
	}
}

static void
play(const uint8_t *data, size_t size, enum drive_cut cut, struct outcome *out)
{
	struct drive d;
	struct pg_front *f;
	size_t pieces = 0;

	drive_init(&d, POOL_TRANSACTION, cut);
	f = d.front;
	f->console = pg_console_new();
	ASSERT(f->console != NULL);
	for (size_t at = FUZZ_PREFIX, n; at < size; at += n, pieces++) {
		n = size - at;
		if (cut == CUT_BYTES)
			n = 1;
		else if (cut == CUT_RANDOM)
			n = 1 + (size_t)(rand_r(&d.seed) % 13);
		if (n > size - at)
			n = size - at;
		ASSERT(buf_append(&d.c_in, data + at, n));
		step_all(&d, right_of(data));
	}
	/* A message takes at most two steps. */
	ASSERT(d.steps <= pieces + 2 * (size / PG_HEADER) + 2);
	outcome_take(out, &d);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	char *text;

	if (size <= FUZZ_PREFIX || size > 20000)
		return;
	if ((data[0] & 64) == 0) {
		play_all(play, data, size);
		return;
	}
	text = mem_strndup((const char *)data + 1, size - 1);
	rowset_free(answer(text, right_of(data)));
	mem_free(text);
}
