/*
 * Of the tests' world (world.h): a back whose steps the test decides.
 */
#ifndef TEST_CORE_WORLD_BACK_H
#define TEST_CORE_WORLD_BACK_H

#include "world_io.h"

static inline void *
world_back_open(const struct credential *cred, const char *database,
		struct startup_words words, const struct policy *policy)
{
	(void)cred, (void)database, (void)words, (void)policy;
	return mem_must_zalloc(sizeof(struct world_back));
}

static inline struct back_view *
world_back_view(void *back)
{
	return &((struct world_back *)back)->view;
}

static inline struct order
world_back_step(struct turn *turn)
{
	struct world_back *b = turn->self;

	if (!b->has_next)
		return order_plain(ORDER_WAIT);
	b->has_next = false;
	return b->next;
}

static inline void
world_back_unlink(void *back)
{
	(void)back;
}

static inline bool
world_back_reset(struct turn *turn)
{
	struct world_back *b = turn->self;

	b->view.owed = b->resets ? 1 : 0;
	return true;
}

static inline void
world_back_terminate(struct turn *turn)
{
	(void)turn;
}

static const int world_facts_object;

static inline const void *
world_facts(void *back)
{
	(void)back;
	return &world_facts_object;
}

static inline const void *
world_facts_ref(const void *facts)
{
	return facts;
}

static inline void
world_facts_unref(const void *facts)
{
	(void)facts;
}

static inline const uint8_t *
world_last_error(void *back, size_t *len, char *text, size_t size)
{
	(void)back, (void)text, (void)size;
	*len = 0;
	return NULL;
}

static inline bool
world_suits(const void *back, const void *front)
{
	return ((const struct world_back *)back)->like == front;
}

static const struct back_ops world_back_ops = {
	.name = "world",
	.open = world_back_open,
	.close = mem_free,
	.view = world_back_view,
	.step = world_back_step,
	.unlink = world_back_unlink,
	.reset = world_back_reset,
	.check = world_back_reset,
	.terminate = world_back_terminate,
	.facts = world_facts,
	.facts_ref = world_facts_ref,
	.facts_unref = world_facts_unref,
	.last_error = world_last_error,
	.suits = world_suits,
};

static void *
world_share_open(uint64_t seed)
{
	(void)seed;
	return mem_zalloc(1);
}

static const struct front_ops world_front_ops = {
	.name = "world",
	.share_open = world_share_open,
	.share_close = mem_free,
	.back = &world_back_ops,
};

static const struct front_ops *const world_fronts[PROTOCOLS] = {
	&world_front_ops, &world_front_ops
};

#endif
