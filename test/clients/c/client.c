/*
 * Connections and checks of libpq's program: see client.h.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

struct job {
	struct conn *conn; /* borrows, until the thread is joined */
	void (*work)(struct conn *, char *);
	char seen[300]; /* JSON */
};

const char *scenario;

void
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

void
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

void
open_all(struct conn *conns, int count)
{
	for (int i = 0; i < count; i++)
		open_conn(&conns[i], i, NULL);
}

void
close_all(struct conn *conns, int count)
{
	for (int i = 0; i < count; i++)
		PQfinish(conns[i].pg);
}

const char *
take_state(PGresult *result, char *state)
{
	const char *text = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	snprintf(state, 8, "%s", text != NULL ? text : "ok");
	PQclear(result);
	return state;
}

PGresult *
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

const char *
state_of(struct conn *c, const char *text, int arg, char *state)
{
	char number[16];
	const char *args[] = { number };

	snprintf(number, sizeof number, "%d", arg);
	return take_state(ask(c, text, 1, args), state);
}

void
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

void
want_number(struct conn *c, const char *text, int arg, int value)
{
	char number[16];

	snprintf(number, sizeof number, "%d", value);
	want(c, text, arg, number);
}

void
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

char *
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

void
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

void
make_table(const char *name, const char *columns)
{
	struct conn c;

	open_conn(&c, 0, NULL);
	run(&c, "DROP TABLE IF EXISTS t_libpq_%s", name);
	run(&c, "CREATE TABLE t_libpq_%s (%s)", name, columns);
	PQfinish(c.pg);
}
