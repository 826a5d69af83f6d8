/*
 * The console: answers the commands of clients of database `pgbouncer`.
 *
 * Control thread only.  It gives rows, never bytes: the client's own protocol
 * encodes them.
 */
#ifndef CARPOOL_ADMIN_CONSOLE_H
#define CARPOOL_ADMIN_CONSOLE_H

#include "core/core.h"

struct console;
struct control;

/* control is borrowed until console_free.  NULL: out of memory. */
struct console *console_new(struct control *control);
/* After core_free: no command is under way any more.  NULL is allowed. */
void console_free(struct console *console);

/* Answers a command, now or later; for control_set_console with the console
 * as arg.  Takes the request over. */
void console_take(void *console, struct console_request *request);

#endif
