/*
 * Owns nothing; runs on any thread.  Looks for what may mean something
 * anywhere in a text, without regard to strings and comments, sixteen bytes at
 * a time, since few texts have it: what would mean nothing either way is passed
 * over.  Only in front of the rest is it found out whether that stands in a
 * string or a comment.
 */
#include "sql/quick.h"

#include "base/mem.h"
#include "quick_text.h"

/* A text must have so many bytes for a block of it to be looked at. */
#define LEAST (QUICK_BLOCK + QUICK_AHEAD)

/* Of a text shorter than that so many bytes of a copy can be read. */
#define COPY_SIZE (2 * QUICK_BLOCK + QUICK_AHEAD)

/* A text's blocks, one after the other. */
struct scan {
	const uint8_t *at;   /* borrows: the next block */
	const uint8_t *last; /* borrows: the last that has all ahead of it */
	const uint8_t *end;  /* borrows */
	const uint8_t *base; /* borrows: where the last block's hits are */
};

/* ---- space and comments ---- */

const uint8_t *
quick_skip_block(const uint8_t *at, const uint8_t *end)
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

const uint8_t *
quick_skip_line(const uint8_t *at, const uint8_t *end)
{
	for (; end - at >= (ptrdiff_t)QUICK_BLOCK; at += QUICK_BLOCK) {
		unsigned ends = quick_line_ends(at);

		if (ends != 0)
			return at + __builtin_ctz(ends);
	}
	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

const uint8_t *
quick_skip_gap(const uint8_t *at, const uint8_t *end)
{
	while (at != NULL && at < end) {
		if (lexer_classes[*at] == CLASS_SPACE)
			at++;
		else if (*at == '-' && end - at > 1 && at[1] == '-')
			at = quick_skip_line(at + 2, end);
		else if (*at == '/' && end - at > 1 && at[1] == '*')
			at = quick_skip_block(at, end);
		else
			break;
	}
	return at;
}

/* ---- is a place code? ---- */

/* Behind the next c, or the end of the text. */
static const uint8_t *
skip_past(const struct quick *q, const uint8_t *at, char c)
{
	const uint8_t *found = memchr(at, c, (size_t)(q->end - at));

	return found != NULL ? found + 1 : q->end;
}

/* Behind a string; NULL: it may have escapes. */
static const uint8_t *
skip_string(const struct quick *q, const uint8_t *at)
{
	if (q->options->lexer & LEXER_BACKSLASHES)
		return NULL;
	/* A letter in front of that makes another word, which is no prefix. */
	if (at > q->clean && (at[-1] | 0x20) == 'e' &&
	    (at - 1 == q->clean || !lexer_is_letter(at[-2])))
		return NULL;
	return skip_past(q, at + 1, '\'');
}

/* Behind a string in dollar quotes, or the sign; NULL: hard to tell. */
static const uint8_t *
skip_dollar(const struct quick *q, const uint8_t *at)
{
	const uint8_t *p = at + 1, *found;

	if (at > q->clean && lexer_goes_on(at[-1]))
		return NULL;
	if (p < q->end && lexer_classes[*p] == CLASS_DIGIT)
		return p;
	while (p < q->end && *p != '$' && lexer_goes_on(*p))
		p++;
	if (p == q->end || p - at > (ptrdiff_t)LEXER_WORD_MAX)
		return NULL;
	if (*p != '$')
		return at + 1;
	p++;
	found = memmem(p, (size_t)(q->end - p), at, (size_t)(p - at));
	return found != NULL ? found + (p - at) : q->end;
}

/*
 * Behind what at opens; just behind at where that opens nothing in which a
 * place could be.  NULL: hard to tell.
 */
static const uint8_t *
skip_opened(const struct quick *q, const uint8_t *at, const uint8_t *target)
{
	const uint8_t *p;

	switch (*at) {
	case '\'':
		return skip_string(q, at);
	case '$':
		return skip_dollar(q, at);
	case '-':
		return q->end - at > 1 && at[1] == '-'
			       ? quick_skip_line(at + 2, q->end)
			       : at + 1;
	case '/':
		return q->end - at > 1 && at[1] == '*'
			       ? quick_skip_block(at, q->end)
			       : at + 1;
	default:
		/* A name in quotes may mean as much as one without. */
		p = skip_past(q, at + 1, '"');
		return p <= target ? p : NULL;
	}
}

/* The first place before target that may open something, or target. */
static const uint8_t *
find_opener(const struct quick *q, const uint8_t *at, const uint8_t *target)
{
	for (; at < target && q->readable - at >= (ptrdiff_t)QUICK_BLOCK;
	     at += QUICK_BLOCK) {
		unsigned bits = quick_openers(at);

		if (bits == 0)
			continue;
		at += __builtin_ctz(bits);
		return at < target ? at : target;
	}
	while (at < target && lexer_classes[*at] != CLASS_QUOTE &&
	       lexer_classes[*at] != CLASS_DOUBLE &&
	       lexer_classes[*at] != CLASS_DOLLAR &&
	       lexer_classes[*at] != CLASS_MINUS &&
	       lexer_classes[*at] != CLASS_SLASH)
		at++;
	return at < target ? at : target;
}

enum quick_place
quick_reach(struct quick *q, const uint8_t *target)
{
	const uint8_t *at = q->known;

	while ((at = find_opener(q, at, target)) < target) {
		const uint8_t *behind = skip_opened(q, at, target);

		if (behind == NULL)
			return PLACE_UNSURE;
		if (behind > at + 1)
			q->clean = behind;
		if (behind > target) {
			q->known = behind;
			return PLACE_INSIDE;
		}
		at = behind;
	}
	q->known = target;
	return PLACE_CODE;
}

/* ---- what may mean something ---- */

/* The rule for the statement, if any, that begins at at. */
static const struct quick_rule *
find_rule(const struct quick *q, const uint8_t *at)
{
	uint8_t copy[QUICK_BLOCK] = { 0 };
	uint8_t class = lexer_classes[*at];

	if (class != CLASS_WORD)
		return class == CLASS_SIGN || class == CLASS_MINUS ||
				       class == CLASS_SLASH
			       ? NULL
			       : &quick_unsure;
	if ((*at & 0x80) != 0 || *at == '_')
		return NULL;
	if (q->readable - at >= (ptrdiff_t)QUICK_BLOCK)
		return quick_rule_at(at);
	memcpy(copy, at, (size_t)(q->end - at));
	return quick_rule_at(copy);
}

static bool
follow_rule(struct quick *q, const struct quick_rule *rule, const uint8_t *at)
{
	q->flags |= rule->flags;
	return rule->read == NULL || rule->read(q, at + rule->len);
}

/* A statement may begin behind a semicolon. */
static bool
on_semicolon(struct quick *q, const uint8_t *at)
{
	const uint8_t *from = quick_skip_gap(at + 1, q->end);
	const struct quick_rule *rule = &quick_unsure;
	enum quick_place place;

	if (from == q->end)
		return true;
	if (from != NULL)
		rule = find_rule(q, from);
	else
		from = q->end;
	if (rule == NULL)
		return true;
	place = quick_place_of(q, at);
	return place == PLACE_INSIDE ||
	       (place == PLACE_CODE && follow_rule(q, rule, from));
}

static bool
on_hit(struct quick *q, const uint8_t *hit)
{
	if (hit < q->known || hit < q->seen)
		return true;
	q->seen = hit + 1;
	return *hit == ';' ? on_semicolon(q, hit) : quick_on_hit(q, hit);
}

/* ---- block by block ---- */

static inline struct scan
scan_text(const uint8_t *start, const uint8_t *end)
{
	ptrdiff_t len = end - start;
	struct scan s = { .at = start, .last = end - LEAST, .end = end };

	if (len < (ptrdiff_t)LEAST)
		s.last = len > (ptrdiff_t)QUICK_BLOCK ? start + QUICK_BLOCK
						      : start;
	return s;
}

/* The text's last hits. */
__attribute__((always_inline)) static inline uint32_t
last_hits(struct scan *s)
{
	uint32_t hits;

	s->base = s->end - QUICK_BLOCK;
	hits = quick_last_hits(s->base);
	if (s->at < s->base) {
		s->base = s->end - LEAST;
		hits = hits << QUICK_AHEAD | quick_hits(s->base);
	} else if (hits != 0) {
		hits &= ~0u << (s->at - s->base); /* those are known */
	}
	s->at = s->end;
	return hits;
}

/*
 * The next hits, perhaps one again; 0: there are none.  Bit i stands for
 * base[i].
 */
__attribute__((always_inline)) static inline uint32_t
next_hits(struct scan *s)
{
	for (; s->at <= s->last; s->at += QUICK_BLOCK) {
		uint32_t hits = quick_hits(s->at);

		if (hits != 0) {
			s->base = s->at;
			s->at += QUICK_BLOCK;
			return hits;
		}
	}
	return s->at < s->end ? last_hits(s) : 0;
}

static unsigned
finish(const struct quick *q)
{
	bool is_named = q->has_value && (q->flags & CLASSIFY_SET_OTHER);

	return is_named ? q->flags | CLASSIFY_NAMED : q->flags;
}

/* Goes on at s->at. */
static bool
follow(struct quick *q, struct scan *s)
{
	uint32_t hits;

	while ((hits = next_hits(s)) != 0)
		for (; hits != 0; hits &= hits - 1)
			if (!on_hit(q, s->base + __builtin_ctz(hits)))
				return false;
	return true;
}

static unsigned skip_gap(const uint8_t *start, const uint8_t *end,
			 const struct classify_options *options, char *name,
			 enum doubt doubt);

static unsigned
in_doubt(const uint8_t *start, const uint8_t *end,
	 const struct classify_options *options, char *name, enum doubt doubt)
{
	return doubt == DOUBT_SAY
		       ? SQL_UNSURE
		       : classify_slowly(start, (size_t)(end - start), options,
					 name);
}

static unsigned
still_in_doubt(const struct quick *q)
{
	return in_doubt(q->start, q->end, q->options, q->name, q->doubt);
}

static inline void
begin(struct quick *q, const uint8_t *start, const uint8_t *end,
      const struct classify_options *options, char *name, enum doubt doubt)
{
	q->doubt = doubt;
	q->start = start;
	q->end = end;
	q->readable = end - start < (ptrdiff_t)LEAST ? start + COPY_SIZE : end;
	q->options = options;
	q->name = name;
	q->flags = 0;
	q->has_value = false;
}

/* A text without any hit, that begins with a word that has a rule. */
__attribute__((noinline)) static unsigned
read_rule(const struct quick_rule *rule, const uint8_t *start,
	  const uint8_t *end, const struct classify_options *options,
	  char *name, enum doubt doubt)
{
	struct quick q;

	begin(&q, start, end, options, name, doubt);
	q.flags = rule->flags;
	if (!rule->read(&q, start + rule->len))
		return still_in_doubt(&q);
	return finish(&q);
}

/* A text with a hit; from at on there may be others. */
__attribute__((noinline)) static unsigned
look_closer(const struct quick_rule *rule, const uint8_t *start,
	    const uint8_t *hit, const uint8_t *at, const uint8_t *end,
	    const struct classify_options *options, char *name,
	    enum doubt doubt)
{
	struct quick q;

	begin(&q, start, end, options, name, doubt);
	q.known = q.clean = q.seen = q.call_end = start;
	if ((rule != NULL && !follow_rule(&q, rule, start)) || !on_hit(&q, hit))
		return still_in_doubt(&q);
	if (at < end) {
		struct scan s = scan_text(start, end);

		s.at = at;
		if (end - start < (ptrdiff_t)LEAST)
			s.last = start + QUICK_BLOCK;
		if (!follow(&q, &s))
			return still_in_doubt(&q);
	}
	return finish(&q);
}

/* Does nothing of interest begin behind a semicolon, as it seems? */
__attribute__((always_inline)) static inline bool
is_quiet(const uint8_t *start, const uint8_t *at, const uint8_t *end)
{
	const struct quick_letter *l;
	unsigned others = 0, letter;
	uint64_t key;

	at++;
	if (end - at >= (ptrdiff_t)QUICK_BLOCK)
		others = quick_above_space(at);
	if (others != 0)
		at += __builtin_ctz(others);
	else
		while (at < end && lexer_classes[*at] == CLASS_SPACE)
			at++;
	if (at == end)
		return true;
	letter = (unsigned)(*at | 0x20) - 'a';
	if (letter >= 26)
		return lexer_classes[*at] == CLASS_SIGN;
	l = &quick_letters[letter];
	if (end - at >= 8)
		key = quick_load_8(at);
	else if (at - start >= 8)
		key = quick_load_8(end - 8) >> 8 * (8 - (end - at));
	else
		return false;
	return (((key | QUICK_LOWER) ^ l->key) & l->mask) != 0;
}

/* Is a hit all of a word, not in the middle of one, or no text's end? */
__attribute__((always_inline)) static inline bool
is_likely(const uint8_t *start, const uint8_t *hit, const uint8_t *end)
{
	uint32_t four;
	uint8_t before;

	if (*hit == ';')
		return !is_quiet(start, hit, end);
	if (end - hit < (ptrdiff_t)sizeof(four))
		return false;
	four = quick_load_4(hit) | (uint32_t)QUICK_LOWER;
	if (four == quick_load_4("\x7f"
				 "con") ||
	    four == quick_load_4("\x7f"
				 "adv"))
		return true;
	if (four != quick_load_4("temp"))
		return false;
	before = hit > start ? hit[-1] : 0;
	return !lexer_is_letter(before) || before == '_';
}

__attribute__((always_inline)) static inline unsigned
look(struct scan s, const struct classify_options *options, char *name,
     enum doubt doubt)
{
	const uint8_t *start = s.at, *hit = NULL, *at = s.end;
	const struct quick_rule *rule = quick_rule_at(start);
	uint32_t hits;

	if (rule == &quick_unsure)
		return skip_gap(start, s.end, options, name, doubt);
	while ((hits = next_hits(&s)) != 0) {
		for (; hits != 0; hits &= hits - 1) {
			const uint8_t *p = s.base + __builtin_ctz(hits);

			if (p == hit || !is_likely(start, p, s.end))
				continue;
			if (hit != NULL) {
				at = hit + 1;
				goto found;
			}
			hit = p;
		}
	}
	if (hit == NULL && rule == NULL)
		return 0;
	if (hit == NULL && rule->read == NULL)
		return rule->flags;
	if (hit == NULL)
		return read_rule(rule, start, s.end, options, name, doubt);
found:
	return look_closer(rule, start, hit, at, s.end, options, name, doubt);
}

/* As memcpy, without its call. */
__attribute__((always_inline)) static inline void
copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len >= QUICK_BLOCK) {
		memcpy(to, from, QUICK_BLOCK);
		memcpy(to + len - 4, from + len - 4, 4);
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

/* A short text that has hits. */
__attribute__((noinline)) static unsigned
look_at_copy(const uint8_t *copy, size_t len,
	     const struct classify_options *options, char *name,
	     enum doubt doubt)
{
	return look(scan_text(copy, copy + len), options, name, doubt);
}

/* A text shorter than what must be read at a time. */
__attribute__((noinline)) static unsigned
look_at_short(const uint8_t *text, size_t len,
	      const struct classify_options *options, char *name,
	      enum doubt doubt)
{
	uint8_t copy[COPY_SIZE] = { 0 };
	const struct quick_rule *rule;
	uint32_t hits;

	if (len == 0)
		return CLASSIFY_EMPTY;
	copy_short(copy, text, len);
	rule = quick_rule_at(copy);
	hits = quick_hits(copy);
	if (len > QUICK_BLOCK)
		hits |= quick_hits(copy + QUICK_BLOCK) << QUICK_BLOCK;
	/* A semicolon at the end means nothing. */
	if (hits != 0 && copy[len - 1] == ';')
		hits &= ~(1u << (len - 1));
	if (hits != 0 || rule == &quick_unsure)
		return look_at_copy(copy, len, options, name, doubt);
	if (rule == NULL)
		return 0;
	if (rule->read == NULL)
		return rule->flags;
	return read_rule(rule, copy, copy + len, options, name, doubt);
}

__attribute__((always_inline)) static inline unsigned
look_at_text(const uint8_t *text, size_t len,
	     const struct classify_options *options, char *name,
	     enum doubt doubt)
{
	if (len < LEAST) {
		if (len > 0 && (*text == '-' || *text == '/'))
			return skip_gap(text, text + len, options, name, doubt);
		return look_at_short(text, len, options, name, doubt);
	}
	return look(scan_text(text, text + len), options, name, doubt);
}

/* A text that begins with a gap; apart, since few do. */
__attribute__((noinline)) static unsigned
skip_gap(const uint8_t *start, const uint8_t *end,
	 const struct classify_options *options, char *name, enum doubt doubt)
{
	const uint8_t *at = quick_skip_gap(start, end);

	if (at == end)
		return CLASSIFY_EMPTY;
	/* The lexer knows more of what else may begin a text. */
	if (at == NULL || (lexer_classes[*at] != CLASS_SIGN &&
			   (unsigned)(*at | 0x20) - 'a' >= 26))
		return in_doubt(start, end, options, name, doubt);
	return look_at_text(at, (size_t)(end - at), options, name, doubt);
}

unsigned
classify_named(const void *text, size_t len,
	       const struct classify_options *options, char *name)
{
	return look_at_text(text, len, options, name, DOUBT_ASK);
}

unsigned
sql_quick(const void *text, size_t len, const struct classify_options *options,
	  char *name)
{
	return look_at_text(text, len, options, name, DOUBT_SAY);
}
