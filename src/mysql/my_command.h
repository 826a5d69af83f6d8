/*
 * The commands of a client: one table of how each is answered and who carries
 * it out.  Owns nothing; any thread.  MySQL Internals, "Command Phase".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_COMMAND_H
#define CARPOOL_SRC_MYSQL_MY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "my_response.h"

enum my_command {
	MY_COM_SLEEP = 0x00,
	MY_COM_QUIT = 0x01,
	MY_COM_INIT_DB = 0x02,
	MY_COM_QUERY = 0x03,
	MY_COM_FIELD_LIST = 0x04,
	MY_COM_CREATE_DB = 0x05,
	MY_COM_DROP_DB = 0x06,
	MY_COM_REFRESH = 0x07,
	MY_COM_SHUTDOWN = 0x08,
	MY_COM_STATISTICS = 0x09,
	MY_COM_PROCESS_INFO = 0x0a,
	MY_COM_CONNECT = 0x0b,
	MY_COM_PROCESS_KILL = 0x0c,
	MY_COM_DEBUG = 0x0d,
	MY_COM_PING = 0x0e,
	MY_COM_TIME = 0x0f,
	MY_COM_DELAYED_INSERT = 0x10,
	MY_COM_CHANGE_USER = 0x11,
	MY_COM_BINLOG_DUMP = 0x12,
	MY_COM_TABLE_DUMP = 0x13,
	MY_COM_CONNECT_OUT = 0x14,
	MY_COM_REGISTER_REPLICA = 0x15,
	MY_COM_STMT_PREPARE = 0x16,
	MY_COM_STMT_EXECUTE = 0x17,
	MY_COM_STMT_SEND_LONG_DATA = 0x18,
	MY_COM_STMT_CLOSE = 0x19,
	MY_COM_STMT_RESET = 0x1a,
	MY_COM_SET_OPTION = 0x1b,
	MY_COM_STMT_FETCH = 0x1c,
	MY_COM_DAEMON = 0x1d,
	MY_COM_BINLOG_DUMP_GTID = 0x1e,
	MY_COM_RESET_CONNECTION = 0x1f,
	MY_COM_CLONE = 0x20,
	MY_COM_STMT_BULK_EXECUTE = 0xfa,
};

/* Who carries a command out. */
enum my_use {
	MY_USE_UNKNOWN, /* nobody: ERR 1047, and the connection lives */
	MY_USE_REFUSE,  /* a server could, but not for a shared client */
	MY_USE_OWN,     /* carpool itself, as far as it can */
	MY_USE_SERVER,  /* a server */
};

struct my_command_info {
	const char *name;   /* as the manual has it */
	enum my_use use;    /* by whom */
	uint8_t answer;     /* enum my_answer; CHANGE_USER's is a dialogue */
	uint8_t size_min;   /* of the payload, the command's byte included */
	bool has_statement; /* a statement's number follows the byte */
};

/* The row of a command; never NULL. */
const struct my_command_info *my_command_info(uint8_t command);

/* A statement's number that stands for the last one prepared (MariaDB). */
#define MY_STATEMENT_LAST 0xffffffffu

/* As many bytes of a command as my_command_begin looks at. */
#define MY_COMMAND_HEAD 6u

/*
 * Begins the answer to a command whose payload is len bytes (at least its
 * size_min) long and begins with those at head, min(len, MY_COMMAND_HEAD).
 * with: what was agreed on, MY_WITH_EOF and MY_WITH_CACHE.
 */
void my_command_begin(struct my_response *r, const uint8_t *head, size_t len,
		      unsigned with);

/*
 * Follows one side's packets where some go on with the one before: a command,
 * or a file that a client sends.  Zeros are a start.
 */
struct my_parts {
	bool is_cut : 1; /* the next packet goes on */
	bool is_end : 1; /* the last one taken was empty and went on with none:
			  * the end of a file */
};

/* Takes a packet's length; true: it begins something, false: it goes on. */
static inline bool
my_parts_take(struct my_parts *p, size_t len)
{
	bool begins = !p->is_cut;

	p->is_cut = len == MY_PAYLOAD_MAX;
	p->is_end = begins && len == 0;
	return begins;
}

#endif
