/*
 * A client's statements: chained buckets by number, and what their texts mean.
 */
#include "my_named.h"

#include <string.h>

#include "base/mem.h"
#include "my_command.h"

#define BUCKETS_MIN 4u

/* ---- the table ---- */

struct my_names *
my_names_new(void)
{
	struct my_names *t = mem_zalloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->buckets = mem_zalloc(BUCKETS_MIN * sizeof(struct my_named *));
	if (t->buckets == NULL) {
		mem_free(t);
		return NULL;
	}
	t->room = BUCKETS_MIN;
	return t;
}

static void
named_free(struct my_named *n)
{
	if (n == NULL)
		return;
	statement_unref(n->statement);
	statement_unref(n->types);
	mem_free(n);
}

void
my_names_free(struct my_names *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->room; i++) {
		struct my_named *n, *next;

		for (n = t->buckets[i]; n != NULL; n = next) {
			next = n->next;
			named_free(n);
		}
	}
	named_free(t->pending);
	statement_unref(t->context);
	my_session_fini(&t->context_of);
	mem_free(t->buckets);
	mem_free(t);
}

static struct my_named **
bucket_of(const struct my_names *t, uint32_t id)
{
	return &t->buckets[id & (t->room - 1)];
}

struct my_named *
my_names_find(const struct my_names *t, uint32_t id)
{
	struct my_named *n = *bucket_of(t, id);

	while (n != NULL && n->id != id)
		n = n->next;
	return n;
}

bool
my_names_have_room(const struct my_names *t, size_t len)
{
	return t->count < MY_NAMES_MAX && t->bytes + len <= MY_NAMES_BYTES_MAX;
}

/* Numbers come again when 2^32 were given. */
static uint32_t
free_id(struct my_names *t)
{
	do
		t->last_id++;
	while (t->last_id == 0 || t->last_id == MY_STATEMENT_LAST ||
	       my_names_find(t, t->last_id) != NULL);
	return t->last_id;
}

bool
my_names_send(struct my_names *t, struct statement *statement)
{
	struct my_named *n = mem_zalloc(sizeof(*n));

	if (n == NULL)
		return false;
	my_names_drop(t);
	n->id = free_id(t);
	n->statement = statement_ref(statement);
	t->pending = n;
	return true;
}

/* More buckets when they are full; without memory they stay as they are. */
static void
grow(struct my_names *t)
{
	uint32_t old_room = t->room;
	struct my_named **old = t->buckets, **buckets;

	if (t->count < t->room)
		return;
	buckets = mem_zalloc(2 * old_room * sizeof(struct my_named *));
	if (buckets == NULL)
		return;
	t->buckets = buckets;
	t->room = 2 * old_room;
	for (uint32_t i = 0; i < old_room; i++) {
		struct my_named *n, *next;

		for (n = old[i]; n != NULL; n = next) {
			struct my_named **to = bucket_of(t, n->id);

			next = n->next;
			n->next = *to;
			*to = n;
		}
	}
	mem_free(old);
}

/* What is counted for one: its text, and the types of its parameters. */
static size_t
size_of(const struct my_named *n)
{
	return n->statement->len + 2 * (size_t)n->params;
}

struct my_named *
my_names_commit(struct my_names *t, uint16_t params)
{
	struct my_named *n = t->pending, **to;

	t->pending = NULL;
	n->params = params;
	grow(t);
	to = bucket_of(t, n->id);
	n->next = *to;
	*to = n;
	t->count++;
	t->bytes += size_of(n);
	t->last = n->id;
	return n;
}

void
my_names_drop(struct my_names *t)
{
	named_free(t->pending);
	t->pending = NULL;
	t->last = 0;
}

void
my_names_remove(struct my_names *t, struct my_named *n)
{
	struct my_named **at = bucket_of(t, n->id);

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	t->count--;
	t->bytes -= size_of(n);
	if (t->last == n->id)
		t->last = 0;
	named_free(n);
}

struct my_named *
my_names_next(const struct my_names *t, const struct my_named *n)
{
	uint32_t i = 0;

	if (n != NULL) {
		if (n->next != NULL)
			return n->next;
		i = (n->id & (t->room - 1)) + 1;
	}
	while (i < t->room && t->buckets[i] == NULL)
		i++;
	return i < t->room ? t->buckets[i] : NULL;
}

/* ---- what a text means ---- */

/*
 * In this order they are also set: the last two are one thing, and the one that
 * was set last counts.
 */
static const char *const variables[] = { "sql_mode", "character_set_client",
					 "character_set_connection",
					 "collation_connection" };

#define KNOWN '1'
#define UNKNOWN '0'

static void
put_value(struct str *s, const char *value)
{
	str_putc(s, value != NULL ? KNOWN : UNKNOWN);
	if (value != NULL)
		str_puts(s, value);
	str_putc(s, '\0');
}

/* The bytes of a context: the schema, the variables, how servers read. */
static void
compose(struct str *s, const struct my_session *of,
	struct my_lexer_options server)
{
	put_value(s, my_session_schema(of));
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		put_value(s, my_session_find(of, variables[i]));
	str_printf(s, "%u %x", server.version, server.bits);
}

struct statement *
my_names_context(struct my_names *t, struct statements *table,
		 const struct my_session *of, struct my_lexer_options server)
{
	struct statement_key key = { .kind = STATEMENT_CONTEXT };
	struct str s = { 0 };
	bool is_new;

	if (t->context != NULL && t->context_of.own == of->own &&
	    t->context_of.base == of->base)
		return t->context;
	compose(&s, of, server);
	statement_unref(t->context);
	t->context = NULL;
	key.data = s.data;
	key.len = s.len;
	if (!s.failed)
		t->context = statements_get(table, &key, &is_new);
	str_fini(&s);
	if (t->context != NULL)
		my_session_copy(&t->context_of, of);
	return t->context;
}

enum my_change
my_context_enter(struct statements *table, const struct statement *context,
		 struct my_session *to)
{
	const char *at = context->data;
	enum my_change change = MY_CHANGE_DONE;

	/* No command leaves a schema; who had none named all tables whole. */
	if (*at == KNOWN)
		change = my_session_use(
			table, to, (struct my_text){ at + 1, strlen(at + 1) });
	for (size_t i = 0;
	     i < COUNT_OF(variables) && change != MY_CHANGE_NO_MEMORY; i++) {
		at += strlen(at) + 1;
		if (*at == KNOWN)
			change = my_session_set(
				table, to,
				(struct my_text){ variables[i],
						  strlen(variables[i]) },
				(struct my_text){ at + 1, strlen(at + 1) });
	}
	return change;
}
