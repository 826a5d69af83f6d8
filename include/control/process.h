/*
 * What the program is to the system: a process with a user, a limit of
 * descriptors, perhaps in the background.  Main thread, at the start.
 */
#ifndef CARPOOL_CONTROL_PROCESS_H
#define CARPOOL_CONTROL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/snapshot.h"

/* Ignores SIGPIPE and raises the limit of descriptors to the hard one. */
void process_prepare(void);

/*
 * For good: no program that it might start gets more rights than it has, and
 * unless core_dumps is set no other process of its user may look into its
 * memory, which holds secrets, nor the kernel write it to a file.
 */
void process_harden(const struct settings *set);

/* Logs a warning where the limit of descriptors is below what the clients and
 * servers that the configuration allows would need. */
void process_check_descriptors(const struct snapshot *s);

/* Does the log go to standard error too? */
enum log_console { LOG_CONSOLE_USED, LOG_CONSOLE_QUIET };

/* Opens the log as the settings say, or changes it; errno or 0. */
int process_log_open(const struct snapshot *s, enum log_console console);

/*
 * Becomes the user of the settings, if the process is root's.  False with why
 * in error: root without another user to become, or no such user.
 */
bool process_become(const char *user, char *error, size_t error_size);

/*
 * Goes on in a new process of its own session; the old one waits until that is
 * ready or has failed, and ends with status 0 or 1.  Returns the descriptor
 * for process_ready, or -1 with errno set.  Before any thread is started.
 */
int process_detach(void);

/* Lets the starting process end well; standard streams go to /dev/null. */
void process_ready(int fd);

#endif
