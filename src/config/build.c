/*
 * snapshot_build: reads everything, reports everything, and gives out a whole
 * snapshot or none.  Runs on the main thread at start-up, later on the control
 * thread; blocks on file reads.
 */
#include "config/build.h"

#include "base/map.h"
#include "base/mem.h"

const char section_databases[] = "databases";
const char section_mysql_databases[] = "mysql_databases";
const char section_users[] = "users";
const char section_peers[] = "peers";

static const char *const sections[] = {
	"carpool",
	"pgbouncer",
	section_databases,
	section_mysql_databases,
	section_users,
	section_peers,
	NULL,
};

static struct snapshot *
snapshot_new(void)
{
	struct snapshot *s = mem_must_zalloc(sizeof(*s));
	bool ok = true;

	s->references = 1;
	for (size_t i = 0; i < PROTOCOLS; i++) {
		s->database_by_name[i] = map_new();
		ok &= s->database_by_name[i] != NULL;
	}
	s->user_by_name = map_new();
	if (ok && s->user_by_name != NULL)
		return s;
	snapshot_unref(s);
	return NULL;
}

static void
run(struct build *b)
{
	const struct config_source *source = b->source;

	/* Settings come from the URL too, so a bad one ends it here. */
	if (source->url != NULL && !url_parse(source->url, &b->s->pile,
					      PLACE_NONE, b->report, &b->url))
		return;
	if (source->file != NULL)
		ini_read(&b->ini, source->file, sections, b->report);
	build_settings(b);
	build_users(b);
	build_databases(b);
	build_peers(b);
	build_access(b);
	build_check(b);
	build_tls(b);
}

struct snapshot *
snapshot_build(const struct config_source *source, struct config_report *report)
{
	struct build b = { .source = source, .report = report };
	size_t errors = report->errors;

	if (source->file == NULL && source->url == NULL) {
		report_error(report, PLACE_NONE,
			     "neither a configuration file nor a URL is given");
		return NULL;
	}
	b.s = snapshot_new();
	if (b.s == NULL) {
		report_error(report, PLACE_NONE, "out of memory");
		return NULL;
	}
	run(&b);
	ini_fini(&b.ini);
	if (report->errors == errors)
		return b.s;
	snapshot_unref(b.s);
	return NULL;
}
