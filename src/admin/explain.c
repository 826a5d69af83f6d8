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

struct explaining {
	struct errand *errand; /* borrows */
	struct policy policy;  /* that would hold */
	enum protocol protocol;
};

static void
add_row(void *arg, const struct explain_row *info)
{
	const struct explaining *e = arg;
	struct errand *errand = e->errand;
	struct row *row = &errand->row;
	char *statement = mem_strndup(info->statement, info->len);

	row_text(row, statement);
	row_text(row, effects[info->effect]);
	row_text(row, info->has_kind ? state_kind_names[info->kind] : NULL);
	row_text(row, info->has_kind ? state_policy_names[info->policy] : NULL);
	row_text(row, info->why);
	errand_protocol(errand, row, e->protocol);
	row_end(row, errand->rows);
	mem_free(statement);
}

/* Without a database it is a text of the protocol in which the console was
 * asked, unless there are databases of others alone. */
static enum protocol
protocol_of(const struct errand *errand, const struct snapshot *s)
{
	enum protocol asked = errand->request->protocol;

	for (unsigned i = 0; i < PROTOCOLS; i++)
		if (!snapshot_has_protocol(s, asked) &&
		    snapshot_has_protocol(s, i))
			return i;
	return asked;
}

/* Where there are several of the name, it is that which the console's own
 * client would be led to. */
static const struct config_database *
entry_of(const struct errand *errand, const struct snapshot *s,
	 const char *name)
{
	const struct config_database *own =
		snapshot_database(s, errand->request->protocol, name);

	if (own != NULL && strcmp(own->name, name) == 0)
		return own;
	return snapshot_any_database(s, name);
}

/* False: there is no such database. */
static bool
find_policy(const struct errand *errand, struct explaining *e)
{
	const struct snapshot *s = control_snapshot(errand->control);
	const char *database = errand_argument(errand, 2);
	const char *user = errand_argument(errand, 3);
	const struct config_database *entry;
	struct pool_config pool;

	snapshot_login_policy(s, &e->policy);
	e->protocol = protocol_of(errand, s);
	if (database == NULL)
		return true;
	entry = entry_of(errand, s, database);
	if (entry == NULL)
		return false;
	e->protocol = entry->protocol;
	snapshot_pool_config(
		s, entry, user != NULL ? snapshot_user(s, user) : NULL, &pool);
	snapshot_policy(s, entry, &pool, &e->policy);
	return true;
}

void
act_explain(struct errand *errand)
{
	struct explaining e = { .errand = errand };

	if (!find_policy(errand, &e)) {
		errand_end_error(
			errand, "3D000", "SHOW DATABASES lists the databases.",
			"no such database: %s", errand_argument(errand, 2));
		return;
	}
	errand->rows = rowset_new(columns_explain.list, columns_explain.count,
				  "EXPLAIN");
	if (errand->rows != NULL)
		core_explain(control_core(errand->control), e.protocol,
			     errand_argument(errand, 1), &e.policy, add_row,
			     &e);
	errand_end_rows(errand);
}
