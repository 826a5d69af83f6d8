/*
 * Files of lines of fields; see fields.h.  A line that ends with a backslash
 * goes on in the next one.  Runs on the thread that builds a snapshot.
 */
#include "config/fields.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/file.h"

/* Files within files; deeper is a mistake. */
#define DEPTH_MAX 10

struct reader {
	struct pile *pile;            /* borrows */
	struct config_report *report; /* borrows */
	struct place at;
	unsigned depth; /* of files within files */
};

/* What is left of a line. */
struct rest {
	const char *at;
	const char *end;
};

bool
word_is(const struct word *w, const char *keyword)
{
	return !w->is_quoted && strcmp(w->text, keyword) == 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void
add_word(struct reader *r, struct field *f, struct word w)
{
	f->words = pile_grow(r->pile, f->words, f->count, &f->room, sizeof(w));
	f->words[f->count++] = w;
}

static void read_list(struct reader *r, const char *name, struct field *f);

/* The word at the head; quotes within it are left out, doubled ones stay one.
 */
static bool
take_word(struct reader *r, struct rest *s, struct word *w)
{
	char *text = pile_alloc(r->pile, (size_t)(s->end - s->at) + 1);
	bool is_open = false;
	size_t len = 0;

	*w = (struct word){ .text = text };
	for (; s->at < s->end; s->at++) {
		char c = *s->at;

		if (!is_open && (is_blank(c) || c == ',' || c == '#'))
			break;
		if (c != '"') {
			text[len++] = c;
			continue;
		}
		w->is_quoted = true;
		if (is_open && s->end - s->at > 1 && s->at[1] == '"')
			text[len++] = *s->at++;
		else
			is_open = !is_open;
	}
	if (is_open)
		report_error(r->report, r->at, "a quote is not closed");
	return !is_open;
}

/* The field at the head, up to a blank that follows no comma. */
static bool
take_field(struct reader *r, struct rest *s, struct field *f)
{
	struct word w;

	for (;;) {
		if (!take_word(r, s, &w))
			return false;
		if (w.text[0] == '@' && w.text[1] != '\0' && !w.is_quoted)
			read_list(r, w.text + 1, f);
		else if (w.text[0] != '\0' || w.is_quoted)
			add_word(r, f, w);
		if (s->at == s->end || *s->at != ',')
			break;
		s->at++;
		while (s->at < s->end && is_blank(*s->at))
			s->at++;
	}
	return true;
}

static bool
skip_blanks(struct rest *s)
{
	while (s->at < s->end && is_blank(*s->at))
		s->at++;
	return s->at < s->end && *s->at != '#';
}

/* False: something is wrong in it. */
static bool
split(struct reader *r, struct rest s, struct fields *line)
{
	struct field f;

	while (skip_blanks(&s)) {
		f = (struct field){ 0 };
		if (!take_field(r, &s, &f))
			return false;
		line->at = pile_grow(r->pile, line->at, line->count,
				     &line->room, sizeof(f));
		line->at[line->count++] = f;
	}
	return true;
}

/* ---- files ---- */

/* The next line with those that it goes on in, in *joined, or just borrowed. */
static bool
next_line(const struct file_text *text, struct file_line *at,
	  struct str *joined, struct rest *out, unsigned *number)
{
	bool is_first = true;

	str_fini(joined);
	while (file_next_line(text, at)) {
		bool goes_on = at->len > 0 && at->text[at->len - 1] == '\\';

		if (is_first)
			*number = at->number;
		if (is_first && !goes_on) {
			*out = (struct rest){ at->text, at->text + at->len };
			return true;
		}
		is_first = false;
		str_add(joined, at->text, at->len - (goes_on ? 1 : 0));
		if (!goes_on)
			break;
	}
	if (is_first)
		return false;
	*out = (struct rest){ str_text(joined), str_text(joined) };
	out->end += joined->len;
	return true;
}

/* Calls take for each line of a file. */
static int
each_line(struct reader *r, const char *path,
	  void (*take)(struct reader *r, struct rest s, void *arg), void *arg)
{
	struct file_text text;
	struct file_line at = { 0 };
	struct str joined = { 0 };
	struct rest s;
	int failure = file_read(path, &text);

	if (failure != 0)
		return failure;
	r->at.file = pile_text(r->pile, path, strlen(path));
	while (next_line(&text, &at, &joined, &s, &r->at.line)) {
		if (memchr(s.at, '\0', (size_t)(s.end - s.at)) != NULL)
			report_error(r->report, r->at, "line with a zero byte");
		else if (joined.failed)
			report_error(r->report, r->at, "out of memory");
		else
			take(r, s, arg);
	}
	str_fini(&joined);
	file_fini(&text);
	return 0;
}

static void
take_list_line(struct reader *r, struct rest s, void *arg)
{
	struct fields line = { 0 };
	struct field *f = arg;

	if (!split(r, s, &line))
		return;
	for (size_t i = 0; i < line.count; i++)
		for (size_t k = 0; k < line.at[i].count; k++)
			add_word(r, f, line.at[i].words[k]);
}

/* From the folder of the file that names it. */
static const char *
path_beside(struct reader *r, const char *name)
{
	const char *slash = strrchr(r->at.file, '/');
	size_t folder = slash != NULL ? (size_t)(slash - r->at.file) + 1 : 0;
	size_t len = strlen(name);
	char *path;

	if (name[0] == '/')
		folder = 0;
	path = pile_alloc(r->pile, folder + len + 1);
	memcpy(path, r->at.file, folder);
	memcpy(path + folder, name, len);
	return path;
}

static void
read_list(struct reader *r, const char *name, struct field *f)
{
	const char *path = path_beside(r, name);
	struct reader inner = { .pile = r->pile,
				.report = r->report,
				.depth = r->depth + 1 };
	int failure = EMLINK;

	if (r->depth < DEPTH_MAX)
		failure = each_line(&inner, path, take_list_line, f);
	if (failure != 0)
		report_error(r->report, r->at, "cannot read %s: %s", path,
			     failure == EMLINK ? "files within files are too "
						 "deep"
					       : strerrordesc_np(failure));
}

struct taker {
	void (*each)(void *arg, const struct fields *line);
	void *arg;
};

static void
take_line(struct reader *r, struct rest s, void *arg)
{
	const struct taker *t = arg;
	struct fields line = { .place = r->at };

	if (split(r, s, &line) && line.count > 0)
		t->each(t->arg, &line);
}

int
fields_read(const char *path, struct pile *pile, struct config_report *report,
	    void (*each)(void *arg, const struct fields *line), void *arg)
{
	struct reader r = { .pile = pile, .report = report };
	struct taker t = { .each = each, .arg = arg };

	return each_line(&r, path, take_line, &t);
}
