/*
 * The rules of access of a configuration: auth_hba_file and auth_ident_file,
 * read where auth_type asks for them.  Runs on the thread that builds.
 */
#include <string.h>

#include "base/mem.h"
#include "config/build.h"

static void
missing(struct build *b, const char *setting, const char *path, int failure)
{
	report_error(b->report, build_choice(b, setting)->at,
		     "cannot read %s %s: %s", setting, path,
		     strerrordesc_np(failure));
}

static void
read_rules(struct build *b)
{
	const struct settings *set = &b->s->settings;
	int failure;

	if (set->auth_hba_file[0] == '\0') {
		report_error(b->report, build_choice(b, "auth_type")->at,
			     "auth_type hba needs auth_hba_file");
		return;
	}
	failure = hba_read(&b->s->hba, set->auth_hba_file, &b->s->pile,
			   b->report);
	if (failure != 0)
		missing(b, "auth_hba_file", set->auth_hba_file, failure);
	else if (b->s->hba.count == 0)
		report_warning(b->report, build_choice(b, "auth_hba_file")->at,
			       "nobody can log in: %s has no rule",
			       set->auth_hba_file);
}

static void
read_maps(struct build *b)
{
	const char *path = b->s->settings.auth_ident_file;
	int failure;

	if (path[0] == '\0')
		return;
	failure = ident_read(&b->s->ident, path, &b->s->pile, b->report);
	if (failure != 0)
		missing(b, "auth_ident_file", path, failure);
}

static struct place
place_of(const struct hba_rule *rule)
{
	return (struct place){ .file = rule->file, .line = rule->line };
}

static void
check_rule(struct build *b, const struct hba_rule *rule)
{
	const struct settings *set = &b->s->settings;
	bool wants_cert =
		rule->method == AUTH_CERT || rule->cert != HBA_CERT_NONE;

	if (rule->map[0] != '\0' && !ident_has_map(&b->s->ident, rule->map))
		report_error(b->report, place_of(rule),
			     "auth_ident_file has no map \"%.60s\"", rule->map);
	if (wants_cert && set->client_tls_ca_file[0] == '\0')
		report_error(b->report, place_of(rule),
			     "certificates can only be asked for with "
			     "client_tls_ca_file");
}

/* Clients can be asked for certificates only where they must show one, but by
 * single rules. */
static void
check_cert(struct build *b)
{
	const struct settings *set = &b->s->settings;

	if (set->auth_type == AUTH_CERT &&
	    set->client_tls_sslmode < SSL_MODE_VERIFY_CA)
		report_error(b->report, build_choice(b, "auth_type")->at,
			     "auth_type cert needs client_tls_sslmode "
			     "verify-full");
}

/* proxy_protocol_networks, with commas and blanks between them. */
static void
read_proxies(struct build *b)
{
	const char *at = b->s->settings.proxy_protocol_networks;
	struct network *all = NULL, n;
	size_t room = 0, len;

	for (; *at != '\0'; at += len + (at[len] != '\0' ? 1 : 0)) {
		const char *text;

		at += strspn(at, " \t");
		len = strcspn(at, ", \t");
		if (len == 0)
			continue;
		text = pile_text(&b->s->pile, at, len);
		if (!network_parse(text, &n)) {
			report_error(
				b->report,
				build_choice(b, "proxy_protocol_networks")->at,
				"proxy_protocol_networks: \"%.60s\" is no "
				"network",
				text);
			continue;
		}
		all = pile_grow(&b->s->pile, all, b->s->proxy_count, &room,
				sizeof(n));
		all[b->s->proxy_count++] = n;
	}
	b->s->proxies = all;
}

void
build_access(struct build *b)
{
	read_proxies(b);
	check_cert(b);
	if (b->s->settings.auth_type != AUTH_HBA)
		return;
	read_rules(b);
	read_maps(b);
	for (size_t i = 0; i < b->s->hba.count; i++)
		check_rule(b, &b->s->hba.lines[i].rule);
}

/* ---- questions; any thread ---- */

bool
snapshot_is_proxy(const struct snapshot *s, const struct addr *peer)
{
	for (size_t i = 0; i < s->proxy_count; i++)
		if (network_has(&s->proxies[i], peer))
			return true;
	return false;
}

const struct hba_rule *
snapshot_hba_rule(const struct snapshot *s, const struct hba_client *client)
{
	return hba_find(&s->hba, client);
}

bool
snapshot_hba_has_certs(const struct snapshot *s)
{
	for (size_t i = 0; i < s->hba.count; i++)
		if (s->hba.lines[i].rule.method == AUTH_CERT ||
		    s->hba.lines[i].rule.cert != HBA_CERT_NONE)
			return true;
	return false;
}

bool
snapshot_ident_allows(const struct snapshot *s, const char *map,
		      const char *name, const char *user)
{
	return ident_allows(&s->ident, map, name, user);
}
