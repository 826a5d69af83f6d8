/*
 * Session states as texts: a byte that tells of the schema, the schema's name,
 * then name and value of each variable in the names' order, all with a NUL.
 * Owns nothing; what is changed is built anew.
 */
#include "my_state.h"

#include <string.h>

#include "base/mem.h"
#include "my_response.h"
#include "my_variable.h"

/* The first byte. */
#define SCHEMA_BASE 'b' /* as the base says; the base: none */
#define SCHEMA_NONE 'n'
#define SCHEMA_NAMED 's'

#define NAME_MAX_BYTES 64u

/* ---- reading ---- */

static char
schema_mark(const struct statement *state)
{
	return state != NULL ? state->data[0] : SCHEMA_BASE;
}

static const char *
schema_name(const struct statement *state)
{
	return state != NULL ? state->data + 1 : "";
}

bool
my_state_next(const struct statement *state, struct my_setting *at)
{
	if (state == NULL)
		return false;
	if (at->next == 0)
		at->next = 1 + strlen(state->data + 1) + 1;
	if (at->next >= state->len)
		return false;
	at->name = state->data + at->next;
	at->value = at->name + strlen(at->name) + 1;
	at->next = (size_t)(at->value - state->data) + strlen(at->value) + 1;
	return true;
}

static const char *
find(const struct statement *state, const char *name)
{
	struct my_setting at = { 0 };

	while (my_state_next(state, &at)) {
		int order = strcmp(at.name, name);

		if (order == 0)
			return at.value;
		if (order > 0)
			break;
	}
	return NULL;
}

const char *
my_session_find(const struct my_session *s, const char *name)
{
	const char *value = find(s->own, name);
	const char *other = my_variable_other(name);

	if (value != NULL || (other != NULL && find(s->own, other) != NULL))
		return value;
	return find(s->base, name);
}

const char *
my_session_schema(const struct my_session *s)
{
	const struct statement *state = s->own;

	if (schema_mark(state) == SCHEMA_BASE)
		state = s->base;
	return schema_mark(state) == SCHEMA_NAMED ? schema_name(state) : NULL;
}

/* ---- how it reads texts ---- */

/* What a state says of that, in its flags, beside the bits of the lexer: every
 * query asks for it. */
enum {
	READS_MODE = 1u << 16,    /* which quotes, */
	READS_CHARSET = 1u << 17, /* and which characters */
	READS_NULL = 1u << 18,    /* whether IS NULL asks for the last id */
	READS_ID = 1u << 19,      /* and that it does */
};

static uint32_t
reads_of(const struct statement *state)
{
	const char *mode = find(state, "sql_mode");
	const char *charset = find(state, "character_set_client");
	const char *is_null = find(state, "sql_auto_is_null");
	uint32_t flags = 0;

	if (is_null != NULL)
		flags |= READS_NULL;
	if (is_null != NULL && strcmp(is_null, "ON") == 0)
		flags |= READS_ID;
	if (mode != NULL)
		flags |= READS_MODE;
	if (mode != NULL && text_in_list("ANSI_QUOTES", mode))
		flags |= MY_LEXER_ANSI_QUOTES;
	if (charset != NULL)
		flags |= READS_CHARSET | my_lexer_charset(charset);
	return flags;
}

/* What the session's own state says of a matter, or else its base. */
static uint32_t
reads(const struct my_session *s, uint32_t matter)
{
	if (s->own != NULL && (s->own->flags & matter) != 0)
		return s->own->flags;
	return s->base != NULL ? s->base->flags : 0;
}

/* The status tells of backslashes, and of quotes where it is MariaDB's. */
struct my_lexer_options
my_session_reads(const struct my_session *s, struct my_lexer_options server,
		 uint16_t status)
{
	const unsigned foreign = MY_LEXER_TRAIL_BYTES | MY_LEXER_HIGH_BYTES;
	uint32_t charset = reads(s, READS_CHARSET);
	bool is_ansi =
		(server.bits & MY_LEXER_MARIADB) != 0
			? (status & MY_STATUS_ANSI_QUOTES) != 0
			: (reads(s, READS_MODE) & MY_LEXER_ANSI_QUOTES) != 0;

	if (is_ansi)
		server.bits |= MY_LEXER_ANSI_QUOTES;
	if (status & MY_STATUS_NO_BACKSLASH)
		server.bits |= MY_LEXER_NO_BACKSLASH;
	/* An unknown one may be any. */
	server.bits |= charset & READS_CHARSET ? charset & foreign : foreign;
	return server;
}

bool
my_session_null_asks_id(const struct my_session *s)
{
	return (reads(s, READS_NULL) & READS_ID) != 0;
}

/* ---- sessions ---- */

void
my_session_fini(struct my_session *s)
{
	statement_unref(s->base);
	statement_unref(s->own);
	*s = (struct my_session){ .base = NULL };
}

void
my_session_copy(struct my_session *to, const struct my_session *from)
{
	struct my_session had = *to;

	to->base = statement_ref(from->base);
	to->own = statement_ref(from->own);
	my_session_fini(&had);
}

bool
my_session_is_equal(const struct my_session *a, const struct my_session *b)
{
	return statement_is_equal(a->own, b->own) &&
	       statement_is_equal(a->base, b->base);
}

/* ---- changes ---- */

/* What a state becomes. */
struct edit {
	bool has_schema; /* a new one: mark and schema */
	char mark;
	struct my_text schema;
	const char *name;  /* of a variable, in small letters, or NULL */
	const char *other; /* goes with it, or NULL */
	/* NULL: the variable goes. */
	const struct my_text *value;
};

static void
put_text(struct str *s, const char *text, size_t len)
{
	if (len > 0)
		str_add(s, text, len);
	str_putc(s, '\0');
}

static void
put_schema(struct str *s, const struct statement *old, const struct edit *e)
{
	const char *name = schema_name(old);

	str_putc(s, e->has_schema ? e->mark : schema_mark(old));
	if (e->has_schema)
		put_text(s, e->schema.data, e->schema.len);
	else
		put_text(s, name, strlen(name));
}

static void
put_value(struct str *s, const struct edit *e)
{
	if (e->value == NULL)
		return;
	put_text(s, e->name, strlen(e->name));
	put_text(s, e->value->data, e->value->len);
}

/* Does a variable of the old state not stay? */
static bool
is_gone(const struct edit *e, const char *name)
{
	if (e->has_schema &&
	    my_variable_find(name, strlen(name)) == MY_VARIABLE_SCHEMA)
		return true;
	return (e->name != NULL && strcmp(name, e->name) == 0) ||
	       (e->other != NULL && strcmp(name, e->other) == 0);
}

static void
compose(struct str *s, const struct statement *old, const struct edit *e)
{
	bool is_put = e->name == NULL;
	struct my_setting at = { 0 };

	put_schema(s, old, e);
	while (my_state_next(old, &at)) {
		if (!is_put && strcmp(at.name, e->name) > 0) {
			put_value(s, e);
			is_put = true;
		}
		if (is_gone(e, at.name))
			continue;
		put_text(s, at.name, strlen(at.name));
		put_text(s, at.value, strlen(at.value));
	}
	if (!is_put)
		put_value(s, e);
}

static bool
is_empty(const struct str *s)
{
	return s->len == 2 && s->data[0] == SCHEMA_BASE;
}

/* Puts the state after an edit into the slot. */
static enum my_change
change(struct statements *t, struct statement **slot, const struct edit *e)
{
	struct statement_key key = { .kind = STATEMENT_STATE };
	struct statement *state = NULL;
	struct str s = { 0 };
	enum my_change result = MY_CHANGE_DONE;
	bool is_new = false;

	compose(&s, *slot, e);
	key.data = s.data;
	key.len = s.len;
	if (s.failed)
		result = MY_CHANGE_NO_MEMORY;
	else if (s.len > MY_STATE_MAX)
		result = MY_CHANGE_PINS;
	else if (!is_empty(&s) &&
		 (state = statements_get(t, &key, &is_new)) == NULL)
		result = MY_CHANGE_NO_MEMORY;
	if (state != NULL && is_new)
		state->flags = reads_of(state);
	if (result == MY_CHANGE_DONE) {
		statement_unref(*slot);
		*slot = state;
	}
	str_fini(&s);
	return result;
}

/* Can it stand in a text with NULs between? */
static bool
is_text(struct my_text t)
{
	return t.len == 0 || memchr(t.data, '\0', t.len) == NULL;
}

/* The name in small letters; false: it is none that can be written. */
static bool
take_name(char out[NAME_MAX_BYTES + 1], struct my_text name)
{
	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = text_lower(name.data[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '.')
			return false;
		out[i] = c;
	}
	out[name.len] = '\0';
	return true;
}

static bool
is_value(const char *has, struct my_text value)
{
	return has != NULL && strlen(has) == value.len &&
	       memcmp(has, value.data, value.len) == 0;
}

enum my_change
my_session_set(struct statements *t, struct my_session *s, struct my_text name,
	       struct my_text value)
{
	enum my_variable kind = my_variable_find(name.data, name.len);
	char small[NAME_MAX_BYTES + 1];
	struct edit e = { .name = small };

	if (kind == MY_VARIABLE_RESULT)
		return MY_CHANGE_RESULT;
	if (kind == MY_VARIABLE_TRACES)
		return MY_CHANGE_TRACES;
	if (kind == MY_VARIABLE_PINS || !is_text(value) ||
	    !take_name(small, name))
		return MY_CHANGE_PINS;
	if (is_value(my_session_find(s, small), value))
		return MY_CHANGE_DONE;
	e.other = my_variable_other(small);
	if (!is_value(find(s->base, small), value))
		e.value = &value;
	return change(t, &s->own, &e);
}

enum my_change
my_session_set_user(struct statements *t, struct my_session *s,
		    struct my_text name, struct my_text expression)
{
	char small[1 + NAME_MAX_BYTES + 1] = "@";
	struct edit e = { .name = small };

	/* The letters of others are compared as the server sees fit. */
	if (!is_text(expression) || !take_name(small + 1, name))
		return MY_CHANGE_PINS;
	if (expression.len > 0)
		e.value = &expression;
	return change(t, &s->own, &e);
}

enum my_change
my_session_learn(struct statements *t, struct my_session *s,
		 struct my_text name, struct my_text value)
{
	enum my_variable kind = my_variable_find(name.data, name.len);
	char small[NAME_MAX_BYTES + 1];
	struct edit e = { .name = small, .value = &value };

	if (kind == MY_VARIABLE_RESULT || kind == MY_VARIABLE_PINS ||
	    kind == MY_VARIABLE_TRACES || kind == MY_VARIABLE_SCHEMA ||
	    !is_text(value) || !take_name(small, name))
		return MY_CHANGE_PINS;
	return change(t, &s->base, &e);
}

/* Servers report an empty name where there is no schema any more. */
static struct edit
edit_schema(struct my_text schema)
{
	return (struct edit){
		.has_schema = true,
		.mark = schema.len > 0 ? SCHEMA_NAMED : SCHEMA_NONE,
		.schema = schema,
	};
}

enum my_change
my_session_learn_schema(struct statements *t, struct my_session *s,
			struct my_text schema)
{
	struct edit e = edit_schema(schema);

	if (!is_text(schema))
		return MY_CHANGE_PINS;
	if (e.mark == SCHEMA_NONE)
		e.mark = SCHEMA_BASE;
	return change(t, &s->base, &e);
}

enum my_change
my_session_use(struct statements *t, struct my_session *s,
	       struct my_text schema)
{
	struct my_session login = { .base = s->base };
	const char *usual = my_session_schema(&login);
	struct edit e = edit_schema(schema);

	if (!is_text(schema))
		return MY_CHANGE_PINS;
	if (schema.len == 0 ? usual == NULL : is_value(usual, schema)) {
		e.mark = SCHEMA_BASE;
		e.schema = (struct my_text){ .data = NULL };
	}
	return change(t, &s->own, &e);
}
