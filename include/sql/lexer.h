/*
 * An incremental lexer for SQL text as PostgreSQL reads it.
 *
 * Text comes in pieces cut anywhere; the state between them is this small
 * struct, nothing is allocated.  Comments and the contents of constants are
 * skipped, the rest comes out as tokens.  What the lexer cannot follow (a
 * dollar quote's tag that is too long) sets `lost`: from then on its tokens
 * mean nothing and the caller must assume the worst.  Any thread; the state
 * belongs to one caller.  PostgreSQL manual, chapter "Lexical Structure".
 */
#ifndef CARPOOL_SQL_LEXER_H
#define CARPOOL_SQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEXER_WORD_MAX 63u /* PostgreSQL cuts identifiers here as well */

enum lexer_option {
	/* standard_conforming_strings = off: '...' has backslash escapes. */
	LEXER_BACKSLASHES = 1u << 0,
	/*
	 * The client's encoding has characters whose second byte may be a
	 * backslash (SJIS, BIG5, GBK, UHC, GB18030, JOHAB).
	 */
	LEXER_TRAIL_BYTES = 1u << 1,
};

enum lexer_token {
	LEXER_MORE,   /* the piece is used up */
	LEXER_WORD,   /* keyword or plain identifier: text, len, as written */
	LEXER_NAME,   /* identifier in double quotes: text, len */
	LEXER_STRING, /* a string constant */
	LEXER_NUMBER,
	LEXER_SIGN, /* any other character: sign */
};

struct lexer {
	const char *text; /* borrows the piece or own store, until the next
			   * call; not terminated */
	uint32_t depth;   /* of nested comments */
	uint8_t len;      /* of text, at most LEXER_WORD_MAX */
	uint8_t state;
	uint8_t options;
	uint8_t kept;    /* bytes in store */
	uint8_t matched; /* of a dollar quote's closing tag */
	uint8_t sign;
	bool lost;
	bool has_newline; /* seen since a string's closing quote */
	char store[LEXER_WORD_MAX + 1];
};

/* Starts a text; options is a set of enum lexer_option. */
void lexer_init(struct lexer *lx, unsigned options);

/*
 * The next token of the piece that begins at *at and ends before end; *at
 * moves on.  LEXER_MORE when the piece is used up: a token that may go on in
 * the next piece comes out then.
 */
enum lexer_token lexer_next(struct lexer *lx, const uint8_t **at,
			    const uint8_t *end);

/* The text ends here: the token that was still open, or LEXER_MORE. */
enum lexer_token lexer_end(struct lexer *lx);

#endif
