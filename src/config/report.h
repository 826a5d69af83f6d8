/*
 * Collecting what is wrong with a configuration, so that one run shows all of
 * it.  Never pass a secret: the texts are printed and logged.
 */
#ifndef CARPOOL_CONFIG_REPORT_H
#define CARPOOL_CONFIG_REPORT_H

#include "config/snapshot.h"

/* Where something was said; file "" for environment, flags and url. */
struct place {
	const char *file; /* borrows */
	unsigned line;
};

#define PLACE_NONE ((struct place){ .file = "", .line = 0 })

/* Add one finding; its text is formatted and copied. */
void report_error(struct config_report *r, struct place at, const char *format,
		  ...) __attribute__((format(printf, 3, 4)));
void report_warning(struct config_report *r, struct place at,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
