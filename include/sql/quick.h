/*
 * The flags of most texts, found without the lexer.  Pure; any thread.
 */
#ifndef CARPOOL_SQL_QUICK_H
#define CARPOOL_SQL_QUICK_H

#include <stddef.h>

#include "sql/classify.h"

#define SQL_UNSURE (~0u)

/*
 * What classify finds in this whole text, except that the lexer may lose its
 * way where that does not matter; or SQL_UNSURE: it must be asked.  name,
 * of LEXER_WORD_MAX and one or NULL, gets the setting that CLASSIFY_NAMED
 * means, and is undefined without that flag.
 */
unsigned sql_quick(const void *text, size_t len,
		   const struct classify_options *options, char *name);

#endif
