/*
 * See my_said.h.  Owns nothing; any thread.
 *
 * A string constant has the character set and the collation of the connection
 * that it came on; both are written down with it.  Only what reads the same in
 * all sql_modes and character sets is carried.
 */
#include "my_said.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "my_variable.h"

/* A walk through a SET, up to each of its variables. */
struct walk {
	struct my_lexer lexer;
	const uint8_t *at;  /* borrows */
	const uint8_t *end; /* borrows */
	uint32_t depth;     /* of parentheses */
	bool is_item;       /* the next token begins an assignment */
	uint8_t name_len;
	char name[MY_LEXER_WORD_MAX];
};

/* Comments are passed over. */
static enum my_lexer_token
next_token(struct walk *w)
{
	enum my_lexer_token token;

	do {
		token = my_lexer_next(&w->lexer, &w->at, w->end);
		if (token == MY_LEXER_MORE)
			token = my_lexer_end(&w->lexer);
	} while (token == MY_LEXER_COMMENT);
	return token;
}

static bool
is_sign(const struct walk *w, enum my_lexer_token token, uint8_t sign)
{
	return token == MY_LEXER_SIGN && w->lexer.sign == sign;
}

static void
begin_walk(struct walk *w, struct my_text text, struct my_lexer_options options)
{
	*w = (struct walk){
		.at = (const uint8_t *)text.data,
		.end = (const uint8_t *)text.data + text.len,
		.is_item = true,
	};
	my_lexer_init(&w->lexer, options);
	(void)next_token(w); /* SET */
}

static void
take_name(struct walk *w)
{
	w->name_len = w->lexer.len;
	memcpy(w->name, w->lexer.text, w->lexer.len);
}

/* Goes on behind the first token of the next assignment. */
static bool
next_item(struct walk *w, enum my_lexer_token *first)
{
	enum my_lexer_token token;

	while ((token = next_token(w)) != MY_LEXER_MORE) {
		if (w->is_item) {
			w->is_item = false;
			*first = token;
			return true;
		}
		if (is_sign(w, token, '('))
			w->depth++;
		else if (is_sign(w, token, ')') && w->depth > 0)
			w->depth--;
		w->is_item = w->depth == 0 && is_sign(w, token, ',');
	}
	return false;
}

/* ---- constants ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Decimal, with a fraction and an exponent or without. */
static bool
is_number(const char *v, size_t len)
{
	const char *end = v + len;

	while (v < end && is_digit(*v))
		v++;
	if (v < end && *v == '.')
		v++;
	while (v < end && is_digit(*v))
		v++;
	if (v < end && (*v | 0x20) == 'e') {
		if (++v == end)
			return false;
		while (v < end && is_digit(*v))
			v++;
	}
	return v == end;
}

/* A string: what the lexer kept is as it was written if nothing is missing. */
static bool
put_string(struct str *out, const struct walk *w,
	   const struct my_session *before)
{
	const struct my_lexer *lx = &w->lexer;
	const char *charset =
		my_session_find(before, "character_set_connection");
	const char *collation = my_session_find(before, "collation_connection");

	if (w->at - lx->begin != lx->len + 2 ||
	    (charset == NULL && collation == NULL))
		return false;
	for (unsigned i = 0; i < lx->len; i++)
		if (lx->text[i] < ' ' || lx->text[i] > '~' ||
		    lx->text[i] == '\\' || lx->text[i] == '\'')
			return false;
	/* A collation's name begins with its character set's. */
	if (charset == NULL)
		str_printf(out, "_%.*s", (int)strcspn(collation, "_"),
			   collation);
	else
		str_printf(out, "_%s", charset);
	/* Not '', which is NULL to some values of sql_mode. */
	if (lx->len == 0)
		str_puts(out, " x''");
	else
		str_printf(out, "'%.*s'", (int)lx->len, lx->text);
	if (collation != NULL)
		str_printf(out, " COLLATE '%s'", collation);
	return true;
}

/* Writes a constant's word; NULL is what a variable has that was never set. */
static bool
put_word(struct str *out, const struct my_lexer *lx)
{
	char word[8];

	if (lx->len >= sizeof(word))
		return false;
	memcpy(word, lx->text, lx->len);
	word[lx->len] = '\0';
	if (text_equal_nocase(word, "true"))
		str_putc(out, '1');
	else if (text_equal_nocase(word, "false"))
		str_putc(out, '0');
	else if (!text_equal_nocase(word, "null"))
		return false;
	return true;
}

/* Writes the value behind a name, nothing for NULL; false: it is not plain. */
static bool
put_constant(struct str *out, struct walk *w, const struct my_session *before)
{
	enum my_lexer_token token = next_token(w);

	if (token != MY_LEXER_ASSIGN && !is_sign(w, token, '='))
		return false;
	token = next_token(w);
	if (is_sign(w, token, '-')) {
		str_putc(out, '-');
		token = next_token(w);
		if (token != MY_LEXER_NUMBER)
			return false;
	}
	if (token == MY_LEXER_WORD)
		return put_word(out, &w->lexer);
	if (token == MY_LEXER_STRING)
		return put_string(out, w, before);
	if (token != MY_LEXER_NUMBER || w->lexer.len == MY_LEXER_WORD_MAX ||
	    !is_number(w->lexer.text, w->lexer.len))
		return false;
	str_add(out, w->lexer.text, w->lexer.len);
	return true;
}

enum my_change
my_said_users(struct statements *t, struct my_session *s,
	      const struct my_session *before, struct my_text text,
	      struct my_lexer_options options)
{
	enum my_change result = MY_CHANGE_DONE;
	struct my_session now = { .base = NULL };
	enum my_lexer_token first;
	struct walk w;

	my_session_copy(&now, s);
	begin_walk(&w, text, options);
	while (result == MY_CHANGE_DONE && next_item(&w, &first)) {
		struct str value = { 0 };

		if (first != MY_LEXER_VARIABLE)
			continue;
		take_name(&w);
		if (!put_constant(&value, &w, before))
			result = MY_CHANGE_PINS;
		else if (value.failed)
			result = MY_CHANGE_NO_MEMORY;
		else
			result = my_session_set_user(
				t, &now,
				(struct my_text){ .data = w.name,
						  .len = w.name_len },
				(struct my_text){ .data = str_text(&value),
						  .len = value.len });
		str_fini(&value);
	}
	if (result == MY_CHANGE_DONE)
		my_session_copy(s, &now);
	my_session_fini(&now);
	return result;
}

/* ---- what is not told ---- */

enum item {
	ITEM_TOLD,    /* a variable of the session, whose name is taken */
	ITEM_UNTOLD,  /* the same by @@name, without a scope */
	ITEM_CHARSET, /* NAMES, CHARACTER SET */
	ITEM_OTHER,   /* nothing of the session's variables */
	ITEM_UNCLEAR,
};

static bool
is_word(const struct walk *w, const char *word)
{
	return w->lexer.len == strlen(word) &&
	       strncasecmp(w->lexer.text, word, w->lexer.len) == 0;
}

static bool
is_any(const struct walk *w, const char *const *words)
{
	for (; *words != NULL; words++)
		if (is_word(w, *words))
			return true;
	return false;
}

/* The token is a name, with its value behind it. */
static enum item
read_name(struct walk *w, enum my_lexer_token token, enum item item)
{
	if (token != MY_LEXER_WORD && token != MY_LEXER_NAME)
		return ITEM_UNCLEAR;
	take_name(w);
	token = next_token(w);
	return token == MY_LEXER_ASSIGN || is_sign(w, token, '=')
		       ? item
		       : ITEM_UNCLEAR;
}

/* Behind @@. */
static enum item
read_system(struct walk *w)
{
	static const char *const scopes[] = { "session", "local", NULL };
	enum my_lexer_token token = next_token(w);
	bool is_session = token == MY_LEXER_WORD && is_any(w, scopes);

	if (token != MY_LEXER_WORD && token != MY_LEXER_NAME)
		return ITEM_UNCLEAR;
	take_name(w);
	token = next_token(w);
	if (token == MY_LEXER_ASSIGN || is_sign(w, token, '='))
		return ITEM_UNTOLD;
	if (!is_sign(w, token, '.'))
		return ITEM_UNCLEAR;
	return is_session ? read_name(w, next_token(w), ITEM_TOLD) : ITEM_OTHER;
}

static enum item
read_item(struct walk *w, enum my_lexer_token first)
{
	static const char *const scopes[] = { "session", "local", NULL };
	static const char *const charsets[] = { "names", "character", "charset",
						NULL };

	if (first == MY_LEXER_VARIABLE)
		return ITEM_OTHER;
	if (first == MY_LEXER_SYSTEM)
		return read_system(w);
	if (first == MY_LEXER_WORD && is_any(w, charsets))
		return ITEM_CHARSET;
	if (first == MY_LEXER_WORD && is_any(w, scopes))
		first = next_token(w);
	else if (first == MY_LEXER_WORD && is_word(w, "password"))
		return ITEM_UNCLEAR;
	/* TRANSACTION, ROLE and the like have no sign behind them. */
	return read_name(w, first, ITEM_TOLD);
}

/* All names of servers are. */
static bool
is_plain_name(const char *name, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz_0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < len; i++)
		if (name[i] == '\0' || strchr(plain, name[i]) == NULL)
			return false;
	return len > 0;
}

/* Appends what makes a server tell of a variable; false: it cannot be made. */
static bool
put_question(struct str *sql, const char *name, size_t len)
{
	enum my_variable kind = my_variable_find(name, len);

	if (kind == MY_VARIABLE_PINS || kind == MY_VARIABLE_TRACES ||
	    !is_plain_name(name, len))
		return false;
	str_printf(sql, "%s@@session.%.*s=@@session.%.*s",
		   sql->len == 0 ? "SET " : ",", (int)len, name, (int)len,
		   name);
	return true;
}

static bool
ask_item(struct str *sql, const struct walk *w, enum item item, bool is_list)
{
	static const char *const charsets[] = { "character_set_client",
						"character_set_results",
						"collation_connection" };

	switch (item) {
	case ITEM_UNTOLD:
		break;
	case ITEM_TOLD:
		if (!is_list)
			return true;
		break;
	case ITEM_CHARSET:
		for (size_t i = 0; is_list && i < COUNT_OF(charsets); i++)
			(void)put_question(sql, charsets[i],
					   strlen(charsets[i]));
		return true;
	case ITEM_OTHER:
		return true;
	case ITEM_UNCLEAR:
		return !is_list;
	}
	/* Those have a question of their own. */
	return my_variable_is_tracker(w->name, w->name_len) ||
	       put_question(sql, w->name, w->name_len);
}

bool
my_said_ask(struct str *sql, struct my_text text, uint64_t flags,
	    struct my_lexer_options options)
{
	bool is_list = (flags & MY_SQL_TRACKER_LIST) != 0;
	enum my_lexer_token first;
	struct walk w;

	begin_walk(&w, text, options);
	while (next_item(&w, &first))
		if (!ask_item(sql, &w, read_item(&w, first), is_list))
			return false;
	return true;
}
