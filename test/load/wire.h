/*
 * Messages as bytes: written into fixed buffers, and looked at in place.
 */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is written; past its end nothing is, and is_full tells. */
struct wire {
	uint8_t *data; /* borrows */
	size_t len, room;
	bool is_full;
};

/* A message of the server. */
struct message {
	char type;
	const uint8_t *body; /* borrows: until the next read */
	size_t len;
};

/* A column of a DataRow; text is NULL for a null. */
struct column {
	const char *text; /* borrows; not terminated */
	size_t len;
};

enum {
	COLUMNS_MAX = 8,
	HEADER = 5,
};

void wire_bytes(struct wire *w, const void *data, size_t n);
void wire_text(struct wire *w, const char *text); /* with its NUL */
void wire_u16(struct wire *w, uint16_t n);
void wire_u32(struct wire *w, uint32_t n);

/* Begins a message (type 0: one without a type); wire_end gives it its
 * length. */
size_t wire_begin(struct wire *w, char type);
void wire_end(struct wire *w, size_t begin);

void wire_query(struct wire *w, const char *sql);
void wire_parse(struct wire *w, const char *sql);
/* One text parameter, or none for a NULL. */
void wire_bind(struct wire *w, const char *portal, const char *value);
void wire_describe(struct wire *w, char what, const char *name);
void wire_execute(struct wire *w, const char *portal, uint32_t rows);
void wire_plain(struct wire *w, char type); /* a message without a body */

uint32_t wire_read_u32(const uint8_t *at);

/* The first whole message; 0: not all of it is there, else its size.  -1: no
 * message of Postgres begins like this. */
long wire_message(const uint8_t *data, size_t len, struct message *m);

/* The columns of a DataRow; -1: malformed or too many. */
int wire_row(const struct message *m, struct column *columns);

/* A field of an error or a notice, or NULL. */
const char *wire_field(const struct message *m, char code);

#endif
