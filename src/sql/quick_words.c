/*
 * Words that mean something anywhere in a statement: TEMP and pg_temp, the
 * functions of advisory locks, set_config().  Owns nothing; any thread.
 * Follows what classify.c does with the same words.
 */
#include "base/mem.h"
#include "quick_text.h"

/* What a place in front of a word says of it. */
enum edge {
	EDGE_BEGINS, /* the word begins here */
	EDGE_NOT,    /* it is the end of another word */
	EDGE_UNSURE,
};

static enum edge
edge_at(const struct quick *q, const uint8_t *at)
{
	if (at == q->start || !lexer_goes_on(at[-1]))
		return EDGE_BEGINS;
	/* "1a" is a number and a word, "$1a" a parameter and one. */
	return lexer_is_letter(at[-1]) ? EDGE_NOT : EDGE_UNSURE;
}

/* The word that begins at at gives flags, if it stands in code. */
static bool
add_flags(struct quick *q, const uint8_t *at, unsigned flags)
{
	enum quick_place place;

	switch (edge_at(q, at)) {
	case EDGE_NOT:
		return true;
	case EDGE_UNSURE:
		return false;
	case EDGE_BEGINS:
		break;
	}
	place = quick_place_of(q, at);
	if (place == PLACE_CODE)
		q->flags |= flags;
	return place != PLACE_UNSURE;
}

/* ---- TEMP ---- */

/*
 * The word before at, with nothing but space between; NULL: there is none.
 * What stands behind a string or a comment is not seen.
 */
static const uint8_t *
word_before(const struct quick *q, const uint8_t *at, size_t *len)
{
	const uint8_t *end;

	while (at > q->clean && lexer_classes[at[-1]] == CLASS_SPACE)
		at--;
	end = at;
	while (at > q->clean && lexer_goes_on(at[-1]))
		at--;
	*len = (size_t)(end - at);
	return at;
}

/* Can it be told what stands before a word, here? */
static bool
is_told(const struct quick *q, const uint8_t *at, size_t len)
{
	if (len == 0)
		return at > q->clean || at == q->start;
	return lexer_is_letter(*at);
}

#define SPELLS(at, len, text)                                                  \
	((len) == sizeof(text) - 1 && quick_is_at(at, (at) + (len), text))

/* INTO stands at at: before TEMP it is meant, but not in INSERT and MERGE. */
static bool
on_into(struct quick *q, const uint8_t *at)
{
	size_t len;
	const uint8_t *word = word_before(q, at, &len);

	if (!is_told(q, word, len))
		return false;
	if (!SPELLS(word, len, "insert") && !SPELLS(word, len, "merge"))
		q->flags |= CLASSIFY_TEMP;
	return true;
}

static bool
on_temp(struct quick *q, const uint8_t *at)
{
	enum quick_place place = quick_place_of(q, at);
	const uint8_t *word;
	size_t len;

	if (place != PLACE_CODE)
		return place == PLACE_INSIDE;
	word = word_before(q, at, &len);
	if (!is_told(q, word, len))
		return false;
	if (SPELLS(word, len, "into"))
		return on_into(q, word);
	if (SPELLS(word, len, "create") || SPELLS(word, len, "replace") ||
	    SPELLS(word, len, "local") || SPELLS(word, len, "global"))
		q->flags |= CLASSIFY_TEMP;
	return true;
}

/* At "temp". */
static bool
check_temp(struct quick *q, const uint8_t *at)
{
	bool is_word = quick_ends_at(q, at + 4) ||
		       (quick_is_at(at + 4, q->end, "orary") &&
			quick_ends_at(q, at + 9));

	if (at > q->start && at[-1] == '_')
		return at - q->start < 3 ||
		       !quick_is_at(at - 3, q->end, "pg") ||
		       add_flags(q, at - 3, CLASSIFY_TEMP);
	if (!is_word || edge_at(q, at) == EDGE_NOT)
		return true;
	return edge_at(q, at) == EDGE_BEGINS && on_temp(q, at);
}

/* ---- advisory locks ---- */

/* What stands behind "_advisory_". */
static unsigned
lock_flags(const struct quick *q, const uint8_t *at, bool is_try)
{
	uint64_t key;
	size_t len;

	if (at == q->end)
		return 0;
	key = quick_key_at(q, at);
	if (QUICK_IS(q, at, key, "lock"))
		return CLASSIFY_ADVISORY;
	if (QUICK_IS(q, at, key, "unlock"))
		return is_try ? 0 : CLASSIFY_RELEASE;
	len = (size_t)(quick_skip_word(q, at) - at);
	if (SPELLS(at, len, "lock_shared"))
		return CLASSIFY_ADVISORY;
	if (!is_try &&
	    (SPELLS(at, len, "unlock_shared") || SPELLS(at, len, "unlock_all")))
		return CLASSIFY_RELEASE;
	return 0;
}

/* At "_adv". */
static bool
check_lock(struct quick *q, const uint8_t *at)
{
	ptrdiff_t before = at - q->start;
	unsigned flags;

	if (q->end - at < 10 || before < 2 || at[9] != '_' ||
	    (quick_load_8(at + 1) | QUICK_LOWER) != QUICK_KEY("advisory"))
		return true;
	if ((at[-2] | 0x20) == 'p' && (at[-1] | 0x20) == 'g') {
		flags = lock_flags(q, at + 10, false);
		return flags == 0 || add_flags(q, at - 2, flags);
	}
	if (before < 6 || !quick_is_at(at - 6, at, "pg_try"))
		return true;
	flags = lock_flags(q, at + 10, true);
	return flags == 0 || add_flags(q, at - 6, flags);
}

/* ---- set_config(name, value, is_local) ---- */

/* Behind an argument, if that is a string or a parameter; or NULL. */
static const uint8_t *
skip_argument(const struct quick *q, const uint8_t *at)
{
	const uint8_t *from = at;

	if (at == q->end)
		return NULL;
	if (*at == '\'' && (q->options->lexer & LEXER_BACKSLASHES) == 0) {
		do
			at++;
		while (at < q->end && *at != '\'');
		return at < q->end ? at + 1 : NULL;
	}
	if (*at != '$')
		return NULL;
	do
		at++;
	while (at < q->end && lexer_classes[*at] == CLASS_DIGIT);
	return at - from > 1 ? at : NULL;
}

/* Behind a sign that stands behind space; or NULL. */
static const uint8_t *
skip_sign(const struct quick *q, const uint8_t *at, char sign)
{
	if (at != NULL)
		at = quick_skip_space(q, at);
	return at != NULL && at < q->end && *at == (uint8_t)sign ? at + 1
								 : NULL;
}

/* The last argument: only a plain TRUE leaves nothing. */
static bool
on_is_local(struct quick *q, const uint8_t *at)
{
	bool is_true = false;
	uint64_t key;

	if (quick_find_word(q, &at, &key)) {
		is_true = QUICK_IS(q, at, key, "true");
		at = quick_skip_word(q, at);
	} else {
		at = skip_argument(q, at);
	}
	at = skip_sign(q, at, ')');
	if (at == NULL)
		return false;
	if (!is_true)
		q->flags |= CLASSIFY_SET_CONFIG;
	q->call_end = at;
	return true;
}

/* Only calls of the usual form are read here. */
static bool
on_call(struct quick *q, const uint8_t *at)
{
	at = skip_sign(q, at, '(');
	for (int i = 0; i < 2 && at != NULL; i++)
		at = skip_sign(q, skip_argument(q, quick_skip_space(q, at)),
			       ',');
	return at != NULL && on_is_local(q, at);
}

/* At "_con". */
static bool
check_set_config(struct quick *q, const uint8_t *at)
{
	const uint8_t *word = at - 3;
	enum quick_place place;

	if (at - q->start < 3 || q->end - at < 7 ||
	    !quick_is_4(at + 3, "nfig") || !quick_is_at(word, at, "set") ||
	    !quick_ends_at(q, at + 7) || edge_at(q, word) == EDGE_NOT)
		return true;
	if (edge_at(q, word) == EDGE_UNSURE)
		return false;
	place = quick_place_of(q, word);
	return place == PLACE_INSIDE ||
	       (place == PLACE_CODE && on_call(q, at + 7));
}

bool
quick_on_hit(struct quick *q, const uint8_t *at)
{
	if (q->end - at < 4)
		return true;
	if (*at == '_')
		return (at[1] | 0x20) == 'a' ? check_lock(q, at)
					     : check_set_config(q, at);
	return !quick_is_4(at, "temp") || check_temp(q, at);
}
