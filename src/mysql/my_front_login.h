/*
 * A client's login: from the greeting to the OK.
 *
 * Owned by a client's front until its READY; see my_front_login.c.  Runs on the
 * worker that owns the client.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FRONT_LOGIN_H
#define CARPOOL_SRC_MYSQL_MY_FRONT_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "proto/turn.h"

struct my_facts;
struct my_front;
struct my_front_login;
struct my_handshake;

struct my_front_login *my_front_login_new(void);

/*
 * COM_CHANGE_USER: the login anew, for the user of h (see my_change_user_read),
 * from the route on; what was agreed on stays.  The client is always asked for
 * a new proof, since the scramble that it answered is gone.  The caller puts
 * the login into f->login and the command's number plus one into f->seq; the
 * login drops the command.  NULL: out of memory.
 */
struct my_front_login *my_front_login_change(struct my_front *f,
					     const struct my_handshake *h);

/* Wipes and frees; NULL is allowed. */
void my_front_login_free(struct my_front_login *l);

/*
 * The step.  At READY the front's caps, ext and collation are the client's and
 * the login is still there: the caller takes from it what it wants, and frees
 * it.
 */
struct order my_front_login_step(struct my_front *f, struct turn *turn);

/* What the client proved, once, for logging in to its servers: see
 * my_back_login_new.  False: nothing. */
bool my_front_login_keys(struct my_front_login *l, uint8_t client_key[32],
			 uint8_t server_key[32]);

/* Adds the words of a refusal that name who it is; none before they are known.
 */
void my_front_login_words(const struct my_front_login *l, enum reason reason,
			  struct str *text);

/* At READY.  Was it routed to the console? */
bool my_front_login_is_console(const struct my_front_login *l);
enum pool_mode my_front_login_mode(const struct my_front_login *l);
/* What it was told of its servers: its session begins with their variables,
 * and with their schema if it named a database.  Borrowed; NULL: console. */
const struct my_facts *my_front_login_facts(const struct my_front_login *l);
/* Its default database, "" = none; its program's name, "" = not said. */
const char *my_front_login_database(const struct my_front_login *l);
const char *my_front_login_program(const struct my_front_login *l);

#endif
