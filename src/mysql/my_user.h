/*
 * User variables that a SET gives constants: they go with the client, as
 * system variables do, and stand in its session's own state under "@name", with
 * an expression that gives the same value on any server.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_USER_H
#define CARPOOL_SRC_MYSQL_MY_USER_H

#include "my_state.h"
#include "sql/my_lexer.h"

/*
 * The text, which has MY_SQL_LITERAL and neither MY_SQL_VARIABLE nor
 * MY_SQL_SEVERAL nor MY_SQL_LOST, succeeded: its user variables are in the
 * session's state.  To be called after the changes that the server reported,
 * with the session as it was when the text was read: before.  PINS: one of them
 * cannot be carried, and the session is as it was.
 */
enum my_change my_user_set(struct statements *t, struct my_session *s,
			   const struct my_session *before, struct my_text text,
			   struct my_lexer_options options);

#endif
