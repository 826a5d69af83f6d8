/*
 * The table of MySQL's words.  Owns nothing; any thread.
 */
#include "my_words.h"

#include <strings.h>

#include "keyword.h"

#define END                                                                    \
	{                                                                      \
		0                                                              \
	}

static const struct keyword words_a[] = {
	KEYWORD("aggregate", MY_AGGREGATE),
	KEYWORD("alter", MY_ALTER),
	KEYWORD("analyze", MY_ANALYZE),
	END,
};
static const struct keyword words_b[] = {
	KEYWORD("backup", MY_BACKUP),
	KEYWORD("begin", MY_BEGIN),
	KEYWORD("binlog", MY_INSTANCE),
	END,
};
static const struct keyword words_c[] = {
	KEYWORD("cache", MY_HARMLESS),
	KEYWORD("call", MY_CALL),
	KEYWORD("change", MY_HARMLESS),
	KEYWORD("char", MY_CHARACTER),
	KEYWORD("character", MY_CHARACTER),
	KEYWORD("character_set_client", MY_CHARSET_CLIENT),
	KEYWORD("charset", MY_CHARSET),
	KEYWORD("check", MY_HARMLESS),
	KEYWORD("checksum", MY_HARMLESS),
	KEYWORD("clone", MY_HARMLESS),
	KEYWORD("close", MY_CLOSE),
	KEYWORD("collate", MY_COLLATE),
	KEYWORD("commit", MY_COMMIT),
	KEYWORD("connection", MY_CONNECTION),
	KEYWORD("connection_id", MY_CONNECTION_ID),
	KEYWORD("create", MY_CREATE),
	KEYWORD("currval", MY_SEQUENCE),
	END,
};
static const struct keyword words_d[] = {
	KEYWORD("data", MY_DATA),
	KEYWORD("deallocate", MY_DEALLOCATE),
	KEYWORD("default", MY_DEFAULT),
	KEYWORD("delete", MY_INSERT),
	KEYWORD("desc", MY_SHOW),
	KEYWORD("describe", MY_SHOW),
	KEYWORD("do", MY_HARMLESS),
	KEYWORD("drop", MY_DROP),
	END,
};
static const struct keyword words_e[] = {
	KEYWORD("error_count", MY_ERROR_COUNT),
	KEYWORD("errors", MY_WARNINGS),
	KEYWORD("event", MY_ROUTINE),
	KEYWORD("execute", MY_EXECUTE),
	KEYWORD("explain", MY_SHOW),
	KEYWORD("export", MY_EXPORT),
	END,
};
static const struct keyword words_f[] = {
	KEYWORD("false", MY_CONSTANT),
	KEYWORD("flush", MY_FLUSH),
	KEYWORD("for", MY_FOR),
	KEYWORD("found_rows", MY_FOUND_ROWS),
	KEYWORD("from", MY_FROM),
	KEYWORD("function", MY_ROUTINE),
	END,
};
static const struct keyword words_g[] = {
	KEYWORD("get", MY_GET),
	KEYWORD("get_lock", MY_GET_LOCK),
	KEYWORD("global", MY_GLOBAL),
	KEYWORD("grant", MY_HARMLESS),
	END,
};
static const struct keyword words_h[] = {
	KEYWORD("handler", MY_HANDLER),
	KEYWORD("help", MY_SHOW),
	END,
};
static const struct keyword words_i[] = {
	KEYWORD("identity", MY_IDENTITY),
	KEYWORD("import", MY_HARMLESS),
	KEYWORD("insert", MY_INSERT),
	KEYWORD("install", MY_HARMLESS),
	KEYWORD("instance", MY_INSTANCE),
	KEYWORD("into", MY_INTO),
	END,
};
static const struct keyword words_k[] = {
	KEYWORD("kill", MY_KILL_WORD),
	END,
};
static const struct keyword words_l[] = {
	KEYWORD("last_insert_id", MY_LAST_INSERT_ID),
	KEYWORD("lastval", MY_SEQUENCE),
	KEYWORD("load", MY_LOAD),
	KEYWORD("local", MY_LOCAL_WORD),
	KEYWORD("lock", MY_LOCK),
	END,
};
static const struct keyword words_n[] = {
	KEYWORD("names", MY_NAMES),      KEYWORD("next", MY_NEXT),
	KEYWORD("nextval", MY_SEQUENCE), KEYWORD("not", MY_NOT),
	KEYWORD("null", MY_CONSTANT),    END,
};
static const struct keyword words_o[] = {
	KEYWORD("open", MY_OPEN),
	KEYWORD("optimize", MY_HARMLESS),
	KEYWORD("optimizer_trace", MY_TRACE),
	END,
};
static const struct keyword words_p[] = {
	KEYWORD("package", MY_ROUTINE),
	KEYWORD("password", MY_PASSWORD),
	KEYWORD("persist", MY_GLOBAL),
	KEYWORD("persist_only", MY_GLOBAL),
	KEYWORD("prepare", MY_PREPARE),
	KEYWORD("previous", MY_PREVIOUS),
	KEYWORD("procedure", MY_ROUTINE),
	KEYWORD("profiling", MY_TRACE),
	KEYWORD("pseudo_thread_id", MY_THREAD_ID),
	KEYWORD("purge", MY_HARMLESS),
	END,
};
static const struct keyword words_q[] = {
	KEYWORD("query", MY_QUERY_WORD),
	END,
};
static const struct keyword words_r[] = {
	KEYWORD("read", MY_EXPORT),
	KEYWORD("release", MY_RELEASE),
	KEYWORD("release_all_locks", MY_RELEASE_LOCK),
	KEYWORD("release_lock", MY_RELEASE_LOCK),
	KEYWORD("rename", MY_HARMLESS),
	KEYWORD("repair", MY_HARMLESS),
	KEYWORD("replace", MY_INSERT),
	KEYWORD("reset", MY_HARMLESS),
	KEYWORD("resignal", MY_HARMLESS),
	KEYWORD("resource", MY_RESOURCE),
	KEYWORD("restart", MY_HARMLESS),
	KEYWORD("revoke", MY_HARMLESS),
	KEYWORD("role", MY_ROLE),
	KEYWORD("rollback", MY_ROLLBACK),
	KEYWORD("row_count", MY_FOUND_ROWS),
	END,
};
static const struct keyword words_s[] = {
	KEYWORD("savepoint", MY_SAVEPOINT),
	KEYWORD("select", MY_SELECT),
	KEYWORD("service_get_read_locks", MY_GET_LOCKS),
	KEYWORD("service_get_write_locks", MY_GET_LOCKS),
	KEYWORD("service_release_locks", MY_RELEASE_LOCKS),
	KEYWORD("session", MY_SESSION),
	KEYWORD("session_track_system_variables", MY_TRACKER_LIST),
	KEYWORD("set", MY_SET),
	KEYWORD("setval", MY_SEQUENCE),
	KEYWORD("show", MY_SHOW),
	KEYWORD("shutdown", MY_HARMLESS),
	KEYWORD("signal", MY_HARMLESS),
	KEYWORD("sql_calc_found_rows", MY_CALC_ROWS),
	KEYWORD("sql_mode", MY_SQL_MODE),
	KEYWORD("stage", MY_STAGE),
	KEYWORD("start", MY_START),
	KEYWORD("statement", MY_STATEMENT),
	KEYWORD("stop", MY_HARMLESS),
	END,
};
static const struct keyword words_t[] = {
	KEYWORD("table", MY_TABLE),
	KEYWORD("tables", MY_TABLE),
	KEYWORD("temporary", MY_TEMPORARY),
	KEYWORD("to", MY_TO),
	KEYWORD("transaction", MY_TRANSACTION),
	KEYWORD("transaction_isolation", MY_ISOLATION),
	KEYWORD("transaction_read_only", MY_ISOLATION),
	KEYWORD("trigger", MY_ROUTINE),
	KEYWORD("true", MY_CONSTANT),
	KEYWORD("truncate", MY_HARMLESS),
	KEYWORD("tx_isolation", MY_ISOLATION),
	KEYWORD("tx_read_only", MY_ISOLATION),
	END,
};
static const struct keyword words_u[] = {
	KEYWORD("uninstall", MY_HARMLESS),
	KEYWORD("unlock", MY_UNLOCK),
	KEYWORD("update", MY_INSERT),
	KEYWORD("use", MY_USE),
	END,
};
static const struct keyword words_v[] = {
	KEYWORD("value", MY_VALUE),
	KEYWORD("values", MY_TABLE),
	KEYWORD("version_tokens_lock_exclusive", MY_GET_LOCKS),
	KEYWORD("version_tokens_lock_shared", MY_GET_LOCKS),
	KEYWORD("version_tokens_unlock", MY_RELEASE_LOCKS),
	END,
};
static const struct keyword words_w[] = {
	KEYWORD("warning_count", MY_ERROR_COUNT),
	KEYWORD("warnings", MY_WARNINGS),
	KEYWORD("with", MY_WITH),
	KEYWORD("work", MY_WORK),
	END,
};
static const struct keyword words_x[] = {
	KEYWORD("xa", MY_XA),
	END,
};

static const struct keyword *const by_letter[KEYWORD_LETTERS] = {
	['a' - 'a'] = words_a, ['b' - 'a'] = words_b, ['c' - 'a'] = words_c,
	['d' - 'a'] = words_d, ['e' - 'a'] = words_e, ['f' - 'a'] = words_f,
	['g' - 'a'] = words_g, ['h' - 'a'] = words_h, ['i' - 'a'] = words_i,
	['k' - 'a'] = words_k, ['l' - 'a'] = words_l, ['n' - 'a'] = words_n,
	['o' - 'a'] = words_o, ['p' - 'a'] = words_p, ['q' - 'a'] = words_q,
	['r' - 'a'] = words_r, ['s' - 'a'] = words_s, ['t' - 'a'] = words_t,
	['u' - 'a'] = words_u, ['v' - 'a'] = words_v, ['w' - 'a'] = words_w,
	['x' - 'a'] = words_x,
};

static bool
is_tracker(const char *text, size_t len)
{
	static const char prefix[] = "session_track_";

	return len >= sizeof(prefix) - 1 &&
	       strncasecmp(text, prefix, sizeof(prefix) - 1) == 0;
}

enum my_word
my_word_find(const char *text, size_t len)
{
	unsigned word = len > 0 ? keyword_find(by_letter, text, len) : 0;

	if (word == MY_OTHER && is_tracker(text, len))
		return MY_TRACKER;
	return (enum my_word)word;
}
