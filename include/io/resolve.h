/*
 * Names to addresses without blocking: getaddrinfo on a helper thread, with a
 * cache whose entries live dns_max_ttl (found) or dns_nxdomain_ttl (not found).
 * The resolver belongs to one loop; other threads ask by mail, as the functions
 * here do for them.  One question per name is in flight; a failed refresh keeps
 * the last good addresses.
 */
#ifndef CARPOOL_IO_RESOLVE_H
#define CARPOOL_IO_RESOLVE_H

#include "io/addr.h"
#include "io/helper.h"
#include "io/loop.h"

struct resolver; /* owned by the thread of its loop */

#define RESOLVE_ADDRS_MAX 16

/* A question, owned by the asker until done() was called on its loop. */
struct resolve_query {
	struct mail mail;          /* the resolver's */
	struct resolver *resolver; /* the resolver's; borrows */
	struct loop *home;         /* borrows: where done() is called */
	char host[256];
	uint16_t port;
	struct addr addrs[RESOLVE_ADDRS_MAX]; /* the answer, port filled in */
	size_t count;                         /* 0 = not found */
	char error[128];                      /* why, when count is 0 */
	void (*done)(struct resolve_query *query);
};

struct resolver *resolver_new(struct loop *loop, struct helpers *helpers);
void resolver_free(struct resolver *r);
/* Times to live of answers, in microseconds; loop's own thread. */
void resolver_configure(struct resolver *r, usec_t max_ttl,
			usec_t nxdomain_ttl);
/* Asks; done() comes later, never from inside the call.  Any thread. */
void resolver_ask(struct resolver *r, struct resolve_query *query);

/*
 * Looks a name up there and then, blocking: at the start alone, before threads
 * carry traffic.  Returns the number of addresses, port filled in; with 0,
 * error says why.  Needs no resolver.
 */
size_t resolve_now(const char *host, uint16_t port,
		   struct addr addrs[RESOLVE_ADDRS_MAX], char error[128]);

/* One row of the cache, for SHOW DNS_HOSTS; loop's own thread. */
struct resolver_row {
	const char *host;  /* borrowed for the callback */
	int64_t ttl_sec;   /* seconds left */
	const char *addrs; /* comma-separated */
};
void resolver_each(struct resolver *r,
		   void (*row)(void *arg, const struct resolver_row *row),
		   void *arg);

#endif
