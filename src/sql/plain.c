/*
 * Owns nothing; runs on any thread.  Looks for the few words that mean
 * something to classify anywhere in a statement, without regard to strings and
 * comments: sixteen bytes at a time, since few texts have one.  What begins a
 * statement is looked at behind the start and behind each semicolon, wherever
 * that stands.
 */
#include "sql/plain.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"
#include "lexer_class.h"
#include "sql/classify.h"

#define BLOCK 16u
#define AHEAD 3u /* a block's mask depends on so many bytes behind it */
#define LOWER 0x20u

/* A text on its way. */
struct scan {
	const uint8_t *start; /* borrows */
	const uint8_t *end;
};

static const uint8_t *skip_first(const uint8_t *at, const uint8_t *end);

/* Does text, in small letters, stand at at? */
static bool
is_at(const uint8_t *at, const uint8_t *end, const char *text)
{
	for (; *text != '\0'; text++, at++) {
		uint8_t c = at < end ? *at : 0;

		if (c >= 'A' && c <= 'Z')
			c |= LOWER;
		if (c != (uint8_t)*text)
			return false;
	}
	return true;
}

static bool
ends_word(const uint8_t *at, const uint8_t *end)
{
	return at == end || !lexer_goes_on(*at);
}

/* At "temp": TEMP, TEMPORARY or a word that begins with pg_temp. */
static bool
is_temp(const struct scan *s, const uint8_t *at)
{
	if (at > s->start && lexer_is_letter(at[-1]))
		return at[-1] == '_' && at - s->start >= 3 &&
		       is_at(at - 3, s->end, "pg_") &&
		       (at - s->start == 3 || !lexer_is_letter(at[-4]));
	return ends_word(at + 4, s->end) ||
	       (is_at(at + 4, s->end, "orary") && ends_word(at + 9, s->end));
}

static bool
is_of_interest(const struct scan *s, const uint8_t *at)
{
	if (*at == ';')
		return skip_first(at + 1, s->end) == NULL;
	if (*at != '_')
		return is_temp(s, at);
	return is_at(at, s->end, "_advisory_") ||
	       (at - s->start >= 3 && is_at(at - 3, s->end, "set_config"));
}

/*
 * Bit i: something of interest may begin at at[i]: a semicolon, t..p, _..n or
 * _..v.  Reads BLOCK + AHEAD bytes.
 */
__attribute__((always_inline)) static inline unsigned
look_at_block(const uint8_t *at)
{
#ifdef __SSE2__
	const __m128i lower = _mm_set1_epi8((char)LOWER);
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i b =
		_mm_loadu_si128((const __m128i *)(const void *)(at + AHEAD));
	__m128i mark, temp, rest;

	b = _mm_or_si128(b, lower);
	rest = _mm_and_si128(
		_mm_cmpeq_epi8(a, _mm_set1_epi8('_')),
		_mm_or_si128(_mm_cmpeq_epi8(b, _mm_set1_epi8('n')),
			     _mm_cmpeq_epi8(b, _mm_set1_epi8('v'))));
	temp = _mm_and_si128(
		_mm_cmpeq_epi8(_mm_or_si128(a, lower), _mm_set1_epi8('t')),
		_mm_cmpeq_epi8(b, _mm_set1_epi8('p')));
	mark = _mm_cmpeq_epi8(a, _mm_set1_epi8(';'));
	return (unsigned)_mm_movemask_epi8(
		_mm_or_si128(mark, _mm_or_si128(temp, rest)));
#else
	unsigned mask = 0;

	for (unsigned i = 0; i < BLOCK; i++) {
		uint8_t c = at[i + AHEAD] | LOWER;

		if (at[i] == ';' || (at[i] == '_' && (c == 'n' || c == 'v')) ||
		    ((at[i] | LOWER) == 't' && c == 'p'))
			mask |= 1u << i;
	}
	return mask;
#endif
}

/* The four bytes here, in small letters; "_" becomes 0x7f. */
static uint32_t
four_at(const void *at)
{
	uint32_t four;

	memcpy(&four, at, sizeof(four));
	return four | UINT32_C(0x20202020);
}

/* mask: of the block, which stands at at or is a copy of what does. */
static bool
check(const struct scan *s, uint32_t mask, const uint8_t *block,
      const uint8_t *at)
{
	for (; mask != 0; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctz(mask);
		uint32_t four = four_at(block + i);

		if ((four == four_at("temp") || four == four_at("_con") ||
		     four == four_at("_adv") || block[i] == ';') &&
		    is_of_interest(s, at + i))
			return true;
	}
	return false;
}

/* A text too short for a block; apart, since few are and it costs others. */
__attribute__((noinline)) static bool
check_short(const struct scan *s, const uint8_t *at)
{
	uint8_t copy[BLOCK + AHEAD] = { 0 };

	memcpy(copy, at, (size_t)(s->end - at));
	return check(s, look_at_block(copy), copy, at);
}

/* The last bytes are no start of a block's: only a semicolon counts. */
static bool
check_tail(const struct scan *s, const uint8_t *at)
{
	for (at = s->end - at > (ptrdiff_t)AHEAD ? s->end - AHEAD : at;
	     at < s->end; at++)
		if (*at == ';' && is_of_interest(s, at))
			return true;
	return false;
}

/* Looks at everything from at on. */
static bool
has_interest(const struct scan *s, const uint8_t *at)
{
	const uint8_t *last;
	uint32_t mask;

	if (check_tail(s, at))
		return true;
	if ((size_t)(s->end - at) <= AHEAD)
		return false;
	if ((size_t)(s->end - s->start) < BLOCK + AHEAD)
		return check_short(s, at);
	/* The last block may overlap the one before. */
	last = s->end - BLOCK - AHEAD;
	for (; last - at > (ptrdiff_t)BLOCK; at += 2 * BLOCK) {
		mask = look_at_block(at) | look_at_block(at + BLOCK) << BLOCK;
		if (mask != 0 && check(s, mask, at, at))
			return true;
	}
	for (at = at < last ? at : last;; at = last) {
		mask = look_at_block(at);
		if (mask != 0 && check(s, mask, at, at))
			return true;
		if (at == last)
			return false;
	}
}

/*
 * Behind a block comment that begins at at and has none inside; NULL: it is
 * not as simple as that.
 */
static const uint8_t *
skip_block(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *p = at + 2;

	while (p < end && (p = memchr(p, '/', (size_t)(end - p))) != NULL) {
		if (p[-1] == '*' && p > at + 2)
			return p + 1;
		if (p + 1 < end && p[1] == '*')
			return NULL;
		p++;
	}
	return NULL;
}

/* Behind a comment that goes up to the line's end. */
static const uint8_t *
skip_line(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

/* Skips space and comments; NULL: the lexer has to look. */
static const uint8_t *
skip_to_word(const uint8_t *at, const uint8_t *end)
{
	while (at != NULL && at < end) {
		if (lexer_classes[*at] == CLASS_SPACE)
			at++;
		else if (*at == '-' && end - at > 1 && at[1] == '-')
			at = skip_line(at + 2, end);
		else if (*at == '/' && end - at > 1 && at[1] == '*')
			at = skip_block(at, end);
		else
			break;
	}
	return at;
}

/* Words that most statements begin with and that mean nothing, by letter. */
static const struct usual {
	char text[8];
	char mask[8];
	uint8_t len;
} usual[26] = {
#define USUAL(letter, word, letters)                                           \
	[(letter) - 'a'] = { .text = word,                                     \
			     .mask = letters,                                  \
			     .len = sizeof(word) - 1 }
	USUAL('b', "begin", "\xff\xff\xff\xff\xff"),
	USUAL('c', "commit", "\xff\xff\xff\xff\xff\xff"),
	USUAL('d', "delete", "\xff\xff\xff\xff\xff\xff"),
	USUAL('e', "execute", "\xff\xff\xff\xff\xff\xff\xff"),
	USUAL('f', "fetch", "\xff\xff\xff\xff\xff"),
	USUAL('i', "insert", "\xff\xff\xff\xff\xff\xff"),
	USUAL('m', "merge", "\xff\xff\xff\xff\xff"),
	USUAL('r', "rollback", "\xff\xff\xff\xff\xff\xff\xff\xff"),
	USUAL('s', "select", "\xff\xff\xff\xff\xff\xff"),
	USUAL('u', "update", "\xff\xff\xff\xff\xff\xff"),
	USUAL('w', "with", "\xff\xff\xff\xff"),
#undef USUAL
};

/* As memcpy, without its call. */
static uint64_t
copy_few(const uint8_t *at, size_t len)
{
	uint8_t bytes[sizeof(uint64_t)] = { 0 };
	uint64_t found;

	for (size_t i = 0; i < len; i++)
		bytes[i] = at[i];
	memcpy(&found, bytes, sizeof(found));
	return found;
}

/* Behind the usual word that stands at at, or NULL. */
static const uint8_t *
skip_usual(const uint8_t *at, const uint8_t *end)
{
	unsigned letter = (unsigned)(*at | LOWER) - 'a';
	const struct usual *u;
	uint64_t found = 0, mask, word, lower = UINT64_C(0x2020202020202020);

	if (letter >= COUNT_OF(usual))
		return NULL;
	u = &usual[letter];
	if (u->len == 0 || u->len > end - at)
		return NULL;
	if (end - at >= (ptrdiff_t)sizeof(found))
		memcpy(&found, at, sizeof(found));
	else
		found = copy_few(at, u->len);
	memcpy(&mask, u->mask, sizeof(mask));
	memcpy(&word, u->text, sizeof(word));
	at += u->len;
	/* Before a quote it may be the prefix of a string. */
	if (((found | lower) & mask) != word ||
	    (at < end && (lexer_goes_on(*at) || *at == '\'')))
		return NULL;
	return at;
}

/*
 * A statement or nothing begins at at: goes behind its first word; NULL: that
 * may be of interest, or is none.
 */
static const uint8_t *
skip_first(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *from;

	if (at < end && !lexer_is_letter(*at))
		at = skip_to_word(at, end);
	if (at == NULL || at == end || *at == '(')
		return at;
	from = skip_usual(at, end);
	if (from != NULL)
		return from;
	if (!lexer_is_letter(*at))
		return NULL;
	from = at;
	while (at < end && lexer_goes_on(*at))
		at++;
	/* Before a quote it may be the prefix of a string. */
	if ((at < end && *at == '\'') ||
	    !classify_is_plain_word((const char *)from, (size_t)(at - from)))
		return NULL;
	return at;
}

bool
sql_is_plain(const void *text, size_t len)
{
	const uint8_t *start = text, *end = start + len;
	const uint8_t *at = start;
	struct scan s = { .start = start, .end = end };

	if (len == 0 || !lexer_is_letter(*at))
		at = skip_to_word(start, end);
	/* An empty text has a flag of its own. */
	if (at == NULL || at == end)
		return false;
	at = skip_first(at, end);
	return at != NULL && !has_interest(&s, at);
}
