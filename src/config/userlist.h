/*
 * The auth_file: users with their secrets, in PgBouncer's format.
 */
#ifndef CARPOOL_CONFIG_USERLIST_H
#define CARPOOL_CONFIG_USERLIST_H

#include <stddef.h>

#include "config/pile.h"
#include "config/report.h"

struct userlist_entry {
	const char *name;   /* borrows from the pile */
	const char *secret; /* clear text, md5..., SCRAM-SHA-256$...; or "" */
	struct place at;
};

struct userlist {
	struct userlist_entry *entries; /* borrows from the pile */
	size_t count;
	size_t room;
};

/*
 * Reads path into list (zero-initialised); texts go to pile.  Returns 0 or the
 * errno of reading the file, which the caller reports; everything else that is
 * wrong is in report with file and line.
 */
int userlist_read(struct userlist *list, const char *path, struct pile *pile,
		  struct config_report *report);

#endif
