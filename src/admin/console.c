/*
 * The console: takes requests, has them decided, and starts what was allowed.
 * Owns the errands under way; runs on the control thread.  Knows no command.
 */
#include "admin/console.h"

#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "errand.h"

struct console {
	struct control *control; /* borrows */
};

const char *
errand_argument(const struct errand *errand, size_t i)
{
	const struct words *words = &errand->decision.words;

	return i + 1 < words->count ? words->list[i + 1].text : NULL;
}

void
errand_protocol(const struct errand *errand, struct row *row,
		enum protocol protocol)
{
	row_text(row,
		 core_protocol_name(control_core(errand->control), protocol));
}

void
errand_end(struct errand *errand, struct rowset *result)
{
	control_answer(errand->control, errand->request, result);
	decision_fini(&errand->decision);
	rowset_free(errand->rows);
	mem_free(errand);
}

void
errand_end_rows(struct errand *errand)
{
	struct rowset *rows = errand->rows;

	errand->rows = NULL;
	/* Half a table would pass for a whole one. */
	if (rows != NULL && rows->is_torn) {
		rowset_free(rows);
		rows = NULL;
	}
	errand_end(errand, rows);
}

void
errand_end_done(struct errand *errand)
{
	errand_end(errand, rowset_new(NULL, 0, errand->decision.command->name));
}

void
errand_end_error(struct errand *errand, const char *sqlstate, const char *hint,
		 const char *format, ...)
{
	struct str text = { 0 };
	struct rowset *result = NULL;
	va_list args;

	va_start(args, format);
	str_vprintf(&text, format, args);
	va_end(args);
	if (!text.failed)
		result = rowset_error(sqlstate, str_text(&text), hint);
	str_fini(&text);
	errand_end(errand, result);
}

/* The form of the answer: columns or none. */
static struct rowset *
empty_answer(const struct decision *d)
{
	if (d->command == NULL)
		return rowset_new(NULL, 0, "");
	if (d->command->columns != NULL)
		return rowset_new(d->command->columns->list,
				  d->command->columns->count, d->command->name);
	if (d->show == NULL)
		return rowset_new(NULL, 0, d->command->name);
	if (d->show->columns == NULL)
		return rowset_new(NULL, 0, "SHOW");
	return rowset_new(d->show->columns->list, d->show->columns->count,
			  "SHOW");
}

static void
log_command(const struct errand *errand)
{
	char user[LOG_QUOTE_MAX], argument[LOG_QUOTE_MAX];
	const char *first = errand_argument(errand, 0);

	log_event(LOG_INFO, "console_command", "command=%s argument=%s user=%s",
		  errand->decision.command->name,
		  log_quote(first != NULL ? first : "", argument),
		  log_quote(errand->request->user, user));
}

static void
errand_start(struct errand *errand)
{
	const struct decision *d = &errand->decision;

	if (d->sqlstate != NULL) {
		errand_end(errand,
			   rowset_error(d->sqlstate, d->error, d->hint));
		return;
	}
	if (d->command == NULL || errand->request->is_describe) {
		errand_end(errand, empty_answer(d));
		return;
	}
	if (d->show == NULL) {
		log_command(errand);
		d->command->run(errand);
		return;
	}
	errand->rows = empty_answer(d);
	if (errand->rows == NULL)
		errand_end(errand, NULL);
	else
		d->show->fill(errand);
}

void
console_take(void *arg, struct console_request *request)
{
	struct console *console = arg;
	struct errand *errand = mem_zalloc(sizeof(*errand));

	if (errand == NULL) {
		control_answer(console->control, request, NULL);
		return;
	}
	errand->control = console->control;
	errand->request = request;
	command_decide(&errand->decision, request->text, request->right);
	errand_start(errand);
}

struct console *
console_new(struct control *control)
{
	struct console *console = mem_zalloc(sizeof(*console));

	if (console != NULL)
		console->control = control;
	return console;
}

void
console_free(struct console *console)
{
	mem_free(console);
}
