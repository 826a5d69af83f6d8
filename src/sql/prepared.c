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

struct walk {
	struct lexer lexer;
	struct prepared *out;
	const uint8_t *text; /* borrows */
	enum step step;
	enum prepared_kind kind;
	bool is_begun; /* the statement has tokens */
};

static bool
is_word(const struct walk *w, const char *word)
{
	size_t len = strlen(word);

	return w->lexer.len == len &&
	       strncasecmp(w->lexer.text, word, len) == 0;
}

static enum step
expect_name(struct walk *w, enum prepared_kind kind)
{
	w->kind = kind;
	return STEP_NAME;
}

static enum step
first_word(struct walk *w)
{
	if (is_word(w, "prepare"))
		return expect_name(w, PREPARED_PREPARE);
	if (is_word(w, "execute"))
		return expect_name(w, PREPARED_EXECUTE);
	if (is_word(w, "deallocate"))
		return STEP_DEALLOC;
	return is_word(w, "explain") || is_word(w, "create") ? STEP_HIDDEN
							     : STEP_REST;
}

/* A quoted name's place: from its opening quote to where the reader is. */
static size_t
start_of_name(const struct walk *w, size_t end)
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
add_ref(struct walk *w, enum lexer_token token, size_t end)
{
	struct prepared *out = w->out;
	struct prepared_ref *ref;
	size_t len = w->lexer.len;

	if (out->count == PREPARED_REFS) {
		out->is_lost = true;
		return;
	}
	ref = &out->refs[out->count++];
	ref->kind = w->kind;
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

static enum step
after_deallocate(struct walk *w, enum lexer_token token, size_t end)
{
	if (token == LEXER_WORD && is_word(w, "prepare"))
		return STEP_DEALLOC;
	if (token == LEXER_WORD && is_word(w, "all")) {
		w->kind = PREPARED_DEALLOCATE_ALL;
	} else {
		w->kind = PREPARED_DEALLOCATE;
	}
	add_ref(w, token, end);
	return STEP_REST;
}

static enum step
next_step(struct walk *w, enum lexer_token token, size_t end)
{
	bool is_text = token == LEXER_WORD || token == LEXER_NAME;

	switch (w->step) {
	case STEP_FIRST:
		return token == LEXER_WORD ? first_word(w) : STEP_REST;
	case STEP_HIDDEN:
		return token == LEXER_WORD && is_word(w, "execute")
			       ? expect_name(w, PREPARED_EXECUTE)
			       : STEP_HIDDEN;
	case STEP_DEALLOC:
		return is_text ? after_deallocate(w, token, end) : STEP_REST;
	case STEP_NAME:
		/* PREPARE TRANSACTION 'id', EXECUTE FUNCTION of a trigger. */
		if (is_text &&
		    !(token == LEXER_WORD &&
		      (is_word(w, "transaction") || is_word(w, "function") ||
		       is_word(w, "procedure"))))
			add_ref(w, token, end);
		return STEP_REST;
	case STEP_REST:
		break;
	}
	return STEP_REST;
}

static void
on_token(struct walk *w, enum lexer_token token, size_t end)
{
	if (token == LEXER_SIGN && w->lexer.sign == ';') {
		if (w->is_begun && w->out->statements == 1)
			w->out->end = end - 1;
		w->is_begun = false;
		w->step = STEP_FIRST;
		return;
	}
	if (!w->is_begun) {
		w->is_begun = true;
		w->out->statements++;
	}
	w->step = next_step(w, token, end);
}

void
prepared_find(struct prepared *p, const char *text, size_t len,
	      unsigned options)
{
	struct walk w = { .out = p, .text = (const uint8_t *)text };
	const uint8_t *at = w.text, *end = w.text + len;
	enum lexer_token token;

	p->count = p->statements = 0;
	p->end = len;
	p->is_lost = false;
	lexer_init(&w.lexer, options);
	while ((token = lexer_next(&w.lexer, &at, end)) != LEXER_MORE)
		on_token(&w, token, (size_t)(at - w.text));
	token = lexer_end(&w.lexer);
	if (token != LEXER_MORE)
		on_token(&w, token, len);
	p->is_lost |= w.lexer.lost;
}
