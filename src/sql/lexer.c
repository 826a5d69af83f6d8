/*
 * The lexer's states.  Owns nothing; runs on any thread; must not know what
 * the words mean.  One function a state: each takes bytes from the piece until
 * a token is complete, the state changes or the piece is used up.
 */
#include "sql/lexer.h"

#include <string.h>

#include "base/mem.h"
#include "lexer_class.h"

enum state {
	STATE_TOP,
	STATE_WORD,
	STATE_NUMBER,
	STATE_NAME,
	STATE_NAME_QUOTE, /* a quote: the end, or the first of two */
	STATE_STRING,     /* '' is its only escape */
	STATE_STRING_QUOTE,
	STATE_ESCAPES,      /* backslash escapes */
	STATE_ESCAPES_HIGH, /* after a byte that may eat a backslash */
	STATE_ESCAPES_BACKSLASH,
	STATE_ESCAPES_QUOTE,
	STATE_GAP, /* behind an escape string that may be continued */
	STATE_GAP_MINUS,
	STATE_GAP_LINE,
	STATE_DOLLAR,
	STATE_PARAMETER, /* $1 */
	STATE_TAG,
	STATE_BODY, /* of a dollar-quoted string */
	STATE_MINUS,
	STATE_LINE, /* comment up to the line's end */
	STATE_SLASH,
	STATE_BLOCK,
	STATE_BLOCK_STAR,
	STATE_BLOCK_SLASH,
	STATE_COUNT,
};

#define FOUR(c, k)                                                             \
	[(c)] = (k), [(c) + 1] = (k), [(c) + 2] = (k), [(c) + 3] = (k)
#define SIXTEEN(c, k)                                                          \
	FOUR(c, k), FOUR((c) + 4, k), FOUR((c) + 8, k), FOUR((c) + 12, k)

const uint8_t lexer_classes[256] = {
	[' '] = CLASS_SPACE,       ['\t'] = CLASS_SPACE,
	['\n'] = CLASS_SPACE,      ['\r'] = CLASS_SPACE,
	['\f'] = CLASS_SPACE,      ['\v'] = CLASS_SPACE,
	FOUR('0', CLASS_DIGIT),    FOUR('4', CLASS_DIGIT),
	['8'] = CLASS_DIGIT,       ['9'] = CLASS_DIGIT,
	SIXTEEN('a', CLASS_WORD),  FOUR('q', CLASS_WORD),
	FOUR('u', CLASS_WORD),     ['y'] = CLASS_WORD,
	['z'] = CLASS_WORD,        SIXTEEN('A', CLASS_WORD),
	FOUR('Q', CLASS_WORD),     FOUR('U', CLASS_WORD),
	['Y'] = CLASS_WORD,        ['Z'] = CLASS_WORD,
	['_'] = CLASS_WORD,        SIXTEEN(0x80, CLASS_WORD),
	SIXTEEN(0x90, CLASS_WORD), SIXTEEN(0xa0, CLASS_WORD),
	SIXTEEN(0xb0, CLASS_WORD), SIXTEEN(0xc0, CLASS_WORD),
	SIXTEEN(0xd0, CLASS_WORD), SIXTEEN(0xe0, CLASS_WORD),
	SIXTEEN(0xf0, CLASS_WORD), ['\''] = CLASS_QUOTE,
	['"'] = CLASS_DOUBLE,      ['$'] = CLASS_DOLLAR,
	['-'] = CLASS_MINUS,       ['/'] = CLASS_SLASH,
};

/* Adds to the stored text as far as there is room. */
static void
keep(struct lexer *lx, const uint8_t *from, size_t n)
{
	size_t room = LEXER_WORD_MAX - lx->kept;

	if (n > room)
		n = room;
	memcpy(lx->store + lx->kept, from, n);
	lx->kept = (uint8_t)(lx->kept + n);
}

static enum lexer_token
give_stored(struct lexer *lx, enum lexer_token token)
{
	lx->text = lx->store;
	lx->len = lx->kept;
	lx->state = STATE_TOP;
	return token;
}

/* The state in which a plain '...' is read. */
static uint8_t
plain_string(const struct lexer *lx)
{
	return lx->options & LEXER_BACKSLASHES ? STATE_ESCAPES : STATE_STRING;
}

static bool
is_escape_prefix(const uint8_t *word, size_t len)
{
	return len == 1 && (*word | 0x20) == 'e';
}

/* A word begins at *at; most end within the piece and are not copied. */
static enum lexer_token
begin_word(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *from = *at, *p = from + 1;

	while (p < end && lexer_goes_on(*p))
		p++;
	*at = p;
	if (p == end) {
		lx->kept = 0;
		keep(lx, from, (size_t)(p - from));
		lx->state = STATE_WORD;
		return LEXER_MORE;
	}
	if (*p == '\'' && is_escape_prefix(from, (size_t)(p - from))) {
		++*at;
		lx->state = STATE_ESCAPES;
		return LEXER_MORE;
	}
	lx->text = (const char *)from;
	lx->len = (uint8_t)(p - from < LEXER_WORD_MAX ? p - from
						      : LEXER_WORD_MAX);
	return LEXER_WORD;
}

static enum lexer_token
on_top(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	static const uint8_t next[] = {
		[CLASS_DIGIT] = STATE_NUMBER,  [CLASS_DOUBLE] = STATE_NAME,
		[CLASS_DOLLAR] = STATE_DOLLAR, [CLASS_MINUS] = STATE_MINUS,
		[CLASS_SLASH] = STATE_SLASH,
	};
	const uint8_t *p = *at;

	while (p < end && lexer_classes[*p] == CLASS_SPACE)
		p++;
	*at = p;
	if (p == end)
		return LEXER_MORE;
	if (lexer_classes[*p] == CLASS_WORD)
		return begin_word(lx, at, end);
	++*at;
	if (lexer_classes[*p] == CLASS_SIGN) {
		lx->sign = *p;
		return LEXER_SIGN;
	}
	lx->kept = 0;
	lx->state = lexer_classes[*p] == CLASS_QUOTE ? plain_string(lx)
						     : next[lexer_classes[*p]];
	return LEXER_MORE;
}

/* The rest of a word that was cut. */
static enum lexer_token
on_word(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;

	while (p < end && lexer_goes_on(*p))
		p++;
	keep(lx, *at, (size_t)(p - *at));
	*at = p;
	if (p == end)
		return LEXER_MORE;
	if (*p == '\'' && is_escape_prefix((uint8_t *)lx->store, lx->kept)) {
		++*at;
		lx->state = STATE_ESCAPES;
		return LEXER_MORE;
	}
	return give_stored(lx, LEXER_WORD);
}

static enum lexer_token
on_number(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end && (lexer_classes[**at] == CLASS_DIGIT || **at == '.'))
		++*at;
	if (*at == end)
		return LEXER_MORE;
	lx->state = STATE_TOP;
	return LEXER_NUMBER;
}

static enum lexer_token
on_name(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *from = *at;
	bool found = lexer_skip_to(at, end, '"');

	keep(lx, from, (size_t)(*at - from));
	if (found) {
		++*at;
		lx->state = STATE_NAME_QUOTE;
	}
	return LEXER_MORE;
}

static enum lexer_token
on_name_quote(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at != '"')
		return give_stored(lx, LEXER_NAME);
	keep(lx, *at, 1);
	++*at;
	lx->state = STATE_NAME;
	return LEXER_MORE;
}

static enum lexer_token
on_string(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	if (lexer_skip_to(at, end, '\'')) {
		++*at;
		lx->state = STATE_STRING_QUOTE;
	}
	return LEXER_MORE;
}

static enum lexer_token
on_string_quote(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '\'') {
		++*at;
		lx->state = STATE_STRING;
		return LEXER_MORE;
	}
	lx->state = STATE_TOP;
	return LEXER_STRING;
}

static enum lexer_token
on_escapes(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	bool has_trail = lx->options & LEXER_TRAIL_BYTES;
	const uint8_t *p = *at;

	while (p < end && *p != '\'' && *p != '\\' && !(has_trail && *p > 0x7f))
		p++;
	*at = p;
	if (p == end)
		return LEXER_MORE;
	++*at;
	if (*p == '\'') {
		lx->has_newline = false;
		lx->state = STATE_ESCAPES_QUOTE;
	} else {
		lx->state = *p == '\\' ? STATE_ESCAPES_BACKSLASH
				       : STATE_ESCAPES_HIGH;
	}
	return LEXER_MORE;
}

/* Is a backslash here the second half of a character, or an escape? */
static enum lexer_token
on_escapes_high(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '\\')
		lx->lost = true;
	lx->state = STATE_ESCAPES;
	return LEXER_MORE;
}

static enum lexer_token
on_escapes_backslash(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	++*at;
	lx->state = STATE_ESCAPES;
	return LEXER_MORE;
}

static enum lexer_token
on_escapes_quote(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '\'') {
		++*at;
		lx->state = STATE_ESCAPES;
	} else {
		lx->state = STATE_GAP;
	}
	return LEXER_MORE;
}

/*
 * Two string constants with a line's end between them are one, and the second
 * half keeps the escapes of the first.  Comments may stand between.
 */
static enum lexer_token
on_gap(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	uint8_t c;

	while (*at < end && lexer_classes[**at] == CLASS_SPACE) {
		if (**at == '\n' || **at == '\r')
			lx->has_newline = true;
		++*at;
	}
	if (*at == end)
		return LEXER_MORE;
	c = **at;
	if (c == '\'' && lx->has_newline) {
		++*at;
		lx->state = STATE_ESCAPES;
		return LEXER_MORE;
	}
	if (c == '-') {
		++*at;
		lx->state = STATE_GAP_MINUS;
		return LEXER_MORE;
	}
	lx->state = STATE_TOP;
	return LEXER_STRING;
}

static enum lexer_token
on_gap_minus(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '-') {
		++*at;
		lx->state = STATE_GAP_LINE;
		return LEXER_MORE;
	}
	lx->state = STATE_MINUS;
	return LEXER_STRING;
}

/* Moves on to the end of the line; false when it is not in the piece. */
static bool
skip_line(const uint8_t **at, const uint8_t *end)
{
	while (*at < end && **at != '\n' && **at != '\r')
		++*at;
	return *at < end;
}

static enum lexer_token
on_gap_line(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	if (skip_line(at, end))
		lx->state = STATE_GAP;
	return LEXER_MORE;
}

static enum lexer_token
on_dollar(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	uint8_t c = **at;

	(void)end;
	if (lexer_classes[c] == CLASS_DIGIT) {
		lx->state = STATE_PARAMETER;
		return LEXER_MORE;
	}
	if (lexer_classes[c] == CLASS_WORD) {
		lx->state = STATE_TAG;
		return LEXER_MORE;
	}
	if (c == '$') {
		++*at;
		lx->matched = 0;
		lx->state = STATE_BODY;
		return LEXER_MORE;
	}
	lx->sign = '$';
	lx->state = STATE_TOP;
	return LEXER_SIGN;
}

static enum lexer_token
on_parameter(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end && lexer_classes[**at] == CLASS_DIGIT)
		++*at;
	if (*at == end)
		return LEXER_MORE;
	lx->sign = '$';
	lx->state = STATE_TOP;
	return LEXER_SIGN;
}

static enum lexer_token
on_tag(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;

	while (p < end && *p != '$' && lexer_goes_on(*p))
		p++;
	if ((size_t)(p - *at) > LEXER_WORD_MAX - lx->kept)
		lx->lost = true;
	keep(lx, *at, (size_t)(p - *at));
	*at = p;
	if (p == end)
		return LEXER_MORE;
	if (*p == '$') {
		++*at;
		lx->matched = 0;
		lx->state = STATE_BODY;
		return LEXER_MORE;
	}
	/* No tag after all: a dollar sign and a word. */
	lx->state = STATE_WORD;
	lx->sign = '$';
	return LEXER_SIGN;
}

/* matched counts the closing tag's bytes seen, its first dollar sign too. */
static enum lexer_token
on_body(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end) {
		uint8_t c;

		if (lx->matched == 0) {
			if (!lexer_skip_to(at, end, '$'))
				return LEXER_MORE;
			++*at;
			lx->matched = 1;
			continue;
		}
		c = *(*at)++;
		if (lx->matched > lx->kept && c == '$') {
			lx->state = STATE_TOP;
			return LEXER_STRING;
		}
		if (lx->matched <= lx->kept &&
		    c == (uint8_t)lx->store[lx->matched - 1])
			lx->matched++;
		else
			lx->matched = c == '$';
	}
	return LEXER_MORE;
}

static enum lexer_token
on_minus(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '-') {
		++*at;
		lx->state = STATE_LINE;
		return LEXER_MORE;
	}
	lx->sign = '-';
	lx->state = STATE_TOP;
	return LEXER_SIGN;
}

static enum lexer_token
on_line(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	if (skip_line(at, end))
		lx->state = STATE_TOP;
	return LEXER_MORE;
}

static enum lexer_token
on_slash(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '*') {
		++*at;
		lx->depth = 1;
		lx->state = STATE_BLOCK;
		return LEXER_MORE;
	}
	lx->sign = '/';
	lx->state = STATE_TOP;
	return LEXER_SIGN;
}

static enum lexer_token
on_block(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end) {
		uint8_t c = *(*at)++;

		if (c == '*' || c == '/') {
			lx->state =
				c == '*' ? STATE_BLOCK_STAR : STATE_BLOCK_SLASH;
			return LEXER_MORE;
		}
	}
	return LEXER_MORE;
}

static enum lexer_token
on_block_star(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '/') {
		++*at;
		lx->state = --lx->depth > 0 ? STATE_BLOCK : STATE_TOP;
	} else if (**at == '*') {
		++*at;
	} else {
		lx->state = STATE_BLOCK;
	}
	return LEXER_MORE;
}

static enum lexer_token
on_block_slash(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '*') {
		++*at;
		lx->depth++;
		lx->state = STATE_BLOCK;
	} else if (**at == '/') {
		++*at;
	} else {
		lx->state = STATE_BLOCK;
	}
	return LEXER_MORE;
}

static enum lexer_token (*const states[STATE_COUNT])(struct lexer *lx,
						     const uint8_t **at,
						     const uint8_t *end) = {
	[STATE_TOP] = on_top,
	[STATE_WORD] = on_word,
	[STATE_NUMBER] = on_number,
	[STATE_NAME] = on_name,
	[STATE_NAME_QUOTE] = on_name_quote,
	[STATE_STRING] = on_string,
	[STATE_STRING_QUOTE] = on_string_quote,
	[STATE_ESCAPES] = on_escapes,
	[STATE_ESCAPES_HIGH] = on_escapes_high,
	[STATE_ESCAPES_BACKSLASH] = on_escapes_backslash,
	[STATE_ESCAPES_QUOTE] = on_escapes_quote,
	[STATE_GAP] = on_gap,
	[STATE_GAP_MINUS] = on_gap_minus,
	[STATE_GAP_LINE] = on_gap_line,
	[STATE_DOLLAR] = on_dollar,
	[STATE_PARAMETER] = on_parameter,
	[STATE_TAG] = on_tag,
	[STATE_BODY] = on_body,
	[STATE_MINUS] = on_minus,
	[STATE_LINE] = on_line,
	[STATE_SLASH] = on_slash,
	[STATE_BLOCK] = on_block,
	[STATE_BLOCK_STAR] = on_block_star,
	[STATE_BLOCK_SLASH] = on_block_slash,
};

void
lexer_init(struct lexer *lx, unsigned options)
{
	lx->text = lx->store;
	lx->depth = 0;
	lx->len = lx->kept = lx->matched = lx->sign = 0;
	lx->state = STATE_TOP;
	lx->options = (uint8_t)options;
	lx->lost = lx->has_newline = false;
}

enum lexer_token
lexer_next(struct lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end) {
		enum lexer_token token = states[lx->state](lx, at, end);

		if (token != LEXER_MORE)
			return token;
	}
	return LEXER_MORE;
}

enum lexer_token
lexer_end(struct lexer *lx)
{
	/* A line's end completes whatever can be complete. */
	static const uint8_t newline = '\n', space = ' ';
	const uint8_t *at = &newline;
	enum lexer_token token = lexer_next(lx, &at, &newline + 1);

	if (token == LEXER_MORE && lx->state == STATE_GAP) {
		lx->state = STATE_TOP;
		return LEXER_STRING;
	}
	if (token == LEXER_SIGN && lx->state == STATE_WORD) {
		/* "$word" gives two tokens; the second is of no use. */
		at = &space;
		(void)lexer_next(lx, &at, &space + 1);
	}
	return token;
}
