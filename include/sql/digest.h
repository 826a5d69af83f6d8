/*
 * A statement's digest: the same for texts that differ only in constants,
 * letter case of words, space and comments.  Pure; any thread.
 */
#ifndef CARPOOL_SQL_DIGEST_H
#define CARPOOL_SQL_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* lexer: a set of enum lexer_option.  Never 0, which stands for "none". */
uint64_t sql_digest(const void *text, size_t len, unsigned lexer);

#endif
