/*
 * Owns nothing; runs on any thread.  What a text's first word says is most of
 * what there is to say, unless something else in it means anything: that is
 * looked for without regard to strings, sixteen bytes at a time.  Where there
 * is something, outside of a string, the lexer must be asked; here it is only
 * found that there is nothing.
 */
#include "my_quick.h"

#include <string.h>

#include "base/mem.h"
#include "my_words.h"
#include "quick_text.h"

/* A block's hits depend on so many bytes behind it. */
#define AHEAD 1u

/* A text shorter than that is looked at in a copy, with zeros behind it. */
#define SHORT_MAX (2 * QUICK_BLOCK)
#define COPY_SIZE (SHORT_MAX + 2 * QUICK_BLOCK)

struct look {
	const uint8_t *start;    /* borrows */
	const uint8_t *end;      /* borrows */
	const uint8_t *readable; /* borrows: may be read so far */
	const uint8_t *known; /* borrows: no string or comment goes on here */
	unsigned bits;        /* enum my_lexer_option */
};

/* ---- sixteen bytes at a time; bit i says it of at[i] ---- */

#ifdef __SSE2__

/*
 * One of @ ; ( #, or two that begin a comment, "ql", "va", or others that
 * differ from those in the same bits.
 */
QUICK_INLINE unsigned
hits_at(const uint8_t *at)
{
	__m128i a = quick_block(at), b = quick_block(at + 1);
	__m128i low = quick_with(a, 0x20), next = quick_with(b, 0x20);
	__m128i one, two;

	one = _mm_or_si128(quick_equal(a, '@'), quick_equal(a, ';'));
	one = _mm_or_si128(one, quick_equal(a, '('));
	one = _mm_or_si128(one, quick_equal(a, '#'));
	two = _mm_and_si128(quick_equal(quick_with(a, 0x02), '/'),
			    quick_equal(quick_with(b, 0x07), '/'));
	one = _mm_or_si128(one, two);
	two = _mm_and_si128(quick_equal(low, 'q'), quick_equal(next, 'l'));
	one = _mm_or_si128(one, two);
	two = _mm_and_si128(quick_equal(low, 'v'), quick_equal(next, 'a'));
	return quick_bits(_mm_or_si128(one, two));
}

/* Quotes of any kind, and backslashes. */
QUICK_INLINE unsigned
quotes_at(const uint8_t *at)
{
	__m128i a = quick_block(at), q, r;

	q = _mm_or_si128(quick_equal(a, '\''), quick_equal(a, '"'));
	r = _mm_or_si128(quick_equal(a, '`'), quick_equal(a, '\\'));
	return quick_bits(_mm_or_si128(q, r));
}

#else

QUICK_EACH(hits_at, *at == '@' || *at == ';' || *at == '(' || *at == '#' ||
			    ((*at | 0x02) == '/' && (at[1] | 0x07) == '/') ||
			    ((*at | 0x20) == 'q' && (at[1] | 0x20) == 'l') ||
			    ((*at | 0x20) == 'v' && (at[1] | 0x20) == 'a'))
QUICK_EACH(quotes_at, *at == '\'' || *at == '"' || *at == '`' || *at == '\\')

#endif

/* ---- strings ---- */

/* On the way through a text: the quote that is open, if any. */
struct way {
	const uint8_t *escaped; /* borrows: up to here nothing means anything */
	uint8_t open;
	bool has_escapes;
};

/* A quote or a backslash stands at at. */
static inline void
on_quote(const struct look *l, struct way *w, const uint8_t *at)
{
	uint8_t c = *at;

	if (at < w->escaped)
		return;
	if (w->open == c) {
		w->open = 0;
	} else if (c == '\\') {
		if (w->open != 0 && w->has_escapes)
			w->escaped = at + 2;
	} else if (w->open == 0) {
		w->open = c;
		w->has_escapes =
			!(l->bits & MY_LEXER_NO_BACKSLASH) && c != '`' &&
			(c == '\'' || !(l->bits & MY_LEXER_ANSI_QUOTES));
	}
}

/* The quotes of a block at at that stand before an end. */
static inline unsigned
quotes_before(const struct look *l, const uint8_t *at, const uint8_t *end)
{
	uint8_t copy[QUICK_BLOCK] = { 0 };
	unsigned quotes;

	if (l->readable - at >= (ptrdiff_t)QUICK_BLOCK) {
		quotes = quotes_at(at);
	} else {
		memcpy(copy, at, (size_t)(l->readable - at));
		quotes = quotes_at(copy);
	}
	if (end - at < (ptrdiff_t)QUICK_BLOCK)
		quotes &= (1u << (end - at)) - 1;
	return quotes;
}

/* Behind the string that is open at at, or the end of the text. */
static const uint8_t *
find_end(const struct look *l, struct way *w, const uint8_t *at)
{
	for (; at < l->end; at += QUICK_BLOCK) {
		unsigned quotes = quotes_before(l, at, l->end);

		for (; quotes != 0; quotes &= quotes - 1) {
			const uint8_t *p = at + __builtin_ctz(quotes);

			on_quote(l, w, p);
			if (w->open == 0)
				return p + 1;
		}
	}
	return l->end;
}

/*
 * Is a place in a string?  All comments before it were passed over already, or
 * nobody would ask.
 */
static bool
is_inside(struct look *l, const uint8_t *target)
{
	struct way w = { .escaped = l->known };

	for (const uint8_t *at = l->known; at < target; at += QUICK_BLOCK) {
		unsigned quotes = quotes_before(l, at, target);

		for (; quotes != 0; quotes &= quotes - 1)
			on_quote(l, &w, at + __builtin_ctz(quotes));
	}
	l->known = w.open == 0 ? target : find_end(l, &w, target);
	return w.open != 0 || l->known > target;
}

/* ---- what may mean something ---- */

/* Does the name of a function that means something end in front of at? */
static inline bool
is_function(const struct look *l, const uint8_t *at)
{
	ptrdiff_t len = at - l->start;

	if (len < 12) /* there is a word in front of it */
		return false;
	switch ((at[-2] | 0x20) << 8 | (at[-1] | 0x20)) {
	case 'c' << 8 | 'k': /* get_lock, release_lock, ..._unlock */
		return at[-5] == '_' || at[-7] == '_';
	case 'k' << 8 | 's': /* ..._locks */
		return at[-6] == '_';
	case 'i' << 8 | 'd': /* last_insert_id, connection_id */
		return at[-3] == '_';
	case 'w' << 8 | 's': /* found_rows */
		return at[-5] == '_';
	case 'n' << 8 | 't': /* row_count */
		return at[-6] == '_';
	case 'e' << 8 | 'd': /* ..._lock_shared */
		return at[-7] == '_';
	case 'v' << 8 | 'e': /* ..._lock_exclusive */
		return at[-10] == '_';
	default:
		return false;
	}
}

/* Does this stand in front of at? */
static bool
is_behind(const struct look *l, const uint8_t *at, const char *word)
{
	size_t len = strlen(word);

	return at - l->start >= (ptrdiff_t)len &&
	       quick_is_at(at - len, l->end, word);
}

/* Before a parenthesis only some words matter. */
static bool
on_parenthesis(struct look *l, const uint8_t *hit)
{
	const uint8_t *at = hit;

	while (at > l->start && lexer_classes[at[-1]] == CLASS_SPACE)
		at--;
	if (at > l->start && (at[-1] == '`' || at[-1] == '"'))
		at--;
	return (!is_function(l, at) && !is_behind(l, at, "*/")) ||
	       is_inside(l, hit);
}

static bool
on_semicolon(struct look *l, const uint8_t *hit)
{
	const uint8_t *at = hit + 1;

	while (at < l->end && lexer_classes[*at] == CLASS_SPACE)
		at++;
	return at == l->end || is_inside(l, hit);
}

/* NEXT VALUE FOR, PREVIOUS VALUE FOR; lastval, nextval, setval, currval */
static bool
on_value(struct look *l, const uint8_t *hit)
{
	const uint8_t *at = hit, *end = hit + 3;

	if (l->end - hit < 3 || (hit[2] | 0x20) != 'l' || hit == l->start)
		return true;
	if (end == l->end || !lexer_goes_on(*end))
		return (!is_behind(l, hit, "next") &&
			!is_behind(l, hit, "last") &&
			!is_behind(l, hit, "curr") &&
			!is_behind(l, hit, "set")) ||
		       is_inside(l, hit);
	if (!quick_is_at(end, l->end, "ue") || lexer_goes_on(at[-1]) ||
	    (l->end - end > 2 && lexer_goes_on(end[2])))
		return true;
	while (at > l->start && lexer_classes[at[-1]] == CLASS_SPACE)
		at--;
	return (!is_behind(l, at, "next") && !is_behind(l, at, "previous") &&
		!is_behind(l, at, "*/")) ||
	       is_inside(l, hit);
}

/* A plain block comment is passed over. */
static bool
on_slash(struct look *l, const uint8_t *hit)
{
	const uint8_t *at = hit + 2, *end;

	if (l->end - hit < 2 || hit[1] != '*' || is_inside(l, hit))
		return true;
	if (at == l->end || *at == '!' || *at == 'M' || *at == '+')
		return false;
	end = memmem(at, (size_t)(l->end - at), "*/", 2);
	if (end == NULL)
		return false;
	/* It may be a hint to carpool. */
	while (at < end && *at == ' ')
		at++;
	if (end - at > 4 && quick_is_4(at, "pool"))
		return false;
	l->known = end + 2;
	return true;
}

static bool
on_minus(struct look *l, const uint8_t *hit)
{
	if (l->end - hit < 2 || hit[1] != '-')
		return true;
	return (l->end - hit > 2 && hit[2] > ' ' && hit[2] != 0x7f) ||
	       is_inside(l, hit);
}

/* False: unsure. */
static bool
on_hit(struct look *l, const uint8_t *hit)
{
	if (hit < l->known)
		return true;
	switch (*hit) {
	case '(':
		return on_parenthesis(l, hit);
	case ';':
		return on_semicolon(l, hit);
	case '/':
		return on_slash(l, hit);
	case '-':
		return on_minus(l, hit);
	case 'v':
	case 'V':
		return on_value(l, hit);
	case 'q':
	case 'Q':
		return l->end - hit < 7 ||
		       !quick_is_at(hit, l->end, "ql_calc") ||
		       is_inside(l, hit);
	default: /* a variable, a comment */
		return is_inside(l, hit);
	}
}

/* ---- block by block ---- */

/*
 * Behind these a parenthesis may mean something: the last letters of the
 * functions' names, and what may stand between.
 */
static const uint8_t ends_call[256] = {
	['k'] = 1,  ['K'] = 1,  ['s'] = 1,  ['S'] = 1,  ['d'] = 1,
	['D'] = 1,  ['t'] = 1,  ['T'] = 1,  ['e'] = 1,  ['E'] = 1,
	['`'] = 1,  ['"'] = 1,  ['/'] = 1,  [' '] = 1,  ['\t'] = 1,
	['\n'] = 1, ['\r'] = 1, ['\v'] = 1, ['\f'] = 1,
};

/* Most parentheses are told at a look. */
static inline bool
is_likely(const struct look *l, const uint8_t *hit)
{
	if (*hit != '(')
		return true;
	if (hit - l->start < 2)
		return false;
	return ends_call[hit[hit[-1] == ' ' ? -2 : -1]] != 0;
}

/* The hits of a block, whose first byte stands at base in the text. */
static inline bool
follow(struct look *l, unsigned hits, const uint8_t *base)
{
	for (; hits != 0; hits &= hits - 1) {
		const uint8_t *hit = base + __builtin_ctz(hits);

		if (is_likely(l, hit) && !on_hit(l, hit))
			return false;
	}
	return true;
}

/* Is there nothing that the lexer must see, from at on? */
static inline bool
is_quiet(struct look *l, const uint8_t *at)
{
	const uint8_t *last = l->readable - QUICK_BLOCK - AHEAD;

	for (; at < l->end && at <= last; at += QUICK_BLOCK) {
		unsigned hits = hits_at(at);

		if (hits != 0 && !follow(l, hits, at))
			return false;
	}
	if (at >= l->end)
		return true;
	/* The last byte is in no block; alone it means nothing that is right.
	 */
	return follow(l, hits_at(last) & ~0u << (at - last), last) &&
	       l->end[-1] != '(' && l->end[-1] != '@';
}

/* ---- first words ---- */

static const uint8_t *
skip_space(const struct look *l, const uint8_t *at)
{
	while (at < l->end && lexer_classes[*at] == CLASS_SPACE)
		at++;
	return at;
}

static const uint8_t *
skip_word(const struct look *l, const uint8_t *at)
{
	while (at < l->end && lexer_goes_on(*at))
		at++;
	return at;
}

/* Nothing but a semicolon may follow. */
static bool
is_end(const struct look *l, const uint8_t *at)
{
	at = skip_space(l, at);
	if (at < l->end && *at == ';')
		at = skip_space(l, at + 1);
	return at == l->end;
}

static bool
is_next(const struct look *l, const uint8_t *at, const char *word)
{
	const uint8_t *from = skip_space(l, at);

	return from > at && quick_is_at(from, l->end, word) &&
	       skip_word(l, from) == from + strlen(word);
}

/* Words that mean something else make a value more than it seems. */
static bool
is_constant(const uint8_t *from, const uint8_t *end)
{
	enum my_word word =
		my_word_find((const char *)from, (size_t)(end - from));

	return word == MY_OTHER || word == MY_CONSTANT;
}

/* Behind a constant that stands alone; NULL: it is more than that, or a word
 * that may mean something. */
static const uint8_t *
skip_constant(const struct look *l, const uint8_t *at)
{
	const uint8_t *from = at;

	if (at == l->end)
		return NULL;
	if (*at == '\'') {
		do
			at++;
		while (at < l->end && *at != '\'' && *at != '\\');
		return at < l->end && *at == '\'' ? at + 1 : NULL;
	}
	if (*at == '-')
		from = ++at;
	at = skip_word(l, at);
	if (at == from || quick_is_at(from, l->end, "default") ||
	    !is_constant(from, at))
		return NULL;
	return at;
}

/* SET name = constant; SET NAMES charset */
static uint64_t
read_set(const struct look *l, const uint8_t *at)
{
	uint64_t flags = MY_SQL_SET | MY_SQL_SESSION | MY_SQL_PLAIN;
	const uint8_t *name = skip_space(l, at), *end = skip_word(l, name);
	enum my_word word;

	if (name == at || end == name || !lexer_is_letter(*name))
		return MY_SQL_UNSURE;
	word = my_word_find((const char *)name, (size_t)(end - name));
	at = skip_space(l, end);
	if (word == MY_NAMES) {
		flags |= MY_SQL_SYNTAX;
		/* Neither is a charset's name. */
		if ((at < l->end && *at == '-') ||
		    quick_is_at(at, l->end, "collate"))
			return MY_SQL_UNSURE;
	} else {
		if (word != MY_OTHER || at == l->end || *at != '=')
			return MY_SQL_UNSURE;
		at = skip_space(l, at + 1);
	}
	at = skip_constant(l, at);
	return at != NULL && is_end(l, at) ? flags : MY_SQL_UNSURE;
}

/* SHOW WARNINGS, ERRORS and COUNT(*) mean something. */
static uint64_t
read_show(const struct look *l, const uint8_t *at)
{
	static const char others[] = "wec";

	at = skip_space(l, at);
	if (at == l->end || !lexer_is_letter(*at) ||
	    strchr(others, *at | 0x20) != NULL)
		return MY_SQL_UNSURE;
	return MY_SQL_READ;
}

/* The words that begin the text, which has this key. */
#define IS(word)                                                               \
	(QUICK_BEGINS(key, word) && !lexer_goes_on(at[sizeof(word) - 1]))
#define BEHIND(word) (at + sizeof(word) - 1)

/* The flags that first words alone give, or MY_SQL_UNSURE. */
static inline uint64_t
read_words(const struct look *l, const uint8_t *at)
{
	uint64_t key = quick_load_8(at) | QUICK_LOWER;

	switch (key & UINT8_MAX) {
	case 's':
		if (IS("select"))
			return MY_SQL_READ;
		if (IS("set"))
			return read_set(l, BEHIND("set"));
		if (IS("show"))
			return read_show(l, BEHIND("show"));
		if (IS("start") && is_next(l, BEHIND("start"), "transaction"))
			return MY_SQL_BEGIN;
		break;
	case 'i':
		if (IS("insert"))
			return MY_SQL_WRITE;
		break;
	case 'u':
		if (IS("update"))
			return MY_SQL_WRITE;
		if (IS("use"))
			return MY_SQL_SET | MY_SQL_USE | MY_SQL_PLAIN;
		break;
	case 'd':
		if (IS("delete"))
			return MY_SQL_WRITE;
		if (IS("drop") && is_next(l, BEHIND("drop"), "table"))
			return MY_SQL_DROP;
		break;
	case 'c':
		if (IS("commit"))
			return MY_SQL_END;
		if (IS("create") && is_next(l, BEHIND("create"), "table"))
			return 0;
		break;
	case 'r':
		if (IS("replace"))
			return MY_SQL_WRITE;
		if (IS("release"))
			return 0;
		if (IS("rollback") && is_end(l, BEHIND("rollback")))
			return MY_SQL_END;
		break;
	case 'b':
		if (IS("begin") && is_end(l, BEHIND("begin")))
			return MY_SQL_BEGIN;
		break;
	case 'w':
		if (IS("with"))
			return MY_SQL_READ | MY_SQL_WRITE;
		break;
	default:
		break;
	}
	return MY_SQL_UNSURE;
}

static inline uint64_t
look(struct look *l)
{
	uint64_t flags = read_words(l, l->start);

	if (flags == MY_SQL_UNSURE || !is_quiet(l, l->start))
		return MY_SQL_UNSURE;
	return flags;
}

__attribute__((noinline)) static uint64_t
look_at_short(const uint8_t *text, size_t len, unsigned bits)
{
	uint8_t copy[COPY_SIZE] = { 0 };
	struct look l = { .start = copy,
			  .end = copy + len,
			  .readable = copy + sizeof(copy),
			  .known = copy,
			  .bits = bits };

	quick_copy_short(copy, text, len);
	return look(&l);
}

uint64_t
my_quick(const uint8_t *text, size_t len, struct my_lexer_options options)
{
	const unsigned foreign = MY_LEXER_TRAIL_BYTES | MY_LEXER_HIGH_BYTES;
	struct look l = { .start = text,
			  .end = text + len,
			  .readable = text + len,
			  .known = text,
			  .bits = options.bits };

	if (options.bits & foreign)
		return MY_SQL_UNSURE;
	if (len <= SHORT_MAX)
		return look_at_short(text, len, options.bits);
	return look(&l);
}
