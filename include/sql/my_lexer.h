/*
 * An incremental lexer for SQL text as MySQL and MariaDB read it.
 *
 * Text comes in pieces cut anywhere; the state between them is this small
 * struct, nothing is allocated.  Comments and the contents of strings are
 * skipped, the rest comes out as tokens; what stands in an executable comment
 * is code, if the server takes it for that.  What the lexer cannot follow (a
 * character set in which a byte may be half a character or a space) sets
 * `lost`: from then on its tokens mean nothing and the caller must assume the
 * worst.  Any thread; the state belongs to one caller.  MySQL manual,
 * "Language Structure"; MariaDB manual, "Comment Syntax".
 */
#ifndef CARPOOL_SQL_MY_LEXER_H
#define CARPOOL_SQL_MY_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MY_LEXER_WORD_MAX 64u /* names are that long at most */

enum my_lexer_option {
	/* Status flag or sql_mode: "..." is a name. */
	MY_LEXER_ANSI_QUOTES = 1u << 0,
	/* Status flag or sql_mode: a backslash is a plain character. */
	MY_LEXER_NO_BACKSLASH = 1u << 1,
	/* The client's characters may end with a byte that opens something. */
	MY_LEXER_TRAIL_BYTES = 1u << 2,
	/* Bytes beyond ASCII may be spaces or half a sign. */
	MY_LEXER_HIGH_BYTES = 1u << 3,
	MY_LEXER_MARIADB = 1u << 4,
};

/* What decides how the server reads a text. */
struct my_lexer_options {
	uint32_t version; /* 101119 = 10.11.19; 0: not known */
	unsigned bits;    /* enum my_lexer_option */
};

enum my_lexer_token {
	MY_LEXER_MORE,     /* the piece is used up */
	MY_LEXER_WORD,     /* keyword or plain identifier: text, len */
	MY_LEXER_NAME,     /* identifier in quotes: text, len */
	MY_LEXER_STRING,   /* a string constant */
	MY_LEXER_NUMBER,   /* or what begins as one: text, len */
	MY_LEXER_VARIABLE, /* @name: text, len, without the sign */
	MY_LEXER_SYSTEM,   /* @@; the name follows as words and dots */
	MY_LEXER_ASSIGN,   /* := */
	MY_LEXER_COMMENT,  /* a plain block comment: how it begins, in text */
	MY_LEXER_SIGN,     /* any other character: sign */
};

struct my_lexer {
	const char *text; /* borrows the piece or own store, until the next
			   * call; not terminated */
	/* Borrows: where the last token begins, if that is in this piece. */
	const uint8_t *begin;
	uint32_t version;
	uint8_t len; /* of text, at most MY_LEXER_WORD_MAX */
	uint8_t state;
	uint8_t options;
	uint8_t kept;  /* bytes in store */
	uint8_t quote; /* that ends what is open */
	uint8_t token; /* enum my_lexer_token, that is open */
	uint8_t depth; /* of comments in one that is skipped */
	uint8_t sign;
	bool in_code; /* of an executable comment */
	bool lost;
	char store[MY_LEXER_WORD_MAX];
};

/* Starts a text. */
void my_lexer_init(struct my_lexer *lx, struct my_lexer_options options);

/*
 * The next token of the piece that begins at *at and ends before end; *at
 * moves on.  MY_LEXER_MORE when the piece is used up: a token that may go on
 * in the next piece comes out then.
 */
enum my_lexer_token my_lexer_next(struct my_lexer *lx, const uint8_t **at,
				  const uint8_t *end);

/* The text ends here: the token that was still open, or MY_LEXER_MORE. */
enum my_lexer_token my_lexer_end(struct my_lexer *lx);

/*
 * The options (enum my_lexer_option) for texts in this character set, as
 * character_set_client names it.
 */
unsigned my_lexer_charset(const char *name);

/*
 * The options for a server whose greeting has this version text: its number
 * and whether it is MariaDB.
 */
struct my_lexer_options my_lexer_server(const char *version);

#endif
