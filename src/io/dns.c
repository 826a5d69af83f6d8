/*
 * Questions to name servers: a channel of c-ares for each, driven by poll on
 * the thread that asks, until it is answered, out of time or canceled.
 *
 * c-ares 1.18 reads neither a port behind a name server's address nor the
 * options timeout and attempts from resolv.conf, so these are read here.
 *
 * A question owns its channel; struct dns is shared and counts its users, for
 * a question may outlive the resolver that sent it.
 */
#include "io/dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define SYSTEM_CONF "/etc/resolv.conf"
#define SERVERS_MAX 8
/* What resolv.conf(5) promises where it says nothing, and allows at most. */
#define TIMEOUT_SEC 5
#define TIMEOUT_MAX_SEC 30
#define ATTEMPTS 2
#define ATTEMPTS_MAX 5

struct dns {
	atomic_uint refs;
	int stop;          /* owns: an eventfd, readable once canceled */
	char *resolv_conf; /* owns; NULL = the system's */
};

/* What is read from resolv.conf here. */
struct conf {
	struct ares_addr_port_node servers[SERVERS_MAX];
	size_t count;
	bool has_port; /* of one of them: c-ares missed it */
	int timeout_sec;
	int attempts;
};

struct dns *
dns_new(const char *resolv_conf)
{
	struct dns *dns = mem_zalloc(sizeof(*dns));

	if (dns == NULL)
		return NULL;
	atomic_store(&dns->refs, 1);
	dns->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resolv_conf != NULL && resolv_conf[0] != '\0') {
		dns->resolv_conf = mem_strdup(resolv_conf);
		if (dns->resolv_conf == NULL) {
			dns_unref(dns);
			return NULL;
		}
	}
	if (dns->stop >= 0)
		return dns;
	dns_unref(dns);
	return NULL;
}

struct dns *
dns_ref(struct dns *dns)
{
	atomic_fetch_add(&dns->refs, 1);
	return dns;
}

void
dns_unref(struct dns *dns)
{
	if (dns == NULL || atomic_fetch_sub(&dns->refs, 1) > 1)
		return;
	if (dns->stop >= 0)
		close(dns->stop);
	mem_free(dns->resolv_conf);
	mem_free(dns);
}

void
dns_cancel(struct dns *dns)
{
	/* It can fail only where it is readable already. */
	(void)eventfd_write(dns->stop, 1);
}

/* ------------------------------------------------------------------------
 * resolv.conf
 */

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353". */
static bool
parse_server(const char *word, struct addr *addr, uint64_t *port)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *end = strrchr(word, ':');
	size_t len;

	*port = 0;
	if (addr_parse_ip(word, 0, addr))
		return true;
	if (end == NULL || !text_to_u64(end + 1, 10, port) || *port == 0 ||
	    *port > UINT16_MAX)
		return false;
	len = (size_t)(end - word);
	if (word[0] == '[' && len > 2 && word[len - 1] == ']') {
		word++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return false;
	memcpy(host, word, len);
	host[len] = '\0';
	return addr_parse_ip(host, 0, addr);
}

static void
add_server(struct conf *conf, const char *word)
{
	struct ares_addr_port_node *node = &conf->servers[conf->count];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct addr addr;
	uint64_t port;

	if (conf->count == SERVERS_MAX || !parse_server(word, &addr, &port))
		return;
	node->family = addr.sa.sa_family;
	node->udp_port = node->tcp_port = (int)port;
	if (node->family == AF_INET) {
		memcpy(&in, &addr.storage, sizeof(in));
		node->addr.addr4 = in.sin_addr;
	} else {
		memcpy(&in6, &addr.storage, sizeof(in6));
		memcpy(&node->addr.addr6, &in6.sin6_addr,
		       sizeof(node->addr.addr6));
	}
	if (conf->count > 0)
		conf->servers[conf->count - 1].next = node;
	conf->count++;
	conf->has_port |= port != 0;
}

/* "name:7" sets *value to 7, within its bounds. */
static void
read_option(const char *word, const char *name, int most, int *value)
{
	size_t len = strlen(name);
	uint64_t number;

	if (strncmp(word, name, len) == 0 &&
	    text_to_u64(word + len, 10, &number))
		*value = number < 1                ? 1
			 : number > (uint64_t)most ? most
						   : (int)number;
}

static void
read_line(struct conf *conf, char *line)
{
	static const char blanks[] = " \t\r\n";
	char *word = strsep(&line, blanks), *rest;

	if (strcmp(word, "nameserver") == 0) {
		while ((rest = strsep(&line, blanks)) != NULL &&
		       rest[0] == '\0')
			;
		if (rest != NULL)
			add_server(conf, rest);
	} else if (strcmp(word, "options") == 0) {
		while ((rest = strsep(&line, blanks)) != NULL) {
			read_option(rest, "timeout:", TIMEOUT_MAX_SEC,
				    &conf->timeout_sec);
			read_option(rest, "attempts:", ATTEMPTS_MAX,
				    &conf->attempts);
		}
	}
}

/* False: a file of the user's own cannot be read. */
static bool
read_conf(const struct dns *dns, struct conf *conf, char error[128])
{
	const char *path =
		dns->resolv_conf != NULL ? dns->resolv_conf : SYSTEM_CONF;
	FILE *file = fopen(path, "re");
	char line[1024];

	*conf = (struct conf){ .timeout_sec = TIMEOUT_SEC,
			       .attempts = ATTEMPTS };
	if (file == NULL) {
		text_format(error, 128, "resolv_conf: %s",
			    strerrordesc_np(errno));
		return dns->resolv_conf == NULL;
	}
	while (fgets(line, sizeof(line), file) != NULL)
		read_line(conf, line);
	fclose(file);
	return true;
}

/* ------------------------------------------------------------------------
 * Asking
 */

static bool
open_channel(const struct dns *dns, ares_channel *channel, char error[128])
{
	struct ares_options options = { 0 };
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
	struct conf conf;
	int status;

	if (!read_conf(dns, &conf, error))
		return false;
	options.timeout = conf.timeout_sec * 1000;
	options.tries = conf.attempts;
	if (dns->resolv_conf != NULL) {
		options.resolvconf_path = dns->resolv_conf;
		mask |= ARES_OPT_RESOLVCONF;
	}
	status = ares_init_options(channel, &options, mask);
	if (status == ARES_SUCCESS && conf.has_port) {
		status = ares_set_servers_ports(*channel, conf.servers);
		if (status != ARES_SUCCESS)
			ares_destroy(*channel);
	}
	if (status == ARES_SUCCESS)
		return true;
	text_copy(error, 128, ares_strerror(status));
	return false;
}

/* Milliseconds until c-ares wants to look again, -1 = never. */
static int
wait_msec(ares_channel channel)
{
	struct timeval room, *wait = ares_timeout(channel, NULL, &room);

	if (wait == NULL)
		return -1;
	if (wait->tv_sec > TIMEOUT_MAX_SEC * 1000)
		return INT_MAX;
	return (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
}

/* The channel's sockets and the events it wants of each; their number. */
static nfds_t
list_sockets(ares_channel channel, struct pollfd *polls)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned bits =
		(unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	nfds_t count = 0;

	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		unsigned reads = bits >> i & 1;
		unsigned writes = bits >> (i + ARES_GETSOCK_MAXNUM) & 1;

		if ((reads | writes) == 0)
			break;
		polls[count++] = (struct pollfd){
			.fd = sockets[i],
			.events = (short)((reads ? POLLIN : 0) |
					  (writes ? POLLOUT : 0)),
		};
	}
	return count;
}

/* Drives the channel until *is_done, which its callback sets. */
static void
wait_for(const struct dns *dns, ares_channel channel, const bool *is_done)
{
	struct pollfd polls[ARES_GETSOCK_MAXNUM + 1];

	while (!*is_done) {
		nfds_t count = list_sockets(channel, polls);
		int wait = wait_msec(channel);

		polls[count] =
			(struct pollfd){ .fd = dns->stop, .events = POLLIN };
		/* A failure is a look at the times. */
		if (poll(polls, count + 1, wait) < 0)
			count = 0;
		else if (polls[count].revents != 0)
			ares_cancel(channel);
		for (nfds_t i = 0; i < count && !*is_done; i++) {
			bool reads = (polls[i].revents & ~POLLOUT) != 0;
			bool writes = (polls[i].revents & POLLOUT) != 0;

			ares_process_fd(channel,
					reads ? polls[i].fd : ARES_SOCKET_BAD,
					writes ? polls[i].fd : ARES_SOCKET_BAD);
		}
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
}

struct host_question {
	struct dns_answer *answer; /* borrows */
	bool is_done;
};

static void
shorten_ttl(struct dns_answer *answer, int ttl)
{
	/* One with the highest bit set counts as none at all. */
	uint32_t ttl_sec = ttl < 0 ? 0 : (uint32_t)ttl;

	if (ttl_sec < answer->ttl_sec)
		answer->ttl_sec = ttl_sec;
}

void
dns_keep_addr(struct dns_answer *answer, const struct sockaddr *sa,
	      socklen_t len)
{
	struct addr a = { .len = len };

	if ((sa->sa_family != AF_INET && sa->sa_family != AF_INET6) ||
	    len > sizeof(a.storage))
		return;
	memcpy(&a.storage, sa, len);
	addr_set_port(&a, 0);
	for (size_t i = 0; i < answer->count; i++)
		if (addr_equal(&answer->addrs[i], &a))
			return;
	if (answer->count == RESOLVE_ADDRS_MAX)
		answer->is_cut = true;
	else
		answer->addrs[answer->count++] = a;
}

static void
on_host(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct host_question *question = arg;
	struct dns_answer *answer = question->answer;

	(void)timeouts;
	question->is_done = true;
	if (status != ARES_SUCCESS || info == NULL) {
		text_copy(answer->error, sizeof(answer->error),
			  ares_strerror(status));
		return;
	}
	for (const struct ares_addrinfo_node *node = info->nodes; node != NULL;
	     node = node->ai_next) {
		shorten_ttl(answer, node->ai_ttl);
		dns_keep_addr(answer, node->ai_addr, node->ai_addrlen);
	}
	for (const struct ares_addrinfo_cname *cname = info->cnames;
	     cname != NULL; cname = cname->next)
		shorten_ttl(answer, cname->ttl);
	if (answer->count == 0)
		text_copy(answer->error, sizeof(answer->error),
			  "the name has no usable address");
	ares_freeaddrinfo(info);
}

void
dns_lookup(const struct dns *dns, const char *host, struct dns_answer *answer)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
					     .ai_socktype = SOCK_STREAM };
	struct host_question question = { .answer = answer };
	ares_channel channel;

	*answer = (struct dns_answer){ .ttl_sec = DNS_TTL_NONE };
	if (!open_channel(dns, &channel, answer->error))
		return;
	ares_getaddrinfo(channel, host, NULL, &hints, on_host, &question);
	/* No name server answers that fast: it was in the hosts file, of whose
	 * lines c-ares says 0. */
	if (question.is_done)
		answer->ttl_sec = DNS_TTL_NONE;
	wait_for(dns, channel, &question.is_done);
	ares_destroy(channel);
}

struct serial_question {
	uint32_t serial;
	bool is_found;
	bool is_done;
};

static void
on_serial(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct serial_question *question = arg;
	struct ares_soa_reply *soa = NULL;

	(void)timeouts;
	question->is_done = true;
	if (status != ARES_SUCCESS ||
	    ares_parse_soa_reply(data, len, &soa) != ARES_SUCCESS)
		return;
	question->serial = soa->serial;
	question->is_found = true;
	ares_free_data(soa);
}

bool
dns_serial(const struct dns *dns, const char *zone, uint32_t *serial)
{
	struct serial_question question = { 0 };
	ares_channel channel;
	char error[128];

	if (!open_channel(dns, &channel, error))
		return false;
	ares_query(channel, zone, ns_c_in, ns_t_soa, on_serial, &question);
	wait_for(dns, channel, &question.is_done);
	ares_destroy(channel);
	*serial = question.serial;
	return question.is_found;
}
