/*
 * What is special about some system variables, when they are carried from
 * server to server.  Pure; any thread.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_VARIABLE_H
#define CARPOOL_SRC_MYSQL_MY_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>

enum my_variable {
	MY_VARIABLE_CARRIED, /* as most are: a SET of the reported value */
	MY_VARIABLE_NULL,    /* carried; reported as '' it is NULL */
	MY_VARIABLE_SCHEMA,  /* carried; goes back at every change of schema */
	/* The client's alone: no server is given it. */
	MY_VARIABLE_OWN,
	MY_VARIABLE_TIMEOUT, /* so is a short one, which closes idle servers */
	/* No setting of the session: most are results of statements. */
	MY_VARIABLE_RESULT,
	/* No SET of what is reported brings it to another server. */
	MY_VARIABLE_PINS,
	MY_VARIABLE_TRACES, /* nor does a reset take away what it leaves */
};

/* Seconds from which on a timeout harms no server. */
#define MY_VARIABLE_LONG 600u

/* Is it session_track_*, in any letter case? */
bool my_variable_is_tracker(const char *name, size_t len);

/* The name in any letter case. */
enum my_variable my_variable_find(const char *name, size_t len);

/*
 * Some variables have two names, and some character sets and collations are
 * two sides of one thing: a change of either changes the other, which is not
 * reported.  The other name, or NULL.
 */
const char *my_variable_other(const char *name);

/* Is a variable of this kind, with this value, the client's alone? */
bool my_variable_is_own(enum my_variable kind, const char *value);

#endif
