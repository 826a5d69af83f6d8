/*
 * Texts that leave nothing behind, told apart quickly: most of all texts.
 * Pure; any thread.
 */
#ifndef CARPOOL_SQL_PLAIN_H
#define CARPOOL_SQL_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True: classify would find nothing in this whole text, however its strings
 * are read (it may find that it lost its way, which does not matter then).
 * False: it must be asked.
 */
bool sql_is_plain(const void *text, size_t len);

#endif
