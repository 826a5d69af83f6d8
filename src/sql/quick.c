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

/* What a statement that begins with this byte may mean. */
enum start {
	START_ODD,   /* the lexer knows, or E'...' does */
	START_QUIET, /* nothing of itself */
	START_RULE,  /* there may be a rule for it */
};

#define QUIET(small, capital) [small] = START_QUIET, [capital] = START_QUIET
#define RULE(small, capital) [small] = START_RULE, [capital] = START_RULE

static const uint8_t starts[256] = {
	QUIET('a', 'A'), QUIET('b', 'B'), QUIET('f', 'F'), QUIET('g', 'G'),
	QUIET('h', 'H'), QUIET('i', 'I'), QUIET('j', 'J'), QUIET('k', 'K'),
	QUIET('m', 'M'), QUIET('n', 'N'), QUIET('o', 'O'), QUIET('q', 'Q'),
	QUIET('t', 'T'), QUIET('v', 'V'), QUIET('w', 'W'), QUIET('x', 'X'),
	QUIET('y', 'Y'), QUIET('z', 'Z'), RULE('c', 'C'),  RULE('d', 'D'),
	RULE('l', 'L'),  RULE('p', 'P'),  RULE('r', 'R'),  RULE('s', 'S'),
	RULE('u', 'U'),
};

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

/* ---- what may mean something ---- */

/* The rule for the statement, if any, that begins at at. */
static const struct quick_rule *
find_rule(const struct quick *q, const uint8_t *at)
{
	const struct quick_rule *rule;
	uint8_t class = lexer_classes[*at];

	if (class != CLASS_WORD)
		return class == CLASS_SIGN || class == CLASS_MINUS ||
				       class == CLASS_SLASH
			       ? NULL
			       : &quick_unsure;
	rule = quick_rule_of(quick_key_at(at, q->end));
	return rule != NULL && quick_ends_at(at + rule->len, q->end) ? rule
								     : NULL;
}

static bool
follow_rule(struct quick *q, const struct quick_rule *rule, const uint8_t *at)
{
	q->flags |= rule->flags;
	q->flags = rule->read(at + rule->len, q->end, q->flags, q->options,
			      q->name);
	return q->flags != SQL_UNSURE;
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

/* Does nothing of interest begin behind a semicolon? */
QUICK_INLINE bool
is_quiet(const uint8_t *at, const uint8_t *end)
{
	const struct quick_rule *rule;
	unsigned others = 0;

	at++;
	if (end - at >= (ptrdiff_t)QUICK_BLOCK)
		others = quick_above_space(at);
	if (others != 0)
		at += quick_first(others);
	else
		at = quick_skip_space(at, end);
	if (at == end)
		return true;
	if (starts[*at] == START_QUIET)
		return true;
	if (starts[*at] == START_ODD)
		return (*at | 0x20) == 'e' ? end - at < 2 || at[1] != '\''
					   : lexer_classes[*at] == CLASS_SIGN;
	rule = quick_rule_of(quick_key_at(at, end));
	return rule == NULL || rule->len == 0;
}

/* Is a hit that is no semicolon all of a word, not in the middle of one? */
QUICK_INLINE bool
is_word(const uint8_t *start, const uint8_t *hit)
{
	uint32_t four = quick_hit_at(hit);

	if (quick_hit_is_temp(four))
		return hit == start || !lexer_is_letter(hit[-1]) ||
		       hit[-1] == '_';
	return quick_hit_is(four, "_CON") || quick_hit_is(four, "_ADV");
}

/* Is a hit more than what looks like one? */
QUICK_INLINE bool
is_likely(const uint8_t *start, const uint8_t *hit, const uint8_t *end)
{
	return *hit == ';' ? !is_quiet(hit, end) : is_word(start, hit);
}

static bool
on_word(struct quick *q, const uint8_t *hit)
{
	enum quick_place place = quick_place_of(q, hit);
	unsigned flags;

	if (place == PLACE_INSIDE)
		return true;
	flags = quick_meaning(q->start, hit, q->end, q->options, q->clean);
	/* What TEMP means depends on what is before it. */
	if (place == PLACE_UNSURE)
		return flags == 0 && *hit == '_';
	q->flags |= flags;
	return flags != SQL_UNSURE;
}

static bool
on_hit(struct quick *q, const uint8_t *hit)
{
	if (hit < q->known || hit < q->seen)
		return true;
	q->seen = hit + 1;
	if (*hit == ';')
		return on_semicolon(q, hit);
	return !is_word(q->start, hit) || on_word(q, hit);
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

/*
 * What the last block that has all ahead of it has more hits.  Behind it there
 * is no room for a word of four letters, but for one behind a semicolon.
 */
QUICK_INLINE uint32_t
last_hits(struct scan *s)
{
	uint32_t hits = quick_hits(s->last);

	s->base = s->last;
	if (hits != 0)
		hits = quick_likely(s->last, hits);
	hits |= (uint32_t)(s->last[QUICK_BLOCK] == ';') << QUICK_BLOCK;
	if (hits != 0)
		hits &= ~0u << (s->at - s->last); /* those are known */
	s->at = s->end;
	return hits;
}

/* The next hits; 0: there are none.  Bit i stands for base[i]. */
QUICK_INLINE uint32_t
next_hits(struct scan *s)
{
	for (; s->at <= s->last; s->at += QUICK_BLOCK) {
		uint32_t hits = quick_hits(s->at);

		if (hits != 0)
			hits = quick_likely(s->at, hits);
		if (hits != 0) {
			s->base = s->at;
			s->at += QUICK_BLOCK;
			return hits;
		}
	}
	return s->at <= s->last + QUICK_BLOCK ? last_hits(s) : 0;
}

/* The flags of a text, of those of its statements. */
static inline unsigned
finish(unsigned flags)
{
	flags &= ~QUICK_MANY;
	return (flags & CLASSIFY_SET_OTHER) != 0
		       ? flags
		       : flags & ~(unsigned)CLASSIFY_NAMED;
}

/* Goes on at s->at. */
static bool
follow(struct quick *q, struct scan *s)
{
	uint32_t hits;

	while ((hits = next_hits(s)) != 0)
		for (; hits != 0; hits &= hits - 1)
			if (!on_hit(q, s->base + quick_first(hits)))
				return false;
	return true;
}

static unsigned skip_gap(const uint8_t *start, const uint8_t *end,
			 const struct classify_options *options, char *name);

/* A text without any hit, that begins with a word that has a rule. */
QUICK_INLINE unsigned
read_rule(const struct quick_rule *rule, const uint8_t *start,
	  const uint8_t *end, const struct classify_options *options,
	  char *name)
{
	return rule->read(start + rule->len, end, rule->flags, options, name);
}

/* A text with a hit; from at on there may be others. */
__attribute__((noinline)) static unsigned
look_closer(const struct quick_rule *rule, const uint8_t *start,
	    const uint8_t *hit, const uint8_t *at, const uint8_t *end,
	    const struct classify_options *options, char *name)
{
	struct quick q = { .start = start,
			   .end = end,
			   .known = start,
			   .clean = start,
			   .seen = start,
			   .options = options,
			   .name = name,
			   .flags = QUICK_MANY };
	struct scan s = scan_text(start, end);

	s.at = at;
	if (end - start < (ptrdiff_t)LEAST)
		s.last = start + QUICK_BLOCK;
	if ((rule != NULL && !follow_rule(&q, rule, start)) ||
	    !on_hit(&q, hit) || (at < end && !follow(&q, &s)))
		return SQL_UNSURE;
	return finish(q.flags);
}

/* Its only likely hit, or NULL. */
QUICK_INLINE unsigned
settle(const struct quick_rule *rule, const uint8_t *start, const uint8_t *hit,
       const uint8_t *end, const struct classify_options *options, char *name)
{
	if (hit == NULL)
		return rule == NULL
			       ? 0
			       : read_rule(rule, start, end, options, name);
	/* Most are in code, and the text begins plainly. */
	if (rule == NULL && *hit != ';' && hit - start < QUICK_BLOCK &&
	    (quick_openers(start) & ((1u << (hit - start)) - 1)) == 0)
		return quick_meaning(start, hit, end, options, start);
	return look_closer(rule, start, hit, end, end, options, name);
}

QUICK_INLINE unsigned
look(struct scan s, const struct classify_options *options, char *name)
{
	const uint8_t *start = s.at, *hit = NULL;
	const struct quick_rule *rule = quick_rule_at(start);
	uint32_t hits;

	if (rule == &quick_unsure)
		return skip_gap(start, s.end, options, name);
	while ((hits = next_hits(&s)) != 0) {
		for (; hits != 0; hits &= hits - 1) {
			const uint8_t *p = s.base + quick_first(hits);

			if (!is_likely(start, p, s.end))
				continue;
			if (hit != NULL)
				return look_closer(rule, start, hit, hit + 1,
						   s.end, options, name);
			hit = p;
		}
	}
	return settle(rule, start, hit, s.end, options, name);
}

/* A short text that has hits. */
__attribute__((noinline)) static unsigned
look_at_copy(const uint8_t *copy, size_t len,
	     const struct classify_options *options, char *name)
{
	return look(scan_text(copy, copy + len), options, name);
}

/* Any other text; apart, for the sake of the shorter ones. */
__attribute__((noinline)) static unsigned
look_at_long(const uint8_t *text, size_t len,
	     const struct classify_options *options, char *name)
{
	const uint8_t *end = text + len;
	struct scan s = { .at = text, .last = end - LEAST, .end = end };

	return look(s, options, name);
}

/* A text shorter than what must be read at a time, that is no comment. */
__attribute__((noinline)) static unsigned
look_in_room(const uint8_t *text, size_t len,
	     const struct classify_options *options, char *name)
{
	uint8_t room[QUICK_BLOCK + COPY_SIZE] = { 0 };
	uint8_t *copy = room + QUICK_BLOCK;
	const struct quick_rule *rule;
	uint32_t hits;

	quick_copy_short(copy, text, len);
	rule = quick_rule_at(copy);
	if (rule == &quick_unsure)
		return skip_gap(text, text + len, options, name);
	hits = quick_hits(copy);
	if (len > QUICK_BLOCK)
		hits |= quick_hits(copy + QUICK_BLOCK) << QUICK_BLOCK;
	/* A semicolon at the end means nothing. */
	if (hits != 0 && copy[len - 1] == ';')
		hits &= ~(1u << (len - 1));
	if (hits != 0)
		return look_at_copy(copy, len, options, name);
	if (rule == NULL)
		return 0;
	return read_rule(rule, copy, copy + len, options, name);
}

QUICK_INLINE unsigned
look_at_short(const uint8_t *text, size_t len,
	      const struct classify_options *options, char *name)
{
	if (len == 0)
		return CLASSIFY_EMPTY;
	if (*text == '-' || *text == '/')
		return skip_gap(text, text + len, options, name);
	return look_in_room(text, len, options, name);
}

/* A middling text that has hits: bit i stands for start[i]. */
__attribute__((noinline)) static unsigned
look_at_hits(uint64_t hits, const struct quick_rule *rule, const uint8_t *start,
	     const uint8_t *end, const struct classify_options *options,
	     char *name)
{
	const uint8_t *hit = NULL;

	for (; hits != 0; hits &= hits - 1) {
		const uint8_t *p = start + (unsigned)__builtin_ctzll(hits);

		if (!is_likely(start, p, end))
			continue;
		if (hit != NULL)
			return look_closer(rule, start, hit, hit + 1, end,
					   options, name);
		hit = p;
	}
	return settle(rule, start, hit, end, options, name);
}

/* A middling text that has hits in its first block. */
QUICK_INLINE unsigned
look_at_first(unsigned hits, const struct quick_rule *rule,
	      const uint8_t *start, const uint8_t *end,
	      const struct classify_options *options, char *name)
{
	const uint8_t *hit;

	hits = quick_likely(start, hits);
	if (hits == 0)
		return rule == NULL
			       ? 0
			       : read_rule(rule, start, end, options, name);
	hit = start + quick_first(hits);
	/* Most are the only one, in code, and the text has no rule. */
	if (rule != NULL || (hits & (hits - 1)) != 0 || *hit == ';' ||
	    (quick_openers(start) & (hits - 1)) != 0)
		return look_at_hits(hits, rule, start, end, options, name);
	return quick_meaning(start, hit, end, options, start);
}

/* A middling text; its first block's hits, and its last one's. */
__attribute__((noinline)) static unsigned
look_at_blocks(uint64_t first, QUICK_VECTOR last, const struct quick_rule *rule,
	       const uint8_t *text, size_t len,
	       const struct classify_options *options, char *name)
{
	const uint8_t *end = text + len;
	uint64_t hits = first | (uint64_t)quick_bits(last) << (len - LEAST);

	hits |= (uint64_t)(end[-3] == ';') << (len - 3);
	if (len > QUICK_BLOCK + LEAST)
		hits |= (uint64_t)quick_hits(text + QUICK_BLOCK) << QUICK_BLOCK;
	if (len > 2 * QUICK_BLOCK + LEAST)
		hits |= (uint64_t)quick_hits(text + 2 * QUICK_BLOCK)
			<< 2 * QUICK_BLOCK;
	return look_at_hits(hits, rule, text, end, options, name);
}

/* A text whose hits are told by one number. */
__attribute__((noinline)) static unsigned
look_at_middling(const uint8_t *text, size_t len,
		 const struct classify_options *options, char *name)
{
	const uint8_t *end = text + len;
	const struct quick_rule *rule = quick_rule_at(text);
	QUICK_VECTOR last, others;
	unsigned first;

	if (rule == &quick_unsure)
		return skip_gap(text, end, options, name);
	first = quick_hits(text);
	last = others = quick_hits_in(end - LEAST);
	if (len > QUICK_BLOCK + LEAST)
		others =
			quick_either(others, quick_hits_in(text + QUICK_BLOCK));
	if (len > 2 * QUICK_BLOCK + LEAST)
		others = quick_either(others,
				      quick_hits_in(text + 2 * QUICK_BLOCK));
	if (quick_bits(others) != 0 || end[-3] == ';')
		return look_at_blocks(first, last, rule, text, len, options,
				      name);
	if (first != 0)
		return look_at_first(first, rule, text, end, options, name);
	return rule == NULL ? 0 : read_rule(rule, text, end, options, name);
}

QUICK_INLINE unsigned
look_at_text(const uint8_t *text, size_t len,
	     const struct classify_options *options, char *name)
{
	if (len < LEAST)
		return look_at_short(text, len, options, name);
	return len < 3 * QUICK_BLOCK + LEAST
		       ? look_at_middling(text, len, options, name)
		       : look_at_long(text, len, options, name);
}

/* A text that begins with a gap; apart, since few do. */
__attribute__((noinline)) static unsigned
skip_gap(const uint8_t *start, const uint8_t *end,
	 const struct classify_options *options, char *name)
{
	const uint8_t *at = start;

	/* A comment by itself is what most are. */
	if (end - at > 4 && *at == '/' && at[1] == '*')
		at = quick_skip_block(at, end);
	if (at != NULL && end - at > 1 && *at == ' ')
		at++;
	if (at != NULL && at < end && lexer_classes[*at] != CLASS_WORD)
		at = quick_skip_gap(at, end);
	if (at == end)
		return CLASSIFY_EMPTY;
	/* The lexer knows more of what else may begin a text. */
	if (at == NULL || (lexer_classes[*at] != CLASS_SIGN &&
			   (unsigned)(*at | 0x20) - 'a' >= 26))
		return SQL_UNSURE;
	if (end - at < (ptrdiff_t)LEAST)
		return look_in_room(at, (size_t)(end - at), options, name);
	return look_at_text(at, (size_t)(end - at), options, name);
}

unsigned
sql_quick(const void *text, size_t len, const struct classify_options *options,
	  char *name)
{
	return look_at_text(text, len, options, name);
}

unsigned
classify_named(const void *text, size_t len,
	       const struct classify_options *options, char *name)
{
	unsigned flags = look_at_text(text, len, options, name);

	return flags != SQL_UNSURE ? flags
				   : classify_slowly(text, len, options, name);
}
