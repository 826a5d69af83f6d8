/*
 * Configuration files.  Reading: a plain line gives what stands to the left and
 * to the right of its first '=', however long it is; and lines stand for
 * themselves wherever they are, so what is moved to a file that is included at
 * the same place reads the same.  Building: there is a snapshot, or an error
 * with a place; a snapshot that is printed and built again prints the same.
 *
 * The input's first line of three '=' parts the file from a second one; \1 and
 * \2 stand for the paths of the second and the first.  No other file is there
 * to be read: a path loses its slashes.
 */
#include "config/ini_read.h"

#include "config/snapshot.h"
#include "fuzz_file.h"

struct files {
	struct fuzz_file first, second;
};

/* The text with its marks filled in. */
static struct str
fill(const struct files *f, const uint8_t *data, size_t size)
{
	struct str s = { 0 };

	for (size_t i = 0; i < size; i++) {
		bool is_url = i > 0 && i + 1 < size && data[i] == '/' &&
			      (memcmp(data + i - 1, "://", 3) == 0 ||
			       (i > 1 && memcmp(data + i - 2, "://", 3) == 0));

		if (data[i] == 1)
			str_puts(&s, f->second.path);
		else if (data[i] == 2)
			str_puts(&s, f->first.path);
		else if (data[i] == '/' && !is_url)
			str_putc(&s, '_');
		else
			str_putc(&s, (char)data[i]);
	}
	return s;
}

static const char *const sections[] = { "carpool", "pgbouncer", "databases",
					"users", NULL };

struct entries {
	struct ini ini;
	struct config_report report;
};

static void
entries_read(struct entries *e, const struct fuzz_file *f)
{
	*e = (struct entries){ 0 };
	ini_read(&e->ini, f->path, sections, &e->report);
}

static void
entries_fini(struct entries *e)
{
	ini_fini(&e->ini);
	config_report_fini(&e->report);
}

static void
compare(const struct entries *a, const struct entries *b)
{
	ASSERT(a->ini.count == b->ini.count);
	ASSERT(a->report.count == b->report.count);
	for (size_t i = 0; i < a->ini.count; i++) {
		ASSERT(a->ini.entries[i].section == b->ini.entries[i].section);
		ASSERT(strcmp(a->ini.entries[i].key, b->ini.entries[i].key) ==
		       0);
		ASSERT(strcmp(a->ini.entries[i].value,
			      b->ini.entries[i].value) == 0);
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Line number n of the text, without blanks around it. */
static struct str
find_line(const struct str *text, unsigned n)
{
	const char *from = text->data, *end = text->data + text->len, *to;
	struct str line = { 0 };

	for (; n > 1; n--)
		from = (const char *)memchr(from, '\n', (size_t)(end - from)) +
		       1;
	to = memchr(from, '\n', (size_t)(end - from));
	if (to == NULL)
		to = end;
	while (from < to && is_blank(*from))
		from++;
	while (to > from && is_blank(to[-1]))
		to--;
	str_add(&line, from, (size_t)(to - from));
	return line;
}

/* An entry with a bare name, against its line. */
static void
check_entry(const struct ini_entry *e, const struct str *text)
{
	struct str line = find_line(text, e->at.line);
	const char *value, *t = str_text(&line);

	if (e->at.line == 1 && (uint8_t)*t == 0xef)
		t += 3; /* a byte order mark */
	while (is_blank(*t))
		t++;
	if (*t != '"' && *t != '\'') {
		ASSERT(strncmp(t, e->key, strlen(e->key)) == 0);
		value = strchr(t, '=');
		ASSERT(value != NULL);
		do
			value++;
		while (is_blank(*value));
		ASSERT(strcmp(value, e->value) == 0);
	}
	str_fini(&line);
}

/* The second half of the text moves to the second file. */
static void
include(const struct files *f, const struct str *text)
{
	size_t half = text->len / 2;
	const char *end = memchr(text->data + half, '\n', text->len - half);
	struct entries whole, parts;
	struct str head = { 0 };
	size_t at;

	if (end == NULL || memchr(text->data, '%', text->len) != NULL)
		return;
	at = (size_t)(end + 1 - text->data);
	/* A byte order mark counts at the start of a file alone. */
	if (at < text->len && (uint8_t)text->data[at] == 0xef)
		return;
	fuzz_file_write(&f->first, text->data, text->len);
	entries_read(&whole, &f->first);
	for (size_t i = 0; i < whole.ini.count; i++)
		check_entry(&whole.ini.entries[i], text);
	str_add(&head, text->data, at);
	str_puts(&head, "%include ");
	str_puts(&head, f->second.path);
	fuzz_file_write(&f->first, head.data, head.len);
	fuzz_file_write(&f->second, text->data + at, text->len - at);
	entries_read(&parts, &f->first);
	compare(&whole, &parts);
	entries_fini(&whole);
	entries_fini(&parts);
	str_fini(&head);
}

static struct snapshot *
build(const struct files *f)
{
	struct config_source source = { .file = f->first.path };
	struct config_report report = { 0 };
	struct snapshot *s = snapshot_build(&source, &report);

	ASSERT((s != NULL) == (report.errors == 0));
	for (size_t i = 0; i < report.count; i++)
		ASSERT(report.problems[i].text[0] != '\0');
	config_report_fini(&report);
	return s;
}

/* What is printed is a configuration, and the same one. */
static void
print_again(const struct files *f, struct snapshot *s)
{
	struct str text = { 0 }, again = { 0 };
	struct snapshot *t;

	snapshot_print(s, &text);
	fuzz_file_write(&f->first, text.data, text.len);
	t = build(f);
	if (t != NULL) {
		snapshot_print(t, &again);
		ASSERT(text.len == again.len);
		ASSERT(memcmp(text.data, again.data, text.len) == 0);
	}
	snapshot_unref(t);
	str_fini(&text);
	str_fini(&again);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	static const char mark[] = "===\n";
	const uint8_t *cut = size > 0 ? memmem(data, size, mark, 4) : NULL;
	size_t len = cut != NULL ? (size_t)(cut - data) : size;
	struct snapshot *s;
	struct files f;
	struct str text;

	if (size < 1 || size > 16000)
		return;
	fuzz_file_open(&f.first);
	fuzz_file_open(&f.second);
	text = fill(&f, data, len);
	if (text.len > 0)
		include(&f, &text);
	fuzz_file_write(&f.first, str_text(&text), text.len);
	str_fini(&text);
	text = fill(&f, data + len, size - len);
	fuzz_file_write(&f.second, str_text(&text) + (text.len > 4 ? 4 : 0),
			text.len > 4 ? text.len - 4 : 0);
	s = build(&f);
	if (s != NULL)
		print_again(&f, s);
	snapshot_unref(s);
	str_fini(&text);
	fuzz_file_close(&f.first);
	fuzz_file_close(&f.second);
}
