/*
 * Where a text names prepared statements: PREPARE, EXECUTE, DEALLOCATE, also
 * behind EXPLAIN and CREATE TABLE ... AS.  Pure; nothing is allocated; any
 * thread.  PostgreSQL manual, "SQL Commands".
 */
#ifndef CARPOOL_SQL_PREPARED_H
#define CARPOOL_SQL_PREPARED_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/lexer.h"

enum prepared_kind {
	PREPARED_NONE,
	PREPARED_PREPARE,
	PREPARED_EXECUTE,
	PREPARED_DEALLOCATE,
	PREPARED_DEALLOCATE_ALL,
};

struct prepared_ref {
	enum prepared_kind kind;
	size_t at;  /* of the name, with its quotes, in the text */
	size_t len; /* 0 for DEALLOCATE ALL */
	char name[LEXER_WORD_MAX + 1]; /* as the server reads it */
};

#define PREPARED_REFS 16u

struct prepared {
	struct prepared_ref refs[PREPARED_REFS];
	size_t count;
	size_t statements; /* in the text, those without a name too */
	size_t end;        /* of the first statement, before its semicolon */
	bool is_lost;      /* more names than fit, or not to be followed */
};

/* options: enum lexer_option.  The text is len bytes. */
void prepared_find(struct prepared *p, const char *text, size_t len,
		   unsigned options);

#endif
