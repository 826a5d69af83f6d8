/*
 * Clients behind a proxy; see proxied.h.
 *
 * Most clients come by themselves, so what a header said is kept apart from
 * struct client: in a map of the worker, by the client's number.
 */
#include "core/proxied.h"

#include "base/map.h"
#include "base/mem.h"
#include "core/client_inner.h"
#include "core/front.h"
#include "core/worker.h"
#include "io/proxy_header.h"

static bool
keep(struct client *c, struct addr *addr)
{
	struct worker *w = c->worker;

	if (w->proxied == NULL)
		w->proxied = map_new();
	if (w->proxied == NULL ||
	    !map_put(w->proxied, &c->id, sizeof(c->id), addr))
		return false;
	c->is_proxied = true;
	return true;
}

static struct addr *
take(struct client *c)
{
	if (!c->is_proxied)
		return NULL;
	c->is_proxied = false;
	return map_remove(c->worker->proxied, &c->id, sizeof(c->id));
}

/* False: memory is out. */
static bool
keep_source(struct client *c, const struct addr *source)
{
	struct addr *copy = mem_zalloc(sizeof(*copy));

	if (copy == NULL)
		return false;
	*copy = *source;
	if (keep(c, copy))
		return true;
	mem_free(copy);
	return false;
}

bool
proxied_begin(struct client *c)
{
	uint8_t data[PROXY_HEADER_MAX];
	size_t len = c->stream.in.len;
	struct proxy_header h;

	if (len > sizeof(data))
		len = sizeof(data);
	buf_copy_out(&c->stream.in, 0, data, len);
	switch (proxy_header_read(data, len, &h)) {
	case PROXY_MORE:
		if (stream_has_ended(&c->stream))
			client_close(c, REASON_PROXY_HEADER);
		return false;
	case PROXY_NONE:
		/* A client that was greeted already may be one of their own;
		 * where the client speaks first, the header must. */
		c->login->wants_proxy = false;
		if (client_front(c)->speaks_first)
			return true;
		client_close(c, REASON_PROXY_HEADER);
		return false;
	case PROXY_BAD:
		client_close(c, REASON_PROXY_HEADER);
		return false;
	case PROXY_READ:
		break;
	}
	c->login->wants_proxy = false;
	buf_drop(&c->stream.in, h.used);
	if (!h.has_source || keep_source(c, &h.source))
		return true;
	client_close(c, REASON_NO_MEMORY);
	return false;
}

bool
client_peer_addr(const struct client *c, struct addr *out)
{
	const struct addr *told = NULL;

	if (c->is_proxied)
		told = map_find(c->worker->proxied, &c->id, sizeof(c->id));
	if (told == NULL)
		return addr_of_peer(c->stream.fd, out);
	*out = *told;
	return true;
}

void
proxied_leave(struct client *c)
{
	c->login->proxied = take(c);
}

bool
proxied_arrive(struct client *c)
{
	struct addr *addr = c->login->proxied;

	if (addr == NULL)
		return true;
	if (!keep(c, addr))
		return false;
	c->login->proxied = NULL;
	return true;
}

void
proxied_end(struct client *c)
{
	mem_free(take(c));
}
