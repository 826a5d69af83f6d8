/*
 * What statements leave behind that begin with certain words.  Owns nothing;
 * any thread.  Follows what classify.c does with the same words, as far as
 * they come with nothing but space between.
 */
#include "base/mem.h"
#include "quick_text.h"
#include "setting.h"

/* ---- SET ---- */

/*
 * Each of these ends with a call of the next, if any, so that nothing is kept
 * meanwhile.
 */

__attribute__((noinline)) static unsigned
set_tracked(unsigned flags, const struct classify_options *options,
	    const char *name)
{
	return flags == SQL_UNSURE
		       ? flags
		       : flags | setting_flags(options, name, strlen(name));
}

/* With a name that nobody but is_tracked wants to see; not a special one. */
QUICK_INLINE unsigned
set_known(unsigned flags, const struct classify_options *options,
	  const char *name)
{
	return options->is_tracked == NULL && flags != SQL_UNSURE
		       ? flags | CLASSIFY_SET_OTHER
		       : set_tracked(flags, options, name);
}

/* Whoever wants to see the name gets a copy; SQL_UNSURE: it is too long. */
__attribute__((noinline)) static unsigned
set_shown(unsigned flags, const struct classify_options *options,
	  const uint8_t *at, size_t len, char *shown)
{
	char name[LEXER_WORD_MAX + 1];

	if (flags == SQL_UNSURE || len > LEXER_WORD_MAX)
		return SQL_UNSURE;
	memcpy(name, at, len);
	name[len] = '\0';
	flags |= setting_flags(options, name, len);
	if (setting_is_role(name, len))
		flags |= CLASSIFY_NAMED;
	if ((flags & (CLASSIFY_SET_OTHER | QUICK_MANY)) == 0)
		flags &= ~(unsigned)CLASSIFY_NAMED;
	if (shown != NULL)
		memcpy(shown, name, len + 1);
	return flags;
}

/* A value that may be DEFAULT, LOCAL or behind a gap. */
__attribute__((noinline)) static unsigned
read_odd_value(const uint8_t *at, const uint8_t *end, unsigned flags)
{
	uint64_t key;

	at = quick_skip_space(at, end);
	if (at == end)
		return flags;
	if (*at == '-' || *at == '/')
		return SQL_UNSURE;
	key = quick_key_at(at, end);
	return QUICK_IS(at, end, key, "default") ||
			       QUICK_IS(at, end, key, "local")
		       ? flags | CLASSIFY_RESET
		       : flags;
}

/* Behind the name and its sign; there is a byte at at. */
QUICK_INLINE unsigned
read_first_value(const uint8_t *at, const uint8_t *end, unsigned flags)
{
	uint8_t class = lexer_classes[*at];

	return class == CLASS_SPACE || class == CLASS_MINUS ||
			       class == CLASS_SLASH || (*at | 0x28) == 'l'
		       ? read_odd_value(at, end, flags)
		       : flags;
}

QUICK_INLINE unsigned
read_value(const uint8_t *at, const uint8_t *end, unsigned flags)
{
	return at < end ? read_first_value(at, end, flags) : flags;
}

/* What stands behind a name, or a part of one up to at, in any form. */
__attribute__((noinline)) static unsigned
read_sign(const uint8_t *name, const uint8_t *at, const uint8_t *end,
	  unsigned flags, const struct classify_options *options, char *shown)
{
	uint64_t key;
	size_t len;

	while (at < end && *at == '.') {
		at++;
		if (at == end || !lexer_is_letter(*at))
			return SQL_UNSURE;
		at = quick_skip_word(at, end);
	}
	len = (size_t)(at - name);
	at = quick_skip_space(at, end);
	if (at == end || *at == ';') {
		at = end;
	} else if (*at == '=') {
		flags |= CLASSIFY_NAMED;
		at++;
	} else {
		if (!lexer_is_letter(*at))
			return SQL_UNSURE;
		key = quick_key_at(at, end);
		if (QUICK_IS_STRING(key))
			return SQL_UNSURE;
		if (QUICK_IS(at, end, key, "to")) {
			flags |= CLASSIFY_NAMED;
			at += 2;
		} else {
			at = quick_skip_word(at, end);
		}
	}
	return set_shown(read_value(at, end, flags), options, name, len, shown);
}

/* A name, then a sign, TO, or the value of some. */
__attribute__((noinline)) static unsigned
read_name(const uint8_t *at, const uint8_t *end, unsigned flags,
	  const struct classify_options *options, char *shown)
{
	const uint8_t *name = at;

	flags &= ~(unsigned)CLASSIFY_NAMED;
	at = quick_skip_word(at, end);
	/* Nobody wants to see it, and none of this length is a special one. */
	if (shown == NULL && options->is_tracked == NULL && at - name > 4 &&
	    at - name < 21 && end - at > 4) {
		unsigned given = flags | CLASSIFY_NAMED | CLASSIFY_SET_OTHER;

		if (QUICK_STANDS_4(at, " to "))
			return read_first_value(at + 4, end, given);
		if (QUICK_STANDS_4(at, " = "))
			return read_first_value(at + 3, end, given);
	}
	return read_sign(name, at, end, flags, options, shown);
}

/* Behind a word that needs no sign. */
QUICK_INLINE unsigned
read_plain_value(const uint8_t *at, const uint8_t *end, unsigned flags)
{
	if (at < end && *at == ' ')
		at++;
	return read_value(at, end, flags);
}

static unsigned
read_time(const uint8_t *at, const uint8_t *end, unsigned flags,
	  const struct classify_options *options)
{
	uint64_t key;

	if (end - at >= 8 && *at == ' ' && at[5] == ' ' &&
	    QUICK_BEGINS(quick_load_8(at) | QUICK_LOWER, " zone ")) {
		at += 6;
	} else {
		if (!quick_find_word(&at, end, &key) ||
		    !QUICK_IS(at, end, key, "zone"))
			return SQL_UNSURE;
		at += 4;
	}
	return set_known(read_plain_value(at, end, flags), options, "TimeZone");
}

/* A word too long for its key, which begins with a part of it. */
#define IS_LONG(at, end, key, part, rest)                                      \
	(QUICK_BEGINS(key, part) &&                                            \
	 quick_is_at((at) + sizeof(part) - 1, end, rest) &&                    \
	 quick_ends_at((at) + sizeof(part rest) - 1, end))

/* Behind SET SESSION. */
static unsigned read_session(const uint8_t *at, const uint8_t *end,
			     unsigned flags,
			     const struct classify_options *options,
			     char *name);

/* Each word that is no name has such a first letter, and such a fourth. */
#define SET_FIRST                                                              \
	(QUICK_LETTER('c') | QUICK_LETTER('l') | QUICK_LETTER('n') |           \
	 QUICK_LETTER('s') | QUICK_LETTER('t'))
#define SET_FOURTH                                                             \
	(QUICK_LETTER('a') | QUICK_LETTER('e') | QUICK_LETTER('n') |           \
	 QUICK_LETTER('s'))
#define MAY_BE(letters, c) ((letters) << 1 >> ((c)&31) & 1)

/* A word that may be no name, and is none of the usual ones. */
__attribute__((noinline)) static unsigned
read_odd_word(const uint8_t *at, const uint8_t *end, unsigned flags,
	      const struct classify_options *options, char *name)
{
	uint64_t key = quick_key_at(at, end);

	if (IS_LONG(at, end, key, "constrai", "nts") ||
	    IS_LONG(at, end, key, "transact", "ion"))
		return flags;
	if (QUICK_IS(at, end, key, "session"))
		return read_session(at + 7, end, flags, options, name);
	return read_name(at, end, flags, options, name);
}

/* The word behind SET or SET SESSION; E'...' is a name that no sign follows. */
QUICK_INLINE unsigned
read_set_word(const uint8_t *at, const uint8_t *end, unsigned flags,
	      const struct classify_options *options, char *name, uint64_t key)
{
	if (!MAY_BE(SET_FIRST, key) || !MAY_BE(SET_FOURTH, key >> 24))
		return read_name(at, end, flags, options, name);
	if (QUICK_IS(at, end, key, "names"))
		return set_known(read_plain_value(at + 5, end, flags), options,
				 "client_encoding");
	if (QUICK_IS(at, end, key, "time"))
		return read_time(at + 4, end, flags, options);
	if (QUICK_IS(at, end, key, "local"))
		return flags;
	return read_odd_word(at, end, flags, options, name);
}

static unsigned
read_session(const uint8_t *at, const uint8_t *end, unsigned flags,
	     const struct classify_options *options, char *name)
{
	uint64_t key;

	if (!quick_find_word(&at, end, &key) ||
	    QUICK_IS(at, end, key, "session"))
		return SQL_UNSURE;
	if (IS_LONG(at, end, key, "characte", "ristics"))
		return flags | CLASSIFY_SET_OTHER;
	if (IS_LONG(at, end, key, "authoriz", "ation"))
		return flags | CLASSIFY_SET_OTHER | CLASSIFY_ROLE;
	return read_set_word(at, end, flags, options, name, key);
}

__attribute__((noinline)) static unsigned
find_set_word(const uint8_t *at, const uint8_t *end, unsigned flags,
	      const struct classify_options *options, char *name)
{
	uint64_t key;

	return quick_find_word(&at, end, &key)
		       ? read_set_word(at, end, flags, options, name, key)
		       : SQL_UNSURE;
}

static unsigned
read_set(const uint8_t *at, const uint8_t *end, unsigned flags,
	 const struct classify_options *options, char *name)
{
	if (end - at <= 8 || *at != ' ' || !lexer_is_letter(at[1]))
		return find_set_word(at, end, flags, options, name);
	return read_set_word(at + 1, end, flags, options, name,
			     quick_load_8(at + 1) | QUICK_LOWER);
}

/* ---- the others ---- */

#define UNUSED(options, name) ((void)(options), (void)(name))

static unsigned
read_reset(const uint8_t *at, const uint8_t *end, unsigned flags,
	   const struct classify_options *options, char *name)
{
	uint64_t key;

	UNUSED(options, name);
	if (!quick_find_word(&at, end, &key) || QUICK_IS_STRING(key))
		return SQL_UNSURE;
	flags |= CLASSIFY_RESET;
	if (QUICK_IS(at, end, key, "role") || QUICK_IS(at, end, key, "session"))
		flags |= CLASSIFY_SET_OTHER | CLASSIFY_ROLE;
	if (QUICK_IS(at, end, key, "all"))
		flags |= CLASSIFY_RESET_ALL;
	return flags;
}

static unsigned
read_prepare(const uint8_t *at, const uint8_t *end, unsigned flags,
	     const struct classify_options *options, char *name)
{
	uint64_t key;

	UNUSED(options, name);
	if (!quick_find_word(&at, end, &key) || QUICK_IS_STRING(key))
		return SQL_UNSURE;
	return IS_LONG(at, end, key, "transact", "ion")
		       ? flags
		       : flags | CLASSIFY_PREPARE;
}

static unsigned
read_discard(const uint8_t *at, const uint8_t *end, unsigned flags,
	     const struct classify_options *options, char *name)
{
	uint64_t key;

	UNUSED(options, name);
	if (!quick_find_word(&at, end, &key))
		return SQL_UNSURE;
	if (QUICK_IS(at, end, key, "all"))
		return flags | CLASSIFY_DISCARD_ALL;
	return QUICK_IS_STRING(key) ? SQL_UNSURE : flags;
}

/* A word that begins as DEALLOCATE and is as long. */
static unsigned
read_deallocate(const uint8_t *at, const uint8_t *end, unsigned flags,
		const struct classify_options *options, char *name)
{
	UNUSED(options, name);
	return at <= end && quick_is_at(at - 2, end, "te")
		       ? flags | CLASSIFY_RELEASE
		       : flags;
}

/* Behind CURSOR, if one space stands between words; or SQL_UNSURE. */
QUICK_INLINE unsigned
read_hold(const uint8_t *at, const uint8_t *end, unsigned flags)
{
	if (end - at < 8)
		return SQL_UNSURE;
	if (QUICK_STANDS_4(at, "for "))
		return flags;
	if (end - at >= 14 && QUICK_STANDS(at, "with hol") &&
	    QUICK_STANDS(at + 6, "old for "))
		return flags | CLASSIFY_DECLARE;
	if (end - at >= 17 && QUICK_STANDS(at, "without ") &&
	    QUICK_STANDS(at + 8, "hold for") && !lexer_goes_on(at[16]))
		return flags;
	return SQL_UNSURE;
}

/* DECLARE name ... CURSOR { WITH | WITHOUT } HOLD FOR query, in any form. */
__attribute__((noinline)) static unsigned
read_declare_words(const uint8_t *at, const uint8_t *end, unsigned flags)
{
	bool is_without = false;
	uint64_t key;

	while (quick_find_word(&at, end, &key)) {
		if (QUICK_IS(at, end, key, "for"))
			return flags;
		if (QUICK_IS_STRING(key))
			break;
		if (QUICK_IS(at, end, key, "hold") && !is_without)
			flags |= CLASSIFY_DECLARE;
		is_without = QUICK_IS(at, end, key, "without");
		at = quick_skip_word(at, end);
	}
	return SQL_UNSURE;
}

static unsigned
read_declare(const uint8_t *at, const uint8_t *end, unsigned flags,
	     const struct classify_options *options, char *name)
{
	const uint8_t *from = at;
	unsigned found;

	UNUSED(options, name);
	if (end - at > 1 && *at == ' ' && lexer_is_letter(at[1])) {
		at = quick_skip_word(++from, end);
		/* A cursor may have the name FOR or HOLD. */
		if (end - at >= 8 && (size_t)(at - from - 3) > 1 &&
		    QUICK_STANDS(at, " cursor ")) {
			found = read_hold(at + 8, end, flags);
			if (found != SQL_UNSURE)
				return found;
		}
	}
	return read_declare_words(from, end, flags);
}

static unsigned
read_nothing(const uint8_t *at, const uint8_t *end, unsigned flags,
	     const struct classify_options *options, char *name)
{
	UNUSED(options, name);
	(void)at;
	(void)end;
	return flags;
}

/* Something other than a word begins the statement. */
static unsigned
read_unsure(const uint8_t *at, const uint8_t *end, unsigned flags,
	    const struct classify_options *options, char *name)
{
	UNUSED(options, name);
	(void)at;
	(void)end;
	(void)flags;
	return SQL_UNSURE;
}

/* ---- the rules ---- */

const struct quick_rule quick_unsure = { .read = read_unsure };

#define RULE(word, gives, reads)                                               \
	{                                                                      \
		.text = word, .mask = QUICK_LETTERS(sizeof(word) - 1),         \
		.len = sizeof(word) - 1, .flags = (gives), .read = (reads)     \
	}
#define SLOT(a, b) [QUICK_SLOT(a, b)]

/* Any slot that is free. */
#define SLOT_DECLARE 1

const struct quick_rule quick_rules[QUICK_SLOTS] = {
	SLOT('c', 'a') = RULE("call", CLASSIFY_DO, read_nothing),
	SLOT('c', 'l') = RULE("close", CLASSIFY_RELEASE, read_nothing),
	SLOT('d', 'e') = { .text = "dealloca",
			   .mask = QUICK_LETTERS(8),
			   .len = 10,
			   .read = read_deallocate,
			   .next = SLOT_DECLARE },
	[SLOT_DECLARE] = RULE("declare", CLASSIFY_CURSOR, read_declare),
	SLOT('d', 'i') = RULE("discard", CLASSIFY_RELEASE, read_discard),
	SLOT('d', 'o') = RULE("do", CLASSIFY_DO, read_nothing),
	SLOT('d', 'r') = RULE("drop", CLASSIFY_RELEASE, read_nothing),
	/* E'...' begins no statement, but a word behind it may. */
	SLOT('e', '\'') = { .text = "e'",
			    .mask = QUICK_LETTERS(2),
			    .len = 1,
			    .read = read_unsure },
	SLOT('l', 'i') = RULE("listen", CLASSIFY_LISTEN, read_nothing),
	SLOT('l', 'o') = RULE("load", CLASSIFY_LOAD, read_nothing),
	SLOT('p', 'r') = RULE("prepare", 0, read_prepare),
	SLOT('r', 'e') = RULE("reset", CLASSIFY_RELEASE, read_reset),
	SLOT('s', 'e') = RULE("set", CLASSIFY_SET, read_set),
	SLOT('u', 'n') = RULE("unlisten", CLASSIFY_RELEASE, read_nothing),
};
