/*
 * Pins begin and end at a client's boundaries, and end with its tenure.  The
 * protocol decides about them; here they are counted and told.
 */
#include "core/pins.h"

#include "base/mem.h"
#include "base/text.h"
#include "core/front.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker.h"

_Static_assert(STATE_KINDS <= 6, "client.pins_told has a bit for each");

/* What a pinned client has on its server, and what would end that. */
static const struct {
	const char *has;
	const char *until;
} words[STATE_KINDS] = {
	[STATE_TEMP_TABLE] = { "temporary tables", "they are dropped" },
	[STATE_ADVISORY_LOCK] = { "locks of its session", "they are released" },
	[STATE_HOLD_CURSOR] = { "cursors that outlive their transaction",
				"they are closed" },
	[STATE_LOAD] = { "a library loaded", "it disconnects" },
	[STATE_UNKNOWN_SET] = { "changed what carpool cannot follow",
				"everything is reset" },
	[STATE_LISTEN] = { "channels that it listens to",
			   "it listens to none" },
};

static void
tell(struct client *c, enum state_kind kind)
{
	struct session_turn st;
	char text[256];

	if ((c->pins_told & BIT(kind)) != 0)
		return;
	c->pins_told = (c->pins_told | BIT(kind)) & 0x3f;
	(void)text_format(text, sizeof(text),
			  "this session keeps its server connection: it has %s "
			  "(%s); others may use it again when %s "
			  "(on_%s, pin_notice)",
			  words[kind].has, state_kind_names[kind],
			  words[kind].until, state_kind_names[kind]);
	session_client_turn(c, &st);
	client_front(c)->notice(&st.turn, text);
}

/* LISTEN was to cost no server: who is pinned for it all the same is told. */
static bool
is_told(const struct policy *policy, enum state_kind kind)
{
	return policy->pin_notice ||
	       (kind == STATE_LISTEN &&
		(policy->cannot_hear ||
		 policy->on_state[kind] == STATE_EMULATE));
}

static struct pool_part *
part_of(const struct client *c)
{
	return &c->pool->parts[c->worker->id];
}

static void
begin(struct client *c, unsigned kind)
{
	struct pool_part *part = part_of(c);
	uint32_t now = atomic_load_explicit(&part->pins_now[kind],
					    memory_order_relaxed);
	uint64_t begun = atomic_load_explicit(&part->pins_begun[kind],
					      memory_order_relaxed);

	atomic_store_explicit(&part->pins_now[kind], now + 1,
			      memory_order_relaxed);
	atomic_store_explicit(&part->pins_begun[kind], begun + 1,
			      memory_order_relaxed);
	c->tenure->pins->list[kind] = (struct pin){
		.since = loop_now(c->worker->loop),
		.digest = c->server->ops->view(c->server->back)->digest,
	};
	/* The others are none of a protocol that has notices. */
	if (kind < STATE_KINDS &&
	    is_told(worker_policy(c->worker, c->pool), (enum state_kind)kind))
		tell(c, (enum state_kind)kind);
}

static void
end(struct client *c, unsigned kind)
{
	_Atomic uint32_t *count = &part_of(c)->pins_now[kind];
	uint32_t now = atomic_load_explicit(count, memory_order_relaxed);

	ASSERT(now > 0);
	atomic_store_explicit(count, now - 1, memory_order_relaxed);
}

void
pins_set(struct client *c, uint32_t held)
{
	struct tenure *t = c->tenure;
	uint32_t before;

	if (t->pins == NULL && held != 0)
		t->pins = mem_zalloc(sizeof(*t->pins));
	/* Without memory it is held all the same, but nobody is told. */
	if (t->pins == NULL)
		return;
	before = t->pins->held;
	t->pins->held = held;
	for (unsigned i = 0; i < PIN_KINDS; i++) {
		if ((held & ~before & BIT(i)) != 0)
			begin(c, i);
		if ((before & ~held & BIT(i)) != 0)
			end(c, i);
	}
	if (held == 0) {
		mem_free(t->pins);
		t->pins = NULL;
	}
}

void
pins_sum(const struct pool_part *part, uint32_t now[PIN_KINDS],
	 uint64_t begun[PIN_KINDS])
{
	for (unsigned i = 0; i < PIN_KINDS; i++) {
		now[i] += atomic_load_explicit(&part->pins_now[i],
					       memory_order_relaxed);
		begun[i] += atomic_load_explicit(&part->pins_begun[i],
						 memory_order_relaxed);
	}
}
