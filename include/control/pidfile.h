/*
 * The pid file.  It is locked while its process lives, so that a file left
 * behind by one that died is known as such.  Main thread.
 */
#ifndef CARPOOL_CONTROL_PIDFILE_H
#define CARPOOL_CONTROL_PIDFILE_H

#include <stddef.h>

struct pidfile; /* owns the descriptor and the file */

/*
 * Writes the process's id to path.  NULL with why in error: another process
 * holds the file, or it cannot be written.
 */
struct pidfile *pidfile_open(const char *path, char *error, size_t error_size);

/* Removes the file, if it is still ours.  NULL is allowed. */
void pidfile_close(struct pidfile *p);

#endif
