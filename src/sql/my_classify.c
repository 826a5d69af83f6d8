/*
 * Statement classes of MySQL's dialect.  Owns nothing; runs on any thread; must
 * not know the wire protocol.  Follows the words of each statement far enough
 * to see what it leaves behind; MySQL and MariaDB manuals, "SQL Statements".
 */
#include "sql/my_classify.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "my_quick.h"
#include "my_set.h"
#include "my_words.h"

/* What the statement's first word means. */
static const struct {
	uint64_t flags;
	enum my_step step;
} firsts[] = {
	[MY_OTHER] = { MY_SQL_ANY, STEP_REST }, /* also labels */
	[MY_ALTER] = { 0, STEP_CREATE },
	[MY_ANALYZE] = { 0, STEP_ANALYZE },
	[MY_BACKUP] = { 0, STEP_BACKUP },
	[MY_BEGIN] = { MY_SQL_BEGIN, STEP_BEGIN },
	[MY_CALL] = { MY_SQL_ANY, STEP_REST },
	[MY_COMMIT] = { MY_SQL_END, STEP_REST },
	[MY_CREATE] = { 0, STEP_CREATE },
	[MY_DEALLOCATE] = { MY_SQL_DEALLOCATE, STEP_REST },
	[MY_DROP] = { 0, STEP_DROP },
	[MY_EXECUTE] = { MY_SQL_ANY, STEP_REST },
	[MY_FLUSH] = { 0, STEP_FLUSH },
	[MY_GET] = { MY_SQL_ASKS_WARNINGS, STEP_ASSIGNS },
	[MY_HANDLER] = { 0, STEP_HANDLER },
	[MY_HARMLESS] = { 0, STEP_REST },
	[MY_INSERT] = { MY_SQL_WRITE, STEP_REST },
	[MY_KILL_WORD] = { MY_SQL_KILL, STEP_KILL },
	[MY_LOAD] = { MY_SQL_WRITE, STEP_LOAD },
	[MY_LOCK] = { 0, STEP_LOCK },
	[MY_PREPARE] = { MY_SQL_PREPARE, STEP_REST },
	[MY_RELEASE] = { 0, STEP_REST },
	[MY_ROLLBACK] = { 0, STEP_ROLLBACK },
	[MY_SAVEPOINT] = { MY_SQL_SAVEPOINT, STEP_REST },
	[MY_SELECT] = { MY_SQL_READ, STEP_REST },
	[MY_SET] = { MY_SQL_SET, STEP_SET },
	[MY_SHOW] = { MY_SQL_READ, STEP_SHOW },
	[MY_START] = { 0, STEP_START },
	[MY_TABLE] = { MY_SQL_READ, STEP_REST },
	[MY_UNLOCK] = { 0, STEP_UNLOCK },
	[MY_USE] = { MY_SQL_SET | MY_SQL_USE, STEP_REST },
	/* It may be of either kind. */
	[MY_WITH] = { MY_SQL_READ | MY_SQL_WRITE, STEP_REST },
	[MY_XA] = { 0, STEP_XA },
};

/* How far a text is SELECT of one call and no more. */
enum bare {
	BARE_NOT,
	BARE_SELECT,
	BARE_NAME,
	BARE_CALL, /* in the parentheses */
	BARE_DONE,
	BARE_ALIAS,
};

static bool
is_sign(const struct my_classify *c, enum my_lexer_token token, uint8_t sign)
{
	return token == MY_LEXER_SIGN && c->lexer.sign == sign;
}

/* ---- statements ---- */

static void
begin_statement(struct my_classify *c, enum my_word word)
{
	bool is_first = !c->has_begun;

	if (!is_first)
		c->flags |= MY_SQL_SEVERAL;
	if (!is_first && (c->flags & MY_SQL_SYNTAX))
		c->flags |= MY_SQL_LOST;
	c->is_begun = c->has_begun = true;
	c->is_plain = is_first && (word == MY_SET || word == MY_USE);
	c->bare = is_first && word == MY_SELECT ? BARE_SELECT : BARE_NOT;
}

static enum my_step
first_word(struct my_classify *c, enum my_word word)
{
	if (word >= COUNT_OF(firsts) ||
	    (firsts[word].flags == 0 && firsts[word].step == STEP_FIRST)) {
		c->flags |= MY_SQL_ANY;
		return STEP_REST;
	}
	c->flags |= firsts[word].flags;
	/* Of what is reported then some holds for this statement alone. */
	if (c->last == MY_FOR && (word == MY_SET || word == MY_USE))
		c->flags |= MY_SQL_ANY;
	c->scope = SCOPE_NONE;
	c->value_tokens = 0;
	return firsts[word].step;
}

static enum my_step
in_create(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	if (token != MY_LEXER_WORD)
		return STEP_CREATE;
	switch ((int)word) {
	case MY_TEMPORARY:
		c->flags |= MY_SQL_TEMP;
		return STEP_REST;
	case MY_ROUTINE:
		c->flags |= MY_SQL_ROUTINE;
		c->before = c->flags;
		return STEP_REST;
	case MY_TABLE:
	case MY_ROLE:
		return STEP_REST;
	default:
		return STEP_CREATE;
	}
}

static enum my_step
in_drop(struct my_classify *c, enum my_word word)
{
	if (word == MY_PREPARE)
		c->flags |= MY_SQL_DEALLOCATE;
	else if (word == MY_TEMPORARY || word == MY_TABLE)
		c->flags |= MY_SQL_DROP;
	return word == MY_TEMPORARY ? STEP_DROP_KIND : STEP_REST;
}

/* DROP TEMPORARY TABLE [IF EXISTS] name */
static enum my_step
in_drop_name(struct my_classify *c, enum my_lexer_token token)
{
	bool is_if = token == MY_LEXER_WORD && c->lexer.len == 2 &&
		     strncasecmp(c->lexer.text, "if", 2) == 0;

	if (!is_if)
		c->flags |= MY_SQL_DROP_TEMP;
	return STEP_REST;
}

static enum my_step
in_lock(struct my_classify *c, enum my_word word)
{
	if (word == MY_TABLE)
		c->flags |= MY_SQL_LOCK_TABLES;
	else
		c->flags |= MY_SQL_GLOBAL_LOCK;
	return STEP_REST;
}

static enum my_step
in_unlock(struct my_classify *c, enum my_word word)
{
	if (word == MY_TABLE)
		c->flags |= MY_SQL_UNLOCK_TABLES;
	c->flags |= MY_SQL_GLOBAL_UNLOCK;
	return STEP_REST;
}

/* BACKUP STAGE name, BACKUP LOCK table, BACKUP UNLOCK */
static enum my_step
in_backup(struct my_classify *c, enum my_word word)
{
	bool is_end = word == MY_UNLOCK ||
		      (c->last == MY_STAGE && c->lexer.len == 3 &&
		       strncasecmp(c->lexer.text, "end", 3) == 0);

	if (word == MY_STAGE)
		return STEP_BACKUP;
	c->flags |= is_end ? MY_SQL_GLOBAL_UNLOCK : MY_SQL_GLOBAL_LOCK;
	return STEP_REST;
}

/* HANDLER table { OPEN | READ ... | CLOSE } */
static enum my_step
in_handler(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	bool is_name = c->value_tokens == 0 || c->last_token == MY_LEXER_SIGN;

	c->value_tokens = 1;
	if (token != MY_LEXER_WORD || is_name)
		return STEP_HANDLER;
	if (word == MY_OPEN)
		c->flags |= MY_SQL_HANDLER;
	else if (word == MY_CLOSE)
		c->flags |= MY_SQL_HANDLER_CLOSE;
	return STEP_REST;
}

static enum my_step
in_xa(struct my_classify *c, enum my_word word)
{
	if (word == MY_COMMIT || word == MY_ROLLBACK)
		c->flags |= MY_SQL_XA_END;
	else
		c->flags |= MY_SQL_XA;
	return STEP_REST;
}

/* KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] { id | expression } */
static enum my_step
in_kill(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	struct my_kill *k = &c->kill;
	uint64_t id = 0;

	if (c->last == MY_KILL_WORD)
		*k = (struct my_kill){ .kind = MY_KILL_CONNECTION };
	if (token == MY_LEXER_WORD && word == MY_QUERY_WORD) {
		k->kind = MY_KILL_QUERY;
		return STEP_KILL;
	}
	if (token == MY_LEXER_WORD && c->lexer.len == 4 &&
	    word != MY_CONNECTION &&
	    (strncasecmp(c->lexer.text, "hard", 4) == 0 ||
	     strncasecmp(c->lexer.text, "soft", 4) == 0))
		return STEP_KILL;
	if (token == MY_LEXER_WORD && word == MY_CONNECTION)
		return STEP_KILL;
	for (unsigned i = 0; token == MY_LEXER_NUMBER && i < c->lexer.len;
	     i++) {
		char digit = c->lexer.text[i];

		if (digit < '0' || digit > '9' || i == 19)
			token = MY_LEXER_STRING;
		id = id * 10 + (uint64_t)(digit - '0');
	}
	k->id = id;
	if (token != MY_LEXER_NUMBER)
		k->kind = MY_KILL_OTHER;
	return STEP_KILLED;
}

static enum my_step
in_load(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	if (token == MY_LEXER_STRING)
		return STEP_ASSIGNS;
	if (word == MY_LOCAL_WORD)
		c->flags |= MY_SQL_LOCAL;
	return STEP_LOAD;
}

/* SHOW { WARNINGS | ERRORS | COUNT(*) WARNINGS | ... } */
static enum my_step
in_show(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	static const char count[] = "count";

	if (token == MY_LEXER_SIGN)
		return STEP_SHOW;
	if (word == MY_WARNINGS)
		c->flags |= MY_SQL_ASKS_WARNINGS;
	else if (c->lexer.len == sizeof(count) - 1 &&
		 strncasecmp(c->lexer.text, count, sizeof(count) - 1) == 0)
		return STEP_SHOW;
	return STEP_REST;
}

/* ANALYZE [FORMAT = name] statement; of tables it does no more than CHECK. */
static enum my_step
in_analyze(struct my_classify *c, enum my_word word)
{
	switch ((int)word) {
	case MY_SELECT:
		c->flags |= MY_SQL_READ;
		return STEP_REST;
	case MY_INSERT:
		c->flags |= MY_SQL_WRITE;
		return STEP_REST;
	case MY_WITH:
		c->flags |= MY_SQL_READ | MY_SQL_WRITE;
		return STEP_REST;
	case MY_TABLE:
		return STEP_REST;
	default:
		return STEP_ANALYZE;
	}
}

static enum my_step
next_step(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	switch ((enum my_step)c->step) {
	case STEP_FIRST:
		return is_sign(c, token, '(') ? STEP_FIRST
					      : first_word(c, word);
	case STEP_CREATE:
		return in_create(c, token, word);
	case STEP_ANALYZE:
		return in_analyze(c, word);
	case STEP_DROP:
		return in_drop(c, word);
	case STEP_DROP_KIND:
		return STEP_DROP_NAME;
	case STEP_DROP_NAME:
		return in_drop_name(c, token);
	case STEP_LOCK:
		return in_lock(c, word);
	case STEP_UNLOCK:
		return in_unlock(c, word);
	case STEP_FLUSH:
		if (word == MY_EXPORT)
			c->flags |= MY_SQL_GLOBAL_LOCK;
		return STEP_FLUSH;
	case STEP_BACKUP:
		return in_backup(c, word);
	case STEP_HANDLER:
		return in_handler(c, token, word);
	case STEP_XA:
		return in_xa(c, word);
	case STEP_BEGIN:
		if (word != MY_WORK)
			c->flags |= MY_SQL_ANY;
		return STEP_BEGIN;
	case STEP_START:
		if (word == MY_TRANSACTION)
			c->flags |= MY_SQL_BEGIN;
		return STEP_REST;
	case STEP_ROLLBACK:
		return word == MY_TO ? STEP_REST : STEP_ROLLBACK;
	case STEP_KILL:
		return in_kill(c, token, word);
	case STEP_KILLED:
		c->kill.kind = MY_KILL_OTHER;
		return STEP_KILLED;
	case STEP_LOAD:
		return in_load(c, token, word);
	case STEP_ASSIGNS:
		if (token == MY_LEXER_VARIABLE)
			c->flags |= MY_SQL_VARIABLE;
		return STEP_ASSIGNS;
	case STEP_SHOW:
		return in_show(c, token, word);
	case STEP_REST:
		return STEP_REST;
	case STEP_SET:
	case STEP_SET_SCOPED:
	case STEP_SET_NAME:
	case STEP_SET_DOT:
	case STEP_SET_VALUE:
	case STEP_SET_NAMES:
	case STEP_SET_CHARACTER:
	case STEP_SET_MODES:
	case STEP_SET_STATEMENT:
		return my_set_step(c, token, word);
	}
	return STEP_REST;
}

/* ---- words that mean something anywhere ---- */

static uint64_t
function_flags(enum my_word word)
{
	switch ((int)word) {
	case MY_GET_LOCK:
	case MY_GET_LOCKS:
		return MY_SQL_USER_LOCK;
	case MY_RELEASE_LOCK:
	case MY_RELEASE_LOCKS:
		return MY_SQL_USER_UNLOCK;
	case MY_LAST_INSERT_ID:
		return MY_SQL_ASKS_ID;
	case MY_FOUND_ROWS:
		return MY_SQL_ASKS_ROWS;
	case MY_CONNECTION_ID:
		return MY_SQL_ASKS_THREAD;
	default:
		return 0;
	}
}

/* The name of a variable behind @@. */
static uint64_t
system_flags(enum my_word word)
{
	switch ((int)word) {
	case MY_IDENTITY:
	case MY_LAST_INSERT_ID:
		return MY_SQL_ASKS_ID;
	case MY_ERROR_COUNT:
		return MY_SQL_ASKS_WARNINGS;
	case MY_THREAD_ID:
		return MY_SQL_ASKS_THREAD;
	default:
		return 0;
	}
}

static void
check_system(struct my_classify *c, enum my_lexer_token token,
	     enum my_word word)
{
	bool is_scope = word == MY_SESSION || word == MY_LOCAL_WORD ||
			word == MY_GLOBAL;

	if (token == MY_LEXER_WORD || token == MY_LEXER_NAME)
		c->flags |= system_flags(word);
	c->is_system = is_scope || is_sign(c, token, '.');
}

/* In quotes it may name a function still, but is no keyword. */
static void
check_word(struct my_classify *c, enum my_lexer_token token, enum my_word word)
{
	c->pending = function_flags(word);
	if (token != MY_LEXER_WORD)
		return;
	if (word == MY_CALC_ROWS)
		c->flags |= MY_SQL_COUNTS_ROWS;
	if (word == MY_SEQUENCE ||
	    (word == MY_VALUE &&
	     (c->last == MY_NEXT || c->last == MY_PREVIOUS)))
		c->flags |= MY_SQL_SEQUENCE;
}

/*
 * The call of a function whose name stands in front.  LAST_INSERT_ID asks
 * without an argument and tells with one.
 */
static void
check_call(struct my_classify *c, enum my_lexer_token token)
{
	if (c->is_called)
		c->flags |= is_sign(c, token, ')') ? MY_SQL_ASKS_ID
						   : MY_SQL_MAKES_ID;
	c->is_called = false;
	if (c->pending == 0)
		return;
	if (!is_sign(c, token, '(')) {
		if (c->bare == BARE_NAME)
			c->bare = BARE_NOT;
	} else if (c->pending == MY_SQL_ASKS_ID) {
		c->is_called = true;
	} else {
		c->flags |= c->pending;
	}
	c->pending = 0;
}

static void
check_anywhere(struct my_classify *c, enum my_lexer_token token,
	       enum my_word word)
{
	check_call(c, token);
	if (c->is_system)
		check_system(c, token, word);
	else if (token == MY_LEXER_SYSTEM)
		c->is_system = true;
	else if (word != MY_OTHER)
		check_word(c, token, word);
	if ((token == MY_LEXER_VARIABLE && c->last == MY_INTO) ||
	    (token == MY_LEXER_ASSIGN && c->last_token == MY_LEXER_VARIABLE &&
	     c->step != STEP_SET_DOT))
		c->flags |= MY_SQL_VARIABLE;
	if (is_sign(c, token, '('))
		c->depth++;
	else if (is_sign(c, token, ')') && c->depth > 0)
		c->depth--;
}

/* Is the token the name of a function, of one that does a single thing? */
static bool
is_one_call(const struct my_classify *c)
{
	enum my_word word = c->pending == 0
				    ? MY_OTHER
				    : my_word_find(c->lexer.text, c->lexer.len);

	return c->pending != 0 && word != MY_GET_LOCKS &&
	       word != MY_RELEASE_LOCKS;
}

/* The token stands behind a call that began the text, or in it. */
static enum bare
next_bare(const struct my_classify *c, enum my_lexer_token token,
	  enum my_word word)
{
	bool is_plain = token == MY_LEXER_STRING || token == MY_LEXER_NUMBER ||
			is_sign(c, token, ',') || is_sign(c, token, '?') ||
			is_sign(c, token, '-');

	switch ((enum bare)c->bare) {
	case BARE_SELECT:
		if (word == MY_SELECT)
			return BARE_SELECT;
		return is_one_call(c) ? BARE_NAME : BARE_NOT;
	case BARE_NAME:
		return BARE_CALL;
	case BARE_CALL:
		if (is_sign(c, token, ')'))
			return BARE_DONE;
		return is_plain ? BARE_CALL : BARE_NOT;
	case BARE_DONE:
		if (token == MY_LEXER_WORD && c->lexer.len == 2 &&
		    strncasecmp(c->lexer.text, "as", 2) == 0)
			return BARE_DONE;
		if (word == MY_FROM || word == MY_INTO || word == MY_FOR)
			return BARE_NOT;
		return token == MY_LEXER_WORD || token == MY_LEXER_NAME
			       ? BARE_ALIAS
			       : BARE_NOT;
	case BARE_NOT:
	case BARE_ALIAS:
		break;
	}
	return BARE_NOT;
}

/* ---- tokens ---- */

/* pool: nopin, pool: session */
static void
read_hint(struct my_classify *c)
{
	static const char prefix[] = "pool:", session[] = "session",
			  nopin[] = "nopin";
	const char *at = c->lexer.text, *end = at + c->lexer.len;

	while (at < end && *at == ' ')
		at++;
	while (at < end && end[-1] == ' ')
		end--;
	if (end - at < (ptrdiff_t)sizeof(prefix) ||
	    strncasecmp(at, prefix, sizeof(prefix) - 1) != 0)
		return;
	at += sizeof(prefix) - 1;
	while (at < end && *at == ' ')
		at++;
	if (end - at == (ptrdiff_t)sizeof(session) - 1 &&
	    strncasecmp(at, session, sizeof(session) - 1) == 0)
		c->flags |= MY_SQL_HINT_SESSION;
	if (end - at == (ptrdiff_t)sizeof(nopin) - 1 &&
	    strncasecmp(at, nopin, sizeof(nopin) - 1) == 0)
		c->flags |= MY_SQL_HINT_NOPIN;
}

static void
reset_statement(struct my_classify *c)
{
	c->step = STEP_FIRST;
	c->depth = 0;
	c->pending = 0;
	c->last = MY_OTHER;
	c->last_token = MY_LEXER_MORE;
	c->is_begun = c->is_system = c->is_called = false;
}

static void
end_statement(struct my_classify *c)
{
	my_set_end(c);
	if (c->step == STEP_ROLLBACK)
		c->flags |= MY_SQL_END;
	if (c->bare == BARE_NAME)
		c->bare = BARE_NOT;
	reset_statement(c);
}

static void
on_token(struct my_classify *c, enum my_lexer_token token)
{
	bool is_word = token == MY_LEXER_WORD;
	enum my_word word = MY_OTHER;

	if (token == MY_LEXER_COMMENT) {
		read_hint(c);
		return;
	}
	if (is_sign(c, token, ';')) {
		end_statement(c);
		return;
	}
	if (is_word || token == MY_LEXER_NAME)
		word = my_word_find(c->lexer.text, c->lexer.len);
	if (!c->is_begun)
		begin_statement(c, is_word ? word : MY_OTHER);
	check_anywhere(c, token, word);
	if (!is_word)
		word = MY_OTHER;
	if (c->step != STEP_REST)
		c->step = (uint8_t)next_step(c, token, word);
	if (c->bare != BARE_NOT)
		c->bare = (uint8_t)next_bare(c, token, word);
	c->last = (uint8_t)word;
	c->last_token = (uint8_t)token;
}

void
my_classify_init(struct my_classify *c, struct my_lexer_options options)
{
	*c = (struct my_classify){ .bare = BARE_NOT };
	my_lexer_init(&c->lexer, options);
	reset_statement(c);
}

void
my_classify_feed(struct my_classify *c, const void *text, size_t len)
{
	const uint8_t *at = text, *end = at + len;
	enum my_lexer_token token;

	while ((token = my_lexer_next(&c->lexer, &at, end)) != MY_LEXER_MORE)
		on_token(c, token);
}

/* What stored code does is done when it is called. */
static void
end_routine(struct my_classify *c)
{
	const uint64_t marks = MY_SQL_SEVERAL | MY_SQL_HINT_SESSION |
			       MY_SQL_HINT_NOPIN | MY_SQL_LOST;
	uint64_t inside = c->flags & ~c->before & ~marks;

	/* Unless it has ended, and other statements follow it. */
	c->flags &= c->before | marks;
	if (inside != 0)
		c->flags |= MY_SQL_ANY;
}

uint64_t
my_classify_end(struct my_classify *c)
{
	enum my_lexer_token token;

	while ((token = my_lexer_end(&c->lexer)) != MY_LEXER_MORE)
		on_token(c, token);
	end_statement(c);
	if (c->lexer.lost)
		c->flags |= MY_SQL_LOST;
	if (c->flags & MY_SQL_ROUTINE)
		end_routine(c);
	if (!(c->flags & (MY_SQL_SEVERAL | MY_SQL_LOST))) {
		if (c->is_plain)
			c->flags |= MY_SQL_PLAIN;
		if (c->bare == BARE_DONE || c->bare == BARE_ALIAS)
			c->flags |= MY_SQL_BARE;
	}
	if (!c->has_begun)
		c->flags |= MY_SQL_EMPTY;
	return c->flags;
}

static uint64_t
classify(struct my_classify *c, const void *text, size_t len,
	 struct my_lexer_options options)
{
	my_classify_init(c, options);
	my_classify_feed(c, text, len);
	return my_classify_end(c);
}

/* Apart: most texts need no lexer. */
__attribute__((noinline)) static uint64_t
classify_slowly(const void *text, size_t len, struct my_lexer_options options)
{
	struct my_classify c;

	return classify(&c, text, len, options);
}

uint64_t
my_classify_text(const void *text, size_t len, struct my_lexer_options options)
{
	uint64_t flags = my_quick(text, len, options);

	return flags != MY_SQL_UNSURE ? flags
				      : classify_slowly(text, len, options);
}

struct my_kill
my_classify_kill(const void *text, size_t len, struct my_lexer_options options)
{
	struct my_classify c;

	(void)classify(&c, text, len, options);
	return c.kill;
}

bool
my_classify_collation(const void *text, size_t len,
		      struct my_lexer_options options, char *name)
{
	struct my_classify c;
	uint64_t flags = classify(&c, text, len, options);

	if (!(flags & MY_SQL_COLLATION) || (flags & MY_SQL_LOST))
		return false;
	memcpy(name, c.collation, c.collation_len);
	name[c.collation_len] = '\0';
	return c.collation_len > 0;
}
