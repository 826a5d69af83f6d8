/*
 * The statement SET, which sets many kinds of things at a time.  Owns nothing;
 * any thread.  MySQL manual, "SET Syntax for Variable Assignment"; MariaDB
 * manual, "SET".
 */
#include "my_set.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "my_functions.h"

static bool
is_sign(const struct my_classify *c, enum my_lexer_token token, uint8_t sign)
{
	return token == MY_LEXER_SIGN && c->lexer.sign == sign;
}

/* Something is set that is not a constant of the session. */
static enum my_step
not_plain(struct my_classify *c, enum my_step step)
{
	c->is_plain = false;
	return step;
}

/* ---- names ---- */

static enum my_scope
scope_of(enum my_word word)
{
	if (word == MY_GLOBAL)
		return SCOPE_GLOBAL;
	if (word == MY_SESSION || word == MY_LOCAL_WORD)
		return SCOPE_SESSION;
	return SCOPE_NONE;
}

/* The name of a system variable is complete. */
static void
set_named(struct my_classify *c)
{
	enum my_word name = (enum my_word)c->word;
	unsigned scope = c->own_scope;

	if (scope == SCOPE_ONCE && name == MY_ISOLATION) {
		c->flags |= MY_SQL_ONCE;
		c->is_plain = false;
		return;
	}
	if ((name == MY_TRACKER || name == MY_TRACKER_LIST) &&
	    scope != SCOPE_GLOBAL) {
		c->flags |= MY_SQL_TRACKERS;
		if (name == MY_TRACKER_LIST || scope == SCOPE_ONCE)
			c->flags |= MY_SQL_TRACKER_LIST;
		return;
	}
	if (scope == SCOPE_ONCE) {
		c->flags |= MY_SQL_UNTOLD;
		c->is_plain = false;
	}
	c->flags |= scope == SCOPE_GLOBAL ? MY_SQL_GLOBAL : MY_SQL_SESSION;
	/* Not all servers take an earlier GLOBAL for this name as well. */
	if (c->flags & MY_SQL_GLOBAL)
		c->is_plain = false;
	if (name == MY_SQL_MODE || name == MY_CHARSET_CLIENT)
		c->flags |= MY_SQL_SYNTAX;
	if (name == MY_TRACE && scope != SCOPE_GLOBAL)
		c->flags |= MY_SQL_TRACES;
	c->collation_len = 0;
}

/* A variable's name, which is the same in quotes. */
static enum my_word
name_of(const struct my_classify *c, enum my_lexer_token token,
	enum my_word word)
{
	return token == MY_LEXER_NAME
		       ? my_word_find(c->lexer.text, c->lexer.len)
		       : word;
}

static enum my_step
begin_name(struct my_classify *c, enum my_word word, unsigned scope)
{
	c->word = (uint8_t)word;
	c->own_scope = (uint8_t)scope;
	c->is_user = false;
	return STEP_SET_DOT;
}

static enum my_step
begin_transaction(struct my_classify *c, unsigned scope)
{
	if (scope == SCOPE_NONE)
		c->flags |= MY_SQL_ONCE;
	else
		c->flags |=
			scope == SCOPE_GLOBAL ? MY_SQL_GLOBAL : MY_SQL_SESSION;
	return scope == SCOPE_SESSION ? STEP_SET_MODES
				      : not_plain(c, STEP_SET_MODES);
}

static void
set_charset(struct my_classify *c)
{
	c->flags |= MY_SQL_SESSION | MY_SQL_SYNTAX;
	c->is_user = false;
	c->collation_len = 0;
}

/* Of the value that is next. */
static void
begin_calls(struct my_classify *c)
{
	c->is_unknown = c->is_dotted = c->is_sys = c->has_select = false;
}

/* What is no variable goes on up to a comma as a value does. */
static enum my_step
skip_item(struct my_classify *c)
{
	c->is_user = false;
	c->value_tokens = 1;
	c->has_constant = false;
	begin_calls(c);
	return STEP_SET_VALUE;
}

static enum my_step
begin_item(struct my_classify *c, enum my_word word)
{
	enum my_scope scope = scope_of(word);

	if (scope != SCOPE_NONE) {
		c->scope = (uint8_t)scope;
		return STEP_SET_SCOPED;
	}
	switch ((int)word) {
	case MY_NAMES:
		set_charset(c);
		return STEP_SET_NAMES;
	case MY_CHARSET:
	case MY_CHARACTER:
		set_charset(c);
		c->flags |= MY_SQL_COLLATION;
		return STEP_SET_CHARACTER;
	case MY_TRANSACTION:
		return begin_transaction(c, SCOPE_NONE);
	case MY_ROLE:
		c->flags |= MY_SQL_ROLE;
		return skip_item(c);
	case MY_STATEMENT:
		c->flags |= MY_SQL_FOR;
		return not_plain(c, STEP_SET_STATEMENT);
	case MY_RESOURCE: /* GROUP, which no tracker tells */
		c->flags |= MY_SQL_ANY;
		return skip_item(c);
	case MY_DEFAULT: /* ROLE */
	case MY_PASSWORD:
		return skip_item(c);
	default:
		return begin_name(c, word, SCOPE_NONE);
	}
}

static enum my_step
on_item(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	switch (token) {
	case MY_LEXER_WORD:
		return begin_item(c, word);
	case MY_LEXER_NAME:
		return begin_name(c, name_of(c, token, word), SCOPE_NONE);
	case MY_LEXER_SYSTEM:
		c->is_system = false;
		c->own_scope = SCOPE_ONCE;
		return STEP_SET_NAME;
	case MY_LEXER_VARIABLE:
		c->is_user = true;
		return STEP_SET_DOT;
	case MY_LEXER_MORE:
	case MY_LEXER_STRING:
	case MY_LEXER_NUMBER:
	case MY_LEXER_ASSIGN:
	case MY_LEXER_COMMENT:
	case MY_LEXER_SIGN:
		break;
	}
	return not_plain(c, STEP_REST);
}

static enum my_step
on_scoped(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	if (word == MY_TRANSACTION)
		return begin_transaction(c, c->scope);
	return begin_name(c, name_of(c, token, word), c->scope);
}

/* ---- values ---- */

static void
begin_value(struct my_classify *c)
{
	c->value_tokens = 0;
	c->has_constant = false;
	begin_calls(c);
	c->depth = 0;
	if (!c->is_user)
		set_named(c);
}

static void
end_value(struct my_classify *c)
{
	if (!c->has_constant)
		c->is_plain = false;
	if (!c->is_user)
		return;
	c->flags |= c->has_constant ? MY_SQL_LITERAL : MY_SQL_VARIABLE;
}

static enum my_step
on_dot(struct my_classify *c, enum my_lexer_token token)
{
	if (is_sign(c, token, '.') && !c->is_user) {
		enum my_scope scope = scope_of((enum my_word)c->word);

		if (scope != SCOPE_NONE && c->own_scope == SCOPE_ONCE)
			c->own_scope = (uint8_t)scope;
		return STEP_SET_NAME;
	}
	if (token == MY_LEXER_ASSIGN || is_sign(c, token, '=')) {
		begin_value(c);
		return STEP_SET_VALUE;
	}
	return not_plain(c, STEP_REST);
}

/* MySQL's helpers for lists, which are stored code, but leave nothing. */
static bool
is_of_sys(const struct my_classify *c)
{
	static const char *const names[] = { "list_add", "list_drop" };

	for (size_t i = 0; c->is_sys && i < COUNT_OF(names); i++)
		if (c->lexer.len == strlen(names[i]) &&
		    strncasecmp(c->lexer.text, names[i], c->lexer.len) == 0)
			return true;
	return false;
}

static bool
is_name_known(const struct my_classify *c, enum my_lexer_token token)
{
	bool is_behind_dot = c->last_token == MY_LEXER_SIGN && c->is_dotted;

	if (is_behind_dot)
		return is_of_sys(c);
	return token == MY_LEXER_WORD &&
	       my_function_is_own(c->lexer.text, c->lexer.len);
}

/*
 * Does the token of a value call what is no function of the server's own, or
 * name a table, which may be a view that does?  Such a function may do
 * anything, of which a SET tells nothing.
 */
static bool
is_call(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	bool is_name = token == MY_LEXER_WORD || token == MY_LEXER_NAME;
	bool is_unknown = c->is_unknown;

	c->is_unknown = is_name && !is_name_known(c, token);
	if (is_name)
		c->is_sys = c->lexer.len == 3 &&
			    strncasecmp(c->lexer.text, "sys", 3) == 0;
	c->is_dotted = is_sign(c, token, '.');
	c->has_select |= word == MY_SELECT;
	return (is_unknown && is_sign(c, token, '(')) ||
	       (c->has_select && word == MY_FROM) || word == MY_TABLE;
}

/* Is a token all of a constant? */
static bool
is_constant(const struct my_classify *c, enum my_lexer_token token,
	    enum my_word word)
{
	if (token == MY_LEXER_STRING || token == MY_LEXER_NUMBER)
		return true;
	if (token != MY_LEXER_WORD || word == MY_DEFAULT)
		return false;
	/* A word is itself but where a user variable is set. */
	return !c->is_user || word == MY_CONSTANT;
}

static enum my_step
on_value(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	if (is_call(c, token, word))
		c->flags |= MY_SQL_ANY;
	if (is_sign(c, token, ',') && c->depth == 0) {
		end_value(c);
		return STEP_SET;
	}
	if (c->value_tokens == 0 &&
	    (is_sign(c, token, '-') || is_sign(c, token, '+')))
		return STEP_SET_VALUE;
	c->has_constant = c->value_tokens == 0 && is_constant(c, token, word);
	if (c->value_tokens < UINT8_MAX)
		c->value_tokens++;
	return STEP_SET_VALUE;
}

/* NAMES charset [COLLATE collation] */
static enum my_step
on_names(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	if (is_sign(c, token, ','))
		return STEP_SET;
	if (c->last == MY_COLLATE && is_constant(c, token, word)) {
		memcpy(c->collation, c->lexer.text, c->lexer.len);
		c->collation_len = c->lexer.len;
		return STEP_SET_NAMES;
	}
	if (word == MY_COLLATE)
		c->flags |= MY_SQL_COLLATION;
	else if (!is_constant(c, token, word))
		c->is_plain = false;
	return STEP_SET_NAMES;
}

/* CHARACTER SET charset, CHARSET charset */
static enum my_step
on_character(struct my_classify *c, enum my_lexer_token token,
	     enum my_word word)
{
	if (is_sign(c, token, ','))
		return STEP_SET;
	if (word != MY_SET && !is_constant(c, token, word))
		c->is_plain = false;
	return STEP_SET_CHARACTER;
}

/* ISOLATION LEVEL name, READ ONLY, ... */
static enum my_step
on_modes(struct my_classify *c, enum my_lexer_token token)
{
	if (token != MY_LEXER_WORD && !is_sign(c, token, ','))
		c->is_plain = false;
	return STEP_SET_MODES;
}

enum my_step
my_set_step(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	switch ((int)c->step) {
	case STEP_SET:
		return on_item(c, token, word);
	case STEP_SET_SCOPED:
		return on_scoped(c, token, word);
	case STEP_SET_NAME:
		return begin_name(c, name_of(c, token, word), c->own_scope);
	case STEP_SET_DOT:
		return on_dot(c, token);
	case STEP_SET_VALUE:
		return on_value(c, token, word);
	case STEP_SET_NAMES:
		return on_names(c, token, word);
	case STEP_SET_CHARACTER:
		return on_character(c, token, word);
	case STEP_SET_MODES:
		return on_modes(c, token);
	case STEP_SET_STATEMENT:
		if (word == MY_TRACE)
			c->flags |= MY_SQL_TRACES;
		return word == MY_FOR && c->depth == 0 ? STEP_FIRST
						       : STEP_SET_STATEMENT;
	default:
		return STEP_REST;
	}
}

void
my_set_end(struct my_classify *c)
{
	switch ((int)c->step) {
	case STEP_SET_VALUE:
		end_value(c);
		break;
	case STEP_SET:
	case STEP_SET_SCOPED:
	case STEP_SET_NAME:
	case STEP_SET_DOT:
	case STEP_SET_STATEMENT:
		c->is_plain = false;
		break;
	default:
		break;
	}
}
