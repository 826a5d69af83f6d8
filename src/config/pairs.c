/*
 * The grammar of `key=value` lists.  Pure; knows no key.
 */
#include "config/pairs.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define BLANKS " \t"

static bool
fail(struct pair_walk *walk, const char *why)
{
	walk->why = why;
	return false;
}

static bool
take_quoted(struct pair_walk *walk, struct pair *out)
{
	const char *p = walk->at + 1;
	size_t len = 0;
	char *value = pile_alloc(walk->pile, strlen(p) + 1);

	for (; p[0] != '\0'; p++) {
		if (p[0] == '\'' && p[1] != '\'')
			break;
		if (p[0] == '\'')
			p++;
		value[len++] = *p;
	}
	if (*p == '\0')
		return fail(walk, "a value without closing quote");
	if (p[1] != '\0' && strchr(BLANKS, p[1]) == NULL)
		return fail(walk, "text directly behind a closing quote");
	out->value = value;
	walk->at = p + 1;
	return true;
}

static bool
take_plain(struct pair_walk *walk, struct pair *out)
{
	size_t len = strcspn(walk->at, BLANKS);

	if (len == 0)
		return fail(walk, "a key without a value");
	out->value = pile_text(walk->pile, walk->at, len);
	walk->at += len;
	return true;
}

bool
pair_next(struct pair_walk *walk, struct pair *out)
{
	size_t len;

	walk->at += strspn(walk->at, BLANKS);
	if (*walk->at == '\0')
		return false;
	len = strcspn(walk->at, "=" BLANKS);
	out->key = pile_text(walk->pile, walk->at, len);
	walk->at += len;
	walk->at += strspn(walk->at, BLANKS);
	if (len == 0 || *walk->at != '=')
		return fail(walk, "a word that is no \"key=value\"");
	walk->at++;
	walk->at += strspn(walk->at, BLANKS);
	if (*walk->at == '\'')
		return take_quoted(walk, out);
	return take_plain(walk, out);
}
