/*
 * Words that mean something anywhere in a statement: TEMP and pg_temp, the
 * functions of advisory locks, set_config().  Owns nothing; any thread.
 * Follows what classify.c does with the same words.
 */
#include "base/mem.h"
#include "quick_text.h"

/* The word that begins at at gives flags, unless it is another's end. */
static inline unsigned
word_flags(const uint8_t *start, const uint8_t *at, unsigned flags)
{
	if (at == start || !lexer_goes_on(at[-1]))
		return flags;
	/* "1a" is a number and a word, "$1a" a parameter and one. */
	return lexer_is_letter(at[-1]) ? 0 : SQL_UNSURE;
}

/* ---- TEMP ---- */

/* Do the bytes from from to to end in this word, of four to eight letters? */
#define ENDS_IN(from, to, word)                                                \
	((to) - (from) >= (ptrdiff_t)sizeof(word) - 1 &&                       \
	 quick_is_4((to)-4, &(word)[sizeof(word) - 5]) &&                      \
	 quick_is_4((to) - (sizeof(word) - 1), word))

static inline const uint8_t *
space_before(const uint8_t *clean, const uint8_t *at)
{
	while (at > clean && lexer_classes[at[-1]] == CLASS_SPACE)
		at--;
	return at;
}

/* INTO stands at at: before TEMP it is meant, but not in INSERT and MERGE. */
static unsigned
into_temp(const uint8_t *start, const uint8_t *clean, const uint8_t *at)
{
	const uint8_t *behind = space_before(clean, at);
	unsigned len, flags;

	if (behind == clean)
		return clean == start ? CLASSIFY_TEMP : SQL_UNSURE;
	len = ENDS_IN(clean, behind, "insert")  ? 6
	      : ENDS_IN(clean, behind, "merge") ? 5
						: 0;
	if (len == 0)
		return CLASSIFY_TEMP;
	flags = word_flags(clean, behind - len, CLASSIFY_TEMP);
	return flags == SQL_UNSURE ? flags : flags ^ CLASSIFY_TEMP;
}

/* What stands behind a string or a comment is not seen. */
static inline unsigned
temp_behind(const uint8_t *start, const uint8_t *clean, const uint8_t *at)
{
	const uint8_t *behind = space_before(clean, at);
	unsigned len = 0, flags;

	if (behind == clean)
		return clean == start ? 0 : SQL_UNSURE;
	if (ENDS_IN(clean, behind, "create"))
		len = 6;
	else if (ENDS_IN(clean, behind, "into"))
		len = 4;
	else if (ENDS_IN(clean, behind, "replace"))
		len = 7;
	else if (ENDS_IN(clean, behind, "local"))
		len = 5;
	else if (ENDS_IN(clean, behind, "global"))
		len = 6;
	if (len == 0)
		return 0;
	flags = word_flags(clean, behind - len, CLASSIFY_TEMP);
	return flags != CLASSIFY_TEMP || len != 4
		       ? flags
		       : into_temp(start, clean, behind - len);
}

__attribute__((noinline)) static unsigned
odd_temp_flags(const uint8_t *start, const uint8_t *at, const uint8_t *end,
	       const uint8_t *clean)
{
	unsigned flags;

	if (at > start && at[-1] == '_')
		return at - start >= 3 && quick_is_at(at - 3, end, "pg")
			       ? word_flags(start, at - 3, CLASSIFY_TEMP)
			       : 0;
	if (!quick_ends_at(at + 4, end) &&
	    !(quick_is_at(at + 4, end, "orary") && quick_ends_at(at + 9, end)))
		return 0;
	flags = word_flags(start, at, CLASSIFY_TEMP);
	return flags == CLASSIFY_TEMP ? temp_behind(start, clean, at) : flags;
}

/* At "temp". */
QUICK_INLINE unsigned
temp_flags(const uint8_t *start, const uint8_t *at, const uint8_t *end,
	   const uint8_t *clean)
{
	/* CREATE TEMP is what most are. */
	if (at - clean >= 7 && QUICK_STANDS(at - 7, "create ") &&
	    quick_ends_at(at + 4, end))
		return word_flags(start, at - 7, CLASSIFY_TEMP);
	return odd_temp_flags(start, at, end, clean);
}

/* ---- advisory locks ---- */

/* A lock's name with something else before it, or behind its LOCK. */
__attribute__((noinline)) static unsigned
odd_lock_flags(const uint8_t *start, const uint8_t *at, const uint8_t *end,
	       const uint8_t *behind, unsigned flags)
{
	if (!quick_ends_at(behind, end) &&
	    !(quick_is_at(behind, end, "_shared") &&
	      quick_ends_at(behind + 7, end)) &&
	    !(flags == CLASSIFY_RELEASE && quick_is_at(behind, end, "_all") &&
	      quick_ends_at(behind + 4, end)))
		return 0;
	if ((at[-2] | 0x20) == 'p' && (at[-1] | 0x20) == 'g')
		return word_flags(start, at - 2, flags);
	if (at - start < 6 || flags != CLASSIFY_ADVISORY ||
	    !quick_is_at(at - 6, at, "pg_try"))
		return 0;
	return word_flags(start, at - 6, flags);
}

/* At "_adv". */
QUICK_INLINE unsigned
lock_flags(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *behind = at + 14;
	unsigned flags = CLASSIFY_ADVISORY;

	if (end - at < 14 || at - start < 2 || !QUICK_STANDS(at, "_advisor"))
		return 0;
	if (!QUICK_STANDS(at + 6, "ory_lock")) {
		if (end - at < 16 || !QUICK_STANDS(at + 8, "y_unlock"))
			return 0;
		flags = CLASSIFY_RELEASE;
		behind += 2;
	}
	if (quick_ends_at(behind, end) && QUICK_STANDS_4(at - 2, "pg_a"))
		return word_flags(start, at - 2, flags);
	return odd_lock_flags(start, at, end, behind, flags);
}

/* ---- set_config(name, value, is_local) ---- */

/* Behind an argument, if that is a string or a parameter; or NULL. */
static inline const uint8_t *
skip_argument(const uint8_t *at, const uint8_t *end,
	      const struct classify_options *options)
{
	const uint8_t *from = at;

	if (at == end)
		return NULL;
	if (*at == '\'' && (options->lexer & LEXER_BACKSLASHES) == 0) {
		at = quick_find(at + 1, end, '\'');
		return at < end ? at + 1 : NULL;
	}
	if (*at != '$')
		return NULL;
	do
		at++;
	while (at < end && lexer_classes[*at] == CLASS_DIGIT);
	return at - from > 1 ? at : NULL;
}

/* Behind a sign that stands behind space; or NULL. */
static inline const uint8_t *
skip_sign(const uint8_t *at, const uint8_t *end, char sign)
{
	if (at != NULL)
		at = quick_skip_space(at, end);
	return at != NULL && at < end && *at == (uint8_t)sign ? at + 1 : NULL;
}

/* The last argument: only a plain TRUE leaves nothing. */
static inline unsigned
is_local_flags(const uint8_t *at, const uint8_t *end,
	       const struct classify_options *options)
{
	unsigned flags = CLASSIFY_SET_CONFIG;
	uint64_t key;

	at = quick_skip_space(at, end);
	if (at < end && lexer_is_letter(*at)) {
		key = quick_key_at(at, end);
		if (QUICK_IS_STRING(key))
			return SQL_UNSURE;
		if (QUICK_IS(at, end, key, "true"))
			flags = 0;
		at = quick_skip_word(at, end);
	} else {
		at = skip_argument(at, end, options);
	}
	return skip_sign(at, end, ')') != NULL ? flags : SQL_UNSURE;
}

/* Only calls of the usual form are read here. */
static inline unsigned
call_flags(const uint8_t *at, const uint8_t *end,
	   const struct classify_options *options)
{
	at = skip_sign(at, end, '(');
	for (int i = 0; i < 2 && at != NULL; i++) {
		at = skip_argument(quick_skip_space(at, end), end, options);
		at = skip_sign(at, end, ',');
	}
	return at != NULL ? is_local_flags(at, end, options) : SQL_UNSURE;
}

/*
 * Behind a string or a parameter of one digit, as most arguments are; NULL: its
 * form is another.  Of the text behind at so many bytes are there for sure.
 */
QUICK_INLINE const uint8_t *
skip_plain(const uint8_t *at, const uint8_t *end, size_t known)
{
	unsigned quotes;

	if (*at == '$' && lexer_classes[at[1]] == CLASS_DIGIT)
		return at + 2;
	if (*at != '\'')
		return NULL;
	at++;
	quotes = known > QUICK_BLOCK ? quick_are(at, '\'')
				     : QUICK_UP_TO(at, end, quick_quotes);
	return quotes != 0 ? at + quick_first(quotes) + 1 : NULL;
}

/* So many bytes hold any first argument of skip_plain, and five more. */
#define PLAIN_ARGUMENT (1 + QUICK_BLOCK + 5)

/* Behind the bracket of a call; SQL_UNSURE: its form is another. */
QUICK_INLINE unsigned
plain_call_flags(const uint8_t *at, const uint8_t *end, size_t known)
{
	at = skip_plain(at, end, known);
	if (at == NULL || (known < PLAIN_ARGUMENT && end - at < 4) ||
	    quick_load_2(at) != quick_load_2(", "))
		return SQL_UNSURE;
	at = skip_plain(at + 2, end, 2);
	if (at == NULL || end - at < 7)
		return SQL_UNSURE;
	if (QUICK_STANDS(at - 1, "\0, true)"))
		return 0;
	return end - at >= 8 && QUICK_STANDS(at, ", false)")
		       ? CLASSIFY_SET_CONFIG
		       : SQL_UNSURE;
}

/* At what may be SET_CONFIG, with a call of any form. */
__attribute__((noinline)) static unsigned
odd_set_config(const uint8_t *start, const uint8_t *at, const uint8_t *end,
	       const struct classify_options *options)
{
	unsigned flags;

	if (at - start < 3 || end - at < 7 ||
	    !QUICK_STANDS(at - 3, "set_conf") ||
	    !QUICK_STANDS_4(at + 3, "nfig") || !quick_ends_at(at + 7, end))
		return 0;
	flags = word_flags(start, at - 3, CLASSIFY_SET_CONFIG);
	return flags == CLASSIFY_SET_CONFIG ? call_flags(at + 7, end, options)
					    : flags;
}

/* At "_con". */
QUICK_INLINE unsigned
set_config_flags(const uint8_t *start, const uint8_t *at, const uint8_t *end,
		 const struct classify_options *options)
{
	unsigned flags = SQL_UNSURE;

	if (at - start >= 3 && end - at >= 8 + 2 &&
	    QUICK_STANDS(at - 3, "set_conf") &&
	    QUICK_STANDS_4(at + 4, "fig(") &&
	    (options->lexer & LEXER_BACKSLASHES) == 0 &&
	    (at - 3 == start || !lexer_goes_on(at[-4])))
		flags = end - at >= (ptrdiff_t)(8 + PLAIN_ARGUMENT)
				? plain_call_flags(at + 8, end, PLAIN_ARGUMENT)
				: plain_call_flags(at + 8, end, 2);
	return flags != SQL_UNSURE ? flags
				   : odd_set_config(start, at, end, options);
}

unsigned
quick_meaning(const uint8_t *start, const uint8_t *hit, const uint8_t *end,
	      const struct classify_options *options, const uint8_t *clean)
{
	uint32_t four = quick_hit_at(hit);

	if (quick_hit_is(four, "_CON"))
		return set_config_flags(start, hit, end, options);
	if (quick_hit_is(four, "_ADV"))
		return lock_flags(start, hit, end);
	return quick_hit_is_temp(four) ? temp_flags(start, hit, end, clean) : 0;
}
