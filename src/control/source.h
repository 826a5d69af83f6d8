/*
 * One connection that answers auth_query: opened when there is a question,
 * closed when there was none for a while, opened anew once where it broke.
 * Private to control/asker.c and source.c.  Control thread.
 *
 *   REST      no connection
 *   RESOLVE   waits for its host's address
 *   LOGIN     connects and logs in
 *   IDLE      could be asked
 *   RUNS      a question is being answered
 */
#ifndef CARPOOL_CONTROL_SOURCE_H
#define CARPOOL_CONTROL_SOURCE_H

#include "base/list.h"
#include "config/snapshot.h"
#include "core/secrets.h"
#include "io/resolve.h"
#include "query_pg.h"

enum source_state {
	SOURCE_REST,
	SOURCE_RESOLVE,
	SOURCE_LOGIN,
	SOURCE_IDLE,
	SOURCE_RUNS,
};

struct control;
struct source_query;

/* Somebody whose secret is asked for. */
struct question {
	struct list_node node; /* on source.questions */
	const char *database;  /* borrows from the owner: where the user wants
				* to go; "" = the console */
	const char *user;      /* the same */
};

struct source {
	struct list_node node;      /* its owner's */
	struct control *control;    /* borrows */
	char *database;             /* owns: the entry that is asked, as clients
				     * would say it */
	char *user;                 /* owns: auth_user */
	struct list questions;      /* borrows struct question; the first one is
				     * being answered in RUNS */
	struct query_pg *conn;      /* owns, or NULL */
	struct source_query *query; /* owns while RESOLVE, else NULL */
	/* Called once for each question, in order; secret is borrowed. */
	void (*answered)(struct question *q, enum secret_result result,
			 const char *secret);
	enum source_state state;
	usec_t deadline; /* of login and answer; 0 = none */
	usec_t used;     /* the last answer */
	usec_t retry_at; /* before, questions fail at once; 0 = none */
	uint32_t host_turn;
	bool is_old;       /* of another configuration: closed when it rests */
	bool has_answered; /* this connection did, so it may have died idle */
	char error[256];
};

/* How users of this database ("" = the console) are asked for; false: not at
 * all.  Borrows from the configuration, and the database's name. */
bool question_entry(const struct control *c, const char *database,
		    struct auth_source *out);

/* For what is asked at entry; never NULL. */
struct source *source_new(struct control *c, const struct auth_source *entry);
/* Is it the one for that? */
bool source_is(const struct source *s, const struct auth_source *entry);
/* Asks; the question is the caller's and stays until it is answered. */
void source_ask(struct source *s, struct question *q);
/* The periodic look: deadlines, and the end of what nobody uses. */
void source_look(struct source *s, usec_t now);
/* What it has was made by another configuration. */
void source_outdate(struct source *s);
/* Closes it; questions that are left are answered as FAILED. */
void source_free(struct source *s);

#endif
