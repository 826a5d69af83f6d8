/*
 * The state of one client connection.
 *
 * Runs on the worker that owns the client.  Most clients are idle, so what is
 * needed only while something goes on stands in objects of its own.
 */
#ifndef CARPOOL_SRC_MYSQL_MY_FRONT_H
#define CARPOOL_SRC_MYSQL_MY_FRONT_H

#include "my_command.h"
#include "my_named.h"
#include "my_ok.h"
#include "my_packet.h"
#include "my_state.h"
#include "mysql/mywire.h"
#include "sql/my_classify.h"

struct my_back;
struct my_console;
struct my_long;
struct my_results;
struct my_front_login;

/* Why a text is kept while it runs. */
enum my_kept {
	MY_KEPT_SET,   /* it sets what no server tells: my_said.h */
	MY_KEPT_PLAIN, /* its answer may be remembered: my_memo.h */
	MY_KEPT_PROBE, /* its answer is kept behind it: my_probe.h */
};

struct my_front {
	struct front_view view;       /* first: the core reads it */
	struct my_session session;    /* what it has set */
	struct my_session start;      /* what it had after its login */
	struct my_front_login *login; /* owns; NULL once logged in */
	union {
		struct my_console *console; /* owns; with is_console */
		/* Owns: its statements; NULL while there are none. */
		struct my_names *names;
	};
	struct my_long *text;       /* owns: a long text on its way */
	struct my_results *results; /* owns: of a statement that is over */
	/* Borrows: the statement that the command which is next runs. */
	struct my_named *wanted;
	char *kept;     /* owns: the text that runs, where it matters once it
			 * succeeded, or NULL; see enum my_kept */
	uint64_t flags; /* MY_SQL_* of the command that is next */
	uint64_t insert_id;             /* its LAST_INSERT_ID() */
	struct my_lexer_options server; /* how its servers read texts */
	uint32_t kept_len;
	uint32_t rest;         /* of a command that was begun anew: to be passed
				* on */
	uint32_t caps, ext;    /* agreed on */
	uint32_t numbers;      /* of its statements, while it has no names */
	uint16_t collation;    /* as it said at login, 0: not known */
	uint16_t status;       /* as it was told last: MY_STATUS_* */
	uint16_t start_status; /* ... after its login */
	uint8_t kill_key[CANCEL_PLACE_BYTES];
	uint32_t id;           /* the connection's, as it was greeted */
	uint8_t seq;           /* of the packet that is written next */
	struct my_parts parts; /* of the packets of a command, or a file */
	unsigned keeps : 2;    /* enum my_kept */
	bool is_console : 1;
	bool is_switched : 1; /* its login asked for another plugin's proof */
	bool is_bare : 1;     /* its class has no schema, and allows ... */
	bool is_multi : 1;    /* ... several statements in a text */
	bool is_asking : 1;   /* whether a client is there to be stopped */
	bool is_judged : 1;   /* flags are of the text at the head */
	bool is_silent : 1;   /* the command that is next has no answer */
	bool is_refused : 1;  /* the command that is next was answered */
	bool is_untold : 1;   /* ... but there was no memory to say so */
	bool is_dropping : 1; /* so was that whose packets still come */
};

/* Does a command that a server was sent in part still come? */
static inline bool
my_front_is_between(const struct my_front *f)
{
	return f->text != NULL || f->rest > 0 ||
	       (f->parts.is_cut && !f->is_dropping);
}

/* ---- my_front.c ---- */

/* Keeps a copy of a text for this in place of any other; false: no memory. */
bool my_front_keep(struct my_front *f, enum my_kept why, const void *text,
		   size_t len);
/* What was kept is of no use any more; harmless when nothing is. */
void my_front_drop_kept(struct my_front *f);

void *my_share_open(uint64_t seed);
void my_share_close(void *shared);
void *my_front_open(void);
void my_front_close(void *front);
struct front_view *my_front_view(void *front);
struct order my_front_step(struct turn *turn);
/* The client's session is as after its login, but for the schema; false: no
 * memory. */
bool my_front_restart(struct my_front *f, struct turn *turn);
/* The command with this head was answered: the order that drops it, with the
 * packets that it goes on in. */
struct order my_front_drop(struct my_front *f, const struct my_head *head);
/* How the text that comes now, or runs, is read. */
struct my_lexer_options my_front_reads(const struct my_front *f);
void my_front_refuse(struct turn *turn, const struct refusal *refusal);
void my_front_state(const void *front, struct state_view *view);
void my_front_statements(const void *front,
			 void (*each)(void *arg,
				      const struct statement_view *s),
			 void *arg);

/* ---- my_console.c ---- */

struct my_console *my_console_new(void);
void my_console_free(struct my_console *c);
struct order my_console_step(struct my_front *f, struct turn *turn);
enum rows_result my_front_rows(struct turn *turn, const struct rowset *rows,
			       size_t *next, size_t budget);

#endif
