/*
 * The entries of [databases] and [mysql_databases], and those that a --url
 * stands for.  Runs on the thread that builds, after the settings are known.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/map.h"
#include "base/mem.h"
#include "config/build.h"

#define AT(member) offsetof(struct database_draft, member)

/* Where Debian's servers have their sockets: a folder, and the file itself. */
#define PG_SOCKET_DIR "/var/run/postgresql"
#define MYSQL_SOCKET "/run/mysqld/mysqld.sock"

/* Keys of MySQL's entries alone, of both kinds, of Postgres's alone. */
#define MYSQL_ONLY 4
#define PG_ONLY 19

static const struct entry_key keys[] = {
	{ "ssl-mode", &type_mysql_ssl, AT(ssl), .alias = "ssl_mode" },
	{ "ssl-ca", &type_text, AT(ssl_ca), .alias = "ssl_ca" },
	{ "ssl-cert", &type_text, AT(ssl_cert), .alias = "ssl_cert" },
	{ "ssl-key", &type_text, AT(ssl_key), .alias = "ssl_key" },
	[MYSQL_ONLY] = { "host", &type_text, AT(host) },
	{ "port", &type_text, AT(port) },
	{ "dbname", &type_text, AT(dbname) },
	{ "user", &type_text, AT(user) },
	{ "password", &type_secret, AT(password) },
	{ "pool_mode", &type_pool_mode, AT(mode) },
	{ "pool_size", &type_number, AT(pool_size), INT32_MAX,
	  UNSET_MINUS_ONE },
	{ "min_pool_size", &type_number, AT(min_pool_size), INT32_MAX,
	  UNSET_MINUS_ONE },
	{ "reserve_pool_size", &type_number, AT(reserve_pool_size), INT32_MAX,
	  UNSET_MINUS_ONE, .alias = "reserve_pool" },
	{ "max_db_connections", &type_number, AT(max_connections), INT32_MAX,
	  UNSET_MINUS_ONE_AND_ZERO },
	{ "max_db_client_connections", &type_number, AT(max_client_connections),
	  INT32_MAX, UNSET_MINUS_ONE_AND_ZERO },
	{ "server_lifetime", &type_seconds, AT(server_lifetime),
	  INT32_MAX *USEC_PER_SEC, UNSET_MINUS_ONE_AND_ZERO },
	{ "query_wait_timeout", &type_seconds, AT(query_wait_timeout),
	  INT32_MAX *USEC_PER_SEC, UNSET_MINUS_ONE },
	{ "load_balance_hosts", &type_load_balance, AT(balance) },
	{ "connect_query", &type_text, AT(connect_query) },
	[PG_ONLY] = { "client_encoding", &type_text, AT(client_encoding) },
	STATE_KEYS,
	{ "datestyle", &type_text, AT(datestyle) },
	{ "timezone", &type_text, AT(timezone) },
	{ "application_name", &type_text, AT(application_name) },
	{ "sslmode", &type_server_sslmode, AT(ssl) },
	{ "sslrootcert", &type_text, AT(ssl_ca) },
	{ "sslcert", &type_text, AT(ssl_cert) },
	{ "sslkey", &type_text, AT(ssl_key) },
	{ "sslnegotiation", &type_ssl_negotiation, AT(ssl_begins) },
	{ "channel_binding", &type_channel_binding, AT(channel_binding) },
	{ "auth_user", &type_text, AT(auth_user) },
	{ "auth_dbname", &type_text, AT(auth_dbname) },
	{ "auth_query", &type_text, AT(auth_query) },
};

/* What differs between the protocols' entries. */
static const struct kind {
	const struct entry_key *keys;
	size_t key_count;
	const char *host; /* NULL: see default_host */
	uint16_t port;
	bool has_dir; /* a host that is a path is a folder with sockets */
} kinds[PROTOCOLS] = {
	[PROTOCOL_POSTGRES] = { keys + MYSQL_ONLY, COUNT_OF(keys) - MYSQL_ONLY,
				NULL, 5432, true },
	[PROTOCOL_MYSQL] = { keys, PG_ONLY, MYSQL_SOCKET, 3306, false },
};

static const struct database_draft empty_draft = {
	.host = "",
	.port = "",
	.dbname = "",
	.user = "",
	.password = "",
	.connect_query = "",
	.client_encoding = "",
	.datestyle = "",
	.timezone = "",
	.application_name = "",
	.auth_user = "",
	.auth_dbname = "",
	.auth_query = "",
	.ssl = UNSET_U32,
	.ssl_begins = SSL_NEGOTIATION_POSTGRES,
	.ssl_ca = "",
	.ssl_cert = "",
	.ssl_key = "",
	.mode = UNSET_U32,
	.balance = LOAD_BALANCE_ROUND_ROBIN,
	.pool_size = UNSET_U32,
	.min_pool_size = UNSET_U32,
	.reserve_pool_size = UNSET_U32,
	.max_connections = UNSET_U32,
	.max_client_connections = UNSET_U32,
	.on_state = { UNSET_U32, UNSET_U32, UNSET_U32, UNSET_U32, UNSET_U32,
		      UNSET_U32 },
	.server_lifetime = UNSET_USEC,
	.query_wait_timeout = UNSET_USEC,
};

/* One entry on its way into the snapshot. */
struct work {
	struct build *b;
	struct database_body *body;
};

static uint32_t
or_u32(uint32_t given, uint32_t otherwise)
{
	return given != UNSET_U32 ? given : otherwise;
}

static usec_t
or_usec(usec_t given, usec_t otherwise)
{
	return given != UNSET_USEC ? given : otherwise;
}

static const char *
or_text(const char *given, const char *usual)
{
	return given[0] != '\0' ? given : usual;
}

static const char *
or_null(const char *given)
{
	return given[0] != '\0' ? given : NULL;
}

static void
fail(const struct work *w, const char *what, const char *value)
{
	report_error(w->b->report, w->body->entry.at,
		     "database \"%s\": %s \"%.100s\"", w->body->db.name, what,
		     value);
}

/* The socket directory of an entry without host, as PgBouncer takes it. */
static const char *
default_host(const struct work *w)
{
	const char *dir = w->b->s->settings.unix_socket_dir;

	if (kinds[w->body->db.protocol].host != NULL)
		return kinds[w->body->db.protocol].host;
	if (w->b->source->url != NULL ||
	    build_choice(w->b, "unix_socket_dir")->origin == ORIGIN_DEFAULT)
		return PG_SOCKET_DIR;
	if (dir[0] == '\0')
		report_error(w->b->report, w->body->entry.at,
			     "database \"%s\": neither a host nor a "
			     "unix_socket_dir is given",
			     w->body->db.name);
	return dir;
}

/* Number of items in a comma list; 1 for an empty one. */
static size_t
list_length(const char *list)
{
	size_t n = 1;

	for (; *list != '\0'; list++)
		n += *list == ',' ? 1 : 0;
	return n;
}

/* Item i of a comma list without the blanks around it, copied. */
static const char *
list_item(struct pile *pile, const char *list, size_t i)
{
	size_t len;

	for (; i > 0; i--)
		list += strcspn(list, ",") + 1;
	list += strspn(list, " \t");
	len = strcspn(list, ",");
	while (len > 0 && strchr(" \t", list[len - 1]) != NULL)
		len--;
	return pile_text(pile, list, len);
}

static uint16_t
read_port(const struct work *w, const char *text)
{
	uint16_t usual = kinds[w->body->db.protocol].port;
	uint64_t port;

	if (text[0] == '\0')
		return usual;
	if (text_to_u64(text, 10, &port) && port >= 1 && port <= UINT16_MAX)
		return (uint16_t)port;
	fail(w, "this is no port:", text);
	return usual;
}

static void
check_host(const struct work *w, const struct config_host *host)
{
	struct sockaddr_un address;
	char path[sizeof(address.sun_path) + 1];
	size_t len = strlen(host->name);

	if (host->name[0] != '/' && host->name[0] != '@')
		return;
	if (kinds[w->body->db.protocol].has_dir)
		len = text_format(path, sizeof(path), "%s/.s.PGSQL.%u",
				  host->name, (unsigned)host->port);
	if (len >= sizeof(address.sun_path))
		fail(w, "path too long for a unix socket:", host->name);
}

static void
take_hosts(const struct work *w)
{
	struct config_database *db = &w->body->db;
	const struct database_draft *draft = &w->body->draft;
	struct pile *pile = &w->b->s->pile;
	size_t count = list_length(draft->host), i;
	size_t ports = list_length(draft->port);
	struct config_host *hosts = pile_alloc(pile, count * sizeof(*hosts));

	if (ports != 1 && ports != count) {
		fail(w,
		     "as many ports as hosts are needed, or one:", draft->port);
		ports = 1;
	}
	for (i = 0; i < count; i++) {
		hosts[i].name = list_item(pile, draft->host, i);
		if (hosts[i].name[0] == '\0')
			hosts[i].name = default_host(w);
		hosts[i].port = read_port(
			w, list_item(pile, draft->port, ports == 1 ? 0 : i));
		check_host(w, &hosts[i]);
	}
	db->hosts = hosts;
	db->host_count = count;
}

/* Gives the database all its values: the entry's own, else the settings'. */
static void
finish(const struct work *w)
{
	const struct settings *set = &w->b->s->settings;
	const struct database_draft *d = &w->body->draft;
	struct config_database *db = &w->body->db;

	size_t i;

	take_hosts(w);
	for (i = 0; i < STATE_KINDS; i++)
		db->on_state[i] = (enum state_policy)or_u32(d->on_state[i],
							    set->on_state[i]);
	db->ssl_mode = (enum ssl_mode)or_u32(d->ssl, set->server_tls_sslmode);
	db->auth_user = or_text(d->auth_user, set->auth_user);
	db->auth_dbname = or_text(d->auth_dbname, set->auth_dbname);
	db->auth_query = or_text(d->auth_query, set->auth_query);
	db->channel_binding = (enum channel_binding)d->channel_binding;
	db->ssl_is_direct = d->ssl_begins == SSL_NEGOTIATION_DIRECT;
	db->dbname = or_null(d->dbname);
	db->balance = (enum load_balance)d->balance;
	db->user = or_null(d->user);
	db->password = or_null(d->password);
	db->has_mode = d->mode != UNSET_U32;
	db->mode = db->has_mode ? (enum pool_mode)d->mode : set->pool_mode;
	db->pool_size = or_u32(d->pool_size, set->default_pool_size);
	db->min_pool_size = or_u32(d->min_pool_size, set->min_pool_size);
	db->reserve_pool_size =
		or_u32(d->reserve_pool_size, set->reserve_pool_size);
	db->max_connections =
		or_u32(d->max_connections, set->max_db_connections);
	db->max_client_connections = or_u32(d->max_client_connections,
					    set->max_db_client_connections);
	db->server_lifetime = or_usec(d->server_lifetime, set->server_lifetime);
	db->query_wait_timeout =
		or_usec(d->query_wait_timeout, set->query_wait_timeout);
	db->connect_query = d->connect_query;
	db->client_encoding = d->client_encoding;
	db->datestyle = d->datestyle;
	db->timezone = d->timezone;
	db->application_name = d->application_name;
	if (db->password != NULL && db->user == NULL)
		report_warning(w->b->report, w->body->entry.at,
			       "database \"%s\": the password has no effect "
			       "without a user",
			       db->name);
}

static const char *
name_problem(const char *name)
{
	const char *p;

	if (strlen(name) > DATABASE_NAME_MAX)
		return "its name is longer than 63 bytes";
	if (strcmp(name, "pgbouncer") == 0 || strcmp(name, "carpool") == 0)
		return "this name is reserved for the console";
	for (p = name; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			return "its name has a control character";
	return NULL;
}

static struct database_body *
add_body(struct build *b, enum protocol protocol, const char *name,
	 struct place at)
{
	struct snapshot *s = b->s;
	struct database_body *body = pile_alloc(&s->pile, sizeof(*body));

	s->databases =
		pile_grow(&s->pile, s->databases, s->database_count,
			  &s->database_room, sizeof(struct database_body *));
	s->databases[s->database_count++] = body;
	if (!map_put(s->database_by_name[protocol], name, strlen(name), body))
		report_error(b->report, at, "out of memory");
	return body;
}

/* A new body of this name, or the emptied one that has it; NULL: refused. */
static struct database_body *
open_body(struct build *b, enum protocol protocol, const char *name,
	  struct place at)
{
	struct pile *pile = &b->s->pile;
	struct database_body *body;
	const char *problem = name_problem(name);

	if (problem != NULL) {
		report_error(b->report, at, "database \"%.70s\": %s", name,
			     problem);
		return NULL;
	}
	body = map_find(b->s->database_by_name[protocol], name, strlen(name));
	if (body == NULL)
		body = add_body(b, protocol, name, at);
	else
		report_warning(b->report, at,
			       "database \"%s\" is given twice, the one at "
			       "%s:%u is overruled",
			       name, body->db.file, body->db.line);
	*body = (struct database_body){ .draft = empty_draft };
	body->db.protocol = protocol;
	body->db.name = pile_text(pile, name, strlen(name));
	body->db.file = pile_text(pile, at.file, strlen(at.file));
	body->db.line = at.line;
	body->entry = (struct entry){
		.kind = "database",
		.name = body->db.name,
		.at = { .file = body->db.file, .line = at.line },
		.keys = kinds[protocol].keys,
		.key_count = kinds[protocol].key_count,
		.draft = &body->draft,
	};
	return body;
}

static void
take_url(struct build *b, struct database_body *body, const struct url *url)
{
	bool is_pg = url->protocol == PROTOCOL_POSTGRES;
	const char *const pairs[][2] = {
		{ "host", url->host },
		{ "port", url->port },
		{ "dbname", url->dbname },
		{ "user", url->user },
		{ "password", url->password },
		{ "load_balance_hosts",
		  url->balance == LOAD_BALANCE_DISABLE ? "disable" : "" },
		{ is_pg ? "sslmode" : "ssl-mode", url->ssl_mode },
		{ is_pg ? "sslrootcert" : "ssl-ca", url->ssl_ca },
		{ is_pg ? "sslcert" : "ssl-cert", url->ssl_cert },
		{ is_pg ? "sslkey" : "ssl-key", url->ssl_key },
		/* of Postgres alone */
		{ "sslnegotiation", url->ssl_negotiation },
		{ "channel_binding", url->channel_binding },
		{ "application_name", url->application_name },
		{ "client_encoding", url->client_encoding },
	};
	size_t count = COUNT_OF(pairs), i;

	if (!is_pg)
		count -= 4;
	for (i = 0; i < count; i++)
		entry_give(&body->entry, pairs[i][0], pairs[i][1], b->report);
}

static void
take_entry_url(struct build *b, struct database_body *body,
	       const struct url *url)
{
	if (url->protocol == body->db.protocol)
		take_url(b, body, url);
	else
		report_error(b->report, body->entry.at,
			     "database \"%s\": the URL is of the other "
			     "section's protocol",
			     body->db.name);
}

/* `name = URL`, which keys may follow, or `name = key=value ...`. */
static void
take_entry(struct build *b, enum protocol protocol, const struct ini_entry *ini)
{
	struct pile *pile = &b->s->pile;
	struct database_body *body = open_body(b, protocol, ini->key, ini->at);
	const char *text = ini->value;
	struct url url;
	size_t len;

	if (body == NULL)
		return;
	if (url_is_one(text)) {
		len = strcspn(text, " \t");
		if (url_parse(pile_text(pile, text, len), pile, ini->at,
			      b->report, &url))
			take_entry_url(b, body, &url);
		text += len;
	}
	entry_read(&body->entry, text, pile, b->report);
	finish(&(struct work){ .b = b, .body = body });
}

/* The URL's database by its name; every other name leads there as well. */
static void
take_source_url(struct build *b)
{
	const struct url *url = &b->url;
	const char *name = url->dbname[0] != '\0' ? url->dbname : url->user;
	struct url any = *url;
	struct database_body *body;

	if (strcmp(name, "*") == 0 || name[0] == '\0') {
		report_error(b->report, PLACE_NONE, "URL: names no database");
		return;
	}
	body = open_body(b, url->protocol, name, PLACE_NONE);
	if (body == NULL)
		return;
	take_url(b, body, url);
	finish(&(struct work){ .b = b, .body = body });
	any.dbname = "";
	body = open_body(b, url->protocol, "*", PLACE_NONE);
	take_url(b, body, &any);
	finish(&(struct work){ .b = b, .body = body });
}

void
build_databases(struct build *b)
{
	size_t i;

	if (b->source->url != NULL)
		take_source_url(b);
	for (i = 0; i < b->ini.count; i++) {
		const struct ini_entry *e = &b->ini.entries[i];

		if (e->section == section_databases)
			take_entry(b, PROTOCOL_POSTGRES, e);
		else if (e->section == section_mysql_databases)
			take_entry(b, PROTOCOL_MYSQL, e);
	}
}
