/*
 * Names to addresses without blocking: questions on helper threads, with a
 * cache whose entries live as long as their records say but at most dns_max_ttl
 * (found), or dns_nxdomain_ttl (not found).  What comes from the hosts file
 * lives dns_max_ttl.  The resolver belongs to one loop; other threads ask by
 * mail, as the functions here do for them.  One question per name is in flight;
 * a failed refresh keeps the last good addresses.
 *
 * A zone is what follows the first dot of a name.  Every zone_period the serial
 * numbers of all zones are asked for, one after another, and where one has
 * changed the names of the zone are looked up again.
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

/* resolv_conf: another file than the system's, or NULL or "". */
struct resolver *resolver_new(struct loop *loop, struct helpers *helpers,
			      const char *resolv_conf);
void resolver_free(struct resolver *r);
/* All questions fail from now on, those that are out at once: the helpers can
 * be joined.  Any thread; NULL is allowed. */
void resolver_cancel(struct resolver *r);
/* Longest times to live of answers, and the time between looks at the zones (0
 * = never), in microseconds; loop's own thread. */
void resolver_configure(struct resolver *r, usec_t max_ttl, usec_t nxdomain_ttl,
			usec_t zone_period);
/* lost(arg, host, addrs, count) is called on the loop when a name, in lower
 * case, no longer has addresses that it had; they have port 0.  NULL: nobody
 * watches.  Loop's own thread. */
void resolver_watch(struct resolver *r,
		    void (*lost)(void *arg, const char *host,
				 const struct addr *addrs, size_t count),
		    void *arg);
/* Asks; done() comes later, never from inside the call.  Any thread. */
void resolver_ask(struct resolver *r, struct resolve_query *query);

/*
 * Looks a name up there and then by getaddrinfo, blocking: at the start alone,
 * before threads carry traffic, for names of the machine's own.  Returns the
 * number of addresses, port filled in; with 0, error says why.  Needs no
 * resolver.
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

/* One row for SHOW DNS_ZONES; loop's own thread. */
struct resolver_zone {
	const char *name; /* borrowed for the callback */
	uint32_t serial;  /* 0 = not known */
	size_t count;     /* its names */
};
void resolver_each_zone(struct resolver *r,
			void (*row)(void *arg, const struct resolver_zone *row),
			void *arg);

struct resolver_counts {
	size_t names, zones, lookups; /* lookups: questions that are out */
};
void resolver_counts(struct resolver *r, struct resolver_counts *counts);

#endif
