/*
 * What clients and their libraries ask and set by themselves when they
 * connect, answered for the console: see my_asked.c.  Any thread.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_ASKED_H
#define CARPOOL_SRC_MYSQL_MY_ASKED_H

#include <stddef.h>

#include "base/rowset.h"

#define MY_ASKED_MAX 48u

struct my_asked {
	struct rowset *rows; /* owns; borrows from the rest */
	struct rowset_column columns[MY_ASKED_MAX];
	char *text; /* owns: a copy of the statement, cut into names */
};

enum my_asked_result {
	MY_ASKED_NOT, /* the text is for the console */
	MY_ASKED_DONE,
	MY_ASKED_NO_MEMORY,
};

/*
 * Answers a text if it is of the kind.  asked is ended with my_asked_fini
 * whatever the result.
 */
enum my_asked_result my_asked_answer(struct my_asked *asked, const char *text);
void my_asked_fini(struct my_asked *asked);

#endif
