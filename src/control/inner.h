/*
 * The inside of control, for the files of this folder that share it.
 */
#ifndef CARPOOL_CONTROL_INNER_H
#define CARPOOL_CONTROL_INNER_H

#include "control/control.h"
#include "control/process.h"
#include "io/timer.h"

struct signals;
struct asker;
struct taps;

/* "name=value" that SET gave, until the next reload. */
struct set_pair {
	char *text; /* owns */
	struct set_pair *next;
};

struct control {
	struct loop *loop;                  /* borrows */
	struct resolver *resolver;          /* borrows */
	struct key_cache *keys;             /* borrows */
	struct core *core;                  /* borrows; NULL until it runs */
	const struct config_source *source; /* borrows */
	struct snapshot *snapshot;          /* refs */
	struct signals *signals;            /* owns */
	struct averages *averages;          /* owns */
	struct taps *taps;                  /* owns */
	struct asker *asker;                /* owns */
	char *file;                         /* owns: SET conffile, or NULL */
	struct set_pair *sets;              /* owns; newest first */
	enum log_console log_console;
	bool is_stopped;

	void (*take)(void *arg, struct console_request *request);
	void *take_arg; /* borrows */
	uint64_t commands;

	struct list waits; /* borrows struct control_wait */
	struct timer wait_timer;
	struct timer period_timer; /* averages */

	struct timer memory_timer;
	uint64_t memory_limit; /* bytes; 0 = none */
	int memory_fd;         /* owns: /proc/self/statm */
	unsigned memory_looks; /* while it was short */
	bool is_memory_short;

	enum shutdown shutdown;
	struct timer drain_timer;
	usec_t drain_deadline; /* 0 = none */
};

/* reload.c: what does not go by way of the core. */
void reload_apply(struct control *c);
void reload_fini(struct control *c);

/* memory.c: the watch over memory_limit, begun or changed by _apply. */
void memory_init(struct control *c);
void memory_apply(struct control *c);
void memory_fini(struct control *c);

/* drain.c */
void drain_init(struct control *c);
void drain_fini(struct control *c);

#endif
