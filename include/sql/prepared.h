/*
 * Where a text names prepared statements: PREPARE, EXECUTE, DEALLOCATE, also
 * behind EXPLAIN and CREATE TABLE ... AS.  Nothing is allocated; any thread,
 * the state belongs to one caller.  PostgreSQL manual, "SQL Commands".
 */
#ifndef CARPOOL_SQL_PREPARED_H
#define CARPOOL_SQL_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	size_t at;        /* of the name, with its quotes, in the text */
	size_t len;       /* of the name there; of the word ALL */
	size_t end;       /* of its statement, before the semicolon */
	size_t statement; /* which one it is, from 1 on */
	char name[LEXER_WORD_MAX + 1]; /* as the server reads it */
};

#define PREPARED_REFS 32u

struct prepared {
	struct prepared_ref refs[PREPARED_REFS];
	size_t count;
	size_t statements; /* in the text, those without a name too */
	bool is_full;      /* there are more names than fit */
	bool is_lost;      /* the text cannot be followed */
};

/* Where in a text its next token stands; zero at the beginning. */
struct prepared_walk {
	uint8_t step;
	uint8_t kind; /* enum prepared_kind, of the name that is to come */
};

/*
 * The next token of a text: what it is the name of, or PREPARED_NONE.  The ALL
 * of DEALLOCATE ALL is one too.
 */
enum prepared_kind prepared_token(struct prepared_walk *w,
				  const struct lexer *lexer,
				  enum lexer_token token);

/* options: enum lexer_option.  The text is len bytes. */
void prepared_find(struct prepared *p, const char *text, size_t len,
		   unsigned options);

/*
 * Might there be names behind the first semicolon?  Costs a look at each byte;
 * false is certain.
 */
bool prepared_may_follow(const char *text, size_t len);

#endif
