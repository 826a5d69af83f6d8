/*
 * Whether a place in a text is code, or in a string or a comment.  Owns
 * nothing; any thread.
 */
#include <string.h>

#include "quick_text.h"

/* ---- space and comments ---- */

const uint8_t *
quick_skip_block(const uint8_t *at, const uint8_t *end)
{
	for (at += 2; end - at > (ptrdiff_t)QUICK_BLOCK; at += QUICK_BLOCK) {
		unsigned marks = quick_block_marks(at);

		if (marks == 0)
			continue;
		at += quick_first(marks);
		return *at == '*' ? at + 2 : NULL;
	}
	for (; end - at > 1; at++) {
		if (at[0] == '*' && at[1] == '/')
			return at + 2;
		if (at[0] == '/' && at[1] == '*')
			break;
	}
	return NULL;
}

const uint8_t *
quick_skip_line(const uint8_t *at, const uint8_t *end)
{
	for (; end - at >= (ptrdiff_t)QUICK_BLOCK; at += QUICK_BLOCK) {
		unsigned ends = quick_line_ends(at);

		if (ends != 0)
			return at + quick_first(ends);
	}
	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

const uint8_t *
quick_skip_gap(const uint8_t *at, const uint8_t *end)
{
	while (at != NULL && at < end) {
		if (lexer_classes[*at] == CLASS_SPACE)
			at++;
		else if (*at == '-' && end - at > 1 && at[1] == '-')
			at = quick_skip_line(at + 2, end);
		else if (*at == '/' && end - at > 1 && at[1] == '*')
			at = quick_skip_block(at, end);
		else
			break;
	}
	return at;
}

/* ---- is a place code? ---- */

/* Behind the next c, or the end of the text. */
static const uint8_t *
skip_past(const struct quick *q, const uint8_t *at, char c)
{
	const uint8_t *found = memchr(at, c, (size_t)(q->end - at));

	return found != NULL ? found + 1 : q->end;
}

/* Behind a string; NULL: it may have escapes. */
static const uint8_t *
skip_string(const struct quick *q, const uint8_t *at)
{
	if (q->options->lexer & LEXER_BACKSLASHES)
		return NULL;
	/* A letter in front of that makes another word, which is no prefix. */
	if (at > q->clean && (at[-1] | 0x20) == 'e' &&
	    (at - 1 == q->clean || !lexer_is_letter(at[-2])))
		return NULL;
	return skip_past(q, at + 1, '\'');
}

/* Behind a string in dollar quotes, or the sign; NULL: hard to tell. */
static const uint8_t *
skip_dollar(const struct quick *q, const uint8_t *at)
{
	const uint8_t *p = at + 1, *found;

	if (at > q->clean && lexer_goes_on(at[-1]))
		return NULL;
	if (p < q->end && lexer_classes[*p] == CLASS_DIGIT)
		return p;
	while (p < q->end && *p != '$' && lexer_goes_on(*p))
		p++;
	if (p == q->end || p - at > (ptrdiff_t)LEXER_WORD_MAX)
		return NULL;
	if (*p != '$')
		return at + 1;
	p++;
	found = memmem(p, (size_t)(q->end - p), at, (size_t)(p - at));
	return found != NULL ? found + (p - at) : q->end;
}

/*
 * Behind what at opens; just behind at where that opens nothing in which a
 * place could be.  NULL: hard to tell.
 */
static const uint8_t *
skip_opened(const struct quick *q, const uint8_t *at, const uint8_t *target)
{
	const uint8_t *p;

	switch (*at) {
	case '\'':
		return skip_string(q, at);
	case '$':
		return skip_dollar(q, at);
	case '-':
		return q->end - at > 1 && at[1] == '-'
			       ? quick_skip_line(at + 2, q->end)
			       : at + 1;
	case '/':
		return q->end - at > 1 && at[1] == '*'
			       ? quick_skip_block(at, q->end)
			       : at + 1;
	case '"':
		/* A name in quotes may mean as much as one without. */
		p = skip_past(q, at + 1, '"');
		return p <= target ? p : NULL;
	default:
		return at + 1;
	}
}

/* The first place before target that may open something, or target. */
static inline const uint8_t *
find_opener(const uint8_t *at, const uint8_t *target, const uint8_t *end)
{
	for (; at < target; at += QUICK_BLOCK) {
		unsigned bits = QUICK_UP_TO(at, end, quick_openers);

		if (bits == 0)
			continue;
		at += quick_first(bits);
		return at < target ? at : target;
	}
	return target;
}

enum quick_place
quick_reach(struct quick *q, const uint8_t *target)
{
	const uint8_t *at = q->known;

	while ((at = find_opener(at, target, q->end)) < target) {
		const uint8_t *behind = skip_opened(q, at, target);

		if (behind == NULL)
			return PLACE_UNSURE;
		if (behind > at + 1)
			q->clean = behind;
		if (behind > target) {
			q->known = behind;
			return PLACE_INSIDE;
		}
		at = behind;
	}
	q->known = target;
	return PLACE_CODE;
}
