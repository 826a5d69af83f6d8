/*
 * What all workers share: struct core.  Constant after core_new but for the
 * parts that say how they are guarded.
 */
#ifndef CARPOOL_CORE_SHARED_H
#define CARPOOL_CORE_SHARED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/cancel.h"
#include "core/changes.h"
#include "core/core.h"
#include "core/greeting.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/lost.h"
#include "core/notifier.h"
#include "core/route.h"

struct core {
	struct worker **workers; /* owns */
	unsigned worker_count;
	const struct front_ops *const *fronts; /* borrows: by enum protocol */
	struct helpers *helpers;               /* borrows */
	struct resolver *resolver;             /* borrows */
	struct key_cache *keys;                /* borrows: for the turns */
	struct rsa_key *rsa;                   /* borrows: for the turns */
	struct loop *control;                  /* borrows */
	struct listen_set *listening;          /* borrows, or NULL */
	void (*console_submit)(void *arg, struct console_request *request);
	void *console_arg;
	void (*secret_submit)(void *arg, struct secret_request *request);
	void *secret_arg;
	void (*channel_submit)(void *arg, struct channel_request *request);
	bool (*channel_place)(void *arg, struct pool *pool);
	void *channel_arg;
	struct snapshot *snapshot; /* refs; the control thread's */

	struct greeting greetings[PROTOCOLS]; /* see there */

	struct limits limits;       /* under its own lock */
	struct routes routes;       /* under its own lock */
	struct notifiers notifiers; /* under its own lock */
	struct lost lost;           /* under its own lock */
	struct ids ids;             /* under its own lock */
	struct changes changes;     /* any thread may count */

	uint8_t mock_secret[MOCK_SECRET_BYTES]; /* constant; see struct turn */
	uint64_t share_seed;                    /* constant; see share_open */

	/* Plain numbers that any thread may read at any time. */
	_Atomic uint64_t next_id;
	_Atomic uint32_t logins;      /* clients not yet logged in */
	_Atomic uint32_t login_limit; /* openings in flight for each pool */
	_Atomic uint64_t login_retry; /* server_login_retry, microseconds */
	_Atomic bool round_robin;     /* server_round_robin */
	_Atomic bool is_paused;       /* PAUSE of everything */
	_Atomic bool is_memory_short; /* memory_limit is reached */
	_Atomic bool is_stopping;     /* no new servers, no new clients */
	_Atomic int drain;            /* enum drain + 1; 0 = none */

	/* Clients on descriptors from the first number on are refused, but for
	 * the console; from the second on TCP connections are closed unheard:
	 * what is left is for servers and for the unix socket. */
	int fd_refuse, fd_close;
};

/* Unpredictable bits.  Any thread. */
uint64_t core_random(void);
void core_entropy(void *out, size_t len);

/*
 * The limits refused a share: of the pools whose place would suit it, the one
 * whose idle server has rested longest closes that.  Who has not clearly more
 * than the pool keeps a server for HUNGER_SLACK after its use.
 */
void core_claim_idle(struct core *core, const struct share *hungry, usec_t now);

#endif
