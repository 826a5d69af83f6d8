/*
 * The resolver: a cache of names on one loop, questions on helper threads.
 *
 * A question travels as mail to the resolver's loop and as mail back to its
 * asker, even when both are the same, so done() never comes from inside a call.
 * A name whose addresses come in another order keeps the order it had: the
 * answer is a set, and nothing may be recycled because it was shuffled.
 *
 * Owns the cache and the questions that wait in it; a lookup belongs to the
 * helper while it is out and finds its resolver gone when that was freed.
 */
#include "io/resolve.h"

#include <netdb.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/dns.h"
#include "resolve_inner.h"

#define TTL_USEC (15 * USEC_PER_SEC)
/* Records that may not be kept at all are kept so long all the same: a pool
 * that opens many servers at once shall not ask for each. */
#define TTL_LEAST_USEC USEC_PER_SEC
/* Beyond this many names those not in use are forgotten first. */
#define ENTRIES_MAX 1024

/* One name being looked up, as the helper sees it. */
struct lookup {
	struct helper_job job; /* first: the job is the lookup */
	struct entry *entry;   /* borrows; NULL when the resolver is gone */
	struct dns *dns;       /* refs */
	char host[256];
	struct dns_answer answer;
};

static struct resolve_query *
query_of(struct mail *mail)
{
	return LIST_ENTRY(mail, struct resolve_query, mail);
}

static void
deliver_answer(struct mail *mail)
{
	struct resolve_query *query = query_of(mail);

	query->done(query);
}

/* Sends the question home with what it has. */
static void
send_home(struct resolve_query *query)
{
	query->mail.deliver = deliver_answer;
	loop_post(query->home, &query->mail);
}

static void
answer(struct resolve_query *query, const struct entry *e)
{
	query->count = e->count;
	for (size_t i = 0; i < e->count; i++) {
		query->addrs[i] = e->addrs[i];
		addr_set_port(&query->addrs[i], query->port);
	}
	text_copy(query->error, sizeof(query->error),
		  e->count > 0 ? "" : e->error);
	send_home(query);
}

static void
refuse(struct resolve_query *query, const char *why)
{
	query->count = 0;
	text_copy(query->error, sizeof(query->error), why);
	send_home(query);
}

static void
answer_waiting(struct entry *e)
{
	struct mail *mail = e->first, *next;

	e->first = NULL;
	e->last = &e->first;
	for (; mail != NULL; mail = next) {
		next = mail->next;
		answer(query_of(mail), e);
	}
}

static bool
has_addr(const struct addr *addrs, size_t count, const struct addr *a)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&addrs[i], a))
			return true;
	return false;
}

/* By the system's own resolver; flags as AI_NUMERICHOST. */
static void
ask_system(const char *host, int flags, struct dns_answer *answer)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = flags };
	struct addrinfo *list = NULL;
	int error = getaddrinfo(host, NULL, &hints, &list);

	*answer = (struct dns_answer){ .ttl_sec = DNS_TTL_NONE };
	if (error != 0) {
		text_copy(answer->error, sizeof(answer->error),
			  gai_strerror(error));
		return;
	}
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
		dns_keep_addr(answer, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(list);
	if (answer->count == 0)
		text_copy(answer->error, sizeof(answer->error),
			  "the name has no usable address");
}

/* On a helper thread.  Old spellings of addresses ("127.1") are no names, and
 * the system reads them without asking anybody. */
static void
run_lookup(struct helper_job *job)
{
	struct lookup *lookup = LIST_ENTRY(job, struct lookup, job);

	ask_system(lookup->host, AI_NUMERICHOST, &lookup->answer);
	if (lookup->answer.count == 0)
		dns_lookup(lookup->dns, lookup->host, &lookup->answer);
}

size_t
resolve_now(const char *host, uint16_t port,
	    struct addr addrs[RESOLVE_ADDRS_MAX], char error[128])
{
	struct dns_answer answer;

	ask_system(host, 0, &answer);
	for (size_t i = 0; i < answer.count; i++) {
		addrs[i] = answer.addrs[i];
		addr_set_port(&addrs[i], port);
	}
	text_copy(error, 128, answer.error);
	return answer.count;
}

static bool
is_same_set(const struct entry *e, const struct dns_answer *answer)
{
	if (e->count != answer->count)
		return false;
	for (size_t i = 0; i < e->count; i++)
		if (!has_addr(answer->addrs, answer->count, &e->addrs[i]))
			return false;
	return true;
}

/* When an answer that came now is to be asked for again. */
static usec_t
expiry_of(const struct resolver *r, const struct dns_answer *answer)
{
	usec_t ttl = answer->ttl_sec * USEC_PER_SEC;

	if (answer->count == 0)
		return loop_now(r->loop) + r->nxdomain_ttl;
	if (ttl < TTL_LEAST_USEC)
		ttl = TTL_LEAST_USEC;
	return loop_now(r->loop) + (ttl < r->max_ttl ? ttl : r->max_ttl);
}

/* Addresses that the name had and the new answer has not.  An answer that was
 * cut may have them all the same. */
static size_t
find_lost(const struct entry *e, const struct dns_answer *answer,
	  struct addr *lost)
{
	size_t count = 0;

	for (size_t i = 0; i < e->count && !answer->is_cut; i++)
		if (!has_addr(answer->addrs, answer->count, &e->addrs[i]))
			lost[count++] = e->addrs[i];
	return count;
}

/* Takes over what the helper found; a failure keeps the last good answer. */
static void
store(struct entry *e, const struct dns_answer *answer)
{
	const struct resolver *r = e->resolver;
	struct addr lost[RESOLVE_ADDRS_MAX];
	size_t lost_count;

	e->expires = expiry_of(r, answer);
	text_copy(e->error, sizeof(e->error), answer->error);
	if (answer->count == 0 || is_same_set(e, answer))
		return;
	lost_count = find_lost(e, answer, lost);
	memcpy(e->addrs, answer->addrs, sizeof(e->addrs));
	e->count = answer->count;
	if (lost_count > 0 && r->lost != NULL)
		r->lost(r->lost_arg, e->host, lost, lost_count);
}

static void
deliver_lookup(struct mail *mail)
{
	struct helper_job *job = LIST_ENTRY(mail, struct helper_job, mail);
	struct lookup *lookup = LIST_ENTRY(job, struct lookup, job);
	struct entry *e = lookup->entry;

	if (e != NULL) {
		e->lookup = NULL;
		e->resolver->lookups--;
		store(e, &lookup->answer);
		answer_waiting(e);
	}
	dns_unref(lookup->dns);
	mem_free(lookup);
}

/* Sends a helper out for the name; false when memory is out. */
static bool
start_lookup(struct entry *e)
{
	struct lookup *lookup = mem_zalloc(sizeof(*lookup));
	struct resolver *r = e->resolver;

	if (lookup == NULL)
		return false;
	lookup->job.home = r->loop;
	lookup->job.run = run_lookup;
	lookup->job.mail.deliver = deliver_lookup;
	lookup->entry = e;
	lookup->dns = dns_ref(r->dns);
	text_copy(lookup->host, sizeof(lookup->host), e->host);
	e->lookup = lookup;
	r->lookups++;
	helpers_post(r->helpers, &lookup->job);
	return true;
}

void
resolve_refresh(struct entry *e)
{
	e->expires = 0;
	if (e->lookup == NULL)
		(void)start_lookup(e);
}

static void
forget(struct resolver *r, struct entry *e)
{
	map_remove(r->entries, e->host, strlen(e->host));
	mem_free(e);
}

/* A name that nobody waits for and whose answer is old, or NULL. */
static struct entry *
find_unused(const struct resolver *r)
{
	size_t cursor = 0;
	struct entry *e;

	while ((e = map_next(r->entries, &cursor, NULL, NULL)) != NULL)
		if (e->lookup == NULL && e->expires <= loop_now(r->loop))
			return e;
	return NULL;
}

static struct entry *
add_entry(struct resolver *r, const char *host)
{
	struct entry *e;

	if (map_count(r->entries) >= ENTRIES_MAX) {
		e = find_unused(r);
		if (e != NULL)
			forget(r, e);
	}
	e = mem_zalloc(sizeof(*e));
	if (e == NULL)
		return NULL;
	e->resolver = r;
	e->last = &e->first;
	text_copy(e->host, sizeof(e->host), host);
	if (map_put(r->entries, host, strlen(host), e)) {
		zones_add(r, host);
		return e;
	}
	mem_free(e);
	return NULL;
}

/* Names are looked up and kept in lower case. */
static void
lower_host(const char *host, char out[256])
{
	size_t n = text_copy(out, 256, host);

	for (size_t i = 0; i < n; i++)
		out[i] = text_lower(out[i]);
}

/* On the resolver's loop. */
static void
deliver_question(struct mail *mail)
{
	struct resolve_query *query = query_of(mail);
	struct resolver *r = query->resolver;
	char host[256];
	struct entry *e;

	query->mail.next = NULL;
	if (addr_parse_ip(query->host, query->port, &query->addrs[0])) {
		query->count = 1;
		query->error[0] = '\0';
		send_home(query);
		return;
	}
	lower_host(query->host, host);
	e = map_find(r->entries, host, strlen(host));
	if (e == NULL)
		e = add_entry(r, host);
	if (e == NULL) {
		refuse(query, "out of memory");
	} else if (e->lookup == NULL && e->expires > loop_now(r->loop)) {
		answer(query, e);
	} else if (e->lookup != NULL || start_lookup(e)) {
		*e->last = &query->mail;
		e->last = &query->mail.next;
	} else {
		refuse(query, "out of memory");
	}
}

void
resolver_ask(struct resolver *r, struct resolve_query *query)
{
	query->resolver = r;
	query->mail.deliver = deliver_question;
	loop_post(r->loop, &query->mail);
}

struct resolver *
resolver_new(struct loop *loop, struct helpers *helpers,
	     const char *resolv_conf)
{
	struct resolver *r = mem_zalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = loop;
	r->helpers = helpers;
	r->max_ttl = r->nxdomain_ttl = TTL_USEC;
	zones_init(r);
	r->entries = map_new();
	r->dns = dns_new(resolv_conf);
	if (r->entries != NULL && r->dns != NULL)
		return r;
	resolver_free(r);
	return NULL;
}

/* Lets the lookup find nobody, and refuses who waits for it. */
static void
abandon(struct entry *e)
{
	struct mail *mail, *next;

	if (e->lookup != NULL)
		e->lookup->entry = NULL;
	for (mail = e->first; mail != NULL; mail = next) {
		next = mail->next;
		refuse(query_of(mail), "the resolver is shut down");
	}
}

void
resolver_free(struct resolver *r)
{
	size_t cursor = 0;
	struct entry *e;

	if (r == NULL)
		return;
	if (r->dns != NULL)
		dns_cancel(r->dns);
	zones_fini(r);
	while (r->entries != NULL &&
	       (e = map_next(r->entries, &cursor, NULL, NULL)) != NULL) {
		abandon(e);
		mem_free(e);
	}
	map_free(r->entries);
	dns_unref(r->dns);
	mem_free(r);
}

void
resolver_cancel(struct resolver *r)
{
	if (r != NULL)
		dns_cancel(r->dns);
}

void
resolver_configure(struct resolver *r, usec_t max_ttl, usec_t nxdomain_ttl,
		   usec_t zone_period)
{
	r->max_ttl = max_ttl;
	r->nxdomain_ttl = nxdomain_ttl;
	zones_configure(r, zone_period);
}

void
resolver_watch(struct resolver *r,
	       void (*lost)(void *arg, const char *host,
			    const struct addr *addrs, size_t count),
	       void *arg)
{
	r->lost = lost;
	r->lost_arg = arg;
}

static void
show_entry(const struct entry *e, usec_t now,
	   void (*row)(void *arg, const struct resolver_row *row), void *arg)
{
	char addrs[RESOLVE_ADDRS_MAX * (ADDR_TEXT_MAX / 2)],
		host[ADDR_TEXT_MAX];
	usec_t left = e->expires > now ? e->expires - now : 0;
	struct resolver_row shown = {
		.host = e->host,
		.ttl_sec = (int64_t)(left / USEC_PER_SEC),
		.addrs = addrs,
	};
	size_t n = 0;

	addrs[0] = '\0';
	for (size_t i = 0; i < e->count; i++)
		n += text_format(addrs + n, sizeof(addrs) - n, "%s%s",
				 i > 0 ? "," : "",
				 addr_host(&e->addrs[i], host));
	row(arg, &shown);
}

void
resolver_each(struct resolver *r,
	      void (*row)(void *arg, const struct resolver_row *row), void *arg)
{
	size_t cursor = 0;
	const struct entry *e;

	while ((e = map_next(r->entries, &cursor, NULL, NULL)) != NULL)
		show_entry(e, loop_now(r->loop), row, arg);
}

void
resolver_counts(struct resolver *r, struct resolver_counts *counts)
{
	counts->names = map_count(r->entries);
	counts->zones = zones_count(r);
	counts->lookups = r->lookups;
}
