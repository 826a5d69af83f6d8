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

/* A text's blocks, one after the other. */
struct scan {
	const uint8_t *at;       /* borrows: the next block */
	const uint8_t *end;      /* borrows */
	const uint8_t *readable; /* borrows */
	const uint8_t *base;     /* borrows: where the last block's hits are */
};

/* ---- space and comments ---- */

const uint8_t *
quick_skip_block(const struct quick *q, const uint8_t *at)
{
	const uint8_t *p = at + 2, *end = q->end;

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
quick_skip_line(const struct quick *q, const uint8_t *at)
{
	for (; q->end - at >= (ptrdiff_t)QUICK_BLOCK; at += QUICK_BLOCK) {
		unsigned ends = quick_line_ends(at);

		if (ends != 0)
			return at + __builtin_ctz(ends);
	}
	while (at < q->end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

const uint8_t *
quick_skip_gap(const struct quick *q, const uint8_t *at)
{
	while (at != NULL && at < q->end) {
		if (lexer_classes[*at] == CLASS_SPACE)
			at++;
		else if (*at == '-' && q->end - at > 1 && at[1] == '-')
			at = quick_skip_line(q, at + 2);
		else if (*at == '/' && q->end - at > 1 && at[1] == '*')
			at = quick_skip_block(q, at);
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
			       ? quick_skip_line(q, at + 2)
			       : at + 1;
	case '/':
		return q->end - at > 1 && at[1] == '*' ? quick_skip_block(q, at)
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
	const uint8_t *from = quick_skip_gap(q, at + 1);
	const struct quick_rule *rule = &quick_unsure;
	enum quick_place place;

	if (from == q->end)
		return true;
	if (from != NULL)
		rule = find_rule(q, from);
	if (rule == NULL)
		return true;
	place = quick_reach(q, at);
	return place == PLACE_INSIDE ||
	       (place == PLACE_CODE && follow_rule(q, rule, from));
}

/* Goes through the hits of the last block. */
static bool
on_hits(struct quick *q, const uint8_t *base, uint32_t hits)
{
	for (; hits != 0; hits &= hits - 1) {
		const uint8_t *hit = base + __builtin_ctz(hits);

		if (hit < q->known || hit < q->seen)
			continue;
		q->seen = hit + 1;
		if (*hit == ';' ? !on_semicolon(q, hit) : !quick_on_hit(q, hit))
			return false;
	}
	return true;
}

/* ---- block by block ---- */

/* The text's last hits. */
__attribute__((always_inline)) static inline uint32_t
last_hits(struct scan *s)
{
	uint32_t hits;

	s->base = s->end - QUICK_BLOCK;
	hits = quick_last_hits(s->base);
	if (hits != 0)
		hits &= quick_last_sure(s->base);
	if (s->at < s->base) {
		s->base = s->end - LEAST;
		hits = hits << QUICK_AHEAD | quick_hits(s->base);
	}
	s->at = s->end;
	return hits;
}

/*
 * The next hits, perhaps some again; 0: there are none.  Bit i stands for
 * base[i].
 */
__attribute__((always_inline)) static inline uint32_t
next_hits(struct scan *s)
{
	uint32_t hits = 0;

	while (hits == 0 &&
	       s->end - s->at >= (ptrdiff_t)(LEAST + QUICK_BLOCK)) {
		s->base = s->at;
		hits = quick_hits(s->at) | quick_hits(s->at + QUICK_BLOCK)
						   << QUICK_BLOCK;
		if (hits != 0)
			hits &= quick_sure(s->at) |
				quick_sure(s->at + QUICK_BLOCK) << QUICK_BLOCK;
		s->at += 2 * QUICK_BLOCK;
	}
	while (hits == 0 && s->at < s->end) {
		if (s->readable - s->at < (ptrdiff_t)LEAST)
			return last_hits(s);
		s->base = s->at;
		hits = quick_hits(s->at);
		if (hits != 0)
			hits &= quick_sure(s->at);
		s->at += QUICK_BLOCK;
	}
	return hits;
}

static unsigned
finish(const struct quick *q)
{
	bool is_named = q->has_value && (q->flags & CLASSIFY_SET_OTHER);

	return is_named ? q->flags | CLASSIFY_NAMED : q->flags;
}

/* Goes on with hits of the text, which begins in code at s.start. */
static unsigned
follow(struct quick *q, struct scan *s, uint32_t hits)
{
	for (; hits != 0; hits = next_hits(s))
		if (!on_hits(q, s->base, hits))
			return SQL_UNSURE;
	return finish(q);
}

/* A text that begins with something other than a letter. */
static unsigned
skip_and_follow(struct quick *q, struct scan *s)
{
	const struct quick_rule *rule;

	s->at = quick_skip_gap(q, s->at);
	if (s->at == NULL)
		return SQL_UNSURE;
	if (s->at == s->end)
		return CLASSIFY_EMPTY;
	q->known = q->clean = s->at;
	rule = find_rule(q, s->at);
	if (rule != NULL && !follow_rule(q, rule, s->at))
		return SQL_UNSURE;
	return follow(q, s, next_hits(s));
}

/* A text without any hit, that begins with a word that has a rule. */
__attribute__((noinline)) static unsigned
read_rule(const struct quick_rule *rule, const uint8_t *start,
	  const uint8_t *end, const uint8_t *readable,
	  const struct classify_options *options, char *name)
{
	struct quick q;

	q.end = end;
	q.readable = readable;
	q.options = options;
	q.name = name;
	q.flags = rule->flags;
	q.has_value = false;
	if (!rule->read(&q, start + rule->len))
		return SQL_UNSURE;
	return finish(&q);
}

/* Apart, for what it keeps on the stack would cost the plain ones. */
__attribute__((noinline)) static unsigned
look_closer(const struct quick_rule *rule, const uint8_t *start, uint32_t hits,
	    struct scan s, const struct classify_options *options, char *name)
{
	struct quick q;

	q.start = q.known = q.clean = q.seen = q.call_end = start;
	q.end = s.end;
	q.readable = s.readable;
	q.options = options;
	q.name = name;
	q.flags = 0;
	q.has_value = false;
	if (rule == &quick_unsure)
		return skip_and_follow(&q, &s);
	if (rule != NULL && !follow_rule(&q, rule, start))
		return SQL_UNSURE;
	return follow(&q, &s, hits);
}

__attribute__((always_inline)) static inline unsigned
look(struct scan s, const struct classify_options *options, char *name)
{
	const uint8_t *start = s.at;
	const struct quick_rule *rule = quick_rule_at(start);
	uint32_t hits = 0;

	if (rule != &quick_unsure) {
		hits = next_hits(&s);
		if (hits == 0 && rule == NULL)
			return 0;
		if (hits == 0 && rule->read == NULL)
			return rule->flags;
		if (hits == 0)
			return read_rule(rule, start, s.end, s.readable,
					 options, name);
	}
	return look_closer(rule, start, hits, s, options, name);
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

/* A text shorter than what must be read at a time. */
__attribute__((noinline)) static unsigned
look_at_short(const uint8_t *text, size_t len,
	      const struct classify_options *options, char *name)
{
	uint8_t copy[2 * QUICK_BLOCK + QUICK_AHEAD] = { 0 };
	struct scan s = { .at = copy, .end = copy + len };

	s.readable = copy + sizeof(copy);
	copy_short(copy, text, len);
	return look(s, options, name);
}

unsigned
sql_quick(const void *text, size_t len, const struct classify_options *options,
	  char *name)
{
	const uint8_t *start = text;
	struct scan s = { .at = start,
			  .end = start + len,
			  .readable = start + len };

	if (len < LEAST)
		return look_at_short(start, len, options, name);
	return look(s, options, name);
}
