/*
 * Commands and texts that carpool answers in the server's place, since they are
 * about the connection and a client's connection is not a server's: KILL,
 * CONNECTION_ID(), COM_SET_OPTION, COM_CHANGE_USER.
 *
 * Steps of a client's front; each is given the head of the command that stands
 * at the beginning of its input and returns the front's order.  Runs on the
 * client's worker.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_OWN_H
#define CARPOOL_SRC_MYSQL_MY_OWN_H

#include "my_back.h"
#include "my_front.h"
#include "my_packet.h"

/* Another client is to be stopped, by the number that it was greeted with. */
struct order my_own_kill(struct my_front *f, struct turn *t,
			 const struct my_head *head, struct my_kill kill);

/* The same by a text, which is in: with MY_SQL_KILL, and several or not. */
struct order my_own_kill_text(struct my_front *f, struct turn *t,
			      const struct my_head *head, uint64_t flags);

/* The core's answer to that is there. */
struct order my_own_killed(struct my_front *f, struct turn *t);

/* Is it SELECT CONNECTION_ID(), whose text is in, and was it answered? */
bool my_own_thread(struct my_front *f, struct turn *t,
		   const struct my_head *head, struct order *o);

/*
 * A COMMIT or ROLLBACK of a client that has no server, and so no transaction.
 * True: it was answered, with *o.  Drivers send one before they lay a
 * connection by, which must not have to wait for those who have servers.
 */
bool my_own_end(struct my_front *f, struct turn *turn,
		const struct my_head *head, struct order *o);

/* COM_SET_OPTION, of this value: without a server. */
struct order my_own_set_option(struct my_front *f, struct turn *t,
			       const struct my_head *head, unsigned option);

/* A server has taken this value. */
void my_own_option_set(struct my_front *f, unsigned option);

/*
 * COM_CHANGE_USER: reads it, and forgets the session; the login's steps, of
 * which this takes the first, do the rest.
 */
struct order my_own_change_user(struct my_front *f, struct turn *t,
				const struct my_head *head);

/*
 * A server is wanted.  True: servers of another class than last time, and *o
 * says so.
 */
bool my_own_class(struct my_front *f, struct turn *t, struct order *o);

/* A statement is refused with a server's error: which may be that the client's
 * schema is gone. */
void my_own_refused(struct my_front *f, struct turn *t,
		    const struct refusal *refusal);

#endif
