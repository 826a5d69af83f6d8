/*
 * Looking things up in a snapshot.  Any thread that holds a reference; nothing
 * here changes a snapshot but the count of its references.
 */
#include "config/snapshot.h"

#include <stdatomic.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "config/body.h"
#include "io/tls.h"

struct snapshot *
snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
	return s;
}

void
snapshot_unref(struct snapshot *s)
{
	size_t before;

	if (s == NULL)
		return;
	before = atomic_fetch_sub_explicit(&s->references, 1,
					   memory_order_acq_rel);
	ASSERT(before > 0);
	if (before > 1)
		return;
	for (size_t i = 0; i < PROTOCOLS; i++)
		map_free(s->database_by_name[i]);
	map_free(s->user_by_name);
	tls_context_unref(s->client_tls);
	tls_context_unref(s->server_tls);
	for (size_t i = 0; i < s->database_count; i++)
		tls_context_unref(s->databases[i]->db.tls);
	ident_fini(&s->ident);
	pile_fini(&s->pile);
	mem_free(s);
}

uint64_t
snapshot_generation(const struct snapshot *s)
{
	return s->generation;
}

void
snapshot_set_generation(struct snapshot *s, uint64_t generation)
{
	s->generation = generation;
}

const struct settings *
snapshot_settings(const struct snapshot *s)
{
	return &s->settings;
}

struct tls_context *
snapshot_client_tls(const struct snapshot *s)
{
	return s->client_tls;
}

const char *
snapshot_setting_text(const struct snapshot *s, const struct setting *row,
		      char *out, size_t size)
{
	char buffer[VALUE_TEXT_MAX];
	const char *text;

	text = value_text(row->type, &s->values[row - settings_table], buffer,
			  sizeof(buffer));
	/* Texts of any length are given out as they lie in the snapshot. */
	if (text != buffer)
		return text;
	text_copy(out, size, text);
	return out;
}

const struct config_database *
snapshot_database(const struct snapshot *s, enum protocol protocol,
		  const char *name)
{
	const struct map *by_name = s->database_by_name[protocol];
	const struct database_body *body;

	body = map_find(by_name, name, strlen(name));
	if (body == NULL)
		body = map_find(by_name, "*", 1);
	return body != NULL ? &body->db : NULL;
}

const struct config_user *
snapshot_user(const struct snapshot *s, const char *name)
{
	const struct user_body *body;

	body = map_find(s->user_by_name, name, strlen(name));
	return body != NULL ? &body->user : NULL;
}

const struct config_database *
snapshot_any_database(const struct snapshot *s, const char *name)
{
	const struct config_database *db, *best = NULL;

	for (unsigned i = 0; i < PROTOCOLS; i++) {
		db = snapshot_database(s, i, name);
		if (db != NULL &&
		    (best == NULL || strcmp(best->name, name) != 0))
			best = db;
	}
	return best;
}

const struct config_database *
snapshot_default_database(const struct snapshot *s, enum protocol protocol)
{
	const char *name = s->settings.mysql_default_database;
	const struct config_database *only = NULL;

	if (protocol != PROTOCOL_MYSQL)
		return NULL;
	if (name[0] != '\0')
		return snapshot_database(s, protocol, name);
	for (size_t i = 0; i < s->database_count; i++) {
		const struct config_database *db = &s->databases[i]->db;

		if (db->protocol != protocol)
			continue;
		if (only != NULL)
			return NULL;
		only = db;
	}
	/* "*" stands for names that clients say. */
	return only != NULL && strcmp(only->name, "*") != 0 ? only : NULL;
}

bool
snapshot_has_protocol(const struct snapshot *s, enum protocol protocol)
{
	return map_count(s->database_by_name[protocol]) > 0;
}

bool
snapshot_listens(const struct snapshot *s, enum protocol protocol,
		 uint16_t *port)
{
	const struct settings *set = &s->settings;

	switch (protocol) {
	case PROTOCOL_POSTGRES:
		*port = (uint16_t)set->listen_port;
		return true;
	case PROTOCOL_MYSQL:
		*port = (uint16_t)set->mysql_listen_port;
		return snapshot_has_protocol(s, protocol);
	case PROTOCOLS:
		break;
	}
	return false;
}

size_t
snapshot_database_count(const struct snapshot *s)
{
	return s->database_count;
}

const struct config_database *
snapshot_database_at(const struct snapshot *s, size_t i)
{
	ASSERT(i < s->database_count);
	return &s->databases[i]->db;
}

size_t
snapshot_user_count(const struct snapshot *s)
{
	return s->user_count;
}

const struct config_user *
snapshot_user_at(const struct snapshot *s, size_t i)
{
	ASSERT(i < s->user_count);
	return &s->users[i]->user;
}

static void
take_u32(uint32_t *value, uint32_t given)
{
	if (given != UNSET_U32)
		*value = given;
}

static void
take_usec(usec_t *value, usec_t given)
{
	if (given != UNSET_USEC)
		*value = given;
}

static void
apply_user(const struct config_user *user, struct pool_config *out)
{
	size_t i;

	for (i = 0; i < STATE_KINDS; i++)
		if (user->on_state[i] != UNSET_U32)
			out->on_state[i] = (uint8_t)user->on_state[i];
	if (user->has_mode)
		out->mode = user->mode;
	take_u32(&out->size, user->pool_size);
	take_u32(&out->reserve_size, user->reserve_pool_size);
	take_u32(&out->max_user_connections, user->max_connections);
	take_u32(&out->max_user_client_connections,
		 user->max_client_connections);
	take_usec(&out->query_timeout, user->query_timeout);
	take_usec(&out->idle_transaction_timeout,
		  user->idle_transaction_timeout);
	take_usec(&out->transaction_timeout, user->transaction_timeout);
	take_usec(&out->client_idle_timeout, user->client_idle_timeout);
	take_usec(&out->query_wait_timeout, user->query_wait_timeout);
}

void
snapshot_pool_config(const struct snapshot *s, const struct config_database *db,
		     const struct config_user *user, struct pool_config *out)
{
	const struct settings *set = &s->settings;
	size_t i;

	*out = (struct pool_config){
		.mode = db->mode,
		.size = db->pool_size,
		.min_size = db->min_pool_size,
		.reserve_size = db->reserve_pool_size,
		.reserve_timeout = set->reserve_pool_timeout,
		.max_db_connections = db->max_connections,
		.max_user_connections = set->max_user_connections,
		.query_wait_timeout = db->query_wait_timeout,
		.query_timeout = set->query_timeout,
		.idle_transaction_timeout = set->idle_transaction_timeout,
		.transaction_timeout = set->transaction_timeout,
		.client_idle_timeout = set->client_idle_timeout,
		.server_lifetime = db->server_lifetime,
		.server_idle_timeout = set->server_idle_timeout,
		.server_check_delay = set->server_check_query[0] != '\0'
					      ? set->server_check_delay
					      : UNSET_USEC,
		.max_db_client_connections = db->max_client_connections,
		.max_user_client_connections = set->max_user_client_connections,
	};
	for (i = 0; i < STATE_KINDS; i++)
		out->on_state[i] = (uint8_t)db->on_state[i];
	if (user != NULL)
		apply_user(user, out);
}

static enum server_tls
server_tls_of(const struct config_database *db)
{
	if (db->tls == NULL)
		return SERVER_TLS_NONE;
	if (db->ssl_mode < SSL_MODE_REQUIRE)
		return SERVER_TLS_MAY;
	return db->ssl_is_direct ? SERVER_TLS_DIRECT : SERVER_TLS_MUST;
}

void
snapshot_policy(const struct snapshot *s, const struct config_database *db,
		const struct pool_config *pool, struct policy *out)
{
	const struct settings *set = &s->settings;
	bool is_empty_check = strcmp(set->server_check_query, "<empty>") == 0;

	*out = (struct policy){
		.mode = pool->mode,
		.max_packet_bytes = set->max_packet_size,
		.scram_iterations = set->scram_iterations,
		.simple_query_off = set->disable_pqexec != 0,
		.add_host = set->application_name_add_host != 0,
		.reset_always = set->server_reset_query_always != 0,
		.pin_notice = set->pin_notice != 0,
		.server_tls = (uint8_t)server_tls_of(db),
		.channel_binding = (uint8_t)db->channel_binding,
		.local_infile = set->local_infile != 0,
		.server_version = set->mysql_server_version,
		.reset_query = set->server_reset_query,
		.check_query = is_empty_check ? "" : set->server_check_query,
		.connect_query = db->connect_query,
		.ignore_startup = set->ignore_startup_parameters,
		.extra_tracked = set->track_extra_parameters,
		.max_prepared_statements = set->max_prepared_statements,
		.listen_channels = set->listen_channels,
		.client_encoding = db->client_encoding,
		.datestyle = db->datestyle,
		.timezone = db->timezone,
		.application_name = db->application_name,
	};
	memcpy(out->on_state, pool->on_state, sizeof(out->on_state));
}

/* As auth_file has it: a SCRAM verifier or an MD5 hash. */
static bool
is_hash(const char *secret)
{
	static const char scram[] = "SCRAM-SHA-256$";

	return strncmp(secret, scram, sizeof(scram) - 1) == 0 ||
	       (strncmp(secret, "md5", 3) == 0 && strlen(secret) == 35 &&
		strspn(secret + 3, "0123456789abcdef") == 32);
}

/* Of auth_file, if it is no hash; else "". */
static const char *
user_password(const struct snapshot *s, const char *user)
{
	const struct config_user *found = snapshot_user(s, user);

	if (found == NULL || found->secret == NULL || is_hash(found->secret))
		return "";
	return found->secret;
}

const char *
snapshot_clear_password(const struct snapshot *s,
			const struct config_database *db, const char *user)
{
	const struct config_user *found = snapshot_user(s, user);
	const char *secret = "";

	if (db->password != NULL && db->user != NULL)
		secret = db->password;
	else if (found != NULL && found->secret != NULL)
		secret = found->secret;
	return is_hash(secret) ? NULL : secret;
}

bool
snapshot_auth_source(const struct snapshot *s, enum protocol protocol,
		     const char *name, struct auth_source *out)
{
	const struct settings *set = &s->settings;
	const struct config_database *of =
		name == NULL ? NULL : snapshot_database(s, protocol, name);
	const char *where = of != NULL ? of->auth_dbname : set->auth_dbname;

	if (protocol != PROTOCOL_POSTGRES || (name != NULL && of == NULL))
		return false;
	*out = (struct auth_source){
		.database = where[0] != '\0' ? where : name,
		.user = of != NULL ? of->auth_user : set->auth_user,
		.query = of != NULL ? of->auth_query : set->auth_query,
	};
	if (out->user[0] == '\0' || out->database == NULL)
		return false;
	out->db = snapshot_database(s, protocol, out->database);
	if (out->db == NULL)
		return false;
	out->password = user_password(s, out->user);
	return true;
}

/* Unlike text_in_list, "*" is a name like any other: it gives no rights. */
static bool
is_listed(const char *name, const char *list)
{
	static const char ends[] = ", \t\r\v\f";
	size_t len;

	while (*(list += strspn(list, ends)) != '\0') {
		len = strcspn(list, ends);
		if (strlen(name) == len && memcmp(name, list, len) == 0)
			return true;
		list += len;
	}
	return false;
}

enum console_right
snapshot_console_right(const struct snapshot *s, const char *user)
{
	if (is_listed(user, s->settings.admin_users))
		return CONSOLE_ADMIN;
	if (is_listed(user, s->settings.stats_users))
		return CONSOLE_STATS;
	return CONSOLE_NONE;
}

static enum client_tls
client_tls_of(const struct settings *set)
{
	if (set->client_tls_sslmode == SSL_MODE_DISABLE)
		return CLIENT_TLS_NONE;
	return set->client_tls_sslmode < SSL_MODE_REQUIRE ? CLIENT_TLS_MAY
							  : CLIENT_TLS_MUST;
}

void
snapshot_login_policy(const struct snapshot *s, struct policy *out)
{
	const struct settings *set = snapshot_settings(s);
	size_t i;

	*out = (struct policy){
		.mode = set->pool_mode,
		.max_packet_bytes = set->max_packet_size,
		.scram_iterations = set->scram_iterations,
		.simple_query_off = set->disable_pqexec != 0,
		.add_host = set->application_name_add_host != 0,
		.reset_always = set->server_reset_query_always != 0,
		.pin_notice = set->pin_notice != 0,
		.client_tls = (uint8_t)client_tls_of(set),
		.local_infile = set->local_infile != 0,
		.server_version = set->mysql_server_version,
		.reset_query = set->server_reset_query,
		.check_query = "",
		.connect_query = "",
		.ignore_startup = set->ignore_startup_parameters,
		.extra_tracked = set->track_extra_parameters,
		.max_prepared_statements = set->max_prepared_statements,
		.listen_channels = set->listen_channels,
		.client_encoding = "",
		.datestyle = "",
		.timezone = "",
		.application_name = "",
	};
	for (i = 0; i < STATE_KINDS; i++)
		out->on_state[i] = (uint8_t)set->on_state[i];
}
