/*
 * The resolver: a cache of names on one loop, getaddrinfo on helper threads.
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
#include <netinet/in.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#define TTL_USEC (15 * USEC_PER_SEC)
/* Beyond this many names those not in use are forgotten first. */
#define ENTRIES_MAX 1024

/* One name being looked up, as the helper sees it. */
struct lookup {
	struct helper_job job; /* first: the job is the lookup */
	struct entry *entry;   /* borrows; NULL when the resolver is gone */
	char host[256];
	struct addr addrs[RESOLVE_ADDRS_MAX];
	size_t count;
	char error[128];
};

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
	struct map *entries;     /* owns the entries */
	usec_t max_ttl;
	usec_t nxdomain_ttl;
};

static struct resolve_query *
query_of(struct mail *mail)
{
	return LIST_ENTRY(mail, struct resolve_query, mail);
}

static void
set_port(struct addr *a, uint16_t port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->sa.sa_family == AF_INET) {
		memcpy(&in, &a->storage, sizeof(in));
		in.sin_port = htons(port);
		memcpy(&a->storage, &in, sizeof(in));
	} else {
		memcpy(&in6, &a->storage, sizeof(in6));
		in6.sin6_port = htons(port);
		memcpy(&a->storage, &in6, sizeof(in6));
	}
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
		set_port(&query->addrs[i], query->port);
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

/* Keeps an address of a known family, once. */
static void
keep_addr(struct lookup *lookup, const struct addrinfo *ai)
{
	struct addr a = { .len = ai->ai_addrlen };

	if ((ai->ai_family != AF_INET && ai->ai_family != AF_INET6) ||
	    ai->ai_addrlen > sizeof(a.storage) ||
	    lookup->count == RESOLVE_ADDRS_MAX)
		return;
	memcpy(&a.storage, ai->ai_addr, ai->ai_addrlen);
	set_port(&a, 0);
	if (!has_addr(lookup->addrs, lookup->count, &a))
		lookup->addrs[lookup->count++] = a;
}

/* On a helper thread. */
static void
run_lookup(struct helper_job *job)
{
	struct lookup *lookup = LIST_ENTRY(job, struct lookup, job);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int error = getaddrinfo(lookup->host, NULL, &hints, &list);

	if (error != 0) {
		text_copy(lookup->error, sizeof(lookup->error),
			  gai_strerror(error));
		return;
	}
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
		keep_addr(lookup, ai);
	freeaddrinfo(list);
	if (lookup->count == 0)
		text_copy(lookup->error, sizeof(lookup->error),
			  "the name has no usable address");
}

size_t
resolve_now(const char *host, uint16_t port,
	    struct addr addrs[RESOLVE_ADDRS_MAX], char error[128])
{
	struct lookup lookup = { 0 };

	text_copy(lookup.host, sizeof(lookup.host), host);
	run_lookup(&lookup.job);
	for (size_t i = 0; i < lookup.count; i++) {
		addrs[i] = lookup.addrs[i];
		set_port(&addrs[i], port);
	}
	text_copy(error, 128, lookup.error);
	return lookup.count;
}

static bool
is_same_set(const struct entry *e, const struct lookup *lookup)
{
	if (e->count != lookup->count)
		return false;
	for (size_t i = 0; i < e->count; i++)
		if (!has_addr(lookup->addrs, lookup->count, &e->addrs[i]))
			return false;
	return true;
}

/* Takes over what the helper found; a failure keeps the last good answer. */
static void
store(struct entry *e, const struct lookup *lookup)
{
	const struct resolver *r = e->resolver;
	bool is_found = lookup->count > 0;

	e->expires =
		loop_now(r->loop) + (is_found ? r->max_ttl : r->nxdomain_ttl);
	text_copy(e->error, sizeof(e->error), lookup->error);
	if (!is_found || is_same_set(e, lookup))
		return;
	memcpy(e->addrs, lookup->addrs, sizeof(e->addrs));
	e->count = lookup->count;
}

static void
deliver_lookup(struct mail *mail)
{
	struct helper_job *job = LIST_ENTRY(mail, struct helper_job, mail);
	struct lookup *lookup = LIST_ENTRY(job, struct lookup, job);
	struct entry *e = lookup->entry;

	if (e != NULL) {
		e->lookup = NULL;
		store(e, lookup);
		answer_waiting(e);
	}
	mem_free(lookup);
}

/* Sends a helper out for the name; false when memory is out. */
static bool
start_lookup(struct entry *e)
{
	struct lookup *lookup = mem_zalloc(sizeof(*lookup));

	if (lookup == NULL)
		return false;
	lookup->job.home = e->resolver->loop;
	lookup->job.run = run_lookup;
	lookup->job.mail.deliver = deliver_lookup;
	lookup->entry = e;
	text_copy(lookup->host, sizeof(lookup->host), e->host);
	e->lookup = lookup;
	helpers_post(e->resolver->helpers, &lookup->job);
	return true;
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
	if (map_put(r->entries, host, strlen(host), e))
		return e;
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
resolver_new(struct loop *loop, struct helpers *helpers)
{
	struct resolver *r = mem_zalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->entries = map_new();
	if (r->entries == NULL) {
		mem_free(r);
		return NULL;
	}
	r->loop = loop;
	r->helpers = helpers;
	r->max_ttl = r->nxdomain_ttl = TTL_USEC;
	return r;
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
	while ((e = map_next(r->entries, &cursor, NULL, NULL)) != NULL) {
		abandon(e);
		mem_free(e);
	}
	map_free(r->entries);
	mem_free(r);
}

void
resolver_configure(struct resolver *r, usec_t max_ttl, usec_t nxdomain_ttl)
{
	r->max_ttl = max_ttl;
	r->nxdomain_ttl = nxdomain_ttl;
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
