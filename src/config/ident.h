/*
 * Reading and asking the maps of auth_ident_file; see config/hba.h.  Private
 * to config/: read on the thread that builds.
 *
 * PostgreSQL manual, "User Name Maps".
 */
#ifndef CARPOOL_SRC_CONFIG_IDENT_H
#define CARPOOL_SRC_CONFIG_IDENT_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/pile.h"
#include "config/report.h"

/* A line: who is called so by the system may log in as user. */
struct ident_line {
	const char *map;    /* borrows from the pile */
	const char *system; /* borrows from the pile */
	const char *user;   /* borrows from the pile; may hold \1 */
	bool is_regex;      /* re tells whom it is for, not system */
	bool is_any;        /* as any user */
	regex_t re;         /* owns where is_regex */
};

/* Zero-initialised: there are none. */
struct ident {
	struct ident_line *lines; /* borrows from the pile */
	size_t count;
	size_t room;
};

/* Reads the file at path; 0 or the errno of reading it, which the caller
 * reports.  What else is wrong is in report. */
int ident_read(struct ident *m, const char *path, struct pile *pile,
	       struct config_report *report);

/* Before the pile goes. */
void ident_fini(struct ident *m);

/* Has it a map of this name? */
bool ident_has_map(const struct ident *m, const char *map);

/* See snapshot_ident_allows. */
bool ident_allows(const struct ident *m, const char *map, const char *name,
		  const char *user);

#endif
