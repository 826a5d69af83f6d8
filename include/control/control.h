/*
 * The control thread: it builds and publishes configurations, reads signals,
 * ends the program in order, keeps averages, and takes console commands from
 * the workers to whoever answers them.
 *
 * Control thread only, but for control_submit.
 */
#ifndef CARPOOL_CONTROL_CONTROL_H
#define CARPOOL_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/text.h"
#include "config/snapshot.h"
#include "control/process.h"
#include "core/core.h"

struct averages;
struct secret_request;
struct control;
struct key_cache;
struct loop;
struct resolver;

struct control_config {
	struct loop *loop;                  /* borrows: outlives control */
	struct resolver *resolver;          /* borrows: outlives control */
	struct key_cache *keys;             /* borrows: outlives control */
	const struct config_source *source; /* borrows: for its life */
	struct snapshot *snapshot;          /* the first one; control refs it */
	enum log_console log_console;       /* -q */
};

/*
 * Takes over the signals: call it before other threads are started.  NULL when
 * memory or descriptors are out.
 */
struct control *control_new(const struct control_config *config);

/* The core runs: from now on signals and commands are carried out.  core is
 * borrowed until control_free. */
void control_start(struct control *c, struct core *core);

/* No more commands and timers; whoever waits is told.  The loop has ended, the
 * workers still run. */
void control_stop(struct control *c);

/* After core_free.  NULL is allowed. */
void control_free(struct control *c);

/* --- what commands work with ------------------------------------------- */

struct core *control_core(const struct control *c);
struct loop *control_loop(const struct control *c);
/* The configuration in force; borrowed until the next turn of the loop. */
struct snapshot *control_snapshot(const struct control *c);
const struct averages *control_averages(const struct control *c);

/* A host name that was looked up. */
struct control_host {
	const char *name;  /* borrowed for the callback */
	uint64_t ttl_sec;  /* seconds for which its addresses still hold */
	const char *addrs; /* with commas */
};
void control_each_host(struct control *c,
		       void (*each)(void *arg, const struct control_host *host),
		       void *arg);

/* A zone of these names. */
struct control_zone {
	const char *name; /* borrowed for the callback */
	uint32_t serial;  /* 0 = not known */
	size_t names;
};
void control_each_zone(struct control *c,
		       void (*each)(void *arg, const struct control_zone *zone),
		       void *arg);

struct control_names {
	size_t names, zones, questions; /* questions: that are out */
};
void control_name_counts(const struct control *c, struct control_names *names);

/* --- the console --------------------------------------------------------- */

/* Who answers commands: take(arg, request) on the control thread owns the
 * request and gives it back with control_answer. */
void control_set_console(struct control *c,
			 void (*take)(void *arg, struct console_request *r),
			 void *arg);

/* For core_config.console_submit, with the control as arg.  Any thread. */
void control_submit(void *control, struct console_request *request);

/* For core_config.secret_submit, with the control as arg.  Any thread. */
void control_ask_secret(void *control, struct secret_request *r);

/* Gives the answer to the client.  result is taken over; NULL: no memory. */
void control_answer(struct control *c, struct console_request *request,
		    struct rowset *result);

/* Commands that were answered since the start: the console's own statistics. */
uint64_t control_commands(const struct control *c);

/* --- LISTEN ----------------------------------------------------------------
 */

/* For core_config.channel_submit and channel_place, with the control as arg;
 * the first from any thread. */
void control_listen(void *control, struct channel_request *request);
bool control_listen_place(void *control, struct pool *pool);

/* A connection on which carpool listens; all borrowed for the callback. */
struct control_listener {
	enum protocol protocol;
	const char *database, *user, *state;
	const char *server; /* "host:port", "" before the first try */
	const char *error;  /* of the last failure, "" = none */
	uint32_t remote_pid;
	uint64_t channels, heard, lost;
};
void control_each_listener(struct control *c,
			   void (*each)(void *arg,
					const struct control_listener *l),
			   void *arg);

/* --- waiting ---------------------------------------------------------------
 */

enum wait_event {
	WAIT_LOOK, /* some time has passed */
	WAIT_END,  /* the program ends: the last call */
};

/* Something that is looked at ten times a second. */
struct control_wait {
	struct list_node node; /* control's */
	/* True: it is over, and the struct the callee's again (WAIT_END: in
	 * either case). */
	bool (*look)(struct control_wait *wait, enum wait_event event);
};

/* Has it looked at from now on; wait is borrowed until it is over. */
void control_wait(struct control *c, struct control_wait *wait);

/* --- configuration ----------------------------------------------------------
 */

/*
 * Reads the configuration again and puts it in force; what SET changed is
 * forgotten.  True: done(arg) will come when every worker runs under it.
 * False: it has errors, the old one stays; they are logged and appended to
 * problems (NULL = not wanted), one on a line.
 */
bool control_reload(struct control *c, void (*done)(void *arg), void *arg,
		    struct str *problems);

/*
 * As control_reload with one more setting, which holds until the next reload.
 * The files are read again too.  done and arg as above.
 */
bool control_set(struct control *c, const char *name, const char *value,
		 void (*done)(void *arg), void *arg, struct str *problems);

/* --- the end
 * ------------------------------------------------------------------ */

enum shutdown {
	SHUTDOWN_NONE,
	SHUTDOWN_POLITE,  /* clients at rest are told good-bye, the others at
			   * the end of their transaction; with a deadline */
	SHUTDOWN_CLIENTS, /* wait until all clients have left */
	SHUTDOWN_SERVERS, /* clients are closed as their servers get free */
	SHUTDOWN_NOW,
};

/* Starts to end the program; a later call may only make it faster. */
void control_shutdown(struct control *c, enum shutdown how);
/* How it is ending. */
enum shutdown control_shutdown_state(const struct control *c);

#endif
