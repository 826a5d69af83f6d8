/*
 * libpq runs scenarios: see ../matrix.py.
 *
 * Each text with arguments is prepared once on each connection, under a name
 * that other connections use, too.  Whatever is not as it has to be ends the
 * program with a line that says so.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENTS 8
#define TEXTS 16

struct conn {
	PGconn *pg;             /* owns */
	char texts[TEXTS][200]; /* prepared as s0, s1, ... */
	int prepared;
	int number;
};

struct job {
	struct conn *conn; /* borrows, until the thread is joined */
	void (*work)(struct conn *, char *);
	char seen[300]; /* JSON */
};

static const char *scenario; /* the one that runs */

static void
fail(const char *format, ...)
{
	char text[1000];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	printf("failed %s %s\n", scenario, text);
	fflush(stdout);
	exit(1);
}

static void
open_conn(struct conn *c, int number, const char *options)
{
	const char *names[] = { "dbname", "options", NULL };
	const char *values[] = { getenv("DATABASE_URL"), options, NULL };

	memset(c, 0, sizeof *c);
	c->number = number;
	c->pg = PQconnectdbParams(names, values, 1);
	if (PQstatus(c->pg) != CONNECTION_OK)
		fail("%s", PQerrorMessage(c->pg));
}

static void
open_all(struct conn *conns, int count)
{
	for (int i = 0; i < count; i++)
		open_conn(&conns[i], i, NULL);
}

static void
close_all(struct conn *conns, int count)
{
	for (int i = 0; i < count; i++)
		PQfinish(conns[i].pg);
}

/* The SQLSTATE of a result that failed, "ok" of another; frees it. */
static const char *
take_state(PGresult *result, char *state)
{
	const char *text = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	snprintf(state, 8, "%s", text != NULL ? text : "ok");
	PQclear(result);
	return state;
}

static PGresult *
ask(struct conn *c, const char *text, int count, const char *const *args)
{
	char name[16];
	int i = 0;

	while (i < c->prepared && strcmp(c->texts[i], text) != 0)
		i++;
	snprintf(name, sizeof name, "s%d", i);
	if (i == c->prepared) {
		PGresult *made = PQprepare(c->pg, name, text, 0, NULL);

		if (PQresultStatus(made) != PGRES_COMMAND_OK)
			return made;
		PQclear(made);
		if (i == TEXTS)
			fail("more than %d texts", TEXTS);
		snprintf(c->texts[i], sizeof c->texts[i], "%s", text);
		c->prepared++;
	}
	return PQexecPrepared(c->pg, name, count, args, NULL, NULL, 0);
}

/* A query with one number as argument: its state. */
static const char *
state_of(struct conn *c, const char *text, int arg, char *state)
{
	char number[16];
	const char *args[] = { number };

	snprintf(number, sizeof number, "%d", arg);
	return take_state(ask(c, text, 1, args), state);
}

/* A query with one number as argument has to give this one value. */
static void
want(struct conn *c, const char *text, int arg, const char *value)
{
	char number[16];
	const char *args[] = { number };
	PGresult *result;

	snprintf(number, sizeof number, "%d", arg);
	result = ask(c, text, 1, args);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail("%s: %s", text, PQresultErrorMessage(result));
	if (PQntuples(result) != 1 ||
	    strcmp(PQgetvalue(result, 0, 0), value) != 0)
		fail("%s: %d rows, %s, not %s", text, PQntuples(result),
		     PQntuples(result) ? PQgetvalue(result, 0, 0) : "none",
		     value);
	PQclear(result);
}

static void
want_number(struct conn *c, const char *text, int arg, int value)
{
	char number[16];

	snprintf(number, sizeof number, "%d", value);
	want(c, text, arg, number);
}

static void
run(struct conn *c, const char *format, ...)
{
	char text[500];
	va_list list;
	PGresult *result;

	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	result = PQexec(c->pg, text);
	if (PQresultStatus(result) != PGRES_COMMAND_OK &&
	    PQresultStatus(result) != PGRES_TUPLES_OK)
		fail("%s: %s", text, PQresultErrorMessage(result));
	PQclear(result);
}

/* The first value of a simple query. */
static char *
value_of(struct conn *c, const char *text, char *value, size_t size)
{
	PGresult *result = PQexec(c->pg, text);

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail("%s: %s", text, PQresultErrorMessage(result));
	snprintf(value, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

static void *
run_job(void *arg)
{
	struct job *job = arg;

	job->work(job->conn, job->seen);
	return NULL;
}

/* The same work on all connections at once; what they saw, as JSON. */
static void
together(struct conn *conns, int count, void (*work)(struct conn *, char *),
	 char *seen)
{
	struct job *jobs = calloc((size_t)count, sizeof *jobs);
	pthread_t *threads = calloc((size_t)count, sizeof *threads);

	if (jobs == NULL || threads == NULL)
		fail("out of memory");
	for (int i = 0; i < count; i++) {
		jobs[i].conn = &conns[i];
		jobs[i].work = work;
		strcpy(jobs[i].seen, "0");
		if (pthread_create(&threads[i], NULL, run_job, &jobs[i]) != 0)
			fail("no thread");
	}
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		if (seen != NULL)
			seen += sprintf(seen, "%s%s", i == 0 ? "[" : ",",
					jobs[i].seen);
	}
	if (seen != NULL)
		strcpy(seen, "]");
	free(threads);
	free(jobs);
}

static void
make_table(const char *name, const char *columns)
{
	struct conn c;

	open_conn(&c, 0, NULL);
	run(&c, "DROP TABLE IF EXISTS t_libpq_%s", name);
	run(&c, "CREATE TABLE t_libpq_%s (%s)", name, columns);
	PQfinish(c.pg);
}

/* --- the scenarios -------------------------------------------------------- */

static void
storm_one(struct conn *c, char *seen)
{
	(void)seen;
	open_conn(c, 0, NULL);
	want(c, "SELECT $1::int", 7, "7");
	PQfinish(c->pg);
}

static void
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

static void
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

static void
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

static void
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

static void
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

static void
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

static void
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

static void
copy(char *seen)
{
	static struct conn conns[4];

	make_table("copy", "a int, b text");
	open_all(conns, 4);
	together(conns, 4, copy_one, seen);
	close_all(conns, 4);
}

static const char *const zones[] = {
	"Asia/Tokyo",
	"Europe/Lisbon",
	"America/Lima",
	"Asia/Dhaka",
};

static void
make_schemas(void)
{
	struct conn c;

	open_conn(&c, 0, NULL);
	for (int i = 0; i < 4; i++) {
		run(&c, "DROP SCHEMA IF EXISTS s_libpq_%d CASCADE", i);
		run(&c, "CREATE SCHEMA s_libpq_%d", i);
		run(&c, "CREATE TABLE s_libpq_%d.who AS SELECT %d AS w", i, i);
	}
	PQfinish(c.pg);
}

/* Its settings are its own, again and again. */
static void
watch_one(struct conn *c, char *seen)
{
	char value[64], wanted[64];

	(void)seen;
	snprintf(wanted, sizeof wanted, "%ds", c->number + 11);
	for (int n = 0; n < 10; n++) {
		want_number(c, "SELECT w FROM who WHERE $1::int >= 0", n,
			    c->number);
		value_of(c, "SHOW statement_timeout", value, sizeof value);
		if (strcmp(value, wanted) != 0)
			fail("statement_timeout is %s, not %s", value, wanted);
		value_of(c, "SHOW timezone", value, sizeof value);
		if (strcmp(value, zones[c->number]) != 0)
			fail("timezone is %s, not %s", value, zones[c->number]);
	}
}

static int
show(struct conn *c, char *seen)
{
	char path[64], limit[64], zone[64];

	return sprintf(
		seen, "\"%s, %s, %s\"",
		value_of(c, "SHOW statement_timeout", limit, sizeof limit),
		value_of(c, "SHOW timezone", zone, sizeof zone),
		value_of(c,
			 "SELECT replace(current_setting("
			 "'search_path'), '\"', '')",
			 path, sizeof path));
}

static void
settings(char *seen)
{
	static struct conn conns[4];
	struct conn fresh;

	make_schemas();
	open_all(conns, 4);
	for (int i = 0; i < 4; i++) {
		run(&conns[i], "SET search_path = s_libpq_%d", i);
		run(&conns[i], "SET statement_timeout = '%ds'", i + 11);
		run(&conns[i], "SET TIME ZONE '%s'", zones[i]);
	}
	together(conns, 4, watch_one, NULL);
	open_conn(&fresh, 0, NULL);
	*seen++ = '[';
	seen += show(&fresh, seen);
	PQfinish(fresh.pg);
	run(&conns[0], "BEGIN");
	run(&conns[0], "SET statement_timeout = '99s'");
	run(&conns[0], "ROLLBACK");
	together(conns, 4, watch_one, NULL);
	run(&conns[1], "RESET statement_timeout");
	run(&conns[1], "RESET search_path");
	*seen++ = ',';
	seen += show(&conns[1], seen);
	*seen++ = ',';
	seen += show(&conns[2], seen);
	strcpy(seen, "]");
	close_all(conns, 4);
}

static void
startup(char *seen)
{
	static struct conn conns[4];
	struct conn fresh;

	make_schemas();
	for (int i = 0; i < 4; i++) {
		char options[200];

		snprintf(options, sizeof options,
			 "-c search_path=s_libpq_%d"
			 " -c statement_timeout=%ds -c timezone=%s",
			 i, i + 11, zones[i]);
		open_conn(&conns[i], i, options);
	}
	together(conns, 4, watch_one, NULL);
	run(&conns[0], "SET statement_timeout = '99s'");
	run(&conns[0], "RESET statement_timeout");
	together(conns, 4, watch_one, NULL);
	open_conn(&fresh, 0, NULL);
	show(&fresh, seen);
	PQfinish(fresh.pg);
	close_all(conns, 4);
}

/* Waits for count notifications; their texts. */
static int
hear(struct conn *c, int count, char *seen)
{
	int length = sprintf(seen, "[\"");
	time_t end = time(NULL) + 10;

	while (count > 0) {
		PGnotify *note = PQnotifies(c->pg);
		struct pollfd fd = { PQsocket(c->pg), POLLIN, 0 };

		if (note != NULL) {
			length += sprintf(seen + length, "%s ", note->extra);
			PQfreemem(note);
			count--;
			continue;
		}
		if (time(NULL) > end)
			fail("heard only %s", seen);
		poll(&fd, 1, 200);
		if (!PQconsumeInput(c->pg))
			fail("%s", PQerrorMessage(c->pg));
	}
	return length + sprintf(seen + length, "\"]");
}

static void
listen_notify(char *seen)
{
	static struct conn conns[6];
	struct conn *last = &conns[5];

	open_all(conns, 6);
	run(&conns[0], "LISTEN news_libpq");
	run(&conns[1], "LISTEN news_libpq");
	for (int n = 0; n < 3; n++)
		run(&conns[n + 2], "NOTIFY news_libpq, 'n%d'", n);
	run(last, "BEGIN");
	run(last, "NOTIFY news_libpq, 'never'");
	run(last, "ROLLBACK");
	run(last, "BEGIN");
	run(last, "NOTIFY news_libpq, 'n3'");
	run(last, "COMMIT");
	*seen++ = '[';
	seen += hear(&conns[0], 4, seen);
	*seen++ = ',';
	seen += hear(&conns[1], 4, seen);
	want(&conns[0], "SELECT $1::int", 3, "3");
	run(&conns[0], "UNLISTEN news_libpq");
	run(&conns[2], "NOTIFY news_libpq, 'last'");
	*seen++ = ',';
	seen += hear(&conns[1], 1, seen);
	want(&conns[0], "SELECT $1::int", 4, "4");
	if (PQnotifies(conns[0].pg) != NULL)
		fail("heard after UNLISTEN");
	strcpy(seen, "]");
	close_all(conns, 6);
}

static void
cancel(char *seen)
{
	static struct conn conns[2];
	char text[200], state[8], error[256];
	PGcancel *request;
	time_t end = time(NULL) + 10;

	open_all(conns, 2);
	if (!PQsendQuery(conns[0].pg, "SELECT pg_sleep(30) /* mark libpq */"))
		fail("%s", PQerrorMessage(conns[0].pg));
	do {
		if (time(NULL) > end)
			fail("the query does not run");
		value_of(&conns[1],
			 "SELECT count(*) FROM pg_stat_activity"
			 " WHERE query LIKE '%/* mark lib' || 'pq */'"
			 " AND wait_event = 'PgSleep'",
			 text, sizeof text);
	} while (strcmp(text, "1") != 0);
	request = PQgetCancel(conns[0].pg);
	if (!PQcancel(request, error, sizeof error))
		fail("%s", error);
	PQfreeCancel(request);
	sprintf(seen, "\"%s\"", take_state(PQgetResult(conns[0].pg), state));
	while (PQgetResult(conns[0].pg) != NULL)
		;
	want(&conns[0], "SELECT $1::int", 1, "1");
	want(&conns[1], "SELECT $1::int", 2, "2");
	close_all(conns, 2);
}

static void
read_columns(struct conn *c, char *seen)
{
	PGresult *result = ask(c, "SELECT * FROM t_libpq_schema", 0, NULL);
	char state[8];

	if (PQresultStatus(result) == PGRES_TUPLES_OK) {
		sprintf(seen, "\"%d columns\"", PQnfields(result));
		PQclear(result);
	} else {
		sprintf(seen, "\"%s\"", take_state(result, state));
	}
}

static void
schema_outside(struct conn *c, char *seen)
{
	char first[32], second[32];

	read_columns(c, first);
	read_columns(c, second);
	snprintf(seen, 100, "[%s,%s]", first, second);
}

static void
schema_inside(struct conn *c, char *seen)
{
	char first[32], second[32];

	run(c, "BEGIN");
	read_columns(c, first);
	run(c, strstr(first, "columns") ? "COMMIT" : "ROLLBACK");
	read_columns(c, second);
	snprintf(seen, 100, "[%s,%s]", first, second);
}

static void
schema(char *seen)
{
	static struct conn conns[4];
	struct conn owner;

	make_table("schema", "a int");
	open_all(conns, 4);
	open_conn(&owner, 0, NULL);
	run(&owner, "INSERT INTO t_libpq_schema VALUES (1)");
	*seen++ = '[';
	together(conns, 4, schema_outside, seen);
	seen += strlen(seen);
	run(&owner, "ALTER TABLE t_libpq_schema ADD COLUMN b int");
	*seen++ = ',';
	together(conns, 4, schema_outside, seen);
	seen += strlen(seen);
	run(&owner, "ALTER TABLE t_libpq_schema ADD COLUMN c int");
	*seen++ = ',';
	together(conns, 4, schema_inside, seen);
	strcat(seen, "]");
	PQfinish(owner.pg);
	close_all(conns, 4);
}

static void
advisory(char *seen)
{
	static struct conn conns[2];
	struct conn *a = &conns[0], *b = &conns[1];
	const char *try = "SELECT pg_try_advisory_lock($1::int)";
	const char *lock = "SELECT pg_advisory_lock($1::int)::text";
	const char *unlock = "SELECT pg_advisory_unlock($1::int)";
	time_t end;
	char value[8];

	open_all(conns, 2);
	want(a, lock, 7006, "");
	want(b, try, 7006, "f");
	for (int n = 0; n < 3; n++) {
		run(a, "BEGIN");
		want_number(a, "SELECT $1::int", n, n);
		run(a, "COMMIT");
	}
	want(b, try, 7006, "f");
	want(a, unlock, 7006, "t");
	want(b, try, 7006, "t");
	want(b, unlock, 7006, "t");
	want(a, lock, 7006, "");
	PQfinish(a->pg);
	end = time(NULL) + 10;
	do {
		if (time(NULL) > end)
			fail("a closed connection keeps its lock");
		value_of(b, "SELECT pg_try_advisory_lock(7006)", value,
			 sizeof value);
	} while (value[0] != 't');
	want(b, unlock, 7006, "t");
	PQfinish(b->pg);
	strcpy(seen, "\"locked\"");
}

static void
temp(char *seen)
{
	static struct conn conns[3];
	struct conn *a = &conns[0], *b = &conns[1];
	const char *read = "SELECT count(*) FROM tt_libpq WHERE n >= $1::int";
	char state[8], other[8], gone[8];

	open_all(conns, 3);
	run(a, "CREATE TEMPORARY TABLE tt_libpq (n int)");
	for (int n = 0; n < 5; n++) {
		run(a, "BEGIN");
		state_of(a, "INSERT INTO tt_libpq VALUES ($1::int)", n, state);
		run(a, "COMMIT");
		want_number(&conns[2], "SELECT $1::int", n, n);
	}
	want(a, read, 0, "5");
	state_of(b, read, 0, other);
	run(a, "DROP TABLE tt_libpq");
	state_of(a, read, 0, gone);
	run(a, "CREATE TEMPORARY TABLE tt_libpq AS SELECT 8 AS n");
	want(a, read, 0, "1");
	PQfinish(a->pg);
	sprintf(seen, "[\"%s\",\"%s\",\"%s\",\"%s\"]", state, other, gone,
		state_of(b, read, 0, state));
	close_all(conns + 1, 2);
}

/* SQL's statements and the protocol's have the same names. */
static void
prepare_one(struct conn *c, char *seen)
{
	char value[16], wanted[16], taken[8], gone[8], other[8];

	run(c, "PREPARE own (int) AS SELECT $1 + %d", c->number);
	for (int n = 0; n < 5; n++) {
		const char *args[] = { "10" };
		PGresult *result =
			PQexecPrepared(c->pg, "own", 1, args, NULL, NULL, 0);

		snprintf(wanted, sizeof wanted, "%d", c->number + 10);
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			fail("%s", PQresultErrorMessage(result));
		if (strcmp(PQgetvalue(result, 0, 0), wanted) != 0)
			fail("another's statement");
		PQclear(result);
		value_of(c, "EXECUTE own(10)", value, sizeof value);
		if (strcmp(value, wanted) != 0)
			fail("EXECUTE: %s, not %s", value, wanted);
	}
	take_state(PQprepare(c->pg, "own", "SELECT 1", 0, NULL), taken);
	run(c, "DEALLOCATE own");
	take_state(PQexec(c->pg, "EXECUTE own(1)"), gone);
	take_state(PQexecPrepared(c->pg, "own", 0, NULL, NULL, NULL, 0), other);
	take_state(PQprepare(c->pg, "own", "SELECT 'again'", 0, NULL), value);
	value_of(c, "EXECUTE own", value, sizeof value);
	snprintf(seen, 200, "[\"%s\",\"%s\",\"%s\",\"%s\"]", taken, gone, other,
		 value);
}

static void
prepare(char *seen)
{
	static struct conn conns[CLIENTS];

	open_all(conns, CLIENTS);
	together(conns, CLIENTS, prepare_one, seen);
	close_all(conns, CLIENTS);
}

static void
discard_one(struct conn *c, char *seen)
{
	const char *text = c->number % 2 ? "SELECT $1::int" : "SELECT -$1::int";
	char state[8];

	for (int n = 1; n < 6; n++)
		want_number(c, text, n, c->number % 2 ? n : -n);
	run(c, "DEALLOCATE ALL");
	seen += sprintf(seen, "[\"%s\",", state_of(c, text, 1, state));
	c->prepared = 0;
	want_number(c, text, 3, c->number % 2 ? 3 : -3);
	run(c, "DISCARD ALL");
	sprintf(seen, "\"%s\"]", state_of(c, text, 1, state));
	c->prepared = 0;
	want_number(c, text, 3, c->number % 2 ? 3 : -3);
}

static void
discard(char *seen)
{
	static struct conn conns[CLIENTS];

	open_all(conns, CLIENTS);
	together(conns, CLIENTS, discard_one, seen);
	close_all(conns, CLIENTS);
}

static void
version(char *seen)
{
	sprintf(seen, "\"libpq %d\"", PQlibVersion());
}

static const struct {
	const char *name;
	void (*run)(char *seen);
} scenarios[] = {
	{ "version", version },
	{ "storm", storm },
	{ "interleave", interleave },
	{ "reuse", reuse },
	{ "errors", errors },
	{ "rollback", rollback },
	{ "pipeline", pipeline },
	{ "cursor", cursor },
	{ "copy", copy },
	{ "settings", settings },
	{ "startup", startup },
	{ "listen", listen_notify },
	{ "cancel", cancel },
	{ "schema", schema },
	{ "advisory", advisory },
	{ "temp", temp },
	{ "prepare", prepare },
	{ "discard", discard },
};

static void
answer(const char *name)
{
	static char seen[8192];

	scenario = name;
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
		if (strcmp(scenarios[i].name, name) == 0) {
			scenarios[i].run(seen);
			printf("ok %s %s\n", name, seen);
			fflush(stdout);
			return;
		}
	fail("no such scenario");
}

int
main(int count, char **args)
{
	char line[64];

	for (int i = 2; i < count; i++)
		answer(args[i]);
	if (count > 2)
		return 0;
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		answer(line);
	}
	return 0;
}
