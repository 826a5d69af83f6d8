/*
 * The statement SET of MySQL's dialect, as a part of my_classify.c.  Private to
 * sql/; pure.
 */
#ifndef CARPOOL_SRC_SQL_MY_SET_H
#define CARPOOL_SRC_SQL_MY_SET_H

#include "my_words.h"
#include "sql/my_classify.h"

/* What the next token of a statement is. */
enum my_step {
	STEP_FIRST, /* its first word */
	STEP_REST,  /* of no more interest */
	STEP_CREATE,
	STEP_DROP,
	STEP_ANALYZE,
	STEP_DROP_KIND, /* of what is temporary */
	STEP_DROP_NAME,
	STEP_LOCK,
	STEP_UNLOCK,
	STEP_FLUSH,
	STEP_BACKUP,
	STEP_HANDLER,
	STEP_XA,
	STEP_BEGIN,
	STEP_START,
	STEP_ROLLBACK,
	STEP_KILL,
	STEP_KILLED, /* behind the id */
	STEP_LOAD,
	STEP_ASSIGNS, /* user variables here get values */
	STEP_SHOW,
	STEP_SET,        /* what is set */
	STEP_SET_SCOPED, /* behind SESSION, GLOBAL */
	STEP_SET_NAME,   /* behind @@, or a dot */
	STEP_SET_DOT,    /* a dot or the operator behind the name */
	STEP_SET_VALUE,
	STEP_SET_NAMES,
	STEP_SET_CHARACTER,
	STEP_SET_MODES,     /* of transactions */
	STEP_SET_STATEMENT, /* up to FOR */
};

enum my_scope {
	SCOPE_NONE,
	SCOPE_SESSION,
	SCOPE_GLOBAL,
	SCOPE_ONCE, /* @@ with no scope, which some take for this */
};

/* A token of a SET; word: if it is one without quotes. */
enum my_step my_set_step(struct my_classify *c, enum my_lexer_token token,
			 enum my_word word);

/* The statement ends here. */
void my_set_end(struct my_classify *c);

#endif
