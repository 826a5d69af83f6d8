/*
 * The form in which an EXECUTE gives its parameters: with their types or, as a
 * client may from the second time on, without.  Pure; runs on the worker that
 * owns the client.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FORM_H
#define CARPOOL_SRC_MYSQL_MY_FORM_H

#include "my_front_command.h"
#include "my_loaded.h"

struct my_form {
	size_t at;      /* where in the payload the types stand, or would */
	bool has_types; /* of all parameters */
	bool is_bare;   /* none are meant, or it is too short for them */
};

static inline size_t
my_types_size(const struct my_named *n)
{
	return 2 * (size_t)n->params;
}

/*
 * Reads the form of a command that runs statement n, or gives it data, and
 * takes over the types that it has.  False: *o says what to do.
 */
bool my_form_read(struct my_front *f, struct turn *t, const struct command *c,
		  struct my_named *n, struct my_form *form, struct order *o);

/* Must the types be put in, since the server heard others last? */
bool my_form_is_untyped(const struct my_form *form, const struct my_named *n,
			const struct my_load *l);

/*
 * Appends the command with the types put in, under the server's number, up to
 * what follows them; false: memory is out.
 */
bool my_form_put(const struct my_form *form, struct turn *t,
		 const struct command *c, uint32_t id,
		 const struct statement *types);

#endif
