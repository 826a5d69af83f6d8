/*
 * The grammar of the auth_file, line by line: `"name" "secret"`, a quote within
 * doubled; what follows on the line is ignored, as PgBouncer ignores it (old
 * server files have a third field).  ';' starts a comment line.  Runs on the
 * thread that builds a snapshot; what a secret means is known to auth/ alone.
 */
#include "config/userlist.h"

#include <string.h>
#include <sys/stat.h>

#include "config/file.h"
#include "config/snapshot.h"

/* PgBouncer's own limit; a longer one is a mangled file. */
#define SECRET_MAX 65530

/* What is left of a line. */
struct rest {
	const char *at;
	const char *end;
};

static void
skip_blanks(struct rest *r)
{
	while (r->at < r->end && strchr(" \t\r\v\f", *r->at) != NULL &&
	       *r->at != '\0')
		r->at++;
}

/* The quoted text at the start of r, or NULL where there is none. */
static const char *
take_quoted(struct rest *r, struct pile *pile)
{
	char *text;
	size_t len = 0;
	const char *p;

	if (r->at == r->end || *r->at != '"')
		return NULL;
	text = pile_alloc(pile, (size_t)(r->end - r->at));
	for (p = r->at + 1; p < r->end; p++) {
		if (*p == '"' && (p + 1 == r->end || p[1] != '"')) {
			r->at = p + 1;
			return text;
		}
		if (*p == '"')
			p++;
		text[len++] = *p;
	}
	return NULL;
}

/* Reads one line into e; returns NULL, or what is wrong with it. */
static const char *
parse_line(struct rest r, struct pile *pile, struct userlist_entry *e)
{
	if (memchr(r.at, '\0', (size_t)(r.end - r.at)) != NULL)
		return "line with a zero byte";
	e->name = take_quoted(&r, pile);
	if (e->name == NULL)
		return "no user name in double quotes";
	skip_blanks(&r);
	e->secret = take_quoted(&r, pile);
	if (e->secret == NULL)
		return "no secret in double quotes behind the user name";
	if (e->name[0] == '\0')
		return "empty user name";
	if (strlen(e->name) > USER_NAME_MAX)
		return "user name of more than 127 bytes";
	if (strlen(e->secret) > SECRET_MAX)
		return "secret of more than 65530 bytes";
	return NULL;
}

static void
add_line(struct userlist *list, struct rest r, struct place at,
	 struct pile *pile, struct config_report *report)
{
	struct userlist_entry e = { .at = at };
	const char *wrong;

	skip_blanks(&r);
	if (r.at == r.end || *r.at == ';')
		return;
	wrong = parse_line(r, pile, &e);
	if (wrong != NULL) {
		report_error(report, at, "%s", wrong);
		return;
	}
	list->entries = pile_grow(pile, list->entries, list->count, &list->room,
				  sizeof(e));
	list->entries[list->count++] = e;
}

int
userlist_read(struct userlist *list, const char *path, struct pile *pile,
	      struct config_report *report)
{
	struct file_text text;
	struct file_line line = { 0 };
	struct place at = { .file = path, .line = 0 };
	int failure;

	failure = file_read(path, &text);
	if (failure != 0)
		return failure;
	if (S_ISREG(text.mode) && (text.mode & S_IROTH) != 0)
		report_warning(report, at,
			       "every user of this machine can read this file "
			       "of secrets; chmod o-r it");
	while (file_next_line(&text, &line)) {
		at.line = line.number;
		add_line(list, (struct rest){ line.text, line.text + line.len },
			 at, pile, report);
	}
	file_fini(&text);
	return 0;
}
