/*
 * The engine, as control/, admin/ and main see it: workers, pools, clients and
 * servers, behind opaque types.  Names no protocol.
 *
 * Threads: unless said otherwise, functions are for the control thread; those
 * that read or change what a worker owns do so by message.
 */
#ifndef CARPOOL_CORE_CORE_H
#define CARPOOL_CORE_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rowset.h"
#include "config/snapshot.h"
#include "core/stats.h"
#include "io/addr.h"
#include "io/helper.h"
#include "io/listen.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "io/stream.h"
#include "proto/protocol.h"

struct channel_request;
struct secret_request;
struct core;
struct pool;
struct worker;

/* Names a client over threads: never a pointer. */
struct client_handle {
	uint16_t worker;
	uint32_t slot;
	uint32_t generation;
};

/*
 * A console command on its way to whoever answers it (any thread may answer,
 * once).  Owned by the receiver from submit() on, until it is given back with
 * core_console_answer.
 */
struct console_request {
	struct mail mail; /* first; the receiver's, then the core's */
	void *carrier;    /* borrows: whose mail it is just now */
	struct client_handle client;
	enum console_right right;
	char *user;                /* owns */
	char *text;                /* owns: the command */
	enum protocol protocol;    /* the client's */
	bool is_describe;          /* columns are wanted, nothing may happen */
	_Atomic bool is_abandoned; /* nobody waits for the answer any more */
	struct rowset *result;     /* owns: the answer */
};

struct core_config {
	unsigned threads; /* workers to start, at least 1 */
	/* borrows, for the process's life: PROTOCOLS of them */
	const struct front_ops *const *fronts;
	struct helpers *helpers;      /* borrows: outlives the core */
	struct resolver *resolver;    /* borrows: outlives the core */
	struct key_cache *keys;       /* borrows: outlives the helpers */
	struct rsa_key *rsa;          /* the same */
	struct loop *control;         /* borrows: the control thread's loop */
	struct listen_set *listening; /* borrows, or NULL */
	struct snapshot *snapshot;    /* the first one; the core refs it */
	/* Takes a console command; called on worker threads. */
	void (*console_submit)(void *arg, struct console_request *request);
	void *console_arg;
	/* Takes questions for secrets, see core/secrets.h; called on worker
	 * threads. */
	void (*secret_submit)(void *arg, struct secret_request *request);
	void *secret_arg;
	/* Takes what clients want heard, see core/channels.h; called on worker
	 * threads. */
	void (*channel_submit)(void *arg, struct channel_request *request);
	/* A pool's listening connection has the place that it waits for; on
	 * the control thread.  False: it waits for none. */
	bool (*channel_place)(void *arg, struct pool *pool);
	void *channel_arg;
};

/* Builds everything, starts nothing; NULL with a logged error. */
struct core *core_new(const struct core_config *config);
/* Starts the worker threads; false with a logged error. */
bool core_start(struct core *core);
/* Stops and joins the workers: all connections are closed. */
void core_stop(struct core *core);
void core_free(struct core *core);

/* Gives a console command's answer back to its client.  Any thread. */
void core_console_answer(struct core *core, struct console_request *request);

/*
 * Puts a checked snapshot in force: pools get their new numbers, workers swap
 * between turns, servers whose address or login changed are retired.  done()
 * comes on the control loop when every worker has let go of the old one.
 */
void core_publish(struct core *core, struct snapshot *snapshot,
		  void (*done)(void *arg), void *arg);

/*
 * Runs run(arg, worker) on every worker's thread, then done(arg) on loop home
 * (NULL: on the last worker).  Any thread.  False: out of memory.
 */
bool core_broadcast(struct core *core, void (*run)(void *arg, struct worker *w),
		    void (*done)(void *arg), void *arg, struct loop *home);

/* The same for the control thread alone: it waits for memory. */
void core_must_broadcast(struct core *core,
			 void (*run)(void *arg, struct worker *w),
			 void (*done)(void *arg), void *arg, struct loop *home);

unsigned core_worker_count(const struct core *core);

/* What its clients speak, as the console tells of it.  Any thread. */
const char *core_protocol_name(const struct core *core, enum protocol protocol);

/* --- the administrator's verbs; database NULL = all; a name means the entries
 * of every protocol that have it ---------------------------------------- */

enum verb_result { VERB_OK, VERB_NO_DATABASE, VERB_ALREADY };

enum verb_result core_pause(struct core *core, const char *database);
enum verb_result core_resume(struct core *core, const char *database);
/* Servers that a PAUSE still waits for. */
unsigned core_pause_pending(struct core *core, const char *database);
enum verb_result core_disable(struct core *core, const char *database);
enum verb_result core_enable(struct core *core, const char *database);
enum verb_result core_reconnect(struct core *core, const char *database);
/* A host's name no longer has these addresses (port 0): their servers are
 * retired.  The control thread's. */
void core_lose_addresses(struct core *core, const char *host,
			 const struct addr *addrs, size_t count);
/* Servers marked for close that are still there, for WAIT_CLOSE. */
unsigned core_close_pending(struct core *core, const char *database);
/* Pauses, drops clients and servers. */
enum verb_result core_kill(struct core *core, const char *database);
/* Drops one client by SHOW CLIENTS' id; done(arg, found) on the control loop */
void core_kill_client(struct core *core, uint64_t id,
		      void (*done)(void *arg, bool found), void *arg);
bool core_is_paused(const struct core *core);

enum memory_state { MEMORY_PLENTY, MEMORY_SHORT };
/* While memory is short new clients are refused, but for the console. */
void core_set_memory(struct core *core, enum memory_state state);

enum drain {
	DRAIN_CLIENTS, /* stop accepting, wait for clients to leave */
	DRAIN_SERVERS, /* stop accepting, clients closed as servers free up */
	DRAIN_POLITE,  /* stop accepting; idle clients closed with 57P01, the
			* others at the end of their transaction */
};
void core_drain(struct core *core, enum drain how);
/* Clients (or busy servers, as the drain's kind asks) still to wait for. */
unsigned core_drain_pending(struct core *core);

/* --- figures ------------------------------------------------------------ */

struct client_info {
	enum protocol protocol;
	const char *user, *database, *state; /* borrowed for the callback */
	const char *application_name;
	const char *pool_user; /* NULL: has no pool (console, login) */
	char addr[ADDR_TEXT_MAX], local_addr[ADDR_TEXT_MAX];
	uint16_t port, local_port;
	usec_t connect_wall; /* since 1970 */
	usec_t request_wall; /* 0 = none yet */
	usec_t wait;         /* in the queue now, or at the last assignment */
	bool is_unix;
	bool close_needed;
	bool is_console;
	bool is_login; /* not yet logged in */
	uint64_t id;
	uint64_t ptr;  /* an opaque mark, not an address */
	uint64_t link; /* the other side's mark, 0 = none */
	uint32_t remote_pid;
	char tls[TLS_TEXT_MAX]; /* version and cipher, "" in clear */
	uint32_t statements;
	size_t recv_pending, send_pending; /* bytes in our buffers */
};

/* Both run on the worker's thread, inside a core_broadcast. */
void worker_each_client(struct worker *w,
			void (*row)(void *arg, const struct client_info *info),
			void *arg);
void worker_each_server(struct worker *w,
			void (*row)(void *arg, const struct client_info *info),
			void *arg);

/* One reason for which one client keeps its server. */
struct pin_info {
	const struct client_info *client; /* borrowed for the callback */
	unsigned kind;                    /* enum state_kind or pin_kind */
	usec_t since_wall;
	usec_t age;
	uint64_t digest; /* of the statement, 0 = not known */
};

/* As the two above. */
void worker_each_pin(struct worker *w,
		     void (*row)(void *arg, const struct pin_info *info),
		     void *arg);

/* What would be done with a text's statements, see back_ops.explain. */
void core_explain(struct core *core, enum protocol protocol, const char *text,
		  const struct policy *policy,
		  void (*row)(void *arg, const struct explain_row *row),
		  void *arg);

struct pool_info {
	enum protocol protocol;
	const char *database, *user; /* borrowed for the callback */
	uint32_t cl_active, cl_waiting;
	uint32_t cl_active_cancel, cl_waiting_cancel;
	uint32_t sv_active, sv_active_cancel, sv_being_canceled;
	uint32_t sv_idle, sv_used, sv_tested, sv_login;
	usec_t maxwait;
	enum pool_mode mode;
	enum load_balance balance;
	uint32_t pins_now[PIN_KINDS];
	uint64_t pins_begun[PIN_KINDS];
};

/*
 * Collects all pools: the workers count their clients and servers by message,
 * then each(arg, info) is called for every pool and finally done(arg), on the
 * control loop.  False: out of memory, and nothing will be called.
 */
bool core_each_pool(struct core *core,
		    void (*each)(void *arg, const struct pool_info *info),
		    void (*done)(void *arg), void *arg);

/* A prepared statement of one pool, and how many hold it. */
struct statement_info {
	enum protocol protocol;
	const char *database, *user; /* borrowed for the callback */
	uint64_t digest;             /* of the text, as in struct pin_info */
	size_t length;               /* of the text */
	uint32_t types;              /* parameters whose types were given */
	uint32_t clients, servers;
};

/*
 * Collects the prepared statements of all pools where servers are shared: the
 * workers count by message, some hundred each time, so that clients come and go
 * meanwhile; then each(arg, info) is called for every one and finally
 * done(arg), on the control loop.  each(arg, NULL): memory was out, not all
 * were counted.  False: nothing will be called.
 */
bool core_each_statement(struct core *core,
			 void (*each)(void *arg,
				      const struct statement_info *info),
			 void (*done)(void *arg), void *arg);

/* A session state of one pool, and how many are in it. */
struct state_info {
	enum protocol protocol;
	const char *database, *user; /* borrowed for the callback */
	uint64_t id;
	const char *words; /* what tells it from others: "a=1, b=2" */
	uint32_t clients, servers;
};

/* The same for the states of sessions. */
bool core_each_state(struct core *core,
		     void (*each)(void *arg, const struct state_info *info),
		     void (*done)(void *arg), void *arg);

struct database_info {
	enum protocol protocol;
	const char *name; /* borrowed for the callback */
	uint32_t server_connections, client_connections;
	bool is_paused, is_disabled;
	uint64_t stats[STAT_COUNT];
};
/* Every database that was ever used, in the order of its first use. */
void core_each_database(struct core *core,
			void (*each)(void *arg, const struct database_info *i),
			void *arg);

struct user_info {
	const char *name;
	uint32_t server_connections, client_connections;
};
void core_each_user(struct core *core,
		    void (*each)(void *arg, const struct user_info *info),
		    void *arg);

/* Figures of one database or user; zeros when it was never used. */
void core_database_info(struct core *core, enum protocol protocol,
			const char *name, struct database_info *out);
void core_user_info(struct core *core, const char *name, struct user_info *out);

struct core_totals {
	uint32_t pools, clients_used, clients_login, servers_used, servers_idle;
	size_t client_size, server_size, block_size; /* bytes of one object */
	size_t blocks_used, blocks_free;
};
/* Collected over the workers; done(arg, totals) on the control loop. */
void core_totals(struct core *core,
		 void (*done)(void *arg, const struct core_totals *totals),
		 void *arg);

#endif
