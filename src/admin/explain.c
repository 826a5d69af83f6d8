/*
 * EXPLAIN PIN: what carpool would do with a statement.  Control thread; the
 * protocol knows, here its words become rows.
 */
#include <string.h>

#include "act.h"
#include "base/mem.h"
#include "columns.h"
#include "errand.h"

static const char *const effects[] = {
	[EXPLAIN_NOTHING] = "runs on any server",
	[EXPLAIN_FOLLOWS] = "follows the client",
	[EXPLAIN_ASKED] = "asks the server",
	[EXPLAIN_PINS] = "keeps the server",
	[EXPLAIN_CLEANED] = "is cleaned away",
	[EXPLAIN_REFUSED] = "is refused",
	[EXPLAIN_LEAKS] = "is left behind",
	[EXPLAIN_EMULATED] = "is emulated",
};

static void
add_row(void *arg, const struct explain_row *info)
{
	struct errand *errand = arg;
	struct row *row = &errand->row;
	char *statement = mem_strndup(info->statement, info->len);

	row_text(row, statement);
	row_text(row, effects[info->effect]);
	row_text(row, info->has_kind ? state_kind_names[info->kind] : NULL);
	row_text(row, info->has_kind ? state_policy_names[info->policy] : NULL);
	row_text(row, info->why);
	row_end(row, errand->rows);
	mem_free(statement);
}

/* The policy that would hold; false: there is no such database. */
static bool
find_policy(const struct errand *errand, struct policy *policy)
{
	const struct snapshot *s = control_snapshot(errand->control);
	const char *database = errand_argument(errand, 2);
	const char *user = errand_argument(errand, 3);
	const struct config_database *entry;
	struct pool_config pool;

	snapshot_login_policy(s, policy);
	if (database == NULL)
		return true;
	entry = snapshot_database(s, database);
	if (entry == NULL)
		return false;
	snapshot_pool_config(
		s, entry, user != NULL ? snapshot_user(s, user) : NULL, &pool);
	snapshot_policy(s, entry, &pool, policy);
	return true;
}

void
act_explain(struct errand *errand)
{
	struct policy policy;

	if (!find_policy(errand, &policy)) {
		errand_end_error(
			errand, "3D000", "SHOW DATABASES lists the databases.",
			"no such database: %s", errand_argument(errand, 2));
		return;
	}
	errand->rows = rowset_new(columns_explain.list, columns_explain.count,
				  "EXPLAIN");
	if (errand->rows != NULL)
		core_explain(control_core(errand->control),
			     errand_argument(errand, 1), &policy, add_row,
			     errand);
	errand_end_rows(errand);
}
