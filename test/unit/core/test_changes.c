/*
 * Counts of changes: one for each database, whatever its entries are called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/changes.h"

static _Atomic uint64_t *
count_of(struct changes *c, const char *dbname, const char *host, uint16_t port,
	 const char *name)
{
	struct config_host hosts[2] = { { .name = host, .port = port },
					{ .name = "second", .port = 1 } };
	struct config_database db = { .name = name,
				      .dbname = dbname,
				      .hosts = hosts,
				      .host_count = host != NULL ? 1 : 2 };

	if (host == NULL)
		hosts[0].name = "first";
	return changes_of(c, &db, name);
}

static void
entries_of_one_database_share(void **state)
{
	struct changes *c = mem_must_zalloc(sizeof(*c));
	_Atomic uint64_t *app;

	(void)state;
	changes_init(c, 7);
	app = count_of(c, "app", "db", 5432, "app");
	assert_ptr_equal(app, count_of(c, "app", "db", 5432, "app_session"));
	assert_ptr_equal(app, count_of(c, NULL, "db", 5432, "app"));
	assert_int_equal(atomic_fetch_add(app, 1), 0);
	assert_int_equal(*count_of(c, "app", "db", 5432, "x"), 1);
	mem_free(c);
}

static void
others_do_not(void **state)
{
	struct changes *c = mem_must_zalloc(sizeof(*c));
	_Atomic uint64_t *app;

	(void)state;
	changes_init(c, 7);
	app = count_of(c, "app", "db", 5432, "app");
	assert_ptr_not_equal(app, count_of(c, "app2", "db", 5432, "app"));
	assert_ptr_not_equal(app, count_of(c, NULL, "db", 5432, "app2"));
	assert_ptr_not_equal(app, count_of(c, "app", "db2", 5432, "app"));
	assert_ptr_not_equal(app, count_of(c, "app", "db", 5433, "app"));
	assert_ptr_not_equal(app, count_of(c, "app", NULL, 5432, "app"));
	mem_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_one_database_share),
		cmocka_unit_test(others_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
