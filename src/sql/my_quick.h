/*
 * The flags of most of MySQL's texts, found without the lexer.  Private to
 * sql/; pure.
 */
#ifndef CARPOOL_SRC_SQL_MY_QUICK_H
#define CARPOOL_SRC_SQL_MY_QUICK_H

#include "sql/my_classify.h"

/* No flag: the lexer must be asked. */
#define MY_SQL_UNSURE MY_SQL(63)

/* The flags of a whole text, or MY_SQL_UNSURE. */
uint64_t my_quick(const uint8_t *text, size_t len,
		  struct my_lexer_options options);

#endif
