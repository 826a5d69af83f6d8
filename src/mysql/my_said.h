/*
 * What a SET does that no server tells, from its text.
 *
 * User variables that get constants go with the client, as system variables do,
 * and stand in its session's own state under "@name", with an expression that
 * gives the same value on any server.  MariaDB tells nothing of a SET of
 * @@name without SESSION or LOCAL, and no server tells of what is set together
 * with the list of what it tells; it is made to by setting the variable to what
 * it is.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_SAID_H
#define CARPOOL_SRC_MYSQL_MY_SAID_H

#include "my_state.h"
#include "sql/my_classify.h"
#include "sql/my_lexer.h"

/* Is a text with these flags wanted once it succeeded? */
static inline bool
my_said_matters(uint64_t flags)
{
	const uint64_t unclear = MY_SQL_SEVERAL | MY_SQL_LOST;

	return (flags & unclear) == 0 &&
	       ((flags & (MY_SQL_UNTOLD | MY_SQL_TRACKER_LIST)) != 0 ||
		(flags & (MY_SQL_LITERAL | MY_SQL_VARIABLE)) == MY_SQL_LITERAL);
}

/*
 * The text, which matters, succeeded: its user variables are in the session's
 * state.  To be called after the changes that the server reported, with the
 * session as it was when the text was read: before.  PINS: one of them cannot
 * be carried, and the session is as it was.
 */
enum my_change my_said_users(struct statements *t, struct my_session *s,
			     const struct my_session *before,
			     struct my_text text,
			     struct my_lexer_options options);

/*
 * Appends to sql, which is a SET of such variables or empty, what makes a
 * server tell of those of the text, which matters and has these flags.  False:
 * one of them cannot be asked for.
 */
bool my_said_ask(struct str *sql, struct my_text text, uint64_t flags,
		 struct my_lexer_options options);

#endif
