/*
 * Of the tests' world (world.h): clients, which are waiters that remember what
 * they were told.
 */
#ifndef TEST_CORE_WORLD_CLIENT_H
#define TEST_CORE_WORLD_CLIENT_H

#include "world_io.h"

const char *const client_state_names[CLIENT_STATES] = { "" };

void
client_granted(struct client *c, struct server *s)
{
	ASSERT(c->server == NULL && s->client == NULL);
	ASSERT(c->worker == s->worker && c->worker->id == world.current);
	ASSERT(s->state != SERVER_CLOSED && !s->is_shelved);
	ASSERT(s->class == (c->class != NULL ? c->class : &c->pool->neutral));
	if (world.on_granted != NULL)
		world.on_granted(c, s);
	c->server = s;
	s->client = c;
	s->state = SERVER_ACTIVE;
	s->granted_at = loop_now(c->worker->loop);
	c->tenure->ticket.since = 0;
	c->state = CLIENT_ACTIVE;
}

void
client_pool_failed(struct client *c)
{
	ASSERT(c->server == NULL && c->worker->id == world.current);
	c->state = CLIENT_CLOSED;
	c->tenure->ticket.since = 0;
	world.pool_failed++;
}

void
client_server_failed(struct client *c, enum reason reason)
{
	struct server *s = c->server;

	c->server = NULL;
	s->client = NULL;
	c->state = CLIENT_CLOSED;
	server_close(s, reason);
}

void
client_close_soon(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
}

void
client_free(struct client *c)
{
	if (c->class != NULL)
		pool_class_give(c->pool, c->class);
	mem_free(c->tenure);
	mem_free(c);
}

void
client_drop_tenure(struct client *c)
{
	(void)c;
	abort();
}

struct client_handle
client_handle(const struct client *c)
{
	(void)c;
	return (struct client_handle){ 0 };
}

/* Never called in this world. */
void
client_accept(struct worker *w, int fd, const struct addr *peer,
	      unsigned protocol)
{
	(void)w, (void)fd, (void)peer, (void)protocol;
	abort();
}

void
client_set_state(struct client *c, enum client_state state)
{
	(void)c, (void)state;
	abort();
}

void
client_close(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
	abort();
}

void
client_refuse(struct client *c, const struct refusal *refusal)
{
	(void)c, (void)refusal;
	abort();
}

void
client_refuse_reason(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
	abort();
}

void
client_end(struct client *c, enum reason reason)
{
	(void)c, (void)reason;
	abort();
}

void
client_linger(struct client *c)
{
	(void)c;
	abort();
}

enum flush
client_flush(struct client *c)
{
	(void)c;
	abort();
}

void
client_count_bytes(struct client *c, enum counter which, size_t bytes)
{
	(void)c, (void)which, (void)bytes;
}

void
client_count_answered(struct client *c)
{
	(void)c;
}

void
client_tally(struct client *c, usec_t now)
{
	(void)c, (void)now;
	abort();
}

void
client_account(struct client *c, usec_t now)
{
	(void)c, (void)now;
	abort();
}

bool
client_move(struct client *c, struct worker *to)
{
	(void)c, (void)to;
	abort();
}

void
client_sweep(struct worker *w)
{
	(void)w;
}

void
client_close_if_at_rest(struct client *c)
{
	(void)c;
	abort();
}

#endif
