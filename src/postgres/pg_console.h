/*
 * The state of a console client; see pg_console.c and pg_rows.c.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_CONSOLE_H
#define CARPOOL_SRC_POSTGRES_PG_CONSOLE_H

#include "base/map.h"
#include "pg_front.h"

#define CONSOLE_FORMATS 64u

/* What the rows that come next are an answer to. */
enum console_wait {
	CONSOLE_NOTHING,
	CONSOLE_QUERY,
	CONSOLE_DESCRIBE_STATEMENT,
	CONSOLE_DESCRIBE_PORTAL,
	CONSOLE_EXECUTE,
};

/* A portal: a command and the formats that its rows are wanted in. */
struct console_portal {
	char *text;          /* owns */
	size_t format_count; /* 0: all text; 1: formats[0] for all */
	uint16_t formats[CONSOLE_FORMATS]; /* 0 text, 1 binary */
};

struct pg_console {
	enum console_wait wait;
	size_t total;           /* bytes of the message that waits */
	bool is_begun;          /* the answer's head is written */
	bool has_failed;        /* the answer was an error */
	bool is_skipping;       /* up to the next Sync */
	char *query;            /* owns: a simple Query's text */
	struct map *statements; /* owns; name to text (owned) */
	struct map *portals;    /* owns; name to struct console_portal */
	const struct console_portal *portal; /* borrows: of the answer */
};

#endif
