/*
 * Where an answer of a MySQL server ends: a machine over the first bytes of
 * each packet.
 *
 * One machine for each command that is answered.  It sees of a packet its
 * length and up to MY_HEAD bytes of its payload, says what the packet is, and
 * whether it was the last.  Rows are told from the packet that ends them by
 * the length alone, so a row of any content passes.  Pure; owns nothing, knows
 * no connection.  MySQL Internals, "Command Phase"; MariaDB, "Result Set
 * Packets".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_RESPONSE_H
#define CARPOOL_SRC_MYSQL_MY_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "my_packet.h"

/* As many bytes of a payload as the machine ever looks at. */
#define MY_HEAD 32u

/* How a command is answered. */
enum my_answer {
	MY_ANSWER_RESULT,  /* OK, ERR, result sets, a request for a file */
	MY_ANSWER_PREPARE, /* a statement's number and descriptions */
	MY_ANSWER_FETCH,   /* rows of a cursor */
	MY_ANSWER_FIELDS,  /* definitions, as COM_FIELD_LIST has it */
	MY_ANSWER_SHORT,   /* one packet: OK, EOF or ERR */
	MY_ANSWER_TEXT,    /* one packet of text, as COM_STATISTICS has it */
	MY_ANSWER_AUTH,    /* a login's dialogue, up to OK or ERR */
	MY_ANSWER_NONE,    /* no packet at all */
};

/* What was agreed on or asked for. */
#define MY_WITH_EOF 0x01u    /* the old style: no DEPRECATE_EOF */
#define MY_WITH_CACHE 0x02u  /* MariaDB's CACHE_METADATA */
#define MY_WITH_CURSOR 0x04u /* the command asks for a cursor */

/* What a packet is. */
enum my_packet_kind {
	MY_PACKET_OK,
	MY_PACKET_ERR,
	MY_PACKET_EOF,      /* of the old form; also between definitions and
			     * rows */
	MY_PACKET_END,      /* an OK in the place of an EOF, with 0xFE */
	MY_PACKET_FILE,     /* the server asks for a file of the client */
	MY_PACKET_COUNT,    /* how many columns follow */
	MY_PACKET_PREPARED, /* the first of the answer to a prepare */
	MY_PACKET_FIELD,    /* a definition of a column or parameter */
	MY_PACKET_ROW,
	MY_PACKET_TEXT,
	MY_PACKET_AUTH,     /* of a login: the other side answers */
	MY_PACKET_PROGRESS, /* MariaDB: how far the command is */
	MY_PACKET_MORE,     /* goes on with the one before */
	MY_PACKET_BAD,      /* cannot stand here; so is all that follows */
};

/* What comes next. */
enum my_response_state {
	MY_STATE_BEGIN,
	MY_STATE_AFTER_FILE, /* the file went; OK or ERR */
	MY_STATE_FIELDS,     /* definitions, then rows */
	MY_STATE_FIELDS_EOF, /* the old style's end of the definitions */
	MY_STATE_LISTED,     /* definitions; nobody said how many */
	MY_STATE_ROWS,
	MY_STATE_PARAMS, /* definitions of a prepared statement's parameters */
	MY_STATE_PARAMS_EOF,
	MY_STATE_COLUMNS, /* of its columns */
	MY_STATE_COLUMNS_EOF,
	MY_STATE_OVER,
	MY_STATE_BAD,
};

struct my_response {
	uint8_t answer;      /* enum my_answer */
	uint8_t state;       /* enum my_response_state */
	uint8_t with;        /* MY_WITH_* */
	bool is_over : 1;    /* the last packet has come (or a bad one) */
	bool is_cut : 1;     /* the packet before goes on in the next one */
	bool has_status : 1; /* an OK or EOF has come since the begin */
	bool has_warned : 1; /* ... that told of warnings */
	bool has_rows : 1;   /* a result with columns has begun */
	uint16_t status;     /* of the last OK or EOF: MY_STATUS_* */
	uint16_t warnings;   /* of the last OK, EOF or PREPARED */
	uint16_t error;      /* an ERR's number, 0 = none has come */
	uint16_t params;     /* PREPARED: definitions of parameters to come */
	uint16_t columns;    /* PREPARED: of columns */
	uint32_t statement;  /* PREPARED: its number on the server */
	uint32_t left;       /* definitions still to come */
	uint64_t affected;   /* of the last OK */
	uint64_t insert_id;  /* of the last OK, 0 = none */
};

#define MY_STATUS_IN_TRANS 0x0001u
#define MY_STATUS_AUTOCOMMIT 0x0002u
/* What stays of a status from one statement to the next. */
#define MY_STATUS_LASTING (MY_STATUS_IN_TRANS | MY_STATUS_AUTOCOMMIT)
#define MY_STATUS_MORE_RESULTS 0x0008u
#define MY_STATUS_NO_GOOD_INDEX 0x0010u
#define MY_STATUS_NO_INDEX 0x0020u
#define MY_STATUS_CURSOR_EXISTS 0x0040u
#define MY_STATUS_LAST_ROW_SENT 0x0080u
#define MY_STATUS_DB_DROPPED 0x0100u
#define MY_STATUS_NO_BACKSLASH 0x0200u
#define MY_STATUS_METADATA_CHANGED 0x0400u
#define MY_STATUS_QUERY_WAS_SLOW 0x0800u
#define MY_STATUS_OUT_PARAMS 0x1000u
#define MY_STATUS_IN_TRANS_READONLY 0x2000u
#define MY_STATUS_STATE_CHANGED 0x4000u
#define MY_STATUS_ANSI_QUOTES 0x8000u /* MariaDB */

/* Begins the answer to a command; with: MY_WITH_*. */
void my_response_begin(struct my_response *r, enum my_answer answer,
		       unsigned with);

/*
 * Takes the next packet of the server: len, its payload's length (at most
 * MY_PAYLOAD_MAX), and at head the first of it, min(len, MY_HEAD) bytes.
 * r->is_over tells whether it was the last.  After MY_PACKET_FILE the client's
 * packets go to the server, and the answer goes on.
 */
enum my_packet_kind my_response_take(struct my_response *r, const uint8_t *head,
				     size_t len);

/*
 * Takes all packets from offset at on that are rows or go on with one, and
 * returns how many bytes they have, which may be more than the buffer holds:
 * of the last one only the header and the first byte need be in.  *seq is the
 * number of the last one taken.  They can be relayed unseen.
 */
size_t my_response_take_rows(struct my_response *r, struct my_scan *s,
			     size_t at, uint8_t *seq);

#endif
