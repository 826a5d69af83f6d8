/*
 * ERR packets: reading what servers send, writing our own.
 *
 * Each of carpool's reasons has an error number and a SQLSTATE of MySQL's.
 * Client libraries keep the numbers 2000 to 2999 and 5000 to 5999 for
 * themselves, so none of these is ever written.  Owns nothing; any thread.
 * MySQL Internals, "ERR_Packet".
 */
#ifndef CARPOOL_SRC_MYSQL_MY_ERROR_H
#define CARPOOL_SRC_MYSQL_MY_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reason.h"

/* Numbers that the code names. */
#define MY_ER_CON_COUNT 1040u
#define MY_ER_DB_DENIED 1044u
#define MY_ER_ACCESS_DENIED 1045u
#define MY_ER_NO_DB 1046u
#define MY_ER_UNKNOWN_COM 1047u
#define MY_ER_BAD_DB 1049u
#define MY_ER_NO_SUCH_THREAD 1094u
#define MY_ER_KILL_DENIED 1095u
#define MY_ER_PARSE 1064u
#define MY_ER_UNKNOWN 1105u
#define MY_ER_NOT_ALLOWED 1148u
#define MY_ER_WRONG_ARGUMENTS 1210u
#define MY_ER_NOT_SUPPORTED 1235u
#define MY_ER_UNKNOWN_STMT 1243u
#define MY_ER_MALFORMED 1835u

/* The longest text of an error, as servers have it. */
#define MY_ERROR_TEXT_MAX 511u

struct my_error {
	uint16_t code;
	char sqlstate[6];
	const char *text; /* borrows; not NUL-terminated */
	size_t text_len;
};

/*
 * Reads an ERR's payload.  One sent before the login has no SQLSTATE; HY000
 * stands for it.  False: it is none.
 */
bool my_error_parse(struct my_error *e, const uint8_t *payload, size_t len);

/* Does a client see it as an ERR, not as a broken packet? */
static inline bool
my_error_is_sendable(unsigned code)
{
	return code >= 1000 && code != 0xffff && (code < 2000 || code > 2999) &&
	       (code < 5000 || code > 5999);
}

/* The SQLSTATE that servers send with a number, "HY000" for unknown ones. */
const char *my_error_sqlstate(unsigned code);

/* When a client gets an error. */
enum my_error_time {
	MY_ERROR_EARLY, /* before it was greeted: no SQLSTATE */
	MY_ERROR_LATER,
};

/*
 * Appends the packet of an error with this number, which must be sendable.
 * What is not printable ASCII in the text is replaced, for it may come from
 * anywhere, and what is too long is cut.  False when memory is out: nothing
 * was added.
 */
bool my_put_error(struct buf *out, uint8_t *seq, unsigned code,
		  const char *text) __attribute__((warn_unused_result));

/* The number of a reason, and its text where MySQL's words differ. */
unsigned my_reason_code(enum reason reason);
const char *my_reason_text(enum reason reason);

/* The error of a reason; text replaces the reason's own, NULL = none. */
bool my_put_reason(struct buf *out, uint8_t *seq, enum reason reason,
		   const char *text) __attribute__((warn_unused_result));

/* The same at any time of a connection. */
bool my_put_reason_at(struct buf *out, uint8_t *seq, enum my_error_time when,
		      enum reason reason, const char *text)
	__attribute__((warn_unused_result));

#endif
