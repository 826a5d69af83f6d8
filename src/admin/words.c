/*
 * Splitting console commands.  Owns the copies in struct words; pure.
 */
#include "words.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct reader {
	const char *text; /* borrows: the command */
	size_t at;
	char *out; /* borrows: where the next word is written */
};

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_plain(char c)
{
	return c != '\0' && c != ';' && c != '=' && c != '\'' && c != '"' &&
	       !is_blank(c);
}

static bool
is_at(const struct reader *r, const char *mark)
{
	return strncmp(r->text + r->at, mark, strlen(mark)) == 0;
}

/* Comments that open with a slash and a star may be nested. */
static bool
skip_block_comment(struct reader *r)
{
	unsigned depth = 0;

	do {
		if (r->text[r->at] == '\0')
			return false;
		if (is_at(r, "/*")) {
			depth++;
			r->at += 2;
		} else if (is_at(r, "*/")) {
			depth--;
			r->at += 2;
		} else {
			r->at++;
		}
	} while (depth > 0);
	return true;
}

static bool
skip_blanks(struct reader *r)
{
	for (;;) {
		if (is_blank(r->text[r->at]))
			r->at++;
		else if (is_at(r, "--"))
			r->at += strcspn(r->text + r->at, "\n");
		else if (!is_at(r, "/*"))
			return true;
		else if (!skip_block_comment(r))
			return false;
	}
}

static bool
read_quoted(struct reader *r)
{
	char quote = r->text[r->at++];

	for (;; r->at++) {
		char c = r->text[r->at];

		if (c == '\0')
			return false;
		if (c == quote && r->text[++r->at] != quote)
			return true;
		*r->out++ = c;
	}
}

static void
read_plain(struct reader *r)
{
	do
		*r->out++ = r->text[r->at++];
	while (is_plain(r->text[r->at]) && !is_at(r, "--") && !is_at(r, "/*"));
}

static bool
read_word(struct reader *r, struct word *word)
{
	char c = r->text[r->at];

	word->text = r->out;
	word->at = r->at;
	word->is_quoted = c == '\'' || c == '"';
	if (word->is_quoted) {
		if (!read_quoted(r))
			return false;
	} else if (c == '=') {
		*r->out++ = r->text[r->at++];
	} else {
		read_plain(r);
	}
	*r->out++ = '\0';
	return true;
}

/* Ends the copy of the command where its last word ends. */
static void
cut_source(struct words *words, size_t end)
{
	words->source[end] = '\0';
}

/* Behind the ";" nothing may come but blanks and more of it. */
static enum words_result
read_end(struct reader *r)
{
	while (r->text[r->at] == ';') {
		r->at++;
		if (!skip_blanks(r))
			return WORDS_OPEN_QUOTE;
	}
	return r->text[r->at] == '\0' ? WORDS_OK : WORDS_SECOND;
}

enum words_result
words_split(struct words *words, const char *command)
{
	struct reader r = { .text = command };
	size_t end = 0;

	*words = (struct words){ 0 };
	/* A word of one byte takes two with its end. */
	words->buffer = mem_zalloc(2 * strlen(command) + 2);
	words->source = mem_strdup(command);
	if (words->buffer == NULL || words->source == NULL)
		return WORDS_NO_MEMORY;
	r.out = words->buffer;
	for (;;) {
		if (!skip_blanks(&r))
			return WORDS_OPEN_QUOTE;
		if (command[r.at] == '\0' || command[r.at] == ';')
			break;
		if (words->count == WORDS_MAX)
			return WORDS_TOO_MANY;
		if (!read_word(&r, &words->list[words->count]))
			return WORDS_OPEN_QUOTE;
		words->count++;
		end = r.at;
	}
	cut_source(words, end);
	return read_end(&r);
}

void
words_fini(struct words *words)
{
	mem_free(words->buffer);
	mem_free(words->source);
	*words = (struct words){ 0 };
}

bool
words_is(const struct words *words, size_t i, const char *name)
{
	return i < words->count && !words->list[i].is_quoted &&
	       text_equal_nocase(words->list[i].text, name);
}

const char *
words_value(const struct words *words, size_t i)
{
	const struct word *word = &words->list[i];

	ASSERT(i < words->count);
	if (i + 1 == words->count)
		return word->text;
	return words->source + word->at;
}
