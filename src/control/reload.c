/*
 * New configurations: built, reported, put in force whole or not at all.  Runs
 * on the control thread; file reads may block it for a moment, never a worker.
 */
#include <string.h>

#include "asker.h"
#include "auth/key_cache.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/process.h"
#include "control/reload.h"
#include "inner.h"
#include "io/resolve.h"

/* More than an ordinary configuration takes, with its files. */
#define BUILD_BYTES ((size_t)4 << 20)

/* ------------------------------------------------------------------------
 * What the control thread itself follows
 */

static void
apply_log(const struct control *c)
{
	const struct settings *set = snapshot_settings(c->snapshot);
	int error = process_log_open(c->snapshot, c->log_console);
	char file[LOG_QUOTE_MAX];

	if (error != 0)
		log_event(LOG_ERROR, "log_file", "file=%s error=\"%s\"",
			  log_quote(set->logfile, file),
			  strerrordesc_np(error));
}

void
reload_apply(struct control *c)
{
	const struct settings *set = snapshot_settings(c->snapshot);

	resolver_configure(c->resolver, set->dns_max_ttl, set->dns_nxdomain_ttl,
			   set->dns_zone_check_period);
	process_check_descriptors(c->snapshot);
	memory_apply(c);
	asker_reload(c->asker);
}

/* ------------------------------------------------------------------------
 * Reports
 */

/* Ready to stand between double quotes: log_quote would cut it. */
static void
soften_quotes(char *text)
{
	while ((text = strchr(text, '"')) != NULL)
		*text = '\'';
}

static void
log_problem(const struct config_problem *p)
{
	char file[LOG_QUOTE_MAX];
	bool is_error = p->kind == PROBLEM_ERROR;
	char *text = mem_must_strdup(p->text);

	soften_quotes(text);
	log_event(is_error ? LOG_ERROR : LOG_WARNING,
		  is_error ? "config_error" : "config_warning",
		  "file=%s line=%u text=\"%s\"", log_quote(p->file, file),
		  p->line, text);
	mem_free(text);
}

static void
add_problem(const struct config_problem *p, struct str *out)
{
	if (p->kind != PROBLEM_ERROR)
		return;
	if (out->len > 0)
		str_putc(out, '\n');
	if (p->file[0] != '\0' && p->line > 0)
		str_printf(out, "%s:%u: ", p->file, p->line);
	else if (p->file[0] != '\0')
		str_printf(out, "%s: ", p->file);
	str_puts(out, p->text);
}

void
reload_log_problems(const struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		log_problem(&report->problems[i]);
}

static void
add_problems(const struct config_report *report, struct str *problems)
{
	for (size_t i = 0; i < report->count; i++)
		add_problem(&report->problems[i], problems);
}

static void
log_changes(const struct snapshot *old, const struct snapshot *now)
{
	struct str text = { 0 };
	char *line, *rest;

	snapshot_diff(old, now, &text);
	rest = text.data;
	if (rest != NULL)
		soften_quotes(rest);
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			log_event(LOG_INFO, "config_changed", "change=\"%s\"",
				  line);
	str_fini(&text);
}

/* ------------------------------------------------------------------------
 * Building and publishing
 */

/* The command line's overrides, then those of SET, oldest first. */
static const char **
all_overrides(const struct control *c, size_t *count)
{
	const struct config_source *source = c->source;
	const struct set_pair *set;
	const char **list;
	size_t sets = 0, i;

	for (set = c->sets; set != NULL; set = set->next)
		sets++;
	*count = source->override_count + sets;
	list = mem_must_zalloc((*count + 1) * sizeof(*list));
	for (i = 0; i < source->override_count; i++)
		list[i] = source->overrides[i];
	i = *count;
	for (set = c->sets; set != NULL; set = set->next)
		list[--i] = set->text;
	return list;
}

static struct snapshot *
build(const struct control *c, struct str *problems)
{
	struct config_source source = *c->source;
	struct config_report report = { 0 };
	struct snapshot *s;
	const char **overrides;

	overrides = all_overrides(c, &source.override_count);
	source.overrides = overrides;
	if (c->file != NULL)
		source.file = c->file;
	mem_must_begin();
	s = snapshot_build(&source, &report);
	mem_must_end();
	reload_log_problems(&report);
	if (problems != NULL)
		add_problems(&report, problems);
	config_report_fini(&report);
	mem_free(overrides);
	return s;
}

/* Keys of secrets that are gone go too.  What a worker that still runs under
 * the old configuration may add now, goes at the next reload. */
static void
forget_keys(const struct control *c)
{
	const struct snapshot *s = c->snapshot;

	for (size_t i = 0; i < snapshot_user_count(s); i++) {
		const struct config_user *u = snapshot_user_at(s, i);

		if (u->secret != NULL)
			key_cache_mark(c->keys, u->name, u->secret);
	}
	for (size_t i = 0; i < snapshot_database_count(s); i++) {
		const struct config_database *db = snapshot_database_at(s, i);

		if (db->user != NULL && db->password != NULL)
			key_cache_mark(c->keys, db->user, db->password);
	}
	key_cache_sweep(c->keys);
}

/* Takes over the reference. */
static void
publish(struct control *c, struct snapshot *now, void (*done)(void *arg),
	void *arg)
{
	struct snapshot *old = c->snapshot;

	log_changes(old, now);
	c->snapshot = now;
	apply_log(c);
	reload_apply(c);
	core_publish(c->core, now, done, arg);
	forget_keys(c);
	snapshot_unref(old);
	log_event(LOG_INFO, "config_in_force", "generation=%llu",
		  (unsigned long long)snapshot_generation(now));
}

static void
free_sets(struct set_pair *set)
{
	struct set_pair *next;

	for (; set != NULL; set = next) {
		next = set->next;
		mem_free(set->text);
		mem_free(set);
	}
}

/*
 * A configuration takes what memory it needs and would wait for it; so where
 * there is hardly any left it is not begun.
 */
static bool
has_memory(struct str *problems)
{
	if (mem_has_room(BUILD_BYTES))
		return true;
	log_event(LOG_ERROR, "config_refused", "error=\"out of memory\"");
	if (problems != NULL)
		str_puts(problems, "out of memory");
	return false;
}

bool
control_reload(struct control *c, void (*done)(void *arg), void *arg,
	       struct str *problems)
{
	struct set_pair *sets = c->sets;
	struct snapshot *s;

	log_event(LOG_INFO, "config_reload", "generation=%llu",
		  (unsigned long long)snapshot_generation(c->snapshot));
	if (!has_memory(problems))
		return false;
	c->sets = NULL;
	s = build(c, problems);
	if (s == NULL) {
		/* Nothing changed, so what SET said still holds. */
		c->sets = sets;
		(void)log_reopen();
		log_event(LOG_ERROR, "config_kept", "generation=%llu",
			  (unsigned long long)snapshot_generation(c->snapshot));
		return false;
	}
	free_sets(sets);
	publish(c, s, done, arg);
	return true;
}

/* The file is not read before the next reload, as in PgBouncer. */
static bool
set_file(struct control *c, const char *value, void (*done)(void *arg),
	 void *arg)
{
	mem_free(c->file);
	c->file = mem_must_strdup(value);
	if (done != NULL)
		done(arg);
	return true;
}

bool
control_set(struct control *c, const char *name, const char *value,
	    void (*done)(void *arg), void *arg, struct str *problems)
{
	struct set_pair *set;
	struct snapshot *s;
	size_t size;

	if (text_equal_nocase(name, "conffile"))
		return set_file(c, value, done, arg);
	if (!has_memory(problems))
		return false;
	set = mem_must_zalloc(sizeof(*set));
	size = strlen(name) + strlen(value) + 2;
	set->text = mem_must_zalloc(size);
	text_format(set->text, size, "%s=%s", name, value);
	set->next = c->sets;
	c->sets = set;
	s = build(c, problems);
	if (s == NULL) {
		c->sets = set->next;
		set->next = NULL;
		free_sets(set);
		return false;
	}
	publish(c, s, done, arg);
	return true;
}

void
reload_fini(struct control *c)
{
	free_sets(c->sets);
	c->sets = NULL;
	mem_free(c->file);
}
