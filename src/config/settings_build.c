/*
 * Where the settings get their values: defaults, what --url brings, the file,
 * the environment, the command line; the later one wins.  Runs on the thread
 * that builds; knows no setting's meaning.
 */
#include <string.h>

#include "base/mem.h"
#include "config/build.h"

#define ENVIRONMENT_PREFIX "CARPOOL_"

/* One value on its way into the snapshot. */
struct offer {
	const char *name; /* as it was written, for messages */
	const char *text;
	enum origin origin;
	struct place at;
};

static const char *
origin_prefix(enum origin origin)
{
	switch (origin) {
	case ORIGIN_ENVIRONMENT:
		return "environment variable ";
	case ORIGIN_OPTION:
		return "option ";
	case ORIGIN_DEFAULT:
	case ORIGIN_URL:
	case ORIGIN_FILE:
		break;
	}
	return "";
}

/*
 * "a b, c" becomes "a,b,c": PgBouncer lets blanks separate too, the readers of
 * these lists know commas alone.  Lists without such blanks stay as they are.
 */
static const char *
list_with_commas(struct pile *pile, const char *text)
{
	static const char blanks[] = " \t\r\v\f", ends[] = ", \t\r\v\f";
	char *list = pile_alloc(pile, strlen(text) + 1), *out = list;
	const char *p = text;
	bool is_changed = false;
	size_t n;

	while (*(p += strspn(p, ends)) != '\0') {
		n = strcspn(p, ends);
		if (out != list)
			*out++ = ',';
		memcpy(out, p, n);
		out += n;
		p += n;
		n = strspn(p, blanks);
		is_changed =
			is_changed || (n > 0 && p[n] != '\0' && p[n] != ',');
	}
	return is_changed ? list : text;
}

static void
accept_value(struct build *b, const struct setting *row,
	     const struct offer *offer, struct value value)
{
	size_t i = (size_t)(row - settings_table);

	if (value.text != NULL)
		value.text = row->type->is_list
				     ? list_with_commas(&b->s->pile, value.text)
				     : value.text;
	if (value.text != NULL)
		value.text =
			pile_text(&b->s->pile, value.text, strlen(value.text));
	b->s->values[i] = value;
	b->choices[i].origin = offer->origin;
	b->choices[i].at = offer->at;
}

static void
offer_value(struct build *b, const struct setting *row,
	    const struct offer *offer)
{
	const struct choice *before = &b->choices[row - settings_table];
	struct value value;
	char why[VALUE_WHY_MAX];

	if (!value_parse(row->type, row->min, row->max, offer->text, &value,
			 why)) {
		report_error(b->report, offer->at, "%s%s: %s",
			     origin_prefix(offer->origin), offer->name, why);
		return;
	}
	if (offer->origin == ORIGIN_FILE && before->origin == ORIGIN_FILE)
		report_warning(b->report, offer->at,
			       "%s is given twice, the one at %s:%u is "
			       "overruled",
			       offer->name, before->at.file, before->at.line);
	accept_value(b, row, offer, value);
}

static void
offer_named(struct build *b, const struct offer *offer)
{
	const struct setting *row = settings_find(offer->name);

	if (row == NULL)
		report_error(b->report, offer->at,
			     "%sunknown setting \"%.60s\"",
			     origin_prefix(offer->origin), offer->name);
	else
		offer_value(b, row, offer);
}

static void
take_defaults(struct build *b)
{
	struct offer offer = { .origin = ORIGIN_DEFAULT, .at = PLACE_NONE };
	size_t i;

	for (i = 0; i < settings_count; i++) {
		offer.name = settings_table[i].name;
		offer.text = settings_table[i].def;
		offer_value(b, &settings_table[i], &offer);
	}
}

/* A sidecar: reached from its own machine alone, by the URL's user alone. */
static void
take_url(struct build *b)
{
	const char *const pairs[][2] = {
		{ "listen_addr", "127.0.0.1" },
		{ "unix_socket_dir", "" },
		{ "pool_mode", "transaction" },
		{ "auth_type", "scram-sha-256" },
		{ "ignore_startup_parameters", "extra_float_digits" },
		{ "admin_users", b->url.user },
	};
	struct offer offer = { .origin = ORIGIN_URL, .at = PLACE_NONE };
	size_t i;

	for (i = 0; i < COUNT_OF(pairs); i++) {
		offer.name = pairs[i][0];
		offer.text = pairs[i][1];
		offer_named(b, &offer);
	}
}

static void
take_file(struct build *b)
{
	const struct ini_entry *e;
	struct offer offer = { .origin = ORIGIN_FILE };
	size_t i;

	for (i = 0; i < b->ini.count; i++) {
		e = &b->ini.entries[i];
		if (e->section == section_databases ||
		    e->section == section_mysql_databases ||
		    e->section == section_users || e->section == section_peers)
			continue;
		offer.name = e->key;
		offer.text = e->value;
		offer.at = e->at;
		offer_named(b, &offer);
	}
}

/* Kubernetes sets these in every container beside a service "carpool". */
static bool
is_foreign_variable(const char *name)
{
	return strncmp(name, "PORT", 4) == 0 ||
	       strncmp(name, "SERVICE_", 8) == 0;
}

static void
take_variable(struct build *b, const char *variable)
{
	const char *name = variable + strlen(ENVIRONMENT_PREFIX);
	const char *equal = strchr(name, '=');
	const struct setting *row;
	struct offer offer = { .origin = ORIGIN_ENVIRONMENT, .at = PLACE_NONE };

	if (equal == NULL)
		return;
	offer.name =
		pile_text(&b->ini.pile, variable, (size_t)(equal - variable));
	offer.text = equal + 1;
	row = settings_find(offer.name + strlen(ENVIRONMENT_PREFIX));
	if (row != NULL)
		offer_value(b, row, &offer);
	else if (!is_foreign_variable(name))
		report_warning(b->report, PLACE_NONE,
			       "environment variable %.60s names no setting",
			       offer.name);
}

static void
take_environment(struct build *b)
{
	char *const *e;

	for (e = b->source->environment; e != NULL && *e != NULL; e++)
		if (strncmp(*e, ENVIRONMENT_PREFIX,
			    strlen(ENVIRONMENT_PREFIX)) == 0)
			take_variable(b, *e);
}

static void
take_overrides(struct build *b)
{
	struct offer offer = { .origin = ORIGIN_OPTION, .at = PLACE_NONE };
	const char *text, *equal;
	size_t i;

	for (i = 0; i < b->source->override_count; i++) {
		text = b->source->overrides[i];
		equal = strchr(text, '=');
		ASSERT(equal != NULL);
		offer.name =
			pile_text(&b->ini.pile, text, (size_t)(equal - text));
		offer.text = equal + 1;
		offer_named(b, &offer);
	}
}

/* Says so where the chosen value asks for what does not work yet. */
static void
check_support(struct build *b, size_t i)
{
	const struct setting *row = &settings_table[i];
	const struct choice *choice = &b->choices[i];
	const struct value *value = &b->s->values[i];
	struct value standard;
	enum support support = row->support;
	char why[VALUE_WHY_MAX], buffer[VALUE_TEXT_MAX];

	if (value_parse(row->type, 0, 0, row->def, &standard, why) &&
	    value_is_equal(row->type, value, &standard))
		return;
	if (support == SUPPORT_FULL)
		support = value->support;
	if (support == SUPPORT_LATER)
		report_warning(b->report, choice->at,
			       "%s has no effect in this version", row->name);
	else if (support == SUPPORT_REFUSED)
		report_error(
			b->report, choice->at,
			"%s = %.60s is refused: this version cannot "
			"follow it, and without it the configuration "
			"would be less safe than it says",
			row->name,
			value_text(row->type, value, buffer, sizeof(buffer)));
}

void
build_settings(struct build *b)
{
	struct snapshot *s = b->s;
	const struct setting *row;
	struct offer conffile = { .name = "conffile", .text = b->source->file };
	size_t i;

	s->values = pile_alloc(&s->pile, settings_count * sizeof(*s->values));
	b->choices =
		pile_alloc(&b->ini.pile, settings_count * sizeof(*b->choices));
	take_defaults(b);
	if (b->source->url != NULL)
		take_url(b);
	if (b->source->file != NULL) {
		conffile.at = PLACE_NONE;
		offer_named(b, &conffile);
	}
	take_file(b);
	take_environment(b);
	take_overrides(b);
	for (i = 0; i < settings_count; i++) {
		row = &settings_table[i];
		check_support(b, i);
		if (row->at != SETTING_NO_MEMBER)
			value_store(row->type, &s->values[i],
				    (char *)&s->settings + row->at);
	}
}

const struct choice *
build_choice(const struct build *b, const char *setting)
{
	const struct setting *row = settings_find(setting);

	ASSERT(row != NULL);
	return &b->choices[row - settings_table];
}
