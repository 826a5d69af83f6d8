/*
 * An engine for the tests of the console that only counts what it is asked for:
 * it takes the places of the functions of core/core.h.
 */
#ifndef TEST_ADMIN_ENGINE_H
#define TEST_ADMIN_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "admin/commands.h"
#include "admin/console.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/control.h"
#include "control/taps.h"
#include "core/secrets.h"
#include "io/loop.h"
#include "io/resolve.h"

struct worker {
	int unused;
};

static struct {
	struct loop *loop; /* stopped by an answer */
	unsigned effects;  /* calls that would have changed something */
	enum verb_result verdict;
	unsigned pending; /* things to wait for; one fewer at each look */
	bool is_paused, is_client_found;
	bool is_short;           /* of memory, where statements are counted */
	char argument[64];       /* of the last verb */
	enum protocol explained; /* the last text's */
	struct console_request *answered; /* owns: the last one */
	struct snapshot *published;       /* refs */
} engine;

static enum verb_result
verb(const char *database)
{
	engine.effects++;
	text_copy(engine.argument, sizeof(engine.argument),
		  database != NULL ? database : "(all)");
	return engine.verdict;
}

static unsigned
look(void)
{
	return engine.pending > 0 ? engine.pending-- : 0;
}

enum verb_result
core_pause(struct core *core, const char *database)
{
	(void)core;
	engine.is_paused = true;
	return verb(database);
}

enum verb_result
core_resume(struct core *core, const char *database)
{
	(void)core;
	engine.is_paused = false;
	return verb(database);
}

enum verb_result
core_disable(struct core *core, const char *database)
{
	(void)core;
	return verb(database);
}

enum verb_result
core_enable(struct core *core, const char *database)
{
	(void)core;
	return verb(database);
}

enum verb_result
core_reconnect(struct core *core, const char *database)
{
	(void)core;
	return verb(database);
}

void
core_lose_addresses(struct core *core, const char *host,
		    const struct addr *addrs, size_t count)
{
	(void)core, (void)host, (void)addrs, (void)count;
}

enum verb_result
core_kill(struct core *core, const char *database)
{
	(void)core;
	return verb(database);
}

void
core_kill_client(struct core *core, uint64_t id,
		 void (*done)(void *arg, bool found), void *arg)
{
	(void)core;
	engine.effects++;
	text_format(engine.argument, sizeof(engine.argument), "%u",
		    (unsigned)id);
	done(arg, engine.is_client_found);
}

unsigned
core_pause_pending(struct core *core, const char *database)
{
	(void)core, (void)database;
	return look();
}

unsigned
core_close_pending(struct core *core, const char *database)
{
	(void)core, (void)database;
	return look();
}

void
core_drain(struct core *core, enum drain how)
{
	(void)core, (void)how;
	engine.effects++;
}

unsigned
core_drain_pending(struct core *core)
{
	(void)core;
	return look();
}

bool
core_is_paused(const struct core *core)
{
	(void)core;
	return engine.is_paused;
}

void
core_publish(struct core *core, struct snapshot *snapshot,
	     void (*done)(void *arg), void *arg)
{
	(void)core;
	engine.effects++;
	snapshot_unref(engine.published);
	engine.published = snapshot_ref(snapshot);
	if (done != NULL)
		done(arg);
}

/* Nobody listens here. */
struct taps *
taps_new(struct control *c)
{
	(void)c;
	return mem_zalloc(1);
}

void
taps_stop(struct taps *taps)
{
	(void)taps;
}

void
control_each_listener(struct control *c,
		      void (*each)(void *arg, const struct control_listener *l),
		      void *arg)
{
	(void)c, (void)each, (void)arg;
}

void
taps_free(struct taps *taps)
{
	mem_free(taps);
}

const char *
core_protocol_name(const struct core *core, enum protocol protocol)
{
	(void)core;
	return protocol == PROTOCOL_MYSQL ? "mysql" : "postgres";
}

unsigned
core_worker_count(const struct core *core)
{
	(void)core;
	return 2;
}

bool
core_broadcast(struct core *core, void (*run)(void *arg, struct worker *w),
	       void (*done)(void *arg), void *arg, struct loop *home)
{
	static struct worker workers[2];

	(void)core, (void)home;
	run(arg, &workers[0]);
	run(arg, &workers[1]);
	done(arg);
	return true;
}

void
core_set_memory(struct core *core, enum memory_state state)
{
	(void)core, (void)state;
}

void
core_must_broadcast(struct core *core, void (*run)(void *arg, struct worker *w),
		    void (*done)(void *arg), void *arg, struct loop *home)
{
	assert_true(core_broadcast(core, run, done, arg, home));
}

void
secret_answer(struct secret_request *r)
{
	(void)r;
	fail();
}

static void
give_connection(const char *state,
		void (*row)(void *arg, const struct client_info *info),
		void *arg)
{
	const struct client_info info = {
		.user = "app",
		.database = "db",
		.state = state,
		.application_name = "test",
		.addr = "127.0.0.1",
		.local_addr = "127.0.0.1",
		.wait = 3 * USEC_PER_SEC + 5,
		.id = 17,
	};

	row(arg, &info);
}

void
worker_each_client(struct worker *w,
		   void (*row)(void *arg, const struct client_info *info),
		   void *arg)
{
	(void)w;
	give_connection("active", row, arg);
}

void
worker_each_server(struct worker *w,
		   void (*row)(void *arg, const struct client_info *info),
		   void *arg)
{
	(void)w;
	give_connection("idle", row, arg);
}

void
worker_each_pin(struct worker *w,
		void (*row)(void *arg, const struct pin_info *info), void *arg)
{
	const struct client_info client = {
		.protocol = PROTOCOL_MYSQL,
		.user = "app",
		.database = "db",
		.addr = "127.0.0.1",
		.id = 17,
	};
	struct pin_info info = {
		.client = &client,
		.kind = STATE_ADVISORY_LOCK,
		.age = 3 * USEC_PER_SEC + 5,
		.digest = 0xbeef,
	};

	(void)w;
	row(arg, &info);
	info.digest = 0;
	row(arg, &info);
}

void
core_explain(struct core *core, enum protocol protocol, const char *text,
	     const struct policy *policy,
	     void (*row)(void *arg, const struct explain_row *row), void *arg)
{
	struct explain_row info = {
		.statement = text,
		.len = 6,
		.effect = EXPLAIN_LEAKS,
		.has_kind = true,
		.kind = STATE_LISTEN,
		.policy = policy->on_state[STATE_LISTEN],
		.why = "because",
	};

	engine.explained = protocol;
	(void)core;
	row(arg, &info);
	info.has_kind = false;
	row(arg, &info);
}

bool
core_each_pool(struct core *core,
	       void (*each)(void *arg, const struct pool_info *info),
	       void (*done)(void *arg), void *arg)
{
	const struct pool_info info = {
		.protocol = PROTOCOL_MYSQL,
		.database = "db",
		.user = "app",
		.cl_waiting = 2,
		.maxwait = 2 * USEC_PER_SEC + 7,
		.mode = POOL_TRANSACTION,
		.pins_now[STATE_LISTEN] = 1,
		.pins_begun[STATE_LISTEN] = 3,
	};

	(void)core;
	each(arg, &info);
	done(arg);
	return true;
}

bool
core_each_statement(struct core *core,
		    void (*each)(void *arg, const struct statement_info *info),
		    void (*done)(void *arg), void *arg)
{
	const struct statement_info info = {
		.protocol = PROTOCOL_MYSQL,
		.database = "db",
		.user = "app",
		.digest = 0xfeed,
		.length = 8,
		.types = 1,
		.clients = 3,
		.servers = 2,
	};

	(void)core;
	each(arg, &info);
	if (engine.is_short)
		each(arg, NULL);
	done(arg);
	return true;
}

bool
core_each_state(struct core *core,
		void (*each)(void *arg, const struct state_info *info),
		void (*done)(void *arg), void *arg)
{
	const struct state_info info = {
		.protocol = PROTOCOL_MYSQL,
		.database = "db",
		.user = "app",
		.id = 0xfeed,
		.words = "a=1, b=2",
		.clients = 3,
		.servers = 2,
	};

	(void)core;
	each(arg, &info);
	if (engine.is_short)
		each(arg, NULL);
	done(arg);
	return true;
}

void
core_each_database(struct core *core,
		   void (*each)(void *arg, const struct database_info *i),
		   void *arg)
{
	struct database_info info = { .name = "db" };

	(void)core;
	info.stats[STAT_QUERIES] = 7;
	each(arg, &info);
}

void
core_database_info(struct core *core, enum protocol protocol, const char *name,
		   struct database_info *out)
{
	(void)core;
	(void)protocol;
	*out = (struct database_info){ .name = name,
				       .is_paused = engine.is_paused };
}

void
core_each_user(struct core *core,
	       void (*each)(void *arg, const struct user_info *info), void *arg)
{
	const struct user_info info = { .name = "somebody" };

	(void)core;
	each(arg, &info);
}

void
core_user_info(struct core *core, const char *name, struct user_info *out)
{
	(void)core;
	*out = (struct user_info){ .name = name };
}

void
core_totals(struct core *core,
	    void (*done)(void *arg, const struct core_totals *totals),
	    void *arg)
{
	const struct core_totals totals = { .pools = 3, .clients_used = 5 };

	(void)core;
	done(arg, &totals);
}

void
core_console_answer(struct core *core, struct console_request *request)
{
	(void)core;
	assert_null(engine.answered);
	engine.answered = request;
	loop_stop(engine.loop);
}

#endif
