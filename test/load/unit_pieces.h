/*
 * What the makers of units (unit.c, unit_plain.c) are made of.  Nothing is sent
 * here: what is added goes out when the unit's step is due.
 */
#ifndef LOAD_UNIT_PIECES_H
#define LOAD_UNIT_PIECES_H

#include <stdio.h>

#include "unit.h"

/* Adds a query; the text is printf's. */
#define SQL(u, ...)                                                            \
	do {                                                                   \
		char sql_text[512];                                            \
		snprintf(sql_text, sizeof(sql_text), __VA_ARGS__);             \
		wire_query(&(u)->out, sql_text);                               \
	} while (0)

/* As SQL, a Parse, and that it is answered. */
#define PARSE(u, ...)                                                          \
	do {                                                                   \
		char sql_text[512];                                            \
		snprintf(sql_text, sizeof(sql_text), __VA_ARGS__);             \
		wire_parse(&(u)->out, sql_text);                               \
		want_types(u, "1");                                            \
	} while (0)

/* What is wanted in answer, one message or several. */
struct want *want(struct unit *u, char type, enum rule rule, uint32_t tag,
		  const char *text);
void want_types(struct unit *u, const char *types);
void want_many(struct unit *u, char type, enum rule rule, uint32_t tag,
	       uint32_t n);
void want_done(struct unit *u, const char *text);
void want_done_count(struct unit *u, const char *text, uint32_t n);
void want_ready(struct unit *u, const char *status);

/* A tag that nobody else has, and its text. */
uint32_t new_tag(struct unit *u, char text[TAG_BYTES]);

/* All that was added since the last one is a step. */
struct step *end_step(struct unit *u);
void end_open_step(struct unit *u);

/* The messages of these names. */
void ask_bind(struct unit *u, const char *value);
void ask_sync(struct unit *u, const char *status);

/* The kinds that leave nothing behind, each made whole. */
void make_simple(struct unit *u);
void make_multi(struct unit *u, struct dice *d);
void make_queries(struct unit *u, struct dice *d);
void make_extended(struct unit *u);
void make_error(struct unit *u, struct dice *d);
void make_pipeline(struct unit *u, struct dice *d);
void make_flush(struct unit *u, struct dice *d);
void make_limit(struct unit *u, struct dice *d);
void make_copy_in(struct unit *u, struct dice *d);
void make_copy_out(struct unit *u, struct dice *d);
void make_function(struct unit *u, struct dice *d);

#endif
