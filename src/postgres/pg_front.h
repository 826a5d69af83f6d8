/*
 * The state of one client connection.
 *
 * Runs on the worker that owns the client.  Most clients are idle, so what is
 * needed only while something goes on (login, a long statement's text, the
 * console's statements) stands in objects of its own.
 */
#ifndef CARPOOL_SRC_POSTGRES_PG_FRONT_H
#define CARPOOL_SRC_POSTGRES_PG_FRONT_H

#include "pg_frame.h"
#include "pg_names.h"
#include "pg_params.h"
#include "pgwire.h"

struct pg_front_login;
struct pg_startup;
struct pg_console;
struct pg_text;
struct pg_back;

/* What happens to the client's messages after a refused statement. */
enum pg_skip {
	SKIP_NOTHING,
	SKIP_PENDING, /* the request that is next: Query or a whole group */
	SKIP_GROUP,   /* all up to the next Sync */
};

struct pg_front {
	struct front_view view;       /* first: the core reads it */
	struct pg_params *params;     /* refs: the settings the client has */
	struct pg_params *start;      /* refs: those it asked for at startup */
	struct pg_params *own;        /* refs: what it set besides; sorted */
	struct pg_params *own_start;  /* refs: of these, asked for at startup */
	struct pg_front_login *login; /* owns; NULL once logged in */
	struct pg_console *console;   /* owns; NULL for other clients */
	struct pg_text *text;         /* owns: a long text that is being read */
	struct pg_names *names;       /* owns: its statements, or NULL */
	uint32_t rest;      /* of a message whose beginning was written anew */
	uint8_t skip;       /* enum pg_skip */
	bool is_group_open; /* messages since the last Sync */
	bool awaits_end;    /* the request that is next has had to wait */
	bool must_reapply;  /* its settings, before its next request */
	bool is_held;       /* a ReadyForQuery of it waits: pg_listen.h */
	bool is_listening;  /* carpool hears for it, or did */
	bool was_told_pin;  /* that LISTEN keeps its server */
	uint8_t lexer;      /* enum lexer_option for its texts */
};

/* The set of settings was replaced: what was derived from it follows. */
void pg_front_params_changed(struct pg_front *f);

/* pg_front_login.c */
struct pg_front_login *pg_front_login_new(void);
void pg_front_login_free(struct pg_front_login *login);
struct order pg_front_login_step(struct pg_front *f, struct turn *turn);

/* The SCRAM keys that the client proved, once; false: none. */
bool pg_front_login_keys(struct pg_front_login *login, uint8_t client_key[32],
			 uint8_t server_key[32]);

/* The names in the refusal's words, "" before they are known. */
void pg_front_login_words(const struct pg_front_login *login,
			  enum reason reason, struct str *text);
bool pg_front_login_is_old(const struct pg_front_login *login);

/* pg_front_facts.c: the settings to start with; false: memory is out. */
bool pg_front_take_facts(struct pg_front *f, const struct turn *t,
			 const struct pg_startup *st, enum pool_mode mode);

/* pg_console.c */
struct pg_console *pg_console_new(void);
void pg_console_free(struct pg_console *c);
struct order pg_console_step(struct pg_front *f, struct turn *turn);

/* pg_refuse.c */
struct pg_error_words {
	bool is_fatal;
	const char *sqlstate;
	const char *text;
	const char *detail;  /* NULL = none */
	const char *hint;    /* NULL = none */
	const char *routine; /* of the server, NULL = none */
};
/* Adds an ErrorResponse, or a notice, whose texts are made plain ASCII. */
void pg_put_error(struct str *s, const struct pg_error_words *words);
void pg_put_warning(struct str *s, const char *text);
void pg_put_notice(struct str *s, const char *text);
/* Adds a reason's own error, of one statement. */
void pg_put_reason(struct str *s, enum reason reason);
/* ReadyForQuery, idle. */
bool pg_append_ready(struct buf *out);

/* pg_text.c */
/* The flags (enum classify_flag) of a text that is whole. */
unsigned pg_text_flags(const struct pg_front *f, const struct pg_back *b,
		       const struct policy *policy, const uint8_t *text,
		       size_t len);

/* The same of a Query's, which is about to run. */
unsigned pg_text_query(const struct pg_front *f, struct pg_back *b,
		       const struct policy *policy, const uint8_t *text,
		       size_t len);

/*
 * A text of these flags is about to run on the server.  It is remembered where
 * it may leave something behind; len 0: it is not at hand.
 */
void pg_text_runs(const struct pg_front *f, struct pg_back *b, unsigned flags,
		  const void *text, size_t len);

/*
 * Starts a text that comes in pieces, behind skip terminated texts (a Parse's
 * name), in a message whose body has this many bytes; NULL: memory is out.
 */
struct pg_text *pg_text_new(const struct pg_front *f,
			    const struct policy *policy, unsigned skip,
			    size_t body);

/* Does it name a statement of carpool's, so far?  Then it must not run. */
bool pg_text_is_naming(const struct pg_text *t);

/* Bytes of the message's body that are still to come. */
size_t pg_text_left(const struct pg_text *t);

/* Takes len bytes of the message's body from offset at of in. */
void pg_text_feed(struct pg_text *t, const struct pg_back *b,
		  const struct policy *policy, const struct buf *in, size_t at,
		  size_t len);
/* The text is complete: its flags. */
unsigned pg_text_end(struct pg_text *t, const struct pg_back *b,
		     const struct policy *policy);
void pg_text_free(struct pg_text *t);

#endif
