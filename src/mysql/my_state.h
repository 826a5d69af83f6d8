/*
 * Session states: the schema and the variables that a session has.
 *
 * A state is an immutable text in a thread's table of statements, so equal
 * ones of one table are the same pointer, any thread may hold a reference, and
 * comparing what a client has with what a server has is mostly comparing two
 * pointers.  A session has two: its base, which holds the values that servers
 * have after a login, as far as those are known, and its own, which holds
 * nothing but what differs from the base.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_STATE_H
#define CARPOOL_SRC_MYSQL_MY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "my_ok.h"
#include "sql/my_lexer.h"
#include "sql/statement.h"

/* Bytes of a state's names and values; one that has more is not carried. */
#define MY_STATE_MAX 16384u

/* Zeroed: a login of which nothing is known, without a schema. */
struct my_session {
	struct statement *base; /* refs; NULL: empty */
	struct statement *own;  /* refs; NULL: nothing */
};

/* A place in a state; zeroed is before the first. */
struct my_setting {
	const char *name;  /* borrows from the state; in small letters */
	const char *value; /* directly behind the name's NUL */
	size_t next;
};

/* What came of a change that a server reported. */
enum my_change {
	MY_CHANGE_DONE,   /* or there was none to make */
	MY_CHANGE_PINS,   /* it cannot be carried; the session is as it was */
	MY_CHANGE_TRACES, /* nor can what it leaves be taken away */
	MY_CHANGE_RESULT, /* it is no setting; the session is as it was */
	MY_CHANGE_NO_MEMORY, /* the session is as it was */
};

/* How a server comes from one session's state to another's. */
enum my_move {
	MY_MOVE_NONE, /* it is there */
	MY_MOVE_MADE, /* what the move says must be sent and succeed */
	/* No command leaves a schema: another server, or a new login. */
	MY_MOVE_NO_WAY,
	MY_MOVE_NO_MEMORY,
};

/* Gives the references back; s is zeroed. */
void my_session_fini(struct my_session *s);

/* Has it sql_auto_is_null on, with which IS NULL asks for LAST_INSERT_ID()? */
bool my_session_null_asks_id(const struct my_session *s);

/* Makes *to the same as from, whatever it was. */
void my_session_copy(struct my_session *to, const struct my_session *from);

/* Does nothing tell them apart?  Also of sessions of two tables. */
bool my_session_is_equal(const struct my_session *a,
			 const struct my_session *b);

/*
 * What a login has: a value of the base, as a server reported it.
 * MY_CHANGE_PINS: it is none that is remembered.
 */
enum my_change my_session_learn(struct statements *t, struct my_session *s,
				struct my_text name, struct my_text value);
/* The schema of a login; empty: none. */
enum my_change my_session_learn_schema(struct statements *t,
				       struct my_session *s,
				       struct my_text schema);

/* A server reported this value of a variable. */
enum my_change my_session_set(struct statements *t, struct my_session *s,
			      struct my_text name, struct my_text value);
/* A server reported this schema; empty: that there is none any more. */
enum my_change my_session_use(struct statements *t, struct my_session *s,
			      struct my_text schema);

/*
 * A user variable has the value of this expression, which is the same on any
 * server; empty: NULL.
 */
enum my_change my_session_set_user(struct statements *t, struct my_session *s,
				   struct my_text name,
				   struct my_text expression);

/* The value that a session is known to have, or NULL. */
const char *my_session_find(const struct my_session *s, const char *name);
/* Its schema; NULL: none. */
const char *my_session_schema(const struct my_session *s);

/*
 * How a server reads a text of this session: server as my_lexer_server gave it,
 * status as the session was told last.
 */
struct my_lexer_options my_session_reads(const struct my_session *s,
					 struct my_lexer_options server,
					 uint16_t status);

/* Moves to the next variable of a state; false at the end. */
bool my_state_next(const struct statement *state, struct my_setting *at);

/*
 * Composes what brings a server from one state to the other.  *schema is the
 * one to choose first, by COM_INIT_DB, or NULL; sql gets a statement that sets
 * variables, one for all, or stays empty.  That reads the same whatever
 * sql_mode and character set the server has.  On failure of either nothing is
 * known of the server's state.
 */
enum my_move my_state_move(struct str *sql, const char **schema,
			   const struct my_session *from,
			   const struct my_session *to);

/*
 * Composes what takes back the short timeouts that a session got since it was
 * as before; sql stays empty where it got none.
 */
void my_state_put_short(struct str *sql, const struct my_session *now,
			const struct my_session *before);

/*
 * Appends a variable with its value, NULL: DEFAULT, to a SET of several; sql is
 * empty before the first.  It reads as the statement of my_state_move does.
 */
void my_state_put(struct str *sql, const char *name, const char *value);

/*
 * What makes a new server fit, after its login and after each reset: the
 * trackers, and a character set with the collation that is its default, so
 * that a client's plain SET NAMES of it changes nothing.
 */
#define MY_STATE_TRACKERS_ALONE(transaction)                                   \
	"SET session_track_system_variables='*',session_track_schema=ON,"      \
	"session_track_state_change=ON,"                                       \
	"session_track_transaction_info='" transaction "'"
#define MY_STATE_TRACKERS_BUT(transaction)                                     \
	MY_STATE_TRACKERS_ALONE(transaction) ",NAMES utf8mb4"
#define MY_STATE_TRACKERS MY_STATE_TRACKERS_BUT("CHARACTERISTICS")

/*
 * The same where the end of rows is an EOF.  That tells only that something
 * changed, and each statement in a transaction changes what is tracked of that;
 * so it is not tracked, and texts alone say what they do to transactions.
 */
#define MY_STATE_TRACKERS_BLIND MY_STATE_TRACKERS_BUT("OFF")

/*
 * Composes the statement after which a server reports what a login has of the
 * variables that are set most: sent when the trackers are on, and all that both
 * report is learnt.  What is not learnt goes back to its DEFAULT.
 */
void my_state_baseline(struct str *sql, struct my_lexer_options server);

#endif
