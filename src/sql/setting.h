/*
 * What it means that a statement changes a setting of a given name.  Private
 * to sql/; pure.
 */
#ifndef CARPOOL_SRC_SQL_SETTING_H
#define CARPOOL_SRC_SQL_SETTING_H

#include <string.h>
#include <strings.h>

#include "sql/classify.h"

/* Is name, of length len, the other one, in any letter case? */
#define SETTING_IS(name, len, other)                                           \
	((len) == sizeof(other) - 1 && strcasecmp(name, other) == 0)

/* SET ROLE takes its value with no sign before it. */
static inline bool
setting_is_role(const char *name, size_t len)
{
	return SETTING_IS(name, len, "role");
}

/* The flags (enum classify_flag) of a SET of this name. */
static inline unsigned
setting_flags(const struct classify_options *options, const char *name,
	      size_t len)
{
	bool is_tracked = options->is_tracked != NULL &&
			  options->is_tracked(options->context, name);
	unsigned flags = is_tracked ? CLASSIFY_SET_TRACKED : CLASSIFY_SET_OTHER;

	if (SETTING_IS(name, len, "standard_conforming_strings"))
		flags |= CLASSIFY_SYNTAX;
	if (setting_is_role(name, len) ||
	    SETTING_IS(name, len, "session_authorization"))
		flags |= CLASSIFY_ROLE;
	return flags;
}

#endif
