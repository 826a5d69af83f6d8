/*
 * Scenarios of queries: statements that move between servers, errors,
 * transactions, pipelines, cursors, COPY.
 */
#include <stdio.h>
#include <string.h>

#include "client.h"

static void
storm_one(struct conn *c, char *seen)
{
	(void)seen;
	open_conn(c, 0, NULL);
	want(c, "SELECT $1::int", 7, "7");
	PQfinish(c->pg);
}

void
storm(char *seen)
{
	static struct conn conns[24];

	together(conns, 24, storm_one, NULL);
	together(conns, 24, storm_one, NULL);
	strcpy(seen, "48");
}

static void
interleave_one(struct conn *c, char *seen)
{
	(void)seen;
	for (int n = 0; n < 25; n++) {
		char own[16];

		want_number(c, "SELECT $1::int * 2", n, n * 2);
		snprintf(own, sizeof own, "%dx", c->number * 100 + n);
		want(c, "SELECT $1::text || 'x'", c->number * 100 + n, own);
	}
}

void
interleave(char *seen)
{
	static struct conn conns[CLIENTS];

	open_all(conns, CLIENTS);
	together(conns, CLIENTS, interleave_one, seen);
	close_all(conns, CLIENTS);
}

static void
reuse_one(struct conn *c, char *seen)
{
	char state[8];

	for (int n = 1; n < 8; n++) {
		run(c, "BEGIN");
		state_of(c, "INSERT INTO t_libpq_reuse VALUES ($1::int)",
			 c->number, state);
		want_number(c,
			    "SELECT count(*) FROM t_libpq_reuse"
			    " WHERE a = $1::int",
			    c->number, n);
		run(c, "COMMIT");
	}
	snprintf(seen, 100, "\"%s\"", state);
}

void
reuse(char *seen)
{
	static struct conn conns[CLIENTS];

	make_table("reuse", "a int");
	open_all(conns, CLIENTS);
	together(conns, CLIENTS, reuse_one, seen);
	close_all(conns, CLIENTS);
}

static void
errors_one(struct conn *c, char *seen)
{
	char a[8], b[8], d[8], e[8];
	const char *insert = "INSERT INTO t_libpq_errors VALUES ($1::int)";

	for (int n = 0; n < 3; n++) {
		int key = c->number * 10 + n;

		state_of(c, insert, key, e);
		state_of(c, "SELECT missing + $1::int", n, a);
		state_of(c, "SELECT $1::int FROM not_there", n, b);
		state_of(c, "SELECT $1::int / 0", n, d);
		snprintf(seen, 100, "[\"%s\",\"%s\",\"%s\",\"%s\",\"%s\"]", e,
			 a, b, d, state_of(c, insert, key, e));
		want_number(c, "SELECT $1::int + 1", n, n + 1);
	}
}

void
errors(char *seen)
{
	static struct conn conns[4];

	make_table("errors", "a int PRIMARY KEY");
	open_all(conns, 4);
	together(conns, 4, errors_one, seen);
	close_all(conns, 4);
}

static void
rollback_one(struct conn *c, char *seen)
{
	char a[8], b[8];
	const char *insert = "INSERT INTO t_libpq_rollback VALUES ($1::int)";
	const char *count = "SELECT count(*) FROM t_libpq_rollback"
			    " WHERE a = $1::int";

	for (int n = 0; n < 3; n++) {
		run(c, "BEGIN");
		state_of(c, insert, c->number, a);
		state_of(c, "SELECT $1::int / 0", n, a);
		state_of(c, count, c->number, b);
		run(c, "ROLLBACK");
		want(c, count, c->number, "0");
	}
	run(c, "BEGIN");
	snprintf(seen, 100, "[\"%s\",\"%s\"]", a, b);
	state_of(c, insert, c->number, a);
	run(c, "COMMIT");
	want(c, count, c->number, "1");
}

void
rollback(char *seen)
{
	static struct conn conns[4];

	make_table("rollback", "a int");
	open_all(conns, 4);
	together(conns, 4, rollback_one, seen);
	close_all(conns, 4);
}

/* Sends count requests, the divisors from first on, then a Sync; the states
 * of all as letters. */
static void
send_pipeline(struct conn *c, int first, int count, char *letters)
{
	char number[16];
	const char *args[] = { number };

	if (!PQenterPipelineMode(c->pg))
		fail("no pipeline: %s", PQerrorMessage(c->pg));
	if (!PQsendPrepare(c->pg, "p", "SELECT 100 / $1::int", 0, NULL))
		fail("%s", PQerrorMessage(c->pg));
	for (int n = 0; n < count; n++) {
		snprintf(number, sizeof number, "%d", first + n);
		if (!PQsendQueryPrepared(c->pg, "p", 1, args, NULL, NULL, 0))
			fail("%s", PQerrorMessage(c->pg));
	}
	if (!PQpipelineSync(c->pg))
		fail("%s", PQerrorMessage(c->pg));
	for (;;) {
		PGresult *result = PQgetResult(c->pg);
		ExecStatusType status;

		if (result == NULL)
			continue;
		status = PQresultStatus(result);
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC)
			break;
		*letters++ = status == PGRES_TUPLES_OK          ? 't'
			     : status == PGRES_COMMAND_OK       ? 'c'
			     : status == PGRES_PIPELINE_ABORTED ? 'a'
								: 'e';
	}
	*letters = '\0';
	if (!PQexitPipelineMode(c->pg))
		fail("%s", PQerrorMessage(c->pg));
}

static void
pipeline_one(struct conn *c, char *seen)
{
	char good[40], bad[40], again[40];

	send_pipeline(c, 1, 20, good);
	want_number(c, "SELECT $1::int", c->number, c->number);
	run(c, "DEALLOCATE p");
	send_pipeline(c, -2, 5, bad);
	want_number(c, "SELECT $1::int", c->number, c->number);
	/* Prepared under a name that is taken: all behind it is skipped. */
	send_pipeline(c, 1, 2, again);
	snprintf(seen, 200, "[\"%s\",\"%s\",\"%s\"]", good, bad, again);
}

void
pipeline(char *seen)
{
	static struct conn conns[4];

	open_all(conns, 4);
	together(conns, 4, pipeline_one, seen);
	close_all(conns, 4);
}

/* Row by row, and a cursor of SQL. */
static void
cursor_one(struct conn *c, char *seen)
{
	int rows = 0;
	PGresult *result;

	run(c, "BEGIN");
	run(c, "DECLARE piece CURSOR FOR SELECT generate_series(1, 1000)");
	for (int n = 0; n < 5; n++) {
		result = ask(c, "FETCH 70 FROM piece", 0, NULL);
		rows += PQntuples(result);
		PQclear(result);
	}
	run(c, "ROLLBACK");
	if (!PQsendQuery(c->pg, "SELECT generate_series(1, 1000)") ||
	    !PQsetSingleRowMode(c->pg))
		fail("%s", PQerrorMessage(c->pg));
	while ((result = PQgetResult(c->pg)) != NULL) {
		rows += PQresultStatus(result) == PGRES_SINGLE_TUPLE;
		PQclear(result);
	}
	want(c, "SELECT $1::int", 5, "5");
	snprintf(seen, 100, "%d", rows);
}

void
cursor(char *seen)
{
	static struct conn conns[4];

	open_all(conns, 4);
	together(conns, 4, cursor_one, seen);
	close_all(conns, 4);
}

static const char *
copy_in(struct conn *c, const char *line, int count, char *state)
{
	PGresult *result = PQexec(c->pg, "COPY t_libpq_copy FROM STDIN");

	if (PQresultStatus(result) != PGRES_COPY_IN)
		fail("%s", PQresultErrorMessage(result));
	PQclear(result);
	for (int n = 0; n < count; n++)
		if (PQputCopyData(c->pg, line, (int)strlen(line)) != 1)
			fail("%s", PQerrorMessage(c->pg));
	if (PQputCopyEnd(c->pg, NULL) != 1)
		fail("%s", PQerrorMessage(c->pg));
	take_state(PQgetResult(c->pg), state);
	while ((result = PQgetResult(c->pg)) != NULL)
		PQclear(result);
	return state;
}

static void
copy_one(struct conn *c, char *seen)
{
	char line[40], state[8], bad[8], *data;
	int rows = 0;
	PGresult *result;

	snprintf(line, sizeof line, "%d\ttext\n", c->number);
	copy_in(c, line, 300, state);
	result = PQexec(c->pg, "COPY (SELECT g FROM generate_series(1, 500) g)"
			       " TO STDOUT");
	if (PQresultStatus(result) != PGRES_COPY_OUT)
		fail("%s", PQresultErrorMessage(result));
	PQclear(result);
	while (PQgetCopyData(c->pg, &data, 0) > 0) {
		rows++;
		PQfreemem(data);
	}
	while ((result = PQgetResult(c->pg)) != NULL)
		PQclear(result);
	copy_in(c, "bad\tbad\n", 3, bad);
	want(c, "SELECT count(*) FROM t_libpq_copy WHERE a = $1::int",
	     c->number, "300");
	snprintf(seen, 100, "[\"%s\",%d,\"%s\"]", state, rows, bad);
}

void
copy(char *seen)
{
	static struct conn conns[4];

	make_table("copy", "a int, b text");
	open_all(conns, 4);
	together(conns, 4, copy_one, seen);
	close_all(conns, 4);
}
