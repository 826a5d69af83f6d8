/*
 * Scenarios of what a session has: settings, channels, cancels, tables that
 * change, locks, temporary tables, names of statements.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"

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

void
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

void
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

void
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

void
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

void
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

void
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

void
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

void
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

void
discard(char *seen)
{
	static struct conn conns[CLIENTS];

	open_all(conns, CLIENTS);
	together(conns, CLIENTS, discard_one, seen);
	close_all(conns, CLIENTS);
}
