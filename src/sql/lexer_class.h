/*
 * What the lexer takes a byte for.  Private to sql/; constant.
 */
#ifndef CARPOOL_SRC_SQL_LEXER_CLASS_H
#define CARPOOL_SRC_SQL_LEXER_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum lexer_class {
	CLASS_SIGN,
	CLASS_SPACE,
	CLASS_QUOTE,
	CLASS_DOUBLE,
	CLASS_MINUS,
	CLASS_SLASH,
	/* From here on a word that has begun goes on. */
	CLASS_DOLLAR,
	CLASS_DIGIT,
	CLASS_WORD, /* it may begin one as well */
};

extern const uint8_t lexer_classes[256];

static inline bool
lexer_goes_on(uint8_t c)
{
	return lexer_classes[c] >= CLASS_DOLLAR;
}

static inline bool
lexer_is_letter(uint8_t c)
{
	return lexer_classes[c] == CLASS_WORD;
}

/* Moves on to the byte c; false when it is not in the piece. */
static inline bool
lexer_skip_to(const uint8_t **at, const uint8_t *end, int c)
{
	const uint8_t *found = memchr(*at, c, (size_t)(end - *at));

	*at = found != NULL ? found : end;
	return found != NULL;
}

#endif
