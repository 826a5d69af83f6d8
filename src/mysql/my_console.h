/*
 * The state of a console client, for the two files of the console:
 * my_console.c, the commands, and my_rows.c, the results.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_CONSOLE_H
#define CARPOOL_SRC_MYSQL_MY_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rowset.h"
#include "my_front.h"

struct my_console {
	char *query;   /* owns: the text that is being carried out, or NULL */
	size_t total;  /* bytes of the packet that waits for it; 0: none */
	bool is_begun; /* the answer's definitions are written */
};

/*
 * Appends part of a result, with packets from f->seq on: at most budget rows
 * from *next on.  *is_begun tells whether its definitions are written.
 */
enum rows_result my_rows_put(struct my_front *f, struct buf *out,
			     const struct rowset *rows, bool *is_begun,
			     size_t *next, size_t budget);

#endif
