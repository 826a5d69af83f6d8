/*
 * The commands of clients on prepared statements, where servers are shared.
 * Runs on the worker that owns the client.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_PREPARED_H
#define CARPOOL_SRC_MYSQL_MY_PREPARED_H

#include "my_front_command.h"
#include "proto/protocol.h"

/*
 * A statement with more parameters than this stays on its server: their types
 * would be too much to wait for.
 */
#define MY_PARAMS_MAX 16384u

/* Is this a command on statements whose numbers are carpool's? */
bool my_prepared_is_it(const struct my_front *f, const struct turn *t,
		       const struct command *c);

/* Carries it out; nothing is owed. */
struct order my_prepared_step(struct my_front *f, struct turn *t,
			      const struct command *c);

/* The rest of one whose beginning was written anew; there is one. */
struct order my_prepared_go_on(struct my_front *f);

/* The client's statements are gone. */
void my_prepared_forget(struct my_front *f);

#endif
