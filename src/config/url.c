/*
 * URLs, read by libpq itself (PQconninfoParse), so that what a client may write
 * carpool understands too; those of MySQL have the same form up to their
 * parameters.  These are looked at first: libpq knows only its own and refuses
 * the others, and many URLs in use carry those of an ORM or driver.  Manual:
 * libpq, "Connection URIs" and "Parameter Key Words".  Runs on the thread that
 * builds a snapshot; connects nowhere.
 */
#include "config/url.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* What happens with a parameter. */
enum param_fate {
	PARAM_TAKE,   /* libpq reads it for us */
	PARAM_DROP,   /* another tool's: nothing to do with servers */
	PARAM_UNUSED, /* harmless, but a warning says that it has no effect */
	PARAM_REFUSE, /* to ignore it would be wrong or weaken security */
	PARAM_CHECK,  /* refused, but for the values listed as harmless */
};

struct param {
	const char *name;
	enum param_fate fate;
	const char *as; /* TAKE: what libpq calls it; NULL = the same */
};

static const struct param pg_params[] = {
	{ "application_name", PARAM_TAKE },
	{ "channel_binding", PARAM_CHECK },
	{ "client_encoding", PARAM_TAKE },
	{ "connect_timeout", PARAM_UNUSED },
	{ "dbname", PARAM_TAKE },
	{ "fallback_application_name", PARAM_TAKE },
	{ "gssdelegation", PARAM_DROP },
	{ "gssencmode", PARAM_CHECK },
	{ "gsslib", PARAM_DROP },
	{ "host", PARAM_TAKE },
	{ "hostaddr", PARAM_TAKE },
	{ "keepalives", PARAM_UNUSED },
	{ "keepalives_count", PARAM_UNUSED },
	{ "keepalives_idle", PARAM_UNUSED },
	{ "keepalives_interval", PARAM_UNUSED },
	{ "krbsrvname", PARAM_DROP },
	{ "load_balance_hosts", PARAM_CHECK },
	{ "max_protocol_version", PARAM_DROP },
	{ "min_protocol_version", PARAM_DROP },
	{ "options", PARAM_REFUSE },
	{ "passfile", PARAM_REFUSE },
	{ "password", PARAM_TAKE },
	{ "port", PARAM_TAKE },
	{ "replication", PARAM_REFUSE },
	{ "require_auth", PARAM_REFUSE },
	{ "requirepeer", PARAM_REFUSE },
	{ "service", PARAM_REFUSE },
	{ "ssl", PARAM_CHECK },
	{ "ssl_max_protocol_version", PARAM_UNUSED },
	{ "ssl_min_protocol_version", PARAM_UNUSED },
	{ "sslcert", PARAM_TAKE },
	{ "sslcertmode", PARAM_UNUSED },
	{ "sslcompression", PARAM_DROP },
	{ "sslcrl", PARAM_UNUSED },
	{ "sslcrldir", PARAM_UNUSED },
	{ "sslkey", PARAM_TAKE },
	{ "sslmode", PARAM_TAKE },
	{ "sslnegotiation", PARAM_CHECK },
	{ "sslpassword", PARAM_UNUSED },
	{ "sslrootcert", PARAM_TAKE },
	{ "sslsni", PARAM_DROP },
	{ "target_session_attrs", PARAM_CHECK },
	{ "tcp_user_timeout", PARAM_UNUSED },
	{ "user", PARAM_TAKE },
	/* of drivers, ORMs and other poolers */
	{ "binary_parameters", PARAM_DROP },
	{ "charset", PARAM_DROP },
	{ "connection_limit", PARAM_DROP },
	{ "currentSchema", PARAM_DROP },
	{ "default_query_exec_mode", PARAM_DROP },
	{ "description_cache_capacity", PARAM_DROP },
	{ "encoding", PARAM_DROP },
	{ "idle_timeout", PARAM_DROP },
	{ "max_connections", PARAM_DROP },
	{ "pgbouncer", PARAM_DROP },
	{ "pool", PARAM_DROP },
	{ "pool_max_conn_idle_time", PARAM_DROP },
	{ "pool_max_conn_lifetime", PARAM_DROP },
	{ "pool_max_conns", PARAM_DROP },
	{ "pool_min_conns", PARAM_DROP },
	{ "pool_mode", PARAM_DROP },
	{ "pool_size", PARAM_DROP },
	{ "pool_timeout", PARAM_DROP },
	{ "prepare", PARAM_DROP },
	{ "prepareThreshold", PARAM_DROP },
	{ "prepared_statement_cache_size", PARAM_DROP },
	{ "prepared_statements", PARAM_DROP },
	{ "reconnect", PARAM_DROP },
	{ "schema", PARAM_DROP },
	{ "serverVersion", PARAM_DROP },
	{ "single_use_connections", PARAM_DROP },
	{ "socket_timeout", PARAM_DROP },
	{ "sslaccept", PARAM_CHECK },
	{ "sslidentity", PARAM_UNUSED },
	{ "statement_cache_capacity", PARAM_DROP },
	{ "statement_cache_mode", PARAM_DROP },
	{ "statement_cache_size", PARAM_DROP },
	{ "supa", PARAM_DROP },
	{ "uselibpqcompat", PARAM_DROP },
	{ "workaround", PARAM_DROP },
};

/* Of MySQL's drivers; there is no one list, each has its own. */
static const struct param mysql_params[] = {
	{ "allowNativePasswords", PARAM_DROP },
	{ "allowPublicKeyRetrieval", PARAM_DROP },
	{ "autocommit", PARAM_DROP },
	{ "charset", PARAM_DROP },
	{ "characterEncoding", PARAM_DROP },
	{ "collation", PARAM_DROP },
	{ "connectTimeout", PARAM_UNUSED },
	{ "connect_timeout", PARAM_UNUSED },
	{ "connectionLimit", PARAM_DROP },
	{ "connection_limit", PARAM_DROP },
	{ "encoding", PARAM_DROP },
	{ "idle_timeout", PARAM_DROP },
	{ "loc", PARAM_DROP },
	{ "max_connections", PARAM_DROP },
	{ "multiStatements", PARAM_DROP },
	{ "parseTime", PARAM_DROP },
	{ "pool", PARAM_DROP },
	{ "pool_mode", PARAM_DROP },
	{ "pool_size", PARAM_DROP },
	{ "pool_timeout", PARAM_DROP },
	{ "readTimeout", PARAM_DROP },
	{ "reconnect", PARAM_DROP },
	{ "schema", PARAM_DROP },
	{ "serverTimezone", PARAM_DROP },
	{ "serverVersion", PARAM_DROP },
	{ "socket", PARAM_TAKE, "host" },
	{ "socket_timeout", PARAM_DROP },
	{ "ssl", PARAM_CHECK },
	{ "ssl-ca", PARAM_TAKE, "sslrootcert" },
	{ "ssl-cert", PARAM_TAKE, "sslcert" },
	{ "ssl-key", PARAM_TAKE, "sslkey" },
	{ "ssl-mode", PARAM_TAKE, "sslmode" },
	{ "ssl_mode", PARAM_TAKE, "sslmode" },
	{ "sslMode", PARAM_TAKE, "sslmode" },
	{ "sslaccept", PARAM_CHECK },
	{ "sslca", PARAM_TAKE, "sslrootcert" },
	{ "sslcert", PARAM_TAKE },
	{ "sslidentity", PARAM_UNUSED },
	{ "sslkey", PARAM_TAKE },
	{ "sslpassword", PARAM_UNUSED },
	{ "statement_cache_capacity", PARAM_DROP },
	{ "statement_cache_size", PARAM_DROP },
	{ "timeout", PARAM_DROP },
	{ "timezone", PARAM_REFUSE },
	{ "tls", PARAM_CHECK },
	{ "useSSL", PARAM_CHECK },
	{ "useUnicode", PARAM_DROP },
	{ "writeTimeout", PARAM_DROP },
};

static const struct {
	const struct param *rows;
	size_t count;
} params[PROTOCOLS] = {
	[PROTOCOL_POSTGRES] = { pg_params, COUNT_OF(pg_params) },
	[PROTOCOL_MYSQL] = { mysql_params, COUNT_OF(mysql_params) },
};

/* Values of the PARAM_CHECK parameters that ask for nothing. */
static const struct {
	const char *name;
	const char *value;
} harmless[] = {
	{ "channel_binding", "disable" },
	{ "channel_binding", "prefer" },
	{ "gssencmode", "disable" },
	{ "gssencmode", "prefer" },
	{ "load_balance_hosts", "disable" },
	{ "load_balance_hosts", "random" },
	{ "load_balance_hosts", "round-robin" },
	{ "ssl", "0" },
	{ "ssl", "false" },
	{ "sslaccept", "accept_invalid_certs" },
	{ "sslnegotiation", "postgres" },
	{ "target_session_attrs", "any" },
	{ "tls", "false" },
	{ "tls", "preferred" },
	{ "useSSL", "false" },
};

/* Values of them that ask for TLS, in libpq's words; with the machine's own
 * authorities where no others are named. */
static const struct asking {
	const char *name;
	const char *value;
	const char *mode;
	bool by_system;
} asking[] = {
	{ "ssl", "1", "require", false },
	{ "ssl", "true", "require", false },
	{ "sslaccept", "strict", "verify-full", true },
	{ "tls", "skip-verify", "require", false },
	{ "tls", "true", "verify-full", true },
	{ "useSSL", "true", "require", false },
};

/* One URL on its way to libpq. */
struct url_scan {
	struct pile *pile;
	struct place at;
	struct config_report *report;
	struct url *out;
	char *kept;       /* borrows from pile: the URL that libpq gets */
	size_t kept_len;  /* never more than the URL's own length */
	bool has_params;  /* in kept */
	bool by_system;   /* see asking */
	const char *mode; /* of asking, NULL = none did */
};

bool
url_is_one(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ+";

	return strncmp(text + strspn(text, letters), "://", 3) == 0;
}

static const struct {
	const char *text;
	enum protocol protocol;
} schemes[] = {
	{ "postgresql://", PROTOCOL_POSTGRES },
	{ "postgres://", PROTOCOL_POSTGRES },
	{ "mysql://", PROTOCOL_MYSQL },
	{ "mariadb://", PROTOCOL_MYSQL },
};

/* Where the authority and path start, or NULL where it is another URL. */
static const char *
behind_scheme(const char *url, enum protocol *protocol)
{
	size_t i;

	for (i = 0; i < COUNT_OF(schemes); i++) {
		if (strncmp(url, schemes[i].text, strlen(schemes[i].text)) != 0)
			continue;
		*protocol = schemes[i].protocol;
		return url + strlen(schemes[i].text);
	}
	return NULL;
}

/* As libpq: a '?' in the password is no start of parameters. */
static const char *
find_params(const char *rest)
{
	const char *at = strpbrk(rest, "@/");

	if (at != NULL && *at == '@')
		rest = at + 1;
	return strchr(rest, '?');
}

static enum param_fate
judge_value(const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < COUNT_OF(harmless); i++)
		if (strcmp(name, harmless[i].name) == 0 &&
		    text_equal_nocase(value, harmless[i].value))
			return PARAM_DROP;
	return PARAM_REFUSE;
}

static void
keep(struct url_scan *scan, const char *text, size_t len)
{
	memcpy(scan->kept + scan->kept_len, text, len);
	scan->kept_len += len;
}

static void
keep_param(struct url_scan *scan, const char *name, const char *value)
{
	keep(scan, scan->has_params ? "&" : "?", 1);
	keep(scan, name, strlen(name));
	keep(scan, "=", 1);
	keep(scan, value, strlen(value));
	scan->has_params = true;
}

/* Does it ask for TLS?  Then it is taken as libpq says it. */
static bool
take_asking(struct url_scan *scan, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT_OF(asking); i++) {
		if (strcmp(name, asking[i].name) != 0 ||
		    !text_equal_nocase(value, asking[i].value))
			continue;
		scan->mode = asking[i].mode;
		scan->by_system |= asking[i].by_system;
		return true;
	}
	if (strcmp(name, "sslnegotiation") == 0 &&
	    strcmp(value, "direct") == 0) {
		scan->out->ssl_negotiation = "direct";
		return true;
	}
	if (strcmp(name, "channel_binding") != 0 ||
	    strcmp(value, "require") != 0)
		return false;
	scan->out->channel_binding = "require";
	return true;
}

/* row is the one of the table, value as it stands in the URL. */
static void
apply_param(struct url_scan *scan, const struct param *row, const char *value)
{
	enum param_fate fate = row->fate;
	const char *name = row->name;

	if (fate == PARAM_CHECK && take_asking(scan, name, value))
		return;
	if (fate == PARAM_CHECK)
		fate = judge_value(name, value);
	switch (fate) {
	case PARAM_TAKE:
		keep_param(scan, row->as != NULL ? row->as : name, value);
		break;
	case PARAM_UNUSED:
		report_warning(scan->report, scan->at,
			       "URL: %s has no effect in this version", name);
		break;
	case PARAM_REFUSE:
		report_error(scan->report, scan->at,
			     "URL: %s=%.40s is refused: this version cannot do "
			     "what it asks for",
			     name, value);
		break;
	case PARAM_DROP:
		if (strcmp(name, "load_balance_hosts") == 0 &&
		    text_equal_nocase(value, "disable"))
			scan->out->balance = LOAD_BALANCE_DISABLE;
		break;
	case PARAM_CHECK:
		break;
	}
}

static void
scan_param(struct url_scan *scan, const char *text, size_t len)
{
	const char *equal = memchr(text, '=', len);
	const char *name, *value;
	size_t i;

	if (len == 0)
		return;
	if (equal == NULL) {
		report_error(scan->report, scan->at,
			     "URL: a parameter without '='");
		return;
	}
	name = pile_text(scan->pile, text, (size_t)(equal - text));
	value = pile_text(scan->pile, equal + 1,
			  (size_t)(text + len - equal) - 1);
	for (i = 0; i < params[scan->out->protocol].count; i++) {
		const struct param *row = &params[scan->out->protocol].rows[i];

		if (!text_equal_nocase(name, row->name))
			continue;
		apply_param(scan, row, value);
		return;
	}
	report_error(scan->report, scan->at, "URL: unknown parameter \"%.60s\"",
		     name);
}

static void
scan_params(struct url_scan *scan, const char *p)
{
	size_t len;

	while (*p != '\0') {
		len = strcspn(p, "&");
		scan_param(scan, p, len);
		p += len;
		p += *p == '&' ? 1 : 0;
	}
}

static void
take_option(struct url_scan *scan, const PQconninfoOption *o)
{
	struct url *out = scan->out;
	const struct {
		const char *keyword;
		const char **into;
		bool wins; /* over what stands there already */
	} wanted[] = {
		{ "hostaddr", &out->host, true },
		{ "host", &out->host, false },
		{ "port", &out->port, true },
		{ "dbname", &out->dbname, true },
		{ "user", &out->user, true },
		{ "password", &out->password, true },
		{ "application_name", &out->application_name, true },
		{ "fallback_application_name", &out->application_name, false },
		{ "client_encoding", &out->client_encoding, true },
		{ "sslmode", &out->ssl_mode, true },
		{ "sslrootcert", &out->ssl_ca, true },
		{ "sslcert", &out->ssl_cert, true },
		{ "sslkey", &out->ssl_key, true },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(wanted); i++)
		if (strcmp(o->keyword, wanted[i].keyword) == 0 &&
		    (wanted[i].wins || (*wanted[i].into)[0] == '\0'))
			*wanted[i].into =
				pile_text(scan->pile, o->val, strlen(o->val));
}

static void
parse_kept(struct url_scan *scan)
{
	PQconninfoOption *options, *o;

	/* Its own message is not passed on: it repeats the URL. */
	options = PQconninfoParse(scan->kept, NULL);
	if (options == NULL) {
		report_error(scan->report, scan->at,
			     "URL: not of the form "
			     "scheme://user:password@host:port/database "
			     "(special characters as %%XX)");
		return;
	}
	for (o = options; o->keyword != NULL; o++) {
		if (o->val == NULL || o->val[0] == '\0')
			continue;
		take_option(scan, o);
		mem_wipe(o->val, strlen(o->val));
	}
	PQconninfoFree(options);
	/* "auto" means the client's locale, which a pooler has no use for. */
	if (text_equal_nocase(scan->out->client_encoding, "auto"))
		scan->out->client_encoding = "";
}

/* The words of the entry's own keys. */
static const struct mode_word {
	const char *word;
	const char *as[PROTOCOLS];
} mode_words[] = {
	{ "no-verify", { "require", NULL } },
	{ "disable", { "disable", "disabled" } },
	{ "prefer", { "prefer", "preferred" } },
	{ "require", { "require", "required" } },
	{ "verify-ca", { "verify-ca", "verify_ca" } },
	{ "verify-full", { "verify-full", "verify_identity" } },
};

/*
 * What a client library makes of them: authorities that are named are used, and
 * those of the machine are used for all or nothing.
 */
static void
finish_ssl(struct url_scan *scan)
{
	struct url *out = scan->out;
	const char *mode = scan->mode != NULL ? scan->mode : out->ssl_mode;

	if (out->ssl_ca[0] == '\0' && scan->by_system)
		out->ssl_ca = "system";
	if (strcmp(out->ssl_ca, "system") == 0 && mode[0] == '\0')
		mode = "verify-full";
	for (size_t i = 0; i < COUNT_OF(mode_words); i++) {
		const char *as = mode_words[i].as[out->protocol];

		if (as != NULL && text_equal_nocase(mode, mode_words[i].word))
			mode = as;
	}
	out->ssl_mode = mode;
}

bool
url_parse(const char *url, struct pile *pile, struct place at,
	  struct config_report *report, struct url *out)
{
	struct url_scan scan = {
		.pile = pile,
		.at = at,
		.report = report,
		.out = out,
	};
	static const char pg[] = "postgresql://";
	enum protocol protocol = PROTOCOL_POSTGRES;
	const char *rest = behind_scheme(url, &protocol), *query;
	size_t errors = report->errors;

	*out = (struct url){ protocol, "", "", "", "", "", "", "",
			     0,        "", "", "", "", "", "" };
	if (rest == NULL) {
		report_error(report, at,
			     "URL: starts with none of postgresql://, "
			     "postgres://, mysql:// and mariadb://");
		return false;
	}
	query = find_params(rest);
	/* libpq's names are at most twice as long. */
	scan.kept = pile_alloc(pile, sizeof(pg) + 3 * strlen(rest));
	keep(&scan, pg, sizeof(pg) - 1);
	keep(&scan, rest,
	     query != NULL ? (size_t)(query - rest) : strlen(rest));
	if (query != NULL)
		scan_params(&scan, query + 1);
	if (report->errors == errors)
		parse_kept(&scan);
	if (report->errors == errors)
		finish_ssl(&scan);
	return report->errors == errors;
}
