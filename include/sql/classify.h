/*
 * What a statement's text may leave behind on the server that runs it.
 *
 * Fed with text in pieces; one set of flags for the whole text, which may hold
 * several statements.  In doubt a flag is set: a server that is cleaned for
 * nothing costs time, one that is not cleaned leaks one client's state to
 * another.  State that a function changes inside cannot be seen here; what DO
 * and CALL run is taken to change everything.
 * Nothing is allocated.  Any thread; the state belongs to one caller.
 */
#ifndef CARPOOL_SQL_CLASSIFY_H
#define CARPOOL_SQL_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/lexer.h"
#include "sql/prepared.h"

enum classify_flag {
	CLASSIFY_SET = 1u << 0, /* a SET of any kind: a SET tag is explained */
	CLASSIFY_SET_TRACKED = 1u << 1,
	CLASSIFY_SET_OTHER = 1u << 2, /* also roles and characteristics */
	CLASSIFY_RESET = 1u << 3,     /* RESET, SET name TO DEFAULT */
	CLASSIFY_RESET_ALL = 1u << 4,
	CLASSIFY_DISCARD_ALL = 1u << 5,
	CLASSIFY_PREPARE = 1u << 6,
	CLASSIFY_LISTEN = 1u << 7,
	CLASSIFY_DECLARE = 1u << 8, /* a cursor WITH HOLD */
	CLASSIFY_LOAD = 1u << 9,
	CLASSIFY_TEMP = 1u << 10,
	CLASSIFY_SET_CONFIG = 1u << 11, /* but not with a plain `true` */
	CLASSIFY_ADVISORY = 1u << 12,   /* session advisory locks */
	CLASSIFY_DO = 1u << 13,     /* DO and CALL: code that may do anything */
	CLASSIFY_SYNTAX = 1u << 14, /* changes how later texts are read */
	CLASSIFY_LOST = 1u << 15,   /* the lexer could not follow */
	CLASSIFY_EMPTY = 1u << 16,  /* nothing but space and comments */
	CLASSIFY_ROLE = 1u << 17,   /* SET ROLE, SESSION AUTHORIZATION */
	CLASSIFY_CURSOR = 1u << 18, /* any DECLARE: its tag is explained */
	CLASSIFY_RELEASE = 1u << 19, /* may take away what pins a session */
	/* The last untracked setting stands in name, and got a value. */
	CLASSIFY_NAMED = 1u << 20,
	CLASSIFY_LOADED = 1u << 21, /* never of a text: a LOAD's tag came */
};

/* After these anything may have been left behind. */
#define CLASSIFY_DOUBT (CLASSIFY_DO | CLASSIFY_SYNTAX | CLASSIFY_LOST)

/* After these any setting may have another value. */
#define CLASSIFY_SETTINGS                                                      \
	(CLASSIFY_SET_OTHER | CLASSIFY_SET_CONFIG | CLASSIFY_DOUBT)

/* The flags after which a server must be asked or cleaned. */
#define CLASSIFY_DIRT                                                          \
	(CLASSIFY_SET_OTHER | CLASSIFY_PREPARE | CLASSIFY_LISTEN |             \
	 CLASSIFY_DECLARE | CLASSIFY_LOADED | CLASSIFY_TEMP |                  \
	 CLASSIFY_SET_CONFIG | CLASSIFY_ADVISORY | CLASSIFY_DOUBT)

struct classify_options {
	unsigned lexer; /* enum lexer_option */
	/*
	 * Does carpool carry this setting from server to server?  name is
	 * NUL-terminated, in any letter case, with dots for a qualified name.
	 */
	bool (*is_tracked)(const void *context, const char *name);
	const void *context; /* borrows, until classify_end */
	/*
	 * How names of prepared statements begin that are not the client's, in
	 * small letters; NULL: none do.  Borrows, until classify_end.
	 */
	const char *own_names;
};

struct classify {
	struct lexer lexer;
	uint32_t flags;
	uint8_t step; /* where in the statement */
	uint8_t last; /* the last word, and the one before */
	uint8_t before;
	bool is_empty;
	bool has_value; /* the setting named last was given one */
	/* Inside the arguments of set_config. */
	bool call_armed;
	bool arg_true;       /* the argument is a plain TRUE so far */
	uint8_t arg_tokens;  /* of this argument, saturates */
	uint8_t arg_commas;  /* saturates */
	uint32_t call_depth; /* 0: not inside */
	uint8_t name_len;
	char name[LEXER_WORD_MAX + 1]; /* of the setting */
	struct classify_options options;
	/* A statement names one of own_names, or may; only told of a text that
	 * is fed. */
	bool has_own_name;
	bool is_escaped; /* U and perhaps & have come, which begin a name */
	struct prepared_walk names;
};

void classify_init(struct classify *c, const struct classify_options *options);
void classify_feed(struct classify *c, const void *text, size_t len);

/* The text is complete: its flags (enum classify_flag). */
unsigned classify_end(struct classify *c);

/* The flags of a whole text; for most of all texts it costs little. */
unsigned classify_text(const void *text, size_t len,
		       const struct classify_options *options);

/*
 * As classify_text; name, of LEXER_WORD_MAX and one, gets the setting that
 * CLASSIFY_NAMED means, and is undefined without that flag.
 */
unsigned classify_named(const void *text, size_t len,
			const struct classify_options *options, char *name);

#endif
