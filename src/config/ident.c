/*
 * The maps of auth_ident_file: read on the thread that builds, asked by any.
 * Regular expressions are those of regcomp(3), extended.
 */
#include "config/ident.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/fields.h"
#include "config/hba.h"

/* ---- the file ---- */

struct reading {
	struct ident *ident;          /* borrows */
	struct pile *pile;            /* borrows */
	struct config_report *report; /* borrows */
};

/* Each of these has the library double what stands before it. */
#define DOUBLINGS_MAX 5

static bool
is_small(const char *expression)
{
	unsigned doublings = 0;

	for (; *expression != '\0'; expression++)
		doublings += *expression == '+' ? 1 : 0;
	return doublings <= DOUBLINGS_MAX;
}

static bool
compile(struct reading *r, const struct fields *f, struct ident_line *l)
{
	char why[120];
	int failure;

	if (!is_small(l->system) || strchr(l->system, '{') != NULL) {
		report_error(r->report, f->place,
			     "regular expression \"%.60s\": it has a {, or "
			     "more than %d times a +",
			     l->system + 1, DOUBLINGS_MAX);
		return false;
	}
	failure = regcomp(&l->re, l->system + 1, REG_EXTENDED);
	if (failure == 0) {
		l->is_regex = true;
		return true;
	}
	(void)regerror(failure, &l->re, why, sizeof(why));
	report_error(r->report, f->place, "regular expression \"%.60s\": %s",
		     l->system + 1, why);
	return false;
}

static void
take_line(void *arg, const struct fields *f)
{
	struct reading *r = arg;
	struct ident *m = r->ident;
	struct ident_line l = { 0 };
	bool is_right = f->count == 3;

	for (size_t i = 0; i < f->count; i++)
		is_right &= f->at[i].count == 1;
	if (!is_right) {
		report_error(r->report, f->place,
			     "a line is a map, a system's user and a user");
		return;
	}
	l.map = f->at[0].words[0].text;
	l.system = f->at[1].words[0].text;
	l.user = f->at[2].words[0].text;
	l.is_any = word_is(&f->at[2].words[0], "all");
	if (!f->at[2].words[0].is_quoted &&
	    (l.user[0] == '+' || l.user[0] == '/')) {
		report_error(r->report, f->place,
			     "neither roles' memberships nor regular "
			     "expressions can stand for users: \"%.60s\"",
			     l.user);
		return;
	}
	if (l.system[0] == '/' && !compile(r, f, &l))
		return;
	m->lines = pile_grow(r->pile, m->lines, m->count, &m->room, sizeof(l));
	m->lines[m->count++] = l;
}

int
ident_read(struct ident *m, const char *path, struct pile *pile,
	   struct config_report *report)
{
	struct reading r = { .ident = m, .pile = pile, .report = report };

	return fields_read(path, pile, report, take_line, &r);
}

void
ident_fini(struct ident *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->lines[i].is_regex)
			regfree(&m->lines[i].re);
	m->count = 0;
}

/* ---- questions ---- */

bool
ident_has_map(const struct ident *m, const char *map)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->lines[i].map, map) == 0)
			return true;
	return false;
}

/* Is user what the line says, with what the expression caught for \1? */
static bool
is_user(const struct ident_line *l, const char *name, const regmatch_t *caught,
	const char *user)
{
	const char *mark = strstr(l->user, "\\1");
	size_t before = mark != NULL ? (size_t)(mark - l->user) : 0;
	size_t len =
		caught->rm_so < 0 ? 0 : (size_t)(caught->rm_eo - caught->rm_so);

	if (l->is_any)
		return true;
	if (mark == NULL || !l->is_regex)
		return strcmp(l->user, user) == 0;
	if (caught->rm_so < 0 || strlen(user) < before + len)
		return false;
	return memcmp(user, l->user, before) == 0 &&
	       memcmp(user + before, name + caught->rm_so, len) == 0 &&
	       strcmp(user + before + len, mark + 2) == 0;
}

static bool
line_allows(const struct ident_line *l, const char *name, const char *user)
{
	regmatch_t found[2] = { { -1, -1 }, { -1, -1 } };

	if (l->is_regex ? regexec(&l->re, name, COUNT_OF(found), found, 0) != 0
			: strcmp(l->system, name) != 0)
		return false;
	return is_user(l, name, &found[1], user);
}

bool
ident_allows(const struct ident *m, const char *map, const char *name,
	     const char *user)
{
	if (map[0] == '\0')
		return strcmp(name, user) == 0;
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->lines[i].map, map) == 0 &&
		    line_allows(&m->lines[i], name, user))
			return true;
	return false;
}
