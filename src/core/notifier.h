/*
 * Whose notification is it?  A server process that notifies is a server of
 * carpool's or a stranger's; of carpool's own, the client counts that it is
 * linked to, or was last.
 *
 * One table for all threads behind a lock, changed when a server has logged in
 * or is closed; who is linked is stored without it, once for each link.
 */
#ifndef CARPOOL_CORE_NOTIFIER_H
#define CARPOOL_CORE_NOTIFIER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/map.h"

struct client;
struct core;
struct server;

#define NOTIFIER_SERVER_MAX 280

/* A server's entry; embedded in it. */
struct notifier {
	_Atomic uint32_t client_pid; /* 0 = none yet */
	uint32_t pid;                /* 0: not in the table */
};

struct notifiers {
	struct lock lock;
	struct map *servers; /* owns; "host:port/pid" to struct notifier */
};

void notifiers_init(struct notifiers *n);
void notifiers_fini(struct notifiers *n);

/* "host:port", as notifier_client wants it. */
void notifier_server(const char *host, uint16_t port,
		     char out[NOTIFIER_SERVER_MAX]);

/* A server that has logged in, or is closed.  Its worker. */
void notifier_open(struct server *s);
void notifier_close(struct server *s);
/* It works for this client from now on.  Its worker. */
void notifier_link(struct server *s, const struct client *c);

/* The pid that clients know for a process of that server: the client's, or its
 * own if it is not carpool's.  Any thread. */
uint32_t notifier_client(struct core *core, const char *server, uint32_t pid);

#endif
