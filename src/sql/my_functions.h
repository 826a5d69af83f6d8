/*
 * Which names are those of the server's own functions, of MySQL's dialect.
 * Pure; any thread.
 */
#ifndef CARPOOL_SRC_SQL_MY_FUNCTIONS_H
#define CARPOOL_SRC_SQL_MY_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * May these len letters, in any case, stand before a parenthesis without
 * calling what somebody has written: a function of the server's own, which
 * leaves nothing that the rest of the classifier does not see, or a word?
 */
bool my_function_is_own(const char *name, size_t len);

#endif
