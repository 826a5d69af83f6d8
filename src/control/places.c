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

bool
places_are_privileged(const struct settings *set)
{
	return set->listen_addr[0] != '\0' &&
	       set->listen_port < PRIVILEGED_PORTS;
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
add_place(struct places *places, const struct settings *set,
	  const struct addr *addr)
{
	struct listen_spec *specs;

	if (has_place(places, addr))
		return;
	specs = mem_realloc(places->specs,
			    (places->count + 1) * sizeof(*specs));
	ASSERT(specs != NULL);
	places->specs = specs;
	specs[places->count++] = (struct listen_spec){
		.addr = *addr,
		.backlog = (int)set->listen_backlog,
		.share = set->so_reuseport != 0,
		.defer_accept = set->tcp_defer_accept != 0,
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
add_any(struct places *places, const struct settings *set)
{
	struct addr addr;

	if (addr_parse_ip("0.0.0.0", (uint16_t)set->listen_port, &addr))
		add_place(places, set, &addr);
	if (has_ipv6() &&
	    addr_parse_ip("::", (uint16_t)set->listen_port, &addr))
		add_place(places, set, &addr);
}

static bool
add_name(struct places *places, const struct settings *set, const char *name,
	 char *error, size_t error_size)
{
	struct addr addrs[RESOLVE_ADDRS_MAX];
	char why[128];
	size_t count =
		resolve_now(name, (uint16_t)set->listen_port, addrs, why);

	for (size_t i = 0; i < count; i++)
		add_place(places, set, &addrs[i]);
	if (count > 0)
		return true;
	text_format(error, error_size, "listen_addr: %s: %s", name, why);
	return false;
}

static bool
add_item(struct places *places, const struct settings *set, const char *item,
	 char *error, size_t error_size)
{
	struct addr addr;

	if (strcmp(item, "*") == 0) {
		add_any(places, set);
		return true;
	}
	if (addr_parse_ip(item, (uint16_t)set->listen_port, &addr)) {
		add_place(places, set, &addr);
		return true;
	}
	return add_name(places, set, item, error, error_size);
}

static bool
add_list(struct places *places, const struct settings *set, char *error,
	 size_t error_size)
{
	char *list = mem_must_strdup(set->listen_addr), *rest = list, *item;
	bool ok = true;

	while (ok && (item = strsep(&rest, ", \t")) != NULL)
		if (item[0] != '\0')
			ok = add_item(places, set, item, error, error_size);
	mem_free(list);
	return ok;
}

static bool
add_unix(struct places *places, const struct settings *set,
	 const struct back_ops *back, char *error, size_t error_size)
{
	char path[256];
	struct addr addr;

	back->unix_path(set->unix_socket_dir, (uint16_t)set->listen_port, path,
			sizeof(path));
	if (addr_set_unix(path, &addr)) {
		add_place(places, set, &addr);
		return true;
	}
	text_format(error, error_size,
		    "unix_socket_dir: %s is too long for a unix socket", path);
	return false;
}

bool
places_find(struct places *places, const struct settings *set,
	    const struct back_ops *back, char *error, size_t error_size)
{
	if (!add_list(places, set, error, error_size))
		return false;
	if (set->unix_socket_dir[0] != '\0' &&
	    !add_unix(places, set, back, error, error_size))
		return false;
	if (places->count > 0)
		return true;
	text_format(error, error_size,
		    "nowhere to listen: listen_addr and unix_socket_dir are "
		    "both empty");
	return false;
}
