/*
 * Follows each statement as far as the word that a name stands behind.
 */
#include "sql/prepared.h"

#include <string.h>
#include <strings.h>

/* What the next token of a statement is. */
enum step {
	STEP_FIRST,   /* its first word */
	STEP_REST,    /* of no more interest */
	STEP_HIDDEN,  /* an EXECUTE may follow: EXPLAIN, CREATE */
	STEP_NAME,    /* the name, of kind */
	STEP_DEALLOC, /* PREPARE, ALL or the name */
};

/* A text that is looked through. */
struct find {
	struct lexer lexer;
	struct prepared *out;
	const uint8_t *text; /* borrows */
	struct prepared_walk walk;
	bool is_begun; /* the statement has tokens */
	bool has_ref;  /* the last ref is the statement's */
};

/* ---- token by token ---- */

static bool
is_word(const struct lexer *lexer, const char *word)
{
	size_t len = strlen(word);

	return lexer->len == len && strncasecmp(lexer->text, word, len) == 0;
}

static enum step
expect_name(struct prepared_walk *w, enum prepared_kind kind)
{
	w->kind = (uint8_t)kind;
	return STEP_NAME;
}

static enum step
first_word(struct prepared_walk *w, const struct lexer *lexer)
{
	if (is_word(lexer, "prepare"))
		return expect_name(w, PREPARED_PREPARE);
	if (is_word(lexer, "execute"))
		return expect_name(w, PREPARED_EXECUTE);
	if (is_word(lexer, "deallocate"))
		return STEP_DEALLOC;
	return is_word(lexer, "explain") || is_word(lexer, "create")
		       ? STEP_HIDDEN
		       : STEP_REST;
}

/* PREPARE TRANSACTION 'id', EXECUTE FUNCTION of a trigger. */
static bool
is_no_name(const struct lexer *lexer)
{
	return is_word(lexer, "transaction") || is_word(lexer, "function") ||
	       is_word(lexer, "procedure");
}

static enum step
next_step(struct prepared_walk *w, const struct lexer *lexer,
	  enum lexer_token token, enum prepared_kind *kind)
{
	bool is_keyword = token == LEXER_WORD;
	bool is_text = is_keyword || token == LEXER_NAME;

	switch ((enum step)w->step) {
	case STEP_FIRST:
		return is_keyword ? first_word(w, lexer) : STEP_REST;
	case STEP_HIDDEN:
		return is_keyword && is_word(lexer, "execute")
			       ? expect_name(w, PREPARED_EXECUTE)
			       : STEP_HIDDEN;
	case STEP_DEALLOC:
		if (is_keyword && is_word(lexer, "prepare"))
			return STEP_DEALLOC;
		if (is_text)
			*kind = is_keyword && is_word(lexer, "all")
					? PREPARED_DEALLOCATE_ALL
					: PREPARED_DEALLOCATE;
		return STEP_REST;
	case STEP_NAME:
		if (is_text && !(is_keyword && is_no_name(lexer)))
			*kind = (enum prepared_kind)w->kind;
		return STEP_REST;
	case STEP_REST:
		break;
	}
	return STEP_REST;
}

enum prepared_kind
prepared_token(struct prepared_walk *w, const struct lexer *lexer,
	       enum lexer_token token)
{
	enum prepared_kind kind = PREPARED_NONE;

	if (token == LEXER_SIGN && lexer->sign == ';')
		w->step = STEP_FIRST;
	else if (w->step != STEP_REST)
		w->step = (uint8_t)next_step(w, lexer, token, &kind);
	return kind;
}

/* ---- a whole text ---- */

/* A quoted name's place: from its opening quote to where the reader is. */
static size_t
start_of_name(const struct find *w, size_t end)
{
	size_t at = end - 1;

	while (at > 0) {
		at--;
		if (w->text[at] != '"')
			continue;
		if (at == 0 || w->text[at - 1] != '"')
			break;
		at--; /* a quote in the name is doubled */
	}
	return at;
}

static void
add_ref(struct find *w, enum lexer_token token, enum prepared_kind kind,
	size_t end)
{
	struct prepared *out = w->out;
	struct prepared_ref *ref;
	size_t len = w->lexer.len;

	/* The server takes no name without a letter. */
	if (len == 0)
		return;
	if (out->count == PREPARED_REFS) {
		out->is_full = true;
		return;
	}
	ref = &out->refs[out->count++];
	w->has_ref = true;
	ref->kind = kind;
	ref->statement = out->statements;
	memcpy(ref->name, w->lexer.text, len);
	ref->name[len] = '\0';
	if (token == LEXER_NAME) {
		ref->at = start_of_name(w, end);
		ref->len = end - ref->at;
		return;
	}
	/* The reader stands behind the word, which it may have cut. */
	ref->len = 0;
	for (ref->at = end; ref->at > 0; ref->at--, ref->len++) {
		uint8_t c = w->text[ref->at - 1];

		if (strchr(" \t\r\n\f\v/-;()'\"", c) != NULL)
			break;
	}
	for (char *p = ref->name; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	}
}

static void
end_statement(struct find *w, size_t end)
{
	if (w->has_ref)
		w->out->refs[w->out->count - 1].end = end;
	w->has_ref = false;
}

static void
on_token(struct find *w, enum lexer_token token, size_t end)
{
	enum prepared_kind kind = prepared_token(&w->walk, &w->lexer, token);

	if (token == LEXER_SIGN && w->lexer.sign == ';') {
		end_statement(w, end - 1);
		w->is_begun = false;
		return;
	}
	if (!w->is_begun) {
		w->is_begun = true;
		w->out->statements++;
	}
	if (kind != PREPARED_NONE)
		add_ref(w, token, kind, end);
}

void
prepared_find(struct prepared *p, const char *text, size_t len,
	      unsigned options)
{
	struct find w = { .out = p, .text = (const uint8_t *)text };
	const uint8_t *at = w.text, *end = w.text + len;
	enum lexer_token token;

	p->count = p->statements = 0;
	p->is_full = false;
	lexer_init(&w.lexer, options);
	while ((token = lexer_next(&w.lexer, &at, end)) != LEXER_MORE)
		on_token(&w, token, (size_t)(at - w.text));
	token = lexer_end(&w.lexer);
	if (token != LEXER_MORE)
		on_token(&w, token, len);
	end_statement(&w, len);
	p->is_lost = w.lexer.lost;
}

/* ---- a quick look ---- */

static bool
is_at(const char *at, size_t left, const char *word, size_t len)
{
	return left >= len && strncasecmp(at, word, len) == 0;
}

bool
prepared_may_follow(const char *text, size_t len)
{
	const char *end = text + len, *at = memchr(text, ';', len);

	for (; at != NULL && at < end; at++) {
		size_t left = (size_t)(end - at);

		switch (*at | 0x20) {
		case 'p':
			if (is_at(at, left, "prepare", 7))
				return true;
			break;
		case 'e':
			if (is_at(at, left, "execute", 7))
				return true;
			break;
		case 'd':
			if (is_at(at, left, "deallocate", 10))
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}
