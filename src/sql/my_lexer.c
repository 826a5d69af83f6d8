/*
 * The MySQL lexer's states.  Owns nothing; runs on any thread; must not know
 * what the words mean.  One function a state: each takes bytes from the piece
 * until a token is complete, the state changes or the piece is used up.
 */
#include "sql/my_lexer.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "lexer_class.h"

enum state {
	STATE_TOP,
	STATE_WORD,
	STATE_NUMBER,
	STATE_QUOTED,
	STATE_QUOTED_BACKSLASH,
	STATE_QUOTED_HIGH,  /* after a byte that may eat the next */
	STATE_QUOTED_QUOTE, /* a quote: the end, or the first of two */
	STATE_AT,           /* @ */
	STATE_VARIABLE,
	STATE_COLON,
	STATE_MINUS,
	STATE_MINUS_MINUS, /* a comment only before a blank */
	STATE_LINE,        /* comment up to the line's end */
	STATE_SLASH,
	STATE_OPENED,   /* a comment: its first byte tells the kind */
	STATE_OPENED_M, /* perhaps MariaDB's executable kind */
	STATE_VERSION,
	STATE_BLOCK,
	STATE_BLOCK_STAR,
	STATE_HINT, /* a block comment in which MySQL reads quotes */
	STATE_HINT_STAR,
	STATE_SKIPPED, /* code for other servers */
	STATE_SKIPPED_STAR,
	STATE_SKIPPED_SLASH,
	STATE_STAR, /* in code of a comment: perhaps its end */
	STATE_COUNT,
};

#define VERSION_MIN 5u
#define VERSION_MAX 6u

/* MariaDB leaves code for MySQL 5.7 and later to MySQL. */
#define VERSION_OTHERS 50700u
#define VERSION_OWN 100000u

static bool
is_high(uint8_t c)
{
	return c > 0x7f;
}

static bool
is_blank(uint8_t c)
{
	return c <= ' ' || c == 0x7f;
}

/* Adds to the stored text as far as there is room. */
static void
keep(struct my_lexer *lx, const uint8_t *from, size_t n)
{
	size_t room = MY_LEXER_WORD_MAX - lx->kept;

	if (n > room)
		n = room;
	memcpy(lx->store + lx->kept, from, n);
	lx->kept = (uint8_t)(lx->kept + n);
}

static enum my_lexer_token
give_stored(struct my_lexer *lx, enum my_lexer_token token)
{
	lx->text = lx->store;
	lx->len = lx->kept;
	lx->state = STATE_TOP;
	return token;
}

static enum my_lexer_token
give_sign(struct my_lexer *lx, uint8_t sign, enum state next)
{
	lx->sign = sign;
	lx->state = (uint8_t)next;
	return MY_LEXER_SIGN;
}

/* Bytes beyond ASCII that are not in quotes. */
static void
check_high(struct my_lexer *lx, const uint8_t *from, const uint8_t *end)
{
	if ((lx->options & MY_LEXER_HIGH_BYTES) == 0)
		return;
	while (from < end && !is_high(*from))
		from++;
	if (from < end)
		lx->lost = true;
}

/* ---- words ---- */

static const uint8_t *
skip_word(const uint8_t *p, const uint8_t *end)
{
	while (p < end && lexer_goes_on(*p))
		p++;
	return p;
}

/* A word begins at *at; most end within the piece and are not copied. */
static enum my_lexer_token
begin_word(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *from = *at, *p = skip_word(from, end);

	check_high(lx, from, p);
	*at = p;
	if (p == end) {
		lx->kept = 0;
		keep(lx, from, (size_t)(p - from));
		lx->state = STATE_WORD;
		return MY_LEXER_MORE;
	}
	lx->text = (const char *)from;
	lx->len = (uint8_t)(p - from < MY_LEXER_WORD_MAX ? p - from
							 : MY_LEXER_WORD_MAX);
	return MY_LEXER_WORD;
}

/* The rest of a word that was cut. */
static enum my_lexer_token
on_word(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *from = *at;

	*at = skip_word(from, end);
	check_high(lx, from, *at);
	keep(lx, from, (size_t)(*at - from));
	return *at < end ? give_stored(lx, MY_LEXER_WORD) : MY_LEXER_MORE;
}

static enum my_lexer_token
on_number(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *from = *at, *p = from;

	while (p < end && (lexer_goes_on(*p) || *p == '.'))
		p++;
	check_high(lx, from, p);
	keep(lx, from, (size_t)(p - from));
	*at = p;
	return p < end ? give_stored(lx, MY_LEXER_NUMBER) : MY_LEXER_MORE;
}

/* ---- quotes ---- */

static void
open_quote(struct my_lexer *lx, uint8_t quote, enum my_lexer_token token)
{
	lx->kept = 0;
	lx->quote = quote;
	lx->token = (uint8_t)token;
	lx->state = STATE_QUOTED;
}

/* What a quote makes of what it encloses. */
static enum my_lexer_token
quoted_token(const struct my_lexer *lx, uint8_t quote)
{
	if (quote == '`' ||
	    (quote == '"' && (lx->options & MY_LEXER_ANSI_QUOTES)))
		return MY_LEXER_NAME;
	return MY_LEXER_STRING;
}

static enum my_lexer_token
on_quoted(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	bool has_escapes = !(lx->options & MY_LEXER_NO_BACKSLASH) &&
			   quoted_token(lx, lx->quote) == MY_LEXER_STRING;
	bool has_trail = lx->options & MY_LEXER_TRAIL_BYTES;
	const uint8_t *from = *at, *p = from;

	while (p < end && *p != lx->quote && !(has_escapes && *p == '\\') &&
	       !(has_trail && is_high(*p)))
		p++;
	keep(lx, from, (size_t)(p - from));
	*at = p;
	if (p == end)
		return MY_LEXER_MORE;
	++*at;
	if (*p == lx->quote)
		lx->state = STATE_QUOTED_QUOTE;
	else
		lx->state =
			*p == '\\' ? STATE_QUOTED_BACKSLASH : STATE_QUOTED_HIGH;
	return MY_LEXER_MORE;
}

/* The escaped byte itself is kept, which serves for names. */
static enum my_lexer_token
on_quoted_backslash(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	keep(lx, *at, 1);
	++*at;
	lx->state = STATE_QUOTED;
	return MY_LEXER_MORE;
}

/* Is a backslash or quote here the second half of a character? */
static enum my_lexer_token
on_quoted_high(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '\\' || **at == lx->quote)
		lx->lost = true;
	lx->state = STATE_QUOTED;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_quoted_quote(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at != lx->quote)
		return give_stored(lx, (enum my_lexer_token)lx->token);
	keep(lx, *at, 1);
	++*at;
	lx->state = STATE_QUOTED;
	return MY_LEXER_MORE;
}

/* ---- variables ---- */

static enum my_lexer_token
on_at(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	uint8_t c = **at;

	(void)end;
	if (c == '@') {
		++*at;
		lx->state = STATE_TOP;
		return MY_LEXER_SYSTEM;
	}
	lx->kept = 0;
	if (c == '`' || c == '\'' || c == '"') {
		++*at;
		open_quote(lx, c, MY_LEXER_VARIABLE);
		return MY_LEXER_MORE;
	}
	lx->state = STATE_VARIABLE;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_variable(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *from = *at, *p = from;

	while (p < end && (lexer_goes_on(*p) || *p == '.'))
		p++;
	check_high(lx, from, p);
	keep(lx, from, (size_t)(p - from));
	*at = p;
	return p < end ? give_stored(lx, MY_LEXER_VARIABLE) : MY_LEXER_MORE;
}

static enum my_lexer_token
on_colon(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at != '=')
		return give_sign(lx, ':', STATE_TOP);
	++*at;
	lx->state = STATE_TOP;
	return MY_LEXER_ASSIGN;
}

/* ---- comments ---- */

static enum my_lexer_token
on_minus(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at != '-')
		return give_sign(lx, '-', STATE_TOP);
	++*at;
	lx->state = STATE_MINUS_MINUS;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_minus_minus(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (!is_blank(**at))
		return give_sign(lx, '-', STATE_MINUS);
	lx->state = STATE_LINE;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_line(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	if (lexer_skip_to(at, end, '\n'))
		lx->state = STATE_TOP;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_slash(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at != '*')
		return give_sign(lx, '/', STATE_TOP);
	++*at;
	lx->kept = 0;
	lx->state = STATE_OPENED;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_opened(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	static const uint8_t own = 'M';
	bool is_maria = lx->options & MY_LEXER_MARIADB;

	(void)end;
	lx->state = STATE_BLOCK;
	lx->sign = 0;
	if (**at == '!') {
		lx->state = STATE_VERSION;
		++*at;
	} else if (**at == own && is_maria) {
		keep(lx, &own, 1);
		lx->state = STATE_OPENED_M;
		++*at;
	} else if (**at == '+' && !is_maria) {
		lx->state = STATE_HINT;
	}
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_opened_m(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at != '!') {
		lx->state = STATE_BLOCK;
		return MY_LEXER_MORE;
	}
	++*at;
	lx->kept = 0;
	lx->sign = 'M'; /* for the version that follows */
	lx->state = STATE_VERSION;
	return MY_LEXER_MORE;
}

/* Does the server run code for this version? */
static bool
is_for_server(struct my_lexer *lx)
{
	uint32_t version = 0;

	for (unsigned i = 0; i < lx->kept; i++)
		version = version * 10 + (uint32_t)(lx->store[i] - '0');
	if (lx->version == 0)
		lx->lost = true;
	if (version > lx->version)
		return false;
	return !(lx->options & MY_LEXER_MARIADB) || lx->sign == 'M' ||
	       version < VERSION_OTHERS || version >= VERSION_OWN;
}

/* Fewer digits than a version has are code themselves. */
static enum my_lexer_token
on_version(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end && lx->kept < VERSION_MAX &&
	       lexer_classes[**at] == CLASS_DIGIT) {
		keep(lx, *at, 1);
		++*at;
	}
	if (*at == end && lx->kept < VERSION_MAX)
		return MY_LEXER_MORE;
	if (lx->kept >= VERSION_MIN && !is_for_server(lx)) {
		lx->depth = 1;
		lx->state = STATE_SKIPPED;
		return MY_LEXER_MORE;
	}
	lx->in_code = true;
	if (lx->kept > 0 && lx->kept < VERSION_MIN)
		lx->state = STATE_NUMBER;
	else
		lx->state = STATE_TOP;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_block(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *from = *at;
	bool found = lexer_skip_to(at, end, '*');

	keep(lx, from, (size_t)(*at - from));
	if (found) {
		++*at;
		lx->state = STATE_BLOCK_STAR;
	}
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_block_star(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	static const uint8_t star[] = { '*' };

	(void)end;
	if (**at == '/') {
		++*at;
		return give_stored(lx, MY_LEXER_COMMENT);
	}
	keep(lx, star, sizeof(star));
	if (**at == '*')
		++*at;
	else
		lx->state = STATE_BLOCK;
	return MY_LEXER_MORE;
}

/* A name in quotes may hold what ends a comment. */
static enum my_lexer_token
on_hint(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;

	while (p < end && *p != '*') {
		if (*p == '`' || *p == '"' || *p == '\'')
			lx->lost = true;
		p++;
	}
	*at = p;
	if (p < end) {
		++*at;
		lx->state = STATE_HINT_STAR;
	}
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_hint_star(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '/') {
		++*at;
		lx->state = STATE_TOP;
	} else if (**at == '*') {
		++*at;
	} else {
		lx->state = STATE_HINT;
	}
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_skipped(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end) {
		uint8_t c = *(*at)++;

		if (c == '*' || (c == '/' && lx->depth == 1)) {
			lx->state = c == '*' ? STATE_SKIPPED_STAR
					     : STATE_SKIPPED_SLASH;
			break;
		}
	}
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_skipped_star(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '/') {
		++*at;
		lx->state = --lx->depth > 0 ? STATE_SKIPPED : STATE_TOP;
	} else if (**at == '*') {
		++*at;
	} else {
		lx->state = STATE_SKIPPED;
	}
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_skipped_slash(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at == '*') {
		++*at;
		lx->depth = 2;
	}
	lx->state = STATE_SKIPPED;
	return MY_LEXER_MORE;
}

static enum my_lexer_token
on_star(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	(void)end;
	if (**at != '/')
		return give_sign(lx, '*', STATE_TOP);
	++*at;
	lx->in_code = false;
	lx->state = STATE_TOP;
	return MY_LEXER_MORE;
}

/* ---- between tokens ---- */

static enum my_lexer_token
on_sign(struct my_lexer *lx, uint8_t c)
{
	switch (c) {
	case '`':
		open_quote(lx, c, quoted_token(lx, c));
		return MY_LEXER_MORE;
	case '@':
		lx->state = STATE_AT;
		return MY_LEXER_MORE;
	case ':':
		lx->state = STATE_COLON;
		return MY_LEXER_MORE;
	case '#':
		lx->state = STATE_LINE;
		return MY_LEXER_MORE;
	case '*':
		if (!lx->in_code)
			break;
		lx->state = STATE_STAR;
		return MY_LEXER_MORE;
	default:
		break;
	}
	return give_sign(lx, c, STATE_TOP);
}

static enum my_lexer_token
on_top(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;

	while (p < end && lexer_classes[*p] == CLASS_SPACE)
		p++;
	*at = lx->begin = p;
	if (p == end)
		return MY_LEXER_MORE;
	switch ((enum lexer_class)lexer_classes[*p]) {
	case CLASS_WORD:
	case CLASS_DOLLAR:
		return begin_word(lx, at, end);
	case CLASS_DIGIT:
		lx->kept = 0;
		lx->state = STATE_NUMBER;
		return MY_LEXER_MORE;
	case CLASS_QUOTE:
	case CLASS_DOUBLE:
		open_quote(lx, *p, quoted_token(lx, *p));
		break;
	case CLASS_MINUS:
		lx->state = STATE_MINUS;
		break;
	case CLASS_SLASH:
		lx->state = STATE_SLASH;
		break;
	case CLASS_SIGN:
	case CLASS_SPACE:
		++*at;
		return on_sign(lx, *p);
	}
	++*at;
	return MY_LEXER_MORE;
}

static enum my_lexer_token (*const states[STATE_COUNT])(struct my_lexer *lx,
							const uint8_t **at,
							const uint8_t *end) = {
	[STATE_TOP] = on_top,
	[STATE_WORD] = on_word,
	[STATE_NUMBER] = on_number,
	[STATE_QUOTED] = on_quoted,
	[STATE_QUOTED_BACKSLASH] = on_quoted_backslash,
	[STATE_QUOTED_HIGH] = on_quoted_high,
	[STATE_QUOTED_QUOTE] = on_quoted_quote,
	[STATE_AT] = on_at,
	[STATE_VARIABLE] = on_variable,
	[STATE_COLON] = on_colon,
	[STATE_MINUS] = on_minus,
	[STATE_MINUS_MINUS] = on_minus_minus,
	[STATE_LINE] = on_line,
	[STATE_SLASH] = on_slash,
	[STATE_OPENED] = on_opened,
	[STATE_OPENED_M] = on_opened_m,
	[STATE_VERSION] = on_version,
	[STATE_BLOCK] = on_block,
	[STATE_BLOCK_STAR] = on_block_star,
	[STATE_HINT] = on_hint,
	[STATE_HINT_STAR] = on_hint_star,
	[STATE_SKIPPED] = on_skipped,
	[STATE_SKIPPED_STAR] = on_skipped_star,
	[STATE_SKIPPED_SLASH] = on_skipped_slash,
	[STATE_STAR] = on_star,
};

void
my_lexer_init(struct my_lexer *lx, struct my_lexer_options options)
{
	lx->text = lx->store;
	lx->begin = NULL;
	lx->version = options.version;
	lx->options = (uint8_t)options.bits;
	lx->len = lx->kept = lx->quote = lx->token = lx->depth = lx->sign = 0;
	lx->state = STATE_TOP;
	lx->in_code = lx->lost = false;
}

enum my_lexer_token
my_lexer_next(struct my_lexer *lx, const uint8_t **at, const uint8_t *end)
{
	while (*at < end) {
		enum my_lexer_token token = states[lx->state](lx, at, end);

		if (token != MY_LEXER_MORE)
			return token;
	}
	return MY_LEXER_MORE;
}

enum my_lexer_token
my_lexer_end(struct my_lexer *lx)
{
	/* A line's end completes whatever can be complete. */
	static const uint8_t newline = '\n';
	const uint8_t *at = &newline;

	return my_lexer_next(lx, &at, &newline + 1);
}

unsigned
my_lexer_charset(const char *name)
{
	static const char trailing[] = "sjis,cp932,gbk,big5,gb18030";
	static const char plain[] = "utf8,utf8mb3,utf8mb4,ascii,binary";

	if (text_in_list(name, plain))
		return 0;
	if (text_in_list(name, trailing))
		return MY_LEXER_TRAIL_BYTES | MY_LEXER_HIGH_BYTES;
	return MY_LEXER_HIGH_BYTES;
}

/* A number and the dot behind it, if there is one. */
static uint32_t
take_number(const char **at)
{
	uint32_t n = 0;

	while (**at >= '0' && **at <= '9' && n < 10000)
		n = n * 10 + (uint32_t)(*(*at)++ - '0');
	if (**at == '.')
		++*at;
	return n;
}

struct my_lexer_options
my_lexer_server(const char *version)
{
	static const char prefix[] = "5.5.5-", maria[] = "MariaDB";
	struct my_lexer_options options = { 0 };

	if (strstr(version, maria) != NULL) {
		options.bits = MY_LEXER_MARIADB;
		if (strncmp(version, prefix, sizeof(prefix) - 1) == 0)
			version += sizeof(prefix) - 1;
	}
	for (int i = 0; i < 3; i++)
		options.version = options.version * 100 + take_number(&version);
	return options;
}
