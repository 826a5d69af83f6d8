/*
 * Statement texts on their way to the server: what they may leave behind.
 *
 * Short ones are looked at where they lie; of long ones only the reader's
 * state is kept between the pieces.  Runs on the client's worker.
 */
#include <string.h>

#include "base/mem.h"
#include "pg_back.h"
#include "pg_front.h"
#include "pg_loaded.h"
#include "sql/classify.h"
#include "sql/digest.h"

struct pg_text {
	unsigned skip; /* terminated texts in front of the statement's */
	bool is_over;  /* its own end has come */
	size_t left;   /* of the message's body */
	struct classify classify;
};

/* Whose settings count: the server that runs the text, and the policy. */
struct context {
	const struct pg_back *back;
	const struct policy *policy;
};

/*
 * A setting is carried when it is tracked and the server reports it: without a
 * report nobody would know what the statement made of it.
 */
static bool
is_carried(const void *context, const char *name)
{
	const struct context *c = context;

	return pg_is_tracked(name, c->policy) &&
	       pg_params_find(c->back->facts, name) != NULL;
}

/* Client encodings whose characters may have a backslash for second byte. */
static bool
has_trail_bytes(const char *encoding)
{
	static const char names[] = "SJIS,SHIFT_JIS_2004,BIG5,GBK,UHC,"
				    "GB18030,JOHAB";

	return encoding != NULL && pg_in_list(encoding, names);
}

void
pg_front_params_changed(struct pg_front *f)
{
	const char *name = pg_params_find(f->params, "application_name");
	const char *strings =
		pg_params_find(f->params, "standard_conforming_strings");

	f->view.application_name = name != NULL ? name : "";
	if (f->names != NULL) {
		struct statement **context = pg_names_context(f->names);

		statement_unref(*context);
		*context = NULL;
	}
	f->lexer = 0;
	if (strings != NULL && text_equal_nocase(strings, "off"))
		f->lexer |= LEXER_BACKSLASHES;
	if (has_trail_bytes(pg_params_find(f->params, "client_encoding")))
		f->lexer |= LEXER_TRAIL_BYTES;
}

static unsigned
read_text(const struct pg_front *f, const struct context *context,
	  const uint8_t *text, size_t len, char name[LEXER_WORD_MAX + 1])
{
	struct classify_options options = {
		.lexer = f->lexer,
		.is_tracked = is_carried,
		.context = context,
	};

	return classify_named(text, len, &options, name);
}

unsigned
pg_text_flags(const struct pg_front *f, const struct pg_back *b,
	      const struct policy *policy, const uint8_t *text, size_t len)
{
	struct context context = { .back = b, .policy = policy };
	char name[LEXER_WORD_MAX + 1];

	return read_text(f, &context, text, len, name);
}

unsigned
pg_text_query(const struct pg_front *f, struct pg_back *b,
	      const struct policy *policy, const uint8_t *text, size_t len)
{
	struct context context = { .back = b, .policy = policy };
	char name[LEXER_WORD_MAX + 1];
	unsigned flags = read_text(f, &context, text, len, name);

	if (flags != 0)
		pg_ask_note(b, flags, flags & CLASSIFY_NAMED ? name : "");
	return flags;
}

void
pg_text_runs(const struct pg_front *f, struct pg_back *b, unsigned flags,
	     const void *text, size_t len)
{
	b->dirt |= flags;
	if (flags & CLASSIFY_SETTINGS)
		pg_ask_names(b, text, len);
	if ((flags & (CLASSIFY_DIRT | CLASSIFY_LOAD)) && len > 0)
		b->view.digest = sql_digest(text, len, f->lexer);
}

struct pg_text *
pg_text_new(const struct pg_front *f, const struct policy *policy,
	    unsigned skip, size_t body)
{
	struct classify_options options = {
		.lexer = f->lexer,
		.is_tracked = is_carried,
	};
	struct pg_text *t = mem_zalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	if (policy->mode != POOL_SESSION && policy->max_prepared_statements > 0)
		options.own_names = PG_LOAD_PREFIX;
	t->skip = skip;
	t->left = body;
	classify_init(&t->classify, &options);
	return t;
}

bool
pg_text_is_naming(const struct pg_text *t)
{
	return t->classify.has_own_name;
}

size_t
pg_text_left(const struct pg_text *t)
{
	return t->left;
}

void
pg_text_free(struct pg_text *t)
{
	mem_free(t);
}

/* One contiguous piece of the body. */
static void
feed(struct pg_text *t, const uint8_t *piece, size_t len)
{
	while (len > 0 && !t->is_over) {
		const uint8_t *nul = memchr(piece, 0, len);
		size_t n = nul != NULL ? (size_t)(nul - piece) : len;

		if (t->skip == 0)
			classify_feed(&t->classify, piece, n);
		if (nul == NULL)
			return;
		if (t->skip > 0)
			t->skip--;
		else
			t->is_over = true;
		piece = nul + 1;
		len -= n + 1;
	}
}

void
pg_text_feed(struct pg_text *t, const struct pg_back *b,
	     const struct policy *policy, const struct buf *in, size_t at,
	     size_t len)
{
	struct context context = { .back = b, .policy = policy };

	t->classify.options.context = &context;
	t->left -= len;
	while (len > 0) {
		size_t n;
		const uint8_t *piece = buf_run(in, at, &n);

		if (n > len)
			n = len;
		feed(t, piece, n);
		at += n;
		len -= n;
	}
	t->classify.options.context = NULL;
}

unsigned
pg_text_end(struct pg_text *t, const struct pg_back *b,
	    const struct policy *policy)
{
	struct context context = { .back = b, .policy = policy };

	t->classify.options.context = &context;
	return classify_end(&t->classify);
}
