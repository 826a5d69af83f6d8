/*
 * One pool of database a, of the sizes that a test wants.
 */
#ifndef TEST_CORE_POOL_ONE_H
#define TEST_CORE_POOL_ONE_H

#include "world_check.h"

#define ONE_POOL                                                               \
	"[databases]\n"                                                        \
	"a = host=127.0.0.1 pool_size=%u reserve_pool_size=%u "                \
	"min_pool_size=%u max_db_connections=%u\n" WORLD_SETTINGS              \
	"reserve_pool_timeout = 5\nserver_lifetime = %u\n"                     \
	"server_login_retry = 15\nserver_idle_timeout = 600\n"

struct sizes {
	unsigned size, reserve, min, db_max, lifetime;
};

static inline const char *
one_pool(struct sizes s)
{
	static char text[1024];

	(void)text_format(text, sizeof(text), ONE_POOL, s.size, s.reserve,
			  s.min, s.db_max, s.lifetime == 0 ? 3600 : s.lifetime);
	return text;
}

static inline struct pool *
open_one(unsigned workers, unsigned home, struct sizes sizes)
{
	world_open(workers, one_pool(sizes));
	world.on_connect = check_opening;
	return world_pool("a", "u", home);
}

static inline void
close_one(struct pool *p)
{
	check_pool(p);
	deliver_all();
	check_pool(p);
	check_quiet(p);
	pool_unref(p);
	world_close();
}

#endif
