/*
 * The state of one server connection, shared by the files of the back and by
 * the front's step, which pushes what the server will owe.
 *
 * Runs on the worker that owns the connection.  Must not know sockets, pools
 * or time.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_BACK_H
#define CARPOOL_SRC_POSTGRES_PG_BACK_H

#include "pg_frame.h"
#include "pg_loaded.h"
#include "pg_names.h"
#include "pg_owed.h"
#include "pg_params.h"
#include "pgwire.h"

struct pg_ask;
struct pg_back_login;
struct pg_front;
struct pg_listen;
struct pg_portal;

/* Whose statements may mean something else now. */
enum pg_reach {
	REACH_NOTHING,
	REACH_SERVER,   /* this server's, which has other temporary tables */
	REACH_DATABASE, /* those of all servers of its database */
};

/* The server's function that finds a kept plan of no use any more. */
#define PG_ROUTINE_REVALIDATE "RevalidateCachedQuery"

#define PG_ACCEPTED 16u
#define PG_RETRIES 3u

struct pg_back {
	struct back_view view; /* first: the core reads it */
	struct pg_owed_queue owed;
	struct pg_loads loads;     /* statements it holds for all clients */
	struct pg_slot unnamed;    /* its unnamed statement */
	uint64_t unnamed_parsed;   /* pg_change_now when that was sent */
	_Atomic uint64_t *changes; /* borrows: see struct turn; NULL: no step
				    * yet */
	struct pg_names *names;    /* borrows: the linked client's, or NULL */
	uint32_t group;            /* number of the group of messages */
	struct pg_params *params;  /* refs: the server's settings now */
	struct pg_params *facts;   /* refs: those it has after login or reset */
	struct pg_params *wanted;  /* refs: what the hidden SETs make of them */
	struct pg_params *before;  /* refs: what they were before */
	struct pg_params *acked;   /* refs: settings made but not reported */
	/* What a client set besides, in sorted order; NULL = nothing. */
	struct pg_params *own; /* refs: as the server has it */
	struct pg_params
		*own_wanted; /* refs: what the hidden SETs make of it */
	struct pg_params *own_before; /* refs: what it was before */
	struct pg_portal *portals;    /* owns: those that pg_naming.c minds */
	struct pg_listen *listen;     /* owns; NULL: no LISTEN in this link */
	struct pg_ask *ask;           /* owns: the question on its way */
	struct pg_back_login *login;  /* owns; NULL once logged in */
	uint8_t *error; /* owns: body of the error worth telling, or NULL */
	size_t error_len;
	uint8_t *key; /* owns: process id and secret for cancel */
	uint16_t key_len;
	uint16_t accepted_next;
	uint32_t accepted[PG_ACCEPTED]; /* values this server once took */
	uint32_t dirt; /* enum classify_flag of this client's texts */
	/* refs: names with a dot that texts may have set, since no view of the
	 * server's lists them; NULL = none */
	struct pg_params *customs;
	uint32_t soiled;    /* 1u << enum state_kind: to be cleaned before the
			     * server is shared */
	char named[64];     /* the setting that a SET sets for sure, or "" */
	uint8_t named_tags; /* completions since, of SET */
	enum reason pending_fail; /* to be returned by the next step */
	uint8_t retries;          /* of own requests that a late cancel hit */
	bool is_secure;           /* under TLS */
	bool is_group_open;       /* extended messages since the last Sync */
	bool is_boundary_due; /* ReadyForQuery came: look whether to say so */
	bool was_used;        /* by a client since the last reset */
	bool was_reset;       /* by the client: RESET or DISCARD ALL */
	bool is_restoring;    /* a reset that restores the facts is running */
	bool has_own_error;   /* one of carpool's own requests failed */
	bool was_canceled;    /* ... with 57014 */
	bool must_wait;       /* the hidden SETs decide about the client */
	bool is_unsure;       /* names were set that are not known */
	bool was_asked;       /* nothing of the client's ran since */
	bool must_close;      /* its state cannot be trusted */
	bool is_clearing;     /* all names of the client go, in their turn */
	bool is_half_sent;    /* of a message to it the rest is still to come */
	bool is_lost;         /* a FATAL error came: the end is near */
	bool is_in_doubt;     /* which Syncs it has read is to be asked */
	enum pg_reach changed; /* what its transaction did so far */
};

/* Brings the counts that the core reads up to date. */
void pg_back_count(struct pg_back *b);

/* The set of settings was replaced: what was derived from it follows. */
void pg_back_params_changed(struct pg_back *b);

/*
 * Pushes an entry, whose references it takes over, with the changes that it
 * carries; room was reserved.  All entries come this way.
 */
void pg_back_push(struct pg_back *b, struct pg_owed entry);

/*
 * Appends a simple Query of carpool's own and its hidden entry; false when
 * memory is out (nothing added).
 */
bool pg_back_query(struct pg_back *b, struct buf *out, const char *sql,
		   enum pg_owed_task task);

/*
 * Appends a Describe that must fail, in place of a message or to break a group
 * that must not be committed.  One entry must be reserved.
 */
bool pg_back_fail_group(struct pg_back *b, struct buf *out,
			struct pg_owed entry);

/* A field of an error's body, or NULL; borrows from the body. */
const char *pg_error_field(const uint8_t *body, size_t len, char code);

/* Does the server end the connection with this error? */
bool pg_error_is_fatal(const uint8_t *body, size_t len);

/* The steps after login, also used for connect_query. */
struct order pg_back_answers(struct pg_back *b, struct turn *turn);

/* Remembers an error's body as the one worth telling. */
void pg_back_keep_error(struct pg_back *b, const uint8_t *body, size_t len);

/*
 * Writes what turns the server's settings into the client's; LINK_GO when
 * there is nothing to do or every value is known to be good.  pg_link.c
 */
enum link_result pg_settings_apply(struct pg_back *b, struct pg_front *f,
				   struct buf *out,
				   const struct policy *policy);

/* The hidden SETs are answered: takes over what they did.  False: no memory */
bool pg_settings_done(struct pg_back *b, struct turn *turn,
		      unsigned statements_done);

/* The server reported a setting. */
bool pg_settings_report(struct pg_back *b, struct pg_front *f, const char *name,
			const char *value);

/* Would the linked client be told something new by this report? */
bool pg_settings_is_news(const struct pg_front *f, const char *name,
			 const char *value);

/*
 * A statement that restores every setting was completed: those that were made
 * without a report go back without one.
 */
enum pg_restored { RESTORED_PLAIN /* not the roles */, RESTORED_ALL };
bool pg_settings_restored(struct pg_back *b, enum pg_restored what);

/*
 * The client reset its settings on a server whose defaults are not the
 * client's: the client gets its own startup values back.
 */
bool pg_settings_restart(struct pg_back *b, struct turn *turn);

/*
 * The client's session has these settings, in sorted order: those of the answer
 * are all there are, or one that is added.  False: no memory.
 */
enum pg_found { FOUND_ALL, FOUND_ONE };
bool pg_settings_found(struct pg_back *b, struct pg_front *f,
		       struct pg_params *found, enum pg_found kind);

/* ---- pg_ask.c ---- */

/* Kinds (1u << enum state_kind) that texts with these flags may have left. */
uint32_t pg_state_kinds(uint32_t flags);

/* Kinds for which the policy is one of these (1u << enum state_policy). */
uint32_t pg_state_under(const struct policy *policy, uint32_t policies);

/* Why a statement with these flags must not be run; REASON_NONE: it may. */
enum reason pg_state_refusal(uint32_t flags, const struct policy *policy);

/*
 * At a boundary, before it is told: asks what the client's statements left, if
 * they gave reason to.
 */
enum pg_ask_result { ASK_NOTHING, ASK_SENT, ASK_FAIL /* no memory */ };
enum pg_ask_result pg_ask_boundary(struct pg_back *b, struct turn *turn);

/* A row of the answer; body NULL: it was too long to be read. */
void pg_ask_row(struct pg_back *b, const struct policy *policy,
		const uint8_t *body, size_t len);

/* The answer is complete.  False: no memory. */
bool pg_ask_done(struct pg_back *b, struct turn *turn);

/* Nobody waits for the answer: what it was about is as unknown as before. */
void pg_ask_forget(struct pg_back *b);

void pg_ask_free(struct pg_back *b);

/*
 * A text is about to run that may set any setting whose name stands in it or in
 * its parameters.
 */
void pg_ask_names(struct pg_back *b, const void *text, size_t len);

/* A text is about to be sent that named this setting last. */
void pg_ask_note(struct pg_back *b, uint32_t flags, const char *name);

/*
 * A statement is complete: follows what its tag (NULL: too long) says that it
 * left behind or took away.  at: its entry's place.  False: no memory.
 * pg_tag.c
 */
bool pg_tag_take(struct pg_back *b, const char *tag, uint32_t at);

/* ---- pg_change.c ---- */

/* How often what statements mean has changed in the server's database. */
uint64_t pg_change_now(const struct pg_back *b);

/* It has, or may have. */
void pg_change_count(struct pg_back *b);

/* A statement is complete, on whoever's behalf: follows what it changed. */
void pg_change_tag(struct pg_back *b, const char *tag);

/* The server is out of a transaction. */
void pg_change_end(struct pg_back *b);

/* All statements that the server had prepared are gone. */
void pg_statements_lost(struct pg_back *b);

/* A request for resetting or checking ended.  pg_clean.c */
bool pg_clean_done(struct pg_back *b, struct turn *turn,
		   enum pg_owed_task task);

/*
 * What must happen before somebody else may use the server; client: the one
 * that is linked, or NULL.
 */
enum residue pg_clean_residue(const struct pg_back *b,
			      const struct policy *policy,
			      const struct pg_front *client);

/* The abandoned server has a group open: ends it so that it is undone. */
bool pg_clean_group(struct pg_back *b, struct buf *out);

/* What is answered says which Syncs in front of it the server has read.  False:
 * no memory. */
bool pg_clean_probe(struct pg_back *b, struct buf *out);

/* Asks which of the client's Syncs a COPY that failed has read.  False: no
 * memory. */
bool pg_clean_doubt(struct pg_back *b, struct buf *out);

/* The abandoned server waits for COPY data that will never come. */
bool pg_clean_copy(struct pg_back *b, struct buf *out);

/* pg_back_login.c */
struct pg_back_login *pg_back_login_new(const struct credential *cred,
					const char *database,
					struct startup_words words,
					const struct policy *policy);
/* No login, but the one that a cancel request takes under TLS. */
struct pg_back_login *pg_back_login_cancel(const void *request, size_t len,
					   const struct policy *policy);
void pg_back_login_free(struct pg_back_login *login);
struct order pg_back_login_step(struct pg_back *b, struct turn *turn);

#endif
