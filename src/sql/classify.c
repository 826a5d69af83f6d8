/*
 * Statement classes.  Owns nothing; runs on any thread; must not know the wire
 * protocol.  Follows the words of each statement far enough to see what
 * outlives its transaction; PostgreSQL manual, "SQL Commands".
 */
#include "sql/classify.h"

#include <string.h>
#include <strings.h>

#include "keyword.h"
#include "quick_text.h"
#include "setting.h"

enum word {
	OTHER,
	WORD_ALL,
	WORD_AUTHORIZATION,
	WORD_CALL,
	WORD_CHARACTERISTICS,
	WORD_CLOSE,
	WORD_CONSTRAINTS,
	WORD_CREATE,
	WORD_DEALLOCATE,
	WORD_DECLARE,
	WORD_DEFAULT,
	WORD_DISCARD,
	WORD_DO,
	WORD_DROP,
	WORD_GLOBAL,
	WORD_INSERT,
	WORD_INTO,
	WORD_LISTEN,
	WORD_LOAD,
	WORD_LOCAL,
	WORD_MERGE,
	WORD_NAMES,
	WORD_PREPARE,
	WORD_REPLACE,
	WORD_RESET,
	WORD_ROLE,
	WORD_SESSION,
	WORD_SET,
	WORD_TEMP,
	WORD_TIME,
	WORD_TO,
	WORD_TRANSACTION,
	WORD_TRUE,
	WORD_UNLISTEN,
	WORD_ZONE,
	WORD_ADVISORY,
	WORD_UNLOCK,
	WORD_SET_CONFIG,
	WORD_WITHOUT,
	WORD_PG_TEMP,
};

/* What the next token of a statement is. */
enum step {
	STEP_FIRST, /* its first word */
	STEP_REST,  /* of no more interest */
	STEP_SET,
	STEP_SET_SESSION,
	STEP_SET_TIME,
	STEP_SET_DOT,  /* a dot or the operator behind the name */
	STEP_SET_NAME, /* the next part of a qualified name */
	STEP_SET_VALUE,
	STEP_RESET,
	STEP_PREPARE,
	STEP_DISCARD,
	STEP_DECLARE, /* up to FOR */
};

static const struct keyword words_a[] = {
	KEYWORD("all", WORD_ALL),
	KEYWORD("authorization", WORD_AUTHORIZATION),
	{ 0 },
};
static const struct keyword words_c[] = {
	KEYWORD("create", WORD_CREATE),
	KEYWORD("constraints", WORD_CONSTRAINTS),
	KEYWORD("characteristics", WORD_CHARACTERISTICS),
	KEYWORD("call", WORD_CALL),
	KEYWORD("close", WORD_CLOSE),
	{ 0 },
};
static const struct keyword words_d[] = {
	KEYWORD("declare", WORD_DECLARE),
	KEYWORD("default", WORD_DEFAULT),
	KEYWORD("discard", WORD_DISCARD),
	KEYWORD("do", WORD_DO),
	KEYWORD("drop", WORD_DROP),
	KEYWORD("deallocate", WORD_DEALLOCATE),
	{ 0 },
};
static const struct keyword words_g[] = {
	KEYWORD("global", WORD_GLOBAL),
	{ 0 },
};
static const struct keyword words_i[] = {
	KEYWORD("insert", WORD_INSERT),
	KEYWORD("into", WORD_INTO),
	{ 0 },
};
static const struct keyword words_l[] = {
	KEYWORD("listen", WORD_LISTEN),
	KEYWORD("load", WORD_LOAD),
	KEYWORD("local", WORD_LOCAL),
	{ 0 },
};
static const struct keyword words_m[] = {
	KEYWORD("merge", WORD_MERGE),
	{ 0 },
};
static const struct keyword words_n[] = {
	KEYWORD("names", WORD_NAMES),
	{ 0 },
};
static const struct keyword words_p[] = {
	KEYWORD("prepare", WORD_PREPARE),
	KEYWORD("pg_advisory_lock", WORD_ADVISORY),
	KEYWORD("pg_advisory_lock_shared", WORD_ADVISORY),
	KEYWORD("pg_try_advisory_lock", WORD_ADVISORY),
	KEYWORD("pg_try_advisory_lock_shared", WORD_ADVISORY),
	KEYWORD("pg_advisory_unlock", WORD_UNLOCK),
	KEYWORD("pg_advisory_unlock_shared", WORD_UNLOCK),
	KEYWORD("pg_advisory_unlock_all", WORD_UNLOCK),
	{ 0 },
};
static const struct keyword words_r[] = {
	KEYWORD("replace", WORD_REPLACE),
	KEYWORD("reset", WORD_RESET),
	KEYWORD("role", WORD_ROLE),
	{ 0 },
};
static const struct keyword words_s[] = {
	KEYWORD("set", WORD_SET),
	KEYWORD("session", WORD_SESSION),
	KEYWORD("set_config", WORD_SET_CONFIG),
	{ 0 },
};
static const struct keyword words_t[] = {
	KEYWORD("temp", WORD_TEMP),
	KEYWORD("temporary", WORD_TEMP),
	KEYWORD("time", WORD_TIME),
	KEYWORD("to", WORD_TO),
	KEYWORD("transaction", WORD_TRANSACTION),
	KEYWORD("true", WORD_TRUE),
	{ 0 },
};
static const struct keyword words_u[] = {
	KEYWORD("unlisten", WORD_UNLISTEN),
	{ 0 },
};
static const struct keyword words_z[] = {
	KEYWORD("zone", WORD_ZONE),
	{ 0 },
};

static const struct keyword words_w[] = {
	KEYWORD("without", WORD_WITHOUT),
	{ 0 },
};

/* By the first letter, so that most words of a query cost one look. */
static const struct keyword *const by_letter[KEYWORD_LETTERS] = {
	['a' - 'a'] = words_a, ['c' - 'a'] = words_c, ['d' - 'a'] = words_d,
	['g' - 'a'] = words_g, ['i' - 'a'] = words_i, ['l' - 'a'] = words_l,
	['m' - 'a'] = words_m, ['n' - 'a'] = words_n, ['p' - 'a'] = words_p,
	['r' - 'a'] = words_r, ['s' - 'a'] = words_s, ['t' - 'a'] = words_t,
	['u' - 'a'] = words_u, ['w' - 'a'] = words_w, ['z' - 'a'] = words_z,
};

static bool
begins_with_pg_temp(const char *text, size_t len)
{
	static const char name[] = "pg_temp";

	return len >= sizeof(name) - 1 &&
	       strncasecmp(text, name, sizeof(name) - 1) == 0;
}

static enum word
look_up(const char *text, size_t len)
{
	enum word word = (enum word)keyword_find(by_letter, text, len);

	if (word == OTHER && begins_with_pg_temp(text, len))
		return WORD_PG_TEMP;
	return word;
}

/* ---- SET ---- */

static void
add_to_name(struct classify *c, const char *text, size_t len)
{
	size_t room = LEXER_WORD_MAX - c->name_len;

	if (len > room)
		len = room;
	memcpy(c->name + c->name_len, text, len);
	c->name_len = (uint8_t)(c->name_len + len);
	c->name[c->name_len] = '\0';
}

/* The setting's name is complete. */
static void
set_named(struct classify *c, const char *name, size_t len)
{
	c->flags |= setting_flags(&c->options, name, len);
	if (setting_is_role(name, len))
		c->has_value = true; /* with no sign before it */
}

static enum step
begin_name(struct classify *c)
{
	c->name_len = 0;
	c->has_value = false;
	add_to_name(c, c->lexer.text, c->lexer.len);
	return STEP_SET_DOT;
}

static enum step
after_set(struct classify *c, enum word word)
{
	if (word == WORD_LOCAL || word == WORD_TRANSACTION ||
	    word == WORD_CONSTRAINTS)
		return STEP_REST;
	if (word == WORD_SESSION)
		return STEP_SET_SESSION;
	if (word == WORD_TIME)
		return STEP_SET_TIME;
	if (word != WORD_NAMES)
		return begin_name(c);
	set_named(c, "client_encoding", 15);
	return STEP_SET_VALUE;
}

static enum step
after_set_session(struct classify *c, enum word word)
{
	if (word == WORD_CHARACTERISTICS || word == WORD_AUTHORIZATION) {
		c->flags |= CLASSIFY_SET_OTHER;
		if (word == WORD_AUTHORIZATION)
			c->flags |= CLASSIFY_ROLE;
		return STEP_REST;
	}
	return after_set(c, word);
}

static enum step
after_set_time(struct classify *c, enum word word)
{
	if (word == WORD_ZONE)
		set_named(c, "TimeZone", 8);
	else
		c->flags |= CLASSIFY_SET_OTHER;
	return STEP_SET_VALUE;
}

static enum step
after_reset(struct classify *c, enum word word)
{
	if (word == WORD_ROLE || word == WORD_SESSION)
		c->flags |= CLASSIFY_SET_OTHER | CLASSIFY_ROLE;
	if (word == WORD_ALL)
		c->flags |= CLASSIFY_RESET_ALL;
	c->flags |= CLASSIFY_RESET;
	return STEP_REST;
}

/* ---- statements ---- */

static enum step
first_word(struct classify *c, enum word word)
{
	static const struct {
		unsigned flags;
		enum step step;
	} rules[] = {
		[WORD_SET] = { CLASSIFY_SET, STEP_SET },
		[WORD_RESET] = { CLASSIFY_RELEASE, STEP_RESET },
		[WORD_PREPARE] = { 0, STEP_PREPARE },
		[WORD_DISCARD] = { CLASSIFY_RELEASE, STEP_DISCARD },
		[WORD_CLOSE] = { CLASSIFY_RELEASE, STEP_REST },
		[WORD_DEALLOCATE] = { CLASSIFY_RELEASE, STEP_REST },
		[WORD_DROP] = { CLASSIFY_RELEASE, STEP_REST },
		[WORD_UNLISTEN] = { CLASSIFY_RELEASE, STEP_REST },
		[WORD_LISTEN] = { CLASSIFY_LISTEN, STEP_REST },
		[WORD_DECLARE] = { CLASSIFY_CURSOR, STEP_DECLARE },
		[WORD_LOAD] = { CLASSIFY_LOAD, STEP_REST },
		[WORD_DO] = { CLASSIFY_DO, STEP_REST },
		[WORD_CALL] = { CLASSIFY_DO, STEP_REST },
		[WORD_PG_TEMP] = { 0, STEP_FIRST },
	};
	enum step step = rules[word].step;

	c->flags |= rules[word].flags;
	return step != STEP_FIRST ? step : STEP_REST;
}

static bool
is_text(const struct classify *c, const char *text)
{
	return c->lexer.len == strlen(text) &&
	       strncasecmp(c->lexer.text, text, c->lexer.len) == 0;
}

/* DECLARE name ... CURSOR { WITH | WITHOUT } HOLD FOR query */
static enum step
in_declare(struct classify *c)
{
	if (is_text(c, "hold") && c->last != WORD_WITHOUT)
		c->flags |= CLASSIFY_DECLARE;
	return is_text(c, "for") ? STEP_REST : STEP_DECLARE;
}

static enum step
next_step(struct classify *c, enum word word)
{
	switch ((enum step)c->step) {
	case STEP_FIRST:
		return first_word(c, word);
	case STEP_SET:
		return after_set(c, word);
	case STEP_SET_SESSION:
		return after_set_session(c, word);
	case STEP_SET_TIME:
		return after_set_time(c, word);
	case STEP_SET_NAME:
		add_to_name(c, ".", 1);
		add_to_name(c, c->lexer.text, c->lexer.len);
		return STEP_SET_DOT;
	case STEP_SET_DOT:
		c->has_value = word == WORD_TO;
		set_named(c, c->name, c->name_len);
		return STEP_SET_VALUE;
	case STEP_SET_VALUE:
		if (word == WORD_DEFAULT || word == WORD_LOCAL)
			c->flags |= CLASSIFY_RESET;
		return STEP_REST;
	case STEP_RESET:
		return after_reset(c, word);
	case STEP_PREPARE:
		if (word != WORD_TRANSACTION)
			c->flags |= CLASSIFY_PREPARE;
		return STEP_REST;
	case STEP_DISCARD:
		if (word == WORD_ALL)
			c->flags |= CLASSIFY_DISCARD_ALL;
		return STEP_REST;
	case STEP_DECLARE:
		return in_declare(c);
	case STEP_REST:
		break;
	}
	return STEP_REST;
}

/* TEMP as a keyword, not as the name of a column or a table. */
static bool
is_temp_keyword(const struct classify *c)
{
	if (c->last == WORD_INTO)
		return c->before != WORD_INSERT && c->before != WORD_MERGE;
	return c->last == WORD_CREATE || c->last == WORD_REPLACE ||
	       c->last == WORD_LOCAL || c->last == WORD_GLOBAL;
}

/* Words that mean something anywhere in a statement. */
static void
check_word(struct classify *c, enum word word)
{
	if (word == WORD_PG_TEMP || (word == WORD_TEMP && is_temp_keyword(c)))
		c->flags |= CLASSIFY_TEMP;
	else if (word == WORD_ADVISORY)
		c->flags |= CLASSIFY_ADVISORY;
	else if (word == WORD_UNLOCK)
		c->flags |= CLASSIFY_RELEASE;
	else if (word == WORD_SET_CONFIG && c->call_depth > 0)
		c->flags |= CLASSIFY_SET_CONFIG;
	else if (word == WORD_SET_CONFIG)
		c->call_armed = true;
}

/* ---- set_config(name, value, is_local) ---- */

static void
begin_argument(struct classify *c)
{
	c->arg_tokens = 0;
	c->arg_true = false;
}

/* The call is over: only a third argument of plain TRUE leaves nothing. */
static void
end_call(struct classify *c)
{
	if (c->arg_commas != 2 || c->arg_tokens != 1 || !c->arg_true)
		c->flags |= CLASSIFY_SET_CONFIG;
}

static void
follow_call(struct classify *c, enum lexer_token token, enum word word)
{
	bool is_sign = token == LEXER_SIGN;
	uint8_t sign = c->lexer.sign;

	if (is_sign && sign == '(') {
		c->call_depth++;
	} else if (is_sign && sign == ')') {
		if (--c->call_depth == 0) {
			end_call(c);
			return;
		}
	} else if (is_sign && sign == ',' && c->call_depth == 1) {
		if (c->arg_commas < UINT8_MAX)
			c->arg_commas++;
		begin_argument(c);
		return;
	}
	c->arg_true = token == LEXER_WORD && word == WORD_TRUE;
	if (c->arg_tokens < UINT8_MAX)
		c->arg_tokens++;
}

static void
check_call(struct classify *c, enum lexer_token token, enum word word)
{
	if (c->call_depth > 0) {
		follow_call(c, token, word);
	} else if (c->call_armed && word != WORD_SET_CONFIG) {
		c->call_armed = false;
		if (token == LEXER_SIGN && c->lexer.sign == '(') {
			c->call_depth = 1;
			c->arg_commas = 0;
			begin_argument(c);
		}
	}
}

/* ---- names of prepared statements ---- */

/* Does a token name one of own_names?  U&"..." may spell any. */
static void
check_name(struct classify *c, enum lexer_token token)
{
	enum prepared_kind kind;
	const char *own = c->options.own_names;
	size_t len;

	if (c->is_escaped && token == LEXER_SIGN && c->lexer.sign == '&')
		c->has_own_name = true;
	c->is_escaped = false;
	kind = prepared_token(&c->names, &c->lexer, token);
	if (kind == PREPARED_NONE || kind == PREPARED_DEALLOCATE_ALL)
		return;
	len = strlen(own);
	c->is_escaped = c->lexer.len == 1 && (*c->lexer.text | 0x20) == 'u';
	c->has_own_name |= c->lexer.len >= len &&
			   strncasecmp(c->lexer.text, own, len) == 0;
}

/* ---- tokens ---- */

static void
end_statement(struct classify *c)
{
	if (c->step == STEP_SET_DOT)
		set_named(c, c->name, c->name_len);
	if (c->call_depth > 0)
		c->flags |= CLASSIFY_SET_CONFIG;
	c->step = STEP_FIRST;
	c->call_depth = 0;
	c->call_armed = false;
}

static void
on_sign(struct classify *c, uint8_t sign)
{
	if (sign == ';') {
		end_statement(c);
	} else if (c->step == STEP_SET_DOT) {
		if (sign == '.') {
			c->step = STEP_SET_NAME;
		} else {
			c->has_value = sign == '=';
			set_named(c, c->name, c->name_len);
			c->step = STEP_SET_VALUE;
		}
	} else if (c->step == STEP_SET_VALUE || c->step == STEP_FIRST) {
		c->step = STEP_REST;
	}
}

static void
on_token(struct classify *c, enum lexer_token token)
{
	enum word word = OTHER;

	c->is_empty = false;
	if (token == LEXER_WORD || token == LEXER_NAME) {
		word = look_up(c->lexer.text, c->lexer.len);
		if (c->step != STEP_REST)
			c->step = (uint8_t)next_step(
				c, token == LEXER_WORD ? word : OTHER);
		if (word != OTHER)
			check_word(c, word);
	} else if (token == LEXER_SIGN) {
		on_sign(c, c->lexer.sign);
	} else if (c->step == STEP_SET_VALUE) {
		c->step = STEP_REST;
	}
	if (c->call_armed || c->call_depth > 0)
		check_call(c, token, word);
	if (c->options.own_names != NULL)
		check_name(c, token);
	c->before = c->last;
	c->last = token == LEXER_WORD ? (uint8_t)word : OTHER;
}

void
classify_init(struct classify *c, const struct classify_options *options)
{
	lexer_init(&c->lexer, options->lexer);
	c->flags = 0;
	c->step = STEP_FIRST;
	c->last = c->before = OTHER;
	c->is_empty = true;
	c->has_value = false;
	c->call_armed = false;
	c->call_depth = 0;
	c->name_len = 0;
	c->name[0] = '\0';
	c->options = *options;
	begin_argument(c);
	c->arg_commas = 0;
	c->has_own_name = c->is_escaped = false;
	c->names = (struct prepared_walk){ 0 };
}

void
classify_feed(struct classify *c, const void *text, size_t len)
{
	const uint8_t *at = text, *end = at + len;
	enum lexer_token token;

	while ((token = lexer_next(&c->lexer, &at, end)) != LEXER_MORE)
		on_token(c, token);
}

unsigned
classify_end(struct classify *c)
{
	enum lexer_token token = lexer_end(&c->lexer);

	if (token != LEXER_MORE)
		on_token(c, token);
	end_statement(c);
	if (c->lexer.lost)
		c->flags |= CLASSIFY_LOST;
	if (c->has_value && (c->flags & CLASSIFY_SET_OTHER))
		c->flags |= CLASSIFY_NAMED;
	if (c->is_empty && c->flags == 0)
		c->flags = CLASSIFY_EMPTY;
	return c->flags;
}

/* Apart, so that who rarely needs it needs no room for its state. */
__attribute__((noinline)) unsigned
classify_slowly(const void *text, size_t len,
		const struct classify_options *options, char *name)
{
	struct classify c;
	unsigned flags;

	classify_init(&c, options);
	classify_feed(&c, text, len);
	flags = classify_end(&c);
	if (name != NULL && (flags & CLASSIFY_NAMED))
		memcpy(name, c.name, (size_t)c.name_len + 1);
	return flags;
}

unsigned
classify_text(const void *text, size_t len,
	      const struct classify_options *options)
{
	return classify_named(text, len, options, NULL);
}
