/*
 * Reading an ini file with everything that it includes.
 */
#ifndef CARPOOL_CONFIG_INI_READ_H
#define CARPOOL_CONFIG_INI_READ_H

#include <stddef.h>

#include "config/pile.h"
#include "config/report.h"

/* One `key = value` of a known section; all borrowed from the ini's pile. */
struct ini_entry {
	const char *section; /* as spelled in the list of known sections */
	const char *key;     /* without quotes */
	const char *value;   /* without blanks around it */
	struct place at;
};

/* Zero-initialised is empty. */
struct ini {
	struct ini_entry *entries; /* borrows from pile */
	size_t count;
	size_t room;
	struct pile pile; /* owns all texts */
};

/*
 * Reads path and what it includes, in order.  sections is the NULL-ended list
 * of the names that may stand in brackets (letter case ignored).  Whatever
 * cannot be read or understood goes into report with file and line, and the
 * reading goes on.
 */
void ini_read(struct ini *ini, const char *path, const char *const *sections,
	      struct config_report *report);

/* Wipes and frees everything. */
void ini_fini(struct ini *ini);

#endif
