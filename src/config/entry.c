/*
 * Keys and values of one entry.  Pure but for the report; runs on the thread
 * that builds a snapshot.  Which keys there are is for the callers' tables.
 */
#include "config/entry.h"

#include <string.h>

#include "base/mem.h"
#include "config/pairs.h"

#define BIT64(n) (UINT64_C(1) << (n))

static void *
member(const struct entry *e, const struct entry_key *key)
{
	return (char *)e->draft + key->at;
}

static const struct entry_key *
find_key(const struct entry *e, const char *name)
{
	size_t i;

	for (i = 0; i < e->key_count; i++)
		if (strcmp(name, e->keys[i].name) == 0 ||
		    (e->keys[i].alias != NULL &&
		     strcmp(name, e->keys[i].alias) == 0))
			return &e->keys[i];
	return NULL;
}

static uint64_t
key_bit(const struct entry *e, const struct entry_key *key)
{
	return BIT64(key - e->keys);
}

static bool
is_unset(const struct entry_key *key, const char *text, const struct value *v)
{
	switch (key->unset) {
	case UNSET_NEVER:
		return false;
	case UNSET_MINUS_ONE:
		return strcmp(text, "-1") == 0;
	case UNSET_MINUS_ONE_AND_ZERO:
		return strcmp(text, "-1") == 0 || v->number == 0;
	}
	return false;
}

/* Says what a key or value does whose function comes later; true: it is
 * refused. */
static bool
is_refused(const struct entry *e, const struct entry_key *key,
	   enum support support, struct config_report *report)
{
	switch (support) {
	case SUPPORT_FULL:
		break;
	case SUPPORT_LATER:
		report_warning(report, e->at,
			       "%s \"%s\": %s has no effect in this version",
			       e->kind, e->name, key->name);
		break;
	case SUPPORT_REFUSED:
		report_error(report, e->at,
			     "%s \"%s\": %s is refused: this version cannot "
			     "follow it, and without it the configuration "
			     "would be less safe than it says",
			     e->kind, e->name, key->name);
		return true;
	}
	return false;
}

static void
read_pair(struct entry *e, const struct pair *pair, uint64_t *seen,
	  struct config_report *report)
{
	const struct entry_key *key = find_key(e, pair->key);
	struct value v;
	char why[VALUE_WHY_MAX];

	if (key == NULL) {
		report_error(report, e->at, "%s \"%s\": unknown key \"%.60s\"",
			     e->kind, e->name, pair->key);
		return;
	}
	if (is_refused(e, key, key->support, report))
		return;
	if (!value_parse(key->type, 0, key->max, pair->value, &v, why) &&
	    !is_unset(key, pair->value, &(struct value){ .number = 1 })) {
		report_error(report, e->at, "%s \"%s\": %s: %s", e->kind,
			     e->name, key->name, why);
		return;
	}
	if (is_refused(e, key, v.support, report))
		return;
	/* What a URL gave may be replaced without a word. */
	if ((*seen & key_bit(e, key)) != 0)
		report_warning(report, e->at,
			       "%s \"%s\": %s is given twice, the last holds",
			       e->kind, e->name, key->name);
	*seen |= key_bit(e, key);
	if (is_unset(key, pair->value, &v))
		return;
	value_store(key->type, &v, member(e, key));
	e->given |= key_bit(e, key);
}

void
entry_read(struct entry *e, const char *text, struct pile *pile,
	   struct config_report *report)
{
	struct pair_walk walk = { .at = text, .pile = pile };
	struct pair pair;
	uint64_t seen = 0;

	while (pair_next(&walk, &pair))
		read_pair(e, &pair, &seen, report);
	if (walk.why != NULL)
		report_error(report, e->at, "%s \"%s\": %s", e->kind, e->name,
			     walk.why);
}

void
entry_give(struct entry *e, const char *key, const char *value,
	   struct config_report *report)
{
	const struct entry_key *k = find_key(e, key);
	struct value v = { .text = value };
	char why[VALUE_WHY_MAX];

	ASSERT(k != NULL);
	if (value[0] == '\0')
		return;
	/* A secret is never printed, so it may be of any bytes. */
	if (!k->type->is_secret &&
	    !value_parse(k->type, 0, k->max, value, &v, why)) {
		report_error(report, e->at, "%s \"%s\": %s: %s", e->kind,
			     e->name, key, why);
		return;
	}
	value_store(k->type, &v, member(e, k));
	e->given |= key_bit(e, k);
}

bool
entry_has(const struct entry *e, const char *key)
{
	const struct entry_key *k = find_key(e, key);

	ASSERT(k != NULL);
	return (e->given & key_bit(e, k)) != 0;
}

static void
print_quoted(const char *text, char quote, struct str *out)
{
	str_putc(out, quote);
	for (; *text != '\0'; text++) {
		if (*text == quote)
			str_putc(out, quote);
		str_putc(out, *text);
	}
	str_putc(out, quote);
}

void
entry_print(const struct entry *e, struct str *out)
{
	const struct entry_key *key;
	struct value v;
	char buffer[VALUE_TEXT_MAX];
	const char *text, *gap = "";

	for (key = e->keys; key < e->keys + e->key_count; key++) {
		if ((e->given & key_bit(e, key)) == 0)
			continue;
		v = value_load(key->type, member(e, key));
		text = value_text(key->type, &v, buffer, sizeof(buffer));
		str_printf(out, "%s%s=", gap, key->name);
		if (text[0] == '\0' || strpbrk(text, " \t'") != NULL)
			print_quoted(text, '\'', out);
		else
			str_puts(out, text);
		gap = " ";
	}
}

bool
entry_is_equal(const struct entry *a, const struct entry *b)
{
	const struct entry_key *key;
	struct value va, vb;

	if (a->given != b->given)
		return false;
	for (key = a->keys; key < a->keys + a->key_count; key++) {
		va = value_load(key->type, member(a, key));
		vb = value_load(key->type, member(b, key));
		if ((a->given & key_bit(a, key)) != 0 &&
		    !value_is_equal(key->type, &va, &vb))
			return false;
	}
	return true;
}

void
entry_print_name(const char *name, struct str *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.-*";

	if (name[0] != '\0' && name[strspn(name, plain)] == '\0')
		str_puts(out, name);
	else
		print_quoted(name, '"', out);
}
