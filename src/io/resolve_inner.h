/*
 * The inside of the resolver, for the two files that share it: resolve.c (the
 * cache) and resolve_zones.c (the watch over zones).  All on its loop.
 */
#ifndef CARPOOL_IO_RESOLVE_INNER_H
#define CARPOOL_IO_RESOLVE_INNER_H

#include "base/list.h"
#include "io/resolve.h"
#include "io/timer.h"

struct dns;
struct lookup;
struct map;
struct zone_question;

struct entry {
	struct resolver *resolver;            /* borrows; outlives the entry */
	char host[256];                       /* lower case */
	struct addr addrs[RESOLVE_ADDRS_MAX]; /* port 0 */
	size_t count;
	char error[128];       /* why count is 0 */
	usec_t expires;        /* 0 = never answered */
	struct lookup *lookup; /* refs; NULL when none is out */
	struct mail *first;    /* owns; questions that wait */
	struct mail **last;
};

struct resolver {
	struct loop *loop;       /* borrows; outlives the resolver */
	struct helpers *helpers; /* borrows; outlives the resolver */
	struct dns *dns;         /* refs */
	struct map *entries;     /* owns the entries */
	usec_t max_ttl;
	usec_t nxdomain_ttl;
	size_t lookups; /* that are out */

	void (*lost)(void *arg, const char *host, const struct addr *addrs,
		     size_t count); /* or NULL */
	void *lost_arg;             /* borrows */

	struct list zones; /* owns struct zone */
	struct timer zone_timer;
	usec_t zone_period;           /* 0 = no looks */
	struct zone_question *asking; /* refs; NULL when none is out */
};

/* Looks the name up again, whatever its time to live. */
void resolve_refresh(struct entry *e);

void zones_init(struct resolver *r);
void zones_fini(struct resolver *r);
void zones_configure(struct resolver *r, usec_t period);
/* A name has come in: its zone is known from now on. */
void zones_add(struct resolver *r, const char *host);
size_t zones_count(struct resolver *r);

#endif
