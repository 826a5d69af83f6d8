/*
 * The state of one server connection, shared by the files of the back and by
 * the front's step, which pushes what the server will owe.
 *
 * Runs on the worker that owns the connection.  Must not know sockets, pools
 * or time.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_BACK_H
#define CARPOOL_SRC_MYSQL_MY_BACK_H

#include "my_facts.h"
#include "my_loaded.h"
#include "my_ok.h"
#include "my_owed.h"
#include "my_pin.h"
#include "my_response.h"
#include "my_state.h"
#include "mysql/mywire.h"
#include "proto/turn.h"

struct my_back_login;
struct my_front;

struct my_back {
	struct back_view view; /* first: the core reads it */
	struct my_owed_queue owed;
	struct my_response response;  /* to the head of owed */
	struct my_session session;    /* what it has set */
	struct my_session arriving;   /* what the hidden commands make of it */
	const struct my_facts *facts; /* refs; NULL before login */
	struct my_back_login *login;  /* owns; NULL once logged in */
	struct my_loads loads;        /* statements that it has for all */
	struct my_load *loading; /* borrows: its PREPARE is owed, or NULL */
	struct my_load *running; /* borrows: a command on it is, or NULL */
	uint8_t *error; /* owns: payload of the ERR worth telling, or NULL */
	size_t error_len;
	uint64_t flags;      /* MY_SQL_* of the client's last command */
	uint64_t insert_id;  /* its LAST_INSERT_ID() when it was asked last */
	uint32_t caps, ext;  /* agreed on */
	uint32_t thread_id;  /* the server's own */
	uint32_t kills;      /* another's thread, which it shall stop; 0: none
			      */
	uint32_t statements; /* prepared that only its client can use */
	uint32_t pins;       /* MY_PIN_BITs: what keeps its client */
	uint32_t dirt;       /* of those begun since the last reset */
	uint8_t counts[MY_PINS]; /* of MY_PIN_COUNTED: how many at most */
	uint8_t lock_told;   /* by the row of a lock's function, and one; 0: no
			      * row yet */
	uint8_t results_due; /* MY_RESULT_*: to be asked */
	bool is_id_new;      /* with MY_OWED_ID: see MY_RESULT_SAME */
	bool has_warnings;   /* perhaps, of any client's statement */
	enum reason pending_fail; /* to be returned by the next step */
	uint16_t status;          /* as it told last: MY_STATUS_* */
	uint8_t seq;              /* of the login's packets */
	bool is_bare;             /* logged in without a schema */
	bool is_client_tracked;   /* by the client's trackers, not carpool's */
	bool is_muted;        /* the client has its answer: what comes of this
			       * one is not for it */
	bool is_boundary_due; /* an answer is complete: say so */
	bool has_link_failed; /* a hidden command of the link did */
	bool has_no_schema;   /* ... since the client's schema is gone */
	bool has_load_failed; /* a hidden PREPARE for its client */
	bool is_load_astray;  /* the one owed is under wrong settings */
	bool is_half_sent;    /* the client's command, see my_front_step */
	bool must_close;      /* its state cannot be trusted */
};

/* Brings the counts that the core reads up to date. */
void my_back_count(struct my_back *b);

/* Remembers an ERR's payload as the one worth telling. */
void my_back_keep_error(struct my_back *b, const uint8_t *payload, size_t len);

/*
 * Appends a command of carpool's own (a byte and what follows it) and its
 * entry; false when memory is out: nothing was added.
 */
bool my_back_ask(struct my_back *b, struct buf *out, enum my_owed_task task,
		 uint8_t command, const void *argument, size_t len);

/* The client's command with this head was sent, or is about to be. */
void my_back_push(struct my_back *b, const uint8_t *head, size_t len);

/* The same of one that has no answer. */
void my_back_tell(struct my_back *b, const uint8_t *head);

/* Is the answer that comes the linked client's? */
bool my_back_is_for_client(const struct my_back *b, const struct turn *turn);

/* Has only a part of the client's command gone to the server?  Then nothing may
 * be put behind it, and nobody else gets the server. */
static inline bool
my_back_is_between(const struct my_back *b, const struct turn *turn)
{
	return turn->out_busy || b->is_half_sent;
}

/* How the definitions of rows end on this connection: MY_WITH_*. */
unsigned my_back_with(const struct my_back *b);

/* ---- my_back_done.c ---- */

/* The client's session is the one that its server has. */
void my_back_give(const struct my_back *b, struct my_front *f);

/*
 * The client's command with this head was answered, as the response tells; its
 * client may be gone.  False: memory is out.
 */
bool my_back_done(struct my_back *b, struct turn *turn,
		  const struct my_response *response, const uint8_t *head);

/* ---- my_link.c ---- */

enum link_result my_back_link(struct turn *turn);
void my_back_unlink(void *back);
bool my_back_suits(const void *back, const void *front);

/* Must the linked server be given the client's LAST_INSERT_ID() before the
 * command of f->flags? */
bool my_link_is_id_due(const struct my_back *b, const struct my_front *f);

/* It is; false: memory is out. */
bool my_link_set_id(struct my_back *b, const struct my_front *f,
		    struct buf *out);

/* A hidden command of the link was answered, with an error or with 0. */
void my_link_done(struct my_back *b, unsigned error);

/* ---- my_clean.c ---- */

bool my_back_reset(struct turn *turn);
bool my_back_check(struct turn *turn);
enum abandon_result my_back_abandon(struct turn *turn, enum sent sent);
void my_back_terminate(struct turn *turn);

/* The client has reset the connection; false: memory is out. */
bool my_clean_restore(struct my_back *b, struct turn *turn);

/* The same of these. */
bool my_clean_done(struct my_back *b, struct turn *turn, enum my_owed_task task,
		   unsigned error);

/* ---- my_back.c ---- */

void *my_back_open(const struct credential *cred, const char *database,
		   struct startup_words words, const struct policy *policy);
void my_back_close(void *back);
struct back_view *my_back_view(void *back);
struct order my_back_step(struct turn *turn);
void *my_back_cancel_open(void *back, const struct credential *cred,
			  const struct policy *policy);
void my_back_state(const void *back, struct state_view *view);
void my_back_statements(const void *back,
			void (*each)(void *arg, const struct statement_view *s),
			void *arg);

#endif
