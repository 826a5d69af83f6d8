/*
 * The table of commands.
 *
 * Carpool answers itself what concerns the connection and not the data: a
 * client's connection is not a server's.  A shared server must not become a
 * replica's source, and whoever may end or debug it can connect to it.
 */
#include "my_command.h"

#include "base/mem.h"

#define ROW(command, who, how, size)                                           \
	[MY_COM_##command] = { .name = "COM_" #command,                        \
			       .use = MY_USE_##who,                            \
			       .answer = MY_ANSWER_##how,                      \
			       .size_min = (size) }
#define STATEMENT_ROW(command, who, how, size)                                 \
	[MY_COM_##command] = { .name = "COM_" #command,                        \
			       .use = MY_USE_##who,                            \
			       .answer = MY_ANSWER_##how,                      \
			       .size_min = (size),                             \
			       .has_statement = true }

#define EXECUTE_FLAGS 5u    /* where they stand in COM_STMT_EXECUTE */
#define EXECUTE_CURSOR 0x3u /* for reading, for updating */

/* Sizes are what carpool reads, not all that a server may want. */
static const struct my_command_info table[] = {
	ROW(SLEEP, UNKNOWN, SHORT, 1),
	ROW(QUIT, OWN, NONE, 1),
	ROW(INIT_DB, SERVER, SHORT, 1),
	ROW(QUERY, SERVER, RESULT, 1),
	ROW(FIELD_LIST, SERVER, FIELDS, 1),
	ROW(CREATE_DB, SERVER, SHORT, 1),
	ROW(DROP_DB, SERVER, SHORT, 1),
	ROW(REFRESH, SERVER, SHORT, 1),
	ROW(SHUTDOWN, REFUSE, SHORT, 1),
	ROW(STATISTICS, SERVER, TEXT, 1),
	ROW(PROCESS_INFO, SERVER, RESULT, 1),
	ROW(CONNECT, UNKNOWN, SHORT, 1),
	ROW(PROCESS_KILL, OWN, SHORT, 5),
	ROW(DEBUG, REFUSE, SHORT, 1),
	ROW(PING, OWN, SHORT, 1),
	ROW(TIME, UNKNOWN, SHORT, 1),
	ROW(DELAYED_INSERT, UNKNOWN, SHORT, 1),
	ROW(CHANGE_USER, OWN, AUTH, 1),
	ROW(BINLOG_DUMP, REFUSE, SHORT, 1),
	ROW(TABLE_DUMP, REFUSE, SHORT, 1),
	ROW(CONNECT_OUT, UNKNOWN, SHORT, 1),
	ROW(REGISTER_REPLICA, REFUSE, SHORT, 1),
	ROW(STMT_PREPARE, SERVER, PREPARE, 1),
	STATEMENT_ROW(STMT_EXECUTE, SERVER, RESULT, 10),
	STATEMENT_ROW(STMT_SEND_LONG_DATA, SERVER, NONE, 7),
	STATEMENT_ROW(STMT_CLOSE, OWN, NONE, 5),
	STATEMENT_ROW(STMT_RESET, SERVER, SHORT, 5),
	ROW(SET_OPTION, OWN, SHORT, 3),
	STATEMENT_ROW(STMT_FETCH, SERVER, FETCH, 9),
	ROW(DAEMON, UNKNOWN, SHORT, 1),
	ROW(BINLOG_DUMP_GTID, REFUSE, SHORT, 1),
	ROW(RESET_CONNECTION, OWN, SHORT, 1),
	ROW(CLONE, REFUSE, SHORT, 1),
	STATEMENT_ROW(STMT_BULK_EXECUTE, SERVER, RESULT, 7),
};

const struct my_command_info *
my_command_info(uint8_t command)
{
	static const struct my_command_info unknown = {
		.name = "unknown command",
		.use = MY_USE_UNKNOWN,
		.answer = MY_ANSWER_SHORT,
		.size_min = 1,
	};

	if (command >= COUNT_OF(table) || table[command].name == NULL)
		return &unknown;
	return &table[command];
}

void
my_command_begin(struct my_response *r, const uint8_t *head, size_t len,
		 unsigned with)
{
	const struct my_command_info *info = my_command_info(head[0]);

	ASSERT(len >= info->size_min);
	if (head[0] == MY_COM_STMT_EXECUTE &&
	    (head[EXECUTE_FLAGS] & EXECUTE_CURSOR) != 0)
		with |= MY_WITH_CURSOR;
	my_response_begin(r, (enum my_answer)info->answer, with);
}
