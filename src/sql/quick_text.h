/*
 * A text that is looked at quickly: what its parts share.  Private to sql/;
 * belongs to the caller of sql_quick, for the time of the call.
 *
 * Bytes are looked at sixteen at a time.  A short text is copied, with so many
 * bytes before it and zeros behind it, so that all of it can be read that way:
 * of any text here a block that ends with it can be read.
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
#include "sql/quick.h"

#define QUICK_BLOCK 16u
#define QUICK_AHEAD 3u /* a block's hits depend on so many bytes behind it */
#define QUICK_LOWER UINT64_C(0x2020202020202020)

#define QUICK_INLINE __attribute__((always_inline)) static inline

/* Among flags: other statements may follow, so CLASSIFY_NAMED is not final. */
#define QUICK_MANY (1u << 31)

struct quick {
	const uint8_t *start; /* borrows */
	const uint8_t *end;   /* borrows */
	const uint8_t *known; /* borrows: no string or comment goes on here */
	const uint8_t *clean; /* borrows: from here to known there is none */
	const uint8_t *seen;  /* borrows: hits in front of it are done with */
	const struct classify_options *options; /* borrows */
	char *name;     /* borrows: room for a setting's, or NULL */
	unsigned flags; /* enum classify_flag */
};

/* Where a place is that may mean something. */
enum quick_place {
	PLACE_CODE,
	PLACE_INSIDE, /* of a string constant or a comment */
	PLACE_UNSURE, /* the lexer must be asked */
};

/*
 * What a statement leaves behind that begins with a word.  read goes on behind
 * that word and gives the text's flags so far, or SQL_UNSURE; CLASSIFY_NAMED
 * among them only says that the last setting was given a value.  name is room
 * for it, or NULL.
 */
struct quick_rule {
	char text[8];  /* the word's first letters; not terminated */
	uint64_t mask; /* of them */
	unsigned (*read)(const uint8_t *at, const uint8_t *end, unsigned flags,
			 const struct classify_options *options, char *name);
	unsigned flags;
	uint8_t len;  /* of the word; 0: an empty slot */
	uint8_t next; /* slot of another with the same first letters, or 0 */
};

/* Something other than a letter or a sign begins the statement. */
extern const struct quick_rule quick_unsure;

#define QUICK_LETTER(c) (UINT32_C(1) << ((c) - 'a'))

/* By the first two letters. */
#define QUICK_SLOTS 32u
#define QUICK_SLOT(a, b) (((a)*5u + (b)) % QUICK_SLOTS)

extern const struct quick_rule quick_rules[QUICK_SLOTS];

/* The flags of a whole text, by the lexer. */
unsigned classify_slowly(const void *text, size_t len,
			 const struct classify_options *options, char *name);

enum quick_place quick_reach(struct quick *q, const uint8_t *target);

/*
 * What a likely hit, no semicolon, means if it stands in code: flags, or
 * SQL_UNSURE.  No string or comment stands between clean and it.
 */
unsigned quick_meaning(const uint8_t *start, const uint8_t *hit,
		       const uint8_t *end,
		       const struct classify_options *options,
		       const uint8_t *clean);

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
#define QUICK_IS(at, end, key, text)                                           \
	(QUICK_BEGINS(key, text) && quick_ends_at((at) + sizeof(text) - 1, end))

/* The bits of a byte that matter: all, but for a letter its case. */
#define QUICK_FOLD_BYTE(c, i)                                                  \
	((c) == '\0'                          ? UINT64_C(0)                    \
	 : (unsigned)((c) | 0x20) - 'a' < 26u ? UINT64_C(0xdf) << 8 * (i)      \
					      : UINT64_C(0xff) << 8 * (i))
#define QUICK_FOLD_AT(text, i) QUICK_FOLD_BYTE((text "\0\0\0\0\0\0\0")[i], i)
#define QUICK_FOLD(text)                                                       \
	(QUICK_FOLD_AT(text, 0) | QUICK_FOLD_AT(text, 1) |                     \
	 QUICK_FOLD_AT(text, 2) | QUICK_FOLD_AT(text, 3) |                     \
	 QUICK_FOLD_AT(text, 4) | QUICK_FOLD_AT(text, 5) |                     \
	 QUICK_FOLD_AT(text, 6) | QUICK_FOLD_AT(text, 7))

/*
 * Does text, of one to eight bytes, stand at at, letters in any case?  Reads
 * eight bytes, or four.
 */
#define QUICK_STANDS(at, text)                                                 \
	(((quick_load_8(at) ^ QUICK_KEY(text)) & QUICK_FOLD(text)) == 0)
#define QUICK_STANDS_4(at, text)                                               \
	((le32toh(quick_load_4(at)) & (uint32_t)QUICK_FOLD(text)) ==           \
	 (uint32_t)(QUICK_KEY(text) & QUICK_FOLD(text)))

/* Is it no word, but a string with a prefix? */
#define QUICK_IS_STRING(key) QUICK_BEGINS(key, "e\'")

/* The lowest bit that is set; there is one. */
QUICK_INLINE unsigned
quick_first(unsigned bits)
{
	return (unsigned)__builtin_ctz(bits);
}

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

/* As memcpy of at most two blocks, without its call. */
__attribute__((always_inline)) static inline void
quick_copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len >= QUICK_BLOCK) {
		memcpy(to, from, QUICK_BLOCK);
		memcpy(to + len - QUICK_BLOCK, from + len - QUICK_BLOCK,
		       QUICK_BLOCK);
	} else if (len >= 8) {
		memcpy(to, from, 8);
		memcpy(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		memcpy(to, from, 4);
		memcpy(to + len - 4, from + len - 4, 4);
	} else {
		for (size_t i = 0; i < len; i++)
			to[i] = from[i];
	}
}

static inline uint16_t
quick_load_2(const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* A hit's first four bytes, letters behind the first in capitals. */
static inline uint32_t
quick_hit_at(const uint8_t *at)
{
	return quick_load_4(at) & quick_load_4("\xff\xdf\xdf\xdf");
}

/* The first is a sign; letters are capitals. */
static inline bool
quick_hit_is(uint32_t hit, const char *word)
{
	return hit == quick_load_4(word);
}

static inline bool
quick_hit_is_temp(uint32_t hit)
{
	return (hit & quick_load_4("\xdf\xdf\xdf\xdf")) == quick_load_4("TEMP");
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
quick_skip_space(const uint8_t *at, const uint8_t *end)
{
	while (at < end && lexer_classes[*at] == CLASS_SPACE)
		at++;
	return at;
}

static inline bool
quick_ends_at(const uint8_t *at, const uint8_t *end)
{
	return at >= end || !lexer_goes_on(*at);
}

/* The eight bytes at at, in small letters; spaces behind the text. */
static inline uint64_t
quick_key_at(const uint8_t *at, const uint8_t *end)
{
	ptrdiff_t left = end - at;

	if (left >= 8)
		return quick_load_8(at) | QUICK_LOWER;
	return quick_load_8(end - 8) >> 8 * (8 - left) | QUICK_LOWER;
}

/*
 * Goes to the word behind spaces, of which there is mostly one; false: there
 * is none.
 */
static inline bool
quick_find_word(const uint8_t **at, const uint8_t *end, uint64_t *key)
{
	if (end - *at > 1 && **at == ' ' && lexer_is_letter((*at)[1])) {
		++*at;
	} else {
		*at = quick_skip_space(*at, end);
		if (*at == end || !lexer_is_letter(**at))
			return false;
	}
	*key = quick_key_at(*at, end);
	return true;
}

/*
 * The rule for a word with this key, or a longer one; NULL, or one without
 * length, for most.
 */
static inline const struct quick_rule *
quick_rule_of(uint64_t key)
{
	const struct quick_rule *rule = &quick_rules[QUICK_SLOT(
		(unsigned)(uint8_t)key, (unsigned)(uint8_t)(key >> 8))];

	while (((key ^ quick_load_8(rule->text)) & rule->mask) != 0) {
		if (rule->next == 0)
			return NULL;
		rule = &quick_rules[rule->next];
	}
	return rule;
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
	const struct quick_rule *rule;

	if (letter >= 26)
		return lexer_classes[*at] == CLASS_SIGN ? NULL : &quick_unsure;
	rule = quick_rule_of(key);
	/* A word without length goes on. */
	return rule != NULL && !lexer_goes_on(at[rule->len]) ? rule : NULL;
}

/* ---- sixteen bytes at a time; bit i says it of at[i] ---- */

#ifdef __SSE2__

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
#define QUICK_VECTOR __m128i

QUICK_INLINE __m128i
quick_either(__m128i a, __m128i b)
{
	return _mm_or_si128(a, b);
}

QUICK_INLINE __m128i
quick_hits_of(__m128i a, __m128i b, __m128i d)
{
	__m128i word = _mm_and_si128(quick_equal(quick_with(a, 0x2b), 0x7f),
				     quick_equal(quick_with(b, 0x26), 0x67));

	word = _mm_and_si128(word, quick_equal(quick_with(d, 0x3e), 0x7e));
	return _mm_or_si128(word, quick_equal(a, ';'));
}

QUICK_INLINE __m128i
quick_hits_in(const uint8_t *at)
{
	return quick_hits_of(quick_block(at), quick_block(at + 1),
			     quick_block(at + QUICK_AHEAD));
}

QUICK_INLINE unsigned
quick_hits(const uint8_t *at)
{
	return quick_bits(quick_hits_in(at));
}

/* Of hits, those with m of "temp", d of "_adv" or o of "_con", or the like. */
QUICK_INLINE unsigned
quick_likely(const uint8_t *at, unsigned hits)
{
	__m128i c = quick_equal(quick_with(quick_block(at + 2), 0x2b), 0x6f);

	return hits &
	       quick_bits(_mm_or_si128(c, quick_equal(quick_block(at), ';')));
}

/* Is no space, nor anything else that stands before it in ASCII. */
QUICK_INLINE unsigned
quick_above_space(const uint8_t *at)
{
	__m128i a = quick_block(at), least = _mm_set1_epi8(' ' + 1);

	return quick_bits(_mm_cmpeq_epi8(_mm_min_epu8(a, least), least));
}

/* Is no letter of ASCII, and no underscore. */
QUICK_INLINE unsigned
quick_other(const uint8_t *at)
{
	__m128i a = quick_block(at), small = quick_with(a, 0x20), word;

	word = _mm_andnot_si128(_mm_cmpgt_epi8(small, _mm_set1_epi8('z')),
				_mm_cmpgt_epi8(small, _mm_set1_epi8('a' - 1)));
	return ~quick_bits(_mm_or_si128(word, quick_equal(a, '_')));
}

/* May begin a string, a name in quotes, a parameter or a comment; or is %. */
QUICK_INLINE unsigned
quick_openers(const uint8_t *at)
{
	__m128i a = quick_block(at), quote, other;

	quote = _mm_or_si128(quick_equal(a, '"'), quick_equal(a, '$'));
	other = quick_equal(quick_with(a, 0x0a), '/');
	return quick_bits(_mm_or_si128(quote, other));
}

QUICK_INLINE unsigned
quick_are(const uint8_t *at, uint8_t c)
{
	return quick_bits(quick_equal(quick_block(at), c));
}

/* Begins a block comment, or ends one.  Reads one byte more. */
QUICK_INLINE unsigned
quick_block_marks(const uint8_t *at)
{
	__m128i a = quick_block(at), b = quick_block(at + 1), begins, ends;

	begins = _mm_and_si128(quick_equal(a, '/'), quick_equal(b, '*'));
	ends = _mm_and_si128(quick_equal(a, '*'), quick_equal(b, '/'));
	return quick_bits(_mm_or_si128(begins, ends));
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
QUICK_EACH(quick_may_be, *at == ';' || (at[2] | 0x2b) == 0x6f)
#define QUICK_VECTOR unsigned

static inline unsigned
quick_likely(const uint8_t *at, unsigned hits)
{
	return hits & quick_may_be(at);
}

static inline unsigned
quick_hits_in(const uint8_t *at)
{
	return quick_hits(at);
}

static inline unsigned
quick_either(unsigned a, unsigned b)
{
	return a | b;
}

static inline unsigned
quick_bits(unsigned block)
{
	return block;
}

QUICK_EACH(quick_above_space, *at > ' ')
QUICK_EACH(quick_words, *at == '_' || (unsigned)(*at | 0x20) - 'a' < 26)
QUICK_EACH(quick_openers, (*at | 0x0a) == '/' || *at == '"' || *at == '$')
QUICK_EACH(quick_block_marks,
	   (*at == '/' && at[1] == '*') || (*at == '*' && at[1] == '/'))
QUICK_EACH(quick_line_ends, *at == '\n' || *at == '\r')

static inline unsigned
quick_are(const uint8_t *at, uint8_t c)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < QUICK_BLOCK; i++)
		bits |= (unsigned)(at[i] == c) << i;
	return bits;
}

static inline unsigned
quick_other(const uint8_t *at)
{
	return ~quick_words(at);
}

#endif

static inline unsigned
quick_quotes(const uint8_t *at)
{
	return quick_are(at, '\'');
}

/* ---- up to a text's end ---- */

/* As ask(at), but for what is behind the end; 16 bits are moved down there. */
#define QUICK_UP_TO(at, end, ask)                                              \
	((end) - (at) >= (ptrdiff_t)QUICK_BLOCK                                \
		 ? ask(at)                                                     \
		 : ask((end)-QUICK_BLOCK) >>                                   \
			   (QUICK_BLOCK - (size_t)((end) - (at))))

/* As quick_reach, for most places. */
static inline enum quick_place
quick_place_of(struct quick *q, const uint8_t *target)
{
	unsigned before = (unsigned)(target - q->known);

	if (target - q->known >= (ptrdiff_t)QUICK_BLOCK ||
	    (QUICK_UP_TO(q->known, q->end, quick_openers) &
	     ((1u << before) - 1)) != 0)
		return quick_reach(q, target);
	q->known = target;
	return PLACE_CODE;
}

/* The next c, or the end. */
static inline const uint8_t *
quick_find(const uint8_t *at, const uint8_t *end, uint8_t c)
{
	unsigned bits;

	for (; end - at >= (ptrdiff_t)QUICK_BLOCK; at += QUICK_BLOCK) {
		bits = quick_are(at, c);
		if (bits != 0)
			return at + quick_first(bits);
	}
	bits = quick_are(end - QUICK_BLOCK, c) >>
	       (QUICK_BLOCK - (size_t)(end - at));
	return bits != 0 ? at + quick_first(bits) : end;
}

/* Behind a word of which at least so much stands before at. */
static inline const uint8_t *
quick_skip_rest(const uint8_t *at, const uint8_t *end)
{
	while (at < end && lexer_goes_on(*at))
		at++;
	return at;
}

/* Behind the word that begins at at. */
static inline const uint8_t *
quick_skip_word(const uint8_t *at, const uint8_t *end)
{
	/* The bit behind the last byte says that this is an end. */
	unsigned others = QUICK_UP_TO(at, end, quick_other);

	at += quick_first(others);
	return at < end && lexer_goes_on(*at) ? quick_skip_rest(at, end) : at;
}

#endif
