/*
 * Postgres URLs: what is read is part of the URL or decoded from it, nothing
 * of it is in the findings that could be its password, and a configuration of
 * the URL alone is built or refused with a reason.
 */
#include "config/url.h"

#include "base/mem.h"
#include "config/snapshot.h"
#include "fuzz_main.h"

/* Long enough not to stand in the text of a finding by chance. */
#define PASSWORD_MIN 12u

static void
check(const struct url *u, const struct config_report *r, size_t size)
{
	const char *const texts[] = { u->host,           u->port,
				      u->dbname,         u->user,
				      u->password,       u->application_name,
				      u->client_encoding };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		ASSERT(texts[i] != NULL && strlen(texts[i]) <= size);
	if (strlen(u->password) < PASSWORD_MIN)
		return;
	for (size_t i = 0; i < r->count; i++)
		ASSERT(strstr(r->problems[i].text, u->password) == NULL);
}

static void
fuzz_one(const uint8_t *data, size_t size)
{
	struct config_report report = { 0 }, built = { 0 };
	struct config_source source = { 0 };
	struct pile pile = { 0 };
	struct snapshot *s;
	struct url url;
	char *text;

	if (size > 5000)
		return;
	text = mem_strndup((const char *)data, size);
	if (url_parse(text, &pile, PLACE_NONE, &report, &url)) {
		ASSERT(report.errors == 0 && url_is_one(text));
		check(&url, &report, size);
	} else {
		ASSERT(report.errors > 0);
	}
	source.url = text;
	s = snapshot_build(&source, &built);
	ASSERT((s != NULL) == (built.errors == 0));
	ASSERT(s == NULL || report.errors == 0);
	snapshot_unref(s);
	config_report_fini(&built);
	config_report_fini(&report);
	pile_fini(&pile);
	mem_free(text);
}
