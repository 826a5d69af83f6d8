/*
 * Where to listen.  Main thread, at the start; may block on a name's lookup.
 */
#include "control/places.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/resolve.h"

#define PRIVILEGED_PORTS 1024u

/* The places of one protocol. */
struct search {
	struct places *places;
	const struct settings *set;
	const struct front_ops *front;
	unsigned protocol;
	uint16_t port;
	char *error;
	size_t error_size;
};

bool
places_are_privileged(const struct snapshot *s)
{
	const struct settings *set = snapshot_settings(s);
	uint16_t port;

	for (unsigned p = 0; p < PROTOCOLS; p++)
		if (set->listen_addr[0] != '\0' &&
		    snapshot_listens(s, p, &port) && port < PRIVILEGED_PORTS)
			return true;
	return false;
}

void
places_fini(struct places *places)
{
	mem_free(places->specs);
	*places = (struct places){ 0 };
}

static bool
has_place(const struct places *places, const struct addr *addr)
{
	for (size_t i = 0; i < places->count; i++)
		if (addr_equal(&places->specs[i].addr, addr))
			return true;
	return false;
}

/* "localhost" and its address may both stand in the list. */
static void
add_place(struct search *search, const struct addr *addr)
{
	const struct settings *set = search->set;
	struct places *places = search->places;
	struct listen_spec *specs;

	if (has_place(places, addr))
		return;
	specs = mem_realloc(places->specs,
			    (places->count + 1) * sizeof(*specs));
	ASSERT(specs != NULL);
	places->specs = specs;
	specs[places->count++] = (struct listen_spec){
		.addr = *addr,
		.tag = search->protocol,
		.backlog = (int)set->listen_backlog,
		.share = set->so_reuseport != 0,
		.defer_accept = set->tcp_defer_accept != 0 &&
				!search->front->speaks_first,
		.unix_mode = set->unix_socket_mode,
		.unix_group = set->unix_socket_group,
	};
}

/* A kernel without IPv6 shall not keep "*" from working. */
static bool
has_ipv6(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	ok = bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0;
	close(fd);
	return ok;
}

static void
add_any(struct search *search)
{
	struct addr addr;

	if (addr_parse_ip("0.0.0.0", search->port, &addr))
		add_place(search, &addr);
	if (has_ipv6() && addr_parse_ip("::", search->port, &addr))
		add_place(search, &addr);
}

static bool
add_name(struct search *search, const char *name)
{
	struct addr addrs[RESOLVE_ADDRS_MAX];
	char why[128];
	size_t count = resolve_now(name, search->port, addrs, why);

	for (size_t i = 0; i < count; i++)
		add_place(search, &addrs[i]);
	if (count > 0)
		return true;
	text_format(search->error, search->error_size, "listen_addr: %s: %s",
		    name, why);
	return false;
}

static bool
add_item(struct search *search, const char *item)
{
	struct addr addr;

	if (strcmp(item, "*") == 0) {
		add_any(search);
		return true;
	}
	if (addr_parse_ip(item, search->port, &addr)) {
		add_place(search, &addr);
		return true;
	}
	return add_name(search, item);
}

static bool
add_list(struct search *search)
{
	char *list = mem_must_strdup(search->set->listen_addr), *rest = list;
	char *item;
	bool ok = true;

	while (ok && (item = strsep(&rest, ", \t")) != NULL)
		if (item[0] != '\0')
			ok = add_item(search, item);
	mem_free(list);
	return ok;
}

static bool
add_unix(struct search *search)
{
	char path[256];
	struct addr addr;

	if (search->set->unix_socket_dir[0] == '\0')
		return true;
	search->front->listen_path(search->set->unix_socket_dir, search->port,
				   path, sizeof(path));
	if (addr_set_unix(path, &addr)) {
		add_place(search, &addr);
		return true;
	}
	text_format(search->error, search->error_size,
		    "unix_socket_dir: %s is too long for a unix socket", path);
	return false;
}

bool
places_find(struct places *places, const struct snapshot *s,
	    const struct front_ops *const *fronts, char *error,
	    size_t error_size)
{
	struct search search = {
		.places = places,
		.set = snapshot_settings(s),
		.error = error,
		.error_size = error_size,
	};

	for (unsigned p = 0; p < PROTOCOLS; p++) {
		search.front = fronts[p];
		search.protocol = p;
		if (snapshot_listens(s, p, &search.port) &&
		    (!add_list(&search) || !add_unix(&search)))
			return false;
	}
	if (places->count > 0)
		return true;
	text_format(error, error_size,
		    "nowhere to listen: listen_addr and unix_socket_dir are "
		    "both empty");
	return false;
}
