/*
 * Checks that need more than one value.  An error is what cannot work; what
 * can, but hardly is meant, is a warning.  Runs on the thread that builds.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/mem.h"
#include "config/build.h"

/* The first to listen would have the other's clients, who would wait for the
 * greeting of a protocol that greets nobody. */
static void
check_ports(struct build *b)
{
	uint16_t port, other;

	if (b->s->settings.listen_addr[0] != '\0' &&
	    snapshot_listens(b->s, PROTOCOL_POSTGRES, &port) &&
	    snapshot_listens(b->s, PROTOCOL_MYSQL, &other) && port == other)
		report_error(b->report,
			     build_choice(b, "mysql_listen_port")->at,
			     "listen_port and mysql_listen_port are both %u",
			     (unsigned)port);
}

/* An entry without a login of its own. */
static const struct config_database nobody;

static void
check_listening(struct build *b)
{
	const struct settings *set = &b->s->settings;
	struct sockaddr_un address;
	char path[sizeof(address.sun_path) + 1];

	if (set->listen_addr[0] == '\0' && set->unix_socket_dir[0] == '\0')
		report_error(b->report, build_choice(b, "listen_addr")->at,
			     "nowhere to listen: listen_addr and "
			     "unix_socket_dir are both empty");
	if (set->unix_socket_dir[0] != '\0' &&
	    text_format(path, sizeof(path), "%s/.s.PGSQL.%u",
			set->unix_socket_dir,
			set->listen_port) >= sizeof(address.sun_path))
		report_error(b->report, build_choice(b, "unix_socket_dir")->at,
			     "unix_socket_dir is too long for a unix socket");
}

static bool
is_above(uint32_t min, uint32_t size)
{
	return size != 0 && min > size;
}

/* Who asks for secrets, and where. */
static void
check_asking(struct build *b, const struct database_body *body)
{
	const struct config_database *db = &body->db;
	const struct config_user *user = snapshot_user(b->s, db->auth_user);

	if (db->protocol != PROTOCOL_POSTGRES || db->auth_user[0] == '\0')
		return;
	if (db->auth_dbname[0] != '\0' &&
	    snapshot_database(b->s, PROTOCOL_POSTGRES, db->auth_dbname) == NULL)
		report_error(b->report, body->entry.at,
			     "database \"%s\": auth_dbname \"%s\" is no "
			     "database here",
			     db->name, db->auth_dbname);
	if (user != NULL && user->secret != NULL &&
	    snapshot_clear_password(b->s, &nobody, db->auth_user) == NULL)
		report_warning(b->report, body->entry.at,
			       "database \"%s\": only a hash of the password "
			       "of auth_user \"%s\" is known, which logs in to "
			       "servers that ask for none alone",
			       db->name, db->auth_user);
}

static void
check_database(struct build *b, const struct database_body *body)
{
	const struct config_database *db = &body->db;
	const struct database_draft *d = &body->draft;

	check_asking(b, body);
	if (is_above(db->min_pool_size, db->pool_size) &&
	    (d->min_pool_size != UNSET_U32 || d->pool_size != UNSET_U32))
		report_warning(b->report, body->entry.at,
			       "database \"%s\": min_pool_size %u is above "
			       "pool_size %u, which holds",
			       db->name, db->min_pool_size, db->pool_size);
	if (b->s->settings.auth_type == AUTH_ANY && db->user == NULL)
		report_warning(b->report, body->entry.at,
			       "database \"%s\": auth_type any needs a user "
			       "here to log in to servers as",
			       db->name);
}

static void
check_pools(struct build *b)
{
	const struct settings *set = &b->s->settings;
	size_t i;

	if (is_above(set->min_pool_size, set->default_pool_size))
		report_warning(
			b->report, build_choice(b, "min_pool_size")->at,
			"min_pool_size %u is above default_pool_size %u, "
			"which holds",
			set->min_pool_size, set->default_pool_size);
	for (i = 0; i < b->s->database_count; i++)
		check_database(b, b->s->databases[i]);
	if (b->s->database_count == 0)
		report_warning(b->report, PLACE_NONE,
			       "no database is configured: nothing but the "
			       "console will answer");
}

static void
check_lists(struct build *b)
{
	const struct settings *set = &b->s->settings;
	const char *p;
	size_t count = set->track_extra_parameters[0] != '\0' ? 1 : 0;

	for (p = set->track_extra_parameters; *p != '\0'; p++)
		count += *p == ',' ? 1 : 0;
	if (count > POLICY_NAMES_MAX)
		report_error(b->report,
			     build_choice(b, "track_extra_parameters")->at,
			     "track_extra_parameters names more than %d",
			     POLICY_NAMES_MAX);
	/* Elsewhere "*" means all, so someone may believe it does here. */
	if (strcmp(set->admin_users, "*") == 0)
		report_warning(b->report, build_choice(b, "admin_users")->at,
			       "admin_users: \"*\" is a user of that name, not "
			       "everybody");
	if (strcmp(set->stats_users, "*") == 0)
		report_warning(b->report, build_choice(b, "stats_users")->at,
			       "stats_users: \"*\" is a user of that name, not "
			       "everybody");
}

void
build_check(struct build *b)
{
	check_listening(b);
	check_ports(b);
	check_pools(b);
	check_lists(b);
}
