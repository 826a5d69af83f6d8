/*
 * What is asked; see unit.h.
 *
 * Each function makes one kind.  PostgreSQL says in which order the answers
 * come: the program is right when it finds nothing to say of a direct
 * connection.
 */
#include "unit.h"

#include <inttypes.h>
#include <string.h>

#include "unit_pieces.h"

const char *const kind_names[KINDS] = {
	[KIND_SIMPLE] = "simple",
	[KIND_MULTI] = "multi",
	[KIND_QUERIES] = "queries",
	[KIND_EXTENDED] = "extended",
	[KIND_ERROR] = "error",
	[KIND_PIPELINE] = "pipeline",
	[KIND_FLUSH] = "flush",
	[KIND_LIMIT] = "limit",
	[KIND_COPY_IN] = "copy_in",
	[KIND_COPY_OUT] = "copy_out",
	[KIND_FUNCTION] = "function",
	[KIND_TRANSACTION] = "transaction",
	[KIND_TX_PIPELINE] = "tx_pipeline",
	[KIND_BIG_ROW] = "big_row",
	[KIND_BIG_BIND] = "big_bind",
	[KIND_ROWS] = "rows",
	[KIND_NOTICE] = "notice",
	[KIND_SETTING] = "setting",
	[KIND_STATE] = "state",
	[KIND_DIRT] = "dirt",
	[KIND_PREPARE] = "prepare",
	[KIND_SLEEP] = "sleep",
	[KIND_RECOVER] = "recover",
};

/* How often each is asked. */
static const uint8_t weights[KINDS] = {
	[KIND_SIMPLE] = 12,     [KIND_MULTI] = 8,    [KIND_QUERIES] = 5,
	[KIND_EXTENDED] = 14,   [KIND_ERROR] = 6,    [KIND_PIPELINE] = 12,
	[KIND_FLUSH] = 4,       [KIND_LIMIT] = 6,    [KIND_COPY_IN] = 6,
	[KIND_COPY_OUT] = 3,    [KIND_FUNCTION] = 4, [KIND_TRANSACTION] = 5,
	[KIND_TX_PIPELINE] = 4, [KIND_BIG_ROW] = 1,  [KIND_BIG_BIND] = 1,
	[KIND_ROWS] = 2,        [KIND_NOTICE] = 4,   [KIND_SETTING] = 4,
	[KIND_STATE] = 8,       [KIND_DIRT] = 1,     [KIND_SLEEP] = 1,
	[KIND_PREPARE] = 3,
};

uint32_t
dice_roll(struct dice *d, uint32_t sides)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (uint32_t)((d->state * 0x2545f4914f6cdd1dull) >> 33) % sides;
}

void
tag_text(char out[TAG_BYTES], int id, uint32_t tag)
{
	snprintf(out, TAG_BYTES, "c%d-%" PRIu32, id, tag);
}

/* ---- transactions, large messages, state ---- */

static void
add_own_row(struct unit *u)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	SQL(u, "SELECT '%s', pg_backend_pid()", text);
	want_types(u, "T");
	want(u, 'D', RULE_PID, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "T");
	end_step(u);
}

static void
add_end(struct unit *u, struct dice *d, const char *status)
{
	bool fails = status[0] == 'E', commits = dice_roll(d, 4) != 0;

	SQL(u, commits ? "COMMIT" : "ROLLBACK");
	want_done(u, commits && !fails ? "COMMIT" : "ROLLBACK");
	want_ready(u, "I");
	if (fails || !commits)
		u->row_count = u->row_most = 0;
	end_step(u);
}

/* Statement by statement, with pauses between them. */
static void
make_transaction(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES], bad[TAG_BYTES];
	uint32_t tag, bad_tag;
	const char *status = "T";

	SQL(u, "BEGIN");
	want_done(u, "BEGIN");
	want_ready(u, "T");
	end_step(u);
	add_own_row(u);
	tag = new_tag(u, text);
	u->row_tag = tag;
	u->row_count = u->row_most = 2;
	SQL(u, "INSERT INTO iso_rows VALUES ('%s', 1), ('%s', 2)", text, text);
	want_done(u, "INSERT 0 2");
	want_ready(u, "T");
	end_step(u);
	add_own_row(u);
	if (dice_roll(d, 4) == 0) {
		status = "E";
		bad_tag = new_tag(u, bad);
		SQL(u, "SELECT ('x%s'||'')::int", bad);
		want(u, 'E', RULE_TAGGED, bad_tag, "22P02");
		want_ready(u, "E");
		end_step(u);
		SQL(u, "SELECT 1");
		want(u, 'E', RULE_ERROR, 0, "25P02");
		want_ready(u, "E");
		end_step(u);
	}
	add_end(u, d, status);
	for (unsigned i = 1; i < u->step_count; i++)
		u->steps[i].pause_us =
			dice_roll(d, 4) == 0 ? dice_roll(d, 3000) : 0;
}

static void
add_group(struct unit *u, const char *sql, const char *done, const char *status)
{
	PARSE(u, "%s", sql);
	ask_bind(u, NULL);
	wire_execute(&u->out, "", 0);
	want_done(u, done);
	ask_sync(u, status);
}

/* The whole of it in one write. */
static void
make_tx_pipeline(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag;
	bool commits = dice_roll(d, 3) != 0;

	add_group(u, "BEGIN", "BEGIN", "T");
	tag = new_tag(u, text);
	u->row_tag = tag;
	u->row_count = commits ? 1 : 0;
	u->row_most = 1; /* without its BEGIN */
	PARSE(u, "INSERT INTO iso_rows VALUES ($1, 1) RETURNING tag");
	ask_bind(u, text);
	wire_execute(&u->out, "", 0);
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "INSERT 0 1");
	ask_sync(u, "T");
	tag = new_tag(u, text);
	SQL(u, "SELECT '%s'", text);
	want_types(u, "T");
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "T");
	add_group(u, commits ? "COMMIT" : "ROLLBACK",
		  commits ? "COMMIT" : "ROLLBACK", "I");
	tag = new_tag(u, text);
	SQL(u, "SELECT '%s'", text);
	want_types(u, "T");
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "I");
	end_step(u);
}

static void
make_big_row(struct unit *u, struct dice *d, uint32_t big)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);
	uint32_t n = 1 + dice_roll(d, big / 8);

	SQL(u, "SELECT repeat('%s,', %" PRIu32 ") FROM generate_series(1, 2)",
	    text, n);
	want_types(u, "T");
	for (int i = 0; i < 2; i++)
		want_many(u, 'D', RULE_BIG, tag, n);
	want_done(u, "SELECT 2");
	want_ready(u, "I");
	end_step(u);
}

static void
make_big_bind(struct unit *u, struct dice *d, uint32_t big)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);
	uint32_t n = 1 + dice_roll(d, big / 16);
	size_t begin, len = strlen(text);

	PARSE(u, "SELECT $1::text");
	begin = wire_begin(&u->out, 'B');
	wire_bytes(&u->out, "\0\0\0\0\0\1", 6);
	wire_u32(&u->out, (uint32_t)(n * (len + 1)));
	for (uint32_t i = 0; i < n; i++) {
		wire_bytes(&u->out, text, len);
		wire_bytes(&u->out, ",", 1);
	}
	wire_u16(&u->out, 0);
	wire_end(&u->out, begin);
	want_types(u, "2");
	wire_execute(&u->out, "", 0);
	want_many(u, 'D', RULE_BIG, tag, n);
	want_done(u, "SELECT 1");
	ask_sync(u, "I");
	end_step(u);
}

static void
make_rows(struct unit *u, struct dice *d, uint32_t big)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text), rows = 1 + dice_roll(d, big / 64 + 1);

	SQL(u, "SELECT '%s/'||g FROM generate_series(1, %" PRIu32 ") g", text,
	    rows);
	want_types(u, "T");
	want_many(u, 'D', RULE_NUMBERED, tag, rows);
	want_done_count(u, "SELECT ", rows);
	want_ready(u, "I");
	end_step(u);
}

static void
make_notice(struct unit *u)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	SQL(u, "SELECT iso_tell('%s')", text);
	want_types(u, "T");
	want(u, 'N', RULE_NOTICE, tag, NULL);
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "I");
	end_step(u);
}

/* A reported parameter: by SET both ways, and undone by ROLLBACK. */
static void
make_setting(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text), how = dice_roll(d, 3);

	if (how == 0) {
		SQL(u, "SET application_name = '%s'", text);
		want_done(u, "SET");
		want(u, 'S', RULE_SETTING, tag, NULL);
		want_ready(u, "I");
	} else if (how == 1) {
		PARSE(u, "SET application_name = '%s'", text);
		ask_bind(u, NULL);
		wire_execute(&u->out, "", 0);
		want_done(u, "SET");
		wire_plain(&u->out, 'S');
		want(u, 'S', RULE_SETTING, tag, NULL);
		want_ready(u, "I");
	} else {
		SQL(u, "BEGIN; SET application_name = '%s'", text);
		want_done(u, "BEGIN");
		want_done(u, "SET");
		want(u, 'S', RULE_SETTING, tag, NULL);
		want_ready(u, "T");
		end_step(u);
		SQL(u, "ROLLBACK");
		want_done(u, "ROLLBACK");
		want(u, 'S', RULE_SETTING_BACK, tag, NULL);
		want_ready(u, "I");
	}
	end_step(u);
}

#define LOOK                                                                   \
	"current_setting('application_name'), current_setting('TimeZone'),"    \
	" concat_ws(' ', current_setting('work_mem'),"                         \
	" (SELECT count(*) FROM pg_listening_channels()),"                     \
	" to_regclass('pg_temp.iso_leak'),"                                    \
	" (SELECT count(*) FROM pg_prepared_statements WHERE NOT "             \
	"starts_with(name, 'carpool_')),"                                      \
	" (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND"      \
	" pid = pg_backend_pid()))"

static void
make_state(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	if (dice_roll(d, 2) == 0) {
		SQL(u, "SELECT '%s', " LOOK, text);
		want_types(u, "T");
		want(u, 'D', RULE_STATE, tag, NULL);
		want_done(u, "SELECT 1");
		want_ready(u, "I");
	} else {
		PARSE(u, "SELECT $1::text, " LOOK);
		ask_bind(u, text);
		wire_execute(&u->out, "", 0);
		want(u, 'D', RULE_STATE, tag, NULL);
		want_done(u, "SELECT 1");
		ask_sync(u, "I");
	}
	end_step(u);
}

static void
make_dirt(struct unit *u, struct dice *d)
{
	static const struct {
		const char *sql, *done, *undo, *undone;
	} dirt[] = {
		{ "SET work_mem = '77MB'", "SET", "RESET work_mem", "RESET" },
		{ "CREATE TEMP TABLE iso_leak (a int)", "CREATE TABLE",
		  "DROP TABLE iso_leak", "DROP TABLE" },
		{ "LISTEN iso", "LISTEN", "UNLISTEN iso", "UNLISTEN" },
		{ "DECLARE iso_leak CURSOR WITH HOLD FOR SELECT 1",
		  "DECLARE CURSOR", "CLOSE iso_leak", "CLOSE CURSOR" },
	};
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text), how = dice_roll(d, 5);

	if (how < 4) {
		SQL(u, "%s; SELECT '%s'", dirt[how].sql, text);
		want_done(u, dirt[how].done);
	} else {
		SQL(u, "SELECT pg_advisory_lock_shared(1); SELECT '%s'", text);
		want_types(u, "TD");
		want_done(u, "SELECT 1");
	}
	want_types(u, "T");
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "I");
	end_step(u);
	/* Its own state the client keeps, so it has to take it away. */
	if (how < 4) {
		SQL(u, "%s", dirt[how].undo);
		want_done(u, dirt[how].undone);
	} else {
		SQL(u, "SELECT pg_advisory_unlock_shared(1)");
		want_types(u, "TD");
		want_done(u, "SELECT 1");
	}
	want_ready(u, "I");
	end_step(u);
}

/* Many use the same names for statements of their own. */
static void
make_prepare(struct unit *u)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	SQL(u, "PREPARE iso_%" PRIu32 " AS SELECT '%s'", tag, text);
	want_done(u, "PREPARE");
	want_ready(u, "I");
	end_step(u);
	SQL(u, "EXECUTE iso_%" PRIu32, tag);
	want_types(u, "T");
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "I");
	end_step(u);
	SQL(u, "DEALLOCATE iso_%" PRIu32, tag);
	want_done(u, "DEALLOCATE");
	want_ready(u, "I");
	end_step(u);
}

static void
make_sleep(struct unit *u, struct dice *d, uint32_t most_ms)
{
	char text[TAG_BYTES];
	uint32_t tag = new_tag(u, text);

	SQL(u, "SELECT '%s' FROM pg_sleep(%" PRIu32 " / 1000.0)", text,
	    1 + dice_roll(d, most_ms));
	want_types(u, "T");
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "I");
	end_step(u);
}

/* ---- the table's functions ---- */

static void
start(struct unit *u, enum kind kind)
{
	u->kind = kind;
	u->first = u->self->tag;
	u->want_count = u->want_at = 0;
	u->step_count = u->step_at = 0;
	u->is_full = false;
	u->row_tag = u->row_count = u->row_most = 0;
	u->self->pid = 0;
	memcpy(u->self->app_old, u->self->app, sizeof(u->self->app_old));
	u->out = (struct wire){ .data = u->bytes, .room = sizeof(u->bytes) };
}

void
unit_make_long(struct unit *u, struct dice *d)
{
	char text[TAG_BYTES];
	uint32_t tag;

	start(u, KIND_SLEEP);
	SQL(u, "BEGIN");
	want_done(u, "BEGIN");
	want_ready(u, "T");
	end_step(u);
	/* As long as the cancel takes, or longer. */
	tag = new_tag(u, text);
	SQL(u, "SELECT '%s' FROM pg_sleep(%" PRIu32 " / 10000.0)", text,
	    1 + dice_roll(d, dice_roll(d, 2) ? 80 : 1500));
	want_types(u, "T");
	want(u, 'D', RULE_TAG, tag, NULL);
	want_done(u, "SELECT 1");
	want_ready(u, "T");
	end_step(u);
	SQL(u, "COMMIT");
	want_done(u, "COMMIT");
	want_ready(u, "I");
	end_step(u);
}

enum kind
unit_choose(struct dice *d)
{
	uint32_t sum = 0, at;
	int kind = 0;

	for (int i = 0; i < KINDS; i++)
		sum += weights[i];
	at = dice_roll(d, sum);
	while (at >= weights[kind])
		at -= weights[kind++];
	return (enum kind)kind;
}

void
unit_recover(struct unit *u)
{
	start(u, KIND_RECOVER);
	SQL(u, "ROLLBACK");
	want_done(u, "ROLLBACK");
	want_types(u, "Z");
	end_step(u);
}

void
unit_make(struct unit *u, enum kind kind, struct dice *d, uint32_t big)
{
	start(u, kind);
	switch (kind) {
	case KIND_SIMPLE:
		make_simple(u);
		break;
	case KIND_MULTI:
		make_multi(u, d);
		break;
	case KIND_QUERIES:
		make_queries(u, d);
		break;
	case KIND_EXTENDED:
		make_extended(u);
		break;
	case KIND_ERROR:
		make_error(u, d);
		break;
	case KIND_PIPELINE:
		make_pipeline(u, d);
		break;
	case KIND_FLUSH:
		make_flush(u, d);
		break;
	case KIND_LIMIT:
		make_limit(u, d);
		break;
	case KIND_COPY_IN:
		make_copy_in(u, d);
		break;
	case KIND_COPY_OUT:
		make_copy_out(u, d);
		break;
	case KIND_FUNCTION:
		make_function(u, d);
		break;
	case KIND_TRANSACTION:
		make_transaction(u, d);
		break;
	case KIND_TX_PIPELINE:
		make_tx_pipeline(u, d);
		break;
	case KIND_BIG_ROW:
		make_big_row(u, d, big);
		break;
	case KIND_BIG_BIND:
		make_big_bind(u, d, big);
		break;
	case KIND_ROWS:
		make_rows(u, d, big);
		break;
	case KIND_NOTICE:
		make_notice(u);
		break;
	case KIND_SETTING:
		make_setting(u, d);
		break;
	case KIND_STATE:
		make_state(u, d);
		break;
	case KIND_DIRT:
		make_dirt(u, d);
		break;
	case KIND_PREPARE:
		make_prepare(u);
		break;
	case KIND_SLEEP:
		make_sleep(u, d, 20);
		break;
	case KIND_RECOVER:
	case KINDS:
		break;
	}
}
