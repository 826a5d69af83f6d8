/*
 * What the scenarios of libpq's program stand on: connections that prepare each
 * text once, and answers that have to be as wanted.
 *
 * Each text with arguments is prepared once on each connection, under a name
 * that other connections use, too.  Whatever is not as it has to be ends the
 * program with a line that says so.
 */
#ifndef CLIENTS_C_CLIENT_H
#define CLIENTS_C_CLIENT_H

#include <libpq-fe.h>
#include <stddef.h>

#define CLIENTS 8
#define TEXTS 16

struct conn {
	PGconn *pg;             /* owns */
	char texts[TEXTS][200]; /* prepared as s0, s1, ... */
	int prepared;
	int number;
};

extern const char *scenario; /* the one that runs */

void fail(const char *format, ...);

void open_conn(struct conn *c, int number, const char *options);

void open_all(struct conn *conns, int count);

void close_all(struct conn *conns, int count);

/* The SQLSTATE of a result that failed, "ok" of another; frees it. */
const char *take_state(PGresult *result, char *state);

PGresult *ask(struct conn *c, const char *text, int count,
	      const char *const *args);

/* A query with one number as argument: its state. */
const char *state_of(struct conn *c, const char *text, int arg, char *state);

/* A query with one number as argument has to give this one value. */
void want(struct conn *c, const char *text, int arg, const char *value);

void want_number(struct conn *c, const char *text, int arg, int value);

void run(struct conn *c, const char *format, ...);

/* The first value of a simple query. */
char *value_of(struct conn *c, const char *text, char *value, size_t size);

/* The same work on all connections at once; what they saw, as JSON. */
void together(struct conn *conns, int count,
	      void (*work)(struct conn *, char *), char *seen);

void make_table(const char *name, const char *columns);

/* The scenarios: what each saw, as JSON. */

void storm(char *seen);

void interleave(char *seen);

void reuse(char *seen);

void errors(char *seen);

void rollback(char *seen);

void pipeline(char *seen);

void cursor(char *seen);

void copy(char *seen);

void settings(char *seen);

void startup(char *seen);

void listen_notify(char *seen);

void cancel(char *seen);

void schema(char *seen);

void advisory(char *seen);

void temp(char *seen);

void prepare(char *seen);

void discard(char *seen);

#endif
