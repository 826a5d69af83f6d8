/*
 * The numbers by which clients name a collation, and so a character set, at
 * login and in COM_CHANGE_USER.  Pure; any thread.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_COLLATION_H
#define CARPOOL_SRC_MYSQL_MY_COLLATION_H

#include <stddef.h>
#include <stdint.h>

struct my_collation {
	uint16_t id;
	const char *name; /* "utf8mb4_general_ci"; begins with the charset */
};

/* NULL: not known, or of a character set that clients cannot have.  A server
 * then takes its own default. */
const struct my_collation *my_collation_find(uint16_t id);

/* So many bytes of the name are the character set's. */
size_t my_collation_charset(const struct my_collation *c);

#endif
