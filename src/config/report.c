/*
 * The findings of one build of the configuration.  Runs on the thread that
 * builds; owns nothing beyond the caller's struct.
 */
#include "config/report.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static struct config_problem *
problem_new(struct config_report *r, struct place at)
{
	struct config_problem *p;

	p = mem_realloc(r->problems, (r->count + 1) * sizeof(*p));
	/* Nothing useful can be said when not even this fits. */
	ASSERT(p != NULL);
	r->problems = p;
	p += r->count++;
	*p = (struct config_problem){
		.file = mem_must_strdup(at.file),
		.line = at.line,
	};
	return p;
}

static char *format_text(const char *format, va_list args)
	__attribute__((format(printf, 1, 0)));

static char *
format_text(const char *format, va_list args)
{
	struct str s = { 0 };
	char *text;

	str_vprintf(&s, format, args);
	text = str_take(&s);
	return text != NULL ? text : mem_must_strdup("out of memory");
}

void
report_error(struct config_report *r, struct place at, const char *format, ...)
{
	struct config_problem *p = problem_new(r, at);
	va_list args;

	va_start(args, format);
	p->kind = PROBLEM_ERROR;
	p->text = format_text(format, args);
	va_end(args);
	r->errors++;
}

void
report_warning(struct config_report *r, struct place at, const char *format,
	       ...)
{
	struct config_problem *p = problem_new(r, at);
	va_list args;

	va_start(args, format);
	p->kind = PROBLEM_WARNING;
	p->text = format_text(format, args);
	va_end(args);
}

void
config_report_fini(struct config_report *r)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		mem_free(r->problems[i].file);
		mem_free(r->problems[i].text);
	}
	mem_free(r->problems);
	*r = (struct config_report){ 0 };
}
