/*
 * For the tests of config/: a folder of small files that goes away again, and
 * looking for what a report says.
 */
#ifndef TEST_CONFIG_SCRATCH_H
#define TEST_CONFIG_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/snapshot.h"

struct scratch {
	char dir[64];
	char paths[24][128];
	size_t count;
};

static inline void
scratch_open(struct scratch *s)
{
	memset(s, 0, sizeof(*s));
	text_copy(s->dir, sizeof(s->dir), "/tmp/carpool-config-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
}

/* The path that a file of this name has. */
static inline const char *
scratch_path(struct scratch *s, const char *name)
{
	char *path = s->paths[s->count++];

	assert_true(s->count < 24);
	text_format(path, sizeof(s->paths[0]), "%s/%s", s->dir, name);
	return path;
}

/* Writes len bytes to a file that its owner alone can read. */
static inline const char *
scratch_bytes(struct scratch *s, const char *name, const char *text, size_t len)
{
	const char *path = scratch_path(s, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

static inline const char *
scratch_file(struct scratch *s, const char *name, const char *text)
{
	return scratch_bytes(s, name, text, strlen(text));
}

static inline void
scratch_close(struct scratch *s)
{
	while (s->count > 0)
		unlink(s->paths[--s->count]);
	assert_int_equal(rmdir(s->dir), 0);
}

/* The finding at this line that has the words, or NULL. */
static inline const struct config_problem *
report_find(const struct config_report *r, unsigned line, const char *words)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (r->problems[i].line == line &&
		    strstr(r->problems[i].text, words) != NULL)
			return &r->problems[i];
	return NULL;
}

/* Is there such a finding, and about this file? */
static inline bool
report_is_about(const struct config_report *r, const char *file, unsigned line,
		const char *words)
{
	const struct config_problem *p = report_find(r, line, words);

	return p != NULL && strcmp(p->file, file) == 0;
}

static inline void
report_show(const struct config_report *r)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		print_message("%s:%u: %s%s\n", r->problems[i].file,
			      r->problems[i].line,
			      r->problems[i].kind == PROBLEM_WARNING
				      ? "warning: "
				      : "",
			      r->problems[i].text);
}

#endif
