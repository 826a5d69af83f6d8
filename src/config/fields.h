/*
 * Files of lines of fields, as pg_hba.conf and pg_ident.conf are: fields stand
 * between blanks, words of a field between commas, and what stands in quotes is
 * no keyword.  Private to config/; on the thread that builds.
 *
 * PostgreSQL manual, "The pg_hba.conf File".
 */
#ifndef CARPOOL_SRC_CONFIG_FIELDS_H
#define CARPOOL_SRC_CONFIG_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/pile.h"
#include "config/report.h"

struct word {
	const char *text; /* borrows from the pile */
	bool is_quoted;   /* in part, at least */
};

struct field {
	struct word *words; /* borrows from the pile */
	size_t count;       /* 0: of an empty file; fits nobody */
	size_t room;        /* private */
};

/* One line that has any. */
struct fields {
	struct field *at; /* borrows from the pile; at least one */
	size_t count;
	size_t room; /* private */
	struct place place;
};

/*
 * Calls each(arg, line) for each line of the file at path; texts go to pile.
 * A word @file stands for the words of that file, found from where this one
 * lies.  Returns 0 or the errno of reading path, which the caller reports; what
 * else is wrong is in report, and such lines are left out.
 */
int fields_read(const char *path, struct pile *pile,
		struct config_report *report,
		void (*each)(void *arg, const struct fields *line), void *arg);

/* Is it this keyword? */
bool word_is(const struct word *w, const char *keyword);

#endif
