/*
 * The protocol contract: two tables.
 *
 * A front is a way in which clients speak, a back a kind of server.  The core
 * calls them through these tables and composes no protocol bytes itself.
 *
 * A worked example.  A Postgres client in transaction mode sends a Query.  The
 * front's step sees its header, finds no peer and returns NEED_SERVER; the
 * session queues at the pool.  Granted a server, the session calls the back's
 * link(), which may write a prelude (tracked settings) into the server's
 * output, and then the front's step again, now with a peer: it pushes what the
 * server will owe onto the back's owed queue and returns RELAY n.  The answers
 * come; the back's step returns RELAY for them, and at ReadyForQuery(idle) with
 * nothing owed it returns BOUNDARY; the session unlinks and checks the server
 * in.  All output of one loop turn goes out in one write for each socket.
 *
 * Threads: a state is touched only by the worker that owns its connection.
 */
#ifndef CARPOOL_PROTO_PROTOCOL_H
#define CARPOOL_PROTO_PROTOCOL_H

#include "base/rowset.h"
#include "base/text.h"
#include "proto/order.h"
#include "proto/turn.h"

enum tx_state { TX_IDLE, TX_OPEN, TX_FAILED };

/* What the core may read of a front; first member of every front's state. */
struct front_view {
	bool is_at_rest;  /* logged in, no message or group half-way: may be
			   * told good-bye now */
	bool is_skipping; /* drops messages up to the end of a failed group */
	uint16_t statements; /* named prepared statements it holds */
	/* Queries that no server was asked, and of these those outside of a
	 * transaction: the core counts them at a DISCARD, and sets both to 0.
	 */
	uint16_t queries, xacts;
	const char *application_name; /* borrowed; "" before login */
};

/* What the core may read of a back; first member of every back's state. */
struct back_view {
	enum tx_state tx;
	uint32_t owed;        /* entries that the server still owes */
	uint32_t owed_ends;   /* of these, requests that end with a boundary
			       * message (Query, Sync, FunctionCall, hidden) */
	uint32_t owed_hidden; /* of the ends, carpool's own */
	uint32_t queries;     /* client requests ended so far; wraps */
	uint32_t xacts;       /* of these, ended outside a transaction */
	/* Where servers are shared, so far, of named statements; all wrap. */
	uint32_t client_parses; /* prepared by clients */
	uint32_t server_parses; /* sent to the server to be prepared */
	uint32_t binds;         /* bound by clients */
	uint32_t remote_pid;    /* the server's process id, 0 = not known */
	uint32_t pins; /* what keeps its client, 1u << state_kind or pin_kind */
	uint64_t digest; /* of its client's last text that may have left
			  * something behind, 0 = none */
	uint16_t statements;
	bool is_resettable; /* at status idle, nothing owed: reset() allowed */
	bool wants_step;    /* a step may do something without new bytes */
	bool is_heard; /* set by the core: somebody listens to such servers */
	/* Since the link began, or the core took it back: what it told, or may
	 * have, is heard by others a moment later. */
	bool has_notified;
	const char *application_name; /* borrowed */
};

/* A prepared statement, as the console tells of it: nobody is shown its text.
 */
struct statement_view {
	uint64_t id;      /* the same on all threads for equal ones */
	const char *text; /* borrowed for the callback */
	size_t length;
	uint32_t types; /* parameters whose types were given */
	/* As in back_view; called where it is needed, for it costs a look. */
	uint64_t (*digest)(const struct statement_view *s);
};

/* The state of a session where servers are shared, as the console tells of it.
 */
struct state_view {
	const struct policy *policy; /* borrows; set by the core */
	uint64_t id; /* the same on all threads for equal ones; 0 before */
	/* Writes what tells it from others by state_word(). */
	void (*words)(const struct state_view *s, struct str *out);
	const void *self; /* borrowed for the callback: front or back */
	bool is_client;
};

/* Adds a name with its value; NULL: there is none, or it is not shown. */
static inline void
state_word(struct str *out, const char *name, const char *value)
{
	str_printf(out, "%s%s%s%s", out->len > 0 ? ", " : "", name,
		   value != NULL ? "=" : "", value != NULL ? value : "");
}

enum link_result {
	LINK_GO,   /* the client's bytes may follow in the same write */
	LINK_WAIT, /* the prelude must be confirmed: step the back until its
		    * view owes nothing hidden, then step the front */
	LINK_FAIL, /* out of memory */
};

/* How a server whose client is gone gets back to a boundary. */
enum abandon_result {
	ABANDON_DONE,   /* it is at a boundary and clean */
	ABANDON_DRAIN,  /* steps go on (peer NULL) until BOUNDARY comes */
	ABANDON_CANCEL, /* as DRAIN, and the running query shall be canceled */
	ABANDON_CLOSE,  /* it cannot be saved */
};

/* How much of the client's last message a server has been sent. */
enum sent { SENT_WHOLE, SENT_HALF };

struct refusal {
	enum fail_scope scope; /* STATEMENT: error; CONNECTION: fatal */
	enum reason reason;
	const char *text;   /* replaces the reason's text; NULL = its own */
	const char *detail; /* NULL = none */
	/*
	 * The server's own error as the back kept it (opaque bytes in the
	 * back's format), forwarded in place of the reason; NULL = none.
	 */
	const uint8_t *server_error;
	size_t server_error_len;
};

/* What becomes of a statement where servers are shared. */
enum explain_effect {
	EXPLAIN_NOTHING,
	EXPLAIN_FOLLOWS, /* it goes with the client */
	EXPLAIN_ASKED,   /* the server is asked what it left */
	EXPLAIN_PINS,    /* from here on, by the policy of its kind */
	EXPLAIN_CLEANED,
	EXPLAIN_REFUSED,
	EXPLAIN_LEAKS,
	EXPLAIN_EMULATED,
};

/* One thing to say of one statement. */
struct explain_row {
	const char *statement; /* borrowed, len bytes */
	size_t len;
	enum explain_effect effect;
	bool has_kind;
	enum state_kind kind;
	enum state_policy policy; /* of that kind */
	const char *why;          /* static */
};

enum greeting_result {
	GREETING_READ,
	GREETING_MORE, /* it has not all come */
	GREETING_BAD,
	GREETING_NO_MEMORY,
};

struct back_ops {
	const char *name; /* "postgres" */

	/* What a server was told at its start (startup_words) always tells it
	 * from others; else only in session mode. */
	bool keeps_class;

	uint16_t default_port;

	/*
	 * The path of a server's unix socket from the configured host ("/dir"
	 * or "@name") and port, cut to size.
	 */
	void (*unix_path)(const char *host, uint16_t port, char *out,
			  size_t size);

	/*
	 * A new state for one server connection, whose first step sends the
	 * login for user cred->user on database with the startup words that
	 * a front gave (those of the policy fill in what they leave open).
	 * Everything is copied.  NULL when memory is out.
	 */
	void *(*open)(const struct credential *cred, const char *database,
		      struct startup_words words, const struct policy *policy);
	void (*close)(void *back);
	struct back_view *(*view)(void *back);

	/*
	 * One step: first while logging in (READY ends the login, FAIL scope
	 * POOL, STARTUP or CONNECTION refuses), then for answers.  peer is the
	 * front's state or NULL (login, reset, abandoned, idle); without a peer
	 * every answer is hidden.  On an idle server anything but notices and
	 * parameter reports is FAIL.  peer_out is the client's output.
	 */
	struct order (*step)(struct turn *turn);

	/*
	 * Makes this server look like the client's session: self = back, peer
	 * = front's state, out = the server's output.  Called right after a
	 * grant, with nothing owed.
	 */
	enum link_result (*link)(struct turn *turn);

	/* The client is unlinked at a boundary: forget whose server it was. */
	void (*unlink)(void *back);

	/*
	 * Writes the smallest batch that makes the server fit for anyone; the
	 * steps then return BOUNDARY when it is done.  False: out of memory.
	 */
	bool (*reset)(struct turn *turn);

	/* Writes the check query; as reset. */
	bool (*check)(struct turn *turn);

	/*
	 * The client is gone for good.  SENT_HALF: a message of the client was
	 * only partly written to the server.  Called again at each BOUNDARY
	 * with tx != TX_IDLE until it answers DONE or CLOSE.
	 */
	enum abandon_result (*abandon)(struct turn *turn, enum sent sent);

	/* Says good-bye (Terminate) into turn->out before a close. */
	void (*terminate)(struct turn *turn);

	/*
	 * The bytes of a cancel request for this server's running query, at
	 * most out_size; returns their number, 0 when it cannot be canceled.
	 * They are sent on a connection of their own.
	 */
	size_t (*cancel)(void *back, uint8_t *out, size_t out_size);

	/*
	 * Where that takes a login, or TLS: a state as open() makes it, whose
	 * steps log in, have the server stop what the other state's connection
	 * runs, and end with CLOSE.  READY: it may have been told.  NULL, or
	 * the answer NULL: cancel() does it.
	 */
	void *(*cancel_open)(void *back, const struct credential *cred,
			     const struct policy *policy);

	/*
	 * What servers of this kind say of themselves: a reference-counted
	 * immutable object, filled by the time READY was returned.  ref
	 * returns its argument; any thread.
	 */
	const void *(*facts)(void *back); /* borrowed */
	const void *(*facts_ref)(const void *facts);
	void (*facts_unref)(const void *facts);

	/*
	 * Where the server speaks first: the facts of its first words, with a
	 * reference, and to out what makes it end the connection without
	 * counting it as a broken one; new ones of what two servers can both
	 * do, NULL when memory is out; and whether clients would be greeted
	 * alike.
	 */
	enum greeting_result (*greeting)(const uint8_t *bytes, size_t len,
					 struct buf *out, const void **facts);
	const void *(*facts_meet)(const void *a, const void *b);
	bool (*facts_equal)(const void *a, const void *b);

	/*
	 * The server's last error that ended the login or the connection,
	 * opaque, for refusal.server_error; 0 bytes = none.  Borrowed until
	 * close.  A readable "SEVERITY: text" of it goes into text.
	 */
	const uint8_t *(*last_error)(void *back, size_t *len, char *text,
				     size_t text_size);

	/*
	 * Would link have nothing to write?  Chooses among idle servers, so it
	 * must be quick and may say no where it is not sure.
	 */
	bool (*suits)(const void *back, const void *front);

	/*
	 * Says by one row or more what would be done with each statement of
	 * the text under this policy; runs nothing.  Any thread.
	 */
	void (*explain)(const char *text, const struct policy *policy,
			void (*row)(void *arg, const struct explain_row *row),
			void *arg);

	/* The state that it is in. */
	void (*state)(const void *back, struct state_view *view);

	/* The prepared statements that the server has for all clients. */
	void (*statements)(const void *back,
			   void (*each)(void *arg,
					const struct statement_view *s),
			   void *arg);
};

enum rows_result {
	ROWS_MORE, /* to be called again */
	ROWS_DONE,
	ROWS_NO_MEMORY, /* the client must go: half an answer would pass for a
			 * whole one */
};

struct front_ops {
	const char *name; /* "postgres" */
	const struct back_ops *back;

	/* The server speaks first: the first step comes before any byte. */
	bool speaks_first;

	/*
	 * The path of the unix socket on which its clients are heard, from
	 * unix_socket_dir and the port, cut to size.
	 */
	void (*listen_path)(const char *dir, uint16_t port, char *out,
			    size_t size);

	/*
	 * What the clients of one thread share, in every turn of theirs; the
	 * same unpredictable seed for all threads.  NULL when memory is out.
	 * Closed when no client of the thread is left; servers may still
	 * refer to parts of it, from any thread.
	 */
	void *(*share_open)(uint64_t seed);
	void (*share_close)(void *shared);

	/* A new state for one client; NULL when memory is out. */
	void *(*open)(void);
	void (*close)(void *front);
	struct front_view *(*view)(void *front);

	/* One step; login until READY, then commands. */
	struct order (*step)(struct turn *turn);

	/*
	 * Writes a refusal into turn->out.  FAIL_STATEMENT also enters the
	 * protocol's way of skipping the rest of the failed group.
	 */
	void (*refuse)(struct turn *turn, const struct refusal *refusal);

	/* A notice that does not disturb the exchange (query_wait_notify). */
	void (*notice)(struct turn *turn, const char *text);

	/*
	 * A message on a channel that the client listens to, between two of
	 * its transactions; false: memory is out.  The pid is one that clients
	 * know.
	 */
	bool (*notify)(struct turn *turn, const struct notification *n);

	/* What the last ORDER_LISTEN added is in place: whoever waits for it
	 * is told; false: memory is out. */
	bool (*subscribed)(struct turn *turn);

	/*
	 * Encodes part of a console result into turn->out: at most budget
	 * rows from *next on; advances *next.
	 */
	enum rows_result (*rows)(struct turn *turn, const struct rowset *rows,
				 size_t *next, size_t budget);

	/*
	 * The keys that the client proved at login, for SCRAM pass-through:
	 * 32 bytes each; false when it proved none.  Asked once, when the
	 * front asks for facts; afterwards they are gone.
	 */
	bool (*credential)(void *front, uint8_t client_key[32],
			   uint8_t server_key[32]);

	/* The state that its servers are brought to. */
	void (*state)(const void *front, struct state_view *view);

	/* The named prepared statements that the client has. */
	void (*statements)(const void *front,
			   void (*each)(void *arg,
					const struct statement_view *s),
			   void *arg);
};

#endif
