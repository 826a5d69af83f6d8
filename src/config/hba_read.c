/*
 * The grammar of auth_hba_file.  A line that is not understood is an error of
 * the configuration: to pass over it would let in, or keep out, others than
 * whoever wrote it meant.  Runs on the thread that builds a snapshot.
 */
#include <ifaddrs.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/hba_lines.h"

struct reading {
	struct hba *hba;              /* borrows */
	struct pile *pile;            /* borrows */
	struct config_report *report; /* borrows */
};

/* One line, and how far it is read. */
struct line {
	const struct reading *r;
	const struct fields *fields;
	size_t next; /* field */
	struct hba_line hba;
};

static bool
wrong(const struct line *l, const char *what, const char *word)
{
	report_error(l->r->report, l->fields->place, "%s%s%.60s%s", what,
		     word != NULL ? " \"" : "", word != NULL ? word : "",
		     word != NULL ? "\"" : "");
	return false;
}

/* The next field's only word, or NULL. */
static const struct word *
take_word(struct line *l, const char *what)
{
	const struct field *f;

	if (l->next == l->fields->count) {
		wrong(l, what, NULL);
		return NULL;
	}
	f = &l->fields->at[l->next++];
	if (f->count != 1) {
		wrong(l, "a list where there can only be one word", NULL);
		return NULL;
	}
	return f->words;
}

/* ---- kinds, databases, users ---- */

static const struct {
	const char *word;
	enum hba_kind kind;
} kinds[] = {
	{ "local", HBA_LOCAL },
	{ "host", HBA_HOST },
	{ "hostssl", HBA_HOSTSSL },
	{ "hostnossl", HBA_HOSTNOSSL },
	/* GSSAPI encryption is never used here. */
	{ "hostgssenc", HBA_NEVER },
	{ "hostnogssenc", HBA_HOST },
};

static bool
take_kind(struct line *l)
{
	const struct word *w = take_word(l, "no type of connection");

	if (w == NULL)
		return false;
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (word_is(w, kinds[i].word)) {
			l->hba.kind = kinds[i].kind;
			return true;
		}
	return wrong(l, "unknown type of connection", w->text);
}

static bool
take_names(struct line *l, struct field *out, const char *missing,
	   const char *const *refused)
{
	if (l->next == l->fields->count)
		return wrong(l, missing, NULL);
	*out = l->fields->at[l->next++];
	for (size_t i = 0; i < out->count; i++) {
		const struct word *w = &out->words[i];

		for (size_t k = 0; refused[k] != NULL; k++)
			if (word_is(w, refused[k]))
				return wrong(l,
					     "carpool knows no memberships of "
					     "roles:",
					     w->text);
		if (w->is_quoted)
			continue;
		if (w->text[0] == '+')
			return wrong(l,
				     "carpool knows no memberships of roles:",
				     w->text);
		if (w->text[0] == '/')
			return wrong(l,
				     "regular expressions are not read here:",
				     w->text);
	}
	return true;
}

/* ---- addresses ---- */

static void
add_network(struct line *l, size_t *room, const struct network *n)
{
	struct network *all = (struct network *)(uintptr_t)l->hba.networks;

	all = pile_grow(l->r->pile, all, l->hba.network_count, room,
			sizeof(*n));
	all[l->hba.network_count++] = *n;
	l->hba.networks = all;
}

enum own { OWN_HOST, OWN_NET };

/* This machine's own addresses, or the networks that they are in. */
static bool
add_own(struct line *l, enum own which)
{
	struct ifaddrs *all, *i;
	struct network n;
	size_t room = 0;

	if (getifaddrs(&all) != 0)
		return wrong(l, "this machine's own addresses cannot be read",
			     NULL);
	for (i = all; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || i->ifa_netmask == NULL ||
		    !network_of(i->ifa_addr, i->ifa_netmask, &n))
			continue;
		if (which == OWN_HOST)
			(void)network_host(i->ifa_addr, &n);
		add_network(l, &room, &n);
	}
	freeifaddrs(all);
	return true;
}

/* The mask of an address without a prefix is a field of its own. */
static bool
take_masked(struct line *l, const char *address, struct network *n)
{
	const struct word *mask = take_word(l, "no mask behind the address");

	if (mask == NULL)
		return false;
	return network_parse_masked(address, mask->text, n) ||
	       wrong(l, "this is no mask:", mask->text);
}

static bool
take_address(struct line *l)
{
	const struct word *w;
	struct network n;
	size_t room = 0;
	bool ok;

	if (l->hba.kind == HBA_LOCAL)
		return true;
	w = take_word(l, "no address");
	if (w == NULL)
		return false;
	if (word_is(w, "samehost"))
		return add_own(l, OWN_HOST);
	if (word_is(w, "samenet"))
		return add_own(l, OWN_NET);
	l->hba.is_anywhere = word_is(w, "all");
	if (l->hba.is_anywhere)
		return true;
	if (!network_parse(w->text, &n))
		return wrong(l,
			     strchr(w->text, '/') != NULL
				     ? "this is no network:"
				     : "names of hosts are not looked up here:",
			     w->text);
	ok = strchr(w->text, '/') != NULL || take_masked(l, w->text, &n);
	if (ok)
		add_network(l, &room, &n);
	return ok;
}

/* ---- methods and their options ---- */

static const struct {
	const char *word;
	enum auth_method method;
} methods[] = {
	{ "trust", AUTH_TRUST },
	{ "reject", AUTH_REJECT },
	{ "md5", AUTH_MD5 },
	{ "password", AUTH_PLAIN },
	{ "plain", AUTH_PLAIN },
	{ "scram-sha-256", AUTH_SCRAM },
	{ "cert", AUTH_CERT },
	{ "peer", AUTH_PEER },
	/* On a unix socket Postgres takes it for peer. */
	{ "ident", AUTH_PEER },
};

static bool
take_method(struct line *l)
{
	const struct word *w = take_word(l, "no method");
	struct hba_line *h = &l->hba;
	size_t i = 0;

	if (w == NULL)
		return false;
	while (i < COUNT_OF(methods) && !word_is(w, methods[i].word))
		i++;
	if (i == COUNT_OF(methods))
		return wrong(l, "carpool has no method", w->text);
	h->rule.method = methods[i].method;
	if (h->rule.method == AUTH_PEER && h->kind != HBA_LOCAL)
		return wrong(l, "only local connections can have the method",
			     w->text);
	if (h->rule.method == AUTH_CERT && h->kind != HBA_HOSTSSL)
		return wrong(l, "only hostssl connections can have the method",
			     w->text);
	return true;
}

static bool
set_clientcert(struct line *l, const char *value)
{
	if (l->hba.kind != HBA_HOSTSSL)
		return wrong(l, "only hostssl connections can have clientcert",
			     NULL);
	if (strcmp(value, "verify-ca") == 0)
		l->hba.rule.cert = HBA_CERT_CA;
	else if (strcmp(value, "verify-full") == 0)
		l->hba.rule.cert = HBA_CERT_NAME;
	else
		return wrong(l, "clientcert is verify-ca or verify-full, not",
			     value);
	return true;
}

static bool
set_map(struct line *l, const char *value)
{
	struct hba_rule *rule = &l->hba.rule;

	if (rule->method != AUTH_PEER && rule->method != AUTH_CERT)
		return wrong(l, "only peer and cert can have a map", NULL);
	rule->map = value;
	return true;
}

static bool
take_option(struct line *l)
{
	const struct word *w = take_word(l, "");
	const char *value;

	if (w == NULL)
		return false;
	value = strchr(w->text, '=');
	if (value == NULL)
		return wrong(l, "an option is name=value, not", w->text);
	value++;
	if (strncmp(w->text, "map=", 4) == 0)
		return set_map(l, value);
	if (strncmp(w->text, "clientcert=", 11) == 0)
		return set_clientcert(l, value);
	return wrong(l, "unknown option", w->text);
}

/* ---- lines ---- */

static const char *const refused_databases[] = { "samerole", "samegroup",
						 NULL };
static const char *const refused_users[] = { NULL };

static void
take_line(void *arg, const struct fields *fields)
{
	struct reading *r = arg;
	struct line l = { .r = r, .fields = fields };
	struct hba *h = r->hba;

	l.hba.rule.map = "";
	l.hba.rule.file = fields->place.file;
	l.hba.rule.line = fields->place.line;
	if (!take_kind(&l) ||
	    !take_names(&l, &l.hba.databases, "no database",
			refused_databases) ||
	    !take_names(&l, &l.hba.users, "no user", refused_users) ||
	    !take_address(&l) || !take_method(&l))
		return;
	while (l.next < fields->count)
		if (!take_option(&l))
			return;
	h->lines =
		pile_grow(r->pile, h->lines, h->count, &h->room, sizeof(l.hba));
	h->lines[h->count++] = l.hba;
}

int
hba_read(struct hba *h, const char *path, struct pile *pile,
	 struct config_report *report)
{
	struct reading r = { .hba = h, .pile = pile, .report = report };

	return fields_read(path, pile, report, take_line, &r);
}
