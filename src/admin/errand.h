/*
 * One console command on its way to its answer.  Control thread.
 */
#ifndef CARPOOL_ADMIN_ERRAND_H
#define CARPOOL_ADMIN_ERRAND_H

#include "commands.h"
#include "control/control.h"
#include "core/core.h"
#include "row.h"

struct errand {
	struct control_wait wait;        /* for commands that wait */
	struct control *control;         /* borrows; outlives the errand */
	struct console_request *request; /* owns */
	struct decision decision;        /* owns its words */
	struct rowset *rows;             /* owns: SHOW's, being filled */
	struct row row;                  /* scratch for whoever fills rows */
	uint64_t number;                 /* scratch */
};

/* The command's argument i (0 = the first behind its name), or NULL. */
const char *errand_argument(const struct errand *errand, size_t i);

/* Adds the cell that names the protocol. */
void errand_protocol(const struct errand *errand, struct row *row,
		     enum protocol protocol);

/* Each of these gives the answer to the client and frees the errand. */

/* result is taken over; NULL means that memory is out. */
void errand_end(struct errand *errand, struct rowset *result);
/* The answer is in errand->rows. */
void errand_end_rows(struct errand *errand);
/* Done: the tag is the command's name. */
void errand_end_done(struct errand *errand);
/* It failed; hint may be NULL. */
void errand_end_error(struct errand *errand, const char *sqlstate,
		      const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
