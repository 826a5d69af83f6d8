/*
 * Ini files.  Runs on the thread that builds a snapshot; knows no setting.
 *
 * The file is split into its lines here, and inih is shown a stand-in for each:
 * `[7]` for a section header, `8=8` for a key with its value, where the number
 * is the place in our own list.  The reason is that inih as Debian builds it
 * cuts lines after 200 bytes and takes the rest for lines of their own, cuts
 * names after 50, ends a value at " ;", joins lines that start with a blank and
 * does not tell its handler the line number.  With stand-ins of a few bytes
 * none of that can happen, whatever the options inih was built with; what stays
 * with it is to bring each key together with its section.
 *
 * Grammar (PgBouncer's): a line whose first non-blank is ';' or '#' is a
 * comment, there are no others but behind a section header; blanks around keys
 * and values do not count; a key with unusual bytes stands in quotes, doubled
 * within; `%include FILE` is resolved against the working directory.
 */
#include "config/ini_read.h"

#include <ini.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/file.h"

/* Files within files; deeper is a mistake. */
#define INCLUDE_MAX 10

/* A section header, or a key with its value. */
struct ini_line {
	const char *name;  /* section or key; NULL for a section not known */
	const char *value; /* NULL for a section */
	struct place at;
};

/* A file that is being read, and the one that included it. */
struct open_file {
	const struct open_file *outer; /* borrows; NULL for the first */
	const char *path;              /* borrows from the pile */
	const struct file_text *text;  /* borrows */
	unsigned depth;
};

struct ini_scan {
	struct ini *ini;
	const char *const *sections;
	struct config_report *report;
	struct ini_line *lines; /* borrows from the ini's pile */
	size_t count;
	size_t room;
	size_t shown; /* lines that inih has seen */
};

/* A piece of a line: from here up to there. */
struct span {
	const char *from;
	const char *to;
};

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct span
span_trim(struct span s)
{
	while (s.from < s.to && is_blank(*s.from))
		s.from++;
	while (s.to > s.from && is_blank(s.to[-1]))
		s.to--;
	return s;
}

static const char *
span_text(struct ini_scan *scan, struct span s)
{
	return pile_text(&scan->ini->pile, s.from, (size_t)(s.to - s.from));
}

static void
add_line(struct ini_scan *scan, const char *name, const char *value,
	 struct place at)
{
	scan->lines = pile_grow(&scan->ini->pile, scan->lines, scan->count,
				&scan->room, sizeof(*scan->lines));
	scan->lines[scan->count++] = (struct ini_line){
		.name = name,
		.value = value,
		.at = at,
	};
}

static void scan_file(struct ini_scan *scan, const char *path,
		      const struct open_file *outer, struct place at);

static void
scan_section(struct ini_scan *scan, struct span s, struct place at)
{
	const char *end = memchr(s.from, ']', (size_t)(s.to - s.from));
	const char *name, *const *known;
	struct span rest;

	if (end == NULL) {
		report_error(scan->report, at, "section header without ']'");
		return;
	}
	rest = span_trim((struct span){ end + 1, s.to });
	if (rest.from < rest.to && *rest.from != ';' && *rest.from != '#')
		report_error(scan->report, at, "text behind a section header");
	name = span_text(scan, span_trim((struct span){ s.from + 1, end }));
	for (known = scan->sections; *known != NULL; known++)
		if (text_equal_nocase(name, *known))
			break;
	if (*known == NULL)
		report_error(scan->report, at, "unknown section [%.60s]", name);
	add_line(scan, *known, NULL, at);
}

/*
 * Takes the quoted key at the start of *s, with doubled quotes made single,
 * and leaves what follows it in *s; NULL where the closing quote is missing.
 */
static const char *
scan_quoted(struct ini_scan *scan, struct span *s)
{
	const char *p = s->from, *text;
	char quote = *p++;
	struct str key = { 0 };

	for (; p < s->to; p++) {
		if (*p == quote && (p + 1 == s->to || p[1] != quote))
			break;
		if (*p == quote)
			p++;
		str_putc(&key, *p);
	}
	text = pile_text(&scan->ini->pile, str_text(&key), key.len);
	str_fini(&key);
	if (p == s->to)
		return NULL;
	s->from = p + 1;
	return text;
}

static const char *
scan_plain(struct ini_scan *scan, struct span *s)
{
	const char *p = s->from;

	while (p < s->to && !is_blank(*p) && *p != '=')
		p++;
	s->to = p;
	return span_text(scan, *s);
}

static void
scan_key(struct ini_scan *scan, struct span s, struct place at)
{
	struct span head = s, value;
	const char *key, *rest;

	if (*s.from == '"' || *s.from == '\'') {
		key = scan_quoted(scan, &head);
		rest = head.from;
	} else {
		key = scan_plain(scan, &head);
		rest = head.to;
	}
	if (key == NULL) {
		report_error(scan->report, at, "name without closing quote");
		return;
	}
	value = span_trim((struct span){ rest, s.to });
	if (key[0] == '\0')
		report_error(scan->report, at, "no name before '='");
	else if (value.from == value.to || *value.from != '=')
		/* The line is not shown: it may hold a password. */
		report_error(scan->report, at,
			     "neither a comment nor \"name = value\"");
	else
		add_line(scan, key,
			 span_text(scan, span_trim((struct span){
						 value.from + 1, value.to })),
			 at);
}

static void
scan_directive(struct ini_scan *scan, struct span s,
	       const struct open_file *file, struct place at)
{
	static const char word[] = "%include";
	size_t len = sizeof(word) - 1;
	struct span path;

	if ((size_t)(s.to - s.from) < len || memcmp(s.from, word, len) != 0) {
		report_error(scan->report, at, "only %%include may start so");
		return;
	}
	path = span_trim((struct span){ s.from + len, s.to });
	if (path.from == path.to || !is_blank(s.from[len]))
		report_error(scan->report, at, "%%include without a file name");
	else
		scan_file(scan, span_text(scan, path), file, at);
}

static void
scan_line(struct ini_scan *scan, const struct file_line *line,
	  const struct open_file *file)
{
	struct place at = { .file = file->path, .line = line->number };
	struct span s;

	s = span_trim((struct span){ line->text, line->text + line->len });
	if (s.from == s.to || *s.from == ';' || *s.from == '#')
		return;
	if (memchr(s.from, '\0', (size_t)(s.to - s.from)) != NULL)
		report_error(scan->report, at, "line with a zero byte");
	else if (*s.from == '[')
		scan_section(scan, s, at);
	else if (*s.from == '%')
		scan_directive(scan, s, file, at);
	else
		scan_key(scan, s, at);
}

static bool
is_open(const struct open_file *file, const struct file_text *text)
{
	for (; file != NULL; file = file->outer)
		if (file->text->device == text->device &&
		    file->text->inode == text->inode)
			return true;
	return false;
}

/* at is where the file is included, or nowhere for the first. */
static void
scan_file(struct ini_scan *scan, const char *path,
	  const struct open_file *outer, struct place at)
{
	struct file_text text;
	struct file_line line = { 0 };
	struct open_file file = {
		.outer = outer,
		.path = path,
		.text = &text,
		.depth = outer != NULL ? outer->depth + 1 : 0,
	};
	int failure;

	if (file.depth > INCLUDE_MAX) {
		report_error(scan->report, at,
			     "more than %d files that include each other",
			     INCLUDE_MAX);
		return;
	}
	failure = file_read(path, &text);
	if (failure != 0)
		report_error(scan->report, at, "cannot read %s: %s", path,
			     strerror(failure));
	else if (is_open(outer, &text))
		report_error(scan->report, at, "%s includes itself", path);
	else
		while (file_next_line(&text, &line))
			scan_line(scan, &line, &file);
	file_fini(&text);
}

/* inih asks for its next line: the stand-in of ours. */
static char *
show_line(char *out, int size, void *arg)
{
	struct ini_scan *scan = arg;
	const struct ini_line *line;
	size_t n;

	if (scan->shown == scan->count)
		return NULL;
	line = &scan->lines[scan->shown];
	n = text_format(out, (size_t)size,
			line->value == NULL ? "[%zu]\n" : "%zu=%zu\n",
			scan->shown, scan->shown);
	ASSERT(n > 0 && out[n - 1] == '\n');
	scan->shown++;
	return out;
}

/* inih has brought a key together with its section. */
static int
take_entry(void *arg, const char *section, const char *name, const char *value)
{
	struct ini_scan *scan = arg;
	struct ini *ini = scan->ini;
	const struct ini_line *line, *head;
	uint64_t place;

	ASSERT(text_to_u64(name, 10, &place) && strcmp(name, value) == 0 &&
	       place < scan->count);
	line = &scan->lines[place];
	if (section[0] == '\0') {
		report_error(scan->report, line->at,
			     "\"%.60s\" stands before any [section]",
			     line->name);
		return 1;
	}
	ASSERT(text_to_u64(section, 10, &place) && place < scan->count);
	head = &scan->lines[place];
	if (head->name == NULL)
		return 1; /* said at the header of the unknown section */
	ini->entries = pile_grow(&ini->pile, ini->entries, ini->count,
				 &ini->room, sizeof(*ini->entries));
	ini->entries[ini->count++] = (struct ini_entry){
		.section = head->name,
		.key = line->name,
		.value = line->value,
		.at = line->at,
	};
	return 1;
}

void
ini_read(struct ini *ini, const char *path, const char *const *sections,
	 struct config_report *report)
{
	struct ini_scan scan = {
		.ini = ini,
		.sections = sections,
		.report = report,
	};
	int failed_line;

	scan_file(&scan, pile_text(&ini->pile, path, strlen(path)), NULL,
		  (struct place){ .file = path, .line = 0 });
	failed_line = ini_parse_stream(show_line, &scan, take_entry, &scan);
	ASSERT(failed_line == 0);
}

void
ini_fini(struct ini *ini)
{
	pile_fini(&ini->pile);
	*ini = (struct ini){ 0 };
}
