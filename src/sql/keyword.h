/*
 * Words that mean something, found by their first letter, so that most words
 * of a statement cost one look.  Private to sql/; pure.
 */
#ifndef CARPOOL_SRC_SQL_KEYWORD_H
#define CARPOOL_SRC_SQL_KEYWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYWORD_LETTERS 26u

struct keyword {
	const char *text; /* in small letters; NULL ends a list */
	uint8_t len;
	uint8_t word; /* an enum of whoever asks; 0 is none */
};

#define KEYWORD(t, w)                                                          \
	{                                                                      \
		.text = (t), .len = sizeof(t) - 1, .word = (w)                 \
	}

/* Is text, in any letter case, the keyword?  It is as long. */
static inline bool
keyword_is(const struct keyword *k, const char *text)
{
	for (size_t i = 0; i < k->len; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (c != k->text[i])
			return false;
	}
	return true;
}

/* The word that this text is, by its letter's list, or 0. */
static inline unsigned
keyword_find(const struct keyword *const by_letter[KEYWORD_LETTERS],
	     const char *text, size_t len)
{
	unsigned letter = (unsigned)((uint8_t)*text | 0x20) - 'a';
	const struct keyword *k;

	if (letter >= KEYWORD_LETTERS || by_letter[letter] == NULL)
		return 0;
	for (k = by_letter[letter]; k->text != NULL; k++) {
		if (k->len == len && keyword_is(k, text))
			return k->word;
	}
	return 0;
}

#endif
