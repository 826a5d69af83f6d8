/*
 * Questions to name servers by c-ares, which tells how long an answer holds.
 * The functions that ask block until the answer or dns_cancel: on helper
 * threads alone.  Each question reads resolv.conf anew, so that changes of the
 * file are followed.
 */
#ifndef CARPOOL_IO_DNS_H
#define CARPOOL_IO_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/addr.h"
#include "io/resolve.h"

/* What questions share; constant but for the cancel.  Any thread. */
struct dns;

/* How long an answer holds that came from a file. */
#define DNS_TTL_NONE UINT32_MAX

struct dns_answer {
	struct addr addrs[RESOLVE_ADDRS_MAX]; /* port 0, no doubles */
	size_t count;                         /* 0 = failed */
	bool is_cut;      /* there are more than find room */
	uint32_t ttl_sec; /* the shortest of all records; DNS_TTL_NONE */
	char error[128];  /* why count is 0 */
};

/* resolv_conf is copied; NULL or "" means the system's.  NULL: no memory or
 * descriptors. */
struct dns *dns_new(const char *resolv_conf);
struct dns *dns_ref(struct dns *dns);
void dns_unref(struct dns *dns);
/* All questions, those to come too, fail at once from now on. */
void dns_cancel(struct dns *dns);

/* Looks into the hosts file and asks name servers, as nsswitch.conf says. */
void dns_lookup(const struct dns *dns, const char *host,
		struct dns_answer *answer);
/* The serial number of a zone; false: there is none, or no answer. */
bool dns_serial(const struct dns *dns, const char *zone, uint32_t *serial);

/* Keeps an address of the known families, once, with port 0. */
void dns_keep_addr(struct dns_answer *answer, const struct sockaddr *sa,
		   socklen_t len);

#endif
