/*
 * SHOW CONFIG, DATABASES and USERS: what is configured, and what of it is in
 * use.  Runs on the control thread.
 */
#include "show.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "errand.h"

void
show_config(struct errand *errand)
{
	const struct snapshot *s = control_snapshot(errand->control);
	struct row *row = &errand->row;
	char text[256];

	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *set = &settings_table[i];

		row_text(row, set->name);
		row_text(row,
			 snapshot_setting_text(s, set, text, sizeof(text)));
		row_text(row, set->def);
		row_text(row, set->effect == EFFECT_RELOAD ? "yes" : "no");
		row_end(row, errand->rows);
	}
	errand_end_rows(errand);
}

/* ------------------------------------------------------------------------
 * SHOW DATABASES
 */

struct walk {
	struct errand *errand; /* borrows */
	void (*each)(struct errand *errand, const struct config_database *db,
		     const char *name);
};

/* Those that the configuration does not name but "*" lets in. */
static void
walk_used(void *arg, const struct database_info *info)
{
	const struct walk *walk = arg;
	const struct config_database *entry =
		snapshot_database(control_snapshot(walk->errand->control),
				  info->protocol, info->name);

	if (entry != NULL && strcmp(entry->name, info->name) != 0)
		walk->each(walk->errand, entry, info->name);
}

void
show_each_database(struct errand *errand,
		   void (*each)(struct errand *errand,
				const struct config_database *db,
				const char *name))
{
	const struct snapshot *s = control_snapshot(errand->control);
	struct walk walk = { .errand = errand, .each = each };

	for (size_t i = 0; i < snapshot_database_count(s); i++) {
		const struct config_database *db = snapshot_database_at(s, i);

		if (strcmp(db->name, "*") != 0)
			each(errand, db, db->name);
	}
	core_each_database(control_core(errand->control), walk_used, &walk);
}

static void
add_console_database(struct errand *errand)
{
	const struct settings *set =
		snapshot_settings(control_snapshot(errand->control));
	struct row *row = &errand->row;

	row_text(row, "pgbouncer");
	row_text(row, NULL);
	row_int4(row, set->listen_port);
	row_text(row, "pgbouncer");
	row_text(row, "pgbouncer");
	row_int4(row, 2);
	row_int4(row, 0);
	row_int4(row, 0);
	row_int4(row, set->server_lifetime / USEC_PER_SEC);
	row_text(row, "statement");
	row_text(row, NULL);
	while (row->count < errand->rows->column_count)
		row_int4(row, 0);
	row_end(row, errand->rows);
}

static void
join_hosts(const struct config_database *db, struct str *out)
{
	for (size_t i = 0; i < db->host_count; i++)
		str_printf(out, "%s%s", i > 0 ? "," : "", db->hosts[i].name);
}

/* How the hosts are chosen; there is no choice with one. */
static const char *
balance_text(const struct config_database *db)
{
	if (db->host_count < 2)
		return NULL;
	return db->balance == LOAD_BALANCE_DISABLE ? "disable" : "round-robin";
}

static void
add_database(struct errand *errand, const struct config_database *db,
	     const char *name)
{
	struct row *row = &errand->row;
	struct database_info info;
	struct str hosts = { 0 };

	core_database_info(control_core(errand->control), db->protocol, name,
			   &info);
	join_hosts(db, &hosts);
	row_text(row, name);
	row_text(row, str_text(&hosts));
	row_int4(row, db->hosts[0].port);
	row_text(row, db->dbname != NULL ? db->dbname : name);
	row_text(row, db->user);
	row_int4(row, db->pool_size);
	row_int4(row, db->min_pool_size);
	row_int4(row, db->reserve_pool_size);
	row_int4(row, db->server_lifetime / USEC_PER_SEC);
	row_text(row, db->has_mode ? pool_mode_names[db->mode] : NULL);
	row_text(row, balance_text(db));
	row_int4(row, db->max_connections);
	row_int4(row, info.server_connections);
	row_int4(row, db->max_client_connections);
	row_int4(row, info.client_connections);
	row_int4(row, info.is_paused);
	row_int4(row, info.is_disabled);
	row_end(row, errand->rows);
	str_fini(&hosts);
}

void
show_databases(struct errand *errand)
{
	show_each_database(errand, add_database);
	add_console_database(errand);
	errand_end_rows(errand);
}

/* ------------------------------------------------------------------------
 * SHOW USERS
 */

static void
add_given(struct row *row, uint32_t value)
{
	if (value == UNSET_U32)
		row_text(row, "");
	else
		row_int4(row, value);
}

static uint32_t
given_or(uint32_t value, uint32_t otherwise)
{
	return value == UNSET_U32 ? otherwise : value;
}

/* user may be NULL: somebody whom the configuration does not know. */
static void
add_user(struct errand *errand, const struct user_info *info,
	 const struct config_user *user)
{
	static const struct config_user unknown = {
		.pool_size = UNSET_U32,
		.reserve_pool_size = UNSET_U32,
		.max_connections = UNSET_U32,
		.max_client_connections = UNSET_U32,
	};
	const struct settings *set =
		snapshot_settings(control_snapshot(errand->control));
	struct row *row = &errand->row;

	if (user == NULL)
		user = &unknown;
	row_text(row, info->name);
	add_given(row, user->pool_size);
	add_given(row, user->reserve_pool_size);
	row_text(row, user->has_mode ? pool_mode_names[user->mode] : NULL);
	row_int4(row,
		 given_or(user->max_connections, set->max_user_connections));
	row_int4(row, info->server_connections);
	row_int4(row, given_or(user->max_client_connections,
			       set->max_user_client_connections));
	row_int4(row, info->client_connections);
	row_end(row, errand->rows);
}

static void
add_unknown_user(void *arg, const struct user_info *info)
{
	struct errand *errand = arg;

	if (snapshot_user(control_snapshot(errand->control), info->name) ==
	    NULL)
		add_user(errand, info, NULL);
}

void
show_users(struct errand *errand)
{
	const struct snapshot *s = control_snapshot(errand->control);
	struct core *core = control_core(errand->control);

	for (size_t i = 0; i < snapshot_user_count(s); i++) {
		const struct config_user *user = snapshot_user_at(s, i);
		struct user_info info;

		core_user_info(core, user->name, &info);
		add_user(errand, &info, user);
	}
	core_each_user(core, add_unknown_user, errand);
	errand_end_rows(errand);
}
