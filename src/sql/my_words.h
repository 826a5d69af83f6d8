/*
 * The words of MySQL's dialect that mean something.  Private to sql/;
 * constant.
 */
#ifndef CARPOOL_SRC_SQL_MY_WORDS_H
#define CARPOOL_SRC_SQL_MY_WORDS_H

#include <stddef.h>

enum my_word {
	MY_OTHER,
	/* Statements begin with these. */
	MY_ALTER,
	MY_ANALYZE,
	MY_BACKUP,
	MY_BEGIN,
	MY_CALL,
	MY_COMMIT,
	MY_CREATE,
	MY_DEALLOCATE,
	MY_DROP,
	MY_EXECUTE,
	MY_FLUSH,
	MY_GET,
	MY_HANDLER,
	MY_HARMLESS, /* others, which leave nothing */
	MY_INSERT,   /* and others that change rows */
	MY_KILL_WORD,
	MY_LOAD,
	MY_LOCK,
	MY_PREPARE,
	MY_ROLLBACK,
	MY_SAVEPOINT,
	MY_SELECT,
	MY_SET,
	MY_SHOW, /* and others that only tell something */
	MY_START,
	MY_TABLE, /* a query as well */
	MY_UNLOCK,
	MY_USE,
	MY_WITH,
	MY_XA,
	/* What may stand behind. */
	MY_AGGREGATE,
	MY_CHARACTER,
	MY_CHARSET,
	MY_CLOSE,
	MY_COLLATE,
	MY_CONNECTION,
	MY_CONSTANT, /* NULL, TRUE, FALSE */
	MY_DATA,
	MY_DEFAULT,
	MY_EXPORT,
	MY_FOR,
	MY_FROM,
	MY_GLOBAL,
	MY_INSTANCE,
	MY_INTO,
	MY_LOCAL_WORD,
	MY_NAMES,
	MY_NEXT,
	MY_NOT,
	MY_OPEN,
	MY_PASSWORD,
	MY_PREVIOUS,
	MY_QUERY_WORD,
	MY_RELEASE,
	MY_RESOURCE,
	MY_ROLE,
	MY_ROUTINE, /* PROCEDURE and its like */
	MY_SESSION,
	MY_STAGE,
	MY_STATEMENT,
	MY_TEMPORARY,
	MY_TO,
	MY_TRANSACTION,
	MY_VALUE,
	MY_WARNINGS,
	MY_WORK,
	/* Functions and variables. */
	MY_CALC_ROWS,
	MY_CONNECTION_ID,
	MY_ERROR_COUNT,
	MY_FOUND_ROWS,
	MY_GET_LOCK,
	MY_GET_LOCKS, /* of MySQL's plugins: perhaps several at once */
	MY_IDENTITY,
	MY_LAST_INSERT_ID,
	MY_RELEASE_LOCK,
	MY_RELEASE_LOCKS, /* the same */
	MY_SEQUENCE,
	MY_SQL_MODE,
	MY_CHARSET_CLIENT,
	MY_ISOLATION, /* and READ ONLY, as variables */
	MY_THREAD_ID,
	MY_TRACE,        /* profiling, optimizer_trace */
	MY_TRACKER_LIST, /* session_track_system_variables */
	MY_TRACKER,      /* another session_track_* */
};

/* Of len bytes, in any letter case. */
enum my_word my_word_find(const char *text, size_t len);

#endif
