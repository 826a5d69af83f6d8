/*
 * What the lexer takes a byte for.  Private to sql/; constant.
 */
#ifndef CARPOOL_SRC_SQL_LEXER_CLASS_H
#define CARPOOL_SRC_SQL_LEXER_CLASS_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
