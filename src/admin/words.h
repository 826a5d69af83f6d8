/*
 * A console command as words.  Pure; any thread.
 *
 * Words are parted by blanks; "=" is a word of its own; "double quotes" and
 * 'single quotes' keep what stands between them (a doubled quote stands for
 * one); comments are blanks; one ";" may end the command.
 */
#ifndef CARPOOL_ADMIN_WORDS_H
#define CARPOOL_ADMIN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 16

struct word {
	const char *text; /* borrows from words.buffer */
	size_t at;        /* where it began in the command */
	bool is_quoted;
};

struct words {
	char *buffer; /* owns */
	char *source; /* owns: the command without its end */
	size_t count;
	struct word list[WORDS_MAX];
};

enum words_result {
	WORDS_OK,
	WORDS_OPEN_QUOTE, /* a quote or comment is not closed */
	WORDS_SECOND,     /* something stands behind the ";" */
	WORDS_TOO_MANY,
	WORDS_NO_MEMORY,
};

/* Splits a command; words is ended with words_fini whatever the result. */
enum words_result words_split(struct words *words, const char *command);
void words_fini(struct words *words);

/* Is word i (which may not exist) the plain word name, in any letter case? */
bool words_is(const struct words *words, size_t i, const char *name);

/*
 * The value that begins with word i: the word, if it is quoted and the last
 * one, else the command's text from there on.  Borrowed.
 */
const char *words_value(const struct words *words, size_t i);

#endif
