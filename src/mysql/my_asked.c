/*
 * What clients and their libraries ask and set by themselves when they
 * connect.
 *
 * The command line clients ask for @@version_comment, DATABASE() and USER(),
 * libraries for limits and modes (one SELECT of many variables, or SHOW
 * VARIABLES), most set a character set and autocommit, and some roll back
 * before they let go.  The console has no session, so what is set changes
 * nothing, and what is asked comes from one table.  Anything else, SELECTs of
 * another form included, is for the console.  Owns nothing.
 */
#include "my_asked.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/version.h"

#define SERVER_VERSION "8.0.0-carpool-" CARPOOL_VERSION

/* By name; none of them is a setting of carpool's. */
static const struct variable {
	const char *name, *value;
} variables[] = {
	{ "auto_increment_increment", "1" },
	{ "autocommit", "1" },
	{ "character_set_client", "utf8mb4" },
	{ "character_set_connection", "utf8mb4" },
	{ "character_set_database", "utf8mb4" },
	{ "character_set_results", "utf8mb4" },
	{ "character_set_server", "utf8mb4" },
	{ "collation_connection", "utf8mb4_general_ci" },
	{ "collation_database", "utf8mb4_general_ci" },
	{ "collation_server", "utf8mb4_general_ci" },
	{ "default_storage_engine", "" },
	{ "foreign_key_checks", "1" },
	{ "init_connect", "" },
	{ "interactive_timeout", "28800" },
	{ "license", "" },
	{ "lower_case_table_names", "0" },
	{ "max_allowed_packet", "65536" },
	{ "net_buffer_length", "16384" },
	{ "net_read_timeout", "30" },
	{ "net_write_timeout", "60" },
	{ "performance_schema", "0" },
	{ "query_cache_size", "0" },
	{ "query_cache_type", "OFF" },
	{ "session_track_gtids", "OFF" },
	{ "session_track_schema", "OFF" },
	{ "session_track_system_variables", "" },
	{ "sql_auto_is_null", "0" },
	{ "sql_mode", "" },
	{ "sql_safe_updates", "0" },
	{ "sql_select_limit", "18446744073709551615" },
	{ "system_time_zone", "UTC" },
	{ "time_zone", "SYSTEM" },
	{ "transaction_isolation", "READ-COMMITTED" },
	{ "transaction_read_only", "0" },
	{ "tx_isolation", "READ-COMMITTED" },
	{ "tx_read_only", "0" },
	{ "unique_checks", "1" },
	{ "version", SERVER_VERSION },
	{ "version_comment", "carpool console" },
	{ "wait_timeout", "28800" },
};

static const struct variable *
find_variable(const char *name, size_t len)
{
	char copy[48];

	if (len >= sizeof(copy))
		return NULL;
	memcpy(copy, name, len);
	copy[len] = '\0';
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		if (text_equal_nocase(variables[i].name, copy))
			return &variables[i];
	return NULL;
}

/* ---- tokens ---- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_SIGN };

struct token {
	enum token_kind kind;
	char *at; /* of a text: behind the quote */
	size_t len;
};

/* The statement, read one token ahead. */
struct reader {
	char *at;
	struct token token;
	char *before; /* where the last token taken ends */
};

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || (c != '\0' && strchr("_$@.", c)) ||
	       (uint8_t)c >= 0x80;
}

/* Blanks and comments; those that servers carry out are opened. */
static char *
skip_blanks(char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n\f\v");
		if (strncmp(p, "/*!", 3) == 0) {
			p += 3;
			p += strspn(p, "M0123456789");
		} else if (strncmp(p, "*/", 2) == 0) {
			p += 2;
		} else if (strncmp(p, "/*", 2) == 0) {
			char *end = strstr(p + 2, "*/");

			p = end != NULL ? end + 2 : p + strlen(p);
		} else if (*p == '#' || strncmp(p, "-- ", 3) == 0) {
			p += strcspn(p, "\n");
		} else {
			return p;
		}
	}
}

/* Takes the token. */
static void
next(struct reader *r)
{
	struct token *t = &r->token;
	char *p = skip_blanks(r->at);

	r->before = r->at;
	*t = (struct token){ .kind = TOKEN_END, .at = p };
	if (is_word(*p)) {
		t->kind = TOKEN_WORD;
		while (is_word(p[t->len]))
			t->len++;
		r->at = p + t->len;
	} else if (*p == '\'' || *p == '"' || *p == '`') {
		char *end = strchr(p + 1, *p);

		/* What is not closed is left to the console. */
		t->kind = end != NULL ? TOKEN_TEXT : TOKEN_SIGN;
		t->at = p + (end != NULL);
		t->len = end != NULL ? (size_t)(end - p) - 1 : 1;
		r->at = end != NULL ? end + 1 : p + 1;
	} else if (*p != '\0') {
		t->kind = TOKEN_SIGN;
		t->len = 1;
		r->at = p + 1;
	}
}

static bool
is(const struct reader *r, const char *word)
{
	size_t len = strlen(word);
	enum token_kind kind = is_word(word[0]) ? TOKEN_WORD : TOKEN_SIGN;

	if (r->token.kind != kind || r->token.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text_lower(r->token.at[i]) != word[i])
			return false;
	return true;
}

static bool
take(struct reader *r, const char *word)
{
	if (!is(r, word))
		return false;
	next(r);
	return true;
}

static bool
take_one_of(struct reader *r, const char *const *words)
{
	for (; *words != NULL; words++)
		if (take(r, *words))
			return true;
	return false;
}

static bool
is_end(struct reader *r)
{
	while (take(r, ";"))
		;
	return r->token.kind == TOKEN_END;
}

/* ---- answers ---- */

static enum my_asked_result
give(struct my_asked *a, struct rowset *rows)
{
	a->rows = rows;
	return rows != NULL && !rows->is_torn ? MY_ASKED_DONE
					      : MY_ASKED_NO_MEMORY;
}

static enum my_asked_result
done(struct my_asked *a)
{
	return give(a, rowset_new(NULL, 0, ""));
}

/* ---- SELECT ---- */

struct item {
	char *name, *name_end; /* in the text; NUL ends it once all is read */
	char *cell_end;        /* the same of a cell in the text, or NULL */
	const char *cell;
};

struct select {
	struct item items[MY_ASKED_MAX];
	size_t count;
	const char *unknown; /* a variable that there is not */
	size_t unknown_len;
};

static void
read_variable(struct select *s, struct item *item, const struct token *t)
{
	static const char *const scopes[] = { "session.", "global.", "local." };
	const char *name = t->at + 2;
	size_t len = t->len - 2;
	const struct variable *v;

	for (size_t i = 0; i < COUNT_OF(scopes); i++) {
		size_t n = strlen(scopes[i]);

		if (len > n && strncasecmp(name, scopes[i], n) == 0) {
			name += n;
			len -= n;
			break;
		}
	}
	v = find_variable(name, len);
	item->cell = v != NULL ? v->value : NULL;
	if (v == NULL && s->unknown == NULL) {
		s->unknown = name;
		s->unknown_len = len;
	}
}

/* A function without arguments; false: not one of these. */
static bool
read_function(struct item *item, struct reader *r)
{
	static const char *const schema[] = { "database", "schema", NULL };
	static const char *const user[] = { "user", "current_user",
					    "session_user", "system_user",
					    NULL };

	if (take_one_of(r, schema))
		item->cell = "carpool";
	else if (take_one_of(r, user))
		item->cell = ""; /* the front does not keep it */
	else if (take(r, "version"))
		item->cell = SERVER_VERSION;
	else
		return false;
	return take(r, "(") && take(r, ")");
}

static bool
read_value(struct select *s, struct item *item, struct reader *r)
{
	struct token t = r->token;

	item->name = t.at;
	if (t.kind == TOKEN_TEXT && t.at[-1] == '`')
		return false;
	if (t.kind == TOKEN_TEXT ||
	    (t.kind == TOKEN_WORD && t.len == strspn(t.at, "0123456789"))) {
		item->cell = t.at;
		item->cell_end = item->name_end = t.at + t.len;
		next(r);
		return true;
	}
	if (t.kind == TOKEN_WORD && t.len > 2 && strncmp(t.at, "@@", 2) == 0) {
		read_variable(s, item, &t);
		next(r);
	} else if (!read_function(item, r)) {
		return false;
	}
	item->name_end = r->before;
	return true;
}

static void
read_alias(struct item *item, struct reader *r)
{
	bool has_as = take(r, "as");
	struct token t = r->token;

	if (!has_as && (is(r, "from") || is(r, "limit")))
		return;
	if (t.kind != TOKEN_WORD && t.kind != TOKEN_TEXT)
		return;
	item->name = t.at;
	item->name_end = t.at + t.len;
	next(r);
}

static bool
read_items(struct select *s, struct reader *r)
{
	do {
		struct item *item = &s->items[s->count];

		if (s->count == MY_ASKED_MAX || !read_value(s, item, r))
			return false;
		read_alias(item, r);
		s->count++;
	} while (take(r, ","));
	if (take(r, "from") && !take(r, "dual"))
		return false;
	if (take(r, "limit"))
		next(r);
	return is_end(r);
}

static enum my_asked_result
no_variable(struct my_asked *a, const struct select *s)
{
	char text[128];

	(void)text_format(text, sizeof(text), "Unknown system variable '%.*s'",
			  (int)(s->unknown_len < 64 ? s->unknown_len : 64),
			  s->unknown);
	return give(a, rowset_error("42704", text, NULL));
}

/* Some clients compare what they asked for with numbers. */
static enum column_type
type_of(const char *cell)
{
	size_t len = strspn(cell, "0123456789");

	return len > 0 && len < 19 && cell[len] == '\0' ? COLUMN_INT8
							: COLUMN_TEXT;
}

static enum my_asked_result
on_select(struct my_asked *a, struct reader *r)
{
	const char *cells[MY_ASKED_MAX];
	struct select s = { .count = 0 };

	if (!read_items(&s, r))
		return MY_ASKED_NOT;
	if (s.unknown != NULL)
		return no_variable(a, &s);
	for (size_t i = 0; i < s.count; i++) {
		struct item *item = &s.items[i];

		*item->name_end = '\0';
		if (item->cell_end != NULL)
			*item->cell_end = '\0';
		a->columns[i].name = item->name;
		a->columns[i].type = type_of(item->cell);
		cells[i] = item->cell;
	}
	a->rows = rowset_new(a->columns, s.count, "SELECT");
	if (a->rows != NULL)
		(void)rowset_add(a->rows, cells);
	return give(a, a->rows);
}

/* ---- SHOW ---- */

/* One character of a text and of a pattern that is not at its end; *width: the
 * bytes that it takes of the pattern. */
static bool
is_like_one(char c, const char *pattern, size_t left, size_t *width)
{
	*width = 1;
	if (*pattern == '_')
		return true;
	if (*pattern == '\\' && left > 1) {
		*width = 2;
		pattern++;
	}
	return text_lower(c) == text_lower(*pattern);
}

/* A pattern with % and _, as LIKE has it, whatever the letters' case. */
static bool
is_like(const char *text, const char *pattern, size_t len)
{
	const char *again = NULL; /* where the last % may end a byte later */
	size_t at = 0, after = 0, width;

	while (*text != '\0') {
		if (at < len && pattern[at] == '%') {
			after = ++at;
			again = text;
		} else if (at < len &&
			   is_like_one(*text, pattern + at, len - at, &width)) {
			at += width;
			text++;
		} else if (again != NULL) {
			at = after;
			text = ++again;
		} else {
			return false;
		}
	}
	while (at < len && pattern[at] == '%')
		at++;
	return at == len;
}

static enum my_asked_result
show_variables(struct my_asked *a, struct reader *r, bool has_any)
{
	static const struct rowset_column columns[] = {
		{ "Variable_name", COLUMN_TEXT },
		{ "Value", COLUMN_TEXT },
	};
	struct token like = { .at = (char *)(uintptr_t) "%", .len = 1 };

	/* Whoever asks by WHERE picks from all of them. */
	if (take(r, "like")) {
		like = r->token;
		if (like.kind != TOKEN_TEXT)
			return MY_ASKED_NOT;
	}
	a->rows = rowset_new(columns, COUNT_OF(columns), "SHOW");
	for (size_t i = 0; a->rows != NULL && i < COUNT_OF(variables); i++) {
		const char *cells[] = { variables[i].name, variables[i].value };

		if (has_any && is_like(cells[0], like.at, like.len))
			(void)rowset_add(a->rows, cells);
	}
	return give(a, a->rows);
}

static enum my_asked_result
on_show(struct my_asked *a, struct reader *r)
{
	static const char *const scopes[] = { "session", "global", "local",
					      NULL };
	static const char *const problems[] = { "warnings", "errors", NULL };
	static const struct rowset_column warnings[] = {
		{ "Level", COLUMN_TEXT },
		{ "Code", COLUMN_INT4 },
		{ "Message", COLUMN_TEXT },
	};

	if (take_one_of(r, problems))
		return give(a,
			    rowset_new(warnings, COUNT_OF(warnings), "SHOW"));
	(void)take_one_of(r, scopes);
	if (take(r, "variables"))
		return show_variables(a, r, true);
	if (take(r, "status"))
		return show_variables(a, r, false);
	return MY_ASKED_NOT;
}

/* ---- what changes nothing here ---- */

static enum my_asked_result
on_set(struct my_asked *a, struct reader *r)
{
	static const char *const words[] = { "names",       "character",
					     "charset",     "session",
					     "transaction", NULL };
	struct token t = r->token;

	if (take_one_of(r, words) ||
	    (t.kind == TOKEN_WORD &&
	     (t.at[0] == '@' || find_variable(t.at, t.len) != NULL)))
		return done(a);
	return MY_ASKED_NOT;
}

static enum my_asked_result
on_use(struct my_asked *a, struct reader *r)
{
	/* A name in quotes is as good. */
	if (r->token.kind == TOKEN_TEXT)
		r->token.kind = TOKEN_WORD;
	return (take(r, "carpool") || take(r, "pgbouncer")) && is_end(r)
		       ? done(a)
		       : MY_ASKED_NOT;
}

enum my_asked_result
my_asked_answer(struct my_asked *a, const char *text)
{
	static const char *const transactions[] = { "begin", "commit",
						    "rollback", NULL };
	struct reader r = { 0 };

	*a = (struct my_asked){ .text = mem_strdup(text) };
	if (a->text == NULL)
		return MY_ASKED_NO_MEMORY;
	r.at = a->text;
	next(&r);
	if (take(&r, "select"))
		return on_select(a, &r);
	if (take(&r, "show"))
		return on_show(a, &r);
	if (take(&r, "set"))
		return on_set(a, &r);
	if (take(&r, "use"))
		return on_use(a, &r);
	if (take_one_of(&r, transactions) ||
	    (take(&r, "start") && take(&r, "transaction")))
		return done(a);
	return MY_ASKED_NOT;
}

void
my_asked_fini(struct my_asked *a)
{
	rowset_free(a->rows);
	mem_free(a->text);
}
