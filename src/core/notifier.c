/*
 * The table of server processes; see notifier.h.
 *
 * What a client's transaction notifies is heard by another connection, a moment
 * later.  If the server works for somebody else by then, that one is named; who
 * is known to have notified keeps it so long (hearer_fences).
 */
#include "core/notifier.h"

#include "base/mem.h"
#include "base/text.h"
#include "core/cancel.h"
#include "core/client.h"
#include "core/server.h"
#include "core/shared.h"
#include "core/worker.h"

void
notifiers_init(struct notifiers *n)
{
	lock_init(&n->lock);
	n->servers = map_new();
}

void
notifiers_fini(struct notifiers *n)
{
	map_free(n->servers);
	lock_fini(&n->lock);
}

void
notifier_server(const char *host, uint16_t port, char out[NOTIFIER_SERVER_MAX])
{
	(void)text_format(out, NOTIFIER_SERVER_MAX, "%s:%u", host, port);
}

static size_t
key_of(const char *server, uint32_t pid, char *key, size_t size)
{
	return text_format(key, size, "%s/%u", server, pid);
}

static size_t
own_key(const struct server *s, char *key, size_t size)
{
	char at[NOTIFIER_SERVER_MAX];

	notifier_server(s->host, s->port, at);
	return key_of(at, s->notifier.pid, key, size);
}

void
notifier_open(struct server *s)
{
	struct notifiers *n = &s->worker->core->notifiers;
	char key[NOTIFIER_SERVER_MAX + 16];

	s->notifier.pid = s->ops->view(s->back)->remote_pid;
	if (s->notifier.pid == 0 || n->servers == NULL)
		return;
	lock_take(&n->lock);
	/* Without memory its clients are told the server's own pid. */
	if (!map_put(n->servers, key, own_key(s, key, sizeof(key)),
		     &s->notifier))
		s->notifier.pid = 0;
	lock_give(&n->lock);
}

void
notifier_close(struct server *s)
{
	struct notifiers *n = &s->worker->core->notifiers;
	char key[NOTIFIER_SERVER_MAX + 16];
	size_t len;

	if (s->notifier.pid == 0)
		return;
	len = own_key(s, key, sizeof(key));
	lock_take(&n->lock);
	/* Its process may be gone, and another have its number by now. */
	if (map_find(n->servers, key, len) == &s->notifier)
		(void)map_remove(n->servers, key, len);
	lock_give(&n->lock);
	s->notifier.pid = 0;
}

void
notifier_link(struct server *s, const struct client *c)
{
	uint8_t key[CANCEL_KEY_BYTES];

	s->ops->view(s->back)->is_heard = atomic_load(&c->pool->ears) > 0;
	cancel_key_of(c, key);
	atomic_store_explicit(&s->notifier.client_pid,
			      (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 |
				      (uint32_t)key[2] << 8 | key[3],
			      memory_order_release);
}

uint32_t
notifier_client(struct core *core, const char *server, uint32_t pid)
{
	struct notifiers *n = &core->notifiers;
	char key[NOTIFIER_SERVER_MAX + 16];
	size_t len = key_of(server, pid, key, sizeof(key));
	const struct notifier *found;
	uint32_t client = 0;

	if (n->servers == NULL)
		return pid;
	lock_take(&n->lock);
	found = map_find(n->servers, key, len);
	if (found != NULL)
		client = atomic_load_explicit(&found->client_pid,
					      memory_order_acquire);
	lock_give(&n->lock);
	return client != 0 ? client : pid;
}
