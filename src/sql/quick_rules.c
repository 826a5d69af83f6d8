/*
 * What statements leave behind that begin with certain words.  Owns nothing;
 * any thread.  Follows what classify.c does with the same words, as far as
 * they come with nothing but space between.
 */
#include "base/mem.h"
#include "quick_text.h"
#include "setting.h"

/* ---- SET ---- */

static inline void
set_named(struct quick *q, const char *name, size_t len)
{
	q->flags |= setting_flags(q->options, name, len);
	if (setting_is_role(name, len))
		q->has_value = true;
}

/* Behind the name and its sign. */
static inline bool
read_value(struct quick *q, const uint8_t *at)
{
	uint64_t key;

	at = quick_skip_space(q, at);
	if (at == q->end)
		return true;
	if (*at == '-' || *at == '/')
		return false;
	if ((*at | 0x20) != 'd' && (*at | 0x20) != 'l')
		return true;
	key = quick_key_at(q, at);
	if (QUICK_IS(q, at, key, "default") || QUICK_IS(q, at, key, "local"))
		q->flags |= CLASSIFY_RESET;
	return true;
}

/* Where a name stands in the text; what has space in it is not read here. */
struct name {
	const uint8_t *at; /* borrows */
	size_t len;
};

/* Whoever wants to see the name gets a copy. */
__attribute__((noinline)) static bool
set_shown(struct quick *q, const struct name *n)
{
	char name[LEXER_WORD_MAX + 1];

	if (n->len > LEXER_WORD_MAX)
		return false;
	memcpy(name, n->at, n->len);
	name[n->len] = '\0';
	set_named(q, name, n->len);
	if (q->name != NULL)
		memcpy(q->name, name, n->len + 1);
	return true;
}

static inline bool
set_name(struct quick *q, const struct name *n)
{
	/* Nobody wants to, and no name of this length is a special one. */
	if (q->name == NULL && q->options->is_tracked == NULL && n->len > 4 &&
	    n->len < 21) {
		q->flags |= CLASSIFY_SET_OTHER;
		return true;
	}
	return set_shown(q, n);
}

/* Behind the whole name: a sign, TO, or the value of some. */
static inline bool
read_sign(struct quick *q, const uint8_t *at, const struct name *n)
{
	uint64_t key;

	q->has_value = false;
	if (at == q->end || *at == ';')
		return set_name(q, n);
	if (*at == '=') {
		q->has_value = true;
		at++;
	} else {
		at -= at[-1] == ' ';
		if (!quick_find_word(q, &at, &key))
			return false;
		q->has_value = QUICK_IS(q, at, key, "to");
		at = q->has_value ? at + 2 : quick_skip_word(q, at);
	}
	return set_name(q, n) && read_value(q, at);
}

static inline bool
read_name(struct quick *q, const uint8_t *at)
{
	struct name n = { .at = at };

	for (;;) {
		at = quick_skip_word(q, at);
		if (at == q->end || *at != '.')
			break;
		at++;
		if (at == q->end || !lexer_is_letter(*at))
			return false;
	}
	n.len = (size_t)(at - n.at);
	at = quick_skip_space(q, at);
	if (at < q->end && *at == '.')
		return false;
	return read_sign(q, at, &n);
}

static bool
read_time(struct quick *q, const uint8_t *at)
{
	uint64_t key;

	if (!quick_find_word(q, &at, &key) || !QUICK_IS(q, at, key, "zone"))
		return false;
	set_named(q, "TimeZone", 8);
	return read_value(q, at + 4);
}

/* A word too long for its key. */
#define IS_LONG(q, at, text)                                                   \
	(quick_is_at(at, (q)->end, text) &&                                    \
	 quick_ends_at(q, (at) + sizeof(text) - 1))

static bool
read_set_word(struct quick *q, const uint8_t *at, uint64_t key)
{
	switch (key & UINT8_MAX) {
	case 'l':
		if (QUICK_IS(q, at, key, "local"))
			return true;
		break;
	case 'c':
		if (IS_LONG(q, at, "constraints"))
			return true;
		break;
	case 't':
		if (QUICK_IS(q, at, key, "time"))
			return read_time(q, at + 4);
		if (IS_LONG(q, at, "transaction"))
			return true;
		break;
	case 'n':
		if (!QUICK_IS(q, at, key, "names"))
			break;
		set_named(q, "client_encoding", 15);
		return read_value(q, at + 5);
	default:
		break;
	}
	return read_name(q, at);
}

static bool
read_session(struct quick *q, const uint8_t *at)
{
	uint64_t key;

	if (!quick_find_word(q, &at, &key) || QUICK_IS(q, at, key, "session"))
		return false;
	if (IS_LONG(q, at, "characteristics"))
		q->flags |= CLASSIFY_SET_OTHER;
	else if (IS_LONG(q, at, "authorization"))
		q->flags |= CLASSIFY_SET_OTHER | CLASSIFY_ROLE;
	else
		return read_set_word(q, at, key);
	return true;
}

static bool
read_set(struct quick *q, const uint8_t *at)
{
	uint64_t key;

	if (!quick_find_word(q, &at, &key))
		return false;
	if (QUICK_IS(q, at, key, "local"))
		return true;
	if (QUICK_IS(q, at, key, "session"))
		return read_session(q, at + 7);
	return read_set_word(q, at, key);
}

/* ---- the others ---- */

static bool
read_reset(struct quick *q, const uint8_t *at)
{
	uint64_t key;

	if (!quick_find_word(q, &at, &key))
		return false;
	q->flags |= CLASSIFY_RESET;
	if (QUICK_IS(q, at, key, "role") || QUICK_IS(q, at, key, "session"))
		q->flags |= CLASSIFY_SET_OTHER | CLASSIFY_ROLE;
	if (QUICK_IS(q, at, key, "all"))
		q->flags |= CLASSIFY_RESET_ALL;
	return true;
}

static bool
read_prepare(struct quick *q, const uint8_t *at)
{
	uint64_t key;

	if (!quick_find_word(q, &at, &key))
		return false;
	if (!QUICK_BEGINS(key, "transact") || !IS_LONG(q, at, "transaction"))
		q->flags |= CLASSIFY_PREPARE;
	return true;
}

static bool
read_discard(struct quick *q, const uint8_t *at)
{
	uint64_t key;

	if (!quick_find_word(q, &at, &key))
		return false;
	if (QUICK_IS(q, at, key, "all"))
		q->flags |= CLASSIFY_DISCARD_ALL;
	return true;
}

/* A word that begins as DEALLOCATE and is as long. */
static bool
read_deallocate(struct quick *q, const uint8_t *at)
{
	if (at <= q->end && quick_is_at(at - 2, q->end, "te"))
		q->flags |= CLASSIFY_RELEASE;
	return true;
}

/* DECLARE name ... CURSOR { WITH | WITHOUT } HOLD FOR query */
static bool
read_declare(struct quick *q, const uint8_t *at)
{
	bool is_without = false;
	uint64_t key;

	while (quick_find_word(q, &at, &key)) {
		if (QUICK_IS(q, at, key, "for"))
			return true;
		if (QUICK_IS(q, at, key, "hold") && !is_without)
			q->flags |= CLASSIFY_DECLARE;
		is_without = QUICK_IS(q, at, key, "without");
		at = quick_skip_word(q, at);
	}
	return false;
}

/* Something other than a word begins the statement. */
static bool
read_unsure(struct quick *q, const uint8_t *at)
{
	(void)q;
	(void)at;
	return false;
}

/* ---- the rules ---- */

const struct quick_rule quick_unsure = { .read = read_unsure };

#define RULE(word, gives, reads)                                               \
	{                                                                      \
		.text = word, .mask = QUICK_LETTERS(sizeof(word) - 1),         \
		.len = sizeof(word) - 1, .flags = (gives), .read = (reads)     \
	}
#define LAST                                                                   \
	{                                                                      \
		.len = 0                                                       \
	}

static const struct quick_rule rules_c[] = {
	RULE("close", CLASSIFY_RELEASE, NULL),
	RULE("call", CLASSIFY_DO, NULL),
	LAST,
};
static const struct quick_rule rules_d[] = {
	RULE("do", CLASSIFY_DO, NULL),
	{ .text = "dealloca",
	  .mask = QUICK_LETTERS(8),
	  .len = 10,
	  .read = read_deallocate },
	RULE("discard", CLASSIFY_RELEASE, read_discard),
	RULE("declare", CLASSIFY_CURSOR, read_declare),
	RULE("drop", CLASSIFY_RELEASE, NULL),
	LAST,
};
/* The string E'...' begins no statement, but a word behind it may. */
static const struct quick_rule rules_e[] = {
	{ .text = "e'",
	  .mask = QUICK_LETTERS(2),
	  .len = 1,
	  .read = read_unsure },
	LAST,
};
static const struct quick_rule rules_l[] = {
	RULE("listen", CLASSIFY_LISTEN, NULL),
	RULE("load", CLASSIFY_LOAD, NULL),
	LAST,
};
static const struct quick_rule rules_p[] = {
	RULE("prepare", 0, read_prepare),
	LAST,
};
static const struct quick_rule rules_r[] = {
	RULE("reset", CLASSIFY_RELEASE, read_reset),
	LAST,
};
static const struct quick_rule rules_s[] = {
	RULE("set", CLASSIFY_SET, read_set),
	LAST,
};
static const struct quick_rule rules_u[] = {
	RULE("unlisten", CLASSIFY_RELEASE, NULL),
	LAST,
};

#define LETTER(c, begin, bits, list)                                           \
	[(c) - 'a'] = { .key = (begin), .mask = (bits), .rules = (list) }
#define NO_LETTER(c) LETTER(c, 0, UINT8_MAX, NULL)

/* The first letter is the lowest byte, and the second tells many apart. */
const struct quick_letter quick_letters[26] = {
	NO_LETTER('a'),
	NO_LETTER('b'),
	/* The bits that l and a have, but not the o and r of usual words. */
	LETTER('c', 0x6063, 0xf2ff, rules_c),
	LETTER('d', 0x64, 0xff, rules_d),
	LETTER('e', 0x2765, 0xffff, rules_e),
	NO_LETTER('f'),
	NO_LETTER('g'),
	NO_LETTER('h'),
	NO_LETTER('i'),
	NO_LETTER('j'),
	NO_LETTER('k'),
	LETTER('l', 0x6c, 0xff, rules_l),
	NO_LETTER('m'),
	NO_LETTER('n'),
	NO_LETTER('o'),
	LETTER('p', 0x657270, 0xffffff, rules_p),
	NO_LETTER('q'),
	LETTER('r', 0x736572, 0xffffff, rules_r),
	LETTER('s', 0x746573, 0xffffff, rules_s),
	NO_LETTER('t'),
	LETTER('u', 0x6c6e75, 0xffffff, rules_u),
	NO_LETTER('v'),
	NO_LETTER('w'),
	NO_LETTER('x'),
	NO_LETTER('y'),
	NO_LETTER('z'),
};

const struct quick_rule *
quick_find_rule(const struct quick_rule *rules, uint64_t key, const uint8_t *at)
{
	for (; rules->len > 0; rules++)
		if (((key ^ quick_load_8(rules->text)) & rules->mask) == 0 &&
		    !lexer_goes_on(at[rules->len]))
			return rules;
	return NULL;
}
