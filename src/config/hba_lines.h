/*
 * Reading and asking the rules of auth_hba_file; see config/hba.h.  Private to
 * config/: read on the thread that builds.
 */
#ifndef CARPOOL_SRC_CONFIG_HBA_LINES_H
#define CARPOOL_SRC_CONFIG_HBA_LINES_H

#include "config/fields.h"
#include "config/hba.h"
#include "io/network.h"

enum hba_kind { HBA_LOCAL, HBA_HOST, HBA_HOSTSSL, HBA_HOSTNOSSL, HBA_NEVER };

/* A line of the file. */
struct hba_line {
	struct hba_rule rule;
	enum hba_kind kind;
	struct field databases;         /* borrows from the pile */
	struct field users;             /* borrows from the pile */
	bool is_anywhere;               /* all addresses */
	const struct network *networks; /* borrows from the pile */
	size_t network_count;
};

/* Zero-initialised: there are none. */
struct hba {
	struct hba_line *lines; /* borrows from the pile */
	size_t count;
	size_t room;
};

/* Reads the file at path; 0 or the errno of reading it, which the caller
 * reports.  What else is wrong is in report. */
int hba_read(struct hba *h, const char *path, struct pile *pile,
	     struct config_report *report);

/* The first rule that fits, or NULL. */
const struct hba_rule *hba_find(const struct hba *h,
				const struct hba_client *client);

#endif
