/*
 * A text that is looked at quickly: what its parts share.  Private to sql/;
 * belongs to the caller of sql_quick, for the time of the call.
 *
 * Bytes are looked at sixteen at a time.  A short text is copied, with zeros
 * behind it, so that all of it can be read that way.
 */
#ifndef CARPOOL_SRC_SQL_QUICK_TEXT_H
#define CARPOOL_SRC_SQL_QUICK_TEXT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lexer_class.h"
#include "sql/classify.h"

#define QUICK_BLOCK 16u
#define QUICK_AHEAD 3u /* a block's hits depend on so many bytes behind it */
#define QUICK_LOWER UINT64_C(0x2020202020202020)

/* What to do where a look does not tell. */
enum doubt {
	DOUBT_SAY,
	DOUBT_ASK, /* the lexer */
};

struct quick {
	const uint8_t *start;    /* borrows */
	const uint8_t *end;      /* borrows */
	const uint8_t *readable; /* borrows: may be read so far */
	const struct classify_options *options; /* borrows */
	const uint8_t *known; /* borrows: no string or comment goes on here */
	const uint8_t *clean; /* borrows: from here to known there is none */
	const uint8_t *seen;  /* borrows: hits in front of it are done with */
	const uint8_t *call_end; /* borrows: of the last set_config() */
	char *name;              /* borrows: room for a setting's, or NULL */
	unsigned flags;          /* enum classify_flag */
	enum doubt doubt;
	bool has_value; /* the setting named last was given one */
};

/* Where a place is that may mean something. */
enum quick_place {
	PLACE_CODE,
	PLACE_INSIDE, /* of a string constant or a comment */
	PLACE_UNSURE, /* the lexer must be asked */
};

/* What a statement leaves behind that begins with a word. */
struct quick_rule {
	char text[8];  /* the word's first letters; not terminated */
	uint64_t mask; /* of them */
	uint8_t len;   /* of the word; 0: there is no other */
	unsigned flags;
	/* Reads on behind the word; false: unsure; NULL: no more to read. */
	bool (*read)(struct quick *q, const uint8_t *at);
};

/* Something other than a letter or a sign begins the statement. */
extern const struct quick_rule quick_unsure;

/* The rules for words that begin with a letter. */
struct quick_letter {
	uint64_t key;  /* what all begin with, and few others, */
	uint64_t mask; /* in these bits */
	const struct quick_rule *rules;
};

extern const struct quick_letter quick_letters[26];

/* The rule for the word at at, which has this key, or NULL. */
const struct quick_rule *quick_find_rule(const struct quick_rule *rules,
					 uint64_t key, const uint8_t *at);

/* The flags of a whole text, by the lexer. */
unsigned classify_slowly(const void *text, size_t len,
			 const struct classify_options *options, char *name);

enum quick_place quick_reach(struct quick *q, const uint8_t *target);

/* A hit that is no semicolon; false: unsure. */
bool quick_on_hit(struct quick *q, const uint8_t *at);

/* Skips space and comments; NULL: not as simple as that. */
const uint8_t *quick_skip_gap(const uint8_t *at, const uint8_t *end);

/* Behind a comment that has none inside; NULL: it has, or has no end. */
const uint8_t *quick_skip_block(const uint8_t *at, const uint8_t *end);

/* Up to the line's end. */
const uint8_t *quick_skip_line(const uint8_t *at, const uint8_t *end);

/* Up to eight letters, known to the compiler, as they are loaded. */
#define QUICK_KEY(text) quick_load_8(text "\0\0\0\0\0\0\0")
#define QUICK_LETTERS(n) (~UINT64_C(0) >> (64 - 8 * (n)))

/* Does key begin with these letters? */
#define QUICK_BEGINS(key, text)                                                \
	((((key) ^ QUICK_KEY(text)) & QUICK_LETTERS(sizeof(text) - 1)) == 0)

/* Is the word at at, which has this key, that one? */
#define QUICK_IS(q, at, key, text)                                             \
	(QUICK_BEGINS(key, text) && quick_ends_at(q, (at) + sizeof(text) - 1))

/* The first byte is the lowest. */
static inline uint64_t
quick_load_8(const void *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

static inline uint32_t
quick_load_4(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* Are these four bytes the four small letters, in any case? */
static inline bool
quick_is_4(const uint8_t *at, const char *letters)
{
	return (quick_load_4(at) | (uint32_t)QUICK_LOWER) ==
	       quick_load_4(letters);
}

/* Does text, in small letters, stand at at? */
static inline bool
quick_is_at(const uint8_t *at, const uint8_t *end, const char *text)
{
	for (; *text != '\0'; text++, at++) {
		uint8_t c = at < end ? *at : 0;

		if (c >= 'A' && c <= 'Z')
			c |= (uint8_t)QUICK_LOWER;
		if (c != (uint8_t)*text)
			return false;
	}
	return true;
}

static inline const uint8_t *
quick_skip_space(const struct quick *q, const uint8_t *at)
{
	while (at < q->end && lexer_classes[*at] == CLASS_SPACE)
		at++;
	return at;
}

static inline bool
quick_ends_at(const struct quick *q, const uint8_t *at)
{
	return at >= q->end || !lexer_goes_on(*at);
}

/* The eight bytes at at, in small letters; zeros behind the text. */
static inline uint64_t
quick_key_at(const struct quick *q, const uint8_t *at)
{
	ptrdiff_t left = q->readable - at;

	if (left >= 8)
		return quick_load_8(at) | QUICK_LOWER;
	return quick_load_8(q->readable - 8) >> 8 * (8 - left) | QUICK_LOWER;
}

/*
 * Goes to the word behind spaces, of which there is mostly one; false: there
 * is none, or a string with a prefix.
 */
static inline bool
quick_find_word(const struct quick *q, const uint8_t **at, uint64_t *key)
{
	if (q->end - *at > 1 && **at == ' ' && lexer_is_letter((*at)[1])) {
		++*at;
	} else {
		*at = quick_skip_space(q, *at);
		if (*at == q->end || !lexer_is_letter(**at))
			return false;
	}
	*key = quick_key_at(q, *at);
	return !QUICK_BEGINS(*key, "e\'");
}

/*
 * The rule for a statement that begins at at, or NULL; most have none.  Reads
 * eleven bytes.
 */
static inline const struct quick_rule *
quick_rule_at(const uint8_t *at)
{
	uint64_t key = quick_load_8(at) | QUICK_LOWER;
	unsigned letter = (unsigned)(uint8_t)key - 'a';
	const struct quick_letter *l;

	if (letter >= 26)
		return lexer_classes[*at] == CLASS_SIGN ? NULL : &quick_unsure;
	l = &quick_letters[letter];
	if (((key ^ l->key) & l->mask) != 0)
		return NULL;
	return quick_find_rule(l->rules, key, at);
}

/* ---- sixteen bytes at a time; bit i says it of at[i] ---- */

#ifdef __SSE2__

#define QUICK_INLINE __attribute__((always_inline)) static inline

QUICK_INLINE __m128i
quick_block(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

QUICK_INLINE __m128i
quick_with(__m128i block, uint8_t bits)
{
	return _mm_or_si128(block, _mm_set1_epi8((char)bits));
}

QUICK_INLINE __m128i
quick_equal(__m128i block, uint8_t c)
{
	return _mm_cmpeq_epi8(block, _mm_set1_epi8((char)c));
}

QUICK_INLINE __m128i
quick_between(__m128i block, uint8_t first, uint8_t last)
{
	__m128i above = _mm_sub_epi8(block, _mm_set1_epi8((char)first));

	return _mm_cmpeq_epi8(
		_mm_min_epu8(above, _mm_set1_epi8((char)(last - first))),
		above);
}

QUICK_INLINE unsigned
quick_bits(__m128i block)
{
	return (unsigned)_mm_movemask_epi8(block);
}

/*
 * Something that means something may stand here: a semicolon, or t, e and p of
 * "temp", _, a and v of "_advisory_", _, c and n of "_config", with others that
 * differ from them in the same bits.
 */
QUICK_INLINE unsigned
quick_hits_of(__m128i a, __m128i b, __m128i d)
{
	__m128i word = _mm_and_si128(quick_equal(quick_with(a, 0x2b), 0x7f),
				     quick_equal(quick_with(b, 0x26), 0x67));

	word = _mm_and_si128(word, quick_equal(quick_with(d, 0x3e), 0x7e));
	return quick_bits(_mm_or_si128(word, quick_equal(a, ';')));
}

QUICK_INLINE unsigned
quick_hits(const uint8_t *at)
{
	return quick_hits_of(quick_block(at), quick_block(at + 1),
			     quick_block(at + QUICK_AHEAD));
}

/* With nothing behind the block. */
QUICK_INLINE unsigned
quick_last_hits(const uint8_t *at)
{
	__m128i a = quick_block(at);

	return quick_hits_of(a, _mm_srli_si128(a, 1),
			     _mm_srli_si128(a, QUICK_AHEAD));
}

/* Is no space, nor anything else that stands before it in ASCII. */
QUICK_INLINE unsigned
quick_above_space(const uint8_t *at)
{
	__m128i a = quick_block(at), least = _mm_set1_epi8(' ' + 1);

	return quick_bits(_mm_cmpeq_epi8(_mm_min_epu8(a, least), least));
}

/* Does not go on a word that has begun. */
QUICK_INLINE unsigned
quick_ends(const uint8_t *at)
{
	__m128i a = quick_block(at), word;

	word = _mm_or_si128(quick_between(quick_with(a, 0x20), 'a', 'z'),
			    quick_between(a, '0', '9'));
	word = _mm_or_si128(word, quick_equal(a, '_'));
	word = _mm_or_si128(word, quick_equal(a, '$'));
	return ~quick_bits(_mm_or_si128(word, a));
}

/* May begin a string, a name in quotes, a parameter or a comment. */
QUICK_INLINE unsigned
quick_openers(const uint8_t *at)
{
	__m128i a = quick_block(at), quote, other;

	quote = _mm_or_si128(quick_equal(a, '\''), quick_equal(a, '"'));
	other = _mm_or_si128(quick_equal(a, '-'), quick_equal(a, '/'));
	other = _mm_or_si128(other, quick_equal(a, '$'));
	return quick_bits(_mm_or_si128(quote, other));
}

/* Ends a line. */
QUICK_INLINE unsigned
quick_line_ends(const uint8_t *at)
{
	__m128i a = quick_block(at);

	return quick_bits(
		_mm_or_si128(quick_equal(a, '\n'), quick_equal(a, '\r')));
}

#else

/* One function for each question: is it so of the byte at at? */
#define QUICK_EACH(name, condition)                                            \
	static inline unsigned name(const uint8_t *at)                         \
	{                                                                      \
		unsigned bits = 0;                                             \
                                                                               \
		for (unsigned i = 0; i < QUICK_BLOCK; i++, at++)               \
			if (condition)                                         \
				bits |= 1u << i;                               \
		return bits;                                                   \
	}

QUICK_EACH(quick_hits,
	   *at == ';' || ((*at | 0x2b) == 0x7f && (at[1] | 0x26) == 0x67 &&
			  (at[QUICK_AHEAD] | 0x3e) == 0x7e))
QUICK_EACH(quick_above_space, *at > ' ')
QUICK_EACH(quick_words, lexer_goes_on(*at))
QUICK_EACH(quick_openers,
	   *at == '\'' || *at == '"' || *at == '-' || *at == '/' || *at == '$')
QUICK_EACH(quick_line_ends, *at == '\n' || *at == '\r')

static inline unsigned
quick_last_hits(const uint8_t *at)
{
	uint8_t copy[QUICK_BLOCK + QUICK_AHEAD] = { 0 };

	memcpy(copy, at, QUICK_BLOCK);
	return quick_hits(copy);
}

static inline unsigned
quick_ends(const uint8_t *at)
{
	return ~quick_words(at);
}

#endif

/* As quick_reach, for most places. */
static inline enum quick_place
quick_place_of(struct quick *q, const uint8_t *target)
{
	unsigned before = (unsigned)(target - q->known);

	if (target - q->known >= (ptrdiff_t)QUICK_BLOCK ||
	    q->readable - q->known < (ptrdiff_t)QUICK_BLOCK ||
	    (quick_openers(q->known) & ((1u << before) - 1)) != 0)
		return quick_reach(q, target);
	q->known = target;
	return PLACE_CODE;
}

/* Behind the word that begins at at. */
static inline const uint8_t *
quick_skip_word(const struct quick *q, const uint8_t *at)
{
	if (q->readable - at >= (ptrdiff_t)QUICK_BLOCK) {
		unsigned ends = quick_ends(at) & 0xffff;

		if (ends != 0)
			return at + __builtin_ctz(ends);
		at += QUICK_BLOCK;
	}
	while (at < q->end && lexer_goes_on(*at))
		at++;
	return at;
}

#endif
