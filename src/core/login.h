/*
 * A client's login, as far as it is the core's: which pool, which secret, which
 * limits, which worker.  Runs on the client's worker.
 */
#ifndef CARPOOL_CORE_LOGIN_H
#define CARPOOL_CORE_LOGIN_H

#include "core/client.h"

/* Fills what the transport knows of the client; addr is the text's room. */
void login_stream_facts(const struct client *c, struct stream_facts *facts,
			char addr[ADDR_TEXT_MAX]);

/* Answers ROUTE: is there such a database, is it the console. */
void login_route(struct client *c, const struct route *route,
		 struct answer *answer);

/* What a console client may do under the configuration in force. */
enum console_right login_console_right(const struct client *c);

/*
 * ROUTE of a client that is logged in: its login begins anew.  What it held is
 * let go of, its server, its places in the limits and its pool; false: it was
 * refused.
 */
bool login_again(struct client *c);

/* CLASS: its next server is of the class of these words; false: refused. */
bool login_class(struct client *c, struct startup_words words);

/* Answers VERIFY: the method and the user's secret.  False: it waits for
 * login_answer_verify, or was refused. */
bool login_verify(struct client *c, struct answer *answer);

/* What VERIFY waited for is known. */
void login_answer_verify(struct client *c);

/*
 * NEED_FACTS: the client has proven who it is.  Counts it in the limits, finds
 * its pool and its class of servers (by the startup words), moves it to one
 * of the pool's home workers, and gives the facts;
 * true when they are in *answer, false when it waits or was refused.
 */
bool login_facts(struct client *c, struct startup_words words,
		 struct answer *answer);

/* READY: it may be canceled from now on, and is logged. */
void login_done(struct client *c);

/* Gives back what the login counted; on close. */
void login_undo(struct client *c);

#endif
