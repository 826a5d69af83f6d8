/*
 * The table of special variables.  Owns nothing; any thread.  What is said
 * here of MariaDB was seen with 10.11, doc/mysql.md tells how.
 */
#include "my_variable.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

static const struct special {
	const char *name;
	enum my_variable kind;
} specials[] = {
	{ "character_set_results", MY_VARIABLE_NULL },
	{ "character_set_database", MY_VARIABLE_SCHEMA },
	{ "collation_database", MY_VARIABLE_SCHEMA },
	{ "enforce_storage_engine", MY_VARIABLE_NULL },
	{ "innodb_tmpdir", MY_VARIABLE_NULL },
	{ "innodb_ft_user_stopword_table", MY_VARIABLE_NULL },
	{ "wait_timeout", MY_VARIABLE_TIMEOUT },
	{ "interactive_timeout", MY_VARIABLE_TIMEOUT },
	{ "redirect_url", MY_VARIABLE_OWN },
	/* What the OK of an INSERT tells as well. */
	{ "last_insert_id", MY_VARIABLE_RESULT },
	{ "identity", MY_VARIABLE_RESULT },
	{ "last_gtid", MY_VARIABLE_RESULT },
	/* Of a replica's connection to its primary, not of this session. */
	{ "max_relay_log_size", MY_VARIABLE_RESULT },
	{ "sql_slave_skip_counter", MY_VARIABLE_RESULT },
	/* Back to the clock: what is reported then is a time all the same. */
	{ "timestamp", MY_VARIABLE_PINS },
	/* Used up by the next statement, or no more what was set. */
	{ "insert_id", MY_VARIABLE_PINS },
	{ "rand_seed1", MY_VARIABLE_PINS },
	{ "rand_seed2", MY_VARIABLE_PINS },
	{ "gtid_seq_no", MY_VARIABLE_PINS },
	{ "gtid_next", MY_VARIABLE_PINS },
	{ "wsrep_gtid_seq_no", MY_VARIABLE_PINS },
	/* DEFAULT is another value than a login's. */
	{ "pseudo_thread_id", MY_VARIABLE_PINS },
	/* They change others that nobody reports. */
	{ "log_queries_not_using_indexes", MY_VARIABLE_PINS },
	{ "log_slow_admin_statements", MY_VARIABLE_PINS },
	{ "log_slow_slave_statements", MY_VARIABLE_PINS },
	{ "max_join_size", MY_VARIABLE_PINS },
	{ "old", MY_VARIABLE_PINS },
	{ "wsrep_causal_reads", MY_VARIABLE_PINS },
	/* What they gather no reset takes away. */
	{ "profiling", MY_VARIABLE_TRACES },
	{ "optimizer_trace", MY_VARIABLE_TRACES },
	/* Its text is not what it takes. */
	{ "system_versioning_asof", MY_VARIABLE_PINS },
	{ "debug_sync", MY_VARIABLE_PINS },
};

bool
my_variable_is_tracker(const char *name, size_t len)
{
	static const char prefix[] = "session_track_";

	return len >= sizeof(prefix) - 1 &&
	       strncasecmp(name, prefix, sizeof(prefix) - 1) == 0;
}

enum my_variable
my_variable_find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(specials); i++) {
		const char *special = specials[i].name;

		if (strncasecmp(special, name, len) == 0 &&
		    special[len] == '\0')
			return specials[i].kind;
	}
	return my_variable_is_tracker(name, len) ? MY_VARIABLE_OWN
						 : MY_VARIABLE_CARRIED;
}

const char *
my_variable_other(const char *name)
{
	static const char *const pairs[][2] = {
		{ "alter_algorithm", "old_alter_table" },
		{ "character_set_connection", "collation_connection" },
		{ "character_set_database", "collation_database" },
		{ "character_set_server", "collation_server" },
		{ "default_storage_engine", "storage_engine" },
		{ "log_slow_min_examined_row_limit", "min_examined_row_limit" },
		{ "log_slow_query", "slow_query_log" },
		{ "log_slow_query_time", "long_query_time" },
		{ "max_delayed_threads", "max_insert_delayed_threads" },
		{ "tmp_memory_table_size", "tmp_table_size" },
		{ "transaction_isolation", "tx_isolation" },
		{ "transaction_read_only", "tx_read_only" },
	};

	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		if (strcmp(name, pairs[i][0]) == 0)
			return pairs[i][1];
		if (strcmp(name, pairs[i][1]) == 0)
			return pairs[i][0];
	}
	return NULL;
}

bool
my_variable_is_own(enum my_variable kind, const char *value)
{
	uint64_t seconds;

	if (kind != MY_VARIABLE_TIMEOUT)
		return kind == MY_VARIABLE_OWN;
	return !text_to_u64(value, 10, &seconds) || seconds < MY_VARIABLE_LONG;
}
